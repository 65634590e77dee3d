"""Blobs: sealed bytes in a folder or in the database, put there before the row that names them, never overwritten.

Names are drawn by chance and say nothing. What a transaction that failed leaves behind is named by no row: the sweep
removes it after a day.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import ColumnElement, and_, delete, func, insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from school_protocol.config import FOLDER, ROWS
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.storage.durable_files import sync
from school_protocol.storage.engines import Store, empty_log
from school_protocol.storage.models import BlobRow, FilesAtRow
from school_protocol.storage.store_errors import StorageBusy

STARTS = tuple(f"{number:02x}" for number in range(256))
"""How names begin: places are walked so, a part after the other."""
_NAME = re.compile(r"[0-9a-f]{32}")


class FilesAway(StorageBusy):
    """The place where files lie can't be reached, or refuses: the same request may succeed later."""


class FilesElsewhere(SchoolProtocolError):
    """The files of these rows lie somewhere else than the settings say."""


class FilesMisplaced(SchoolProtocolError):
    """Files can't be kept in that place as it is."""


@dataclass(frozen=True, slots=True)
class Lying:
    """Something that lies there: how large, since when (None: it came with its rows, and is never half there)."""

    name: str
    size: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What can be told of a place. `fault`: why it can't be written and read now; None: it can't be told."""

    fault: str = ""
    versioned: bool | None = False
    public: bool | None = False
    in_clear: bool = False


class Blobs(Protocol):
    """A place for sealed bytes; `address` is what the store of rows keeps of it."""

    address: str
    holds_papers: bool
    """Whether documents lie here too, and not in their rows."""
    reads_are_cheap: bool
    """Whether everything may be read each night."""

    def put(self, session: Session | None, case_id: str, name: str, data: bytes) -> None:
        """Keep bytes for good, before this transaction ends. Raises FilesAway, OSError."""

    def get(self, session: Session, name: str) -> bytes | None:
        """The bytes; None where they are not there. Raises FilesAway."""

    def delete(self, names: Iterable[str]) -> None:
        """Destroy them; nothing happens where they are gone already. No transaction of ours may be open."""

    def names(self, start: str = "") -> Iterator[Lying]:
        """Whatever of ours lies there under names that begin so."""

    def clear(self) -> None:
        """Destroy all of it: of this realm alone."""

    def standing(self) -> Standing:
        """What can be told of the place, found out by trying."""

    def is_versioned(self) -> bool | None:
        """Whether what is destroyed stays as an older version; None: it can't be told."""


def new_name() -> str:
    return secrets.token_hex(16)


def beginning(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], start: str
) -> ColumnElement[bool]:
    """Whether a column names something that begins with one of STARTS, by an index; empty: anything."""
    if not start:
        return column.is_not(None)
    after = STARTS.index(start) + 1
    return and_(column >= start, column < (STARTS[after] if after < len(STARTS) else "g"))


def checked(name: str) -> str:
    """The name, if it is one of ours. Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a sealed file")
    return name


def kept_at(session: Session) -> str:
    """Where the files of these rows lie."""
    row = session.get(FilesAtRow, 1)
    return row.address if row is not None else FOLDER


def keep_at(session: Session, address: str) -> None:
    """From the end of this transaction on they lie there: whoever still writes elsewhere is told to come again."""
    session.merge(FilesAtRow(place=1, address=address))
    session.flush()


def refuse_elsewhere(session: Session, blobs: Blobs) -> None:
    """Raises FilesAway where a process still goes by settings from before the files were moved."""
    if kept_at(session) != blobs.address:
        raise FilesAway(said_elsewhere(kept_at(session)))


def refuse_elsewhere_in(realm: Store, blobs: Blobs) -> None:
    """The same, asked by itself: nothing is missing, and nothing a stray, of what lies somewhere else."""
    with realm.reading() as session:
        refuse_elsewhere(session, blobs)


def said_elsewhere(address: str) -> str:
    return (
        f"files of this installation lie in {address}: set SCHOOL_PROTOCOL_FILES to that, or bring them where it says "
        "with `school-protocol files move`"
    )


# ---- in a folder, two letters deep: written aside, synced, renamed, their folder synced ----------------------------

_ASIDE = ".part"
_CHUNK = 1024 * 1024
_OURS = re.compile(r"[0-9a-f]{32}(\.part)?")


class Folder:
    """The folder of sealed files; what a crash leaves of one being written ends in `.part`."""

    address, holds_papers, reads_are_cheap = FOLDER, False, True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def put(self, session: Session | None, case_id: str, name: str, data: bytes) -> None:
        """Whole and synced before it has its name, and its name before anything is said. Raises OSError."""
        path = self.path(checked(name))
        if path.exists():
            raise FileExistsError(name)
        is_new = not path.parent.is_dir()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_suffix(_ASIDE)
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            aside.rename(path)
        except FileExistsError:
            raise  # somebody else's: it stays
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        sync(path.parent)
        if is_new:
            sync(self.folder)

    def get(self, session: Session | None, name: str) -> bytes | None:
        """The bytes; None where they are not there."""
        try:
            return self.path(checked(name)).read_bytes()
        except OSError:
            return None

    def delete(self, names: Iterable[str]) -> None:
        """Overwrite each and take it away."""
        for name in names:
            if not _OURS.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a sealed file")
            _overwrite_and_unlink(self.path(name))

    def names(self, start: str = "") -> Iterator[Lying]:
        """Whatever lies there, what was being written aside among it."""
        for path in sorted(self.folder.glob(f"{start[:2] or '??'}/{start}*")):
            if _OURS.fullmatch(path.name) and (found := _lying(path)) is not None:
                yield found

    def clear(self) -> None:
        self.delete([one.name for one in self.names()])

    def is_versioned(self) -> bool | None:
        return False

    def standing(self) -> Standing:
        """Whether something can be written, read and taken away here."""
        name, data = new_name(), secrets.token_bytes(64)
        try:
            self.put(None, "", name, data)
            is_same = self.get(None, name) == data
            self.delete([name])
        except OSError as error:
            return Standing(fault=str(error))
        return Standing(fault="" if is_same else "what was read is not what was written")


def _lying(path: Path) -> Lying | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return Lying(path.name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


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
    sync(path.parent)


# ---- in the database, in the very transaction that names them ------------------------------------------------------


class Rows:
    """A table of the realm: never half there, erased with its case."""

    address, holds_papers, reads_are_cheap = ROWS, False, True

    def __init__(self, realm: Store) -> None:
        self.realm = realm

    def put(self, session: Session | None, case_id: str, name: str, data: bytes) -> None:
        assert session is not None, "rows come with the rows that name them"
        session.execute(insert(BlobRow).values(name=checked(name), case_id=case_id, content=data))

    def get(self, session: Session, name: str) -> bytes | None:
        return session.scalar(select(BlobRow.content).where(BlobRow.name == checked(name)))

    def delete(self, names: Iterable[str]) -> None:
        wanted = list(map(checked, names))
        if wanted:
            with self.realm.writing(together=True) as session:
                session.execute(delete(BlobRow).where(BlobRow.name.in_(wanted)))
            if self.realm.engine.dialect.name == "sqlite":
                empty_log(self.realm.engine)  # else what was deleted lies in the log for a while

    def names(self, start: str = "") -> Iterator[Lying]:
        size = func.length(BlobRow.content)
        query = select(BlobRow.name, size).where(beginning(BlobRow.name, start)).order_by(BlobRow.name)
        with self.realm.reading() as session:
            found = session.execute(query).all()
        yield from (Lying(name, length, None) for name, length in found)

    def clear(self) -> None:
        with self.realm.writing() as session:
            session.execute(delete(BlobRow))

    def is_versioned(self) -> bool | None:
        return False

    def standing(self) -> Standing:
        """The rows beside were just read: there is nothing more to try."""
        return Standing()
