"""An installation moved from SQLite to PostgreSQL and back: equal to the last row, resumed, never served by halves."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from domain.telling import MOROCCAN, NOW
from sqlalchemy import insert, make_url, select, text
from sqlalchemy.exc import DBAPIError
from storage.server import EVERYWHERE, served

from school_protocol.config import Settings
from school_protocol.domain.protocol import Protocol
from school_protocol.services import demo
from school_protocol.services.house import STORES, House, open_house
from school_protocol.services.journal import verify_journal
from school_protocol.services.keeping import backups
from school_protocol.services.keeping import moving as whole
from school_protocol.services.keeping.moving import move, reopen
from school_protocol.services.scripts import TurnableClock, prepared
from school_protocol.storage import cases, moving, preparing
from school_protocol.storage.backups import BackupUnusable
from school_protocol.storage.engines import open_engine
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.giving_way import TablesInUse
from school_protocol.storage.migrate import upgrade
from school_protocol.storage.moving import HalfMoved, NotMovable
from school_protocol.storage.workshops.place_tables import PlaceRow
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
    """A house in files, with two cases, and an empty database."""

    files: Settings
    database: Settings
    clock: TurnableClock
    numbers: tuple[str, ...]
    school: School

    def go(self, before: Settings | None = None, after: Settings | None = None) -> int:
        return move(before or self.files, after or self.database, self.clock, say_nothing).rows

    def house(self, settings: Settings) -> House:
        return open_house(settings, self.clock)


@pytest.fixture
def places(server: str, tmp_path: Path, moroccan: Protocol) -> Iterator[Places]:
    name, owner = f"moved_{uuid.uuid4().hex[:12]}", open_engine(server)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    files, clock = Settings(data=tmp_path / "var"), TurnableClock(NOW)
    house = open_house(files, clock)
    school = School(prepared(house, clock, moroccan, MOROCCAN.read_bytes()), count(1))
    numbers = []
    for _time in range(2):
        school.report()
        numbers.append(school.number)
        school.seen_by("head")
    house.close()
    address = make_url(server).set(database=name).render_as_string(hide_password=False)
    yield Places(files, replace(files, database=address), clock, tuple(numbers), school)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    owner.dispose()


def cut_off(places: Places, target: Settings, kind: str = "cases", *, beyond: float = 0.3) -> None:
    def stop(what: str, done: int, of: int) -> None:
        if what == kind and done > of * beyond:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(places.files, target, places.clock, stop)


def cases_of(house: House) -> dict[str, int]:
    with house.realm.reading() as session:
        rows = session.execute(text("SELECT number, id FROM case_record")).all()
        return {number: cases.last_seq(session, case_id) for number, case_id in rows}


def writes_fail(house: House) -> bool:
    try:
        with house.realm.writing() as session:
            session.execute(text("UPDATE case_index SET version = version"))
    except StorageBusy:
        return True
    return False


@pytest.mark.exhaustive
def test_all_is_there_and_equal_and_goes_on_there(places: Places) -> None:
    before = places.house(places.files)
    known = cases_of(before)
    rows = places.go()
    after = places.house(places.database)
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
    with pytest.raises(HalfMoved, match="moved to another database"):
        places.house(places.files)


@pytest.mark.exhaustive
def test_and_back_into_other_files_with_their_guards(places: Places, tmp_path: Path) -> None:
    known = cases_of(first := places.house(places.files))
    first.close()
    places.go()
    again = replace(places.files, data=tmp_path / "again")
    again.data.mkdir()
    (again.data / "keys").symlink_to(places.files.keys)
    moved = move(places.database, replace(again), places.clock, say_nothing)
    house = places.house(again)
    assert moved.cases == len(known)
    assert cases_of(house) == known
    assert verify_journal(house) == []
    triggers = text(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name NOT LIKE 'moved_away%' ORDER BY 1"
    )
    old = open_engine(places.files.store_url("realm"))
    with house.realm.reading() as session, old.connect() as connection:
        assert session.execute(triggers).all() == connection.execute(triggers).all() != []
    old.dispose()
    house.close()


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["rows", "compared", "cases"])
def test_one_that_was_cut_off_goes_on_and_is_not_served_before(
    places: Places, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(moving, "BATCH", 7)
    cut_off(places, places.database, kind)
    with pytest.raises(HalfMoved, match="half there"):
        places.house(places.database)
    still = places.house(places.files)
    assert not writes_fail(still)
    still.close()
    copied: list[int] = []

    def watch(what: str, done: int, _of: int) -> None:
        if what == "rows":
            copied.append(done)

    rows = move(places.files, places.database, places.clock, watch).rows
    assert copied[-1] == rows
    house = places.house(places.database)
    assert cases_of(house).keys() == set(places.numbers)
    house.close()


def write_meanwhile(places: Places, what: str) -> None:
    """In the source: a report, whose rows come anywhere among those that were copied; a note on a case that was."""
    house = places.school.player.house = places.house(places.files)
    if "report" in what:
        places.school.report()
    if "note" in what:
        places.school.number = places.numbers[0]
        places.school.act("head", "note", text="meanwhile")
    house.close()


def elsewhere(places: Places, kind: str) -> Settings:
    """An empty place: the database, or a folder with the same keys."""
    if kind == "database":
        return places.database
    folder = replace(places.files, data=places.files.data.parent / "elsewhere")
    folder.data.mkdir()
    (folder.data / "keys").symlink_to(places.files.keys)
    return folder


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["database", "folder"])
@pytest.mark.parametrize("what", ["report", "note", "report and note"])
@pytest.mark.parametrize("cut", ["rows", "cases"])
def test_one_cut_off_begins_anew_where_the_source_was_written_to_since(
    places: Places, monkeypatch: pytest.MonkeyPatch, kind: str, what: str, cut: str
) -> None:
    monkeypatch.setattr(moving, "BATCH", 7)
    target, told = elsewhere(places, kind), list[str]()
    cut_off(places, target, cut, beyond=0.9)
    write_meanwhile(places, what)
    source = places.house(places.files)
    known = cases_of(source)
    source.close()
    move(places.files, target, places.clock, lambda said, _done, _of: told.append(said))
    assert told.count(whole.ANEW) == 1
    house = places.house(target)
    assert cases_of(house) == known
    assert len(known) == 2 + ("report" in what)
    assert verify_journal(house) == []
    with pytest.raises(DBAPIError), house.realm.writing() as session:  # its guards stand again
        session.execute(text("DELETE FROM event"))
    house.close()


@pytest.mark.exhaustive
def test_what_lies_in_the_database_itself_stays_as_it_begins_anew(places: Places) -> None:
    """Where rooms lie there, which no move brings along."""
    cut_off(places, places.database, beyond=0.9)
    engine = open_engine(places.database.store_url("directory"))
    with engine.begin() as connection:
        room = {"id": "room", "state": "free", "since": NOW, "made_by": "somebody", "revisions": ""}
        connection.execute(insert(PlaceRow).values(room))
    write_meanwhile(places, "report")
    places.go()
    with engine.connect() as connection:
        assert connection.scalar(select(PlaceRow.id)) == "room"
    engine.dispose()


@pytest.mark.exhaustive
def test_one_cut_off_begins_anew_once_and_is_refused_then(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody alters the target all the time: between copying and comparing, each time anew."""
    cut_off(places, places.database)
    write_meanwhile(places, "note")
    prove, told = whole._prove_rows, list[str]()

    def harmed(held: moving.Held, there: Any, done: moving.Counted) -> None:
        with there["realm"].engine.begin() as connection:
            connection.execute(text("UPDATE case_index SET level = 3"))
        prove(held, there, done)

    monkeypatch.setattr(whole, "_prove_rows", harmed)
    with pytest.raises(NotMovable, match="not equal"):
        move(places.files, places.database, places.clock, lambda said, _done, _of: told.append(said))
    assert told.count(whole.ANEW) == 1


@pytest.mark.exhaustive
def test_nothing_is_taken_away_that_no_move_of_this_source_left(
    places: Places, tmp_path: Path, moroccan: Protocol
) -> None:
    """It is half there of another installation: nothing of this one is added, either."""
    other = Settings(data=tmp_path / "other")
    house = places.house(other)
    prepared(house, places.clock, moroccan, MOROCCAN.read_bytes())
    house.close()
    cut_off(places, places.database)
    engine = open_engine(places.database.store_url("realm"))
    counted = text("SELECT count(*) FROM event")
    with engine.connect() as connection:
        before = connection.scalar(counted)
    with pytest.raises(NotMovable, match="from another source"):
        move(other, replace(other, database=places.database.database), places.clock, say_nothing)
    with engine.connect() as connection:
        assert connection.scalar(counted) == before
    engine.dispose()
    places.go()  # the control


@pytest.mark.exhaustive
def test_a_place_altered_since_it_was_moved_to_is_refused(places: Places) -> None:
    places.go()
    reopen(places.files)
    engine = open_engine(places.database.store_url("realm"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE case_index SET level = 3"))
    write_meanwhile(places, "report and note")
    told = list[str]()
    with pytest.raises(NotMovable, match="holds rows"):
        move(places.files, places.database, places.clock, lambda said, _done, _of: told.append(said))
    assert whole.ANEW not in told
    with engine.connect() as connection:
        assert set(connection.scalars(text("SELECT level FROM case_index"))) == {3}
    engine.dispose()


@pytest.mark.exhaustive
def test_one_cut_off_at_its_very_end_is_brought_to_it(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source takes no more writes, the target is whole in one store and not yet opened in the other."""
    finish, seen = moving.finish, list[str]()

    def one_store(engine: Any, part: Any) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(part)
        finish(engine, part)

    with monkeypatch.context() as patched:
        patched.setattr(moving, "finish", one_store)
        with pytest.raises(KeyboardInterrupt):
            places.go()
    for settings in (places.files, places.database):
        with pytest.raises(HalfMoved):
            places.house(settings)
    places.go()
    house = places.house(places.database)
    assert cases_of(house).keys() == set(places.numbers)
    house.close()


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
    prove = whole._prove_rows

    def harmed(held: moving.Held, there: Any, done: moving.Counted) -> None:
        engine = open_engine(places.database.store_url("realm"))
        with engine.begin() as connection:
            assert connection.execute(text(harm)).rowcount
        engine.dispose()
        prove(held, there, done)

    monkeypatch.setattr(whole, "_prove_rows", harmed)
    with pytest.raises(NotMovable, match="not equal"):
        places.go()
    still = places.house(places.files)
    assert not writes_fail(still)
    still.close()


def test_a_place_with_other_rows_is_not_written_to(places: Places, moroccan: Protocol) -> None:
    house = places.house(places.database)
    prepared(house, places.clock, moroccan, MOROCCAN.read_bytes())
    house.close()
    with pytest.raises(NotMovable, match="holds rows"):
        places.go()


@pytest.mark.exhaustive
def test_a_role_that_does_not_own_the_place_is_told_so(places: Places) -> None:
    name = f"guest_{uuid.uuid4().hex[:10]}"
    for part in STORES:
        own = open_engine(places.database.store_url(part))
        upgrade(own, part)
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


def test_the_same_place_twice_is_no_move(places: Places) -> None:
    with pytest.raises(NotMovable, match="one and the same"):
        places.go(places.files, replace(places.files))


@pytest.mark.exhaustive
def test_nobody_writes_to_the_source_while_it_is_copied(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("school_protocol.storage.engines.BUSY_SECONDS", 0.2)
    house, tried = places.house(places.files), list[bool]()

    def write(what: str, _done: int, _of: int) -> None:
        if what == "rows" and not tried:
            engine = open_engine(places.files.store_url("realm"))
            store = type(house.realm)(engine)
            tried.append(
                writes_fail(House(store, house.directory, house.vault, house.clock, house.library, house.settings))
            )
            store.close()

    assert not writes_fail(house)
    move(places.files, places.database, places.clock, write)
    assert tried == [True]
    house.close()


def test_a_place_that_was_moved_away_can_be_taken_back(places: Places) -> None:
    places.go()
    reopen(places.files)
    house = places.house(places.files)
    assert not writes_fail(house)
    assert cases_of(house).keys() == set(places.numbers)
    house.close()
    reopen(places.files)  # nothing is to be done any more


def test_a_demo_leaves_an_installation_alone_that_lies_in_the_same_database(places: Places, moroccan: Protocol) -> None:
    house = places.house(places.database)
    prepared(house, places.clock, moroccan, MOROCCAN.read_bytes())
    house.close()
    elsewhere = replace(places.database, data=places.files.data.parent / "demo")
    for reset in (False, True):
        with pytest.raises(demo.DemoError, match="no demo"):
            demo.prepare(elsewhere, reset=reset, password=None, say=lambda _line: None, clock=places.clock)
    assert preparing.holds_rows(places.database.database)


def test_what_is_cleared_is_empty(places: Places) -> None:
    places.house(places.database).close()
    preparing.clear(places.database.database)
    assert not preparing.holds_rows(places.database.database)
    places.go()
    assert preparing.holds_rows(places.database.database)


@pytest.mark.exhaustive
def test_nothing_is_cleared_while_somebody_holds_a_table(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    places.go()
    monkeypatch.setattr(preparing, "change", partial(preparing.change, patience=0.5))
    engine = open_engine(places.database.database)
    with engine.connect() as page:
        page.execute(text("SELECT count(*) FROM realm.case_index"))
        with pytest.raises(TablesInUse):
            preparing.clear(places.database.database)
    assert preparing.holds_rows(places.database.database)
    preparing.clear(places.database.database)
    assert not preparing.holds_rows(places.database.database)
    engine.dispose()


def test_a_backup_of_files_is_refused_where_there_are_none(places: Places, tmp_path: Path) -> None:
    house = places.house(places.database)
    with pytest.raises(BackupUnusable, match="PostgreSQL"):
        backups.create(house, tmp_path / "backups")
    house.close()
