"""The bundle for an authority: what stands in it, who gets one, that pressing twice is one, and that it verifies."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from datetime import timedelta

import pytest
from pypdf import PdfReader

from school_protocol.case_files import bundles as service
from school_protocol.case_files import letters as letters_module
from school_protocol.case_files.bundles import issue_bundle, see_bundles
from school_protocol.case_files.letter_pages import plain_cell, register_csv, register_json
from school_protocol.case_files.service import Issued, academy_of, revoke, trust_in
from school_protocol.case_files.verify_copy import asked, checked
from school_protocol.cases.loading import Loaded, load
from school_protocol.context import AppContext
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.events import DocumentIssued
from school_protocol.pdf import rendering
from school_protocol.pdf.signed_archive import BundleFile, verify_bundle
from school_protocol.pdf.signing_keys import SigningKey, Validity, make_authority
from school_protocol.pdf.verdicts import KeyLost
from school_protocol.pdf.verification import verify
from school_protocol.storage import access_log
from services.conftest import School
from services.lettering import ADDRESS, DIGEST, HANDLE, INTIMATE_ADDRESS, PUPIL, evidence, issue, refer, text_of, told

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
FOREVER = timedelta(days=3650)


def loaded(school: School) -> Loaded:
    with school.ctx.realm.reading() as session:
        return load(school.ctx, session, school.person("head"), school.number)


def keys(school: School) -> None:
    now = school.ctx.now()
    academy = academy_of(school.ctx, loaded(school).around.unit)
    folder = school.ctx.settings.data / "signing"
    make_authority(folder, "Root", {academy.code: "Academy"}, Validity(now - FOREVER, now + FOREVER))


def bundle(school: School, who: str = "head", about: str = "referral-1", token: str = "") -> Issued:
    token = token or school.token()
    return issue_bundle(school.ctx, school.person(who), school.number, "prosecutor_bundle", about, "fr", token=token)


def inside(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def refusal(school: School, **more: str) -> list[str]:
    with pytest.raises(Refused) as refused:
        bundle(school, **more)
    return [reason.code for reason in refused.value.reasons]


def bundles(school: School) -> list[DocumentIssued]:
    return [one for one in loaded(school).case.documents if one.document == "prosecutor_bundle"]


@pytest.mark.exhaustive
def test_it_holds_everything_for_that_service_and_verifies_without_a_server(school: School) -> None:
    told(school)
    refer(school, "prosecutor")
    refer(school, "emc")
    keys(school)
    issue(school, "head", "referral_letter", "referral-1")
    issue(school, "head", "referral_letter", "referral-2")
    school.act("team_member", "note", text="Plus tard.")
    made = bundle(school)
    files = inside(made.data)
    assert list(files) == [
        "manifest.json", "manifest.p7s", "README-fr.txt", "README-ar.txt", "README-en.txt", "case-file.pdf",
        "letters/referral_letter-1-fr.pdf", "record.json", "definition/ma-cyberharassment-1.yaml", "evidence.csv",
        "evidence.json",
    ]  # fmt: skip
    folder = school.ctx.settings.signing_folder
    assert folder is not None
    verdict = verify_bundle(made.data, trust_in(folder), school.ctx.now())
    assert verdict.is_sound, verdict.found
    assert verdict.manifest is not None
    assert (verdict.manifest.case, verdict.manifest.copy) == (school.number, 1)
    whats = {language for one in verdict.manifest.files for language in one["what"]}
    assert whats == {"fr", "ar", "en"}
    for name, data in files.items():
        if name.endswith(".pdf"):
            found = verify(data, trust_in(folder), school.ctx.now())
            assert found.is_sound, (name, found.findings)
            assert found.copy is not None
            assert found.copy.number == 1
    record = PdfReader(io.BytesIO(files["case-file.pdf"])).attachments["record.json"][0]
    assert record == files["record.json"]
    assert json.loads(record)["versions"][0]["definition"].encode() == files["definition/ma-cyberharassment-1.yaml"]
    assert PUPIL in text_of(files["case-file.pdf"])


@pytest.mark.exhaustive
def test_it_is_an_event_an_access_and_a_numbered_copy(school: School) -> None:
    told(school)
    refer(school, "prosecutor")
    keys(school)
    first = bundle(school, token="one")
    assert bundle(school, token="one").data == first.data
    second = bundle(school)
    assert [(one.copy, one.profile, one.digest) for one in bundles(school)] == [
        (1, "referral-1", hashlib.sha256(first.data).hexdigest()),
        (2, "referral-1", hashlib.sha256(second.data).hexdigest()),
    ]
    with school.ctx.realm.reading() as session:
        noted = access_log.access_of_case(session, loaded(school).case_id, limit=50)
    assert sum(one.what == "bundle.referral-1" for one in noted) == 2


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_letter_is_the_one_that_was_sent_to_the_byte_but_for_its_copy(
    school: School, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    for module in (letters_module, service):
        monkeypatch.setattr(module, "copied", lambda *given, **_named: given[-1])
    told(school)
    refer(school, "prosecutor")
    keys(school)
    sent = issue(school, "head", "referral_letter", "referral-1", language).data
    school.wait(days=3)
    evidence(school)
    again = issue(school, "head", "referral_letter", "referral-1", language).data
    assert again != sent
    files = inside(bundle(school).data)
    letters = [files[f"letters/referral_letter-{copy}-{language}.pdf"] for copy in (1, 2)]
    assert letters == [sent, again]


@pytest.mark.exhaustive
def test_a_letter_that_was_taken_back_is_left_out(school: School) -> None:
    told(school)
    refer(school, "prosecutor")
    keys(school)
    issue(school, "head", "referral_letter", "referral-1")
    revoke(school.ctx, school.person("head"), school.number, "referral_letter", 1, "Erreur")
    assert not any(name.startswith("letters/") for name in inside(bundle(school).data))


def test_the_register_has_digests_and_addresses_as_text_and_no_formula(school: School) -> None:
    told(school)
    school.act(
        "team_member", "evidence", platform="whatsapp", content_type="group", captured_by_role="targeted_pupil",
        source="pupil", still_online="yes", content_status="online", kind="url", sexual_or_intimate="no",
        url="=HYPERLINK(\"http://evil.example\")", description="+cmd",
    )  # fmt: skip
    refer(school, "prosecutor")
    keys(school)
    files = inside(bundle(school).data)
    rows = list(csv.reader(io.StringIO(files["evidence.csv"].decode("utf-8-sig"))))
    whole = files["evidence.csv"].decode()
    assert len(rows) == 4
    assert len({len(row) for row in rows}) == 1
    assert all(said in whole for said in (DIGEST, ADDRESS, INTIMATE_ADDRESS))
    assert "'@omar" in whole, "an account is no formula"
    assert HANDLE in files["evidence.json"].decode()
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert "<a " not in whole
    pdf = files["case-file.pdf"]
    assert b"/URI" not in pdf


def test_a_register_without_a_piece_is_a_row_of_heads() -> None:
    record = json.dumps({"case": {"evidence": []}}).encode()
    assert register_csv(record).decode("utf-8-sig") == "piece,entry,at\r\n"
    assert json.loads(register_json(record)) == []


@pytest.mark.parametrize("first", list("=+-@\t\r\n＝＋－＠"))
def test_no_cell_is_reckoned_by_a_spreadsheet(first: str) -> None:
    assert plain_cell(f"{first}1+1") == f"'{first}1+1"
    assert plain_cell(f"a{first}") == f"a{first}"


@pytest.mark.exhaustive
def test_without_a_referral_to_a_service_that_gets_names_there_is_none(school: School) -> None:
    told(school)
    keys(school)
    assert refusal(school, about="") == ["no_service_told"]
    refer(school, "emc")
    assert refusal(school, about="") == ["no_service_told"]
    refer(school, "prosecutor")
    assert refusal(school, about="referral-1") == ["no_such_reader"]
    assert bundle(school, about="").copy == 1


@pytest.mark.exhaustive
def test_without_a_key_nothing_is_made_and_it_is_said_why(school: School) -> None:
    told(school)
    refer(school, "prosecutor")
    assert refusal(school) == ["bundle_unsigned"]
    (options,) = see_bundles(school.ctx, school.person("head"), school.number)
    assert not options.is_signed
    (school.ctx.settings.data / "signing").mkdir()
    with pytest.raises(KeyLost):
        bundle(school)
    assert not bundles(school)


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["team_member", "team_coordinator", "academy", "data_officer"])
def test_whoever_may_not_issues_none(school: School, who: str) -> None:
    told(school)
    refer(school, "prosecutor")
    keys(school)
    with pytest.raises(Unseen):
        bundle(school, who)
    assert not bundles(school)


@pytest.mark.exhaustive
def test_whoever_writes_meanwhile_has_it_made_anew(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    told(school)
    refer(school, "prosecutor")
    keys(school)
    stock, tries = service._made, []

    def made(ctx: object, standing: object, files: object, key: object) -> bytes:
        if not tries:
            school.act("team_member", "note", text="Encore un mot.")
        tries.append(standing)
        return stock(ctx, standing, files, key)  # type: ignore[arg-type]

    monkeypatch.setattr(service, "_made", made)
    data = bundle(school).data
    assert len(tries) == 2
    assert json.loads(inside(data)["record.json"])["case"]["content_seq"] == loaded(school).case.content_seq


def test_a_file_taken_out_of_a_bundle_is_known_to_its_house(school: School) -> None:
    """And taken back with its bundle; the very same file of a bundle that was never handed out is not known."""
    told(school)
    refer(school, "prosecutor")
    keys(school)
    issue(school, "head", "referral_letter", "referral-1")
    found = [data for name, data in inside(bundle(school).data).items() if name.endswith(".pdf")]
    assert len(found) == 2
    assert set(bundles(school)[0].parts) == {hashlib.sha256(data).hexdigest() for data in found}

    def codes(data: bytes) -> set[str]:
        trust = trust_in(school.ctx.settings.data / "signing")
        said = asked(school.ctx, checked(data, trust, school.ctx.now()))
        return {one.code.value for one in said.verdict.findings} - {"no_record"}

    assert [codes(data) for data in found] == [set(), set()]
    revoke(school.ctx, school.person("head"), school.number, "prosecutor_bundle", 1, "Une erreur")
    assert [codes(data) for data in found] == [{"copy_revoked"}, {"copy_revoked"}]


@pytest.mark.exhaustive
def test_a_file_of_a_bundle_that_was_not_handed_out_is_not_known(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(school)
    refer(school, "prosecutor")
    keys(school)
    made: list[bytes] = []
    as_ever = service._made

    def stopped(ctx: AppContext, standing: service._Standing, files: Sequence[BundleFile], key: SigningKey) -> bytes:
        made.extend(one.data for one in files if one.name == "case-file.pdf")
        raise KeyLost("planted")

    monkeypatch.setattr(service, "_made", stopped)
    with pytest.raises(KeyLost):
        bundle(school)
    monkeypatch.setattr(service, "_made", as_ever)
    said = asked(school.ctx, checked(made[0], trust_in(school.ctx.settings.data / "signing"), school.ctx.now()))
    assert {one.code.value for one in said.verdict.findings} == {"not_issued"}
    assert bundles(school) == []
