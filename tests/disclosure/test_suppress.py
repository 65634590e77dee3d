"""What is issued: nothing small is told, and nobody finds it out, whatever else was issued before."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from disclosure.attacks import ALL, Shape, drawn_tight, narrow, told_too_soon
from disclosure.worlds import District, busy, drawn, months, table, tree
from school_protocol.engine.case_summary import DANGERS
from school_protocol.statistics.disclosure.auditing import Progress, audit
from school_protocol.statistics.disclosure.layout import MONTHLY, Layout
from school_protocol.statistics.disclosure.release import Key, Release, as_data, from_data
from school_protocol.statistics.disclosure.suppressing import PLANS, Plan, Suppression, suppress
from school_protocol.statistics.rules import TOTALS, Counts


def countable(counts: Counts) -> dict[Key, int]:
    """Whatever has a place on a page."""
    layout = Layout(counts)
    found: dict[Key, int] = {}
    for unit in layout.units:
        for slab, cells in layout.slabs.items():
            slots = [""]
            if layout.by_month(slab) and layout.height[unit] >= (1 if slab == ALL else MONTHLY):
                slots += layout.months
            for month in slots:
                found |= {Key(unit, month, cell): layout.at(unit, month, cell) for cell in cells}
    return {key: value for key, value in found.items() if not layout.is_silent(key.cell)}


def primary_only(counts: Counts) -> Release:
    """What would be told if nothing went but what is small."""
    return Release(counts, frozenset(key for key, value in countable(counts).items() if value > 4))


def later(district: District, rng: random.Random, late: int) -> District:
    """So many cases more, and sometimes one that is taken back."""
    more = [district.draw(rng, rng.choice(district.schools), rng.choice(district.months)) for _ in range(late)]
    return replace(district, cases=[*district.cases[rng.randrange(2) :], *more])


@pytest.mark.exhaustive
@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_no_issued_set_lets_a_small_cell_be_found(seed: int) -> None:
    counts = drawn(seed).counts()
    release = suppress(counts)

    assert all(value > 4 for key, value in countable(counts).items() if key in release.told)
    assert release.told <= countable(counts).keys()
    assert not drawn_tight(release)
    assert audit([release]) == ()
    assert suppress(counts) == release


@pytest.mark.exhaustive
@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_no_world_but_for_what_is_told_is_shut_out(seed: int) -> None:
    """All worlds of a tiny district, in which what is small stays open."""
    rng = random.Random(seed)
    shape = Shape({"region": "", "p": "region", "a": "p", "b": "p", "c": "p"})
    district = District(shape.above, (table("level", 2),), months(1))
    district.fill(rng, [(school, rng.randrange(11)) for school in shape.schools], lean=rng.choice((0.4, 1.0)))
    release = suppress(district.counts())

    assert not narrow(shape.worlds(release), release.counts)


@pytest.mark.exhaustive
@settings(max_examples=20)
@example(2, 6)  # a sum that earlier releases tell, beside which nothing new is told: nothing was left to go
@given(st.integers(0, 10**6), st.sampled_from((1, 2, 6, 20)))
def test_late_cases_are_not_found_by_comparing_releases(seed: int, late: int) -> None:
    """None is refused: what can't be told anew is repeated."""
    rng = random.Random(seed)
    district = drawn(seed)
    releases = [suppress(district.counts())]
    for _ in range(2):
        district = later(district, rng, late)
        releases.append(suppress(district.counts(), releases))

    assert audit(releases) == ()
    assert told_too_soon(releases) == []
    assert told_too_soon([releases[0], releases[2]]) == []


def test_what_changed_by_few_is_repeated() -> None:
    district = busy(2)
    before = suppress(district.counts())
    few = later(replace(district, cases=[*district.cases]), random.Random(1), 1)
    again = suppress(few.counts(), [before])

    assert not again.told
    assert not again.spoken
    assert len(before.told) > 100
    assert len(before.spoken) > 3
    assert {key: again.at(key.cell, key.unit, key.month) for key in before.told} == {
        key: before.at(key.cell, key.unit, key.month) for key in before.told
    }
    assert [again.said(said) for said in sorted(before.spoken)] == [before.said(said) for said in sorted(before.spoken)]
    assert again.is_former(ALL, "region")
    assert not before.is_former(ALL, "region")


def test_what_the_latest_release_told_is_what_counts() -> None:
    """Much has changed since the first, little since the second: before the gate is asked, none of it is chosen."""
    rng = random.Random(4)
    district = busy(2)
    first = suppress(district.counts())
    much = later(district, rng, 150)
    second = suppress(much.counts(), [first])
    third = Suppression(later(much, rng, 3).counts(), [first, second]).release()

    assert len(first.told & second.told) > 20
    assert not third.told & second.told
    assert third.at(ALL, "region") == second.at(ALL, "region") != first.at(ALL, "region")


def test_what_changed_by_much_is_told_anew() -> None:
    district = busy(2)
    before = suppress(district.counts())
    many = replace(district)
    rng = random.Random(1)
    many.cases = [*district.cases, *(many.draw(rng, unit, rng.choice(many.months)) for unit in many.schools * 6)]
    again = suppress(many.counts(), [before])

    assert again.at(ALL, "region") == len(many.cases)
    assert not again.is_former(ALL, "region")
    assert len(again.told) > len(before.told) / 3


def test_much_is_told_all_the_same() -> None:
    """Else everything above would hold for a page that says nothing."""
    shares = []
    for seed in range(6):
        counts = busy(seed).counts()
        release = suppress(counts)
        shares.append(len(release.told) / len(primary_only(counts).told))
    assert sum(shares) / len(shares) > 0.55, shares


def test_what_is_told_is_what_was_counted() -> None:
    counts = busy(1).counts()
    release = suppress(counts)

    assert release.at(ALL, "region") == counts.at(ALL, "region")
    assert {release.at(key.cell, key.unit, key.month) for key in countable(counts).keys() - release.told} == {None}
    low, high = release.share("in_time", "region") or (0, 0)
    kept, late = (counts.at(("in_time", row), "region") for row in ("~kept", "~late"))
    assert low <= 100 * kept / (kept + late) <= high


@pytest.mark.parametrize("seed", range(4))
def test_the_audit_finds_what_only_small_cells_are_withheld_of(seed: int) -> None:
    assert audit([primary_only(busy(seed).counts())])


@pytest.mark.exhaustive
def test_the_audit_finds_each_cell_put_back_that_stood_before_a_small_one() -> None:
    planted = [
        (release, key) for seed in range(10) for release in [suppress(busy(seed).counts())] for key in kept(release)
    ]

    assert len(planted) > 3
    assert [bool(audit([replace(one, told=one.told | {key})])) for one, key in planted] == [True] * len(planted)


def kept(release: Release) -> list[Key]:
    """Totals kept back for the sake of those of small schools, which have fewer than four together."""
    counts, found = release.counts, []
    for unit in set(counts.above.values()) - {""}:
        hidden = [one for one, above in counts.above.items() if above == unit and release.at(ALL, one) is None]
        great = max(hidden, key=lambda one: counts.at(ALL, one), default="")
        rest = sum(counts.at(ALL, one) for one in hidden if one != great)
        if len(hidden) > 1 and counts.at(ALL, great) > 4 and rest < 4 and release.at(ALL, unit) is not None:
            found.append(Key(great, "", ALL))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_audit_finds_a_late_case_that_is_simply_added(seed: int) -> None:
    rng = random.Random(seed)
    district = busy(seed)
    before = suppress(district.counts())
    late = district.draw(rng, rng.choice(district.schools), district.months[0])
    counts = replace(district, cases=[*district.cases, late]).counts()
    planted = Release(counts, frozenset(key for key in before.told if counts.at(key.cell, key.unit, key.month) > 4))

    found = audit([before, planted])

    assert any(one.is_change and one.place.unit == "region" for one in found)


def test_an_academy_and_its_country_stand_beside_each_other() -> None:
    rng = random.Random(4)
    tables = (table("level", 3, months=True),)
    district = District(tree(3, 4, country=True) | {"other": "country", "q": "other", "qs": "q"}, tables, months(2))
    district.fill(rng, [(school, rng.randint(4, 25)) for school in district.schools])
    region = suppress(district.counts("region"))
    district.cases.append(district.draw(rng, "p0s0", district.months[0]))
    country = suppress(district.counts(), [region])

    assert audit([region, country]) == ()
    assert country.told


def test_directorates_then_their_academy_stand_beside_each_other() -> None:
    """What each told is repeated, and the academy's sum is told: nothing stands between them."""
    district = busy(7)
    own = [suppress(district.counts(f"p{number}")) for number in range(3)]
    academy = suppress(district.counts(), own)

    assert audit([*own, academy]) == ()
    assert academy.at(ALL, "region") == len(district.cases)
    assert academy.at(ALL, "p1") == own[1].at(ALL, "p1")
    assert academy.is_former(ALL, "p1")


def test_a_year_under_way_and_the_whole_year_stand_beside_each_other() -> None:
    district = busy(5)
    half = suppress(district.counts(months=district.months[:2]))
    whole = suppress(district.counts(), [half])

    assert audit([half, whole]) == ()
    assert whole.at(ALL, "region") == len(district.cases)


def test_a_school_year_is_told_anew_month_by_month() -> None:
    """Though rows that nobody chose are known to be 0 once all others are told in both."""
    tables = (table("level", 5, months=True), table("kind", 3, overlaps=True))
    district = District(tree(2, 3), tables, months(4))
    rng = random.Random(1)
    releases: list[Release] = []
    for number in (2, 3, 4):
        chosen = {"level0": "level1", "level4": "level3"}
        new = district.months[:2] if number == 2 else district.months[number - 1 : number]
        for school, month in product(district.schools, new):
            cases = [district.draw(rng, school, month, lean=1) for _ in range(20)]
            district.cases += [
                replace(case, cells=frozenset((name, chosen.get(row, row)) for name, row in case.cells))
                for case in cases
            ]
        release = suppress(district.counts(months=district.months[:number]), releases)
        releases.append(release)

        assert release.at(ALL, "region") == 120 * number
        assert [release.at(ALL, "region", one) for one in district.months[:number]] == [120] * number
        assert not release.is_former(ALL, "p1")
        assert {key.cell[0] for key in release.told} == {TOTALS, "level", "kind"}
    assert audit(releases) == ()


def test_a_country_is_told_where_an_academy_has_no_case() -> None:
    above = tree(2, 4, country=True) | {"other": "country", "q": "other", "qs": "q"}
    district = District(above, (table("level", 3, months=True),), months(2))
    rng = random.Random(3)
    district.fill(rng, [(f"p0s{place}", 20) for place in range(4)])
    own = suppress(district.counts("p0"))
    country = suppress(district.counts(), [own])

    assert own.at(ALL, "p0") == country.at(ALL, "country") == 80
    assert audit([own, country]) == ()


def test_a_few_late_cases_of_many_are_told_of_the_academy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No directorate has five of them; and all that hangs together is more than the gate looks at."""
    monkeypatch.setattr("school_protocol.statistics.disclosure.auditing.GREATEST", 60)
    district = District(tree(8, 3), (table("level", 3, months=True),), months(2))
    rng = random.Random(2)
    district.fill(rng, [(school, 30) for school in district.schools])
    before = suppress(district.counts())
    late = [district.draw(rng, f"p{place}s{place % 3}", district.months[0], lean=1) for place in (*range(8), 1, 2)]
    again = suppress(replace(district, cases=[*district.cases, *late]).counts(), [before])

    assert again.at(ALL, "region") == 730
    assert {key.unit for key in again.told} == {"region"}
    assert [again.at(ALL, f"p{place}") for place in range(8)] == [90] * 8


@pytest.mark.parametrize(("kept", "floor"), [(0, MONTHLY), (2, MONTHLY), (40, 0)])
def test_where_mending_leaves_little_a_coarser_plan_that_tells_more_is_taken(
    monkeypatch: pytest.MonkeyPatch, kept: int, floor: int
) -> None:
    """The gate is asked as ever of each; of the finest plan only so many counts are left, as if all else was found."""
    counts, passing = busy(6).counts(), Suppression._passing

    def left(one: Suppression, progress: Progress) -> Release | None:
        if one.plan == PLANS[0]:
            one.barred |= set(sorted(one.release().told, key=lambda key: -one._value(key))[kept:])
        return passing(one, progress)

    assert len(suppress(counts).told) > 2 * len(suppress_by(counts, PLANS[1]).told) > 4
    monkeypatch.setattr(Suppression, "_passing", left)
    found = suppress(counts)
    assert (found.floor, audit([found])) == (floor, ())


def suppress_by(counts: Counts, plan: Plan) -> Release:
    one = Suppression(counts, [])
    one._begin(plan)
    return one.release()


def test_a_month_by_itself_and_the_year_stand_beside_each_other() -> None:
    district = busy(6)
    month = suppress(district.counts(months=district.months[:1]))
    year = suppress(district.counts(), [month])

    assert audit([month, year]) == ()
    assert any(not key.month for key in month.told)


@pytest.mark.exhaustive
def test_nothing_is_told_of_what_has_no_total() -> None:
    for seed in range(30):
        release = suppress(drawn(seed).counts())
        tables = {one.key: one.of for one in release.counts.tables}
        for unit, month, (name, _) in release.told:
            assert name == TOTALS or Key(unit, "", (TOTALS, tables[name])) in release.told
            assert Key(unit, month, ALL) in release.told
        for unit, month, name in release.spoken:
            assert Key(unit, month, (TOTALS, tables[name])) in release.told


def test_a_withheld_zero_looks_like_any_other_small_count() -> None:
    district = District(tree(1, 4), (), months(1))
    district.fill(random.Random(1), [("p0s0", 0), ("p0s1", 4), ("p0s2", 9), ("p0s3", 12)])
    release = suppress(district.counts())

    assert [release.at(ALL, f"p0s{number}") for number in range(4)] == [None, None, None, 12]
    assert release.at((TOTALS, DANGERS), "p0s0") is None


def test_a_school_tells_its_tables_from_twenty_cases_on() -> None:
    district = District(tree(1, 5), (table("level", 2),), months(1))
    district.fill(
        random.Random(1), [(f"p0s{place}", number) for place, number in enumerate((3, 7, 19, 20, 40))], lean=1
    )
    release = suppress(district.counts())

    assert [release.at(ALL, f"p0s{place}") for place in range(5)] == [None, None, 19, 20, 40]
    assert [{key.unit for key in release.told if key.cell[0] == "level"}] == [{"region", "p0", "p0s3", "p0s4"}]


def test_what_few_cases_stand_at_the_academy_itself_is_left_out() -> None:
    """Else the smallest directorate had to be kept back for their sake; five are told like any others."""
    for number in (0, 3, 6):
        district = District({**tree(2, 3), "region~": "region"}, (table("level", 2, months=True),), months(2))
        rng = random.Random(2)
        district.fill(rng, [(school, 30) for school in district.schools if school != "region~"])
        district.fill(rng, [("region~", number)])
        release = suppress(district.counts())

        assert release.at(ALL, "region") == (180 if number < 5 else 186)
        assert release.at(ALL, "region~") == (None if number < 5 else 6)
        assert [release.at(ALL, unit) for unit in ("p0", "p1")] == [90, 90]
        assert audit([release]) == ()
        assert sum(release.counts.at(ALL, "region", month) for month in district.months) == release.at(ALL, "region")


def test_a_country_tells_by_month_what_every_academy_tells() -> None:
    above = {"country": "", "north": "country", "south": "country"}
    above |= {f"{region} p{place}": region for region in ("north", "south") for place in range(2)}
    above |= {f"{unit} s{place}": unit for unit in list(above) if " p" in unit for place in range(2)}
    district = District(above, (table("level", 3, months=True),), months(2))
    rng = random.Random(1)
    district.fill(rng, [(one, 40 if one.startswith("north") else 12) for one in district.schools], lean=0.4)
    release = suppress(district.counts())
    by_month = {
        unit: {key[1:] for key in release.told if key.unit == unit and key.month and key.cell != ALL}
        for unit in ("country", "north", "south")
    }

    assert by_month["country"] == by_month["north"] & by_month["south"]
    assert by_month["country"]
    assert by_month["north"] - by_month["south"]


def test_no_table_is_told_of_a_district_without_cases() -> None:
    release = suppress(District(tree(2, 2), (table("level", 2),), months(2)).counts())

    assert not release.told
    assert not release.spoken


def test_a_release_comes_back_as_it_was_kept() -> None:
    district = busy(2)
    first = suppress(district.counts())
    second = suppress(later(district, random.Random(1), 40).counts(), [first])
    for release in (first, second):
        again = from_data(json.loads(json.dumps(as_data(release))), release.counts.tables)
        assert again == release
    assert second.former
    assert second.told
