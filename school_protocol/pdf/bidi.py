"""Keeps each foreign run of a text in an isolate of its own, so that neither direction turns the other round.

One isolate around a whole line is not enough: `25/11/2026 10:41` in an Arabic line comes out as `10:41 25/11/2026`.
So figures stand alone, unless they are the groups of one number (`05 37 00 00 00`), and Latin words stay together
with the figures that follow them (`WhatsApp 2.26`), and with one before them where there is nothing else (`2 AC`).
A number by itself (`2026`, `25/11/2026`, `10:41`) needs no isolate: the rules of writing keep it whole.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from markupsafe import Markup, escape

_ARABIC = "\u0600-\u06ff\u0750-\u077f\u0870-\u08ff\ufb50-\ufdff\ufe70-\ufefc"
_EDGE = r"\s()\[\]{}«»\"“”‘’.,;:!?…·–—"
_LATIN = r"A-Za-z\u00c0-\u024f\u0370-\u04ff\u2d30-\u2d7f"

# A run never begins or ends with a space or a mark that belongs to the line around it.
_WORD = rf"[^\s{_ARABIC}«»“”()\[\]{{}}]*[^\s{_ARABIC}{_EDGE}-]"
_GROUPS = r"(?:\+\d{1,4}(?:[ .\u00a0-]\d{1,4})+|\d{1,4}(?:[ .\u00a0]\d{2,4}){2,}(?:-\d)?)(?!\d)"
_THOUSANDS = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?(?![\d/:.-])"
_WITH_LETTER = rf"(?=[^\s{_ARABIC}]*[{_LATIN}]){_WORD}"
_CLASS = rf"\A\d{{1,4}}[ \u00a0]{_WITH_LETTER}(?:[ \u00a0]{_WORD})*\Z"
_FOREIGN_IN_ARABIC = re.compile(
    rf"{_CLASS}|{_GROUPS}|{_THOUSANDS}|{_WITH_LETTER}(?:[.,;:]?[ \u00a0]\(?{_WORD})*|(?=[^\s{_ARABIC}]*\d){_WORD}"
)
_NUMBER = re.compile(r"\d+(?:[:/.,]\d+)*")
"""A number that stays whole in an Arabic line (UAX 9, W4): one with a dash, a sign or a space does not."""
_TIFINAGH = "\u2d30-\u2d7f"
_TIFINAGH_RUN = re.compile(rf"[{_TIFINAGH}](?:[{_TIFINAGH}\s]*[{_TIFINAGH}])?")
_FOREIGN_IN_LATIN = re.compile(rf"[{_ARABIC}](?:[{_ARABIC}\s\u00a0.،:؛()«»–-]*[{_ARABIC}])?|{_TIFINAGH_RUN.pattern}")
_PHRASE = 4
"""Words from which a foreign run has a language: fewer are names."""
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_SIGN = re.compile(r"\[[^\]\n]*\]")
_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")

UNKNOWN = "und"
"""What BCP 47 calls a language that nobody can tell: Darija in Latin letters, a line of names."""
_FRENCH = (
    "le la les des du de et est un une que qui ne pas il elle ils elles je tu nous vous dans sur avec pour par ce "
    "cette ces son sa ses leur mon mes au aux plus été était sont ont avait se en où à"
)
_ENGLISH = (
    "the of and is are was were that which not he she they we you i in with for by this these his her their my to at "
    "from has have be been it as but"
)
_SMALL_WORDS = {"fr": frozenset(_FRENCH.split()), "en": frozenset(_ENGLISH.split())}
"""Left out are those that Darija has too: ma, had."""
_WORDS = re.compile(r"[^\W\d_]+")


def plain(text: str) -> str:
    """`text` without control characters, direction overrides among them, its accents one with their letters."""
    return _CONTROLS.sub("", unicodedata.normalize("NFC", _LINE_ENDS.sub("\n", text)))


@lru_cache(maxsize=4096)
def isolated(text: str, direction: str) -> Markup:
    """`text` for a line of `direction`, escaped, each foreign run in its own `<bdi>`."""
    text = plain(text)
    parts, end = [], 0
    for found in (_FOREIGN_IN_ARABIC if direction == "rtl" else _FOREIGN_IN_LATIN).finditer(text):
        run = found.group()
        if direction == "rtl" and _NUMBER.fullmatch(run):
            continue
        if run.count("(") > run.count(")") and text[found.end() : found.end() + 1] == ")":
            run += ")"
        parts += [escape(text[end : found.start()]), _opening(run), escape(run), Markup("</bdi>")]
        end = found.start() + len(run)
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def _opening(run: str) -> Markup:
    if _is_arabic(run):
        return Markup('<bdi dir="rtl" lang="ar">')
    if _TIFINAGH_RUN.search(run):
        return Markup('<bdi dir="ltr" lang="zgh">')
    return _latin(run)


def _latin(run: str) -> Markup:
    language = language_of(run) if len(run.split()) >= _PHRASE else None
    return Markup('<bdi dir="ltr" lang="{}">').format(language) if language else Markup('<bdi dir="ltr">')


def _is_arabic(run: str) -> bool:
    return re.search(f"[{_ARABIC}]", run) is not None


def code(text: str) -> Markup:
    """An identifier, an address or a hash: left to right in any line."""
    return Markup('<bdi dir="ltr" class="code">{}</bdi>').format(plain(text))


def paragraphs(text: str, direction: str, language: str = "") -> Markup:
    """Somebody's own words: each paragraph in its own direction, and in its own language where it shows."""
    lines = [line.strip() for line in plain(text).split("\n")]
    return Markup("").join(_paragraph(line, direction, language) for line in lines if line)


def _paragraph(line: str, direction: str, language: str) -> Markup:
    own = _direction(line) or direction
    spoken = "ar" if own == "rtl" else language_of(line) or (UNKNOWN if own != direction else language)
    attributes = Markup("")
    if own != direction:
        attributes += Markup(' dir="{}"').format(own)
    if spoken and spoken != language:
        attributes += Markup(' lang="{}"').format(spoken)
    return Markup("<p{}>{}</p>").format(attributes, isolated(line, own))


def quoted(text: str, direction: str) -> Markup:
    """Somebody's own words within a line of `direction`: where they run the other way they are one isolate, so that
    their full stop stays at their end."""
    own = _direction(text) or direction
    if own == direction:
        return isolated(text, direction)
    spoken = "ar" if own == "rtl" else language_of(text) or UNKNOWN
    return Markup('<bdi dir="{}" lang="{}">{}</bdi>').format(own, spoken, isolated(text, own))


def language_of(text: str) -> str | None:
    """French or English, by the small words that only one of them has; None where they do not tell."""
    words = [word.lower() for word in _WORDS.findall(text)]
    counts = {language: sum(word in known for word in words) for language, known in _SMALL_WORDS.items()}
    best, least = max(counts, key=lambda one: counts[one]), min(counts.values())
    return best if counts[best] > least else None


def _direction(line: str) -> str | None:
    """By its letters; whom a sign stands for counts only where nothing else is written."""
    line = _SIGN.sub("", line) or line
    arabic = len(re.findall(f"[{_ARABIC}]", line))
    latin = len(re.findall(f"[{_LATIN}]", line))
    if arabic == latin == 0:
        return None
    return "rtl" if arabic >= latin else "ltr"
