"""Tables of accounts, units, appointments, sessions, one-time codes, passkeys and restorations."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.models import (
    FORGET_ON_RESTORE,
    FREE,
    NEEDS_KEYS,
    DirectoryBase,
    HasMac,
    Id,
    Key,
    Plain,
    Wrapped,
)


class AccountRow(HasMac, DirectoryBase):
    """Somebody who can sign in."""

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(Plain(80), unique=True)
    names: Mapped[dict[str, Any]]
    password_hash: Mapped[str | None] = mapped_column(Plain(255))
    language: Mapped[str] = mapped_column(Plain(12))
    certified: Mapped[bool] = mapped_column(default=False)
    trained_until: Mapped[date | None]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    email: Mapped[str | None] = mapped_column(Plain(254))
    phone: Mapped[str | None] = mapped_column(Plain(40))

    __table_args__ = (CheckConstraint("length(username) >= 1", name="username_said"), {"info": NEEDS_KEYS})


class UnitRow(HasMac, DirectoryBase):
    """A school, a province, a region or the country."""

    __tablename__ = "unit"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Plain(12))
    code: Mapped[str] = mapped_column(Plain(40), unique=True)
    names: Mapped[dict[str, Any]]
    parent: Mapped[str | None] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    city: Mapped[str] = mapped_column(Plain(80), default="")

    __table_args__ = (
        CheckConstraint("kind IN ('school', 'province', 'region', 'country')", name="kind_known"),
        CheckConstraint("kind <> 'school' OR length(code) = 6", name="school_code_is_gresa"),
        CheckConstraint("parent IS NULL OR parent <> id", name="not_its_own_parent"),
    )


class AppointmentRow(HasMac, DirectoryBase):
    """A role held in a unit, both days included."""

    __tablename__ = "appointment"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    role: Mapped[str] = mapped_column(Key)
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    starts: Mapped[date]
    ends: Mapped[date | None]

    __table_args__ = (
        CheckConstraint("ends IS NULL OR ends >= starts", name="ends_after_it_starts"),
        Index(None, "unit", "role"),
    )


class WebSessionRow(HasMac, DirectoryBase):
    """A signed-in browser; only the hash of its token is kept. `stage`: whether a second factor is still awaited."""

    __tablename__ = "web_session"

    token: Mapped[bytes] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(info=FREE)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    user_agent: Mapped[str] = mapped_column(Plain(120), default="")
    stage: Mapped[str] = mapped_column(Plain(12), server_default="full")

    __table_args__ = (
        CheckConstraint("length(token) = 32", name="token_is_hashed"),
        CheckConstraint("expires_at > created_at", name="expires_after_it_began"),
        {"info": FORGET_ON_RESTORE},
    )


class ThrottleRow(DirectoryBase):
    """One attempt to sign in, by hashed subject (a username, an address)."""

    __tablename__ = "throttle"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    subject: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (CheckConstraint("length(subject) = 32", name="subject_is_hashed"), Index(None, "subject", "at"))


# What was told to whom: ids, keys and moments only. A row that waits is also the work of delivering
# it.


class Channel(StrEnum):
    """The ways in which a message goes out; `none` where there is no way."""

    mail = "mail"
    sms = "sms"
    none = "none"


# ---- how people prove who they are: codes given to them, second factors, known browsers ----------------------------


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


class TrustedBrowserRow(DirectoryBase):
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


# ---- accounts linked to a ministry's -------------------------------------------------------------------------------


class OpenIdRow(HasMac, DirectoryBase):
    """An account by which a provider of identities knows somebody: its issuer and its subject."""

    __tablename__ = "openid"

    issuer: Mapped[str] = mapped_column(Plain(300), primary_key=True)
    subject: Mapped[str] = mapped_column(Plain(255), primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("issuer", "account"),)
