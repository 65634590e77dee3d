"""Rows that entries of administration made, and that are not there: somebody took them away from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from school_protocol.auth.models import AccountRow, AppointmentRow, CodeSeedRow, PasskeyRow, UnitRow
from school_protocol.people.models import ContactRow
from school_protocol.statistics.models import FigureReleaseRow
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.models import AdministrationRow

_MADE: tuple[tuple[Kind, InstrumentedAttribute[Any], InstrumentedAttribute[Any]], ...] = (
    (Kind.account_created, AdministrationRow.account, AccountRow.id),
    (Kind.appointed, AdministrationRow.appointment, AppointmentRow.id),
    (Kind.unit_created, AdministrationRow.unit, UnitRow.id),
    (Kind.contact_added, AdministrationRow.draft, ContactRow.id),
    (Kind.figures_issued, AdministrationRow.draft, FigureReleaseRow.id),
)
_FACTORS: dict[str, tuple[type[CodeSeedRow | PasskeyRow], int]] = {
    Kind.code_factor_set.value: (CodeSeedRow, 1),
    Kind.code_factor_removed.value: (CodeSeedRow, 0),
    Kind.passkey_added.value: (PasskeyRow, 1),
    Kind.passkey_removed.value: (PasskeyRow, -1),
}
"""What an entry makes of somebody's second factors: a phone is set or not, passkeys are counted."""


def missing(session: Session) -> Iterator[str]:
    """Table and key of each row that an entry made, and of each account one of whose second factors is missing."""
    for kind, noted, key in _MADE:
        query = select(noted).outerjoin(key.class_, key == noted)
        said = query.where(AdministrationRow.kind == kind.value, noted.is_not(None), key.is_(None))
        for one in session.scalars(said.distinct().order_by(noted)):
            yield f"{key.class_.__tablename__} {one}"
    yield from _factors(session)


def _factors(session: Session) -> Iterator[str]:
    noted: dict[type[CodeSeedRow | PasskeyRow], Counter[str]] = {CodeSeedRow: Counter(), PasskeyRow: Counter()}
    kinds = (*_FACTORS, Kind.factors_restored.value)
    query = select(AdministrationRow.account, AdministrationRow.kind).where(AdministrationRow.kind.in_(kinds))
    for account, kind in session.execute(query.order_by(AdministrationRow.at, AdministrationRow.id)):
        if kind == Kind.factors_restored.value:
            noted[CodeSeedRow][account] = noted[PasskeyRow][account] = 0
            continue
        table, by = _FACTORS[kind]
        noted[table][account] = by if table is CodeSeedRow else noted[table][account] + by
    for table, counts in noted.items():
        kept = Counter(session.scalars(select(table.account)))
        yield from (f"{table.__tablename__} {one}" for one in sorted(counts) if kept[one] < counts[one])
