"""Invitations by school in a browser: found from the teams, sent, sent again, withdrawn; the link is on no page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW
from flask import Flask
from services.conftest import School

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.notifications import repository as notifications_repository
from school_protocol.notifications.digests import ways_of
from school_protocol.people.invitations import send_invitations
from school_protocol.web import create_app
from web.browsing import Browser, browser_of

MAIL = "s.zqbennani@ecole.example"
TYPED = {"unit": "00000A", "roles": "reporter", "name_fr": "Salma Zqbennani", "email": MAIL, "language": "fr"}


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    ctx = open_context(Settings(data=tmp_path / "var"), TurnableClock(NOW))
    found = School(prepared(ctx, ctx.clock, moroccan, MOROCCAN.read_bytes()), count(1))  # type: ignore[arg-type]
    with ctx.directory.writing() as session:
        notifications_repository.mark_as_demo(session, at=NOW)
    for who in ("academy", "directorate", "head", "technical_admin"):
        found.person(who)
    yield found
    ctx.close()


@pytest.fixture
def app(school: School) -> Flask:
    return create_app(school.ctx, testing=True)


def browser(app: Flask, school: School, who: str = "academy", language: str = "fr") -> Browser:
    return browser_of(app, school.ctx, school.account(who), language)


def invited(one: Browser, **changes: Any) -> str:
    """The account that was invited."""
    one.open("/invitations/new")
    one.send(**{**TYPED, **changes})
    found = re.search(
        r'action="/invitations/([a-z0-9]+)/resend"', one.client.get("/invitations").get_data(as_text=True)
    )
    assert found is not None
    return found[1]


def mailed(ctx: AppContext) -> str:
    """The latest link that the demo shows."""
    send_invitations(ctx, ways_of(ctx))
    with ctx.directory.reading() as session:
        text = notifications_repository.latest_letter(session)[0].text
    found = re.search(r"/invited/\S+", text)
    assert found is not None
    return found[0]


def test_somebody_is_invited_sent_another_link_and_comes_in_by_it(app: Flask, school: School) -> None:
    one = browser(app, school)
    assert 'href="/invitations"' in one.open("/teams").html
    account = invited(one)
    page = one.open("/invitations")
    assert "Salma Zqbennani" in page.text
    assert MAIL in page.text
    first = mailed(school.ctx)
    school.wait(minutes=1)
    one.press(f"/invitations/{account}/resend")
    second = mailed(school.ctx)
    assert first != second
    for path in ("/invitations", "/invitations?school=00000A", "/people"):
        html = one.client.get(path).get_data(as_text=True)
        assert first not in html
        assert second not in html
    stranger = app.test_client()
    assert stranger.get(first).status_code == 404
    assert stranger.get(second).status_code == 200


def test_withdrawn_the_link_leads_nowhere(app: Flask, school: School) -> None:
    one = browser(app, school, "directorate")
    account = invited(one)
    link = mailed(school.ctx)
    assert app.test_client().get(link).status_code == 200, "the control"
    one.press(f"/invitations/{account}/withdraw", school="00000A")
    assert app.test_client().get(link).status_code == 404
    assert "Salma" not in browser(app, school, "directorate").open("/invitations").text.replace("est retirée", "")
    one.press(f"/invitations/{account}/withdraw", 404)


def test_what_was_typed_is_still_there_when_it_is_refused(app: Flask, school: School) -> None:
    one = browser(app, school)
    page = one.open("/invitations/new?school=00000A")
    assert 'value="00000A" checked' in page.html
    one.open("/invitations/new")
    one.send(422, **{**TYPED, "email": "nothing"})
    assert one.form["a-name_fr"] == TYPED["name_fr"]
    one.send(422, **{**TYPED, "roles": "head"})
    one.send(409, **{**TYPED, "roles": "team_member"})
    assert one.form["a-email"] == MAIL
    assert one.open("/invitations?school=99999Z", 404).text.count("99999Z") >= 1


@pytest.mark.exhaustive
@pytest.mark.parametrize(("typed", "asked", "chosen"), [("", "00000A", "00000A"), ("00000A", "00001B", "00000A")])
def test_a_draft_without_a_school_takes_the_one_of_the_address(
    app: Flask, school: School, typed: str, asked: str, chosen: str
) -> None:
    with school.ctx.directory.writing() as session:
        above = auth_repository.unit_coded(session, "00000A")
        assert above is not None
        auth_repository.add_unit(
            session, kind=above.kind, code="00001B", names={"fr": "École B"}, parent=above.parents[0]
        )
    one = browser(app, school)
    one.open("/invitations/new")
    one.send(422, **{**TYPED, "unit": typed, "email": "nothing"})
    for path, found in (("/invitations/new", [typed] if typed else []), (f"/invitations/new?school={asked}", [chosen])):
        html = one.open(path).html
        assert re.findall(r'name="a-unit"[^>]*value="(\w+)" checked', html) == found
        assert f'value="{TYPED["name_fr"]}"' in html, "what was typed is there"


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_the_pages_read_well_in_every_language(app: Flask, school: School, language: str) -> None:
    invited(browser(app, school))
    one = browser(app, school, language=language)
    for path in ("/invitations", "/invitations?school=00000A", "/invitations/new", "/teams", "/teams/schools/00000A"):
        assert one.open(path).lang.startswith(language)


@pytest.mark.exhaustive
def test_nobody_else_finds_them(app: Flask, school: School) -> None:
    account = invited(browser(app, school))
    for who in ("head", "technical_admin", "team_member", "trainer", "data_officer"):
        one = browser(app, school, who)
        for path in ("/invitations", "/invitations/new"):
            assert one.client.get(path).status_code == 404
        for press in ("resend", "withdraw"):
            one.press(f"/invitations/{account}/{press}", 404)
    with school.ctx.directory.reading() as session:
        found = auth_repository.account(session, account)
    assert found is not None
    assert found.active


def test_whoever_stands_aside_from_a_case_there_is_told_of_an_invitation_and_nothing_printed(
    app: Flask, school: School
) -> None:
    school.report()
    school.act("academy", "conflict", reason="close_relative")
    one = browser(app, school)
    one.open("/invitations/new")
    until = (NOW + timedelta(days=300)).date().isoformat()
    said = one.send(409, **{**TYPED, "roles": "team_member", "certified_until": until}).get_data(as_text=True)
    assert "Vous ne pouvez pas envoyer cette invitation" in said
    assert "imprimer" not in said
