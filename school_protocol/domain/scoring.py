"""The grid: an interval from answered items, floors, levels, overrides. Support for a decision, never a diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from school_protocol.domain.conditions import Value
from school_protocol.domain.protocol import Grid


@dataclass(frozen=True, slots=True)
class Contribution:
    """One item: the anchor chosen (None: unknown) and the points it gives at least and at most."""

    item: str
    score: int | None
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Score:
    """A scored grid. Points from `low` to `high`; levels likewise, floors applied to both ends."""

    grid: str
    contributions: tuple[Contribution, ...]
    low: int
    high: int
    low_level: int
    high_level: int
    floors: tuple[int, ...]
    """Positions of the floors that hold."""

    @property
    def known(self) -> int:
        return sum(1 for item in self.contributions if item.score is not None)

    @property
    def floor_level(self) -> int:
        return self.low_level if self.floors else 0


def score(grid: Grid, scores: Mapping[str, int]) -> Score:
    """Score `grid`; items without an answer count as 0 at least and their highest anchor at most."""
    contributions = []
    for key, item in grid.items.items():
        value = scores.get(key)
        low = (value or 0) * item.weight
        high = (len(item.anchors) - 1 if value is None else value) * item.weight
        contributions.append(Contribution(key, value, low, high))
    low, high = sum(part.low for part in contributions), sum(part.high for part in contributions)
    values: dict[str, Value] = {key: scores.get(key) for key in grid.items}
    floors = tuple(number for number, floor in enumerate(grid.floors) if floor.when.holds(values))
    floor = max((grid.floors[number].level for number in floors), default=0)
    return Score(
        grid.key,
        tuple(contributions),
        low,
        high,
        max(level_of(grid, low), floor),
        max(level_of(grid, high), floor),
        floors,
    )


def level_of(grid: Grid, points: int) -> int:
    """The level in whose band `points` lies."""
    return next((number for number, level in grid.levels.items() if level.low <= points <= level.high), 0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The level fixed at an assessment, and what raised it above the grid's own."""

    level: int
    from_grid: int
    reasons: tuple[str, ...]
    """Among: maximum, floor, override, recurrence, danger, reopening."""


def verdict(
    grid: Grid,
    scored: Score,
    *,
    override: int | None,
    recurrent: bool,
    recurrence_level: int,
    danger_level: int | None,
    reopening_floor: int,
) -> Verdict:
    """The level at validation: the maximum's level by default, an override never under a floor or the minimum."""
    top = max(grid.levels)
    reasons = ["floor"] if scored.floors else []
    level = scored.high_level
    if scored.low_level != scored.high_level:
        reasons.append("maximum")
    if override is not None and override != level:
        level = max(override, scored.low_level)
        reasons.append("override")
    if recurrent:
        level = max(min(level + 1, top), recurrence_level)
        reasons.append("recurrence")
    if reopening_floor and level < reopening_floor:
        level = min(reopening_floor, top)
        reasons.append("reopening")
    if danger_level is not None and level < danger_level:
        level = danger_level
        reasons.append("danger")
    return Verdict(level, scored.high_level, tuple(reasons))
