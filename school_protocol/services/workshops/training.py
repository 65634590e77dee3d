"""The store of workshops: the same tables as the real one's, elsewhere, with keys of its own; one for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from school_protocol.config import ROWS, Settings
from school_protocol.domain.clock import Clock
from school_protocol.services.house import House, Library, wiring_of
from school_protocol.storage.blobs.choosing import settle
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.migrate import upgrade
from school_protocol.storage.vault import Vault
from school_protocol.storage.workshops.tenants import PARTS, Stores

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

    def house(self) -> House:
        """A house in which nobody is, for what is asked before it is known in which room."""
        own = self.stores.of("", self.vault, ())
        return House(own.realm, own.directory, self.vault, self.real, Library(own.directory), self.settings, TRAINING)

    def close(self) -> None:
        self.stores.close()


@dataclass(frozen=True, slots=True)
class TrainingLocation:
    """Where the store of workshops is found, and its key: all that is handed on of the house beside which it lies."""

    settings: Settings
    where: tuple[str, ...]
    key: bytes
    real: Clock

    @classmethod
    def of(cls, host: House) -> TrainingLocation:
        """Its key is drawn from the host's keys, and says nothing of them."""
        where = tuple(host.settings.training_url(part) for part in PARTS)
        return cls(settings_of(host.settings), where, host.vault.chain("training-v1", b""), host.clock)

    def is_made(self) -> bool:
        """Whether there may be a room at all."""
        return not self.where[0].startswith("sqlite") or self.settings.data.is_dir()

    def open(self) -> Training:
        """Tables are made where they are missing. Raises NotPrepared."""
        self.settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        stores = [Store(open_engine(url, kept=KEPT)) for url in self.where]
        for part, store in zip(PARTS, stores, strict=True):
            upgrade(store.engine, part, wiring_of(self.settings).tables, purged=True)
        directory, realm, room = stores
        settle(self.settings, realm)
        vault = Vault.drawn(self.key, self.settings.keys)
        return Training(self.settings, Stores(directory, realm, room), vault, self.real)


def settings_of(settings: Settings) -> Settings:
    """A room's settings: the host's languages and ways in; no post, no signing key, no key or place of the host's."""
    return Settings(
        data=settings.training, languages=settings.languages, default_language=settings.default_language,
        secure_cookies=settings.secure_cookies, trusted_proxy=settings.trusted_proxy, address=settings.address,
        evidence_files=True, evidence_megabytes=settings.evidence_megabytes, files_in=ROWS,
        web_processes=settings.web_processes, wiring=settings.wiring,
    )  # fmt: skip


@contextmanager
def training_of(host: House) -> Iterator[Training]:
    """The store of workshops beside a house, for this once: for jobs, commands, and what makes a workshop."""
    training = TrainingLocation.of(host).open()
    try:
        yield training
    finally:
        training.close()
