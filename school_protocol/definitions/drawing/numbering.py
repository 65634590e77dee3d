"""The numbers on a drawing's lines: each on its own line, clear of boxes, of other numbers and of other lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from school_protocol.definitions.drawing.picture import Arrow, Box, Point

BADGE = 8.5
"""Half of the round that holds an arrow's number."""

_Line = tuple[Point, Point]


def badged(arrows: list[Arrow], boxes: Iterable[Box]) -> Iterator[Arrow]:
    """Each arrow with a place for its number. Two that want one place are moved apart together."""
    spots = [list(_spots(arrow.points)) for arrow in arrows]
    where = _Clear(arrows, tuple(boxes))
    chosen: list[Point] = []
    for place in range(len(arrows)):
        chosen.append(min(spots[place], key=lambda spot: where.alone(place, spot) + where.crowd(spot, chosen)))
    for place in range(len(arrows)):
        for other in range(place):
            if _near(chosen[place], chosen[other]):
                _apart(place, other, chosen, spots, where)
    yield from (replace(arrow, badge=spot) for arrow, spot in zip(arrows, chosen, strict=True))


def _apart(place: int, other: int, chosen: list[Point], spots: list[list[Point]], where: _Clear) -> None:
    rest = [spot for number, spot in enumerate(chosen) if number not in (place, other)]

    def trouble(pair: tuple[Point, Point]) -> float:
        one, two = pair
        alone = where.alone(place, one) + where.alone(other, two)
        return alone + where.crowd(one, [*rest, two]) + where.crowd(two, rest)

    both = ((one, two) for one in spots[place] for two in spots[other])
    chosen[place], chosen[other] = min(both, key=trouble)


class _Clear:
    """How much is in the way of a number at a place."""

    def __init__(self, arrows: list[Arrow], boxes: tuple[Box, ...]) -> None:
        self.boxes = boxes
        self.lines = [(number, line) for number, arrow in enumerate(arrows) for line in _pairs(arrow.points)]

    def alone(self, number: int, spot: Point) -> float:
        """Boxes, and other lines."""
        x, y = spot
        inside = sum(box.holds(spot, BADGE - 1) for box in self.boxes)
        crossed = sum(
            min(a, c) - BADGE < x < max(a, c) + BADGE and min(b, d) - BADGE < y < max(b, d) + BADGE
            for other, ((a, b), (c, d)) in self.lines
            if other != number
        )
        return 40.0 * inside + crossed

    @staticmethod
    def crowd(spot: Point, taken: Iterable[Point]) -> float:
        """Other numbers."""
        return 100.0 * sum(_near(spot, other) for other in taken)


def _near(one: Point, other: Point) -> bool:
    return abs(one[0] - other[0]) < 2 * BADGE + 1 and abs(one[1] - other[1]) < 2 * BADGE + 1


def _pairs(points: tuple[Point, ...]) -> Iterator[_Line]:
    return pairwise(points)


def _spots(points: tuple[Point, ...]) -> Iterator[Point]:
    """Places along a line: the middle of its pieces first, the longest piece before the others."""
    pairs = sorted(_pairs(points), key=lambda pair: -_length(pair))
    pairs = [pair for pair in pairs if _length(pair) > 2 * BADGE + 6] or pairs[:1]
    for share in (0.5, 0.35, 0.65, 0.2, 0.8, 0.42, 0.58, 0.27, 0.73, 0.12, 0.88):
        for (x, y), (to_x, to_y) in pairs:
            yield x + (to_x - x) * share, y + (to_y - y) * share


def _length(pair: _Line) -> float:
    return abs(pair[0][0] - pair[1][0]) + abs(pair[0][1] - pair[1][1])
