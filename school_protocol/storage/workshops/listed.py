"""The list of workshops: added, found by their code or their trainer, ended, purged."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from school_protocol.storage.workshops.tables import WorkshopRow


@dataclass(frozen=True, slots=True)
class Workshop:
    """One workshop of the list; `trainer` is an account, or nobody on a laptop that serves a room by itself."""

    id: str
    code: str
    trainer: str | None
    scenario: str
    version: int
    digest: str
    protocol: str
    protocol_version: int
    tables: int
    language: str
    created_at: datetime
    purge_at: datetime
    ended_at: datetime | None = None
    purged_at: datetime | None = None
    kept: Mapping[str, Any] | None = None


def add(session: Session, workshop: Workshop) -> None:
    """Put a workshop on the list."""
    session.add(WorkshopRow(**{name: getattr(workshop, name) for name in Workshop.__slots__}))
    session.flush()


def find(session: Session, workshop: str) -> Workshop | None:
    """The workshop with that id."""
    row = session.get(WorkshopRow, workshop)
    return None if row is None else _workshop(row)


def some(session: Session, workshops: Collection[str]) -> tuple[Workshop, ...]:
    """Those with these ids, the earliest first."""
    query = select(WorkshopRow).where(WorkshopRow.id.in_(list(workshops)))
    return tuple(map(_workshop, session.scalars(query.order_by(WorkshopRow.created_at, WorkshopRow.id))))


def with_code(session: Session, code: str) -> Workshop | None:
    """The workshop to which that code leads, or once led."""
    row = session.scalar(select(WorkshopRow).where(WorkshopRow.code == code))
    return None if row is None else _workshop(row)


def of_trainer(session: Session, trainer: str | None, *, limit: int) -> tuple[Workshop, ...]:
    """The workshops of one trainer, or a laptop's, latest first."""
    mine = WorkshopRow.trainer.is_(None) if trainer is None else WorkshopRow.trainer == trainer
    query = select(WorkshopRow).where(mine).order_by(WorkshopRow.created_at.desc(), WorkshopRow.id).limit(limit)
    return tuple(map(_workshop, session.scalars(query)))


def standing(session: Session) -> tuple[str, ...]:
    """The ids of those whose rooms have not been purged."""
    return tuple(session.scalars(select(WorkshopRow.id).where(WorkshopRow.purged_at.is_(None))))


def to_purge(session: Session, now: datetime) -> tuple[Workshop, ...]:
    """Those whose time is over."""
    query = select(WorkshopRow).where(WorkshopRow.purged_at.is_(None), WorkshopRow.purge_at <= now)
    return tuple(map(_workshop, session.scalars(query.order_by(WorkshopRow.purge_at, WorkshopRow.id))))


def with_debriefs(session: Session, protocol: str, *, since: datetime) -> tuple[Workshop, ...]:
    """Those on one protocol that ended since then, with what is kept of them."""
    query = select(WorkshopRow).where(
        WorkshopRow.protocol == protocol, WorkshopRow.ended_at >= since, or_(WorkshopRow.kept.is_not(None))
    )
    return tuple(map(_workshop, session.scalars(query.order_by(WorkshopRow.ended_at, WorkshopRow.id))))


def end(session: Session, workshop: str, kept: Mapping[str, Any], *, at: datetime) -> None:
    """It is over: what is kept of it stands from now on."""
    row = session.get_one(WorkshopRow, workshop)
    row.ended_at, row.kept = row.ended_at or at, dict(kept)
    session.flush()


def purged(session: Session, workshop: str, *, at: datetime) -> None:
    """Its room is gone."""
    row = session.get_one(WorkshopRow, workshop)
    row.ended_at, row.purged_at = row.ended_at or at, at
    session.flush()


def _workshop(row: WorkshopRow) -> Workshop:
    return Workshop(**{name: getattr(row, name) for name in Workshop.__slots__})
