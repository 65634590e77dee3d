"""Tables that change beneath people who go on: a change gives way, and comes back; nobody waits for good.

On PostgreSQL alone: SQLite has one writer, whom no reader holds up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

from school_protocol.storage import migrate
from school_protocol.storage.engines import Store
from school_protocol.storage.sql import TablesInUse, change_or_give_way, shortly

pytestmark = pytest.mark.postgresql(alone=True)


@pytest.fixture
def before(directory: Store) -> Store:
    return directory


def towns(connection: Connection) -> None:
    """As a migration that changes contacts, then units."""
    migrate._alone(connection)
    for table in ("contact", "unit"):
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN town TEXT"))


def has_towns(store: Store) -> bool:
    return "town" in {one["name"] for one in inspect(store.engine).get_columns("contact")}


@contextmanager
def reads(store: Store, table: str) -> Iterator[Connection]:
    with store.engine.connect() as connection, connection.begin():
        connection.execute(text("SET LOCAL lock_timeout = '20s'"))
        connection.execute(text(f"SELECT count(*) FROM {table}"))
        yield connection


def wait_until_waited_for(store: Store) -> None:
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'unit'::regclass")
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with store.engine.connect() as connection:
            if connection.scalar(waits):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_a_page_goes_on_though_it_holds_what_a_migration_wants(before: Store) -> None:
    """A page has units on one connection, and asks for contacts on another while a migration has those."""
    with ThreadPoolExecutor(1) as pool:
        with reads(before, "unit"):
            migrating = pool.submit(change_or_give_way, before.engine, towns)
            wait_until_waited_for(before)
            with reads(before, "contact"):
                assert not migrating.done()
        migrating.result(30)
    assert has_towns(before)


@pytest.mark.exhaustive
def test_without_giving_way_both_would_wait_for_good(before: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: nothing ends it but the page's own patience."""
    monkeypatch.setattr(migrate, "shortly", lambda _connection: None)
    with ThreadPoolExecutor(1) as pool:
        with reads(before, "unit"):
            migrating = pool.submit(change_or_give_way, before.engine, towns)
            wait_until_waited_for(before)
            with before.engine.connect() as page, page.begin():
                page.execute(text("SET LOCAL lock_timeout = '3s'"))
                with pytest.raises(OperationalError, match="lock timeout"):
                    page.execute(text("SELECT count(*) FROM contact"))
            assert not migrating.done()
        migrating.result(30)


@pytest.mark.exhaustive
def test_somebody_who_holds_a_table_all_the_time_is_told_of(before: Store) -> None:
    """And of the contacts, which came first, nothing is left changed."""
    with reads(before, "unit"), pytest.raises(TablesInUse, match="at each of 3 tries"):
        change_or_give_way(before.engine, towns, patience=0.5)
    assert not has_towns(before)
    change_or_give_way(before.engine, towns)
    assert has_towns(before)


@pytest.mark.exhaustive
def test_each_third_try_waits_until_the_server_sends_its_own_work_away(before: Store) -> None:
    """PostgreSQL ends an autovacuum that somebody waits for, and looks for one after its deadlock_timeout."""
    waited = []

    def wait(connection: Connection) -> None:
        shortly(connection)
        waited.append(connection.scalar(text("SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout'")))
        connection.execute(text("LOCK TABLE unit IN ACCESS EXCLUSIVE MODE"))

    with reads(before, "unit") as other:
        limit = other.scalar(text("SELECT setting::int FROM pg_settings WHERE name = 'deadlock_timeout'"))
        with pytest.raises(TablesInUse):
            change_or_give_way(before.engine, wait, patience=0)
    assert max(waited[:2]) < limit < waited[2]


def test_what_is_wrong_otherwise_is_said_at_once(before: Store) -> None:
    begun = []

    def wrong(connection: Connection) -> None:
        begun.append(1)
        connection.execute(text("DROP TABLE no_such_table"))

    with pytest.raises(Exception, match="no_such_table"):
        change_or_give_way(before.engine, wrong)
    assert begun == [1]
