"""Rows of other systems: the token that two people made for one, and each reading by it."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.models import FREE, DirectoryBase, HasMac, Id, Plain
from school_protocol.ui.routing import Right


class ApiTokenRow(HasMac, DirectoryBase):
    """What another system may read of a unit, until when; asked for by one person, agreed to by another.

    The token is kept as a keyed hash. `account`: under which readings are noted; nobody signs in by it.
    """

    __tablename__ = "api_token"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    name: Mapped[str] = mapped_column(Plain(80))
    rights: Mapped[str] = mapped_column(Plain(80))
    ends: Mapped[date]
    asked_by: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    agreed_by: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"))
    agreed_at: Mapped[datetime | None]
    account: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"))
    hashed: Mapped[bytes | None] = mapped_column(unique=True)
    drawn_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None] = mapped_column(info=FREE)
    ended_by: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"))
    ended_at: Mapped[datetime | None]

    @property
    def granted(self) -> frozenset[Right]:
        return frozenset(Right(one) for one in self.rights.split())

    def is_good(self, day: date) -> bool:
        """Whether something may be read by it: `ends` is the last day."""
        return self.drawn_at is not None and self.ended_at is None and day <= self.ends

    __table_args__ = (
        CheckConstraint("length(name) >= 1", name="name_said"),
        CheckConstraint("length(rights) >= 1", name="rights_said"),
        CheckConstraint("agreed_by IS NULL OR agreed_by <> asked_by", name="two_people"),
        CheckConstraint("(agreed_by IS NULL) = (agreed_at IS NULL)", name="agreed_by_somebody"),
        CheckConstraint("hashed IS NULL OR length(hashed) = 32", name="token_is_hashed"),
        CheckConstraint("(hashed IS NULL) = (drawn_at IS NULL)", name="drawn_once"),
        CheckConstraint(
            "hashed IS NULL OR (agreed_by IS NOT NULL AND account IS NOT NULL)", name="agreed_before_drawn"
        ),
        CheckConstraint("(ended_by IS NULL) = (ended_at IS NULL)", name="ended_by_somebody"),
    )


class ApiReadRow(HasMac, DirectoryBase):
    """One reading by a token, written before it is answered; append-only. `subject`: the case or release meant."""

    __tablename__ = "api_read"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    token: Mapped[str] = mapped_column(Id, ForeignKey("api_token.id"))
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(Plain(40))
    subject: Mapped[str] = mapped_column(Plain(40))

    __table_args__ = (Index(None, "token", "at", "id"),)
