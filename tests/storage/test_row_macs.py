"""Rows under a keyed hash: one that is written or changed without the keys is found out, in every table and column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, Date, Integer, LargeBinary, delete, event, insert, select, update
from sqlalchemy.orm import DeclarativeBase

from school_protocol.auth.models import AccountRow
from school_protocol.cases import index_check_repository
from school_protocol.reports.models import Hour
from school_protocol.storage import models
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.models import DirectoryBase, Moment, RealmBase
from school_protocol.storage.sql import add_new, add_rows
from school_protocol.storage.vault import Vault
from school_protocol.wiring import WIRING

TABLES = [*models.tables(DirectoryBase), *models.tables(RealmBase)]
NOON = datetime(2026, 9, 7, 12, tzinfo=UTC)


def value_of(column: Column[Any], other: bool = False) -> Any:
    kinds: tuple[tuple[type, Any, Any], ...] = (
        (Moment, NOON, NOON.replace(microsecond=1)), (Hour, NOON, NOON.replace(hour=13)), (Boolean, True, False),
        (Integer, 1, 2), (LargeBinary, b"x" * 32, b"y" * 32), (Date, date(2026, 9, 7), date(2026, 9, 8)),
        (JSON, {"ar": "سلا", "fr": ["a", 1]}, {"fr": "Salé"}),
    )  # fmt: skip
    for kind, one, another in kinds:
        if isinstance(column.type, kind):
            return another if other else one
    return "سلا" if other else "x\0\ud800"  # what no database keeps is said as it is kept


def row_of(model: type[DeclarativeBase]) -> dict[str, Any]:
    return {column.key: value_of(column) for column in model.__table__.columns if column.key != "mac"}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Tables without what guards them, for rows that refer to nothing."""
    folder = tmp_path_factory.mktemp("keyed")
    engine = open_engine(f"sqlite:///{folder / 'keyed.sqlite'}")
    event.listen(engine, "connect", lambda raw, _record: raw.execute("PRAGMA foreign_keys = OFF"))
    event.listen(engine, "connect", lambda raw, _record: raw.execute("PRAGMA ignore_check_constraints = ON"))
    for part in ("directory", "realm"):
        WIRING.tables[part].create_all(engine)
    found = Store(engine)
    found.under(Vault.open(folder / "keys", create=True))
    yield found
    found.close()


@pytest.fixture
def store(tables: Store) -> Store:
    with tables.engine.begin() as behind:
        for model in TABLES:
            behind.execute(delete(model))
    return tables


def forged(store: Store, model: type[DeclarativeBase]) -> list[str]:
    with store.reading() as session:
        return list(models.forged(session, model))


@pytest.mark.exhaustive(
    but=(
        "account",
        "api_token",
        "attestation",
        "calendar",
        "certificate",
        "contact",
        "definition_draft",
        "figure_paper",
        "figure_release",
        "one_time_code",
        "passkey",
        "recovery_code",
    )
)
@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__tablename__)
def test_each_column_that_says_something_is_under_the_keys(store: Store, model: type[DeclarativeBase]) -> None:
    with store.writing() as session:
        add_rows(session, model, [row_of(model)])
    assert forged(store, model) == [], "the control"
    for column in model.__table__.columns:
        if column.key == "mac":
            continue
        with store.engine.begin() as behind:
            behind.execute(update(model).values({column.key: value_of(column, other=True)}))  # type: ignore[arg-type]
        assert bool(forged(store, model)) is not column.info.get("free", False), column.key
        with store.engine.begin() as behind:
            behind.execute(update(model).values({column.key: value_of(column)}))  # type: ignore[arg-type]
    assert forged(store, model) == []


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__tablename__)
def test_a_row_that_was_written_without_the_keys_is_found_out(store: Store, model: type[DeclarativeBase]) -> None:
    with store.engine.begin() as behind:
        behind.execute(model.__table__.insert().values(**row_of(model), mac=b"x" * 32))  # type: ignore[attr-defined]
    assert len(forged(store, model)) == 1


def test_of_every_table_the_docs_say_what_would_tell() -> None:
    said = (Path(__file__).parents[2] / "docs" / "journal.md").read_text("utf-8")
    lines = [line for line in said.partition("## Every table")[2].partition("\n## ")[0].splitlines() if line[:1] == "|"]
    named = {line.split("|")[1].strip(): re.findall(r"`(\w+)`", line.split("|")[2]) for line in lines[2:]}
    assert sorted(name for names in named.values() for name in names) == sorted(
        name for part in WIRING.tables.values() for name in part.tables
    )
    assert sorted(named["a hash in each row"]) == sorted(model.__tablename__ for model in TABLES)
    assert sorted(named["with the case’s index row"]) == sorted(table.name for table in index_check_repository.tables())


def test_every_way_of_writing_makes_the_hash(store: Store) -> None:
    others = {"password_hash": "of another", "active": True, "names": {"fr": "Salma"}}
    with store.writing() as session:
        session.add(AccountRow(**{**row_of(AccountRow), "id": "object", "username": "object"}))
        session.flush()
        add_rows(session, AccountRow, [{**row_of(AccountRow), "id": one, "username": one} for one in ("many", "more")])
        assert add_new(session, AccountRow, **{**row_of(AccountRow), "id": "new", "username": "new"})
        session.execute(AccountRow.__table__.insert(), {**row_of(AccountRow), "id": "core", "username": "core"})  # type: ignore[attr-defined]
        session.execute(
            insert(AccountRow), [{**row_of(AccountRow), "id": one, "username": one} for one in ("o", "r", "m")]
        )
        session.merge(AccountRow(**{**row_of(AccountRow), "id": "merged", "username": "merged"}))
    assert forged(store, AccountRow) == []
    with store.writing() as session:
        for row in session.scalars(select(AccountRow)):
            for name, value in others.items():
                setattr(row, name, value)
    assert forged(store, AccountRow) == []
    with store.writing() as session:
        session.execute(update(AccountRow).where(AccountRow.id == "core").values(email="other@example.org"))
    assert forged(store, AccountRow) == ["core"], "a statement leaves the hash behind, and is found out"


def test_a_row_of_one_table_is_none_of_another(store: Store) -> None:
    with store.reading() as session:
        both = [model for model in TABLES if model.__tablename__ in ("recovery_code", "openid")]
        said = SimpleNamespace(**{name: value for model in both for name, value in row_of(model).items()}, mac=b"")
    with store.writing() as session:
        add_rows(session, both[0], [row_of(both[0])])
        said.mac = session.scalars(select(both[0].__table__.c.mac)).one()
        assert models.is_genuine(session, both[0], said)
        assert not models.is_genuine(session, both[1], said)


def test_a_store_without_keys_neither_makes_nor_asks_for_a_hash_and_one_with_them_finds_it_out(store: Store) -> None:
    tool = Store(store.engine)
    with tool.writing() as session:
        add_rows(session, AccountRow, [row_of(AccountRow)])
    assert forged(tool, AccountRow) == []
    assert forged(store, AccountRow) == [
        row_of(AccountRow)["id"].encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    ]
