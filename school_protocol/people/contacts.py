"""Views of contacts: who to call, whether they answer now, and on which days they rest; limited to their reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.config import COUNTRY
from school_protocol.context import AppContext
from school_protocol.engine.clock import Calendar
from school_protocol.engine.definition import Protocol, Target
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Unit, UnitKind
from school_protocol.language import ZONE
from school_protocol.people import repository
from school_protocol.people.models import ContactRow
from school_protocol.people.spreadsheets import same
from school_protocol.storage.engines import Session


@dataclass(frozen=True, slots=True)
class ContactLine:
    """Somebody to call: living directory data. `open_now` is None where hours are not known.

    `is_stale`: nobody has found it right for long.
    """

    target: Target | None
    name: Mapping[str, str]
    phone: str | None = None
    url: str | None = None
    open_now: bool | None = None
    verified_on: date | None = None
    is_stale: bool = False
    id: str = ""
    city: Mapping[str, str] = field(default_factory=dict)


# ---- days off: public holidays, and where the school itself is closed ----------------------------------------------
# Feasts that follow the moon are reckoned beforehand, and may fall a day away: there an academy's own calendar
# decides.

_LANGUAGES = {"fr": "fr", "ar": "ar", "en": "en_US"}
_RECKONED = "(estimated)"
_DAY = timedelta(days=1)


def named(year: int, language: str) -> Mapping[date, str]:
    """The public holidays of a year by name, in a language that they are known in."""
    return _named(year, _LANGUAGES.get(language, "fr"))


def is_public_holiday(day: date, calendar: Calendar | None) -> bool:
    """Whether offices rest that day; `calendar`: the academy's, where one is known."""
    if day in _fixed(day.year):
        return True
    reckoned = _reckoned(day.year)
    if calendar is None:
        return day in reckoned
    return day in calendar.closed and not reckoned.isdisjoint((day - _DAY, day, day + _DAY))


@lru_cache(maxsize=16)
def _named(year: int, language: str) -> Mapping[date, str]:
    import holidays

    return dict(holidays.country_holidays(COUNTRY, years=year, language=language))


@lru_cache(maxsize=8)
def _fixed(year: int) -> frozenset[date]:
    found = _named(year, _LANGUAGES["en"])
    return frozenset(day for day, said in found.items() if any(_RECKONED not in one for one in said.split("; ")))


@lru_cache(maxsize=8)
def _reckoned(year: int) -> frozenset[date]:
    """Of that year, and of the days beside it."""
    return frozenset(
        day for each in (year - 1, year, year + 1) for day, said in _named(each, _LANGUAGES["en"]).items()
        if _RECKONED in said
    )  # fmt: skip


# ---- living directory data as pages need it ------------------------------------------------------------------------

ALWAYS, HOLIDAYS = "always", "holidays"
"""Of hours: day and night; also on public holidays."""


def schools_without_calendar(ctx: AppContext) -> tuple[str, ...]:
    """Codes of the schools in which no deadline can be counted, and so nothing reported: no calendar holds there."""
    with ctx.directory.reading() as session:
        schools = auth_repository.units_of_kind(session, UnitKind.school)
        return tuple(school.code for school in schools if not repository.has_calendar(session, school))


def contact_lines(
    ctx: AppContext, protocol: Protocol, unit: str, targets: Iterable[str] | None = None
) -> tuple[ContactLine, ...]:
    """Contacts that serve a unit, nearest first, of those kept for one place the unit's own town first.

    Limited to `targets`, in their order, where given.
    """
    with ctx.directory.reading() as session:
        here = auth_repository.unit(session, unit)
        found = _nearest_town_first(repository.contacts_of(session, unit), repository.city_of(session, unit))
        calendar = calendar_of(session, here)
    own = here.id if here.kind is UnitKind.school else None
    wanted = list(dict.fromkeys(targets)) if targets is not None else None
    lines = [
        _line(
            ctx,
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


def _nearest_town_first(found: Sequence[ContactRow], town: str) -> list[ContactRow]:
    """The same contacts, where of one place those of that town come before the others."""
    places = {one.unit: place for place, one in reversed(list(enumerate(found)))}
    return sorted(found, key=lambda one: (places[one.unit], not is_of_town(one.city, town)))


@dataclass(frozen=True, slots=True)
class Addressee:
    """The organisation to which a letter goes, and its town; empty: the directory doesn't say."""

    names: Mapping[str, str] = field(default_factory=dict)
    city: Mapping[str, str] = field(default_factory=dict)


def addressee(
    ctx: AppContext, protocol: Protocol, unit: str, target: str, known_as: Mapping[str, str] | None = None
) -> Addressee:
    """The contact of that service which is called so, or else the one kept for a unit's own town, where it is one."""
    with ctx.directory.reading() as session:
        town, found = repository.city_of(session, unit), repository.contacts_of(session, unit)
    serving = [one for one in found if protocol.resolve("targets", one.target) == target]
    if known_as:
        called = (one for one in serving if one.names == known_as)
        return Addressee(known_as, next((one.city for one in called), {}))
    fitting = [one for one in serving if is_of_town(one.city, town)]
    return Addressee(fitting[0].names, fitting[0].city) if len(fitting) == 1 else Addressee()


def is_of_town(city: Mapping[str, str], town: str) -> bool:
    """Whether that is the town which is meant, however it is written."""
    return bool(town) and any(same(town, name) for name in city.values())


def numbers_of_the_country(ctx: AppContext, protocol: Protocol | None = None) -> tuple[ContactLine, ...]:
    """Who answers everywhere, for a page that knows of no school: those with a telephone number and a name.

    Each with the target of `protocol` that it is, where one is given.
    """
    with ctx.directory.reading() as session:
        found = repository.country_contacts(session)
    return tuple(
        _line(
            ctx,
            contact,
            protocol.targets.get(protocol.resolve("targets", contact.target)) if protocol is not None else None,
            None,
        )
        for contact in found
        if contact.phone and contact.names
    )


def calendar_of(session: Session, unit: Unit) -> Calendar | None:
    """The calendar that holds in a unit, where one does."""
    try:
        return repository.calendar_for(session, unit)
    except Unseen:
        return None


def _line(
    ctx: AppContext,
    contact: ContactRow,
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
        open_now=is_open(contact.hours, ctx.now(), calendar, rests_with_school=rests_with_school),
        verified_on=contact.verified_on,
        is_stale=is_stale(ctx, contact.verified_on),
    )


def is_stale(ctx: AppContext, verified_on: date | None) -> bool:
    """Whether a contact is due to be checked: never found right, or so long ago."""
    today = ctx.now().astimezone(ZONE).date()
    return verified_on is None or verified_on < today - timedelta(days=ctx.settings.contact_days)


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
    if not hours.get(HOLIDAYS) and is_public_holiday(day, calendar):
        return False
    if rests_with_school and calendar is not None and day in calendar.closed:
        return False
    spans = hours.get(str(local.weekday()), ())
    return any(time.fromisoformat(opens) <= local.time() < time.fromisoformat(closes) for opens, closes in spans)
