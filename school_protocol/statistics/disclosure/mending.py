"""What to keep back so that something found stays open: the least of what is told anew that would have to move.

For each count or change that the gate finds, a world is looked for in which it is far enough from what it is: whatever
earlier releases told stays, what this one tells may move at a price. What moves in the cheapest is kept back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import highspy
import numpy as np

from school_protocol.statistics.disclosure.bounding import MUCH, Bounds, Numbers, Program, Reals
from school_protocol.statistics.disclosure.members import Need
from school_protocol.statistics.disclosure.release import Key
from school_protocol.statistics.disclosure.seeking import Flags
from school_protocol.statistics.disclosure.system import System

_NEAR = 1e-6


class Mending:
    """One linear program for all that was found in a system."""

    def __init__(self, system: System, told: Collection[Key], held: Flags) -> None:
        """`told`: what the last release tells; `held`: numbers that may not move but for these."""
        last = len(system.releases) - 1
        before = {
            number
            for release, one in enumerate(system.releases[:-1])
            for key in one.told
            if (number := system.number(release, key)) is not None
        }
        numbers = ((system.number(last, key), key) for key in sorted(told))
        self._keys = {number: key for number, key in numbers if number is not None and number not in before}
        self._system = system
        self._new: Numbers = np.array(sorted(self._keys), dtype=np.int64)
        is_free = ~held
        is_free[self._new] = True
        self._free: Numbers = np.flatnonzero(is_free)
        self._column: Numbers = np.full(len(system.truth), -1, dtype=np.int64)
        self._column[self._free] = np.arange(len(self._free))
        most = max([1, *system.truth.tolist()])
        self._price: Reals = 1.0 + system.truth[self._new] / most
        self._program = self._made(Bounds(system))

    def kept_back(self, needs: Sequence[Need]) -> tuple[set[Key], list[Need]]:
        """What is kept back for all of these together, and those that nothing of it would open."""
        gone: set[int] = set()
        lost = []
        self._watch(needs)
        shut = self._shut()
        self.open = {need.name for need in needs} - {needs[place].name for place in shut}
        self._let_move()
        for place in shut:
            worlds = [world for step in self._steps(place) if (world := self._cheapest(place, step)) is not None]
            moved = min(worlds, key=lambda one: one[0])[1] if worlds else set()
            if not moved:
                lost.append(needs[place])
            gone |= moved
            self._charge(moved)
        return {self._keys[number] for number in gone}, lost

    def _made(self, bounds: Bounds) -> Program:
        """Columns: how far each free number is from what it is; of what is told anew its two sides besides."""
        size, new = len(self._free), len(self._new)
        column = self._column[bounds.numbers]
        rows = np.repeat(np.arange(len(bounds.lows)), np.diff(bounds.starts))
        keep = column >= 0
        ties = np.arange(new)
        row = np.concatenate([rows[keep], *[ties + len(bounds.lows)] * 3])
        at = np.concatenate([column[keep], self._column[self._new], size + ties, size + new + ties])
        value = np.concatenate([bounds.factors[keep].astype(float), np.ones(new), -np.ones(new), np.ones(new)])
        order = np.argsort(row, kind="stable")
        count = len(bounds.lows) + new
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = size + 2 * new, count
        model.col_cost_ = np.concatenate([np.zeros(size), self._price, self._price])
        model.col_lower_ = np.concatenate([-self._system.truth[self._free].astype(float), np.zeros(2 * new)])
        model.col_upper_ = np.full(size + 2 * new, float(MUCH))
        model.row_lower_ = np.concatenate([bounds.lows, np.zeros(new)])
        model.row_upper_ = np.concatenate([bounds.highs, np.zeros(new)])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.searchsorted(row[order], np.arange(count + 1)).astype(np.int32)
        model.a_matrix_.index_ = at[order].astype(np.int32)
        model.a_matrix_.value_ = value[order]
        program = Program()
        for name, option in (("output_flag", False), ("threads", 1), ("random_seed", 1), ("simplex_strategy", 4)):
            program.setOptionValue(name, option)
        program.passModel(model)
        return program

    def _watch(self, needs: Sequence[Need]) -> None:
        """A row for each of them, which binds nothing yet."""
        self._needs, self._terms = needs, []
        self._first = self._program.getNumRow()
        self._low, self._high = np.zeros(len(needs)), np.zeros(len(needs))
        for need in needs:
            terms = [(int(self._column[number]), float(factor)) for number, factor in need.terms]
            self._terms.append(terms := [(column, factor) for column, factor in terms if column >= 0])
            columns, factors = (np.array([one[side] for one in terms]) for side in (0, 1))
            self._program.addRow(-np.inf, np.inf, len(terms), columns.astype(np.int32), factors.astype(float))

    # ---- what is open though nothing told moves --------------------------------------------------------------------

    def _shut(self) -> list[int]:
        """Those that no world opens: looked for many at once, then each by itself."""
        self._hold(0.0)
        waiting = list(range(len(self._needs)))
        for way in (1, -1):
            many = len(waiting) + 1
            while waiting and len(waiting) < many:
                many = len(waiting)
                self._stretch({place: way * self._side(place) for place in waiting})
                waiting = [place for place in waiting if not self._is_met(place)]
        found = []
        for place in waiting:
            for way in (1, -1):
                if not self._is_met(place):
                    self._stretch({place: way})
            if not self._is_met(place):
                found.append(place)
        return found

    def _stretch(self, ways: dict[int, int]) -> None:
        """A world in which these are as far away as they need be, each on its side; held against all of them."""
        program = self._program
        costs = np.zeros(program.getNumCol())
        for place, way in ways.items():
            program.changeRowBounds(self._first + place, *sorted((0.0, float(way * self._needs[place].width))))
            for column, factor in self._terms[place]:
                costs[column] -= factor * way
        self._cost(costs)
        program.run()
        if program.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            values = np.array(program.getSolution().row_value)[self._first :]
            self._low, self._high = np.minimum(self._low, values), np.maximum(self._high, values)
        for place in ways:
            program.changeRowBounds(self._first + place, -np.inf, np.inf)

    def _side(self, place: int) -> int:
        return -1 if self._needs[place].here < 0 else 1

    def _is_met(self, place: int, low: int = 0, high: int = 0) -> bool:
        """Whether it is far enough away, if it goes as far as this at least."""
        low = min(low, int(np.ceil(self._low[place] - _NEAR)))
        high = max(high, int(np.floor(self._high[place] + _NEAR)))
        need = self._needs[place]
        return need.met(need.here + low, need.here + high)

    # ---- what must move --------------------------------------------------------------------------------------------

    def _let_move(self) -> None:
        self._hold(float(MUCH))
        self._cost(np.concatenate([np.zeros(len(self._free)), self._price, self._price]))

    def _charge(self, moved: Collection[int]) -> None:
        """What is kept back anyway moves for nothing from now on."""
        size, new = len(self._free), len(self._new)
        for place in np.flatnonzero(np.isin(self._new, list(moved))).tolist():
            self._program.changeColCost(size + place, 0.0)
            self._program.changeColCost(size + new + place, 0.0)

    def _hold(self, most: float) -> None:
        """What is told anew moves by no more than that."""
        size, many = len(self._free), 2 * len(self._new)
        sides = np.arange(size, size + many, dtype=np.int32)
        self._program.changeColsBounds(many, sides, np.zeros(many), np.full(many, most))

    def _cost(self, costs: Reals) -> None:
        self._program.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), costs)

    def _steps(self, place: int) -> Iterator[int]:
        """How far away it must be at least, on each side."""
        for way in (1, -1):
            for far in range(1, self._needs[place].width + 1):
                if self._is_met(place, *sorted((0, way * far))):
                    yield way * far
                    break

    def _cheapest(self, place: int, step: int) -> tuple[float, set[int]] | None:
        """The price of the cheapest world that is so far away there, and which numbers told anew move in it."""
        program, row = self._program, self._first + place
        program.changeRowBounds(row, float(step), float(step))
        program.run()
        is_found = program.getModelStatus() == highspy.HighsModelStatus.kOptimal
        values = np.array(program.getSolution().col_value)
        price = program.getInfo().objective_function_value
        program.changeRowBounds(row, -np.inf, np.inf)
        if not is_found:
            return None
        moved = np.abs(values[self._column[self._new]]) > _NEAR
        return price, set(self._new[moved].tolist())
