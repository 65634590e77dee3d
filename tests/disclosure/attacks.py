"""Attacks written apart from the product: all worlds of tiny districts, and bounds drawn tighter for any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from school_protocol.statistics.disclosure.release import Key, Release
from school_protocol.statistics.rules import TOTALS, Counts

Space = dict[Key, "np.ndarray"]
"""Cell → its value in each world."""
ALL = (TOTALS, "cases")
ROWS = (("level", "level0"), ("level", "level1"))


@dataclass(frozen=True)
class Shape:
    """A tree whose schools have one table of two rows; `months`: two of them, told of the root."""

    above: dict[str, str]
    months: tuple[str, ...] = ()
    greatest: int = 10
    """Of a school's row."""

    @property
    def schools(self) -> list[str]:
        return sorted(set(self.above) - set(self.above.values()))

    @property
    def root(self) -> str:
        return next(unit for unit, above in self.above.items() if not above)

    def worlds(self, release: Release) -> Space:
        """All worlds in which that release looks as it does."""
        free = [Key(unit, "", cell) for unit in self.schools for cell in ROWS]
        free += [Key(self.root, self.months[0], cell) for cell in ROWS] if self.months else []
        told = {key: release.counts.at(key.cell, key.unit, key.month) for key in release.told}
        ranges = [np.array([told[key]]) if key in told else np.arange(self.greatest + 1) for key in free]
        grid = np.stack(np.meshgrid(*ranges, indexing="ij")).reshape(len(free), -1).astype(np.int16)
        space = self._whole({key: grid[place] for place, key in enumerate(free)})
        alike = np.ones(grid.shape[1], dtype=bool)
        for key, values in space.items():
            alike &= values >= 0
            if key in told:
                alike &= values == told[key]
        assert alike.any(), "the real world is none of them"
        return {key: values[alike] for key, values in space.items()}

    def _whole(self, space: Space) -> Space:
        """The sums that follow from what is free."""
        for unit in self._bottom_up():
            for cell in ROWS:
                parts = [space[Key(one, "", cell)] for one, above in self.above.items() if above == unit]
                space[Key(unit, "", cell)] = np.sum(parts, axis=0)
        if self.months:
            first, second = self.months
            for cell in ROWS:
                whole = space[Key(self.root, "", cell)]
                space[Key(self.root, second, cell)] = whole - space[Key(self.root, first, cell)]
        for unit, month, _ in list(space):
            space[Key(unit, month, ALL)] = np.sum([space[Key(unit, month, cell)] for cell in ROWS], axis=0)
        return space

    def _bottom_up(self) -> list[str]:
        found = [self.root]
        for unit in found:
            found += [one for one, above in self.above.items() if above == unit and one in self.above.values()]
        return found[::-1]


def narrow(space: Space, counts: Counts) -> set[Key]:
    """The counts of 1 to 4 of which fewer than five values' width is left, once each 0 that is found out is known."""
    alike = np.ones(len(next(iter(space.values()))), dtype=bool)
    while True:
        tight = {
            key: counts.at(key.cell, key.unit, key.month)
            for key, values in space.items()
            if counts.at(key.cell, key.unit, key.month) < 5 and int(np.ptp(values[alike])) < 4
        }
        known = np.all([space[key] == 0 for key, value in tight.items() if not value] or [alike], axis=0) & alike
        if (known == alike).all():
            return {key for key, value in tight.items() if value}
        alike = known


def narrow_together(shape: Shape, releases: Sequence[Release]) -> set[tuple[int, Key]]:
    """(release, small count or, of the later one, small change) found out by whoever reads both.

    He knows what has changed from one to the next, and in which direction.
    """
    before, after = (one.counts for one in releases)
    old, new = (shape.worlds(one) for one in releases)
    found: set[tuple[int, Key]] = set()
    ranges: dict[tuple[int, Key], tuple[int, int]] = {}
    size = len(new[Key(shape.root, "", ALL)])
    for world in range(len(old[Key(shape.root, "", ALL)])):
        alike = np.ones(size, dtype=bool)
        for key, values in new.items():
            here = old[key][world]
            grew = after.at(key.cell, key.unit, key.month) - before.at(key.cell, key.unit, key.month)
            alike &= values == here if grew == 0 else values >= here if grew > 0 else values <= here
        if alike.any():
            for key, values in new.items():
                left, here = values[alike], int(old[key][world])
                _widen(ranges, (0, key), here, here)
                _widen(ranges, (1, key), int(left.min()), int(left.max()))
                _widen(ranges, (2, key), int(left.min()) - here, int(left.max()) - here)
    for (which, key), (low, high) in ranges.items():
        first, second = (one.at(key.cell, key.unit, key.month) for one in (before, after))
        real = (first, second, second - first)[which]
        if 0 < abs(real) < 5 and high - low < 4:
            found.add((which, key))
    return found


def _widen(ranges: dict[tuple[int, Key], tuple[int, int]], name: tuple[int, Key], low: int, high: int) -> None:
    before = ranges.get(name, (low, high))
    ranges[name] = min(low, before[0]), max(high, before[1])


# ---- bounds drawn tight --------------------------------------------------------------------------------------------


def drawn_tight(release: Release) -> set[Key]:
    """Small counts that somebody finds who draws bounds tighter, line by line, until nothing moves any more."""
    counts, low, high = release.counts, {}, {}
    lines = list(_lines(counts))
    for whole, parts in lines:
        for key in (whole, *parts):
            value = release.at(key.cell, key.unit, key.month)
            is_new = key in release.told
            low[key], high[key] = (value, value) if is_new and value is not None else (0, 10**6)
    moved = True
    while moved:
        moved = False
        for whole, parts in lines:
            bottom, top = sum(low[one] for one in parts), sum(high[one] for one in parts)
            new = [(whole, bottom, top)]
            new += [(one, low[whole] - top + high[one], high[whole] - bottom + low[one]) for one in parts]
            for key, least, most in new:
                if least > low[key] or most < high[key]:
                    low[key], high[key] = max(low[key], least), min(high[key], most)
                    moved = True
    return {key for key in low if 0 < counts.at(key.cell, key.unit, key.month) < 5 and high[key] - low[key] < 4}


def _lines(counts: Counts) -> Iterator[tuple[Key, list[Key]]]:
    """Whatever adds up and may be told."""
    tables = {one.key: one for one in counts.tables if one.kind == "rows"}
    cells = [(key, row.key) for key, one in tables.items() for row in one.rows]
    totals = [(TOTALS, total) for total in ("cases", "dangers", "referrals")]
    months = counts.period.months if len(counts.period.months) > 1 else ()
    below: dict[str, list[str]] = {}
    for unit, above in counts.above.items():
        below.setdefault(above, []).append(unit)
    for unit in counts.above:
        inner = unit in below
        for cell in totals + cells:
            of_months = months if inner and (cell == ALL or (cell[0] != TOTALS and tables[cell[0]].months)) else ()
            if inner:
                yield Key(unit, "", cell), [Key(one, "", cell) for one in below[unit]]
                if all(one in below for one in below[unit]):
                    yield from ((Key(unit, at, cell), [Key(one, at, cell) for one in below[unit]]) for at in of_months)
            if of_months:
                yield Key(unit, "", cell), [Key(unit, at, cell) for at in of_months]
        for key, one in tables.items():
            if one.adds_up:
                for at in ("", *(months if inner and one.months else ())):
                    yield Key(unit, at, (TOTALS, one.of)), [Key(unit, at, (key, row.key)) for row in one.rows]


def pairs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    yield from product(numbers, repeat=2)


def told_too_soon(releases: Sequence[Release]) -> list[Key]:
    """Cells that two releases tell, one after the other, though they changed by fewer than five."""
    return [
        key
        for before, after in pairwise(releases)
        for key in sorted(before.told & after.told)
        if abs(after.counts.at(key.cell, key.unit, key.month) - before.counts.at(key.cell, key.unit, key.month)) < 5
    ]
