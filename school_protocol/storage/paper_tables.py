"""Rows of documents: those made ahead, copies that are kept for a day, and what was asked for lately."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import MADE_OF_CASE, NAMES_FILE, Id, Key, Plain, RealmBase


class PreparedPaperRow(RealmBase):
    """A document of a case made ahead, sealed by the case's key: for whom, of which content, until when it is true.

    `sight`: a digest of the roles that it was made for, and of what made it. `place`: where the document lies, if
    not here; its key is what is sealed here then.
    """

    __tablename__ = "prepared_paper"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    document: Mapped[str] = mapped_column(Key, primary_key=True)
    profile: Mapped[str] = mapped_column(Key, primary_key=True)
    language: Mapped[str] = mapped_column(Plain(8), primary_key=True)
    sight: Mapped[str] = mapped_column(Plain(64), primary_key=True)
    content_seq: Mapped[int]
    at_seq: Mapped[int]
    as_of: Mapped[datetime]
    until: Mapped[datetime]
    sealed: Mapped[bytes]
    place: Mapped[str | None] = mapped_column(Plain(40), index=True, info=NAMES_FILE)

    __table_args__ = (
        CheckConstraint("until >= as_of", name="until_after_as_of"),
        Index(None, "until"),
        {"info": MADE_OF_CASE},
    )


class HandedPaperRow(RealmBase):
    """A copy as it was handed out, sealed by the case's key, kept for a day: pressed again, it is the same.

    `place` as above.
    """

    __tablename__ = "handed_paper"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    document: Mapped[str] = mapped_column(Key, primary_key=True)
    copy: Mapped[int] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    sealed: Mapped[bytes]
    place: Mapped[str | None] = mapped_column(Plain(40), index=True, info=NAMES_FILE)

    __table_args__ = (
        CheckConstraint("copy >= 1", name="copies_count_from_one"),
        Index(None, "until"),
        {"info": MADE_OF_CASE},
    )


class AskedPaperRow(RealmBase):
    """Which documents of a school's cases somebody asked for lately: those are made ahead."""

    __tablename__ = "asked_paper"

    unit: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(Id, primary_key=True)
    document: Mapped[str] = mapped_column(Key, primary_key=True)
    profile: Mapped[str] = mapped_column(Key, primary_key=True)
    language: Mapped[str] = mapped_column(Plain(8), primary_key=True)
    at: Mapped[datetime]

    __table_args__ = (Index(None, "at"),)
