"""How pages of case files break: none nearly empty, no heading at the foot of its page, no referral cut in two."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from programs import needs
from pypdf import PdfReader

from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording
from school_protocol.pdf.rendering import missing, render

from .test_page_counts import SHIPPED, flat, profile_of
from .test_supervisor_copies import issuable, issued, played

pytestmark = [pytest.mark.skipif(missing() is not None, reason="pango is missing"), needs("pdftotext")]
_PAGE, _WORD = re.compile(r"<page .*?</page>", re.DOTALL), re.compile(r'<word .*?yMin="([\d.]+)".*?yMax="([\d.]+)"')
TOP, FOOT = 44.0, 785.0
"""Of the part of a page, in points from its upper edge, that is neither its head nor its foot."""
HEADING = 18.0
"""So far below the upper edge of a heading, in points, its own words end."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A bookmark: its title, depth, page and place on it."""

    title: str
    depth: int
    page: int
    y: float


def words_of(data: bytes, folder: Path) -> list[list[tuple[float, float]]]:
    """Of each page upper and lower edge of its words, without those of head and foot."""
    source, target = folder / "pages.pdf", folder / "pages.html"
    source.write_bytes(data)
    subprocess.run(["pdftotext", "-bbox", source, target], check=True, capture_output=True)
    found = (_WORD.findall(page) for page in _PAGE.findall(target.read_text("utf-8")))
    places = ([(float(top), float(low)) for top, low in page] for page in found)
    return [sorted((top, low) for top, low in page if top > TOP - 12 and low < FOOT) for page in places]


def headings_of(data: bytes) -> list[Heading]:
    reader = PdfReader(io.BytesIO(data))
    depths: dict[int, int] = {}

    def note(outline: list[object], depth: int) -> None:
        for one in outline:
            if isinstance(one, list):
                note(one, depth + 1)
            else:
                depths[id(one)] = depth

    outline = reader.outline
    note(outline, 1)
    height = float(reader.pages[0].mediabox.height)
    return [
        Heading(str(one.title), depths[id(one)], reader.get_destination_page_number(one), height - float(one.top))
        for one in flat(outline)
    ]


def faults(data: bytes, folder: Path, language: str) -> list[str]:
    """What is wrong with the breaks, by page from one."""
    words, headings = words_of(data, folder), headings_of(data)
    return [*nearly_empty(words, headings, language), *at_the_foot(words, headings), *cut(words, headings, language)]


def nearly_empty(words: list[list[tuple[float, float]]], headings: list[Heading], language: str) -> Iterator[str]:
    """Pages less than a third full that aren't the last of their part: a piece, or what stands before the annex."""
    annex = Wording(language)._("Annex: forms")
    begins = {one.page for one in headings if one.depth == 1 or one.title.strip() == annex} | {len(words)}
    for number, page in enumerate(words):
        low = max((low for _top, low in page), default=TOP)
        if number + 1 not in begins and low - TOP < (FOOT - TOP) / 3:
            yield f"page {number + 1} is nearly empty"


def at_the_foot(words: list[list[tuple[float, float]]], headings: list[Heading]) -> Iterator[str]:
    """Headings below which nothing stands on their page."""
    for one in headings:
        if not any(top > one.y + HEADING for top, _low in words[one.page]):
            yield f"page {one.page + 1} ends with {one.title}"


def cut(words: list[list[tuple[float, float]]], headings: list[Heading], language: str) -> Iterator[str]:
    """Referrals that begin on one page and go on on the next, though they would have had room there."""
    begins = re.compile(re.escape(Wording(language)._("Referral %(number)s")).replace(r"%\(number\)s", r"\d+"))
    for one, after in pairwise(headings):
        if begins.match(one.title.strip()) is None or after.page == one.page or one.y < TOP + HEADING:
            continue
        if any(top < after.y - 2 for top, _low in words[one.page + 1]) or after.page > one.page + 1:
            yield f"page {one.page + 1} cuts {one.title}"


@pytest.mark.exhaustive(but=("sc4-supervisor-ar",))
@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize("profile", ["supervisor", "authority", "school"])
@pytest.mark.parametrize("name", SHIPPED)
def test_pages_break_where_a_reader_would(
    moroccan: Protocol, tmp_path: Path, name: str, profile: str, language: str
) -> None:
    with ExitStack() as until:
        player, found = played(moroccan, name, until), profile_of(moroccan, profile)
        for number in player.numbers.values():
            if any(True for _one in issuable(player, number, found)):
                assert faults(issued(player, number, found, language), tmp_path, language) == []


_LINES = "<p>x</p>" * 20
PLANTED = {
    "page 1 is nearly empty": "<h1>A</h1><p>x</p><h2 style='break-before: page'>B</h2>" + _LINES * 2,
    "page 1 ends with B": f"<h1>A</h1>{_LINES}{_LINES}<h2>B</h2><p style='break-before: page'>x</p>",
    "page 1 cuts Saisine 3": (
        f"<h1>A</h1>{_LINES}{_LINES}<h3>Saisine 3</h3><p>x</p><p style='break-before: page'>x</p><h3>C</h3>{_LINES}"
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_the_control_each_fault_is_found(tmp_path: Path, fault: str) -> None:
    style = "<style>h2, h3 { break-after: auto !important }</style>"
    body = PLANTED[fault].replace("Saisine 3", Wording("fr")._("Referral %(number)s", number=3))
    page = f"<html lang='fr'><head>{style}</head><body>{body}</body></html>"
    data = render(page, title="x", language="fr", identifier="x", moment=datetime(2026, 1, 1, tzinfo=UTC))
    expected = fault.replace("Saisine 3", Wording("fr")._("Referral %(number)s", number=3))
    assert expected in faults(data, tmp_path, "fr")
