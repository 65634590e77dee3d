"""The index: what a scope lets somebody see is the same in SQL and in policy, and pages lose nobody."""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, insert, select, text

from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.index_repository import Cursor, Due, Filter, IndexRow, IndexSeat, Waited
from school_protocol.cases.models import CaseIndexRow
from school_protocol.engine.visibility import Clause, Reach, Reader, Scope, may_see
from school_protocol.publishing.repository import count_open, open_on_version
from school_protocol.storage import migrate
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.models import CaseRecordRow
from school_protocol.wiring import WIRING
from storage.conftest import NOW, Realm

TODAY = date(2026, 11, 25)
MOMENTS = (NOW - timedelta(hours=1), NOW, NOW + timedelta(hours=4))
EVERYBODY = Scope("overseer", (Clause("test", Reach.region, "region", sees_restricted=True),))


def row(case_id: str, number: str = "", **changes: Any) -> IndexRow:
    plain = IndexRow(
        case_id=case_id,
        number=number or f"{random.randrange(10**13):013}",
        word="compass",
        protocol="test",
        version=1,
        unit="school-1",
        province="province",
        region="region",
        state="listening",
        stage="listening",
        opened_at=NOW,
        moved_at=NOW,
        last_seq=1,
    )
    return replace(plain, **changes)


def indexed(realm: Realm, **changes: Any) -> IndexRow:
    case_id = realm.open_case(unit=changes.get("unit", "school-1"))
    with realm.store.writing() as session:
        made = row(case_id, cases_repository.opened(session, case_id).number, **changes)
        index_repository.write(session, made)
    return made


def full(realm: Realm) -> IndexRow:
    return indexed(
        realm,
        level=2,
        raised=1,
        urgent=True,
        next_due_at=NOW + timedelta(hours=3),
        next_due_key="hear",
        next_key="listen",
        next_kind="act",
        waiting_since=NOW - timedelta(days=1),
        waits_on_authority=False,
        waits_on_family=True,
        waiting_for=frozenset({"head", "member"}),
        seats=(IndexSeat("a", "lead"), IndexSeat("b", "support", TODAY)),
        exclusions=frozenset({"x"}),
        readers=frozenset({Reader("r"), Reader("later", NOW + timedelta(hours=4))}),
        dues=(Due("hear", NOW + timedelta(hours=3)), Due("refer", NOW + timedelta(days=2), "danger-1", True)),
        planned=(Due("look_in", NOW + timedelta(days=5), "2026-11-30"),),
        figures={"kind": "insult", "images": True, "count": 3},
    )


# ---- rows ----------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_row_comes_back_whole(realm: Realm) -> None:
    made = full(realm)
    with realm.store.reading() as session:
        assert index_repository.row_of(session, made.case_id) == made


def said_while(store: Store, made: IndexRow) -> list[str]:
    """Which tables a row, written again, is written into or taken out of."""
    said: list[str] = []

    def executed(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        said.extend(re.findall(r"^(?:INSERT INTO|DELETE FROM|UPDATE) (\w+)", statement))

    event.listen(store.engine, "before_cursor_execute", executed)
    with store.writing() as session:
        index_repository.write(session, made)
    event.remove(store.engine, "before_cursor_execute", executed)
    with store.reading() as session:
        assert index_repository.row_of(session, made.case_id) == made
    return said


def test_what_differs_is_written_and_all_of_it_where_others_see_the_case(realm: Realm) -> None:
    made = full(realm)
    everything = said_while(realm.store, made)
    assert {"case_index", "case_seat", "case_waiting", "case_due"} <= {*everything}, (
        "without keys nothing is told apart"
    )
    realm.store.under(realm.vault)
    assert said_while(realm.store, made) == everything, "what was written without keys isn't told apart, either"
    assert said_while(realm.store, replace(made, last_seq=2)) == ["case_index", "case_look"]
    less = replace(made, last_seq=2, waiting_for=frozenset())
    assert said_while(realm.store, less) == ["case_index", "case_look", "case_waiting"]
    assert said_while(realm.store, replace(less, seats=())) == [one for one in everything if one not in GONE]
    assert said_while(realm.store, replace(made, unit="elsewhere")) == everything


GONE = ("case_waiting", "case_seat")


@pytest.mark.exhaustive
def test_writing_again_replaces_everything(realm: Realm) -> None:
    made = full(realm)
    later = row(made.case_id, made.number, last_seq=2, state="closed", ended=True)
    with realm.store.writing() as session:
        index_repository.write(session, later)
    with realm.store.reading() as session:
        assert index_repository.row_of(session, made.case_id) == later


def test_removing_leaves_no_part_behind(realm: Realm) -> None:
    made = full(realm)
    with realm.store.writing() as session:
        index_repository.remove(session, made.case_id)
    with realm.store.reading() as session:
        for table in ("seat", "exclusion", "reader", "due", "figure", "waiting", "index"):
            assert session.scalar(text(f"SELECT count(*) FROM case_{table}")) == 0
        assert index_repository.all_case_ids(session) == [made.case_id]


@pytest.mark.exhaustive
def test_the_same_seat_twice_lasts_the_longer(realm: Realm) -> None:
    made = indexed(
        realm, seats=(IndexSeat("a", "lead", TODAY), IndexSeat("a", "lead", None), IndexSeat("a", "support", TODAY))
    )
    with realm.store.reading() as session:
        found = index_repository.row_of(session, made.case_id)
    assert found is not None
    assert set(found.seats) == {IndexSeat("a", "lead"), IndexSeat("a", "support", TODAY)}


@pytest.mark.exhaustive
def test_the_same_deadline_twice_is_due_the_sooner(realm: Realm) -> None:
    made = indexed(realm, dues=(Due("hear", NOW + timedelta(days=2)), Due("hear", NOW)))
    with realm.store.reading() as session:
        found = index_repository.row_of(session, made.case_id)
    assert found is not None
    assert found.dues == (Due("hear", NOW),)


# ---- visibility ----------------------------------------------------------------------------------------------------

ACCOUNTS, PLACES, PROTOCOLS = ["a1", "a2", "a3"], ["s1", "s2", "p1", "r1"], ["one", "two"]
some = st.frozensets(st.sampled_from(ACCOUNTS))
seats = st.lists(
    st.builds(
        IndexSeat,
        st.sampled_from(ACCOUNTS),
        st.just("lead"),
        st.none() | st.dates(TODAY - timedelta(2), TODAY + timedelta(2)),
    ),
    max_size=3,
    unique_by=lambda seat: seat.account,
).map(tuple)
drawn_rows = st.fixed_dictionaries(
    {
        "protocol": st.sampled_from(PROTOCOLS),
        "unit": st.sampled_from(PLACES),
        "province": st.sampled_from(PLACES),
        "region": st.sampled_from(PLACES),
        "team_sees": st.booleans(),
        "restricted": st.booleans(),
        "seats": seats,
        "exclusions": some,
        "readers": st.frozensets(
            st.builds(Reader, st.sampled_from(ACCOUNTS), st.none() | st.sampled_from(MOMENTS)),
            max_size=2,
        ),
    }
)
clauses = st.builds(
    Clause,
    st.sampled_from(PROTOCOLS),
    st.sampled_from(Reach),
    st.sampled_from(["", *PLACES]),
    st.booleans(),
    st.booleans(),
)
scopes = st.builds(
    Scope, st.sampled_from(ACCOUNTS), st.lists(clauses, max_size=5).map(tuple), st.none() | st.sampled_from(MOMENTS)
)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store in which case records are of no interest."""
    store = Store(open_engine(f"sqlite:///{tmp_path_factory.mktemp('bare') / 'realm.sqlite'}"))
    migrate.upgrade(store.engine, "realm", WIRING.tables)
    with store.writing() as session:
        for number in range(12):
            session.execute(
                insert(CaseRecordRow).values(
                    id=f"c{number}",
                    number=f"{number:013}",
                    protocol="p",
                    version=1,
                    digest="d" * 64,
                    unit="u",
                    opened_at=NOW,
                )
            )
    yield store
    store.close()


@pytest.mark.exhaustive
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(drawn_rows, min_size=1, max_size=12), scope=scopes)
def test_where_is_may_see(bare: Store, drawn: list[dict[str, Any]], scope: Scope) -> None:
    rows = [row(f"c{number}", f"{number:013}", **each) for number, each in enumerate(drawn)]
    with bare.writing() as session:
        session.execute(delete(CaseIndexRow))
        for each in rows:
            index_repository.write(session, each)
    expected = {each.case_id for each in rows if may_see(scope, each.place(TODAY))}
    with bare.reading() as session:
        where = index_repository.where_visible(scope, TODAY)
        assert set(session.scalars(select(CaseIndexRow.case_id).where(where))) == expected
        page = index_repository.page(session, scope, today=TODAY, limit=50)
        assert {each.case_id for each in page.rows} == expected
        assert len(page.rows) == len(expected)
        for each in rows:
            found = index_repository.find(session, scope, each.number, today=TODAY)
            assert (found is not None) == (each.case_id in expected)


def test_no_clause_sees_nothing(realm: Realm) -> None:
    full(realm)
    with realm.store.reading() as session:
        assert index_repository.page(session, Scope("a", ()), today=TODAY, limit=10).rows == ()


def test_a_seat_ends_after_its_last_day(realm: Realm) -> None:
    made = full(realm)
    scope = Scope("b", (Clause("test", Reach.seat),))
    with realm.store.reading() as session:
        assert index_repository.find(session, scope, made.number, today=TODAY) == made
        assert index_repository.find(session, scope, made.number, today=TODAY + timedelta(days=1)) is None
        assert index_repository.find_by_id(session, scope, made.case_id, today=TODAY) == made


# ---- pages ---------------------------------------------------------------------------------------------------------


def pages(store: Store, scope: Scope, limit: int, **options: Any) -> list[IndexRow]:
    found: list[IndexRow] = []
    after: Cursor | None = None
    while True:
        with store.reading() as session:
            page = index_repository.page(session, scope, today=TODAY, limit=limit, after=after, **options)
        found.extend(page.rows)
        assert len(page.rows) <= limit
        assert page.rows or after is None, "a page was promised where there was none"
        if page.after is None:
            return found
        after = Cursor.parse(str(page.after))
        assert after == page.after


@pytest.mark.exhaustive
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drawn=st.lists(st.tuples(st.booleans(), st.none() | st.integers(-2, 2)), min_size=1, max_size=12),
    limit=st.integers(1, 13),
    urgent_first=st.booleans(),
)
def test_pages_are_complete_in_order_and_without_duplicates(
    bare: Store, drawn: list[tuple[bool, int | None]], limit: int, urgent_first: bool
) -> None:
    """Raised dangers first, equal moments by id; seen by seat, unit and region at once, still each stands once."""
    scope = Scope("a", (*EVERYBODY.clauses, Clause("test", Reach.seat), Clause("test", Reach.unit, "school-1")))
    with bare.writing() as session:
        session.execute(delete(CaseIndexRow))
        for number, (urgent, hour) in enumerate(drawn):
            due = {} if hour is None else {"next_due_at": NOW + timedelta(hours=hour), "next_due_key": "k"}
            index_repository.write(
                session, row(f"c{number}", f"{number:013}", seats=(IndexSeat("a", "lead"),), urgent=urgent, **due)
            )
    found = pages(bare, scope, limit, urgent_first=urgent_first)
    expected = sorted(
        (urgent_first and not urgent, hour is None, hour or 0, f"c{number}")
        for number, (urgent, hour) in enumerate(drawn)
    )
    assert [each.case_id for each in found] == [case_id for *_, case_id in expected]


def test_a_danger_stands_before_what_is_late_on_every_page(bare: Store) -> None:
    """Twelve cases, most of them due at the same moment: the dangers come first, whatever is late."""
    with bare.writing() as session:
        session.execute(delete(CaseIndexRow))
        for number in range(12):
            due_at = NOW - timedelta(days=4) if number < 10 else NOW + timedelta(days=2)
            urgent = number in (3, 11)
            index_repository.write(
                session, row(f"c{number}", f"{number:013}", next_due_at=due_at, next_due_key="k", urgent=urgent)
            )
    for limit in (1, 2, 3, 12):
        found = [each.case_id for each in pages(bare, EVERYBODY, limit)]
        assert found == ["c3", "c11", *(f"c{number}" for number in (0, 1, 2, 4, 5, 6, 7, 8, 9)), "c10"]


@pytest.mark.exhaustive
def test_a_page_costs_the_same_wherever_it_lies(realm: Realm) -> None:
    """No leg sorts: each walks an index in its order, from the cursor on."""
    if realm.store.engine.dialect.name != "sqlite":
        pytest.skip("reads SQLite's plans")
    scope = Scope("a", (Clause("test", Reach.unit, "school-1"), Clause("test", Reach.region, "region")))
    statements: list[tuple[str, Any]] = []
    with realm.store.reading() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *a: statements.append((a[2], a[3])))
        index_repository.page(session, scope, today=TODAY, limit=10, after=Cursor(NOW, "a", True))
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statements[0][0]}", statements[0][1])
        details = [line[3] for line in plan]
    for used in (
        "ix_case_index_unit_urgent_due_order_case_id (unit=? AND urgent=? AND (due_order,case_id)>(?,?))",
        "ix_case_index_unit_urgent_due_order_case_id (unit=? AND urgent=?)",
        "ix_case_index_region_urgent_due_order_case_id (region=? AND urgent=? AND (due_order,case_id)>(?,?))",
        "ix_case_index_region_urgent_due_order_case_id (region=? AND urgent=?)",
    ):
        assert any(line.endswith(used) for line in details), details
    places = [line for line in details if "ix_case_seat" in line or "ix_case_reader" in line]
    assert len(places) == 2, "who sees by name is found by name, not by walking every case"


@pytest.mark.parametrize(
    "bad",
    [
        "", "~", "~~", "x~y", "0~x~y", "0~2026-01-01T00:00:00~a", "0~2026-01-01T00:00:00+00:00~",
        "0~2026-01-01T00:00:00+00:00~a'b", "2026-01-01T00:00:00+00:00~a", "2~2026-01-01T00:00:00+00:00~a",
    ],
)  # fmt: skip
def test_a_made_up_cursor_is_none(bad: str) -> None:
    assert Cursor.parse(bad) is None


@pytest.mark.exhaustive
def test_filters(realm: Realm) -> None:
    rich = full(realm)
    plain = indexed(realm, unit="school-2", state="closed", stage="closing", ended=True, restricted=True)
    for options, expected in (
        ({}, {rich.case_id, plain.case_id}),
        ({"ended": False}, {rich.case_id}),
        ({"ended": True}, {plain.case_id}),
        ({"urgent": True}, {rich.case_id}),
        ({"protocol": "other"}, set()),
        ({"unit": "school-2"}, {plain.case_id}),
        ({"stage": "closing"}, {plain.case_id}),
        ({"state": "listening"}, {rich.case_id}),
        ({"level": 2}, {rich.case_id}),
        ({"waits_for": Waited("z", frozenset({("head", "school-1")}), NOW)}, {rich.case_id}),
        ({"waits_for": Waited("z", frozenset({("member", "region")}), NOW)}, {rich.case_id}),
        ({"waits_for": Waited("z", frozenset({("head", "school-2"), ("warden", "school-1")}), NOW)}, set()),
        ({"waits_for": Waited("a", frozenset(), NOW)}, set()),
        ({"seat_of": "a"}, {rich.case_id}),
        ({"due_before": NOW + timedelta(hours=3)}, set()),
        ({"due_before": NOW + timedelta(hours=4)}, {rich.case_id}),
    ):
        found = pages(realm.store, EVERYBODY, 1, filter=Filter(**options))
        assert {each.case_id for each in found} == expected, options


def test_whom_a_case_waits_for_by_seat_and_not_while_an_authority_is_to_answer(realm: Realm) -> None:
    ours = indexed(
        realm, seats=(IndexSeat("a", "lead"), IndexSeat("b", "lead", TODAY - timedelta(1))), waiting_for={"lead"}
    )
    theirs = indexed(
        realm, seats=(IndexSeat("a", "lead"),), waiting_for={"lead"}, waits_on_authority=True, next_key="hear_back",
        next_due_at=NOW + timedelta(hours=1), next_due_key="chase",
    )  # fmt: skip
    for account, now, expected in (
        ("a", NOW, {ours.case_id}),
        ("a", NOW + timedelta(hours=2), {ours.case_id, theirs.case_id}),
        ("b", NOW, set()),
    ):
        found = pages(
            realm.store,
            EVERYBODY,
            5,
            filter=Filter(waits_for=Waited(account, frozenset(), now, frozenset({"hear_back"}))),
        )
        assert {each.case_id for each in found} == expected


def test_a_list_brings_whom_a_case_waits_for(realm: Realm) -> None:
    made = full(realm)
    (found,) = pages(realm.store, EVERYBODY, 5)
    assert (found.waiting_for, set(found.seats)) == (made.waiting_for, set(made.seats))
    assert (found.dues, found.planned, found.exclusions) == ((), (), {"x"})


def test_what_falls_due_before_a_moment_with_follow_ups(realm: Realm) -> None:
    made = full(realm)
    with realm.store.reading() as session:
        found = index_repository.dues_of(session, [made.case_id], before=NOW + timedelta(days=6))
        assert [(due.key, planned) for _, due, planned in found] == [
            ("hear", False),
            ("refer", False),
            ("look_in", True),
        ]
        assert len(index_repository.dues_of(session, [made.case_id], before=NOW + timedelta(days=2))) == 1
        assert index_repository.dues_of(session, [], before=NOW) == []


# ---- search -------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_pupil_is_found_in_one_unit_only_and_only_by_who_sees_the_case(realm: Realm) -> None:
    here, there = indexed(realm, unit="school-1"), indexed(realm, unit="school-2")
    with realm.store.writing() as session:
        for made in (here, there):
            cases_repository.keep_identities(
                session, realm.vault, made.case_id, slot_id="P1", slot="pupil", values={"name": "Yasmine"},
                marks=["Yasmine EL AMRANI", "J123456789"],
            )  # fmt: skip
    with realm.store.reading() as session:
        for typed in ("yasmine el-amrani", "j123456789"):
            mark = realm.vault.mark("school-1", typed)
            assert index_repository.by_mark(session, EVERYBODY, "school-1", mark, today=TODAY) == (here,)
            assert index_repository.by_mark(session, EVERYBODY, "school-2", mark, today=TODAY) == ()
            assert index_repository.by_mark(session, Scope("nobody", ()), "school-1", mark, today=TODAY) == ()


@pytest.mark.exhaustive
def test_readers_see_a_restricted_case_by_name(realm: Realm) -> None:
    """As long as they answer for its school from above."""
    made = indexed(realm, restricted=True, readers=frozenset({Reader("named")}))

    def scope(account: str, *places: str) -> Scope:
        return Scope(account, tuple(Clause("test", Reach.region, place) for place in places))

    with realm.store.reading() as session:
        assert index_repository.find(session, scope("named", made.region), made.number, today=TODAY) == made
        for other in (scope("named"), scope("named", "elsewhere"), scope("another", made.region)):
            assert index_repository.find(session, other, made.number, today=TODAY) is None


@pytest.mark.exhaustive
def test_the_open_cases_of_a_version_are_found_a_page_at_a_time(realm: Realm) -> None:
    made = [indexed(realm) for _case in range(5)]
    for changes in ({"version": 2}, {"protocol": "another"}, {"ended": True}):
        indexed(realm, **changes)
    wanted = sorted((one.case_id, one.number) for one in made)
    with realm.store.reading() as session:
        found = open_on_version(session, "test", 1, limit=3)
        rest = open_on_version(session, "test", 1, limit=3, after=found[-1][0])
        assert [*found, *rest] == wanted
        assert count_open(session, "test", 1) == 5
        assert (
            count_open(session, "test", 2),
            count_open(session, "test", 3),
        ) == (
            1,
            0,
        )
