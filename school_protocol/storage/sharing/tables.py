"""Rows of the index about what a case asks of another school: who may answer it, without seeing the case."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import Id, Key, RealmBase


class CaseRequestRow(RealmBase):
    """Something that a case asks, by the entry `seq`, and one who may answer: whoever holds `role` at `place`.

    For a seat that receives, `place` is the account that holds it.
    """

    __tablename__ = "case_request"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    role: Mapped[str] = mapped_column(Key, primary_key=True)
    place: Mapped[str] = mapped_column(Id, primary_key=True)
    unit: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(Key)
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    shown_from: Mapped[datetime]

    __table_args__ = (Index(None, "place", "role", "asked_at", "case_id"),)


class CaseKnownRow(RealmBase):
    """A unit that a case was asked of, or for, at any time: who answers there comes past the wall (see `walls`)."""

    __tablename__ = "case_known"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[str] = mapped_column(Id, primary_key=True)

    __table_args__ = (Index(None, "place", "case_id"),)
