"""Two reports of one hour: nothing in rows, in the file, in the log of writing or beside them says which came first.

Each look is shown to find what it looks for where that is planted: a moment to the second, rows in the order they came.
"""

from __future__ import annotations

import random
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from school_protocol.auth.models import Channel
from school_protocol.notifications.repository import State
from school_protocol.reports import repository
from school_protocol.reports import repository as reports_repository
from school_protocol.reports.models import Hour, PublicReportRow
from school_protocol.reports.repository import PublicHeader
from school_protocol.reports.rules import Status
from school_protocol.storage import case_keys
from school_protocol.storage.engines import BUSY_SECONDS
from school_protocol.storage.models import Moment, new_id
from school_protocol.wiring import WIRING
from storage.conftest import Realm

HOUR = datetime(2026, 11, 25, 9, tzinfo=UTC)
MINE = {"public_report", "public_message", "public_twin", "public_trace", "public_notice"}


def header(**other: object) -> PublicHeader:
    plain: dict[str, object] = {
        "id": new_id(), "unit": "school-1", "kind": "public", "protocol": "p", "version": 1,
        "hour": HOUR + timedelta(minutes=41, seconds=7), "status": Status.waiting, "outcome": "", "settled": None,
        "restricted": False, "urgent": False, "to_verify": True, "waits": HOUR, "step": 0, "fullness": 0,
        "barred": frozenset(), "case_id": None,
    }  # fmt: skip
    return PublicHeader(**{**plain, **other})  # type: ignore[arg-type]


def kept(realm: Realm, said: str = "un groupe", **other: object) -> str:
    one = header(**other)
    with realm.store.writing() as session:
        marks = [realm.vault.mark(one.unit, said)]
        content = {"answers": {"what": said}, "language": "fr"}
        reports_repository.keep_public_report(
            session, realm.vault, one, content, code_hash=random.randbytes(32), marks=marks
        )
        reports_repository.note(session, one.id, account="a", what="read", hour=HOUR)
        reports_repository.write_message(session, realm.vault, one.id, f"encore {said}", hour=HOUR)
    return one.id


# ---- columns ---------------------------------------------------------------------------------------------------------


def tables() -> Iterator[object]:
    return (table for name, table in WIRING.tables["realm"].tables.items() if name in MINE)


def test_no_column_can_hold_more_of_the_time_than_the_hour() -> None:
    found = {str(table): [column.name for column in table.columns if isinstance(column.type, Moment)]  # type: ignore[attr-defined]
             for table in tables()}  # fmt: skip
    assert found == {name: [] for name in MINE}
    assert [
        column.name for column in WIRING.tables["realm"].tables["outbox"].columns if isinstance(column.type, Moment)
    ]
    assert Hour().process_result_value(Hour().process_bind_param(HOUR + timedelta(minutes=59), None), None) == HOUR  # type: ignore[arg-type]


@pytest.mark.exhaustive
@pytest.mark.postgresql
def test_one_that_is_there_by_now_stays_and_its_transaction_goes_on(realm: Realm) -> None:
    report = kept(realm)
    again = {"answers": {"what": "autre chose"}, "language": "fr"}
    with realm.store.writing() as session:
        one = header(id=report)
        assert not reports_repository.keep_public_report(
            session, realm.vault, one, again, code_hash=random.randbytes(32), marks=[]
        )
        reports_repository.write_message(session, realm.vault, report, "encore", hour=HOUR)
    with realm.store.reading() as session:
        assert reports_repository.content(session, realm.vault, report)["answers"] == {"what": "un groupe"}
        assert len(reports_repository.messages(session, realm.vault, report)) == 2


def test_an_hour_comes_back_as_it_was(realm: Realm) -> None:
    report = kept(realm)
    with realm.store.reading() as session:
        found = reports_repository.header(session, report)
        assert (found.hour, found.waits) == (HOUR, HOUR)
        assert reports_repository.content(session, realm.vault, report) == {
            "answers": {"what": "un groupe"},
            "language": "fr",
        }
        assert [one.text for one in reports_repository.messages(session, realm.vault, report)] == ["encore un groupe"]
        assert reports_repository.came_in(session, "school-1", HOUR) == 1


@pytest.mark.exhaustive
@pytest.mark.postgresql
def test_length_says_nothing_of_short_texts(realm: Realm) -> None:
    ids = [kept(realm, said) for said in ("a", "b" * 700)]
    with realm.store.reading() as session:
        sizes = {len(session.get_one(PublicReportRow, one).sealed) for one in ids}
    assert len(sizes) == 1


@pytest.mark.exhaustive
@pytest.mark.postgresql
def test_those_alike_are_found_within_their_school(realm: Realm) -> None:
    first, second, other = kept(realm, "Un groupe !"), kept(realm, "un GROUPE"), kept(realm, "une page")
    elsewhere = kept(realm, "un groupe", unit="school-2")
    with realm.store.reading() as session:
        assert [one.id for one in reports_repository.alike(session, first)] == [second]
        assert reports_repository.alike(session, other) == () == reports_repository.alike(session, elsewhere)


# ---- order -----------------------------------------------------------------------------------------------------------


def in_order(places: list[int]) -> bool:
    return places == sorted(places) or places == sorted(places, reverse=True)


def places_in(data: bytes, ids: list[str]) -> list[list[int]]:
    """Where each is found: first all the first places, then all the second ones, as far as each has one."""
    found = [[match.start() for match in re.finditer(re.escape(one.encode()), data)] for one in ids]
    return [list(places) for places in zip(*found, strict=False)]


def physical(realm: Realm, ids: list[str], table: str = "public_report") -> list[list[int]]:
    """All that a database says of the order of rows beside their columns."""
    if realm.store.engine.dialect.name == "sqlite":
        path = Path(str(realm.store.engine.url.database))
        wal = path.with_name(path.name + "-wal")
        return places_in(path.read_bytes(), ids) + (places_in(wal.read_bytes(), ids) if wal.exists() else [])
    with realm.store.engine.connect() as connection:
        rows = connection.execute(
            text(f"SELECT id, xmin::text::bigint, (ctid::text::point)[0] * 1000 + (ctid::text::point)[1] FROM {table}")
        ).all()
    by_id = {row[0]: (int(row[1]), int(row[2])) for row in rows}
    numbers = [by_id[one][0] for one in ids]
    # Rows of one transaction say no order by its number.
    return [*([numbers] if len(set(numbers)) > 1 else []), [by_id[one][1] for one in ids]]


@pytest.mark.exhaustive
@pytest.mark.postgresql
def test_once_mixed_nothing_tells_the_order(realm: Realm) -> None:
    """Twelve reports, one by one; and a table beside them as any other, in which the look finds what it looks for."""
    ids = [kept(realm, f"numéro {number}") for number in range(12)]
    planted = [new_id() for _ in ids]
    with realm.store.writing() as session:
        session.execute(text("CREATE TABLE planted (id VARCHAR(80))"))
    for one in planted:
        with realm.store.writing() as session:
            session.execute(text("INSERT INTO planted VALUES (:id)"), {"id": one})
    looks = physical(realm, ids)
    assert looks, "before any worker comes"
    assert not any(in_order(places) for places in looks)
    assert repository.mix_since(realm.store, HOUR) == 12 * 4
    looks = physical(realm, ids)
    assert looks
    assert not any(in_order(places) for places in looks)
    assert any(in_order(places) for places in physical(realm, planted, "planted"))
    with realm.store.reading() as session:
        assert {one.id for one in reports_repository.waiting_public_reports(session, limit=99)} == set(ids)
        for one in ids:
            assert reports_repository.content(session, realm.vault, one)["answers"]
            assert len(reports_repository.messages(session, realm.vault, one)) == 1
            assert len(reports_repository.traces(session, one)) == 1


@pytest.fixture
def unmixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes stays as it was written."""
    monkeypatch.setattr(repository, "mix_school", lambda *_arguments: 0)
    monkeypatch.setattr(repository, "empty_log", lambda _engine: True)


@pytest.mark.postgresql
@pytest.mark.usefixtures("unmixed")
def test_the_order_shows_where_nothing_is_mixed(realm: Realm) -> None:
    """Why it is mixed: PostgreSQL numbers each transaction, SQLite keeps in its log what was written, page by page."""
    ids = [kept(realm, f"numéro {number}") for number in range(12)]
    if realm.store.engine.dialect.name == "postgresql":
        assert any(in_order(places) for places in physical(realm, ids))
    else:
        wal = Path(f"{realm.store.engine.url.database}-wal").read_bytes()
        places = [wal.find(one.encode()) for one in ids]
        assert in_order(places)
        assert min(places) > 0


# ---- two within one hour -------------------------------------------------------------------------------------------

PAIRS = 24
"""So many times two come; a teller that is right, or wrong, more often than chance lets it be tells the order."""
BY_CHANCE = range(4, PAIRS - 3)
"""A coin falls outside of this once in some thousand times."""


def tellers(realm: Realm, first: str, second: str) -> dict[str, bool]:
    """What could tell two apart: name → whether it says rightly which one came first. Ties say nothing."""
    found: dict[str, tuple[float, float]] = {}
    if realm.store.engine.dialect.name == "sqlite":
        path = Path(str(realm.store.engine.url.database))
        for file in (path, path.with_name(path.name + "-wal")):
            data = file.read_bytes() if file.exists() else b""
            places = [[match.start() for match in re.finditer(one.encode(), data)] for one in (first, second)]
            if all(places):
                found |= {
                    f"first in {file.suffix}": (places[0][0], places[1][0]),
                    f"last in {file.suffix}": (places[0][-1], places[1][-1]),
                    f"how often in {file.suffix}": (len(places[0]), len(places[1])),
                }
    else:
        key = {"public_report": "id", "public_message": "report", "public_twin": "report", "public_trace": "report"}
        with realm.store.engine.connect() as connection:
            for table, name in key.items():
                place = "(ctid::text::point)[0] * 1000 + (ctid::text::point)[1]"
                query = text(f"SELECT xmin::text::bigint, {place} FROM {table} WHERE {name} = :id")
                one, other = (connection.execute(query, {"id": report}).one() for report in (first, second))
                found |= {f"xmin of {table}": (one[0], other[0]), f"ctid of {table}": (one[1], other[1])}
    return {name: former < latter for name, (former, latter) in found.items() if former != latter}


def told_by(realm: Realm) -> dict[str, int]:
    """How often each teller is right, of `PAIRS`; where it says nothing, a coin is thrown for it."""
    right: dict[str, int] = {}
    names: set[str] = set()
    rounds = []
    for number in range(PAIRS):
        first = kept(realm, f"un {number}", unit=f"school-{number}")
        second = kept(realm, f"deux {number}", unit=f"school-{number}")
        rounds.append(tellers(realm, first, second))
        names |= rounds[-1].keys()
    for name in names:
        right[name] = sum(one[name] if name in one else random.random() < 0.5 for one in rounds)
    return right


@pytest.mark.exhaustive
@pytest.mark.postgresql
def test_two_of_one_hour_cannot_be_put_in_order(realm: Realm) -> None:
    """No worker has come yet, and no hour is over."""
    found = told_by(realm)
    assert {name: right for name, right in found.items() if right not in BY_CHANCE} == {}


@pytest.mark.exhaustive
@pytest.mark.postgresql
@pytest.mark.usefixtures("unmixed")
def test_they_can_where_nothing_is_mixed(realm: Realm) -> None:
    found = told_by(realm)
    assert {name for name, right in found.items() if right in (0, PAIRS)}, found


@pytest.mark.exhaustive
@pytest.mark.postgresql
def test_whoever_writes_to_one_later_does_not_tell_them_apart(realm: Realm) -> None:
    """One rises, is read, is answered: all that came lately at the school is written anew with it."""
    ids = [kept(realm, f"numéro {number}") for number in range(12)]
    for one in ids:
        with realm.store.writing() as session:
            reports_repository.change_public_report(session, replace(reports_repository.header(session, one), step=1))
        with realm.store.writing() as session:
            reports_repository.note(session, one, account="b", what="read", hour=HOUR)
        with realm.store.writing() as session:
            reports_repository.write_message(session, realm.vault, one, "réponse", hour=HOUR, by="b")
    assert not any(in_order(places) for places in physical(realm, ids))


@pytest.mark.exhaustive
@pytest.mark.postgresql
@pytest.mark.parametrize("urgent_first", [True, False])
def test_messages_of_the_staff_tell_no_order_either(realm: Realm, *, urgent_first: bool) -> None:
    """One urgent report and one that isn't: which message was asked for first, or left first, isn't told."""
    right = 0
    for number in range(PAIRS):
        unit = f"school-{number}"
        kept(realm, f"un {number}", unit=unit)
        for urgent in (urgent_first, not urgent_first):
            with realm.store.writing() as session:
                reports_repository.ask_receipt_notice(
                    session, unit=unit, account="a", channel=Channel.mail, urgent=urgent, hour=HOUR, due=HOUR
                )
            with realm.store.writing() as session:
                (one,) = [
                    one
                    for one in reports_repository.due_receipt_notices(session, Channel.mail, HOUR, limit=99)
                    if one.unit == unit
                ]
                reports_repository.settle_receipt_notice(session, one.id, State.delivered)
        right += urgent_comes_first(realm, unit) is urgent_first
    assert right in BY_CHANCE


def urgent_comes_first(realm: Realm, unit: str) -> bool:
    with realm.store.engine.connect() as connection:
        order_by = "xmin::text::bigint, ctid" if connection.dialect.name == "postgresql" else "id"
        query = f"SELECT urgent FROM public_notice WHERE unit = :unit ORDER BY {order_by}"
        return bool(connection.execute(text(query), {"unit": unit}).scalars().first())


def test_in_a_flood_a_hundred_are_rewritten_with_each(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "MOST", 5)
    ids = [kept(realm, f"numéro {number}") for number in range(12)]
    mixed: list[int] = []
    mix = repository.mix_rows

    def counted(session: Session, some: list[str], more: object) -> int:
        mixed.append(len(set(some)))
        return mix(session, some, more)

    monkeypatch.setattr(repository, "mix_rows", counted)
    last = kept(realm, "encore un")
    assert mixed == [5]
    with realm.store.reading() as session:
        assert {one.id for one in reports_repository.waiting_public_reports(session, limit=99)} == {*ids, last}


def test_what_breaks_while_it_is_mixed_leaves_nothing_behind(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> int:
        raise RuntimeError("cut off")

    one = kept(realm)
    monkeypatch.setattr(repository, "mix_school", broken)
    with pytest.raises(RuntimeError):
        kept(realm, "deux")
    with realm.store.reading() as session:
        assert [found.id for found in reports_repository.waiting_public_reports(session, limit=9)] == [one]


@pytest.mark.exhaustive
@pytest.mark.files
def test_a_reader_holds_nobody_up_for_long(realm: Realm) -> None:
    """The log is emptied by whoever comes next, or by the worker, where a reader needs what stands in it."""
    kept(realm)
    wal = Path(f"{realm.store.engine.url.database}-wal")
    with realm.store.reading() as session:
        assert reports_repository.waiting_public_reports(session, limit=9)
        began = time.monotonic()
        kept(realm, "deux")
        assert time.monotonic() - began < BUSY_SECONDS
        assert wal.stat().st_size > 0
    repository.clean(realm.store)
    assert wal.stat().st_size == 0


@pytest.mark.files
def test_what_was_told_is_kept_though_the_log_cannot_be_emptied(
    realm: Realm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_engine: object) -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(repository, "empty_log", broken)
    one = kept(realm)
    assert "could not be emptied" in caplog.text
    with realm.store.reading() as session:
        assert [found.id for found in reports_repository.waiting_public_reports(session, limit=9)] == [one]


@pytest.mark.postgresql
def test_dead_rows_go(realm: Realm) -> None:
    kept(realm)
    kept(realm, "deux")
    repository.clean(realm.store)
    if realm.store.engine.dialect.name == "postgresql":
        with realm.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            query = text("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'public_report'")
            assert connection.execute(query).scalars().first() == 0


def checkpoint(realm: Realm) -> None:
    if realm.store.engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(realm.store.engine.url.database))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.exhaustive
def test_the_order_is_drawn_anew_each_time(realm: Realm) -> None:
    ids = [kept(realm, f"numéro {number}") for number in range(8)]
    seen = set()
    for _ in range(6):
        repository.mix_since(realm.store, HOUR)
        found = physical(realm, ids)[0]
        seen.add(tuple(sorted(range(8), key=found.__getitem__)))
    assert len(seen) > 3


@pytest.mark.files
def test_the_log_of_writing_is_empty_once_it_is_written(realm: Realm) -> None:
    wal = Path(f"{realm.store.engine.url.database}-wal")
    kept(realm)
    assert wal.stat().st_size == 0
    with realm.store.writing() as session:
        session.execute(text("CREATE TABLE planted (id TEXT)"))
    assert wal.stat().st_size > 0, "of anything else it is not"


@pytest.mark.files
@pytest.mark.parametrize("table", sorted(MINE))
def test_no_row_has_a_number_of_its_own(realm: Realm, table: str) -> None:
    with closing(sqlite3.connect(str(realm.store.engine.url.database))) as connection:
        with pytest.raises(sqlite3.OperationalError, match="no such column: rowid"):
            connection.execute(f"SELECT rowid FROM {table}")
        connection.execute("SELECT rowid FROM outbox")


@pytest.mark.exhaustive
@pytest.mark.files
def test_a_dump_orders_nothing(realm: Realm) -> None:
    """What `.dump` writes goes by the drawn id, whoever came first; a table with numbers would not."""
    ids = [kept(realm, f"numéro {number}") for number in range(12)]
    repository.mix_since(realm.store, HOUR)
    with closing(sqlite3.connect(str(realm.store.engine.url.database))) as connection:
        connection.execute("CREATE TABLE planted (id TEXT)")
        connection.executemany("INSERT INTO planted VALUES (?)", [(one,) for one in ids])
        lines = list(connection.iterdump())
    for table, is_ordered in (("public_report", False), ("public_trace", False), ("planted", True)):
        rows = [line for line in lines if line.startswith(f'INSERT INTO "{table}"')]
        found = [next(number for number, row in enumerate(rows) if one in row) for one in ids]
        assert in_order(found) is is_ordered, table


MOMENT = re.compile(rb"09:4[0-9]|T09:4|10:4[0-9]|179559[0-9]{4}")
"""What a time within that hour looks like as it is written."""


@pytest.mark.files
def test_no_moment_stands_in_the_file(realm: Realm) -> None:
    kept(realm)
    checkpoint(realm)
    path = Path(str(realm.store.engine.url.database))
    assert MOMENT.search(path.read_bytes()) is None
    with realm.store.writing() as session:
        session.execute(text("CREATE TABLE planted (at TEXT)"))
        session.execute(text("INSERT INTO planted VALUES ('2026-11-25 09:41:07')"))
    checkpoint(realm)
    assert MOMENT.search(path.read_bytes()) is not None


@pytest.mark.postgresql
def test_mixing_waits_for_whoever_writes_and_loses_nothing(realm: Realm) -> None:
    """A message written while rows are mixed is there afterwards."""
    report = kept(realm)
    with realm.store.writing() as session:
        reports_repository.write_message(session, realm.vault, report, "encore", hour=HOUR)
    repository.mix_since(realm.store, HOUR)
    with realm.store.writing() as session:
        reports_repository.write_message(session, realm.vault, report, "et encore", hour=HOUR)
    repository.mix_since(realm.store, HOUR)
    with realm.store.reading() as session:
        said = [one.text for one in reports_repository.messages(session, realm.vault, report)]
    assert said == ["encore un groupe", "encore", "et encore"]


@pytest.mark.postgresql
def test_mixing_that_breaks_leaves_all_as_it_was(realm: Realm) -> None:
    ids = {kept(realm, f"numéro {number}") for number in range(3)}

    def broken(*_arguments: object) -> None:
        raise RuntimeError("cut off")

    event.listen(realm.store.engine, "commit", broken)
    with pytest.raises(RuntimeError):
        repository.mix_since(realm.store, HOUR)
    event.remove(realm.store.engine, "commit", broken)
    with realm.store.reading() as session:
        assert {one.id for one in reports_repository.waiting_public_reports(session, limit=9)} == ids


def test_what_is_older_stays_where_it_lies(realm: Realm) -> None:
    kept(realm, hour=HOUR - timedelta(days=3))
    with realm.store.writing() as session:
        session.execute(text("DELETE FROM public_message"))
        session.execute(text("DELETE FROM public_trace"))
    assert repository.mix_since(realm.store, HOUR) == 0


# ---- keys, erasure, messages -----------------------------------------------------------------------------------------


def test_its_key_turns_with_the_others_and_goes_with_it(realm: Realm) -> None:
    report = kept(realm)
    case_keys.rotate(realm.store, realm.vault)
    with realm.store.writing() as session:
        assert session.get_one(PublicReportRow, report).master == realm.vault.newest
        assert reports_repository.content(session, realm.vault, report)
        assert reports_repository.erase(session, [report]) == 1
    with realm.store.reading() as session:
        assert all(session.execute(select(table)).all() == [] for table in tables())  # type: ignore[call-overload]


def test_one_message_an_hour_for_a_person(realm: Realm) -> None:
    asked = {"unit": "school-1", "account": "a", "urgent": False, "due": HOUR}
    with realm.store.writing() as session:
        assert reports_repository.ask_receipt_notice(
            session, channel=Channel.mail, hour=HOUR + timedelta(minutes=5), **asked
        )  # type: ignore[arg-type]
        assert not reports_repository.ask_receipt_notice(session, channel=Channel.mail, hour=HOUR, **asked)  # type: ignore[arg-type]
        assert reports_repository.ask_receipt_notice(session, channel=Channel.none, hour=HOUR, **asked)  # type: ignore[arg-type]
        (one,) = reports_repository.due_receipt_notices(session, Channel.mail, HOUR, limit=9)
        reports_repository.settle_receipt_notice(session, one.id, State.delivered)
        assert reports_repository.due_receipt_notices(session, Channel.mail, HOUR, limit=9) == ()
        reports_repository.forget_receipt_notice(session, HOUR + timedelta(hours=1))
        assert reports_repository.ask_receipt_notice(session, channel=Channel.mail, hour=HOUR, **asked)  # type: ignore[arg-type]
