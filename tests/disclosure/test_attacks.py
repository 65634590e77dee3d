"""Attackers against all releases of a year, and the controls that they find; how useful is what is told."""

from __future__ import annotations

from statistics import mean

import pytest

from school_protocol.engine.case_summary import CASES
from school_protocol.engine.visibility import UnitKind
from school_protocol.statistics import noise
from school_protocol.statistics.catalogue import Drawing
from school_protocol.statistics.rules import GROUPS, TOTALS, Cell, ReleasePeriod

from .attacker import Bounds, claims, posteriors
from .synthetic import ACADEMY, MONTHS, YEAR, Place, Year, key_of, small

WORLDS = (1, 2, 3)
heavy = pytest.mark.exhaustive


def sampled(places: list[Place], most: int) -> list[Place]:
    return places[:: max(1, len(places) // most)]


# ---- what is certain -----------------------------------------------------------------------------------------------


def test_nothing_small_is_certain_and_the_control_without_noise_finds_all() -> None:
    """Of a small academy, some of its cells; all of three by `--all`."""
    year = Year.made(7, cases=40, provinces=2)
    truth, told, exact = year.truth(), year.told(key_of(7)), year.told(b"", exactly=True)
    asked = sampled(small(truth), 40)
    assert Bounds(year, told).certain(asked) == {}
    wanted = [place for place in small(truth) if place in exact]
    assert len(wanted) > 100
    assert Bounds(year, exact, far=0).certain(sampled(wanted, 60)) == {one: truth[one] for one in sampled(wanted, 60)}


@heavy
@pytest.mark.parametrize("seed", WORLDS)
def test_nothing_small_is_certain_in_a_whole_year(seed: int) -> None:
    year = Year.made(seed)
    assert Bounds(year, year.told(key_of(seed))).certain(small(year.truth())) == {}


@heavy
def test_the_control_a_noise_of_one_would_be_seen_through() -> None:
    """Numbers that are at most 1 off: sums pin some down."""
    year = Year.made(1)
    truth = year.truth()
    nearly = {
        place: max(number + (hash_of(place) % 3) - 1, 0) for place, number in year.told(b"", exactly=True).items()
    }
    found = Bounds(year, nearly, far=1).certain(small(truth))
    assert len(found) > 10
    assert all(truth[place] == number for place, number in found.items())


def hash_of(place: Place) -> int:
    return int.from_bytes(noise.edition_key(b"control", sum(map(ord, repr(place))))[:4])


# ---- insiders ------------------------------------------------------------------------------------------------------


@heavy
@pytest.mark.parametrize("seed", WORLDS)
def test_whoever_knows_all_provinces_but_one_is_certain_of_nothing(seed: int) -> None:
    year = Year.made(seed)
    truth = year.truth()
    smallest = min(year.provinces, key=lambda one: truth[one, ReleasePeriod(YEAR), "", (TOTALS, CASES)])
    known = {place: number for place, number in truth.items() if place[0] in year.provinces and place[0] != smallest}
    asked = [place for place in small(truth) if place not in known]
    assert Bounds(year, year.told(key_of(seed)), known).certain(asked) == {}


def test_the_control_an_exact_total_would_give_the_last_province_away() -> None:
    year = Year.made(7, cases=40, provinces=2)
    truth, told = year.truth(), year.told(key_of(7))
    known = {place: number for place, number in truth.items() if place[0] in (ACADEMY, year.provinces[0])}
    asked = sampled([place for place in small(truth) if place not in known], 20)
    assert asked
    assert Bounds(year, told, known).certain(asked) == {place: truth[place] for place in asked}


# ---- what is probable ----------------------------------------------------------------------------------------------


@heavy
@pytest.mark.parametrize("seed", WORLDS)
def test_hardly_anything_small_is_as_good_as_sure(seed: int) -> None:
    """Of the few claims an attacker makes at nine in ten, fewer are right than one count in a hundred."""
    year = Year.made(seed)
    truth, told = year.truth(), year.told(key_of(seed))
    asked = small(truth)
    found = claims(posteriors(year, told), asked)
    assert sum(truth[place] == number for place, number in found.items()) <= len(asked) / 100


def test_the_control_without_noise_all_that_is_told_is_sure() -> None:
    year = Year.made(7, cases=40, provinces=2)
    truth, exact = year.truth(), year.told(b"", exactly=True)
    asked = [place for place in small(truth) if place in exact]
    assert claims(posteriors(year, exact, exact.keys()), asked) == {place: truth[place] for place in asked}
    told = year.told(key_of(7))
    found = claims(posteriors(year, told), asked)
    assert sum(truth[place] == number for place, number in found.items()) <= len(asked) / 20


# ---- late cases ----------------------------------------------------------------------------------------------------

LATE: frozenset[Cell] = frozenset({(TOTALS, CASES), ("levels", "3"), ("channels", "seen"), ("stages", "after")})


@pytest.mark.parametrize("seed", WORLDS)
def test_told_once_a_late_case_is_in_no_row_for_certain(seed: int) -> None:
    """It came after its quarter was told, and is in the year's numbers: the reader knows that there is one."""
    year = Year.made(seed)
    after = year.with_late(year.provinces[0], MONTHS[0], LATE)
    quarters = {place: number for place, number in year.told(key_of(seed)).items() if place[1].quarter}
    whole = {place: number for place, number in after.told(key_of(seed)).items() if not place[1].quarter}
    for table in ("levels", "channels"):
        rows = [place for place in whole if place[0] == ACADEMY and place[3][0] == table]
        open_to = [place for place in rows if _may_have_grown(place, quarters, whole)]
        assert len(open_to) == len(rows), "in each row it may be"


def _may_have_grown(place: Place, quarters: dict[Place, int], whole: dict[Place, int]) -> bool:
    """Whether year and quarters can be told so, were there one more in the year than in its quarters."""
    parts = [number for one, number in quarters.items() if one[0] == place[0] and one[3] == place[3] and not one[2]]
    low = sum(max(number - noise.MOST, 0) for number in parts) + 1
    high = sum(number + noise.MOST for number in parts) + 1
    return low <= whole[place] + noise.MOST and whole[place] - noise.MOST <= high


@pytest.mark.parametrize("seed", WORLDS)
def test_the_control_told_anew_it_would_show_its_row(seed: int) -> None:
    year = Year.made(seed)
    after, quarter = year.with_late(year.provinces[0], MONTHS[0], LATE), ReleasePeriod(YEAR, 1)
    found = []
    for key in map(key_of, range(20)):
        drawing = Drawing(noise.edition_key(key, 1), "p", ACADEMY, UnitKind.region, quarter, GROUPS)
        before, now = (drawing.told(one.counts(quarter))["cells"]["levels"] for one in (year, after))
        moved = [row for row in before if before[row] != now[row]]
        assert moved in ([], ["3"])
        found += moved
        again = Drawing(noise.edition_key(key, 2), "p", ACADEMY, UnitKind.region, quarter, GROUPS)
        assert again.told(after.counts(quarter))["cells"]["levels"] != before
    assert len(found) > 10, "told anew with the same key, most late cases stand in the row that moved"


# ---- how useful ----------------------------------------------------------------------------------------------------


def test_what_is_told_is_near_the_truth() -> None:
    """Over three years, each drawn ten times: the mean error, and cells of ten or more that are within a quarter."""
    errors, within = list[int](), list[bool]()
    for seed in WORLDS:
        year = Year.made(seed)
        truth = year.truth()
        for key in range(10):
            for place, number in year.told(key_of(100 * seed + key)).items():
                errors.append(abs(number - truth[place]))
                if truth[place] >= 10:
                    within.append(errors[-1] <= truth[place] / 4)
    assert len(within) > 1_000
    assert mean(errors) <= 1.4
    assert mean(one <= 4 for one in errors) >= 0.95
    assert mean(within) >= 0.9
