"""Who is told of a case, and by which ways a message reaches them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from school_protocol.domain import policy
from school_protocol.domain.acting import in_team
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import ScopeKind
from school_protocol.domain.weighing import acts_as
from school_protocol.services.accounts import actor_of
from school_protocol.services.digests.pace import paces
from school_protocol.services.house import House
from school_protocol.services.loading import scope_of, today_for
from school_protocol.services.sharing.answering import is_asked
from school_protocol.services.visits.on_duty import on_duty
from school_protocol.storage import directory, index, reports, staff
from school_protocol.storage.directory import Account
from school_protocol.storage.engines import Session
from school_protocol.storage.sharing import requests
from school_protocol.storage.told import Channel, State, Telling

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


class Around:
    """Who could be told of one case, and who of them may be: its index row beside the directory."""

    def __init__(
        self,
        house: House,
        session: Session,
        people: Session,
        row: index.IndexRow,
        missed: frozenset[str] = frozenset(),
    ) -> None:
        self.house = house
        self.session = session
        self.people = people
        self.row = row
        self.protocol = house.library.protocol(row.protocol, row.version)
        self.missed = missed
        """Accounts that messages of this cause do not reach: somebody else is looked for."""
        self.today = today_for(house)
        self.unit: Unit = directory.unit(people, row.unit)
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
        return () if account.id in self.missed else ways_of(self.house, account, urgent=urgent)

    def reaches(self, receivers: Iterable[Receiver], *, urgent: bool) -> bool:
        """Whether a message of this cause reaches anybody of them who can sign in."""
        return any(one.has_way_in and self.ways(one.account, urgent=urgent) for one in receivers)

    def on_duty(self, receivers: Sequence[Receiver]) -> tuple[Receiver, ...]:
        """Of what is urgent: of each place above the school whoever is on duty; where nobody is, everybody."""
        above = [one for one in receivers if one.unit and self._is_above(one.role)]
        reached = [one for one in above if self.reaches([one], urgent=True)]
        told = on_duty(self.house, self.people, self.unit, {(one.account.id, one.unit) for one in reached})
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

    def by_pace(self, tellings: Iterable[Telling], asked_at: datetime) -> tuple[Telling, ...]:
        """The same, each when that person is told of what can wait."""
        return by_pace(self.house, self.people, tellings, asked_at, self.unit)

    def _allowed(self, to: str) -> tuple[Receiver, ...]:
        wanted = (one for one in self._held if acts_as(self.protocol, one.role, to))
        return each_once(one for one in wanted if self.may_be_told(one.role, one.account))

    def _holders(self) -> tuple[Receiver, ...]:
        """Who holds a seat of the case, or a role in its unit or above."""
        seats = [seat for seat in self.row.seats if seat.is_held(self.today)]
        seated = directory.accounts(self.people, {seat.account for seat in seats})
        able = staff.with_way_in(self.people, seated) if seated else frozenset()
        places = (self.unit.id, *self.unit.parents)
        found = directory.holders(self.people, places, today=self.today)
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
        ids = {header.reporter for header in reports.of_case(self.session, self.row.case_id) if header.reporter}
        for account in directory.accounts(self.people, ids).values():
            if self.may_be_told(REPORTER, account):
                yield Receiver(REPORTER, account)

    def _asked(self) -> tuple[Receiver, ...]:
        """Who answers at the other school what the case asks of it, as far as they know of it now."""
        asked = [one for one in requests.of_case(self.session, self.row.case_id) if one.shown_from <= self.house.now()]
        offices = {(one.role, one.place) for one in asked}
        found = directory.holders(self.people, {one.place for one in asked}, today=self.today)
        seated = directory.accounts(self.people, {place for role, place in offices if role in self.protocol.seats})
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
        actor = actor_of(self.house, account, self.people)
        return actor is not None and is_asked(self.house, self.session, actor, self.row.number)

    def _sees(self, account: str) -> bool:
        if account not in self._open:
            actor = actor_of(self.house, account, self.people)
            place = self.row.place(self.today)
            self._open[account] = actor is not None and policy.may_see(scope_of(self.house, actor), place)
        return self._open[account]


def _is_there(receivers: Iterable[Receiver]) -> bool:
    return any(one.has_way_in for one in receivers)


def each_once(found: Iterable[Receiver]) -> tuple[Receiver, ...]:
    kept: dict[str, Receiver] = {}
    for receiver in found:
        kept.setdefault(receiver.account.id, receiver)
    return tuple(kept.values())


def by_pace(
    house: House, people: Session, tellings: Iterable[Telling], asked_at: datetime, near: Unit
) -> tuple[Telling, ...]:
    """The same, each when that person is told of what can wait, as they choose now."""
    kept = tuple(tellings)
    found = paces(house, people, {one.account for one in kept if one.account}, near=near)
    return tuple(
        replace(one, due_at=found[one.account].next(asked_at)) if one.state is State.waiting else one for one in kept
    )


def ways_of(house: House, account: Account, *, urgent: bool) -> tuple[Channel, ...]:
    """By which ways a message reaches this person: mail; and a short message where it is urgent and a hook is set."""
    by_mail = (Channel.mail,) if account.email else ()
    return (*by_mail, Channel.sms) if urgent and account.phone and house.settings.sms_hook else by_mail
