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
        if is_whole and (_draw_plain if _is_plain(textbox) else _draw)(stream, textbox, matrix):
            return []
        return stock(stream, textbox, text_overflow, block_ellipsis, matrix)

    return draw_first_line


def _is_plain(textbox: Any) -> bool:
    return textbox.style["direction"] == "ltr" and _IS_NOT_PLAIN.search(textbox.text) is None


def _draw_plain(stream: Any, textbox: Any, matrix: Any) -> bool:
    """Draw one plain line as WeasyPrint does; False where it is not that plain after all."""
    layout = textbox.pango_layout
    shown = layout.__dict__.get("shown")
    if shown is None:
        shown = layout.shown = _shown_plainly(stream, layout)
        if shown and layout.space is not None:
            shown += _shown_plainly(stream, layout.space)
    if not shown:
        return False
    stream.set_text_matrix(*matrix.values)
    for font, size, glyphs in shown:
        stream.set_font_size(font, size)
        stream.stream.append(glyphs)
    return True


def _draw(stream: Any, textbox: Any, matrix: Any) -> bool:
    """Draw one line; False where its font shows pictures, which WeasyPrint draws."""
    layout = textbox.pango_layout
    known = layout.__dict__.get("written")
    if known is not None:
        stream.set_text_matrix(*matrix.values)
        stream.stream.extend(known[0])
        stream._current_font = known[1]
        return True
    runs = _runs(stream, _line(layout), layout.text.encode())
    if any(_shows_pictures(glyph.font) for _leftwards, glyphs in runs for glyph in glyphs):
        return False
    stream.set_text_matrix(*matrix.values)
    begun = len(stream.stream)
    pen = _Pen(stream)
    if not textbox.text:  # a space at the end of its line, which takes no place there
        pen.end(runs, layout.first_line_direction % 2 == 1)
        runs = []
    for unit in _units(runs):
        pen.show(unit)
    if layout.space is not None:
        pen.end(_runs(stream, _line(layout.space), b" "), layout.first_line_direction % 2 == 1)
    pen.close()
    layout.written = stream.stream[begun:], stream._current_font
    return True


def _line(layout: Any) -> Any:
    """The line of a layout as it is drawn: of one paragraph, whatever is in it."""
    from weasyprint.text.ffi import pango

    pango.pango_layout_set_single_paragraph_mode(layout.layout, True)
    line, _rest = layout.get_first_line()
    return line


def _shown_plainly(stream: Any, layout: Any) -> list[tuple[str, float, bytes]]:
    """What shows a line, by font and size; nothing where a glyph of it is a picture, is not there or is raised."""
    from weasyprint.text.ffi import ffi, pango

    shown: list[tuple[str, float, str]] = []
    run = _line(layout).runs[0]
    while run != ffi.NULL:
        item, glyphs = run.data.item, run.data.glyphs
        font, size = stream.add_font(item.analysis.font)
        info = _numbers(ffi, glyphs)
        numbers = info[::5]
        if _shows_pictures(font) or any(info[3::5]) or max(numbers) >= pango.PANGO_GLYPH_EMPTY:
            return []
        if not font.to_unicode.keys() >= {*numbers}:
            _give_letters(font, numbers, [*glyphs.log_clusters[0 : len(numbers)]], layout.text.encode(), item)
        for number in {*numbers} - font.widths.keys():
            _give_width(stream, font, item.analysis.font, size, number)
        text = _plainly(font, size, numbers, info[1::5], info[2::5])
        if shown and shown[-1][:2] == (font.hash, size):
            text = shown.pop()[2] + text
        shown.append((font.hash, size, text))
        run = run.next
    return [(font, size, f"[{text}] TJ".encode()) for font, size, text in shown]


def _shows_pictures(font: Any) -> bool:
    return bool(font.bitmap or font.png or font.svg or font.colr)


def _numbers(ffi: Any, glyphs: Any) -> list[int]:
    """Five numbers a glyph: its own, its width, how far it is moved to the side and up, its attributes."""
    size = ffi.sizeof("PangoGlyphInfo")
    found: list[int] = memoryview(ffi.buffer(glyphs.glyphs, glyphs.num_glyphs * size)).cast("i").tolist()
    return found


def _plainly(font: Any, size: float, numbers: list[int], widths: list[int], offsets: list[int]) -> str:
    """Glyphs one after the other, with a move wherever the next does not stand where the font has it."""
    from weasyprint.text.ffi import FROM_UNITS

    known, unit, parts = font.widths, 1000 * FROM_UNITS, ["<"]
    for number, width, moved in zip(numbers, widths, offsets, strict=True):
        offset = moved / size
        parts.append(f">{-offset}<{number:04x}" if moved else f"{number:04x}")
        kerning = known[number] + offset - width * unit / size
        if kerning:
            parts.append(f">{int(kerning)}<")
    text = "".join(parts)
    return text[:-1] if text[-1] == "<" else f"{text}>"


def _give_letters(font: Any, numbers: list[int], starts: list[int], text: bytes, item: Any) -> None:
    """Say of glyphs from left to right what they stand for, where that is not said yet."""
    for number, start, end in zip(numbers, starts, [*starts[1:], item.length], strict=True):
        font.to_unicode.setdefault(number, text[item.offset + start : item.offset + end].decode())


def _give_width(stream: Any, font: Any, pango_font: Any, size: float, number: int) -> None:
    from weasyprint.text.ffi import FROM_UNITS, pango

    pango.pango_font_get_glyph_extents(pango_font, number, stream.ink_rect, stream.logical_rect)
    font.widths[number] = round(stream.logical_rect.width * 1000 * FROM_UNITS / size)


def _runs(stream: Any, line: Any, text: bytes) -> list[tuple[bool, list[_Glyph]]]:
    """The line's runs in the order of reading, each with its glyphs in that order, and whether it goes leftwards."""
    from weasyprint.text.ffi import FROM_UNITS, ffi, pango

    found, x, run = [], 0.0, line.runs[0]
    while run != ffi.NULL:
        item, glyphs = run.data.item, run.data.glyphs
        font, size = stream.add_font(item.analysis.font)
        leftwards = bool(item.analysis.level % 2)
        info = _numbers(ffi, glyphs)
        numbers, widths, moved, raised = info[::5], info[1::5], info[2::5], info[3::5]
        xs = []
        for width, offset in zip(widths, moved, strict=True):
            xs.append(x + offset * FROM_UNITS)
            x += width * FROM_UNITS
        order = range(len(numbers))[::-1] if leftwards else range(len(numbers))
        clusters = [*glyphs.log_clusters[0 : len(numbers)]]
        starts = [clusters[place] for place in order]
        seen = [numbers[place] != pango.PANGO_GLYPH_EMPTY for place in order]
        words = _letters(text[item.offset : item.offset + item.length], starts, seen)
        written = []
        for place, letters, is_seen in zip(order, words, seen, strict=True):
            if is_seen:
                number = _known(stream, item.analysis.font, font, size, numbers[place], widths[place])
                code = _code(font, number, letters, leftwards)
                written.append(_Glyph(font, size, code, letters, xs[place], -raised[place] * FROM_UNITS))
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


def _known(stream: Any, pango_font: Any, font: Any, size: float, number: int, width: int) -> int:
    """The number of a glyph in its font, which has its width then; one that is not there gets one of its own."""
    from weasyprint.text.ffi import FROM_UNITS, pango

    if number & pango.PANGO_GLYPH_UNKNOWN_FLAG:
        given: int = font.get_unused_glyph_id(number - pango.PANGO_GLYPH_UNKNOWN_FLAG)
        font.widths[given] = round(width * 1000 * FROM_UNITS / size)
        font.widths.setdefault(0, font.widths[given])
        return given
    if number not in font.widths:
        _give_width(stream, font, pango_font, size, number)
    return number


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

    def end(self, runs: list[tuple[bool, list[_Glyph]]], leftwards: bool) -> None:
        """Show, beyond the end of the line, the space at which it was broken: a reader would join the words."""
        for _leftwards, glyphs in runs:
            for glyph in glyphs:
                glyph.x = -glyph.font.widths[glyph.code] * glyph.size / 1000 if leftwards else self.farthest
                self.show([glyph])

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
