"""What the database itself refuses while a hold stands; days of work; sums that outlive a case."""

from datetime import date, timedelta

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from school_protocol.cases import repository as cases_repository
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.repository import LimitCursor, Standing
from school_protocol.statistics import repository as statistics_repository
from school_protocol.storage import work_queue
from school_protocol.storage.models import CaseKeyRow
from storage.conftest import NOW, Realm, entry

TODAY = NOW.date()


@pytest.mark.exhaustive
def test_while_a_hold_stands_nobody_erases(realm: Realm) -> None:
    case_id = realm.open_case(entry())
    with realm.store.writing() as session:
        privacy_repository.bar(session, case_id, NOW + timedelta(days=30))
    with pytest.raises(IntegrityError, match="held"), realm.store.writing() as session:
        cases_repository.destroy_case(session, realm.vault, case_id, at=NOW + timedelta(days=29), actor="x")
    with pytest.raises(IntegrityError, match="held"), realm.store.writing() as session:
        session.execute(delete(CaseKeyRow).where(CaseKeyRow.case_id == case_id))
    assert realm.load(case_id)
    with realm.store.writing() as session:
        cases_repository.destroy_case(session, realm.vault, case_id, at=NOW + timedelta(days=30), actor="x")
        assert cases_repository.is_destroyed(session, case_id)


def test_words_can_be_destroyed_all_the_same(realm: Realm) -> None:
    case_id = realm.open_case(entry(words={"a": "b"}))
    with realm.store.writing() as session:
        privacy_repository.bar(session, case_id, NOW + timedelta(days=30))
        cases_repository.destroy_words(session, realm.vault, case_id, 1, at=NOW, actor="x")
        assert cases_repository.graves(session, case_id) == 1


def test_without_a_hold_it_goes(realm: Realm) -> None:
    """The control; and a hold that was lifted is none."""
    case_id = realm.open_case(entry())
    with realm.store.writing() as session:
        privacy_repository.bar(session, case_id, NOW + timedelta(days=30))
        privacy_repository.bar(session, case_id, None)
        cases_repository.destroy_case(session, realm.vault, case_id, at=NOW, actor="x")
        assert privacy_repository.erased(session) == [(case_id, NOW)]


@pytest.mark.postgresql
def test_each_day_of_work_counts_once_and_none_that_lies_ahead(realm: Realm) -> None:
    with realm.store.writing() as session:
        runs = [
            privacy_repository.begin_day(session, TODAY + timedelta(days=day), NOW).run for day in (0, 0, 1, 5, 3000)
        ]
        assert runs == [1, 1, 2, 3, 4]
        assert privacy_repository.begin_day(session, TODAY + timedelta(days=6), NOW).run == 4, (
            "the day far ahead was none"
        )
        assert privacy_repository.today(session, TODAY + timedelta(days=7)).run == 5
        assert work_queue.settled_since(session, 3) == NOW
        assert work_queue.settled_since(session, 4) is None


def test_what_was_asked_for_is_forgotten_with_the_case(realm: Realm) -> None:
    one, other = realm.open_case(entry()), realm.open_case(entry())
    with realm.store.writing() as session:
        for case_id in (one, other):
            work_queue.put_message(session, "notify", {"case": case_id, "to": "x", "urgent": False}, at=NOW)
        privacy_repository.forget_messages(session, one, NOW)
        assert [message.payload["case"] for message in work_queue.take_messages(session, NOW, limit=9)] == [other]


def test_where_a_case_stands_is_kept_whole(realm: Realm) -> None:
    case_id = realm.open_case(entry())
    found = Standing(case_id=case_id, seq=1, cycle=1, due_on=TODAY, erase_on=TODAY)
    with realm.store.writing() as session:
        privacy_repository.keep_limit(session, found)
        assert privacy_repository.standing(session, case_id) == found
        assert privacy_repository.coming(session, TODAY, after=None, limit=9) == [found]
        assert privacy_repository.coming(session, TODAY - timedelta(days=1), after=None, limit=9) == []
        assert privacy_repository.coming(session, TODAY, after=LimitCursor(TODAY, case_id), limit=9) == []
        privacy_repository.forget_limit(session, case_id)
        assert privacy_repository.standing(session, case_id) is None


def test_a_sum_is_kept_in_the_place_of_the_one_before(realm: Realm) -> None:
    key = ("school", "p", "yearly", 2026, date(2027, 8, 31))
    with realm.store.writing() as session:
        assert statistics_repository.erased_sum(session, key) is None
        for number in (1, 2):
            statistics_repository.put_erased_sum(session, key, {"cases": number})
        assert statistics_repository.erased_sum(session, key) == {"cases": 2}
