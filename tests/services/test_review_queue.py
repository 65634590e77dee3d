"""The queue of whoever reviews: why a case waits, in which order, for whom, and how it is narrowed and paged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from engine.telling import MINUTES, SAFE
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AppointmentRow
from school_protocol.cases.lists import see_desk
from school_protocol.cases.loading import load, reindex
from school_protocol.cases.models import ReviewStateRow
from school_protocol.engine.visibility import Permission, UnitKind
from school_protocol.privacy import emergency_access
from school_protocol.privacy.emergency_access import Asked, break_door, review
from school_protocol.supervision import review_queue
from school_protocol.supervision.models import CaseReviewRow
from school_protocol.supervision.remarks import settle_remark
from school_protocol.supervision.repository import KINDS, Chosen, ReviewCursor
from school_protocol.supervision.review import ReviewRefused, ask_review, end_review, look_again
from school_protocol.supervision.review_queue import see_queue, state_of
from services.conftest import School
from services.reviewing import ASKS, closing, kinds, observes, placed, row, waits

STAFF = {"adult_concerned": "yes"}


def rows(school: School, table: Any = CaseReviewRow) -> list[tuple[Any, ...]]:
    columns = table.__table__.columns
    with school.ctx.realm.reading() as session:
        return sorted(map(tuple, session.execute(select(*columns))), key=str)


def raised(school: School) -> str:
    school.report()
    school.act("team_member", "raise_danger", which_danger="blackmail")
    return school.number


def passed_on(school: School) -> None:
    school.act(
        "head", "referral", target="police", covers=["blackmail"], channel="letter", summary="Un chantage en ligne.",
        sent_at=school.ctx.now().isoformat(),
    )  # fmt: skip


# ---- why a case waits ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_case_of_which_nothing_is_asked_waits_for_nobody(school: School) -> None:
    school.report()
    assert waits(school) == []
    assert waits(school, "academy") == []


@pytest.mark.exhaustive
def test_a_danger_waits_until_it_is_passed_on(school: School) -> None:
    raised(school)
    assert kinds(school) == kinds(school, "academy") == ("urgent",)
    passed_on(school)
    assert kinds(school) == ()


def test_a_closure_at_a_grave_level_waits_for_the_visa_of_who_may_give_it(school: School) -> None:
    closing(school)
    assert (kinds(school), kinds(school, "academy")) == (("visa",), ())


def test_a_case_that_was_sent_waits_for_review(school: School) -> None:
    school.report()
    ask_review(school.ctx, school.person("head"), school.number, token=school.token())
    assert (kinds(school), kinds(school, "academy")) == (("review",), ())


def test_observations_wait_for_the_team_and_then_for_whoever_made_them(school: School) -> None:
    school.report()
    seq = observes(school, who="academy").seq
    assert kinds(school, "academy") == ()
    settle_remark(school.ctx, school.person("head"), school.number, seq, 1, "Dit le 12.", token=school.token())
    assert (kinds(school, "academy"), kinds(school)) == (("answered",), ())


@pytest.mark.exhaustive
def test_an_answer_stays_for_whoever_asked_though_another_has_examined_the_case(school: School) -> None:
    school.report()
    ask_review(school.ctx, school.person("head"), school.number, token=school.token())
    seq = observes(school, who="academy").seq
    settle_remark(school.ctx, school.person("head"), school.number, seq, 1, "Dit le 12.", token=school.token())
    for who, left in (("directorate", ("answered",)), ("academy", ())):
        end_review(school.ctx, school.person(who), school.number, expected=school.last_seq(), token=school.token())
        assert (kinds(school), kinds(school, "academy")) == ((), left)
        with pytest.raises(ReviewRefused):
            end_review(school.ctx, school.person(who), school.number, expected=school.last_seq(), token=school.token())


@pytest.mark.exhaustive
def test_what_waits_for_the_team_is_listed_apart_counted_nowhere_and_not_kept(school: School) -> None:
    closing(school)
    first = observes(school, who="academy").seq
    school.wait(hours=1)
    observes(school)
    for who in ("directorate", "academy"):
        assert kinds(school, who) == ()
        listed = see_queue(school.ctx, school.person(who), Chosen(kind="team"))
        assert [(line.case.number, line.case.to_answer) for line in listed.lines] == [(school.number, 0)]
        assert [(one.kind, one.since) for one in listed.lines[0].reasons] == [
            ("team", school.ctx.now() - timedelta(hours=1))
        ]
        assert (listed.counts, listed.is_narrowed) == ({}, True)
        assert not see_queue(school.ctx, school.person(who)).is_narrowed, "the next time it says what waits for them"
    assert waits(school, "head", kind="team") == []
    for seq in (first, first + 1):
        settle_remark(school.ctx, school.person("head"), school.number, seq, 1, "Dit le 12.", token=school.token())
    assert waits(school, kind="team") == []
    assert kinds(school) == ("answered",)


def test_what_waits_for_the_team_stands_beside_no_other_reason_but_where_it_is_asked_for(school: School) -> None:
    raised(school)
    observes(school)
    assert kinds(school) == ("urgent",)
    assert waits(school, kind="team") == [(school.number, ("urgent", "team"))]


def test_an_emergency_opening_waits_for_somebody_else(school: School) -> None:
    school.person("directorate")
    school.report("team_member", **STAFF)
    number = school.number
    asked = Asked("Un danger pressant, personne d’autre ne répond.", 1, "secret")
    break_door_of(school, "academy", number, asked)
    assert kinds(school, "academy") == (), "not for who opened it, and the case is closed to the academy"
    assert kinds(school) == ("door", "head")
    line = next(one for one in see_queue(school.ctx, school.person("directorate")).lines)
    door = next(one for one in line.reasons if one.kind == "door")
    review(
        school.ctx, school.person("directorate"), number, door.seq, justified=True,
        sentence="Le danger était réel, l’académie a agi.",
    )  # fmt: skip
    assert kinds(school) == ("head",)


def break_door_of(school: School, who: str, number: str, asked: Asked) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emergency_access, "must_prove", lambda *_arguments: None)
        break_door(school.ctx, school.person(who), number, asked)


@pytest.mark.exhaustive
def test_a_head_who_takes_no_part_waits_until_somebody_acts_for_them(school: School) -> None:
    school.report()
    school.act("directorate", "conflict", account=school.account("head"), reason="declares")
    assert kinds(school) == ("head",)
    assert kinds(school, "academy") == (), "it is for who answers for the school"
    school.act("directorate", "name_seat", seat="acting_head", account=school.account("head/2"))
    assert kinds(school) == ()


@pytest.mark.exhaustive
def test_what_waits_for_a_head_who_takes_no_part_follows_who_heads_the_school(school: School) -> None:
    """Another heads it from today; whoever stood aside heads it again tomorrow."""
    school.report()
    school.act("directorate", "conflict", account=school.account("head"), reason="declares")
    with school.ctx.directory.writing() as session:
        auth_repository.end_appointment(session, _post_of(session, school.account("head")), school.ctx.now().date())
    school.wait(days=1)
    assert kinds(school) == ("head",), "written while they headed it"
    assert look_again(school.ctx) == 1
    assert kinds(school) == ()
    with school.ctx.directory.writing() as session:
        today, unit = school.ctx.now().date(), school.player.school
        auth_repository.appoint(session, school.account("head"), role="head", unit=unit, starts=today, ends=None)
    look_again(school.ctx)
    assert kinds(school) == ("head",)


def _post_of(session: Session, account: str) -> str:
    return session.scalars(select(AppointmentRow.id).where(AppointmentRow.account == account)).one()


@pytest.mark.exhaustive
def test_a_referral_waits_once_it_is_to_be_chased_and_nobody_has_so_much_as_acknowledged_it(school: School) -> None:
    raised(school)
    passed_on(school)
    assert kinds(school) == ()
    school.wait(days=5)
    assert kinds(school) == kinds(school, "academy") == ("referral",)


@pytest.mark.exhaustive
def test_a_referral_that_was_acknowledged_waits_again_until_it_is_answered(school: School) -> None:
    raised(school)
    passed_on(school)

    def answered(outcome: str) -> None:
        school.act("head", "referral_answer", referral=1, outcome=outcome, answered_at=school.ctx.now().isoformat())

    answered("acknowledged")
    acknowledged_at = school.ctx.now()
    school.wait(hours=71)
    assert kinds(school) == ()
    school.wait(hours=1)
    assert kinds(school) == kinds(school, "academy") == ("referral",)
    (line,) = see_queue(school.ctx, school.person("directorate")).lines
    reason = line.reasons[0]
    assert (reason.since, reason.due_at) == (acknowledged_at, school.ctx.now())
    answered("answered")
    assert kinds(school) == ()


@pytest.mark.exhaustive
def test_all_reasons_of_a_case_stand_on_one_line_and_the_case_at_the_first(school: School) -> None:
    closing(school)
    first = school.number
    school.wait(hours=1)
    closing(school)
    school.act("directorate", "conflict", account=school.account("head"), reason="declares")
    assert waits(school) == [(first, ("visa",)), (school.number, ("visa", "head"))]


# ---- what is to be sent ----------------------------------------------------------------------------------------------


def escalated(school: School) -> None:
    """Outside help is needed, though nobody is in danger: nothing is sent yet."""
    school.report()
    placed(school, "assessment_validated", level=3)
    school.act("head", "external_need", reason="L’école ne suffit pas.")
    school.move("head", "escalate", reason="Besoin d’une aide extérieure.")


def sent(school: School, covers: str = "need", channel: str = "letter", target: str = "child_protection") -> None:
    written = {"summary": "Une aide est demandée."} if channel == "letter" else {}
    school.act(
        "head", "referral", written, target=target, covers=[covers], channel=channel,
        sent_at=school.ctx.now().isoformat(),
    )  # fmt: skip


def offence(school: School) -> None:
    """Minutes say that there is an offence."""
    school.report()
    placed(school, "assessment_running")
    items = next(iter(school.ctx.library.current()[0].grids.values())).items
    weighed = {"scores": dict.fromkeys(items, "0"), "override": "2", "override_reason": "Le groupe est grand."}
    school.act("team_coordinator", "assessment_grid", weighed)
    present = [school.account("team_member"), school.account("team_coordinator")]
    school.act("team_coordinator", "minutes", {**MINUTES, "present": present, "level": "2", "offence_question": "yes"})


@pytest.mark.exhaustive
def test_an_escalation_that_nobody_sent_is_urgent_once_it_was_to_be_sent(school: School) -> None:
    """Without a danger, too: nothing was sent to anybody, and it waited in nobody's queue."""
    escalated(school)
    assert kinds(school) == (), "its day is not over"
    school.wait(days=30)
    assert kinds(school) == kinds(school, "academy") == ("urgent",)
    (line,) = see_queue(school.ctx, school.person("directorate")).lines
    assert line.reasons[0].tone == "late"
    assert line.reasons[0].since == school.ctx.now() - timedelta(days=30)
    sent(school)
    assert kinds(school) == (), "it is sent, though the step is still to be taken"


@pytest.mark.exhaustive
def test_an_escalation_that_was_sent_in_time_is_not_there(school: School) -> None:
    escalated(school)
    sent(school)
    school.wait(days=3)
    assert kinds(school) == ()
    school.move("head", "mark_sent")
    school.wait(days=1)
    assert kinds(school) == ()


@pytest.mark.exhaustive
def test_an_offence_that_nobody_wrote_of_is_urgent_once_its_time_is_over(school: School) -> None:
    offence(school)
    school.wait(hours=23)
    assert kinds(school) == ()
    school.wait(hours=1, minutes=1)
    assert kinds(school) == kinds(school, "academy") == ("urgent",)
    sent(school, channel="call", target="prosecutor")
    assert kinds(school) == ("urgent",), "a call is no letter"
    sent(school, target="prosecutor")
    assert kinds(school) == ()


@pytest.mark.exhaustive
def test_a_danger_told_of_by_telephone_is_urgent_once_the_letter_is_late(school: School) -> None:
    raised(school)
    sent(school, "blackmail", "call", "police")
    assert kinds(school) == ()
    school.wait(hours=25)
    assert kinds(school) == ("urgent",)
    sent(school, "blackmail", target="police")
    assert kinds(school) == ()


@pytest.mark.exhaustive
def test_another_step_that_is_late_is_not_urgent(school: School) -> None:
    """A plan is due by then: nothing is to be sent."""
    school.report()
    placed(school, "assessment_validated", level=3)
    school.wait(days=30)
    assert row(school).next_due_at is not None
    assert kinds(school) == ()


# ---- order, narrowing, pages -----------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_most_pressing_first_then_the_gravest_then_the_oldest(school: School) -> None:
    numbers: dict[str, str] = {}
    for name, level in (("third", 3), ("old fourth", 4), ("new fourth", 4)):
        closing(school, level)
        numbers[name] = school.number
        school.wait(hours=1)
    numbers["urgent"] = raised(school)
    found = [number for number, _kinds in waits(school)]
    assert found == [numbers[name] for name in ("urgent", "old fourth", "new fourth", "third")]


@pytest.mark.exhaustive
def test_a_danger_in_a_case_that_nobody_has_assessed_comes_before_every_level(school: School) -> None:
    """Raised or passed on: least is known of it, and most may be wrong."""
    raised(school)
    assessed = school.number
    placed(school, "assessment_validated", level=4)
    school.wait(hours=1)
    fresh = raised(school)
    assert [number for number, _kinds in waits(school)] == [fresh, assessed], "though the other waits for longer"
    assert waits(school, level=0) == [(fresh, ("urgent",))]
    assert waits(school, level=4) == [(assessed, ("urgent",))]


@pytest.mark.exhaustive
def test_one_that_was_passed_on_stays_the_gravest_and_the_safe_one_the_lightest(school: School) -> None:
    numbers = {}
    for name in ("safe", "level 2", "passed on"):
        raised(school) if name == "passed on" else school.report()
        if name == "level 2":
            placed(school, "assessment_validated", level=2)
        if name == "passed on":
            passed_on(school)
        ask_review(school.ctx, school.person("head"), school.number, token=school.token())
        numbers[name] = school.number
        school.wait(minutes=1)
    assert [number for number, _kinds in waits(school)] == [numbers[one] for one in ("passed on", "level 2", "safe")]
    assert [number for number, _kinds in waits(school, level=0)] == [numbers["passed on"], numbers["safe"]]


@pytest.mark.exhaustive
def test_pages_follow_on_each_other_and_none_is_shown_twice(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_queue, "PAGE", 2)
    for _case in range(5):
        closing(school)
        school.act("directorate", "conflict", account=school.account("head"), reason="declares")
        school.wait(minutes=1)
    whole, after = [], None
    for _page in range(3):
        page = see_queue(school.ctx, school.person("directorate"), after=after)
        whole += [line.case.number for line in page.lines]
        after = page.after
    assert (len(whole), len(set(whole)), after) == (5, 5, None)


@pytest.mark.exhaustive
def test_it_is_narrowed_by_kind_place_and_level_and_remembered_for_the_person(school: School) -> None:
    closing(school, 3)
    three = school.number
    closing(school, 4)
    four = school.number
    urgent = raised(school)
    everything = [urgent, four, three]
    assert [number for number, _kinds in waits(school)] == everything
    assert waits(school, kind="visa") == [(four, ("visa",)), (three, ("visa",))]
    assert waits(school) == [(four, ("visa",)), (three, ("visa",))], "as it was the last time"
    assert waits(school, level=3) == [(three, ("visa",))]
    assert waits(school, level=0) == [(urgent, ("urgent",))]
    assert [number for number, _kinds in waits(school, place="00000A")] == everything
    assert [number for number, _kinds in waits(school, "academy")] == [urgent], "another's choice is their own"
    queue = see_queue(school.ctx, school.person("directorate"), Chosen())
    assert queue.counts == {"urgent": 1, "visa": 2}
    assert not queue.is_narrowed


@pytest.mark.exhaustive
def test_urgent_cases_that_the_choice_does_not_show_are_counted_whatever_hides_them(school: School) -> None:
    raised(school)
    closing(school, 4)
    seen = {
        Chosen(): 0, Chosen(kind="urgent"): 0, Chosen(kind="visa"): 1, Chosen(level=4): 1, Chosen(level=0): 0,
        Chosen(kind="urgent", level=4): 1, Chosen(place="00000A"): 0,
    }  # fmt: skip
    person = school.person("directorate")
    assert {one: see_queue(school.ctx, person, one).urgent_left_out for one in seen} == seen
    see_queue(school.ctx, person, Chosen(level=4))
    assert see_queue(school.ctx, person).urgent_left_out == 1, "a choice that was kept says so too"
    assert see_queue(school.ctx, school.person("head"), Chosen(level=4)).urgent_left_out == 0


def test_an_urgent_case_that_stands_in_the_list_for_another_reason_is_not_left_out(school: School) -> None:
    raised(school)
    school.act("directorate", "conflict", account=school.account("head"), reason="declares")
    assert see_queue(school.ctx, school.person("directorate"), Chosen(kind="head")).urgent_left_out == 0
    assert see_queue(school.ctx, school.person("directorate/2"), Chosen(kind="visa")).urgent_left_out == 1


@pytest.mark.exhaustive
def test_no_more_urgent_cases_are_counted_than_are_said(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_queue, "MOST", 2)
    for _case in range(3):
        raised(school)
    assert see_queue(school.ctx, school.person("directorate"), Chosen(level=4)).urgent_left_out == 2


@pytest.mark.exhaustive
def test_a_place_of_another_province_and_what_nobody_could_choose_narrow_nothing(school: School) -> None:
    closing(school)
    with school.ctx.directory.writing() as session:
        auth_repository.add_unit(session, kind=UnitKind.province, code="ELSEWHERE", names={"fr": "Ailleurs"})
    for chosen in (Chosen(place="ELSEWHERE"), Chosen(place="x" * 500), Chosen(kind="closed"), Chosen(level=77)):
        assert len(see_queue(school.ctx, school.person("directorate"), chosen).lines) == 1


def test_the_academy_narrows_it_to_a_province_and_then_to_a_school(school: School) -> None:
    raised(school)
    queue = see_queue(school.ctx, school.person("academy"), Chosen(place="REHEARSAL-P"))
    assert [(one.unit.code, one.is_chosen) for one in queue.places] == [("REHEARSAL-P", True), ("00000A", False)]
    assert len(queue.lines) == 1


@pytest.mark.parametrize(
    "text",
    [
        "", "1~2", "a~b~c~d", "0~0~2026-13-01~x", "0~0~2026-11-25T09:00:00~x", "9999~0~2026-11-25T09:00:00+00:00~x",
        "0~0~2026-11-25T09:00:00+00:00~x'", "0~0~0001-01-01T00:00:00+14:00~x",
    ],
)  # fmt: skip
def test_a_place_in_the_list_that_is_none_is_none(text: str) -> None:
    assert ReviewCursor.parse(text) is None


@pytest.mark.exhaustive
def test_more_than_is_counted_is_said_as_so_many(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_queue, "MOST", 2)
    for _case in range(3):
        closing(school)
    queue = see_queue(school.ctx, school.person("directorate"))
    assert (queue.counts, queue.most) == ({"visa": 2}, 2)


# ---- for whom, and kept how ------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["head", "team_coordinator", "team_member", "data_officer", "protocol_admin"])
def test_whoever_does_not_review_has_no_queue(school: School, who: str) -> None:
    closing(school)
    assert not permissions.may(school.ctx, school.person(who), Permission.review)
    assert waits(school, who) == []
    assert see_queue(school.ctx, school.person(who)).counts == {}


@pytest.mark.exhaustive
def test_an_excluded_supervisor_sees_neither_the_row_nor_its_count(school: School) -> None:
    closing(school)
    school.act("directorate", "conflict", account=school.account("directorate/2"), reason="declares")
    assert waits(school, "directorate/2") == []
    assert see_queue(school.ctx, school.person("directorate/2")).counts == {}
    assert kinds(school) == ("visa",)


def test_a_workshop_waits_for_nobody(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    closing(school)
    assert rows(school)
    workshop = replace(school.ctx, name="workshop")
    with workshop.realm.writing() as session:
        reindex(workshop, session, row(school).case_id)
    assert rows(school) == []


@pytest.mark.exhaustive
def test_rebuilding_the_index_gives_the_same_rows(school: School) -> None:
    closing(school)
    closing(school)
    observes(school)
    school.report("team_member", **STAFF)
    escalated(school)
    offence(school)
    raised(school)
    before, states = rows(school), rows(school, ReviewStateRow)
    assert len([one for one in before if "urgent" in one]) == 6
    assert len(before) >= 8
    assert len(states) == 2
    with school.ctx.realm.writing() as session:
        ids = list(session.scalars(select(CaseReviewRow.case_id).distinct()))
        session.execute(delete(CaseReviewRow))
        session.execute(delete(ReviewStateRow))
    school.wait(days=3)
    with school.ctx.realm.writing() as session:
        for case_id in {*ids, row(school).case_id, *(one[0] for one in states)}:
            reindex(school.ctx, session, case_id)
    assert (rows(school), rows(school, ReviewStateRow)) == (before, states)


def test_the_kinds_are_ranked_in_the_order_in_which_they_are_named() -> None:
    assert KINDS == ("urgent", "door", "visa", "review", "answered", "head", "referral")


def test_the_desk_says_where_a_review_stands(school: School) -> None:
    school.report()
    observes(school)
    (line,) = see_desk(school.ctx, school.person("head")).lines
    assert (line.review, line.observations) == ("observations", 1)
    (line,) = see_desk(school.ctx, school.person("data_officer")).lines
    assert line.review == ""


@pytest.mark.exhaustive
def test_an_observation_stands_on_the_desk_of_whoever_may_answer_it_until_it_is_answered(school: School) -> None:
    school.report()
    school.act("team_member", "safety_check", SAFE)
    school.move("team_coordinator", "qualify")
    school.act("team_coordinator", "name_seat", seat="lead", account=school.account("team_member/2"), reason="x")
    school.move("team_coordinator", "assign")

    def asked() -> dict[str, list[int]]:
        people = ("team_member/2", "team_coordinator", "head", "team_member", "directorate", "academy")
        return {who: [one.to_answer for one in see_desk(school.ctx, school.person(who), filter="mine").lines]
                for who in people}  # fmt: skip

    before = asked()
    assert before == {who: [0] if who == "team_member/2" else [] for who in before}
    seq = observes(school).seq
    observes(school, replace(ASKS, text="Et ceci ?", awaits=False))
    assert asked() == {**before, "team_member/2": [1], "team_coordinator": [1], "head": [1]}
    settle_remark(school.ctx, school.person("head"), school.number, seq, 1, "Dit le 12.", token=school.token())
    assert asked() == before


def test_an_observation_of_a_protocol_without_reviews_stands_there_too(school: School) -> None:
    school.report()
    observes(school)
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("head"), school.number)
    plain = loaded.protocol.model_copy(update={"review": None})
    state = state_of(row(school), plain, loaded.case)
    assert state is not None
    assert (state.state, state.observations, state.since) == ("", 1, school.ctx.now())


def test_a_review_that_is_late_says_so(school: School) -> None:
    closing(school)
    school.wait(days=12)
    (line,) = see_queue(school.ctx, school.person("directorate")).lines
    due_at = line.reasons[0].due_at
    assert due_at is not None
    assert line.reasons[0].tone == "late"
    assert due_at < school.ctx.now() - timedelta(days=3)
