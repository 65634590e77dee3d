"""Figures as they were issued: which release, and what it tells of a unit and of those right below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from school_protocol.engine.case_summary import CASES, DANGERS, REFERRALS
from school_protocol.engine.clock import TimeUnit as TimeUnit
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Unit
from school_protocol.statistics.rules import TOTALS, Cell, FigureRow, FigureTable

GROUPS = (CASES, DANGERS, REFERRALS)
"""The totals, in the order in which they are told."""
WHOLE = ""
"""In place of a month: the whole period."""
ROUNDED = 5
"""What everybody is told goes by fives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLine:
    """A release: of which unit and all below it, over which months, counted and issued when, by whom.

    `number`: of that unit and school year; `former`: the id of the one that it follows; `definition`: the digest of
    the version of the protocol by which it was counted.
    """

    id: str
    protocol: str
    version: int
    definition: str
    unit: Unit
    number: int
    year: int
    months: tuple[str, ...]
    counted_at: datetime
    issued_at: datetime
    by: str
    role: str
    former: str
    is_latest: bool
    is_public: bool


@dataclass(frozen=True, slots=True)
class UnitTold:
    """What is told of one unit. `is_own_part`: of what stands at that unit itself, not at any below it."""

    unit: Unit
    is_own_part: bool
    told: Mapping[str, Any]

    @property
    def code(self) -> str:
        return f"{self.unit.code}~" if self.is_own_part else self.unit.code

    def at(self, cell: Cell, month: str = WHOLE) -> int | None:
        """The count, or None where it is withheld."""
        found = self.told["cells"].get(cell[0], {}).get(cell[1], {}).get(month)
        return None if found is None else int(found)

    def is_former(self, cell: Cell, month: str = WHOLE) -> bool:
        """Whether that count is the one that an earlier release told: it is repeated, and may no longer be exact."""
        return [*cell, month] in self.told["former"]

    def share(self, table: str, month: str = WHOLE) -> tuple[int, int] | None:
        """Between which percentages a deadline was met."""
        found = self.told["shares"].get(table, {}).get(month)
        return None if found is None else (int(found[0]), int(found[1]))

    def median(self, table: str, month: str = WHOLE) -> str | None:
        """The class in which the lower median lies, as the key of its row."""
        found = self.told["medians"].get(table, {}).get(month)
        return None if found is None else str(found)


@dataclass(frozen=True, slots=True)
class Told:
    """A release as one unit reads it: its tables, itself, and those right below it by code."""

    line: ReleaseLine
    tables: tuple[FigureTable, ...]
    unit: UnitTold
    children: tuple[UnitTold, ...] = ()

    def for_everybody(self) -> Told:
        """Of the unit alone, the tables that may stand on a page for everybody; counts rounded to fives."""
        tables = tuple(one for one in self.tables if one.public)
        kept = {TOTALS, *(one.key for one in tables)}
        cells = {
            table: {row: {month: rounded(number) for month, number in months.items()} for row, months in rows.items()}
            for table, rows in self.unit.told["cells"].items()
            if table in kept
        }
        told = {
            "cells": cells,
            "shares": {table: found for table, found in self.unit.told["shares"].items() if table in kept},
            "medians": {table: found for table, found in self.unit.told["medians"].items() if table in kept},
            "former": [],
        }
        return Told(self.line, tables, UnitTold(self.unit.unit, self.unit.is_own_part, told))


def rounded(number: int) -> int:
    """To the nearest five."""
    return (number + ROUNDED // 2) // ROUNDED * ROUNDED


# ---- what changed --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changed:
    """A count that two releases tell otherwise; None: withheld in that one."""

    table: FigureTable | None
    """None: one of the totals."""
    row: FigureRow
    before: int | None
    now: int | None


def changes(before: Told, now: Told) -> tuple[Changed, ...]:
    """What is told otherwise of the whole period of the unit, in the order of the later one's tables."""
    rows: list[tuple[FigureTable | None, str, FigureRow]] = [(None, TOTALS, FigureRow(total)) for total in GROUPS]
    rows += [(table, table.key, row) for table in now.tables if table.kind == "rows" for row in table.rows]
    found = (
        Changed(table, row, before.unit.at((key, row.key)), now.unit.at((key, row.key))) for table, key, row in rows
    )
    return tuple(one for one in found if one.before != one.now)


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
            "months": table.months,
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
            months=one["months"],
            unit=TimeUnit(one["unit"]) if one["unit"] else None,
            public=one["public"],
        )
        for one in data
    )


def _rows(data: Iterable[Sequence[Any]]) -> Iterator[FigureRow]:
    for key, title in data:
        yield FigureRow(key, Text(title) if title is not None else None)
