"""The open cases of one school in coarse facts, for a paper that leaves the house; what waits in them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import distinct, exists, func, select
from sqlalchemy.orm import Session

from school_protocol.domain.policy import Scope
from school_protocol.storage.index import where_visible
from school_protocol.storage.index_tables import CaseDueRow, CaseExclusionRow, CaseIndexRow
from school_protocol.storage.referrals.tables import CaseReferralRow
from school_protocol.storage.review.tables import ReviewStateRow


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An open case, without its number."""

    case_id: str
    protocol: str
    version: int
    stage: str
    level: int | None


def open_cases(session: Session, scope: Scope, unit: str, *, today: date) -> tuple[OpenCase, ...]:
    """Those that this person sees; none of which somebody of the school must not know."""
    excluded = exists().where(CaseExclusionRow.case_id == CaseIndexRow.case_id).correlate(CaseIndexRow)
    row = CaseIndexRow
    query = select(row.case_id, row.protocol, row.version, row.stage, row.level).where(
        where_visible(scope, today), row.unit == unit, row.ended.is_(False), row.restricted.is_(False), ~excluded
    )
    return tuple(OpenCase(*found) for found in session.execute(query.order_by(row.case_id)))


def overdue(session: Session, cases: Collection[str], now: datetime) -> dict[str, int]:
    """Deadline → in how many of these cases it is past."""
    query = (
        select(CaseDueRow.key, func.count(distinct(CaseDueRow.case_id)).label("number"))
        .where(CaseDueRow.case_id.in_(list(cases)), CaseDueRow.planned.is_(False), CaseDueRow.due_at <= now)
        .group_by(CaseDueRow.key)
        .order_by(CaseDueRow.key)
    )
    return {row.key: row.number for row in session.execute(query)}


def observations(session: Session, cases: Collection[str]) -> int:
    """How many observations of those who review await an answer in these cases."""
    query = select(func.sum(ReviewStateRow.observations)).where(ReviewStateRow.case_id.in_(list(cases)))
    return int(session.scalar(query) or 0)


def silent(session: Session, cases: Collection[str], now: datetime) -> int:
    """How many services have let the time to answer go by in these cases."""
    query = select(func.count()).where(
        CaseReferralRow.case_id.in_(list(cases)), CaseReferralRow.awaits.is_(True), CaseReferralRow.order_at <= now
    )
    return session.scalar(query) or 0
