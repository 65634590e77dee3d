"""What a migration leaves of the tables that were there: the program before it goes on reading and writing them.

Each is run, and the schema after it compared with the one before: what its source says matters less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from school_protocol.storage.engines import open_engine
from school_protocol.storage.migrate import Part, revisions, upgrade

pytestmark = pytest.mark.files
PARTS: tuple[Part, ...] = ("directory", "realm", "room")


@dataclass(frozen=True, slots=True)
class Table:
    columns: Mapping[str, tuple[str, bool, bool]]
    """Name → type, whether it may be empty, whether the database fills it in."""
    rules: frozenset[tuple[str, frozenset[str], str]]
    """What refuses a row: kind, the columns that it names, how it is said."""


def schema(connection: Connection) -> dict[str, Table]:
    seen = inspect(connection)
    triggers: dict[str, list[tuple[str, str]]] = {}
    for name, table, said in connection.execute(
        text("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
    ):
        triggers.setdefault(table, []).append((name, said))
    return {name: _table(seen, name, triggers.get(name, [])) for name in seen.get_table_names()}


def _table(seen: Any, name: str, triggers: list[tuple[str, str]]) -> Table:
    columns = {
        one["name"]: (str(one["type"]), bool(one["nullable"]), one["default"] is not None)
        for one in seen.get_columns(name)
    }
    unique = [("unique", frozenset(one["column_names"])) for one in seen.get_unique_constraints(name)]
    unique += [("unique", frozenset(one["column_names"])) for one in seen.get_indexes(name) if one["unique"]]
    keys = [("foreign key", frozenset(one["constrained_columns"])) for one in seen.get_foreign_keys(name)]
    checks = [
        ("check", frozenset(column for column in columns if column in one["sqltext"]), one["sqltext"])
        for one in seen.get_check_constraints(name)
    ]
    guards = [("trigger", frozenset(columns), said) for name, said in triggers]
    return Table(columns, frozenset([*((kind, names, "") for kind, names in (*unique, *keys)), *checks, *guards]))


def taken(before: Mapping[str, Table], after: Mapping[str, Table]) -> Iterator[str]:
    """What the program that knows only `before` would miss, or be refused."""
    for name, former in before.items():
        if name not in after:
            yield f"{name} is gone"
            continue
        latter = after[name]
        for column, (kind, may_be_empty, _filled) in former.columns.items():
            if column not in latter.columns:
                yield f"{name}.{column} is gone"
            elif latter.columns[column][0] != kind:
                yield f"{name}.{column} is of another type"
            elif may_be_empty and not latter.columns[column][1]:
                yield f"{name}.{column} must be given"
        for column, (_kind, may_be_empty, filled) in latter.columns.items():
            if column not in former.columns and not may_be_empty and not filled:
                yield f"{name}.{column} must be given"
        for kind, columns, said in latter.rules - former.rules:
            if columns & former.columns.keys():
                yield f"{name}: a new {kind} over {', '.join(sorted(columns))} {said}".strip()


def steps(part: Part, folder: Path) -> Iterator[tuple[str, dict[str, Table], dict[str, Table]]]:
    engine = open_engine(f"sqlite:///{folder / part}.sqlite")
    before: dict[str, Table] = {}
    for revision in revisions(part):
        upgrade(engine, part, revision)
        with engine.connect() as connection:
            after = schema(connection)
        yield revision, before, after
        before = after
    engine.dispose()


GUARDED = {
    ("directory", "0002"): "the first guards, of tables that nobody had written to",
    ("realm", "0002"): "the first guards, of tables that nobody had written to",
    ("directory", "0005"): "the log takes other kinds: its table is made anew, and its guards with it",
    ("realm", "0010"): "an access has its place, which the database sees to; so that none is left out",
    ("realm", "0011"): "a case that is held is erased by no program, least of all by an older one",
}
"""Where the program before is refused something, each with why; all of them older than what runs anywhere."""


@pytest.mark.exhaustive(only=("realm",))
@pytest.mark.parametrize("part", PARTS)
def test_each_leaves_what_was_there_to_be_read_and_written_as_before(part: Part, tmp_path: Path) -> None:
    found = {revision: list(taken(before, after)) for revision, before, after in steps(part, tmp_path)}
    refused = {revision for revision, faults in found.items() if faults}
    assert refused == {revision for one, revision in GUARDED if one == part}, found
    assert revisions(part)[-1] not in refused


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DROP TABLE kept", "kept is gone"),
        ("ALTER TABLE kept DROP COLUMN words", "kept.words is gone"),
        ("ALTER TABLE kept RENAME COLUMN words TO said", "kept.words is gone"),
        ("ALTER TABLE kept ADD COLUMN place TEXT NOT NULL DEFAULT ''", ""),
        ("ALTER TABLE kept ADD COLUMN place TEXT", ""),
        ("CREATE TABLE other (id TEXT NOT NULL UNIQUE)", ""),
        ("CREATE INDEX plain ON kept (words)", ""),
        ("CREATE UNIQUE INDEX one ON kept (words)", "kept: a new unique over words"),
        ("CREATE TRIGGER t BEFORE INSERT ON kept BEGIN SELECT 1; END", "kept: a new trigger over id, words CREATE"),
        ("DROP TABLE kept; CREATE TABLE kept (id TEXT, words INTEGER)", "kept.words is of another type"),
        ("DROP TABLE kept; CREATE TABLE kept (id TEXT, words TEXT NOT NULL)", "kept.words must be given"),
        ("DROP TABLE kept; CREATE TABLE kept (id TEXT, words TEXT, at TEXT NOT NULL)", "kept.at must be given"),
        ("DROP TABLE kept; CREATE TABLE kept (id TEXT, words TEXT CHECK (words > ''))", "kept: a new check over words"),
    ],
)
def test_the_control_what_is_taken_is_named(tmp_path: Path, statement: str, found: str) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a'}.sqlite")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE kept (id TEXT, words TEXT)")
        before = schema(connection)
        for one in statement.split("; ") if "TRIGGER" not in statement else [statement]:
            connection.exec_driver_sql(one)
        told = list(taken(before, schema(connection)))
    engine.dispose()
    assert bool(told) == bool(found)
    assert not told or told[0].startswith(found)
