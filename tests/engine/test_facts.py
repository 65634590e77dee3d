"""Facts: every source, every fold, and since when things count; follow-ups among them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.telling import NOW, SAFE, SMALL, Told, reported
from school_protocol.engine.definition import Fold, Protocol
from school_protocol.engine.facts import pointers
from school_protocol.protocol.reader import read, read_file

CALL = {"channel": "call", "sent_at": NOW.isoformat(), "covers": ["blackmail"], "target": "police"}
PLAN = {"reference_adult": "head", "shared_concern": "no"}


def slip(protocol: Protocol) -> Told:
    return Told(protocol).act("mediator", "write_slip", what="une trousse", kind="other")


def followed(told: Told, conclusion: str = "stable", **answers: Any) -> Told:
    day = told.facts.today
    return told.act(
        "team_member",
        "follow_up",
        {
            "planned_on": day.isoformat(), "held_on": day.isoformat(), "child_view": "given", "stopped": "yes",
            "new_facts": "no", "next_on": (day + timedelta(days=30)).isoformat(), "conclusion": conclusion, **answers,
        },
    )  # fmt: skip


def grown(text: str) -> Protocol:
    """The small protocol with one more fact in place of `fresh`, for what no definition uses yet."""
    source = SMALL.read_text().replace(
        "  fresh: {type: bool, content_since_entry: true,", f"  tried: {{{text}, figure: true, label: "
        "{fr: x, ar: x, en: x}}\n  fresh: {type: bool, content_since_entry: true,",
    )  # fmt: skip
    return read(source.encode(), "small.yaml")


def test_every_fold_is_used_by_one_of_the_two_definitions(moroccan: Protocol, small: Protocol) -> None:
    used = {fact.fold for protocol in (moroccan, small) for fact in protocol.facts.values()}
    assert used == set(Fold)


# ---- not recorded yet ----------------------------------------------------------------------------------------------


def test_without_an_initial_value_nothing_recorded_is_unknown(moroccan: Protocol, small: Protocol) -> None:
    told = slip(small)
    assert told.facts["spoke"] is None
    assert told.facts["marks_known"] is None
    assert told.facts["keeper_ready"] is None
    assert told.facts["months_shelved"] is None
    told.put("looking")
    choice = told.choices("warden")["move", "agree"]
    unknown = {reason.need: reason.unknown for reason in choice.reasons}
    assert unknown["talked"] == ("spoke",)
    assert unknown["weighed"] == ("marks_known",)
    assert unknown["both_signed"] == (), "recorded: nobody signed"


def test_with_one_it_is_that(moroccan: Protocol) -> None:
    facts = reported(moroccan).facts
    for key, fact in moroccan.facts.items():
        is_of_the_case = fact.initial is not None and not pointers(moroccan, [key])
        if is_of_the_case and key not in ("danger_now", "new_since_entry", "schedule_held", "next_followup"):
            assert str(facts[key]).lower() == fact.initial, key


# ---- folds ---------------------------------------------------------------------------------------------------------


def test_last_takes_the_latest_answer(small: Protocol) -> None:
    told = slip(small)
    owner = {"slot": "owner", "name": "Ali"}
    told.act("mediator", "meet", {"with": owner, "heard": "no"})
    assert told.facts["spoke"] == "no"
    told.act("mediator", "meet", {"with": "owner-1", "heard": "yes"})
    assert told.facts["spoke"] == "yes"


def test_last_with_a_value_takes_that_instead(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "report_more", content_online="yes")
    assert told.facts["content_online"] is True
    told.act("head", "report_more", content_online="no")
    assert told.facts["content_online"] is False


def test_ever_stays_unless_a_source_says_otherwise(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_running").act("head", "external_need", reason="x")
    assert told.facts["external_need"] is True
    told.put("escalation_to_send").act("head", "withdraw_need", reason="x")
    assert told.facts["external_need"] is True, "one signature withdraws nothing"
    told.act("directorate", "signature", record=str(told.seq))
    assert told.facts["external_need"] is False


def test_count_counts_what_matches(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "referral", CALL).act("head", "referral", {**CALL, "target": "directorate"})
    told.act("head", "referral", {**CALL, "target": "child_line"})
    facts = told.facts
    assert (facts["referrals_sent"], facts["judicial_sent"], facts["open_referrals"]) == (2, 1, 2)


def test_streak_counts_in_a_row_and_breaks(moroccan: Protocol) -> None:
    told = reported(moroccan).put("follow_up_active")
    assert followed(followed(told)).facts["stable_streak"] == 2
    assert followed(told, "same").facts["stable_streak"] == 0
    assert followed(told).facts["stable_streak"] == 1
    told = followed(told, "stable", new_facts="yes", new_fact="x", new_fact_on=told.facts.today.isoformat())
    assert told.facts["stable_streak"] == 0, "stable with a new fact is no stable follow-up"


def test_distinct_counts_persons_without_the_excluded(moroccan: Protocol) -> None:
    plan = {**PLAN, "shared_concern": "yes", "team": ["team_member", "team_coordinator", "team_member"]}
    told = reported(moroccan).put("plan_active").act("head", "support_plan", plan)
    assert told.facts["shared_concern_team"] == 2
    told.act("team_member", "conflict", reason="declares")
    assert told.facts["shared_concern_team"] == 1


def test_signatures_counts_those_of_the_latest_record(small: Protocol) -> None:
    told = slip(small).put("looking").act("mediator", "settle", held_on=NOW.isoformat())
    told.act("warden", "put_name", what=str(told.seq))
    assert told.facts["signatures"] == 2
    told.act("mediator", "settle", held_on=NOW.isoformat())
    assert told.facts["signatures"] == 1, "a new agreement is signed anew"


def test_answered_wants_a_yes_or_no_to_each_and_a_standing_danger_is_a_yes(moroccan: Protocol) -> None:
    closing = {"outcome": "resolved", "child_view": "given", "checks": ["no_danger"]}
    told = reported(moroccan).put("follow_up_active")
    told.act("team_member", "closing", {**closing, "dangers_asked": {"T01": "no", "T07": "unknown", "T13": "no"}})
    assert told.facts["dangers_answered"] is False
    told.act("team_member", "closing", {**closing, "dangers_asked": {"T01": "no", "T07": "no", "T13": "no"}})
    assert told.facts["dangers_answered"] is True


def test_standing_is_voided_by_any_addition(small: Protocol) -> None:
    told = slip(small).put("agreed").act("principal", "stamp", fine="yes").act("principal", "jot", words="x")
    assert told.facts["stamped"] is True
    told.act("warden", "tell_home", who={"slot": "family", "name": "x"}, how="informed")
    assert told.facts["stamped"] is False


# ---- sources -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "before", "after"),
    [
        ("type: bool, from: [{act: meet, filled: own_words}], fold: ever", None, None),
        ("type: bool, from: [{act: meet, filled: feeling}], fold: ever", None, True),
        ("type: bool, from: [{act: meet, by: [warden]}], fold: ever", None, None),
        ("type: bool, from: [{act: meet, by: [mediator]}], fold: ever", None, True),
        ("type: bool, from: [{act: meet, where: \"heard == 'no'\"}], fold: ever", None, True),
        ("type: bool, from: [{act: meet, where: \"heard == 'yes'\"}], fold: ever, initial: 'false'", False, False),
        ("type: bool, from: [{act: meet, where: \"role == 'mediator'\"}], fold: ever", None, True),
        ("type: int, from: [{act: meet, field: feeling}]", None, 3),
        ("type: count, from: [{act: meet}], fold: count", 0, 1),
        ("type: bool, entered: alarmed", False, False),
        ("type: bool, entered: noted", True, True),
        ("type: bool, entered: noted, since: entry", False, False),
        ("type: bool, deadline: first_talk", False, False),
        ("type: bool, dangers: {states: raised}", False, False),
        ("type: bool, follow_up: next", True, True),
    ],
)
def test_sources(declared: str, before: Any, after: Any) -> None:
    told = slip(grown(declared))
    assert told.facts["tried"] is before
    told.act("mediator", "meet", {"with": {"slot": "owner", "name": "x"}, "heard": "no", "feeling": "3"})
    assert told.facts["tried"] == after


def test_a_row_filled_in(moroccan: Protocol) -> None:
    action = {"type": "listen", "responsible": "head", "due_on": "2026-12-01"}
    told = reported(moroccan).put("plan_active").act("head", "support_plan", {**PLAN, "actions": [action]})
    assert told.facts["first_action_done"] is False
    told.act("head", "support_plan", {**PLAN, "actions": [action, {**action, "done_on": "2026-11-25"}]})
    assert told.facts["first_action_done"] is True


def test_a_seat_stands_for_its_role(moroccan: Protocol) -> None:
    told = reported(moroccan).act("directorate", "name_seat", seat="acting_head", account="team_member")
    told.act("head", "raise_danger", which_danger="blackmail")
    letter = {**CALL, "channel": "letter", "summary": "x"}
    told.act("team_member/2", "referral", letter)
    assert told.states_of("written_referral") == ["open"], "a colleague’s letter is not the head’s"
    told.act("team_member", "referral", letter)
    assert told.states_of("written_referral") == ["met"], "the acting head’s is"


def test_a_deadline_that_has_run_out_is_a_fact(moroccan: Protocol) -> None:
    told = reported(moroccan).put("plan_active")
    assert told.facts["review_due"] is False
    assert told.wait(days=16).facts["review_due"] is True


def test_a_moment_that_has_come_is_a_fact_whoever_met_it(moroccan: Protocol) -> None:
    told = reported(moroccan)
    assert told.facts["receiver_time_over"] is False, "nothing was asked"
    told.act("head", "transfer", summary="x").act("directorate", "accept_transfer", answer="refused", reason="x")
    assert told.states_of("transfer_answer") == ["met"]
    assert told.facts["receiver_time_over"] is False
    told.now = told.counts("transfer_answer")[0].due_at
    assert told.facts["receiver_time_over"] is True
    assert told.act("head", "transfer", summary="x").facts["receiver_time_over"] is False, "the latest counts"


def test_what_is_about_a_thing_pointed_at_is_undecided_without_it(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "referral", CALL).wait(days=9)
    assert told.facts["chase_over"] is None


def test_a_school_is_known_that_the_installation_has(moroccan: Protocol) -> None:
    told = reported(moroccan)
    told.around = replace(told.around, schools=frozenset({"01234A", "54321B"}))
    assert told.facts["receiver_known"] is False
    for code, known in (("54321B", True), ("99999Z", False), ("", False)):
        told.act("head", "transfer", receiving_school=code, summary="x")
        assert told.facts["receiver_known"] is known


def test_a_source_that_comes_after_another_counts_once_in_each_opening() -> None:
    small = grown(
        "type: count, fold: count, from: [{act: jot, unless_after: [{act: tell_home, where: \"how == 'absent'\"}]}]"
    )
    told = slip(small).act("warden", "jot", words="x")
    family = {"slot": "family", "name": "x"}
    told.act("warden", "tell_home", who=family, how="informed").act("warden", "jot", words="x")
    assert told.facts["tried"] == 2
    told.act("warden", "tell_home", who="family-1", how="absent").act("warden", "jot", words="x")
    assert told.facts["tried"] == 2
    told.put("shelved").put("looking").act("warden", "jot", words="x")
    assert told.facts["tried"] == 3


def test_months_since_an_end(moroccan: Protocol) -> None:
    told = reported(moroccan).put("closed")
    assert told.facts["months_since_end"] == 0
    assert told.wait(days=370).facts["months_since_end"] == 12


def test_days_from_the_last_fact_to_the_last_follow_up(moroccan: Protocol) -> None:
    told = reported(moroccan).put("follow_up_active").wait(days=20)
    assert told.facts["days_fact_to_followup"] is None
    assert followed(told).facts["days_fact_to_followup"] == 20
    told.act("head", "raise_danger", which_danger="blackmail")
    assert told.facts["days_fact_to_followup"] == 0, "a danger is a fact"
    told.act("head", "lift_danger", which_danger="blackmail", reason="x")
    told.act("team_coordinator", "signature", record=str(told.seq))
    assert told.facts["days_fact_to_followup"] == 20, "a false alarm is none"


def test_the_worst_told_guardian_counts(moroccan: Protocol) -> None:
    told = reported(moroccan)
    assert told.facts["guardians"] == "none"
    guardians = [{"slot": "guardian", "name": "Mère"}, {"slot": "guardian", "name": "Père"}]
    told.act("head", "add_person", persons=guardians)
    told.act("head", "inform_guardian", who="guardian-1", relation="mother", result="told", safe_to_tell="yes")
    assert told.facts["guardians"] == "none", "the father knows nothing yet"
    told.act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    assert told.facts["guardians"] == "told"


def test_the_grid_counts_what_is_known(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_running")
    told.act("team_member", "assessment_grid", scores={"nature": "1", "power": "0", "impact": ""})
    assert told.facts["grid_known"] == 2


def test_an_untrained_lead_is_no_lead(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "name_seat", seat="lead", account="team_member")
    assert told.facts["lead_trained"] is True
    people = {**told.around.people, "team_member": replace(told.around.people["team_member"], trained=False)}
    told.around = replace(told.around, people=people)
    assert told.facts["lead_trained"] is False, "training that has run out"


# ---- since ---------------------------------------------------------------------------------------------------------


def test_since_opening_forgets_what_was_before_the_reopening(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "safety_check", SAFE)
    assert told.facts["danger_checked"] is True
    told.put("no_further_action").put("report_qualified")
    assert told.facts["danger_checked"] is False


def test_since_danger_forgets_what_was_before_it_unless_it_is_lifted(moroccan: Protocol) -> None:
    told = followed(reported(moroccan).put("follow_up_active"))
    assert told.facts["last_conclusion"] == "stable"
    told.act("head", "raise_danger", which_danger="blackmail")
    assert told.facts["last_conclusion"] == "none"
    told.act("head", "lift_danger", which_danger="blackmail", reason="x")
    told.act("team_coordinator", "signature", record=str(told.seq))
    assert told.facts["last_conclusion"] == "stable"


def test_a_call_made_before_the_tool_was_opened_counts_for_the_escalation(moroccan: Protocol) -> None:
    told = Told(moroccan).act("reporter", "raise_danger", which_danger="blackmail")
    told.wait(hours=1).act("reporter", "referral", {**CALL, "sent_at": (NOW - timedelta(hours=2)).isoformat()})
    assert told.facts["sent_since_entry"] == 1


def test_a_referral_made_before_for_something_else_does_not(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "referral", {**CALL, "covers": ["need"]}).wait(hours=1)
    told.act("reporter", "raise_danger", which_danger="blackmail")
    assert told.facts["sent_since_entry"] == 0


def test_what_was_added_since_the_proposal(moroccan: Protocol) -> None:
    told = reported(moroccan).put("closure_proposed")
    assert told.facts["new_since_entry"] is False
    told.act("head", "head_visa", decision="given").act("head", "note", text="x")
    assert told.facts["new_since_entry"] is False, "a visa and a note are no news"
    assert followed(told).facts["new_since_entry"] is True


# ---- follow-ups ----------------------------------------------------------------------------------------------------


def planned(told: Told) -> list[tuple[int, int, bool]]:
    """Offset, days from the start, and whether it was held."""
    first = NOW.date()
    return [(one.offset, (one.day - first).days, one.held_seq is not None) for one in told.facts.planned]


@pytest.mark.parametrize(
    ("level", "offsets"),
    [(1, [14]), (2, [7, 15, 30]), (3, [3, 7, 15, 30, 90]), (4, [1, 3, 7, 15, 30, 60, 90])],
)
def test_the_schedule_of_each_level(moroccan: Protocol, level: int, offsets: list[int]) -> None:
    told = reported(moroccan).put("assessment_validated", level=level).put("plan_active")
    assert [offset for offset, _day, _held in planned(told)] == offsets
    assert all(day - offset <= (2 if level > 2 else 6) for offset, day, _held in planned(told))


def test_days_one_and_three_of_the_gravest_never_move(moroccan: Protocol) -> None:
    start = NOW + timedelta(days=3)  # a Saturday: day 1 is Sunday
    told = reported(moroccan).put("assessment_validated", level=4)
    told.now = start
    told.put("plan_active")
    assert [(one.day - start.date()).days for one in told.facts.planned][:2] == [1, 3]


def test_unassessed_it_runs_as_for_the_gravest(moroccan: Protocol) -> None:
    told = reported(moroccan).put("escalation_sent")
    assert [offset for offset, _day, _held in planned(told)] == [1, 3, 7, 15, 30, 60, 90]


def test_a_follow_up_holds_the_latest_date_that_it_is_not_too_early_for(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_validated", level=2).put("plan_active").wait(days=6)
    followed(told)
    assert planned(told) == [(7, 7, True), (15, 15, False), (30, 30, False)], "a day early"
    told.wait(days=3)
    followed(told)
    assert [held for *_rest, held in planned(told)] == [True, False, False], "six days early is for no date"


def test_a_missed_one_is_due_and_an_excuse_settles_it(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_validated", level=1).put("plan_active").wait(days=20)
    assert told.states_of("missed_follow_up") == ["open"]
    assert told.facts["schedule_held"] is False
    told.act("head", "excuse_duty", duty="hold_followups", reason="Elle était malade")
    assert told.facts["schedule_held"] is True


def test_a_date_still_to_come_is_not_held(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_validated", level=3).put("plan_active").wait(days=1)
    assert told.facts["schedule_held"] is False


def test_the_next_date_is_the_schedules_or_one_that_people_named(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_validated", level=1).put("plan_active").wait(days=15)
    assert told.facts["next_followup"] is False, "day 14 has passed and nobody named another"
    told.act("head", "support_plan", {**PLAN, "next_follow_up": "2026-12-20"})
    assert told.facts["next_followup"] is True


def test_a_date_that_people_named_is_missed_too(moroccan: Protocol) -> None:
    """After the last date of the schedule it is all that a child has."""
    told = reported(moroccan).put("assessment_validated", level=1).put("plan_active").wait(days=14)
    followed(told, next_on=(told.facts.today + timedelta(days=10)).isoformat())
    named = told.facts.today + timedelta(days=10)
    assert told.wait(days=10).facts.missed == (), "it is today"
    assert told.wait(days=10).facts.missed == (named,)
    assert told.states_of("missed_follow_up") == ["open"]
    followed(told)
    assert told.facts.missed == ()
    assert told.states_of("missed_follow_up") == []


def test_dates_held_and_missed_tell_of_every_date_gone_by_once(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_validated", level=3).put("plan_active")
    planned = [one.day for one in told.facts.planned]
    assert (told.facts.held_dates(), told.facts.missed) == ((), ())
    told.wait(days=(planned[0] - told.facts.today).days)
    followed(told)
    assert (told.facts.held_dates(), told.facts.missed) == ((planned[0],), ())
    told.wait(days=(planned[1] - told.facts.today).days + 1)
    assert (told.facts.held_dates(), told.facts.missed) == ((planned[0],), (planned[1],))


def test_a_date_named_in_the_plan_is_held_by_a_follow_up_a_little_early(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_validated", level=1).put("plan_active")
    told.act("head", "support_plan", {**PLAN, "next_follow_up": (told.facts.today + timedelta(days=9)).isoformat()})
    followed(told.wait(days=1))
    assert told.wait(days=9).facts.missed == (told.facts.today - timedelta(days=1),), "eight days early is for none"
    told = reported(moroccan).put("assessment_validated", level=1).put("plan_active")
    told.act("head", "support_plan", {**PLAN, "next_follow_up": (told.facts.today + timedelta(days=9)).isoformat()})
    followed(told.wait(days=7))
    assert told.wait(days=4).facts.missed == ()


def test_a_second_protocol_has_a_schedule_of_its_own() -> None:
    small = read_file(SMALL)
    told = slip(small).put("looking").put("agreed", level=2)
    assert [one.offset for one in told.facts.planned] == [2, 9, 20]
    told.put("alarmed")
    assert told.facts.level == 2


def test_a_follow_up_may_be_held_on_a_date_or_at_a_moment() -> None:
    told = slip(read_file(SMALL)).put("looking").put("agreed", level=1).wait(days=4)
    told.act("mediator", "look_in", on=told.now.isoformat(), back="returned")
    assert [one.held_seq for one in told.facts.planned] == [told.seq]
    assert told.facts["good_looks"] == 1
