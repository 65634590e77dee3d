"""The pages of messages and of one's calendar, the address that calendars read, and the mails of a demo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW
from flask.testing import FlaskClient
from rewriting import rewrite
from services.conftest import School
from services.proving import PASSWORD
from werkzeug.test import TestResponse

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.auth.models import AppointmentRow
from school_protocol.auth.passwords import hash_password
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.mail import Letter, Mail
from school_protocol.notifications import digests
from school_protocol.notifications import repository as notifications_repository
from school_protocol.notifications import service as notifications_service
from school_protocol.notifications.digests import Shelf, see_letters, shows_mails, ways_of
from school_protocol.notifications.receivers import see_choice
from school_protocol.notifications.repository import Every
from school_protocol.web import create_app

ADDRESS = re.compile(r'<bdi dir="ltr">(http[^<]+/calendar/[^<]+\.ics)</bdi>')


class Desk:
    """A school whose people sit at their browsers."""

    def __init__(self, school: School) -> None:
        self.school = school
        self.app = create_app(school.ctx, testing=True)

    def client(self, who: str) -> FlaskClient:
        ctx, account = self.school.ctx, self.school.account(who)
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
        found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account").get_data(as_text=True))
        assert found is not None
        return client.post(path, data={"csrf_token": found[1], **form}, headers={"Origin": "http://localhost"})


@pytest.fixture
def desk(moroccan: Protocol) -> Iterator[Desk]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield Desk(School(player, count(1)))


def as_demo(desk: Desk) -> None:
    with desk.school.ctx.directory.writing() as session:
        notifications_repository.mark_as_demo(session, at=NOW)
    desk.app = create_app(desk.school.ctx, testing=True)


# ---- how often -------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_how_often_is_chosen_by_a_form_and_said_on_the_account_s_page(desk: Desk) -> None:
    assert "chaque matin d’école" in desk.page("head", "/account")
    answer = desk.post("head", "/account/messages", every="weekly", day="3")
    assert (answer.status_code, answer.location) == (303, "/account")
    view = see_choice(desk.school.ctx, desk.school.person("head"))
    assert (view.every, view.day) == (Every.weekly, 3)
    page = desk.page("head", "/account")
    assert "une fois par semaine" in page
    assert "jeudi" in page
    form = desk.page("head", "/account/messages")
    assert re.search(r'value="weekly" checked', form)
    assert re.search(r'<option value="3" selected>', form)


@pytest.mark.parametrize(
    ("every", "day", "field"), [("", "", "every"), ("weekly", "9", "day"), ("x" * 500, "0", "every")]
)
def test_a_choice_that_is_none_is_said_at_its_place(desk: Desk, every: str, day: str, field: str) -> None:
    answer = desk.post("head", "/account/messages", every=every, day=day)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.get_data(as_text=True)
    assert see_choice(desk.school.ctx, desk.school.person("head")).every is Every.school_days


# ---- one's calendar --------------------------------------------------------------------------------------------------


def give_password(desk: Desk, who: str) -> None:
    account, hashed = desk.school.account(who), hash_password(PASSWORD)
    with desk.school.ctx.directory.writing() as session:
        auth_repository.set_password(session, account, hashed)


def address_of(desk: Desk, who: str) -> str:
    give_password(desk, who)
    answer = desk.post(who, "/account/calendar", do="open", password=PASSWORD)
    assert answer.status_code == 200
    found = ADDRESS.search(answer.get_data(as_text=True))
    assert found is not None
    return found[1].removeprefix("http://localhost")


def test_an_address_is_shown_once_and_read_by_whoever_knows_it(desk: Desk) -> None:
    desk.school.report("team_member", danger_now="unsure")
    address = address_of(desk, "team_member")
    for path in ("/account", "/account/calendar"):
        assert "/calendar/" not in desk.page("team_member", path).replace("/account/calendar", "")
    answer = desk.app.test_client().get(address)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert answer.get_data().count(b"BEGIN:VEVENT") >= 1


@pytest.mark.exhaustive
def test_what_did_not_change_is_not_sent_again(desk: Desk) -> None:
    desk.school.report("team_member", danger_now="unsure")
    address = address_of(desk, "team_member")
    client = desk.app.test_client()
    tag = client.get(address).headers["ETag"]
    desk.school.wait(minutes=20)
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    desk.school.report("team_member", danger_now="unsure")
    answer = client.get(address, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != tag


def test_a_closed_account_s_address_is_one_that_nobody_has(desk: Desk) -> None:
    address = address_of(desk, "head")
    head = desk.school.account("head")
    with desk.school.ctx.directory.writing() as session:
        auth_repository.set_active(session, head, False)
    assert desk.app.test_client().get(address).status_code == 404


@pytest.mark.parametrize("password", ["", "another password"])
def test_without_the_password_no_address_is_made(desk: Desk, password: str) -> None:
    give_password(desk, "head")
    answer = desk.post("head", "/account/calendar", do="open", password=password)
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'href="#password"' in page
    assert ADDRESS.search(page) is None
    assert digests.see_feed(desk.school.ctx, desk.school.person("head")) is None


def test_who_sees_no_case_any_more_can_still_take_theirs_away(desk: Desk) -> None:
    address_of(desk, "team_member")
    account = desk.school.account("team_member")
    with desk.school.ctx.directory.writing() as session:
        rewrite(session, AppointmentRow, AppointmentRow.account == account, role="declarant")
    assert "/account/calendar" in desk.page("team_member", "/account")
    page = desk.page("team_member", "/account/calendar")
    assert 'value="shut"' in page
    assert 'value="open"' not in page
    assert desk.post("team_member", "/account/calendar", do="open", password=PASSWORD).status_code == 404
    answer = desk.post("team_member", "/account/calendar", do="shut")
    assert (answer.status_code, answer.location) == (303, "/account")
    assert digests.see_feed(desk.school.ctx, desk.school.person("team_member")) is None
    assert desk.client("team_member").get("/account/calendar").status_code == 404


# ---- a demo's mails --------------------------------------------------------------------------------------------------


def test_a_demo_shows_the_mails_that_would_have_left(desk: Desk) -> None:
    as_demo(desk)
    ctx = desk.school.ctx
    account = desk.school.account("team_coordinator")
    with ctx.directory.writing() as session:
        auth_repository.set_address(session, account, email="r@college.example", phone=None)
    assert "Rien ne serait encore parti" in desk.page("head", "/messages")
    desk.school.report("team_member", danger_now="unsure")
    for _ in range(2):
        notifications_service.sweep(ctx, ways_of(ctx))
    ((_name, line),) = see_letters(ctx, "fr")
    assert line.receiver == "r@college.example"
    page = desk.page("head", "/messages")
    assert "r@college.example" in page
    assert line.subject in page
    assert 'href="/messages"' in desk.page("head", "/account")


def test_a_mail_that_is_brought_again_is_shown_once(desk: Desk) -> None:
    as_demo(desk)
    shelf = Shelf(desk.school.ctx)
    for number in range(notifications_repository.MOST + 5):
        letter = Letter(f"{number:04}", NOW.replace(microsecond=number), "fr", f"sujet {number}", "texte")
        shelf.carry("a@b.example", letter)
        shelf.carry("a@b.example", letter)
    shown = see_letters(desk.school.ctx, "fr")
    assert len(shown) == notifications_repository.MOST
    assert (shown[0][1].subject, shown[-1][1].subject) == ("sujet 104", "sujet 5")


@pytest.mark.exhaustive
def test_an_installation_shows_nobody_s_mails(desk: Desk) -> None:
    """No mark of a demo: no page, whoever asks, and no shelf, though there be no mail server; a file is no mark."""
    ctx = desk.school.ctx
    (ctx.settings.data / "demo-accounts.txt").write_text("Password of every account: x\n")
    for who in ("head", "directorate", "technical_admin", "protocol_admin"):
        assert desk.client(who).get("/messages").status_code == 404
        assert 'href="/messages"' not in desk.page(who, "/account")
    assert not shows_mails(ctx)
    assert ways_of(ctx).mail is None


def test_a_demo_with_a_mail_server_sends_and_shows_nothing(desk: Desk) -> None:
    as_demo(desk)
    ctx = desk.school.ctx
    settings = replace(ctx.settings, smtp="smtp://127.0.0.1:1", mail_from="demo@college.example")
    desk.school.player.ctx = replace(ctx, settings=settings)
    desk.app = create_app(desk.school.ctx, testing=True)
    assert isinstance(ways_of(desk.school.ctx).mail, Mail)
    assert desk.client("head").get("/messages").status_code == 404
