"""A copy before it is signed: its line on every page, copy.json beside the record whose digest it names."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from school_protocol.documents.sealing.copies import COPY, RECORD, RECORD_MOST, Copy
from school_protocol.documents.sealing.errors import NotSealable

if TYPE_CHECKING:
    import pikepdf


def assembled(prepared: bytes, drawn: bytes, copy: Copy, description: str = COPY, *, has_record: bool = True) -> bytes:
    """A prepared PDF/A-3 with the overlay `drawn` on its pages and copy.json inside. Same input, same bytes.

    `description` is what readers show beside copy.json; `has_record`: false for a letter, which carries none. Raises
    NotSealable, StampUnfit, FileExists.
    """
    from school_protocol.documents.sealing import attaching, stamping  # loads pikepdf, once

    with stamping.opened(prepared) as document:
        stamping.stamp(document, drawn)
        told = replace(copy, record_digest=_record_digest(document) if has_record else "").as_json()
        attaching.attach(document, COPY, told, description=description, moment=copy.moment)
        return stamping.written(document)


def _record_digest(document: pikepdf.Pdf) -> str:
    """SHA-256 of record.json, as the document lists it. Raises NotSealable."""
    from school_protocol.documents.sealing.attaching import Unread, files_of

    files = list(files_of(document.attachments[RECORD].obj)) if RECORD in document.attachments else []
    if len(files) != 1:
        raise NotSealable(f"{len(files)} records")
    try:
        return hashlib.sha256(files[0].read(RECORD_MOST)).hexdigest()
    except Unread as problem:
        raise NotSealable(f"record: {problem}") from None
