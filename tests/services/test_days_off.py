"""Whoever keeps hours rests on public holidays, and is shown closed there; what always answers does on a feast, too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from school_protocol.auth import repository as auth_repository
from school_protocol.engine.clock import Calendar, Hours
from school_protocol.people import contacts
from school_protocol.people import repository as people_repository
from school_protocol.people.contacts import contact_lines, is_open
from school_protocol.reports import service as reports_service
from school_protocol.reports.rules import opens_again
from services.conftest import School
from services.telling_school import HERE, Told

OFFICE: Mapping[str, Any] = {str(day): [["08:30", "16:30"]] for day in range(5)}
EVERY_DAY: Mapping[str, Any] = {**OFFICE, "holidays": True}
WEEK = {day: (Hours(time(8, 30), time(12)), Hours(time(14, 30), time(18))) for day in range(6)}
INDEPENDENCE = date(2026, 11, 18)  # a Wednesday
RECKONED = date(2026, 5, 27)  # the feast of sacrifice, as it is reckoned: a Wednesday


def calendar(*closed: date) -> Calendar:
    return Calendar(opening=WEEK, closed=frozenset(closed))


def at(day: date, hour: int = 10) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "day", "known", "answers"),
    [
        (OFFICE, date(2026, 11, 19), None, True),
        (OFFICE, INDEPENDENCE, None, False),
        (OFFICE, INDEPENDENCE, calendar(), False),
        (EVERY_DAY, INDEPENDENCE, calendar(INDEPENDENCE), True),
        ({"always": True}, INDEPENDENCE, calendar(INDEPENDENCE), True),
        ({}, INDEPENDENCE, None, None),
        (OFFICE, date(2026, 11, 21), None, False),
        # A feast that follows the moon: the academy's calendar knows the day, else it is reckoned.
        (OFFICE, RECKONED, None, False),
        (OFFICE, RECKONED, calendar(RECKONED), False),
        (OFFICE, RECKONED - timedelta(days=1), calendar(RECKONED - timedelta(days=1)), False),
        (OFFICE, RECKONED - timedelta(days=1), calendar(RECKONED), True),
        # Holidays of the school are none of an office's.
        (OFFICE, date(2026, 12, 15), calendar(date(2026, 12, 15)), True),
    ],
)
def test_who_answers_now(hours: Mapping[str, Any], day: date, known: Calendar | None, *, answers: bool | None) -> None:
    assert is_open(hours, at(day), known) is answers


def test_whoever_serves_one_school_rests_with_it() -> None:
    day = date(2026, 12, 15)
    assert is_open(OFFICE, at(day), calendar(day), rests_with_school=True) is False
    assert is_open(OFFICE, at(day), calendar(), rests_with_school=True) is True
    assert is_open({"always": True}, at(day), calendar(day), rests_with_school=True) is True


def test_a_day_that_two_feasts_share_is_no_less_one() -> None:
    shared = date(2027, 8, 14)
    assert ";" in contacts.named(2027, "en")[shared], "else this asks nothing"
    assert contacts.is_public_holiday(shared, calendar())


def test_holidays_are_named_in_each_language() -> None:
    assert {contacts.named(2026, one)[INDEPENDENCE] for one in ("fr", "ar", "en", "zgh")} == {
        "Fête de l'indépendance", "عيد الاستقلال", "Independence Day",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        (datetime(2026, 11, 17, 10, tzinfo=UTC), None),
        (datetime(2026, 11, 17, 20, tzinfo=UTC), datetime(2026, 11, 19, 7, 30, tzinfo=UTC)),
        (datetime(2026, 11, 18, 9, tzinfo=UTC), datetime(2026, 11, 19, 7, 30, tzinfo=UTC)),
        (datetime(2026, 11, 19, 5, tzinfo=UTC), datetime(2026, 11, 19, 7, 30, tzinfo=UTC)),
        (datetime(2026, 11, 21, 19, tzinfo=UTC), datetime(2026, 11, 23, 7, 30, tzinfo=UTC)),
    ],
)
def test_when_a_school_opens_again(moment: datetime, opens: datetime | None) -> None:
    assert opens_again(calendar(INDEPENDENCE), moment) == opens


def test_a_school_that_never_opens_promises_nothing() -> None:
    assert opens_again(Calendar(opening={}), at(INDEPENDENCE)) is None


def test_the_page_behind_an_address_knows_the_holiday(school: School) -> None:
    told = Told(school)
    door = told.door()
    with told.ctx.directory.writing() as session:
        unit = auth_repository.unit_coded(session, "00000A")
        assert unit is not None
        people_repository.set_calendar(session, unit.id, calendar(INDEPENDENCE))
        for phone, hours in (("19", {"always": True}), ("0537000000", OFFICE)):
            people_repository.add_contact(session, target="police", names={"fr": phone}, phone=phone, hours=hours)
    found = {}
    for day in (date(2026, 12, 1), date(2026, 12, 2)):
        if day.day == 2:
            with told.ctx.directory.writing() as session:
                people_repository.set_calendar(session, unit.id, calendar(day))
        school.player.clock.turn_to(at(day))
        view = reports_service.see_form(told.ctx, told.gate, door.code, address=HERE)
        found[day.day] = view.opens
    assert found == {1: None, 2: datetime(2026, 12, 3, 7, 30, tzinfo=UTC)}
    school.player.clock.turn_to(at(date(2027, 1, 11)))
    view = reports_service.see_form(told.ctx, told.gate, door.code, address=HERE)
    shown = {line.phone: line.open_now for line in view.numbers}
    assert (shown["19"], shown["0537000000"]) == (True, False)
    ordered = [line.phone for line in contact_lines(told.ctx, view.protocol, unit.id, ["police"])]
    assert ordered == ["19", "0537000000"]
