"""Which cases the sweep has to look at: said by index rows alone, so that few cases are opened each minute."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select, union
from sqlalchemy.orm import Session

from school_protocol.storage.index import NEVER_DUE
from school_protocol.storage.index_tables import CaseDueRow, CaseIndexRow, CaseLookRow
from school_protocol.storage.referrals.tables import CaseReferralRow


def to_look_at(session: Session, deadlines: Collection[str], now: datetime, *, limit: int) -> list[str]:
    """Cases in which one of these deadlines runs, or a service is silent, and that moved on since they were looked at.

    So too those whose moment came.
    """
    running = select(CaseDueRow.case_id).where(CaseDueRow.planned.is_(False), CaseDueRow.key.in_(deadlines))
    silent = select(CaseReferralRow.case_id).where(CaseReferralRow.awaits, CaseReferralRow.order_at <= now)
    found = union(running, silent).subquery()
    query = (
        select(found.c.case_id)
        .outerjoin(CaseLookRow, CaseLookRow.case_id == found.c.case_id)
        .where(or_(CaseLookRow.case_id.is_(None), CaseLookRow.next_at <= now))
        .order_by(found.c.case_id)
        .limit(limit)
    )
    return list(session.scalars(query))


def looked(session: Session, case_id: str, last_seq: int, next_at: datetime | None) -> None:
    """The case was looked at as it stood after event `last_seq`; look again at `next_at`, or once it moves on.

    Nothing is kept where it has moved on already.
    """
    found = select(CaseIndexRow.last_seq).where(CaseIndexRow.case_id == case_id).with_for_update()
    if session.scalar(found) == last_seq:
        session.merge(CaseLookRow(case_id=case_id, next_at=next_at or NEVER_DUE))
        session.flush()


def open_cases(session: Session, *, after: str, limit: int) -> list[str]:
    """Cases that have not ended, by id, from after the last one of the page before."""
    query = select(CaseIndexRow.case_id).where(CaseIndexRow.case_id > after, CaseIndexRow.ended.is_(False))
    return list(session.scalars(query.order_by(CaseIndexRow.case_id).limit(limit)))


def put_off(session: Session, case_id: str, until: datetime) -> None:
    """The case could not be looked at: try again from `until`."""
    if session.get(CaseIndexRow, case_id) is not None:
        session.merge(CaseLookRow(case_id=case_id, next_at=until))
        session.flush()
