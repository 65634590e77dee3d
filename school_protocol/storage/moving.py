"""An installation's rows, copied from one database into another and proven equal: from SQLite to PostgreSQL, or back.

While it is copied the source is held: who reads it reads on, who writes is told to come again. Once all is equal the
source takes no more writes, not even from a process that still runs on it. What was copied so far stays, so that a copy
that was cut off goes on where it was; until it is proven equal nobody opens what is half there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, inspect, select, text
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.storage.engines import MOVED, WRITING, Engine, Store
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.migrate import METADATA, Part, revision_of, revision_on, revisions, upgrade
from school_protocol.storage.vault import canonical

BATCH = 1_000
UNDER_WAY = "move_under_way"
"""A table that stands in a store as long as it is only half there: the guards to put up again."""
_VERBS = ("INSERT", "UPDATE", "DELETE")
Counted = Callable[[int], None]
"""Told how many more rows are there."""
Held = Mapping[Part, Connection]
"""Connections that hold their stores."""


class NotMovable(SchoolProtocolError):
    """The copy can't begin, or the two are not equal."""


class OutOfStep(NotMovable):
    """What was copied is not what the source holds: to be refused, or, after a move that was cut off, begun anew."""


class HalfMoved(SchoolProtocolError):
    """A store into which rows were copied, and not all of them yet; or whose rows were moved elsewhere."""


def refuse_moving(store: Store, name: str) -> None:
    """Raises HalfMoved where this store must not be served: half there, or moved away."""
    with store.engine.connect() as connection:
        if inspect(connection).has_table(UNDER_WAY):
            raise HalfMoved(
                f"the {name} here is half there: a move was cut off. Run `school-protocol database move` again, with "
                "the same two places"
            )
        if is_away(connection):
            raise HalfMoved(
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


def is_whole(engine: Engine) -> bool:
    """Whether a store has its tables, and no copy into it is under way."""
    with engine.connect() as connection:
        return not inspect(connection).has_table(UNDER_WAY) and revision_on(connection) is not None


def count(source: Connection, part: Part) -> int:
    """How many rows there are to copy."""
    return sum(_counted(source, one) for one in tables(part))


def goes_on(source: Connection, target: Engine) -> bool:
    """Whether a move of this directory was cut off there. Raises NotMovable where one of another installation was."""
    account = METADATA["directory"].tables["account"].c.id
    with target.connect() as connection:
        if not inspect(connection).has_table(UNDER_WAY):
            return False
        there = set(connection.scalars(select(account)))
    if not there <= set(source.scalars(select(account))):  # no account is ever taken away
        raise NotMovable(
            "the target is half there, and from another source: go on with that one, or name an empty place"
        )
    return bool(there)


def empty(target: Engine, part: Part) -> None:
    """Take away what a move left that was cut off; a store in which none is under way stays as it is."""
    with target.execution_options(purpose=WRITING).begin() as connection:
        if not inspect(connection).has_table(UNDER_WAY):
            return
        left = list(tables(part))
        if connection.dialect.name == "postgresql":
            held_fast = _pointed_at(one for one in METADATA[part].sorted_tables if one not in left)
            at_once = [one.name for one in left if one not in held_fast]
            connection.execute(text(f"TRUNCATE {', '.join(at_once)}"))
            left = [one for one in left if one in held_fast]
        for one in reversed(left):
            connection.execute(delete(one))


def _pointed_at(some: Iterable[Table]) -> set[Table]:
    """The tables at which these point, and at which those do: PostgreSQL truncates none of them without these."""
    found, waiting = set[Table](), list(some)
    while waiting:
        new = {key.column.table for key in waiting.pop().foreign_keys} - found
        found |= new
        waiting += new
    return found


def copy(source: Connection, target: Engine, part: Part, done: Counted) -> None:
    """Every row of `part` that is not there yet. Raises NotMovable."""
    _begin(source, target, part)
    for one in tables(part):
        with target.connect() as connection:
            there = _counted(connection, one)
        done(there)
        for batch in _batches(source, one, there):
            with _said(one.name), target.execution_options(purpose=WRITING).begin() as connection:
                connection.execute(insert(one), batch)
            done(len(batch))


@contextmanager
def _said(table: str) -> Iterator[None]:
    """A database that takes less than the source did, as longer texts or larger numbers: where, and never what."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        state = getattr(error.orig, "sqlstate", None) or type(error).__name__
        kind = OutOfStep if isinstance(error, IntegrityError) else NotMovable
        raise kind(f"the target does not take a row of {table} ({state}): put it right in the source") from None


def tables(part: Part) -> Sequence[Table]:
    """The tables of a part, each after those that it points at; less those that say where things lie in a database."""
    return [one for one in METADATA[part].sorted_tables if not one.info.get("stays")]


def _begin(source: Connection, target: Engine, part: Part) -> None:
    """The target's tables, empty or as a copy before left them, without their guards as long as it goes on."""
    if revision_on(source) != revisions(part)[-1]:
        raise NotMovable(f"the {part} of the source is of another version: start this one there once")
    if inspect(source).has_table(UNDER_WAY):
        raise NotMovable(f"the {part} of the source is half there itself")
    is_new = revision_of(target) is None
    upgrade(target, part)
    with target.execution_options(purpose=WRITING).begin() as connection:
        if inspect(connection).has_table(UNDER_WAY):
            return
        if not is_new and any(_counted(connection, one) for one in tables(part)):
            raise NotMovable(f"the {part} of the target holds rows that no move brought there")
        try:
            _take_guards(connection, part)
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", "") != "42501":
                raise
            raise NotMovable(f"the {part} of the target is not this role's: name the role that owns it") from error


def _counted(connection: Connection, one: Table) -> int:
    return connection.scalar(select(func.count()).select_from(one)) or 0


def _batches(source: Connection, one: Table, there: int) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The rows behind the first so many, always in the same order; those that point at each other parents first."""
    above = next((key.parent for key in one.foreign_keys if key.column.table is one), None)
    query = select(one).order_by(*one.primary_key.columns)
    if above is not None:
        rows = _parents_first(map(dict, source.execute(query).mappings()), one.primary_key.columns[0].name, above.name)
        yield from (rows[start : start + BATCH] for start in range(there, len(rows), BATCH))
        return
    size = _batch(one)
    found = source.execute(query.offset(there), execution_options={"yield_per": size})
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


def differing(source: Connection, target: Connection, part: Part, done: Counted) -> list[str]:
    """The tables that are not equal, each with both counts."""
    found = []
    for one in tables(part):
        here, there = proof(source, one, done), proof(target, one, done)
        if here != there:
            found.append(f"{one.name}: {here[0]} rows, and {there[0]} there")
    return found


# ---- guards --------------------------------------------------------------------------------------------------------


def _take_guards(connection: Connection, part: Part) -> None:
    connection.execute(text(f"CREATE TABLE {UNDER_WAY} (name TEXT, statement TEXT)"))
    if connection.dialect.name == "postgresql":
        for one in tables(part):
            connection.execute(text(f"ALTER TABLE {one.name} DISABLE TRIGGER USER"))
        return
    triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for name, statement in triggers:
        put = text(f"INSERT INTO {UNDER_WAY} VALUES (:name, :statement)")  # noqa: S608 - a name of ours
        connection.execute(put, {"name": name, "statement": statement})
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')


def finish(engine: Engine, part: Part) -> None:
    """What was copied may be served: its guards stand again, and numbers go on behind those that are there."""
    with engine.execution_options(purpose=WRITING).begin() as connection:
        if inspect(connection).has_table(UNDER_WAY):
            _put_guards(connection, part)


def _put_guards(connection: Connection, part: Part) -> None:
    if connection.dialect.name == "postgresql":
        for one in tables(part):
            connection.execute(text(f"ALTER TABLE {one.name} ENABLE TRIGGER USER"))
        if part == "realm":
            connection.execute(
                text(
                    "SELECT setval('access_place', greatest(1, (SELECT max(place) FROM access), "
                    "(SELECT max(last_place) FROM access_batch)), EXISTS (SELECT 1 FROM access) "
                    "OR EXISTS (SELECT 1 FROM access_batch))"
                )
            )
    else:
        for (statement,) in connection.execute(text(f"SELECT statement FROM {UNDER_WAY}")).all():  # noqa: S608
            connection.exec_driver_sql(statement)
    connection.execute(text(f"DROP TABLE {UNDER_WAY}"))


def is_away(connection: Connection) -> bool:
    """Whether a store was moved elsewhere, and takes no more writes."""
    return inspect(connection).has_table(MOVED)


def send_away(connection: Connection, part: Part) -> None:
    """From the end of this transaction on nobody writes there, not even whoever has it open."""
    if is_away(connection):
        return
    connection.execute(text(f"CREATE TABLE {MOVED} (moved INTEGER)"))
    on_server = connection.dialect.name == "postgresql"
    if on_server:
        connection.execute(
            text(
                f"CREATE FUNCTION refuse_{MOVED}() RETURNS trigger LANGUAGE plpgsql AS $body$ "
                f"BEGIN RAISE EXCEPTION '{MOVED}'; END $body$"
            )
        )
    for one in tables(part):
        for verb in _VERBS:
            name = f"{MOVED}_{one.name}_{verb.lower()}"
            what = f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_{MOVED}()" if on_server else _ABORT
            connection.exec_driver_sql(f"CREATE TRIGGER {name} BEFORE {verb} ON {one.name} {what}")


def take_back(connection: Connection, part: Part) -> None:
    """Let a store be written to again that was moved elsewhere."""
    if not is_away(connection):
        return
    for one in tables(part):
        for verb in _VERBS:
            on_table = f" ON {one.name}" if connection.dialect.name == "postgresql" else ""
            connection.exec_driver_sql(f"DROP TRIGGER {MOVED}_{one.name}_{verb.lower()}{on_table}")
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"DROP FUNCTION refuse_{MOVED}()"))
    connection.execute(text(f"DROP TABLE {MOVED}"))


_ABORT = f"BEGIN SELECT RAISE(ABORT, '{MOVED}'); END"
