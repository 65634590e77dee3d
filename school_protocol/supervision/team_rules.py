"""How a school's team kept to its protocol over a time, told so that no case is recognised: one school, never ranked.

Counted are the cases opened in that time, but for those of which somebody of the school must not know: they add
nothing, whoever reads. Whoever may read each case that is counted is told exactly, on the page; on paper counts go by
tens, and of fewer than ten cases nothing else is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from school_protocol.engine.clock import TimeUnit
from school_protocol.engine.deadlines import counts_of
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FigureRules, Term
from school_protocol.engine.facts import Facts
from school_protocol.engine.texts import Text
from school_protocol.statistics.rules import (
    BAND,
    MORE,
    Band,
    banded,
    classes_of,
    median,
    share,
    share_of,
    stands_apart,
    wait_key,
)

# ---- times that can be asked for -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """A school year, or one of its terms: from its first moment to the first that is not of it any more."""

    year: int
    term: int
    """0: the whole year; else which of its terms."""
    title: Text | None
    starts: datetime
    ends: datetime

    @property
    def key(self) -> str:
        return f"{self.year}.{self.term}"


def spans(begins: int, terms: Sequence[Term], year: int, timezone: str) -> tuple[Span, ...]:
    """The school year that begins in `year`, then its terms.

    No two of its terms overlap, and all go by tens: the tens of a year beside those of three terms leave every count
    open among five values at least.
    """
    zone = ZoneInfo(timezone)
    first, last = _first_of(begins, year, zone), _first_of(begins, year + 1, zone)
    found, at = [Span(year, 0, None, first, last)], first
    for number, term in enumerate(terms, 1):
        held_in = year if term.ends >= begins else year + 1
        ends = _first_of(term.ends % 12 + 1, held_in + term.ends // 12, zone)
        found.append(Span(year, number, term.title, at, ends))
        at = ends
    return tuple(found)


def _first_of(month: int, year: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(date(year, month, 1), time(0), zone).astimezone(ZoneInfo("UTC"))


# ---- counting ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class TeamTally:
    """What the cases of a team add up to: never shown as it is."""

    protocol: Protocol
    rules: FigureRules
    cases: int = 0
    departures: int = 0
    followed: int = 0
    missed: int = 0
    dated: int = 0
    """Cases in which a follow-up was due."""
    held_dates: int = 0
    due_dates: int = 0
    waits: dict[str, Counter[int]] = field(default_factory=dict)
    """Wait → in which of its classes how many cases lie."""
    times: dict[str, Counter[str]] = field(default_factory=dict)
    """Deadline → in how many cases it was met in time each time, and in how many not."""

    def take(self, facts: Facts) -> None:
        """One case as it stands; one of which somebody of the school must not know adds nothing."""
        case = facts.case
        if stands_apart(case):
            return
        self.cases += 1
        self.departures += any(step.departures for step in case.steps)
        follow, missed = facts.protocol.follow_up, bool(facts.missed)
        self.missed += missed
        self.followed += missed or (follow is not None and bool(case.records_of(follow.act)))
        held, due = len(facts.held_dates()), len(facts.held_dates()) + len(facts.missed)
        self.dated += bool(due)
        self.held_dates += held
        self.due_dates += due
        cells = share_of(facts).cells
        for key, wait in self.rules.waits.items():
            for place, row in enumerate(classes_of(wait)):
                if (wait_key(key), row) in cells:
                    self.waits.setdefault(key, Counter())[place] += 1
        for deadline in self.rules.in_time:
            if deadline in facts.protocol.deadlines and (outcome := _outcome(facts, deadline)):
                self.times.setdefault(deadline, Counter())[outcome] += 1


def _outcome(facts: Facts, deadline: str) -> str:
    """Late where one of its counts is or was; else kept where one was met."""
    found = counts_of(facts, deadline)
    if any(due.was_late(facts.now) for due in found):
        return "late"
    return "kept" if any(due.state == "met" for due in found) else ""


# ---- what may be told ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WaitLine:
    """How long it took half of the cases, as a class: more than `low` (None: from nothing), up to `most` (None: open).

    `is_told` is False where there are too few.
    """

    key: str
    title: Text
    unit: TimeUnit
    is_told: bool = False
    low: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class TimeLine:
    """Between which percentages of cases kept a deadline; None: too few to tell."""

    deadline: str
    title: Text
    share: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class TeamFigures:
    """What is told of a team on paper. With fewer than ten cases: that alone."""

    cases: Band
    departures: Band | None = None
    followed: Band | None = None
    missed: Band | None = None
    waits: tuple[WaitLine, ...] = ()
    times: tuple[TimeLine, ...] = ()
    held: tuple[int, int] | None = None
    """Between which percentages of the follow-ups that were due were held; None: too few to tell."""

    @property
    def is_few(self) -> bool:
        return not self.cases.low


@dataclass(frozen=True, slots=True)
class KeptLine:
    """In how many cases a deadline was kept, of how many."""

    title: Text
    kept: int
    whole: int


@dataclass(frozen=True, slots=True)
class ExactFigures:
    """The same as it is, for whoever may read every case that is counted."""

    cases: int
    departures: int
    followed: int
    missed: int
    held: int
    due: int
    waits: tuple[WaitLine, ...]
    """Those that are over in one case at least."""
    times: tuple[KeptLine, ...]


def exact(tally: TeamTally) -> ExactFigures:
    """These counts, exactly."""
    titles = {key: one.title for key, one in tally.protocol.deadlines.items()}
    found = {key: tally.times.get(key, Counter()) for key in tally.rules.in_time}
    return ExactFigures(
        tally.cases,
        tally.departures,
        tally.followed,
        tally.missed,
        tally.held_dates,
        tally.due_dates,
        tuple(one for one in _waits(tally, least=1) if one.is_told),
        tuple(KeptLine(titles[key], one["kept"], one.total()) for key, one in found.items()),
    )


def told(tally: TeamTally) -> TeamFigures:
    """What may be told of these counts on paper."""
    cases = banded(tally.cases)
    if not cases.low:
        return TeamFigures(cases)
    return TeamFigures(
        cases,
        banded(tally.departures),
        banded(tally.followed),
        banded(tally.missed),
        tuple(_waits(tally, least=BAND)),
        tuple(_times(tally)),
        share(tally.held_dates, tally.due_dates, tally.dated),
    )


def _waits(tally: TeamTally, *, least: int) -> Iterator[WaitLine]:
    for key, wait in tally.rules.waits.items():
        place = median(tally.waits.get(key, Counter()), least=least)
        if place is None:
            yield WaitLine(key, wait.title, wait.unit)
            continue
        rows = classes_of(wait)
        low = int(rows[place - 1]) if place else None
        most = None if rows[place] == MORE else int(rows[place])
        yield WaitLine(key, wait.title, wait.unit, True, low, most)


def _times(tally: TeamTally) -> Iterator[TimeLine]:
    deadlines: Mapping[str, Text] = {key: one.title for key, one in tally.protocol.deadlines.items()}
    for key in tally.rules.in_time:
        found = tally.times.get(key, Counter())
        yield TimeLine(key, deadlines[key], share(found["kept"], found["kept"] + found["late"]))
