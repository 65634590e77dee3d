"""Documents of cases as files, sealed: those made ahead, copies kept for a day, and what was asked for lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from school_protocol.storage import keys
from school_protocol.storage.bulk_tables import PaperLookRow
from school_protocol.storage.paper_tables import AskedPaperRow, HandedPaperRow, PreparedPaperRow
from school_protocol.storage.vault import Vault, open_bytes, seal_bytes


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


# ---- made ahead ----------------------------------------------------------------------------------------------------


def keep_prepared(session: Session, vault: Vault, case_id: str, sort: Sort, made: Prepared) -> None:
    """Keep a file in the place of the one of its sort. Raises Sealed where the case was erased."""
    sealed = seal_bytes(keys.case_key(session, vault, case_id), sort.label(case_id), made.data)
    session.merge(
        PreparedPaperRow(
            case_id=case_id, document=sort.document, profile=sort.profile, language=sort.language, sight=sort.sight,
            content_seq=made.content_seq, at_seq=made.at_seq, as_of=made.as_of, until=made.until, sealed=sealed,
        )
    )  # fmt: skip
    session.flush()


def prepared(
    session: Session, vault: Vault, case_id: str, sort: Sort, content_seq: int, now: datetime
) -> Prepared | None:
    """The file of that sort, if it is of this content and still true."""
    row = session.get(PreparedPaperRow, (case_id, sort.document, sort.profile, sort.language, sort.sight))
    if row is None or row.content_seq != content_seq or not row.as_of <= now < row.until:
        return None
    data = open_bytes(keys.case_key(session, vault, case_id), sort.label(case_id), row.sealed)
    return Prepared(row.content_seq, row.at_seq, row.as_of, row.until, data)


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
    session: Session, vault: Vault, case_id: str, document: str, copy: int, data: bytes, until: datetime
) -> None:
    """Keep a copy as it was handed out."""
    sealed = seal_bytes(keys.case_key(session, vault, case_id), _copy_label(case_id, document, copy), data)
    session.add(HandedPaperRow(case_id=case_id, document=document, copy=copy, until=until, sealed=sealed))
    session.flush()


def kept_copy(session: Session, vault: Vault, case_id: str, document: str, copy: int) -> bytes | None:
    """That copy, as long as it is kept."""
    row = session.get(HandedPaperRow, (case_id, document, copy))
    if row is None:
        return None
    return open_bytes(keys.case_key(session, vault, case_id), _copy_label(case_id, document, copy), row.sealed)


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


def forget(session: Session, case_id: str) -> None:
    """No file of this case is kept any more: something in it was destroyed."""
    session.execute(delete(PreparedPaperRow).where(PreparedPaperRow.case_id == case_id))
    session.execute(delete(HandedPaperRow).where(HandedPaperRow.case_id == case_id))
    session.execute(delete(PaperLookRow).where(PaperLookRow.case_id == case_id))


def drop_outdated(session: Session, now: datetime) -> int:
    """Files that are true, or kept, no longer; returns how many."""
    gone = 0
    for row in (PreparedPaperRow, HandedPaperRow):
        gone += session.execute(delete(row).where(row.until <= now)).rowcount  # type: ignore[attr-defined]
    return gone
