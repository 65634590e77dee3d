"""Rows of sealed bytes that lie in the database, and the one row that says where all of them lie."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import Id, Plain, RealmBase


class KeptBlobRow(RealmBase):
    """The sealed bytes of a file, where files lie in the database; `name` is the `place` of its row."""

    __tablename__ = "kept_blob"

    name: Mapped[str] = mapped_column(Plain(40), primary_key=True)
    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), index=True)
    content: Mapped[bytes]

    __table_args__ = {"info": {"batch": 4}}  # noqa: RUF012 - as SQLAlchemy wants it


class FilesAtRow(RealmBase):
    """The one row that says where files lie; none: in the folder beside the data. `place` is always 1."""

    __tablename__ = "files_at"

    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    address: Mapped[str] = mapped_column(Plain(300))

    __table_args__ = (CheckConstraint("place = 1", name="files_are_in_one_place"),)
