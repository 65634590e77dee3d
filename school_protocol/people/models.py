"""Tables of certificates, contacts, calendars, duty turns, imported lists, attestations."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.models import DirectoryBase, HasMac, Id, Key, Plain, Wrapped


class ContactRow(HasMac, DirectoryBase):
    """Whom to call for a referral target; without a unit: the whole country's. `revision` counts its changes."""

    __tablename__ = "contact"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    unit: Mapped[str | None] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    target: Mapped[str] = mapped_column(Key)
    names: Mapped[dict[str, Any]]
    labels: Mapped[dict[str, Any]]
    city: Mapped[dict[str, Any]] = mapped_column(default=dict)
    phone: Mapped[str] = mapped_column(Plain(40), default="")
    url: Mapped[str] = mapped_column(Plain(300), default="")
    hours: Mapped[dict[str, Any]]
    verified_on: Mapped[date | None]
    verified_by: Mapped[str | None] = mapped_column(Id)
    position: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(default=1)
    retired_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("(verified_on IS NULL) = (verified_by IS NULL)", name="verified_by_somebody"),)


class CalendarRow(HasMac, DirectoryBase):
    """School time of a unit and of all below it."""

    __tablename__ = "calendar"

    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"), primary_key=True)
    timezone: Mapped[str] = mapped_column(Plain(60))
    opening: Mapped[dict[str, Any]]
    exceptions: Mapped[list[Any]]
    closed: Mapped[list[Any]]


# ---- certificates that were seen, accounts linked to a ministry's, lists that were brought -------------------------


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


# ---- the duty roster, and levels of schools ------------------------------------------------------------------------


class DutyTurnRow(HasMac, DirectoryBase):
    """Somebody of a directorate or an academy is told of what is urgent, from a moment until another."""

    __tablename__ = "duty_turn"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    starts: Mapped[datetime]
    ends: Mapped[datetime]
    entered_by: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    entered_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("starts < ends", name="begins_before_it_ends"), Index(None, "unit", "ends"))


class SchoolLevelRow(HasMac, DirectoryBase):
    """Of which level a school is, where a list said so."""

    __tablename__ = "school_level"

    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"), primary_key=True)
    level: Mapped[str] = mapped_column(Plain(12))

    __table_args__ = (CheckConstraint("level IN ('primary', 'lower', 'upper')", name="level_known"),)


# ---- who attended a workshop and passed, and the certificates handed out of it -------------------------------------


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
