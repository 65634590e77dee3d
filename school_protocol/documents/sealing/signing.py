"""A PAdES signature (B-B; B-T where a timestamp authority is named) that leaves a PDF/A-3 what it was.

The signature certifies the document: no later change is allowed, not even a harmless one. Its field is invisible.
"""

from __future__ import annotations

from datetime import datetime

from school_protocol.documents.sealing.errors import NotSealable, SealingError
from school_protocol.documents.sealing.keys import SigningKey
from school_protocol.documents.sealing.timestamps import TimestampAuthority

FIELD = "Signature"


def sign(
    pdf: bytes, key: SigningKey, moment: datetime, authority: TimestampAuthority | None = None, label: str = FIELD
) -> bytes:
    """The document, signed; all that it was before stands at its beginning, byte for byte.

    `label`: what a screen reader says of the field. Raises NotSealable, CertificateNotYetValid, CertificateExpired,
    TimestampRefused.
    """
    key.check(moment)
    from school_protocol.documents.sealing import pades  # loads pyHanko, a quarter of a second, once

    try:
        return pades.signed(pdf, key, moment, authority, field=FIELD, label=label)
    except SealingError:
        raise
    except Exception as problem:  # pyHanko raises what its parts raise
        raise NotSealable(f"{type(problem).__name__}: {problem}") from problem
