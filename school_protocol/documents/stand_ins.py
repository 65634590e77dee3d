"""A letter that no typeface here has is shown as its number in a frame: it is seen, it can be taken out again as the
letter that was written, and the archive's rule that no glyph is missing holds.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable
from typing import Any

FAMILY = "Stand-in"

_DIGITS = [
    "757555557",
    "262222227",
    "717174447",
    "717171117",
    "555571111",
    "744471117",
    "744475557",
    "711111111",
    "757575557",
    "757571117",
    "757575555",
    "656565556",
    "744444447",
    "655555556",
    "744464447",
    "744464444",
]
"""The sixteen digits: nine rows of three dots, a row an octal number."""
_EM, _DOT = 1000, 40
_SPACES = " \u00a0\u202f"
"""A space beside a letter is set in that letter's typeface."""
_MADE = 3786912000
"""The first second of 2024, as fonts count them: no font tells when it was made."""


def font_for(characters: Iterable[str]) -> bytes:
    """A TrueType font that shows each of `characters` as its number in a frame; the same ones, the same bytes."""
    from fontTools.fontBuilder import FontBuilder

    shown = {ord(one): f"u{ord(one):05X}" for one in sorted({*characters, *_SPACES})}
    order = [".notdef", *shown.values()]
    builder = FontBuilder(_EM, isTTF=True)
    builder.font.recalcTimestamp = False
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(shown)
    widths = {name: (_width(code), 0) for code, name in shown.items()}
    builder.setupGlyf({".notdef": _drawn(0), **{name: _drawn(code) for code, name in shown.items()}})
    builder.setupHorizontalMetrics({".notdef": (_width(0xFFFF), 0), **widths})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": FAMILY, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.updateHead(created=_MADE, modified=_MADE)
    written = io.BytesIO()
    builder.save(written)
    return written.getvalue()


def _rows(code: int) -> tuple[str, str]:
    digits = f"{code:04X}" if code <= 0xFFFF else f"{code:06X}"
    return digits[: len(digits) // 2], digits[len(digits) // 2 :]


def _width(code: int) -> int:
    if unicodedata.category(chr(code)).startswith("Z"):
        return _EM // 4
    return (4 * len(_rows(code)[0]) + 5) * _DOT


def _drawn(code: int) -> Any:
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    if code and not unicodedata.category(chr(code)).startswith("Z"):
        width, bottom, top = _width(code) - 2 * _DOT, -4 * _DOT, 20 * _DOT
        for left, low, wide, high in (
            (_DOT, bottom, width, _DOT),
            (_DOT, top, width, _DOT),
            (_DOT, bottom, _DOT, top - bottom),
            (width, bottom, _DOT, top - bottom),
        ):
            _box(pen, left, low, wide, high)
        for row, digits in enumerate(reversed(_rows(code))):
            for place, digit in enumerate(digits):
                _digit(pen, _DIGITS[int(digit, 16)], (4 * place + 3) * _DOT, (11 * row - 2) * _DOT)
    return pen.glyph()


def _digit(pen: Any, rows: str, left: int, bottom: int) -> None:
    for row, dots in enumerate(reversed(rows)):
        for place in range(3):
            if int(dots) & (4 >> place):
                _box(pen, left + place * _DOT, bottom + row * _DOT, _DOT, _DOT)


def _box(pen: Any, left: int, bottom: int, width: int, height: int) -> None:
    pen.moveTo((left, bottom))
    pen.lineTo((left, bottom + height))
    pen.lineTo((left + width, bottom + height))
    pen.lineTo((left + width, bottom))
    pen.closePath()
