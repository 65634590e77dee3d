"""Taking over, transfers at three distances, contributions of other schools: who sees what, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository, lookup_repository, sharing
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.lists import see_desk
from school_protocol.cases.loading import load, reindex
from school_protocol.cases.models import CaseKnownRow
from school_protocol.cases.showing import see_case
from school_protocol.cases.view_models import CaseView
from school_protocol.engine.case_summary import CASES
from school_protocol.engine.errors import BadInput, Refused, Unseen
from school_protocol.engine.facts import Facts
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import UnitKind
from school_protocol.mail import Post
from school_protocol.notifications.service import sweep
from school_protocol.statistics import counts
from school_protocol.statistics.rules import TOTALS, Period
from school_protocol.storage import access_log
from services.conftest import NAME, WORDS, School
from services.retaining import Keeping, Recorder
from services.sharing_region import ABROAD, FAR, NEAR, Region

SUMMARY = f"Harcèlement en ligne depuis octobre. {NAME} craint que cela la suive."
DISTANCES = {NEAR: "directorate", FAR: "directorate P2", ABROAD: "directorate P3"}
"""School → the directorate that answers for it."""
OTHERS = {NEAR: "directorate P2", FAR: "directorate P3", ABROAD: "directorate P2"}


@pytest.fixture
def region(school: School) -> Region:
    return Region(school)


def seen(region: Region, who: str, number: str) -> CaseView:
    return see_case(region.school.ctx, region.person(who), number)


def shut(region: Region, who: str, number: str) -> bool:
    try:
        seen(region, who, number)
    except Unseen:
        return True
    return False


def asked_for(region: Region, code: str) -> str:
    """A case whose transfer to that school is asked for."""
    school = region.school
    school.report()
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    school.act("head", "transfer", receiving_school=code, summary=SUMMARY, measures="Un adulte référent.")
    return school.number


def known(region: Region, number: str) -> set[str]:
    """Where else people come to that case through others, as the wall of the database has it."""
    with region.school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, number)
        return set(session.scalars(select(CaseKnownRow.place).where(CaseKnownRow.case_id == case_id)))


# ---- transfers at three distances ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", DISTANCES)
def test_the_head_of_the_receiving_school_finds_the_request_and_sees_nothing_else(region: Region, code: str) -> None:
    number = asked_for(region, code)
    head = f"head {code}"
    (line,) = region.waits_for(head)
    assert (line.number, line.is_transfer, line.there.code) == (number, True, code)
    assert shut(region, head, number)
    view = region.request(head, number, line.seq)
    said = str(view.asked.answers)
    assert "Harcèlement en ligne depuis octobre" in said
    assert NAME not in said, "a sign stands in its place"
    assert WORDS not in str(view)
    for other in ("team_member " + code, "team_coordinator " + code, OTHERS[code], "academy R2"):
        assert region.waits_for(other) == ()
        with pytest.raises(Unseen):
            region.request(other, number, line.seq)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("code", "directorate"), DISTANCES.items())
def test_once_handed_over_the_other_side_alone_goes_on(region: Region, code: str, directorate: str) -> None:
    number = asked_for(region, code)
    (line,) = region.waits_for(f"head {code}")
    region.answer(f"head {code}", number, line.seq, answer="accepted")
    assert shut(region, f"head {code}", number), "accepting opens nothing of the sender's case"
    region.school.move("head", "transfer", reason="La famille déménage")
    assert seen(region, "head", number).head.state.key == "transferred"
    successor = seen(region, "head", number).successor or ""
    received = seen(region, f"head {code}", successor)
    assert received.head.state.key == "report_qualified"
    kinds = [event.kind for event in received.chronology.events if event.kind != "case_seen"]
    assert kinds == ["case_joined", "case_opened"]
    assert received.people == (), "nobody whom the request doesn't say; of the listening, by the kinds above, nothing"
    assert NAME not in repr(received)
    assert seen(region, directorate, successor).head.number == successor
    if directorate != "directorate":
        assert shut(region, "directorate", successor), "the former province sees its own case alone"
        assert shut(region, directorate, number)
    assert shut(region, "academy", successor) is (code == ABROAD)
    assert shut(region, "head", successor)


@pytest.mark.exhaustive
@pytest.mark.parametrize("code", DISTANCES)
def test_what_is_refused_goes_back_with_a_reason(region: Region, code: str) -> None:
    number = asked_for(region, code)
    (line,) = region.waits_for(f"head {code}")
    with pytest.raises(BadInput):
        region.answer(f"head {code}", number, line.seq, answer="refused")
    region.answer(f"head {code}", number, line.seq, answer="refused", reason="La classe est pleine.")
    events = seen(region, "head", number).chronology.events
    said = [one.record.answers for one in events if one.record and one.record.act.key == "accept_transfer"]
    assert said == [{"answer": "refused", "reason": "La classe est pleine."}]
    assert region.waits_for(f"head {code}") == ()
    with pytest.raises(Refused):
        region.school.move("head", "transfer", reason="x")
    region.school.act("head", "transfer", receiving_school=NEAR, summary="x")
    assert [one.there.code for one in region.waits_for(f"head {NEAR}")] == [NEAR], "another school may be asked"


def test_who_is_shut_out_of_the_case_is_not_asked_either(region: Region) -> None:
    number = asked_for(region, FAR)
    region.wait(days=1)
    directorate = region.person("directorate P2")
    (line,) = region.waits_for("directorate P2")
    with region.school.ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, number) or ""
        row = index_repository.row_of(session, case_id)
        assert row is not None
        index_repository.write(session, replace(row, exclusions=frozenset({directorate.id})))
    assert region.waits_for("directorate P2") == ()
    with pytest.raises(Unseen):
        sharing.see_request(region.school.ctx, directorate, number, line.seq)


@pytest.mark.exhaustive
@pytest.mark.parametrize("code", ["09999Z", ""])
def test_a_transfer_to_a_school_that_nobody_knows_here_waits_for_whoever_oversees_at_once(
    region: Region, code: str
) -> None:
    region.reach("directorate")
    number = asked_for(region, code)
    (line,) = region.waits_for("directorate")
    assert (line.number, line.is_transfer, line.is_unknown) == (number, True, True)
    for other in ("academy", "head", "directorate P2", f"head {NEAR}"):
        assert region.waits_for(other) == ()
    assert "directorate" in mailed(region)
    region.answer("directorate", number, line.seq, answer="accepted")
    assert region.waits_for("directorate") == ()


def test_a_known_school_is_asked_first_and_told_apart(region: Region) -> None:
    asked_for(region, NEAR)
    assert region.waits_for("directorate") == ()
    assert not region.waits_for(f"head {NEAR}")[0].is_unknown


def test_a_case_is_not_transferred_to_its_own_school(region: Region) -> None:
    with pytest.raises(BadInput) as raised:
        asked_for(region, "00000A")
    assert raised.value.problems == {"receiving_school": ("school_own_transfer",)}


@pytest.mark.exhaustive
def test_reading_a_request_is_written_down(region: Region) -> None:
    number = asked_for(region, FAR)
    (line,) = region.waits_for(f"head {FAR}")
    region.request(f"head {FAR}", number, line.seq)
    with region.school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, number) or ""
        reader = region.person(f"head {FAR}").id
        read = [one.what for one in access_log.access_of_case(session, case_id, limit=5) if one.account == reader]
    assert read == [f"request.{line.seq}"]


def test_whoever_is_of_another_realm_finds_no_request_and_has_read_none(region: Region) -> None:
    """The same account, as it acts in a workshop."""
    ctx, number, head = region.school.ctx, asked_for(region, NEAR), region.person(f"head {NEAR}")
    (line,) = region.waits_for(f"head {NEAR}")
    region.request(f"head {NEAR}", number, line.seq)
    elsewhere = replace(head, realm="workshop")
    assert sharing.read_before(ctx, head, number, line.seq)
    assert not sharing.read_before(ctx, elsewhere, number, line.seq)
    assert sharing.waiting_for(ctx, elsewhere) == ()
    with pytest.raises(Unseen):
        sharing.see_request(ctx, elsewhere, number, line.seq)


@pytest.mark.exhaustive
def test_a_danger_raised_at_the_former_school_is_raised_where_the_case_goes_on(region: Region) -> None:
    number = asked_for(region, FAR)
    (line,) = region.waits_for(f"head {FAR}")
    region.answer(f"head {FAR}", number, line.seq, answer="accepted")
    region.school.move("head", "transfer", reason="z")
    successor = seen(region, "head", number).successor
    done = region.school.act("head", "raise_danger", which_danger="self_harm")
    assert done.number == successor
    assert seen(region, f"head {FAR}", str(successor)).head.live_dangers


# ---- contributions ---------------------------------------------------------------------------------------------------

QUESTION = "Des élèves de votre établissement administrent-ils le groupe où circulent les photos ?"


def leading(region: Region, code: str, **more: Any) -> int:
    """A case that asks that school to contribute; the number of the entry."""
    school = region.school
    school.report()
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    answers = {"school": code, "adult_concerned": "no", "asked": QUESTION, **more}
    return school.act("directorate", "ask_contribution", answers).seq


def opened(region: Region, seq: int) -> str:
    (line,) = [one for one in seen(region, "head", region.school.number).contributions if one.seq == seq]
    return line.number


def test_within_one_province_the_directorate_opens_it_at_once(region: Region) -> None:
    seq = leading(region, NEAR)
    number = opened(region, seq)
    there = seen(region, f"head {NEAR}", number)
    assert there.contributes
    assert there.head.state.key == "report_received"
    assert there.people == ()
    said = [event.detail for event in there.chronology.events if event.kind == "case_joined"]
    assert [list(one["handover"].values()) for one in said] == [[QUESTION]]
    assert not shut(region, f"team_member {NEAR}", number)
    assert not shut(region, "directorate", number), "the directorate sees both"


@pytest.mark.exhaustive
@pytest.mark.parametrize("code", [FAR, ABROAD])
def test_elsewhere_the_other_directorate_agrees_first(region: Region, code: str) -> None:
    seq, lead = leading(region, code), region.school.number
    (line,) = seen(region, "head", lead).contributions
    assert (line.state, line.number) == ("waits", "")
    (asked,) = region.waits_for(DISTANCES[code])
    assert region.waits_for(f"head {code}") == region.waits_for(OTHERS[code]) == region.waits_for("directorate") == ()
    assert not asked.is_transfer
    with pytest.raises(Refused):
        region.school.act("directorate", "answer_contribution", request=str(seq), answer="accepted")
    region.answer(DISTANCES[code], lead, asked.seq, answer="accepted")
    number = opened(region, seq)
    assert seen(region, f"head {code}", number).contributes
    assert not shut(region, DISTANCES[code], number)
    assert shut(region, "directorate", number), "the directorate of the school that leads does not see the other's case"
    assert shut(region, DISTANCES[code], lead)


@pytest.mark.exhaustive
def test_the_contributing_school_sees_nothing_of_the_case_that_leads(region: Region) -> None:
    seq = leading(region, NEAR)
    lead, number = region.school.number, opened(region, seq)
    for who in (f"head {NEAR}", f"team_member {NEAR}", f"team_coordinator {NEAR}"):
        assert shut(region, who, lead)
        shown = str(seen(region, who, number))
        assert NAME not in shown
        assert WORDS not in shown
        with pytest.raises(Unseen):
            region.act(who, lead, "note", text="x")
        with pytest.raises(Unseen):
            sharing.see_contribution(region.school.ctx, region.person(who), lead, seq)
        desk = see_desk(region.school.ctx, region.person(who))
        assert lead not in {line.number for line in desk.lines}


OWN = "Salma Idrissi"
ADULT = "staff_concerned"
"""A danger that opens a case to those above alone."""


def told_by(region: Region, number: str) -> None:
    """Their own team records something about their own pupils."""
    who = f"team_coordinator {NEAR}"
    region.act(who, number, "add_person", persons=[{"slot": "pupil_concerned", "name": OWN}])
    region.act(who, number, "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    region.act(who, number, "note", text=f"{OWN} administre le groupe.")


@pytest.mark.exhaustive
def test_the_case_that_leads_reads_signs_state_and_ticked_answers_and_no_name(region: Region) -> None:
    seq = leading(region, NEAR)
    lead, number = region.school.number, opened(region, seq)
    told_by(region, number)
    for who in ("team_coordinator", "head", "directorate"):
        view = sharing.see_contribution(region.school.ctx, region.person(who), lead, seq)
        shown = str(view)
        assert OWN not in shown
        assert "administre" not in shown
        assert [sign for sign, _slot in view.people] == ["EC1"]
        assert any(one.record.answers.get("safe_now") == "yes" for one in view.told)
    assert shut(region, "team_coordinator", number)
    assert shut(region, "head", number)
    with region.school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, number) or ""
        rows = access_log.access_of_case(session, case_id, limit=20)
    readers = {one.account for one in rows if one.what == f"contribution.{seq}"}
    assert region.school.account("head") in readers, "their case knows who read of it"


@pytest.mark.exhaustive
def test_what_a_restricted_case_tells_is_not_for_the_school_that_leads(region: Region) -> None:
    seq = leading(region, NEAR)
    lead, number = region.school.number, opened(region, seq)
    region.act(f"head {NEAR}", number, "raise_danger", which_danger=ADULT)
    (line,) = seen(region, "head", lead).contributions
    assert (line.standing, line.level, line.moved_at, line.number) == (None, None, None, "")
    with pytest.raises(Unseen):
        sharing.see_contribution(region.school.ctx, region.person("head"), lead, seq)


@pytest.mark.exhaustive
@pytest.mark.parametrize("code", [NEAR, FAR])
def test_where_an_adult_of_the_other_school_is_concerned_its_directorate_alone_opens_the_case(
    region: Region, code: str
) -> None:
    region.reach("directorate")
    seq, lead, above = leading(region, code, adult_concerned="yes"), region.school.number, DISTANCES[code]
    told = mailed(region)
    if code == FAR:
        region.answer(above, lead, seq, answer="accepted")
        told |= mailed(region)
    assert above.replace(" ", ".").lower() in told
    for role in ("head", "team_member", "team_coordinator"):
        assert f"{role}.{code.lower()}" not in told
        desk = see_desk(region.school.ctx, region.person(f"{role} {code}"))
        assert (desk.lines, desk.late, desk.today) == ((), 0, 0)
    (line,) = see_desk(region.school.ctx, region.person(above)).lines if code == FAR else _contributing(region)
    assert seen(region, above, line.number).contributes
    assert shut(region, f"head {code}", line.number)
    (shown,) = seen(region, "head", lead).contributions
    assert (shown.number, shown.standing) == ("", None)


def _contributing(region: Region) -> list[Any]:
    lines = see_desk(region.school.ctx, region.person("directorate")).lines
    return [one for one in lines if one.number != region.school.number]


@pytest.mark.exhaustive
def test_closing_asks_what_became_of_each_contribution(region: Region) -> None:
    seq = leading(region, NEAR)
    lead = region.school.number
    assert _facts(region, lead)["open_contributions"] == 1
    region.school.act("head", "head_visa", decision="given")
    codes = {reason.need for reason in _refusal(lambda: region.school.move("team_coordinator", "dismiss", reason="x"))}
    assert "contributions_settled" in codes
    region.school.act("team_coordinator", "settle_contribution", request=str(seq), outcome="received")
    assert _facts(region, lead)["open_contributions"] == 0
    with pytest.raises(Refused):
        region.school.act("team_coordinator", "settle_contribution", request=str(seq), outcome="received")
    (line,) = seen(region, "head", lead).contributions
    assert line.state == "settled"
    assert line.outcome is not None
    assert line.outcome.key == "received"


@pytest.mark.parametrize(("code", "asked", "problems"), [
    ("00000A", QUESTION, {"school": ("school_own",)}),
    ("09999Z", QUESTION, {"school": ("school_not_here",)}),
    (NEAR, f"{NAME} est-elle chez vous ?", {"asked": (f"names:{NAME}:[EV1]",)}),
])  # fmt: skip
def test_only_another_school_of_ours_is_asked_and_about_nobody_by_name(
    region: Region, code: str, asked: str, problems: dict[str, tuple[str, ...]]
) -> None:
    with pytest.raises(BadInput) as raised:
        leading(region, code, asked=asked)
    assert dict(raised.value.problems).keys() == problems.keys()


@pytest.mark.exhaustive
def test_one_school_is_asked_once_at_a_time_and_the_team_asks_nobody(region: Region) -> None:
    leading(region, NEAR)
    with pytest.raises(BadInput) as raised:
        region.school.act("directorate", "ask_contribution", school=NEAR, adult_concerned="no", asked=QUESTION)
    assert raised.value.problems == {"school": ("school_asked",)}
    for who in ("team_coordinator", "head", "academy"):
        with pytest.raises(Refused):
            region.school.act(who, "ask_contribution", school=FAR, adult_concerned="no", asked=QUESTION)


@pytest.mark.exhaustive
def test_a_sign_of_the_case_that_leads_names_nobody_there(region: Region) -> None:
    region.school.report()
    seq = region.school.act(
        "directorate", "ask_contribution", school=NEAR, adult_concerned="no", asked="Qui a écrit à [EV1] ?"
    ).seq
    there = seen(region, f"head {NEAR}", opened(region, seq))
    (said,) = [event.detail["handover"] for event in there.chronology.events if event.kind == "case_joined"]
    assert list(said.values()) == ["Qui a écrit à EV1 ?"]


@pytest.mark.exhaustive
def test_pressed_twice_one_case_is_opened(region: Region) -> None:
    region.school.report()
    for _time in range(2):
        region.school.act(
            "directorate", "ask_contribution", school=NEAR, adult_concerned="no", asked=QUESTION, token="the same"
        )
    desk = see_desk(region.school.ctx, region.person(f"head {NEAR}"))
    assert len(desk.lines) == 1


# ---- who answers, once -----------------------------------------------------------------------------------------------


def named(region: Region, account: str, **more: Any) -> None:
    region.school.act("directorate", "name_seat", seat="receiver", account=account, **more)


@pytest.mark.exhaustive
def test_nobody_of_the_senders_side_is_named_to_answer_for_another_academy(region: Region) -> None:
    asked_for(region, ABROAD)
    own = region.school.account("team_member/2")
    named(region, own)
    assert region.waits_for("team_member/2") == ()
    with pytest.raises(Refused):
        region.school.act("team_member/2", "accept_transfer", answer="accepted")
    assert not _facts(region, region.school.number)["receiver_accepts"]


@pytest.mark.exhaustive
def test_whoever_is_named_at_one_school_does_not_answer_for_the_next(region: Region) -> None:
    number = asked_for(region, NEAR)
    named(region, region.actors[f"team_member {NEAR}"].id)
    (line,) = region.waits_for(f"team_member {NEAR}")
    later = region.school.act("head", "transfer", receiving_school=ABROAD, summary=SUMMARY, measures="x").seq
    assert region.waits_for(f"team_member {NEAR}") == ()
    for seq in (line.seq, later):
        with pytest.raises(Unseen):
            region.request(f"team_member {NEAR}", number, seq)


def test_whoever_is_named_there_finds_the_request_and_answers_as_long_as_they_are_named(region: Region) -> None:
    number = asked_for(region, NEAR)
    member = f"team_member {NEAR}"
    assert not sharing.may_answer(region.school.ctx, region.person(member))
    until = (region.school.ctx.now() + timedelta(days=1)).date().isoformat()
    named(region, region.actors[member].id, until=until)
    assert sharing.may_answer(region.school.ctx, region.person(member))
    (line,) = region.waits_for(member)
    region.wait(days=2)
    assert region.waits_for(member) == ()
    with pytest.raises(Unseen):
        region.request(member, number, line.seq)
    named(region, region.actors[member].id)
    region.answer(member, number, line.seq, answer="accepted")
    assert _facts(region, number)["receiver_accepts"]
    assert shut(region, member, number)


# ---- names, signs, and what a refusal tells --------------------------------------------------------------------------


def test_whoever_sees_nothing_of_a_case_learns_no_name_by_typing_one(region: Region) -> None:
    seq, lead = leading(region, FAR), region.school.number
    reach = "Appelez le 0612345678."
    with pytest.raises(BadInput):
        region.answer("directorate P2", lead, seq, answer="refused", reason=reach)
    region.answer("directorate P2", lead, seq, answer="refused", reason=f"{NAME} n'est pas chez nous.")
    for who in ("head", "directorate"):
        (line,) = seen(region, who, lead).contributions
        assert (line.state, line.reason, line.number) == ("refused", "[EV1] n'est pas chez nous.", "")
    assert _facts(region, lead)["open_contributions"] == 0, "it holds nothing up"
    events = seen(region, "directorate", lead).chronology.events
    assert NAME not in str([one.record.answers for one in events if one.record])


@pytest.mark.exhaustive
def test_a_directorate_that_asked_reads_why_a_transfer_was_refused(region: Region) -> None:
    school = region.school
    school.report()
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    school.act("directorate", "transfer", receiving_school=FAR, summary="Harcèlement en ligne.", measures="x")
    (line,) = region.waits_for(f"head {FAR}")
    region.answer(f"head {FAR}", school.number, line.seq, answer="refused", reason=f"Pas de place pour {NAME}.")
    said = {}
    for who in ("directorate", "head"):
        events = seen(region, who, school.number).chronology.events
        (said[who],) = [
            one.record.answers["reason"] for one in events if one.record and one.record.act.key == "accept_transfer"
        ]
    assert said == {"directorate": "Pas de place pour [EV1].", "head": f"Pas de place pour {NAME}."}


def test_signs_of_the_case_that_is_handed_over_point_at_nobody_there(region: Region) -> None:
    school = region.school
    school.report()
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    school.act("head", "transfer", receiving_school=FAR, summary="[EV1] a besoin d'aide.", measures="[EC1] est loin.")
    (line,) = region.waits_for(f"head {FAR}")
    region.answer(f"head {FAR}", school.number, line.seq, answer="accepted")
    school.move("head", "transfer", reason="x")
    there = seen(region, f"head {FAR}", seen(region, "head", school.number).successor or "")
    (said,) = [one.detail["handover"] for one in there.chronology.events if one.kind == "case_joined"]
    assert set(said.values()) == {"EV1 a besoin d'aide.", "EC1 est loin."}


# ---- what a contribution tells, and where it goes on -----------------------------------------------------------------


def test_family_matters_of_the_other_schools_pupils_are_not_for_the_team_that_leads(region: Region) -> None:
    seq = leading(region, NEAR)
    lead, number = region.school.number, opened(region, seq)
    told_by(region, number)
    who = f"team_coordinator {NEAR}"
    region.act(who, number, "add_person", persons=[{"slot": "guardian", "name": "Mme Idrissi"}])
    region.act(who, number, "guardian_hold", guardian="guardian-1", reason="home_danger", words="x")
    view = sharing.see_contribution(region.school.ctx, region.person("team_coordinator"), lead, seq)
    told = {one.record.act.key for one in view.told}
    assert "safety_check" in told
    assert told.isdisjoint({"guardian_hold", "add_person", "note"})


@pytest.mark.exhaustive
def test_a_case_that_asked_is_not_joined_to_another_before_its_contributions_are_settled(region: Region) -> None:
    school = region.school
    school.report()
    first = school.number
    school.report()
    school.act("team_coordinator", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    seq = school.act("directorate", "ask_contribution", school=FAR, adult_concerned="no", asked=QUESTION).seq
    named_ = school.act("team_coordinator", "name_joined", other=first, reason="Même élève")
    school.act("head", "signature", record=str(named_.seq))
    needs = {one.need for one in _refusal(lambda: school.move("team_coordinator", "join", reason="x"))}
    assert needs == {"contributions_settled"}
    assert region.waits_for("directorate P2")
    school.act("team_coordinator", "settle_contribution", request=str(seq), outcome="unanswered")
    school.move("team_coordinator", "join", reason="x")


def test_a_closed_case_does_not_go_back_to_its_end_over_an_open_contribution(region: Region) -> None:
    school = region.school
    Keeping(school).ended("no_further_action")
    school.act("head", "raise_danger", which_danger="self_harm")
    seq = school.act("directorate", "ask_contribution", school=FAR, adult_concerned="no", asked=QUESTION).seq
    needs = {one.need for one in _refusal(lambda: school.move("head", "return_after_lift"))}
    assert "nothing_asked_after_end" in needs
    school.act("head", "settle_contribution", request=str(seq), outcome="unanswered")
    needs = {one.need for one in _refusal(lambda: school.move("head", "return_after_lift"))}
    assert "nothing_asked_after_end" not in needs


def test_a_contribution_that_is_handed_over_goes_on_contributing_and_counts_with_the_case_that_leads(
    region: Region,
) -> None:
    seq = leading(region, NEAR)
    school, lead, number, head = region.school, region.school.number, "", f"head {NEAR}"
    number = opened(region, seq)
    region.person(head)
    school.number = number
    school.act(head, "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    school.act(head, "transfer", receiving_school=FAR, summary="x", measures="x")
    (line,) = region.waits_for(f"head {FAR}")
    region.answer(f"head {FAR}", number, line.seq, answer="accepted")
    school.move(head, "transfer", reason="x")
    successor = seen(region, head, number).successor or ""
    there = seen(region, f"head {FAR}", successor)
    assert (there.contributes, there.opened_from, there.joined) == (True, lead, (number,))
    assert {school.player.school, region.units[NEAR], region.units[FAR]} & known(region, successor) == {
        school.player.school, region.units[NEAR],
    }  # fmt: skip
    school.number = lead
    (told,) = seen(region, "head", lead).contributions
    assert (told.number, told.standing.key if told.standing else "") == (successor, "report_qualified")
    assert cases_counted(region) == 1
    sharing.see_contribution(school.ctx, region.person("head"), lead, seq)
    region.act(f"head {FAR}", successor, "raise_danger", which_danger=ADULT)
    (told,) = seen(region, "head", lead).contributions
    assert (told.number, told.standing) == ("", None)


# ---- rows and messages -----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("09999Z",))
@pytest.mark.parametrize("code", [FAR, ABROAD, "09999Z"])
def test_rows_made_anew_are_the_same(region: Region, code: str) -> None:
    for make in (asked_for, leading) if code in region.units else (asked_for,):
        make(region, code)
        with region.school.ctx.realm.writing() as session:
            case_id = cases_repository.find_by_number(session, region.school.number) or ""
            before = lookup_repository.requests_of_case(session, case_id)
            index_repository.remove(session, case_id)
            reindex(region.school.ctx, session, case_id)
            assert lookup_repository.requests_of_case(session, case_id) == before != ()


def cases_counted(region: Region) -> int:
    """Of every academy, by its own counters."""
    ctx, total = region.school.ctx, 0
    with ctx.directory.reading() as session:
        academies = auth_repository.units_of_kind(session, UnitKind.region)
    for one in academies:
        month = Period(("2026-11",))
        found = counts.counted(ctx, "ma-cyberharassment", one.id, month)
        total += found.at((TOTALS, CASES), one.id)
    return total


@pytest.mark.exhaustive
@pytest.mark.parametrize("code", [FAR, ABROAD])
def test_a_case_handed_over_counts_once_and_a_contribution_with_the_case_that_leads(region: Region, code: str) -> None:
    number = asked_for(region, code)
    assert cases_counted(region) == 1
    (line,) = region.waits_for(f"head {code}")
    region.answer(f"head {code}", number, line.seq, answer="accepted")
    region.school.move("head", "transfer", reason="x")
    assert cases_counted(region) == 1
    leading(region, NEAR)
    assert cases_counted(region) == 2


def mailed(region: Region, hours: int = 24) -> set[str]:
    """Whom messages reach within that time, by the part of the address that says who it is."""
    recorder = Recorder()
    for _hour in range(hours):
        sweep(region.school.ctx, Post(recorder, None))
        region.wait(hours=1)
    return {to.partition("@")[0] for to, _letter in recorder.sent}


def test_whoever_is_asked_gets_a_message_and_nobody_else_there(region: Region) -> None:
    asked_for(region, FAR)
    there = {who for who in mailed(region) if FAR.lower() in who or "p2" in who or "p3" in who}
    assert there == {f"head.{FAR.lower()}", "directorate.p2"}, "the head, and once their time is over who is above"


def test_the_receiving_directorate_is_told_once_its_turn_has_come_and_the_senders_is_not(region: Region) -> None:
    region.reach("directorate")
    asked_for(region, FAR)
    mailed(region, hours=1)
    assert region.waits_for("directorate P2") == ()
    told = mailed(region)
    assert region.waits_for("directorate P2")
    assert "directorate.p2" in told
    assert {"directorate", "directorate.p3", "academy.r2"}.isdisjoint(told)


@pytest.mark.exhaustive
def test_the_other_directorate_is_told_of_a_contribution_that_waits_for_it(region: Region) -> None:
    leading(region, FAR)
    assert {who for who in mailed(region) if FAR.lower() in who or "p2" in who or "p3" in who} == {"directorate.p2"}
    (asked,) = region.waits_for("directorate P2")
    region.answer("directorate P2", region.school.number, asked.seq, answer="accepted")
    assert f"head.{FAR.lower()}" in mailed(region)


@pytest.mark.exhaustive
def test_the_school_whose_case_opens_at_once_is_told(region: Region) -> None:
    leading(region, NEAR)
    assert f"head.{NEAR.lower()}" in mailed(region)


@pytest.mark.exhaustive
def test_whoever_asked_is_told_of_the_answer(region: Region) -> None:
    region.reach("head")
    number = asked_for(region, FAR)
    mailed(region)
    (line,) = region.waits_for(f"head {FAR}")
    region.answer(f"head {FAR}", number, line.seq, answer="refused", reason="x")
    assert "head" in mailed(region)


# ---- taking over, reopening, erasure ---------------------------------------------------------------------------------


def test_who_took_over_still_opens_a_restricted_case_and_shuts_out(region: Region) -> None:
    school = region.school
    school.report("team_member/2", adult_concerned="yes")
    school.act("directorate", "name_seat", seat="acting_head", account=school.account("directorate"))
    school.act("directorate", "name_seat", seat="lead", account=school.account("team_member"))
    assert school.is_seen_by("team_member"), "whom they name reads it"
    school.report("team_member")
    school.act("directorate", "name_seat", seat="acting_head", account=school.account("directorate"))
    school.act("directorate", "conflict", account=school.account("team_coordinator"), reason="named_in_case")
    assert not school.is_seen_by("team_coordinator"), "whom they shut out does not"


@pytest.mark.exhaustive
def test_a_head_who_is_not_implicated_is_told_that_somebody_acts_for_them(region: Region) -> None:
    school = region.school
    school.report("team_member/2")
    school.seen_by("team_coordinator")
    mailed(region)
    region.reach("head")
    school.act("directorate", "name_seat", seat="lead", account=school.account("team_member"))
    assert "head" not in mailed(region)
    school.act("directorate", "name_seat", seat="acting_head", account=school.account("directorate"))
    assert "head" in mailed(region)


def test_the_directorate_reopens_itself_what_it_asked_for(region: Region) -> None:
    Keeping(region.school).ended("no_further_action")
    for who in ("team_coordinator", "head"):
        region.reach(who)
    mailed(region)
    region.school.act("directorate", "ask_reopening", reason="Un second signalement vise le même compte.")
    assert mailed(region) >= {"team_coordinator", "head"}
    region.school.move("directorate", "reopen_dismissed")
    assert region.school.seen_by("head").head.state.key == "report_qualified"


def test_the_team_asks_nobody_to_reopen(region: Region) -> None:
    Keeping(region.school).ended("closed", 2)
    for who in ("team_member", "team_coordinator", "head", "data_officer"):
        with pytest.raises((Refused, Unseen)):
            region.school.act(who, "ask_reopening", reason="x")


def _refusal(press: Callable[[], object]) -> tuple[Reason, ...]:
    with pytest.raises(Refused) as raised:
        press()
    return raised.value.reasons


def _facts(region: Region, number: str) -> Facts:
    with region.school.ctx.realm.reading() as session:
        return load(region.school.ctx, session, region.person("head"), number).facts
