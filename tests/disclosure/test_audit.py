"""The gate against every world there is: whatever can be worked out of what was told, it finds, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from disclosure.attacks import ALL, ROWS, Shape, narrow, narrow_together, pairs
from disclosure.worlds import District, busy, months, table, tree
from school_protocol.engine.case_summary import CASES
from school_protocol.statistics import rules as statistics_rules
from school_protocol.statistics.disclosure.auditing import audit
from school_protocol.statistics.disclosure.release import Key, NotReleasable, Release, Said
from school_protocol.statistics.disclosure.suppressing import suppress
from school_protocol.statistics.disclosure.system import Bound, System, _median, _share

FLAT = Shape({"region": "", "a": "region", "b": "region", "c": "region"})
TWO = Shape({"region": "", "a": "region", "b": "region"}, greatest=8)
DEEP = Shape({"region": "", "p0": "region", "p1": "region", "a": "p0", "b": "p0", "c": "p1"})
MONTHS = Shape({"region": "", "a": "region", "b": "region"}, months(2))
SHAPES = {"flat": FLAT, "deep": DEEP, "months": MONTHS}


def drawn_in(shape: Shape, rng: random.Random, numbers: Sequence[int] = (1, 3, 6, 9)) -> District:
    """A district of that shape: some schools small, some not."""
    found = District(shape.above, (table("level", 2, months=bool(shape.months)),), shape.months or months(1))
    found.fill(rng, [(school, rng.choice(numbers)) for school in shape.schools], lean=rng.choice((0.4, 1.0)))
    return found


def told(shape: Shape, district: District, rng: random.Random, share: float) -> Release:
    """Some of what is great enough, by chance."""
    counts = district.counts()
    slots = [(unit, "") for unit in shape.above] + [(shape.root, month) for month in shape.months]
    keys = [Key(unit, month, cell) for unit, month in slots for cell in (ALL, *ROWS)]
    great = [key for key in keys if counts.at(key.cell, key.unit, key.month) > 4]
    return Release(counts, frozenset(key for key in great if rng.random() < share))


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SHAPES)
def test_the_gate_finds_what_all_worlds_have_in_common(name: str) -> None:
    leaking = 0
    for seed in range(30):
        rng = random.Random(f"{name} {seed}")
        shape = SHAPES[name]
        release = told(shape, drawn_in(shape, rng), rng, rng.choice((0.5, 0.8, 1.0)))
        leaks = narrow(shape.worlds(release), release.counts)
        leaking += bool(leaks)
        assert bool(audit([release])) == bool(leaks), (seed, leaks)
    assert 8 <= leaking <= 26


@pytest.mark.exhaustive
def test_whatever_two_releases_say_together_is_found() -> None:
    """Nothing is missed. The gate takes a total that has just changed as known: so it may find a little more."""
    leaking = found = 0
    for seed in range(16):
        rng = random.Random(seed)
        first = drawn_in(TWO, rng, (1, 3, 5))
        late = rng.choice((1, 2, 3))
        more = [first.draw(rng, rng.choice(TWO.schools[: rng.choice((1, 2))]), first.months[0]) for _ in range(late)]
        later = replace(first, cases=[*first.cases[rng.randrange(2) :], *more])
        releases = [told(TWO, first, rng, 0.6), told(TWO, later, rng, 0.6)]
        leaks = narrow_together(TWO, releases)
        finds = bool(audit(releases))
        leaking, found = leaking + bool(leaks), found + finds
        assert finds or not leaks, (seed, leaks)
    assert 4 <= leaking <= found < 16


# ---- leaks that were planted ---------------------------------------------------------------------------------------


def of_schools(*numbers: int) -> District:
    """One directorate whose schools have so many cases, in two months."""
    district = District(tree(1, len(numbers)), (), months(2))
    district.fill(random.Random(1), [(f"p0s{place}", number) for place, number in enumerate(numbers)])
    return district


def of_cases(*releases: Release) -> set[tuple[str, bool]]:
    """Of which units the gate finds all cases, or their change."""
    return {(found.place.unit, found.is_change) for found in audit(releases) if found.place.cell == ALL}


def years(district: District, *units: str) -> Release:
    return Release(district.counts(), frozenset(Key(unit, "", ALL) for unit in units))


def test_a_small_school_is_found_beside_its_directorate_and_all_the_others() -> None:
    district = of_schools(3, 12, 14)

    assert of_cases(years(district, "region", "p0", "p0s1")) == set()
    assert of_cases(years(district, "region", "p0", "p0s1", "p0s2")) == {("p0*0", False)}


def test_two_small_schools_are_found_by_what_they_have_together() -> None:
    """Told beside all others, they have three together: neither can have more."""
    district = of_schools(1, 2, 14)

    assert of_cases(years(district, "region", "p0")) == set()
    assert of_cases(years(district, "region", "p0", "p0s2")) == {("p0*0", False)}


def test_that_a_count_is_0_is_no_finding() -> None:
    """Beside all others that are told it is known; of one case it would be a finding."""
    for number in (0, 1):
        district = of_schools(number, 12, 14)
        found = of_cases(years(district, "region", "p0", "p0s1", "p0s2"))
        assert found == ({("p0*0", False)} if number else set())


def test_one_month_too_many_is_found() -> None:
    district = of_schools(12, 14)
    first, second = district.months
    district.cases = [one for one in district.cases if one.month == first]
    district.cases += [district.draw(random.Random(2), "p0s0", second) for _ in range(2)]
    year = years(district, "region")

    assert audit([year]) == ()
    found = audit([replace(year, told=year.told | {Key("region", first, ALL)})])
    assert {(one.place.period, one.low, one.high) for one in found} == {(second, 2, 2)}


def test_one_late_case_is_found() -> None:
    district = of_schools(8, 12, 14)
    before = years(district, "region", "p0")
    late = replace(district, cases=[*district.cases, district.draw(random.Random(3), "p0s1", district.months[0])])

    assert of_cases(before, years(late)) == set()
    assert {("region", True), ("p0", True)} <= of_cases(before, years(late, "region", "p0"))
    assert ("region", True) in of_cases(before, years(late, "region"))


def test_two_choices_of_what_to_withhold_are_found_together() -> None:
    """One school is small; each release keeps back another one for its sake. Together they tell all."""
    district = of_schools(3, 12, 14)
    one, other = (years(district, "region", "p0", school) for school in ("p0s1", "p0s2"))

    assert of_cases(one) == of_cases(other) == set()
    assert {unit for unit, _ in of_cases(one, other)} == {"p0*0"}


def test_what_may_not_be_told_has_no_place() -> None:
    """Small counts, months of schools, counts behind a share, former ones made up."""
    district = busy(3)
    release = suppress(district.counts())
    month = district.months[0]
    school = max(district.schools, key=lambda one: release.counts.at(ALL, one, month))
    small = next(one for one in district.schools if release.counts.at(ALL, one) < 5)
    wrong = [
        replace(release, told=release.told | {key})
        for key in (
            Key(small, "", ALL),
            Key(school, month, ALL),
            Key("region", "", ("in_time", "~kept")),
            Key("region", "", ("no such table", "no such row")),
        )
    ]
    wrong.append(replace(release, former={Key(small, "", ALL): 7}))
    wrong.append(replace(release, spoken=release.spoken | {Said(small, "", "in_time")}))

    assert audit([release]) == ()
    assert [len(audit([one])) > 0 for one in wrong] == [True] * len(wrong)


def test_periods_that_overlap_begin_with_the_same_month() -> None:
    district = busy(3)
    year, late = suppress(district.counts()), suppress(district.counts(months=district.months[1:]))

    with pytest.raises(NotReleasable):
        audit([year, late])
    assert audit([suppress(district.counts(months=district.months[:1])), late]) == ()


# ---- what is read of shares and medians ----------------------------------------------------------------------------


def test_what_a_share_says_is_what_it_shuts_out() -> None:
    """Each pair of numbers under which the same share is printed is left, and no other."""
    printed: dict[tuple[tuple[int, int], int], set[tuple[int, int]]] = {}
    for kept, late in pairs(range(125)):
        seen = statistics_rules.share(kept, kept + late)
        if seen is not None and kept + late < 125:
            printed.setdefault((seen, _band(kept + late)), set()).add((kept, late))
    assert len(printed) > 20
    for (seen, _), alike in printed.items():
        left = {
            (kept, late)
            for kept, late in pairs(range(125))
            if kept + late < 125 and all(_holds(bound, (kept, late)) for bound in _share(0, 1, seen))
        }
        assert left == alike


def _band(whole: int) -> int:
    return next(steps for least, steps in statistics_rules.STEPS if whole >= least)


def _holds(bound: Bound, values: Sequence[int]) -> bool:
    total = sum(factor * values[number] for number, factor in bound.terms)
    return (bound.low is None or total >= bound.low) and (bound.high is None or total <= bound.high)


def test_what_a_median_says_is_what_it_shuts_out() -> None:
    waits = table("wait", 3, kind="times")
    for values in np.indices((9, 9, 9)).reshape(3, -1).T.tolist():
        place = statistics_rules.median(dict(enumerate(values)))
        said = [row.key for row in waits.rows if all(_holds(one, values) for one in _median(waits, row.key, range(3)))]
        assert said == ([] if place is None else [waits.rows[place].key])


def test_an_unchanged_count_is_one_number_whatever_told_it() -> None:
    district = drawn_in(TWO, random.Random(1))
    counts = district.counts()
    system = System([Release(counts, frozenset({Key("a", "", ALL)})), years(district, "region")])

    number = system.number(1, Key("a", "", ALL))
    assert number is not None
    assert system.known[number]
    assert counts.at((ALL[0], CASES), "a") == system.truth[number]
