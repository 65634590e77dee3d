"""Copies of what is kept of one person of a case: asked for by one, let go by another; and requests that wait."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Scope
from school_protocol.storage.index import where_visible
from school_protocol.storage.index_tables import CaseDueRow, CaseIndexRow
from school_protocol.storage.keyset import beyond
from school_protocol.storage.retention_tables import AccessExportRow
from school_protocol.storage.row_macs import is_genuine
from school_protocol.storage.tables import new_id

WAITING, APPROVED, REFUSED = "waiting", "approved", "refused"


@dataclass(frozen=True, slots=True)
class Export:
    """One copy that was asked for; `person` is a slot of the case, `seq` the entry that asks for it."""

    id: str
    case_id: str
    person: str
    asked_by: str
    asked_at: datetime
    seq: int
    state: str
    settled_by: str | None
    settled_at: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """A request about somebody's own data that waits for its answer: of which case, and until when."""

    case_id: str
    number: str
    unit: str
    key: str
    subject: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last line of a page."""

    due_at: datetime
    case_id: str

    def __str__(self) -> str:
        return f"{self.due_at.isoformat()}~{self.case_id}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """A cursor as it came back in an address; None where it isn't one."""
        moment, _, case_id = text.partition("~")
        try:
            found = datetime.fromisoformat(moment)
        except ValueError:
            return None
        if found.utcoffset() is None or not case_id.isascii() or not case_id.isalnum() or len(case_id) > 40:
            return None
        return cls(found, case_id)


def requests(
    session: Session, scope: Scope, keys: Collection[str], *, today: date, limit: int, after: Cursor | None = None
) -> tuple[tuple[Request, ...], Cursor | None]:
    """The counts of these deadlines that run in what a scope sees, the first due first."""
    order = (CaseDueRow.due_at, CaseDueRow.case_id)
    query = (
        select(CaseDueRow, CaseIndexRow.number, CaseIndexRow.unit)
        .join(CaseIndexRow, CaseIndexRow.case_id == CaseDueRow.case_id)
        .where(where_visible(scope, today), CaseDueRow.key.in_(keys), CaseDueRow.planned.is_(False))
    )
    if after is not None:
        query = query.where(beyond(order, (after.due_at, after.case_id)))
    rows = list(session.execute(query.order_by(*order).limit(limit + 1)))
    lines = tuple(
        Request(due.case_id, number, unit, due.key, due.subject, due.due_at) for due, number, unit in rows[:limit]
    )
    last = lines[-1] if len(rows) > limit else None
    return lines, Cursor(last.due_at, last.case_id) if last else None


def ask(session: Session, case_id: str, person: str, account: str, *, at: datetime, until: datetime, seq: int) -> str:
    """Ask for a copy of what is kept of that person, as the entry `seq` asks; returns its id."""
    row = AccessExportRow(
        id=new_id(), case_id=case_id, person=person, asked_by=account, asked_at=at, seq=seq, state=WAITING, until=until
    )
    session.add(row)
    session.flush()
    return row.id


def of_case(session: Session, case_id: str, now: datetime) -> tuple[Export, ...]:
    """Those of a case that count still, the latest first."""
    query = select(AccessExportRow).where(AccessExportRow.case_id == case_id, AccessExportRow.until > now)
    rows = session.scalars(query.order_by(AccessExportRow.asked_at.desc(), AccessExportRow.id))
    return tuple(_export(row) for row in rows)


def under(session: Session, case_id: str, seq: int, now: datetime) -> tuple[Export, ...]:
    """What that entry has brought already: copies that wait, and those that were let go, be they over or not."""
    query = select(AccessExportRow).where(AccessExportRow.case_id == case_id, AccessExportRow.seq == seq)
    found = (_export(row) for row in session.scalars(query))
    return tuple(one for one in found if one.state == APPROVED or (one.state == WAITING and one.until > now))


def waiting_in(session: Session, cases: Collection[str], now: datetime) -> frozenset[str]:
    """In which of these cases a copy waits to be let go."""
    query = select(AccessExportRow.case_id).where(
        AccessExportRow.case_id.in_(cases), AccessExportRow.state == WAITING, AccessExportRow.until > now
    )
    return frozenset(session.scalars(query))


def one(session: Session, case_id: str, export_id: str, now: datetime) -> Export:
    """That one of that case, while it counts; raises Unseen."""
    row = session.get(AccessExportRow, export_id)
    if row is None or row.case_id != case_id or row.until <= now or not is_genuine(session, AccessExportRow, row):
        raise Unseen(export_id)
    return _export(row)


def settle(session: Session, export_id: str, state: str, account: str, *, at: datetime, until: datetime) -> None:
    """Say what was decided, by whom; raises Unseen where it was decided before."""
    row = session.get(AccessExportRow, export_id, with_for_update=True)
    if row is None or row.state != WAITING:
        raise Unseen(export_id)
    row.state, row.settled_by, row.settled_at, row.until = state, account, at, until
    session.flush()


def _export(row: AccessExportRow) -> Export:
    return Export(**{name: getattr(row, name) for name in Export.__slots__})
