"""Two ways into a store: reading refuses writes, writing is all or nothing, and many writers wait for each other."""

import errno
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError

from school_protocol.storage import engines
from school_protocol.storage.engines import BUSY_SECONDS, Store, open_engine
from school_protocol.storage.models import OutboxRow
from school_protocol.storage.store_errors import StorageBusy, StorageFull
from storage.conftest import NOW, Realm

SERVED = engines._PRAGMAS
"""As the product sets them: in tests nothing need outlive a power cut."""


def message(number: int) -> OutboxRow:
    return OutboxRow(id=f"m{number}", at=NOW, kind="k", payload={}, due_at=NOW)


def sqlite_only(realm: Realm) -> None:
    if realm.store.engine.dialect.name != "sqlite":
        pytest.skip("about SQLite")


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
        ("secure_delete", 1),
        ("trusted_schema", 0),
        ("busy_timeout", 10_000),
    ],
)
def test_pragmas(as_served: None, tmp_path: Path, pragma: str, value: object) -> None:
    store = Store(open_engine(f"sqlite:///{tmp_path / 'a.sqlite'}"))
    with store.writing() as session:
        assert session.scalar(text(f"PRAGMA {pragma}")) == value


def test_database_files_are_their_owners_alone(realm: Realm) -> None:
    sqlite_only(realm)
    for path in realm.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_writing_commits(realm: Realm) -> None:
    with realm.store.writing() as session:
        session.add(message(1))
    with realm.store.reading() as session:
        assert session.scalars(select(OutboxRow.id)).all() == ["m1"]


def test_an_exception_leaves_nothing_behind(realm: Realm) -> None:
    def fail() -> None:
        with realm.store.writing() as session:
            session.add(message(1))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with realm.store.reading() as session:
        assert not session.scalars(select(OutboxRow)).all()


@pytest.mark.exhaustive
def test_reading_refuses_a_write(realm: Realm) -> None:
    def write() -> None:
        with realm.store.reading() as session:
            session.add(message(1))
            session.flush()

    with pytest.raises(DBAPIError, match=r"(?i)read-?only"):
        write()
    with realm.store.writing() as session:  # the connection is as good as before
        session.add(message(2))


def test_reading_stays_on_its_snapshot(realm: Realm) -> None:
    with realm.store.reading() as session:
        assert not session.scalars(select(OutboxRow.id)).all()
        with realm.store.writing() as other:
            other.add(message(1))
        assert not session.scalars(select(OutboxRow.id)).all()


@pytest.mark.exhaustive
def test_a_writer_that_waits_too_long_is_told_busy(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite_only(realm)
    monkeypatch.setattr(engines, "_PRAGMAS", ("PRAGMA busy_timeout = 50",))
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.2)
    impatient = Store(open_engine(realm.store.engine.url))
    with realm.store.writing(), pytest.raises(StorageBusy), impatient.writing():
        pass


@pytest.mark.exhaustive
def test_a_full_database_is_told_full_and_recovers(realm: Realm) -> None:
    sqlite_only(realm)
    store = Store(open_engine(realm.store.engine.url))

    def fill() -> None:
        with store.writing() as session:
            pages = session.scalar(text("PRAGMA page_count"))
            session.execute(text(f"PRAGMA max_page_count = {pages}"))
            session.execute(text("CREATE TABLE filler (x)"))
            session.execute(text("INSERT INTO filler VALUES (zeroblob(1000000))"))

    with pytest.raises(StorageFull):
        fill()
    with realm.store.writing() as session:
        session.add(message(1))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_full(realm: Realm, number: int) -> None:
    with pytest.raises(StorageFull), realm.store.writing():
        raise OSError(number, "no room")


@pytest.mark.exhaustive
def test_other_errors_stay_what_they_are(realm: Realm) -> None:
    with pytest.raises(FileNotFoundError), realm.store.writing():
        raise FileNotFoundError("x")


@pytest.fixture
def as_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_PRAGMAS", SERVED)


def at_once(realm: Realm, writers: int = 32) -> list[Exception]:
    """What those are told who write five times each: each by a store of its own, as processes do."""
    start = threading.Barrier(writers)

    def write(number: int) -> None:
        store = Store(realm.store.engine)
        start.wait()
        for turn in range(5):
            with store.writing() as session:
                session.scalars(select(OutboxRow.id)).all()
                session.add(message(number * 100 + turn))

    with ThreadPoolExecutor(writers) as pool:
        done = [pool.submit(write, number) for number in range(writers)]
        return [error for error in (one.exception() for one in done) if isinstance(error, Exception)]


@pytest.mark.exhaustive
def test_32_writers_at_once_are_never_locked_out(as_served: None, realm: Realm) -> None:
    """Each reads before it writes, and waits for the disk."""
    if realm.store.engine.dialect.name == "sqlite":
        with realm.store.reading() as session:
            assert session.scalar(text("PRAGMA synchronous")) == 2
    assert at_once(realm) == []
    with realm.store.reading() as session:
        assert len(session.scalars(select(OutboxRow.id)).all()) == 160


@pytest.mark.exhaustive
def test_the_control_with_a_plain_begin_most_would_be(realm: Realm) -> None:
    sqlite_only(realm)

    def plainly(*called: Any) -> tuple[str, Any]:
        return called[2].replace("BEGIN IMMEDIATE", "BEGIN"), called[3]

    event.listen(realm.store.engine, "before_cursor_execute", plainly, retval=True)
    try:
        told = at_once(realm)
    finally:
        event.remove(realm.store.engine, "before_cursor_execute", plainly)
    assert told
    assert {type(one) for one in told} == {StorageBusy}


@pytest.mark.exhaustive
def test_who_can_do_without_a_write_does_not_wait_for_it(realm: Realm) -> None:
    sqlite_only(realm)
    with realm.store.writing() as session:
        session.add(message(1))
        session.flush()
        began = time.monotonic()
        for busy in (realm.store, Store(realm.store.engine)):  # in the same process, and at the file
            with pytest.raises(StorageBusy), busy.writing_if_free() as other:
                other.add(message(2))
        assert time.monotonic() - began < BUSY_SECONDS, "the others wait as long"
    with realm.store.writing_if_free() as session:
        session.add(message(2))
    with realm.store.reading() as session:
        assert sorted(session.scalars(select(OutboxRow.id))) == ["m1", "m2"]
        assert session.scalar(text("PRAGMA busy_timeout")) == 10_000, "patient again, on the same connection"


@pytest.mark.exhaustive
def test_writers_of_one_process_wait_in_turn_and_not_at_the_file(realm: Realm) -> None:
    sqlite_only(realm)
    begun: list[str] = []
    event.listen(realm.store.engine, "checkout", lambda *_connection: begun.append("at the file"))
    there = threading.Event()

    def write(store: Store, number: int) -> None:
        there.set()
        with store.writing() as session:
            session.add(message(number))

    for store, seen in ((realm.store, 1), (Store(realm.store.engine), 2)):  # the control: a store of its own
        begun.clear()
        there.clear()
        with ThreadPoolExecutor(1) as pool:
            with realm.store.writing():
                second = pool.submit(write, store, seen)
                there.wait(5)
                time.sleep(0.2)
                assert len(begun) == seen
            second.result(BUSY_SECONDS)


@pytest.mark.exhaustive
def test_whoever_waits_too_long_for_their_turn_is_told_busy(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite_only(realm)
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.05)

    def write() -> None:
        with realm.store.writing():
            pass

    with ThreadPoolExecutor(1) as pool:
        with realm.store.writing(), pytest.raises(StorageBusy, match="goes on writing"):
            pool.submit(write).result(5)
        pool.submit(write).result(5)


# ---- readings of one request share a snapshot ----------------------------------------------------------------------


@pytest.fixture
def sharing(realm: Realm) -> Iterator[None]:
    with engines.readings_shared():
        yield


def elsewhere(work: Callable[[], object]) -> None:
    """As another request does it, while this one goes on."""
    with ThreadPoolExecutor(1) as other:
        other.submit(work).result()


def written(store: Store, number: int) -> None:
    with store.writing() as session:
        session.add(message(number))


def read(store: Store) -> list[str]:
    with store.reading() as session:
        return list(session.scalars(select(OutboxRow.id).order_by(OutboxRow.id)))


@pytest.mark.usefixtures("sharing")
def test_a_page_is_of_one_moment(realm: Realm) -> None:
    assert read(realm.store) == []
    elsewhere(lambda: written(realm.store, 1))
    with engines.readings_shared():
        assert read(realm.store) == []
    assert read(realm.store) == [], "who shares within a page ends nothing of it"
    engines.end_readings()
    assert read(realm.store) == ["m1"], "the control: without it each reading is of its own moment"


@pytest.mark.usefixtures("sharing")
def test_whoever_begins_to_write_reads_what_is_there_then(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(realm.store) == []
    elsewhere(lambda: written(realm.store, 1))
    with realm.store.writing():
        assert read(realm.store) == ["m1"]
    assert read(realm.store) == ["m1"]
    elsewhere(lambda: written(realm.store, 2))
    with monkeypatch.context() as patched:
        patched.setattr(engines, "renew_readings", lambda *_of: None)
        with realm.store.writing():
            assert read(realm.store) == ["m1"], "the control"


@pytest.mark.usefixtures("sharing")
def test_what_was_written_is_read_afterwards_and_a_reading_under_way_ends_well(realm: Realm) -> None:
    with realm.store.reading() as session:
        assert session.scalars(select(OutboxRow.id)).all() == []
        written(realm.store, 1)
        assert read(realm.store) == ["m1"]
        assert session.scalars(select(OutboxRow.id)).all() == []
    engines.end_readings()
    assert realm.store.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


@pytest.mark.usefixtures("sharing")
def test_after_a_fault_the_next_reading_begins_anew(realm: Realm) -> None:
    with pytest.raises(DBAPIError), realm.store.reading() as session:
        session.execute(text("SELECT nothing FROM nowhere"))
    elsewhere(lambda: written(realm.store, 1))
    assert read(realm.store) == ["m1"]
