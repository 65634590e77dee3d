"""Invitations by school: who sends them, where and into which roles; the link is the invited person's alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from engine.telling import NOW
from sqlalchemy import delete, select

from school_protocol.auth import access_codes, permissions, sign_in_repository, sign_in_service
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.own_account import tell_of_accounts
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor, Permission, UnitKind
from school_protocol.mail import Letter, Post, Unreachable
from school_protocol.notifications import repository as notifications_repository
from school_protocol.people import invitations
from school_protocol.people import repository as people_repository
from school_protocol.people.invitations import send_invitations
from school_protocol.people.teams import TeamRefused
from school_protocol.storage.models import AdministrationRow, DemoMarkRow, OutboxRow

from .conftest import School

ADDRESS = "https://ecole.example"
TRAINED = "2028-08-31"
GIVEN = ("reporter", "team_member", "team_coordinator", "psychosocial")


@dataclass
class Mailbox:
    """Letters that left; shut, none does."""

    sent: list[tuple[str, Letter]] = field(default_factory=list)
    is_shut: bool = False

    def carry(self, to: str, letter: Letter) -> None:
        if self.is_shut:
            raise Unreachable("shut")
        self.sent.append((to, letter))

    def to(self, address: str) -> list[str]:
        return [letter.text for to, letter in self.sent if to == address]


class Desk:
    """Two academies with a province and a school each, and who answers for them."""

    def __init__(self, school: School) -> None:
        self.school, self.ctx, self.mail = school, school.ctx, Mailbox()
        object.__setattr__(self.ctx.settings, "address", ADDRESS)
        with self.ctx.directory.writing() as session:
            notifications_repository.mark_as_demo(session, at=NOW)
            self.country = auth_repository.add_unit(session, kind=UnitKind.country, code="KMA", names={"fr": "Maroc"})
            self.ids: dict[str, str] = {}
            for place in ("1", "2"):
                above = self.country
                for kind, code in ((UnitKind.region, f"KR{place}"), (UnitKind.province, f"KP{place}"),
                                   (UnitKind.school, f"0000{place}K")):  # fmt: skip
                    above = self.ids[code] = auth_repository.add_unit(
                        session, kind=kind, code=code, names={"fr": code}, parent=above
                    )  # fmt: skip
            self.people = {
                "academy": self._person(session, "academy", "academy", "KR1"),
                "directorate": self._person(session, "directorate", "directorate", "KP1"),
                "other": self._person(session, "other", "academy", "KR2"),
                "head": self._person(session, "head", "head", "00001K"),
                "trainer": self._person(session, "trainer", "trainer", "KR1"),
                "chief": self._person(session, "chief", "technical_admin", "KR1"),
            }

    def _person(self, session: Any, who: str, role: str, unit: str) -> str:
        account = auth_repository.add_account(
            session, username=f"k.{who}", names={"fr": who}, language="fr", created_at=NOW, email=f"{who}@k.example"
        )
        auth_repository.set_password(session, account, "hash")
        auth_repository.appoint(session, account, role=role, unit=self.ids[unit], starts=date(2020, 1, 1))
        return account

    def actor(self, who: str) -> Actor:
        with self.ctx.directory.reading() as session:
            found = sign_in_service.actor_of(self.ctx, self.people[who], session)
        assert found is not None
        return found

    def invite(self, who: str = "academy", token: str = "", **changes: Any) -> str:
        said: dict[str, Any] = {
            "unit": "00001K", "roles": ["reporter"], "name_fr": "Salma Zqbennani", "name_ar": "", "language": "fr",
            "email": "s.bennani@ecole.example", "certified_until": None,
        }  # fmt: skip
        return invitations.invite(
            self.ctx, self.actor(who), **{**said, **changes}, token=token or self.school.token()
        ).account  # fmt: skip

    def press(self, change: Any, account: str, who: str = "academy") -> None:
        change(self.ctx, self.actor(who), account, token=self.school.token())

    def lines(self, who: str = "academy", school: str = "") -> list[invitations.OpenLine]:
        return list(invitations.see_invitations(self.ctx, self.actor(who), school).lines)

    def send(self) -> int:
        return send_invitations(self.ctx, Post(mail=self.mail))

    def link(self, address: str = "s.bennani@ecole.example") -> str:
        """The token of the latest link that was sent there."""
        found = re.search(rf"{ADDRESS}/invited/(\S+)", self.mail.to(address)[-1])
        assert found is not None
        return found[1]

    def held(self, account: str) -> list[tuple[str, str]]:
        with self.ctx.directory.reading() as session:
            posts = people_repository.held(session, [account])[account]
            units = auth_repository.find_units(session, {post.unit for post in posts})
        return sorted((post.role, units[post.unit].code) for post in posts if not post.is_over(NOW.date()))

    def account(self, account: str) -> auth_repository.Account:
        with self.ctx.directory.reading() as session:
            found = auth_repository.account(session, account)
        assert found is not None
        return found


@pytest.fixture
def desk(school: School) -> Desk:
    return Desk(school)


def refused(call: Any, *args: Any, **more: Any) -> set[str]:
    with pytest.raises(TeamRefused) as caught:
        call(*args, **more)
    return {one.code for one in caught.value.obstacles}


def problems(call: Any, *args: Any, **more: Any) -> dict[str, tuple[str, ...]]:
    with pytest.raises(BadInput) as caught:
        call(*args, **more)
    return dict(caught.value.problems)


# ---- who, where, into what -----------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_an_academy_and_a_directorate_invite_into_the_schools_below_them_alone(desk: Desk) -> None:
    for who in ("academy", "directorate"):
        account = desk.invite(who, email=f"{who}.new@ecole.example")
        assert desk.held(account) == [("reporter", "00001K")]
        for beyond in ("00002K", "KP1", "KR1", "KMA", "99999Z"):
            assert problems(desk.invite, who, unit=beyond) == {"unit": ("not_your_unit",)}
        assert problems(desk.invite, who, unit="") == {"unit": ("required",)}


@pytest.mark.exhaustive
def test_nobody_else_invites_and_finds_no_page(desk: Desk) -> None:
    for who in ("head", "trainer", "chief"):
        assert not permissions.may(desk.ctx, desk.actor(who), Permission.invite)
        for call in (invitations.see_invitations, invitations.roles_for, invitations.schools_for):
            with pytest.raises(Unseen):
                call(desk.ctx, desk.actor(who))
        with pytest.raises(Unseen):
            desk.invite(who)
    assert permissions.may(desk.ctx, desk.actor("academy"), Permission.invite), "the control"


@pytest.mark.exhaustive
def test_no_role_that_lifts_is_given_whatever_is_posted(desk: Desk) -> None:
    roles = desk.school.player.protocol.roles
    given = {who: invitations.roles_for(desk.ctx, desk.actor(who)) for who in ("academy", "directorate")}
    assert {role.key for _protocol, role in given["directorate"]} == set(GIVEN)
    assert {role.key for _protocol, role in given["academy"]} == set(GIVEN) - {"team_coordinator"}, (
        "who reads all of a school"
    )
    lifting = set(roles) - set(GIVEN)
    assert {"head", "directorate", "academy", "technical_admin", "protocol_admin", "data_officer", "trainer"} <= lifting
    for who in ("academy", "directorate"):
        for role in sorted(lifting):
            for asked in ([role], ["reporter", role]):
                assert problems(desk.invite, who, roles=asked) == {"roles": ("unknown_option",)}
    assert desk.lines() == []


def test_nobody_invites_themselves(desk: Desk) -> None:
    assert refused(desk.invite, email="ACADEMY@k.example") == {"own_rights"}
    assert desk.lines() == []
    for change in (invitations.resend, invitations.withdraw):
        with pytest.raises(Unseen):
            desk.press(change, desk.people["academy"])


@pytest.mark.exhaustive
def test_a_role_of_the_team_asks_for_a_certificate_and_several_come_together(desk: Desk) -> None:
    assert refused(desk.invite, roles=["team_member"]) == {"untrained"}
    account = desk.invite(roles=["team_member", "psychosocial"], certified_until=TRAINED)
    assert desk.held(account) == [("psychosocial", "00001K"), ("team_member", "00001K")]
    assert desk.account(account).trained_until == date(2028, 8, 31)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"roles": []}, {"roles": ("required",)}), ({"email": ""}, {"email": ("required",)}),
        ({"email": "salma"}, {"email": ("not_an_address",)}), ({"name_fr": ""}, {"name_fr": ("required",)}),
        ({"language": "xx"}, {"language": ("unknown_option",)}),
        ({"certified_until": "31/12/2028"}, {"certified_until": ("not_a_date",)}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_box(desk: Desk, changes: dict[str, Any], found: dict[str, Any]) -> None:
    assert problems(desk.invite, **changes) == found
    assert desk.lines() == []


@pytest.mark.exhaustive
def test_a_user_name_is_made_of_the_address_and_is_free(desk: Desk) -> None:
    written = ("S.Bennani@a.example", "s.bennani@b.example", "elodie+x@a.example", "___@a.example")
    names = [desk.account(desk.invite(email=one)).username for one in written]
    assert names == ["s.bennani", "s.bennani2", "elodiex", "membre"]


# ---- sent, sent again, withdrawn -----------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_link_leaves_by_mail_once_lets_in_and_stands_nowhere(desk: Desk) -> None:
    account = desk.invite()
    (line,) = desk.lines()
    assert (line.account, line.school.code, line.until) == (account, "00001K", None), "nothing is out yet"
    assert [desk.send(), desk.send()] == [1, 0]
    (line,) = desk.lines()
    assert line.until == desk.ctx.now() + access_codes.GOOD_FOR
    token = desk.link()
    assert "s.bennani" in desk.mail.to("s.bennani@ecole.example")[0]
    with desk.ctx.realm.reading() as session:
        rows = session.scalars(select(OutboxRow)).all()
        assert token not in repr([row.payload for row in rows])
    assert access_codes.accept_invitation(desk.ctx, token, "une phrase assez longue 7")
    assert desk.lines() == [], "who came in is no open invitation"
    for change in (invitations.resend, invitations.withdraw):
        with pytest.raises(Unseen):
            desk.press(change, account)


@pytest.mark.exhaustive
def test_sent_again_the_earlier_link_is_worth_nothing(desk: Desk) -> None:
    account = desk.invite()
    desk.send()
    first = desk.link()
    desk.school.wait(hours=1)
    desk.press(invitations.resend, account)
    assert desk.send() == 1
    second = desk.link()
    assert first != second
    assert access_codes.see_invitation(desk.ctx, first) is None
    assert access_codes.see_invitation(desk.ctx, second) is not None
    desk.school.wait(hours=73)
    assert access_codes.see_invitation(desk.ctx, second) is None
    assert desk.lines()[0].until is None


def test_withdrawn_nobody_comes_in_and_nothing_is_held(desk: Desk) -> None:
    account = desk.invite()
    desk.send()
    token = desk.link()
    desk.press(invitations.withdraw, account)
    assert desk.lines() == []
    assert access_codes.see_invitation(desk.ctx, token) is None
    assert not access_codes.accept_invitation(desk.ctx, token, "une phrase assez longue 7")
    assert not desk.account(account).active
    again = desk.invite(email="autre@ecole.example")
    desk.press(invitations.withdraw, again)
    assert desk.send() == 0, "what was withdrawn before it left doesn't leave"


@pytest.mark.exhaustive
def test_what_does_not_leave_is_tried_again(desk: Desk) -> None:
    desk.invite()
    desk.mail.is_shut = True
    assert desk.send() == 0
    assert desk.lines()[0].until is None, "no link is out"
    desk.mail.is_shut = False
    desk.school.wait(minutes=5)
    assert desk.send() == 1
    assert access_codes.see_invitation(desk.ctx, desk.link()) is not None


@pytest.mark.exhaustive
def test_without_mail_nobody_is_invited(desk: Desk) -> None:
    with desk.ctx.directory.writing() as session:
        session.execute(delete(DemoMarkRow))
    assert refused(desk.invite) == {"no_mail"}
    assert not invitations.see_invitations(desk.ctx, desk.actor("academy")).sends


def test_where_no_address_is_set_no_link_leaves(desk: Desk) -> None:
    desk.invite()
    with desk.ctx.directory.writing() as session:
        session.execute(delete(DemoMarkRow))
    object.__setattr__(desk.ctx.settings, "address", "")
    assert desk.send() == 0
    object.__setattr__(desk.ctx.settings, "address", ADDRESS)
    assert desk.send() == 1, "the control"


def test_pressed_twice_one_is_invited(desk: Desk) -> None:
    first = desk.invite(token="a form's own token")
    assert desk.invite(token="a form's own token") == first
    assert len(desk.lines()) == 1


# ---- whose it is to settle -----------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_another_academy_and_the_one_beside_settle_only_their_own(desk: Desk) -> None:
    account = desk.invite("directorate")
    assert [line.account for line in desk.lines("academy")] == [account], "above, it is theirs too"
    assert desk.lines("other") == []
    for change in (invitations.resend, invitations.withdraw):
        with pytest.raises(Unseen):
            desk.press(change, account, "other")
    with pytest.raises(Unseen):
        desk.lines("other", "00001K")
    assert [line.account for line in desk.lines("academy", "00001k")] == [account]


def test_somebody_without_a_way_in_who_holds_more_than_they_could_give_is_not_theirs(desk: Desk) -> None:
    with desk.ctx.directory.writing() as session:
        account = auth_repository.add_account(
            session, username="new.head", names={"fr": "Head"}, language="fr", created_at=NOW, email="h@k.example"
        )
        auth_repository.appoint(session, account, role="head", unit=desk.ids["00001K"], starts=date(2020, 1, 1))
        auth_repository.appoint(session, account, role="reporter", unit=desk.ids["00001K"], starts=date(2020, 1, 1))
    assert desk.lines() == []
    for change in (invitations.resend, invitations.withdraw):
        with pytest.raises(Unseen):
            desk.press(change, account)


# ---- told and written down -----------------------------------------------------------------------------------------


def test_only_who_was_invited_by_mail_and_comes_in_no_other_way_is_awaited(desk: Desk) -> None:
    """Neither a slip that was printed for somebody of a list, nor whoever signs in by a provider, is theirs to end."""
    with desk.ctx.directory.writing() as session:
        listed = auth_repository.add_account(
            session, username="k.listed", names={"fr": "L"}, language="fr", created_at=NOW, email="l@ecole.example"
        )
        auth_repository.appoint(session, listed, role="reporter", unit=desk.ids["00001K"], starts=date(2020, 1, 1))
    account = desk.invite()
    assert [line.account for line in desk.lines()] == [account]
    with desk.ctx.directory.writing() as session:
        sign_in_repository.link(session, "https://id.example", "s-1", account, at=NOW)
    assert desk.lines() == []
    for one in (listed, account):
        for change in (invitations.resend, invitations.withdraw):
            with pytest.raises(Unseen):
                desk.press(change, one)
    assert desk.send() == 0, "no link leaves for whoever comes in another way"


@pytest.mark.exhaustive
def test_somebody_who_works_in_that_school_is_not_invited_there_again(desk: Desk) -> None:
    desk.invite()
    for who in ("academy", "directorate"):
        assert problems(desk.invite, who, email="S.Bennani@ecole.example") == {"email": ("works_there",)}
    assert problems(desk.invite, email="head@k.example") == {"email": ("works_there",)}
    desk.press(invitations.withdraw, desk.lines()[0].account)
    assert desk.invite()


def test_who_heads_the_school_is_told_and_it_is_written_down(desk: Desk) -> None:
    account = desk.invite("directorate", roles=["team_member"], certified_until=TRAINED)
    desk.send()
    tell_of_accounts(desk.ctx, Post(mail=desk.mail))
    assert len(desk.mail.to("head@k.example")) == 1
    assert len(desk.mail.to("academy@k.example")) == 1, "and who oversees from above"
    assert desk.mail.to("directorate@k.example") == [], "not who did it"
    assert len(desk.mail.to("s.bennani@ecole.example")) == 1, "the invitation alone"
    with desk.ctx.directory.reading() as session:
        rows = session.scalars(select(AdministrationRow).where(AdministrationRow.account == account)).all()
        assert {row.actor for row in rows} == {desk.people["directorate"]}
    assert sorted((row.kind, row.reason) for row in rows) == [
        ("account_created", "invitation"), ("appointed", "invitation"), ("certificate_seen", "invitation"),
        ("invited", "by_mail"),
    ]  # fmt: skip
    assert "Zqbennani" not in repr([letter.text for _to, letter in desk.mail.sent]), "no name leaves by mail"
