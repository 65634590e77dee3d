"""Cases: appended once and in order, read back whole, destroyed for good, and never a word in the clear."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from school_protocol.cases import index_repository, lookup_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.engine.errors import Conflict, Sealed, Unseen
from school_protocol.engine.events import Entry
from school_protocol.storage import case_keys, idempotency, journal
from school_protocol.storage.models import CaseKeyRow, EventRow, EventWordsRow
from storage.conftest import NOW, Realm, entry
from storage.test_index import row as index_row

SECRET = "غادي نقتلك TOP-SECRET-é"


def test_what_goes_in_comes_out(realm: Realm) -> None:
    first = entry("CaseOpened", body={"number": 1, "list": [True, None, "ا"]}, words={"story.0.text": SECRET})
    case_id = realm.open_case(first, entry("NoteAdded"))
    one, two = realm.load(case_id)
    assert (one.seq, two.seq) == (1, 2)
    assert (one.kind, one.actor, one.role, one.at) == (first.kind, first.actor, first.role, first.at)
    assert (one.occurred_at, one.body, one.words) == (first.occurred_at, first.body, first.words)
    assert two.words == {}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bodies=st.lists(
        st.dictionaries(st.text(max_size=20), st.text() | st.integers() | st.none(), max_size=4), max_size=4
    ),
    words=st.dictionaries(st.text(max_size=20), st.text(), max_size=4),
)
def test_any_text_round_trips(realm: Realm, bodies: list[dict[str, Any]], words: dict[str, str]) -> None:
    case_id = realm.open_case(*(entry(body=body, words=words) for body in bodies))
    assert [found.body for found in realm.load(case_id)] == bodies
    assert all(found.words == words for found in realm.load(case_id))


def test_kinds_since(realm: Realm) -> None:
    first, other = entry(), entry(kind="Recorded")
    case_id = realm.open_case(first, other, first)
    with realm.store.reading() as session:
        assert cases_repository.kinds_since(session, case_id, 1) == {2: other.kind, 3: first.kind}
        assert cases_repository.kinds_since(session, case_id, 3) == {}


def test_a_case_is_found_by_its_number(realm: Realm) -> None:
    case_id = realm.open_case()
    with realm.store.reading() as session:
        opened = cases_repository.opened(session, case_id)
        assert cases_repository.find_by_number(session, opened.number) == case_id
        assert cases_repository.find_by_number(session, "0" * 13) is None
        assert opened.opened_at == NOW


def test_no_such_case(realm: Realm) -> None:
    with realm.store.reading() as session:
        with pytest.raises(Unseen):
            cases_repository.load_events(session, realm.vault, "none")
        with pytest.raises(Unseen):
            cases_repository.opened(session, "none")
    with pytest.raises(Unseen):
        realm.append("none", 0, entry())


def test_a_case_needs_its_key_first(realm: Realm) -> None:
    with pytest.raises(Sealed), realm.store.writing() as session:
        cases_repository.open_case(
            session, realm.vault, case_id="x", number="0" * 13, protocol="p", version=1, digest="d" * 64, unit="u",
            opened_at=NOW,
        )  # fmt: skip


def test_keys_without_a_case_are_swept(realm: Realm) -> None:
    unused, used = case_keys.prepare_key(realm.store, realm.vault), realm.open_case()
    with realm.store.writing() as session:
        assert case_keys.drop_unused_keys(session, NOW - timedelta(days=365)) == 0
        assert case_keys.drop_unused_keys(session, NOW + timedelta(days=36500)) == 1
        assert session.get(CaseKeyRow, unused) is None
        assert session.get(CaseKeyRow, used) is not None


# ---- conflicts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expected", [0, 1, 3, -1])
def test_a_stale_number_is_a_conflict(realm: Realm, expected: int) -> None:
    case_id = realm.open_case(entry(), entry())
    with pytest.raises(Conflict) as caught:
        realm.append(case_id, expected, entry())
    assert (caught.value.expected, caught.value.found) == (expected, 2)
    assert len(realm.load(case_id)) == 2


def test_a_row_that_slips_in_is_a_conflict_too(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = realm.open_case(entry(), entry())
    monkeypatch.setattr(cases_repository, "last_seq", lambda session, case_id: 1)
    with pytest.raises(Conflict):
        realm.append(case_id, 1, entry())
    monkeypatch.undo()
    assert len(realm.load(case_id)) == 2


def test_two_writers_at_once_one_wins(realm: Realm) -> None:
    case_id = realm.open_case(entry())
    for seq in range(1, 11):
        start = threading.Barrier(8)

        def write(number: int, seq: int = seq, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                realm.append(case_id, seq, entry(body={"by": number}, words={"w": SECRET}))
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(write, range(8))) == [False] * 7 + [True]
    with realm.store.reading() as session:
        assert cases_repository.last_seq(session, case_id) == 11
        assert journal.verify_case(session, realm.vault, case_id) == []


def test_a_refusal_midway_leaves_nothing(realm: Realm) -> None:
    case_id = realm.open_case(entry())
    with pytest.raises(TypeError):
        realm.append(case_id, 1, entry(words={"w": "x"}), entry(body={"bad": object()}))
    assert len(realm.load(case_id)) == 1


# ---- destruction ---------------------------------------------------------------------------------------------------


def test_destroyed_words_are_none_and_the_chain_holds(realm: Realm) -> None:
    case_id = realm.open_case(entry(body={"kept": 1}, words={"w": SECRET}), entry(words={"w": "other"}))
    with realm.store.writing() as session:
        cases_repository.destroy_words(session, realm.vault, case_id, 1, at=NOW, actor="officer")
        cases_repository.destroy_words(session, realm.vault, case_id, 1, at=NOW, actor="officer")
    one, two = realm.load(case_id)
    assert (one.body, one.words, two.words) == ({"kept": 1}, None, {"w": "other"})
    with realm.store.reading() as session:
        assert journal.verify_case(session, realm.vault, case_id) == []


def test_destroyed_words_stay_shut_even_if_their_row_comes_back(realm: Realm) -> None:
    case_id = realm.open_case(entry(words={"w": SECRET}))
    with realm.store.reading() as session:
        kept = session.execute(select(*EventWordsRow.__table__.columns)).mappings().one()
    with realm.store.writing() as session:
        cases_repository.destroy_words(session, realm.vault, case_id, 1, at=NOW, actor="officer")
        session.execute(insert(EventWordsRow).values(**kept))
    assert realm.load(case_id)[0].words is None


def test_words_that_are_not_there_cant_be_destroyed(realm: Realm) -> None:
    case_id = realm.open_case(entry())
    for seq in (1, 2):
        with pytest.raises(Unseen), realm.store.writing() as session:
            cases_repository.destroy_words(session, realm.vault, case_id, seq, at=NOW, actor="officer")


def test_an_erased_case_stays_sealed_and_its_chain_verifies(realm: Realm) -> None:
    case_id, other = realm.open_case(entry(words={"w": SECRET})), realm.open_case(entry(words={"w": SECRET}))
    with realm.store.writing() as session:
        cases_repository.keep_identities(
            session, realm.vault, case_id, slot_id="P1", slot="pupil", values={"name": "Nom"}, marks=["Nom"]
        )
        index_repository.write(session, index_row(case_id, number=cases_repository.opened(session, case_id).number))
        report = lookup_repository.receive(
            session, realm.vault, unit="u", received_at=NOW, channel="poster", content={"text": SECRET}
        )
        lookup_repository.settle_report(session, report, lookup_repository.ReportStatus.opened, case_id)
    with realm.store.writing() as session:
        cases_repository.destroy_case(session, realm.vault, case_id, at=NOW, actor="retention")
    with realm.store.reading() as session:
        assert cases_repository.is_destroyed(session, case_id)
        with pytest.raises(Sealed):
            cases_repository.load_events(session, realm.vault, case_id)
        with pytest.raises(Sealed):
            cases_repository.load_identities(session, realm.vault, case_id)
        assert index_repository.row_of(session, case_id) is None
        assert index_repository.all_case_ids(session) == [other]
        assert lookup_repository.reports_of_case(session, case_id) == ()
        assert journal.verify_all(session, realm.vault) == []
    with pytest.raises(Sealed):
        realm.append(case_id, 1, entry())
    assert realm.load(other)[0].words == {"w": SECRET}


def test_copies_count_per_document(realm: Realm) -> None:
    case_id = realm.open_case()
    counted = []
    for document in ("file", "file", "letter"):
        with realm.store.writing() as session:
            counted.append(cases_repository.next_copy(session, case_id, document))
    assert counted == [1, 2, 1]


# ---- keys ----------------------------------------------------------------------------------------------------------


def _events(realm: Realm) -> list[Any]:
    with realm.store.reading() as session:
        return [
            tuple(row)
            for row in session.execute(select(*EventRow.__table__.columns).order_by(EventRow.case_id, EventRow.seq))
        ]


def test_rotation_rewraps_every_key_and_touches_no_event(realm: Realm) -> None:
    ids = [realm.open_case(entry(words={"w": SECRET})) for _ in range(5)]
    with realm.store.writing() as session:
        report = lookup_repository.receive(
            session, realm.vault, unit="u", received_at=NOW, channel="c", content={"a": SECRET}
        )
        idempotency.keep_draft(session, realm.vault, "account-1", "form", {"a": SECRET}, at=NOW)
    before, seen = _events(realm), []
    assert case_keys.rotate(realm.store, realm.vault, lambda done, total: seen.append((done, total))) == 7
    assert seen[-1] == (7, 7)
    assert case_keys.retire_masters(realm.store, realm.vault) == (1,)
    assert realm.vault.numbers == (2,)
    assert _events(realm) == before
    assert [realm.load(case_id)[0].words for case_id in ids] == [{"w": SECRET}] * 5
    with realm.store.reading() as session:
        assert lookup_repository.content(session, realm.vault, report) == {"a": SECRET}
        draft = idempotency.draft(session, realm.vault, "account-1", "form")
        assert draft is not None
        assert draft.answers == {"a": SECRET}
        assert journal.verify_all(session, realm.vault) == []


def test_an_interrupted_rotation_is_taken_up(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_keys, "_BATCH", 2)
    ids = [realm.open_case(entry(words={"w": SECRET})) for _ in range(5)]

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case_keys.rotate(realm.store, realm.vault, interrupt)
    assert case_keys.retire_masters(realm.store, realm.vault) == ()
    assert [realm.load(case_id)[0].words for case_id in ids] == [{"w": SECRET}] * 5
    assert case_keys.rewrap(realm.store, realm.vault) == 3
    assert case_keys.retire_masters(realm.store, realm.vault) == (1,)
    assert [realm.load(case_id)[0].words for case_id in ids] == [{"w": SECRET}] * 5


# ---- nothing in the clear ------------------------------------------------------------------------------------------


def test_no_file_holds_what_was_typed(realm: Realm) -> None:
    """The control is stored in clear and must be found: so the search itself works."""
    if realm.store.engine.dialect.name != "sqlite":
        pytest.skip("reads SQLite's files")
    control, typed = (
        "control-role-in-clear",
        ["Yasmine-Amrani", "ياسمين", "TYPED-WORDS-0815", "J123456789", "REPORT-TEXT"],
    )
    case_id = realm.open_case(
        Entry(
            kind="NoteAdded",
            actor="a",
            role=control,
            at=NOW,
            occurred_at=NOW,
            body={"x": typed[2]},
            words={"w": typed[2]},
        )
    )
    with realm.store.writing() as session:
        cases_repository.keep_identities(
            session, realm.vault, case_id, slot_id="P1", slot="pupil",
            values={"name": typed[0], "arabic": typed[1], "massar": typed[3]}, marks=[typed[0], typed[1], typed[3]],
        )  # fmt: skip
        lookup_repository.receive(
            session, realm.vault, unit="u", received_at=NOW, channel="c", content={"text": typed[4]}
        )
        idempotency.keep_draft(session, realm.vault, "account-1", "k", {"text": typed[2]}, at=NOW)
    bytes_kept = b"".join(path.read_bytes() for path in realm.folder.iterdir())
    realm.store.close()
    bytes_kept += b"".join(path.read_bytes() for path in realm.folder.iterdir())
    assert control.encode() in bytes_kept
    for text in typed:
        for form in (text, text.casefold(), text.upper()):
            for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                assert form.encode(encoding) not in bytes_kept, form


def test_a_destroyed_key_leaves_the_file(realm: Realm) -> None:
    """secure_delete: after a checkpoint not even the wrapped key is left in the free pages."""
    if realm.store.engine.dialect.name != "sqlite":
        pytest.skip("reads SQLite's files")
    case_id = realm.open_case(entry())
    with realm.store.reading() as session:
        wrapped = session.scalars(select(CaseKeyRow.wrapped).where(CaseKeyRow.case_id == case_id)).one()
        assert session.scalar(select(func.count()).select_from(CaseKeyRow)) == 1
    with realm.store.writing() as session:
        cases_repository.destroy_case(session, realm.vault, case_id, at=NOW, actor="a")
    with realm.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not any(wrapped in path.read_bytes() for path in realm.folder.iterdir())


def test_case_numbers_are_unique(realm: Realm) -> None:
    case_id = realm.open_case()
    with realm.store.reading() as session:
        number = cases_repository.opened(session, case_id).number
    other = case_keys.prepare_key(realm.store, realm.vault)
    with pytest.raises(IntegrityError), realm.store.writing() as session:
        cases_repository.open_case(
            session, realm.vault, case_id=other, number=number, protocol="p", version=1, digest="d" * 64, unit="u",
            opened_at=NOW,
        )  # fmt: skip
