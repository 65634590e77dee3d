"""Requests of cases to other schools: written with the index row, found by whoever may answer them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from school_protocol.storage.index import Beside
from school_protocol.storage.index_tables import CaseExclusionRow, CaseIndexRow
from school_protocol.storage.sharing.tables import CaseKnownRow, CaseRequestRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a case asks by its entry `seq`, and one who may answer; `shown_from`: from when on they know of it."""

    seq: int
    role: str
    place: str
    unit: str
    kind: str
    asked_at: datetime
    shown_from: datetime
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request as a list shows it."""

    case_id: str
    number: str
    home: str
    """The unit of the case."""
    seq: int
    unit: str
    kind: str
    asked_at: datetime
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks what waits for them, in which offices (role, unit), and when."""

    account: str
    offices: tuple[tuple[str, str], ...]
    seats: tuple[str, ...]
    """The seats that receive, in any protocol."""
    now: datetime


_Row = CaseRequestRow


def rows_of(case_id: str, requests: Iterable[Request], known: Iterable[str]) -> tuple[Beside, ...]:
    """What stands beside a case's index row of what it asks, and of the units that ever were asked."""
    rows = [{"case_id": case_id, **asdict(one)} for one in requests]
    places = [{"case_id": case_id, "place": one} for one in sorted(set(known))]
    return (_Row, rows), (CaseKnownRow, places)


def of_case(session: Session, case_id: str) -> tuple[Request, ...]:
    """What one case asks, for work that nobody looks at."""
    order = (_Row.seq, _Row.role, _Row.place)
    rows = session.scalars(select(_Row).where(_Row.case_id == case_id).order_by(*order))
    return tuple(
        Request(
            seq=row.seq, role=row.role, place=row.place, unit=row.unit, kind=row.kind, asked_at=row.asked_at,
            shown_from=row.shown_from, due_at=row.due_at,
        )
        for row in rows
    )  # fmt: skip


def waiting(
    session: Session, asker: Asker, *, number: str | None = None, seq: int | None = None, limit: int | None = None
) -> tuple[Waiting, ...]:
    """What waits for this person's answer, the oldest first, each request once: of all cases, of one, or one of one.

    Absent and foreign are the same answer.
    """
    columns = (_Row.case_id, CaseIndexRow.number, CaseIndexRow.unit, _Row.seq, _Row.unit, _Row.kind, _Row.asked_at)
    query = select(*columns, func.min(_Row.due_at)).join(CaseIndexRow, CaseIndexRow.case_id == _Row.case_id)
    query = query.where(_open_to(asker))
    if number is not None:
        query = query.where(CaseIndexRow.number == number)
    if seq is not None:
        query = query.where(_Row.seq == seq)
    query = query.group_by(*columns).order_by(_Row.asked_at, _Row.case_id, _Row.seq).limit(limit)
    return tuple(Waiting(*row) for row in session.execute(query))


def _open_to(asker: Asker) -> ColumnElement[bool]:
    held = [and_(_Row.place == unit, _Row.role == role) for role, unit in sorted(set(asker.offices))]
    held.append(and_(_Row.place == asker.account, _Row.role.in_(sorted(asker.seats))))
    shut = exists().where(CaseExclusionRow.case_id == _Row.case_id, CaseExclusionRow.account == asker.account)
    return and_(or_(*held), _Row.shown_from <= asker.now, not_(shut.correlate(_Row)))
