"""The drawing of a protocol: its data classes, the nodes, lanes and links to draw, and how much room words need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from school_protocol.engine.clock import TimeUnit
from school_protocol.engine.definition import HISTORY, START, ActKind, Deadline, Move, Protocol
from school_protocol.language import Wording

TITLE = 12.5
NOTE = 10.5
LANE = 15.0

_GUESSED_WIDE = 0.87
"""A word alone is cut only where it surely has no room."""
_NARROW = frozenset("iljtfrI.,:;'’!|()·/ -1")
_WIDE = frozenset("mwMWœŒæ…–—%@")
_ARABIC = re.compile("[\u0600-\u06ff]")
_MARKS = re.compile("[\u064b-\u0652\u200e\u200f\u2066-\u2069]")


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a line is, in the units of `size`."""
    ems = 0.0
    for sign in _MARKS.sub("", text):
        if _ARABIC.match(sign):
            ems += 0.62
        elif sign in _NARROW:
            ems += 0.36
        elif sign in _WIDE:
            ems += 0.92
        else:
            ems += 0.68 if sign.isupper() else 0.59
    return ems * size * (1.04 if bold else 1.0)


OPEN, SHUT = "\u2068", "\u2069"
"""Around a run that keeps its own direction, in a line of either."""


def isolated(text: str) -> str:
    return f"{OPEN}{text}{SHUT}"


def wrapped(text: str, width: float, size: float, *, bold: bool = False, lines: int = 0) -> tuple[str, ...]:
    """`text` in lines of at most `width`; a word that is wider is cut. With `lines`, what is more ends in “…”."""
    found: list[str] = []
    line = ""
    for word in text.split(" "):
        for piece in _pieces(word, width, size, bold):
            longer = f"{line} {piece}".strip()
            if line and width_of(longer, size, bold=bold) > width:
                found.append(line)
                line = piece
            else:
                line = longer
    found.append(line)
    if lines and len(found) > lines:
        found = [*found[: lines - 1], f"{found[lines - 1].rstrip(' .,;:')}…"]
    return tuple(found)


def _pieces(word: str, width: float, size: float, bold: bool) -> list[str]:
    pieces = [""]
    for sign in word:
        if pieces[-1] and width_of(pieces[-1] + sign, size, bold=bold) * _GUESSED_WIDE > width:
            pieces.append("")
        pieces[-1] += sign
    return pieces


# ---- plain values with their places, in one language, in no format yet ---------------------------------------------
# Lengths are units of about a third of a millimetre on paper; the origin is the top left corner, in every language.

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


# ---- nodes in lanes, links between them, and the words on them; no place yet ---------------------------------------

MANY = 4
"""A move from so many states is drawn once, from a box that names them."""
BOX = 142.0
"""How wide a state is."""
MOST_LINES = 5
"""Of a title; what is longer is whole in the lists beside the drawing."""
SIDE = 8.0
"""Between the edge of a box and its words."""


@dataclass(frozen=True, slots=True)
class Node:
    key: str
    kind: str
    lane: int
    code: str
    title: tuple[str, ...]
    notes: tuple[str, ...] = ()
    ended: bool = False
    initial: bool = False
    move: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow to be: from a node (empty: from before the case), to one (empty: back to where it stood)."""

    move: str
    number: int
    kind: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Scheme:
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    bars: tuple[Node, ...]
    """Over all lanes, at the top: the urgent path's many sources."""


def urgent_moves(protocol: Protocol) -> frozenset[str]:
    """The moves that raising a danger makes by itself."""
    return frozenset(act.moves for act in protocol.acts_of(ActKind.raise_danger) if act.moves)


def kind_of(protocol: Protocol, move: Move) -> str:
    if move.key in urgent_moves(protocol):
        return "urgent"
    return "backwards" if move.backwards or move.to == HISTORY else "forward"


def scheme(protocol: Protocol, wording: Wording, width: float) -> Scheme:
    """Every state and every move; `width` is that of a bar over all lanes."""
    lanes = {stage: place for place, stage in enumerate(protocol.stages)}
    nodes = [_state(protocol, wording, key, lanes[state.stage]) for key, state in protocol.states.items()]
    links: list[Link] = []
    bars: list[Node] = []
    for number, move in enumerate(protocol.moves.values(), 1):
        kind = kind_of(protocol, move)
        target = "" if move.to == HISTORY else move.to
        sources = [key for key in _from(protocol, move) if key != START]
        if len(sources) >= MANY and target:
            room = width if kind == "urgent" else BOX
            node = Node(
                f"sources {move.key}",
                "bar" if kind == "urgent" else "sources",
                lanes[protocol.states[target].stage],
                "",
                wrapped(_sources(protocol, wording, move, sources), room - 2 * SIDE, NOTE),
                move=move.key,
            )
            (bars if kind == "urgent" else nodes).append(node)
            links.append(Link(move.key, number, kind, node.key, target))
        else:
            links += (Link(move.key, number, kind, source, target) for source in sources)
            if START in move.from_:
                links.append(Link(move.key, number, kind, "", target))
    return Scheme(tuple(nodes), tuple(links), tuple(bars))


def _from(protocol: Protocol, move: Move) -> Iterator[str]:
    """The states that a move leaves, `any` and `open` written out."""
    for name in dict.fromkeys(move.from_):
        if name == "any":
            yield from protocol.states
        elif name == "open":
            yield from (key for key, state in protocol.states.items() if not state.ended)
        else:
            yield name


def _sources(protocol: Protocol, wording: Wording, move: Move, sources: list[str]) -> str:
    """From where, in words: every open state where that is so, and the codes of the others."""
    every = [key for key, state in protocol.states.items() if not state.ended and key != move.to]
    named = [wording.gettext("the opening of a case")] if START in move.from_ else []
    if set(every) <= set(sources):
        named.append(wording.gettext("every open state"))
        sources = [key for key in sources if key not in every]
    named += [_short(protocol, wording, key) for key in sources]
    said = wording.pair(wording.gettext("Starts from"), wording.comma.join(named))
    return f"{wording.text(move.title)} · {said}" if kind_of(protocol, move) == "urgent" else said


def _short(protocol: Protocol, wording: Wording, key: str) -> str:
    state = protocol.states[key]
    return isolated(state.code or wording.text(state.title))


def _state(protocol: Protocol, wording: Wording, key: str, lane: int) -> Node:
    state = protocol.states[key]
    room = BOX - 2 * SIDE
    title = wrapped(wording.text(state.title), room, TITLE, bold=True, lines=MOST_LINES)
    notes = _noted([due(one, wording) for one in begun_in(protocol, key)], room)
    return Node(key, "state", lane, state.code, title, notes, state.ended, state.initial)


def _noted(words: list[str], room: float) -> tuple[str, ...]:
    """Deadlines beside each other as long as there is room."""
    lines: list[str] = []
    for one in words:
        longer = f"{lines[-1]} · {one}" if lines else one
        if lines and width_of(longer, NOTE) <= room:
            lines[-1] = longer
        else:
            lines += wrapped(one, room, NOTE)
    return tuple(lines)


def begun_in(protocol: Protocol, state: str) -> list[Deadline]:
    """The deadlines whose count begins as a case comes into a state: by entering it, by the report, by a danger."""
    urgent = {protocol.moves[move].to for move in urgent_moves(protocol)}
    found = []
    for deadline in protocol.deadlines.values():
        for source in deadline.start:
            if (
                state in source.entered
                or (source.report and protocol.states[state].initial)
                or (source.danger == "raised" and state in urgent)
                or (source.move and protocol.moves[source.move].to == state)
            ):
                found.append(deadline)
                break
    return [deadline for deadline in found if deadline.value or deadline.steps]


def due(deadline: Deadline, wording: Wording) -> str:
    """A deadline as short as it goes: its code, or its title where it has none, and how long."""
    name = isolated(deadline.code or wording.text(deadline.title))
    steps = [(step.after, step.unit) for step in deadline.steps if step.after]
    counted = [(deadline.value, deadline.unit)] if deadline.value else steps[:1]
    return " ".join([name, *(how_long(number, unit, wording) for number, unit in counted)])


def how_long(number: int, unit: TimeUnit, wording: Wording) -> str:
    """A time that there is for something, as short as it goes."""
    match unit:
        case TimeUnit.clock_hours:
            return wording.ngettext("%(num)d h", "%(num)d h", number)
        case TimeUnit.school_hours:
            return wording.ngettext("%(num)d school h", "%(num)d school h", number)
        case TimeUnit.school_days:
            return wording.ngettext("%(num)d school day", "%(num)d school days", number)
        case TimeUnit.calendar_days:
            return wording.ngettext("%(num)d day", "%(num)d days", number)
