"""A case told step by step through the engine alone, in memory: the steps of the engine's tests.

`Told` is a hand-written stand-in for services and storage: it decides, numbers and folds, and keeps the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from school_protocol.engine.case import Case, fold
from school_protocol.engine.case_summary import last_assessed
from school_protocol.engine.clock import Calendar, Hours
from school_protocol.engine.deadlines import Due, dues, read
from school_protocol.engine.decisions import available, decide
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Refused
from school_protocol.engine.events import Event, StepTaken
from school_protocol.engine.facts import Colleague, Facts, Surroundings
from school_protocol.engine.intents import Choice, MakeMove, Opening, RecordAct
from school_protocol.engine.visibility import Actor, Appointment, Unit, UnitKind

ROOT = Path(__file__).parents[2]
MOROCCAN = ROOT / "protocol_definitions" / "ma-cyberharassment" / "1.yaml"
SMALL = ROOT / "tests" / "protocol" / "small.yaml"
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)  # a Wednesday, 10:00 in Casablanca
WEEK = {
    **{day: (Hours(time(8, 30), time(12, 30)), Hours(time(14, 30), time(18, 30))) for day in range(5)},
    5: (Hours(time(8, 30), time(12, 30)),),
}
SCHOOL = Unit("school", UnitKind.school, "01234A", {"fr": "Collège"}, ("province", "region"))
PLACE_OF = {"province": "province", "region": "region"}


def person(protocol: Protocol, name: str, *, trained: bool = True) -> Actor:
    """Somebody who holds the role that `name` begins with: `head`, `head/2`; `their head` holds it in another school.

    A name that is no role holds none.
    """
    role = name.partition("/")[0]
    held = ()
    if role in protocol.roles:
        unit = PLACE_OF.get(protocol.roles[role].sees.value, SCHOOL.id)
        held = (Appointment(role, unit, date(2020, 1, 1)),)
    elif name.startswith("their "):
        held = (Appointment(name.removeprefix("their "), "another", date(2020, 1, 1)),)
    return Actor(name, "test", name, held, trained)


def surroundings(protocol: Protocol, names: Iterable[str] = (), **changes: Any) -> Surroundings:
    """One school, two persons for each role, and whoever else is named."""
    known = [f"{role}{mark}" for role in protocol.roles for mark in ("", "/2")]
    people = {
        name: Colleague(name, name, tuple((one.role, one.unit) for one in person(protocol, name).appointments), True)
        for name in [*known, *names]
    }
    return replace(Surroundings(Calendar(opening=WEEK), SCHOOL, people), **changes)


class Told:
    """One case as it is told. `act` and `move` raise what the engine raises; `refused` answers with its codes."""

    def __init__(self, protocol: Protocol, now: datetime = NOW, **around: Any) -> None:
        self.protocol = protocol
        self.now = now
        self.around = surroundings(protocol, **around)
        self.case: Case | None = None
        self.events: list[Event] = []
        self.untrained: set[str] = set()

    # ---- steps -----------------------------------------------------------------------------------------------

    def act(self, who: str, act: str, answers: Mapping[str, Any] | None = None, /, **more: Any) -> Told:
        signed, paper, onward = more.pop("signed", True), more.pop("paper", None), more.pop("onward", "")
        self._take(who, RecordAct(act, {**(answers or {}), **more}, signed, paper=paper, onward=onward))
        return self

    def move(self, who: str, move: str, reason: str = "", depart: Mapping[str, str] | None = None) -> Told:
        self._take(who, MakeMove(move, reason, depart or {}))
        return self

    def put(self, state: str, *, level: int | None = None, by: str = "nobody") -> Told:
        """Place the case in a state directly, by whatever move leads there: a shortcut of tests."""
        move = next(one for one in self.protocol.moves.values() if one.to == state)
        at = self.now
        step = StepTaken(
            actor=by, role="", at=at, occurred_at=at, move=move.key, source=self.state, target=state, level=level
        )
        self._keep([step])
        return self

    def wait(self, **delay: float) -> Told:
        self.now += timedelta(**delay)
        return self

    def refused(self, who: str, name: str, answers: Mapping[str, Any] | None = None, /, **more: Any) -> set[str]:
        """What stands in the way: the unmet needs, and the codes of other reasons. Fails where nothing does."""
        before = len(self.events)
        try:
            if name in self.protocol.moves and name not in self.protocol.acts:
                self.move(who, name, **more)
            else:
                self.act(who, name, answers, **more)
        except Refused as refusal:
            assert refusal.reasons, "a refusal always says why"  # noqa: PT017
            return {reason.need or reason.code for reason in refusal.reasons}
        raise AssertionError(f"{name} went through: {self.events[before:]}")

    def try_move(self, who: str, move: str, **more: Any) -> set[str]:
        """As `refused`, for a move whose name an act bears too; nothing where it went through."""
        try:
            self.move(who, move, **more)
        except Refused as refusal:
            return {reason.need or reason.code for reason in refusal.reasons}
        return set()

    def _take(self, who: str, intent: RecordAct | MakeMove) -> None:
        opening = Opening("1234567890123", SCHOOL.id) if self.case is None else None
        actor = person(self.protocol, who, trained=who not in self.untrained)
        self._keep(decide(self.protocol, self.case, actor, self.now, self.around, intent, opening).events)

    def _keep(self, events: Iterable[Event]) -> None:
        for event in events:
            self.events.append(event.numbered(len(self.events) + 1))
        self.case = fold(self.protocol, self.events)

    # ---- questions -------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        assert self.case is not None
        return self.case.state

    @property
    def level(self) -> int:
        assert self.case is not None
        return self.case.level

    @property
    def seq(self) -> int:
        return len(self.events)

    @property
    def facts(self) -> Facts:
        assert self.case is not None
        return read(self.protocol, self.case, self.now, self.around)

    def counts(self, deadline: str) -> list[Due]:
        return [due for due in dues(self.facts) if due.deadline == deadline]

    def states_of(self, deadline: str) -> list[str]:
        return [due.state for due in self.counts(deadline)]

    def open_dues(self) -> set[str]:
        return {due.deadline for due in dues(self.facts) if due.is_open}

    def choices(self, who: str) -> dict[tuple[str, str], Choice]:
        actor = person(self.protocol, who)
        found = available(self.protocol, self.case, actor, self.now, self.around)
        return {(choice.kind, choice.key): choice for choice in found}

    def is_open(self, who: str, name: str, kind: str = "act") -> bool:
        return self.choices(who)[kind, name].is_open


# ---- the Moroccan protocol's own words, for stories ------------------------------------------------------------------

REPORT = {"what_happened": "Un groupe", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}
SAFE = {"none_seen": True, "safe_now": "yes", "who_stays": "me"}
MINUTES = {
    "held_on": "2026-11-25", "present": ["team_member", "team_coordinator"], "facts_established": "x",
    "offence_question": "no", "offence_reason": "y", "decision": "internal_plan",
}  # fmt: skip
PUPIL = {"slot": "targeted_pupil", "name": "Yasmine B."}


def reported(protocol: Protocol, who: str = "team_member", /, **answers: Any) -> Told:
    """A case that a report has just opened."""
    return Told(protocol).act(who, "report", {**REPORT, "about_whom": [PUPIL], **answers})


def weighed(told: Told, level: str = "2", who: str = "team_member") -> Told:
    """A grid on which everything is nought, and the level that the team chose instead."""
    items = next(iter(told.protocol.grids.values())).items
    chosen = {"override": level, "override_reason": "x"}
    return told.act(who, "assessment_grid", {"scores": dict.fromkeys(items, "0"), **chosen})


def minuted(told: Told, **answers: Any) -> Told:
    """A grid, and minutes with the level that it gives."""
    assert weighed(told).case is not None
    level = str(last_assessed(told.protocol, told.case))  # type: ignore[arg-type]
    return told.act("team_coordinator", "minutes", {**MINUTES, "level": level, **answers})
