"""Passages through open cases: one of a subject runs, workers take turns, the reason is sealed, the database checks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from school_protocol.domain.errors import Unseen
from school_protocol.storage import definition_drafts, keys, passages
from school_protocol.storage import directory as people
from school_protocol.storage.engines import Store
from school_protocol.storage.passages import Kind, Passage, State
from storage.conftest import NOW, Realm

LATER = NOW + timedelta(minutes=2)
SECRET = "Parce que Yasmine"


def add(realm: Realm, **more: Any) -> str | None:
    given: dict[str, Any] = {
        "kind": Kind.move, "subject": "p", "protocol": "p", "from_version": 1, "to_version": 2, "account": "a1",
        "at": NOW, "tally": {"1": {"total": 3}}, **more,
    }  # fmt: skip
    with realm.store.writing() as session:
        return passages.add(session, **given)


def added(realm: Realm, **more: Any) -> str:
    found = add(realm, **more)
    assert found is not None
    return found


def load(realm: Realm, passage_id: str) -> Passage:
    with realm.store.reading() as session:
        return passages.passage(session, passage_id)


def waiting(realm: Realm, left_since: Any = NOW) -> tuple[str, ...]:
    with realm.store.reading() as session:
        return passages.waiting(session, left_since=left_since)


def settle(realm: Realm, passage_id: str, **more: Any) -> bool:
    with realm.store.writing() as session:
        return passages.settle(session, passage_id, at=LATER, **more)


@pytest.mark.exhaustive
def test_a_passage_comes_out_as_it_went_in(realm: Realm) -> None:
    found = load(realm, added(realm, accepts={"level", "answer_gone"}))
    assert (found.kind, found.subject, found.from_version, found.to_version) == (Kind.move, "p", 1, 2)
    assert (found.accepts, found.tally) == (frozenset({"answer_gone", "level"}), {"1": {"total": 3}})
    assert (found.state, found.place, found.settled_at, found.why) == (State.running, (0, ""), None, "")
    with pytest.raises(Unseen):
        load(realm, "nothing")


@pytest.mark.exhaustive
def test_of_one_subject_one_runs(realm: Realm) -> None:
    one = added(realm)
    assert add(realm) is None
    assert add(realm, subject="q") is not None
    assert add(realm, kind=Kind.look) is not None
    with realm.store.reading() as session:
        found = passages.running(session, Kind.move, "p")
    assert found is not None
    assert found.id == one
    assert settle(realm, one)
    assert add(realm) is not None, "the control: what is done stands in nobody's way"


def test_of_four_who_ask_at_once_one_is_heard(realm: Realm) -> None:
    start = threading.Barrier(4)

    def at_once(_: int) -> str | None:
        start.wait()
        return add(realm)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(at_once, range(4)))
    assert sum(one is not None for one in found) == 1


def test_a_worker_takes_it_and_gives_it_back_or_is_made_up_for(realm: Realm) -> None:
    look, move = added(realm, kind=Kind.look), added(realm)
    assert waiting(realm) == (move, look), "what moves comes first"
    with realm.store.writing() as session:
        assert passages.take(session, move, now=NOW, left_since=NOW)
        assert not passages.take(session, move, now=NOW, left_since=NOW)
    assert waiting(realm) == (look,)
    assert waiting(realm, LATER) == (move, look), "after its lease"
    with realm.store.writing() as session:
        passages.go_on(session, move, place=(1, "c1"), tally={"1": {"total": 3, "moved": 1}}, now=LATER)
    assert waiting(realm, LATER) == (look,), "each case begins the lease anew"
    assert load(realm, move).place == (1, "c1")
    with realm.store.writing() as session:
        passages.leave(session, move)
    assert waiting(realm) == (move, look)


def test_what_is_settled_stays_so(realm: Realm) -> None:
    one = added(realm)
    assert settle(realm, one, why="asked", by="a2")
    assert not settle(realm, one)
    with realm.store.writing() as session:
        passages.go_on(session, one, place=(9, "z"), tally={}, now=LATER)
        assert not passages.take(session, one, now=LATER, left_since=LATER)
    found = load(realm, one)
    assert (found.state, found.why, found.stopped_by, found.place) == (State.stopped, "asked", "a2", (0, ""))
    assert waiting(realm) == ()


@pytest.mark.exhaustive
def test_the_reason_is_sealed_and_goes_with_the_end(realm: Realm) -> None:
    one = added(realm)
    with realm.store.writing() as session:
        passages.keep_reason(session, realm.vault, one, SECRET, at=NOW)
    keys.rotate(realm.store, realm.vault)
    with realm.store.reading() as session:
        assert passages.reason(session, realm.vault, one) == SECRET, "also under the next master key"
        kept = repr(session.execute(text("SELECT * FROM passage")).all())
        kept += repr(session.execute(text("SELECT * FROM draft")).all())
    assert one in kept
    assert SECRET not in kept
    assert "Yasmine" not in kept
    settle(realm, one)
    with realm.store.reading() as session:
        assert passages.reason(session, realm.vault, one) == ""
        assert session.execute(text("SELECT count(*) FROM draft")).scalar() == 0


@pytest.mark.exhaustive
def test_the_latest_look_of_a_draft_is_found(realm: Realm) -> None:
    more: dict[str, Any] = {"kind": Kind.look, "subject": "d1", "draft": "d1", "from_version": None}
    one = added(realm, base="b1", **more)
    settle(realm, one)
    two = added(realm, base="b2", at=LATER, **more)
    with realm.store.reading() as session:
        found = [passages.latest_of_draft(session, "d1", base) for base in ("b1", "b2")]
        assert passages.looked_from(session, ["d1", "d2"]) == {("d1", "b1"), ("d1", "b2")}
        assert passages.latest_of_draft(session, "d2", "b1") is None
        assert passages.recent(session, "p", 1, 2, limit=5) == (), "a draft's are not among those of versions"
    assert [each.id for each in found if each] == [one, two]


@pytest.mark.exhaustive
def test_passages_between_two_versions_are_listed_newest_first(realm: Realm) -> None:
    one = added(realm, kind=Kind.look)
    two = added(realm, at=LATER)
    added(realm, kind=Kind.look, subject="other", to_version=3)
    with realm.store.reading() as session:
        assert [each.id for each in passages.recent(session, "p", 1, 2, limit=5)] == [two, one]
        assert [each.id for each in passages.recent(session, "p", 1, 2, limit=1)] == [two]


@pytest.mark.exhaustive(
    but=(
        "sqlite-draft = 'd'",
        "sqlite-from_version = 2",
        "sqlite-to_version = 0, from_version = NULL",
    )
)
@pytest.mark.parametrize(
    "change",
    [
        "kind = 'other'", "state = 'other'", "state = 'done'", "settled_at = begun_at", "why = 'x'", "from_version = 2",
        "to_version = 0, from_version = NULL", "draft = 'd'",
    ],
)  # fmt: skip
def test_the_database_checks_what_a_passage_can_be(realm: Realm, change: str) -> None:
    one = added(realm)
    with pytest.raises(IntegrityError), realm.store.writing() as session:
        session.execute(text(f"UPDATE passage SET {change} WHERE id = '{one}'"))
    with realm.store.writing() as session:
        session.execute(text(f"UPDATE passage SET base = 'control' WHERE id = '{one}'"))
    assert load(realm, one).base == "control"


def test_open_drafts_that_can_be_read_are_found(directory: Store) -> None:
    with directory.writing() as session:
        account = people.add_account(session, username="one", names={"fr": "1"}, language="fr", created_at=NOW)
        made = [
            definition_drafts.add(
                session, protocol=protocol, version=2, digest=digest * 64, content=b"x", file="x", account=account,
                at=NOW + timedelta(minutes=minute), faults=(), base="b",
            )
            for minute, (protocol, digest) in enumerate((("p", "a"), ("", "b"), ("p", "c"), ("p", "d")))
        ]  # fmt: skip
        definition_drafts.withdraw(session, made[2], at=NOW)
    with directory.reading() as session:
        found = passages.open_drafts(session)
    assert [one.id for one in found] == [made[0], made[3]]
    assert (found[0].protocol, found[0].version, found[0].base, found[0].account) == ("p", 2, "b", account)
