"""Tables of workshops: the list in the directory, and what happens in rooms (clocks, tables, seats, what came to whom).

Rooms lie beside their cases and people, in the store of workshops alone; purged with each.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from school_protocol.storage.models import NAMES, TYPES, DirectoryBase, Id, Key, Plain


class Moments(TypeDecorator[dict[str, datetime]]):
    """Moments by their names, as JSON."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, datetime] | None, dialect: Dialect) -> dict[str, str]:
        return {name: moment.isoformat() for name, moment in (value or {}).items()}

    def process_result_value(self, value: Mapping[str, str] | None, dialect: Dialect) -> dict[str, datetime]:
        return {name: datetime.fromisoformat(said) for name, said in (value or {}).items()}


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
    came: Mapped[dict[str, datetime]] = mapped_column(Moments)
    coming: Mapped[dict[str, datetime]] = mapped_column(Moments)
    traps: Mapped[dict[str, datetime]] = mapped_column(Moments)
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
    table: Mapped[int] = mapped_column("at_table")
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

    def is_writing(self, real: datetime) -> bool:
        return self.writing_until is not None and self.writing_until > real

    def stop_writing(self) -> None:
        """No form is open."""
        self.writing = self.writing_until = None

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


# ---- the list of workshops -----------------------------------------------------------------------------------------
# Nothing of what is played, and no participant.


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
