"""Repository of signing in: sessions, attempts, one-time codes, second factors, passkeys, former addresses."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from school_protocol.auth.models import (
    AccountRow,
    AppointmentRow,
    CodeSeedRow,
    FormerAddressRow,
    OneTimeCodeRow,
    OpenIdRow,
    PasskeyRow,
    RecoveryCodeRow,
    RestorationRow,
    ThrottleRow,
    TrustedBrowserRow,
    UnitRow,
    UsedChallengeRow,
    WebSessionRow,
)
from school_protocol.auth.repository import Account
from school_protocol.config import SESSION_IDLE, SESSION_LIFETIME
from school_protocol.engine.errors import Sealed
from school_protocol.storage.engines import DIRECTORY_VERSION, tell_version
from school_protocol.storage.models import is_genuine, new_id
from school_protocol.storage.sql import add_new, put_rows
from school_protocol.storage.vault import Vault

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Former:
    """Where an account was reached until `at`."""

    id: str
    account: str
    at: datetime
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)


def keep_address(session: Session, vault: Vault, before: Account, *, at: datetime) -> None:
    """Keep, sealed, where this account was reached before that moment; nothing where nobody was reached."""
    if not (before.email or before.phone):
        return
    row = FormerAddressRow(id=new_id(), account=before.id, at=at)
    row.master, row.wrapped = vault.wrap(json.dumps([before.email, before.phone]).encode(), row.label)
    session.add(row)
    session.flush()


def kept_address(session: Session, vault: Vault, *, until: datetime) -> tuple[Former, ...]:
    """All that are kept and stood until that moment or earlier, in order; those whose master key is gone are not."""
    query = select(FormerAddressRow).where(FormerAddressRow.at <= until)
    rows = session.scalars(query.order_by(FormerAddressRow.at, FormerAddressRow.id))
    return tuple(found for row in rows if (found := _opened(vault, row)) is not None)


def _opened(vault: Vault, row: FormerAddressRow) -> Former | None:
    try:
        email, phone = json.loads(vault.unwrap(row.master, row.wrapped, row.label))
    except Sealed:
        _log.error("an address that was changed can't be opened: nobody is told there")
        return None
    return Former(row.id, row.account, row.at, email, phone)


def forget_address(session: Session, ids: Collection[str]) -> None:
    """Delete these."""
    if ids:
        session.execute(delete(FormerAddressRow).where(FormerAddressRow.id.in_(ids)))


def forget_before(session: Session, before: datetime) -> None:
    """Delete what is older, told or not."""
    session.execute(delete(FormerAddressRow).where(FormerAddressRow.at < before))


# ---- accounts known elsewhere (OpenID) -----------------------------------------------------------------------------


def account_known_as(session: Session, issuer: str, subject: str) -> str | None:
    """The account that this provider's subject was linked to."""
    row: Any = session.get(OpenIdRow, (issuer, subject))
    return row.account if row is not None and is_genuine(session, OpenIdRow, row) else None


def subject_of(session: Session, issuer: str, account: str) -> str | None:
    """The subject by which this provider knows an account."""
    query = select(OpenIdRow.subject).where(OpenIdRow.issuer == issuer, OpenIdRow.account == account)
    return session.scalar(query)


def link(session: Session, issuer: str, subject: str, account: str, *, at: datetime) -> None:
    """From now on this subject of the provider is that account."""
    session.add(OpenIdRow(issuer=issuer, subject=subject, account=account, at=at))
    session.flush()


# ---- one-time codes, seeds, recovery codes, passkeys, known browsers -----------------------------------------------
# Hashes come in keyed; a seed comes in wrapped. Nothing here could be read and then used.

# ---- one-time codes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """A link or a code as it was given out."""

    account: str
    purpose: str
    made_by: str
    made_at: datetime
    expires_at: datetime


def keep_code(session: Session, code: OneTimeCode, hashed: bytes) -> None:
    """Keep a new code; those of the same purpose that the account was given before are worth nothing any more."""
    drop_codes(session, code.account, code.purpose)
    fields = {name: getattr(code, name) for name in OneTimeCode.__slots__}
    session.add(OneTimeCodeRow(id=new_id(), hashed=hashed, used_at=None, **fields))
    session.flush()


def find_code(session: Session, hashed: bytes, *, purposes: Collection[str], now: datetime) -> OneTimeCode | None:
    """A code for one of these purposes that is neither used nor too old, nor made in the future."""
    query = select(OneTimeCodeRow).where(OneTimeCodeRow.hashed == hashed, OneTimeCodeRow.purpose.in_(purposes))
    row = session.scalars(query).one_or_none()
    if row is None or row.used_at is not None or not row.made_at <= now < row.expires_at:
        return None
    return _code(row) if is_genuine(session, OneTimeCodeRow, row) else None


def use_code(session: Session, hashed: bytes, *, purposes: Collection[str], at: datetime) -> OneTimeCode | None:
    """The code, used up from now on; None where it was used before, is too old, or is for something else: it stays."""
    found = find_code(session, hashed, purposes=purposes, now=at)
    if found is None:
        return None
    unused = update(OneTimeCodeRow).where(
        OneTimeCodeRow.hashed == hashed, OneTimeCodeRow.purpose.in_(purposes), OneTimeCodeRow.used_at.is_(None)
    )
    done: int = session.execute(unused.values(used_at=at)).rowcount  # type: ignore[attr-defined]
    return found if done == 1 else None


def waiting_code(session: Session, account: str, purpose: str, *, now: datetime) -> OneTimeCode | None:
    """The code of that purpose that this account still holds, without its digits."""
    query = select(OneTimeCodeRow).where(
        OneTimeCodeRow.account == account,
        OneTimeCodeRow.purpose == purpose,
        OneTimeCodeRow.used_at.is_(None),
        OneTimeCodeRow.expires_at > now,
    )
    row = session.scalars(query.order_by(OneTimeCodeRow.made_at.desc())).first()
    return _code(row) if row else None


def drop_codes(session: Session, account: str, purpose: str | None = None) -> None:
    """The codes that an account holds are worth nothing any more: those of one purpose, or all."""
    unused = delete(OneTimeCodeRow).where(OneTimeCodeRow.account == account, OneTimeCodeRow.used_at.is_(None))
    session.execute(unused.where(OneTimeCodeRow.purpose == purpose) if purpose else unused)


def _code(row: OneTimeCodeRow) -> OneTimeCode:
    return OneTimeCode(row.account, row.purpose, row.made_by, row.made_at, row.expires_at)


# ---- the codes of a phone ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seed:
    """The seed of a phone's codes, in clear for as long as it is needed, and the last step that was used."""

    secret: str = field(repr=False)
    last_step: int
    created_at: datetime


def keep_seed(session: Session, vault: Vault, account: str, secret: str, *, step: int, at: datetime) -> None:
    """Keep the seed of somebody's codes in the place of the one before."""
    session.execute(delete(CodeSeedRow).where(CodeSeedRow.account == account))
    row = CodeSeedRow(account=account, last_step=step, created_at=at)
    row.master, row.wrapped = vault.wrap(secret.encode(), row.label)
    session.add(row)
    session.flush()


def seed_of(session: Session, vault: Vault, account: str) -> Seed | None:
    """The seed of somebody's codes; raises Sealed where its master key is gone."""
    row = session.get(CodeSeedRow, account)
    if row is None or not is_genuine(session, CodeSeedRow, row):
        return None
    return Seed(vault.unwrap(row.master, row.wrapped, row.label).decode(), row.last_step, row.created_at)


def use_step(session: Session, account: str, step: int) -> bool:
    """Note the step of a code that was accepted; False where it, or a later one, was used before."""
    later = update(CodeSeedRow).where(CodeSeedRow.account == account, CodeSeedRow.last_step < step)
    done: int = session.execute(later.values(last_step=step)).rowcount  # type: ignore[attr-defined]
    return done == 1


def drop_seed(session: Session, account: str) -> bool:
    """Take the codes of a phone away; whether there were any."""
    done: int = session.execute(delete(CodeSeedRow).where(CodeSeedRow.account == account)).rowcount  # type: ignore[attr-defined]
    return done > 0


def has_seed(session: Session, account: str) -> bool:
    return session.scalar(select(CodeSeedRow.account).where(CodeSeedRow.account == account)) is not None


# ---- recovery codes --------------------------------------------------------------------------------------------------


def keep_recovery(session: Session, account: str, hashes: Iterable[bytes]) -> None:
    """Keep new recovery codes in the place of those before."""
    drop_recovery(session, account)
    session.add_all(RecoveryCodeRow(id=new_id(), account=account, hashed=each, used_at=None) for each in hashes)
    session.flush()


def use_recovery(session: Session, account: str, hashed: bytes, *, at: datetime) -> bool:
    """Whether this is an unused recovery code of the account; from now on it is used."""
    unused = update(RecoveryCodeRow).where(
        RecoveryCodeRow.account == account, RecoveryCodeRow.hashed == hashed, RecoveryCodeRow.used_at.is_(None)
    )
    done: int = session.execute(unused.values(used_at=at)).rowcount  # type: ignore[attr-defined]
    return done == 1


def recovery_left(session: Session, account: str) -> int:
    """How many recovery codes of the account are unused."""
    unused = select(func.count()).where(RecoveryCodeRow.account == account, RecoveryCodeRow.used_at.is_(None))
    return session.scalar(unused) or 0


def drop_recovery(session: Session, account: str) -> None:
    session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.account == account))


# ---- passkeys --------------------------------------------------------------------------------------------------------


def keep_passkey(
    session: Session, passkey_id: str, account: str, public_key: bytes, *, sign_count: int, name: str, at: datetime
) -> None:
    """Keep a passkey's public half; its id is the credential's, in base64url."""
    row = PasskeyRow(
        id=passkey_id, account=account, public_key=public_key, sign_count=sign_count, name=name, created_at=at,
        used_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()


def passkey(session: Session, passkey_id: str) -> PasskeyRow | None:
    row = session.get(PasskeyRow, passkey_id)
    return row if row and is_genuine(session, PasskeyRow, row) else None


def passkeys(session: Session, account: str) -> tuple[PasskeyRow, ...]:
    """The passkeys of an account, oldest first."""
    query = select(PasskeyRow).where(PasskeyRow.account == account).order_by(PasskeyRow.created_at, PasskeyRow.id)
    return tuple(row for row in session.scalars(query) if is_genuine(session, PasskeyRow, row))


def use_passkey(session: Session, passkey_id: str, sign_count: int, *, at: datetime) -> None:
    """Note that a passkey was used, and how often it says that it was."""
    used = update(PasskeyRow).where(PasskeyRow.id == passkey_id)
    session.execute(used.values(sign_count=sign_count, used_at=at))


def drop_passkey(session: Session, account: str, passkey_id: str) -> bool:
    """Take one of the account's passkeys away; whether it was there."""
    own = delete(PasskeyRow).where(PasskeyRow.account == account, PasskeyRow.id == passkey_id)
    done: int = session.execute(own).rowcount  # type: ignore[attr-defined]
    return done > 0


def drop_passkeys(session: Session, account: str) -> None:
    session.execute(delete(PasskeyRow).where(PasskeyRow.account == account))


def use_challenge(session: Session, hashed: bytes, *, until: datetime) -> bool:
    """Whether this challenge was not answered before; from now on it is."""
    return add_new(session, UsedChallengeRow, hashed=hashed, expires_at=until)


# ---- known browsers --------------------------------------------------------------------------------------------------


def keep_browser(session: Session, hashed: bytes, account: str, *, until: datetime) -> None:
    """This person has signed in in that browser: it is known until then."""
    put_rows(session, TrustedBrowserRow(hashed=hashed, account=account, expires_at=until))


def is_known_browser(session: Session, hashed: bytes, account: str, *, now: datetime) -> bool:
    row = session.get(TrustedBrowserRow, (hashed, account))
    return row is not None and now < row.expires_at


def forget_browsers(session: Session, account: str) -> None:
    session.execute(delete(TrustedBrowserRow).where(TrustedBrowserRow.account == account))


# ---- a lost factor, restored by two people -------------------------------------------------------------------------


def ask_restoration(session: Session, account: str, by: str, *, at: datetime) -> str:
    """Somebody asks that this account's factors be set anew; an earlier asking is closed. Returns its id."""
    close_restorations(session, account, at=at)
    row = RestorationRow(id=new_id(), account=account, asked_by=by, asked_at=at, agreed_by=None, closed_at=None)
    session.add(row)
    session.flush()
    return row.id


def open_restoration(session: Session, account: str, *, since: datetime) -> RestorationRow | None:
    """What was asked since then for this account and is not closed."""
    query = select(RestorationRow).where(
        RestorationRow.account == account, RestorationRow.closed_at.is_(None), RestorationRow.asked_at >= since
    )
    row = session.scalars(query.order_by(RestorationRow.asked_at.desc())).first()
    return row if row is not None and is_genuine(session, RestorationRow, row) else None


def open_restorations(session: Session, *, since: datetime, limit: int) -> tuple[RestorationRow, ...]:
    """What was asked since then, is not closed, and nobody has agreed to; oldest first."""
    query = select(RestorationRow).where(
        RestorationRow.closed_at.is_(None), RestorationRow.agreed_by.is_(None), RestorationRow.asked_at >= since
    )
    return tuple(session.scalars(query.order_by(RestorationRow.asked_at).limit(limit)))


def agree_to_restoration(session: Session, restoration: str, by: str) -> bool:
    """A second person agrees; False where somebody did before, or it is the one who asked."""
    row = session.get(RestorationRow, restoration, with_for_update=True)
    if row is None or row.agreed_by is not None or row.closed_at is not None or row.asked_by == by:
        return False
    row.agreed_by = by
    session.flush()
    return True


def close_restorations(session: Session, account: str, *, at: datetime) -> None:
    waiting = select(RestorationRow).where(RestorationRow.account == account, RestorationRow.closed_at.is_(None))
    for row in session.scalars(waiting.with_for_update()):
        row.closed_at = at
    session.flush()


# ---- around an account -----------------------------------------------------------------------------------------------


def any_with_password(session: Session, roles: Collection[str]) -> bool:
    """Whether an active account that holds one of these roles can sign in with a password."""
    query = (
        select(AccountRow.id)
        .join(AppointmentRow, AppointmentRow.account == AccountRow.id)
        .where(AppointmentRow.role.in_(roles), AccountRow.active.is_(True), AccountRow.password_hash.is_not(None))
    )
    return session.scalar(query.limit(1)) is not None


def places_of(session: Session, account_id: str) -> tuple[str, ...]:
    """Names and codes of the units in which somebody is, or was, appointed."""
    query = select(UnitRow).where(
        UnitRow.id.in_(select(AppointmentRow.unit).where(AppointmentRow.account == account_id))
    )
    return tuple(text for row in session.scalars(query) for text in (row.code, *row.names.values()))


def names_of_places(session: Session) -> set[str]:
    """Names of all units, in every language, and of the towns where they lie."""
    rows = session.execute(select(UnitRow.names, UnitRow.city))
    return {text for names, city in rows for text in (*names.values(), city)}


# ---- what is over ----------------------------------------------------------------------------------------------------


def drop_over(session: Session, now: datetime) -> None:
    """Delete codes, challenges and known browsers whose time is over."""
    for row in (OneTimeCodeRow, UsedChallengeRow, TrustedBrowserRow):
        session.execute(delete(row).where(row.expires_at <= now))


# ---- signed-in browsers by the hash of their token; attempts to sign in --------------------------------------------

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
    session: Session, account: str, *, now: datetime, user_agent: str = "", stage: Stage = Stage.full,
    lifetime: timedelta = SESSION_LIFETIME,
) -> str:  # fmt: skip
    """A new session; returns its token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    row = WebSessionRow(
        token=_hashed(token),
        account=account,
        created_at=now,
        last_seen_at=now,
        expires_at=now + (lifetime if stage is Stage.full else PENDING),
        stage=stage.value,
        user_agent="".join(character for character in user_agent if character.isprintable())[:120],
    )
    session.add(row)
    session.flush()
    return token


def web_session(session: Session, token: str, *, now: datetime, idle: timedelta = SESSION_IDLE) -> WebSession | None:
    """The session of a token, if it is neither idle, nor over, nor from the future, and its account active."""
    row = session.execute(_OF_ACTIVE, {"hashed": _hashed(token)}).one_or_none()
    if row is not None:
        tell_version(session, row.directory_version)
    if row is None or not _is_live(row, now, idle) or not is_genuine(session, WebSessionRow, row):
        return None
    return _web_session(row)


_SESSIONS, _ACCOUNTS = WebSessionRow.__table__.c, AccountRow.__table__.c
_OF_ACTIVE = select(*_SESSIONS, DIRECTORY_VERSION.scalar_subquery().label("directory_version")).where(
    _SESSIONS.token == bindparam("hashed"), _SESSIONS.account == _ACCOUNTS.id, _ACCOUNTS.active.is_(True)
)


def web_sessions(
    session: Session, account: str, *, now: datetime, idle: timedelta = SESSION_IDLE
) -> tuple[WebSession, ...]:
    """Where somebody is signed in now, latest seen first."""
    query = select(WebSessionRow).where(WebSessionRow.account == account, WebSessionRow.stage == Stage.full.value)
    rows = session.scalars(query.order_by(WebSessionRow.last_seen_at.desc(), WebSessionRow.token))
    return tuple(_web_session(row) for row in rows if _is_live(row, now, idle))


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


def _is_live(row: Any, now: datetime, idle: timedelta) -> bool:
    from_the_future = row.created_at > now + CLOCK_SLACK or row.last_seen_at > now + CLOCK_SLACK
    return not from_the_future and now < row.expires_at and not _is_idle(row, now, idle)


def _is_idle(row: Any, now: datetime, idle: timedelta) -> bool:
    return bool(now - row.last_seen_at >= idle)


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
