"""An installation moved from SQLite to PostgreSQL: equal to the last row, and never served by halves."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from sqlalchemy import Connection, Table, make_url, text
from storage.server import EVERYWHERE, served

from school_protocol.cases import repository as cases_repository
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import STORES, AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.ops import backup_service, demo
from school_protocol.ops.databases import move_stores, reopen
from school_protocol.ops.journal_checks import verify_journal
from school_protocol.storage import copy_database, postgresql, sql
from school_protocol.storage.backups import BackupUnusable
from school_protocol.storage.copy_database import MovedAway, NotMovable
from school_protocol.storage.engines import open_engine
from school_protocol.storage.migrate import upgrade
from school_protocol.storage.sql import TablesInUse
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.wiring import WIRING
from services.conftest import School

pytestmark = pytest.mark.skipif(EVERYWHERE, reason="both places are named here")


def say_nothing(_what: str, _done: int, _of: int) -> None:
    """No bar."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served() as address:
        yield address


@dataclass
class Places:
    """An installation in files, with two cases, and an empty database."""

    files: Settings
    database: Settings
    clock: TurnableClock
    numbers: tuple[str, ...]
    school: School

    def go(self, before: Settings | None = None, after: Settings | None = None) -> int:
        return move_stores(before or self.files, after or self.database, self.clock, say_nothing).rows

    def ctx(self, settings: Settings) -> AppContext:
        return open_context(settings, self.clock)


@pytest.fixture
def places(server: str, tmp_path: Path, moroccan: Protocol) -> Iterator[Places]:
    name, owner = f"moved_{uuid.uuid4().hex[:12]}", open_engine(server)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    files, clock = Settings(data=tmp_path / "var"), TurnableClock(NOW)
    ctx = open_context(files, clock)
    school = School(prepared(ctx, clock, moroccan, MOROCCAN.read_bytes()), count(1))
    numbers = []
    for _time in range(2):
        school.report()
        numbers.append(school.number)
        school.seen_by("head")
    ctx.close()
    address = make_url(server).set(database=name).render_as_string(hide_password=False)
    yield Places(files, replace(files, database=address), clock, tuple(numbers), school)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    owner.dispose()


def cases_of(ctx: AppContext) -> dict[str, int]:
    with ctx.realm.reading() as session:
        rows = session.execute(text("SELECT number, id FROM case_record")).all()
        return {number: cases_repository.last_seq(session, case_id) for number, case_id in rows}


def writes_fail(ctx: AppContext) -> bool:
    try:
        with ctx.realm.writing() as session:
            session.execute(text("UPDATE case_index SET version = version"))
    except StorageBusy:
        return True
    return False


@pytest.mark.exhaustive
def test_all_is_there_and_equal_and_goes_on_there(places: Places) -> None:
    before = places.ctx(places.files)
    known = cases_of(before)
    rows = places.go()
    after = places.ctx(places.database)
    assert after.realm.engine.dialect.name == "postgresql"
    assert cases_of(after) == known
    assert set(known) == set(places.numbers)
    assert rows > 50
    assert verify_journal(after) == []
    assert not writes_fail(after)
    with after.realm.writing() as session:  # numbers of accesses go on behind those that were there
        assert session.scalar(text("SELECT nextval('access_place') > max(place) FROM access"))
    after.close()
    assert writes_fail(before)
    assert cases_of(before) == known
    before.close()
    with pytest.raises(MovedAway, match="moved to another database"):
        places.ctx(places.files)


@pytest.mark.exhaustive(but=("rows",))
@pytest.mark.parametrize("kind", ["rows", "compared", "cases"])
def test_one_that_was_cut_off_leaves_the_source_in_service(
    places: Places, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """And nothing in the target, until all of it stands there: then it is emptied, and the move begun again."""
    monkeypatch.setattr(copy_database, "BATCH", 7)

    def stop(what: str, done: int, of: int) -> None:
        if what == kind and done > of * 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move_stores(places.files, places.database, places.clock, stop)
    ctx = places.ctx(places.files)
    assert not writes_fail(ctx)
    ctx.close()
    assert postgresql.holds_rows(places.database.database) is (kind == "cases")
    if kind == "cases":
        with pytest.raises(NotMovable, match="name an empty database"):
            places.go()
        postgresql.clear(places.database.database)
    assert places.go() > 50


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE case_index SET level = 3 WHERE number = (SELECT min(number) FROM case_index)",
        "DELETE FROM case_due WHERE case_id = (SELECT min(case_id) FROM case_due)",
        "UPDATE case_key SET wrapped = '\\x00'::bytea WHERE case_id = (SELECT min(case_id) FROM case_key)",
        "UPDATE event SET at = at + interval '1 microsecond' WHERE seq = 1",
    ],
)
def test_a_row_that_is_not_the_same_is_found(places: Places, monkeypatch: pytest.MonkeyPatch, harm: str) -> None:
    """Planted between copying and comparing; without it, the same way leads to the end (the other tests)."""
    compare = copy_database.differing

    def harmed(
        source: Connection, target: Connection, tables: Sequence[Table], done: copy_database.Counted
    ) -> list[str]:
        if tables == WIRING.tables["realm"].sorted_tables:
            target.exec_driver_sql("ALTER TABLE realm.event DISABLE TRIGGER USER")
            assert target.exec_driver_sql(harm).rowcount
        return compare(source, target, tables, done)

    monkeypatch.setattr(copy_database, "differing", harmed)
    with pytest.raises(NotMovable, match="not equal"):
        places.go()
    assert not postgresql.holds_rows(places.database.database)
    still = places.ctx(places.files)
    assert not writes_fail(still)
    still.close()


@pytest.mark.exhaustive
def test_a_place_with_other_rows_is_not_written_to(places: Places, moroccan: Protocol) -> None:
    ctx = places.ctx(places.database)
    prepared(ctx, places.clock, moroccan, MOROCCAN.read_bytes())
    ctx.close()
    with pytest.raises(NotMovable, match="holds rows"):
        places.go()


@pytest.mark.exhaustive
def test_a_role_that_does_not_own_the_place_is_told_so(places: Places) -> None:
    name = f"guest_{uuid.uuid4().hex[:10]}"
    for part in STORES:
        own = open_engine(places.database.store_url(part))
        upgrade(own, part, WIRING.tables)
        own.dispose()
    engine = open_engine(places.database.database)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN"))
        for part in STORES:
            connection.execute(text(f"GRANT USAGE ON SCHEMA {part} TO {name}"))
            connection.execute(text(f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {part} TO {name}"))
    address = make_url(places.database.database).set(username=name).render_as_string(hide_password=False)
    with pytest.raises(NotMovable, match="role that owns it"):
        places.go(after=replace(places.database, database=address))
    with engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {name}"))
        connection.execute(text(f"DROP ROLE {name}"))
    engine.dispose()
    assert places.go() > 50


@pytest.mark.exhaustive
def test_a_row_that_the_other_database_does_not_take_is_said_without_what_it_says(places: Places) -> None:
    """SQLite keeps texts of any length; once it is put right, the move goes on."""
    old = open_engine(places.files.store_url("directory"))

    def put(said: str) -> None:
        with old.begin() as connection:
            change = text("UPDATE account SET language = :said WHERE id = (SELECT min(id) FROM account)")
            connection.execute(change, {"said": said})

    language = "x" * 13
    put(language)
    with pytest.raises(NotMovable, match=r"a row of account \(22001\)") as told:
        places.go()
    assert language not in str(told.value)
    put("fr")
    old.dispose()
    assert places.go() > 50


@pytest.mark.exhaustive
def test_nobody_writes_to_the_source_while_it_is_copied(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("school_protocol.storage.engines.BUSY_SECONDS", 0.2)
    ctx, tried = places.ctx(places.files), list[bool]()

    def write(what: str, _done: int, _of: int) -> None:
        if what == "rows" and not tried:
            engine = open_engine(places.files.store_url("realm"))
            store = type(ctx.realm)(engine)
            tried.append(writes_fail(AppContext(store, ctx.directory, ctx.vault, ctx.clock, ctx.library, ctx.settings)))
            store.close()

    assert not writes_fail(ctx)
    move_stores(places.files, places.database, places.clock, write)
    assert tried == [True]
    ctx.close()


@pytest.mark.exhaustive
def test_a_place_that_was_moved_away_can_be_taken_back(places: Places) -> None:
    places.go()
    reopen(places.files)
    ctx = places.ctx(places.files)
    assert not writes_fail(ctx)
    assert cases_of(ctx).keys() == set(places.numbers)
    ctx.close()
    reopen(places.files)  # nothing is to be done any more


def test_a_demo_leaves_an_installation_alone_that_lies_in_the_same_database(places: Places, moroccan: Protocol) -> None:
    ctx = places.ctx(places.database)
    prepared(ctx, places.clock, moroccan, MOROCCAN.read_bytes())
    ctx.close()
    elsewhere = replace(places.database, data=places.files.data.parent / "demo")
    for reset in (False, True):
        with pytest.raises(demo.DemoError, match="no demo"):
            demo.prepare(elsewhere, reset=reset, password=None, say=lambda _line: None, clock=places.clock)
    assert postgresql.holds_rows(places.database.database)


@pytest.mark.exhaustive
def test_what_is_cleared_is_empty(places: Places) -> None:
    places.ctx(places.database).close()
    postgresql.clear(places.database.database)
    assert not postgresql.holds_rows(places.database.database)
    places.go()
    assert postgresql.holds_rows(places.database.database)


@pytest.mark.exhaustive
def test_nothing_is_cleared_while_somebody_holds_a_table(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    places.go()
    monkeypatch.setattr(postgresql, "change_or_give_way", partial(sql.change_or_give_way, patience=0.5))
    engine = open_engine(places.database.database)
    with engine.connect() as page:
        page.execute(text("SELECT count(*) FROM realm.case_index"))
        with pytest.raises(TablesInUse):
            postgresql.clear(places.database.database)
    assert postgresql.holds_rows(places.database.database)
    postgresql.clear(places.database.database)
    assert not postgresql.holds_rows(places.database.database)
    engine.dispose()


def test_a_backup_of_files_is_refused_where_there_are_none(places: Places, tmp_path: Path) -> None:
    ctx = places.ctx(places.database)
    with pytest.raises(BackupUnusable, match="PostgreSQL"):
        backup_service.create(ctx, tmp_path / "backups")
    ctx.close()
