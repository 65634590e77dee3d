"""Drafts of definitions: their bytes never change, two people publish, and the database itself says so."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from school_protocol.auth import repository as auth_repository
from school_protocol.engine.errors import Fault, Unseen
from school_protocol.protocol import repository as protocol_repository
from school_protocol.publishing import repository as publishing_repository
from school_protocol.publishing.repository import DraftState
from school_protocol.storage.engines import Store
from storage.conftest import NOW

LATER = NOW + timedelta(minutes=5)
REPORT = {"proof": {"results": []}}


@pytest.fixture
def account(directory: Store) -> str:
    return add_account(directory, "one")


@pytest.fixture
def second(directory: Store) -> str:
    return add_account(directory, "two")


def add_account(directory: Store, name: str) -> str:
    with directory.writing() as session:
        return auth_repository.add_account(session, username=name, names={"fr": name}, language="fr", created_at=NOW)


def add(directory: Store, account: str, content: bytes = b"a: 1", version: int = 1, **more: Any) -> str:
    with directory.writing() as session:
        return publishing_repository.add(
            session,
            **{
                "protocol": "p",
                "version": version,
                "digest": hashlib.sha256(content).hexdigest(),
                "content": content,
                "file": "p.yaml",
                "account": account,
                "at": NOW,
                "faults": (),
                "base": "",
                **more,
            },
        )


def draft(directory: Store, draft_id: str) -> publishing_repository.DefinitionDraft:
    with directory.reading() as session:
        return publishing_repository.draft(session, draft_id)


def propose(directory: Store, draft_id: str) -> None:
    with directory.writing() as session:
        assert publishing_repository.take(session, draft_id, now=NOW, left_since=NOW)
        assert publishing_repository.keep_report(session, draft_id, REPORT, base="")
        assert publishing_repository.propose(session, draft_id, at=NOW)


def publish(directory: Store, draft_id: str, by: str) -> bool:
    with directory.writing() as session:
        return publishing_repository.publish(
            session, publishing_repository.for_change(session, draft_id), agreed_by=by, at=LATER
        )


def test_a_draft_comes_out_as_it_went_in(directory: Store, account: str) -> None:
    content = bytes(range(256)) * 20
    found = draft(directory, add(directory, account, content, faults=(Fault(3, "é"),)))
    assert (found.content, found.faults) == (content, (Fault(3, "é"),))
    assert found.state is DraftState.uploaded
    assert found.is_open
    assert found.report is None
    with directory.reading() as session, pytest.raises(Unseen):
        publishing_repository.draft(session, "nothing")


def test_a_version_is_published_with_its_draft(directory: Store, account: str, second: str) -> None:
    one = add(directory, account)
    propose(directory, one)
    assert publish(directory, one, second)
    found = draft(directory, one)
    assert (found.state, found.agreed_by, found.settled_at) == (DraftState.published, second, LATER)
    with directory.reading() as session:
        assert protocol_repository.definition(session, "p", 1).content == b"a: 1"
        assert publishing_repository.published_from(session)["p", 1].id == one
        assert publishing_repository.current_digest(session, "p") == found.digest
        assert publishing_repository.latest_version(session, "p") == 1


@pytest.mark.exhaustive
def test_another_version_in_between_is_noticed(directory: Store, account: str, second: str) -> None:
    one, other = add(directory, account), add(directory, account, b"a: 2", 2)
    for each in (one, other):
        propose(directory, each)
    assert publish(directory, one, second)
    assert not publish(directory, other, second)
    assert draft(directory, other).state is DraftState.proposed
    with directory.reading() as session:
        assert [line.version for line in protocol_repository.definition_lines(session)] == [1]


@pytest.mark.exhaustive
def test_a_number_that_is_taken_leaves_nothing_behind(directory: Store, account: str, second: str) -> None:
    one = add(directory, account)
    propose(directory, one)
    assert publish(directory, one, second)
    base = draft(directory, one).digest
    again = add(directory, account, b"a: 3", 1, base=base)
    with directory.writing() as session:
        publishing_repository.keep_report(session, again, REPORT, base=base)
        publishing_repository.propose(session, again, at=NOW)
    assert not publish(directory, again, second)
    assert draft(directory, again).state is DraftState.proposed
    with directory.reading() as session:
        assert publishing_repository.current_digest(session, "p") == base


@pytest.mark.exhaustive
def test_only_what_is_proposed_is_published(directory: Store, account: str, second: str) -> None:
    one = add(directory, account)
    assert not publish(directory, one, second)
    with directory.writing() as session:
        assert publishing_repository.withdraw(session, one, at=NOW)
    assert not publish(directory, one, second)


@pytest.mark.exhaustive
def test_work_is_taken_once_and_comes_back(directory: Store, account: str) -> None:
    one = add(directory, account)
    add(directory, account, b"x", protocol="", version=0, faults=(Fault(1, "no"),))

    def waiting(left_since: Any) -> tuple[str, ...]:
        with directory.reading() as session:
            return publishing_repository.to_work_out(session, now=LATER, left_since=left_since)

    assert waiting(NOW) == (one,)
    with directory.writing() as session:
        assert publishing_repository.take(session, one, now=LATER, left_since=NOW)
        assert not publishing_repository.take(session, one, now=LATER, left_since=NOW)
    assert waiting(NOW) == ()
    assert waiting(LATER + timedelta(seconds=1)) == (one,)
    with directory.writing() as session:
        assert not publishing_repository.keep_report(session, one, REPORT, base="another")
        assert publishing_repository.keep_report(session, one, REPORT, base="")
    assert draft(directory, one).report == REPORT
    assert waiting(LATER + timedelta(seconds=1)) == ()
    with directory.writing() as session:
        assert publishing_repository.compare_with(session, one, "d" * 64)
    assert draft(directory, one).report is None


# ---- the database itself -------------------------------------------------------------------------------------------

FIXED = {
    "content": "'x'",
    "digest": f"'{'f' * 64}'",
    "protocol": "'q'",
    "version": "7",
    "account": "id",
    "file": "'other'",
    "faults": "'[]'",
    "at": "'2020-01-01'",
}


@pytest.mark.exhaustive(
    but=(
        "sqlite-content",
        "sqlite-faults",
        "sqlite-file",
    )
)
@pytest.mark.parametrize("column", FIXED)
def test_the_database_keeps_the_bytes_as_they_came(directory: Store, account: str, column: str) -> None:
    one = add(directory, account)
    value = FIXED[column]
    with pytest.raises(DBAPIError, match="never change"), directory.writing() as session:
        session.execute(text(f"UPDATE definition_draft SET {column} = {value} WHERE id = '{one}'"))
    with directory.writing() as session:
        session.execute(text(f"UPDATE definition_draft SET base = 'control' WHERE id = '{one}'"))
    assert draft(directory, one).base == "control"


@pytest.mark.exhaustive
def test_no_draft_goes_away(directory: Store, account: str) -> None:
    one = add(directory, account)
    with pytest.raises(DBAPIError, match="never change"), directory.writing() as session:
        session.execute(text("DELETE FROM definition_draft"))
    assert draft(directory, one).is_open


@pytest.mark.parametrize("state", ["published", "withdrawn"])
def test_what_is_settled_stays_so(directory: Store, account: str, second: str, state: str) -> None:
    one = add(directory, account)
    propose(directory, one)
    if state == "published":
        assert publish(directory, one, second)
    else:
        with directory.writing() as session:
            assert publishing_repository.withdraw(session, one, at=NOW)
    with pytest.raises(DBAPIError), directory.writing() as session:
        session.execute(text(f"UPDATE definition_draft SET base = 'x' WHERE id = '{one}'"))


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "change",
    [
        "state = 'published', agreed_by = account",
        "state = 'published', agreed_by = NULL",
        "agreed_by = account",
        "state = 'somewhere'",
        "state = 'proposed', proposed_at = NULL",
    ],
)
def test_the_database_asks_for_two_people(directory: Store, account: str, change: str) -> None:
    one = add(directory, account)
    propose(directory, one)
    with pytest.raises(DBAPIError), directory.writing() as session:
        session.execute(text(f"UPDATE definition_draft SET {change} WHERE id = '{one}'"))
    assert draft(directory, one).state is DraftState.proposed
