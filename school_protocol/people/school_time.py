"""When schools are open: the usual Moroccan year, a file that people write, and who says it for which place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.service import BY_COMMAND
from school_protocol.config import COUNTRY, DEFAULT_COUNTRY, ZONE
from school_protocol.context import AppContext, today_for
from school_protocol.engine.clock import Calendar, Hours, HoursException
from school_protocol.engine.errors import SchoolProtocolError, Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.people import repository
from school_protocol.people.staff_list import admin_of, row_of
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Change, Kind

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST_DAYS = 3_000
"""So many closed days may a file name: some years of them."""

# ---- the usual year: indicative, for the academy to replace with the year's circular ---------------------------------

_DAY = (Hours(time(8, 30), time(12, 30)), Hours(time(14, 30), time(18, 30)))
_RAMADAN = (Hours(time(9, 0), time(12, 0)), Hours(time(12, 30), time(15, 0)))
WEEK = {**dict.fromkeys(range(5), _DAY), 5: (Hours(time(8, 30), time(12, 30)),)}
RAMADAN_WEEK = {**dict.fromkeys(range(5), _RAMADAN), 5: (Hours(time(9, 0), time(12, 30)),)}
RAMADAN = ((date(2026, 2, 19), date(2026, 3, 19)), (date(2027, 2, 8), date(2027, 3, 9)))
SCHOOL_HOLIDAYS = (
    (date(2025, 10, 19), date(2025, 10, 26)),
    (date(2026, 7, 1), date(2026, 9, 6)),
    (date(2026, 10, 25), date(2026, 11, 1)),
    (date(2026, 12, 13), date(2026, 12, 20)),
    (date(2027, 1, 31), date(2027, 2, 7)),
    (date(2027, 3, 14), date(2027, 3, 21)),
    (date(2027, 5, 2), date(2027, 5, 9)),
    (date(2027, 7, 1), date(2027, 9, 5)),
)
YEARS = range(2025, 2029)


def usual() -> Calendar:
    """Monday to Saturday, public holidays closed; in Morocco school holidays too, and Ramadan has its own hours."""
    import holidays

    closed = set(holidays.country_holidays(COUNTRY, years=YEARS))
    if COUNTRY != DEFAULT_COUNTRY:
        return Calendar(opening=WEEK, closed=frozenset(closed), timezone=ZONE.key)
    for first, last in SCHOOL_HOLIDAYS:
        closed |= set(_from_to(first, last))
    exceptions = tuple(HoursException(first, last, RAMADAN_WEEK) for first, last in RAMADAN)
    return Calendar(opening=WEEK, exceptions=exceptions, closed=frozenset(closed), timezone=ZONE.key)


# ---- a file of it ----------------------------------------------------------------------------------------------------


class BadCalendar(SchoolProtocolError):
    """The file says no calendar: where, and why."""


def read(said: Any) -> Calendar:
    """A calendar as a file says it (`week`, `exceptions`, `closed`). Raises BadCalendar."""
    if not isinstance(said, Mapping) or not said.get("week"):
        raise BadCalendar("week: a calendar says on which days and hours schools are open")
    if unknown := set(said) - {"week", "exceptions", "closed", "timezone"}:
        raise BadCalendar(f"{min(map(str, unknown))}: nothing of a calendar is called so")
    try:
        zone = str(said.get("timezone") or ZONE.key)
        exceptions = tuple(_exceptions(said.get("exceptions") or ()))
        return Calendar(opening=_week("week", said["week"]), exceptions=exceptions, closed=_closed(said), timezone=zone)
    except ValueError as error:
        raise BadCalendar(str(error)) from None


def _week(where: str, said: Any) -> dict[int, tuple[Hours, ...]]:
    if not isinstance(said, Mapping) or set(said) - set(DAYS):
        raise BadCalendar(f"{where}: the days are {', '.join(DAYS)}")
    return {
        DAYS.index(day): tuple(_hours(f"{where}.{day}", one) for one in _many(hours)) for day, hours in said.items()
    }


def _hours(where: str, said: Any) -> Hours:
    found = re.fullmatch(r"(\d\d:\d\d)-(\d\d:\d\d)", str(said))
    if found is None:
        raise BadCalendar(f"{where}: hours are written as 08:30-12:30")
    try:
        return Hours(time.fromisoformat(found[1]), time.fromisoformat(found[2]))
    except ValueError as error:
        raise BadCalendar(f"{where}: {error}") from None


def _exceptions(said: Any) -> Iterator[HoursException]:
    for place, one in enumerate(_many(said), 1):
        where = f"exceptions, {place}"
        if not isinstance(one, Mapping) or set(one) != {"from", "until", "week"}:
            raise BadCalendar(f"{where}: each says from, until and week")
        first, last = _date(f"{where}.from", one["from"]), _date(f"{where}.until", one["until"])
        yield HoursException(first, last, _week(f"{where}.week", one["week"]))


def _closed(said: Mapping[str, Any]) -> frozenset[date]:
    found: set[date] = set()
    for one in _many(said.get("closed") or ()):
        first, _to, last = str(one).partition(" to ")
        days = (_date("closed", first), _date("closed", last or first))
        if days[0] > days[1] or (days[1] - days[0]).days > MOST_DAYS:
            raise BadCalendar(f"closed: {one} ends before it begins, or is too long")
        found |= set(_from_to(*days))
        if len(found) > MOST_DAYS:
            raise BadCalendar(f"closed: more than {MOST_DAYS} days")
    return frozenset(found)


def _date(where: str, said: Any) -> date:
    try:
        return date.fromisoformat(str(said))
    except ValueError:
        raise BadCalendar(f"{where}: a day is written as 2026-11-18, not {said}") from None


def _many(said: Any) -> list[Any]:
    return list(said) if isinstance(said, list | tuple) else [said]


def _from_to(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=count) for count in range((last - first).days + 1))


def written(calendar: Calendar) -> dict[str, Any]:
    """The calendar as `read` takes it."""
    return {
        "timezone": calendar.timezone,
        "week": _week_out(calendar.opening),
        "exceptions": [
            {"from": one.first.isoformat(), "until": one.last.isoformat(), "week": _week_out(one.opening)}
            for one in calendar.exceptions
        ],
        "closed": [
            first.isoformat() if first == last else f"{first} to {last}"
            for first, last in _spans(sorted(calendar.closed))
        ],
    }


def _week_out(opening: Mapping[int, tuple[Hours, ...]]) -> dict[str, list[str]]:
    return {
        DAYS[day]: [f"{one.opens:%H:%M}-{one.closes:%H:%M}" for one in hours] for day, hours in opening.items() if hours
    }


def _spans(days: list[date]) -> list[tuple[date, date]]:
    found: list[tuple[date, date]] = []
    for day in days:
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


# ---- of a place ------------------------------------------------------------------------------------------------------


def calendar_at(ctx: AppContext, code: str) -> Calendar:
    """The calendar that holds at a place. Raises Unseen; BadCalendar where none holds there."""
    with ctx.directory.reading() as session:
        here = auth_repository.unit_coded(session, code)
        if here is None:
            raise Unseen(code)
        if not repository.has_calendar(session, here):
            raise BadCalendar(f"{code} has no calendar, nor has anything above it")
        return repository.calendar_for(session, here)


def keep(ctx: AppContext, actor: Actor, code: str, calendar: Calendar) -> None:
    """From now on this calendar holds at a place and below; what is due already stays. Raises Unseen."""
    admin = admin_of(ctx, actor)
    with ctx.directory.writing() as session:
        here = auth_repository.unit_coded(session, code)
        if here is None or not admin.reaches(here):
            raise Unseen(code)
        repository.set_calendar(session, here.id, calendar)
        post = next(one for one in admin.posts if one.unit in (here.id, *here.parents))
        administration_log.write_entry(
            session,
            Change(
                at=ctx.now(), actor=actor.id, kind=Kind.unit_changed, unit=here.id, account=actor.id, role=post.role,
                appointment=row_of(session, actor, post, today_for(ctx)), reason=BY_COMMAND,
            ),
        )  # fmt: skip
