"""What every use case stands on: the stores, the vault, the clock, the definitions, the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from school_protocol.config import Settings
from school_protocol.definitions import read
from school_protocol.domain.clock import Clock
from school_protocol.domain.events import Event, VersionChanged
from school_protocol.domain.policy import RoleSight
from school_protocol.domain.protocol import Protocol
from school_protocol.storage import directory
from school_protocol.storage.engines import Engine, Store, open_engine
from school_protocol.storage.migrate import upgrade
from school_protocol.storage.vault import Vault


class SystemClock:
    """The real realm's clock; `web`, `jobs` and `cli` hand it in."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Library:
    """Published definitions, read once: their bytes never change."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[tuple[str, int], Protocol] = {}
        self._sights: tuple[tuple[tuple[str, int], ...], tuple[RoleSight, ...]] = ((), ())

    def protocol(self, key: str, version: int) -> Protocol:
        """One published version, as a case follows it."""
        if (key, version) not in self._known:
            with self.store.reading() as session:
                kept = directory.definition(session, key, version)
            self._known[key, version] = read(kept.content, f"{key}/{version}.yaml")
        return self._known[key, version]

    def source(self, protocol: Protocol) -> str:
        """The file of a published version, as it was uploaded."""
        with self.store.reading() as session:
            return directory.definition(session, protocol.protocol, protocol.version).content.decode()

    def earlier(self, key: str, events: Iterable[Event]) -> dict[int, Protocol]:
        """The versions that a case followed before its changes of version, by their number."""
        left = {event.former for event in events if isinstance(event, VersionChanged)}
        return {version: self.protocol(key, version) for version in left}

    def current(self) -> tuple[Protocol, ...]:
        """The definitions under which new cases are opened."""
        with self.store.reading() as session:
            found = directory.current_versions(session)
        return tuple(self.protocol(key, version) for key, version in found)

    def every(self) -> tuple[Protocol, ...]:
        with self.store.reading() as session:
            found = directory.definition_versions(session)
        return tuple(self.protocol(key, version) for key, version, _digest in found)

    def sights(self) -> tuple[RoleSight, ...]:
        """What each role of each definition sees."""
        every = self.every()
        versions = tuple((protocol.protocol, protocol.version) for protocol in every)
        if self._sights[0] != versions:
            self._sights = (
                versions,
                tuple(
                    dict.fromkeys(
                        RoleSight(protocol.protocol, role.key, role.sees.value, role.oversees)
                        for protocol in every
                        for role in protocol.roles.values()
                    )
                ),
            )
        return self._sights[1]


@dataclass(frozen=True, slots=True)
class House:
    """One realm's stores and keys, the directory beside them, and the time there."""

    realm: Store
    directory: Store
    vault: Vault
    clock: Clock
    library: Library
    settings: Settings

    def now(self) -> datetime:
        return self.clock.now()


STORES = ("directory", "realm")


def open_house(settings: Settings, clock: Clock, engines: Mapping[str, Engine] | None = None) -> House:
    """The installation that `settings` name: folders, keys and tables made where they are missing.

    `engines` are those of STORES where somebody else opens and closes them.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    engines = engines or {name: open_engine(settings.store_url(name)) for name in STORES}
    directory_store, realm = Store(engines["directory"]), Store(engines["realm"])
    upgrade(directory_store.engine, "directory")
    upgrade(realm.engine, "realm")
    vault = Vault.open(settings.keys, create=True)
    return House(realm, directory_store, vault, clock, Library(directory_store), settings)
