"""How long a case is kept, and the way to its end: days by the calendar, and days of work besides."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import LEAST_RUNS
from school_protocol.privacy.rules import (
    FIRST_NOTICE,
    REST,
    Given,
    Limit,
    Step,
    due_on,
    earliest,
    is_unanswered,
    next_step,
    school_year_over,
)

DAY = date(2027, 5, 25)
NOON = datetime(2027, 5, 25, 12, tzinfo=UTC)


def limit(**more: object) -> Limit:
    return Limit(**{"rule": None, "ended_at": NOON, "due_on": DAY, "cycle": 3, **more})  # type: ignore[arg-type]


def on(days: int, run: int = 1000) -> Given:
    return Given(DAY + timedelta(days=days), run)


@pytest.mark.parametrize(
    ("rule", "ended_on", "day"),
    [
        (0, date(2026, 8, 31), date(2027, 2, 28)),  # no 31 February
        (0, date(2027, 8, 31), date(2028, 2, 29)),
        (1, date(2027, 8, 31), date(2028, 9, 1)),  # the last day of the school year
        (1, date(2027, 9, 1), date(2029, 9, 1)),  # the first of the next one
        (2, date(2027, 6, 1), date(2029, 9, 1)),
        (3, date(2027, 6, 1), date(2032, 6, 1)),
    ],
)
def test_when_it_may_be_erased(moroccan: Protocol, rule: int, ended_on: date, day: date) -> None:
    assert due_on(moroccan, moroccan.retention[rule], ended_on) == day


def test_the_sentences_say_what_is_counted(moroccan: Protocol) -> None:
    """What families are told, and what is done."""
    for rule in moroccan.retention:
        said = rule.sentence.in_language("en")
        assert ("school year" in said) == (rule.after == "school_year"), said


@given(day=st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_a_school_year_is_over_within_a_year(moroccan: Protocol, day: date) -> None:
    assert timedelta(0) < school_year_over(moroccan, day) - day <= timedelta(days=366)


# ---- the way -------------------------------------------------------------------------------------------------------

GIVENS = st.none() | st.builds(Given, st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.integers(1, 2000))


@given(GIVENS, GIVENS, st.booleans(), st.dates(date(2026, 1, 1), date(2040, 1, 1)), st.integers(1, 4000))
def test_nothing_is_erased_early_or_untold(
    first: Given | None, second: Given | None, agreed: bool, day: date, run: int
) -> None:
    today = Given(day, run)
    step = next_step(limit(), first, second, agreed, today, datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    if step in (Step.erase, Step.confirm):
        assert day >= DAY
        assert first is not None
        assert second is not None
        assert day - second.on >= REST
        assert run - second.run >= LEAST_RUNS
        assert agreed == (step is Step.erase)
    if step is Step.second_notice:
        assert first is not None
        assert (day - first.on >= REST, run - first.run >= LEAST_RUNS) == (True, True)
    assert step is not Step.first_notice or day >= DAY - FIRST_NOTICE


def test_all_the_way() -> None:
    first, second = on(-58, 940), on(-14, 984)
    assert next_step(limit(), None, None, False, on(-61), NOON) is Step.wait
    assert next_step(limit(), None, None, False, on(-60), NOON) is Step.first_notice
    assert next_step(limit(), first, None, False, on(-18), NOON) is Step.wait
    assert next_step(limit(), first, None, False, on(-17), NOON) is Step.second_notice
    assert next_step(limit(), first, second, False, on(0), NOON) is Step.confirm
    assert next_step(limit(), first, second, True, on(0), NOON) is Step.erase
    assert next_step(limit(), first, second, True, on(0, 984 + LEAST_RUNS - 1), NOON) is Step.wait, "too few days"
    assert next_step(limit(asked=True), first, second, True, on(0), NOON) is Step.wait
    held = limit(barred_until=NOON + timedelta(seconds=1))
    assert next_step(held, first, second, True, on(0), NOON) is Step.wait
    assert next_step(held, first, second, True, on(0), NOON + timedelta(seconds=1)) is Step.erase
    assert next_step(limit(due_on=None), first, second, True, on(9999), NOON) is Step.wait


def test_the_day_that_is_said_is_never_too_early() -> None:
    assert earliest(limit(), None, None, DAY - timedelta(days=200)) == DAY
    assert earliest(limit(), None, None, DAY) == DAY + 2 * REST
    assert earliest(limit(), on(-58), on(-3), DAY) == DAY + timedelta(days=11)
    assert earliest(limit(due_on=None), None, None, DAY) is None


def test_silence_takes_its_time() -> None:
    assert not is_unanswered(None, on(0))
    assert not is_unanswered(on(-29, 900), on(0))
    assert not is_unanswered(on(-30, 990), on(0)), "ten days of work are no month"
    assert is_unanswered(on(-30, 970), on(0))
