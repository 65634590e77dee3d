"""The gate: whether anything that is withheld can be worked out of all that was ever told.

For every small count, and every small change between two releases, two worlds are looked for: whole numbers that fit
everything told, in all releases and on all levels, and differ there by four at least. Most are found near by: in one
table below one unit, all else being held at what it is, as if the reader knew it. Two worlds of a block are two worlds
of the whole. What no block opens is looked at in a greater one, at last in all that hangs together. Each world is made
for many counts at once, and held against all that stand in its block.

That a count is 0 tells of nobody: it may be worked out. It is then taken as known for whatever else must stay open. So
at first all zeros are, whether they can be worked out or not: most stays open all the same. Only for what does not are
zeros moved, and then each of them must be open itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import compress
from typing import NamedTuple

import numpy as np

from school_protocol.statistics.disclosure.bounding import Block, Bounds, Numbers, World, spans
from school_protocol.statistics.disclosure.layout import Layout, slab_of
from school_protocol.statistics.disclosure.members import TERMS, Need, needs_of
from school_protocol.statistics.disclosure.release import SMALL, Key, Name, Release, Said, Told, Worlds
from school_protocol.statistics.disclosure.seeking import Flags, Ranges, Search
from school_protocol.statistics.disclosure.system import Place, System, begin_alike
from school_protocol.statistics.rules import TOTALS

# Worlds that an earlier look found, tried anew: what they opened then needs no program now.
# None is trusted: each is put onto the numbers that there are now and counts only if it fits every
# bound exactly. What was counted since moves as it did before it changed, or if that doesn't fit,
# not at all.

_AT_ONCE = 200


def named(system: System, worlds: Sequence[World]) -> Worlds:
    """Worlds of a system, as they are kept."""
    used = np.unique(np.concatenate([one.numbers for one in worlds])) if worlds else np.zeros(0, dtype=np.int64)
    names = tuple(_name(system, number) for number in used.tolist())
    moves = tuple((tuple(np.searchsorted(used, one.numbers).tolist()), tuple(one.steps.tolist())) for one in worlds)
    return Worlds(len(system.releases), names, moves)


def fitting(kept: Worlds, system: System, bounds: Bounds) -> Iterator[World]:
    """Those that are worlds of this system, too."""
    numbers = {_name(system, number): number for number in range(len(system.place))}
    onto = np.array([numbers.get(name, -1) for name in kept.names], dtype=np.int64)
    later = _Later(system, kept.releases)
    for begin in range(0, len(kept.moves), _AT_ONCE):
        now = [_put(onto, places, steps) for places, steps in kept.moves[begin : begin + _AT_ONCE]]
        moving = [later.moving(one) for one in now]
        fits = bounds.fit(moving).tolist()
        yield from compress(moving, fits)
        still = [one for one, is_one in zip(now, fits, strict=True) if not is_one]
        yield from compress(still, bounds.fit(still).tolist())


def _name(system: System, number: int) -> Name:
    place = system.place[number]
    return place.unit, place.period, *place.cell, int(system.truth[number])


def _put(onto: Numbers, places: Sequence[int], steps: Sequence[int]) -> World:
    numbers = onto[list(places)]
    is_there = numbers >= 0
    if len(np.unique(numbers[is_there])) < is_there.sum():
        is_there[:] = False  # a cell that came back to what it was: names don't tell its numbers apart
    return World(numbers[is_there], np.array(steps, dtype=np.int64)[is_there])


class _Later:
    """What was counted since so many releases: of each number the one that the cell was before."""

    def __init__(self, system: System, releases: int) -> None:
        before = np.full(len(system.place), -1, dtype=np.int64)
        for versions in system.versions.values():
            old = [number for number in versions if system.since[number] < releases]
            new = [number for number in versions if system.since[number] >= releases]
            before[new] = old[-1] if old and new else -1
        self._new: Numbers = np.flatnonzero((before >= 0) & ~system.known)
        order = np.argsort(before[self._new], kind="stable")
        self._new = self._new[order]
        self._before = before[self._new]

    def moving(self, world: World) -> World:
        """That world, in which they move as what they were."""
        if not len(self._new):
            return world
        begins, ends = (np.searchsorted(self._before, world.numbers, side) for side in ("left", "right"))
        at = spans(begins, ends)
        numbers = np.concatenate([world.numbers, self._new[at]])
        return World(numbers, np.concatenate([world.steps, np.repeat(world.steps, ends - begins)]))


# Which numbers are looked at together: of one table below one unit, of one table, of what changed
# in one release …
# A cell that was told in no release may have been another number in all of them: then the numbers
# that it was move as one column. From the release on in which it changed, it may move by itself.


class Part(NamedTuple):
    """Free numbers, and the columns in which they move: each from 0 on has one."""

    numbers: Numbers
    columns: Numbers
    size: int

    @classmethod
    def of(cls, numbers: Numbers, names: Numbers) -> Part:
        """Numbers of one name are in one column."""
        found, columns = np.unique(names, return_inverse=True)
        return cls(numbers, columns, len(found))

    @property
    def name(self) -> bytes:
        """The same for the same numbers in the same columns."""
        return sha256(self.numbers.tobytes() + self.columns.tobytes()).digest()


class Cuts:
    """The numbers of a system by names: those of one name are looked at together."""

    def __init__(self, system: System) -> None:
        self.system = system
        size = len(system.place)
        self.since: Numbers = np.array(system.since, dtype=np.int64)
        versions = list(system.versions.values())
        self._order = np.fromiter((number for one in versions for number in one), dtype=np.int64, count=size)
        """All numbers, those that one cell was one after the other."""
        self._begins = np.zeros(size, dtype=bool)
        self._begins[np.cumsum([0, *(len(one) for one in versions)])[:-1]] = True
        self.by_block = _numbered(system.block)
        self.by_unit = _numbered([one[0] for one in system.block])
        self.by_table = _numbered([slab_of(one.cell) for one in system.place])
        totals = {key: (TOTALS, table.of) for one in system.layouts for key, table in one.tables.items()}
        self.by_total = _numbered([one.cell if one.cell[0] == TOTALS else totals[one.cell[0]] for one in system.place])
        """A total and all tables of it."""
        self.together: Numbers = np.zeros(size, dtype=np.int64)

    # ---- columns ---------------------------------------------------------------------------------------------------

    def alone(self, _held: Flags) -> Numbers:
        """Each number in a column of its own."""
        return np.arange(len(self.since))

    def runs(self, held: Flags) -> Numbers:
        """What a cell was, from one number that is held to the next, in one column."""
        return self._columns(held, np.zeros(len(self.since), dtype=bool))

    def since_release(self, held: Flags, release: int) -> Numbers:
        """Of each cell that changed in that release: what it was from then on, in one column; all else in none: -1."""
        changed = self.since == release
        columns = self._columns(held, changed)
        is_first = np.zeros(len(changed) + 1, dtype=bool)
        is_first[columns[changed & ~held]] = True
        return np.where(is_first[columns] & ~held, columns, -1)

    def _columns(self, held: Flags, begins: Flags) -> Numbers:
        ordered = held[self._order]
        first = self._begins | begins[self._order] | ordered | np.concatenate([[False], ordered[:-1]])
        found = np.zeros(len(held), dtype=np.int64)
        found[self._order] = np.cumsum(first) - 1
        return found

    # ---- parts -----------------------------------------------------------------------------------------------------

    def parts(
        self, names: Numbers, free: Flags, held: Flags, needs: Numbers, firsts: Numbers
    ) -> Iterator[tuple[Numbers, Numbers]]:
        """The free numbers of each name that needs ask for, and these needs. `firsts`: of each a free number, or -1."""
        asked = needs[firsts >= 0]
        name = names[firsts[firsts >= 0]]
        every = np.flatnonzero(~held & free)
        order = every[np.argsort(names[every], kind="stable")]
        sorted_names = names[order]
        for one in np.unique(name):
            begin, end = np.searchsorted(sorted_names, [one, one + 1])
            if begin < end:
                yield order[begin:end], asked[name == one]

    def components(self, held: Flags) -> Numbers:
        """Names under which all stands together that bounds bind."""
        root = list(range(len(held)))

        def find(number: int) -> int:
            while root[number] != number:
                root[number] = root[root[number]]
                number = root[number]
            return number

        for bound in self.system.bounds:
            unknown = [number for number, _ in bound.terms if not held[number]]
            for number in unknown[1:]:
                root[find(number)] = find(unknown[0])
        return np.array([find(number) for number in root], dtype=np.int64)


def _numbered(names: Sequence[object]) -> Numbers:
    """The same names as numbers."""
    places: dict[object, int] = {}
    return np.array([places.setdefault(name, len(places)) for name in names], dtype=np.int64)


Progress = Callable[[int, int], None]
"""Told how many of how many counts are settled."""

GREATEST = 30_000
"""No block has more columns than so many: what is open only there counts as found out."""
CHANGED = 12_000
"""Up to so many numbers that changed in a release are looked at together."""


class Cut(NamedTuple):
    """Names of the numbers that are looked at together, and how they move."""

    names: Numbers
    columns: Sequence[Callable[[Flags], Numbers]]
    """The first of these that makes no more columns than are looked at."""
    is_near: bool = False
    """Whether totals are what they are there."""
    release: int = 0
    """Asked of what that release counted for the first time, and unless it is near of changes alone."""
    greatest: int = 0
    each_alone: bool = False
    """Whether what no world opens together with others is looked at by itself."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What can be worked out: a cell, or by how much it changed between two releases. Between `low` and `high`."""

    place: Place
    low: int
    high: int
    is_change: bool = False


def quiet(_done: int, _all: int) -> None:
    """Nobody is told."""


def audit(releases: Sequence[Release], progress: Progress = quiet) -> tuple[Finding, ...]:
    """Everything that can be worked out of these releases together, oldest first; nothing, if all of it may stand.

    Years have no case in common: each is looked at by itself. Raises NotReleasable where they overlap.
    """
    begin_alike([Layout(release.counts) for release in releases])
    years: dict[str, list[Release]] = defaultdict(list)
    for release in releases:
        years[release.counts.period.months[0]].append(release)
    return tuple(one for year in years.values() for one in _found(year, progress))


def _found(year: Sequence[Release], progress: Progress) -> tuple[Finding, ...]:
    carried = [one.worlds for one in year[-1:] if one.worlds]
    return Audit(System(year), progress, carried).findings()


class Audit:
    """One look at one system."""

    def __init__(self, system: System, progress: Progress = quiet, carried: Sequence[Worlds] = ()) -> None:
        """`carried`: worlds that earlier looks found, which are tried before any is looked for."""
        self.system, self.progress = system, progress
        self.ranges = Ranges(list(needs_of(system)), len(system.truth))
        self._bounds, self._cuts = Bounds(system), Cuts(system)
        needs = self.ranges.needs
        self._is_zero, self._is_held, self._is_change = (
            np.array([getattr(need, name) for need in needs], dtype=bool)
            for name in ("is_zero", "is_held", "is_change")
        )
        self._zeros: Flags = np.zeros(len(system.truth) + 1, dtype=bool)
        """The numbers that are 0, and so may be worked out; not those that were."""
        self._zeros[self.ranges.numbers[self._is_zero, 0]] = True
        self._known: Flags = np.append(system.known, False)
        self.shut: tuple[Need, ...] = ()
        """What no block opened."""
        self._shut: dict[tuple[bytes, bool], set[int]] = defaultdict(set)
        """Of each part that was looked at: the needs that none of its worlds opened."""
        by_number = np.argsort(self.ranges.numbers, axis=None, kind="stable")
        self._needs_of = by_number // TERMS, self.ranges.numbers.ravel()[by_number]
        self._carried = [world for one in carried for world in fitting(one, system, self._bounds)]
        self._try(with_zeros=False)

    def findings(self) -> tuple[Finding, ...]:
        """What no block opens, and what nobody may tell."""
        asked = np.flatnonzero(~self._is_zero)
        self._open(asked, self._near_cuts(), self._known | self._zeros)
        if len(left := self._left(asked)):
            asked = np.union1d(asked, self._with_zeros(left))
        left, ranges = self._left(asked), self.ranges
        self.shut = tuple(ranges.needs[one] for one in left.tolist())
        needs = [(ranges.needs[one], int(ranges.low[one]), int(ranges.high[one])) for one in left.tolist()]
        found = [Finding(need.place, low, high, need.is_change) for need, low, high in needs]
        return tuple(dict.fromkeys([*self._forbidden(), *found]))

    @property
    def held(self) -> Flags:
        """The numbers that are told, and those that are 0: what a reader may know."""
        return (self._known | self._zeros)[:-1]

    def _left(self, asked: Numbers) -> Numbers:
        """Those that no world opens so far."""
        left: Numbers = asked[~self.ranges.met[asked]]
        return left

    def _with_zeros(self, asked: Numbers) -> Numbers:
        """These again, where zeros may be moved, and the zeros that are: each must be open itself, by others that are.

        Returns both; a zero that isn't open is known from then on, and none of them.
        """
        ranges, zero_needs = self.ranges, np.flatnonzero(self._is_zero)
        zero_of = ranges.numbers[zero_needs, 0]
        while True:
            self._try(with_zeros=True)
            self._open(self._left(asked), self._all_cuts(), self._known)
            shut = self._left(asked[self._is_zero[asked]])
            if len(shut):
                gone = frozenset(ranges.numbers[shut, 0].tolist())
                self._known[list(gone)], self._zeros[list(gone)] = True, False
                ranges.forget(gone)
                self._shut.clear()
                asked = asked[~np.isin(ranges.numbers[asked, 0], list(gone)) | ~self._is_zero[asked]]
                continue
            moved: set[int] = set()
            for world in np.unique(ranges.shown_by[asked]).tolist():
                moved |= ranges.worlds[world] if world >= 0 else set()
            more = np.union1d(asked, zero_needs[np.isin(zero_of, list(moved))])
            if len(more) == len(asked):
                return asked
            asked = more

    def _forbidden(self) -> Iterator[Finding]:
        """Small counts that are told; what has no place; what is repeated and was never told."""
        system = self.system
        for release, key in system.unplaced:
            yield self._plain(release, key)
        for number in np.flatnonzero(system.known & (system.truth <= SMALL)).tolist():
            value = int(system.truth[number])
            yield Finding(system.place[number], value, value)
        for release, one in enumerate(system.releases):
            for name, told in one.former.items():
                if not any(_told_before(old, name, told) for old in system.releases[:release]):
                    cell = name.cell if isinstance(name, Key) else (name.table, "")
                    yield self._plain(release, Key(name.unit, name.month, cell))

    def _plain(self, release: int, key: Key) -> Finding:
        value = self.system.releases[release].counts.at(key.cell, key.unit, key.month)
        return Finding(Place(key.unit, key.month or self.system.whole(release), key.cell), value, value)

    # ---- cuts ------------------------------------------------------------------------------------------------------

    def _near_cuts(self) -> Iterator[Cut]:
        """Small ones: each cell moves in all releases alike, or from one release on."""
        cuts = self._cuts
        yield Cut(cuts.by_block, (cuts.runs,), is_near=True)
        yield from self._by_release()
        yield Cut(cuts.by_table, (cuts.runs,), is_near=True)
        yield Cut(cuts.by_unit, (cuts.runs,))

    def _all_cuts(self) -> Iterator[Cut]:
        """Each number by itself, at last all that hangs together."""
        cuts = self._cuts
        ways = cuts.alone, cuts.runs
        yield Cut(cuts.by_block, ways, is_near=True)
        yield from self._by_release()
        yield Cut(cuts.by_table, ways, is_near=True, each_alone=True)
        yield Cut(cuts.by_unit, ways, each_alone=True)
        yield Cut(cuts.by_total, ways, each_alone=True)
        yield Cut(cuts.components(self._known[:-1]), ways, each_alone=True)

    def _by_release(self) -> Iterator[Cut]:
        """What changed when a release was made, and what became of it: all, or if that is too much below a unit."""
        cuts = self._cuts
        for release in range(1, len(self.system.releases)):
            of_release = (partial(cuts.since_release, release=release),)
            yield Cut(cuts.by_table, of_release, is_near=True, release=release)
            is_too_much = np.count_nonzero(cuts.since == release) > CHANGED
            names = cuts.by_unit if is_too_much else cuts.together
            yield Cut(names, of_release, release=release, greatest=CHANGED)

    def _open(self, asked: Numbers, cuts: Iterable[Cut], held: Flags) -> None:
        """Worlds for these, in one cut after the other, until all are open."""
        ranges = self.ranges
        for cut in cuts:
            left = self._left(asked)
            if not len(left):
                return
            if not cut.is_near:
                left = left[~self._is_held[left]]
            if cut.release:
                new = ranges.numbers[left, 0]
                left = left[(self._is_change[left] | cut.is_near) & (self._cuts.since[new] == cut.release)]
            ways = [way(held[:-1]) for way in cut.columns]
            numbers = ranges.numbers[left]
            is_free = ~held[numbers] & (numbers < len(held) - 1)
            first = numbers[np.arange(len(left)), is_free.argmax(axis=1)]
            firsts = np.where(is_free.any(axis=1), first, -1)
            for numbers, needs in self._cuts.parts(cut.names, ways[0] >= 0, held[:-1], left, firsts):
                parts = (Part.of(numbers, columns[numbers]) for columns in ways)
                part = next((one for one in parts if one.size <= (cut.greatest or GREATEST)), None)
                if part is not None:
                    self._settle(part, self._left(needs), cut)
                self._say()

    def worlds(self) -> Worlds:
        """Those that show what is open."""
        return named(self.system, self.ranges.showing())

    def _try(self, *, with_zeros: bool) -> None:
        """What is not open yet is held against the worlds that were carried here."""
        ranges, steps = self.ranges, np.zeros(len(self._known), dtype=np.int64)
        for world in self._carried:
            zeros = world.numbers[self._zeros[world.numbers]]
            if with_zeros != bool(len(zeros)) or self._known[world.numbers].any():
                continue
            which = self._asking(world.numbers)
            is_near = len(np.unique(self._cuts.by_table[world.numbers])) == 1
            which = which[is_near | ~self._is_held[which]]
            steps[world.numbers] = world.steps
            moved = (ranges.factors[which] * steps[ranges.numbers[which]]).sum(axis=1)
            steps[world.numbers] = 0
            ranges.note(which, moved, frozenset(zeros.tolist()), world)

    def _asking(self, numbers: Numbers) -> Numbers:
        """The needs of any of these numbers that no world opens so far."""
        needs, order = self._needs_of
        which = np.unique(needs[spans(np.searchsorted(order, numbers), np.searchsorted(order, numbers + 1))])
        return which[~self.ranges.met[which]]

    def _say(self) -> None:
        self.progress(int(self.ranges.met.sum()), len(self.ranges.needs))

    def _settle(self, part: Part, mine: Numbers, cut: Cut) -> None:
        """Whatever stands in that part and is not open yet is held against its worlds; what was shut there is shut."""
        shut = self._shut[part.name, cut.each_alone]
        mine = np.array([one for one in mine.tolist() if one not in shut], dtype=np.int64)
        if not len(mine):
            return
        which = self._asking(part.numbers)
        which = which[cut.is_near | ~self._is_held[which]]
        block = Block(self._bounds, part.numbers, part.columns)
        search = Search(block, self.ranges, which, self._zeros)
        search.settle(np.isin(which, mine), self._say, each_alone=cut.each_alone)
        shut.update(self._left(mine).tolist())


def _told_before(old: Release, key: Key | Said, told: Told) -> bool:
    """Whether that release told just that."""
    if isinstance(key, Key):
        return key in old.told and old.at(key.cell, key.unit, key.month) == told
    return key in old.spoken and old.said(key) == told
