"""A demonstration authority: a root, a signing certificate for each academy, a list of revoked ones. All P-256.

For demos and tests. A ministry's own authority takes its place by nothing but other files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from school_protocol.documents.sealing.errors import KeyExists
from school_protocol.documents.sealing.keys import PrivateKey, SigningKey

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
    """The key with its certificates, as `keys.read_key` reads it."""
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
