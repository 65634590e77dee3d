"""Random walks of the engine itself: a case that many people work on at random, each decision taken by `decide`.

Acts, moves with departures, corrections, entries taken back, signatures, exclusions, dangers, joined cases, waits:
whatever `decide` allows. After each decision the case stands where the proof must have been, too.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.telling import NOW, SCHOOL, person, surroundings
from filling import Unfillable, fill

from school_protocol.engine.case import Case, fold
from school_protocol.engine.deadlines import read
from school_protocol.engine.decisions import decide, references_of, urgent_steps
from school_protocol.engine.definition import HISTORY, START, Act, ActKind, Move, Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.events import CaseJoined, CaseOpened, Event
from school_protocol.engine.facts import Facts
from school_protocol.engine.intents import Intent, MakeMove, Opening, RecordAct, Undo
from school_protocol.engine.visibility import Actor

OTHER = "100000000001"
_NAMING = (FieldType.danger, FieldType.dangers, FieldType.danger_answers)
_ODD = (ActKind.raise_danger, ActKind.exclude)
"""Kinds of act that are drawn seldom: a danger takes a case off its way, an exclusion takes people away."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One decision: what was done, `kind` being act, move, undo, joined, opened; and how the case stands since."""

    kind: str
    key: str
    seq: int


class Walk:
    """One case, walked at random; `steps` says after each decision what it was."""

    def __init__(self, protocol: Protocol, seed: int) -> None:
        self.protocol = protocol
        self.rng = random.Random(seed)
        self.now: datetime = NOW
        self.around = surroundings(protocol, joinable=frozenset({OTHER}))
        self.people = [person(protocol, f"{role}{mark}") for role in protocol.roles for mark in ("", "/2")]
        self.case: Case | None = None
        self.goal: Move | None = None
        self.is_calm = self.rng.random() < 0.6
        """Whether forms name no dangers: walks that come far."""

    @property
    def facts(self) -> Facts:
        assert self.case is not None
        return read(self.protocol, self.case, self.now, self.around)

    # ---- steps -----------------------------------------------------------------------------------------------

    def steps(self, most: int) -> Iterator[Happened]:
        """At most so many decisions, each tried until one is taken."""
        for _turn in range(most * 12):
            happened = self._open() if self.case is None else self._go_on()
            if happened is not None:
                yield happened
                most -= 1
                if not most:
                    return

    def _open(self) -> Happened | None:
        opening = (*self.protocol.moves.values(), *self.protocol.acts.values())
        elsewhere = [one.opens for one in opening if one.opens]
        if elsewhere and self.rng.random() < 0.2:
            return self._handed_over(self.rng.choice(elsewhere))
        return self._act(self.rng.choice([act for act in self.protocol.acts.values() if START in act.in_]))

    def _go_on(self) -> Happened | None:
        assert self.case is not None
        rng, drawn = self.rng, self.rng.random()
        if drawn < 0.06:
            self.now += timedelta(days=rng.choice((1, 1, 2, 8, 40)), minutes=rng.randint(0, 600))
            return None
        self.now += timedelta(minutes=rng.choice((1, 3, 20)))
        if drawn < 0.1:
            return self._undo()
        if drawn < 0.12 and not self.protocol.states[self.case.state].ended:
            return self._join()
        if drawn < 0.17:
            return self._correct()
        leaving = [one for one in self.protocol.moves.values() if self.case.state in one.from_ and not one.automatic]
        if drawn < 0.8 and leaving:
            return self._towards(self._goal(leaving))
        act = rng.choice(list(self.protocol.acts.values()))
        if act.kind in _ODD and rng.random() < (0.95 if self.is_calm else 0.7):
            return None
        return self._act(act)

    def _goal(self, leaving: list[Move]) -> Move:
        """The move that is worked towards, for some time; seldom one from which nothing leads on."""
        if self.goal not in leaving or self.rng.random() < 0.25:
            left = {state for move in self.protocol.moves.values() if not move.automatic for state in move.from_}
            on = [move for move in leaving if move.to in left or move.to == HISTORY]
            self.goal = self.rng.choice(on if on and self.rng.random() < 0.95 else leaving)
        return self.goal

    def _towards(self, move: Move) -> Happened | None:
        """The move, or what is missing for it: what would meet a need, or a signature."""
        facts = self.facts
        unmet = [key for key in move.needs if not self.protocol.needs[key].when.holds(facts)]
        hard = [key for key in unmet if self.protocol.needs[key].lock is not None]
        if unmet and (hard or self.rng.random() < 0.4):
            acts = list(self.protocol.needs[self.rng.choice(hard or unmet)].met_by)
            signing = [act.key for act in self.protocol.acts_of(ActKind.sign)]
            wanted = [*acts, *signing] if any(self.protocol.acts[key].signatures for key in acts) else acts
            return self._act(self.protocol.acts[self.rng.choice(wanted)]) if wanted else None
        reason = "x" if move.reason else ""
        for actor in self._shuffled():
            if self._decided(actor, MakeMove(move.key, reason, dict.fromkeys(unmet, "x"))):
                return self._happened("move", move.key)
        return None

    def _act(self, act: Act) -> Happened | None:
        for actor in self._shuffled():
            references = references_of(self.protocol, self.case, actor, self.now, self.around)
            given = self._newest(act) if self.is_calm or self.rng.random() < 0.7 else {}
            try:
                answers = fill(self.protocol, self.protocol.form_of(act), self.rng, references, given)
            except Unfillable:
                return None
            if self._decided(actor, RecordAct(act.key, answers, signed=True)):
                return self._happened("act", act.key)
        return None

    def _newest(self, act: Act) -> dict[str, Any]:
        """What an act that signs or settles something is mostly about: what waits for it."""
        case, form, given = self.case, self.protocol.form_of(act), {}
        if case is None:
            return {}
        live = [life.danger for life in case.live_dangers("raised")]
        waiting = {
            FieldType.record: [one.seq for one in case.records if one.effective_seq is None],
            FieldType.danger: live,
            FieldType.referral: [one.number for one in case.referrals if one.is_open],
        }
        settles = act.kind in (ActKind.sign, ActKind.lift_danger, ActKind.answer_referral)
        for item in form.fields:
            if settles and waiting.get(item.type):
                given[item.key] = str(self.rng.choice(waiting[item.type]))
            elif item.type is FieldType.covers and live:
                given[item.key] = live
            elif self.is_calm and not settles and not item.required and item.type in _NAMING:
                given[item.key] = None
        return given

    def _correct(self) -> Happened | None:
        assert self.case is not None
        correcting = list(self.protocol.acts_of(ActKind.correct))
        if not correcting or not self.case.records:
            return None
        act, record = self.rng.choice(correcting), self.rng.choice(self.case.records)
        item = self.protocol.form_of(act).find(FieldType.record)
        assert item is not None
        for actor in self._shuffled():
            references = references_of(self.protocol, self.case, actor, self.now, self.around)
            try:
                answers = fill(self.protocol, self.protocol.form_of(act), self.rng, references, {item.key: record.seq})
                changes = fill(self.protocol, self.protocol.form_of(record.act), self.rng, references)
            except Unfillable:
                return None
            if self._decided(actor, RecordAct(act.key, {**answers, item.key: str(record.seq)}, True, changes)):
                return self._happened("act", act.key)
        return None

    def _undo(self) -> Happened | None:
        assert self.case is not None
        own = {actor.id: actor for actor in self.people}
        for record in self.case.records[-3:][::-1]:
            if record.actor in own and self._decided(own[record.actor], Undo(record.seq)):
                return self._happened("undo", record.act)
        return None

    # ---- other cases -----------------------------------------------------------------------------------------

    def _handed_over(self, state: str) -> Happened:
        """A case that another school's case has opened here."""
        actor = self.people[0]
        opened = CaseOpened(
            actor=actor.id, role="", at=self.now, occurred_at=self.now, protocol=self.protocol.protocol,
            version=self.protocol.version, digest=self.protocol.digest, number="1234567890123", unit=SCHOOL.id,
            state=state, opened_from=OTHER,
        )  # fmt: skip
        self._keep([opened, self._joined(actor, dangers=False)])
        return self._happened("opened", state)

    def _join(self) -> Happened | None:
        """Another case is joined into this one, as its move carries; what is urgent follows."""
        carrying = [move for move in self.protocol.moves.values() if move.carries]
        if not carrying:
            return None
        actor = self.rng.choice(self.people)
        self._keep([self._joined(actor, dangers="dangers" in self.rng.choice(carrying).carries)])
        assert self.case is not None
        if self.case.live_dangers("raised"):
            self._keep(urgent_steps(self.protocol, self.case, actor, self.now, self.around, "x"))
        return self._happened("joined", "")

    def _joined(self, actor: Actor, *, dangers: bool) -> CaseJoined:
        rng = self.rng
        named = rng.sample(list(self.protocol.dangers), rng.randint(0, 2)) if dangers and self.protocol.dangers else []
        sent = [
            {"target": key, "covers": ["need"], "at": self.now.isoformat()} for key in list(self.protocol.targets)[:2]
        ]
        return CaseJoined(
            actor=actor.id, role="", at=self.now, occurred_at=self.now, other=OTHER, dangers=tuple(named),
            holds=("*",) if rng.random() < 0.2 else (),
            exclusions=(rng.choice(self.people).id,) if rng.random() < 0.1 else (),
            referrals=tuple(sent[: rng.randint(0, len(sent))]),
        )  # fmt: skip

    # ---- the engine ------------------------------------------------------------------------------------------

    def _shuffled(self) -> list[Actor]:
        return self.rng.sample(self.people, len(self.people))

    def _decided(self, actor: Actor, intent: Intent) -> bool:
        opening = Opening("1234567890123", SCHOOL.id) if self.case is None else None
        try:
            decision = decide(self.protocol, self.case, actor, self.now, self.around, intent, opening)
        except (Refused, BadInput):
            return False
        self._keep(decision.events)
        return True

    def _keep(self, events: Iterable[Event]) -> None:
        last = self.case.last_seq if self.case else 0
        numbered = [event.numbered(last + place) for place, event in enumerate(events, 1)]
        self.case = fold(self.protocol, numbered, self.case)

    def _happened(self, kind: str, key: str) -> Happened:
        assert self.case is not None
        return Happened(kind, key, self.case.last_seq)
