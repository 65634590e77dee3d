"""A drawing written down: SVG with its words in it for browsers, or shapes with words laid over them for papers.

What sets papers does not join Arabic letters inside an SVG; so there the words are boxes of HTML, at the same places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from school_protocol.language import Wording
from school_protocol.protocol.drawing import (
    LANE,
    NOTE,
    OPEN,
    SHUT,
    SIDE,
    TITLE,
    Arrow,
    Box,
    Drawing,
    Entry,
    Point,
    wrapped,
)
from school_protocol.protocol.drawing_layout import BADGE, CODE_LINE, LINE, NOTE_LINE, PAD

_CODE = 10.0
_NUMBER = 10.0
_ROUND = 5.0
_HEAD = 7.5
_COLUMNS = 3
_TOP = 36.0
_STRONG = "pd-words pd-strong"

LOOK = """
.pd-ground{fill:#fff}.pd-lane{fill:#f1f5f4}.pd-bar,.pd-sources{fill:#fff;stroke:#71848c;stroke-dasharray:5 3}
.pd-box{fill:#fff;stroke:#0b5d57;stroke-width:1.5}.pd-initial{fill:#dff0ed}.pd-ended{fill:#eaeff0;stroke:#4d626b}
.pd-inner{fill:none;stroke:#4d626b}.pd-line{fill:none;stroke:#0b5d57;stroke-width:1.6}.pd-tip{fill:#0b5d57}
.pd-backwards .pd-line{stroke:#7b8d94;stroke-width:1.2;stroke-dasharray:4 3}.pd-backwards .pd-tip{fill:#7b8d94}
.pd-urgent .pd-line{stroke:#a3211d;stroke-width:4}.pd-urgent .pd-tip{fill:#a3211d}
.pd-bar.pd-urgent{fill:#fdebe8;stroke:#a3211d;stroke-width:2;stroke-dasharray:none}
.pd-dot{fill:#16242b}.pd-ring{fill:#fff;stroke:#7b8d94;stroke-width:1.5}
.pd-badge{fill:#fff;stroke:#0b5d57}.pd-backwards .pd-badge{stroke:#7b8d94}
.pd-urgent .pd-badge{fill:#a3211d;stroke:#a3211d}
.pd-words{fill:#16242b}.pd-soft{fill:#4d626b}.pd-strong{font-weight:600}.pd-lit{fill:#fff}.pd-bar-words{fill:#a3211d}
"""
"""The colours of a drawing that stands alone; pages have theirs, which change with light and dark."""

_Say = Callable[..., str]


def svg(drawing: Drawing, wording: Wording, *, alone: bool = True) -> str:
    """A whole SVG with its words, for a browser. `alone`: with its colours, and the list of moves beneath."""
    words = list(_words(drawing, lambda *given: _text(drawing, *given)))
    inner = [*_shapes(drawing), *words]
    height = drawing.height
    if alone:
        listed, end = _list(drawing, wording)
        inner = [
            f'<rect class="pd-ground" width="{drawing.width:g}" height="{end + _TOP:g}"/>',
            *_line(drawing, drawing.title, 14, 24, drawing.width - 28, LANE, _STRONG),
            f'<g transform="translate(0 {_TOP:g})">', *inner, *listed, "</g>",
        ]  # fmt: skip
        height = end + _TOP
    look = f"<title>{escape(drawing.title)}</title><style>{LOOK}</style>" if alone else ""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width:g} {height:g}"'
        f' width="{drawing.width:g}" height="{height:g}" role="img" lang="{drawing.language}"'
        f' direction="{drawing.direction}" aria-label="{escape(drawing.title)}" class="pd"'
        " font-family=\"Plex,'IBM Plex Sans Arabic','Noto Sans','Noto Sans Arabic',sans-serif\">"
    )
    return "\n".join([head, look, *inner, "</svg>"])


def fragment(drawing: Drawing, width: float) -> str:
    """The drawing `width` millimetres wide, for a paper: shapes as SVG, words as HTML over them."""
    scale = width / drawing.width
    height = drawing.height * scale
    shapes = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width:g} {drawing.height:g}"'
        f' width="{width:g}mm" height="{height:.2f}mm" role="img" aria-label="{escape(drawing.title)}">'
        f"<style>{LOOK}</style>{''.join(_shapes(drawing))}</svg>"
    )
    words = _words(drawing, lambda *given: _laid(scale, *given))
    style = f"position:relative;width:{width:g}mm;height:{height:.2f}mm"
    return f'<div class="picture" style="{style}">{shapes}{"".join(words)}</div>'


# ---- shapes ------------------------------------------------------------------------------------------------------


def _shapes(drawing: Drawing) -> Iterator[str]:
    top = 6.0
    for lane in drawing.lanes:
        yield (
            f'<rect class="pd-lane" x="{lane.x:g}" y="{top:g}" width="{lane.width:g}"'
            f' height="{drawing.height - 2 * top:g}" rx="8"/>'
        )
    for kind in ("backwards", "forward", "urgent"):
        for arrow in drawing.arrows:
            if arrow.kind == kind:
                yield f'<g class="pd-{kind}" data-move="{escape(arrow.move)}">{"".join(_arrow(arrow))}</g>'
    for box in drawing.boxes:
        yield from _box(drawing, box)
    for arrow in drawing.arrows:
        x, y = arrow.badge
        yield f'<g class="pd-{arrow.kind}"><circle class="pd-badge" cx="{x:g}" cy="{y:g}" r="{BADGE:g}"/></g>'


def _box(drawing: Drawing, box: Box) -> Iterator[str]:
    place = f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"'
    if box.kind != "state":
        urgent = " pd-urgent" if box.kind == "bar" else ""
        yield f'<rect class="pd-{box.kind}{urgent}" {place} rx="{min(14.0, box.height / 2):g}"/>'
        return
    kinds = "".join(f" pd-{name}" for name, holds in (("initial", box.initial), ("ended", box.ended)) if holds)
    yield f'<rect class="pd-box{kinds}" {place} rx="7" data-state="{escape(box.key)}"/>'
    if box.ended:
        yield (
            f'<rect class="pd-inner" x="{box.x + 3:g}" y="{box.y + 3:g}" width="{box.width - 6:g}"'
            f' height="{box.height - 6:g}" rx="5"/>'
        )


def _arrow(arrow: Arrow) -> Iterator[str]:
    points = arrow.points
    if not arrow.source:
        yield f'<circle class="pd-dot" cx="{points[0][0]:g}" cy="{points[0][1]:g}" r="5"/>'
    if arrow.target:
        (x, y), tip = _back(points)
        yield f'<path class="pd-line" d="{_path((*points[:-1], (x, y)))}"/><path class="pd-tip" d="{tip}"/>'
    else:
        yield f'<path class="pd-line" d="{_path(points)}"/>'
        yield f'<circle class="pd-ring" cx="{points[-1][0]:g}" cy="{points[-1][1]:g}" r="4.5"/>'


def _back(points: tuple[Point, ...]) -> tuple[Point, str]:
    """Where the line stops, and the arrow's head: at the edge of the box that it leads to."""
    (a, b), (x, y) = points[-2:]
    length = max(abs(x - a) + abs(y - b), 0.01)
    dx, dy = (x - a) / length, (y - b) / length
    back = x - dx * _HEAD, y - dy * _HEAD
    half = _HEAD * 0.6
    one, other = (back[0] - dy * half, back[1] + dx * half), (back[0] + dy * half, back[1] - dx * half)
    tip = f"M{x:g},{y:g}L{one[0]:g},{one[1]:g}L{other[0]:g},{other[1]:g}Z"
    return (x - dx * (_HEAD - 1), y - dy * (_HEAD - 1)), tip


def _path(points: tuple[Point, ...]) -> str:
    """Level and upright pieces, their corners rounded."""
    steps = [f"M{points[0][0]:g},{points[0][1]:g}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        into, out = _near(corner, before), _near(corner, after)
        steps.append(f"L{into[0]:g},{into[1]:g}Q{corner[0]:g},{corner[1]:g} {out[0]:g},{out[1]:g}")
    steps.append(f"L{points[-1][0]:g},{points[-1][1]:g}")
    return "".join(steps)


def _near(corner: Point, other: Point) -> Point:
    """A little way from a corner towards another point."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = abs(dx) + abs(dy)
    share = min(_ROUND, length / 2) / length if length else 0.0
    return corner[0] + dx * share, corner[1] + dy * share


# ---- words -------------------------------------------------------------------------------------------------------


def _words(drawing: Drawing, say: _Say) -> Iterator[str]:
    """Every word of the drawing: text, left end, middle height, width, size, where in its width, look."""
    for lane in drawing.lanes:
        for number, line in enumerate(lane.title):
            y = 12 + 19.0 * (number + 0.5)
            yield say(line, lane.x, y, lane.width, LANE, "middle", _STRONG)
    for box in drawing.boxes:
        yield from _box_words(box, say)
    for arrow in drawing.arrows:
        x, y = arrow.badge
        looks = f"{_STRONG} pd-lit" if arrow.kind == "urgent" else _STRONG
        yield say(str(arrow.number), x - 12, y, 24.0, _NUMBER, "middle", looks)


def _box_words(box: Box, say: _Say) -> Iterator[str]:
    x, width = box.x + SIDE, box.width - 2 * SIDE
    if box.kind != "state":
        looks = f"{_STRONG} pd-bar-words" if box.kind == "bar" else "pd-soft"
        y = box.y + PAD
        for line in box.title:
            yield say(line, x, y + NOTE_LINE / 2, width, NOTE, "middle", looks)
            y += NOTE_LINE
        return
    code = CODE_LINE if box.code or box.initial or box.ended else 0
    notes = NOTE_LINE * len(box.notes) + 3 if box.notes else 0
    y = box.y + max(PAD, (box.height - code - LINE * len(box.title) - notes) / 2)
    if box.code:
        yield say(box.code, x, y + code / 2, width, _CODE, "start", "pd-soft pd-strong")
    y += code
    for line in box.title:
        yield say(line, x, y + LINE / 2, width, TITLE, "start", _STRONG)
        y += LINE
    y += 3
    for line in box.notes:
        yield say(line, x, y + NOTE_LINE / 2, width, NOTE, "start", "pd-soft")
        y += NOTE_LINE


def _text(drawing: Drawing, words: str, x: float, y: float, width: float, size: float, anchor: str, looks: str) -> str:
    if anchor == "middle":
        x += width / 2
    elif drawing.direction == "rtl":
        x += width
    return (
        f'<text class="{looks}" x="{x:g}" y="{y + size * 0.36:g}" font-size="{size:g}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def _laid(scale: float, words: str, x: float, y: float, width: float, size: float, anchor: str, looks: str) -> str:
    height = size * 1.5
    align = "center" if anchor == "middle" else "start"
    said = escape(words).replace(OPEN, "<bdi>").replace(SHUT, "</bdi>")
    return (
        f'<div class="{looks}" style="position:absolute;left:{x * scale:.2f}mm;top:{(y - height / 2) * scale:.2f}mm;'
        f"width:{width * scale:.2f}mm;line-height:{height * scale:.2f}mm;font-size:{size * scale:.2f}mm;"
        f'text-align:{align};white-space:nowrap">{said}</div>'
    )


# ---- the list beneath --------------------------------------------------------------------------------------------


def _list(drawing: Drawing, wording: Wording) -> tuple[list[str], float]:
    """Every move with its number, its title and who may make it, in columns beneath; what lines mean; where it ends."""
    column = (drawing.width - 28) / _COLUMNS
    rows = -(-len(drawing.entries) // _COLUMNS)
    found: list[str] = []
    end = drawing.height
    for place in range(_COLUMNS):
        y = drawing.height + 12
        for entry in drawing.entries[place * rows : (place + 1) * rows]:
            lines, y = _entry(drawing, entry, 14 + column * place, y, column - 16)
            found += lines
        end = max(end, y)
    for line in wrapped(key_of(wording), drawing.width - 40, NOTE):
        end += NOTE_LINE + 1
        found += _line(drawing, line, 14, end, drawing.width - 28, NOTE, "pd-soft")
    return found, end + 14


def _entry(drawing: Drawing, entry: Entry, start: float, y: float, width: float) -> tuple[list[str], float]:
    """One move at `y`, and where the next one begins."""
    badge = drawing.width - start - 12 if drawing.direction == "rtl" else start + 12
    looks = f"{_STRONG} pd-lit" if entry.kind == "urgent" else _STRONG
    number = _text(drawing, str(entry.number), badge - 12, y + 8, 24.0, _NUMBER, "middle", looks)
    round_ = f'<circle class="pd-badge" cx="{badge:g}" cy="{y + 8:g}" r="{BADGE:g}"/>'
    found = [f'<g class="pd-{entry.kind}">{round_}{number}</g>']
    room = width - 28
    for line in wrapped(entry.title, room, TITLE, bold=True):
        found += _line(drawing, line, start + 28, y + 8, room, TITLE, _STRONG)
        y += LINE
    for line in wrapped(entry.who, room, NOTE):
        found += _line(drawing, line, start + 28, y + 7, room, NOTE, "pd-soft")
        y += NOTE_LINE
    return found, y + 6


def _line(drawing: Drawing, words: str, start: float, y: float, width: float, size: float, looks: str) -> Iterator[str]:
    """A line whose beginning stands so far from where lines begin."""
    x = drawing.width - start - width if drawing.direction == "rtl" else start
    yield _text(drawing, words, x, y, width, size, "start", looks)


def key_of(wording: Wording) -> str:
    """What the kinds of lines and boxes mean."""
    return wording.gettext(
        "Thick: the urgent path, taken by itself when a danger is raised. Dashed: goes back, or sideways. "
        "Double edge: the case has ended. Dashed box: the states from which a step is open. Ring: back to where the "
        "case stood. Under a state: the deadlines that begin there."
    )
