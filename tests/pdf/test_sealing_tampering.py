"""Seeded alterations of signed files: every one is told; the file as it was issued, tried beside them, is not."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from asn1crypto import algos, cms, crl, keys, x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from programs import needs
from pyhanko.sign.signers import SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from school_protocol.pdf import examination, signature_check
from school_protocol.pdf.signature_check import Unfit, examined
from school_protocol.pdf.signing_keys import Authority, SigningKey, make_root
from school_protocol.pdf.verdicts import Code

from .copies import whole
from .sealed import (
    AROUND,
    NOW,
    academy_rsa,
    hole,
    issue,
    issued,
    issued_with_timestamp,
    root,
    trust,
    verdict,
)
from .test_sealing_keys import between
from .test_sealing_verifying import wide

SEED = 20261125
FILES: dict[str, Callable[[], bytes]] = {"without a timestamp": issued, "with a timestamp": issued_with_timestamp}
BROKEN = {
    "altered", "container_altered", "timestamp_broken", "signature_unreadable", "not_whole", "added_after",
    "not_a_pdf", "encrypted", "several_signatures", "foreign_signature",
}  # fmt: skip
"""What an altered byte may be told as: that the file was altered, or what it was altered into."""


@pytest.fixture(params=FILES)
def data(request: pytest.FixtureRequest) -> bytes:
    return FILES[request.param]()


def one_bit(data: bytes, lots: random.Random) -> bytes:
    at = lots.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << lots.randrange(8)]) + data[at + 1 :]


def one_byte(data: bytes, lots: random.Random) -> bytes:
    at = lots.randrange(len(data))
    return data[:at] + bytes([(data[at] + lots.randrange(1, 256)) % 256]) + data[at + 1 :]


def some_bytes(data: bytes, lots: random.Random) -> bytes:
    at, length = lots.randrange(len(data) - 64), lots.randrange(2, 64)
    return data[:at] + bytes(byte ^ 0x55 for byte in data[at : at + length]) + data[at + length :]


def bytes_left_out(data: bytes, lots: random.Random) -> bytes:
    at, length = lots.randrange(len(data) - 64), lots.randrange(1, 64)
    return data[:at] + data[at + length :]


def bytes_put_in(data: bytes, lots: random.Random) -> bytes:
    at = lots.randrange(len(data))
    return data[:at] + lots.randbytes(lots.randrange(1, 64)) + data[at:]


def two_places_swapped(data: bytes, lots: random.Random) -> bytes:
    while True:
        at, to = sorted(lots.sample(range(len(data) - 32), 2))
        one, other = data[at : at + 32], data[to : to + 32]
        if at + 32 <= to and one != other:
            return data[:at] + other + data[at + 32 : to] + one + data[to + 32 :]


def cut_off(data: bytes, lots: random.Random) -> bytes:
    return data[: lots.randrange(1, len(data))]


def in_the_container(data: bytes, lots: random.Random) -> bytes:
    begins, ends = hole(data)
    used = begins + len(data[begins:ends].rstrip(b"0"))
    at = lots.randrange(begins, used)
    digit = lots.choice([digit for digit in b"0123456789ABCDEF" if digit != data[at]])
    return data[:at] + bytes([digit]) + data[at + 1 :]


def in_the_padding(data: bytes, lots: random.Random) -> bytes:
    begins, ends = hole(data)
    at = lots.randrange(begins + len(data[begins:ends].rstrip(b"0")) + 1, ends)
    return data[:at] + bytes([lots.choice(b"123456789ABCDEFabcdef \n\r\t>")]) + data[at + 1 :]


WAYS = (
    one_bit, one_byte, some_bytes, bytes_left_out, bytes_put_in, two_places_swapped, cut_off, in_the_container,
    in_the_padding,
)  # fmt: skip
TRIES = 40
"""Of each way, on each of the two files: 720 in all."""


def alterations(data: bytes, way: Callable[[bytes, random.Random], bytes]) -> Iterator[bytes]:
    lots = random.Random(f"{SEED} {way.__name__}")
    for _ in range(TRIES):
        altered = way(data, lots)
        assert altered != data
        yield altered


@pytest.mark.exhaustive(
    but=(
        "without a timestamp-bytes_left_out",
        "without a timestamp-cut_off",
        "without a timestamp-in_the_padding",
        "with a timestamp-bytes_put_in",
    )
)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_alteration_is_told(data: bytes, way: Callable[[bytes, random.Random], bytes]) -> None:
    assert verdict(data).findings == ()
    untold = []
    for number, altered in enumerate(alterations(data, way)):
        found = verdict(altered)
        may_be = BROKEN | {"unreadable", "not_signed"} if way is cut_off else BROKEN
        if found.is_sound or not may_be & {code.value for code in found.codes}:
            untold.append((number, found.codes, found.findings))
    assert untold == []


def test_a_limit_that_speaks_first_does_not_hide_an_alteration(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """By chance, bytes put in may be a figure that asks for all memory: the reader's limit is met before the seal."""

    def expand(*_arguments: object) -> None:
        raise examination.TooExpanded

    monkeypatch.setattr(examination, "scanned", expand)
    at = len(data) // 3
    flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    assert {code.value for code in verdict(flipped).codes} == {"altered", "too_much"}
    assert {code.value for code in verdict(data).codes} == {"too_much"}


@pytest.mark.parametrize("problem", [MemoryError, KeyError, IndexError, OverflowError, UnicodeError])
def test_whatever_its_reader_raises_an_altered_file_is_told_as_altered(
    data: bytes, problem: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_arguments: object, **_more: object) -> None:
        raise problem

    assert verdict(data).is_sound
    monkeypatch.setattr(examination, "scanned", break_down)
    at = len(data) // 3
    flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    assert {code.value for code in verdict(flipped).codes} == {"altered"}


def test_there_are_more_than_two_hundred() -> None:
    assert len(WAYS) * len(FILES) * TRIES == 720


# ---- the container, bit by bit -------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_no_bit_of_the_container_may_be_another(data: bytes) -> None:
    """Some of them: all take minutes, and none was missed."""
    begins, ends = hole(data)
    der = signature_check.der_of(data[begins:ends])
    signed = data[: begins - 1] + data[ends + 1 :]
    assert examined(der, signed, trust(), NOW, NOW).findings == ()
    missed = []
    for bit in range(0, len(der) * 8, 11 if len(der) < 1200 else 37):
        altered = bytearray(der)
        altered[bit // 8] ^= 1 << bit % 8
        try:
            read = signature_check.der_of(bytes(altered).hex().encode())
        except Unfit:
            continue
        if all(finding.is_warning for finding in examined(read, signed, trust(), NOW, NOW).findings):
            missed.append(bit)
    assert missed == []


def placed(data: bytes, der: bytes) -> bytes:
    """The file with another container."""
    begins, ends = hole(data)
    return data[:begins] + der.hex().upper().encode().ljust(ends - begins, b"0") + data[ends:]


def test_each_way_past_a_lenient_reader_is_closed() -> None:
    """What pyHanko and asn1crypto take for the same signature, and is not the same file."""
    data = issued()
    begins, ends = hole(data)
    der = signature_check.der_of(data[begins:ends])
    assert verdict(placed(data, der)).is_sound
    issuer = b"Root of the demonstration"
    shouting = der.rindex(issuer)
    ways = {
        "the outermost length takes in the padding": der[:2] + (len(der) - 2).to_bytes(2, "big") + der[4:] + bytes(2),
        "a length is written longer than need be": der[:1] + b"\x83\x00" + der[2:],
        "capitals in the name of the issuer": der[:shouting] + issuer.upper() + der[shouting + len(issuer) :],
        "the digest's other name": der.replace(bytes.fromhex("300d06096086480165030402010500"), b"", 1),
        "something after the end": der + b"\x04\x01\x00",
    }
    assert all(way != der for way in ways.values())
    assert {name: verdict(placed(data, way)).is_sound for name, way in ways.items()} == dict.fromkeys(ways, False)


def remade(change: Callable[[cms.SignedData], object], data: bytes) -> bytes:
    """The file with its container's own parts changed, each of them well-formed."""
    begins, ends = hole(data)
    info = cms.ContentInfo.load(signature_check.der_of(data[begins:ends])).copy()
    change(info["content"])
    return placed(data, info.dump())


def issued_by_rsa() -> bytes:
    return issue(academy_rsa())


def without_parameters(data: cms.SignedData) -> None:
    bare = algos.DigestAlgorithm.load(bytes.fromhex("300b0609608648016503040201"))
    data["digest_algorithms"] = [bare]
    data["signer_infos"][0]["digest_algorithm"] = bare


def with_a_list(data: cms.SignedData) -> None:
    revoked = crl.CertificateList.load(root().revoked({}, NOW, NOW))
    data["crls"] = [revoked]


def token(data: cms.SignedData) -> cms.SignedData:
    return data["signer_infos"][0]["unsigned_attrs"][0]["values"][0]["content"]


def under_another_name(data: cms.SignedData) -> None:
    token(data)["signer_infos"][0]["signature_algorithm"] = {"algorithm": "rsassa_pkcs1v15"}


def under_another_kind(data: cms.SignedData) -> None:
    """The timestamp, as an attribute that readers pass over."""
    data["signer_infos"][0]["unsigned_attrs"][0]["type"] = "1.2.840.113549.1.9.16.2.27"


def twice(data: cms.SignedData) -> None:
    attributes = data["signer_infos"][0]["unsigned_attrs"]
    data["signer_infos"][0]["unsigned_attrs"] = [attributes[0], attributes[0].copy()]


def beside_the_timestamp(data: cms.SignedData) -> None:
    signer = token(data)["signer_infos"][0]
    signer["unsigned_attrs"] = [data["signer_infos"][0]["signed_attrs"][0].copy()]


def another_word(data: cms.SignedData) -> None:
    signer = data["signer_infos"][0]
    signer["unsigned_attrs"] = [signer["signed_attrs"][0].copy()]


WELL_FORMED: dict[str, tuple[Callable[[cms.SignedData], object], Callable[[], bytes]]] = {
    "another version": (lambda data: data.__setitem__("version", "v3"), issued),
    "another version of the signer": (lambda data: data["signer_infos"][0].__setitem__("version", "v3"), issued),
    "another digest in the list": (
        lambda data: data.__setitem__("digest_algorithms", [algos.DigestAlgorithm({"algorithm": "sha512"})]),
        issued,
    ),
    "two digests in the list": (
        lambda data: data["digest_algorithms"].append(algos.DigestAlgorithm({"algorithm": "sha512"})),
        issued,
    ),
    "the digest's other encoding": (without_parameters, issued),
    "a list of revoked certificates": (with_a_list, issued),
    "a certificate that nobody needs": (
        lambda data: data["certificates"].append(asn1(root().issue("Stranger", AROUND))),
        issued,
    ),
    "a certificate named like the root": (
        lambda data: data["certificates"].append(asn1(wide().issue("Root of the demonstration", AROUND))),
        issued,
    ),
    "the root itself": (lambda data: data["certificates"].append(asn1(root())), issued),
    "something beside the signature": (another_word, issued),
    "another version of the timestamp": (
        lambda data: token(data).__setitem__("version", "v1"),
        issued_with_timestamp,
    ),
    "the algorithm's other name in the timestamp": (under_another_name, issued_with_timestamp),
    "a certificate in the timestamp": (
        lambda data: token(data)["certificates"].append(asn1(root().issue("Stranger", AROUND))),
        issued_with_timestamp,
    ),
    "the algorithm's other name": (
        lambda data: data["signer_infos"][0].__setitem__("signature_algorithm", {"algorithm": "rsassa_pkcs1v15"}),
        issued_by_rsa,
    ),
    "a timestamp that says it is none": (under_another_kind, issued_with_timestamp),
    "two timestamps": (twice, issued_with_timestamp),
    "something beside the timestamp": (beside_the_timestamp, issued_with_timestamp),
}


@pytest.mark.parametrize("what", WELL_FORMED)
def test_nothing_well_formed_may_be_put_in_or_changed(what: str) -> None:
    change, made = WELL_FORMED[what]
    data = made()
    assert remade(lambda _same: None, data) == data
    assert verdict(data).is_sound
    altered = remade(change, data)
    assert altered != data
    assert not verdict(altered).is_sound


def test_certificates_in_another_order_are_told() -> None:
    _middle, key = between()
    data = issue(key)
    assert verdict(data).is_sound
    begins, ends = hole(data)
    der = signature_check.der_of(data[begins:ends])
    one, other = (each.chosen.dump() for each in signature_check.signed_data(der)["certificates"])
    assert one + other in der
    assert not verdict(placed(data, der.replace(one + other, other + one))).is_sound


def test_a_timestamp_cannot_be_made_to_vanish() -> None:
    """Under a tag that readers pass over, the file would only seem to have none."""
    data = issued_with_timestamp()
    begins, ends = hole(data)
    der = signature_check.der_of(data[begins:ends])
    token = der.index(bytes.fromhex("060b2a864886f70d010910020e"))
    tag = max(at for at in range(token - 12, token) if der[at] == 0xA1)
    for other in (0xA2, 0xA3, 0xA4, 0x61):
        assert not verdict(placed(data, der[:tag] + bytes([other]) + der[tag + 1 :])).is_sound


def test_a_container_made_to_keep_readers_busy_is_not_read() -> None:
    begins, ends = hole(issued())
    figures = issued()[begins:ends]
    assert signature_check.der_of(figures)
    with pytest.raises(Unfit, match="too long"):
        signature_check.der_of(figures + b"0" * 1024 * 1024)
    der = signature_check.der_of(figures)
    with pytest.raises(Unfit, match="too deep"):
        signature_check.der_of(nested(50).hex().encode())
    assert signature_check.signed_data(der)["certificates"]
    crowded = signature_check.signed_data(der).copy()
    strangers = [asn1(root().issue(f"Number {number}", AROUND)) for number in range(11)]
    crowded["certificates"] = [*crowded["certificates"], *strangers]
    info = cms.ContentInfo.load(der).copy()
    info["content"] = crowded
    with pytest.raises(Unfit, match="too many"):
        signature_check.signed_data(info.dump())


def nested(depth: int) -> bytes:
    inner = b"\x05\x00"
    for _ in range(depth):
        inner = b"\x30" + bytes([len(inner)]) + inner
    return inner


# ---- an outside tool -----------------------------------------------------------------------------------------------


@needs("pdfsig")
def test_pdfsig_agrees(tmp_path: Path) -> None:
    """It knows nothing of our authority: that is its business. Of the signature itself it says what we say."""

    def said(data: bytes) -> str:
        (tmp_path / "copy.pdf").write_bytes(data)
        command = ["pdfsig", "-nocert", str(tmp_path / "copy.pdf")]
        done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "HOME": str(tmp_path)})
        return done.stdout.decode()

    for data in (whole(), issued_with_timestamp()):
        assert "Signature Validation: Signature is Valid." in said(data)
        assert "Total document signed" in said(data)
    altered = bytearray(whole())
    altered[len(altered) // 3] ^= 1
    assert "Signature Validation: Signature is Valid." not in said(bytes(altered))


def asn1(key: SigningKey | Authority) -> cms.CertificateChoices:
    certificate = x509.Certificate.load(key.certificate.public_bytes(Encoding.DER))
    return cms.CertificateChoices(name="certificate", value=certificate)


# ---- signed by others, and soundly -----------------------------------------------------------------------------------


def by_another_program(key: SigningKey, signed: bytes, digest: str = "sha512") -> bytes:
    """A detached signature as other programs make it: another digest, another certificate."""
    registry = SimpleCertificateStore()
    certificate = asn1(key).chosen
    registry.register(certificate)
    der = key.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = SimpleSigner(
        signing_cert=certificate, signing_key=keys.PrivateKeyInfo.load(der), cert_registry=registry, embed_roots=False
    )
    return bytes(asyncio.run(signer.async_sign_general_data(signed, digest, use_cades=True)).dump())


def test_a_sound_signature_of_nobody_known_here_is_called_that_and_not_damaged() -> None:
    stranger = make_root("Somebody else", AROUND).issue("Another office", AROUND)
    der = by_another_program(stranger, b"a document")
    found = examined(der, b"a document", trust(), NOW, NOW).findings
    assert [one.code for one in found] == [Code.UNKNOWN_AUTHORITY]
    assert found[0].details["issuer"] == "Somebody else"
    altered = examined(der, b"another document", trust(), NOW, NOW).findings
    assert [one.code for one in altered] == [Code.ALTERED]
    ours = by_another_program(root().issue("Another office", AROUND), b"a document")
    assert [one.code for one in examined(ours, b"a document", trust(), NOW, NOW).findings] == [Code.CONTAINER_ALTERED]
