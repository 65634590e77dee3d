"""Repository that puts what came lately in another, drawn order, so that rows tell nothing of when they were written.

Rows of all schools then carry one transaction.
"""

from __future__ import annotations

import logging
import random
import sqlite3
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, event, func, insert, or_, select, text, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from school_protocol.reports.models import (
    PublicMessageRow,
    PublicNoticeRow,
    PublicReportRow,
    PublicTraceRow,
    PublicTwinRow,
)
from school_protocol.storage.engines import Store, empty_log

# ---- reordering in the transaction that writes ---------------------------------------------------------------------
# A database tells order besides its columns: where a row lies in its page, its transaction (xmin, ctid), the log. So
# whoever writes of a public report rewrites what else came lately at that school.

LATELY = timedelta(hours=48)
"""What is that old is rewritten with what comes: also what came while a worker was away for a day."""
MOST = 100
"""So many reports are rewritten with one that comes: in a flood so many are drawn, and each may be the new one."""
_MIXED = 7_241_002_028
"""PostgreSQL's advisory lock of whoever writes public reports."""
_TOUCHED, _WRITTEN = "public reports touched", "public reports written"
_BATCH = 200
_log = logging.getLogger(__name__)
_RANDOM = random.SystemRandom()
TABLES = ("public_report", "public_twin", "public_message", "public_trace", "public_notice")


def hold(session: Session) -> None:
    """Keep the order of rows to oneself until this transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIXED})


def touch(session: Session, unit: str, report: str | None = None, *, hour: datetime | None = None) -> None:
    """Something of a report, or of a message about one, of this school is written: mixed as the transaction ends."""
    hold(session)
    touched = session.info.setdefault(_TOUCHED, {})
    if not event.contains(session, "before_commit", _before_commit):
        event.listen(session, "before_commit", _before_commit)
        event.listen(session, "after_commit", _after_commit)
    found = touched.setdefault(unit, (set(), set()))
    found[0].update([report] if report else [])
    found[1].update([hour] if hour else [])


def _before_commit(session: Session) -> None:
    if session.in_nested_transaction():
        return
    touched = session.info.pop(_TOUCHED, None)
    if not touched:
        return
    session.flush()
    for unit, (ids, hours) in touched.items():
        mix_school(session, unit, ids, hours)
    session.info[_WRITTEN] = True


def _after_commit(session: Session) -> None:
    if session.info.pop(_WRITTEN, False) and (engine := session.get_bind()).dialect.name == "sqlite":
        try:
            empty_log(engine)
        except (sqlite3.Error, DBAPIError):  # what was told is kept by now: the worker empties it
            _log.warning("the log of writing could not be emptied at once", exc_info=True)


# ---- rows ------------------------------------------------------------------------------------------------------------


def mix_school(session: Session, unit: str, ids: Collection[str], hours: Collection[datetime]) -> int:
    """Put in another order what came lately at a school, and these reports; how many rows."""
    latest = session.scalar(select(func.max(PublicReportRow.hour)).where(PublicReportRow.unit == unit))
    known = [*hours, *([latest] if latest is not None else [])]
    if not known:
        return 0
    since = max(known) - LATELY
    lately = session.scalars(select(PublicReportRow.id).where(PublicReportRow.unit == unit, _is_lately(since))).all()
    others = sorted(set(lately) - set(ids))
    room = max(MOST - len(ids), 0)
    drawn = others if len(others) <= room else _RANDOM.sample(others, room)
    notices = select(PublicNoticeRow.__table__).where(PublicNoticeRow.unit == unit, PublicNoticeRow.hour >= since)
    return mix_rows(session, [*ids, *drawn], notices)


def mix_all(session: Session, since: datetime) -> int:
    """The same of every school, for all that came since that hour."""
    ids = session.scalars(select(PublicReportRow.id).where(_is_lately(since))).all()
    return mix_rows(session, ids, select(PublicNoticeRow.__table__).where(PublicNoticeRow.hour >= since))


def _is_lately(since: datetime) -> Any:
    """It came since then, or something was written to it or noted of it."""
    return or_(
        PublicReportRow.hour >= since,
        PublicReportRow.id.in_(select(PublicMessageRow.report).where(PublicMessageRow.hour >= since)),
        PublicReportRow.id.in_(select(PublicTraceRow.report).where(PublicTraceRow.hour >= since)),
    )


def mix_rows(session: Session, ids: Collection[str], notices: Any) -> int:
    """Take these reports with all that hangs on them, and these notices, out and put them back in a drawn order."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA defer_foreign_keys = ON"))
    return sum(_mix_table(session, table, rows) for table, rows in list(_rows(session, list(ids), notices)))


def _rows(session: Session, ids: list[str], notices: Any) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    for row, column in (
        (PublicReportRow, PublicReportRow.id), (PublicTwinRow, PublicTwinRow.report),
        (PublicMessageRow, PublicMessageRow.report), (PublicTraceRow, PublicTraceRow.report),
    ):  # fmt: skip
        found: list[dict[str, Any]] = []
        for start in range(0, len(ids), _BATCH):
            some = session.execute(select(row.__table__).where(column.in_(ids[start : start + _BATCH]))).mappings()
            found += [dict(one) for one in some]
        yield row.__table__, found
    yield PublicNoticeRow.__table__, [dict(one) for one in session.execute(notices).mappings()]


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


def has_rows(session: Session) -> bool:
    """Whether there is any public report."""
    return session.scalar(select(PublicReportRow.id).limit(1)) is not None


# ---- what was written before -----------------------------------------------------------------------------------------


def let_go(engine: Any) -> None:
    """What was written before is gone, as far as the database lets its owner say so; PostgreSQL: dead rows go."""
    if engine.dialect.name == "sqlite":
        empty_log(engine)
        return
    dead = text("SELECT relname FROM pg_stat_user_tables WHERE n_dead_tup > 0 AND relname = ANY(:names)"
                " AND schemaname = ANY(current_schemas(false))")  # fmt: skip
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for (name,) in connection.execute(dead, {"names": list(TABLES)}).all():
                connection.exec_driver_sql(f"VACUUM {name}")
    except DBAPIError:
        return  # whoever serves the site may own nothing: then autovacuum does it


def mix_since(store: Store, since: datetime) -> int:
    """Put what came since that hour in another order; how many rows. What was written before is let go."""
    with store.writing() as session:
        hold(session)
        mixed = mix_all(session, since)
    if mixed:
        let_go(store.engine)
    return mixed


def clean(store: Store) -> None:
    """Let go what was written before and could not be let go at once: readers were there, or dead rows are left."""
    with store.reading() as session:
        is_any = has_rows(session)
    if is_any:
        let_go(store.engine)
