"""The noise: its table from the formulas, how it is drawn, what is told with it."""

from __future__ import annotations

import hmac
from dataclasses import replace
from hashlib import sha256
from math import exp

import pytest

from school_protocol.engine.case_summary import CASES, DANGERS
from school_protocol.engine.visibility import UnitKind
from school_protocol.statistics import catalogue, noise
from school_protocol.statistics.catalogue import Drawing, cells, share_of
from school_protocol.statistics.noise import MOST, TABLE
from school_protocol.statistics.rules import GROUPS, TOTALS, Counts, FigureRow, Period, ReleasePeriod

from .synthetic import ACADEMY, MONTHS, STAGES, TABLES, YEAR, Year, key_of

UNIT, VARIANCE = 2**32, 4
KEY = key_of(0)


# ---- the table -----------------------------------------------------------------------------------------------------


def row_of(count: int) -> list[float]:
    """By the formulas, solved by Newton's way (the table was by bisection): two moments of two parameters."""
    if not count:
        weights = [exp(-(noise**2) / 8) for noise in range(1, MOST + 1)]
        return [0.0] * MOST + [0.75] + [0.25 * one / sum(weights) for one in weights]
    values = range(-min(count, MOST), MOST + 1)

    def moments(alpha: float, beta: float) -> tuple[list[float], list[float]]:
        weights = [exp(alpha * v + beta * v * v) for v in values]
        chances = [one / sum(weights) for one in weights]
        return chances, [sum(v**power * one for v, one in zip(values, chances, strict=True)) for power in range(5)]

    alpha, beta = -0.7 if count == 1 else 0.0, 0.0 if count == 1 else -0.125
    for _step in range(200):
        chances, (_one, first, second, third, fourth) = moments(alpha, beta)
        if count == 1:
            alpha -= first / (second - first**2)
            continue
        a, b, d = second - first**2, third - first * second, fourth - second**2
        miss, far = first, second - VARIANCE
        scale = a * d - b * b
        alpha, beta = alpha - (d * miss - b * far) / scale / 2, beta - (a * far - b * miss) / scale / 2
    return [0.0] * (MOST - min(count, MOST)) + chances


@pytest.mark.parametrize("count", range(MOST + 1))
def test_the_table_is_what_the_formulas_give(count: int) -> None:
    assert TABLE[count] == rounded(row_of(count))
    assert sum(TABLE[count]) == UNIT


def rounded(chances: list[float]) -> tuple[int, ...]:
    """In units of 2⁻³²: what is left over goes to the greatest."""
    found = [round(one * UNIT) for one in chances]
    found[found.index(max(found))] += UNIT - sum(found)
    return tuple(found)


@pytest.mark.parametrize("count", range(1, MOST + 1))
def test_it_is_right_on_average_of_the_variance_that_is_said_and_never_below_zero(count: int) -> None:
    mean, square = (sum(v**power * one for v, one in enumerate(TABLE[count], -MOST)) / UNIT for power in (1, 2))
    assert abs(mean) < 1e-7
    assert square == pytest.approx(VARIANCE if count > 1 else 1.973, abs=1e-3)
    assert not any(TABLE[count][: MOST - count])


def test_a_change_of_the_formulas_would_be_told() -> None:
    """The control."""
    assert rounded([0.0] * MOST + [0.5] + [0.05] * MOST) != TABLE[0]
    assert rounded(row_of(9)) != TABLE[10]


# ---- drawing -------------------------------------------------------------------------------------------------------


def test_a_number_is_drawn_as_it_is_described() -> None:
    """Reckoned by hand, as the note on the method says."""
    assert noise.edition_key(KEY, 2) == hmac.new(KEY, b"edition|2", sha256).digest()
    for count in (0, 1, 3, 10, 57):
        digest = hmac.new(KEY, f"p|u|2026|levels|1|{count}".encode(), sha256).digest()
        left, found = int.from_bytes(digest[:7]) / 2**56, -MOST
        while left >= TABLE[min(count, MOST)][found + MOST] / UNIT:
            left -= TABLE[min(count, MOST)][found + MOST] / UNIT
            found += 1
        assert noise.told(KEY, "p|u|2026|levels|1", count) == count + found


@pytest.mark.parametrize("count", [0, 1, 2, 7, 10, 40])
def test_over_many_places_it_is_drawn_as_often_as_the_table_says(count: int) -> None:
    drawn = [noise.told(KEY, f"place {one}", count) - count for one in range(20_000)]
    for value, chance in enumerate(TABLE[min(count, MOST)], -MOST):
        wanted = chance / UNIT
        assert abs(drawn.count(value) / len(drawn) - wanted) < 4.5 * (wanted * (1 - wanted) / len(drawn)) ** 0.5 + 1e-4
    assert min(drawn) >= -count


def test_the_same_cell_is_told_the_same_number_and_another_edition_or_place_another() -> None:
    counts = Year.made(1).counts(ReleasePeriod(YEAR))
    drawing = Drawing(noise.edition_key(KEY, 1), "p", ACADEMY, UnitKind.region, ReleasePeriod(YEAR), GROUPS)
    told = drawing.told(counts)
    assert drawing.told(counts) == told
    others = (
        replace(drawing, key=noise.edition_key(KEY, 2)), replace(drawing, key=noise.edition_key(key_of(1), 1)),
        replace(drawing, protocol="q"), replace(drawing, period=ReleasePeriod(YEAR, 1)),
    )  # fmt: skip
    for other in others:
        found = other.told(counts)["cells"]
        places = [(table, row) for table, rows in told["cells"].items() for row in rows]
        moved = sum(found[table][row][""] != told["cells"][table][row][""] for table, row in places)
        assert moved > len(places) / 3


def test_what_cannot_occur_stays_zero_and_zeros_that_can_do_not() -> None:
    counts = Counts(ACADEMY, Period(MONTHS), TABLES, {ACADEMY: ""}, {}, {})
    drawing = Drawing(KEY, "p", ACADEMY, UnitKind.region, ReleasePeriod(YEAR), {CASES})
    told = drawing.told(counts)["cells"]
    for table in (one for one in TABLES if one.kind == "rows" and one.of != CASES):
        assert {number for rows in told[table.key].values() for number in rows.values()} == {0}
    assert told[TOTALS][DANGERS] == {"": 0}
    assert any(number for rows in told["kinds"].values() for number in rows.values())


def test_where_two_names_have_the_same_cases_one_number_is_told() -> None:
    """A table with one row alone: each case of its total stands in it."""
    lone = replace(STAGES, key="lone", rows=(FigureRow("all"),))
    year = Year.made(2)
    found = year.counts(ReleasePeriod(YEAR))
    counts = replace(found, tables=(lone,), cells={**found.cells, ("lone", "all"): found.cells[TOTALS, CASES]})
    for seed in range(30):
        drawing = Drawing(key_of(seed), "p", ACADEMY, UnitKind.region, ReleasePeriod(YEAR), GROUPS)
        told = drawing.told(counts)["cells"]
        assert told["lone"]["all"] == told[TOTALS][CASES]


# ---- the catalogue -------------------------------------------------------------------------------------------------


def test_the_catalogue_is_fixed_by_kind_and_period() -> None:
    rows = {(one.key, row.key) for one in TABLES if one.kind == "rows" for row in one.rows}
    totals, quarter = {(TOTALS, one) for one in GROUPS}, MONTHS[:3]
    by_month = {((TOTALS, CASES), month) for month in quarter}
    for kind in (UnitKind.region, UnitKind.country):
        assert set(cells(kind, 0, TABLES, MONTHS)) == {(one, "") for one in rows | totals}
        assert set(cells(kind, 1, TABLES, quarter)) == {(one, "") for one in rows | totals} | by_month
    assert set(cells(UnitKind.province, 0, TABLES, MONTHS)) == {(one, "") for one in rows | totals}
    assert set(cells(UnitKind.province, 1, TABLES, quarter)) == {(one, "") for one in totals}
    for number in range(5):
        assert list(cells(UnitKind.school, number, TABLES, quarter)) == []


@pytest.mark.parametrize("seed", range(3))
def test_all_of_it_is_told_whatever_was_counted(seed: int) -> None:
    for year in (Year.made(seed), Year.made(seed, cases=3), Year.made(seed, cases=0)):
        told = year.told(KEY)
        assert all(number >= 0 for number in told.values())
        truth = year.truth()
        assert all(abs(number - truth[place]) <= MOST for place, number in told.items())


# ---- shares and medians --------------------------------------------------------------------------------------------


def test_a_share_goes_by_five_points_and_lies_where_it_is_said_to() -> None:
    assert share_of(15, 5) == [75, 55, 95]
    right, within = 0, 0
    for one in range(4_000):
        kept, late = 30, 14
        parts = noise.told(KEY, f"kept {one}", kept), noise.told(KEY, f"late {one}", late)
        share, low, high = share_of(*parts)
        assert share % 5 == low % 5 == high % 5 == 0
        assert 0 <= low <= share <= high <= 100
        within += low <= 100 * kept / (kept + late) <= high
        right += abs(share - 100 * kept / (kept + late)) <= 5
    assert within / 4_000 > 0.95
    assert right / 4_000 > 0.75


def test_shares_and_medians_are_told_of_enough_that_are_told_alone() -> None:
    """By the told number: of the same true one some are told, some not."""
    for cases, whole in ((9, {False}), (20, {False, True}), (31, {True})):
        year = Year.made(4, cases=cases)
        counts = year.counts(ReleasePeriod(YEAR))
        told = [
            Drawing(key_of(seed), "p", ACADEMY, UnitKind.region, ReleasePeriod(YEAR), GROUPS).told(counts)
            for seed in range(40)
        ]
        waits = [one.key for one in TABLES if one.kind == "times"]
        assert {wait in one["medians"] for one in told for wait in waits} == whole
        shares = [one.key for one in TABLES if one.kind == "share"]
        assert {share in one["shares"] for one in told for share in shares} == whole


@pytest.mark.parametrize(("cases", "least"), [(30, 0.7), (100, 0.88)])
def test_a_median_is_told_as_its_class_and_hardly_ever_far_off(cases: int, least: float) -> None:
    same, far, asked = 0, 0, 0
    for seed in range(60):
        counts = Year.made(seed, cases=cases).counts(ReleasePeriod(YEAR))
        told = Drawing(key_of(seed), "p", ACADEMY, UnitKind.region, ReleasePeriod(YEAR), GROUPS).told(counts)
        for table in (one for one in TABLES if one.kind == "times"):
            rows = [row.key for row in table.rows for _case in range(counts.at((table.key, row.key), ACADEMY))]
            found = told["medians"].get(table.key, {}).get("")
            if found is not None:
                keys = [row.key for row in table.rows]
                off = abs(keys.index(found) - keys.index(rows[(len(rows) - 1) // 2]))
                same, far, asked = same + (off == 0), far + (off > 1), asked + 1
    assert asked > 100
    assert same / asked > least
    assert far / asked < 0.02


def test_a_school_is_told_nothing_by_any_drawing() -> None:
    counts = Year.made(1).counts(ReleasePeriod(YEAR, 1))
    assert Drawing(KEY, "p", ACADEMY, UnitKind.school, ReleasePeriod(YEAR, 1), GROUPS).told(counts) == {
        "cells": {}, "shares": {}, "medians": {},
    }  # fmt: skip
    assert catalogue.EDITIONS == 2
