"""SQL helpers: lock timeouts with retry, keyset paging, upserts, the database's clock; and the mark of a demo."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Connection, CursorResult, Engine, Table, insert, literal, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session

from school_protocol.storage.engines import WRITING, Store
from school_protocol.storage.models import (
    AccessRow,
    AdministrationLinkRow,
    AdministrationRow,
    AnchorTakenRow,
    DemoMarkRow,
    JournalCheckRow,
)
from school_protocol.storage.store_errors import StorageBusy


def is_demo(session: Session) -> bool:
    """Whether everything here is made up."""
    return session.get(DemoMarkRow, 1) is not None


# ---- giving way: locks are waited for shortly, else all is let go and tried again ----------------------------------
# On PostgreSQL a change that waits has every page wait behind it, and a page that holds one table and asks for the
# next on another connection can hold it up for good: the database sees no deadlock there.

_T = TypeVar("_T")
LOCK_SECONDS = 0.5
"""How long one lock is waited for, as a rule: less than PostgreSQL's deadlock_timeout, at which it may end a page."""
LONG_EVERY = 3
"""Each third try waits longer than that: only then does the server send away its own autovacuum."""
PATIENCE_SECONDS = 60.0
"""From the first refusal on."""
_PAUSE_SECONDS = 0.3
"""Between two tries: time for those who waited behind the first one."""
_IN_USE = ("55P03", "40P01")
"""PostgreSQL's words for: somebody holds it; two hold what the other one wants."""
_TRY = "try"
_LONG = text("SELECT ceil(setting::numeric * 1.3) FROM pg_settings WHERE name = 'deadlock_timeout'")


class TablesInUse(StorageBusy):
    """Tables could not be changed since somebody held one of them at each try: this change left nothing behind."""


def change_or_give_way(engine: Engine, do: Callable[[Connection], _T], *, patience: float = PATIENCE_SECONDS) -> _T:
    """What `do` returns, in a transaction that is begun anew as often as a table is in use. Raises TablesInUse.

    `do` says `shortly` once it is to wait no longer than others can bear.
    """
    until, tried = None, 0
    while True:
        tried += 1
        try:
            with engine.execution_options(purpose=WRITING, **{_TRY: tried}).begin() as connection:
                return do(connection)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") not in _IN_USE:
                raise
            until = until or time.monotonic() + patience
            if time.monotonic() > until and tried >= LONG_EVERY:
                raise TablesInUse(
                    f"tables are in use: somebody held one of them at each of {tried} tries. This step left nothing "
                    "behind, those before it stand: run it again. If that does not help, end what holds them "
                    "(pg_stat_activity names it)"
                ) from error
        time.sleep(_PAUSE_SECONDS)


def shortly(connection: Connection) -> None:
    """From here on this transaction waits for a lock no longer than others can bear."""
    if connection.dialect.name != "postgresql":
        return
    tried = connection.get_execution_options().get(_TRY, 1)
    wait = int(connection.scalar(_LONG) or 0) if tried % LONG_EVERY == 0 else round(LOCK_SECONDS * 1000)
    connection.execute(text(f"SET LOCAL lock_timeout = {wait}"))


# ---- keyset paging: a page begins after the last row of the one before, so its cost doesn't grow -------------------

Columns = Sequence[InstrumentedAttribute[Any]]


def beyond(columns: Columns, values: Sequence[object]) -> ColumnElement[bool]:
    """Rows that come after `values` in the ascending order of `columns`."""
    found: ColumnElement[bool] = tuple_(*columns) > _typed(columns, values)
    return found


def before(columns: Columns, values: Sequence[object]) -> ColumnElement[bool]:
    """Rows that come after `values` in the descending order of `columns`."""
    found: ColumnElement[bool] = tuple_(*columns) < _typed(columns, values)
    return found


def _typed(columns: Columns, values: Sequence[object]) -> Any:
    pairs = zip(columns, values, strict=True)
    return tuple_(*(literal(value, column.type) for column, value in pairs))


# ---- rows written in one statement: many at once, or one whoever else writes its key at the same moment ------------


def add_rows(session: Session, model: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows that are new, if there are any; nothing waits to be flushed, and no object stands for them."""
    if rows:
        session.execute(insert(cast(Table, model.__table__)), rows)


def add_new(session: Session, model: type[DeclarativeBase], **values: Any) -> bool:
    """A row, or False where one with its key is there; who comes second waits until the first one's is settled."""
    found = cast(CursorResult[Any], session.execute(_new(into(session, model)), values))
    return found.rowcount == 1


def put_rows(session: Session, row: DeclarativeBase) -> None:
    """In the place of the one with its key: who comes second waits for the first, and stands in its place."""
    said = {column.key: getattr(row, column.key) for column in type(row).__table__.columns}
    session.execute(_over(into(session, type(row))), said)


def into(session: Session, model: type[DeclarativeBase]) -> Any:
    """An INSERT of this database's own, which can say what becomes of a key that is there."""
    return _into(session.get_bind().dialect.name, model)


@cache
def _into(database: str, model: type[DeclarativeBase]) -> Any:
    return (postgresql.insert if database == "postgresql" else sqlite.insert)(cast(Table, model.__table__))


@cache
def _new(statement: Any) -> Any:
    return statement.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


@cache
def _over(statement: Any) -> Any:
    table = statement.table
    rest = {column.key: statement.excluded[column.key] for column in table.columns if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest)


# ---- the database's own clock, and the newest row of what is written all along -------------------------------------


def of_database(store: Store) -> datetime | None:
    """What the database's clock shows; None where it is this machine's."""
    if store.engine.dialect.name != "postgresql":
        return None
    with store.reading() as session:
        found: datetime = session.scalar(text("SELECT clock_timestamp()"))
        return found


@dataclass(frozen=True, slots=True)
class LogKept:
    """Of PostgreSQL's log: whether it is kept at all, when the latest file of it was, and when that last failed."""

    is_on: bool
    kept_at: datetime | None
    failed_at: datetime | None


def log_kept(store: Store) -> LogKept:
    """How a database on PostgreSQL keeps its log."""
    query = "SELECT current_setting('archive_mode'), last_archived_time, last_failed_time FROM pg_stat_archiver"
    with store.reading() as session:
        mode, kept_at, failed_at = session.execute(text(query)).one()
    return LogKept(mode != "off", kept_at, failed_at)


@dataclass(frozen=True, slots=True)
class Server:
    """Which database of which server this is: since when that one runs, and whether it is still coming back."""

    began: datetime
    database: str
    is_recovering: bool


def server_of(store: Store) -> Server:
    """Which database on PostgreSQL a store lies in."""
    with store.reading() as session:
        query = text("SELECT pg_postmaster_start_time(), current_database(), pg_is_in_recovery()")
        return Server(*session.execute(query).one())


def newest_in_realm(session: Session) -> datetime | None:
    """The newest of accesses, checks and anchors: some are written whenever anybody works."""
    asked = (
        select(AccessRow.at).order_by(AccessRow.place.desc()).limit(1),
        select(JournalCheckRow.finished_at).order_by(JournalCheckRow.finished_at.desc()).limit(1),
        select(AnchorTakenRow.at).order_by(AnchorTakenRow.seq.desc()).limit(1),
    )
    return max((found for query in asked if (found := session.scalar(query)) is not None), default=None)


def newest_in_directory(session: Session) -> datetime | None:
    """When administration was last written to."""
    query = select(AdministrationRow.at).join(
        AdministrationLinkRow, AdministrationLinkRow.administration == AdministrationRow.id
    )
    return session.scalar(query.order_by(AdministrationLinkRow.seq.desc()).limit(1))
