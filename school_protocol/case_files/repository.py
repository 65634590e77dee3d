"""Repository of case files: what a copy names of a chain, what is to be made ahead, and documents as sealed files."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, func, or_, select, update

from school_protocol.case_files.models import AskedPaperRow, HandedPaperRow, PaperLookRow, PreparedPaperRow
from school_protocol.cases.models import CaseIndexRow
from school_protocol.engine.errors import Sealed
from school_protocol.storage import case_keys
from school_protocol.storage.blobs import Blobs, FilesAway, kept_at, new_name
from school_protocol.storage.engines import Session
from school_protocol.storage.journal import Head
from school_protocol.storage.master_keys import open_bytes, seal_bytes
from school_protocol.storage.models import EventRow
from school_protocol.storage.sql import add_new
from school_protocol.storage.vault import Vault


def case_at(session: Session, head: Head) -> str | None:
    """The case whose chain has this place; None if none has."""
    try:
        told = bytes.fromhex(head.hash)
    except ValueError:
        return None
    return session.scalar(select(EventRow.case_id).where(EventRow.seq == head.seq, EventRow.hash == told))


def has_place(session: Session, case_id: str, head: Head) -> bool:
    """Whether that case's chain has this place."""
    row = session.execute(select(EventRow.hash).where(EventRow.case_id == case_id, EventRow.seq == head.seq)).first()
    return row is not None and row.hash.hex() == head.hash


# ---- which case files are to be made ahead -------------------------------------------------------------------------
# Said by what was asked for lately, index rows and what was looked at.


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked for lately of cases like this one, as the case stands after event `seq`."""

    case_id: str
    account: str
    document: str
    profile: str
    language: str
    seq: int
    tries: int = 0
    """How often it was begun since the case last moved, and did not come to its end."""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        return self.case_id, self.account, self.document, self.profile, self.language


def wanted(
    session: Session, *, asked_since: datetime, quiet_since: datetime, now: datetime, limit: int
) -> Sequence[Wanted]:
    """Open cases that nobody has written to since `quiet_since`, with what is to be looked at in them now.

    Those that failed before come last, then what was asked for first: latest first.
    """
    look, asked, case = PaperLookRow, AskedPaperRow, CaseIndexRow
    seen = and_(
        look.case_id == case.case_id, look.account == asked.account, look.document == asked.document,
        look.profile == asked.profile, look.language == asked.language,
    )  # fmt: skip
    tries = func.coalesce(look.tries, 0)
    query = (
        select(
            case.case_id, asked.account, asked.document, asked.profile, asked.language, case.last_seq, tries, look.seq
        )
        .join(case, and_(case.unit == asked.unit, case.ended.is_(False)))
        .join(EventRow, and_(EventRow.case_id == case.case_id, EventRow.seq == case.last_seq))
        .outerjoin(look, seen)
        .where(asked.at >= asked_since, EventRow.at <= quiet_since)
        .where(or_(look.case_id.is_(None), look.seq != case.last_seq, look.until <= now))
        .order_by(tries, asked.at.desc(), case.case_id, asked.account, asked.document, asked.profile, asked.language)
        .limit(limit)
    )
    return [
        Wanted(case_id, account, document, profile, language, seq, tried if looked == seq else 0)
        for case_id, account, document, profile, language, seq, tried, looked in session.execute(query)
    ]


def begin_look(session: Session, one: Wanted, until: datetime) -> bool:
    """Whether this worker is the one that looks; nobody else does before `until`, and it counts as a try till `end`."""
    row = session.get(PaperLookRow, one.key, with_for_update=True, populate_existing=True)
    before = row.tries if row is not None and row.seq == one.seq else 0
    if before != one.tries:
        return False
    if row is None:
        return _is_first(session, one, until)
    row.seq, row.until, row.tries = one.seq, until, one.tries + 1
    session.flush()
    return True


def _is_first(session: Session, one: Wanted, until: datetime) -> bool:
    """Whether nobody began to look at the same moment: a row that isn't there yet can't be locked."""
    case_id, account, document, profile, language = one.key
    return add_new(
        session, PaperLookRow, case_id=case_id, account=account, document=document, profile=profile,
        language=language, seq=one.seq, until=until, tries=one.tries + 1,
    )  # fmt: skip


def end_look(session: Session, one: Wanted, until: datetime, *, failed: bool = False) -> None:
    """It was looked at: nothing is to be done before `until`, unless the case moves."""
    row = session.get(PaperLookRow, one.key, populate_existing=True)
    if row is not None and row.seq == one.seq:
        row.until, row.tries = until, row.tries if failed else 0
        session.flush()


def forget_look(session: Session, one: Wanted) -> None:
    """It was not looked at after all: the next one to come does."""
    case_id, account, document, profile, language = one.key
    row = PaperLookRow
    session.execute(
        delete(row).where(
            row.case_id == case_id, row.account == account, row.document == document, row.profile == profile,
            row.language == language,
        )
    )  # fmt: skip


def drop_looks(session: Session, before: datetime) -> None:
    """Forget what was due before that moment and was not looked at: its case ended, or nobody asks any more."""
    session.execute(delete(PaperLookRow).where(PaperLookRow.until < before))


# ---- documents as sealed files: made ahead, kept for a day, asked for lately ---------------------------------------

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
    sealed = seal_bytes(case_keys.case_key(session, vault, case_id), sort.label(case_id), content)
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
        data = _opened(session, blobs, row, case_keys.case_key(session, vault, case_id), sort.label(case_id))
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


# ---- copies --------------------------------------------------------------------------------------------------------


def keep_copy(
    session: Session, vault: Vault, case_id: str, document: str, copy: int, laid: Laid, until: datetime
) -> None:
    """Keep a copy as it was handed out."""
    place, content = _row_of(session, laid)
    sealed = seal_bytes(case_keys.case_key(session, vault, case_id), _copy_label(case_id, document, copy), content)
    session.add(HandedPaperRow(case_id=case_id, document=document, copy=copy, until=until, sealed=sealed, place=place))
    session.flush()


def kept_copy(session: Session, vault: Vault, blobs: Blobs, case_id: str, document: str, copy: int) -> bytes | None:
    """That copy, as long as it is kept. Raises FilesAway."""
    row = session.get(HandedPaperRow, (case_id, document, copy))
    if row is None:
        return None
    return _opened(
        session, blobs, row, case_keys.case_key(session, vault, case_id), _copy_label(case_id, document, copy)
    )


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


def note_asked(
    session: Session, *, unit: str, account: str, document: str, profile: str, language: str, at: datetime
) -> None:
    """This person asked for that document of a case of this school: the like is made ahead for them."""
    session.merge(
        AskedPaperRow(unit=unit, account=account, document=document, profile=profile, language=language, at=at)
    )
    session.flush()


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
