"""Addresses that stood before they were changed, each wrapped by the master key until whoever reads there was told."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from school_protocol.domain.errors import Sealed
from school_protocol.storage.directory import Account
from school_protocol.storage.identity_tables import FormerAddressRow
from school_protocol.storage.tables import new_id
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


def keep(session: Session, vault: Vault, before: Account, *, at: datetime) -> None:
    """Keep, sealed, where this account was reached before that moment; nothing where nobody was reached."""
    if not (before.email or before.phone):
        return
    row = FormerAddressRow(id=new_id(), account=before.id, at=at)
    row.master, row.wrapped = vault.wrap(json.dumps([before.email, before.phone]).encode(), row.label)
    session.add(row)
    session.flush()


def kept(session: Session, vault: Vault, *, until: datetime) -> tuple[Former, ...]:
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


def forget(session: Session, ids: Collection[str]) -> None:
    """Delete these."""
    if ids:
        session.execute(delete(FormerAddressRow).where(FormerAddressRow.id.in_(ids)))


def forget_before(session: Session, before: datetime) -> None:
    """Delete what is older, told or not."""
    session.execute(delete(FormerAddressRow).where(FormerAddressRow.at < before))
