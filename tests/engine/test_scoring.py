"""The grid: points, levels, floors, what is unknown, and what may raise or lower the level at validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.telling import MOROCCAN, reported
from school_protocol.engine.case_summary import assessed_level, level_at, score, verdict
from school_protocol.engine.definition import Grid, Protocol
from school_protocol.protocol.reader import read_file

ITEMS = (
    "nature", "repetition", "duration", "audience", "anonymity", "power", "number", "intent", "impact",
    "school_impact", "vulnerability", "persistence",
)  # fmt: skip
STORIES: dict[str, tuple[tuple[int, ...], int, int]] = {
    # G1 to G12 as the four simulated cases tell it, the points of 30-assessment-grid.md, the level
    "SC1, the class group: stickers for three weeks, six pupils": ((2, 2, 2, 1, 0, 1, 2, 1, 1, 1, 1, 2), 18, 2),
    "SC3, the blackmail: a stranger holds a secret": ((3, 1, 0, 1, 3, 3, 0, 3, 2, 1, 1, 1), 24, 3),
    "SC4, the online game: mutual, three evenings": ((1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0), 7, 1),
    "SC6, the silence of Imane": ((2, 3, 3, 2, 1, 2, 3, 2, 3, 3, 3, 2), 34, 4),
}
SEVERITY = read_file(MOROCCAN).grids["severity"]


def scores(*values: int | None) -> dict[str, int]:
    return {item: value for item, value in zip(ITEMS, values, strict=True) if value is not None}


@pytest.mark.parametrize("story", STORIES)
def test_the_four_simulated_cases(story: str) -> None:
    values, points, level = STORIES[story]
    scored = score(SEVERITY, scores(*values))
    assert (scored.low, scored.high) == (points, points)
    assert (scored.low_level, scored.high_level) == (level, level)
    assert scored.known == 12
    assert sum(part.low for part in scored.contributions) == points


def test_the_grid_has_twelve_items_two_of_them_double_and_42_points() -> None:
    assert tuple(SEVERITY.items) == ITEMS
    assert {key for key, item in SEVERITY.items.items() if item.weight == 2} == {"power", "impact"}
    assert SEVERITY.maximum == 42


@pytest.mark.parametrize(("points", "level"), [(0, 1), (9, 1), (10, 2), (19, 2), (20, 3), (29, 3), (30, 4), (42, 4)])
def test_the_bands_meet_without_a_gap(points: int, level: int) -> None:
    assert level_at(SEVERITY, points) == level


@pytest.mark.parametrize(
    ("items", "level"),
    [
        ({"impact": 3}, 3),
        ({"power": 3}, 3),
        ({"nature": 3}, 3),
        ({"audience": 3, "persistence": 3}, 3),
        ({"audience": 3}, 1),
        ({"persistence": 3}, 1),
        ({"impact": 2, "power": 2}, 1),
    ],
)
def test_a_floor_lifts_a_low_sum(items: dict[str, int], level: int) -> None:
    scored = score(SEVERITY, {**dict.fromkeys(ITEMS, 0), **items})
    assert scored.low_level == scored.high_level == level
    assert scored.floor_level == (3 if level == 3 else 0)


def test_what_is_unknown_gives_an_interval() -> None:
    scored = score(SEVERITY, scores(1, 1, 1, 1, None, None, 0, 1, 1, 0, 0, 0))
    assert (scored.low, scored.high) == (7, 16), "anonymity up to 3, power up to 3 counted twice"
    assert (scored.low_level, scored.high_level) == (1, 2)
    assert scored.known == 10
    assert scored.floors == (), "a floor holds only over what is known"


def test_an_empty_grid_could_be_anything() -> None:
    scored = score(SEVERITY, {})
    assert (scored.low, scored.high, scored.known) == (0, 42, 0)


# ---- the level fixed at validation ---------------------------------------------------------------------------------


def fixed(values: Mapping[str, int], **rules: Any) -> tuple[int, tuple[str, ...]]:
    base: dict[str, Any] = {
        "override": None, "recurrent": False, "recurrence_level": 2, "danger_level": None, "reopening_floor": 0,
    }  # fmt: skip
    found = verdict(SEVERITY, score(SEVERITY, values), **{**base, **rules})
    return found.level, found.reasons


LOW, HIGH = scores(*[0] * 12), scores(*STORIES["SC6, the silence of Imane"][0])
STRADDLING = scores(1, 1, 1, 1, None, None, 0, 1, 1, 0, 0, 0)
FLOORED = {**LOW, "nature": 3}


@pytest.mark.parametrize(
    ("values", "rules", "level", "reasons"),
    [
        (LOW, {}, 1, ()),
        (STRADDLING, {}, 2, ("maximum",)),
        (STRADDLING, {"override": 1}, 1, ("maximum", "override")),
        (LOW, {"override": 3}, 3, ("override",)),
        (LOW, {"override": 1}, 1, ()),
        (HIGH, {"override": 1}, 4, ("floor", "override")),
        (FLOORED, {}, 3, ("floor",)),
        (FLOORED, {"override": 1}, 3, ("floor", "override")),
        (LOW, {"recurrent": True}, 2, ("recurrence",)),
        (scores(*STORIES["SC1, the class group: stickers for three weeks, six pupils"][0]), {"recurrent": True}, 3,
         ("recurrence",)),
        (HIGH, {"recurrent": True}, 4, ("floor", "recurrence")),
        (LOW, {"danger_level": 4}, 4, ("danger",)),
        (LOW, {"reopening_floor": 3}, 3, ("reopening",)),
        (HIGH, {"reopening_floor": 3}, 4, ("floor",)),
        (HIGH, {"reopening_floor": 5}, 4, ("floor", "reopening")),
    ],
)  # fmt: skip
def test_what_raises_the_level_and_what_cannot_lower_it(
    values: dict[str, int], rules: dict[str, Any], level: int, reasons: tuple[str, ...]
) -> None:
    assert fixed(values, **rules) == (level, reasons)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(ITEMS), st.integers(0, 3)), st.none() | st.integers(1, 4), st.booleans())
def test_no_override_goes_under_the_minimum_or_a_floor(
    values: dict[str, int], override: int | None, again: bool
) -> None:
    scored = score(SEVERITY, values)
    level, _reasons = fixed(values, override=override, recurrent=again)
    assert level >= scored.low_level
    assert 1 <= level <= 4
    assert scored.low <= scored.high
    assert scored.low_level <= scored.high_level


@pytest.mark.exhaustive
@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(ITEMS), st.integers(0, 3), min_size=1), st.data())
def test_knowing_more_never_widens_the_interval(values: dict[str, int], data: st.DataObject) -> None:
    known = score(SEVERITY, values)
    item = data.draw(st.sampled_from(sorted(values)))
    less = score(SEVERITY, {key: value for key, value in values.items() if key != item})
    assert less.low <= known.low <= known.high <= less.high


def test_a_second_grid_has_its_own_weights_and_floor(small: Protocol) -> None:
    grid: Grid = small.grids["weighing"]
    assert grid.maximum == 10
    scored = score(grid, {"price": 0, "times": 0, "temper": 2, "trace": 0})
    assert (scored.low, scored.low_level, scored.floors) == (4, 2, (0,))


def test_an_assessment_reads_the_case_too(moroccan: Protocol) -> None:
    """A live danger makes it the danger's level; a case that was closed before gets its former level + 1 at least."""
    told = reported(moroccan)
    low = {"scores": dict.fromkeys(ITEMS, 0)}
    assert told.case is not None
    assert assessed_level(moroccan, told.case, low)[0] == 1
    assert assessed_level(moroccan, told.case, {**low, "recurrence": True})[0] == 2
    assert assessed_level(moroccan, told.case, {**low, "override": "3"})[0] == 3
    told.act("head", "raise_danger", which_danger="blackmail")
    assert assessed_level(moroccan, told.case, low)[0] == 4
    told.case.dangers.clear()
    told.case.former_level = 2
    level, detail = assessed_level(moroccan, told.case, low)
    assert (level, detail["reasons"]) == (3, ["reopening"])
