"""What a room's pages show: the way in, one's table, and for the trainer every table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from school_protocol.domain.protocol import Level, Protocol, Role
from school_protocol.domain.scenario import Card, Inject, Scenario, Trap
from school_protocol.services.desk import may_find
from school_protocol.services.workshops.rooms import Room
from school_protocol.services.workshops.seats import SEATS_MOST, actor_of, named_by, playable
from school_protocol.services.workshops.watching import is_for
from school_protocol.storage.workshops import rooms
from school_protocol.storage.workshops.rooms import Glance, RoomState, Seat, State, TableState, Word, WordKind


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

    seat: Seat
    scenario: Scenario
    protocol: Protocol
    state: RoomState
    arrivals: tuple[Arrival, ...]
    words: tuple[Word, ...]
    cards: tuple[Card, ...]
    people: tuple[Seat, ...]
    hand_at: datetime | None
    named_by: tuple[str, ...] = ()
    """Where one sees no case before one is named in it: the roles that can do so."""
    has_namer: bool = False
    """Whether somebody at the table holds one of these."""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """Where one case of a table stands, and what is overdue in it: deadline, subject, since when."""

    number: str
    state: str
    level: Level | None
    last: str | None
    last_at: datetime | None
    missed: tuple[tuple[str, str, datetime], ...]
    next_due: tuple[str, str, datetime] | None


@dataclass(frozen=True, slots=True)
class WallTable:
    """One table on the wall."""

    number: int
    cases: tuple[CaseLine, ...]
    traps: tuple[tuple[str, Trap, datetime], ...]
    came: Mapping[str, datetime]
    coming: Mapping[str, datetime]
    held: tuple[str, ...]
    hand_at: datetime | None
    hints: bool
    seats: tuple[Seat, ...]
    writing: tuple[Seat, ...]


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
        tables, seats, state = rooms.tables(session), rooms.seats(session), rooms.state(session)
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


def see_table(room: Room, seen: Glance, seat: Seat) -> TableView:
    """One's table as it was seen."""
    state, table = seen.state, seen.table
    with room.store.reading() as session:
        people = tuple(one for one in rooms.seats(session, seat.table) if one.left_at is None)
        words = rooms.words(session, room.house.vault, WordKind.message, (0, seat.table)) if seen.words else ()
    arrivals = _arrivals(room, table, seat.roles) if table is not None else ()
    cards = tuple(card for card in room.scenario.cast.values() if card.role in seat.roles)
    hand_at = table.hand_at if table is not None else None
    naming = () if _sees_a_case(room, seat) else named_by(room.protocol, seat.roles)
    return TableView(
        seat, room.scenario, room.protocol, state, arrivals, words[::-1], cards, people, hand_at, naming,
        any(role in naming for one in people for role in one.roles),
    )  # fmt: skip


def _sees_a_case(room: Room, seat: Seat) -> bool:
    actor = actor_of(room, seat)
    return actor is not None and may_find(room.house, actor)


def _arrivals(room: Room, table: TableState, roles: Sequence[str]) -> tuple[Arrival, ...]:
    """What came and is for these roles, the latest first; what nobody here holds is for all."""
    injects, cast = room.scenario.injects, room.scenario.cast
    came = sorted(table.came.items(), key=lambda one: (one[1], one[0]), reverse=True)
    return tuple(
        Arrival(key, injects[key], at, cast.get(injects[key].from_ or ""))
        for key, at in came
        if key in injects and is_for(injects[key], roles, room)
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
        state, tables, seats = rooms.state(session), rooms.tables(session), rooms.seats(session)
    moment = state.clock.at(real)
    ahead = [one.next_at for one in tables if one.next_at is not None and one.next_at > moment]
    return Wall(
        room.scenario, room.protocol, state, moment, why_it_stands(state, real),
        tuple(_wall_table(room, one, seats, moment, real) for one in tables),
        min(ahead, default=None),
    )  # fmt: skip


def _wall_table(room: Room, table: TableState, seats: Sequence[Seat], moment: datetime, real: datetime) -> WallTable:
    here = tuple(one for one in seats if one.table == table.number and one.left_at is None)
    injects, traps = room.scenario.injects, room.scenario.traps
    return WallTable(
        table.number,
        tuple(_case_line(room.protocol, case, moment) for case in table.cases),
        tuple((key, traps[key], at) for key, at in sorted(table.traps.items(), key=lambda one: one[1]) if key in traps),
        {key: at for key, at in table.came.items() if key in injects},
        {key: at for key, at in table.coming.items() if key in injects},
        table.held, table.hand_at, table.hints, here, tuple(one for one in here if one.is_writing(real)),
    )  # fmt: skip


def _case_line(protocol: Protocol, case: Mapping[str, object], moment: datetime) -> CaseLine:
    said = case.get("dues")
    dues = (
        [(str(key), str(about), datetime.fromisoformat(at)) for key, about, at in said]
        if isinstance(said, list)
        else []
    )
    ahead, grid = [due for due in dues if due[2] > moment], next(iter(protocol.grids.values()), None)
    last_at, level = case.get("last_at"), case.get("level")
    return CaseLine(
        str(case["number"]), str(case["state"]), grid.levels.get(level) if grid and isinstance(level, int) else None,
        str(case["last"]) if case.get("last") else None,
        datetime.fromisoformat(str(last_at)) if last_at else None,
        tuple(due for due in dues if due[2] <= moment), ahead[0] if ahead else None,
    )  # fmt: skip
