"""Rows of the index about referrals, each with the place of its case, so that a region's list walks one index."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import Id, Key, Plain, RealmBase


class CaseReferralRow(RealmBase):
    """One referral of a case. `order_at`: when it is chased, or the end of time; `awaits`: an answer is to come.

    `whom`: the organisation that it went to, by one of its `whom_names`, as it was called then; empty: nobody said.
    """

    __tablename__ = "case_referral"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    unit: Mapped[str] = mapped_column(Id)
    province: Mapped[str] = mapped_column(Id)
    region: Mapped[str] = mapped_column(Id)
    target: Mapped[str] = mapped_column(Key)
    sent_at: Mapped[datetime]
    on_danger: Mapped[bool]
    awaits: Mapped[bool]
    acknowledged_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    chase_at: Mapped[datetime | None]
    order_at: Mapped[datetime]
    whom: Mapped[str] = mapped_column(Plain(120), default="")
    whom_names: Mapped[dict[str, Any]] = mapped_column(default=dict)

    __table_args__ = (
        CheckConstraint("number >= 1", name="referrals_count"),
        CheckConstraint("settled_at IS NULL OR NOT awaits", name="settled_awaits_nothing"),
        CheckConstraint("chase_at IS NULL OR (awaits AND order_at = chase_at)", name="chase_orders"),
        *(
            Index(None, place, *order, "case_id")
            for place in ("unit", "province", "region")
            for order in (("awaits", "order_at", "sent_at"), ("sent_at",))
        ),
        Index(None, "awaits", "order_at", "case_id"),
    )
