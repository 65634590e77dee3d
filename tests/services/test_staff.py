"""People who work: who administers whom, appointments that end at once, certificates that gate membership."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from engine.telling import NOW
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository, sign_in_service
from school_protocol.cases.lists import see_desk
from school_protocol.cases.showing import see_case
from school_protocol.engine.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.language import ZONE
from school_protocol.people import repository as people_repository
from school_protocol.people import service as people_service
from school_protocol.people import staff_list, teams
from school_protocol.people.staff_list import Standing
from school_protocol.people.teams import TeamRefused
from school_protocol.storage.models import AdministrationRow

from .conftest import School

TODAY = NOW.astimezone(ZONE).date()
FAR = (TODAY + timedelta(days=400)).isoformat()


def day(offset: int) -> str:
    return (TODAY + timedelta(days=offset)).isoformat()


class Office:
    """What administrators do: one of the region, one of the school, one of the school beside."""

    def __init__(self, school: School) -> None:
        self.school, self.ctx = school, school.ctx
        with self.ctx.directory.reading() as session:
            here = auth_repository.unit(session, school.player.school)
            self.province, self.region = (auth_repository.unit(session, one) for one in here.parents)
            self.here = here
        with self.ctx.directory.writing() as session:
            beside = auth_repository.add_unit(
                session, kind=UnitKind.school, code="00000B", names={"fr": "École d’à côté"}, parent=self.province.id
            )
        self.beside = beside
        self.ids = {
            name: self.add(name, self.admin_role, unit)
            for name, unit in (("chief", self.region.id), ("local", here.id), ("other", beside))
        }

    @property
    def admin_role(self) -> str:
        return next(role.key for role in self.school.player.protocol.roles.values() if role.administers)

    def add(self, username: str, role: str, unit: str, **more: Any) -> str:
        with self.ctx.directory.writing() as session:
            account = auth_repository.add_account(
                session, username=username, names={"fr": username.title()}, language="fr", created_at=NOW, **more
            )
            auth_repository.appoint(session, account, role=role, unit=unit, starts=date(2020, 1, 1))
        self.ids = {**getattr(self, "ids", {}), username: account}
        return account

    def enters(self, name: str) -> None:
        """They have chosen a password."""
        with self.ctx.directory.writing() as session:
            auth_repository.set_password(session, self.ids[name], "chosen")

    def actor(self, name: str) -> Actor:
        with self.ctx.directory.reading() as session:
            found = sign_in_service.actor_of(self.ctx, self.ids[name], session)
        assert found is not None
        return found

    def create(self, by: str = "local", **more: Any) -> people_service.Done:
        answers = {
            "username": "nadia", "name_fr": "Nadia El Fassi", "name_ar": "نادية الفاسي", "language": "ar",
            "email": "nadia@ecole.example", "phone": "06 12 34 56 78", "role": "reporter", "unit": "00000A",
            "starts": day(0), "ends": None, "certified_until": None, "reason": "takes_up", "sentence": "",
            "token": self.school.token(),
        }  # fmt: skip
        done = people_service.create(self.ctx, self.actor(by), **{**answers, **more})
        self.ids["nadia"] = done.account
        return done

    def appoint(self, by: str, whom: str, role: str, unit: str = "00000A", **more: Any) -> people_service.Done:
        answers = {"starts": day(0), "ends": None, "reason": "takes_up", "sentence": "", "token": self.school.token()}
        return people_service.appoint(
            self.ctx, self.actor(by), self.account(whom), role=role, unit=unit, **{**answers, **more}
        )

    def account(self, whom: str) -> str:
        return self.ids[whom] if whom in self.ids else self.school.account(whom)

    def end(self, by: str, whom: str, offset: int = 0, **more: Any) -> people_service.Done:
        post = more.pop("post", "") or self.posts(whom)[-1].id
        answers = {"last_day": day(offset), "reason": "moved", "sentence": "", "token": self.school.token(), **more}
        return people_service.end_membership(self.ctx, self.actor(by), self.account(whom), post, **answers)

    def posts(self, whom: str) -> tuple[people_repository.Held, ...]:
        with self.ctx.directory.reading() as session:
            return people_repository.held(session, [self.account(whom)]).get(self.account(whom), ())

    def posts_named(self, username: str) -> tuple[people_repository.Held, ...]:
        with self.ctx.directory.reading() as session:
            account = auth_repository.account_named(session, username)
            assert account is not None
            return people_repository.held(session, [account.id]).get(account.id, ())

    def certify(self, by: str, whom: str, until: str = FAR, **more: Any) -> people_service.Done:
        answers = {"issued": day(-3), "until": until, "token": self.school.token(), **more}
        return people_service.certify(self.ctx, self.actor(by), self.account(whom), **answers)

    def close(self, by: str, whom: str, reason: str = "retired") -> people_service.Done:
        return people_service.close_membership(
            self.ctx, self.actor(by), self.account(whom), reason=reason, sentence="", token=self.school.token()
        )

    def see(self, by: str, whom: str) -> staff_list.PersonView:
        return staff_list.see_person(self.ctx, self.actor(by), self.account(whom))

    def listed(self, by: str, **more: str) -> list[str]:
        return [one.username for one in staff_list.see_people(self.ctx, self.actor(by), **more).people]

    def log(self, whom: str) -> list[tuple[str, str, str]]:
        with self.ctx.directory.reading() as session:
            rows = session.scalars(
                select(AdministrationRow).where(AdministrationRow.account == self.account(whom))
            ).all()
        return [(row.kind, row.actor, row.reason) for row in rows]

    def session_of(self, whom: str) -> str:
        with self.ctx.directory.writing() as session:
            return sign_in_repository.open_web_session(session, self.account(whom), now=self.ctx.now())


@pytest.fixture
def office(school: School) -> Office:
    for who in ("head", "team_member", "team_coordinator", "directorate"):
        school.account(who)
    return Office(school)


def refused(call: Any, *args: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(TeamRefused) as caught:
        call(*args, **more)
    return tuple(one.code for one in caught.value.obstacles)


def problems(call: Any, *args: Any, **more: Any) -> dict[str, tuple[str, ...]]:
    with pytest.raises(BadInput) as caught:
        call(*args, **more)
    return dict(caught.value.problems)


# ---- who administers whom ------------------------------------------------------------------------------------------


def test_an_administrator_sees_the_unit_and_below_and_nobody_else_sees_anything(office: Office) -> None:
    office.add("elsewhere", "reporter", office.beside)
    assert "elsewhere" not in office.listed("local")
    assert "elsewhere" in office.listed("chief")
    assert "elsewhere" in office.listed("chief", unit="00000B")
    assert "elsewhere" not in office.listed("chief", unit="00000A")
    with pytest.raises(Unseen):
        office.listed("local", unit="00000B")
    with pytest.raises(Unseen):
        office.see("local", "elsewhere")
    for who in ("head", "team_coordinator", "directorate"):
        with pytest.raises(Unseen):
            staff_list.see_people(office.ctx, office.school.person(who))


@pytest.mark.exhaustive
def test_an_administrator_sees_no_case(office: Office) -> None:
    office.school.report()
    for name in ("chief", "local"):
        assert see_desk(office.ctx, office.actor(name)).lines == ()
        with pytest.raises(Unseen):
            see_case(office.ctx, office.actor(name), office.school.number)


def test_the_list_is_paged_by_user_name(office: Office) -> None:
    for place in range(staff_list.PAGE + 5):
        office.add(f"p{place:03}", "reporter", office.here.id)
    first = staff_list.see_people(office.ctx, office.actor("local"))
    rest = staff_list.see_people(office.ctx, office.actor("local"), after=first.after)
    assert len(first.people) == staff_list.PAGE
    assert first.after
    names = [one.username for one in (*first.people, *rest.people)]
    assert names == sorted(set(names))
    assert rest.after == ""


def test_a_new_account_comes_with_its_role_and_is_written_down(office: Office) -> None:
    done = office.create()
    view = office.see("local", "nadia")
    assert [post.role for post in view.line.posts] == ["reporter"]
    assert (view.email, view.phone) == ("nadia@ecole.example", "0612345678")
    assert not view.line.is_known, "no way in yet"
    assert {kind for kind, _by, _why in office.log("nadia")} == {"account_created", "appointed"}
    assert {(by, why) for _kind, by, why in office.log("nadia")} == {(office.ids["local"], "takes_up")}
    assert done.account == office.ids["nadia"]


def test_what_is_wrong_is_said_by_field(office: Office) -> None:
    office.create()
    assert problems(office.create, role="reporter") == {"username": ("taken",)}
    found = problems(
        office.create, username="نادية", name_fr="", name_ar=" ", email="x", phone="abc", role="", unit="00000B",
        starts="31/02/2026", reason="", ends=day(-4),
    )  # fmt: skip
    assert set(found) == {"username", "name_fr", "email", "phone", "role", "unit", "starts", "reason", "ends"}
    assert found["unit"] == ("not_your_unit",)


def test_pressed_twice_it_is_done_once(office: Office) -> None:
    token = office.school.token()
    first = office.create(token=token)
    again = office.create(token=token)
    assert (again.account, again.repeated) == (first.account, True)
    with pytest.raises(SentBefore):
        office.create(token=token, name_fr="Somebody else")


# ---- nobody raises their own rights --------------------------------------------------------------------------------


def test_nobody_changes_their_own_rights(office: Office) -> None:
    assert office.see("local", "local").standing is Standing.own
    assert "own_rights" in refused(office.appoint, "local", "local", "reporter")
    assert refused(office.end, "local", "local") == ("own_rights",)
    assert refused(office.certify, "local", "local") == ("own_rights",)
    assert refused(office.close, "local", "local") == ("own_rights",)


def test_nobody_appoints_above_their_unit(office: Office) -> None:
    office.create()
    assert problems(office.appoint, "local", "nadia", "directorate", "REHEARSAL-P") == {"unit": ("not_your_unit",)}
    assert refused(office.appoint, "local", "nadia", "directorate") == ("not_of_this_place",)
    assert office.appoint("chief", "nadia", "directorate", "REHEARSAL-P").account == office.ids["nadia"]


def test_whoever_works_elsewhere_too_is_not_changed_from_one_school(office: Office) -> None:
    """Else an administrator of a school could take over an account that oversees it."""
    office.create()
    office.appoint("chief", "nadia", "directorate", "REHEARSAL-P")
    view = office.see("local", "nadia")
    assert view.standing is Standing.part
    assert (view.email, view.phone, view.elsewhere) == ("", "", True)
    assert refused(office.close, "local", "nadia") == ("works_elsewhere",)
    assert refused(office.certify, "local", "nadia") == ("works_elsewhere",)
    above = next(one.id for one in office.posts("nadia") if one.role == "directorate")
    office.end("chief", "nadia", post=above)
    assert office.see("local", "nadia").standing is Standing.whole


def test_publishing_is_given_from_the_top_alone(office: Office) -> None:
    office.create()
    role = next(one.key for one in office.school.player.protocol.roles.values() if one.publishes)
    assert refused(office.appoint, "local", "nadia", role) == ("from_the_top",)
    office.appoint("chief", "nadia", role)


def test_a_role_that_administers_comes_from_above_alone(office: Office) -> None:
    """Else one administrator makes a second one, and is both people of whatever takes two."""
    region = office.region.code
    assert refused(office.create, "chief", username="puppet", role=office.admin_role, unit=region) == ("from_above",)
    assert refused(office.create, "local", username="puppet", role=office.admin_role) == ("from_above",)
    office.create("local")
    assert refused(office.appoint, "local", "nadia", office.admin_role) == ("from_above",)
    office.appoint("chief", "nadia", office.admin_role)
    peer = office.add("peer", office.admin_role, office.region.id)
    with office.ctx.directory.writing() as session:
        auth_repository.end_appointment(session, office.posts("peer")[-1].id, TODAY + timedelta(days=3))
    assert refused(office.end, "chief", "peer", offset=30) == ("from_above",), "nor is it made longer"
    assert office.end("chief", "peer", offset=2).account == peer


@pytest.mark.parametrize(("first", "then"), [("head", "admin"), ("admin", "head")])
def test_who_administers_reads_no_case_and_the_other_way_round(office: Office, first: str, then: str) -> None:
    roles = {"head": "head", "admin": office.admin_role}
    office.create("chief", role=roles[first])
    assert refused(office.appoint, "chief", "nadia", roles[then]) == ("administers_or_carries",)


def test_the_same_role_twice_is_refused(office: Office) -> None:
    office.create()
    assert refused(office.appoint, "local", "nadia", "reporter") == ("holds_it_already",)


# ---- leaving ends access at once -----------------------------------------------------------------------------------


def test_an_appointment_that_ends_today_ends_every_session_and_seat(office: Office) -> None:
    office.create(role="team_member", certified_until=FAR)
    office.enters("nadia")
    office.school.report()
    office.school.act("head", "name_seat", seat="lead", account=office.ids["nadia"])
    token = office.session_of("nadia")
    assert sign_in_service.recognise(office.ctx, token) is not None
    office.end("local", "nadia")
    assert sign_in_service.recognise(office.ctx, token) is None
    assert office.actor("nadia").appointments == ()
    assert office.school.number in office.actor("nadia").left
    kinds = [kind for kind, _by, _why in office.log("nadia")]
    assert kinds.count("appointment_ended") == kinds.count("orphaned") == 1
    seen = str(office.see("local", "nadia"))
    assert office.school.number not in seen, "which case it was is not said to who administers"


def test_a_later_last_day_ends_by_itself(office: Office) -> None:
    office.create()
    office.end("local", "nadia", offset=3)
    assert office.actor("nadia").appointments
    office.school.wait(days=4)
    assert office.actor("nadia").appointments == ()


def test_a_closed_account_is_out_and_can_come_back(office: Office) -> None:
    office.create()
    token = office.session_of("nadia")
    office.close("local", "nadia")
    assert sign_in_service.recognise(office.ctx, token) is None
    assert refused(office.close, "local", "nadia") == ("closed",)
    assert refused(office.appoint, "local", "nadia", "head") == ("closed",)
    answers = {"reason": "returned", "sentence": "", "token": office.school.token()}
    people_service.open_again(office.ctx, office.actor("local"), office.ids["nadia"], **answers)
    assert office.actor("nadia").appointments
    assert {"account_closed", "account_opened"} <= {kind for kind, _by, _why in office.log("nadia")}


def test_heads_see_in_their_team_who_was_appointed(office: Office) -> None:
    office.create()
    view = teams.see_team(office.ctx, office.school.person("head"), "00000A")
    assert [line.kind for line in view.history] == ["appointed"]


# ---- certificates --------------------------------------------------------------------------------------------------


def test_a_role_of_the_team_asks_for_a_current_certificate(office: Office) -> None:
    assert refused(office.create, role="team_member") == ("untrained",)
    assert refused(office.create, role="team_member", certified_until=day(3), starts=day(5)) == ("untrained",)
    office.create(role="team_member", certified_until=FAR)
    assert office.see("local", "nadia").line.is_trained


def test_certificates_are_kept_one_by_one_with_who_saw_them(office: Office) -> None:
    office.create()
    office.certify("local", "nadia", until=day(30))
    office.certify("chief", "nadia", until=FAR)
    seen = office.see("local", "nadia").certificates
    assert [(one.until.isoformat(), one.seen_by) for one in seen] == [(FAR, "Chief"), (day(30), "Local")]
    found = problems(office.certify, "local", "nadia", until=day(-1))
    assert found["until"][0].startswith("day_between")
    with office.ctx.directory.writing() as session, pytest.raises(DatabaseError):
        session.execute(text("UPDATE certificate SET until = '2099-01-01'"))


def test_those_that_end_within_sixty_days_are_listed_soonest_first(office: Office) -> None:
    for name, until in (("soon", 20), ("sooner", 5), ("later", 61), ("over", -2), ("overdue", -2)):
        role = "reporter" if name == "over" else "team_member"
        office.add(name, role, office.here.id, certified=True, trained_until=TODAY + timedelta(days=until))
    office.add("foreign", "team_member", office.beside, certified=True, trained_until=TODAY + timedelta(days=9))
    view = staff_list.see_ending(office.ctx, office.actor("local"))
    assert [one.username for one in view.people] == ["overdue", "sooner", "soon"]


@pytest.mark.exhaustive
def test_expiry_stops_new_places_and_no_running_case(office: Office) -> None:
    """Seat, team role, stand-in: each refuses from the day after; what is held goes on."""
    office.create(role="team_member", certified_until=day(2))
    office.enters("nadia")
    office.school.report()
    number = office.school.number
    office.school.act("head", "name_seat", seat="lead", account=office.ids["nadia"])
    office.school.wait(days=3)
    assert number in {line.number for line in see_desk(office.ctx, office.actor("nadia")).lines}, "it goes on"
    office.school.report()
    with pytest.raises((Refused, BadInput)) as caught:
        office.school.act("head", "name_seat", seat="lead", account=office.ids["nadia"])
    assert "not_trained" in str(caught.value)
    assert refused(office.appoint, "local", "nadia", "team_coordinator") == ("untrained",)
    office.certify("local", "nadia")
    office.school.act("head", "name_seat", seat="lead", account=office.ids["nadia"])
    office.appoint("local", "nadia", "team_coordinator")


def test_a_session_without_a_second_step_ends_where_the_new_role_asks_for_one(office: Office) -> None:
    """And stays where the new role asks for nothing."""
    account = office.add("asmae", "reporter", office.here.id)
    token = office.session_of("asmae")
    office.appoint("local", "asmae", "psychosocial")
    assert sign_in_service.recognise(office.ctx, token) is not None

    office.appoint("chief", "asmae", "directorate", office.province.code)

    assert sign_in_service.recognise(office.ctx, token) is None
    assert office.ids["asmae"] == account
