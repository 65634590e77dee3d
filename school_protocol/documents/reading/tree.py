"""The tag tree of a PDF, read by itself: elements in the order of reading, each with the text that its pages show."""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from school_protocol.documents.reading.drawn import Content, Strange, content_of

_DEEPEST = 60
"""Elements within elements: a page of ours has a dozen."""
_GONE = -1


@dataclass
class Tag:
    """One element: what it says of itself, and its kids in reading order: elements, and texts."""

    role: str
    language: str = ""
    """The one that holds here, said or inherited."""
    says_language: bool = False
    alt: str = ""
    actual: str = ""
    id: str = ""
    scope: str = ""
    columns: int = 1
    rows: int = 1
    headers: tuple[str, ...] = ()
    numbering: str = ""
    kids: list[Tag | str] = field(default_factory=list)
    lines: list[tuple[int, float]] = field(default_factory=list)
    """Page, and height on it, of each piece of its own text."""
    places: list[int] = field(default_factory=list)
    """The page of each piece of its own text."""

    @property
    def pages(self) -> list[int]:
        """Those on which it stands, in order."""
        return sorted({page for tag in self.walk() for page, _height in tag.lines})

    def on(self, page: int) -> int:
        """How many lines of it stand on a page."""
        return len({round(height) for tag in self.walk() for at, height in tag.lines if at == page})

    @property
    def text(self) -> str:
        return self.actual or "".join(kid if isinstance(kid, str) else kid.text for kid in self.kids)

    @property
    def tags(self) -> list[Tag]:
        return [kid for kid in self.kids if isinstance(kid, Tag)]

    def walk(self) -> Iterator[Tag]:
        yield self
        for tag in self.tags:
            yield from tag.walk()

    def all(self, *roles: str) -> list[Tag]:
        return [tag for tag in self.walk() if tag.role in roles]

    def drawn(self) -> Iterator[tuple[Tag, str, int]]:
        """Each piece of text that pages show of it, whatever it says instead, with its element and its page."""
        places = iter(self.places)
        for kid in self.kids:
            if isinstance(kid, str):
                yield self, kid, next(places)
            else:
                yield from kid.drawn()


@dataclass
class Tagged:
    """A PDF as a reader's software sees it."""

    root: Tag
    title: str
    language: str
    shows_title: bool
    is_marked: bool
    metadata: str
    bookmarks: list[tuple[int, str]]
    """Depth and title, in order."""
    pages: list[Content]
    unplaced: list[str]
    """Text that says it is in the tree, and is not."""
    twice: list[str]
    """Text that is in the tree more than once."""

    @property
    def artifacts(self) -> list[tuple[str, str]]:
        """Kind and text of what is only there for the eye."""
        return [one for page in self.pages for one in page.artifacts]

    @property
    def untold(self) -> list[str]:
        """Text that is neither in the tree nor an artifact."""
        return [one for page in self.pages for one in page.untold]

    @property
    def strange(self) -> list[tuple[int, Strange]]:
        """What no page of ours has, with its page, from 0."""
        return [(number, one) for number, page in enumerate(self.pages) for one in page.strange]


def squeezed(text: str) -> str:
    """The text without any space: lines break where they must."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", text))


class _Reader:
    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self.pages = {page.objgen: place for place, page in enumerate(pdf.pages)}
        self.contents = [content_of(page) for page in pdf.pages]
        self.used: Counter[tuple[int, int]] = Counter()
        self.heights = {
            (page, number): height
            for page, one in enumerate(self.contents)
            for number, height in one.heights.items()
            if one.texts[number].strip()
        }

    def read(self, node: Any, language: str, page: int | None, depth: int = 0) -> Tag:
        if depth > _DEEPEST:
            raise ValueError("a tree without end")
        own = str(node.get("/Lang", ""))
        here = self.page_of(node, page)
        tag = Tag(
            str(node.S)[1:], own or language, "/Lang" in node, str(node.get("/Alt", "")),
            str(node.get("/ActualText", node.get("/E", ""))), str(node.get("/ID", "")),
        )  # fmt: skip
        for attributes in _listed(node.get("/A")):
            tag.scope = str(attributes.get("/Scope", f"/{tag.scope}"))[1:]
            tag.columns = int(attributes.get("/ColSpan", tag.columns))
            tag.rows = int(attributes.get("/RowSpan", tag.rows))
            tag.numbering = str(attributes.get("/ListNumbering", f"/{tag.numbering}"))[1:]
            tag.headers += tuple(str(one) for one in attributes.get("/Headers", []))
        for kid in _listed(node.get("/K")):
            if isinstance(kid, int):
                tag.kids.append(self._text(tag, here, kid))
            elif kid.get("/Type") == "/MCR":
                tag.kids.append(self._text(tag, self.page_of(kid, here), int(kid.MCID)))
            elif kid.get("/Type") != "/OBJR":
                tag.kids.append(self.read(kid, tag.language, here, depth + 1))
        return tag

    def page_of(self, node: Any, page: int | None) -> int | None:
        """The page that a part says it is on; -1: one that is not in the document."""
        return self.pages.get(node.Pg.objgen, _GONE) if "/Pg" in node else page

    def _text(self, tag: Tag, page: int | None, number: int) -> str:
        if page is None:
            raise ValueError("a text on no page")
        if page == _GONE:
            tag.places.append(page)
            return ""
        if (page, number) in self.heights:
            tag.lines.append((page, self.heights[page, number]))
        tag.places.append(page)
        self.used[page, number] += 1
        return self.contents[page].texts[number]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, pikepdf.Array) else [value]


def read_tags(data: bytes) -> Tagged:
    """The tree of a document in bytes. Raises AttributeError where there is no tree at all."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        return tagged(pdf)


def tagged(pdf: pikepdf.Pdf) -> Tagged:
    """The tree of an open document. Raises AttributeError where there is none, and what damage makes pikepdf raise."""
    reader, language = _Reader(pdf), str(pdf.Root.get("/Lang", ""))
    tops = [reader.read(node, language, None) for node in _listed(pdf.Root.StructTreeRoot.K)]
    texts = {(page, number): text for page, one in enumerate(reader.contents) for number, text in one.texts.items()}
    preferences: Any = pdf.Root.get("/ViewerPreferences", {})
    marks: Any = pdf.Root.get("/MarkInfo", {})
    with pdf.open_outline() as outline:
        bookmarks = list(_bookmarks(outline.root, 1))
    return Tagged(
        root=tops[0] if len(tops) == 1 else Tag("StructTreeRoot", language, kids=[*tops]),
        title=str(pdf.docinfo.get("/Title", "")),
        language=language,
        shows_title=bool(preferences.get("/DisplayDocTitle", False)),
        is_marked=bool(marks.get("/Marked", False)),
        metadata=pdf.Root.Metadata.read_bytes().decode(),
        bookmarks=bookmarks,
        pages=reader.contents,
        unplaced=[text for place, text in texts.items() if place not in reader.used and text.strip()],
        twice=[texts[place] for place, count in reader.used.items() if count > 1],
    )


def _bookmarks(items: Iterable[Any], depth: int) -> Iterator[tuple[int, str]]:
    for item in items:
        yield depth, item.title
        yield from _bookmarks(item.children, depth + 1)
