"""Signed-in browsers, kept by the hash of their token; and the attempts to sign in, so that guessing gets slow."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from school_protocol.storage.tables import AccountRow, ThrottleRow, WebSessionRow, new_id

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
CLOCK_SLACK = timedelta(seconds=60)
SEEN_STEP = timedelta(minutes=1)
"""A session that was seen less than this ago isn't written again."""


@dataclass(frozen=True, slots=True)
class WebSession:
    """One signed-in browser."""

    account: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str


def open_web_session(session: Session, account: str, *, now: datetime, user_agent: str = "") -> str:
    """A new session; returns its token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    row = WebSessionRow(
        token=_hashed(token),
        account=account,
        created_at=now,
        last_seen_at=now,
        expires_at=now + ABSOLUTE,
        user_agent="".join(character for character in user_agent if character.isprintable())[:120],
    )
    session.add(row)
    session.flush()
    return token


def web_session(session: Session, token: str, *, now: datetime) -> WebSession | None:
    """The session of a token, if it is neither idle, nor over, nor from the future, and its account active."""
    row = session.get(WebSessionRow, _hashed(token))
    if row is None or not _is_live(row, now):
        return None
    if not session.scalar(select(AccountRow.active).where(AccountRow.id == row.account)):
        return None
    return WebSession(row.account, row.created_at, row.last_seen_at, row.expires_at, row.user_agent)


def account_behind(session: Session, token: str) -> str | None:
    """Whose session this was, though it be over: so that what was typed can be kept for them, and nothing else."""
    row = session.get(WebSessionRow, _hashed(token))
    return row.account if row is not None else None


def is_worth_touching(found: WebSession, now: datetime) -> bool:
    """Whether it is long enough ago that the session was seen to write it down again."""
    return now - found.last_seen_at >= SEEN_STEP


def touch_web_session(session: Session, token: str, *, now: datetime) -> None:
    """The session was seen again."""
    row = session.get(WebSessionRow, _hashed(token))
    if row is not None and now > row.last_seen_at:
        row.last_seen_at = now


def close_web_session(session: Session, token: str) -> None:
    """Signed out: the token is worth nothing from now on."""
    session.execute(delete(WebSessionRow).where(WebSessionRow.token == _hashed(token)))


def close_web_sessions(session: Session, account: str) -> None:
    """Sign somebody out everywhere (password changed, account closed)."""
    session.execute(delete(WebSessionRow).where(WebSessionRow.account == account))


def drop_web_sessions(session: Session, now: datetime) -> None:
    """Delete sessions that are over."""
    session.execute(delete(WebSessionRow).where(WebSessionRow.expires_at <= now))


def note_attempt(session: Session, subject: str, *, at: datetime) -> None:
    """Write down an attempt (before the password is checked); the subject is a username or an address."""
    session.add(ThrottleRow(id=new_id(), subject=_hashed(subject), at=at))
    session.flush()


def attempts_since(session: Session, subject: str, since: datetime) -> int:
    """How many attempts this subject made since then."""
    query = select(func.count()).where(ThrottleRow.subject == _hashed(subject), ThrottleRow.at >= since)
    return session.scalar(query) or 0


def forget_attempts(session: Session, subject: str) -> None:
    """Signed in: earlier failures count no more."""
    session.execute(delete(ThrottleRow).where(ThrottleRow.subject == _hashed(subject)))


def drop_attempts(session: Session, before: datetime) -> None:
    """Delete attempts made before that moment."""
    session.execute(delete(ThrottleRow).where(ThrottleRow.at < before))


def _is_live(row: WebSessionRow, now: datetime) -> bool:
    from_the_future = row.created_at > now + CLOCK_SLACK or row.last_seen_at > now + CLOCK_SLACK
    return not from_the_future and now < row.expires_at and now - row.last_seen_at < IDLE


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
