"""What may be told of counts, held against every table there is: whoever knows the rule, too, finds out nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import pytest

from school_protocol.statistics.rules import BAND, LEAST, SHARE_LEAST, Band, banded, broken_down, median, share

Printed = tuple[Band, ...] | None
Rule = Callable[[int, Sequence[int]], object]
SIZES = ((1, 40), (2, 50), (3, 40), (4, 30), (5, 20))
"""Rows, and below which total every table is looked at."""


def every_split(total: int, rows: int) -> Iterator[tuple[int, ...]]:
    if rows == 1:
        yield (total,)
        return
    for first in range(total + 1):
        yield from ((first, *rest) for rest in every_split(total - first, rows - 1))


def pinned(rule: Rule, rows: int, most: int) -> list[str]:
    """Counts and totals of which fewer than five values are left to whoever sees what is printed and knows the rule."""
    alike: dict[object, list[tuple[int, ...]]] = defaultdict(list)
    for total in range(most):
        for table in every_split(total, rows):
            alike[rule(total, table)].append((total, *table))
    return [
        f"{printed}: number {number} is one of {sorted(values)}"
        for printed, behind in alike.items()
        for number in range(rows + 1)
        if len(values := {one[number] for one in behind}) < LEAST
    ]


def as_it_is(total: int, counts: Sequence[int]) -> object:
    return banded(total), broken_down(banded(total), counts)


def always(total: int, counts: Sequence[int]) -> object:
    """Rows by tens, however full they must be."""
    return banded(total), tuple(map(banded, counts))


def exact_totals(total: int, counts: Sequence[int]) -> object:
    return total, broken_down(banded(total), counts)


@pytest.mark.parametrize(("rows", "most"), SIZES)
def test_no_table_that_adds_up_gives_a_count_away(rows: int, most: int) -> None:
    assert pinned(as_it_is, rows, most) == []


def test_weaker_rules_are_broken_by_the_same_look() -> None:
    assert pinned(exact_totals, 2, 30)
    assert pinned(always, 2, 30) == []
    assert broken_down(banded(70), (8,) * 9) == (Band(0),) * 9
    assert broken_down(banded(80), (9,) * 9) is None
    assert broken_down(banded(90), (9,) * 10) is None, "ten rows below ten that make ninety are nine each"
    assert len(values_of_a_row(always, 90, 10)) < LEAST


def values_of_a_row(rule: Rule, total: int, rows: int) -> set[int]:
    """What a row can be where all rows are below ten and the total is of that ten: reckoned, not looked through."""
    assert rule(total, (9,) * rows) == (banded(total), (Band(0),) * rows)
    return {one for one in range(BAND) if one + 9 * (rows - 1) >= total}


@pytest.mark.parametrize("own", range(40))
def test_own_count_known_two_totals_or_more_stay_possible(own: int) -> None:
    """But for the edges, of which the documentation speaks: an own list that ends the ten that is printed."""
    for total in range(own, own + 30):
        printed = banded(total)
        left = [one for one in range(own, 99) if banded(one) == printed]
        assert len(left) >= 2 or own == printed.high == total
        if own < printed.low:
            assert len(left) == BAND, "that there are more is told, not how many"


def test_nothing_is_broken_down_of_few() -> None:
    assert broken_down(banded(9), (9, 0)) is None
    assert broken_down(banded(10), (10, 0)) == (Band(10), Band(0))


def test_every_step_of_a_share_stands_for_five_counts() -> None:
    for whole in range(SHARE_LEAST, 260):
        steps = [share(part, whole) for part in range(whole + 1)]
        assert min(steps.count(step) for step in set(steps)) >= LEAST
        for part, step in enumerate(steps):
            assert step is not None
            assert step[0] <= part * 100 / whole <= step[1]
    assert share(10, SHARE_LEAST - 1) is None


def test_a_median_is_of_ten_at_least() -> None:
    assert median({1: 5, 3: 4}) is None
    assert median({1: 4, 3: 6}) == 3
    assert median({1: 5, 3: 5}) == 1


def test_of_a_count_the_ten_is_told() -> None:
    assert [banded(count) for count in (0, 9, 10, 23)] == [Band(0), Band(0), Band(10), Band(20)]
    assert (Band(10).low, Band(10).high) == (10, 19)


def test_of_several_counts_a_case_a_step_stands_for_five_cases() -> None:
    for cases in range(120):
        assert (share(3 * cases, 3 * cases, cases) is None) == (cases < SHARE_LEAST)
        assert share(10, 40, cases) == share(10, 40, min(cases, 40))
    assert share(150, 300, 20) == (50, 75)
    assert share(150, 300) == (50, 55)
