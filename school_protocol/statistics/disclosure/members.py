"""What must stay open: small counts, those of units that stand together, and small changes between two releases.

How a pool's count lies with its members is bounded by nothing but their totals: a unit that has `a` of the `n` cases of
a pool, `b` of them in a row, has between max(0, a + b - n) and min(a, b) in that row (Fréchet), and each may be.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from school_protocol.statistics.disclosure.layout import REST, Layout, slab_of
from school_protocol.statistics.disclosure.release import SMALL, WIDTH, Key
from school_protocol.statistics.disclosure.system import Place, Pool, System, Terms
from school_protocol.statistics.rules import Cell

TERMS = 4
"""A sum that must stay open has so many numbers at most: the change of a difference."""
Test = Callable[[int, int], bool]
"""Whether what lies between two values is open enough."""


@dataclass(frozen=True, slots=True)
class Need:
    """A sum of numbers that must be able to lie far enough apart; `here` is what it is."""

    name: Hashable
    place: Place
    terms: Terms
    here: int
    met: Test
    is_change: bool = False
    is_held: bool = False
    """Whether only worlds count in which the totals are what they are, as if the reader knew them."""
    width: int = 4 * WIDTH
    """Further apart than that is not looked."""
    is_zero: bool = False
    """Whether it is 0: it may be worked out, but whatever else is small must be open beside it."""


def wide(low: int, high: int) -> bool:
    """Whether as many values are possible as a withheld count must have."""
    return high - low >= WIDTH


def is_small(value: int) -> bool:
    """Whether somebody is told of by it, and few are."""
    return 0 < value <= SMALL


def needs_of(system: System) -> Iterator[Need]:
    """All that must stay open."""
    for number, place in enumerate(system.place):
        value = int(system.truth[number])
        if not system.known[number] and value <= SMALL and place.cell[1] != REST and "*" not in place.unit:
            name = ("cell", place, value)
            yield Need(name, place, ((number, 1),), value, wide, width=WIDTH, is_zero=not value)
    for pool in system.pools:
        yield from _of_pool(system, pool)
    yield from _without(system)
    yield from _changes(system)
    yield from _changes_without(system)


def _without(system: System) -> Iterator[Need]:
    """Cases of a total that an overlapping row does not count, where they are few: two sums side by side tell them."""
    for place, pairs in _beside(system).items():
        for other, number in pairs:
            value = int(system.truth[other] - system.truth[number])
            if is_small(value):
                terms = _unknown(system, ((other, 1), (number, -1)))
                yield Need(("without", place, other, number), place, terms, value, wide, width=WIDTH)


def _changes_without(system: System) -> Iterator[Need]:
    """By how much these have changed between any two releases, where that is little and both numbers have changed."""
    for place, pairs in _beside(system).items():
        for (old_other, old), (other, number) in combinations(pairs, 2):
            if old_other == other or old == number:
                continue
            terms = ((other, 1), (number, -1), (old_other, -1), (old, 1))
            change = sum(factor * int(system.truth[one]) for one, factor in terms)
            if is_small(abs(change)):
                name = ("change without", place, old_other, old, other, number)
                yield Need(name, place, _unknown(system, terms), change, wide, True)


def _beside(system: System) -> dict[Place, dict[tuple[int, int], None]]:
    """Of each overlapping row of a unit: the numbers that its total and itself were, from release to release."""
    found: dict[Place, dict[tuple[int, int], None]] = defaultdict(dict)
    for (release, place), number in sorted(system.seen.items(), key=lambda one: one[0][0]):
        layout, slab = system.layouts[release], slab_of(place.cell)
        total = layout.total(slab) if slab in layout.slabs and layout.overlaps(slab) else None
        other = system.seen.get((release, place._replace(cell=total))) if total is not None else None
        if other is not None and "*" not in place.unit:
            found[place][other, number] = None
    return found


def _unknown(system: System, terms: Terms) -> Terms:
    """What of a sum was not told; all of it, if everything was."""
    return tuple(one for one in terms if not system.known[one[0]]) or terms


# ---- units that stand together -------------------------------------------------------------------------------------


def _of_pool(system: System, pool: Pool) -> Iterator[Need]:
    layout = system.layouts[pool.release]
    leaves = {one: _leaves(layout, one) for one in pool.members}
    total = layout.total(pool.slab) if not pool.month else None
    has_total = total is not None and _number(system, pool, pool.members[0], total) is not None
    whole = sum(layout.at(one, "", total) for one in pool.members) if has_total and total else None
    numbers = [_number(system, pool, one, total) for one in pool.members] if has_total and total else []
    is_one = _is_one(pool)
    is_held = not is_one and any(number is None or not system.known[number] for number in numbers)
    for cell in layout.slabs[pool.slab]:
        number = _number(system, pool, pool.holder, cell)
        if cell[1] == REST or number is None:
            continue
        is_zero = not system.truth[number]
        tests: list[Test] = [wide] if is_zero else []
        if not is_zero and has_total and total:
            small = {layout.at(one, "", total) for one in pool.members if is_small(layout.at(one, "", cell))}
            tests = [wide if is_one else _within(own, whole or 0) for own in sorted(small)]
        elif not is_zero:
            tests = list(_mute(layout, pool, cell, leaves))
        if tests:
            name = ("pool", pool.release, pool.unit, pool.members, pool.month, cell)
            here = int(system.truth[number])
            terms = ((number, 1),)
            yield Need(name, system.place[number], terms, here, _every(tests), is_held=is_held, is_zero=is_zero)
        if has_total and total and layout.overlaps(pool.slab):
            yield from _without_of_pool(system, pool, cell, number, total)


def _without_of_pool(system: System, pool: Pool, cell: Cell, number: int, total: Cell) -> Iterator[Need]:
    """Of units that stand together and have totals of their own: the few cases of one that the row does not count."""
    layout = system.layouts[pool.release]
    totals = {one: layout.at(one, "", total) for one in pool.members}
    whole = sum(totals.values())
    small = {own for one, own in totals.items() if is_small(own - layout.at(one, "", cell))}
    if small:
        tests = [wide if _is_one(pool) else _within(own, whole) for own in sorted(small)]
        name = ("pool without", pool.release, pool.unit, pool.members, cell)
        terms = _unknown(system, (*_totals(system, pool, pool.release, total), (number, -1)))
        here, is_held = whole - int(system.truth[number]), len(terms) > TERMS
        terms = ((number, -1),) if is_held else terms
        yield Need(name, system.place[number], terms, here, _every(tests), is_held=is_held)


def _totals(system: System, pool: Pool, release: int, total: Cell) -> Terms:
    """Numbers that make up all cases of these units: of each, or of all below that unit but the others, as more of them
    were told."""
    layout = system.layouts[release]
    others = [one for one in layout.children.get(pool.unit, ()) if one not in pool.members]
    ways = []
    for added, taken in ((pool.members, ()), ((pool.unit,), others)):
        numbers = [(system.number(release, Key(one, "", total)), 1) for one in added]
        numbers += [(system.number(release, Key(one, "", total)), -1) for one in taken]
        if all(number is not None for number, _factor in numbers):
            ways.append(tuple((number, factor) for number, factor in numbers if number is not None))
    return min(ways, key=lambda terms: sum(not system.known[number] for number, _factor in terms), default=())


def _is_one(pool: Pool) -> bool:
    """Whether its count is that of one unit, which then may be whatever fits that unit's total, known or not."""
    return len(pool.members) == 1


def _leaves(layout: Layout, unit: str) -> tuple[str, ...]:
    return tuple(one for one in layout.below(unit) if layout.is_lowest(one))


def _number(system: System, pool: Pool, unit: str, cell: Cell) -> int | None:
    return system.number(pool.release, Key(unit, pool.month, cell))


def _within(own: int, whole: int) -> Test:
    """Whether a unit with so many of all cases has a count that is open enough."""
    return lambda low, high: wide(max(0, own + low - whole), min(own, high))


def _mute(layout: Layout, pool: Pool, cell: Cell, leaves: dict[str, tuple[str, ...]]) -> Iterator[Test]:
    """Of units of which nothing is told: each may have all of it, or nothing unless it is the only one."""
    schools = [leaf for one in pool.members for leaf in leaves[one]]
    is_of_months = bool(pool.month) and pool.holder == pool.unit
    small = [
        one
        for one in dict.fromkeys([*pool.members, *(() if is_of_months else schools)])
        if is_small(layout.at(one, pool.month, cell))
    ]
    if any(one not in pool.members or len(pool.members) > 1 or is_of_months for one in small) and len(schools) > 1:
        yield lambda _low, high: high >= WIDTH
    if not is_of_months and any(len(pool.members) == 1 and (one in pool.members or len(schools) == 1) for one in small):
        yield wide


def _every(tests: Sequence[Test]) -> Test:
    return lambda low, high: all(test(low, high) for test in tests)


# ---- changes -------------------------------------------------------------------------------------------------------


def _changes(system: System) -> Iterator[Need]:
    pools = {
        (pool.release, Place(pool.holder, pool.month or system.whole(pool.release), cell)): pool
        for pool in system.pools
        for cell in system.layouts[pool.release].slabs[pool.slab]
    }
    for before, after, old, new in system.steps:
        place = system.place[new]
        if place.cell[1] == REST:
            continue
        change = int(system.truth[new] - system.truth[old])
        unknown = _unknown(system, ((new, 1), (old, -1)))
        if abs(change) <= SMALL and "*" not in place.unit:
            yield Need(("change", place, before, after), place, unknown, change, wide, True)
        pool = pools.get((after, place))
        if pool is None:
            continue
        month = pool.month
        old_layout, new_layout = system.layouts[before], system.layouts[after]
        moved = [
            difference
            for one in pool.members
            for leaf in _leaves(new_layout, one)
            if (difference := new_layout.at(leaf, month, place.cell) - old_layout.at(leaf, month, place.cell))
        ]
        if _are_few(moved):
            met = wide if len(moved) == 1 else _far
            yield Need(("pool change", place, pool.members, before, after), place, unknown, change, met, True)
        total = new_layout.total(pool.slab) if new_layout.overlaps(pool.slab) and not month else None
        if total is not None and all(_number(system, pool, one, total) is not None for one in pool.members):
            yield from _change_without_of_pool(system, pool, (before, after), (old, new), total)


def _change_without_of_pool(
    system: System, pool: Pool, releases: tuple[int, int], numbers: tuple[int, int], total: Cell
) -> Iterator[Need]:
    """Few cases that came to some of these units since, and that the row does not count."""
    (old_layout, new_layout), (old, new) = (system.layouts[one] for one in releases), numbers
    place = system.place[new]
    grown = {
        leaf: new_layout.at(leaf, "", total) - old_layout.at(leaf, "", total)
        for one in pool.members
        for leaf in _leaves(new_layout, one)
    }
    left = {
        leaf: more - new_layout.at(leaf, "", place.cell) + old_layout.at(leaf, "", place.cell)
        for leaf, more in grown.items()
    }
    moved = [one for one in left.values() if one]
    if any(grown.values()) and _are_few(moved):
        sums: Counter[int] = Counter({new: -1, old: 1})
        for release, way in zip(releases, (-1, 1), strict=True):
            for number, factor in _totals(system, pool, release, total):
                sums[number] += way * factor
        terms = _unknown(system, tuple((number, factor) for number, factor in sums.items() if factor))
        met = wide if len(moved) == 1 else _far
        if len(terms) <= TERMS:
            yield Need(("pool change without", place, pool.members, *releases), place, terms, sum(moved), met, True)


def _are_few(moved: Sequence[int]) -> bool:
    """Whether all of these went one way, and some by few."""
    is_one_way = all(one > 0 for one in moved) or all(one < 0 for one in moved)
    return is_one_way and any(abs(one) <= SMALL for one in moved)


def _far(low: int, high: int) -> bool:
    """Whether one of several units may have changed by as much as a withheld count may."""
    return max(abs(low), abs(high)) >= WIDTH
