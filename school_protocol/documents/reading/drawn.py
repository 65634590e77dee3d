"""One page's content, read as a list of instructions: what it says, in which marks, and what of it is not to be seen.

Text by the number that ties it to the tags; what is shown from right to left is turned to the order of writing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from school_protocol.documents.reading.fonts import Font
from school_protocol.documents.reading.seeing import Matrix, Seen, Surface, times

ARTIFACT = "Artifact"
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_DEPTH = 2
"""Forms within forms that are read: a copy has one, the stamp, of one level."""


@dataclass(frozen=True, slots=True)
class Strange:
    """Something that no page of ours has; `kind` says what, `said` whatever is worth telling of it."""

    kind: str
    said: str = ""


@dataclass(slots=True)
class Content:
    """What one page says."""

    texts: dict[int, str] = field(default_factory=dict)
    """By MCID."""
    heights: dict[int, float] = field(default_factory=dict)
    artifacts: list[tuple[str, str]] = field(default_factory=list)
    """Kind and text of what is only there for the eye."""
    untold: list[str] = field(default_factory=list)
    """Text that is neither in the tree nor an artifact."""
    strange: list[Strange] = field(default_factory=list)


@dataclass(slots=True)
class _Mark:
    name: str
    number: int | None = None
    kind: str = ""


@dataclass(slots=True)
class _State:
    """What `q` keeps and `Q` brings back."""

    matrix: Matrix
    font: Font | None = None
    size: float = 0.0
    mode: int = 0
    rise: float = 0.0
    fill: tuple[float, ...] | None = (0.0, 0.0, 0.0)
    stroke: tuple[float, ...] | None = (0.0, 0.0, 0.0)
    width: float = 1.0
    alpha: float = 1.0
    clips: tuple[Any, ...] = ()


def content_of(page: pikepdf.Page) -> Content:
    """Raises KeyError, ValueError and the like where the page is damaged."""
    box = [float(one) for one in page.mediabox]
    reader = _Reader(Surface(box[2] - box[0], box[3] - box[1]))
    reader.read(page, page.resources, (1.0, 0.0, 0.0, 1.0, -box[0], -box[1]))
    found = reader.found
    found.strange += [Strange("hidden", text) for text in reader.surface.unseen()]
    return found


class _Reader:
    """Operators of one page, one method each."""

    def __init__(self, surface: Surface) -> None:
        self.surface, self.found = surface, Content()
        self.marks: list[_Mark] = []
        self.shown: list[str] = []
        self.depth = 0

    def read(self, stream: Any, resources: Any, matrix: Matrix) -> None:
        outer = getattr(self, "resources", None), getattr(self, "state", None), getattr(self, "kept", None)
        self.resources, self.state, self.kept = resources, _State(matrix), list[_State]()
        self.fonts: dict[str, Font] = {}
        self.path: list[list[tuple[float, float]]] = []
        self.clip_rule = ""
        for instruction in pikepdf.parse_content_stream(stream):
            operands, name = list(instruction.operands), str(instruction.operator)
            if name in _FLUSHING:
                self.keep()
            doing = _OPERATORS.get(name)
            if doing is None:
                self.strange("operator", name)
            else:
                doing(self, operands)
        self.keep()
        self.resources, self.state, self.kept = outer  # type: ignore[assignment]

    def strange(self, kind: str, said: str = "") -> None:
        found = Strange(kind, said)
        if found not in self.found.strange:
            self.found.strange.append(found)

    # ---- marks -----------------------------------------------------------------------------------------------

    def begin(self, operands: Sequence[Any]) -> None:
        self.marks.append(_Mark(str(operands[0])[1:]))

    def begin_with(self, operands: Sequence[Any]) -> None:
        properties = operands[1]
        if not isinstance(properties, pikepdf.Dictionary):  # a name: of a layer that may be hidden
            self.strange("layer", str(operands[0])[1:])
            self.marks.append(_Mark(str(operands[0])[1:]))
            return
        if any(key in properties for key in ("/ActualText", "/E", "/Alt")):
            self.strange("other_text", str(properties.get("/ActualText", properties.get("/E", ""))))
        kind = str(properties.get("/Subtype", properties.get("/Type", "")))[1:]
        number = properties.get("/MCID")
        self.marks.append(_Mark(str(operands[0])[1:], None if number is None else int(number), kind))
        if number is not None:
            self.found.texts.setdefault(int(number), "")

    def end(self, _operands: Sequence[Any]) -> None:
        self.marks.pop()

    def keep(self) -> None:
        """What was shown at one go: where it has letters that go leftwards, it was written the other way round."""
        shown, self.shown = self.shown, []
        text = "".join(reversed(shown) if any(_RTL.search(one) for one in shown) else shown)
        artifact = next((mark for mark in self.marks if mark.name == ARTIFACT), None)
        if artifact is not None:
            self.found.artifacts += [(artifact.kind, text)] if text else []
            return
        number = next((mark.number for mark in reversed(self.marks) if mark.number is not None), None)
        if number is not None:
            self.found.texts[number] += text
        elif text.strip():
            self.found.untold.append(text)

    # ---- the state -------------------------------------------------------------------------------------------

    def save(self, _operands: Sequence[Any]) -> None:
        state = self.state
        self.kept.append(
            _State(
                state.matrix, state.font, state.size, state.mode, state.rise, state.fill, state.stroke, state.width,
                state.alpha, state.clips,
            )
        )  # fmt: skip

    def restore(self, _operands: Sequence[Any]) -> None:
        self.state = self.kept.pop()

    def transform(self, operands: Sequence[Any]) -> None:
        self.state.matrix = times(_matrix(operands), self.state.matrix)

    def look(self, operands: Sequence[Any]) -> None:
        """`gs`: transparency alone."""
        given = self.resources.ExtGState[str(operands[0])]
        for key, value in given.items():
            if key in ("/ca", "/CA"):
                self.state.alpha = float(value)
            elif key != "/Type":
                self.strange("operator", f"gs {key}")

    def fill_colour(self, operands: Sequence[Any]) -> None:
        self.state.fill = tuple(float(one) for one in operands)

    def stroke_colour(self, operands: Sequence[Any]) -> None:
        self.state.stroke = tuple(float(one) for one in operands)

    def line_width(self, operands: Sequence[Any]) -> None:
        self.state.width = float(operands[0])

    # ---- paths -----------------------------------------------------------------------------------------------

    def move(self, operands: Sequence[Any]) -> None:
        self.path.append([self.at(operands[0], operands[1])])

    def line(self, operands: Sequence[Any]) -> None:
        self.path[-1] += [self.at(operands[place], operands[place + 1]) for place in range(0, len(operands), 2)]

    def rectangle(self, operands: Sequence[Any]) -> None:
        x, y, width, height = (float(one) for one in operands)
        self.path.append([self.at(x, y), self.at(x + width, y), self.at(x + width, y + height), self.at(x, y + height)])

    def at(self, x: Any, y: Any) -> tuple[float, float]:
        a, b, c, d, e, f = self.state.matrix
        x, y = float(x), float(y)
        return a * x + c * y + e, b * x + d * y + f

    def clip(self, _operands: Sequence[Any]) -> None:
        self.clip_rule = "W"

    def clip_evenly(self, _operands: Sequence[Any]) -> None:
        self.clip_rule = "W*"

    def paint(self, rule: str) -> None:
        state = self.state
        if rule and self.path:
            colour = state.stroke if rule == "S" else state.fill
            a, _b, _c, d, _e, _f = state.matrix
            width = state.width * max(abs(a), abs(d)) if rule == "S" else 0.0
            self.surface.paint(self.path, rule, width, colour, state.alpha, state.clips)
        if self.clip_rule:
            state.clips = (*state.clips, self.surface.region(self.path, "f*" if self.clip_rule == "W*" else "f"))
        self.path, self.clip_rule = [], ""

    # ---- text ------------------------------------------------------------------------------------------------

    def begin_text(self, _operands: Sequence[Any]) -> None:
        self.text_matrix: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)

    def place(self, operands: Sequence[Any]) -> None:
        self.text_matrix = _matrix(operands)
        numbers = {mark.number for mark in self.marks if mark.number is not None}
        self.found.heights |= dict.fromkeys(numbers, self.text_matrix[5])

    def name_font(self, operands: Sequence[Any]) -> None:
        name = str(operands[0])
        if name not in self.fonts:
            self.fonts[name] = Font(self.resources.Font[name])
        self.state.font, self.state.size = self.fonts[name], float(operands[1])

    def text_mode(self, operands: Sequence[Any]) -> None:
        self.state.mode = int(operands[0])

    def text_rise(self, operands: Sequence[Any]) -> None:
        self.state.rise = float(operands[0])

    def show(self, operands: Sequence[Any]) -> None:
        self.show_all([operands[0]])

    def show_pieces(self, operands: Sequence[Any]) -> None:
        self.show_all(list(operands[0]))

    def show_all(self, pieces: Sequence[Any]) -> None:
        font, state = self.state.font, self.state
        if font is None:
            raise ValueError("text without a font")
        letters: list[str] = []
        x, start, end = 0.0, None, 0.0
        for piece in pieces:
            if not isinstance(piece, pikepdf.String):
                x -= float(piece) * state.size / 1000
                continue
            codes = bytes(piece)
            for place in range(0, len(codes), 2):
                letter, width = font.letter(codes[place : place + 2])
                letters.append(letter)
                if letter.strip():
                    start = x if start is None else start
                    end = x + width * state.size / 1000
                x += width * state.size / 1000
        self.shown += letters
        if start is not None:
            self._see("".join(letters), start, end)
        a, b, c, d, e, f = self.text_matrix
        self.text_matrix = (a, b, c, d, e + a * x, f + b * x)

    def _see(self, text: str, start: float, end: float) -> None:
        """Where it stands, for whoever asks whether it can be seen there."""
        state, placed = self.state, times(self.text_matrix, self.state.matrix)
        a, b, c, d, e, f = placed
        middle = state.rise + state.size / 4
        ends = [(a * x + c * middle + e, b * x + d * middle + f) for x in (start, end)]
        size = state.size * max(abs(a) + abs(c), abs(b) + abs(d))
        stamp = any(mark.name == ARTIFACT and mark.kind == "Watermark" for mark in self.marks)
        self.surface.write(
            Seen(text, ends[0], ends[1], size, state.mode, state.fill, state.alpha, state.clips, is_faint=stamp)
        )

    # ---- forms -----------------------------------------------------------------------------------------------

    def draw(self, operands: Sequence[Any]) -> None:
        form = self.resources.XObject[str(operands[0])]
        if str(form.get("/Subtype")) != "/Form":
            self.strange("picture")
            return
        if self.depth >= _DEPTH:
            raise ValueError("forms within forms")
        own = _matrix(form.get("/Matrix", [1, 0, 0, 1, 0, 0]))
        self.keep()
        self.depth += 1
        outer = self.fonts, self.path, self.clip_rule
        self.read(form, form.get("/Resources", self.resources), times(own, self.state.matrix))
        self.fonts, self.path, self.clip_rule = outer
        self.depth -= 1

    def picture(self, _operands: Sequence[Any]) -> None:
        self.strange("picture")


def _matrix(operands: Sequence[Any]) -> Matrix:
    a, b, c, d, e, f = (float(one) for one in operands)
    return a, b, c, d, e, f


_FLUSHING = frozenset({"Tf", "ET", "BMC", "BDC", "EMC"})
_Does = Callable[[_Reader, Sequence[Any]], None]


def _painting(rule: str, *more: str) -> _Does:
    def paint(reader: _Reader, _operands: Sequence[Any]) -> None:
        path, clip = reader.path, reader.clip_rule
        for other in more:
            reader.clip_rule = ""
            reader.paint(other)
            reader.path, reader.clip_rule = path, clip
        reader.paint(rule)

    return paint


def _nothing(_reader: _Reader, _operands: Sequence[Any]) -> None:
    """What changes nothing that is asked here."""


_OPERATORS: dict[str, _Does] = {
    "BMC": _Reader.begin, "BDC": _Reader.begin_with, "EMC": _Reader.end,
    "q": _Reader.save, "Q": _Reader.restore, "cm": _Reader.transform, "gs": _Reader.look,
    "rg": _Reader.fill_colour, "RG": _Reader.stroke_colour, "w": _Reader.line_width,
    "m": _Reader.move, "l": _Reader.line, "c": _Reader.line, "re": _Reader.rectangle, "h": _nothing,
    "W": _Reader.clip, "W*": _Reader.clip_evenly,
    "n": _painting(""), "f": _painting("f"), "f*": _painting("f*"), "S": _painting("S"), "B": _painting("S", "f"),
    "BT": _Reader.begin_text, "ET": _nothing, "Tm": _Reader.place, "Tf": _Reader.name_font,
    "Tr": _Reader.text_mode, "Ts": _Reader.text_rise, "TJ": _Reader.show_pieces, "Tj": _Reader.show,
    "Do": _Reader.draw, "INLINE IMAGE": _Reader.picture, "d": _nothing, "J": _nothing, "j": _nothing,
}  # fmt: skip
"""All that pages of ours are made of; any other instruction is told."""
