"""Repository of privacy: erasing a case (a tombstone stays), copies for one person, time limits, emergency openings.

Erasing destroys a case's keys, and with them all that was sealed. Tables are found by their columns: whatever has a
`case_id` is emptied of the case, unless it is said here to stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from sqlalchemy import Table, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from school_protocol.case_files.models import HandedPaperRow, PreparedPaperRow
from school_protocol.cases import lookup_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.index_repository import Beside, where_visible
from school_protocol.cases.models import CaseDueRow, CaseIndexRow, ReportRow
from school_protocol.engine.case_parts import Door
from school_protocol.engine.case_words import said
from school_protocol.engine.errors import Unseen
from school_protocol.engine.evidence_pieces import FileLost
from school_protocol.engine.visibility import Scope
from school_protocol.notifications.models import NoticeRow
from school_protocol.privacy.models import (
    AccessExportRow,
    CaseRetentionRow,
    DoorReviewRow,
    ErasureBarRow,
    EvidenceFileRow,
    FileAlarmRow,
    FileSweepRow,
)
from school_protocol.privacy.rules import Given
from school_protocol.reports.repository import erase_of_case
from school_protocol.statistics import repository as statistics_repository
from school_protocol.storage import case_keys
from school_protocol.storage.access_log import Cursor
from school_protocol.storage.blobs import STARTS, Blobs, Lying, beginning, new_name, refuse_elsewhere
from school_protocol.storage.case_numbers import format_number
from school_protocol.storage.engines import Store
from school_protocol.storage.master_keys import open_bytes, seal_bytes
from school_protocol.storage.models import (
    BlobRow,
    CaseRecordRow,
    DraftRow,
    OutboxRow,
    RealmBase,
    RetentionDayRow,
    TombstoneRow,
    is_genuine,
    new_id,
)
from school_protocol.storage.sql import beyond
from school_protocol.storage.vault import Vault

OUTLIVES = "outlives_case"
"""A table whose `info` says this keeps its rows: ids, codes and times only."""

_STAYS = frozenset({
    "case_record", "event", "tombstone",  # the chain: what is sealed in it has lost its key
    "access", "notice", "document_copy", "bulk_case",  # who read, who was told, how many copies: ids, codes, times
    "outgoing_letter",  # a number that was given is never given again
})  # fmt: skip


def erase_case(session: Session, vault: Vault, case_id: str, *, at: datetime, actor: str) -> None:
    """Destroy a case's key, words, people, marks, report, drafts, papers and index row, in the caller's transaction.

    What it added to figures stays in their counters.
    `backups.note` comes first. Erasing again changes nothing. Files of evidence lose their key here, and are removed
    by whoever keeps them. Raises Unseen where there is no such case.
    """
    number = cases_repository.opened(session, case_id).number
    cases_repository.hold(session, case_id)
    statistics_repository.freeze(session, vault, case_id)
    cases_repository.destroy_case(session, vault, case_id, at=at, actor=actor)
    erase_of_case(session, case_id)
    for table in emptied():
        session.execute(delete(table).where(table.c.case_id == case_id))
    spelt = {number, format_number(number), format_number(number).replace(" ", "-"), case_id}
    session.execute(delete(DraftRow).where(or_(*(DraftRow.key.contains(one, autoescape=True) for one in spelt))))
    session.expire_all()


def emptied() -> tuple[Table, ...]:
    """The tables that keep nothing of an erased case, those that refer to others first."""
    tables: tuple[Table, ...] = tuple(reversed(RealmBase.metadata.sorted_tables))
    return tuple(one for one in tables if "case_id" in one.c and not _stays(one))


def _stays(table: Any) -> bool:
    return table.name in _STAYS or bool(table.info.get(OUTLIVES))


# ---- copies of what is kept of one person: asked for by one, let go by another; requests that wait -----------------

WAITING, APPROVED, REFUSED = "waiting", "approved", "refused"


@dataclass(frozen=True, slots=True)
class Request:
    """A request about somebody's own data that waits for its answer: of which case, and until when."""

    case_id: str
    number: str
    word: Mapping[str, str]
    unit: str
    key: str
    subject: str
    due_at: datetime


def requests(
    session: Session, scope: Scope, keys: Collection[str], *, today: date, limit: int, after: Cursor | None = None
) -> tuple[tuple[Request, ...], Cursor | None]:
    """The counts of these deadlines that run in what a scope sees, the first due first."""
    order = (CaseDueRow.due_at, CaseDueRow.case_id)
    query = (
        select(CaseDueRow, CaseIndexRow.number, CaseIndexRow.word, CaseIndexRow.unit)
        .join(CaseIndexRow, CaseIndexRow.case_id == CaseDueRow.case_id)
        .where(where_visible(scope, today), CaseDueRow.key.in_(keys), CaseDueRow.planned.is_(False))
    )
    if after is not None:
        query = query.where(beyond(order, (after.at, after.id)))
    rows = list(session.execute(query.order_by(*order).limit(limit + 1)))
    lines = tuple(
        Request(due.case_id, number, said(word, number), unit, due.key, due.subject, due.due_at)
        for due, number, word, unit in rows[:limit]
    )
    last = lines[-1] if len(rows) > limit else None
    return lines, Cursor(last.due_at, last.case_id) if last else None


def ask_export(
    session: Session, case_id: str, person: str, account: str, *, at: datetime, until: datetime, seq: int
) -> str:
    """Ask for a copy of what is kept of that person, as the entry `seq` asks; returns its id."""
    row = AccessExportRow(
        id=new_id(), case_id=case_id, person=person, asked_by=account, asked_at=at, seq=seq, state=WAITING, until=until
    )
    session.add(row)
    session.flush()
    return row.id


def exports_of_case(session: Session, case_id: str, now: datetime) -> tuple[AccessExportRow, ...]:
    """Those of a case that count still, the latest first."""
    query = select(AccessExportRow).where(AccessExportRow.case_id == case_id, AccessExportRow.until > now)
    return tuple(session.scalars(query.order_by(AccessExportRow.asked_at.desc(), AccessExportRow.id)))


def exports_under(session: Session, case_id: str, seq: int, now: datetime) -> tuple[AccessExportRow, ...]:
    """What that entry has brought already: copies that wait, and those that were let go, be they over or not."""
    query = select(AccessExportRow).where(AccessExportRow.case_id == case_id, AccessExportRow.seq == seq)
    found = session.scalars(query)
    return tuple(one for one in found if one.state == APPROVED or (one.state == WAITING and one.until > now))


def waiting_in(session: Session, cases: Collection[str], now: datetime) -> frozenset[str]:
    """In which of these cases a copy waits to be let go."""
    query = select(AccessExportRow.case_id).where(
        AccessExportRow.case_id.in_(cases), AccessExportRow.state == WAITING, AccessExportRow.until > now
    )
    return frozenset(session.scalars(query))


def find_export(session: Session, case_id: str, export_id: str, now: datetime) -> AccessExportRow:
    """That one of that case, while it counts; raises Unseen."""
    row = session.get(AccessExportRow, export_id)
    if row is None or row.case_id != case_id or row.until <= now or not is_genuine(session, AccessExportRow, row):
        raise Unseen(export_id)
    return row


def settle_export(session: Session, export_id: str, state: str, account: str, *, at: datetime, until: datetime) -> None:
    """Say what was decided, by whom; raises Unseen where it was decided before."""
    row = session.get(AccessExportRow, export_id, with_for_update=True)
    if row is None or row.state != WAITING:
        raise Unseen(export_id)
    row.state, row.settled_by, row.settled_at, row.until = state, account, at, until
    session.flush()


# ---- time limits: ended cases on the way to their erasure; told, held, agreed to -----------------------------------
# All but the days of work can be made anew from the events and from what was told; nothing here is personal.

NEVER = date(9999, 12, 31)
"""Where a case stands in lists of which no rule says when it may be erased: last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one case stands; days are local. `erase_on`: the first day on which it can be erased, as things are."""

    case_id: str
    seq: int
    cycle: int
    due_on: date | None
    erase_on: date = NEVER
    barred_until: datetime | None = None
    suspended: bool = False
    asked: bool = False
    first_asked_at: datetime | None = None
    first: Given | None = None
    first_by_page: bool = False
    second_asked_at: datetime | None = None
    second: Given | None = None
    second_by_page: bool = False
    waits: Given | None = None
    agreed_at: datetime | None = None
    agreed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list: a case by its number and school, and where it stands."""

    number: str
    word: Mapping[str, str]
    protocol: str
    version: int
    unit: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class LimitCursor:
    """The last line of a page."""

    erase_on: date
    case_id: str

    def __str__(self) -> str:
        return f"{self.erase_on.isoformat()}~{self.case_id}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """A cursor as it came back in an address; None where it isn't one."""
        day, _, case_id = text.partition("~")
        try:
            found = date.fromisoformat(day)
        except ValueError:
            return None
        if not case_id.isascii() or not case_id.isalnum() or len(case_id) > 40:
            return None
        return cls(found, case_id)


# ---- days of work --------------------------------------------------------------------------------------------------


def begin_day(session: Session, day: date, at: datetime) -> Given:
    """Today as a day of work; days that lie ahead, written while a clock was wrong, count no more."""
    session.execute(delete(RetentionDayRow).where(RetentionDayRow.day > day))
    row = session.get(RetentionDayRow, day)
    if row is None:
        last = session.scalar(select(func.max(RetentionDayRow.run))) or 0
        row = RetentionDayRow(day=day, run=last + 1, at=at)
        session.add(row)
        session.flush()
    return Given(day, row.run)


def today(session: Session, day: date) -> Given:
    """Today as it would count, without writing it down."""
    row = session.get(RetentionDayRow, day)
    if row is not None:
        return Given(day, row.run)
    last = session.scalar(select(func.max(RetentionDayRow.run)).where(RetentionDayRow.day < day)) or 0
    return Given(day, last + 1)


# ---- where cases stand ---------------------------------------------------------------------------------------------


def to_look_at(session: Session, *, after: str = "", limit: int) -> list[str]:
    """Cases that have ended and were not looked at since they last moved, or were, and have not ended any more.

    By their id, after the last one of the page before.
    """
    known = CaseRetentionRow.case_id.is_not(None)
    query = (
        select(CaseIndexRow.case_id)
        .outerjoin(CaseRetentionRow, CaseRetentionRow.case_id == CaseIndexRow.case_id)
        .where(
            CaseIndexRow.case_id > after,
            or_(
                and_(CaseIndexRow.ended.is_(True), or_(~known, CaseRetentionRow.seq != CaseIndexRow.last_seq)),
                and_(CaseIndexRow.ended.is_(False), known),
            ),
        )
        .order_by(CaseIndexRow.case_id)
        .limit(limit)
    )
    return list(session.scalars(query))


def is_to_look_at(session: Session, scope: Scope, *, today: date) -> bool:
    """Whether a scope sees some case that has ended and was never looked at."""
    known = exists().where(CaseRetentionRow.case_id == CaseIndexRow.case_id)
    query = select(CaseIndexRow.case_id).where(where_visible(scope, today), CaseIndexRow.ended.is_(True), ~known)
    return session.scalar(query.limit(1)) is not None


def standing(session: Session, case_id: str) -> Standing | None:
    """Where that case stands; None where it was not looked at, or has not ended."""
    row = session.get(CaseRetentionRow, case_id, populate_existing=True)
    return _standing(row) if row is not None and is_genuine(session, CaseRetentionRow, row) else None


def keep_limit(session: Session, found: Standing) -> None:
    """Write down where a case stands, in place of what was written before."""
    values = {name: getattr(found, name) for name in Standing.__slots__ if name not in ("first", "second", "waits")}
    for name in ("first", "second", "waits"):
        given: Given | None = getattr(found, name)
        values |= {f"{name}_on": given.on if given else None, f"{name}_run": given.run if given else None}
    session.merge(CaseRetentionRow(**values))
    session.flush()


def forget_limit(session: Session, case_id: str) -> None:
    """The case has not ended any more: nothing runs."""
    session.execute(delete(CaseRetentionRow).where(CaseRetentionRow.case_id == case_id))


def coming(session: Session, until: date, *, after: LimitCursor | None, limit: int) -> list[Standing]:
    """Cases whose time is over by that day, or that were told so already, the earliest to be erased first."""
    query = select(CaseRetentionRow).where(
        or_(CaseRetentionRow.due_on <= until, CaseRetentionRow.first_asked_at.is_not(None))
    )
    if after is not None:
        query = query.where(beyond(_ORDER, (after.erase_on, after.case_id)))
    rows = session.scalars(query.order_by(*_ORDER).limit(limit))
    return [_standing(row) for row in rows]


def listed(
    session: Session,
    scope: Scope,
    *,
    today: date,
    limit: int,
    after: LimitCursor | None = None,
    waits: bool | None = None,
) -> tuple[tuple[Listed, ...], LimitCursor | None]:
    """What a scope sees of them, the earliest first, and where the next page begins. `waits`: for a confirmation."""
    query = (
        select(CaseIndexRow, CaseRetentionRow)
        .join(CaseRetentionRow, CaseRetentionRow.case_id == CaseIndexRow.case_id)
        .where(where_visible(scope, today), CaseIndexRow.ended.is_(True))
    )
    if waits:
        query = query.where(CaseRetentionRow.waits_on.is_not(None), CaseRetentionRow.agreed_at.is_(None))
    if after is not None:
        query = query.where(beyond(_ORDER, (after.erase_on, after.case_id)))
    rows = list(session.execute(query.order_by(*_ORDER).limit(limit + 1)))
    lines = tuple(
        Listed(case.number, said(case.word, case.number), case.protocol, case.version, case.unit, _standing(row))
        for case, row in rows[:limit]
    )
    last = lines[-1].standing if len(rows) > limit else None
    return lines, LimitCursor(last.erase_on, last.case_id) if last else None


_AT_ONCE = 500
_ORDER = (CaseRetentionRow.erase_on, CaseRetentionRow.case_id)


def _standing(row: CaseRetentionRow) -> Standing:
    plain = {name: getattr(row, name) for name in Standing.__slots__ if name not in ("first", "second", "waits")}
    return Standing(
        **plain,
        first=_given(row.first_on, row.first_run),
        second=_given(row.second_on, row.second_run),
        waits=_given(row.waits_on, row.waits_run),
    )


def _given(on: date | None, run: int | None) -> Given | None:
    return Given(on, run) if on is not None and run is not None else None


# ---- holds ---------------------------------------------------------------------------------------------------------


def bar(session: Session, case_id: str, until: datetime | None) -> None:
    """Say to the database itself until when nobody erases the case; None: nothing is against it."""
    if until is None:
        session.execute(delete(ErasureBarRow).where(ErasureBarRow.case_id == case_id))
    else:
        session.merge(ErasureBarRow(case_id=case_id, until=until))
    session.flush()


def lock_limits(session: Session, case_id: str) -> None:
    """Hold the case against whoever writes to it, until the end of the transaction."""
    session.execute(select(CaseRecordRow.id).where(CaseRecordRow.id == case_id).with_for_update())


# ---- erased --------------------------------------------------------------------------------------------------------


def erased(session: Session) -> list[tuple[str, datetime]]:
    """Every case that was erased, and when."""
    query = select(TombstoneRow.case_id, TombstoneRow.at).where(TombstoneRow.seq == 0)
    return [(row.case_id, row.at.astimezone(UTC)) for row in session.execute(query.order_by(TombstoneRow.case_id))]


def alive_and_kept(session: Session, ids: Sequence[str], now: datetime) -> list[str]:
    """Those of these cases that are not erased, and won't be: an erasure is barred, or the case goes on."""
    barred = exists().where(ErasureBarRow.case_id == CaseIndexRow.case_id, ErasureBarRow.until > now)
    kept = select(CaseIndexRow.case_id).where(or_(barred, CaseIndexRow.ended.is_(False)))
    found: list[str] = []
    for start in range(0, len(ids), _AT_ONCE):
        found += session.scalars(kept.where(CaseIndexRow.case_id.in_(ids[start : start + _AT_ONCE])))
    return found


def forget_messages(session: Session, case_id: str, at: datetime) -> None:
    """Nothing is asked for any more about a case that was erased, and what still waits to be told leaves no more."""
    session.execute(delete(OutboxRow).where(OutboxRow.payload["case"].as_string() == case_id))
    waiting = (NoticeRow.case_id == case_id, NoticeRow.state == "waiting")
    session.execute(update(NoticeRow).where(*waiting).values(state="withheld", settled_at=at))


def stale_reports(session: Session, answered: datetime, waiting: datetime) -> list[str]:
    """Reports without a case that came in before these moments: answered ones, and those that nobody ever triaged."""
    query = select(ReportRow.id).where(
        ReportRow.case_id.is_(None),
        or_(
            and_(ReportRow.status == "answered", ReportRow.received_at < answered),
            and_(ReportRow.status == "waiting", ReportRow.received_at < waiting),
        ),
    )
    return list(session.scalars(query.order_by(ReportRow.id)))


def drop_reports(session: Session, ids: Collection[str]) -> None:
    """Delete these reports with their keys, and what was typed and kept about them."""
    lookup_repository.erase(session, ReportRow, ReportRow.id.in_(ids))
    for report_id in ids:
        session.execute(delete(DraftRow).where(DraftRow.key.contains(report_id, autoescape=True)))


def drop_drafts(session: Session, before: datetime) -> int:
    """Delete drafts left before that moment; returns how many."""
    return int(session.execute(delete(DraftRow).where(DraftRow.at < before)).rowcount)  # type: ignore[attr-defined]


def drop_exports(session: Session, before: datetime) -> int:
    """Delete what was asked for and could be opened until before that moment; returns how many."""
    gone = delete(AccessExportRow).where(AccessExportRow.until < before)
    return int(session.execute(gone).rowcount)  # type: ignore[attr-defined]


# ---- emergency openings that wait to be reviewed -------------------------------------------------------------------
# A part of the index, written anew from the events.


@dataclass(frozen=True, slots=True)
class Waiting:
    """A review that waits, in the case with that number."""

    number: str
    seq: int
    due_at: datetime


def rows_of(case_id: str, doors: Iterable[Door]) -> Beside:
    """What stands of these openings beside the case's index row: each waits for somebody else's review."""
    rows = [{"case_id": case_id, "seq": one.seq, "account": one.account, "due_at": one.review_by} for one in doors]
    return DoorReviewRow, rows


def waiting_reviews(session: Session, scope: Scope, *, today: date, limit: int) -> tuple[Waiting, ...]:
    """What this person may review, soonest first: in cases whose content they see, of what somebody else opened.

    Each opening is looked up among the cases, as there are few: never the cases of a region among openings.
    """
    seen = (
        select(CaseIndexRow.number)
        .where(CaseIndexRow.case_id == DoorReviewRow.case_id, where_visible(scope.of_content(), today))
        .correlate(DoorReviewRow)
        .scalar_subquery()
    )
    query = (
        select(seen.label("number"), DoorReviewRow.seq, DoorReviewRow.due_at)
        .where(DoorReviewRow.account != scope.account, seen.is_not(None))
        .order_by(DoorReviewRow.due_at, DoorReviewRow.case_id, DoorReviewRow.seq)
        .limit(limit)
    )
    return tuple(Waiting(row.number, row.seq, row.due_at) for row in session.execute(query))


def awaits(session: Session, case_id: str, seq: int) -> bool:
    """Whether that opening waits to be reviewed still."""
    return session.get(DoorReviewRow, (case_id, seq)) is not None


# Sealed files of evidence: kept before their row, never in clear, gone past recovery once their key
# is.
# A file is whole where files lie (`blobs`); only then does a transaction name it. What a crash
# leaves is a file that no row names: `sweep` removes it after a day. A row whose file is missing or
# altered is an alarm.

ORIGINAL, DERIVATIVE = "original", "derivative"
_LEFT = timedelta(days=1)
"""How old a file that no row names must be before it is removed: its transaction is long over."""
_NAMING: Sequence[type[EvidenceFileRow | HandedPaperRow | PreparedPaperRow]] = (
    EvidenceFileRow, HandedPaperRow, PreparedPaperRow,
)  # fmt: skip
_MONTH = 30
"""Where reading all is dear, each file is read once in so many nights."""


# ---- keeping and opening -------------------------------------------------------------------------------------------


def object_of(file_id: str) -> str:
    """Under which name the key of a file is kept among those of its case."""
    return f"file:{file_id}"


def _label(case_id: str, file_id: str, part: str) -> str:
    return f"file:{case_id}:{file_id}:{part}"


def keep(
    session: Session, vault: Vault, store: Blobs, case_id: str, parts: Mapping[str, bytes], *, at: datetime,
    places: list[str],
) -> str:  # fmt: skip
    """Seal the parts of one file under its own key, put them where files lie and into this transaction; says its id.

    `places` takes each file before it is put, so that whoever rolls back can remove them. Raises OSError, FilesAway,
    Sealed.
    """
    refuse_elsewhere(session, store)
    file_id = new_id()
    key = case_keys.new_object_key(
        session, vault, case_keys.case_key(session, vault, case_id), case_id, object_of(file_id)
    )
    for part, data in parts.items():
        sealed = seal_bytes(key, _label(case_id, file_id, part), data)
        place = new_name()
        places.append(place)
        store.put(session, case_id, place, sealed)
        digest = hashlib.sha256(sealed).digest()
        session.add(
            EvidenceFileRow(
                place=place, case_id=case_id, file_id=file_id, part=part, size=len(sealed), digest=digest, at=at
            )
        )
    session.flush()
    return file_id


def parts_of(session: Session, case_id: str, file_id: str) -> frozenset[str]:
    """Which parts of a file are kept."""
    query = select(EvidenceFileRow.part).where(EvidenceFileRow.case_id == case_id, EvidenceFileRow.file_id == file_id)
    return frozenset(session.scalars(query))


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is not what its row says."""

    case_id: str
    place: str
    what: str


def open_part(session: Session, vault: Vault, store: Blobs, case_id: str, file_id: str, part: str) -> bytes | Fault:
    """The content of one part, checked; or what is wrong with it. Raises FileLost where no row names it, Sealed."""
    query = select(EvidenceFileRow).where(
        EvidenceFileRow.case_id == case_id, EvidenceFileRow.file_id == file_id, EvidenceFileRow.part == part
    )
    row = session.scalars(query).one_or_none()
    if row is None:
        raise FileLost(f"no {part} of file {file_id}")
    sealed = store.get(session, row.place)
    if (fault := _fault(row, sealed)) is not None or sealed is None:
        return fault or Fault(case_id, row.place, "missing")
    case_key = case_keys.case_key(session, vault, case_id)
    key = case_keys.object_key(session, vault, case_key, case_id, object_of(file_id))
    return open_bytes(key, _label(case_id, file_id, part), sealed)


def _fault(row: EvidenceFileRow, sealed: bytes | None) -> Fault | None:
    if sealed is None:
        return Fault(row.case_id, row.place, "missing")
    if hashlib.sha256(sealed).digest() != row.digest:
        return Fault(row.case_id, row.place, "altered")
    return None


# ---- destroying ------------------------------------------------------------------------------------------------------


def destroy(session: Session, case_id: str, file_id: str) -> tuple[str, ...]:
    """Destroy a file's key and rows in this transaction; says which files are to be removed once it is committed."""
    own = (EvidenceFileRow.case_id == case_id, EvidenceFileRow.file_id == file_id)
    places = tuple(session.scalars(select(EvidenceFileRow.place).where(*own)))
    case_keys.destroy_object_key(session, case_id, object_of(file_id))
    session.execute(delete(EvidenceFileRow).where(*own))
    session.execute(delete(BlobRow).where(BlobRow.name.in_(places)))
    return places


def places_of_case(session: Session, case_id: str) -> tuple[str, ...]:
    """The files and papers of a case: for whoever erases it, to be removed once that is committed."""
    return tuple(
        place
        for row in _NAMING
        for place in session.scalars(select(row.place).where(row.case_id == case_id, row.place.is_not(None)))
        if place is not None
    )


def unnamed(session: Session, places: Iterable[str]) -> tuple[str, ...]:
    """Those of these files that no row names."""
    wanted, named = tuple(places), set[str | None]()
    for row in _NAMING:
        for start in range(0, len(wanted), _AT_ONCE):
            named.update(session.scalars(select(row.place).where(row.place.in_(wanted[start : start + _AT_ONCE]))))
    return tuple(place for place in wanted if place not in named)


@dataclass(frozen=True, slots=True)
class Named:
    """A file that a row names; `digest` of its sealed bytes, where the row says it."""

    place: str
    case_id: str
    digest: bytes | None


def named(session: Session, start: str = "") -> tuple[Named, ...]:
    """Every file that a row names, of those whose names begin so."""
    rows = session.scalars(select(EvidenceFileRow).where(beginning(EvidenceFileRow.place, start)))
    found = [Named(row.place, row.case_id, row.digest) for row in rows]
    for paper in (HandedPaperRow, PreparedPaperRow):
        query = select(paper.place, paper.case_id).where(beginning(paper.place, start))
        found += (Named(place, case_id, None) for place, case_id in session.execute(query) if place is not None)
    return tuple(sorted(found, key=lambda one: one.place))


# ---- alarms and the sweep --------------------------------------------------------------------------------------------


def alarm(session: Session, fault: Fault, *, at: datetime) -> bool:
    """Write down that a file is missing or altered; False where that is known, or no row names the file any more."""
    if unnamed(session, [fault.place]):
        return False  # destroyed in order, between the look at the disk and this
    known = select(FileAlarmRow.id).where(FileAlarmRow.place == fault.place, FileAlarmRow.what == fault.what)
    if session.scalar(known) is not None:
        return False
    row = FileAlarmRow(id=new_id(), case_id=fault.case_id, place=fault.place, what=fault.what, at=at)
    session.add(row)
    session.flush()
    return True


def alarms(session: Session) -> tuple[FileAlarmRow, ...]:
    """What was found, the latest first."""
    return tuple(session.scalars(select(FileAlarmRow).order_by(FileAlarmRow.at.desc(), FileAlarmRow.id)))


def faults(realm: Store, store: Blobs, *, night: int | None = None) -> tuple[Fault, ...]:
    """Every row whose file is missing or altered; reads each file once.

    `night`: its number. Where reading all is dear, only a part is read then, and names and sizes are compared of all.
    """
    found: list[Fault] = []
    for start in STARTS:
        query = select(EvidenceFileRow).where(beginning(EvidenceFileRow.place, start)).order_by(EvidenceFileRow.place)
        with realm.reading() as session:
            rows = session.scalars(query).all()
            if night is None or store.reads_are_cheap:
                found += (fault for row in rows if (fault := _fault(row, store.get(session, row.place))) is not None)
            elif rows:
                lying = {one.name: one for one in store.names(start)}
                found += _faults_of_night(session, store, rows, lying, night)
    return tuple(found)


def _faults_of_night(
    session: Session, store: Blobs, rows: Iterable[EvidenceFileRow], lying: Mapping[str, Lying], night: int
) -> Iterator[Fault]:
    for row in rows:
        known = lying.get(row.place)
        if known is None:
            yield Fault(row.case_id, row.place, "missing")
        elif known.size != row.size:
            yield Fault(row.case_id, row.place, "altered")
        elif int(row.place[:8], 16) % _MONTH == night % _MONTH:
            fault = _fault(row, store.get(session, row.place))
            if fault is not None:
                yield fault


def swept(session: Session, started_at: datetime, finished_at: datetime) -> None:
    """Every file was looked at; that takes the place of the time before."""
    session.merge(FileSweepRow(place=1, started_at=started_at, finished_at=finished_at))
    session.flush()


def last_sweep(session: Session) -> datetime | None:
    """When the latest look at every file began, of those that came to their end."""
    return session.scalar(select(FileSweepRow.started_at))


def remove_strays(realm: Store, store: Blobs, now: datetime) -> int:
    """Remove files that no row names and that are a day old; returns how many."""
    gone = 0
    for start in STARTS:
        old = [one.name for one in store.names(start) if one.at is None or one.at < now - _LEFT]
        if not old:
            continue
        with realm.reading() as session:  # begun after the look: what came with its row has its row by now
            strays = unnamed(session, old)
        store.delete(strays)
        gone += len(strays)
    return gone
