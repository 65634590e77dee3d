"""Checks of the journal: what they read, in numbers, and what came of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from school_protocol.storage.chains_tables import AccessBatchRow, AnchorTakenRow, JournalCheckRow
from school_protocol.storage.journal import WHOLE_CASE
from school_protocol.storage.tables import AccessRow, EventRow, TombstoneRow, new_id

NO_ANCHOR = "anchors unwritable"
"""As the first fault of a check: the chains hold, and no anchor can be written."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of every chain. `first_fault` is in codes; `told_at`: when those who keep the house were told."""

    id: str
    started_at: datetime
    finished_at: datetime
    events: int
    faults: int
    first_fault: str
    told_at: datetime | None

    @property
    def passed(self) -> bool:
        return self.faults == 0


def keep(
    session: Session, *, started_at: datetime, finished_at: datetime, events: int, faults: int, first_fault: str
) -> Check:
    """Keep what came of a check."""
    row = JournalCheckRow(
        id=new_id(), started_at=started_at, finished_at=finished_at, events=events, faults=faults,
        first_fault=first_fault[:200], told_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return _check(row)


def told(session: Session, check: Check, at: datetime) -> None:
    """Those who keep the house were told of a check."""
    session.get_one(JournalCheckRow, check.id).told_at = at


def latest(session: Session, *, passed: bool = False) -> Check | None:
    """The latest check, or the latest that found nothing."""
    query = select(JournalCheckRow).order_by(JournalCheckRow.finished_at.desc(), JournalCheckRow.id).limit(1)
    if passed:
        query = query.where(JournalCheckRow.faults == 0)
    row = session.scalars(query).first()
    return _check(row) if row else None


def _check(row: JournalCheckRow) -> Check:
    return Check(
        row.id, row.started_at, row.finished_at, row.events, row.faults, row.first_fault, row.told_at
    )  # fmt: skip


def counted(session: Session, case_ids: Sequence[str]) -> tuple[int, int]:
    """How many events these cases have, and how many of them were erased."""
    events = select(func.count()).select_from(EventRow).where(EventRow.case_id.in_(case_ids))
    graves = select(func.count()).select_from(TombstoneRow)
    graves = graves.where(TombstoneRow.case_id.in_(case_ids), TombstoneRow.seq == WHOLE_CASE)
    return session.scalar(events) or 0, session.scalar(graves) or 0


def closed_accesses(session: Session) -> int:
    """How many accesses lie in closed batches."""
    closed = select(func.max(AccessBatchRow.last_place)).scalar_subquery()
    return session.scalar(select(func.count()).select_from(AccessRow).where(AccessRow.place <= closed)) or 0


def open_accesses(session: Session) -> int:
    """How many accesses no batch holds yet."""
    closed = select(func.coalesce(func.max(AccessBatchRow.last_place), 0)).scalar_subquery()
    return session.scalar(select(func.count()).select_from(AccessRow).where(AccessRow.place > closed)) or 0


def latest_anchor(session: Session) -> tuple[int, datetime] | None:
    """The number of the latest anchor that was taken, and when."""
    row = session.scalars(select(AnchorTakenRow).order_by(AnchorTakenRow.seq.desc()).limit(1)).first()
    return (row.seq, row.at) if row else None
