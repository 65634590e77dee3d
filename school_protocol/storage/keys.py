"""Wrapped keys in rows: those of cases and of their objects; and turning the ring of master keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from school_protocol.domain.errors import Sealed
from school_protocol.storage.engines import Store
from school_protocol.storage.tables import CaseKeyRow, CaseRecordRow, DraftRow, ObjectKeyRow, ReportRow, Wrapped, new_id
from school_protocol.storage.vault import Vault

_WRAPPED: tuple[type[Wrapped], ...] = (CaseKeyRow, ReportRow, DraftRow)
_BATCH = 500


def prepare_key(store: Store, vault: Vault) -> str:
    """A new case id whose key is already committed, in a transaction of its own: no case without its key."""
    case_id = new_id()
    key = vault.new_case_key()
    with store.writing() as session:
        row = CaseKeyRow(case_id=case_id, created_at=datetime.now(UTC))
        row.master, row.wrapped = vault.wrap(key, row.label)
        session.add(row)
    return case_id


def drop_unused_keys(session: Session, before: datetime) -> int:
    """Keys prepared before that moment whose case was never opened are dropped; returns how many."""
    opened = exists().where(CaseRecordRow.id == CaseKeyRow.case_id)
    unused = session.scalars(select(CaseKeyRow.case_id).where(CaseKeyRow.created_at < before, ~opened)).all()
    session.execute(delete(CaseKeyRow).where(CaseKeyRow.case_id.in_(unused)))
    return len(unused)


def case_key(session: Session, vault: Vault, case_id: str) -> bytes:
    """The key of a case; raises Sealed where it was destroyed."""
    row = session.get(CaseKeyRow, case_id)
    if row is None:
        raise Sealed(f"the key of case {case_id} was destroyed")
    return vault.unwrap(row.master, row.wrapped, row.label)


def new_object_key(session: Session, vault: Vault, key: bytes, case_id: str, object_id: str) -> bytes:
    """A fresh key for one object of a case, kept wrapped by `key`, the key of the case."""
    own = vault.new_case_key()
    wrapped = vault.wrap_object(key, case_id, object_id, own)
    session.merge(ObjectKeyRow(case_id=case_id, object_id=object_id, wrapped=wrapped))
    session.flush()
    return own


def object_key(session: Session, vault: Vault, key: bytes, case_id: str, object_id: str) -> bytes:
    """The key of one object; raises Sealed where it was destroyed."""
    row = session.get(ObjectKeyRow, (case_id, object_id))
    if row is None:
        raise Sealed(f"the key of {object_id} in case {case_id} was destroyed")
    return vault.unwrap_object(key, case_id, object_id, row.wrapped)


def destroy_object_key(session: Session, case_id: str, object_id: str) -> None:
    """What was sealed under it stays sealed for ever."""
    own = (ObjectKeyRow.case_id == case_id, ObjectKeyRow.object_id == object_id)
    session.execute(delete(ObjectKeyRow).where(*own))


def rotate(store: Store, vault: Vault, progress: Callable[[int, int], None] | None = None) -> int:
    """A new master key, then every wrapped key under it. No event is touched; returns how many keys were re-wrapped."""
    vault.add_master()
    return rewrap(store, vault, progress)


def rewrap(store: Store, vault: Vault, progress: Callable[[int, int], None] | None = None) -> int:
    """Bring what older master keys still wrap under the newest, batch by batch: takes up an interrupted rotation."""
    with store.reading() as session:
        total = _left(session, vault.newest)
    done = 0
    while batch := _rewrap_batch(store, vault):
        done += batch
        if progress:
            progress(done, max(total, done))
    return done


def retire_masters(store: Store, vault: Vault) -> tuple[int, ...]:
    """Destroy the master keys that wrap nothing any more. Only once every process has seen the newest one."""
    with store.writing() as session:
        held = set[int]()
        for table in _WRAPPED:
            held.update(session.scalars(select(table.master).distinct()))
        idle = tuple(number for number in vault.numbers if number != vault.newest and number not in held)
        for number in idle:
            vault.remove_master(number)
    return idle


def _left(session: Session, newest: int) -> int:
    return sum(
        session.scalar(select(func.count()).select_from(table).where(table.master < newest)) or 0 for table in _WRAPPED
    )


def _rewrap_batch(store: Store, vault: Vault) -> int:
    with store.writing() as session:
        for table in _WRAPPED:
            stale = select(table).where(table.master < vault.newest).limit(_BATCH).with_for_update()
            rows = session.scalars(stale).all()
            for row in rows:
                key = vault.unwrap(row.master, row.wrapped, row.label)
                row.master, row.wrapped = vault.wrap(key, row.label)
            if rows:
                return len(rows)
    return 0
