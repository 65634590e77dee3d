"""Accesses in their order, closed in batches: nothing late, nothing twice, nothing that stops a reader."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from school_protocol.storage import access_log
from school_protocol.storage.journal import Break, Chain, Flaw
from school_protocol.storage.models import AccessBatchRow, AccessRow
from school_protocol.storage.store_errors import StorageBusy
from storage.conftest import NOW, Realm
from storage.test_journal import intruder


def read(realm: Realm, case_id: str, times: int = 1) -> None:
    for _ in range(times):
        with realm.store.writing(together=True) as session:
            access_log.note(session, case_id=case_id, account="a", at=NOW, what="page")


def close(realm: Realm) -> int:
    with realm.store.writing(together=True) as session:
        return access_log.close_access_chain(session, realm.vault, at=NOW)


def breaks(realm: Realm) -> list[Break]:
    with realm.store.reading() as session:
        return list(access_log.verify(session, realm.vault))


def test_each_closing_takes_what_came_since(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = realm.open_case()
    assert close(realm) == 0
    read(realm, case_id, 3)
    assert close(realm) == 3
    assert close(realm) == 0
    monkeypatch.setattr(access_log, "BATCH", 2)
    read(realm, case_id, 3)
    assert [close(realm), close(realm), close(realm)] == [2, 1, 0]
    with realm.store.reading() as session:
        assert session.scalars(select(AccessRow.place).order_by(AccessRow.place)).all() == [1, 2, 3, 4, 5, 6]
        assert session.scalars(select(AccessBatchRow.last_place).order_by(AccessBatchRow.seq)).all() == [3, 5, 6]
    assert breaks(realm) == []


def test_a_clock_that_jumps_keeps_nobody_from_reading(realm: Realm) -> None:
    """Places order, times don't: what was closed under a clock years ahead is followed by what comes after."""
    case_id = realm.open_case()
    read(realm, case_id)
    with realm.store.writing() as session:
        access_log.close_access_chain(session, realm.vault, at=NOW + timedelta(days=900))
    read(realm, case_id)
    assert close(realm) == 1
    assert breaks(realm) == []


@pytest.mark.postgresql
def test_nothing_is_put_among_the_closed_ones(realm: Realm) -> None:
    case_id = realm.open_case()
    read(realm, case_id, 2)
    close(realm)
    statement = text(
        "INSERT INTO access (id, case_id, account, at, what, reason, place) "
        "SELECT 'other', case_id, account, at, what, reason, :place FROM access WHERE place = 1"
    )
    for place in (0, 1, -5):
        with pytest.raises(IntegrityError, match="must follow the last"), realm.store.writing() as session:
            session.execute(statement, {"place": place})


@pytest.mark.postgresql
def test_batches_only_grow(realm: Realm) -> None:
    read(realm, realm.open_case(), 2)
    close(realm)
    again = "INSERT INTO access_batch SELECT seq + 2, last_place + 1, last_place + 1, closed_at, leaves, hash, hash "
    for statement in (
        "UPDATE access_batch SET leaves = hash", "DELETE FROM access_batch", f"{again} FROM access_batch",
    ):  # fmt: skip
        with pytest.raises(IntegrityError, match=r"append-only|must follow"), realm.store.writing() as session:
            session.execute(text(statement))
    assert breaks(realm) == []


def test_a_row_taken_away_from_the_end_stops_no_reader(realm: Realm) -> None:
    case_id = realm.open_case()
    read(realm, case_id, 2)
    close(realm)
    with intruder(realm) as connection:
        connection.execute("DELETE FROM access WHERE place = 2")
    read(realm, case_id)
    assert close(realm) == 1
    assert breaks(realm) == [Break("", 2, Flaw.missing, Chain.access)]


@pytest.mark.postgresql
def test_readers_and_closings_at_once_lose_nothing(realm: Realm) -> None:
    """Each row is in exactly one batch, whoever committed late."""
    case_ids = [realm.open_case() for _ in range(4)]
    done = threading.Event()

    def reader(case_id: str) -> None:
        read(realm, case_id, 15)

    def closer() -> None:
        while not done.is_set():
            try:
                close(realm)
            except StorageBusy:
                continue

    closing = threading.Thread(target=closer)
    closing.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(reader, case_ids))
    done.set()
    closing.join()
    close(realm)
    with realm.store.reading() as session:
        batches = session.scalars(select(AccessBatchRow)).all()
        rows = session.scalars(select(AccessRow.place)).all()
    assert len(rows) == 60
    assert sum(len(batch.leaves) // 20 for batch in batches) == 60
    assert breaks(realm) == []


@pytest.mark.exhaustive
def test_a_closing_waits_for_nobody_for_long(realm: Realm) -> None:
    """On PostgreSQL a reader whose transaction is long keeps the closing out, not the other readers."""
    if realm.store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    case_id = realm.open_case()
    with realm.store.writing(together=True) as session:
        access_log.note(session, case_id=case_id, account="slow", at=NOW, what="page")
        with pytest.raises(StorageBusy):
            close(realm)
        read(realm, case_id)
    assert close(realm) == 2
    assert breaks(realm) == []
