"""The numbers of the first minutes: the head's own, and first who answers now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from school_protocol.domain.protocol import Protocol
from school_protocol.services import demo
from school_protocol.services.first_minutes import see_danger
from school_protocol.services.receipts import raise_from_receipt, see_receipt
from school_protocol.services.views import CallLine, ContactLine, DangerPage
from school_protocol.storage import directory

from .conftest import School

NIGHT = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)


@pytest.fixture
def called(school: School) -> School:
    """A school with the numbers of public sources, and a head who has a telephone."""
    head = school.account("head")
    with school.house.directory.writing() as session:
        for position, number in enumerate(demo.NUMBERS):
            if not number.unit:
                added = directory.add_contact(
                    session, target=number.target, names={"fr": number.fr, "ar": number.ar}, phone=number.phone,
                    url=number.url, hours=number.hours, position=position,
                )  # fmt: skip
                if number.verified:
                    directory.verify_contact(session, added, on=school.house.now().date(), by="test")
        directory.set_address(session, head, email=None, phone="0611111111")
    school.report()
    return school


def minutes(school: School, who: str, danger: str) -> DangerPage:
    school.act("team_member", "raise_danger", which_danger=danger)
    return see_danger(school.house, school.person(who), school.number)


def first(page: DangerPage) -> ContactLine:
    return page.contacts[0]


@pytest.mark.parametrize("hour", ["day", "night"])
def test_for_an_intimate_image_the_first_number_answers_now_and_all_that_is_known_is_there(
    called: School, hour: str
) -> None:
    if hour == "night":
        called.wait(seconds=(NIGHT - called.house.now()) / timedelta(seconds=1))
    page = minutes(called, "team_member", "intimate_image")
    assert (first(page).phone, first(page).open_now) == ("19", True)
    assert {"19", "177", "2511"} <= {line.phone for line in page.contacts}
    assert "https://www.e-blagh.ma" in {line.url for line in page.contacts}
    phones = [line.open_now for line in page.contacts if line.phone]
    assert phones == sorted(phones, key=lambda answers: {True: 0, None: 1, False: 2}[answers])


def test_of_every_danger_the_first_number_is_not_one_that_is_closed_at_night(
    called: School, moroccan: Protocol
) -> None:
    called.wait(seconds=(NIGHT - called.house.now()) / timedelta(seconds=1))
    for danger in moroccan.dangers:
        if not moroccan.dangers[danger].restricts:
            assert first(minutes(called, "team_member", danger)).open_now is not False, danger


def test_the_head_is_told_by_voice_under_their_own_number_and_what_is_not_known_is_said(called: School) -> None:
    assert minutes(called, "team_member", "blackmail").voices == (
        CallLine("head", "0611111111"), CallLine("directorate", ""),
    )  # fmt: skip
    assert [line.role for line in see_danger(called.house, called.person("head"), called.number).voices] == [
        "directorate"
    ], "nobody calls oneself"


def test_whoever_may_not_know_is_not_called_and_who_acts_for_the_head_is(called: School) -> None:
    acting = called.account("team_coordinator")
    called.act("head", "name_seat", seat="acting_head", account=acting, reason="x")
    with called.house.directory.writing() as session:
        directory.set_address(session, acting, email=None, phone="0622222222")
    page = minutes(called, "team_member", "blackmail")
    assert page.voices[0] == CallLine("head", "0622222222")
    called.report(adult_concerned="yes")
    called.act("directorate", "raise_danger", which_danger="blackmail")
    assert see_danger(called.house, called.person("directorate"), called.number).voices == ()


def test_a_reporter_beside_the_child_has_the_same_numbers(called: School) -> None:
    opened = called.report("reporter")
    raise_from_receipt(called.house, called.person("reporter"), opened.report, "blackmail", token=called.token())
    receipt = see_receipt(called.house, called.person("reporter"), opened.report)
    assert CallLine("head", "0611111111") in receipt.voices
