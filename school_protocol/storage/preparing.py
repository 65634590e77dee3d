"""A PostgreSQL database made ready by whoever owns it: schemas, tables, and what the roles that serve may do there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import text

from school_protocol.config import QUEUE, in_schema
from school_protocol.storage import keys, walls
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.grants import grants, queue_grants
from school_protocol.storage.migrate import Part, make_schema, upgrade

PARTS: tuple[Part, ...] = ("directory", "realm")


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
            for schema in (*PARTS, QUEUE):
                connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
    finally:
        engine.dispose()


def prepare(database: str, site: str, workers: Sequence[str], *, make_queue: Callable[[], None]) -> None:
    """Bring every schema of `database` up to date and give roles what the program needs; as often as one likes.

    `database` is opened as the owner. `site` serves pages, behind a wall where `workers` do the rest (see `walls`).
    `make_queue` makes the tables of the worker's queue. Raises NotPrepared where the address is not the owner's.
    """
    roles = tuple(dict.fromkeys(name for name in (site, *workers) if name))
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
