"""Addresses under which calendars read somebody's due dates: one a person, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from school_protocol.storage.digests.tables import CalendarFeedRow
from school_protocol.storage.row_macs import is_genuine


@dataclass(frozen=True, slots=True)
class Feed:
    """Whose address it is, since when, and when it was last read."""

    account: str
    made_at: datetime
    read_at: datetime | None


def make(session: Session, account: str, *, at: datetime) -> str:
    """A new address in the place of the one before; returns its token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    session.merge(
        CalendarFeedRow(account=account, hashed=_hashed(token), made_at=at, read_at=None, counted_from=at, reads=0)
    )
    session.flush()
    return token


def end(session: Session, account: str) -> bool:
    """Take somebody's address away; whether there was one."""
    row = session.get(CalendarFeedRow, account)
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True


def of(session: Session, account: str) -> Feed | None:
    """Somebody's address, without what it is."""
    row = session.get(CalendarFeedRow, account)
    return Feed(row.account, row.made_at, row.read_at) if row is not None else None


def is_known(session: Session, token: str) -> bool:
    """Whether this is somebody's address."""
    return session.scalar(select(CalendarFeedRow.account).where(CalendarFeedRow.hashed == _hashed(token))) is not None


def read(session: Session, token: str, *, at: datetime, most: int, window: timedelta) -> tuple[Feed, bool] | None:
    """Whose address this is, and whether it may be read once more now: `most` times in a window. None: nobody's."""
    found = select(CalendarFeedRow).where(CalendarFeedRow.hashed == _hashed(token)).with_for_update()
    row = session.scalars(found).first()
    if row is None or not is_genuine(session, CalendarFeedRow, row):
        return None
    if not row.counted_from <= at < row.counted_from + window:
        row.counted_from, row.reads = at, 0
    if row.reads >= most:
        return Feed(row.account, row.made_at, row.read_at), False
    row.reads += 1
    row.read_at = at
    session.flush()
    return Feed(row.account, row.made_at, row.read_at), True


def _hashed(token: str) -> bytes:
    return hashlib.sha256(b"calendar\0" + token.encode("utf-8", "surrogatepass")).digest()
