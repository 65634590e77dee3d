"""What each person sees of a case: 5.3 and 5.8 of the protocol, through the very use cases that pages call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from engine.telling import NOW, REPORT
from sqlalchemy import select

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_service
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.intake import open_case, raise_from_receipt, see_receipt
from school_protocol.cases.lists import find_by_number, find_by_pupil, see_desk, see_week
from school_protocol.cases.loading import load, roles_by_door
from school_protocol.cases.service import make_move, record_act
from school_protocol.cases.showing import (
    see_act,
    see_case,
    see_chronology,
    see_danger,
    see_move,
    see_record,
    see_tasks,
    what_is_new,
)
from school_protocol.engine.case_parts import Door
from school_protocol.engine.errors import BadInput, Conflict, Refused, Unseen
from school_protocol.engine.visibility import Actor, Appointment, UnitKind
from school_protocol.storage import access_log
from school_protocol.storage.models import EventRow
from services.conftest import MASSAR, NAME, School
from services.disclosure import told

HEARD = {
    "held_on": "2026-11-25", "child_view": "given", "place": "quiet_office", "information_given": "yes",
    "account": "Ce que l’élève visée a dit", "wishes": "Que ça s’arrête",
}  # fmt: skip
CALLED = {"target": "rescue", "covers": ["self_harm"], "channel": "call", "sent_at": NOW.isoformat()}
CONCERNED = {"mode": "factual", "age_at_facts": "14", "observed": "Ce que l’autre a dit"}


def everything(school: School, who: str) -> str:
    """Every page that this person can open about the case."""
    ctx, actor, number = school.ctx, school.person(who), school.number
    pages: list[Any] = [see_case(ctx, actor, number), see_chronology(ctx, actor, number)]
    pages += [what_is_new(ctx, actor, number, 0)]
    with suppress(Unseen):
        pages += [see_danger(ctx, actor, number)]
    records = [event.record for event in pages[0].chronology.events if event.record is not None]
    pages += [see_record(ctx, actor, number, record.seq) for record in records]
    for act in ("listening_target", "inform_guardian", "note"):
        with suppress(Unseen):
            pages += [see_act(ctx, actor, number, act)]
    return told(pages)


def listened(school: School) -> None:
    """A case in which both sides were heard."""
    school.report()
    school.act("team_coordinator", "listening_target", HEARD, listener=school.account("team_coordinator"))
    school.act("team_coordinator", "interview_concerned", CONCERNED)
    school.act("head", "note", text="Une note avec le nom de Yasmine Benali")


# ---- by role -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["directorate", "academy"])
def test_supervisors_see_neither_names_nor_words(school: School, who: str) -> None:
    listened(school)
    school.act("head", "transfer", summary="Résumé qui nomme Yasmine")
    view = school.seen_by(who)
    assert view.head.pseudonymised
    people = {(person.label, person.name, tuple(person.identity)) for person in view.people}
    assert people == {("EV1", None, ()), ("EC1", None, ())}
    shown = everything(school, who)
    for hidden in ("Yasmine", "Benali", "Omar", MASSAR, "la ferme", "élève visée a dit", "l’autre a dit", "nom de"):
        assert hidden not in shown, hidden
    assert "quiet_office" in shown, "the structured answers are there"


def test_taking_over_identifies_and_only_the_one_who_took_over(school: School) -> None:
    listened(school)
    school.act("directorate", "name_seat", seat="acting_head", account=school.account("directorate"))
    assert NAME in everything(school, "directorate")
    assert NAME not in everything(school, "directorate/2")


def test_what_is_due_about_pupils_names_the_signs_of_all_of_them(school: School) -> None:
    school.report()
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    school.move("head", "qualify")
    school.act("team_member", "add_person", persons=[{"slot": "witness", "name": "Sara"}])
    (line,) = [one for one in school.seen_by("team_member").duties if one.duty.key == "hear_others"]
    assert (line.state, line.subject) == ("due", "EC1 · T1")
    school.act("team_member", "others_not_heard", reason="left", who=["pupil_concerned-1"])
    (line,) = [one for one in school.seen_by("team_member").duties if one.duty.key == "hear_others"]
    assert line.subject == "T1"


def test_a_team_member_sees_what_the_whole_team_sees_and_what_is_assigned(school: School) -> None:
    school.report("team_coordinator")
    assert school.is_seen_by("team_member"), "a report that came in"
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    school.move("head", "qualify")
    assert school.is_seen_by("team_member"), "a qualified one"
    school.act("team_coordinator", "name_seat", seat="lead", account=school.account("team_member"))
    school.move("team_coordinator", "assign")
    assert school.is_seen_by("team_member"), "the lead"
    assert not school.is_seen_by("team_member/2"), "not the rest of the team"
    school.act("head", "raise_danger", which_danger="self_harm")
    assert school.is_seen_by("team_member/2"), "in an emergency the whole team"


@pytest.mark.parametrize(
    "who",
    [
        "reporter",
        "psychosocial",
        "trainer",
        "workshop_participant",
        "protocol_admin",
        "technical_admin",
    ],
)
def test_these_see_no_case(school: School, who: str) -> None:
    school.report()
    assert not school.is_seen_by(who)
    assert see_desk(school.ctx, school.person(who)).lines == ()


RIGHTS = {"stage": "asked", "request": "access", "requester": "Un oncle", "identity_checked": True}


def test_the_data_officer_answers_a_request_even_where_the_head_may_not_read(school: School) -> None:
    school.report(adult_concerned="yes")
    assert not school.is_seen_by("head")
    assert not school.is_seen_by("data_officer"), "one of the school does not know of it"
    with school.ctx.directory.writing() as session:
        province = auth_repository.unit(session, school.player.school).parents[0]
        auth_repository.appoint(
            session, school.account("data_officer"), role="data_officer", unit=province, starts=date(2020, 1, 1)
        )
        officer = sign_in_service.actor_of(school.ctx, school.account("data_officer"), session)
    assert officer is not None
    school.player.actors["data_officer"] = officer
    seq = school.act("data_officer", "rights_request", RIGHTS).seq
    _head, record = see_record(school.ctx, school.person("data_officer"), school.number, seq)
    assert record.answers["requester"] == "Un oncle"
    assert [line.deadline.key for line in school.seen_by("data_officer").dues] == ["rights_answer"]
    with school.ctx.realm.reading() as session:
        seeing = Seeing(load(school.ctx, session, school.person("data_officer"), school.number), {})
    own = {key for key, deadline in seeing.protocol.deadlines.items() if seeing._is_for_reader(deadline)}
    assert own == {"rights_answer"}
    with pytest.raises(Refused):
        school.act("data_officer", "note", text="x")


def test_what_was_opened_in_an_emergency_is_read_in_that_role_and_as_long_as_it_is_held(school: School) -> None:
    school.report()
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("academy"), school.number)
    assert roles_by_door(loaded) == ()
    loaded.door = Door(9, loaded.actor.id, "academy", NOW, NOW + timedelta(hours=4), review_by=NOW)
    assert roles_by_door(loaded) == ("academy",)
    loaded.actor = replace(loaded.actor, appointments=())
    assert roles_by_door(loaded) == ()


def test_finding_a_case_by_its_pupil_is_a_reading(school: School) -> None:
    school.report()
    head = school.person("head")
    assert find_by_pupil(school.ctx, head, "nobody of that name") == ()
    assert len(find_by_pupil(school.ctx, head, NAME)) == 1
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        noted = [(one.account, one.what) for one in access_log.access_of_case(session, case_id, limit=9)]
    assert noted == [(head.id, "search")]


# ---- restricted, excluded ------------------------------------------------------------------------------------------


def test_a_report_about_an_adult_opens_to_the_directorate_alone(school: School) -> None:
    opened = school.report("team_member", adult_concerned="yes")
    assert not opened.may_see
    seen = {
        who: school.is_seen_by(who) for who in ("team_member", "team_coordinator", "head", "academy", "directorate")
    }
    assert seen == {
        "team_member": False,
        "team_coordinator": False,
        "head": False,
        "academy": False,
        "directorate": True,
    }
    assert school.seen_by("directorate").head.restricted


def test_the_directorate_names_who_else_reads_it(school: School) -> None:
    school.report(adult_concerned="yes")
    school.act("directorate", "name_seat", seat="lead", account=school.account("team_member"))
    assert school.is_seen_by("team_member")
    assert not school.is_seen_by("team_coordinator")


def test_an_excluded_head_gets_nothing_not_even_a_count(school: School) -> None:
    school.report("team_member", must_not_read=[school.account("head")])
    head = school.person("head")
    assert not school.is_seen_by("head")
    desk = see_desk(school.ctx, head)
    assert (desk.lines, desk.late, desk.today, desk.receipts) == ((), 0, 0, ())
    assert find_by_pupil(school.ctx, head, NAME) == ()
    with pytest.raises(Unseen):
        find_by_number(school.ctx, head, school.number)
    assert school.is_seen_by("head/2")


def test_stepping_aside_ends_all_sight_at_once(school: School) -> None:
    school.report()
    assert school.is_seen_by("team_coordinator")
    school.act("team_coordinator", "conflict", reason="close_relative")
    assert not school.is_seen_by("team_coordinator")


@pytest.mark.parametrize("number", ["", "0", "1234567890123", "٣", "'; --", "9" * 500])
def test_what_may_not_be_seen_does_not_exist(school: School, number: str) -> None:
    """The same answer, from every door, for somebody else's case and for one that nobody opened."""
    school.report()
    reporter = school.person("reporter")
    for asked in (school.number, number):
        for door in doors(school, reporter, asked):
            with pytest.raises(Unseen):
                door()


def doors(school: School, who: Actor, number: str) -> list[Callable[[], object]]:
    """Every way to a case that is known by its number."""
    ctx = school.ctx
    return [
        lambda: see_case(ctx, who, number),
        lambda: see_chronology(ctx, who, number),
        lambda: see_record(ctx, who, number, 2),
        lambda: see_act(ctx, who, number, "note"),
        lambda: see_move(ctx, who, number, "qualify"),
        lambda: see_danger(ctx, who, number),
        lambda: record_act(ctx, who, number, "note", {"text": "x"}, expected=None, token=school.token()),
        lambda: make_move(ctx, who, number, "qualify", expected=None, token=school.token()),
    ]


def test_a_record_that_is_not_there_is_unseen(school: School) -> None:
    school.report()
    with pytest.raises(Unseen):
        see_record(school.ctx, school.person("head"), school.number, 99)


# ---- the reporter --------------------------------------------------------------------------------------------------


def test_a_reporter_gets_a_receipt_and_nothing_else(school: School) -> None:
    opened = school.report("reporter")
    reporter = school.person("reporter")
    assert not opened.may_see
    receipt = see_receipt(school.ctx, reporter, opened.report)
    assert receipt.state == "received"
    assert NAME not in told(receipt)
    assert school.number not in told(receipt)
    assert [line.report for line in see_desk(school.ctx, reporter).receipts] == [opened.report]
    with pytest.raises(Unseen):
        see_receipt(school.ctx, school.person("reporter/2"), opened.report)


def test_the_receipt_says_that_it_is_looked_after(school: School) -> None:
    opened = school.report("reporter")
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    school.move("head", "qualify")
    assert see_receipt(school.ctx, school.person("reporter"), opened.report).state == "received", "nobody opened it"
    see_case(school.ctx, school.person("head"), opened.number)
    assert see_receipt(school.ctx, school.person("reporter"), opened.report).state == "in_hand"


# ---- two people, two presses ---------------------------------------------------------------------------------------


def test_a_receipt_tells_who_was_excluded_since_nothing_of_what_became_of_it(school: School) -> None:
    opened = school.report("reporter")
    reporter = school.person("reporter")
    school.seen_by("head")
    assert see_receipt(school.ctx, reporter, opened.report).state == "in_hand"
    school.act("directorate", "conflict", account=school.account("reporter"), reason="named_in_case")
    assert see_receipt(school.ctx, reporter, opened.report).state == "received"
    assert see_desk(school.ctx, reporter).receipts[0].state == "received"


def test_a_press_with_the_same_token_records_once(school: School) -> None:
    school.report()
    one = school.act("head", "note", text="x", token="t")
    two = school.act("head", "note", text="x", token="t")
    assert (one.repeated, two.repeated, one.seq, school.last_seq()) == (False, True, two.seq, one.seq)


def test_a_report_pressed_twice_is_one_case(school: School) -> None:
    opened = [open_case(school.ctx, school.person("reporter"), "report", REPORT, token="t") for _press in range(2)]
    assert opened[0].number == opened[1].number
    assert [one.repeated for one in opened] == [False, True]


def test_a_token_is_ones_own(school: School) -> None:
    school.report()
    school.act("head", "note", text="x", token="t")
    assert not school.act("team_coordinator", "note", text="y", token="t").repeated


def test_a_refused_form_uses_no_token_up(school: School) -> None:
    school.report()
    with pytest.raises(BadInput):
        school.act("head", "note", text="  ", token="t")
    with pytest.raises(Refused):
        school.move("head", "qualify", token="u")
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    assert not school.act("head", "note", text="x", token="t").repeated
    assert not school.move("head", "qualify", token="u").repeated


def test_a_stale_form_is_a_conflict_and_shows_what_is_new(school: School) -> None:
    school.report()
    opened_at = school.seen_by("head").head.seq
    school.act("team_coordinator", "evidence", kind="none_found")
    before = school.last_seq()
    with pytest.raises(Conflict):
        school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me", expected=opened_at)
    with pytest.raises((Conflict, Refused)):
        school.move("head", "qualify", expected=opened_at)
    assert school.last_seq() == before
    new = what_is_new(school.ctx, school.person("head"), school.number, opened_at, act="safety_check")
    assert [event.kind for event in new.since][-1] == "evidence_registered"


def test_a_stale_move_is_a_conflict(school: School) -> None:
    school.report()
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    opened_at = school.seen_by("head").head.seq
    school.act("team_coordinator", "evidence", kind="none_found")
    with pytest.raises(Conflict):
        school.move("head", "qualify", expected=opened_at)


def test_a_colleague_who_only_reads_makes_no_conflict(school: School) -> None:
    school.report("reporter")
    opened_at = school.last_seq()
    school.seen_by("team_coordinator")
    assert school.last_seq() > opened_at, "the first reading of the team is an event"
    school.act("team_coordinator", "evidence", kind="none_found", expected=opened_at)


def test_a_danger_is_never_held_back_by_what_somebody_else_wrote(school: School) -> None:
    school.report()
    school.act("team_coordinator", "evidence", kind="none_found")
    assert school.act("head", "raise_danger", which_danger="self_harm", expected=1).raised


def test_a_danger_on_a_joined_case_is_raised_on_the_one_that_followed(school: School) -> None:
    school.report("team_coordinator")
    other = school.number
    school.report("team_coordinator")
    school.act("head", "name_joined", other=other, reason="Même élève")
    school.act("team_coordinator", "signature", record=str(school.last_seq()))
    joined = school.number
    school.move("head", "join", reason="Même élève")
    done = school.act("team_coordinator", "raise_danger", which_danger="self_harm")
    assert done.number == other
    school.number = other
    assert [line.danger.key for line in school.seen_by("head").head.live_dangers] == ["self_harm"]
    school.number = joined
    assert school.seen_by("head").head.live_dangers == ()


def test_a_reporters_danger_follows_the_case_too(school: School) -> None:
    school.report("team_coordinator")
    other = school.number
    opened = school.report("reporter")
    school.act("head", "name_joined", other=other, reason="Même élève")
    school.act("team_coordinator", "signature", record=str(school.last_seq()))
    school.move("head", "join", reason="Même élève")
    raise_from_receipt(school.ctx, school.person("reporter"), opened.report, "self_harm", token=school.token())
    assert school.seen_by("head").head.live_dangers == ()
    school.number = other
    assert [line.danger.key for line in school.seen_by("head").head.live_dangers] == ["self_harm"]


def test_a_transfer_that_was_never_asked_is_accepted_by_nobody(school: School) -> None:
    school.report()
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    with pytest.raises(Refused) as refused:
        school.act("directorate", "accept_transfer", answer="accepted")
    assert [one.code for one in refused.value.reasons] == ["transfer_answered"]
    with pytest.raises(Refused):
        school.move("head", "transfer", reason="Elle déménage")


# ---- the unseen ----------------------------------------------------------------------------------------------------


def test_the_first_reading_of_the_team_stops_the_clock_of_the_unseen(school: School) -> None:
    school.report("reporter")
    view = school.seen_by("head")
    assert "unseen" not in {line.deadline.key for line in view.dues}
    before = school.last_seq()
    school.seen_by("team_coordinator")
    assert school.last_seq() == before, "seen once is seen"
    school.act("team_member", "raise_danger", which_danger="self_harm")
    before = school.last_seq()
    school.seen_by("head")
    assert school.last_seq() == before + 1, "a danger must be seen anew"


# ---- search --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (NAME, True),
        ("  yasmine   BENALI ", True),
        (MASSAR, True),
        ("g123456789", True),
        ("Yasmine", False),
        ("Benali Yasmine", True),  # whichever comes first
        ("Omar T.", True),
        ("", False),
        ("%", False),
        ("Y" * 300, False),
    ],
)
def test_a_pupil_is_found_by_the_whole_name_or_code(school: School, typed: str, found: bool) -> None:
    school.report()
    lines = find_by_pupil(school.ctx, school.person("head"), typed)
    assert [line.number for line in lines] == ([school.number] if found else [])
    assert NAME not in told(lines), "a list names nobody"


def test_a_pupil_is_found_in_ones_own_school_only(school: School) -> None:
    school.report()
    with school.ctx.directory.writing() as session:
        province = auth_repository.unit(session, school.player.school).parents[0]
        other = auth_repository.add_unit(
            session, kind=UnitKind.school, code="00000B", names={"fr": "Autre"}, parent=province
        )
    player = school.player
    here, player.school = player.school, other
    neighbour = player.actor("head/9")
    player.school = here
    assert find_by_pupil(school.ctx, neighbour, NAME) == ()
    assert find_by_pupil(school.ctx, school.person("directorate"), NAME) == (), "no search across schools"
    with pytest.raises(Unseen):
        find_by_number(school.ctx, neighbour, school.number)


def test_a_number_is_found_as_it_is_said(school: School) -> None:
    school.report()
    spoken = " ".join(school.number[place : place + 4] for place in range(0, 13, 4))
    assert find_by_number(school.ctx, school.person("head"), f" {spoken} ") == school.number


def test_what_is_known_is_not_asked_again(school: School) -> None:
    """The only pupil that is meant, and whoever writes; as soon as there are two pupils, nobody is chosen ahead."""
    school.report()
    coordinator = school.person("team_coordinator")
    known = see_act(school.ctx, coordinator, school.number, "listening_target").prefill
    assert known == {"heard": "targeted_pupil-1", "listener": coordinator.id}
    school.act("team_coordinator", "add_person", persons=[{"slot": "targeted_pupil", "name": "Sara B."}])
    assert see_act(school.ctx, coordinator, school.number, "listening_target").prefill == {"listener": coordinator.id}


def test_a_danger_that_stands_is_ticked_in_the_safety_check_and_is_not_raised_anew(school: School) -> None:
    school.report()
    assert see_act(school.ctx, school.person("head"), school.number, "safety_check").prefill == {"dangers": []}
    school.act("head", "raise_danger", which_danger="self_harm")
    school.act("head", "referral", CALLED)
    known = see_act(school.ctx, school.person("head"), school.number, "safety_check").prefill
    assert known == {"dangers": ["self_harm"]}, "passed on, it stands all the same"
    school.act("head", "safety_check", **known, safe_now="yes", who_stays="me")
    (line,) = see_case(school.ctx, school.person("head"), school.number).dangers
    assert line.state == "referred"


def test_the_first_minutes_say_that_the_family_is_on_hold_until_two_have_decided(school: School) -> None:
    school.report()
    school.act("head", "raise_danger", which_danger="self_harm")
    assert see_danger(school.ctx, school.person("head"), school.number).holds == ()
    school.act("head", "raise_danger", which_danger="home_danger")
    for who, may_review in (("head", True), ("team_member", False)):
        page = see_danger(school.ctx, school.person(who), school.number)
        assert [hold.number for hold in page.holds] == [1]
        assert page.may_review is may_review
    kept = school.act("head", "hold_review", hold="1", decision="keep", reason="x")
    school.act("team_coordinator", "signature", record=str(kept.seq))
    school.act("directorate", "signature", record=str(kept.seq))
    assert see_danger(school.ctx, school.person("head"), school.number).holds == ()


def test_where_a_danger_opened_the_case_what_happened_is_asked_for_once(school: School) -> None:
    school.number = open_case(
        school.ctx, school.person("team_member"), "raise_danger", {"which_danger": "self_harm"}, token=school.token()
    ).number

    def then() -> list[str]:
        page = see_danger(school.ctx, school.person("team_member"), school.number)
        return [act.key for act in page.then_acts]

    assert then()[-1] == "report"
    school.act("team_member", "report", {**REPORT, "about_whom": []})
    assert "report" not in then()


def test_nobody_signs_that_no_danger_was_seen_while_one_is_ticked(school: School) -> None:
    school.report()
    with pytest.raises(BadInput) as refused:
        school.act("head", "safety_check", safe_now="yes", who_stays="me")
    assert dict(refused.value.problems) == {"none_seen": ("required",)}
    school.act("head", "safety_check", dangers=["blackmail"], none_seen=True, safe_now="yes", who_stays="me")
    record = see_case(school.ctx, school.person("head"), school.number).chronology.events
    (answers,) = [event.record.answers for event in record if event.record and "safe_now" in event.record.answers]
    assert "none_seen" not in answers


def test_a_danger_passed_on_stays_first_until_its_first_minutes_are_written_down(school: School) -> None:
    """Told by voice, safety checked, the written referral sent: only then is it a case like the others."""
    school.report()
    school.act("head", "raise_danger", which_danger="self_harm")

    def first() -> tuple[bool, int]:
        (line,) = see_desk(school.ctx, school.person("head")).lines
        return line.urgent, line.raised

    assert first() == (True, 1)
    school.act("head", "referral", CALLED)
    assert first() == (True, 0)
    school.act("head", "told_by_voice", who_was_told=["head"])
    assert first() == (True, 0)
    school.act("head", "safety_check", dangers=["self_harm"], safe_now="yes", who_stays="me")
    assert first() == (True, 0)
    school.act("head", "referral", {**CALLED, "target": "prosecutor", "channel": "letter"}, summary="x")
    assert first() == (False, 0)


def test_lists_tell_the_data_officer_nothing_of_dangers_and_dues(school: School) -> None:
    """Also where the same person holds another role elsewhere: each line is judged by what shows it."""
    school.report()
    school.act("head", "raise_danger", which_danger="blackmail")
    officer = school.person("data_officer")
    elsewhere = replace(
        officer, appointments=(*officer.appointments, Appointment("team_member", "x", date(2020, 1, 1)))
    )
    for who in (officer, elsewhere):
        week, (line,) = see_week(school.ctx, who), see_desk(school.ctx, who).lines
        assert (week.dangers, week.late, [day for day in week.days if day.dues]) == ((), (), [])
        assert (line.raised, line.next, line.due, line.due_at, line.whom) == (0, None, None, None, "")
        assert see_tasks(school.ctx, who, school.number).line == line
    week, (line,) = see_week(school.ctx, school.person("head")), see_desk(school.ctx, school.person("head")).lines
    assert (len(week.dangers), line.raised) == (1, 1)
    assert line.due is not None


# ---- read by whom ----------------------------------------------------------------------------------------------------


def test_a_supervisor_who_reads_is_not_the_team(school: School) -> None:
    """The receipt goes on saying that the team is told; and the team's own first reading is written down after it."""
    opened = school.report("reporter")
    reporter = school.person("reporter")
    school.seen_by("directorate")
    school.seen_by("academy")
    assert _readers(school) == ["directorate"]
    assert see_receipt(school.ctx, reporter, opened.report).state == "received"
    school.seen_by("head")
    school.seen_by("team_coordinator")
    school.seen_by("directorate")
    assert _readers(school) == ["directorate", "head"]
    assert see_receipt(school.ctx, reporter, opened.report).state == "in_hand"


def test_a_supervisor_who_holds_a_seat_of_the_team_is_of_it(school: School) -> None:
    opened = school.report("reporter")
    school.act("directorate", "name_seat", seat="acting_head", account=school.account("directorate"), reason="absence")
    school.seen_by("directorate")
    assert _readers(school) == ["acting_head"]
    assert see_receipt(school.ctx, school.person("reporter"), opened.report).state == "in_hand"


@pytest.mark.parametrize("office", ["protocol_admin", "data_officer", "technical_admin"])
def test_an_office_beside_it_makes_no_supervisor_one_of_the_team(school: School, office: str) -> None:
    opened = school.report("reporter")
    above = school.person("directorate")
    (held,) = above.appointments
    see_case(school.ctx, replace(above, appointments=(replace(held, role=office), held)), school.number)
    assert _readers(school) == ["directorate"]
    assert see_receipt(school.ctx, school.person("reporter"), opened.report).state == "received"


def test_a_supporter_who_reads_their_side_answers_for_no_case(school: School) -> None:
    opened = school.report("reporter")
    school.act("head", "name_seat", seat="support", account=school.account("psychosocial"), side="targeted")
    school.seen_by("psychosocial")
    assert _readers(school) == []
    assert see_receipt(school.ctx, school.person("reporter"), opened.report).state == "received"


def _readers(school: School) -> list[str]:
    """In which roles the case was opened since it came in, in order."""
    with school.ctx.realm.reading() as session:
        found = cases_repository.find_by_number(session, school.number)
        assert found is not None
        query = select(EventRow.role).where(EventRow.case_id == found, EventRow.kind == "CaseSeen")
        return list(session.scalars(query.order_by(EventRow.seq)))


def test_what_nobody_may_do_in_a_restricted_case_is_asked_of_no_others(school: School) -> None:
    school.report()
    school.act("team_member", "raise_danger", which_danger="staff_concerned")
    assert [one for one in school.seen_by("directorate").others if not one.roles] == []
