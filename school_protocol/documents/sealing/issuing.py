"""Issuing one copy of a prepared document. pikepdf and pyHanko are loaded at the first one, never at import."""

from __future__ import annotations

from datetime import datetime

from school_protocol.documents.sealing.assembling import assembled
from school_protocol.documents.sealing.copies import COPY, Copy
from school_protocol.documents.sealing.keys import SigningKey
from school_protocol.documents.sealing.signing import FIELD, sign
from school_protocol.documents.sealing.timestamps import TimestampAuthority


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
