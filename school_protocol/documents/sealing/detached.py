"""A signature beside what it signs (CMS, detached), as any tool can verify it: by the academy's key, timestamped."""

from __future__ import annotations

from datetime import datetime

from school_protocol.documents.sealing.errors import NotSealable, SealingError
from school_protocol.documents.sealing.keys import SigningKey
from school_protocol.documents.sealing.timestamps import TimestampAuthority


def signed_apart(data: bytes, key: SigningKey, moment: datetime, authority: TimestampAuthority | None = None) -> bytes:
    """The signature of these bytes, DER. Raises CertificateNotYetValid, CertificateExpired, TimestampRefused."""
    key.check(moment)
    from school_protocol.documents.sealing import pades  # loads pyHanko, a quarter of a second, once

    try:
        return pades.signed_apart(data, key, moment, authority)
    except SealingError:
        raise
    except Exception as problem:  # pyHanko raises what its parts raise
        raise NotSealable(f"{type(problem).__name__}: {problem}") from problem
