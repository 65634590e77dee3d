"""The directory of contacts as it is kept: what somebody answers for, and each change of a contact."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from school_protocol.domain.errors import Unseen
from school_protocol.storage import staff
from school_protocol.storage.directory import Contact, contact_of
from school_protocol.storage.tables import ContactRow


def kept(session: Session, units: Collection[str], *, above: Collection[str] = ()) -> tuple[Contact, ...]:
    """The contacts of these units and of all below them, of those `above`, and of the whole country."""
    below = staff.lies_in(session, ContactRow.unit, units)
    served = or_(below, ContactRow.unit.in_(list(above)), ContactRow.unit.is_(None))
    query = select(ContactRow).where(served, ContactRow.retired_at.is_(None))
    rows = session.scalars(query.order_by(ContactRow.position, ContactRow.id))
    return tuple(contact_of(row) for row in rows)


def contact(session: Session, contact_id: str) -> Contact:
    """One contact that is not retired; raises Unseen."""
    return contact_of(_row(session, contact_id))


def retired(session: Session, contact_id: str) -> Contact | None:
    """The contact of that number, where it is retired."""
    row = session.get(ContactRow, contact_id)
    return contact_of(row) if row is not None and row.retired_at is not None else None


def correct(
    session: Session,
    contact_id: str,
    *,
    names: Mapping[str, str],
    city: Mapping[str, str],
    phone: str,
    url: str,
    hours: Mapping[str, Any],
    verified_on: date | None,
    verified_by: str | None,
) -> None:
    """Put a contact right. Nothing of a case points at it: what was called then stays as it was written."""
    row = _row(session, contact_id)
    row.names, row.city, row.hours = dict(names), dict(city), dict(hours)
    row.phone, row.url = phone, url
    row.verified_on, row.verified_by = verified_on, verified_by
    row.revision += 1
    session.flush()


def retire(session: Session, contact_id: str, *, at: datetime) -> None:
    """A contact that is no longer right is shown nowhere from then on; its row stays."""
    row = _row(session, contact_id)
    row.retired_at, row.revision = at, row.revision + 1
    session.flush()


def next_position(session: Session) -> int:
    """The place after every contact there is."""
    last = session.scalar(select(ContactRow.position).order_by(ContactRow.position.desc()).limit(1))
    return (last if last is not None else -1) + 1


def _row(session: Session, contact_id: str) -> ContactRow:
    row = session.get(ContactRow, contact_id, with_for_update=True)
    if row is None or row.retired_at is not None:
        raise Unseen(contact_id)
    return row
