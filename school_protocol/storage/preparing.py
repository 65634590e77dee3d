"""A PostgreSQL database made ready by whoever owns it: schemas, tables, and what the roles that serve may do there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import text

from school_protocol.config import QUEUE, in_schema
from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.storage import keys, walls
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.grants import grants, queue_grants
from school_protocol.storage.migrate import Part, make_schema, upgrade
from school_protocol.storage.workshops import places

PARTS: tuple[Part, ...] = ("directory", "realm")


class NoWall(SchoolProtocolError):
    """The role that serves pages would see every case all the same."""


def holds_rows(database: str) -> bool:
    """Whether an installation lies there already."""
    stores = [Store(open_engine(in_schema(database, part))) for part in PARTS]
    try:
        return any(map(keys.holds_data, stores))
    finally:
        for store in stores:
            store.close()


def clear(database: str) -> None:
    """Take away all that an installation keeps there, by whoever owns it."""
    engine = open_engine(database)
    try:
        with engine.begin() as connection:
            places.drop_all(connection)
            for schema in (*PARTS, QUEUE):
                connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
    finally:
        engine.dispose()


def prepare(database: str, site: str, workers: Sequence[str], *, make_queue: Callable[[], None]) -> None:
    """Bring every schema of `database` up to date and give roles what the program needs; as often as one likes.

    `database` is opened as the owner. `site` serves pages, behind a wall where `workers` do the rest (see `walls`).
    `make_queue` makes the tables of the worker's queue. Raises NotPrepared where the address is not the owner's,
    NoWall where `site` would see through the wall.
    """
    roles = tuple(dict.fromkeys(name for name in (site, *workers) if name))
    if site and workers:
        _refuse_seeing_through(database, site, workers)
    for part in PARTS:
        engine = open_engine(in_schema(database, part))
        try:
            upgrade(engine, part)
            with engine.begin() as connection:
                for role in roles:
                    for statement in grants(part, role, part).splitlines():
                        connection.execute(text(statement))
        finally:
            engine.dispose()
    if site and workers:
        engine = open_engine(in_schema(database, "realm"))
        with engine.begin() as connection:
            walls.build(connection, site, workers, realm="realm", directory="directory")
        engine.dispose()
    _prepare_rooms(database, site, tuple(workers))
    engine = open_engine(in_schema(database, QUEUE))
    try:
        with engine.begin() as connection:
            make_schema(connection)
        make_queue()
        with engine.begin() as connection:
            for role in roles:
                for statement in queue_grants(role, QUEUE).splitlines():
                    connection.execute(text(statement))
    finally:
        engine.dispose()


def _prepare_rooms(database: str, site: str, workers: tuple[str, ...]) -> None:
    """Whoever works has rooms made and dropped by functions of the owner; whoever serves alone works, too."""
    store = Store(open_engine(in_schema(database, "directory")))
    stores = places.RoomStores(store)
    try:
        with store.engine.begin() as connection:
            does = workers or ((site,) if site else ())
            places.leave_functions(connection, "directory", does, (site,) if site and workers else ())
        places.bring_up_own(store, stores)
        places.leave_free(store, at=datetime.now(UTC))
    finally:
        stores.close()
        store.close()


_THROUGH = """
    SELECT role.rolsuper OR role.rolbypassrls OR pg_has_role(role.oid, current_user, 'MEMBER')
        OR EXISTS (SELECT 1 FROM pg_roles AS worker WHERE worker.rolname = ANY (:workers)
                   AND pg_has_role(role.oid, worker.oid, 'MEMBER'))
    FROM pg_roles AS role WHERE role.rolname = :site
"""


def _refuse_seeing_through(database: str, site: str, workers: Sequence[str]) -> None:
    """Raises NoWall where the role of the pages is, or may become, one for which no wall stands."""
    engine = open_engine(database)
    try:
        with engine.connect() as connection:
            sees = connection.scalar(text(_THROUGH), {"site": site, "workers": list(workers)})
    finally:
        engine.dispose()
    if sees:
        raise NoWall(
            f"the role {site} serves pages, and would see every case: it must not be a superuser, have BYPASSRLS, be "
            "one of the workers, or be a member of one of them or of the owner"
        )
