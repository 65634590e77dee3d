"""Whose turn it is, among processes: one has it, and it passes on with whoever had it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.turns import Lead, turn

pytestmark = pytest.mark.postgresql


@pytest.fixture
def other(url: tuple[str, str | None], empty: Store) -> Iterator[Store]:
    """The same place, as another process opens it."""
    store = Store(open_engine(url[0], schema=url[1]))
    yield store
    store.close()


def on_server(store: Store) -> bool:
    return store.engine.dialect.name == "postgresql"


def test_one_at_a_time_has_the_turn(empty: Store, other: Store) -> None:
    with turn(empty, "bulk") as first:
        assert first
        with turn(other, "bulk") as second, turn(other, "figures") as of_another_name:
            assert second is not on_server(empty)
            assert of_another_name
    with turn(other, "bulk") as afterwards:
        assert afterwards


def test_a_turn_ends_with_what_went_wrong_in_it(empty: Store, other: Store) -> None:
    with pytest.raises(ZeroDivisionError), turn(empty, "bulk"):
        raise ZeroDivisionError
    with turn(other, "bulk") as afterwards:
        assert afterwards


def test_whoever_leads_goes_on_until_it_leaves(empty: Store, other: Store) -> None:
    first, second = Lead(empty, "worker"), Lead(other, "worker")
    assert [first.is_ours(), second.is_ours(), first.is_ours()] == [True, not on_server(empty), True]
    first.close()
    assert second.is_ours()
    assert first.is_ours() is not on_server(empty)
    second.close()


def test_the_lead_passes_on_when_its_connection_is_gone(empty: Store, other: Store) -> None:
    """As with a process that was killed, or a machine that went away."""
    if not on_server(empty):
        pytest.skip("one process leads there")
    first, second = Lead(empty, "worker"), Lead(other, "worker")
    assert first.is_ours()
    with other.engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )
        )
    assert second.is_ours()
    assert not first.is_ours()  # it finds out by itself, and goes on asking
    second.close()
    assert first.is_ours()
    first.close()


# ---- who writes beside whom ------------------------------------------------------------------------------------------


def wrote(store: Store, *, together: bool, log: list[str], name: str, gate: threading.Barrier | None = None) -> None:
    with store.writing(together=together):
        log.append(f"{name} in")
        if gate is not None:
            gate.wait(timeout=5)
        log.append(f"{name} out")


def test_those_who_write_together_meet(empty: Store, other: Store) -> None:
    if not on_server(empty):
        pytest.skip("SQLite has one writer")
    gate, log = threading.Barrier(2), list[str]()
    threads = [
        threading.Thread(target=wrote, kwargs={"store": one, "together": True, "log": log, "name": name, "gate": gate})
        for one, name in ((empty, "a"), (other, "b"))
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(timeout=10)
    assert sorted(log[:2]) == ["a in", "b in"]


@pytest.mark.parametrize("together", [True, False])
def test_whoever_writes_alone_meets_nobody(empty: Store, other: Store, together: bool) -> None:
    log: list[str] = []
    with empty.writing():
        thread = threading.Thread(target=wrote, kwargs={"store": other, "together": together, "log": log, "name": "b"})
        thread.start()
        thread.join(timeout=0.3)
        log.append("a out")
    thread.join(timeout=10)
    assert log == ["a out", "b in", "b out"]


def test_whoever_waits_too_long_is_told_to_come_again(
    empty: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("school_protocol.storage.engines.BUSY_SECONDS", 0.1)
    with empty.writing(), pytest.raises(StorageBusy), other.writing():
        raise AssertionError("it writes beside whoever writes alone")
