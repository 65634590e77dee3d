"""Cases made up, counted as the services count them: small districts with tables of every kind."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from school_protocol.engine.case_summary import CASES, DANGERS, REFERRALS
from school_protocol.engine.texts import Text
from school_protocol.statistics.rules import KEPT, LATE, TOTALS, Counts, FigureRow, FigureTable, Period

TITLE = Text(root={"en": "A table"})


def table(key: str, rows: int, of: str = CASES, kind: str = "rows", **more: bool) -> FigureTable:
    """A table of so many rows."""
    keys = (KEPT, LATE) if kind == "share" else tuple(f"{key}{number}" for number in range(rows))
    return FigureTable(key, TITLE, of, kind, tuple(map(FigureRow, keys)), **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Case:
    """One case: where, when, which totals it is of, and its rows."""

    unit: str
    month: str
    totals: frozenset[str]
    cells: frozenset[tuple[str, str]]


@dataclass
class District:
    """A tree of units whose schools have cases."""

    above: dict[str, str]
    tables: tuple[FigureTable, ...]
    months: tuple[str, ...]
    cases: list[Case] = field(default_factory=list)

    @property
    def schools(self) -> list[str]:
        return sorted(set(self.above) - set(self.above.values()))

    def draw(self, rng: random.Random, unit: str, month: str, lean: float = 0.5) -> Case:
        """A case; the smaller `lean`, the more of them stand in the first rows."""
        totals = {CASES} | {total for total in (DANGERS, REFERRALS) if rng.random() < 0.4}
        cells = set()
        for one in self.tables:
            rows = [row.key for row in one.rows]
            if one.of in totals and rows:
                weights = [lean**place for place in range(len(rows))]
                if one.overlaps:
                    chosen = set(rng.choices(rows, weights, k=rng.choice((1, 1, 2, 3))))
                    cells |= {(one.key, row) for row in chosen}
                elif one.adds_up or rng.random() < 0.8:
                    cells.add((one.key, rng.choices(rows, weights)[0]))
        return Case(unit, month, frozenset(totals), frozenset(cells))

    def fill(self, rng: random.Random, schools: Iterable[tuple[str, int]], lean: float = 0.5) -> None:
        for unit, number in schools:
            self.cases += [self.draw(rng, unit, rng.choice(self.months), lean) for _ in range(number)]

    def counts(self, root: str = "", months: Sequence[str] | None = None) -> Counts:
        """What a unit's tables are counted from."""
        root = root or next(unit for unit, above in self.above.items() if not above)
        above = {unit: self.above[unit] for unit in self.above if root in self._up(unit)} | {root: ""}
        period = tuple(months or self.months)
        whole: dict[tuple[str, str], dict[str, int]] = {}
        by_month: dict[str, dict[tuple[str, str], dict[str, int]]] = {}
        for case in self.cases:
            if case.month not in period or case.unit not in above:
                continue
            for cell in (*((TOTALS, total) for total in case.totals), *case.cells):
                for unit in self._up(case.unit):
                    if unit in above:
                        for cells in (whole, by_month.setdefault(case.month, {})):
                            units = cells.setdefault(cell, {})
                            units[unit] = units.get(unit, 0) + 1
        return Counts(root, Period(period), self.tables, above, by_month, whole)

    def _up(self, unit: str) -> list[str]:
        found = [unit]
        while self.above.get(found[-1]):
            found.append(self.above[found[-1]])
        return found


def tree(provinces: int, schools: int, *, country: bool = False) -> dict[str, str]:
    """A region of so many provinces, each of so many schools; under a country or not."""
    above = {"country": "", "region": "country"} if country else {"region": ""}
    for province in range(provinces):
        above[f"p{province}"] = "region"
        above |= {f"p{province}s{school}": f"p{province}" for school in range(schools)}
    return above


def months(number: int) -> tuple[str, ...]:
    return tuple(f"2026-{month:02}" for month in range(1, number + 1))


def drawn(seed: int) -> District:
    """A random district: some schools without cases, some with many, tables of every kind."""
    rng = random.Random(seed)
    every = (
        table("level", rng.randint(2, 4), months=True),
        table("kind", rng.randint(2, 4), overlaps=True, months=rng.random() < 0.5),
        table("answer", 2, of=REFERRALS),
        table("danger", 2, of=DANGERS, overlaps=True),
        table("in_time", 2, kind="share"),
        table("wait", 3, kind="times"),
    )
    tables = tuple(one for one in every if one.key == "level" or rng.random() < 0.4)
    district = District(tree(rng.randint(1, 3), rng.randint(1, 4)), tables, months(rng.choice((1, 2, 3))))
    busy = rng.choice((2, 8, 30))
    district.fill(rng, [(unit, rng.randrange(busy)) for unit in district.schools], lean=rng.choice((0.3, 0.6, 1.0)))
    return district


def busy(seed: int, *, provinces: int = 3, schools: int = 4) -> District:
    """A region where much can be told."""
    rng = random.Random(seed)
    tables = (table("level", 4, months=True), table("kind", 3, overlaps=True), table("in_time", 2, kind="share"))
    district = District(tree(provinces, schools), tables, months(3))
    district.fill(rng, [(school, rng.randint(3, 30)) for school in district.schools], lean=0.6)
    return district
