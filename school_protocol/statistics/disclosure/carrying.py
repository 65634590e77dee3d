"""Worlds that an earlier look found, tried anew: what they opened then needs no program now.

None is trusted: each is put onto the numbers that there are now and counts only if it fits every bound exactly. What
was counted since moves as it did before it changed, or if that doesn't fit, not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress

import numpy as np

from school_protocol.statistics.disclosure.bounding import Bounds, Numbers, World, spans
from school_protocol.statistics.disclosure.release import Name, Worlds
from school_protocol.statistics.disclosure.system import System

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
