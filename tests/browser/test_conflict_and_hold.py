"""On a phone, without JavaScript, in French and in Arabic: a report that the head must not read, and a family on hold.

Nothing on any page visited runs the wrong way or sticks out of 360 pixels.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from school_protocol.storage.case_numbers import format_number

from .conftest import PHONE, Serve, Sit
from .person import Person
from .served import Served
from .team import Team

LANGUAGES = ("fr", "ar")
REPORT = {"what_happened": "« Ils ont recommencé »", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}
FATHER, MOTHER = "Driss Alami", "Amal Alami"


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def team(language: str, serve: Serve, sit: Sit) -> Team:
    house = serve("2026-10-06T09:10", language)
    return Team(house, [], lambda role: sit(house, role, language, PHONE))


def reported(house: Served, case: str = "") -> None:
    """A case that the team opened, without a browser."""
    pupil = [{"slot": "targeted_pupil", "name": "Hiba K."}]
    answers = {**REPORT, "about_whom": pupil}
    house.replay([{"at": "2026-10-06T09:12", "as": "membre_er", "do": "F1", "case": case, "answers": answers}])


# ---- a conflict of the head ----------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_report_that_the_head_must_not_read(team: Team) -> None:
    house = team.house
    reported(house, "other")
    member, head, supervisor = team["membre_er"], team["directeur"], team["superviseur_dp"]
    head.open("/")
    expect(head.page.locator("main .cases a")).to_have_count(1)
    member.open("/reports/new")
    member.fill(house.protocol.acts["report"], {**REPORT, "must_not_read": ["@directeur"]})
    member.send()
    house.adopt(member.page.url.split("/")[4])
    assert house.number != house.player.numbers["other"]
    member.open("/")
    expect(member.page.locator("main .cases a")).to_have_count(2)
    nothing_of_it(head, house)
    acted_upon(supervisor, house)
    nothing_of_it(head, house)
    assert team.wide() == []


def nothing_of_it(head: Person, house: Served) -> None:
    """Only the other case: in the list, in the week, by its number and by its address."""
    number = format_number(house.number)
    for path in ("/", "/?filter=late", "/?filter=today", "/?view=week", "/team/hand-over"):
        head.open(path)
        expect(head.page.locator("main")).not_to_contain_text(number)
    head.open("/")
    expect(head.page.locator("main .cases a")).to_have_count(1)
    for address in (f"/cases/{house.number}", f"/cases/{house.number}/case-file"):
        head.open(address)
        expect(head.page.locator("h1")).to_have_text(head._("This page was not found"))
    head.open(f"/cases/{house.player.numbers['other']}")
    expect(head.page.locator("h1")).not_to_have_text(head._("This page was not found"))


def acted_upon(supervisor: Person, house: Served) -> None:
    """The directorate sees it, and says who heads it instead."""
    supervisor.open_case()
    act = house.protocol.acts["name_seat"]
    supervisor.write(act, {"seat": "acting_head", "account": "@superviseur_dp", "reason": "Conflit d’intérêts"})
    expect(supervisor.page.locator("main")).to_contain_text(
        house.protocol.seats["acting_head"].title.in_language(supervisor.language)
    )


# ---- a family on hold ----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_family_on_hold(team: Team) -> None:
    house = team.house
    reported(house)
    member, head, lead = team["membre_er"], team["directeur"], team["referent_er"]
    danger_at_home(member)
    father_on_hold(member, head, house)
    every_guardian_is_told_nothing(member, house)
    lifted_by_two(lead, head, house, "1")
    house.replay(
        [{"as": "directeur", "do": "add_slot", "answers": {"persons": [{"slot": "guardian", "name": MOTHER}]}}]
    )
    the_mother_alone(member, house)
    lifted_by_two(lead, head, house, "2")
    member.open_case()
    member.tap(member.way_to(house.protocol.acts["inform_guardian"]))
    expect(offered(member, FATHER)).to_have_count(1)
    assert team.wide() == []


def hold_of(person: Person, number: str) -> Locator:
    return person.page.locator("[aria-labelledby=holds] li").filter(has_text=person._("Hold %(number)s", number=number))


def offered(person: Person, name: str) -> Locator:
    return person.page.locator("main form .options label").filter(has_text=name)


def danger_at_home(member: Person) -> None:
    """The danger places the hold by itself, before anybody signs."""
    member.open_case()
    member.raise_danger("home_danger")
    member.follow(member._("Go to the case"))
    expect(hold_of(member, "1")).to_contain_text(member._("Every guardian"))
    expect(hold_of(member, "1")).to_contain_text(member._("Stands, to be confirmed"))


def father_on_hold(member: Person, head: Person, house: Served) -> None:
    act = house.protocol.acts["guardian_hold"]
    member.write(act, {"guardian": {"slot": "guardian", "name": FATHER}, "reason": "home_danger"})
    expect(hold_of(member, "2")).to_contain_text(member._("Stands, to be confirmed"))
    head.open_case()
    head.sign_waiting(act)
    head.open_case()
    expect(hold_of(head, "2")).not_to_contain_text(head._("Stands, to be confirmed"))
    expect(hold_of(head, "2")).to_contain_text(head._("Stands"))


def every_guardian_is_told_nothing(member: Person, house: Served) -> None:
    """Nobody is offered, and somebody new is refused, whatever the name."""
    act = house.protocol.acts["inform_guardian"]
    member.open_case()
    member.tap(member.way_to(act))
    member.fill(
        act,
        {"who": {"slot": "guardian", "name": FATHER}, "safe_to_tell": "yes", "relation": "father", "result": "told"},
    )
    refused(member, house)


def refused(member: Person, house: Served) -> None:
    """Sent, it says that there is a hold and who can review it; nothing is recorded."""
    before = house.events()
    expect(member.page.locator("main form .hint").filter(has_text=FATHER)).to_have_count(1)
    expect(offered(member, FATHER)).to_have_count(0)
    member.send()
    said = member.page.locator("main .errors")
    for role in house.protocol.acts["hold_review"].by:
        expect(said).to_contain_text(member.w.role(house.protocol, role))
    assert house.events() == before


def the_mother_alone(member: Person, house: Served) -> None:
    """What was typed is still there, and still refused; emptied, the form offers her, and not him."""
    act = house.protocol.acts["inform_guardian"]
    member.open_case()
    member.tap(member.way_to(act))
    refused(member, house)
    member.open_case()
    member.tap(member.way_to(act))
    member.tap(member.page.locator("main form[action$='/drafts/forget'] button"))
    expect(offered(member, MOTHER)).to_have_count(1)
    expect(offered(member, FATHER)).to_have_count(0)
    member.fill(act, {"who": "guardian-2", "safe_to_tell": "yes", "relation": "mother", "result": "told"})
    member.send()
    member.recorded(act.title.in_language(member.language))


def lifted_by_two(lead: Person, head: Person, house: Served, number: str) -> None:
    """One signature lifts nothing; the second does."""
    act = house.protocol.acts["hold_review"]
    lead.open_case()
    lead.write(act, {"hold": number, "decision": "lift", "reason": "Une tante est là"})
    expect(hold_of(lead, number)).not_to_contain_text(lead._("No longer on hold"))
    head.open_case()
    head.sign_waiting(act)
    head.open_case()
    expect(hold_of(head, number)).to_contain_text(head._("No longer on hold"))
