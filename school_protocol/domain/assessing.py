"""The level of a case: what its latest grid gives, with floors, overrides, dangers and what was known before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from school_protocol.domain import scoring
from school_protocol.domain.case import Case, Record
from school_protocol.domain.protocol import Protocol


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
    scored = scoring.score(grid, answers.get(rule.field) or {})
    override = answers.get(rule.override or "")
    found = scoring.verdict(
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
