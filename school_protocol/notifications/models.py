"""Tables of notices, of how often somebody is told, of calendar addresses, and of the mails that a demo shows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.models import FORGET_ON_RESTORE, FREE, DirectoryBase, HasMac, Id, Key, Plain, RealmBase


class DigestChoiceRow(DirectoryBase):
    """How often somebody wants to be told of what can wait; `day`: of the week, Monday 0. Without a row: as usual."""

    __tablename__ = "digest_choice"

    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), primary_key=True)
    every: Mapped[str] = mapped_column(Plain(12))
    day: Mapped[int]
    chosen_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("every IN ('at_once', 'school_days', 'weekly', 'urgent_only')", name="every_known"),
        CheckConstraint("day BETWEEN 0 AND 6", name="day_of_a_week"),
    )


class CalendarFeedRow(HasMac, DirectoryBase):
    """The address under which somebody's due dates can be read without signing in: its hash alone.

    `reads`: how often it was read since `counted_from`, so that it can't be read without end.
    """

    __tablename__ = "calendar_feed"

    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), primary_key=True)
    hashed: Mapped[bytes] = mapped_column(unique=True)
    made_at: Mapped[datetime]
    read_at: Mapped[datetime | None] = mapped_column(info=FREE)
    counted_from: Mapped[datetime] = mapped_column(info=FREE)
    reads: Mapped[int] = mapped_column(info=FREE)

    __table_args__ = (
        CheckConstraint("length(hashed) = 32", name="token_is_hashed"),
        CheckConstraint("reads >= 0", name="reads_count"),
        {"info": FORGET_ON_RESTORE},
    )


class DemoLetterRow(DirectoryBase):
    """A mail that would have left, had the demo a mail server."""

    __tablename__ = "demo_letter"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    receiver: Mapped[str] = mapped_column(Plain(254))
    at: Mapped[datetime]
    language: Mapped[str] = mapped_column(Plain(8))
    subject: Mapped[str] = mapped_column(Plain(200))
    text: Mapped[str] = mapped_column(Plain(2000))

    __table_args__ = (Index(None, "at", "id"),)


class NoticeRow(RealmBase):
    """What was told: one row a case, cause, role, person and channel. Without a person: nobody could be told."""

    __tablename__ = "notice"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"))
    cause: Mapped[str] = mapped_column(Plain(200))
    role: Mapped[str] = mapped_column(Key)
    account: Mapped[str] = mapped_column(Id)
    channel: Mapped[str] = mapped_column(Plain(8))
    urgent: Mapped[bool]
    at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(Plain(12))
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("case_id", "cause", "role", "account", "channel"),
        CheckConstraint("channel IN ('mail', 'sms', 'none')", name="channel_known"),
        CheckConstraint("state IN ('waiting', 'delivered', 'no_address', 'withheld')", name="state_known"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_unless_waiting"),
        CheckConstraint("channel <> 'none' OR state <> 'waiting'", name="waits_for_a_channel"),
        CheckConstraint("attempts >= 0", name="attempts_count"),
        Index(
            "ix_notice_waiting",
            "due_at",
            "id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(None, "account", "settled_at"),
    )
