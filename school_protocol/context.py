"""What every service is given (`AppContext`): stores, vault, clock, definitions, settings; a request's mark in logs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pkgutil import resolve_name
from typing import Any

from school_protocol.config import Settings
from school_protocol.engine.clock import Clock
from school_protocol.engine.definition import Protocol, Role
from school_protocol.engine.errors import SchoolProtocolError, Unseen
from school_protocol.engine.events import Event, VersionChanged
from school_protocol.engine.visibility import Actor, RoleSight
from school_protocol.language import ZONE
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.reader import read_published
from school_protocol.storage import administration_log, case_keys, master_keys, postgresql, restoring
from school_protocol.storage.anchors import numbers as numbers_of_anchors
from school_protocol.storage.blobs import Blobs
from school_protocol.storage.bucket import as_kept, open_blobs, settle_files
from school_protocol.storage.copy_database import refuse_moved
from school_protocol.storage.engines import Engine, Session, Store, cache_of, open_engine
from school_protocol.storage.migrate import Part, Tables, upgrade
from school_protocol.storage.store_errors import KeysUnusable, StorageBusy
from school_protocol.storage.vault import Vault

_log = logging.getLogger(__name__)
REALM = "main"
"""The real realm; every other one is a workshop's."""


RefusalObserver = Callable[[Actor, str, str, tuple[str, ...], tuple[str, ...]], None]
"""Told of who tried what in which case, by its number, what said no, and the codes of what a form found wrong."""


class Walled(SchoolProtocolError):
    """The role of the database is not one that can do this."""


class SystemClock:
    """The real realm's clock; `web`, `jobs` and `cli` hand it in."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Library:
    """Published definitions, read once: their bytes never change."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[tuple[str, int], Protocol] = {}
        self._sights: dict[tuple[tuple[str, int], ...], tuple[RoleSight, ...]] = {}

    def protocol(self, key: str, version: int) -> Protocol:
        """One published version, as a case follows it."""
        if (key, version) not in self._known:
            with self.store.reading() as session:
                kept = protocol_repository.definition(session, key, version)
            found = read_published(kept.content, f"{key}/{version}.yaml")
            if found.digest != kept.digest:
                raise Unseen(f"{key}/{version}: its bytes are not those that were published")
            self._known[key, version] = found
        return self._known[key, version]

    def source(self, protocol: Protocol) -> str:
        """The file of a published version, as it was uploaded."""
        with self.store.reading() as session:
            return protocol_repository.definition(session, protocol.protocol, protocol.version).content.decode()

    def earlier(self, key: str, events: Iterable[Event]) -> dict[int, Protocol]:
        """The versions that a case followed before its changes of version, by their number."""
        left = {event.former for event in events if isinstance(event, VersionChanged)}
        return {version: self.protocol(key, version) for version in left}

    def current(self) -> tuple[Protocol, ...]:
        """The definitions under which new cases are opened."""
        return self._listed(protocol_repository.current_versions)

    def every(self) -> tuple[Protocol, ...]:
        """All that was ever published."""
        return self._listed(protocol_repository.definition_versions)

    def _listed(self, ask: Callable[[Session], Iterable[tuple[str, int, *tuple[str, ...]]]]) -> tuple[Protocol, ...]:
        with self.store.reading() as session:
            known = cache_of(session, self)
            if ask not in known:
                known[ask] = tuple(self.protocol(key, version) for key, version, *_digest in ask(session))
            found: tuple[Protocol, ...] = known[ask]
            return found

    def sights(self) -> tuple[RoleSight, ...]:
        """What each role of each definition sees."""
        every = self.every()
        versions = tuple((protocol.protocol, protocol.version) for protocol in every)
        if versions not in self._sights:
            sights = (
                RoleSight(protocol.protocol, role.key, role.sees.value, role.oversees)
                for protocol in every
                for role in protocol.roles.values()
            )
            self._sights[versions] = tuple(dict.fromkeys(sights))
        return self._sights[versions]


Projection = Callable[..., Iterable[Any]]
"""`(ctx, session, row, facts)` → rows of tables that stand beside the index row of a case, written with it."""


class NotWired(SchoolProtocolError):
    """What the packages add to the context is not all there, or there twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What packages add to the context, which knows none of them; put together in `school_protocol.wiring`."""

    tables: Tables
    projections: tuple[Projection, ...]
    """Each table that refers to the index row is said by one of them."""
    following: tuple[Callable[..., None], ...]
    """`(ctx, session, case_id, facts)`: what else is kept of a case, in the transaction that wrote its index row."""
    endings: tuple[Callable[..., AbstractContextManager[None]], ...]
    """`(ctx, session, case_id)`: what stands around a decision on a case that has ended, or ends by it."""
    settled: tuple[Callable[..., bool], ...]
    """`(session, payload)` → whether nobody waits any more for what a message is about, in the realm."""
    apart: tuple[Callable[..., Iterable[Any]], ...]
    """`(session, account, today=…)` → places and people of what somebody takes no part in, in the realm."""
    access_ended: tuple[Callable[..., None], ...]
    """`(session, ctx, actor, account, reason)`: what else lets somebody in ends with all of their sessions."""
    pictures: tuple[Callable[..., Iterable[Any]], ...]
    """`(ctx, session, loaded, entries)` → pictures of these pieces of evidence that this person may hand out."""
    address_changed: tuple[Callable[..., None], ...]
    """`(ctx, accounts)`: where messages reach these was changed, and is kept."""

    def __post_init__(self) -> None:
        for name in (one.name for one in fields(self) if one.name != "tables"):
            listed = getattr(self, name)
            if not listed or len(set(listed)) < len(listed):
                raise NotWired(f"{name}: nothing is registered, or something twice")


def wiring_of(settings: Settings) -> Wiring:
    """The one that the settings name. Raises NotWired where it is none."""
    found = resolve_name(settings.wiring)
    if not isinstance(found, Wiring):
        raise NotWired(f"{settings.wiring} is no Wiring")
    return found


@dataclass(frozen=True, slots=True)
class AppContext:
    """One realm's stores and keys, the directory beside them, and the time there."""

    realm: Store
    directory: Store
    vault: Vault
    clock: Clock
    library: Library
    settings: Settings
    name: str = REALM
    """Which realm's it is: what isn't the real one is never counted."""
    witness: RefusalObserver | None = None
    """Who is told what was tried and refused; in a workshop alone."""

    def now(self) -> datetime:
        return self.clock.now()

    @property
    def wiring(self) -> Wiring:
        """What packages that the context doesn't know add to it."""
        return wiring_of(self.settings)

    @property
    def blobs(self) -> Blobs:
        """Where its sealed files lie."""
        return open_blobs(self.settings, self.realm)

    def close(self) -> None:
        """Give every connection back, as before a restore."""
        self.realm.close()
        self.directory.close()


def refuse_walled(ctx: AppContext) -> None:
    """Raises Walled where the stores are opened by a role that sees cases of a session alone: no work is done so."""
    with ctx.realm.reading() as session:
        if postgresql.is_before(session.connection()):
            raise Walled(
                "this role of the database serves pages and sees no case without a session: workers and commands need "
                "SCHOOL_PROTOCOL_DATABASE_URL with the role that `database prepare --worker` named"
            )


def take_away(ctx: AppContext, places: Iterable[str]) -> None:
    """Destroy files whose rows are gone; those that can't be reached now are left to the sweep: no key opens them."""
    wanted = tuple(places)
    try:
        if wanted:
            ctx.blobs.delete(wanted)
    except (StorageBusy, OSError) as error:
        _log.warning("files without rows are left to the sweep: %s", type(error).__name__)


STORES: tuple[Part, ...] = ("directory", "realm")
RESTORE = (
    "see that its volume is there; else `school-protocol backup restore FOLDER --replace` brings the latest backup "
    "back. Nothing is made anew"
)


class StoreGone(SchoolProtocolError):
    """One of the two files of an installation isn't there."""


def _refuse_half(stores: Sequence[Store]) -> None:
    """A store that was lost is not made anew beside one that holds data."""
    gone = [store for store in stores if store.is_blank]
    if gone and any(case_keys.holds_data(store) for store in stores if store not in gone):
        raise StoreGone(f"{gone[0].engine.url.database} is lost, and what belongs to it is here: {RESTORE}")


def open_context(
    settings: Settings, clock: Clock, engines: Mapping[str, Engine] | None = None, *, with_lost: bool = False,
    files_anywhere: bool = False,
) -> AppContext:  # fmt: skip
    """The installation that `settings` name: folders and tables made where they are missing, keys where no data is.

    `engines` are those of STORES where somebody else opens and closes them. Raises KeysUnusable where the keys are
    not those of the data, or one is missing; `with_lost` opens without the master keys that are, to look at that.
    Raises FilesElsewhere where files lie elsewhere than the settings say; `files_anywhere` goes by where they lie.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    restoring.refuse_half_restored(settings.data)
    engines = engines or {name: open_engine(settings.store_url(name)) for name in STORES}
    directory_store, realm = Store(engines["directory"], caches=True), Store(engines["realm"])
    _refuse_half((directory_store, realm))
    for name, store in (("directory", directory_store), ("realm", realm)):
        refuse_moved(store, name)
    tables = wiring_of(settings).tables
    upgrade(directory_store.engine, "directory", tables)
    upgrade(realm.engine, "realm", tables)
    vault = _vault_of(settings, (realm, directory_store))
    with directory_store.reading() as session:
        administration_log.refuse_other_key(session, vault)
    if not with_lost:
        _refuse_lost(settings, vault, (realm, directory_store))
    case_keys.note_turned(settings.data, vault.newest, clock.now())
    if files_anywhere:
        settings = as_kept(settings, realm)
    elif not with_lost:
        settle_files(settings, realm)
    return _furnished(settings, clock, realm, directory_store, vault)


def _furnished(settings: Settings, clock: Clock, realm: Store, directory: Store, vault: Vault) -> AppContext:
    directory.under(vault)
    realm.under(vault)
    administration_log.begin_chain(directory, vault, links_older=not any(numbers_of_anchors(settings.anchors_folder)))
    return AppContext(realm, directory, vault, clock, Library(directory), settings)


def _vault_of(settings: Settings, stores: Sequence[Store]) -> Vault:
    """The keys; first ones are made only where nothing was ever written by others."""
    is_new = not any(case_keys.holds_data(store) for store in stores)
    if not is_new and master_keys.is_empty(settings.keys):
        raise KeysUnusable(
            f"{settings.data} holds data, and {settings.keys} holds no key: if it is on a volume of its own, see that "
            "it is there; else put the keys back with `school-protocol keys recovery restore`. No new ones are made: "
            "nothing that is here would open with them"
        )
    return open_vault(settings, create=is_new)


def _refuse_lost(settings: Settings, vault: Vault, stores: Sequence[Store]) -> None:
    lost = set(case_keys.unopenable(stores, vault)) - case_keys.turned(settings.data).given_up
    if lost:
        numbers = ", ".join(map(str, sorted(lost)))
        raise KeysUnusable(
            f"master key {numbers} is missing from the ring ({vault.kind}) and wraps keys of this data: put it back, "
            "with `school-protocol keys recovery restore` where it was a file; `school-protocol keys status` counts "
            "what it wraps; if it is lost for good, `school-protocol keys give-up` opens the rest"
        )
    if others := case_keys.replaced(stores, vault):
        numbers = ", ".join(map(str, others))
        raise KeysUnusable(
            f"master key {numbers} in the ring ({vault.kind}) is another than the one of that number: it opens nothing "
            f"of what is wrapped here, and nothing is written under it. Move it away, then {master_keys.PUT_BACK}"
        )


def open_vault(settings: Settings, *, create: bool = False) -> Vault:
    """The keys of the installation, from where its settings say they are."""
    return Vault.open(settings.keys, create=create, environment=settings.master_key, command=settings.key_command)


# ---- the mark of a request in the process's own log: one for all its lines -----------------------------------------

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""Empty outside of a request. It is drawn here: what a visitor's headers say is never taken for it."""


# When somebody is missing: who stands in and until when, who leaves and what they hand over first.


def declared(ctx: AppContext) -> dict[str, tuple[Protocol, Role]]:
    """The roles of the definitions under which cases are opened now, in their order."""
    found: dict[str, tuple[Protocol, Role]] = {}
    for protocol in ctx.library.current():
        for key, role in protocol.roles.items():
            found.setdefault(key, (protocol, role))
    return found


# ---- today in the academy's time -----------------------------------------------------------------------------------


def today_for(ctx: AppContext) -> date:
    """The day as lists see it; all academies keep the same zone."""
    return ctx.now().astimezone(ZONE).date()
