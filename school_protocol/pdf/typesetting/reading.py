"""A page of ours becomes the tree that is set: well formed, as it is written, it needs no parser that mends it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

_UNUSED = re.compile(
    r"^::(?:footnote|note)-[^\n]*\n|^ +@(?:footnote|note-area|left-\w+|right-\w+|(?:top|bottom)-(?:left|right)[\w-]*)"
    r" [^\n]*\n",
    re.MULTILINE,
)
"""Rules of WeasyPrint's own sheet that no document of ours needs: notes, and margins but those above and below."""
_OF_ALL = re.compile(r"^::marker ", re.MULTILINE)
_DECLARED = re.compile(r"<!(?:ENTITY|DOCTYPE [^>]*\[)", re.IGNORECASE)


def page(html: str, base: str, fetcher: Any) -> Any:
    """WeasyPrint's document of a whole page."""
    from weasyprint import HTML

    class Page(HTML):  # type: ignore[misc]
        def __init__(self) -> None:
            from weasyprint import _find_base_url, cssselect2

            root = _tree(html)
            if root is None:
                super().__init__(string=html, base_url=base, url_fetcher=fetcher)
                return
            self.base_url = _find_base_url(root, base)
            self.url_fetcher, self.media_type = fetcher, "print"
            self.wrapper_element = cssselect2.ElementWrapper.from_html_root(root, content_language=None)
            self.etree_element = self.wrapper_element.etree_element

        def _ua_stylesheets(self, forms: bool = False) -> list[Any]:
            return super()._ua_stylesheets(forms) if forms else [_sheet()]

    return Page()


def _tree(html: str) -> ElementTree.Element | None:
    """The page as XML; None where it is none, for the parser that takes everything."""
    if _DECLARED.search(html):
        return None
    try:
        return ElementTree.fromstring(html.strip())  # noqa: S314 - it declares no entities
    except ElementTree.ParseError:
        return None


@lru_cache(maxsize=1)
def _sheet() -> Any:
    """WeasyPrint's own sheet without what is unused: most of its rules are asked of every element."""
    from weasyprint import CSS
    from weasyprint.css.counters import CounterStyle
    from weasyprint.html import UA

    text, unused = _UNUSED.subn("", UA)
    text, markers = _OF_ALL.subn("li::marker ", text)
    assert (unused, markers) == (21, 1), (unused, markers)
    return CSS(string=text, counter_style=CounterStyle())
