"""Handing out the case file: each press gives one copy, pressed twice the same one."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from handing import hand_out_as
from pypdf import PdfReader

from school_protocol.case_files import repository as case_files_repository
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.service import take_back
from school_protocol.engine.errors import SentBefore
from school_protocol.engine.events import DocumentIssued, from_entry
from school_protocol.pdf import rendering
from services.conftest import School

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


def issued(school: School) -> list[DocumentIssued]:
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        events = [from_entry(entry) for entry in cases_repository.load_events(session, school.ctx.vault, case_id)]
    return [event for event in events if isinstance(event, DocumentIssued)]


@pytest.mark.exhaustive
def test_pressed_twice_it_is_the_same_copy_whatever_came_between(school: School) -> None:
    school.report()
    head = school.person("head")
    first = issue_case_file(school.ctx, head, school.number, "school", "fr", token="one")
    school.wait(minutes=3)
    school.act("head", "note", text="Écrit entre deux")
    again = issue_case_file(school.ctx, head, school.number, "school", "fr", token="one")
    assert (again.copy, again.data) == (first.copy, first.data)
    assert [event.digest for event in issued(school)] == [hashlib.sha256(first.data).hexdigest()]
    other = issue_case_file(school.ctx, head, school.number, "school", "fr", token="two")
    assert (other.copy, len(issued(school))) == (first.copy + 1, 2)
    assert other.data != first.data


def test_a_copy_that_is_kept_no_longer_is_said_to_be(school: School) -> None:
    school.report()
    head = school.person("head")
    issue_case_file(school.ctx, head, school.number, "school", "fr", token="one")
    with school.ctx.realm.writing() as session:
        assert case_files_repository.drop_outdated(session, school.ctx.now() + timedelta(days=1)) == 2
    with pytest.raises(SentBefore) as refused:
        issue_case_file(school.ctx, head, school.number, "school", "fr", token="one")
    assert refused.value.outcome["copy"] == 1
    assert len(issued(school)) == 1


def test_nobody_waits_while_a_file_is_made_and_what_was_written_meanwhile_is_in_it(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A danger raised while the pages are being set goes through at once, and the copy that comes out knows it."""
    school.report()
    head = school.person("head")
    made = []

    def slow(view: Any, wording: Any) -> bytes:
        if not made:
            school.act("team_member", "raise_danger", which_danger="self_harm")
        made.append(len(view.events))
        return b"%PDF " + str(len(view.events)).encode()

    hand_out_as(monkeypatch, slow)
    done = issue_case_file(school.ctx, head, school.number, "school", "fr", token="one")
    assert len(made) == 2
    assert made[1] > made[0]
    assert (done.copy, done.data) == (1, b"%PDF " + str(made[1]).encode())
    assert len(issued(school)) == 1


def test_what_was_made_once_is_made_no_second_time_until_somebody_writes_or_time_tells(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    school.report()
    head, made = school.person("head"), []

    def pages(view: Any, wording: Any) -> bytes:
        made.append((view.as_of, wording.language))
        return f"{view.content_seq}".encode()

    hand_out_as(monkeypatch, pages)

    def hand_out(token: str, language: str = "fr") -> None:
        issue_case_file(school.ctx, head, school.number, "school", language, token=token)

    hand_out("one")
    school.wait(minutes=2)
    hand_out("two")
    assert len(made) == 1, "issuing moves no content"
    hand_out("three", "ar")
    assert len(made) == 2, "another language is another file"
    school.act("head", "note", text="Écrit depuis")
    hand_out("four")
    assert len(made) == 3, "somebody wrote"
    school.wait(days=1)
    hand_out("five")
    assert len(made) == 4, "a day has passed"
    assert [event.as_of for event in issued(school)][1] == made[0][0].isoformat()


@pytest.mark.exhaustive
def test_what_was_taken_back_is_said_on_paper_and_its_words_are_not_printed(school: School) -> None:
    school.report()
    school.act("team_member", "note", text="Dans le bon dossier")
    note = school.act("team_member", "note", text="Dans le mauvais dossier")
    take_back(school.ctx, school.person("team_member"), school.number, note.seq, expected=None, token="x")
    data = issue_case_file(school.ctx, school.person("head"), school.number, "school", "fr", token="one").data
    pages = " ".join(" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(data)).pages)
    assert f"Fiche n° {note.seq} annulée par son auteur(e)" in pages
    assert "Annulée par son auteur(e) à 10:00" in pages
    assert "mauvais dossier" not in pages
