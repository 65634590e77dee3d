"""The academy's figures as tables: which there are, and what was counted in them, by unit and month.

What is counted is always cases: each adds 0 or 1 to a cell. The tables depend on definitions alone, never on counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from school_protocol.domain.clock import Unit
from school_protocol.domain.closed_choices import (
    ANSWERED,
    AWAITED,
    CASES,
    DANGERS,
    EARLIER,
    NONE,
    REFERRALS,
    UNASKED,
    levels_of,
    options_of,
    question_of,
)
from school_protocol.domain.figure_rules import UNTOLD, CountedTable, FigureRules, Wait
from school_protocol.domain.forms import FieldType
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.texts import Text

Cell = tuple[str, str]
"""A table and a row of it, by their keys."""
Cells = Mapping[str, Mapping[str, int]]
"""Table → row → how many cases."""

TOTALS = "~totals"
"""The table whose rows are the totals: all cases, those with a danger, those with a referral."""
ENDED, KEPT, LATE, MORE = "~ended", "~kept", "~late", "~more"
"""Rows: ended cases, in releases of before; a deadline always met in time, late at least once; above the last class."""
_YEAR = 12


# ---- periods -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """Months, in order: of a school year, or one."""

    months: tuple[str, ...]


def school_year(begins: int, year: int) -> Period:
    """The twelve months of the school year that begins in that month of `year`."""
    return Period(tuple(f"{year + month // _YEAR}-{month % _YEAR + 1:02}" for month in range(begins - 1, begins + 11)))


def one_month(month: str) -> Period:
    return Period((month,))


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
    months: bool = False
    """Told month by month, too."""
    unit: Unit | None = None
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
        rows, is_new = dict(_rows(protocol, counted)), False
        for other in others:
            same = other.figures.tables.get(key) if other.figures else None
            is_new = is_new or same is None
            rows |= {row: title for row, title in (_rows(other, same) if same else ()) if row not in rows}
        if is_new and not overlaps:
            rows[EARLIER] = None
        yield FigureTable(
            key=key,
            title=counted.title,
            of=_OF.get(counted.rows, CASES),
            kind="rows",
            rows=tuple(FigureRow(row, title) for row, title in rows.items()),
            overlaps=overlaps,
            months=counted.months,
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


def is_overlapping(protocol: Protocol, counted: CountedTable) -> bool:
    """Whether one case may stand in several rows."""
    question = question_of(protocol, counted.act or "", counted.field or "")
    return counted.rows in ("dangers", "targets") or (question is not None and question.type is FieldType.choices)


def _rows(protocol: Protocol, counted: CountedTable) -> Iterator[tuple[str, Text | None]]:
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
