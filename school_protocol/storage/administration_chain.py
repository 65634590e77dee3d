"""What was changed about people and protocols, under one chain: each row of `administration` has its link.

The link is written as the transaction ends, when everything else is locked already: so of two writers one waits, they
never wait for each other, and the chain has one head.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, bindparam, event, func, insert, select
from sqlalchemy.orm import Session

from school_protocol.storage import key_files
from school_protocol.storage.chains_tables import AdministrationLinkRow as Link
from school_protocol.storage.engines import VAULT, Store
from school_protocol.storage.errors import KeysUnusable
from school_protocol.storage.journal import Break, Chain, Flaw, moment_text
from school_protocol.storage.placing import add_rows
from school_protocol.storage.tables import AdministrationRow
from school_protocol.storage.vault import Vault, canonical

_HEAD = 7_241_002_028
"""PostgreSQL's advisory lock on the head of the chain."""
_PENDING = "administration-to-link"
_AT_A_TIME = 500
_AT_ONCE = 1000
_COLUMNS = tuple(AdministrationRow.__table__.c)


class LinkHead(NamedTuple):
    """The latest link: its number and its hash in hex."""

    seq: int
    hash: str


def head(session: Session) -> LinkHead | None:
    """The latest link, if the chain has begun."""
    row = session.execute(_LATEST).first()
    return LinkHead(row.seq, row.hash.hex()) if row else None


_LINKS = Link.__table__.c
_LATEST = select(_LINKS.seq, _LINKS.hash).order_by(_LINKS.seq.desc()).limit(1)


def held_head(session: Session) -> LinkHead | None:
    """The same, and nobody links anything until this transaction ends; ask when all else is written."""
    _hold_head(session)
    return head(session)


def hash_of(session: Session, seq: int) -> str | None:
    """The hash in hex of one link."""
    found = session.scalar(_HASH, {"seq": seq})
    return found.hex() if found else None


_HASH = select(_LINKS.hash).where(_LINKS.seq == bindparam("seq"))


def holds(session: Session, vault: Vault, seq: int) -> bool:
    """Whether the hash of one link was made with the key."""
    row = session.execute(_linked(seq - 1).limit(1)).first()
    return row is not None and row.seq == seq and not list(_own_flaw(vault, row, [row]))


def refuse_other_key(session: Session, vault: Vault) -> None:
    """Raises KeysUnusable where the chain was begun under another journal key than the vault's."""
    root = hash_of(session, 0)
    if root is not None and not hmac.compare_digest(bytes.fromhex(root), root_hash(vault)):
        raise KeysUnusable(
            f"the keys in {vault.folder} are not those that this data was written with (or the first link of "
            f"administration was changed): nothing is written under others. Move {key_files.JOURNAL} away, then "
            f"{key_files.PUT_BACK}"
        )


def link_at_commit(session: Session, row_id: str) -> None:
    """Have a row linked as its transaction ends. Raises KeysUnusable where the store was opened without keys."""
    if VAULT not in session.info:
        raise KeysUnusable("administration is written under a chain, and this store was opened without its key")
    if not event.contains(session, "before_commit", _link_pending):
        event.listen(session, "before_commit", _link_pending)
    session.info.setdefault(_PENDING, []).append(row_id)


def _link_pending(session: Session) -> None:
    ids = session.info.pop(_PENDING, ())
    if not ids:
        return
    session.flush()
    there: dict[str, Any] = {}
    for first in range(0, len(ids), _AT_A_TIME):  # a list of people writes tens of thousands
        some = AdministrationRow.id.in_(ids[first : first + _AT_A_TIME])
        there |= {row.id: row for row in session.execute(select(*_COLUMNS).where(some))}
    _append(session, session.info[VAULT], [there[one] for one in ids if one in there])


def begin(store: Store, vault: Vault, *, links_older: bool) -> int:
    """Begin the chain, once: with `links_older`, rows from before it are linked in their order. Returns how many."""
    with store.reading() as session:
        if head(session) is not None:
            return 0
    with store.writing() as session:
        _hold_head(session)
        if head(session) is not None:
            return 0
        older = _older(session) if links_older else iter(())
        count = 0
        _append(session, vault, [])
        while rows := list(islice(older, _AT_ONCE)):
            _append(session, vault, rows)
            count += len(rows)
        return count


def _older(session: Session) -> Iterator[Row[*tuple[Any, ...]]]:
    after: tuple[Any, ...] | None = None
    while rows := session.execute(_page(after)).all():
        yield from rows
        after = (rows[-1].at, rows[-1].id)


def _page(after: tuple[Any, ...] | None) -> Select[*tuple[Any, ...]]:
    query = select(*_COLUMNS).order_by(AdministrationRow.at, AdministrationRow.id).limit(_AT_ONCE)
    if after is None:
        return query
    at, row_id = after
    later = (AdministrationRow.at > at) | ((AdministrationRow.at == at) & (AdministrationRow.id > row_id))
    return query.where(later)


def _append(session: Session, vault: Vault, rows: Sequence[Row[*tuple[Any, ...]]]) -> None:
    _hold_head(session)
    last = head(session)
    if last is None:
        root = root_hash(vault)
        session.execute(insert(Link).values(seq=0, administration=None, prev_hash=bytes(32), hash=root))
        last = LinkHead(0, root.hex())
    seq, before = last.seq, bytes.fromhex(last.hash)
    links = []
    for row in rows:
        seq += 1
        own = link_hash(vault, seq, row, before)
        links.append({"seq": seq, "administration": row.id, "prev_hash": before, "hash": own})
        before = own
    add_rows(session, Link, links)


def _hold_head(session: Session) -> None:
    """On SQLite the whole store is held already."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_HEAD)))


def root_hash(vault: Vault) -> bytes:
    """The hash of link 0, where the chain begins."""
    return vault.chain("administration-root-v1", b"")


def link_hash(vault: Vault, seq: int, row: Row[*tuple[Any, ...]], before: bytes) -> bytes:
    """The keyed hash of one link, over its row and the link before. Columns that are NULL say nothing:

    so a column that is added later changes no older hash.
    """
    said = {name: value for name, value in row._mapping.items() if name in _NAMES and value is not None}
    clear = {**said, "at": moment_text(row.at)}
    return vault.chain("administration-v1", canonical({"seq": seq, "row": clear, "prev": before.hex()}))


_NAMES = frozenset(column.name for column in _COLUMNS)


# ---- verification --------------------------------------------------------------------------------------------------


def verify(session: Session, vault: Vault) -> Iterator[Break]:
    """Every break in the chain of administration, and every row that has no link; a page at a time."""
    expected, before, after = 0, b"", -1
    while page := session.execute(_linked(after)).all():
        for row in page:
            if row.seq != expected:
                yield _break(expected, Flaw.missing)
            elif row.seq and row.prev_hash != before:
                yield _break(row.seq, Flaw.unlinked)
            yield from _own_flaw(vault, row, page)
            expected, before = row.seq + 1, row.hash
        after = page[-1].seq
    yield from _without_link(session, expected)


def _linked(after: int) -> Select[*tuple[Any, ...]]:
    columns = (Link.seq, Link.administration, Link.prev_hash, Link.hash, *_COLUMNS)
    joined = select(*columns).outerjoin(AdministrationRow, AdministrationRow.id == Link.administration)
    return joined.where(Link.seq > after).order_by(Link.seq).limit(_AT_ONCE)


def _own_flaw(vault: Vault, row: Row[*tuple[Any, ...]], page: Sequence[Row[*tuple[Any, ...]]]) -> Iterator[Break]:
    if row.seq == 0:
        if not hmac.compare_digest(row.hash, root_hash(vault)):
            yield _break(0, Flaw.altered)
    elif row.id is None:
        yield _break(row.seq, Flaw.missing)
    elif not hmac.compare_digest(row.hash, link_hash(vault, row.seq, row, row.prev_hash)):
        numbers = (other.seq for other in page if other.seq != row.seq)
        is_moved = any(row.hash == link_hash(vault, number, row, row.prev_hash) for number in numbers)
        yield _break(row.seq, Flaw.moved if is_moved else Flaw.altered)


def _without_link(session: Session, last: int) -> Iterator[Break]:
    query = select(AdministrationRow.id).outerjoin(Link, Link.administration == AdministrationRow.id)
    found = session.scalars(query.where(Link.seq.is_(None)).order_by(AdministrationRow.at, AdministrationRow.id))
    for place, _row in enumerate(found, start=last):
        yield _break(place, Flaw.inserted)


def _break(seq: int, flaw: Flaw) -> Break:
    return Break("", seq, flaw, Chain.administration)
