"""A copy before it is signed: its line on every page, copy.json beside the record whose digest it names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import segno
from markupsafe import Markup

from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.rendering import render, template
from school_protocol.pdf.verdicts import COPY, RECORD, RECORD_MOST, Copy, NotSealable

if TYPE_CHECKING:
    import pikepdf


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


@dataclass(frozen=True, slots=True)
class CheckCode:
    """By what a copy is found again from its paper alone: typed, or by a camera at `address`, if there is one."""

    code: str
    address: str

    def picture(self) -> Markup:
        return Markup(segno.make(self.address, error="l", micro=False).svg_inline(border=0, omitsize=True))  # noqa: S704 - segno draws paths


def overlay(
    copy: Copy, wording: Wording, watermark: str = "", *, check: CheckCode | None = None, landscape: bool = False
) -> bytes:
    """One page that says copy number, reader and moment at its foot, and `watermark` in large letters across.

    `landscape`: for pages that lie across. The same copy gives the same bytes. Raises DocumentsUnavailable.
    """
    return render(
        overlay_html(copy, wording, watermark, check=check, landscape=landscape),
        title=wording._("Copy %(number)s", number=copy.number),
        language=wording.html_language,
        identifier=f"stamp|{copy.number}|{copy.moment}|{watermark}{'|across' if landscape else ''}",
        moment=copy.moment,
    )


def overlay_html(
    copy: Copy, wording: Wording, watermark: str = "", *, check: CheckCode | None = None, landscape: bool = False
) -> str:
    """The page that the overlay is made of."""
    return template("stamp.html").render(
        copy=copy,
        check=check,
        code=bidi.code,
        landscape=landscape,
        watermark=bidi.isolated(watermark, wording.direction),
        w=wording,
        _=wording.gettext,
        line=lambda text: bidi.isolated(str(text), wording.direction),
    )
