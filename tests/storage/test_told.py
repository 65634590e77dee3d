"""What was told, kept once; and which cases a sweep looks at."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from school_protocol.auth.models import Channel
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.notifications import repository as notifications_repository
from school_protocol.notifications.models import NoticeRow
from school_protocol.notifications.repository import NoticeDraft, State
from school_protocol.supervision import referral_repository
from school_protocol.supervision.referral_repository import CaseReferral
from storage.conftest import NOW, Realm
from storage.test_index import row

HEAD = NoticeDraft(role="head", account="a1", channel=Channel.mail, state=State.waiting)
MEMBER = NoticeDraft(role="member", account="a2", channel=Channel.mail, state=State.waiting)
LATER = NOW + timedelta(minutes=1)


def keep(realm: Realm, case_id: str, cause: str, *tellings: NoticeDraft, **more: Any) -> int:
    given = {"urgent": True, "at": NOW, "due_at": NOW, **more}
    with realm.store.writing() as session:
        return notifications_repository.keep_notice(session, case_id, cause, tellings, **given)


def take(realm: Realm, now: Any = NOW, channel: Channel = Channel.mail) -> list[tuple[str, str]]:
    with realm.store.writing() as session:
        return [
            (notice.account, notice.cause) for notice in notifications_repository.take_notice(session, now, channel)
        ]


def ids(realm: Realm, case_id: str) -> dict[str, str]:
    with realm.store.reading() as session:
        return {notice.account: notice.id for notice in notifications_repository.notices_of_case(session, case_id)}


# ---- kept once -----------------------------------------------------------------------------------------------------


def test_a_cause_is_told_once_to_each_on_each_channel(realm: Realm) -> None:
    case_id, other = realm.open_case(), realm.open_case()
    assert keep(realm, case_id, "step:1", HEAD, MEMBER) == 2
    assert keep(realm, case_id, "step:1", HEAD, MEMBER) == 0
    assert keep(realm, case_id, "step:2", HEAD) == 1
    assert keep(realm, other, "step:1", HEAD) == 1
    with realm.store.reading() as session:
        assert notifications_repository.causes(session, case_id) == {"step:1", "step:2"}
        assert notifications_repository.waiting_notices(session) == {Channel.mail: 4}


@pytest.mark.exhaustive
def test_workers_who_keep_the_same_at_once_keep_it_once(realm: Realm) -> None:
    case_id, start = realm.open_case(), threading.Barrier(4)

    def at_once(_: int) -> int:
        start.wait()
        return keep(realm, case_id, "step:1", HEAD, MEMBER)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(at_once, range(4))) == [0, 0, 0, 2]


@pytest.mark.exhaustive
def test_what_nobody_gets_is_kept_and_never_taken(realm: Realm) -> None:
    case_id = realm.open_case()
    keep(realm, case_id, "step:1", NoticeDraft(role="head"), NoticeDraft(role="family", state=State.withheld))
    assert take(realm) == []
    with realm.store.reading() as session:
        states = [
            (notice.role, notice.state, notice.settled_at)
            for notice in notifications_repository.notices_of_case(session, case_id)
        ]
        assert notifications_repository.causes(session, case_id) == {"step:1"}
        assert notifications_repository.waiting_notices(session) == {}
    assert sorted(states) == [("family", State.withheld, NOW), ("head", State.no_address, NOW)]


@pytest.mark.exhaustive
def test_nothing_waits_without_a_channel(realm: Realm) -> None:
    case_id = realm.open_case()
    keep(realm, case_id, "x", HEAD)
    with pytest.raises(IntegrityError), realm.store.writing() as session:
        session.execute(update(NoticeRow).values(channel="none"))


# ---- taken, settled, put off ---------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_one_person_s_notices_of_one_kind_are_taken_together_the_urgent_first(realm: Realm) -> None:
    case_id = realm.open_case()
    keep(realm, case_id, "later", HEAD, due_at=NOW + timedelta(hours=1))
    keep(realm, case_id, "plain", HEAD, urgent=False, due_at=NOW - timedelta(hours=2))
    keep(realm, case_id, "one", MEMBER, due_at=NOW - timedelta(minutes=1))
    keep(realm, case_id, "two", HEAD)
    keep(realm, case_id, "three", MEMBER)
    assert take(realm, channel=Channel.sms) == []
    assert take(realm) == [("a2", "one"), ("a2", "three")]
    assert take(realm) == [("a1", "two")]
    assert take(realm) == [("a1", "plain")]
    assert take(realm) == []


def test_what_a_killed_worker_took_comes_back(realm: Realm) -> None:
    case_id = realm.open_case()
    keep(realm, case_id, "step:1", HEAD)
    assert take(realm) == [("a1", "step:1")]
    assert take(realm, NOW + timedelta(minutes=4)) == []
    with realm.store.writing() as session:
        (again,) = notifications_repository.take_notice(session, NOW + timedelta(minutes=5), Channel.mail)
        assert again.attempts == 2


@pytest.mark.exhaustive
def test_what_is_settled_stays_settled(realm: Realm) -> None:
    case_id = realm.open_case()
    keep(realm, case_id, "step:1", HEAD, MEMBER, urgent=False)
    known = ids(realm, case_id)
    with realm.store.writing() as session:
        notifications_repository.put_off_notice(session, [known["a2"]], NOW + timedelta(hours=1))
        notifications_repository.settle_notice(session, [known["a1"]], State.delivered, at=LATER)
        notifications_repository.settle_notice(session, [known["a1"]], State.withheld, at=LATER + timedelta(hours=1))
        notifications_repository.put_off_notice(session, [known["a1"]], NOW)
    assert take(realm) == []
    assert take(realm, NOW + timedelta(hours=1)) == [("a2", "step:1")]
    with realm.store.reading() as session:
        head = next(
            notice for notice in notifications_repository.notices_of_case(session, case_id) if notice.account == "a1"
        )
        assert (head.state, head.settled_at) == (State.delivered, LATER)
        after = LATER + timedelta(days=1)
        assert notifications_repository.was_gathered_since(session, "a1", LATER, now=after)
        assert not notifications_repository.was_gathered_since(session, "a1", LATER + timedelta(seconds=1), now=after)
        assert not notifications_repository.was_gathered_since(session, "a2", NOW, now=after)
        assert not notifications_repository.was_gathered_since(session, "a1", NOW, now=LATER - timedelta(hours=1)), (
            "dated ahead"
        )


@pytest.mark.exhaustive
def test_workers_at_once_never_take_the_same(realm: Realm) -> None:
    case_id, start = realm.open_case(), threading.Barrier(4)
    for number in range(6):
        keep(realm, case_id, f"step:{number}", HEAD, MEMBER)

    def worker(_: int) -> list[tuple[str, str]]:
        start.wait()
        found: list[tuple[str, str]] = []
        while taken := take(realm):
            found += taken
        return found

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(worker, range(4)))
    everything = [notice for share in shares for notice in share]
    assert len(everything) == len(set(everything)) == 12
    for account in ("a1", "a2"):
        assert sum(any(found == account for found, _cause in share) for share in shares) == 1


# ---- which cases are looked at -------------------------------------------------------------------------------------


def indexed(realm: Realm, case_id: str, *keys: str, **more: Any) -> None:
    with realm.store.writing() as session:
        number = cases_repository.opened(session, case_id).number
        dues = tuple(index_repository.Due(key, NOW) for key in keys)
        index_repository.write(session, row(case_id=case_id, number=number, dues=dues, **more))


def to_look_at(realm: Realm, now: Any = NOW, limit: int = 9) -> list[str]:
    with realm.store.reading() as session:
        return notifications_repository.to_look_at(session, {"chain", "other_chain"}, now, limit=limit)


def test_a_case_is_looked_at_when_it_moves_on_or_its_moment_comes(realm: Realm) -> None:
    first, second, third = sorted(realm.open_case() for _ in range(3))
    indexed(realm, first, "chain", "other_chain", last_seq=4)
    indexed(realm, second, "chain", last_seq=2)
    indexed(realm, third, "plain")
    assert to_look_at(realm) == [first, second]
    assert to_look_at(realm, limit=1) == [first]
    with realm.store.writing() as session:
        notifications_repository.looked(session, first, 4, NOW + timedelta(hours=2))
        notifications_repository.looked(session, second, 2, None)
    assert to_look_at(realm) == []
    assert to_look_at(realm, NOW + timedelta(hours=2)) == [first]
    indexed(realm, second, "chain", last_seq=3)
    assert to_look_at(realm) == [second]


def test_a_case_of_which_a_service_is_silent_is_looked_at(realm: Realm) -> None:
    """No deadline of it may run any more: the service has acknowledged."""
    silent, answered, later = sorted(realm.open_case() for _ in range(3))
    with realm.store.writing() as session:
        for case_id, at in ((silent, NOW), (answered, None), (later, NOW + timedelta(hours=1))):
            number = cases_repository.opened(session, case_id).number
            made = row(case_id=case_id, number=number, last_seq=2)
            one = CaseReferral(
                number=1, target="police", sent_at=NOW, on_danger=True, awaits=at is not None, chase_at=at
            )
            index_repository.write(session, made, [referral_repository.rows_of(made, [one])])
    assert to_look_at(realm) == [silent]
    with realm.store.writing() as session:
        notifications_repository.looked(session, silent, 2, NOW + timedelta(days=1))
    assert to_look_at(realm, NOW + timedelta(hours=1)) == [later]
    assert to_look_at(realm, NOW + timedelta(days=1)) == [silent, later]


def test_a_look_at_a_case_that_has_moved_on_meanwhile_does_not_count(realm: Realm) -> None:
    case_id = realm.open_case()
    indexed(realm, case_id, "chain", last_seq=5)
    with realm.store.writing() as session:
        notifications_repository.looked(session, case_id, 4, NOW + timedelta(days=1))
        notifications_repository.looked(session, "gone", 4, None)
    assert to_look_at(realm) == [case_id]
    with realm.store.writing() as session:
        notifications_repository.put_off_watch(session, case_id, NOW + timedelta(minutes=10))
        notifications_repository.put_off_watch(session, "gone", NOW)
    assert to_look_at(realm) == []


def test_open_cases_are_walked_by_id(realm: Realm) -> None:
    first, second, third = sorted(realm.open_case() for _ in range(3))
    for case_id, ended in ((first, False), (second, True), (third, False)):
        indexed(realm, case_id, ended=ended)
    with realm.store.reading() as session:
        assert notifications_repository.open_cases(session, after="", limit=1) == [first]
        assert notifications_repository.open_cases(session, after=first, limit=9) == [third]
