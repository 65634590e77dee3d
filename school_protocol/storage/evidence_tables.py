"""Rows of evidence: where each sealed file lies, what was found missing or altered, when all were looked at."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import NAMES_FILE, Id, Key, Plain, RealmBase


class KeptFileRow(RealmBase):
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
