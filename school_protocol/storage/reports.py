"""Signalements: each sealed under a key of its own until somebody of the team triages it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from school_protocol.domain.errors import Unseen
from school_protocol.storage import tallies
from school_protocol.storage.keyset import before, beyond
from school_protocol.storage.tables import ReportRow, new_id
from school_protocol.storage.vault import Vault

_ORDER = (ReportRow.received_at, ReportRow.id)


class ReportStatus(StrEnum):
    """What became of a report: opened as a case, linked to one that existed, or answered without one."""

    waiting = "waiting"
    opened = "opened"
    linked = "linked"
    answered = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportHeader:
    """What is clear of a report."""

    id: str
    unit: str
    received_at: datetime
    channel: str
    reporter: str | None
    status: ReportStatus
    case_id: str | None


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
    tallies.came(session, ReportRow, {unit: 1})
    return row.id


def seal(vault: Vault, row: ReportRow, content: Mapping[str, Any]) -> None:
    """Put what a report says into its row, under a new key."""
    key = vault.new_case_key()
    row.master, row.wrapped = vault.wrap(key, row.label)
    row.sealed = vault.seal(key, row.label, content)


def header(session: Session, report_id: str) -> ReportHeader:
    """A report without its content; raises Unseen."""
    return _header(_row(session, report_id))


def content(session: Session, vault: Vault, report_id: str) -> dict[str, Any]:
    """What the report says, opened."""
    row = _row(session, report_id)
    key = vault.unwrap(row.master, row.wrapped, row.label)
    values: dict[str, Any] = vault.open_sealed(key, row.label, row.sealed)
    return values


def settle(session: Session, report_id: str, status: ReportStatus, case_id: str | None = None) -> None:
    """Say what became of a report; `case_id` where it was opened as, or linked to, a case."""
    row = _row(session, report_id)
    row.status, row.case_id = status.value, case_id
    session.flush()


def waiting(
    session: Session, units: Collection[str], *, limit: int, after: ReportHeader | None = None
) -> tuple[ReportHeader, ...]:
    """Reports of these units that nobody has triaged yet, oldest first, from after the last one of the page before."""
    query = select(ReportRow).where(ReportRow.unit.in_(units), ReportRow.status == ReportStatus.waiting.value)
    if after is not None:
        query = query.where(beyond(_ORDER, (after.received_at, after.id)))
    rows = session.scalars(query.order_by(ReportRow.received_at, ReportRow.id).limit(limit))
    return tuple(_header(row) for row in rows)


def of_reporter(
    session: Session, reporter: str, *, limit: int, after: ReportHeader | None = None
) -> tuple[ReportHeader, ...]:
    """One person's own reports, newest first."""
    query = select(ReportRow).where(ReportRow.reporter == reporter)
    if after is not None:
        query = query.where(before(_ORDER, (after.received_at, after.id)))
    rows = session.scalars(query.order_by(ReportRow.received_at.desc(), ReportRow.id.desc()).limit(limit))
    return tuple(_header(row) for row in rows)


def of_case(session: Session, case_id: str) -> tuple[ReportHeader, ...]:
    """The reports that belong to a case, in the order of their arrival."""
    query = select(ReportRow).where(ReportRow.case_id == case_id).order_by(ReportRow.received_at, ReportRow.id)
    return tuple(_header(row) for row in session.scalars(query))


def _row(session: Session, report_id: str) -> ReportRow:
    row = session.get(ReportRow, report_id)
    if row is None:
        raise Unseen(report_id)
    return row


def _header(row: ReportRow) -> ReportHeader:
    return ReportHeader(
        id=row.id,
        unit=row.unit,
        received_at=row.received_at,
        channel=row.channel,
        reporter=row.reporter,
        status=ReportStatus(row.status),
        case_id=row.case_id,
    )
