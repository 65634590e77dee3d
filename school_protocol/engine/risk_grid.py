"""The risk grid: its score as an interval from answered items, and the level of a case with floors and overrides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import Record
from school_protocol.engine.conditions import Value
from school_protocol.engine.definition import Grid, Protocol

# ---- the score: an interval, floors, levels, overrides -------------------------------------------------------------
# Support for a decision, never a diagnosis.


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


def last_grid(protocol: Protocol, case: Case) -> Record | None:
    """The grid that counts: the latest since the case was opened, or reopened."""
    rule = protocol.assessment
    records = case.records_of(rule.act) if rule else []
    return next((record for record in reversed(records) if record.seq > case.opening_seq), None)


def last_assessed(protocol: Protocol, case: Case) -> int | None:
    """The level that this grid gives; None without one."""
    record = last_grid(protocol, case)
    return assessed_level(protocol, case, record.answers)[0] if record else None


def took_level_from(protocol: Protocol, case: Case, grid: Record) -> tuple[Record, ...]:
    """The entries whose level is that grid's: written while it was the one that counted."""
    rule = protocol.assessment
    if rule is None or grid.act != rule.act:
        return ()
    newer = min((one.seq for one in case.records_of(rule.act) if one.seq > grid.seq), default=case.last_seq + 1)
    return tuple(one for one in case.records if grid.seq < one.seq < newer and _says_level(protocol, one))


def _says_level(protocol: Protocol, record: Record) -> bool:
    return any(item.assessed and item.key in record.answers for item in protocol.form_of(record.act).fields)


def assessed_level(protocol: Protocol, case: Case, answers: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """The level that an assessment fixes from the grid's answers, and how it came about."""
    rule = protocol.assessment
    assert rule is not None
    item = protocol.form_of(rule.act).by_key[rule.field]
    grid = protocol.grids[item.grid or next(iter(protocol.grids))]
    scored = score(grid, answers.get(rule.field) or {})
    override = answers.get(rule.override or "")
    found = verdict(
        grid,
        scored,
        override=int(override) if override else None,
        recurrent=bool(rule.recurrence and answers.get(rule.recurrence)),
        recurrence_level=rule.recurrence_level,
        danger_level=rule.danger_level if case.live_dangers() else None,
        reopening_floor=case.former_level + rule.reopening_raise if case.former_level else 0,
    )
    detail = {
        "grid": grid.key, "low": scored.low, "high": scored.high, "known": scored.known,
        "from_grid": found.from_grid, "reasons": list(found.reasons),
        "scores": {part.item: part.score for part in scored.contributions if part.score is not None},
    }  # fmt: skip
    return found.level, detail
