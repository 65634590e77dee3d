"""Rows of visits to teams, of the duty roster, and of the levels of schools."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.row_macs import HasMac
from school_protocol.storage.tables import DirectoryBase, Id, Key, Plain


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


class DutyTurnRow(HasMac, DirectoryBase):
    """Somebody of a directorate or an academy is told of what is urgent, from a moment until another."""

    __tablename__ = "duty_turn"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    starts: Mapped[datetime]
    ends: Mapped[datetime]
    entered_by: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    entered_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("starts < ends", name="begins_before_it_ends"), Index(None, "unit", "ends"))


class SchoolLevelRow(HasMac, DirectoryBase):
    """Of which level a school is, where a list said so."""

    __tablename__ = "school_level"

    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"), primary_key=True)
    level: Mapped[str] = mapped_column(Plain(12))

    __table_args__ = (CheckConstraint("level IN ('primary', 'lower', 'upper')", name="level_known"),)
