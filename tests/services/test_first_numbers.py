"""The numbers of the first minutes: the head's own, and first who answers now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from engine.telling import ROOT

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.intake import raise_from_receipt, see_receipt
from school_protocol.cases.presenters import AT_ONCE, called_first
from school_protocol.cases.showing import by_voice, see_danger, to_call, told_roles
from school_protocol.cases.view_models import CallLine, DangerPage
from school_protocol.engine.definition import Protocol
from school_protocol.ops import demo
from school_protocol.people import repository as people_repository
from school_protocol.people.contacts import ContactLine
from school_protocol.protocol.reader import read

from .conftest import School

KIVA = ROOT / "protocol_definitions" / "fi-kiva" / "1.yaml"
NIGHT = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)


@pytest.fixture
def called(school: School) -> School:
    """A school with the numbers of public sources, and a head who has a telephone."""
    head = school.account("head")
    with school.ctx.directory.writing() as session:
        for position, number in enumerate(demo.NUMBERS):
            if not number.unit:
                added = people_repository.add_contact(
                    session, target=number.target, names={"fr": number.fr, "ar": number.ar}, phone=number.phone,
                    url=number.url, hours=number.hours, position=position,
                )  # fmt: skip
                if number.verified:
                    people_repository.verify_contact(session, added, on=school.ctx.now().date(), by="test")
        auth_repository.set_address(session, head, email=None, phone="0611111111")
    school.report()
    return school


def minutes(school: School, who: str, danger: str) -> DangerPage:
    school.act("team_member", "raise_danger", which_danger=danger)
    return see_danger(school.ctx, school.person(who), school.number)


def first(page: DangerPage) -> ContactLine:
    return page.contacts[0]


@pytest.mark.parametrize("hour", ["day", "night"])
def test_for_an_intimate_image_the_first_number_answers_now_and_all_that_is_known_is_there(
    called: School, hour: str
) -> None:
    if hour == "night":
        called.wait(seconds=(NIGHT - called.ctx.now()) / timedelta(seconds=1))
    page = minutes(called, "team_member", "intimate_image")
    assert (first(page).phone, first(page).open_now) == ("19", True)
    assert {"19", "177", "2511"} <= {line.phone for line in page.contacts}
    assert "https://www.e-blagh.ma" in {line.url for line in page.contacts}
    phones = [line.open_now for line in page.contacts if line.phone]
    assert phones == sorted(phones, key=lambda answers: {True: 0, None: 1, False: 2}[answers])


def test_of_every_danger_the_first_number_is_not_one_that_is_closed_at_night(
    called: School, moroccan: Protocol
) -> None:
    called.wait(seconds=(NIGHT - called.ctx.now()) / timedelta(seconds=1))
    for danger in moroccan.dangers:
        if not moroccan.dangers[danger].restricts:
            assert first(minutes(called, "team_member", danger)).open_now is not False, danger


def test_the_head_is_told_by_voice_under_their_own_number_and_what_is_not_known_is_said(called: School) -> None:
    assert minutes(called, "team_member", "blackmail").voices == (
        CallLine("head", "0611111111"), CallLine("directorate", ""),
    )  # fmt: skip
    assert [line.role for line in see_danger(called.ctx, called.person("head"), called.number).voices] == [
        "directorate"
    ], "nobody calls oneself"


def test_whoever_may_not_know_is_not_called_and_who_acts_for_the_head_is(called: School) -> None:
    acting = called.account("team_coordinator")
    called.act("head", "name_seat", seat="acting_head", account=acting, reason="x")
    with called.ctx.directory.writing() as session:
        auth_repository.set_address(session, acting, email=None, phone="0622222222")
    page = minutes(called, "team_member", "blackmail")
    assert page.voices[0] == CallLine("head", "0622222222")
    called.report(adult_concerned="yes")
    called.act("directorate", "raise_danger", which_danger="blackmail")
    assert see_danger(called.ctx, called.person("directorate"), called.number).voices == ()


def test_whoever_leads_is_called_under_their_own_number_unless_they_may_not_know_or_look_themselves(
    called: School,
) -> None:
    coordinator, lead = called.account("team_coordinator"), called.account("team_member")
    with called.ctx.directory.writing() as session:
        for account, phone in ((coordinator, "0622222222"), (lead, "0633333333")):
            auth_repository.set_address(session, account, email=None, phone=phone)
    page = minutes(called, "head", "blackmail")
    assert page.leaders == (CallLine("team_coordinator", "0622222222"),)
    assert see_danger(called.ctx, called.person("team_coordinator"), called.number).leaders == ()
    own, numbers, (others, more) = called_first(page.voices, page.leaders, page.contacts)
    assert own == [CallLine("team_coordinator", "0622222222")], "the head calls nobody who is the head"
    assert [one.phone for one in numbers][:2] == ["19", "177"]
    assert (len(own) + len(numbers), list(others)) == (AT_ONCE, [CallLine("directorate", "")])
    assert [*numbers, *more] == list(page.contacts)
    called.act("head", "name_seat", seat="lead", account=lead, reason="x")
    assert see_danger(called.ctx, called.person("head"), called.number).leaders == (CallLine("lead", "0633333333"),)
    called.act("team_member", "conflict", reason="close_relative")
    assert see_danger(called.ctx, called.person("head"), called.number).leaders == page.leaders
    called.report(adult_concerned="yes")
    called.act("directorate", "raise_danger", which_danger="blackmail")
    assert see_danger(called.ctx, called.person("directorate"), called.number).leaders == ()


def test_of_several_whoever_may_know_is_called_and_no_office_in_which_nobody_may(moroccan: Protocol) -> None:
    held = [(role, SimpleNamespace(id=f"{role} {phone}", phone=phone)) for role, phone in
            (("head", "1"), ("head", "2"), ("team_coordinator", "3"), ("directorate", "4"))]  # fmt: skip

    def called_of(*shut: str, restricted: bool = False) -> list[str]:
        asked: Any = (None, moroccan, None, ["head", "team_coordinator", "directorate"], held)
        return [line.phone for line in by_voice(*asked, shut=frozenset(shut), restricted=restricted)]

    assert called_of() == ["1", "3", "4"]
    assert called_of("head 1", "team_coordinator 3") == ["2", "4"]
    assert called_of(restricted=True) == ["4"]


def test_roles_alone_are_told_by_voice(moroccan: Protocol) -> None:
    told = {act.key: told_roles(moroccan, act) for act in moroccan.acts.values()}
    assert {key: roles for key, roles in told.items() if roles} == {"told_by_voice": ("head", "directorate")}


def test_while_somebody_is_on_hold_nobody_who_answers_for_guardians_is_called() -> None:
    targets = read(KIVA.read_bytes(), "1.yaml").targets.values()
    lines: Any = [SimpleNamespace(target=one) for one in (*targets, None)]
    for stands in (True, False):
        case: Any = SimpleNamespace(holds=[SimpleNamespace(stands=stands)])
        of_guardians = {line.target.key for line in to_call(case, lines) if line.target and line.target.to_guardians}
        assert of_guardians == (set() if stands else {"guardians"})


def test_a_reporter_beside_the_child_has_the_same_numbers(called: School) -> None:
    opened = called.report("reporter")
    raise_from_receipt(called.ctx, called.person("reporter"), opened.report, "blackmail", token=called.token())
    receipt = see_receipt(called.ctx, called.person("reporter"), opened.report)
    assert CallLine("head", "0611111111") in receipt.voices
