"""Yearly reports of schools: the cases of a year, and the copies that were handed out, for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from school_protocol.storage.placing import add_new
from school_protocol.storage.tables import CaseRecordRow, EventRow, TombstoneRow, new_id
from school_protocol.storage.yearly_tables import YearlyReportRow


def case_ids(session: Session, unit: str, protocol: str, starts: datetime, ends: datetime) -> list[str]:
    """The cases of a school whose first event was written from `starts` until before `ends`; none that was erased."""
    erased = exists().where(TombstoneRow.case_id == CaseRecordRow.id, TombstoneRow.seq == 0)
    query = (
        select(CaseRecordRow.id)
        .join(EventRow, and_(EventRow.case_id == CaseRecordRow.id, EventRow.seq == 1))
        .where(CaseRecordRow.unit == unit, CaseRecordRow.protocol == protocol)
        .where(EventRow.at >= starts, EventRow.at < ends, ~erased)
        .order_by(CaseRecordRow.id)
    )
    return list(session.scalars(query))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Which report: of which school and year, by which document of which protocol, up to which day."""

    realm: str
    unit: str
    protocol: str
    document: str
    year: int
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """One copy of a report that was handed out: the figures on it, to whom, in which role, and the file's digest."""

    report: Report
    version: int
    copy: int
    language: str
    actor: str
    role: str
    reader: str
    at: datetime
    digest: str
    figures: Mapping[str, Any]
    press: str


def copies(session: Session, report: Report) -> int:
    """How many copies of that year's report were handed out."""
    return session.scalar(select(func.max(YearlyReportRow.copy)).where(_of_year(report))) or 0


def first(session: Session, report: Report) -> Handed | None:
    """The first copy that spoke of the year up to the same day: its figures are those of all others."""
    query = select(YearlyReportRow).where(_of_year(report), YearlyReportRow.until == report.until)
    row = session.scalars(query.order_by(YearlyReportRow.copy).limit(1)).one_or_none()
    return _handed(row) if row else None


def pressed(session: Session, press: str) -> Handed | None:
    """What that press of a form led to."""
    row = session.scalars(select(YearlyReportRow).where(YearlyReportRow.press == press)).one_or_none()
    return _handed(row) if row else None


def of_digest(session: Session, digest: str) -> Handed | None:
    """The copy whose file has that digest, SHA-256 in hexadecimal figures; None: none was handed out."""
    row = session.scalars(select(YearlyReportRow).where(YearlyReportRow.digest == digest).limit(1)).one_or_none()
    return _handed(row) if row else None


def handed_out(session: Session, unit: str) -> Iterator[Handed]:
    """Every copy of the reports of a school, the newest first."""
    query = select(YearlyReportRow).where(YearlyReportRow.unit == unit)
    yield from map(_handed, session.scalars(query.order_by(YearlyReportRow.at.desc(), YearlyReportRow.copy.desc())))


def write(session: Session, handed: Handed) -> bool:
    """Write down that a copy was handed out, for good; False where its number was given meanwhile.

    So is it where figures were settled meanwhile, by a copy with another number.
    """
    if copies(session, handed.report) + 1 != handed.copy:
        return False
    report = {name: getattr(handed.report, name) for name in Report.__slots__}
    fields = {name: getattr(handed, name) for name in Handed.__slots__ if name != "report"}
    return add_new(session, YearlyReportRow, id=new_id(), **report, **{**fields, "figures": dict(handed.figures)})


def _of_year(report: Report) -> ColumnElement[bool]:
    names = ("realm", "unit", "protocol", "document", "year")
    return and_(*(getattr(YearlyReportRow, name) == getattr(report, name) for name in names))


def _handed(row: YearlyReportRow) -> Handed:
    report = Report(**{name: getattr(row, name) for name in Report.__slots__})
    fields = {name: getattr(row, name) for name in Handed.__slots__ if name != "report"}
    return Handed(report=report, **fields)
