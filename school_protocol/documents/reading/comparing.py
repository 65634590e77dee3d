"""A document compared with the page that it says it was made of: every way in which its pages say, or hide, more or
less than that page does.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pikepdf

from school_protocol.documents.reading.derived import Derived
from school_protocol.documents.reading.tree import Tag, Tagged, squeezed, tagged

_BEFORE, _MOST = 40, 60
"""Letters of what is told before the place where two texts part, and from there on."""
_LABEL = re.compile(r"[•◦▪–]|(\d{1,4})\.")
_ROOT = frozenset(
    {
        "/AF", "/AcroForm", "/Extensions", "/Lang", "/MarkInfo", "/Metadata", "/Names", "/Outlines", "/OutputIntents",
        "/PageLabels", "/PageLayout", "/PageMode", "/Pages", "/Perms", "/StructTreeRoot", "/Type", "/Version",
        "/ViewerPreferences", "/Dests",
    }
)  # fmt: skip
_PAGE = frozenset(
    {
        "/Annots", "/BleedBox", "/Contents", "/CropBox", "/Group", "/MediaBox", "/Parent", "/Resources",
        "/StructParents", "/Tabs", "/TrimBox", "/Type",
    }
)  # fmt: skip
_BOXES = ("/CropBox", "/TrimBox", "/BleedBox", "/ArtBox")
_DAMAGE = (pikepdf.PdfError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What a damaged document makes its reader raise."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One of: `text` (said otherwise, after `after`), `added` (`found` is drawn, and nothing explains it), `hidden`
    (`found` stands there and can't be seen), `foreign` (a part that no document of ours has), `unreadable`.

    `page` from 1; 0: of the whole document.
    """

    kind: str
    page: int = 0
    after: str = ""
    wanted: str = ""
    found: str = ""


def differences(data: bytes, page: Derived | None, stamp: str) -> tuple[Difference, ...]:
    """Everything in which a document's pages are not those of `page`, the first place first. None: they agree.

    `page`: None where there is nothing to derive it from; then only what lies on and around the pages is looked at.
    `stamp`: the copy's own line, as each page must show it.
    """
    try:
        with pikepdf.open(BytesIO(data)) as pdf:
            foreign = list(_foreign(pdf))
            found = tagged(pdf)
    except _DAMAGE as problem:
        return (Difference("unreadable", found=f"{type(problem).__name__}: {problem}"[:_MOST]),)
    told = [*foreign, *_strange(found), *_artifacts(found, page, squeezed(stamp))]
    if page is not None:
        told = [*_text(found, page), *_around(found, page), *told]
    return tuple(dict.fromkeys(told))


# ---- parts ---------------------------------------------------------------------------------------------------------


def _foreign(pdf: pikepdf.Pdf) -> Iterator[Difference]:
    """Parts that our documents don't have, and that could show something or do something."""
    for key in sorted(set(pdf.Root.keys()) - _ROOT):
        yield Difference("foreign", found=key[1:])
    names: Any = pdf.Root.get("/Names", {})
    for key in sorted(set(names.keys()) - {"/EmbeddedFiles", "/Dests"}):
        yield Difference("foreign", found=key[1:])
    form: Any = pdf.Root.get("/AcroForm", {})
    fields: list[Any] = list(form.get("/Fields", []))
    if any(str(one.get("/FT")) != "/Sig" for one in fields) or len(fields) > 1:
        yield Difference("foreign", found="Fields")
    own = {one.objgen for one in fields}
    for number, page in enumerate(pdf.pages, start=1):
        for key in sorted(set(page.obj.keys()) - _PAGE):
            yield Difference("foreign", number, found=key[1:])
        box = [float(one) for one in page.obj.MediaBox]
        if any(key in page.obj and [float(one) for one in page.obj[key]] != box for key in _BOXES):
            yield Difference("foreign", number, found="CropBox")
        for note in page.obj.get("/Annots", []):
            if not (note.objgen in own and _is_out_of_sight(note, box)):
                yield Difference("foreign", number, found=str(note.get("/Subtype", "/Annot"))[1:])


def _is_out_of_sight(note: Any, box: list[float]) -> bool:
    left, low, right, high = (float(one) for one in note.Rect)
    is_off = max(left, right) <= box[0] or max(low, high) <= box[1]
    return "/AP" not in note and "/MK" not in note and (is_off or (left == right and low == high))


def _strange(found: Tagged) -> Iterator[Difference]:
    for number, one in found.strange:
        kind, said = ("hidden", one.said) if one.kind in ("hidden", "other_text") else ("foreign", one.said or one.kind)
        yield Difference(kind, number + 1, found=_short(said))
    for tag in found.root.walk():
        if tag.actual:
            yield Difference("hidden", _page_of(tag), found=_short(tag.actual))
    for number, content in enumerate(found.pages, start=1):
        for text in content.untold:
            yield Difference("added", number, found=_short(text))
    for text in found.unplaced:
        yield Difference("added", found=_short(text))


# ---- the text ------------------------------------------------------------------------------------------------------


class _Letters:
    """A text with the places of its letters, spaces left out."""

    def __init__(self, text: str) -> None:
        self.text = unicodedata.normalize("NFC", text)
        self.places = [place for place, letter in enumerate(self.text) if not letter.isspace()]
        self.squeezed = "".join(self.text[place] for place in self.places)

    def word_at(self, number: int) -> int:
        """The letter with which the word begins that the letter `number` stands in."""
        while number and self.places[number] == self.places[number - 1] + 1:
            number -= 1
        return number

    def cut(self, first: int, last: int) -> str:
        """From one letter to before another, in words."""
        places = self.places[max(first, 0) : last]
        return " ".join(self.text[places[0] : places[-1] + 1].split()) if places else ""


def _text(found: Tagged, page: Derived) -> Iterator[Difference]:
    """The first place where the pages say something else than the page that they are made of."""
    labels = {id(label) for label, _place in _labels(found)}
    pieces = [piece for piece in found.root.drawn() if id(piece[0]) not in labels]
    wanted, got = _Letters(page.spoken), _Letters("".join(text for _tag, text, _page in pieces))
    if wanted.squeezed == got.squeezed:
        return
    pairs = enumerate(zip(wanted.squeezed, got.squeezed, strict=False))
    least = min(len(wanted.squeezed), len(got.squeezed))
    at = next((number for number, (one, other) in pairs if one != other), least)
    begin = wanted.word_at(at) if at < len(wanted.places) else at
    yield Difference(
        "text",
        _page_at(pieces, begin),
        wanted.cut(begin - _BEFORE, begin),
        wanted.cut(begin, begin + _MOST),
        got.cut(begin, begin + _MOST),
    )


def _page_at(pieces: list[tuple[Tag, str, int]], letter: int) -> int:
    count, found = 0, 0
    for _tag, text, page in pieces:
        count, found = count + len(squeezed(text)), page + 1
        if count > letter:
            break
    return found


def _labels(found: Tagged) -> Iterator[tuple[Tag, int]]:
    """The bullets and numbers of lists, each with the place of its item; a label anywhere else is text."""
    for around in found.root.all("L"):
        for place, item in enumerate(around.tags, start=1):
            yield from ((tag, place) for tag in item.tags if tag.role == "Lbl")


def _around(found: Tagged, page: Derived) -> Iterator[Difference]:
    """What is read with the text: bullets, alternative texts, bookmarks, the title."""
    for label, place in _labels(found):
        shown = "".join(text for _tag, text, _page in label.drawn())
        for text in {shown, label.text}:
            said = _LABEL.fullmatch(squeezed(text))
            if said is None or (said[1] and int(said[1]) != place):
                yield Difference("added", _page_of(label), found=_short(text))
    told = [tag.alt for tag in found.root.walk() if tag.alt]
    yield from _beside(page.alternatives, told)
    heads, marks = [text for _level, text in page.headings], [squeezed(title) for _depth, title in found.bookmarks]
    yield from _beside(heads, marks)
    if page.title != found.title:
        yield Difference("text", 0, "", _short(page.title), _short(found.title))


def _beside(wanted: list[str], got: list[str]) -> Iterator[Difference]:
    if wanted != got:
        pairs = zip([*wanted, ""], [*got, ""], strict=False)
        one, other = next(((one, other) for one, other in pairs if one != other), ("", got[-1] if got else ""))
        yield Difference("text", 0, "", _short(one), _short(other))


# ---- what is only there for the eye --------------------------------------------------------------------------------


def _artifacts(found: Tagged, page: Derived | None, stamp: str) -> Iterator[Difference]:
    count, signs = len(found.pages), Counter[str]()
    heads = "|".join(re.escape(one) for one in sorted(page.heads if page else (), key=len, reverse=True))
    for number, content in enumerate(found.pages, start=1):
        said: dict[str, str] = {}
        for kind, text in content.artifacts:
            said[kind] = said.get(kind, "") + squeezed(text)
        line = said.pop("Watermark", "")
        if line != stamp:
            yield Difference("text", number, "", _short(stamp), _short(line))
        if page is None:
            continue
        signs.update(said.pop("Layout", ""))
        allowed = {"Header": (page.running,), "Footer": (page.foot_of(number, count),)}
        again = said.pop("Pagination", "")
        if again and not (heads and re.fullmatch(f"(?:{heads})*", again)):
            yield Difference("added", number, found=_short(again))
        for kind, text in said.items():
            if text and text not in allowed.get(kind, ()):
                yield Difference("added", number, found=_short(text))
    if page is not None and signs != page.hidden:
        more = "".join((signs - page.hidden).elements())
        less = "".join((page.hidden - signs).elements())
        yield Difference("added", found=_short(more)) if more else Difference("text", 0, "", _short(less), "")


def _page_of(tag: Tag) -> int:
    return next((page + 1 for _tag, _text, page in tag.drawn()), 0)


def _short(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= _MOST else said[: _MOST - 1] + "…"
