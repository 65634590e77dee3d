"""What changed between two releases, line by line, before the gate is asked: a cheap look that spares most findings.

A line is a sum and its parts: the units below a unit, the months of a period, the rows of a table. Where a sum is told
in two releases, the changes of the parts that are not told in both must be two at least, and five or more together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import chain, takewhile
from typing import NamedTuple

from school_protocol.statistics.disclosure.layout import ALL, MONTHLY, Layout, Slab
from school_protocol.statistics.disclosure.release import SMALL, Key, Release
from school_protocol.statistics.rules import TOTALS, Cell


class Line(NamedTuple):
    """A sum, and what adds up to it."""

    whole: Key
    parts: tuple[Key, ...]


class Changes:
    """All lines of a release on its way, and what they were in those `before`, oldest first."""

    def __init__(self, layout: Layout, before: Sequence[Release]) -> None:
        self.layout, self.before = layout, before
        self._layouts = [Layout(one.counts, one.floor) for one in before]
        self._values: dict[Key, tuple[int, ...]] = {}
        self._told = [frozenset(_with_only_month(one)) for one in before]

    def too_much(self, told: Collection[Key]) -> set[Key]:
        """What of `told` goes, so that no line tells a small change: the least part told anew, else the sum."""
        left = set(told)
        waiting = list(self.lines) if self.before else []
        while waiting:
            self._calm(waiting, left)
            waiting = [line for key in self._calm_beside(left) for line in self._lines_of.get(key, [])]
        return set(told) - left

    def _calm(self, lines: Sequence[Line], left: set[Key]) -> None:
        waiting = list(lines)
        while waiting:
            again = []
            for line in waiting:
                while self._tells_few(line, left):
                    goes = [key for key in line.parts if key in left] or [key for key in (line.whole,) if key in left]
                    if not goes:
                        break  # told by earlier releases alone: the gate says what must go for it
                    least = min(goes, key=lambda key: (self._value(key), key))
                    left.discard(least)
                    again += self._lines_of.get(least, [])
            waiting = list(dict.fromkeys(again))

    def _calm_beside(self, left: set[Key]) -> list[Key]:
        """What goes of overlapping rows beside their total, where what they do not count has changed by few."""
        gone = []
        for total, row in self._beside:
            goes = next((key for key in (row, total) if key in left), None)
            if goes is not None and self._tells_few_beside(total, row, left):
                left.discard(goes)
                gone.append(goes)
            kids = self._below(row).parts if not row.month else ()
            while (below := [key for key in kids if key in left]) and self._tells_few_below(total, row, kids, left):
                least = min(below, key=lambda key: (self._value(key), key))
                left.discard(least)
                gone.append(least)
        return gone

    def covers(self, release: int, key: Key) -> bool:
        """Whether that release was of that unit and month."""
        layout = self._layouts[release]
        return layout.has(key.unit) and (not key.month or key.month in layout.months)

    # ---- lines -----------------------------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return tuple(self._lines())

    @cached_property
    def _lines_of(self) -> dict[Key, list[Line]]:
        found: dict[Key, list[Line]] = {}
        for line in self.lines:
            for key in (line.whole, *line.parts):
                found.setdefault(key, []).append(line)
        return found

    def _lines(self) -> Iterator[Line]:
        layout = self.layout
        for slab, cells in layout.slabs.items():
            for unit in layout.units:
                months = ("", *layout.months) if self._has_months(slab, unit) else ("",)
                for month in months:
                    keys = [Key(unit, month, cell) for cell in cells]
                    yield from (self._below(key) for key in keys if layout.children[unit])
                    total = layout.total(slab)
                    if total is not None and not layout.overlaps(slab):
                        yield Line(Key(unit, month, total), tuple(keys))
                if len(months) > 2:
                    yield from (self._by_month(unit, cell) for cell in cells)

    @cached_property
    def _beside(self) -> tuple[tuple[Key, Key], ...]:
        """Each total with each overlapping row that is of it."""
        layout = self.layout
        return tuple(
            (Key(unit, month, total), Key(unit, month, cell))
            for slab, cells in layout.slabs.items()
            if layout.overlaps(slab) and (total := layout.total(slab)) is not None
            for unit in layout.units
            for month in ("", *(layout.months if self._has_months(slab, unit) else ()))
            for cell in cells
        )

    def _has_months(self, slab: Slab, unit: str) -> bool:
        height = self.layout.height[unit]
        return self.layout.by_month(slab) and height >= (1 if slab == ALL else MONTHLY)

    def _below(self, key: Key) -> Line:
        return Line(key, tuple(key._replace(unit=child) for child in self.layout.children[key.unit]))

    def _by_month(self, unit: str, cell: Cell) -> Line:
        return Line(Key(unit, "", cell), tuple(Key(unit, month, cell) for month in self.layout.months))

    # ---- changes ---------------------------------------------------------------------------------------------------

    def _tells_few(self, line: Line, told: set[Key]) -> bool:
        """Whether so few cases are left of what changed since any release that they stand open."""
        last = len(self.before)
        if not self._is_known(line.whole, last, told):
            return False
        for release in range(last):
            if self._has(line, release) and self._is_known(line.whole, release, told):
                changed = [
                    change
                    for key in line.parts
                    if (change := self._change(key, release))
                    and not (self._is_known(key, last, told) and self._is_known(key, release, told))
                ]
                if changed and sum(map(abs, changed)) <= SMALL:
                    return True
        return False

    def _tells_few_beside(self, total: Key, row: Key, told: set[Key]) -> bool:
        """Whether total and row stand in two releases, and what the row does not count differs by few."""
        last = len(self.before)
        ends = [at for at in range(last + 1) if all(self._is_known(key, at, told) for key in (total, row))]
        changes = [(self._change(total, at), self._change(row, at)) for at in ends if at < last]
        return last in ends and any(all(one) and 0 < abs(one[0] - one[1]) <= SMALL for one in changes)

    def _tells_few_below(self, total: Key, row: Key, kids: Sequence[Key], told: set[Key]) -> bool:
        """Whether few came to the units below that keep the row back, and are not counted by it, while their totals
        stand in both releases."""
        last = len(self.before)
        for at in range(last):
            ends = at, last
            if not all(self._is_known(key, end, told) for key in (total, row) for end in ends):
                continue
            kept = [kid for kid in kids if not all(self._is_known(kid, end, told) for end in ends)]
            totals = [kid._replace(cell=total.cell) for kid in kept]
            grown, more = (sum(self._change(key, at) for key in keys) for keys in (totals, kept))
            is_few = grown and more and 0 < abs(grown - more) <= SMALL
            if is_few and all(self._is_known(key, end, told) for key in totals for end in ends):
                return True
        return False

    def _has(self, line: Line, release: int) -> bool:
        """Whether none of its parts was left out there."""
        layout = self._layouts[release]
        return not any(key.unit in layout.counts.above and not layout.has(key.unit) for key in line.parts)

    def _change(self, key: Key, release: int) -> int:
        return self._value(key) - self._every(key)[release]

    def _value(self, key: Key) -> int:
        return self._every(key)[-1]

    def _every(self, key: Key) -> tuple[int, ...]:
        """What it was in each release, and is now."""
        if key not in self._values:
            self._values[key] = tuple(self._at(one, key) for one in (*self._layouts, self.layout))
        return self._values[key]

    def _at(self, layout: Layout, key: Key) -> int:
        is_there = key.cell[0] == TOTALS or key.cell[0] in layout.tables
        return layout.at(*key) if is_there and key.unit in layout.counts.above else 0

    def _is_known(self, key: Key, release: int, told: set[Key]) -> bool:
        """Whether that release, or another in which it was the same, told it; or it could not be yet."""
        if release < len(self.before):
            counts = self.before[release].counts
            if key.unit not in counts.above or (key.month and key.month not in counts.period.months):
                return True
        values, last = self._every(key), len(self.before)
        ends = range(release, -1, -1), range(release + 1, last + 1)
        alike = chain.from_iterable(takewhile(lambda at: values[at] == values[release], end) for end in ends)
        return any(key in (told if at == last else self._told[at]) for at in alike)


def _with_only_month(release: Release) -> Iterator[Key]:
    """What it told; of a period of one month, of that month, too."""
    yield from release.told
    months = release.counts.period.months
    if len(months) == 1:
        yield from (key._replace(month=months[0]) for key in release.told)
