"""School time: opening hours, Ramadan, holidays, and the properties that every due moment keeps."""

import copy
import dataclasses
import pickle
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from school_protocol.engine.clock import (
    SEARCH_DAYS,
    Calendar,
    Clock,
    Hours,
    HoursException,
    NoSchoolTime,
    RollRule,
    TimeUnit,
    Week,
    elapsed,
    later,
    months_between,
    next_school_day,
    plan_dates,
)

CASABLANCA = ZoneInfo("Africa/Casablanca")
MORNING, AFTERNOON = Hours(time(8, 30), time(12)), Hours(time(14, 30), time(18))
WEEK: Mapping[int, tuple[Hours, ...]] = {
    **dict.fromkeys(range(4), (MORNING, AFTERNOON)),
    4: (Hours(time(8, 30), time(11, 30)), Hours(time(15), time(18))),
    5: (MORNING,),
}
RAMADAN = HoursException(date(2026, 2, 19), date(2026, 3, 20), dict.fromkeys(range(5), (Hours(time(9), time(14, 30)),)))
HOLIDAYS = frozenset({date(2026, 1, 1), date(2026, 1, 14)} | {date(2026, 1, 25) + timedelta(n) for n in range(8)})
CALENDAR = Calendar(opening=WEEK, exceptions=(RAMADAN,), closed=HOLIDAYS)
EMPTY = Calendar(opening={})


def at(text: str, fold: int = 0) -> datetime:
    """A local wall time of Casablanca."""
    return datetime.fromisoformat(text).replace(tzinfo=CASABLANCA, fold=fold)


def local(moment: datetime) -> str:
    return CALENDAR.local(moment).strftime("%a %d %b %H:%M")


def due(start: str, amount: int, unit: TimeUnit) -> str:
    return local(later(CALENDAR, at(start), amount, unit))


# The values


def test_a_clock_is_anything_that_tells_the_time() -> None:
    class Stopped:
        def now(self) -> datetime:
            return datetime(2026, 1, 5, tzinfo=UTC)

    clock: Clock = Stopped()
    assert clock.now() == datetime(2026, 1, 5, tzinfo=UTC)


def test_units_are_the_words_of_a_definition() -> None:
    assert [str(unit) for unit in TimeUnit] == ["clock_hours", "school_hours", "school_days", "calendar_days"]
    assert TimeUnit("school_days") is TimeUnit.school_days


@pytest.mark.parametrize(("opens", "closes"), [(time(12), time(8)), (time(8), time(8)), (time(8, tzinfo=UTC), time(9))])
def test_hours_open_before_they_close_and_carry_no_zone(opens: time, closes: time) -> None:
    with pytest.raises(ValueError, match="opening hours"):
        Hours(opens, closes)


def test_a_week_is_sorted_and_forgets_closed_days() -> None:
    week = Week({0: (AFTERNOON, MORNING), 6: ()})
    assert week == {0: (MORNING, AFTERNOON)}
    assert week == Week({0: [MORNING, AFTERNOON]})
    assert week != Week({1: [MORNING, AFTERNOON]})
    assert hash(week) == hash(Week({0: (MORNING, AFTERNOON)}))
    assert (len(week), list(week), 6 in week, 9 in week) == (1, [0], False, False)
    assert "Week" in repr(week)


def test_a_week_refuses_unknown_days_and_overlaps() -> None:
    with pytest.raises(ValueError, match=r"not \[7\]"):
        Calendar(opening={7: (MORNING,)})
    with pytest.raises(ValueError, match="overlap"):
        Calendar(opening={0: (MORNING, Hours(time(11), time(13)))})
    assert Calendar(opening={0: (MORNING, Hours(time(12), time(13)))}).is_school_day(date(2026, 1, 5))


def test_an_exception_begins_before_it_ends() -> None:
    with pytest.raises(ValueError, match="begin before"):
        HoursException(date(2026, 3, 2), date(2026, 3, 1), {})


@pytest.mark.parametrize("name", ["Atlantis/Nowhere", "../etc/passwd", "", "Africa"])
def test_a_calendar_refuses_an_unknown_zone(name: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        Calendar(timezone=name, opening=WEEK)


def test_a_moment_is_never_taken_for_a_day() -> None:
    moment = at("2026-01-05T09:00")
    with pytest.raises(TypeError, match="not a moment"):
        CALENDAR.is_school_day(moment)
    with pytest.raises(TypeError, match="not a moment"):
        next_school_day(CALENDAR, moment)
    with pytest.raises(TypeError, match="not a moment"):
        Calendar(opening=WEEK, closed=frozenset({moment}))


def test_a_calendar_is_a_value() -> None:
    opening = dict(WEEK)
    calendar = Calendar(opening=opening, exceptions=(RAMADAN,), closed=HOLIDAYS)
    opening.clear()
    assert calendar == CALENDAR
    assert hash(calendar) == hash(CALENDAR)
    for twin in (copy.deepcopy(calendar), pickle.loads(pickle.dumps(calendar)), dataclasses.replace(calendar)):
        assert twin == CALENDAR
        assert hash(twin) == hash(CALENDAR)
    assert dataclasses.asdict(calendar)["timezone"] == "Africa/Casablanca"
    assert dataclasses.replace(calendar, closed=frozenset()) != CALENDAR


def test_two_calendars_never_share_their_days() -> None:
    day = date(2026, 1, 14)
    assert not CALENDAR.is_school_day(day)
    assert dataclasses.replace(CALENDAR, closed=frozenset()).is_school_day(day)
    assert not CALENDAR.is_school_day(day)


def test_moments_must_say_their_zone() -> None:
    naive = datetime(2026, 1, 5, 9)  # noqa: DTZ001
    with pytest.raises(ValueError, match="zone"):
        later(CALENDAR, naive, 1, TimeUnit.clock_hours)
    with pytest.raises(ValueError, match="zone"):
        CALENDAR.local(naive)


# School days and spans


def test_spans_are_utc_and_follow_the_usual_week() -> None:
    assert CALENDAR.spans(date(2026, 1, 5)) == (
        (datetime(2026, 1, 5, 7, 30, tzinfo=UTC), datetime(2026, 1, 5, 11, tzinfo=UTC)),
        (datetime(2026, 1, 5, 13, 30, tzinfo=UTC), datetime(2026, 1, 5, 17, tzinfo=UTC)),
    )
    assert all(moment.tzinfo is UTC for span in CALENDAR.spans(date(2026, 1, 5)) for moment in span)
    assert CALENDAR.spans(date(2026, 1, 4)) == ()


def test_holidays_and_sundays_are_no_school_days() -> None:
    assert CALENDAR.is_school_day(date(2026, 1, 10))
    assert not CALENDAR.is_school_day(date(2026, 1, 11))
    assert not CALENDAR.is_school_day(date(2026, 1, 14))


def test_ramadan_hours_replace_the_week_on_both_its_ends() -> None:
    # At UTC+0 from 15 February to 22 March 2026.
    open_at_nine = (datetime(2026, 2, 19, 9, tzinfo=UTC), datetime(2026, 2, 19, 14, 30, tzinfo=UTC))
    assert CALENDAR.spans(date(2026, 2, 19)) == (open_at_nine,)
    assert len(CALENDAR.spans(date(2026, 2, 18))) == 2
    assert len(CALENDAR.spans(date(2026, 3, 20))) == 1
    assert not CALENDAR.is_school_day(date(2026, 2, 21)), "Saturdays are off in Ramadan here"
    assert CALENDAR.is_school_day(date(2026, 3, 21))


def test_the_last_exception_listed_holds_and_closed_beats_all() -> None:
    day = date(2026, 3, 2)
    short = HoursException(day, day, {0: (Hours(time(9), time(10)),)})
    calendar = dataclasses.replace(CALENDAR, exceptions=(RAMADAN, short))
    opens, closes = calendar.spans(day)[0]
    assert closes - opens == timedelta(hours=1)
    assert not dataclasses.replace(calendar, closed=frozenset({day})).is_school_day(day)


def test_an_exception_can_open_a_day_that_the_week_closes() -> None:
    sunday = date(2026, 1, 11)
    calendar = dataclasses.replace(CALENDAR, exceptions=(HoursException(sunday, sunday, {6: (MORNING,)}),))
    assert calendar.is_school_day(sunday)
    assert not calendar.is_school_day(date(2026, 1, 18))


def test_the_same_wall_time_moves_in_utc_when_casablanca_leaves_utc_plus_one() -> None:
    before, after = CALENDAR.spans(date(2026, 2, 13))[0][0], CALENDAR.spans(date(2026, 2, 16))[0][0]
    assert (before.hour, after.hour) == (7, 8)
    assert CALENDAR.local(before).time() == CALENDAR.local(after).time() == time(8, 30)


def test_a_span_that_the_change_swallows_is_no_opening() -> None:
    night = Calendar(opening={6: (Hours(time(2), time(3)),)})
    assert not night.is_school_day(date(2026, 3, 22)), "2:00 to 3:00 doesn't exist that night"
    assert night.is_school_day(date(2026, 3, 29))
    opens, closes = night.spans(date(2026, 2, 15))[0]
    assert closes - opens == timedelta(hours=2), "it comes twice that night"


# later: hours


def test_clock_hours_ignore_the_calendar() -> None:
    assert due("2026-01-10T11:00", 24, TimeUnit.clock_hours) == "Sun 11 Jan 11:00"
    assert later(EMPTY, at("2026-01-10T11:00"), 24, TimeUnit.clock_hours) == at("2026-01-11T11:00")


def test_clock_hours_are_real_hours_across_the_change() -> None:
    assert due("2026-02-14T20:00", 24, TimeUnit.clock_hours) == "Sun 15 Feb 19:00"
    assert due("2026-03-21T20:00", 24, TimeUnit.clock_hours) == "Sun 22 Mar 21:00"


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        ("2026-01-05T08:30", 1, "Mon 05 Jan 09:30"),
        ("2026-01-05T10:00", 4, "Mon 05 Jan 16:30"),  # across lunch: 2 h, then 2 h
        ("2026-01-05T10:00", 2, "Mon 05 Jan 12:00"),  # ends as the school closes
        ("2026-01-05T12:00", 1, "Mon 05 Jan 15:30"),  # begins as the school closes
        ("2026-01-05T13:00", 1, "Mon 05 Jan 15:30"),
        ("2026-01-05T03:00", 1, "Mon 05 Jan 09:30"),
        ("2026-01-05T17:15", 4, "Tue 06 Jan 11:45"),  # a night
        ("2026-01-09T17:00", 4, "Sat 10 Jan 11:30"),  # Friday's own hours
        ("2026-01-10T11:00", 4, "Mon 12 Jan 11:30"),  # a weekend
        ("2026-01-13T17:00", 4, "Thu 15 Jan 11:30"),  # a public holiday
        ("2026-01-24T11:30", 4, "Mon 02 Feb 12:00"),  # school holidays
        ("2026-02-18T17:00", 4, "Thu 19 Feb 12:00"),  # into Ramadan hours
        ("2026-02-20T14:00", 4, "Mon 23 Feb 12:30"),  # Saturdays off in Ramadan
        ("2026-03-20T14:00", 4, "Sat 21 Mar 12:00"),  # out of Ramadan hours: 30 minutes, then 3 h 30
        ("2026-02-14T11:00", 4, "Mon 16 Feb 11:30"),  # across the change of offset
        ("2026-03-21T11:00", 4, "Mon 23 Mar 11:30"),
    ],
)
def test_school_hours(start: str, hours: int, expected: str) -> None:
    assert due(start, hours, TimeUnit.school_hours) == expected


def test_school_hours_count_a_fraction_to_the_microsecond() -> None:
    start = at("2026-01-05T11:59:59.999999")
    assert later(CALENDAR, start, 1, TimeUnit.school_hours) == at("2026-01-05T15:29:59.999999")


# later: days


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-01-05T09:00", 1, "Tue 06 Jan 18:00"),
        ("2026-01-05T00:00", 1, "Tue 06 Jan 18:00"),
        ("2026-01-05T23:30", 1, "Tue 06 Jan 18:00"),
        ("2026-01-09T17:00", 1, "Sat 10 Jan 12:00"),
        ("2026-01-10T09:00", 1, "Mon 12 Jan 18:00"),
        ("2026-01-11T09:00", 1, "Mon 12 Jan 18:00"),  # a Sunday is day 0 too
        ("2026-01-13T09:00", 1, "Thu 15 Jan 18:00"),
        ("2026-01-14T09:00", 1, "Thu 15 Jan 18:00"),
        ("2026-01-05T09:00", 5, "Sat 10 Jan 12:00"),
        ("2026-01-24T09:00", 2, "Tue 03 Feb 18:00"),
        ("2026-02-18T09:00", 1, "Thu 19 Feb 14:30"),
        ("2026-03-20T09:00", 2, "Mon 23 Mar 18:00"),
    ],
)
def test_school_days(start: str, days: int, expected: str) -> None:
    assert due(start, days, TimeUnit.school_days) == expected


def test_the_day_of_the_start_is_the_local_one() -> None:
    late = datetime(2026, 1, 4, 23, 30, tzinfo=UTC)  # already Monday in Casablanca
    assert local(later(CALENDAR, late, 1, TimeUnit.school_days)) == "Tue 06 Jan 18:00"
    abroad = late.astimezone(timezone(timedelta(hours=-8)))
    assert later(CALENDAR, abroad, 1, TimeUnit.school_days) == later(CALENDAR, late, 1, TimeUnit.school_days)


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-01-10T11:15", 1, "Sun 11 Jan 23:59"),
        ("2026-01-10T03:28", 1, "Sun 11 Jan 23:59"),  # whenever it began
        ("2026-01-10T11:15", 15, "Sun 25 Jan 23:59"),  # holidays count
        ("2026-02-14T11:15", 1, "Sun 15 Feb 23:59"),  # 25 hours
        ("2026-03-21T11:15", 1, "Sun 22 Mar 23:59"),  # 23 hours
        ("2026-02-01T11:15", 60, "Thu 02 Apr 23:59"),
    ],
)
def test_calendar_days_end_as_the_day_does(start: str, days: int, expected: str) -> None:
    assert due(start, days, TimeUnit.calendar_days) == expected


def test_calendar_days_on_the_night_of_the_repeated_hour() -> None:
    second = at("2026-02-15T02:15", fold=1)
    for start in (at("2026-02-15T02:30"), second):
        assert local(later(CALENDAR, start, 1, TimeUnit.calendar_days)) == "Mon 16 Feb 23:59"


@pytest.mark.parametrize("unit", TimeUnit)
def test_nothing_to_wait_is_the_start_itself(unit: TimeUnit) -> None:
    start = at("2026-01-11T03:00")
    assert later(EMPTY, start, 0, unit) == start
    assert later(EMPTY, start, 0, unit).tzinfo is UTC


@pytest.mark.parametrize("unit", TimeUnit)
def test_a_deadline_never_runs_backwards(unit: TimeUnit) -> None:
    with pytest.raises(ValueError, match="backwards"):
        later(CALENDAR, at("2026-01-05T09:00"), -1, unit)


@pytest.mark.parametrize("unit", [TimeUnit.school_hours, TimeUnit.school_days])
def test_a_calendar_without_school_says_so(unit: TimeUnit) -> None:
    with pytest.raises(NoSchoolTime, match=r"no school day in the 400 days from 2026-01-0[56]: check its opening"):
        later(EMPTY, at("2026-01-05T09:00"), 1, unit)


def test_a_calendar_that_runs_out_says_so() -> None:
    day = date(2026, 1, 5)
    calendar = Calendar(opening={}, exceptions=(HoursException(day, day, {0: (MORNING,)}),))
    assert later(calendar, at("2026-01-05T09:00"), 3, TimeUnit.school_hours) == at("2026-01-05T12:00")
    with pytest.raises(NoSchoolTime, match="2026-01-06"):
        later(calendar, at("2026-01-05T09:00"), 4, TimeUnit.school_hours)
    assert isinstance(pickle.loads(pickle.dumps(NoSchoolTime(day))), NoSchoolTime)


def test_the_search_reaches_its_last_day() -> None:
    first = date(2026, 1, 5)
    reached, missed = first + timedelta(SEARCH_DAYS - 1), first + timedelta(SEARCH_DAYS)

    def only(day: date) -> Calendar:
        return Calendar(opening={}, exceptions=(HoursException(day, day, dict.fromkeys(range(7), (MORNING,))),))

    assert next_school_day(only(reached), first) == reached
    with pytest.raises(NoSchoolTime):
        next_school_day(only(missed), first)


def test_another_zone_counts_its_own_days() -> None:
    paris = Calendar(timezone="Europe/Paris", opening=WEEK)
    assert later(paris, datetime(2026, 3, 28, 10, tzinfo=UTC), 1, TimeUnit.calendar_days) == datetime(
        2026, 3, 29, 21, 59, tzinfo=UTC
    )


def test_a_date_that_comes_twice_is_counted_once() -> None:
    """Newfoundland went back over midnight in 2006: Sunday began, turned into Saturday again, and began once more."""
    calendar = Calendar(timezone="America/St_Johns", opening=dict.fromkeys(range(7), (MORNING,)))
    zone = ZoneInfo("America/St_Johns")
    sunday = datetime(2006, 10, 29, 0, 0, 30, tzinfo=zone)
    saturday_again = datetime(2006, 10, 28, 23, 30, tzinfo=zone, fold=1)
    assert sunday.astimezone(UTC) < saturday_again.astimezone(UTC)
    one, other = (later(calendar, start, 1, TimeUnit.school_days) for start in (sunday, saturday_again))
    assert one == other == datetime(2006, 10, 30, 12, tzinfo=zone)


# elapsed and months


@pytest.mark.parametrize(
    ("start", "end", "unit", "expected"),
    [
        ("2026-01-05T09:00", "2026-01-05T10:59", TimeUnit.clock_hours, 1),
        ("2026-02-14T20:00", "2026-02-15T19:00", TimeUnit.clock_hours, 24),
        ("2026-01-05T10:00", "2026-01-05T16:29", TimeUnit.school_hours, 3),
        ("2026-01-05T10:00", "2026-01-05T16:30", TimeUnit.school_hours, 4),
        ("2026-01-10T11:00", "2026-01-12T08:00", TimeUnit.school_hours, 1),
        ("2026-01-05T09:00", "2026-01-06T17:59", TimeUnit.school_days, 0),
        ("2026-01-05T09:00", "2026-01-06T18:00", TimeUnit.school_days, 1),
        ("2026-01-24T09:00", "2026-02-01T18:00", TimeUnit.school_days, 0),
        ("2026-01-10T11:15", "2026-01-11T23:58", TimeUnit.calendar_days, 0),
        ("2026-01-10T11:15", "2026-01-11T23:59", TimeUnit.calendar_days, 1),
        ("2026-02-14T11:15", "2026-02-16T08:00", TimeUnit.calendar_days, 1),
        ("2026-03-21T02:30", "2026-03-22T23:59", TimeUnit.calendar_days, 1),
    ],
)
def test_elapsed_counts_whole_units(start: str, end: str, unit: TimeUnit, expected: int) -> None:
    assert elapsed(CALENDAR, at(start), at(end), unit) == expected
    assert elapsed(CALENDAR, at(end), at(start), unit) == 0


@pytest.mark.parametrize("unit", TimeUnit)
def test_elapsed_needs_no_school_time(unit: TimeUnit) -> None:
    start = at("2026-01-05T09:00")
    assert elapsed(EMPTY, start, start + timedelta(days=2), unit) == {"clock_hours": 48, "calendar_days": 1}.get(
        unit, 0
    )


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-01-05T09:00", "2026-02-05T08:59", 0),
        ("2026-01-05T09:00", "2026-02-05T09:00", 1),
        ("2026-01-05T09:00", "2027-01-05T09:00", 12),
        ("2026-01-31T09:00", "2026-02-28T09:00", 1),
        ("2026-01-31T09:00", "2026-02-27T09:00", 0),
        ("2028-02-29T09:00", "2029-02-28T09:00", 12),
        ("2026-02-28T09:00", "2026-03-28T09:00", 1),  # an hour longer in UTC
        ("2026-05-01T00:00", "2026-04-01T00:00", 0),
    ],
)
def test_months_are_local_calendar_months(start: str, end: str, expected: int) -> None:
    assert months_between(at(start), at(end), CALENDAR) == expected


def test_months_turn_at_local_midnight() -> None:
    start, end = datetime(2026, 1, 31, 23, tzinfo=UTC), datetime(2026, 4, 30, 23, tzinfo=UTC)
    assert months_between(start, end, CALENDAR) == 3, "1 February to 1 May, in Casablanca"


# Rolling and planning


def test_next_school_day_stays_on_a_school_day() -> None:
    assert next_school_day(CALENDAR, date(2026, 1, 10)) == date(2026, 1, 10)


def test_next_school_day_rolls_forward() -> None:
    assert next_school_day(CALENDAR, date(2026, 1, 11)) == date(2026, 1, 12)
    assert next_school_day(CALENDAR, date(2026, 1, 25)) == date(2026, 2, 2)


def test_next_school_day_within_reach_or_the_day_itself() -> None:
    holiday = date(2026, 1, 31)
    assert next_school_day(CALENDAR, holiday, within=2) == date(2026, 2, 2)
    assert next_school_day(CALENDAR, holiday, within=1) == holiday
    assert next_school_day(CALENDAR, holiday, within=0) == holiday
    assert next_school_day(EMPTY, holiday, within=2) == holiday
    with pytest.raises(NoSchoolTime):
        next_school_day(EMPTY, holiday)
    with pytest.raises(ValueError, match="negative"):
        next_school_day(CALENDAR, holiday, within=-1)


def test_the_schedule_of_n2_moves_to_the_next_school_day() -> None:
    rule = RollRule(to_next_school_day=True)
    dates = plan_dates(CALENDAR, at("2026-01-12T10:00"), [7, 15, 30], roll=rule)
    assert dates == (date(2026, 1, 19), date(2026, 2, 2), date(2026, 2, 11))


def test_the_schedule_of_n4_moves_two_days_at_most_and_its_first_days_never() -> None:
    rule = RollRule(to_next_school_day=True, at_most=2, fixed_offsets=frozenset({1, 3}))
    dates = plan_dates(CALENDAR, at("2026-01-24T10:00"), [1, 3, 7, 15, 30, 60, 90], roll=rule)
    assert dates == (
        date(2026, 1, 25),  # a holiday, kept
        date(2026, 1, 27),  # a holiday, kept
        date(2026, 2, 2),  # from Saturday 31 January, a holiday
        date(2026, 2, 9),  # from Sunday
        date(2026, 2, 23),
        date(2026, 3, 25),
        date(2026, 4, 24),
    )
    early = plan_dates(CALENDAR, at("2026-01-20T10:00"), [7], roll=rule)
    assert early == (date(2026, 1, 27),), "too deep in the holidays: it stays, by phone"


def test_a_schedule_that_does_not_roll() -> None:
    rule = RollRule(to_next_school_day=False, at_most=None, fixed_offsets=frozenset())
    assert plan_dates(EMPTY, at("2026-01-10T10:00"), (0, 1), roll=rule) == (date(2026, 1, 10), date(2026, 1, 11))
    assert plan_dates(EMPTY, at("2026-01-10T10:00"), (), roll=rule) == ()


def test_two_offsets_can_meet_after_the_same_holidays() -> None:
    dates = plan_dates(CALENDAR, at("2026-01-20T10:00"), [7, 10], roll=RollRule(to_next_school_day=True))
    assert dates == (date(2026, 2, 2), date(2026, 2, 2))


def test_a_schedule_counts_from_the_local_day() -> None:
    start = datetime(2026, 1, 4, 23, 30, tzinfo=UTC)
    assert plan_dates(CALENDAR, start, [1], roll=RollRule(to_next_school_day=True)) == (date(2026, 1, 6),)


def test_schedules_and_rules_refuse_negative_days() -> None:
    with pytest.raises(ValueError, match="before its start"):
        plan_dates(CALENDAR, at("2026-01-05T10:00"), [3, -1], roll=RollRule(to_next_school_day=True))
    with pytest.raises(ValueError, match="negative"):
        RollRule(to_next_school_day=True, at_most=-1)


# Properties

times = st.times().map(lambda each: each.replace(microsecond=0))


@st.composite
def weeks(draw: st.DrawFn) -> dict[int, tuple[Hours, ...]]:
    week = {}
    for day in range(7):
        bounds = sorted(draw(st.lists(times, max_size=6, unique=True)))
        week[day] = tuple(Hours(opens, closes) for opens, closes in pairwise(bounds[: len(bounds) // 2 * 2]))[::2]
    return week


days_2026 = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """A calendar that opens every week outside its holidays, in a zone that changes its offset or not."""
    week = draw(weeks())
    assume(any(week.values()))
    first = draw(days_2026)
    exception = HoursException(first, first + timedelta(draw(st.integers(0, 40))), draw(weeks()))
    zone = draw(
        st.sampled_from(["Africa/Casablanca", "Europe/Paris", "UTC", "America/St_Johns", "Australia/Lord_Howe"])
    )
    return Calendar(timezone=zone, opening=week, exceptions=(exception,), closed=draw(st.frozensets(days_2026)))


# Half of the starts lie around the nights on which Casablanca changes its offset.
starts = st.one_of(
    st.datetimes(datetime(2025, 12, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    *(
        st.timedeltas(timedelta(hours=-30), timedelta(hours=30)).map(night.__add__)
        for night in (datetime(2026, 2, 15, 2, tzinfo=UTC), datetime(2026, 3, 22, 2, tzinfo=UTC))
    ),
)
amounts = st.integers(0, 60)
units = st.sampled_from(TimeUnit)
anywhere = st.one_of(st.just(CALENDAR), calendars())


@pytest.mark.exhaustive
@given(anywhere, starts, amounts, amounts, units)
def test_a_larger_amount_is_never_due_earlier(
    calendar: Calendar, start: datetime, a: int, b: int, unit: TimeUnit
) -> None:
    small, large = sorted((a, b))
    assert start <= later(calendar, start, small, unit) <= later(calendar, start, large, unit)


@pytest.mark.exhaustive
@settings(max_examples=400)
@given(anywhere, starts, starts, amounts, units)
@example(
    CALENDAR,
    datetime(2026, 2, 15, 1, 59, 59, tzinfo=UTC),  # 2:59:59, the first time
    datetime(2026, 2, 15, 2, 0, 1, tzinfo=UTC),  # 2:00:01, the second time
    1,
    TimeUnit.calendar_days,
)
@example(
    CALENDAR,
    datetime(2026, 3, 21, 2, 59, tzinfo=UTC),  # a day before a time that is skipped
    datetime(2026, 3, 21, 3, 0, tzinfo=UTC),
    1,
    TimeUnit.calendar_days,
)
def test_a_later_start_is_never_due_earlier(
    calendar: Calendar, one: datetime, other: datetime, amount: int, unit: TimeUnit
) -> None:
    early, late = sorted((one, other))
    assert later(calendar, early, amount, unit) <= later(calendar, late, amount, unit)


@pytest.mark.exhaustive
@given(anywhere, starts, st.integers(1, 60))
def test_school_hours_end_while_the_school_is_open_or_as_it_closes(
    calendar: Calendar, start: datetime, hours: int
) -> None:
    end = later(calendar, start, hours, TimeUnit.school_hours)
    assert any(opens < end <= closes for opens, closes in calendar.spans(calendar.local(end).date()))


@pytest.mark.exhaustive
@given(anywhere, starts, st.integers(1, 60))
def test_school_hours_are_exactly_the_opening_time_between(calendar: Calendar, start: datetime, hours: int) -> None:
    end = later(calendar, start, hours, TimeUnit.school_hours)
    opened = timedelta(0)
    day = calendar.local(start).date() - timedelta(2)
    while day <= calendar.local(end).date():
        for opens, closes in calendar.spans(day):
            opened += max(timedelta(0), min(closes, end) - max(opens, start))
        day += timedelta(1)
    assert opened == timedelta(hours=hours)


@pytest.mark.exhaustive
@given(anywhere, starts, st.integers(1, 60))
def test_school_days_end_at_the_closing_of_a_school_day(calendar: Calendar, start: datetime, amount: int) -> None:
    end = later(calendar, start, amount, TimeUnit.school_days)
    day = calendar.local(end - timedelta(microseconds=1)).date()
    assert calendar.is_school_day(day)
    assert end == calendar.spans(day)[-1][1]
    assert day > calendar.local(start).date()


@given(anywhere, starts, st.integers(0, 60), units)
def test_what_is_due_has_elapsed_and_not_a_moment_before(
    calendar: Calendar, start: datetime, amount: int, unit: TimeUnit
) -> None:
    end = later(calendar, start, amount, unit)
    assert elapsed(calendar, start, end, unit) == amount
    if amount:
        assert elapsed(calendar, start, end - timedelta(microseconds=1), unit) == amount - 1


@pytest.mark.exhaustive
@given(anywhere, starts, starts, units)
def test_elapsed_is_the_largest_amount_that_is_due(
    calendar: Calendar, one: datetime, other: datetime, unit: TimeUnit
) -> None:
    start, end = sorted((one, other))
    count = elapsed(calendar, start, end, unit)
    assert later(calendar, start, count, unit) <= end < later(calendar, start, count + 1, unit)


@given(starts, amounts)
def test_calendar_days_land_on_the_day_they_say(start: datetime, amount: int) -> None:
    end = CALENDAR.local(later(CALENDAR, start, amount, TimeUnit.calendar_days))
    assert (end.date() - CALENDAR.local(start).date()).days == amount


@pytest.mark.exhaustive
@given(anywhere, days_2026)
def test_spans_are_in_order_and_on_their_own_day(calendar: Calendar, day: date) -> None:
    bounds = [moment for span in calendar.spans(day) for moment in span]
    assert bounds == sorted(bounds)
    assert all(opens < closes for opens, closes in calendar.spans(day))
    assert calendar.is_school_day(day) == bool(bounds)


@pytest.mark.exhaustive
@given(anywhere, days_2026, st.integers(0, 10))
def test_a_rolled_day_is_the_nearest_school_day_or_stays(calendar: Calendar, day: date, within: int) -> None:
    free = next_school_day(calendar, day)
    assert calendar.is_school_day(free)
    assert not any(calendar.is_school_day(day + timedelta(n)) for n in range((free - day).days))
    bound = next_school_day(calendar, day, within=within)
    assert bound == (free if (free - day).days <= within else day)


@pytest.mark.exhaustive
@given(anywhere, starts, st.lists(st.integers(0, 90)), st.sets(st.integers(0, 90)), st.none() | st.integers(0, 9))
def test_a_plan_has_one_date_an_offset_and_never_comes_early(
    calendar: Calendar, start: datetime, offsets: list[int], fixed: set[int], at_most: int | None
) -> None:
    rule = RollRule(to_next_school_day=True, at_most=at_most, fixed_offsets=frozenset(fixed))
    first = plan_dates(calendar, start, [0], roll=RollRule(to_next_school_day=False))[0]
    dates = plan_dates(calendar, start, offsets, roll=rule)
    for offset, day in zip(offsets, dates, strict=True):
        moved = (day - first).days - offset
        assert moved >= 0
        assert moved == 0 or calendar.is_school_day(day)
        assert offset not in fixed or moved == 0
        assert at_most is None or moved <= at_most


@given(starts, starts)
def test_twelve_months_are_a_year(one: datetime, other: datetime) -> None:
    start, end = sorted((one, other))
    months = months_between(start, end, CALENDAR)
    days = elapsed(CALENDAR, start, end, TimeUnit.calendar_days)
    assert 28 * months <= days <= 31 * (months + 1)
