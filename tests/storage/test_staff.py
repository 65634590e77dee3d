"""People below some units, certificates, accounts known elsewhere, lists: what is found, kept and refused."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.engine.visibility import UnitKind
from school_protocol.people import import_repository
from school_protocol.people import repository as people_repository
from school_protocol.people.import_repository import Line, State, Verdict
from school_protocol.people.repository import Certificate
from school_protocol.storage.engines import Session, Store
from storage.conftest import NOW

TODAY = NOW.date()


def places(session: Session) -> dict[str, str]:
    """Two schools in a province, one beside it, under one region."""
    region = auth_repository.add_unit(session, kind=UnitKind.region, code="R", names={"fr": "R"})
    first = auth_repository.add_unit(session, kind=UnitKind.province, code="P1", names={"fr": "P1"}, parent=region)
    second = auth_repository.add_unit(session, kind=UnitKind.province, code="P2", names={"fr": "P2"}, parent=region)
    found = {"R": region, "P1": first, "P2": second}
    for code, above in (("00000A", first), ("00000B", first), ("00000C", second)):
        found[code] = auth_repository.add_unit(
            session, kind=UnitKind.school, code=code, names={"fr": code}, parent=above
        )
    return found


def person(session: Session, username: str, unit: str, *, until: int | None = None, role: str = "member") -> str:
    account = auth_repository.add_account(
        session, username=username, names={"fr": username}, language="fr", created_at=NOW, certified=until is not None,
        trained_until=TODAY + timedelta(days=until) if until is not None else None,
    )  # fmt: skip
    auth_repository.appoint(session, account, role=role, unit=unit, starts=date(2020, 1, 1))
    return account


def test_one_of_two_tops_is_not_everywhere(directory: Store) -> None:
    with directory.writing() as session:
        units = places(session)
        other = auth_repository.add_unit(session, kind=UnitKind.region, code="Q", names={"fr": "Q"})
        person(session, "a", units["00000A"], until=1)
        person(session, "q", other, until=1)
    with directory.reading() as session:
        for top, name in ((units["R"], "a"), (other, "q")):
            assert [one.username for one in people_repository.people(session, [top], limit=10)] == [name]
            near = people_repository.ending(session, [top], [], today=TODAY, until=TODAY + timedelta(days=9), limit=10)
            assert [one.username for one in near] == [name]
        assert people_repository.places(session, [other], limit=10) == (other,)


@pytest.mark.postgresql
def test_people_are_found_below_a_unit_by_key(directory: Store) -> None:
    with directory.writing() as session:
        units = places(session)
        for name, unit in (("a", "00000A"), ("b", "00000B"), ("c", "00000C"), ("d", "R")):
            person(session, name, units[unit])
    with directory.reading() as session:

        def names(*codes: str, **more: object) -> list[str]:
            found = people_repository.people(session, [units[code] for code in codes], limit=10, **more)  # type: ignore[arg-type]
            return [one.username for one in found]

        assert names("R") == ["a", "b", "c", "d"]
        assert names("P1") == ["a", "b"]
        assert names("P2", "00000A") == ["a", "c"]
        assert names("R", after="b") == ["c", "d"]
        assert people_repository.places(session, [units["R"]], limit=3) == (
            units["00000A"],
            units["00000B"],
            units["00000C"],
        )
        assert people_repository.places(session, [units["P2"]], limit=9) == (units["00000C"], units["P2"])
        assert people_repository.is_below(session, units["00000A"], [units["P1"]])
        assert not people_repository.is_below(session, units["00000A"], [units["P2"]])
        assert not people_repository.is_below(session, "no such unit", [units["R"]])
        assert len(people_repository.places(session, [units["P1"]], limit=10)) == 3


def test_certificates_that_end_are_found_soonest_first(directory: Store) -> None:
    with directory.writing() as session:
        units = places(session)
        for name, until in (("late", 40), ("soon", 5), ("far", 90), ("over", -1), ("never", None)):
            person(session, name, units["00000A"], until=until)
        person(session, "other", units["00000C"], until=5)
    with directory.reading() as session:

        def names(after: tuple[date, str] | None = None, roles: tuple[str, ...] = ("member",)) -> list[str]:
            found = people_repository.ending(
                session, [units["P1"]], roles, today=TODAY, until=TODAY + timedelta(days=60), after=after, limit=10
            )
            return [one.username for one in found]

        assert names() == ["over", "soon", "late"]
        assert names(roles=()) == ["soon", "late"]
        assert names(after=(TODAY + timedelta(days=5), "soon")) == ["late"]


@pytest.mark.exhaustive(
    but=(
        "sqlite-DELETE FROM certificate",
        "sqlite-UPDATE certificate SET until = '2099-01-01'",
    )
)
@pytest.mark.parametrize("statement", ["UPDATE certificate SET until = '2099-01-01'", "DELETE FROM certificate"])
def test_a_certificate_is_never_changed(directory: Store, statement: str) -> None:
    with directory.writing() as session:
        account = person(session, "nadia", places(session)["00000A"])
        people_repository.keep_certificates(session, [Certificate(account, None, TODAY, account, NOW)])
    with pytest.raises(DatabaseError), directory.writing() as session:
        session.execute(text(statement))


@pytest.mark.exhaustive(but=("sqlite",))
def test_an_account_is_linked_to_one_subject_of_a_provider(directory: Store) -> None:
    with directory.writing() as session:
        units = places(session)
        first, second = person(session, "a", units["R"]), person(session, "b", units["R"])
        sign_in_repository.link(session, "https://id.example", "s1", first, at=NOW)
        sign_in_repository.link(session, "https://other.example", "s1", second, at=NOW)
    with directory.reading() as session:
        assert sign_in_repository.account_known_as(session, "https://id.example", "s1") == first
        assert sign_in_repository.account_known_as(session, "https://id.example", "s2") is None
        assert sign_in_repository.subject_of(session, "https://id.example", second) is None
    for account, subject in ((first, "s2"), (second, "s1")):
        with pytest.raises(DatabaseError), directory.writing() as session:
            sign_in_repository.link(session, "https://id.example", subject, account, at=NOW)


@pytest.mark.exhaustive
def test_a_list_is_taken_by_one_worker_at_a_time(directory: Store) -> None:
    with directory.writing() as session:
        account = person(session, "a", places(session)["R"])
        batch = import_repository.bring(session, account, b"content", "liste.csv", 2, at=NOW)
    with directory.writing() as session:
        assert getattr(import_repository.take_next(session, now=NOW), "id", None) == batch
        assert import_repository.take_next(session, now=NOW) is None, "somebody is at it"
        later = NOW + import_repository.LEASE * 1.1
        assert import_repository.take_next(session, now=later) is not None, "who died is made up for"
        lines = [
            Line(2, Verdict.new, "person", {"username": "x"}, []),
            Line(3, Verdict.refused, "person", {}, ("no_name",)),
        ]
        import_repository.keep_lines(session, batch, lines, now=NOW)
        import_repository.set_ready(session, batch, "d" * 64, at=NOW)
        import_repository.note_accounts(session, batch, {2: account})
    with directory.writing() as session:
        found = import_repository.batch(session, batch)
        assert found is not None
        assert (found.state, found.done, found.digest) == (State.ready, 2, "d" * 64)
        assert import_repository.lines(session, batch, (Verdict.refused,), limit=9) == (lines[1],)
        assert import_repository.made_accounts(session, batch) == (account,)
        assert import_repository.counts(session, batch)["person", Verdict.new] == 1
        assert import_repository.content_of(session, batch) == b"content"
        import_repository.set_state(session, batch, State.applied, at=NOW)
        assert import_repository.content_of(session, batch) == b"", "its bytes go once it is settled"
        assert import_repository.drop_settled(session, NOW) == 0
        assert import_repository.drop_settled(session, NOW + timedelta(days=1)) == 1
        assert import_repository.batch(session, batch) is None


@pytest.mark.exhaustive
def test_a_list_stands_where_it_may_stand_alone(directory: Store) -> None:
    with directory.writing() as session:
        account = person(session, "a", places(session)["R"])
        import_repository.bring(session, account, b"x", "l", 1, at=NOW)
    with pytest.raises(DatabaseError), directory.writing() as session:
        session.execute(text("UPDATE staff_import SET state = 'lost'"))
