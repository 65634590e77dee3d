"""What happens in the rooms of workshops: clocks, tables, seats, what came to whom. Beside their cases and people, in
the store of workshops alone; purged with each.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from school_protocol.storage.tables import NAMES, TYPES, Id, Key, Plain


class RoomBase(DeclarativeBase):
    """The tables that are none of the real realm's."""

    metadata = MetaData(naming_convention=NAMES, info={"bind_key": "room"})
    type_annotation_map = TYPES


class RoomRow(RoomBase):
    """One room: where its clock stands, what is played there, and what opens it, wrapped by the store's own key.

    `workshop`: which one it is; nothing while it is made, and once it is to go: nobody opens it then.
    """

    __tablename__ = "room"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workshop: Mapped[str | None] = mapped_column(Id, unique=True)
    made_at: Mapped[datetime]
    master: Mapped[int]
    wrapped: Mapped[bytes]
    scenario: Mapped[bytes]
    protocol: Mapped[bytes]
    state: Mapped[str] = mapped_column(Plain(8))
    moment: Mapped[datetime]
    since: Mapped[datetime]
    pace: Mapped[int]
    held_until: Mapped[datetime | None]
    frozen: Mapped[bool]
    alive_at: Mapped[datetime | None]
    """The last sign of life of what serves it."""

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'begun', 'ended')", name="state_known"),
        CheckConstraint("pace IN (0, 1, 60)", name="pace_known"),
    )


class TableRow(RoomBase):
    """One table: its own school, province and academy, what came to it, and what it has fallen into."""

    __tablename__ = "room_table"

    room: Mapped[str] = mapped_column(Id, ForeignKey("room.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    school: Mapped[str] = mapped_column(Id)
    province: Mapped[str] = mapped_column(Id)
    region: Mapped[str] = mapped_column(Id)
    hints: Mapped[bool]
    hand_at: Mapped[datetime | None]
    came: Mapped[dict[str, Any]]
    coming: Mapped[dict[str, Any]]
    traps: Mapped[dict[str, Any]]
    held: Mapped[list[Any]]
    """Injects that the trainer holds back."""
    cases: Mapped[list[Any]]
    """Where each of its cases stands: what the wall shows."""
    next_at: Mapped[datetime | None]
    """When, by the workshop's clock, something comes or falls due next."""
    is_stale: Mapped[bool]
    """Whether it is to be looked at whatever the time is."""


class SeatRow(RoomBase):
    """A participant's place, or one that the trainer plays: an account of the workshop's own, no person's name."""

    __tablename__ = "room_seat"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    room: Mapped[str] = mapped_column(Id)
    at_table: Mapped[int]
    name: Mapped[str] = mapped_column(Plain(40))
    account: Mapped[str] = mapped_column(Id)
    roles: Mapped[list[Any]]
    token: Mapped[bytes | None] = mapped_column(LargeBinary())
    """A keyed hash of what the phone holds; nothing: the phone is signed out."""
    pin: Mapped[str] = mapped_column(Plain(8))
    """What it signs with, and comes back with on another phone."""
    is_trainer: Mapped[bool]
    joined_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    writing: Mapped[str | None] = mapped_column(Plain(200))
    """The form that it has open."""
    writing_until: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["room", "at_table"], ["room_table.room", "room_table.number"]),
        UniqueConstraint("account"),
        Index(None, "token"),
        Index(None, "room", "at_table", "joined_at"),
    )


class AttemptRow(RoomBase):
    """What a table tried and was refused."""

    __tablename__ = "room_attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(Id)
    at_table: Mapped[int]
    at: Mapped[datetime]
    account: Mapped[str] = mapped_column(Id)
    role: Mapped[str] = mapped_column(Key)
    case_number: Mapped[str] = mapped_column(Plain(20))
    name: Mapped[str] = mapped_column(Key)
    why: Mapped[list[Any]]
    codes: Mapped[list[Any]]
    """Of what a form found wrong."""

    __table_args__ = (
        ForeignKeyConstraint(["room", "at_table"], ["room_table.room", "room_table.number"]),
        Index(None, "room", "at_table", "id"),
    )


class WordRow(RoomBase):
    """Words of the trainer to a table (0: to all), or of a participant who stays unknown (`feedback`)."""

    __tablename__ = "room_word"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    room: Mapped[str] = mapped_column(Id, ForeignKey("room.id"))
    kind: Mapped[str] = mapped_column(Plain(8))
    at_table: Mapped[int]
    at: Mapped[datetime]
    master: Mapped[int]
    wrapped: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("kind IN ('message', 'feedback')", name="kind_known"),
        Index(None, "room", "kind", "at"),
    )


class TryRow(RoomBase):
    """Somebody gave a number for the seat of that name at that table; what was right is taken back, and old ones go.

    No seat need have that name.
    """

    __tablename__ = "room_try"

    id: Mapped[int] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(Id, ForeignKey("room.id"))
    at_table: Mapped[int]
    name: Mapped[str] = mapped_column(Plain(80))
    at: Mapped[datetime]

    __table_args__ = (Index(None, "room", "at_table", "name"),)
