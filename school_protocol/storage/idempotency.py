"""Once, and not lost: one-time tokens (pressing twice records once), and sealed drafts of what was typed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from school_protocol.engine.errors import SentBefore
from school_protocol.storage.models import DraftRow, UsedTokenRow
from school_protocol.storage.sql import add_new, put_rows
from school_protocol.storage.vault import Vault, canonical

Outcome = Mapping[str, Any]
"""Where the first press led: ids and numbers only, never a typed word."""

_SAID = "said"


@dataclass(frozen=True, slots=True)
class Press:
    """One sending of a form: who sent it, its one-time token, and a keyed digest of what it said."""

    account: str
    token: bytes
    said: str


def press(vault: Vault, account: str, token: str, *said: object) -> Press:
    """The press that `said` these plain values with that token."""
    return Press(account, _hashed(token), vault.chain("press-v1", canonical(list(said))).hex())


def spent(session: Session, press: Press) -> dict[str, Any] | None:
    """Where an earlier press of the same form led; None where its token is unused.

    Raises SentBefore where the earlier press said something else: what is said now must not be taken for recorded.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Two presses of one form at once: the second waits here until it can see what became of the first.
        number = int.from_bytes(hashlib.sha256(press.account.encode() + press.token).digest()[:8], signed=True)
        session.execute(select(func.pg_advisory_xact_lock(number)))
    kept = session.scalar(_OUTCOME, {"account": press.account, "token": press.token})
    if kept is None:
        return None
    outcome = {key: value for key, value in kept.items() if key != _SAID}
    if kept.get(_SAID, press.said) != press.said:
        raise SentBefore(outcome)
    return outcome


_TOKENS = UsedTokenRow.__table__.c
_OUTCOME = select(_TOKENS.outcome).where(_TOKENS.account == bindparam("account"), _TOKENS.token == bindparam("token"))


def use(session: Session, press: Press, outcome: Outcome, *, at: datetime) -> dict[str, Any] | None:
    """Use a token up in this transaction; returns None, or the first outcome where it was used before.

    A refused form rolls its transaction back and so uses no token up.
    """
    kept = {**outcome, _SAID: press.said}
    if add_new(session, UsedTokenRow, account=press.account, token=press.token, at=at, outcome=kept):
        return None
    return spent(session, press)


def drop_tokens(session: Session, before: datetime) -> None:
    """Forget tokens used before that moment."""
    session.execute(delete(UsedTokenRow).where(UsedTokenRow.at < before))


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


# ---- drafts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Draft:
    """Text that was typed and not recorded; `key` says where it belongs (a case and an act, say)."""

    key: str
    at: datetime
    answers: Mapping[str, Any]


def keep_draft(
    session: Session, vault: Vault, account: str, key: str, answers: Mapping[str, Any], *, at: datetime
) -> None:
    """Seal what this person typed, in place of an earlier draft of the same thing."""
    row = DraftRow(account=account, key=key, at=at)
    own = vault.new_case_key()
    row.master, row.wrapped = vault.wrap(own, row.label)
    row.sealed = vault.seal(own, row.label, answers)
    put_rows(session, row)


def draft(session: Session, vault: Vault, account: str, key: str) -> Draft | None:
    """The draft that this person left there."""
    row = session.get(DraftRow, (account, key))
    if row is None:
        return None
    own = vault.unwrap(row.master, row.wrapped, row.label)
    return Draft(row.key, row.at, vault.open_sealed(own, row.label, row.sealed))


def drafts_of(session: Session, account: str) -> tuple[tuple[str, datetime], ...]:
    """Where this person left drafts, and when, newest first."""
    query = select(DraftRow.key, DraftRow.at).where(DraftRow.account == account).order_by(DraftRow.at.desc())
    return tuple((row.key, row.at) for row in session.execute(query))


def drop_draft(session: Session, account: str, key: str) -> None:
    """Delete a draft and its key."""
    session.execute(delete(DraftRow).where(DraftRow.account == account, DraftRow.key == key))


def drop_drafts(session: Session, before: datetime) -> None:
    """Delete drafts left before that moment."""
    session.execute(delete(DraftRow).where(DraftRow.at < before))
