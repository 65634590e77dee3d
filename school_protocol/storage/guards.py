"""What a database refuses by itself: rows that are only added to are never changed, deleted or replaced; and what else
of a store its models don't say (`migrations/*/guards.*.sql`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import complete_statement

from sqlalchemy import MetaData

APPEND_ONLY = {
    "directory": (
        "administration", "administration_link", "api_read", "attestation_copy", "certificate", "figure_paper",
        "figure_public", "figure_release", "figure_told", "visit_entry", "yearly_report",
    ),
    "realm": ("access", "access_batch", "anchor_taken", "case_record", "event", "tombstone"),
    "room": (),
}  # fmt: skip
_FOLDER = Path(__file__).parent / "migrations"
_REFUSE = """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_TABLE_NAME || ' is append-only';
END
$body$"""


def statements(dialect: str, part: str, metadata: MetaData, *, purged: bool = False) -> Iterator[str]:
    """In the order in which they are said to a new store; `purged`: without those that keep a row for ever."""
    growing = () if purged else APPEND_ONLY[part]
    if dialect == "postgresql" and growing:
        yield _REFUSE
    for name in growing:
        yield from _of_server(name) if dialect == "postgresql" else _of_file(metadata, name)
    file = _FOLDER / part / f"guards.{dialect}.sql"
    if file.exists():
        script = file.read_text("utf-8")
        yield from [script] if dialect == "postgresql" else _one_by_one(script)


def _of_server(name: str) -> Iterator[str]:
    for what, when, each in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
        of_each = f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
        yield f"CREATE TRIGGER {name}_no_{what} BEFORE {when} ON {name} {of_each}"


def _of_file(metadata: MetaData, name: str) -> Iterator[str]:
    """SQLite has no TRUNCATE, and an INSERT that replaces the row with its key."""
    same = " AND ".join(f"{one.name} = NEW.{one.name}" for one in metadata.tables[name].primary_key)
    there = f"WHEN EXISTS (SELECT 1 FROM {name} WHERE {same}) "  # noqa: S608 (names of our own tables)
    for what, when, only in (("no_update", "UPDATE", ""), ("no_delete", "DELETE", ""), ("again", "INSERT", there)):
        yield (
            f"CREATE TRIGGER {name}_{what} BEFORE {when} ON {name} {only}"
            f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
        )


def _one_by_one(script: str) -> Iterator[str]:
    """All of a script at once would end SQLite's transaction."""
    held = ""
    for line in script.splitlines(keepends=True):
        held += line
        if complete_statement(held):
            yield held
            held = ""
