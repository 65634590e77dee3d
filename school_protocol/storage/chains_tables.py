"""Rows of the chains beside those of cases: accesses closed in batches, administration linked, anchors taken."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import NEEDS_KEYS, DirectoryBase, Id, Plain, RealmBase


class AccessBatchRow(RealmBase):
    """Accesses closed together, from one place to another: a keyed leaf for each, and the link to the batch before.

    `leaves`: 20 bytes a row, how far its place is from the first one and the beginning of its keyed hash; append-only.
    """

    __tablename__ = "access_batch"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    first_place: Mapped[int] = mapped_column(BigInteger)
    last_place: Mapped[int] = mapped_column(BigInteger, ForeignKey("access.place"))
    closed_at: Mapped[datetime]
    leaves: Mapped[bytes]
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("seq >= 1", name="numbered_from_1"),
        CheckConstraint("first_place >= 1 AND last_place >= first_place", name="places_in_order"),
        CheckConstraint("length(prev_hash) = 32 AND length(hash) = 32", name="linked"),
    )


class AnchorTakenRow(RealmBase):
    """An anchor that was written outside the database, by the digest of its file; append-only."""

    __tablename__ = "anchor_taken"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    file_digest: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("seq >= 1", name="numbered_from_1"),
        CheckConstraint("length(file_digest) = 32", name="digest_is_sha256"),
    )


class AnchoredHeadRow(RealmBase):
    """The head of a case as the latest anchor holds it, so that the next one holds only what moved; keyed.

    Nothing rests on it: without these rows an anchor is larger, not weaker.
    """

    __tablename__ = "anchored_head"

    case_id: Mapped[str] = mapped_column(Id, primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]
    keyed: Mapped[bytes]

    __table_args__ = ({"info": {"outlives_case": True}},)


class JournalCheckRow(RealmBase):
    """A check of every chain: when, how much was read, how many faults, and the first one in codes."""

    __tablename__ = "journal_check"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    events: Mapped[int] = mapped_column(BigInteger)
    faults: Mapped[int]
    first_fault: Mapped[str] = mapped_column(Plain(200), default="")
    told_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("faults >= 0", name="faults_count"), Index(None, "finished_at"))


class AdministrationLinkRow(DirectoryBase):
    """The link of one row of `administration` in its chain; number 0 is where the chain begins. Append-only."""

    __tablename__ = "administration_link"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    administration: Mapped[str | None] = mapped_column(Id, ForeignKey("administration.id"), unique=True)
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("(seq = 0) = (administration IS NULL)", name="of_a_row_or_the_beginning"),
        CheckConstraint("seq >= 0", name="numbered_from_0"),
        CheckConstraint("length(prev_hash) = 32 AND length(hash) = 32", name="linked"),
        {"info": NEEDS_KEYS},
    )
