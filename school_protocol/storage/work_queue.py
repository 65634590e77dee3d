"""Queue of background work: the outbox, turns among processes, and when recurring work was last done."""

from __future__ import annotations

import json
import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from school_protocol.storage.durable_files import put_file
from school_protocol.storage.engines import Store
from school_protocol.storage.models import OutboxRow, RetentionDayRow, new_id
from school_protocol.storage.sql import add_new, add_rows

FOLDER = "done"
BACKUP, DRILL, MINUTE, COPY = "backup", "drill", "minute", "copy"
"""A backup was made; one was restored as an exercise; the worker went through its minute; PostgreSQL was copied."""


@dataclass(frozen=True, slots=True)
class Done:
    """`held`: it came out as it should."""

    at: datetime
    held: bool = True


def note(data: Path, what: str, at: datetime, *, held: bool = True) -> None:
    """Note that this was done; where it can't be written (the disk is full, say), what was done stands all the same."""
    with suppress(OSError):
        folder = data / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        put_file(folder / f"{what}.json", json.dumps({"at": at.isoformat(), "held": held}).encode())


def last_done(data: Path, what: str) -> Done | None:
    """When it was last done; None where it never was, or the note can't be read."""
    try:
        said = json.loads((data / FOLDER / f"{what}.json").read_bytes())
        found = datetime.fromisoformat(said["at"])
        return Done(found, said["held"] is True) if found.tzinfo is not None else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def settled_since(session: Session, runs: int) -> datetime | None:
    """When the work was looked at so many days of work ago: what had run out by then has run out on any clock."""
    latest = select(RetentionDayRow.at).order_by(RetentionDayRow.run.desc()).offset(runs).limit(1)
    return session.scalar(latest)


# ---- the outbox: rows with ids only, taken by jobs, at least once --------------------------------------------------

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


def put_message(session: Session, kind: str, payload: Payload, *, at: datetime, due_at: datetime | None = None) -> str:
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


def latest_message(session: Session, kind: str) -> datetime | None:
    """When the latest cause of that kind was, of all that are kept, done or not."""
    return session.scalar(select(func.max(OutboxRow.at)).where(OutboxRow.kind == kind))


def undone(session: Session, kind: str) -> tuple[Message, ...]:
    """What of that kind is still to be done, due or not, the earliest cause first."""
    query = select(OutboxRow).where(OutboxRow.kind == kind, OutboxRow.done_at.is_(None))
    rows = session.scalars(query.order_by(OutboxRow.at, OutboxRow.id))
    return tuple(Message(row.id, row.kind, dict(row.payload), row.at, row.attempts) for row in rows)


def waiting_messages(session: Session, now: datetime) -> tuple[int, datetime | None]:
    """How much is due and not done, and since when the oldest of it is."""
    query = select(func.count(), func.min(OutboxRow.due_at))
    found = session.execute(query.where(OutboxRow.done_at.is_(None), OutboxRow.due_at <= now)).one()
    return int(found[0]), found[1]


def take_messages(
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


def settle_messages(session: Session, message_id: str, *, at: datetime) -> None:
    """The work is done: it won't be handed out again."""
    if (row := session.get(OutboxRow, _of(session, message_id))) is not None and row.done_at is None:
        row.done_at = at
        session.flush()


def put_off_message(session: Session, message_id: str, until: datetime) -> None:
    """The work failed, or it is too early: hand it out again from `until`."""
    if (row := session.get(OutboxRow, _of(session, message_id))) is not None and row.done_at is None:
        row.due_at = until
        session.flush()


def put_off_after(session: Session, messages: Iterable[Message], now: datetime) -> None:
    """The work failed: hand these out again after twice as long each time, four hours at most."""
    for one in messages:
        put_off_message(session, one.id, now + timedelta(minutes=min(2 ** min(one.attempts, 8), 240)))


def go_on(session: Session, message_id: str, payload: Payload, *, at: datetime) -> None:
    """A part of the work is done: hand the rest out again, as `payload` says."""
    _check(payload)
    if (row := session.get(OutboxRow, _of(session, message_id))) is not None and row.done_at is None:
        row.payload, row.due_at, row.attempts = dict(payload), at, 0
        session.flush()


def drop_done(session: Session, before: datetime) -> None:
    """Forget what was done before that moment."""
    session.execute(delete(OutboxRow).where(OutboxRow.done_at < before))


# ---- turns: one process at a time does what must not be done twice at once -----------------------------------------
# On PostgreSQL a lock that its connection holds, so that it ends with whoever had it. An installation on SQLite has
# one worker: there everybody has it.

_TURNS = 7_242
"""With a number of its name PostgreSQL's advisory lock of a turn."""
_SOON_MISSED = (
    "tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3", "tcp_user_timeout = 15000",
)  # fmt: skip
"""Has the server itself find out in half a minute that a machine is gone: else it keeps its turn for two hours."""
_log = logging.getLogger(__name__)


@contextmanager
def turn(store: Store, name: str) -> Iterator[bool]:
    """Whether this process has the turn of that name as long as the block runs; nobody waits for it."""
    if store.engine.dialect.name != "postgresql":
        yield True
        return
    connection = _outside(store)
    try:
        yield _taken(connection, name)
    finally:
        _end(connection)


def is_led(store: Store, name: str) -> bool | None:
    """Whether some process leads, found without taking the lead from anybody; None where one worker is all there is."""
    if store.engine.dialect.name != "postgresql":
        return None
    held = text(
        "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND classid::bigint = :turns AND objid::bigint = :name)"
    )
    with store.reading() as session:
        return bool(session.scalar(held, {"turns": _TURNS, "name": _number(name) % 2**32}))


class Lead:
    """Who among all processes leads: whoever took it first, until its connection or process ends."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._asks: Connection | None = None
        self._leads = False
        self._lock = Lock()

    def is_ours(self) -> bool:
        """Whether this process leads now; takes the lead where nobody has it."""
        if self._store.engine.dialect.name != "postgresql":
            return True
        with self._lock:
            try:
                if self._asks is None:
                    self._asks = _outside(self._store)
                if self._leads:
                    self._asks.execute(text("SELECT 1"))
                else:
                    self._leads = _taken(self._asks, self._name)
            except SQLAlchemyError as error:
                _log.warning("nobody leads here for now: %s", type(error).__name__)
                self._drop()
            return self._leads

    def close(self) -> None:
        """Leave the lead to others."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        asked, self._asks, self._leads = self._asks, None, False
        if asked is not None:
            _end(asked)


def _outside(store: Store) -> Connection:
    """A connection of its own, in no transaction; it takes no place from those who read and write."""
    connection = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()
    for setting in _SOON_MISSED:
        connection.exec_driver_sql(f"SET {setting}")
    return connection


def _taken(connection: Connection, name: str) -> bool:
    asked = text("SELECT pg_try_advisory_lock(:turns, :name)")
    return bool(connection.scalar(asked, {"turns": _TURNS, "name": _number(name)}))


def _number(name: str) -> int:
    return zlib.crc32(name.encode()) - 2**31


def _end(connection: Connection) -> None:
    """What it held is given back at once, and the connection closed for good."""
    if not connection.invalidated:
        with suppress(SQLAlchemyError):
            connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
    held = None if connection.invalidated else connection.connection.dbapi_connection
    connection.invalidate()
    connection.close()
    if held is not None:
        held.close()
