"""Releases that are not of all units: what stands below is on no page of theirs, and stays hidden all the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from disclosure.attacks import ALL
from disclosure.test_years import TABLES, year
from disclosure.worlds import District, months, tree
from school_protocol.statistics.disclosure import auditing, suppressing
from school_protocol.statistics.disclosure.auditing import Audit, audit
from school_protocol.statistics.disclosure.layout import Layout
from school_protocol.statistics.disclosure.release import Key, NotReleasable, Release, as_data, from_data
from school_protocol.statistics.disclosure.suppressing import suppress
from school_protocol.statistics.disclosure.system import System

TINY = {"p": "", "a": "p", "b": "p", "c": "p"}
SCHOOLS = ("a", "b", "c")
TOP = Key("p", "", ALL)
Slots = tuple[tuple[int, str], ...]


def drawn(seed: int) -> list[Release]:
    """Three releases, the one in the middle of the province alone; each tells some of what is great enough."""
    rng = random.Random(seed)
    district = District(TINY, (), months(1))
    district.fill(rng, [(school, rng.randint(1, 9)) for school in SCHOOLS])
    found: list[Release] = []
    for number in range(3):
        if number:
            late = [(rng.choice(SCHOOLS), rng.choice((1, 2, 3))), (rng.choice(SCHOOLS), rng.choice((1, 2, 4)))]
            district = replace(district, cases=list(district.cases))
            district.fill(rng, late)
        counts = district.counts()
        keys = {Key(one, "", ALL) for one in SCHOOLS if rng.random() < 0.5 and number != 1}
        told = {key for key in keys if counts.at(key.cell, key.unit) > 4}
        told |= {TOP} if not told or rng.random() < 0.3 else set()
        found.append(Release(counts, frozenset(told), floor=9 if number == 1 else 0))
    return found


def worlds(release: Release) -> dict[str, np.ndarray]:
    """All counts of that release under which it looks as it does."""
    grid = np.stack(np.meshgrid(*[np.arange(22)] * 3, indexing="ij")).reshape(3, -1)
    space = dict(zip(SCHOOLS, grid, strict=True)) | {"p": grid.sum(axis=0)}
    alike = np.all([space[key.unit] == release.counts.at(ALL, key.unit) for key in release.told], axis=0)
    return {unit: values[alike] for unit, values in space.items()}


def worked_out(releases: Sequence[Release]) -> set[Slots]:
    """Small counts and changes of which fewer than five values are left, once each 0 that is found out is known.

    Of the release in the middle the reader knows the province alone, and how that changed.
    """
    watched = {key.unit for one in releases for key in one.told} | {"p"}
    real = [{unit: one.counts.at(ALL, unit) for unit in TINY} for one in releases]
    first, last = worlds(releases[0]), worlds(releases[2])
    while True:
        pairs = _pairs(real, first, last, watched)
        tight = {slots: _value(real, slots) for slots, values in pairs if int(np.ptp(values)) < 4}
        size = len(first["p"]), len(last["p"])
        for ((release, unit), *more), value in tight.items():
            if not value and not more and release != 1:
                space = first if not release else last
                is_zero = space[unit] == 0
                space.update({one: values[is_zero] for one, values in space.items()})
        if size == (len(first["p"]), len(last["p"])):
            return {slots for slots, value in tight.items() if 0 < abs(value) < 5}


def _value(real: list[dict[str, int]], slots: Slots) -> int:
    values = [real[release][unit] for release, unit in slots]
    return values[-1] - values[0] if len(values) > 1 else values[0]


def _pairs(
    real: list[dict[str, int]], first: dict[str, np.ndarray], last: dict[str, np.ndarray], watched: set[str]
) -> Iterator[tuple[Slots, np.ndarray]]:
    """Of each count and change its values over all pairs of a first and a last world that somebody could mean."""
    alike = np.ones((len(first["p"]), len(last["p"])), dtype=bool)
    middle = real[1]["p"]  # as it is told, always
    for unit in watched:
        alike &= _moves(first[unit][:, None], last[unit][None, :], real[2][unit] - real[0][unit])
    alike &= _moves(first["p"], middle, middle - real[0]["p"])[:, None]
    alike &= _moves(middle, last["p"], real[2]["p"] - middle)[None, :]
    one, two = np.nonzero(alike)
    for unit in sorted(watched):
        yield ((0, unit),), first[unit][one]
        yield ((2, unit),), last[unit][two]
        yield ((0, unit), (2, unit)), last[unit][two] - first[unit][one]
    yield ((0, "p"), (1, "p")), middle - first["p"][one]
    yield ((1, "p"), (2, "p")), last["p"][two] - middle


def _moves(old: np.ndarray | int, new: np.ndarray | int, really: int) -> np.ndarray:
    return np.asarray(new == old if not really else new >= old if really > 0 else new <= old)


SEEDS = range(100)


def seen(*, forgets: bool = False) -> tuple[list[int], list[int], int, int]:
    """Sets of which something is worked out and nothing found; where what is open is not; leaking, and silent."""
    missed, wrong, leaking, silent = [], [], 0, 0
    for seed in SEEDS:
        releases = drawn(seed)
        leaks = worked_out(releases)
        one, two, three = releases
        gate = Audit(System([one, replace(two, told=frozenset()) if forgets else two, three]))
        found = gate.findings()
        missed += [seed] if leaks and not found else []
        leaking, silent = leaking + bool(leaks), silent + (not found)
        for need, is_met in zip(gate.ranges.needs, gate.ranges.met.tolist(), strict=True):
            assert isinstance(need.name, tuple)
            is_asked = need.place.cell == ALL and need.place.period.endswith("+") and need.name[0] in ("cell", "change")
            if is_met and is_asked and not need.is_zero and leaks & _slots(gate.system, need.terms):
                wrong.append(seed)
    return missed, wrong, leaking, silent


def _slots(system: System, terms: tuple[tuple[int, int], ...]) -> set[Slots]:
    """What these numbers were, in whichever release."""
    of: list[list[tuple[int, str]]] = [
        [(release, place.unit) for (release, place), other in system.seen.items() if other == number]
        for number, _ in terms
    ]
    if len(of) == 1:
        return {(one,) for one in of[0]}
    return {(old, new) for new in of[0] for old in of[1]}


@pytest.mark.exhaustive
def test_what_stands_open_beside_a_release_of_the_top_alone_is_open() -> None:
    missed, wrong, leaking, silent = seen()

    assert missed == wrong == []
    assert leaking > 10
    assert silent > 10


@pytest.mark.exhaustive
def test_a_gate_that_forgets_what_the_top_told_takes_for_open_what_is_not() -> None:
    assert seen(forgets=True)[0]


def test_what_is_told_below_its_floor_is_found() -> None:
    *_, whole = year(1, 1)
    release = replace(suppress(whole), floor=2)

    below = {key.unit for key in release.told} - {"region"}
    assert below
    assert {one.place.unit for one in audit([release])} >= below
    with_shares = replace(release, told=frozenset(key for key in release.told if key.unit == "region"))
    assert audit([with_shares]) == ()


def test_siblings_stand_together_above_the_floor_though_one_has_nothing_below() -> None:
    above = tree(2, 2, country=True) | {"other": "country"}
    district = District(above, (), months(1))
    district.fill(random.Random(1), [("p0s0", 9), ("p1s1", 8), ("other", 7)])
    layout = Layout(district.counts(), 2)

    assert layout.units == ["country", "other", "region"]
    release = Release(district.counts(), frozenset({Key("country", "", ALL), Key("region", "", ALL)}), floor=2)
    assert audit([release]) == ()  # 7 at the other one: as is known, and not small
    assert Layout(district.counts(), 99).units == ["country"]


# ---- which releases are of all units --------------------------------------------------------------------------------


def of_year(number: int, monkeypatch: pytest.MonkeyPatch, *, few: int, most: int) -> list[Release]:
    monkeypatch.setattr(suppressing, "FEW_NUMBERS", few)
    monkeypatch.setattr(suppressing, "MOST_NUMBERS", most)
    releases: list[Release] = []
    for counts in year(2, number):
        releases.append(suppress(counts, releases))
    return releases


def test_a_greater_year_is_of_all_units_each_three_months(monkeypatch: pytest.MonkeyPatch) -> None:
    releases = of_year(5, monkeypatch, few=0, most=10**6)

    assert [one.floor for one in releases] == [0, 2, 2, 0, 2]
    assert audit(releases) == ()
    for one in releases:
        units = {key.unit for key in one.told}
        assert "region" in units
        assert (units == {"region"}) == (one.floor > 0)
    before = {key for key in releases[0].told if key.unit != "region"}
    assert before
    assert all(releases[1].is_former(key.cell, key.unit, key.month) for key in before)


def test_of_too_many_numbers_no_release_is_of_all_units_and_each_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    releases = of_year(3, monkeypatch, few=0, most=0)

    assert [one.floor for one in releases] == [2, 2, 2]
    assert all({key.unit for key in one.told} == {"region"} for one in releases)
    assert all(key.cell[0] for one in releases for key in one.told)
    assert audit(releases) == ()


def test_where_blocks_are_too_great_less_is_told_and_it_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the gate doesn't look at counts as found out: no release is let through for being great."""
    monkeypatch.setattr(auditing, "GREATEST", 12)
    few = of_year(2, monkeypatch, few=10**6, most=10**6)
    assert audit(few) == ()
    monkeypatch.undo()
    many = of_year(2, monkeypatch, few=10**6, most=10**6)

    assert audit(few) == ()
    assert sum(len(one.told) for one in few) < sum(len(one.told) for one in many)


def test_a_release_is_kept_with_its_floor() -> None:
    release = replace(suppress(next(year(1, 1))), floor=2)
    data = as_data(release)

    assert from_data(data, TABLES) == release
    del data["floor"], data["worlds"]
    assert from_data(data, TABLES) == replace(release, floor=0, worlds=None)


def test_a_release_that_a_year_has_no_room_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressing.Suppression, "_passing", lambda *_: None)
    with pytest.raises(NotReleasable):
        suppress(next(year(1, 1)))
