"""What nobody is asked for: the answers that a form holds as it opens on a case."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from engine.telling import NOW

from school_protocol.cases.showing import see_act
from services.conftest import School

CALLED = {"target": "rescue", "covers": ["self_harm"], "channel": "call", "sent_at": NOW.isoformat()}
GUARDIANS = [{"slot": "guardian", "name": name} for name in ("Khadija B.", "Rachid B.")]


@pytest.fixture
def alarmed(school: School) -> School:
    """A case with a danger in it."""
    school.report()
    school.act("head", "raise_danger", which_danger="self_harm")
    return school


def begins(school: School, act: str, who: str = "head") -> dict[str, Any]:
    return dict(see_act(school.ctx, school.person(who), school.number, act).prefill)


@pytest.mark.exhaustive
def test_a_referral_is_about_the_dangers_that_nobody_was_told_of(alarmed: School) -> None:
    alarmed.act("head", "raise_danger", which_danger="blackmail")
    assert begins(alarmed, "referral") == {"covers": ["self_harm", "blackmail"]}
    alarmed.act("head", "referral", CALLED)
    assert begins(alarmed, "referral") == {"covers": ["blackmail"]}
    alarmed.act("head", "referral", {**CALLED, "covers": ["blackmail"], "target": "police"})
    assert begins(alarmed, "referral") == {"covers": ["self_harm", "blackmail"]}, "all were told of: all that stand"


@pytest.mark.exhaustive
def test_an_answer_is_of_the_one_referral_that_is_open(alarmed: School) -> None:
    assert begins(alarmed, "referral_answer") == {}
    alarmed.act("head", "referral", CALLED)
    assert begins(alarmed, "referral_answer") == {"referral": "1"}
    alarmed.act("head", "referral", {**CALLED, "target": "police"})
    assert begins(alarmed, "referral_answer") == {}
    alarmed.act("head", "referral_answer", referral="1", outcome="answered")
    assert begins(alarmed, "referral_answer") == {"referral": "2"}


def test_the_one_guardian_is_meant_unless_their_information_is_on_hold(school: School) -> None:
    school.report()
    school.act("head", "add_person", persons=GUARDIANS[:1])
    assert begins(school, "inform_guardian")["who"] == "guardian-1"
    school.act("head", "guardian_hold", guardian="guardian-1", reason="home_danger")
    assert "who" not in begins(school, "inform_guardian")
    assert begins(school, "hold_review") == {"hold": "1"}
    school.act("head", "add_person", persons=GUARDIANS[1:])
    assert begins(school, "inform_guardian")["who"] == "guardian-2"


def test_the_one_danger_and_the_one_entry_to_sign(alarmed: School) -> None:
    assert begins(alarmed, "lift_danger") == {"which_danger": "self_harm"}
    lifted = alarmed.act("head", "lift_danger", which_danger="self_harm", reason="x")
    assert begins(alarmed, "signature", "directorate") == {"record": str(lifted.seq)}
    assert begins(alarmed, "signature") == {}, "the head has signed it"
    alarmed.act("head", "raise_danger", which_danger="blackmail")
    assert begins(alarmed, "lift_danger") == {}


def test_a_follow_up_knows_its_day_and_the_next(alarmed: School) -> None:
    """Those of the schedule; a day that people named goes before it."""
    alarmed.act("head", "referral", CALLED)
    alarmed.act("head", "told_by_voice", who_was_told=["head"])
    alarmed.move("team_coordinator", "mark_sent")
    assert begins(alarmed, "follow_up") == {"planned_on": "2026-11-26", "next_on": "2026-11-28"}
    alarmed.wait(days=1)
    held = {"held_on": "2026-11-26", "planned_on": "2026-11-26", "child_view": "given", "stopped": "yes"}
    alarmed.act("team_coordinator", "follow_up", held, new_facts=False, next_on="2026-11-27", conclusion="better")
    assert begins(alarmed, "follow_up")["planned_on"] == "2026-11-27", "today’s is held"
    alarmed.wait(days=1)
    assert begins(alarmed, "follow_up") == {"planned_on": "2026-11-27", "next_on": "2026-11-28"}


PLAN = {
    "objectives": "Que cela cesse.", "protection": ["accounts", "quiet_place"],
    "shared_concern": False, "next_follow_up": "2026-11-27", "plan_shown_to": ["guardian-1"],
    "guardians_informed_at": "2026-11-25T08:00:00+00:00",
}  # fmt: skip


def test_a_plan_carries_on_but_for_days_gone_by_and_what_guardians_get(alarmed: School) -> None:
    alarmed.act("head", "referral", CALLED)
    alarmed.act("head", "add_person", persons=GUARDIANS[:1])
    alarmed.act("head", "support_plan", PLAN, reference_adult=alarmed.person("team_member").id)
    carried = {"objectives", "reference_adult", "protection", "shared_concern", "next_follow_up", "team"}
    assert set(begins(alarmed, "support_plan")) == carried
    alarmed.wait(days=2)
    assert set(begins(alarmed, "support_plan")) == carried, "today is not gone by"
    assert set(begins(alarmed, "support_plan")["protection"]) == {"accounts", "quiet_place"}
    assert "protection" not in begins(alarmed, "listening_target"), "only where the act carries on"
    adult = alarmed.person("team_member").id
    alarmed.act("head", "support_plan", {**PLAN, "protection": ["way_home"]}, reference_adult=adult)
    assert begins(alarmed, "support_plan")["protection"] == ["way_home"], "the last one"
    alarmed.wait(days=1)
    assert set(begins(alarmed, "support_plan")) == carried - {"next_follow_up"}


def test_a_closing_asks_everything_anew_but_what_the_record_shows(alarmed: School) -> None:
    """What the child said, and what was answered of dangers, was said on that day; no danger is ticked away."""
    said = {
        "outcome": "resolved", "dangers_asked": {"self_harm": "no"}, "child_view": "given", "view_words": "Ça va.",
        "checks": ["no_danger"],
    }  # fmt: skip
    alarmed.act("team_member", "closing", said)
    assert begins(alarmed, "closing", "team_member") == {"checks": ["referrals"]}
    alarmed.act("head", "referral", CALLED)
    assert begins(alarmed, "closing", "team_member") == {}, "a referral waits for its answer"


def test_once_the_schedule_is_over_the_next_day_lies_as_far_ahead_as_its_last_ones_apart(alarmed: School) -> None:
    alarmed.act("head", "referral", CALLED)
    alarmed.move("team_coordinator", "mark_sent")
    alarmed.ctx.clock.advance(timedelta(days=400))  # type: ignore[attr-defined]
    today = alarmed.ctx.now().date()
    assert begins(alarmed, "follow_up")["next_on"] == (today + timedelta(days=30)).isoformat()


def test_the_seat_that_the_next_step_waits_for(school: School) -> None:
    school.report()
    assert begins(school, "name_seat")["seat"] == "lead", "a later step waits for one"
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="colleague")
    school.move("head", "t_qualify")
    assert begins(school, "name_seat")["seat"] == "lead"
    school.act("head", "name_seat", seat="lead", account=school.account("team_member"))
    assert "seat" not in begins(school, "name_seat")


def test_who_looks_after_the_case_is_named_and_said_so(school: School) -> None:
    """Whoever writes, and who holds a seat for the whole of it; whoever holds one for a side does not."""
    school.report()
    lead = school.account("team_member")
    school.act("head", "name_seat", seat="lead", account=lead)
    school.act("head", "name_seat", seat="support", account=school.account("psychosocial"), side="targeted")
    view = see_act(school.ctx, school.person("team_coordinator"), school.number, "minutes")
    assert view.prefill["present"] == [school.account("team_coordinator"), lead]
    assert view.told["present"].by == "seats"
    assert begins(school, "support_plan")["reference_adult"] == lead


def test_the_last_fact_is_the_one_told_last_with_its_entry(school: School) -> None:
    school.report(occurred_at=NOW.isoformat())
    view = see_act(school.ctx, school.person("team_member"), school.number, "closing")
    told = view.told["last_fact_on"]
    assert view.prefill["last_fact_on"] == NOW.date().isoformat()
    assert (told.by, told.entry.act.key if told.entry else "") == ("entry", "report")
