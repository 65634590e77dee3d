"""Who read what of a case, when, and why: rows written in the reader's own transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from school_protocol.storage.chains_tables import AccessBatchRow
from school_protocol.storage.keyset import before
from school_protocol.storage.tables import AccessRow, new_id

_CODE = re.compile(r"[A-Za-z0-9_.:-]{0,80}")


@dataclass(frozen=True, slots=True)
class Access:
    """One reading. `reason` is a code or the number of an event that says why."""

    id: str
    case_id: str
    account: str
    at: datetime
    what: str
    reason: str


def note(session: Session, *, case_id: str, account: str, at: datetime, what: str, reason: str = "") -> None:
    """Record a reading. Typed reasons belong into a sealed event; here stand codes only."""
    if not _CODE.fullmatch(what) or not _CODE.fullmatch(reason):
        raise ValueError("an access row holds codes only")
    place = _next_place(session)
    session.add(AccessRow(id=new_id(), case_id=case_id, account=account, at=at, what=what, reason=reason, place=place))
    session.flush()


WRITERS = 7_241_002_027
"""PostgreSQL's advisory lock: whoever notes an access shares it, whoever closes a batch has it alone."""


def _next_place(session: Session) -> int:
    """After every other one. PostgreSQL gives it under the shared lock: once nobody holds that, no place is late."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock_shared(WRITERS)))
        return int(session.scalars(select(func.nextval("access_place"))).one())
    last = session.scalar(select(func.max(AccessRow.place))) or 0
    closed = session.scalar(select(func.max(AccessBatchRow.last_place))) or 0
    return max(last, closed) + 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last reading of a page: the next page begins after it."""

    at: datetime
    id: str

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC).isoformat()}~{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """A cursor as it came back in an address; None where it isn't one."""
        moment, _, access_id = text.partition("~")
        try:
            found = datetime.fromisoformat(moment)
            in_reach = found.utcoffset() is not None and found.astimezone(UTC) is not None
        except (ValueError, OverflowError):
            return None
        is_id = access_id.isascii() and access_id.isalnum() and len(access_id) <= 40
        return cls(found, access_id) if in_reach and is_id else None


def of_case(
    session: Session, case_id: str, *, limit: int, after: Access | Cursor | None = None, account: str | None = None
) -> tuple[Access, ...]:
    """Who read this case, newest first, from after the last one of the page before; of one person alone, if wanted."""
    query = select(AccessRow).where(AccessRow.case_id == case_id)
    if account is not None:
        query = query.where(AccessRow.account == account)
    if after is not None:
        query = query.where(before((AccessRow.at, AccessRow.id), (after.at, after.id)))
    rows = session.scalars(query.order_by(AccessRow.at.desc(), AccessRow.id.desc()).limit(limit))
    return tuple(Access(row.id, row.case_id, row.account, row.at, row.what, row.reason) for row in rows)


def has_read(session: Session, case_id: str, account: str, *, what: str | None = None) -> bool:
    """Whether this person has read this case before, or that part of it."""
    query = select(AccessRow.id).where(AccessRow.case_id == case_id, AccessRow.account == account)
    if what is not None:
        query = query.where(AccessRow.what == what)
    return session.scalar(query.limit(1)) is not None
