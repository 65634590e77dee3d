"""A workshop is made: its room, its tables, each a school of its own; and the first report is written at each."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from school_protocol.definitions.scenarios import read
from school_protocol.domain.clock import Calendar
from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.policy import Actor, UnitKind
from school_protocol.domain.protocol import Protocol, ScopeKind
from school_protocol.domain.room_clock import RoomClock
from school_protocol.domain.scenario import Scenario
from school_protocol.services.house import House, open_house
from school_protocol.services.scripts import SCHOOL_WEEK, Player, TurnableClock, moment
from school_protocol.services.teams.team import declared
from school_protocol.services.workshops import placing
from school_protocol.services.workshops.laptops import is_laptop, trainer_of
from school_protocol.services.workshops.rooms import (
    SCENARIO,
    RoomTime,
    destroy,
    folder_of,
    house_in,
    store_in,
)
from school_protocol.storage import directory
from school_protocol.storage.engines import Session, Store
from school_protocol.storage.tables import new_id
from school_protocol.storage.workshops import listed, rooms
from school_protocol.storage.workshops.listed import Workshop
from school_protocol.storage.workshops.rooms import TableState

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
    if placing.lies_there(host):
        return _found_in_place(host, line, scenario, told, protocol, content, wanted)
    is_new = _furnish(host, workshop, scenario, told, protocol, content, wanted)
    try:
        with host.directory.writing() as session:
            return listed.find(session, workshop) or _put_on_list(session, line)
    except BaseException:
        if is_new:
            destroy(host, workshop)
        raise


def _put_on_list(session: Session, line: Workshop) -> Workshop:
    line = replace(line, code=_free_code(session))
    listed.add(session, line)
    return line


class _MadeBefore(Exception):
    """The same press has made it meanwhile."""

    def __init__(self, made: Workshop) -> None:
        self.made = made


def _found_in_place(
    host: House, line: Workshop, scenario: bytes, told: Scenario, protocol: Protocol, content: bytes, wanted: Wanted
) -> Workshop:
    """The same in schemas of the host's database: on the list, with what opens it, in one transaction."""
    try:
        with placing.taken(host) as place:
            store = place.stores.store(place.id, "room")
            clock = RoomTime(store, host.clock)
            opened = partial(house_in, host, place.stores, place.id, place.vault, clock, is_new=True)
            _play(host, store, opened, told, protocol, content, wanted)
            with host.directory.writing() as session:
                if (made := listed.find(session, line.id)) is not None:
                    raise _MadeBefore(made)
                line = _put_on_list(session, line)
                place.settle(session, line.id, scenario)
    except _MadeBefore as found:
        return found.made
    return line


def _id_of(host: House, trainer: Actor | None, form: str) -> str:
    """An id that says nothing, the same each time that this form is sent."""
    said = f"{trainer.id if trainer else ''}|{form}".encode()
    return base64.b32encode(host.vault.chain("workshop-of-form-v1", said)[:16]).decode().rstrip("=").lower()


def _furnish(
    host: House, workshop: str, scenario: bytes, told: Scenario, protocol: Protocol, content: bytes, wanted: Wanted
) -> bool:
    """The room's folder, whole or not at all; each table with the case that the scenario begins with.

    False where the same press has made it meanwhile.
    """
    final = folder_of(host.settings, workshop)
    folder = final.with_name(f".{new_id()}")
    folder.mkdir(parents=True, mode=0o700)
    try:
        _fill(host, folder, told, protocol, content, wanted)
        _write(folder / SCENARIO, scenario)
        os.replace(folder, final)
    except BaseException as error:
        destroy(host, folder.name)
        if isinstance(error, OSError) and (final / SCENARIO).is_file():
            return False
        raise
    return True


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _fill(host: House, folder: Path, told: Scenario, protocol: Protocol, content: bytes, wanted: Wanted) -> None:
    store = store_in(folder)
    opened = partial(open_house, placing.settings_of(host.settings, folder), RoomTime(store, host.clock))
    _play(host, store, opened, told, protocol, content, wanted)


def _play(
    host: House, store: Store, opened: Callable[[], House], told: Scenario, protocol: Protocol, content: bytes,
    wanted: Wanted,
) -> None:  # fmt: skip
    """The room's clock stands, its tables are there, and its first report is written at each."""
    begins = moment(told.opening.begins, "begins")
    with store.writing() as session:
        rooms.begin(session, RoomClock(begins, host.now()))
    house = opened()
    try:
        with house.directory.writing() as session:
            tables = [_table(session, number, wanted.hints) for number in range(1, wanted.tables + 1)]
            directory.publish(
                session, protocol=protocol.protocol, version=protocol.version, digest=protocol.digest,
                content=content, published_at=begins,
            )  # fmt: skip
        with store.writing() as session:
            for table in tables:
                rooms.add_table(session, table)
        _open(replace(house, clock=TurnableClock(begins)), told, protocol, tables, begins)
    finally:
        house.close()
        store.close()


def _table(session: Session, number: int, hints: bool) -> TableState:
    """A table's own academy, province and school: whoever sits at another one is nowhere above it."""
    names = {"fr": f"Table {number}", "ar": f"الطاولة {number}", "en": f"Table {number}"}

    def unit(kind: UnitKind, code: str, parent: str | None = None) -> str:
        return directory.add_unit(session, kind=kind, code=code, names=names, parent=parent)

    region = unit(UnitKind.region, f"FORMATION-R{number}")
    province = unit(UnitKind.province, f"FORMATION-P{number}", region)
    school = unit(UnitKind.school, f"{number:05d}A", province)
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
