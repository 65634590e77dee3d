"""Whose turn it is, among processes on several machines: one at a time does what must not be done twice at once.

On PostgreSQL a lock that its connection holds, so that it ends with whoever had it. An installation on SQLite has one
worker: there everybody has it.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from school_protocol.storage.engines import Store

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
