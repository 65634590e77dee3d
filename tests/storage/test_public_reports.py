"""Two reports of one hour: nothing in rows, in the file, in the log of writing or beside them says which came first.

Each look is shown to find what it looks for where that is planted: a moment to the second, rows in the order they came.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select, text

from school_protocol.domain.public_reports import Status
from school_protocol.storage import keys
from school_protocol.storage.migrate import METADATA
from school_protocol.storage.signalement import mixing, notices, reports
from school_protocol.storage.signalement.reports import PublicHeader
from school_protocol.storage.signalement.tables import Hour, PublicReportRow
from school_protocol.storage.tables import Moment, new_id
from school_protocol.storage.told import Channel, State
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
        reports.keep(session, realm.vault, one, content, code_hash=random.randbytes(32), marks=marks)
        reports.note(session, one.id, account="a", what="read", hour=HOUR)
        reports.write_message(session, realm.vault, one.id, f"encore {said}", hour=HOUR)
    return one.id


# ---- columns ---------------------------------------------------------------------------------------------------------


def tables() -> Iterator[object]:
    return (table for name, table in METADATA["realm"].tables.items() if name in MINE)


def test_no_column_can_hold_more_of_the_time_than_the_hour() -> None:
    found = {str(table): [column.name for column in table.columns if isinstance(column.type, Moment)]  # type: ignore[attr-defined]
             for table in tables()}  # fmt: skip
    assert found == {name: [] for name in MINE}
    assert [column.name for column in METADATA["realm"].tables["outbox"].columns if isinstance(column.type, Moment)]
    assert Hour().process_result_value(Hour().process_bind_param(HOUR + timedelta(minutes=59), None), None) == HOUR  # type: ignore[arg-type]


@pytest.mark.postgresql
def test_one_that_is_there_by_now_stays_and_its_transaction_goes_on(realm: Realm) -> None:
    report = kept(realm)
    again = {"answers": {"what": "autre chose"}, "language": "fr"}
    with realm.store.writing() as session:
        one = header(id=report)
        assert not reports.keep(session, realm.vault, one, again, code_hash=random.randbytes(32), marks=[])
        reports.write_message(session, realm.vault, report, "encore", hour=HOUR)
    with realm.store.reading() as session:
        assert reports.content(session, realm.vault, report)["answers"] == {"what": "un groupe"}
        assert len(reports.messages(session, realm.vault, report)) == 2


@pytest.mark.postgresql
def test_an_hour_comes_back_as_it_was(realm: Realm) -> None:
    report = kept(realm)
    with realm.store.reading() as session:
        found = reports.header(session, report)
        assert (found.hour, found.waits) == (HOUR, HOUR)
        assert reports.content(session, realm.vault, report) == {"answers": {"what": "un groupe"}, "language": "fr"}
        assert [one.text for one in reports.messages(session, realm.vault, report)] == ["encore un groupe"]
        assert reports.came_in(session, "school-1", HOUR) == 1


@pytest.mark.postgresql
def test_length_says_nothing_of_short_texts(realm: Realm) -> None:
    ids = [kept(realm, said) for said in ("a", "b" * 700)]
    with realm.store.reading() as session:
        sizes = {len(session.get_one(PublicReportRow, one).sealed) for one in ids}
    assert len(sizes) == 1


@pytest.mark.postgresql
def test_those_alike_are_found_within_their_school(realm: Realm) -> None:
    first, second, other = kept(realm, "Un groupe !"), kept(realm, "un GROUPE"), kept(realm, "une page")
    elsewhere = kept(realm, "un groupe", unit="school-2")
    with realm.store.reading() as session:
        assert [one.id for one in reports.alike(session, first)] == [second]
        assert reports.alike(session, other) == () == reports.alike(session, elsewhere)


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
    assert mixing.mix(realm.store, HOUR) == 12 * 4
    looks = physical(realm, ids)
    assert looks
    assert not any(in_order(places) for places in looks)
    assert any(in_order(places) for places in physical(realm, planted, "planted"))
    with realm.store.reading() as session:
        assert {one.id for one in reports.waiting(session, limit=99)} == set(ids)
        for one in ids:
            assert reports.content(session, realm.vault, one)["answers"]
            assert len(reports.messages(session, realm.vault, one)) == 1
            assert len(reports.traces(session, one)) == 1


@pytest.mark.postgresql
def test_the_order_shows_until_it_is_mixed(realm: Realm) -> None:
    """Why it is mixed: PostgreSQL numbers each transaction, SQLite keeps in its log what was written, page by page."""
    ids = [kept(realm, f"numéro {number}") for number in range(12)]
    if realm.store.engine.dialect.name == "postgresql":
        assert any(in_order(places) for places in physical(realm, ids))
    else:
        wal = Path(f"{realm.store.engine.url.database}-wal").read_bytes()
        assert in_order([wal.find(one.encode()) for one in ids])


def checkpoint(realm: Realm) -> None:
    if realm.store.engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(realm.store.engine.url.database))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_the_order_is_drawn_anew_each_time(realm: Realm) -> None:
    ids = [kept(realm, f"numéro {number}") for number in range(8)]
    seen = set()
    for _ in range(6):
        mixing.mix(realm.store, HOUR)
        found = physical(realm, ids)[0]
        seen.add(tuple(sorted(range(8), key=found.__getitem__)))
    assert len(seen) > 3


def test_the_log_of_writing_is_empty_once_mixed(realm: Realm) -> None:
    kept(realm)
    wal = Path(f"{realm.store.engine.url.database}-wal")
    assert wal.stat().st_size > 0
    mixing.mix(realm.store, HOUR)
    assert wal.stat().st_size == 0


@pytest.mark.parametrize("table", sorted(MINE))
def test_no_row_has_a_number_of_its_own(realm: Realm, table: str) -> None:
    with closing(sqlite3.connect(str(realm.store.engine.url.database))) as connection:
        with pytest.raises(sqlite3.OperationalError, match="no such column: rowid"):
            connection.execute(f"SELECT rowid FROM {table}")
        connection.execute("SELECT rowid FROM outbox")


def test_a_dump_orders_nothing(realm: Realm) -> None:
    """What `.dump` writes goes by the drawn id, whoever came first; a table with numbers would not."""
    ids = [kept(realm, f"numéro {number}") for number in range(12)]
    mixing.mix(realm.store, HOUR)
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
        reports.write_message(session, realm.vault, report, "encore", hour=HOUR)
    mixing.mix(realm.store, HOUR)
    with realm.store.writing() as session:
        reports.write_message(session, realm.vault, report, "et encore", hour=HOUR)
    mixing.mix(realm.store, HOUR)
    with realm.store.reading() as session:
        said = [one.text for one in reports.messages(session, realm.vault, report)]
    assert said == ["encore un groupe", "encore", "et encore"]


@pytest.mark.postgresql
def test_mixing_that_breaks_leaves_all_as_it_was(realm: Realm) -> None:
    ids = {kept(realm, f"numéro {number}") for number in range(3)}

    def broken(*_arguments: object) -> None:
        raise RuntimeError("cut off")

    event.listen(realm.store.engine, "commit", broken)
    with pytest.raises(RuntimeError):
        mixing.mix(realm.store, HOUR)
    event.remove(realm.store.engine, "commit", broken)
    with realm.store.reading() as session:
        assert {one.id for one in reports.waiting(session, limit=9)} == ids


@pytest.mark.postgresql
def test_what_is_older_stays_where_it_lies(realm: Realm) -> None:
    kept(realm, hour=HOUR - timedelta(days=3))
    with realm.store.writing() as session:
        session.execute(text("DELETE FROM public_message"))
        session.execute(text("DELETE FROM public_trace"))
    assert mixing.mix(realm.store, HOUR) == 0


# ---- keys, erasure, messages -----------------------------------------------------------------------------------------


@pytest.mark.postgresql
def test_its_key_turns_with_the_others_and_goes_with_it(realm: Realm) -> None:
    report = kept(realm)
    keys.rotate(realm.store, realm.vault)
    with realm.store.writing() as session:
        assert session.get_one(PublicReportRow, report).master == realm.vault.newest
        assert reports.content(session, realm.vault, report)
        assert reports.erase(session, [report]) == 1
    with realm.store.reading() as session:
        assert all(session.execute(select(table)).all() == [] for table in tables())  # type: ignore[call-overload]


@pytest.mark.postgresql
def test_one_message_an_hour_for_a_person(realm: Realm) -> None:
    asked = {"unit": "school-1", "account": "a", "urgent": False, "due": HOUR}
    with realm.store.writing() as session:
        assert notices.ask(session, channel=Channel.mail, hour=HOUR + timedelta(minutes=5), **asked)  # type: ignore[arg-type]
        assert not notices.ask(session, channel=Channel.mail, hour=HOUR, **asked)  # type: ignore[arg-type]
        assert notices.ask(session, channel=Channel.none, hour=HOUR, **asked)  # type: ignore[arg-type]
        (one,) = notices.due(session, Channel.mail, HOUR, limit=9)
        notices.settle(session, one.id, State.delivered)
        assert notices.due(session, Channel.mail, HOUR, limit=9) == ()
        notices.forget(session, HOUR + timedelta(hours=1))
        assert notices.ask(session, channel=Channel.mail, hour=HOUR, **asked)  # type: ignore[arg-type]
