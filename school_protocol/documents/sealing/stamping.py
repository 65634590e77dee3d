"""The copy's own line, and its watermark, on every page: an artifact, so that tags and reading order stay as they are.

The overlay is one page (see `overlays`); it becomes one form that all pages share.
"""

from __future__ import annotations

from io import BytesIO

import pikepdf

from school_protocol.documents.sealing.errors import NotSealable, StampUnfit

_MARKED = frozenset({"BMC", "BDC", "EMC", "MP", "DP"})
"""Operators that tie content to the tag tree of the overlay's own file."""

_NAME = "/StampOfTheCopy"
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
    form = _form(document, drawn)
    before = document.make_stream(_OPENS)
    name, laid = pikepdf.Name(_NAME), dict[bytes, pikepdf.Object]()
    if any(_NAME in page.resources.get(pikepdf.Name.XObject, {}) for page in document.pages):
        raise NotSealable("stamped already")
    for page in document.pages:
        page.add_resource(form, pikepdf.Name.XObject, name)
        seen = pikepdf.Rectangle(page.trimbox)
        placed = page.calc_form_xobject_placement(form, name, seen, allow_shrink=True, allow_expand=True)
        if placed not in laid:
            laid[placed] = document.make_stream(_CLOSES % placed.strip())
        own = page.obj.get(pikepdf.Name.Contents)
        streams = list(own) if isinstance(own, pikepdf.Array) else [] if own is None else [own]
        page.obj.Contents = pikepdf.Array([before, *streams, laid[placed]])


def _form(document: pikepdf.Pdf, drawn: bytes) -> pikepdf.Object:
    """The overlay's page as a form of the document, without a word of tags."""
    try:
        source = pikepdf.open(BytesIO(drawn), attempt_recovery=False)
        if len(source.pages) != 1:
            raise StampUnfit(f"{len(source.pages)} pages")
        page = source.pages[0]
        kept = [item for item in pikepdf.parse_content_stream(page) if str(item.operator) not in _MARKED]
        page.obj.Contents = source.make_stream(pikepdf.unparse_content_stream(kept))
        return document.copy_foreign(source.make_indirect(page.as_form_xobject()))
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
