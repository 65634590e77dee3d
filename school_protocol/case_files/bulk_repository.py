"""Jobs of many copies: which cases, how far each job is, what it waits for, how long its copies are kept."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, not_, or_, select, update
from sqlalchemy.orm import Session

from school_protocol.case_files.models import BulkCaseRow, BulkRow, HandedPaperRow
from school_protocol.cases.index_repository import where_visible
from school_protocol.cases.models import CaseIndexRow
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Scope
from school_protocol.storage.models import new_id
from school_protocol.storage.sql import add_new, add_rows


class State(StrEnum):
    running = "running"
    done = "done"
    stopped = "stopped"


class CaseState(StrEnum):
    waiting = "waiting"
    done = "done"
    refused = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which cases: of these schools (None: of all), open, or ended with their last move in these moments."""

    protocol: str
    units: Collection[str] | None
    ended: bool
    moved_from: datetime | None = None
    moved_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Cases that this scope sees on that day."""

    scope: Scope
    today: date


def choose(session: Session, scope: Scope, choice: Choice, *, today: date, limit: int) -> list[tuple[str, str]]:
    """Ids and numbers of the cases that this scope sees, by number."""
    case = CaseIndexRow
    where: list[ColumnElement[bool]] = [
        where_visible(scope, today), case.protocol == choice.protocol, case.ended.is_(choice.ended)
    ]  # fmt: skip
    if choice.units is not None:
        where.append(case.unit.in_(choice.units))
    if choice.moved_from is not None:
        where.append(case.moved_at >= choice.moved_from)
    if choice.moved_before is not None:
        where.append(case.moved_at < choice.moved_before)
    query = select(case.case_id, case.number).where(*where).order_by(case.number).limit(limit)
    return [(case_id, number) for case_id, number in session.execute(query)]


def add(
    session: Session,
    *,
    account: str,
    protocol: str,
    profile: str,
    language: str,
    chosen: Mapping[str, Any],
    cases: Sequence[tuple[str, str]],
    at: datetime,
    until: datetime,
) -> str | None:
    """Ask for copies of these cases (id and number); returns the job's id, or None where one of this person's runs."""
    bulk = new_id()
    is_new = add_new(
        session, BulkRow, id=bulk, account=account, protocol=protocol, profile=profile, language=language,
        chosen=dict(chosen), token=secrets.token_hex(16), begun_at=at, state=State.running.value, until=until, why="",
        trouble="",
    )  # fmt: skip
    if not is_new:
        return None
    lines = [
        {"bulk": bulk, "place": place, "case_id": case_id, "number": number, "state": CaseState.waiting.value,
         "why": "", "copy": 0, "sight": "", "tries": 0}
        for place, (case_id, number) in enumerate(cases, start=1)
    ]  # fmt: skip
    add_rows(session, BulkCaseRow, lines)
    return bulk


def job(session: Session, bulk_id: str) -> BulkRow:
    """The job with that id; raises Unseen."""
    row = session.get(BulkRow, bulk_id, populate_existing=True)
    if row is None:
        raise Unseen(bulk_id)
    return row


def running(session: Session, account: str) -> str | None:
    """The job of this person that runs."""
    return session.scalar(select(BulkRow.id).where(BulkRow.account == account, BulkRow.state == State.running.value))


def of_account(session: Session, account: str, *, limit: int) -> tuple[BulkRow, ...]:
    """What this person asked for, newest first."""
    query = select(BulkRow).where(BulkRow.account == account).order_by(BulkRow.begun_at.desc(), BulkRow.id.desc())
    return tuple(session.scalars(query.limit(limit)))


def counts(session: Session, bulk_id: str, seen: Seen | None = None) -> dict[CaseState, int]:
    """How many of its cases, or of those that are seen, stand how."""
    query = select(BulkCaseRow.state, func.count()).where(BulkCaseRow.bulk == bulk_id).group_by(BulkCaseRow.state)
    query = _among(query, seen)
    found = {str(state): int(number) for state, number in session.execute(query)}
    return {state: found.get(state.value, 0) for state in CaseState}


def cases_of(
    session: Session, bulk_id: str, *states: CaseState, after: int = 0, limit: int, seen: Seen | None = None
) -> tuple[BulkCaseRow, ...]:
    """Its cases that stand so, or those of them that are seen, in their order, from after a place."""
    row = BulkCaseRow
    wanted = (row.bulk == bulk_id, row.place > after, row.state.in_([state.value for state in states]))
    query = _among(select(row).where(*wanted).order_by(row.place).limit(limit), seen)
    return tuple(session.scalars(query, execution_options={"populate_existing": True}))


def _among(query: Any, seen: Seen | None) -> Any:
    if seen is None:
        return query
    same = CaseIndexRow.case_id == BulkCaseRow.case_id
    return query.join(CaseIndexRow, same).where(where_visible(seen.scope, seen.today))


# ---- going on ------------------------------------------------------------------------------------------------------


def waiting(session: Session, *, left_since: datetime) -> tuple[str, ...]:
    """Ids of the jobs that run and that nobody is at, oldest first."""
    query = select(BulkRow.id).where(BulkRow.state == State.running.value, _free(left_since))
    return tuple(session.scalars(query.order_by(BulkRow.begun_at, BulkRow.id)))


def take(session: Session, bulk_id: str, *, now: datetime, left_since: datetime) -> bool:
    """Whether this worker is the one that goes on with it."""
    return _changed(session, _running(bulk_id).where(_free(left_since)).values(taken_at=now))


def leave(session: Session, bulk_id: str, own: datetime) -> None:
    """Whoever took it at `own` is at it no more: the next worker goes on. A lease that another holds stays."""
    _changed(session, update(BulkRow).where(BulkRow.id == bulk_id, BulkRow.taken_at == own).values(taken_at=None))


def is_taken(session: Session, bulk_id: str, *, left_since: datetime) -> bool:
    """Whether a worker is at it: it may be making one more copy though the job was stopped."""
    query = select(BulkRow.id).where(BulkRow.id == bulk_id, not_(_free(left_since)))
    return session.scalar(query) is not None


def settle_case(
    session: Session,
    bulk_id: str,
    place: int,
    *,
    own: datetime,
    now: datetime,
    copy: int = 0,
    sight: str = "",
    why: str = "",
) -> bool:
    """One case has its copy, for the eyes of `sight`, or is refused for `why`; the lease of `own` begins anew.

    False where the job runs no longer, or another worker is at it by now.
    """
    state = CaseState.done if copy else CaseState.refused
    _changed(session, _of(bulk_id, place).values(state=state.value, copy=copy, sight=sight, why=why))
    return _changed(session, _running(bulk_id).where(BulkRow.taken_at == own).values(taken_at=now, trouble=""))


def try_again(session: Session, bulk_id: str, place: int, *, own: datetime, now: datetime) -> int:
    """One case could not be worked on; how often that was so."""
    _changed(session, _running(bulk_id).where(BulkRow.taken_at == own).values(taken_at=now))
    _changed(session, _of(bulk_id, place).values(tries=BulkCaseRow.tries + 1))
    found = select(BulkCaseRow.tries).where(BulkCaseRow.bulk == bulk_id, BulkCaseRow.place == place)
    return session.scalar(found) or 0


def hold_up(session: Session, bulk_id: str, trouble: str) -> None:
    """It waits for something that somebody must mend."""
    _changed(session, _running(bulk_id).values(trouble=trouble))


def settle(session: Session, bulk_id: str, *, at: datetime, until: datetime, document: str, why: str = "") -> bool:
    """It is done, or stopped where `why` is a code; all its copies are kept until then. False where it was settled.

    Whoever is at a job that is stopped may be making a copy still, and leaves it afterwards.
    """
    state = State.stopped if why else State.done
    values: dict[str, Any] = {
        "state": state.value, "settled_at": at, "why": why, "trouble": "", "until": until,
        **({} if why else {"taken_at": None}),
    }  # fmt: skip
    if not _changed(session, _running(bulk_id).values(values)):
        return False
    session.execute(
        update(HandedPaperRow)
        .where(HandedPaperRow.document == document, _is_of(bulk_id))
        .values(until=until)
        .execution_options(synchronize_session=False)
    )
    return True


def remove(session: Session, bulk_id: str, document: str) -> None:
    """The job and the copies that are kept for it are gone; what was noted in the cases stays."""
    kept = delete(HandedPaperRow).where(HandedPaperRow.document == document, _is_of(bulk_id))
    session.execute(kept.execution_options(synchronize_session=False))
    session.execute(delete(BulkCaseRow).where(BulkCaseRow.bulk == bulk_id))
    session.execute(delete(BulkRow).where(BulkRow.id == bulk_id))


def drop_outdated(session: Session, now: datetime) -> None:
    """Jobs whose copies are kept no longer."""
    old = select(BulkRow.id).where(BulkRow.until <= now)
    session.execute(delete(BulkCaseRow).where(BulkCaseRow.bulk.in_(old)))
    session.execute(delete(BulkRow).where(BulkRow.until <= now))


def _is_of(bulk_id: str) -> ColumnElement[bool]:
    """Whether a kept copy is one of this job's."""
    row = BulkCaseRow
    same = and_(row.case_id == HandedPaperRow.case_id, row.copy == HandedPaperRow.copy)
    return exists().where(row.bulk == bulk_id, row.state == CaseState.done.value, same)


def _running(bulk_id: str) -> Any:
    return update(BulkRow).where(BulkRow.id == bulk_id, BulkRow.state == State.running.value)


def _of(bulk_id: str, place: int) -> Any:
    waits = BulkCaseRow.state == CaseState.waiting.value
    return update(BulkCaseRow).where(BulkCaseRow.bulk == bulk_id, BulkCaseRow.place == place, waits)


def _free(left_since: datetime) -> ColumnElement[bool]:
    return or_(BulkRow.taken_at.is_(None), BulkRow.taken_at < left_since)


def _changed(session: Session, statement: Any) -> bool:
    found: Any = session.execute(statement.execution_options(synchronize_session=False))
    return int(found.rowcount) == 1
