"""Repository of what is looked up beside cases: reports, seats, requests to other schools, tallies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, exists, false, func, not_, or_, select
from sqlalchemy.orm import Session

from school_protocol.cases.index_repository import Beside, IndexSeat, is_for_all_day, where_visible
from school_protocol.cases.models import (
    CaseExclusionRow,
    CaseIndexRow,
    CaseKnownRow,
    CaseRequestRow,
    CaseSeatRow,
    ReportRow,
    ReportTallyRow,
    ReviewStateRow,
)
from school_protocol.engine.case_words import said, word_of_number
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Scope
from school_protocol.storage.models import TALLIED, RealmBase, marked_tables, new_id
from school_protocol.storage.sql import add_new
from school_protocol.storage.vault import Vault

# ---- where the reviews of some cases stand -------------------------------------------------------------------------

UNASSESSED, GRAVEST = 0, 1000
"""How grave a case is that nobody has assessed: less than any level, or more, where a danger stands."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """Where the review of a case stands, as lists say it."""

    state: str
    since: datetime
    due_at: datetime | None = None
    observations: int = 0


def queue_states(session: Session, ids: Collection[str]) -> dict[str, QueueState]:
    """Where the reviews of these cases stand."""
    rows = session.execute(_QUEUE_STATES, {"cases": list(ids)}) if ids else ()
    return {row.case_id: QueueState(row.state, row.since, row.due_at, row.observations) for row in rows}


_QUEUE_STATES = select(*ReviewStateRow.__table__.c).where(
    ReviewStateRow.__table__.c.case_id.in_(bindparam("cases", expanding=True))
)


# ---- who is seated in the open cases of some schools ---------------------------------------------------------------
# As the index says: nothing is unsealed for it.


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
    seats: tuple[IndexSeat, ...]
    word: Mapping[str, str]
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
    """The open cases of these units that `scope` sees (None: all), by when they were opened: one query.

    `held_by`: those alone in which one of these holds a seat. `but`: those alone that lack one of these.
    """
    ask = _open_cases if scope is None or is_for_all_day(scope) else _open_cases.__wrapped__
    some = (None if held_by is None else tuple(held_by), None if but is None else tuple(but))
    query = ask(scope, tuple(units), today, *some)
    seats: dict[CaseIndexRow, list[IndexSeat]] = {}
    for row, seat in session.execute(query):
        held = seats.setdefault(row, [])
        if seat is not None:
            held.append(IndexSeat(seat.account, seat.seat, seat.until))
    return tuple(
        OpenCase(
            row.case_id, row.number, row.protocol, row.version, row.unit, row.state, row.opened_at, row.moved_at,
            tuple(held), said(row.word, row.number), row.urgent,
        )
        for row, held in seats.items()
    )  # fmt: skip


@lru_cache(maxsize=256)  # asked for each page of the desk
def _open_cases(
    scope: Scope | None, units: tuple[str, ...], today: date, held_by: tuple[str, ...] | None,
    but: tuple[Carried, ...] | None,
) -> Select[CaseIndexRow, CaseSeatRow]:  # fmt: skip
    where: list[ColumnElement[bool]] = [CaseIndexRow.ended.is_(False), CaseIndexRow.unit.in_(units)]
    if but is not None:  # first, since it leaves few
        where.append(or_(false(), *(_lacks(one, today) for one in but)))
    if scope is not None:
        where.append(where_visible(scope, today))
    if held_by is not None:
        own = select(CaseSeatRow.case_id).where(CaseSeatRow.account.in_(held_by), _is_held(today))
        where.append(CaseIndexRow.case_id.in_(own))
    seated = and_(CaseSeatRow.case_id == CaseIndexRow.case_id, _is_held(today))
    query = select(CaseIndexRow, CaseSeatRow).outerjoin(CaseSeatRow, seated).where(*where)
    return query.order_by(CaseIndexRow.opened_at, CaseIndexRow.case_id)


def words_in_use(session: Session, unit: str, *, but: str = "") -> frozenset[str]:
    """The words of the open cases of a school, of all but that one, as far as whoever asks finds them."""
    row = CaseIndexRow
    query = select(row.word, row.number).where(row.unit == unit, row.ended.is_(False), row.case_id != but)
    return frozenset(word or word_of_number(number) for word, number in session.execute(query))


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


# ---- requests of cases to other schools ----------------------------------------------------------------------------
# Written with the index row, found by whoever may answer them.


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


def requests_of_case(session: Session, case_id: str) -> tuple[Request, ...]:
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


def waiting_requests(
    session: Session, asker: Asker, *, number: str | None = None, seq: int | None = None, limit: int | None = None
) -> tuple[Waiting, ...]:
    """What waits for this person's answer, the oldest first, each request once: of all cases, of one, or one of one.

    Absent and foreign are the same answer.
    """
    asked = (number is not None, seq is not None, limit)
    query = _waiting(asker.account, tuple(sorted(set(asker.offices))), tuple(sorted(asker.seats)), *asked)
    return tuple(Waiting(*row) for row in session.execute(query, {"now": asker.now, "number": number, "seq": seq}))


@lru_cache(maxsize=512)  # asked for each page of the desk
def _waiting(
    account: str, offices: tuple[tuple[str, str], ...], seats: tuple[str, ...], of_case: bool, of_entry: bool,
    limit: int | None,
) -> Select[*tuple[Any, ...]]:  # fmt: skip
    columns = (_Row.case_id, CaseIndexRow.number, CaseIndexRow.unit, _Row.seq, _Row.unit, _Row.kind, _Row.asked_at)
    query = select(*columns, func.min(_Row.due_at)).join(CaseIndexRow, CaseIndexRow.case_id == _Row.case_id)
    held = [and_(_Row.place == unit, _Row.role == role) for role, unit in offices]
    held.append(and_(_Row.place == account, _Row.role.in_(seats)))
    shut = exists().where(CaseExclusionRow.case_id == _Row.case_id, CaseExclusionRow.account == account)
    query = query.where(or_(*held), _Row.shown_from <= bindparam("now"), not_(shut.correlate(_Row)))
    if of_case:
        query = query.where(CaseIndexRow.number == bindparam("number"))
    if of_entry:
        query = query.where(_Row.seq == bindparam("seq"))
    return query.group_by(*columns).order_by(_Row.asked_at, _Row.case_id, _Row.seq).limit(limit)


# ---- tallies: how many reports came to each unit, and how many were erased -----------------------------------------
# One taken away is told by that.


def came(session: Session, model: type[RealmBase], units: Mapping[str, int]) -> None:
    """So many rows were added, by unit."""
    for unit in sorted(units):
        _tallies_row(session, model, unit).came += units[unit]
    session.flush()


def erase(session: Session, model: type[RealmBase], *which: ColumnElement[bool]) -> int:
    """Delete rows as it should be; how many."""
    unit = model.__table__.c.unit
    counted = select(unit, func.count()).where(*which).group_by(unit).order_by(unit)
    for name, number in session.execute(counted).all():
        _tallies_row(session, model, name).erased += number
    session.flush()
    found: Any = session.execute(delete(model).where(*which))
    return int(found.rowcount)


def missing(session: Session) -> Iterator[str]:
    """Table and unit of which rows are missing, or are there beside the count of what came and was erased."""
    rows = session.scalars(select(ReportTallyRow)).all()
    said = {(row.table, row.unit): row.came - row.erased for row in rows}
    kept: dict[tuple[str, str], int] = {}
    for table in marked_tables(RealmBase.metadata, TALLIED):
        found = session.execute(select(table.c.unit, func.count()).group_by(table.c.unit))
        kept |= {(table.name, unit): number for unit, number in found}
    for one in sorted(kept.keys() | said):
        if kept.get(one, 0) != said.get(one, 0):
            yield " ".join(one)


def any_kept(session: Session) -> bool:
    """Whether a report lies here."""
    return bool(session.scalar(select(exists().where(ReportTallyRow.came > ReportTallyRow.erased))))


def _tallies_row(session: Session, model: type[RealmBase], unit: str) -> ReportTallyRow:
    """Kept from others until the transaction ends."""
    add_new(session, ReportTallyRow, table=model.__tablename__, unit=unit, came=0, erased=0)
    return session.get_one(ReportTallyRow, (model.__tablename__, unit), with_for_update=True)


class ReportStatus(StrEnum):
    """What became of a report: opened as a case, linked to one that existed, or answered without one."""

    waiting = "waiting"
    opened = "opened"
    linked = "linked"
    answered = "answered"


def receive(
    session: Session,
    vault: Vault,
    *,
    unit: str,
    received_at: datetime,
    channel: str,
    content: Mapping[str, Any],
    reporter: str | None = None,
) -> str:
    """Keep a new report, sealed; returns its id."""
    row = ReportRow(
        id=new_id(),
        unit=unit,
        received_at=received_at,
        channel=channel,
        reporter=reporter,
        status=ReportStatus.waiting.value,
    )
    seal(vault, row, content)
    session.add(row)
    came(session, ReportRow, {unit: 1})
    return row.id


def seal(vault: Vault, row: ReportRow, content: Mapping[str, Any]) -> None:
    """Put what a report says into its row, under a new key."""
    key = vault.new_case_key()
    row.master, row.wrapped = vault.wrap(key, row.label)
    row.sealed = vault.seal(key, row.label, content)


def content(session: Session, vault: Vault, report_id: str) -> dict[str, Any]:
    """What the report says, opened."""
    row = header(session, report_id)
    key = vault.unwrap(row.master, row.wrapped, row.label)
    values: dict[str, Any] = vault.open_sealed(key, row.label, row.sealed)
    return values


def settle_report(session: Session, report_id: str, status: ReportStatus, case_id: str | None = None) -> None:
    """Say what became of a report; `case_id` where it was opened as, or linked to, a case."""
    row = header(session, report_id)
    row.status, row.case_id = status.value, case_id
    session.flush()


def of_reporter(session: Session, reporter: str, *, limit: int) -> tuple[ReportRow, ...]:
    """One person's own reports, newest first."""
    return tuple(session.scalars(_OF_REPORTER, {"reporter": reporter, "most": limit}))


_OF_REPORTER = (
    select(ReportRow)
    .where(ReportRow.reporter == bindparam("reporter"))
    .order_by(ReportRow.received_at.desc(), ReportRow.id.desc())
    .limit(bindparam("most"))
)


def reports_of_case(session: Session, case_id: str) -> tuple[ReportRow, ...]:
    """The reports that belong to a case, in the order of their arrival."""
    query = select(ReportRow).where(ReportRow.case_id == case_id).order_by(ReportRow.received_at, ReportRow.id)
    return tuple(session.scalars(query))


def header(session: Session, report_id: str) -> ReportRow:
    """A report, its content sealed; raises Unseen."""
    row = session.get(ReportRow, report_id)
    if row is None:
        raise Unseen(report_id)
    return row
