"""A workshop's printed kit: the expected path is played once, to know what comes when and what falls due.

The site's are made by the worker, in a process apart: asked for once, by whomever, and kept for a while.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from school_protocol.case_files.content import Answered
from school_protocol.case_files.prepare_process import Broken, Crew
from school_protocol.cases.help import role_guide
from school_protocol.cases.story_player import Played
from school_protocol.config import Settings
from school_protocol.context import AppContext
from school_protocol.engine.case_parts import Record
from school_protocol.engine.case_summary import AskedLine, conformance, score
from school_protocol.engine.deadlines import dues, duties
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.errors import SchoolProtocolError, Unseen
from school_protocol.language import Wording
from school_protocol.training import repository, workshop_pages
from school_protocol.training.repository import Wanted
from school_protocol.training.scenario import Card, Scenario, Step
from school_protocol.training.scenario_library import NAME, Offered, protocols_of, versions_of
from school_protocol.training.scenario_reader import read_scenario
from school_protocol.training.table_play import PLAYING_MOST, Beat, BeatKind, Bound, Playing, TooLong, seated
from school_protocol.training.workshop_pages import ANSWERS, FallsDue, Kit, Moment, PlayedCard, Scored

_TOLD = (
    FieldType.choice, FieldType.choices, FieldType.yes_no, FieldType.tri, FieldType.scale, FieldType.integer,
    FieldType.person, FieldType.persons, FieldType.danger, FieldType.dangers, FieldType.target, FieldType.covers,
    FieldType.seat, FieldType.account, FieldType.accounts, FieldType.duty,
)  # fmt: skip
"""Answers that are the same in each language: words that somebody typed are not."""
SECONDS = 900.0
"""How long making one may take: its blank forms are most of it, and a busy machine takes some times as long."""
LEASE = timedelta(seconds=2 * SECONDS)
"""One that nobody settled by then is made anew: whoever was at it is gone."""
KEPT = timedelta(days=30)
"""How long a kit is kept after it was made."""
_log = logging.getLogger(__name__)


class NotAsExpected(SchoolProtocolError):
    """The expected path cannot be walked: the scenario has faults, and no kit is made of it."""


def kit(protocol: Protocol, content: bytes, scenario: Scenario, language: str, made_at: datetime) -> bytes:
    """The PDF of one language; `content` are the protocol's bytes.

    Raises NotAsExpected, TooLong, AddressRefused, DocumentsUnavailable.
    """
    return workshop_pages.kit(walked(protocol, content, scenario, made_at), Wording(language))


# ---- made beside the pages -----------------------------------------------------------------------------------------


class Stands(StrEnum):
    """Where a kit stands."""

    none = "none"
    waiting = "waiting"
    ready = "ready"
    failed = "failed"


def _wanted(chosen: Offered, language: str) -> Wanted:
    digest = chosen.protocol.digest
    said = hashlib.sha256(chosen.data).hexdigest() + digest + language
    return Wanted(hashlib.sha256(said.encode()).hexdigest(), chosen.data, digest, language)


def see(ctx: AppContext, chosen: Offered, language: str) -> Stands:
    """Where the kit of a scenario stands."""
    with ctx.directory.reading() as session:
        found = repository.stands(session, _wanted(chosen, language).id)
    if found is None:
        return Stands.none
    is_settled, is_made = found
    return Stands.ready if is_made else Stands.failed if is_settled else Stands.waiting


def ask(ctx: AppContext, chosen: Offered, language: str) -> None:
    """Have the kit of a scenario made. Asked for twice, it is made once."""
    with ctx.directory.writing() as session:
        repository.ask(session, _wanted(chosen, language), at=ctx.now())


def file_of(ctx: AppContext, chosen: Offered, language: str) -> bytes:
    """The kit that was made; raises Unseen where none was."""
    with ctx.directory.reading() as session:
        data = repository.data_of(session, _wanted(chosen, language).id)
    if data is None:
        raise Unseen(chosen.scenario.scenario)
    return data


Make = Callable[[AppContext, Wanted], bytes | None]


def make(ctx: AppContext, wanted: Wanted) -> bytes | None:
    """The PDF; None where the scenario does not go as it says. Raises DocumentsUnavailable."""
    scenario = read_scenario(wanted.scenario, NAME)
    for protocol, content in (*protocols_of(scenario), *protocols_of(scenario, versions_of(ctx))):
        if protocol.digest == wanted.protocol:
            try:
                return kit(protocol, content, scenario, wanted.language, ctx.now())
            except (NotAsExpected, TooLong):
                return None
    return None


def made_apart(settings: Settings) -> Make:
    """The same in a process of its own, niced and stopped after a while."""

    def apart(ctx: AppContext, wanted: Wanted) -> bytes | None:
        with Crew(settings, 1, seconds=SECONDS) as crew:
            return crew.do(make, wanted, now=ctx.now())

    return apart


def make_next(ctx: AppContext, make: Make) -> bool:
    """Make the kit that has waited longest; whether there was one."""
    now = ctx.now()
    with ctx.directory.reading() as session:
        is_idle = not repository.has_work(session, before=now - KEPT)
    if is_idle:
        return False
    with ctx.directory.writing() as session:
        repository.drop_outdated(session, now - KEPT)
        wanted = repository.take_kits(session, now=now, left_since=now - LEASE)
    if wanted is None:
        return False
    try:
        data = make(ctx, wanted)
    except Broken:
        _log.warning("the kit of a scenario could not be made", exc_info=True)
        data = None
    with ctx.directory.writing() as session:
        repository.settle(session, wanted.id, data, at=ctx.now())
    return True


# ---- playing -------------------------------------------------------------------------------------------------------


def walked(
    protocol: Protocol, content: bytes, scenario: Scenario, made_at: datetime, bound: Bound | None = None
) -> Kit:
    """What a kit prints, in no language. Raises NotAsExpected, TooLong."""
    with seated(scenario, protocol, content, bound or Bound(PLAYING_MOST)) as playing:
        return _Walk(playing, made_at).whole()


class _Walk:
    """Walks the expected path and writes down what happens."""

    def __init__(self, playing: Playing, made_at: datetime) -> None:
        self.playing, self.made_at = playing, made_at
        self.scenario, self.protocol = playing.scenario, playing.player.protocol
        self.moments: list[Moment] = []
        self.told: set[tuple[str, str, datetime]] = set()
        self.people: dict[str, str] = {}
        self.scores: dict[str, Scored] = {}
        self.forms: dict[str, None] = {}

    def whole(self) -> Kit:
        playing, scenario, opening = self.playing, self.scenario, self.scenario.opening
        begun = Step.model_validate({"as": opening.as_, "do": opening.do, "answers": opening.answers})
        self._note(0, begun, playing.open)
        for number, step in enumerate(scenario.path.steps, 1):
            self._note(number, step, partial(playing.step, number, step))
        return Kit(
            scenario=scenario, protocol=self.protocol, begins=playing.table.begun, ends=playing.now,
            cards=tuple(self._card(key, card) for key, card in scenario.cast.items()),
            moments=tuple(self.moments), came=dict(playing.table.came), asked=self._asked(), forms=tuple(self.forms),
            scores=self.scores, people=self.people, accounts=self._accounts(), made_at=self.made_at,
        )  # fmt: skip

    # ---- steps -----------------------------------------------------------------------------------------------

    def _note(self, number: int, step: Step, play: Callable[[], Played | None]) -> None:
        """Play one step, and write down all that happened in it, in its order."""
        playing, case = self.playing, step.case or ""
        before, state, known = len(playing.beats), playing.states.get(case, ""), len(self._records(case))
        played = play()
        if played is not None and not played.went_as_said:
            raise NotAsExpected(f"step {number}: {played.do}: {', '.join((*played.refused, *played.problems))}")
        record = next(iter(self._records(case)[known:]), None)
        for beat in playing.beats[before:]:
            if beat.kind is BeatKind.step and played is not None:
                self.moments.append(self._step(number, step, played, beat, state, record))
            elif beat.kind is BeatKind.inject:
                self.moments.append(Moment(beat.at, "inject", beat.key))
            elif beat.kind is BeatKind.missed:
                due = FallsDue(beat.key, beat.subject, beat.at)
                self.moments.append(Moment(beat.at, "missed", beat.key, due=(due,)))

    def _step(self, number: int, step: Step, played: Played, beat: Beat, state: str, record: Record | None) -> Moment:
        role, _slash, person = (step.as_ or "").partition("/")
        now, act = self.playing.states.get(step.case or "", ""), self.protocol.acts.get(beat.key)
        if act is not None and act.kind is not ActKind.sign:
            self.forms[act.form] = None
        self._name(step.case or "", step.answers)
        return Moment(
            beat.at, "step", beat.key, number, self.protocol.resolve("roles", role), person,
            attaches=self.protocol.resolve("acts", (step.attach or "").removeprefix("^")) if step.attach else "",
            answers=tuple(self._answers(record)) if record is not None else (),
            scored=self._scored(record) if record is not None else None,
            refused=played.reasons,
            codes=tuple(code for codes in played.problems.values() for code in codes) or played.refused,
            due=self._due(), state=now if now != state else "",
        )  # fmt: skip

    def _due(self) -> tuple[FallsDue, ...]:
        """What has begun to count since the last step."""
        found = [(due.deadline, due.subject, due.due_at) for due in self.playing.due]
        new = [one for one in dict.fromkeys(found) if one not in self.told]
        self.told.update(new)
        return tuple(FallsDue(*one) for one in new)

    def _answers(self, record: Record) -> Iterator[Answered]:
        """Some of what was answered: choices, not words; first what has to be answered."""
        form = self.protocol.form_of(record.act)
        given = [
            field for field in form.fields if field.type in _TOLD and record.answers.get(field.key) not in _NOTHING
        ]
        chosen = sorted(given, key=lambda field: not field.required)[:ANSWERS]
        for field in given:
            if field in chosen:
                yield Answered(field, record.answers[field.key])

    def _scored(self, record: Record) -> Scored | None:
        field = self.protocol.form_of(record.act).find(FieldType.grid)
        marks = record.answers.get(field.key) if field is not None else None
        if field is None or not marks:
            return None
        grid = self.protocol.grids[field.grid or next(iter(self.protocol.grids))]
        found = score(grid, marks)
        scored = Scored(dict(marks), found.low, found.high, found.low_level, found.high_level)
        self.scores[grid.key] = scored
        return scored

    # ---- people ----------------------------------------------------------------------------------------------

    def _name(self, case: str, answers: Any) -> None:
        """Whoever came into the case with these answers, by the name that they give, and sign."""
        slots = self.protocol.slots
        people = [one for one in self.playing.facts_of(case).case.people.values() if one.id not in self.people]
        for said in _named(answers):
            person = next((one for one in people if one.slot == said["slot"] and one.id not in self.people), None)
            if person is not None:
                self.people[person.id] = f"{said['name']} ({_sign(slots[person.slot].short, person.id)})"
        for person in people:
            self.people.setdefault(person.id, _sign(slots[person.slot].short, person.id))

    def _accounts(self) -> dict[str, str]:
        player = self.playing.player
        return {actor.id: name.partition("/")[0] for name, actor in player.actors.items()}

    def _records(self, case: str) -> list[Record]:
        return self.playing.facts_of(case).case.records if case in self.playing.player.numbers else []

    # ---- what is asked ---------------------------------------------------------------------------------------

    def _asked(self) -> tuple[AskedLine, ...]:
        """What the protocol asked of each case, in the order in which it fell due."""
        lines: list[AskedLine] = []
        for case in self.playing.player.numbers:
            facts = self.playing.facts_of(case)
            counts = dues(facts)
            lines += conformance(facts, counts, duties(facts, counts)).asked
        return tuple(lines)

    def _card(self, key: str, card: Card) -> PlayedCard:
        protocol = self.protocol
        named = [(part, protocol.resolve(part, card.role or "")) for part in ("seats", "roles")]
        name = next((name for part, name in named if name in getattr(protocol, part)), None)
        if name is None:
            return PlayedCard(key, card)
        seat = protocol.seats.get(name)
        told = tuple(one.duty for one in role_guide(protocol, name).duties)
        return PlayedCard(key, card, seat.hint if seat else None, told)


_NOTHING: tuple[object, ...] = (None, "", [], (), {})


def _named(answers: Any) -> Iterator[Mapping[str, Any]]:
    """Each new person that answers name, wherever they stand in them."""
    if isinstance(answers, Mapping):
        if "slot" in answers and "name" in answers:
            yield answers
        else:
            for one in answers.values():
                yield from _named(one)
    elif isinstance(answers, list | tuple):
        for one in answers:
            yield from _named(one)


def _sign(code: str, person: str) -> str:
    """`targeted_pupil-1` as papers call it: EV1."""
    return f"{code}{person.rpartition('-')[2]}"
