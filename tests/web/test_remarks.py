"""Pages of remarks: which copy, the form, what refuses it, the sheet and its figures, and dealing with one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from io import BytesIO
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from flask.testing import FlaskClient
from handing import hand_out_as
from pypdf import PdfReader
from services.conftest import NAME, School
from werkzeug import formparser

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine import document_rules
from school_protocol.engine.definition import Protocol
from school_protocol.pdf import rendering
from school_protocol.web import create_app
from web.filled import filled

TEXT = "Qui a informé la famille, et quand ?"


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    hand_out_as(monkeypatch, lambda view, w: f"{view.head.number} {view.content_head} {w.language}".encode())
    ctx = open_context(Settings(data=tmp_path / "var", address="https://desk.exemple.ma/"), TurnableClock(NOW))
    found = School(prepared(ctx, ctx.clock, moroccan, MOROCCAN.read_bytes()), count(1))  # type: ignore[attr-defined]
    found.report()
    yield found
    ctx.close()


def issued(school: School, language: str = "fr") -> bytes:
    return issue_case_file(school.ctx, school.person("directorate"), school.number, "supervisor", language).data


def client(school: School, who: str, language: str = "fr") -> FlaskClient:
    account = school.account(who)
    with school.ctx.directory.writing() as session:
        auth_repository.set_language(session, account, language)
        token = sign_in_repository.open_web_session(session, account, now=school.ctx.now())
    found = create_app(school.ctx, testing=True).test_client()
    found.set_cookie("session", token)
    return found


def page(found: FlaskClient, path: str, status: int = 200) -> str:
    response = found.get(path)
    assert response.status_code == status, response.status
    return response.get_data(as_text=True)


def press(found: FlaskClient, path: str, status: int, **typed: str) -> str:
    """Fill in the form with `text=`, `0_text=` … and send it."""
    form = dict(filled(found.get(path).get_data(as_text=True)))
    response = found.post(path, data={**form, **{key.replace("_", ".", 1): value for key, value in typed.items()}})
    assert response.status_code == status, response.status
    return response.get_data(as_text=True)


def at(school: School, *more: object) -> str:
    return "/".join([f"/cases/{school.number}/remarks", *map(str, more)])


WORDS = {
    "fr": ("Remarques de la supervision", "Quel exemplaire avez-vous lu", "Réponse attendue"),
    "ar": ("ملاحظات الإشراف", "أي نسخة قرأت", "تنتظر جوابا"),
    "en": ("Supervisors’ remarks", "Which copy have you read", "To be answered"),
}


@pytest.mark.exhaustive(but=("en",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_supervisor_remarks_on_screen_and_the_team_sees_it_until_it_is_dealt_with(
    school: School, language: str
) -> None:
    issued(school)
    title, which, awaited = WORDS[language]
    supervisor = client(school, "directorate", language)
    text = page(supervisor, at(school))
    assert title in text
    assert which in text
    press(supervisor, at(school, 1), 303, **{"0_text": TEXT, "0_about": "people", "0_awaits": "1"})
    head = client(school, "head", language)
    case = page(head, f"/cases/{school.number}")
    assert TEXT in case
    assert awaited in case
    form = dict(filled(case, "/1/settled"))
    seq = school.seen_by("head").remarks[0].seq
    done = head.post(at(school, seq, 1, "settled"), data={**form, "sentence": "Répondu par écrit"})
    assert done.status_code == 303
    assert TEXT not in page(head, f"/cases/{school.number}").split('id="log"')[0]
    assert "Répondu par écrit" in page(supervisor, at(school))
    assert f"/cases/{school.number}/remarks" in page(head, f"/cases/{school.number}/case-file")


@pytest.mark.exhaustive
def test_a_field_of_five_thousand_digits_is_no_remark(school: School) -> None:
    """Python reads no number of more than 4300 figures."""
    issued(school)
    found, digits = client(school, "directorate"), "9" * 5000
    form = dict(filled(page(found, at(school, 1))))
    sent = found.post(at(school, 1), data={**form, "0.text": TEXT, f"{digits}.text": "x"})
    assert sent.status_code == 303
    assert [one.text for one in school.seen_by("head").remarks] == [TEXT]


def test_a_file_that_is_sent_along_lies_in_no_temporary_file(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formparser, "SpooledTemporaryFile", lambda *_, **__: pytest.fail("a file was begun"))
    found = client(school, "directorate")
    form = dict(filled(page(found, at(school))))
    sent = found.post(at(school), data={**form, "file": (BytesIO(bytes(2_000_000)), "x.pdf")})
    assert sent.status_code == 422


def test_the_file_in_hand_and_the_figures_lead_to_the_copy(school: School) -> None:
    first, second = issued(school), issued(school, "ar")
    found = client(school, "directorate")
    form = dict(filled(page(found, at(school))))
    sent = found.post(at(school), data={**form, "copy": "2", "file": (BytesIO(first), "x.pdf")})
    assert sent.location.endswith(at(school, 1))
    figures = document_rules.on_paper(hashlib.sha256(second).hexdigest())
    assert found.post(at(school), data={**form, "copy": "1", "figures": figures}).location.endswith(at(school, 2))
    changed = found.post(at(school), data={**form, "file": (BytesIO(first + b"x"), "x.pdf")})
    assert changed.status_code == 422
    assert "n’est pas un exemplaire délivré" in changed.get_data(as_text=True)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"0_text": f"{NAME} n’a rien dit"}, "retirez le nom"),
        ({"0_text": "a", "0_about": "entry"}, "Entre 1 et"),
        ({"0_text": "a", "0_entry": "x1"}, "Entre 1 et"),
        ({"0_text": "", "0_awaits": "1"}, "réponse est nécessaire"),
        ({}, "réponse est nécessaire"),
        ({"0_text": "a", "paper": "1", "figures": "", "at": "2026-11-25T10:00"}, "réponse est nécessaire"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(school: School, typed: dict[str, str], said: str) -> None:
    issued(school)
    text = press(client(school, "directorate"), at(school, 1), 422, **{**typed, "1_text": typed.get("0_text", "")})
    assert said in text, text[text.find("errors") :][:900]
    assert typed.get("0_text", "") in text
    assert not school.seen_by("head").remarks


@pytest.mark.exhaustive
def test_one_more_row_keeps_what_was_typed(school: School) -> None:
    issued(school)
    text = press(client(school, "directorate"), at(school, 1), 200, **{"0_text": TEXT, "more": "1"})
    assert TEXT in text
    assert 'name="2.text"' in text
    assert not school.seen_by("head").remarks


def test_a_case_that_moved_on_says_what_came_and_offers_a_new_copy(school: School) -> None:
    issued(school)
    found = client(school, "directorate")
    form = dict(filled(page(found, at(school, 1))))
    school.act("team_member", "note", text="Un mot de plus.")
    sent = found.post(at(school, 1), data={**form, "0.text": TEXT})
    text = sent.get_data(as_text=True)
    assert sent.status_code == 409
    assert "Le dossier a avancé depuis l’exemplaire 1" in text
    assert f"/cases/{school.number}/case-file" in text
    assert TEXT in text
    assert TEXT in page(found, at(school, 1)), "it waits at its address"
    assert page(found, at(school, 1, "sheet?language=fr"), 409)


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["head", "team_member", "data_officer"])
def test_whoever_does_not_oversee_finds_no_form(school: School, who: str) -> None:
    issued(school)
    page(client(school, who), at(school, 1), 404)


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_sheet_carries_the_figures_and_they_come_back(school: School, language: str) -> None:
    issued(school)
    other = document_rules.on_paper(hashlib.sha256(issued(school, "ar")).hexdigest())
    found = client(school, "directorate", language)
    response = found.get(at(school, 1, f"sheet?language={language}"))
    assert response.mimetype == "application/pdf"
    text = " ".join(PdfReader(BytesIO(response.data)).pages[0].extract_text().split())
    figures = next(one.figures for one in _copies(school) if one.copy == 1)
    assert figures in text
    assert school.number in text
    scanned = page(found, at(school, f"1?figures={figures.replace(' ', '')}"))
    assert figures.replace(" ", "") in scanned
    assert "checked" in scanned[scanned.find('name="paper"') :][:80]
    typed = {"0_text": TEXT, "paper": "1", "at": "2026-11-25T10:00"}
    press(found, at(school, 1), 409, **typed, figures=other)
    slip = ("0" if figures[0] != "0" else "1") + figures[1:]
    press(found, at(school, 1), 409, **typed, figures=slip)
    press(found, at(school, 1), 303, **typed, figures=figures.upper())
    (line,) = school.seen_by("head").remarks
    assert (line.text, line.copy) == (TEXT, 1)


def _copies(school: School) -> tuple[object, ...]:
    from school_protocol.supervision.remarks import see_remarks

    return see_remarks(school.ctx, school.person("directorate"), school.number).copies


@pytest.mark.exhaustive
def test_pressed_twice_it_says_so_and_another_text_is_not_lost(school: School) -> None:
    issued(school)
    found = client(school, "directorate")
    form = {**dict(filled(page(found, at(school, 1)))), "0.text": TEXT}
    assert [found.post(at(school, 1), data=form).status_code for _press in range(2)] == [303, 303]
    again = found.post(at(school, 1), data={**form, "0.text": "Autre chose"})
    assert again.status_code == 409
    assert "Autre chose" in again.get_data(as_text=True)
    assert [one.text for one in school.seen_by("head").remarks] == [TEXT]


def test_a_name_in_how_it_was_dealt_with_is_refused_and_kept(school: School) -> None:
    issued(school)
    press(client(school, "directorate"), at(school, 1), 303, **{"0_text": TEXT})
    head, seq = client(school, "head"), school.seen_by("head").remarks[0].seq
    form = dict(filled(page(head, at(school)), "/1/settled"))
    sent = head.post(at(school, seq, 1, "settled"), data={**form, "sentence": f"{NAME} a répondu"})
    assert sent.status_code == 422
    assert f"{NAME} a répondu" in sent.get_data(as_text=True)
    assert school.seen_by("head").remarks[0].settled_at is None
