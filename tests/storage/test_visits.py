"""Visits, turns of duty and schools by what their teams lack."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import SQLAlchemyError

from school_protocol.auth import repository as auth_repository
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import UnitKind
from school_protocol.people import repository as people_repository
from school_protocol.people.repository import Place, Wanted
from school_protocol.storage.engines import Store
from school_protocol.supervision import repository as supervision_repository
from school_protocol.supervision.models import VisitEntryRow
from school_protocol.supervision.repository import Action, Entry, VisitCursor
from storage.conftest import NOW

TODAY = date(2026, 11, 25)


def school(session: Any, code: str, parent: str, **names: str) -> str:
    return auth_repository.add_unit(session, kind=UnitKind.school, code=code, names=names, parent=parent)


def person(
    session: Any, who: str, unit: str, until: date | None = None, *, password: str | None = "x", **changes: Any
) -> str:
    account = auth_repository.add_account(
        session, username=who, names={"fr": who}, language="fr", created_at=NOW, certified=until is not None,
        trained_until=until, password_hash=password,
    )  # fmt: skip
    auth_repository.appoint(session, account, **{"role": "member", "unit": unit, "starts": date(2020, 1, 1), **changes})
    return account


def entry(unit: str, actor: str, visit: str = "v1", **changes: Any) -> Entry:
    plain = Entry(
        visit=visit, number=1, kind="recorded", unit=unit, held_on=TODAY, came="two", remarks="seen", actor=actor,
        role="academy", at=NOW, actions=(Action("do", "head", TODAY), Action("done", "head", None, TODAY)),
    )  # fmt: skip
    return replace(plain, **changes)


@pytest.fixture
def place(directory: Store) -> tuple[str, str]:
    """A province with one school, and who writes."""
    with directory.writing() as session:
        province = auth_repository.add_unit(session, kind=UnitKind.province, code="P", names={"fr": "P"})
        return province, person(session, "writer", school(session, "00001A", province, fr="Un"))


def test_an_entry_comes_back_whole_and_stands_for_good(directory: Store, place: tuple[str, str]) -> None:
    with directory.writing() as session:
        first = entry(place[0], place[1])
        assert supervision_repository.write_visit(session, first)
        second = replace(first, number=2, kind="corrected", came="three")
        assert supervision_repository.write_visit(session, second)
        assert not supervision_repository.write_visit(session, replace(second, came="four")), (
            "its number was given meanwhile"
        )
    with directory.reading() as session:
        assert supervision_repository.history(session, "v1") == (first, second)
        assert supervision_repository.page_of_visits(session, [place[0]], limit=9) == (second,)
        assert supervision_repository.last_days(session, [place[0]]) == {place[0]: TODAY}
        with pytest.raises(Unseen):
            supervision_repository.latest_visit(session, "none")
    for change in (update(VisitEntryRow).values(came="x"), delete(VisitEntryRow)):
        with pytest.raises(SQLAlchemyError, match="append-only"), directory.writing() as session:
            session.execute(change)


def test_visits_are_paged_without_losing_one_and_narrowed(directory: Store, place: tuple[str, str]) -> None:
    with directory.writing() as session:
        for number in range(7):
            day = TODAY - timedelta(days=number // 2)
            done = (Action("do", "head", TODAY - timedelta(days=number), TODAY if number % 2 else None),)
            supervision_repository.write_visit(
                session, entry(place[0], place[1], f"v{number}", held_on=day, actions=done)
            )

    def listed(**narrowed: Any) -> list[str]:
        found, after = [], None
        while True:
            with directory.reading() as session:
                some = supervision_repository.page_of_visits(session, [place[0]], after=after, limit=2, **narrowed)
            if not some:
                return found
            found += [one.visit for one in some]
            after = VisitCursor.parse(str(VisitCursor(some[-1].held_on, some[-1].visit)))

    assert listed() == ["v1", "v0", "v3", "v2", "v5", "v4", "v6"]
    assert set(listed(with_open=True)) == {"v0", "v2", "v4", "v6"}
    assert set(listed(late_on=TODAY - timedelta(days=3))) == {"v4", "v6"}
    assert set(listed(since=TODAY)) == {"v0", "v1"}
    assert [VisitCursor.parse(text) for text in ("", "x~v", "2026-11-25~é", "2026-11-25~" + "v" * 99)] == [None] * 4


def test_turns_run_from_a_moment_until_another_and_are_taken_back(directory: Store, place: tuple[str, str]) -> None:
    hour = timedelta(hours=1)
    with directory.writing() as session:
        first, second = (
            people_repository.add_duty(
                session, unit=place[0], account=place[1], starts=NOW + at, ends=NOW + at + hour, by=place[1], at=NOW
            )
            for at in (timedelta(), 2 * hour)
        )
    with directory.reading() as session:
        assert [one.id for one in people_repository.on_duty(session, [place[0]], NOW)] == [first]
        assert people_repository.on_duty(session, [place[0]], NOW + hour) == ()
        assert people_repository.on_duty(session, ["elsewhere"], NOW) == ()
        turns = people_repository.running(session, [place[0]], starts=NOW, ends=NOW + 9 * hour)
        assert [one.id for one in turns] == [first, second]
        (later,) = people_repository.running(session, [place[0]], starts=NOW + hour, ends=NOW + 9 * hour)
        assert later.id == second
    with directory.writing() as session:
        people_repository.withdraw(session, first, at=NOW)
        with pytest.raises(Unseen):
            people_repository.turn(session, first)
        with pytest.raises(Unseen):
            people_repository.withdraw(session, first, at=NOW)
        assert people_repository.on_duty(session, [place[0]], NOW) == ()


@pytest.mark.postgresql
def test_schools_are_found_by_name_and_by_what_their_teams_lack(directory: Store) -> None:
    soon, later = TODAY + timedelta(days=10), TODAY + timedelta(days=900)
    with directory.writing() as session:
        province = auth_repository.add_unit(session, kind=UnitKind.province, code="P", names={"fr": "P"})
        beside = auth_repository.add_unit(session, kind=UnitKind.province, code="Q", names={"fr": "Q"})
        ids = {
            name: school(session, code, above, **{language: name})
            for code, name, above, language in (
                ("00001A", "delta", province, "fr"), ("00002A", "alpha", province, "fr"),
                ("00003A", "beta", province, "ar"), ("00004A", "gamma", province, "fr"),
                ("00005A", "far", beside, "fr"),
            )
        }  # fmt: skip
        person(session, "a1", ids["alpha"], later)
        person(session, "a2", ids["alpha"], TODAY)
        person(session, "b1", ids["beta"])
        person(session, "c1", ids["gamma"], later, ends=TODAY - timedelta(days=1))
        person(session, "c2", ids["gamma"], later, role="head")
        person(session, "c3", ids["gamma"], later, password=None)
        person(session, "d1", ids["delta"], soon)
        person(session, "d2", ids["delta"], later)
        people_repository.set_level(session, ids["alpha"], "primary")
        people_repository.set_level(session, ids["alpha"], "lower")

    def found(language: str = "fr", limit: int = 50, **narrowed: Any) -> list[str]:
        wanted = Wanted(
            units=[province], roles=["member"], today=TODAY, until=TODAY + timedelta(days=90), trained=2, **narrowed
        )
        names: list[str] = []
        after: Place | None = None
        with directory.reading() as session:
            while some := people_repository.page_of_teams(session, wanted, language, after=after, limit=limit):
                names += [one.name for one in some]
                after = some[-1]
        return names

    assert found() == found(limit=1) == found("ar", limit=2) == ["alpha", "beta", "delta", "gamma"]
    assert found(lack="team") == ["gamma"]
    assert found(lack="few") == ["beta"]
    assert found(lack="ending") == ["alpha", "delta"]
    assert found(lack="long", since=date(2020, 1, 1)) == ["alpha", "beta", "delta"]
    assert found(lack="long", since=date(2019, 12, 31)) == []
    assert found(level="lower") == ["alpha"]
    assert found(level="primary") == []
