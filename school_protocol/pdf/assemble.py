"""Two tagged documents as one: pages, tree, bookmarks. What follows becomes a part of what goes before."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pikepdf

from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.embedding import written
from school_protocol.pdf.rendering import render, template
from school_protocol.pdf.signing import FIELD, TimestampAuthority, sign
from school_protocol.pdf.signing_keys import SigningKey
from school_protocol.pdf.verdicts import COPY, RECORD, RECORD_MOST, Copy, NotSealable

if TYPE_CHECKING:
    import pikepdf

_HEAD = re.compile(r"/H([1-5])")
_MARK = "b"
"""Before the names of header cells of the second document: both count theirs from nought."""


def joined(first: bytes, second: bytes) -> bytes:
    """`first` with the pages of `second` behind it, whose headings stand one level lower. Same input, same bytes.

    Both are of our own making: one language, one tree each, as `tagging` writes it.
    """
    with pikepdf.open(BytesIO(first)) as whole, pikepdf.open(BytesIO(second)) as part:
        before = len(whole.pages)
        whole.pages.extend(part.pages)
        pages = [page.obj for page in whole.pages][before:]
        tree = whole.copy_foreign(part.Root.StructTreeRoot)
        _join_trees(whole.Root.StructTreeRoot, tree, pages)
        _join_bookmarks(whole, part, pages)
        return written(whole)


def _join_trees(root: Any, tree: Any, pages: Iterable[Any]) -> None:
    """The elements of the second document under those of the first, each still told by its page and number."""
    shift = int(root.ParentTreeNextKey)
    for page in pages:
        page.StructParents = int(page.StructParents) + shift
    numbers = tree.ParentTree.Nums
    for place in range(0, len(numbers), 2):
        root.ParentTree.Nums.append(int(numbers[place]) + shift)
        root.ParentTree.Nums.append(numbers[place + 1])
    root.ParentTreeNextKey = shift + int(tree.ParentTreeNextKey)
    top, [other] = root.K[0], tree.K
    for kid in list(other.K):
        kid.P = top
        top.K.append(kid)
    for element in _elements(other):
        _follow(element)
    if "/IDTree" in tree:
        names = list(root.IDTree.Names) if "/IDTree" in root else []
        own = list(tree.IDTree.Names)
        named = [one if place % 2 else pikepdf.String(_MARK + str(one)) for place, one in enumerate(own)]
        root.IDTree = pikepdf.Dictionary(Names=pikepdf.Array([*named, *names]))


def _follow(element: Any) -> None:
    """One element as part of another document: its heading one level lower, names of header cells its own."""
    found = _HEAD.fullmatch(str(element.S))
    if found:
        element.S = pikepdf.Name(f"/H{int(found[1]) + 1}")
    if "/ID" in element:
        element.ID = pikepdf.String(_MARK + str(element.ID))
    if "/A" in element and "/Headers" in element.A:
        element.A.Headers = pikepdf.Array([pikepdf.String(_MARK + str(one)) for one in element.A.Headers])


def _elements(top: Any) -> Iterator[Any]:
    waiting = [top]
    while waiting:
        one = waiting.pop()
        kids = one.get("/K", ())
        for kid in kids if isinstance(kids, pikepdf.Array) else ():
            if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
                yield kid
                waiting.append(kid)


def _join_bookmarks(whole: pikepdf.Pdf, part: pikepdf.Pdf, pages: list[Any]) -> None:
    """Bookmarks of the second document under the first one's only title."""
    places = {page.obj.objgen: number for number, page in enumerate(part.pages)}

    def moved(item: pikepdf.OutlineItem) -> pikepdf.OutlineItem:
        page, *where = list(item.destination)  # type: ignore[arg-type]
        made = pikepdf.OutlineItem(item.title, pikepdf.Array([pages[places[page.objgen]], *where]))
        made.children.extend(moved(child) for child in item.children)
        return made

    with part.open_outline() as theirs, whole.open_outline() as ours:
        ours.root[-1].children.extend(moved(item) for item in theirs.root)


# A copy before it is signed: its line on every page, copy.json beside the record whose digest it
# names.


def assembled(prepared: bytes, drawn: bytes, copy: Copy, description: str = COPY, *, has_record: bool = True) -> bytes:
    """A prepared PDF/A-3 with the overlay `drawn` on its pages and copy.json inside. Same input, same bytes.

    `description` is what readers show beside copy.json; `has_record`: false for a letter, which carries none. Raises
    NotSealable, StampUnfit, FileExists.
    """
    from school_protocol.pdf import embedding  # loads pikepdf, once

    with embedding.opened(prepared) as document:
        embedding.stamp(document, drawn)
        told = replace(copy, record_digest=_record_digest(document) if has_record else "").as_json()
        embedding.attach(document, COPY, told, description=description, moment=copy.moment)
        return embedding.written(document)


def _record_digest(document: pikepdf.Pdf) -> str:
    """SHA-256 of record.json, as the document lists it. Raises NotSealable."""
    from school_protocol.pdf.embedding import Unread, files_of

    files = list(files_of(document.attachments[RECORD].obj)) if RECORD in document.attachments else []
    if len(files) != 1:
        raise NotSealable(f"{len(files)} records")
    try:
        return hashlib.sha256(files[0].read(RECORD_MOST)).hexdigest()
    except Unread as problem:
        raise NotSealable(f"record: {problem}") from None


# Issuing one copy of a prepared document. pikepdf and pyHanko are loaded at the first one, never at
# import.


def issue(
    prepared: bytes,
    drawn: bytes,
    copy: Copy,
    key: SigningKey,
    moment: datetime,
    authority: TimestampAuthority | None = None,
    *,
    description: str = COPY,
    label: str = FIELD,
) -> bytes:
    """The signed copy of a prepared PDF/A-3 that carries its record; `drawn` is the overlay for its pages.

    `description` and `label` are what readers show of copy.json and of the signature. Raises NotSealable, StampUnfit,
    FileExists, CertificateNotYetValid, CertificateExpired, TimestampRefused: then nothing was issued.
    """
    key.check(moment)
    return sign(assembled(prepared, drawn, copy, description), key, moment, authority, label)


# The one page that is laid over every page of a copy: made in some milliseconds, whatever the
# document's length.


def overlay(copy: Copy, wording: Wording, watermark: str = "", *, landscape: bool = False) -> bytes:
    """One page that says copy number, reader and moment at its foot, and `watermark` in large letters across.

    `landscape`: for pages that lie across.

    The same copy gives the same bytes. Raises DocumentsUnavailable.
    """
    return render(
        overlay_html(copy, wording, watermark, landscape=landscape),
        title=wording._("Copy %(number)s", number=copy.number),
        language=wording.html_language,
        identifier=f"stamp|{copy.number}|{copy.moment}|{watermark}{'|across' if landscape else ''}",
        moment=copy.moment,
    )


def overlay_html(copy: Copy, wording: Wording, watermark: str = "", *, landscape: bool = False) -> str:
    """The page that the overlay is made of."""
    return template("stamp.html").render(
        copy=copy,
        landscape=landscape,
        watermark=bidi.isolated(watermark, wording.direction),
        w=wording,
        _=wording.gettext,
        line=lambda text: bidi.isolated(str(text), wording.direction),
    )
