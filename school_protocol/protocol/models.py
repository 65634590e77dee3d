"""Tables of published definitions and of drafts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.models import FREE, DirectoryBase, HasMac, Id, Key, Plain


class DefinitionRow(HasMac, DirectoryBase):
    """Published bytes: never changed, never deleted; only which version is the current one moves on."""

    __tablename__ = "definition"

    protocol: Mapped[str] = mapped_column(Key, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(Plain(64), unique=True)
    content: Mapped[bytes] = mapped_column(info=FREE)
    published_at: Mapped[datetime]
    is_current: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        CheckConstraint("version >= 1", name="version_counts"),
        CheckConstraint("length(digest) = 64", name="digest_is_sha256"),
        Index(
            "uq_definition_one_current",
            "protocol",
            unique=True,
            sqlite_where=text("is_current"),
            postgresql_where=text("is_current"),
        ),
    )


class DefinitionDraftRow(HasMac, DirectoryBase):
    """A file that may become a version: its bytes never change, only where it stands. Nothing here takes it away.

    `account`: who brought it; `base`: the digest of the version that was current when it was looked at; `report`: what
    the proof and the stored cases said of it, once that is worked out; `taken_at`: somebody is at that.
    """

    __tablename__ = "definition_draft"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    protocol: Mapped[str] = mapped_column(Key, default="")
    version: Mapped[int] = mapped_column(default=0)
    digest: Mapped[str] = mapped_column(Plain(64), index=True)
    content: Mapped[bytes] = mapped_column(info=FREE)
    file: Mapped[str] = mapped_column(Plain(120), default="")
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Plain(12), default="uploaded", index=True)
    faults: Mapped[list[Any]]
    base: Mapped[str] = mapped_column(Plain(64), default="")
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), info=FREE)
    taken_at: Mapped[datetime | None] = mapped_column(info=FREE)
    proposed_at: Mapped[datetime | None]
    agreed_by: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"))
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("length(digest) = 64", name="draft_digest_is_sha256"),
        CheckConstraint("state IN ('uploaded', 'proposed', 'published', 'withdrawn')", name="draft_state_known"),
        CheckConstraint("agreed_by IS NULL OR agreed_by <> account", name="two_people_publish"),
        CheckConstraint("(state = 'published') = (agreed_by IS NOT NULL)", name="published_is_agreed_to"),
        CheckConstraint("state NOT IN ('proposed', 'published') OR proposed_at IS NOT NULL", name="proposed_first"),
    )
