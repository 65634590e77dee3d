"""The pages of tokens: who finds them, how two people make one, that it is shown once, and ends in an open program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from flask import Flask
from services.conftest import School
from services.tokening import above, administrator, ask

from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import UnitKind
from school_protocol.web import create_app
from web.browsing import Browser, browser_of
from web.described import Described


@dataclass
class Site:
    school: School
    app: Flask
    chief: str = ""
    browsers: dict[str, Browser] = field(default_factory=dict)

    @property
    def province(self) -> str:
        return above(self.school.player, UnitKind.province).code

    def browser(self, who: str, language: str = "en") -> Browser:
        account = self.chief if who == "chief" else self.school.account(who)
        return browser_of(self.app, self.school.ctx, account, language)

    def asked(self) -> str:
        return f"/systems/{ask(self.school.ctx, administrator(self.school.player), self.province)}"


@pytest.fixture
def site(tmp_path: Path, moroccan: Protocol) -> Iterator[Site]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "var", address="https://protocole.example"), clock)
    school = School(prepared(ctx, clock, moroccan, MOROCCAN.read_bytes()), count(1))
    school.report()
    yield Site(school, create_app(ctx, testing=True), administrator(school.player).id)
    ctx.close()


def secret_in(page: str) -> str:
    found = re.search(r"sp_[\w-]{43}", page)
    return found[0] if found else ""


@pytest.mark.exhaustive
def test_only_who_administers_or_oversees_finds_them(site: Site) -> None:
    one = site.asked()
    for who in ("head", "team_coordinator", "data_officer"):
        client = site.browser(who).client
        assert "/systems" not in client.get("/account").get_data(as_text=True)
        assert {client.get(path).status_code for path in ("/systems", "/systems/new", one)} == {404}
    chief, over = site.browser("chief"), site.browser("directorate")
    assert 'href="/systems"' in chief.client.get("/people").get_data(as_text=True)
    assert 'href="/systems"' in over.client.get("/account").get_data(as_text=True)
    assert "/systems/new" not in over.client.get("/systems").get_data(as_text=True)
    assert over.client.get("/systems/new").status_code == 404


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_every_page_reads_well_in_every_language(site: Site, language: str) -> None:
    one = site.asked()
    chief, over = site.browser("chief", language), site.browser("directorate", language)
    for browser in (chief, over):
        for path in ("/systems", "/systems?show=over", one):
            assert browser.open(path).lang.startswith(language)
    assert chief.open("/systems/new").lang.startswith(language)
    over.press(f"{one}/agree")
    chief.open(one)
    chief.open(f"{one}/draw", 405)
    assert secret_in(chief.press(f"{one}/draw", 200).get_data(as_text=True))
    over.press(f"{one}/end")
    assert over.open(one).lang.startswith(language)


def test_two_people_make_a_token_and_one_ends_it(site: Site) -> None:
    chief, over = site.browser("chief"), site.browser("directorate")
    chief.open("/systems/new")
    chief.send(422, name="", purpose="")
    location = chief.send(
        name="Dashboard", unit=site.province, rights="cases:read", ends="2027-01-31", purpose="The monthly table"
    ).location
    assert "somebody who oversees this place must agree" in chief.open(location).text
    assert "Draw the token" not in chief.open(location).text
    assert "The monthly table" in over.open(location).text
    over.press(f"{location}/agree")
    assert "Agree only if" not in over.open(location).text
    shown = chief.press(f"{location}/draw", 200).get_data(as_text=True)
    assert "https://protocole.example/api/v1/openapi.json" in shown
    api = Described(site.app, secret_in(shown))
    assert len(api.json("/cases")["cases"]) == 1
    api.get(f"/cases/{site.school.number}")
    assert "2 readings within 30 days." in over.open(location).text
    grouped = re.sub(r"\D", "", over.client.get(location).get_data(as_text=True))
    assert site.school.number in grouped
    assert site.school.number not in re.sub(r"\D", "", chief.client.get(location).get_data(as_text=True))
    over.press(f"{location}/end")
    api.get("/cases", 401)
    assert "Dashboard" in over.open("/systems?show=over").text


def test_it_is_shown_once_and_told_why_not_again(site: Site) -> None:
    one = site.asked()
    chief, over = site.browser("chief"), site.browser("directorate")
    chief.press(f"{one}/draw")
    assert "Nobody has agreed to it yet." in chief.open(one).text
    over.press(f"{one}/agree")
    over.press(f"{one}/agree")
    assert "It was agreed to already." in over.open(one).text
    secret = secret_in(chief.press(f"{one}/draw", 200).get_data(as_text=True))
    chief.press(f"{one}/draw")
    page = chief.client.get(one).get_data(as_text=True)
    assert "is shown once only" in page
    assert secret
    assert secret not in page
    over.press(f"{one}/draw", 404)
    chief.press(f"{one}/end")
    chief.press(f"{one}/end")
    assert "This token has ended already." in chief.open(one).text


def test_a_refused_form_keeps_what_was_typed_and_says_what_is_wrong(site: Site) -> None:
    chief = site.browser("chief")
    chief.open("/systems/new")
    response = chief.send(
        422, name="Dashboard", unit="00000A", rights="cases:read", ends="2030-01-01", purpose="Every month"
    )
    page = response.get_data(as_text=True)
    assert 'value="Dashboard"' in page
    assert "A day between" in page
    assert "one of these" in page or "other systems read no single school" in page
