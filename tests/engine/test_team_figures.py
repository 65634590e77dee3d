"""A team's figures: what is told of few and of many cases; years and terms that leave nothing to be worked out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise, product

import pytest

from engine.telling import reported
from school_protocol.engine.definition import Protocol
from school_protocol.statistics.rules import BAND, LEAST, banded
from school_protocol.supervision.team_rules import TeamTally, exact, spans, told


@pytest.fixture
def tally(moroccan: Protocol) -> TeamTally:
    assert moroccan.figures is not None
    return TeamTally(moroccan, moroccan.figures)


def many(tally: TeamTally, cases: int) -> TeamTally:
    waits = {key: Counter({0: cases // 2 + 1, 1: cases - cases // 2 - 1}) for key in tally.rules.waits}
    times = {key: Counter(kept=cases - 3, late=3) for key in tally.rules.in_time}
    return replace(tally, cases=cases, departures=cases - 1, followed=cases, missed=2, waits=waits, times=times)


@pytest.mark.parametrize("cases", range(10))
def test_of_fewer_than_ten_cases_nothing_is_told_but_that(tally: TeamTally, cases: int) -> None:
    found = told(many(tally, cases))
    assert found.is_few
    assert found == told(replace(tally, cases=0)), "however many, and whatever they were"


def test_of_more_the_tens_the_shares_in_steps_and_the_class_of_the_median(tally: TeamTally) -> None:
    found = told(many(tally, 27))
    assert (found.cases.low, found.departures, found.missed) == (20, banded(26), banded(2))
    assert all(one.share == (75, 100) for one in found.times)
    first = {key: wait.classes[0] for key, wait in tally.rules.waits.items()}
    assert {one.key: (one.low, one.most) for one in found.waits} == {key: (None, first[key]) for key in first}


@pytest.mark.parametrize("cases", [4, 27])
def test_to_whoever_reads_the_cases_each_number_is_told(tally: TeamTally, cases: int) -> None:
    found = exact(replace(many(tally, cases), held_dates=5, due_dates=7))
    assert (found.cases, found.departures, found.followed, found.missed) == (cases, cases - 1, cases, 2)
    assert (found.held, found.due) == (5, 7)
    assert {(one.kept, one.whole) for one in found.times} == {(cases - 3, cases)}
    first = {key: wait.classes[0] for key, wait in tally.rules.waits.items()}
    assert {one.key: (one.low, one.most) for one in found.waits} == {key: (None, first[key]) for key in first}
    nothing = exact(tally)
    assert nothing.waits == ()
    assert {(one.kept, one.whole) for one in nothing.times} == {(0, 0)}


def test_of_follow_ups_due_the_share_that_was_held_in_steps_of_cases(tally: TeamTally) -> None:
    """Several stand in one case: however many they are, few cases tell nothing of them."""
    due = {"held_dates": 60, "due_dates": 80}
    assert told(replace(tally, cases=30, dated=19, **due)).held is None
    assert told(replace(tally, cases=30, dated=20, **due)).held == (75, 100)
    assert told(replace(tally, cases=60, dated=50, **due)).held == (70, 80)
    assert told(replace(tally, cases=9, dated=9, **due)).held is None
    assert told(replace(tally, cases=30, dated=0)).held is None


def test_a_case_adds_the_dates_that_were_held_and_those_that_went_by(moroccan: Protocol, tally: TeamTally) -> None:
    case = reported(moroccan).put("assessment_validated", level=3).put("plan_active")
    first, second = (one.day for one in case.facts.planned[:2])
    tally.take(case.facts)
    assert (tally.dated, tally.held_dates, tally.due_dates) == (0, 0, 0)
    case.wait(days=(second - case.facts.today).days + 1)
    tally.take(case.facts)
    assert (tally.dated, tally.held_dates, tally.due_dates) == (1, 0, 2)
    assert first < second


def test_a_median_beyond_the_last_class_is_told_as_open(tally: TeamTally) -> None:
    key, wait = next(iter(tally.rules.waits.items()))
    found = told(replace(tally, cases=12, waits={key: Counter({len(wait.classes): 12})}))
    line = next(one for one in found.waits if one.key == key)
    assert (line.is_told, line.low, line.most) == (True, wait.classes[-1], None)
    assert not next(one for one in found.waits if one.key != key).is_told


def test_the_terms_of_a_year_follow_one_another_without_overlap(moroccan: Protocol) -> None:
    yearly = next(one.yearly for one in moroccan.documents.values() if one.yearly is not None)
    year, *terms = spans(yearly.begins, yearly.terms, 2026, "Africa/Casablanca")
    assert terms[0].starts == year.starts
    assert all(one.ends == after.starts for one, after in pairwise(terms))
    assert terms[-1].ends <= year.ends
    assert year.starts.astimezone(UTC) < datetime(2026, 9, 2, tzinfo=UTC)


@pytest.mark.parametrize("number", [2, 3])
def test_a_year_beside_its_terms_leaves_every_count_open_among_five_values(number: int) -> None:
    """Whatever the tens of a year and of its terms: of each term, five counts at least fit them all."""
    for lows in product(range(0, 40, BAND), repeat=number):
        least, most = sum(lows), sum(low + BAND - 1 for low in lows)
        for year in range(least // BAND * BAND, most + 1, BAND):
            for own in lows:
                low, high = own + BAND - 1, own
                low, high = year - (most - low), year + BAND - 1 - (least - high)
                fitting = [one for one in range(own, own + BAND) if low <= one <= high]
                assert len(fitting) >= LEAST
