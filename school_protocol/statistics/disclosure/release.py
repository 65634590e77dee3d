"""What is issued: which cells are told of what was counted, and the counts themselves, which every later audit needs.

A count from 0 to 4 is small and withheld. Zero is one of them: if it were told, each cell that is withheld would say
that there is a case. What can't occur (a month to come, a row that no version has) is no cell at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from school_protocol.engine.case_summary import CASES, DANGERS, REFERRALS
from school_protocol.statistics import rules as statistics_rules
from school_protocol.statistics.rules import KEPT, LATE, Cell, Counts, FigureTable, Period

SMALL = 4
"""Up to so many is withheld."""
WIDTH = statistics_rules.LEAST - 1
"""The least distance between the greatest and the smallest value that a withheld cell may have."""
GROUPS = (CASES, DANGERS, REFERRALS)
"""The totals: each is one of the cases, and tables are of one of them."""


class Key(NamedTuple):
    """One cell of one unit; without a month, of the whole period."""

    unit: str
    month: str
    cell: Cell


class Said(NamedTuple):
    """A share or a median that is told of a unit; without a month, of the whole period."""

    unit: str
    month: str
    table: str


class NotReleasable(Exception):
    """Nothing can be issued beside what was issued before."""


Told = int | tuple[int, int] | str
"""A count, a share or a class."""


Name = tuple[str, str, str, str, int]
"""A number whatever releases there are: unit, period, table and row, and what was counted there."""


class Worlds(NamedTuple):
    """Worlds that the gate found, as later ones try them: none is trusted."""

    releases: int
    """Of so many releases they were found."""
    names: tuple[Name, ...]
    moves: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    """Of each world the places in `names` of what moves, and by how much."""


@dataclass(frozen=True)
class Release:
    """What was told of `counts`: the cells and the shares and medians. The counts themselves are secret.

    `former` is what an earlier release told and this one repeats: it changed by fewer than five, or can't be told anew.
    """

    counts: Counts
    told: frozenset[Key]
    spoken: frozenset[Said] = field(default_factory=frozenset)
    former: Mapping[Key | Said, Told] = field(default_factory=dict)
    floor: int = 0
    """It is of its unit, and of units with so many storeys below: of any other it says nothing, and repeats all."""
    worlds: Worlds | None = None
    """In which all is open that is withheld, of this release and those before."""

    def at(self, cell: Cell, unit: str, month: str = "") -> int | None:
        """The count, or None where it is withheld."""
        key = Key(unit, month, cell)
        if key in self.told:
            return self.counts.at(cell, unit, month)
        before = self.former.get(key)
        return before if isinstance(before, int) else None

    def is_former(self, cell: Cell, unit: str, month: str = "") -> bool:
        """Whether that count is an earlier release's."""
        return Key(unit, month, cell) in self.former

    def share(self, table: str, unit: str, month: str = "") -> tuple[int, int] | None:
        """Between which two percentages a deadline was met; None where it is not told."""
        told = self.said(Said(unit, month, table))
        return told if isinstance(told, tuple) else None

    def median(self, table: str, unit: str, month: str = "") -> str | None:
        """The class in which the lower median lies; None where it is not told."""
        told = self.said(Said(unit, month, table))
        return told if isinstance(told, str) else None

    def said(self, said: Said) -> Told | None:
        """The share or the class that is told there."""
        return said_of(self.counts, self.tables[said.table], said) if said in self.spoken else self.former.get(said)

    @cached_property
    def tables(self) -> Mapping[str, FigureTable]:
        return {table.key: table for table in self.counts.tables}


def said_of(counts: Counts, table: FigureTable, said: Said) -> Told | None:
    """What can be said of that table, if there is enough of it."""
    if table.kind == "share":
        return share_of(counts, table.key, said.unit, said.month)
    return median_of(counts, table, said.unit, said.month)


def share_of(counts: Counts, table: str, unit: str, month: str) -> tuple[int, int] | None:
    """Between which two percentages the kept ones lie, if there are enough."""
    kept, late = (counts.at((table, row), unit, month) for row in (KEPT, LATE))
    return statistics_rules.share(kept, kept + late)


def median_of(counts: Counts, table: FigureTable, unit: str, month: str) -> str | None:
    """The class in which the lower median lies, if there are enough."""
    numbers = {place: counts.at((table.key, row.key), unit, month) for place, row in enumerate(table.rows)}
    place = statistics_rules.median(numbers)
    return None if place is None else table.rows[place].key


# ---- kept ----------------------------------------------------------------------------------------------------------


def as_data(release: Release) -> dict[str, Any]:
    """The release as JSON keeps it, with the counts that it was made of. Its tables are kept by whoever keeps it."""
    counts = release.counts
    return {
        "unit": counts.unit,
        "months": list(counts.period.months),
        "above": dict(counts.above),
        "cells": list(_written(counts.cells)),
        "by_month": {month: list(_written(cells)) for month, cells in counts.by_month.items()},
        "told": sorted([key.unit, key.month, *key.cell] for key in release.told),
        "spoken": sorted(map(list, release.spoken)),
        "floor": release.floor,
        "worlds": [list(one) if isinstance(one, tuple) else one for one in release.worlds or ()],
        "former": sorted([*_flat(key), told] for key, told in release.former.items()),
    }


def _flat(key: Key | Said) -> list[str]:
    """A cell as unit, month, table, row; a share or a median without a row."""
    return [key.unit, key.month, *key.cell] if isinstance(key, Key) else [*key, ""]


def _written(cells: Mapping[Cell, Mapping[str, int]]) -> Iterator[list[Any]]:
    for (table, row), units in sorted(cells.items()):
        yield [table, row, dict(sorted(units.items()))]


def from_data(data: Mapping[str, Any], tables: tuple[FigureTable, ...]) -> Release:
    """What `as_data` wrote."""
    counts = Counts(
        data["unit"],
        Period(tuple(data["months"])),
        tables,
        data["above"],
        {month: _read(cells) for month, cells in data["by_month"].items()},
        _read(data["cells"]),
    )
    cells = frozenset(Key(unit, month, (table, row)) for unit, month, table, row in data["told"])
    former: dict[Key | Said, Told] = {
        Key(unit, month, (table, row)) if row else Said(unit, month, table): _told(told)
        for unit, month, table, row, told in data["former"]
    }
    return Release(
        counts, cells, frozenset(Said(*one) for one in data["spoken"]), former, data.get("floor", 0), _worlds(data)
    )


def _worlds(data: Mapping[str, Any]) -> Worlds | None:
    if not data.get("worlds"):
        return None
    releases, names, moves = data["worlds"]
    return Worlds(
        releases,
        tuple((unit, period, table, row, value) for unit, period, table, row, value in names),
        tuple((tuple(places), tuple(steps)) for places, steps in moves),
    )


def _told(told: int | list[int] | str) -> Told:
    return (told[0], told[1]) if isinstance(told, list) else told


def _read(cells: list[list[Any]]) -> dict[Cell, dict[str, int]]:
    return {(table, row): units for table, row, units in cells}
