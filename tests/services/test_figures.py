"""Figures of a school and of what lies above it: counted as cases go on, the same counted anew, never a workshop's."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete

from school_protocol.auth import models as auth_models
from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository, loading
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.intake import open_case
from school_protocol.cases.service import record_act, take_back
from school_protocol.cases.showing import see_case
from school_protocol.cases.story_player import throwaway
from school_protocol.context import AppContext
from school_protocol.engine.case_summary import CASES
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Refused, Unseen
from school_protocol.engine.visibility import UnitKind
from school_protocol.mail import Post
from school_protocol.notifications.service import sweep
from school_protocol.ops.journal_checks import rebuild_index
from school_protocol.privacy import repository as privacy_repository
from school_protocol.protocol.reader import read
from school_protocol.statistics import counts
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.counts import NotCounted
from school_protocol.statistics.models import FigureCounterRow, FigureShareRow
from school_protocol.statistics.rules import LATE, TOTALS, Counts, own_part, school_year
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.migrate import upgrade
from school_protocol.wiring import WIRING
from services.conftest import School
from services.retaining import Keeping
from services.yearly_told import a_year

PROTOCOL = "ma-cyberharassment"
YEAR = school_year(9, 2026)


def place(ctx: AppContext, kind: UnitKind) -> str:
    with ctx.directory.reading() as session:
        return auth_repository.units_of_kind(session, kind)[0].id


def counted(ctx: AppContext, kind: UnitKind, *, whole: bool = True) -> Counts:
    return counts.counted(ctx, PROTOCOL, place(ctx, kind), YEAR, whole=whole)


def holds(found: Counts) -> None:
    """Rows add up to their totals, children to what is above them, months to the year."""
    units = list(found.above)
    for month in ("", *found.by_month):
        for unit in units:
            for table in found.tables:
                rows = [found.at((table.key, row.key), unit, month) for row in table.rows]
                total = found.at((TOTALS, table.of), unit, month)
                assert all(0 <= number <= total for number in rows), (table.key, unit)
                if table.adds_up:
                    assert sum(rows) == total, (table.key, unit)
            children = [one for one, above in found.above.items() if above == unit]
            for cell in found.cells if children else ():
                below = sum(found.at(cell, one, month) for one in children)
                assert below == found.at(cell, unit, month), (cell, unit, month)
    for cell, by_unit in found.cells.items():
        for unit, number in by_unit.items():
            assert number == sum(found.at(cell, unit, month) for month in found.by_month)


# ---- as days go by -------------------------------------------------------------------------------------------------


def test_a_case_that_nobody_wrote_to_again_counts_as_late_once_the_day_is_over(school: School) -> None:
    school.report()
    cell = ("in_time.safety_check", LATE)
    school.wait(days=3)
    assert counted(school.ctx, UnitKind.school).at(cell, place(school.ctx, UnitKind.school)) == 0
    sweep(school.ctx, Post(None, None))
    for kind in (UnitKind.school, UnitKind.region):
        found = counted(school.ctx, kind)
        assert found.at(cell, found.unit) == 1
        holds(found)
    again = counts.rebuild(school.ctx)
    assert (again.shares_changed, again.counters_changed) == (0, 0)


# ---- a year of one school ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def year() -> Iterator[School]:
    content = MOROCCAN.read_bytes()
    with throwaway(read(content, "m"), content, NOW) as player:
        yield a_year(School(player, count(1)), over=False)


@pytest.mark.exhaustive
def test_a_head_s_figures_are_of_the_cases_that_are_not_kept_from_him(year: School) -> None:
    school, region = counted(year.ctx, UnitKind.school), counted(year.ctx, UnitKind.region)
    province = place(year.ctx, UnitKind.province)
    assert school.at((TOTALS, CASES), school.unit) == 12
    assert region.at((TOTALS, CASES), region.unit) == 14
    assert region.at((TOTALS, CASES), own_part(province)) == 2
    holds(region)


def test_they_are_told_by_unit_and_child(year: School) -> None:
    region = counted(year.ctx, UnitKind.region, whole=False)
    province, school = place(year.ctx, UnitKind.province), place(year.ctx, UnitKind.school)
    assert region.above == {region.unit: "", own_part(region.unit): region.unit, province: region.unit}
    assert region.at(("channels", "pupil"), province) == 8
    assert region.at(("platforms", "instagram"), region.unit, "2026-11") == 2
    assert school in counted(year.ctx, UnitKind.region).above
    assert counts.months(year.ctx, PROTOCOL, province) == ("2026-11",)


def test_another_year_has_none_of_them(year: School) -> None:
    found = counts.counted(year.ctx, PROTOCOL, place(year.ctx, UnitKind.region), school_year(9, 2025))
    assert found.cells == {}
    assert found.by_month == {}


def test_a_unit_or_a_protocol_that_is_not_there_is_unseen(year: School) -> None:
    for protocol, unit in ((PROTOCOL, "nowhere"), ("nothing", place(year.ctx, UnitKind.region))):
        with pytest.raises(Unseen):
            counts.counted(year.ctx, protocol, unit, YEAR)


def test_the_index_made_anew_counts_nothing_twice(year: School) -> None:
    before = everything(year.ctx)
    rebuild_index(year.ctx)
    assert everything(year.ctx) == before


def everything(ctx: AppContext) -> Any:
    with ctx.realm.reading() as session:
        return statistics_repository.every_counter(session)


def erase_at_once(ctx: AppContext, case_id: str) -> None:
    with ctx.realm.writing() as session:
        privacy_repository.erase_case(session, ctx.vault, case_id, at=ctx.now(), actor="officer")


@pytest.mark.parametrize("anew", [rebuild_index, counts.rebuild])
def test_a_case_that_is_erased_meanwhile_holds_up_no_other(school: School, anew: Callable[..., Any]) -> None:
    ctx = school.ctx
    for _case in range(3):
        school.report()
    with ctx.realm.reading() as session:
        ids = index_repository.all_case_ids(session)
    anew(ctx, lambda done, _all: erase_at_once(ctx, ids[1]) if done == 1 else None)
    with ctx.realm.reading() as session:
        assert index_repository.row_of(session, ids[1]) is None
        assert set(index_repository.all_case_ids(session)) == {ids[0], ids[2]}
        root = next(
            key for key in statistics_repository.every_counter(session) if key[2] == place(ctx, UnitKind.region)
        )
        assert statistics_repository.every_counter(session)[root][1][TOTALS] == {CASES: 3}


@pytest.mark.parametrize(("anew", "room"), [(rebuild_index, loading), (counts.rebuild, counts)])
def test_a_case_is_held_before_its_events_are_read(
    school: School, monkeypatch: pytest.MonkeyPatch, anew: Callable[..., Any], room: Any
) -> None:
    """Else an event that is written between the two is missing from what is written last."""
    school.report()
    done: list[str] = []
    for module, name in ((cases_repository, "hold"), (room, "folded")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *got, real=real, name=name: done.append(name) or real(*got))
    anew(school.ctx)
    assert done[:2] == ["hold", "folded"]


# ---- counted anew --------------------------------------------------------------------------------------------------


def test_what_was_tampered_with_is_found_and_put_right(school: School) -> None:
    for _case in range(3):
        school.report()
    before = everything(school.ctx)
    key = next(key for key in before if key[2] == place(school.ctx, UnitKind.region))
    with school.ctx.realm.writing() as session:
        row = session.get(FigureCounterRow, key)
        assert row is not None
        row.counts = {TOTALS: {CASES: 30}}
    done = counts.rebuild(school.ctx)
    assert (done.cases, done.erased, done.shares_changed, done.counters_changed) == (3, 0, 0, 1)
    assert everything(school.ctx) == before
    assert counts.rebuild(school.ctx).counters_changed == 0


def test_cases_from_before_there_were_counters_are_counted_once_they_are_counted_anew(school: School) -> None:
    school.report()
    before = everything(school.ctx)
    with school.ctx.realm.writing() as session:
        session.execute(delete(FigureCounterRow))
        session.execute(delete(FigureShareRow))
    done = counts.rebuild(school.ctx)
    assert (done.cases, done.shares_changed) == (1, 1)
    assert everything(school.ctx) == before


@pytest.mark.exhaustive
def test_a_school_that_comes_under_another_province_is_counted_there_anew_its_erased_cases_too(school: School) -> None:
    keeping = Keeping(school)
    numbers = [keeping.ended("closed", 2) for _case in range(3)]
    erase(school.ctx, numbers[0])
    with school.ctx.directory.writing() as session:
        region = auth_repository.units_of_kind(session, UnitKind.region)[0].id
        other = auth_repository.add_unit(
            session, kind=UnitKind.province, code="OTHER", names={"fr": "Autre"}, parent=region
        )
        session.get_one(auth_models.UnitRow, place_of_school(session)).parent = other
    counts.rebuild(school.ctx)
    found = counts.counted(school.ctx, PROTOCOL, region, YEAR, whole=True)
    assert found.at((TOTALS, CASES), other) == found.at((TOTALS, CASES), region) == 3
    holds(found)


def place_of_school(session: Any) -> str:
    return auth_repository.units_of_kind(session, UnitKind.school)[0].id


def erase(ctx: AppContext, number: str) -> None:
    with ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, number)
        assert case_id
        privacy_repository.erase_case(session, ctx.vault, case_id, at=ctx.now(), actor="x")


SEEDS = st.integers(0, 2**20)


class Figures(RuleBasedStateMachine):
    """Cases are opened, carried on, ended, kept from people, taken back, indexed anew, erased, in any order."""

    protocol: Protocol
    content: bytes

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        player = self.stack.enter_context(throwaway(self.protocol, self.content, NOW))
        self.keeping = Keeping(School(player, count(1)))
        self.school, self.ctx = self.keeping.school, player.ctx
        self.open_numbers: list[str] = []
        self.cases = 0

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    def pick(self, rng: random.Random) -> str:
        number = rng.choice(self.open_numbers)
        self.school.number = number
        return number

    @rule(seed=SEEDS)
    def report(self, seed: int) -> None:
        rng = random.Random(seed)
        self.school.report(
            how_it_came=rng.choice(["pupil", "parent", "seen"]),
            adult_concerned=rng.choice(["no", "no", "yes"]),
        )
        self.open_numbers.append(self.school.number)
        self.cases += 1

    @rule(seed=SEEDS, days=st.sampled_from([0, 1, 20, 60]))
    def go_on(self, seed: int, days: int) -> None:
        if not self.open_numbers:
            return
        rng = random.Random(seed)
        number = self.pick(rng)
        self.ctx.clock.advance(timedelta(days=days))  # type: ignore[attr-defined]
        kinds = rng.sample(["blackmail", "doxing", "sexting", "other"], 2)
        ways = [
            lambda: self.school.act("team_coordinator", "report_more", violence_types=kinds),
            lambda: self.school.act("directorate", "raise_danger", which_danger="blackmail"),
            lambda: self.school.act("directorate", "conflict", account=self.school.account("head"), reason="declares"),
            lambda: self.keeping.step(rng.choice(["plan_active", "closed", "transferred"]), level=2, number=number),
            lambda: self.take_back(number),
        ]
        with suppress(Refused, Unseen, BadInput):
            rng.choice(ways)()

    def take_back(self, number: str) -> None:
        """What the coordinator has just recorded, taken back."""
        self.school.act("team_coordinator", "report_more", platforms=["x", "game"])
        seq, who = self.school.last_seq(), self.school.person("team_coordinator")
        take_back(self.ctx, who, number, seq, expected=seq, token=self.school.token())

    @rule()
    def index_anew(self) -> None:
        rebuild_index(self.ctx)

    @rule(seed=SEEDS)
    def erase(self, seed: int) -> None:
        if len(self.open_numbers) > 1:
            number = self.pick(random.Random(seed))
            erase(self.ctx, number)
            self.open_numbers.remove(number)

    @invariant()
    def what_adds_up_adds_up(self) -> None:
        if hasattr(self, "ctx"):
            found = counted(self.ctx, UnitKind.region)
            holds(found)
            assert found.at((TOTALS, CASES), found.unit) == self.cases

    @rule()
    def count_anew(self) -> None:
        sweep(self.ctx, Post(None, None))
        before = everything(self.ctx)
        done = counts.rebuild(self.ctx)
        assert (done.shares_changed, done.counters_changed) == (0, 0)
        assert (done.cases, done.erased) == (len(self.open_numbers), self.cases - len(self.open_numbers))
        assert everything(self.ctx) == before


@pytest.mark.exhaustive
def test_counted_anew_they_are_the_same_whatever_happened() -> None:
    content = MOROCCAN.read_bytes()
    machine = type("FiguresOn", (Figures,), {"content": content, "protocol": read(content, "m")})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=4,
            stateful_step_count=18,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


# ---- workshops -----------------------------------------------------------------------------------------------------


@pytest.fixture
def workshop(school: School, tmp_path: Path) -> Iterator[AppContext]:
    """Another realm of the same installation: its own store, the same directory, keys, clock and definitions."""
    store = Store(open_engine(f"sqlite:///{tmp_path / 'workshop.sqlite'}"))
    upgrade(store.engine, "realm", WIRING.tables)
    yield replace(school.ctx, realm=store, name="workshop-1")
    store.close()


@pytest.mark.exhaustive
def test_a_case_of_a_workshop_is_counted_nowhere(school: School, workshop: AppContext) -> None:
    school.report()
    before = everything(school.ctx)
    trainee = replace(school.person("team_member"), realm="workshop-1")
    filled = {"what_happened": "x", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}
    open_case(workshop, trainee, "report", filled, token="w")
    with workshop.realm.reading() as session:
        assert len(index_repository.all_case_ids(session)) == 1
    assert everything(workshop) == {}
    assert everything(school.ctx) == before
    rebuild_index(workshop)
    assert everything(workshop) == {}
    with pytest.raises(NotCounted):
        counted(workshop, UnitKind.region)
    with pytest.raises(NotCounted):
        counts.rebuild(workshop)


def test_whoever_acts_in_a_workshop_writes_nothing_into_the_real_realm(school: School) -> None:
    """The same services and stores, somebody whose realm is a workshop's: no case is opened, none is touched."""
    school.report()
    before, trainee = everything(school.ctx), replace(school.person("team_member"), realm="workshop-1")
    filled = {"what_happened": "x", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}
    with pytest.raises(Unseen):
        open_case(school.ctx, trainee, "report", filled, token="w")
    assert school.is_seen_by("team_member")
    with pytest.raises(Unseen):
        see_case(school.ctx, trainee, school.number)
    with pytest.raises(Unseen):
        record_act(school.ctx, trainee, school.number, "report_more", {"platforms": ["x"]}, expected=None, token="w")
    assert everything(school.ctx) == before


@pytest.mark.exhaustive
def test_whoever_is_real_opens_nothing_in_a_workshop(school: School, workshop: AppContext) -> None:
    filled = {"what_happened": "x", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}
    with pytest.raises(Unseen):
        open_case(workshop, school.person("team_member"), "report", filled, token="w")
