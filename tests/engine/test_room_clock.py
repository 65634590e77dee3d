"""The workshop's clock: whatever is done with it, and whatever ours does, it never turns back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from school_protocol.engine.errors import BadInput
from school_protocol.training.scenario import FAST, PACES, REAL, SILENT, STANDING, RoomClock

OURS = datetime(2026, 11, 26, 11, 0, tzinfo=UTC)
BEGINS = datetime(2026, 10, 6, 8, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

seconds = st.integers(0, 3600)
acts = st.one_of(
    st.tuples(st.just("wait"), seconds),
    st.tuples(st.just("pace"), st.sampled_from(PACES)),
    st.tuples(st.just("hold"), st.one_of(st.none(), st.integers(-600, 600))),
    st.tuples(st.just("freeze"), st.booleans()),
    st.tuples(st.just("turn"), st.integers(-3600, 7200)),
    st.tuples(st.just("sign"), st.none()),
)
histories = st.lists(acts, max_size=30)


def clock(pace: int = STANDING, **changes: Any) -> RoomClock:
    return RoomClock(BEGINS, OURS, pace, **changes)


def done(one: RoomClock, act: str, value: Any, real: datetime) -> RoomClock:
    """The clock after one thing was done with it; as it was where that is refused."""
    if act == "pace":
        return one.paced(value, real)
    if act == "hold":
        return one.held(None if value is None else real + timedelta(seconds=value), real)
    if act == "freeze":
        return one.freeze(value, real)
    if act == "sign":
        return one.alive(real)
    if act == "turn":
        try:
            return one.turned_to(one.at(real) + timedelta(seconds=value), real)
        except BadInput:
            assert value < 0
    return one


@given(histories)
def test_it_never_turns_back(history: list[tuple[str, Any]]) -> None:
    one, real, shown = clock(), OURS, BEGINS
    for act, value in history:
        if act == "wait":
            real += timedelta(seconds=value)
        before = one.at(real)
        one = done(one, act, value, real)
        after = one.at(real)
        assert after >= before >= shown, act
        if act != "turn":
            assert after == before, "only turning it moves it by itself"
        shown = after


@given(histories, st.integers(1, 7200))
def test_ours_set_back_does_not_turn_it_back(history: list[tuple[str, Any]], back: int) -> None:
    """From the moment on at which it was last told, whatever ours says meanwhile."""
    one, real = clock(), OURS
    for act, value in history:
        real += timedelta(seconds=value) if act == "wait" else timedelta()
        one = done(one, act, value, real)
    one = one.freeze(one.frozen, real)
    shown, earlier = one.at(real), real - timedelta(seconds=back)
    assert one.at(earlier) == shown
    for act in ("pace", "hold", "freeze"):
        again = done(one, act, {"pace": FAST, "hold": 60, "freeze": False}[act], earlier)
        assert again.at(earlier) == shown
        assert again.at(earlier + MINUTE) >= shown


@given(histories, seconds)
def test_frozen_it_stands_at_any_pace(history: list[tuple[str, Any]], later: int) -> None:
    one, real = clock(), OURS
    for act, value in history:
        real += timedelta(seconds=value) if act == "wait" else timedelta()
        one = done(one, act, value, real)
    shown = one.at(real)
    frozen = one.freeze(True, real)
    assert frozen.at(real + timedelta(seconds=later)) == shown
    assert not frozen.is_held(real)
    on = frozen.freeze(False, real + timedelta(seconds=later))
    assert on.at(real + timedelta(seconds=later)) == shown, "what passed while it stood is not made up for"


@pytest.mark.parametrize(("pace", "minutes"), [(STANDING, 0), (REAL, 1), (FAST, 60)])
def test_it_goes_at_its_pace(pace: int, minutes: int) -> None:
    assert clock(pace).at(OURS + MINUTE) == BEGINS + minutes * MINUTE


def test_who_writes_holds_the_fast_clock_alone() -> None:
    until = OURS + 5 * MINUTE
    real, fast = clock(REAL, held_until=until), clock(FAST, held_until=until)
    assert (real.at(OURS + MINUTE), real.is_held(OURS + MINUTE)) == (BEGINS + MINUTE, False)
    assert (fast.at(OURS + MINUTE), fast.is_held(OURS + MINUTE)) == (BEGINS, True)
    assert fast.at(until) == BEGINS
    assert not fast.is_held(until)
    assert fast.at(until + MINUTE) == BEGINS + 60 * MINUTE, "from the moment on at which nobody is waited for"
    assert clock(STANDING, held_until=until).at(until + MINUTE) == BEGINS


def test_what_had_passed_before_somebody_wrote_has_passed() -> None:
    one = clock(FAST).held(OURS + 6 * MINUTE, OURS + MINUTE)
    assert one.at(OURS + 2 * MINUTE) == BEGINS + 60 * MINUTE
    free = one.held(None, OURS + 3 * MINUTE)
    assert free.at(OURS + 4 * MINUTE) == BEGINS + 120 * MINUTE


def test_it_is_turned_on_and_never_back() -> None:
    one = clock(FAST)
    later = one.turned_to(BEGINS + timedelta(days=3), OURS + MINUTE)
    assert later.at(OURS + 2 * MINUTE) == BEGINS + timedelta(days=3, hours=1)
    assert one.turned_to(one.at(OURS + MINUTE), OURS + MINUTE).at(OURS + MINUTE) == BEGINS + 60 * MINUTE
    with pytest.raises(BadInput) as refused:
        one.turned_to(BEGINS + 59 * MINUTE, OURS + MINUTE)
    assert refused.value.problems == {"moment": ("turned_back",)}


@pytest.mark.parametrize("pace", [REAL, FAST])
def test_it_stands_from_the_last_sign_of_life_on(pace: int) -> None:
    later = OURS + timedelta(hours=5)
    assert clock(pace).at(later) == BEGINS + pace * timedelta(hours=5), "the control: none was ever given"
    silent = clock(pace).alive(OURS)
    assert silent.at(later) == BEGINS + pace * SILENT
    assert silent.paced(pace, later).at(later + MINUTE) == BEGINS + 2 * pace * SILENT, "what a trainer does is one"
    again = silent.alive(later)
    assert again.at(later) == BEGINS + pace * SILENT, "what passed meanwhile is not made up for"
    for _beat in range(12):
        later += SILENT / 2
        again = again.alive(later)
    assert again.at(later) == BEGINS + pace * (SILENT + MINUTE)


def test_a_sign_from_a_clock_that_is_behind_changes_nothing() -> None:
    one = clock(FAST).alive(OURS + MINUTE)
    assert one.alive(OURS + MINUTE / 2) == one


@pytest.mark.parametrize("pace", [-1, 2, 61, 3600])
def test_there_are_three_paces(pace: int) -> None:
    with pytest.raises(BadInput):
        clock().paced(pace, OURS)
    assert replace(clock(), pace=FAST).pace == 60
