"""A realm and a directory of their own for each test; on PostgreSQL too where an address is given.

`SCHOOL_PROTOCOL_TEST_STORES=postgresql` runs them on PostgreSQL instead, on a server that is started once for all of
them, or the one that `SCHOOL_PROTOCOL_TEST_POSTGRESQL=postgresql+psycopg://user@host/database` names; that alone adds
them there. Those marked `postgresql` (what the database itself must refuse, chains, rights) run on one always.
"""

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from school_protocol.cases import repository as cases_repository
from school_protocol.engine.events import Entry
from school_protocol.storage import case_keys
from school_protocol.storage.engines import Engine, Store, open_engine
from school_protocol.storage.migrate import Part
from school_protocol.storage.vault import Vault
from storage.server import EVERYWHERE, NAMED, served

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "postgresql(alone=False): also runs on PostgreSQL, or there alone, whether one is named or not"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "url" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("postgresql")
        on_server = NAMED or EVERYWHERE or marker
        in_files = not EVERYWHERE and not (marker and marker.kwargs.get("alone"))
        places = [*(["sqlite"] if in_files else []), *(["postgresql"] if on_server else [])]
        metafunc.parametrize("url", places, indirect=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server."""
    with served() as address:
        yield address


@dataclass
class Realm:
    """A store with its vault, and the shortest way to a case in it."""

    store: Store
    vault: Vault
    folder: Path

    def open_case(self, *entries: Entry, unit: str = "school-1") -> str:
        case_id = case_keys.prepare_key(self.store, self.vault)
        with self.store.writing() as session:
            cases_repository.open_case(
                session,
                self.vault,
                case_id=case_id,
                number=cases_repository.free_number(session, random.SystemRandom()),
                protocol="test",
                version=1,
                digest="d" * 64,
                unit=unit,
                opened_at=NOW,
            )
            if entries:
                cases_repository.append(session, self.vault, case_id, 0, entries)
        return case_id

    def append(self, case_id: str, expected: int, *entries: Entry) -> tuple[Entry, ...]:
        with self.store.writing() as session:
            return cases_repository.append(session, self.vault, case_id, expected, entries)

    def load(self, case_id: str) -> tuple[Entry, ...]:
        with self.store.reading() as session:
            return cases_repository.load_events(session, self.vault, case_id)


def entry(kind: str = "NoteAdded", *, body: dict[str, Any] | None = None, words: dict[str, str] | None = None) -> Entry:
    return Entry(
        kind=kind,
        actor="account-1",
        role="member",
        at=NOW,
        occurred_at=NOW - timedelta(hours=1),
        body=body or {},
        words=words or {},
    )


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str | None]]:
    """An empty place for tables: a file, or a schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'realm.sqlite'}", None
        return
    address = request.getfixturevalue("postgresql")
    schema = f"realm_{uuid.uuid4().hex[:12]}"
    owner = open_engine(address)
    with owner.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield address, schema
    with owner.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    owner.dispose()


@pytest.fixture
def empty(url: tuple[str, str | None]) -> Iterator[Store]:
    """A store without tables."""
    store = Store(open_engine(url[0], schema=url[1]))
    yield store
    store.close()


@pytest.fixture
def realm(empty: Store, make_tables: Callable[[Engine, Part], None], tmp_path: Path) -> Realm:
    make_tables(empty.engine, "realm")
    return Realm(empty, Vault.open(tmp_path / "keys", create=True), tmp_path / "data")


@pytest.fixture
def directory(empty: Store, make_tables: Callable[[Engine, Part], None]) -> Store:
    make_tables(empty.engine, "directory")
    return empty
