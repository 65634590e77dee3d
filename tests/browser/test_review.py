"""Those above the school, in French at a desk and in Arabic on a phone: visas, remarks at their place, a head named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from school_protocol.storage.case_numbers import format_number

from .conftest import DESKTOP, PHONE, Serve, Sit
from .person import Person
from .served import Served, Step, story
from .team import Team

REASON = "Il manque l’avis de [EV1] sur la fin de l’accompagnement."
QUESTION = "Qui suit [EV1] pendant les vacances ?"
ANSWER = "L’appui psychosocial, chaque semaine."
ASKED = "Où en est-on ?"
WAITS = ("One observation waits for the team’s answer.", "%(num)d observations wait for the team’s answer.")
ANSWERED: list[Step] = [
    {"at": "2026-12-18T15:00", "as": "referent_er", "do": "t_prop_close", "expect": "refused"},
    {
        **next(step for step in story("sc6") if step["do"] == "F13" and step["at"] == "2026-12-18T10:00"),
        "at": "2026-12-18T15:30",
    },
    {"at": "2026-12-18T16:00", "as": "referent_er", "do": "t_prop_close"},
]
"""What was refused is proposed again once another follow-up answers it, and not before."""
MISSING = "evidence"
SIZES = {"fr": DESKTOP, "ar": PHONE}


def steps_until(name: str, last: str, at: str) -> list[Step]:
    """The steps of a story up to the first `last` at that moment, which is done too."""
    steps = story(name)
    place = next(place for place, one in enumerate(steps) if one["do"] == last and one["at"] == at)
    return steps[: place + 1]


@pytest.fixture(scope="module", params=list(SIZES))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def seated(house: Served, steps: list[Step], sit: Sit, language: str) -> Team:
    return Team(house, steps, lambda role: sit(house, role, language, SIZES[language]))


@pytest.fixture(scope="module")
def closing(serve: Serve, sit: Sit, language: str) -> Team:
    """The farewell story, after ninety days, as its closing at a grave level is proposed."""
    steps = steps_until("sc6", "t_prop_close", "2026-12-18T11:00")
    house = serve("2026-09-14T11:04", language)
    house.replay(steps)
    return seated(house, steps, sit, language)


def waiting(person: Person) -> list[str]:
    """Why cases wait, as the queue of this person says it."""
    person.open("/review")
    return person.page.locator("main .waits li").all_inner_texts()


def waits(person: Person, why: str) -> bool:
    return any(one.startswith(person._(why)) for one in waiting(person))


def title(person: Person, part: str, key: str) -> str:
    return str(getattr(person.served.protocol, part)[key].title.in_language(person.language))


def card(person: Person) -> Callable[[str], None]:
    """What the page of the case says of its review."""
    return lambda text: expect(person.page.locator("[aria-labelledby=review]")).to_contain_text(text)


# ---- a province gives and refuses a visa -----------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_province_refuses_a_visa_and_gives_it_the_second_time(closing: Team) -> None:
    house, province = closing.house, closing["superviseur_dp"]
    refuse, visa = province._("Refuse the visa and send back"), "Waits for the visa"
    house.turn_to("2026-12-18T14:00")
    assert waits(province, visa)
    expect(province.page.locator("main")).not_to_contain_text("إيمان")
    province.follow(format_number(house.number))
    province.follow(refuse)
    expect(province.page.locator("[aria-labelledby=change]")).to_contain_text(title(province, "moves", "refuse_close"))
    province.press(refuse)
    expect(province.page.locator("main .errors")).to_be_visible()
    province.say(province._("Your reasons"), REASON)
    province.press(refuse)
    expect(province.said()).to_contain_text(
        province._("The visa is refused. The team reads your reasons, and is told.")
    )
    assert house.state() == "follow_up_reinforced"
    assert waiting(province) == []

    coordinator = closing["referent_er"]
    coordinator.open(f"/cases/{house.number}")
    card(coordinator)(coordinator._("Sent back"))
    refused = coordinator.page.locator("[aria-labelledby=next] .alert")
    expect(refused).to_contain_text("Il manque l’avis de")
    expect(refused).to_contain_text("EV1 · إيمان الزياني بوعزة")
    house.replay(ANSWERED)

    house.turn_to("2026-12-19T09:00")
    assert waits(province, visa)
    province.follow(format_number(house.number))
    province.write(house.protocol.acts["directorate_visa"], {"decision": "given"})
    assert waiting(province) == []
    coordinator.open(f"/cases/{house.number}")
    card(coordinator)(coordinator._("Visa given"))
    assert closing.wide() == []


# ---- an academy reads a file, remarks, and sees the answer -----------------------------------------------------------


@pytest.mark.exhaustive
def test_an_academy_remarks_on_an_entry_and_a_missing_form_and_sees_the_answers_there(
    serve: Serve, sit: Sit, language: str
) -> None:
    steps = _first("sc6", "F6")
    house = serve("2026-09-14T11:04", language)
    house.replay(steps)
    team = seated(house, steps, sit, language)
    academy, head, case = team["superviseur_aref"], team["directeur"], f"/cases/{house.number}"
    answered = "The team has answered the observations"
    academy.open(case)
    entry = academy.page.locator(".log li").filter(has_text=title(academy, "acts", "safety_check")).first
    academy.tap(entry.get_by_role("link", name=academy._("Make an observation")))
    attach, words = academy._("Attach this observation"), academy._("Your observation")
    academy.say(words, "Qui suit إيمان الزياني بوعزة ?")
    academy.press(attach)
    expect(academy.page.locator("main .errors")).to_be_visible()
    academy.say(words, QUESTION)
    academy.press(attach)
    card(academy)(academy.w.ngettext(*WAITS, 1))
    academy.follow(academy._("Make an observation"))
    missing = title(academy, "acts", MISSING)
    academy.choose(academy._("On what?"), missing)
    academy.say(words, ASKED)
    academy.press(attach)
    card(academy)(academy.w.ngettext(*WAITS, 2))
    assert not waits(academy, answered)

    head.open("/")
    expect(head.page.locator("main .cases")).to_contain_text(head._("Observations to answer"))
    head.open(case)
    at_entry = head.page.locator(f"#{entry_of(house, 'safety_check')} .observed li")
    at_form = head.page.locator("[aria-labelledby=next] .observed li")
    expect(at_entry).to_contain_text("Qui suit")
    expect(at_form).to_contain_text(missing)
    send = head._("Send the answer")
    head.tap(at_entry.get_by_role("button", name=send))
    expect(at_entry.locator(".error")).to_have_text(head._("Answer in a sentence: what was done, or why not."))
    for place in (at_entry, at_form):
        place.get_by_label(head._("Your answer, in a sentence")).fill(ANSWER)
        head.tap(place.get_by_role("button", name=send))
    expect(at_entry).to_contain_text(ANSWER)
    head.open(case)
    card(head)(head._("Completed by the team"))

    assert waits(academy, answered)
    academy.follow(format_number(house.number))
    for place in (f"#{entry_of(house, 'safety_check')}", "[aria-labelledby=next]"):
        expect(academy.page.locator(f"{place} .observed li")).to_contain_text(ANSWER)
    academy.follow(_all(academy, 2))
    expect(academy.page.locator("main li").filter(has_text=ANSWER)).to_have_count(2)
    academy.open(f"{case}/review/examined")
    academy.press(academy._("Examined: nothing more is asked"))
    assert not waits(academy, answered)
    assert team.wide() == []


def _all(person: Person, many: int) -> str:
    return person.w.ngettext("The observation and its answer", "All %(num)d observations and their answers", many)


def entry_of(house: Served, act: str) -> str:
    return f"event-{house.latest(act)}"


def _first(name: str, do: str) -> list[Step]:
    steps = story(name)
    return steps[: next(place for place, one in enumerate(steps) if one["do"] == do) + 1]


# ---- a head implicated -----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_head_implicated_comes_to_the_province_by_itself(serve: Serve, sit: Sit, language: str) -> None:
    house = serve("2026-10-12T09:55", language)
    steps = story("staff_concerned")[:1]
    house.replay(steps)
    team = seated(house, steps, sit, language)
    province, head = team["superviseur_dp"], team["directeur"]
    assert waits(province, "The head takes no part: somebody must act for them")
    for path in ("/review", f"/cases/{house.number}", f"/cases/{house.number}/conformance"):
        head.open("/")
        assert head.page.goto(house.url + path).status == 404  # type: ignore[union-attr]
    province.follow(format_number(house.number))
    seat = {"seat": "acting_head", "account": "@superviseur_dp", "reason": "Le chef d’établissement est un proche."}
    province.do({"at": "2026-10-12T10:45", "as": "superviseur_dp", "do": "name_seat", "answers": seat})
    assert waiting(province) == []
    province.open(f"/cases/{house.number}/conformance")
    expect(province.page.locator("h1")).to_have_text(province._("How the protocol was kept"))
    assert team.wide() == []


@pytest.mark.exhaustive
def test_what_somebody_chose_stays_over_back_and_forth_and_an_action(closing: Team) -> None:
    """Narrowed by kind: kept in the address, over a case and back, and the next time."""
    house: Served = closing.house
    province = closing["superviseur_dp"]
    province.open("/review")
    province.choose(province._("Why they wait"), province._("Visa"))
    province.press(province._("Show these"))
    assert "kind=visa" in province.page.url
    province.open(f"/cases/{house.number}")
    province.page.go_back(wait_until="load")
    assert "kind=visa" in province.page.url
    expect(province.page.locator("main #kind")).to_have_value("visa")
    province.open("/review")
    expect(province.page.locator("main #kind")).to_have_value("visa")
    province.follow(province._("Show all that waits"))
    expect(province.page.locator("main #kind")).to_have_value("")
