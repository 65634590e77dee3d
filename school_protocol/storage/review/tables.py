"""Rows of the index about reviews: what waits for whom, where each stands; and how somebody narrowed their queue."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import Id, Key, RealmBase


class CaseReviewRow(RealmBase):
    """One reason why a case waits for a role; `subject` tells several of a kind apart (an opening, a referral).

    Place and gravity (the level, negative, so that the gravest comes first) are the index row's own; a case that nobody
    has assessed, and in which a danger stands, comes before every level.
    """

    __tablename__ = "case_review"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(Key, primary_key=True)
    role: Mapped[str] = mapped_column(Key, primary_key=True)
    subject: Mapped[str] = mapped_column(Key, primary_key=True)
    rank: Mapped[int]
    gravity: Mapped[int]
    unit: Mapped[str] = mapped_column(Id)
    province: Mapped[str] = mapped_column(Id)
    region: Mapped[str] = mapped_column(Id)
    since: Mapped[datetime]
    due_at: Mapped[datetime | None]
    shown_from: Mapped[datetime]
    not_for: Mapped[str | None] = mapped_column(Id)

    __table_args__ = tuple(
        Index(None, "role", place, "rank", "gravity", "since", "case_id") for place in ("unit", "province", "region")
    )


class ReviewStateRow(RealmBase):
    """Where the review of a case stands."""

    __tablename__ = "review_state"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(Key)
    since: Mapped[datetime]
    due_at: Mapped[datetime | None]
    observations: Mapped[int]


class ReviewChoiceRow(RealmBase):
    """How somebody last narrowed their queue; it says nothing of any case."""

    __tablename__ = "review_choice"

    account: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Key)
    place: Mapped[str] = mapped_column(Key)
    level: Mapped[int | None]
