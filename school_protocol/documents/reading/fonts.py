"""A font of a page: which letters its codes stand for, and how wide they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pikepdf

_UNKNOWN = "\ufffd"
_WIDE = 1000.0
"""Of a glyph whose font does not say, in thousandths of its size."""


class Font:
    """Codes of two bytes, as PDF/A wants them of us. Raises ValueError where it is another kind of font."""

    def __init__(self, font: Any) -> None:
        if str(font.get("/Subtype")) != "/Type0" or str(font.get("/Encoding")) != "/Identity-H":
            raise ValueError("a font of another kind")
        self.letters = dict(_letters(font.ToUnicode.read_bytes()))
        inner = font.DescendantFonts[0]
        self.widths = dict(_widths(inner.get("/W", [])))
        self.usual = float(inner.get("/DW", _WIDE))

    def letter(self, code: bytes) -> tuple[str, float]:
        """What a code stands for, and its width."""
        return self.letters.get(code, _UNKNOWN), self.widths.get(int.from_bytes(code, "big"), self.usual)


def _letters(cmap: bytes) -> Iterator[tuple[bytes, str]]:
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, text in re.findall(rb"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]*)>", block):
            yield bytes.fromhex(code.decode()), bytes.fromhex(text.decode()).decode("utf-16-be")


def _widths(told: Any) -> Iterator[tuple[int, float]]:
    parts = list(told)
    place = 0
    while place < len(parts):
        first = int(parts[place])
        following = parts[place + 1]
        if isinstance(following, pikepdf.Array):
            yield from ((first + number, float(width)) for number, width in enumerate(following))
            place += 2
        else:
            yield from ((code, float(parts[place + 2])) for code in range(first, min(int(following), 0xFFFF) + 1))
            place += 3
