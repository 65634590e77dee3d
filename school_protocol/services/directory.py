"""Living directory data as pages need it: who to call, and whether they answer now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from school_protocol.domain.clock import Calendar
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Unit, UnitKind
from school_protocol.domain.protocol import Protocol, Target
from school_protocol.services import days_off
from school_protocol.services.house import House
from school_protocol.services.staff.lists import same
from school_protocol.services.views import ContactLine
from school_protocol.storage import directory
from school_protocol.storage.engines import Session
from school_protocol.wording import ZONE

ALWAYS, HOLIDAYS = "always", "holidays"
"""Of hours: day and night; also on public holidays."""


def schools_without_calendar(house: House) -> tuple[str, ...]:
    """Codes of the schools in which no deadline can be counted, and so nothing reported: no calendar holds there."""
    with house.directory.reading() as session:
        schools = directory.units_of_kind(session, UnitKind.school)
        return tuple(school.code for school in schools if not directory.has_calendar(session, school))


def contact_lines(
    house: House, protocol: Protocol, unit: str, targets: Iterable[str] | None = None
) -> tuple[ContactLine, ...]:
    """Contacts that serve a unit, nearest first, of those kept for one place the unit's own town first.

    Limited to `targets`, in their order, where given.
    """
    with house.directory.reading() as session:
        here = directory.unit(session, unit)
        found = _nearest_town_first(directory.contacts(session, unit), directory.city_of(session, unit))
        calendar = calendar_of(session, here)
    own = here.id if here.kind is UnitKind.school else None
    wanted = list(dict.fromkeys(targets)) if targets is not None else None
    lines = [
        _line(
            house,
            contact,
            protocol.targets.get(protocol.resolve("targets", contact.target)),
            calendar,
            rests_with_school=own is not None and contact.unit == own,
        )
        for contact in found
    ]
    if wanted is None:
        return tuple(lines)
    known = [line for line in lines if line.target is not None and line.target.key in wanted]
    order = {key: place for place, key in enumerate(wanted)}
    known.sort(
        key=lambda line: (line.phone is None, _ANSWERS[line.open_now], order[line.target.key] if line.target else 0)
    )
    return tuple(known)


_ANSWERS = {True: 0, None: 1, False: 2}
"""Who answers now comes first, then whose hours nobody has said, last who is closed."""


def _nearest_town_first(found: Sequence[directory.Contact], town: str) -> list[directory.Contact]:
    """The same contacts, where of one place those of that town come before the others."""
    places = {one.unit: place for place, one in reversed(list(enumerate(found)))}
    return sorted(found, key=lambda one: (places[one.unit], not is_of_town(one.city, town)))


def names_in_town(house: House, protocol: Protocol, unit: str, target: str) -> Mapping[str, str]:
    """The names of the one contact of that service kept for a unit's own town; none where there is none, or several."""
    with house.directory.reading() as session:
        town, found = directory.city_of(session, unit), directory.contacts(session, unit)
    fitting = [
        one.names for one in found if protocol.resolve("targets", one.target) == target and is_of_town(one.city, town)
    ]
    return fitting[0] if len(fitting) == 1 else {}


def is_of_town(city: Mapping[str, str], town: str) -> bool:
    """Whether that is the town which is meant, however it is written."""
    return bool(town) and any(same(town, name) for name in city.values())


def numbers_of_the_country(house: House) -> tuple[ContactLine, ...]:
    """Who answers everywhere, for a page that knows of no school: those with a telephone number and a name."""
    with house.directory.reading() as session:
        found = directory.country_contacts(session)
    return tuple(_line(house, contact, None, None) for contact in found if contact.phone and contact.names)


def calendar_of(session: Session, unit: Unit) -> Calendar | None:
    """The calendar that holds in a unit, where one does."""
    try:
        return directory.calendar_for(session, unit)
    except Unseen:
        return None


def _line(
    house: House,
    contact: directory.Contact,
    target: Target | None,
    calendar: Calendar | None,
    *,
    rests_with_school: bool = False,
) -> ContactLine:
    return ContactLine(
        id=contact.id,
        target=target,
        name=contact.names,
        city=contact.city,
        phone=contact.phone or None,
        url=contact.url or None,
        open_now=is_open(contact.hours, house.now(), calendar, rests_with_school=rests_with_school),
        verified_on=contact.verified_on,
        is_stale=is_stale(house, contact.verified_on),
    )


def is_stale(house: House, verified_on: date | None) -> bool:
    """Whether a contact is due to be checked: never found right, or so long ago."""
    today = house.now().astimezone(ZONE).date()
    return verified_on is None or verified_on < today - timedelta(days=house.settings.contact_days)


def is_open(
    hours: Mapping[str, Any], now: datetime, calendar: Calendar | None = None, *, rests_with_school: bool = False
) -> bool | None:
    """Whether somebody answers now: `always`, or spans by weekday; None where hours are not known.

    Whoever keeps hours rests on public holidays, unless it is said that they don't (`holidays`); and whoever serves
    one school alone, on all days on which it is closed.
    """
    if not hours:
        return None
    if hours.get(ALWAYS):
        return True
    local = now.astimezone(ZONE)
    day = local.date()
    if not hours.get(HOLIDAYS) and days_off.is_public_holiday(day, calendar):
        return False
    if rests_with_school and calendar is not None and day in calendar.closed:
        return False
    spans = hours.get(str(local.weekday()), ())
    return any(time.fromisoformat(opens) <= local.time() < time.fromisoformat(closes) for opens, closes in spans)
