"""Emergency openings that wait to be reviewed: a part of the index, written anew from the events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from school_protocol.domain.policy import Scope
from school_protocol.storage.index import Beside, where_visible
from school_protocol.storage.index_tables import CaseIndexRow
from school_protocol.storage.sight_tables import DoorReviewRow


@dataclass(frozen=True, slots=True)
class Review:
    """An opening of that number, by that account; somebody else says by `due_at` whether it was justified."""

    seq: int
    account: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A review that waits, in the case with that number."""

    number: str
    seq: int
    due_at: datetime


def rows_of(case_id: str, reviews: Iterable[Review]) -> Beside:
    """What stands of these beside the case's index row."""
    rows = [{"case_id": case_id, "seq": one.seq, "account": one.account, "due_at": one.due_at} for one in reviews]
    return DoorReviewRow, rows


def waiting(session: Session, scope: Scope, *, today: date, limit: int) -> tuple[Waiting, ...]:
    """What this person may review, soonest first: in cases whose content they see, of what somebody else opened.

    Each opening is looked up among the cases, as there are few: never the cases of a region among openings.
    """
    seen = (
        select(CaseIndexRow.number)
        .where(CaseIndexRow.case_id == DoorReviewRow.case_id, where_visible(scope.of_content(), today))
        .correlate(DoorReviewRow)
        .scalar_subquery()
    )
    query = (
        select(seen.label("number"), DoorReviewRow.seq, DoorReviewRow.due_at)
        .where(DoorReviewRow.account != scope.account, seen.is_not(None))
        .order_by(DoorReviewRow.due_at, DoorReviewRow.case_id, DoorReviewRow.seq)
        .limit(limit)
    )
    return tuple(Waiting(row.number, row.seq, row.due_at) for row in session.execute(query))


def awaits(session: Session, case_id: str, seq: int) -> bool:
    """Whether that opening waits to be reviewed still."""
    return session.get(DoorReviewRow, (case_id, seq)) is not None
