"""Tables of referrals, of reviews, of visits to teams and levels of schools."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.models import DirectoryBase, HasMac, Id, Key, Plain, RealmBase

# ---- reviews: what waits for whom, where each stands; how somebody narrowed their queue ----------------------------


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


class ReviewChoiceRow(RealmBase):
    """How somebody last narrowed their queue; it says nothing of any case."""

    __tablename__ = "review_choice"

    account: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Key)
    place: Mapped[str] = mapped_column(Key)
    level: Mapped[int | None]


# ---- visits to teams, the duty roster, levels of schools -----------------------------------------------------------


class VisitEntryRow(HasMac, DirectoryBase):
    """What was written of one visit to a team; put right by a new entry with the next number, never changed."""

    __tablename__ = "visit_entry"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    visit: Mapped[str] = mapped_column(Id)
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(Plain(12))
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    held_on: Mapped[date]
    came: Mapped[str] = mapped_column(Plain(200))
    remarks: Mapped[str] = mapped_column(Plain(4000))
    actions: Mapped[list[Any]] = mapped_column(JSON())
    open_actions: Mapped[int]
    next_by: Mapped[date | None]
    actor: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    role: Mapped[str] = mapped_column(Key)
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("kind IN ('recorded', 'corrected', 'done')", name="kind_known"),
        CheckConstraint("number >= 1", name="entries_count_from_one"),
        CheckConstraint("open_actions >= 0", name="actions_count"),
        UniqueConstraint("visit", "number"),
        Index(None, "unit", "held_on", "visit"),
    )
