"""Rooms of an installation that lies in PostgreSQL: in schemas of their own, made ahead by whoever may make schemas."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from school_protocol.config import S3, Settings
from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.services.house import House
from school_protocol.storage.blobs.choosing import bucket_of
from school_protocol.storage.engines import Session, Store
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.giving_way import TablesInUse
from school_protocol.storage.vault import Vault
from school_protocol.storage.workshops import places
from school_protocol.storage.workshops.places import RoomStores

FOLDER = "workshops"
READY = 4
"""So many empty rooms wait for workshops."""
_log = logging.getLogger(__name__)


class RoomInPreparation(SchoolProtocolError):
    """No empty room waits: the worker makes one, in some seconds."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place that was taken, and what will open what is written there."""

    host: House
    stores: RoomStores
    id: str
    key: bytes

    @property
    def folder(self) -> Path:
        """Where its files of evidence will lie."""
        return folder_of(self.host.settings, self.id)

    @property
    def vault(self) -> Vault:
        return vault_of(self.host.settings, self.id, self.key)

    def settle(self, session: Session, workshop: str, scenario: bytes) -> None:
        """The workshop stands there, in the transaction that puts it on the list."""
        at = self.host.now()
        places.settle(session, self.host.vault, self.id, workshop, scenario, self.key, at=at)

    def give_up(self) -> None:
        """Nothing came to stand there."""
        places.give_up(self.host.directory, self.id, at=self.host.now())
        clear(self.host)


def lies_there(host: House) -> bool:
    """Whether rooms of this house lie in a database."""
    return places.lies_in_server(host.directory)


def folder_of(settings: Settings, place: str) -> Path:
    """Where files of evidence of the room in that place lie."""
    return settings.data / FOLDER / place


def settings_of(settings: Settings, folder: Path) -> Settings:
    """A room's settings: the host's languages and doors; no post, no signing key, no key of the host's."""
    return Settings(
        data=folder, languages=settings.languages, default_language=settings.default_language,
        secure_cookies=settings.secure_cookies, trusted_proxy=settings.trusted_proxy, address=settings.address,
        evidence_files=True, evidence_megabytes=settings.evidence_megabytes, files_in=settings.files_in,
        files_endpoint=settings.files_endpoint, files_region=settings.files_region, files_of=f"{FOLDER}/{folder.name}",
    )  # fmt: skip


def forget(settings: Settings, name: str) -> None:
    """What lies in that folder goes, its keys first, and so do its files in an object store, if they can be reached."""
    folder = folder_of(settings, name)
    for part in ("keys", "."):
        shutil.rmtree(folder / part, ignore_errors=True)
    elsewhere = settings_of(settings, folder)
    if elsewhere.files_in.startswith(S3) and not name.startswith("."):
        try:
            bucket_of(elsewhere).clear()
        except StorageBusy as error:
            _log.warning("files of workshop %s are left to the sweep: %s", name, type(error).__name__)


def vault_of(settings: Settings, place: str, key: bytes) -> Vault:
    """The keys of the room in that place."""
    return Vault.drawn(key, folder_of(settings, place) / "keys")


@contextmanager
def taken(host: House) -> Iterator[Place]:
    """A place for a workshop that is made within; given up where that fails. Raises RoomInPreparation."""
    stores = RoomStores(host.directory)
    try:
        place = Place(host, stores, _taken(host, stores), host.vault.new_case_key())
        try:
            yield place
        except BaseException:
            with suppress(StorageBusy):  # it is swept
                place.give_up()
            raise
    finally:
        stores.close()


def _taken(host: House, stores: RoomStores) -> str:
    found = places.take(host.directory, at=host.now())
    if found is None and places.may_make(host.directory):
        places.make(host.directory, stores, at=host.now())
        found = places.take(host.directory, at=host.now())
    if found is None:
        raise RoomInPreparation
    return found


def where(directory: Store, workshop: str) -> str | None:
    """In which place the room of a workshop lies; None where it lies in no schemas."""
    if not places.lies_in_server(directory):
        return None
    with directory.reading() as session:
        return places.of_workshop(session, workshop)


def leave(session: Session, host: House, workshop: str) -> None:
    """The room of a workshop is to be dropped, in the transaction that says so; what opened it is gone with it."""
    if lies_there(host):
        places.leave(session, workshop, at=host.now())


def clear(host: House) -> int:
    """Drop every room that is to be, where this role may; how many. What can't be dropped now is left for later."""
    if not lies_there(host):
        return 0
    with host.directory.reading() as session:
        going = places.going(session)
    if not going or not places.may_make(host.directory):
        return 0
    dropped = 0
    for place in going:
        forget(host.settings, place)
        try:
            places.drop(host.directory, place)
        except StorageBusy as error:
            _log.warning("a room was not dropped now: %s", error)
        else:
            dropped += 1
    return dropped


def sweep(host: House, after: timedelta) -> int:
    """Whoever was making a room, or a workshop in it, is gone since `after`; drop that, and what else is to be."""
    if not lies_there(host):
        return 0
    found = places.cut_off(host.directory, host.now() - after, at=host.now())
    clear(host)
    return found


def keep_ready(host: House, ready: int = READY) -> int:
    """Drop what is to be, bring rooms up to date, and have as many empty ones as shall wait; how many were made.

    Nothing where rooms lie in files, or where another role makes them.
    """
    if not lies_there(host) or not places.may_make(host.directory):
        return 0
    stores = RoomStores(host.directory)
    try:
        try:
            places.bring_up_own(host.directory, stores)
        except TablesInUse as error:
            _log.warning("a room is brought up to date later: %s", error)
        clear(host)
        with host.directory.reading() as session:
            wanting = max(0, ready - places.free(session))
        for _room in range(wanting):
            places.make(host.directory, stores, at=host.now())
    finally:
        stores.close()
    return wanting
