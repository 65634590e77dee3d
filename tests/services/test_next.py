"""What is next in a case, where page and lists said different things: counts no duty tells, follow-ups that were not
held, excuses, signatures that are awaited, what only the head can do, a visa refused, a danger that was passed on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from engine.telling import MOROCCAN
from journeys.test_stories import START, story

from school_protocol.cases import index_repository
from school_protocol.cases.lists import see_desk
from school_protocol.cases.loading import load
from school_protocol.cases.review_lines import own_line
from school_protocol.cases.story_player import throwaway
from school_protocol.cases.view_models import ActLine, CaseLine, CaseView
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Refused
from school_protocol.storage import work_queue
from school_protocol.supervision.repository import TEAM, Chosen
from school_protocol.supervision.review_queue import see_queue
from services.conftest import School
from services.reviewing import placed, row

LEAD, REFERENT, HEAD, ABOVE = "membre_er", "referent_er", "directeur", "dp"


@contextmanager
def told(moroccan: Protocol, name: str, until: str, times: int = 1) -> Iterator[School]:
    """A story as far as its step of that name, the step among it."""
    with throwaway(moroccan, MOROCCAN.read_bytes(), START) as player:
        player.watching = False
        steps = list(story(name).steps)
        places = [place for place, step in enumerate(steps, 1) if step.get("do") == until]
        player.play(steps[: places[times - 1]])
        yield School(player, count(1), player.numbers[""])


def suggested(view: CaseView) -> list[ActLine]:
    return [line for _group, lines in view.acts for line in lines if line.place is not None]


def keys(view: CaseView) -> set[str]:
    return {line.act.key for line in suggested(view)}


def open_acts(view: CaseView) -> set[str]:
    return {line.act.key for _group, lines in view.acts for line in lines}


def line(school: School, who: str) -> CaseLine:
    with school.ctx.realm.reading() as session:
        found = own_line(school.ctx, load(school.ctx, session, school.person(who), school.number))
    assert found is not None
    return found


def late(view: CaseView) -> set[str]:
    dues = {one.deadline.key if one.deadline else "follow_up" for one in view.dues if one.tone == "late"}
    return dues | {one.duty.key for one in view.duties if (one.state, one.tone) == ("due", "late")}


# ---- what is due -----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_method_that_was_never_stopped_is_late_on_the_page_as_on_the_desk(moroccan: Protocol) -> None:
    with told(moroccan, "sc1", "t_follow") as school:
        assert late(school.seen_by(LEAD)) == set()
        school.wait(days=38)
        view = school.seen_by(LEAD)
        assert "end_shared_concern" in late(view)
        (duty,) = (one for one in view.duties if one.duty.key == "end_shared_concern")
        assert [act.key for act in duty.acts] == ["shared_concern_stop"]
        assert line(school, LEAD).tone == "late"


def test_a_follow_up_that_closing_waits_for_is_late_though_a_later_one_was_held(school: School) -> None:
    school.report()
    placed(school, "assessment_validated", level=3)
    placed(school, "plan_active")
    placed(school, "follow_up_active")
    school.wait(days=20)
    school.act("team_coordinator", "follow_up", followed(school))
    view = school.seen_by("team_coordinator")
    missed = [one for one in view.follow_ups if one.state == "missed"]
    assert missed
    assert "follow_up" in late(view)
    assert line(school, "team_coordinator").tone == "late"
    school.act("head", "excuse_duty", duty="hold_followups", reason="L’élève était à l’hôpital.")
    assert "follow_up" not in late(school.seen_by("team_coordinator"))


def followed(school: School) -> dict[str, Any]:
    now = school.ctx.now()
    return {
        "held_on": now.date().isoformat(), "mode": "in_person", "child_view": "given", "stopped": "yes", "safety": 5,
        "attendance": "regular", "conclusion": "stable", "new_facts": "no", "planned_on": now.date().isoformat(),
        "next_on": (now + timedelta(days=15)).date().isoformat(),
    }  # fmt: skip


def test_what_was_excused_is_late_nowhere(school: School) -> None:
    school.report()
    school.wait(days=5)
    assert line(school, "team_member").due is not None
    assert "danger_check" in late(school.seen_by("team_member"))
    school.act("head", "excuse_duty", duty="danger_check", reason="Vue par le médecin.")
    assert "danger_check" not in late(school.seen_by("team_member"))
    assert "safety_check" not in {due.key for due in row(school).dues}


# ---- what is offered -------------------------------------------------------------------------------------------------


def test_a_method_is_begun_before_it_is_stopped(moroccan: Protocol) -> None:
    with told(moroccan, "sc1", "t_plan") as school:
        view = school.seen_by(REFERENT)
        assert "shared_concern_start" in keys(view)
        assert open_acts(view).isdisjoint({"shared_concern_stop", "shared_concern_meeting"})
    with told(moroccan, "sc1", "mpp_start") as school:
        view = school.seen_by(REFERENT)
        assert "shared_concern_start" not in open_acts(view)
        assert {"shared_concern_stop", "shared_concern_meeting"} <= open_acts(view)


@pytest.mark.exhaustive
def test_what_waits_for_a_signature_is_not_to_be_written_again(moroccan: Protocol) -> None:
    with told(moroccan, "sc1", "F9") as school:
        written = school.seen_by(REFERENT)
        assert "minutes" not in keys(written)
        (validate,) = (one for one in written.next_moves if one.move.key == "validate_assessment")
        unsigned = next(reason for reason in validate.reasons if reason.to_sign)
        assert "team_member" in unsigned.roles
        assert "team_coordinator" not in unsigned.roles
        assert [one.act.key for one in school.seen_by(LEAD).to_sign] == ["minutes"]
        assert line(school, LEAD).to_sign
        assert line(school, LEAD).whom == "me"
        assert line(school, REFERENT).whom != "me"


def test_a_step_already_made_is_not_offered_first_again(school: School) -> None:
    school.report()
    placed(school, "assessment_validated", level=4)
    school.move("team_coordinator", "escalate", reason="Niveau 4.")
    for state in ("escalation_sent", "plan_active"):
        placed(school, state, level=4)
    view = school.seen_by("team_coordinator")
    (again,) = (one for one in view.next_moves if one.move.key == "escalate")
    assert again.is_again
    assert line(school, "team_coordinator").next != again.move.title


def test_no_act_is_offered_that_cannot_meet_what_is_missing(moroccan: Protocol) -> None:
    """Of an offence that is uncertain the head may sign why there is no referral; of one that is sure, never."""
    with told(moroccan, "sc1", "t_validate", 2) as school:
        (plan,) = (one for one in school.seen_by(HEAD).next_moves if one.move.key == "activate_plan")
        settled = next(reason for reason in plan.reasons if reason.need == "offence_settled")
        assert "no_referral" in settled.acts
    with told(moroccan, "sc6", "t_validate") as school:
        offered = {act for move in school.seen_by(HEAD).next_moves for one in move.reasons for act in one.acts}
        assert "no_referral" not in offered


# ---- what only one can do --------------------------------------------------------------------------------------------


def test_who_alone_can_meet_what_is_missing_is_told_and_reads_for_which_need(moroccan: Protocol) -> None:
    with told(moroccan, "sc1", "t_validate", 2) as school:
        steps = [step for step in story("sc1").steps if step.get("do") == "F10"]
        assert not asked(school)
        school.player.play(steps[:1])
        assert asked(school) == [("head", "no_referral", "offence_settled")]
        own = line(school, HEAD)
        assert (own.whom, own.next, own.need) == (
            "me", moroccan.acts["no_referral"].title, moroccan.needs["offence_settled"],
        )  # fmt: skip
        assert "no_referral" in keys(school.seen_by(HEAD))
        assert school.number in [one.number for one in see_desk(school.ctx, school.person(HEAD), filter="mine").lines]
        assert [message["to"] for message in notices(school) if message["move"] == "no_referral"] == ["head"]
        school.act(REFERENT, "note", text="Rien de neuf.")
        assert not [one for one in notices(school) if one["move"] == "no_referral"], "once"


def asked(school: School) -> list[tuple[str, str, str]]:
    return [(one.role, one.act, one.need) for one in row_of(school).asked]


def row_of(school: School) -> Any:
    with school.ctx.realm.reading() as session:
        return index_repository.row_of(session, school.player.case_id() or "")


def notices(school: School) -> list[Any]:
    with school.ctx.realm.writing() as session:
        taken = work_queue.take_messages(session, school.ctx.now() + timedelta(days=1), limit=200, kind="notify")
    return [one.payload for one in taken]


# ---- what was refused ------------------------------------------------------------------------------------------------


@pytest.fixture
def refused(school: School) -> School:
    """A closure at level 3, proposed, and refused with the visa by the directorate."""
    school.report()
    placed(school, "assessment_validated", level=3)
    placed(school, "plan_active")
    placed(school, "follow_up_active")
    placed(school, "closure_proposed")
    school.act("directorate", "directorate_visa", decision="refused", remark="La famille n’a pas été revue.")
    return school


def test_a_refusal_stands_on_the_page_until_it_is_answered(refused: School) -> None:
    view = refused.seen_by("team_coordinator")
    assert view.head.state.key == "follow_up_reinforced"
    assert view.refusal is not None
    assert (view.refusal.proposed.key, view.refusal.role) == ("closure_proposed", "directorate")
    assert "revue" in view.refusal.words
    assert (line(refused, "team_coordinator").whom, line(refused, "team_coordinator").sent_back) == ("me", True)
    refused.act("team_coordinator", "follow_up", followed(refused))
    assert refused.seen_by("team_coordinator").refusal is None
    assert not line(refused, "team_coordinator").sent_back


def test_what_was_refused_is_not_proposed_again_unchanged(refused: School) -> None:
    with pytest.raises(Refused) as refusal:
        refused.move("team_coordinator", "propose_closure")
    assert "sent_back" in {reason.code for reason in refusal.value.reasons}
    refused.act("team_coordinator", "note", text="On en reparle lundi.")
    assert refused.seen_by("team_coordinator").refusal is not None, "a note answers nothing"
    refused.act("team_coordinator", "follow_up", followed(refused))
    with pytest.raises(Refused) as refusal:
        refused.move("team_coordinator", "propose_closure")
    assert "sent_back" not in {reason.code for reason in refusal.value.reasons}


def test_who_refused_finds_the_case_among_those_that_wait_for_the_team(refused: School) -> None:
    queue = see_queue(refused.ctx, refused.person("directorate"), Chosen(kind=TEAM))
    (found,) = queue.lines
    assert (found.case.number, found.case.review) == (refused.number, "sent_back")
    refused.act("team_coordinator", "follow_up", followed(refused))
    assert not see_queue(refused.ctx, refused.person("directorate"), Chosen(kind=TEAM)).lines


def test_a_closure_that_the_head_refuses_is_to_be_answered_too(school: School) -> None:
    school.report()
    placed(school, "assessment_validated", level=1)
    placed(school, "plan_active")
    placed(school, "follow_up_active")
    placed(school, "closure_proposed")
    school.act("team_coordinator", "follow_up", followed(school))
    school.move("head", "refuse_close", reason="Il faut encore un suivi.")
    view = school.seen_by("team_coordinator")
    assert view.refusal is not None
    assert view.refusal.words == "Il faut encore un suivi."
    with pytest.raises(Refused) as refusal:
        school.move("team_coordinator", "propose_closure")
    assert "sent_back" in {reason.code for reason in refusal.value.reasons}
