"""What whoever verifies trusts: certificates and lists of revoked ones, all from files. Nothing is ever fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from school_protocol.documents.sealing.errors import TrustUnreadable

_PEM = b"-----BEGIN "


@dataclass(frozen=True, slots=True)
class Trust:
    """Root certificates of those who sign and of those who stamp the time; lists (CRL) of revoked ones. All DER.

    Revocation: whoever verifies is handed the authority's current list as a file. Without one nothing is asked of
    anybody, and a revoked certificate looks like any other.
    """

    roots: tuple[bytes, ...]
    timestamp_roots: tuple[bytes, ...] = ()
    revocation_lists: tuple[bytes, ...] = ()


def read_trust(
    roots: Iterable[bytes], timestamp_roots: Iterable[bytes] = (), revocation_lists: Iterable[bytes] = ()
) -> Trust:
    """The same from files, PEM (one or several in a file) or DER. Raises TrustUnreadable."""
    return Trust(
        tuple(one for data in roots for one in certificates(data)),
        tuple(one for data in timestamp_roots for one in certificates(data)),
        tuple(_revocation_list(data) for data in revocation_lists),
    )


def certificates(data: bytes) -> tuple[bytes, ...]:
    """The certificates of a file, DER. Raises TrustUnreadable."""
    try:
        found = x509.load_pem_x509_certificates(data) if _PEM in data else [x509.load_der_x509_certificate(data)]
    except ValueError as problem:
        raise TrustUnreadable(str(problem)) from None
    return tuple(one.public_bytes(Encoding.DER) for one in found)


def _revocation_list(data: bytes) -> bytes:
    try:
        found = x509.load_pem_x509_crl(data) if _PEM in data else x509.load_der_x509_crl(data)
    except ValueError as problem:
        raise TrustUnreadable(str(problem)) from None
    return found.public_bytes(Encoding.DER)
