"""Rows written in one statement: many at once, or one whoever else writes one of its key at the same moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session


def add_rows(session: Session, model: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows that are new, if there are any; nothing waits to be flushed, and no object stands for them."""
    if rows:
        session.execute(insert(cast(Table, model.__table__)), rows)


def put(session: Session, row: DeclarativeBase) -> None:
    """In the place of the one with its key: who comes second waits for the first, and stands in its place."""
    table = type(row).__table__
    said = into(session, type(row)).values({column.key: getattr(row, column.key) for column in table.columns})
    rest = {column.key: said.excluded[column.key] for column in table.columns if not column.primary_key}
    session.execute(said.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest))


def into(session: Session, model: type[DeclarativeBase]) -> Any:
    """An INSERT of this database's own, which can say what becomes of a key that is there."""
    return (postgresql.insert if session.connection().dialect.name == "postgresql" else sqlite.insert)(model)
