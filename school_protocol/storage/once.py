"""Once, and not lost: one-time tokens (pressing twice records once), and sealed drafts of what was typed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from school_protocol.storage.tables import DraftRow, UsedTokenRow
from school_protocol.storage.vault import Vault

Outcome = Mapping[str, Any]
"""Where the first press led: ids and numbers only, never a typed word."""


def spent(session: Session, account: str, token: str) -> dict[str, Any] | None:
    """The outcome of an earlier use of this token by this account; None where it is unused."""
    row = session.get(UsedTokenRow, (account, _hashed(token)))
    return dict(row.outcome) if row is not None else None


def use(session: Session, account: str, token: str, outcome: Outcome, *, at: datetime) -> dict[str, Any] | None:
    """Use a token up in this transaction; returns None, or the first outcome where it was used before.

    A refused form rolls its transaction back and so uses no token up.
    """
    if (first := spent(session, account, token)) is not None:
        return first
    try:
        with session.begin_nested():
            session.add(UsedTokenRow(account=account, token=_hashed(token), at=at, outcome=dict(outcome)))
    except IntegrityError:
        return spent(session, account, token)
    return None


def settle(session: Session, account: str, token: str, outcome: Outcome) -> None:
    """Write the outcome of a token that this transaction has used up at its start."""
    row = session.get_one(UsedTokenRow, (account, _hashed(token)))
    row.outcome = dict(outcome)
    session.flush()


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
    session.merge(row)
    session.flush()


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
