"""Repository of case files: what a copy names of a chain, what is made ahead, sealed documents, jobs of many copies."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, literal, not_, or_, select, update

from school_protocol.case_files.models import (
    AskedPaperRow,
    BulkCaseRow,
    BulkRow,
    HandedPaperRow,
    OutgoingLetterRow,
    PaperLookRow,
    PreparedPaperRow,
)
from school_protocol.cases.index_repository import where_visible
from school_protocol.cases.models import CaseIndexRow
from school_protocol.engine.errors import Sealed, Unseen
from school_protocol.engine.visibility import Scope
from school_protocol.storage import case_keys
from school_protocol.storage.blobs import Blobs, FilesAway, kept_at, new_name
from school_protocol.storage.engines import Session
from school_protocol.storage.journal import Head
from school_protocol.storage.master_keys import open_bytes, seal_bytes
from school_protocol.storage.models import EventRow, new_id
from school_protocol.storage.sql import add_new, add_rows
from school_protocol.storage.vault import Vault


def case_at(session: Session, head: Head) -> str | None:
    """The case whose chain has this place; None if none has."""
    try:
        told = bytes.fromhex(head.hash)
    except ValueError:
        return None
    return session.scalar(select(EventRow.case_id).where(EventRow.seq == head.seq, EventRow.hash == told))


def has_place(session: Session, case_id: str, head: Head) -> bool:
    """Whether that case's chain has this place."""
    row = session.execute(select(EventRow.hash).where(EventRow.case_id == case_id, EventRow.seq == head.seq)).first()
    return row is not None and row.hash.hex() == head.hash


# ---- which case files are to be made ahead -------------------------------------------------------------------------
# Said by what was asked for lately, index rows and what was looked at.


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked for lately of cases like this one, as the case stands after event `seq`."""

    case_id: str
    account: str
    document: str
    profile: str
    language: str
    seq: int
    tries: int = 0
    """How often it was begun since the case last moved, and did not come to its end."""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        return self.case_id, self.account, self.document, self.profile, self.language


def wanted(
    session: Session, *, asked_since: datetime, quiet_since: datetime, now: datetime, limit: int
) -> Sequence[Wanted]:
    """Open cases that nobody has written to since `quiet_since`, with what is to be looked at in them now.

    Those that failed before come last, then what was asked for first: latest first.
    """
    look, asked, case = PaperLookRow, AskedPaperRow, CaseIndexRow
    seen = and_(
        look.case_id == case.case_id, look.account == asked.account, look.document == asked.document,
        look.profile == asked.profile, look.language == asked.language,
    )  # fmt: skip
    tries = func.coalesce(look.tries, 0)
    query = (
        select(
            case.case_id, asked.account, asked.document, asked.profile, asked.language, case.last_seq, tries, look.seq
        )
        .join(case, and_(case.unit == asked.unit, case.ended.is_(False)))
        .join(EventRow, and_(EventRow.case_id == case.case_id, EventRow.seq == case.last_seq))
        .outerjoin(look, seen)
        .where(asked.at >= asked_since, EventRow.at <= quiet_since)
        .where(or_(look.case_id.is_(None), look.seq != case.last_seq, look.until <= now))
        .order_by(tries, asked.at.desc(), case.case_id, asked.account, asked.document, asked.profile, asked.language)
        .limit(limit)
    )
    return [
        Wanted(case_id, account, document, profile, language, seq, tried if looked == seq else 0)
        for case_id, account, document, profile, language, seq, tried, looked in session.execute(query)
    ]


def begin_look(session: Session, one: Wanted, until: datetime) -> bool:
    """Whether this worker is the one that looks; nobody else does before `until`, and it counts as a try till `end`."""
    row = session.get(PaperLookRow, one.key, with_for_update=True, populate_existing=True)
    before = row.tries if row is not None and row.seq == one.seq else 0
    if before != one.tries:
        return False
    if row is None:
        return _is_first(session, one, until)
    row.seq, row.until, row.tries = one.seq, until, one.tries + 1
    session.flush()
    return True


def _is_first(session: Session, one: Wanted, until: datetime) -> bool:
    """Whether nobody began to look at the same moment: a row that isn't there yet can't be locked."""
    case_id, account, document, profile, language = one.key
    return add_new(
        session, PaperLookRow, case_id=case_id, account=account, document=document, profile=profile,
        language=language, seq=one.seq, until=until, tries=one.tries + 1,
    )  # fmt: skip


def end_look(session: Session, one: Wanted, until: datetime, *, failed: bool = False) -> None:
    """It was looked at: nothing is to be done before `until`, unless the case moves."""
    row = session.get(PaperLookRow, one.key, populate_existing=True)
    if row is not None and row.seq == one.seq:
        row.until, row.tries = until, row.tries if failed else 0
        session.flush()


def forget_look(session: Session, one: Wanted) -> None:
    """It was not looked at after all: the next one to come does."""
    case_id, account, document, profile, language = one.key
    row = PaperLookRow
    session.execute(
        delete(row).where(
            row.case_id == case_id, row.account == account, row.document == document, row.profile == profile,
            row.language == language,
        )
    )  # fmt: skip


def drop_looks(session: Session, before: datetime) -> None:
    """Forget what was due before that moment and was not looked at: its case ended, or nobody asks any more."""
    session.execute(delete(PaperLookRow).where(PaperLookRow.until < before))


# ---- documents as sealed files: made ahead, kept for a day, asked for lately ---------------------------------------

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sort:
    """Which document, for which readers, in which language; `sight`: a digest of whose eyes it was made for."""

    document: str
    profile: str
    language: str
    sight: str

    def label(self, case_id: str) -> str:
        return f"prepared:{case_id}:{self.document}:{self.profile}:{self.language}:{self.sight}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file made ahead: of the content up to `content_seq`, true as of a moment and until another.

    `at_seq`: number of the latest event that it knows of, readings among them.
    """

    content_seq: int
    at_seq: int
    as_of: datetime
    until: datetime
    data: bytes


@dataclass(frozen=True, slots=True)
class Laid:
    """A document on its way into a row: with its row, or put where files lie already, under a key of its own."""

    data: bytes
    place: str | None = None
    at: str = ""
    key: bytes = b""


def lay(blobs: Blobs, case_id: str, data: bytes) -> Laid:
    """Put a document where files lie, before the transaction that keeps it; with its row where that is not the way,
    or can't be done now."""
    if not blobs.holds_papers:
        return Laid(data)
    place, key = new_name(), secrets.token_bytes(32)
    try:
        blobs.put(None, case_id, place, seal_bytes(key, _label(place), data))
    except FilesAway:
        return Laid(data)
    return Laid(data, place, blobs.address, key)


def _label(place: str) -> str:
    return f"paper:{place}"


def _row_of(session: Session, laid: Laid) -> tuple[str | None, bytes]:
    """Where the document lies, and what is sealed into its row. Files that were moved meanwhile don't count."""
    if laid.place is None or kept_at(session) != laid.at:
        return None, laid.data
    return laid.place, laid.key


def _opened(
    session: Session, blobs: Blobs, row: HandedPaperRow | PreparedPaperRow, case_key: bytes, label: str
) -> bytes | None:
    """The document of a row; None where it lies elsewhere and is not what it was. Raises Sealed, FilesAway."""
    sealed = open_bytes(case_key, label, row.sealed)
    if row.place is None:
        return sealed
    found = blobs.get(session, row.place)
    try:
        if found is not None:
            return open_bytes(sealed, _label(row.place), found)
    except Sealed:
        pass
    _log.error("a document is %s: %s", "missing" if found is None else "altered", row.place)
    return None


# ---- made ahead ----------------------------------------------------------------------------------------------------


def keep_prepared(
    session: Session, vault: Vault, case_id: str, sort: Sort, made: Prepared, laid: Laid | None = None
) -> tuple[str, ...]:
    """Keep a file in the place of the one of its sort; says what is to be taken away once that is committed.

    Raises Sealed where the case was erased.
    """
    place, content = _row_of(session, laid or Laid(made.data))
    sealed = seal_bytes(case_keys.case_key(session, vault, case_id), sort.label(case_id), content)
    former = session.get(PreparedPaperRow, (case_id, sort.document, sort.profile, sort.language, sort.sight))
    gone = (former.place,) if former is not None and former.place is not None else ()
    session.merge(
        PreparedPaperRow(
            case_id=case_id, document=sort.document, profile=sort.profile, language=sort.language, sight=sort.sight,
            content_seq=made.content_seq, at_seq=made.at_seq, as_of=made.as_of, until=made.until, sealed=sealed,
            place=place,
        )
    )  # fmt: skip
    session.flush()
    return gone


def prepared(
    session: Session, vault: Vault, blobs: Blobs, case_id: str, sort: Sort, content_seq: int, now: datetime
) -> Prepared | None:
    """The file of that sort, if it is of this content, still true, and can be read now."""
    row = session.get(PreparedPaperRow, (case_id, sort.document, sort.profile, sort.language, sort.sight))
    if row is None or row.content_seq != content_seq or not row.as_of <= now < row.until:
        return None
    try:
        data = _opened(session, blobs, row, case_keys.case_key(session, vault, case_id), sort.label(case_id))
    except FilesAway:
        data = None
    return Prepared(row.content_seq, row.at_seq, row.as_of, row.until, data) if data is not None else None


def prepared_until(session: Session, case_id: str, sort: Sort, content_seq: int, now: datetime) -> datetime | None:
    """Until when `prepared` finds a file of that sort, without opening it; None where it finds none."""
    key = (
        PreparedPaperRow.case_id == case_id, PreparedPaperRow.document == sort.document,
        PreparedPaperRow.profile == sort.profile, PreparedPaperRow.language == sort.language,
        PreparedPaperRow.sight == sort.sight,
    )  # fmt: skip
    true = (PreparedPaperRow.content_seq == content_seq, PreparedPaperRow.as_of <= now, PreparedPaperRow.until > now)
    return session.scalar(select(PreparedPaperRow.until).where(*key, *true))


# ---- copies --------------------------------------------------------------------------------------------------------


def keep_copy(
    session: Session, vault: Vault, case_id: str, document: str, copy: int, laid: Laid, until: datetime
) -> None:
    """Keep a copy as it was handed out."""
    place, content = _row_of(session, laid)
    sealed = seal_bytes(case_keys.case_key(session, vault, case_id), _copy_label(case_id, document, copy), content)
    session.add(HandedPaperRow(case_id=case_id, document=document, copy=copy, until=until, sealed=sealed, place=place))
    session.flush()


def kept_copy(session: Session, vault: Vault, blobs: Blobs, case_id: str, document: str, copy: int) -> bytes | None:
    """That copy, as long as it is kept. Raises FilesAway."""
    row = session.get(HandedPaperRow, (case_id, document, copy))
    if row is None:
        return None
    return _opened(
        session, blobs, row, case_keys.case_key(session, vault, case_id), _copy_label(case_id, document, copy)
    )


def keep_copy_until(session: Session, case_id: str, document: str, copy: int, until: datetime) -> None:
    """Keep that copy for so long, where it is kept still."""
    own = (HandedPaperRow.case_id == case_id, HandedPaperRow.document == document, HandedPaperRow.copy == copy)
    session.execute(update(HandedPaperRow).where(*own).values(until=until))


def drop_copy(session: Session, case_id: str, document: str, copy: int) -> None:
    """That copy is kept no longer."""
    own = (HandedPaperRow.case_id == case_id, HandedPaperRow.document == document, HandedPaperRow.copy == copy)
    session.execute(delete(HandedPaperRow).where(*own))


def _copy_label(case_id: str, document: str, copy: int) -> str:
    return f"copy:{case_id}:{document}:{copy}"


# ---- asked for -----------------------------------------------------------------------------------------------------


def note_asked(
    session: Session, *, unit: str, account: str, document: str, profile: str, language: str, at: datetime
) -> None:
    """This person asked for that document of a case of this school: the like is made ahead for them."""
    session.merge(
        AskedPaperRow(unit=unit, account=account, document=document, profile=profile, language=language, at=at)
    )
    session.flush()


# ---- gone ----------------------------------------------------------------------------------------------------------


def outdated_places(session: Session, now: datetime) -> tuple[str, ...]:
    """Where documents lie that are true, or kept, no longer: to be taken away once their rows are gone."""
    return tuple(
        place
        for row in (PreparedPaperRow, HandedPaperRow)
        for place in session.scalars(select(row.place).where(row.until <= now, row.place.is_not(None)))
        if place is not None
    )


def drop_outdated(session: Session, now: datetime) -> int:
    """Files that are true, or kept, no longer; returns how many."""
    gone = 0
    for row in (PreparedPaperRow, HandedPaperRow):
        gone += session.execute(delete(row).where(row.until <= now)).rowcount  # type: ignore[attr-defined]
    return gone


# ---- letters that left: their numbers in the register of an office -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A number in the register of outgoing letters of an office, in a calendar year.

    `code`: of the office, where it isn't the school whose letterhead the letter has.
    """

    unit: str
    year: int
    number: int
    code: str = ""

    def __str__(self) -> str:
        return "/".join([str(self.number), str(self.year), *([self.code] if self.code else [])])


@dataclass(frozen=True, slots=True)
class Registered:
    """A line of that register; `case`: the number of its case, for whoever sees it."""

    number: int
    at: datetime
    protocol: str
    version: int
    document: str
    addressee: str
    taken_back_at: datetime | None
    case: str
    word: str | None


def last_dispatch(session: Session, unit: str, year: int) -> int:
    """The latest number of that register; 0: none yet."""
    row = OutgoingLetterRow
    return session.scalar(select(func.max(row.number)).where(row.unit == unit, row.year == year)) or 0


def register_letter(session: Session, taken: Dispatch, **letter: Any) -> bool:
    """Enter a letter under that number; False where it isn't the next one any more.

    Who comes second with a number waits until the first one's transaction ends: so no two have it, and none is left
    out. It is the first thing that a transaction writes.
    """
    if last_dispatch(session, taken.unit, taken.year) + 1 != taken.number:
        return False
    return add_new(
        session, OutgoingLetterRow, unit=taken.unit, year=taken.year, number=taken.number, taken_back_at=None, **letter
    )


def take_letter_back(session: Session, case_id: str, document: str, copy: int, at: datetime) -> None:
    """Mark that copy as taken back, where it is a letter that left: it keeps its number."""
    of_copy = {"case_id": case_id, "document": document, "copy": copy}
    row = session.scalar(select(OutgoingLetterRow).filter_by(**of_copy))
    if row is not None:
        row.taken_back_at = at
        session.flush()


def dispatch_years(session: Session, unit: str) -> Sequence[int]:
    """The years in which letters left that office."""
    row = OutgoingLetterRow
    return session.scalars(select(row.year).where(row.unit == unit).distinct()).all()


def registered_letters(
    session: Session, scope: Scope, unit: str, year: int, *, today: date, below: int, limit: int
) -> Sequence[Registered]:
    """The latest letters of that office and year, those before number `below` where one is given."""
    row, case = OutgoingLetterRow, CaseIndexRow
    query = (
        select(
            row.number, row.at, row.protocol, row.version, row.document, row.addressee, row.taken_back_at,
            func.coalesce(case.number, literal("")), case.word,
        )
        .outerjoin(case, and_(case.case_id == row.case_id, where_visible(scope, today)))
        .where(row.unit == unit, row.year == year, *([row.number < below] if below else []))
        .order_by(row.number.desc())
        .limit(limit)
    )  # fmt: skip
    found: Iterable[Any] = session.execute(query)
    return [Registered(*line) for line in found]


# Jobs of many copies: which cases, how far each job is, what it waits for, how long its copies are
# kept.


class State(StrEnum):
    running = "running"
    done = "done"
    stopped = "stopped"


class CaseState(StrEnum):
    waiting = "waiting"
    done = "done"
    refused = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which cases: of these schools (None: of all), open, or ended with their last move in these moments."""

    protocol: str
    units: Collection[str] | None
    ended: bool
    moved_from: datetime | None = None
    moved_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Cases that this scope sees on that day."""

    scope: Scope
    today: date


def choose(session: Session, scope: Scope, choice: Choice, *, today: date, limit: int) -> list[tuple[str, str]]:
    """Ids and numbers of the cases that this scope sees, by number."""
    case = CaseIndexRow
    where: list[ColumnElement[bool]] = [
        where_visible(scope, today), case.protocol == choice.protocol, case.ended.is_(choice.ended)
    ]  # fmt: skip
    if choice.units is not None:
        where.append(case.unit.in_(choice.units))
    if choice.moved_from is not None:
        where.append(case.moved_at >= choice.moved_from)
    if choice.moved_before is not None:
        where.append(case.moved_at < choice.moved_before)
    query = select(case.case_id, case.number).where(*where).order_by(case.number).limit(limit)
    return [(case_id, number) for case_id, number in session.execute(query)]


def add(
    session: Session,
    *,
    account: str,
    protocol: str,
    profile: str,
    language: str,
    chosen: Mapping[str, Any],
    cases: Sequence[tuple[str, str]],
    at: datetime,
    until: datetime,
) -> str | None:
    """Ask for copies of these cases (id and number); returns the job's id, or None where one of this person's runs."""
    bulk = new_id()
    is_new = add_new(
        session, BulkRow, id=bulk, account=account, protocol=protocol, profile=profile, language=language,
        chosen=dict(chosen), token=secrets.token_hex(16), begun_at=at, state=State.running.value, until=until, why="",
        trouble="",
    )  # fmt: skip
    if not is_new:
        return None
    lines = [
        {"bulk": bulk, "place": place, "case_id": case_id, "number": number, "state": CaseState.waiting.value,
         "why": "", "copy": 0, "sight": "", "tries": 0}
        for place, (case_id, number) in enumerate(cases, start=1)
    ]  # fmt: skip
    add_rows(session, BulkCaseRow, lines)
    return bulk


def job(session: Session, bulk_id: str) -> BulkRow:
    """The job with that id; raises Unseen."""
    row = session.get(BulkRow, bulk_id, populate_existing=True)
    if row is None:
        raise Unseen(bulk_id)
    return row


def running(session: Session, account: str) -> str | None:
    """The job of this person that runs."""
    return session.scalar(select(BulkRow.id).where(BulkRow.account == account, BulkRow.state == State.running.value))


def of_account(session: Session, account: str, *, limit: int) -> tuple[BulkRow, ...]:
    """What this person asked for, newest first."""
    query = select(BulkRow).where(BulkRow.account == account).order_by(BulkRow.begun_at.desc(), BulkRow.id.desc())
    return tuple(session.scalars(query.limit(limit)))


def counts(session: Session, bulk_id: str, seen: Seen | None = None) -> dict[CaseState, int]:
    """How many of its cases, or of those that are seen, stand how."""
    query = select(BulkCaseRow.state, func.count()).where(BulkCaseRow.bulk == bulk_id).group_by(BulkCaseRow.state)
    query = _among(query, seen)
    found = {str(state): int(number) for state, number in session.execute(query)}
    return {state: found.get(state.value, 0) for state in CaseState}


def cases_of(
    session: Session, bulk_id: str, *states: CaseState, after: int = 0, limit: int, seen: Seen | None = None
) -> tuple[BulkCaseRow, ...]:
    """Its cases that stand so, or those of them that are seen, in their order, from after a place."""
    row = BulkCaseRow
    wanted = (row.bulk == bulk_id, row.place > after, row.state.in_([state.value for state in states]))
    query = _among(select(row).where(*wanted).order_by(row.place).limit(limit), seen)
    return tuple(session.scalars(query, execution_options={"populate_existing": True}))


def _among(query: Any, seen: Seen | None) -> Any:
    if seen is None:
        return query
    same = CaseIndexRow.case_id == BulkCaseRow.case_id
    return query.join(CaseIndexRow, same).where(where_visible(seen.scope, seen.today))


# ---- going on ------------------------------------------------------------------------------------------------------


def waiting(session: Session, *, left_since: datetime) -> tuple[str, ...]:
    """Ids of the jobs that run and that nobody is at, oldest first."""
    query = select(BulkRow.id).where(BulkRow.state == State.running.value, _free(left_since))
    return tuple(session.scalars(query.order_by(BulkRow.begun_at, BulkRow.id)))


def take(session: Session, bulk_id: str, *, now: datetime, left_since: datetime) -> bool:
    """Whether this worker is the one that goes on with it."""
    return _changed(session, _running(bulk_id).where(_free(left_since)).values(taken_at=now))


def leave(session: Session, bulk_id: str, own: datetime) -> None:
    """Whoever took it at `own` is at it no more: the next worker goes on. A lease that another holds stays."""
    _changed(session, update(BulkRow).where(BulkRow.id == bulk_id, BulkRow.taken_at == own).values(taken_at=None))


def is_taken(session: Session, bulk_id: str, *, left_since: datetime) -> bool:
    """Whether a worker is at it: it may be making one more copy though the job was stopped."""
    query = select(BulkRow.id).where(BulkRow.id == bulk_id, not_(_free(left_since)))
    return session.scalar(query) is not None


def settle_case(
    session: Session,
    bulk_id: str,
    place: int,
    *,
    own: datetime,
    now: datetime,
    copy: int = 0,
    sight: str = "",
    why: str = "",
) -> bool:
    """One case has its copy, for the eyes of `sight`, or is refused for `why`; the lease of `own` begins anew.

    False where the job runs no longer, or another worker is at it by now.
    """
    state = CaseState.done if copy else CaseState.refused
    _changed(session, _of(bulk_id, place).values(state=state.value, copy=copy, sight=sight, why=why))
    return _changed(session, _running(bulk_id).where(BulkRow.taken_at == own).values(taken_at=now, trouble=""))


def try_again(session: Session, bulk_id: str, place: int, *, own: datetime, now: datetime) -> int:
    """One case could not be worked on; how often that was so."""
    _changed(session, _running(bulk_id).where(BulkRow.taken_at == own).values(taken_at=now))
    _changed(session, _of(bulk_id, place).values(tries=BulkCaseRow.tries + 1))
    found = select(BulkCaseRow.tries).where(BulkCaseRow.bulk == bulk_id, BulkCaseRow.place == place)
    return session.scalar(found) or 0


def hold_up(session: Session, bulk_id: str, trouble: str) -> None:
    """It waits for something that somebody must mend."""
    _changed(session, _running(bulk_id).values(trouble=trouble))


def settle(session: Session, bulk_id: str, *, at: datetime, until: datetime, document: str, why: str = "") -> bool:
    """It is done, or stopped where `why` is a code; all its copies are kept until then. False where it was settled.

    Whoever is at a job that is stopped may be making a copy still, and leaves it afterwards.
    """
    state = State.stopped if why else State.done
    values: dict[str, Any] = {
        "state": state.value, "settled_at": at, "why": why, "trouble": "", "until": until,
        **({} if why else {"taken_at": None}),
    }  # fmt: skip
    if not _changed(session, _running(bulk_id).values(values)):
        return False
    session.execute(
        update(HandedPaperRow)
        .where(HandedPaperRow.document == document, _is_of(bulk_id))
        .values(until=until)
        .execution_options(synchronize_session=False)
    )
    return True


def remove(session: Session, bulk_id: str, document: str) -> None:
    """The job and the copies that are kept for it are gone; what was noted in the cases stays."""
    kept = delete(HandedPaperRow).where(HandedPaperRow.document == document, _is_of(bulk_id))
    session.execute(kept.execution_options(synchronize_session=False))
    session.execute(delete(BulkCaseRow).where(BulkCaseRow.bulk == bulk_id))
    session.execute(delete(BulkRow).where(BulkRow.id == bulk_id))


def drop_bulk_jobs(session: Session, now: datetime) -> None:
    """Jobs whose copies are kept no longer."""
    old = select(BulkRow.id).where(BulkRow.until <= now)
    session.execute(delete(BulkCaseRow).where(BulkCaseRow.bulk.in_(old)))
    session.execute(delete(BulkRow).where(BulkRow.until <= now))


def _is_of(bulk_id: str) -> ColumnElement[bool]:
    """Whether a kept copy is one of this job's."""
    row = BulkCaseRow
    same = and_(row.case_id == HandedPaperRow.case_id, row.copy == HandedPaperRow.copy)
    return exists().where(row.bulk == bulk_id, row.state == CaseState.done.value, same)


def _running(bulk_id: str) -> Any:
    return update(BulkRow).where(BulkRow.id == bulk_id, BulkRow.state == State.running.value)


def _of(bulk_id: str, place: int) -> Any:
    waits = BulkCaseRow.state == CaseState.waiting.value
    return update(BulkCaseRow).where(BulkCaseRow.bulk == bulk_id, BulkCaseRow.place == place, waits)


def _free(left_since: datetime) -> ColumnElement[bool]:
    return or_(BulkRow.taken_at.is_(None), BulkRow.taken_at < left_since)


def _changed(session: Session, statement: Any) -> bool:
    found: Any = session.execute(statement.execution_options(synchronize_session=False))
    return int(found.rowcount) == 1
