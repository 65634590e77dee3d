"""Who sits where: joining with a code, changing places, another phone; and the trainer's own places."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count

from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol, Role, ScopeKind
from school_protocol.domain.scenario import Scenario
from school_protocol.domain.seat_names import fault_of, plain_name
from school_protocol.services.accounts import hash_password
from school_protocol.services.workshops.rooms import Room, RoomGone
from school_protocol.services.workshops.watching import cases_of, facts_at
from school_protocol.storage import directory, staff
from school_protocol.storage.engines import Session
from school_protocol.storage.tables import new_id
from school_protocol.storage.workshops import rooms
from school_protocol.storage.workshops.rooms import Glance, Seat, State, TableState
from school_protocol.wording import ZONE

SEATS_MOST = 12
"""At one table, besides the trainer's."""
ROOM_MOST = 240
_SLOW, _FREE = timedelta(minutes=1), 5
NAME_KEPT = 80
"""Letters of a name by which a wrong number is remembered."""
_EVER, _NEVER = date(2000, 1, 1), date(2099, 12, 31)


@dataclass(frozen=True, slots=True)
class Sat:
    """A seat that was just taken, and what the phone keeps of it."""

    seat: Seat
    token: str


def playable(protocol: Protocol, scenario: Scenario) -> tuple[str, ...]:
    """The roles that can be held at a table: those of the scenario's cast first, then whoever else can act."""
    cast = [card.role for card in scenario.cast.values() if card.role in protocol.roles]
    acting = {role for act in protocol.acts.values() for role in act.by}
    acting |= {role for move in protocol.moves.values() for role in move.by}
    acting |= {seat.acts_as for seat in protocol.seats.values() if seat.acts_as}
    others = [key for key, role in protocol.roles.items() if key in acting and _is_of_a_table(role)]
    return tuple(dict.fromkeys([*(one for one in cast if one), *others]))


def named_by(protocol: Protocol, roles: Sequence[str]) -> tuple[str, ...]:
    """Who can name somebody in these roles in a case; none where one of the roles sees cases, or nobody names it.

    A role that sees no case by itself sees one in which its holder has a seat, and no other.
    """
    if any(protocol.roles[role].sees not in (ScopeKind.none, ScopeKind.receipt) for role in roles):
        return ()
    seats = (seat for seat in protocol.seats.values() if seat.acts_as in roles)
    return tuple(dict.fromkeys(role for seat in seats for role in seat.named_by))


def _is_of_a_table(role: Role) -> bool:
    return not (role.publishes or role.administers or role.trains)


def join(
    room: Room, table: int, name: str, roles: Sequence[str], *, language: str, trainer: bool = False, form: str = ""
) -> Sat:  # fmt: skip
    """Sit down at a table in one role or several. Raises BadInput by field, RoomGone once it has ended.

    `form`: what only one form of one browser carries; sent twice, it is one seat.
    """
    kept = plain_name(name)
    problems = _problems(room, table, kept, roles)
    if problems:
        raise BadInput(problems)
    pin, token, now = f"{secrets.randbelow(10**6):06d}", _token_of(room, form), room.real.now()
    mark = rooms.mark_of(room.house.vault, token)
    hashed = hash_password(pin)
    with room.writing() as session:
        if rooms.state(session).state is State.ended:
            raise RoomGone(room.id)
        sat = rooms.seat_with(session, mark)
        if sat is not None:
            return Sat(sat, token)
        place, seats = rooms.table(session, table), rooms.seats(session)
        there = [one for one in seats if one.table == table and one.left_at is None]
        if place is None:
            raise BadInput({"table": ("not_a_choice",)})
        if not trainer:
            _refuse_full(there, seats)
        if any(one.name.casefold() == kept.casefold() for one in there):
            raise BadInput({"name": ("taken",)})
        seat = Seat(new_id(), table, kept, new_id(), tuple(roles), pin, trainer, now, now)
        with room.house.directory.writing() as own:
            account = None if trainer else _opener(own, room, place, roles, seats)
            if account is None:
                account = _account(own, room, kept, hashed, language)
            else:
                _take_over(own, room, account, kept, hashed, language)
            _appoint(own, room.protocol, account, place, roles)
        seat = replace(seat, account=account)
        rooms.add_seat(session, seat, mark)
    return Sat(seat, token)


def _token_of(room: Room, form: str) -> str:
    return room.house.vault.chain("seat-of-form-v1", form.encode()).hex() if form else secrets.token_urlsafe(24)


def _problems(room: Room, table: int, name: str, roles: Sequence[str]) -> dict[str, tuple[str, ...]]:
    problems: dict[str, tuple[str, ...]] = {}
    fault = fault_of(name)
    if fault:
        problems["name"] = (fault,)
    offered = playable(room.protocol, room.scenario)
    if not roles:
        problems["roles"] = ("missing",)
    elif not set(roles) <= set(offered):
        problems["roles"] = ("not_a_choice",)
    if table < 1:
        problems["table"] = ("missing",)
    return problems


def _refuse_full(there: Sequence[Seat], everywhere: Sequence[Seat]) -> None:
    if sum(not one.is_trainer for one in there) >= SEATS_MOST:
        raise BadInput({"table": ("full",)})
    if len(everywhere) >= ROOM_MOST * 2:
        raise BadInput({"table": ("full",)})


def _account(session: Session, room: Room, name: str, hashed: str, language: str) -> str:
    """An account of the workshop's own, that signs with the seat's number."""
    handle = new_id()
    return directory.add_account(
        session, username=handle, names=dict.fromkeys(room.house.settings.languages, name), language=language,
        created_at=room.house.now(), password_hash=hashed, certified=True, trained_until=_NEVER,
        email=f"{handle}@formation.invalid",
    )  # fmt: skip


def _opener(
    session: Session, room: Room, place: TableState, roles: Sequence[str], seats: Sequence[Seat]
) -> str | None:  # fmt: skip
    """The account that began the table's case, for the first who sits down in its role: theirs is what it began.

    None for anybody else, and once somebody has it.
    """
    if room.protocol.resolve("roles", room.scenario.opening.as_.partition("/")[0]) not in roles:
        return None
    facts = facts_at(room, cases_of(room, place), room.house.now())
    first = next(iter(facts.values()), None)
    account = first.case.opened_by if first is not None else ""
    taken = any(seat.account == account for seat in seats)
    return account if account and not taken and directory.account(session, account) is not None else None


def _take_over(session: Session, room: Room, account: str, name: str, hashed: str, language: str) -> None:
    """That account is this seat's from now on; the roles it was given to begin with are given anew."""
    names = dict.fromkeys(room.house.settings.languages, name)
    staff.change_account(
        session, account, names=names, language=language, email=f"{new_id()}@formation.invalid", phone=None
    )  # fmt: skip
    directory.set_password(session, account, hashed)
    for post in staff.held(session, [account]).get(account, ()):
        directory.end_appointment(session, post.id, _EVER)


def _appoint(session: Session, protocol: Protocol, account: str, place: TableState, roles: Sequence[str]) -> None:
    """Hold these roles at the table: in its school, its province or its academy."""
    above = {ScopeKind.province: place.province, ScopeKind.region: place.region}
    for role in roles:
        unit = above.get(protocol.roles[role].sees, place.school)
        directory.appoint(session, account, role=role, unit=unit, starts=_EVER)


def change(room: Room, seat: Seat, table: int, roles: Sequence[str]) -> Seat:
    """Sit elsewhere, or in other roles; at once, and the roles held before are held no more.

    Another table is another account, so that no seat, report or draft of the former one is open any more. Raises
    BadInput, RoomGone, Unseen.
    """
    problems = _problems(room, table, seat.name, roles)
    if problems:
        raise BadInput(problems)
    hashed = hash_password(seat.pin) if table != seat.table else ""
    with room.writing() as session:
        if rooms.state(session).state is State.ended:
            raise RoomGone(room.id)
        now, place = rooms.seat(session, seat.id), rooms.table(session, table)
        if now is None or now.left_at is not None:
            raise Unseen(seat.id)
        if place is None:
            raise BadInput({"table": ("not_a_choice",)})
        _refuse_held(now, table, roles, [one for one in rooms.seats(session, table) if one.left_at is None])
        with room.house.directory.writing() as own:
            _end_roles(room, own, now)
            account = now.account
            if table != now.table:
                known = directory.account(own, account)
                language = known.language if known is not None else room.house.settings.default_language
                account = _account(own, room, now.name, hashed or hash_password(now.pin), language)
            _appoint(own, room.protocol, account, place, roles)
        changed = replace(rooms.without_writing(now), table=table, roles=tuple(roles), account=account)
        rooms.keep_seat(session, changed)
        _wait_no_more(session, room)
    return changed


def _refuse_held(seat: Seat, table: int, roles: Sequence[str], there: Sequence[Seat]) -> None:
    """A trainer takes no role that somebody holds; others find a seat that is free, under a name of their own."""
    if seat.is_trainer and any(set(roles) & set(one.roles) for one in there if not one.is_trainer):
        raise BadInput({"roles": ("held",)})
    if table != seat.table and not seat.is_trainer:
        _refuse_full(there, ())
        if any(one.name.casefold() == seat.name.casefold() for one in there):
            raise BadInput({"name": ("taken",)})


def _end_roles(room: Room, session: Session, seat: Seat) -> None:
    for post in staff.held(session, [seat.account]).get(seat.account, ()):
        directory.end_appointment(session, post.id, _EVER)


def leave(room: Room, seat: Seat) -> None:
    """Stand up: the place is free, what was written stays, and the phone opens nothing any more."""
    with room.writing() as session:
        now = rooms.seat(session, seat.id)
        if now is None or now.left_at is not None:
            return
        with room.house.directory.writing() as own:
            _end_roles(room, own, now)
        rooms.keep_seat(session, replace(rooms.without_writing(now), left_at=room.real.now()))
        rooms.hand(session, now.id, None)
        _wait_no_more(session, room)


def _wait_no_more(session: Session, room: Room) -> None:
    """Somebody went who may have had a form open: the clock waits for those alone who still have one."""
    real, clock = room.real.now(), rooms.state(session).clock
    until = rooms.writing_until(session, real)
    if clock.is_held(real) and clock.held_until != until:
        rooms.change(session, clock=clock.held(until, real))


def come_back(room: Room, table: int, name: str, pin: str) -> Sat:
    """Take one's seat again with another phone; the former one opens nothing any more. Raises BadInput."""
    wanted, token = plain_name(name).casefold(), secrets.token_urlsafe(24)
    with room.writing() as session:
        there = [one for one in rooms.seats(session, table) if one.left_at is None and not one.is_trainer]
        seat = next((one for one in there if one.name.casefold() == wanted), None)
        given = "".join(str(int(sign)) for sign in pin if sign.isdecimal())
        if seat is None or not hmac.compare_digest(seat.pin.encode(), given.encode()):
            raise BadInput({"pin": ("wrong",)})
        rooms.hand(session, seat.id, rooms.mark_of(room.house.vault, token))
    return Sat(seat, token)


def come_back_slowly(room: Room, table: int, name: str, pin: str) -> Sat:
    """The same, where guessing gets slow: after five wrong numbers a seat's number is not read for a minute.

    They are counted in the room's own store, whichever process reads them. Raises BadInput.
    """
    known, now = plain_name(name).casefold()[:NAME_KEPT], room.real.now()
    with room.writing() as session:
        noted = rooms.note_try(session, table, known, at=now, since=now - _SLOW, most=_FREE)
    if noted is None:
        raise BadInput({"pin": ("wait",)})
    sat = come_back(room, table, name, pin)
    with room.writing() as session:
        rooms.take_back_try(session, noted)
    return sat


def play(room: Room, table: int, role: str, *, name: str, language: str) -> Sat:
    """The trainer sits at a table in a role that nobody there holds. Raises BadInput: `held`, `taken`."""
    with room.store.reading() as session:
        there = [one for one in rooms.seats(session, table) if one.left_at is None]
    own = [one for one in there if one.is_trainer]
    if any(role in one.roles for one in there if not one.is_trainer):
        raise BadInput({"roles": ("held",)})
    for seat in own:
        if seat.roles == (role,):
            return _handed(room, seat)
    names = {one.name.casefold() for one in there}
    free = next(name for name in (f"{name} {number}" for number in count(1)) if name.casefold() not in names)
    return join(room, table, free, [role], language=language, trainer=True)


def _handed(room: Room, seat: Seat) -> Sat:
    token = secrets.token_urlsafe(24)
    with room.writing() as session:
        rooms.hand(session, seat.id, rooms.mark_of(room.house.vault, token))
    return Sat(seat, token)


def free_phone(room: Room, seat_id: str) -> None:
    """The trainer signs a phone out: its holder comes back with the seat's own number."""
    with room.writing() as session:
        seat = rooms.seat(session, seat_id)
        if seat is None:
            raise Unseen(seat_id)
        rooms.keep_seat(session, rooms.without_writing(seat))
        rooms.hand(session, seat_id, None)
        _wait_no_more(session, room)


def glance(room: Room, token: str) -> Glance:
    """Where the room stands, and the seat that this phone holds, if any."""
    with room.store.reading() as session:
        return rooms.glance(session, rooms.mark_of(room.house.vault, token))


def actor_of(room: Room, seat: Seat) -> Actor | None:
    """Whoever sits there, as one who acts in the workshop's own house."""
    today = room.house.now().astimezone(ZONE).date()
    with room.house.directory.reading() as session:
        return directory.actor(session, seat.account, realm=room.house.name, today=today)
