"""Whether the text of a page can be seen where it stands: not off the page, not cut off, not covered, not in the
colour of what lies beneath.

Places are in points from the lower left corner. Paths are taken as the boxes around their parts: enough for rules,
frames and backgrounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Matrix = tuple[float, float, float, float, float, float]
Point = tuple[float, float]
Box = tuple[float, float, float, float]
Colour = tuple[float, ...] | None

_SMALLEST = 4.0
"""Points; below that nobody reads."""
_LEAST_ALPHA, _LEAST_CONTRAST = 0.5, 1.8
_WHITE: Colour = (1.0, 1.0, 1.0)
_SLACK = 0.75


def times(one: Matrix, other: Matrix) -> Matrix:
    """First `one`, then `other`."""
    a, b, c, d, e, f = one
    p, q, r, s, t, u = other
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u


@dataclass(frozen=True, slots=True)
class Region:
    """Boxes of the parts of a path; `evenly`: what lies in two of them is outside."""

    boxes: tuple[Box, ...]
    evenly: bool
    bounds: Box = (0.0, 0.0, 0.0, 0.0)

    def holds(self, point: Point) -> bool:
        count = sum(_in(box, point, 0.0) for box in self.boxes)
        return count % 2 == 1 if self.evenly else count > 0

    def touches(self, one: Point, other: Point) -> bool:
        """Whether some of the line between the two lies in it."""
        left, right = (one[0], other[0]) if one[0] < other[0] else (other[0], one[0])
        low, high = (one[1], other[1]) if one[1] < other[1] else (other[1], one[1])
        if not _overlap(self.bounds, (left, low, right, high)):
            return False
        met = [box for box in self.boxes if _overlap(box, (left, low, right, high))]
        if not self.evenly or len(met) < 2:
            return bool(met)
        return not (len(met) % 2 == 0 and all(_in(box, one, 0.0) and _in(box, other, 0.0) for box in met))


@dataclass(frozen=True, slots=True)
class Seen:
    """One piece of text, from `start` to `end` through the middle of its small letters."""

    text: str
    start: Point
    end: Point
    size: float
    mode: int
    colour: Colour
    alpha: float
    clips: tuple[Region, ...]
    is_faint: bool = False
    """A watermark may be pale."""

    @property
    def points(self) -> tuple[Point, Point, Point]:
        (a, b), (c, d) = self.start, self.end
        return (a + (c - a) * 0.1, b), ((a + c) / 2, (b + d) / 2), (a + (c - a) * 0.9, d)


@dataclass(frozen=True, slots=True)
class _Paint:
    region: Region
    colour: Colour
    alpha: float
    clips: tuple[Region, ...]

    def is_at(self, point: Point) -> bool:
        left, low, right, high = self.region.bounds
        if not (left <= point[0] <= right and low <= point[1] <= high):
            return False
        return self.region.holds(point) and all(clip.holds(point) for clip in self.clips)

    def is_over(self, seen: Seen) -> bool:
        return self.region.touches(seen.start, seen.end) and all(
            clip.touches(seen.start, seen.end) for clip in self.clips
        )


class Surface:
    """One page as it is painted, one thing after the other."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.order: list[Seen | _Paint] = []

    def region(self, path: Sequence[Sequence[Point]], rule: str, width: float = 0.0) -> Region:
        boxes = tuple(_box(part, width / 2) for part in path if part)
        if not boxes:
            return Region((), evenly=False)
        edges = list(zip(*boxes, strict=True))
        return Region(boxes, rule == "f*", (min(edges[0]), min(edges[1]), max(edges[2]), max(edges[3])))

    def paint(
        self,
        path: Sequence[Sequence[Point]],
        rule: str,
        width: float,
        colour: Colour,
        alpha: float,
        clips: tuple[Region, ...],
    ) -> None:
        self.order.append(_Paint(self.region(path, rule, width), colour, alpha, clips))

    def write(self, seen: Seen) -> None:
        self.order.append(seen)

    def unseen(self) -> Iterator[str]:
        """Text that stands on the page for programs alone."""
        paints = [(place, one) for place, one in enumerate(self.order) if isinstance(one, _Paint)]
        for place, seen in enumerate(self.order):
            if isinstance(seen, Seen) and not self._is_seen(seen, place, paints):
                yield seen.text

    def _is_seen(self, seen: Seen, place: int, paints: Sequence[tuple[int, _Paint]]) -> bool:
        if seen.mode != 0 or seen.size < _SMALLEST or not all(self._is_on(point) for point in seen.points):
            return False
        if any(not clip.holds(point) for clip in seen.clips for point in seen.points):
            return False
        if any(number > place and paint.is_over(seen) for number, paint in paints):
            return False
        if seen.is_faint:
            return seen.alpha > 0
        if seen.alpha < _LEAST_ALPHA:
            return False
        before = [paint for number, paint in paints if number < place]
        return all(contrast(seen.colour, _beneath(before, point)) >= _LEAST_CONTRAST for point in seen.points)

    def _is_on(self, point: Point) -> bool:
        return _in((0.0, 0.0, self.width, self.height), point, _SLACK)


def _beneath(paints: Sequence[_Paint], point: Point) -> Colour:
    return next((one.colour for one in reversed(paints) if one.alpha >= _LEAST_ALPHA and one.is_at(point)), _WHITE)


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of two colours (WCAG), from 1 to 21; 0 where one of them is no colour of ours."""
    if one is None or other is None or len(one) != 3 or len(other) != 3:
        return 0.0
    light, dark = sorted((_light(one), _light(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _light(colour: tuple[float, ...]) -> float:
    red, green, blue = ((one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4) for one in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _box(points: Sequence[Point], more: float) -> Box:
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return min(xs) - more, min(ys) - more, max(xs) + more, max(ys) + more


def _in(box: Box, point: Point, slack: float) -> bool:
    return box[0] - slack <= point[0] <= box[2] + slack and box[1] - slack <= point[1] <= box[3] + slack


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
