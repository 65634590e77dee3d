"""What a transaction wants done later: rows with ids only, taken by jobs, at least once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from school_protocol.storage.tables import OutboxRow, new_id

_PLAIN = re.compile(r"[A-Za-z0-9_.:+-]{0,80}")
Payload = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to do; `attempts` counts this one."""

    id: str
    kind: str
    payload: Payload
    at: datetime
    attempts: int


def put(session: Session, kind: str, payload: Payload, *, at: datetime, due_at: datetime | None = None) -> str:
    """Ask for work in the same transaction as its cause. The payload holds ids, numbers and moments only."""
    for name, value in payload.items():
        if isinstance(value, str) and not _PLAIN.fullmatch(value):
            raise ValueError(f"an outbox payload holds ids only: {name} is a text")
    row = OutboxRow(id=new_id(), at=at, kind=kind, payload=dict(payload), due_at=due_at or at, attempts=0)
    session.add(row)
    session.flush()
    return row.id


def take(
    session: Session, now: datetime, *, limit: int, lease: timedelta = timedelta(minutes=5)
) -> tuple[Message, ...]:
    """What is due now. Each comes back after `lease` unless it is said to be done: a killed worker loses nothing."""
    query = (
        select(OutboxRow)
        .where(OutboxRow.done_at.is_(None), OutboxRow.due_at <= now)
        .order_by(OutboxRow.due_at, OutboxRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = session.scalars(query).all()
    for row in rows:
        row.attempts += 1
        row.due_at = now + lease
    session.flush()
    return tuple(Message(row.id, row.kind, dict(row.payload), row.at, row.attempts) for row in rows)


def done(session: Session, message_id: str, *, at: datetime) -> None:
    """The work is done: it won't be handed out again."""
    if (row := session.get(OutboxRow, message_id)) is not None and row.done_at is None:
        row.done_at = at
        session.flush()


def put_off(session: Session, message_id: str, until: datetime) -> None:
    """The work failed, or it is too early: hand it out again from `until`."""
    if (row := session.get(OutboxRow, message_id)) is not None and row.done_at is None:
        row.due_at = until
        session.flush()


def drop_done(session: Session, before: datetime) -> None:
    """Forget what was done before that moment."""
    session.execute(delete(OutboxRow).where(OutboxRow.done_at < before))
