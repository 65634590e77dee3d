"""A row put in the place of the one with its key, whoever else puts one there at the same moment."""

from __future__ import annotations

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session


def put(session: Session, row: DeclarativeBase) -> None:
    """Write it in one statement: who comes second waits for the first, and stands in its place."""
    table = type(row).__table__
    new = postgresql.insert if session.connection().dialect.name == "postgresql" else sqlite.insert
    said = new(type(row)).values({column.key: getattr(row, column.key) for column in table.columns})
    rest = {column.key: said.excluded[column.key] for column in table.columns if not column.primary_key}
    session.execute(said.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest))
