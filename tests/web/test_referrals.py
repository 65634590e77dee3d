"""The register of referrals and the directory of contacts in a browser, over a real installation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW, REPORT
from flask import Flask

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import showing
from school_protocol.cases.intake import open_case
from school_protocol.cases.service import record_act
from school_protocol.cases.story_player import Player, TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.people import repository as people_repository
from school_protocol.supervision import referral_register
from school_protocol.web import create_app
from web.browsing import Browser, browser_of

PEOPLE = ("team_member", "team_coordinator", "head", "directorate", "academy")
NAME = "Yasmine Benali"
TOLD = "zqtoldx"


@dataclass
class Site:
    player: Player
    app: Flask
    clock: TurnableClock
    number: str = ""
    tokens: list[int] = field(default_factory=list)

    def browser(self, who: str, language: str = "fr") -> Browser:
        return browser_of(self.app, self.player.ctx, self.player.actor(who).id, language)

    def act(self, who: str, act: str, **answers: Any) -> None:
        self.tokens.append(1)
        record_act(
            self.player.ctx, self.player.actor(who), self.number, act, answers, expected=None,
            token=f"token {len(self.tokens)}", proven=True,
        )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, moroccan: Protocol) -> Iterator[Site]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "var"), clock)
    player = prepared(ctx, clock, moroccan, MOROCCAN.read_bytes())
    for who in PEOPLE:
        player.actor(who)
    found = Site(player, create_app(ctx, testing=True), clock)
    about = [{"slot": "targeted_pupil", "name": NAME}]
    filled = {**REPORT, "what_happened": TOLD, "about_whom": about}
    found.number = open_case(ctx, player.actor("team_member"), "report", filled, token="t").number
    found.act("team_member", "raise_danger", which_danger="blackmail")
    for target in ("police", "child_protection"):
        found.act(
            "head", "referral", target=target, covers=["blackmail"], channel="letter", sent_at=NOW.isoformat(),
            summary=TOLD,
        )  # fmt: skip
    yield found
    ctx.close()


# ---- the register --------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_the_pages_read_well_and_name_nobody(site: Site, language: str) -> None:
    site.clock.advance(timedelta(hours=73))
    for who in PEOPLE:
        browser = site.browser(who, language)
        for path in ("/referrals", "/referrals?show=all", "/referrals?show=silent&target=police&since=2026-11-01"):
            page = browser.open(path)
            assert page.lang.startswith(language)
            assert NAME not in page.text
            assert TOLD not in page.text
            assert f"/cases/{site.number}" in browser.client.get(path).get_data(as_text=True)
    keeper = site.browser("academy", language)
    for path in ("/contacts", "/contacts/new"):
        assert keeper.open(path).lang.startswith(language)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "Accusé de réception, sans réponse depuis le"), ("ar", "إشعار بالتوصل، دون جواب منذ"),
        ("en", "Acknowledged, no answer since"),
    ],
)  # fmt: skip
def test_one_that_was_acknowledged_and_not_answered_says_since_when(site: Site, language: str, said: str) -> None:
    site.act("head", "referral_answer", referral=1, outcome="acknowledged", answered_at=NOW.isoformat())
    site.clock.advance(timedelta(hours=71))
    assert said not in site.browser("directorate", language).open("/referrals").text
    site.clock.advance(timedelta(hours=2))
    assert said in site.browser("directorate", language).open("/referrals").text


@pytest.mark.exhaustive
def test_only_those_whom_it_leads_somewhere_see_the_way(site: Site) -> None:
    for who in ("head", "directorate", "academy"):
        assert 'href="/referrals"' in site.browser(who).client.get("/").get_data(as_text=True)
    for who in ("psychosocial", "data_officer", "trainer", "reporter"):
        client = site.browser(who).client
        assert "/referrals" not in client.get("/help").get_data(as_text=True)
        assert client.get("/referrals").status_code == 404
        assert client.get("/contacts").status_code == 404
    ministry = site.browser("protocol_admin").client
    assert 'href="/contacts"' in ministry.get("/help").get_data(as_text=True)


def test_what_an_address_says_wrong_is_said_and_left_aside(site: Site) -> None:
    browser = site.browser("academy")
    page = browser.open("/referrals?since=yesterday&place=ZZZ&show=nothing&target=none&after=~~~&page=9")
    assert site.number[:4] in page.text
    html = browser.client.get("/referrals?since=yesterday&place=ZZZ").get_data(as_text=True)
    assert html.count('aria-invalid="true"') == 2
    assert 'value="yesterday"' in html
    assert browser.client.get("/referrals?" + "target=" + "x" * 5000).status_code == 200


@pytest.mark.exhaustive
def test_the_answer_is_noted_from_the_register_and_leads_back_to_it(site: Site) -> None:
    site.clock.advance(timedelta(hours=73))
    kept = "/referrals?show=silent&target=police"
    browser = site.browser("directorate")
    html = browser.client.get(kept).get_data(as_text=True)
    found = re.search(r'href="(/cases/[^"]+/acts/referral_answer[^"]+)"', html)
    assert found is not None
    way = found[1].replace("&amp;", "&")
    browser.open(way)
    assert browser.form["a-referral"] == "1"
    answered = browser.send(outcome="acknowledged")
    assert answered.headers["Location"] == kept
    assert f"/cases/{site.number}" not in browser.client.get(kept).get_data(as_text=True)
    assert f"/cases/{site.number}" in browser.client.get("/referrals?show=acknowledged").get_data(as_text=True)


@pytest.mark.exhaustive
@pytest.mark.parametrize("then", ["https://elsewhere.example/referrals", "//x/referrals", "/people", "/referrals/../x"])
def test_a_way_back_that_is_none_of_the_registers_is_not_taken(site: Site, then: str) -> None:
    browser = site.browser("head")
    browser.open(f"/cases/{site.number}/acts/referral_answer?referral=1")
    browser.form["then"] = then
    assert browser.send(outcome="acknowledged").headers["Location"] == f"/cases/{site.number}"


def test_the_next_page_keeps_what_the_list_is_narrowed_to(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referral_register, "PAGE", 1)
    browser = site.browser("academy")
    html = browser.client.get("/referrals?show=all&since=2026-11-01").get_data(as_text=True)
    found = re.search(r'href="([^"]+)" rel="next"', html)
    assert found is not None
    further = found[1].replace("&amp;", "&")
    assert "show=all" in further
    assert "since=2026-11-01" in further
    browser.open(further)


# ---- contacts ------------------------------------------------------------------------------------------------------


def new(browser: Browser, status: int = 303, **changes: str) -> None:
    browser.open("/contacts/new")
    said = {"target": "police", "unit": browser_place(browser), "name_fr": "Cellule", "phone": "0537 88 00 11"}
    browser.send(status, **{**said, **changes})


def browser_place(browser: Browser) -> str:
    html = browser.client.get("/contacts/new").get_data(as_text=True)
    found = re.search(r'name="a-unit" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def contact_of(browser: Browser) -> str:
    found = re.search(r'href="(/contacts/[a-z2-7]{20,})"', browser.client.get("/contacts").get_data(as_text=True))
    assert found is not None
    return found[1]


def test_a_contact_is_added_put_right_found_right_and_retired(site: Site) -> None:
    keeper = site.browser("academy")
    new(keeper, 422, phone="call me", hours="weekdays")
    assert keeper.form["a-phone"] == "call me", "what was typed is still there"
    new(keeper, hours="always")
    path = contact_of(keeper)
    keeper.open(path)
    keeper.send(phone="0537 88 00 12")
    page = keeper.open("/contacts")
    assert "0537 88 00 12" in page.text
    html = keeper.client.get("/contacts").get_data(as_text=True)
    assert 'href="tel:0537880012"' in html
    keeper.press(f"{path}/verify", token="t1", expected="2")
    assert "25 nov. 2026" in keeper.open("/contacts").text
    keeper.press(f"{path}/retire", token="t2", expected="2")
    assert "0537 88 00 12" in keeper.open("/contacts").text, "it was changed since it was shown: nothing is done"
    keeper.press(f"{path}/retire", token="t3", expected="3")
    assert keeper.client.get(path).status_code == 404


def test_of_two_who_change_it_the_second_is_shown_what_it_says_now(site: Site) -> None:
    keeper, other = site.browser("academy"), site.browser("academy/2")
    new(keeper)
    path = contact_of(keeper)
    keeper.open(path)
    other.open(path)
    other.send(phone="19")
    keeper.send(409, phone="177")
    assert keeper.form["a-phone"] == "177"
    keeper.send(phone="177")
    assert "177" in keeper.open("/contacts").text


def test_what_was_typed_for_a_contact_that_was_retired_meanwhile_is_shown_and_not_lost(site: Site) -> None:
    keeper, other = site.browser("academy"), site.browser("academy/2")
    new(keeper)
    path = contact_of(keeper)
    keeper.open(path)
    other.press(f"{path}/retire", token="t1", expected="1")
    answer = keeper.client.post(path, data={**keeper.form, "a-phone": "0537 88 00 77"})
    assert answer.status_code == 409
    assert "0537 88 00 77" in answer.get_data(as_text=True)
    assert keeper.client.get(path).status_code == 404
    unknown = keeper.client.post(path[:-4] + "aaaa", data={**keeper.form, "a-phone": "0537 88 00 77"})
    assert unknown.status_code == 404


@pytest.mark.exhaustive
def test_a_number_that_was_not_checked_for_long_says_so_where_a_team_reads_it(site: Site) -> None:
    keeper, member = site.browser("academy"), site.browser("team_member", "fr")
    new(keeper, verified="today", name_fr="Police de Salé", phone="0537 99 00 99")
    path = f"/cases/{site.number}/first-minutes"
    page = member.open(path)
    assert "0537 99 00 99" in page.text
    assert "vérifié" not in page.text
    assert "répertoire n’a pas" not in keeper.open("/").text
    site.clock.advance(timedelta(days=181))
    member, keeper = site.browser("team_member"), site.browser("academy")
    assert "Numéro vérifié pour la dernière fois le 25 nov. 2026" in member.open(path).text
    assert "Un contact de votre répertoire" in keeper.open("/").text


# ---- to which organisation -----------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_service_is_chosen_by_name_shown_with_its_town_and_found_in_the_register(site: Site) -> None:
    ctx = site.player.ctx
    with ctx.directory.writing() as session:
        cell = people_repository.add_contact(
            session, target="prosecutor", names={"fr": "Cellule du tribunal", "ar": "خلية المحكمة"},
            city={"fr": "Salé", "ar": "سلا"},
        )  # fmt: skip
        police = people_repository.add_contact(session, target="police", names={"fr": "Brigade"}, phone="19")
    head = site.browser("head")
    page = head.open(f"/cases/{site.number}/acts/referral")
    assert "Cellule du tribunal (Salé)" in page.html
    said = {"target": "prosecutor", "channel": "meeting", "summary": TOLD}
    head.form["whom"] = police
    head.send(422, **said)
    assert head.form["whom"] == police, "what was chosen is still there"
    head.form["whom"] = cell
    head.send(**said)
    for language, name in (("fr", "Cellule du tribunal"), ("ar", "خلية المحكمة")):
        register = site.browser("directorate", language)
        assert name in register.open("/referrals").text
        narrowed = register.open("/referrals?whom=Cellule+du+tribunal")
        assert narrowed.html.count('class="card case') == 1
        assert NAME not in narrowed.text
    assert "Cellule du tribunal" in head.open(f"/cases/{site.number}").text
    assert 'class="card case' not in site.browser("directorate").open("/referrals?whom=Nobody").html


def test_contacts_are_narrowed_to_a_town(site: Site) -> None:
    ctx = site.player.ctx
    with ctx.directory.reading() as session:
        region = auth_repository.unit(session, site.player.school).parents[-1]
    with ctx.directory.writing() as session:
        for name, city in (("Une cellule", "Salé"), ("Une autre", "Rabat")):
            people_repository.add_contact(
                session, target="prosecutor", names={"fr": name}, unit=region, city={"fr": city}
            )
    keeper = site.browser("academy")
    assert "Une autre" in keeper.open("/contacts").text
    page = keeper.open("/contacts?city=sal%C3%A9")
    assert "Une cellule" in page.text
    assert "Une autre" not in page.text
    assert "Une autre" in keeper.open("/contacts?city=%3Cx%3E").text
    keeper.open("/contacts/new")
    assert {"a-city_fr", "a-city_ar"} <= set(keeper.form)


def test_the_service_of_a_referral_is_put_right_from_its_entry(site: Site) -> None:
    ctx, actor = site.player.ctx, site.player.actor("head")
    with ctx.directory.writing() as session:
        chosen = people_repository.add_contact(session, target="police", names={"fr": "Brigade de Salé"})
        people_repository.add_contact(session, target="prosecutor", names={"fr": "Parquet"})
    referrals = showing.see_case(ctx, actor, site.number).referrals
    seq = next(one.seq for one in referrals if one.target.key == "police")
    head, path = site.browser("head"), f"/cases/{site.number}/acts/correction?record={seq}"
    page = head.open(path)
    assert "Brigade de Salé" in page.text
    assert "Parquet" not in page.text, "another kind of service"
    said = {"a-what_changes": "Le service.", "a-reason": "Il manquait."}
    assert head.client.post(path, data={**head.form, **said, "whom": "nobody"}).status_code == 422
    assert "Brigade de Salé" not in head.open(f"/cases/{site.number}/outcomes").text
    head.open(path)
    assert head.client.post(path, data={**head.form, **said, "whom": chosen}).status_code == 303
    for shown in (f"/cases/{site.number}/outcomes", f"/cases/{site.number}/entries/{seq}"):
        assert "Brigade de Salé" in head.open(shown).text
    with ctx.directory.writing() as session:
        other = people_repository.add_contact(session, target="police", names={"fr": "Brigade de Rabat"})
    head.open(path)
    assert head.client.post(path, data={**head.form, **said, "whom": other}).status_code == 303
    assert "Brigade de Rabat" in head.open(f"/cases/{site.number}/entries/{seq}").text
    assert "Inchangé\xa0: Brigade de Rabat" in head.open(path).text.replace("\u2068", "").replace("\u2069", "")
