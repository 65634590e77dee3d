"""What waits, on whom and since when; dangers before everything else; the week ahead. Without opening a case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from engine.telling import NOW, SAFE
from sqlalchemy import update

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.lists import find_by_pupil, see_desk, see_week
from school_protocol.cases.loading import reindex
from school_protocol.cases.models import CaseIndexRow
from school_protocol.cases.view_models import CaseLine, DeskView, WeekView
from school_protocol.engine.definition import Protocol
from school_protocol.language import ZONE, Wording
from school_protocol.people import repository as people_repository

from .conftest import NAME, School
from .reviewing import placed

TEAM = ("team_member", "team_coordinator", "head", "directorate")


@pytest.fixture
def people(school: School) -> School:
    """A school whose posts are filled."""
    for who in TEAM:
        school.person(who)
    return school


def desk(school: School, who: str, **options: Any) -> DeskView:
    return see_desk(school.ctx, school.person(who), **options)


def line(school: School, who: str) -> CaseLine:
    (found,) = [each for each in desk(school, who).lines if each.number == school.number]
    return found


def said(text: Any) -> str:
    return Wording("en").text(text)


def numbers(school: School, who: str, filter: str = "open") -> list[str]:
    return [each.number for each in desk(school, who, filter=filter).lines]


def week(school: School, who: str, **options: Any) -> WeekView:
    return see_week(school.ctx, school.person(who), **options)


@contextmanager
def sealed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No case can be opened meanwhile."""

    def refuse(*args: Any, **options: Any) -> Any:
        raise AssertionError("a list opens no case")

    with monkeypatch.context() as patch:
        patch.setattr(cases_repository, "load_events", refuse)
        yield


def call_head(school: School, phone: str | None = "0612345678", who: str = "head") -> None:
    with school.ctx.directory.writing() as session:
        auth_repository.set_address(session, school.account(who), email=None, phone=phone)


# ---- what is next, and for whom ------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_report_waits_for_the_team_and_a_list_opens_no_case(people: School, monkeypatch: pytest.MonkeyPatch) -> None:
    people.report()
    with sealed(monkeypatch):
        mine = line(people, "team_member")
        assert (said(mine.next), mine.whom, mine.is_due) == ("Check immediate safety", "me", True)
        assert mine.since == NOW
        assert line(people, "team_coordinator").whom == "me"
        assert line(people, "head").whom == line(people, "directorate").whom == "team"
        assert week(people, "head").days
    for who, expected in (("team_member", 1), ("team_coordinator", 1), ("head", 0), ("directorate", 0)):
        assert len(numbers(people, who, "mine")) == expected


@pytest.mark.parametrize(("end", "act", "who"), [
    ("closed", "ask_reopening", "academy"), ("no_further_action", "ask_reopening", "directorate"),
])  # fmt: skip
def test_what_is_asked_of_a_case_that_has_ended_waits_for_whoever_may_open_it_again(
    people: School, end: str, act: str, who: str
) -> None:
    people.report()
    placed(people, end, by="head")
    may = ["team_coordinator", "head", "directorate"]
    assert not any(numbers(people, one, "mine") for one in (*may, "team_member", "academy"))
    assert people.seen_by("head").ways_back == ()
    people.wait(days=2)
    people.act(who, act, reason="Un second signalement vise le même compte.")
    for one in (*may, "team_member", "academy"):
        assert (numbers(people, one, "mine") == [people.number]) == (one in may), one
    assert numbers(people, "head", "open") == [], "it has ended still"
    (shown,) = desk(people, "head", filter="mine").lines
    assert (shown.whom, shown.since, shown.tone) == ("me", people.ctx.now(), "ended")
    (back,) = people.seen_by("head").ways_back
    assert ([one.act.key for one in back.records], back.is_open, shown.next) == ([act], True, back.move.title)
    (back,) = people.seen_by("academy").ways_back
    assert not back.is_open
    people.move("team_coordinator", back.move.key)
    assert people.seen_by("head").ways_back == ()
    assert people.number in numbers(people, "head", "open")


@pytest.mark.exhaustive
def test_who_leads_the_case_is_waited_for_then_the_head(people: School) -> None:
    people.report()
    people.act("team_member", "safety_check", SAFE)
    assert (said(line(people, "team_member").next), line(people, "team_member").to_sign) == (
        "Qualify the report",
        False,
    )
    people.wait(hours=1)
    people.move("team_coordinator", "qualify")
    people.act("team_coordinator", "name_seat", seat="lead", account=people.account("team_member/2"), reason="x")
    people.move("team_coordinator", "assign")
    theirs = line(people, "team_member/2")
    assert (said(theirs.next), theirs.whom, theirs.since) == (
        "Listen to the targeted pupil",
        "me",
        NOW + timedelta(hours=1),
    )
    for_head = line(people, "head")
    assert (for_head.whom, for_head.roles) == ("roles", ("lead",))
    assert numbers(people, "team_coordinator", "mine") == []
    assert numbers(people, "team_member/2", "mine") == [people.number]


@pytest.mark.exhaustive
def test_an_authority_is_waited_for_until_its_answer_is_due(people: School) -> None:
    """The line says neither which authority nor what happened; once the answer is late, chasing it is ours."""
    referred(people)
    assert said(line(people, "team_member").next) == "Check immediate safety"
    assert line(people, "team_member").unanswered
    with people.ctx.realm.reading() as session:
        row = index_repository.row_of(session, cases_repository.find_by_number(session, people.number) or "")
    assert row is not None
    assert "police" not in repr(row)
    (chase,) = (due for due in row.dues if due.key == "danger_referral_chase")
    alone = replace(
        row, next_key="referral_answer", next_kind="act", waiting_for=frozenset({"team_coordinator"}),
        next_due_key=chase.key, next_due_at=chase.due_at, dues=(chase,), planned=(),
    )  # fmt: skip
    with people.ctx.realm.writing() as session:
        index_repository.write(session, alone)
    shown = line(people, "team_coordinator")
    assert (shown.whom, shown.roles, shown.call) == ("authority", (), None)
    assert numbers(people, "team_coordinator", "mine") == []
    people.wait(hours=80)
    assert line(people, "team_coordinator").whom == "me"
    assert numbers(people, "team_coordinator", "mine") == [people.number]


def referred(people: School) -> None:
    """The police was told of a danger by letter, and hasn't answered."""
    people.report()
    people.act("team_member", "raise_danger", which_danger="blackmail")
    people.act("team_member", "told_by_voice", who_was_told=["head"])
    people.act(
        "head", "referral", target="police", covers=["blackmail"], channel="letter", sent_at=NOW.isoformat(),
        summary="x",
    )  # fmt: skip
    people.move("head", "mark_sent")


@pytest.mark.exhaustive
def test_nothing_nominal_stands_in_a_line(people: School) -> None:
    people.report()
    people.act("team_member", "raise_danger", which_danger="self_harm")
    for who in TEAM:
        spoken = repr(line(people, who)).replace(repr(people.ctx.library.current()[0]), "")
        assert NAME not in spoken
        assert "self_harm" not in spoken


def test_a_row_of_before_says_what_it_knows_until_it_is_written_anew(people: School) -> None:
    people.report()
    unknown = dict.fromkeys(("next_key", "next_kind", "waiting_since", "waits_on_authority", "waits_on_family"))
    with people.ctx.realm.writing() as session:
        session.execute(update(CaseIndexRow).values(**unknown))
    shown = line(people, "team_member")
    assert (shown.next, shown.whom, shown.since, shown.call) == (None, "", None, None)
    assert said(shown.due and shown.due.title)
    with people.ctx.realm.writing() as session:
        reindex(people.ctx, session, cases_repository.find_by_number(session, people.number) or "")
    assert line(people, "team_member").whom == "me"


def test_a_case_found_by_a_pupil_is_shown_alike(people: School) -> None:
    people.report()
    (found,) = find_by_pupil(people.ctx, people.person("team_member"), NAME)
    assert found == line(people, "team_member")


# ---- dangers -------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_raised_danger_stands_before_what_is_late(people: School) -> None:
    people.report()
    late = people.number
    people.wait(days=5)
    people.report()
    people.act("team_member", "raise_danger", which_danger="self_harm")
    for who in TEAM:
        assert numbers(people, who) == [people.number, late]
        assert [each.number for each in week(people, who).dangers] == [people.number]
        assert week(people, who).late[0].number == late
    first, second = desk(people, "head").lines
    assert (first.raised, first.tone, second.tone) == (1, "today", "late")


def test_whoever_only_knows_that_a_case_is_there_is_listed_no_more(people: School) -> None:
    people.report()
    people.act("team_member", "raise_danger", which_danger="self_harm")
    listed = [(one.metadata_only, one.raised, one.urgent, one.next is None) for one in
              (line(people, who) for who in ("data_officer", "head"))]  # fmt: skip
    assert listed == [(True, 0, False, True), (False, 1, True, False)]


@pytest.mark.exhaustive
def test_telling_by_voice_has_a_number_to_call(people: School) -> None:
    people.report()
    people.act("team_member", "raise_danger", which_danger="self_harm")
    assert said(line(people, "team_member").next) == "Check immediate safety", "somebody stays with the pupil"
    people.act("team_member", "safety_check", dangers=["self_harm"], safe_now="yes", who_stays="me")
    assert (said(line(people, "team_member").next) or "").startswith("Tell the head by voice")
    assert line(people, "team_member").call is None, "no number is known"
    with people.ctx.directory.writing() as session:
        people_repository.add_contact(
            session, target="head", names={"fr": "Direction"}, unit=people.player.school, phone="0537"
        )
    call = line(people, "team_member").call
    assert call is not None
    assert (call.role, call.phone) == ("head", "0537")
    call_head(people)
    call = line(people, "team_member").call
    assert call is not None
    assert (call.role, call.phone) == ("head", "0612345678")
    assert line(people, "head").call is None, "nobody calls oneself"


@pytest.mark.exhaustive
def test_who_takes_no_part_is_not_called(people: School) -> None:
    call_head(people)
    call_head(people, "0699999999", "directorate")
    people.report(must_not_read=[people.account("head")])
    people.act("team_member", "raise_danger", which_danger="self_harm")
    people.act("team_member", "safety_check", dangers=["self_harm"], safe_now="yes", who_stays="me")
    call = line(people, "team_member").call
    assert call is not None
    assert (call.role, call.phone) == ("directorate", "0699999999")
    assert numbers(people, "head") == []


@pytest.mark.exhaustive
def test_services_are_called_from_the_page_of_the_danger(people: School) -> None:
    """Which service it is would tell the facts: a list leads to the numbers, and shows none."""
    people.report()
    people.act("team_member", "raise_danger", which_danger="self_harm")
    people.act("team_member", "safety_check", dangers=["self_harm"], safe_now="yes", who_stays="me")
    people.act("team_member", "told_by_voice", who_was_told=["head"])
    shown = line(people, "team_member")
    assert (said(shown.next), shown.numbers, shown.call) == ("Refer to a service", True, None)
    assert (shown.whom, shown.roles) == ("roles", ("head",)), "the letter is the head's"
    assert line(people, "head").whom == "me"


# ---- who only reports ----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_reporter_has_receipts_alone(people: School) -> None:
    assert desk(people, "reporter").receipts_only
    people.report("reporter")
    shown = desk(people, "reporter")
    assert (shown.receipts_only, len(shown.receipts), shown.lines) == (True, 1, ())
    assert week(people, "reporter").receipts_only
    for who in TEAM:
        assert not desk(people, who).receipts_only
        assert not week(people, who).receipts_only


# ---- the week ------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_week_says_what_falls_due_day_by_day(people: School, moroccan: Protocol) -> None:
    people.report()
    shown = week(people, "team_coordinator")
    assert [day.day for day in shown.days] == [
        NOW.astimezone(ZONE).date() + timedelta(days=count) for count in range(7)
    ]
    everything = [due for day in shown.days for due in day.dues]
    assert {said(due.title) for due in everything} >= {"Immediate safety check", "Report qualified"}
    for day in shown.days:
        assert all(due.due_at and due.due_at.astimezone(ZONE).date() == day.day for due in day.dues)
        assert [due.due_at for due in day.dues] == sorted(due.due_at for due in day.dues if due.due_at)
    people.wait(days=3)
    later = week(people, "team_coordinator")
    assert {said(due.title) for due in later.late} >= {"Immediate safety check", "Report qualified"}
    assert not [due for day in later.days for due in day.dues if due.tone == "late"]
    assert week(people, "psychosocial").days, "who sees nothing has a quiet week"
    assert not [due for day in week(people, "psychosocial").days for due in day.dues]


def test_planned_follow_ups_stand_in_the_week_and_in_the_list(people: School) -> None:
    people.report()
    with people.ctx.realm.reading() as session:
        row = index_repository.row_of(session, cases_repository.find_by_number(session, people.number) or "")
    assert row is not None
    day = NOW.astimezone(ZONE).date() + timedelta(days=2)
    moment = datetime.combine(day, datetime.max.time().replace(microsecond=0), ZONE)
    planned = index_repository.Due("follow_up", moment, day.isoformat())
    with people.ctx.realm.writing() as session:
        index_repository.write(
            session,
            replace(
                row, dues=(), planned=(planned,), next_due_key="follow_up", next_due_at=moment, next_key="follow_up"
            ),
        )
    (due,) = [due for each in week(people, "head").days if each.day == day for due in each.dues]
    assert (said(due.title), due.by_day, due.tone) == ("Record a follow-up", True, "soon")
    shown = line(people, "head")
    assert (shown.by_day, shown.is_due, shown.due) == (True, True, None)


def test_days_without_school_are_named(people: School) -> None:
    with people.ctx.directory.writing() as session:
        unit = auth_repository.unit(session, people.player.school)
        calendar = people_repository.calendar_for(session, unit)
        closed = {date(2027, 1, 11), date(2027, 1, 12)}
        people_repository.set_calendar(session, unit.id, replace(calendar, closed=frozenset(closed)))
    people.player.clock.moment = datetime(2027, 1, 10, 9, tzinfo=ZONE)
    days = {day.day: day for day in week(people, "team_member").days}
    assert days[date(2027, 1, 11)].holiday.startswith("Manifeste")
    assert (days[date(2027, 1, 12)].closed, days[date(2027, 1, 12)].holiday) == (True, "")
    assert not days[date(2027, 1, 13)].closed


# ---- many ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["week", "mine"])
def test_a_long_list_goes_on_on_the_next_page(people: School, monkeypatch: pytest.MonkeyPatch, view: str) -> None:
    monkeypatch.setattr(f"school_protocol.cases.lists.{'CASES' if view == 'week' else 'PAGE'}", 2)
    made = set()
    for _count in range(5):
        people.report()
        made.add(people.number)
    seen: list[str] = []
    after = None
    for _page in range(3):
        if view == "week":
            ahead = week(people, "head", after=after)
            seen += sorted({due.number for day in ahead.days for due in day.dues})
            after = ahead.after
        else:
            shown = desk(people, "team_coordinator", filter="mine", after=after)
            assert shown.filter == "mine"
            seen += [each.number for each in shown.lines]
            after = shown.after
    assert (sorted(seen), after) == (sorted(made), None)
