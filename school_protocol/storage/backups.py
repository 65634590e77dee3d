"""Backups of both stores and the sealed files at one moment, with a keyed manifest; and the list of erased cases.

The realm is copied first, then the directory that it refers to, then the files: what a row names is there. No key is
ever among it. A backup is written beside and named when it is whole; one without its manifest is none.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.storage.durable_files import locked, sync
from school_protocol.storage.engines import BUSY_SECONDS
from school_protocol.storage.migrate import VERSION_TABLE, Part, revisions
from school_protocol.storage.store_errors import StorageBusy, translated
from school_protocol.storage.vault import Vault, canonical

# ---- erased cases, outside the database: a restored backup is brought to them before it is served ------------------
# A file of lines, `erased.jsonl`, that only grows; each line carries a keyed hash over itself and the line before.

FILE = "erased.jsonl"


class ErasedUnreadable(SchoolProtocolError):
    """The list of erased cases is not as this installation wrote it: nothing may be restored by it."""


@dataclass(frozen=True, slots=True)
class Erased:
    """A case that was erased, and when."""

    case_id: str
    at: datetime


def note(folder: Path, vault: Vault, case_id: str, at: datetime) -> None:
    """Write down, on disk before this returns, that a case is erased; says it once, however often it is called.

    Call it before the erasure is committed: a case noted and not yet erased is erased when the job runs again, a case
    erased and not noted would come back with a backup.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        whole = _cut_to_whole_lines(handle)
        kept = list(_lines(vault, whole, str(folder / FILE)))
        if any(one.case_id == case_id for one, _mac in kept):
            return
        os.write(handle, _line(vault, Erased(case_id, at), kept[-1][1] if kept else ""))
        os.fsync(handle)
        sync(folder)
    finally:
        os.close(handle)


def read_erased(folder: Path, vault: Vault) -> tuple[Erased, ...]:
    """The cases erased so far, in the order they were noted. Raises ErasedUnreadable where a line was touched."""
    return read_file(folder / FILE, vault)


def read_file(path: Path, vault: Vault) -> tuple[Erased, ...]:
    """The same, of a list that lies somewhere else; a last line that a crash cut short doesn't count."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ErasedUnreadable(
            f"{path} can’t be read ({error.strerror or type(error).__name__}): let the account that runs the site read "
            "it, or put the disk in order, then try again"
        ) from error
    return tuple(one for one, _mac in _lines(vault, data[: data.rfind(b"\n") + 1], str(path)))


def merge(folder: Path, vault: Vault, others: Iterable[Erased]) -> int:
    """Note here what another list says, too; returns how many were new."""
    known = {one.case_id for one in read_erased(folder, vault)}
    new = [one for one in others if one.case_id not in known]
    for one in new:
        note(folder, vault, one.case_id, one.at)
    return len(new)


def _lines(vault: Vault, data: bytes, name: str) -> Iterator[tuple[Erased, str]]:
    before = ""
    for number, line in enumerate(data.splitlines(), 1):
        try:
            told = json.loads(line)
            one = Erased(told["case"], datetime.fromisoformat(told["at"]))
            mac = str(told["mac"])
        except (ValueError, KeyError, TypeError) as error:
            raise ErasedUnreadable(f"{name}, line {number}: not a line of the list of erased cases") from error
        if not hmac.compare_digest(mac.encode(), _erased_mac(vault, one, before).encode()):
            raise ErasedUnreadable(f"{name}, line {number}: not as it was written here, or a line before it is missing")
        yield one, mac
        before = mac


def _line(vault: Vault, one: Erased, before: str) -> bytes:
    return canonical({"at": _moment(one), "case": one.case_id, "mac": _erased_mac(vault, one, before)}) + b"\n"


def _erased_mac(vault: Vault, one: Erased, before: str) -> str:
    return vault.chain("erased-v1", canonical({"at": _moment(one), "before": before, "case": one.case_id})).hex()


def _moment(one: Erased) -> str:
    return one.at.astimezone(UTC).isoformat(timespec="microseconds")


def _cut_to_whole_lines(handle: int) -> bytes:
    """What stands in the file; the beginning of a line that a crash cut short is taken away."""
    size = os.fstat(handle).st_size
    data = os.pread(handle, size, 0)
    whole = data.rfind(b"\n") + 1
    if whole < size:
        os.ftruncate(handle, whole)
    return data[:whole]


FORMAT = "school-protocol-backup-1"
MANIFEST, FILES = "manifest.json", "files"
STORES: tuple[Part, ...] = ("realm", "directory")
UNFINISHED = ".unfinished-"
_OTHER_CHAINS = {"access": "access_batch", "administration": "administration_link"}
_BEING_WRITTEN = ".part"
"""How a sealed file is called until it is whole."""
_TRIES = 5
_PAGES = 2000
_PIECE = 1 << 20

Progress = Callable[[int, int], None]


class BackupUnusable(SchoolProtocolError):
    """A backup that can't be made, or is not whole; says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `files`: path in it → bytes and SHA-256; `rows`: store → table → how many; `heads`: case, or
    chain of no case → number and hash of its latest entry; `revisions`: store → of its tables."""

    name: str
    begun: datetime
    ended: datetime
    files: Mapping[str, tuple[int, str]]
    rows: Mapping[str, Mapping[str, int]]
    heads: Mapping[str, tuple[int, str]]
    revisions: Mapping[str, str]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(size for size, _digest in self.files.values())

    @property
    def cases(self) -> int:
        return self.rows["realm"]["case_record"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a folder of backups; without a manifest it is unfinished, or from elsewhere: `fault` says."""

    path: Path
    manifest: Manifest | None
    fault: str = ""


# ---- making one ----------------------------------------------------------------------------------------------------


def create(
    data: Path, folder: Path, vault: Vault, now: Callable[[], datetime], progress: Progress | None = None
) -> Manifest:
    """A backup of the stores and files in `data`, in a new folder below `folder`, while others read and write.

    Raises BackupUnusable, StorageFull or StorageBusy, and then leaves nothing behind that counts.
    """
    _refuse_inside(data, folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(folder / ".lock", BackupUnusable(f"another backup is being made in {folder}")):
        for left in folder.glob(UNFINISHED + "*"):
            shutil.rmtree(left)
        begun = now()
        name = f"{begun.astimezone(UTC):%Y-%m-%dT%H%M%SZ}-{os.urandom(4).hex()}"
        beside = folder / (UNFINISHED + name)
        try:
            beside.mkdir(mode=0o700)
            _copied(data, beside, progress)
            made = _manifest(beside, name, begun, now())
            _write(beside / MANIFEST, _signed(vault, made))
            _sync_tree(beside)
        except (OSError, sqlite3.Error) as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise _own(error) from error
        beside.rename(folder / name)
        sync(folder)
    return made


def _refuse_inside(data: Path, folder: Path) -> None:
    if folder.resolve().is_relative_to(data.resolve()):
        raise BackupUnusable("a backup beside what it is a backup of is lost with it: name another folder")


def _own(error: Exception) -> SchoolProtocolError:
    if (found := translated(error)) is not None:
        return found
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int) and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StorageBusy(str(error))
    return BackupUnusable(f"no backup could be made: {error}")


def _copied(data: Path, beside: Path, progress: Progress | None) -> None:
    """Stores, then files; once more where a file was destroyed meanwhile, as the stores may still name it."""
    for _try in range(_TRIES):
        before = set(_files_below(data / FILES))
        for store in STORES:
            _snapshot(store_file(data, store), store_file(beside, store), progress)
        missed = _copy_files(data / FILES, beside / FILES, before)
        if not missed:
            break
    else:
        raise BackupUnusable("files are being destroyed all the time: try again later")
    list_of_erased = data / FILE
    if list_of_erased.exists():
        _copy(list_of_erased, beside / FILE)


def _snapshot(source: Path, target: Path, progress: Progress | None) -> None:
    """One snapshot of a store that others use: a read transaction is held until all of its pages are copied."""
    if not source.is_file():
        raise BackupUnusable(f"there is no {source}")
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    def step(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    with closing(_connected(source)) as read, closing(sqlite3.connect(target)) as written:
        read.execute("BEGIN")
        read.execute("SELECT count(*) FROM sqlite_master").fetchone()
        read.backup(written, pages=_PAGES, progress=step)
        written.execute("PRAGMA journal_mode = DELETE")


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA query_only = ON")
    return connection


def _copy_files(source: Path, target: Path, before: set[str]) -> set[str]:
    """Copy what is there now; returns what was there `before` the stores were read, and is gone."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(mode=0o700)
    missed = before - set(_files_below(source))
    for name in _files_below(source):
        try:
            _copy(source / name, target / name)
        except FileNotFoundError:
            missed.add(name)
    return missed & before


def _files_below(folder: Path) -> Iterator[str]:
    """Whole files, by their path below the folder."""
    if folder.is_dir():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.suffix != _BEING_WRITTEN:
                yield path.relative_to(folder).as_posix()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with source.open("rb") as read:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "wb") as written:
            shutil.copyfileobj(read, written, _PIECE)


def _write(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
        written.write(data)


def _sync_tree(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        sync(path)


def _manifest(beside: Path, name: str, begun: datetime, ended: datetime) -> Manifest:
    files = {path: _digest(beside / path) for path in _files_below(beside)}
    rows, found = dict[str, dict[str, int]](), dict[str, str]()
    heads = dict[str, tuple[int, str]]()
    for store in STORES:
        with closing(_immutable(store_file(beside, store))) as connection:
            _check_integrity(connection, store)
            rows[store] = counted(connection)
            found[store] = _revision(connection)
            heads |= chain_heads(connection)
    return Manifest(name, begun, ended, files, rows, heads, found)


def _digest(path: Path) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    with path.open("rb") as read:
        while piece := read.read(_PIECE):
            size += len(piece)
            digest.update(piece)
    return size, digest.hexdigest()


def _immutable(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)


def _check_integrity(connection: sqlite3.Connection, store: str) -> None:
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise BackupUnusable(f"{store}: {found}")


def counted(connection: sqlite3.Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    quoted = {name: '"' + name.replace('"', '""') + '"' for (name,) in names.fetchall()}
    return {name: connection.execute(f"SELECT count(*) FROM {one}").fetchone()[0] for name, one in quoted.items()}  # noqa: S608 - names of tables


def chain_heads(connection: sqlite3.Connection) -> dict[str, tuple[int, str]]:
    """The number and hash of the latest entry of each chain: those of cases by their ids, the others by their names."""
    query = (
        "SELECT e.case_id, e.seq, e.hash FROM event e JOIN "
        "(SELECT case_id, max(seq) AS seq FROM event GROUP BY case_id) l ON l.case_id = e.case_id AND l.seq = e.seq"
    )
    found = list(connection.execute(query)) if _has(connection, "event") else []
    for name, table in _OTHER_CHAINS.items():
        if _has(connection, table):
            latest = f"SELECT ?, seq, hash FROM {table} ORDER BY seq DESC LIMIT 1"  # noqa: S608 - our own names
            found += connection.execute(latest, [name])
    return {name: (seq, bytes(digest).hex()) for name, seq, digest in found}


def _has(connection: sqlite3.Connection, table: str) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(query, [table]).fetchone() is not None


def _revision(connection: sqlite3.Connection) -> str:
    row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608 - our own name
    return str(row[0]) if row else ""


def store_file(folder: Path, store: str) -> Path:
    """The file of a store."""
    return folder / f"{store}.sqlite"


# ---- the manifest --------------------------------------------------------------------------------------------------


def _plain(made: Manifest) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": made.name,
        "begun": made.begun.isoformat(),
        "ended": made.ended.isoformat(),
        "files": {path: list(found) for path, found in made.files.items()},
        "rows": {store: dict(rows) for store, rows in made.rows.items()},
        "heads": {case_id: list(head) for case_id, head in made.heads.items()},
        "revisions": dict(made.revisions),
    }


def _backup_mac(vault: Vault, plain: Mapping[str, Any]) -> str:
    return vault.chain("backup-v1", canonical(plain)).hex()


def _signed(vault: Vault, made: Manifest) -> bytes:
    plain = _plain(made)
    return canonical({**plain, "mac": _backup_mac(vault, plain)}) + b"\n"


def manifest_of(path: Path, vault: Vault) -> Manifest:
    """The manifest of a backup; raises BackupUnusable where there is none, or this installation didn't write it."""
    try:
        told = json.loads((path / MANIFEST).read_bytes())
        mac = str(told.pop("mac"))
        if told["format"] != FORMAT:
            raise BackupUnusable(f"{path} is a backup in a form that this program doesn't know")
        if not hmac.compare_digest(mac.encode(), _backup_mac(vault, told).encode()):
            raise BackupUnusable(f"{path}: the manifest is not as it was written here, or its journal key is another")
        return Manifest(
            told["name"],
            datetime.fromisoformat(told["begun"]),
            datetime.fromisoformat(told["ended"]),
            {name: (int(size), str(digest)) for name, (size, digest) in told["files"].items()},
            told["rows"],
            {case_id: (int(seq), str(found)) for case_id, (seq, found) in told["heads"].items()},
            told["revisions"],
        )
    except FileNotFoundError as error:
        raise BackupUnusable(f"{path} has no manifest: it is unfinished, or no backup") from error
    except OSError as error:
        raise BackupUnusable(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupUnusable(f"{path}: the manifest can't be read") from error


def every_backup(folder: Path, vault: Vault) -> tuple[Listed, ...]:
    """The backups in a folder, newest first; then what is there and can't be used."""
    if not folder.is_dir():
        raise BackupUnusable(f"there is no folder {folder}")
    found = [_listed(path, vault) for path in sorted(folder.iterdir()) if path.is_dir()]
    whole = sorted((one for one in found if one.manifest), key=_begun, reverse=True)
    return (*whole, *(one for one in found if one.manifest is None))


def _begun(one: Listed) -> datetime:
    assert one.manifest is not None
    return one.manifest.begun


def _listed(path: Path, vault: Vault) -> Listed:
    if path.name.startswith(UNFINISHED):
        return Listed(path, None, "unfinished: it was broken off, and is no backup")
    try:
        return Listed(path, manifest_of(path, vault))
    except BackupUnusable as error:
        return Listed(path, None, str(error))


def faults(path: Path, vault: Vault, progress: Progress | None = None) -> list[str]:
    """What is not as the manifest says; nothing: the backup is whole, and this program can read it."""
    try:
        manifest = manifest_of(path, vault)
    except BackupUnusable as error:
        return [str(error)]
    there = {name for name in _everything_below(path) if name != MANIFEST}
    found = [f"{name} is missing" for name in sorted(set(manifest.files) - there)]
    found += [f"{name} is not of this backup" for name in sorted(there - set(manifest.files))]
    for done, name in enumerate(sorted(there & set(manifest.files)), 1):
        if _digest(path / name) != manifest.files[name]:
            found.append(f"{name} is not as it was written")
        if progress is not None:
            progress(done, len(there))
    for store in STORES:
        if manifest.revisions.get(store) not in revisions(store):
            found.append(f"{store} was written by a newer program than this")
    return found or _unreadable(path) or _without_master(path, vault)


def _without_master(path: Path, vault: Vault) -> list[str]:
    return [
        f"master key {number}, which wraps {count} of its keys, is not in the ring (was it retired?): put it back from "
        "the recovery copy of that time, `school-protocol keys recovery restore`"
        for number, count in missing_masters(path, vault).items()
    ]


def missing_masters(path: Path, vault: Vault) -> dict[int, int]:
    """Master keys that the stores of a backup name and the ring hasn't → how many keys they wrap.

    Raises BackupUnusable where a store can't be read.
    """
    found, there = dict[int, int](), set(vault.numbers)
    for store in STORES:
        try:
            with closing(_immutable(store_file(path, store))) as connection:
                for number, count in _masters_named(connection):
                    if number not in there:
                        found[number] = found.get(number, 0) + count
        except sqlite3.Error as error:
            raise BackupUnusable(f"{store} can't be read: {error}") from error
    return found


def _masters_named(connection: sqlite3.Connection) -> Iterator[tuple[int, int]]:
    wrapped = (
        "SELECT m.name FROM sqlite_master m WHERE m.type = 'table' AND 2 = "
        "(SELECT count(*) FROM pragma_table_info(m.name) WHERE name IN ('master', 'wrapped'))"
    )
    for (name,) in connection.execute(wrapped).fetchall():
        quoted = '"' + name.replace('"', '""') + '"'
        yield from connection.execute(f"SELECT master, count(*) FROM {quoted} GROUP BY master")  # noqa: S608 - a table's name


def _everything_below(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if not path.is_dir() or path.is_symlink():
            yield path.relative_to(folder).as_posix()


def _unreadable(path: Path) -> list[str]:
    found = []
    for store in STORES:
        try:
            with closing(_immutable(store_file(path, store))) as connection:
                _check_integrity(connection, store)
        except (sqlite3.Error, BackupUnusable) as error:
            found.append(f"{store} can't be read: {error}")
    return found


def differences(folder: Path, manifest: Manifest) -> list[str]:
    """Where stores copied out of a backup, and not written to since, differ from its manifest."""
    found: list[str] = []
    heads = dict[str, tuple[int, str]]()
    for store in STORES:
        with closing(_immutable(store_file(folder, store))) as connection:
            rows = counted(connection)
            names = sorted(set(rows) | set(manifest.rows[store]))
            found += [
                f"{store}: {name} has {rows.get(name, 0)} rows instead of {manifest.rows[store].get(name, 0)}"
                for name in names
                if rows.get(name) != manifest.rows[store].get(name)
            ]
            heads |= chain_heads(connection)
    if heads != dict(manifest.heads):
        found.append("the chains end elsewhere")
    return found


# ---- out of it again -----------------------------------------------------------------------------------------------


def unpack(path: Path, manifest: Manifest, target: Path) -> None:
    """Copy stores and files into an empty folder, each checked as it arrives; raises BackupUnusable."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    (target / FILES).mkdir(mode=0o700, exist_ok=True)
    for name, wanted in manifest.files.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BackupUnusable(f"{name} would lie outside")
        _copy(path / name, target / name)
        if _digest(target / name) != wanted:
            raise BackupUnusable(f"{name} is not as it was written")
