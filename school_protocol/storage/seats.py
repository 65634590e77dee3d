"""Who is seated in the open cases of some schools, as the index says: nothing is unsealed for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, exists, false, not_, or_, select
from sqlalchemy.orm import Session

from school_protocol.domain.policy import Scope
from school_protocol.storage.index import Seat, where_visible
from school_protocol.storage.index_tables import CaseExclusionRow, CaseIndexRow, CaseSeatRow


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An open case with the seats that are held in it on that day."""

    case_id: str
    number: str
    protocol: str
    version: int
    unit: str
    state: str
    opened_at: datetime
    moved_at: datetime
    seats: tuple[Seat, ...]
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Carried:
    """A seat in the cases of a unit that run by one protocol, and who carries a case by holding it."""

    unit: str
    protocol: str
    seat: str
    by: frozenset[str]


def open_cases(
    session: Session,
    scope: Scope | None,
    units: Collection[str],
    *,
    today: date,
    held_by: Collection[str] | None = None,
    but: Collection[Carried] | None = None,
) -> tuple[OpenCase, ...]:
    """The open cases of these units that `scope` sees (None: all), by when they were opened: two queries.

    `held_by`: those alone in which one of these holds a seat. `but`: those alone that lack one of these.
    """
    where: list[ColumnElement[bool]] = [CaseIndexRow.ended.is_(False), CaseIndexRow.unit.in_(units)]
    if but is not None:  # first, since it leaves few
        where.append(or_(false(), *(_lacks(one, today) for one in but)))
    if scope is not None:
        where.append(where_visible(scope, today))
    if held_by is not None:
        own = select(CaseSeatRow.case_id).where(CaseSeatRow.account.in_(held_by), _is_held(today))
        where.append(CaseIndexRow.case_id.in_(own))
    rows = session.scalars(select(CaseIndexRow).where(*where).order_by(CaseIndexRow.opened_at, CaseIndexRow.case_id))
    found = rows.all()
    if not found:
        return ()
    chosen = select(CaseIndexRow.case_id).where(*where)
    seats: dict[str, list[Seat]] = {}
    for seat in session.scalars(select(CaseSeatRow).where(CaseSeatRow.case_id.in_(chosen), _is_held(today))):
        seats.setdefault(seat.case_id, []).append(Seat(seat.account, seat.seat, seat.until))
    return tuple(
        OpenCase(
            row.case_id,
            row.number,
            row.protocol,
            row.version,
            row.unit,
            row.state,
            row.opened_at,
            row.moved_at,
            tuple(seats.get(row.case_id, ())),
            row.urgent,
        )
        for row in found
    )


def _lacks(carried: Carried, today: date) -> ColumnElement[bool]:
    """Others than these sit there; or nobody, once the case has left the hands of the whole team."""
    seat = (CaseSeatRow.case_id == CaseIndexRow.case_id, CaseSeatRow.seat == carried.seat, _is_held(today))
    held = exists().where(*seat).correlate(CaseIndexRow)
    well = exists().where(*seat, CaseSeatRow.account.in_(sorted(carried.by))).correlate(CaseIndexRow)
    here = (CaseIndexRow.unit == carried.unit, CaseIndexRow.protocol == carried.protocol)
    return and_(*here, or_(CaseIndexRow.team_sees.is_(False), held), not_(well))


@dataclass(frozen=True, slots=True)
class Apart:
    """An open case that somebody takes no part in: where it is, and who is seated."""

    places: frozenset[str]
    seated: frozenset[str]


def excluded_from(session: Session, account: str, *, today: date) -> tuple[Apart, ...]:
    """The open cases from which this person is excluded."""
    query = select(CaseIndexRow).where(
        CaseIndexRow.ended.is_(False),
        CaseIndexRow.case_id.in_(select(CaseExclusionRow.case_id).where(CaseExclusionRow.account == account)),
    )
    found = session.scalars(query).all()
    seats: dict[str, set[str]] = {row.case_id: set() for row in found}
    for seat in session.scalars(select(CaseSeatRow).where(CaseSeatRow.case_id.in_(seats), _is_held(today))):
        seats[seat.case_id].add(seat.account)
    return tuple(Apart(frozenset({row.unit, row.province, row.region}), frozenset(seats[row.case_id])) for row in found)


def _is_held(today: date) -> ColumnElement[bool]:
    return or_(CaseSeatRow.until.is_(None), CaseSeatRow.until >= today)
