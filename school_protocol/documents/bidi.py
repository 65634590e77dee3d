"""Keeps each foreign run of a text in an isolate of its own, so that neither direction turns the other round.

One isolate around a whole line is not enough: `25/11/2026 10:41` in an Arabic line comes out as `10:41 25/11/2026`.
So figures stand alone, unless they are the groups of one number (`05 37 00 00 00`), and Latin words stay together
with the figures that follow them (`WhatsApp 2.26`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from markupsafe import Markup, escape

_ARABIC = "\u0600-\u06ff\u0750-\u077f\u0870-\u08ff\ufb50-\ufdff\ufe70-\ufefc"
_EDGE = r"\s()\[\]{}«»\"“”‘’.,;:!?…·–—"
_LATIN = r"A-Za-z\u00c0-\u024f\u0370-\u04ff\u2d30-\u2d7f"

# A run never begins or ends with a space or a mark that belongs to the line around it.
_WORD = rf"[^\s{_ARABIC}«»“”()\[\]{{}}]*[^\s{_ARABIC}{_EDGE}-]"
_GROUPS = r"(?:\+\d{1,4}(?:[ .\u00a0-]\d{1,4})+|\d{1,4}(?:[ .\u00a0]\d{2,4}){2,}(?:-\d)?)(?!\d)"
_WITH_LETTER = rf"(?=[^\s{_ARABIC}]*[{_LATIN}]){_WORD}"
_FOREIGN_IN_ARABIC = re.compile(
    rf"{_GROUPS}|{_WITH_LETTER}(?:[.,;:]?[ \u00a0]\(?{_WORD})*|(?=[^\s{_ARABIC}]*\d){_WORD}"
)
_FOREIGN_IN_LATIN = re.compile(rf"[{_ARABIC}](?:[{_ARABIC}\s\u00a0.،:؛()«»–-]*[{_ARABIC}])?")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def plain(text: str) -> str:
    """`text` without control characters, direction overrides among them."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n"))


@lru_cache(maxsize=4096)
def isolated(text: str, direction: str) -> Markup:
    """`text` for a line of `direction`, escaped, each foreign run in its own `<bdi>`."""
    text = plain(text)
    foreign, opening = (
        (_FOREIGN_IN_ARABIC, '<bdi dir="ltr">')
        if direction == "rtl"
        else (_FOREIGN_IN_LATIN, '<bdi dir="rtl" lang="ar">')
    )
    parts, end = [], 0
    for found in foreign.finditer(text):
        run = found.group()
        if run.count("(") > run.count(")") and text[found.end() : found.end() + 1] == ")":
            run += ")"
        parts += [escape(text[end : found.start()]), opening, escape(run), "</bdi>"]
        end = found.start() + len(run)
    parts.append(escape(text[end:]))
    return Markup("".join(parts))  # noqa: S704 (every part of the text was escaped)


def code(text: str) -> Markup:
    """An identifier, an address or a hash: left to right in any line."""
    return Markup('<bdi dir="ltr" class="code">{}</bdi>').format(plain(text))


def paragraphs(text: str, direction: str) -> Markup:
    """Somebody's own words: each paragraph in its own direction."""
    lines = [line.strip() for line in plain(text).split("\n")]
    return Markup("").join(_paragraph(line, direction) for line in lines if line)


def _paragraph(line: str, direction: str) -> Markup:
    own = _direction(line) or direction
    if own == direction:
        return Markup("<p>{}</p>").format(isolated(line, own))
    language = Markup(' lang="ar"') if own == "rtl" else ""
    return Markup('<p dir="{}"{}>{}</p>').format(own, language, isolated(line, own))


def _direction(line: str) -> str | None:
    arabic = len(re.findall(f"[{_ARABIC}]", line))
    latin = len(re.findall(f"[{_LATIN}]", line))
    if arabic == latin == 0:
        return None
    return "rtl" if arabic >= latin else "ltr"
