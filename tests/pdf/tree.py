"""The tag tree of a PDF, read by itself: elements in the order of reading, each with the text that its pages show.

Text is taken out of the pages' own streams, by the number that ties it to the tags; what is shown from right to left is
turned to the order of writing. Nothing here knows how our documents are made.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pikepdf

_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")


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


@dataclass
class Tagged:
    """A PDF as a reader's software sees it."""

    root: Tag
    pages: int
    title: str
    language: str
    shows_title: bool
    is_marked: bool
    metadata: str
    bookmarks: list[tuple[int, str]]
    """Depth and title, in order."""
    artifacts: list[tuple[str, str]]
    """Kind and text of what is only there for the eye."""
    untold: list[str]
    """Text that is neither in the tree nor an artifact."""
    unplaced: list[str]
    """Text that says it is in the tree, and is not."""
    twice: list[str]
    """Text that is in the tree more than once."""


def squeezed(text: str) -> str:
    """The text without any space: lines break where they must."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", text))


def read_tags(data: bytes) -> Tagged:
    """The tree of a document in bytes. Raises AttributeError where there is no tree at all."""
    with pikepdf.open(io.BytesIO(data)) as pdf, pdf.open_outline() as outline:
        tree, language = _Tree(pdf), str(pdf.Root.get("/Lang", ""))
        tops = [tree.read(node, language, None) for node in _listed(pdf.Root.StructTreeRoot.K)]
        texts = {(page, number): text for page, one in enumerate(tree.contents) for number, text in one.texts.items()}
        return Tagged(
            root=tops[0] if len(tops) == 1 else Tag("StructTreeRoot", language, kids=[*tops]),
            pages=len(pdf.pages),
            title=str(pdf.docinfo.get("/Title", "")),
            language=language,
            shows_title=bool(pdf.Root.get("/ViewerPreferences", {}).get("/DisplayDocTitle", False)),
            is_marked=bool(pdf.Root.get("/MarkInfo", {}).get("/Marked", False)),
            metadata=pdf.Root.Metadata.read_bytes().decode(),
            bookmarks=list(_bookmarks(outline.root, 1)),
            artifacts=[one for page in tree.contents for one in page.artifacts],
            untold=[one for page in tree.contents for one in page.untold],
            unplaced=[text for place, text in texts.items() if place not in tree.used and text.strip()],
            twice=[texts[place] for place, count in tree.used.items() if count > 1],
        )


def _bookmarks(items: Iterable[Any], depth: int) -> Iterator[tuple[int, str]]:
    for item in items:
        yield depth, item.title
        yield from _bookmarks(item.children, depth + 1)


class _Tree:
    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self.pages = {page.objgen: place for place, page in enumerate(pdf.pages)}
        self.contents = [Content(page) for page in pdf.pages]
        self.used: Counter[tuple[int, int]] = Counter()

    def read(self, node: Any, language: str, page: int | None) -> Tag:
        here = self.page_of(node, page)
        tag = Tag(
            str(node.S)[1:], str(node.get("/Lang", "")) or language, "/Lang" in node, str(node.get("/Alt", "")),
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
                tag.kids.append(self.text(tag, here, kid))
            elif kid.get("/Type") == "/MCR":
                tag.kids.append(self.text(tag, self.page_of(kid, here), int(kid.MCID)))
            elif kid.get("/Type") != "/OBJR":
                tag.kids.append(self.read(kid, tag.language, here))
        return tag

    def page_of(self, node: Any, page: int | None) -> int | None:
        return self.pages[node.Pg.objgen] if "/Pg" in node else page

    def text(self, tag: Tag, page: int | None, number: int) -> str:
        assert page is not None, "a text on no page"
        found = self.contents[page].texts[number]
        if found.strip():
            tag.lines.append((page, self.contents[page].heights[number]))
        self.used[page, number] += 1
        return found


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, pikepdf.Array) else [value]


# ---- one page's content --------------------------------------------------------------------------------------------


class Content:
    """What one page says, by the number that ties it to the tags, and what it says besides."""

    def __init__(self, page: pikepdf.Page) -> None:
        self.texts: dict[int, str] = {}
        self.heights: dict[int, float] = {}
        self.artifacts: list[tuple[str, str]] = []
        self.untold: list[str] = []
        self.pieces: list[tuple[float, str]] = []
        """Each text that is shown at one go, as it stands from left to right, and where it begins."""
        self._fonts: dict[tuple[int, int], _Font] = {}
        self._marks: list[tuple[str, int | None, str]] = []
        """Name, number and kind of the marks around what is being read."""
        self._shown: list[str] = []
        self._read(page, page.resources)

    def _read(self, stream: Any, resources: Any) -> None:
        look: tuple[_Font | None, float] = None, 0.0
        kept, x = [look], 0.0
        for operands, operator in pikepdf.parse_content_stream(stream):
            name = str(operator)
            if name in ("Tf", "ET", "BMC", "BDC", "EMC", "Do"):
                self._keep()
            if name == "q":
                kept.append(look)
            elif name == "Q":
                look = kept.pop()
            elif name in ("BMC", "BDC"):
                self._mark(str(operands[0])[1:], operands[1] if name == "BDC" else {})
            elif name == "EMC":
                self._marks.pop()
            elif name == "Tf":
                look = self._font(resources.Font[str(operands[0])]), float(operands[1])
            elif name == "Tm":
                x, height = float(operands[4]), float(operands[5])
                self.heights |= {number: height for _name, number, _kind in self._marks if number is not None}
            elif name in ("TJ", "Tj"):
                x = self._show(operands[0] if name == "TJ" else [operands[0]], *look, x)
            elif name == "Do" and resources.XObject[str(operands[0])].Subtype == "/Form":
                form = resources.XObject[str(operands[0])]
                self._read(form, form.get("/Resources", resources))
        self._keep()

    def _font(self, font: Any) -> _Font:
        if font.objgen not in self._fonts:
            self._fonts[font.objgen] = _Font(font)
        return self._fonts[font.objgen]

    def _mark(self, name: str, about: Any) -> None:
        number = about.get("/MCID")
        kind = str(about.get("/Subtype", about.get("/Type", "")))[1:]
        self._marks.append((name, None if number is None else int(number), kind))
        if number is not None:
            self.texts.setdefault(int(number), "")

    def _show(self, pieces: Any, font: _Font | None, size: float, x: float) -> float:
        assert font is not None, "text without a font"
        places, letters = [], []
        for piece in pieces:
            if not isinstance(piece, pikepdf.String):
                x -= float(piece) * size / 1000
                continue
            codes = bytes(piece)
            for code in (codes[place : place + 2] for place in range(0, len(codes), 2)):
                places.append(x)
                letters.append(font.letters.get(code, "\ufffd"))
                x += font.widths.get(int.from_bytes(code, "big"), font.usual) * size / 1000
        self._shown += letters
        self.pieces += [(places[0], "".join(letters))] if letters else []
        return x

    def _keep(self) -> None:
        """What was shown at one go: where it has letters that go leftwards, it was written the other way round."""
        shown, self._shown = self._shown, []
        text = "".join(reversed(shown) if any(_RTL.search(one) for one in shown) else shown)
        kind = next((kind for name, _number, kind in self._marks if name == "Artifact"), None)
        number = next((number for _name, number, _kind in reversed(self._marks) if number is not None), None)
        if kind is not None:
            self.artifacts += [(kind, text)] if text else []
        elif number is not None:
            self.texts[number] += text
        elif text.strip():
            self.untold.append(text)


class _Font:
    """Which letters its codes of two bytes stand for, and how wide they are, in thousandths of its size."""

    def __init__(self, font: Any) -> None:
        assert (font.Subtype, font.Encoding) == ("/Type0", "/Identity-H"), "a font of another kind"
        self.letters = dict(_letters(font.ToUnicode.read_bytes()))
        inner = font.DescendantFonts[0]
        self.usual, told = float(inner.get("/DW", 1000)), list(inner.get("/W", []))
        self.widths: dict[int, float] = {}
        for first, widths in zip(told[::2], told[1::2], strict=True):
            self.widths |= {int(first) + place: float(width) for place, width in enumerate(widths)}


def _letters(cmap: bytes) -> Iterator[tuple[bytes, str]]:
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, text in re.findall(rb"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]*)>", block):
            yield bytes.fromhex(code.decode()), bytes.fromhex(text.decode()).decode("utf-16-be")
