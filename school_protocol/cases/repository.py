"""Repository of cases: opened once, events appended and read back, words destroyed, cases erased; and identities."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, func, select
from sqlalchemy.orm import Session

from school_protocol.cases import lookup_repository
from school_protocol.cases.models import CaseIndexRow, DocumentCopyRow, IdentityMarkRow, IdentityRow, ReportRow
from school_protocol.engine.errors import Conflict, Unseen
from school_protocol.engine.events import Entry, EventKind
from school_protocol.storage import case_keys, journal
from school_protocol.storage.case_numbers import new_number
from school_protocol.storage.engines import BESIDE
from school_protocol.storage.master_keys import open_bytes, seal_bytes
from school_protocol.storage.models import (
    MADE_OF_CASE,
    CaseKeyRow,
    CaseRecordRow,
    EventRow,
    EventWordsRow,
    ObjectKeyRow,
    RealmBase,
    TombstoneRow,
    marked_tables,
)
from school_protocol.storage.sql import add_rows
from school_protocol.storage.vault import Vault, canonical, from_canonical, normalised


def open_case(
    session: Session,
    vault: Vault,
    *,
    case_id: str,
    number: str,
    protocol: str,
    version: int,
    digest: str,
    unit: str,
    opened_at: datetime,
) -> None:
    """Record a case whose key `prepare_key` has committed; its first event follows in the same transaction."""
    case_keys.case_key(session, vault, case_id)
    session.add(
        CaseRecordRow(
            id=case_id,
            number=number,
            protocol=protocol,
            version=version,
            digest=digest,
            unit=unit,
            opened_at=opened_at,
        )
    )
    session.flush()


def any_opened(session: Session) -> bool:
    """Whether a case was ever opened here, though it be erased."""
    return bool(session.scalar(select(select(CaseRecordRow).exists())))


def opened(session: Session, case_id: str) -> CaseRecordRow:
    """How a case was opened; raises Unseen where there is none. Where it stands now the index and the fold say."""
    return _held(session).get(case_id) or _with_key(session, _TO_OPEN, case_id)


def _with_key(session: Session, which: Select[CaseRecordRow, CaseKeyRow], case_id: str) -> CaseRecordRow:
    """The record, and the case's key for whoever opens its events next."""
    found = session.execute(which, {"case": case_id}).one_or_none()
    if found is None:
        raise Unseen(case_id)
    record, key = found
    case_keys.keep_in_mind(session, key)
    return record


_TO_OPEN = (
    select(CaseRecordRow, CaseKeyRow)
    .outerjoin(CaseKeyRow, CaseKeyRow.case_id == CaseRecordRow.id)
    .where(CaseRecordRow.id == bindparam("case"))
)


def find_by_number(session: Session, number: str) -> str | None:
    """The id of the case with that number, whoever may see it: pages ask `index_repository.find` instead."""
    return session.scalar(_WITH_NUMBER, {"number": number})


_RECORDS, _EVENTS = CaseRecordRow.__table__.c, EventRow.__table__.c
_WITH_NUMBER = select(_RECORDS.id).where(_RECORDS.number == bindparam("number"))


def unit_of(session: Session, number: str) -> str | None:
    """The unit that opened the case with that number."""
    return session.scalar(select(CaseRecordRow.unit).where(CaseRecordRow.number == number))


def free_number(session: Session, rng: random.Random) -> str:
    """A number that no case of this store has."""
    while find_by_number(session, number := new_number(rng)):
        pass
    return number


def taken(session: Session, numbers: Iterable[str]) -> set[str]:
    """Those of these numbers that cases of this store have."""
    return set(session.scalars(select(CaseRecordRow.number).where(CaseRecordRow.number.in_(list(numbers)))))


def seen_as(session: Session, case_id: str) -> frozenset[str]:
    """In which roles the case was opened since it came in: kind and role of an event stand in clear."""
    seen = select(EventRow.role).where(EventRow.case_id == case_id, EventRow.kind == EventKind.case_seen.value)
    return frozenset(session.scalars(seen))


def state(session: Session, case_id: str) -> tuple[int, int]:
    """The number of the latest event, and how many have words that were not destroyed: nothing else of them changes."""
    last, worded = session.execute(_STATE, {"case": case_id}).one()
    return last or 0, worded


def last_seq(session: Session, case_id: str) -> int:
    """The number of the latest event; 0 before the first."""
    return session.scalar(_LAST_SEQ, {"case": case_id}) or 0


_LAST_SEQ = select(func.max(_EVENTS.seq)).where(_EVENTS.case_id == bindparam("case"))
_WORDED = select(func.count()).select_from(EventWordsRow).where(EventWordsRow.case_id == bindparam("case"))
_STATE = select(_LAST_SEQ.scalar_subquery(), _WORDED.scalar_subquery())


# ---- append --------------------------------------------------------------------------------------------------------


def append(
    session: Session, vault: Vault, case_id: str, expected_seq: int, entries: Sequence[Entry]
) -> tuple[Entry, ...]:
    """Add entries after event `expected_seq`, sealed and chained; returns them numbered, or raises Conflict."""
    record, head = hold(session, case_id), journal.head(session, case_id)
    found = head.seq if head else 0
    if found != expected_seq:
        raise Conflict(expected_seq, found)
    numbered = tuple(replace(entry, seq=found + place) for place, entry in enumerate(entries, start=1))
    rows, before = Chained(), bytes.fromhex(head.hash) if head else journal.root_hash(vault, record)
    rows.seal(vault, case_keys.case_key(session, vault, case_id), record, before, numbered)
    rows.write(session)
    return numbered


def hold(session: Session, case_id: str) -> CaseRecordRow:
    """The record, held against other writers of this case (on SQLite the whole store already is). Raises Unseen.

    Whoever writes what follows from a case's events takes it before they are read.
    """
    held = _held(session)
    if case_id not in held:
        held[case_id] = _with_key(session, _TO_HOLD, case_id)
    return held[case_id]


def _held(session: Session) -> dict[str, CaseRecordRow]:
    found: dict[str, CaseRecordRow] = session.info.setdefault(CaseRecordRow.__tablename__, {})
    return found


_TO_HOLD = _TO_OPEN.with_for_update(key_share=True, of=CaseRecordRow)


def hold_beside(session: Session, case_id: str) -> None:
    """Hold the record where others may write beside this session: what is decided rests on what is read after it."""
    if session.info.get(BESIDE):
        hold(session, case_id)


@dataclass(slots=True)
class Chained:
    """Rows of entries that are sealed and linked, not written yet: of one case or of many."""

    events: list[dict[str, Any]] = field(default_factory=list)
    words: list[dict[str, Any]] = field(default_factory=list)
    own_keys: list[dict[str, Any]] = field(default_factory=list)
    """Keys of words, each wrapped by the key of its case."""

    def seal(self, vault: Vault, key: bytes, record: CaseRecordRow, before: bytes, entries: Iterable[Entry]) -> None:
        """Add numbered entries of a case, after the link `before`."""
        for entry in entries:
            row = _sealed_event(vault, key, record.id, entry)
            if entry.words:
                row.words_commitment = self._seal_words(vault, key, record.id, entry)
            row.prev_hash = before
            row.hash = before = journal.link_hash(vault, row)
            self.events.append(_columns(row))

    def _seal_words(self, vault: Vault, key: bytes, case_id: str, entry: Entry) -> bytes:
        object_id, own = _words_object(entry.seq), vault.new_case_key()
        wrapped = vault.wrap_object(key, case_id, object_id, own)
        data = canonical(entry.words)
        sealed = seal_bytes(own, journal.words_label(case_id, entry.seq), data)
        self.own_keys.append({"case_id": case_id, "object_id": object_id, "wrapped": wrapped})
        self.words.append({"case_id": case_id, "seq": entry.seq, "object_id": object_id, "sealed": sealed})
        return vault.commit(own, data)

    def write(self, session: Session) -> None:
        """Put them into their tables, events before their words."""
        for table, rows in ((EventRow, self.events), (ObjectKeyRow, self.own_keys), (EventWordsRow, self.words)):
            add_rows(session, table, rows)


def _sealed_event(vault: Vault, key: bytes, case_id: str, entry: Entry) -> EventRow:
    data = canonical(entry.body)
    return EventRow(
        case_id=case_id,
        seq=entry.seq,
        kind=str(entry.kind),
        actor=entry.actor,
        role=entry.role,
        at=entry.at,
        occurred_at=entry.occurred_at,
        sealed=seal_bytes(key, journal.body_label(case_id, entry.seq), data),
        body_commitment=vault.commit(key, data),
        words_commitment=None,
    )


def _words_object(seq: int) -> str:
    return f"words:{seq}"


def _columns(row: EventRow) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in EventRow.__table__.columns}


# ---- load ----------------------------------------------------------------------------------------------------------


def load_events(session: Session, vault: Vault, case_id: str) -> tuple[Entry, ...]:
    """Every event of a case, opened; raises Unseen for no such case, Sealed for one that was erased."""
    rows = session.execute(_EVERY_EVENT, {"case": case_id}).all()
    if not rows:
        opened(session, case_id)
        return ()
    key = case_keys.case_key(session, vault, case_id)
    return tuple(_opened_entry(vault, key, row) for row in rows)


def kinds_since(session: Session, case_id: str, seq: int) -> dict[int, str]:
    """Number → sort of each event after number `seq`, in their order; nothing is opened for that."""
    return dict(session.execute(_KINDS_SINCE, {"case": case_id, "seq": seq}).all())


_KINDS_SINCE = (
    select(_EVENTS.seq, _EVENTS.kind)
    .where(_EVENTS.case_id == bindparam("case"), _EVENTS.seq > bindparam("seq"))
    .order_by(_EVENTS.seq)
)


def _every_event() -> Select[*tuple[Any, ...]]:
    event, words, own = EventRow.__table__, EventWordsRow.__table__, ObjectKeyRow.__table__
    joined = event.outerjoin(words, (words.c.case_id == event.c.case_id) & (words.c.seq == event.c.seq)).outerjoin(
        own, (own.c.case_id == words.c.case_id) & (own.c.object_id == words.c.object_id)
    )
    columns = (
        *(event.c[name] for name in ("case_id", "seq", "kind", "actor", "role", "at", "occurred_at", "sealed")),
        event.c.words_commitment, words.c.object_id, words.c.sealed.label("sealed_words"), own.c.wrapped,
    )  # fmt: skip
    return select(*columns).select_from(joined).where(event.c.case_id == bindparam("case")).order_by(event.c.seq)


_EVERY_EVENT = _every_event()


def _opened_entry(vault: Vault, key: bytes, row: Row[*tuple[Any, ...]]) -> Entry:
    body = open_bytes(key, journal.body_label(row.case_id, row.seq), row.sealed)
    return Entry(
        seq=row.seq,
        kind=row.kind,
        actor=row.actor,
        role=row.role,
        at=row.at,
        occurred_at=row.occurred_at,
        body=from_canonical(body),
        words=_opened_words(vault, key, row),
    )


def _opened_words(vault: Vault, key: bytes, row: Row[*tuple[Any, ...]]) -> dict[str, str] | None:
    if row.words_commitment is None:
        return {}
    if row.sealed_words is None or row.wrapped is None:
        return None
    own = vault.unwrap_object(key, row.case_id, row.object_id, row.wrapped)
    words: dict[str, str] = from_canonical(open_bytes(own, journal.words_label(row.case_id, row.seq), row.sealed_words))
    return words


# ---- destroy -------------------------------------------------------------------------------------------------------


def destroy_words(session: Session, vault: Vault, case_id: str, seq: int, *, at: datetime, actor: str) -> None:
    """Destroy the words of one event and their key; the event stands, a tombstone says who did it, and when."""
    event = session.get(EventRow, (case_id, seq))
    if event is None or event.words_commitment is None:
        raise Unseen(f"{case_id} event {seq} has no words")
    if session.get(TombstoneRow, (case_id, seq)) is None:
        _bury(session, vault, case_id, seq, at, actor)
    session.execute(delete(EventWordsRow).where(EventWordsRow.case_id == case_id, EventWordsRow.seq == seq))
    case_keys.destroy_object_key(session, case_id, _words_object(seq))
    forget_what_was_made(session, case_id)


def destroy_case(session: Session, vault: Vault, case_id: str, *, at: datetime, actor: str) -> None:
    """Erase a case: its keys, words, identities, marks, reports and index row. The chain and a tombstone stay."""
    hold(session, case_id)
    if session.get(TombstoneRow, (case_id, journal.WHOLE_CASE)) is None:
        _bury(session, vault, case_id, journal.WHOLE_CASE, at, actor)
    lookup_repository.erase(session, ReportRow, ReportRow.case_id == case_id)
    for table in (CaseKeyRow, ObjectKeyRow, EventWordsRow, IdentityMarkRow, IdentityRow, CaseIndexRow):
        session.execute(delete(table).where(table.case_id == case_id))
    forget_what_was_made(session, case_id)
    session.expire_all()


def forget_what_was_made(session: Session, case_id: str) -> None:
    """No file that was made of this case is kept any more: something in it was destroyed."""
    for table in marked_tables(RealmBase.metadata, MADE_OF_CASE):
        session.execute(delete(table).where(table.c.case_id == case_id))


def graves(session: Session, case_id: str) -> int:
    """How often something of a case was destroyed: it writes no event."""
    found = session.scalar(select(func.count()).select_from(TombstoneRow).where(TombstoneRow.case_id == case_id))
    return int(found or 0)


def is_destroyed(session: Session, case_id: str) -> bool:
    """Whether the case was erased on purpose."""
    return session.get(TombstoneRow, (case_id, journal.WHOLE_CASE)) is not None


def _bury(session: Session, vault: Vault, case_id: str, seq: int, at: datetime, actor: str) -> None:
    row = TombstoneRow(case_id=case_id, seq=seq, at=at, actor=actor)
    row.hash = journal.tombstone_hash(vault, row)
    session.add(row)
    session.flush()


# ---- copies --------------------------------------------------------------------------------------------------------


def case_copies(session: Session, case_id: str, document: str) -> int:
    """How many copies were handed out so far."""
    row = session.get(DocumentCopyRow, (case_id, document))
    return row.copies if row is not None else 0


def next_copy(session: Session, case_id: str, document: str) -> int:
    """The number of the copy that is being handed out now, from 1."""
    hold(session, case_id)
    row = session.get(DocumentCopyRow, (case_id, document))
    if row is None:
        row = DocumentCopyRow(case_id=case_id, document=document, copies=0)
        session.add(row)
    row.copies += 1
    session.flush()
    return row.copies


# ---- identities: who stands in the slots of a case -----------------------------------------------------------------
# Names sealed one by one, found again by keyed marks within one's own unit.


@dataclass(frozen=True, slots=True)
class Identity:
    """One person of a case: the slot, and what is known of them (None where it was destroyed)."""

    slot_id: str
    slot: str
    values: Mapping[str, Any] | None


def keep_identities(
    session: Session,
    vault: Vault,
    case_id: str,
    *,
    slot_id: str,
    slot: str,
    values: Mapping[str, Any],
    marks: Iterable[str] = (),
) -> None:
    """Seal who stands in a slot, in place of what was kept; `marks` are the names and codes to find the case by."""
    unit = opened(session, case_id).unit
    forget_identities(session, case_id, slot_id)
    kept = sealed(vault, case_keys.case_key(session, vault, case_id), case_id, slot_id, slot, values)
    add_rows(session, ObjectKeyRow, [kept.own_key])
    add_rows(session, IdentityRow, [kept.row])
    if found := mark_rows(vault, unit, case_id, slot_id, marks):
        add_rows(session, IdentityMarkRow, found)


@dataclass(frozen=True, slots=True)
class Sealed:
    """Rows of one person: their key, wrapped by the key of the case, and what is sealed under it."""

    own_key: dict[str, Any]
    row: dict[str, Any]


def sealed(vault: Vault, key: bytes, case_id: str, slot_id: str, slot: str, values: Mapping[str, Any]) -> Sealed:
    """Who stands in a slot, sealed, not written yet."""
    own = vault.new_case_key()
    wrapped = vault.wrap_object(key, case_id, _object(slot_id), own)
    said = vault.seal(own, _label(case_id, slot_id), values)
    return Sealed(
        {"case_id": case_id, "object_id": _object(slot_id), "wrapped": wrapped},
        {"case_id": case_id, "slot_id": slot_id, "slot": slot, "sealed": said},
    )


def mark_rows(vault: Vault, unit: str, case_id: str, slot_id: str, marks: Iterable[str]) -> list[dict[str, Any]]:
    """Rows by which a case is found by a name or a code, not written yet."""
    found = {vault.mark(unit, text) for text in marks if normalised(text)}
    return [{"unit": unit, "mark": mark, "case_id": case_id, "slot_id": slot_id} for mark in found]


def load_identities(session: Session, vault: Vault, case_id: str) -> tuple[Identity, ...]:
    """Everybody in a case, opened, in the order of their slots' ids."""
    key = case_keys.case_key(session, vault, case_id)
    rows = session.execute(_OF_CASE, {"case": case_id})
    return tuple(
        Identity(row.slot_id, row.slot, _opened(vault, key, case_id, row))
        for row in sorted(rows, key=lambda r: r.slot_id)
    )


def _of_case() -> Select[*tuple[Any, ...]]:
    known, own = IdentityRow.__table__, ObjectKeyRow.__table__
    its_own = (own.c.case_id == known.c.case_id) & (own.c.object_id == "identity:" + known.c.slot_id)
    query = select(known.c.slot_id, known.c.slot, known.c.sealed, own.c.wrapped)
    return query.select_from(known.outerjoin(own, its_own)).where(known.c.case_id == bindparam("case"))


_OF_CASE = _of_case()


def marked(session: Session, most: int) -> list[tuple[str, str, str, set[bytes]]]:
    """Some of those who are found by marks: case, slot, the unit in which they are found, their marks."""
    row = IdentityMarkRow
    some = session.execute(select(row.case_id, row.slot_id, row.unit).distinct().limit(most)).all()
    return [
        (case_id, slot_id, unit, set(session.scalars(
            select(row.mark).where(row.case_id == case_id, row.slot_id == slot_id, row.unit == unit)
        )))
        for case_id, slot_id, unit in some
    ]  # fmt: skip


def forget_identities(session: Session, case_id: str, slot_id: str) -> None:
    """Remove a slot's row, key and marks."""
    case_keys.destroy_object_key(session, case_id, _object(slot_id))
    session.execute(delete(IdentityRow).where(IdentityRow.case_id == case_id, IdentityRow.slot_id == slot_id))
    unmark(session, case_id, [slot_id])


def unmark(session: Session, case_id: str, slot_ids: Collection[str]) -> None:
    """Remove the marks of these people alone: what is sealed stays, the case is no longer found by them."""
    marks = (IdentityMarkRow.case_id == case_id, IdentityMarkRow.slot_id.in_(slot_ids))
    session.execute(delete(IdentityMarkRow).where(*marks))


def _opened(vault: Vault, key: bytes, case_id: str, row: Any) -> Mapping[str, Any] | None:
    if row.wrapped is None:
        return None
    own = vault.unwrap_object(key, case_id, _object(row.slot_id), row.wrapped)
    values: dict[str, Any] = vault.open_sealed(own, _label(case_id, row.slot_id), row.sealed)
    return values


def _object(slot_id: str) -> str:
    return f"identity:{slot_id}"


def _label(case_id: str, slot_id: str) -> str:
    return f"case:{case_id}|identity:{slot_id}"
