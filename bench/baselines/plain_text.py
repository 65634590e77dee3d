"""Frozen. The text of the frozen page as plain blocks, for typesetters that read no HTML."""

from __future__ import annotations

from pathlib import Path

from lxml import html

Block = tuple[str, str, tuple[tuple[str, ...], ...]]
"""A heading (`h1` to `h4`) or a paragraph (`p`) with its text, or a `table` with its rows of cells."""


def blocks_of(page: Path) -> list[Block]:
    """Every word of the page's body once, in its order."""
    found: list[Block] = []
    _read(html.parse(str(page)).getroot().find("body"), found)
    return found


def _read(element: html.HtmlElement, found: list[Block]) -> None:
    if element.tag == "table":
        rows = tuple(tuple(_words(cell) for cell in row.xpath("./td|./th")) for row in element.iter("tr"))
        found.append(("table", "", tuple(row for row in rows if row)))
        return
    if element.tag in ("h1", "h2", "h3", "h4"):
        found.append((element.tag, _words(element), ()))
        return
    if not element.xpath(".//table|.//div|.//section|.//p|.//h1|.//h2|.//h3|.//h4|.//li"):
        found.append(("p", _words(element), ()))
        return
    for child in element:
        if isinstance(child.tag, str):
            _read(child, found)


def _words(element: html.HtmlElement) -> str:
    return " ".join(" ".join(element.itertext()).split())
