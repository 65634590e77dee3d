"""Rows of the index about what was opened in an emergency and waits for somebody to review it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import Id, RealmBase


class DoorReviewRow(RealmBase):
    """An emergency opening that nobody has reviewed yet: whose it was, and by when somebody else does."""

    __tablename__ = "door_review"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(Id)
    due_at: Mapped[datetime]

    __table_args__ = (Index(None, "due_at"),)
