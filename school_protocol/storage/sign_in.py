"""Signed-in browsers, kept by the hash of their token; and the attempts to sign in, so that guessing gets slow."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from school_protocol.storage.row_macs import is_genuine
from school_protocol.storage.tables import AccountRow, ThrottleRow, WebSessionRow, new_id

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
PENDING = timedelta(minutes=15)
"""How long the second step of signing in may take."""
CLOCK_SLACK = timedelta(seconds=60)
SEEN_STEP = timedelta(minutes=1)
"""A session that was seen less than this ago isn't written again."""


class Stage(StrEnum):
    """How far somebody has come in proving who they are."""

    full = "full"
    factor = "factor"
    """The password was right; the second factor is awaited."""
    enrol = "enrol"
    """The password was right; a second factor must be set up first."""


@dataclass(frozen=True, slots=True)
class WebSession:
    """One signed-in browser. `handle` names it to its owner, and is worth nothing as a token."""

    account: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str
    stage: Stage = Stage.full
    handle: str = ""


def open_web_session(
    session: Session, account: str, *, now: datetime, user_agent: str = "", stage: Stage = Stage.full
) -> str:
    """A new session; returns its token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    row = WebSessionRow(
        token=_hashed(token),
        account=account,
        created_at=now,
        last_seen_at=now,
        expires_at=now + (ABSOLUTE if stage is Stage.full else PENDING),
        stage=stage.value,
        user_agent="".join(character for character in user_agent if character.isprintable())[:120],
    )
    session.add(row)
    session.flush()
    return token


def web_session(session: Session, token: str, *, now: datetime) -> WebSession | None:
    """The session of a token, if it is neither idle, nor over, nor from the future, and its account active."""
    row = session.execute(_OF_ACTIVE, {"hashed": _hashed(token)}).one_or_none()
    if row is None or not _is_live(row, now) or not is_genuine(session, WebSessionRow, row):
        return None
    return _web_session(row)


_SESSIONS, _ACCOUNTS = WebSessionRow.__table__.c, AccountRow.__table__.c
_OF_ACTIVE = select(*_SESSIONS).where(
    _SESSIONS.token == bindparam("hashed"), _SESSIONS.account == _ACCOUNTS.id, _ACCOUNTS.active.is_(True)
)


def web_sessions(session: Session, account: str, *, now: datetime) -> tuple[WebSession, ...]:
    """Where somebody is signed in now, latest seen first."""
    query = select(WebSessionRow).where(WebSessionRow.account == account, WebSessionRow.stage == Stage.full.value)
    rows = session.scalars(query.order_by(WebSessionRow.last_seen_at.desc(), WebSessionRow.token))
    return tuple(_web_session(row) for row in rows if _is_live(row, now))


def handle_of(token: str) -> str:
    """What names the session of this token to its owner."""
    return hashlib.sha256(b"handle\0" + _hashed(token)).hexdigest()[:32]


def _web_session(row: Any) -> WebSession:
    handle = hashlib.sha256(b"handle\0" + row.token).hexdigest()[:32]
    return WebSession(
        row.account, row.created_at, row.last_seen_at, row.expires_at, row.user_agent, Stage(row.stage), handle
    )


def account_behind(session: Session, token: str) -> str | None:
    """Whose session this was, though it be over: so that what was typed can be kept for them, and nothing else."""
    row = session.get(WebSessionRow, _hashed(token))
    return row.account if row is not None and row.stage == Stage.full.value else None


def is_worth_touching(found: WebSession, now: datetime) -> bool:
    """Whether it is long enough ago that the session was seen to write it down again."""
    return now - found.last_seen_at >= SEEN_STEP


def touch_web_session(session: Session, token: str, *, now: datetime) -> None:
    """The session was seen again."""
    seen = update(WebSessionRow).where(WebSessionRow.token == _hashed(token), WebSessionRow.last_seen_at < now)
    session.execute(seen.values(last_seen_at=now))


def close_web_session(session: Session, token: str) -> None:
    """Signed out: the token is worth nothing from now on."""
    session.execute(delete(WebSessionRow).where(WebSessionRow.token == _hashed(token)))


def close_handled(session: Session, account: str, handle: str) -> bool:
    """End one session of this person, named by its handle; whether there was one."""
    own = select(WebSessionRow).where(WebSessionRow.account == account)
    for row in session.scalars(own).all():
        if secrets.compare_digest(_web_session(row).handle, handle):
            session.delete(row)
            session.flush()
            return True
    return False


def close_web_sessions(session: Session, account: str) -> None:
    """Sign somebody out everywhere (password changed, account closed)."""
    session.execute(delete(WebSessionRow).where(WebSessionRow.account == account))


def drop_web_sessions(session: Session, now: datetime) -> None:
    """Delete sessions that are over."""
    session.execute(delete(WebSessionRow).where(WebSessionRow.expires_at <= now))


def note_attempt(session: Session, subject: str, *, at: datetime) -> str:
    """Write down an attempt (before the password is checked); the subject is a username or an address. Its id."""
    row = ThrottleRow(id=new_id(), subject=_hashed(subject), at=at)
    session.add(row)
    session.flush()
    return row.id


def latest_attempt(session: Session, subject: str, since: datetime) -> datetime | None:
    """When this subject was last tried, since then."""
    query = select(func.max(ThrottleRow.at)).where(ThrottleRow.subject == _hashed(subject), ThrottleRow.at >= since)
    return session.scalar(query)


def earliest_attempt(session: Session, subject: str, since: datetime) -> datetime | None:
    """When this subject was first tried, since then."""
    query = select(func.min(ThrottleRow.at)).where(ThrottleRow.subject == _hashed(subject), ThrottleRow.at >= since)
    return session.scalar(query)


def take_back_attempt(session: Session, attempt: str) -> None:
    """That attempt was no failure: it counts no more."""
    session.execute(delete(ThrottleRow).where(ThrottleRow.id == attempt))


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


def _is_live(row: Any, now: datetime) -> bool:
    from_the_future = row.created_at > now + CLOCK_SLACK or row.last_seen_at > now + CLOCK_SLACK
    return not from_the_future and now < row.expires_at and now - row.last_seen_at < IDLE


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
