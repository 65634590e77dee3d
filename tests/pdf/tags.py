"""What can be wrong with a PDF's tag tree, as `tree` reads it: each check gives its faults in words.

Nothing here knows how our documents are made.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from .tree import Tag, Tagged, read_tags, squeezed

__all__ = [
    "CHECKS", "Tag", "Tagged", "faults", "languages", "read_tags", "reading_order", "spoken", "squeezed", "tables",
]  # fmt: skip

BLOCKS = frozenset({"P", "H1", "H2", "H3", "H4", "H5", "H6", "LBody", "Lbl", "TH", "TD", "Caption", "Figure"})
_SVG = "{http://www.w3.org/2000/svg}svg"


# ---- what can be wrong ---------------------------------------------------------------------------------------------


def headings(found: Tagged) -> list[str]:
    """One H1, the first; no level is left out; none is empty."""
    heads = [tag for tag in found.root.walk() if re.fullmatch(r"H[1-6]", tag.role)]
    faults = [f"empty {tag.role}" for tag in heads if not tag.text.strip()]
    levels = [int(tag.role[1]) for tag in heads]
    if levels.count(1) != 1 or levels[:1] != [1]:
        faults.append(f"{levels.count(1)} H1, first level {levels[:1]}")
    return faults + [
        f"H{level} after H{before}: {tag.text}"
        for before, level, tag in zip(levels, levels[1:], heads[1:], strict=False)
        if level > before + 1
    ]


def tables(found: Tagged) -> list[str]:
    """Rows of one width; header cells with their scope; each data cell under or beside some header."""
    faults = []
    ids = {tag.id for tag in found.root.walk() if tag.id}
    for table in found.root.all("Table"):
        about = table.text.strip()[:40]
        rows = [*_rows(table)]
        faults += [f"{tag.role} in a Table: {about}" for tag in _misplaced(table)]
        if not any(cell.role == "TH" for row in rows for cell in row.tags):
            faults.append(f"no header cell: {about}")
        faults += [f"TH without scope: {cell.text}" for cell in table.all("TH") if cell.scope not in ("Row", "Column")]
        grid = _grid(rows)
        if grid is None or len({len(line) for line in grid}) > 1:
            faults.append(f"rows of several widths: {about}")
            continue
        for place, line in enumerate(grid):
            for column, cell in enumerate(line):
                faults += [f"{cell.text[:20]}: no such header {one}" for one in cell.headers if one not in ids]
                beside = any(other.role == "TH" and other.scope == "Row" for other in line)
                above = any(upper[column].role == "TH" and upper[column].scope == "Column" for upper in grid[:place])
                if cell.role == "TD" and not (beside or above or cell.headers):
                    faults.append(f"a cell of no header: {cell.text[:20]} in {about}")
            labels = {id(cell) for cell in line if cell.role == "TH" and cell.scope == "Row"}
            if len(labels) > 1:
                faults += [f"which label? {cell.text[:20]}" for cell in line if cell.role == "TD" and not cell.headers]
    return faults


def _rows(table: Tag) -> Iterator[Tag]:
    for tag in table.tags:
        if tag.role == "TR":
            yield tag
        elif tag.role in ("THead", "TBody", "TFoot"):
            yield from (row for row in tag.tags if row.role == "TR")


def _misplaced(table: Tag) -> list[Tag]:
    parts = {"TR", "THead", "TBody", "TFoot", "Caption"}
    groups = [tag for tag in table.tags if tag.role in ("THead", "TBody", "TFoot")]
    return [
        *(tag for tag in table.tags if tag.role not in parts),
        *(tag for group in groups for tag in group.tags if tag.role != "TR"),
        *(tag for row in _rows(table) for tag in row.tags if tag.role not in ("TH", "TD")),
    ]


def _grid(rows: list[Tag]) -> list[list[Tag]] | None:
    """Each cell at each place that it fills; None where two fill the same or a place is left out."""
    places: dict[tuple[int, int], Tag] = {}
    for line, row in enumerate(rows):
        column = 0
        for cell in row.tags:
            while (line, column) in places:
                column += 1
            for down in range(cell.rows):
                for along in range(cell.columns):
                    if (line + down, column + along) in places:
                        return None
                    places[line + down, column + along] = cell
    widths = [1 + max((column for at, column in places if at == line), default=-1) for line in range(len(rows))]
    if len(places) != sum(widths):
        return None
    return [[places[line, column] for column in range(width)] for line, width in enumerate(widths)]


def lists(found: Tagged) -> list[str]:
    """L of LI of an optional Lbl and one LBody, and nothing else anywhere; labels are of a kind that the list says."""
    faults = []
    allowed = {"L": {"LI", "Caption"}, "LI": {"Lbl", "LBody"}}
    homes = {"LI": "L", "Lbl": "LI", "LBody": "LI"}
    for tag in found.root.walk():
        for kid in tag.tags:
            if kid.role not in allowed.get(tag.role, {kid.role}):
                faults.append(f"{kid.role} in {tag.role}")
            if homes.get(kid.role, tag.role) != tag.role:
                faults.append(f"{kid.role} in {tag.role}")
        if tag.role == "LI" and [kid.role for kid in tag.tags].count("LBody") != 1:
            faults.append(f"LI without its LBody: {tag.text[:20]}")
        if tag.role == "L" and not tag.numbering and any(kid.role == "Lbl" for item in tag.tags for kid in item.tags):
            faults.append(f"a list that does not say how it is numbered: {tag.text[:20]}")
        if tag.role in allowed and any(isinstance(kid, str) for kid in tag.kids):
            faults.append(f"text in {tag.role}")
    return faults


def blocks(found: Tagged) -> list[str]:
    """Text stands in an element that says what it is."""
    faults = []

    def look(tag: Tag, inside: bool) -> None:
        inside = inside or tag.role in BLOCKS
        if not inside:
            faults.extend(f"text in {tag.role}: {kid[:20]}" for kid in tag.kids if isinstance(kid, str) and kid.strip())
        for kid in tag.tags:
            look(kid, inside)

    look(found.root, False)
    return faults


def figures(found: Tagged) -> list[str]:
    return [f"Figure without Alt, after {len(tag.kids)} pieces" for tag in found.root.all("Figure") if not tag.alt]


def artifacts(found: Tagged) -> list[str]:
    """All text is in the tree, once, or is an artifact."""
    return [
        *(f"neither in the tree nor an artifact: {text}" for text in found.untold),
        *(f"not in the tree: {text}" for text in found.unplaced),
        *(f"in the tree twice: {text}" for text in found.twice),
    ]


def bookmarks(found: Tagged) -> list[str]:
    """One for each heading, in its words, at its depth."""
    heads = [(int(tag.role[1]), squeezed(tag.text)) for tag in found.root.walk() if re.fullmatch(r"H[1-6]", tag.role)]
    marks = [(depth, squeezed(title)) for depth, title in found.bookmarks]
    return [f"heading {head}, bookmark {mark}" for head, mark in _beside(heads, marks) if head != mark]


def _beside(one: list[Any], other: list[Any]) -> Iterator[tuple[Any, Any]]:
    for place in range(max(len(one), len(other))):
        yield (one[place] if place < len(one) else None), (other[place] if place < len(other) else None)


def document(found: Tagged) -> list[str]:
    """It has a title, shows it, says that it is tagged, and in which language; its metadata say the same."""
    faults = [
        *(["no title"] if not found.title.strip() else []),
        *(["the title is not shown"] if not found.shows_title else []),
        *(["it does not say that it is tagged"] if not found.is_marked else []),
        *(["no language"] if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", found.language) else []),
    ]
    if not re.search(rf"<dc:title>.*>{re.escape(_escaped(found.title))}<", found.metadata, re.DOTALL):
        faults.append("the metadata have another title")
    return faults


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def breaks(found: Tagged) -> list[str]:
    """No page ends with a heading or the head of a table; no short row goes on; nothing begins or ends in one line."""
    return [*_lonely_headings(found), *_broken_tables(found), *_lonely_lines(found)]


_GOES_ON = 400
"""Letters from which a row may go on over a page."""


def _lonely_headings(found: Tagged) -> list[str]:
    lines: list[tuple[bool, int, float, str]] = []
    for tag in found.root.walk():
        is_heading = re.fullmatch(r"H[1-6]", tag.role) is not None
        for page, height in tag.lines:
            if not lines or lines[-1][:3] != (is_heading, page, height):
                lines.append((is_heading, page, height, tag.text))
    faults = []
    for place, (is_heading, page, _height, text) in enumerate(lines):
        after = [line for line in lines[place + 1 : place + 3] if not line[0]]
        if is_heading and any(line[1] != page for line in after):
            faults.append(f"the heading {text!r} stands at the foot of page {page + 1}")
    return faults


def _broken_tables(found: Tagged) -> list[str]:
    faults = []
    for table in found.root.all("Table"):
        body = [row for row in _rows(table) if any(cell.role == "TD" for cell in row.tags) and row.pages]
        head = [row for group in table.tags if group.role == "THead" for row in group.tags]
        faults += [
            f"the row {row.text[:20]!r} goes on" for row in body if len(row.pages) > 1 and len(row.text) < _GOES_ON
        ]
        if head and body and head[-1].pages != body[0].pages[:1]:
            faults.append(f"the head {head[-1].text[:20]!r} stands alone")
        for page in table.pages if len(table.pages) > 1 else ():
            here = [row for row in body if page in row.pages]
            if len(here) == 1 and len(here[0].pages) == 1:
                faults.append(f"one row alone on page {page + 1}: {here[0].text[:20]!r}")
    return faults


def _lonely_lines(found: Tagged) -> list[str]:
    return [
        f"one line of {tag.text[:20]!r} alone on page {page + 1}"
        for tag in found.root.all("P")
        for page in (tag.pages if len(tag.pages) > 1 else ())
        if tag.on(page) == 1
    ]


# ---- compared with the HTML ----------------------------------------------------------------------------------------


def _spoken(element: Element, running: frozenset[str], language: str) -> Iterator[tuple[str, str]]:
    """Text and its language, in order; what is hidden or runs at the head of pages is left out."""
    if element.tag in ("head", "style", "script", "colgroup", _SVG) or element.get("aria-hidden") == "true":
        return
    if running & set((element.get("class") or "").split()):
        return
    own = element.get("lang") or language
    yield element.text or "", own
    for child in element:
        if isinstance(child.tag, str):
            yield from _spoken(child, running, own)
        yield child.tail or "", own


def spoken(found: Tagged, html: str, running: Iterable[str] = ("running", "foot")) -> list[tuple[str, str]]:
    """A page's text with the language of each piece, as its HTML has them; contents with the numbers of their pages."""
    from weasyprint import HTML

    root = HTML(string=html).etree_element
    starts = {squeezed(tag.text): tag.pages[0] + 1 for tag in found.root.walk() if tag.role == "H2"}
    for link in root.findall(".//*[@class='toc']/a"):
        link.text = f"{link.text}{starts[squeezed(link.text or '')]}"
    return [(text, own) for text, own in _spoken(root, frozenset(running), "") if text.strip()]


def reading_order(found: Tagged, html: str) -> list[str]:
    """The tree says what the HTML says, in its order, and nothing else."""
    wanted, got = (
        squeezed("".join(text for text, _language in spoken(found, html))),
        squeezed("".join(text for text, _language in _with_language(found.root))),
    )
    if wanted == got:
        return []
    at = next(
        (place for place, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), min(len(wanted), len(got))
    )
    return [f"after {wanted[max(0, at - 20) : at]!r}: {wanted[at : at + 30]!r} is read as {got[at : at + 30]!r}"]


def languages(found: Tagged, html: str) -> list[str]:
    """Each letter has in the tree the language that it has in the HTML."""
    wanted = "".join(own + "\0" for text, own in spoken(found, html) for _letter in squeezed(text))
    got = "".join(own + "\0" for text, own in _with_language(found.root) for _letter in squeezed(text))
    if wanted == got:
        return []
    letters = squeezed("".join(text for text, _own in spoken(found, html)))
    pairs = zip(letters, wanted.split("\0"), got.split("\0"), strict=False)
    wrong = Counter((a, b) for _letter, a, b in pairs if a != b)
    return [
        f"{count} letters of {a or 'no language'} are read in {b or 'none'}" for (a, b), count in wrong.items()
    ] or ["length"]


def _with_language(tag: Tag) -> Iterator[tuple[str, str]]:
    """All that is said, but the bullets and numbers of lists, which the HTML does not write."""
    for kid in tag.kids:
        if isinstance(kid, str):
            yield kid, tag.language
        elif kid.role != "Lbl":
            yield from _with_language(kid)


CHECKS: Mapping[str, Any] = {
    check.__name__: check
    for check in (headings, tables, lists, blocks, figures, artifacts, bookmarks, document, breaks)
}


def faults(data: bytes, html: str) -> dict[str, list[str]]:
    """Everything that is wrong with a PDF's tags, by the check that found it; empty: nothing."""
    found = read_tags(data)
    said = {name: check(found) for name, check in CHECKS.items()}
    said |= {"reading_order": reading_order(found, html), "languages": languages(found, html)}
    return {name: wrong for name, wrong in said.items() if wrong}
