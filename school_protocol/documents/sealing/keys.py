"""The academy's key and its certificates, read from a file: PKCS#12, or PEM."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, pkcs12

from school_protocol.documents.sealing.errors import (
    CertificateExpired,
    CertificateNotYetValid,
    KeyLost,
    KeyMismatch,
    KeyUnreadable,
    KeyUnsuited,
    PassphraseWrong,
)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

RSA_LEAST = 2048
"""Bits."""

_PEM = b"-----BEGIN "


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key, its certificate, and those that lead from it towards the root, the root itself left out."""

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    def check(self, moment: datetime) -> None:
        """Whether it may sign now. Raises CertificateNotYetValid, CertificateExpired."""
        if moment < self.certificate.not_valid_before_utc:
            raise CertificateNotYetValid(f"{self.certificate.not_valid_before_utc:%Y-%m-%d}")
        if moment > self.certificate.not_valid_after_utc:
            raise CertificateExpired(f"{self.certificate.not_valid_after_utc:%Y-%m-%d}")


def read_key_file(path: Path, passphrase: str = "", chain: Path | None = None) -> SigningKey:
    """The key in a file; `chain`: a second one with its certificates. Raises KeyLost, and what `read_key` raises."""
    try:
        data = path.read_bytes()
        certificates = chain.read_bytes() if chain else b""
    except OSError as problem:
        raise KeyLost(f"{problem.filename}: {problem.strerror}") from None
    return read_key(data, passphrase, certificates)


def read_key(data: bytes, passphrase: str = "", chain: bytes = b"") -> SigningKey:
    """A key with its certificates, as PKCS#12 or PEM; `chain`: more certificates, as PEM.

    Raises KeyUnreadable, PassphraseWrong, KeyMismatch, KeyUnsuited.
    """
    secret = passphrase.encode()
    key, certificates = _from_pem(data, secret) if _PEM in data else _from_pkcs12(data, secret)
    certificates += _certificates(chain)
    if not certificates:
        raise KeyUnreadable("no certificate")
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise KeyUnsuited(type(key).__name__)
    own = next((certificate for certificate in certificates if _public(certificate) == _public(key)), None)
    if own is None:
        raise KeyMismatch(", ".join(certificate.subject.rfc4514_string() for certificate in certificates))
    _check_suited(key, own)
    return SigningKey(key, own, _towards_the_root(own, certificates))


def _from_pem(data: bytes, secret: bytes) -> tuple[object, list[x509.Certificate]]:
    is_locked = b"ENCRYPTED" in data
    if is_locked and not secret:
        raise PassphraseWrong("none was given")
    try:
        return load_pem_private_key(data, secret if is_locked else None), _certificates(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise (PassphraseWrong if is_locked else KeyUnreadable)(str(problem)) from None


def _from_pkcs12(data: bytes, secret: bytes) -> tuple[object, list[x509.Certificate]]:
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(data, secret or None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise (PassphraseWrong if _is_pkcs12(data) else KeyUnreadable)(str(problem)) from None
    if key is None:
        raise KeyUnreadable("no key")
    return key, [*([certificate] if certificate else []), *others]


def _is_pkcs12(data: bytes) -> bool:
    """Whether it has that shape, whatever its passphrase."""
    from asn1crypto import pkcs12 as shape

    try:
        return bool(shape.Pfx.load(data, strict=True)["version"].native == "v3")
    except (ValueError, TypeError, KeyError):
        return False


def _certificates(data: bytes) -> list[x509.Certificate]:
    if b"-----BEGIN CERTIFICATE" not in data:
        return []
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as problem:
        raise KeyUnreadable(str(problem)) from None


def _public(holder: PrivateKey | x509.Certificate) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_suited(key: PrivateKey, certificate: x509.Certificate) -> None:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if not isinstance(key.curve, ec.SECP256R1):
            raise KeyUnsuited(key.curve.name)
    elif key.key_size < RSA_LEAST:
        raise KeyUnsuited(f"RSA, {key.key_size} bits")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    except ValueError as problem:
        raise KeyUnreadable(str(problem)) from None
    if usage is None or not (usage.digital_signature or usage.content_commitment):
        raise KeyUnsuited("the certificate is not for signing")


def _towards_the_root(own: x509.Certificate, others: list[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """The issuers one after the other, as far as they are here, without the root: nobody trusts it for being here."""
    chain: list[x509.Certificate] = []
    here = own
    while True:
        above = next(
            (one for one in others if one.subject == here.issuer and one not in chain and one.subject != one.issuer),
            None,
        )
        if above is None or above == own:
            return tuple(chain)
        chain.append(above)
        here = above
