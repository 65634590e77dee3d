"""Where a case stands with those who review it: its turns, what voids a visa, what begins, answers and ends a count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from school_protocol.engine.case import fold
from school_protocol.engine.conditions import Condition
from school_protocol.engine.deadlines import open_dues
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Begins
from school_protocol.engine.events import (
    Event,
    Remark,
    RemarkKind,
    RemarksAttached,
    RemarkSettled,
    ReviewAsked,
    ReviewEnded,
    from_entry,
    to_entry,
)
from school_protocol.engine.next_steps import waiting_of
from school_protocol.engine.review_state import ReviewNow, may_end, may_send, review_now, turns, waits_for

from .telling import SAFE, Told, reported

QUESTION = Remark(kind=RemarkKind.question, text="Qui a informé la famille ?", awaits=True, entry=1)
PRAISE = Remark(kind=RemarkKind.information, text="Bonne chronologie")


def keep(told: Told, kind: type[Event], role: str = "directorate", **more: object) -> None:
    told._keep([kind(actor=role, role=role, at=told.now, occurred_at=told.now, **more)])


def sent(told: Told, move: str = "") -> None:
    keep(told, ReviewAsked, "team_coordinator", move=move)


def observed(told: Told, *remarks: Remark, role: str = "directorate") -> int:
    keep(told, RemarksAttached, role, document="", copy=0, digest="", content_head="", remarks=remarks or (QUESTION,))
    return told.seq


def answered(told: Told, seq: int, place: int = 1) -> None:
    keep(told, RemarkSettled, "team_coordinator", attached=seq, remark=place)


def now(told: Told) -> ReviewNow | None:
    assert told.case is not None
    return review_now(told.protocol, told.case)


def states(told: Told) -> list[str]:
    assert told.case is not None
    return [turn.state.value for turn in turns(told.protocol, told.case)]


def waiting(told: Told) -> tuple[str, ...]:
    assert told.case is not None
    return waits_for(told.protocol, told.case, turns(told.protocol, told.case))


def visa(told: Told, decision: str = "given") -> Told:
    return told.act("directorate", "directorate_visa", decision=decision, remark="Il manque le compte rendu.")


@pytest.fixture
def closing(moroccan: Protocol) -> Told:
    """A closure at level 3 that the coordinator has proposed."""
    told = reported(moroccan).put("assessment_validated", level=3).put("closure_proposed", by="team_coordinator")
    sent(told, "propose_close")
    return told


# ---- the four states -------------------------------------------------------------------------------------------------


def test_a_review_goes_from_to_examine_over_observations_and_completed_to_the_visa(closing: Told) -> None:
    first, second = observed(closing, QUESTION, QUESTION), observed(closing, QUESTION)
    answered(closing, first, 1)
    answered(closing, first, 2)
    assert states(closing) == ["to_examine", "observations"], "one is not answered yet"
    answered(closing, second)
    visa(closing)
    assert states(closing) == ["to_examine", "observations", "completed", "visaed"]
    assert now(closing) is not None
    assert now(closing).open_observations == 0


def test_what_asks_for_nothing_leaves_it_where_it_is(closing: Told) -> None:
    observed(closing, PRAISE)
    assert states(closing) == ["to_examine"]


def test_a_visa_that_is_refused_sends_back_and_the_next_closure_begins_anew(closing: Told) -> None:
    visa(closing, "refused")
    closing.put("follow_up_reinforced", by="directorate").put("closure_proposed", by="team_coordinator")
    sent(closing, "propose_close")
    assert states(closing) == ["to_examine", "sent_back", "to_examine"]


def test_an_addition_voids_the_visa_and_the_case_is_to_be_examined_again(closing: Told) -> None:
    visa(closing)
    closing.act("team_coordinator", "note", text="Une note ne change rien.")
    assert states(closing)[-1] == "visaed"
    assert closing.facts["visa_directorate"] is True
    closing.wait(hours=1).act("team_member", "others_not_heard", reason="left")
    assert closing.facts["visa_directorate"] is False
    assert (states(closing)[-1], now(closing).since) == ("to_examine", closing.now)  # type: ignore[union-attr]


def test_a_step_that_follows_on_the_visa_voids_no_review(closing: Told) -> None:
    """The closure that it was for."""
    visa(closing)
    closing.put("closed", by="head")
    assert states(closing) == ["to_examine", "visaed"]


def test_the_visa_of_somebody_who_takes_no_part_was_never_given(closing: Told) -> None:
    visa(closing)
    closing.act("directorate", "conflict", reason="close_relative")
    assert closing.facts["visa_directorate"] is False
    assert states(closing) == ["to_examine"]


def test_a_closure_that_the_head_refuses_is_not_reviewed_any_more(closing: Told) -> None:
    closing.put("follow_up_reinforced", by="head")
    assert (states(closing), now(closing), waiting(closing)) == (["to_examine", "over"], None, ())


def test_one_that_was_sent_waits_on_whatever_steps_are_taken_until_the_case_ends(moroccan: Protocol) -> None:
    told = reported(moroccan).put("plan_active", level=2)
    sent(told)
    told.put("follow_up_active")
    assert states(told) == ["to_examine"]
    told.put("closed")
    assert states(told) == ["to_examine", "over"]


def test_observations_of_a_case_that_nobody_sent_are_answered_to_whoever_made_them(moroccan: Protocol) -> None:
    told = reported(moroccan)
    assert now(told) is None
    answered(told, observed(told, role="academy"))
    assert (states(told), waiting(told)) == (["observations", "completed"], ("academy",))
    keep(told, ReviewEnded, "academy")
    assert (states(told)[-1], waiting(told)) == ("examined", ())


def ends(told: Told, role: str) -> None:
    assert told.case is not None
    assert may_end(told.protocol, told.case)
    keep(told, ReviewEnded, role)


def test_what_was_answered_waits_for_whoever_observed_though_another_has_examined_the_case(moroccan: Protocol) -> None:
    told = reported(moroccan)
    sent(told)
    answered(told, observed(told, role="academy"))
    assert waiting(told) == ("directorate", "academy")
    ends(told, "directorate")
    assert (states(told)[-1], waiting(told)) == ("completed", ("academy",))
    assert [due.start_seq for due in told.counts("review_answer") if due.is_open] == [told.seq - 1], "its time runs on"
    ends(told, "academy")
    assert (states(told)[-1], waiting(told)) == ("examined", ())
    assert "open" not in told.states_of("review_answer")


def test_each_role_whose_observations_were_answered_ends_its_own(moroccan: Protocol) -> None:
    told = reported(moroccan)
    first, second = observed(told), observed(told, role="academy")
    answered(told, first)
    answered(told, second)
    ends(told, "academy")
    assert (states(told)[-1], waiting(told)) == ("completed", ("directorate",))
    again = observed(told, role="academy")
    assert waiting(told) == ()
    answered(told, again)
    assert waiting(told) == ("directorate", "academy"), "it has observed anew"
    ends(told, "directorate")
    ends(told, "academy")
    assert states(told)[-1] == "examined"


def test_what_one_role_has_examined_and_another_has_not_is_over_with_the_case(moroccan: Protocol) -> None:
    told = reported(moroccan)
    sent(told)
    answered(told, observed(told, role="academy"))
    ends(told, "directorate")
    told.put("no_further_action")
    assert (states(told)[-1], waiting(told)) == ("over", ())


def test_a_closure_waits_for_who_may_give_the_visa_and_for_whoever_observed(closing: Told) -> None:
    assert waiting(closing) == ("directorate",)
    seq = observed(closing, role="academy")
    assert waiting(closing) == (), "the team answers first"
    answered(closing, seq)
    assert waiting(closing) == ("directorate", "academy")


def test_a_closure_proposed_again_is_reviewed_though_an_old_observation_waits(closing: Told) -> None:
    old = observed(closing, role="academy")
    visa(closing, "refused")
    closing.put("follow_up_reinforced", by="directorate").put("closure_proposed", by="team_coordinator")
    sent(closing, "propose_close")
    assert states(closing) == ["to_examine", "observations", "sent_back", "observations"]
    before = closing.counts("review_answer")
    answered(closing.wait(days=1), old)
    assert (states(closing)[-1], waiting(closing)) == ("completed", ("directorate", "academy"))
    assert len(closing.counts("review_answer")) == len(before) + 1
    assert [due.start_seq for due in closing.counts("review_answer") if due.is_open] == [closing.seq]


def test_a_case_sent_after_the_visa_waits_for_the_team_where_an_observation_is_open(closing: Told) -> None:
    old = observed(closing)
    visa(closing)
    sent(closing)
    assert states(closing) == ["to_examine", "observations", "visaed", "observations"]
    answered(closing, old)
    assert (states(closing)[-1], waiting(closing)) == ("completed", ("directorate",))


def test_a_closure_waits_for_the_visa_though_observations_came_before_it(moroccan: Protocol) -> None:
    """The review that nobody had sent was under way already."""
    told = reported(moroccan).put("assessment_validated", level=3)
    seq = observed(told, role="academy")
    told.put("closure_proposed", by="team_coordinator")
    sent(told, "propose_close")
    answered(told, seq)
    assert (states(told), waiting(told)) == (["observations", "completed"], ("directorate", "academy"))


def test_a_visa_that_nothing_asked_for_begins_no_review_when_it_is_voided(moroccan: Protocol) -> None:
    told = visa(reported(moroccan).put("plan_active", level=2))
    told.act("team_member", "others_not_heard", reason="left")
    assert told.facts["visa_directorate"] is False
    assert (states(told), waiting(told)) == (["visaed"], ())


def test_a_visa_given_over_open_observations_answers_the_review_that_was_asked_for(closing: Told) -> None:
    observed(closing)
    visa(closing)
    visa(closing)
    closing.act("team_member", "others_not_heard", reason="left")
    assert states(closing)[-1] == "to_examine"


def test_the_review_of_a_step_ends_by_its_visa_alone(closing: Told) -> None:
    answered(closing, observed(closing, role="academy"))
    assert closing.case is not None
    assert now(closing).is_of_step  # type: ignore[union-attr]
    assert not may_end(closing.protocol, closing.case)


def test_a_step_makes_a_review_that_was_sent_before_it_its_own_until_the_case_goes_on(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_validated", level=3)
    sent(told)
    told.put("closure_proposed", by="team_coordinator")
    sent(told, "propose_close")
    assert told.case is not None
    assert not may_end(moroccan, told.case)
    told.put("follow_up_reinforced", by="head")
    assert told.case is not None
    assert states(told) == ["to_examine"]
    assert may_end(moroccan, told.case)


def test_a_definition_without_reviews_has_none(moroccan: Protocol) -> None:
    told = Told(moroccan.model_copy(update={"review": None}))
    told.act("team_member", "report", what_happened="x", danger_now="no", adult_concerned="no", how_it_came="seen",
             about_whom=[{"slot": "targeted_pupil", "name": "A"}])  # fmt: skip
    observed(told)
    assert (states(told), now(told)) == ([], None)


def test_what_may_be_sent_and_ended(moroccan: Protocol) -> None:
    told = reported(moroccan)
    assert told.case is not None
    assert may_send(moroccan, told.case)
    assert not may_end(moroccan, told.case)
    sent(told)
    assert told.case is not None
    assert not may_send(moroccan, told.case)
    assert may_end(moroccan, told.case)
    seq = observed(told)
    assert told.case is not None
    assert not may_send(moroccan, told.case)
    assert not may_end(moroccan, told.case)
    answered(told, seq)
    assert told.case is not None
    assert may_end(moroccan, told.case)
    told.put("no_further_action")
    assert told.case is not None
    assert not may_send(moroccan, told.case)


# ---- what begins it by itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("when", "begun"), [(None, True), ("level == 0", True), ("level >= 3", False)])
def test_a_step_begins_a_review_where_its_condition_surely_holds(
    moroccan: Protocol, when: str | None, begun: bool
) -> None:
    assert moroccan.review is not None
    begins = Begins(entered=("report_qualified",), when=Condition(when) if when else None)
    review = moroccan.review.model_copy(update={"begins": (begins,)})
    told = reported(moroccan.model_copy(update={"review": review}))
    told.act("team_member", "safety_check", SAFE).move("team_coordinator", "qualify")
    asked = [event for event in told.events if isinstance(event, ReviewAsked)]
    assert [(event.move, event.seq == told.seq) for event in asked] == ([("qualify", True)] if begun else [])
    assert states(told) == (["to_examine"] if begun else [])


# ---- the count -------------------------------------------------------------------------------------------------------


def test_five_school_days_run_each_time_that_it_waits_and_are_met_by_any_answer(closing: Told) -> None:
    assert closing.states_of("review_answer") == ["open"]
    first = closing.counts("review_answer")[0].due_at
    assert (first.date() - closing.now.date()).days == 6, "Thursday to Tuesday, without a Sunday"
    seq = observed(closing.wait(days=1))
    assert closing.states_of("review_answer") == ["met"]
    answered(closing.wait(days=1), seq)
    (running,) = [due for due in closing.counts("review_answer") if due.is_open]
    assert (running.start_seq, running.due_at > first) == (closing.seq, True)
    visa(closing)
    assert set(closing.states_of("review_answer")) == {"met"}


def test_a_count_ends_with_what_was_to_be_reviewed(closing: Told) -> None:
    closing.put("follow_up_reinforced", by="head")
    assert closing.states_of("review_answer") == ["ended"]


def test_what_was_sent_mid_way_holds_nothing_up_on_the_desk(moroccan: Protocol) -> None:
    told = reported(moroccan)
    before = waiting_of(told.facts, open_dues(told.facts))
    sent(told)
    assert waiting_of(told.facts, open_dues(told.facts)) == before


# ---- as it is kept ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ReviewAsked, ReviewEnded])
def test_its_words_are_kept_apart_and_can_be_destroyed(closing: Told, kind: type[Event]) -> None:
    keep(closing, kind, sentence="Pour [EV1], que faire ?")
    entry = to_entry(closing.protocol, closing.events[-1])
    assert entry.words == {"sentence": "Pour [EV1], que faire ?"}
    assert "EV1" not in str(entry.body)
    assert from_entry(entry) == closing.events[-1]
    gone = from_entry(replace(entry, words=None))
    assert isinstance(gone, kind)
    assert gone.sentence == ""
    assert fold(closing.protocol, [*closing.events[:-1], gone]).last_seq == closing.seq
