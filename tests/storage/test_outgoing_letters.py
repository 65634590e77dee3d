"""Numbers of outgoing letters: one after the other in an office and year, each once, whoever writes beside."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from school_protocol.case_files.models import OutgoingLetterRow
from school_protocol.case_files.repository import Dispatch, last_dispatch, register_letter
from school_protocol.storage.engines import Session
from storage.conftest import NOW, Realm

LETTERS = 8


def letter(case_id: str, copy: int, document: str = "letter") -> dict[str, Any]:
    return {
        "case_id": case_id, "protocol": "test", "version": 1, "document": document, "copy": copy, "addressee": "court",
        "at": NOW,
    }  # fmt: skip


def numbers(session: Session, unit: str = "school-1", year: int = 2026) -> list[int]:
    rows = session.query(OutgoingLetterRow).filter_by(unit=unit, year=year).order_by(OutgoingLetterRow.number)
    return [row.number for row in rows]


@pytest.mark.postgresql
def test_two_writers_at_once_leave_no_gap_and_no_number_twice(realm: Realm) -> None:
    cases, gate = [realm.open_case(), realm.open_case()], threading.Barrier(2)

    def write(case_id: str) -> int:
        """Several letters, each as often as somebody else took its number; how often that was."""
        missed = 0
        for copy in range(1, LETTERS + 1):
            gate.wait()
            while True:
                with realm.store.reading() as session:
                    wanted = Dispatch("school-1", 2026, last_dispatch(session, "school-1", 2026) + 1)
                with realm.store.writing() as session:
                    if register_letter(session, wanted, **letter(case_id, copy)):
                        break
                missed += 1
        return missed

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, cases))
    with realm.store.reading() as session:
        assert numbers(session) == list(range(1, 2 * LETTERS + 1))


@pytest.mark.postgresql
def test_who_comes_second_with_a_number_waits_and_is_told(realm: Realm) -> None:
    first, second = realm.open_case(), realm.open_case()
    wanted, has_written = Dispatch("school-1", 2026, 1), threading.Event()

    def write_after() -> bool:
        has_written.wait()
        with realm.store.writing() as session:
            return register_letter(session, wanted, **letter(second, 1))

    with ThreadPoolExecutor(1) as other:
        with realm.store.writing() as session:
            assert register_letter(session, wanted, **letter(first, 1))
            has_written.set()
            waits = other.submit(write_after)
        assert waits.result(timeout=20) is False
    with realm.store.reading() as session:
        assert numbers(session) == [1]


@pytest.mark.postgresql
def test_a_number_whose_letter_was_not_issued_after_all_goes_to_the_next(realm: Realm) -> None:
    case_id, wanted = realm.open_case(), Dispatch("school-1", 2026, 1)
    with suppress(ZeroDivisionError), realm.store.writing() as session:
        assert register_letter(session, wanted, **letter(case_id, 1))
        raise ZeroDivisionError
    with realm.store.writing() as session:
        assert register_letter(session, wanted, **letter(case_id, 1))


@pytest.mark.postgresql
def test_each_office_and_each_year_begins_at_one(realm: Realm) -> None:
    case_id = realm.open_case()
    with realm.store.writing() as session:
        for copy, (unit, year) in enumerate((("school-1", 2026), ("school-1", 2027), ("school-2", 2026)), 1):
            assert register_letter(session, Dispatch(unit, year, 1), **letter(case_id, copy))
        assert not register_letter(session, Dispatch("school-1", 2026, 3), **letter(case_id, 4)), "none is left out"
        assert not register_letter(session, Dispatch("school-1", 2026, 1), **letter(case_id, 4)), "none twice"
        assert register_letter(session, Dispatch("school-1", 2026, 2), **letter(case_id, 4))
    with realm.store.reading() as session:
        assert (numbers(session), numbers(session, year=2027)) == ([1, 2], [1])
