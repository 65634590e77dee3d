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
from typing import NamedTuple

import numpy as np

from school_protocol.statistics.disclosure.bounding import Block, Bounds, Numbers, spans
from school_protocol.statistics.disclosure.carrying import fitting, named
from school_protocol.statistics.disclosure.cutting import Cuts, Part
from school_protocol.statistics.disclosure.layout import Layout
from school_protocol.statistics.disclosure.members import TERMS, Need, needs_of
from school_protocol.statistics.disclosure.release import SMALL, Key, Release, Said, Told, Worlds
from school_protocol.statistics.disclosure.seeking import Flags, Ranges, Search
from school_protocol.statistics.disclosure.system import Place, System, begin_alike

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
