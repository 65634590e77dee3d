"""What an erased case leaves in figures: the yearly report of its year says the same as before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import count

import pytest
from engine.telling import MOROCCAN, NOW
from sqlalchemy import delete

from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.case_summary import CASES
from school_protocol.engine.definition import Protocol
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy import retention
from school_protocol.statistics import counts
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.models import FigureCounterRow, FigureShareRow
from school_protocol.statistics.rules import TOTALS, Period
from services.conftest import School
from services.retaining import Keeping
from services.yearly_told import a_year, added_up, told


@pytest.fixture
def ended(moroccan: Protocol) -> Iterator[Keeping]:
    """Fourteen cases, two of them apart, of which ten have ended in several ways, before the year was over."""
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        keeping = Keeping(a_year(School(player, count(1)), over=False))
        keeping.school.wait(days=20)
        for number, (state, level) in zip(numbers(keeping)[:10], ENDS * 3, strict=False):
            keeping.step(state, level=level, number=number)
        yield keeping


ENDS = [("closed", 1), ("closed", 2), ("no_further_action", None), ("transferred", 3)]


def numbers(keeping: Keeping) -> list[str]:
    ctx = keeping.school.ctx
    with ctx.realm.reading() as session:
        return sorted(cases_repository.opened(session, one).number for one in index_repository.all_case_ids(session))


def erase(keeping: Keeping, number: str, *, leaving: bool = True) -> None:
    ctx = keeping.school.ctx
    with ctx.realm.writing() as session:
        looked = retention.look_at(ctx, session, keeping.case_id(number))
        assert looked is not None
        if leaving:
            retention.leave(ctx, session, looked)
        privacy_repository.erase_case(session, ctx.vault, keeping.case_id(number), at=ctx.now(), actor="x")


def test_what_stands_apart_leaves_nothing(school: School) -> None:
    """The control, last, is a case of which everybody may know; figures made anew add nothing either."""
    keeping = Keeping(school)
    gone = []
    for more in ({"must_not_read": [school.account("head")]}, {"adult_concerned": "yes"}, {}):
        school.report(**more)
        keeping.step("closed", level=1)
        gone.append(school.number)
    school.wait(days=290)
    place, period = told(school)
    key = (place.unit.id, place.protocol.protocol, place.document.key, period.year, period.last_day)
    left = []
    for number in gone:
        erase(keeping, number)
        counts.rebuild(school.ctx)
        with school.ctx.realm.reading() as session:
            share = statistics_repository.erased_sum(session, key)
        left.append((share["cases"] if share else None, added_up(school).cases))
    assert left == [(None, 1), (None, 1), (1, 1)]


@pytest.mark.exhaustive
@pytest.mark.parametrize("during_the_year", [True, False])
def test_the_totals_are_the_same_after_as_before(ended: Keeping, during_the_year: bool) -> None:
    gone = numbers(ended)[:9:2]
    if during_the_year:
        for number in gone:
            erase(ended, number)
        ended.school.wait(days=290)
        assert added_up(ended.school).cases == 12, "of fourteen two stand apart"
        return
    ended.school.wait(days=290)
    before = added_up(ended.school)
    for number in gone:
        erase(ended, number)
    assert added_up(ended.school) == before
    assert before.cases == 12
    assert set(before.tables) >= {"outcome", "level", "report.how_it_came"}


@pytest.mark.exhaustive
def test_erased_in_the_year_it_counts_as_if_it_were_there(ended: Keeping) -> None:
    """The same case, counted at the end of the year by the report, and on leaving, long before."""
    ctx, number = ended.school.ctx, numbers(ended)[0]
    with ctx.realm.writing() as session:
        looked = retention.look_at(ctx, session, ended.case_id(number))
        assert looked is not None
        foreseen = {key: share for key, share in retention._shares(ctx, looked) if key[2]}
    ended.school.wait(days=290)
    before = added_up(ended.school)
    with ctx.realm.writing() as session:
        for key, share in foreseen.items():
            statistics_repository.put_erased_sum(session, key, share)
        privacy_repository.erase_case(session, ctx.vault, ended.case_id(number), at=ctx.now(), actor="x")
    assert added_up(ended.school) == before


@pytest.mark.exhaustive
def test_a_case_that_leaves_nothing_is_missed(ended: Keeping) -> None:
    """The control."""
    ended.school.wait(days=290)
    before = added_up(ended.school)
    erase(ended, next(one for one in numbers(ended) if not stands_apart(ended, one)), leaving=False)
    assert added_up(ended.school) != before


def stands_apart(keeping: Keeping, number: str) -> bool:
    with keeping.school.ctx.realm.reading() as session:
        row = index_repository.row_of(session, keeping.case_id(number))
    assert row is not None
    return row.restricted or bool(row.exclusions)


def uncounted(keeping: Keeping, number: str) -> tuple[str, str]:
    """As if the case were older than the tables of figures; where it is counted."""
    ctx, case_id = keeping.school.ctx, keeping.case_id(number)
    with ctx.realm.writing() as session:
        share = statistics_repository.share(session, ctx.vault, case_id)
        assert share is not None
        session.execute(delete(FigureShareRow))
        session.execute(delete(FigureCounterRow))
    return share.protocol, share.month


@pytest.mark.exhaustive
def test_a_case_erased_before_figures_were_first_counted_is_counted(moroccan: Protocol) -> None:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        keeping = Keeping(School(player, count(1)))
        number = keeping.ended("no_further_action")
        protocol, month = uncounted(keeping, number)
        assert counts.uncounted(player.ctx) == 1
        keeping.leap(date(2027, 5, 25))
        keeping.days(60)
        assert keeping.is_erased(number)
        assert counts.uncounted(player.ctx) == 0
        with player.ctx.realm.reading() as session:
            assert [key[:2] for key, _counts in statistics_repository.frozen(session)] == [(protocol, month)]
        found = counts.counted(player.ctx, protocol, player.school, Period((month,)))
        assert found.at((TOTALS, CASES), player.school) == 1
