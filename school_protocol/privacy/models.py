"""Tables of evidence files, of how long cases are kept and what bars their end, and of emergency openings."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.models import NAMES_FILE, HasMac, Id, Key, Plain, RealmBase


class EvidenceFileRow(RealmBase):
    """One sealed file in the folder of files: what was received (`original`), or what was made of it (`derivative`).

    `digest` is the sha256 of the sealed bytes; that of the content stands in the case's own events, sealed.
    """

    __tablename__ = "kept_file"

    place: Mapped[str] = mapped_column(Plain(40), primary_key=True, info=NAMES_FILE)
    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"))
    file_id: Mapped[str] = mapped_column(Id)
    part: Mapped[str] = mapped_column(Key)
    size: Mapped[int]
    digest: Mapped[bytes]
    at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("case_id", "file_id", "part"),
        CheckConstraint("size > 0", name="files_are_not_empty"),
    )


class FileAlarmRow(RealmBase):
    """A sealed file that a row names and that is missing, or is not what it was."""

    __tablename__ = "file_alarm"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    case_id: Mapped[str] = mapped_column(Id)
    place: Mapped[str] = mapped_column(Plain(40))
    what: Mapped[str] = mapped_column(Key)
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("place", "what"), Index(None, "case_id"))


class FileSweepRow(RealmBase):
    """The one row that says when every file was last compared with its row; `place` is always 1."""

    __tablename__ = "file_sweep"

    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("place = 1", name="one_row"),)


# ---- retention: where each case stands on the way to its end, what bars it -----------------------------------------


class CaseRetentionRow(HasMac, RealmBase):
    """Where a case that has ended stands on the way to its erasure, as it was after event `seq`.

    `erase_on` orders lists: the first day on which it can be erased, or the end of time. Of a notice: when it was
    asked for, the day on which it was given, and `by_page` where no message went out and it stands on the page alone.
    """

    __tablename__ = "case_retention"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    seq: Mapped[int]
    cycle: Mapped[int]
    due_on: Mapped[date | None]
    erase_on: Mapped[date]
    barred_until: Mapped[datetime | None]
    suspended: Mapped[bool] = mapped_column(default=False)
    asked: Mapped[bool] = mapped_column(default=False)
    first_asked_at: Mapped[datetime | None]
    first_on: Mapped[date | None]
    first_run: Mapped[int | None]
    first_by_page: Mapped[bool] = mapped_column(default=False)
    second_asked_at: Mapped[datetime | None]
    second_on: Mapped[date | None]
    second_run: Mapped[int | None]
    second_by_page: Mapped[bool] = mapped_column(default=False)
    waits_on: Mapped[date | None]
    waits_run: Mapped[int | None]
    agreed_at: Mapped[datetime | None]
    agreed_by: Mapped[str | None] = mapped_column(Id)

    __table_args__ = (
        CheckConstraint("(first_on IS NULL) = (first_run IS NULL)", name="first_given_whole"),
        CheckConstraint("(second_on IS NULL) = (second_run IS NULL)", name="second_given_whole"),
        CheckConstraint("second_on IS NULL OR first_on IS NOT NULL", name="one_after_the_other"),
        CheckConstraint("(waits_on IS NULL) = (waits_run IS NULL)", name="waits_whole"),
        CheckConstraint("waits_on IS NULL OR second_on IS NOT NULL", name="confirmed_after_both"),
        CheckConstraint("(agreed_at IS NULL) = (agreed_by IS NULL)", name="agreed_by_somebody"),
        CheckConstraint("agreed_at IS NULL OR waits_on IS NOT NULL", name="asked_before_agreed"),
        Index(None, "erase_on", "case_id"),
    )


class ErasureBarRow(RealmBase):
    """Until when a case is erased by nobody: a trigger of the database refuses it, whichever door was taken."""

    __tablename__ = "erasure_bar"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    until: Mapped[datetime]


class AccessExportRow(HasMac, RealmBase):
    """Somebody of a case asked what is kept of them: who asked for the copy, who let it be made, until when.

    `person` is the slot of the case, never a name; `seq` is the entry by which they asked.
    """

    __tablename__ = "access_export"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), index=True)
    person: Mapped[str] = mapped_column(Key)
    asked_by: Mapped[str] = mapped_column(Id)
    asked_at: Mapped[datetime]
    seq: Mapped[int]
    state: Mapped[str] = mapped_column(Plain(12), default="waiting")
    settled_by: Mapped[str | None] = mapped_column(Id)
    settled_at: Mapped[datetime | None]
    until: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'approved', 'refused')", name="state_known"),
        CheckConstraint("(state = 'waiting') = (settled_by IS NULL)", name="settled_unless_waiting"),
        CheckConstraint("(settled_by IS NULL) = (settled_at IS NULL)", name="settled_by_somebody"),
        CheckConstraint("settled_by IS NULL OR settled_by <> asked_by", name="two_people_approve"),
        Index(None, "state", "asked_at", "id"),
    )


# ---- what was opened in an emergency and waits for somebody to review it -------------------------------------------


class DoorReviewRow(RealmBase):
    """An emergency opening that nobody has reviewed yet: whose it was, and by when somebody else does."""

    __tablename__ = "door_review"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(Id)
    due_at: Mapped[datetime]

    __table_args__ = (Index(None, "due_at"),)
