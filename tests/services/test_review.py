"""A case under review: sent, observed on screen, answered, visaed or sent back; and how it kept to its protocol."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from school_protocol.cases import index_repository
from school_protocol.cases.loading import load
from school_protocol.cases.showing import see_act
from school_protocol.cases.view_models import ReviewLine
from school_protocol.engine.case_summary import Conformance
from school_protocol.engine.errors import BadInput, Conflict, Refused, SentBefore, Unseen
from school_protocol.engine.events import EventKind, Recorded, RemarksAttached, ReviewAsked, ReviewEnded, StepTaken
from school_protocol.storage.models import AccessRow, OutboxRow
from school_protocol.supervision.remarks import settle_remark
from school_protocol.supervision.review import (
    ReviewRefused,
    ask_review,
    end_review,
    refuse,
    see_conformance,
    see_refusal,
)
from services.conftest import NAME, School
from services.reviewing import ASKS, closing, kinds, observes, placed, write
from services.test_seeing import everything, listened

REASON = "Le compte rendu ne dit pas qui a informé la famille."


def line(school: School, who: str = "head") -> ReviewLine:
    found = school.seen_by(who).review
    assert found is not None
    return found


def told(school: School) -> list[str]:
    """Whom messages about the review were asked for."""
    with school.ctx.realm.reading() as session:
        rows = session.scalars(select(OutboxRow).where(OutboxRow.kind == "notify").order_by(OutboxRow.at)).all()
        return [row.payload["to"] for row in rows if row.payload["move"] == "review"]


def answers(school: School, seq: int, sentence: str = "L’appel est dans la fiche 2.") -> None:
    settle_remark(school.ctx, school.person("head"), school.number, seq, 1, sentence, token=school.token())


def refuses(school: School, reason: str = REASON, who: str = "directorate", **more: Any) -> Any:
    more.setdefault("expected", school.last_seq())
    more.setdefault("token", school.token())
    return refuse(school.ctx, school.person(who), school.number, reason, **more)


# ---- sending and ending ----------------------------------------------------------------------------------------------


def test_the_coordinator_sends_a_case_and_the_directorate_is_told(school: School) -> None:
    school.report()
    assert line(school).state == ""
    assert line(school).may_ask
    ask_review(school.ctx, school.person("team_coordinator"), school.number, "Faut-il saisir ?", token=school.token())
    now = line(school)
    assert (now.state, now.asked, now.words, now.may_ask) == ("to_examine", True, "Faut-il saisir ?", False)
    assert now.due_at is not None
    assert told(school) == ["directorate"]
    with pytest.raises(ReviewRefused):
        ask_review(school.ctx, school.person("head"), school.number, token=school.token())


@pytest.mark.parametrize("who", ["team_member", "directorate", "academy", "data_officer"])
def test_nobody_else_sends_it(school: School, who: str) -> None:
    school.report()
    with pytest.raises(Unseen):
        ask_review(school.ctx, school.person(who), school.number, token=school.token())


@pytest.mark.exhaustive
def test_pressed_twice_it_is_sent_once_and_other_words_are_another_press(school: School) -> None:
    school.report()
    head, token = school.person("head"), school.token()
    first = ask_review(school.ctx, head, school.number, "Un avis", token=token)
    again = ask_review(school.ctx, head, school.number, "Un avis", token=token)
    assert (again.seq, again.repeated) == (first.seq, True)
    with pytest.raises(SentBefore):
        ask_review(school.ctx, head, school.number, "Un autre", token=token)


def test_two_who_send_it_at_once_send_it_once(school: School) -> None:
    school.report()
    people = [school.person("head"), school.person("team_coordinator")]
    tokens = [school.token(), school.token()]

    def press(place: int) -> bool:
        try:
            ask_review(school.ctx, people[place], school.number, token=tokens[place])
        except ReviewRefused:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(press, (0, 1))) == [False, True]


def test_whoever_reviews_ends_it_without_a_visa_once_nothing_waits(school: School) -> None:
    school.report()
    ask_review(school.ctx, school.person("head"), school.number, token=school.token())
    seq = observes(school, who="academy").seq
    with pytest.raises(ReviewRefused):
        end_review(
            school.ctx, school.person("academy"), school.number, token=school.token(), expected=school.last_seq()
        )
    answers(school, seq)
    thanks, expected = "Merci à l’équipe.", school.last_seq()
    end_review(school.ctx, school.person("academy"), school.number, thanks, token=school.token(), expected=expected)
    now = line(school)
    assert (now.state, now.words, now.role, now.may_ask) == ("examined", "Merci à l’équipe.", "academy", True)
    with pytest.raises(Unseen):
        end_review(school.ctx, school.person("head"), school.number, token=school.token(), expected=school.last_seq())


@pytest.mark.exhaustive
def test_what_waits_for_the_visa_of_others_is_nobodys_to_call_examined(school: School) -> None:
    """Whoever may not give the visa takes it off nobody's list, and whoever may gives or refuses it."""
    closing(school)
    for who in ("academy", "directorate"):
        assert line(school, who).may_end is False
        with pytest.raises(ReviewRefused):
            end_review(school.ctx, school.person(who), school.number, token=school.token(), expected=school.last_seq())
    assert (line(school).state, kinds(school)) == ("to_examine", ("visa",))


@pytest.mark.exhaustive
def test_only_those_for_whom_it_waits_end_a_review(school: School) -> None:
    school.report()
    ask_review(school.ctx, school.person("head"), school.number, token=school.token())
    assert [line(school, who).may_end for who in ("academy", "directorate", "head")] == [False, True, False]
    with pytest.raises(ReviewRefused):
        end_review(
            school.ctx, school.person("academy"), school.number, token=school.token(), expected=school.last_seq()
        )
    end_review(
        school.ctx, school.person("directorate"), school.number, token=school.token(), expected=school.last_seq()
    )
    assert line(school).state == "examined"


def test_what_came_since_the_page_was_read_is_shown_before_it_is_ended(school: School) -> None:
    school.report()
    ask_review(school.ctx, school.person("head"), school.number, token=school.token())
    before, directorate = school.last_seq(), school.person("directorate")
    school.act("team_member", "note", text="Un mot de plus.")
    with pytest.raises(Conflict) as found:
        end_review(school.ctx, directorate, school.number, token=school.token(), expected=before)
    assert (found.value.expected, found.value.found) == (before, school.last_seq())
    assert line(school).state == "to_examine"


@pytest.mark.exhaustive
def test_a_step_that_the_definition_names_sends_it_by_itself(school: School) -> None:
    closing(school, level=2)
    assert line(school).state == ""
    closing(school, level=3)
    assert (line(school).state, line(school).asked) == ("to_examine", False)


# ---- observations ----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_an_observation_is_on_a_place_of_the_case_and_its_team_is_told_at_once(school: School) -> None:
    school.report()
    done = observes(school)
    shown = school.seen_by("head")
    assert [(one.entry, one.text, one.copy, one.on_record) for one in shown.remarks] == [(2, ASKS.text, 0, True)]
    assert shown.remarks[0].on == shown.head.protocol.acts["report"].title
    assert (line(school).state, line(school).open_observations) == ("observations", 1)
    assert set(told(school)) == {"lead", "team_coordinator", "head"}
    answers(school, done.seq)
    assert (line(school).state, line(school).open_observations) == ("completed", 0)
    assert school.seen_by("directorate").remarks[0].sentence == "L’appel est dans la fiche 2."


@pytest.mark.exhaustive
def test_what_is_said_of_the_other_side_is_read_by_nobody_of_this_one(school: School) -> None:
    listened(school)
    for who, side in (("psychosocial", "targeted"), ("psychosocial/2", "concerned")):
        school.act("team_coordinator", "name_seat", seat="support", account=school.account(who), side=side)
    events = school.seen_by("team_coordinator").chronology.events
    interview = next(one.seq for one in events if one.record and one.record.act.key == "interview_concerned")
    done = observes(school, replace(ASKS, text="Zqobserved", entry=interview))
    answers(school, done.seq, "Zqanswered")
    for who, reads in (("psychosocial", False), ("psychosocial/2", True), ("directorate", True)):
        shown = everything(school, who)
        assert [word in shown for word in ("Zqobserved", "Zqanswered")] == [reads, reads], who
        (remark,) = school.seen_by(who).remarks
        assert (remark.is_hidden, remark.on_record) == (not reads, reads)
    asked = observes(school, replace(ASKS, text="Zqwhole", entry=0))
    answers(school, asked.seq, "Zqtold")
    shown = everything(school, "psychosocial")
    assert [word in shown for word in ("Zqwhole", "Zqtold")] == [True, True], "said of no record"


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["head", "team_coordinator", "team_member", "data_officer"])
def test_whoever_does_not_review_observes_nothing(school: School, who: str) -> None:
    school.report()
    with pytest.raises(Unseen):
        observes(school, who=who)
    assert line(school).state == ""


@pytest.mark.exhaustive
def test_names_in_an_observation_are_refused_unsaid_and_the_try_is_written_down(school: School) -> None:
    school.report()
    with pytest.raises(BadInput) as found:
        observes(school, replace(ASKS, text=f"Qui a parlé à {NAME} ?"))
    assert found.value.problems == {"text": ("names_somebody",)}
    with school.ctx.realm.reading() as session:
        noted = session.scalars(select(AccessRow.what).where(AccessRow.account == school.account("directorate"))).all()
    assert "remarks.named" in noted
    assert line(school).state == ""


@pytest.mark.parametrize(
    ("remark", "path"),
    [(replace(ASKS, text="  "), "text"), (replace(ASKS, text="x" * 2001), "text"), (replace(ASKS, entry=99), "entry")],
)
def test_what_cannot_be_kept_is_said_at_its_place(school: School, remark: Any, path: str) -> None:
    school.report()
    with pytest.raises(BadInput) as found:
        observes(school, remark)
    assert list(found.value.problems) == [path]


@pytest.mark.exhaustive
def test_what_came_since_the_page_was_read_is_shown_first(school: School) -> None:
    school.report()
    before = school.last_seq()
    school.act("team_member", "note", text="Un mot de plus.")
    with pytest.raises(Conflict) as found:
        observes(school, expected=before)
    assert (found.value.expected, found.value.found) == (before, school.last_seq())
    observes(school)
    observes(school, who="academy", expected=school.last_seq() - 1)
    assert line(school).open_observations == 2, "what another observes makes it no other case"


@pytest.mark.exhaustive
def test_pressed_twice_it_is_observed_once(school: School) -> None:
    school.report()
    token, expected = school.token(), school.last_seq()
    first, again = (observes(school, token=token, expected=expected) for _press in range(2))
    assert (again.seq, again.repeated) == (first.seq, True)
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("directorate"), school.number)
    assert len([one for one in loaded.events if isinstance(one, RemarksAttached)]) == 1


# ---- the visa --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_visa_stands_until_something_is_added(school: School) -> None:
    closing(school)
    school.act("directorate", "directorate_visa", decision="given")
    assert (line(school).state, kinds(school)) == ("visaed", ())
    school.act("team_coordinator", "others_not_heard", reason="left")
    assert (line(school).state, kinds(school)) == ("to_examine", ("visa",))


@pytest.mark.exhaustive
def test_what_voided_the_visa_says_nothing_of_the_review(school: School) -> None:
    closing(school)
    school.act("head", "transfer", receiving_school="04131R", summary="x", measures="y", agreement=["pupil"])
    school.act("directorate", "directorate_visa", decision="given", remark="Rien à redire.")
    assert line(school).words == "Rien à redire."
    school.act("directorate", "accept_transfer", answer="refused", reason="Zqtransfer")
    assert (line(school).state, line(school).words) == ("to_examine", "")


def test_refused_it_goes_back_with_its_reasons_and_the_team_is_told(school: School) -> None:
    closing(school)
    view = see_refusal(school.ctx, school.person("directorate"), school.number)
    assert view.move is not None
    assert view.move.key == "refuse_unfollowed"
    refuses(school)
    shown = school.seen_by("team_coordinator")
    assert shown.head.state.key == "assessment_running"
    assert (line(school).state, line(school).words) == ("sent_back", REASON)
    assert {"team_coordinator", "head"} <= set(told(school))
    assert kinds(school) == ()
    step = next(one for one in shown.chronology.events if one.kind == "step_taken")
    assert step.detail["reason"] == REASON
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("directorate"), school.number)
    assert loaded.facts["visa_directorate"] is False


@pytest.mark.exhaustive
def test_refused_by_its_own_form_it_goes_back_all_the_same(school: School) -> None:
    """Whichever page it is refused on: with reasons, to the same state, and the team is told."""
    closing(school)
    for remark in ({}, {"remark": "  "}):
        with pytest.raises(BadInput) as found:
            school.act("directorate", "directorate_visa", decision="refused", **remark)
        assert found.value.problems == {"remark": ("required",)}
    assert line(school).state == "to_examine"
    school.act("directorate", "directorate_visa", decision="refused", remark=REASON)
    assert school.seen_by("team_coordinator").head.state.key == "assessment_running"
    assert (line(school).state, line(school).words) == ("sent_back", REASON)
    assert {"team_coordinator", "head"} <= set(told(school))


@pytest.mark.exhaustive
@pytest.mark.parametrize(("proposer", "is_one"), [("team_coordinator", False), ("directorate", True)])
def test_whoever_proposes_to_close_gives_no_visa_for_it(school: School, proposer: str, is_one: bool) -> None:
    """Who oversees may stand in for the coordinator; then another one reviews what they proposed."""
    school.report()
    placed(school, "assessment_validated", level=3)
    placed(school, "closure_proposed", by=proposer)
    school.act("head", "head_visa", decision="given")
    school.act("directorate", "directorate_visa", decision="given")
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("head/2"), school.number)
    close = loaded.protocol.resolve("moves", "t_close")
    if not is_one:
        school.move("head/2", close)
        assert school.seen_by("head").head.state.ended
        return
    with pytest.raises(Refused) as found:
        school.move("head/2", close)
    assert "same_person" in [reason.code for reason in found.value.reasons]


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["technical_admin", "data_officer", "protocol_admin", "trainer"])
def test_whoever_reads_no_case_is_seated_in_none(school: School, who: str) -> None:
    school.report()
    account, colleague = school.account(who), school.account("team_member/2")
    with pytest.raises(Refused) as found:
        school.act("directorate", "name_seat", seat="acting_head", account=account)
    assert [reason.code for reason in found.value.reasons] == ["reads_no_case"]
    shown = see_act(school.ctx, school.person("directorate"), school.number, "name_seat").choices.accounts
    offered = {one.id for one in shown}
    assert account not in offered
    assert colleague in offered
    school.act("directorate", "name_seat", seat="acting_head", account=colleague)


@pytest.mark.exhaustive
def test_why_it_was_refused_is_read_by_everybody_who_reviews(school: School) -> None:
    closing(school)
    refuses(school)
    for who in ("directorate", "directorate/2", "academy"):
        found = school.seen_by(who).review
        assert found is not None
        assert (found.state, found.words) == ("sent_back", REASON), who


def test_whoever_reads_signs_reads_them_in_all_that_is_said_of_a_review(school: School) -> None:
    school.report()
    said: dict[str, Any] = {"actor": school.account("head"), "role": "head", "at": school.ctx.now()}
    said["occurred_at"] = said["at"]
    refused = {"move": "refuse_unfollowed", "source": "closure_proposed", "target": "assessment_running"}
    for event in (
        ReviewAsked(**said, move="", sentence=NAME),
        ReviewEnded(**said, sentence=NAME),
        StepTaken(**{**said, "role": "directorate"}, **refused, reason=NAME),
    ):
        write(school, event)
        assert [line(school, who).words for who in ("head", "directorate")] == [NAME, "[EV1]"], event
    refusals = [school.seen_by(who).refusal for who in ("head", "directorate")]
    assert [one and one.words for one in refusals] == [NAME, "[EV1]"]
    said["role"] = "directorate"
    visa = Recorded(
        **said, act="directorate_visa", kind=EventKind.visa_given, answers={"decision": "refused", "remark": "x"}
    )
    write(school, visa, StepTaken(**said, **refused, reason=NAME))
    assert [line(school, who).words for who in ("head", "directorate")] == [NAME, "[EV1]"]


def test_where_no_way_back_is_open_the_refusal_stands_alone(school: School) -> None:
    school.report()
    placed(school, "plan_active", level=2)
    view = see_refusal(school.ctx, school.person("directorate"), school.number)
    assert view.move is None
    refuses(school)
    assert school.seen_by("head").head.state.key == "plan_active"
    assert (line(school).state, line(school).words) == ("sent_back", REASON)


def test_a_refusal_says_why_and_names_nobody(school: School) -> None:
    closing(school)
    for reason, code in (("  ", "required"), (f"{NAME} n’a pas été entendue", "names_somebody")):
        with pytest.raises(BadInput) as found:
            refuses(school, reason)
        assert found.value.problems == {"reason": (code,)}
    assert line(school).state == "to_examine"


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["head", "academy", "team_coordinator", "data_officer"])
def test_nobody_refuses_a_visa_that_is_not_theirs_to_give(school: School, who: str) -> None:
    closing(school)
    with pytest.raises(Unseen):
        refuses(school, who=who)
    with pytest.raises(Unseen):
        see_refusal(school.ctx, school.person(who), school.number)


@pytest.mark.exhaustive
def test_a_refusal_meets_what_came_meanwhile_and_is_made_once(school: School) -> None:
    closing(school)
    before = school.last_seq()
    school.act("team_coordinator", "note", text="Encore un mot.")
    with pytest.raises(Conflict):
        refuses(school, expected=before)
    token, expected = school.token(), school.last_seq()
    first, again = (refuses(school, token=token, expected=expected) for _press in range(2))
    assert (again.seq, again.repeated) == (first.seq, True)
    with pytest.raises((Refused, Unseen)):
        refuses(school)


# ---- how it kept to its protocol -------------------------------------------------------------------------------------


def test_conformance_says_what_was_asked_and_why_it_was_departed_from(school: School) -> None:
    school.report()
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("head"), school.number)
    header: dict[str, Any] = {"actor": school.account("head"), "role": "head", "at": loaded.now,
                              "occurred_at": loaded.now}  # fmt: skip
    why = f"{NAME} est absente toute la semaine"
    write(school, StepTaken(**header, move="begin_listening", source="report_received", target="listening_running",
                            departures={"heard_or_offered": why}))  # fmt: skip
    school.wait(days=9)
    own = see_conformance(school.ctx, school.person("head"), school.number)
    assert [(one.need, one.reason, one.role) for one in own.found.departures] == [("heard_or_offered", why, "head")]
    assert own.found.count("overdue") > 0
    above = see_conformance(school.ctx, school.person("directorate"), school.number)
    assert above.found.asked == own.found.asked
    assert above.found.departures[0].reason == "[EV1] est absente toute la semaine"
    with school.ctx.realm.reading() as session:
        noted = session.scalars(select(AccessRow.what).where(AccessRow.account == school.account("directorate"))).all()
        assert "conformance" in noted
        assert index_repository.departures(session, own.head.protocol.protocol) == {"heard_or_offered": 1}
        assert index_repository.departures(session, "another") == {}


def test_a_guardian_told_in_spite_of_a_doubt_is_a_departure_with_its_reason(school: School) -> None:
    """Whoever oversees reads a sign for the name; the copy for those above says it, and one without words its fact."""
    school.report()
    why = f"Le père de {NAME} savait déjà"
    school.act(
        "team_coordinator", "inform_guardian", who={"slot": "guardian", "name": "Père"}, relation="father",
        result="told", safe_to_tell="unknown", told_despite=why,
    )  # fmt: skip
    for who, said in (("head", why), ("directorate", "Le père de [EV1] savait déjà")):
        (line,) = see_conformance(school.ctx, school.person(who), school.number).found.despite
        assert (line.act, line.reason, line.role) == ("inform_guardian", said, "team_coordinator")


def test_a_duty_that_was_excused_is_a_departure_with_its_reason(school: School) -> None:
    """Its time limit says so, too, and stands there once; whoever oversees reads a sign for the name."""
    school.report()
    school.act("team_member", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    school.move("team_coordinator", "qualify")
    school.wait(days=9)
    why = f"Les parents de {NAME} vivent à l’étranger."
    before = see_conformance(school.ctx, school.person("head"), school.number).found
    assert before.excuses == ()
    assert outcomes(before, "guardians_informed") == ["overdue"]
    school.act("head", "excuse_duty", duty="inform_guardians", reason=why)
    own = see_conformance(school.ctx, school.person("head"), school.number).found
    assert [(one.duty, one.reason, one.role) for one in own.excuses] == [("inform_guardians", why, "head")]
    assert outcomes(own, "guardians_informed") == ["excused"]
    assert outcomes(own, "inform_guardians") == []
    assert own.count("overdue") == before.count("overdue") - 1
    above = see_conformance(school.ctx, school.person("directorate"), school.number).found
    assert above.excuses[0].reason == "Les parents de [EV1] vivent à l’étranger."


def test_an_excuse_is_of_what_was_asked_by_then(school: School) -> None:
    """What is asked later, about another danger, stays asked."""
    school.report()
    school.act("team_member", "raise_danger", which_danger="blackmail")
    school.act("head", "excuse_duty", duty="written_referral", reason="Déjà saisi.")
    school.wait(days=20)
    school.act("team_member", "raise_danger", which_danger="self_harm")
    school.wait(days=5)
    found = see_conformance(school.ctx, school.person("head"), school.number).found
    told = {line.subject: line.outcome for line in found.asked if line.key == "written_referral"}
    assert sorted(told.values()) == ["excused", "overdue"], told


def outcomes(found: Conformance, key: str) -> list[str]:
    return [line.outcome for line in found.asked if line.key == key]


def test_whoever_knows_of_a_case_by_its_metadata_reads_nothing_of_it(school: School) -> None:
    school.report()
    with pytest.raises(Unseen):
        see_conformance(school.ctx, school.person("data_officer"), school.number)
    assert school.seen_by("data_officer").review is None
