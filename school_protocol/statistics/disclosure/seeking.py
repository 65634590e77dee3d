"""Worlds of one block in which what must stay open lies far apart: many at once, then each by itself.

Each world that is found is held against everything that is asked of the block. What no world opens is not open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from school_protocol.statistics.disclosure.bounding import Block, Numbers, Reals, World
from school_protocol.statistics.disclosure.members import TERMS, Need

Flags = NDArray[np.bool_]
_NEAR = 1e-3
_PARTS = 8
"""Into so many parts is cut what no world opens, where none is looked at by itself."""
_GAP = 0.3
"""So near to the best is near enough where many are moved at once."""
_PRICE = 1e-3
"""What it costs to move a zero: one that need not move stays."""


class Ranges:
    """Between which values each sum was found to lie, and the worlds that show it."""

    def __init__(self, needs: Sequence[Need], size: int) -> None:
        """`size`: how many numbers there are; a sum of fewer than `TERMS` is filled up with that one, with factor 0."""
        self.needs = needs
        sums = [(*need.terms, *[(size, 0)] * (TERMS - len(need.terms))) for need in needs]
        self.numbers = np.array([[one[0] for one in terms] for terms in sums], dtype=np.int64).reshape(-1, TERMS)
        self.factors = np.array([[one[1] for one in terms] for terms in sums], dtype=np.int64).reshape(-1, TERMS)
        self.here = np.array([need.here for need in needs], dtype=np.int64)
        self.widths = np.array([need.width for need in needs], dtype=np.int64)
        self.low, self.high = self.here.copy(), self.here.copy()
        self.shown_by = np.full((len(needs), 2), -1, dtype=np.int64)
        """Of the lowest and the highest value: the world."""
        self.worlds: list[frozenset[int]] = []
        """Of each world: the zeros that it moves."""
        self.moved: list[World | None] = []
        """Of each world that showed anything: itself."""
        self.met: Flags = np.array([need.met(need.here, need.here) for need in needs], dtype=bool)

    def note(self, which: Numbers, steps: Numbers, zeros: frozenset[int], world: World) -> bool:
        """A world in which these sums are so many steps away from what they are; whether it opens any."""
        values = self.here[which] + steps
        lower, higher = values < self.low[which], values > self.high[which]
        self.low[which] = np.minimum(self.low[which], values)
        self.high[which] = np.maximum(self.high[which], values)
        place = len(self.worlds)
        self.worlds.append(zeros)
        self.moved.append(world if (lower | higher).any() else None)
        self.shown_by[which[lower], 0] = place
        self.shown_by[which[higher], 1] = place
        opened = False
        for place in which[(lower | higher) & ~self.met[which]].tolist():
            if self.needs[place].met(int(self.low[place]), int(self.high[place])):
                self.met[place] = opened = True
        return opened

    def showing(self) -> list[World]:
        """The worlds that show what is open."""
        found = [self.moved[one] for one in np.unique(self.shown_by[self.met]).tolist() if one >= 0]
        return [one for one in found if one is not None]

    def forget(self, zeros: frozenset[int]) -> None:
        """These can't be moved: whatever a world that moved them showed is open again."""
        gone = np.array([not zeros.isdisjoint(one) for one in self.worlds] + [False], dtype=bool)
        is_gone = gone[self.shown_by].any(axis=1)
        self.low[is_gone] = self.high[is_gone] = self.here[is_gone]
        self.shown_by[is_gone] = -1
        for place in np.flatnonzero(is_gone).tolist():
            need = self.needs[place]
            self.met[place] = need.met(need.here, need.here)


class Search:
    """What is asked of one block."""

    def __init__(self, block: Block, ranges: Ranges, which: Numbers, zeros: Flags) -> None:
        """`which`: the needs with a number in it; `zeros`: of each number whether a world that moves it says so."""
        self.block, self.ranges, self.which = block, ranges, which
        is_zero = zeros[block.numbers]
        self._zeros, self._at = block.numbers[is_zero], block.columns[is_zero]
        self.columns = block.column_of(ranges.numbers[which])
        """The column of each number; of what is held, one more that never moves."""
        self.factors = ranges.factors[which]
        self.sign = np.where(ranges.here[which] < 0, -1, 1)
        self._price = np.zeros(block.size)
        self._price[self._at] = _PRICE

    def settle(self, mine: Flags, after_each: Callable[[], None], *, each_alone: bool) -> None:
        """Worlds that open as many of these as can be: many at once, fewer where that opens none, at last each alone.

        `after_each` is called after each time that one was looked for: a great block takes minutes.
        """
        open_to = mine & self._can_move()
        many, way = int(open_to.sum()), 1
        least = 1 if each_alone else max(1, many // _PARTS)
        while len(waiting := np.flatnonzero(open_to & ~self.ranges.met[self.which])):
            if many == 1 and each_alone:
                self._look(waiting[0])
                open_to[waiting[0]] = False
                many = 2 if self.ranges.met[self.which[waiting[0]]] else 1
            elif self._stretch(waiting[:many], way):
                many *= 2
            elif way == 1 and (many >= len(waiting) or many <= least):
                way = -1
            elif many <= least:
                open_to[waiting[:many]] = False
                way = 1
            else:
                many, way = (min(many, len(waiting)) + 1) // 2, 1
            after_each()

    def _can_move(self) -> Flags:
        """Whether any column moves that sum: numbers of one column may cancel out."""
        of_column = self.columns[:, :, None] == self.columns[:, None, :]
        moves = ((of_column * self.factors[:, None, :]).sum(axis=2) != 0) & (self.columns < self.block.size)
        found: Flags = moves.any(axis=1)
        return found

    def _note(self, world: Numbers | None) -> bool:
        if world is None:
            return False
        steps = np.append(world, 0)
        moved = (self.factors * steps[self.columns]).sum(axis=1)
        zeros = self._zeros[world[self._at] != 0]
        moves = world[self.block.columns]
        is_moved = moves != 0
        found = World(self.block.numbers[is_moved], moves[is_moved])
        return self.ranges.note(self.which, moved, frozenset(zeros.tolist()), found)

    def _cost(self, waiting: Numbers, way: int) -> Reals:
        cost = np.zeros(self.block.size + 1)
        np.add.at(cost, self.columns[waiting], -way * self.sign[waiting, None] * self.factors[waiting])
        return cost[:-1] + self._price

    def _limits(self, waiting: Numbers, way: int) -> tuple[Reals, Reals]:
        """None of them need go further than it must be wide: so what there is goes round."""
        lows, highs = (np.append(one, 0.0) for one in self.block.ends())
        is_free = self.columns[waiting] != self.block.size
        alone, first = waiting[is_free.sum(axis=1) == 1], is_free.argmax(axis=1)[is_free.sum(axis=1) == 1]
        column, goes = self.columns[alone, first], way * self.sign[alone] * self.factors[alone, first]
        width = self.ranges.widths[self.which[alone]].astype(float)
        np.minimum.at(highs, column[goes > 0], width[goes > 0])
        np.maximum.at(lows, column[goes < 0], -width[goes < 0])
        return lows[:-1], highs[:-1]

    def _stretch(self, waiting: Numbers, way: int) -> bool:
        """One world in which as many of them as possible are further away; whether it opens any."""
        asked = (self._cost(waiting, way), *self._limits(waiting, way))
        world = self.block.sparse(*asked)
        return self._note(self.block.branched(*asked, gap=_GAP) if world is None else world)

    def _look(self, place: int) -> None:
        """The worlds in which that one is furthest on each side; by whole numbers only where these could do."""
        ranges, need = self.ranges, self.which[place]
        one = np.array([place])
        reach = [int(ranges.low[need]), int(ranges.high[need])]
        waiting = []
        for way in (1, -1):
            asked = (self._cost(one, way), *self._limits(one, way))
            found = self.block.linear(*asked)
            self._note(found.world)
            if ranges.met[need]:
                return
            side = 1 if way * self.sign[place] > 0 else 0
            if found.values is None:
                reach[side] = ranges.here[need] + (1 if side else -1) * int(ranges.widths[need])
            else:
                steps = np.append(found.values, 0.0)
                value = self.factors[place] @ steps[self.columns[place]]
                value = np.floor(value + _NEAR) if side else np.ceil(value - _NEAR)
                at = int(ranges.here[need] + value)
                reach[side] = max(reach[1], at) if side else min(reach[0], at)
            if found.world is None:
                waiting.append(asked)
        if not ranges.needs[need].met(*reach):
            return
        for find in (self.block.sparse, self.block.dived, self.block.branched):
            for asked in waiting:
                self._note(find(*asked))
                if ranges.met[need]:
                    return
