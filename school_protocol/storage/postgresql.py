"""A PostgreSQL database made ready by whoever owns it: schemas, tables, and what the roles that serve may do there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from sqlalchemy import Connection, Engine, text

from school_protocol.config import QUEUE, in_schema, role_of, training_schema
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.storage import case_keys, row_security
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.migrate import Part, Tables, make_schema, upgrade
from school_protocol.storage.row_security import check_names, grants, queue_grants
from school_protocol.storage.sql import change_or_give_way, shortly
from school_protocol.training import room_repository

PARTS: tuple[Part, ...] = ("directory", "realm")


class NotOwner(SchoolProtocolError):
    """The role that is to make schemas and tables may not."""


class NoRole(SchoolProtocolError):
    """A role that is to serve is none of the server's."""


class NoWall(SchoolProtocolError):
    """The role that serves pages would see every case all the same."""


_MAY_MAKE = """
    SELECT bool_and(CASE WHEN pg_namespace.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                    ELSE has_schema_privilege(pg_namespace.oid, 'CREATE') END)
    FROM unnest(CAST(:names AS text[])) AS wanted (name) LEFT JOIN pg_namespace ON nspname = wanted.name
"""


def may_make(database: str) -> bool:
    """Whether the role of this address may make the tables of an installation there. Raises StorageBusy."""
    with closing(Store(open_engine(database))) as store, store.reading() as session:
        return bool(session.scalar(text(_MAY_MAKE), {"names": list(PARTS)}))


def _refuse_absent(database: str, roles: Sequence[str]) -> None:
    """Raises NoRole for the first of the roles that isn't there; makes none: whoever runs the server does."""
    check_names(*roles)
    with closing(Store(open_engine(database))) as store, store.reading() as session:
        there = set(session.scalars(text("SELECT rolname FROM pg_roles")))
    for role in roles:
        if role not in there:
            raise NoRole(f"role {role} does not exist: `createuser {role}`")


def holds_rows(database: str) -> bool:
    """Whether an installation lies there already."""
    with ExitStack() as opened:
        stores = [opened.enter_context(closing(Store(open_engine(in_schema(database, part))))) for part in PARTS]
        return any(map(case_keys.holds_data, stores))


def clear(database: str) -> None:
    """Take away all that an installation keeps there, by whoever owns it. Raises TablesInUse."""

    def do(connection: Connection) -> None:
        shortly(connection)
        for schema in (*PARTS, *map(training_schema, room_repository.PARTS), QUEUE):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))

    with _opened(database) as engine:
        change_or_give_way(engine, do)


def prepare(
    database: str, site: str, workers: Sequence[str], tables: Tables, *, make_queue: Callable[[], None]
) -> None:
    """Bring every schema of `database` up to date and give roles what the program needs; as often as one likes.

    `database` is opened as the owner. `site` serves pages, behind a wall where `workers` do the rest (see `walls`).
    `make_queue` makes the tables of the worker's queue. Raises NotOwner where the address is not the owner's, NoRole
    where one of the roles is not there, NoWall where `site` would see through the wall, TablesInUse.
    """
    if not may_make(database):
        raise NotOwner(f"the role {role_of(database)} owns neither the tables nor the database")
    roles = tuple(dict.fromkeys(name for name in (site, *workers) if name))
    is_walled = bool(site and workers)
    _refuse_absent(database, roles)
    if role_of(database) in roles:
        raise NotOwner(f"{role_of(database)} owns the tables: a role that serves or works is another one")
    if is_walled:
        _refuse_seeing_through(database, site, workers)
    for part in PARTS:
        with _opened(in_schema(database, part)) as engine:
            upgrade(engine, part, tables)
            if part == "realm" and is_walled:  # before it may read a table that is new
                row_security.build(engine, site, workers, realm="realm", directory="directory")
            _say(engine, [grants(part, tables, role, part) for role in roles])
    for part in room_repository.PARTS:
        schema = training_schema(part)
        with _opened(in_schema(database, schema)) as engine:
            upgrade(engine, part, tables, purged=True)
            _say(engine, [grants(part, tables, role, schema, purged=True) for role in roles])
    with _opened(in_schema(database, QUEUE)) as engine:
        with engine.begin() as connection:
            make_schema(connection)
        make_queue()
        _say(engine, [queue_grants(role, QUEUE) for role in roles])


@contextmanager
def _opened(database: str) -> Iterator[Engine]:
    engine = open_engine(database)
    try:
        yield engine
    finally:
        engine.dispose()


def _say(engine: Engine, grants: Sequence[str]) -> None:
    with engine.begin() as connection:
        for statement in "\n".join(grants).splitlines():
            connection.execute(text(statement))


_THROUGH = """
    SELECT role.rolsuper OR role.rolbypassrls OR pg_has_role(role.oid, current_user, 'MEMBER')
        OR EXISTS (SELECT 1 FROM pg_roles AS worker WHERE worker.rolname = ANY (:workers)
                   AND pg_has_role(role.oid, worker.oid, 'MEMBER'))
    FROM pg_roles AS role WHERE role.rolname = :site
"""


def _refuse_seeing_through(database: str, site: str, workers: Sequence[str]) -> None:
    """Raises NoWall where the role of the pages is, or may become, one for which no wall stands."""
    with _opened(database) as engine, engine.connect() as connection:
        sees = connection.scalar(text(_THROUGH), {"site": site, "workers": list(workers)})
    if sees:
        raise NoWall(
            f"the role {site} serves pages, and would see every case: it must not be a superuser, have BYPASSRLS, be "
            "one of the workers, or be a member of one of them or of the owner"
        )
