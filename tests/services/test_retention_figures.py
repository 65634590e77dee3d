"""What an erased case leaves in figures: the yearly report of its year says the same as before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import count

import pytest
from domain.telling import MOROCCAN, NOW
from sqlalchemy import delete

from school_protocol.domain.closed_choices import CASES
from school_protocol.domain.figure_tables import TOTALS, Period
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.yearly import Counts, Tally
from school_protocol.services.figures import counting
from school_protocol.services.papers import yearly as service
from school_protocol.services.retention import limits, shares
from school_protocol.services.scripts import throwaway
from school_protocol.storage import cases, erasing
from school_protocol.storage import retention as storage
from school_protocol.storage.figures import counters
from school_protocol.storage.figures import shares as counted
from school_protocol.storage.figures.tables import FigureCounterRow, FigureShareRow
from services.conftest import School
from services.retaining import Keeping
from services.yearly_told import SCHOOL, YEAR, a_year


@pytest.fixture
def ended(moroccan: Protocol) -> Iterator[Keeping]:
    """Fourteen cases, of which ten have ended in several ways, before the year was over."""
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        keeping = Keeping(a_year(School(player, count(1)), over=False))
        keeping.school.wait(days=20)
        for number, (state, level) in zip(numbers(keeping)[:10], ENDS * 3, strict=False):
            keeping.step(state, level=level, number=number)
        yield keeping


ENDS = [("closed", 1), ("closed", 2), ("no_further_action", None), ("transferred", 3)]


def numbers(keeping: Keeping) -> list[str]:
    house = keeping.school.house
    with house.realm.reading() as session:
        from school_protocol.storage import index

        return sorted(cases.opened(session, one).number for one in index.all_case_ids(session))


def tally(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> Counts:
    """What is counted, before anything is withheld."""
    house, found = keeping.school.house, list[Tally]()
    real = service.figures
    with monkeypatch.context() as patch:
        patch.setattr(service, "figures", lambda one, **more: found.append(one) or real(one, **more))
        place = service.place_of(house, keeping.school.person("head"), SCHOOL)
        view = service.see_yearly(house, keeping.school.person("head"), SCHOOL)
        line = next(one for one in view.years if one.year == YEAR)
        assert line.period
        service.count(house, place, line.period)
    return found[0].counts


def erase(keeping: Keeping, number: str, *, leaving: bool = True) -> None:
    house = keeping.school.house
    with house.realm.writing() as session:
        looked = limits.look_at(house, session, keeping.case_id(number))
        assert looked is not None
        if leaving:
            shares.leave(house, session, looked)
        erasing.erase_case(session, house.vault, keeping.case_id(number), at=house.now(), actor="x")


@pytest.mark.parametrize("during_the_year", [True, False])
def test_the_totals_are_the_same_after_as_before(
    ended: Keeping, monkeypatch: pytest.MonkeyPatch, during_the_year: bool
) -> None:
    gone = numbers(ended)[:9:2]
    if during_the_year:
        for number in gone:
            erase(ended, number)
        ended.school.wait(days=290)
        assert tally(ended, monkeypatch).cases == 14
        return
    ended.school.wait(days=290)
    before = tally(ended, monkeypatch)
    for number in gone:
        erase(ended, number)
    assert tally(ended, monkeypatch) == before
    assert before.cases == 14
    assert set(before.tables) >= {"outcome", "level", "report.how_it_came"}


def test_erased_in_the_year_it_counts_as_if_it_were_there(ended: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same case, counted at the end of the year by the report, and on leaving, long before."""
    house, number = ended.school.house, numbers(ended)[0]
    with house.realm.writing() as session:
        looked = limits.look_at(house, session, ended.case_id(number))
        assert looked is not None
        foreseen = {key: share for key, share in shares._shares(house, looked) if key[2]}
    ended.school.wait(days=290)
    before = tally(ended, monkeypatch)
    with house.realm.writing() as session:
        for key, share in foreseen.items():
            storage.add_share(session, key, share)
        erasing.erase_case(session, house.vault, ended.case_id(number), at=house.now(), actor="x")
    assert tally(ended, monkeypatch) == before


def test_a_case_that_leaves_nothing_is_missed(ended: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    ended.school.wait(days=290)
    before = tally(ended, monkeypatch)
    erase(ended, numbers(ended)[0], leaving=False)
    assert tally(ended, monkeypatch) != before


def uncounted(keeping: Keeping, number: str) -> tuple[str, str]:
    """As if the case were older than the tables of figures; where it is counted."""
    house, case_id = keeping.school.house, keeping.case_id(number)
    with house.realm.writing() as session:
        share = counted.share(session, house.vault, case_id)
        assert share is not None
        session.execute(delete(FigureShareRow))
        session.execute(delete(FigureCounterRow))
    return share.protocol, share.month


def test_a_case_erased_before_figures_were_first_counted_is_counted(moroccan: Protocol) -> None:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        keeping = Keeping(School(player, count(1)))
        number = keeping.ended("no_further_action")
        protocol, month = uncounted(keeping, number)
        assert counting.uncounted(player.house) == 1
        keeping.leap(date(2027, 5, 25))
        keeping.days(60)
        assert keeping.is_erased(number)
        assert counting.uncounted(player.house) == 0
        with player.house.realm.reading() as session:
            assert [key[:2] for key, _counts in counters.frozen(session)] == [(protocol, month)]
        found = counting.counted(player.house, protocol, player.school, Period((month,)))
        assert found.at((TOTALS, CASES), player.school) == 1
