"""Service of backups: made while the installation is open, checked, restored with a way back, and tried out."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import folded, surroundings
from school_protocol.config import S3, Settings
from school_protocol.context import AppContext, Library, open_vault, wiring_of
from school_protocol.engine.clock import Clock
from school_protocol.engine.deadlines import read
from school_protocol.engine.errors import SchoolProtocolError, Unseen
from school_protocol.ops.databases import NoDatabase
from school_protocol.ops.journal_checks import rebuild_index, verify_chains
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.repository import places_of_case
from school_protocol.statistics.counts import keep_count
from school_protocol.storage import backups, restoring, sql, work_queue
from school_protocol.storage.backups import BackupUnusable, Erased, Listed, Manifest
from school_protocol.storage.bucket import as_kept
from school_protocol.storage.engines import Session, Store, open_engine
from school_protocol.storage.migrate import upgrade
from school_protocol.storage.vault import Vault

Progress = Callable[[int, int], None]

KEEP = timedelta(days=30)
OLDEST = timedelta(hours=26)
CASES_OPENED = 25
RESTORER = "restore"
"""Who erases, in the tombstones of cases that were erased after the backup."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup in its folder: until when it may be kept, how many cases in it were erased since, and the master keys
    without which it can't be restored, and that the ring hasn't any more."""

    listed: Listed
    destroy_by: datetime | None
    erased_since: int
    missing: tuple[int, ...] = ()

    def is_overdue(self, now: datetime) -> bool:
        """Whether it should have been destroyed."""
        return self.destroy_by is not None and now >= self.destroy_by


@dataclass(frozen=True, slots=True)
class Restored:
    """`aside`: where the former state lies; `erased`: how many cases were erased again; `indexed`: how many stand."""

    manifest: Manifest
    aside: Path | None
    erased: int
    indexed: int


@dataclass(frozen=True, slots=True)
class Drill:
    """How old the newest backup is, and what did not hold of it. `opened`: cases read; `erased`: erased once more."""

    path: Path | None
    age: timedelta | None
    cases: int = 0
    opened: int = 0
    erased: int = 0
    faults: Sequence[str] = field(default_factory=tuple)


def create(ctx: AppContext, folder: Path, progress: Progress | None = None) -> Manifest:
    """A backup of this installation below `folder`. Raises BackupUnusable where not all of it lies beside the data."""
    if ctx.settings.database:
        raise BackupUnusable(
            "this installation lies in PostgreSQL: archive its log, or dump both schemas, as docs/operations.md says"
        )
    if ctx.settings.files_in.startswith(S3):
        raise BackupUnusable(
            "files of this installation lie in an object store, and a backup without them would not be whole: bring "
            "them back with `school-protocol files move --to folder`, or copy stores and bucket as docs/operations.md "
            "says"
        )
    made = backups.create(ctx.settings.data, folder, ctx.vault, ctx.now, progress)
    work_queue.note(ctx.settings.data, work_queue.BACKUP, made.begun)
    return made


def every_backup(ctx: AppContext, folder: Path, keep: timedelta = KEEP) -> tuple[Kept, ...]:
    """The backups below `folder`, newest first, with the day by which each must be destroyed."""
    gone = {one.case_id for one in backups.read_erased(ctx.settings.data, ctx.vault)}
    return tuple(_kept(one, gone, keep, ctx.vault) for one in backups.every_backup(folder, ctx.vault))


def _kept(listed: Listed, gone: set[str], keep: timedelta, vault: Vault) -> Kept:
    manifest = listed.manifest
    if manifest is None:
        return Kept(listed, None, 0)
    try:
        missing = tuple(sorted(backups.missing_masters(listed.path, vault)))
    except BackupUnusable as error:
        return Kept(replace(listed, manifest=None, fault=str(error)), manifest.begun + keep, 0)
    return Kept(listed, manifest.begun + keep, len(gone & set(manifest.heads)), missing)


def chosen(settings: Settings, folder: Path) -> Path:
    """The backup that `folder` is, or the newest whole one below it; raises BackupUnusable."""
    if (folder / backups.MANIFEST).exists():
        return folder
    whole = [one.path for one in backups.every_backup(folder, open_vault(settings)) if one.manifest is not None]
    if not whole:
        raise BackupUnusable(f"there is no whole backup in {folder}")
    return whole[0]


def verify(settings: Settings, path: Path, progress: Progress | None = None) -> list[str]:
    """What is not whole of one backup; nothing where it is. Only the keys of this installation are asked, no store."""
    return backups.faults(path, open_vault(settings), progress)


def restore(
    settings: Settings,
    clock: Clock,
    path: Path,
    *,
    replaces: bool = False,
    erased_elsewhere: Sequence[Path] = (),
    progress: Progress | None = None,
) -> Restored:
    """Bring a backup into an empty place, or in the place of what is there, which is moved aside.

    Everything is checked before anything is put in place: digests, every chain, the index made anew. Cases erased
    since stay erased, by the list here and those `erased_elsewhere`; sessions of the time are ended.
    """
    data = settings.data
    restoring.refuse_half_restored(data)
    if not replaces:
        restoring.refuse_taken(data)
    vault = open_vault(settings)
    _refuse_faults(path, backups.faults(path, vault, progress))
    manifest = backups.manifest_of(path, vault)
    gone = _all_erased(data, vault, [path / backups.FILE, *erased_elsewhere])
    with restoring.staged(data) as stage:
        backups.unpack(path, manifest, stage)
        with _context_in(stage, settings, clock, vault) as ctx:
            again = _made_current(ctx, gone)
            _refuse_faults(path, broken_chains(ctx))
            indexed = rebuild_index(ctx, progress)
        (stage / backups.FILE).unlink(missing_ok=True)
        backups.merge(data, vault, gone)
        aside = restoring.put_in_place(data, f"{restoring.ASIDE}{clock.now():%Y%m%dT%H%M%SZ}")
    return Restored(manifest, aside, again, indexed)


def go_on(settings: Settings) -> Path | None:
    """Bring a restore that was broken off to its end; returns where the former state lies."""
    if not restoring.is_under_way(settings.data):
        raise SchoolProtocolError("no restore was broken off here")
    return restoring.finish(settings.data)


def drill_backup(
    settings: Settings, clock: Clock, folder: Path, *, oldest: timedelta = OLDEST, scratch: Path | None = None
) -> Drill:
    """Restore the newest backup into a folder that is thrown away, compare, open cases; says all that doesn't hold.

    When it was, and whether all held, is noted beside the data.
    """
    done = _drilled(settings, clock, folder, oldest, scratch)
    work_queue.note(settings.data, work_queue.DRILL, clock.now(), held=not done.faults)
    return done


def _drilled(settings: Settings, clock: Clock, folder: Path, oldest: timedelta, scratch: Path | None) -> Drill:
    vault = open_vault(settings)
    whole = [one for one in backups.every_backup(folder, vault) if one.manifest is not None]
    if not whole:
        return Drill(None, None, faults=(f"there is no whole backup in {folder}",))
    newest, now = whole[0], clock.now()
    assert newest.manifest is not None
    age = now - newest.manifest.begun
    is_late = not timedelta() <= age <= oldest
    late = [f"the newest backup is {_hours(age)} hours old; {_hours(oldest)} are the most"] if is_late else []
    with tempfile.TemporaryDirectory(prefix="drill-", dir=scratch) as place:
        tried = _tried_out(newest.path, newest.manifest, Path(place) / "data", settings, clock, vault)
    return replace(tried, path=newest.path, age=age, faults=(*late, *tried.faults))


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):.1f}"


def _tried_out(path: Path, manifest: Manifest, place: Path, settings: Settings, clock: Clock, vault: Vault) -> Drill:
    found = backups.faults(path, vault)
    if found:
        return Drill(path, None, faults=tuple(found))
    backups.unpack(path, manifest, place)
    differing = backups.differences(place, manifest)
    gone = _all_erased(settings.data, vault, [path / backups.FILE])
    with _context_in(place, settings, clock, vault) as ctx:
        again = _made_current(ctx, gone)
        broken = broken_chains(ctx)
        indexed = 0 if broken else rebuild_index(ctx)
        could_be, shut = opened(ctx)
    return Drill(path, None, indexed, could_be, again, (*differing, *broken, *shut))


# ---- an installation over what was unpacked -------------------------------------------------------------------------


@contextmanager
def _context_in(place: Path, settings: Settings, clock: Clock, vault: Vault) -> Iterator[AppContext]:
    """The stores in `place`, brought to this program's tables, with the keys of the installation."""
    moved = replace(settings, data=place)
    realm, directory = (Store(open_engine(moved.store_url(name))) for name in ("realm", "directory"))
    try:
        tables = wiring_of(settings).tables
        upgrade(directory.engine, "directory", tables)
        upgrade(realm.engine, "realm", tables)
        directory.under(vault)
        realm.under(vault)
        yield AppContext(realm, directory, vault, clock, Library(directory), as_kept(moved, realm))
    finally:
        realm.close()
        directory.close()


def _made_current(ctx: AppContext, gone: Sequence[Erased]) -> int:
    """Erase again what was erased since; end the sessions of the time. Returns how many cases were erased again."""
    again = sum(_erase_again(ctx, one) for one in gone)
    with ctx.directory.writing() as session:
        restoring.end_what_was_begun(session)
    return again


def catch_up(ctx: AppContext, erased_elsewhere: Sequence[Path] = ()) -> int:
    """Erase again what was erased since, where the database came back without us (to a moment of PostgreSQL's log).

    By the list here and those `erased_elsewhere`, which is then the list here; sessions of the time are ended. Returns
    how many cases were erased again.
    """
    gone = _all_erased(ctx.settings.data, ctx.vault, erased_elsewhere)
    again = _made_current(ctx, gone)
    backups.merge(ctx.settings.data, ctx.vault, gone)
    return again


def _erase_again(ctx: AppContext, one: Erased) -> bool:
    with ctx.realm.writing() as session:
        if cases_repository.is_destroyed(session, one.case_id):
            return False
        places = places_of_case(session, one.case_id)
        _count(ctx, session, one.case_id)
        privacy_repository.bar(session, one.case_id, None)  # a hold of that time was lifted since: the list decides
        try:
            privacy_repository.erase_case(session, ctx.vault, one.case_id, at=one.at, actor=RESTORER)
        except Unseen:
            return False  # opened after the backup, and erased
    for place in places:
        ctx.blobs.delete([place])
    return True


def _count(ctx: AppContext, session: Session, case_id: str) -> None:
    """Have a case counted before it goes: the backup may be older than figures. What can't be read goes uncounted."""
    try:
        protocol, case = folded(ctx, session, case_id)
    except SchoolProtocolError:
        return
    keep_count(ctx, session, case_id, read(protocol, case, ctx.now(), surroundings(ctx, case.unit)))


def _all_erased(data: Path, vault: Vault, elsewhere: Sequence[Path]) -> list[Erased]:
    found = {one.case_id: one for one in backups.read_erased(data, vault)}
    for path in elsewhere:
        for one in backups.read_file(path, vault):
            found.setdefault(one.case_id, one)
    return list(found.values())


def broken_chains(ctx: AppContext) -> list[str]:
    """What does not hold of the chains of cases, a line each."""
    return [f"case {one.case_id}, event {one.seq}: {one.flaw.value}" for one in verify_chains(ctx)]


def _refuse_faults(path: Path, found: Sequence[str]) -> None:
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise BackupUnusable(f"{path.name} is not restored: {found[0]}{more}")


def opened(ctx: AppContext) -> tuple[int, list[str]]:
    """How many of the latest cases could be read, people and all; and what kept the others shut."""
    could_be, shut = 0, []
    with ctx.realm.reading() as session:
        for case_id in index_repository.all_case_ids(session)[:CASES_OPENED]:
            try:
                folded(ctx, session, case_id)
                cases_repository.load_identities(session, ctx.vault, case_id)
            except SchoolProtocolError as error:
                shut.append(f"case {case_id} can't be read: {error}")
            else:
                could_be += 1
    return could_be, shut


# ---- PostgreSQL's own backups, as far as the program sees them -----------------------------------------------------

_NAME = re.compile(r"(?:.*/)?(\d{8}T\d{6}Z)/?")
_EARLY = timedelta(minutes=5)
"""So much another machine's clock may be ahead."""


class NotACopy(SchoolProtocolError):
    """What is to be noted is named otherwise than `base-backup.sh` names what it made."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """What was found in a database that was restored: up to when it goes, and what did not hold of it."""

    until: datetime | None = None
    cases: int = 0
    opened: int = 0
    faults: tuple[str, ...] = field(default_factory=tuple)


def note_copy(settings: Settings, clock: Clock, folder: str) -> datetime:
    """Note the whole copy in that folder, which need not be on this machine: its name says when it was whole.

    Raises NotACopy, NoDatabase.
    """
    if not settings.database:
        raise NoDatabase("this installation lies in SQLite: `backup create` makes its backups, and notes them")
    named = _NAME.fullmatch(folder.strip())
    try:
        made = datetime.strptime(named[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if named else None
    except ValueError:
        made = None
    if made is None:
        raise NotACopy(f"{folder!r} is not named as base-backup.sh names what it made (20261127T140300Z)")
    if made > clock.now() + _EARLY:
        raise NotACopy(f"{folder!r} was made in the future: one of the two clocks is wrong")
    work_queue.note(settings.data, work_queue.COPY, made)
    return made


def drill_database(settings: Settings, clock: Clock, database: str) -> Exercise:
    """Look at a database that was restored elsewhere, under the keys of this installation, and change nothing there.

    When it was, and whether all held, is noted beside the data. Raises NoDatabase where it is the one in service.
    """
    if not settings.database:
        raise NoDatabase("this installation lies in SQLite: `backup drill` tries its backups out")
    restored = replace(settings, database=database)
    with (
        closing(Store(open_engine(settings.store_url("realm")))) as served,
        closing(Store(open_engine(restored.store_url("realm")))) as realm,
        closing(Store(open_engine(restored.store_url("directory")))) as directory,
    ):
        there = sql.server_of(realm)
        if (there.began, there.database) == (sql.server_of(served).began, sql.server_of(served).database):
            raise NoDatabase("that is the database in service: restore to another server, and name that one")
        vault = open_vault(settings)
        ctx = AppContext(realm, directory, vault, clock, Library(directory), restored)
        found = Exercise(faults=(_NOT_BACK,)) if there.is_recovering else _looked_at(ctx)
    work_queue.note(settings.data, work_queue.DRILL, clock.now(), held=not found.faults)
    return found


_NOT_BACK = "it is still coming back (pg_is_in_recovery() says t): ask again, or look into its log"


def _looked_at(ctx: AppContext) -> Exercise:
    with ctx.realm.reading() as session:
        count, until = len(index_repository.all_case_ids(session)), sql.newest_in_realm(session)
    read, shut = opened(ctx)
    nothing = () if count else ("there is no case in it: a restore of nothing proves nothing",)
    return Exercise(until, count, read, (*nothing, *broken_chains(ctx), *shut))
