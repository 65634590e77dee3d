"""Lists of places and people that were brought: their bytes, the lines of their preview, how far each one is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AccountRow, AppointmentRow, UnitRow
from school_protocol.auth.repository import Account
from school_protocol.engine.visibility import Unit
from school_protocol.people.models import StaffImportLineRow, StaffImportRow
from school_protocol.storage.models import new_id
from school_protocol.storage.sql import add_rows

LEASE = timedelta(minutes=2)
"""Whoever took a list and said nothing for so long is taken for dead."""


class State(StrEnum):
    reading = "reading"
    ready = "ready"
    confirmed = "confirmed"
    applied = "applied"
    withdrawn = "withdrawn"
    unreadable = "unreadable"


class Verdict(StrEnum):
    """What becomes of a line."""

    new = "new"
    changed = "changed"
    unchanged = "unchanged"
    refused = "refused"


OPEN = (State.reading, State.ready, State.confirmed)


@dataclass(frozen=True, slots=True)
class Batch:
    """A list that was brought. `done` of `total` lines are read; `fault`: why none is, or why it was read anew."""

    id: str
    account: str
    at: datetime
    file: str
    state: State
    total: int
    done: int
    fault: str
    digest: str
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list. `cells`: as it was read; `said`: problems, or what changes; `account`: that it made."""

    line: int
    verdict: Verdict
    kind: str
    cells: Mapping[str, str]
    said: Sequence[Any]
    account: str | None = None


def bring(session: Session, account: str, content: bytes, file: str, total: int, *, at: datetime) -> str:
    """Keep a list that was brought; returns its id."""
    row = StaffImportRow(
        id=new_id(), account=account, at=at, file=file[:120], content=content, state=State.reading.value, total=total
    )
    session.add(row)
    session.flush()
    return row.id


def batch(session: Session, batch_id: str) -> Batch | None:
    """One list."""
    row = session.get(StaffImportRow, batch_id)
    return _batch(row) if row else None


def batches(session: Session, account: str, *, limit: int) -> tuple[Batch, ...]:
    """The lists that this person brought, newest first."""
    query = select(StaffImportRow).where(StaffImportRow.account == account)
    return tuple(_batch(row) for row in session.scalars(query.order_by(StaffImportRow.at.desc()).limit(limit)))


def content_of(session: Session, batch_id: str) -> bytes:
    """The bytes of a list that isn't settled; empty afterwards."""
    return session.scalar(select(StaffImportRow.content).where(StaffImportRow.id == batch_id)) or b""


def take_next(session: Session, *, now: datetime) -> Batch | None:
    """The oldest list that waits to be read or applied, under a lease; None where nothing waits."""
    waiting = StaffImportRow.state.in_([State.reading.value, State.confirmed.value])
    free = or_(StaffImportRow.taken_at.is_(None), StaffImportRow.taken_at < now - LEASE)
    row = session.scalar(select(StaffImportRow).where(waiting, free).order_by(StaffImportRow.at).limit(1))
    if row is None:
        return None
    row.taken_at = now
    session.flush()
    return _batch(row)


def take(session: Session, batch_id: str, *, now: datetime) -> None:
    """Hold a list: somebody is at it."""
    session.execute(update(StaffImportRow).where(StaffImportRow.id == batch_id).values(taken_at=now))


def set_state(session: Session, batch_id: str, state: State, *, at: datetime, fault: str = "") -> None:
    """Where a list stands now; its bytes go where it is settled."""
    values: dict[str, Any] = {"state": state.value, "fault": fault, "taken_at": None}
    if state not in OPEN:
        values |= {"settled_at": at, "content": None}
    session.execute(update(StaffImportRow).where(StaffImportRow.id == batch_id).values(**values))


def begin_lines(session: Session, batch_id: str) -> None:
    """Nothing is known of its lines yet."""
    session.execute(delete(StaffImportLineRow).where(StaffImportLineRow.batch == batch_id))
    session.execute(update(StaffImportRow).where(StaffImportRow.id == batch_id).values(done=0, digest=""))


def keep_lines(session: Session, batch_id: str, lines: Sequence[Line], *, now: datetime) -> None:
    """Some lines more of its preview."""
    rows = [
        {"batch": batch_id, "line": one.line, "verdict": one.verdict.value, "kind": one.kind,
         "cells": dict(one.cells), "said": list(one.said), "account": None}
        for one in lines
    ]  # fmt: skip
    add_rows(session, StaffImportLineRow, rows)
    values = {"done": StaffImportRow.done + len(rows), "taken_at": now}
    session.execute(update(StaffImportRow).where(StaffImportRow.id == batch_id).values(**values))


def set_ready(session: Session, batch_id: str, digest: str, *, at: datetime, fault: str = "") -> None:
    """Its preview is whole."""
    set_state(session, batch_id, State.ready, at=at, fault=fault)
    session.execute(update(StaffImportRow).where(StaffImportRow.id == batch_id).values(digest=digest))


def counts(session: Session, batch_id: str) -> dict[tuple[str, Verdict], int]:
    """How many lines of each kind get which verdict."""
    row = StaffImportLineRow
    query = select(row.kind, row.verdict, func.count()).where(row.batch == batch_id).group_by(row.kind, row.verdict)
    return {(kind, Verdict(verdict)): count for kind, verdict, count in session.execute(query)}


def lines(
    session: Session, batch_id: str, verdicts: Collection[Verdict], *, after: int = 0, limit: int, kind: str = ""
) -> tuple[Line, ...]:
    """Lines of a preview in the order of the file, after the last line of the page before."""
    row = StaffImportLineRow
    query = select(row).where(row.batch == batch_id, row.verdict.in_([one.value for one in verdicts]), row.line > after)
    if kind:
        query = query.where(row.kind == kind)
    return tuple(_line(found) for found in session.scalars(query.order_by(row.line).limit(limit)))


def made_accounts(session: Session, batch_id: str) -> tuple[str, ...]:
    """The accounts that a list made, in its order."""
    row = StaffImportLineRow
    query = select(row.account).where(row.batch == batch_id, row.account.is_not(None)).order_by(row.line)
    return tuple(dict.fromkeys(one for one in session.scalars(query) if one))


def note_accounts(session: Session, batch_id: str, made: Mapping[int, str]) -> None:
    """Which line made which account."""
    if not made:
        return
    rows = StaffImportLineRow.__table__
    where = (rows.c.batch == batch_id, rows.c.line == bindparam("at"))
    session.connection().execute(
        update(rows).where(*where).values(account=bindparam("made")),  # type: ignore[arg-type]
        [{"at": line, "made": account} for line, account in made.items()],
    )


def drop_settled(session: Session, before: datetime) -> int:
    """Forget lists that were settled, or left unconfirmed, before that moment, with the addresses in them.

    What waits for the worker is forgotten by nobody.
    """
    unconfirmed = StaffImportRow.state == State.ready.value
    old = or_(StaffImportRow.settled_at < before, and_(unconfirmed, StaffImportRow.at < before))
    ids = session.scalars(select(StaffImportRow.id).where(old)).all()
    session.execute(delete(StaffImportLineRow).where(StaffImportLineRow.batch.in_(ids)))
    session.execute(delete(StaffImportRow).where(StaffImportRow.id.in_(ids)))
    return len(ids)


def _batch(row: StaffImportRow) -> Batch:
    return Batch(
        row.id, row.account, row.at, row.file, State(row.state), row.total, row.done, row.fault, row.digest,
        row.settled_at,
    )  # fmt: skip


def _line(row: StaffImportLineRow) -> Line:
    return Line(row.line, Verdict(row.verdict), row.kind, dict(row.cells), tuple(row.said), row.account)


# ---- many at once --------------------------------------------------------------------------------------------------


def units_coded(session: Session, codes: Collection[str]) -> dict[str, Unit]:
    """The units with these codes."""
    ids = session.scalars(select(UnitRow.id).where(UnitRow.code.in_(list(codes)))).all() if codes else ()
    return {unit.code: unit for unit in auth_repository.find_units(session, ids).values()}


def accounts_named(session: Session, usernames: Collection[str]) -> dict[str, Account]:
    """The accounts with these user names, as they are kept."""
    query = select(AccountRow.id).where(AccountRow.username.in_(list(usernames)))
    found = auth_repository.accounts(session, session.scalars(query).all() if usernames else ())
    return {account.username: account for account in found.values()}


def add_units(session: Session, units: Iterable[Mapping[str, Any]]) -> None:
    """New units: id, kind, code, names, parent each."""
    add_rows(session, UnitRow, [dict(one) for one in units])


def add_accounts(session: Session, accounts: Iterable[Mapping[str, Any]]) -> None:
    """New accounts, active and without a way in: id, username, names, language, created_at, email, phone each."""
    rows = [
        {"password_hash": None, "certified": False, "trained_until": None, "active": True, **one} for one in accounts
    ]
    add_rows(session, AccountRow, rows)


def add_appointments(session: Session, appointments: Sequence[Mapping[str, Any]]) -> None:
    """New appointments: id, account, role, unit, starts, ends each."""
    add_rows(session, AppointmentRow, [dict(one) for one in appointments])


def in_chunks(found: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The same, some at a time."""
    chunk: list[Any] = []
    for one in found:
        chunk.append(one)
        if len(chunk) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
