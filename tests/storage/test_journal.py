"""Rows that only grow, and what `verify` finds when somebody gets round that: each fault where it is, no other."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from services.journaling import Kept, copied, told
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError
from trials.tampering import missed
from trials.tampering_ways import Way, of_cases

from school_protocol.cases import repository as cases_repository
from school_protocol.engine.events import EventKind
from school_protocol.storage import access_log, journal
from school_protocol.storage.journal import Break
from school_protocol.storage.models import EventRow
from storage.conftest import NOW, Realm, entry


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


@pytest.mark.postgresql
def test_truncate_is_refused(realm: Realm, two: tuple[str, str]) -> None:
    if realm.store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(IntegrityError, match="append-only"), realm.store.writing() as session:
        session.execute(text("TRUNCATE event CASCADE"))


# ---- tampering -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kept, Path]]:
    """A journal of four cases, and a copy of it that nobody has open."""
    folder = tmp_path_factory.mktemp("journal")
    kept = told(folder / "data")
    copied(kept, folder / "sound")
    yield kept, folder / "sound"
    kept.close()


@pytest.mark.exhaustive(
    but=(
        "event: kind changed",
        "event: actor changed",
        "event: role changed",
        "event: at changed",
        "event: occurred_at changed",
        "event: body_commitment changed",
        "event: words_commitment changed",
        "event: prev_hash changed",
        "event: hash changed",
        "record: number changed",
        "record: protocol changed",
        "record: version changed",
        "record: unit changed",
        "record: digest changed",
        "record: opened_at changed",
        "a byte of a sealed body",
        "the first event deleted",
        "the middle event deleted",
        "the last event deleted",
        "the tail cut off after 5, index and marks too",
        "the tail cut off after 2, index and marks too",
        "an event replaced",
        "an event forged at the end",
        "an event slipped in, the rest renumbered",
    )
)
@pytest.mark.files
@pytest.mark.parametrize("way", tuple(of_cases()), ids=lambda way: way.name)
def test_each_way_to_tamper_with_a_case_is_named_and_no_other_case(
    sound: tuple[Kept, Path], way: Way, tmp_path: Path
) -> None:
    """The trial `tampering` goes every other way as well, and shows that a verifier without a check misses one."""
    assert list(missed(way, *sound, tmp_path / "own")) == []


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
