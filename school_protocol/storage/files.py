"""Sealed files of evidence: on the disk before their row, never in clear, gone past recovery once their key is.

A file is written aside, synced, renamed, and its folder synced; only then does a transaction name it. What a crash
leaves is a file that no row names: `sweep` removes it after a day. A row whose file is missing or altered is an alarm.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from school_protocol.domain.evidence import FileLost
from school_protocol.storage import keys
from school_protocol.storage.evidence_tables import FileAlarmRow, FileSweepRow, KeptFileRow
from school_protocol.storage.tables import new_id
from school_protocol.storage.vault import Vault, open_bytes, seal_bytes

ORIGINAL, DERIVATIVE = "original", "derivative"
_ASIDE = ".part"
_LEFT = timedelta(days=1)
"""How old a file that no row names must be before it is removed: its transaction is long over."""
_CHUNK = 1024 * 1024


class FileStore:
    """The folder of sealed files, two letters deep; names are random and say nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, place: str) -> Path:
        return self.folder / place[:2] / place

    def write(self, sealed: bytes) -> str:
        """Put sealed bytes on the disk, whole and synced, and say where. Raises OSError."""
        place = secrets.token_hex(16)
        path = self.path(place)
        is_new = not path.parent.is_dir()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_suffix(_ASIDE)
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
                handle.write(sealed)
                handle.flush()
                os.fsync(handle.fileno())
            aside.rename(path)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        _sync(path.parent)
        if is_new:
            _sync(self.folder)
        return place

    def read(self, place: str) -> bytes | None:
        """The sealed bytes; None where they are not there."""
        try:
            return self.path(place).read_bytes()
        except OSError:
            return None

    def remove(self, place: str) -> None:
        """Overwrite a file and take it away; nothing happens where it is gone already."""
        _overwrite_and_unlink(self.path(place))

    def every(self) -> Iterator[Path]:
        """Whatever lies in the folder, what was being written aside among it."""
        if self.folder.is_dir():
            yield from (path for path in self.folder.glob("??/*") if path.is_file())


def _overwrite_and_unlink(path: Path) -> None:
    try:
        size = path.stat().st_size
        with path.open("r+b") as handle:
            for start in range(0, size, _CHUNK):
                handle.write(secrets.token_bytes(min(_CHUNK, size - start)))
            handle.flush()
            os.fsync(handle.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---- keeping and opening -------------------------------------------------------------------------------------------


def object_of(file_id: str) -> str:
    """Under which name the key of a file is kept among those of its case."""
    return f"file:{file_id}"


def _label(case_id: str, file_id: str, part: str) -> str:
    return f"file:{case_id}:{file_id}:{part}"


def keep(
    session: Session, vault: Vault, store: FileStore, case_id: str, parts: Mapping[str, bytes], *, at: datetime,
    places: list[str],
) -> str:  # fmt: skip
    """Seal the parts of one file under a key of its own, put them on the disk and into this transaction; says its id.

    `places` takes each file as it is written, so that whoever rolls back can remove them. Raises OSError, Sealed.
    """
    file_id = new_id()
    key = keys.new_object_key(session, vault, keys.case_key(session, vault, case_id), case_id, object_of(file_id))
    for part, data in parts.items():
        sealed = seal_bytes(key, _label(case_id, file_id, part), data)
        place = store.write(sealed)
        places.append(place)
        digest = hashlib.sha256(sealed).digest()
        session.add(
            KeptFileRow(
                place=place, case_id=case_id, file_id=file_id, part=part, size=len(sealed), digest=digest, at=at
            )
        )
    session.flush()
    return file_id


def parts_of(session: Session, case_id: str, file_id: str) -> frozenset[str]:
    """Which parts of a file are kept."""
    query = select(KeptFileRow.part).where(KeptFileRow.case_id == case_id, KeptFileRow.file_id == file_id)
    return frozenset(session.scalars(query))


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is not what its row says."""

    case_id: str
    place: str
    what: str


def open_part(session: Session, vault: Vault, store: FileStore, case_id: str, file_id: str, part: str) -> bytes | Fault:
    """The content of one part, checked; or what is wrong with it. Raises FileLost where no row names it, Sealed."""
    query = select(KeptFileRow).where(
        KeptFileRow.case_id == case_id, KeptFileRow.file_id == file_id, KeptFileRow.part == part
    )
    row = session.scalars(query).one_or_none()
    if row is None:
        raise FileLost(f"no {part} of file {file_id}")
    sealed = store.read(row.place)
    if (fault := _fault(row, sealed)) is not None or sealed is None:
        return fault or Fault(case_id, row.place, "missing")
    case_key = keys.case_key(session, vault, case_id)
    key = keys.object_key(session, vault, case_key, case_id, object_of(file_id))
    return open_bytes(key, _label(case_id, file_id, part), sealed)


def _fault(row: KeptFileRow, sealed: bytes | None) -> Fault | None:
    if sealed is None:
        return Fault(row.case_id, row.place, "missing")
    if hashlib.sha256(sealed).digest() != row.digest:
        return Fault(row.case_id, row.place, "altered")
    return None


# ---- destroying ------------------------------------------------------------------------------------------------------


def destroy(session: Session, case_id: str, file_id: str) -> tuple[str, ...]:
    """Destroy a file's key and rows in this transaction; says which files are to be removed once it is committed."""
    own = (KeptFileRow.case_id == case_id, KeptFileRow.file_id == file_id)
    places = tuple(session.scalars(select(KeptFileRow.place).where(*own)))
    keys.destroy_object_key(session, case_id, object_of(file_id))
    session.execute(delete(KeptFileRow).where(*own))
    return places


def places_of_case(session: Session, case_id: str) -> tuple[str, ...]:
    """The files of a case: for whoever erases it, to be removed once that is committed."""
    return tuple(session.scalars(select(KeptFileRow.place).where(KeptFileRow.case_id == case_id)))


def unnamed(session: Session, places: Iterable[str]) -> tuple[str, ...]:
    """Those of these files that no row names."""
    wanted = tuple(places)
    named = set(session.scalars(select(KeptFileRow.place).where(KeptFileRow.place.in_(wanted))))
    return tuple(place for place in wanted if place not in named)


# ---- alarms and the sweep --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alarm:
    case_id: str
    place: str
    what: str
    at: datetime


def alarm(session: Session, fault: Fault, *, at: datetime) -> bool:
    """Write down that a file is missing or altered; False where that is known, or no row names the file any more."""
    if unnamed(session, [fault.place]):
        return False  # destroyed in order, between the look at the disk and this
    known = select(FileAlarmRow.id).where(FileAlarmRow.place == fault.place, FileAlarmRow.what == fault.what)
    if session.scalar(known) is not None:
        return False
    row = FileAlarmRow(id=new_id(), case_id=fault.case_id, place=fault.place, what=fault.what, at=at)
    session.add(row)
    session.flush()
    return True


def alarms(session: Session) -> tuple[Alarm, ...]:
    """What was found, the latest first."""
    rows = session.scalars(select(FileAlarmRow).order_by(FileAlarmRow.at.desc(), FileAlarmRow.id))
    return tuple(Alarm(row.case_id, row.place, row.what, row.at) for row in rows)


def faults(session: Session, store: FileStore) -> tuple[Fault, ...]:
    """Every row whose file is missing or altered; reads each file once."""
    rows = session.scalars(select(KeptFileRow).order_by(KeptFileRow.place))
    return tuple(fault for row in rows if (fault := _fault(row, store.read(row.place))) is not None)


def swept(session: Session, started_at: datetime, finished_at: datetime) -> None:
    """Every file was looked at; that takes the place of the time before."""
    session.merge(FileSweepRow(place=1, started_at=started_at, finished_at=finished_at))
    session.flush()


def last_sweep(session: Session) -> datetime | None:
    """When the latest look at every file began, of those that came to their end."""
    return session.scalar(select(FileSweepRow.started_at))


def remove_strays(session: Session, store: FileStore, now: datetime) -> int:
    """Remove files that no row names and that are a day old; returns how many."""
    gone = 0
    for path in list(store.every()):
        named = session.scalar(select(exists().where(KeptFileRow.place == path.name)))
        if not named and _is_old(path, now):
            _overwrite_and_unlink(path)
            gone += 1
    return gone


def _is_old(path: Path, now: datetime) -> bool:
    try:
        return path.stat().st_mtime < (now - _LEFT).timestamp()
    except FileNotFoundError:
        return False
