"""A review sheet: room to remark, with a pen, on one copy of a case file, and the figures that bind it to that file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import segno
from markupsafe import Markup

from school_protocol.documents import bidi
from school_protocol.documents.papers.remarked import kind_said
from school_protocol.documents.rendering import BASE, render, template
from school_protocol.domain.document_rules import Document, Section
from school_protocol.domain.events import RemarkKind
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import Protocol
from school_protocol.wording import ZONE, Wording

ON_ENTRIES = 4
"""Remarks on entries of the chronology that there is room for."""
LINES = 2
_PICTURE = f"{BASE}figures.svg"


@dataclass(frozen=True, slots=True)
class ReviewSheet:
    """What a sheet prints of the copy that it goes with; of the case, its number and where it is."""

    protocol: Protocol
    document: Document
    number: str
    unit: Unit
    copy: int
    profile: str
    reader: str
    issued_at: datetime
    content_seq: int
    content_head: str
    figures: str
    """The first figures of the copy's digest, in groups, with their check."""
    sections: tuple[tuple[str, Section], ...]
    """What can be remarked on, by the letter and number under which it is typed in."""
    address: str = ""
    """Where they are typed in, of this very copy; empty: the installation has no address."""


def review_sheet(view: ReviewSheet, wording: Wording) -> bytes:
    """The PDF/A-3a. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    told = (view.number, view.copy, view.figures, wording.language, view.address)
    return render(
        review_sheet_html(view, wording),
        title=f"{wording._('Review sheet')} {view.number}",
        language=wording.html_language,
        identifier="|".join(str(part) for part in ("review", *told)),
        moment=view.issued_at,
        pictures={_PICTURE: ("image/svg+xml", _picture(view))},
        accessible=True,
    )


def review_sheet_html(view: ReviewSheet, wording: Wording) -> str:
    """The page that the PDF is made of."""

    def line(value: object) -> Markup:
        return bidi.isolated(str(value), wording.direction)

    def day(moment: datetime) -> Markup:
        return Markup('<span class="nowrap">{}</span>').format(line(wording.day(moment.astimezone(ZONE))))

    return template("review_sheet.html").render(
        view=view, w=wording, _=wording.gettext, line=line, day=day, code=bidi.code, picture=_PICTURE,
        text=lambda text: line(wording.text(text)), kinds=[kind_said(wording, kind.value) for kind in RemarkKind],
        lines=LINES, on_entries=ON_ENTRIES,
    )  # fmt: skip


def _picture(view: ReviewSheet) -> bytes:
    """The code for a telephone: where to type it in, or, without an address, what to type."""
    out = BytesIO()
    told = view.address or f"{view.number} {view.copy} {view.figures}"
    segno.make(told, error="m", micro=False).save(out, kind="svg", border=2, xmldecl=False, svgns=True, nl=False)
    return out.getvalue()
