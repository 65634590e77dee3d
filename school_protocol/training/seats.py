"""Service of seats: joining with a code, changing places, another phone; and what a room's pages show."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.passwords import hash_password
from school_protocol.cases.loading import may_find
from school_protocol.engine.case_words import said
from school_protocol.engine.definition import Level, Protocol, Role, ScopeKind
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.language import ZONE
from school_protocol.people import repository as people_repository
from school_protocol.storage.engines import Session
from school_protocol.storage.models import new_id
from school_protocol.training import room_repository
from school_protocol.training.models import SeatRow, TableRow
from school_protocol.training.room_repository import Glance, RoomState, State, Word, WordKind
from school_protocol.training.room_store import Room, RoomGone
from school_protocol.training.scenario import Card, Inject, Scenario, Trap, fault_of, plain_name
from school_protocol.training.table_play import cases_of, facts_at, is_for

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

    seat: SeatRow
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
    mark = room_repository.mark_of(room.ctx.vault, token)
    hashed = hash_password(pin)
    with room.writing() as session:
        if room_repository.state(session).state is State.ended:
            raise RoomGone(room.id)
        sat = room_repository.seat_with(session, mark)
        if sat is not None:
            return Sat(sat, token)
        place, seats = room_repository.table(session, table), room_repository.seats(session)
        there = [one for one in seats if one.table == table and one.left_at is None]
        if place is None:
            raise BadInput({"table": ("not_a_choice",)})
        if not trainer:
            _refuse_full(there, seats)
        if any(one.name.casefold() == kept.casefold() for one in there):
            raise BadInput({"name": ("taken",)})
        with room.ctx.directory.writing() as own:
            account = None if trainer else _opener(own, room, place, roles, seats)
            if account is None:
                account = _account(own, room, kept, hashed, language)
            else:
                _take_over(own, room, account, kept, hashed, language)
            _appoint(own, room.protocol, account, place, roles)
        seat = SeatRow(
            id=new_id(), table=table, name=kept, account=account, roles=list(roles), token=mark, pin=pin,
            is_trainer=trainer, joined_at=now, seen_at=now, left_at=None, writing=None, writing_until=None,
        )  # fmt: skip
        room_repository.add_seat(session, seat)
    return Sat(seat, token)


def _token_of(room: Room, form: str) -> str:
    return room.ctx.vault.chain("seat-of-form-v1", form.encode()).hex() if form else secrets.token_urlsafe(24)


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


def _refuse_full(there: Sequence[SeatRow], everywhere: Sequence[SeatRow]) -> None:
    if sum(not one.is_trainer for one in there) >= SEATS_MOST:
        raise BadInput({"table": ("full",)})
    if len(everywhere) >= ROOM_MOST * 2:
        raise BadInput({"table": ("full",)})


def _account(session: Session, room: Room, name: str, hashed: str, language: str) -> str:
    """An account of the workshop's own, that signs with the seat's number."""
    handle = new_id()
    return auth_repository.add_account(
        session, username=handle, names=dict.fromkeys(room.ctx.settings.languages, name), language=language,
        created_at=room.ctx.now(), password_hash=hashed, certified=True, trained_until=_NEVER,
        email=f"{handle}@formation.invalid",
    )  # fmt: skip


def _opener(
    session: Session, room: Room, place: TableRow, roles: Sequence[str], seats: Sequence[SeatRow]
) -> str | None:  # fmt: skip
    """The account that began the table's case, for the first who sits down in its role: theirs is what it began.

    None for anybody else, and once somebody has it.
    """
    if room.protocol.resolve("roles", room.scenario.opening.as_.partition("/")[0]) not in roles:
        return None
    facts = facts_at(room, cases_of(room, place), room.ctx.now())
    first = next(iter(facts.values()), None)
    account = first.case.opened_by if first is not None else ""
    taken = any(seat.account == account for seat in seats)
    return account if account and not taken and auth_repository.account(session, account) is not None else None


def _take_over(session: Session, room: Room, account: str, name: str, hashed: str, language: str) -> None:
    """That account is this seat's from now on; the roles it was given to begin with are given anew."""
    names = dict.fromkeys(room.ctx.settings.languages, name)
    people_repository.change_account(
        session, account, names=names, language=language, email=f"{new_id()}@formation.invalid", phone=None
    )  # fmt: skip
    auth_repository.set_password(session, account, hashed)
    for post in people_repository.held(session, [account]).get(account, ()):
        auth_repository.end_appointment(session, post.id, _EVER)


def _appoint(session: Session, protocol: Protocol, account: str, place: TableRow, roles: Sequence[str]) -> None:
    """Hold these roles at the table: in its school, its province or its academy."""
    above = {ScopeKind.province: place.province, ScopeKind.region: place.region}
    for role in roles:
        unit = above.get(protocol.roles[role].sees, place.school)
        auth_repository.appoint(session, account, role=role, unit=unit, starts=_EVER)


def change_seat(room: Room, seat: SeatRow, table: int, roles: Sequence[str]) -> SeatRow:
    """Sit elsewhere, or in other roles; at once, and the roles held before are held no more.

    Another table is another account, so that no seat, report or draft of the former one is open any more. Raises
    BadInput, RoomGone, Unseen.
    """
    problems = _problems(room, table, seat.name, roles)
    if problems:
        raise BadInput(problems)
    hashed = hash_password(seat.pin) if table != seat.table else ""
    with room.writing() as session:
        if room_repository.state(session).state is State.ended:
            raise RoomGone(room.id)
        now, place = room_repository.seat(session, seat.id), room_repository.table(session, table)
        if now is None or now.left_at is not None:
            raise Unseen(seat.id)
        if place is None:
            raise BadInput({"table": ("not_a_choice",)})
        _refuse_held(now, table, roles, [one for one in room_repository.seats(session, table) if one.left_at is None])
        with room.ctx.directory.writing() as own:
            _end_roles(room, own, now)
            account = now.account
            if table != now.table:
                known = auth_repository.account(own, account)
                language = known.language if known is not None else room.ctx.settings.default_language
                account = _account(own, room, now.name, hashed or hash_password(now.pin), language)
            _appoint(own, room.protocol, account, place, roles)
        now.table, now.roles, now.account = table, list(roles), account
        now.stop_writing()
        _wait_no_more(session, room)
    return now


def _refuse_held(seat: SeatRow, table: int, roles: Sequence[str], there: Sequence[SeatRow]) -> None:
    """A trainer takes no role that somebody holds; others find a seat that is free, under a name of their own."""
    if seat.is_trainer and any(set(roles) & set(one.roles) for one in there if not one.is_trainer):
        raise BadInput({"roles": ("held",)})
    if table != seat.table and not seat.is_trainer:
        _refuse_full(there, ())
        if any(one.name.casefold() == seat.name.casefold() for one in there):
            raise BadInput({"name": ("taken",)})


def _end_roles(room: Room, session: Session, seat: SeatRow) -> None:
    for post in people_repository.held(session, [seat.account]).get(seat.account, ()):
        auth_repository.end_appointment(session, post.id, _EVER)


def leave(room: Room, seat: SeatRow) -> None:
    """Stand up: the place is free, what was written stays, and the phone opens nothing any more."""
    with room.writing() as session:
        now = room_repository.seat(session, seat.id)
        if now is None or now.left_at is not None:
            return
        with room.ctx.directory.writing() as own:
            _end_roles(room, own, now)
        now.left_at, now.token = room.real.now(), None
        now.stop_writing()
        _wait_no_more(session, room)


def _wait_no_more(session: Session, room: Room) -> None:
    """Somebody went who may have had a form open: the clock waits for those alone who still have one."""
    real, clock = room.real.now(), room_repository.state(session).clock
    until = room_repository.writing_until(session, real)
    if clock.is_held(real) and clock.held_until != until:
        room_repository.change(session, clock=clock.held(until, real))


def come_back(room: Room, table: int, name: str, pin: str) -> Sat:
    """Take one's seat again with another phone; the former one opens nothing any more. Raises BadInput.

    Guessing gets slow: after five wrong numbers a seat's number is not read for a minute. They are counted in the
    room's own store, whichever process reads them.
    """
    wanted, token, now = plain_name(name).casefold(), secrets.token_urlsafe(24), room.real.now()
    with room.writing() as session:
        noted = room_repository.note_try(session, table, wanted[:NAME_KEPT], at=now, since=now - _SLOW, most=_FREE)
    if noted is None:
        raise BadInput({"pin": ("wait",)})
    with room.writing() as session:
        there = [one for one in room_repository.seats(session, table) if one.left_at is None and not one.is_trainer]
        seat = next((one for one in there if one.name.casefold() == wanted), None)
        given = "".join(str(int(sign)) for sign in pin if sign.isdecimal())
        if seat is None or not hmac.compare_digest(seat.pin.encode(), given.encode()):
            raise BadInput({"pin": ("wrong",)})
        seat.token = room_repository.mark_of(room.ctx.vault, token)
        room_repository.take_back_try(session, noted)
    return Sat(seat, token)


def play(room: Room, table: int, role: str, *, name: str, language: str) -> Sat:
    """The trainer sits at a table in a role that nobody there holds. Raises BadInput: `held`, `taken`."""
    with room.store.reading() as session:
        there = [one for one in room_repository.seats(session, table) if one.left_at is None]
    own = [one for one in there if one.is_trainer]
    if any(role in one.roles for one in there if not one.is_trainer):
        raise BadInput({"roles": ("held",)})
    for seat in own:
        if seat.roles == [role]:
            return _handed(room, seat)
    names = {one.name.casefold() for one in there}
    free = next(name for name in (f"{name} {number}" for number in count(1)) if name.casefold() not in names)
    return join(room, table, free, [role], language=language, trainer=True)


def _handed(room: Room, seat: SeatRow) -> Sat:
    token = secrets.token_urlsafe(24)
    with room.writing() as session:
        room_repository.hand(session, seat.id, room_repository.mark_of(room.ctx.vault, token))
    return Sat(seat, token)


def free_phone(room: Room, seat_id: str) -> None:
    """The trainer signs a phone out: its holder comes back with the seat's own number."""
    with room.writing() as session:
        seat = room_repository.seat(session, seat_id)
        if seat is None:
            raise Unseen(seat_id)
        seat.token = None
        seat.stop_writing()
        _wait_no_more(session, room)


def glance(room: Room, token: str) -> Glance:
    """Where the room stands, and the seat that this phone holds, if any."""
    with room.store.reading() as session:
        return room_repository.glance(session, room_repository.mark_of(room.ctx.vault, token))


def actor_of(room: Room, seat: SeatRow) -> Actor | None:
    """Whoever sits there, as one who acts in the workshop's own installation."""
    today = room.ctx.now().astimezone(ZONE).date()
    with room.ctx.directory.reading() as session:
        return auth_repository.actor(session, seat.account, realm=room.ctx.name, today=today)


# ---- what a room's pages show: the way in, one's table, and for the trainer every table ----------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """The way in: the tables with how many sit there, and the roles that can be held, the scenario's first."""

    scenario: Scenario
    protocol: Protocol
    tables: tuple[tuple[int, int, bool], ...]
    """Number, how many sit there, whether it is full."""
    roles: tuple[tuple[str, Role, bool], ...]
    """Key, role, whether the scenario's cast has it."""
    has_ended: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that came to a table."""

    key: str
    inject: Inject
    at: datetime
    who: Card | None
    """Who says it, where somebody of the cast does."""


@dataclass(frozen=True, slots=True)
class TableView:
    """One's table: what came and is for one's roles, words of the trainer, one's cards, who sits here."""

    seat: SeatRow
    scenario: Scenario
    protocol: Protocol
    state: RoomState
    arrivals: tuple[Arrival, ...]
    words: tuple[Word, ...]
    cards: tuple[Card, ...]
    people: tuple[SeatRow, ...]
    hand_at: datetime | None
    named_by: tuple[str, ...] = ()
    """Where one sees no case before one is named in it: the roles that can do so."""
    has_namer: bool = False
    """Whether somebody at the table holds one of these."""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """Where one case of a table stands, and what is overdue in it: deadline, subject, since when."""

    word: Mapping[str, str]
    state: str
    level: Level | None
    last: str | None
    last_at: datetime | None
    missed: tuple[tuple[str, str, datetime], ...]
    next_due: tuple[str, str, datetime] | None


@dataclass(frozen=True, slots=True)
class WallTable:
    """One table on the wall: its cases and traps, who sits there, and who of them writes."""

    table: TableRow
    cases: tuple[CaseLine, ...]
    traps: tuple[tuple[Trap, datetime], ...]
    seats: tuple[SeatRow, ...]
    writing: tuple[SeatRow, ...]


@dataclass(frozen=True, slots=True)
class Wall:
    """Every table, and the clock; what will come next, and when."""

    scenario: Scenario
    protocol: Protocol
    state: RoomState
    moment: datetime
    stands: str
    tables: tuple[WallTable, ...]
    next_at: datetime | None


def see_entry(room: Room) -> Entry:
    """The way in."""
    with room.store.reading() as session:
        tables, seats, state = (
            room_repository.tables(session),
            room_repository.seats(session),
            room_repository.state(session),
        )
    counts = {one.number: 0 for one in tables}
    for seat in seats:
        if seat.left_at is None and not seat.is_trainer:
            counts[seat.table] += 1
    cast = {card.role for card in room.scenario.cast.values()}
    return Entry(
        room.scenario, room.protocol,
        tuple((number, count, count >= SEATS_MOST) for number, count in counts.items()),
        tuple((key, room.protocol.roles[key], key in cast) for key in playable(room.protocol, room.scenario)),
        state.state is State.ended,
    )  # fmt: skip


def see_table(room: Room, seen: Glance, seat: SeatRow) -> TableView:
    """One's table as it was seen."""
    state, table = seen.state, seen.table
    with room.store.reading() as session:
        people = tuple(one for one in room_repository.seats(session, seat.table) if one.left_at is None)
        words = room_repository.words(session, room.ctx.vault, WordKind.message, (0, seat.table)) if seen.words else ()
    arrivals = _arrivals(room, table, seat.roles) if table is not None else ()
    cards = tuple(card for card in room.scenario.cast.values() if card.role in seat.roles)
    hand_at = table.hand_at if table is not None else None
    naming = () if _sees_a_case(room, seat) else named_by(room.protocol, seat.roles)
    return TableView(
        seat, room.scenario, room.protocol, state, arrivals, words[::-1], cards, people, hand_at, naming,
        any(role in naming for one in people for role in one.roles),
    )  # fmt: skip


def _sees_a_case(room: Room, seat: SeatRow) -> bool:
    actor = actor_of(room, seat)
    return actor is not None and may_find(room.ctx, actor)


def _arrivals(room: Room, table: TableRow, roles: Sequence[str]) -> tuple[Arrival, ...]:
    """What came and is for these roles, the latest first; what nobody here holds is for all."""
    injects, cast = room.scenario.injects, room.scenario.cast
    came = sorted(table.came.items(), key=lambda one: (one[1], one[0]), reverse=True)
    return tuple(
        Arrival(key, injects[key], at, cast.get(injects[key].from_ or ""))
        for key, at in came
        if is_for(injects[key], roles, room)
    )


def band_of(room: Room, seen: Glance) -> tuple[int, bool]:
    """How many things came for the seat that was seen, and whether its table has hints."""
    if seen.seat is None or seen.table is None:
        return 0, True
    return len(_arrivals(room, seen.table, seen.seat.roles)) + seen.words, seen.table.hints


def why_it_stands(state: RoomState, real: datetime) -> str:
    """Why the clock stands; empty while it runs."""
    if state.state is not State.begun:
        return state.state.value
    if state.clock.frozen:
        return "frozen"
    if state.clock.pace == 0:
        return "paused"
    return "writing" if state.clock.is_held(real) else ""


def see_wall(room: Room) -> Wall:
    """Every table, from what was last written down of it: no case is opened."""
    real = room.real.now()
    with room.store.reading() as session:
        state, tables, seats = (
            room_repository.state(session),
            room_repository.tables(session),
            room_repository.seats(session),
        )
    moment = state.clock.at(real)
    ahead = [one.next_at for one in tables if one.next_at is not None and one.next_at > moment]
    return Wall(
        room.scenario, room.protocol, state, moment, why_it_stands(state, real),
        tuple(_wall_table(room, one, seats, moment, real) for one in tables),
        min(ahead, default=None),
    )  # fmt: skip


def _wall_table(room: Room, table: TableRow, seats: Sequence[SeatRow], moment: datetime, real: datetime) -> WallTable:
    here = tuple(one for one in seats if one.table == table.number and one.left_at is None)
    return WallTable(
        table,
        tuple(_case_line(room.protocol, case, moment) for case in table.cases),
        tuple((room.scenario.traps[key], at) for key, at in sorted(table.traps.items(), key=lambda one: one[1])),
        here,
        tuple(one for one in here if one.is_writing(real)),
    )


def _case_line(protocol: Protocol, case: Mapping[str, object], moment: datetime) -> CaseLine:
    counted = case.get("dues")
    dues = (
        [(str(key), str(about), datetime.fromisoformat(at)) for key, about, at in counted]
        if isinstance(counted, list)
        else []
    )
    ahead, grid = [due for due in dues if due[2] > moment], next(iter(protocol.grids.values()), None)
    last_at, level = case.get("last_at"), case.get("level")
    return CaseLine(
        said(str(case.get("word", "")), str(case["number"])), str(case["state"]),
        grid.levels.get(level) if grid and isinstance(level, int) else None,
        str(case["last"]) if case.get("last") else None,
        datetime.fromisoformat(str(last_at)) if last_at else None,
        tuple(due for due in dues if due[2] <= moment), ahead[0] if ahead else None,
    )  # fmt: skip
