"""What a case is after its events: lives of dangers, signatures, exclusions, holds, levels, ways back."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from engine.telling import MINUTES, NOW, REPORT, SAFE, Told, minuted, reported, surroundings, weighed
from school_protocol.engine.answers import LONG_MOST
from school_protocol.engine.case import Case, fold
from school_protocol.engine.case_parts import (
    DangerLife,
    Door,
    FileLife,
    Hold,
    Opened,
    Referral,
    is_signed,
    settles,
)
from school_protocol.engine.case_summary import last_assessed
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.events import (
    CaseJoined,
    DocumentIssued,
    EventKind,
    FileHandled,
    FileStep,
    Recorded,
    StepTaken,
    from_entry,
    to_entry,
)
from school_protocol.engine.intents import RecordAct

# ---- steps ---------------------------------------------------------------------------------------------------------


def call(target: str, *covers: str) -> dict[str, Any]:
    return {"target": target, "covers": list(covers), "channel": "call", "sent_at": NOW.isoformat()}


def raised(protocol: Protocol, danger: str = "blackmail", state: str = "assessment_running") -> Told:
    return reported(protocol).put(state).act("reporter", "raise_danger", which_danger=danger)


def lift(told: Told, danger: str, first: str = "team_coordinator", second: str = "directorate") -> Told:
    told.act(first, "lift_danger", which_danger=danger, reason="Vérifié avec la police")
    return told.act(second, "signature", record=str(told.seq))


def life(told: Told, danger: str) -> list[str]:
    assert told.case is not None
    return [one.state for one in told.case.dangers if one.danger == danger]


def assessed(protocol: Protocol, level: int = 2) -> Told:
    return reported(protocol).put("assessment_running").put("assessment_validated", level=level)


GRID = {"scores": {"nature": "2", "power": "2", "impact": "2", "number": "2"}, "incomplete_reason": "Trop tôt"}


# ---- opening -------------------------------------------------------------------------------------------------------


def test_a_report_opens_the_case_and_names_its_people(moroccan: Protocol) -> None:
    told = reported(moroccan)
    case = told.case
    assert case is not None
    assert (case.state, case.unit, case.opened_by, case.reporter_role) == (
        "report_received", "school", "team_member", "team_member",
    )  # fmt: skip
    assert list(case.people) == ["targeted_pupil-1"]
    assert [type(event).__name__ for event in told.events] == ["CaseOpened", "Recorded"]


def test_a_danger_opens_the_case_at_once_and_turns_it_urgent(moroccan: Protocol) -> None:
    told = Told(moroccan).act("reporter", "raise_danger", which_danger="self_harm")
    assert told.state == "escalation_to_send"
    assert life(told, "self_harm") == ["raised"]
    assert [type(event).__name__ for event in told.events] == ["CaseOpened", "Recorded", "StepTaken"]


# ---- the life of a danger ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("danger", "target", "enough"),
    [
        ("blackmail", "police", True),
        ("blackmail", "e_blagh", True),
        ("blackmail", "emc", False),  # external, and T04 asks for a judicial one
        ("blackmail", "head", False),
        ("self_harm", "rescue", True),
        ("self_harm", "child_line", True),
        ("self_harm", "guardians", False),
        ("self_harm", "police", False),  # not among its targets
        ("reprisals", "directorate", True),  # any named target
        ("reprisals", "head", False),
        ("doxing", "prosecutor", True),  # a judicial one, although not named
        ("doxing", "emc", False),
    ],
)
def test_a_referral_settles_the_danger_that_it_covers_where_it_goes_to_who_counts(
    moroccan: Protocol, danger: str, target: str, enough: bool
) -> None:
    assert settles(moroccan, danger, target) is enough
    told = raised(moroccan, danger).act("reporter", "referral", call(target, danger))
    assert life(told, danger) == ["referred" if enough else "raised"]


def test_a_referral_about_one_danger_settles_no_other(moroccan: Protocol) -> None:
    told = raised(moroccan, "blackmail").act("head", "raise_danger", which_danger="immediate_danger")
    told.act("team_member", "referral", call("police", "blackmail"))
    assert (life(told, "blackmail"), life(told, "immediate_danger")) == (["referred"], ["raised"])
    assert "referred" in told.refused("team_member", "mark_sent")


def test_lifting_takes_a_reason_and_two_persons(moroccan: Protocol) -> None:
    told = raised(moroccan, "blackmail").act("head", "lift_danger", which_danger="blackmail", reason="Plaisanterie")
    assert life(told, "blackmail") == ["raised"], "one signature lifts nothing"
    assert told.refused("head", "signature", record=str(told.seq)) == {"signed_already"}
    told.act("team_coordinator", "signature", record=str(told.seq))
    assert life(told, "blackmail") == ["lifted"]


def test_for_some_dangers_one_signature_is_the_directorates(moroccan: Protocol) -> None:
    told = raised(moroccan, "grooming").act("head", "lift_danger", which_danger="grooming", reason="Vérifié")
    record = str(told.seq)
    told.act("team_coordinator", "signature", record=record)
    assert life(told, "grooming") == ["raised"], "two of the school are not enough"
    told.act("directorate", "signature", record=record)
    assert life(told, "grooming") == ["lifted"]


def test_the_case_goes_back_where_it_was(moroccan: Protocol) -> None:
    told = lift(raised(moroccan, "blackmail", "follow_up_active"), "blackmail")
    told.move("team_coordinator", "return_after_lift")
    assert told.state == "follow_up_active"


def test_raised_again_it_starts_anew(moroccan: Protocol) -> None:
    told = lift(raised(moroccan), "blackmail").act("head", "raise_danger", which_danger="blackmail")
    assert life(told, "blackmail") == ["lifted", "raised"]
    assert told.refused("team_coordinator", "return_after_lift") == {"lifted"}


def test_raised_twice_it_is_one_danger(moroccan: Protocol) -> None:
    told = raised(moroccan).act("head", "raise_danger", which_danger="blackmail")
    assert life(told, "blackmail") == ["raised"]


def test_whoever_takes_the_child_over_settles_only_what_asks_for_care(moroccan: Protocol) -> None:
    told = raised(moroccan, "self_harm").act("head", "raise_danger", which_danger="blackmail")
    told.act("reporter", "taken_over", taken_by="medical")
    assert (life(told, "self_harm"), life(told, "blackmail")) == (["referred"], ["raised"])


def test_a_child_recorded_as_handed_to_a_guardian_on_hold_settles_nothing(moroccan: Protocol) -> None:
    """A second lock: whatever had let it in, an entry of that kind calls no danger settled."""
    told = raised(moroccan, "self_harm")
    told.act("head", "add_person", persons=[{"slot": "guardian", "name": "Père"}])
    free = told.events.copy()
    told.act("head", "raise_danger", which_danger="home_danger")
    header: dict[str, Any] = {"actor": "reporter", "role": "reporter", "at": NOW, "occurred_at": NOW}
    handed = Recorded(
        **header, act="taken_over", kind=EventKind.child_taken_over,
        answers={"taken_by": "guardian", "guardian": "guardian-1"}, derived={},
    )  # fmt: skip
    told._keep([handed])
    assert life(told, "self_harm") == ["raised"]
    told.events = free
    told._keep([handed])
    assert life(told, "self_harm") == ["referred"], "nobody is on hold"


def test_a_danger_seen_at_the_safety_check_is_urgent_too(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "safety_check", dangers=["T02", "T01"], safe_now="no", who_stays="me")
    assert (told.state, life(told, "self_harm"), life(told, "immediate_danger")) == (
        "escalation_to_send", ["raised"], ["raised"],
    )  # fmt: skip


def test_nothing_ends_while_a_danger_stands(moroccan: Protocol) -> None:
    """Every move to an end, and every hand-over, is held back by the danger and by nothing that one may depart from."""
    told = raised(moroccan)
    for move in moroccan.moves.values():
        if move.to in moroccan.states and moroccan.states[move.to].ended and move.key != "join":
            told.put(move.from_[-1])
            for who in ("head", "directorate", "team_coordinator"):
                try:
                    told.move(who, move.key, "because", dict.fromkeys(move.needs, "because"))
                except Refused as refusal:
                    codes = {reason.need or reason.code for reason in refusal.reasons}
                    assert codes & {"nothing_raised", "not_your_role"}, (move.key, codes)
                else:
                    raise AssertionError(f"{move.key} ended a case with a raised danger")


# ---- the level -----------------------------------------------------------------------------------------------------


def test_a_danger_voids_the_level_and_lifting_it_gives_it_back(moroccan: Protocol) -> None:
    told = assessed(moroccan, 2)
    assert told.level == 2
    told.act("head", "raise_danger", which_danger="blackmail")
    assert told.level == 0
    lift(told, "blackmail").move("team_coordinator", "return_after_lift")
    assert (told.state, told.level) == ("assessment_validated", 2)


def test_a_danger_referred_still_voids_what_was_assessed_before_it(moroccan: Protocol) -> None:
    told = assessed(moroccan, 2).act("head", "raise_danger", which_danger="blackmail")
    told.act("head", "referral", call("police", "blackmail"))
    assert told.level == 0
    told.put("assessment_running").put("assessment_validated", level=4)
    assert told.level == 4, "assessed since"


def test_after_a_reopening_the_level_is_the_former_one_plus_one_at_least(moroccan: Protocol) -> None:
    told = assessed(moroccan, 2).put("closed").wait(days=30)
    told.act("head", "reopening", fact="Encore", fact_on="2026-12-20", by_whom="pupil").move("head", "reopen")
    assert (told.state, told.level) == ("assessment_running", 0)
    assert told.case is not None
    assert told.case.former_level == 2
    minuted(told.act("team_member", "listening_target", HEARD))
    told.act("team_member", "signature", record=str(told.seq))
    told.act("team_member", "assessment_grid", {"scores": {"nature": "0"}, "incomplete_reason": "x", "override": "1",
                                                "override_reason": "x"})  # fmt: skip
    told.move("team_coordinator", "validate_assessment")
    assert told.level == 3, "the override alone would make it 1"


HEARD = {
    "held_on": "2026-11-25", "listener": "team_member", "child_view": "given", "place": "quiet_office",
    "information_given": "yes", "account": "…", "wishes": "…",
}  # fmt: skip


def test_a_false_alarm_on_a_closed_case_leaves_it_as_it_was(moroccan: Protocol) -> None:
    told = assessed(moroccan, 3).put("closed")
    assert told.case is not None
    before = (told.case.opening_seq, told.case.opening_at, told.level, told.case.former_level)
    told.wait(days=40).act("reporter", "raise_danger", which_danger="blackmail")
    assert (told.state, told.level) == ("escalation_to_send", 0)
    lift(told, "blackmail").move("head", "return_after_lift")
    assert told.case is not None
    assert told.state == "closed"
    assert (told.case.opening_seq, told.case.opening_at, told.level, told.case.former_level) == before
    assert told.open_dues() == set()


def test_a_real_danger_on_a_closed_case_reopens_it_for_good(moroccan: Protocol) -> None:
    told = assessed(moroccan, 3).put("closed").wait(days=40).act("reporter", "raise_danger", which_danger="blackmail")
    told.act("head", "referral", call("police", "blackmail")).move("team_coordinator", "mark_sent")
    assert told.case is not None
    assert (told.state, told.level, told.case.former_level) == ("escalation_sent", 0, 3)
    assert told.case.opening_seq > 4


# ---- signatures, visas, exclusions ---------------------------------------------------------------------------------


def test_the_same_person_never_signs_twice(moroccan: Protocol) -> None:
    told = minuted(reported(moroccan).put("assessment_running"))
    assert told.facts["minutes_signatures"] == 1
    assert told.refused("team_coordinator", "signature", record=str(told.seq)) == {"signed_already"}
    told.act("team_member", "signature", record=str(told.seq))
    assert told.facts["minutes_signatures"] == 2


def test_a_signature_takes_the_word_again_and_current_training(moroccan: Protocol) -> None:
    told = weighed(reported(moroccan).put("assessment_running"))
    said = {**MINUTES, "level": "2"}
    assert told.refused("team_coordinator", "minutes", said, signed=False) == {"signature_missing"}
    told.act("team_coordinator", "minutes", said)
    told.untrained.add("team_member")
    assert told.refused("team_member", "signature", record=str(told.seq)) == {"not_yours_to_sign"}
    assert told.refused("head", "signature", record=str(told.seq)) == {"not_yours_to_sign"}


def test_an_exclusion_voids_signatures_and_visas_and_seats(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_running")
    told.act("team_coordinator", "name_seat", seat="lead", account="team_member")
    minuted(told).act("team_member", "signature", record=str(told.seq))
    told.act("head", "head_visa", decision="given")
    assert (told.facts["minutes_signatures"], told.facts["visa_head"], told.facts["lead_trained"]) == (2, True, True)
    told.act("team_member", "conflict", reason="declares").act("head", "conflict", reason="close_relative")
    assert (told.facts["minutes_signatures"], told.facts["visa_head"], told.facts["lead_trained"]) == (1, False, False)
    for excluded in ("team_member", "head"):
        assert not [choice for choice in told.choices(excluded).values() if choice.is_open]
    minutes = told.case.records_of("minutes")[0]  # type: ignore[union-attr]
    assert not is_signed(moroccan, minutes)


def test_minutes_whose_signatory_steps_aside_are_news(moroccan: Protocol) -> None:
    """Found by the proof: a case was closed with the question of an offence open again."""
    told = minuted(reported(moroccan).put("assessment_running"), offence_question="no")
    told.act("team_member", "signature", record=str(told.seq)).put("closure_proposed", level=2, by="team_coordinator")
    told.act("head", "head_visa", decision="given")
    assert (told.facts["offence"], told.facts["visa_head"], told.facts["new_since_entry"]) == ("no", True, False)
    told.act("team_member", "conflict", reason="declares")
    assert (told.facts["offence"], told.facts["visa_head"], told.facts["new_since_entry"]) == ("none", False, True)
    assert told.refused("head/2", "close") == {"nothing_new", "visa_head"}


def test_what_an_excluded_person_lifted_stays_lifted(moroccan: Protocol) -> None:
    """Lifting is done; taking it back would raise a danger that nobody sees."""
    told = lift(raised(moroccan), "blackmail", "head", "team_coordinator")
    told.act("head", "conflict", reason="declares")
    assert life(told, "blackmail") == ["lifted"]


def test_only_the_reporters_word_or_ones_own_or_the_directorates_excludes_at_once(moroccan: Protocol) -> None:
    told = reported(moroccan)
    told.act("team_member", "conflict", account="head", reason="declares")
    assert told.case is not None
    assert "head" not in told.case.exclusions, "a colleague's word alone shuts nobody out"
    told.act("team_member", "conflict", account="head", reason="reporter_said")
    assert "head" not in told.case.exclusions, "nor a member's word for the reporter's"
    told.act("team_coordinator", "conflict", account="head", reason="reporter_said")
    assert "head" in told.case.exclusions
    told.act("directorate", "conflict", account="team_coordinator", reason="close_relative")
    assert "team_coordinator" in told.case.exclusions


def test_nobody_below_shuts_out_who_oversees(moroccan: Protocol) -> None:
    """Or a case could be hidden from everybody, for good."""
    told = reported(moroccan)
    for who in ("team_coordinator", "head"):
        with pytest.raises(Refused) as refusal:
            told.act(who, "conflict", account="directorate", reason="reporter_said")
        assert [reason.code for reason in refusal.value.reasons] == ["overseer_stays"]
    with pytest.raises(Refused):
        reported(moroccan, must_not_read=["directorate"])
    told.act("directorate", "conflict", reason="declares")
    assert "directorate" in told.case.exclusions, "one may always stand aside oneself"  # type: ignore[union-attr]


def test_whom_the_reporter_names_never_reads_it(moroccan: Protocol) -> None:
    told = reported(moroccan, must_not_read=["head"])
    assert told.case is not None
    assert set(told.case.exclusions) == {"head"}


def test_any_addition_voids_a_visa_and_a_note_does_not(moroccan: Protocol) -> None:
    told = assessed(moroccan).act("head", "head_visa", decision="given").act("head", "note", text="Vu")
    told.act("head", "excuse_duty", duty="hear_child", reason="x")
    assert told.facts["visa_head"] is True
    told.act("team_coordinator", "external_need", reason="x")
    assert told.facts["visa_head"] is False


def test_a_refused_visa_is_none(moroccan: Protocol) -> None:
    told = assessed(moroccan).act("head", "head_visa", decision="given").act("head", "head_visa", decision="refused")
    assert told.facts["visa_head"] is False


# ---- seats and restriction -----------------------------------------------------------------------------------------


def test_a_report_about_an_adult_opens_to_the_directorate_alone(moroccan: Protocol) -> None:
    told = reported(moroccan, "reporter", adult_concerned="yes")
    assert told.case is not None
    assert told.case.restricted_seq is not None
    assert told.is_open("directorate", "name_seat")
    for who in ("team_member", "team_coordinator", "head", "reporter"):
        opened = {key for (kind, key), choice in told.choices(who).items() if choice.is_open and kind == "act"}
        acts = {key for key, act in moroccan.acts.items() if act.first_minutes}
        assert opened <= acts, f"{who} keeps the first minutes alone"
        assert "raise_danger" in opened


def test_not_sure_closes_nothing(moroccan: Protocol) -> None:
    assert reported(moroccan, adult_concerned="unsure").case.restricted_seq is None  # type: ignore[union-attr]


def test_a_danger_from_staff_takes_the_seats_away_until_the_directorate_gives_them_back(moroccan: Protocol) -> None:
    told = reported(moroccan).act("team_coordinator", "name_seat", seat="lead", account="team_member")
    told.act("reporter", "raise_danger", which_danger="staff_concerned")
    assert told.case is not None
    assert told.case.seats == []
    told.act("directorate", "name_seat", seat="lead", account="team_member")
    assert told.case.holder("lead", told.facts.today) == "team_member"
    assert told.is_open("team_member", "listening_target")
    assert not told.is_open("head", "listening_target")


def test_a_seat_is_given_by_who_may_give_it(moroccan: Protocol) -> None:
    told = reported(moroccan)
    assert told.refused("team_coordinator", "name_seat", seat="acting_head", account="team_member") == {
        "seat_not_yours_to_give"
    }
    told.act("head", "name_seat", seat="acting_head", account="team_member")
    assert told.is_open("team_member", "head_visa")


def test_nobody_without_training_acts_for_the_head_but_a_head_and_whoever_stands_above(moroccan: Protocol) -> None:
    told = reported(moroccan)
    people = {name: replace(one, trained=False) for name, one in told.around.people.items()}
    told.around = replace(told.around, people=people)
    seat: dict[str, Any] = {"seat": "acting_head"}
    for who in ("reporter", "psychosocial", "team_member", "team_coordinator"):
        for by in ("head", "directorate"):
            assert told.refused(by, "name_seat", {**seat, "account": who}) == {"not_trained"}
    told.act("directorate", "name_seat", {**seat, "account": "directorate"})
    told.untrained.add("directorate")
    assert told.is_open("directorate", "head_visa")
    told.act("directorate", "name_seat", {**seat, "account": "head/2"})
    people["reporter"] = replace(people["reporter"], trained=True)
    told.act("directorate", "name_seat", {**seat, "account": "reporter"})


@pytest.mark.parametrize("seat", ["lead", "member", "second", "substitute", "acting_head", "support"])
def test_whoever_only_reports_at_another_school_is_seated_in_no_case(moroccan: Protocol, seat: str) -> None:
    told = reported(moroccan)
    beside = {
        name: replace(one, elsewhere="Le collège voisin", roles=tuple((role, "beside") for role, _unit in one.roles))
        for name, one in told.around.people.items()
        if name in ("reporter/2", "team_member/2", "psychosocial/2")
    }
    told.around = replace(told.around, people={**told.around.people, **beside})
    said = {"seat": seat, "side": "targeted"} if seat == "support" else {"seat": seat}
    assert told.refused("head", "name_seat", {**said, "account": "reporter/2"}) == {"reads_no_case"}
    for who in ("reporter", "team_member/2", "psychosocial/2"):
        told.act("head", "name_seat", {**said, "account": who})


def test_a_seat_with_a_last_day_ends_by_itself(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "name_seat", seat="acting_head", account="team_member", until="2026-11-27")
    assert told.wait(days=2).is_open("team_member", "head_visa"), "its last day counts"
    assert not told.wait(days=1).is_open("team_member", "head_visa")


def test_a_lead_whose_time_is_over_leads_no_longer(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "name_seat", seat="lead", account="team_member", until="2026-11-27")
    assert told.facts["lead_trained"] is True
    assert told.wait(days=3).facts["lead_trained"] is False


# ---- holds ---------------------------------------------------------------------------------------------------------


def with_guardians(protocol: Protocol) -> Told:
    guardians = [{"slot": "guardian", "name": "Mère"}, {"slot": "guardian", "name": "Père"}]
    return reported(protocol).act("head", "add_person", persons=guardians)


def test_a_hold_stands_from_the_first_signature_and_is_confirmed_by_the_second(moroccan: Protocol) -> None:
    told = with_guardians(moroccan).act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    (hold,) = told.case.holds  # type: ignore[union-attr]
    assert (hold.stands, hold.confirmed_seq) == (True, None)
    told.act("team_coordinator", "signature", record=str(told.seq))
    assert told.case.holds[0].confirmed_seq == told.seq  # type: ignore[union-attr]
    assert told.case.is_held("guardian-2")  # type: ignore[union-attr]
    assert not told.case.is_held("guardian-1")  # type: ignore[union-attr]


def test_a_review_takes_two_persons_to_lift_it(moroccan: Protocol) -> None:
    told = with_guardians(moroccan).act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    told.act("head", "hold_review", hold="1", decision="lift", reason="La tante est là")
    assert told.case.is_held("guardian-2")  # type: ignore[union-attr]
    told.act("team_coordinator", "signature", record=str(told.seq))
    assert not told.case.is_held("guardian-2")  # type: ignore[union-attr]


def test_a_danger_at_home_holds_every_guardian_those_named_later_too(moroccan: Protocol) -> None:
    told = reported(moroccan).act("reporter", "raise_danger", which_danger="home_danger")
    told.act("head", "add_person", persons=[{"slot": "guardian", "name": "Mère"}])
    assert told.case.is_held("guardian-1")  # type: ignore[union-attr]
    assert told.facts["guardians"] == "held"


# ---- joining -------------------------------------------------------------------------------------------------------


def test_joining_carries_dangers_holds_exclusions_and_open_referrals(moroccan: Protocol) -> None:
    told = reported(moroccan)
    carried = {"target": "police", "covers": ["blackmail"], "at": NOW.isoformat()}
    told._keep(
        [
            CaseJoined(
                actor="head", role="head", at=NOW, occurred_at=NOW, other="999", dangers=("blackmail",), holds=("*",),
                exclusions=("team_member",), referrals=(carried,), handover={"summary": "x"},
            )
        ]
    )  # fmt: skip
    case = told.case
    assert case is not None
    assert (life(told, "blackmail"), case.joined, set(case.exclusions)) == (["raised"], ["999"], {"team_member"})
    assert case.is_held("guardian-1")
    assert [(one.target, one.is_open) for one in case.referrals] == [("police", True)]


# ---- as kept -------------------------------------------------------------------------------------------------------


def test_reading_and_issuing_move_the_number_and_not_the_content(moroccan: Protocol) -> None:
    told = reported(moroccan)
    content = told.case.content_seq  # type: ignore[union-attr]
    told._keep(
        [
            DocumentIssued(
                actor="head", role="head", at=NOW, occurred_at=NOW, document="case_file", profile="school",
                language="fr", copy=1, content_head="h", digest="d",
            )
        ]
    )  # fmt: skip
    assert told.case is not None
    assert (told.case.content_seq, told.case.last_seq) == (content, content + 1)


def story(protocol: Protocol) -> Told:
    told = with_guardians(protocol).act("head", "safety_check", SAFE)
    told.act("team_coordinator", "name_seat", seat="lead", account="team_member").put("assessment_running")
    told.act("team_member", "assessment_grid", GRID)
    told.act("team_coordinator", "minutes", {**MINUTES, "level": str(last_assessed(protocol, told.case))})
    told.act("team_member", "signature", record=str(told.seq)).wait(hours=3)
    told.act("reporter", "raise_danger", which_danger="home_danger")
    told.act("head", "referral", call("child_line", "home_danger")).act("head", "note", text="نص عربي")
    return told.act("head", "conflict", reason="declares")


def test_folding_from_the_start_is_folding_step_by_step(moroccan: Protocol) -> None:
    events = story(moroccan).events
    for cut in range(1, len(events)):
        onto = fold(moroccan, events[:cut])
        assert fold(moroccan, events[cut:], onto) == fold(moroccan, events)


def test_every_event_survives_being_kept(moroccan: Protocol) -> None:
    """Through the two kept parts, body and words, and back; the body holds no word."""
    events = story(moroccan).events
    kept = [to_entry(moroccan, event) for event in events]
    assert [from_entry(entry) for entry in kept] == events
    assert fold(moroccan, [from_entry(entry) for entry in kept]) == fold(moroccan, events)
    assert not any("عربي" in repr(entry.body) or "Trop tôt" in repr(entry.body) for entry in kept)


def test_what_decisions_rest_on_survives_when_words_are_destroyed(moroccan: Protocol) -> None:
    events = story(moroccan).events
    wordless = [from_entry(replace(to_entry(moroccan, event), words=None)) for event in events]
    whole, bare = fold(moroccan, events), fold(moroccan, wordless)
    assert (bare.state, bare.level, bare.seats, bare.exclusions) == (
        whole.state, whole.level, whole.seats, whole.exclusions,
    )  # fmt: skip
    assert [one.state for one in bare.dangers] == [one.state for one in whole.dangers]
    assert any(isinstance(event, Recorded) and event.destroyed for event in wordless)


def test_deciding_touches_no_case(moroccan: Protocol) -> None:
    told = story(moroccan)
    again = fold(moroccan, told.events)
    told.choices("team_coordinator")
    told.act("directorate", "lift_danger", which_danger="home_danger", reason="x")
    assert again == fold(moroccan, told.events[:-1])
    assert isinstance(again, Case)


def test_a_step_keeps_what_was_read(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "safety_check", SAFE).move("head", "qualify")
    step = told.events[-1]
    assert isinstance(step, StepTaken)
    assert step.values == {"danger_checked": True, "raised": 0}
    entry = to_entry(moroccan, step)
    assert from_entry(replace(entry, body={**entry.body, "dues": {"first_listening": "2026-11-20"}})) == step, "as once"
    assert step.occurred_at - told.now == timedelta()


def test_a_departure_is_kept_with_its_reason_only_where_it_was_needed(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "safety_check", SAFE).put("report_qualified")
    assert told.refused("head", "assign") == {"lead_trained"}
    told.move("head", "assign", depart={"lead_trained": "  Personne n’est formé ici  ", "checked": "sans rapport"})
    step = told.events[-1]
    assert isinstance(step, StepTaken)
    assert step.departures == {"lead_trained": "Personne n’est formé ici"}


def test_reasons_are_as_long_as_an_answer_may_be(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "safety_check", SAFE).put("report_qualified")
    long = "a" * (LONG_MOST + 1)
    with pytest.raises(BadInput) as refused:
        told.move("head", "assign", reason=long, depart={"lead_trained": long})
    code = (f"too_long:{LONG_MOST}:{LONG_MOST + 1}",)
    assert dict(refused.value.problems) == {"reason": code, "departures.lead_trained": code}
    told.move("head", "assign", reason=f" {long[1:]} ", depart={"lead_trained": long[1:]})
    step = told.events[-1]
    assert isinstance(step, StepTaken)
    assert (step.reason, step.departures) == (long[1:], {"lead_trained": long[1:]})


def test_a_lock_admits_no_departure(moroccan: Protocol) -> None:
    told = reported(moroccan)
    assert told.refused("head", "qualify", depart={"checked": "je suis pressé"}) == {"checked"}


def test_a_blank_reason_is_none(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "safety_check", SAFE).put("report_qualified")
    assert told.refused("head", "assign", depart={"lead_trained": "  "}) == {"lead_trained"}


def test_proposer_visa_giver_and_mover_are_three_persons(moroccan: Protocol) -> None:
    told = assessed(moroccan, 2).put("closure_proposed", by="head").act("head", "head_visa", decision="given")
    assert told.refused("head", "close") == {"same_person"}
    assert told.refused("head/2", "close") == {"same_person"}, "the head proposed and gave the visa"


def test_after_a_false_alarm_the_proposer_is_still_the_proposer(moroccan: Protocol) -> None:
    told = assessed(moroccan, 2).put("closure_proposed", by="head")
    told.act("reporter", "raise_danger", which_danger="blackmail")
    lift(told, "blackmail").move("directorate", "return_after_lift")
    told.act("head/2", "head_visa", decision="given")
    assert "same_person" in told.try_move("head", "close")


def test_a_false_alarm_does_not_launder_what_was_added_since_the_proposal(moroccan: Protocol) -> None:
    told = assessed(moroccan, 2).put("closure_proposed", by="team_coordinator")
    told.act("head", "transfer", summary="Un fait nouveau")
    assert "nothing_new" in told.try_move("head", "close")
    told.act("reporter", "raise_danger", which_danger="blackmail")
    lift(told, "blackmail").move("directorate", "return_after_lift")
    told.act("head", "head_visa", decision="given")
    assert "nothing_new" in told.try_move("head", "close")


def test_one_person_leads_and_each_side_has_its_own_support(moroccan: Protocol) -> None:
    told = reported(moroccan)

    def seat(name: str, account: str, **more: str) -> None:
        told.act("head", "name_seat", seat=name, account=account, **more)

    seat("lead", "team_member")
    seat("lead", "team_coordinator")
    seat("support", "psychosocial", side="targeted")
    seat("support", "psychosocial/2", side="concerned")
    seat("second", "team_member")
    seat("second", "team_member/2")
    held = {(one.seat, one.account, one.side) for one in told.case.seats}  # type: ignore[union-attr]
    assert held == {
        ("lead", "team_coordinator", None),
        ("support", "psychosocial", "targeted"),
        ("support", "psychosocial/2", "concerned"),
        ("second", "team_member", None),
        ("second", "team_member/2", None),
    }
    seat("support", "psychosocial/2", side="witnesses")
    sides = {one.account: one.side for one in told.case.seats if one.seat == "support"}  # type: ignore[union-attr]
    assert sides == {"psychosocial": "targeted", "psychosocial/2": "witnesses"}, "the same person moves"


WRONG = {"what_changes": "x", "reason": "y"}
NEVER_CHANGED = {"grid", "earlier", "derived", "whom"}
"""Mappings that are put in place whole, and read."""


def test_what_is_folded_onto_a_copy_leaves_the_case_as_it_was(moroccan: Protocol) -> None:
    """A signature, a correction, a file, an exclusion: whatever changes a record that the copy shares with the case."""
    told = story(moroccan)
    told.act("team_coordinator", "evidence", kind="screenshot", sexual_or_intimate="no", description="x")
    piece, grid = told.seq, told.case.records_of("assessment_grid")[0]  # type: ignore[union-attr]
    told._take("team_member", RecordAct("correction", WRONG | {"record": str(grid.seq)}, False, {**grid.answers}))
    told._keep([
        FileHandled(
            actor="a", role="head", at=NOW, occurred_at=NOW, file="f", step=FileStep.kept, entry=piece, piece=1,
            sha256="0" * 64, size=9, format="png",
        )
    ])  # fmt: skip
    changed = set[int]()
    for place, event in enumerate(told.events[1:], 1):
        case, before, after = (fold(moroccan, told.events[:upto]) for upto in (place, place, place + 1))
        copied = fold(moroccan, [event], case.copied())
        assert case == before, event
        assert copied == after, event
        changed |= {one.seq for one in case.records if one is not copied.record(one.seq)}
    assert {piece, grid.seq} < changed


def test_a_copy_shares_no_other_part_that_is_written_to() -> None:
    case = Case(
        number="1",
        state="open",
        dangers=[DangerLife("harm", 2, NOW, "a")],
        referrals=[Referral(1, 2, "2511", ("harm",), NOW, "a", "member")],
        holds=[Hold(1, "*", 2, NOW, reviewed=[(4, NOW)])],
        liftings=[Opened(5, "c", "academy", NOW, NOW)],
        doors=[Door(6, "c", "academy", NOW, NOW, review_by=NOW)],
        files={"f": FileLife("f", 2, 1, "0" * 64, 9, "png", NOW, "a", asked=[("2511", NOW)])},
    )
    copied = case.copied()
    assert copied == case
    pairs = [(case, copied)]
    for name in ("dangers", "referrals", "holds", "liftings", "doors"):
        pairs += zip(getattr(case, name), getattr(copied, name), strict=True)
    pairs.append((case.files["f"], copied.files["f"]))
    assert len(pairs) == 7
    for one, other in pairs:
        assert one is not other
        for each in fields(one):
            mine, theirs = getattr(one, each.name), getattr(other, each.name)
            if isinstance(mine, list | dict) and each.name not in NEVER_CHANGED:
                assert mine is not theirs, each.name


# ---- who may be chosen -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("team_member/2", True), ("reporter", True), ("psychosocial", True), ("technical_admin", False),
        ("data_officer", False), ("trainer", False), ("their reporter", False),
    ],
)  # fmt: skip
def test_an_adult_of_reference_works_at_the_school(moroccan: Protocol, who: str, may: bool) -> None:
    """Whoever only runs the site, keeps its data, trains, or works elsewhere is refused, whatever the page offered."""
    told = Told(moroccan)
    told.around = surroundings(moroccan, ["their reporter"])
    told.act("reporter", "report", REPORT).put("listening_running")
    said = {**HEARD, "second_adult": who}
    if may:
        told.act("team_member", "listening_target", said)
    else:
        with pytest.raises(BadInput) as refused:
            told.act("team_member", "listening_target", said)
        assert refused.value.problems == {"second_adult": ("no_such_colleague",)}
