"""Receivers of messages: who is told of a case and by which ways, their addresses, how often they want to be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.auth.models import Channel
from school_protocol.auth.repository import Account
from school_protocol.auth.service import BY_COMMAND, ways_of, write_account_change
from school_protocol.auth.sign_in_service import actor_of
from school_protocol.cases import index_repository, lookup_repository
from school_protocol.cases.loading import scope_of
from school_protocol.cases.sharing import is_asked
from school_protocol.context import AppContext, today_for
from school_protocol.engine import visibility
from school_protocol.engine.actors import in_team
from school_protocol.engine.case_parts import acts_as
from school_protocol.engine.definition import ScopeKind
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.texts import is_address, is_phone, plain_phone
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.notifications import repository
from school_protocol.notifications.digests import paces
from school_protocol.notifications.repository import USUAL, Choice, Every, NoticeDraft, State
from school_protocol.people import repository as people_repository
from school_protocol.people.roster import on_duty
from school_protocol.people.service import say_address_changed
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.engines import Session


def keep_address(ctx: AppContext, username: str, *, email: str | None = None, phone: str | None = None) -> Account:
    """Keep where messages reach an account; None leaves what there is, nothing written takes it away.

    The address that stood before is told.
    """
    with ctx.directory.writing() as session:
        account = auth_repository.account_named(session, username)
        if account is None:
            raise Unseen(username)
        mail = account.email if email is None else email.strip() or None
        number = account.phone if phone is None else plain_phone(phone) or None
        _check(mail, number)
        if (mail, number) != (account.email, account.phone):
            auth_repository.set_address(session, account.id, email=mail, phone=number)
            sign_in_repository.keep_address(session, ctx.vault, account, at=ctx.now())
            if auth_repository.latest_appointment(session, account.id) is not None:
                write_account_change(session, ctx, account.id, account.id, Kind.address_changed, BY_COMMAND)
        kept = auth_repository.account(session, account.id)
    assert kept is not None
    say_address_changed(ctx, [kept.id])
    return kept


def _check(email: str | None, phone: str | None) -> None:
    problems: dict[str, tuple[str, ...]] = {}
    if email and not is_address(email):
        problems["email"] = ("not_an_address",)
    if phone and not is_phone(phone):
        problems["phone"] = ("not_a_number",)
    if problems:
        raise BadInput(problems)


# ---- who is told of a case, and by which ways a message reaches them -----------------------------------------------

REPORTER, GUARDIANS = "declarant", "guardians"
"""Receivers that are neither role nor seat; a guardian has no account, and no message goes to one."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody who is told, and in which role or seat."""

    role: str
    account: Account
    unit: str = ""
    """The place of the role; empty for a seat, and for whoever reported."""
    has_way_in: bool = True
    """Whether they can sign in; who was invited and never came is told, and counts as nobody."""


class NotificationContext:
    """Who could be told of one case, and who of them may be: its index row beside the directory."""

    def __init__(
        self,
        ctx: AppContext,
        session: Session,
        people: Session,
        row: index_repository.IndexRow,
        missed: frozenset[str] = frozenset(),
    ) -> None:
        self.ctx = ctx
        self.session = session
        self.people = people
        self.row = row
        self.protocol = ctx.library.protocol(row.protocol, row.version)
        self.missed = missed
        """Accounts that messages of this cause do not reach: somebody else is looked for."""
        self.today = today_for(ctx)
        self.unit: Unit = auth_repository.unit(people, row.unit)
        self._held = self._holders()
        self._open: dict[str, bool] = {}

    def receivers(self, to: str) -> tuple[Receiver, ...]:
        """Who is told where the definition says `to`; where no head may be, whoever oversees the school.

        So too where it says the team, in a case that only those above may read.
        """
        if to == GUARDIANS:
            return ()
        if to == REPORTER:
            return tuple(self._reporters())
        if to in self.protocol.seats and self.protocol.seats[to].receives:
            return self._asked()
        found = self._allowed(to)
        declared = self.protocol.roles.get(to)
        if _is_there(found) or declared is None:
            return found
        if self.row.restricted and (declared.oversees or in_team(self.protocol, to)):
            above = self.overseers()
            return each_once((*found, *above, *(() if _is_there(above) else self.beyond())))
        return each_once((*found, *(self.overseers() if declared.head else ())))

    def overseers(self) -> tuple[Receiver, ...]:
        """Whoever answers for the unit from above."""
        above = [role.key for role in self.protocol.roles.values() if role.oversees]
        return each_once(receiver for role in above for receiver in self._allowed(role))

    def beyond(self) -> tuple[Receiver, ...]:
        """Whoever sees the whole region: told where nobody nearer can be reached."""
        roles = [role.key for role in self.protocol.roles.values() if role.sees is ScopeKind.region]
        return each_once(receiver for role in roles for receiver in self._allowed(role))

    def ways(self, account: Account, *, urgent: bool) -> tuple[Channel, ...]:
        """By which ways a message of this cause reaches this person."""
        return () if account.id in self.missed else ways_of(self.ctx, account, urgent=urgent)

    def reaches(self, receivers: Iterable[Receiver], *, urgent: bool) -> bool:
        """Whether a message of this cause reaches anybody of them who can sign in."""
        return any(one.has_way_in and self.ways(one.account, urgent=urgent) for one in receivers)

    def on_duty(self, receivers: Sequence[Receiver]) -> tuple[Receiver, ...]:
        """Of what is urgent: of each place above the school whoever is on duty; where nobody is, everybody."""
        above = [one for one in receivers if one.unit and self._is_above(one.role)]
        reached = [one for one in above if self.reaches([one], urgent=True)]
        told = on_duty(self.ctx, self.people, self.unit, {(one.account.id, one.unit) for one in reached})
        served = {unit for _account, unit in told}
        left_out = {(one.account.id, one.unit) for one in above if one.unit in served} - told
        return tuple(one for one in receivers if (one.account.id, one.unit) not in left_out)

    def _is_above(self, role: str) -> bool:
        declared = self.protocol.roles.get(role)
        return declared is not None and declared.sees in (ScopeKind.province, ScopeKind.region)

    def may_be_told(self, role: str, account: Account) -> bool:
        """Whether this person may get so much as a message without content, now."""
        if not account.active or account.id in self.row.exclusions:
            return False
        return role == REPORTER or self._sees(account.id) or self._is_asked(account.id)

    def by_pace(self, tellings: Iterable[NoticeDraft], asked_at: datetime) -> tuple[NoticeDraft, ...]:
        """The same, each when that person is told of what can wait."""
        return by_pace(self.ctx, self.people, tellings, asked_at, self.unit)

    def _allowed(self, to: str) -> tuple[Receiver, ...]:
        wanted = (one for one in self._held if acts_as(self.protocol, one.role, to))
        return each_once(one for one in wanted if self.may_be_told(one.role, one.account))

    def _holders(self) -> tuple[Receiver, ...]:
        """Who holds a seat of the case, or a role in its unit or above."""
        seats = [seat for seat in self.row.seats if seat.is_held(self.today)]
        seated = auth_repository.accounts(self.people, {seat.account for seat in seats})
        able = people_repository.with_way_in(self.people, seated) if seated else frozenset()
        places = (self.unit.id, *self.unit.parents)
        found = auth_repository.holders(self.people, places, today=self.today)
        return (
            *(
                Receiver(seat.seat, seated[seat.account], has_way_in=seat.account in able)
                for seat in seats
                if seat.account in seated
            ),
            *(
                Receiver(holder.role, holder.account, holder.unit, holder.has_way_in)
                for holder in found
                if holder.role in self.protocol.roles
            ),
        )

    def _reporters(self) -> Iterator[Receiver]:
        ids = {
            header.reporter
            for header in lookup_repository.reports_of_case(self.session, self.row.case_id)
            if header.reporter
        }
        for account in auth_repository.accounts(self.people, ids).values():
            if self.may_be_told(REPORTER, account):
                yield Receiver(REPORTER, account)

    def _asked(self) -> tuple[Receiver, ...]:
        """Who answers at the other school what the case asks of it, as far as they know of it now."""
        asked = [
            one
            for one in lookup_repository.requests_of_case(self.session, self.row.case_id)
            if one.shown_from <= self.ctx.now()
        ]
        offices = {(one.role, one.place) for one in asked}
        found = auth_repository.holders(self.people, {one.place for one in asked}, today=self.today)
        seated = auth_repository.accounts(
            self.people, {place for role, place in offices if role in self.protocol.seats}
        )
        held = [
            *(
                Receiver(one.role, one.account, has_way_in=one.has_way_in)
                for one in found
                if (one.role, one.unit) in offices
            ),
            *(Receiver(role, seated[place]) for role, place in sorted(offices) if place in seated),
        ]
        return each_once(one for one in held if self.may_be_told(one.role, one.account))

    def _is_asked(self, account: str) -> bool:
        """Whether something of the case waits for this person's answer, though they see nothing else of it."""
        actor = actor_of(self.ctx, account, self.people)
        return actor is not None and is_asked(self.ctx, self.session, actor, self.row.number)

    def _sees(self, account: str) -> bool:
        if account not in self._open:
            actor = actor_of(self.ctx, account, self.people)
            place = self.row.place(self.today)
            self._open[account] = actor is not None and visibility.may_see(scope_of(self.ctx, actor), place)
        return self._open[account]


def _is_there(receivers: Iterable[Receiver]) -> bool:
    return any(one.has_way_in for one in receivers)


def each_once(found: Iterable[Receiver]) -> tuple[Receiver, ...]:
    kept: dict[str, Receiver] = {}
    for receiver in found:
        kept.setdefault(receiver.account.id, receiver)
    return tuple(kept.values())


def by_pace(
    ctx: AppContext, people: Session, tellings: Iterable[NoticeDraft], asked_at: datetime, near: Unit
) -> tuple[NoticeDraft, ...]:
    """The same, each when that person is told of what can wait, as they choose now."""
    kept = tuple(tellings)
    found = paces(ctx, people, {one.account for one in kept if one.account}, near=near)
    return tuple(
        replace(one, due_at=found[one.account].next(asked_at)) if one.state is State.waiting else one for one in kept
    )


# ---- how often somebody is told of what can wait: what they see and choose on their own page -----------------------

EVERY = tuple(Every)
DAYS = range(7)


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """What somebody chose, and where messages reach them."""

    every: Every
    day: int
    email: str | None


def see_choice(ctx: AppContext, actor: Actor) -> ChoiceView:
    """How often this person is told now."""
    with ctx.directory.reading() as people:
        account = auth_repository.account(people, actor.id)
        choice = repository.choice_of(people, [actor.id]).get(actor.id, USUAL)
    if account is None:
        raise Unseen(actor.id)
    return ChoiceView(choice.every, choice.day, account.email)


def choose(ctx: AppContext, actor: Actor, every: str, day: str) -> None:
    """Keep what this person chose; what waits for them is looked at anew. Raises BadInput.

    Of what waited while they wanted no message, what is over is told no more.

    Were this cut off between its two writings, what waits would still be looked at when its old moment comes.
    """
    if every not in EVERY:
        raise BadInput({"every": ("choose",)})
    is_weekly = every == Every.weekly
    if is_weekly and day not in map(str, DAYS):
        raise BadInput({"day": ("choose",)})
    now, choice = ctx.now(), Choice(Every(every), int(day) if is_weekly else 0)
    with ctx.directory.writing() as people:
        before = repository.choice_of(people, [actor.id]).get(actor.id)
        if before != choice:
            repository.keep_choice(people, actor.id, choice, at=now)
    with ctx.realm.writing() as session:
        if before is not None and before.every is Every.urgent_only:
            repository.drop_what_is_over(session, actor.id, but=REPORTER, at=now)
        repository.look_again(session, actor.id, at=now)
