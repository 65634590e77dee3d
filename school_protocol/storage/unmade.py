"""Rows of the directory that let somebody in, and that no entry of administration has made."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from school_protocol.storage.administration import Kind
from school_protocol.storage.identity_tables import PasskeyRow
from school_protocol.storage.tables import AdministrationRow, AppointmentRow

_MAKES = (Kind.appointed.value, Kind.stand_in_named.value)
_WAYS_IN = {Kind.passkey_added.value: 1, Kind.passkey_removed.value: -1}
"""By how many passkeys an entry changes what somebody has; `factors_restored` takes them all."""


def appointed(session: Session) -> frozenset[str]:
    """Accounts with an appointment that nobody wrote down. Where none ever was, as in a demo: nobody is."""
    kinds = AdministrationRow.kind
    if not session.scalar(select(select(AdministrationRow).where(kinds == Kind.appointed.value).exists())):
        return frozenset()
    made = exists().where(AdministrationRow.appointment == AppointmentRow.id, kinds.in_(_MAKES))
    return frozenset(session.scalars(select(AppointmentRow.account).where(~made)))


def passkeys(session: Session) -> frozenset[str]:
    """Accounts with more passkeys than were written down since their ways in were last put back."""
    kept = Counter(session.scalars(select(PasskeyRow.account)))
    rows = session.execute(
        select(AdministrationRow.account, AdministrationRow.kind)
        .where(
            AdministrationRow.account.in_(list(kept)),
            AdministrationRow.kind.in_((*_WAYS_IN, Kind.factors_restored.value)),
        )
        .order_by(AdministrationRow.at, AdministrationRow.id)
    )
    noted = Counter[str]()
    for account, kind in rows:
        noted[account] = noted[account] + _WAYS_IN[kind] if kind in _WAYS_IN else 0
    return frozenset(account for account, count in kept.items() if count > noted[account])
