"""How a line's letters are written into a PDF, so that whoever takes its text out reads what was written.

WeasyPrint shows the glyphs of a line from left to right, and keeps one meaning for each glyph: the first that it met.
Readers then turn Arabic round by guessing: a lam-alef or a bracket at the end of a word lands at its beginning, one
vowelled letter vowels all its like, and a space alone between two words is not there at all. So the lines that are not
plain are written here: their runs in the order of reading, each glyph with the very letters that it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
_WEAK = "\x00-/:-@\u0660-\u066d\u06f0-\u06f9\u2000-\u206f\u20a0-\u21ff"
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff"

_IS_NOT_PLAIN = re.compile(rf"[{_RTL}{_MARKS}]|^\s+$|^[{_WEAK}]{{2}}")
"""Lines from left to right that are written here: with Arabic, with combining marks, of spaces alone, or beginning with
several signs. Those from right to left all are."""
_IS_RTL = re.compile(f"[{_RTL}]")
_IS_WEAK = re.compile(f"[{_WEAK}]")

_TURNED = dict(zip("()[]{}<>«»‹›≤≥", ")(][}{><»«›‹≥≤", strict=True))
"""Signs that a line from right to left shows with the glyph of their counterpart."""

_FREE = 2048
"""Codes after a font's last glyph that WeasyPrint may give away itself."""

_STEP = 90
"""Thousandths of an em: a move forward is made in steps this small, or it is taken for a space between words."""


@dataclass(slots=True)
class _Glyph:
    font: Any
    size: float
    code: int
    text: str
    x: float
    """From the beginning of the line, in pixels."""
    rise: float

    @property
    def is_weak(self) -> bool:
        """Whether readers take it along in whatever direction they are reading."""
        return len(self.text) != 1 or _IS_WEAK.match(self.text) is not None

    def goes(self, leftwards: bool) -> bool:
        """Whether it is a letter by which readers know that direction."""
        return not self.is_weak and (_IS_RTL.match(self.text) is not None) is leftwards


Drawing = Callable[..., list[Any]]


def drawing(stock: Drawing) -> Drawing:
    """WeasyPrint's way to draw a line of text, or ours where the line is not plain."""

    def draw_first_line(stream: Any, textbox: Any, text_overflow: Any, block_ellipsis: Any, matrix: Any) -> list[Any]:
        is_whole = text_overflow != "ellipsis" and block_ellipsis == "none"
        if is_whole and not _is_plain(textbox) and _draw(stream, textbox, matrix):
            return []
        return stock(stream, textbox, text_overflow, block_ellipsis, matrix)

    return draw_first_line


def _is_plain(textbox: Any) -> bool:
    return textbox.style["direction"] == "ltr" and _IS_NOT_PLAIN.search(textbox.text) is None


def _draw(stream: Any, textbox: Any, matrix: Any) -> bool:
    """Draw one line; False where its font shows pictures, which WeasyPrint draws."""
    from weasyprint.text.ffi import pango

    if not textbox.text:
        return True
    layout = textbox.pango_layout
    pango.pango_layout_set_single_paragraph_mode(layout.layout, True)
    line, _rest = layout.get_first_line()
    runs = _runs(stream, line, layout.text.encode())
    if any(glyph.font.png or glyph.font.svg or glyph.font.colr for _leftwards, glyphs in runs for glyph in glyphs):
        return False
    stream.set_text_matrix(*matrix.values)
    pen = _Pen(stream)
    for unit in _units(runs):
        pen.show(unit)
    pen.close()
    return True


def _runs(stream: Any, line: Any, text: bytes) -> list[tuple[bool, list[_Glyph]]]:
    """The line's runs in the order of reading, each with its glyphs in that order, and whether it goes leftwards."""
    from weasyprint.text.ffi import FROM_UNITS, ffi, pango

    found, x, run = [], 0.0, line.runs[0]
    while run != ffi.NULL:
        item, glyphs = run.data.item, run.data.glyphs
        font, size = stream.add_font(item.analysis.font)
        leftwards = bool(item.analysis.level % 2)
        info = glyphs.glyphs[0 : glyphs.num_glyphs]
        xs = []
        for one in info:
            xs.append(x + one.geometry.x_offset * FROM_UNITS)
            x += one.geometry.width * FROM_UNITS
        order = range(glyphs.num_glyphs - 1, -1, -1) if leftwards else range(glyphs.num_glyphs)
        starts = [glyphs.log_clusters[place] for place in order]
        seen = [info[place].glyph != pango.PANGO_GLYPH_EMPTY for place in order]
        words = _letters(text[item.offset : item.offset + item.length], starts, seen)
        written = [
            _glyph(stream, item.analysis.font, font, size, info[place], letters, xs[place], leftwards)
            for place, letters, is_seen in zip(order, words, seen, strict=True)
            if is_seen
        ]
        found.append((item.offset, leftwards, written))
        run = run.next
    return [(leftwards, glyphs) for _offset, leftwards, glyphs in sorted(found, key=lambda one: one[0])]


def _letters(text: bytes, starts: list[int], seen: list[bool]) -> list[str]:
    """What each glyph of a run stands for, by where its cluster starts: a cluster's letters, one a glyph.

    What joins emoji is not seen itself, and goes with the glyph before it.
    """
    edges = sorted({*starts, len(text)})
    following = dict(pairwise(edges))
    clusters: dict[int, list[int]] = {}
    for place, start in enumerate(starts):
        clusters.setdefault(start, []).append(place)
    said = [""] * len(starts)
    last: int | None = None
    for start, places in clusters.items():
        letters = text[start : following[start]].decode()
        shown = [place for place in places if seen[place]]
        for count, place in enumerate(shown, start=1):
            said[place] = letters[count - 1 :] if count == len(shown) else letters[count - 1 : count]
        if shown:
            last = shown[-1]
        elif last is not None:
            said[last] += letters
    return said


def _glyph(
    stream: Any, pango_font: Any, font: Any, size: float, info: Any, letters: str, x: float, leftwards: bool
) -> _Glyph:
    from weasyprint.text.ffi import FROM_UNITS, pango

    number = info.glyph
    if number & pango.PANGO_GLYPH_UNKNOWN_FLAG:
        number = font.get_unused_glyph_id(number - pango.PANGO_GLYPH_UNKNOWN_FLAG)
        font.widths[number] = round(info.geometry.width * 1000 * FROM_UNITS / size)
        font.widths.setdefault(0, font.widths[number])
    if number not in font.widths:
        pango.pango_font_get_glyph_extents(pango_font, number, stream.ink_rect, stream.logical_rect)
        font.widths[number] = round(stream.logical_rect.width * 1000 * FROM_UNITS / size)
    code = _code(font, number, letters, leftwards)
    return _Glyph(font, size, code, letters, x, -info.geometry.y_offset * FROM_UNITS)


def _code(font: Any, number: int, letters: str, leftwards: bool) -> int:
    """The code under which a glyph stands for these letters: its own number, or another that shows the same glyph."""
    usual = _TURNED.get(letters, letters) if leftwards else letters
    if font.to_unicode.setdefault(number, usual) == letters:
        return number
    aliases: dict[tuple[int, str], int] = font.__dict__.setdefault("aliases", {})
    if (number, letters) not in aliases:
        code = font.glyph_count + _FREE + len(aliases)
        aliases[number, letters] = code
        font.to_unicode[code], font.widths[code] = letters, font.widths[number]
    return aliases[number, letters]


def _units(runs: Iterable[tuple[bool, list[_Glyph]]]) -> Iterator[list[_Glyph]]:
    """What is shown at one go: letters that a reader keeps, or turns round, as one; each list from left to right."""
    for leftwards, glyphs in runs:
        kept: list[_Glyph] = []
        for glyph in glyphs:
            if glyph.goes(leftwards) or (glyph.is_weak and kept):
                kept.append(glyph)
            else:
                yield from _closed(kept, leftwards)
                yield [glyph]
                kept = []
        yield from _closed(kept, leftwards)


def _closed(kept: list[_Glyph], leftwards: bool) -> Iterator[list[_Glyph]]:
    """Where it goes leftwards, the weak ones at its end are by themselves: they would be read before the others."""
    if not leftwards:
        yield from [kept] if kept else []
        return
    end = len(kept)
    while end and kept[end - 1].is_weak:
        end -= 1
    if end:
        yield kept[:end][::-1]
    yield from ([glyph] for glyph in kept[end:])


class _Pen:
    """Shows glyphs at their places in one line of text."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.x = 0.0
        self.farthest = 0.0

    def show(self, unit: list[_Glyph]) -> None:
        """Naming the font anew is what parts one unit from the next."""
        shown = ""
        font, size = unit[0].font, unit[0].size
        self._name(font, size)
        for glyph in unit:
            moves = self._moves(glyph)
            if glyph.rise:
                self._put(shown + moves)
                self.stream.set_text_rise(glyph.rise)
                self._put(f"<{glyph.code:04x}>")
                self.stream.set_text_rise(0)
                shown = ""
            else:
                shown += f"{moves}<{glyph.code:04x}>"
            self.x = glyph.x + glyph.font.widths[glyph.code] * size / 1000
            self.farthest, self.last = max(self.farthest, self.x), (font, size)
        self._put(shown.replace("><", ""))

    def close(self) -> None:
        """The pen stands at the end of the line, where the next is measured from."""
        if self.x < self.farthest:
            _font, size = self.last
            self._put(_steps((self.farthest - self.x) * 1000 / size))

    def _moves(self, glyph: _Glyph) -> str:
        return _steps((glyph.x - self.x) * 1000 / glyph.size)

    def _name(self, font: Any, size: float) -> None:
        self.stream._current_font = None
        self.stream.set_font_size(font.hash, size)

    def _put(self, shown: str) -> None:
        if shown:
            self.stream.show_text(shown)


def _steps(distance: float) -> str:
    """A move of so many thousandths of an em, in a form that no reader takes for a space."""
    whole = round(distance)
    if whole <= 0:
        return f"{-whole} " if whole else ""
    steps, rest = divmod(whole, _STEP)
    return f"{-_STEP} " * steps + (f"{-rest} " if rest else "")


def show_aliases(pdf: Any, fonts: Iterable[Any]) -> None:
    """Tell a finished PDF which glyph each of the codes shows that we have given away."""
    from weasyprint.pdf import pydyf

    known = {font.name: font.aliases for font in fonts if getattr(font, "aliases", None)}
    for entry in [entry for entry in pdf.objects if isinstance(entry, dict) and entry.get("BaseFont") in known]:
        if entry.get("CIDToGIDMap") is not None:
            shown = {code: number for (number, _letters), code in known[entry["BaseFont"]].items()}
            glyphs = b"".join(shown.get(code, code).to_bytes(2, "big") for code in range(max(shown) + 1))
            mapping = pydyf.Stream([glyphs], compress=True)
            pdf.add_object(mapping)
            entry["CIDToGIDMap"] = mapping.reference
