"""Jobs of many copies, and looks at files made ahead: one of a person’s runs, workers take turns, all is checked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from school_protocol.case_files import repository
from school_protocol.case_files import repository as case_files_repository
from school_protocol.case_files.models import PaperLookRow
from school_protocol.case_files.repository import CaseState, Wanted
from school_protocol.engine.errors import Unseen
from storage.conftest import NOW, Realm, entry

LATER = NOW + timedelta(minutes=10)


def added(realm: Realm, account: str = "a1", cases: int = 2) -> str | None:
    ids = [(realm.open_case(entry()), f"{place:013}") for place in range(cases)]
    with realm.store.writing() as session:
        return repository.add(
            session, account=account, protocol="p", profile="x", language="fr", chosen={"document": "d"}, cases=ids,
            at=NOW, until=NOW + timedelta(days=7),
        )  # fmt: skip


@pytest.mark.exhaustive
def test_of_one_person_one_job_runs(realm: Realm) -> None:
    one = added(realm)
    assert one is not None
    assert added(realm) is None
    assert added(realm, "a2") is not None
    with realm.store.writing() as session:
        assert repository.settle(session, one, at=NOW, until=LATER, document="d")
        assert not repository.settle(session, one, at=NOW, until=LATER, document="d"), "it is settled once"
    assert added(realm) is not None, "the control: what is done stands in nobody's way"


@pytest.mark.exhaustive
def test_one_worker_is_at_it_until_its_lease_is_over(realm: Realm) -> None:
    one = added(realm) or ""
    with realm.store.writing() as session:
        assert repository.take(session, one, now=NOW, left_since=NOW - timedelta(minutes=4))
        assert not repository.take(session, one, now=NOW, left_since=NOW - timedelta(minutes=4))
        assert repository.waiting(session, left_since=NOW - timedelta(minutes=4)) == ()
        assert repository.waiting(session, left_since=LATER) == (one,)
        assert repository.take(session, one, now=LATER, left_since=LATER - timedelta(minutes=4))
        repository.leave(session, one, NOW)
        assert repository.waiting(session, left_since=NOW) == (), "whoever lost it frees nobody else’s"
        repository.leave(session, one, LATER)
        assert repository.waiting(session, left_since=NOW - timedelta(days=1)) == (one,)


def test_each_case_is_settled_once_and_in_its_place(realm: Realm) -> None:
    one = added(realm, cases=3) or ""
    with realm.store.writing() as session:
        repository.hold_up(session, one, "full")
        assert repository.job(session, one).trouble == "full"
        assert repository.take(session, one, now=NOW, left_since=NOW)
        assert repository.settle_case(session, one, 1, own=NOW, now=NOW, copy=4, sight="s")
        assert repository.job(session, one).trouble == "", "what goes on waits for nothing"
        assert repository.settle_case(session, one, 1, own=NOW, now=NOW, why="broken")
        assert repository.settle_case(session, one, 2, own=NOW, now=NOW, why="broken")
        assert repository.try_again(session, one, 3, own=NOW, now=NOW) == 1
        found = repository.cases_of(session, one, *CaseState, limit=9)
    assert [(case.state, case.copy, case.sight, case.why, case.tries) for case in found] == [
        ("done", 4, "s", "", 0), ("refused", 0, "", "broken", 0), ("waiting", 0, "", "", 1),
    ]  # fmt: skip


def test_a_lease_is_renewed_by_whoever_has_it(realm: Realm) -> None:
    one = added(realm) or ""
    with realm.store.writing() as session:
        assert repository.take(session, one, now=NOW, left_since=NOW)
        assert repository.take(session, one, now=LATER, left_since=LATER), "another took it over"
        assert not repository.settle_case(session, one, 1, own=NOW, now=LATER + timedelta(minutes=1), why="broken")
        repository.try_again(session, one, 2, own=NOW, now=LATER + timedelta(minutes=1))
        assert repository.waiting(session, left_since=LATER + timedelta(seconds=1)) == (one,), "neither renewed it"
        assert repository.settle_case(session, one, 2, own=LATER, now=LATER + timedelta(minutes=1), why="broken")
        assert repository.waiting(session, left_since=LATER + timedelta(seconds=1)) == ()


@pytest.mark.exhaustive
def test_whoever_is_at_it_when_it_is_stopped_is_waited_for(realm: Realm) -> None:
    one = added(realm) or ""
    with realm.store.writing() as session:
        assert not repository.is_taken(session, one, left_since=NOW)
        assert repository.take(session, one, now=NOW, left_since=NOW)
        assert repository.settle(session, one, at=NOW, until=LATER, document="d", why="asked")
        assert repository.is_taken(session, one, left_since=NOW)
        assert not repository.is_taken(session, one, left_since=LATER), "for no longer than a lease"
        repository.leave(session, one, NOW)
        assert not repository.is_taken(session, one, left_since=NOW)


@pytest.mark.exhaustive
def test_what_is_outdated_is_gone_with_its_cases(realm: Realm) -> None:
    one = added(realm) or ""
    with realm.store.writing() as session:
        repository.drop_bulk_jobs(session, NOW + timedelta(days=6))
        assert repository.job(session, one).account == "a1"
        repository.drop_bulk_jobs(session, NOW + timedelta(days=7))
        with pytest.raises(Unseen):
            repository.job(session, one)
        assert repository.cases_of(session, one, *CaseState, limit=9) == ()


@pytest.mark.exhaustive(
    but=(
        "sqlite-UPDATE bulk_case SET why = 'x'",
        "sqlite-UPDATE paper_look SET tries = -1",
    )
)
@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE bulk SET state = 'lost'", "UPDATE bulk SET state = 'done'", "UPDATE bulk SET why = 'asked'",
        "UPDATE bulk_case SET state = 'lost'", "UPDATE bulk_case SET state = 'done'", "UPDATE bulk_case SET why = 'x'",
        "UPDATE paper_look SET tries = -1",
    ],
)  # fmt: skip
def test_the_database_takes_no_half_said_job(realm: Realm, wrong: str) -> None:
    added(realm)
    case_id = realm.open_case(entry())
    with realm.store.writing() as session:
        assert case_files_repository.begin_look(session, Wanted(case_id, "a", "d", "p", "fr", 1), LATER)
    with pytest.raises(IntegrityError), realm.store.writing() as session:
        session.execute(text(wrong))


def test_of_two_who_want_to_look_one_does(realm: Realm) -> None:
    one = Wanted(realm.open_case(entry()), "a", "d", "p", "fr", 1)
    with realm.store.writing() as session:
        assert case_files_repository.begin_look(session, one, LATER)
        assert not case_files_repository.begin_look(session, one, LATER)
        case_files_repository.end_look(session, one, LATER)
        assert case_files_repository.begin_look(session, one, LATER), (
            "the control: once it is looked at, it may be begun again"
        )
        case_files_repository.forget_look(session, one)
        assert case_files_repository.begin_look(session, one, LATER)


def test_of_two_who_begin_at_the_same_moment_one_looks_and_the_other_goes_on(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither finds a row, as where no writer keeps the other out; the second insert is refused."""
    one = Wanted(realm.open_case(entry()), "a", "d", "p", "fr", 1)
    with realm.store.writing() as session:
        assert case_files_repository.begin_look(session, one, LATER)
    with realm.store.writing() as session:
        with monkeypatch.context() as patch:
            patch.setattr(session, "get", lambda *_any, **_more: None)
            assert not case_files_repository.begin_look(session, one, LATER + timedelta(hours=1))
        case_files_repository.end_look(session, one, LATER)
    with realm.store.reading() as session:
        (row,) = session.scalars(select(PaperLookRow))
        assert (row.until, row.tries) == (LATER, 0), "what else it writes is written"
