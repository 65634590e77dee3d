"""Signing keys and trust: the academy's key and certificates from files, trusted lists, a demonstration authority.

The demonstration authority (a root, a signing certificate for each academy, a list of revoked ones; all P-256) is for
demos and tests. A ministry's own authority takes its place by nothing but other files.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from school_protocol.pdf.verdicts import (
    CertificateExpired,
    CertificateNotYetValid,
    KeyExists,
    KeyLost,
    KeyMismatch,
    KeyUnreadable,
    KeyUnsuited,
    PassphraseWrong,
    TrustUnreadable,
)

# ---- the academy's key and its certificates, read from a file: PKCS#12, or PEM -------------------------------------

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


ROOT = "root"


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when a certificate holds, both aware."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Authority:
    """A root certificate, and the key that signs others."""

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """What whoever verifies needs, and nothing secret."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self, name: str, validity: Validity, *, key: PrivateKey | None = None, stamps_time: bool = False
    ) -> SigningKey:
        """A certificate of that name, for documents or, with `stamps_time`, timestamps; a key is made if none comes."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = _named(name, self.certificate.subject, key, validity)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=True), critical=True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        )
        if stamps_time:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return SigningKey(key, builder.sign(self.key, hashes.SHA256()))

    def revoked(self, certificates: Mapping[int, datetime], issued: datetime, following: datetime) -> bytes:
        """The list (CRL, DER) of certificates that no longer hold, by serial number, and since when."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(issued).next_update(following)
        for serial, since in certificates.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since)
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        ).add_extension(x509.CRLNumber(int(issued.timestamp())), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


def make_root(name: str, validity: Validity) -> Authority:
    """A new root of that name."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _named(name, own, key, validity)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    return Authority(key, builder.sign(key, hashes.SHA256()))


def make_authority(
    folder: Path, root_name: str, academies: Mapping[str, str], validity: Validity, passphrase: str = ""
) -> Authority:
    """A root and a key for each academy (file's name → name in the certificate), written into `folder`.

    Writes root.pem for whoever verifies; root.key.pem and `<academy>.pem` (key and certificate) with mode 0600, their
    keys locked by `passphrase` if there is one. Raises KeyExists, before anything is written.
    """
    stems = [ROOT, *academies]
    standing = next((stem for stem in stems if (folder / f"{stem}.pem").exists()), None)
    if standing is not None or (folder / f"{ROOT}.key.pem").exists():
        raise KeyExists(str(folder / f"{standing or ROOT}.pem"))
    root = make_root(root_name, validity)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(folder / f"{ROOT}.key.pem", key_pem(root.key, passphrase))
    (folder / f"{ROOT}.pem").write_bytes(root.pem)
    _issue(root, folder, academies, validity, passphrase)
    return root


def add_academies(folder: Path, academies: Mapping[str, str], validity: Validity, passphrase: str = "") -> None:
    """A key for each further academy, signed by the root that `make_authority` wrote there. Raises KeyExists."""
    key = load_pem_private_key((folder / f"{ROOT}.key.pem").read_bytes(), passphrase.encode() or None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    root = Authority(key, x509.load_pem_x509_certificate((folder / f"{ROOT}.pem").read_bytes()))
    _issue(root, folder, academies, validity, passphrase)


def _issue(root: Authority, folder: Path, academies: Mapping[str, str], validity: Validity, passphrase: str) -> None:
    for stem, name in academies.items():
        write_secret(folder / f"{stem}.pem", signing_pem(root.issue(name, validity), passphrase))


def signing_pem(signing: SigningKey, passphrase: str = "") -> bytes:
    """The key with its certificates, as `read_key` reads it."""
    certificates: Iterable[x509.Certificate] = (signing.certificate, *signing.chain)
    return key_pem(signing.key, passphrase) + b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def key_pem(key: PrivateKey, passphrase: str = "") -> bytes:
    locked: KeySerializationEncryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)


def write_secret(path: Path, data: bytes) -> None:
    """A new file that only its owner reads. Raises KeyExists."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyExists(str(path)) from None
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)


def _named(name: str, issuer: x509.Name, key: PrivateKey, validity: Validity) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.begins)
        .not_valid_after(validity.ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    """For signing documents, or for signing certificates and lists of revoked ones."""
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=signs,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )


# ---- pyHanko's coroutines as a plain function, whether a loop is running in this thread or not ---------------------

_T = TypeVar("_T")


def done(work: Coroutine[Any, Any, _T]) -> _T:
    """What the coroutine comes to."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as apart:
        return apart.submit(asyncio.run, work).result()


# ---- what a verifier trusts: certificates and revocation lists from files ------------------------------------------
# Nothing is ever fetched.


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
