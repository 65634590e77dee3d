"""On a phone, without JavaScript, in French and in Arabic: a referral that nobody answered is chased.

The directorate finds it in the register, narrowed to what is silent and to one service; whom to call is kept by the
academy, found right today; what came back is noted, and the list is there again as it was.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from school_protocol.storage.case_numbers import format_number

from .conftest import PHONE, Serve, Sit
from .person import Person
from .served import story
from .team import Team


@pytest.fixture(params=("fr", "ar"))
def team(request: pytest.FixtureRequest, serve: Serve, sit: Sit) -> Team:
    language = str(request.param)
    house = serve("2026-10-06T08:00", language)
    return Team(house, story("sc3"), lambda role: sit(house, role, language, PHONE))


@pytest.mark.exhaustive
def test_a_referral_is_chased(team: Team) -> None:
    house = team.house
    sent = team.at("t_send", 3) + 1
    house.replay(team.steps[:sent])
    directorate, academy = team["superviseur_dp"], team["superviseur_aref"]
    nothing_is_silent(directorate)
    house.turn_to("2026-10-12T10:00")
    registered(academy, directorate)
    chased(directorate, house.number)
    assert house.events() > 0
    assert team.wide() == []


def nothing_is_silent(person: Person) -> None:
    """Just sent: each is awaited, none silent."""
    person.open("/")
    person.tap(person.page.locator("header nav").get_by_role("link", name=person._("Referrals")))
    expect(person.page.locator("main .cases > li").first).to_contain_text(person._("Answer awaited"))
    person.follow(person._("Silent"))
    expect(person.page.locator("main")).to_contain_text(person._("No service is silent."))


def registered(academy: Person, directorate: Person) -> None:
    """The academy keeps the number of the prosecutor’s cell."""
    academy.open("/referrals")
    academy.follow(academy._("Directory of contacts"))
    academy.follow(academy._("Add a contact"))
    form = academy.page.locator("main form.card")
    form.locator("[name=a-target]").select_option("prosecutor")
    form.locator("[name=a-unit]").first.check()
    form.locator("[name=a-name_fr]").fill("Cellule du tribunal")
    form.locator("[name=a-name_ar]").fill("خلية المحكمة")
    form.locator("[name=a-phone]").fill("+212 537 88 00 11")
    form.locator("[name=a-verified][value=no]").check()
    academy.press(academy._("Add"))
    line = academy.page.locator("main li[id^=contact-]").filter(has_text="+212 537 88 00 11")
    expect(line).to_contain_text(academy._("Not verified yet"))
    academy.tap(line.get_by_role("button", name=re.compile(academy._("Found right today"))))
    expect(line).not_to_contain_text(academy._("Not verified yet"))
    expect(line.locator("a[href^='tel:']")).to_have_attribute("href", "tel:+212537880011")


def chased(person: Person, number: str) -> None:
    person.open("/referrals?show=silent")
    main = person.page.locator("main")
    service = person.served.protocol.targets["prosecutor"].title.in_language(person.language)
    main.locator("#target").select_option(label=service)
    person.press(person._("Show"))
    narrowed = person.page.url
    lines = main.locator(".cases > li")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text(format_number(number))
    person.tap(lines.first.get_by_role("link", name=re.compile(person._("Note what came back"))))
    form = main.locator("form.card")
    form.locator("[name=a-outcome][value=answered]").check()
    person.press(person._("Record"))
    expect(person.page).to_have_url(narrowed)
    expect(lines).to_have_count(1)
    person.follow(person._("Settled"))
    expect(lines).to_have_count(1)
    person.page.go_back()
    expect(person.page).to_have_url(narrowed)
    expect(lines).to_have_count(1)
