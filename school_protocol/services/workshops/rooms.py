"""A workshop's room: a house of its own, with its own keys and clock, in a folder of its own."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from school_protocol.config import S3, Settings
from school_protocol.definitions.scenarios import read
from school_protocol.domain.clock import Clock
from school_protocol.domain.errors import SchoolProtocolError, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.scenario import Scenario
from school_protocol.services.house import House, Library, open_house
from school_protocol.storage.blobs.choosing import bucket_of
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.migrate import upgrade
from school_protocol.storage.workshops import listed, rooms
from school_protocol.storage.workshops.rooms import RoomState, Tried

_log = logging.getLogger(__name__)
FOLDER, SCENARIO = "workshops", "scenario.yaml"
OPEN_AT_ONCE = 12
"""So many rooms are kept open by one process; whichever was not asked for the longest is closed before."""


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

    def state(self) -> RoomState:
        with self.store.reading() as session:
            return rooms.state(session)

    def at(self, moment: datetime) -> Room:
        """The same room as its clock shows that moment: a page is made at one."""
        return replace(self, house=replace(self.house, clock=Moment(moment)))

    def close(self) -> None:
        self.house.close()
        self.store.close()


def folder_of(settings: Settings, workshop: str) -> Path:
    """Where a workshop's room lies; nothing of it lies elsewhere, but for files in an object store."""
    return settings.data / FOLDER / workshop


def settings_of(settings: Settings, folder: Path) -> Settings:
    """A room's settings: the host's languages and doors; no post, no signing key, no key of the host's."""
    return Settings(
        data=folder, languages=settings.languages, default_language=settings.default_language,
        secure_cookies=settings.secure_cookies, trusted_proxy=settings.trusted_proxy, address=settings.address,
        evidence_files=True, evidence_megabytes=settings.evidence_megabytes, files_in=settings.files_in,
        files_endpoint=settings.files_endpoint, files_region=settings.files_region, files_of=f"{FOLDER}/{folder.name}",
    )  # fmt: skip


def store_in(folder: Path) -> Store:
    """The store of what happens in the room that lies there, its tables made where they are missing."""
    store = Store(open_engine(f"sqlite:///{folder / 'room.sqlite'}"))
    upgrade(store.engine, "room")
    return store


def open_room(settings: Settings, workshop: str, real: Clock) -> Room:
    """The room of a workshop, wherever it was left; raises RoomGone where there is none any more."""
    folder = folder_of(settings, workshop)
    if not (folder / SCENARIO).is_file():
        raise RoomGone(workshop)
    store, real = store_in(folder), Steady(real)
    house = open_house(settings_of(settings, folder), RoomTime(store, real), files_anywhere=True)
    house = replace(house, library=OwnLibrary(house.directory))
    scenario = read((folder / SCENARIO).read_bytes(), SCENARIO)
    protocol = next(one for one in house.library.every() if one.protocol == scenario.protocol)
    house = replace(house, name=f"workshop-{workshop}", witness=_Witness(store, house, protocol))
    return Room(workshop, house, store, scenario, protocol, real)


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
    """The rooms that one process has open. A room that the list does not know, or no longer, is absent."""

    def __init__(self, host: House) -> None:
        self.host = host
        self._open: dict[str, Room] = {}
        self._lock = Lock()

    def room(self, workshop: str) -> Room:
        """The room of a workshop. Raises Unseen for none, RoomGone for one that was purged."""
        with self._lock:
            found = self._open.pop(workshop, None)
            if found is not None and not (found.house.settings.data / SCENARIO).is_file():
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
        return open_room(self.host.settings, workshop, self.host.clock)

    def forget(self, workshop: str) -> None:
        """Close a room, as before it is purged."""
        with self._lock:
            found = self._open.pop(workshop, None)
        if found is not None:
            found.close()

    def close(self) -> None:
        with self._lock:
            open_now, self._open = list(self._open.values()), {}
        for room in open_now:
            room.close()


@contextmanager
def room_alone(host: House, workshop: str) -> Iterator[Room]:
    """A room, opened for this and closed afterwards: for jobs and commands."""
    room = open_room(host.settings, workshop, host.clock)
    try:
        yield room
    finally:
        room.close()


def destroy(settings: Settings, workshop: str) -> None:
    """The room's folder, with its keys: nothing opens afterwards what was written there; then its files elsewhere.

    Those that can't be reached now are left to `sweep_left_over`.
    """
    folder = folder_of(settings, workshop)
    for part in ("keys", "."):
        shutil.rmtree(folder / part, ignore_errors=True)
    elsewhere = settings_of(settings, folder)
    if elsewhere.files_in.startswith(S3) and not folder.name.startswith("."):
        try:
            bucket_of(elsewhere).clear()
        except StorageBusy as error:
            _log.warning("files of workshop %s are left to the sweep: %s", workshop, type(error).__name__)


def sweep_left_over(host: House, *, after: timedelta = timedelta()) -> int:
    """Remove folders that no workshop on the list has: one was being made, or purged, as the process ended.

    `after`: those alone that nothing was added to for so long, where others may be making one now.
    """
    root, until = host.settings.data / FOLDER, (host.now() - after).timestamp()
    found = [one for one in root.iterdir() if not after or one.stat().st_mtime <= until] if root.is_dir() else []
    with host.directory.reading() as session:
        known = set(listed.standing(session))
    left = {one.name for one in found if one.name not in known} | _left_elsewhere(host, known)
    for name in left:
        destroy(host.settings, name)
    return len(left)


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
