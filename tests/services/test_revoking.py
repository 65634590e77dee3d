"""Copies taken back: by whom, why, once, and what is shown of them."""

from __future__ import annotations

import pytest

from school_protocol.case_files.service import RevokedBefore, issue_case_file, issue_letter, revoke, see_copies
from school_protocol.cases.showing import see_chronology
from school_protocol.engine.answers import TEXT_MOST
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.pdf import rendering
from services.conftest import NAME, School

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
WHY = "envoyé à la mauvaise adresse"


def issue(school: School) -> None:
    school.report()
    issue_case_file(school.ctx, school.person("head"), school.number, "school", "fr", token="one")
    issue_letter(school.ctx, school.person("head"), school.number, "marsad_sheet", "case", "fr", token="two")


def take_back(school: School, who: str = "head", document: str = "case_file", copy: int = 1, reason: str = WHY) -> None:
    revoke(school.ctx, school.person(who), school.number, document, copy, reason)


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["head", "directorate"])
@pytest.mark.parametrize("document", ["case_file", "marsad_sheet"])
def test_the_head_and_the_directorate_take_any_copy_back(school: School, who: str, document: str) -> None:
    issue(school)
    take_back(school, who, document)
    _head, copies = see_copies(school.ctx, school.person("head"), school.number)
    gone = {line.document: line.revoked_at is not None for line in copies}
    assert gone == {"case_file": document == "case_file", "marsad_sheet": document == "marsad_sheet"}
    (line,) = [one for one in copies if one.document == document]
    assert (line.reason, line.may_revoke) == (WHY, False)
    _head, page = see_chronology(school.ctx, school.person("head"), school.number, None)
    assert any(event.kind == "document_revoked" and event.detail["reason"] == WHY for event in page.events)


@pytest.mark.exhaustive(but=("team_member",))
@pytest.mark.parametrize("who", ["team_member", "psychosocial", "reporter", "data_officer"])
def test_others_find_nothing_to_take_back(school: School, who: str) -> None:
    issue(school)
    with pytest.raises(Unseen):
        take_back(school, who, "marsad_sheet")
    assert all(not line.revoked_at for line in see_copies(school.ctx, school.person("head"), school.number)[1])


@pytest.mark.exhaustive
def test_a_reason_is_needed(school: School) -> None:
    issue(school)
    for reason in ("", "   ", "x" * (TEXT_MOST + 1)):
        with pytest.raises(BadInput, match="reason"):
            take_back(school, reason=reason)
    take_back(school, reason="x" * TEXT_MOST)


def test_twice_is_told_with_when_it_was(school: School) -> None:
    issue(school)
    take_back(school)
    with pytest.raises(RevokedBefore) as told:
        take_back(school, "directorate", reason="encore")
    assert told.value.at == school.ctx.now()


@pytest.mark.exhaustive
@pytest.mark.parametrize(("document", "copy"), [("case_file", 2), ("case_file", 0), ("made_up", 1)])
def test_what_was_never_handed_out_is_not_there(school: School, document: str, copy: int) -> None:
    issue(school)
    with pytest.raises(Unseen):
        take_back(school, document=document, copy=copy)


@pytest.mark.exhaustive
def test_the_list_says_what_went_to_whom_and_when(school: School) -> None:
    issue(school)
    _head, copies = see_copies(school.ctx, school.person("head"), school.number)
    assert [(line.document, line.copy, line.profile) for line in copies] == [
        ("marsad_sheet", 1, "case"), ("case_file", 1, "school"),
    ]  # fmt: skip
    assert all(line.reader and line.by and line.may_revoke and line.at == school.ctx.now() for line in copies)


@pytest.mark.exhaustive
def test_whoever_reads_signs_reads_no_name_in_a_reason(school: School) -> None:
    issue(school)
    take_back(school, reason=f"le nom de {NAME} y figure")
    _head, copies = see_copies(school.ctx, school.person("directorate"), school.number)
    reasons = [line.reason for line in copies if line.reason]
    assert reasons != []
    assert all(NAME not in reason for reason in reasons)
