"""The pages of time limits and of requests about one's data, as people use them: by forms, without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW
from flask.testing import FlaskClient
from services.conftest import MASSAR, NAME, School
from services.retaining import Keeping
from services.test_rights import MOTHER, request
from werkzeug.test import TestResponse

from school_protocol.auth import sign_in_repository
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.pdf import rendering
from school_protocol.storage.case_numbers import format_number
from school_protocol.web import create_app


class Desk:
    """A school whose people sit at their browsers."""

    def __init__(self, keeping: Keeping) -> None:
        self.keeping = keeping
        self.app = create_app(keeping.school.ctx, testing=True)
        self.clients: dict[str, FlaskClient] = {}

    def client(self, who: str) -> FlaskClient:
        ctx = self.keeping.school.ctx
        account = self.keeping.school.account(who)
        with ctx.directory.writing() as session:
            token = sign_in_repository.open_web_session(session, account, now=ctx.now())
        client = self.app.test_client()
        client.set_cookie("session", token)
        return client

    def page(self, who: str, path: str) -> str:
        answer = self.client(who).get(path)
        assert answer.status_code == 200, (who, path, answer.status_code)
        return answer.get_data(as_text=True)

    def post(self, who: str, path: str, **form: Any) -> TestResponse:
        client = self.client(who)
        page = client.get("/help").get_data(as_text=True)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found is not None
        sent = {"csrf_token": found[1], "token": self.keeping.school.token(), **form}
        return client.post(path, data=sent, headers={"Origin": "http://localhost"})


@pytest.fixture
def desk(moroccan: Protocol) -> Iterator[Desk]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield Desk(Keeping(School(player, count(1))))


@pytest.mark.exhaustive
def test_an_open_case_says_that_nothing_runs(desk: Desk) -> None:
    desk.keeping.school.report()
    number = desk.keeping.school.number
    assert "aucune durée ne court" in desk.page("head", f"/cases/{number}/retention")
    assert f"/cases/{number}/retention" not in desk.page("head", f"/cases/{number}/outcomes")


def test_the_countdown_stands_on_the_case_and_in_the_list(desk: Desk) -> None:
    number = desk.keeping.ended("closed", 1)
    desk.keeping.run()
    case = desk.page("head", f"/cases/{number}/outcomes")
    assert re.search(r"1er sept\S* 2028|01/09/2028", case)
    assert f"/cases/{number}/retention" in case
    for who in ("head", "directorate", "academy", "data_officer"):
        page = desk.page(who, "/retention")
        assert format_number(number) in page.replace("\u202f", " ").replace("\xa0", " ") or number in page, who
        assert NAME not in page
        assert MASSAR not in page
    for who in ("team_member", "team_coordinator", "technical_admin"):
        assert desk.client(who).get("/retention").status_code == 404, who
        assert desk.client(who).get("/retention/requests").status_code == 404, who
        assert desk.post(who, "/retention", number=[number]).status_code == 404, who


def test_a_supervisor_suspends_and_lifts(desk: Desk) -> None:
    number = desk.keeping.ended("no_further_action")
    path = f"/cases/{number}/retention"
    until = (desk.keeping.today + timedelta(days=90)).isoformat()
    refused = desk.post("directorate", path, do="suspend", until="2040-01-01", reason="Une plainte")
    assert refused.status_code == 422
    assert "dans un an au plus" in refused.get_data(as_text=True)
    assert "Une plainte" in refused.get_data(as_text=True), "what was typed stays"
    assert desk.post("head", path, do="suspend", until=until, reason="x").status_code == 404
    assert desk.post("directorate", path, do="suspend", until=until, reason="Une plainte").status_code == 303
    assert "Une plainte" in desk.page("head", path)
    assert "Une plainte" not in desk.page("data_officer", path)
    assert "Une plainte" in desk.page("head", f"/cases/{number}/chronology")
    assert "Lever la suspension" not in desk.page("head", path)
    assert desk.post("academy", path, do="resume", reason="Classée").status_code == 303
    again = desk.post("academy", path, do="resume", reason="Classée")
    assert again.status_code == 409
    assert "Rien n’est suspendu" in again.get_data(as_text=True)


@pytest.mark.exhaustive
def test_the_data_officer_ticks_and_the_case_is_gone(desk: Desk) -> None:
    number = desk.keeping.ended("no_further_action")
    desk.keeping.leap(date(2027, 5, 27), agree=False)
    assert f'value="{number}"' not in desk.page("head", "/retention?waiting=1"), "a head confirms nothing"
    assert f'value="{number}"' in desk.page("data_officer", "/retention?waiting=1")
    assert desk.post("data_officer", "/retention").status_code == 303, "nothing ticked, nothing done"
    assert desk.post("data_officer", "/retention", number=["1" * 13]).status_code == 404
    assert desk.post("data_officer", "/retention", number=[number]).status_code == 303
    desk.keeping.run()
    assert desk.keeping.is_erased(number)
    assert desk.client("head").get(f"/cases/{number}").status_code == 404
    assert number not in desk.page("data_officer", "/retention")


@pytest.mark.parametrize("after", ["x", "2027-01-01~../", "2027-13-01~abc", "~", "9" * 81])
def test_a_made_up_cursor_finds_nothing(desk: Desk, after: str) -> None:
    assert desk.client("head").get("/retention", query_string={"after": after}).status_code == 404
    assert desk.client("head").get("/retention/requests", query_string={"after": after}).status_code == 404


def test_pages_go_on_where_the_last_one_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from school_protocol.privacy import holds

    monkeypatch.setattr(holds, "PAGE", 2)
    found = {desk.keeping.ended("closed", level) for level in (1, 2, 3, 1, 2)}
    desk.keeping.run()
    path, seen = "/retention", list[str]()
    while path:
        page = desk.page("head", path)
        seen += re.findall(r'href="/cases/(\d{13})/retention"', page)
        more = re.search(r'href="(/retention\?[^"]*after=[^"]+)"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert sorted(seen) == sorted(found)
    assert len(seen) == 5


@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
def test_a_copy_of_what_is_kept_goes_through_two_hands(desk: Desk) -> None:
    school = desk.keeping.school
    school.report()
    school.act("team_coordinator", "add_person", persons=[{"slot": "guardian", "name": MOTHER}])
    path = f"/cases/{school.number}/rights"
    assert "notez-la d’abord" in desk.page("head", path)
    assert desk.post("head", path, do="ask", person="guardian-1").status_code == 409
    request(school)
    assert school.number in desk.page("data_officer", "/retention/requests")
    assert MOTHER in desk.page("head", path)
    assert desk.post("head", path, do="ask", person="guardian-1").status_code == 303
    officer = desk.page("data_officer", path)
    assert MOTHER not in officer
    assert "RL1" in officer
    export = re.search(r'name="export" value="([^"]+)"', officer)
    assert export is not None
    assert desk.post("head", path, do="agree", export=export[1]).status_code == 404, "not one's own"
    assert desk.post("head", path, do="open", export=export[1], language="fr").status_code == 404
    assert desk.post("data_officer", path, do="agree", export=export[1]).status_code == 303
    assert desk.post("data_officer", path, do="open", export=export[1], language="fr").status_code == 404
    opened = desk.post("head", path, do="open", export=export[1], language="fr")
    assert opened.status_code == 200
    assert opened.get_data().startswith(b"%PDF")
    assert "Copie de ce qui est conservé" in desk.page("head", f"/cases/{school.number}/chronology")
    assert "Copie de ce qui est conservé" in desk.page("head", f"/cases/{school.number}/copies")
    for who in ("team_member", "directorate"):
        assert desk.client(who).get(path).status_code == 404, who


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["ar", "en"])
def test_each_page_is_said_in_the_readers_language(desk: Desk, language: str) -> None:
    from school_protocol.auth import repository as auth_repository

    number = desk.keeping.ended("no_further_action")
    desk.keeping.run()
    account = desk.keeping.school.account("directorate")
    with desk.keeping.school.ctx.directory.writing() as session:
        auth_repository.set_language(session, account, language)
    for path in ("/retention", "/retention/requests", f"/cases/{number}/retention"):
        page = desk.page("directorate", path)
        assert ('dir="rtl"' in page) == (language == "ar")
        assert "Durées de conservation" not in page


# ---- found where one looks -------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_case_leads_to_requests_of_rights_whoever_answers_them(desk: Desk) -> None:
    desk.keeping.school.report()
    case = f"/cases/{desk.keeping.school.number}"
    for who in ("head", "data_officer"):
        assert f'href="{case}/rights"' in desk.page(who, f"{case}/outcomes"), who
    for who in ("team_member", "team_coordinator", "directorate"):
        assert f'href="{case}/rights"' not in desk.page(who, f"{case}/outcomes"), who


@pytest.mark.exhaustive
def test_a_request_that_waits_stands_on_the_desk_of_whoever_answers(desk: Desk) -> None:
    school = desk.keeping.school
    school.report()
    link = f'href="/cases/{school.number}/rights"'
    waits = "Demandes sur les données personnelles"
    assert waits not in desk.page("data_officer", "/")
    request(school)
    for who in ("head", "data_officer"):
        page = desk.page(who, "/")
        assert waits in page, who
        assert link in page, who
        assert "Une demande attend sa réponse" in desk.page(who, f"/cases/{school.number}/outcomes"), who
    for who in ("directorate", "team_member"):
        assert waits not in desk.page(who, "/"), who
    assert link not in desk.page("directorate", "/retention/requests"), "who answers none is not led to a shut page"
    request(school, stage="answered", answer="Copie remise.")
    assert waits not in desk.page("data_officer", "/")


@pytest.mark.exhaustive
def test_a_case_stands_in_the_list_as_soon_as_it_ends(desk: Desk) -> None:
    """No run of the hour comes between; opened again, it stands there no more."""
    school = desk.keeping.school
    assert "dès qu’il se termine" in desk.page("head", "/retention")
    school.report()
    school.act("team_coordinator", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    asked = dict.fromkeys(("self_harm", "home_danger", "missing_or_at_risk"), "no")
    school.act("team_coordinator", "closing", outcome="entry_error", dangers_asked=asked, checks=["no_danger"])
    school.act("head", "head_visa", decision="given")
    school.move("team_coordinator", "dismiss", reason="Une erreur de saisie.")
    link = f'href="/cases/{school.number}/retention"'
    assert link in desk.page("head", "/retention")
    request(school)
    assert "attend sa réponse" in desk.page("head", "/retention"), "what happens afterwards stands there at once, too"
    school.act("head", "reopening", fact="Un compte.", fact_on="2026-11-25", by_whom="pupil", link="unsure")
    school.move("team_coordinator", "reopen_dismissed")
    assert link not in desk.page("head", "/retention")


@pytest.mark.exhaustive
def test_a_list_that_is_still_being_made_says_so(desk: Desk) -> None:
    desk.keeping.ended("no_further_action")
    assert "complète dans l’heure" in desk.page("head", "/retention")
    desk.keeping.run()
    assert "complète dans l’heure" not in desk.page("head", "/retention")


# ---- what is wrong, at the top ---------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_suspension_stands_at_the_top_with_its_boxes(desk: Desk) -> None:
    number = desk.keeping.ended("no_further_action")
    path = f"/cases/{number}/retention"
    page = desk.post("directorate", path, do="suspend", until="", reason="").get_data(as_text=True)
    assert page.count('class="errors"') == 1
    assert "2 réponses sont à revoir" in page
    assert "Indiquez le jour" in page
    assert "pas une date" not in page
    for place in ("until", "why-hold"):
        assert f'href="#{place}"' in page
        assert f'id="{place}"' in page
    odd = desk.post("directorate", path, do="suspend", until="demain", reason="Une plainte").get_data(as_text=True)
    assert "pas une date" in odd
    until = (desk.keeping.today + timedelta(days=90)).isoformat()
    desk.post("directorate", path, do="suspend", until=until, reason="Une plainte")
    lifted = desk.post("academy", path, do="resume", reason="").get_data(as_text=True)
    assert 'href="#why-lift"' in lifted
    assert 'href="#why-hold"' not in lifted


def test_a_copy_of_nobody_is_asked_about_at_the_top(desk: Desk) -> None:
    school = desk.keeping.school
    school.report()
    request(school)
    answer = desk.post("head", f"/cases/{school.number}/rights", do="ask", person="")
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'href="#person"' in page
    assert page.count("Choisissez la personne") == 2


@pytest.mark.exhaustive
def test_where_no_copy_can_be_asked_for_nothing_leads_to_the_box(desk: Desk) -> None:
    school = desk.keeping.school
    school.report()
    answer = desk.post("head", f"/cases/{school.number}/rights", do="ask", person="")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'href="#person"' not in page
    assert 'id="person"' not in page
