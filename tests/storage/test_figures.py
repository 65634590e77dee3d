"""Shares and counters: no count is lost between writers, nobody waits for ever, and what an erased case added stays."""

from __future__ import annotations

import random
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import select

from school_protocol.engine.case_summary import CASES
from school_protocol.privacy import repository as privacy_repository
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.models import FigureCounterRow, FigureShareRow
from school_protocol.statistics.rules import TOTALS, Share
from storage.conftest import NOW, Realm, entry

ONE = Share("test", "2026-11", ("s1", "p1", "r1"), frozenset({(TOTALS, CASES), ("levels", "2")}))


def put(realm: Realm, case_id: str, share: Share) -> None:
    with realm.store.writing() as session:
        statistics_repository.put_share(session, realm.vault, case_id, share)


def counted(realm: Realm, unit: str, month: str = "2026-11") -> dict[str, dict[str, int]]:
    with realm.store.reading() as session:
        found = statistics_repository.of_unit(session, "test", unit, month, month)
    return {table: dict(rows) for _month, _unit, _above, counts in found for table, rows in counts.items()}


def test_a_share_is_counted_at_each_unit(realm: Realm) -> None:
    put(realm, realm.open_case(), ONE)
    put(realm, realm.open_case(), replace(ONE, path=("s2", "p1", "r1")))
    assert counted(realm, "s1") == {TOTALS: {CASES: 1}, "levels": {"2": 1}}
    assert counted(realm, "p1") == counted(realm, "r1") == {TOTALS: {CASES: 2}, "levels": {"2": 2}}
    with realm.store.reading() as session:
        below = statistics_repository.below(session, "test", ["p1"], "2026-09", "2027-08")
    assert {(unit, above) for _month, unit, above, _counts in below} == {("s1", "p1"), ("s2", "p1")}


def test_a_share_that_changes_counts_once(realm: Realm) -> None:
    case_id = realm.open_case()
    put(realm, case_id, ONE)
    put(realm, case_id, replace(ONE, cells=frozenset({(TOTALS, CASES), ("levels", "4")})))
    assert counted(realm, "r1") == {TOTALS: {CASES: 1}, "levels": {"4": 1}}
    put(realm, case_id, replace(ONE, month="2026-10", path=("s9", "p9", "r1")))
    assert counted(realm, "s1") == counted(realm, "p1") == counted(realm, "r1") == {}
    assert counted(realm, "p9", "2026-10") == {TOTALS: {CASES: 1}, "levels": {"2": 1}}


def test_nothing_of_one_case_is_told_beside_its_seal(realm: Realm) -> None:
    case_id = realm.open_case()
    put(realm, case_id, ONE)
    with realm.store.reading() as session:
        row = session.get(FigureShareRow, case_id)
        assert row is not None
        kept = repr({column.name: getattr(row, column.name) for column in FigureShareRow.__table__.columns})
        assert "levels" not in kept
        assert statistics_repository.share(session, realm.vault, case_id) == ONE


def test_a_share_that_stays_writes_nothing(realm: Realm) -> None:
    case_id = realm.open_case()
    put(realm, case_id, ONE)
    with realm.store.writing() as session:
        statistics_repository.put_share(session, realm.vault, case_id, ONE)
        assert not session.info.get(statistics_repository._PENDING)


@pytest.mark.postgresql
def test_changed_twice_in_one_transaction_it_counts_as_it_ends(realm: Realm) -> None:
    case_id = realm.open_case()
    with realm.store.writing() as session:
        statistics_repository.put_share(session, realm.vault, case_id, ONE)
        with session.begin_nested():
            statistics_repository.put_share(session, realm.vault, case_id, replace(ONE, path=("s2", "p1", "r1")))
        assert session.scalars(select(FigureCounterRow)).all() == [], "locked before all else is written"
        statistics_repository.put_share(session, realm.vault, case_id, replace(ONE, path=("s3", "p1", "r1")))
    assert counted(realm, "s1") == counted(realm, "s2") == {}
    assert counted(realm, "s3") == counted(realm, "p1")


@pytest.mark.postgresql
def test_what_is_not_committed_is_not_counted(realm: Realm) -> None:
    case_id = realm.open_case()
    with suppress(ZeroDivisionError), realm.store.writing() as session:
        statistics_repository.put_share(session, realm.vault, case_id, ONE)
        raise ZeroDivisionError
    assert counted(realm, "r1") == {}


@pytest.mark.exhaustive
def test_many_writers_lose_no_count_and_wait_for_each_other_at_most(realm: Realm) -> None:
    """Cases of few schools in one region, each written again and again in another order, several in a transaction."""
    ids = [realm.open_case() for _case in range(12)]
    drawn = random.Random(7)
    plans = [
        [
            [(case, drawn.randrange(3), drawn.randrange(4)) for case in drawn.sample(range(3), 2)]
            for _transaction in range(15)
        ]
        for _writer in range(4)
    ]
    faults: list[Exception] = []

    def write(writer: int) -> None:
        try:
            for transaction in plans[writer]:
                with realm.store.writing() as session:
                    for case, school, level in transaction:
                        path = (f"s{school}", f"p{school % 2}", "r1")
                        cells = frozenset({(TOTALS, CASES), ("levels", str(level))})
                        statistics_repository.put_share(
                            session, realm.vault, ids[writer * 3 + case], Share("test", "2026-11", path, cells)
                        )
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    with realm.store.reading() as session:
        wanted: dict[str, Counter[tuple[str, str]]] = {}
        for share in statistics_repository.every_share(session, realm.vault):
            for unit in share.path:
                wanted.setdefault(unit, Counter()).update(share.cells)
        found = {row.unit: row.counts for row in session.scalars(select(FigureCounterRow)) if row.counts}
    told = {
        unit: Counter({(table, row): number for table, rows in counts.items() for row, number in rows.items()})
        for unit, counts in found.items()
    }
    assert told == wanted
    assert wanted["r1"][TOTALS, CASES] == 12


# ---- erased --------------------------------------------------------------------------------------------------------


def erase(realm: Realm, case_id: str) -> None:
    with realm.store.writing() as session:
        privacy_repository.erase_case(session, realm.vault, case_id, at=NOW, actor="officer")


def test_what_an_erased_case_added_stays_and_nothing_says_which_it_was(realm: Realm) -> None:
    case_id, other = realm.open_case(entry()), realm.open_case(entry())
    for one in (case_id, other):
        put(realm, one, ONE)
    before = counted(realm, "r1")
    for _time in range(2):
        erase(realm, case_id)
    assert counted(realm, "r1") == before
    with realm.store.reading() as session:
        assert session.get(FigureShareRow, case_id) is None
        assert session.get(FigureShareRow, other) is not None
        assert statistics_repository.frozen(session) == [
            (("test", "2026-11", "s1"), {TOTALS: {CASES: 1}, "levels": {"2": 1}})
        ]
    erase(realm, other)
    with realm.store.reading() as session:
        assert statistics_repository.frozen(session) == [(("test", "2026-11", "s1"), before)]


@pytest.mark.exhaustive
def test_a_case_that_was_never_counted_leaves_nothing(realm: Realm) -> None:
    erase(realm, realm.open_case(entry()))
    with realm.store.reading() as session:
        assert statistics_repository.frozen(session) == []


def test_whoever_counts_anew_waits_for_writers_and_they_for_it(realm: Realm) -> None:
    """A writer that has kept its share, and not counted it yet, counts it after all others were counted anew."""
    put(realm, realm.open_case(), ONE)
    late = realm.open_case()
    began, may_end = threading.Event(), threading.Event()

    def write() -> None:
        with realm.store.writing(together=True) as session:
            statistics_repository.put_share(session, realm.vault, late, ONE)
            began.set()
            may_end.wait(10)

    writer = threading.Thread(target=write)
    writer.start()
    assert began.wait(10)
    if realm.store.engine.dialect.name == "sqlite":
        may_end.set()  # one writer at a time
        writer.join(20)
    with realm.store.writing(together=True) as session:
        statistics_repository.hold(session)
        summed: dict[statistics_repository.Key, tuple[str, statistics_repository.Change]] = {}
        for share in statistics_repository.every_share(session, realm.vault):
            for unit in share.path:
                summed.setdefault(("test", "2026-11", unit), ("", statistics_repository.Change()))[1].update(
                    share.cells
                )
        if realm.store.engine.dialect.name == "postgresql":
            may_end.set()
            writer.join(2)  # it can't end before this transaction has
        statistics_repository.replace_all(session, summed)
    writer.join(20)
    assert not writer.is_alive()
    assert counted(realm, "r1")[TOTALS] == {CASES: 2}


@pytest.mark.exhaustive
def test_a_case_that_is_erased_as_others_are_counted_anew_stays_counted(realm: Realm) -> None:
    """What it left is read first, and what each case adds after that: nothing may go from the one to the other."""
    case_id = realm.open_case(entry())
    put(realm, case_id, ONE)
    eraser = threading.Thread(target=erase, args=(realm, case_id))
    with realm.store.writing() as session:
        statistics_repository.hold(session)
        left = [counts[TOTALS][CASES] for _key, counts in statistics_repository.frozen(session)]
        eraser.start()
        eraser.join(2)
        stands = [
            one for one in statistics_repository.every_share(session, realm.vault) if (TOTALS, CASES) in one.cells
        ]
        assert sum(left) + len(stands) == 1
    eraser.join(20)
    assert not eraser.is_alive()
    with realm.store.reading() as session:
        assert [counts[TOTALS] for _key, counts in statistics_repository.frozen(session)] == [{CASES: 1}]
