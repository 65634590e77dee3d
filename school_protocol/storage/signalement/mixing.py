"""What came lately is taken out and put back in an order that is drawn, in one transaction.

A database tells order besides its columns: where a row lies in its page, the number of the transaction that wrote it
(PostgreSQL's xmin and ctid), the log of what was written. Once mixed, all rows of the last hours carry one transaction,
and lie as chance had it.
"""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, text, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from school_protocol.storage.engines import Store
from school_protocol.storage.signalement.reports import lock_alone, rows_since

_RANDOM = random.SystemRandom()
_BATCH = 200


def mix(store: Store, since: datetime) -> int:
    """Put what came since that hour in another order; how many rows. What was written before is gone from the disk,
    as far as the database lets its owner say so."""
    with store.writing() as session:
        lock_alone(session)
        if session.get_bind().dialect.name == "sqlite":
            session.execute(text("PRAGMA defer_foreign_keys = ON"))
        mixed = sum(_mix_table(session, table, rows) for table, rows in list(rows_since(session, since)))
    if mixed:
        _let_go(store)
    return mixed


def _mix_table(session: Session, table: Any, rows: list[dict[str, Any]]) -> int:
    keys = list(table.primary_key.columns)
    _RANDOM.shuffle(rows)
    for start in range(0, len(rows), _BATCH):
        some = [tuple(row[key.name] for key in keys) for row in rows[start : start + _BATCH]]
        one = keys[0].in_([values[0] for values in some]) if len(keys) == 1 else tuple_(*keys).in_(some)
        session.execute(delete(table).where(one))
    for start in range(0, len(rows), _BATCH):
        session.execute(insert(table), rows[start : start + _BATCH])
    return len(rows)


def _let_go(store: Store) -> None:
    """SQLite: what the log of writing holds goes into the file, and the log is emptied. PostgreSQL: dead rows go."""
    if store.engine.dialect.name == "sqlite":
        with store.engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            connection.rollback()
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    try:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in ("public_report", "public_twin", "public_message", "public_trace"):
                connection.exec_driver_sql(f"VACUUM {name}")
    except DBAPIError:
        return  # whoever serves the site may own nothing: then autovacuum does it
