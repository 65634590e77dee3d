"""A step in the same press as the act that opens it: offered where nothing else lacks, made whole or not at all."""

from __future__ import annotations

import pytest

from school_protocol.engine.decisions import Decider
from school_protocol.engine.definition import Protocol
from school_protocol.engine.events import Recorded, StepTaken
from school_protocol.engine.onward import steps_with

from .telling import MINUTES, SAFE, Told, person, reported, weighed

OFFERED = {
    "held_on": "2026-11-25", "listener": "team_member", "child_view": "declined", "view_reason": "x",
    "information_given": True, "place": "quiet_office",
}  # fmt: skip


def offered(told: Told, who: str, act: str) -> set[str]:
    desk = Decider(told.protocol, told.case, person(told.protocol, who), told.now, told.around)
    return {move.key for move in steps_with(desk, told.protocol.acts[act])}


def seat(told: Told) -> Told:
    return told.act("team_coordinator", "name_seat", seat="lead", account="team_member", onward="assign")


def test_the_last_thing_that_a_step_lacks_makes_it_too(moroccan: Protocol) -> None:
    told = reported(moroccan)
    assert offered(told, "team_member", "safety_check") == {"qualify"}
    told.act("team_member", "safety_check", SAFE, onward="qualify")
    assert told.state == "report_qualified"
    recorded, step = told.events[-2:]
    assert isinstance(recorded, Recorded)
    assert isinstance(step, StepTaken)
    assert (step.move, step.actor, step.seq, step.at) == ("qualify", "team_member", recorded.seq + 1, recorded.at)
    assert seat(told).state == "listening_planned"


@pytest.mark.parametrize(("who", "act"), [
    ("team_member", "note"), ("team_member", "evidence"), ("reporter", "safety_check"), ("directorate", "note"),
])  # fmt: skip
def test_nothing_goes_with_what_does_not_open_it(moroccan: Protocol, who: str, act: str) -> None:
    assert offered(reported(moroccan), who, act) == set()


def test_where_something_else_lacks_it_is_not_offered(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_running")
    weighed(told)
    assert offered(told, "team_coordinator", "minutes") == set(), "the child was neither heard nor offered to be"


def test_where_the_answers_do_not_open_it_neither_is_recorded(moroccan: Protocol) -> None:
    told = reported(moroccan).act("team_member", "safety_check", SAFE, onward="qualify")
    before = len(told.events)
    told.untrained = {"team_member"}
    helper = {"seat": "second", "account": "team_member"}
    assert told.refused("team_coordinator", "name_seat", helper, onward="assign") == {"lead_trained"}
    assert len(told.events) == before


def test_a_step_that_is_open_already_is_none_that_the_act_opens(moroccan: Protocol) -> None:
    told = reported(moroccan).act("team_member", "safety_check", SAFE)
    assert told.is_open("team_member", "qualify", "move")
    assert offered(told, "team_member", "safety_check") == set()


@pytest.mark.parametrize("move", ["join", "urgent", "dismiss", "close", "transfer", "no_such_step"])
def test_what_wants_a_reason_or_a_second_person_never_goes_along(moroccan: Protocol, move: str) -> None:
    told = reported(moroccan)
    assert told.refused("team_member", "safety_check", SAFE, onward=move) == {"no_such_move"}
    assert told.state == "report_received"


def test_a_danger_that_the_answers_raise_is_never_held_back_by_the_step(moroccan: Protocol) -> None:
    told = reported(moroccan)
    told.act("team_member", "safety_check", dangers=["self_harm"], safe_now="no", who_stays="me", onward="qualify")
    assert told.state == "escalation_to_send"
    assert told.case is not None
    assert told.case.live_dangers("raised")


def test_the_last_signature_opens_a_step_and_one_that_others_follow_does_not(moroccan: Protocol) -> None:
    told = reported(moroccan).act("team_member", "safety_check", SAFE)
    told.act("team_coordinator", "name_seat", seat="lead", account="team_member").put("assessment_running")
    weighed(told).act("team_member", "listening_target", OFFERED)
    assert offered(told, "team_member", "minutes") == set(), "a second signature is awaited"
    told.act("team_member", "minutes", {**MINUTES, "level": "2"})
    assert offered(told, "team_coordinator", "signature") == {"validate_assessment"}
    told.act("team_coordinator", "signature", record=str(told.seq), onward="validate_assessment")
    assert (told.state, told.level) == ("assessment_validated", 2)
