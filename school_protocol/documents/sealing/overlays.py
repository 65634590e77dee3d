"""The one page that is laid over every page of a copy: made in some milliseconds, whatever the document's length."""

from __future__ import annotations

from school_protocol.documents import bidi
from school_protocol.documents.rendering import render, template
from school_protocol.documents.sealing.copies import Copy
from school_protocol.wording import Wording


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
