"""What is due: the four kinds of time, what each count is about, what suspends, meets, repeats and ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.telling import NOW, REPORT, ROOT, SAFE, SMALL, Told, minuted, reported, surroundings
from school_protocol.engine.case_summary import conformance
from school_protocol.engine.clock import Calendar
from school_protocol.engine.deadlines import Pause, dues, duties, open_dues
from school_protocol.engine.definition import Protocol
from school_protocol.protocol.reader import read_file


def local(text: str) -> datetime:
    """A moment of Casablanca in November 2026, which keeps UTC+1."""
    return datetime.fromisoformat(f"2026-{text}:00+01:00").astimezone(UTC)


def due_at(told: Told, deadline: str, subject: str = "") -> datetime:
    return next(due.due_at for due in told.counts(deadline) if due.subject == subject)


def with_guardians(told: Told, *names: str) -> Told:
    return told.act("head", "add_person", persons=[{"slot": "guardian", "name": name} for name in names or ("Mère",)])


CALL = {"channel": "call", "sent_at": NOW.isoformat(), "covers": ["blackmail"], "target": "police"}

# ---- the four kinds of time ----------------------------------------------------------------------------------------


def test_school_hours_count_while_the_school_is_open(moroccan: Protocol) -> None:
    """Reported on Wednesday at 10:00: two hours and a half before noon, the rest in the afternoon."""
    assert due_at(reported(moroccan), "safety_check") == local("11-25T16:00")


def test_school_hours_wait_for_the_morning(moroccan: Protocol) -> None:
    told = Told(moroccan, local("11-28T12:00")).act("team_member", "report", REPORT)
    assert due_at(told, "safety_check") == local("11-30T12:00"), "Saturday noon; Sunday is closed"


def test_school_days_end_when_the_school_closes(moroccan: Protocol) -> None:
    assert due_at(reported(moroccan), "qualification") == local("11-26T18:30")


def test_clock_hours_run_through_the_night(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "raise_danger", which_danger="blackmail")
    assert due_at(told, "head_told", "blackmail") == local("11-25T11:00")
    assert due_at(told, "written_referral", "blackmail") == local("11-26T10:00")


def test_calendar_days_run_through_holidays(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "rights_request", stage="asked", request="access", requester="x",
                                  identity_checked="yes")  # fmt: skip
    assert due_at(told, "rights_answer") == local("12-05T23:59")


def test_a_calendar_that_never_opens_still_gives_a_moment(moroccan: Protocol) -> None:
    told = Told(moroccan)
    told.around = surroundings(moroccan, calendar=Calendar(opening={}))
    told.act("team_member", "report", REPORT)
    assert told.counts("safety_check")[0].due_at > NOW


# ---- what each count is about --------------------------------------------------------------------------------------


def test_each_danger_has_its_own_count(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "raise_danger", which_danger="blackmail").wait(hours=5)
    told.act("head", "raise_danger", which_danger="self_harm")
    assert due_at(told, "written_referral", "self_harm") > due_at(told, "written_referral", "blackmail")
    letter = {**CALL, "channel": "letter", "summary": "x", "covers": ["blackmail"]}
    told.act("head", "referral", letter)
    assert {due.subject: due.state for due in told.counts("written_referral")} == {
        "blackmail": "met",
        "self_harm": "open",
    }


def test_a_call_is_no_letter_and_a_teachers_letter_is_not_the_heads(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "raise_danger", which_danger="blackmail").act("head", "referral", CALL)
    told.act("team_member", "referral", {**CALL, "channel": "letter", "summary": "x"})
    assert told.states_of("written_referral") == ["open"]


def offence(told: Told, answer: str = "yes") -> Told:
    """Minutes in which the offence question is answered."""
    return minuted(told.put("assessment_running"), offence_question=answer)


def test_an_offence_starts_the_letter_and_justice_told_no_new_one(moroccan: Protocol) -> None:
    told = offence(reported(moroccan))
    assert due_at(told, "written_referral") == local("11-26T10:00")
    told.act("head", "referral", {**CALL, "channel": "letter", "summary": "x", "target": "prosecutor"}).wait(hours=1)
    assert offence(told).states_of("written_referral") == ["met"]


@pytest.mark.parametrize(("target", "states"), [("police", ["met"]), ("emc", ["met", "open"])])
def test_only_who_is_of_justice_keeps_the_letter_from_starting_anew(
    moroccan: Protocol, target: str, states: list[str]
) -> None:
    told = offence(reported(moroccan))
    told.act("head", "referral", {**CALL, "channel": "letter", "summary": "x", "target": target}).wait(hours=1)
    assert sorted(offence(told).states_of("written_referral")) == states


def test_a_call_to_justice_before_the_first_yes_counts_too(moroccan: Protocol) -> None:
    told = offence(reported(moroccan).act("head", "referral", CALL).wait(hours=1))
    assert told.states_of("written_referral") == []
    assert told.facts["judicial_sent"] == 1


def test_a_letter_that_runs_is_not_stopped_by_a_call(moroccan: Protocol) -> None:
    told = offence(reported(moroccan)).act("head", "referral", CALL).wait(hours=1)
    assert offence(told).states_of("written_referral") == ["open"], "as it was: a call is no letter"
    assert due_at(told, "written_referral") == local("11-26T10:00")


def test_a_reopened_case_forgets_that_justice_was_told(moroccan: Protocol) -> None:
    told = offence(reported(moroccan))
    told.act("head", "referral", {**CALL, "channel": "letter", "summary": "x"}).put("closed").wait(days=30)
    assert "written_referral" in offence(told).open_dues()


def test_a_danger_has_its_own_letter_all_the_same(moroccan: Protocol) -> None:
    told = offence(reported(moroccan).act("head", "referral", {**CALL, "channel": "letter", "summary": "x"}))
    told.act("head", "raise_danger", which_danger="grooming")
    assert told.states_of("written_referral") == ["open"]


def test_a_danger_lifted_is_no_longer_due(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "raise_danger", which_danger="blackmail")
    told.act("head", "lift_danger", which_danger="blackmail", reason="x")
    told.act("team_coordinator", "signature", record=str(told.seq))
    assert told.states_of("written_referral") == ["ended"]


def test_each_referral_is_chased_by_itself(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "raise_danger", which_danger="blackmail").act("head", "referral", CALL)
    told.wait(hours=2).act("head", "referral", {**CALL, "target": "emc"})
    told.act("head", "referral_answer", referral="2", outcome="answered")
    assert {due.subject: due.state for due in told.counts("danger_referral_chase")} == {"1": "open", "2": "met"}


def test_a_referral_without_a_danger_is_chased_in_school_days(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "referral", {**CALL, "covers": ["need"]})
    assert (told.states_of("danger_referral_chase"), told.states_of("referral_chase")) == ([], ["open"])


def test_each_guardian_is_told(moroccan: Protocol) -> None:
    told = with_guardians(reported(moroccan), "Mère", "Père").put("report_qualified")
    told.act("team_member", "inform_guardian", who="guardian-1", relation="mother", result="told", safe_to_tell="yes")
    assert {due.subject: due.state for due in told.counts("guardians_informed")} == {
        "guardian-1": "met",
        "guardian-2": "open",
    }


def test_a_guardian_on_hold_is_not_due_and_the_others_are(moroccan: Protocol) -> None:
    told = with_guardians(reported(moroccan), "Mère", "Père").put("report_qualified")
    told.act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    assert {due.subject: due.state for due in told.counts("guardians_informed")} == {
        "guardian-1": "open",
        "guardian-2": "suspended",
    }


# ---- holds ---------------------------------------------------------------------------------------------------------


def test_a_hold_is_reviewed_within_three_days_and_then_again(moroccan: Protocol) -> None:
    told = with_guardians(reported(moroccan)).act("head", "guardian_hold", guardian="guardian-1", reason="risk_if_told")
    assert due_at(told, "hold_review", "1") == local("11-28T10:00")
    told.wait(days=2).act("head", "hold_review", hold="1", decision="keep", reason="x")
    told.act("team_coordinator", "signature", record=str(told.seq))
    assert told.states_of("hold_review") == ["open", "met"], "kept: the next review is due"


def test_a_hold_on_every_guardian_is_reviewed_like_any_other(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "raise_danger", which_danger="home_danger")
    assert told.states_of("hold_review") == ["open"]
    assert due_at(told.wait(days=2), "hold_review", "1") == local("11-28T10:00"), "it doesn't put itself off"


def test_a_review_of_one_hold_is_no_review_of_another(moroccan: Protocol) -> None:
    told = with_guardians(reported(moroccan), "Mère", "Père")
    told.act("head", "guardian_hold", guardian="guardian-1", reason="risk_if_told")
    told.act("head", "guardian_hold", guardian="guardian-2", reason="pupil_asks")
    told.act("head", "hold_review", hold="1", decision="keep", reason="x")
    states = {(due.subject, due.state) for due in told.counts("hold_review")}
    assert ("2", "open") in states
    assert ("2", "met") not in states


# ---- steps, suspension, repeats, ends ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("danger_now", "hours", "told_to"),
    [
        ("yes", [2, 4, 12], ("team_member", "team_coordinator")),
        ("unsure", [2, 4, 12], ("team_member", "team_coordinator")),
    ],
)
def test_the_unseen_is_told_step_by_step(
    moroccan: Protocol, danger_now: str, hours: list[int], told_to: tuple[str, ...]
) -> None:
    (due,) = reported(moroccan, "reporter", danger_now=danger_now).counts("unseen")
    assert [(at - NOW).total_seconds() / 3600 for at, _tell in due.steps] == hours
    assert due.steps[0][1] == told_to
    assert due.due_at == due.steps[0][0]


def test_a_calm_report_waits_a_school_day_and_a_danger_none(moroccan: Protocol) -> None:
    told = reported(moroccan, "reporter")
    assert due_at(told, "unseen") == local("11-26T18:30")
    told.wait(hours=1).act("reporter", "raise_danger", which_danger="self_harm")
    assert told.now in [due.due_at for due in told.counts("unseen")]


def test_an_authority_that_says_wait_suspends_the_listening_of_others(moroccan: Protocol) -> None:
    told = reported(moroccan).put("report_qualified").act("head", "referral", {**CALL, "covers": ["need"]})
    told.act("head", "referral_answer", referral="1", outcome="acknowledged", may_continue="no")
    assert told.states_of("others_listened") == ["suspended"]
    told.act("head", "referral_answer", referral="1", outcome="answered", may_continue="yes")
    assert told.states_of("others_listened") == ["open"]


def test_a_count_ends_with_its_state(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_validated")
    assert told.states_of("plan_due") == ["open"]
    told.put("escalation_to_send")
    assert told.states_of("plan_due") == ["ended"]


def test_a_plan_is_reviewed_every_fifteen_days(moroccan: Protocol) -> None:
    told = reported(moroccan).put("plan_active")
    told.wait(days=10).act("team_member", "support_plan", reference_adult="head", shared_concern="no")
    first, second = sorted(told.counts("plan_review"), key=lambda due: due.due_at)
    assert (first.state, second.state) == ("met", "open")
    assert (second.due_at - first.met_at).days == 15  # type: ignore[operator]


def test_what_a_level_excuses_is_not_due(moroccan: Protocol) -> None:
    """The directorate is told of a level 3 alone by this deadline."""
    low = reported(moroccan).put("assessment_validated", level=2)
    serious = reported(moroccan).put("assessment_validated", level=3)
    assert (low.states_of("directorate_told"), serious.states_of("directorate_told")) == ([], ["open"])
    assert low.states_of("academy_told") == []


def test_late_is_late_when_met_too(moroccan: Protocol) -> None:
    told = reported(moroccan).wait(days=2).act("head", "safety_check", SAFE)
    (due,) = told.counts("safety_check")
    assert due.state == "met"
    assert due.is_late(told.now)


def test_only_what_follows_meets_it(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "safety_check", SAFE)
    told.put("closed").wait(days=5).put("report_qualified")
    assert "first_listening" in told.open_dues()


# ---- ends and reopenings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["closed", "no_further_action", "transferred", "joined"])
def test_nothing_is_due_on_a_case_that_has_ended(moroccan: Protocol, end: str) -> None:
    told = with_guardians(reported(moroccan)).put("report_qualified").put("assessment_validated", level=3)
    assert told.open_dues()
    assert told.put(end).wait(days=60).open_dues() == set()


@pytest.mark.parametrize(
    ("end", "again"), [("no_further_action", "report_qualified"), ("closed", "assessment_running")]
)
def test_a_reopened_case_is_not_born_overdue(moroccan: Protocol, end: str, again: str) -> None:
    told = with_guardians(reported(moroccan)).put("report_qualified").put(end).wait(days=60).put(again)
    assert "assessment_due" in told.open_dues()
    late = [due.deadline for due in dues(told.facts) if due.is_open and due.due_at <= told.now]
    assert late == []


def test_a_rights_request_on_a_closed_case_is_due(moroccan: Protocol) -> None:
    told = (
        reported(moroccan)
        .put("closed")
        .act("head", "rights_request", stage="asked", request="access", requester="x", identity_checked="yes")
    )
    assert told.open_dues() == {"rights_answer"}


# ---- the small protocol's ------------------------------------------------------------------------------------------


def test_a_second_protocol_has_deadlines_of_its_own(small: Protocol) -> None:
    told = Told(small).act("mediator", "write_slip", what="une trousse", kind="other")
    told.act("warden", "give_chair", seat="keeper", who="mediator").move("warden", "start_looking")
    assert told.open_dues() == {"unseen", "first_talk", "home_due", "settle_by"}
    assert due_at(told, "home_due") == local("11-26T10:00"), "eight school hours"
    told.act("mediator", "ring", which="blade")
    assert due_at(told, "letter_due", "blade") == local("11-26T10:00")


# ---- duties and conformance ----------------------------------------------------------------------------------------


def duty(told: Told, key: str) -> str | None:
    found = {one.duty: one.state for one in duties(told.facts, dues(told.facts))}
    return found.get(key)


def test_a_duty_is_due_then_done_and_some_are_not_asked(moroccan: Protocol) -> None:
    told = reported(moroccan)
    assert (duty(told, "danger_check"), duty(told, "tell_head"), duty(told, "review_hold")) == ("due", None, None)
    told.act("head", "safety_check", SAFE)
    assert duty(told, "danger_check") == "done"


def test_a_call_is_no_written_referral_and_leaves_the_duty_due(moroccan: Protocol) -> None:
    told = reported(moroccan).act("reporter", "raise_danger", which_danger="self_harm")
    call = {"target": "rescue", "covers": ["self_harm"], "channel": "call", "sent_at": told.now.isoformat()}
    told.act("head", "referral", call)
    assert duty(told, "written_referral") == "due"
    told.act("head", "referral", {**call, "target": "prosecutor", "channel": "letter", "summary": "x"})
    assert duty(told, "written_referral") == "done"


PIECE = {
    "kind": "screenshot", "platform": "whatsapp", "content_type": "group", "captured_by_role": "targeted_pupil",
    "source": "pupil", "still_online": "yes", "content_status": "online", "sexual_or_intimate": "no",
    "description": "x",
}  # fmt: skip
ASKED = {"channel": "platform", "asked_on": "2026-11-25", "result": "waiting"}


def test_a_piece_that_is_registered_asks_for_no_removal(moroccan: Protocol) -> None:
    told = reported(moroccan).act("team_member", "report_more", content_online="yes")
    assert duty(told, "ask_takedown") == "due"
    told.act("team_member", "evidence", PIECE)
    assert duty(told, "ask_takedown") == "due"
    told.act("team_member", "evidence", {**PIECE, "takedowns": [ASKED]})
    assert duty(told, "ask_takedown") == "done"


@pytest.mark.parametrize(("answer", "may"), [("yes", False), ("no", False), ("uncertain", True)])
def test_a_reason_for_no_referral_is_signed_of_an_uncertain_offence_alone(
    moroccan: Protocol, answer: str, may: bool
) -> None:
    told = minuted(reported(moroccan).put("assessment_running"), offence_question=answer)
    told.act("team_member", "signature", record=str(told.seq))
    if may:
        told.act("head", "no_referral", reason="x")
    else:
        assert told.refused("head", "no_referral", reason="x") == {"offence_uncertain"}


def test_a_duty_can_be_excused_with_a_reason_and_suspended_by_a_hold(moroccan: Protocol) -> None:
    told = with_guardians(reported(moroccan)).put("report_qualified")
    assert duty(told, "inform_guardians") == "due"
    told.act("head", "guardian_hold", guardian="guardian-1", reason="risk_if_told")
    assert duty(told, "inform_guardians") == "suspended"
    told.act("head", "excuse_duty", duty="hear_child", reason="Elle est à l’étranger")
    assert duty(told, "hear_child") == "excused"


def test_what_was_missed_as_its_case_ended_is_told_as_missed_in_both_tables(moroccan: Protocol) -> None:
    told = reported(moroccan).put("report_qualified").wait(days=9)
    assert duty(told, "hear_child") == "due"
    told.put("no_further_action")
    counts = dues(told.facts)
    found = conformance(told.facts, counts, duties(told.facts, counts)).asked
    assert [line.outcome for line in found if line.key == "first_listening"] == ["overdue"]
    assert duty(told, "hear_child") == "missed"


HEARD = {"held_on": "2026-11-25", "listener": "team_member", "child_view": "given", "place": "quiet_office",
         "information_given": "yes", "account": "…", "wishes": "…"}  # fmt: skip


def test_what_was_excused_and_done_all_the_same_is_done_in_both_tables(moroccan: Protocol) -> None:
    told = reported(moroccan).put("report_qualified")
    told.act("head", "excuse_duty", duty="hear_child", reason="Elle est à l’étranger").wait(hours=1)
    told.act("team_member", "listening_target", HEARD)
    counts = dues(told.facts)
    found = conformance(told.facts, counts, duties(told.facts, counts)).asked
    assert [line.outcome for line in found if line.key == "first_listening"] == ["kept"]
    assert duty(told, "hear_child") == "done"


def test_what_was_excused_and_done_too_late_stays_excused_in_both_tables(moroccan: Protocol) -> None:
    told = reported(moroccan).put("report_qualified")
    told.act("head", "excuse_duty", duty="hear_child", reason="Elle est à l’étranger").wait(days=9)
    told.act("team_member", "listening_target", {**HEARD, "held_on": "2026-12-04"})
    counts = dues(told.facts)
    found = conformance(told.facts, counts, duties(told.facts, counts)).asked
    assert [line.outcome for line in found if line.key == "first_listening"] == ["excused"]
    assert duty(told, "hear_child") == "excused"


def test_conformance_tells_kept_late_open_overdue_and_departed(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "safety_check", SAFE).wait(days=3)
    told.act("head", "raise_danger", which_danger="blackmail").wait(hours=2)
    told.act("reporter", "told_by_voice", who_was_told=["head"])
    told.act("head", "referral", CALL).move("team_member", "mark_sent")
    told.move("team_member", "record_external_handling", depart={"acknowledged": "Ils ne répondent jamais"})
    counts = dues(told.facts)
    found = conformance(told.facts, counts, duties(told.facts, counts))
    outcomes = {(line.key, line.outcome) for line in found.asked if line.part == "deadlines"}
    assert {
        ("safety_check", "kept"),
        ("qualification", "late"),
        ("head_told", "late"),
        ("written_referral", "open"),
    } <= (outcomes)
    assert [(line.move, line.need, line.reason) for line in found.departures] == [
        ("record_external_handling", "acknowledged", "Ils ne répondent jamais")
    ]
    assert found.count("late") == sum(line.outcome == "late" for line in found.asked)


# ---- for whom, by what, and when -----------------------------------------------------------------------------------


def heard(told: Told, who: str, act: str = "interview_concerned", **more: Any) -> Told:
    answers = {"heard": who, "mode": "factual", "age_at_facts": 14, **more}
    return told.act("team_member", act, answers)


def with_pupils(told: Told, *slots: str) -> Told:
    return told.act("team_member", "add_person", persons=[{"slot": slot, "name": f"{slot} N"} for slot in slots])


def by_subject(told: Told, deadline: str) -> dict[str, str]:
    return {due.subject: due.state for due in told.counts(deadline)}


LISTENING = {
    "held_on": "2026-11-25", "listener": "team_member", "place": "listening_room",
    "information_given": "yes",
}  # fmt: skip


def test_each_pupil_is_heard_and_going_on_hears_nobody(moroccan: Protocol) -> None:
    told = reported(moroccan).put("report_qualified")
    assert by_subject(told, "others_listened") == {"": "open"}, "nobody is named"
    with_pupils(told, "pupil_concerned", "pupil_concerned", "witness")
    heard(told, "pupil_concerned-1")
    told.put("assessment_running")
    assert by_subject(told, "others_listened") == {
        "pupil_concerned-1": "met", "pupil_concerned-2": "open", "witness-1": "open",
    }  # fmt: skip
    assert duty(told, "hear_others") == "due"
    told.act("team_member", "others_not_heard", reason="left", who=["witness-1"])
    assert by_subject(told, "others_listened")["pupil_concerned-2"] == "open"
    told.act("team_member", "others_not_heard", reason="danger")
    assert duty(told, "hear_others") == "done"
    with_pupils(told, "witness")
    assert by_subject(told, "others_listened")["witness-2"] == "open", "a reason is about those who were known"


def test_who_is_named_late_has_the_whole_time(moroccan: Protocol) -> None:
    told = reported(moroccan).put("report_qualified").wait(days=20)
    with_pupils(told, "witness")
    assert due_at(told, "others_listened", "witness-1") > told.now


@pytest.mark.parametrize(("view", "state"), [("unreachable", "open"), ("declined", "met"), ("given", "met")])
def test_an_attempt_is_no_listening(moroccan: Protocol, view: str, state: str) -> None:
    told = reported(moroccan).put("report_qualified")
    said = {"account": "x", "wishes": "x"} if view == "given" else {"view_reason": "x"}
    told.act("team_member", "listening_target", {**LISTENING, "child_view": view, **said})
    told.put("listening_running")
    assert told.states_of("first_listening") == [state]
    assert duty(told, "hear_child") == {"open": "due", "met": "done"}[state]


def test_what_was_excused_before_somebody_was_named_is_open_for_them_wherever_it_is_told(moroccan: Protocol) -> None:
    told = reported(moroccan).put("report_qualified").wait(hours=1)
    told.act("head", "excuse_duty", duty="hear_others", reason="x").wait(hours=1)
    assert "others_listened" not in {due.deadline for due in open_dues(told.facts)}
    with_pupils(told, "witness")
    assert "others_listened" in {due.deadline for due in open_dues(told.facts)}
    counts = dues(told.facts)
    found = conformance(told.facts, counts, duties(told.facts, counts)).asked
    assert [line.outcome for line in found if line.key == "others_listened"] == ["open"]
    assert duty(told, "hear_others") == "due"


def test_an_attempt_tells_no_guardian(moroccan: Protocol) -> None:
    told = with_guardians(reported(moroccan)).put("report_qualified")
    tries = [{"day": "2026-11-25", "way": "phone"}] * 3
    told.act("head", "inform_guardian", who="guardian-1", relation="mother", result="unreachable", safe_to_tell="yes",
             tried_on=tries)  # fmt: skip
    assert told.states_of("guardians_informed") == ["open"]


def test_a_guardian_of_another_side_is_not_the_targeted_pupils(moroccan: Protocol) -> None:
    told = with_guardians(reported(moroccan)).put("report_qualified")
    told.act("head", "add_person", persons=[{"slot": "guardian_concerned", "name": "Père"}]).wait(hours=1)
    told.act("head", "inform_guardian", who="guardian_concerned-1", relation="father", result="told",
             safe_to_tell="yes")  # fmt: skip
    assert (told.states_of("guardians_informed"), duty(told, "inform_guardians")) == (["open"], "due")
    told.wait(hours=1)
    first = told.now
    answers = {"relation": "mother", "result": "told", "safe_to_tell": "yes", "told_at": first.isoformat()}
    told.act("head", "inform_guardian", who="guardian-1", **answers).wait(hours=2)
    told.act("head", "inform_guardian", who="guardian_concerned-1", **{**answers, "told_at": told.now.isoformat()})
    (status,) = [one for one in duties(told.facts, dues(told.facts)) if one.duty == "inform_guardians"]
    assert status.done_at == first, "as its count says"
    assert status.due_at == due_at(told, "guardians_informed", "guardian-1")


def test_what_happened_before_the_clock_began_is_no_new_contact(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "referral", {**CALL, "covers": ["need"]}).wait(days=3)
    told.put("external_handling").wait(hours=1)
    before = (told.now - timedelta(days=2)).isoformat()
    answer = {"referral": "1", "outcome": "acknowledged"}
    told.act("head", "referral_answer", answer, answered_at=before)
    assert told.states_of("contact_again") == ["open"]
    told.act("head", "referral_answer", answer, answered_at=told.now.isoformat())
    assert told.states_of("contact_again") == ["open", "met"]


def test_a_child_heard_before_the_report_was_taken_up_has_been_heard(moroccan: Protocol) -> None:
    told = reported(moroccan)
    told.act("team_member", "listening_target", held_on="2026-11-24", listener="team_member", child_view="given",
             place="listening_room", information_given="yes", account="x", wishes="x")  # fmt: skip
    (due,) = told.put("report_qualified").counts("first_listening")
    assert (due.state, due.met_at) == ("met", local("11-24T00:00")), "the day that was written, at no hour"


def test_the_day_on_which_it_was_held_counts_and_not_when_it_was_typed(moroccan: Protocol) -> None:
    told = with_pupils(reported(moroccan).put("report_qualified"), "pupil_concerned").wait(days=20)
    heard(told, "pupil_concerned-1", held_on="2026-11-26")
    (due,) = told.counts("others_listened")
    assert not due.is_late(told.now)
    assert due.met_at == local("11-26T00:00")


def test_no_time_runs_while_an_authority_asks_to_wait_and_the_case_says_so(moroccan: Protocol) -> None:
    told = with_pupils(reported(moroccan).put("report_qualified"), "pupil_concerned")
    first = due_at(told, "others_listened", "pupil_concerned-1")
    told.act("head", "referral", {**CALL, "covers": ["need"]})
    began = told.now
    answer = {"referral": "1", "outcome": "acknowledged"}
    told.act("head", "referral_answer", answer, may_continue="no", answered_at=began.isoformat()).wait(days=7)
    ended = told.now
    told.act("head", "referral_answer", answer, may_continue="yes", answered_at=ended.isoformat())
    (due,) = told.counts("others_listened")
    assert (due.state, due.due_at - first, due.pauses) == ("open", timedelta(days=7), (Pause(began, ended),))
    found = conformance(told.facts, dues(told.facts), duties(told.facts, dues(told.facts)))
    (line,) = [one for one in found.asked if one.key == "others_listened"]
    assert line.pauses == due.pauses


def test_a_review_of_a_hold_counts_once_two_have_signed(moroccan: Protocol) -> None:
    told = with_guardians(reported(moroccan)).act("head", "guardian_hold", guardian="guardian-1", reason="risk_if_told")
    told.wait(hours=70).act("head", "hold_review", hold="1", decision="keep", reason="x").wait(hours=8)
    assert told.states_of("hold_review") == ["open"]
    told.act("team_coordinator", "signature", record=str(told.seq))
    late = next(due for due in told.counts("hold_review") if due.state == "met")
    assert late.met_at == told.now
    assert late.is_late(told.now)


@pytest.mark.parametrize(
    "path", [*ROOT.glob("protocol_definitions/*/1.yaml"), SMALL], ids=lambda path: path.parent.name
)
def test_what_meets_a_deadline_does_the_duties_that_it_times(path: Path) -> None:
    protocol = read_file(path)
    for duty in (one for one in protocol.duties.values() if one.met_by):
        meeting = {one.act for key in duty.deadlines for one in protocol.deadlines[key].met_by if one.act}
        assert meeting <= set(duty.met_by), duty.key


def test_the_head_told_is_nobody_beside_the_child(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "raise_danger", which_danger="self_harm")
    told.act("reporter", "told_by_voice", who_was_told=["head"])
    assert (duty(told, "tell_head"), duty(told, "stay_with_child")) == ("done", "due")
    told.act("head", "safety_check", {**SAFE, "dangers": ["self_harm"], "who_stays": "not_here"})
    assert duty(told, "stay_with_child") == "due"
    told.act("head", "safety_check", {**SAFE, "dangers": ["self_harm"], "who_stays": "me"})
    assert duty(told, "stay_with_child") == "done"


def test_a_plan_brought_up_to_date_ends_no_shared_concern(moroccan: Protocol) -> None:
    told = reported(moroccan)
    said = {"account": "x", "wishes": "x", "agrees_shared_concern": "yes"}
    told.act("team_member", "listening_target", {**LISTENING, "child_view": "given", **said})
    told.put("assessment_validated", level=2).put("plan_active")
    plan = {"reference_adult": "head", "shared_concern": "yes", "team": ["team_member", "team_coordinator"]}
    told.act("team_member", "support_plan", plan)
    told.act(
        "team_coordinator", "shared_concern_start", starts_on="2026-11-25", pupil_agrees="yes", no_grave_threat="yes",
        pupils_of_the_school="yes",
    )  # fmt: skip
    told.wait(days=10).act("team_member", "support_plan", plan).wait(days=6)
    (due,) = told.counts("shared_concern_days")
    assert (due.state, due.is_late(told.now)) == ("open", True)
    assert duty(told, "end_shared_concern") == "due"
    told.act("team_coordinator", "shared_concern_stop", reason="time_over")
    assert duty(told, "end_shared_concern") == "done"


# ---- follow-ups ----------------------------------------------------------------------------------------------------


def followed(told: Told, **more: Any) -> Told:
    planned, after = told.facts.follow_up_dates()
    answers = {
        "planned_on": planned.isoformat() if planned else None, "held_on": told.facts.today.isoformat(),
        "next_on": (after or told.facts.today + timedelta(days=7)).isoformat(), "new_facts": "no",
        "conclusion": "same", "child_view": "given", "stopped": "same", **more,
    }  # fmt: skip
    return told.act("team_member", "follow_up", answers)


@pytest.mark.parametrize("days", [3, 7, 12, 14, 16, 20, 29, 33, 40])
@pytest.mark.parametrize("earlier", [(), (7,), (6, 8), (16,)])
def test_a_follow_up_holds_the_date_that_its_form_says_by_itself(
    moroccan: Protocol, days: int, earlier: tuple[int, ...]
) -> None:
    told, begun = reported(moroccan).put("assessment_validated", level=2).put("plan_active"), NOW
    for day in (*(one for one in earlier if one < days), days):
        told.now = begun + timedelta(days=day)
        due, before = told.facts.follow_up_dates()[0], {one.day for one in told.facts.planned if one.held_seq}
        followed(told)
        held = {one.day: one.held_seq for one in told.facts.planned if one.held_seq}
        scheduled = {one.day for one in told.facts.planned}
        assert held.keys() - before <= {due} if due in scheduled else True, (day, due)
        if due in scheduled and due is not None and due <= told.facts.today:
            assert held.get(due) == told.seq


def test_a_date_that_is_named_is_held_late_and_not_the_one_after_it(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_validated", level=2).put("plan_active")
    first, second, third = (one.day for one in told.facts.planned)
    told.now = NOW + timedelta(days=(second - told.facts.today).days)
    followed(told, planned_on=first.isoformat())
    assert [one.held_seq is not None for one in told.facts.planned] == [True, False, False]
    assert third not in told.facts.missed
