"""The gate: whether anything that is withheld can be worked out of all that was ever told.

For every small count, and every small change between two releases, two worlds are looked for: whole numbers that fit
everything told, in all releases and on all levels, and differ there by four at least. Most are found near by: in one
table below one unit, all else being held at what it is, as if the reader knew it. Two worlds of a block are two worlds
of the whole. What no block opens is looked at in a greater one, at last in all that hangs together.

That a count is 0 tells of nobody: it may be worked out. It is then taken as known for whatever else must stay open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from school_protocol.figures.bounding import Block, Range, touching
from school_protocol.figures.layout import Layout
from school_protocol.figures.members import Need, needs_of
from school_protocol.figures.release import SMALL, Key, Release, Said, Told
from school_protocol.figures.system import Place, System, Terms, begin_alike

Progress = Callable[[int, int], None]
"""Told how many of how many counts are settled."""

GREATEST = 6_000
"""No block is greater than so many numbers: what is open only there counts as found out."""
FEW = 2_000
"""Up to so many numbers that changed in a release are looked at together, before all else."""
ROUNDS = 4
"""So many worlds are made for many counts at once, before each is looked at by itself."""


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
    return tuple(one for year in years.values() for one in Audit(System(year), progress).findings())


class Audit:
    """One look at one system. What was `settled` when more of the same was told needn't be looked at again."""

    def __init__(self, system: System, progress: Progress = quiet, settled: Collection[Hashable] = ()) -> None:
        self.system, self.progress = system, progress
        self.touching = touching(system)
        self.settled = set(settled)
        self.needs = [need for need in needs_of(system) if need.name not in self.settled]
        self.ranges: dict[Hashable, Range] = {}
        self.known = system.known.copy()
        self.looked_at: list[tuple[frozenset[int], list[Need]]] = []

    def findings(self) -> tuple[Finding, ...]:
        """What no block opened, and what nobody may tell."""
        left = self._closed(self.needs)
        while zeros := {need.terms[0][0] for need in left if need.is_zero}:
            left = [need for need in left if not need.is_zero]
            left += self._closed(self._shaken(zeros))
        self.settled |= {need.name for need in self.needs} - {need.name for need in left}
        found = [Finding(one.place, *self._range(one), one.is_change) for one in left]
        return tuple(dict.fromkeys([*self._forbidden(), *found]))

    def _closed(self, needs: Sequence[Need]) -> list[Need]:
        """Those that no block opens."""
        left = self._left(needs)
        for cut in (self._by_release, self._by_block, self._by_table, self._by_unit, self._by_component):
            is_near = cut in (self._by_block, self._by_table)
            for free, mine in cut([need for need in left if is_near or not need.is_held]):
                if len(free) <= (FEW if cut == self._by_release else GREATEST):
                    self.looked_at.append((frozenset(free), mine))
                    self._settle(Block(self.system, free, self.touching), mine)
                self.progress(len(needs) - len(self._left(mine)), len(needs))
            left = self._left(left)
        return left

    def _shaken(self, zeros: Collection[int]) -> list[Need]:
        """What was settled by worlds in which these could differ from 0: now that they are known, it is open again."""
        self.known[list(zeros)] = True
        touched = [needs for free, needs in self.looked_at if not free.isdisjoint(zeros)]
        self.looked_at = [one for one in self.looked_at if one[0].isdisjoint(zeros)]
        again = {need.name: need for needs in touched for need in self._met(needs)}
        for name in again:
            self.ranges.pop(name, None)
        return list(again.values())

    def _range(self, need: Need) -> tuple[int, int]:
        seen = self.ranges.get(need.name, Range(need.here, need.here))
        return seen.low, seen.high

    def _left(self, needs: Iterable[Need]) -> list[Need]:
        return [need for need in needs if not need.met(*self._range(need))]

    def _met(self, needs: Iterable[Need]) -> list[Need]:
        return [need for need in needs if need.met(*self._range(need))]

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

    def _cut(self, needs: Sequence[Need], name: Callable[[int], Hashable]) -> Iterator[tuple[list[int], list[Need]]]:
        """The numbers that are not known and have one name, with what is needed of them."""
        asked: dict[Hashable, list[Need]] = defaultdict(list)
        for need in needs:
            first = next((number for number, _ in need.terms if not self.known[number]), need.terms[0][0])
            asked[name(first)].append(need)
        free: dict[Hashable, list[int]] = defaultdict(list)
        for number in np.flatnonzero(~self.known).tolist() if asked else ():
            if (one := name(number)) in asked:
                free[one].append(number)
        for one, mine in asked.items():
            if free[one]:
                yield free[one], mine

    def _by_block(self, needs: Sequence[Need]) -> Iterator[tuple[list[int], list[Need]]]:
        return self._cut(needs, lambda number: self.system.block[number])

    def _by_table(self, needs: Sequence[Need]) -> Iterator[tuple[list[int], list[Need]]]:
        return self._cut(needs, lambda number: self.system.place[number].cell[0])

    def _by_unit(self, needs: Sequence[Need]) -> Iterator[tuple[list[int], list[Need]]]:
        return self._cut(needs, lambda number: self.system.block[number][0])

    def _by_release(self, needs: Sequence[Need]) -> Iterator[tuple[list[int], list[Need]]]:
        """What changed when that release was made, of all units and tables."""
        return self._cut([need for need in needs if need.is_change], lambda number: self.system.since[number])

    def _by_component(self, needs: Sequence[Need]) -> Iterator[tuple[list[int], list[Need]]]:
        root = list(range(len(self.system.place)))

        def find(number: int) -> int:
            while root[number] != number:
                root[number] = root[root[number]]
                number = root[number]
            return number

        for bound in self.system.bounds if needs else ():
            unknown = [number for number, _ in bound.terms if not self.known[number]]
            for number in unknown[1:]:
                root[find(number)] = find(unknown[0])
        return self._cut(needs, find)

    # ---- one block -------------------------------------------------------------------------------------------------

    def _settle(self, block: Block, needs: Sequence[Need]) -> None:
        """Worlds of that block: a few in which many numbers are moved, then those furthest apart for each by itself."""
        for turn in range(ROUNDS if len(needs) > ROUNDS else 0):
            waiting = self._left(needs)[turn % 2 :: 2]
            if not waiting:
                return
            block.stretch([need.terms for need in waiting])
            self._note(block, needs)
        for need in self._left(needs):
            if need.met(*self._range(need)):
                continue
            terms, held = self._inside(block, need)
            seen = block.look(terms, need.width)
            self._widen(need, Range(seen.low + held, seen.high + held))
            self._note(block, needs)

    def _inside(self, block: Block, need: Need) -> tuple[Terms, int]:
        """What of a sum is free in that block, and what all else adds to it."""
        terms = tuple(one for one in need.terms if one[0] in block.at)
        return terms, need.here - sum(factor * int(self.system.truth[number]) for number, factor in terms)

    def _note(self, block: Block, needs: Iterable[Need]) -> None:
        """Whatever the worlds found so far say of counts, and of changes of which one side is held."""
        for need in needs:
            terms, held = self._inside(block, need)
            if len(terms) == 1:
                number, factor = terms[0]
                seen = block.seen(number)
                ends = sorted((factor * seen.low, factor * seen.high))
                self._widen(need, Range(ends[0] + held, ends[1] + held))

    def _widen(self, need: Need, seen: Range) -> None:
        low, high = self._range(need)
        self.ranges[need.name] = Range(min(low, seen.low), max(high, seen.high))


def _told_before(old: Release, key: Key | Said, told: Told) -> bool:
    """Whether that release told just that."""
    if isinstance(key, Key):
        return key in old.told and old.at(key.cell, key.unit, key.month) == told
    return key in old.spoken and old.said(key) == told
