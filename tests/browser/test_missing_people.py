"""On a phone, without JavaScript, in French and in Arabic: somebody leaves, the next team gets a page of the case."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from school_protocol.storage.case_numbers import format_number

from .conftest import PHONE, Serve, Sit
from .person import Person
from .served import Served, story
from .team import Team


@pytest.fixture(params=("fr", "ar"))
def team(request: pytest.FixtureRequest, serve: Serve, sit: Sit) -> Team:
    language = str(request.param)
    house = serve("2026-10-05T08:00", language)
    return Team(house, story("sc1"), lambda role: sit(house, role, language, PHONE))


@pytest.mark.exhaustive
def test_who_leaves_hands_the_case_over_and_the_next_team_gets_a_page_of_it(team: Team) -> None:
    house = team.house
    house.replay(team.steps[: team.at("F3") + 1])
    lead, head = team["membre_er"], team["directeur"]
    cannot_leave_yet(lead, house)
    gives_the_place(head, house)
    leaves(lead)
    handed_over(head, house)
    assert team.wide() == []


def to_leave(person: Person) -> None:
    person.open("/team")
    person.follow(person._("I leave the team"))


def cannot_leave_yet(lead: Person, house: Served) -> None:
    to_leave(lead)
    held = lead.page.locator("main [aria-labelledby=held]")
    expect(held).to_contain_text(format_number(house.number))
    expect(held).to_contain_text(house.protocol.seats["lead"].title.in_language(lead.language))
    expect(lead.page.locator("main form")).to_have_count(0)


def gives_the_place(head: Person, house: Served) -> None:
    head.open_case()
    head.write(house.protocol.acts["name_seat"], {"seat": "lead", "account": "@membre_er/2"})
    expect(head.page.locator("main")).to_contain_text(house.protocol.seats["lead"].title.in_language(head.language))


def leaves(lead: Person) -> None:
    to_leave(lead)
    lead.page.locator("main form [name=a-reason]").first.check(force=True)
    lead.page.locator("main form [name=a-sentence]").fill("—")
    lead.send()
    lead.page.goto(f"{lead.served.url}/")
    expect(lead.page.locator("main .cases a")).to_have_count(0)


def handed_over(head: Person, house: Served) -> None:
    """One leaf for the case: where it stands, who does what, and a note to be read; nobody's name, nobody's words."""
    head.open("/team/hand-over")
    leaf = head.page.locator("main article.leaf")
    expect(leaf).to_have_count(1)
    expect(leaf).to_contain_text(format_number(house.number))
    for part in ("Yasmine", "ياسمين", "statue"):
        expect(leaf).not_to_contain_text(part)
    head.follow(head._("Write the hand-over note"))
    head.fill(house.protocol.acts["note"], {"text": "[EV1]"})
    head.send()
    head.open("/team/hand-over")
    expect(leaf).to_contain_text(house.protocol.acts["note"].title.in_language(head.language))
