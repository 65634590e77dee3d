"""What a page says, told from its HTML alone: the text in its order, and all that stands around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from school_protocol.documents.reading.tree import squeezed

_SVG = "{http://www.w3.org/2000/svg}svg"
_TITLE = "{http://www.w3.org/2000/svg}title"
_LEFT = frozenset({"style", "script", "colgroup"})
_INLINE = frozenset({"span", "bdi", "b", "i", "em", "strong", "small", "code"})
_RUNNING, _FOOT, _PAGE, _PAGES = "running", "foot", "page", "pages"
"""Classes of the templates: what runs at the head and at the foot of pages, and where the typesetter counts them."""
_COUNTED = {_PAGE: "\x00", _PAGES: "\x01"}


@dataclass(slots=True)
class Derived:
    """What the pages of a document must show; but for `spoken`, without any space."""

    title: str = ""
    language: str = ""
    spoken: str = ""
    """In the order of reading, spaces as they come, without bullets and numbers of lists."""
    headings: list[tuple[int, str]] = field(default_factory=list)
    alternatives: list[str] = field(default_factory=list)
    hidden: Counter[str] = field(default_factory=Counter)
    """Letters of signs that are there for the eye alone."""
    heads: frozenset[str] = frozenset()
    """Of tables, repeated where one goes on."""
    running: str = ""
    foot: str = ""

    def foot_of(self, page: int, pages: int) -> str:
        """What stands at the foot of a page, both numbers from 1."""
        return self.foot.replace(_COUNTED[_PAGE], str(page)).replace(_COUNTED[_PAGES], str(pages))


def derived(html: str) -> Derived:
    """What that page says. The HTML is one of ours: nothing of it is fetched."""
    import tinyhtml5

    root = tinyhtml5.parse(html, namespace_html_elements=False)
    found = Derived(language=root.get("lang", ""))
    title = root.find("head/title")
    found.title = " ".join("".join(title.itertext() if title is not None else ()).split())
    pieces: list[str] = []
    for body in root.iter("body"):
        _read(body, found, pieces)
        found.heads |= {_said(head) for kind in ("thead", "tfoot") for head in body.iter(kind)}
    found.spoken = "".join(pieces)
    return found


def _read(element: Element, found: Derived, pieces: list[str]) -> None:
    kinds = set((element.get("class") or "").split())
    if element.tag in _LEFT:
        return
    if element.get("aria-hidden") == "true":
        found.hidden.update(_said(element))
        return
    if _RUNNING in kinds:
        found.running = _said(element)
        return
    if _FOOT in kinds:
        found.foot = _counted(element)
        return
    if element.tag == _SVG:
        found.alternatives.append(element.findtext(_TITLE, "").strip())
        return
    if element.get("aria-label"):
        found.alternatives.append(element.get("aria-label", ""))
    if len(element.tag) == 2 and element.tag[0] == "h" and element.tag[1].isdigit():
        found.headings.append((int(element.tag[1]), _said(element)))
    border = "" if element.tag in _INLINE else " "
    pieces.append(border + (element.text or ""))
    for child in element:
        if isinstance(child.tag, str):
            _read(child, found, pieces)
        pieces.append(child.tail or "")
    pieces.append(border)


def _said(element: Element) -> str:
    return squeezed("".join(element.itertext()))


def _counted(element: Element) -> str:
    return "".join(_pieces(element))


def _pieces(element: Element) -> Iterator[str]:
    kinds = set((element.get("class") or "").split())
    yield from (_COUNTED[kind] for kind in kinds & _COUNTED.keys())
    yield squeezed(element.text or "")
    for child in element:
        if isinstance(child.tag, str):
            yield from _pieces(child)
        yield squeezed(child.tail or "")
