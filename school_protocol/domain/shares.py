"""What a case adds to yearly reports, kept after the case is erased: sums over closed choices, added to like sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from school_protocol.domain.closed_choices import EARLIER
from school_protocol.domain.yearly import Counts, Tally, layout

Share = Mapping[str, Any]
"""Sums as JSON keeps them."""


def as_share(counts: Counts) -> dict[str, Any]:
    """The sums of a year's report."""
    return {
        "cases": counts.cases,
        "totals": dict(counts.totals),
        "tables": {key: dict(rows) for key, rows in counts.tables.items()},
        "times": {key: dict(rows) for key, rows in counts.times.items()},
        "waits": {str(hours): number for hours, number in counts.waits.items()},
    }


def added(kept: Share | None, more: Share) -> dict[str, Any]:
    """Two sums as one, number by number."""
    if kept is None:
        return dict(more)
    return {key: _added(kept.get(key), more.get(key)) for key in dict.fromkeys([*kept, *more])}


def _added(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return one if other is None else other
    if isinstance(one, Mapping):
        return {key: _added(one.get(key), other.get(key)) for key in dict.fromkeys([*one, *other])}
    return one + other


def add_to(tally: Tally, share: Share) -> None:
    """Count what erased cases had added; a choice that the definition has no more counts as an earlier one."""
    known = {key: set(rows) for key, _of, rows, _overlaps in layout(tally.protocol, tally.yearly, tally.earlier)}
    counts = tally.counts
    counts.cases += share["cases"]
    counts.totals.update(share["totals"])
    for table, rows in share["tables"].items():
        for row, number in rows.items():
            counts.add(table, row if row in known.get(table, ()) else EARLIER, number)
    for deadline, outcomes in share["times"].items():
        counts.times.setdefault(deadline, Counter()).update(outcomes)
    counts.waits.update({int(hours): number for hours, number in share["waits"].items()})
