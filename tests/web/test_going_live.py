"""The page of the go-live list, and every page that opens a case or takes a report before it is signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from flask import Flask
from services.conftest import School
from services.telling_school import Told
from services.tokening import administrator
from signing_off import another, asked, make_ready, sign_all

from school_protocol.cases import opening_gate
from school_protocol.cases.opening_gate import KEYS
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import Actor
from school_protocol.people import repository as people_repository
from school_protocol.reports.public_door import renew
from school_protocol.storage import work_queue
from school_protocol.storage.administration_log import Kind
from school_protocol.ui import routing
from school_protocol.web import create_app
from web.browsing import Browser, browser_of

SENTENCES = {
    "fr": "Cette installation n’est pas encore ouverte", "ar": "هذه المنصة لم تفتح بعد",
    "en": "This installation is not open yet",
}  # fmt: skip


@dataclass
class Site:
    school: School
    app: Flask
    chief: Actor

    def browser(self, who: str, language: str = "fr") -> Browser:
        signer = {"chief": lambda: self.chief, "colleague": lambda: another(self.school.ctx, self.chief)}.get(who)
        account = signer().id if signer else self.school.account(who)
        return browser_of(self.app, self.school.ctx, account, language)


@pytest.fixture
def site(tmp_path: Path, moroccan: Protocol) -> Iterator[Site]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "var"), clock)
    player = prepared(ctx, clock, moroccan, MOROCCAN.read_bytes())
    with ctx.directory.writing() as session:
        added = people_repository.add_contact(
            session, target="police", names={"fr": "Police secours"}, phone="19", hours={"always": True}
        )
        people_repository.verify_contact(session, added, on=NOW.date(), by="x")
    player.ctx = asked(ctx)
    school = School(player, count(1))
    chief = administrator(player)
    make_ready(player.ctx, chief, another(player.ctx, chief))
    yield Site(school, create_app(player.ctx, testing=True), chief)
    ctx.close()


PAGES = ("/reports/new", "/reports/danger")


@pytest.mark.exhaustive(
    but=(
        "/reports/new-fr",
        "/reports/danger-fr",
    )
)
@pytest.mark.parametrize("language", list(SENTENCES))
@pytest.mark.parametrize("path", PAGES)
def test_who_wants_to_report_is_told_so_and_who_signs_and_whom_to_call(site: Site, path: str, language: str) -> None:
    answer = site.browser("team_member", language).client.get(path)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 403
    assert SENTENCES[language] in page
    title = site.school.player.protocol.roles["technical_admin"].title.in_language(language)
    assert title in page
    assert "tel:19" in page, "a child in danger is never told to wait"
    assert "/go-live" not in page


@pytest.mark.exhaustive
def test_what_is_posted_past_the_page_is_refused_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = site.browser("team_member")
    with monkeypatch.context() as opened:
        opened.setattr(opening_gate, "is_shut", lambda _ctx: False)
        browser.open("/reports/danger")
    answer = browser.press("/reports/danger", 403, danger="self_harm")
    assert SENTENCES["fr"] in answer.get_data(as_text=True)
    with site.school.ctx.realm.reading() as session:
        assert not opening_gate.repository.any_opened(session)


@pytest.mark.exhaustive
def test_the_same_press_opens_a_case_once_it_is_signed(site: Site) -> None:
    """The control: nothing else keeps it out."""
    sign_all(site.school.ctx, site.chief)
    browser = site.browser("team_member")
    browser.open("/reports/danger")
    browser.press("/reports/danger", 303, danger="self_harm")
    with site.school.ctx.realm.reading() as session:
        assert opening_gate.repository.any_opened(session)


@pytest.mark.exhaustive
def test_a_pupil_at_the_schools_address_is_told_whom_to_turn_to(site: Site) -> None:
    door = renew(site.school.ctx, site.school.person("head"), "00000A", "public")
    client = site.app.test_client()
    for answer in (client.get(f"/s/{door.code}?lang=ar"), client.post(f"/s/{door.code}/sent?lang=ar", data={"x": "y"})):
        page = answer.get_data(as_text=True)
        assert answer.status_code == 403
        assert "هذا العنوان لا يشتغل بعد" in page
        assert "tel:19" in page
    assert answer.headers.getlist("Set-Cookie") == []
    sign_all(site.school.ctx, site.chief)
    assert client.get(f"/s/{door.code}").status_code == 200, "the control"


@pytest.mark.exhaustive
def test_no_page_of_other_systems_opens_cases(site: Site) -> None:
    """Doors of the interface read: none takes a report."""
    rules = [rule for rule in site.app.url_map.iter_rules() if rule.endpoint.startswith("api.")]
    assert rules
    assert {method for rule in rules for method in rule.methods or ()} <= {"GET", "HEAD", "OPTIONS"}


@pytest.mark.exhaustive
def test_cases_that_are_there_go_on_and_administrators_see_what_is_missing(site: Site) -> None:
    site.school.player.ctx = replace(site.school.ctx, settings=Settings(data=site.school.ctx.settings.data))
    site.school.report()
    site.school.player.ctx = asked(site.school.ctx)
    browser = site.browser("team_member")
    browser.open(f"/cases/{site.school.number}")
    browser.open("/reports/new")
    assert "/go-live" not in browser.client.get("/").get_data(as_text=True)
    for path in ("/", "/people"):
        page = site.browser("chief", "en").open(path).text
        assert "9 lines of what must be so before real cases are not signed." in page
        assert "Cases go on all the same." in page


@pytest.mark.exhaustive
def test_a_banner_says_that_nothing_can_be_opened_and_goes_with_the_last_signature(site: Site) -> None:
    chief = site.browser("chief", "en")
    assert "No case can be opened yet." in chief.open("/people").text
    sign_all(site.school.ctx, site.chief)
    assert "not signed" not in chief.open("/people").text


# ---- the list --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_only_the_administrators_of_the_country_find_it(site: Site) -> None:
    below = administrator(site.school.player, "below", site.school.player.school)
    under = browser_of(site.app, site.school.ctx, below.id, "fr")
    for browser in (under, site.browser("head"), site.browser("academy"), site.browser("data_officer")):
        assert browser.client.get("/go-live").status_code == 404
        assert "/go-live" not in browser.client.get("/").get_data(as_text=True)
        browser.open("/account")
        for doing in ("sign", "withdraw"):
            browser.press(f"/go-live/cndp/{doing}", 404, reference="n° 1")
    assert 'href="/go-live"' in site.browser("chief").client.get("/people").get_data(as_text=True)
    assert site.app.test_client().get("/go-live").status_code == 302


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_the_page_reads_well_whatever_is_signed(site: Site, language: str) -> None:
    chief = site.browser("chief", language)
    assert chief.open("/go-live").lang.startswith(language)
    sign_all(site.school.ctx, site.chief, without="drill")
    assert chief.open("/go-live").lang.startswith(language)
    chief.press("/go-live/drill/sign", 303, reference="3 mars 2026")
    assert chief.open("/go-live").lang.startswith(language)
    work_queue.note(site.school.ctx.settings.data, work_queue.DRILL, NOW, held=False)
    assert chief.open("/go-live").lang.startswith(language), "what is seen missing reads well, too"
    chief.press("/go-live/drill/withdraw", 303, reference="autre jour")
    assert "autre jour" in chief.open("/go-live").text


@pytest.mark.exhaustive
def test_each_press_is_kept_with_who_and_what(site: Site) -> None:
    chief = site.browser("chief", "en")
    page = chief.open("/go-live")
    assert "9 lines are missing" in page.text
    chief.press("/go-live/cndp/sign", 303, reference="D-W-412/2026")
    page = chief.open("/go-live")
    assert "D-W-412/2026" in page.text
    assert "chief" in page.text
    chief.press("/go-live/cndp/sign", 303, reference="again")
    page = chief.open("/go-live").text
    assert "nothing was recorded twice" in page
    assert "You have signed: another person does, too." in page
    colleague = site.browser("colleague", "en")
    assert "A second person is to sign" in colleague.open("/go-live").text
    colleague.press("/go-live/cndp/sign", 303, reference="seen")
    assert "8 lines are missing" in colleague.open("/go-live").text
    with site.school.ctx.directory.reading() as session:
        assert [one.kind for one in opening_gate.administration_log.of_draft(session, opening_gate.LIST)] == [
            Kind.go_live_signed
        ] * 2


def test_what_is_seen_not_to_be_so_has_no_form_and_is_refused_in_words(site: Site) -> None:
    work_queue.note(site.school.ctx.settings.data, work_queue.DRILL, NOW, held=False)
    chief = site.browser("chief", "en")
    page = chief.open("/go-live").text
    assert "No backup was restored as an exercise within five weeks" in page
    assert chief.client.get("/go-live").get_data(as_text=True).count('name="reference"') == len(KEYS) - 1
    chief.press("/go-live/drill/sign", 303, reference="test x")
    assert chief.open("/go-live").text.count("No backup was restored as an exercise") == 2
    assert "9 lines are missing" in page


@pytest.mark.parametrize("typed", ["", "x" * 201])
def test_what_is_no_reference_is_shown_again_with_what_is_wrong(site: Site, typed: str) -> None:
    chief = site.browser("chief", "en")
    chief.open("/go-live")
    page = chief.press("/go-live/audit/sign", 422, reference=typed).get_data(as_text=True)
    assert 'aria-invalid="true"' in page
    assert typed in page
    assert len(KEYS) == page.count('name="reference"')


def test_an_item_that_is_not_there_is_absent(site: Site) -> None:
    chief = site.browser("chief")
    chief.open("/go-live")
    chief.press("/go-live/nothing/sign", 404, reference="n° 1")


def test_the_doors_are_in_the_table() -> None:
    assert {one for one in routing.PERMISSIONS if one.startswith("going_live.")} == {
        "going_live.index", "going_live.sign", "going_live.withdraw",
    }  # fmt: skip


@pytest.mark.exhaustive
def test_strangers_reports_go_on_where_there_are_some(site: Site) -> None:
    site.school.player.ctx = replace(site.school.ctx, settings=Settings(data=site.school.ctx.settings.data))
    receipt = Told(site.school).send()
    assert site.app.test_client().get(f"/s/{receipt.door.code}").status_code == 200
