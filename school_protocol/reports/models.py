"""Rows of public reports. Of time they hold the hour alone, as a number that can't hold more; ids are drawn, no row has
a number of its own, and what came lately is written anew in another order (`shuffle_repository`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.models import TALLIED, DirectoryBase, HasMac, Id, Key, Plain, RealmBase, Wrapped

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)


class Hour(TypeDecorator[datetime]):
    """The hour of a moment, counted from 1970: minutes have no place in it."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _HOUR

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + int(value) * _HOUR


_UNNUMBERED: dict[str, Any] = {"sqlite_with_rowid": False}
"""SQLite gives such a row no number, which would say which came first."""


def _of_report() -> Any:
    """Checked as a transaction ends: rows are taken out and put back in another order within one."""
    return ForeignKey("public_report.id", deferrable=True, initially="DEFERRED")


class PublicReportRow(HasMac, Wrapped, RealmBase):
    """What somebody told the school without an account; sealed under a key of its own.

    `hinted`: its words speak perhaps of despair or violence; `waits`: since which hour nobody has looked at it; `step`:
    how far it has risen meanwhile; `fullness`: how much it says; `outcome`: why it is closed, or while it waits who
    proposed to close it as sent to annoy; `barred`: accounts that must not read it; `code_hash`: keyed hash of the code
    to come back with.
    """

    __tablename__ = "public_report"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    unit: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(Plain(8))
    protocol: Mapped[str] = mapped_column(Key)
    version: Mapped[int]
    hour: Mapped[datetime] = mapped_column(Hour)
    status: Mapped[str] = mapped_column(Plain(12))
    outcome: Mapped[str] = mapped_column(Key)
    settled: Mapped[datetime | None] = mapped_column(Hour)
    restricted: Mapped[bool]
    urgent: Mapped[bool]
    hinted: Mapped[bool] = mapped_column(server_default=false())
    to_verify: Mapped[bool]
    waits: Mapped[datetime | None] = mapped_column(Hour)
    step: Mapped[int]
    fullness: Mapped[int]
    barred: Mapped[list[Any]]
    case_id: Mapped[str | None] = mapped_column(Id, ForeignKey("case_record.id"), index=True)
    code_hash: Mapped[bytes] = mapped_column(unique=True)
    sealed: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("kind IN ('public', 'staff')", name="public_kind_known"),
        CheckConstraint(
            "status IN ('waiting', 'answered', 'opened', 'linked', 'oriented', 'closed')", name="public_status_known"
        ),
        CheckConstraint("(status IN ('opened', 'linked')) = (case_id IS NOT NULL)", name="public_case_where_it_went"),
        CheckConstraint("(status = 'waiting') = (settled IS NULL)", name="public_settled_unless_waiting"),
        CheckConstraint("step >= 0 AND fullness >= 0", name="public_counts"),
        CheckConstraint("length(code_hash) = 32", name="code_is_keyed"),
        Index(None, "unit", "status", "hour", "id"),
        Index(
            "ix_public_report_waits",
            "waits",
            "id",
            sqlite_where=text("waits IS NOT NULL"),
            postgresql_where=text("waits IS NOT NULL"),
        ),
        Index(None, "hour"),
        _UNNUMBERED | {"info": TALLIED},
    )

    @property
    def label(self) -> str:
        return f"public:{self.id}"


class PublicMessageRow(RealmBase):
    """What was written afterwards, by the reporter or by the team; sealed under the key of the report."""

    __tablename__ = "public_message"

    report: Mapped[str] = mapped_column(Id, _of_report(), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    by_reporter: Mapped[bool]
    hour: Mapped[datetime] = mapped_column(Hour, index=True)
    sealed: Mapped[bytes]

    __table_args__ = (CheckConstraint("place >= 1", name="messages_count"), _UNNUMBERED)


class PublicTwinRow(RealmBase):
    """Keyed hash of what a report says: two of one school that share one are alike."""

    __tablename__ = "public_twin"

    report: Mapped[str] = mapped_column(Id, _of_report(), primary_key=True)
    mark: Mapped[bytes] = mapped_column(primary_key=True)

    __table_args__ = (CheckConstraint("length(mark) = 32", name="twin_is_keyed"), _UNNUMBERED)


class PublicTraceRow(RealmBase):
    """Who of the staff read a report, or did something with it; goes with the report."""

    __tablename__ = "public_trace"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    report: Mapped[str] = mapped_column(Id, _of_report(), index=True)
    account: Mapped[str] = mapped_column(Id)
    what: Mapped[str] = mapped_column(Key)
    hour: Mapped[datetime] = mapped_column(Hour, index=True)

    __table_args__ = (_UNNUMBERED,)


class PublicNoticeRow(RealmBase):
    """Somebody is told that reports wait at a school: never which, nor how many. One an hour, however many came; of
    what is urgent, the latest."""

    __tablename__ = "public_notice"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    unit: Mapped[str] = mapped_column(Id)
    account: Mapped[str] = mapped_column(Id)
    channel: Mapped[str] = mapped_column(Plain(8))
    urgent: Mapped[bool]
    hour: Mapped[datetime] = mapped_column(Hour, index=True)
    due: Mapped[datetime] = mapped_column(Hour)
    state: Mapped[str] = mapped_column(Plain(12))
    attempts: Mapped[int]

    __table_args__ = (
        UniqueConstraint("unit", "account", "channel", "urgent", "hour"),
        CheckConstraint("channel IN ('mail', 'sms', 'none')", name="public_channel_known"),
        CheckConstraint("state IN ('waiting', 'delivered', 'no_address', 'withheld')", name="public_state_known"),
        CheckConstraint("attempts >= 0", name="public_attempts_count"),
        Index("ix_public_notice_state_due", "state", "due"),
        _UNNUMBERED,
    )


class ReportAddressRow(HasMac, DirectoryBase):
    """A school's address for reports: drawn, without a meaning; one of each kind stands at a time."""

    __tablename__ = "public_door"

    code: Mapped[str] = mapped_column(Plain(16), primary_key=True)
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    kind: Mapped[str] = mapped_column(Plain(8))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"))

    __table_args__ = (
        CheckConstraint("kind IN ('public', 'staff')", name="door_kind_known"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="door_ended_by_somebody"),
        Index(
            "uq_public_door_one_stands",
            "unit",
            "kind",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
