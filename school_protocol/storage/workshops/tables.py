"""The list of workshops, beside the other rows of the directory: nothing of what is played, and no participant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import DirectoryBase, Id, Key, Plain


class WorkshopRow(DirectoryBase):
    """A workshop: who leads it, by which code people come in, on which scenario; what is kept once it is purged."""

    __tablename__ = "workshop"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(Plain(12))
    trainer: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"))
    """Nobody where a laptop serves a room by itself."""
    scenario: Mapped[str] = mapped_column(Key)
    version: Mapped[int]
    digest: Mapped[str] = mapped_column(Plain(64))
    protocol: Mapped[str] = mapped_column(Key)
    protocol_version: Mapped[int]
    tables: Mapped[int]
    language: Mapped[str] = mapped_column(Plain(8))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    purge_at: Mapped[datetime]
    purged_at: Mapped[datetime | None]
    kept: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The debriefs without names, and how each duty went, table by table; from its end on."""

    __table_args__ = (
        CheckConstraint("tables BETWEEN 1 AND 30", name="tables_bounded"),
        CheckConstraint("purged_at IS NULL OR ended_at IS NOT NULL", name="ends_before_it_is_purged"),
        UniqueConstraint("code"),
        Index(None, "trainer", "created_at"),
        Index(None, "purged_at", "purge_at"),
    )
