"""What every way back of a migration asks first: whether anything would go that is kept nowhere else."""

from __future__ import annotations

from alembic import op
from sqlalchemy import func, select, table, text

from school_protocol.domain.errors import SchoolProtocolError


class NoWayBack(SchoolProtocolError):
    """Tables can't be put back as they were before: something would be lost."""


def refuse_to_lose(*tables: str, **some: str) -> None:
    """Raise NoWayBack where one of these tables holds a row, or one of `some` a row of which its condition is true.

    Derived tables aren't named: they are counted anew. On PostgreSQL nobody writes to what is named until the end.
    """
    connection = op.get_bind()
    held = []
    for name, condition in {**dict.fromkeys(tables, ""), **some}.items():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
        query = select(func.count()).select_from(table(name))
        count = connection.scalar(query.where(text(condition)) if condition else query) or 0
        if count:
            held.append(f"{name} holds {count} row{'s' * (count > 1)}")
    if held:
        raise NoWayBack(f"restore a backup instead: {', '.join(held)}, which the version before keeps nowhere")


def drop_functions(*names: str) -> None:
    """On PostgreSQL, where guards are functions: drop those of tables that have just gone."""
    if op.get_bind().dialect.name == "postgresql":
        for name in names:
            op.execute(f"DROP FUNCTION {name}()")
