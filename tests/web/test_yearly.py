"""The page of a school's yearly report: to whom it is offered, which years, what pressing gives and leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from flask.testing import FlaskClient
from services.conftest import School
from services.yearly_told import SCHOOL, YEAR, a_year
from sqlalchemy import select

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.pdf import rendering
from school_protocol.pdf.verdicts import KeyLost
from school_protocol.statistics import yearly_report
from school_protocol.statistics.models import YearlyReportRow
from school_protocol.web import create_app
from web.filled import filled
from web.page import read_page

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
PATH = f"/yearly/{SCHOOL}"
WHO = ("head", "team_coordinator", "directorate")


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    ctx = open_context(Settings(data=tmp_path / "var"), TurnableClock(NOW))
    yield School(prepared(ctx, ctx.clock, moroccan, MOROCCAN.read_bytes()), count(1))  # type: ignore[arg-type]
    ctx.close()


def client(school: School, who: str, language: str = "fr") -> FlaskClient:
    account = school.account(who)
    with school.ctx.directory.writing() as session:
        auth_repository.set_language(session, account, language)
        token = sign_in_repository.open_web_session(session, account, now=school.ctx.now())
    found = create_app(school.ctx, testing=True).test_client()
    found.set_cookie("session", token)
    return found


def page(found: FlaskClient, path: str = PATH) -> str:
    response = found.get(path)
    assert response.status_code == 200, response.status
    return response.get_data(as_text=True)


def copies(school: School) -> int:
    with school.ctx.directory.reading() as session:
        return len(session.scalars(select(YearlyReportRow).filter_by(unit=school.player.school)).all())


@pytest.mark.parametrize("who", WHO)
def test_the_desk_leads_to_it_where_somebody_may_have_one(school: School, who: str) -> None:
    found = client(school, who)
    assert 'href="/yearly"' in page(found, "/")
    assert found.get("/yearly").location == PATH


@pytest.mark.parametrize("who", ["team_member", "psychosocial", "academy", "data_officer"])
def test_for_others_there_is_no_such_page(school: School, who: str) -> None:
    found = client(school, who)
    assert 'href="/yearly"' not in page(found, "/")
    assert [found.get(path).status_code for path in ("/yearly", PATH, "/yearly/99999Z")] == [404, 404, 404]
    assert found.post(PATH, data=dict(filled(page(found, "/")))).status_code == 404


def test_of_several_schools_one_is_chosen(school: School) -> None:
    with school.ctx.directory.writing() as session:
        here = auth_repository.unit(session, school.player.school)
        auth_repository.add_unit(session, kind=here.kind, code="11111B", names={"fr": "Autre"}, parent=here.parents[0])
    listed = page(client(school, "directorate"), "/yearly")
    assert 'href="/yearly/00000A"' in listed
    assert 'href="/yearly/11111B"' in listed
    assert client(school, "head").get("/yearly/11111B").status_code == 404


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_it_says_which_years_there_are_and_from_when_the_next(school: School, language: str) -> None:
    response = client(school, "head", language).get(PATH)
    text = response.get_data(as_text=True)
    assert f'value="{YEAR}"' not in text, "its first term is not over"
    assert f'value="{YEAR - 1}" checked' in text
    assert "2027" in text
    assert {"fr": "en accès restreint", "ar": "ذات الاطلاع المقيد", "en": "under restricted access"}[language] in text
    found = read_page(response)
    assert found.problems == []
    assert found.lang.startswith(language)


def test_a_press_gives_the_report_and_writes_it_down(school: School) -> None:
    school.report()
    school.wait(days=290)
    head = client(school, "head")
    got = head.post(PATH, data={**filled(page(head)), "year": str(YEAR), "language": "ar"})
    assert (got.status_code, got.mimetype) == (200, "application/pdf")
    assert got.data.startswith(b"%PDF")
    assert f"{SCHOOL}-{YEAR}-1-ar.pdf" in got.headers["Content-Disposition"]
    assert copies(school) == 1


@pytest.mark.exhaustive
def test_pressed_twice_says_which_copy_it_was(school: School) -> None:
    head = client(school, "head")
    form = {**filled(page(head)), "language": "fr"}
    assert head.post(PATH, data=form).status_code == 200
    again = head.post(PATH, data=form)
    assert again.status_code == 409
    assert "L’exemplaire 1 a déjà été" in again.get_data(as_text=True).replace("\u00a0", " ") or copies(school) == 1
    assert copies(school) == 1


@pytest.mark.parametrize(("year", "status"), [("", 422), ("x", 422), ("1999", 422), ("٢٠٢٥", 422), (str(YEAR), 409)])
def test_another_year_is_refused_in_words(school: School, year: str, status: int) -> None:
    head = client(school, "head")
    refused = head.post(PATH, data={**filled(page(head)), "year": year, "language": "fr"})
    assert refused.status_code == status
    assert 'role="alert"' in refused.get_data(as_text=True)
    assert copies(school) == 0


def test_a_language_that_is_not_offered_is_not_found(school: School) -> None:
    head = client(school, "head")
    assert head.post(PATH, data={**filled(page(head)), "language": "de"}).status_code == 404


def test_a_lost_key_is_said_and_nothing_is_written_down(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> bytes:
        raise KeyLost("academy.pem")

    monkeypatch.setattr(yearly_report, "signed", lost)
    head = client(school, "head")
    refused = head.post(PATH, data={**filled(page(head)), "language": "fr"})
    assert refused.status_code == 503
    assert 'role="alert"' in refused.get_data(as_text=True)
    assert copies(school) == 0


@pytest.mark.exhaustive
def test_an_excluded_head_gets_what_everybody_gets(school: School) -> None:
    a_year(school)
    head, directorate = client(school, "head"), client(school, "directorate")
    pdfs = [
        one.post(PATH, data={**filled(page(one)), "year": str(YEAR), "language": "fr"}) for one in (head, directorate)
    ]
    assert [one.status_code for one in pdfs] == [200, 200]
