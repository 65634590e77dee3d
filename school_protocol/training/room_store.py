"""Stores of workshops: an installation's, the share of each room with its units and clock, a laptop's context."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event, Lock, Thread

from school_protocol.cases.story_player import TurnableClock
from school_protocol.config import ROWS, Settings
from school_protocol.context import AppContext, Library, open_context, wiring_of
from school_protocol.engine.clock import Clock
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import SchoolProtocolError, Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.protocol.reader import read_published
from school_protocol.storage.bucket import settle_files
from school_protocol.storage.engines import Session, Store, open_engine
from school_protocol.storage.migrate import ROOM_PARTS, upgrade
from school_protocol.storage.vault import Vault
from school_protocol.training import repository, room_repository
from school_protocol.training.models import AttemptRow
from school_protocol.training.room_repository import RoomState, State, Stores, purge_room, units_of
from school_protocol.training.scenario import STANDING, Scenario
from school_protocol.training.scenario_reader import read_scenario

LAPTOP = "laptop"
"""What such an installation is called, and the folder in which it lies, beside whatever else is there."""


def open_laptop(settings: Settings, clock: Clock) -> AppContext:
    """The laptop's context; it shares nothing with an installation in the same folder, and its cookies go over http."""
    own = Settings(
        data=settings.data / LAPTOP, languages=settings.languages, default_language=settings.default_language,
        evidence_files=True, wiring=settings.wiring,
    )  # fmt: skip
    return replace(open_context(own, clock), name=LAPTOP)


def is_laptop(ctx: AppContext) -> bool:
    """Whether workshops are all that is served here."""
    return ctx.name == LAPTOP


def key_of(ctx: AppContext) -> str:
    """What the trainer's browser holds: drawn from the laptop's own keys, so that a restart changes nothing."""
    return ctx.vault.chain("laptop-trainer-v1", b"").hex()[:24]


def trainer_of(ctx: AppContext) -> Actor:
    """The trainer of a laptop: nobody's account."""
    return Actor(LAPTOP, ctx.name, "", (), language=ctx.settings.default_language)


def own_address() -> str:
    """The laptop's address on its network; nothing is sent to find it. This machine's alone where there is none."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("10.255.255.255", 1))
        return str(probe.getsockname()[0])
    return "127.0.0.1"


# ---- the store of workshops: the real one's tables, elsewhere, with keys of its own --------------------------------

TRAINING = "training"
KEPT = 2
"""Connections of a process to each part on a server while nobody asks; twenty more where many do."""


@dataclass(frozen=True, slots=True)
class Training:
    """The store, what wraps the keys of its rooms, and our clock. From here nothing real can be reached."""

    settings: Settings
    stores: Stores
    vault: Vault
    real: Clock

    def ctx(self) -> AppContext:
        """An installation in which nobody is, for what is asked before it is known in which room."""
        own = self.stores.of("", self.vault, ())
        return AppContext(
            own.realm, own.directory, self.vault, self.real, Library(own.directory), self.settings, TRAINING
        )

    def close(self) -> None:
        self.stores.close()


@dataclass(frozen=True, slots=True)
class TrainingLocation:
    """Where the store of workshops is found, and its key: all that is handed on of the one beside which it lies."""

    settings: Settings
    where: tuple[str, ...]
    key: bytes
    real: Clock

    @classmethod
    def of(cls, host: AppContext) -> TrainingLocation:
        """Its key is drawn from the host's keys, and says nothing of them."""
        where = tuple(host.settings.training_url(part) for part in ROOM_PARTS)
        return cls(settings_of(host.settings), where, host.vault.chain("training-v1", b""), host.clock)

    def is_made(self) -> bool:
        """Whether there may be a room at all."""
        return not self.where[0].startswith("sqlite") or self.settings.data.is_dir()

    def open(self) -> Training:
        """Tables are made where they are missing. Raises NotPrepared."""
        self.settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        stores = [
            Store(open_engine(url, kept=KEPT), caches=part == "directory")
            for part, url in zip(ROOM_PARTS, self.where, strict=True)
        ]
        for part, store in zip(ROOM_PARTS, stores, strict=True):
            upgrade(store.engine, part, wiring_of(self.settings).tables, purged=True)
        directory, realm, room = stores
        settle_files(self.settings, realm)
        vault = Vault.drawn(self.key, self.settings.keys)
        return Training(self.settings, Stores(directory, realm, room), vault, self.real)


def settings_of(settings: Settings) -> Settings:
    """A room's settings: the host's languages and ways in; no post, no signing key, no key or place of the host's."""
    return Settings(
        data=settings.training, languages=settings.languages, default_language=settings.default_language,
        secure_cookies=settings.secure_cookies, trusted_proxy=settings.trusted_proxy, address=settings.address,
        evidence_files=True, evidence_megabytes=settings.evidence_megabytes, files_in=ROWS,
        web_processes=settings.web_processes, wiring=settings.wiring, session_idle=settings.session_idle,
        session_lifetime=settings.session_lifetime,
    )  # fmt: skip


@contextmanager
def training_of(host: AppContext) -> Iterator[Training]:
    """The store of workshops beside an installation, for this once: for jobs, commands, and what makes a workshop."""
    training = TrainingLocation.of(host).open()
    try:
        yield training
    finally:
        training.close()


# ---- a room: a share of that store, with its own units, keys and clock ---------------------------------------------

_log = logging.getLogger(__name__)
SCENARIO = "scenario.yaml"
OPEN_AT_ONCE = 40
"""So many rooms one process keeps in mind; whichever was not asked for the longest is read again when it is."""

BEAT = 3.0
"""Seconds between two signs of life."""
SWEPT_AFTER = timedelta(hours=1)
"""So long a room that is on no list stays while the site runs: its workshop may be about to be made."""


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
    room: str
    real: Clock

    def now(self) -> datetime:
        return room_repository.clock_of(self.store, self.room).at(self.real.now())


class OwnLibrary(Library):
    """The one protocol of a room, as its file says: no directory is asked, and none is published there."""

    def __init__(self, protocol: Protocol, content: bytes) -> None:
        self._protocol, self._content = protocol, content
        self._sights = {}

    def protocol(self, key: str, version: int) -> Protocol:
        if (key, version) != (self._protocol.protocol, self._protocol.version):
            raise Unseen(f"{key}/{version}")
        return self._protocol

    def source(self, protocol: Protocol) -> str:
        return self._content.decode()

    def current(self) -> tuple[Protocol, ...]:
        return (self._protocol,)

    def every(self) -> tuple[Protocol, ...]:
        return (self._protocol,)


@dataclass(frozen=True, slots=True)
class Room:
    """One workshop's share of their store, and what happens around its cases."""

    id: str
    ctx: AppContext
    store: Store
    scenario: Scenario
    protocol: Protocol
    real: Clock
    file: bytes = field(repr=False)
    """That of the scenario."""
    key: str
    """What it is called in the store."""

    def state(self) -> RoomState:
        with self.store.reading() as session:
            return room_repository.state(session)

    def at(self, moment: datetime) -> Room:
        """The same room as its clock shows that moment: a page is made at one."""
        return replace(self, ctx=replace(self.ctx, clock=TurnableClock(moment)))

    def give_sign(self) -> None:
        """A sign of life, where the clock runs and no other process has just given one: without any it stands."""
        real, state = self.real.now(), self.state()
        latest = state.clock.alive_at
        if not _runs(state) or (latest is not None and abs(real - latest) < timedelta(seconds=BEAT)):
            return
        with self.writing() as session:
            found = room_repository.state(session)
            if _runs(found):
                room_repository.change(session, clock=found.clock.alive(real))

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Write what happens around its cases; on a server other rooms are written to meanwhile."""
        with self.store.writing(together=True) as session:
            room_repository.hold(session)
            yield session


def _runs(state: RoomState) -> bool:
    return state.state is State.begun and state.clock.pace != STANDING and not state.clock.frozen


def open_room(training: Training, workshop: str) -> Room:
    """The room of a workshop; raises RoomGone where there is none, or none any more."""
    with training.stores.room.reading() as session:
        found = room_repository.find(session, training.vault, workshop)
    if found is None:
        raise RoomGone(workshop)
    units, real = units_of(training.stores.room, found.id), Steady(training.real)
    scenario = read_scenario(found.scenario, SCENARIO)
    protocol = read_published(found.protocol, f"{scenario.protocol}.yaml")
    vault = Vault.drawn(found.key, training.settings.keys)
    stores = training.stores.of(found.id, vault, units)
    ctx = context_in(training, stores, vault, RoomTime(stores.room, found.id, real), protocol, found.protocol)
    ctx = replace(ctx, name=f"workshop-{workshop}", witness=_Witness(stores.room, ctx, protocol))
    return Room(workshop, ctx, stores.room, scenario, protocol, real, found.scenario, found.id)


def context_in(
    training: Training, stores: Stores, vault: Vault, clock: Clock, protocol: Protocol, content: bytes
) -> AppContext:  # fmt: skip
    """The installation of one room: its cases and people, its keys, its clock."""
    library = OwnLibrary(protocol, content)
    return AppContext(stores.realm, stores.directory, vault, clock, library, training.settings, TRAINING)


def scenario_of(host: AppContext, workshop: str) -> bytes | None:
    """The file of the scenario that is played in a room, while it is there."""
    if not TrainingLocation.of(host).is_made():
        return None
    with training_of(host) as training, training.stores.room.reading() as session:
        return room_repository.scenario_of(session, workshop)


@dataclass(frozen=True, slots=True)
class _Witness:
    """Writes down what was tried and refused, at the table of whoever tried."""

    store: Store
    ctx: AppContext
    protocol: Protocol

    def __call__(
        self, actor: Actor, number: str, name: str, why: tuple[str, ...], codes: tuple[str, ...]
    ) -> None:  # fmt: skip
        act = self.protocol.resolve("acts", name)
        key = act if act in self.protocol.acts else self.protocol.resolve("moves", name)
        now = self.ctx.now()
        with self.store.writing(together=True) as session:
            room_repository.hold(session)
            seat = next((one for one in room_repository.seats(session) if one.account == actor.id), None)
            if seat is None:
                return
            role = self._role(seat.roles, key)
            tried = AttemptRow(
                at_table=seat.table, at=now, account=actor.id, role=role, case_number=number, name=key[:80],
                why=list(why[:20]), codes=list(codes[:20]),
            )  # fmt: skip
            room_repository.add_attempt(session, tried)
            room_repository.go_stale(session, seat.table)

    def _role(self, roles: Sequence[str], key: str) -> str:
        """Of several roles the one that may do it; the first where none may."""
        declared = self.protocol.acts.get(key) or self.protocol.moves.get(key)
        fitting = [role for role in roles if declared is not None and role in declared.by]
        return next(iter([*fitting, *roles]), "")


class Rooms:
    """The rooms that one process serves, in one store; nothing of the host is known here but where that lies.

    `are_served`: pages of theirs are, and a thread gives signs of life for those that are open.
    """

    def __init__(self, beside: TrainingLocation, *, are_served: bool = False) -> None:
        self.beside = beside
        self.are_served = are_served
        self._beating: Thread | None = None
        self._ends = Event()
        self._open: dict[str, Room] = {}
        self._training: Training | None = None
        self._lock = Lock()
        self._opening = Lock()

    @property
    def training(self) -> Training:
        """The store, opened as it is asked for first."""
        with self._opening:
            self._training = self._training or self.beside.open()
            return self._training

    def room(self, workshop: str) -> Room:
        """The room of a workshop; raises RoomGone for none, and for one that was purged."""
        if not self.beside.is_made():
            raise RoomGone(workshop)
        training = self.training
        with training.stores.room.reading() as session:
            key = room_repository.of_workshop(session, workshop)
        with self._lock:
            found = self._open.pop(workshop, None)
            if key is None:
                raise RoomGone(workshop)
            room = found if found is not None and found.key == key else self._opened(training, workshop)
            self._open[workshop] = room
            while len(self._open) > OPEN_AT_ONCE:
                self._open.pop(next(iter(self._open)))
            return room

    def _opened(self, training: Training, workshop: str) -> Room:
        room = open_room(training, workshop)
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

    def close(self) -> None:
        self._ends.set()
        with self._lock, self._opening:
            self._open = {}
            if self._training is not None:
                self._training.close()
            self._training = None


def _give_sign(room: Room) -> None:
    """Never raises: the next sign makes up for it, and a room that was destroyed meanwhile needs none."""
    try:
        room.give_sign()
    except Exception:
        _log.debug("no sign of life of workshop %s", room.id, exc_info=True)


@contextmanager
def room_alone(host: AppContext, workshop: str) -> Iterator[Room]:
    """A room, opened for this and closed afterwards: for jobs and commands."""
    with training_of(host) as training:
        yield open_room(training, workshop)


def destroy(host: AppContext, workshop: str) -> None:
    """Nothing of a room stays, its keys first."""
    if not TrainingLocation.of(host).is_made():
        return
    with training_of(host) as training:
        with training.stores.room.reading() as session:
            room = room_repository.of_workshop(session, workshop)
        if room is not None:
            purge_room(training.stores, room)


def sweep_left_over(host: AppContext, *, after: timedelta = timedelta()) -> int:
    """Purge rooms that no workshop on the list has: one was being made, or purged, as the process ended.

    `after`: those alone that were begun so long ago, where others may be making one now.
    """
    if not TrainingLocation.of(host).is_made():
        return 0
    until = host.now() - after
    with training_of(host) as training:
        with training.stores.room.reading() as session:
            found = room_repository.every(session)
        with host.directory.reading() as session:
            known = set(repository.standing(session))
        left = [room for room, workshop, made_at in found if workshop not in known and made_at <= until]
        for room in left:
            purge_room(training.stores, room)
    return len(left)
