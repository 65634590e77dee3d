"""Printed kits of scenarios: asked for once each, made by whoever takes them, kept for a while."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from school_protocol.storage.placing import add_new
from school_protocol.storage.workshops.tables import KitRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a kit is made of: the scenario's file, the digest of its protocol's, the language."""

    id: str
    scenario: bytes = field(repr=False)
    protocol: str
    language: str


def ask(session: Session, wanted: Wanted, *, at: datetime) -> None:
    """It is to be made, unless it is there or waits already; one that could not be made is tried anew."""
    values = {"asked_at": at, "taken_at": None, "settled_at": None, "data": None}
    told = {"id": wanted.id, "scenario": wanted.scenario, "protocol": wanted.protocol, "language": wanted.language}
    if not add_new(session, KitRow, **told, **values):
        failed = (KitRow.id == wanted.id, KitRow.settled_at.is_not(None), KitRow.data.is_(None))
        session.execute(update(KitRow).where(*failed).values(values))


def stands(session: Session, kit: str) -> tuple[bool, bool] | None:
    """Whether it is settled, and whether it was made; None: nobody asked for it."""
    query = select(KitRow.settled_at.is_not(None), KitRow.data.is_not(None)).where(KitRow.id == kit)
    found = session.execute(query).one_or_none()
    return None if found is None else (bool(found[0]), bool(found[1]))


def data_of(session: Session, kit: str) -> bytes | None:
    """The PDF, once it was made."""
    return session.scalar(select(KitRow.data).where(KitRow.id == kit))


def has_work(session: Session, *, before: datetime) -> bool:
    """Whether one waits, or one that was settled before then is to go."""
    query = select(KitRow.id).where(or_(KitRow.settled_at.is_(None), KitRow.settled_at < before)).limit(1)
    return session.scalar(query) is not None


def take(session: Session, *, now: datetime, left_since: datetime) -> Wanted | None:
    """The one that has waited longest and that nobody is making, from now on taken by the caller; or None."""
    waits = (KitRow.settled_at.is_(None), or_(KitRow.taken_at.is_(None), KitRow.taken_at < left_since))
    for row in session.scalars(select(KitRow).where(*waits).order_by(KitRow.asked_at, KitRow.id).limit(20)).all():
        wanted = Wanted(row.id, row.scenario, row.protocol, row.language)
        taken: Any = session.execute(update(KitRow).where(KitRow.id == row.id, *waits).values(taken_at=now))
        if taken.rowcount == 1:
            return wanted
    return None


def settle(session: Session, kit: str, data: bytes | None, *, at: datetime) -> None:
    """It was made; None: it can't be."""
    session.execute(update(KitRow).where(KitRow.id == kit).values(settled_at=at, data=data))


def drop_outdated(session: Session, before: datetime) -> None:
    """Those that were made, or not to be made, before then go."""
    session.execute(delete(KitRow).where(KitRow.settled_at < before))
