"""Figures that were asked for and are being worked out: how far that is. One is worked on at a time, everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from school_protocol.domain.errors import Unseen
from school_protocol.storage.figures.release_tables import FigureJobRow

LEASE = timedelta(minutes=2)
"""Whoever took one and said nothing for so long is taken for dead."""


class State(StrEnum):
    counting = "counting"
    choosing = "choosing"
    """Which counts may be told."""
    checking = "checking"
    """Whether any that is withheld could be worked out."""
    issued = "issued"
    refused = "refused"
    stopped = "stopped"


RUNNING = (State.counting, State.choosing, State.checking)


@dataclass(frozen=True, slots=True)
class Job:
    """Figures of a unit and a school year that somebody asked for, in a role. Its id is that of the release to be."""

    id: str
    protocol: str
    unit: str
    year: int
    account: str
    role: str
    asked_at: datetime
    state: State
    done: int
    total: int
    tries: int
    fault: str
    settled_at: datetime | None

    @property
    def is_running(self) -> bool:
        return self.state in RUNNING


def add(
    session: Session, job_id: str, *, protocol: str, unit: str, year: int, account: str, role: str, at: datetime,
    press: str,
) -> None:  # fmt: skip
    """Write down that figures are asked for."""
    row = FigureJobRow(
        id=job_id, protocol=protocol, unit=unit, year=year, account=account, role=role, asked_at=at,
        state=State.counting.value, press=press,
    )  # fmt: skip
    session.add(row)
    session.flush()


def job(session: Session, job_id: str) -> Job:
    """One; raises Unseen."""
    row = session.get(FigureJobRow, job_id)
    if row is None:
        raise Unseen(job_id)
    return _job(row)


def pressed(session: Session, press: str) -> Job | None:
    """What that press of a form led to."""
    row = session.scalars(select(FigureJobRow).where(FigureJobRow.press == press)).one_or_none()
    return _job(row) if row else None


def latest(session: Session, protocol: str, unit: str) -> Job | None:
    """What is being worked out of a unit; else what was last asked for."""
    query = select(FigureJobRow).where(FigureJobRow.protocol == protocol, FigureJobRow.unit == unit)
    order = (FigureJobRow.settled_at.is_not(None), FigureJobRow.asked_at.desc(), FigureJobRow.id)
    row = session.scalars(query.order_by(*order).limit(1)).one_or_none()
    return _job(row) if row else None


def take_next(session: Session, *, now: datetime) -> Job | None:
    """The one asked for first, under a lease; None where there is none, or somebody is at one."""
    query = select(FigureJobRow).where(FigureJobRow.state.in_([one.value for one in RUNNING]))
    rows = session.scalars(query.order_by(FigureJobRow.asked_at, FigureJobRow.id).with_for_update()).all()
    if not rows or any(row.taken_at is not None and row.taken_at >= now - LEASE for row in rows):
        return None
    rows[0].taken_at = now
    rows[0].tries += 1
    session.flush()
    return _job(rows[0])


def sealed_of(session: Session, job_id: str) -> bytes | None:
    """What was worked out so far."""
    return session.scalar(select(FigureJobRow.sealed).where(FigureJobRow.id == job_id))


def go_on(session: Session, job_id: str, *, done: int, total: int, now: datetime) -> bool:
    """How far it is; False where it was stopped meanwhile."""
    return _change(session, job_id, done=done, total=total, taken_at=now)


def set_state(session: Session, job_id: str, state: State, sealed: bytes, *, now: datetime) -> bool:
    """The next step, with what the one before came to; False where it was stopped meanwhile."""
    return _change(session, job_id, state=state.value, sealed=sealed, done=0, total=0, taken_at=now)


def settle(session: Session, job_id: str, state: State, *, at: datetime, fault: str = "") -> bool:
    """It has come to its end; nothing of what was worked out stays here. False where it had before."""
    return _change(session, job_id, state=state.value, sealed=None, taken_at=None, settled_at=at, fault=fault)


def leave(session: Session, job_id: str) -> None:
    """Nobody is at it any more: whoever comes next goes on."""
    _change(session, job_id, taken_at=None)


def _change(session: Session, job_id: str, **values: object) -> bool:
    running = FigureJobRow.state.in_([one.value for one in RUNNING])
    changed = session.execute(update(FigureJobRow).where(FigureJobRow.id == job_id, running).values(**values))
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _job(row: FigureJobRow) -> Job:
    fields = {name: getattr(row, name) for name in Job.__slots__}
    return Job(**{**fields, "state": State(row.state)})
