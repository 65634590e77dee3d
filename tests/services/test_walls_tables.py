"""Which tables stand behind the second wall, that none is forgotten, and that each holds: by raw SQL, both ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine.telling import NOW
from sqlalchemy import Boolean, Date, DateTime, Integer, LargeBinary, String, Table, func, insert, select, text
from sqlalchemy.engine import CursorResult
from storage.server import EVERYWHERE, stop_clock

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.storage import postgresql
from school_protocol.storage.engines import Session
from school_protocol.wiring import WIRING
from services.sharing_region import ABROAD
from services.test_walls import HERE, THERE, Two, two

__all__ = ["two"]

pytestmark = pytest.mark.skipif(EVERYWHERE, reason="has roles of its own")
REALM = WIRING.tables["realm"].tables
OF_A_CASE = tuple(name for name in postgresql.WALLED if "case_id" in REALM[name].c and name != "report")
DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
THERE_HEAD = f"head {ABROAD}"


# ---- no table is forgotten -----------------------------------------------------------------------------------------


def unsaid(tables: set[str]) -> set[str]:
    """Tables that are neither walled nor said to stand open."""
    return tables - set(postgresql.WALLED) - set(postgresql.OPEN)


def test_each_table_of_the_realm_stands_behind_the_wall_or_is_said_not_to() -> None:
    assert unsaid(set(REALM)) == set()
    assert set(postgresql.WALLED) & set(postgresql.OPEN) == set()
    assert (set(postgresql.WALLED) | set(postgresql.OPEN)) - set(REALM) == set()
    assert len(set(postgresql.WALLED)) == len(postgresql.WALLED)


def test_the_control_a_new_table_would_be_told() -> None:
    assert unsaid({*REALM, "case_rumour"}) == {"case_rumour"}


def test_what_stands_open_is_sealed_or_says_nothing_of_a_pupil() -> None:
    """Words and names of somebody are bytes there; a column of plain text is one that is known to hold codes."""
    holding = {"note", "name", "names", "text", "words", "answers", "title", "email", "phone", "content"}
    assert {
        (name, column.name) for name in postgresql.OPEN for column in REALM[name].c if column.name in holding
    } == set()


def test_the_docs_name_both() -> None:
    said = DOCS.read_text("utf-8").partition("### What stands behind the wall")[2].partition("\n## ")[0]
    walled, _, stands_open = said.partition("**Not behind it**")
    assert [name for name in postgresql.WALLED if f"`{name}`" not in walled] == []
    assert [name for name in postgresql.OPEN if f"`{name}`" not in stands_open] == []


# ---- each of them holds --------------------------------------------------------------------------------------------


def made_up(table: Table, case_id: str, unit: str) -> dict[str, Any]:
    """A row of a case, of the kinds of values that the table takes."""
    kinds: tuple[tuple[type, Any], ...] = (
        (Boolean, False), (Integer, 7), (DateTime, NOW), (Date, NOW.date()), (LargeBinary, case_id[:32].encode()),
    )  # fmt: skip
    row: dict[str, Any] = {}
    for column in table.c:
        kept_as = getattr(column.type, "impl_instance", column.type)
        row[column.name] = next((value for kind, value in kinds if isinstance(kept_as, kind)), {})
        if isinstance(kept_as, String):
            row[column.name] = case_id[: kept_as.length or 20]
    return {**row, "case_id": case_id} | ({"unit": unit} if "unit" in row else {})


@pytest.fixture(scope="module")
def filled(two: Two) -> Two:
    """A row in each walled table, of each of the two cases; guards and checks of the tables are off meanwhile."""
    with two.owner.writing() as session:
        found = session.execute(text("SELECT number, id, unit FROM case_record")).all()
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for _number, case_id, unit in found:
            for name in OF_A_CASE:
                table = REALM[name]
                if not session.scalar(select(func.count()).select_from(table).where(table.c.case_id == case_id)):
                    for check in table.constraints:
                        if type(check).__name__ == "CheckConstraint":
                            session.execute(text(f"ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {check.name}"))
                    session.execute(insert(table), made_up(table, case_id, unit))
    return two


def case_of(two: Two, who: str) -> str:
    with two.owner.reading() as session:
        found = session.scalar(text("SELECT id FROM case_record WHERE number = :one"), {"one": two.cases[who]})
    return str(found)


@contextmanager
def undone(two: Two, token: str) -> Iterator[Session]:
    """What is written in it, by the role of the pages, is taken back."""

    class Undone(Exception):
        pass

    try:
        with two.pages.seen_by(token).writing() as session:
            yield session
            raise Undone
    except Undone:
        pass


def touched(session: Session, statement: str, case_id: str) -> int:
    done = session.execute(text(statement), {"case": case_id})
    assert isinstance(done, CursorResult)
    return done.rowcount


@pytest.mark.exhaustive(only=("case_index",))
@pytest.mark.parametrize("name", OF_A_CASE)
def test_rows_of_a_case_are_there_for_its_school_and_for_no_other(filled: Two, name: str) -> None:
    here, there = case_of(filled, HERE), case_of(filled, THERE)
    token = filled.token(HERE)
    counted = f"SELECT count(*) FROM {name} WHERE case_id = :case"
    with filled.pages.seen_by(token).reading() as session:
        assert session.scalar(text(counted), {"case": there}) == 0
        assert session.scalar(text(counted), {"case": here}), "the control: its own are"
    with filled.owner.reading() as session:
        assert session.scalar(text(counted), {"case": there}), "the control: rows are there"
    may = f"SELECT has_table_privilege('{name}', '%s')"
    for statement, right in (
        (f"DELETE FROM {name} WHERE case_id = :case", "DELETE"),
        (f"UPDATE {name} SET case_id = case_id WHERE case_id = :case", "UPDATE"),
    ):
        with undone(filled, token) as session:
            if session.scalar(text(may % right)):
                session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
                assert touched(session, statement, there) == 0


def test_control_without_its_policies_a_table_shows_everything(filled: Two) -> None:
    there = {"case": case_of(filled, THERE)}
    counted = text("SELECT count(*) FROM case_due WHERE case_id = :case")
    token = filled.token(HERE)
    with filled.owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as owner:
        owner.exec_driver_sql("ALTER TABLE case_due DISABLE ROW LEVEL SECURITY")
        with filled.pages.seen_by(token).reading() as session:
            seen = session.scalar(counted, there)
        owner.exec_driver_sql("ALTER TABLE case_due ENABLE ROW LEVEL SECURITY")
    assert seen
    with filled.pages.seen_by(token).reading() as session:
        assert session.scalar(counted, there) == 0


def test_reports_are_those_of_ones_units_and_ones_own(two: Two) -> None:
    units = text("SELECT DISTINCT unit FROM report")
    with two.owner.reading() as session:
        assert len(session.scalars(units).all()) == 2, "the control"
    for who, units_seen in ((HERE, 1), (THERE, 1), ("academy", 1), ("directorate P3", 1), ("directorate P2", 0)):
        with two.pages.seen_by(two.token(who)).reading() as session:
            assert len(session.scalars(units).all()) == units_seen, who
    for token in ("", "nobody"):
        with two.pages.seen_by(token).reading() as session:
            assert session.scalars(units).all() == []


# ---- who has left --------------------------------------------------------------------------------------------------


def sees(two: Two, token: str) -> bool:
    return two.numbers(token) != set()


def told(two: Two, statement: str, **values: Any) -> None:
    with two.region.school.ctx.directory.writing() as session:
        session.execute(text(statement), values)


def ended(two: Two, account: str) -> None:
    told(two, "UPDATE appointment SET ends = :day WHERE account = :account",
         day=NOW.date() - timedelta(days=2), account=account)  # fmt: skip


def not_begun(two: Two, account: str) -> None:
    told(two, "UPDATE appointment SET starts = :day WHERE account = :account",
         day=NOW.date() + timedelta(days=2), account=account)  # fmt: skip


def shut(two: Two, account: str) -> None:
    told(two, "UPDATE account SET active = false WHERE id = :account", account=account)


def over(two: Two, account: str) -> None:
    told(two, "UPDATE web_session SET created_at = :began, expires_at = :over WHERE account = :account",
         began=NOW - timedelta(days=1), over=NOW - timedelta(seconds=1), account=account)  # fmt: skip


@pytest.mark.parametrize("change", [ended, not_begun, shut, over], ids=lambda one: one.__name__)
def test_whoever_holds_no_post_any_more_sees_nothing(two: Two, change: Callable[[Two, str], None]) -> None:
    name = f"{change.__name__} here"
    ctx = two.region.school.ctx
    with ctx.directory.writing() as session:
        account = auth_repository.add_account(
            session, username=name.replace(" ", "."), names={"fr": name}, language="fr", created_at=NOW, certified=True,
        )  # fmt: skip
        unit = two.region.school.player.school
        auth_repository.appoint(session, account, role="head", unit=unit, starts=date(2020, 1, 1))
    two.region.actors[name] = two.region.person("head")

    with ctx.directory.writing() as session:
        token = sign_in_repository.open_web_session(session, account, now=ctx.now())
    assert sees(two, token), "the control"
    change(two, account)
    assert not sees(two, token)


def test_days_and_sessions_end_by_the_clock_of_the_database(two: Two) -> None:
    address = two.owner.engine.url.difference_update_query(["options"]).render_as_string(hide_password=False)
    token = two.token(THERE)
    assert sees(two, token)
    stop_clock(address, NOW + timedelta(days=2))
    try:
        assert not sees(two, token)
    finally:
        stop_clock(address, NOW)
    assert sees(two, token)


# ---- what it costs -------------------------------------------------------------------------------------------------


def indexes_of(plan: Any) -> set[str]:
    """Every index that a plan looks into."""
    if isinstance(plan, list):
        return set().union(*(indexes_of(one) for one in plan))
    if not isinstance(plan, dict):
        return set()
    own = {plan["Index Name"]} if "Index Name" in plan else set()
    return own.union(*(indexes_of(one) for one in plan.values()))


MANY = 20_000
CROWD = {
    "case_index": (
        "'case_id', 'c' || i, 'number', 'n' || i, 'unit', 'u' || i % 500, 'province', 'p' || i % 50, 'region', 'r'"
    ),
    "case_due": "'case_id', 'c' || i",
}


@pytest.fixture(scope="module")
def crowded(two: Two) -> Two:
    """Cases of many other schools, as rows alone; what was planned for a handful of rows is planned anew."""
    with two.owner.writing() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for table, said in CROWD.items():
            session.execute(
                text(
                    f"INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object({said}))).* "
                    f"FROM (SELECT {table} FROM {table} LIMIT 1) AS like_this (one), generate_series(1, {MANY}) AS i"
                )
            )
    with two.owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as owner:
        owner.exec_driver_sql("ANALYZE")
    return two


def explained(two: Two, statement: str) -> set[str]:
    """Which indexes it looks into, as a page asks it."""
    with two.pages.seen_by(two.token(HERE)).reading() as session:
        plan = session.scalar(text(f"EXPLAIN (FORMAT JSON) {statement}"))
    return indexes_of(plan if isinstance(plan, list) else json.loads(plan))


@pytest.mark.exhaustive
def test_what_stands_in_lists_is_found_by_index_behind_the_wall(crowded: Two) -> None:
    """As pages ask: the wall adds a condition a row, found by key, and takes away no index."""
    unit = "SELECT number FROM case_index WHERE unit = 'u7' ORDER BY urgent, due_order, case_id LIMIT 20"
    assert any(one.startswith("ix_case_index_unit") for one in explained(crowded, unit))
    one = "SELECT * FROM case_due WHERE case_id = 'c7'"
    assert {"pk_case_due", "pk_case_index"} <= explained(crowded, one)
    assert {"pk_event", "pk_case_index"} <= explained(crowded, "SELECT * FROM event WHERE case_id = 'c7'")


@pytest.mark.exhaustive
def test_the_control_a_whole_table_is_told_from_an_index(crowded: Two) -> None:
    assert "pk_case_due" not in explained(crowded, "SELECT count(*) FROM case_due WHERE urgent")


def test_what_a_session_may_see_is_asked_once_a_statement(two: Two) -> None:
    """Not once a row: a plan names each of these functions as something worked out beforehand."""
    with two.pages.seen_by(two.token(HERE)).reading() as session:
        plan = json.dumps(session.scalar(text("EXPLAIN (FORMAT JSON, VERBOSE) SELECT number FROM case_index")))
    for name in ("wall_units", "wall_cases"):
        assert f"{name}()" in plan
        filters = [part for part in plan.split('"') if name in part and "ANY" in part]
        assert filters == [], "it stands in no condition itself"
