"""Who read what of a case, when, and why: rows written in the reader's own transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

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
    session.add(AccessRow(id=new_id(), case_id=case_id, account=account, at=at, what=what, reason=reason))
    session.flush()


def of_case(session: Session, case_id: str, *, limit: int, after: Access | None = None) -> tuple[Access, ...]:
    """Who read this case, newest first, from after the last one of the page before."""
    query = select(AccessRow).where(AccessRow.case_id == case_id)
    if after is not None:
        query = query.where(before((AccessRow.at, AccessRow.id), (after.at, after.id)))
    rows = session.scalars(query.order_by(AccessRow.at.desc(), AccessRow.id.desc()).limit(limit))
    return tuple(Access(row.id, row.case_id, row.account, row.at, row.what, row.reason) for row in rows)


def has_read(session: Session, case_id: str, account: str) -> bool:
    """Whether this person has read this case before."""
    query = select(AccessRow.id).where(AccessRow.case_id == case_id, AccessRow.account == account).limit(1)
    return session.scalar(query) is not None
