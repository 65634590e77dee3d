"""Which cells a set of tables has, and what everybody knows of them before anything is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from school_protocol.engine.case_summary import CASES
from school_protocol.statistics.disclosure.release import GROUPS, SMALL
from school_protocol.statistics.rules import TOTALS, Cell, Counts, own_part, unit_of

REST = "~rest"
"""The row of whoever stands in none of the others; it is never told."""
MONTHLY = 2
"""So many storeys above the schools tables are told by month; above, only what every unit below tells."""

ALL = (TOTALS, CASES)

Slab = Cell
"""What is told together: a total, or (table, "")."""


class Layout:
    """The units and cells of `counts`. A slab is a total or a whole table."""

    def __init__(self, counts: Counts, floor: int = 0) -> None:
        """`floor`: units of which none beside them has so many storeys below are left out, but for the top one."""
        self.counts = counts
        self.months = counts.period.months
        self.tables = {table.key: table for table in counts.tables}
        every: dict[str, list[str]] = {unit: [] for unit in sorted(counts.above)}
        for unit in sorted(counts.above):
            if counts.above[unit]:
                every[counts.above[unit]].append(unit)
        self.height = _heights(counts.unit, every)
        """How many storeys lie below each unit, whether they are left out or not."""
        self.children = {
            unit: kids if any(self.height[kid] >= floor for kid in kids) else [] for unit, kids in every.items()
        }
        self.units = _down(counts.unit, self.children)
        """Each after the one above it."""

    def has(self, unit: str) -> bool:
        """Whether that unit is there, and not left out."""
        return unit in self._those

    @cached_property
    def _those(self) -> frozenset[str]:
        return frozenset(self.units)

    def is_leaf(self, unit: str) -> bool:
        """Whether no unit lies below it: it is a school, or stands for what is at a unit itself."""
        return not self.height[unit]

    def is_lowest(self, unit: str) -> bool:
        """Whether what lies below it, if anything, is left out."""
        return not self.children[unit]

    def below(self, unit: str) -> Iterator[str]:
        """The unit and all units below it."""
        yield unit
        for child in self.children[unit]:
            yield from self.below(child)

    # ---- cells -----------------------------------------------------------------------------------------------------

    @cached_property
    def slabs(self) -> dict[Slab, tuple[Cell, ...]]:
        """Slab → its cells, with the silent rest: totals first, each table after its total."""
        found: dict[Slab, tuple[Cell, ...]] = {(TOTALS, group): ((TOTALS, group),) for group in GROUPS}
        for key, table in self.tables.items():
            cells = [(key, row.key) for row in table.rows]
            if cells and not table.adds_up and not table.overlaps:
                cells.append((key, REST))
            if cells:
                found[key, ""] = tuple(cells)
        return found

    def total(self, slab: Slab) -> Cell | None:
        """The total that a table is of; of a total: all cases, and of these none."""
        if slab[0] == TOTALS:
            return None if slab[1] == CASES else (TOTALS, CASES)
        return TOTALS, self.tables[slab[0]].of

    def overlaps(self, slab: Slab) -> bool:
        """Whether its cells are bounded by its total, and do not add up to it."""
        return slab[0] == TOTALS or self.tables[slab[0]].overlaps

    def is_silent(self, cell: Cell) -> bool:
        """Whether it is never told as a count: what stands behind a share or a median, and the rest."""
        table = self.tables.get(cell[0])
        return cell[0] != TOTALS and (table is None or table.kind != "rows" or cell[1] == REST)

    def by_month(self, slab: Slab) -> bool:
        """Whether it may be told month by month: all cases, and some tables of them."""
        if slab[0] == TOTALS:
            return slab[1] == CASES
        table = self.tables[slab[0]]
        return table.months and table.kind == "rows" and table.of == CASES

    def at(self, unit: str, month: str, cell: Cell) -> int:
        """What was counted."""
        if cell[1] != REST:
            return self.counts.at(cell, unit, month)
        table = self.tables[cell[0]]
        return self.counts.at((TOTALS, table.of), unit, month) - sum(
            self.counts.at((table.key, row.key), unit, month) for row in table.rows
        )

    @cached_property
    def covering(self) -> frozenset[Slab]:
        """Tables whose rows overlap and leave out no case: whoever knows the protocol may know that."""
        leaves = [unit for unit in self.height if self.is_leaf(unit)]
        return frozenset(
            slab
            for slab, cells in self.slabs.items()
            if slab[0] != TOTALS
            and self.overlaps(slab)
            and all(
                self.at(unit, "", (TOTALS, self.tables[slab[0]].of)) <= sum(self.at(unit, "", cell) for cell in cells)
                for unit in leaves
            )
        )


def _down(top: str, children: Mapping[str, Sequence[str]]) -> list[str]:
    """All units, each after the one above it."""
    found = [top]
    for unit in found:
        found += children[unit]
    return found


def _heights(top: str, children: Mapping[str, Sequence[str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for unit in reversed(_down(top, children)):
        found[unit] = 1 + max((found[child] for child in children[unit]), default=-1)
    return found


def slab_of(cell: Cell) -> Slab:
    return cell if cell[0] == TOTALS else (cell[0], "")


def without_little_parts(counts: Counts) -> Counts:
    """The counts but for what stands at an academy or country itself, where that is small.

    Told of them is then the sum of what lies below: else the smallest directorate had to be kept back for its sake.
    """
    over = {unit for unit in counts.above.values() if unit}
    high = {counts.above[unit] for unit in over if counts.above[unit]}
    gone = sorted(
        unit
        for unit in counts.above
        if unit_of(unit) in high and unit == own_part(unit_of(unit)) and counts.at((TOTALS, CASES), unit) <= SMALL
    )
    if not gone:
        return counts
    return replace(
        counts,
        above={unit: above for unit, above in counts.above.items() if unit not in gone},
        cells=_less(counts.cells, gone, counts.above),
        by_month={month: _less(cells, gone, counts.above) for month, cells in counts.by_month.items()},
    )


def _less(
    cells: Mapping[Cell, Mapping[str, int]], gone: Iterable[str], above: Mapping[str, str]
) -> dict[Cell, dict[str, int]]:
    """The cells without those units, nor what these add to the units above them."""
    found = {cell: dict(units) for cell, units in cells.items()}
    for units in found.values():
        for part in gone:
            number, unit = units.pop(part, 0), above[part]
            while number and unit:
                units[unit] -= number
                if not units[unit]:
                    del units[unit]
                unit = above[unit]
    return found
