"""A workshop's room: a house of its own, with its own keys and clock, in a folder or in schemas of its own."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Lock, Thread

from school_protocol.config import S3, Settings
from school_protocol.definitions.scenarios import read
from school_protocol.domain.clock import Clock
from school_protocol.domain.errors import SchoolProtocolError, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.room_clock import STANDING
from school_protocol.domain.scenario import Scenario
from school_protocol.services.house import House, Library, open_house, open_kept
from school_protocol.services.workshops import placing
from school_protocol.services.workshops.placing import FOLDER, settings_of
from school_protocol.storage.blobs.choosing import bucket_of
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.migrate import NotPrepared, upgrade
from school_protocol.storage.vault import Vault
from school_protocol.storage.workshops import listed, places, rooms
from school_protocol.storage.workshops.places import RoomStores, Standing
from school_protocol.storage.workshops.rooms import RoomState, State, Tried

_log = logging.getLogger(__name__)
SCENARIO = "scenario.yaml"
OPEN_AT_ONCE = 12
"""So many rooms are kept open by one process; whichever was not asked for the longest is closed before."""

BEAT = 3.0
"""Seconds between two signs of life."""
SWEPT_AFTER = timedelta(hours=1)
"""So long a folder that is on no list stays while the site runs: a workshop may be about to be made in it."""


class RoomGone(SchoolProtocolError):
    """The room was purged, or its time is over."""


@dataclass(slots=True)
class Steady:
    """Our clock as long as a room is open: where ours is set back, it goes on from where it was."""

    ours: Clock
    _latest: datetime | None = None
    _behind: timedelta = timedelta()
    _lock: Lock = field(default_factory=Lock)

    def now(self) -> datetime:
        with self._lock:
            found = self.ours.now() + self._behind
            if self._latest is not None and found < self._latest:
                self._behind += self._latest - found
                found = self._latest
            self._latest = found
            return found


@dataclass(frozen=True, slots=True)
class RoomTime:
    """The workshop's clock, as the room's store says; `real` is ours."""

    store: Store
    real: Clock

    def now(self) -> datetime:
        return rooms.clock_of(self.store).at(self.real.now())


@dataclass(frozen=True, slots=True)
class Moment:
    """A clock that shows one moment, and stays there: that of a page."""

    at: datetime

    def now(self) -> datetime:
        return self.at


class OwnLibrary(Library):
    """The definitions of a room: published as it was made, none ever after; so they are asked for once."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._current: tuple[Protocol, ...] = ()
        self._every: tuple[Protocol, ...] = ()

    def current(self) -> tuple[Protocol, ...]:
        self._current = self._current or super().current()
        return self._current

    def every(self) -> tuple[Protocol, ...]:
        self._every = self._every or super().every()
        return self._every


@dataclass(frozen=True, slots=True)
class Room:
    """One workshop's own house and what happens around its cases."""

    id: str
    house: House
    store: Store
    scenario: Scenario
    protocol: Protocol
    real: Clock
    file: bytes = field(repr=False)
    """That of the scenario."""
    place: str | None = None
    """Where it lies in the host's database; None: in a folder."""

    def state(self) -> RoomState:
        with self.store.reading() as session:
            return rooms.state(session)

    def at(self, moment: datetime) -> Room:
        """The same room as its clock shows that moment: a page is made at one."""
        return replace(self, house=replace(self.house, clock=Moment(moment)))

    def give_sign(self) -> None:
        """A sign of life, where the clock runs and no other process has just given one: without any it stands."""
        real, state = self.real.now(), self.state()
        latest = state.clock.alive_at
        if not _runs(state) or (latest is not None and abs(real - latest) < timedelta(seconds=BEAT)):
            return
        with self.store.writing() as session:
            found = rooms.state(session)
            if _runs(found):
                rooms.change(session, clock=found.clock.alive(real))

    def close(self) -> None:
        self.house.close()
        self.store.close()


def _runs(state: RoomState) -> bool:
    return state.state is State.begun and state.clock.pace != STANDING and not state.clock.frozen


def folder_of(settings: Settings, workshop: str) -> Path:
    """Where a workshop's room lies, if in files; nothing of it lies elsewhere, but for files in an object store."""
    return settings.data / FOLDER / workshop


def store_in(folder: Path) -> Store:
    """The store of what happens in the room that lies there, its tables made where they are missing."""
    store = Store(open_engine(f"sqlite:///{folder / 'room.sqlite'}"))
    upgrade(store.engine, "room")
    return store


def open_room(host: House, workshop: str, stores: RoomStores | None = None) -> Room:
    """The room of a workshop, wherever it was left; raises RoomGone where there is none any more.

    `stores`: those of rooms in the host's database; without them no room is looked for there.
    """
    found = _standing(host, workshop) if stores is not None else None
    if stores is not None and found is not None:
        return _in_place(host, workshop, stores, found)
    folder = folder_of(host.settings, workshop)
    if not (folder / SCENARIO).is_file():
        raise RoomGone(workshop)
    store, real = store_in(folder), Steady(host.clock)
    house = open_house(settings_of(host.settings, folder), RoomTime(store, real), files_anywhere=True)
    return _room(workshop, house, store, real, (folder / SCENARIO).read_bytes())


def _standing(host: House, workshop: str) -> Standing | None:
    with host.directory.reading() as session:
        return places.standing(session, host.vault, workshop)


def _in_place(host: House, workshop: str, stores: RoomStores, found: Standing) -> Room:
    place, real = found.place, Steady(host.clock)
    store = stores.store(place, "room")
    vault = placing.vault_of(host.settings, place, found.key)
    try:
        upgrade(store.engine, "room")
        house = house_in(host, stores, place, vault, RoomTime(store, real))
    except NotPrepared as error:
        raise StorageBusy("the worker brings this room up to date") from error
    return replace(_room(workshop, house, store, real, found.scenario), place=place)


def house_in(host: House, stores: RoomStores, place: str, vault: Vault, clock: Clock, *, is_new: bool = False) -> House:
    """The house of the room in that place."""
    settings = settings_of(host.settings, placing.folder_of(host.settings, place))
    realm, directory = stores.store(place, "realm"), stores.store(place, "directory")
    return open_kept(settings, clock, realm, directory, vault, is_new=is_new)


def _room(workshop: str, house: House, store: Store, real: Clock, file: bytes) -> Room:
    house = replace(house, library=OwnLibrary(house.directory))
    scenario = read(file, SCENARIO)
    protocol = next(one for one in house.library.every() if one.protocol == scenario.protocol)
    house = replace(house, name=f"workshop-{workshop}", witness=_Witness(store, house, protocol))
    return Room(workshop, house, store, scenario, protocol, real, file)


def scenario_of(host: House, workshop: str) -> bytes | None:
    """The file of the scenario that is played in a room, while it is there."""
    file = folder_of(host.settings, workshop) / SCENARIO
    if file.is_file():
        return file.read_bytes()
    with host.directory.reading() as session:
        return places.scenario_of(session, workshop)


@dataclass(frozen=True, slots=True)
class _Witness:
    """Writes down what was tried and refused, at the table of whoever tried."""

    store: Store
    house: House
    protocol: Protocol

    def __call__(
        self, actor: Actor, number: str, name: str, why: tuple[str, ...], codes: tuple[str, ...]
    ) -> None:  # fmt: skip
        act = self.protocol.resolve("acts", name)
        key = act if act in self.protocol.acts else self.protocol.resolve("moves", name)
        now = self.house.now()
        with self.store.writing() as session:
            seat = next((one for one in rooms.seats(session) if one.account == actor.id), None)
            if seat is None:
                return
            role = self._role(seat.roles, key)
            tried = Tried(now, actor.id, role, number, key[:80], why[:20], codes[:20])
            rooms.add_attempt(session, seat.table, tried)
            rooms.go_stale(session, seat.table)

    def _role(self, roles: Sequence[str], key: str) -> str:
        """Of several roles the one that may do it; the first where none may."""
        declared = self.protocol.acts.get(key) or self.protocol.moves.get(key)
        fitting = [role for role in roles if declared is not None and role in declared.by]
        return next(iter([*fitting, *roles]), "")


class Rooms:
    """The rooms that one process has open. A room that the list does not know, or no longer, is absent.

    `are_served`: pages of theirs are, and a thread gives signs of life for those that are open.
    """

    def __init__(self, host: House, *, are_served: bool = False) -> None:
        self.host = host
        self.are_served = are_served
        self._beating: Thread | None = None
        self._ends = Event()
        self._open: dict[str, Room] = {}
        self._lock = Lock()
        self._stores = RoomStores(host.directory) if placing.lies_there(host) else None

    def room(self, workshop: str) -> Room:
        """The room of a workshop. Raises Unseen for none, RoomGone for one that was purged."""
        place = placing.where(self.host.directory, workshop)
        with self._lock:
            found = self._open.pop(workshop, None)
            if found is not None and not _still_there(found, place):
                found.close()
                found = None
            room = found or self._opened(workshop)
            self._open[workshop] = room
            while len(self._open) > OPEN_AT_ONCE:
                self._open.pop(next(iter(self._open))).close()
            return room

    def _opened(self, workshop: str) -> Room:
        with self.host.directory.reading() as session:
            known = listed.find(session, workshop)
        if known is None:
            raise Unseen(workshop)
        if known.purged_at is not None:
            raise RoomGone(workshop)
        room = open_room(self.host, workshop, self._stores)
        if self.are_served:
            _give_sign(room)
            if self._beating is None:
                self._beating = Thread(target=self._beat, name="rooms", daemon=True)
                self._beating.start()
        return room

    def _beat(self) -> None:
        while not self._ends.wait(BEAT):
            self.give_signs()

    def give_signs(self) -> None:
        """A sign of life of each room that is open here."""
        with self._lock:
            open_now = list(self._open.values())
        for room in open_now:
            _give_sign(room)

    def forget(self, workshop: str) -> None:
        """Close a room, as before it is purged."""
        with self._lock:
            found = self._open.pop(workshop, None)
        if found is not None:
            found.close()

    def close(self) -> None:
        self._ends.set()
        with self._lock:
            open_now, self._open = list(self._open.values()), {}
        for room in open_now:
            room.close()
        if self._stores is not None:
            self._stores.close()


def _give_sign(room: Room) -> None:
    """Never raises: the next sign makes up for it, and a room that was destroyed meanwhile needs none."""
    try:
        room.give_sign()
    except Exception:
        _log.debug("no sign of life of workshop %s", room.id, exc_info=True)


def _still_there(room: Room, place: str | None) -> bool:
    """Whether another process has not destroyed it meanwhile."""
    if room.place is not None:
        return room.place == place
    return (room.house.settings.data / SCENARIO).is_file()


@contextmanager
def room_alone(host: House, workshop: str) -> Iterator[Room]:
    """A room, opened for this and closed afterwards: for jobs and commands."""
    stores = RoomStores(host.directory) if placing.lies_there(host) else None
    try:
        room = open_room(host, workshop, stores)
        try:
            yield room
        finally:
            room.close()
    finally:
        if stores is not None:
            stores.close()


def destroy(host: House, workshop: str) -> None:
    """The room's folder, with its keys, and the schemas of all that are to go: nothing opens what was written there.

    Files in an object store go, too; those that can't be reached now are left to `sweep_left_over`.
    """
    placing.forget(host.settings, workshop)
    placing.clear(host)


def sweep_left_over(host: House, *, after: timedelta = timedelta()) -> int:
    """Remove rooms that no workshop on the list has: one was being made, or purged, as the process ended.

    `after`: those alone that nothing was added to for so long, where others may be making one now.
    """
    root, until = host.settings.data / FOLDER, (host.now() - after).timestamp()
    found = [one for one in root.iterdir() if not after or one.stat().st_mtime <= until] if root.is_dir() else []
    with host.directory.reading() as session:
        known = {*listed.standing(session), *places.known(session)}
    left = {one.name for one in found if one.name not in known} | _left_elsewhere(host, known)
    for name in left:
        placing.forget(host.settings, name)
    return len(left) + placing.sweep(host, after)


def _left_elsewhere(host: House, known: Collection[str]) -> set[str]:
    """Workshops of which files lie in the object store, and nothing else: they could not be reached as it went."""
    if not host.settings.files_in.startswith(S3):
        return set()
    try:
        there = bucket_of(host.settings).others(FOLDER)
    except StorageBusy as error:
        _log.warning("the files of workshops were not looked at: %s", type(error).__name__)
        return set()
    return {name for name in there if name not in known and not folder_of(host.settings, name).exists()}
