"""Rows of the directory that let somebody in, and that no entry of administration has made."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select
from sqlalchemy.orm import Session

from school_protocol.storage.administration import Kind
from school_protocol.storage.identity_tables import PasskeyRow
from school_protocol.storage.tables import AdministrationRow, AppointmentRow

_ADDS, _TAKES = (Kind.passkey_added.value,), (Kind.passkey_removed.value,)


def appointed(session: Session) -> frozenset[str]:
    """Accounts with an appointment that nobody wrote down. Where none ever was, as in a demo: nobody is."""
    makes = AdministrationRow.kind.in_((Kind.appointed.value, Kind.stand_in_named.value))
    noted = select(AdministrationRow.appointment).where(AdministrationRow.appointment == AppointmentRow.id, makes)
    if (
        session.scalar(select(AdministrationRow.id).where(AdministrationRow.kind == Kind.appointed.value).limit(1))
        is None
    ):
        return frozenset()
    return frozenset(session.scalars(select(AppointmentRow.account).where(~noted.exists())))


def passkeys(session: Session) -> frozenset[str]:
    """Accounts with more passkeys than were written down since their ways in were last put back."""
    kept = Counter(session.scalars(select(PasskeyRow.account)))
    if not kept:
        return frozenset()
    kinds = (*_ADDS, *_TAKES, Kind.factors_restored.value)
    rows = session.execute(
        select(AdministrationRow.account, AdministrationRow.kind)
        .where(AdministrationRow.account.in_(list(kept)), AdministrationRow.kind.in_(kinds))
        .order_by(AdministrationRow.at, AdministrationRow.id)
    )
    left = Counter[str]()
    for account, kind in rows:
        left[account] = 0 if kind == Kind.factors_restored.value else left[account] + (1 if kind in _ADDS else -1)
    return frozenset(account for account, count in kept.items() if count > left[account])
