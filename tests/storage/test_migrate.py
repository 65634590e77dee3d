"""Migrations and models say the same, and what was kept before a migration is there after it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, Engine, MetaData, Table, insert, inspect, select, text

from school_protocol.storage import migrate
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.migrate import Part, UnknownTables
from storage.conftest import NOW

PARTS: tuple[Part, ...] = ("directory", "realm")


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", PARTS)
def test_models_and_migrated_tables_agree(empty: Store, part: Part) -> None:
    migrate.upgrade(empty.engine, part)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": migrate.VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, migrate.METADATA[part]) == []


@pytest.mark.parametrize("part", PARTS)
def test_the_database_checks_what_the_models_say(empty: Store, part: Part) -> None:
    """Alembic doesn't compare CHECK constraints."""
    migrate.upgrade(empty.engine, part)
    found = inspect(empty.engine)
    for table in migrate.METADATA[part].tables.values():
        said = {str(check.name) for check in table.constraints if isinstance(check, CheckConstraint)}
        assert {str(check["name"]) for check in found.get_check_constraints(table.name)} == said, table.name


@pytest.mark.parametrize("part", PARTS)
def test_upgrading_again_does_nothing(empty: Store, part: Part) -> None:
    assert migrate.standing_of(empty, part) == "none"
    for _ in range(2):
        migrate.upgrade(empty.engine, part)
        assert migrate.standing_of(empty, part) == "current"


@pytest.mark.parametrize(
    ("revision", "words"), [("9999", "a later version wrote here"), ("0001", "an earlier one wrote here")]
)
def test_what_another_version_wrote_is_left_alone(empty: Store, revision: str, words: str) -> None:
    migrate.upgrade(empty.engine, "realm")
    with empty.engine.begin() as connection:
        connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '{revision}'"))
    with pytest.raises(UnknownTables, match=f"revision {revision}.*{words}"):
        migrate.upgrade(empty.engine, "realm")
    assert migrate.revision_of(empty.engine) == revision


@pytest.mark.exhaustive
def test_two_that_start_at_once_migrate_once(url: tuple[str, str | None]) -> None:
    def start(_: int) -> bool:
        engine = open_engine(url[0], schema=url[1])
        migrate.upgrade(engine, "realm")
        found = migrate.standing_of(Store(engine), "realm") == "current"
        engine.dispose()
        return found

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(start, range(4)))


@pytest.mark.parametrize(
    ("part", "revision"), [(part, revision) for part in PARTS for revision in migrate.revisions(part)]
)
def test_what_was_kept_before_is_there_after(empty: Store, part: Part, revision: str) -> None:
    """One row in every table as it was at that revision, all columns filled; the same rows at the head."""
    migrate.upgrade(empty.engine, part, revision)
    before = tables_of(empty.engine)
    with empty.engine.begin() as connection:
        for table in before.sorted_tables:
            connection.execute(insert(table).values(sample(table)))
        kept = {table.name: connection.execute(select(table)).mappings().one() for table in before.sorted_tables}
    migrate.upgrade(empty.engine, part)
    after = tables_of(empty.engine)
    with empty.engine.connect() as connection:
        for name, row in kept.items():
            now = connection.execute(select(after.tables[name])).mappings().one()
            assert {column: now[column] for column in row} == dict(row), name


def tables_of(bind: Engine | Connection) -> MetaData:
    found = MetaData()
    found.reflect(bind)
    found.remove(found.tables[migrate.VERSION_TABLE])
    return found


SPECIAL: dict[str, Any] = {
    "seq": 1, "kind": "school", "code": "01234A", "number": "1234567890123", "digest": "d" * 64, "status": "opened",
    "parent": None, "version": 1, "expires_at": NOW.replace(year=2027), "channel": "mail", "state": "delivered",
}  # fmt: skip


ELSEWHERE: dict[str, dict[str, Any]] = {
    "definition_draft": {"state": "proposed", "agreed_by": None},
    "passage": {"kind": "look", "state": "stopped", "from_version": 1, "to_version": 2},
    "bulk": {"state": "stopped"},
    "bulk_case": {"state": "refused", "copy": 0},
    "access_export": {"state": "waiting", "settled_by": None, "settled_at": None},
    "restoration": {"agreed_by": None},
    "staff_import": {"state": "applied"},
    "kept_file": {"digest": b"d" * 32, "part": "original"},
    "administration_link": {"seq": 0, "administration": None},
    "file_sweep": {"place": 1},
    "case_referral": {"settled_at": None, "number": 1},
    "digest_choice": {"every": "weekly"},
    "api_token": dict.fromkeys(("agreed_by", "agreed_at", "account", "hashed", "drawn_at")),
    "visit_entry": {"kind": "recorded", "number": 1},
    "attestation": {"passed": True},
    "duty_turn": {"ends": NOW.replace(year=2027)},
    "school_level": {"level": "lower"},
    "public_report": {"kind": "public"},
    "public_door": {"kind": "public"},
    "scenario_upload": {"state": "ready"},
    "figure_job": {"state": "issued"},
    "room_place": {"state": "stands"},
    "figure_release": {"former": None},
}
"""Columns that mean something else there."""


def sample(table: Table) -> dict[str, Any]:
    special = {**SPECIAL, **ELSEWHERE.get(table.name, {})}
    return {column.name: special.get(column.name, _value(column.type.python_type)) for column in table.columns}


def _value(kind: type) -> Any:
    values: dict[type, Any] = {str: "same-id", int: 1, bool: True, bytes: b"h" * 32, datetime: NOW}
    return {**values, date: date(2026, 11, 25), object: {"fr": "é"}}[kind]
