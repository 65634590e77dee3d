"""What may be told of counts: never one below five, nor one from which such a count could be worked out.

All that decides is what is printed: whoever knows the rule learns no more from it than from the page. A hidden count
stays open among five values at least, given every figure printed beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

LEAST = 5
"""A count below it is not told; zero is such a count. And so many values stay possible for each that is hidden."""
TABLE_LEAST = 12
"""What is fewer than this is not broken down at all."""
SHARE_LEAST = 20
"""No share is told of fewer than this."""
BAND = 10
"""How wide the bands are in which a year under way is told."""

_STEPS = ((100, 20), (50, 10), (SHARE_LEAST, 4))
"""From so many on, a share is told in so many steps: each step stands for five counts at least."""


class Sign(StrEnum):
    """What stands in place of a count: fewer than five, or five and more that would give another one away."""

    few = "few"
    withheld = "withheld"


@dataclass(frozen=True, slots=True)
class Band:
    """A count of which only the ten is told."""

    low: int

    @property
    def high(self) -> int:
        return self.low + BAND - 1


Told = int | Sign | Band


def told(count: int) -> Told:
    """A total, as it is printed."""
    return count if count >= LEAST else Sign.few


def banded(count: int) -> Band:
    """A total of a year under way: two reports of one year, compared, must not tell a single case."""
    return Band(count // BAND * BAND)


def split(total: int, counts: Sequence[int]) -> tuple[Told, ...] | None:
    """The rows of a table that add up to `total`, which is printed; None: the table is not shown.

    Where a row is hidden, so is the first one that could be told: which one never hangs on how large it is.
    """
    if total < TABLE_LEAST or sum(counts) != total:
        return None
    rows = [told(count) for count in counts]
    shown = [number for number, row in enumerate(rows) if isinstance(row, int)]
    if len(shown) < len(rows) and shown:
        rows[shown[0]] = Sign.withheld
    return _if_kept(rows, bounds_of_split(total, rows))


def several(total: int, counts: Sequence[int]) -> tuple[Told, ...] | None:
    """The rows of a table in which one of `total` may count several times; None: the table is not shown."""
    if total < TABLE_LEAST:
        return None
    rows = [told(count) for count in counts]
    return _if_kept(rows, bounds_of_several(total, rows))


def _if_kept(rows: Sequence[Told], bounds: Mapping[int, tuple[int, int]]) -> tuple[Told, ...] | None:
    narrow = any(high - low + 1 < LEAST for low, high in bounds.values())
    return None if narrow else tuple(rows)


def bounds_of_split(total: int, rows: Sequence[Told]) -> dict[int, tuple[int, int]]:
    """Row → the least and the most that a hidden count can be, given what is printed; all between is possible."""
    rest = total - sum(row for row in rows if isinstance(row, int))
    ranges = {number: _range(row, rest) for number, row in enumerate(rows) if isinstance(row, Sign)}
    lows, highs = sum(low for low, _ in ranges.values()), sum(high for _, high in ranges.values())
    return {
        number: (max(low, rest - (highs - high)), min(high, rest - (lows - low)))
        for number, (low, high) in ranges.items()
    }


def bounds_of_several(total: int, rows: Sequence[Told]) -> dict[int, tuple[int, int]]:
    """The same, where rows overlap: whoever believes that each of `total` stands in some row may reckon with that."""
    shown = sum(row for row in rows if isinstance(row, int))
    hidden = [number for number, row in enumerate(rows) if row is Sign.few]
    most = LEAST - 1
    left = total - shown
    least = max(0, left - most * (len(hidden) - 1)) if left <= most * len(hidden) else 0
    return dict.fromkeys(hidden, (least, most))


def _range(sign: Sign, rest: int) -> tuple[int, int]:
    return (0, LEAST - 1) if sign is Sign.few else (LEAST, max(LEAST, rest))


def share(part: int, whole: int) -> tuple[int, int] | None:
    """Between which two percentages a part of `whole` lies, in steps that stand for five counts each; None: too few."""
    steps = next((steps for least, steps in _STEPS if whole >= least), None)
    if steps is None:
        return None
    step = min(part * steps // whole, steps - 1)
    return step * 100 // steps, (step + 1) * 100 // steps


def median(counts: Mapping[int, int]) -> int | None:
    """The lower median of values with how often each occurs; None: of fewer than five."""
    whole = sum(counts.values())
    if whole < LEAST:
        return None
    passed = 0
    for value in sorted(counts):
        passed += counts[value]
        if passed * 2 >= whole:
            return value
    return None
