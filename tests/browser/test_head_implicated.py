"""The head of a school is implicated: said by a team member, told to nobody at the school who must not know.

By pages alone, on phones at the school and a desktop at the directorate: the head finds nothing of the case, the
directorate has it in its queue, takes over and acts in the head's place, and the team goes on with it at once.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from school_protocol.storage.case_numbers import format_number

from .conftest import DESKTOP, PHONE, Serve, Sit
from .person import Person
from .served import Served, Step, story
from .team import Team

pytestmark = pytest.mark.exhaustive

PUPIL = "Rim Cherradi-Bouhlal"
TOLD = "Une élève reçoit des messages chaque soir. Le chef d’établissement est le père de celui qui les envoie."
BEFORE = "before"
"""Another case, of which the head is a part as ever."""
WAITS = "The head takes no part: somebody must act for them"
GONE = "This page was not found"
BEGINS = "2026-10-12T09:55"


def begun(serve: Serve, sit: Sit, language: str, *cases: str) -> Team:
    """The school's people on phones, those above at a desk; in each of `cases` something was reported."""
    house = serve(BEGINS, language)
    for case in cases:
        house.replay([{**story("sc1")[0], "at": BEGINS, "case": case}])

    def seat(role: str) -> Person:
        return sit(house, role, language, DESKTOP if role in ("directorate", "academy") else PHONE)

    return Team(house, (), seat)


def finds_nothing(person: Person, number: str, but: tuple[str, ...]) -> None:
    """Not on the desk, by no search, at no address of it; the cases that are theirs stand there as ever."""
    person.open("/")
    shown = person.page.locator("main .cases a").evaluate_all("found => found.map(one => one.getAttribute('href'))")
    assert [one.rpartition("/")[2] for one in shown] == list(but)
    expect(person.page.locator("body")).not_to_contain_text(format_number(number))
    nobodys = searched(person, "1234567890123")
    assert searched(person, number) == nobodys
    for path in ("", "/chronology", "/sight", "/entries/2", "/conformance", "/acts/note"):
        answer = person.page.goto(f"{person.served.url}/cases/{number}{path}")
        assert answer is not None
        assert answer.status == 404, path
        expect(person.page.locator("h1")).to_have_text(person._(GONE))


def searched(person: Person, number: str) -> str:
    """What the search says of a number, without it."""
    person.open("/search")
    box = person.page.locator("main #q")
    box.fill(number)
    with person.page.expect_navigation(wait_until="load"):
        box.press("Enter")
    assert "/cases/" not in person.page.url
    return person.page.locator("main").inner_text().replace(number, "").replace(format_number(number), "")


def waits(person: Person) -> list[str]:
    """Why cases wait in this person's queue."""
    person.open("/review")
    return person.page.locator("main .waits li").all_inner_texts()


def takes_over(person: Person, at: str) -> None:
    """From the queue to the case, where nobody is named; once they act as the head, names are read."""
    house = person.served
    house.turn_to(at)
    assert any(why.startswith(person._(WAITS)) for why in waits(person))
    person.follow(format_number(house.number))
    expect(person.page.locator("main")).not_to_contain_text(PUPIL)
    act, seat = house.protocol.acts["name_seat"], house.protocol.seats["acting_head"]
    reason = "Le chef d’établissement est parent d’un élève du dossier."
    person.write(act, {"seat": seat.key, "account": "@superviseur_dp", "reason": reason})
    assert not any(why.startswith(person._(WAITS)) for why in waits(person))
    person.open_case()
    expect(person.page.locator("main")).to_contain_text(PUPIL)


def head_of(house: Served, language: str) -> str:
    return house.protocol.seats["acting_head"].title.in_language(language)


def test_a_head_of_whom_the_reporter_says_so_is_passed_by(serve: Serve, sit: Sit) -> None:
    team = begun(serve, sit, "fr", BEFORE)
    house, member, head = team.house, team["membre_er"], team["directeur"]
    house.turn_to("2026-10-12T10:00")
    member.open("/")
    member.follow("Signaler une situation")
    member.fill(
        house.protocol.acts["report"],
        {
            "what_happened": TOLD, "about_whom": [{"slot": "targeted_pupil", "name": PUPIL}], "danger_now": "no",
            "adult_concerned": "no", "must_not_read": ["@directeur"], "how_it_came": "pupil",
        },
    )  # fmt: skip
    member.press("Enregistrer le signalement")
    before = house.player.numbers[BEFORE]
    member.open("/")
    shown = member.page.locator("main .cases a").evaluate_all("found => found.map(one => one.getAttribute('href'))")
    (number,) = {one.rpartition("/")[2] for one in shown} - {before}
    house.adopt(number)

    finds_nothing(head, number, but=(before,))
    province = team["superviseur_dp"]
    takes_over(province, "2026-10-12T10:20")
    province.write(house.protocol.acts["head_visa"], {"decision": "given"})

    house.turn_to("2026-10-12T10:21")
    for role in ("membre_er", "referent_er"):
        colleague = team[role]
        colleague.open_case()
        expect(colleague.page.locator("main")).to_contain_text(head_of(house, "fr"))
        visa = house.protocol.acts["head_visa"].title.in_language("fr")
        written = colleague.page.locator(".log li").filter(has_text=visa)
        expect(written).to_contain_text("Khadija Naciri")
    member.write(house.protocol.acts["safety_check"], _safe())
    finds_nothing(head, number, but=(before,))
    assert team.wide() == []


def _safe() -> Step:
    return {"none_seen": "yes", "safe_now": "yes", "who_stays": "me"}
