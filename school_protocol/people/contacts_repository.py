"""What belongs to no realm: accounts and their appointments, units, contacts, calendars, published definitions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, time
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from school_protocol.auth.models import UnitRow
from school_protocol.auth.repository import unit
from school_protocol.engine.clock import Calendar, Hours, HoursException
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Unit
from school_protocol.people.models import CalendarRow, ContactRow
from school_protocol.storage.models import new_id


def add_contact(
    session: Session,
    *,
    target: str,
    names: Mapping[str, str],
    unit: str | None = None,
    labels: Mapping[str, str] | None = None,
    city: Mapping[str, str] | None = None,
    phone: str = "",
    url: str = "",
    hours: Mapping[str, Any] | None = None,
    position: int = 0,
) -> str:
    """A new contact, not verified yet; returns its id."""
    row = ContactRow(
        id=new_id(),
        unit=unit,
        target=target,
        names=dict(names),
        labels=dict(labels or {}),
        city=dict(city or {}),
        phone=phone,
        url=url,
        hours=dict(hours or {}),
        position=position,
    )
    session.add(row)
    session.flush()
    return row.id


def verify_contact(session: Session, contact_id: str, *, on: date, by: str) -> None:
    """Somebody called, and it is right."""
    row = session.get(ContactRow, contact_id)
    if row is None:
        raise Unseen(contact_id)
    row.verified_on, row.verified_by, row.revision = on, by, row.revision + 1
    session.flush()


def contacts_of(session: Session, unit_id: str) -> tuple[ContactRow, ...]:
    """The contacts that serve a unit: its own first, then those above it, then the country's."""
    here = unit(session, unit_id)
    chain = (here.id, *here.parents)
    here_or_everywhere = or_(ContactRow.unit.in_(chain), ContactRow.unit.is_(None))
    query = select(ContactRow).where(here_or_everywhere, ContactRow.retired_at.is_(None))
    rows = session.scalars(query.order_by(ContactRow.position, ContactRow.id)).all()
    nearness = {each: place for place, each in enumerate(chain)}
    return tuple(sorted(rows, key=lambda row: nearness.get(row.unit or "", len(chain))))


def city_of(session: Session, unit_id: str) -> str:
    """In which town a unit is, as a list said it; empty where it is not known."""
    return session.scalar(select(UnitRow.city).where(UnitRow.id == unit_id)) or ""


def country_contacts(session: Session) -> tuple[ContactRow, ...]:
    """The contacts that serve the whole country."""
    query = select(ContactRow).where(ContactRow.unit.is_(None), ContactRow.retired_at.is_(None))
    return tuple(session.scalars(query.order_by(ContactRow.position, ContactRow.id)))


def set_calendar(session: Session, unit_id: str, calendar: Calendar) -> None:
    """Keep the school time of a unit (as a rule an academy) and of all below it."""
    row = CalendarRow(
        unit=unit_id,
        timezone=calendar.timezone,
        opening=_opening_out(calendar.opening),
        exceptions=[
            {"first": each.first.isoformat(), "last": each.last.isoformat(), "opening": _opening_out(each.opening)}
            for each in calendar.exceptions
        ],
        closed=sorted(day.isoformat() for day in calendar.closed),
    )
    session.merge(row)
    session.flush()


def calendar_of(session: Session, unit_id: str) -> Calendar:
    """The calendar that holds in a unit: its own or the nearest above; raises Unseen where there is none at all."""
    return calendar_for(session, unit(session, unit_id))


def calendar_for(session: Session, here: Unit) -> Calendar:
    """The calendar that holds in a unit which is known already."""
    chain = (here.id, *here.parents)
    rows = {row.unit: row for row in session.execute(_CALENDARS, {"units": chain})}
    for each in chain:
        if each in rows:
            row = rows[each]
            return _calendar_said(row.timezone, *map(json.dumps, (row.opening, row.exceptions, row.closed)))
    raise Unseen(f"no calendar for unit {here.id}")


_CALENDARS = select(*CalendarRow.__table__.c).where(
    CalendarRow.__table__.c.unit.in_(bindparam("units", expanding=True))
)


def has_calendar(session: Session, here: Unit) -> bool:
    """Whether a calendar holds in that unit."""
    chain = (here.id, *here.parents)
    return session.scalar(select(CalendarRow.unit).where(CalendarRow.unit.in_(chain)).limit(1)) is not None


@lru_cache(maxsize=256)
def _calendar_said(timezone: str, opening: str, exceptions: str, closed: str) -> Calendar:
    """One calendar for the same words, so that what is worked out of it is found by it at once."""
    return Calendar(
        timezone=timezone,
        opening=_opening_in(json.loads(opening)),
        exceptions=tuple(
            HoursException(
                date.fromisoformat(each["first"]), date.fromisoformat(each["last"]), _opening_in(each["opening"])
            )
            for each in json.loads(exceptions)
        ),
        closed=frozenset(map(date.fromisoformat, json.loads(closed))),
    )


def _opening_out(opening: Mapping[int, tuple[Hours, ...]]) -> dict[str, Any]:
    return {
        str(day): [[each.opens.isoformat(), each.closes.isoformat()] for each in hours]
        for day, hours in opening.items()
    }


def _opening_in(opening: Mapping[str, Any]) -> dict[int, tuple[Hours, ...]]:
    return {
        int(day): tuple(Hours(time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in hours)
        for day, hours in opening.items()
    }
