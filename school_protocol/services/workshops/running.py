"""What the trainer does with a room: its clock, what comes to the tables, words to them, its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.domain.room_clock import STANDING
from school_protocol.services.house import House
from school_protocol.services.workshops.rooms import Room, destroy
from school_protocol.services.workshops.watching import look, write_no_more
from school_protocol.storage.engines import Session
from school_protocol.storage.workshops import listed, rooms
from school_protocol.storage.workshops.listed import Workshop
from school_protocol.storage.workshops.rooms import Seat, State, TableState, WordKind

WRITES = timedelta(minutes=5)
"""So long somebody is waited for who has a form open and is not heard of."""
WORDS_MOST = 600
ALL_TABLES = 0


def own(host: House, trainer: Actor | None, workshop: str) -> Workshop:
    """A workshop of this trainer's. Raises Unseen: another's is absent."""
    with host.directory.reading() as session:
        found = listed.find(session, workshop)
    if found is None or found.trainer != (trainer.id if trainer else None):
        raise Unseen(workshop)
    return found


# ---- the clock ---------------------------------------------------------------------------------------------------


def set_pace(room: Room, pace: int) -> None:
    """Let the clock stand, or run as ours, or sixty times as fast; the first time the room begins. Raises BadInput."""
    real = room.real.now()
    with room.writing() as session:
        state = _going_on(session)
        begins = State.begun if pace != STANDING and state.state is State.waiting else None
        rooms.change(session, state=begins, clock=state.clock.paced(pace, real))
    look(room)


def to_next(room: Room) -> datetime | None:
    """Move on to the next moment at which something comes or falls due, at any table; None where nothing will."""
    _begin(room)
    real = room.real.now()
    with room.writing() as session:
        state = _going_on(session)
        now = state.clock.at(real)
        ahead = [one.next_at for one in rooms.tables(session) if one.next_at is not None and one.next_at > now]
        if not ahead:
            return None
        rooms.change(session, clock=state.clock.turned_to(min(ahead), real))
    look(room)
    return min(ahead)


def _begin(room: Room) -> None:
    """The room has begun, and what its first moment brings is there. Raises BadInput once it has ended."""
    with room.writing() as session:
        if _going_on(session).state is State.waiting:
            rooms.change(session, state=State.begun)
    look(room)


def turn_to(room: Room, moment: datetime) -> None:
    """Move on to that moment. Raises BadInput where that would be back, or more than a year on."""
    with room.store.reading() as session:
        _going_on(session).clock.turned_to(moment, room.real.now())
    _begin(room)
    real = room.real.now()
    with room.writing() as session:
        state = _going_on(session)
        if moment > state.clock.at(real) + timedelta(days=366):
            raise BadInput({"moment": ("too_far",)})
        rooms.change(session, clock=state.clock.turned_to(moment, real))
    look(room)


def freeze(room: Room, frozen: bool) -> None:
    """Stop the room: the clock stands and nothing is recorded, until it is let go on."""
    real = room.real.now()
    with room.writing() as session:
        state = _going_on(session)
        rooms.change(session, clock=state.clock.freeze(frozen, real))


def _going_on(session: Session) -> rooms.RoomState:
    state = rooms.state(session)
    if state.state is State.ended:
        raise BadInput({"room": ("ended",)})
    return state


# ---- who writes --------------------------------------------------------------------------------------------------


def writes(room: Room, seat: Seat, form: str) -> None:
    """Somebody has a form open: the fast clock stands meanwhile."""
    real = room.real.now()
    with room.writing() as session:
        now = rooms.seat(session, seat.id)
        if now is None or now.left_at is not None:
            return
        rooms.keep_seat(session, replace(now, writing=form[:200], writing_until=real + WRITES, seen_at=real))
        rooms.change(session, clock=rooms.state(session).clock.held(rooms.writing_until(session, real), real))


def wrote(room: Room, seat: Seat) -> None:
    """Whoever had a form open has it no more."""
    if seat.writing is not None:
        with room.writing() as session:
            write_no_more(session, seat.id, room.real.now())


def go_on(room: Room) -> None:
    """The trainer waits for nobody who writes: what they type is kept as ever, the clock runs."""
    real = room.real.now()
    with room.writing() as session:
        for seat in rooms.seats(session):
            if seat.writing is not None:
                rooms.keep_seat(session, rooms.without_writing(seat))
        rooms.change(session, clock=rooms.state(session).clock.held(None, real))


# ---- what comes --------------------------------------------------------------------------------------------------


def hold(room: Room, table: int, inject: str, held: bool) -> None:
    """Hold an inject back at a table, or at all; or let it come when it is called. Raises BadInput, Unseen."""
    _check(room, inject)
    with room.writing() as session:
        now = _going_on(session).clock.at(room.real.now())
        for one in _tables(session, table):
            kept = [*dict.fromkeys([*one.held, inject])] if held else [key for key in one.held if key != inject]
            coming = {key: max(at, now) if key == inject else at for key, at in one.coming.items()}
            rooms.keep_table(session, replace(one, held=tuple(kept), coming=coming, is_stale=True))
    look(room)


def let_in(room: Room, table: int, inject: str) -> None:
    """Have an inject come now, at a table or at all, whatever called it; where it has come it stays as it is.

    Raises BadInput, Unseen.
    """
    _check(room, inject)
    with room.writing() as session:
        now = _going_on(session).clock.at(room.real.now())
        for one in _tables(session, table):
            if inject in one.came:
                continue
            coming = {key: at for key, at in one.coming.items() if key != inject}
            held = tuple(key for key in one.held if key != inject)
            rooms.keep_table(
                session,
                replace(one, came={**one.came, inject: now}, coming=coming, held=held, is_stale=True),
            )
    look(room)


def _check(room: Room, inject: str) -> None:
    if inject not in room.scenario.injects:
        raise Unseen(inject)


def _tables(session: Session, number: int) -> tuple[TableState, ...]:
    found = tuple(one for one in rooms.tables(session) if number in (ALL_TABLES, one.number))
    if not found:
        raise Unseen(str(number))
    return found


def say(room: Room, table: int, text: str) -> None:
    """A message of the trainer's to a table, or to all. Raises BadInput, Unseen."""
    words = " ".join(text.split("\0")).strip()
    if not words or len(words) > WORDS_MOST:
        raise BadInput({"text": ("missing" if not words else "too_long",)})
    with room.writing() as session:
        _tables(session, table)
        rooms.say(session, room.house.vault, WordKind.message, table, words, at=room.real.now())


def set_hints(room: Room, table: int, hints: bool) -> None:
    """Whether a table's pages say what is next and why the rest is not open."""
    with room.writing() as session:
        for one in _tables(session, table):
            rooms.keep_table(session, replace(one, hints=hints))


def raise_hand(room: Room, table: int, raised: bool) -> None:
    """A table asks for the trainer, or no longer does."""
    with room.writing() as session:
        for one in _tables(session, table):
            rooms.keep_table(session, replace(one, hand_at=room.real.now() if raised else None))


def feed_back(room: Room, text: str) -> None:
    """What a participant says of the workshop; nobody is told who, nor when but the day. Raises BadInput."""
    words = text.strip()
    if not words or len(words) > WORDS_MOST:
        raise BadInput({"text": ("missing" if not words else "too_long",)})
    with room.writing() as session:
        rooms.say(session, room.house.vault, WordKind.feedback, ALL_TABLES, words, at=room.real.now())


# ---- the end -----------------------------------------------------------------------------------------------------


def stop(room: Room) -> None:
    """Nothing more is recorded: the clock stands for good."""
    look(room)
    real = room.real.now()
    with room.writing() as session:
        state = rooms.state(session)
        if state.state is not State.ended:
            rooms.change(session, state=State.ended, clock=state.clock.paced(STANDING, real))


def purge(host: House, workshop: str) -> None:
    """The room is gone, keys first; the debriefs without names stay.

    The list says so before: whatever happens meanwhile, nobody opens it any more, and what is left of it is swept.
    """
    with host.directory.writing() as session:
        listed.purged(session, workshop, at=host.now())
    destroy(host, workshop)
