"""What it takes to issue figures again: late cases of a year that is over, or a year under way, month by month.

`python -m bench.gate late [CASES]` or `… months [MONTHS]`; `--region` for one academy instead of a country of twelve.
Cases are made up and counted as the services count them, under the tables of the Moroccan definition.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.prepared import DEFINITION
from school_protocol.engine.case_summary import CASES, DANGERS, REFERRALS
from school_protocol.protocol.reader import read
from school_protocol.statistics.disclosure.auditing import audit
from school_protocol.statistics.disclosure.release import Release
from school_protocol.statistics.disclosure.suppressing import suppress
from school_protocol.statistics.rules import TOTALS, Cell, Counts, FigureTable, Period, school_year, tables_of

REGIONS, PROVINCES, SCHOOLS = 12, 82, 2_191
PER_SCHOOL = 10
"""Cases of a school in a year, on average."""
LATE = 300
LEAN = 0.55
"""Of the rows of a table each stands in so much fewer cases than the one before."""


@dataclass
class Country:
    """Units under one another, and the cells of each case."""

    above: dict[str, str]
    tables: tuple[FigureTable, ...]
    months: tuple[str, ...]
    rng: random.Random
    cases: list[tuple[str, str, tuple[Cell, ...]]] = field(default_factory=list)
    """School, month, cells."""

    @classmethod
    def made(cls, rng: random.Random, regions: int, *, under_way: int = 0) -> Country:
        """Twelve regions, or some of them. `under_way`: only so many months have passed."""
        share = regions / REGIONS
        above = {"country": ""} | {f"r{one}": "country" for one in range(regions)} if regions > 1 else {"r0": ""}
        provinces = [f"p{one}" for one in range(round(PROVINCES * share))]
        above |= {one: f"r{place % regions}" for place, one in enumerate(provinces)}
        schools = [f"s{one}" for one in range(round(SCHOOLS * share))]
        above |= {one: rng.choice(provinces) for one in schools}
        protocol = read(DEFINITION.read_bytes(), DEFINITION.name)
        months = school_year(9, 2026).months
        found = cls(above, tables_of(protocol), months[: under_way or len(months)], rng)
        weights = [rng.expovariate(1) for _ in schools]
        for school in rng.choices(schools, weights, k=len(schools) * PER_SCHOOL * len(found.months) // len(months)):
            found.add(school, rng.choice(found.months))
        return found

    @property
    def schools(self) -> list[str]:
        return sorted(set(self.above) - set(self.above.values()))

    def add(self, school: str, month: str) -> None:
        """One more case."""
        totals = {CASES} | {total for total in (DANGERS, REFERRALS) if self.rng.random() < 0.3}
        cells: list[Cell] = [(TOTALS, total) for total in sorted(totals)]
        for one in self.tables:
            rows = [row.key for row in one.rows]
            if one.of in totals and rows and (one.adds_up or self.rng.random() < 0.8):
                many = self.rng.choice((1, 1, 2)) if one.overlaps else 1
                weights = [LEAN**place for place in range(len(rows))]
                cells += [(one.key, row) for row in sorted(set(self.rng.choices(rows, weights, k=many)))]
        self.cases.append((school, month, tuple(cells)))

    def counts(self, months: Sequence[str]) -> Counts:
        """What its tables are counted from, of these months."""
        whole: dict[Cell, dict[str, int]] = {}
        by_month: dict[str, dict[Cell, dict[str, int]]] = {}
        for school, month, cells in self.cases:
            if month not in months:
                continue
            up = [school]
            while self.above[up[-1]]:
                up.append(self.above[up[-1]])
            for cell in cells:
                for held in (whole, by_month.setdefault(month, {})):
                    units = held.setdefault(cell, {})
                    for unit in up:
                        units[unit] = units.get(unit, 0) + 1
        return Counts(next(iter(self.above)), Period(tuple(months)), self.tables, self.above, by_month, whole)


def issued(counts: Counts, before: Sequence[Release]) -> tuple[Release, dict[str, Any]]:
    """The release, and what it took."""
    began, cpu = time.monotonic(), time.process_time()
    release = suppress(counts, before)
    said = {
        "cases": counts.at((TOTALS, CASES), counts.unit),
        "told": len(release.told),
        "units": len({key.unit for key in release.told}),
        "floor": release.floor,
        "seconds": round(time.monotonic() - began, 1),
        "cpu": round(time.process_time() - cpu, 1),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return release, said


def proven(releases: Sequence[Release], *, anew: bool) -> dict[str, Any]:
    """What the gate says of all of them, asked again, and what that took; `anew`: without what it found before."""
    cpu = time.process_time()
    asked = [replace(one, worlds=None) for one in releases] if anew else releases
    return {"found": len(audit(asked)), "cpu": round(time.process_time() - cpu, 1)}


def late(regions: int, cases: int, seed: int = 1) -> list[dict[str, Any]]:
    """A year that is over, issued; then so many late cases, issued again."""
    country = Country.made(random.Random(seed), regions)
    first, said = issued(country.counts(country.months), [])
    for _ in range(cases):
        country.add(country.rng.choice(country.schools), country.rng.choice(country.months))
    second, more = issued(country.counts(country.months), [first])
    return [said, {**more, "found": len(audit([first, second]))}]


def months(regions: int, number: int, seed: int = 1) -> list[dict[str, Any]]:
    """A year under way, issued after each month, a hundredth of late cases each time."""
    country = Country.made(random.Random(seed), regions, under_way=number)
    releases: list[Release] = []
    said = []
    for place in range(1, number + 1):
        past = country.months[:place]
        if place > 1:
            for _ in range(len(country.cases) // 100):
                country.add(country.rng.choice(country.schools), country.rng.choice(past[:-1]))
        counts = replace(country, cases=[one for one in country.cases if one[1] in past]).counts(past)
        release, one = issued(counts, releases)
        releases.append(release)
        said.append(one | {"gate": proven(releases, anew=place == number)})
        print(json.dumps(said[-1]), file=sys.stderr, flush=True)
    return said


def main() -> int:
    parser = argparse.ArgumentParser("python -m bench.gate", description=__doc__)
    parser.add_argument("what", choices=("late", "months"))
    parser.add_argument("number", nargs="?", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--region", action="store_true", help="one academy, instead of twelve")
    asked = parser.parse_args()
    regions = 1 if asked.region else REGIONS
    if asked.what == "late":
        found = late(regions, asked.number or LATE, asked.seed)
    else:
        found = months(regions, asked.number or 3, asked.seed)
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
