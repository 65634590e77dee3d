"""The page of the case file: to whom each copy can be made out, and in words why to nobody."""

from __future__ import annotations

import re

import pytest
from handing import hand_out_as
from services.conftest import School
from services.lettering import FATHER, MOTHER, refer

from school_protocol.case_files.pages import case_file_html
from school_protocol.cases.loading import load
from school_protocol.engine.events import DocumentIssued
from school_protocol.pdf import rendering
from web.test_letters import HELD, client, page, press
from web.test_letters import school as school

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


@pytest.fixture(autouse=True)
def _as_html(monkeypatch: pytest.MonkeyPatch) -> None:
    hand_out_as(monkeypatch, lambda view, wording: case_file_html(view, wording).encode())


def path_of(school: School) -> str:
    return f"/cases/{school.number}/case-file"


def choices(text: str) -> list[str]:
    return re.findall(r'name="profile" value="([^"]*)"', text)


def issued(school: School) -> list[DocumentIssued]:
    with school.ctx.realm.reading() as session:
        events = load(school.ctx, session, school.person("head"), school.number).events
    return [event for event in events if isinstance(event, DocumentIssued)]


def test_the_page_offers_only_readers_who_can_be_given_a_copy(school: School) -> None:
    text = page(client(school, "head"), path_of(school))
    offered = choices(text)
    assert "school" in offered
    assert [one for one in offered if one.startswith("authority")] == []
    assert "ce dossier n’a été transmis à aucun" in text
    assert {"family:guardian-1", "family:guardian-2"} <= set(offered)
    assert MOTHER in text
    assert len([one for one in offered if one.startswith("supervisor:")]) == 2, "the directorate and the academy"
    refer(school, "prosecutor")
    assert "authority:referral-1" in choices(page(client(school, "head"), path_of(school)))
    coordinator = choices(page(client(school, "team_coordinator"), path_of(school)))
    assert [one for one in coordinator if one.startswith("authority")] == []


@pytest.mark.exhaustive
def test_a_press_makes_it_out_to_who_was_chosen(school: School) -> None:
    refer(school, "prosecutor")
    refer(school, "police")
    head = client(school, "head")
    for chosen in ("authority:referral-2", "family:guardian-2", "school"):
        found = press(head, path_of(school), profile=chosen, language="fr")
        assert (found.status_code, found.mimetype) == (200, "application/pdf")
    assert [(event.profile, event.about) for event in issued(school)] == [
        ("authority", "referral-2"), ("family", "guardian-2"), ("school", "self"),
    ]  # fmt: skip


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_held_guardian_can_not_be_chosen_and_a_press_says_why(school: School, language: str) -> None:
    head = client(school, "head", language)
    school.act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    text = page(head, path_of(school))
    assert "family:guardian-2" not in choices(text)
    assert FATHER in text
    assert HELD[language] in text
    found = press(head, path_of(school), profile="family:guardian-2", language=language)
    assert found.status_code == 409
    assert HELD[language] in found.get_data(as_text=True)
    assert issued(school) == []


@pytest.mark.exhaustive
def test_a_reader_that_is_not_there_is_refused_in_words(school: School) -> None:
    head = client(school, "head")
    for chosen in ("family:witness-1", "supervisor:elsewhere", "school:guardian-1", "family:"):
        found = press(head, path_of(school), profile=chosen, language="fr")
        assert found.status_code == 409, chosen
    assert press(head, path_of(school), profile="nobody", language="fr").status_code == 404
    assert issued(school) == []


def test_whoever_reads_signs_is_told_that_their_copies_have_no_names(school: School) -> None:
    refer(school, "police", who="directorate")
    text = page(client(school, "directorate", "en"), path_of(school))
    assert "no copy that you issue has names" in text
    assert "authority:referral-1" in choices(text)
    assert "no copy that you issue has names" not in page(client(school, "head", "en"), path_of(school))
