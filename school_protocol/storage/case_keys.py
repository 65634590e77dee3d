"""Wrapped keys in rows: those of cases and of their objects; and turning the ring of master keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import CompoundSelect, delete, exists, func, inspect, or_, select, union
from sqlalchemy.orm import DeclarativeBase, Session

from school_protocol.engine.errors import Sealed
from school_protocol.storage.durable_files import put_file
from school_protocol.storage.engines import Store
from school_protocol.storage.models import (
    NEEDS_KEYS,
    CaseKeyRow,
    CaseRecordRow,
    DirectoryBase,
    ObjectKeyRow,
    RealmBase,
    Wrapped,
    marked_tables,
    new_id,
)
from school_protocol.storage.vault import Vault

RING_NOTE = "ring.json"
"""In the data's folder: which master key wraps since when. No key."""
_BATCH = 200
_TRIED = 3
"""Keys of each kind by which a master key is known again; the first that opens is enough."""


def prepare_key(store: Store, vault: Vault) -> str:
    """A new case id whose key is already committed, in a transaction of its own: no case without its key."""
    return prepare_keys(store, vault, 1)[0][0]


def prepare_keys(store: Store, vault: Vault, count: int) -> list[tuple[str, bytes]]:
    """So many new case ids, each with its key, all committed."""
    prepared = [(new_id(), vault.new_case_key()) for _ in range(count)]
    rows = []
    for case_id, key in prepared:
        row = CaseKeyRow(case_id=case_id, created_at=datetime.now(UTC))
        row.master, row.wrapped = vault.wrap(key, row.label)
        rows.append(row)
    with store.writing() as session:
        session.add_all(rows)
    return prepared


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
    keep_in_mind(session, row)
    return vault.unwrap(row.master, row.wrapped, row.label)


def keep_in_mind(session: Session, row: CaseKeyRow | None) -> None:
    """Looked up once a session: what it writes may take the case out of its own sight (see `row_security`)."""
    if row is not None:
        session.info.setdefault(CaseKeyRow.__tablename__, set()).add(row)


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


# ---- turning the ring ----------------------------------------------------------------------------------------------


Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Held:
    """How many keys each master key wraps, of one kind of row."""

    table: str
    by_master: Mapping[int, int]


def wrapped_tables(base: type[DeclarativeBase] | None = None) -> tuple[type[Wrapped], ...]:
    """Every kind of row that carries a key wrapped by a master key, of one store or of all."""
    found = sorted(_subclasses(Wrapped), key=lambda one: one.__name__)
    return tuple(one for one in found if hasattr(one, "__table__") and issubclass(one, base or DeclarativeBase))


def held(stores: Sequence[Store]) -> tuple[Held, ...]:
    """What the master keys wrap, kind by kind."""
    found: list[Held] = []
    for store in stores:
        with store.reading() as session:
            for table in _tables_of(session):
                counted = session.execute(select(table.master, func.count()).group_by(table.master)).all()
                found.append(Held(_name(table), {int(master): int(count) for master, count in counted}))
    return tuple(found)


def rotate(stores: Store | Sequence[Store], vault: Vault, progress: Progress | None = None) -> int:
    """Every wrapped key under the newest master key, a new one where nothing is left under older ones.

    So an interrupted rotation is taken up, not begun again. No event is touched; returns how many were re-wrapped.
    """
    if not stale(stores, vault):
        vault.add_master()
    return rewrap(stores, vault, progress)


def stale(stores: Store | Sequence[Store], vault: Vault) -> int:
    """How many keys other master keys than the newest wrap, those that the ring has."""
    older = _older(vault)
    return sum(count for one in held(_several(stores)) for master, count in one.by_master.items() if master in older)


def _older(vault: Vault) -> set[int]:
    newest, *others = vault.numbers
    return set(others) - {newest}


def rewrap(stores: Store | Sequence[Store], vault: Vault, progress: Progress | None = None) -> int:
    """Bring what other master keys still wrap under the newest, batch by batch, while others read and write."""
    total, done = stale(stores, vault), 0
    for store in _several(stores):
        while batch := _rewrap_batch(store, vault):
            done += batch
            if progress:
                progress(done, max(total, done))
    return done


def retire_masters(stores: Store | Sequence[Store], vault: Vault) -> tuple[int, ...]:
    """Destroy the master keys that wrap nothing any more, in any store.

    Only once no transaction runs that began before the newest one was made.
    """
    idle = idle_masters(stores, vault)
    for number in idle:
        vault.remove_master(number)
    return idle


@dataclass(frozen=True, slots=True)
class Turned:
    """Which master key wraps since when, as it was noted beside the data; `given_up`: those lost for good."""

    current: int = 0
    since: datetime | None = None
    given_up: frozenset[int] = frozenset()


def turned(data: Path) -> Turned:
    """What is noted of the ring; nothing where nothing was, or it can't be read."""
    try:
        said = json.loads((data / RING_NOTE).read_bytes())
        return Turned(int(said["current"]), datetime.fromisoformat(said["since"]), frozenset(said["given_up"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Turned()


def note_turned(data: Path, current: int, now: datetime) -> datetime:
    """Note the key that wraps where another did before, or none was noted; returns since when it does."""
    known = turned(data)
    if known.current == current and known.since is not None:
        return known.since
    _keep_note(data, Turned(current, now, known.given_up))
    return now


def give_up(data: Path, current: int, now: datetime, number: int) -> None:
    """Note that a master key is lost for good, so that what others wrap can be opened without it."""
    note_turned(data, current, now)
    known = turned(data)
    _keep_note(data, replace(known, given_up=known.given_up | {number}))


def _keep_note(data: Path, noted: Turned) -> None:
    assert noted.since is not None
    said = {"current": noted.current, "since": noted.since.isoformat(), "given_up": sorted(noted.given_up)}
    put_file(data / RING_NOTE, json.dumps(said).encode())


def idle_masters(stores: Store | Sequence[Store], vault: Vault) -> tuple[int, ...]:
    """The master keys that wrap nothing, the newest apart."""
    numbers, newest = vault.numbers, vault.newest
    used = {master for one in held(_several(stores)) for master in one.by_master}
    return tuple(number for number in numbers if number != newest and number not in used)


def holds_data(store: Store) -> bool:
    """Whether anything was ever kept there that other keys than its own would not open."""
    with store.reading() as session:
        kept = set(inspect(session.connection()).get_table_names())
        marked = chain.from_iterable(marked_tables(base.metadata, NEEDS_KEYS) for base in (DirectoryBase, RealmBase))
        tables: list[Any] = [*(one.__table__ for one in wrapped_tables()), *marked]  # type: ignore[attr-defined]
        some = [select(one).exists() for one in tables if one.name in kept]
        return bool(some) and bool(session.scalar(select(or_(*some))))


def unopenable(stores: Store | Sequence[Store], vault: Vault) -> tuple[int, ...]:
    """The numbers of master keys that rows name and the ring hasn't; looked up in the index, however many rows."""
    numbers, found = set(vault.numbers), set[int]()
    for store in _several(stores):
        with store.reading() as session:
            if (named := _masters_named(tuple(_tables_of(session)))) is not None:
                found |= set(session.scalars(named)) - numbers
    return tuple(sorted(found))


@lru_cache
def _masters_named(tables: tuple[type[Wrapped], ...]) -> CompoundSelect[int] | None:
    """Every number that rows of these tables name, walked from one to the next in the index of each."""
    found = []
    for table in tables:
        here = select(func.min(table.master).label("master")).cte(recursive=True)
        following = select(func.min(table.master)).where(table.master > here.c.master).scalar_subquery()
        walked = here.union_all(select(following).where(here.c.master.is_not(None)))
        found.append(select(walked.c.master).where(walked.c.master.is_not(None)))
    return union(*found) if found else None


def missing_masters(stores: Store | Sequence[Store], vault: Vault) -> dict[int, int]:
    """Master keys that rows name and the ring hasn't → how many keys they wrap: those are lost."""
    numbers = set(vault.numbers)
    lost = dict[int, int]()
    for one in held(_several(stores)):
        for master, count in one.by_master.items():
            if master not in numbers:
                lost[master] = lost.get(master, 0) + count
    return lost


def samples(store: Store, most: int, master: int | None = None) -> Iterator[tuple[str, int, bytes, str]]:
    """Some wrapped keys of each kind (by that master): the kind, the master's number, the wrapped bytes, the label."""
    with store.reading() as session:
        for table in _tables_of(session):
            of_it = () if master is None else (table.master == master,)
            for row in session.scalars(select(table).where(*of_it).limit(most)):
                yield _name(table), row.master, row.wrapped, row.label


def replaced(stores: Sequence[Store], vault: Vault) -> tuple[int, ...]:
    """Master keys of the ring that open nothing of what rows say they wrap: another key stands in their place."""
    return tuple(number for number in vault.numbers if _opens_nothing(stores, vault, number))


def _opens_nothing(stores: Sequence[Store], vault: Vault, number: int) -> bool:
    wrapped = (found for store in stores for found in samples(store, _TRIED, number))
    opened = (_opens(vault, number, *found[2:]) for found in wrapped)
    return not next(opened, True) and not any(opened)


def _opens(vault: Vault, number: int, wrapped: bytes, label: str) -> bool:
    try:
        vault.unwrap(number, wrapped, label)
    except Sealed:
        return False
    return True


def _rewrap_batch(store: Store, vault: Vault) -> int:
    older = _older(vault)  # asked each time: somebody may turn the ring again meanwhile
    with store.writing() as session:
        for table in _tables_of(session):
            rows = session.scalars(select(table).where(table.master.in_(older)).limit(_BATCH).with_for_update()).all()
            for row in rows:
                key = vault.unwrap(row.master, row.wrapped, row.label)
                row.master, row.wrapped = vault.wrap(key, row.label)
            if rows:
                return len(rows)
    return 0


def _tables_of(session: Session) -> tuple[type[Wrapped], ...]:
    """The kinds of rows that this store keeps."""
    kept = set(inspect(session.connection()).get_table_names())
    return tuple(table for table in wrapped_tables() if _name(table) in kept)


def _name(table: type[Wrapped]) -> str:
    name: str = table.__tablename__  # type: ignore[attr-defined]
    return name


def _subclasses(cls: type[Wrapped]) -> Iterator[type[Wrapped]]:
    for one in cls.__subclasses__():
        yield one
        yield from _subclasses(one)


def _several(stores: Store | Sequence[Store]) -> Sequence[Store]:
    return (stores,) if isinstance(stores, Store) else stores
