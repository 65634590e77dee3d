"""Files inside a PDF/A-3: one more beside those that are there, and all of them read, never more than allowed.

A file that unpacks to more than its bound is never unpacked further than that: `bounded` says so.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pikepdf

from school_protocol.pdf.verdicts import FileExists, NotSealable, StampUnfit

# The copy's own line, and its watermark, on every page: an artifact, so that tags and reading order
# stay as they are.
# The overlay is one page (see `overlays`); it becomes one form that all pages share.

_MARKED = frozenset({"BMC", "BDC", "EMC", "MP", "DP"})
"""Operators that tie content to the tag tree of the overlay's own file."""

_NAME, _NUMBERS = "/StampOfTheCopy", "/NumberOfThePiece"
_OPENS = b"q\n"
_CLOSES = b"Q\n/Artifact <</Type /Pagination /Subtype /Watermark>> BDC\n%s\nEMC\n"


def stamped(pdf: bytes, drawn: bytes) -> bytes:
    """The document with the overlay `drawn` on every page; the same two, the same bytes.

    Raises NotSealable, StampUnfit.
    """
    with opened(pdf) as document:
        stamp(document, drawn)
        return written(document)


def stamp(document: pikepdf.Pdf, drawn: bytes) -> None:
    """Lay the overlay `drawn`, a PDF of one page, on every page of an open document. Raises NotSealable, StampUnfit."""
    forms = _forms(document, drawn)
    if len(forms) != 1:
        raise StampUnfit(f"{len(forms)} pages")
    _lay(document, [(_NAME, forms[0])] * len(document.pages))


def _lay(document: pikepdf.Pdf, forms: Sequence[tuple[str, pikepdf.Object]]) -> None:
    """Each page gets its form, by its name: pages may share resources. Raises NotSealable where one is taken."""
    before = document.make_stream(_OPENS)
    laid = dict[bytes, pikepdf.Object]()
    taken = {name for page in document.pages for name in page.resources.get(pikepdf.Name.XObject, {})}
    if taken.intersection(name for name, _form in forms):
        raise NotSealable("stamped already")
    for page, (called, form) in zip(document.pages, forms, strict=True):
        name = pikepdf.Name(called)
        page.add_resource(form, pikepdf.Name.XObject, name)
        seen = pikepdf.Rectangle(page.trimbox)
        placed = page.calc_form_xobject_placement(form, name, seen, allow_shrink=True, allow_expand=True)
        if placed not in laid:
            laid[placed] = document.make_stream(_CLOSES % placed.strip())
        own = page.obj.get(pikepdf.Name.Contents)
        streams = list(own) if isinstance(own, pikepdf.Array) else [] if own is None else [own]
        page.obj.Contents = pikepdf.Array([before, *streams, laid[placed]])


def _forms(document: pikepdf.Pdf, drawn: bytes) -> list[pikepdf.Object]:
    """The overlay's pages as forms of the document, without a word of tags. Raises StampUnfit."""
    try:
        source = pikepdf.open(BytesIO(drawn), attempt_recovery=False)
        for page in source.pages:
            kept = [item for item in pikepdf.parse_content_stream(page) if str(item.operator) not in _MARKED]
            page.obj.Contents = source.make_stream(pikepdf.unparse_content_stream(kept))
        return [document.copy_foreign(source.make_indirect(page.as_form_xobject())) for page in source.pages]
    except (pikepdf.PdfError, pikepdf.PasswordError) as problem:
        raise StampUnfit(str(problem)) from None


def opened(pdf: bytes) -> pikepdf.Pdf:
    """An open document, to be written anew by `written`. Raises NotSealable."""
    try:
        document = pikepdf.open(BytesIO(pdf), attempt_recovery=False)
    except (pikepdf.PdfError, pikepdf.PasswordError) as problem:
        raise NotSealable(str(problem)) from None
    if document.is_encrypted:
        document.close()
        raise NotSealable("encrypted")
    return document


def written(document: pikepdf.Pdf) -> bytes:
    """The document's bytes: the same document, the same bytes; its metadata is left as it is."""
    target = BytesIO()
    document.save(
        target,
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        deterministic_id=True,
        fix_metadata_version=False,
    )
    return target.getvalue()


JSON = "application/json"


class Unread(Exception):
    """A file inside is damaged, or packed in another way than ours."""


class TooMuch(Unread):
    """A file inside unpacks to more than it may."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file found inside a PDF: its name as readers show it, and its packed stream, still unread."""

    name: str
    stream: pikepdf.Stream

    def read(self, most: int) -> bytes:
        """Its bytes, at most so many. Raises TooMuch, Unread."""
        return bounded(self.stream, most)


def attached(pdf: bytes, name: str, data: bytes, *, description: str, moment: datetime, kind: str = JSON) -> bytes:
    """The document with one more associated file; the same input, the same bytes. Raises NotSealable, FileExists."""
    with opened(pdf) as document:
        attach(document, name, data, description=description, moment=moment, kind=kind)
        return written(document)


def attach(
    document: pikepdf.Pdf, name: str, data: bytes, *, description: str, moment: datetime, kind: str = JSON
) -> None:
    """Add an associated file (`/AFRelationship /Data`) to an open document. Raises FileExists."""
    if name in document.attachments:
        raise FileExists(name)
    stated = f"D:{moment.astimezone(UTC):%Y%m%d%H%M%SZ}"
    document.attachments[name] = pikepdf.AttachedFileSpec(
        document,
        data,
        filename=name,
        description=description,
        mime_type=kind,
        creation_date=stated,
        mod_date=stated,
        relationship=pikepdf.Name.Data,
    )
    added = document.attachments[name].obj
    associated: list[Any] = list(document.Root.get(pikepdf.Name.AF, []))
    # WeasyPrint names each of its files twice there.
    each = {file.objgen: file for file in [*associated, added]}
    document.Root.AF = pikepdf.Array(each.values())


def files_in(document: pikepdf.Pdf) -> Iterator[Attached]:
    """Every file that any part of the document carries, listed or not, in the order of its objects.

    Two names for one stream are two files, and so are two streams under one name.
    """
    for part in document.objects:
        for holder in _holders(part):
            yield from files_of(holder)


def files_of(holder: Any) -> Iterator[Attached]:
    """The files of one dictionary: none, unless it is a file specification."""
    embedded = holder.get(pikepdf.Name.EF)
    entries = embedded.values() if isinstance(embedded, pikepdf.Dictionary) else ()
    streams = {entry.objgen: entry for entry in entries if isinstance(entry, pikepdf.Stream)}
    yield from (Attached(_name(holder), stream) for stream in streams.values())


def _holders(part: Any) -> Iterator[Any]:
    """File specifications within one object: most objects have none, and are not walked."""
    if isinstance(part, pikepdf.Stream):
        part = part.stream_dict
    if isinstance(part, pikepdf.Dictionary | pikepdf.Array) and b"/EF" in part.unparse(resolved=True):
        yield from (inner for inner in dictionaries(part) if pikepdf.Name.EF in inner)


def dictionaries(part: Any) -> Iterator[Any]:
    """Every dictionary within one object, itself among them; other objects that it points at are left aside."""
    waiting = [part]
    while waiting:
        here = waiting.pop()
        if isinstance(here, pikepdf.Dictionary):
            yield here
        inside = list(here.values()) if isinstance(here, pikepdf.Dictionary) else list(here)
        waiting += [
            one for one in inside if isinstance(one, pikepdf.Dictionary | pikepdf.Array) and not one.is_indirect
        ]


def _name(holder: Any) -> str:
    return str(holder.get(pikepdf.Name.UF, holder.get(pikepdf.Name.F, "")))


def bounded(stream: pikepdf.Stream, most: int) -> bytes:
    """The stream's bytes, at most so many; packed by Flate or not at all. Raises TooMuch, Unread."""
    packing = stream.get(pikepdf.Name.Filter)
    if isinstance(packing, pikepdf.Array) and len(packing) == 1:
        packing = packing[0]
    raw = stream.read_raw_bytes()
    if packing is None:
        data = raw
    elif packing == pikepdf.Name.FlateDecode and pikepdf.Name.DecodeParms not in stream:
        data = _inflated(raw, most)
    else:
        raise Unread("packed in another way")
    if len(data) > most:
        raise TooMuch(f"more than {most} bytes")
    return data


def _inflated(raw: bytes, most: int) -> bytes:
    """One byte more than allowed, if there are so many."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(raw, most + 1)
    except zlib.error as problem:
        raise Unread(str(problem)) from None
    if not unpacking.eof and len(data) <= most:
        raise Unread("cut off")
    return data


# ---- several documents as one --------------------------------------------------------------------------------------

_HEAD = re.compile(r"/H([1-5])")


def joined(first: bytes, second: bytes) -> bytes:
    """`first` with the pages of `second` behind it, whose headings stand one level lower. Same input, same bytes.

    Both are of our own making: one language, one tree each, as `tagging` writes it.
    """
    with pikepdf.open(BytesIO(first)) as whole:
        _take_in(whole, second, "b", lower=True)
        return written(whole)


def bound(main: bytes, before: bytes, after: Iterable[bytes], drawn: bytes) -> bytes:
    """`main`, with its files and what it says of itself, between pages before and behind it; `drawn` has a page to be
    laid over each. All are of our own making. Same input, same bytes.

    Raises StampUnfit where there is no page for each.
    """
    with pikepdf.open(BytesIO(main)) as whole:
        _take_in(whole, before, "b", is_first=True)
        for place, one in enumerate(after):
            _take_in(whole, one, f"c{place:02d}")
        forms = _forms(whole, drawn)
        if len(forms) != len(whole.pages):
            raise StampUnfit(f"{len(forms)} pages for {len(whole.pages)}")
        _lay(whole, [(f"{_NUMBERS}{place}", form) for place, form in enumerate(forms, 1)])
        return written(whole)


def extent(pdf: bytes) -> tuple[int, tuple[int, ...]]:
    """How many pages there are, and on which, from nought, what its bookmarks name first begins."""
    with pikepdf.open(BytesIO(pdf)) as document:
        places = {page.obj.objgen: number for number, page in enumerate(document.pages)}
        with document.open_outline() as outline:
            starts = [places[next(iter(one.destination)).objgen] for one in outline.root]  # type: ignore[arg-type]
        return len(document.pages), tuple(starts)


def _take_in(whole: pikepdf.Pdf, pdf: bytes, mark: str, *, is_first: bool = False, lower: bool = False) -> None:
    """The pages of another document behind those that are there, or before them, with their tags and bookmarks.

    `mark` stands before the names of its header cells: each document counts its own from nought.
    """
    with pikepdf.open(BytesIO(pdf)) as part:
        start = 0 if is_first else len(whole.pages)
        for place, page in enumerate(part.pages, start):
            whole.pages.insert(place, page)
        pages = [page.obj for page in whole.pages][start : start + len(part.pages)]
        tree = whole.copy_foreign(part.Root.StructTreeRoot)
        if part.Root.Lang != whole.Root.Lang:
            for kid in tree.K[0].K:
                kid.Lang = kid.get("/Lang", pikepdf.String(str(part.Root.Lang)))
        _join_trees(whole.Root.StructTreeRoot, tree, pages, mark, is_first=is_first)
        for element in _elements(tree.K[0]):
            _follow(element, mark, lower=lower)
        _join_bookmarks(whole, part, pages, is_first=is_first, lower=lower)


def _join_trees(root: Any, tree: Any, pages: Iterable[Any], mark: str, *, is_first: bool) -> None:
    """The elements of another document under those of the first, each still told by its page and number."""
    shift = int(root.ParentTreeNextKey)
    for page in pages:
        page.StructParents = int(page.StructParents) + shift
    numbers = tree.ParentTree.Nums
    for place in range(0, len(numbers), 2):
        root.ParentTree.Nums.append(int(numbers[place]) + shift)
        root.ParentTree.Nums.append(numbers[place + 1])
    root.ParentTreeNextKey = shift + int(tree.ParentTreeNextKey)
    top, [other] = root.K[0], tree.K
    kids = list(other.K)
    for kid in kids:
        kid.P = top
    top.K = pikepdf.Array([*kids, *top.K] if is_first else [*top.K, *kids])
    if "/IDTree" in tree:
        names = _named(tree, mark) + (_named(root, "") if "/IDTree" in root else [])
        in_order = sorted(names, key=lambda pair: bytes(pair[0]))
        root.IDTree = pikepdf.Dictionary(Names=pikepdf.Array([one for pair in in_order for one in pair]))


def _named(tree: Any, mark: str) -> list[tuple[Any, Any]]:
    """The names of a tree's header cells, each with what it names."""
    listed = list(tree.IDTree.Names)
    return [(pikepdf.String(mark + str(name)), one) for name, one in zip(listed[::2], listed[1::2], strict=True)]


def _follow(element: Any, mark: str, *, lower: bool) -> None:
    """One element as part of another document: names of header cells its own, its heading one level lower."""
    found = _HEAD.fullmatch(str(element.S))
    if found and lower:
        element.S = pikepdf.Name(f"/H{int(found[1]) + 1}")
    if "/ID" in element:
        element.ID = pikepdf.String(mark + str(element.ID))
    if "/A" in element and "/Headers" in element.A:
        element.A.Headers = pikepdf.Array([pikepdf.String(mark + str(one)) for one in element.A.Headers])


def _elements(top: Any) -> Iterator[Any]:
    waiting = [top]
    while waiting:
        one = waiting.pop()
        kids = one.get("/K", ())
        for kid in kids if isinstance(kids, pikepdf.Array) else ():
            if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
                yield kid
                waiting.append(kid)


def _join_bookmarks(whole: pikepdf.Pdf, part: pikepdf.Pdf, pages: list[Any], *, is_first: bool, lower: bool) -> None:
    """Bookmarks of another document beside those that are there; `lower`: under the last one."""
    places = {page.obj.objgen: number for number, page in enumerate(part.pages)}

    def moved(item: pikepdf.OutlineItem) -> pikepdf.OutlineItem:
        page, *where = list(item.destination)  # type: ignore[arg-type]
        made = pikepdf.OutlineItem(item.title, pikepdf.Array([pages[places[page.objgen]], *where]))
        made.children.extend(moved(child) for child in item.children)
        return made

    with part.open_outline() as theirs, whole.open_outline() as ours:
        own = ours.root[-1].children if lower else ours.root
        place = 0 if is_first else len(own)
        own[place:place] = [moved(item) for item in theirs.root]
