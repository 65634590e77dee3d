"""A file checked by itself, and asked of the installation that issued it."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pdf.copies import carried, view_of_case, whole, with_record
from pdf.sealed import DAY, NOW, saved, trust

from school_protocol.case_files import record as records
from school_protocol.case_files import verify_process
from school_protocol.case_files.service import academy_of, issue_case_file, issue_letter, revoke, trust_in
from school_protocol.case_files.verify_copy import Checked, Standing, asked, checked, verification_messages
from school_protocol.case_files.verify_process import checked_apart, read_plain
from school_protocol.cases import repository as cases_repository
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.pdf.signing import sign
from school_protocol.pdf.signing_keys import read_key_file
from school_protocol.pdf.verdicts import Code, read_copy
from school_protocol.statistics.yearly_report import issue_yearly
from services.conftest import School
from services.yearly_told import SCHOOL, YEAR

from .test_sealed_papers import keys, loaded

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
PASSPHRASE = "a passphrase that nobody says"
SECRET = "envoyé à la mauvaise adresse"


def alone(data: bytes) -> Checked:
    return checked(data, trust(), NOW + DAY)


def codes(found: Checked) -> set[Code]:
    return set(found.verdict.codes)


# ---- the file alone ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("ar", "fr"))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_copy_as_issued_is_genuine(language: str) -> None:
    found = alone(whole(language))
    assert (found.standing, codes(found)) == (Standing.genuine, set())
    assert found.about is not None
    assert (found.about.language, found.about.number) == (language, view_of_case().head.number)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    record = json.loads(carried(whole(), "record.json"))
    change(record)
    return (json.dumps(record, ensure_ascii=False, indent=1) + "\n").encode()


def definition(record: dict[str, Any], text: str) -> None:
    """Another definition, its digest set right."""
    record["versions"][0] |= {"definition": text, "digest": hashlib.sha256(text.encode()).hexdigest()}


RECORDS: list[tuple[str, Callable[[dict[str, Any]], object], Code]] = [
    ("another word", lambda one: one["case"]["head"]["state"].update(words="autre"), Code.RECORD_FALSE),
    ("a key more", lambda one: one["case"].update(more=1), Code.RECORD_FALSE),
    ("no case", lambda one: one.pop("case"), Code.RECORD_FALSE),
    ("no language", lambda one: one.update(language="xx"), Code.RECORD_FALSE),
    ("a definition of another digest", lambda one: one["versions"][0].update(definition="x: 1"), Code.RECORD_FALSE),
    ("another format", lambda one: one.update(schema="urn:school-protocol:case-record:2", format=2), Code.RECORD_NEWER),
    ("another layout", lambda one: one.update(layout=99), Code.RECORD_NEWER),
    ("a definition of a later format", lambda one: definition(one, "format: 99\n"), Code.RECORD_NEWER),
]


@pytest.mark.exhaustive(
    but=(
        "another word",
        "no case",
        "a definition of another digest",
    )
)
@pytest.mark.parametrize(("name", "change", "code"), RECORDS, ids=[one[0] for one in RECORDS])
def test_another_record_signed_again_is_told(name: str, change: Callable[[dict[str, Any]], object], code: Code) -> None:
    found = alone(with_record(changed(change)))
    assert codes(found) == {code}, name
    assert found.standing is (Standing.genuine if code is Code.RECORD_NEWER else Standing.not_trusted)


@pytest.mark.exhaustive
def test_what_is_no_record_signed_again_is_told() -> None:
    for data in (b"null", b"[]", b"{", b"\xff\xfe", b"[" * 50_000):
        assert codes(alone(with_record(data))) == {Code.RECORD_FALSE}, data[:4]


@pytest.mark.exhaustive
def test_the_same_record_signed_again_is_not_told() -> None:
    """The control of the two before."""
    assert alone(with_record(changed(lambda _record: None))).standing is Standing.genuine
    assert codes(alone(with_record(changed(lambda _record: None), named="0" * 64))) == {Code.RECORD_DIFFERS}


def test_of_an_altered_file_nothing_is_believed() -> None:
    flipped = bytearray(whole())
    flipped[len(flipped) // 2] ^= 1
    found = alone(bytes(flipped))
    assert found.standing is Standing.not_trusted
    assert found.about is None


# ---- apart ---------------------------------------------------------------------------------------------------------


def test_a_process_apart_finds_the_same() -> None:
    for data in (whole(), whole()[:-700], b"PK\x03\x04", with_record(b"{}")):
        told, here = checked_apart(data, trust(), NOW + DAY).plain(), alone(data).plain()
        assert {**told, "record": None} == {**here, "record": None}


def test_plain_values_say_all() -> None:
    late = checked(whole(), trust(), NOW + timedelta(days=800))
    assert Code.EXPIRED in codes(late)
    again = read_plain(json.loads(json.dumps(late.plain())))
    assert again.verdict.findings == late.verdict.findings
    assert (again.about, again.verdict.signer, again.verdict.copy) == (
        late.about,
        late.verdict.signer,
        late.verdict.copy,
    )


def test_what_takes_too_long_is_stopped_and_said() -> None:
    found = checked_apart(whole(), trust(), NOW + DAY, seconds=0.0)
    assert codes(found) == {Code.TOO_LONG}
    assert "0" in verification_messages(Wording("en"), found).lines[0]


def test_what_is_too_large_is_not_even_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_process, "_begun", lambda: pytest.fail("it was"))
    assert codes(checked_apart(b"%PDF-" + bytes(100), trust(), NOW, most=50)) == {Code.TOO_LARGE}


@pytest.mark.exhaustive
def test_a_process_that_breaks_down_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_process, "_work", _broken)
    assert codes(checked_apart(whole(), trust(), NOW + DAY)) == {Code.UNREADABLE}


@pytest.mark.exhaustive
def test_a_process_apart_knows_no_secret_of_its_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in Python's environment nor in what the system keeps of it; and begins neither files nor processes."""
    monkeypatch.setenv("SCHOOL_PROTOCOL_SIGNING_PASSPHRASE", PASSPHRASE)
    stop()
    monkeypatch.setattr(verify_process, "checked", _looks_around)
    try:
        assert {"no file", "no process", "no secret"} == told_by(verify_process._work)
        assert "secret" in told_by(_work_as_it_was), "the control: without it, it is seen"
    finally:
        stop()


def stop() -> None:
    """The next process apart is forked from another one, which begins with the surroundings of now."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


def told_by(work: Callable[[Any], None]) -> set[str]:
    ours, theirs = multiprocessing.Pipe()
    process = verify_process._begun().Process(target=_looking, args=(theirs, work), daemon=True)
    process.start()
    theirs.close()
    ours.send((b"", trust(), NOW))
    assert ours.poll(60)
    found = set(json.loads(ours.recv_bytes()))
    process.join()
    return found


def _looking(answers: Any, work: Callable[[Any], None]) -> None:
    verify_process.checked = _looks_around
    work(answers)


def _work_as_it_was(answers: Any) -> None:
    answers.recv()
    answers.send_bytes(json.dumps(_looks_around().plain()).encode())


class _Seen(list[str]):
    def plain(self) -> list[str]:
        return list(self)


def _looks_around(*_: Any) -> Any:
    seen = _Seen()
    kept = Path("/proc/self/environ").read_bytes() if Path("/proc/self/environ").exists() else b""
    is_seen = PASSPHRASE in str(os.environ) or PASSPHRASE.encode() in kept
    seen.append("secret" if is_seen else "no secret")
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
    except OSError:
        seen.append("no file")
    if resource.getrlimit(resource.RLIMIT_NPROC) == (0, 0):
        seen.append("no process")
    return seen


def _broken(answers: Any) -> None:
    answers.recv()
    raise MemoryError


# ---- asked of the installation -------------------------------------------------------------------------------------


def here(school: School, data: bytes) -> Checked:
    folder = school.ctx.settings.signing_folder
    assert folder is not None
    return asked(school.ctx, checked(data, trust_in(folder), school.ctx.now()))


def issued(school: School) -> bytes:
    school.report()
    keys(school)
    return issue_case_file(school.ctx, school.person("head"), school.number, "school", "fr", token="one").data


def signed_again(school: School, data: bytes, change: Callable[[pikepdf.Pdf], object]) -> bytes:
    """By whoever holds the academy's key."""
    folder = school.ctx.settings.data / "signing"
    academy_key = read_key_file(folder / f"{academy_of(school.ctx, loaded(school).around.unit).code}.pem")
    with pikepdf.open(io.BytesIO(data)) as pdf:
        change(pdf)
        for holder in (pdf.Root, *(page.obj for page in pdf.pages)):
            for key in ("/AcroForm", "/Perms", "/Annots"):
                if key in holder:
                    del holder[key]
        return sign(saved(pdf), academy_key, school.ctx.now())


@pytest.mark.exhaustive
def test_a_copy_that_was_handed_out_is_genuine_here(school: School) -> None:
    found = here(school, issued(school))
    assert (found.standing, codes(found)) == (Standing.genuine, set())
    assert (found.is_asked, found.is_issued) == (True, True)
    school.act("team_member", "note", text="encore")
    assert here(school, issue_case_file(school.ctx, school.person("head"), school.number, "school", "ar").data)


@pytest.mark.exhaustive
def test_a_copy_that_was_taken_back_says_so_and_not_why(school: School) -> None:
    data = issued(school)
    revoke(school.ctx, school.person("head"), school.number, "case_file", 1, SECRET)
    found = here(school, data)
    assert codes(found) == {Code.COPY_REVOKED}
    said = verification_messages(Wording("fr"), found)
    assert "retiré" in said.title
    assert SECRET not in json.dumps(found.plain(), ensure_ascii=False) + str(said)
    other = issue_case_file(school.ctx, school.person("head"), school.number, "school", "fr", token="two").data
    assert here(school, other).standing is Standing.genuine, "the other copy stands"
    folder = school.ctx.settings.data / "signing"
    assert checked(data, trust_in(folder), school.ctx.now()).standing is Standing.genuine, "nobody was asked"


@pytest.mark.exhaustive
def test_another_place_of_the_journal_signed_again_is_told(school: School) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        stream = pdf.attachments["copy.json"].obj.EF.F
        copy = read_copy(stream.read_bytes())
        stream.write(replace(copy, journal_number=copy.journal_number + 1).as_json())

    assert codes(here(school, signed_again(school, issued(school), change))) == {Code.JOURNAL_DIFFERS, Code.NOT_ISSUED}


@pytest.mark.exhaustive
def test_the_very_same_signed_once_more_was_not_handed_out(school: School) -> None:
    found = here(school, signed_again(school, issued(school), lambda _pdf: None))
    assert codes(found) == {Code.NOT_ISSUED}
    assert found.standing is Standing.not_trusted


@pytest.mark.exhaustive
def test_a_case_that_is_not_known_here_is_told(school: School, tmp_path: Path) -> None:
    data = issued(school)
    folder = school.ctx.settings.data / "signing"
    other = open_context(Settings(data=tmp_path / "other", signing=folder), school.ctx.clock)
    found = asked(other, checked(data, trust_in(folder), school.ctx.now()))
    assert codes(found) == {Code.CASE_UNKNOWN}
    other.close()


@pytest.mark.exhaustive
def test_a_case_that_was_erased_is_told(school: School) -> None:
    data = issued(school)
    with school.ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        cases_repository.destroy_case(session, school.ctx.vault, case_id, at=school.ctx.now(), actor="x")
    found = here(school, data)
    assert codes(found) == {Code.CASE_ERASED}
    assert found.standing is Standing.genuine


@pytest.mark.exhaustive
def test_what_an_earlier_version_handed_out_is_genuine_to_its_house(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though records are written in other words now; the same said by nobody but a forger stays forged."""
    data = issued(school)
    forged = signed_again(school, data, lambda _pdf: None)
    monkeypatch.setattr(records, "_said", lambda _pages, _record: [])
    trust = trust_in(school.ctx.settings.data / "signing")
    assert codes(checked(data, trust, school.ctx.now())) == {Code.RECORD_FALSE}
    found = here(school, data)
    assert (found.standing, codes(found), found.is_issued) == (Standing.genuine, {Code.RECORD_NEWER}, True)
    told = here(school, forged)
    assert told.standing is Standing.not_trusted
    assert codes(told) == {Code.RECORD_FALSE, Code.NOT_ISSUED}


@pytest.mark.exhaustive
def test_of_a_file_that_does_not_hold_nothing_is_asked(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no file of ours learns nothing of any case by it."""
    data = issued(school)
    folder = school.ctx.settings.data / "signing"
    now = school.ctx.now()
    flipped = bytearray(data)
    flipped[len(data) // 3] ^= 1
    foreign = checked(whole(), trust_in(folder), now)
    monkeypatch.setattr(type(school.ctx.realm), "reading", lambda _store: pytest.fail("the realm was asked"))
    for found in (checked(bytes(flipped), trust_in(folder), now), foreign, checked(b"%PDF-", trust_in(folder), now)):
        assert asked(school.ctx, found) == found


# ---- letters -------------------------------------------------------------------------------------------------------


def letter(school: School) -> bytes:
    school.report()
    keys(school)
    head = school.person("head")
    return issue_letter(school.ctx, head, school.number, "marsad_sheet", "case", "ar", token="one").data


def test_a_letter_has_no_record_and_its_house_knows_it(school: School) -> None:
    data = letter(school)
    folder = school.ctx.settings.data / "signing"
    found = checked(data, trust_in(folder), school.ctx.now())
    assert (found.standing, codes(found)) == (Standing.genuine, {Code.NO_RECORD})
    known = asked(school.ctx, found)
    assert (codes(known), known.is_issued) == ({Code.NO_RECORD}, True)
    revoke(school.ctx, school.person("head"), school.number, "marsad_sheet", 1, SECRET)
    assert Code.COPY_REVOKED in codes(asked(school.ctx, found))


def test_a_letter_altered_and_signed_again_is_told_by_its_house(school: School) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.docinfo["/Title"] = "autre"

    found = here(school, signed_again(school, letter(school), change))
    assert codes(found) == {Code.NO_RECORD, Code.NOT_ISSUED}
    assert found.standing is Standing.not_trusted


# ---- yearly reports ------------------------------------------------------------------------------------------------


def test_a_yearly_report_is_of_no_case_and_its_house_knows_it(school: School) -> None:
    school.report()
    keys(school)
    school.wait(days=290)
    data = issue_yearly(school.ctx, school.person("head"), SCHOOL, YEAR, "fr", token="one").data
    found = here(school, data)
    assert (found.standing, codes(found)) == (Standing.genuine, {Code.NO_RECORD})
    assert (found.is_asked, found.is_issued) == (True, True)
    assert "authentique" in verification_messages(Wording("fr"), found).title
    again = here(school, signed_again(school, data, lambda _pdf: None))
    assert codes(again) == {Code.NO_RECORD, Code.NOT_ISSUED}
    assert again.standing is Standing.not_trusted


def test_a_copy_of_a_case_that_says_it_is_of_none_is_not_handed_out(school: School) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        stream = pdf.attachments["copy.json"].obj.EF.F
        stream.write(replace(read_copy(stream.read_bytes()), journal_number=0, journal_head="").as_json())

    found = here(school, signed_again(school, letter(school), change))
    assert Code.NOT_ISSUED in codes(found)
    assert found.standing is Standing.not_trusted
