"""How much room words need, guessed on the safe side: no font is at hand where a drawing is laid out."""

from __future__ import annotations

import re

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
