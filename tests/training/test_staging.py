"""What a scenario sees of a table: what comes when, traps that stay fallen into, whichever case of the table it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from school_protocol.engine.texts import duration
from school_protocol.training.scenario import Reading, Scenario, Table, next_moment, watch
from school_protocol.training.scenario_reader import read_scenario

BEGUN = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(Path(__file__).with_name("found_phone.yaml").read_bytes(), "found_phone.yaml")


def seen(*done: str, **values: bool) -> Reading:
    signs = dict.fromkeys(("talked", "told", "talk_missed", "went_early", "looked", "bell"), False)
    return Reading({**signs, **values}, frozenset(done))


def test_a_time_alone_brings_an_inject_before_any_case_is_open(scenario: Scenario) -> None:
    before = watch(scenario, Table(BEGUN), [], BEGUN + 2 * HOUR - timedelta(seconds=1))
    assert before.came == {}
    assert watch(scenario, before, [], BEGUN + 2 * HOUR).came == {"mother_calls": BEGUN + 2 * HOUR}


def test_what_comes_after_an_act_waits_its_delay_and_comes_once(scenario: Scenario) -> None:
    table = watch(scenario, Table(BEGUN), [seen("meet", talked=True)], BEGUN + HOUR)
    due = BEGUN + HOUR + timedelta(minutes=30)
    assert table.coming == {"message": due}
    assert table.came == {}
    later = watch(scenario, table, [seen("meet", talked=True)], due)
    assert later.came == {"message": due}
    assert later.coming == {}
    assert watch(scenario, later, [seen("meet", talked=True)], due + HOUR).came["message"] == due


def test_time_and_condition_must_both_be_there(scenario: Scenario) -> None:
    day = BEGUN + timedelta(days=1)
    assert "knife" not in watch(scenario, Table(BEGUN), [seen(bell=True)], day - HOUR).came
    assert "knife" not in watch(scenario, Table(BEGUN), [seen()], day).came
    assert watch(scenario, Table(BEGUN), [seen(bell=True)], day).came["knife"] == day


def test_a_trap_stays_fallen_into(scenario: Scenario) -> None:
    table = watch(scenario, Table(BEGUN), [seen(told=True)], BEGUN + HOUR)
    assert table.traps == {"home_first": BEGUN + HOUR}
    assert watch(scenario, table, [seen(told=True, talked=True)], BEGUN + 2 * HOUR).traps == table.traps


def test_one_case_of_the_table_is_enough_but_never_two_halves(scenario: Scenario) -> None:
    assert watch(scenario, Table(BEGUN), [seen(told=True, talked=True), seen(told=True)], BEGUN).traps
    assert not watch(scenario, Table(BEGUN), [seen(told=True, talked=True), seen()], BEGUN).traps


def test_the_next_moment_is_the_first_that_is_still_to_come(scenario: Scenario) -> None:
    assert next_moment(scenario, Table(BEGUN), BEGUN) == BEGUN + 2 * HOUR
    waiting = Table(BEGUN, coming={"message": BEGUN + HOUR})
    assert next_moment(scenario, waiting, BEGUN) == BEGUN + HOUR
    assert next_moment(scenario, waiting, BEGUN + HOUR) == BEGUN + 2 * HOUR
    came = Table(BEGUN, came={"mother_calls": BEGUN, "knife": BEGUN})
    assert next_moment(scenario, came, BEGUN) is None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90m", 90), ("1d4h", 28 * 60), ("2h", 120), ("2 h", 120), ("0m", 0), ("", None), ("h", None), ("2", None),
     ("-1h", None), ("1.5h", None), ("two", None), ("999999d", None)],
)  # fmt: skip
def test_durations(text: str, minutes: int | None) -> None:
    assert duration(text) == (None if minutes is None else timedelta(minutes=minutes))
