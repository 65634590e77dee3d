"""The register of outgoing letters: which letters get a number, where it stands, and what its page tells whom."""

from __future__ import annotations

from typing import Any

import pytest

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AppointmentRow
from school_protocol.case_files import letter_register
from school_protocol.case_files.letter_register import OutgoingLetter, RegisterPage, see_register
from school_protocol.case_files.letters import see_letters
from school_protocol.case_files.service import revoke, see_copies
from school_protocol.cases import repository as cases_repository
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.pdf import rendering
from school_protocol.privacy import repository as privacy_repository
from school_protocol.storage import journal
from services.conftest import School
from services.lettering import FATHER, MOTHER, OTHER_MOTHER, PUPIL, issue, refer, text_of, told
from services.test_letters import council

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


def register(school: School, who: str = "head", **wanted: Any) -> RegisterPage:
    return see_register(school.ctx, school.person(who), **wanted)


def kinds(page: RegisterPage) -> list[tuple[int, str, str]]:
    """Each line, by its number: which letter, to whom."""
    return [(one.number, named(one.title), named(one.addressee)) for one in page.lines]


def named(text: Any) -> str:
    return text.in_language("en") if text else ""


def sent(school: School) -> School:
    """A letter and two notices left."""
    told(school)
    refer(school, "prosecutor")
    issue(school, "head", "referral_letter", "referral-1", token="letter")
    issue(school, "team_coordinator", "guardians_notice", "guardian-1")
    issue(school, "head", "guardians_notice_concerned")
    return school


def case_id_of(school: School) -> str:
    with school.ctx.realm.reading() as session:
        return cases_repository.find_by_number(session, school.number) or ""


def test_what_leaves_gets_the_next_number_and_what_stays_in_the_house_has_none(school: School) -> None:
    told(school)
    refer(school, "prosecutor")
    council(school)
    papers = (
        ("referral_letter", "referral-1"), ("facts_note", ""), ("guardians_notice", "guardian-1"), ("marsad_sheet", ""),
        ("data_notice", "guardian-1"), ("guardians_notice_concerned", ""),
    )  # fmt: skip
    texts = {document: text_of(issue(school, "head", document, about).data) for document, about in papers}
    numbered = {key: [number for number in (1, 2, 3) if f"Départ n° {number}/2026" in texts[key]] for key in texts}
    assert numbered == {
        "referral_letter": [1], "facts_note": [], "guardians_notice": [2], "marsad_sheet": [], "data_notice": [],
        "guardians_notice_concerned": [3],
    }  # fmt: skip
    assert kinds(register(school)) == [
        (3, "Notice to guardians of a pupil concerned", "Guardian of a pupil concerned"),
        (2, "Notice to guardians", "Targeted pupil’s guardian"),
        (1, "Referral letter", "King’s prosecutor, unit for women and children"),
    ]


def test_the_same_press_is_the_same_number_and_a_letter_issued_anew_another_one(school: School) -> None:
    sent(school)
    again = issue(school, "head", "referral_letter", "referral-1", token="letter")
    assert "1/2026" in text_of(again.data)
    assert [one.number for one in register(school).lines] == [3, 2, 1]
    anew = text_of(issue(school, "head", "referral_letter", "referral-1").data)
    assert "Départ n° 4/2026" in anew
    assert "notre lettre n° 1/2026 du 25" in anew
    assert [one.number for one in register(school).lines] == [4, 3, 2, 1]


def test_a_letter_that_was_taken_back_keeps_its_number(school: School) -> None:
    sent(school)
    revoke(school.ctx, school.person("head"), school.number, "referral_letter", 1, "Mauvais destinataire")
    assert [(one.number, one.taken_back_at is not None) for one in register(school).lines] == [
        (3, False), (2, False), (1, True),
    ]  # fmt: skip
    anew = text_of(issue(school, "head", "referral_letter", "referral-1").data)
    assert "Départ n° 4/2026" in anew
    assert "notre lettre" not in anew, "what was taken back is no reference"
    letters = see_letters(school.ctx, school.person("head"), school.number).letters
    assert next(one.sent for one in letters if one.document.key == "referral_letter") == (
        ("1/2026", True), ("4/2026", False),
    )  # fmt: skip
    _head, copies = see_copies(school.ctx, school.person("head"), school.number)
    assert [one.dispatch for one in copies] == ["4/2026", "3/2026", "2/2026", "1/2026"]
    with school.ctx.realm.reading() as session:
        assert journal.verify_all(session, school.ctx.vault) == []


def test_the_year_turns_by_the_calendar(school: School) -> None:
    sent(school)
    school.wait(days=40)
    issue(school, "head", "guardians_notice", "guardian-2")
    page = register(school)
    assert (page.year, page.years, [one.number for one in page.lines]) == (2027, (2027, 2026), [1])
    assert [one.number for one in register(school, year=2026).lines] == [3, 2, 1]


def test_pages_of_a_long_register_follow_each_other(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letter_register, "PAGE", 2)
    sent(school)
    first = register(school)
    assert ([one.number for one in first.lines], first.below) == ([3, 2], 2)
    second = register(school, below=first.below)
    assert ([one.number for one in second.lines], second.below) == ([1], 0)


def test_nobody_stands_in_it_but_kinds_of_people(school: School) -> None:
    page = register(sent(school))
    assert len(page.lines) == 3
    assert not [name for name in (PUPIL, MOTHER, FATHER, OTHER_MOTHER) if name in repr(page)]
    assert {one.case for one in page.lines} == {school.number}


# ---- whose register, and who reads it ------------------------------------------------------------------------------


def head_elsewhere(school: School) -> Actor:
    """The head of another school of the same province."""
    person = school.person("head/2")
    with school.ctx.directory.writing() as session:
        province = auth_repository.unit(session, register(school).office.id).parents[0]
        other = auth_repository.add_unit(
            session, kind=UnitKind.school, code="99999Z", names={"fr": "Ailleurs"}, parent=province
        )
        for row in session.query(AppointmentRow).filter_by(account=person.id):
            row.unit = other
        session.flush()
        found = auth_repository.actor(session, person.id, realm=school.ctx.name, today=school.ctx.now().date())
    assert found is not None
    return found


def test_the_head_of_another_school_reads_that_schools_own(school: School) -> None:
    office = register(sent(school)).office
    other = head_elsewhere(school)
    assert see_register(school.ctx, other).lines == ()
    with pytest.raises(Unseen):
        see_register(school.ctx, other, office.code)


@pytest.mark.parametrize("who", ["team_member", "psychosocial", "academy", "trainer", "data_officer"])
def test_who_issues_no_letter_finds_no_register(school: School, who: str) -> None:
    sent(school)
    with pytest.raises(Unseen):
        register(school, who)
    assert register(school, "team_coordinator").lines, "the control"


def test_the_directorates_letters_stand_in_its_own(school: School) -> None:
    told(school)
    refer(school, "prosecutor", who="directorate")
    text = text_of(issue(school, "directorate", "referral_letter").data)
    page = register(school, "directorate")
    assert page.office.kind is UnitKind.province
    assert f"Départ n° 1/2026/{page.office.code}" in text
    assert [one.number for one in page.lines] == [1]
    assert register(school).lines == ()


def test_of_a_restricted_case_the_schools_register_says_nothing(school: School) -> None:
    """Not even where somebody of the school, seated by the directorate, writes to the family."""
    school.report(who="reporter", adult_concerned="yes")
    school.act("directorate", "name_seat", seat="acting_head", account=school.account("team_member/3"))
    school.act("team_member/3", "add_person", persons=[{"slot": "guardian", "name": MOTHER}])
    issue(school, "team_member/3", "guardians_notice", "guardian-1")
    assert register(school).lines == ()
    assert [one.number for one in register(school, "directorate").lines] == [1]


def test_who_is_shut_out_of_a_case_sees_the_number_and_the_day_alone(school: School) -> None:
    sent(school)
    known = register(school).lines
    school.act("head", "conflict", reason="close_relative")
    assert register(school).lines == tuple(
        OutgoingLetter(one.number, one.at, None, None, None, case="", word={}) for one in known
    )
    assert register(school, "team_coordinator").lines == known


def test_of_an_erased_case_the_number_and_the_day_stay_alone(school: School) -> None:
    sent(school)
    revoke(school.ctx, school.person("head"), school.number, "referral_letter", 1, "Erreur")
    known = register(school).lines
    assert [one.taken_back_at is None for one in known].count(False) == 1, "the control"
    case_id = case_id_of(school)
    with school.ctx.realm.writing() as session:
        privacy_repository.erase_case(session, school.ctx.vault, case_id, at=school.ctx.now(), actor="officer")
    assert register(school).lines == tuple(
        OutgoingLetter(one.number, one.at, None, None, None, case="", word={}) for one in known
    )
