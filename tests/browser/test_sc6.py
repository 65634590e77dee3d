"""SC6, the farewell story, on a tablet: from the urgent first half hour to the closing after ninety days, by pages.

The interface is French, what people say is in Darija and Arabic.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .conftest import Serve, Sit
from .served import story
from .team import Team

pytestmark = pytest.mark.exhaustive

TABLET = (768, 1024)


@pytest.fixture(scope="module")
def team(serve: Serve, sit: Sit) -> Team:
    house = serve("2026-09-14T11:04")
    return Team(house, story("sc6"), lambda role: sit(house, role, "fr", TABLET))


def test_sc6_from_the_yard_to_closure(team: Team) -> None:
    raised(team)
    looked_after(team)
    team.follow(team.at("F6") + 1, team.at("taken_over"))
    taken_over(team)
    team.follow(team.at("name_seat"), team.at("F11", 2))
    prosecutor(team)
    team.follow(team.at("F11", 2) + 1, team.at("F8"))
    grid(team)
    team.follow(team.at("F8") + 1, team.at("F14"))
    closure(team)
    assert team.wide() == []


def raised(team: Team) -> None:
    """11:05. A teacher raises the danger in two taps; the receipt shows the numbers and what to do, not the case."""
    team.house.turn_to(team.steps[0]["at"])
    teacher = team["declarant"]
    teacher.open("/")
    teacher.follow("Signaler une situation")
    teacher.count_anew()
    teacher.follow("Un(e) élève est en danger maintenant")
    teacher.press("Idées suicidaires, automutilation, message d’adieu")
    assert (teacher.taps, teacher.answers) == (2, 0)
    expect(teacher.page.locator("h1")).to_have_text("Votre signalement")
    teacher.numbers_first()
    expect(teacher.page.locator("main a.call[href='tel:15']")).to_be_visible()
    expect(teacher.page.locator("[aria-labelledby=first-1]")).to_contain_text("Idées suicidaires")
    expect(teacher.page.locator("[aria-labelledby=first-1] .firsts")).to_be_visible()
    member = team["membre_er"]
    member.discover()
    expect(member.page.locator("main .case").first).to_contain_text("1 danger")


def looked_after(team: Team) -> None:
    """11:09 to 11:35. The teacher, who can't see the case, notes on the receipt what falls to whoever stands there."""
    teacher = team["declarant"]
    team.house.turn_to("2026-09-14T11:09")
    teacher.note("Prévenu de vive voix", "Chef d’établissement")
    expect(teacher.said()).to_have_text("Enregistré : Noter qui a été prévenu de vive voix.")
    assert (teacher.taps, teacher.answers) == (3, 0)
    team.house.turn_to(team.steps[team.at("F11")]["at"])
    teacher.follow("Saisir un service")
    teacher.fill(team.house.protocol.acts["referral"], team.told("F11"))
    teacher.send()
    expect(teacher.said()).to_have_text("Enregistré : Saisir un service.")
    expect(teacher.page.locator("h1")).to_have_text("Votre signalement")
    expect(teacher.page.locator("main")).not_to_contain_text("إيمان")
    team.follow(team.at("F2"), team.at("F6"))
    member = team["membre_er"]
    member.page.reload()
    expect(member.page.locator("main")).to_contain_text("إيمان الزياني بوعزة")
    team.follow(team.at("F6"), team.at("F6") + 1)
    head = team["directeur"]
    expect(head.page.locator("main")).to_contain_text("فاطمة بوعزة")
    expect(head.page.locator("main .cases")).to_have_count(0)


def taken_over(team: Team) -> None:
    """12:05. Her parents take her over; who, and nothing of a diagnosis."""
    member = team.begin("taken_over")
    member.follow("Premières minutes : qui appeler, que faire")
    member.follow("Aller au dossier")
    member.write(team.house.protocol.acts["taken_over"], team.told("taken_over"))
    expect(member.said()).to_have_text("Enregistré : Noter qui a pris l’élève en charge.")


def prosecutor(team: Team) -> None:
    """J1. The letter to the prosecutor is the head's."""
    team.follow(team.at("F11", 2), team.at("F11", 2) + 1)
    head = team["directeur"]
    expect(head.page.locator("[aria-labelledby=referrals]")).to_contain_text("Procureur du Roi")


def grid(team: Team) -> None:
    """J2. The grid, mark by mark: 34, and with the danger level 4."""
    team.follow(team.at("F8"), team.at("F8") + 1)
    member = team["membre_er"]
    entry = member.page.locator(".log li").filter(has_text="Remplir la grille d’évaluation").first
    expect(entry).to_contain_text("34")


def closure(team: Team) -> None:
    """J95. Propose, the head's visa, refused without the directorate's, and closed with it."""
    team.follow(team.at("F14"))
    assert team.house.state() == "closed"
    head = team["directeur"]
    expect(head.page.locator("main .meta")).to_contain_text("Dossier clos")
    expect(head.page.locator("main .meta")).to_contain_text("Critique")
