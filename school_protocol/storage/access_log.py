"""The log of accesses: who read what of a case, when and why, in the reader's own transaction; closed under a chain."""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self, cast

from sqlalchemy import Row, Select, Table, func, insert, select, text
from sqlalchemy.orm import Session

from school_protocol.storage.journal import Break, Chain, Flaw, moment_text
from school_protocol.storage.models import AccessBatchRow, AccessRow, new_id
from school_protocol.storage.sql import before
from school_protocol.storage.vault import Vault, canonical

_CODE = re.compile(r"[A-Za-z0-9_.:-]{0,80}")


def note(session: Session, *, case_id: str, account: str, at: datetime, what: str, reason: str = "") -> None:
    """Record a reading. Typed reasons belong into a sealed event; here stand codes only."""
    if not _CODE.fullmatch(what) or not _CODE.fullmatch(reason):
        raise ValueError("an access row holds codes only")
    place = _next_place(session)
    row = {"id": new_id(), "case_id": case_id, "account": account, "at": at, "what": what, "reason": reason}
    session.execute(_NOTED, row | {"place": place})


_NOTED = insert(cast(Table, AccessRow.__table__))

WRITERS = 7_241_002_027
"""PostgreSQL's advisory lock: whoever notes an access shares it, whoever closes a batch has it alone."""


def _next_place(session: Session) -> int:
    """After every other one. PostgreSQL gives it under the shared lock: once nobody holds that, no place is late."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock_shared(WRITERS)))
        return int(session.scalars(select(func.nextval("access_place"))).one())
    last, closed = session.execute(_LAST).one()
    return max(last or 0, closed or 0) + 1


_LAST = select(
    select(func.max(AccessRow.__table__.c.place)).scalar_subquery(),
    select(func.max(AccessBatchRow.__table__.c.last_place)).scalar_subquery(),
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last reading of a page: the next page begins after it."""

    at: datetime
    id: str

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC).isoformat()}~{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """A cursor as it came back in an address; None where it isn't one."""
        moment, _, access_id = text.partition("~")
        try:
            found = datetime.fromisoformat(moment)
            in_reach = found.utcoffset() is not None and found.astimezone(UTC) is not None
        except (ValueError, OverflowError):
            return None
        is_id = access_id.isascii() and access_id.isalnum() and len(access_id) <= 40
        return cls(found, access_id) if in_reach and is_id else None


def access_of_case(
    session: Session, case_id: str, *, limit: int, after: AccessRow | Cursor | None = None, account: str | None = None
) -> tuple[AccessRow, ...]:
    """Who read this case, newest first, from after the last one of the page before; of one person alone, if wanted."""
    query = select(AccessRow).where(AccessRow.case_id == case_id)
    if account is not None:
        query = query.where(AccessRow.account == account)
    if after is not None:
        query = query.where(before((AccessRow.at, AccessRow.id), (after.at, after.id)))
    rows = session.scalars(query.order_by(AccessRow.at.desc(), AccessRow.id.desc()).limit(limit))
    return tuple(rows)


def has_read(session: Session, case_id: str, account: str, *, what: str | None = None) -> bool:
    """Whether this person has read this case before, or that part of it."""
    query = select(AccessRow.id).where(AccessRow.case_id == case_id, AccessRow.account == account)
    if what is not None:
        query = query.where(AccessRow.what == what)
    return session.scalar(query.limit(1)) is not None


# ---- the chain: batches of rows in their order, each linked to the batch before ------------------------------------
# Until it is closed a row is kept by the database's own guards alone. A closed one is bound by a keyed leaf in its
# batch: what was changed, taken away, slipped in or moved is named by its place.

BATCH = 4000
"""Rows that one batch closes at most."""
_LEAF = struct.Struct(">I16s")
AsRead = Row[*tuple[Any, ...]]
"""The columns of an access that its leaf covers."""
_WAIT = "2s"
"""How long a closing waits on PostgreSQL for whoever notes an access; then it leaves it to the next one."""


class BatchHead(NamedTuple):
    """The latest batch: its number, its hash in hex, and the last place that it closes."""

    seq: int
    hash: str
    last_place: int
    closed_at: datetime


def head(session: Session) -> BatchHead | None:
    """The latest batch, if any."""
    row = session.scalars(select(AccessBatchRow).order_by(AccessBatchRow.seq.desc()).limit(1)).first()
    return BatchHead(row.seq, row.hash.hex(), row.last_place, row.closed_at) if row else None


def holds(vault: Vault, row: AccessBatchRow) -> bool:
    """Whether a batch's hash was made with the key."""
    return hmac.compare_digest(row.hash, batch_hash(vault, row))


def close_access_chain(session: Session, vault: Vault, *, at: datetime) -> int:
    """Close one batch of what was read since the last one; returns how many rows it holds, 0 where there are none."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SET LOCAL lock_timeout = '{_WAIT}'"))
        session.execute(select(func.pg_advisory_xact_lock(WRITERS)))
    before = head(session)
    first = before.last_place + 1 if before else 1
    rows = session.execute(_rows(first, None).limit(BATCH)).all()
    if not rows:
        return 0
    batch = AccessBatchRow(
        seq=before.seq + 1 if before else 1,
        first_place=first,
        last_place=rows[-1].place,
        closed_at=at,
        leaves=b"".join(_LEAF.pack(row.place - first, _leaf(vault, row)) for row in rows),
        prev_hash=bytes.fromhex(before.hash) if before else root_hash(vault),
    )
    batch.hash = batch_hash(vault, batch)
    session.add(batch)
    session.flush()
    return len(rows)


def root_hash(vault: Vault) -> bytes:
    """What the first batch is linked to."""
    return vault.chain("access-root-v1", b"")


def batch_hash(vault: Vault, row: AccessBatchRow) -> bytes:
    """The keyed hash of a batch, over its leaves and the batch before."""
    clear = {
        "seq": row.seq,
        "first": row.first_place,
        "last": row.last_place,
        "at": moment_text(row.closed_at),
        "leaves": hashlib.sha256(row.leaves).hexdigest(),
        "prev": row.prev_hash.hex(),
    }
    return vault.chain("access-batch-v1", canonical(clear))


def _rows(first: int, last: int | None) -> Select[*tuple[Any, ...]]:
    columns = (
        AccessRow.place, AccessRow.id, AccessRow.case_id, AccessRow.account, AccessRow.at, AccessRow.what,
        AccessRow.reason,
    )  # fmt: skip
    query = select(*columns).where(AccessRow.place >= first).order_by(AccessRow.place)
    return query if last is None else query.where(AccessRow.place <= last)


def _leaf(vault: Vault, row: AsRead, place: int | None = None) -> bytes:
    clear = {
        "place": row.place if place is None else place,
        "id": row.id,
        "case": row.case_id,
        "account": row.account,
        "at": moment_text(row.at),
        "what": row.what,
        "reason": row.reason,
    }
    return vault.chain("access-v1", canonical(clear))[:16]


# ---- verification --------------------------------------------------------------------------------------------------


def verify(session: Session, vault: Vault) -> Iterator[Break]:
    """Every break in the chain of accesses, a batch at a time. Rows that no batch closes yet can't be judged."""
    expected, before, last = 1, root_hash(vault), 0
    for seq in session.scalars(select(AccessBatchRow.seq).order_by(AccessBatchRow.seq)).all():
        batch = session.get_one(AccessBatchRow, seq, populate_existing=True)
        if batch.seq != expected:
            yield _break(expected, Flaw.missing)
        elif batch.prev_hash != before:
            yield _break(batch.seq, Flaw.unlinked)
        if not holds(vault, batch):
            yield _break(batch.seq, Flaw.altered)
        else:
            start = batch.first_place if batch.seq != expected else last + 1
            yield from _verify_rows(session, vault, batch, start)
        expected, before, last = batch.seq + 1, batch.hash, batch.last_place
        session.expunge(batch)


def _verify_rows(session: Session, vault: Vault, batch: AccessBatchRow, start: int) -> Iterator[Break]:
    first = min(start, batch.first_place)
    said = {batch.first_place + offset: leaf for offset, leaf in _LEAF.iter_unpack(batch.leaves)}
    there = {row.place: row for row in _read(session, 0 if batch.seq == 1 else first, batch.last_place)}
    wrong = [row for row in there.values() if said.get(row.place) != _leaf(vault, row)]
    lost = {place for place in said if place not in there or said[place] != _leaf(vault, there[place])}
    moved = {row.place: _came_from(vault, row, said, lost) for row in wrong}
    found = set(moved.values())
    for place in sorted(lost | moved.keys()):
        yield Break("", place, _flaw(place, said, there, moved, found), Chain.access)


def _read(session: Session, first: int, last: int) -> Sequence[AsRead]:
    return session.execute(_rows(first, last)).all()


def _came_from(vault: Vault, row: AsRead, said: dict[int, bytes], lost: set[int]) -> int | None:
    return next((place for place in sorted(lost) if said[place] == _leaf(vault, row, place)), None)


def _flaw(
    place: int, said: dict[int, bytes], there: dict[int, AsRead], moved: dict[int, int | None], found: set[int | None]
) -> Flaw:
    """What happened at a place: another genuine row, a changed one, one too many, or none."""
    if moved.get(place) is not None or place in found:
        return Flaw.moved
    if place not in there:
        return Flaw.missing
    return Flaw.altered if place in said else Flaw.inserted


def _break(seq: int, flaw: Flaw) -> Break:
    return Break("", seq, flaw, Chain.access_batch)
