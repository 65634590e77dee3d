"""A bundle that is altered in any way is told, and told what it is; one that was not, is sound."""

from __future__ import annotations

import io
import json
import random
import struct
import subprocess
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from programs import needs

from school_protocol.language import Wording
from school_protocol.pdf.presenters import bundle_said, found_said
from school_protocol.pdf.signed_archive import (
    MANIFEST,
    SIGNATURE,
    BundleFile,
    BundleVerdict,
    Fault,
    Found,
    Manifest,
    bundled,
    packed,
    verify_bundle,
)
from school_protocol.pdf.signing_keys import SigningKey, Trust, Validity, make_authority, read_key_file, read_trust
from school_protocol.pdf.verdicts import CertificateExpired, Code

NOW = datetime(2026, 11, 25, 9, 41, 13, tzinfo=UTC)
WHAT = {"fr": "une pièce", "ar": "وثيقة", "en": "a piece"}
FILES = (
    BundleFile("README-fr.txt", b"Lisez-moi", "text/plain", WHAT),
    BundleFile("case-file.pdf", b"%PDF-1.7 " + bytes(range(256)) * 8, "application/pdf", WHAT),
    BundleFile("letters/referral-1.pdf", b"%PDF-1.7 letter", "application/pdf", WHAT),
    BundleFile("record.json", json.dumps({"case": "الملف"}).encode(), "application/json", WHAT),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("signing")
    for name, days in (("own", 900), ("short", 1), ("foreign", 900)):
        validity = Validity(NOW - timedelta(days=10), NOW + timedelta(days=days))
        make_authority(made / name, f"Root {name}", {"A": "Academy"}, validity)
    return made


def key(folder: Path, name: str = "own") -> SigningKey:
    return read_key_file(folder / name / "A.pem")


def trust(folder: Path, name: str = "own") -> Trust:
    return read_trust([(folder / name / "root.pem").read_bytes()])


def manifest(files: tuple[BundleFile, ...] = FILES) -> Manifest:
    return Manifest(
        case="1327902625801", copy=2, issued_at=NOW, issued_by="Leïla", issued_for="وكيل الملك", journal_head="ab" * 32,
        journal_number=41, files=tuple(one.as_listed() for one in files),
    )  # fmt: skip


@pytest.fixture(scope="module")
def bundle(folder: Path) -> bytes:
    return bundled(manifest(), FILES, key(folder))


def seen(folder: Path, data: bytes, *, by: str = "own", after: timedelta = timedelta(hours=1)) -> BundleVerdict:
    return verify_bundle(data, trust(folder, by), NOW + after)


def inside(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def again(files: dict[str, bytes]) -> bytes:
    return packed(files, NOW)


def codes(folder: Path, data: bytes) -> tuple[str, ...]:
    return seen(folder, data).codes


# ---- sound ----------------------------------------------------------------------------------------------------------


def test_what_was_issued_is_sound_and_says_whose_it_is(folder: Path, bundle: bytes) -> None:
    verdict = seen(folder, bundle)
    assert verdict.is_sound, verdict.found
    assert verdict.found == ()
    assert verdict.signer is not None
    assert (verdict.signer.name, verdict.manifest) == ("Academy", manifest())
    assert verdict.plain()["manifest"]["issued"]["for"] == "وكيل الملك"
    assert json.loads(json.dumps(verdict.plain()))["sound"] is True


def test_packing_is_the_same_bytes_whatever_the_machine(bundle: bytes) -> None:
    assert again(inside(bundle)) == bundle
    assert list(inside(bundle))[:2] == [MANIFEST, SIGNATURE]


@needs("openssl")
def test_another_tool_agrees(folder: Path, bundle: bytes, tmp_path: Path) -> None:
    def asked() -> int:
        command = [
            "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", SIGNATURE, "-content", MANIFEST, "-CAfile",
            str(folder / "own" / "root.pem"), "-purpose", "any", "-out", "/dev/null", "-attime",
            str(int(NOW.timestamp())),
        ]  # fmt: skip
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    for name in (MANIFEST, SIGNATURE):
        (tmp_path / name).write_bytes(inside(bundle)[name])
    assert asked() == 0
    (tmp_path / MANIFEST).write_bytes(inside(bundle)[MANIFEST].replace(b'"copy":2', b'"copy":3'))
    assert asked() != 0


def test_an_expired_key_makes_none(folder: Path) -> None:
    late = replace(manifest(), issued_at=NOW + timedelta(days=2))
    with pytest.raises(CertificateExpired):
        bundled(late, FILES, key(folder, "short"))


# ---- altered --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_one_byte_anywhere_is_told(folder: Path, bundle: bytes, seed: int) -> None:
    draw = random.Random(seed)
    place = draw.randrange(len(bundle))
    altered = bytearray(bundle)
    altered[place] ^= 1 << draw.randrange(8)
    assert not seen(folder, bytes(altered)).is_sound, place


@pytest.mark.parametrize("seed", range(20))
def test_a_byte_of_a_file_is_told_as_that_file(folder: Path, bundle: bytes, seed: int) -> None:
    draw = random.Random(seed)
    files = inside(bundle)
    name = draw.choice([one.name for one in FILES])
    data = bytearray(files[name])
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    verdict = seen(folder, again({**files, name: bytes(data)}))
    assert [(one.code, one.name) for one in verdict.found] == [(Fault.FILE_ALTERED, name)]


@pytest.mark.parametrize("seed", range(20))
def test_a_byte_of_the_manifest_or_its_signature_is_told_as_such(folder: Path, bundle: bytes, seed: int) -> None:
    draw = random.Random(seed)
    files = inside(bundle)
    name = (MANIFEST, SIGNATURE)[seed % 2]
    data = bytearray(files[name])
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    found = codes(folder, again({**files, name: bytes(data)}))
    allowed = {
        Fault.MANIFEST_ALTERED.value,
        Code.CONTAINER_ALTERED.value,
        Code.UNKNOWN_AUTHORITY.value,
        Code.WEAK.value,
    }
    assert found
    assert set(found) <= allowed if name == SIGNATURE else found == (Fault.MANIFEST_ALTERED.value,)


@pytest.mark.parametrize("name", [one.name for one in FILES])
def test_a_file_taken_out_added_and_renamed_are_told_apart(folder: Path, bundle: bytes, name: str) -> None:
    files = inside(bundle)
    without = {key: data for key, data in files.items() if key != name}
    (gone,) = seen(folder, again(without)).found
    assert (gone.code, gone.name) == (Fault.FILE_MISSING, name)
    (renamed,) = seen(folder, again({**without, "other.bin": files[name]})).found
    assert (renamed.code, renamed.name, renamed.other) == (Fault.FILE_RENAMED, name, "other.bin")
    (added,) = seen(folder, again({**files, "extra.txt": b"more"})).found
    assert (added.code, added.name) == (Fault.FILE_ADDED, "extra.txt")


def test_two_files_that_changed_places_are_both_altered(folder: Path, bundle: bytes) -> None:
    files = inside(bundle)
    one, other = FILES[1].name, FILES[2].name
    swapped = {**files, one: files[other], other: files[one]}
    assert [found.name for found in seen(folder, again(swapped)).found] == [one, other]


def test_a_manifest_that_was_written_anew_to_fit_is_not_the_signed_one(folder: Path, bundle: bytes) -> None:
    files = inside(bundle)
    forged = replace(FILES[1], data=b"%PDF-1.7 forged")
    told = manifest((FILES[0], forged, *FILES[2:])).as_json()
    assert codes(folder, again({**files, MANIFEST: told, forged.name: forged.data})) == (Fault.MANIFEST_ALTERED.value,)


def test_without_manifest_or_signature_nobody_answers_for_it(folder: Path, bundle: bytes) -> None:
    for name, code in ((MANIFEST, Fault.NO_MANIFEST), (SIGNATURE, Fault.NO_SIGNATURE)):
        files = {key: data for key, data in inside(bundle).items() if key != name}
        assert codes(folder, again(files)) == (code.value,)


def test_a_foreign_key_and_one_that_expired_are_told_apart(folder: Path, bundle: bytes) -> None:
    assert codes(folder, bundled(manifest(), FILES, key(folder, "foreign"))) == (Code.UNKNOWN_AUTHORITY.value,)
    short = bundled(manifest(), FILES, key(folder, "short"))
    assert seen(folder, short, by="short").is_sound
    later = seen(folder, short, by="short", after=timedelta(days=30))
    assert later.codes == (Code.EXPIRED.value,)
    assert later.is_sound, "an expired certificate is a warning"
    backdated = replace(manifest(), issued_at=NOW - timedelta(days=20))
    with pytest.raises(Exception, match=r"\d{4}-\d\d-\d\d"):
        bundled(backdated, FILES, key(folder))


def test_a_manifest_of_another_format_is_not_read(folder: Path) -> None:
    from school_protocol.pdf.signing import signed_apart

    told = manifest().as_json().replace(b"school-protocol/bundle", b"school-protocol/bundel")
    files = {MANIFEST: told, SIGNATURE: signed_apart(told, key(folder), NOW), **{one.name: one.data for one in FILES}}
    assert codes(folder, again(files)) == (Fault.MANIFEST_UNREADABLE.value,)


# ---- archives that are none of ours ----------------------------------------------------------------------------------


def zipped(entries: list[tuple[str, bytes]], kind: int = zipfile.ZIP_STORED, flags: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=kind)
    data = bytearray(out.getvalue())
    if flags:
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            struct.pack_into("<H", data, data.index(mark) + place, flags)
    return bytes(data)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.pdf",
        "/etc/passwd",
        "a/../../b",
        "C:\\x.pdf",
        "a\\..\\b",
        ".ssh/keys",
        "a//b",
        "x" * 300,
        "é",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_unread(folder: Path, name: str) -> None:
    found = seen(folder, zipped([(name, b"x")])).found
    assert [one.code for one in found] == [Fault.UNSAFE_NAME.value]


def test_a_name_that_ends_sooner_for_some_is_refused(folder: Path) -> None:
    assert codes(folder, zipped([("a_b.pdf", b"x")]).replace(b"a_b.pdf", b"a\0b.pdf")) == (Fault.UNSAFE_NAME.value,)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_no_bundle_is_is_refused_in_words(folder: Path, bundle: bytes) -> None:
    files = list(inside(bundle).items())
    bomb = zipped([("a.txt", b"\0" * 20_000_000)], zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    cases = {
        Fault.COMPRESSED: bomb,
        Fault.ENCRYPTED: zipped([("a.txt", b"x")], flags=1),
        Fault.REPEATED: zipped([*files, files[3]]),
        Fault.TOO_MANY: zipped([(f"f{place}", b"") for place in range(501)]),
        Fault.NOT_A_ZIP: b"%PDF-1.7",
        Fault.UNREADABLE: bundle[: len(bundle) // 2],
        Fault.NO_MANIFEST: zipped([]),
    }
    for fault, data in cases.items():
        assert codes(folder, data) == (fault.value,), fault
    assert codes(folder, zipped([*files, ("README-FR.txt", b"x")])) == (Fault.REPEATED.value,), (
        "as some systems read it"
    )
    assert codes(folder, bundle + b"\0") == (Fault.PACKED_OTHERWISE.value,)
    assert codes(folder, zipped(files)) == (Fault.PACKED_OTHERWISE.value,)


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_each_finding_has_its_sentence(folder: Path, bundle: bytes, language: str) -> None:
    w = Wording(language)
    said = {fault: found_said(w, Found(fault.value, "a.pdf", "b.pdf")) for fault in Fault}
    assert len(set(said.values())) == len(Fault)
    if language != "en":
        english = {found_said(Wording("en"), Found(fault.value, "a.pdf", "b.pdf")) for fault in Fault}
        assert not english & set(said.values())
    assert "Academy" in bundle_said(w, seen(folder, bundle)).title
    assert bundle_said(w, seen(folder, bundle[:-1])).lines
