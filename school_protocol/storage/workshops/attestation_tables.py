"""Who attended a workshop and passed, as the trainer attests it; and the certificates that were handed out of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.row_macs import HasMac
from school_protocol.storage.tables import DirectoryBase, Id, Key, Plain, Wrapped


class AttestationRow(HasMac, Wrapped, DirectoryBase):
    """One person of a workshop. Their name is wrapped by a master key; the rest stands for good, but its withdrawal.

    `academy`: the region that appointed the trainer; `titles`: of scenario and protocol, by language; `certificate`:
    the row that it wrote about an account, which was certified up to `stood_until` before (nothing: it was not).
    """

    __tablename__ = "attestation"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[str] = mapped_column(Plain(13))
    workshop: Mapped[str] = mapped_column(Id, ForeignKey("workshop.id"))
    place: Mapped[int]
    """Which of its workshop's it is, from one."""
    academy: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    scenario: Mapped[str] = mapped_column(Key)
    titles: Mapped[dict[str, Any]]
    protocol: Mapped[str] = mapped_column(Key)
    protocol_version: Mapped[int]
    held_on: Mapped[date]
    minutes: Mapped[int]
    account: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"), index=True)
    attended: Mapped[bool]
    passed: Mapped[bool]
    valid_until: Mapped[date | None]
    certificate: Mapped[str | None] = mapped_column(Id, ForeignKey("certificate.id"))
    stood_until: Mapped[date | None]
    attested_by: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    attested_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"))
    withdrawn_why: Mapped[str | None] = mapped_column(Key)
    withdrawn_sentence: Mapped[str | None] = mapped_column(Plain(200))

    __table_args__ = (
        CheckConstraint("attended OR NOT passed", name="who_passed_attended"),
        CheckConstraint("passed = (valid_until IS NOT NULL)", name="valid_if_passed"),
        CheckConstraint("certificate IS NULL OR account IS NOT NULL", name="certificate_is_of_an_account"),
        CheckConstraint("minutes BETWEEN 1 AND 6000", name="minutes_bounded"),
        CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL) AND (withdrawn_at IS NULL) = (withdrawn_why IS NULL)",
            name="withdrawn_by_somebody_for_a_reason",
        ),
        UniqueConstraint("number"),
        UniqueConstraint("certificate"),
        UniqueConstraint("workshop", "place"),
        Index(None, "academy", "held_on", "id"),
        Index(None, "academy", "valid_until", "id"),
    )

    @property
    def label(self) -> str:
        return f"attestation:{self.id}"


class AttestationCopyRow(HasMac, DirectoryBase):
    """One certificate that was handed out: whose, in which language, and the digest of the file; append-only.

    `press`: a digest of the form that asked for it.
    """

    __tablename__ = "attestation_copy"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    attestation: Mapped[str] = mapped_column(Id, ForeignKey("attestation.id"))
    copy: Mapped[int]
    language: Mapped[str] = mapped_column(Plain(8))
    actor: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    at: Mapped[datetime]
    digest: Mapped[str] = mapped_column(Plain(64), index=True)
    press: Mapped[str] = mapped_column(Plain(64), unique=True)

    __table_args__ = (
        CheckConstraint("copy >= 1", name="copies_count_from_one"),
        CheckConstraint("length(digest) = 64", name="digest_is_sha256"),
        UniqueConstraint("attestation", "copy"),
    )
