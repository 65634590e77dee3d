"""A step of five stages by the engine, beside the same by SpiffWorkflow: decided, taken into the case, written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bench.copies import has
from bench.measuring import Measured, Work
from bench.outcomes import Skipped
from bench.prepared import MOVER
from school_protocol.cases.loading import Loaded
from school_protocol.engine import decisions, intents
from school_protocol.engine.case import Case, fold
from school_protocol.engine.definition import Protocol
from school_protocol.engine.events import Entry, Event, to_entry
from school_protocol.engine.facts import Surroundings
from school_protocol.engine.visibility import Actor, Appointment
from school_protocol.protocol.reader import read
from school_protocol.storage.vault import canonical

if TYPE_CHECKING:
    from bench.rows import Workshop

STAGES = ("report", "protect", "listen", "decide", "follow")
DONE_BEFORE = 2
"""Of the five stages, those that lie behind when the step is made, as in the frozen process beside it."""
_TEXT = {"fr": "Texte", "ar": "نص", "en": "Text"}


def beside_spiff(shop: Workshop) -> tuple[Measured, str]:
    """Seconds of one step of ours and of theirs, and what each of them does."""
    if not has("SpiffWorkflow"):
        raise Skipped("SpiffWorkflow is not installed: pip install .[bench]")
    from bench.baselines import spiff_step

    loaded = shop.ctx.loaded(MOVER)
    ours, theirs = five_stages(loaded), spiff_step.step()
    found = shop.pairs(Work(ours.once, 200, ours.back), Work(theirs[0], 200, theirs[1]))
    anew = shop.pairs(Work(ours.folded_anew, 200), Work(theirs[0], 200, theirs[1]))
    said = (
        "five stages without conditions, the third left; ours: role and needs judged, due dates worked out, the step "
        f"taken into the case in memory, one event written ({len(ours.once())} bytes); theirs: the task completed, the "
        f"engine run, the whole workflow written ({len(theirs[0]())} bytes); with all our events folded anew "
        f"{anew.ratio:.2f} ×"
    )
    return found, said


@dataclass(slots=True)
class Step:
    """A case in memory before one of its moves; `back` puts it there again."""

    protocol: Protocol
    actor: Actor
    around: Surroundings
    now: datetime
    events: Sequence[Event]
    move: str
    case: Case

    def once(self) -> bytes:
        """Decide, take the step into the case, write the event as it is kept."""
        taken = self._decided()
        fold(self.protocol, taken, self.case)
        return self._written(taken)

    def folded_anew(self) -> bytes:
        """The same, with the case folded from its first event."""
        taken = self._decided()
        fold(self.protocol, [*self.events, *taken])
        return self._written(taken)

    def back(self) -> None:
        self.case = fold(self.protocol, self.events)

    def _decided(self) -> list[Event]:
        intent = intents.MakeMove(self.move)
        decision = decisions.decide(self.protocol, self.case, self.actor, self.now, self.around, intent)
        return [event.numbered(self.case.last_seq + place) for place, event in enumerate(decision.events, start=1)]

    def _written(self, events: Sequence[Event]) -> bytes:
        entries = (to_entry(self.protocol, event) for event in events)
        return b"".join(
            canonical({item.name: getattr(entry, item.name) for item in fields(Entry)}) for entry in entries
        )


def five_stages(loaded: Loaded) -> Step:
    """A case of the five stages, with so many behind it, where that one lies."""
    protocol, unit = made_up(), loaded.around.unit.id
    actor = Actor("helper", loaded.actor.realm, "Helper", (Appointment("helper", unit, date(2000, 1, 1)),))
    around, now = loaded.around, loaded.now
    told = decisions.decide(
        protocol, None, actor, now, around, intents.RecordAct("report", {"what": "A word."}),
        intents.Opening(loaded.case.number, unit),
    )  # fmt: skip
    events = [event.numbered(place) for place, event in enumerate(told.events, start=1)]
    case = fold(protocol, events)
    for stage in STAGES[:DONE_BEFORE]:
        decision = decisions.decide(protocol, case, actor, now, around, intents.MakeMove(f"{stage}_done"))
        fold(protocol, [event.numbered(case.last_seq + 1) for event in decision.events], case)
    events = list(case.events)
    step = Step(protocol, actor, around, now, events, f"{STAGES[DONE_BEFORE]}_done", case)
    step.back()
    return step


def made_up() -> Protocol:
    """Five stages and an end, each left by a move of whoever helps, without any need."""
    ways = [*pairwise(STAGES), (STAGES[-1], "ended")]
    moves = {f"{one}_done": _named(to=to, by=["helper", "head"], **{"from": one}) for one, to in ways}
    begin = _named(to=STAGES[0], by="everyone", automatic="true", **{"from": "START"})
    report = _named(kind="report", form="slip", by="everyone", moves="begin", group="safety", **{"in": "START"})
    spec = {
        "format": "1", "protocol": "five-stages", "version": "1", "languages": ["fr", "ar", "en"], "title": _TEXT,
        "notice": _TEXT, "stages": {one: _named() for one in STAGES}, "slots": {"pupil": _named()},
        "states": {one: _named(stage=one, **({"initial": "true"} if one == STAGES[0] else {})) for one in STAGES}
        | {"ended": _named(stage=STAGES[-1], ended="true")},
        "roles": {
            "helper": _named(sees="unit", stand_in_by="head"),
            "head": _named(sees="unit", head="true", stand_in_by=["helper", "office"]),
            "office": _named(sees="province", oversees="true"),
        },
        "forms": {"slip": _named(fields={"what": {"type": "text", "required": "true", "label": _TEXT}})},
        "acts": {"report": report},
        "facts": {}, "needs": {},
        "moves": {"begin": begin, **moves},
        "documents": {
            "file": _named(profiles={"school": _named(**{"for": ["head"]})}, sections=[{"kind": "records", **_named()}])
        },
    }  # fmt: skip
    return read(json.dumps(spec, ensure_ascii=False).encode(), "five-stages", kernel=False)


def _named(**more: Any) -> dict[str, Any]:
    return {"title": _TEXT, **more}
