"""Pages of letters and notices: what is offered, what pressing gives, and what is said where nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from flask.testing import FlaskClient
from services.conftest import School
from services.lettering import FATHER, MOTHER, PUPIL, issue, refer, told
from werkzeug.test import TestResponse

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.case_files import service as case_files_service
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.pdf import rendering
from school_protocol.pdf.verdicts import KeyLost
from school_protocol.web import create_app
from web.filled import filled

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")

HELD = {
    "fr": "Il est décidé de ne pas informer cette personne pour l’instant",
    "ar": "مؤقتا: لا إرسال لأي شيء",
    "en": "The information of this guardian is on hold",
}


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    ctx = open_context(Settings(data=tmp_path / "var"), TurnableClock(NOW))
    found = School(prepared(ctx, ctx.clock, moroccan, MOROCCAN.read_bytes()), count(1))  # type: ignore[attr-defined]
    told(found)
    yield found
    ctx.close()


def client(school: School, who: str, language: str = "fr") -> FlaskClient:
    account = school.account(who)
    with school.ctx.directory.writing() as session:
        auth_repository.set_language(session, account, language)
        token = sign_in_repository.open_web_session(session, account, now=school.ctx.now())
    app = create_app(school.ctx, testing=True)
    found = app.test_client()
    found.set_cookie("session", token)
    return found


def press(found: FlaskClient, path: str, **chosen: str) -> TestResponse:
    form = dict(filled(found.get(path).get_data(as_text=True)))
    return found.post(path, data={**form, **chosen})


def page(found: FlaskClient, path: str) -> str:
    response = found.get(path)
    assert response.status_code == 200, response.status
    return response.get_data(as_text=True)


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_the_documents_page_leads_to_each_letter(school: School, moroccan: Protocol, language: str) -> None:
    head = client(school, "head", language)
    text = page(head, f"/cases/{school.number}/case-file")
    for key, document in moroccan.documents.items():
        assert (f"/letters/{key}" in text) == document.is_letter
    assert moroccan.documents["guardians_notice"].title.in_language(language) in text
    listed = page(head, f"/cases/{school.number}/letters")
    assert f"/cases/{school.number}/letters/guardians_notice" in listed
    assert f"/cases/{school.number}/letters/referral_letter" not in listed, "nothing was referred yet"


@pytest.mark.exhaustive
def test_a_subject_and_a_language_are_chosen_and_a_press_gives_the_paper(school: School) -> None:
    head, path = client(school, "head"), f"/cases/{school.number}/letters/guardians_notice"
    text = page(head, path)
    assert MOTHER in text
    assert FATHER in text
    got = press(head, path, about="guardian-2", language="ar")
    assert (got.status_code, got.mimetype) == (200, "application/pdf")
    assert got.data.startswith(b"%PDF")
    assert "guardians_notice-1-ar.pdf" in got.headers["Content-Disposition"]
    log = page(head, f"/cases/{school.number}/chronology")
    assert "Information des responsables légaux" in log


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_lost_key_is_said_and_nothing_is_issued(
    school: School, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    def lost(*_: object) -> bytes:
        raise KeyLost("academy.pem")

    head, path = client(school, "head", language), f"/cases/{school.number}/letters/marsad_sheet"
    with monkeypatch.context() as changed:
        changed.setattr(case_files_service, "signed", lost)
        refused = press(head, path, about="case", language="fr")
    assert refused.status_code == 503
    text = refused.get_data(as_text=True)
    assert {"fr": "n’a pas pu être signé", "ar": "تعذر توقيع", "en": "could not be signed"}[language] in text
    assert issue(school, "head", "marsad_sheet").copy == 1


@pytest.mark.exhaustive
def test_pressed_twice_gives_the_same_paper(school: School) -> None:
    head, path = client(school, "head"), f"/cases/{school.number}/letters/marsad_sheet"
    form = {**filled(page(head, path)), "about": "case", "language": "fr"}
    first, again = head.post(path, data=form), head.post(path, data=form)
    assert first.data == again.data
    assert issue(school, "head", "marsad_sheet").copy == 2


@pytest.mark.exhaustive(but=("en",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_held_guardian_cannot_be_chosen_and_a_press_says_why(school: School, language: str) -> None:
    head, path = client(school, "head", language), f"/cases/{school.number}/letters/guardians_notice"
    form = {**filled(page(head, path)), "about": "guardian-2", "language": "fr"}
    school.act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    text = page(head, path)
    assert 'value="guardian-2"' not in text
    assert 'value="guardian-1"' in text
    assert HELD[language] in text
    refused = head.post(path, data=form)
    assert refused.status_code == 409
    assert HELD[language] in refused.get_data(as_text=True)
    assert issue(school, "head", "guardians_notice", "guardian-1").copy == 1, "nothing was issued"


@pytest.mark.exhaustive
def test_the_note_says_what_must_be_written_first_and_where(school: School) -> None:
    text = page(client(school, "head"), f"/cases/{school.number}/letters/facts_note")
    assert f"/cases/{school.number}/acts/support_plan" in text
    assert "<form" not in text.split("<main")[1].split("</main>")[0]


@pytest.mark.exhaustive
def test_a_letter_names_its_service_and_what_it_gets(school: School) -> None:
    refer(school, "prosecutor")
    refer(school, "emc")
    text = page(client(school, "head", "en"), f"/cases/{school.number}/letters/referral_letter")
    assert 'value="referral-1"' in text
    assert 'value="referral-2"' in text
    assert "With names" in text
    assert "Without names" in text


@pytest.mark.exhaustive(
    but=(
        "psychosocial-guardians_notice",
        "team_coordinator-referral_letter",
        "team_member-guardians_notice",
    )
)
@pytest.mark.parametrize(
    ("who", "document"),
    [
        ("team_member", "guardians_notice"), ("team_coordinator", "referral_letter"), ("directorate", "marsad_sheet"),
        ("head", "case_file"), ("head", "made_up"), ("psychosocial", "guardians_notice"),
    ],
)  # fmt: skip
def test_the_wrong_role_meets_a_page_that_is_not_there(school: School, who: str, document: str) -> None:
    found = client(school, who)
    assert found.get(f"/cases/{school.number}/letters/{document}").status_code == 404
    path = f"/cases/{school.number}/letters/{document}"
    form = dict(filled(page(found, "/")))
    assert "csrf_token" in form
    assert found.post(path, data={**form, "about": "guardian-1", "language": "fr"}).status_code == 404


@pytest.mark.exhaustive
def test_the_documents_page_of_whoever_may_issue_no_letter_names_none(school: School) -> None:
    text = page(client(school, "academy"), f"/cases/{school.number}/case-file")
    assert "/letters/" not in text


# ---- the register of outgoing letters ------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_register_says_what_left_and_names_nobody(school: School, language: str) -> None:
    refer(school, "prosecutor")
    issue(school, "head", "referral_letter")
    issue(school, "head", "guardians_notice", "guardian-1")
    head = client(school, "head", language)
    text = page(head, "/outgoing-letters")
    assert {"fr": "Lettre de saisine", "ar": "رسالة إحالة"}[language] in text
    assert ">2/2026</bdi>" in text
    assert f'href="/cases/{school.number}"' in text
    assert not [name for name in (PUPIL, MOTHER, FATHER) if name in text]
    assert PUPIL in page(head, f"/cases/{school.number}/people"), "the control: the head reads who it is"
    assert 'href="/outgoing-letters"' in page(head, f"/cases/{school.number}/letters")
    assert 'href="/outgoing-letters?year=2026"' in text


def test_an_address_of_nothing_is_no_register(school: School) -> None:
    head = client(school, "head")
    assert head.get("/outgoing-letters?place=nowhere").status_code == 404
    assert "Aucune lettre" in page(head, "/outgoing-letters?year=2019&below=x")
    assert "Aucune lettre" in page(head, "/outgoing-letters?year=99999999999")
