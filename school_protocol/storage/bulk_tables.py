"""Rows of work on many case files: what was looked at to be made ahead, jobs of many copies, and their cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import MADE_OF_CASE, Id, Key, Plain, RealmBase


class PaperLookRow(RealmBase):
    """What somebody asked for lately, looked at in a case as it stood after event `seq`: look again at `until`.

    `tries`: how often it was begun since the case last moved, and did not come to its end.
    """

    __tablename__ = "paper_look"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    account: Mapped[str] = mapped_column(Id, primary_key=True)
    document: Mapped[str] = mapped_column(Key, primary_key=True)
    profile: Mapped[str] = mapped_column(Key, primary_key=True)
    language: Mapped[str] = mapped_column(Plain(8), primary_key=True)
    seq: Mapped[int]
    until: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        CheckConstraint("tries >= 0", name="tries_are_counted"),
        Index(None, "until"),
        {"info": MADE_OF_CASE},
    )


class BulkRow(RealmBase):
    """Copies of the case files of many cases, asked for by one person.

    `chosen`: which cases, as it was asked; `taken_at`: a worker is at it; `why`: a code, why it stopped; `trouble`: a
    code, what it waits for; `until`: when its copies are kept no longer.
    """

    __tablename__ = "bulk"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(Id)
    protocol: Mapped[str] = mapped_column(Key)
    profile: Mapped[str] = mapped_column(Key)
    language: Mapped[str] = mapped_column(Plain(8))
    chosen: Mapped[dict[str, Any]]
    token: Mapped[str] = mapped_column(Plain(64))
    begun_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Plain(12), default="running")
    taken_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    until: Mapped[datetime]
    why: Mapped[str] = mapped_column(Plain(16), default="")
    trouble: Mapped[str] = mapped_column(Plain(16), default="")

    __table_args__ = (
        CheckConstraint("state IN ('running', 'done', 'stopped')", name="state_known"),
        CheckConstraint("(state = 'running') = (settled_at IS NULL)", name="settled_unless_running"),
        CheckConstraint("(state = 'stopped') = (why <> '')", name="stopped_for_a_reason"),
        Index(
            "uq_bulk_one_running",
            "account",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
        Index(None, "account", "begun_at"),
        Index(None, "until"),
    )


class BulkCaseRow(RealmBase):
    """One case of such a job: waiting, done (with its copy), or refused for a reason, a code.

    `sight`: a digest of whose eyes the copy was made for.
    """

    __tablename__ = "bulk_case"

    bulk: Mapped[str] = mapped_column(Id, ForeignKey("bulk.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), index=True)
    number: Mapped[str] = mapped_column(Plain(20))
    state: Mapped[str] = mapped_column(Plain(12), default="waiting")
    why: Mapped[str] = mapped_column(Plain(16), default="")
    copy: Mapped[int] = mapped_column(default=0)
    sight: Mapped[str] = mapped_column(Plain(64), default="")
    tries: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'done', 'refused')", name="state_known"),
        CheckConstraint("(state = 'done') = (copy > 0)", name="done_with_a_copy"),
        CheckConstraint("(state = 'refused') = (why <> '')", name="refused_for_a_reason"),
        Index(None, "bulk", "state", "place"),
    )
