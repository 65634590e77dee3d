"""Service of workshops: the code that leads in, a workshop made with its tables, and what the trainer does with a room.

A wrong code gets slow answers.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth import service as auth_service
from school_protocol.cases.story_player import SCHOOL_WEEK, Player, TurnableClock, moment
from school_protocol.context import AppContext
from school_protocol.engine.clock import Calendar
from school_protocol.engine.definition import Protocol, ScopeKind
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor, Permission, UnitKind
from school_protocol.language import ZONE
from school_protocol.people import repository as people_repository
from school_protocol.storage.engines import Session
from school_protocol.storage.models import new_id
from school_protocol.storage.vault import Vault
from school_protocol.training import repository, room_repository
from school_protocol.training.models import SeatRow, TableRow, WorkshopRow
from school_protocol.training.room_repository import State, WordKind, free_codes, purge_room, units_of
from school_protocol.training.room_store import (
    SCENARIO,
    Room,
    Training,
    context_in,
    destroy,
    is_laptop,
    trainer_of,
    training_of,
)
from school_protocol.training.scenario import STANDING, RoomClock, Scenario
from school_protocol.training.scenario_reader import read_scenario
from school_protocol.training.table_play import hold_clock, look, write_no_more

# ---- a workshop made: its room, its tables, each a school of its own; the first report written at each -------------

TABLES_MOST = 30
STANDS = timedelta(days=30)
"""How long a room stays, at most."""
CODE = 6
_LETTERS = "ACDEFHJKLMNPRTUVWXY34679"
"""Nothing that is read as something else, nothing that makes a word in a hurry."""
_CODES_TRIED = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a trainer asks for: how many tables, and whether the pages say what is open and why not."""

    tables: int
    hints: bool
    language: str


def may_train(ctx: AppContext, actor: Actor) -> bool:
    """Whether workshops are for this person: a role that runs them, by appointment."""
    if is_laptop(ctx):
        return actor.id == trainer_of(ctx).id
    return permissions.may(ctx, actor, Permission.train)


def found(
    host: AppContext, trainer: Actor | None, scenario: bytes, protocol: Protocol, content: bytes, wanted: Wanted,
    *, form: str = "",
) -> WorkshopRow:  # fmt: skip
    """Make a workshop on a scenario that can be played, and put it on the list.

    `content` is the file of the protocol's version. A laptop that serves a room by itself has no trainer. `form`: what
    only one form of one browser carries; sent twice, it is one workshop. Raises Unseen, BadInput.
    """
    if trainer is not None and not may_train(host, trainer):
        raise Unseen("workshops")
    if not 1 <= wanted.tables <= TABLES_MOST:
        raise BadInput({"tables": ("out_of_range",)})
    told, now = read_scenario(scenario, SCENARIO), host.now()
    workshop = _id_of(host, trainer, f"{form}|{told.digest}|{wanted}") if form else new_id()
    with host.directory.reading() as session:
        made = repository.find_workshop(session, workshop)
    if made is not None and made.ended_at is None:
        return made
    if made is not None:
        workshop = new_id()
    line = WorkshopRow(
        id=workshop, code="", trainer=trainer.id if trainer else None,
        scenario=told.scenario, version=told.version, digest=told.digest,
        protocol=protocol.protocol, protocol_version=protocol.version, tables=wanted.tables,
        language=wanted.language, created_at=now, purge_at=now + STANDS,
    )  # fmt: skip
    with training_of(host) as training:
        room = new_id()
        try:
            _fill(training, room, scenario, told, protocol, content, wanted)
            return _settled(host, training, room, line)
        finally:
            _give_up(training, room)


def _settled(host: AppContext, training: Training, room: str, line: WorkshopRow) -> WorkshopRow:
    """On the list, and opened to whoever has its code; unless the same press has made it meanwhile."""
    with host.directory.writing() as session:
        if (made := repository.find_workshop(session, line.id)) is not None:
            return made
        line.code = _free_code(session)
        repository.add_workshop(session, line)
        with training.stores.room.writing() as own:
            room_repository.settle(own, room, line.id)
    return line


def _give_up(training: Training, room: str) -> None:
    """Nothing stays of a room that became no workshop's."""
    with training.stores.room.reading() as session:
        is_whole = room_repository.is_settled(session, room)
    if not is_whole:
        purge_room(training.stores, room)


def _id_of(host: AppContext, trainer: Actor | None, form: str) -> str:
    """An id that says nothing, the same each time that this form is sent."""
    said = f"{trainer.id if trainer else ''}|{form}".encode()
    return base64.b32encode(host.vault.chain("workshop-of-form-v1", said)[:16]).decode().rstrip("=").lower()


def _fill(
    training: Training, room: str, scenario: bytes, told: Scenario, protocol: Protocol, content: bytes, wanted: Wanted
) -> None:  # fmt: skip
    """The room's clock stands, its tables are there, and its first report is written at each."""
    begins, now = moment(told.opening.begins, "begins"), training.real.now()
    found = room_repository.Found(room, training.vault.new_case_key(), scenario, content)
    vault = Vault.drawn(found.key, training.settings.keys)
    new = training.stores.of(room, vault, None)
    with new.room.writing() as session:
        room_repository.begin(session, training.vault, found, RoomClock(begins, now), at=now)
    with new.directory.writing() as own, new.room.writing() as session:
        codes = free_codes(own, wanted.tables)
        tables = [
            room_repository.add_table(session, number, _units(own, number, code), hints=wanted.hints)
            for number, code in enumerate(codes, 1)
        ]
    stores = training.stores.of(room, vault, units_of(training.stores.room, room))
    ctx = context_in(training, stores, vault, TurnableClock(begins), protocol, content)
    _open(ctx, told, protocol, tables, begins)


def _units(session: Session, number: int, code: str) -> dict[str, str]:
    """A table's own academy, province and school: whoever sits at another one is nowhere above it."""
    names = {"fr": f"Table {number}", "ar": f"الطاولة {number}", "en": f"Table {number}"}

    def unit(kind: UnitKind, code: str, parent: str | None = None) -> str:
        return auth_repository.add_unit(session, kind=kind, code=code, names=names, parent=parent)

    region = unit(UnitKind.region, f"FORMATION-R{code}")
    province = unit(UnitKind.province, f"FORMATION-P{code}", region)
    school = unit(UnitKind.school, code, province)
    people_repository.set_calendar(session, region, Calendar(opening=SCHOOL_WEEK, timezone=ZONE.key))
    return {"school": school, "province": province, "region": region}


def _open(ctx: AppContext, told: Scenario, protocol: Protocol, tables: Sequence[TableRow], begins: datetime) -> None:
    """The act with which the scenario begins, at each table."""
    clock = TurnableClock(begins)
    opening = {"as": told.opening.as_, "do": told.opening.do, "answers": told.opening.answers}
    for table in tables:
        places = {ScopeKind.province: table.province, ScopeKind.region: table.region}
        player = Player(ctx, clock, protocol, table.school, places)
        player.watching = False
        (played,) = player.play([opening])
        if not played.went_as_said:
            raise BadInput({"scenario": ("does_not_begin",)})


def _free_code(session: Session) -> str:
    for _try in range(_CODES_TRIED):
        code = "".join(secrets.choice(_LETTERS) for _ in range(CODE))
        if repository.with_code(session, code) is None:
            return code
    raise RuntimeError("no free code was found")


def plain_code(text: str) -> str:
    """A code as it is kept: what people type between its letters is left out."""
    return "".join(sign for sign in text.upper() if sign.isalnum())[:20]


_WHAT = "workshop"


@dataclass(frozen=True, slots=True)
class Found:
    """What a code led to: a workshop that goes on; or why there is none: `missing`, `wrong` or `ended`."""

    workshop: WorkshopRow | None
    why: str = ""


def find_joinable(host: AppContext, code: str, *, address: str) -> Found:
    """The workshop of that code. Wrong ones are counted by place, and get slow; right ones never are.

    Raises TooManyTries.
    """
    plain = plain_code(code)
    if not plain:
        return Found(None, "missing")
    with host.directory.writing() as session:
        attempt = auth_service.note_from(session, host, _WHAT, address=address)
        known = repository.with_code(session, plain) if len(plain) == CODE else None
        if known is not None:
            auth_service.forgive(session, attempt)
    if known is None:
        return Found(None, "wrong")
    return Found(None, "ended") if known.ended_at is not None else Found(known)


# ---- the trainer's room: its clock, what comes to the tables, words to them, its end -------------------------------

WRITES = timedelta(minutes=5)
"""So long somebody is waited for who has a form open and is not heard of."""
WORDS_MOST = 600
ALL_TABLES = 0


def own(host: AppContext, trainer: Actor | None, workshop: str) -> WorkshopRow:
    """A workshop of this trainer's. Raises Unseen: another's is absent."""
    with host.directory.reading() as session:
        found = repository.find_workshop(session, workshop)
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
        room_repository.change(session, state=begins, clock=state.clock.paced(pace, real))
    look(room)


def to_next(room: Room) -> datetime | None:
    """Move on to the next moment at which something comes or falls due, at any table; None where nothing will."""
    _begin(room)
    real = room.real.now()
    with room.writing() as session:
        state = _going_on(session)
        now = state.clock.at(real)
        ahead = [
            one.next_at for one in room_repository.tables(session) if one.next_at is not None and one.next_at > now
        ]
        if not ahead:
            return None
        room_repository.change(session, clock=state.clock.turned_to(min(ahead), real))
    look(room)
    return min(ahead)


def _begin(room: Room) -> None:
    """The room has begun, and what its first moment brings is there. Raises BadInput once it has ended."""
    with room.writing() as session:
        if _going_on(session).state is State.waiting:
            room_repository.change(session, state=State.begun)
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
        room_repository.change(session, clock=state.clock.turned_to(moment, real))
    look(room)


def freeze(room: Room, frozen: bool) -> None:
    """Stop the room: the clock stands and nothing is recorded, until it is let go on."""
    real = room.real.now()
    with room.writing() as session:
        state = _going_on(session)
        room_repository.change(session, clock=state.clock.freeze(frozen, real))


def _going_on(session: Session) -> room_repository.RoomState:
    state = room_repository.state(session)
    if state.state is State.ended:
        raise BadInput({"room": ("ended",)})
    return state


# ---- who writes --------------------------------------------------------------------------------------------------


def writes(room: Room, seat: SeatRow, form: str) -> None:
    """Somebody has a form open: the fast clock stands meanwhile."""
    real = room.real.now()
    with room.writing() as session:
        now = room_repository.seat(session, seat.id)
        if now is None or now.left_at is not None:
            return
        now.writing, now.writing_until, now.seen_at = form[:200], real + WRITES, real
        hold_clock(session, real)


def wrote(room: Room, seat: SeatRow) -> None:
    """Whoever had a form open has it no more."""
    if seat.writing is not None:
        with room.writing() as session:
            write_no_more(session, seat.id, room.real.now())


def go_on(room: Room) -> None:
    """The trainer waits for nobody who writes: what they type is kept as ever, the clock runs."""
    real = room.real.now()
    with room.writing() as session:
        for seat in room_repository.seats(session):
            seat.stop_writing()
        room_repository.change(session, clock=room_repository.state(session).clock.held(None, real))


# ---- what comes --------------------------------------------------------------------------------------------------


def hold(room: Room, table: int, inject: str, held: bool) -> None:
    """Hold an inject back at a table, or at all; or let it come when it is called. Raises BadInput, Unseen."""
    _check(room, inject)
    with room.writing() as session:
        now = _going_on(session).clock.at(room.real.now())
        for one in _tables(session, table):
            one.held = [*dict.fromkeys([*one.held, inject])] if held else [key for key in one.held if key != inject]
            one.coming = {key: max(at, now) if key == inject else at for key, at in one.coming.items()}
            one.is_stale = True
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
            one.came = {**one.came, inject: now}
            one.coming = {key: at for key, at in one.coming.items() if key != inject}
            one.held = [key for key in one.held if key != inject]
            one.is_stale = True
    look(room)


def _check(room: Room, inject: str) -> None:
    if inject not in room.scenario.injects:
        raise Unseen(inject)


def _tables(session: Session, number: int) -> tuple[TableRow, ...]:
    found = tuple(one for one in room_repository.tables(session) if number in (ALL_TABLES, one.number))
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
        room_repository.say(session, room.ctx.vault, WordKind.message, table, words, at=room.real.now())


def set_hints(room: Room, table: int, hints: bool) -> None:
    """Whether a table's pages say what is next and why the rest is not open."""
    with room.writing() as session:
        for one in _tables(session, table):
            one.hints = hints


def raise_hand(room: Room, table: int, raised: bool) -> None:
    """A table asks for the trainer, or no longer does."""
    with room.writing() as session:
        for one in _tables(session, table):
            one.hand_at = room.real.now() if raised else None


def feed_back(room: Room, text: str) -> None:
    """What a participant says of the workshop; nobody is told who, nor when but the day. Raises BadInput."""
    words = text.strip()
    if not words or len(words) > WORDS_MOST:
        raise BadInput({"text": ("missing" if not words else "too_long",)})
    with room.writing() as session:
        room_repository.say(session, room.ctx.vault, WordKind.feedback, ALL_TABLES, words, at=room.real.now())


# ---- the end -----------------------------------------------------------------------------------------------------


def stop_workshop(room: Room) -> None:
    """Nothing more is recorded: the clock stands for good."""
    look(room)
    real = room.real.now()
    with room.writing() as session:
        state = room_repository.state(session)
        if state.state is not State.ended:
            room_repository.change(session, state=State.ended, clock=state.clock.paced(STANDING, real))


def purge_workshop(host: AppContext, workshop: str) -> None:
    """The room is gone, keys first; the debriefs without names stay.

    The list says so before: whatever happens meanwhile, nobody opens it any more, and what is left of it is swept.
    """
    with host.directory.writing() as session:
        repository.purged(session, workshop, at=host.now())
    destroy(host, workshop)
