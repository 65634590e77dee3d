"""What two sums say together: all cases of a total, and those that an overlapping row counts."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations

import pytest

from school_protocol.engine.case_summary import CASES, DANGERS
from school_protocol.statistics.disclosure import members
from school_protocol.statistics.disclosure.auditing import audit
from school_protocol.statistics.disclosure.changing import Changes
from school_protocol.statistics.disclosure.layout import ALL, Layout
from school_protocol.statistics.disclosure.release import Key, Release
from school_protocol.statistics.disclosure.suppressing import Suppression, suppress
from school_protocol.statistics.rules import TOTALS, Counts, Period

from .worlds import Case, District, months, table, tree


def linked(seed: int, lean: tuple[float, ...] = (0.2, 0.4, 0.6)) -> District:
    rng = random.Random(seed)
    tables = (table("level", 3, months=True), table("kind", 3, overlaps=True, months=True))
    district = District(tree(3, 4), tables, months(3))
    district.fill(rng, [(unit, rng.randint(3, 30)) for unit in district.schools], lean=rng.choice(lean))
    return district


@pytest.mark.exhaustive
def test_few_whom_an_overlapping_row_does_not_count_are_not_told_of() -> None:
    for seed in range(12):
        release = suppress(linked(seed).counts())
        assert audit([release]) == ()
        assert not few_beside(release)


def test_the_gate_sees_few_beside_an_overlapping_row() -> None:
    """All but two cases have a danger: both sums side by side say that two have none."""
    release = with_danger(52, 50)
    assert {one.place.cell for one in audit([release])} == {(TOTALS, DANGERS)}
    assert audit([replace(release, told=frozenset({Key("region", "", ALL)}))]) == ()


def with_danger(cases: int, dangers: int) -> Release:
    above = {"region": "", "school": "region"}
    told = {(TOTALS, CASES): cases, (TOTALS, DANGERS): dangers}
    cells = {cell: dict.fromkeys(above, number) for cell, number in told.items()}
    counts = Counts("region", Period(("2026-01",)), (), above, {"2026-01": cells}, cells)
    return Release(counts, frozenset(Key("region", "", cell) for cell in cells))


def total_of(release: Release, key: Key) -> Key | None:
    """The total that an overlapping row is of."""
    one = release.tables.get(key.cell[0])
    of = CASES if key.cell[0] == TOTALS else one.of if one is not None and one.overlaps else None
    total = key._replace(cell=(TOTALS, of or CASES))
    return total if of is not None and total != key else None


def left_by(release: Release, total: Key, key: Key) -> int:
    """Cases of the total that the row does not count."""
    return release.counts.at(total.cell, key.unit, key.month) - release.counts.at(key.cell, key.unit, key.month)


def few_beside(release: Release) -> list[Key]:
    """Rows that are told beside their total, and leave one to four cases that they do not count."""
    totals = ((key, total_of(release, key)) for key in release.told)
    return [key for key, total in totals if total in release.told and total and 0 < left_by(release, total, key) < 5]


def test_such_districts_have_few_beside_a_row() -> None:
    """What the test before looks for: a release that tells every count of five and more is caught."""
    counts = linked(1).counts()
    layout = Layout(counts)
    cells = [cell for cells in layout.slabs.values() for cell in cells if not layout.is_silent(cell)]
    every = frozenset(Key(unit, "", cell) for unit in layout.units for cell in cells if layout.at(unit, "", cell) > 4)
    assert few_beside(Release(counts, every))


# ---- and by how much these have changed ------------------------------------------------------------------------------


def test_the_gate_sees_few_late_cases_beside_an_overlapping_row() -> None:
    """Ten late cases, nine of them with a danger: both releases side by side say that one had none."""
    before = with_danger(60, 40)
    assert audit([before]) == ()
    assert [one.is_change for one in audit([before, with_danger(70, 49)])] == [True]
    assert audit([before, with_danger(70, 45)]) == ()
    hidden = replace(with_danger(70, 49), told=frozenset({Key("region", "", ALL)}))
    assert audit([before, hidden]) == ()


def test_two_changes_that_are_many_may_make_up_one_of_few() -> None:
    """Over three releases: six more without a danger, then five fewer."""
    three = [with_danger(60, 40), with_danger(72, 46), with_danger(80, 59)]
    assert audit(three[:2]) == audit(three[1:]) == ()
    assert [one.is_change for one in audit(three)] == [True]


@pytest.mark.exhaustive(
    only=(
        "0",
        "2",
    )
)
@pytest.mark.parametrize("seed", range(8))
def test_late_cases_that_an_overlapping_row_does_not_count_are_not_told_of(seed: int) -> None:
    released: list[Release] = []
    for number in (1, 2, 3):
        released.append(suppress(growing(seed, number), released))
    assert audit(released) == ()
    assert not few_late(released)
    assert sum(len(one.told) for one in released) > 60, "and much is told"


@pytest.mark.exhaustive
def test_such_districts_have_few_late_cases_beside_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without that look, in the choice and in the gate, some release tells them."""
    monkeypatch.setattr(Changes, "_beside", ())
    monkeypatch.setattr(members, "_changes_without", lambda _system: ())
    found = 0
    for seed in range(8):
        released: list[Release] = []
        for number in (1, 2, 3):
            released.append(suppress(growing(seed, number), released))
        found += len(few_late(released))
    assert found


def growing(seed: int, number: int) -> Counts:
    """The same year, a tenth more of late cases in each release."""
    rng = random.Random(seed)
    district = District(tree(3, 4), (table("level", 3), table("kind", 3, overlaps=True)), months(1))
    for part in range(number):
        many = (8, 14) if part == 0 else (2, 5)
        district.fill(rng, [(unit, rng.randint(*many)) for unit in district.schools], lean=0.8)
    return district.counts()


def few_late(released: list[Release]) -> list[Key]:
    """Overlapping rows told with their total in two releases, which leave one to four cases of what came between."""
    found = []
    for old, new in combinations(released, 2):
        both = new.told & old.told
        for key in both:
            total = total_of(new, key)
            if total is not None and total in both:
                found += [key] if 0 < abs(left_by(new, total, key) - left_by(old, total, key)) < 5 else []
    return found


# ---- units that stand together ---------------------------------------------------------------------------------------


def side_by_side(cases: dict[str, int], dangers: dict[str, int]) -> Release:
    """Of three schools all totals are told, and of the first one how many have a danger."""
    above = {"region": ""} | dict.fromkeys(cases, "region")
    told = {(TOTALS, CASES): cases, (TOTALS, DANGERS): dangers}
    cells = {cell: {**units, "region": sum(units.values())} for cell, units in told.items()}
    counts = Counts("region", Period(("2026-01",)), (), above, {"2026-01": cells}, cells)
    keys = {Key(unit, "", ALL) for unit in above} | {Key(unit, "", (TOTALS, DANGERS)) for unit in ("region", "p0")}
    return Release(counts, frozenset(keys))


def test_the_gate_sees_few_of_units_that_stand_together() -> None:
    """Two schools have fifty cases, 48 of them with a danger: two have none, whichever school's they are."""
    few = side_by_side({"p0": 40, "p1": 21, "p2": 29}, {"p0": 30, "p1": 20, "p2": 28})
    assert [one.place.unit for one in audit([few])] == ["region*0"]
    many = side_by_side({"p0": 40, "p1": 21, "p2": 29}, {"p0": 30, "p1": 20, "p2": 22})
    assert audit([many]) == ()


def test_the_gate_sees_few_late_cases_of_units_that_stand_together() -> None:
    before = side_by_side({"p0": 40, "p1": 30, "p2": 30}, {"p0": 30, "p1": 20, "p2": 20})
    assert audit([before]) == ()
    few = side_by_side({"p0": 60, "p1": 38, "p2": 38}, {"p0": 40, "p1": 27, "p2": 27})
    assert [(one.place.unit, one.is_change) for one in audit([before, few])] == [("region*0", True)]
    many = side_by_side({"p0": 60, "p1": 38, "p2": 38}, {"p0": 40, "p1": 24, "p2": 24})
    assert audit([before, many]) == ()


def crowded(seed: int) -> Counts:
    """Schools nearly all of whose cases have a danger, and stand in the first row."""
    rng = random.Random(seed)
    district = District(tree(2, 4), (table("kind", 3, overlaps=True),), months(1))
    for unit in district.schools:
        share = rng.choice((0.75, 0.85, 0.95))
        for _ in range(rng.randint(20, 40)):
            totals = {CASES} | ({DANGERS} if rng.random() < share else set())
            cells = {("kind", row) for row, often in (("kind0", 0.9), ("kind1", 0.3)) if rng.random() < often}
            district.cases.append(Case(unit, "2026-01", frozenset(totals), frozenset(cells)))
    return district.counts()


def few_together(release: Release) -> list[Key]:
    """Overlapping rows of a unit, of which all units below that keep theirs back leave one to three cases together."""
    layout, found = Layout(release.counts), []
    for key in release.told:
        total = total_of(release, key)
        if total is None or total not in release.told:
            continue
        kept = [kid for kid in layout.children[key.unit] if key._replace(unit=kid) not in release.told]
        if kept and all(total._replace(unit=kid) in release.told for kid in kept):
            left = sum(left_by(release, total._replace(unit=kid), key._replace(unit=kid)) for kid in kept)
            found += [key] if 0 < left < 4 else []
    return found


@pytest.mark.exhaustive
def test_few_of_units_that_stand_together_are_not_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = range(16)
    for seed in seeds:
        release = suppress(crowded(seed))
        assert audit([release]) == ()
        assert not few_together(release)
    monkeypatch.setattr(members, "_without_of_pool", lambda *_given, **_more: ())
    monkeypatch.setattr(Suppression, "_calm_beside", lambda *_given: None)
    assert any(few_together(suppress(crowded(seed))) for seed in seeds), "the control"
