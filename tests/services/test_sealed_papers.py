"""Copies as they are handed out: stamped, with their record and what belongs to them inside, signed by the academy."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pikepdf
import pytest
from pypdf import PdfReader

from school_protocol.case_files import pages as case_files_pages
from school_protocol.case_files import printing
from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.copy_scope import document_of
from school_protocol.case_files.printing import sort_of
from school_protocol.case_files.record import decoded, view_of
from school_protocol.case_files.service import issue_case_file, revoke, trust_in
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import Loaded, load
from school_protocol.engine.errors import SentBefore
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.pdf.verdicts import CertificateExpired, Code, KeyLost
from school_protocol.pdf.verification import verify
from services.conftest import WORDS, School
from services.lettering import keys, told

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
FOREVER = timedelta(days=3650)


def loaded(school: School) -> Loaded:
    with school.ctx.realm.reading() as session:
        return load(school.ctx, session, school.person("head"), school.number)


def issued(school: School, token: str = "one", profile: str = "school") -> bytes:
    return issue_case_file(school.ctx, school.person("head"), school.number, profile, "fr", token=token).data


def copies(school: School) -> int:
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        return cases_repository.case_copies(session, case_id, "case_file")


@pytest.mark.exhaustive
def test_a_copy_is_signed_by_the_academy_and_says_whose_it_is(school: School) -> None:
    school.report()
    keys(school)
    data = issued(school)
    folder = school.ctx.settings.signing_folder
    assert folder is not None
    verdict = verify(data, trust_in(folder), school.ctx.now())
    assert verdict.is_sound
    assert verdict.signer is not None
    assert verdict.signer.name == "Academy"
    assert verdict.copy is not None
    assert verdict.copy.number == 1
    pages = PdfReader(io.BytesIO(data)).pages
    assert all("Exemplaire n° 1" in page.extract_text().replace("\u00a0", " ") for page in pages)
    flipped = bytearray(data)
    flipped[len(data) // 3] ^= 1
    assert not verify(bytes(flipped), trust_in(folder), school.ctx.now()).is_sound


def test_the_record_inside_is_the_one_that_the_pages_were_made_of(school: School) -> None:
    school.report()
    with pikepdf.open(io.BytesIO(issued(school))) as pdf:
        files = {name: one.get_file().read_bytes() for name, one in pdf.attachments.items()}
    record, copy = decoded(files["record.json"]), json.loads(files["copy.json"])
    protocol = loaded(school).protocol
    view = view_of(record, {protocol.version: protocol})
    assert view.head.number == school.number
    assert copy["number"] == 1
    assert copy["record"]["name"] == "record.json"


def test_without_any_key_copies_go_unsigned(school: School) -> None:
    school.report()
    data = issued(school)
    assert school.ctx.settings.signing_folder is None
    keys(school)
    folder = school.ctx.settings.signing_folder
    assert folder is not None
    assert Code.NOT_SIGNED in verify(data, trust_in(folder), school.ctx.now()).codes


@pytest.mark.exhaustive
def test_a_lost_key_or_one_that_is_out_of_date_issues_nothing(school: School) -> None:
    school.report()
    keys(school, ends=-timedelta(days=1))
    with pytest.raises(CertificateExpired):
        issued(school)
    folder = school.ctx.settings.data / "signing"
    for path in folder.glob("*.pem"):
        path.unlink()
    with pytest.raises(KeyLost):
        issued(school)
    assert copies(school) == 0
    (folder / "none").write_text("")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert issued(school).startswith(b"%PDF")
    assert copies(school) == 1


def told_in(data: bytes) -> bool:
    """Whether the reporter's own words stand on the pages."""
    said = " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).split())
    return WORDS in said


@pytest.mark.exhaustive
def test_words_that_are_destroyed_are_in_no_kept_file(school: School) -> None:
    """What was made ahead, and the copy that is kept for a day, are gone with them."""
    school.report()
    report = loaded(school).case.records[0].seq
    assert told_in(issued(school))
    with school.ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        cases_repository.destroy_words(session, school.ctx.vault, case_id, report, at=school.ctx.now(), actor="x")
    assert not told_in(issued(school, token="two"))
    with pytest.raises(SentBefore):
        issued(school)


@pytest.mark.exhaustive
def test_words_that_are_destroyed_while_a_file_is_made_are_in_none(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the copy that is handed out, nor in the pages that are kept for the next."""
    school.report()
    report, as_ever, made = loaded(school).case.records[0].seq, case_files_pages.case_file, []

    def slow(view: CaseFile, wording: Wording, record: bytes) -> bytes:
        data = as_ever(view, wording, record)
        if not made:
            with school.ctx.realm.writing() as session:
                case_id = cases_repository.find_by_number(session, school.number) or ""
                cases_repository.destroy_words(
                    session, school.ctx.vault, case_id, report, at=school.ctx.now(), actor="x"
                )
        made.append(data)
        return data

    monkeypatch.setattr(printing, "case_file", slow)
    assert not told_in(issued(school))
    assert [told_in(data) for data in made] == [True, False]
    assert not told_in(issued(school, token="two"))
    assert len(made) == 2, "the pages that were kept are those without the words"


@pytest.mark.exhaustive
def test_a_copy_that_was_taken_back_is_not_handed_out_again(school: School) -> None:
    school.report()
    issued(school)
    revoke(school.ctx, school.person("head"), school.number, "case_file", 1, "Mauvais destinataire")
    with pytest.raises(SentBefore):
        issued(school)
    assert issued(school, token="two").startswith(b"%PDF")


def test_whoever_listens_for_one_side_never_gets_pages_made_for_the_other(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two coordinators of the same roles, each seated for one side: what one had made is not the other's."""
    told(school)
    for who, side in (("team_coordinator", "targeted"), ("team_coordinator/2", "concerned")):
        school.act("head", "name_seat", seat="support", account=school.account(who), side=side)
    of_sides: set[tuple[str, str]] = set()
    for who in ("team_coordinator", "team_coordinator/2"):
        with school.ctx.realm.reading() as session:
            seen = load(school.ctx, session, school.person(who), school.number)
        profile = document_of(seen).profiles["school"]
        of_sides.add((",".join(sorted(seen.roles)), sort_of(seen, profile, "fr", "self").sight))
    assert len({roles for roles, _sight in of_sides}) == 1
    assert len({sight for _roles, sight in of_sides}) == 2
