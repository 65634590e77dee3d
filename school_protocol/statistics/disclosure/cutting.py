"""Which numbers are looked at together: of one table below one unit, of one table, of what changed in one release …

A cell that was told in no release may have been another number in all of them: then the numbers that it was move as
one column. From the release on in which it changed, it may move by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from school_protocol.statistics.disclosure.bounding import Numbers
from school_protocol.statistics.disclosure.layout import slab_of
from school_protocol.statistics.disclosure.system import System
from school_protocol.statistics.rules import TOTALS

Flags = NDArray[np.bool_]


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
