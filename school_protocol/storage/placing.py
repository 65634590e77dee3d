"""Rows written in one statement: many at once, or one whoever else writes one of its key at the same moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import CursorResult, Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session


def add_rows(session: Session, model: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows that are new, if there are any; nothing waits to be flushed, and no object stands for them."""
    if rows:
        session.execute(insert(cast(Table, model.__table__)), rows)


def add_new(session: Session, model: type[DeclarativeBase], **values: Any) -> bool:
    """A row, or False where one with its key is there; who comes second waits until the first one's is settled."""
    found = cast(CursorResult[Any], session.execute(_new(into(session, model)), values))
    return found.rowcount == 1


def put(session: Session, row: DeclarativeBase) -> None:
    """In the place of the one with its key: who comes second waits for the first, and stands in its place."""
    said = {column.key: getattr(row, column.key) for column in type(row).__table__.columns}
    session.execute(_over(into(session, type(row))), said)


def into(session: Session, model: type[DeclarativeBase]) -> Any:
    """An INSERT of this database's own, which can say what becomes of a key that is there."""
    return _into(session.get_bind().dialect.name, model)


@cache
def _into(database: str, model: type[DeclarativeBase]) -> Any:
    return (postgresql.insert if database == "postgresql" else sqlite.insert)(cast(Table, model.__table__))


@cache
def _new(statement: Any) -> Any:
    return statement.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


@cache
def _over(statement: Any) -> Any:
    table = statement.table
    rest = {column.key: statement.excluded[column.key] for column in table.columns if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest)
