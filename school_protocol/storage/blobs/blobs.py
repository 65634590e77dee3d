"""What every place for sealed bytes does: put before the row that names them is kept, never over others, gone for good.

Names are drawn by chance and say nothing. What a transaction that failed leaves behind is named by no row: the sweep
removes it after a day.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import InstrumentedAttribute, Session

from school_protocol.config import FOLDER
from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.storage.blobs.tables import FilesAtRow
from school_protocol.storage.engines import Store
from school_protocol.storage.errors import StorageBusy

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
