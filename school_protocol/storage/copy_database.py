"""An installation's rows, copied from SQLite into an empty PostgreSQL database, and proven equal.

One transaction of the target holds them all: a move that was cut off leaves nothing there. Meanwhile the source is
held: it is read on, and who writes is told to come again; once all is equal it takes no more writes, not even from a
process that still runs on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Connection, Table, func, insert, inspect, select, text
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.storage.engines import WRITING, Engine, Store
from school_protocol.storage.migrate import Part, Tables, revision_on, revisions
from school_protocol.storage.store_errors import MOVED, StorageBusy
from school_protocol.storage.vault import canonical

BATCH = 1_000
_VERBS = ("INSERT", "UPDATE", "DELETE")
Counted = Callable[[int], None]
"""Told how many more rows are there."""
Held = Mapping[Part, Connection]
"""Connections that hold their stores."""


class NotMovable(SchoolProtocolError):
    """The copy can't begin, or the two are not equal: the source serves on, and the target is as it was."""


class MovedAway(SchoolProtocolError):
    """A store whose rows were moved elsewhere."""


def refuse_moved(store: Store, name: str) -> None:
    """Raises MovedAway where this store must not be served any more."""
    with store.engine.connect() as connection:
        if is_away(connection):
            raise MovedAway(
                f"the {name} here was moved to another database: set SCHOOL_PROTOCOL_DATABASE_URL to that one, or take "
                "this one back into service with `school-protocol database reopen`"
            )


@contextmanager
def held(store: Store) -> Iterator[Connection]:
    """The only right to write there, as long as the block runs; committed at its end. Raises NotMovable."""
    with ExitStack() as holding:
        try:
            session = holding.enter_context(store.writing())
        except StorageBusy as error:
            raise NotMovable("somebody writes to the source all the time: stop the site and its workers") from error
        yield session.connection()


# ---- copying -------------------------------------------------------------------------------------------------------


def count(source: Connection, part: Part, tables: Tables) -> int:
    """How many rows there are to copy. Raises NotMovable where the source's tables are of another version."""
    if revision_on(source) != revisions(part)[-1]:
        raise NotMovable(f"the {part} of the source is of another version: start this one there once")
    return sum(_counted(source, one) for one in tables[part].sorted_tables)


def fill(source: Held, target: Engine, tables: Tables, copied: Counted, compared: Counted) -> None:
    """Every row of the source, proven to be there. Raises NotMovable, with nothing left in the target.

    `target` has the tables of each part in the schema of its name, empty.
    """
    with target.execution_options(purpose=WRITING).begin() as connection:
        for part, held_source in source.items():
            there = connection.execution_options(schema_translate_map={None: part})
            _copy(held_source, there, part, tables, copied)
            different = differing(held_source, there, tables[part].sorted_tables, compared)
            if different:
                raise NotMovable(f"not equal: {'; '.join(different)}. Begin again")


def _copy(source: Connection, target: Connection, part: Part, tables: Tables, done: Counted) -> None:
    each = tables[part].sorted_tables
    if any(_counted(target, one) for one in each):
        raise NotMovable(f"the {part} of the target holds rows: name an empty database")
    guarded = [f"{part}.{one.name}" for one in each]
    try:
        for name in guarded:
            target.exec_driver_sql(f"ALTER TABLE {name} DISABLE TRIGGER USER")
    except ProgrammingError:
        raise NotMovable(f"the {part} of the target is not this role's: name the role that owns it") from None
    for one in each:
        for batch in _batches(source, one):
            with _said(one.name):
                target.execute(insert(one), batch)
            done(len(batch))
    for name in guarded:
        target.exec_driver_sql(f"ALTER TABLE {name} ENABLE TRIGGER USER")
    if part == "realm":
        target.execute(_NUMBERS_GO_ON)


_NUMBERS_GO_ON = text(
    "SELECT setval('realm.access_place', greatest(1, (SELECT max(place) FROM realm.access), "
    "(SELECT max(last_place) FROM realm.access_batch)), EXISTS (SELECT 1 FROM realm.access) "
    "OR EXISTS (SELECT 1 FROM realm.access_batch))"
)


@contextmanager
def _said(table: str) -> Iterator[None]:
    """A database that takes less than the source did, as longer texts or larger numbers: where, and never what."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        state = getattr(error.orig, "sqlstate", None) or type(error).__name__
        raise NotMovable(f"the target does not take a row of {table} ({state}): put it right in the source") from None


def _counted(connection: Connection, one: Table) -> int:
    return connection.scalar(select(func.count()).select_from(one)) or 0


def _batches(source: Connection, one: Table) -> Iterator[Sequence[Mapping[str, Any]]]:
    """All rows; those that point at each other parents first."""
    above = next((key.parent for key in one.foreign_keys if key.column.table is one), None)
    query = select(one).order_by(*one.primary_key.columns)
    if above is not None:
        rows = _parents_first(map(dict, source.execute(query).mappings()), one.primary_key.columns[0].name, above.name)
        yield from (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
        return
    size = _batch(one)
    found = source.execute(query, execution_options={"yield_per": size})
    yield from (list(map(dict, batch)) for batch in found.mappings().partitions(size))


def _batch(one: Table) -> int:
    """How many rows of a table are held at once: few, where each may be a file of many megabytes."""
    return int(one.info.get("batch", BATCH))


def _parents_first(rows: Iterable[dict[str, Any]], key: str, above: str) -> list[dict[str, Any]]:
    waiting, placed, ordered = list(rows), set[Any](), list[dict[str, Any]]()
    while waiting:
        ready = [row for row in waiting if row[above] is None or row[above] in placed]
        if not ready:
            raise NotMovable("rows of the source point at each other in a circle")
        ordered += ready
        placed |= {row[key] for row in ready}
        waiting = [row for row in waiting if row[key] not in placed]
    return ordered


# ---- proving -------------------------------------------------------------------------------------------------------


def proof(connection: Connection, one: Table, done: Counted) -> tuple[int, str]:
    """How many rows a table has, and a sum of their digests, whatever their order; the same rows, the same sum."""
    total, rows = 0, 0
    found = connection.execute(select(one), execution_options={"yield_per": _batch(one)})
    for batch in found.partitions(_batch(one)):
        for row in batch:
            total += int.from_bytes(hashlib.sha256(canonical([_plain(value) for value in row])).digest())
        rows += len(batch)
        done(len(batch))
    return rows, f"{total % 2**256:064x}"


def _plain(value: Any) -> Any:
    return ["bytes", value.hex()] if isinstance(value, bytes) else value


def differing(source: Connection, target: Connection, tables: Sequence[Table], done: Counted) -> list[str]:
    """The tables that are not equal, each with both counts."""
    found = []
    for one in tables:
        here, there = proof(source, one, done), proof(target, one, done)
        if here != there:
            found.append(f"{one.name}: {here[0]} rows, and {there[0]} there")
    return found


# ---- sending away --------------------------------------------------------------------------------------------------


def is_away(connection: Connection) -> bool:
    """Whether a store was moved elsewhere, and takes no more writes."""
    return inspect(connection).has_table(MOVED)


def send_away(connection: Connection, tables: Iterable[str]) -> None:
    """From the end of this transaction of SQLite on nobody writes there, not even whoever has it open."""
    connection.exec_driver_sql(f"CREATE TABLE {MOVED} (moved INTEGER)")
    for name, verb, table in _refusals(tables):
        connection.exec_driver_sql(
            f"CREATE TRIGGER {name} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{MOVED}'); END"
        )


def take_back(connection: Connection, tables: Iterable[str]) -> None:
    """Let a store be written to again that was moved elsewhere."""
    if is_away(connection):
        for name, _verb, _table in _refusals(tables):
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql(f"DROP TABLE {MOVED}")


def _refusals(tables: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Each trigger by its name, with what it refuses, and where."""
    for name in tables:
        yield from ((f"{MOVED}_{name}_{verb.lower()}", verb, name) for verb in _VERBS)
