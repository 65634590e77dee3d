"""A store that is away, can only be read, or is full: one of the product's own answers, and no empty store begun."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.store_errors import StorageAway, StorageFull


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(open_engine(f"sqlite:///{tmp_path / 'store.sqlite'}"))
    with store.writing() as session:
        session.execute(text("CREATE TABLE kept (words TEXT UNIQUE)"))
    return store


def write(store: Store, words: str) -> None:
    with store.writing() as session:
        session.execute(text("INSERT INTO kept VALUES (:words)"), {"words": words})


def count(store: Store) -> int:
    with store.reading() as session:
        return int(session.execute(text("SELECT count(*) FROM kept")).scalar_one())


def test_a_store_that_is_away_is_not_begun_anew(store: Store, tmp_path: Path) -> None:
    write(store, "a")
    store.close()
    (tmp_path / "store.sqlite").rename(tmp_path / "away")
    with pytest.raises(StorageAway, match="away"):
        write(store, "b")
    assert not (tmp_path / "store.sqlite").exists()
    (tmp_path / "away").rename(tmp_path / "store.sqlite")
    write(store, "b")
    assert count(store) == 2


def test_a_store_that_can_only_be_read_says_that_it_is_for_later(store: Store) -> None:
    def only_read(_dialect: object, _record: object, arguments: list[Any], _options: object) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{arguments[0]}?mode=ro", uri=True)

    write(store, "a")
    store.close()
    event.listen(store.engine, "do_connect", only_read)
    with pytest.raises(StorageAway, match="readonly"):
        write(store, "b")
    assert count(store) == 1
    event.remove(store.engine, "do_connect", only_read)
    store.close()
    write(store, "b")


def test_a_store_that_gets_full_within_a_savepoint_is_said_to_be_full(store: Store) -> None:
    """SQLite has ended the transaction by then: that the savepoint can't be found is not what went wrong."""

    def small(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 5")

    store.close()
    event.listen(store.engine, "connect", small)
    with pytest.raises(StorageFull):
        _fill(store)
    assert count(store) == 0


def _fill(store: Store) -> None:
    with store.writing() as session, session.begin_nested():
        for number in range(1000):
            session.execute(text("INSERT INTO kept VALUES (:words)"), {"words": "x" * 900 + str(number)})


def test_no_value_is_told_by_an_error(store: Store) -> None:
    write(store, "a secret word")
    with pytest.raises(Exception, match="UNIQUE") as raised:
        write(store, "a secret word")
    assert "a secret word" not in str(raised.value)
