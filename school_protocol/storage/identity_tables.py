"""Rows of how people prove who they are: codes given to them, second factors, known browsers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.row_macs import FREE, HasMac
from school_protocol.storage.tables import FORGET_ON_RESTORE, DirectoryBase, Id, Key, Plain, Wrapped


class OneTimeCodeRow(HasMac, DirectoryBase):
    """A link or a code of digits that somebody was given: good once, for a time; only its keyed hash is kept."""

    __tablename__ = "one_time_code"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    purpose: Mapped[str] = mapped_column(Key)
    hashed: Mapped[bytes] = mapped_column(unique=True)
    made_by: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None] = mapped_column(info=FREE)

    __table_args__ = (
        CheckConstraint("length(hashed) = 32", name="code_is_hashed"),
        CheckConstraint("expires_at > made_at", name="expires_after_it_was_made"),
        Index(None, "account", "purpose"),
        {"info": FORGET_ON_RESTORE},
    )


class CodeSeedRow(HasMac, Wrapped, DirectoryBase):
    """The seed of the codes that somebody's phone shows, wrapped by a master key; and the last step that was used."""

    __tablename__ = "code_seed"

    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), primary_key=True)
    last_step: Mapped[int] = mapped_column(info=FREE)
    created_at: Mapped[datetime]

    @property
    def label(self) -> str:
        return f"code-seed:{self.account}"


class FormerAddressRow(Wrapped, DirectoryBase):
    """Where an account was reached before its address was changed, wrapped by a master key, until it was told there."""

    __tablename__ = "former_address"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    at: Mapped[datetime]

    @property
    def label(self) -> str:
        return f"former-address:{self.id}"


class RecoveryCodeRow(HasMac, DirectoryBase):
    """One of the codes that stand in for a lost phone: good once; only its keyed hash is kept."""

    __tablename__ = "recovery_code"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    hashed: Mapped[bytes]
    used_at: Mapped[datetime | None] = mapped_column(info=FREE)

    __table_args__ = (CheckConstraint("length(hashed) = 32", name="code_is_hashed"),)


class PasskeyRow(HasMac, DirectoryBase):
    """A passkey's public half; the other half never leaves its device."""

    __tablename__ = "passkey"

    id: Mapped[str] = mapped_column(Plain(1400), primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger, info=FREE)
    name: Mapped[str] = mapped_column(Plain(60))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(info=FREE)


class UsedChallengeRow(DirectoryBase):
    """A passkey's challenge that was answered: a second answer to it is refused while it would be in time."""

    __tablename__ = "used_challenge"

    hashed: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (CheckConstraint("length(hashed) = 32", name="challenge_is_hashed"),)


class KnownBrowserRow(DirectoryBase):
    """A browser in which somebody has signed in before, by the hash of its own long-lived cookie."""

    __tablename__ = "known_browser"

    hashed: Mapped[bytes] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (CheckConstraint("length(hashed) = 32", name="browser_is_hashed"),)


class RestorationRow(HasMac, DirectoryBase):
    """A lost factor: one person asks that it be set anew, another agrees. `closed_at`: used, withdrawn or too old."""

    __tablename__ = "restoration"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    asked_by: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    agreed_by: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"))
    closed_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("agreed_by IS NULL OR agreed_by <> asked_by", name="two_people"),)
