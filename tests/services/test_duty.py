"""Who is told at night: whoever is on duty and may be told, else everybody; in school hours nobody but as ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from engine.telling import NOW
from rewriting import rewrite

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AppointmentRow
from school_protocol.engine.errors import BadInput, SentBefore, Unseen
from school_protocol.engine.visibility import Permission
from school_protocol.language import ZONE
from school_protocol.mail import Undelivered
from school_protocol.people import roster
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Kind
from services.conftest import School

from .test_notices import EVENING, Watched

ALL = ["directorate!", "directorate/2!", "directorate/3!"]
NIGHT = {"starts": "2026-11-25T18:00", "ends": "2026-11-26T09:00"}


@pytest.fixture
def watched(school: School) -> Watched:
    """Three people of the directorate, a case, and an evening."""
    found = Watched(school).known("team_member", "head", "directorate", "directorate/2", "directorate/3", "academy")
    found.opened()
    return found


def by_phone(watched: Watched) -> None:
    """Short messages go out of this installation."""
    player = watched.school.player
    player.ctx = replace(player.ctx, settings=replace(player.ctx.settings, sms_hook="https://hook.example"))


def evening(watched: Watched) -> None:
    watched.school.player.clock.turn_to(EVENING)
    watched.sweep()
    watched.told()


def enter(watched: Watched, who: str, by: str = "directorate", **said: str) -> bool:
    school = watched.school
    account = school.account(who)
    return roster.enter(
        school.ctx, school.person(by), "", **{"account": account, **NIGHT, "token": school.token(), **said}
    )


def asked(watched: Watched) -> list[str]:
    watched.ask("directorate", urgent=True)
    return watched.sweep().told()


def exclude(watched: Watched, who: str) -> None:
    """They say that they take no part."""
    watched.school.act(who, "conflict", reason="close_relative")


@pytest.mark.exhaustive
def test_at_night_whoever_is_on_duty_is_told_and_nobody_else_of_the_directorate(watched: Watched) -> None:
    enter(watched, "directorate/2")
    evening(watched)
    assert asked(watched) == ["directorate/2!"]


@pytest.mark.exhaustive
def test_in_school_hours_everybody_is_told_as_ever(watched: Watched) -> None:
    enter(watched, "directorate/2", starts="2026-11-25T08:00", ends="2026-11-26T09:00")
    assert watched.now == NOW
    assert asked(watched) == ALL


@pytest.mark.exhaustive
def test_where_nobody_is_on_duty_everybody_is_told(watched: Watched) -> None:
    enter(watched, "directorate/2", starts="2026-11-26T18:00", ends="2026-11-27T09:00")
    evening(watched)
    assert asked(watched) == ALL


@pytest.mark.exhaustive
def test_somebody_on_duty_who_takes_no_part_in_the_case_is_passed_over_for_the_next(watched: Watched) -> None:
    enter(watched, "directorate/2")
    enter(watched, "directorate/3")
    exclude(watched, "directorate/2")
    evening(watched)
    assert asked(watched) == ["directorate/3!"]


@pytest.mark.exhaustive
def test_where_the_only_one_on_duty_takes_no_part_all_the_others_are_told(watched: Watched) -> None:
    enter(watched, "directorate/2")
    exclude(watched, "directorate/2")
    evening(watched)
    assert asked(watched) == ["directorate!", "directorate/3!"]


@pytest.mark.exhaustive
def test_somebody_on_duty_who_cannot_be_reached_is_passed_over(watched: Watched) -> None:
    enter(watched, "directorate/2")
    watched.address("directorate/2", None)
    evening(watched)
    assert asked(watched) == ["directorate!", "directorate/3!"]


@pytest.mark.exhaustive
def test_what_can_wait_goes_to_everybody_as_ever(watched: Watched) -> None:
    enter(watched, "directorate/2")
    evening(watched)
    watched.ask("directorate")
    watched.sweep()
    assert [who for who in watched.swept(hours=14) if who.startswith("directorate")] == [
        "directorate", "directorate/2", "directorate/3",
    ]  # fmt: skip


@pytest.mark.exhaustive
def test_the_academys_roster_says_nothing_about_the_directorate(watched: Watched) -> None:
    enter(watched, "academy", by="academy")
    evening(watched)
    assert asked(watched) == ALL


@pytest.mark.exhaustive
def test_a_head_who_takes_no_part_leaves_it_to_whoever_is_on_duty_above(watched: Watched) -> None:
    enter(watched, "directorate/2")
    exclude(watched, "head")
    evening(watched)
    watched.ask("head", urgent=True)
    assert watched.sweep().told() == ["directorate/2!"]


@pytest.mark.exhaustive
def test_where_messages_to_the_one_on_duty_fail_the_others_are_told(watched: Watched) -> None:
    enter(watched, "directorate/2")
    watched.address("directorate/2", "directorate-2@college.example")
    watched.mail.broken["directorate-2@college.example"] = Undelivered("refused")
    evening(watched)
    assert asked(watched) == []
    assert watched.swept(seconds=50) == []  # it may have been the other side's bad minute
    assert watched.swept(seconds=20) == ["directorate!", "directorate/3!"]
    assert [watched.swept(minutes=20) for _turn in range(3)] == [[], [], []]
    watched.mail.broken.clear()
    assert watched.swept(minutes=20) == ["directorate/2!"]


@pytest.mark.exhaustive
def test_where_one_of_two_on_duty_is_reached_nobody_else_is_told(watched: Watched) -> None:
    enter(watched, "directorate/2")
    enter(watched, "directorate/3")
    watched.mail.broken["directorate-2@college.example"] = Undelivered("refused")
    evening(watched)
    assert asked(watched) == ["directorate/3!"]
    assert [watched.swept(minutes=10) for _turn in range(3)] == [[], [], []]


@pytest.mark.exhaustive
def test_where_messages_to_both_on_duty_fail_the_third_is_told(watched: Watched) -> None:
    for who in ("directorate/2", "directorate/3"):
        enter(watched, who)
        watched.address(who, f"{who.replace('/', '-')}@college.example")
        watched.mail.broken[f"{who.replace('/', '-')}@college.example"] = Undelivered("refused")
    evening(watched)
    assert asked(watched) == []
    assert watched.swept(minutes=2) == ["directorate!"]


def test_a_short_message_that_arrived_leaves_nobody_else_to_be_told(watched: Watched) -> None:
    by_phone(watched)
    enter(watched, "directorate/2")
    watched.mail.broken["directorate-2@college.example"] = Undelivered("refused")
    evening(watched)
    assert asked(watched) == []
    assert watched.told(watched.sms) == ["directorate/2!"]
    assert [watched.swept(minutes=10) for _turn in range(3)] == [[], [], []]


def test_an_address_taken_away_while_the_message_waits_lets_the_others_be_told(watched: Watched) -> None:
    enter(watched, "directorate/2")
    watched.address("directorate/2", "directorate-2@college.example")
    watched.mail.broken["directorate-2@college.example"] = Undelivered("refused")
    evening(watched)
    assert asked(watched) == []
    watched.address("directorate/2", None)
    assert watched.swept(minutes=2) == ["directorate!", "directorate/3!"]
    assert ("directorate", "none", "no_address") not in watched.lines()


@pytest.mark.exhaustive
def test_where_nobody_of_the_directorate_has_an_address_the_academy_is_told(watched: Watched) -> None:
    watched.known("academy/2")
    enter(watched, "academy", by="academy")
    for who in ("directorate", "directorate/2", "directorate/3"):
        watched.address(who, None)
    evening(watched)
    assert asked(watched) == ["academy!"]


def test_where_messages_to_the_whole_directorate_fail_the_academy_is_told(watched: Watched) -> None:
    for who in ("directorate", "directorate/2", "directorate/3"):
        watched.address(who, f"{who.replace('/', '-')}@college.example")
        watched.mail.broken[f"{who.replace('/', '-')}@college.example"] = Undelivered("refused")
    evening(watched)
    assert asked(watched) == []
    assert watched.swept(minutes=2) == ["academy!"]


# ---- the roster itself -----------------------------------------------------------------------------------------------


def problems(watched: Watched, who: str = "directorate", **said: str) -> dict[str, tuple[str, ...]]:
    with pytest.raises(BadInput) as caught:
        enter(watched, who, **said)
    return dict(caught.value.problems)


@pytest.mark.exhaustive
def test_what_is_entered_is_judged(watched: Watched) -> None:
    assert problems(watched, account="") == {"account": ("required",)}
    assert problems(watched, "head") == {"account": ("unknown_option",)}
    assert problems(watched, "academy") == {"account": ("unknown_option",)}
    assert problems(watched, starts="x", ends="") == {"starts": ("not_a_moment",), "ends": ("required",)}
    assert problems(watched, ends=NIGHT["starts"]) == {"ends": ("turn_ends_first",)}
    assert problems(watched, ends="2027-01-20T08:00") == {"ends": ("turn_too_long:31",)}
    assert problems(watched, starts="2026-11-01T08:00", ends="2026-11-02T08:00") == {"ends": ("in_the_past",)}
    assert problems(watched, starts="2028-11-01T08:00", ends="2028-11-02T08:00") == {"starts": ("too_far_ahead",)}


def test_the_same_turn_is_entered_once_and_an_overlap_is_told_of(watched: Watched) -> None:
    enter(watched, "directorate/2")
    assert problems(watched, "directorate/2") == {"starts": ("turn_entered",)}
    assert problems(watched, "directorate/2", by="directorate/3") == {"starts": ("turn_entered",)}
    enter(watched, "directorate/3")
    school = watched.school

    def overlapping() -> list[bool]:
        return [one.overlaps for one in roster.see_roster(school.ctx, school.person("directorate")).turns]

    assert overlapping() == [False, False]
    enter(watched, "directorate/2", starts="2026-11-26T09:00", ends="2026-11-26T10:00")
    assert overlapping() == [False, False, False], "one begins as the other ends"
    enter(watched, "directorate/2", starts="2026-11-26T08:00", ends="2026-11-26T09:30")
    assert sum(overlapping()) == 3
    turn = next(one for one in roster.see_roster(school.ctx, school.person("directorate")).turns if one.overlaps)
    roster.withdraw(school.ctx, school.person("directorate"), "", turn.id, token=school.token())
    enter(watched, "directorate/2")


def test_a_change_is_a_row_and_a_second_press_is_none(watched: Watched) -> None:
    school, token = watched.school, "the same"
    enter(watched, "directorate/2", token=token)
    assert not enter(watched, "directorate/2", token=token)
    with pytest.raises(SentBefore):
        enter(watched, "directorate/3", token=token)
    (turn,) = roster.see_roster(school.ctx, school.person("directorate/3")).turns
    roster.withdraw(school.ctx, school.person("directorate/3"), "", turn.id, token=school.token())
    with pytest.raises(Unseen):
        roster.withdraw(school.ctx, school.person("directorate/3"), "", turn.id, token=school.token())
    view = roster.see_roster(school.ctx, school.person("directorate"))
    assert view.turns == ()
    assert {(one.kind, one.name != one.by) for one in view.log} == {("duty_entered", True), ("duty_withdrawn", True)}
    with school.ctx.directory.reading() as session:
        province = auth_repository.unit(session, view.unit.id)
        rows = administration_log.changes(session, [province.id], limit=9, kinds=administration_log.OF_VISITS)
    assert [row.kind for row in rows] == [Kind.duty_withdrawn, Kind.duty_entered] or len(rows) == 2
    evening(watched)
    assert asked(watched) == ALL


def test_a_roster_is_its_own_places_and_nobody_elses(watched: Watched) -> None:
    school = watched.school
    enter(watched, "directorate/2")
    (turn,) = roster.see_roster(school.ctx, school.person("directorate")).turns
    assert roster.see_roster(school.ctx, school.person("academy")).turns == ()
    with pytest.raises(Unseen):
        roster.withdraw(school.ctx, school.person("academy"), "", turn.id, token=school.token())
    for who in ("head", "team_coordinator", "trainer", "data_officer"):
        assert not permissions.may(school.ctx, school.person(who), Permission.keep_roster)
        with pytest.raises(Unseen):
            roster.see_roster(school.ctx, school.person(who))


@pytest.mark.exhaustive
def test_the_page_shows_when_nobody_is_on_duty(watched: Watched) -> None:
    school = watched.school

    def first() -> tuple[datetime, datetime]:
        found: Any = roster.see_roster(school.ctx, school.person("directorate")).gaps
        return found[0]

    closing = datetime(2026, 11, 25, 18, 30, tzinfo=ZONE).astimezone(UTC)
    assert first()[0] == closing
    enter(watched, "directorate/2", starts="2026-11-25T18:00", ends="2026-11-27T09:00")
    assert first()[0] == datetime(2026, 11, 27, 18, 30, tzinfo=ZONE).astimezone(UTC)
    assert timedelta() < first()[1] - first()[0]


@pytest.mark.exhaustive
def test_whoever_holds_no_role_there_any_more_counts_for_nobody(watched: Watched) -> None:
    school = watched.school
    enter(watched, "directorate/2", starts="2026-11-25T18:00", ends="2026-11-27T09:00")
    with school.ctx.directory.writing() as session:
        auth_repository.set_active(session, school.account("directorate/2"), False)
    view = roster.see_roster(school.ctx, school.person("directorate"))
    assert not view.turns[0].holds_it
    assert view.gaps[0][0] < view.turns[0].ends
    evening(watched)
    assert asked(watched) == ["directorate!", "directorate/3!"]


@pytest.mark.exhaustive
def test_a_turn_of_somebody_who_cannot_be_reached_covers_nothing(watched: Watched) -> None:
    by_phone(watched)
    school, ctx = watched.school, watched.school.ctx
    enter(watched, "directorate/2", starts="2026-11-25T18:00", ends="2026-11-27T09:00")
    closing = datetime(2026, 11, 25, 18, 30, tzinfo=ZONE).astimezone(UTC)
    seen = roster.see_roster(ctx, school.person("directorate"))
    assert seen.turns[0].is_reached
    assert seen.gaps[0][0] > seen.turns[0].ends
    watched.address("directorate/2", None, "0612345678")
    assert roster.see_roster(ctx, school.person("directorate")).turns[0].is_reached
    without = replace(ctx, settings=replace(ctx.settings, sms_hook=""))
    for place, phone in ((without, "0612345678"), (ctx, None)):
        watched.address("directorate/2", None, phone)
        seen = roster.see_roster(place, school.person("directorate"))
        assert not seen.turns[0].is_reached
        assert seen.gaps[0][0] == closing


def test_a_turn_covers_nothing_after_the_role_has_ended(watched: Watched) -> None:
    school = watched.school
    enter(watched, "directorate/2", starts="2026-12-10T18:00", ends="2026-12-12T09:00")
    seen = roster.see_roster(school.ctx, school.person("directorate"))
    assert not seen.turns[0].is_cut
    for last, expected in ((date(2026, 12, 12), False), (date(2026, 12, 10), True), (date(2026, 12, 1), True)):
        with school.ctx.directory.writing() as session:
            of = AppointmentRow.account == school.account("directorate/2")
            rewrite(session, AppointmentRow, of, ends=last)
        seen = roster.see_roster(school.ctx, school.person("directorate"))
        night = datetime(2026, 12, 11, 3, tzinfo=UTC)
        assert seen.turns[0].is_cut is expected
        assert any(first <= night < ends for first, ends in seen.gaps) is expected
