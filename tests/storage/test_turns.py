"""Whose turn it is, among processes: one has it, and it passes on with whoever had it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import QueuePool, make_url, select, text

from school_protocol.auth import sign_in_repository
from school_protocol.auth.models import AccountRow, WebSessionRow
from school_protocol.storage import idempotency
from school_protocol.storage.engines import Session, Store, open_engine
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.storage.work_queue import Lead, turn
from storage.conftest import NOW, Realm

pytestmark = pytest.mark.postgresql


@pytest.fixture
def other(url: tuple[str, str | None], empty: Store) -> Iterator[Store]:
    """The same place, as another process opens it."""
    store = Store(open_engine(url[0], schema=url[1]))
    yield store
    store.close()


def on_server(store: Store) -> bool:
    return store.engine.dialect.name == "postgresql"


ENDED = text(
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
)
"""Whoever else has a turn loses the connection; it waits until that has ended."""


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


def test_whoever_has_a_turn_takes_no_place_from_those_who_read_and_write(empty: Store, other: Store) -> None:
    """Sixteen tasks with a turn each would leave their own work none."""
    lead = Lead(empty, "worker")
    assert lead.is_ours()
    pool = empty.engine.pool
    assert isinstance(pool, QueuePool)
    with turn(empty, "bulk"):
        assert pool.checkedout() == 0
        if on_server(empty):
            with turn(other, "bulk") as second:
                assert not second
    lead.close()


def test_a_turn_whose_connection_was_lost_ends_all_the_same(empty: Store, other: Store) -> None:
    if not on_server(empty):
        pytest.skip("nothing is held there")
    with turn(empty, "bulk"), other.engine.connect() as connection:
        connection.execute(ENDED)
    with turn(other, "bulk") as afterwards:
        assert afterwards


def test_the_lead_passes_on_when_its_connection_is_gone(empty: Store, other: Store) -> None:
    """As with a process that was killed, or a machine that went away."""
    if not on_server(empty):
        pytest.skip("one process leads there")
    first, second = Lead(empty, "worker"), Lead(other, "worker")
    assert first.is_ours()
    with other.engine.connect() as connection:
        connection.execute(ENDED)
    assert second.is_ours()
    assert not first.is_ours()  # it finds out by itself, and goes on asking
    second.close()
    assert first.is_ours()
    first.close()


def test_the_server_itself_finds_out_that_a_machine_with_a_turn_is_gone(empty: Store) -> None:
    """It would keep the turn for two hours; over a local socket it says what was asked for, not what it does."""
    if not on_server(empty):
        pytest.skip("one machine has it there")
    asked = "SELECT source FROM pg_settings WHERE name IN ('tcp_keepalives_idle', 'tcp_user_timeout')"
    lead = Lead(empty, "worker")
    assert lead.is_ours()
    assert lead._asks is not None
    assert lead._asks.exec_driver_sql(asked).scalars().all() == ["session", "session"]
    with empty.reading() as control:
        assert control.execute(text(asked)).scalars().all() == ["default", "default"]
    lead.close()


def test_whoever_waits_for_the_lead_asks_on_one_connection(empty: Store, other: Store) -> None:
    if not on_server(empty):
        pytest.skip("one process leads there")
    first, second = Lead(empty, "worker"), Lead(other, "worker")
    assert first.is_ours()
    assert not second.is_ours()
    asks = second._asks
    assert not second.is_ours()
    assert second._asks is asks
    first.close()
    until = time.monotonic() + 20
    while not second.is_ours():  # the server ends the other connection when it comes to it
        assert time.monotonic() < until
        time.sleep(0.05)
    assert second._asks is asks
    second.close()


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


@pytest.mark.exhaustive(but=("sqlite-False",))
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


def second_comes_while(store: Store, first: Callable[[Session], object], second: Callable[[Session], object]) -> object:
    """What the second was told, who writes beside the first and comes before that one has ended."""
    told: list[object] = []

    def come() -> None:
        try:
            with store.writing(together=True) as session:
                found = second(session)
            told.append(found)
        except Exception as error:
            told.append(error)

    thread = threading.Thread(target=come)
    with store.writing(together=True) as session:
        first(session)
        thread.start()
        thread.join(timeout=0.3)
    thread.join(timeout=20)
    return told[0]


@pytest.mark.exhaustive
def test_the_same_thing_left_twice_at_once_is_kept_as_it_was_said_last(realm: Realm) -> None:
    def leaving(words: str) -> Callable[[Session], object]:
        return lambda session: idempotency.keep_draft(session, realm.vault, "one", "/cases/1", {"text": words}, at=NOW)

    assert second_comes_while(realm.store, leaving("first"), leaving("second")) is None
    with realm.store.reading() as session:
        kept = idempotency.draft(session, realm.vault, "one", "/cases/1")
    assert kept is not None
    assert kept.answers == {"text": "second"}


@pytest.fixture
def account(directory: Store) -> str:
    with directory.writing() as session:
        session.add(AccountRow(id="one", username="one", names={}, language="fr", created_at=NOW))
    return "one"


@pytest.mark.exhaustive
def test_a_browser_in_which_somebody_comes_in_twice_at_once_is_known(directory: Store, account: str) -> None:
    def keeping(session: Session) -> None:
        sign_in_repository.keep_browser(session, bytes(32), account, until=NOW + timedelta(days=1))

    assert second_comes_while(directory, keeping, keeping) is None
    with directory.reading() as session:
        assert sign_in_repository.is_known_browser(session, bytes(32), account, now=NOW)


@pytest.mark.exhaustive
def test_a_challenge_that_is_answered_twice_at_once_counts_once(directory: Store) -> None:
    def answering(session: Session) -> object:
        return sign_in_repository.use_challenge(session, bytes(32), until=NOW)

    assert second_comes_while(directory, answering, answering) is False


@pytest.mark.exhaustive
def test_a_session_that_ends_as_it_is_seen_stays_ended(directory: Store, account: str) -> None:
    with directory.writing() as session:
        token = sign_in_repository.open_web_session(session, account, now=NOW)

    def ending(session: Session) -> None:
        sign_in_repository.close_web_session(session, token)

    def seeing(session: Session) -> None:
        sign_in_repository.touch_web_session(session, token, now=NOW + timedelta(minutes=2))

    assert second_comes_while(directory, ending, seeing) is None
    with directory.reading() as session:
        assert session.scalars(select(WebSessionRow)).all() == []


# ---- a server that is away -------------------------------------------------------------------------------------------


def test_where_no_server_answers_the_same_may_succeed_later() -> None:
    with socket.socket() as shut:
        shut.bind(("127.0.0.1", 0))  # and nobody listens
        store = Store(open_engine(f"postgresql+psycopg://one@127.0.0.1:{shut.getsockname()[1]}/none"))
        with pytest.raises(StorageBusy), store.writing():
            raise AssertionError("nobody is there")


@pytest.mark.exhaustive
def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("school_protocol.storage.engines.CONNECT_SECONDS", 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        store = Store(open_engine(f"postgresql+psycopg://one@127.0.0.1:{silent.getsockname()[1]}/none"))
        with pytest.raises(StorageBusy), store.writing():
            raise AssertionError("nobody is there")


def test_a_live_connection_finds_out_that_its_server_went_away(empty: Store, url: tuple[str, str | None]) -> None:
    if not on_server(empty):
        pytest.skip("a file does not go away without a word")
    more = {"keepalives_idle": "77"}
    said = open_engine(make_url(url[0]).update_query_dict(more), schema=url[1])
    for engine, idle in ((empty.engine, "30"), (said, "77")):
        with engine.connect() as connection:
            driver = connection.connection.dbapi_connection
            assert driver is not None
            known = driver.info.get_parameters()
        assert (known["keepalives_idle"], known["tcp_user_timeout"], known["connect_timeout"]) == (idle, "15000", "5")
    said.dispose()
