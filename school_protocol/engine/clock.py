"""School time: opening hours, school days, when something falls due, and the morning of a digest.

Everything here is a plain function of values. Nothing reads the time: services ask a `Clock` and hand the answer in.
Instants enter as aware datetimes of any zone and leave as aware UTC; days are local dates of the calendar.

Wall-clock arithmetic never runs backwards, also on the two nights a year when Casablanca changes its offset (it
leaves UTC+1 for Ramadan). A wall time that is skipped that night means the instant of the change; one that comes twice
means its first passing; a start in the second passing counts as the end of the repeated hour. So a later start, or a
larger amount, never gives an earlier due moment.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import islice, pairwise
from typing import Protocol, Self, assert_never
from zoneinfo import ZoneInfo

DEFAULT_TIMEZONE = "Africa/Casablanca"
SEARCH_DAYS = 400
"""How many closed days in a row are searched before a calendar is said to have no school time."""

_DAY = timedelta(days=1)
_LAST_MINUTE = time(23, 59)
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)


class NoSchoolTime(ValueError):
    """The calendar never opens within reach, so nothing can be counted in school time."""

    def __init__(self, first: date) -> None:
        super().__init__(
            f"the calendar has no school day in the {SEARCH_DAYS} days from {first.isoformat()}: "
            "check its opening hours and its holidays"
        )
        self.first = first

    def __reduce__(self) -> tuple[type[Self], tuple[date]]:
        return type(self), (self.first,)


class Clock(Protocol):
    """What tells the time of a realm. `now` is an aware UTC datetime."""

    def now(self) -> datetime: ...


class TimeUnit(StrEnum):
    """What a deadline is counted in."""

    clock_hours = "clock_hours"
    school_hours = "school_hours"
    school_days = "school_days"
    calendar_days = "calendar_days"


@dataclass(frozen=True, slots=True)
class Hours:
    """One stretch of opening, in local wall time, within one day."""

    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.opens.tzinfo is not None or self.closes.tzinfo is not None:
            raise ValueError("opening hours are local wall times, without a zone")
        if self.opens >= self.closes:
            raise ValueError(f"opening hours must open before they close: {self.opens} to {self.closes}")


class Week(Mapping[int, tuple[Hours, ...]]):
    """Opening hours by weekday (Monday 0 … Sunday 6), in order; a day that is absent is closed. Immutable, hashable."""

    __slots__ = ("_days", "_hash")
    _days: tuple[tuple[Hours, ...], ...]
    _hash: int

    def __init__(self, opening: Mapping[int, Iterable[Hours]]) -> None:
        if unknown := set(opening) - set(range(7)):
            raise ValueError(f"a weekday is 0 (Monday) to 6 (Sunday), not {sorted(unknown)}")
        days = tuple(tuple(sorted(opening.get(day, ()), key=lambda hours: hours.opens)) for day in range(7))
        for hours in days:
            for former, latter in pairwise(hours):
                if latter.opens < former.closes:
                    raise ValueError(f"opening hours overlap: {former} and {latter}")
        self._days = days
        self._hash = hash(days)

    def __getitem__(self, day: int) -> tuple[Hours, ...]:
        if day in range(7) and (hours := self._days[day]):
            return hours
        raise KeyError(day)

    def __iter__(self) -> Iterator[int]:
        return (day for day, hours in enumerate(self._days) if hours)

    def __len__(self) -> int:
        return sum(1 for hours in self._days if hours)

    def __eq__(self, other: object) -> bool:
        return self._days == other._days if isinstance(other, Week) else super().__eq__(other)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Week({dict(self)!r})"

    def __reduce__(self) -> tuple[type[Self], tuple[dict[int, tuple[Hours, ...]]]]:
        return type(self), (dict(self),)  # the hash differs from one process to the next


@dataclass(frozen=True, slots=True)
class HoursException:
    """Other opening hours from `first` to `last`, both included (Ramadan). They replace the usual week entirely."""

    first: date
    last: date
    opening: Mapping[int, tuple[Hours, ...]]

    def __post_init__(self) -> None:
        _check_dates(self.first, self.last)
        if self.first > self.last:
            raise ValueError(f"an exception must begin before it ends: {self.first} to {self.last}")
        object.__setattr__(self, "opening", Week(self.opening))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The school time of an academy or school. Where exceptions overlap, the last one holds; `closed` beats them."""

    timezone: str = DEFAULT_TIMEZONE
    opening: Mapping[int, tuple[Hours, ...]]
    exceptions: tuple[HoursException, ...] = ()
    closed: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"unknown time zone: {self.timezone!r}") from error
        _check_dates(*self.closed)
        object.__setattr__(self, "opening", Week(self.opening))
        object.__setattr__(self, "exceptions", tuple(self.exceptions))
        object.__setattr__(self, "closed", frozenset(self.closed))

    def is_school_day(self, day: date) -> bool:
        """Whether the school opens at all that day."""
        return bool(self.spans(day))

    def spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """When the school is open that day: (opens, closes) in aware UTC, in order, without overlap."""
        _check_dates(day)
        return _spans(self, day)

    def local(self, moment: datetime) -> datetime:
        """The same instant in the calendar's own zone."""
        return _utc(moment).astimezone(ZoneInfo(self.timezone))

    def start_of(self, day: date) -> datetime:
        """The first moment of a local day, in UTC."""
        return _instant(ZoneInfo(self.timezone), datetime.combine(day, time(0)))


@dataclass(frozen=True, slots=True)
class RollRule:
    """How planned days leave closed days: rolled forward or not, by how many days at most, and which offsets stay."""

    to_next_school_day: bool
    at_most: int | None = None
    fixed_offsets: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if self.at_most is not None and self.at_most < 0:
            raise ValueError("at_most counts days: it can't be negative")


def later(calendar: Calendar, start: datetime, amount: int, unit: TimeUnit) -> datetime:
    """When `amount` units from `start` are over, in UTC. Nothing to wait (0) is the start itself, open or closed.

    - clock hours: by the clock, whatever the calendar.
    - school hours: only opening time counts, across nights, weekends and holidays. What ends just as the school closes
      is due at that closing, not at the next opening.
    - school days: the local day of the start is day 0, whether the school is open on it or not; due when the school
      closes (the last time that day) on the `amount`-th school day after it.
    - calendar days: the local day of the start is day 0; due as the `amount`-th day after it ends, whenever it began.

    Raises `NoSchoolTime` where school time is asked and the calendar stays closed for `SEARCH_DAYS` days in a row.
    """
    if amount < 0:
        raise ValueError(f"a deadline can't run backwards: {amount}")
    start = _utc(start)
    if amount == 0:
        return start
    match unit:
        case TimeUnit.clock_hours:
            return start + amount * _HOUR
        case TimeUnit.school_hours:
            return _after_opening_time(calendar, start, amount * _HOUR)
        case TimeUnit.school_days:
            days = _school_days(calendar, _wall(calendar, start).date() + _DAY)
            due = next(islice(days, amount - 1, None))
            return _spans(calendar, due)[-1][1]
        case TimeUnit.calendar_days:
            day = _wall(calendar, start).date() + amount * _DAY
            return _instant(ZoneInfo(calendar.timezone), datetime.combine(day, _LAST_MINUTE))
        case _:
            assert_never(unit)


def elapsed(calendar: Calendar, start: datetime, end: datetime, unit: TimeUnit) -> int:
    """How many whole units have passed: the largest n such that `later(calendar, start, n, unit) <= end`.

    So a school day has passed once the school has closed on it, and the day of the start never counts. 0 where the end
    comes before the start.
    """
    start, end = _utc(start), _utc(end)
    if end <= start:
        return 0
    first, last = _wall(calendar, start), _wall(calendar, end)
    match unit:
        case TimeUnit.clock_hours:
            return (end - start) // _HOUR
        case TimeUnit.school_hours:
            opened = (
                max(timedelta(0), min(closes, end) - max(opens, start))
                for day in _days(first.date(), last.date())
                for opens, closes in _spans(calendar, day)
            )
            return sum(opened, timedelta(0)) // _HOUR
        case TimeUnit.school_days:
            days_after = _days(first.date() + _DAY, last.date())
            return sum(1 for day in days_after if (spans := _spans(calendar, day)) and spans[-1][1] <= end)
        case TimeUnit.calendar_days:
            days = (last.date() - first.date()).days
            return days if later(calendar, start, days, unit) <= end else max(0, days - 1)
        case _:
            assert_never(unit)


def waited(calendar: Calendar, start: datetime, end: datetime, unit: TimeUnit) -> int:
    """How long something took, in whole units: as `elapsed`, but that calendar days run from moment to moment."""
    if unit is not TimeUnit.calendar_days:
        return elapsed(calendar, start, end, unit)
    return max(0, (_wall(calendar, _utc(end)) - _wall(calendar, _utc(start))).days)


def months_between(start: datetime, end: datetime, calendar: Calendar) -> int:
    """How many whole months have passed, by the local date and wall time. 0 where the end comes before the start.

    A month is over on the same day of the next one, or on its last day where it is shorter: 31 January to 28 February
    is one month. What says "up to twelve months" therefore asks for fewer than twelve whole ones.
    """
    first, last = _wall(calendar, _utc(start)), _wall(calendar, _utc(end))
    count = (last.year - first.year) * 12 + last.month - first.month
    day = min(first.day, monthrange(last.year, last.month)[1])
    if (last.day, last.time()) < (day, first.time()):
        count -= 1
    return max(0, count)


def next_school_day(calendar: Calendar, day: date, *, within: int | None = None) -> date:
    """The day itself if the school is open on it, else the first school day after it.

    With `within`, a school day more than that many days away isn't taken: the day stays where it is. Without it, raises
    `NoSchoolTime` where there is none to be found.
    """
    _check_dates(day)
    if within is None:
        return next(_school_days(calendar, day))
    if within < 0:
        raise ValueError("within counts days: it can't be negative")
    return next((each for each in _days(day, day + within * _DAY) if _spans(calendar, each)), day)


def plan_dates(calendar: Calendar, start: datetime, offsets: Sequence[int], *, roll: RollRule) -> tuple[date, ...]:
    """The local dates of a schedule, in calendar days after the local day of the start: one date an offset, in order.

    Two offsets that fall into the same holidays can be rolled to the same date.
    """
    if any(offset < 0 for offset in offsets):
        raise ValueError(f"a schedule can't begin before its start: {list(offsets)}")
    first = _wall(calendar, _utc(start)).date()

    def planned(offset: int) -> date:
        day = first + offset * _DAY
        if not roll.to_next_school_day or offset in roll.fixed_offsets:
            return day
        return next_school_day(calendar, day, within=roll.at_most)

    return tuple(planned(offset) for offset in offsets)


# Days and opening time


@lru_cache(maxsize=16_384)
def _spans(calendar: Calendar, day: date) -> tuple[tuple[datetime, datetime], ...]:
    if day in calendar.closed:
        return ()
    opening = calendar.opening
    for exception in calendar.exceptions:
        if exception.first <= day <= exception.last:
            opening = exception.opening
    zone = ZoneInfo(calendar.timezone)
    spans = (
        (_instant(zone, datetime.combine(day, hours.opens)), _instant(zone, datetime.combine(day, hours.closes)))
        for hours in opening.get(day.weekday(), ())
    )
    return tuple((opens, closes) for opens, closes in spans if opens < closes)  # the change of offset may swallow one


def _days(first: date, last: date) -> Iterator[date]:
    return (first + count * _DAY for count in range((last - first).days + 1))


def _school_days(calendar: Calendar, first: date) -> Iterator[date]:
    """The school days from `first` on, without end; raises once `SEARCH_DAYS` days in a row are closed."""
    day, since = first, first
    while (day - since).days < SEARCH_DAYS:
        if _spans(calendar, day):
            yield day
            since = day + _DAY
        day += _DAY
    raise NoSchoolTime(since)


def _after_opening_time(calendar: Calendar, start: datetime, left: timedelta) -> datetime:
    for day in _school_days(calendar, _wall(calendar, start).date()):
        for opens, closes in _spans(calendar, day):
            begins = max(opens, start)
            if begins >= closes:
                continue
            if left <= closes - begins:
                return begins + left
            left -= closes - begins
    raise AssertionError("school days have no end")


# Wall time and instants


def _utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"a moment must say its zone: {moment!r}")
    return moment.astimezone(UTC)


def _check_dates(*days: date) -> None:
    for day in days:
        if isinstance(day, datetime):  # a datetime is a date to Python, yet equals none
            raise TypeError(f"a day is a date, not a moment: {day!r}")


def _wall(calendar: Calendar, moment: datetime) -> datetime:
    """What the local clock on the wall shows (naive), held at the end of the repeated hour while that hour repeats."""
    zone = ZoneInfo(calendar.timezone)
    local = moment.astimezone(zone)
    wall = local.replace(tzinfo=None, fold=0)
    if not local.fold:
        return wall
    first_passing = wall.replace(tzinfo=zone).astimezone(UTC)
    change = _change(zone, first_passing, moment)
    return wall + (change - first_passing)


def _instant(zone: ZoneInfo, wall: datetime) -> datetime:
    """The first instant, in UTC, at which the local clock shows `wall`, or would have if the hour weren't skipped."""
    one = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    other = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return one if one <= other else _change(zone, other, one)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The instant at which the zone's offset changes, between an instant before it and one after (or at) it."""
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


# When digests leave, on the school days of where somebody works.
MORNING = time(8)
