"""What the queue of reviews asks of a database: a page walks one index in its order, a case's own rows are few."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Column, event, func
from sqlalchemy.orm import Session

from school_protocol.engine.visibility import Clause, Reach, Scope
from school_protocol.supervision import repository as supervision_repository
from school_protocol.supervision.repository import Asker, Chosen
from storage.conftest import NOW, Realm

SCOPE = Scope("a", (Clause("test", Reach.region, "region"),))
ASKER = Asker(SCOPE, (("overseer", "region"),), date(2026, 11, 25), NOW)
OF_A_ROLE = "(role=?)"
"""A walk over all that waits for a role, however many cases that are."""


def plans(session: Session) -> list[str]:
    """How SQLite goes about each statement of a page, of its cases' rows, and of what it leaves out."""
    asked: list[tuple[str, Any]] = []
    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *a: asked.append((a[2], a[3])))
    supervision_repository.page_of_reviews(session, ASKER, limit=25, chosen=Chosen())
    supervision_repository._waits(session, ASKER, [f"c{number}" for number in range(25)], supervision_repository.KINDS)
    supervision_repository.page_of_reviews(session, ASKER, limit=25, chosen=Chosen(kind=supervision_repository.TEAM))
    supervision_repository.passed_over(session, ASKER, chosen=Chosen(kind="visa", level=4), most=100)
    found = list(asked)
    return [str(line[3]) for said, given in found for line in connection.exec_driver_sql(
        f"EXPLAIN QUERY PLAN {said}", given)]  # fmt: skip


def looked_at(realm: Realm) -> list[str]:
    if realm.store.engine.dialect.name != "sqlite":
        pytest.skip("reads SQLite's plans")
    with realm.store.reading() as session:
        return plans(session)


def test_a_case_is_asked_for_its_own_rows_alone(realm: Realm) -> None:
    found = looked_at(realm)
    assert any("ix_case_review_role_region_rank_gravity_since_case_id (role=? AND region=?" in one for one in found)
    assert sum("sqlite_autoindex_case_review_1 (case_id=?" in one for one in found) >= 2, found
    assert not [one for one in found if one.endswith(OF_A_ROLE)]


def test_the_look_at_plans_sees_a_walk_over_a_role(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: asked plainly for its role, SQLite without statistics walks all that waits for it."""

    def plain(column: Any, _default: str) -> Column[str]:
        return column  # type: ignore[no-any-return]

    monkeypatch.setattr(
        supervision_repository, "func", type("Func", (), {"coalesce": staticmethod(plain), "count": func.count})
    )
    assert [one for one in looked_at(realm) if one.endswith(OF_A_ROLE)]
