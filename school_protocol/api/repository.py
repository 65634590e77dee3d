"""Tokens of other systems as they are kept, and the readings by them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from school_protocol.api.models import ApiReadRow, ApiTokenRow
from school_protocol.auth.models import AccountRow
from school_protocol.auth.repository import add_account
from school_protocol.engine.errors import Unseen
from school_protocol.people import repository as people_repository
from school_protocol.storage.models import is_genuine, new_id
from school_protocol.storage.sql import before
from school_protocol.ui.routing import Right

# ---- how one is made -------------------------------------------------------------------------------------------------


def ask(
    session: Session, *, unit: str, name: str, rights: Iterable[Right], ends: date, by: str, at: datetime
) -> ApiTokenRow:
    """Somebody asks for a token; it is none yet."""
    said = " ".join(sorted(rights))
    row = ApiTokenRow(id=new_id(), unit=unit, name=name, rights=said, ends=ends, asked_by=by, asked_at=at)
    session.add(row)
    session.flush()
    return row


def agree(session: Session, token_id: str, by: str, *, at: datetime) -> None:
    """A second person agrees to it."""
    row = _row(session, token_id)
    row.agreed_by, row.agreed_at = by, at
    session.flush()


def draw(session: Session, token_id: str, hashed: bytes, *, language: str, at: datetime) -> None:
    """The token exists from now on: a hash of its keyed hash, and a closed account under which readings are noted."""
    row = _row(session, token_id)
    account = add_account(
        session, username=f"system-{row.id}", names={language: row.name}, language=language, created_at=at
    )
    session.get_one(AccountRow, account).active = False
    row.account, row.hashed, row.drawn_at = account, _kept(hashed), at
    session.flush()


def end(session: Session, token_id: str, by: str, *, at: datetime) -> None:
    """Nothing is read by it from now on."""
    row = _row(session, token_id)
    row.ended_by, row.ended_at = by, at
    session.flush()


def _row(session: Session, token_id: str) -> ApiTokenRow:
    row = session.get(ApiTokenRow, token_id, with_for_update=True)
    if row is None or row.ended_at is not None:
        raise Unseen(token_id)
    return row


# ---- seen ------------------------------------------------------------------------------------------------------------


def token(session: Session, token_id: str) -> ApiTokenRow | None:
    """The token of that id."""
    return session.get(ApiTokenRow, token_id)


def below(
    session: Session, units: Collection[str], *, today: date, are_over: bool, after: str = "", limit: int
) -> tuple[ApiTokenRow, ...]:
    """Those of these units and of all below them, newest first, from after the id of the page before."""
    over = or_(ApiTokenRow.ended_at.is_not(None), ApiTokenRow.ends < today)
    query = select(ApiTokenRow).where(ApiTokenRow.unit.in_(people_repository.below(units)), over if are_over else ~over)
    last = session.get(ApiTokenRow, after) if after else None
    if last is not None:
        query = query.where(before((ApiTokenRow.asked_at, ApiTokenRow.id), (last.asked_at, last.id)))
    return tuple(session.scalars(query.order_by(ApiTokenRow.asked_at.desc(), ApiTokenRow.id.desc()).limit(limit)))


def hashed_as(session: Session, hashed: bytes) -> ApiTokenRow | None:
    """The token whose keyed hash that is."""
    row = session.scalars(select(ApiTokenRow).where(ApiTokenRow.hashed == _kept(hashed))).first()
    return row if row is not None and is_genuine(session, ApiTokenRow, row) else None


def _kept(hashed: bytes) -> bytes:
    """What is kept of a keyed hash: whoever reads the row can't say the hash itself (see `row_security`)."""
    return hashlib.sha256(hashed).digest()


def held(session: Session, token_id: str) -> ApiTokenRow | None:
    """The token of that id, held for this transaction."""
    row = session.get(ApiTokenRow, token_id, with_for_update=True)
    return row if row is not None and is_genuine(session, ApiTokenRow, row) else None


# ---- read ------------------------------------------------------------------------------------------------------------


def note_read(session: Session, token_id: str, what: str, subject: str, *, at: datetime) -> None:
    """Something is about to be read by that token."""
    session.add(ApiReadRow(id=new_id(), token=token_id, at=at, what=what, subject=subject))
    session.get_one(ApiTokenRow, token_id).read_at = at
    session.flush()


def reads_of(session: Session, token_id: str, *, limit: int) -> tuple[ApiReadRow, ...]:
    """What was read by it, newest first."""
    query = select(ApiReadRow).where(ApiReadRow.token == token_id)
    return tuple(session.scalars(query.order_by(ApiReadRow.at.desc(), ApiReadRow.id.desc()).limit(limit)))


def count_reads(session: Session, token_id: str, *, since: datetime) -> int:
    """How often something was read by it since then."""
    query = select(func.count()).where(ApiReadRow.token == token_id, ApiReadRow.at >= since)
    return session.scalar(query) or 0
