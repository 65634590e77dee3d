"""Codes that are printed: who can't take both parts, who is told, who sees it, what a slip in the wrong box costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import pytest
from engine.telling import MOROCCAN, NOW
from sqlalchemy import func, select

from school_protocol.auth import access_codes
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import FormerAddressRow
from school_protocol.auth.own_account import tell_of_accounts
from school_protocol.auth.service import MOVED, IdentityRefused
from school_protocol.auth.sign_in_service import actor_of
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.mail import Letter, Post, Unreachable
from school_protocol.notifications.receivers import keep_address
from school_protocol.people import imports, stand_ins
from school_protocol.people import service as people_service
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Kind

from .conftest import School
from .proving import People


@pytest.fixture
def people(moroccan: Protocol) -> Iterator[People]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield People(player)


def admin_above(people: People, username: str = "chief") -> Actor:
    """Somebody who administers the region's accounts."""
    ctx = people.ctx
    with ctx.directory.writing() as session:
        school = auth_repository.unit(session, people.player.school)
        account = auth_repository.add_account(
            session, username=username, names={"fr": username}, language="fr", created_at=NOW
        )
        auth_repository.appoint(
            session, account, role="technical_admin", unit=school.parents[-1], starts=date(2020, 1, 1)
        )
    with ctx.directory.reading() as session:
        found = actor_of(ctx, account, session)
    assert found is not None
    return found


# ---- one person, two parts -------------------------------------------------------------------------------------------


def made_by(people: People, by: Actor, username: str) -> Actor:
    """An administrator of the school whom that one makes, and lets in."""
    done = people_service.create(
        people.ctx, by, username=username, name_fr="Puppet", name_ar=None, language="fr", email=None, phone=None,
        role="technical_admin", unit="00000A", starts=people.ctx.now().date().isoformat(), ends=None,
        certified_until=None, reason="takes_up", sentence="", token=username,
    )  # fmt: skip
    access_codes.invite_by_slip(people.ctx, by, done.account, people.ctx.now())
    with people.ctx.directory.reading() as session:
        found = actor_of(people.ctx, done.account, session)
    assert found is not None
    return found


def refuses(people: People, asks: Actor, agrees: Actor, whom: str = "head") -> str:
    """Why it isn't agreed to; empty where it is."""
    access_codes.ask_restoring(people.ctx, asks, people.actor(whom).id)
    try:
        access_codes.agree(people.ctx, agrees, people.actor(whom).id)
    except IdentityRefused as error:
        return error.code
    finally:
        access_codes.withdraw(people.ctx, asks, people.actor(whom).id)
    return ""


def test_nobody_agrees_with_an_account_of_their_own_making(people: People) -> None:
    people.give_phone("head")
    chief = admin_above(people)
    puppet, second = made_by(people, chief, "puppet"), made_by(people, chief, "second")
    assert refuses(people, chief, puppet) == "one_hand"
    assert refuses(people, puppet, chief) == "one_hand", "the other way round"
    assert refuses(people, puppet, second) == "one_hand", "both were let in by one person"
    assert refuses(people, chief, people.actor("directorate")) == "", "two people"
    people.wait(days=29)
    assert refuses(people, chief, puppet) == "one_hand"
    people.wait(days=2)
    assert refuses(people, chief, puppet) == ""


@pytest.mark.exhaustive
def test_a_password_printed_for_the_other_counts_too(people: People) -> None:
    people.give_phone("head")
    people.give_password("technical_admin")
    chief = admin_above(people)
    assert refuses(people, chief, people.actor("technical_admin")) == ""
    access_codes.new_password_slip(people.ctx, chief, people.actor("technical_admin").id, people.ctx.now())
    assert refuses(people, chief, people.actor("technical_admin")) == "one_hand"


# ---- the wrong box ---------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_slip_in_the_wrong_box_is_not_used_up(people: People) -> None:
    people.give_password("team_member")
    people.give_phone("team_member")
    ctx, member, name = people.ctx, people.actor("team_member"), people.username("team_member")
    slip = access_codes.new_password_slip(ctx, people.actor("head"), member.id, ctx.now())
    access_codes.ask_restoring(ctx, people.actor("head"), member.id)
    lost = access_codes.agree(ctx, people.actor("directorate"), member.id)
    half = people.enter("team_member")
    assert half is not None
    assert access_codes.restore(ctx, half, slip.code) is None
    assert not access_codes.set_password_by_code(ctx, name, lost.code, "quatre tasses de thé")
    assert access_codes.restore(ctx, half, lost.code) is not None
    assert access_codes.set_password_by_code(ctx, name, slip.code, "quatre tasses de thé")


# ---- told ------------------------------------------------------------------------------------------------------------


@dataclass
class Box:
    """Takes letters, or is away."""

    sent: list[tuple[str, Letter]] = field(default_factory=list)
    is_away: bool = False

    def carry(self, to: str, letter: Letter) -> None:
        if self.is_away:
            raise Unreachable("away")
        self.sent.append((to, letter))


def addressed(people: People, *whose: str) -> None:
    ids = {who: people.actor(who).id for who in whose}
    with people.ctx.directory.writing() as session:
        for who, account in ids.items():
            auth_repository.set_address(session, account, email=f"{who}@ecole.example", phone=None)


def told(people: People, box: Box) -> list[str]:
    """Whom the next ring reaches."""
    box.sent.clear()
    tell_of_accounts(people.ctx, Post(mail=box))
    return sorted(to.partition("@")[0] for to, _letter in box.sent)


def test_the_owner_and_who_oversees_are_told_of_a_code_and_of_its_use_once(people: People) -> None:
    people.give_password("team_member")
    addressed(people, "team_member", "directorate", "head", "academy", "reporter")
    box, ctx = Box(), people.ctx
    assert told(people, box) == []
    slip = access_codes.new_password_slip(ctx, people.actor("head"), people.actor("team_member").id, ctx.now())
    box.is_away = True
    assert told(people, box) == []
    box.is_away = False
    people.wait(minutes=2)
    assert told(people, box) == ["directorate", "team_member"], "not the head, who printed it"
    words = " ".join(letter.subject + letter.text for _to, letter in box.sent)
    with ctx.directory.reading() as session:
        member = auth_repository.account(session, people.actor("team_member").id)
    assert member is not None
    assert not any(word in words for word in (slip.code, member.username, *member.names.values(), "00000A"))
    assert told(people, box) == []
    people.wait(minutes=5)
    assert access_codes.set_password_by_code(ctx, slip.username, slip.code, "quatre tasses de thé")
    assert told(people, box) == ["directorate", "team_member"]
    people.wait(minutes=30)
    assert told(people, box) == []


def test_of_a_supervisors_code_and_of_their_own_the_level_above_is_told(people: People) -> None:
    for who in ("directorate", "head"):
        people.give_password(who)
    addressed(people, "directorate", "academy", "head")
    box, ctx = Box(), people.ctx
    access_codes.new_password_slip(ctx, admin_above(people), people.actor("directorate").id, ctx.now())
    assert told(people, box) == ["academy", "directorate"]
    people.wait(minutes=5)
    access_codes.new_password_slip(ctx, people.actor("directorate"), people.actor("head").id, ctx.now())
    assert told(people, box) == ["academy", "head"], "who did it is no witness"


@pytest.mark.parametrize(("role", "is_told"), [("head", True), ("reporter", False)])
def test_a_role_that_reads_cases_is_told_and_another_is_not(people: People, role: str, is_told: bool) -> None:
    addressed(people, "directorate")
    people_service.create(
        people.ctx, admin_above(people), username="ghost", name_fr="Ghost", name_ar=None, language="fr",
        email="ghost@ecole.example", phone=None, role=role, unit="00000A", starts=NOW.date().isoformat(), ends=None,
        certified_until=None, reason="takes_up", sentence="", token="t",
    )  # fmt: skip
    assert told(people, Box()) == (["directorate", "ghost"] if is_told else [])


def test_codes_stand_on_the_page_of_who_oversees_alone(people: People) -> None:
    people.give_password("team_member")
    ctx, member = people.ctx, people.actor("team_member").id
    first = access_codes.new_password_slip(ctx, people.actor("head"), member, ctx.now())
    people.wait(minutes=5)
    assert access_codes.set_password_by_code(ctx, first.username, first.code, "quatre tasses de thé")
    used_at = ctx.now()
    people.wait(days=1)
    access_codes.new_password_slip(ctx, people.actor("head"), member, ctx.now())
    found = stand_ins.see_codes(ctx, people.actor("directorate"), "00000A")
    assert [(one.kind, one.used_at) for one in found] == [
        ("password_code_made", None), ("password_code_made", used_at),
    ]  # fmt: skip
    with ctx.directory.reading() as session:
        named = auth_repository.accounts(session, {member, people.actor("head").id})
    assert {(one.by, one.name) for one in found} == {
        (named[people.actor("head").id].name("fr"), named[member].name("fr"))
    }
    assert stand_ins.see_codes(ctx, people.actor("head"), "00000A") == ()
    assert stand_ins.see_codes(ctx, people.actor("team_coordinator"), "00000A") == ()
    people.wait(days=91)
    assert stand_ins.see_codes(ctx, people.actor("directorate"), "00000A") == ()


# ---- excluded --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_who_is_excluded_prints_no_code_for_those_who_carry_the_case(school: School) -> None:
    """Else an excluded head reads the case through a colleague."""
    people, ctx = People(school.player), school.ctx
    whose = ("team_member", "team_coordinator", "psychosocial", "reporter")
    for who in whose:
        people.give_password(who)

    def prints(by: str, who: str) -> str:
        try:
            access_codes.new_password_slip(ctx, people.actor(by), people.actor(who).id, ctx.now())
        except IdentityRefused as error:
            return error.code
        return ""

    school.report("team_member")
    assert [prints("head", who) for who in whose] == [""] * 4, "the head's code is wanted"
    school.act("directorate", "conflict", account=school.account("head"), reason="declares")
    assert [prints("head", who) for who in whose] == ["level_above"] * 3 + [""]
    assert [prints("directorate", who) for who in whose] == [""] * 4, "the level above prints it"
    people.give_phone("team_member")
    access_codes.ask_restoring(ctx, people.actor("directorate"), people.actor("team_member").id)
    with pytest.raises(IdentityRefused, match="level_above"):
        access_codes.agree(ctx, people.actor("head"), people.actor("team_member").id)


@pytest.mark.parametrize(("who", "may"), [("reporter", True), ("psychosocial", True), ("data_officer", False)])
def test_a_head_prints_for_whom_they_lead(people: People, who: str, may: bool) -> None:
    account = people.actor(who).id
    if may:
        assert access_codes.invite_by_slip(people.ctx, people.actor("head"), account, people.ctx.now()).code
    else:
        with pytest.raises(Unseen):
            access_codes.invite_by_slip(people.ctx, people.actor("head"), account, people.ctx.now())


# ---- an address changed first ----------------------------------------------------------------------------------------


def test_whoever_changed_an_address_prints_no_way_into_that_account(people: People) -> None:
    """The owner is told of a printed code by that address: a second person prints it, for thirty days."""
    people.give_password("head")
    people.give_phone("head")
    ctx, chief, head = people.ctx, admin_above(people), people.actor("head").id
    other, overseer = admin_above(people, "other"), people.actor("directorate")
    people_service.change_account(
        ctx, chief, head, name_fr="Head", name_ar=None, language="fr", email="elsewhere@example.org", phone=None,
        token="moved",
    )  # fmt: skip
    with pytest.raises(IdentityRefused, match="moved_by_you"):
        access_codes.new_password_slip(ctx, chief, head, ctx.now())
    access_codes.ask_restoring(ctx, overseer, head)
    with pytest.raises(IdentityRefused, match="moved_by_you"):
        access_codes.agree(ctx, chief, head)
    assert access_codes.agree(ctx, other, head).code
    assert access_codes.new_password_slip(ctx, other, head, ctx.now()).code
    people.wait(days=31)
    assert access_codes.new_password_slip(ctx, chief, head, ctx.now()).code


def test_whoever_made_the_account_that_changed_it_prints_none_either(people: People) -> None:
    """Who has a second account in hand changes the address with the one, and prints with the other."""
    people.give_password("head")
    ctx, chief, head = people.ctx, admin_above(people), people.actor("head").id
    puppet, other = made_by(people, chief, "puppet"), admin_above(people, "other")
    moves(people, puppet, "head", "elsewhere@example.org")
    with pytest.raises(IdentityRefused, match="moved_by_you") as refused:
        access_codes.new_password_slip(ctx, chief, head, ctx.now())
    assert refused.value.ends == ctx.now() + MOVED
    assert access_codes.new_password_slip(ctx, other, head, ctx.now()).code
    people.wait(days=31)
    assert access_codes.new_password_slip(ctx, chief, head, ctx.now()).code


def moves(people: People, by: Actor, whose: str, email: str | None, *, name: str = "Head", language: str = "fr") -> str:
    """One who administers changes what is known of somebody; returns their account."""
    account = people.actor(whose).id
    people_service.change_account(
        people.ctx, by, account, name_fr=name, name_ar=None, language=language, email=email, phone=None,
        token=f"{name}{language}{email}{people.ctx.now()}",
    )  # fmt: skip
    return account


def test_of_a_code_the_owner_is_told_where_they_were_reached_as_it_was_printed(people: People) -> None:
    people.give_password("head")
    addressed(people, "head")
    ctx, chief, box = people.ctx, admin_above(people), Box()
    access_codes.new_password_slip(ctx, chief, people.actor("head").id, ctx.now())
    people.wait(seconds=5)
    moves(people, chief, "head", "elsewhere@example.org")
    people.wait(seconds=5)
    box.is_away = True
    assert told(people, box) == []
    people.wait(minutes=5)
    box.is_away = False
    assert told(people, box) == ["head"], "one message, at the address before; the new one hears nothing"
    [(_to, letter)] = box.sent
    assert "Un code" in letter.text or "un code" in letter.text
    assert "adresse" in letter.text
    assert former(people) == 0, "kept until it was told"
    people.wait(minutes=5)
    assert told(people, box) == []
    access_codes.new_password_slip(ctx, admin_above(people, "other"), people.actor("head").id, ctx.now())
    assert told(people, box) == ["elsewhere"]


def former(people: People) -> int:
    with people.ctx.directory.reading() as session:
        return session.scalar(select(func.count()).select_from(FormerAddressRow)) or 0


@pytest.mark.parametrize("door", ["page", "list", "command"])
def test_the_address_before_is_told_that_it_was_changed_and_of_nothing_else(people: People, door: str) -> None:
    addressed(people, "head", "directorate", "academy")
    ctx, box, name = people.ctx, Box(), people.username("head")
    if door == "page":
        moves(people, admin_above(people), "head", "elsewhere@example.org")
    elif door == "list":
        brings(people, admin_above(people), f"kind;username;email\nperson;{name};elsewhere@example.org")
    else:
        keep_address(ctx, name, email="elsewhere@example.org")
    with ctx.directory.reading() as session:
        kept = session.scalars(select(FormerAddressRow)).one()
        assert b"ecole" not in kept.wrapped
    assert told(people, box) == ["head"]
    text = box.sent[0][1].text
    assert "adresse" in text
    assert not any(word in text for word in ("elsewhere", name, "code", "00000A"))
    people.wait(minutes=5)
    assert told(people, box) == []
    assert former(people) == 0


def brings(people: People, by: Actor, lines: str) -> None:
    """A list, confirmed."""
    found = imports.bring(people.ctx, by, f"{lines}\n".encode(), "l.csv")
    imports.confirm(people.ctx, by, found.id, found.digest)


def test_an_address_before_is_not_kept_for_ever_where_nothing_leaves(people: People) -> None:
    addressed(people, "head")
    moves(people, admin_above(people), "head", "elsewhere@example.org")
    tell_of_accounts(people.ctx, Post())
    assert former(people) == 1
    people.wait(days=3)
    tell_of_accounts(people.ctx, Post())
    assert former(people) == 0


@pytest.mark.parametrize("door", ["page", "list"])
def test_another_name_or_language_moves_no_message_and_holds_up_nobody(people: People, door: str) -> None:
    people.give_password("head")
    addressed(people, "head")
    ctx, chief, box, head = people.ctx, admin_above(people), Box(), people.actor("head").id
    if door == "page":
        moves(people, chief, "head", "head@ecole.example", name="Autre nom", language="ar")
    else:
        line = f"person;{people.username('head')};Autre nom;head@ecole.example"
        brings(people, chief, f"kind;username;name_fr;email\n{line}")
    assert told(people, box) == []
    assert access_codes.new_password_slip(ctx, chief, head, ctx.now()).code
    with ctx.directory.reading() as session:
        rows = administration_log.about(session, head, kinds=administration_log.OF_STAFF, limit=10)
    assert [row.kind for row in rows if row.actor == chief.id] == [Kind.account_changed]


def test_what_was_sent_unchanged_leaves_no_row(people: People) -> None:
    addressed(people, "head")
    chief, head = admin_above(people), people.actor("head").id
    with people.ctx.directory.reading() as session:
        account = auth_repository.account(session, head)
    assert account is not None
    people_service.change_account(
        people.ctx, chief, head, name_fr=account.names.get("fr"), name_ar=account.names.get("ar"),
        language=account.language, email=account.email, phone=account.phone, token="same",
    )  # fmt: skip
    with people.ctx.directory.reading() as session:
        rows = administration_log.about(session, head, kinds=administration_log.OF_STAFF, limit=10)
    assert [row.kind for row in rows if row.actor == chief.id] == []


def test_who_moved_an_address_reads_from_when_they_can_print_again(people: People) -> None:
    people.give_password("head")
    addressed(people, "head")
    ctx, chief = people.ctx, admin_above(people)
    head, began = moves(people, chief, "head", "elsewhere@example.org"), ctx.now()
    people.wait(days=2)
    with pytest.raises(IdentityRefused) as refused:
        access_codes.new_password_slip(ctx, chief, head, ctx.now())
    assert (refused.value.code, refused.value.ends) == ("moved_by_you", began + MOVED)
