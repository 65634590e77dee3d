"""Where the rooms of workshops lie in a PostgreSQL database, beside the other rows of the directory."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import DirectoryBase, Id, Plain, Wrapped


class PlaceRow(DirectoryBase):
    """The schemas of one room, called after this row's id; there before them, and gone after them.

    `making`: they are being made; `free`: nobody has them; `filling`: a workshop is being made there; `stands`: it is
    on the list; `going`: they are to be dropped. `since`: when that began; `made_by`: the role that owns the tables.
    """

    __tablename__ = "room_place"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    state: Mapped[str] = mapped_column(Plain(8))
    since: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(Plain(63))
    revisions: Mapped[str] = mapped_column(Plain(80))
    """Of its tables."""
    workshop: Mapped[str | None] = mapped_column(Id, ForeignKey("workshop.id"))

    __table_args__ = (
        CheckConstraint("state IN ('making', 'free', 'filling', 'stands', 'going')", name="state_known"),
        CheckConstraint("(state = 'stands') = (workshop IS NOT NULL)", name="stands_for_a_workshop"),
        UniqueConstraint("workshop"),
        Index(None, "state", "since"),
        {"info": {"stays": True}},
    )


class PlaceKeyRow(Wrapped, DirectoryBase):
    """What opens a room that stands, wrapped by a master key; and the file of the scenario that is played there."""

    __tablename__ = "room_key"

    place: Mapped[str] = mapped_column(Id, ForeignKey("room_place.id"), primary_key=True)
    scenario: Mapped[bytes]

    __table_args__ = ({"info": {"stays": True}},)

    @property
    def label(self) -> str:
        return f"room:{self.place}"
