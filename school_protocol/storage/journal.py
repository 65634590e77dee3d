"""One chain a case: each event's keyed hash covers its clear part, its commitments and the event before.

The key lies outside the database, so a row can't be changed unseen; erasing a case's own key leaves a chain that still
verifies. What a chain can't see alone (its end cut off, a whole case removed) is the anchors' business.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from school_protocol.domain.errors import Sealed
from school_protocol.domain.events import READING_KINDS
from school_protocol.storage import keys
from school_protocol.storage.tables import (
    CaseIndexRow,
    CaseRecordRow,
    EventRow,
    EventWordsRow,
    TombstoneRow,
)
from school_protocol.storage.vault import Vault, canonical, open_bytes

WHOLE_CASE = 0
"""The number under which a tombstone stands for the key of the whole case."""


class Head(NamedTuple):
    """A place in a chain: the event's number and its hash in hex."""

    seq: int
    hash: str


class Flaw(StrEnum):
    """What `verify` can find wrong with an event, or with a case as a whole (event number 0)."""

    no_record = "no_record"
    no_events = "no_events"
    missing = "missing"
    unlinked = "unlinked"
    altered = "altered"
    body = "body"
    words = "words"
    words_missing = "words_missing"
    key_missing = "key_missing"
    tombstone = "tombstone"
    cut_off = "cut_off"


@dataclass(frozen=True, slots=True)
class Break:
    """One place where a chain doesn't hold."""

    case_id: str
    seq: int
    flaw: Flaw


def root_hash(vault: Vault, record: CaseRecordRow) -> bytes:
    """What the first event of a case is linked to: the case as it was opened."""
    clear = {
        "id": record.id,
        "number": record.number,
        "protocol": record.protocol,
        "version": record.version,
        "digest": record.digest,
        "unit": record.unit,
        "opened_at": moment_text(record.opened_at),
    }
    return vault.chain("case-v1", canonical(clear))


def link_hash(vault: Vault, row: EventRow) -> bytes:
    """The keyed hash of one event, over all that is clear in its row."""
    clear = {
        "case": row.case_id,
        "seq": row.seq,
        "kind": row.kind,
        "actor": row.actor,
        "role": row.role,
        "at": moment_text(row.at),
        "occurred_at": moment_text(row.occurred_at),
        "body": row.body_commitment.hex(),
        "words": row.words_commitment.hex() if row.words_commitment else None,
        "prev": row.prev_hash.hex(),
    }
    return vault.chain("event-v1", canonical(clear))


def tombstone_hash(vault: Vault, row: TombstoneRow) -> bytes:
    """The keyed hash of one tombstone."""
    clear = {"case": row.case_id, "seq": row.seq, "at": moment_text(row.at), "actor": row.actor}
    return vault.chain("tombstone-v1", canonical(clear))


def moment_text(moment: datetime) -> str:
    """A moment as chains spell it: UTC, always with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def head(session: Session, case_id: str) -> Head | None:
    """The latest event of a case, whatever its kind."""
    return _latest(session, case_id, content=False)


def content_head(session: Session, case_id: str) -> Head | None:
    """The latest event that isn't an issuing or a reading: what a document pins."""
    return _latest(session, case_id, content=True)


def _latest(session: Session, case_id: str, *, content: bool) -> Head | None:
    query = select(EventRow.seq, EventRow.hash).where(EventRow.case_id == case_id)
    if content:
        query = query.where(EventRow.kind.not_in([kind.value for kind in READING_KINDS]))
    found = session.execute(query.order_by(EventRow.seq.desc()).limit(1)).first()
    return Head(found.seq, found.hash.hex()) if found else None


# ---- verification --------------------------------------------------------------------------------------------------


def verify_all(session: Session, vault: Vault, progress: Callable[[int, int], None] | None = None) -> list[Break]:
    """Every chain of the store; breaks in the order of the cases' ids."""
    recorded = select(CaseRecordRow.id)
    ids = sorted({*session.scalars(recorded), *session.scalars(select(EventRow.case_id).distinct())})
    breaks: list[Break] = []
    for count, case_id in enumerate(ids, start=1):
        breaks.extend(verify_case(session, vault, case_id))
        session.expunge_all()
        if progress:
            progress(count, len(ids))
    return breaks


def verify_case(session: Session, vault: Vault, case_id: str) -> list[Break]:
    """Every break in one chain: links, hashes, and, where the keys still exist, what was committed to."""
    record = session.get(CaseRecordRow, case_id, populate_existing=True)
    chain = select(EventRow).where(EventRow.case_id == case_id).order_by(EventRow.seq)
    rows = session.scalars(chain, execution_options={"populate_existing": True}).all()
    if record is None:
        return [Break(case_id, 0, Flaw.no_record)]
    breaks = list(_tail(session, case_id, rows[-1].seq if rows else 0))
    if not rows:
        return [Break(case_id, 0, Flaw.no_events), *breaks]
    graves = {row.seq: row.hash == tombstone_hash(vault, row) for row in _graves(session, case_id)}
    breaks += _links(vault, record, rows)
    breaks += (Break(case_id, seq, Flaw.tombstone) for seq, is_true in graves.items() if not is_true)
    breaks += _contents(session, vault, rows, {seq for seq, is_true in graves.items() if is_true})
    return sorted(set(breaks), key=lambda found: (found.seq, found.flaw))


def _graves(session: Session, case_id: str) -> Sequence[TombstoneRow]:
    query = select(TombstoneRow).where(TombstoneRow.case_id == case_id)
    return session.scalars(query, execution_options={"populate_existing": True}).all()


def _links(vault: Vault, record: CaseRecordRow, rows: Sequence[EventRow]) -> Iterator[Break]:
    expected, before = 1, root_hash(vault, record)
    for row in rows:
        if row.seq != expected:
            yield Break(record.id, expected, Flaw.missing)
        elif row.prev_hash != before:
            yield Break(record.id, row.seq, Flaw.unlinked)
        if not hmac.compare_digest(row.hash, link_hash(vault, row)):
            yield Break(record.id, row.seq, Flaw.altered)
        expected, before = row.seq + 1, row.hash


def _tail(session: Session, case_id: str, last: int) -> Iterator[Break]:
    """The index knows a later event: only a cut that forgot the index is seen here."""
    known = session.scalar(select(CaseIndexRow.last_seq).where(CaseIndexRow.case_id == case_id)) or 0
    if known > last:
        yield Break(case_id, last + 1, Flaw.cut_off)


def _contents(session: Session, vault: Vault, rows: Sequence[EventRow], graves: set[int]) -> Iterator[Break]:
    case_id = rows[0].case_id
    try:
        key = keys.case_key(session, vault, case_id)
    except Sealed:
        if WHOLE_CASE not in graves:
            yield Break(case_id, 0, Flaw.key_missing)
        return
    words = _kept_words(session, case_id)
    for row in rows:
        if not _body_holds(vault, key, row):
            yield Break(case_id, row.seq, Flaw.body)
        if row.words_commitment is not None and row.seq not in graves:
            yield from _words_flaws(session, vault, key, row, words.get(row.seq))
        elif row.seq in words:
            yield Break(case_id, row.seq, Flaw.words)


def _kept_words(session: Session, case_id: str) -> dict[int, EventWordsRow]:
    query = select(EventWordsRow).where(EventWordsRow.case_id == case_id)
    return {row.seq: row for row in session.scalars(query, execution_options={"populate_existing": True})}


def _body_holds(vault: Vault, key: bytes, row: EventRow) -> bool:
    try:
        data = open_bytes(key, body_label(row.case_id, row.seq), row.sealed)
    except Sealed:
        return False
    return hmac.compare_digest(vault.commit(key, data), row.body_commitment)


def _words_flaws(
    session: Session, vault: Vault, key: bytes, row: EventRow, words: EventWordsRow | None
) -> Iterator[Break]:
    if words is None:
        yield Break(row.case_id, row.seq, Flaw.words_missing)
        return
    try:
        own = keys.object_key(session, vault, key, row.case_id, words.object_id)
        data = open_bytes(own, words_label(row.case_id, row.seq), words.sealed)
    except Sealed:
        yield Break(row.case_id, row.seq, Flaw.words)
        return
    if not hmac.compare_digest(vault.commit(own, data), row.words_commitment or b""):
        yield Break(row.case_id, row.seq, Flaw.words)


def body_label(case_id: str, seq: int) -> str:
    """What an event's body is bound to when it is sealed."""
    return f"case:{case_id}|event:{seq}|body"


def words_label(case_id: str, seq: int) -> str:
    """What an event's words are bound to when they are sealed."""
    return f"case:{case_id}|event:{seq}|words"
