"""Turning the ring: every wrapped key, in both stores, while others read and write, and killed at any point."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Date, Integer, LargeBinary, insert

from school_protocol.reports.models import Hour
from school_protocol.storage import case_keys, idempotency, migrate
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.models import Moment, Plain, Wrapped
from school_protocol.storage.vault import Vault
from school_protocol.wiring import WIRING
from storage.conftest import NOW, Realm, entry

WRAPPED_BY_A_CASE = {"object_key"}


def test_every_kind_of_wrapped_key_is_found_by_itself() -> None:
    """By the columns of all tables, not by the classes. A room's keys are never turned: they end with it."""
    columns = {
        table.name
        for metadata in (WIRING.tables["realm"], WIRING.tables["directory"])
        for table in metadata.sorted_tables
        if {"master", "wrapped"} & set(table.c.keys())
    }
    found = {case_keys._name(table) for table in case_keys.wrapped_tables()}
    assert found == columns - WRAPPED_BY_A_CASE
    assert {"case_key", "report", "draft"} < found


@pytest.mark.parametrize("table", case_keys.wrapped_tables(), ids=lambda table: table.__name__)
def test_each_of_them_is_brought_under_the_new_key(table: type[Wrapped], tmp_path: Path) -> None:
    """One row of each kind, in a table of the same columns that refers to nothing."""
    store = Store(open_engine(f"sqlite:///{tmp_path / 'store.sqlite'}"))
    vault = Vault.open(tmp_path / "keys", create=True)
    columns: Any = table.__table__.c  # type: ignore[attr-defined]
    row = table(**{column.name: _some(column.type) for column in columns if column.name not in ("master", "wrapped")})
    row.master, row.wrapped = vault.wrap(b"k" * 32, row.label)
    with store.writing() as session:
        names = ", ".join(column.name for column in columns)
        session.connection().exec_driver_sql(f"CREATE TABLE {case_keys._name(table)} ({names})")
        session.execute(insert(table).values({column.name: getattr(row, column.name) for column in columns}))
    assert case_keys.rotate(store, vault) == 1
    assert case_keys.retire_masters(store, vault) == (1,)
    (found,) = case_keys.samples(store, 5)
    assert found[:2] == (case_keys._name(table), 2)
    assert vault.unwrap(*found[1:]) == b"k" * 32
    store.close()


def _some(kind: Any) -> Any:
    """A value of a column's type."""
    values = {
        Moment: NOW,
        Hour: NOW,
        Plain: "x",
        LargeBinary: b"x",
        Boolean: False,
        Date: NOW.date(),
        JSON: {},
        Integer: 1,
    }
    return next(value for one, value in values.items() if isinstance(kind, one))


@pytest.mark.exhaustive
def test_nothing_is_made_anew_while_something_is_left_under_older_keys(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_keys, "_BATCH", 2)
    for _ in range(5):
        realm.open_case(entry())

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case_keys.rotate(realm.store, realm.vault, interrupt)
    assert case_keys.stale(realm.store, realm.vault) == 3
    assert case_keys.rotate(realm.store, realm.vault) == 3
    assert realm.vault.newest == 2, "taken up, not begun again"
    assert case_keys.rotate(realm.store, realm.vault) == 5
    assert realm.vault.newest == 3


@pytest.mark.exhaustive
def test_a_key_that_wraps_something_in_one_of_two_stores_stays(realm: Realm, tmp_path: Path) -> None:
    other = Store(open_engine(f"sqlite:///{tmp_path / 'other.sqlite'}"))
    migrate.upgrade(other.engine, "realm", WIRING.tables)
    case_keys.prepare_key(other, realm.vault)
    realm.open_case(entry())
    realm.vault.add_master()
    case_keys.rewrap(realm.store, realm.vault)
    assert case_keys.idle_masters((realm.store, other), realm.vault) == ()
    assert case_keys.retire_masters((realm.store, other), realm.vault) == ()
    case_keys.rewrap((realm.store, other), realm.vault)
    assert case_keys.retire_masters((realm.store, other), realm.vault) == (1,)
    other.close()


@pytest.mark.exhaustive
def test_a_ring_turned_again_meanwhile_comes_to_an_end(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_keys, "_BATCH", 2)
    for _ in range(5):
        realm.open_case(entry())
    turned = iter([True])

    def turn(done: int, total: int) -> None:
        if next(turned, False):
            Vault.open(realm.vault.folder).add_master()

    case_keys.rotate(realm.store, realm.vault, turn)
    assert case_keys.stale(realm.store, realm.vault) == 0
    assert realm.vault.newest == 3


def test_lost_master_keys_are_counted(realm: Realm) -> None:
    realm.open_case(entry())
    realm.vault.add_master()
    realm.open_case(entry())
    (realm.vault.folder / "master-1.key").unlink()
    again = Vault.open(realm.vault.folder)
    assert case_keys.missing_masters(realm.store, again) == {1: 1}
    assert case_keys.unopenable(realm.store, again) == (1,)
    assert case_keys.rotate(realm.store, again) == 1, "what can be opened is turned, what can't stays as it is"
    assert case_keys.missing_masters(realm.store, again) == {1: 1}


# ---- other processes -------------------------------------------------------------------------------------------------


def _open(place: tuple[str, str | None], folder: Path) -> tuple[Store, Vault]:
    return Store(open_engine(place[0], schema=place[1])), Vault.open(folder)


def _serve(place: tuple[str, str | None], folder: Path, told: Any, stop: Any) -> None:
    """What a serving process does: writes new sealed things, and reads those that are there, again and again."""
    store, vault = _open(place, folder)
    done = 0
    try:
        while not stop.is_set():
            with store.writing() as session:
                idempotency.keep_draft(session, vault, "served", f"form-{done}", {"n": done}, at=NOW)
            with store.reading() as session:
                for number in {0, done // 2, done}:
                    draft = idempotency.draft(session, vault, "served", f"form-{number}")
                    assert draft is not None
                    assert draft.answers == {"n": number}
            done += 1
        told.put(done)
    except BaseException as error:
        told.put(repr(error))
        raise
    finally:
        store.close()


@pytest.mark.exhaustive
def test_others_read_and_write_while_the_ring_turns(realm: Realm, url: tuple[str, str | None], tmp_path: Path) -> None:
    ids = [realm.open_case(entry(words={"w": "x"})) for _ in range(30)]
    context = multiprocessing.get_context("spawn")
    told, stop = context.Queue(), context.Event()
    workers = [context.Process(target=_serve, args=(url, tmp_path / "keys", told, stop)) for _ in range(1)]
    for worker in workers:
        worker.start()
    _wait_for_drafts(realm)
    for _turn in range(3):
        case_keys.rotate(realm.store, realm.vault)
        time.sleep(0.2)
    stop.set()
    counted = [told.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert all(isinstance(count, int) and count > 3 for count in counted), counted
    case_keys.rewrap(realm.store, realm.vault)
    assert set(case_keys.retire_masters(realm.store, realm.vault)) == {1, 2, 3}
    assert all(realm.load(case_id)[0].words == {"w": "x"} for case_id in ids)
    with realm.store.reading() as session:
        for number in range(counted[0]):
            assert idempotency.draft(session, realm.vault, "served", f"form-{number}") is not None


def _wait_for_drafts(realm: Realm) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with realm.store.reading() as session:
            if idempotency.drafts_of(session, "served"):
                return
        time.sleep(0.05)
    raise AssertionError("the other process never wrote")


def _rotate_slowly(place: tuple[str, str | None], folder: Path) -> None:
    store, vault = _open(place, folder)
    case_keys._BATCH = 1
    case_keys.rotate(store, vault, lambda done, total: time.sleep(0.01))


@pytest.mark.exhaustive
@pytest.mark.parametrize("after", [0.0, 0.02, 0.08, 0.2])
def test_a_rotation_killed_at_any_point_is_taken_up(
    realm: Realm, url: tuple[str, str | None], tmp_path: Path, after: float
) -> None:
    ids = [realm.open_case(entry(words={"w": "x"})) for _ in range(30)]
    worker = multiprocessing.get_context("spawn").Process(target=_rotate_slowly, args=(url, tmp_path / "keys"))
    worker.start()
    deadline = time.monotonic() + 60
    while not (tmp_path / "keys" / "master-2.key").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(after)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    again = Realm(realm.store, Vault.open(tmp_path / "keys"), realm.folder)
    assert all(again.load(case_id)[0].words == {"w": "x"} for case_id in ids)
    left = case_keys.stale(again.store, again.vault)
    assert 0 < left <= 30
    assert case_keys.rotate(again.store, again.vault) == left
    assert (again.vault.newest, case_keys.retire_masters(again.store, again.vault)) == (2, (1,))
    assert all(again.load(case_id)[0].words == {"w": "x"} for case_id in ids)
