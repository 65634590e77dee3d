"""Tables of case files made ahead, copies kept for a day, what was asked for lately, jobs of many, outgoing letters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.models import MADE_OF_CASE, NAMES_FILE, HasMac, Id, Key, Plain, RealmBase


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


# ---- documents made ahead, copies kept for a day, what was asked for lately ----------------------------------------


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


# ---- letters that left ---------------------------------------------------------------------------------------------


class OutgoingLetterRow(HasMac, RealmBase):
    """A line of the register of outgoing letters of one office, a school or a directorate, in one calendar year.

    Numbers begin at 1 each January, as Moroccan administrations count, without gaps: none is given twice, not even
    where its letter was taken back or its case erased. It names nobody: which document, to which service or place in
    the case (`addressee`, a key of the definition).
    """

    __tablename__ = "outgoing_letter"

    unit: Mapped[str] = mapped_column(Id, primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"))
    protocol: Mapped[str] = mapped_column(Key)
    version: Mapped[int]
    document: Mapped[str] = mapped_column(Key)
    copy: Mapped[int]
    addressee: Mapped[str] = mapped_column(Key, default="")
    at: Mapped[datetime]
    taken_back_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("number >= 1", name="numbers_count_from_one"),
        Index(None, "case_id", "document", "copy", unique=True),
    )
