"""A migration only adds: the program before it goes on beside the one that brought it (`./run trials rolling`)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from school_protocol.cases import index_check_repository
from school_protocol.storage import migrate, models
from school_protocol.storage.models import DirectoryBase, RealmBase

FILES = sorted((Path(migrate.__file__).parent / "migrations").glob("*/versions/*.py"))
TAKES = ("drop_table", "drop_column", "drop_constraint", "rename_table")


def taken_away(source: str) -> Iterator[str]:
    """What a program that knows nothing of this migration would miss, or would have to give."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and _takes(call, call.func.attr):
                    yield ast.unparse(call)


def _takes(call: ast.Call, name: str) -> bool:
    said = {one.arg: ast.unparse(one.value) for one in call.keywords}
    written = ast.unparse(call)
    return (
        name in TAKES
        or (
            name == "alter_column" and ("new_column_name" in said or "type_" in said or said.get("nullable") == "False")
        )
        or (name == "add_column" and "nullable=False" in written and "server_default" not in written)
        or (name == "add_column" and _is_hashed(call) and ("nullable=False" in written or "server_default" in written))
        or (name == "execute" and any(word in written.upper() for word in ("DROP COLUMN", "DROP TABLE", "RENAME")))
    )


def _is_hashed(call: ast.Call) -> bool:
    """Whether rows of the table carry a keyed hash, which a value in a new column would make wrong in every one."""
    hashed = {model.__tablename__ for base in (DirectoryBase, RealmBase) for model in models.tables(base)}
    hashed |= {table.name for table in index_check_repository.tables()}
    name = call.args[0] if call.args else None
    return not isinstance(name, ast.Constant) or name.value in hashed


def test_migrations_are_found() -> None:
    assert {path.parent.parent.name for path in FILES} == {"directory", "realm", "room"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_a_migration_only_adds(file: Path) -> None:
    assert list(taken_away(file.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "op.drop_table('report')",
        "batch.drop_column('words')",
        "op.alter_column('event', 'at', new_column_name='moment')",
        "op.alter_column('event', 'at', nullable=False)",
        "op.add_column('event', Column('place', Text, nullable=False))",
        "op.execute('ALTER TABLE event RENAME TO events')",
        "op.add_column('account', Column('place', Text, server_default='x'))",
        "op.add_column('case_seat', Column('place', Text, server_default='x'))",
    ],
)
def test_the_control_one_that_takes_away_is_found(line: str) -> None:
    assert list(taken_away(f"def upgrade():\n    {line}\n")) != []


@pytest.mark.parametrize("part", ["directory", "realm", "room"])
def test_revisions_are_told_by_the_names_of_their_files_as_alembic_tells_them(part: migrate.Part) -> None:
    scripts = ScriptDirectory.from_config(migrate._config(part))
    chain = [one.revision for one in scripts.walk_revisions()]
    assert list(migrate.revisions(part)) == chain[::-1]


def test_a_later_revision_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "realm" / "versions"
    folder.mkdir(parents=True)
    for name in ("0025_more.py", "0024_first.py", "__init__.py"):
        (folder / name).touch()
    monkeypatch.setattr(migrate, "_FOLDER", tmp_path)
    assert migrate.revisions.__wrapped__("realm") == ("0024", "0025")
