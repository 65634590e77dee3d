"""Somebody who reads all releases, knows the method and its table, and works out what they can.

By linear programs: what is certain. By belief propagation: what is probable. Both know every sum: provinces make up
their academy, quarters their year, months their quarter, rows their total; and what the protocol proves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
from highspy import Highs, HighsModelStatus

from school_protocol.engine.case_summary import CASES, NONE
from school_protocol.statistics.noise import BITS, MOST, TABLE
from school_protocol.statistics.rules import TOTALS, ReleasePeriod, periods

from .synthetic import ACADEMY, BEFORE, TABLES, YEAR, Place, Year, every_cell

SURE = 0.9
Sum = tuple[Place, tuple[Place, ...]]
"""A cell, and those that make it up."""


def sums(year: Year) -> Iterator[Sum]:
    """Every cell that others make up."""
    whole, *quarters = periods(YEAR)
    cells = every_cell()
    for unit in year.units:
        yield from (((unit, whole, "", cell), tuple((unit, one, "", cell) for one in quarters)) for cell in cells)
    for period in (whole, *quarters):
        below = year.provinces
        yield from (
            ((ACADEMY, period, "", cell), tuple((one, period, "", cell) for one in below)) for cell in cells
        )  # fmt: skip
        for unit in year.units:
            for table in (one for one in TABLES if one.adds_up):
                rows = tuple((unit, period, "", (table.key, row.key)) for row in table.rows)
                yield (unit, period, "", (TOTALS, table.of)), rows
            yield (unit, period, "", ("levels", NONE)), ((unit, period, "", ("stages", BEFORE)),)
        if period.quarter:
            months = tuple((ACADEMY, period, month, (TOTALS, CASES)) for month in period.months(9))
            yield (ACADEMY, period, "", (TOTALS, CASES)), months


def overlapping(year: Year) -> Iterator[tuple[Place, tuple[Place, ...], bool]]:
    """Rows none of which is more than their total; and whether each case of it stands in one at least."""
    for unit in year.units:
        for period in periods(YEAR):
            for table in (one for one in TABLES if one.overlaps):
                rows = tuple((unit, period, "", (table.key, row.key)) for row in table.rows)
                yield (unit, period, "", (TOTALS, table.of)), rows, table.of != CASES


# ---- what is certain -----------------------------------------------------------------------------------------------


class Bounds:
    """Linear programs over the full grid, of which some cells are told, each within its noise, and some are known."""

    def __init__(
        self, year: Year, told: Mapping[Place, int], known: Mapping[Place, int] | None = None, *, far: int = MOST
    ) -> None:
        self.places = {place: column for column, place in enumerate(year.truth())}
        low, high = np.zeros(len(self.places)), np.full(len(self.places), 1e4)
        for place, number in told.items():
            low[self.places[place]], high[self.places[place]] = max(number - far, 0), number + far
        for place, number in (known or {}).items():
            low[self.places[place]] = high[self.places[place]] = number
        self.program = Highs()
        self.program.setOptionValue("output_flag", False)
        self.program.addVars(len(low), low, high)
        for whole, parts in sums(year):
            self._row(0, 0, whole, parts)
        for whole, rows, is_all in overlapping(year):
            for row in rows:
                self._row(-np.inf, 0, whole, (row,))
            if is_all:
                self._row(0, np.inf, whole, rows)

    def _row(self, low: float, high: float, whole: Place, parts: Sequence[Place]) -> None:
        columns = np.array([self.places[one] for one in (*parts, whole)], dtype=np.int32)
        self.program.addRow(low, high, len(columns), columns, np.array([*[1.0] * len(parts), -1.0]))

    def certain(self, places: Iterable[Place]) -> dict[Place, int]:
        """Those that can be one number alone; what two worlds told apart before is not asked again."""
        found = {}
        least, most = np.full(len(self.places), np.inf), np.full(len(self.places), -np.inf)
        for place in places:
            column = self.places[place]
            for way in (1, -1):
                if most[column] - least[column] < 1:
                    world = self._world(column, way)
                    least, most = np.minimum(least, world), np.maximum(most, world)
            if np.ceil(least[column] - 1e-6) == np.floor(most[column] + 1e-6):
                found[place] = round(least[column])
        return found

    def _world(self, column: int, way: int) -> np.ndarray:
        """In which there is least of that cell, or most."""
        self.program.changeColCost(column, way)
        self.program.run()
        assert self.program.getModelStatus() == HighsModelStatus.kOptimal
        self.program.changeColCost(column, 0)
        return np.array(self.program.getSolution().col_value)


# ---- what is probable ----------------------------------------------------------------------------------------------

ROUNDS = 4
_LEAST = 1e-12


def posteriors(year: Year, told: Mapping[Place, int], known: Collection[Place] = ()) -> dict[Place, np.ndarray]:
    """How probable each number is in each cell. `known`: cells that are told exactly.

    What is not told is first thought to be as the academy's row is in a place of that size.
    """
    size = 2 * MOST + max(told.values())
    beliefs = {place: _own(year, told, place, size, place in known) for place in year.truth()}
    factors = [one for one in sums(year) if len(one[1]) > 1]
    said: dict[tuple[int, Place], np.ndarray] = {}
    for _round in range(ROUNDS):
        for number, (whole, parts) in enumerate(factors):
            heard = {
                place: _normal(beliefs[place] / np.maximum(said.get((number, place), 1.0), _LEAST))
                for place in (whole, *parts)
            }
            for place, message in _messages(whole, parts, heard, size):
                said[number, place] = message
                beliefs[place] = _normal(heard[place] * message)
    return beliefs


def _own(year: Year, told: Mapping[Place, int], place: Place, size: int, is_known: bool) -> np.ndarray:
    numbers = np.arange(size)
    if is_known:
        return (numbers == told[place]).astype(float)
    unit, period, month, cell = place
    whole = ReleasePeriod(YEAR)
    cases = max(told[ACADEMY, whole, "", (TOTALS, CASES)], 1)
    row = told.get((ACADEMY, whole, "", cell), cases / len(TABLES))
    share = 1.0 if unit == ACADEMY else max(told[unit, whole, "", (TOTALS, CASES)], 1) / cases
    share *= (1 / 12 if month else 1 / 4) if period.quarter else 1
    mean = max(row * share, 0.2)
    prior = (mean / (1 + mean)) ** numbers
    return _normal(prior * _noise(told[place], size)) if place in told else _normal(prior)


def _noise(told: int, size: int) -> np.ndarray:
    found = np.zeros(size)
    for number in range(size):
        if -MOST <= told - number <= MOST:
            found[number] = TABLE[min(number, MOST)][told - number + MOST] / 2**BITS
    return found


def _messages(
    whole: Place, parts: Sequence[Place], heard: Mapping[Place, np.ndarray], size: int
) -> Iterator[tuple[Place, np.ndarray]]:
    """What the others of a sum say of each of its cells."""
    none = np.eye(1, size)[0]
    before, after = [none], [none]
    for part in parts:
        before.append(np.convolve(before[-1], heard[part])[:size])
    for part in reversed(parts):
        after.append(np.convolve(after[-1], heard[part])[:size])
    yield whole, _normal(before[-1])
    for place, part in enumerate(parts):
        others = np.convolve(before[place], after[len(parts) - 1 - place])[:size]
        left = np.correlate(heard[whole], others, "full")[size - 1 :][:size]
        yield part, _normal(left)


def _normal(chances: np.ndarray) -> np.ndarray:
    total = chances.sum()
    return chances / total if total > 0 else np.full(len(chances), 1 / len(chances))


def claims(beliefs: Mapping[Place, np.ndarray], places: Iterable[Place]) -> dict[Place, int]:
    """Where one number is as good as sure."""
    return {place: int(beliefs[place].argmax()) for place in places if beliefs[place].max() >= SURE}
