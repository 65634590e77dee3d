"""On a phone, without JavaScript, in French and in Arabic: somebody is missing, and the case goes on.

The coordinator is away: a substitute validates the assessment, with a second signature from a neighbour school.
Somebody leaves: their case is handed over first, and the next team gets a page of it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from playwright.sync_api import expect

from school_protocol.auth import repository as auth_repository
from school_protocol.context import REALM
from school_protocol.engine.visibility import UnitKind
from school_protocol.storage.case_numbers import format_number

from .conftest import PHONE, Serve, Sit
from .person import Person
from .served import Served, story
from .served import _hashed as hashed
from .team import Team

NEIGHBOUR = "team_member/9"


@pytest.fixture(params=("fr", "ar"))
def team(request: pytest.FixtureRequest, serve: Serve, sit: Sit) -> Team:
    language = str(request.param)
    house = serve("2026-10-05T08:00", language)
    return Team(house, story("sc1"), lambda role: sit(house, role, language, PHONE))


# ---- the coordinator is away -----------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_substitute_validates_with_a_signature_from_a_neighbour_school(team: Team) -> None:
    house = team.house
    beside(house, team["directeur"].language)
    house.replay(team.steps[: team.at("F9")])
    head, substitute, neighbour = team["directeur"], team["membre_er/2"], team[NEIGHBOUR]
    neighbour.open("/")
    expect(neighbour.page.locator("main .cases a")).to_have_count(0)
    seated(head, house, "substitute", "@membre_er/2")
    seated(head, house, "second", f"@{NEIGHBOUR}")
    minutes(substitute, house, team)
    cannot_validate(substitute, house)
    signed_from_afar(neighbour, house)
    substitute.open_case()
    expect(substitute.page.locator("main")).not_to_contain_text(house.player.actors[NEIGHBOUR].id)
    substitute.move(house.protocol.moves["validate_assessment"].title.in_language(substitute.language), {})
    assert house.state() == "assessment_validated"
    assert team.wide() == []


def beside(house: Served, language: str) -> None:
    """A school of the same province, with somebody trained in it."""
    with house.house.directory.writing() as session:
        here = auth_repository.unit(session, house.player.school)
        school = auth_repository.add_unit(
            session, kind=UnitKind.school, code="00001B", names={"fr": "Collège voisin", "ar": "إعدادية الجوار"},
            parent=here.parents[0],
        )  # fmt: skip
        account = auth_repository.add_account(
            session, username="voisine", names={"fr": "Malika Idrissi", "ar": "مليكة الإدريسي"}, language=language,
            created_at=house.clock.now(), password_hash=hashed(), certified=True, trained_until=date(2099, 12, 31),
        )  # fmt: skip
        auth_repository.appoint(session, account, role="team_member", unit=school, starts=date(2000, 1, 1))
        actor = auth_repository.actor(session, account, realm=REALM, today=datetime.now(UTC).date())
    assert actor is not None
    house.player.actors[NEIGHBOUR] = actor
    house.usernames = {**house.usernames, NEIGHBOUR: "voisine"}


def seated(head: Person, house: Served, seat: str, account: str) -> None:
    """Given by name; whoever works at another school is known by it, before and after."""
    head.open_case()
    head.tap(head.way_to(house.protocol.acts["name_seat"]))
    elsewhere = head.page.locator("main form select[name=a-account] option").filter(has_text="Malika Idrissi")
    if head.language == "fr" and NEIGHBOUR in account:
        expect(elsewhere).to_contain_text("Collège voisin")
    head.open_case()
    head.write(house.protocol.acts["name_seat"], {"seat": seat, "account": account})
    expect(head.page.locator("main")).to_contain_text(house.protocol.seats[seat].title.in_language(head.language))


def minutes(substitute: Person, house: Served, team: Team) -> None:
    """The substitute writes as the coordinator would, and signs first."""
    said = {**team.told("F9"), "present": ["@membre_er/2", "@membre_er"]}
    said.pop("level")
    substitute.open_case()
    substitute.write(house.protocol.acts["minutes"], said)


def cannot_validate(substitute: Person, house: Served) -> None:
    """With one signature the step is closed, and says that it waits for one; nothing is said to be missing."""
    title = house.protocol.moves["validate_assessment"].title.in_language(substitute.language)
    way = substitute.page.locator("main .ways > li").filter(has_text=title)
    expect(way.get_by_role("link", name=title, exact=True, include_hidden=True)).to_have_count(0)
    expect(way.first).to_contain_text(substitute._("It is written, and waits for a signature."))
    expect(way.first.locator(f"a[href$='/entries/{house.latest('minutes')}']")).to_have_count(1)


def signed_from_afar(neighbour: Person, house: Served) -> None:
    """The neighbour finds on her own desk the one thing that waits for her, and reads what she signs."""
    neighbour.open_case()
    neighbour.sign_waiting(house.protocol.acts["minutes"])


# ---- somebody leaves -------------------------------------------------------------------------------------------------


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
    seated(head, house, "lead", "@membre_er/2")


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
