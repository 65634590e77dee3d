"""How many reports came to each unit, and how many were erased as they should be: one taken away is told by that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from school_protocol.storage.placing import add_new
from school_protocol.storage.row_macs import HasMac
from school_protocol.storage.signalement.tables import PublicReportRow
from school_protocol.storage.tables import Id, Key, RealmBase, ReportRow

Counted = type[PublicReportRow | ReportRow]
_COUNTED: tuple[Counted, ...] = (PublicReportRow, ReportRow)


class ReportTallyRow(HasMac, RealmBase):
    """How many rows of one table came to a unit, and how many of them were erased."""

    __tablename__ = "report_tally"

    table: Mapped[str] = mapped_column(Key, primary_key=True)
    unit: Mapped[str] = mapped_column(Id, primary_key=True)
    came: Mapped[int]
    erased: Mapped[int]

    __table_args__ = (CheckConstraint("erased >= 0 AND came >= erased", name="tally_counts"),)


def came(session: Session, model: Counted, units: Mapping[str, int]) -> None:
    """So many rows were added, by unit."""
    for unit in sorted(units):
        _row(session, model, unit).came += units[unit]
    session.flush()


def erase(session: Session, model: Counted, *which: ColumnElement[bool]) -> int:
    """Delete rows as it should be; how many."""
    counted = select(model.unit, func.count()).where(*which).group_by(model.unit).order_by(model.unit)
    for unit, number in session.execute(counted).all():
        _row(session, model, unit).erased += number
    session.flush()
    found: Any = session.execute(delete(model).where(*which))
    return int(found.rowcount)


def missing(session: Session) -> Iterator[str]:
    """Table and unit of which rows are missing, or are there beside the count of what came and was erased."""
    rows = session.scalars(select(ReportTallyRow)).all()
    said = {(row.table, row.unit): row.came - row.erased for row in rows}
    kept: dict[tuple[str, str], int] = {}
    for model in _COUNTED:
        found = session.execute(select(model.unit, func.count()).group_by(model.unit))
        kept |= {(model.__tablename__, unit): number for unit, number in found}
    for table, unit in sorted(kept.keys() | said):
        if kept.get((table, unit), 0) != said.get((table, unit), 0):
            yield f"{table} {unit}"


def _row(session: Session, model: Counted, unit: str) -> ReportTallyRow:
    """Kept from others until the transaction ends."""
    add_new(session, ReportTallyRow, table=model.__tablename__, unit=unit, came=0, erased=0)
    return session.get_one(ReportTallyRow, (model.__tablename__, unit), with_for_update=True)
