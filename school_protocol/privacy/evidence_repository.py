"""Sealed files of evidence: kept before their row, never in clear, gone past recovery once their key is.

A file is whole where files lie (`blobs`); only then does a transaction name it. What a crash leaves is a file that no
row names: `sweep` removes it after a day. A row whose file is missing or altered is an alarm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from school_protocol.case_files.models import HandedPaperRow, PreparedPaperRow
from school_protocol.engine.evidence_pieces import FileLost
from school_protocol.privacy.models import FileAlarmRow, FileSweepRow, KeptFileRow
from school_protocol.storage import case_keys
from school_protocol.storage.blobs import STARTS, Blobs, Lying, beginning, new_name, refuse_elsewhere
from school_protocol.storage.engines import Store
from school_protocol.storage.master_keys import open_bytes, seal_bytes
from school_protocol.storage.models import KeptBlobRow, new_id
from school_protocol.storage.vault import Vault

ORIGINAL, DERIVATIVE = "original", "derivative"
_LEFT = timedelta(days=1)
"""How old a file that no row names must be before it is removed: its transaction is long over."""
_AT_ONCE = 500
_NAMING: Sequence[type[KeptFileRow | HandedPaperRow | PreparedPaperRow]] = (
    KeptFileRow, HandedPaperRow, PreparedPaperRow,
)  # fmt: skip
_MONTH = 30
"""Where reading all is dear, each file is read once in so many nights."""


# ---- keeping and opening -------------------------------------------------------------------------------------------


def object_of(file_id: str) -> str:
    """Under which name the key of a file is kept among those of its case."""
    return f"file:{file_id}"


def _label(case_id: str, file_id: str, part: str) -> str:
    return f"file:{case_id}:{file_id}:{part}"


def keep(
    session: Session, vault: Vault, store: Blobs, case_id: str, parts: Mapping[str, bytes], *, at: datetime,
    places: list[str],
) -> str:  # fmt: skip
    """Seal the parts of one file under its own key, put them where files lie and into this transaction; says its id.

    `places` takes each file before it is put, so that whoever rolls back can remove them. Raises OSError, FilesAway,
    Sealed.
    """
    refuse_elsewhere(session, store)
    file_id = new_id()
    key = case_keys.new_object_key(
        session, vault, case_keys.case_key(session, vault, case_id), case_id, object_of(file_id)
    )
    for part, data in parts.items():
        sealed = seal_bytes(key, _label(case_id, file_id, part), data)
        place = new_name()
        places.append(place)
        store.put(session, case_id, place, sealed)
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


def open_part(session: Session, vault: Vault, store: Blobs, case_id: str, file_id: str, part: str) -> bytes | Fault:
    """The content of one part, checked; or what is wrong with it. Raises FileLost where no row names it, Sealed."""
    query = select(KeptFileRow).where(
        KeptFileRow.case_id == case_id, KeptFileRow.file_id == file_id, KeptFileRow.part == part
    )
    row = session.scalars(query).one_or_none()
    if row is None:
        raise FileLost(f"no {part} of file {file_id}")
    sealed = store.get(session, row.place)
    if (fault := _fault(row, sealed)) is not None or sealed is None:
        return fault or Fault(case_id, row.place, "missing")
    case_key = case_keys.case_key(session, vault, case_id)
    key = case_keys.object_key(session, vault, case_key, case_id, object_of(file_id))
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
    case_keys.destroy_object_key(session, case_id, object_of(file_id))
    session.execute(delete(KeptFileRow).where(*own))
    session.execute(delete(KeptBlobRow).where(KeptBlobRow.name.in_(places)))
    return places


def places_of_case(session: Session, case_id: str) -> tuple[str, ...]:
    """The files and papers of a case: for whoever erases it, to be removed once that is committed."""
    return tuple(
        place
        for row in _NAMING
        for place in session.scalars(select(row.place).where(row.case_id == case_id, row.place.is_not(None)))
        if place is not None
    )


def unnamed(session: Session, places: Iterable[str]) -> tuple[str, ...]:
    """Those of these files that no row names."""
    wanted, named = tuple(places), set[str | None]()
    for row in _NAMING:
        for start in range(0, len(wanted), _AT_ONCE):
            named.update(session.scalars(select(row.place).where(row.place.in_(wanted[start : start + _AT_ONCE]))))
    return tuple(place for place in wanted if place not in named)


@dataclass(frozen=True, slots=True)
class Named:
    """A file that a row names; `digest` of its sealed bytes, where the row says it."""

    place: str
    case_id: str
    digest: bytes | None


def named(session: Session, start: str = "") -> tuple[Named, ...]:
    """Every file that a row names, of those whose names begin so."""
    rows = session.scalars(select(KeptFileRow).where(beginning(KeptFileRow.place, start)))
    found = [Named(row.place, row.case_id, row.digest) for row in rows]
    for paper in (HandedPaperRow, PreparedPaperRow):
        query = select(paper.place, paper.case_id).where(beginning(paper.place, start))
        found += (Named(place, case_id, None) for place, case_id in session.execute(query) if place is not None)
    return tuple(sorted(found, key=lambda one: one.place))


# ---- alarms and the sweep --------------------------------------------------------------------------------------------


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


def alarms(session: Session) -> tuple[FileAlarmRow, ...]:
    """What was found, the latest first."""
    return tuple(session.scalars(select(FileAlarmRow).order_by(FileAlarmRow.at.desc(), FileAlarmRow.id)))


def faults(realm: Store, store: Blobs, *, night: int | None = None) -> tuple[Fault, ...]:
    """Every row whose file is missing or altered; reads each file once.

    `night`: its number. Where reading all is dear, only a part is read then, and names and sizes are compared of all.
    """
    found: list[Fault] = []
    for start in STARTS:
        query = select(KeptFileRow).where(beginning(KeptFileRow.place, start)).order_by(KeptFileRow.place)
        with realm.reading() as session:
            rows = session.scalars(query).all()
            if night is None or store.reads_are_cheap:
                found += (fault for row in rows if (fault := _fault(row, store.get(session, row.place))) is not None)
            elif rows:
                lying = {one.name: one for one in store.names(start)}
                found += _faults_of_night(session, store, rows, lying, night)
    return tuple(found)


def _faults_of_night(
    session: Session, store: Blobs, rows: Iterable[KeptFileRow], lying: Mapping[str, Lying], night: int
) -> Iterator[Fault]:
    for row in rows:
        known = lying.get(row.place)
        if known is None:
            yield Fault(row.case_id, row.place, "missing")
        elif known.size != row.size:
            yield Fault(row.case_id, row.place, "altered")
        elif int(row.place[:8], 16) % _MONTH == night % _MONTH:
            fault = _fault(row, store.get(session, row.place))
            if fault is not None:
                yield fault


def swept(session: Session, started_at: datetime, finished_at: datetime) -> None:
    """Every file was looked at; that takes the place of the time before."""
    session.merge(FileSweepRow(place=1, started_at=started_at, finished_at=finished_at))
    session.flush()


def last_sweep(session: Session) -> datetime | None:
    """When the latest look at every file began, of those that came to their end."""
    return session.scalar(select(FileSweepRow.started_at))


def remove_strays(realm: Store, store: Blobs, now: datetime) -> int:
    """Remove files that no row names and that are a day old; returns how many."""
    gone = 0
    for start in STARTS:
        old = [one.name for one in store.names(start) if one.at is None or one.at < now - _LEFT]
        if not old:
            continue
        with realm.reading() as session:  # begun after the look: what came with its row has its row by now
            strays = unnamed(session, old)
        store.delete(strays)
        gone += len(strays)
    return gone
