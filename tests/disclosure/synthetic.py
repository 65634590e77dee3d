"""Made-up years of an academy: its cases by province, month and row of every table, and what releases tell of them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from engine.telling import MOROCCAN

from school_protocol.engine.case_summary import ANSWERED, CASES, DANGERS, NONE, REFERRALS
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import UnitKind
from school_protocol.protocol.reader import read_file
from school_protocol.statistics import catalogue, noise
from school_protocol.statistics.catalogue import Drawing
from school_protocol.statistics.rules import (
    GROUPS,
    KEPT,
    LATE,
    TOTALS,
    Cell,
    Counts,
    FigureRow,
    FigureTable,
    Period,
    ReleasePeriod,
    periods,
    tables_of,
)

YEAR, ACADEMY = 2026, "academy"
BEFORE, AFTER = "before", "after"
MONTHS = ReleasePeriod(YEAR).months(9)
STAGES = FigureTable("stages", Text({"en": "Stage"}), CASES, "rows", (FigureRow(BEFORE), FigureRow(AFTER)))
"""No release tells it: a case has no level as long as it was not assessed, which a definition proves."""
TABLES = (*tables_of(read_file(MOROCCAN)), STAGES)
LEAN = 0.72
"""Of the rows of a table each stands in so much fewer cases than the one before."""

Place = tuple[str, ReleasePeriod, str, Cell]
"""Unit, period, month or the whole of it, cell."""


@dataclass(frozen=True)
class Case:
    province: str
    month: str
    cells: frozenset[Cell]


@dataclass(frozen=True)
class Year:
    cases: tuple[Case, ...]
    provinces: tuple[str, ...]

    @classmethod
    def made(cls, seed: int, *, cases: int = 100, provinces: int = 5) -> Year:
        rng = random.Random(seed)
        names = tuple(f"p{one}" for one in range(provinces))
        sizes = [rng.expovariate(1) + 0.3 for _name in names]
        months = [1.0, 1.5, 1.5, 1.2, 1, 1, 1.2, 1, 0.8, 0.6, 0.05, 0.05]
        where, when = rng.choices(names, sizes, k=cases), rng.choices(MONTHS, months, k=cases)
        return cls(tuple(Case(p, m, frozenset(a_case(rng))) for p, m in zip(where, when, strict=True)), names)

    @property
    def units(self) -> tuple[str, ...]:
        return (ACADEMY, *self.provinces)

    def counts(self, period: ReleasePeriod) -> Counts:
        months = period.months(9)
        by_month: dict[str, dict[Cell, dict[str, int]]] = {}
        whole: dict[Cell, dict[str, int]] = {}
        for case in self.cases:
            for cell in case.cells if case.month in months else ():
                for found in (whole, by_month.setdefault(case.month, {})):
                    units = found.setdefault(cell, {})
                    for unit in (ACADEMY, case.province):
                        units[unit] = units.get(unit, 0) + 1
        above = {ACADEMY: "", **dict.fromkeys(self.provinces, ACADEMY)}
        return Counts(ACADEMY, Period(months), TABLES, above, by_month, whole)

    def truth(self) -> dict[Place, int]:
        """The full grid: every row of every unit, by year and quarter, and the academy's cases by month."""
        found: dict[Place, int] = {}
        for period in periods(YEAR):
            counts = self.counts(period)
            for unit in self.units:
                found |= {(unit, period, "", cell): counts.at(cell, unit) for cell in every_cell()}
            if period.quarter:
                cell = (TOTALS, CASES)
                found |= {(ACADEMY, period, one, cell): counts.at(cell, ACADEMY, one) for one in counts.period.months}
        return found

    def told(self, key: bytes, *, edition: int = 1, exactly: bool = False) -> dict[Place, int]:
        """What the releases of all quarters and of the year tell; `exactly`: the control, without noise."""
        found: dict[Place, int] = {}
        for period in periods(YEAR):
            counts = self.counts(period)
            for unit, kind in kinds(self):
                drawing = Drawing(noise.edition_key(key, edition), "p", unit, kind, period, GROUPS)
                told = drawing.told(counts)["cells"]
                for cell, month in catalogue.cells(kind, period.quarter, TABLES, counts.period.months):
                    number = counts.at(cell, unit, month) if exactly else told[cell[0]][cell[1]][month]
                    found[unit, period, month, cell] = number
        return found

    def with_late(self, province: str, month: str, cells: frozenset[Cell]) -> Year:
        """One case more."""
        return replace(self, cases=(*self.cases, Case(province, month, cells)))


def kinds(year: Year) -> Iterator[tuple[str, UnitKind]]:
    yield ACADEMY, UnitKind.region
    yield from ((one, UnitKind.province) for one in year.provinces)


def key_of(seed: int) -> bytes:
    return hashlib.sha256(f"key {seed}".encode()).digest()


def every_cell() -> list[Cell]:
    return [
        *((TOTALS, one) for one in GROUPS),
        *((one.key, row.key) for one in TABLES if one.kind == "rows" for row in one.rows),
    ]


def a_case(rng: random.Random) -> Iterator[Cell]:
    totals = {CASES: True, DANGERS: rng.random() < 0.3, REFERRALS: rng.random() < 0.25}
    yield from ((TOTALS, one) for one, is_there in totals.items() if is_there)
    is_assessed = rng.random() < 0.85
    yield ("stages", AFTER if is_assessed else BEFORE)
    for table in TABLES:
        rows = [row.key for row in table.rows]
        weights = [LEAN**place for place in range(len(rows))]
        if not totals[table.of] or table.key == "stages":
            continue
        if table.kind == "share":
            yield table.key, KEPT if rng.random() < 0.75 else LATE
        elif table.kind == "times":
            yield table.key, rng.choices(rows, weights)[0]
        elif table.key == "levels":
            yield table.key, rng.choices(rows[:-1], weights[:-1])[0] if is_assessed else NONE
        elif table.key in ("danger_answers", "referral_answers"):
            yield table.key, ANSWERED if rng.random() < 0.6 else rng.choice(rows[1:])
        elif table.overlaps:
            yield from {(table.key, one) for one in rng.choices(rows, weights, k=rng.choice((1, 1, 2)))}
        else:
            yield table.key, rng.choices(rows, weights)[0]


def small(numbers: Mapping[Place, int]) -> list[Place]:
    """What an attacker wants: counts of one to four."""
    return [place for place, number in numbers.items() if 1 <= number <= 4]
