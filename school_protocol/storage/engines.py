"""Engines and sessions: how a store is opened, read and written, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import URL, Connection, column, create_engine, event, func, make_url, select, table, text
from sqlalchemy import Engine as Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import ORMExecuteState, sessionmaker
from sqlalchemy.orm import Session as Session

from school_protocol.storage.store_errors import MOVED, StorageAway, StorageBusy, is_damaged, is_read_only, translated

__all__ = ["BESIDE", "MOVED", "WHOSE", "Session", "Store", "empty_log", "open_engine"]

BUSY_SECONDS = 10
HASTY_SECONDS = 0.1
EMPTYING_MS = 200
"""For how long readers are waited for until SQLite's log of writing can be emptied; else the worker does."""
"""How long whoever can do without a write waits for it."""
CONNECT_SECONDS = 5
"""How long a server may take until it answers."""
READING, WRITING = "reading", "writing"
_WRITERS = 7_241
"""With the schema's own number PostgreSQL's advisory lock on a store: whoever writes has it, alone or together."""
WHOSE = "school_protocol.whose"
"""PostgreSQL's name for what a transaction says of whose it is (see `row_security`)."""
BESIDE = "beside"
"""Where a writing session says that others may write beside it."""
VAULT = "vault"
"""Where a session carries the keys of its context: for chains that are continued as it commits, and for keyed rows."""

_AS_SET = "pragmas"
"""Where a connection caches how patient it is, and whether it only reads."""

_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
)


def open_engine(url: str | URL, *, schema: str | None = None, kept: int = 10) -> Engine:
    """An engine on `url`; on PostgreSQL, `schema` is where a realm's tables live.

    `kept`: so many connections to a server stay while nobody asks.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        return _open_sqlite(address)
    return _open_server(address, schema, kept)


def _open_sqlite(address: URL) -> Engine:
    return prepared(create_engine(address, **pooling(address)))


def pooling(url: str | URL) -> dict[str, Any]:
    """How an engine on `url` connects, and how many it keeps (SQLite files take many readers, memory one)."""
    address = make_url(url)
    always = {"hide_parameters": True}
    if address.get_backend_name() == "sqlite":
        return always | ({"pool_size": 10, "max_overflow": 30} if _is_file(address) else {})
    found_out = {name: value for name, value in _found_out().items() if name not in address.query}
    return always | {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20, "connect_args": found_out}


def prepared(engine: Engine) -> Engine:
    """An engine made elsewhere, told how this product opens, begins and protects a store."""
    if engine.dialect.name == "sqlite":
        if _is_file(engine.url):
            _make_private(Path(engine.url.database or ""))
            event.listen(engine, "do_connect", _refuse_absent)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _is_file(address: URL) -> bool:
    name = address.database
    return bool(name) and name != ":memory:" and not str(name).startswith("file:")


def _make_private(path: Path) -> None:
    """The file exists before SQLite opens it, so that it and its WAL are its owner's alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _refuse_absent(_dialect: object, _record: object, arguments: list[Any], _options: object) -> None:
    """SQLite would begin an empty store where the file has gone: better no answer than that."""
    if not Path(str(arguments[0])).exists():
        raise StorageAway(f"{arguments[0]} is away")


def _set_pragmas(connection: Any, record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's `begin` event says BEGIN, not the driver
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    _switch_to_wal(connection)


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """The busy timeout doesn't cover the switch itself, so several first openers take turns here."""
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    purpose, patience = options.get("purpose"), options.get("patience", BUSY_SECONDS)
    wanted = round(patience * 1000), "ON" if purpose == READING else "OFF"
    if connection.info.get(_AS_SET) != wanted:  # a pragma is kept by its connection until it is said otherwise
        connection.info.pop(_AS_SET, None)
        raw: Any = connection.connection.dbapi_connection
        raw.execute(f"PRAGMA busy_timeout = {wanted[0]}")
        raw.execute(f"PRAGMA query_only = {wanted[1]}")
        connection.info[_AS_SET] = wanted
    connection.exec_driver_sql("BEGIN IMMEDIATE" if purpose == WRITING else "BEGIN")


def _open_server(address: URL, schema: str | None, kept: int) -> Engine:
    wanted = pooling(address) | {"pool_size": kept}
    if schema:
        wanted["connect_args"]["options"] = f"-c search_path={schema}"
    return create_engine(address, **wanted)


def _found_out() -> dict[str, Any]:
    """What has a server that went away without a word found out in seconds; an address may say otherwise."""
    return {
        "connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": 15_000,
        "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,
    }  # fmt: skip


@dataclass(eq=False, slots=True)
class _Snapshot:
    """A session that several readings of one request share; once `is_over`, the last of them closes it."""

    session: Session
    engine: Engine
    readings: int = 0
    is_over: bool = False

    def end(self) -> None:
        self.is_over = True
        if not self.readings:
            self.session.close()


_SNAPSHOTS: ContextVar[dict[object, _Snapshot] | None] = ContextVar("snapshots", default=None)
_READ: ContextVar[dict[Any, dict[Any, Any]] | None] = ContextVar("read", default=None)
"""What a request has read, of whatever snapshot: by whose store, and what."""
_CACHE, _STORE, _WHOSE = "cache", "store", "whose"
_Cache = dict[Any, dict[Any, Any]]
DIRECTORY_VERSION = select(table("directory_version", column("version")).c.version)
"""What state the directory is in: another one after each change of what is cached of it (`storage.migrate`)."""
_CACHED_MOST = 50_000
"""What is cached of a store begins anew beyond so many answers."""


def share_readings() -> None:
    """From now on, until `end_readings`, what is read here of a store is read of one snapshot: a page is of a moment.

    Whoever begins to write begins anew with every store: what decides is never read as it stood before. Whoever has
    written does with that store.
    """
    end_readings()
    _SNAPSHOTS.set({})
    _READ.set({})


def end_readings() -> None:
    """Give every shared session back."""
    renew_readings()
    _SNAPSHOTS.set(None)
    _READ.set(None)


@contextmanager
def readings_shared() -> Iterator[None]:
    """The same for as long as this lasts; where readings are shared already they go on as they are."""
    if _SNAPSHOTS.get() is not None:
        yield
        return
    share_readings()
    try:
        yield
    finally:
        end_readings()


def renew_readings(of: Engine | None = None) -> None:
    """What is read from now on is read as it stands now: of every store, or of those on this engine."""
    shared = _SNAPSHOTS.get() or {}
    for key, found in list(shared.items()):
        if of is None or found.engine is of:
            del shared[key]
            found.end()


def cache_of(session: Session, what: object) -> dict[Any, Any]:
    """What was read already of the snapshot of this session, for whoever asks again; empty each time elsewhere.

    What a page found in the directory serves others, too, as long as the store says that nobody has changed it.
    """
    if _STORE not in session.info:
        return {}
    if _CACHE not in session.info:
        tell_version(session, session.scalar(DIRECTORY_VERSION) if session.info[_STORE].caches else None)
    known: dict[Any, Any] = session.info[_CACHE].setdefault(what, {})
    return known


def read_before(session: Session, what: object) -> dict[Any, Any]:
    """What this request has read of the store, before it began to write, too: whoever takes of it proves it first.

    Empty each time outside of a request.
    """
    read = _READ.get()
    return {} if read is None else read.setdefault((session.info.get(_WHOSE), what), {})


def tell_version(session: Session, version: object) -> None:
    """The version of the snapshot of this session, from whoever asked for it with something else."""
    if _STORE in session.info and _CACHE not in session.info:
        session.info[_CACHE] = session.info[_STORE].cache_at(version)


P = ParamSpec("P")
T = TypeVar("T")


def cached(ask: Callable[Concatenate[Session, P], T]) -> Callable[Concatenate[Session, P], T]:
    """Of a repository's function: whoever asks the same of the same snapshot is told what was found.

    Of the directory it asks tables of `migrate.CACHED` alone. What it is given can be compared, and nobody changes
    what it returns.
    """

    @wraps(ask)
    def asked(session: Session, /, *given: P.args, **named: P.kwargs) -> T:
        known, which = cache_of(session, ask), (given, *named.items())
        if which not in known:
            known[which] = ask(session, *given, **named)
        found: T = known[which]
        return found

    return asked


class Store:
    """One store of rows (a realm's, or the directory) with two ways in: to read, or to write all or nothing.

    `caches`: it is a directory, and says by a version whether what was read of it holds still.
    """

    def __init__(self, engine: Engine, *, caches: bool = False) -> None:
        self.engine = engine
        self.caches = caches
        self._cache: tuple[object, _Cache] = (None, {})
        reading: dict[str, Any] = {"purpose": READING}
        if engine.dialect.name == "postgresql":
            reading |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._readers = sessionmaker(engine.execution_options(**reading), expire_on_commit=False, autoflush=False)
        self._writers = sessionmaker(engine.execution_options(purpose=WRITING), expire_on_commit=False)
        hasty = engine.execution_options(purpose=WRITING, patience=HASTY_SECONDS)
        self._hasty_writers = sessionmaker(hasty, expire_on_commit=False)
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else None
        self._token: str | None = None
        self._has_snapshots = engine.dialect.name == "postgresql" or _is_file(engine.url)

    def seen_by(self, token: str) -> Self:
        """The same store, for whoever holds that token: where it is walled, nothing else is there than theirs."""
        found = copy(self)
        found._token = token if token.isascii() and "\0" not in token else ""  # no token of ours is otherwise
        return found

    @property
    def is_walled(self) -> bool:
        """Whether it may stand behind row-level security."""
        return self.engine.dialect.name == "postgresql"

    @property
    def is_blank(self) -> bool:
        """Whether its file holds nothing: it was never written, or is lost."""
        url = self.engine.url
        file = Path(str(url.database))
        return url.get_backend_name() == "sqlite" and _is_file(url) and not (file.exists() and file.stat().st_size)

    def for_tenant(self, vault: object, narrow: Callable[[ORMExecuteState], None], **said: object) -> Self:
        """The same store for one of several who share it: sessions with keys of their own, and what `narrow` leaves."""
        found = copy(self)
        found._cache = (None, {})
        for name in ("_readers", "_writers", "_hasty_writers"):
            bound = getattr(self, name).kw["bind"].execution_options(**{VAULT: vault})
            made = sessionmaker(
                bound, expire_on_commit=False, autoflush=name != "_readers", info={VAULT: vault, **said}
            )
            event.listen(made, "do_orm_execute", narrow)
            setattr(found, name, made)
        return found

    def under(self, vault: object) -> None:
        """Have every session carry these keys, and whatever it writes be made with them."""
        self._cache = (None, {})
        for sessions in (self._readers, self._writers, self._hasty_writers):
            bound = sessions.kw["bind"].execution_options(**{VAULT: vault})
            sessions.configure(bind=bound, info={VAULT: vault})

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session on one snapshot; the database itself refuses any write in it."""
        shared = _SNAPSHOTS.get() if self._has_snapshots else None
        if shared is None:
            with _own_errors(is_reading=True), self._readers() as session:
                self._say_whose(session)
                yield session
            return
        key = (self._readers, self._token)
        found = shared.get(key)
        with _own_errors(is_reading=True):
            if found is None:
                found = _Snapshot(self._readers(), self.engine)
            found.readings += 1
            try:
                if key not in shared:
                    self._say_whose(found.session)
                    found.session.info[_STORE] = self
                    shared[key] = found
                yield found.session
            except BaseException:
                if shared.get(key) is found:
                    del shared[key]
                found.is_over = True
                raise
            finally:
                found.readings -= 1
                if found.is_over:
                    found.end()

    @contextmanager
    def writing(self, *, together: bool = False) -> Iterator[Session]:
        """A session that holds the right to write from its start, commits at the end, or leaves nothing behind.

        It writes alone. `together`: beside others who say so, where the database can; for what is held row by row, as
        a case's record is (`cases.hold`), or only added.
        """
        with _own_errors(), self._in_turn(BUSY_SECONDS), self._writers.begin() as session:
            _hold_store(session, BUSY_SECONDS, together=together)
            session.info[BESIDE] = together
            self._say_whose(session)
            renew_readings()
            yield session
        renew_readings(self.engine)

    @contextmanager
    def writing_if_free(self) -> Iterator[Session]:
        """The same, for what can be left undone: raises StorageBusy after a tenth of a second of waiting.

        On SQLite it may wait as long for another writer of this process first.
        """
        with _own_errors(), self._in_turn(HASTY_SECONDS), self._hasty_writers.begin() as session:
            _hold_store(session, HASTY_SECONDS, together=True)
            self._say_whose(session)
            renew_readings()
            yield session
        renew_readings(self.engine)

    @contextmanager
    def _in_turn(self, patience: float) -> Iterator[None]:
        """Writers of this process wait for one another here: at the file each would look again and sleep between."""
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=patience):
            raise StorageBusy("another writes, and goes on writing")
        try:
            yield
        finally:
            self._turn.release()

    def _say_whose(self, session: Session) -> None:
        """For this transaction alone: a connection that goes back to its pool tells the next one nothing."""
        session.info[_WHOSE] = self._readers, self._token
        if self._token is not None:
            session.execute(select(func.set_config(WHOSE, self._token, True)))

    def cache_at(self, version: object) -> _Cache:
        """What is cached of the snapshot with that version, and of no other; nothing without one."""
        cache_at, known = self._cache
        if version is None:
            return {}
        if version != cache_at or sum(map(len, known.values())) > _CACHED_MOST:
            known = {}
            self._cache = (version, known)
        return known

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def is_whole(store: Store) -> bool:
    """Whether SQLite finds its file sound, page by page; a server looks after its own."""
    if store.engine.dialect.name != "sqlite":
        return True
    try:
        with store.engine.connect() as connection:
            return connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() == "ok"
    except DBAPIError as error:
        if is_damaged(error):
            return False
        raise translated(error) or error from None


def empty_log(engine: Any) -> bool:
    """SQLite: what the log of writing holds goes into the file, and the log is emptied; False where readers hold it."""
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        connection.rollback()
        raw.execute(f"PRAGMA busy_timeout = {EMPTYING_MS}")
        busy, *_pages = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _hold_store(session: Session, patience: float, *, together: bool) -> None:
    """SQLite has one writer as it begins; on PostgreSQL a lock on the schema says who writes beside whom."""
    if session.connection().dialect.name != "postgresql":
        return
    session.execute(text(f"SET LOCAL lock_timeout = {round(patience * 1000)}"))
    shared = "_shared" if together else ""
    session.execute(text(f"SELECT pg_advisory_xact_lock{shared}({_WRITERS}, hashtext(current_schema()))"))


@contextmanager
def _own_errors(*, is_reading: bool = False) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if is_reading and is_read_only(error):
            raise  # somebody tries to write where only reading was asked for: a mistake of ours
        own = translated(error)
        if own is None:
            raise
        raise own from error
