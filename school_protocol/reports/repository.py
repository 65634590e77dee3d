"""Repository of public reports: sealed, found by the hash of a code, kept in no order of time; addresses; notices."""

from __future__ import annotations

import logging
import random
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, delete, event, func, insert, or_, select, text, tuple_, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from school_protocol.auth.models import Channel
from school_protocol.cases import lookup_repository
from school_protocol.engine.errors import Unseen
from school_protocol.notifications.repository import State
from school_protocol.reports.models import (
    PublicMessageRow,
    PublicNoticeRow,
    PublicReportRow,
    PublicTraceRow,
    PublicTwinRow,
    ReportAddressRow,
)
from school_protocol.reports.rules import WITHOUT_CASE, Status
from school_protocol.storage.engines import Store, cached, empty_log
from school_protocol.storage.models import new_id
from school_protocol.storage.sql import add_new
from school_protocol.storage.vault import Vault, canonical

# Repository that puts what came lately in another, drawn order, so that rows tell nothing of when
# they were written.
# Rows of all schools then carry one transaction.

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


def hold_order(session: Session) -> None:
    """Keep the order of rows to oneself until this transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIXED})


def touch(session: Session, unit: str, report: str | None = None, *, hour: datetime | None = None) -> None:
    """Something of a report, or of a message about one, of this school is written: mixed as the transaction ends."""
    hold_order(session)
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
        hold_order(session)
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


CONSONANTS, VOWELS = "bdfgjklmnprstvz", "aeiou"
"""What is read alike in French, in English and to whoever writes Arabic in Latin letters."""
SYLLABLES = 4
LENGTH = 2 * SYLLABLES
_RUDE = ("bite", "duk", "fes", "fuk", "kak", "kon", "kul", "kus", "nik", "pede", "pip", "pis", "put", "sal", "seks",
         "tab", "tiz", "zeb", "zob", "zam")  # fmt: skip
"""What no school wants on its wall: an address in which one of these is heard isn't given out."""


def make_address(session: Session, *, unit: str, kind: str, by: str, at: datetime) -> ReportAddressRow:
    """A new address for a school; the one of that kind that stood is ended."""
    query = select(ReportAddressRow).where(
        ReportAddressRow.unit == unit, ReportAddressRow.kind == kind, ReportAddressRow.ended_at.is_(None)
    )
    for row in session.scalars(query.with_for_update()):
        row.ended_at, row.ended_by = at, by
    session.flush()
    code = _free(session)
    row = ReportAddressRow(code=code, unit=unit, kind=kind, made_at=at, made_by=by, ended_at=None, ended_by=None)
    session.add(row)
    session.flush()
    return row


def plain(text: str) -> str | None:
    """A code as it was typed, without what it is grouped by; None where it can't be one."""
    code = "".join(char for char in text.strip().lower() if char not in "-. ")
    sounds = (CONSONANTS, VOWELS) * SYLLABLES
    fits = len(code) == LENGTH and all(char in known for char, known in zip(code, sounds, strict=True))
    return code if fits else None


def end_address(session: Session, code: str, *, by: str, at: datetime) -> None:
    """The address leads nowhere any more."""
    row = session.get(ReportAddressRow, code, with_for_update=True)
    if row is not None and row.ended_at is None:
        row.ended_at, row.ended_by = at, by
        session.flush()


def _free(session: Session) -> str:
    while True:
        code = "".join(secrets.choice(CONSONANTS) + secrets.choice(VOWELS) for _ in range(SYLLABLES))
        if not any(rude in code for rude in _RUDE) and session.get(ReportAddressRow, code) is None:
            return code


@cached
def door(session: Session, code: str) -> Any:
    """The row of the address with that code, ended or not; None where there is none."""
    return session.execute(_DOOR, {"code": code}).one_or_none()


_DOOR = select(*ReportAddressRow.__table__.c).where(ReportAddressRow.code == bindparam("code"))


def of_unit(session: Session, unit: str) -> tuple[ReportAddressRow, ...]:
    """Every address that a school ever had, those that stand first, then the latest."""
    query = select(ReportAddressRow).where(ReportAddressRow.unit == unit)
    return tuple(
        session.scalars(query.order_by(ReportAddressRow.ended_at.is_not(None), ReportAddressRow.made_at.desc()))
    )


# ---- who is told that reports wait at a school ---------------------------------------------------------------------
# One row an hour for a person and a way, however many came.


def ask_receipt_notice(
    session: Session,
    *,
    unit: str,
    account: str,
    channel: Channel,
    urgent: bool,
    hour: datetime,
    due: datetime,
    is_told_again: bool = False,
) -> bool:
    """Ask that somebody be told; False where that was asked for within this hour. Without a way: that nobody could.

    `is_told_again`: once more, by a message of its own, as soon as the one before has left.
    """
    touch(session, unit, hour=hour)
    same = select(PublicNoticeRow).where(
        PublicNoticeRow.unit == unit, PublicNoticeRow.account == account, PublicNoticeRow.channel == channel.value,
        PublicNoticeRow.urgent.is_(urgent), PublicNoticeRow.hour == hour,
    )  # fmt: skip
    before = session.scalar(same)
    if before is not None:
        if not is_told_again or before.state in (State.waiting.value, State.no_address.value):
            return False
        session.delete(before)
        session.flush()
    state = State.no_address if channel is Channel.none else State.waiting
    session.add(
        PublicNoticeRow(id=new_id(), unit=unit, account=account, channel=channel.value, urgent=urgent, hour=hour,
                        due=due, state=state.value, attempts=0)
    )  # fmt: skip
    session.flush()
    return True


def due_receipt_notices(
    session: Session, channel: Channel, hour: datetime, *, limit: int
) -> tuple[PublicNoticeRow, ...]:
    """What is to be sent by that way now, urgent ones first."""
    query = (
        select(PublicNoticeRow)
        .where(
            PublicNoticeRow.state == State.waiting.value, PublicNoticeRow.channel == channel.value,
            PublicNoticeRow.due <= hour,
        )
        .order_by(PublicNoticeRow.urgent.desc(), PublicNoticeRow.hour, PublicNoticeRow.id)
        .limit(limit)
    )  # fmt: skip
    return tuple(session.scalars(query))


def put_off_receipt_notice(session: Session, notice: str, until: datetime) -> None:
    """Try again from that hour on."""
    _touch(session, notice)
    values = {"due": until, "attempts": PublicNoticeRow.attempts + 1}
    session.execute(update(PublicNoticeRow).where(PublicNoticeRow.id == notice).values(values))


def _touch(session: Session, notice: str) -> None:
    row = session.get(PublicNoticeRow, notice)
    if row is not None:
        touch(session, row.unit, hour=row.hour)


def settle_receipt_notice(session: Session, notice: str, state: State) -> None:
    """It is done with."""
    _touch(session, notice)
    session.execute(update(PublicNoticeRow).where(PublicNoticeRow.id == notice).values(state=state.value))


def forget_receipt_notice(session: Session, before: datetime) -> None:
    """Delete what was asked for before that hour."""
    session.execute(delete(PublicNoticeRow).where(PublicNoticeRow.hour < before))


# ---- reports: found by the keyed hash of a code, known as alike by keyed hashes ------------------------------------
# Whoever writes here has what came lately at that school put in another order as they commit.

BLOCK = 1024
"""What is sealed fills whole blocks: its length says little of how much was typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicHeader:
    """What is clear of a public report."""

    id: str
    unit: str
    kind: str
    protocol: str
    version: int
    hour: datetime
    status: Status
    outcome: str
    settled: datetime | None
    restricted: bool
    urgent: bool
    hinted: bool = False
    to_verify: bool
    waits: datetime | None
    step: int
    fullness: int
    barred: frozenset[str]
    case_id: str | None


@dataclass(frozen=True, slots=True)
class PublicMessage:
    """What was written afterwards; `by`: the account, of the team."""

    place: int
    by_reporter: bool
    hour: datetime
    text: str
    by: str = ""


# ---- one report ------------------------------------------------------------------------------------------------------


def keep_public_report(
    session: Session,
    vault: Vault,
    header: PublicHeader,
    content: Mapping[str, Any],
    *,
    code_hash: bytes,
    marks: Iterable[bytes],
) -> bool:
    """Keep a new report as `header` says, its content sealed; False where one of its id is there by now."""
    touch(session, header.unit, header.id, hour=header.hour)
    row = PublicReportRow(id=header.id, unit=header.unit, kind=header.kind, code_hash=code_hash)
    key = vault.new_case_key()
    row.master, row.wrapped = vault.wrap(key, row.label)
    row.sealed = vault.seal(key, row.label, _padded(content))
    _write(row, header)
    if not add_new(session, PublicReportRow, **{name: getattr(row, name) for name in _SAID}):
        return False
    session.add_all(PublicTwinRow(report=header.id, mark=mark) for mark in set(marks))
    lookup_repository.came(session, PublicReportRow, {header.unit: 1})
    return True


_SAID = tuple(column.key for column in PublicReportRow.__table__.columns if column.key != "mac")


def change_public_report(session: Session, header: PublicHeader) -> None:
    """Write what is clear of a report anew."""
    touch(session, header.unit, header.id)
    _write(_row(session, header.id), header)
    session.flush()


def rewrite(session: Session, vault: Vault, report: str, content: Mapping[str, Any], marks: Iterable[bytes]) -> None:
    """Put other content in place of what was kept, under the same key."""
    row = _row(session, report)
    touch(session, row.unit, report)
    row.sealed = vault.seal(vault.unwrap(row.master, row.wrapped, row.label), row.label, _padded(content))
    session.execute(delete(PublicTwinRow).where(PublicTwinRow.report == report))
    session.add_all(PublicTwinRow(report=report, mark=mark) for mark in set(marks))
    session.flush()


def header(session: Session, report: str, *, hold: bool = False) -> PublicHeader:
    """A report without its content, kept from others until the transaction ends where asked; raises Unseen."""
    if hold:
        hold_order(session)
    return _header(_row(session, report, hold=hold))


def find_public_report(session: Session, report: str) -> PublicHeader | None:
    row = session.get(PublicReportRow, report)
    if row is None:
        return None
    session.info.setdefault(PublicReportRow.__tablename__, set()).add(row)  # looked up once a transaction
    return _header(row)


def by_code(session: Session, code_hash: bytes, *, hold: bool = False) -> PublicHeader | None:
    """The report that this code comes back to."""
    if hold:
        hold_order(session)
    query = select(PublicReportRow).where(PublicReportRow.code_hash == code_hash)
    row = session.scalar(query.with_for_update() if hold else query)
    return None if row is None else _header(row)


def content(session: Session, vault: Vault, report: str) -> dict[str, Any]:
    """What the report says, opened."""
    row = _row(session, report)
    values: dict[str, Any] = vault.open_sealed(vault.unwrap(row.master, row.wrapped, row.label), row.label, row.sealed)
    values.pop("pad", None)
    return values


def _write(row: PublicReportRow, header: PublicHeader) -> None:
    row.protocol, row.version, row.hour = header.protocol, header.version, header.hour
    row.status, row.outcome, row.settled = header.status.value, header.outcome, header.settled
    row.restricted, row.urgent, row.to_verify = header.restricted, header.urgent, header.to_verify
    row.hinted = header.hinted
    row.waits, row.step, row.fullness = header.waits, header.step, header.fullness
    row.barred, row.case_id = sorted(header.barred), header.case_id


def _row(session: Session, report: str, *, hold: bool = False) -> PublicReportRow:
    row = session.get(PublicReportRow, report, with_for_update=True if hold else None)
    if row is None:
        raise Unseen(report)
    return row


def _header(row: PublicReportRow) -> PublicHeader:
    return PublicHeader(
        id=row.id, unit=row.unit, kind=row.kind, protocol=row.protocol, version=row.version, hour=row.hour,
        status=Status(row.status), outcome=row.outcome, settled=row.settled, restricted=row.restricted,
        urgent=row.urgent, hinted=row.hinted, to_verify=row.to_verify, waits=row.waits, step=row.step,
        fullness=row.fullness, barred=frozenset(row.barred), case_id=row.case_id,
    )  # fmt: skip


def _padded(content: Mapping[str, Any]) -> dict[str, Any]:
    return {**content, "pad": " " * (-len(canonical({**content, "pad": ""})) % BLOCK)}


# ---- several ---------------------------------------------------------------------------------------------------------


def of_units(
    session: Session, units: Collection[str], *, statuses: Collection[Status], limit: int
) -> tuple[PublicHeader, ...]:
    """Reports of these units with one of these statuses: unseen and urgent ones first, then the latest hour."""
    query = (
        select(PublicReportRow)
        .where(PublicReportRow.unit.in_(units), PublicReportRow.status.in_([one.value for one in statuses]))
        .order_by(
            PublicReportRow.waits.is_(None), (PublicReportRow.urgent | PublicReportRow.hinted).desc(),
            PublicReportRow.hour.desc(),
            PublicReportRow.id,
        )
        .limit(limit)
    )  # fmt: skip
    return tuple(_header(row) for row in session.scalars(query))


def public_reports_of_case(session: Session, case_id: str) -> tuple[PublicHeader, ...]:
    """The public reports that belong to a case."""
    query = select(PublicReportRow).where(PublicReportRow.case_id == case_id)
    return tuple(_header(row) for row in session.scalars(query.order_by(PublicReportRow.hour, PublicReportRow.id)))


def several(session: Session, ids: Collection[str], *, hold: bool = False) -> tuple[PublicHeader, ...]:
    """These reports, as far as they are there."""
    if hold:
        hold_order(session)
    query = select(PublicReportRow).where(PublicReportRow.id.in_(list(ids))).order_by(PublicReportRow.id)
    return tuple(_header(row) for row in session.scalars(query.with_for_update() if hold else query))


def waiting_public_reports(session: Session, *, after: str = "", limit: int) -> tuple[PublicHeader, ...]:
    """Reports that nobody has looked at since something came, page by page."""
    query = (
        select(PublicReportRow)
        .where(PublicReportRow.waits.is_not(None), PublicReportRow.id > after)
        .order_by(PublicReportRow.id)
        .limit(limit)
    )
    return tuple(_header(row) for row in session.scalars(query))


def waiting_at(session: Session, units: Collection[str]) -> tuple[PublicHeader, ...]:
    """The same of these units, as far as a message needs it."""
    return tuple(_header(row) for row in session.scalars(_WAITING_AT, {"units": list(units)}))


_WAITING_AT = select(PublicReportRow).where(
    PublicReportRow.waits.is_not(None), PublicReportRow.unit.in_(bindparam("units", expanding=True))
)


@cached
def came_in(session: Session, unit: str, hour: datetime) -> int:
    """How many reports came to a school in that hour."""
    query = select(func.count()).where(PublicReportRow.unit == unit, PublicReportRow.hour == hour)
    return session.scalar(query) or 0


def marks_of(session: Session, ids: Sequence[str]) -> dict[str, frozenset[bytes]]:
    """By what each of these is recognised as alike."""
    found: dict[str, set[bytes]] = {}
    query = select(PublicTwinRow).where(PublicTwinRow.report.in_(list(ids)))
    for row in session.scalars(query):
        found.setdefault(row.report, set()).add(row.mark)
    return {report: frozenset(marks) for report, marks in found.items()}


def alike(session: Session, report: str) -> tuple[PublicHeader, ...]:
    """Other reports of the same school that say the same, by keyed hash."""
    own = _row(session, report)
    marks = select(PublicTwinRow.mark).where(PublicTwinRow.report == report)
    twins = select(PublicTwinRow.report).where(PublicTwinRow.mark.in_(marks), PublicTwinRow.report != report)
    query = select(PublicReportRow).where(PublicReportRow.id.in_(twins), PublicReportRow.unit == own.unit)
    return tuple(_header(row) for row in session.scalars(query.order_by(PublicReportRow.hour, PublicReportRow.id)))


# ---- messages and traces ---------------------------------------------------------------------------------------------


def write_message(
    session: Session, vault: Vault, report: str, said: str, *, hour: datetime, by: str = ""
) -> PublicMessage:
    """Add a message; `by`: the account of whoever answers, nothing for the reporter."""
    row = _row(session, report, hold=True)
    touch(session, row.unit, report, hour=hour)
    place = (session.scalar(select(func.max(PublicMessageRow.place)).where(PublicMessageRow.report == report)) or 0) + 1
    key = vault.unwrap(row.master, row.wrapped, row.label)
    sealed = vault.seal(key, _label(row, place), _padded({"text": said, "by": by}))
    session.add(PublicMessageRow(report=report, place=place, by_reporter=not by, hour=hour, sealed=sealed))
    session.flush()
    return PublicMessage(place, not by, hour, said, by)


def messages(session: Session, vault: Vault, report: str) -> tuple[PublicMessage, ...]:
    """What was written afterwards, in order."""
    row = _row(session, report)
    key = vault.unwrap(row.master, row.wrapped, row.label)
    rows = session.scalars(
        select(PublicMessageRow).where(PublicMessageRow.report == report).order_by(PublicMessageRow.place)
    )
    found = [(one, vault.open_sealed(key, _label(row, one.place), one.sealed)) for one in rows]
    return tuple(PublicMessage(one.place, one.by_reporter, one.hour, said["text"], said["by"]) for one, said in found)


def _label(row: PublicReportRow, place: int) -> str:
    return f"{row.label}|{place}"


def note(session: Session, report: str, *, account: str, what: str, hour: datetime) -> None:
    """Note that somebody of the staff read a report or did something with it: once an hour."""
    is_noted = select(PublicTraceRow.id).filter_by(report=report, account=account, what=what, hour=hour)
    if session.scalar(is_noted.limit(1)) is None:
        touch(session, _row(session, report).unit, report, hour=hour)
        session.add(PublicTraceRow(id=new_id(), report=report, account=account, what=what, hour=hour))
        session.flush()


def traces(session: Session, report: str) -> tuple[PublicTraceRow, ...]:
    """Who read a report and did what, by the hour."""
    query = select(PublicTraceRow).where(PublicTraceRow.report == report)
    return tuple(session.scalars(query.order_by(PublicTraceRow.hour, PublicTraceRow.what, PublicTraceRow.account)))


# ---- erasing ---------------------------------------------------------------------------------------------------------


def erase(session: Session, ids: Collection[str]) -> int:
    """Delete reports with their keys, messages, marks and traces; how many."""
    wanted = list(ids)
    if not wanted:
        return 0
    hold_order(session)
    for table in (PublicMessageRow, PublicTwinRow, PublicTraceRow):
        session.execute(delete(table).where(table.report.in_(wanted)))
    done = lookup_repository.erase(session, PublicReportRow, PublicReportRow.id.in_(wanted))
    session.expire_all()
    return done


def erase_of_case(session: Session, case_id: str) -> int:
    """Delete what belongs to a case that is erased."""
    ids = session.scalars(select(PublicReportRow.id).where(PublicReportRow.case_id == case_id)).all()
    return erase(session, ids)


def over(
    session: Session, protocol: str, version: int, *, settled_before: datetime, came_before: datetime, limit: int
) -> tuple[str, ...]:
    """Reports of that version without a case: settled before that hour, or read and left since that other one."""
    is_settled = and_(
        PublicReportRow.status.in_([one.value for one in WITHOUT_CASE]), PublicReportRow.settled < settled_before
    )
    is_left = and_(
        PublicReportRow.status == Status.waiting.value, PublicReportRow.waits.is_(None),
        PublicReportRow.hour < came_before,
    )  # fmt: skip
    query = select(PublicReportRow.id).where(
        PublicReportRow.protocol == protocol, PublicReportRow.version == version, or_(is_settled, is_left)
    )
    return tuple(session.scalars(query.order_by(PublicReportRow.id).limit(limit)))


def versions(session: Session) -> tuple[tuple[str, int], ...]:
    """Under which versions of protocols reports came."""
    rows = session.execute(select(PublicReportRow.protocol, PublicReportRow.version).distinct())
    return tuple(sorted((str(protocol), int(version)) for protocol, version in rows))
