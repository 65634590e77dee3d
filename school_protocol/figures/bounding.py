"""Between which values numbers may lie, given all that binds them: linear programs, and whole numbers where these fail.

Some numbers are free, all others are held at what they are. Whatever differs then may differ all the more for somebody
who does not know the others. What is found is a world: whole numbers that fit everything told, checked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import highspy
import numpy as np
from numpy.typing import NDArray

from school_protocol.figures.system import Bound, System, Terms

Numbers = NDArray[np.int64]
NODES = 200
"""So many branches are looked at for whole numbers; what is not found by then counts as found out."""
_MUCH = 200.0
"""So far above what it is is each number looked at: more is never needed to move another one by four."""
_NEAR = 1e-3
"""So near is a whole number; what it then is, is checked exactly."""


@dataclass(frozen=True, slots=True)
class Range:
    """The smallest and the greatest value of a sum in worlds that were found."""

    low: int
    high: int

    @property
    def width(self) -> int:
        return self.high - self.low


class Program(highspy.Highs):
    """HiGHS without the callbacks, which print a banner on standard output as they are set up."""

    def __init__(self) -> None:
        super(highspy.Highs, self).__init__()


class Block:
    """Free numbers of a system, and the bounds in which they stand."""

    def __init__(self, system: System, free: Iterable[int], touching: Sequence[Sequence[int]]) -> None:
        self.free = np.array(sorted(free), dtype=np.int64)
        self.at = {number: place for place, number in enumerate(self.free.tolist())}
        self.here: Numbers = system.truth[self.free]
        wanted = sorted(set(chain.from_iterable(touching[number] for number in self.free.tolist())))
        rows = [self._row(system, system.bounds[one]) for one in wanted]
        self._starts = np.cumsum([0, *(len(columns) for columns, _, _, _ in rows)])
        self._columns = np.array([one for columns, *_ in rows for one in columns], dtype=np.int32)
        self._factors = np.array([one for _, factors, *_ in rows for one in factors], dtype=np.int64)
        self._lows = np.array([low for *_, low, _ in rows], dtype=float)
        self._highs = np.array([high for *_, high in rows], dtype=float)
        self.lows, self.highs = self.here.copy(), self.here.copy()

    def _row(self, system: System, bound: Bound) -> tuple[list[int], list[int], float, float]:
        columns, factors, held = [], [], 0
        for number, factor in bound.terms:
            if number in self.at:
                columns.append(self.at[number])
                factors.append(factor)
            else:
                held += factor * int(system.truth[number])
        low = -highspy.kHighsInf if bound.low is None else float(bound.low - held)
        high = highspy.kHighsInf if bound.high is None else float(bound.high - held)
        return columns, factors, low, high

    @cached_property
    def _program(self) -> Program:
        return self._made(whole=False)

    @cached_property
    def _whole_program(self) -> Program:
        return self._made(whole=True)

    def _made(self, *, whole: bool) -> Program:
        size = len(self.free)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = size, len(self._lows)
        model.col_cost_ = np.zeros(size)
        model.col_lower_ = np.zeros(size)
        model.col_upper_ = self.here.astype(float) + _MUCH
        model.row_lower_, model.row_upper_ = self._lows, self._highs
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = self._starts
        model.a_matrix_.index_ = self._columns
        model.a_matrix_.value_ = self._factors.astype(float)
        if whole:
            model.integrality_ = [highspy.HighsVarType.kInteger] * size
        program = Program()
        program.setOptionValue("output_flag", False)
        program.setOptionValue("threads", 1)
        program.setOptionValue("random_seed", 1)
        if whole:
            program.setOptionValue("mip_max_nodes", NODES)
            program.setOptionValue("mip_rel_gap", 0.0)
        program.passModel(model)
        return program

    # ---- worlds ----------------------------------------------------------------------------------------------------

    def look(self, terms: Terms, need: int) -> Range:
        """How far the sum may lie apart in two worlds; no further than `need` is looked."""
        low = high = int(sum(factor * self.here[self.at[number]] for number, factor in terms))
        for sign in (1, -1):
            found = self._furthest(terms, sign)
            low, high = min(low, found), max(high, found)
            if high - low >= need:
                break
        return Range(low, high)

    def stretch(self, sums: Iterable[Terms]) -> None:
        """One world in which as many of them as possible are greater: most are settled by a few of these."""
        cost = np.zeros(len(self.free))
        for number, factor in chain.from_iterable(sums):
            if number in self.at:
                cost[self.at[number]] -= factor
        self._world(self._program, cost)

    def seen(self, number: int) -> Range:
        """How far it lies apart in the worlds found so far."""
        place = self.at[number]
        return Range(int(self.lows[place]), int(self.highs[place]))

    def _furthest(self, terms: Terms, sign: int) -> int:
        """The sum in the world that is furthest on that side, or far enough."""
        cost = np.zeros(len(self.free))
        for number, factor in terms:
            cost[self.at[number]] -= sign * factor
        here = int(-sign * (cost @ self.here))
        world = self._world(self._program, cost)
        if world is None and self._hope(sign, here, cost) > 0:
            world = self._world(self._whole_program, cost)
        return here if world is None else round(-sign * float(cost @ world))

    def _hope(self, sign: int, here: int, cost: NDArray[np.float64]) -> int:
        """By how much whole numbers may differ at most: the bound of the linear program, rounded towards us."""
        value = -self._program.getInfo().objective_function_value
        return int(np.floor(value + _NEAR) - sign * here)

    def _world(self, program: Program, cost: NDArray[np.float64]) -> Numbers | None:
        """The world of least cost, if it is one of whole numbers that fit."""
        size = len(self.free)
        program.changeColsCost(size, np.arange(size, dtype=np.int32), cost)
        program.run()
        values = np.array(program.getSolution().col_value)
        if len(values) != size:
            return None
        world: Numbers = np.rint(values).astype(np.int64)
        if np.abs(values - world).max(initial=0.0) > _NEAR or not self._fits(world):
            return None
        np.minimum(self.lows, world, out=self.lows)
        np.maximum(self.highs, world, out=self.highs)
        return world

    def _fits(self, world: Numbers) -> bool:
        """Whether these whole numbers are in bounds, exactly: no program's tolerance is trusted."""
        if not len(self._lows):
            return bool((world >= 0).all())
        sums = np.add.reduceat(self._factors * world[self._columns], self._starts[:-1])
        return bool((world >= 0).all() and (sums >= self._lows).all() and (sums <= self._highs).all())


def touching(system: System) -> list[list[int]]:
    """For each number, the bounds in which it stands."""
    found: list[list[int]] = [[] for _ in range(len(system.truth))]
    for place, bound in enumerate(system.bounds):
        for number, _ in bound.terms:
            found[number].append(place)
    return found
