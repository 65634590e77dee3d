"""Cases that nobody carries: for whoever oversees the schools or names who does, from the index and the directory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.protocol import Protocol, State
from school_protocol.domain.weighing import acts_as, is_above
from school_protocol.services.digests.pace import MORNING
from school_protocol.services.house import House
from school_protocol.services.loading import scope_of, today_for
from school_protocol.services.teams import team
from school_protocol.storage import administration, directory, outbox, seats
from school_protocol.storage.administration import Kind
from school_protocol.storage.directory import Account
from school_protocol.storage.engines import Session
from school_protocol.storage.index import Seat
from school_protocol.storage.seats import Carried, OpenCase
from school_protocol.wording import ZONE

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Lack:
    """What a case lacks: a code, the seat or role that it is about, since which day (None: not known)."""

    code: str
    role: str
    since: date | None


@dataclass(frozen=True, slots=True)
class OrphanLine:
    """A case that nobody carries: nothing nominal."""

    protocol: Protocol
    number: str
    unit: Unit
    state: State
    lacks: tuple[Lack, ...]

    @property
    def since(self) -> date | None:
        return min((lack.since for lack in self.lacks if lack.since is not None), default=None)


@dataclass(frozen=True, slots=True)
class OverseenView:
    """The schools of whoever oversees them, and their orphans, the oldest first."""

    units: tuple[Unit, ...]
    orphans: tuple[OrphanLine, ...]
    more: int
    """How many are not shown."""


def see_overseen(house: House, actor: Actor) -> OverseenView:
    """The schools that this person oversees, with the open cases that nobody carries."""
    units = {place.unit.id: place.unit for place in team.places(house, actor) if place.oversees}
    lines = _of_units(house, actor, tuple(units))
    return OverseenView(tuple(units.values()), tuple(lines[:SHOWN]), max(0, len(lines) - SHOWN))


def see_own(house: House, actor: Actor) -> tuple[OrphanLine, ...]:
    """Cases that nobody carries, in the schools in which this person may name who does: for the desk."""
    names = {role for protocol in house.library.current() for role in _naming(protocol)}
    held = dict.fromkeys(one.unit for one in actor.appointments if one.role in names)
    return tuple(_of_units(house, actor, tuple(held), few=True)[:SHOWN])


def _of_units(house: House, actor: Actor, places: tuple[str, ...], *, few: bool = False) -> list[OrphanLine]:
    """The open cases of these units that nobody carries, as far as this person sees them, the oldest first.

    `few`: units so few that the index can be asked for the cases that may lack somebody; else all are read."""
    if not places:
        return []
    today = today_for(house)
    with house.directory.reading() as session:
        staff = _Staff(house, session, directory.units(session, places), today)
    but = staff.carried() if few else None
    with house.realm.reading() as session:
        found = seats.open_cases(session, scope_of(house, actor).of_content(), places, today=today, but=but)
    if not found:
        return []
    with house.directory.reading() as session:
        watch = _Watch(staff, session, found)
        lines = [line for case in found if (line := watch.line(case)) is not None]
    return sorted(lines, key=lambda line: (line.since or date.min, line.number))


def count_held(house: House, account: str, unit: str) -> int:
    """In how many open cases of a unit somebody has a place."""
    with house.realm.reading() as session:
        return len(seats.open_cases(session, None, [unit], today=today_for(house), held_by=[account]))


def tell_of_leaving(house: House, found: Iterable[OpenCase], *, on: date | None) -> None:
    """Whoever may name who carries these cases, and whoever carries them still, gets a message, without content: now,
    or the morning after the last day; where the case is urgent at once, else as each has chosen."""
    due_at = datetime.combine(on + timedelta(days=1), MORNING, ZONE).astimezone(UTC) if on else None
    with house.realm.writing() as session:
        for case in found:
            protocol = house.library.protocol(case.protocol, case.version)
            for to in dict.fromkeys((*_naming(protocol), *_needed(protocol))):
                payload: outbox.Payload = {"case": case.case_id, "to": to, "move": "left", "urgent": case.urgent}
                outbox.put(session, "notify", payload, at=house.now(), due_at=due_at)


def _needed(protocol: Protocol) -> dict[str, bool]:
    """The seats that the protocol asks for → whether whoever sits there must be trained."""
    return {fact.people.seat: fact.people.trained for fact in protocol.facts.values() if fact.people}


def _naming(protocol: Protocol) -> Iterator[str]:
    """The roles of a school that name who sits there, its head first."""
    yield from (key for key, role in protocol.roles.items() if role.head)
    named = (role for seat in _needed(protocol) for role in protocol.seats[seat].named_by)
    yield from (role for role in named if not is_above(protocol, role))


class _Staff:
    """Who works where today, and who is away."""

    def __init__(self, house: House, session: Session, units: Mapping[str, Unit], today: date) -> None:
        self.house = house
        self.units = units
        self.today = today
        parents = {parent for unit in units.values() for parent in unit.parents}
        self.holders = directory.holders(session, (*units, *parents), today=today)
        self.heads = {key for key, (_protocol, role) in team.declared(house).items() if role.head}
        self.headed = {holder.unit for holder in self.holders if holder.role in self.heads}
        posts = administration.posts(session, tuple(units), since=today)
        standing = (post for post in posts if post.stands_in is not None and post.is_current(today))
        self.away = {(post.stands_in.other, post.unit): post.starts for post in standing if post.stands_in}

    def carried(self) -> tuple[Carried, ...] | None:
        """The seats that are asked for, each with those of the unit who carry a case there: what has them lacks
        nobody. None where any case may lack somebody, since nobody heads its school."""
        if not self.headed.issuperset(self.units):
            return None
        asked: dict[tuple[str, str], bool] = {}
        for protocol in self.house.library.every():
            for seat, trained in _needed(protocol).items():
                asked[protocol.protocol, seat] = trained or asked.get((protocol.protocol, seat), False)
        return tuple(
            Carried(unit, protocol, seat, self._fit(unit, trained=trained))
            for unit in self.units
            for (protocol, seat), trained in asked.items()
        )

    def _fit(self, unit: str, *, trained: bool) -> frozenset[str]:
        here = {one.account.id: one.account for one in self.holders if one.unit == unit}
        return frozenset(
            key
            for key, account in here.items()
            if (key, unit) not in self.away and (not trained or account.is_trained(self.today))
        )


class _Watch:
    """Who of the staff carries which of these cases, read once for all of them."""

    def __init__(self, staff: _Staff, session: Session, found: Collection[OpenCase]) -> None:
        self.house = staff.house
        self.units = staff.units
        self.today = staff.today
        self.away = staff.away
        self.headed = staff.headed
        seated = {seat.account for case in found for seat in case.seats}
        self.accounts: Mapping[str, Account] = directory.accounts(session, seated)
        self.appointed = {holder.account.id for holder in staff.holders}
        self.last_head = administration.last_day_of_role(session, tuple(self.units), staff.heads)
        self.last_days = administration.last_days(session, seated)
        self.back = {(holder.account.id, holder.unit) for holder in staff.holders}
        left = administration.changes(session, tuple(self.units), limit=10_000, kinds=(Kind.orphaned,))
        self.left = {(change.number, change.account): change.at.astimezone(ZONE).date() for change in left}

    def line(self, case: OpenCase) -> OrphanLine | None:
        protocol = self.house.library.protocol(case.protocol, case.version)
        lacks = (*self._seats(protocol, case), *self._head(protocol, case))
        if not lacks:
            return None
        return OrphanLine(protocol, case.number, self.units[case.unit], protocol.states[case.state], lacks)

    def _seats(self, protocol: Protocol, case: OpenCase) -> Iterator[Lack]:
        """The seats that the protocol asks for, once the case has left the hands of the whole team."""
        for key, trained in _needed(protocol).items():
            held = [seat for seat in case.seats if seat.seat == key]
            if not held and not protocol.states[case.state].team_sees:
                yield Lack("empty", key, case.moved_at.astimezone(ZONE).date())
            found = [self._wanting(case, seat, trained) for seat in held]
            if found and all(lack is not None for lack in found):
                yield from (lack for lack in found[:1] if lack is not None)

    def _wanting(self, case: OpenCase, seat: Seat, trained: bool) -> Lack | None:
        """Why whoever holds that seat doesn't carry the case."""
        account = self.accounts.get(seat.account)
        left = self.left.get((case.number, seat.account))
        if left is not None and (seat.account, case.unit) not in self.back:
            return Lack("left", seat.seat, left)
        if account is None or not account.active:
            return Lack("inactive", seat.seat, self.last_days.get(seat.account))
        if seat.account not in self.appointed:
            return Lack("left", seat.seat, self.last_days.get(seat.account))
        if (seat.account, case.unit) in self.away:
            return Lack("away", seat.seat, self.away[seat.account, case.unit])
        if trained and not account.is_trained(self.today):
            return Lack("untrained", seat.seat, account.trained_until if account.certified else None)
        return None

    def _head(self, protocol: Protocol, case: OpenCase) -> Iterator[Lack]:
        """Nobody heads the school, nor acts for who does, in this case or at all."""
        heads = [key for key, role in protocol.roles.items() if role.head]
        acting = (
            seat
            for seat in case.seats
            if any(acts_as(protocol, seat.seat, head) for head in heads)
            and seat.account in self.appointed
            and self.accounts[seat.account].active
        )
        if heads and case.unit not in self.headed and next(acting, None) is None:
            yield Lack("no_head", heads[0], self.last_head.get(case.unit))
