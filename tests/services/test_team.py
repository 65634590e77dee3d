"""When somebody is missing: stand-ins with dates, leaving after handing over, orphans, the printed hand-over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from engine.telling import NOW
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from school_protocol.auth import permissions, sign_in_repository, sign_in_service
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AppointmentRow
from school_protocol.cases import handing_over
from school_protocol.cases.lists import see_desk
from school_protocol.cases.models import CaseExclusionRow, CaseIndexRow
from school_protocol.cases.showing import see_act, see_case
from school_protocol.context import AppContext
from school_protocol.engine.errors import BadInput, SentBefore, Unseen
from school_protocol.engine.visibility import Actor, Permission, UnitKind
from school_protocol.language import ZONE
from school_protocol.people import stand_ins, teams
from school_protocol.people.teams import Changed, TeamRefused
from school_protocol.storage import administration_log
from school_protocol.storage.models import AccessRow, AdministrationRow

from .conftest import NAME, WORDS, School

CODE = "00000A"
TODAY = NOW.astimezone(ZONE).date()
SENTENCE = "Jusqu’à son retour."


def day(offset: int | str) -> str:
    """So many days from today; a text as it is."""
    return offset if isinstance(offset, str) else (TODAY + timedelta(days=offset)).isoformat()


class Team:
    """What a person does on the page “The team”, of the one school of these tests."""

    def __init__(self, school: School) -> None:
        self.school = school
        self.ctx: AppContext = school.ctx

    def now(self, who: str) -> Actor:
        """This person as one who acts today: what a page would find."""
        with self.ctx.directory.reading() as session:
            found = sign_in_service.actor_of(self.ctx, self.school.account(who), session)
        assert found is not None
        return found

    def see(self, who: str) -> teams.TeamView:
        return teams.see_team(self.ctx, self.now(who), CODE)

    def place(self, by: str, role: str) -> str:
        view = stand_ins.see_stand_in(self.ctx, self.now(by), CODE)
        return next(line.value for line in view.places if line.role == role)

    def name(self, by: str, role: str, who: str, starts: int | str = 0, ends: int | str = 6, **more: Any) -> Changed:
        answers = {
            "place": self.place(by, role), "account": self.school.account(who), "starts": day(starts),
            "ends": day(ends), "reason": "illness", "sentence": "", "token": self.school.token(), **more,
        }  # fmt: skip
        return stand_ins.name_stand_in(self.ctx, self.now(by), CODE, **answers)

    def post(self, who: str) -> str:
        with self.ctx.directory.reading() as session:
            posts = auth_repository.posts(session, [self.school.player.school], since=date(2000, 1, 1))
        return next(post.id for post in posts if post.account.id == self.school.account(who))

    def leave(self, by: str, who: str, offset: int = 0, **more: Any) -> Changed:
        answers = {
            "last_day": day(offset), "reason": "moved", "sentence": "", "token": self.school.token(), **more
        }  # fmt: skip
        return handing_over.leave(self.ctx, self.now(by), CODE, self.post(who), **answers)

    def at_once(self, by: str, who: str, **more: Any) -> Changed:
        answers = {"reason": "unreachable", "sentence": "", "token": self.school.token(), **more}
        return handing_over.leave_at_once(self.ctx, self.now(by), CODE, self.post(who), **answers)

    def orphans(self, who: str = "directorate") -> dict[str, tuple[str, ...]]:
        view = handing_over.see_overseen(self.ctx, self.now(who))
        return {line.number: tuple(lack.code for lack in line.lacks) for line in view.orphans}

    def log(self) -> list[tuple[str, str, str, str]]:
        """Kind, who did it, about whom, why; oldest first."""
        with self.ctx.directory.reading() as session:
            found = administration_log.changes(session, [self.school.player.school], limit=100)
        assert all(change.at == self.ctx.now() or change.at < self.ctx.now() for change in found)
        return [(one.kind.value, one.actor, one.account, one.reason) for one in reversed(found)]

    def session(self, who: str) -> str:
        with self.ctx.directory.writing() as session:
            return sign_in_repository.open_web_session(session, self.school.account(who), now=self.ctx.now())

    def is_signed_in(self, token: str) -> bool:
        return sign_in_service.recognise(self.ctx, token) is not None


@pytest.fixture
def crew(school: School) -> Team:
    """A school with a head, a coordinator and two members, under a directorate."""
    for who in ("head", "team_coordinator", "team_member", "team_member/2", "psychosocial", "reporter", "directorate"):
        school.account(who)
    return Team(school)


@pytest.fixture
def led(crew: Team) -> str:
    """A case that the second member leads."""
    crew.school.report()
    crew.school.act("head", "name_seat", seat="lead", account=crew.school.account("team_member/2"))
    return crew.school.number


def refused(call: Any, *args: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(TeamRefused) as caught:
        call(*args, **more)
    return tuple(one.code for one in caught.value.obstacles)


def problems(call: Any, *args: Any, **more: Any) -> dict[str, tuple[str, ...]]:
    with pytest.raises(BadInput) as caught:
        call(*args, **more)
    return dict(caught.value.problems)


# ---- stand-ins -----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_stand_in_holds_the_role_at_once_and_no_longer_than_said(crew: Team) -> None:
    assert "team_coordinator" not in roles(crew, "team_member")
    crew.name("head", "team_coordinator", "team_member", ends=6)
    assert "team_coordinator" in roles(crew, "team_member")
    crew.school.wait(days=6)
    assert "team_coordinator" in roles(crew, "team_member"), "on its last day"
    crew.school.wait(days=1)
    assert "team_coordinator" not in roles(crew, "team_member"), "it ended by itself"
    assert crew.see("head").stand_ins == ()


@pytest.mark.exhaustive
def test_a_stand_in_to_come_opens_nothing_yet(crew: Team) -> None:
    done = crew.name("directorate", "head", "reporter", starts=3, ends=5)
    assert not done.at_once
    assert "head" not in roles(crew, "reporter")
    line = crew.see("head").stand_ins[0]
    assert (line.is_running, line.starts, line.ends) == (False, TODAY + timedelta(3), TODAY + timedelta(5))
    crew.school.wait(days=3)
    assert "head" in roles(crew, "reporter")
    members = next(found for found in crew.see("head").roles if found.role.key == "head").members
    assert [bool(member.stands_in) for member in members] == [True]


def test_who_may_name_for_what_is_the_definitions(crew: Team) -> None:
    """The control: the same page for a definition in which the coordinator names, and nobody stands in for the head."""
    with pytest.raises(Unseen):
        stand_ins.see_stand_in(crew.ctx, crew.now("team_coordinator"), CODE)
    protocol, own = crew.ctx.library.current()[0], "team_coordinator"
    changed = {
        **protocol.roles,
        "head": protocol.roles["head"].model_copy(update={"stand_in_by": ()}),
        own: protocol.roles[own].model_copy(update={"stand_in_by": (own,)}),
    }
    crew.ctx.library._known[protocol.protocol, protocol.version] = protocol.model_copy(update={"roles": changed})
    view = stand_ins.see_stand_in(crew.ctx, crew.now("team_coordinator"), CODE)
    assert [line.role for line in view.places] == ["team_coordinator"]
    with pytest.raises(Unseen):
        stand_ins.see_stand_in(crew.ctx, crew.now("head"), CODE)


def test_nobody_stands_in_for_themselves(crew: Team) -> None:
    assert refused(crew.name, "head", "team_coordinator", "team_coordinator") == ("stands_in_for_self",)
    assert problems(crew.name, "head", "team_coordinator", "head") == {"account": ("unknown_option",)}
    assert crew.log() == []


@pytest.mark.exhaustive
def test_the_training_must_be_current_to_the_last_day(crew: Team) -> None:
    account = crew.school.account("team_member")
    with crew.ctx.directory.writing() as session:
        auth_repository.set_training(session, account, certified=True, trained_until=TODAY + timedelta(days=5))
    assert refused(crew.name, "head", "team_coordinator", "team_member", ends=6) == ("untrained",)
    crew.name("head", "team_coordinator", "team_member", ends=5)


@pytest.mark.exhaustive
def test_a_role_that_asks_no_training_takes_anybody_but_the_head_s_who_acts_for_one_is_trained(crew: Team) -> None:
    account = crew.school.account("reporter")
    with crew.ctx.directory.writing() as session:
        auth_repository.set_training(session, account, certified=False, trained_until=None)
    assert refused(crew.name, "head", "team_coordinator", "reporter") == ("untrained",)
    assert refused(crew.name, "directorate", "head", "reporter") == ("untrained",)
    with crew.ctx.directory.writing() as session:
        auth_repository.set_training(session, account, certified=True, trained_until=TODAY + timedelta(days=300))
    crew.name("directorate", "head", "reporter")


@pytest.mark.exhaustive(
    but=(
        "typed0-found0",
        "typed3-found3",
        "typed6-found6",
        "typed9-found9",
    )
)
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ({"starts": ""}, {"starts": ("required",)}),
        ({"starts": "demain"}, {"starts": ("not_a_date",)}),
        ({"starts": "2026-13-40"}, {"starts": ("not_a_date",)}),
        ({"starts": day(-1)}, {"starts": ("in_the_past",)}),
        ({"starts": "1999-01-01", "ends": "1999-01-02"}, {"starts": ("in_the_past",), "ends": ("in_the_past",)}),
        ({"starts": "2126-11-25", "ends": "2126-11-26"}, {"starts": ("too_far_ahead",), "ends": ("too_far_ahead",)}),
        ({"starts": day(5), "ends": day(4)}, {"ends": ("ends_before_it_starts",)}),
        ({"ends": day(90)}, {"ends": ("days_most:90",)}),
        ({"place": "", "account": None}, {"place": ("required",), "account": ("required",)}),
        ({"place": "team_member.x", "account": "x"}, {"place": ("unknown_option",), "account": ("unknown_option",)}),
        ({"reason": "because"}, {"reason": ("unknown_option",)}),
        ({"reason": "other"}, {"sentence": ("required",)}),
        ({"sentence": "x" * 201}, {"sentence": ("too_long:200",)}),
    ],
)
def test_what_is_wrong_is_said_by_field(crew: Team, typed: dict[str, Any], found: dict[str, Any]) -> None:
    assert problems(crew.name, "head", "team_coordinator", "team_member", **typed) == found
    assert crew.log() == []


def test_ninety_days_go_and_the_year_may_turn(crew: Team) -> None:
    crew.name("head", "team_coordinator", "team_member", starts=0, ends=89)
    line = crew.see("head").stand_ins[0]
    assert line.ends is not None
    assert line.ends.year == TODAY.year + 1


@pytest.mark.exhaustive
def test_two_do_not_stand_in_for_the_same_person_at_once(crew: Team) -> None:
    crew.name("head", "team_coordinator", "team_member", starts=2, ends=8)
    assert refused(crew.name, "head", "team_coordinator", "team_member/2", starts=8, ends=9) == ("overlaps",)
    assert refused(crew.name, "head", "team_coordinator", "team_member", starts=0, ends=2) == ("holds_it_already",)
    crew.name("head", "team_coordinator", "team_member/2", starts=9, ends=12)
    crew.name("head", "team_coordinator", "team_member/2", starts=0, ends=1)


def test_pressing_twice_names_once(crew: Team) -> None:
    token = crew.school.token()
    assert not crew.name("head", "team_coordinator", "team_member", token=token).repeated
    assert crew.name("head", "team_coordinator", "team_member", token=token).repeated
    assert len(crew.see("head").stand_ins) == 1
    assert [kind for kind, *_rest in crew.log()] == ["stand_in_named"]
    with pytest.raises(SentBefore):
        crew.name("head", "team_coordinator", "team_member", token=token, reason="leave")


@pytest.mark.exhaustive
def test_a_stand_in_names_nobody_beyond_their_own_last_day(crew: Team) -> None:
    """Else an absence of two days would never end."""
    crew.name("head", "head", "team_coordinator", 0, 1)
    with pytest.raises(TeamRefused) as refused:
        crew.name("team_coordinator", "head", "team_member", 2, 60)
    assert [one.code for one in refused.value.obstacles] == ["beyond_own_stand_in"]
    crew.name("directorate", "head", "team_member", 2, 60)


def test_a_stand_in_ended_early_opens_nothing_any_more(crew: Team) -> None:
    crew.name("head", "team_coordinator", "team_member", sentence=SENTENCE)
    line = crew.see("head").stand_ins[0]
    assert line.sentence == SENTENCE
    assert crew.see("team_member/2").stand_ins[0].reason == "", "why somebody is away is for who names"
    assert not crew.see("team_member/2").stand_ins[0].may_end
    with pytest.raises(Unseen):
        end(crew, "team_member/2", line.post)
    crew.school.wait(minutes=1)
    end(crew, "head", line.post)
    assert "team_coordinator" not in roles(crew, "team_member")
    assert "team_member" in roles(crew, "team_member")
    with pytest.raises(Unseen):
        end(crew, "head", line.post)
    head, member = crew.school.account("head"), crew.school.account("team_member")
    assert crew.log() == [
        ("stand_in_named", head, member, "illness"),
        ("stand_in_ended", head, member, "returned"),
    ]


@pytest.mark.exhaustive
def test_somebody_of_a_neighbour_school_may_stand_in(crew: Team) -> None:
    with crew.ctx.directory.writing() as session:
        province = auth_repository.unit_coded(session, "REHEARSAL-P")
        assert province is not None
        beside = auth_repository.add_unit(
            session, kind=UnitKind.school, code="00001B", names={"fr": "Voisine"}, parent=province.id
        )
        account = auth_repository.add_account(
            session, username="voisine", names={"fr": "Voisine V."}, language="fr", created_at=NOW, certified=True,
            trained_until=date(2099, 1, 1),
        )  # fmt: skip
        auth_repository.appoint(session, account, role="team_coordinator", unit=beside, starts=date(2020, 1, 1))
    view = stand_ins.see_stand_in(crew.ctx, crew.now("head"), CODE)
    found = next(line for line in view.candidates if line.id == account)
    assert found.elsewhere is not None
    assert found.elsewhere.code == "00001B"
    crew.name("head", "team_coordinator", "head", account=account)
    crew.school.report()
    with crew.ctx.directory.reading() as session:
        actor = sign_in_service.actor_of(crew.ctx, account, session)
    assert actor is not None
    see_case(crew.ctx, actor, crew.school.number)


def roles(crew: Team, who: str) -> set[str]:
    return {held.role for held in crew.now(who).appointments}


def end(crew: Team, by: str, post: str) -> Changed:
    return stand_ins.end_stand_in(
        crew.ctx, crew.now(by), CODE, post, reason="returned", sentence="", token=crew.school.token()
    )


# ---- the page ------------------------------------------------------------------------------------------------------


def test_the_page_lists_people_by_role_with_their_training(crew: Team) -> None:
    view = crew.see("head")
    found = [line.role.key for line in view.roles]
    assert found == ["team_member", "team_coordinator", "head", "psychosocial", "reporter"]
    assert view.trained == 6
    assert not view.is_few
    with crew.ctx.directory.writing() as session:
        for who in ("team_member", "head", "psychosocial", "reporter"):
            auth_repository.set_training(
                session, crew.school.account(who), certified=True, trained_until=TODAY - timedelta(1)
            )
    view = crew.see("head")
    assert view.trained == 2
    assert view.is_few
    assert {seat.key for _protocol, seat in view.from_afar} == {"substitute", "second"}


def test_only_who_has_something_to_do_there_finds_it(crew: Team) -> None:
    roles = crew.school.player.protocol.roles
    may = {who for who in roles if permissions.may(crew.ctx, crew.now(who), Permission.see_team)}
    assert may == {"team_member", "team_coordinator", "head", "psychosocial", "directorate"}
    for who in ("reporter", "trainer", "technical_admin", "data_officer", "academy"):
        with pytest.raises(Unseen):
            crew.see(who)


def test_the_other_province_sees_nothing(crew: Team) -> None:
    with crew.ctx.directory.writing() as session:
        province = auth_repository.add_unit(session, kind=UnitKind.province, code="P2", names={"fr": "Autre"})
        account = auth_repository.add_account(
            session, username="autre", names={"fr": "A"}, language="fr", created_at=NOW
        )
        auth_repository.appoint(session, account, role="directorate", unit=province, starts=date(2020, 1, 1))
    with crew.ctx.directory.reading() as session:
        other = sign_in_service.actor_of(crew.ctx, account, session)
    assert other is not None
    with pytest.raises(Unseen):
        teams.see_team(crew.ctx, other, CODE)
    with pytest.raises(Unseen):
        handing_over.see_leaving(crew.ctx, other, CODE, crew.post("team_member"))


# ---- leaving -------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_who_holds_a_case_hands_it_over_first(crew: Team, led: str) -> None:
    view = handing_over.see_leaving(crew.ctx, crew.now("head"), CODE, crew.post("team_member/2"))
    assert [(case.number, [seat.key for seat in case.seats]) for case in view.held] == [(led, ["lead"])]
    assert view.held[0].act is not None
    assert view.held[0].gives == {"lead"}
    assert refused(crew.leave, "head", "team_member/2") == ("seats_held",)
    assert refused(crew.leave, "team_member/2", "team_member/2", 10) == ("seats_held",)
    own = handing_over.see_leaving(crew.ctx, crew.now("team_member/2"), CODE, crew.post("team_member/2"))
    assert [case.number for case in own.held] == [led]
    assert own.held[0].gives == frozenset()
    assert "head" in own.held[0].given_by
    crew.school.act("head", "name_seat", seat="lead", account=crew.school.account("team_member"))
    token = crew.session("team_member/2")
    assert crew.is_signed_in(token)
    assert crew.leave("head", "team_member/2").at_once
    assert not crew.is_signed_in(token)
    assert crew.now("team_member/2").appointments == ()
    with pytest.raises(Unseen):
        see_case(crew.ctx, crew.now("team_member/2"), led)
    assert see_desk(crew.ctx, crew.now("team_member/2")).lines == ()


@pytest.mark.exhaustive
def test_an_ended_case_holds_nobody_back(crew: Team, led: str) -> None:
    with crew.ctx.realm.writing() as session:
        session.execute(update(CaseIndexRow).values(ended=True))
    assert crew.leave("head", "team_member/2").at_once


@pytest.mark.exhaustive
def test_a_member_leaves_on_a_day_to_come(crew: Team) -> None:
    done = crew.leave("team_member", "team_member", 7)
    assert (done.at_once, done.is_self) == (False, True)
    crew.school.wait(days=7)
    assert roles(crew, "team_member") == {"team_member"}
    crew.school.wait(days=1)
    assert roles(crew, "team_member") == set()
    member = crew.school.account("team_member")
    assert crew.log() == [("leaving", member, member, "moved")]


@pytest.mark.exhaustive
def test_a_last_day_is_never_put_off(crew: Team) -> None:
    crew.leave("team_member", "team_member", 7)
    assert refused(crew.leave, "head", "team_member", 30) == ("ends_before",)
    assert problems(crew.leave, "head", "team_member", -1) == {"last_day": ("in_the_past",)}
    assert problems(crew.leave, "head", "team_member", 400) == {"last_day": ("too_far_ahead",)}


@pytest.mark.exhaustive
def test_who_ends_what(crew: Team) -> None:
    for by, who in (
        ("team_member", "team_member/2"), ("team_coordinator", "team_member"), ("psychosocial", "head"),
        ("team_member", "head"),
    ):  # fmt: skip
        with pytest.raises(Unseen):
            crew.leave(by, who)
    crew.name("directorate", "head", "team_member")
    with pytest.raises(Unseen):
        crew.leave("team_member", "head")
    crew.leave("directorate", "head")
    crew.leave("head/2", "team_member/2")


def test_leaving_twice_is_leaving_once(crew: Team) -> None:
    token, post = crew.school.token(), crew.post("team_member")
    for repeated in (False, True):
        done = handing_over.leave(
            crew.ctx, crew.now("head"), CODE, post, last_day=day(0), reason="moved", sentence="", token=token
        )
        assert done.repeated is repeated
    assert [kind for kind, *_rest in crew.log()] == ["left"]


def test_a_case_that_the_head_may_not_know_of_does_not_betray_itself(crew: Team, led: str) -> None:
    """An excluded head is neither told of the case nor refused because of it; who left reads it no more."""
    with crew.ctx.realm.writing() as session:
        case_id = session.scalar(select(CaseIndexRow.case_id))
        session.add(CaseExclusionRow(case_id=case_id, account=crew.school.account("head")))
    view = handing_over.see_leaving(crew.ctx, crew.now("head"), CODE, crew.post("team_member/2"))
    assert view.held == ()
    crew.leave("head", "team_member/2")
    with pytest.raises(Unseen):
        see_case(crew.ctx, crew.now("team_member/2"), led)
    assert crew.orphans() == {led: ("left",)}


# ---- the emergency exit --------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_emergency_exit_ends_all_and_leaves_orphans(crew: Team, led: str) -> None:
    token = crew.session("team_member/2")
    assert crew.orphans() == {}
    done = crew.at_once("directorate", "team_member/2", reason="other", sentence=SENTENCE)
    assert (done.orphans, done.at_once) == (1, True)
    assert not crew.is_signed_in(token)
    with pytest.raises(Unseen):
        see_case(crew.ctx, crew.now("team_member/2"), led)
    assert see_desk(crew.ctx, crew.now("team_member/2")).lines == ()
    assert crew.orphans() == {led: ("left",)}
    crew.school.act("head", "name_seat", seat="lead", account=crew.school.account("team_member"))
    assert crew.orphans() == {}
    above, member = crew.school.account("directorate"), crew.school.account("team_member/2")
    assert sorted(crew.log()) == [("left_at_once", above, member, "other"), ("orphaned", above, member, "other")]
    told = {line.sentence for line in crew.see("directorate").history}
    assert told == {SENTENCE}
    assert {line.sentence for line in crew.see("head").history} == {""}, "a case may be behind it"


def test_who_is_appointed_again_may_carry_the_case_again(crew: Team, led: str) -> None:
    crew.at_once("directorate", "team_member/2")
    with crew.ctx.directory.writing() as session:
        auth_repository.appoint(
            session, crew.school.account("team_member/2"), role="team_member", unit=crew.school.player.school,
            starts=TODAY,
        )  # fmt: skip
    see_case(crew.ctx, crew.now("team_member/2"), led)
    assert crew.orphans() == {}


@pytest.mark.exhaustive
def test_a_role_elsewhere_does_not_keep_the_case_open(crew: Team, led: str) -> None:
    """The control of the exit: without its rows the seat alone would still open the case."""
    with crew.ctx.directory.writing() as session:
        other = auth_repository.add_unit(session, kind=UnitKind.school, code="00002C", names={"fr": "Ailleurs"})
        auth_repository.appoint(
            session, crew.school.account("team_member/2"), role="team_member", unit=other, starts=date(2020, 1, 1)
        )
    crew.at_once("directorate", "team_member/2")
    left = crew.now("team_member/2")
    assert left.left == {led}
    with pytest.raises(Unseen):
        see_case(crew.ctx, left, led)
    with pytest.raises(Unseen):
        see_act(crew.ctx, left, led, "note")
    see_case(crew.ctx, replace(left, left=frozenset()), led)


@pytest.mark.exhaustive
@pytest.mark.parametrize("by", ["head", "team_coordinator", "team_member"])
def test_only_who_oversees_has_the_emergency_exit(crew: Team, led: str, by: str) -> None:
    with pytest.raises(Unseen):
        crew.at_once(by, "team_member/2")
    assert crew.log() == []


# ---- orphans -------------------------------------------------------------------------------------------------------


def test_a_case_without_a_lead_past_the_first_steps_is_an_orphan(crew: Team) -> None:
    """While the whole team sees a case nobody has to lead it yet; later, somebody must."""
    crew.school.report()
    assert crew.orphans() == {}
    protocol = crew.school.player.protocol
    later = next(key for key, state in protocol.states.items() if not state.team_sees and not state.ended)
    with crew.ctx.realm.writing() as session:
        session.execute(update(CaseIndexRow).values(state=later, team_sees=False))
    assert crew.orphans() == {crew.school.number: ("empty",)}


@pytest.mark.exhaustive
def test_inactive_untrained_and_headless(crew: Team, led: str) -> None:
    lead = crew.school.account("team_member/2")
    with crew.ctx.directory.writing() as session:
        auth_repository.set_training(session, lead, certified=True, trained_until=TODAY - timedelta(1))
    assert crew.orphans() == {led: ("untrained",)}
    with crew.ctx.directory.writing() as session:
        auth_repository.set_training(session, lead, certified=True, trained_until=date(2099, 1, 1))
        auth_repository.set_active(session, lead, active=False)
    assert crew.orphans() == {led: ("inactive",)}
    with crew.ctx.directory.writing() as session:
        auth_repository.set_active(session, lead, active=True)
        auth_repository.set_active(session, crew.school.account("head"), active=False)
    assert crew.orphans() == {led: ("no_head",)}
    crew.name("directorate", "head", "reporter")
    assert crew.orphans() == {}


@pytest.mark.exhaustive
def test_orphans_are_for_who_oversees_and_are_not_unsealed(
    crew: Team, led: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew.at_once("directorate", "team_member/2")

    def unsealed(*_args: Any, **_more: Any) -> None:
        raise AssertionError("nothing is unsealed for a list")

    monkeypatch.setattr(type(crew.ctx.vault), "open_sealed", unsealed)
    view = handing_over.see_overseen(crew.ctx, crew.now("directorate"))
    assert [line.number for line in view.orphans] == [led]
    assert view.orphans[0].since == TODAY
    assert handing_over.see_overseen(crew.ctx, crew.now("head")).orphans == ()
    assert handing_over.see_overseen(crew.ctx, crew.now("academy")).orphans == ()


# ---- the hand-over -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_hand_over_names_no_pupil_and_quotes_nobody_and_is_a_reading(crew: Team, led: str) -> None:
    crew.school.act("team_member/2", "note", text=f"{NAME} : {WORDS}")
    view = handing_over.see_hand_over(crew.ctx, crew.now("head"), CODE)
    assert [case.head.number for case in view.cases] == [led]
    case = view.cases[0]
    assert [line.seat.key for line in case.seats] == ["lead"]
    assert [line.act.key for line in case.notes] == ["note"]
    assert case.note_act is not None
    assert case.dues
    told = repr((case.dues, case.seats, case.referrals, case.follow_up, case.notes))
    assert NAME not in told
    assert WORDS not in told
    with crew.ctx.realm.reading() as session:
        rows = session.execute(select(AccessRow.what, AccessRow.account)).all()
    assert ("hand_over", crew.school.account("head")) in [tuple(row) for row in rows]


@pytest.mark.exhaustive
def test_the_hand_over_shows_only_what_its_reader_sees(crew: Team, led: str) -> None:
    protocol = crew.school.player.protocol
    later = next(key for key, state in protocol.states.items() if not state.team_sees and not state.ended)
    with crew.ctx.realm.writing() as session:
        session.execute(update(CaseIndexRow).values(state=later, team_sees=False))
    for who, found in {"team_member": 0, "team_member/2": 1, "psychosocial": 0, "directorate": 1, "head": 1}.items():
        assert len(handing_over.see_hand_over(crew.ctx, crew.now(who), CODE).cases) == found, who
    for who in ("reporter", "data_officer", "trainer"):
        with pytest.raises(Unseen):
            handing_over.see_hand_over(crew.ctx, crew.now(who), CODE)


# ---- written down --------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "statement", [update(AdministrationRow).values(reason="x"), delete(AdministrationRow)], ids=["update", "delete"]
)
def test_what_was_changed_stays_written(crew: Team, statement: Any) -> None:
    crew.name("head", "team_coordinator", "team_member")
    with pytest.raises(IntegrityError, match="append-only"), crew.ctx.directory.writing() as session:
        session.execute(statement)
    assert len(crew.log()) == 1


@pytest.mark.exhaustive
def test_a_change_and_its_row_are_one(crew: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: where the row can't be written, nothing is changed."""

    def broken(*_args: Any, **_more: Any) -> None:
        raise RuntimeError("no room")

    def count() -> int:
        with crew.ctx.directory.reading() as session:
            return session.scalar(select(func.count()).select_from(AppointmentRow)) or 0

    before = count()
    monkeypatch.setattr(administration_log, "write_entry", broken)
    with pytest.raises(RuntimeError):
        crew.name("head", "team_coordinator", "team_member")
    assert count() == before
