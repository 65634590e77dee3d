"""When nobody is on duty: only out of school time, however turns lie."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from school_protocol.engine.clock import Calendar, Hours
from school_protocol.people.roster_rules import gaps, is_school_time

WEEK = {day: (Hours(time(8, 30), time(12, 30)), Hours(time(14, 30), time(18, 30))) for day in range(5)}
CALENDAR = Calendar(timezone="UTC", opening=WEEK, closed=frozenset({date(2026, 11, 25)}))
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
HOURS = st.integers(0, 24 * 14)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


def test_school_time_runs_from_the_first_opening_to_the_last_closing_of_a_school_day() -> None:
    assert not is_school_time(CALENDAR, at(0, 8))
    assert is_school_time(CALENDAR, at(0, 8, 30))
    assert is_school_time(CALENDAR, at(0, 13)), "between its two halves, too"
    assert not is_school_time(CALENDAR, at(0, 18, 30))
    assert not is_school_time(CALENDAR, at(2, 10)), "a holiday"
    assert not is_school_time(CALENDAR, at(5, 10)), "a Saturday"


def test_a_night_that_nobody_has_is_a_gap_from_closing_to_opening() -> None:
    turns = [(at(0, 18), at(1, 9)), (at(1, 18), at(2, 9))]
    assert gaps(CALENDAR, turns, at(0, 10), at(2, 8)) == ()
    assert gaps(CALENDAR, turns[:1], at(0, 10), at(2, 8)) == ((at(1, 18, 30), at(2, 8)),)
    assert gaps(CALENDAR, [], at(0, 10), at(2, 8)) == ((at(0, 18, 30), at(2, 8)),)


def test_a_holiday_is_a_gap_all_day() -> None:
    assert gaps(CALENDAR, [(at(1, 18), at(2, 9)), (at(2, 12), at(3, 9))], at(1, 10), at(3, 9)) == (
        (at(2, 9), at(2, 12)),
    )


@given(st.lists(st.tuples(HOURS, HOURS)), HOURS, HOURS)
def test_every_moment_out_of_school_is_on_duty_or_in_a_gap(drawn: list[tuple[int, int]], first: int, last: int) -> None:
    turns = [(at(0, min(pair)), at(0, max(pair))) for pair in drawn if pair[0] != pair[1]]
    starts, ends = at(0, min(first, last)), at(0, max(first, last))
    found = gaps(CALENDAR, turns, starts, ends)
    moment = starts
    while moment < ends:
        is_served = any(begins <= moment < over for begins, over in turns)
        is_gap = any(begins <= moment < over for begins, over in found)
        assert not (is_served and is_gap)
        assert is_served or is_gap or is_school_time(CALENDAR, moment)
        moment += timedelta(minutes=30)
    for begins, over in found:
        assert starts <= begins < over <= ends
        assert not is_school_time(CALENDAR, begins)
        assert not is_school_time(CALENDAR, over - timedelta(microseconds=1))
