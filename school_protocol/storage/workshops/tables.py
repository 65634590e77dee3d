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
    """How each duty went and how far grids agreed, table by table, in counts alone; from its end on."""

    __table_args__ = (
        CheckConstraint("tables BETWEEN 1 AND 30", name="tables_bounded"),
        CheckConstraint("purged_at IS NULL OR ended_at IS NOT NULL", name="ends_before_it_is_purged"),
        UniqueConstraint("code"),
        Index(None, "trainer", "created_at"),
        Index(None, "purged_at", "purge_at"),
    )


class DebriefRow(DirectoryBase):
    """What stays of a workshop's debriefs: no name of a seat, no word that somebody typed; each part compressed."""

    __tablename__ = "workshop_debrief"

    workshop: Mapped[str] = mapped_column(Id, ForeignKey("workshop.id"), primary_key=True)
    at: Mapped[datetime]
    scenario: Mapped[bytes]
    """The file that was played."""
    protocol: Mapped[bytes | None]
    """The file of the protocol's version; nothing where the directory has published the very same."""
    tables: Mapped[bytes]
    """Table → its debrief, as JSON."""


class UploadRow(DirectoryBase):
    """A scenario that somebody brought, and where it stands. Rooms hold a file of their own: nothing here changes them.

    `account`: nobody where a laptop serves a room by itself; `taken_at`: somebody is checking it.
    """

    __tablename__ = "scenario_upload"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"))
    file: Mapped[str] = mapped_column(Plain(120))
    content: Mapped[bytes]
    digest: Mapped[str] = mapped_column(Plain(64), index=True)
    at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Plain(12))
    taken_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    scenario: Mapped[str] = mapped_column(Key)
    version: Mapped[int]
    title: Mapped[dict[str, Any]]
    minutes: Mapped[int]
    faults: Mapped[list[Any]]
    """Line and sentence of each, in such a form that it can be said in any language."""

    __table_args__ = (
        CheckConstraint("length(digest) = 64", name="digest_is_sha256"),
        CheckConstraint("state IN ('waiting', 'refused', 'ready', 'replaced', 'withdrawn')", name="state_known"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="waits_or_is_settled"),
        Index(None, "account", "at"),
        Index(None, "state", "at"),
    )


class KitRow(DirectoryBase):
    """A scenario's printed kit in one language: asked for, being made, made, or not to be made.

    `id`: drawn from the file, the bytes of its protocol and the language, so that each is made once; `protocol`: the
    digest of these bytes; `taken_at`: somebody is making it. Settled without `data`, it can't be made.
    """

    __tablename__ = "scenario_kit"

    id: Mapped[str] = mapped_column(Plain(64), primary_key=True)
    scenario: Mapped[bytes]
    protocol: Mapped[str] = mapped_column(Plain(64))
    language: Mapped[str] = mapped_column(Plain(8))
    asked_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    data: Mapped[bytes | None]

    __table_args__ = (
        CheckConstraint("data IS NULL OR settled_at IS NOT NULL", name="waits_or_is_settled"),
        Index(None, "settled_at", "asked_at"),
    )
