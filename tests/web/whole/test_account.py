"""The pages of coming in, and a person's own page, over real stores, as a browser without a script sees them."""

from __future__ import annotations

import html
import json
import logging
import re
from typing import Any

import pytest
from authenticator import Authenticator
from flask import Flask
from flask.testing import FlaskClient
from services.proving import PASSWORD, People
from werkzeug.test import TestResponse

from school_protocol.auth import access_codes, second_factor
from school_protocol.cases.story_player import Player
from school_protocol.ui import forms as ui_forms
from school_protocol.web import create_app

from ..filled import filled
from ..page import Page

NEW = "encore un autre cartable"
LANGUAGES = ("fr", "ar", "en")


class Visit:
    """A browser of somebody's: opens pages, reads them critically, sends the forms that stand there."""

    def __init__(self, app: Flask, language: str = "en") -> None:
        self.client: FlaskClient = app.test_client()
        self.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        self.path, self.page, self.html, self.status = "", Page("<html>"), "", 0

    def open(self, path: str) -> Page:
        return self._read(self.client.get(path))

    def send(self, action: str, **typed: str) -> Page:
        """Fill in the form of this page that goes to `action`, and send it."""
        sent = filled(self.html, action)
        assert "csrf_token" in sent, f"no form for {action} on {self.path}"
        for name, value in typed.items():
            sent[name] = value
        return self._read(self.client.post(action, data=sent))

    def _read(self, response: TestResponse) -> Page:
        for _hop in range(5):
            if response.status_code not in (302, 303):
                break
            assert response.location.startswith("/"), response.location
            response = self.client.get(response.location)
        self.path, self.status = response.request.path, response.status_code
        self.html = response.get_data(as_text=True)
        self.page = Page(self.html)
        assert self.page.criticise() == [], self.path
        return self.page

    def sign_in(self, username: str, password: str = PASSWORD) -> Page:
        self.open("/sign-in")
        return self.send("/sign-in", username=username, password=password)

    def seed(self) -> str:
        """The seed that the page shows, to type in by hand."""
        found = re.search(r'<code><bdi dir="ltr">([A-Z2-7 ]+)</bdi>', self.html)
        assert found is not None
        return found[1].replace(" ", "")

    def options(self) -> str:
        """What the page asks a device."""
        found = re.search(r'data-passkey="([^"]+)"', self.html)
        assert found is not None
        return html.unescape(found[1])

    def codes(self) -> list[str]:
        return re.findall(r'<li><code><bdi dir="ltr">([a-z2-9-]+)</bdi>', self.html)

    def slip(self) -> str:
        found = re.search(r"(\d{4}-\d{4}-\d{4})", self.html)
        assert found is not None
        return found[1]

    @property
    def is_in(self) -> bool:
        return self.client.get("/account").status_code == 200


@pytest.fixture
def people(player: Player) -> People:
    return People(player)


@pytest.fixture
def open_app(player: Player) -> Flask:
    return create_app(player.ctx, testing=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_the_link_to_the_desk(people: People, open_app: Flask, language: str) -> None:
    head, member = people.actor("head"), people.actor("team_member")
    token = access_codes.invite(people.ctx, head, member.id, people.ctx.now())
    visit = Visit(open_app, language)
    path = f"/invited/{token}"
    visit.open(path)
    visit.send(path, new_password="motdepasse2026", again="motdepasse2026")
    assert visit.status == 422
    assert "motdepasse2026" not in visit.html
    visit.send(path, new_password=PASSWORD, again=NEW)
    assert visit.status == 422
    visit.send(path, new_password=PASSWORD, again=PASSWORD)
    assert visit.path == "/sign-in"
    assert visit.client.get(path).status_code == 404
    visit.sign_in(people.username("team_member"))
    assert visit.path == "/"
    assert visit.is_in


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_supervisor_sets_the_second_step_up_and_sees_nothing_else_first(
    people: People, open_app: Flask, language: str
) -> None:
    people.give_password("directorate")
    visit = Visit(open_app, language)
    visit.sign_in(people.username("directorate"))
    assert visit.path == "/sign-in/second-step"
    for path in ("/", "/search", "/account", "/account/phone", "/team", "/reports/new", "/sign-in/code"):
        answer = visit.client.get(path)
        assert answer.status_code in (302, 404), path
    seed = visit.seed()
    visit.send("/sign-in/second-step", code="000000")
    assert visit.status == 422
    assert visit.seed() == seed, "the picture that was scanned stays"
    visit.send("/sign-in/second-step", code=people.code(seed))
    assert visit.status == 200
    assert len(visit.codes()) == second_factor.RECOVERY
    recovery = visit.codes()[0]
    assert visit.is_in
    visit.open("/sign-in/second-step")
    assert visit.status == 404
    assert recovery not in visit.html

    again = Visit(open_app, language)
    again.sign_in(people.username("directorate"))
    assert again.path == "/sign-in/code"
    assert not again.is_in
    again.send("/sign-in/code", code=people.code(seed))
    assert again.status == 422, "that code was used"
    again.send("/sign-in/code", code=recovery)
    assert again.path == "/"
    assert again.is_in


def test_another_seed_than_was_shown_is_not_taken(people: People, open_app: Flask) -> None:
    for who in ("directorate", "directorate/2"):
        people.give_password(who)
    mine, others = Visit(open_app), Visit(open_app)
    mine.sign_in(people.username("directorate"))
    others.sign_in(people.username("directorate/2"))
    foreign, seed = filled(others.html, "/sign-in/second-step")["seed"], others.seed()
    mine.send("/sign-in/second-step", seed=foreign, code=people.code(seed))
    assert mine.status == 422
    assert not mine.is_in


@pytest.mark.exhaustive
def test_a_way_on_is_kept_through_both_steps(people: People, open_app: Flask) -> None:
    people.give_password("directorate")
    seed = people.give_phone("directorate")
    visit = Visit(open_app)
    visit.open("/account/others")
    assert visit.path == "/sign-in"
    visit.send("/sign-in", username=people.username("directorate"), password=PASSWORD)
    visit.send("/sign-in/code", code=people.code(seed))
    assert visit.path == "/account/others"


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_changes_what_they_prove_themselves_with(people: People, open_app: Flask, language: str) -> None:
    people.give_password("head")
    visit, other = Visit(open_app, language), Visit(open_app)
    for one in (visit, other):
        one.sign_in(people.username("head"))
    visit.open("/account/phone")
    visit.send("/account/phone", code="1", password="faux")
    assert visit.status == 422
    seed = visit.seed()
    visit.send("/account/phone", code=people.code(seed), password=PASSWORD)
    assert len(visit.codes()) == second_factor.RECOVERY
    assert visit.is_in
    assert not other.is_in, "every other session ended"
    visit.open("/account/recovery-codes")
    visit.send("/account/recovery-codes", password=PASSWORD)
    assert len(visit.codes()) == second_factor.RECOVERY
    visit.open("/account/password")
    visit.send("/account/password", password="faux", new_password=NEW, again=NEW)
    assert visit.status == 422
    visit.send("/account/password", password=PASSWORD, new_password=NEW, again=NEW)
    assert visit.path == "/account"
    visit.open("/account/phone/remove")
    visit.send("/account/phone/remove", password=NEW)
    assert visit.path == "/account"
    assert visit.status == 200
    fresh = Visit(open_app)
    fresh.sign_in(people.username("head"), NEW)
    assert fresh.is_in


def test_who_must_have_a_second_step_keeps_the_last(people: People, open_app: Flask) -> None:
    people.give_password("directorate")
    seed = people.give_phone("directorate")
    visit = Visit(open_app)
    visit.sign_in(people.username("directorate"))
    visit.send("/sign-in/code", code=people.code(seed))
    visit.open("/account/phone/remove")
    visit.send("/account/phone/remove", password=PASSWORD)
    assert visit.status == 409
    assert visit.is_in


def test_a_passkey_is_added_and_opens_the_desk_by_itself(people: People, open_app: Flask) -> None:
    people.give_password("head")
    device, visit = Authenticator(), Visit(open_app)
    visit.sign_in(people.username("head"))
    visit.open("/account/passkeys/new")
    visit.send("/account/passkeys/new", password=PASSWORD)
    visit.send("/account/passkeys", answer=json.dumps(device.create(visit.options())), name="<b>Mon téléphone</b>")
    assert len(visit.codes()) == second_factor.RECOVERY
    visit.open("/account")
    assert "&lt;b&gt;Mon téléphone" in visit.html

    other = Visit(open_app)
    other.open("/sign-in")
    answer = json.dumps(device.get(other.options()))
    other.send("/sign-in/passkey", answer=answer)
    assert other.path == "/"
    assert other.is_in
    third = Visit(open_app)
    third.open("/sign-in")
    third.send("/sign-in/passkey", answer=answer)
    assert third.status == 422
    assert not third.is_in

    (remove,) = re.findall(r'href="(/account/passkeys/[0-9a-f]+/remove)"', visit.html)
    visit.open(remove)
    visit.send(remove, password=PASSWORD)
    assert remove not in visit.html


@pytest.mark.parametrize(
    "answer", ["", "null", "[]", "{}", '{"response": 1}', "{" * 10_000, '{"response": {}, "id": 7}']
)
def test_no_rubbish_in_place_of_an_answer_lets_in(people: People, open_app: Flask, answer: str) -> None:
    visit = Visit(open_app)
    visit.open("/sign-in")
    visit.send("/sign-in/passkey", answer=answer)
    assert visit.status == 422
    assert not visit.is_in


def test_sessions_are_ended_one_by_one_and_everywhere(people: People, open_app: Flask) -> None:
    people.give_password("head")
    visits = [Visit(open_app) for _visit in range(3)]
    for number, visit in enumerate(visits):
        visit.client.environ_base["HTTP_USER_AGENT"] = f"Mozilla/5.0 (X11; Linux) Firefox/{number}"
        visit.sign_in(people.username("head"))
    here, there, third = visits
    here.open("/account")
    assert here.page.text.count("Firefox, Linux") >= 3
    handles = re.findall(r'name="handle" value="([0-9a-f]+)"', here.html)
    assert len(handles) == 2
    here.send("/account/sessions/end", handle=handles[0])
    assert sorted((there.is_in, third.is_in)) == [False, True]
    here.send("/account/sessions/end-all")
    assert [visit.is_in for visit in visits] == [False] * 3


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_head_prints_a_code_for_a_forgotten_password(people: People, open_app: Flask, language: str) -> None:
    for who in ("head", "team_member"):
        people.give_password(who)
    head, member = Visit(open_app, language), Visit(open_app, language)
    head.sign_in(people.username("head"))
    head.open("/account/others")
    path = f"/account/others/{people.actor('team_member').id}"
    assert path in head.html
    head.open(path)
    head.send(path, do="new-password")
    slip = head.slip()
    head.open(path)
    assert slip not in head.html
    member.open("/sign-in/new-password")
    member.send("/sign-in/new-password", username=people.username("team_member"), code="", new_password="", again="")
    assert member.status == 422
    typed = {"username": people.username("team_member"), "new_password": NEW, "again": NEW}
    member.send("/sign-in/new-password", code="0000 0000 0000", **typed)
    assert member.status == 422
    assert NEW not in member.html
    member.send("/sign-in/new-password", code=slip, **typed)
    assert member.path == "/sign-in"
    member.sign_in(people.username("team_member"), NEW)
    assert member.is_in


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_two_people_restore_a_lost_phone(people: People, open_app: Flask, language: str) -> None:
    for who in ("head", "technical_admin", "directorate"):
        people.give_password(who)
        seed = people.give_phone(who)
        visit = Visit(open_app, language)
        visit.sign_in(people.username(who))
        if who == "head":
            owner = visit
            continue
        visit.send("/sign-in/code", code=people.code(seed))
        path = f"/account/others/{people.actor('head').id}"
        visit.open(path)
        if who == "technical_admin":
            visit.send(path, do="agree") if "agree" in visit.html else visit.send(path, do="ask")
            assert visit.path == path
            visit.send(path, do="withdraw")
            visit.send(path, do="ask")
        else:
            visit.open("/account/others")
            assert path in visit.html
            visit.open(path)
            visit.send(path, do="agree")
            slip = visit.slip()
    owner.open("/sign-in/lost")
    owner.send("/sign-in/lost", code="1234")
    assert owner.status == 422
    owner.send("/sign-in/lost", code=slip)
    assert owner.path == "/"
    assert owner.is_in


@pytest.mark.exhaustive
def test_nobody_helps_who_is_not_theirs(people: People, open_app: Flask) -> None:
    for who in ("head", "reporter"):
        people.give_password(who)
    strangers = [people.actor(who).id for who in ("directorate", "head/2", "technical_admin")]
    head, reporter = Visit(open_app), Visit(open_app)
    head.sign_in(people.username("head"))
    reporter.sign_in(people.username("reporter"))
    reporter.open("/account/others")
    assert reporter.status == 404
    for account in (*strangers, people.actor("head").id, "nobody"):
        bodies = {head.client.get(f"/account/others/{one}").get_data() for one in (account, "nobody")}
        assert len({re.sub(rb'value="[^"]+"', b"", body) for body in bodies}) == 1
        sent = {**filled(head.html), "do": "new-password"}
        head.open("/account")
        sent = {**filled(head.html, "/account/sessions/end-all"), "do": "new-password"}
        assert head.client.post(f"/account/others/{account}", data=sent).status_code == 404


def test_every_password_is_typed_hidden_and_may_be_filled_in(people: People, open_app: Flask) -> None:
    """By hand, pasted, or by whatever keeps passwords for somebody: nothing of a field stands against it."""
    people.give_password("head")
    link = access_codes.invite(
        people.ctx, people.actor("head"), people.actor("team_member").id, people.ctx.now()
    )  # fmt: skip
    stranger, head = Visit(open_app), Visit(open_app)
    head.sign_in(people.username("head"))
    known, new = "current-password", "new-password"
    for visit, path, expected in (
        (stranger, "/sign-in", {"password": known}),
        (stranger, f"/invited/{link}", {"new_password": new, "again": new}),
        (stranger, "/sign-in/new-password", {"new_password": new, "again": new}),
        (head, "/account/password", {"password": known, "new_password": new, "again": new}),
        (head, "/account/phone", {"password": known}),
        (head, "/account/passkeys/new", {"password": known}),
    ):
        visit.open(path)
        fields = {one["name"]: one for one in visit.page.inputs if one.get("type") == "password"}
        assert {name: one.get("autocomplete") for name, one in fields.items()} == expected, path
        assert not any("readonly" in one or any(key.startswith("on") for key in one) for one in fields.values())
        named = {one["name"] for one in visit.page.inputs if "assword" in one["name"] or one["name"] == "again"}
        assert named == set(expected), "none of them is shown as it is typed"


def test_unknown_names_and_wrong_passwords_read_the_same(people: People, open_app: Flask) -> None:
    people.give_password("head")
    bodies = []
    for name in (people.username("head"), "nobody-at-all"):
        visit = Visit(open_app)
        visit.sign_in(name, "tout à fait autre chose")
        assert visit.status == 422
        plain = visit.html.replace(name, "NAME")
        bodies.append(re.sub(r'(value|data-passkey)="[^"]*"', "", plain))
    assert bodies[0] == bodies[1]


@pytest.mark.exhaustive
def test_no_typed_password_or_code_waits_as_a_draft(people: People, open_app: Flask) -> None:
    """A form that comes too late is kept elsewhere; here it isn't."""
    people.give_password("head")
    visit = Visit(open_app)
    visit.sign_in(people.username("head"))
    visit.open("/account/password")
    sent = dict(filled(visit.html, "/account/password")) | {"new_password": NEW, "again": NEW, "csrf_token": "old"}
    answer = visit.client.post("/account/password", data=sent)
    assert answer.status_code == 400
    people.wait(hours=1)
    assert visit.client.post("/account/password", data=sent).status_code in (302, 400)
    assert ui_forms.find_draft(people.ctx, people.actor("head").id, "/account/password") is None
    planted = dict(filled(visit.html, "/account/password"))["shown_to"]
    assert planted, "the form said to whom it was shown"


def test_leaving_quickly_ends_the_session_from_every_own_page(people: People, open_app: Flask) -> None:
    people.give_password("head")
    for path in ("/account", "/account/password", "/account/phone", "/account/others"):
        visit = Visit(open_app)
        visit.sign_in(people.username("head"))
        visit.open(path)
        assert 'class="exit" href="/leave"' in visit.html
        token = visit.client.get_cookie("session")
        assert token is not None
        answer = visit.client.get("/leave", headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
        visit.client.set_cookie("session", token.value)
        assert not visit.is_in, "the token itself is worth nothing any more"


@pytest.mark.exhaustive
def test_leaving_half_way_ends_that_session_too(people: People, open_app: Flask) -> None:
    people.give_password("directorate")
    seed = people.give_phone("directorate")
    visit = Visit(open_app)
    visit.sign_in(people.username("directorate"))
    token = visit.client.get_cookie("session")
    assert token is not None
    visit.client.get("/leave", headers={"Sec-Fetch-Site": "same-origin"})
    visit.client.set_cookie("session", token.value)
    assert visit.client.get("/sign-in/code").location == "/sign-in"
    assert people.code(seed)


def test_a_browser_is_marked_for_a_year_and_no_page_shows_the_mark(people: People, open_app: Flask) -> None:
    people.give_password("head")
    visit = Visit(open_app)
    visit.sign_in(people.username("head"))
    mark = visit.client.get_cookie("browser")
    assert mark is not None
    assert (mark.http_only, mark.same_site, mark.max_age) == (True, "Lax", 365 * 86400)
    assert mark.value not in visit.html
    visit.send("/sign-out")
    assert visit.client.get_cookie("browser") == mark
    visit.sign_in(people.username("head"))
    assert visit.client.get_cookie("browser") is not None
    assert visit.client.get_cookie("browser").value == mark.value  # type: ignore[union-attr]


def test_a_whole_way_in_logs_no_secret(people: People, open_app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    people.give_password("directorate")
    visit = Visit(open_app)
    visit.sign_in(people.username("directorate"), "tout à fait autre chose")
    visit.sign_in(people.username("directorate"))
    seed = visit.seed()
    half: Any = visit.client.get_cookie("session")
    code = people.code(seed)
    visit.send("/sign-in/second-step", code=code)
    whole: Any = visit.client.get_cookie("session")
    mark: Any = visit.client.get_cookie("browser")
    assert half.value != whole.value
    logging.getLogger("planted").warning("seed %s", seed[::-1])
    assert seed[::-1] in caplog.text, "what is logged is looked at"
    secrets = (seed, half.value, whole.value, mark.value, PASSWORD, "tout à fait autre chose", *visit.codes())
    assert [one for one in secrets if one in caplog.text] == []
    assert f"'{code}'" not in caplog.text
