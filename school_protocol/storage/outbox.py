"""What a transaction wants done later: rows with ids only, taken by jobs, at least once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from school_protocol.storage.placing import add_new, add_rows
from school_protocol.storage.tables import OutboxRow, new_id

OF = "work_of"
"""Where a session says what the ids of its work begin with."""
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
    message_id = _of(session, new_id())
    add_rows(session, OutboxRow, [_values(message_id, kind, payload, at, due_at)])
    return message_id


def put_once(session: Session, message_id: str, kind: str, payload: Payload, *, at: datetime) -> bool:
    """Ask for work under an id that says which it is; False where it was asked for before, done or not."""
    return add_new(session, OutboxRow, **_values(_of(session, message_id), kind, payload, at, None))


def _of(session: Session, message_id: str) -> str:
    """The id as it is kept: where several share a store, it begins with whose work it is."""
    whose = session.info.get(OF, "")
    return message_id if message_id.startswith(whose) else whose + message_id


def _values(message_id: str, kind: str, payload: Payload, at: datetime, due_at: datetime | None) -> dict[str, Any]:
    _check(payload)
    return {"id": message_id, "at": at, "kind": kind, "payload": dict(payload), "due_at": due_at or at, "attempts": 0}


def _check(payload: Payload) -> None:
    for name, value in payload.items():
        if isinstance(value, str) and not _PLAIN.fullmatch(value):
            raise ValueError(f"an outbox payload holds ids only: {name} is a text")


def latest(session: Session, kind: str) -> datetime | None:
    """When the latest cause of that kind was, of all that are kept, done or not."""
    return session.scalar(select(func.max(OutboxRow.at)).where(OutboxRow.kind == kind))


def undone(session: Session, kind: str) -> tuple[Message, ...]:
    """What of that kind is still to be done, due or not, the earliest cause first."""
    query = select(OutboxRow).where(OutboxRow.kind == kind, OutboxRow.done_at.is_(None))
    rows = session.scalars(query.order_by(OutboxRow.at, OutboxRow.id))
    return tuple(Message(row.id, row.kind, dict(row.payload), row.at, row.attempts) for row in rows)


def waiting(session: Session, now: datetime) -> tuple[int, datetime | None]:
    """How much is due and not done, and since when the oldest of it is."""
    query = select(func.count(), func.min(OutboxRow.due_at))
    found = session.execute(query.where(OutboxRow.done_at.is_(None), OutboxRow.due_at <= now)).one()
    return int(found[0]), found[1]


def take(
    session: Session, now: datetime, *, limit: int, kind: str | None = None, lease: timedelta = timedelta(minutes=5)
) -> tuple[Message, ...]:
    """What is due now, of one kind where it is named.

    Each comes back after `lease` unless it is said to be done: a killed worker loses nothing.
    """
    query = (
        select(OutboxRow)
        .where(OutboxRow.done_at.is_(None), OutboxRow.due_at <= now, *([OutboxRow.kind == kind] if kind else []))
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


def is_due(session: Session, now: datetime, kind: str) -> bool:
    """Whether something of that kind is due now."""
    query = select(OutboxRow.id).where(OutboxRow.done_at.is_(None), OutboxRow.due_at <= now, OutboxRow.kind == kind)
    return session.scalar(query.limit(1)) is not None


def is_known(session: Session, message_id: str) -> bool:
    """Whether work was asked for under that id, done or not."""
    return session.scalar(select(OutboxRow.id).where(OutboxRow.id == _of(session, message_id))) is not None


def has_done(session: Session, before: datetime) -> bool:
    """Whether something stands there that was done before that moment."""
    return session.scalar(select(OutboxRow.id).where(OutboxRow.done_at < before).limit(1)) is not None


def done(session: Session, message_id: str, *, at: datetime) -> None:
    """The work is done: it won't be handed out again."""
    if (row := session.get(OutboxRow, _of(session, message_id))) is not None and row.done_at is None:
        row.done_at = at
        session.flush()


def put_off(session: Session, message_id: str, until: datetime) -> None:
    """The work failed, or it is too early: hand it out again from `until`."""
    if (row := session.get(OutboxRow, _of(session, message_id))) is not None and row.done_at is None:
        row.due_at = until
        session.flush()


def go_on(session: Session, message_id: str, payload: Payload, *, at: datetime) -> None:
    """A part of the work is done: hand the rest out again, as `payload` says."""
    _check(payload)
    if (row := session.get(OutboxRow, _of(session, message_id))) is not None and row.done_at is None:
        row.payload, row.due_at, row.attempts = dict(payload), at, 0
        session.flush()


def drop_done(session: Session, before: datetime) -> None:
    """Forget what was done before that moment."""
    session.execute(delete(OutboxRow).where(OutboxRow.done_at < before))
