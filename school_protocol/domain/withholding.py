"""What may be told of counts: by tens alone, so that whoever knows some of the cases can't count the others.

All that decides is what is printed: whoever knows the rule learns no more from it than from the page. Each count
stays open among five values at least, given every figure printed beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEAST = 5
"""So many values stay possible for each count."""
BAND = 10
"""How wide the bands are in which counts are told; of fewer than this nothing is broken down."""
SHARE_LEAST = 20
"""No share is told of fewer than this."""

STEPS = ((100, 20), (50, 10), (SHARE_LEAST, 4))
"""From so many on, a share is told in so many steps: each step stands for five counts at least."""


@dataclass(frozen=True, slots=True)
class Band:
    """A count of which only the ten is told."""

    low: int

    @property
    def high(self) -> int:
        return self.low + BAND - 1


def banded(count: int) -> Band:
    """A count, as it is printed."""
    return Band(count // BAND * BAND)


def broken_down(total: Band, counts: Sequence[int]) -> tuple[Band, ...] | None:
    """The rows of a table of `total`, each of which stands in one row or more; None: the table is not shown.

    It is not where the rows, all of them full, would hardly make up the total: then all must be nearly full.
    """
    rows = tuple(banded(count) for count in counts)
    most = sum(row.high for row in rows)
    return rows if total.low and most - total.low >= LEAST - 1 else None


def share(part: int, whole: int, cases: int | None = None) -> tuple[int, int] | None:
    """Between which two percentages a part of `whole` lies, in steps that stand for five counts each; None: too few.

    Where several counts come of one case, `cases` says of how many they are: steps stand for five of these, about.
    """
    counted = whole if cases is None else min(whole, cases)
    steps = next((steps for least, steps in STEPS if counted >= least), None)
    if steps is None:
        return None
    step = min(part * steps // whole, steps - 1)
    return step * 100 // steps, (step + 1) * 100 // steps


def median(counts: Mapping[int, int]) -> int | None:
    """The lower median of values with how often each occurs; None: of fewer than ten."""
    whole = sum(counts.values())
    if whole < BAND:
        return None
    passed = 0
    for value in sorted(counts):
        passed += counts[value]
        if passed * 2 >= whole:
            return value
    return None
