"""Rows about people who work: certificates that were seen, accounts linked to a ministry's, lists that were brought."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.row_macs import HasMac
from school_protocol.storage.tables import DirectoryBase, Id, Key, Plain


class CertificateRow(HasMac, DirectoryBase):
    """A training certificate that somebody saw: whose it is, from when until when it is good; append-only."""

    __tablename__ = "certificate"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    issued: Mapped[date | None]
    until: Mapped[date]
    seen_by: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    seen_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("issued IS NULL OR issued <= until", name="issued_before_it_ends"),
        Index(None, "account", "seen_at"),
    )


class OpenIdRow(HasMac, DirectoryBase):
    """An account by which a provider of identities knows somebody: its issuer and its subject."""

    __tablename__ = "openid"

    issuer: Mapped[str] = mapped_column(Plain(300), primary_key=True)
    subject: Mapped[str] = mapped_column(Plain(255), primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("issuer", "account"),)


class StaffImportRow(DirectoryBase):
    """A list of places and people that was brought; its bytes go once it is settled.

    `digest`: of every line of the preview, so that what is confirmed is what was shown.
    """

    __tablename__ = "staff_import"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    at: Mapped[datetime]
    file: Mapped[str] = mapped_column(Plain(120))
    content: Mapped[bytes | None]
    state: Mapped[str] = mapped_column(Plain(12), index=True)
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    fault: Mapped[str] = mapped_column(Plain(200), default="")
    digest: Mapped[str] = mapped_column(Plain(64), default="")
    taken_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('reading', 'ready', 'confirmed', 'applied', 'withdrawn', 'unreadable')",
            name="import_state_known",
        ),
    )


class StaffImportLineRow(DirectoryBase):
    """One line of a list as its preview shows it. `cells`: as it was read; `said`: problems, or what changes."""

    __tablename__ = "staff_import_line"

    batch: Mapped[str] = mapped_column(Id, ForeignKey("staff_import.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    verdict: Mapped[str] = mapped_column(Plain(12))
    kind: Mapped[str] = mapped_column(Key)
    cells: Mapped[dict[str, Any]]
    said: Mapped[list[Any]] = mapped_column(JSON())
    account: Mapped[str | None] = mapped_column(Id)
    """Once it is applied: the account that it made."""

    __table_args__ = (Index(None, "batch", "verdict", "line"),)
