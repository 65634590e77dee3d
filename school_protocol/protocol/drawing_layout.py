"""The layout of a protocol's drawing: stages as lanes, rows, a way for each arrow, numbers; mirrored for right to left.

Between lanes run channels in which lines go up and down, between rows such in which they go across.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording
from school_protocol.protocol.drawing import (
    BOX,
    LANE,
    Arrow,
    Box,
    Drawing,
    Entry,
    Lane,
    Link,
    Node,
    Point,
    Scheme,
    kind_of,
    scheme,
    wrapped,
)

# ---- the numbers on lines: clear of boxes, of other numbers and of other lines -------------------------------------

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


# ---- which row each node of a lane stands in: near its links, few crossings, the same each time --------------------

Cell = tuple[int, int]
"""Lane and row."""

_SWEEPS = 12
_MANY = 90
"""With more links than this their crossings are not counted: it would take too long."""
_WEIGHT = {"forward": 1.0, "urgent": 1.2, "backwards": 0.5}


def placed(scheme: Scheme) -> dict[str, Cell]:
    """Node → its cell. Better places are looked for by exchanging cells, as long as any exchange helps."""
    lanes = _lanes(scheme)
    rows = max(len(lane) for lane in lanes)
    grid: list[list[str | None]] = [[*lane, *([None] * (rows - len(lane)))] for lane in lanes]
    cost = _Cost(scheme)
    best = cost.of(grid)
    for _sweep in range(_SWEEPS):
        before = best
        for lane in grid:
            best = _improved(grid, lane, cost, best)
        if best >= before:
            break
    return _cells(grid)


def _improved(grid: list[list[str | None]], lane: list[str | None], cost: _Cost, best: float) -> float:
    """`lane` changed in place, as long as an exchange of two cells, or one node put elsewhere, helps."""
    for first in range(len(lane)):
        for second in range(len(lane)):
            if first == second:
                continue
            for moved in (_exchanged(lane, first, second), _inserted(lane, first, second)):
                kept = lane[:]
                lane[:] = moved
                found = cost.of(grid)
                if found < best - 1e-9:
                    best = found
                else:
                    lane[:] = kept
    return best


def _exchanged(lane: list[str | None], first: int, second: int) -> list[str | None]:
    moved = lane[:]
    moved[first], moved[second] = moved[second], moved[first]
    return moved


def _inserted(lane: list[str | None], first: int, second: int) -> list[str | None]:
    moved = lane[:]
    moved.insert(second, moved.pop(first))
    return moved


def _lanes(scheme: Scheme) -> list[list[str]]:
    """As the definition has them; what leads into a state of the lane below it, what a bar leads to on top."""
    lanes: list[list[str]] = [[] for _ in range(1 + max(node.lane for node in scheme.nodes))]
    first = {link.target for link in scheme.links if link.source in {bar.key for bar in scheme.bars}}
    for node in sorted(scheme.nodes, key=lambda node: node.key not in first):
        lanes[node.lane].append(node.key)
    return lanes


def _cells(grid: Sequence[Sequence[str | None]]) -> dict[str, Cell]:
    return {key: (place, row) for place, lane in enumerate(grid) for row, key in enumerate(lane) if key is not None}


class _Cost:
    """How hard a grid is to read: long ways, crossings, rows out of the definition's order."""

    def __init__(self, scheme: Scheme) -> None:
        self.nodes = scheme.nodes
        self.links = [link for link in scheme.links if link.source and link.target]
        self.bars = {bar.key for bar in scheme.bars}
        self.counts_crossings = len(self.links) <= _MANY

    def of(self, grid: Sequence[Sequence[str | None]]) -> float:
        cells = _cells(grid)
        cost = sum(self._link(link, cells, grid) for link in self.links)
        if self.counts_crossings:
            cost += 1.5 * _crossings([link for link in self.links if link.source not in self.bars], cells)
        return cost + 0.25 * self._disorder(cells)

    def _link(self, link: Link, cells: Mapping[str, Cell], grid: Sequence[Sequence[str | None]]) -> float:
        to_lane, to_row = cells[link.target]
        if link.source in self.bars:
            return 40.0 * to_row
        lane, row = cells[link.source]
        apart = abs(row - to_row)
        if lane == to_lane:
            gathered = 4.0 if link.source.startswith("sources ") else 1.0
            return _WEIGHT[link.kind] * (0.3 if apart == 1 else 1.5 + apart * gathered)
        far = abs(lane - to_lane) > 1 and any(
            grid[between][row] is not None for between in range(min(lane, to_lane) + 1, max(lane, to_lane))
        )
        return _WEIGHT[link.kind] * (apart + 0.4 * abs(lane - to_lane) + (2.0 if far else 0.0))

    def _disorder(self, cells: Mapping[str, Cell]) -> int:
        """Pairs of states of one lane that stand the other way round than they are written."""
        states = [cells[node.key] for node in self.nodes if node.kind == "state"]
        return sum(
            one[0] == other[0] and one[1] > other[1]
            for place, one in enumerate(states)
            for other in states[place + 1 :]
        )


def _crossings(links: Sequence[Link], cells: Mapping[str, Cell]) -> int:
    """How many pairs of straight lines between cells cross."""
    lines = [sorted((cells[link.source], cells[link.target])) for link in links]
    count = 0
    for place, ((a, b), (c, d)) in enumerate(lines):
        for (e, f), (g, h) in lines[place + 1 :]:
            left, right = max(a, e), min(c, g)
            if left >= right or a == c or e == g:
                continue
            # heights at both ends of what they share
            high = [b + (d - b) * (x - a) / (c - a) - (f + (h - f) * (x - e) / (g - e)) for x in (left, right)]
            count += high[0] * high[1] < -1e-9
    return count


_TRACK, _LEVEL, _PORT = 10.0, 11.0, 11.0
_STUB = 44.0
_EDGE = 14.0
_GAP = 10.0
_ROW_GAP = 30.0
LINE, NOTE_LINE, CODE_LINE, PAD = 15.5, 13.0, 13.0, 7.0
"""Heights of lines in a box, and the room above and below them."""
_BAR_GAP = 10.0


@dataclass(slots=True)
class _Way:
    """How one link goes: the side it leaves, the channels it takes, the side it comes in by."""

    number: int
    link: Link
    out: tuple[str, str] | None = None
    """Node and side."""
    into: tuple[str, str] | None = None
    first: int | None = None
    """Channel between lanes, of `n + 1`; and a second one, where a level channel lies between."""
    level: int | None = None
    second: int | None = None
    out_y: float = 0.0
    into_y: float = 0.0
    ports: dict[str, float] = field(default_factory=dict)


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


def tracks(runs: Iterable[Run]) -> dict[int, int]:
    """Line → its track, from the left; lines that pass each other at no height may share one."""
    found: dict[int, int] = {}
    order = sorted(runs, key=_from_left)
    for place, run in enumerate(order):
        passed = (other for other in order[:place] if other.low - 8 <= run.high and run.low <= other.high + 8)
        found[run.key] = 1 + max((found[other.key] for other in passed), default=-1)
    return found


def _from_left(run: Run) -> tuple[float, float]:
    """Lines that fall come from the left first where they start lowest; those that rise, where they start highest."""
    left, right = (run.start, run.end) if run.start_side == "left" else (run.end, run.start)
    return (-left if left < right else left, run.key)


def level_tracks(spans: Iterable[tuple[int, int, int]]) -> dict[int, int]:
    """The same for level pieces: (line, first channel, last channel), shortest nearest to the top."""
    found: dict[int, int] = {}
    order = sorted(spans, key=lambda span: (span[2] - span[1], span[0]))
    for place, (key, first, last) in enumerate(order):
        taken = {found[other] for other, begin, end in order[:place] if begin <= last and first <= end}
        found[key] = next(track for track in range(len(order)) if track not in taken)
    return found


def drawn(protocol: Protocol, wording: Wording) -> Drawing:
    """The drawing of a protocol in a language."""
    count = len(protocol.stages)
    found = scheme(protocol, wording, width=count * (BOX + 60.0))
    left_to_right = _Layout(protocol, wording, found).drawing()
    return mirrored(left_to_right) if wording.direction == "rtl" else left_to_right


def mirrored(drawing: Drawing) -> Drawing:
    """The same, from right to left."""
    width = drawing.width

    def turned(point: Point) -> Point:
        return width - point[0], point[1]

    return replace(
        drawing,
        lanes=tuple(replace(lane, x=width - lane.x - lane.width) for lane in drawing.lanes),
        boxes=tuple(replace(box, x=width - box.x - box.width) for box in drawing.boxes),
        arrows=tuple(
            replace(arrow, points=tuple(turned(point) for point in arrow.points), badge=turned(arrow.badge))
            for arrow in drawing.arrows
        ),
    )


class _Layout:
    def __init__(self, protocol: Protocol, wording: Wording, found: Scheme) -> None:
        self.protocol, self.wording = protocol, wording
        self.nodes = {node.key: node for node in found.nodes}
        self.bars = {bar.key: bar for bar in found.bars}
        self.lanes = len(protocol.stages)
        self.cells = placed(found)
        self.at = {cell: key for key, cell in self.cells.items()}
        self.rows = 1 + max(row for _lane, row in self.cells.values())
        self.crossed: set[Cell] = set()
        self.load: dict[tuple[str, int], int] = defaultdict(int)
        self.ways = [self._way(number, link) for number, link in enumerate(found.links)]

    # ---- which way a link goes -----------------------------------------------------------------------------------

    def _way(self, number: int, link: Link) -> _Way:
        way = _Way(number, link)
        if not link.source:
            way.into = (link.target, "left")
        elif not link.target:
            way.out = (link.source, "left")
        elif link.source in self.bars:
            self._from_bar(way)
        else:
            self._between(way)
        return way

    def _from_bar(self, way: _Way) -> None:
        """Straight down where nothing stands between, else down the channel beside the lane."""
        lane, row = self.cells[way.link.target]
        if all((lane, above) not in self.at for above in range(row)):
            way.into = (way.link.target, "top")
        else:
            way.into, way.first = (way.link.target, "left"), lane

    def _between(self, way: _Way) -> None:
        source, target = way.link.source, way.link.target
        (lane, row), (to_lane, to_row) = self.cells[source], self.cells[target]
        if lane == to_lane:
            self._within_lane(way, lane, row, to_row)
            return
        onward = to_lane > lane
        way.out, way.into = (source, "right" if onward else "left"), (target, "left" if onward else "right")
        step = 1 if onward else -1
        reached = lane
        while reached + step != to_lane and self._passes(reached + step, row):
            reached += step
        for between in range(lane + step, reached + step, step):
            self.crossed.add((between, row))
        way.first = reached + 1 if onward else reached
        if reached + step != to_lane:
            way.second = to_lane if onward else to_lane + 1
            way.level = self._least(range(min(row, to_row) + 1, max(row, to_row) + 1) or (row, row + 1))

    def _within_lane(self, way: _Way, lane: int, row: int, to_row: int) -> None:
        source, target = way.link.source, way.link.target
        if all((lane, between) not in self.at for between in range(min(row, to_row) + 1, max(row, to_row))):
            down = to_row > row
            way.out, way.into = (source, "bottom" if down else "top"), (target, "top" if down else "bottom")
            return
        right = self.load["across", lane + 1] < self.load["across", lane]
        side = "right" if right else "left"
        way.out, way.into, way.first = (source, side), (target, side), lane + 1 if right else lane
        self.load["across", way.first] += 1

    def _passes(self, lane: int, row: int) -> bool:
        return (lane, row) not in self.at and (lane, row) not in self.crossed

    def _least(self, levels: Iterable[int]) -> int:
        best = min(levels, key=lambda level: (self.load["level", level], level))
        self.load["level", best] += 1
        return best

    # ---- places --------------------------------------------------------------------------------------------------

    def drawing(self) -> Drawing:
        head = self._heads()
        bars_end = self._bar_heights(head)
        self.ends = self._ends()
        self._heights(bars_end)
        self._ports()
        widths = self._channels()
        arrows = self._arrows(widths)
        lanes = tuple(
            Lane(stage, self.titles[stage], self.lane_x[place] - 5, BOX + 10)
            for place, stage in enumerate(self.protocol.stages)
        )
        boxes = tuple(self._box(node) for node in self.nodes.values())
        return Drawing(
            title=self.wording.text(self.protocol.title),
            language=self.wording.html_language,
            direction=self.wording.direction,
            width=self.width,
            height=self.bottom + _EDGE,
            head=head,
            lanes=lanes,
            boxes=boxes + tuple(self._bar(bar) for bar in self.bars.values()),
            arrows=tuple(badged(arrows, boxes)),
            entries=entries(self.protocol, self.wording),
        )

    def _heads(self) -> float:
        """The lanes' titles, and how high they stand."""
        self.titles = {
            key: wrapped(self.wording.text(stage.title), BOX, LANE, bold=True)
            for key, stage in self.protocol.stages.items()
        }
        return 14 + 19.0 * max(len(lines) for lines in self.titles.values())

    def _bar_heights(self, head: float) -> float:
        self.bar_y: dict[str, float] = {}
        end = head + _BAR_GAP
        for key, bar in self.bars.items():
            self.bar_y[key] = end
            end += self._height_of(bar) + _BAR_GAP
        return end

    @staticmethod
    def _height_of(node: Node) -> float:
        if node.kind != "state":
            return 2 * PAD + NOTE_LINE * len(node.title)
        notes = NOTE_LINE * len(node.notes) + 3 if node.notes else 0
        code = CODE_LINE if node.code or node.initial or node.ended else 0
        return 2 * PAD + code + LINE * len(node.title) + notes

    def _ends(self) -> dict[tuple[str, str], list[tuple[float, int, bool]]]:
        """Node and side → the lines there, from top to bottom: the row they go to, the line, whether it goes out."""
        found: dict[tuple[str, str], list[tuple[float, int, bool]]] = defaultdict(list)
        for way in self.ways:
            for end, is_out in ((way.out, True), (way.into, False)):
                if end is not None:
                    found[end].append((self._row_beyond(way, end[0], is_out), way.number, is_out))
        for lines in found.values():
            lines.sort()
        return found

    def _row_beyond(self, way: _Way, node: str, is_out: bool) -> float:
        if way.level is not None:
            return way.level - 0.5
        other = way.link.target if is_out else way.link.source
        if other in self.bars:
            return -1.0
        return float(self.cells[other][1] if other else self.cells[node][1])

    def _heights(self, begin: float) -> None:
        """Rows, as high as their highest box, and the level channels between them."""
        spans: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for way in self.ways:
            if way.level is not None and way.first is not None and way.second is not None:
                ends = sorted((way.first, way.second))
                spans[way.level].append((way.number, ends[0], ends[1]))
        self.level_y: dict[int, float] = {}
        self.row_y: list[float] = []
        self.row_height: list[float] = []
        y = begin
        for row in range(self.rows + 1):
            order = level_tracks(spans[row])
            for key, track in order.items():
                self.level_y[key] = y + _ROW_GAP / 2 + track * _LEVEL
            y += _ROW_GAP + _LEVEL * max(0, len(set(order.values())) - 1)
            if row < self.rows:
                self.row_y.append(y)
                self.row_height.append(max(self._least_height(key) for key in self.nodes if self.cells[key][1] == row))
                y += self.row_height[-1]
        self.bottom = y - _ROW_GAP / 2

    def _least_height(self, key: str) -> float:
        """Room for the words, and for every line at a side."""
        lines = max(len(self.ends[key, side]) for side in ("left", "right"))
        return max(self._height_of(self.nodes[key]), _PORT * (lines + 1), 34.0)

    def _box_y(self, key: str) -> tuple[float, float]:
        """Top and height: gathered sources are no higher than they need be."""
        row = self.cells[key][1]
        high = self.row_height[row]
        if self.nodes[key].kind == "state":
            return self.row_y[row], high
        own = self._least_height(key)
        return self.row_y[row] + (high - own) / 2, own

    def _ports(self) -> None:
        """Where on its side each line begins and ends: level lines in the middle, the others above and below."""
        for (key, side), lines in self.ends.items():
            row = self.cells[key][1]
            top, high = self._box_y(key)
            level = [place for place, (beyond, _n, _out) in enumerate(lines) if beyond == row]
            middle = (level[0] + level[-1]) / 2 if level else (len(lines) - 1) / 2
            deepest = max(middle, len(lines) - 1 - middle, 0.5)
            step = min(_PORT, (high / 2 - 5) / deepest) if side in ("left", "right") else min(26.0, BOX / 3 / deepest)
            for place, (beyond, number, is_out) in enumerate(lines):
                way = self.ways[number]
                if side in ("left", "right"):
                    aside = 3.0 if side == "left" and beyond != row else 0.0
                    at = top + high / 2 + (place - middle) * step + aside
                    if is_out:
                        way.out_y = at
                    else:
                        way.into_y = at
        self._pairs()

    def _pairs(self) -> None:
        """Lines straight up and down share a place at both of their ends, beside each other."""
        between: dict[tuple[str, ...], list[_Way]] = defaultdict(list)
        for way in self.ways:
            if way.first is None and way.out and way.out[1] in ("top", "bottom"):
                between[tuple(sorted((way.link.source, way.link.target)))].append(way)
            elif way.into and way.into[1] == "top":
                between[way.link.target,].append(way)
        for ways in between.values():
            for place, way in enumerate(ways):
                way.ports["x"] = BOX / 2 + (place - (len(ways) - 1) / 2) * 30.0

    # ---- channels ------------------------------------------------------------------------------------------------

    def _channels(self) -> dict[tuple[int, int], float]:
        """Lanes side by side, each channel as wide as its tracks; (line, channel) → where the line runs."""
        runs: dict[int, list[Run]] = defaultdict(list)
        for way in self.ways:
            for channel, run in self._runs(way):
                runs[channel].append(run)
        stubs = {self.cells[way.link.target or way.link.source][0] for way in self.ways if self._is_stub(way)}
        self.lane_x: list[float] = []
        x = _EDGE
        found: dict[tuple[int, int], float] = {}
        for channel in range(self.lanes + 1):
            own = [run for run in runs[channel] if abs(run.start - run.end) > 0.5 or run.start_side == run.end_side]
            order = tracks(own)
            used = 1 + max(order.values(), default=-1)
            begin = x + (_GAP if channel else 0)
            for key, track in order.items():
                found[key, channel] = begin + track * _TRACK
            x = begin + max(0, used - 1) * _TRACK + (_GAP if used else 0) + (_STUB if channel in stubs else 4.0)
            if channel < self.lanes:
                x = max(x, _EDGE + 10 if not channel else self.lane_x[-1] + BOX + 40)
                self.lane_x.append(x)
                x += BOX
        self.width = x + _EDGE
        return found

    @staticmethod
    def _is_stub(way: _Way) -> bool:
        return not (way.link.source and way.link.target)

    def _runs(self, way: _Way) -> Iterator[tuple[int, Run]]:
        if way.first is None or way.into is None:
            return
        came_in = way.into[1]
        if way.out is None:
            yield way.first, Run(way.number, self.bar_y[way.link.source], "left", way.into_y, "right")
            return
        # Out by a box's right side one comes into a channel from its left, and the other way round.
        begun = "left" if way.out[1] == "right" else "right"
        ended = "left" if came_in == "right" else "right"
        if way.level is None or way.second is None:
            yield way.first, Run(way.number, way.out_y, begun, way.into_y, ended)
            return
        y = self.level_y[way.number]
        onward = "right" if way.second > way.first else "left"
        yield way.first, Run(way.number, way.out_y, begun, y, onward)
        yield way.second, Run(way.number, y, "left" if onward == "right" else "right", way.into_y, ended)

    # ---- lines ---------------------------------------------------------------------------------------------------

    def _arrows(self, at: dict[tuple[int, int], float]) -> list[Arrow]:
        return [
            Arrow(
                way.link.move, way.link.number, way.link.source, way.link.target, way.link.kind,
                tuple(_straightened(self._points(way, at))), (0.0, 0.0),
            )
            for way in self.ways
        ]  # fmt: skip

    def _points(self, way: _Way, at: dict[tuple[int, int], float]) -> list[Point]:
        if way.out is None and way.into is not None:
            return self._arriving(way, way.into, at)
        assert way.out is not None
        begin = self._port(way.out, way.out_y, way)
        if way.into is None:
            return [begin, (begin[0] - _STUB + 8, begin[1])]
        end = self._port(way.into, way.into_y, way)
        if way.first is None or (way.number, way.first) not in at:
            return [begin, end]
        x = at[way.number, way.first]
        if way.level is None or way.second is None:
            return [begin, (x, begin[1]), (x, end[1]), end]
        y, to_x = self.level_y[way.number], at.get((way.number, way.second), end[0])
        return [begin, (x, begin[1]), (x, y), (to_x, y), (to_x, end[1]), end]

    def _arriving(self, way: _Way, into: tuple[str, str], at: dict[tuple[int, int], float]) -> list[Point]:
        """From before the case, or from a bar."""
        end = self._port(into, way.into_y, way)
        if not way.link.source:
            return [(end[0] - _STUB + 8, end[1]), end]
        below = self.bar_y[way.link.source] + self._height_of(self.bars[way.link.source])
        if way.first is None:
            return [(end[0], below), end]
        x = at[way.number, way.first]
        return [(x, below), (x, end[1]), end]

    def _port(self, end: tuple[str, str], y: float, way: _Way) -> Point:
        key, side = end
        x = self.lane_x[self.cells[key][0]]
        top, high = self._box_y(key)
        match side:
            case "left":
                return x, y
            case "right":
                return x + BOX, y
            case "top":
                return x + way.ports["x"], top
        return x + way.ports["x"], top + high

    def _box(self, node: Node) -> Box:
        y, height = self._box_y(node.key)
        x = self.lane_x[self.cells[node.key][0]]
        return Box(
            node.key, node.kind, node.code, node.title, node.notes, x, y, BOX, height,
            ended=node.ended, initial=node.initial, move=node.move,
        )  # fmt: skip

    def _bar(self, bar: Node) -> Box:
        x = self.lane_x[0] - 5
        width = self.lane_x[-1] + BOX + 5 - x
        return Box(
            bar.key, bar.kind, "", bar.title, (), x, self.bar_y[bar.key], width, self._height_of(bar), move=bar.move
        )


def entries(protocol: Protocol, wording: Wording) -> tuple[Entry, ...]:
    """Every move with its number, title and roles."""
    return tuple(
        Entry(
            move.key, number, kind_of(protocol, move), wording.text(move.title),
            wording.gettext("by itself") if move.automatic else wording.who(protocol, move.by),
        )
        for number, move in enumerate(protocol.moves.values(), 1)
    )  # fmt: skip


def _straightened(points: list[Point]) -> Iterator[Point]:
    """Without corners that are none."""
    for place, point in enumerate(points):
        if 0 < place < len(points) - 1:
            before, after = points[place - 1], points[place + 1]
            if before[0] == point[0] == after[0] or before[1] == point[1] == after[1] or point == before:
                continue
        yield point
