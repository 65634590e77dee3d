"""Which whole numbers fit all that was told: linear programs, and programs of whole numbers where these fail.

Some numbers are free, each alone or together with others that move by as much; all others are held at what they are.
Whatever differs then may differ all the more for somebody who does not know the others. What is found is a world: steps
away from what is, in whole numbers, that fit everything told. That they do is checked here, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import highspy
import numpy as np
from numpy.typing import NDArray

from school_protocol.statistics.disclosure.system import System

Numbers = NDArray[np.int64]
Reals = NDArray[np.float64]
Solved = Callable[[Reals, Reals, Reals], "Reals | None"]
"""The step of least cost, of costs and between which steps each column lies."""
NODES = 200
"""So many branches are looked at for whole numbers; what is not found by then counts as found out."""
DIVES = 40
"""So often numbers are rounded one after the other, before whole numbers are looked for by branches."""
FEW = 200
"""Up to so many columns the linear program and rounding come first; of more, branches take less time."""
BRANCHED = 6_000
"""Of more columns no whole numbers are looked for by branches: that would take minutes each time."""
MUCH = 200
"""So far above what it is is each number looked at: more is never needed to move another one by four."""
MOVED = 1e-3
"""What it costs to move a number by one, where as little as can be is moved."""
_PRIMAL = 4
"""HiGHS's primal simplex: where costs alone have changed, it goes on from the last step, which fits still."""
_NEAR = 1e-3
"""So near is a whole number; what it then is, is checked exactly."""


_NOTHING = (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnbounded)


class Found(NamedTuple):
    """The step that a program found, if any, and the same as a world, if it is one."""

    values: Reals | None
    world: Numbers | None


class World(NamedTuple):
    """Steps away from what is, of these numbers; all others stay."""

    numbers: Numbers
    steps: Numbers


class Program(highspy.Highs):
    """HiGHS without the callbacks, which print a banner on standard output as they are set up."""

    def __init__(self) -> None:
        super(highspy.Highs, self).__init__()


def _program(model: highspy.HighsLp, option: tuple[str, int]) -> Program:
    program = Program()
    for name, value in (("output_flag", False), ("threads", 1), ("random_seed", 1), option):
        program.setOptionValue(name, value)
    program.passModel(model)
    return program


class Bounds:
    """All bounds of a system as arrays: of each the numbers with their factors, and how far its sum may still go."""

    def __init__(self, system: System) -> None:
        bounds = [bound for bound in system.bounds if bound.terms]
        size = np.array([len(bound.terms) for bound in bounds], dtype=np.int64)
        flat = np.fromiter(chain.from_iterable(chain.from_iterable(one.terms for one in bounds)), dtype=np.int64)
        self.truth: Numbers = system.truth
        self.numbers, self.factors = flat[0::2].copy(), flat[1::2].copy()
        self.starts: Numbers = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        sums = np.add.reduceat(self.factors * self.truth[self.numbers], self.starts[:-1]) if bounds else np.zeros(0)
        self.lows = np.array([-np.inf if one.low is None else one.low for one in bounds]) - sums
        self.highs = np.array([np.inf if one.high is None else one.high for one in bounds]) - sums
        order = np.argsort(self.numbers, kind="stable")
        self._rows = np.repeat(np.arange(len(bounds)), size)[order]
        self._row_factors = self.factors[order]
        self._known = system.known
        self._row_starts = np.searchsorted(self.numbers[order], np.arange(len(self.truth) + 1))
        self._column = np.full(len(self.truth), -1, dtype=np.int64)

    def fit(self, worlds: Sequence[World]) -> NDArray[np.bool_]:
        """Of each of these whether it keeps to all bounds, exactly, and moves nothing that was told."""
        size = np.array([len(one.numbers) for one in worlds], dtype=np.int64)
        if not size.sum():
            return np.zeros(len(worlds), dtype=bool)
        numbers, steps = (np.concatenate(one) for one in zip(*worlds, strict=True))
        world = np.repeat(np.arange(len(worlds)), size)
        fits = size > 0
        fits[world[(self.truth[numbers] + steps < 0) | (self._known[numbers] & (steps != 0))]] = False
        begins, ends = self._row_starts[numbers], self._row_starts[numbers + 1]
        at, many = spans(begins, ends), ends - begins
        row = np.repeat(world, many) * len(self.lows) + self._rows[at]
        found, inverse = np.unique(row, return_inverse=True)
        sums: Numbers = np.zeros(len(found), dtype=np.int64)
        np.add.at(sums, inverse, self._row_factors[at] * np.repeat(steps, many))
        bound = found % max(1, len(self.lows))
        fits[found[(sums < self.lows[bound]) | (sums > self.highs[bound])] // max(1, len(self.lows))] = False
        return fits

    def inside(self, numbers: Numbers, columns: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """The bounds of these numbers, and what of them is free: (bounds, row, column, factor), by row and column."""
        rows = np.unique(self._rows[spans(self._row_starts[numbers], self._row_starts[numbers + 1])])
        at = spans(self.starts[rows], self.starts[rows + 1])
        row = np.repeat(np.arange(len(rows)), self.starts[rows + 1] - self.starts[rows])
        self._column[numbers] = columns
        column = self._column[self.numbers[at]]
        self._column[numbers] = -1
        is_free = column >= 0
        size = int(np.max(columns)) + 1
        where, inverse = np.unique((row * size + column)[is_free], return_inverse=True)
        factor: Numbers = np.zeros(len(where), dtype=np.int64)
        np.add.at(factor, inverse, self.factors[at][is_free])
        counts = factor != 0
        return rows, where[counts] // size, where[counts] % size, factor[counts]


def spans(begins: Numbers, ends: Numbers) -> Numbers:
    """All numbers from each begin up to its end, one span after the other."""
    size = ends - begins
    before = np.cumsum(size) - size
    found: Numbers = np.arange(int(size.sum())) + np.repeat(begins - before, size)
    return found


class Block:
    """Columns of numbers that move together, and the bounds in which they stand. A world is a step of each column."""

    def __init__(self, bounds: Bounds, numbers: Numbers, columns: Numbers) -> None:
        """`columns`: of each number the column in which it moves; each from 0 on has one."""
        self.numbers, self.columns = numbers, columns
        self.size = int(np.max(columns)) + 1
        self._order = np.argsort(numbers)
        self._least = np.full(self.size, MUCH, dtype=np.int64)
        np.minimum.at(self._least, columns, bounds.truth[numbers])
        rows, row, self._at, self._factors = bounds.inside(numbers, columns)
        row, keep = self._distinct(row, rows, bounds)
        self._at, self._factors = self._at[keep], self._factors[keep]
        self._starts = np.searchsorted(row, np.arange(len(self._lows) + 1))
        self._all = np.arange(self.size, dtype=np.int32)

    def column_of(self, numbers: Numbers) -> Numbers:
        """In which column each of these moves; of what is held, the number of columns."""
        here = self.numbers[self._order]
        place = np.minimum(np.searchsorted(here, numbers), len(here) - 1)
        return np.where(here[place] == numbers, self.columns[self._order][place], self.size)

    def _distinct(self, row: Numbers, rows: Numbers, bounds: Bounds) -> tuple[Numbers, NDArray[np.bool_]]:
        """Rows of the same columns and factors are one; those of none are left out."""
        begins = np.flatnonzero(np.diff(row, prepend=-1))
        ends = np.append(begins[1:], len(row))
        place: dict[bytes, int] = {}
        lows: list[float] = []
        highs: list[float] = []
        keep, new = np.zeros(len(row), dtype=bool), np.zeros(len(row), dtype=np.int64)
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            bound = rows[row[begin]]
            low, high = float(bounds.lows[bound]), float(bounds.highs[bound])
            name = self._at[begin:end].tobytes() + self._factors[begin:end].tobytes()
            if (at := place.setdefault(name, len(lows))) < len(lows):
                lows[at], highs[at] = max(lows[at], low), min(highs[at], high)
                continue
            lows.append(low)
            highs.append(high)
            keep[begin:end], new[begin:end] = True, at
        self._lows, self._highs = np.array(lows), np.array(highs)
        return new[keep], keep

    # ---- programs --------------------------------------------------------------------------------------------------

    @cached_property
    def _program(self) -> Program:
        return self._made(whole=False)

    @cached_property
    def _whole_program(self) -> Program:
        return self._made(whole=True)

    @cached_property
    def _split_program(self) -> Program:
        """Of each column two: by how much it is more, and by how much it is less. At first none moves."""
        model = highspy.HighsLp()
        count = len(self._lows)
        model.num_col_, model.num_row_ = 2 * self.size, count
        model.col_cost_ = np.zeros(2 * self.size)
        model.col_lower_ = np.zeros(2 * self.size)
        model.col_upper_ = np.full(2 * self.size, float(MUCH))
        model.row_lower_, model.row_upper_ = self._lows, self._highs
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.append(2 * self._starts, 2 * len(self._at)).astype(np.int32)[: count + 1]
        model.a_matrix_.index_ = np.stack([self._at, self._at + self.size], axis=1).ravel().astype(np.int32)
        model.a_matrix_.value_ = np.stack([self._factors, -self._factors], axis=1).ravel().astype(float)
        return _program(model, ("simplex_strategy", _PRIMAL))

    def _made(self, *, whole: bool) -> Program:
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = self.size, len(self._lows)
        model.col_cost_ = np.zeros(self.size)
        model.col_lower_, model.col_upper_ = self.ends()
        model.row_lower_, model.row_upper_ = self._lows, self._highs
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = self._starts.astype(np.int32)
        model.a_matrix_.index_ = self._at.astype(np.int32)
        model.a_matrix_.value_ = self._factors.astype(float)
        if whole:
            model.integrality_ = [highspy.HighsVarType.kInteger] * self.size
        return _program(model, ("mip_max_nodes", NODES) if whole else ("simplex_strategy", _PRIMAL))

    # ---- worlds ----------------------------------------------------------------------------------------------------

    def linear(self, cost: Reals, lows: Reals, highs: Reals) -> Found:
        """The step of least cost, each column between two steps, by the linear program."""
        return self._found(self._solved(self._program, cost, lows, highs))

    def dived(self, cost: Reals, lows: Reals, highs: Reals) -> Numbers | None:
        """A world near that step: what is no whole number is rounded, one column after the other."""
        return self._dived(self._moved, cost, lows, highs) if self.size <= FEW else None

    def sparse(self, cost: Reals, lows: Reals, highs: Reals) -> Numbers | None:
        """A world near the step of least cost in which little else moves, so that few numbers are no whole ones."""
        return self._dived(self._little_moved, cost, lows, highs)

    def _dived(self, solved: Solved, cost: Reals, lows: Reals, highs: Reals) -> Numbers | None:
        lows, highs = lows.copy(), highs.copy()
        values = solved(cost, lows, highs)
        for _ in range(DIVES):
            found = self._found(values)
            if values is None or found.world is not None:
                return found.world
            off = np.abs(values - np.rint(values))
            broken = np.flatnonzero(off > _NEAR)
            if not len(broken):
                return None
            near = broken[np.argsort(off[broken], kind="stable")]
            values = self._rounded(solved, cost, lows, highs, values, near)
        return None

    def _rounded(
        self, solved: Solved, cost: Reals, lows: Reals, highs: Reals, values: Reals, near: Numbers
    ) -> Reals | None:
        """The step of least cost once the nearest of these columns are whole: some of them, else the nearest one."""
        nearest = np.rint(values)
        for many in sorted({max(1, len(near) // 5), 1}, reverse=True):
            some = near[:many]
            kept = lows[some].copy(), highs[some].copy()
            lows[some] = highs[some] = nearest[some]
            found = solved(cost, lows, highs)
            if found is not None:
                return found
            lows[some], highs[some] = kept
        one = near[0]
        lows[one] = highs[one] = nearest[one] + (1.0 if values[one] > nearest[one] else -1.0)
        return solved(cost, lows, highs)

    def _moved(self, cost: Reals, lows: Reals, highs: Reals) -> Reals | None:
        return self._solved(self._program, cost, lows, highs)

    def _little_moved(self, cost: Reals, lows: Reals, highs: Reals) -> Reals | None:
        """The step of least cost, where each column that moves costs a little: by how much up, and by how much down."""
        program, size = self._split_program, self.size
        every = np.arange(2 * size, dtype=np.int32)
        program.changeColsCost(2 * size, every, np.concatenate([cost, -cost]) + MOVED)
        up = np.maximum(lows, 0.0), np.maximum(highs, 0.0)
        down = np.maximum(-highs, 0.0), np.maximum(-lows, 0.0)
        program.changeColsBounds(2 * size, every, *(np.concatenate(one) for one in zip(up, down, strict=True)))
        program.run()
        values = np.array(program.getSolution().col_value)
        is_solved = len(values) == 2 * size and program.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return values[:size] - values[size:] if is_solved else None

    def branched(self, cost: Reals, lows: Reals, highs: Reals, gap: float = 0.0) -> Numbers | None:
        """The world of least cost by a program of whole numbers, if one is found; nearly the least within that gap."""
        if self.size > BRANCHED:
            return None
        self._whole_program.setOptionValue("mip_rel_gap", gap)
        return self._found(self._solved(self._whole_program, cost, lows, highs)).world

    def ends(self) -> tuple[Reals, Reals]:
        """Between which steps each column may lie."""
        return -self._least.astype(float), np.full(self.size, float(MUCH))

    def _solved(self, program: Program, cost: Reals, lows: Reals, highs: Reals) -> Reals | None:
        program.changeColsCost(self.size, self._all, cost)
        program.changeColsBounds(self.size, self._all, lows, highs)
        program.run()
        values = np.array(program.getSolution().col_value)
        has_values = len(values) == self.size and program.getModelStatus() not in _NOTHING
        return values if has_values else None

    def _found(self, values: Reals | None) -> Found:
        """That step, and its world if it is one of whole numbers that fit."""
        if values is None:
            return Found(None, None)
        world: Numbers = np.rint(values).astype(np.int64)
        is_whole = np.abs(values - world).max(initial=0.0) <= _NEAR and self._fits(world)
        return Found(values, world if is_whole else None)

    def _fits(self, world: Numbers) -> bool:
        """Whether these steps keep to the bounds, exactly: no program's tolerance is trusted."""
        if (world + self._least < 0).any():
            return False
        if not len(self._lows):
            return True
        sums = np.add.reduceat(self._factors * world[self._at], self._starts[:-1])
        return bool((sums >= self._lows).all() and (sums <= self._highs).all())
