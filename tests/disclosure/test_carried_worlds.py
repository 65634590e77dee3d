"""Worlds of an earlier look, tried anew: whatever is carried, nothing counts as open that is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from disclosure.attacks import ALL
from disclosure.test_found_worlds import faults
from disclosure.test_gate_cuts import SETS, _slots, with_truth
from disclosure.test_years import TABLES, year
from school_protocol.statistics.disclosure.auditing import Audit, audit, fitting
from school_protocol.statistics.disclosure.bounding import Block, Bounds, Numbers, World
from school_protocol.statistics.disclosure.release import Key, Release, Worlds, as_data, from_data
from school_protocol.statistics.disclosure.seeking import Search
from school_protocol.statistics.disclosure.suppressing import suppress
from school_protocol.statistics.disclosure.system import System


def found_with_less(releases: list[Release]) -> list[Worlds]:
    """Worlds found where only the top was told, and where the last release was not there yet."""
    top = [replace(one, told=frozenset(key for key in one.told if key.unit == "region")) for one in releases]
    found = []
    for some in (top, releases[:2], releases):
        gate = Audit(System(some))
        gate.findings()
        found.append(gate.worlds())
    return found


def wrong() -> list[object]:
    """What the gate takes for open, beside worlds of others, and is not."""
    found: list[object] = []
    for tiny, seed in SETS[::2]:
        releases, leaks = with_truth(tiny, seed)
        gate = Audit(System(releases), carried=found_with_less(releases))
        if not gate.findings() and leaks:
            found.append((tiny.has_rows, seed))
        for need, is_met in zip(gate.ranges.needs, gate.ranges.met.tolist(), strict=True):
            if is_met and not need.is_zero:
                found += [(tiny.has_rows, seed, one) for one in _slots(gate.system, need) if one in leaks]
    return found


@pytest.mark.exhaustive
def test_worlds_of_something_else_open_nothing() -> None:
    assert wrong() == []


def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bounds, "fit", lambda _bounds, worlds: np.array([len(one.numbers) > 0 for one in worlds]))


def blind_to_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is told must stay."""

    def fit(bounds: Bounds, worlds: list[World]) -> np.ndarray:
        return np.array([len(one.numbers) > 0 and not bounds._known[one.numbers].any() for one in worlds])

    monkeypatch.setattr(Bounds, "fit", fit)


@pytest.mark.exhaustive
@pytest.mark.parametrize("spoil", [trusting, blind_to_bounds])
def test_a_gate_that_trusts_what_is_carried_takes_for_open_what_is_not(
    spoil: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch)
    assert wrong()


@pytest.mark.exhaustive(but=("1",))
@pytest.mark.parametrize("seed", [1, 2])
def test_what_fits_is_a_world_and_spares_the_search(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    releases: list[Release] = []
    for counts in year(seed, 3):
        releases.append(suppress(counts, releases))
    system = System(releases)
    kept = releases[1].worlds
    assert kept is not None
    worlds = list(fitting(kept, system, Bounds(system)))
    for one in worlds:
        whole = system.truth.copy()
        whole[one.numbers] += one.steps
        assert faults(system, whole) == []
    assert len(worlds) > len(kept.moves) // 4

    searched = 0
    stretch = Search._stretch

    def counted(search: Search, waiting: Numbers, way: int) -> bool:
        nonlocal searched
        searched += 1
        return stretch(search, waiting, way)

    monkeypatch.setattr(Search, "_stretch", counted)
    without = [replace(one, worlds=None) for one in releases]
    assert audit(without) == ()
    before, searched = searched, 0
    assert audit(releases) == ()
    assert searched < before // 3


def test_what_is_told_besides_is_found_though_worlds_say_that_it_is_open() -> None:
    release = suppress(next(year(1, 1)))
    system = System([release])
    small = next(
        place for number, place in enumerate(system.place) if not system.known[number] and 0 < system.truth[number] < 5
    )
    key = Key(small.unit, "" if small.period.endswith("+") else small.period, small.cell)

    assert audit([release]) == ()
    assert audit([replace(release, told=release.told | {key})])


def test_worlds_are_kept_as_json_and_read_back() -> None:
    release = suppress(next(year(1, 1)))
    again = from_data(json.loads(json.dumps(as_data(release))), TABLES)

    assert again == release
    assert again.worlds == release.worlds
    assert release.worlds is not None
    assert release.worlds.moves


def test_a_world_in_which_little_moves_is_as_good_as_one_by_branches() -> None:
    """Of each block the best that both find; and the first moves no more numbers in all."""
    *_, now = year(1, 2)
    system = System([Release(now, frozenset({Key("region", "", ALL), Key("p0", "", ALL)}))])
    free = np.flatnonzero(~system.known)
    block = Block(Bounds(system), free, np.arange(len(free)))
    moved = {"sparse": 0, "branched": 0}
    for column in range(0, block.size, 7):
        cost = np.zeros(block.size)
        cost[column] = -1.0
        lows, highs = block.ends()
        highs[column] = 4.0
        some, other = block.sparse(cost, lows, highs), block.branched(cost, lows, highs)
        assert some is not None
        assert other is not None
        assert some[column] == other[column]
        moved["sparse"] += np.count_nonzero(some)
        moved["branched"] += np.count_nonzero(other)
    assert 0 < moved["sparse"] < moved["branched"] // 4
