"""All releases together as one system of numbers: what somebody knows who has read every one of them.

The strongest reader is assumed: they know which counts have changed from one release to the next, and whether up or
down, though not by how much. So a cell that did not change is one number, whatever release told it. Units below one of
which nothing of a table was ever told stand together as one number, a pool: it may lie with its members in any way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from school_protocol.statistics import rules as statistics_rules
from school_protocol.statistics.disclosure.layout import ALL, Layout, Slab, slab_of
from school_protocol.statistics.disclosure.release import Key, NotReleasable, Release, Said, said_of
from school_protocol.statistics.rules import KEPT, LATE, TOTALS, Cell, Counts, FigureTable

Terms = tuple[tuple[int, int], ...]
"""(number, factor) of a sum."""


class Place(NamedTuple):
    """A cell whatever the release: `period` is a month, or the first month of a longer period with a plus sign."""

    unit: str
    period: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class Bound:
    """A sum that lies between two numbers, both included; None: no bound on that side."""

    terms: Terms
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Pool:
    """Units right below `unit` that stand together as `holder`: that is `unit` itself where all of them do."""

    release: int
    unit: str
    holder: str
    month: str
    slab: Slab
    members: tuple[str, ...]


class System:
    """What stands on any page, or would, as numbers; `known` are those that were told, in whichever release."""

    def __init__(self, releases: Sequence[Release]) -> None:
        self.releases = tuple(releases)
        trees = in_one_tree([release.counts for release in releases])
        self.layouts = tuple(Layout(tree, one.floor) for tree, one in zip(trees, releases, strict=True))
        self.versions: dict[Place, list[int]] = {}
        self.seen: dict[tuple[int, Place], int] = {}
        """(release, place) → its number."""
        self.place: list[Place] = []
        self.block: list[tuple[str, str]] = []
        """Of each number: the unit above its own, and the table."""
        self.since: list[int] = []
        """Of each number: the release in which it was first counted."""
        self.pools: list[Pool] = []
        self.bounds: list[Bound] = []
        self.unplaced: list[tuple[int, Key]] = []
        """(release, cell) that was told, and that nobody may tell."""
        self.steps: list[tuple[int, int, int, int]] = []
        """(release, any later release, number, other number that it became)."""
        self._counted: list[int] = []
        self._members: dict[Place, list[tuple[str, ...]]] = defaultdict(list)
        self._find_speakers()
        for release in range(len(releases)):
            if releases[release].told or releases[release].spoken:
                self._read(release)
        self.truth: NDArray[np.int64] = np.array(self._counted, dtype=np.int64)
        self.known: NDArray[np.bool_] = np.zeros(len(self.place), dtype=bool)
        for release, one in enumerate(releases):
            for key in sorted(one.told):
                number = None if self.layouts[release].is_silent(key.cell) else self.number(release, key)
                if number is None:
                    self.unplaced.append((release, key))
                else:
                    self.known[number] = True
        self._order()
        self.steps = list(self._steps())

    def number(self, release: int, key: Key) -> int | None:
        """The number of that cell, if it stands by itself."""
        return self.seen.get((release, Place(key.unit, key.month or self.whole(release), key.cell)))

    def whole(self, release: int) -> str:
        """What the whole period is called."""
        return f"{self.layouts[release].months[0]}+"

    # ---- which numbers there are -----------------------------------------------------------------------------------

    def _find_speakers(self) -> None:
        """Which units tell anything, and of what; and all units above them."""
        self.alive: set[str] = set()
        self.speakers: dict[Slab, set[str]] = defaultdict(set)
        self.monthly: dict[Slab, set[str]] = defaultdict(set)
        for release, layout in zip(self.releases, self.layouts, strict=True):
            told = [(key.unit, key.month, slab_of(key.cell)) for key in release.told]
            told += [(said.unit, said.month, (said.table, "")) for said in release.spoken]
            for unit, month, slab in set(told):
                if slab not in layout.slabs or not layout.has(unit):
                    continue
                self.speakers[slab].add(unit)
                total = layout.total(slab)
                while total is not None:
                    self.speakers[total].add(unit)
                    total = layout.total(total)
                if month and slab != ALL:
                    self.monthly[slab].add(unit)
                self.alive.add(unit)
        found = 0
        while found < len(self.alive):
            found = len(self.alive)
            for layout in self.layouts:
                for unit in reversed(layout.units):
                    if unit in self.alive and layout.counts.above[unit]:
                        self.alive.add(layout.counts.above[unit])

    def _is_inner(self, layout: Layout, unit: str) -> bool:
        return unit in self.alive and not layout.is_leaf(unit)

    def _is_alone(self, layout: Layout, slab: Slab, unit: str) -> bool:
        return unit in self.speakers[slab] or self._is_inner(layout, unit)

    def _read(self, release: int) -> None:
        layout, whole = self.layouts[release], self.whole(release)
        inner = [unit for unit in layout.units if self._is_inner(layout, unit)]
        for slab, cells in layout.slabs.items():
            for cell in cells:
                self._add(release, layout.counts.unit, "", cell)
            for unit in inner:
                kids = [one for one in layout.children[unit] if self._is_alone(layout, slab, one)]
                self._split(release, unit, "", slab, kids)
        for unit in inner:
            kids = [one for one in layout.children[unit] if one in inner]
            self._months(release, unit, ALL)
            self._split(release, unit, "months", ALL, kids)
        for slab in sorted(self.monthly):
            told = [unit for unit in reversed(inner) if unit in self.monthly[slab]] if layout.by_month(slab) else []
            for unit in told:
                if self._tells_by_itself(layout, unit, slab):
                    self._months(release, unit, slab)
                for key in sorted(self.releases[release].told):
                    if key.unit == unit and key.month and slab_of(key.cell) == slab:
                        self._sum_of_months(release, key)
        self._bind(release, whole)

    def _tells_by_itself(self, layout: Layout, unit: str, slab: Slab) -> bool:
        """Whether no unit below tells that table by month."""
        return not any(one in self.monthly[slab] for one in layout.below(unit) if one != unit)

    def _sum_of_months(self, release: int, key: Key) -> None:
        """A month's row that is told, where all units right below have it, too, is their sum."""
        kids = [Place(kid, key.month, key.cell) for kid in self.layouts[release].children[key.unit]]
        if (release, Place(*key)) not in self.seen and kids and all((release, kid) in self.seen for kid in kids):
            self._sum([self._add(release, *key)], [self.seen[release, kid] for kid in kids])

    def _months(self, release: int, unit: str, slab: Slab) -> None:
        """The months of a slab add up."""
        layout = self.layouts[release]
        for cell in layout.slabs[slab]:
            numbers = [self._add(release, unit, month, cell) for month in layout.months]
            self._sum([self.seen[release, Place(unit, self.whole(release), cell)]], numbers)
        if slab != ALL:
            for month in layout.months:
                self._rows(release, slab, month, unit, [self.seen[release, Place(unit, month, ALL)]])

    def _split(self, release: int, unit: str, month: str, slab: Slab, kids: Sequence[str]) -> None:
        """A unit's cells are the sum of those below: of some by themselves, and of the others together.

        Those whose total stands by itself do not stand together with the others.
        """
        layout = self.layouts[release]
        if layout.is_lowest(unit):
            return
        others = [one for one in layout.children[unit] if one not in set(kids)]
        total = None if month else layout.total(slab)
        with_total = tuple(one for one in others if total is not None and self._is_alone(layout, total, one))
        pools = [pool for pool in (with_total, tuple(one for one in others if one not in with_total)) if pool]
        slots = layout.months if month else ("",)
        if not kids and len(pools) == 1:
            low = tuple(one for one in others if not layout.is_leaf(one)) if month else pools[0]
            self.pools += [Pool(release, unit, unit, one, slab, low) for one in slots if low]
            return
        named = [(self._holder(unit, slots[0] or self.whole(release), slab, members), members) for members in pools]
        for one in slots:
            self.pools += [Pool(release, unit, holder, one, slab, members) for holder, members in named]
            for cell in layout.slabs[slab]:
                parts = [self._add(release, kid, one, cell) for kid in kids]
                parts += [self._add(release, holder, one, cell, members) for holder, members in named]
                self._sum([self.seen[release, Place(unit, one or self.whole(release), cell)]], parts)

    def _holder(self, unit: str, period: str, slab: Slab, members: tuple[str, ...]) -> str:
        """The name of these units together: another one where others stood together before."""
        before = self._members[Place(unit, period, slab)]
        if members not in before:
            before.append(members)
        return f"{unit}*{before.index(members)}"

    def _add(self, release: int, unit: str, month: str, cell: Cell, members: Sequence[str] = ()) -> int:
        layout = self.layouts[release]
        place = Place(unit, month or self.whole(release), cell)
        if (release, place) in self.seen:
            return self.seen[release, place]
        value = sum(layout.at(one, month, cell) for one in members or (unit,))
        versions = self.versions.setdefault(place, [])
        if not versions or self._counted[versions[-1]] != value:
            versions.append(len(self._counted))
            self.since.append(release)
            self._counted.append(value)
            self.place.append(place)
            above = unit.rpartition("*")[0] if members else layout.counts.above[unit]
            table = f"{cell[0]} {cell[1]}" if cell[0] == TOTALS else cell[0]
            self.block.append((unit, f"{table} by month") if month and cell != ALL else (above, table))
        self.seen[release, place] = versions[-1]
        return versions[-1]

    # ---- what binds them -------------------------------------------------------------------------------------------

    def _sum(self, whole: Iterable[int], parts: Iterable[int]) -> None:
        self._bound([*((one, 1) for one in parts), *((one, -1) for one in whole)], 0, 0)

    def _bound(self, terms: Iterable[tuple[int, int]], low: int | None, high: int | None) -> None:
        found: dict[int, int] = defaultdict(int)
        for number, factor in terms:
            found[number] += factor
        self.bounds.append(Bound(tuple((number, factor) for number, factor in found.items() if factor), low, high))

    def _rows(self, release: int, slab: Slab, month: str, holder: str, totals: Sequence[int]) -> None:
        """The rows of a table and its total, of one unit or pool."""
        layout, period = self.layouts[release], month or self.whole(release)
        rows = [self.seen[release, Place(holder, period, cell)] for cell in layout.slabs[slab]]
        if not layout.overlaps(slab):
            self._sum(totals, rows)
            return
        for row in rows:
            self._bound([*((one, 1) for one in totals), (row, -1)], 0, None)
        if slab in layout.covering:
            self._bound([*((one, 1) for one in rows), *((one, -1) for one in totals)], 0, None)

    def _bind(self, release: int, whole: str) -> None:
        layout = self.layouts[release]
        holders: dict[Slab, dict[str, tuple[str, ...]]] = defaultdict(dict)
        for (number, place), _ in list(self.seen.items()):
            if number == release and place.period == whole and "*" not in place.unit:
                holders[slab_of(place.cell)][place.unit] = (place.unit,)
        for pool in self.pools:
            if pool.release == release and not pool.month and pool.holder != pool.unit:
                holders[pool.slab][pool.holder] = pool.members
        for slab in layout.slabs:
            total = layout.total(slab)
            if total is None:
                continue
            for holder, members in holders[slab].items():
                self._rows(release, slab, "", holder, self._totals(release, total, holders[total], holder, members))
        for said in sorted(self.releases[release].spoken):
            self._said(release, said)

    def _totals(
        self, release: int, total: Cell, holders: dict[str, tuple[str, ...]], holder: str, members: tuple[str, ...]
    ) -> list[int]:
        """The numbers whose sum is the total of those units: each by itself, and the pool of the others."""
        whole = self.whole(release)
        alone = [one for one in members if one in holders]
        found = [self.seen[release, Place(one, whole, total)] for one in alone]
        unit = holder.rpartition("*")[0]
        for pool, inside in holders.items():
            if pool.startswith(f"{unit}*") and set(inside) <= set(members):
                found.append(self.seen[release, Place(pool, whole, total)])
        return found

    def _said(self, release: int, said: Said) -> None:
        counts, table = self.releases[release].counts, self.releases[release].tables.get(said.table)
        is_known = (
            table is not None and table.kind != "rows" and not said.month and self.layouts[release].has(said.unit)
        )
        told = said_of(counts, table, said) if table is not None and is_known else None
        if table is None or told is None:
            self.unplaced.append((release, Key(said.unit, said.month, (said.table, ""))))
            return

        def numbers(rows: Iterable[str]) -> list[int]:
            whole = self.whole(release)
            return [self.seen[release, Place(said.unit, whole, (said.table, row))] for row in rows]

        if isinstance(told, tuple):
            kept, late = numbers([KEPT, LATE])
            self.bounds += _share(kept, late, told)
        elif isinstance(told, str):
            self.bounds += _median(table, told, numbers(row.key for row in table.rows))

    def _order(self) -> None:
        """Whether a number has grown or fallen since; of a pool only where all its members have."""
        last: dict[Place, tuple[int, int]] = {}
        members = {(pool.release, pool.holder, pool.month, pool.slab): pool.members for pool in self.pools}
        for (release, place), number in sorted(self.seen.items(), key=lambda one: one[0][0]):
            before, old = last.get(place, (release, number))
            last[place] = release, number
            if old == number:
                continue
            month = "" if place.period.endswith("+") else place.period
            inside = members.get((release, place.unit, month, slab_of(place.cell)), ()) if "*" in place.unit else ()
            changes = [
                self.layouts[release].at(one, month, place.cell) - self.layouts[before].at(one, month, place.cell)
                for one in inside or (place.unit,)
            ]
            if all(change >= 0 for change in changes):
                self._bound([(number, 1), (old, -1)], 0, None)
            elif all(change <= 0 for change in changes):
                self._bound([(old, 1), (number, -1)], 0, None)

    def _steps(self) -> Iterator[tuple[int, int, int, int]]:
        """Any two numbers that a cell was: two changes that are open may make up one that is not."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for (release, _place), number in sorted(self.seen.items(), key=lambda one: one[0][0]):
            first.setdefault(number, release)
            last[number] = release
        for numbers in self.versions.values():
            for old, new in combinations(numbers, 2):
                if self._counted[old] != self._counted[new]:
                    yield last[old], first[new], old, new


def in_one_tree(every: Sequence[Counts]) -> Iterator[Counts]:
    """Each with the units that only others have, where nothing was counted: so the same stand together in all."""
    for counts in every:
        above, over = dict(counts.above), set(counts.above.values())
        for other in every:
            for unit in Layout(other).units if other.above.keys() - above.keys() else ():
                parent = other.above[unit]
                if unit not in above and parent in above and (parent in over or not counts.at(ALL, parent)):
                    above[unit] = parent
        yield counts if len(above) == len(counts.above) else replace(counts, above=above)


def begin_alike(layouts: Sequence[Layout]) -> None:
    """Raises NotReleasable where periods overlap that begin with different months."""
    for one, other in combinations(layouts, 2):
        is_linked = bool(one.counts.above.keys() & other.counts.above.keys() and set(one.months) & set(other.months))
        if is_linked and one.months[0] != other.months[0]:
            raise NotReleasable("periods that overlap begin with the same month")


def _share(kept: int, late: int, told: tuple[int, int]) -> Iterator[Bound]:
    """What a share says: the steps' width tells how many there are, and the step between which counts the part lies."""
    low, high = told
    steps = 100 // (high - low)
    least = {parts: number for number, parts in statistics_rules.STEPS}[steps]
    most = min((number - 1 for number, _ in statistics_rules.STEPS if number > least), default=None)
    yield Bound(((kept, 1), (late, 1)), least, most)
    at = low * steps // 100
    # at * (kept + late) <= steps * kept < (at + 1) * (kept + late), but that all of them lie in the last step
    yield Bound(((kept, steps - at), (late, -at)), 0, None)
    yield Bound(((kept, at + 1 - steps), (late, at + 1)), 0 if at == steps - 1 else 1, None)


def _median(table: FigureTable, middle: str, numbers: Sequence[int]) -> Iterator[Bound]:
    """What a lower median says: up to its class lie half of all at least, below it fewer."""
    at = [row.key for row in table.rows].index(middle)
    yield Bound(tuple((number, 1) for number in numbers), statistics_rules.BAND, None)
    yield Bound(tuple((number, 1 if place <= at else -1) for place, number in enumerate(numbers)), 0, None)
    yield Bound(tuple((number, -1 if place < at else 1) for place, number in enumerate(numbers)), 1, None)
