"""The gate's cuts against every world there is: three releases with late cases, in the smallest parts.

What a reader of all three works out is enumerated here, apart from the product. Gates spoilt on purpose miss some.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import pytest

from disclosure.attacks import ALL, ROWS, Space
from disclosure.worlds import Case, District, months, table
from school_protocol.statistics.disclosure.auditing import Audit, Cut, audit
from school_protocol.statistics.disclosure.bounding import Bounds, Numbers
from school_protocol.statistics.disclosure.members import Need
from school_protocol.statistics.disclosure.release import Key, Release
from school_protocol.statistics.disclosure.suppressing import suppress
from school_protocol.statistics.disclosure.system import System, in_one_tree
from school_protocol.statistics.rules import Counts

Slot = tuple[int, Key]
"""A cell of a release."""


@dataclass(frozen=True)
class Tiny:
    """A tree whose schools have no table, or one of two rows."""

    above: dict[str, str]
    has_rows: bool
    greatest: int = 18
    """Of a school's row, or of its cases where there are no rows."""

    @property
    def inner(self) -> list[str]:
        return [unit for unit in self.above if unit in self.above.values()]

    @property
    def schools(self) -> list[str]:
        return [unit for unit in self.above if unit not in self.above.values()]

    def cells(self) -> list[Key]:
        return [Key(unit, "", cell) for unit in self.above for cell in (ALL, *(ROWS if self.has_rows else ()))]

    def worlds(self, release: Release) -> Space:
        """All worlds in which that release looks as it does."""
        free = [Key(unit, "", cell) for unit in self.schools for cell in (ROWS if self.has_rows else (ALL,))]
        grid = np.stack(np.meshgrid(*[np.arange(self.greatest + 1)] * len(free), indexing="ij"))
        space = dict(zip(free, grid.reshape(len(free), -1).astype(np.int16), strict=True))
        for unit in self.schools if self.has_rows else ():
            space[Key(unit, "", ALL)] = np.sum([space[Key(unit, "", cell)] for cell in ROWS], axis=0)
        for unit in reversed(self.inner):
            for cell in (ALL, *(ROWS if self.has_rows else ())):
                parts = [space[Key(one, "", cell)] for one, above in self.above.items() if above == unit]
                space[Key(unit, "", cell)] = np.sum(parts, axis=0)
        alike = np.all([space[key] == release.counts.at(key.cell, key.unit) for key in release.told], axis=0)
        return {key: values[alike] for key, values in space.items()}

    def watched(self, releases: Sequence[Release]) -> list[Key]:
        """Cells that stand by themselves: of whoever tells of their table, and of all units above."""
        told = [key for one in releases for key in one.told]
        speakers = {(key.unit, cell[0]) for key in told for cell in (key.cell, ALL)}
        alive = {key.unit for key in told}
        over = {unit for unit in alive if unit in self.inner} | {self.above[unit] for unit in alive} | {"region"}
        return [key for key in self.cells() if key.unit in over or (key.unit, key.cell[0]) in speakers]


KINDS = Tiny({"region": "", "a": "region", "b": "region"}, has_rows=True)
SQUARE = Tiny(
    {"region": "", "p0": "region", "p1": "region", "a": "p0", "b": "p0", "c": "p1", "d": "p1"}, has_rows=False
)


def worked_out(tiny: Tiny, releases: Sequence[Release]) -> set[tuple[Slot, ...]]:
    """Small counts, and small changes between any two of three releases, of which fewer than five values are left.

    Whoever reads them knows which of the watched cells changed, and whether up or down; and each 0 that is worked out.
    """
    watched, spaces = tiny.watched(releases), [tiny.worlds(one) for one in releases]
    while True:
        ranges = _ranges(watched, releases, spaces)
        tight = {slots: _real(releases, slots) for slots, (low, high) in ranges.items() if high - low < 4}
        zeros = [slots[0] for slots, real in tight.items() if len(slots) == 1 and not real]
        size = [len(space[watched[0]]) for space in spaces]
        for release, key in zeros:
            is_zero = spaces[release][key] == 0
            spaces[release] = {one: values[is_zero] for one, values in spaces[release].items()}
        if size == [len(space[watched[0]]) for space in spaces]:
            return {slots for slots, real in tight.items() if 0 < abs(real) < 5}


def _real(releases: Sequence[Release], slots: Sequence[Slot]) -> int:
    values = [releases[release].counts.at(key.cell, key.unit) for release, key in slots]
    return values[-1] - values[0] if len(values) > 1 else values[0]


def _ranges(
    watched: Sequence[Key], releases: Sequence[Release], spaces: Sequence[Space]
) -> dict[tuple[Slot, ...], tuple[int, int]]:
    """Of each count and change: the least and the greatest value, over all worlds of three releases."""
    found: dict[tuple[Slot, ...], tuple[int, int]] = {}
    first, middle, last = spaces
    for world in range(len(middle[watched[0]])):
        here = {key: int(values[world]) for key, values in middle.items()}
        before, after = (
            np.all([_fits(releases, (0, 1), key, values=first[key], here=here[key]) for key in watched], axis=0),
            np.all([_fits(releases, (1, 2), key, values=last[key], here=here[key]) for key in watched], axis=0),
        )
        if not before.any() or not after.any():
            continue
        for key in here:
            old, new = first[key][before], last[key][after]
            ends = [(int(old.min()), int(old.max())), (here[key],) * 2, (int(new.min()), int(new.max()))]
            for release, (low, high) in enumerate(ends):
                _widen(found, ((release, key),), low, high)
            for one, other in combinations(range(3), 2) if key in watched else ():
                low, high = ends[other][0] - ends[one][1], ends[other][1] - ends[one][0]
                _widen(found, ((one, key), (other, key)), low, high)
    return found


def _fits(releases: Sequence[Release], pair: tuple[int, int], key: Key, *, values: np.ndarray, here: int) -> np.ndarray:
    """Which values have changed as that cell has; `here` is that of the middle release."""
    grew = _real(releases, [(one, key) for one in pair]) * (1 if pair[0] else -1)
    return values == here if not grew else values >= here if grew > 0 else values <= here


def _widen(found: dict[tuple[Slot, ...], tuple[int, int]], slots: tuple[Slot, ...], low: int, high: int) -> None:
    before = found.get(slots, (low, high))
    found[slots] = min(low, before[0]), max(high, before[1])


# ---- three releases, by chance ---------------------------------------------------------------------------------------


def drawn(tiny: Tiny, seed: int) -> list[Release]:
    """Three releases of what is great enough, by chance; between them come late cases, and one may be taken back."""
    rng = random.Random(seed)
    district = District(tiny.above, (table("level", 2),) if tiny.has_rows else (), months(1))
    district.fill(rng, [(school, rng.choice((3, 4, 6))) for school in tiny.schools], lean=1)
    releases: list[Release] = []
    for number in range(3):
        if number:
            schools = rng.sample(tiny.schools, rng.choice((1, 2, 2)))
            late = [
                district.draw(rng, one, "2026-01", lean=1) for one in schools for _ in range(rng.choice((1, 2, 4, 5)))
            ]
            district = replace(district, cases=[*district.cases[rng.random() < 0.2 :], *late])
        counts = district.counts()
        great = [key for key in tiny.cells() if counts.at(key.cell, key.unit) > 4 and _has_moved(releases, key, counts)]
        share = rng.choice((0.1, 0.2, 0.4))
        told = {key for key in great if rng.random() < share or key == Key("region", "", ALL)}
        told = told or {rng.choice([key for key in tiny.cells() if counts.at(key.cell, key.unit) > 4])}
        releases.append(Release(counts, frozenset(told)))
    return releases


def _has_moved(releases: Sequence[Release], key: Key, counts: Counts) -> bool:
    """Whether it changed by five or more since the latest release that told it, as what is issued must have."""
    told = [one.counts.at(key.cell, key.unit) for one in releases if key in one.told]
    return not told or abs(counts.at(key.cell, key.unit) - told[-1]) > 4


SETS = [(tiny, seed) for tiny, number in ((KINDS, 24), (SQUARE, 24)) for seed in range(number)]
_TRUE: dict[tuple[bool, int], tuple[list[Release], set[tuple[Slot, ...]]]] = {}


def with_truth(tiny: Tiny, seed: int) -> tuple[list[Release], set[tuple[Slot, ...]]]:
    """The releases, and what can be worked out of them: enumerated once."""
    name = tiny.has_rows, seed
    if name not in _TRUE:
        releases = drawn(tiny, seed)
        _TRUE[name] = releases, worked_out(tiny, releases)
    return _TRUE[name]


@dataclass
class Seen:
    """What became of all sets."""

    leaking: int = 0
    silent: int = 0
    """Of how many of them the gate finds nothing."""
    missed: list[tuple[bool, int]] = field(default_factory=list)
    """Sets of which something can be worked out, and the gate finds nothing."""
    opened: int = 0
    """Small counts and changes that the gate takes for open."""
    wrong: list[object] = field(default_factory=list)
    """Those of them that can be worked out."""


def seen() -> Seen:
    found = Seen()
    for tiny, seed in SETS:
        releases, leaks = with_truth(tiny, seed)
        gate = Audit(System(releases))
        is_silent = not gate.findings()
        found.leaking += bool(leaks)
        found.silent += is_silent
        found.missed += [(tiny.has_rows, seed)] if is_silent and leaks else []
        for need, is_met in zip(gate.ranges.needs, gate.ranges.met.tolist(), strict=True):
            if is_met and not need.is_zero:
                slots = _slots(gate.system, need)
                found.opened += bool(slots)
                found.wrong += [(tiny.has_rows, seed, one) for one in slots if one in leaks]
    return found


def _slots(system: System, need: Need) -> list[tuple[Slot, ...]]:
    """The cells of which that need speaks, as they are enumerated; none, of units that stand together and of months."""
    assert isinstance(need.name, tuple)
    kind, place = need.name[0], need.place
    if kind == "change" and place.period.endswith("+") and "*" not in place.unit:
        return [tuple((release, Key(place.unit, "", place.cell)) for release in need.name[2:])]
    if kind == "cell" and place.period.endswith("+"):
        number = need.terms[0][0]
        return [
            ((one, Key(place.unit, "", place.cell)),) for one in range(3) if system.seen.get((one, place)) == number
        ]
    return []


def only_by_release(gate: Audit) -> Iterator[Cut]:
    yield from gate._by_release()


def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what a release counted for the first time: by table, and below one unit, since all is too much."""
    monkeypatch.setattr("school_protocol.statistics.disclosure.auditing.CHANGED", 4)
    monkeypatch.setattr(Audit, "_near_cuts", only_by_release)
    monkeypatch.setattr(Audit, "_all_cuts", only_by_release)


@pytest.mark.exhaustive
def test_what_the_gate_takes_for_open_is_open_in_all_worlds() -> None:
    found = seen()

    assert found.missed == found.wrong == []
    assert 20 < found.leaking < 50
    assert found.silent > 12
    assert found.opened > 600


@pytest.mark.exhaustive
def test_what_is_opened_by_what_one_release_counted_first_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_parts(monkeypatch)
    found = seen()

    assert found.wrong == []
    assert found.opened > 200


# ---- gates spoilt on purpose -----------------------------------------------------------------------------------------


def blind_beyond_the_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is asked only for what binds nothing but its own numbers: what lies outside is forgotten, not held."""
    inside = Bounds.inside

    def forgetful(bounds: Bounds, numbers: Numbers, columns: Numbers) -> tuple[Numbers, ...]:
        rows, row, column, factor = inside(bounds, numbers, columns)
        sizes = bounds.starts[rows + 1] - bounds.starts[rows]
        kept = (np.bincount(row, minlength=len(rows)) == sizes)[row]
        kept = kept if kept.any() else ~kept
        return rows, row[kept], column[kept], factor[kept]

    monkeypatch.setattr(Bounds, "inside", forgetful)


def one_value_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("school_protocol.statistics.disclosure.members.WIDTH", 3)


def blind_to_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(System, "_order", lambda _system: None)


SPOILT = (
    (blind_beyond_the_part,),
    (one_value_too_few,),
    (blind_to_direction,),
    (blind_beyond_the_part, in_small_parts),
    (blind_to_direction, in_small_parts),
)


@pytest.mark.exhaustive
@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_spoilt_gate_takes_for_open_what_is_not(
    monkeypatch: pytest.MonkeyPatch, spoilt: Sequence[Callable[[pytest.MonkeyPatch], None]]
) -> None:
    for spoil in spoilt:
        spoil(monkeypatch)

    assert seen().wrong


# ---- what stands between two releases --------------------------------------------------------------------------------

COUNTRY = {"g": "", "p": "g", "q": "g", "a": "p", "b": "p", "c": "p", "x": "q", "y": "q"}


def told(above: dict[str, str], numbers: dict[str, int], *units: str) -> Release:
    """So many cases at each school; all cases of these units are told."""
    cases = [Case(unit, "2026-01", frozenset({"cases"}), frozenset()) for unit in numbers for _ in range(numbers[unit])]
    return Release(District(above, (), months(1), cases).counts(), frozenset(Key(unit, "", ALL) for unit in units))


def changes(*releases: Release) -> set[tuple[str, int, int]]:
    found = [one for one in audit(releases) if one.is_change and one.place.period.endswith("+")]
    return {(one.place.unit, one.low, one.high) for one in found}


def test_what_changed_twice_is_found_beside_a_release_that_tells_nothing_of_it() -> None:
    """Each of two changes is open, and what they make up together is not."""
    first, second, third = (
        {"a": 10, "b": 6, "c": 6, "x": 20, "y": 20},
        {"a": 10, "b": 8, "c": 6, "x": 40, "y": 20},
        {"a": 15, "b": 10, "c": 6, "x": 40, "y": 20},
    )
    before, after = told(COUNTRY, first, "p", "a"), told(COUNTRY, third, "p", "a")

    assert changes(before, after) == {("p*0", 4, 4)}
    assert changes(before, told(COUNTRY, second, "x"), after) == {("p*0", 4, 4)}
    assert changes(before, told(COUNTRY, second, "x"), told(COUNTRY, third | {"b": 11}, "p", "a")) == set()


def test_few_cases_of_a_school_that_is_new_in_the_tree_are_found() -> None:
    """Those beside it stood together before it was there, and still do."""
    old = {"p": "", "a": "p", "b": "p", "c": "p"}
    new = old | {"n": "p"}
    before = told(old, {"a": 10, "b": 5, "c": 2}, "p", "a")
    few, many = (told(new, {"a": 15, "b": 5, "c": 2, "n": number}, "p", "a") for number in (2, 5))

    assert changes(before, few) == {("p*0", 2, 2)}
    assert changes(before, many) == set()
    again = suppress(few.counts, [suppress(before.counts)])
    assert {key.unit for key in again.told} == {"p"}


def test_a_new_unit_is_put_only_where_nothing_else_was_counted() -> None:
    """Cases that stood at a unit without any below it are not its children's."""
    old, new = told({"g": "", "p": "g", "q": "g"}, {"p": 9}), told(COUNTRY, {"a": 9, "x": 9})
    first, second = in_one_tree([old.counts, new.counts])

    assert set(first.above) == {"g", "p", "q", "x", "y"}
    assert second is new.counts
