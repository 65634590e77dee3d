"""Which row each node of a lane stands in: near what it is linked with, few lines crossing; the same each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from school_protocol.definitions.drawing.scheme import Link, Node, Scheme

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


__all__ = ["Cell", "Link", "Node", "placed"]
