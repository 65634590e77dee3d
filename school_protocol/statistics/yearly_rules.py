"""Rules of yearly reports: what a case adds to them, kept after it is erased, and a school's year in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from school_protocol.engine.case import Case
from school_protocol.engine.case_summary import (
    ANSWERED,
    AWAITED,
    CASES,
    DANGERS,
    EARLIER,
    HELD,
    MISSED,
    NONE,
    OPEN,
    REFERRALS,
    UNASKED,
    answer_to_dangers,
    answer_to_referrals,
    answers_of,
    ends_of,
    level_of,
    levels_of,
    options_of,
    outcome_of,
    question_of,
)
from school_protocol.engine.clock import TimeUnit, elapsed
from school_protocol.engine.deadlines import Due, dues
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Asked, Counted, Document, FieldType, FormField, Yearly
from school_protocol.engine.facts import Facts
from school_protocol.statistics.rules import Band, banded, broken_down, median, share, stands_apart

# ---- a school's year: counts of which only what may be told is kept ------------------------------------------------
# Counted are the cases opened in the year, as the journal stood at its end: two years have no case in common, so
# nothing can be worked out of two reports. A year under way ends, for now, with its last term that is over.

FOLLOW_UPS, DEPARTURES = "follow_ups", "departures"
TOTALS = (CASES, DANGERS, REFERRALS, FOLLOW_UPS, DEPARTURES)
LATE_BELOW = 75
"""Met in time in fewer than so many of a hundred: something that a reader may want to decide on."""


# ---- the year ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """A school year, or as much of it as is told: from the first moment to the first that is not of it any more."""

    year: int
    """The calendar year in which the school year begins."""
    starts: datetime
    ends: datetime
    last_day: date
    terms: int
    """How many of its terms are over."""
    is_over: bool


def period(yearly: Yearly, year: int, timezone: str, now: datetime) -> Period | None:
    """What a report of that year speaks of now; None while not even its first term is over."""
    zone = ZoneInfo(timezone)
    starts = _midnight(date(year, yearly.begins, 1), zone)
    ends = [_after(yearly, year, term.ends) for term in yearly.terms]
    over = [day for day in ends if _midnight(day, zone) <= now]
    if not over:
        return None
    end = max(over)
    last_day = date.fromordinal(end.toordinal() - 1)
    return Period(year, starts, _midnight(end, zone), last_day, len(over), len(over) == len(ends))


def periods(yearly: Yearly, year: int, timezone: str) -> tuple[Period, ...]:
    """All that reports of that year speak of, one after the other: up to each end of a term."""
    zone = ZoneInfo(timezone)
    moments = sorted({_midnight(_after(yearly, year, term.ends), zone) for term in yearly.terms})
    return tuple(found for moment in moments if (found := period(yearly, year, timezone, moment)) is not None)


def first_told_on(yearly: Yearly, year: int) -> date:
    """The day from which on there is a report of that year: the first after its first term."""
    return _after(yearly, year, yearly.terms[0].ends)


def ends_on(yearly: Yearly, year: int) -> date:
    """The first day that is not of that school year any more."""
    return _after(yearly, year, yearly.terms[-1].ends)


def year_at(yearly: Yearly, timezone: str, now: datetime) -> int:
    """The school year that runs at a moment."""
    local = now.astimezone(ZoneInfo(timezone)).date()
    return local.year if local.month >= yearly.begins else local.year - 1


def _after(yearly: Yearly, year: int, month: int) -> date:
    """The day after the last one of that month, in the school year that begins in `year`."""
    held_in = year if month >= yearly.begins else year + 1
    return date(held_in + month // 12, month % 12 + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)


# ---- counting ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Counts:
    """What the cases of a year add up to: never printed as it is."""

    cases: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    """Of how many cases more is told: those with a danger, a referral, a follow-up, a departure."""
    tables: dict[str, Counter[str]] = field(default_factory=dict)
    times: dict[str, Counter[str]] = field(default_factory=dict)
    """Deadline → how many of its counts were met in time, and late."""
    waits: Counter[int] = field(default_factory=Counter)

    def add(self, table: str, row: str, number: int = 1) -> None:
        self.tables.setdefault(table, Counter())[row] += number


class Tally:
    """Adds one case after another to counts, by the titles of the definition as it is now."""

    def __init__(self, protocol: Protocol, document: Document, earlier: Iterable[Protocol] = ()) -> None:
        assert document.yearly is not None
        self.protocol, self.yearly = protocol, document.yearly
        self.earlier = tuple(earlier)
        self.counts = Counts()

    def take(self, facts: Facts, now: Case) -> None:
        """One case, as it stood at the end of what is told; one that stands apart as it is `now` adds nothing."""
        if stands_apart(now):
            return
        case = facts.case
        self.counts.cases += 1
        self.counts.add("outcome", self._outcome(facts.protocol, case))
        levels = levels_of(self.protocol)
        if levels:
            self.counts.add("level", _known(level_of(case), [*levels, NONE]))
        for counted in self.yearly.counts:
            self._answers(counted, case)
        self._dangers(case)
        self._referrals(case)
        self._follow_ups(facts)
        needs = {need for step in case.steps for need in step.departures}
        self._several(DEPARTURES, needs, departable(self.protocol))
        self._times(facts)

    def _several(self, of: str, found: Iterable[str], rows: Iterable[str]) -> bool:
        """Something of which a case may have several: whether it has any, and in which rows it stands."""
        known = {_known(one, rows) for one in found}
        self.counts.totals[of] += bool(known)
        for row in known:
            self.counts.add(of, row)
        return bool(known)

    def _outcome(self, followed: Protocol, case: Case) -> str:
        return _known(outcome_of(followed, case), [*ends_of(self.protocol), OPEN])

    def _answers(self, counted: Counted, case: Case) -> None:
        question = field_of(self.protocol, counted)
        table, rows = _table_of(counted), [*options_of(question), NONE]
        for answer in answers_of(case, counted.act, question):
            self.counts.add(table, _known(answer, rows))

    def _dangers(self, case: Case) -> None:
        if self._several(DANGERS, [life.danger for life in case.dangers], self.protocol.dangers):
            self.counts.add("danger_ends", answer_to_dangers(case))

    def _referrals(self, case: Case) -> None:
        if self._several(REFERRALS, [one.target for one in case.referrals], self.protocol.targets):
            self.counts.add("answers", answer_to_referrals(case))

    def _follow_ups(self, facts: Facts) -> None:
        follow = facts.protocol.follow_up
        missed = facts.missed
        if missed or (follow is not None and facts.case.records_of(follow.act)):
            self.counts.totals[FOLLOW_UPS] += 1
            self.counts.add("follow_ups", MISSED if missed else HELD)

    def _times(self, facts: Facts) -> None:
        wanted = {*self.yearly.deadlines, *([self.yearly.waiting] if self.yearly.waiting else [])}
        for due in dues(facts) if wanted else ():
            if due.deadline not in wanted:
                continue
            if due.deadline == self.yearly.waiting and due.met_at is not None:
                hours = elapsed(facts.around.calendar, due.started_at, due.met_at, self._unit)
                self.counts.waits[hours] += 1
            outcome = _kept_or_late(due, facts.now)
            if outcome:
                self.counts.times.setdefault(due.deadline, Counter())[outcome] += 1

    @cached_property
    def _unit(self) -> TimeUnit:
        return self.protocol.deadlines[self.yearly.waiting or ""].unit


def _kept_or_late(due: Due, now: datetime) -> str:
    if due.was_late(now):
        return "late"
    return "kept" if due.state == "met" else ""


def _known(key: str, rows: Iterable[str]) -> str:
    return key if key in rows else EARLIER


def _table_of(counted: Counted) -> str:
    return f"{counted.act}.{counted.field}"


# ---- what the definition names -------------------------------------------------------------------------------------


def field_of(protocol: Protocol, counted: Counted) -> FormField:
    return protocol.form_of(counted.act).by_key[counted.field]


def departable(protocol: Protocol) -> tuple[str, ...]:
    """The needs that a step can go on without, with a reason."""
    wanted = dict.fromkeys(need for move in protocol.moves.values() for need in move.needs)
    return tuple(need for need in wanted if protocol.needs[need].lock is None)


# ---- what may be told ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """One table as it is printed; without rows it is not shown. `of`: which total its rows are of."""

    key: str
    of: str
    rows: tuple[tuple[str, Band], ...] = ()
    overlaps: bool = False
    """Whether one of the total may stand in several rows."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All the figures of a report, as they are printed: nothing else of the cases is known to its pages."""

    totals: Mapping[str, Band]
    tables: tuple[Table, ...]
    times: Mapping[str, tuple[int, int] | None]
    """Deadline → between which percentages it was met in time; None: not told."""
    wait: int | None
    asked: tuple[int, ...] = ()
    """Which of the definition's decisions these figures call for, by number."""

    def table(self, key: str) -> Table | None:
        return next((one for one in self.tables if one.key == key), None)

    def row(self, table: str, key: str) -> Band | None:
        """What is printed in one row; None where that table is not shown."""
        found = self.table(table)
        return dict(found.rows).get(key) if found else None


def figures(tally: Tally, *, is_over: bool, training_ends: bool = False) -> Figures:
    """What may be told of these counts, by tens; of a year under way the totals alone, and so of fewer than ten cases.

    By tens, so that no single case can be told from them; those that stand apart are in no ten.
    """
    counts = tally.counts
    totals = {CASES: banded(counts.cases), **{one: banded(counts.totals[one]) for one in TOTALS[1:]}}
    more = is_over and _is_many(totals[CASES])
    made = Figures(
        totals=totals,
        tables=tuple(_tables(tally, totals)) if is_over else (),
        times={key: _share(counts, key) if more else None for key in tally.yearly.deadlines},
        wait=median(counts.waits) if more else None,
    )
    asked = tuple(
        number
        for number, one in enumerate(tally.yearly.decisions)
        if _calls_for(made, one, training_ends) and (is_over or one.about == "training")
    )
    return Figures(made.totals, made.tables, made.times, made.wait, asked)


def _share(counts: Counts, deadline: str) -> tuple[int, int] | None:
    found = counts.times.get(deadline, Counter())
    return share(found["kept"], found["kept"] + found["late"])


def _tables(tally: Tally, totals: Mapping[str, Band]) -> Iterator[Table]:
    for key, of, rows, overlaps in layout(tally.protocol, tally.yearly, tally.earlier):
        found = tally.counts.tables.get(key, Counter())
        printed = broken_down(totals[of], [found[row] for row in rows])
        yield Table(key, of, tuple(zip(rows, printed, strict=True)) if printed else (), overlaps)


def layout(
    protocol: Protocol, yearly: Yearly, earlier: Sequence[Protocol] = ()
) -> Iterator[tuple[str, str, tuple[str, ...], bool]]:
    """Every table with its total, its rows and whether they overlap: as the definition has it, whatever happened.

    A row for choices of earlier versions stands where an earlier version had any.
    """
    yield "outcome", CASES, (*ends_of(protocol), OPEN, *_former(earlier, ends_of, protocol)), False
    if levels_of(protocol):
        yield "level", CASES, (*levels_of(protocol), NONE, *_former(earlier, levels_of, protocol)), False
    for counted in yearly.counts:
        question = field_of(protocol, counted)
        overlaps = question.type is FieldType.choices
        former = _former(earlier, lambda one, counted=counted: _options_in(one, counted), protocol)
        rows = (*options_of(question), *(() if overlaps else (NONE,)), *former)
        yield _table_of(counted), CASES, rows, overlaps
    yield "dangers", DANGERS, (*protocol.dangers, *_former(earlier, lambda one: one.dangers, protocol)), True
    yield "danger_ends", DANGERS, (ANSWERED, AWAITED), False
    yield "referrals", REFERRALS, (*protocol.targets, *_former(earlier, lambda one: one.targets, protocol)), True
    yield "answers", REFERRALS, (ANSWERED, AWAITED, UNASKED), False
    yield "follow_ups", FOLLOW_UPS, (HELD, MISSED), False
    yield "departures", DEPARTURES, (*departable(protocol), *_former(earlier, departable, protocol)), True


def _options_in(protocol: Protocol, counted: Counted) -> tuple[str, ...]:
    question = question_of(protocol, counted.act, counted.field)
    return options_of(question) if question else ()


def _former(earlier: Iterable[Protocol], rows_of: Any, protocol: Protocol) -> tuple[str, ...]:
    known = set(rows_of(protocol))
    return (EARLIER,) if any(set(rows_of(one)) - known for one in earlier) else ()


# ---- what may have to be decided -----------------------------------------------------------------------------------


def _calls_for(made: Figures, asked: Asked, training_ends: bool) -> bool:
    """Whether the printed figures, and nothing that is hidden, call for it."""
    match asked.about:
        case "few":
            return not _is_many(made.totals[CASES])
        case "late":
            return any(is_late(made, one) for one in asked.deadlines)
        case "open":
            return _is_many(made.row("outcome", OPEN))
        case "follow_ups":
            return _is_many(made.row("follow_ups", MISSED))
        case "referrals":
            return _is_many(made.row("answers", AWAITED))
        case "departures":
            return _is_many(made.totals[DEPARTURES])
        case "training":
            return training_ends


def is_late(made: Figures, deadline: str) -> bool:
    found = made.times.get(deadline)
    return found is not None and found[0] < LATE_BELOW


def _is_many(printed: Band | None) -> bool:
    return printed is not None and printed.low > 0


# ---- kept ----------------------------------------------------------------------------------------------------------


def as_data(made: Figures) -> dict[str, Any]:
    """The figures as JSON keeps them."""
    return {
        "totals": {key: _written(value) for key, value in made.totals.items()},
        "tables": [
            {
                "key": one.key,
                "of": one.of,
                "overlaps": one.overlaps,
                "rows": [{"key": key, "count": _written(value)} for key, value in one.rows] or None,
            }
            for one in made.tables
        ],
        "in_time": {key: list(value) if value else None for key, value in made.times.items()},
        "median_wait": made.wait,
        "asked": list(made.asked),
    }


def from_data(data: Mapping[str, Any]) -> Figures:
    """What `as_data` wrote."""
    return Figures(
        totals={key: _read(value) for key, value in data["totals"].items()},
        tables=tuple(
            Table(
                one["key"],
                one["of"],
                tuple((row["key"], _read(row["count"])) for row in one["rows"] or ()),
                one["overlaps"],
            )
            for one in data["tables"]
        ),
        times={key: (value[0], value[1]) if value else None for key, value in data["in_time"].items()},
        wait=data["median_wait"],
        asked=tuple(data["asked"]),
    )


def _written(value: Band) -> dict[str, int]:
    return {"from": value.low, "to": value.high}


def _read(value: Mapping[str, int]) -> Band:
    return Band(value["from"])


Share = Mapping[str, Any]
"""Sums as JSON keeps them."""


def as_share(counts: Counts) -> dict[str, Any]:
    """The sums of a year's report."""
    return {
        "cases": counts.cases,
        "totals": dict(counts.totals),
        "tables": {key: dict(rows) for key, rows in counts.tables.items()},
        "times": {key: dict(rows) for key, rows in counts.times.items()},
        "waits": {str(hours): number for hours, number in counts.waits.items()},
    }


def added(kept: Share | None, more: Share) -> dict[str, Any]:
    """Two sums as one, number by number."""
    if kept is None:
        return dict(more)
    return {key: _added(kept.get(key), more.get(key)) for key in dict.fromkeys([*kept, *more])}


def _added(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return one if other is None else other
    if isinstance(one, Mapping):
        return {key: _added(one.get(key), other.get(key)) for key in dict.fromkeys([*one, *other])}
    return one + other


def add_to(tally: Tally, share: Share) -> None:
    """Count what erased cases had added; a choice that the definition has no more counts as an earlier one."""
    known = {key: set(rows) for key, _of, rows, _overlaps in layout(tally.protocol, tally.yearly, tally.earlier)}
    counts = tally.counts
    counts.cases += share["cases"]
    counts.totals.update(share["totals"])
    for table, rows in share["tables"].items():
        for row, number in rows.items():
            counts.add(table, row if row in known.get(table, ()) else EARLIER, number)
    for deadline, outcomes in share["times"].items():
        counts.times.setdefault(deadline, Counter()).update(outcomes)
    counts.waits.update({int(hours): number for hours, number in share["waits"].items()})
