"""Rows that only grow, and what `verify` finds when somebody gets round that: each fault where it is, no other."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.engine.events import EventKind
from school_protocol.storage import access_log, journal
from school_protocol.storage.journal import Break, Flaw
from school_protocol.storage.models import EventRow
from storage.conftest import NOW, Realm, entry
from storage.test_index import row as index_row


@contextmanager
def intruder(realm: Realm) -> Iterator[sqlite3.Connection]:
    """Somebody with the database file, a client of their own, and the triggers dropped."""
    if realm.store.engine.dialect.name != "sqlite":
        pytest.skip("edits SQLite's file")
    connection = sqlite3.connect(str(realm.store.engine.url.database))
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    yield connection
    connection.commit()
    connection.close()


def verify(realm: Realm, case_id: str | None = None) -> list[Break]:
    with realm.store.reading() as session:
        if case_id is not None:
            return journal.verify_case(session, realm.vault, case_id)
        return journal.verify_all(session, realm.vault)


@pytest.fixture
def two(realm: Realm) -> tuple[str, str]:
    """Two cases of three events each."""
    entries = [
        entry("CaseOpened", body={"n": 1}, words={"w": "one"}),
        entry(body={"n": 2}),
        entry(words={"w": "three"}),
    ]
    return realm.open_case(*entries), realm.open_case(*entries)


# ---- append-only ---------------------------------------------------------------------------------------------------


CHANGES = (
    "UPDATE event SET actor = 'other' WHERE seq = 2",
    "UPDATE event SET seq = 7 WHERE seq = 3",
    "DELETE FROM event WHERE seq = 3",
    "DELETE FROM event",
    "UPDATE case_record SET number = '0000000000000'",
    "DELETE FROM case_record",
    "UPDATE tombstone SET actor = 'other'",
    "DELETE FROM tombstone",
    "UPDATE access SET account = 'other'",
    "DELETE FROM access",
)


@pytest.mark.postgresql
def test_rows_only_grow(realm: Realm, two: tuple[str, str]) -> None:
    with realm.store.writing() as session:
        cases_repository.destroy_words(session, realm.vault, two[0], 1, at=NOW, actor="officer")
        access_log.note(session, case_id=two[0], account="a", at=NOW, what="page")
    for statement in CHANGES:
        with pytest.raises(IntegrityError, match="append-only"), realm.store.writing() as session:
            session.execute(text(statement))
    assert verify(realm) == []


@pytest.mark.postgresql
def test_an_insert_that_doesnt_follow_is_refused(realm: Realm, two: tuple[str, str]) -> None:
    with realm.store.reading() as session:
        last = session.get_one(EventRow, (two[0], 3))
        columns = {column.key: getattr(last, column.key) for column in EventRow.__table__.columns}
    wrong = [{"seq": seq} for seq in (1, 2, 3, 5, 99)] + [{"seq": 4, "prev_hash": b"x" * 32}]
    for changed in wrong:
        with pytest.raises(IntegrityError, match="must follow the last"), realm.store.writing() as session:
            session.execute(insert(EventRow).values({**columns, **changed}))


@pytest.mark.parametrize("table", ["event", "case_record"])
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_replace_is_refused_also_from_a_client_without_our_pragmas(
    realm: Realm, two: tuple[str, str], table: str, recursive: str
) -> None:
    if realm.store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no REPLACE")
    connection = sqlite3.connect(str(realm.store.engine.url.database))
    connection.execute(f"PRAGMA recursive_triggers = {recursive}")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(f"REPLACE INTO {table} SELECT * FROM {table}")
    connection.close()


@pytest.mark.postgresql
def test_truncate_is_refused(realm: Realm, two: tuple[str, str]) -> None:
    if realm.store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(IntegrityError, match="append-only"), realm.store.writing() as session:
        session.execute(text("TRUNCATE event CASCADE"))


# ---- tampering -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'someone-else'",
        "role = 'head'",
        "kind = 'VisaGiven'",
        "at = '2026-11-25 09:30:00.000001'",
        "occurred_at = '2025-01-01 00:00:00.000000'",
        "words_commitment = zeroblob(32)",
        "body_commitment = zeroblob(32)",
        "hash = zeroblob(32)",
        "prev_hash = zeroblob(32)",
    ],
)
def test_an_edited_row_is_found_where_it_is(realm: Realm, two: tuple[str, str], change: str) -> None:
    with intruder(realm) as connection:
        connection.execute(f"UPDATE event SET {change} WHERE case_id = ? AND seq = 2", (two[0],))
    found = verify(realm)
    assert Break(two[0], 2, Flaw.altered) in found
    assert {each.case_id for each in found} == {two[0]}
    assert verify(realm, two[1]) == []


def test_an_edited_byte_of_the_body_is_found(realm: Realm, two: tuple[str, str]) -> None:
    with intruder(realm) as connection:
        ((sealed,),) = connection.execute("SELECT sealed FROM event WHERE case_id = ? AND seq = 2", (two[0],))
        edited = sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:]
        connection.execute("UPDATE event SET sealed = ? WHERE case_id = ? AND seq = 2", (edited, two[0]))
    assert verify(realm) == [Break(two[0], 2, Flaw.body)]


def test_bodies_that_changed_places_are_found(realm: Realm, two: tuple[str, str]) -> None:
    with intruder(realm) as connection:
        query = "SELECT sealed FROM event WHERE case_id = ? AND seq = ?"
        ((first,),), ((second,),) = (list(connection.execute(query, (two[0], seq))) for seq in (1, 2))
        connection.execute("UPDATE event SET sealed = ? WHERE case_id = ? AND seq = 2", (first, two[0]))
        connection.execute("UPDATE event SET sealed = ? WHERE case_id = ? AND seq = 1", (second, two[0]))
    assert verify(realm) == [Break(two[0], 1, Flaw.body), Break(two[0], 2, Flaw.body)]


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["DELETE FROM event_words WHERE case_id = :c AND seq = 1"], [(1, Flaw.words_missing)]),
        (
            ["DELETE FROM event_words WHERE case_id = :c AND seq = 1", "DELETE FROM object_key WHERE case_id = :c"],
            [(1, Flaw.words_missing), (3, Flaw.words)],
        ),
        (["UPDATE event_words SET sealed = zeroblob(40) WHERE case_id = :c AND seq = 3"], [(3, Flaw.words)]),
        (
            [
                "INSERT INTO event_words SELECT case_id, 2, object_id, sealed FROM event_words "
                "WHERE case_id = :c AND seq = 1"
            ],
            [(2, Flaw.words)],
        ),
        (["DELETE FROM event WHERE case_id = :c AND seq = 2"], [(2, Flaw.missing)]),
        (["DELETE FROM case_key WHERE case_id = :c"], [(0, Flaw.key_missing)]),
        (["UPDATE case_record SET unit = 'elsewhere' WHERE id = :c"], [(1, Flaw.unlinked)]),
        (["UPDATE case_record SET opened_at = '2020-01-01 00:00:00' WHERE id = :c"], [(1, Flaw.unlinked)]),
        (["DELETE FROM case_record WHERE id = :c"], [(0, Flaw.no_record)]),
        (["DELETE FROM event WHERE case_id = :c"], [(0, Flaw.no_events)]),
        (
            ["INSERT INTO tombstone VALUES (:c, 1, '2026-11-25 09:30:00.000000', 'me', zeroblob(32))"],
            [(1, Flaw.tombstone)],
        ),
    ],
)
def test_what_is_taken_away_or_slipped_in_is_found(
    realm: Realm, two: tuple[str, str], statements: list[str], found: list[tuple[int, Flaw]]
) -> None:
    with intruder(realm) as connection:
        for statement in statements:
            connection.execute(statement, {"c": two[0]})
    assert verify(realm) == [Break(two[0], seq, flaw) for seq, flaw in found]


def test_a_chain_rewritten_without_the_key_is_found(realm: Realm, two: tuple[str, str]) -> None:
    """Each link agrees with the next, but the hashes aren't keyed."""
    with intruder(realm) as connection:
        before = b"0" * 32
        for seq in (1, 2, 3):
            connection.execute(
                "UPDATE event SET prev_hash = ?, hash = ? WHERE case_id = ? AND seq = ?",
                (before, bytes([seq]) * 32, two[0], seq),
            )
            before = bytes([seq]) * 32
    assert {(each.seq, each.flaw) for each in verify(realm)} == {
        (1, Flaw.unlinked), (1, Flaw.altered), (2, Flaw.altered), (3, Flaw.altered),
    }  # fmt: skip


def test_a_cut_tail_is_found_where_the_index_was_forgotten(realm: Realm, two: tuple[str, str]) -> None:
    """A cut that thinks of the index too is the anchors' business."""
    with realm.store.writing() as session:
        index_repository.write(session, index_row(two[0], cases_repository.opened(session, two[0]).number, last_seq=3))
    assert verify(realm) == []
    with intruder(realm) as connection:
        connection.execute("DELETE FROM event WHERE case_id = ? AND seq = 3", (two[0],))
    assert verify(realm) == [Break(two[0], 3, Flaw.cut_off)]


def test_verifying_reports_progress(realm: Realm, two: tuple[str, str]) -> None:
    seen: list[Any] = []
    with realm.store.reading() as session:
        assert journal.verify_all(session, realm.vault, lambda done, total: seen.append((done, total))) == []
    assert seen == [(1, 2), (2, 2)]


# ---- heads ---------------------------------------------------------------------------------------------------------


def test_issuing_and_reading_move_the_head_but_not_the_content_head(realm: Realm) -> None:
    case_id = realm.open_case(entry("CaseOpened"), entry(EventKind.note_added))
    with realm.store.reading() as session:
        content = journal.content_head(session, case_id)
        assert content == journal.head(session, case_id)
    assert content is not None
    assert content.seq == 2
    realm.append(case_id, 2, entry(EventKind.case_seen), entry(EventKind.document_issued))
    with realm.store.reading() as session:
        assert journal.content_head(session, case_id) == content
        head = journal.head(session, case_id)
        stored = session.scalars(select(EventRow.hash).where(EventRow.case_id == case_id, EventRow.seq == 4)).one()
    assert head == (4, stored.hex())
    realm.append(case_id, 4, entry(EventKind.note_added))
    with realm.store.reading() as session:
        assert journal.content_head(session, case_id) == journal.head(session, case_id)
        assert journal.head(session, "none") is None
