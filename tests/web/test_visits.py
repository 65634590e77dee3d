"""The teams of a region, visits, their pack and the duty roster in a browser, over a real installation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW, REPORT
from flask import Flask

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.intake import open_case
from school_protocol.cases.story_player import Player, TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.web import create_app
from web.browsing import Browser, browser_of

NAME = "Yasmine Benali"
TOLD = "zqtoldx"
DAY = NOW.date().isoformat()


@dataclass
class Site:
    player: Player
    app: Flask
    clock: TurnableClock
    number: str
    code: str

    def browser(self, who: str, language: str = "fr") -> Browser:
        return browser_of(self.app, self.player.ctx, self.player.actor(who).id, language)

    @property
    def school(self) -> str:
        return f"/teams/schools/{self.code}"

    def note(self, who: str = "academy", status: int = 303, **changed: str) -> Browser:
        browser = self.browser(who)
        browser.open(f"{self.school}/visits/new")
        said = {
            "held_on": DAY, "came": "Deux superviseures", "remarks": "L’équipe se réunit.\nElle a un local.",
            "actions-0-what": "Former une troisième personne", "actions-0-who": "Le directeur",
            "actions-0-by": (NOW.date() + timedelta(days=20)).isoformat(),
        }  # fmt: skip
        browser.send(status, **{**said, **changed})
        return browser


@pytest.fixture
def site(tmp_path: Path, moroccan: Protocol) -> Iterator[Site]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "var"), clock)
    player = prepared(ctx, clock, moroccan, MOROCCAN.read_bytes())
    for who in ("team_member", "team_coordinator", "head", "directorate", "academy", "trainer"):
        player.actor(who)
    about = [{"slot": "targeted_pupil", "name": NAME}]
    filled = {**REPORT, "what_happened": TOLD, "about_whom": about}
    number = open_case(ctx, player.actor("team_member"), "report", filled, token="t").number
    with ctx.directory.reading() as session:
        code = auth_repository.unit(session, player.school).code
    yield Site(player, create_app(ctx, testing=True), clock, number, code)
    ctx.close()


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_the_pages_read_well_and_name_no_pupil(site: Site, language: str) -> None:
    site.note()
    paths = (
        "/teams", "/teams?lack=few", "/teams?lack=ending", "/teams?lack=quiet", "/teams?lack=team&level=upper",
        "/teams/visits", "/teams/visits?show=open&since=2026-11-01", site.school, f"{site.school}/figures",
        f"{site.school}/visits/new", f"{site.school}/pack", "/teams/duty",
    )  # fmt: skip
    for who in ("directorate", "academy"):
        browser = site.browser(who, language)
        for path in paths:
            page = browser.open(path)
            assert page.lang.startswith(language)
            assert NAME not in page.text
            assert TOLD not in page.text
            assert site.number[:4] not in page.text
    for who in ("head", "team_coordinator"):
        assert "Deux superviseures" in site.browser(who, language).open(site.school).text


@pytest.mark.exhaustive
def test_only_those_whom_it_leads_somewhere_see_the_way(site: Site) -> None:
    for who in ("directorate", "academy", "trainer"):
        assert 'href="/teams"' in site.browser(who).client.get("/help").get_data(as_text=True)
    for who in ("head", "team_coordinator", "team_member", "psychosocial", "data_officer", "reporter"):
        client = site.browser(who).client
        assert 'href="/teams"' not in client.get("/help").get_data(as_text=True)
        for path in ("/teams", "/teams/visits", "/teams/duty", f"{site.school}/figures", f"{site.school}/pack"):
            assert client.get(path).status_code == 404
    for who in ("head", "team_coordinator"):
        team = site.browser(who).client.get(f"/team/schools/{site.code}").get_data(as_text=True)
        assert f'href="{site.school}"' in team
    for who in ("team_member", "psychosocial", "data_officer"):
        assert site.browser(who).client.get(site.school).status_code == 404
    trainer = site.browser("trainer").client
    assert trainer.get(f"{site.school}/figures").status_code == 404
    assert trainer.get(f"{site.school}/pack").status_code == 404
    assert "lack=quiet" not in trainer.get("/teams").get_data(as_text=True)
    assert "lack=quiet" in site.browser("academy").client.get("/teams").get_data(as_text=True)


def test_a_visit_is_written_down_put_right_and_what_was_agreed_done(site: Site) -> None:
    refused = site.note("trainer", 422, remarks="", **{"actions-0-who": ""})
    assert refused.form["a-actions-0-what"] == "Former une troisième personne", "what was typed is still there"
    site.note("trainer")
    head = site.browser("head")
    html = head.client.get(site.school).get_data(as_text=True)
    assert "Elle a un local." in html
    assert "Rectifier" not in html
    action = re.search(rf'action="({site.school}/visits/[a-z0-9]+/done)"', html)
    assert action is not None
    head.press(action[1], token="t1", action="0", expected="7")
    assert "Fait le" not in head.open(site.school).text, "somebody wrote meanwhile: nothing is done"
    head.press(action[1], token="t2", action="0", expected="1")
    assert "Fait le" in head.open(site.school).text
    way = action[1].removesuffix("/done")
    assert head.client.get(way).status_code == 404, "who is visited puts nothing right"
    other = site.browser("directorate")
    assert f'href="{way}"' not in other.client.get(site.school).get_data(as_text=True)
    refused = other.client.get(way, follow_redirects=True).get_data(as_text=True)
    assert "Seule la personne qui a consigné une visite la rectifie" in refused
    supervisor = site.browser("trainer")
    supervisor.open(way)
    assert supervisor.form["a-remarks"].startswith("L’équipe")
    supervisor.send(came="Trois personnes")
    page = supervisor.open(site.school).text
    assert "Trois personnes" in page
    assert "Deux superviseures" in page, "what was written stays to be read"
    assert "Fait le" in page, "what is done stays done"


def test_of_two_who_put_it_right_the_second_loses_no_word(site: Site) -> None:
    site.note()
    html = site.browser("academy").client.get(site.school).get_data(as_text=True)
    way = re.search(rf'href="({site.school}/visits/[a-z0-9]{{20,}})"', html)
    assert way is not None
    one, other = site.browser("academy"), site.browser("academy")
    one.open(way[1])
    other.open(way[1])
    other.send(came="La province")
    one.send(409, came="L’académie")
    assert one.form["a-came"] == "L’académie"
    one.send(came="L’académie")
    assert "L’académie" in one.open(site.school).text


@pytest.mark.exhaustive
@pytest.mark.parametrize("text", ["Voir G123456789.", "Appeler le 0661 22 33 44.", "ecrire a x.y@gmail.com"])
def test_a_pupils_code_or_a_way_to_reach_somebody_is_refused(site: Site, text: str) -> None:
    browser = site.note(status=422, remarks=text)
    assert browser.form["a-remarks"] == text


def test_a_turn_of_duty_is_entered_shown_with_its_gaps_and_taken_back(site: Site) -> None:
    browser = site.browser("directorate")
    browser.open("/teams/duty")
    browser.send(422, account="", starts="hier", ends="")
    assert browser.form["a-starts"] == "hier"
    account = site.player.actor("directorate").id
    browser.send(account=account, starts="2026-11-25T18:00", ends="2026-11-28T08:00")
    html = browser.client.get("/teams/duty").get_data(as_text=True)
    assert "28 nov. 2026" in html, "from then on nobody is on duty"
    action = re.search(r'action="(/teams/duty/[a-z0-9]+/withdraw)"', html)
    assert action is not None
    browser.press(action[1], token="t3")
    page = browser.open("/teams/duty").text
    assert "Tour de permanence retiré" in page
    assert "Personne n’est de permanence" in page
    assert site.browser("academy").client.post(action[1], data={}).status_code != 303


def test_what_an_address_says_wrong_is_said_and_left_aside(site: Site) -> None:
    browser = site.browser("academy")
    for path in ("/teams?place=ZZZ&lack=x&level=y&after=~~~", "/teams/visits?place=ZZZ&since=hier&show=q&after=a~b"):
        html = browser.client.get(path).get_data(as_text=True)
        assert 'aria-invalid="true"' in html
    assert browser.client.get("/teams/schools/NONE00").status_code == 404


def test_a_pack_is_handed_out_once_a_press(site: Site) -> None:
    browser = site.browser("directorate")
    sent = {"csrf_token": browser.csrf(), "token": "t", "language": "fr"}
    answer = browser.client.post(f"{site.school}/pack", data=sent)
    assert answer.status_code == 200
    assert answer.data.startswith(b"%PDF-")
    assert browser.client.post(f"{site.school}/pack", data=sent).status_code == 409
    assert browser.client.post(f"{site.school}/pack", data={**sent, "language": "xx"}).status_code == 422


def test_a_time_that_nobody_can_tell_of_is_said(site: Site) -> None:
    browser = site.browser("directorate")
    words = "Cette adresse demande une période dont rien ne peut être dit"
    for asked in ("time=nonsense", "time=2030.0", "period=2030.0"):
        assert words in browser.open(f"{site.school}/figures?{asked}").text, asked
    for asked in ("", "?time=2026.0"):
        assert words not in browser.open(f"{site.school}/figures{asked}").text
