"""Schools by what their teams lack, by name; and which of them opened a case since some month."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, String, cast, distinct, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from school_protocol.domain.policy import UnitKind
from school_protocol.storage import directory, staff
from school_protocol.storage.tables import AccountRow, AppointmentRow, UnitRow
from school_protocol.storage.visits.tables import SchoolLevelRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which schools, and what counts as their team: `roles`, of whom `trained` are asked for."""

    units: Collection[str]
    roles: Collection[str]
    today: date
    until: date
    """A certificate that ends by that day ends soon."""
    trained: int = 0
    lack: str = ""
    """`team`: nobody; `few`: a team with fewer trained people than asked; `ending`: a certificate ends soon or has;
    `long`: a team of which somebody was there by `since`; empty: every school. Whoever can't sign in yet is nobody."""
    since: date | None = None
    level: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A school in the order of a list: by name, then by id."""

    name: str
    id: str


def page(session: Session, wanted: Wanted, language: str, *, after: Place | None = None, limit: int) -> list[Place]:
    """The next schools by name in that language, after the last one of the page before."""
    name = _name(language)
    query = select(name, UnitRow.id).where(
        UnitRow.kind == UnitKind.school.value, UnitRow.id.in_(staff.below(wanted.units)), *_lacking(wanted)
    )
    if wanted.level:
        query = query.where(UnitRow.id.in_(select(SchoolLevelRow.unit).where(SchoolLevelRow.level == wanted.level)))
    if after is not None:
        query = query.where(tuple_(name, UnitRow.id) > tuple_(literal(after.name), literal(after.id)))
    return [Place(*row) for row in session.execute(query.order_by(name, UnitRow.id).limit(limit))]


def _name(language: str) -> ColumnElement[str]:
    names = (UnitRow.names[key].as_string() for key in dict.fromkeys((language, "fr", "ar")))
    return cast(func.coalesce(*names, UnitRow.code), String)


def _lacking(wanted: Wanted) -> list[ColumnElement[bool]]:
    team = _holders(wanted)
    current = _holders(wanted, AccountRow.certified.is_(True), AccountRow.trained_until >= wanted.today)
    match wanted.lack:
        case "team":
            return [team == 0]
        case "few":
            return [team > 0, current < wanted.trained]
        case "ending":
            return [_holders(wanted, AccountRow.certified.is_(True), AccountRow.trained_until <= wanted.until) > 0]
        case "long":
            return [_holders(wanted, AppointmentRow.starts <= wanted.since) > 0]
    return []


def _holders(wanted: Wanted, *narrowed: ColumnElement[bool]) -> Any:
    """How many people who can sign in hold a role of the team there today."""
    query = (
        select(func.count(distinct(AppointmentRow.account)))
        .join(AccountRow, AccountRow.id == AppointmentRow.account)
        .where(
            AppointmentRow.unit == UnitRow.id, AppointmentRow.role.in_(list(wanted.roles)),
            AppointmentRow.starts <= wanted.today,
            or_(AppointmentRow.ends.is_(None), AppointmentRow.ends >= wanted.today),
            directory.not_withdrawn(), AccountRow.active.is_(True), directory.has_way_in(), *narrowed,
        )
    )  # fmt: skip
    return query.correlate(UnitRow).scalar_subquery()


# ---- levels of schools ---------------------------------------------------------------------------------------------


def levels(session: Session, units: Collection[str]) -> dict[str, str]:
    """Of which level these schools are, where it is known."""
    rows = session.scalars(select(SchoolLevelRow).where(SchoolLevelRow.unit.in_(list(units))))
    return {row.unit: row.level for row in rows}


def set_level(session: Session, unit: str, level: str) -> None:
    """Keep of which level a school is."""
    session.merge(SchoolLevelRow(unit=unit, level=level))
    session.flush()
