"""A danger as the first adult meets it: on a phone, without JavaScript, in French and in Arabic, counted tap by tap.

From the first page after signing in, with nothing typed and no question answered. The figures are those of the report:
`./run test tests/browser/test_first_minutes.py -rP`.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.lists import see_desk
from school_protocol.engine.definition import Act
from school_protocol.mail import Post
from school_protocol.notifications.service import sweep, told_of

from .conftest import PHONE, Serve, Sit
from .person import Person, go_by
from .served import Served

PAPER = {"a number can be dialled": (6, 3), "head and directorate are told": (11, 5)}
"""Taps and answers that the plan on paper needed."""


@pytest.mark.exhaustive(but=("team_member-ar",))
@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize("role", ["reporter", "team_member"])
def test_the_first_minutes_tap_by_tap(serve: Serve, sit: Sit, language: str, role: str) -> None:
    ctx = serve("2026-09-14T11:05", language)
    person = sit(ctx, role, language, PHONE)
    person.open("/")
    person.count_anew()
    found: dict[str, tuple[int, int]] = {}

    def reached(what: str) -> None:
        found[what] = (person.taps, person.answers)

    person.follow(person._("Report a situation"))
    assert person.page.locator("main a[href*='/danger']").count() == 0
    go_by(person.page.locator("header a.sos"))
    person.taps += 1
    expect(person.page.locator("main .callnow a[href='tel:15']")).to_be_in_viewport(ratio=1)
    reached("a number can be dialled")
    person.tap(person.page.locator("main button[value='self_harm']"))
    expect(person.page.locator("main .alert.late")).to_be_visible()
    reached("head and directorate are told")
    noted(person, ctx.protocol.acts["told_by_voice"], "head")
    reached("it is recorded that the head was told by voice")
    person.tap(person.page.locator("main li:has(a[href='tel:15']) form.tap button"))
    expect(person.said()).to_be_visible()
    reached("a referral is recorded")
    noted(person, ctx.protocol.acts["taken_over"], "other_adult")
    reached("a safe adult is recorded")
    print(language, role, found)
    assert list(found.values()) == [(2, 0), (3, 0), (4, 0), (5, 0), (6, 0)]
    assert all(found[what] < paper for what, paper in PAPER.items())
    assert person.wide == []
    assert told(ctx) >= {"head", "directorate"}


HEADS, LEADS = "06 00 00 00 04", "06 00 00 00 05"


@pytest.mark.exhaustive(but=("blackmail-ar",))
@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize("danger", ["self_harm", "immediate_danger", "intimate_image", "blackmail", "doxing"])
def test_who_to_call_and_what_to_do_first_stand_on_one_screen(
    serve: Serve, sit: Sit, language: str, danger: str
) -> None:
    ctx = serve("2026-09-14T11:05", language)
    with ctx.ctx.directory.writing() as session:
        for role, phone in (("head", HEADS), ("team_coordinator", LEADS)):
            auth_repository.set_address(session, ctx.player.actor(role).id, email=None, phone=phone)
    person = sit(ctx, "team_member", language, PHONE)
    person.open("/reports/danger")
    go_by(person.page.locator(f"main button[value='{danger}']"))
    numbers = person.page.locator("main .calls.short a[href^='tel:']")
    assert [one.inner_text().splitlines()[-1].strip("\u2068\u2069") for one in numbers.all()[:2]] == [HEADS, LEADS]
    assert numbers.count() >= 3
    first_two = person.page.locator("main .firsts").first.locator("li").all()[:2]
    for shown in (*numbers.all(), *first_two):
        expect(shown).to_be_in_viewport(ratio=1)
    assert person.page.locator("main .danger-btn").count() == 0
    assert person.wide == []


def noted(person: Person, act: Act, answer: str) -> None:
    """One tap among the answers to the act's one question."""
    form = person.served.protocol.form_of(act)
    option = next(one for item in form.fields for one in item.options if one.key == answer)
    person.note(form.title.in_language(person.language), option.title.in_language(person.language))
    expect(person.said()).to_be_visible()


def told(ctx: Served) -> set[str]:
    """Roles to which the next ring of the minute sends a message about the case."""
    sweep(ctx.ctx, Post(None, None))
    (line,) = see_desk(ctx.ctx, ctx.player.actor("head")).lines
    ctx.adopt(line.number)
    with ctx.ctx.realm.reading() as session:
        return {one.role for one in told_of(session, ctx.player.case_id() or "")}
