"""Rows that only whoever has the keys can write: each carries a keyed hash (MAC) of what it says.

A store that was opened without keys, as a tool or a test may, neither makes nor asks for one.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any, cast

from sqlalchemy import LargeBinary, Table, TypeDecorator, event, inspect, select
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, Session, mapped_column, object_session
from sqlalchemy.types import TypeEngine

from school_protocol.storage.engines import VAULT
from school_protocol.storage.vault import Vault, canonical

FREE: dict[Any, Any] = {"free": True}
"""`info` of a column that may change without the keys: nobody is let in, or shown more, by what it says."""
_DIALECT = DefaultDialect()
_AT_ONCE = 1000


def _at_insert(context: Any) -> bytes:
    """The hash of a row that is about to be written, however it is."""
    vault: Vault | None = context.execution_options.get(VAULT)
    table = context.compiled.statement.table
    return b"" if vault is None else _mac(vault, table, context.get_current_parameters())


class HasMac:
    """A table whose rows carry a keyed hash of their columns, but the free ones.

    Change them through the session's objects: a statement that changes columns leaves the hash behind. A column that
    comes later is NULL in older rows, or a free one: else each of these would say what it was not hashed with.
    """

    mac: Mapped[bytes] = mapped_column(LargeBinary, default=_at_insert, sort_order=1000)


@event.listens_for(HasMac, "before_update", propagate=True)
def _at_update(_mapper: Mapper[Any], _connection: object, row: Any) -> None:
    session = object_session(row)
    vault = session.info.get(VAULT) if session else None
    if vault is not None and inspect(row).modified:
        row.mac = _mac(vault, row.__table__, {name: getattr(row, name) for name, _plain in _said(row.__table__)})


def is_genuine(session: Session, model: type[DeclarativeBase], row: Any) -> bool:
    """Whether a row of that table, with all its columns, was written with the keys that the session carries."""
    vault: Vault | None = session.info.get(VAULT)
    if vault is None:
        return True
    table = cast(Table, model.__table__)
    said = {name: getattr(row, name) for name, _plain in _said(table)}
    return hmac.compare_digest(row.mac, _mac(vault, table, said))


def forged(session: Session, model: type[DeclarativeBase]) -> Iterator[str]:
    """The keys of this table's rows that were not written with the keys of the session, in order."""
    table = cast(Table, model.__table__)
    key = list(table.primary_key)
    query = select(*table.c).order_by(*key).execution_options(yield_per=_AT_ONCE)
    for row in session.execute(query):
        if not is_genuine(session, model, row):
            yield " ".join(_shown(getattr(row, column.key)) for column in key)


def of_several(session: Session, parts: Iterable[tuple[Table, Iterable[Mapping[str, Any]]]]) -> dict[str, str]:
    """By table, the keyed hash in hex of these rows, in any order; the first one's is over those of the others too."""
    vault: Vault | None = session.info.get(VAULT)
    if vault is None:
        return {}
    found: dict[str, str] = {}
    first, *others = [
        (table.name, sorted(canonical(_clear(table, row)).hex() for row in rows)) for table, rows in parts
    ]
    for name, said in (*sorted(others), first):
        if said:
            over = found if name == first[0] else {}
            found[name] = vault.chain("rows-v1", canonical([name, said, over])).hex()[:32]
    return found


def tables(base: type[DeclarativeBase]) -> tuple[type[DeclarativeBase], ...]:
    """The tables of a store whose rows are keyed, by name."""
    models = (cast(type[DeclarativeBase], one.class_) for one in base.registry.mappers)
    return tuple(sorted((one for one in models if issubclass(one, HasMac)), key=lambda one: one.__tablename__))


def _shown(part: object) -> str:
    return part.hex()[:16] if isinstance(part, bytes) else str(part)


def _mac(vault: Vault, table: Table, values: Any) -> bytes:
    return vault.chain("row-v1", canonical({"table": table.name, "row": _clear(table, values)}))


def _clear(table: Table, values: Any) -> dict[str, Any]:
    """What a row says, as every database gives it back; a column that is NULL says nothing."""
    said = {}
    for name, plain in _said(table):
        value = values.get(name)
        if value is not None:
            said[name] = value if plain is None else plain(value)
    return said


@cache
def _said(table: Table) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """The columns that say something, each with what makes its values plain."""
    said = (column for column in table.columns if column.key != "mac" and not column.info.get("free"))
    return tuple((column.key, _plain_of(column.type)) for column in said)


def _plain_of(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    if isinstance(kind, TypeDecorator):
        return partial(kind.process_bind_param, dialect=_DIALECT)
    return bytes.hex if isinstance(kind, LargeBinary) else None
