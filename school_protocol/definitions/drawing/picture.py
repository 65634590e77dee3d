"""What a drawing of a protocol is made of: plain values with their places, in one language, in no format yet.

Lengths are units of about a third of a millimetre on paper; the origin is the top left corner, in every language.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Lane:
    """One stage: a column from top to bottom."""

    stage: str
    title: tuple[str, ...]
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Box:
    """One state, or the many sources of a move, gathered: a rectangle with what stands in it, line by line."""

    key: str
    kind: str
    """state, sources or bar."""
    code: str
    title: tuple[str, ...]
    notes: tuple[str, ...]
    """The deadlines that begin there; of sources nothing."""
    x: float
    y: float
    width: float
    height: float
    ended: bool = False
    initial: bool = False
    move: str = ""
    """Of sources and bars: the move that they lead into."""

    def holds(self, point: Point, within: float = 0.01) -> bool:
        """Whether a point stands on the rectangle's edge or inside it."""
        x, y = point
        return (
            self.x - within <= x <= self.x + self.width + within
            and self.y - within <= y <= self.y + self.height + within
        )

    def meets(self, other: Box) -> bool:
        """Whether two rectangles have any area in common."""
        return not (
            self.x + self.width <= other.x
            or other.x + other.width <= self.x
            or self.y + self.height <= other.y
            or other.y + other.height <= self.y
        )


@dataclass(frozen=True, slots=True)
class Arrow:
    """One move, from one box: its way, corner by corner, and the place of its number."""

    move: str
    number: int
    source: str
    """A box's key; empty: before the case."""
    target: str
    """A box's key; empty: where the case stood before."""
    kind: str
    """forward, urgent or backwards."""
    points: tuple[Point, ...]
    badge: Point


@dataclass(frozen=True, slots=True)
class Entry:
    """One move as the list beside the drawing says it."""

    move: str
    number: int
    kind: str
    title: str
    who: str


@dataclass(frozen=True, slots=True)
class Drawing:
    title: str
    language: str
    direction: str
    width: float
    height: float
    head: float
    """How high the names of the lanes stand."""
    lanes: tuple[Lane, ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    entries: tuple[Entry, ...]

    def box(self, key: str) -> Box:
        return next(box for box in self.boxes if box.key == key)

    def states(self) -> Iterator[Box]:
        return (box for box in self.boxes if box.kind == "state")
