"""Whatever the gate takes for a world is one: it fits all that was told, in all releases, and moves nothing known."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from disclosure.attacks import ALL
from disclosure.test_suppress import later
from disclosure.worlds import busy
from school_protocol.statistics.disclosure.auditing import Audit
from school_protocol.statistics.disclosure.bounding import Numbers
from school_protocol.statistics.disclosure.release import Release
from school_protocol.statistics.disclosure.seeking import Ranges, Search
from school_protocol.statistics.disclosure.suppressing import suppress
from school_protocol.statistics.disclosure.system import Bound, Place, System


def issued(seed: int) -> list[Release]:
    """A set that was issued three times, the second time over more months."""
    rng = random.Random(seed)
    district = busy(seed, provinces=2, schools=3 + seed % 2)
    releases = [suppress(district.counts(months=district.months[:2]))]
    for late in (3, 40):
        district = later(district, rng, late)
        releases.append(suppress(district.counts(), releases))
    return releases


def faults(system: System, whole: Numbers) -> list[str]:
    """What of that world is below 0, was told otherwise, or breaks a bound: nothing but the system is asked."""
    found = ["something is below 0"] if (whole < 0).any() else []
    if (whole[system.known] != system.truth[system.known]).any():
        found.append("something that was told has moved")
    for bound in system.bounds:
        value = sum(factor * int(whole[number]) for number, factor in bound.terms)
        if (bound.low is not None and value < bound.low) or (bound.high is not None and value > bound.high):
            found.append(f"{bound} is {value}")
    return found


@pytest.mark.exhaustive(but=("3",))
@pytest.mark.parametrize("seed", range(4))
def test_each_world_fits_all_that_was_told_and_shows_no_more_than_it_has(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases = issued(seed)
    system = System(releases)
    worlds: list[Numbers] = []
    note = Search._note

    def noted(search: Search, world: Numbers | None) -> bool:
        if world is not None:
            worlds.append(system.truth.copy())
            worlds[-1][search.block.numbers] += world[search.block.columns]
        return note(search, world)

    monkeypatch.setattr(Search, "_note", noted)
    audit = Audit(system)

    assert audit.findings() == ()
    assert [fault for whole in worlds for fault in faults(system, whole)] == []
    ends = _ends(audit.ranges, system, worlds)
    assert (audit.ranges.low >= ends.min(axis=0)).all()
    assert (audit.ranges.high <= ends.max(axis=0)).all()
    assert (audit.ranges.high - audit.ranges.low > 3).sum() > 20


def _ends(ranges: Ranges, system: System, worlds: Sequence[Numbers]) -> Numbers:
    """Each need's sum in each world, and in the real one."""
    found = []
    for whole in (system.truth, *worlds):
        moved = whole - system.truth
        found.append(
            [one.here + sum(factor * int(moved[number]) for number, factor in one.terms) for one in ranges.needs]
        )
    return np.array(found)


@pytest.mark.parametrize(("most", "found"), [(2, {"small"}), (3, {"small"}), (4, set())])
def test_a_zero_that_is_not_open_leaves_nothing_else_open(most: int, found: set[str]) -> None:
    """A count of 2 is 2 more than the zero at most, and lies between 2 and 4 for whoever knows the zero."""
    names = ("zero", "small", "great")
    system = System([])
    system.place = [Place(name, "2026-01+", ALL) for name in names]
    system.versions = {place: [number] for number, place in enumerate(system.place)}
    system.block, system.since = [("region", "table")] * 3, [0, 0, 0]
    system.truth, system.known = np.array([0, 2, 10]), np.zeros(3, dtype=bool)
    system.bounds = [
        Bound(((1, 1), (0, -1), (2, -1)), -8, -8),
        Bound(((2, 1),), 10, 12),
        Bound(((0, 1),), None, most),
    ]

    assert {one.place.unit for one in Audit(system).findings()} == found


@pytest.mark.exhaustive
def test_whoever_waits_hears_after_each_search_however_great_a_block_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's lease is renewed by it: one block of a country takes minutes."""
    system, since_said, longest, searches = System(issued(1)), 0, 0, 0

    def counted(name: str) -> None:
        look = getattr(Search, name)

        def looked(*asked: object) -> object:
            nonlocal since_said, longest, searches
            since_said, searches = since_said + 1, searches + 1
            longest = max(longest, since_said)
            return look(*asked)

        monkeypatch.setattr(Search, name, looked)

    def said(_done: int, _all: int) -> None:
        nonlocal since_said
        since_said = 0

    counted("_stretch")
    counted("_look")
    Audit(system, said).findings()
    assert searches > 20
    assert longest == 1
