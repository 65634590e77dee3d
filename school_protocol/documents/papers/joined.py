"""Two tagged documents as one: pages, tree, bookmarks. What follows becomes a part of what goes before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

import pikepdf

from school_protocol.documents.sealing.stamping import written

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
