"""What the store itself can answer instead of a row: not now, no room left, keys out of order."""

from __future__ import annotations

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from school_protocol.engine.errors import SchoolProtocolError


class StorageBusy(SchoolProtocolError):
    """The database can't answer now (locked, restarting, out of connections): the same request may succeed later."""


class StorageAway(StorageBusy):
    """The database's server or disk is not there, or can only be read: somebody has to bring it back."""


class StorageFull(SchoolProtocolError):
    """No room is left on the disk: nothing was written."""


class KeysUnusable(SchoolProtocolError):
    """The key folder is missing, incomplete, damaged or readable by others: nothing may be opened with it."""


class KeysAway(KeysUnusable, StorageAway):
    """Whoever holds the master keys doesn't answer now: the same request may succeed later."""


MOVED = "moved_away"
"""What a store says to whoever writes there after its rows were moved elsewhere."""
_FULL_FILES = {errno.ENOSPC, errno.EDQUOT}
_BUSY_SQLITE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_AWAY_SQLITE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}
_FULL_SQLITE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_FULL_POSTGRESQL = {"53100"}
_BUSY_POSTGRESQL = ("40001", "40P01", "53", "55P03")
_AWAY_POSTGRESQL = ("08", "57P0")


def translated(error: Exception) -> SchoolProtocolError | None:
    """The product's error for a driver's or the system's, or None where it isn't about room or time.

    SQLite ends a transaction by itself when no room is left: what fails next, on the way back, is not the cause.
    """
    found, cause = _translated(error), error.__context__
    while found is None and isinstance(error, DBAPIError) and cause is not None:
        found, cause = _translated(cause), cause.__context__
    return found


def is_read_only(error: Exception) -> bool:
    """Whether SQLite refused to write because it may only read."""
    code = getattr(error.orig, "sqlite_errorcode", None) if isinstance(error, DBAPIError) else None
    return isinstance(code, int) and code & 0xFF == sqlite3.SQLITE_READONLY


def is_damaged(error: Exception) -> bool:
    """Whether SQLite says that a file is none of its own, or was damaged."""
    code = getattr(error.orig, "sqlite_errorcode", None) if isinstance(error, DBAPIError) else None
    return isinstance(code, int) and code & 0xFF in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


def _translated(error: BaseException) -> SchoolProtocolError | None:
    if isinstance(error, OSError):
        if error.errno in _FULL_FILES:
            return StorageFull(str(error))
        return StorageAway(str(error)) if error.errno == errno.EROFS else None
    if isinstance(error, PoolTimeout):
        return StorageBusy(str(error))
    if isinstance(error, DBAPIError) and error.orig is not None:
        return _of_driver(error, error.orig)
    return None


def _of_driver(error: DBAPIError, origin: BaseException) -> SchoolProtocolError | None:
    code = getattr(origin, "sqlite_errorcode", None)
    if str(origin).startswith(MOVED):
        return StorageBusy("this installation was moved to another database")
    if isinstance(code, int):
        if code in _FULL_SQLITE or code & 0xFF == sqlite3.SQLITE_FULL:
            return StorageFull(str(origin))
        if code & 0xFF in _AWAY_SQLITE:
            return StorageAway(str(origin))
        return StorageBusy(str(origin)) if code & 0xFF in _BUSY_SQLITE else None
    state = getattr(origin, "sqlstate", None) or ""
    if isinstance(error, OperationalError) and not state and not isinstance(origin, sqlite3.Error):
        return StorageAway(str(origin))  # no server that could say more: away, starting, or full
    if state in _FULL_POSTGRESQL:
        return StorageFull(str(origin))
    if error.connection_invalidated or state.startswith(_AWAY_POSTGRESQL):
        return StorageAway(str(origin))
    return StorageBusy(str(origin)) if state.startswith(_BUSY_POSTGRESQL) else None
