"""Repository of one workshop's room: the clock, tables, seats, refusals, words; rooms as tenants of one store.

A session says of which room it is (`apart`); whoever asks without one is told nothing.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from string import ascii_uppercase
from typing import Any, cast

from sqlalchemy import MetaData, and_, delete, func, or_, select, update
from sqlalchemy.orm import ORMExecuteState, Session, aliased, with_loader_criteria
from sqlalchemy.orm.util import LoaderCriteriaOption

from school_protocol.auth.models import AppointmentRow, UnitRow
from school_protocol.cases.models import CaseDueRow, CaseIndexRow, CaseReferralRow, IdentityMarkRow, ReportRow
from school_protocol.notifications.models import NoticeRow
from school_protocol.storage.engines import Store, empty_log
from school_protocol.storage.models import BlobRow, CaseRecordRow, DirectoryBase, OutboxRow, RealmBase, new_id
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.storage.vault import Vault
from school_protocol.storage.work_queue import OF
from school_protocol.training.models import AttemptRow, RoomBase, RoomRow, SeatRow, TableRow, TryRow, WordRow
from school_protocol.training.scenario import RoomClock

# ---- rooms as tenants: what a session of one of them sees, and what goes with it -----------------------------------

_ROOM, _NARROWED = "room", "narrowed"
MARK = 8
"""So many letters of a room's id stand before the ids of what is to be done in it later."""


def here(session: Session) -> str:
    """The room of this session; raises KeyError in any other."""
    return cast(str, session.info[_ROOM])


@dataclass(frozen=True, slots=True)
class Stores:
    """The store of workshops: the same tables as the real one's, and those of rooms."""

    directory: Store
    realm: Store
    room: Store

    def of(self, room: str, vault: Vault, units: Collection[str] | None) -> Stores:
        """As one room sees it, with the keys of that room: units of its own alone (None: whatever is new there)."""
        narrowed = () if units is None else tuple(_narrowed(room, units))
        said = {_ROOM: room, OF: f"{room[:MARK]}-", _NARROWED: narrowed}
        return Stores(*(one.for_tenant(vault, _narrow, **said) for one in (self.directory, self.realm, self.room)))

    def close(self) -> None:
        """Give every connection back."""
        for one in (self.directory, self.realm, self.room):
            one.close()


def _narrow(state: ORMExecuteState) -> None:
    state.statement = cast(Any, state.statement).options(*state.session.info[_NARROWED])


def _narrowed(room: str, units: Collection[str]) -> Sequence[LoaderCriteriaOption]:
    """What is asked of these tables is asked of this room's rows, whoever asks, and by whatever else."""
    mine = sorted(units)
    of_cases = CaseRecordRow.__table__.c
    cases = select(of_cases.id).where(of_cases.unit.in_(mine))
    return [
        with_loader_criteria(UnitRow, UnitRow.id.in_(mine)),
        with_loader_criteria(OutboxRow, OutboxRow.id.startswith(f"{room[:MARK]}-")),
        *(
            with_loader_criteria(one, one.unit.in_(mine))
            for one in (AppointmentRow, CaseRecordRow, CaseIndexRow, ReportRow, IdentityMarkRow)
        ),
        *(
            with_loader_criteria(one, one.case_id.in_(cases))
            for one in (CaseDueRow, CaseReferralRow, BlobRow, NoticeRow)
        ),
    ]  # fmt: skip


def units_of(store: Store, room: str) -> tuple[str, ...]:
    """The schools, provinces and academies of a room's tables."""
    query = select(TableRow.school, TableRow.province, TableRow.region).where(TableRow.room == room)
    with store.reading() as session:
        return tuple(unit for row in session.execute(query) for unit in row)


def free_codes(session: Session, number: int) -> list[str]:
    """So many codes of schools that no table has, in a session that no room narrows and that alone writes."""
    taken = set(session.scalars(select(UnitRow.code).where(UnitRow.kind == "school")))
    codes = (f"{place:05d}{letter}" for letter in ascii_uppercase for place in range(1, 1000))
    return list(islice((code for code in codes if code not in taken), number))


# ---- what goes with a room -------------------------------------------------------------------------------------------

BY_CASE, BY_ACCOUNT, BY_UNIT = ("case_id",), ("account", "reporter"), ("unit",)
"""Columns by which a row is known to be of a room, in the realm and the directory."""


def purge_room(stores: Stores, room: str) -> None:
    """Nothing of a room stays, its keys first: whatever is left if this is cut off opens no more."""
    with stores.room.writing() as session:
        session.execute(update(RoomRow).where(RoomRow.id == room).values(workshop=None, wrapped=b""))
    units = units_of(stores.room, room)
    with stores.room.reading() as session:
        accounts = set(session.scalars(select(SeatRow.account).where(SeatRow.room == room)))
    with stores.directory.reading() as session:
        accounts |= set(session.scalars(select(AppointmentRow.account).where(AppointmentRow.unit.in_(units))))
    with stores.realm.writing() as session:
        cases = session.scalars(select(CaseRecordRow.id).where(CaseRecordRow.unit.in_(units))).all()
        session.execute(delete(OutboxRow).where(OutboxRow.id.startswith(f"{room[:MARK]}-")))
        known = {
            **dict.fromkeys(BY_CASE, cases),
            **dict.fromkeys(BY_ACCOUNT, accounts),
            **dict.fromkeys(BY_UNIT, units),
        }
        _delete(session, RealmBase.metadata, known, {"case_record": cases})
    with stores.directory.writing() as session:
        known = {**dict.fromkeys(BY_ACCOUNT, accounts), **dict.fromkeys(BY_UNIT, units)}
        _delete(session, DirectoryBase.metadata, known, {"account": accounts, "unit": units})
    with stores.room.writing() as session:
        _delete(session, RoomBase.metadata, {"room": [room]}, {"room": [room]})
    for one in (stores.realm, stores.directory, stores.room):
        if one.engine.dialect.name == "sqlite":
            empty_log(one.engine)  # else what was deleted lies in the log for a while


def _delete(
    session: Session, metadata: MetaData, known: dict[str, Collection[str]], roots: dict[str, Collection[str]]
) -> None:
    """Of each table the rows that name one of these, those that others point at last."""
    for table in reversed(metadata.sorted_tables):
        ways = [table.c[name].in_(values) for name, values in known.items() if name in table.c and values]
        if table.name in roots:
            ways.append(table.c.id.in_(roots[table.name]))
        if ways:
            session.execute(delete(table).where(or_(*ways)))


_LABEL = "room-word-v1"
_GONE = "this room is being destroyed"


class State(StrEnum):
    waiting = "waiting"
    begun = "begun"
    ended = "ended"


class WordKind(StrEnum):
    message = "message"
    feedback = "feedback"


@dataclass(frozen=True, slots=True)
class RoomState:
    """Where a room stands."""

    state: State
    clock: RoomClock


@dataclass(frozen=True, slots=True)
class Word:
    """A message of the trainer to a table (0: to all)."""

    table: int
    at: datetime
    text: str


# ---- the room ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """A room as it is opened: its id in the store, what opens it, and the files of what is played there."""

    id: str
    key: bytes = field(repr=False)
    scenario: bytes = field(repr=False)
    protocol: bytes = field(repr=False)


def begin(session: Session, vault: Vault, found: Found, clock: RoomClock, *, at: datetime) -> None:
    """A new room, its clock standing, of no workshop yet; `vault`: the store's own."""
    master, wrapped = vault.wrap(found.key, f"room:{found.id}")
    session.add(
        RoomRow(
            id=found.id, workshop=None, made_at=at, master=master, wrapped=wrapped, scenario=found.scenario,
            protocol=found.protocol, state=State.waiting.value, moment=clock.moment, since=clock.since,
            pace=clock.pace, held_until=None, frozen=clock.frozen, alive_at=clock.alive_at,
        )
    )  # fmt: skip
    session.flush()


def settle(session: Session, room: str, workshop: str | None) -> None:
    """From now on that room is this workshop's; None: nobody's any more."""
    session.execute(update(RoomRow).where(RoomRow.id == room).values(workshop=workshop))


def is_settled(session: Session, room: str) -> bool:
    """Whether that room is a workshop's."""
    return session.scalar(select(RoomRow.workshop).where(RoomRow.id == room)) is not None


def of_workshop(session: Session, workshop: str) -> str | None:
    """The room of a workshop, by its id in the store."""
    return session.scalar(select(RoomRow.id).where(RoomRow.workshop == workshop))


def find(session: Session, vault: Vault, workshop: str) -> Found | None:
    """The room of a workshop; `vault`: the store's own."""
    row = session.scalar(select(RoomRow).where(RoomRow.workshop == workshop))
    if row is None:
        return None
    return Found(row.id, vault.unwrap(row.master, row.wrapped, f"room:{row.id}"), row.scenario, row.protocol)


def scenario_of(session: Session, workshop: str) -> bytes | None:
    """The file of what is played in a workshop's room."""
    return session.scalar(select(RoomRow.scenario).where(RoomRow.workshop == workshop))


def every(session: Session) -> tuple[tuple[str, str | None, datetime], ...]:
    """Id, workshop and beginning of each room, whole or not."""
    return tuple(session.execute(select(RoomRow.id, RoomRow.workshop, RoomRow.made_at)).all())


def _row(session: Session) -> RoomRow:
    row = session.get(RoomRow, here(session))
    if row is None:
        raise StorageBusy(_GONE)
    return row


def hold(session: Session) -> None:
    """Nobody else writes in this room to the end of the transaction, on a server that lets others write elsewhere."""
    session.execute(select(RoomRow.id).where(RoomRow.id == here(session)).with_for_update())


def state(session: Session) -> RoomState:
    """Where the room stands."""
    return _state(_row(session))


def _state(row: RoomRow) -> RoomState:
    clock = RoomClock(row.moment, row.since, row.pace, row.held_until, row.frozen, row.alive_at)
    return RoomState(State(row.state), clock)


_CLOCK = "SELECT moment, since, pace, frozen, held_until, alive_at FROM room WHERE id = ?"


def clock_of(store: Store, room: str) -> RoomClock:
    """The room's clock alone, as it was written last: it is asked for at every turn, so no session is begun for it."""
    if store.engine.dialect.name != "sqlite":
        return _clock_read(store)
    try:
        with closing(store.engine.raw_connection()) as connection:
            found = connection.cursor().execute(_CLOCK, (room,)).fetchone()
    except sqlite3.Error:
        return _clock_read(store)
    if found is None:
        raise StorageBusy(_GONE)
    moment, since, pace, frozen, *marks = found
    held_until, alive_at = (_moment(said) if said is not None else None for said in marks)
    return RoomClock(_moment(moment), _moment(since), pace, held_until, bool(frozen), alive_at)


def _clock_read(store: Store) -> RoomClock:
    with store.reading() as session:
        return state(session).clock


def _moment(said: str) -> datetime:
    return datetime.fromisoformat(said).replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Glance:
    """What every page of a phone stands on, read at once."""

    state: RoomState
    seat: SeatRow | None
    table: TableRow | None
    words: int
    """Messages of the trainer to that table, or to all."""
    next_look: datetime | None
    """The first moment at which something comes or falls due at any table."""
    is_stale: bool
    """Whether a table is to be looked at whatever the time is."""


def glance(session: Session, mark: bytes) -> Glance:
    """Where the room stands, and the seat that a phone holds."""
    room_id = here(session)
    told = select(func.count()).where(
        WordRow.room == room_id, WordRow.kind == WordKind.message.value,
        or_(WordRow.at_table == 0, WordRow.at_table == SeatRow.table),
    )  # fmt: skip
    mine = aliased(TableRow)
    stale = select(mine.number).where(mine.room == room_id, mine.is_stale).exists()
    next_look = select(func.min(mine.next_at)).where(mine.room == room_id).scalar_subquery()
    sits_here = and_(SeatRow.room == RoomRow.id, SeatRow.token == mark, SeatRow.left_at.is_(None))
    query = (
        select(
            RoomRow, SeatRow, TableRow, told.correlate(SeatRow).scalar_subquery(), next_look,
            select(stale).scalar_subquery(),
        )
        .join_from(RoomRow, SeatRow, sits_here, isouter=True)
        .join(TableRow, and_(TableRow.room == SeatRow.room, TableRow.number == SeatRow.table), isouter=True)
        .where(RoomRow.id == room_id)
    )  # fmt: skip
    found = session.execute(query).one_or_none()
    if found is None:
        raise StorageBusy(_GONE)
    room, seat, table, words, next_look, is_stale = found
    return Glance(_state(room), seat, table, words, next_look, bool(is_stale))


def change(session: Session, *, state: State | None = None, clock: RoomClock | None = None) -> None:
    """Change where the room stands."""
    row = _row(session)
    if state is not None:
        row.state = state.value
    if clock is not None:
        row.moment, row.since, row.pace = clock.moment, clock.since, clock.pace
        row.held_until, row.frozen, row.alive_at = clock.held_until, clock.frozen, clock.alive_at
    session.flush()


def go_stale(session: Session, number: int | None = None) -> None:
    """A table, or each of them, is to be looked at, whatever the time is."""
    query = update(TableRow).where(TableRow.room == here(session)).values(is_stale=True)
    session.execute(query if number is None else query.where(TableRow.number == number))


# ---- tables ------------------------------------------------------------------------------------------------------


def add_table(session: Session, number: int, units: Mapping[str, str], *, hints: bool) -> TableRow:
    """A table that nothing has come to yet; `units`: its school, province and region."""
    row = TableRow(
        room=here(session), number=number, **units, hints=hints, hand_at=None, came={}, coming={}, traps={}, held=[],
        cases=[], next_at=None, is_stale=True,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def tables(session: Session) -> tuple[TableRow, ...]:
    """Every table, in order."""
    return tuple(session.scalars(select(TableRow).where(TableRow.room == here(session)).order_by(TableRow.number)))


def table(session: Session, number: int) -> TableRow | None:
    """One table."""
    return session.get(TableRow, (here(session), number))


# ---- seats -------------------------------------------------------------------------------------------------------


def mark_of(vault: Vault, token: str) -> bytes:
    """What is kept of a phone's token."""
    return vault.chain("room-seat-v1", hashlib.sha256(token.encode("utf-8", "replace")).digest())


def add_seat(session: Session, seat: SeatRow) -> None:
    """Somebody has sat down."""
    seat.room = here(session)
    session.add(seat)
    session.flush()


def seats(session: Session, table: int | None = None) -> tuple[SeatRow, ...]:
    """Who sits, or sat, in the room or at one table, in the order in which they came."""
    query = select(SeatRow).where(SeatRow.room == here(session)).order_by(SeatRow.joined_at, SeatRow.id)
    if table is not None:
        query = query.where(SeatRow.table == table)
    return tuple(session.scalars(query))


def seat(session: Session, seat_id: str) -> SeatRow | None:
    """One seat."""
    return session.scalar(select(SeatRow).where(SeatRow.id == seat_id, SeatRow.room == here(session)))


def seat_with(session: Session, mark: bytes) -> SeatRow | None:
    """The seat that a phone holds."""
    mine = SeatRow.room == here(session), SeatRow.token == mark, SeatRow.left_at.is_(None)
    return session.scalar(select(SeatRow).where(*mine))


def hand(session: Session, seat_id: str, mark: bytes) -> None:
    """Another phone holds the seat from now on."""
    session.get_one(SeatRow, seat_id).token = mark


def writing_until(session: Session, real: datetime) -> datetime | None:
    """Until when somebody is waited for who writes."""
    mine = SeatRow.room == here(session), SeatRow.writing_until > real
    return session.scalar(select(func.max(SeatRow.writing_until)).where(*mine))


def note_try(session: Session, table: int, name: str, *, at: datetime, since: datetime, most: int) -> int | None:
    """One more number is given for the seat of that name; None where so many were given since then.

    Those from before are forgotten, of whatever seat.
    """
    room = here(session)
    session.execute(delete(TryRow).where(TryRow.room == room, TryRow.at <= since))
    query = select(func.count()).where(TryRow.room == room, TryRow.at_table == table, TryRow.name == name)
    if (session.scalar(query) or 0) >= most:
        return None
    row = TryRow(room=room, at_table=table, name=name, at=at)
    session.add(row)
    session.flush()
    return row.id


def take_back_try(session: Session, noted: int) -> None:
    """It was the right one."""
    session.execute(delete(TryRow).where(TryRow.id == noted))


def count_tries(session: Session) -> int:
    """How many are remembered."""
    return session.scalar(select(func.count()).where(TryRow.room == here(session))) or 0


# ---- what was refused, what was said -----------------------------------------------------------------------------


def add_attempt(session: Session, tried: AttemptRow) -> None:
    """Write down what was refused."""
    tried.room = here(session)
    session.add(tried)
    session.flush()


def attempts(session: Session, table: int) -> tuple[AttemptRow, ...]:
    """What a table tried and was refused, in order."""
    mine = AttemptRow.room == here(session), AttemptRow.at_table == table
    return tuple(session.scalars(select(AttemptRow).where(*mine).order_by(AttemptRow.id)))


def say(session: Session, vault: Vault, kind: WordKind, table: int, text: str, *, at: datetime) -> None:
    """Keep words, sealed. What participants say is kept by the day alone."""
    if kind is WordKind.feedback:
        at = at.replace(hour=0, minute=0, second=0, microsecond=0)
    row = WordRow(id=new_id(), room=here(session), kind=kind.value, at_table=table, at=at)
    row.master, row.wrapped = vault.wrap(text.encode(), f"{_LABEL}:{row.id}")
    session.add(row)
    session.flush()


def words(session: Session, vault: Vault, kind: WordKind, tables: Sequence[int] | None = None) -> tuple[Word, ...]:
    """Words of one kind, to those tables or to all; what participants said in no order that says who."""
    mine = WordRow.room == here(session), WordRow.kind == kind.value
    query = select(WordRow).where(*mine).order_by(WordRow.at, WordRow.id)
    if tables is not None:
        query = query.where(WordRow.at_table.in_(tables))
    return tuple(
        Word(row.at_table, row.at, vault.unwrap(row.master, row.wrapped, f"{_LABEL}:{row.id}").decode())
        for row in session.scalars(query)
    )
