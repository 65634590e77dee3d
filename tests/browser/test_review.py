"""Those above the school at their desk: a visa refused and given, a file remarked on and answered, a head concerned."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from school_protocol.domain.protocol import Protocol
from school_protocol.storage.numbers import format_number

from .conftest import PHONE, Serve, Sit
from .person import Person
from .served import Served, Step, story
from .team import Team

REASON = "Il manque l’avis de [EV1] sur la fin de l’accompagnement."
QUESTION = "Qui suit [EV1] pendant les vacances ?"
ANSWER = "L’appui psychosocial, chaque semaine."


def steps_until(name: str, last: str, at: str) -> list[Step]:
    """The steps of a story up to the first `last` at that moment, which is done too."""
    steps = story(name)
    place = next(place for place, one in enumerate(steps) if one["do"] == last and one["at"] == at)
    return steps[: place + 1]


@pytest.fixture(scope="module")
def closing(serve: Serve, sit: Sit) -> Team:
    """The farewell story, after ninety days, as its closing at a grave level is proposed."""
    steps = steps_until("sc6", "t_prop_close", "2026-12-18T11:00")
    house = serve("2026-09-14T11:04")
    house.replay(steps)
    return Team(house, steps, lambda role: sit(house, role, "fr", PHONE if role == "team_coordinator" else (1280, 900)))


def waiting(person: Person) -> list[str]:
    """Why cases wait, as the queue of this person says it."""
    person.open("/review")
    return person.page.locator("main .waits li").all_inner_texts()


def title(protocol: Protocol, part: str, key: str) -> str:
    return str(getattr(protocol, part)[key].title.in_language("fr"))


def card(person: Person) -> Callable[[str], None]:
    """What the page of the case says of its review."""
    return lambda text: expect(person.page.locator("[aria-labelledby=review]")).to_contain_text(text)


# ---- a province gives and refuses a visa -----------------------------------------------------------------------------


def test_a_province_refuses_a_visa_and_gives_it_the_second_time(closing: Team) -> None:
    house, province = closing.house, closing["superviseur_dp"]
    house.turn_to("2026-12-18T14:00")
    (why,) = waiting(province)
    assert why.startswith("Attend le visa")
    expect(province.page.locator("main")).not_to_contain_text("إيمان")
    province.count_anew()
    province.follow(format_number(house.number))
    province.follow("Refuser le visa et renvoyer")
    expect(province.page.locator("[aria-labelledby=change]")).to_contain_text(
        title(house.protocol, "moves", "refuse_close")
    )
    province.press("Refuser le visa et renvoyer")
    expect(province.page.locator("main .errors")).to_be_visible()
    province.say("Vos motifs", REASON)
    province.press("Refuser le visa et renvoyer")
    expect(province.said()).to_contain_text("Le visa est refusé.")
    assert house.state() == "follow_up_reinforced"
    assert waiting(province) == []

    coordinator = closing["referent_er"]
    coordinator.open(f"/cases/{house.number}")
    card(coordinator)("Il manque l’avis de")
    card(coordinator)("EV1 · إيمان الزياني بوعزة")
    house.replay([{"at": "2026-12-18T16:00", "as": "referent_er", "do": "t_prop_close"}])

    house.turn_to("2026-12-19T09:00")
    assert [one.startswith("Attend le visa") for one in waiting(province)] == [True]
    province.follow(format_number(house.number))
    province.write(house.protocol.acts["directorate_visa"], {"decision": "given"})
    assert waiting(province) == []
    coordinator.open(f"/cases/{house.number}")
    card(coordinator)("Visé")
    assert closing.wide() == []


# ---- an academy reads a file, remarks, and sees the answer -----------------------------------------------------------


def test_an_academy_reads_a_file_remarks_and_sees_the_answer(serve: Serve, sit: Sit) -> None:
    steps = _first("sc6", "F6")
    house = serve("2026-09-14T11:04")
    house.replay(steps)
    team = Team(house, steps, lambda role: sit(house, role, "fr", PHONE if role == "academy" else (1280, 900)))
    academy, head = team["superviseur_aref"], team["directeur"]
    academy.open(f"/cases/{house.number}")
    entry = academy.page.locator(".log li").filter(has_text=title(house.protocol, "acts", "safety_check")).first
    academy.tap(entry.get_by_role("link", name="Faire une observation"))
    academy.say("Votre observation", "Qui suit إيمان الزياني بوعزة ?")
    academy.press("Joindre cette observation")
    expect(academy.page.locator("main .errors")).to_be_visible()
    academy.say("Votre observation", QUESTION)
    academy.press("Joindre cette observation")
    card(academy)("Une observation attend la réponse de l’équipe.")
    assert not [one for one in waiting(academy) if one.startswith("L’équipe a répondu")]

    head.open("/")
    expect(head.page.locator("main .cases")).to_contain_text("Observations à traiter")
    head.open(f"/cases/{house.number}")
    made = head.page.locator("[aria-labelledby=remarked] li")
    expect(made).to_contain_text("Qui suit")
    expect(made).to_contain_text(title(house.protocol, "acts", "safety_check"))
    head.say(head._("How, in a sentence (if you like)"), ANSWER)
    head.tap(made.get_by_role("button"))
    head.open(f"/cases/{house.number}")
    card(head)("Complété par l’équipe")

    assert [one for one in waiting(academy) if one.startswith("L’équipe a répondu aux observations")]
    academy.follow(format_number(house.number))
    academy.open(f"/cases/{house.number}/remarks")
    expect(academy.page.locator("main")).to_contain_text(ANSWER)
    academy.open(f"/cases/{house.number}/review/examined")
    academy.press("Examiné : rien de plus n’est demandé")
    assert not [one for one in waiting(academy) if one.startswith("L’équipe a répondu")]
    assert team.wide() == []


def _first(name: str, do: str) -> list[Step]:
    steps = story(name)
    return steps[: next(place for place, one in enumerate(steps) if one["do"] == do) + 1]


# ---- a head implicated -----------------------------------------------------------------------------------------------


def test_a_head_implicated_comes_to_the_province_by_itself(serve: Serve, sit: Sit) -> None:
    house = serve("2026-10-12T09:55")
    steps = story("staff_concerned")[:1]
    house.replay(steps)
    team = Team(house, steps, lambda role: sit(house, role, "fr", (1280, 900)))
    province, head = team["superviseur_dp"], team["directeur"]
    (why,) = waiting(province)
    assert why.startswith("Le chef d’établissement n’y prend pas part")
    for path in ("/review", f"/cases/{house.number}", f"/cases/{house.number}/conformance"):
        head.open("/")
        assert head.page.goto(house.url + path).status == 404  # type: ignore[union-attr]
    province.follow(format_number(house.number))
    seat = {"seat": "acting_head", "account": "@superviseur_dp", "reason": "Le chef d’établissement est un proche."}
    province.do({"at": "2026-10-12T10:45", "as": "superviseur_dp", "do": "name_seat", "answers": seat})
    assert waiting(province) == []
    province.open(f"/cases/{house.number}/conformance")
    expect(province.page.locator("h1")).to_have_text("Respect du protocole")
    assert team.wide() == []


def test_what_somebody_chose_stays_over_back_and_forth_and_an_action(closing: Team) -> None:
    """Narrowed by kind: kept in the address, over a case and back, and the next time."""
    house: Served = closing.house
    province = closing["superviseur_dp"]
    province.open("/review")
    province.choose("Pourquoi ils attendent", "Visa")
    province.press("Afficher")
    assert "kind=visa" in province.page.url
    province.open(f"/cases/{house.number}")
    province.page.go_back(wait_until="load")
    assert "kind=visa" in province.page.url
    expect(province.page.locator("main #kind")).to_have_value("visa")
    province.open("/review")
    expect(province.page.locator("main #kind")).to_have_value("visa")
    province.follow("Afficher tout ce qui attend")
    expect(province.page.locator("main #kind")).to_have_value("")
