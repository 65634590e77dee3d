"""Rows of the yearly reports of schools that were handed out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.row_macs import HasMac
from school_protocol.storage.tables import DirectoryBase, Id, Key, Plain


class YearlyReportRow(HasMac, DirectoryBase):
    """One copy of a school's yearly report: who was handed it, when, and every figure on it; append-only.

    It belongs to no case. `until`: the last day of which it speaks; `press`: a digest of the form that asked for it.
    """

    __tablename__ = "yearly_report"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    realm: Mapped[str] = mapped_column(Key)
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    protocol: Mapped[str] = mapped_column(Key)
    version: Mapped[int]
    document: Mapped[str] = mapped_column(Key)
    year: Mapped[int]
    until: Mapped[date]
    copy: Mapped[int]
    language: Mapped[str] = mapped_column(Plain(8))
    actor: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    role: Mapped[str] = mapped_column(Key)
    reader: Mapped[str] = mapped_column(Plain(200))
    at: Mapped[datetime]
    digest: Mapped[str] = mapped_column(Plain(64))
    figures: Mapped[dict[str, Any]]
    press: Mapped[str] = mapped_column(Plain(64), unique=True)

    __table_args__ = (
        CheckConstraint("copy >= 1", name="copies_count_from_one"),
        CheckConstraint("length(digest) = 64", name="digest_is_sha256"),
        UniqueConstraint("realm", "unit", "protocol", "document", "year", "copy"),
    )
