"""Documents of cases as files, sealed: those made ahead, copies kept for a day, and what was asked for lately."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from school_protocol.domain.errors import Sealed
from school_protocol.storage import keys
from school_protocol.storage.blobs.blobs import Blobs, FilesAway, kept_at, new_name
from school_protocol.storage.paper_tables import AskedPaperRow, HandedPaperRow, PreparedPaperRow
from school_protocol.storage.vault import Vault, open_bytes, seal_bytes

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sort:
    """Which document, for which readers, in which language; `sight`: a digest of whose eyes it was made for."""

    document: str
    profile: str
    language: str
    sight: str

    def label(self, case_id: str) -> str:
        return f"prepared:{case_id}:{self.document}:{self.profile}:{self.language}:{self.sight}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file made ahead: of the content up to `content_seq`, true as of a moment and until another.

    `at_seq`: number of the latest event that it knows of, readings among them.
    """

    content_seq: int
    at_seq: int
    as_of: datetime
    until: datetime
    data: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked lately for which document of the cases of a school."""

    unit: str
    account: str
    document: str
    profile: str
    language: str


@dataclass(frozen=True, slots=True)
class Laid:
    """A document on its way into a row: with its row, or put where files lie already, under a key of its own."""

    data: bytes
    place: str | None = None
    at: str = ""
    key: bytes = b""


def lay(blobs: Blobs, case_id: str, data: bytes) -> Laid:
    """Put a document where files lie, before the transaction that keeps it; with its row where that is not the way,
    or can't be done now."""
    if not blobs.holds_papers:
        return Laid(data)
    place, key = new_name(), secrets.token_bytes(32)
    try:
        blobs.put(None, case_id, place, seal_bytes(key, _label(place), data))
    except FilesAway:
        return Laid(data)
    return Laid(data, place, blobs.address, key)


def _label(place: str) -> str:
    return f"paper:{place}"


def _row_of(session: Session, laid: Laid) -> tuple[str | None, bytes]:
    """Where the document lies, and what is sealed into its row. Files that were moved meanwhile don't count."""
    if laid.place is None or kept_at(session) != laid.at:
        return None, laid.data
    return laid.place, laid.key


def _opened(
    session: Session, blobs: Blobs, row: HandedPaperRow | PreparedPaperRow, case_key: bytes, label: str
) -> bytes | None:
    """The document of a row; None where it lies elsewhere and is not what it was. Raises Sealed, FilesAway."""
    sealed = open_bytes(case_key, label, row.sealed)
    if row.place is None:
        return sealed
    found = blobs.get(session, row.place)
    try:
        if found is not None:
            return open_bytes(sealed, _label(row.place), found)
    except Sealed:
        pass
    _log.error("a document is %s: %s", "missing" if found is None else "altered", row.place)
    return None


# ---- made ahead ----------------------------------------------------------------------------------------------------


def keep_prepared(
    session: Session, vault: Vault, case_id: str, sort: Sort, made: Prepared, laid: Laid | None = None
) -> tuple[str, ...]:
    """Keep a file in the place of the one of its sort; says what is to be taken away once that is committed.

    Raises Sealed where the case was erased.
    """
    place, content = _row_of(session, laid or Laid(made.data))
    sealed = seal_bytes(keys.case_key(session, vault, case_id), sort.label(case_id), content)
    former = session.get(PreparedPaperRow, (case_id, sort.document, sort.profile, sort.language, sort.sight))
    gone = (former.place,) if former is not None and former.place is not None else ()
    session.merge(
        PreparedPaperRow(
            case_id=case_id, document=sort.document, profile=sort.profile, language=sort.language, sight=sort.sight,
            content_seq=made.content_seq, at_seq=made.at_seq, as_of=made.as_of, until=made.until, sealed=sealed,
            place=place,
        )
    )  # fmt: skip
    session.flush()
    return gone


def prepared(
    session: Session, vault: Vault, blobs: Blobs, case_id: str, sort: Sort, content_seq: int, now: datetime
) -> Prepared | None:
    """The file of that sort, if it is of this content, still true, and can be read now."""
    row = session.get(PreparedPaperRow, (case_id, sort.document, sort.profile, sort.language, sort.sight))
    if row is None or row.content_seq != content_seq or not row.as_of <= now < row.until:
        return None
    try:
        data = _opened(session, blobs, row, keys.case_key(session, vault, case_id), sort.label(case_id))
    except FilesAway:
        data = None
    return Prepared(row.content_seq, row.at_seq, row.as_of, row.until, data) if data is not None else None


def prepared_until(session: Session, case_id: str, sort: Sort, content_seq: int, now: datetime) -> datetime | None:
    """Until when `prepared` finds a file of that sort, without opening it; None where it finds none."""
    key = (
        PreparedPaperRow.case_id == case_id, PreparedPaperRow.document == sort.document,
        PreparedPaperRow.profile == sort.profile, PreparedPaperRow.language == sort.language,
        PreparedPaperRow.sight == sort.sight,
    )  # fmt: skip
    true = (PreparedPaperRow.content_seq == content_seq, PreparedPaperRow.as_of <= now, PreparedPaperRow.until > now)
    return session.scalar(select(PreparedPaperRow.until).where(*key, *true))


def is_prepared(session: Session, case_id: str, sort: Sort, content_seq: int, now: datetime) -> bool:
    """Whether `prepared` would find one, without opening it."""
    return prepared_until(session, case_id, sort, content_seq, now) is not None


# ---- copies --------------------------------------------------------------------------------------------------------


def keep_copy(
    session: Session, vault: Vault, case_id: str, document: str, copy: int, laid: Laid, until: datetime
) -> None:
    """Keep a copy as it was handed out."""
    place, content = _row_of(session, laid)
    sealed = seal_bytes(keys.case_key(session, vault, case_id), _copy_label(case_id, document, copy), content)
    session.add(HandedPaperRow(case_id=case_id, document=document, copy=copy, until=until, sealed=sealed, place=place))
    session.flush()


def kept_copy(session: Session, vault: Vault, blobs: Blobs, case_id: str, document: str, copy: int) -> bytes | None:
    """That copy, as long as it is kept. Raises FilesAway."""
    row = session.get(HandedPaperRow, (case_id, document, copy))
    if row is None:
        return None
    return _opened(session, blobs, row, keys.case_key(session, vault, case_id), _copy_label(case_id, document, copy))


def keep_copy_until(session: Session, case_id: str, document: str, copy: int, until: datetime) -> None:
    """Keep that copy for so long, where it is kept still."""
    own = (HandedPaperRow.case_id == case_id, HandedPaperRow.document == document, HandedPaperRow.copy == copy)
    session.execute(update(HandedPaperRow).where(*own).values(until=until))


def drop_copy(session: Session, case_id: str, document: str, copy: int) -> None:
    """That copy is kept no longer."""
    own = (HandedPaperRow.case_id == case_id, HandedPaperRow.document == document, HandedPaperRow.copy == copy)
    session.execute(delete(HandedPaperRow).where(*own))


def _copy_label(case_id: str, document: str, copy: int) -> str:
    return f"copy:{case_id}:{document}:{copy}"


# ---- asked for -----------------------------------------------------------------------------------------------------


def note_asked(session: Session, asked: Asked, at: datetime) -> None:
    session.merge(
        AskedPaperRow(
            unit=asked.unit, account=asked.account, document=asked.document, profile=asked.profile,
            language=asked.language, at=at,
        )
    )  # fmt: skip
    session.flush()


def asked_since(session: Session, since: datetime) -> Sequence[Asked]:
    """What was asked for since then, of each school by each person."""
    rows = session.scalars(select(AskedPaperRow).where(AskedPaperRow.at >= since).order_by(AskedPaperRow.unit))
    return [Asked(row.unit, row.account, row.document, row.profile, row.language) for row in rows]


# ---- gone ----------------------------------------------------------------------------------------------------------


def outdated_places(session: Session, now: datetime) -> tuple[str, ...]:
    """Where documents lie that are true, or kept, no longer: to be taken away once their rows are gone."""
    return tuple(
        place
        for row in (PreparedPaperRow, HandedPaperRow)
        for place in session.scalars(select(row.place).where(row.until <= now, row.place.is_not(None)))
        if place is not None
    )


def drop_outdated(session: Session, now: datetime) -> int:
    """Files that are true, or kept, no longer; returns how many."""
    gone = 0
    for row in (PreparedPaperRow, HandedPaperRow):
        gone += session.execute(delete(row).where(row.until <= now)).rowcount  # type: ignore[attr-defined]
    return gone
