"""The academy's key: what is read from a file, what is refused and as what; the demonstration's own authority."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from school_protocol.pdf import signing_keys, verdicts
from school_protocol.pdf.signing_keys import (
    SigningKey,
    Validity,
    make_authority,
    make_root,
    read_key,
    read_key_file,
    read_trust,
    signing_pem,
)

from .sealed import ACADEMY, AROUND, DAY, NOW, YEAR, academy, academy_rsa, issue, root, verdict

SECRET = "une phrase secrète"


def p12(key: SigningKey, passphrase: str = "", certificates: tuple[x509.Certificate, ...] = ()) -> bytes:
    locked = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"academy", key.key, key.certificate, list(certificates), locked)


def pem(one: x509.Certificate) -> bytes:
    return one.public_bytes(Encoding.PEM)


# ---- what is read --------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("PEM--RSA", "PKCS#12-*-P-256"))
@pytest.mark.parametrize("key", [academy, academy_rsa], ids=["P-256", "RSA"])
@pytest.mark.parametrize("secret", ["", SECRET])
@pytest.mark.parametrize("written", [p12, signing_pem], ids=["PKCS#12", "PEM"])
def test_a_key_is_read_and_signs(
    key: Callable[[], SigningKey], secret: str, written: Callable[[SigningKey, str], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "academy"
    path.write_bytes(written(key(), secret))
    read = read_key_file(path, secret)
    assert read.certificate == key().certificate
    found = verdict(issue(read))
    assert found.is_sound
    assert found.signer is not None
    assert found.signer.name == ACADEMY


def test_certificates_may_lie_in_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(signing_keys.key_pem(academy().key))
    (tmp_path / "chain.pem").write_bytes(pem(root().certificate) + pem(academy().certificate))
    assert read_key_file(tmp_path / "key.pem", chain=tmp_path / "chain.pem").certificate == academy().certificate


def test_a_key_never_shows_itself() -> None:
    assert "PrivateKey" not in repr(academy())
    assert "PrivateKey" not in repr(root())


def between() -> tuple[x509.Certificate, SigningKey]:
    """A certificate of an authority below the root, and a key whose certificate it signed."""
    key, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    middle = signed_by_hand(key, "Ministry", root().certificate.subject, root().key, ca=True)
    return middle, SigningKey(own, signed_by_hand(own, ACADEMY, middle.subject, key, ca=False), (middle,))


def signed_by_hand(
    key: object, name: str, issuer: x509.Name, signer: object, *, ca: bool, usage: bool = True
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())  # type: ignore[attr-defined]
        .serial_number(x509.random_serial_number())
        .not_valid_before(AROUND.begins)
        .not_valid_after(AROUND.ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if usage:
        builder = builder.add_extension(signing_keys._usage(signs=not ca), critical=True)
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer, algorithm)  # type: ignore[arg-type]


def test_the_chain_is_kept_and_the_root_left_out() -> None:
    middle, key = between()
    stranger = make_root("Somebody else", AROUND).certificate
    read = read_key(
        signing_keys.key_pem(key.key), chain=b"".join(map(pem, (stranger, root().certificate, middle, key.certificate)))
    )
    assert read.certificate == key.certificate
    assert read.chain == (middle,)


# ---- what is refused -----------------------------------------------------------------------------------------------


def other() -> SigningKey:
    return root().issue("AREF Souss-Massa", AROUND)


def of(key: object, *, usage: bool = True) -> bytes:
    """A PEM file of any key with a certificate for it."""
    certificate = signed_by_hand(key, ACADEMY, root().certificate.subject, root().key, ca=False, usage=usage)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]
    return bytes(private) + pem(certificate)


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


REFUSED: dict[str, tuple[type[verdicts.SealingError], Callable[[], object]]] = {
    "no such file": (verdicts.KeyLost, lambda: read_key_file(Path("/no/such/key.p12"))),
    "a folder": (verdicts.KeyLost, lambda: read_key_file(Path("/"))),
    "the certificates are lost": (verdicts.KeyLost, lambda: read_key_file(Path(__file__), chain=Path("/no/such.pem"))),
    "empty": (verdicts.KeyUnreadable, lambda: read_key(b"")),
    "anything": (verdicts.KeyUnreadable, lambda: read_key(b"anything at all")),
    "half a PKCS#12": (verdicts.KeyUnreadable, lambda: read_key(p12(academy(), SECRET)[:200], SECRET)),
    "a PEM without end": (verdicts.KeyUnreadable, lambda: read_key(b"-----BEGIN PRIVATE KEY-----\nMIG")),
    "a certificate alone": (verdicts.KeyUnreadable, lambda: read_key(pem(academy().certificate))),
    "a key alone": (verdicts.KeyUnreadable, lambda: read_key(signing_keys.key_pem(academy().key))),
    "a certificate that is damaged": (
        verdicts.KeyUnreadable,
        lambda: read_key(signing_keys.key_pem(academy().key), chain=pem(academy().certificate).replace(b"M", b"N")),
    ),
    "no passphrase for PKCS#12": (verdicts.PassphraseWrong, lambda: read_key(p12(academy(), SECRET))),
    "another passphrase for PKCS#12": (verdicts.PassphraseWrong, lambda: read_key(p12(academy(), SECRET), "autre")),
    "no passphrase for PEM": (verdicts.PassphraseWrong, lambda: read_key(signing_pem(academy(), SECRET))),
    "another passphrase for PEM": (verdicts.PassphraseWrong, lambda: read_key(signing_pem(academy(), SECRET), "autre")),
    "another's certificate, PEM": (
        verdicts.KeyMismatch,
        lambda: read_key(signing_keys.key_pem(academy().key) + pem(other().certificate)),
    ),
    "another's certificate, PKCS#12": (
        verdicts.KeyMismatch,
        lambda: read_key(
            pkcs12.serialize_key_and_certificates(None, academy().key, None, [other().certificate], NoEncryption())
        ),
    ),
    "another curve": (verdicts.KeyUnsuited, lambda: read_key(of(ec.generate_private_key(ec.SECP384R1())))),
    "another kind": (verdicts.KeyUnsuited, lambda: read_key(of(ed25519.Ed25519PrivateKey.generate()))),
    "a short RSA": (verdicts.KeyUnsuited, lambda: read_key(of(rsa.generate_private_key(65537, 1024)))),
    "not for signing": (verdicts.KeyUnsuited, lambda: read_key(of(p256(), usage=False))),
    "an authority's own": (
        verdicts.KeyUnsuited,
        lambda: read_key(signing_keys.key_pem(root().key) + pem(root().certificate)),
    ),
    "not valid yet": (verdicts.CertificateNotYetValid, lambda: academy().check(AROUND.begins - DAY)),
    "expired": (verdicts.CertificateExpired, lambda: academy().check(AROUND.ends + DAY)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_each_fault_is_told_as_what_it_is(what: str) -> None:
    kind, reading = REFUSED[what]
    with pytest.raises(verdicts.SealingError) as told:
        reading()
    assert type(told.value) is kind


def test_a_passphrase_that_nobody_needs_does_no_harm() -> None:
    assert read_key(signing_pem(academy()), SECRET).certificate == academy().certificate
    academy().check(NOW)


def test_a_key_whose_time_has_not_come_signs_nothing() -> None:
    early, late = (root().issue(ACADEMY, Validity(NOW + gap, NOW + gap + DAY)) for gap in (DAY, -2 * DAY))
    with pytest.raises(verdicts.CertificateNotYetValid):
        issue(early)
    with pytest.raises(verdicts.CertificateExpired):
        issue(late)


# ---- the demonstration's authority ---------------------------------------------------------------------------------

ACADEMIES = {"casablanca": ACADEMY, "souss": "AREF Souss-Massa"}


@pytest.mark.exhaustive
def test_it_writes_what_signs_and_what_verifies(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        made = make_authority(tmp_path / "keys", "Root", ACADEMIES, AROUND, SECRET)
    finally:
        os.umask(mask)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "keys").iterdir()}
    assert {name for name, mode in modes.items() if mode == "0o600"} == {"root.key.pem", "casablanca.pem", "souss.pem"}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys" / "root.pem").read_bytes() == made.pem
    assert b"PRIVATE" not in made.pem
    trusting = read_trust([made.pem])
    for stem, name in ACADEMIES.items():
        key = read_key_file(tmp_path / "keys" / f"{stem}.pem", SECRET)
        found = verdict(issue(key), trusting=trusting)
        assert found.is_sound
        assert found.signer is not None
        assert (found.signer.name, found.signer.issuer) == (name, "Root")
        assert (found.signer.valid_from, found.signer.valid_until) == (AROUND.begins, AROUND.ends)


@pytest.mark.parametrize("standing", ["root.pem", "root.key.pem", "souss.pem"])
def test_it_overwrites_nothing(tmp_path: Path, standing: str) -> None:
    (tmp_path / standing).write_bytes(b"precious")
    with pytest.raises(verdicts.KeyExists):
        make_authority(tmp_path, "Root", ACADEMIES, AROUND)
    assert [path.name for path in tmp_path.iterdir()] == [standing]
    with pytest.raises(verdicts.KeyExists):
        signing_keys.write_secret(tmp_path / standing, b"new")
    assert (tmp_path / standing).read_bytes() == b"precious"


def test_two_roots_of_one_name_are_two() -> None:
    one, same = (make_root("Root", Validity(NOW, NOW + YEAR)) for _ in range(2))
    assert one.certificate.subject == same.certificate.subject
    assert one.certificate != same.certificate
