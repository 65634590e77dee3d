"""Migrations have a way back: tables are as they were, rows stay, and where something would be lost nothing happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from alembic import command, op
from sqlalchemy import Connection, Engine, MetaData, func, insert, inspect, select, table, text

from school_protocol.storage import going_back, migrate, walls
from school_protocol.storage.engines import WRITING, Store
from school_protocol.storage.going_back import NoWayBack
from school_protocol.storage.migrate import Part
from school_protocol.storage.workshops import places
from storage.test_migrate import PARTS, sample

FLOOR = "0010"
"""Down to here there is a way back; 0.1.0 left the directory at 0018, realms at 0016."""
GOES = {
    "case_known", "case_referral", "case_request", "case_review", "figure_counter", "figure_share", "file_sweep",
    "retention_day", "review_state",
}  # fmt: skip
"""Tables whose rows are derived (`index rebuild`, `figures rebuild`), or tell of the house's own work alone."""
Told = tuple[Part, str, str, str]
PARTLY: tuple[Told, ...] = (
    ("realm", "0019", "UPDATE prepared_paper SET place = 'there'", "prepared_paper"),
    ("realm", "0019", "UPDATE handed_paper SET place = 'there'", "handed_paper"),
    ("realm", "0019", "INSERT INTO files_at VALUES (1, 'folder')", ""),
    ("realm", "0020", "UPDATE case_referral SET whom = 'there'", ""),
    ("directory", "0011", "UPDATE contact SET revision = 2", "contact"),
    ("directory", "0011", "UPDATE contact SET retired_at = '2026-11-25'", "contact"),
    ("directory", "0020", "INSERT INTO room_place VALUES ('a2', 'filling', '2026-11-25', 'x', '', NULL)", "room_place"),
    ("directory", "0020", "INSERT INTO room_place VALUES ('a2', 'free', '2026-11-25', 'x', '', NULL)", ""),
    ("directory", "0021", "UPDATE unit SET city = 'Fès'", "unit"),
    ("directory", "0021", """UPDATE contact SET city = '{"fr": "Fès"}'""", "contact"),
)
"""Of a revision: what is written there, and the table that then stands in the way (none: nothing does)."""


def steps(part: Part, floor: str = FLOOR, top: str = "9999") -> Iterator[tuple[str, str]]:
    """From the floor up: each revision, with the one before it."""
    known = [revision for revision in migrate.revisions(part) if floor <= revision <= top]
    return pairwise(known)


@pytest.mark.exhaustive(but=("sqlite-directory",))
@pytest.mark.postgresql
@pytest.mark.parametrize("part", PARTS)
def test_every_step_is_taken_back_and_again(empty: Store, part: Part) -> None:
    """With a row in every table of the revision before, and in what goes: down all are as they were, up again, too."""
    take_every_step(empty.engine, part)


def take_every_step(engine: Engine, part: Part) -> None:
    migrate.upgrade(engine, part, FLOOR)
    _fill(engine)
    for before, revision in steps(part):
        kept, was = _rows(engine), schema_of(engine)
        migrate.upgrade(engine, part, revision)
        new = schema_of(engine)
        assert new != was, revision
        _fill(engine, *GOES)
        migrate.downgrade(engine, part, before)
        assert (migrate.revision_of(engine), schema_of(engine)) == (before, was)
        assert _rows(engine) == kept, revision
        migrate.upgrade(engine, part, revision)
        assert schema_of(engine) == new, revision
        again = _rows(engine)
        assert {name: [_part_of(row, again[name]) for row in rows] for name, rows in kept.items()} == kept, revision
        _fill(engine)


def _part_of(row: Mapping[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The one row there is, of the columns of before."""
    [now] = rows
    return {column: now[column] for column in row}


@pytest.mark.parametrize(("part", "top"), [("directory", "0006"), ("realm", "0008")])
def test_the_earliest_go_back_where_there_is_nothing_yet(empty: Store, part: Part, top: str) -> None:
    """Above the guards, and below what bars the way to them."""
    migrate.upgrade(empty.engine, part, "0002")
    for before, revision in steps(part, "0002", top):
        was = schema_of(empty.engine)
        migrate.upgrade(empty.engine, part, revision)
        new = schema_of(empty.engine)
        migrate.downgrade(empty.engine, part, before)
        assert (was != new, schema_of(empty.engine)) == (True, was), revision
        migrate.upgrade(empty.engine, part, revision)
        assert schema_of(empty.engine) == new, revision


@pytest.mark.exhaustive(
    but=(
        "sqlite-directory",
        "sqlite-realm",
    )
)
@pytest.mark.postgresql
@pytest.mark.parametrize("part", PARTS)
def test_where_something_would_be_lost_nothing_happens(empty: Store, part: Part) -> None:
    """A row in each new table, one after the other; in those that were there, what has come to stand in new columns."""
    refuse_every_loss(empty.engine, part)


def refuse_every_loss(engine: Engine, part: Part) -> None:
    migrate.upgrade(engine, part, FLOOR)
    _fill(engine)
    for before, revision in steps(part):
        had = set(inspect(engine).get_table_names())
        migrate.upgrade(engine, part, revision)
        for name in sorted(set(inspect(engine).get_table_names()) - had):
            with _passing(engine) as connection:
                _put(connection, name)
                _goes_or_stays(connection, part, before, "" if name in GOES else name)
        for _part, _revision, statement, held in PARTLY:
            if (_part, _revision) == (part, revision):
                with _passing(engine) as connection:
                    connection.execute(text(statement))
                    _goes_or_stays(connection, part, before, held)
        assert migrate.revision_of(engine) == revision


def _goes_or_stays(connection: Connection, part: Part, before: str, held: str) -> None:
    """Down, unless that table stands in the way: then all in the very transaction is as it was."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    schema, rows = schema_of(connection), _rows(connection)
    if not held:
        _down(connection, part, before)
        assert schema_of(connection) != schema
        return
    with pytest.raises(NoWayBack, match=rf"^restore a backup instead: .*\b{held} holds 1 row\b"):
        _down(connection, part, before)
    assert (schema_of(connection), _rows(connection)) == (schema, rows)


def _down(connection: Connection, part: Part, revision: str) -> None:
    command.downgrade(migrate._config(part, connection), revision)


@pytest.mark.postgresql
@pytest.mark.parametrize(("part", "held"), [("directory", "public_door"), ("realm", "public_notice")])
def test_a_way_that_is_barred_further_down_is_not_begun(empty: Store, part: Part, held: str) -> None:
    """Nor one that leads to where no migration has a way back."""
    migrate.upgrade(empty.engine, part)
    before = schema_of(empty.engine)
    with pytest.raises(NoWayBack, match="restore a backup instead"):
        migrate.downgrade(empty.engine, part, "0008")
    assert (schema_of(empty.engine), migrate.is_current(empty.engine, part)) == (before, True)
    with empty.engine.execution_options(purpose=WRITING).begin() as connection:
        _put(connection, held)
        if part == "directory":
            connection.execute(text("UPDATE unit SET city = ''"))
    rows = _rows(empty.engine)
    with pytest.raises(NoWayBack, match=f"{held} holds 1 row"):
        migrate.downgrade(empty.engine, part, FLOOR)
    assert (schema_of(empty.engine), migrate.is_current(empty.engine, part)) == (before, True)
    assert _rows(empty.engine) == rows


# ---- what only PostgreSQL has ----------------------------------------------------------------------------------------


@pytest.mark.postgresql(alone=True)
def test_the_wall_stands_until_what_it_asks_goes(empty: Store) -> None:
    migrate.upgrade(empty.engine, "realm", "0017")
    before = schema_of(empty.engine)
    migrate.upgrade(empty.engine, "realm")
    with _passing(empty.engine) as connection:
        _build_wall(connection)
        assert walls.is_before(connection) is False, "whoever owns the tables sees all"
        _down(connection, "realm", "0018")
        assert ("policy", "event seen") in schema_of(connection)
        assert ("policy", "kept_blob seen") not in schema_of(connection)
        _down(connection, "realm", "0017")
        assert schema_of(connection) == before


def _build_wall(connection: Connection) -> None:
    """As `database prepare` does; its functions ask a directory that isn't here."""
    schema = connection.scalar(text("SELECT current_schema()"))
    for role in ("back_site", "back_worker"):
        connection.execute(text(f"CREATE ROLE {role}"))
    connection.execute(text("SET LOCAL check_function_bodies = off"))
    for step in walls.steps("back_site", ["back_worker"], realm=schema, directory=schema):
        for statement in step:
            connection.exec_driver_sql(statement)


@pytest.mark.postgresql(alone=True)
def test_empty_rooms_go_with_the_list_of_them(empty: Store) -> None:
    migrate.upgrade(empty.engine, "directory", "0019")
    before = schema_of(empty.engine)
    migrate.upgrade(empty.engine, "directory")
    with _passing(empty.engine) as connection:
        directory = connection.scalar(text("SELECT current_schema()"))
        places.leave_functions(connection, directory, (), ())
        for place, state in (("a" * 26, "free"), ("b" * 26, "going")):
            values = f"'{place}', '{state}', now(), 'x', '', NULL"
            connection.exec_driver_sql(f"INSERT INTO room_place VALUES ({values})")
            connection.execute(text(f"CREATE SCHEMA room_{place}_realm CREATE TABLE event (seq integer)"))
        connection.execute(text(f"CREATE SCHEMA room_{'c' * 26}_realm"))
        _down(connection, "directory", "0019")
        assert schema_of(connection) == before
        named = connection.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname ~ '^room_[abc]{26}_'")).all()
        assert named == [f"room_{'c' * 26}_realm"], "one of another list stays"


# ---- that all this can fail ------------------------------------------------------------------------------------------

PLANTED = {
    "sqlite": (
        "DROP TRIGGER event_no_update", "DROP INDEX ix_report_case_id", "ALTER TABLE draft ADD COLUMN more TEXT",
        "DROP TABLE outbox",
    ),
    "postgresql": (
        "DROP TRIGGER event_no_change ON event", "DROP INDEX ix_report_case_id", "DROP TABLE outbox",
        "ALTER TABLE draft ADD COLUMN more TEXT", "ALTER TABLE draft ALTER sealed SET STORAGE EXTERNAL",
        "DROP SEQUENCE access_place", "ALTER TABLE draft ALTER sealed DROP NOT NULL",
        "ALTER TABLE draft ALTER key SET DEFAULT ''", "ALTER TABLE draft DROP CONSTRAINT pk_draft",
        "ALTER TABLE draft ENABLE ROW LEVEL SECURITY", "CREATE POLICY seen ON draft USING (true)",
        "GRANT SELECT ON draft TO PUBLIC", "CREATE FUNCTION more() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "REVOKE ALL ON FUNCTION refuse_change() FROM PUBLIC",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ),
}  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.postgresql
def test_the_control_what_differs_is_seen(empty: Store) -> None:
    migrate.upgrade(empty.engine, "realm", FLOOR)
    before = schema_of(empty.engine)
    for statement in PLANTED[empty.engine.dialect.name]:
        with _passing(empty.engine) as connection:
            connection.exec_driver_sql(statement)
            assert schema_of(connection) != before, statement
    assert schema_of(empty.engine) == before


@pytest.mark.exhaustive
def test_the_control_a_way_that_asks_nothing_is_found(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(going_back, "refuse_to_lose", lambda *_tables, **_some: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        refuse_every_loss(empty.engine, "realm")


@pytest.mark.exhaustive
def test_the_control_a_row_that_goes_is_found(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*_tables: str, **_some: str) -> None:
        op.execute("DELETE FROM draft")

    monkeypatch.setattr(going_back, "refuse_to_lose", lose)
    with pytest.raises(AssertionError, match="0011"):
        take_every_step(empty.engine, "realm")


# ---- rows and schemas ------------------------------------------------------------------------------------------------


@contextmanager
def _passing(engine: Engine) -> Iterator[Connection]:
    """A transaction that leaves nothing."""
    with engine.execution_options(purpose=WRITING).connect() as connection:
        yield connection


def _fill(engine: Engine, *only: str) -> None:
    """A row in each of these tables, or in all, where there is none yet."""
    with engine.execution_options(purpose=WRITING).begin() as connection:
        _put(connection, *(name for name in _names(connection) if not only or name in only))


def _put(connection: Connection, *names: str) -> None:
    """A row in each of these tables where there is none, and before it in those that it points at."""
    empty = [name for name in names if not connection.scalar(select(func.count()).select_from(table(name)))]
    tables = MetaData()
    tables.reflect(connection, only=empty)
    for one in tables.sorted_tables:
        if one.name in empty or not connection.scalar(select(func.count()).select_from(one)):
            connection.execute(insert(one).values(sample(one)))


def _rows(bind: Engine | Connection) -> dict[str, list[dict[str, Any]]]:
    if isinstance(bind, Engine):
        with bind.connect() as connection:
            return _rows(connection)
    query = "SELECT * FROM {}"
    return {name: [dict(row) for row in bind.exec_driver_sql(query.format(name)).mappings()] for name in _names(bind)}


def _names(connection: Connection) -> list[str]:
    return sorted(set(inspect(connection).get_table_names()) - {migrate.VERSION_TABLE})


SCHEMA = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL",
    "postgresql": """
        WITH mine AS (SELECT * FROM pg_class WHERE relnamespace = to_regnamespace(current_schema()))
        SELECT 'relation', relname, concat_ws(' ', relkind, relrowsecurity, relforcerowsecurity, relacl) FROM mine
        UNION ALL SELECT 'column', relname || ' ' || attname, concat_ws(' ',
            format_type(atttypid, atttypmod), attnotnull, attstorage,
            rank() OVER (PARTITION BY attrelid ORDER BY attnum), pg_get_expr(adbin, adrelid), attacl)
            FROM mine JOIN pg_attribute ON attrelid = mine.oid AND attnum > 0 AND NOT attisdropped
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        UNION ALL SELECT 'index', relname, pg_get_indexdef(oid) FROM mine WHERE relkind = 'i'
        UNION ALL SELECT 'constraint', relname || ' ' || conname, pg_get_constraintdef(pg_constraint.oid)
            FROM mine JOIN pg_constraint ON conrelid = mine.oid
        UNION ALL SELECT 'trigger', relname || ' ' || tgname, concat_ws(' ', pg_get_triggerdef(pg_trigger.oid),
            tgenabled) FROM mine JOIN pg_trigger ON tgrelid = mine.oid AND NOT tgisinternal
        UNION ALL SELECT 'policy', tablename || ' ' || policyname, concat_ws(' ', roles, cmd, qual, with_check)
            FROM pg_policies WHERE schemaname = current_schema()
        UNION ALL SELECT 'function', proname, concat_ws(' ', pg_get_functiondef(oid), proacl)
            FROM pg_proc WHERE pronamespace = to_regnamespace(current_schema())
    """,
}


def schema_of(bind: Engine | Connection) -> dict[tuple[str, str], str]:
    """All that the tables are: columns, keys, checks, indexes, triggers; functions, walls and rights on PostgreSQL."""
    if isinstance(bind, Engine):
        with bind.connect() as connection:
            return schema_of(connection)
    found = bind.exec_driver_sql(SCHEMA[bind.dialect.name]).all()
    return {(kind, name): " ".join(said.split()) for kind, name, said in found}
