"""Where lines run between boxes: each gets a track of its own in a channel, ordered so that few of them cross."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Run:
    """A line's way up or down in the channel between two lanes, and to which side it leaves at each end."""

    key: int
    start: float
    start_side: str
    """left or right."""
    end: float
    end_side: str

    @property
    def low(self) -> float:
        return min(self.start, self.end)

    @property
    def high(self) -> float:
        return max(self.start, self.end)

    def ends(self) -> tuple[tuple[float, str], tuple[float, str]]:
        return (self.start, self.start_side), (self.end, self.end_side)


def tracks(runs: Sequence[Run]) -> dict[int, int]:
    """Line → its track, from the left; lines that pass each other at no height may share one."""
    order = sorted(runs, key=_from_left)
    best = _crossings(order)
    for _sweep in range(_SWEEPS):
        before = best
        for first in range(len(order)):
            for second in range(len(order)):
                moved = order[:]
                moved.insert(second, moved.pop(first))
                found = _crossings(moved)
                if found < best:
                    order, best = moved, found
        if best == before:
            break
    return _packed(order)


def _from_left(run: Run) -> tuple[float, float]:
    """Lines that fall come from the left first where they start lowest; those that rise, where they start highest."""
    left, right = (run.start, run.end) if run.start_side == "left" else (run.end, run.start)
    return (-left if left < right else left, run.key)


def _crossings(order: Sequence[Run]) -> int:
    count = 0
    for place, left in enumerate(order):
        for right in order[place + 1 :]:
            count += sum(right.low < y < right.high for y, side in left.ends() if side == "right")
            count += sum(left.low < y < left.high for y, side in right.ends() if side == "left")
            # two level pieces on top of each other are never read apart
            count += 20 * sum(
                abs(y - other) < 2.5
                for y, side in left.ends()
                for other, other_side in right.ends()
                if side == "right" and other_side == "left"
            )
    return count


def _packed(order: Sequence[Run]) -> dict[int, int]:
    found: dict[int, int] = {}
    for place, run in enumerate(order):
        passed = (other for other in order[:place] if other.low - 8 <= run.high and run.low <= other.high + 8)
        beside = [found[other.key] for other in passed]
        found[run.key] = 1 + max(beside, default=-1)
    return found


def level_tracks(spans: Sequence[tuple[int, int, int]]) -> dict[int, int]:
    """The same for level pieces: (line, first channel, last channel), shortest nearest to the top."""
    found: dict[int, int] = {}
    for place, (key, first, last) in enumerate(sorted(spans, key=lambda span: (span[2] - span[1], span[0]))):
        ordered = sorted(spans, key=lambda span: (span[2] - span[1], span[0]))[:place]
        taken = {found[other] for other, begin, end in ordered if begin <= last and first <= end}
        found[key] = next(track for track in range(len(spans)) if track not in taken)
    return found
