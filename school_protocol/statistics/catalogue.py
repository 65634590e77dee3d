"""The catalogue: which cells a release tells, by kind of unit and period alone, and how each of them is drawn.

It is fixed beforehand and hangs on no count: of academies (and a country) every row of every table, by year and by
quarter, and the cases opened by month; of provinces every row by year, the totals by quarter; of schools nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import Any

from school_protocol.engine.case_summary import CASES
from school_protocol.engine.visibility import UnitKind
from school_protocol.statistics import noise
from school_protocol.statistics.rules import (
    GROUPS,
    KEPT,
    LATE,
    TOTALS,
    WHOLE,
    Cell,
    Counts,
    FigureTable,
    ReleasePeriod,
)

EDITIONS = 2
"""A release that was wrong is drawn anew once: of more drawings of the same counts these could be guessed."""
ENOUGH = 20
"""Shares and medians are told where so many cases at least are told to stand behind them."""
STEP = 5
"""Shares go by so many points."""
_MIDDLE, _ALL = "~middle", "~all"


def is_told(kind: UnitKind) -> bool:
    """Whether anything is told of such a unit: the noise would be greater than what schools have to tell."""
    return kind is not UnitKind.school


def has_tables(kind: UnitKind, quarter: int) -> bool:
    """Whether rows of tables, shares and medians are told of such a unit; else its totals alone."""
    return is_told(kind) and (kind is not UnitKind.province or not quarter)


def has_months(kind: UnitKind, quarter: int) -> bool:
    """Whether the cases of each month are told: once, in the release of their quarter."""
    return is_told(kind) and kind is not UnitKind.province and quarter > 0


def cells(
    kind: UnitKind, quarter: int, tables: Collection[FigureTable], months: Collection[str]
) -> Iterator[tuple[Cell, str]]:
    """Every count that is told of such a unit: its cell, and the month or WHOLE."""
    if not is_told(kind):
        return
    yield from (((TOTALS, total), WHOLE) for total in GROUPS)
    if has_tables(kind, quarter):
        yield from (((one.key, row.key), WHOLE) for one in tables if one.kind == "rows" for row in one.rows)
    if has_months(kind, quarter):
        yield from (((TOTALS, CASES), month) for month in months)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the cells of one unit are drawn with. `possible`: totals that a case of this protocol can have at all."""

    key: bytes
    """Of the edition."""
    protocol: str
    unit: str
    kind: UnitKind
    period: ReleasePeriod
    possible: Collection[str]

    def told(self, counts: Counts) -> dict[str, Any]:
        """All that a release tells of the unit, as it is kept."""
        cells_told: dict[str, dict[str, dict[str, int]]] = {}
        by_key = {table.key: table for table in counts.tables}
        for cell, month in cells(self.kind, self.period.quarter, counts.tables, counts.period.months):
            of = by_key[cell[0]].of if cell[0] in by_key else cell[1]
            number = self._number(counts, _canonical(cell, by_key), month) if of in self.possible else 0
            cells_told.setdefault(cell[0], {}).setdefault(cell[1], {})[month] = number
        tables = counts.tables if has_tables(self.kind, self.period.quarter) else ()
        shares = {one.key: self._share(counts, one) for one in tables if one.kind == "share"}
        medians = {one.key: self._median(counts, one) for one in tables if one.kind == "times"}
        return {"cells": cells_told, "shares": _kept(shares), "medians": _kept(medians)}

    def _number(self, counts: Counts, cell: Cell, month: str = WHOLE) -> int:
        return noise.told(self.key, self._address(cell, month), counts.at(cell, self.unit, month))

    def _address(self, cell: Cell, month: str = WHOLE) -> str:
        return "|".join((self.protocol, self.unit, month or self.period.key, *cell))

    def _share(self, counts: Counts, table: FigureTable) -> list[int] | None:
        kept, late = (self._number(counts, (table.key, row)) for row in (KEPT, LATE))
        return share_of(kept, late) if kept + late >= ENOUGH else None

    def _median(self, counts: Counts, table: FigureTable) -> str | None:
        numbers = [counts.at((table.key, row.key), self.unit) for row in table.rows]
        whole = sum(numbers)
        if noise.told(self.key, self._address((table.key, _ALL)), whole) < ENOUGH:
            return None
        rank = (whole + 1) // 2 + noise.shift(self.key, self._address((table.key, _MIDDLE)), whole)
        rank = min(max(rank, 1), whole)
        for row, number in zip(table.rows, numbers, strict=True):
            rank -= number
            if rank <= 0:
                return row.key
        return None


def share_of(part: int, rest: int) -> list[int]:
    """What part of two told numbers the first one is, in per cent, and between which it lies in 95 of 100 cases."""
    whole = part + rest
    share = part / whole
    far = 4 * sqrt(share**2 + (1 - share) ** 2) / whole
    low, high = floor((share - far) * 100 / STEP) * STEP, ceil((share + far) * 100 / STEP) * STEP
    return [round(share * 100 / STEP) * STEP, max(low, 0), min(high, 100)]


def _canonical(cell: Cell, tables: Mapping[str, FigureTable]) -> Cell:
    """Where two names have the same cases, the one under which they are drawn: a row alone in its table is its total.

    Each case of that total stands in it, whether the table's rows add up or one case may stand in several.
    """
    table = tables.get(cell[0])
    if table is not None and len(table.rows) == 1 and (table.adds_up or table.of != CASES):
        return (TOTALS, table.of)
    return cell


def _kept(found: Mapping[str, Any]) -> dict[str, Any]:
    return {table: {WHOLE: value} for table, value in found.items() if value is not None}
