"""Rules of the academy's figures: what one case adds, which tables there are, and figures as they are issued.

It counts in the month in which it was opened. A case that goes on elsewhere (joined, handed over) is counted there, and
one that contributes to another school's is counted with that one: what happened once counts once. A deadline that ran
out and was never met is late from the next day on, whether or not anybody wrote to the case again: what a case adds
hangs on its events and the day alone, so that it can be worked out again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Literal

from school_protocol.engine.case import Case
from school_protocol.engine.case_summary import (
    ANSWERED,
    AWAITED,
    CASES,
    DANGERS,
    EARLIER,
    NONE,
    REFERRALS,
    UNASKED,
    answer_to_dangers,
    answer_to_referrals,
    answers_of,
    level_of,
    levels_of,
    options_of,
    question_of,
)
from school_protocol.engine.clock import TimeUnit, waited
from school_protocol.engine.deadlines import counts_of, read
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import UNTOLD, CountedTable, FieldType, FigureRules, Moment, Wait
from school_protocol.engine.facts import Facts, Surroundings
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Unit, UnitKind

# ---- tables: which there are, and what was counted in them, by unit and month --------------------------------------
# What is counted is always cases: each adds 0 or 1 to a cell. The tables depend on definitions alone, never on
# counts.

Cell = tuple[str, str]
"""A table and a row of it, by their keys."""
Cells = Mapping[str, Mapping[str, int]]
"""Table → row → how many cases."""

TOTALS = "~totals"
"""The table whose rows are the totals: all cases, those with a danger, those with a referral."""
KEPT, LATE, MORE = "~kept", "~late", "~more"
"""Rows: a deadline always met in time, late at least once; above the last class."""
GROUPS = (CASES, DANGERS, REFERRALS)
"""The totals, in the order in which they are told."""
WHOLE = ""
"""In place of a month: the whole period."""
_YEAR, _QUARTER = 12, 3


# ---- periods -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """Months, in order: of a school year, or one."""

    months: tuple[str, ...]


def school_year(begins: int, year: int) -> Period:
    """The twelve months of the school year that begins in that month of `year`."""
    return Period(tuple(f"{year + month // _YEAR}-{month % _YEAR + 1:02}" for month in range(begins - 1, begins + 11)))


QUARTERS = _YEAR // _QUARTER


@dataclass(frozen=True, slots=True, order=True)
class ReleasePeriod:
    """Of what figures are issued: the school year that begins in `year`, or one of its quarters; 0: all of it."""

    year: int
    quarter: int = 0

    @property
    def key(self) -> str:
        return f"{self.year}-Q{self.quarter}" if self.quarter else str(self.year)

    def months(self, begins: int) -> tuple[str, ...]:
        every = school_year(begins, self.year).months
        return every[(self.quarter - 1) * _QUARTER : self.quarter * _QUARTER] if self.quarter else every


def periods(year: int) -> tuple[ReleasePeriod, ...]:
    """All of which figures are issued in a school year, the whole of it first, then its quarters from the last on."""
    return tuple(ReleasePeriod(year, quarter) for quarter in (0, *range(QUARTERS, 0, -1)))


# ---- which tables there are ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A row; its title is None where the definition has none: a `~…` row, or the upper bound of a class."""

    key: str
    title: Text | None = None


@dataclass(frozen=True, slots=True)
class FigureTable:
    """Rows of the total `of`. Those of `rows` add up to it, unless it `overlaps`; shares and times never need to."""

    key: str
    title: Text
    of: str
    kind: Literal["rows", "share", "times"]
    rows: tuple[FigureRow, ...]
    overlaps: bool = False
    """One case may stand in several rows, or in none."""
    unit: TimeUnit | None = None
    """Of times: what its classes count."""
    public: bool = False
    """May stand on a page for everybody."""

    @property
    def adds_up(self) -> bool:
        """Whether each case of the total stands in exactly one row."""
        return self.kind == "rows" and not self.overlaps


_OF = {"dangers": DANGERS, "danger_answers": DANGERS, "targets": REFERRALS, "referral_answers": REFERRALS}


def share_key(deadline: str) -> str:
    """The table that tells how often a deadline was met in time."""
    return f"in_time.{deadline}"


def wait_key(wait: str) -> str:
    """The table of that wait's classes."""
    return f"wait.{wait}"


def tables_of(protocol: Protocol, others: Sequence[Protocol] = ()) -> tuple[FigureTable, ...]:
    """Every table that is told, of the definition as it is now.

    What `others`, its other versions, had is there under its own title. Where one of them did not have the table, cases
    that follow it stand in a row of their own.
    """
    rules = protocol.figures
    return tuple(_tables(protocol, rules, others)) if rules is not None else ()


def _tables(protocol: Protocol, rules: FigureRules, others: Sequence[Protocol]) -> Iterator[FigureTable]:
    for key, counted in rules.tables.items():
        if counted.rows in UNTOLD:
            continue
        overlaps = is_overlapping(protocol, counted)
        rows, is_new = dict(_figure_tables_rows(protocol, counted)), False
        for other in others:
            same = other.figures.tables.get(key) if other.figures else None
            is_new = is_new or same is None
            rows |= {row: title for row, title in (_figure_tables_rows(other, same) if same else ()) if row not in rows}
        if is_new and not overlaps:
            rows[EARLIER] = None
        yield FigureTable(
            key=key,
            title=counted.title,
            of=_OF.get(counted.rows, CASES),
            kind="rows",
            rows=tuple(FigureRow(row, title) for row, title in rows.items()),
            overlaps=overlaps,
            public=key in rules.public,
        )
    for deadline in rules.in_time:
        key, title = share_key(deadline), protocol.deadlines[deadline].title
        kept = (FigureRow(KEPT), FigureRow(LATE))
        yield FigureTable(key, title, CASES, "share", kept, public=deadline in rules.public)
    for name, wait in rules.waits.items():
        classes = tuple(FigureRow(row) for row in classes_of(wait))
        yield FigureTable(
            wait_key(name), wait.title, CASES, "times", classes, unit=wait.unit, public=name in rules.public
        )


def possible_totals(protocols: Iterable[Protocol]) -> frozenset[str]:
    """The totals in which a case of one of these versions can stand at all."""
    found = {CASES}
    for one in protocols:
        found |= {DANGERS} if one.dangers else set()
        found |= {REFERRALS} if one.targets else set()
    return frozenset(found)


def is_overlapping(protocol: Protocol, counted: CountedTable) -> bool:
    """Whether one case may stand in several rows."""
    question = question_of(protocol, counted.act or "", counted.field or "")
    return counted.rows in ("dangers", "targets") or (question is not None and question.type is FieldType.choices)


def _figure_tables_rows(protocol: Protocol, counted: CountedTable) -> Iterator[tuple[str, Text | None]]:
    match counted.rows:
        case "levels":
            yield from ((level, _level(protocol, level)) for level in levels_of(protocol))
            yield NONE, None
        case "answers":
            yield from _answers(protocol, counted)
        case "dangers":
            yield from ((key, danger.title) for key, danger in protocol.dangers.items())
        case "targets":
            yield from ((key, target.title) for key, target in protocol.targets.items())
        case "danger_answers":
            yield from ((ANSWERED, None), (AWAITED, None))
        case "referral_answers":
            yield from ((ANSWERED, None), (AWAITED, None), (UNASKED, None))


def _answers(protocol: Protocol, counted: CountedTable) -> Iterator[tuple[str, Text | None]]:
    question = question_of(protocol, counted.act or "", counted.field or "")
    if question is None:
        return
    titles = {option.key: option.title for option in question.options}
    yield from ((key, titles.get(key)) for key in options_of(question))
    if question.type is not FieldType.choices:
        yield NONE, None


def _level(protocol: Protocol, level: str) -> Text | None:
    grids = (grid.levels for grid in protocol.grids.values())
    return next((levels[int(level)].title for levels in grids if int(level) in levels), None)


def classes_of(wait: Wait) -> tuple[str, ...]:
    return (*map(str, wait.classes), MORE)


# ---- what was counted ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of a unit and of units below it: a parent's cell is the sum of its children's, in each month.

    `above` has every unit of the tree with its parent there, the root with none. A child `unit~` carries what stands at
    that unit itself: cases that no school has, or that are not told to one. Zeros are left out.
    """

    unit: str
    period: Period
    tables: tuple[FigureTable, ...]
    above: Mapping[str, str]
    by_month: Mapping[str, Mapping[Cell, Mapping[str, int]]]
    """Month → cell → unit → cases."""
    cells: Mapping[Cell, Mapping[str, int]]
    """The same over the whole period."""

    def at(self, cell: Cell, unit: str, month: str = "") -> int:
        """How many cases; without a month, in the whole period."""
        found = self.by_month.get(month, {}) if month else self.cells
        return found.get(cell, {}).get(unit, 0)


def own_part(unit: str) -> str:
    """The child that carries what stands at a unit itself."""
    return f"{unit}~"


def unit_of(part: str) -> str:
    """The unit itself, of one or of its own part."""
    return part.removesuffix("~")


def gathered(
    unit: str,
    period: Period,
    tables: tuple[FigureTable, ...],
    above: Mapping[str, str],
    counted: Iterable[tuple[str, str, Cells]],
) -> Counts:
    """Counts from what is kept: (month, unit, cells). What a table has no row for stands in its row of earlier ones."""
    by_month: dict[str, dict[Cell, dict[str, int]]] = {}
    whole: dict[Cell, dict[str, int]] = {}
    for month, one, kept in counted:
        for cell, number in _told(tables, kept):
            by_month.setdefault(month, {}).setdefault(cell, {})[one] = number
            in_whole = whole.setdefault(cell, {})
            in_whole[one] = in_whole.get(one, 0) + number
    return Counts(unit, period, tables, above, by_month, whole)


def _told(tables: Iterable[FigureTable], kept: Cells) -> Iterator[tuple[Cell, int]]:
    totals = kept.get(TOTALS, {})
    for total in (CASES, DANGERS, REFERRALS):
        if totals.get(total):
            yield (TOTALS, total), totals[total]
    for table in tables:
        found = kept.get(table.key, {})
        rest = totals.get(table.of, 0)
        for row in table.rows:
            number = rest if row.key == EARLIER else found.get(row.key, 0)
            if number:
                yield (table.key, row.key), number
            rest -= number


@dataclass(frozen=True, slots=True)
class Share:
    """What a case adds: to which cells, in which month, at which units (the smallest first, each part of the next)."""

    protocol: str
    month: str
    path: tuple[str, ...]
    cells: frozenset[Cell]


def share_of(facts: Facts) -> Share:
    """What that case adds."""
    case, around = facts.case, facts.around
    assert case.opened_at is not None
    assert case.last_at is not None
    then = read(facts.protocol, case, max(case.last_at, _day_begun(around, facts.now)), around)
    return Share(
        protocol=case.protocol,
        month=f"{around.calendar.local(case.opened_at):%Y-%m}",
        path=path_of(around.unit, stands_apart=stands_apart(case)),
        cells=frozenset(_cells(then)) if counts(facts) else frozenset(),
    )


def _day_begun(around: Surroundings, now: datetime) -> datetime:
    """The midnight, where the school is, with which that day began."""
    day = around.calendar.local(now)
    return datetime.combine(day.date(), time(0), day.tzinfo).astimezone(UTC)


def counts(facts: Facts) -> bool:
    """Whether it is counted by itself."""
    case = facts.case
    return not case.contributes and not (facts.protocol.states[case.state].successor and case.successor is not None)


def stands_apart(case: Case) -> bool:
    """Whether somebody of the school must not even know of it: then it isn't counted at the school, but above it."""
    return case.restricted_seq is not None or bool(case.exclusions)


def path_of(unit: Unit, *, stands_apart: bool = False) -> tuple[str, ...]:
    """Where a case of that unit is counted, upwards."""
    if unit.kind is not UnitKind.school:
        return (own_part(unit.id), unit.id, *unit.parents)
    if stands_apart:
        return (own_part(next(iter(unit.parents), unit.id)), *unit.parents)
    return (unit.id, *unit.parents)


# ---- cells ---------------------------------------------------------------------------------------------------------


def _cells(facts: Facts) -> Iterator[Cell]:
    case, rules = facts.case, facts.protocol.figures
    yield TOTALS, CASES
    if case.dangers:
        yield TOTALS, DANGERS
    if case.referrals:
        yield TOTALS, REFERRALS
    if rules is None:
        return
    for key, counted in rules.tables.items():
        yield from ((key, row) for row in _counted_rows(facts, counted))
    for deadline in rules.in_time:
        yield from ((share_key(deadline), row) for row in _kept(facts, deadline))
    for key, wait in rules.waits.items():
        yield from ((wait_key(key), row) for row in _class(facts, wait))


def _counted_rows(facts: Facts, counted: CountedTable) -> Iterator[str]:
    case, protocol = facts.case, facts.protocol
    match counted.rows:
        case "levels":
            yield level_of(case)
        case "answers":
            question = question_of(protocol, counted.act or "", counted.field or "")
            if question is not None:
                yield from answers_of(case, counted.act or "", question)
        case "dangers":
            yield from (life.danger for life in case.dangers)
        case "targets":
            yield from (one.target for one in case.referrals)
        case "danger_answers":
            if case.dangers:
                yield answer_to_dangers(case)
        case "referral_answers":
            if case.referrals:
                yield answer_to_referrals(case)


def _kept(facts: Facts, deadline: str) -> Iterator[str]:
    """Late where one of its counts was; else kept where one was met; nothing while all are open."""
    found = counts_of(facts, deadline)
    if any(due.was_late(facts.now) for due in found):
        yield LATE
    elif any(due.state == "met" for due in found):
        yield KEPT


def _class(facts: Facts, wait: Wait) -> Iterator[str]:
    """The class in which the wait lies, once it is over."""
    since = facts.case.opened_at if wait.since is None else _first(facts.case, wait.since)
    until = _first(facts.case, wait.until)
    if since is None or until is None:
        return
    taken = waited(facts.around.calendar, since, until, wait.unit)
    yield next((str(most) for most in wait.classes if taken <= most), MORE)


def _first(case: Case, moment: Moment) -> datetime | None:
    recorded = (
        record.occurred_at for record in case.records if record.act in moment.acts and record.effective_seq is not None
    )
    entered = (entry.at for entry in case.entries if entry.state in moment.states)
    return min((*recorded, *entered), default=None)


# ---- withholding: counts by tens alone, so that whoever knows some of the cases can't count the others -------------
# All that decides is what is printed: whoever knows the rule learns no more from it than from the page. Each count
# stays open among five values at least, given every figure printed beside it.

LEAST = 5
"""So many values stay possible for each count."""
BAND = 10
"""How wide the bands are in which counts are told; of fewer than this nothing is broken down."""
SHARE_LEAST = 20
"""No share is told of fewer than this."""

STEPS = ((100, 20), (50, 10), (SHARE_LEAST, 4))
"""From so many on, a share is told in so many steps: each step stands for five counts at least."""


@dataclass(frozen=True, slots=True)
class Band:
    """A count of which only the ten is told."""

    low: int

    @property
    def high(self) -> int:
        return self.low + BAND - 1


def banded(count: int) -> Band:
    """A count, as it is printed."""
    return Band(count // BAND * BAND)


def broken_down(total: Band, counts: Sequence[int]) -> tuple[Band, ...] | None:
    """The rows of a table of `total`, each of which stands in one row or more; None: the table is not shown.

    It is not where the rows, all of them full, would hardly make up the total: then all must be nearly full.
    """
    rows = tuple(banded(count) for count in counts)
    most = sum(row.high for row in rows)
    return rows if total.low and most - total.low >= LEAST - 1 else None


def share(part: int, whole: int, cases: int | None = None) -> tuple[int, int] | None:
    """Between which two percentages a part of `whole` lies, in steps that stand for five counts each; None: too few.

    Where several counts come of one case, `cases` says of how many they are: steps stand for five of these, about.
    """
    counted = whole if cases is None else min(whole, cases)
    steps = next((steps for least, steps in STEPS if counted >= least), None)
    if steps is None:
        return None
    step = min(part * steps // whole, steps - 1)
    return step * 100 // steps, (step + 1) * 100 // steps


def median(counts: Mapping[int, int], *, least: int = BAND) -> int | None:
    """The lower median of values with how often each occurs; None: of fewer than `least`."""
    whole = sum(counts.values())
    if whole < least:
        return None
    passed = 0
    for value in sorted(counts):
        passed += counts[value]
        if passed * 2 >= whole:
            return value
    return None


# ---- figures as they were issued: which release, and what it tells of a unit and of those right below it -------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLine:
    """A release: of which unit and all below it, over which months, counted and issued when, by whom.

    `number`: of that unit and school year; `former`: the id of the one that it replaces; `drawing`: which of the same
    period; `definition`: the digest of the version of the protocol by which it was counted.
    """

    id: str
    protocol: str
    version: int
    definition: str
    unit: Unit
    number: int
    period: ReleasePeriod
    drawing: int
    months: tuple[str, ...]
    counted_at: datetime
    issued_at: datetime
    by: str
    role: str
    former: str
    is_latest: bool
    """Not withdrawn: no other one was issued in its place."""
    is_public: bool

    @property
    def year(self) -> int:
        return self.period.year


@dataclass(frozen=True, slots=True)
class UnitFigures:
    """What is told of one unit."""

    unit: Unit
    told: Mapping[str, Any]

    @property
    def code(self) -> str:
        return self.unit.code

    def at(self, cell: Cell, month: str = WHOLE) -> int | None:
        """The number, or None where the catalogue has none there."""
        found = self.told["cells"].get(cell[0], {}).get(cell[1], {}).get(month)
        return None if found is None else int(found)

    def share(self, table: str) -> tuple[int, int, int] | None:
        """In how many per cent a deadline was met, and between which two that lies; None: of too few cases."""
        found = self.told["shares"].get(table, {}).get(WHOLE)
        return None if found is None else (int(found[0]), int(found[1]), int(found[2]))

    def median(self, table: str) -> str | None:
        """The class in which the median lies, as the key of its row; None: of too few cases."""
        found = self.told["medians"].get(table, {}).get(WHOLE)
        return None if found is None else str(found)


@dataclass(frozen=True, slots=True)
class Told:
    """A release as one unit reads it: its tables, itself, and those right below it by code."""

    line: ReleaseLine
    tables: tuple[FigureTable, ...]
    unit: UnitFigures
    children: tuple[UnitFigures, ...] = ()

    def for_everybody(self) -> Told:
        """Of the unit alone, the tables that may stand on a page for everybody."""
        tables = tuple(one for one in self.tables if one.public)
        kept = {TOTALS, *(one.key for one in tables)}
        told = {
            kind: {table: found for table, found in self.unit.told[kind].items() if table in kept}
            for kind in ("cells", "shares", "medians")
        }
        return Told(self.line, tables, UnitFigures(self.unit.unit, told))


# ---- as it is kept -------------------------------------------------------------------------------------------------


def tables_as_data(tables: Iterable[FigureTable]) -> list[dict[str, Any]]:
    """The layout as JSON."""
    return [
        {
            "key": table.key,
            "title": dict(table.title.root),
            "of": table.of,
            "kind": table.kind,
            "rows": [[row.key, dict(row.title.root) if row.title else None] for row in table.rows],
            "overlaps": table.overlaps,
            "unit": table.unit.value if table.unit else None,
            "public": table.public,
        }
        for table in tables
    ]


def tables_from_data(data: Sequence[Mapping[str, Any]]) -> tuple[FigureTable, ...]:
    """What `tables_as_data` wrote."""
    return tuple(
        FigureTable(
            key=one["key"],
            title=Text(one["title"]),
            of=one["of"],
            kind=one["kind"],
            rows=tuple(_rows(one["rows"])),
            overlaps=one["overlaps"],
            unit=TimeUnit(one["unit"]) if one["unit"] else None,
            public=one["public"],
        )
        for one in data
    )


def _rows(data: Iterable[Sequence[Any]]) -> Iterator[FigureRow]:
    for key, title in data:
        yield FigureRow(key, Text(title) if title is not None else None)
