"""A workshop is made: its room, its tables, each a school of its own; and the first report is written at each."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from school_protocol.definitions.scenarios import read
from school_protocol.domain.clock import Calendar
from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.policy import Actor, UnitKind
from school_protocol.domain.protocol import Protocol, ScopeKind
from school_protocol.domain.room_clock import RoomClock
from school_protocol.domain.scenario import Scenario
from school_protocol.services.house import House
from school_protocol.services.scripts import SCHOOL_WEEK, Player, TurnableClock, moment
from school_protocol.services.teams.team import declared
from school_protocol.services.workshops.laptops import is_laptop, trainer_of
from school_protocol.services.workshops.rooms import SCENARIO, house_in
from school_protocol.services.workshops.training import Training, training_of
from school_protocol.storage import directory
from school_protocol.storage.engines import Session
from school_protocol.storage.tables import new_id
from school_protocol.storage.vault import Vault
from school_protocol.storage.workshops import listed, rooms
from school_protocol.storage.workshops.listed import Workshop
from school_protocol.storage.workshops.rooms import TableState
from school_protocol.storage.workshops.tenants import free_codes, purge, units_of

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


def may_train(house: House, actor: Actor) -> bool:
    """Whether workshops are for this person: a role that runs them, by appointment."""
    if is_laptop(house):
        return actor.id == trainer_of(house).id
    known = declared(house)
    return any(held.role in known and known[held.role][1].trains for held in actor.appointments)


def found(
    host: House, trainer: Actor | None, scenario: bytes, protocol: Protocol, content: bytes, wanted: Wanted,
    *, form: str = "",
) -> Workshop:  # fmt: skip
    """Make a workshop on a scenario that can be played, and put it on the list.

    `content` is the file of the protocol's version. A laptop that serves a room by itself has no trainer. `form`: what
    only one form of one browser carries; sent twice, it is one workshop. Raises Unseen, BadInput.
    """
    if trainer is not None and not may_train(host, trainer):
        raise Unseen("workshops")
    if not 1 <= wanted.tables <= TABLES_MOST:
        raise BadInput({"tables": ("out_of_range",)})
    told, now = read(scenario, SCENARIO), host.now()
    workshop = _id_of(host, trainer, f"{form}|{told.digest}|{wanted}") if form else new_id()
    with host.directory.reading() as session:
        made = listed.find(session, workshop)
    if made is not None and made.ended_at is None:
        return made
    if made is not None:
        workshop = new_id()
    line = Workshop(
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


def _settled(host: House, training: Training, room: str, line: Workshop) -> Workshop:
    """On the list, and opened to whoever has its code; unless the same press has made it meanwhile."""
    with host.directory.writing() as session:
        if (made := listed.find(session, line.id)) is not None:
            return made
        line = replace(line, code=_free_code(session))
        listed.add(session, line)
        with training.stores.room.writing() as own:
            rooms.settle(own, room, line.id)
    return line


def _give_up(training: Training, room: str) -> None:
    """Nothing stays of a room that became no workshop's."""
    with training.stores.room.reading() as session:
        is_whole = rooms.is_settled(session, room)
    if not is_whole:
        purge(training.stores, room)


def _id_of(host: House, trainer: Actor | None, form: str) -> str:
    """An id that says nothing, the same each time that this form is sent."""
    said = f"{trainer.id if trainer else ''}|{form}".encode()
    return base64.b32encode(host.vault.chain("workshop-of-form-v1", said)[:16]).decode().rstrip("=").lower()


def _fill(
    training: Training, room: str, scenario: bytes, told: Scenario, protocol: Protocol, content: bytes, wanted: Wanted
) -> None:  # fmt: skip
    """The room's clock stands, its tables are there, and its first report is written at each."""
    begins, now = moment(told.opening.begins, "begins"), training.real.now()
    found = rooms.Found(room, training.vault.new_case_key(), scenario, content)
    vault = Vault.drawn(found.key, training.settings.keys)
    new = training.stores.of(room, vault, None)
    with new.room.writing() as session:
        rooms.begin(session, training.vault, found, RoomClock(begins, now), at=now)
    with new.directory.writing() as own, new.room.writing() as session:
        codes = free_codes(own, wanted.tables)
        tables = [_table(own, number, code, wanted.hints) for number, code in enumerate(codes, 1)]
        for table in tables:
            rooms.add_table(session, table)
    stores = training.stores.of(room, vault, units_of(training.stores.room, room))
    house = house_in(training, stores, vault, TurnableClock(begins), protocol, content)
    _open(house, told, protocol, tables, begins)


def _table(session: Session, number: int, code: str, hints: bool) -> TableState:
    """A table's own academy, province and school: whoever sits at another one is nowhere above it."""
    names = {"fr": f"Table {number}", "ar": f"الطاولة {number}", "en": f"Table {number}"}

    def unit(kind: UnitKind, code: str, parent: str | None = None) -> str:
        return directory.add_unit(session, kind=kind, code=code, names=names, parent=parent)

    region = unit(UnitKind.region, f"FORMATION-R{code}")
    province = unit(UnitKind.province, f"FORMATION-P{code}", region)
    school = unit(UnitKind.school, code, province)
    directory.set_calendar(session, region, Calendar(opening=SCHOOL_WEEK))
    return TableState(number, school, province, region, hints)


def _open(house: House, told: Scenario, protocol: Protocol, tables: Sequence[TableState], begins: datetime) -> None:
    """The act with which the scenario begins, at each table."""
    clock = TurnableClock(begins)
    opening = {"as": told.opening.as_, "do": told.opening.do, "answers": told.opening.answers}
    for table in tables:
        places = {ScopeKind.province: table.province, ScopeKind.region: table.region}
        player = Player(house, clock, protocol, table.school, places)
        player.watching = False
        (played,) = player.play([opening])
        if not played.went_as_said:
            raise BadInput({"scenario": ("does_not_begin",)})


def _free_code(session: Session) -> str:
    for _try in range(_CODES_TRIED):
        code = "".join(secrets.choice(_LETTERS) for _ in range(CODE))
        if listed.with_code(session, code) is None:
            return code
    raise RuntimeError("no free code was found")


def plain_code(text: str) -> str:
    """A code as it is kept: what people type between its letters is left out."""
    return "".join(sign for sign in text.upper() if sign.isalnum())[:20]
