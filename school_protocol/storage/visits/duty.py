"""The duty roster of a directorate or an academy: turns, each with who and from when until when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from school_protocol.domain.errors import Unseen
from school_protocol.storage.tables import new_id
from school_protocol.storage.visits.tables import DutyTurnRow


@dataclass(frozen=True, slots=True)
class DutyTurn:
    """Somebody on duty from a moment until another."""

    id: str
    unit: str
    account: str
    starts: datetime
    ends: datetime


def add(session: Session, *, unit: str, account: str, starts: datetime, ends: datetime, by: str, at: datetime) -> str:
    """A new turn; returns its id."""
    row = DutyTurnRow(
        id=new_id(), unit=unit, account=account, starts=starts, ends=ends, entered_by=by, entered_at=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def turn(session: Session, turn_id: str) -> DutyTurn:
    """A turn that was not withdrawn; raises Unseen."""
    row = session.get(DutyTurnRow, turn_id, with_for_update=True)
    if row is None or row.withdrawn_at is not None:
        raise Unseen(turn_id)
    return _turn(row)


def withdraw(session: Session, turn_id: str, *, at: datetime) -> None:
    """From now on the turn counts no more."""
    row = session.get(DutyTurnRow, turn_id, with_for_update=True)
    if row is None or row.withdrawn_at is not None:
        raise Unseen(turn_id)
    row.withdrawn_at = at
    session.flush()


def running(session: Session, units: Collection[str], *, starts: datetime, ends: datetime) -> tuple[DutyTurn, ...]:
    """The turns in these units that touch the time between two moments, the earliest first."""
    query = select(DutyTurnRow).where(
        DutyTurnRow.unit.in_(list(units)), DutyTurnRow.ends > starts, DutyTurnRow.starts < ends,
        DutyTurnRow.withdrawn_at.is_(None),
    )  # fmt: skip
    rows = session.scalars(query.order_by(DutyTurnRow.starts, DutyTurnRow.id))
    return tuple(_turn(row) for row in rows)


def on_duty(session: Session, units: Collection[str], at: datetime) -> tuple[DutyTurn, ...]:
    """Who is on duty in these units at a moment."""
    query = select(DutyTurnRow).where(
        DutyTurnRow.unit.in_(list(units)), DutyTurnRow.starts <= at, DutyTurnRow.ends > at,
        DutyTurnRow.withdrawn_at.is_(None),
    )  # fmt: skip
    return tuple(_turn(row) for row in session.scalars(query.order_by(DutyTurnRow.starts, DutyTurnRow.id)))


def _turn(row: DutyTurnRow) -> DutyTurn:
    return DutyTurn(row.id, row.unit, row.account, row.starts, row.ends)
