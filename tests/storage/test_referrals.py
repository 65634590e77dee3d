"""The register of referrals: what a scope lets somebody see is what policy says, and pages lose nobody."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.index_repository import IndexRow, IndexSeat
from school_protocol.cases.models import CaseReferralRow
from school_protocol.engine.visibility import Clause, Reach, Reader, Scope, may_see
from school_protocol.privacy import repository as privacy_repository
from school_protocol.supervision import referral_repository
from school_protocol.supervision.referral_repository import CaseReferral, Cursor, Filter, Page
from storage.conftest import NOW, Realm
from storage.test_index import row

TODAY = date(2026, 11, 25)
EVERYBODY = Scope("overseer", (Clause("test", Reach.region, "region", sees_restricted=True),))
ALL = Filter()


def sent(number: int = 1, target: str = "police", days: float = 0, **changes: Any) -> CaseReferral:
    at = NOW - timedelta(days=days)
    plain = CaseReferral(number=number, target=target, sent_at=at, on_danger=False, awaits=True)
    return replace(plain, **changes)


def referred(realm: Realm, *referrals: CaseReferral, **changes: Any) -> IndexRow:
    case_id = realm.open_case(unit=changes.get("unit", "school-1"))
    with realm.store.writing() as session:
        made = row(case_id, cases_repository.opened(session, case_id).number, **changes)
        index_repository.write(session, made, [referral_repository.rows_of(made, referrals)])
    return made


def page(realm: Realm, scope: Scope = EVERYBODY, filter: Filter = ALL, limit: int = 50, after: Any = None) -> Page:
    with realm.store.reading() as session:
        return referral_repository.page_of_referrals(
            session, scope, today=TODAY, limit=limit, filter=filter, after=after
        )


def shown(found: Page) -> list[tuple[str, int]]:
    return [(line.case, line.referral.number) for line in found.lines]


@pytest.mark.postgresql
def test_a_referral_comes_back_whole_and_takes_the_place_of_the_one_before(realm: Realm) -> None:
    chased = sent(2, "prosecutor", 4, on_danger=True, chase_at=NOW - timedelta(days=1))
    told = sent(1, "directorate", awaits=False, acknowledged_at=NOW, settled_at=NOW)
    made = referred(realm, told, chased)
    with realm.store.reading() as session:
        assert referral_repository.referrals_of_case(session, made.case_id) == (told, chased)
    (line, _other) = page(realm).lines
    assert (line.case, line.protocol, line.version, line.state, line.unit) == (
        made.number, "test", 1, "listening", "school-1",
    )  # fmt: skip
    assert line.referral == chased, "what is to be chased comes first"
    with realm.store.writing() as session:
        index_repository.write(session, made, [referral_repository.rows_of(made, [told])])
    with realm.store.reading() as session:
        assert referral_repository.referrals_of_case(session, made.case_id) == (told,)


@pytest.mark.postgresql
def test_it_goes_with_the_index_row_and_with_the_case(realm: Realm) -> None:
    first, second = referred(realm, sent()), referred(realm, sent())
    with realm.store.writing() as session:
        index_repository.remove(session, first.case_id)
        privacy_repository.erase_case(session, realm.vault, second.case_id, at=NOW, actor="me")
    with realm.store.reading() as session:
        assert session.scalars(select(CaseReferralRow.case_id)).all() == []


@pytest.mark.postgresql
def test_pages_lose_nobody_in_either_order(realm: Realm) -> None:
    drawn = random.Random(7)
    for number in range(12):
        moments = [drawn.choice((0, 1, 2)) for _each in range(3)]
        referred(
            realm,
            *(
                sent(place, days=days, chase_at=NOW + timedelta(days=drawn.choice((-1, 1))) if place % 2 else None)
                for place, days in enumerate(moments, 1)
            ),
            province=drawn.choice(("province", "other")),
            restricted=number % 5 == 0,
        )
    ways = (*EVERYBODY.clauses, Clause("test", Reach.province, "other", sees_restricted=True))
    for filter in (ALL, Filter(newest_first=True), Filter(awaits=True)):
        whole = shown(page(realm, Scope("x", ways), filter))
        walked: list[tuple[str, int]] = []
        after: Cursor | None = None
        while True:
            found = page(realm, Scope("x", ways), filter, limit=5, after=after)
            walked += shown(found)
            after = Cursor.parse(str(found.after)) if found.after else None
            if after is None:
                break
        assert walked == whole
        assert len(set(walked)) == len(walked) == 36
    first = page(realm, filter=Filter(newest_first=True)).lines
    assert [line.referral.sent_at for line in first] == sorted((line.referral.sent_at for line in first), reverse=True)


SCOPES = [
    Scope("me", (Clause("test", Reach.unit, "school-1"),)),
    Scope("me", (Clause("test", Reach.unit, "school-1", only_team_states=True),)),
    Scope("me", (Clause("test", Reach.province, "province"),)),
    Scope("me", (Clause("test", Reach.province, "province", sees_restricted=True),)),
    Scope("me", (Clause("test", Reach.region, "region"),)),
    Scope("me", (Clause("test", Reach.under, "school-1", sees_restricted=True, metadata=True),)),
    Scope("me", (Clause("test", Reach.seat, sees_restricted=True),)),
    Scope("me", (Clause("other", Reach.region, "region"),)),
    Scope("me", (Clause("test", Reach.seat, sees_restricted=True), Clause("test", Reach.region, "region")), now=NOW),
    Scope("me", ()),
]


@pytest.mark.exhaustive
def test_the_register_shows_what_policy_lets_somebody_see_and_nothing_else(realm: Realm) -> None:
    made = [
        referred(realm, sent(), **changes)
        for changes in (
            {}, {"unit": "school-2"}, {"unit": "school-2", "province": "other"}, {"team_sees": True},
            {"restricted": True}, {"exclusions": frozenset({"me"})}, {"seats": (IndexSeat("me", "lead"),)},
            {"seats": (IndexSeat("me", "lead", TODAY - timedelta(days=1)),), "unit": "school-3", "province": "far",
             "region": "far"},
            {"restricted": True, "readers": frozenset({Reader("me")})},
            {"restricted": True, "readers": frozenset({Reader("me", NOW + timedelta(hours=1))})},
            {"restricted": True, "readers": frozenset({Reader("me", NOW - timedelta(hours=1))})},
            {"protocol": "other", "seats": (IndexSeat("me", "lead"),)},
        )
    ]  # fmt: skip
    for scope in SCOPES:
        expected = {one.number for one in made if may_see(scope, one.place(TODAY))}
        assert {case for case, _number in shown(page(realm, scope))} == expected, scope
    assert any(shown(page(realm, scope)) for scope in SCOPES)


def test_filters_narrow_down_and_cost_the_same_queries(realm: Realm) -> None:
    late = referred(realm, sent(days=4, chase_at=NOW - timedelta(hours=1)))
    soon = referred(realm, sent(target="prosecutor", chase_at=NOW + timedelta(hours=1)), unit="school-2")
    seen = referred(realm, sent(acknowledged_at=NOW), province="other")
    done = referred(realm, sent(awaits=False, settled_at=NOW, acknowledged_at=NOW))
    told = referred(realm, sent(target="head", awaits=False))
    for filter, expected in (
        (Filter(awaits=True), [late, soon, seen]),
        (Filter(silent_at=NOW), [late]),
        (Filter(awaits=True, acknowledged=True), [seen]),
        (Filter(settled=True), [done]),
        (Filter(awaits=False, settled=False), [told]),
        (Filter(targets=frozenset({"prosecutor", "head"})), [soon, told]),
        (Filter(place="school-2"), [soon]),
        (Filter(place="other"), [seen]),
        (Filter(since=NOW - timedelta(days=1), awaits=True), [soon, seen]),
    ):
        found = [case for case, _number in shown(page(realm, filter=filter))]
        assert found == [one.number for one in expected], filter

    asked: list[str] = []
    event.listen(realm.store.engine, "before_cursor_execute", lambda _c, _k, statement, *_: asked.append(statement))
    page(realm, limit=1)
    one = len(asked)
    page(realm)
    assert len(asked) == 2 * one


def test_a_cursor_that_is_none_is_not_believed() -> None:
    cursor = Cursor(NOW, NOW, "abc", 3)
    assert Cursor.parse(str(cursor)) == cursor
    for text in (
        "", "~", "x~y~z~1", str(cursor) + "~", str(cursor).replace("abc", "a'c"), str(cursor).replace("~3", "~-3"),
        "2026-11-25T09:00:00~2026-11-25T09:00:00~abc~1", f"{cursor}{'9' * 200}",
        "9999-12-31T23:59:59-14:00~9999-12-31T23:59:59-14:00~abc~1",
    ):  # fmt: skip
        assert Cursor.parse(text) is None, text
