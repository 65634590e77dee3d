"""The pages of cases that may follow another version, by axe, in three languages: difference, list, one case, drafts.

Then on a phone, without JavaScript: from the list of versions to a case that has moved.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from services.administering import HOLDS
from services.test_moving_versions import without_a_question
from versions import next_version, plain, published

from school_protocol.publishing import draft_process, move_case
from school_protocol.publishing import service as publishing_service

from .conftest import DESKTOP, PHONE, Serve, Sit
from .person import go_by
from .served import DEFINITIONS, Served, story
from .test_axe import Inspector, is_fine, speak
from .test_publishing import FIRST, SECOND, administrator

pytestmark = pytest.mark.exhaustive

DATA = plain(DEFINITIONS / "1.yaml")
KEY = "ma-cyberharassment"
PAIR = f"/protocols/{KEY}/1/2"
REPORT: draft_process.Report = {
    "proof": draft_process.proof_out(HOLDS),
    "stories": [{"story": "sc1", "title": "Le groupe de la classe", "steps": 12}],
}


def shorter(data: dict[str, object]) -> None:
    """A question less, so that a decision is needed; an act of another kind, so that cases must stay."""
    without_a_question(data)
    data["undo_minutes"] = "5"


def without_notes(data: dict[str, object]) -> None:
    data["acts"]["note"]["kind"] = "note"  # type: ignore[index]


@pytest.fixture(scope="module")
def house(serve: Serve) -> Served:
    """Six cases, five of them checked; a second version, and a draft of the third; a draft of a new protocol."""
    served = serve("2026-10-05T09:00")
    for name, username in ((FIRST, "protocole"), (SECOND, "protocole2")):
        administrator(served, name, username, "fr")
    sc1 = story("sc1")
    checked = [step["do"] for step in sc1].index("name_seat")
    for number in range(6):
        until = checked if number < 5 else 1
        served.replay([{**step, "case": f"case {number}"} for step in sc1[:until]])
    published(served.house, next_version(DATA, 2, shorter))
    return served


@pytest.fixture
def drafts(house: Served) -> tuple[str, str]:
    """The addresses of two drafts that were worked out and looked from: of a third version, of a new protocol."""
    actor = house.player.actors[FIRST]
    phare = (DEFINITIONS.parent / "fr-phare" / "1.yaml").read_bytes()
    ids = [
        publishing_service.upload(house.house, actor, content, "protocole.yaml")
        for content in (next_version(DATA, 3, shorter, without_notes), phare)
    ]
    publishing_service.work_out(house.house, lambda _content, _before: REPORT)
    return f"/protocols/drafts/{ids[0]}", f"/protocols/drafts/{ids[1]}"


def numbers(house: Served, outcome: str) -> list[str]:
    """The cases of which that would become."""
    listed = move_case.see_open_cases(house.house, house.player.actors[FIRST], KEY, 1, 2)
    return [line.number for line in listed.of(outcome)]


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_axe_finds_nothing_on_any_of_these_pages(
    house: Served, drafts: tuple[str, str], sit: Sit, language: str
) -> None:
    speak(house, language)
    asks, can = (f"{PAIR}/cases/{numbers(house, outcome)[0]}" for outcome in ("asks", "moves"))
    for size, scheme in ((PHONE, "light"), (DESKTOP, "dark")):
        person = Inspector(sit(house, FIRST, language, size, True))
        person.page.emulate_media(color_scheme=scheme)
        person.visit("/protocols", f"{PAIR}/difference", f"{PAIR}/cases", asks, can, *drafts)
        refused(person, asks)
        is_fine(house, person)
        person.page.close()


def refused(person: Inspector, address: str) -> None:
    """The form without a reason."""
    page = person.page
    person.person.open(address)
    page.locator("#reason").evaluate("one => one.removeAttribute('required')")
    go_by(page.locator("main form.stack button"))
    expect(page.locator(".errors")).to_be_visible()
    person.look(f"{address}, 422")


def test_the_control_a_bar_without_a_name_is_found(house: Served, drafts: tuple[str, str], sit: Sit) -> None:
    speak(house, "fr")
    person = Inspector(sit(house, FIRST, "fr", PHONE, True))
    person.person.open(drafts[0])
    person.page.locator("main").evaluate(
        """main => main.insertAdjacentHTML("beforeend", '<div role="progressbar" aria-valuenow="3"></div>')"""
    )
    person.look("spoilt")
    assert {one.rule for one in person.spoilt} == {"aria-progressbar-name"}
    person.page.close()


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_on_a_phone_without_a_script_a_case_is_looked_at_and_moved(serve: Serve, sit: Sit, language: str) -> None:
    house = serve("2026-10-05T09:00", language)
    administrator(house, FIRST, "protocole", language)
    for number in range(2):
        house.replay([{**story("sc1")[0], "case": f"case {number}"}])
    published(house.house, next_version(DATA, 2, shorter))
    person = sit(house, FIRST, language, PHONE)
    main = person.page.locator("main")
    person.open("/protocols")
    person.follow(person._("What changed since version %(number)s, and the open cases", number=1))
    person.follow(person._("See what becomes of them"))
    expect(main).to_contain_text(person.w.ngettext("One case can follow", "%(num)d cases can follow", 2))
    main.locator(".numbers a").first.click()
    person.page.locator("#reason").fill("Nouvelle version")
    person.press(person._("Let this case follow version %(version)s", version=2))
    expect(person.said()).to_have_text(person._("The case follows the new version from now on."))
    expect(main).to_contain_text(person.w.ngettext("One case can follow", "%(num)d cases can follow", 1))
    assert person.wide == []
