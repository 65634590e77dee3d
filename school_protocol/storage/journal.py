"""One chain a case: each event's keyed hash covers its clear part, its commitments and the event before.

The key lies outside the database, so a row can't be changed unseen; erasing a case's own key leaves a chain that still
verifies. What a chain can't see alone (its end cut off, a whole case removed) is the anchors' business.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Row, bindparam, func, select
from sqlalchemy.orm import Session

from school_protocol.engine.errors import Sealed
from school_protocol.engine.events import READING_KINDS
from school_protocol.storage import case_keys
from school_protocol.storage.master_keys import open_bytes
from school_protocol.storage.models import (
    LAST_SEQ,
    AnchoredHeadRow,
    CaseRecordRow,
    EventRow,
    EventWordsRow,
    ObjectKeyRow,
    RealmBase,
    TombstoneRow,
    marked_columns,
)
from school_protocol.storage.vault import Vault, canonical

WHOLE_CASE = 0
"""The number under which a tombstone stands for the key of the whole case."""


class Head(NamedTuple):
    """A place in a chain: the event's number and its hash in hex."""

    seq: int
    hash: str


class Chain(StrEnum):
    """What is chained: each case by itself, accesses and their batches, administration, anchors of all heads.

    `rows` are no chain: each carries a hash of its own.
    """

    case = "case"
    access = "access"
    access_batch = "access_batch"
    administration = "administration"
    anchors = "anchors"
    rows = "rows"


class Flaw(StrEnum):
    """What can be wrong with an entry, or with a case as a whole (entry number 0)."""

    no_record = "no_record"
    no_events = "no_events"
    missing = "missing"
    """Taken away: the entries around it are there."""
    inserted = "inserted"
    """Written by somebody without the keys."""
    moved = "moved"
    """Genuine, but written under another number."""
    unlinked = "unlinked"
    altered = "altered"
    body = "body"
    words = "words"
    words_missing = "words_missing"
    key_missing = "key_missing"
    tombstone = "tombstone"
    cut_off = "cut_off"
    """The end is missing."""
    case_removed = "case_removed"
    """The whole case is missing, although it was there."""
    rewritten = "rewritten"
    """Every hash holds, and yet it is not what an anchor holds: written anew by somebody with the key."""
    came_back = "came_back"
    """Erased once, and there again."""
    erased_list = "erased_list"
    """The list of erased cases is not the one that an anchor holds."""
    unread = "unread"
    """Its chain holds, and yet nothing can be made of its events: a version of its protocol is gone, say."""
    forged = "forged"
    """A row, or a case's rows in one table, not as written with the keys; `case_id` names the table and the key."""
    gone = "gone"
    """A row that is missing; `case_id` names its table, and its key or whose it was."""
    identities = "identities"
    """A person of the case whose name is missing or can't be opened, or one whom no event names."""


@dataclass(frozen=True, slots=True)
class Break:
    """One place where what is kept doesn't hold. `case_id` is empty for chains of no case; of `rows`, it names one."""

    case_id: str
    seq: int
    flaw: Flaw
    chain: Chain = Chain.case


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


def link_hash(vault: Vault, row: EventRow, seq: int | None = None) -> bytes:
    """The keyed hash of one event, over all that is clear in its row; with `seq`, as if it had that number."""
    clear = {
        "case": row.case_id,
        "seq": row.seq if seq is None else seq,
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
    found = session.execute(_LATEST_CONTENT if content else _LATEST, {"case": case_id}).first()
    return Head(found.seq, found.hash.hex()) if found else None


_EVENTS = EventRow.__table__.c
_LATEST = (
    select(_EVENTS.seq, _EVENTS.hash).where(_EVENTS.case_id == bindparam("case")).order_by(_EVENTS.seq.desc()).limit(1)
)
_LATEST_CONTENT = _LATEST.where(_EVENTS.kind.not_in([kind.value for kind in READING_KINDS]))


def with_hash(session: Session, case_id: str, beginning: str) -> Row[int, str, datetime, bytes] | None:
    """The event of a case whose hash in hex begins like that; None for none, or for several."""
    query = select(EventRow.seq, EventRow.kind, EventRow.at, EventRow.hash).where(EventRow.case_id == case_id)
    found = [row for row in session.execute(query) if row.hash.hex().startswith(beginning)]
    return found[0] if len(found) == 1 else None


# ---- verification --------------------------------------------------------------------------------------------------


CASES_AT_ONCE = 200
MOVED_MOST = 1000
"""How far from its place an entry is looked for."""


def verify_all(session: Session, vault: Vault) -> list[Break]:
    """Every case's chain of the store, in the order of the cases' ids."""
    breaks, after = list[Break](), ""
    while ids := case_ids(session, after=after, limit=CASES_AT_ONCE):
        for case_id in ids:
            breaks.extend(verify_case(session, vault, case_id))
        session.expunge_all()
        after = ids[-1]
    return breaks


def count_cases(session: Session) -> int:
    """How many cases were opened."""
    return session.scalar(select(func.count()).select_from(CaseRecordRow)) or 0


def case_ids(session: Session, *, after: str, limit: int) -> list[str]:
    """Cases of which anything is there, by id: whoever takes a case away whole must think of every table."""
    counting = (one.table.c.case_id for one in marked_columns(RealmBase.metadata, LAST_SEQ))
    columns = (CaseRecordRow.id, EventRow.case_id, *counting, TombstoneRow.case_id, AnchoredHeadRow.case_id)
    pages = [select(column).where(column > after).distinct().order_by(column).limit(limit) for column in columns]
    found = {case_id for page in pages for case_id in session.scalars(page)}
    return sorted(found)[:limit]


def verify_case(session: Session, vault: Vault, case_id: str) -> list[Break]:
    """Every break in one chain: links, hashes, and, where the keys still exist, what was committed to."""
    record = session.get(CaseRecordRow, case_id, populate_existing=True)
    chain = select(EventRow).where(EventRow.case_id == case_id).order_by(EventRow.seq)
    rows = session.scalars(chain, execution_options={"populate_existing": True}).all()
    if record is None:
        return [Break(case_id, 0, Flaw.no_record if rows else Flaw.case_removed)]
    breaks = list(_tail(session, case_id, rows[-1].seq if rows else 0))
    if not rows:
        return [Break(case_id, 0, Flaw.no_events), *breaks]
    graves = {row.seq: row.hash == tombstone_hash(vault, row) for row in _graves(session, case_id)}
    key, contents = _contents(session, vault, rows, {seq for seq, is_true in graves.items() if is_true})
    breaks += _links(vault, record, rows, key)
    breaks += (Break(case_id, seq, Flaw.tombstone) for seq, is_true in graves.items() if not is_true)
    breaks += contents
    return sorted(set(breaks), key=lambda found: (found.seq, found.flaw))


def _graves(session: Session, case_id: str) -> Sequence[TombstoneRow]:
    query = select(TombstoneRow).where(TombstoneRow.case_id == case_id)
    return session.scalars(query, execution_options={"populate_existing": True}).all()


def _links(vault: Vault, record: CaseRecordRow, rows: Sequence[EventRow], key: bytes | None) -> Iterator[Break]:
    expected, before = 1, root_hash(vault, record)
    for row in rows:
        if row.seq != expected:
            yield Break(record.id, expected, Flaw.missing)
        elif row.prev_hash != before:
            yield Break(record.id, row.seq, Flaw.unlinked)
        if not hmac.compare_digest(row.hash, link_hash(vault, row)):
            yield Break(record.id, row.seq, _why(vault, row, key, rows[-1].seq))
        expected, before = row.seq + 1, row.hash


def _why(vault: Vault, row: EventRow, key: bytes | None, last: int) -> Flaw:
    """Why its hash doesn't hold: it was written under another number, it was never sealed here, or it was changed."""
    near = range(max(1, row.seq - MOVED_MOST), min(last + 1, row.seq + MOVED_MOST) + 1)
    numbers = (number for number in near if number != row.seq)
    if any(hmac.compare_digest(row.hash, link_hash(vault, row, number)) for number in numbers):
        return Flaw.moved
    return Flaw.inserted if key is not None and not _opens(key, row) else Flaw.altered


def _opens(key: bytes, row: EventRow) -> bool:
    try:
        open_bytes(key, body_label(row.case_id, row.seq), row.sealed)
    except Sealed:
        return False
    return True


def _tail(session: Session, case_id: str, last: int) -> Iterator[Break]:
    """The index knows a later event: only a cut that forgot the index is seen here."""
    for counted in marked_columns(RealmBase.metadata, LAST_SEQ):
        if (session.scalar(select(counted).where(counted.table.c.case_id == case_id)) or 0) > last:
            yield Break(case_id, last + 1, Flaw.cut_off)


def _contents(
    session: Session, vault: Vault, rows: Sequence[EventRow], graves: set[int]
) -> tuple[bytes | None, list[Break]]:
    """The key of the case, if it is still there, and what doesn't agree with its commitment."""
    case_id = rows[0].case_id
    try:
        key = case_keys.case_key(session, vault, case_id)
    except Sealed:
        return None, [] if WHOLE_CASE in graves else [Break(case_id, 0, Flaw.key_missing)]
    return key, list(_openable(session, vault, key, rows, graves))


def _openable(
    session: Session, vault: Vault, key: bytes, rows: Sequence[EventRow], graves: set[int]
) -> Iterator[Break]:
    case_id = rows[0].case_id
    words = _kept_words(session, case_id)
    own_keys = select(ObjectKeyRow).where(ObjectKeyRow.case_id == case_id)
    kept = session.scalars(own_keys, execution_options={"populate_existing": True}).all()  # read at once
    for row in rows:
        if not _body_holds(vault, key, row):
            yield Break(case_id, row.seq, Flaw.body)
        if row.words_commitment is not None and row.seq not in graves:
            yield from _words_flaws(session, vault, key, row, words.get(row.seq))
        elif row.seq in words:
            yield Break(case_id, row.seq, Flaw.words)
    del kept


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
        own = case_keys.object_key(session, vault, key, row.case_id, words.object_id)
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
