"""Rooms of workshops in a PostgreSQL database: schemas made ahead, taken, given back and dropped; and their stores.

Every schema has a row before it is there and until it is gone, so that whoever is cut off leaves nothing unknown.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.exc import DBAPIError

from school_protocol.storage.engines import BUSY_SECONDS, Engine, Session, Store, open_shared, within
from school_protocol.storage.errors import StorageBusy, translated
from school_protocol.storage.giving_way import TablesInUse
from school_protocol.storage.grants import check_names, room_grants
from school_protocol.storage.migrate import Part, revisions, upgrade
from school_protocol.storage.tables import new_id
from school_protocol.storage.vault import Vault
from school_protocol.storage.workshops.place_tables import PlaceKeyRow, PlaceRow

PARTS: tuple[Part, ...] = ("directory", "realm", "room")
KEPT, MOST = 2, 8
"""Connections of one process to each of the parts of all rooms: while nobody asks, and at most."""
_GONE = ("42P01", "3F000")
"""PostgreSQL's words for: there is no such table, no such schema."""
_DROP_SECONDS = 5


def lies_in_server(directory: Store) -> bool:
    """Whether rooms lie in a database, beside this directory."""
    return directory.engine.dialect.name == "postgresql"


def schema_of(place: str, part: Part) -> str:
    """The schema of one part of a room."""
    name = f"room_{place}_{part}"
    check_names(name)
    return name


# ---- stores --------------------------------------------------------------------------------------------------------


class Gate:
    """Lets so many threads ask rooms at once; whoever is in already goes on, however much they ask within.

    A thread holds up to two connections of a part (the clock is asked while something is written): with more threads
    than half of them, all could wait for one another.
    """

    def __init__(self, threads: int) -> None:
        self._free = threading.BoundedSemaphore(threads)
        self._mine = threading.local()

    @contextmanager
    def passed(self) -> Iterator[None]:
        if getattr(self._mine, "is_in", False):
            yield
            return
        if not self._free.acquire(timeout=BUSY_SECONDS):
            raise StorageBusy("too many ask rooms at once")
        self._mine.is_in = True
        try:
            yield
        finally:
            self._mine.is_in = False
            self._free.release()


class RoomStore(Store):
    """One part of one room, on connections that serve all rooms; dropped under whoever asks, it can't answer now."""

    def __init__(self, engine: Engine, gate: Gate) -> None:
        super().__init__(engine)
        self._gate = gate

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self._gate.passed(), _unless_gone(), super().reading() as session:
            yield session

    @contextmanager
    def writing(self, *, together: bool = False) -> Iterator[Session]:
        with self._gate.passed(), _unless_gone(), super().writing(together=together) as session:
            yield session

    @contextmanager
    def writing_if_free(self) -> Iterator[Session]:
        with self._gate.passed(), _unless_gone(), super().writing_if_free() as session:
            yield session

    def close(self) -> None:
        """Its connections are those of other rooms, too."""


@contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") not in _GONE:
            raise
        raise StorageBusy("this room is being destroyed") from error


class RoomStores:
    """The stores of every room, for one process: few connections for all of them, each part its own."""

    def __init__(self, directory: Store) -> None:
        address = directory.engine.url
        self._gate = Gate(MOST // 2)
        self._shared = {part: open_shared(address, kept=KEPT, most=MOST) for part in PARTS}

    def store(self, place: str, part: Part) -> Store:
        """One part of the room that lies there."""
        return RoomStore(within(self._shared[part], schema_of(place, part)), self._gate)

    def close(self) -> None:
        """Give every connection back."""
        for engine in self._shared.values():
            engine.dispose()


# ---- taken, given back -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """A room that stands: where, what opens it, and the file of what is played there."""

    place: str
    key: bytes
    scenario: bytes


def take(directory: Store, *, at: datetime) -> str | None:
    """A place that nobody has, from now on the caller's; None where there is none."""
    with directory.writing(together=True) as session:
        query = select(PlaceRow).where(PlaceRow.state == "free", PlaceRow.revisions == current())
        found = session.scalar(query.order_by(PlaceRow.since, PlaceRow.id).limit(1).with_for_update(skip_locked=True))
        if found is None:
            return None
        found.state, found.since = "filling", at
        return found.id


def settle(
    session: Session, vault: Vault, place: str, workshop: str, scenario: bytes, key: bytes, *, at: datetime
) -> None:
    """A workshop stands there, in the transaction that puts it on the list; raises StorageBusy where it was swept."""
    row = session.get(PlaceRow, place, with_for_update=True)
    if row is None or row.state != "filling":
        raise StorageBusy("this took too long: the room was swept meanwhile")
    row.state, row.since, row.workshop = "stands", at, workshop
    kept = PlaceKeyRow(place=place, scenario=scenario)
    kept.master, kept.wrapped = vault.wrap(key, kept.label)
    session.add(kept)
    session.flush()


def leave(session: Session, workshop: str, *, at: datetime) -> None:
    """The room of a workshop is to be dropped; its key goes at once."""
    place = of_workshop(session, workshop)
    if place is not None:
        _leave(session, place, at)


def give_up(directory: Store, place: str, *, at: datetime) -> None:
    """A place in which no workshop came to stand is to be dropped."""
    with directory.writing() as session:
        _leave(session, place, at)


def _leave(session: Session, place: str, at: datetime) -> None:
    kept = session.get(PlaceKeyRow, place)
    if kept is not None:
        session.delete(kept)
        session.flush()
    gone = update(PlaceRow).where(PlaceRow.id == place).values(state="going", since=at, workshop=None)
    session.execute(gone)


def of_workshop(session: Session, workshop: str) -> str | None:
    """Where the room of a workshop lies."""
    return session.scalar(select(PlaceRow.id).where(PlaceRow.workshop == workshop))


def standing(session: Session, vault: Vault, workshop: str) -> Standing | None:
    """The room of a workshop as it is opened; None where it lies in no schemas of this database."""
    place = of_workshop(session, workshop)
    row = session.get(PlaceKeyRow, place) if place is not None else None
    if row is None or not _is_there(session, row.place):
        return None
    return Standing(row.place, vault.unwrap(row.master, row.wrapped, row.label), row.scenario)


def scenario_of(session: Session, workshop: str) -> bytes | None:
    """The file of what is played in a workshop's room."""
    query = select(PlaceKeyRow.scenario).join(PlaceRow, PlaceRow.id == PlaceKeyRow.place)
    return session.scalar(query.where(PlaceRow.workshop == workshop))


def _is_there(session: Session, place: str) -> bool:
    """After a restore rows may tell of schemas that no backup held."""
    name = schema_of(place, "room")
    return session.scalar(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": name}) is not None


def known(session: Session) -> tuple[str, ...]:
    """Every place there is, whatever its state."""
    return tuple(session.scalars(select(PlaceRow.id)))


# ---- made and dropped ------------------------------------------------------------------------------------------------


def current() -> str:
    """The revisions of a room's tables that this program works with."""
    return "/".join(revisions(part)[-1] for part in PARTS)


_MAY = """
    SELECT CASE WHEN to_regprocedure('room_make(text)') IS NULL
        THEN has_database_privilege(current_database(), 'CREATE')
        ELSE has_function_privilege(to_regprocedure('room_make(text)'), 'EXECUTE') END
"""
_ROLES = """
    SELECT DISTINCT pg_get_userbyid(acl.grantee) FROM pg_namespace, aclexplode(nspacl) AS acl
    WHERE nspname = current_schema() AND acl.privilege_type = 'USAGE' AND acl.grantee NOT IN (0, nspowner)
"""


def may_make(directory: Store) -> bool:
    """Whether this role of the database makes and drops the schemas of rooms."""
    with directory.reading() as session:
        return bool(session.scalar(text(_MAY)))


def free(session: Session) -> int:
    """How many places wait for a workshop."""
    query = select(func.count()).where(PlaceRow.state == "free", PlaceRow.revisions == current())
    return session.scalar(query) or 0


def make(directory: Store, stores: RoomStores, *, at: datetime) -> str:
    """One more place, its tables made, which nobody has; by a role that may."""
    place = new_id()
    with directory.writing() as session:
        made_by = session.scalar(select(func.current_user()))
        session.add(PlaceRow(id=place, state="making", since=at, made_by=made_by, revisions="", workshop=None))
    with _ddl(directory) as connection:
        if not _by_function(connection, "room_make", place):
            for part in PARTS:
                connection.exec_driver_sql(f"CREATE SCHEMA {schema_of(place, part)}")
    bring_up(directory, stores, place)
    with directory.writing() as session:
        row = session.get_one(PlaceRow, place)
        row.state, row.revisions, row.since = "free", current(), at
    return place


def bring_up(directory: Store, stores: RoomStores, place: str) -> None:
    """The tables of a room at the revisions of this program, by their owner; open to all of the directory."""
    with directory.reading() as session:
        me = session.scalar(select(func.current_user()))
        roles = sorted(set(session.scalars(text(_ROLES))) - {me})
    for part in PARTS:
        engine = stores.store(place, part).engine
        upgrade(engine, part)
        with engine.begin() as connection:
            for role in roles:
                for statement in room_grants(part, role, schema_of(place, part)).splitlines():
                    connection.execute(text(statement))


def bring_up_own(directory: Store, stores: RoomStores) -> int:
    """What this role made for an earlier version is brought up to date where a room stands; empty ones are to go.

    Raises TablesInUse where somebody holds one, once all others are done.
    """
    with directory.reading() as session:
        old = PlaceRow.revisions != current(), PlaceRow.made_by == func.current_user()
        found = session.execute(select(PlaceRow.id, PlaceRow.state).where(*old)).all()
    stand, held = [], None
    for place in (place for place, state in found if state == "stands"):
        try:
            bring_up(directory, stores, place)
        except TablesInUse as error:
            held = error
        else:
            stand.append(place)
    with directory.writing() as session:
        session.execute(update(PlaceRow).where(PlaceRow.id.in_(stand)).values(revisions=current()))
        left = update(PlaceRow).where(PlaceRow.state == "free", PlaceRow.revisions != current())
        session.execute(left.values(state="going"))
    if held is not None:
        raise held
    return len(stand)


def leave_free(directory: Store, *, at: datetime) -> None:
    """Every place that nobody has is to be dropped: others are made for the roles that use the directory now."""
    with directory.writing() as session:
        session.execute(update(PlaceRow).where(PlaceRow.state == "free").values(state="going", since=at))


def going(session: Session) -> tuple[str, ...]:
    """The places that are to be dropped, with schemas of rooms that no row tells of."""
    rows = session.scalars(select(PlaceRow.id).where(PlaceRow.state == "going").order_by(PlaceRow.since, PlaceRow.id))
    named = session.scalars(text("SELECT substring(nspname FROM '^room_([a-z2-7]{26})_') FROM pg_namespace"))
    unknown = {one for one in named if one} - set(known(session))
    return (*rows, *sorted(unknown))


def cut_off(directory: Store, until: datetime, *, at: datetime) -> int:
    """Places that were being made, or filled, since before that moment are to be dropped: whoever did it has gone."""
    with directory.writing() as session:
        query = select(PlaceRow.id).where(PlaceRow.state.in_(("making", "filling")), PlaceRow.since <= until)
        found = session.scalars(query).all()
        for place in found:
            _leave(session, place, at)
    return len(found)


def drop(directory: Store, place: str) -> None:
    """Drop the schemas of one place, all or none, then its row; raises StorageBusy while somebody is in there."""
    with _ddl(directory) as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = {_DROP_SECONDS * 1000}"))
        if not _by_function(connection, "room_drop", place):
            for part in PARTS:
                connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {schema_of(place, part)} CASCADE")
    with directory.writing() as session:
        row = session.get(PlaceRow, place)
        if row is not None:
            session.delete(row)


@contextmanager
def _ddl(directory: Store) -> Iterator[Connection]:
    try:
        with directory.engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        own = translated(error)
        if own is None:
            raise
        raise own from error


def _by_function(connection: Connection, name: str, place: str) -> bool:
    """Whether the owner left a function for it, which was called; without one, this is the owner."""
    if connection.scalar(text("SELECT to_regprocedure(:name)"), {"name": f"{name}(text)"}) is None:
        return False
    connection.execute(select(getattr(func, name)(place)))
    return True


# ---- what the owner leaves -------------------------------------------------------------------------------------------

_BODY = """
    DECLARE part text; place text; role name;
    BEGIN
        IF wanted !~ '^[a-z2-7]{{26}}$' OR {refused} THEN
            RAISE EXCEPTION 'no room to {do} there' USING ERRCODE = 'insufficient_privilege';
        END IF;
        FOREACH part IN ARRAY ARRAY['directory', 'realm', 'room'] LOOP
            place := 'room_' || wanted || '_' || part;
            {does}
        END LOOP;
    END
"""
_MAKES = """
            EXECUTE format('CREATE SCHEMA %I', place);
            EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', place, session_user);
            FOR role IN SELECT DISTINCT pg_get_userbyid(acl.grantee) FROM pg_namespace, aclexplode(nspacl) AS acl
                WHERE nspname = '{directory}' AND acl.privilege_type = 'USAGE' AND acl.grantee NOT IN (0, nspowner)
            LOOP
                EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', place, role);
            END LOOP;
"""
_FUNCTIONS: dict[str, dict[str, str]] = {
    "room_make": {
        "do": "make", "does": _MAKES,
        "refused": "NOT EXISTS (SELECT 1 FROM {directory}.room_place WHERE id = wanted AND state = 'making')",
    },
    "room_drop": {
        "do": "drop", "does": "EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', place);",
        "refused": "EXISTS (SELECT 1 FROM {directory}.room_place WHERE id = wanted AND state <> 'going')",
    },
}  # fmt: skip


def leave_functions(connection: Connection, directory: str, does: tuple[str, ...], others: tuple[str, ...]) -> None:
    """By the owner: `does` may have schemas of rooms made and dropped, of rooms alone, and `others` may not."""
    check_names(directory, *does, *others)
    for name, said in _FUNCTIONS.items():
        parts: dict[str, Any] = {key: value.format(directory=directory) for key, value in said.items()}
        whole = f"{directory}.{name}(wanted text)"
        body = _BODY.format(**parts)
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {whole} RETURNS void LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = pg_catalog, pg_temp AS $body${body}$body$".replace("%", "%%")
        )
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {whole} FROM PUBLIC")
        for role in others:
            connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {whole} FROM {role}")
        for role in does:
            connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {whole} TO {role}")


def drop_all(connection: Connection) -> None:
    """By the owner: every room there is."""
    named = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^room_[a-z2-7]{26}_(directory|realm|room)$'"
    for name in connection.scalars(text(named)).all():
        connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
