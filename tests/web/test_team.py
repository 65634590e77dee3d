"""The pages of the team, over real stores and sessions: who finds them, what they refuse, what holds at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW, REPORT
from flask import Flask
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from school_protocol.auth import access_codes
from school_protocol.auth import repository as auth_repository
from school_protocol.cases.intake import open_case
from school_protocol.cases.service import record_act
from school_protocol.cases.story_player import Player, TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.language import ZONE
from school_protocol.people import teams
from school_protocol.storage import administration_log
from school_protocol.web import create_app, endpoint_guard
from web.browsing import Browser, browser_of

SCHOOL = "/team/schools/00000A"
STAND_IN = f"{SCHOOL}/stand-in"
NAME, WORDS = "Yasmine Benali", "Ils m’ont appelée « la ferme »"
PEOPLE = ("head", "team_coordinator", "team_member", "team_member/2", "psychosocial", "directorate", "reporter")
TODAY = NOW.astimezone(ZONE).date()


def day(offset: int) -> str:
    return (TODAY + timedelta(days=offset)).isoformat()


@dataclass
class Site:
    player: Player
    app: Flask
    tokens: list[int] = field(default_factory=list)

    @property
    def ctx(self) -> AppContext:
        return self.player.ctx

    def browser(self, who: str, language: str = "fr") -> Browser:
        return browser_of(self.app, self.ctx, self.player.actor(who).id, language)

    def case(self, lead: str = "team_member/2") -> str:
        """A case that this person leads."""
        about = [{"slot": "targeted_pupil", "name": NAME}]
        answers = {**REPORT, "what_happened": WORDS, "about_whom": about}
        opened = open_case(self.ctx, self.player.actor("team_member"), "report", answers, token=self.token())
        self.seat(opened.number, lead)
        return opened.number

    def seat(self, number: str, who: str) -> None:
        answers = {"seat": "lead", "account": self.player.actor(who).id}
        record_act(
            self.ctx, self.player.actor("head"), number, "name_seat", answers, expected=None, token=self.token(),
            proven=True,
        )  # fmt: skip

    def post(self, who: str) -> str:
        with self.ctx.directory.reading() as session:
            posts = auth_repository.posts(session, [self.player.school], since=date(2000, 1, 1))
        own = self.player.actor(who).id
        return next(post.id for post in posts if post.account.id == own and post.stands_in is None)

    def person(self, who: str) -> str:
        return f"{SCHOOL}/people/{self.post(who)}"

    def kinds(self) -> list[str]:
        with self.ctx.directory.reading() as session:
            found = administration_log.changes(session, [self.player.school], limit=50)
        return sorted(change.kind.value for change in found)

    def token(self) -> str:
        self.tokens.append(1)
        return f"token {len(self.tokens)}"


@pytest.fixture
def site(tmp_path: Path, moroccan: Protocol) -> Iterator[Site]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "var"), clock)
    player = prepared(ctx, clock, moroccan, MOROCCAN.read_bytes())
    for who in PEOPLE:
        player.actor(who)
    yield Site(player, create_app(ctx, testing=True))
    ctx.close()


def stand_in(site: Site, by: str = "head", **typed: Any) -> Browser:
    """Fill in and send the form that names a stand-in."""
    person = site.browser(by)
    person.open(STAND_IN)
    person.send(**answers(site, **typed))
    return person


def answers(site: Site, who: str = "team_member", role: str = "team_coordinator", **typed: Any) -> dict[str, Any]:
    holder = {"team_coordinator": "team_coordinator", "head": "head"}[role]
    place = f"{role}.{site.player.actor(holder).id}"
    account = site.player.actor(who).id
    return {"place": place, "account": account, "starts": day(0), "ends": day(6), "reason": "illness", **typed}


# ---- who finds it --------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(
    but=(
        "protocol_admin-False",
        "technical_admin-False",
    )
)
@pytest.mark.parametrize(
    ("who", "found"),
    [
        ("head", True), ("team_coordinator", True), ("team_member", True), ("psychosocial", True),
        ("directorate", True), ("reporter", False), ("academy", False), ("trainer", False), ("data_officer", False),
        ("technical_admin", False), ("protocol_admin", False),
    ],
)  # fmt: skip
def test_the_navigation_shows_it_to_who_has_something_to_do_there(site: Site, who: str, found: bool) -> None:
    person = site.browser(who)
    assert ('href="/team"' in person.client.get("/").get_data(as_text=True)) is found
    for path in ("/team", SCHOOL, "/team/hand-over?school=00000A"):
        assert person.client.get(path).status_code == (200 if found else 404), path


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["reporter", "trainer", "data_officer", "academy"])
def test_for_others_the_school_is_as_one_that_is_not_there(site: Site, who: str) -> None:
    person = site.browser(who)
    there = f"{SCHOOL}/people/{site.post('team_member')}"
    for path in (SCHOOL, STAND_IN, there, f"{there}/at-once", "/team/hand-over?school=00000A"):
        absent = path.replace("00000A", "99999Z")
        assert person.client.get(path).status_code == 404
        assert plain(person.client.get(path)) == plain(person.client.get(absent)), path


def plain(response: TestResponse) -> str:
    return re.sub(r'name="(csrf_token|shown_to|next)" value="[^"]*"', "", response.get_data(as_text=True))


@pytest.mark.parametrize("who", ["team_member", "team_coordinator", "psychosocial"])
def test_who_may_not_change_finds_no_way_to(site: Site, who: str) -> None:
    person = site.browser(who)
    page = person.client.get(SCHOOL).get_data(as_text=True)
    assert STAND_IN not in page
    assert person.client.get(STAND_IN).status_code == 404
    other = site.person("team_member/2" if who == "team_member" else "team_member")
    assert other not in page
    assert person.client.get(other).status_code == 404
    for by in ("head", who):
        assert site.browser(by).client.get(f"{site.person('team_member/2')}/at-once").status_code == 404


# ---- stand-ins -----------------------------------------------------------------------------------------------------


def turn(site: Site, **delay: float) -> None:
    site.player.clock.advance(timedelta(**delay))


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_bad_input_is_said_and_kept(site: Site, language: str) -> None:
    head = site.browser("head", language)
    head.open(STAND_IN)
    head.send(422, **answers(site, starts="31/02/2026", ends="2031-01-01", reason="other", sentence="x" * 201))
    assert head.form["a-starts"] == "31/02/2026"
    assert head.form["a-ends"] == "2031-01-01"
    assert head.form["a-sentence"] == "x" * 201
    assert head.form["a-account"] == site.player.actor("team_member").id
    assert site.kinds() == []
    head.send(**answers(site, sentence="Retour prévu le 1er"))
    assert site.kinds() == ["stand_in_named"]


@pytest.mark.exhaustive
def test_a_day_may_be_typed_as_one_writes_it(site: Site) -> None:
    last = TODAY + timedelta(days=40)
    stand_in(site, ends=f"{last:%d/%m/%Y}")
    assert last.year == TODAY.year + 1, "the year turns meanwhile"
    assert str(last.year) in site.browser("head").open(SCHOOL).text


@pytest.mark.parametrize(
    ("language", "words"),
    [("fr", "assure son propre intérim"), ("ar", "لا ينوب أحد عن نفسه"), ("en", "for themselves")],
)
def test_refusals_are_in_the_readers_words(site: Site, language: str, words: str) -> None:
    head = site.browser("head", language)
    head.open(STAND_IN)
    response = head.send(409, **answers(site, "team_coordinator"))
    assert words in response.get_data(as_text=True)
    assert head.form["a-account"] == site.player.actor("team_coordinator").id


def test_pressing_twice_names_once_and_other_words_are_not_swallowed(site: Site) -> None:
    head = site.browser("head")
    head.open(STAND_IN)
    first, typed = MultiDict(head.form), answers(site)
    head.send(**typed)
    head.form = first
    head.at = STAND_IN
    head.send(**typed)
    assert "rien n’a été fait deux fois" in head.open(SCHOOL).text
    head.form, head.at = first, STAND_IN
    response = head.send(409, **{**typed, "reason": "leave"})
    assert "Ce formulaire a déjà été enregistré" in response.get_data(as_text=True)
    assert site.kinds() == ["stand_in_named"]


def test_a_stand_in_is_ended_early(site: Site) -> None:
    head = stand_in(site)
    listed = unescape(head.client.get(SCHOOL).get_data(as_text=True))
    assert "assure l’intérim dès maintenant" in listed
    assert "En congé de maladie" in listed
    found = re.search(rf'href="({SCHOOL}/stand-ins/[a-z0-9]+)"', listed)
    assert found is not None
    other = site.browser("team_member/2")
    assert found[1] not in other.client.get(SCHOOL).get_data(as_text=True)
    assert other.client.get(found[1]).status_code == 404
    head.open(found[1])
    head.send(422)
    head.send(reason="returned")
    assert site.kinds() == ["stand_in_ended", "stand_in_named"]
    assert head.client.get(found[1]).status_code == 404
    assert head.client.get("/team/schools/00000A/stand-ins/nobody").status_code == 404


# ---- leaving -------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_leaving_goes_through_once_the_cases_are_handed_over(site: Site) -> None:
    number = site.case()
    leaver, head = site.browser("team_member/2"), site.browser("head")
    path = site.person("team_member/2")
    page = head.client.get(path).get_data(as_text=True)
    assert f"/cases/{number}/acts/name_seat?seat=lead" in page
    assert NAME not in page
    assert 'name="a-last_day"' not in page
    head.open(f"/cases/{number}/acts/name_seat?seat=lead")
    assert head.form["a-seat"] == "lead"
    site.seat(number, "team_member")
    head.open(path)
    head.send(last_day=day(0), reason="moved")
    assert leaver.client.get("/team").location.startswith("/sign-in")
    again = site.browser("team_member/2")
    assert again.client.get(f"/cases/{number}").status_code == 404
    assert 'href="/team"' not in again.client.get("/").get_data(as_text=True)
    assert site.kinds() == ["left"]


@pytest.mark.exhaustive
def test_a_form_opened_before_a_case_came_is_refused_in_words(site: Site) -> None:
    head = site.browser("head")
    head.open(site.person("team_member/2"))
    site.case()
    response = head.send(409, last_day=day(0), reason="other", sentence="Elle part")
    assert "confiez d’abord ces dossiers" in response.get_data(as_text=True)
    assert head.form["a-sentence"] == "Elle part"
    assert site.kinds() == []


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_i_leave_the_team(site: Site, language: str) -> None:
    person = site.browser("team_member", language)
    page = person.client.get("/team").get_data(as_text=True)
    assert site.person("team_member") in page
    person.open(site.person("team_member"))
    response = person.send(last_day=day(0), reason="retired")
    assert response.location == "/sign-in"
    assert person.client.get("/").location.startswith("/sign-in")


@pytest.mark.exhaustive
def test_i_leave_on_a_day_to_come(site: Site) -> None:
    person = site.browser("team_member")
    person.open(site.person("team_member"))
    person.send(last_day=day(9), reason="moved")
    assert "Dernier jour" in person.open("/team").text
    turn(site, days=10)
    later = site.browser("team_member")
    assert later.client.get("/team").status_code == 404


def test_who_leaves_stands_in_for_nobody(site: Site) -> None:
    head = stand_in(site)
    head.open(site.person("team_member"))
    head.send(last_day=day(0), reason="moved")
    assert site.browser("team_member").client.get("/team").status_code == 404
    assert site.kinds() == ["left", "stand_in_ended", "stand_in_named"]


def test_the_emergency_exit_and_the_orphans(site: Site) -> None:
    number = site.case()
    leaver, above = site.browser("team_member/2"), site.browser("directorate")
    assert "porté par quelqu’un" in above.open("/team").text
    path = f"{site.person('team_member/2')}/at-once"
    above.open(path)
    above.send(422)
    above.send(reason="unreachable")
    assert leaver.client.get(f"/cases/{number}").status_code == 302
    assert site.browser("team_member/2").client.get(f"/cases/{number}").status_code == 404
    listed = above.client.get("/team").get_data(as_text=True)
    assert f"/cases/{number}" in listed
    assert NAME not in listed
    assert "Benali" not in listed
    assert above.client.get(f"/cases/{number}").status_code == 200
    assert site.kinds() == ["left_at_once", "orphaned"]


# ---- the hand-over -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_the_hand_over_is_one_page_a_case_and_nothing_personal(site: Site, language: str) -> None:
    numbers = [site.case(), site.case()]
    record_act(
        site.ctx, site.player.actor("team_member"), numbers[0], "note", {"text": f"{NAME} {WORDS}"}, expected=None,
        token=site.token(), proven=True,
    )  # fmt: skip
    head = site.browser("head", language)
    page = head.client.get("/team/hand-over")
    html = page.get_data(as_text=True)
    assert html.count('<article class="card leaf"') == 2
    assert NAME not in html
    assert "la ferme" not in html
    for number in numbers:
        assert f"/cases/{number}/acts/note" in html
    head.open("/team/hand-over?school=00000A")
    assert head.client.get("/team/hand-over?school=00000A&after=" + "x" * 300).status_code == 404
    assert head.client.get("/team/hand-over?after=nonsense").status_code == 200


def test_the_style_breaks_the_page_between_cases() -> None:
    style = (Path(teams.__file__).parents[1] / "web" / "static" / "school.css").read_text()
    printed = style[style.index("@media print") :]
    assert ".leaf+.leaf{break-before:page}" in printed


# ---- calm ----------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(
    but=(
        "directorate-en",
        "directorate-fr",
    )
)
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
@pytest.mark.parametrize("who", ["head", "team_member", "directorate"])
def test_every_page_stands_in_every_language(site: Site, who: str, language: str) -> None:
    site.case()
    stand_in(site, sentence="Jusqu’à son retour")
    with site.ctx.directory.writing() as session:
        for other in ("head", "psychosocial", "reporter", "team_member"):
            account = site.player.actor(other).id
            auth_repository.set_training(session, account, certified=True, trained_until=TODAY - timedelta(days=1))
    person = site.browser(who, language)
    person.open("/team")
    person.open(SCHOOL)
    person.open("/team/hand-over?school=00000A")
    person.open(site.person("team_member" if who == "team_member" else "team_member/2"))


@pytest.mark.exhaustive
def test_no_hostile_text_breaks_a_page(site: Site) -> None:
    head = site.browser("head")
    for hostile in ("<script>alert(1)</script>", "%(x)s {{7*7}}", "\u202egnp", "x\x00y\r\nSet-Cookie: a=1", "9" * 400):
        head.open(STAND_IN)
        head.send(422, place=hostile, account=hostile, starts=hostile, ends=hostile, reason=hostile, sentence="x")
        assert "<script>alert" not in head.client.get(SCHOOL).get_data(as_text=True)
        for path in (f"/team/schools/{hostile[:20]}", f"{SCHOOL}/people/{hostile[:20]}"):
            assert head.client.get(path.replace("\r\n", "").replace("\x00", "%00")).status_code in (308, 404)
    assert site.kinds() == []


def test_a_door_left_open_is_noticed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: were every school shown to everybody, guard and all, the test of foreign schools would fail."""
    original: Callable[..., Any] = teams.places

    def careless(ctx: AppContext, _actor: Any) -> Any:
        return original(ctx, site.player.actor("head"))

    monkeypatch.setattr(teams, "places", careless)
    monkeypatch.setattr(endpoint_guard, "is_granted", lambda _actor, _permission: True)
    assert site.browser("reporter").client.get(SCHOOL).status_code == 200


# ---- codes that were printed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_codes_that_were_printed_stand_on_the_page_of_who_oversees_alone(site: Site, language: str) -> None:
    member, head = site.player.actor("team_member"), site.player.actor("head")
    words = {"fr": "Codes imprimés", "ar": "رموز مطبوعة"}[language]
    assert words not in site.browser("directorate", language).open(SCHOOL).html
    access_codes.invite_by_slip(site.ctx, head, member.id, site.ctx.now())
    assert words in site.browser("directorate", language).open(SCHOOL).html
    for who in ("head", "team_coordinator"):
        assert words not in site.browser(who, language).open(SCHOOL).html
