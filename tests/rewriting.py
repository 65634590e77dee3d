"""Rows changed as the program changes them, with their keyed hash: a plain statement would leave that behind."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Session


def rewrite(session: Session, model: type[DeclarativeBase], *which: Any, **values: Any) -> None:
    """Put these values into every row of a table, or into those that `which` says."""
    for row in session.scalars(select(model).where(*which)):
        for name, value in values.items():
            setattr(row, name, value)
    session.flush()
