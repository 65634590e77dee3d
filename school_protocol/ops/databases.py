"""PostgreSQL and files: a database made ready by its owner, sealed files moved, SQLite moved to PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from school_protocol.config import ROWS, Settings, role_of, shown
from school_protocol.context import STORES, AppContext, Library, open_context, open_vault, refuse_walled, wiring_of
from school_protocol.engine.clock import Clock
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.ops.journal_checks import Verdict, verify
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.repository import Named
from school_protocol.storage import copy_database, postgresql
from school_protocol.storage.blobs import STARTS, Blobs, FilesElsewhere, FilesMisplaced, Standing, keep_at, kept_at
from school_protocol.storage.bucket import open_blobs, settle_files
from school_protocol.storage.copy_database import NotMovable
from school_protocol.storage.engines import Session, Store, open_engine
from school_protocol.storage.migrate import Part, standing_of, upgrade


class NoDatabase(SchoolProtocolError):
    """The settings name no database, or not by whom it is opened."""


def prepare(
    settings: Settings, owner: str, workers: Sequence[str], *, make_queue: Callable[[Settings], None]
) -> tuple[str, ...]:
    """Make the database ready as its owner, and return the roles that may serve there from now on.

    Those are the role of the settings' own address, which serves pages, and `workers`. Where there are workers, it sees
    of cases what the session of each request may, and nothing besides. Raises NoDatabase, NoRole, NotAName.
    """
    if not settings.database:
        raise NoDatabase("SCHOOL_PROTOCOL_DATABASE_URL names no database: an installation in SQLite prepares itself")
    serves = role_of(settings.database) if owner and role_of(settings.database) != role_of(owner) else ""
    as_owner = replace(settings, database=owner or settings.database)
    try:
        tables = wiring_of(settings).tables
        postgresql.prepare(as_owner.database, serves, workers, tables, make_queue=lambda: make_queue(as_owner))
    except postgresql.NotOwner as error:
        raise NoDatabase(f"{error}; set SCHOOL_PROTOCOL_DATABASE_OWNER_URL to the address of the owner") from error
    realm = Store(open_engine(as_owner.store_url("realm")))
    with suppress(FilesElsewhere), closing(realm):  # where there are files already, `files move` brings them along
        settle_files(as_owner, realm)
    return tuple(name for name in (serves, *workers) if name)


# ---- where sealed files lie, and all of them brought somewhere else while the site runs ----------------------------

FileProgress = Callable[[int, int], None]

_VERSIONED = (
    "the bucket keeps older versions, so that nothing there is ever destroyed: take another one, or suspend versioning "
    "and remove the versions that are there"
)
_PUBLIC = "anybody reads the bucket without saying who they are: make it private"


class NotMoved(SchoolProtocolError):
    """Files can't be brought there; says why."""


@dataclass(frozen=True, slots=True)
class Told:
    """Where files lie, what can be told of the place, how many there are, and how many of those named are not there."""

    address: str
    standing: Standing
    lying: int
    named: int
    missing: int


@dataclass(frozen=True, slots=True)
class FilesMoved:
    """`lost`: files that were missing or altered where they lay; they are told as before."""

    before: str
    after: str
    files: int
    lost: int


def progress_line(ctx: AppContext) -> Told:
    """What `doctor` says. Raises FilesAway where names can't be listed."""
    blobs = ctx.blobs
    standing, lying, named, missing = blobs.standing(), 0, 0, 0
    if standing.fault:
        return Told(blobs.address, standing, 0, 0, 0)
    for start in STARTS:
        there = {one.name for one in blobs.names(start)}
        with ctx.realm.reading() as session:
            wanted = {one.place for one in privacy_repository.named(session, start)}
        lying, named, missing = lying + len(there), named + len(wanted), missing + len(wanted - there)
    return Told(blobs.address, standing, lying, named, missing)


def refuse_misplaced(blobs: Blobs, standing: Standing) -> None:
    """Raises FilesMisplaced where what is destroyed would stay, or anybody could fetch what is kept."""
    if standing.versioned:
        raise FilesMisplaced(f"{blobs.address}: {_VERSIONED}")
    if standing.public:
        raise FilesMisplaced(f"{blobs.address}: {_PUBLIC}")


def refuse_versioned(ctx: AppContext) -> None:
    """The same as the site begins, by one question; one that gets no answer keeps nobody from beginning."""
    if ctx.blobs.is_versioned():
        raise FilesMisplaced(f"{ctx.settings.files_in}: {_VERSIONED}")


# ---- moved -----------------------------------------------------------------------------------------------------------


def move_files(settings: Settings, target: str, clock: Clock, progress: FileProgress) -> FilesMoved:
    """Copy every file that a row names, compare it by its digest, and have it lie there from then on.

    What was copied stays copied: broken off, it goes on where it was. Nobody keeps a file as it comes to its end; who
    still goes by the settings of before is told to come again. Raises NotMoved, FilesMisplaced, FilesAway.
    """
    with closing(open_context(settings, clock, files_anywhere=True)) as ctx:
        refuse_walled(ctx)
        before, after = ctx.blobs, open_blobs(replace(settings, files_in=target), ctx.realm)
        if before.address == after.address:
            raise NotMoved(f"files lie in {target} already")
        standing = after.standing()
        if standing.fault:
            raise NotMoved(f"{target} can't be written and read now: {standing.fault}")
        refuse_misplaced(after, standing)
        moving = _Moving(ctx, before, after)
        with ctx.realm.reading() as session:
            total = sum(len(privacy_repository.named(session, start)) for start in STARTS)
        for start in STARTS:
            with ctx.realm.reading() as session:
                named = privacy_repository.named(session, start)
            for one in named:
                moving.bring(one)
                progress(len(moving.there), total)
        with ctx.realm.writing() as session:
            every = {one.place: one for start in STARTS for one in privacy_repository.named(session, start)}
            for place in every.keys() - moving.there:
                moving.bring_now(session, every[place])
            keep_at(session, after.address)
        lost = len(moving.lost & every.keys())  # others were destroyed in order, meanwhile
        return FilesMoved(before.address, after.address, len(every) - lost, lost)


@dataclass(slots=True)
class _Moving:
    ctx: AppContext
    before: Blobs
    after: Blobs
    there: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)

    def bring(self, one: Named) -> None:
        """One file, unless it is there as it should be."""
        with self.ctx.realm.reading() as session:
            data, found = self._here(session, one), self.after.get(session, one.place)
        self.there.add(one.place)
        if data is None or found == data:
            return
        if found is not None:
            self.after.delete([one.place])
        opened = self.ctx.realm.writing if self.after.address == ROWS else self.ctx.realm.reading
        with opened() as session:
            self._put(session, one, data)

    def bring_now(self, session: Session, one: Named) -> None:
        """One that came while the others were brought, as nobody else writes."""
        data = self._here(session, one)
        if data is not None:
            self._put(session, one, data)

    def _here(self, session: Session, one: Named) -> bytes | None:
        data = self.before.get(session, one.place)
        if data is None or (one.digest is not None and hashlib.sha256(data).digest() != one.digest):
            self.lost.add(one.place)
            return None
        return data

    def _put(self, session: Session, one: Named, data: bytes) -> None:
        self.after.put(session, one.case_id, one.place, data)
        if self.after.get(session, one.place) != data:
            raise NotMoved(f"{one.place} is not there as it was here")


def clear(settings: Settings, place: str, clock: Clock) -> int:
    """Destroy what a move left in a place; how many there were. Raises NotMoved for the place that is in use."""
    with closing(open_context(settings, clock, files_anywhere=True)) as ctx:
        refuse_walled(ctx)
        with ctx.realm.reading() as session:
            if kept_at(session) == place:
                raise NotMoved(f"files lie in {place}: nothing is destroyed there")
        blobs = open_blobs(replace(settings, files_in=place), ctx.realm)
        count = sum(1 for _one in _lying(blobs))
        blobs.clear()
        return count


def _lying(blobs: Blobs) -> Iterator[object]:
    for start in STARTS:
        yield from blobs.names(start)


# ---- an installation moved from SQLite to PostgreSQL, proven equal before anybody is served from there -------------

RowProgress = Callable[[str, int, int], None]
"""Told what is done, how far, and of how much."""


@dataclass(frozen=True, slots=True)
class StoresMoved:
    """What was moved. `faults`: what the journal had said before, and says of the copy, too."""

    rows: int
    tables: int
    cases: int
    events: int
    faults: int


def move_stores(source: Settings, target: Settings, clock: Clock, progress: RowProgress) -> StoresMoved:
    """Copy both stores of `source` (files) to the database of `target`, prove them equal, and send the source away.

    Keys and files stay where they are. Raises NotMovable: the source serves on.
    """
    if not target.database:
        raise NotMovable("an installation moves to a PostgreSQL database alone: postgresql://role@host/database")
    _refuse_empty(source)
    if not postgresql.may_make(target.database):
        raise NotMovable(
            f"{shown(target.database)} is not this role's to change ({role_of(target.database)}): use the owner's "
            "address, the role that owns it, as in SCHOOL_PROTOCOL_DATABASE_OWNER_URL"
        )
    tables = wiring_of(source).tables
    with ExitStack() as closing:
        there = {part: _opened(closing, target, part) for part in STORES}
        here = {part: _opened(closing, source, part) for part in STORES}
        for part in STORES:
            upgrade(there[part].engine, part, tables)
        with ExitStack() as holding:
            held = {part: holding.enter_context(copy_database.held(here[part])) for part in STORES}
            total = sum(copy_database.count(held[part], part, tables) for part in STORES)
            copied, compared = _counting("rows", total, progress), _counting("compared", 2 * total, progress)
            copy_database.fill(held, there["realm"].engine, tables, copied, compared)
            verdict = _journal(source, target, here, there, clock, progress)
            for part in STORES:
                copy_database.send_away(held[part], tables[part].tables)
    return StoresMoved(
        total, sum(len(tables[part].tables) for part in STORES), verdict.cases, verdict.events, verdict.faults
    )


def reopen(settings: Settings) -> None:
    """Take files that were moved away back into service. What was written to the database since is not here."""
    settings = replace(settings, database="")
    _refuse_empty(settings)
    with ExitStack() as closing:
        for part in STORES:
            with copy_database.held(_opened(closing, settings, part)) as connection:
                copy_database.take_back(connection, wiring_of(settings).tables[part].tables)


def _refuse_empty(source: Settings) -> None:
    """Raises NotMovable where no installation lies; by asking, nothing is made."""
    for part in STORES:
        file = source.data / f"{part}.sqlite"
        if not _is_file(file):
            raise NotMovable(f"{source.data} holds no installation: no {file.name} is there that this account can read")
        with closing(Store(open_engine(source.store_url(part)))) as store:
            if standing_of(store, part) == "none":
                raise NotMovable(f"{source.data} holds no installation: the {part} has no tables there")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _opened(closing: ExitStack, settings: Settings, part: Part) -> Store:
    try:
        store = Store(open_engine(settings.store_url(part)))
    except OSError as error:
        raise NotMovable(f"{settings.data} can't be written by this account: {error.strerror}") from error
    closing.callback(store.close)
    return store


def _counting(what: str, total: int, progress: RowProgress) -> copy_database.Counted:
    done = 0

    def more(rows: int) -> None:
        nonlocal done
        done += rows
        progress(what, done, total)

    return more


def _journal(
    source: Settings,
    target: Settings,
    here: dict[Part, Store],
    there: dict[Part, Store],
    clock: Clock,
    progress: RowProgress,
) -> Verdict:
    """What the journal says of the copy; raises NotMovable where it said something else of the source."""
    vault = open_vault(source)

    def told(settings: Settings, stores: dict[Part, Store]) -> Verdict:
        library = Library(stores["directory"])
        ctx = AppContext(stores["realm"], stores["directory"], vault, clock, library, settings)
        return verify(ctx, lambda done, of: progress("cases", done, of))

    found = told(target, there)
    if found.faults and found.breaks != told(source, here).breaks:
        raise NotMovable(f"the journal finds {found.faults} faults in the copy that the source has not")
    return found
