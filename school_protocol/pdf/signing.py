"""A signature beside what it signs (CMS, detached), as any tool can verify it: by the academy's key, timestamped."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from school_protocol.pdf.signing_keys import SigningKey
from school_protocol.pdf.verdicts import NotSealable, SealingError

# A timestamp from an authority (RFC 3161): asked for, checked, and relieved of what nobody could
# check later.

Ask = Callable[[bytes], bytes]
"""A request, DER → the authority's answer, DER. Raises OSError where there is none."""

MOST = 64 * 1024
"""Bytes of an answer."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """An authority that points elsewhere is an error: nobody is asked whom nobody set."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class TimestampAuthority:
    """Whom to ask, and the root certificates (PEM or DER) that its answers must lead to."""

    ask: Ask
    roots: tuple[bytes, ...]


def over_http(address: str, seconds: float = 10) -> Ask:
    """Asks at an http(s) address. The one door of this package to the network, and only when something is signed."""
    if not address.startswith(("https://", "http://")):
        raise ValueError(f"not an http address: {address}")

    def ask(request: bytes) -> bytes:
        sent = urllib.request.Request(  # noqa: S310 (http and https alone, see above)
            address,
            data=request,
            headers={"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"},
        )
        with urllib.request.build_opener(_Stay).open(sent, timeout=seconds) as answer:
            data: bytes = answer.read(MOST + 1)
        if len(data) > MOST:
            raise OSError("the answer is too long")
        return data

    return ask


def signed_apart(data: bytes, key: SigningKey, moment: datetime, authority: TimestampAuthority | None = None) -> bytes:
    """The signature of these bytes, DER. Raises CertificateNotYetValid, CertificateExpired, TimestampRefused."""
    key.check(moment)
    from school_protocol.pdf import pades  # loads pyHanko, a quarter of a second, once

    try:
        return pades.signature_beside(data, key, moment, authority)
    except SealingError:
        raise
    except Exception as problem:  # pyHanko raises what its parts raise
        raise NotSealable(f"{type(problem).__name__}: {problem}") from problem


# A PAdES signature (B-B; B-T where a timestamp authority is named) that leaves a PDF/A-3 what it
# was.
# The signature certifies the document: no later change is allowed, not even a harmless one. Its
# field is invisible.

FIELD = "Signature"


def sign(
    pdf: bytes, key: SigningKey, moment: datetime, authority: TimestampAuthority | None = None, label: str = FIELD
) -> bytes:
    """The document, signed; all that it was before stands at its beginning, byte for byte.

    `label`: what a screen reader says of the field. Raises NotSealable, CertificateNotYetValid, CertificateExpired,
    TimestampRefused.
    """
    key.check(moment)
    from school_protocol.pdf import pades  # loads pyHanko, a quarter of a second, once

    try:
        return pades.signed(pdf, key, moment, authority, field=FIELD, label=label)
    except SealingError:
        raise
    except Exception as problem:  # pyHanko raises what its parts raise
        raise NotSealable(f"{type(problem).__name__}: {problem}") from problem
