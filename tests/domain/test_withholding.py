"""What may be told of counts, held against every table there is: whoever knows the rule, too, finds out nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import pytest

from school_protocol.domain.withholding import (
    LEAST,
    SHARE_LEAST,
    TABLE_LEAST,
    Band,
    Sign,
    Told,
    banded,
    bounds_of_several,
    bounds_of_split,
    median,
    several,
    share,
    split,
    told,
)

Rule = Callable[[int, Sequence[int]], tuple[Told, ...] | None]
SIZES = ((1, 20), (2, 40), (3, 30), (4, 24), (5, 19), (6, 16))
"""Rows, and up to which total every table is looked at."""


def every_split(total: int, rows: int) -> Iterator[tuple[int, ...]]:
    if rows == 1:
        yield (total,)
        return
    for first in range(total + 1):
        yield from ((first, *rest) for rest in every_split(total - first, rows - 1))


def pinned(rule: Rule, total: int, tables: Iterator[tuple[int, ...]]) -> list[str]:
    """Hidden cells of which fewer than five values are left to whoever sees what is printed and knows the rule."""
    alike: dict[tuple[Told, ...] | None, list[tuple[int, ...]]] = defaultdict(list)
    for table in tables:
        alike[rule(total, table)].append(table)
    return [
        f"{total}: {printed} row {row} is one of {sorted(values)}"
        for printed, behind in alike.items()
        for row in range(len(behind[0]))
        if printed is None or isinstance(printed[row], Sign)
        if len(values := {table[row] for table in behind}) < LEAST
    ]


@pytest.mark.parametrize(("rows", "most"), SIZES)
def test_no_table_that_adds_up_gives_a_hidden_count_away(rows: int, most: int) -> None:
    for total in range(TABLE_LEAST, most + 1):
        assert pinned(split, total, every_split(total, rows)) == []


@pytest.mark.parametrize("total", [TABLE_LEAST, 13, 17])
def test_no_table_of_overlapping_rows_gives_a_hidden_count_away(total: int) -> None:
    """Whoever takes it that each case stands in some row still finds five values."""
    tables = [rows for rows in product(range(total + 1), repeat=3) if sum(rows) >= total]
    assert [one for one in pinned(several, total, iter(tables)) if "None" not in one] == []


def primary_alone(total: int, counts: Sequence[int]) -> tuple[Told, ...]:
    return tuple(told(count) for count in counts)


def the_smallest_too(total: int, counts: Sequence[int]) -> tuple[Told, ...]:
    """What is often done: the smallest other row is hidden, too."""
    rows = list(primary_alone(total, counts))
    shown = [number for number, row in enumerate(rows) if isinstance(row, int)]
    if len(shown) < len(rows) and shown:
        rows[min(shown, key=lambda number: counts[number])] = Sign.withheld
    return tuple(rows)


@pytest.mark.parametrize("weak", [primary_alone, the_smallest_too])
def test_weaker_rules_are_broken_by_the_same_look(weak: Rule) -> None:
    assert pinned(weak, 14, every_split(14, 3))


@pytest.mark.parametrize(("rows", "most"), SIZES[1:4])
def test_what_the_page_leaves_possible_is_reckoned_exactly(rows: int, most: int) -> None:
    total = most - 3
    behind: dict[tuple[Told, ...], list[tuple[int, ...]]] = defaultdict(list)
    for table in every_split(total, rows):
        if (printed := split(total, table)) is not None:
            behind[printed].append(table)
    assert behind
    for printed, tables in behind.items():
        for row, (low, high) in bounds_of_split(total, printed).items():
            assert {table[row] for table in tables} == set(range(low, high + 1))


def test_the_belief_that_every_case_stands_somewhere_is_reckoned_with() -> None:
    assert bounds_of_several(20, (18, Sign.few)) == {1: (2, 4)}
    assert several(20, (18, 3)) is None
    assert bounds_of_several(20, (15, Sign.few)) == {1: (0, 4)}, "the page itself shows that it isn't so"
    assert several(20, (15, 3)) == (15, Sign.few)


def test_nothing_is_broken_down_of_few() -> None:
    assert split(TABLE_LEAST - 1, (TABLE_LEAST - 1, 0)) is None
    assert several(TABLE_LEAST - 1, (TABLE_LEAST - 1, 8)) is None
    assert split(20, (20, 1)) is None, "rows that don't add up are not shown"


def test_nothing_is_fewer_than_five_and_so_is_four() -> None:
    assert [told(count) for count in (0, 1, 4, 5)] == [Sign.few, Sign.few, Sign.few, 5]


def test_every_step_of_a_share_stands_for_five_counts() -> None:
    for whole in range(SHARE_LEAST, 260):
        steps = [share(part, whole) for part in range(whole + 1)]
        assert min(steps.count(step) for step in set(steps)) >= LEAST
        for part, step in enumerate(steps):
            assert step is not None
            assert step[0] <= part * 100 / whole <= step[1]
    assert share(10, SHARE_LEAST - 1) is None


def test_a_median_is_of_five_at_least() -> None:
    assert median({1: 2, 3: 2}) is None
    assert median({1: 2, 3: 3}) == 3
    assert median({1: 3, 3: 3}) == 1


def test_a_year_under_way_tells_the_ten() -> None:
    assert [banded(count) for count in (0, 9, 10, 23)] == [Band(0), Band(0), Band(10), Band(20)]
    assert (Band(10).low, Band(10).high) == (10, 19)
