"""The tag tree of a PDF, read by itself, and what can be wrong with it: each check gives its faults in words.

Nothing here knows how our documents are made: the text of an element is taken out of the pages' own streams.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

import pikepdf

ARTIFACT = "Artifact"
BLOCKS = frozenset({"P", "H1", "H2", "H3", "H4", "H5", "H6", "LBody", "Lbl", "TH", "TD", "Caption", "Figure"})
_SVG = "{http://www.w3.org/2000/svg}svg"
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
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", text))


# ---- the content of pages ------------------------------------------------------------------------------------------


class _Font:
    def __init__(self, font: Any) -> None:
        self.letters = dict(_letters(font.ToUnicode.read_bytes()))

    def read(self, shown: bytes) -> list[str]:
        return [self.letters.get(shown[at : at + 2], "\ufffd") for at in range(0, len(shown), 2)]


def _letters(cmap: bytes) -> Iterator[tuple[bytes, str]]:
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, text in re.findall(rb"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]*)>", block):
            yield bytes.fromhex(code.decode()), bytes.fromhex(text.decode()).decode("utf-16-be")


@dataclass
class _Content:
    texts: dict[int, str] = field(default_factory=dict)
    heights: dict[int, float] = field(default_factory=dict)
    artifacts: list[tuple[str, str]] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)


def _content(page: pikepdf.Page) -> _Content:
    """Text by MCID; what is shown from right to left is turned to the order in which it was written."""
    found, fonts = _Content(), {name: _Font(font) for name, font in page.Resources.get("/Font", {}).items()}
    font: _Font | None = None
    marks: list[tuple[str, int | None, str]] = []
    shown: list[str] = []
    for operands, operator in pikepdf.parse_content_stream(page):
        name = str(operator)
        if name in ("Tf", "ET", "BMC", "BDC", "EMC"):
            _keep(found, marks, shown)
            shown = []
        match name:
            case "BMC":
                marks.append((str(operands[0])[1:], None, ""))
            case "BDC":
                properties = operands[1]
                kind = str(properties.get("/Subtype", properties.get("/Type", "")))[1:]
                number = properties.get("/MCID")
                marks.append((str(operands[0])[1:], None if number is None else int(number), kind))
                if number is not None:
                    found.texts.setdefault(int(number), "")
            case "EMC":
                marks.pop()
            case "Tm":
                found.heights |= {number: float(operands[5]) for _name, number, _kind in marks if number is not None}
            case "Tf":
                font = fonts[str(operands[0])]
            case "TJ" | "Tj":
                pieces = operands[0] if name == "TJ" else [operands[0]]
                assert font is not None
                shown += [
                    code for piece in pieces if isinstance(piece, pikepdf.String) for code in font.read(bytes(piece))
                ]
    return found


def _keep(found: _Content, marks: list[tuple[str, int | None, str]], shown: list[str]) -> None:
    """What was shown at one go: where it has letters that go leftwards, it was written the other way round."""
    text = "".join(reversed(shown) if any(_RTL.search(one) for one in shown) else shown)
    if any(name == ARTIFACT for name, _number, _kind in marks):
        kind = next(kind for name, _number, kind in marks if name == ARTIFACT)
        found.artifacts += [(kind, text)] if text else []
    elif (number := next((one for _name, one, _kind in reversed(marks) if one is not None), None)) is not None:
        found.texts[number] += text
    elif text.strip():
        found.untold.append(text)


# ---- the tree ------------------------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self.pages = {page.objgen: place for place, page in enumerate(pdf.pages)}
        self.contents = [_content(page) for page in pdf.pages]
        self.used: Counter[tuple[int, int]] = Counter()
        self.heights = {
            (page, number): height
            for page, one in enumerate(self.contents)
            for number, height in one.heights.items()
            if one.texts[number].strip()
        }

    def read(self, node: Any, language: str, page: int | None) -> Tag:
        own = str(node.get("/Lang", ""))
        here = self.pages[node.Pg.objgen] if "/Pg" in node else page
        tag = Tag(
            str(node.S)[1:], own or language, "/Lang" in node, str(node.get("/Alt", "")),
            str(node.get("/ActualText", "")), str(node.get("/ID", "")),
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
                tag.kids.append(self._text(tag, self.pages[kid.Pg.objgen] if "/Pg" in kid else here, int(kid.MCID)))
            elif kid.get("/Type") != "/OBJR":
                tag.kids.append(self.read(kid, tag.language, here))
        return tag

    def _text(self, tag: Tag, page: int | None, number: int) -> str:
        assert page is not None
        if (page, number) in self.heights:
            tag.lines.append((page, self.heights[page, number]))
        self.used[page, number] += 1
        return self.contents[page].texts[number]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, pikepdf.Array) else [value]


def read_tags(data: bytes) -> Tagged:
    """Raises AttributeError where there is no tree at all."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        reader, language = _Reader(pdf), str(pdf.Root.get("/Lang", ""))
        tops = [reader.read(node, language, None) for node in _listed(pdf.Root.StructTreeRoot.K)]
        texts = {(page, number): text for page, one in enumerate(reader.contents) for number, text in one.texts.items()}
        preferences = pdf.Root.get("/ViewerPreferences", {})
        with pdf.open_outline() as outline:
            bookmarks = list(_bookmarks(outline.root, 1))
        return Tagged(
            root=tops[0] if len(tops) == 1 else Tag("StructTreeRoot", language, kids=[*tops]),
            title=str(pdf.docinfo.get("/Title", "")),
            language=language,
            shows_title=bool(preferences.get("/DisplayDocTitle", False)),
            is_marked=bool(pdf.Root.get("/MarkInfo", {}).get("/Marked", False)),
            metadata=pdf.Root.Metadata.read_bytes().decode(),
            bookmarks=bookmarks,
            artifacts=[one for content in reader.contents for one in content.artifacts],
            untold=[one for content in reader.contents for one in content.untold],
            unplaced=[text for place, text in texts.items() if place not in reader.used and text.strip()],
            twice=[texts[place] for place, count in reader.used.items() if count > 1],
        )


def _bookmarks(items: Iterable[Any], depth: int) -> Iterator[tuple[int, str]]:
    for item in items:
        yield depth, item.title
        yield from _bookmarks(item.children, depth + 1)


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


def spoken(html: str, running: Iterable[str] = ("running", "foot")) -> list[tuple[str, str]]:
    """A page's text with the language of each piece, as its HTML has them."""
    from weasyprint import HTML

    root = HTML(string=html).etree_element
    return [(text, own) for text, own in _spoken(root, frozenset(running), "") if text.strip()]


def reading_order(found: Tagged, html: str) -> list[str]:
    """The tree says what the HTML says, in its order, and nothing else."""
    wanted, got = (
        squeezed("".join(text for text, _language in spoken(html))),
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
    wanted = "".join(own + "\0" for text, own in spoken(html) for _letter in squeezed(text))
    got = "".join(own + "\0" for text, own in _with_language(found.root) for _letter in squeezed(text))
    if wanted == got:
        return []
    letters = squeezed("".join(text for text, _own in spoken(html)))
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
