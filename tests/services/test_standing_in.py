"""Nobody at the directorate may take part in a restricted case: the academy reads it, is told, and names who acts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from domain.telling import MOROCCAN, NOW

from school_protocol.domain.errors import Refused, Unseen
from school_protocol.domain.protocol import Protocol, ScopeKind
from school_protocol.services.loading import reindex
from school_protocol.services.review.heads import look_again
from school_protocol.services.scripts import throwaway
from school_protocol.services.showing import see_case
from school_protocol.services.sight.who_sees import see_sight
from school_protocol.storage import directory
from services.conftest import School
from services.reviewing import kinds
from services.test_notices import Recorder, Watched


@pytest.fixture
def watched(moroccan: Protocol) -> Iterator[Watched]:
    """A school, an academy, and nobody at the directorate."""
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        found = Watched(School(player, count(1)), Recorder(), Recorder())
        yield found.known("reporter", "team_member", "team_coordinator", "head", "academy")


def test_a_report_about_an_adult_reaches_the_academy_where_nobody_oversees(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes", danger_now="yes")
    assert school.seen_by("academy").head.pseudonymised
    assert "head" in kinds(school, "academy")
    assert "academy" in {who.rstrip("!") for who in watched.sweep().told()}
    for who in ("head", "team_coordinator", "team_member"):
        with pytest.raises(Unseen):
            school.seen_by(who)


def test_it_names_who_acts_for_the_directorate_and_leaves_the_case_to_them(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    deputy = school.account("team_member/2")
    school.act("academy", "name_seat", seat="acting_directorate", account=deputy)
    assert school.seen_by("team_member/2").head.number == school.number
    with pytest.raises(Unseen):
        school.seen_by("academy")
    assert kinds(school, "academy") == ()


def test_whoever_oversees_comes_first(watched: Watched) -> None:
    """The control: with somebody at the directorate, the academy reads no restricted case, nor is told of it."""
    school = watched.known("directorate").school
    school.report(who="reporter", adult_concerned="yes", danger_now="yes")
    assert {who.rstrip("!") for who in watched.sweep().told()} == {"directorate"}
    assert "head" in kinds(school, "directorate")
    with pytest.raises(Unseen):
        school.seen_by("academy")
    assert kinds(school, "academy") == ()


def test_where_the_last_one_stands_aside_it_goes_up_and_comes_back(watched: Watched) -> None:
    school = watched.known("directorate").school
    school.report(who="reporter", adult_concerned="yes")
    school.act("directorate", "conflict", account=school.account("directorate"), reason="declares")
    assert "head" in kinds(school, "academy")
    colleague = watched.known("directorate/2").school.person("directorate/2")
    with school.house.realm.writing() as session:
        reindex(school.house, session, watched.case_id)
    assert see_case(school.house, colleague, school.number).head.number == school.number
    with pytest.raises(Unseen):
        school.seen_by("academy")


def test_whoever_comes_to_oversee_takes_the_case_at_once(watched: Watched) -> None:
    """Offices change without any event of a case: the academy opens it no more, whatever its index row says still."""
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    assert school.seen_by("academy")
    watched.known("directorate")
    with pytest.raises(Unseen):
        school.seen_by("academy")
    look_again(school.house)
    assert kinds(school, "academy") == ()
    assert "head" in kinds(school, "directorate")


def test_when_a_seat_ends_the_academy_has_the_case_again(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    until = (school.house.now() + timedelta(days=3)).date().isoformat()
    deputy = school.account("team_member/2")
    school.act("academy", "name_seat", seat="acting_directorate", account=deputy, until=until)
    school.wait(days=4)
    with pytest.raises(Unseen):
        school.seen_by("team_member/2")
    look_again(school.house)
    assert school.seen_by("academy").head.number == school.number
    assert "head" in kinds(school, "academy")


def test_it_is_told_though_nobody_is_in_danger(watched: Watched) -> None:
    watched.school.report(who="reporter", adult_concerned="yes", danger_now="no")
    watched.sweep()
    told = watched.told() or watched.swept(days=1)
    assert "academy" in {who.rstrip("!") for who in told}


def test_the_page_of_who_sees_a_case_says_why(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    lines = {one.account: one for one in see_sight(school.house, school.person("academy"), school.number).lines}
    assert [why.kind for why in lines[school.account("academy")].why] == ["name"]


def test_whoever_left_the_academy_reads_nothing(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    gone = replace(school.person("academy"), appointments=())
    with pytest.raises(Unseen):
        see_case(school.house, gone, school.number)


def test_whoever_was_invited_to_oversee_and_never_came_in_oversees_nothing(watched: Watched) -> None:
    school = watched.school
    awaited = invited(school)
    school.report(who="reporter", adult_concerned="yes", danger_now="yes")
    assert school.seen_by("academy")
    assert "head" in kinds(school, "academy")
    assert {"academy"} <= {who.rstrip("!") for who in watched.sweep().told()}
    with school.house.directory.writing() as session:
        directory.set_password(session, awaited, "chosen")
    with pytest.raises(Unseen):
        school.seen_by("academy")
    look_again(school.house)
    assert kinds(school, "academy") == ()


def test_where_it_stands_in_the_academy_decides_who_takes_no_part(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    deputy, other = school.account("team_member/2"), school.account("team_member/3")
    school.act("academy", "conflict", account=deputy, reason="close_relative")
    with pytest.raises(Refused):
        school.act("academy", "name_seat", seat="acting_directorate", account=deputy)
    school.act("academy", "name_seat", seat="acting_directorate", account=other)
    assert school.seen_by("team_member/3").head.number == school.number


def test_the_academy_decides_of_whoever_oversees_and_nobody_below_does(watched: Watched) -> None:
    school = watched.known("directorate").school
    school.report(who="reporter")
    overseer = school.account("directorate")
    for who in ("head", "team_coordinator"):
        with pytest.raises(Refused) as refusal:
            school.act(who, "conflict", account=overseer, reason="close_relative")
        assert [reason.code for reason in refusal.value.reasons] == ["overseer_stays"]
    assert school.seen_by("directorate")
    school.act("academy", "conflict", account=overseer, reason="close_relative")
    with pytest.raises(Unseen):
        school.seen_by("directorate")
    assert school.seen_by("head")


def invited(school: School) -> str:
    """Somebody who holds the directorate's office, and chose no password yet."""
    with school.house.directory.writing() as session:
        account = directory.add_account(session, username="x", names={"fr": "X"}, language="fr", created_at=NOW)
        place = school.player.places[ScopeKind.province]
        directory.appoint(session, account, role="directorate", unit=place, starts=NOW.date())
    return account
