"""The index: one deletable row a case, which lists, jobs and searches read; it says nothing personal.

`where_visible` is the only place where a scope becomes SQL; it answers as `visibility.may_see` does, row by row.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Self, assert_never, cast

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    union,
    union_all,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session, aliased

from school_protocol.cases.models import (
    CaseDueRow,
    CaseExclusionRow,
    CaseFigureRow,
    CaseIndexRow,
    CaseKnownRow,
    CaseLookRow,
    CaseReaderRow,
    CaseRequestRow,
    CaseSeatRow,
    CaseWaitingRow,
    IdentityMarkRow,
    ReviewStateRow,
)
from school_protocol.engine.case_words import word_of_number
from school_protocol.engine.next_steps import Asked
from school_protocol.engine.visibility import Clause, Place, Reach, Reader, Scope
from school_protocol.storage import models as storage_models
from school_protocol.storage.models import CaseRecordRow, EventRow, RealmBase, TombstoneRow
from school_protocol.storage.sql import add_rows, beyond

NEVER_DUE = datetime(9999, 12, 31, tzinfo=UTC)
"""Where a case without any due moment stands in the order: last."""

Figure = str | int | bool
DEPARTED = "departed:"
"""How the fact begins that a step was taken without a need, by the need's key."""


@dataclass(frozen=True, slots=True)
class IndexSeat:
    """A seat of a case; `until` is its last day."""

    account: str
    seat: str
    until: date | None = None

    def is_held(self, today: date) -> bool:
        """Whether the seat's last day isn't over."""
        return self.until is None or today <= self.until


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline that runs; `subject` tells several of the same key apart (a danger, a referral)."""

    key: str
    due_at: datetime
    subject: str = ""
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """Where a case stands now: what the fold says, in facts that identify nobody."""

    case_id: str
    number: str
    protocol: str
    version: int
    unit: str
    province: str = ""
    region: str = ""
    word: str = ""
    state: str
    stage: str
    level: int | None = None
    team_sees: bool = False
    restricted: bool = False
    ended: bool = False
    raised: int = 0
    next_due_at: datetime | None = None
    next_due_key: str | None = None
    urgent: bool = False
    """A danger is raised, or its first minutes are not over: it stands before everything else."""
    next_key: str | None = None
    """The act, move, deadline or state that the case waits for."""
    next_kind: str | None = None
    """act, move, sign (an act's record to be signed), due (a deadline) or sent_back (a state that was refused)."""
    waiting_since: datetime | None = None
    waits_on_authority: bool | None = None
    """Somebody outside has not answered yet. None: the row is from before the index said so."""
    waits_on_family: bool | None = None
    opened_at: datetime
    moved_at: datetime
    last_seq: int
    waiting_for: frozenset[str] = frozenset()
    asked: tuple[Asked, ...] = ()
    """What is asked of single roles besides, each once."""
    seats: tuple[IndexSeat, ...] = ()
    exclusions: frozenset[str] = frozenset()
    readers: frozenset[Reader] = frozenset()
    dues: tuple[Due, ...] = ()
    planned: tuple[Due, ...] = ()
    """Follow-ups to come, each by its act's key, due as its day ends; the day is the subject."""
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def place(self, today: date) -> Place:
        """What policy needs to know of the case."""
        return Place(
            protocol=self.protocol,
            unit=self.unit,
            province=self.province,
            region=self.region,
            team_sees=self.team_sees,
            restricted=self.restricted,
            seats=frozenset(seat.account for seat in self.seats if seat.is_held(today)),
            excluded=self.exclusions,
            readers=self.readers,
            number=self.number,
        )


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: the next page begins after it."""

    due_order: datetime
    case_id: str
    urgent: bool = False

    def __str__(self) -> str:
        return f"{self.urgent:d}~{self.due_order.astimezone(UTC).isoformat()}~{self.case_id}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """A cursor as it came back in an address; None where it isn't one."""
        urgent, _, place = text.partition("~")
        moment, _, case_id = place.partition("~")
        if urgent not in ("0", "1"):
            return None
        try:
            found = datetime.fromisoformat(moment)
            in_reach = found.utcoffset() is not None and found.astimezone(UTC) is not None
        except (ValueError, OverflowError):
            return None
        if not in_reach or not case_id.isascii() or not case_id.isalnum() or len(case_id) > 40:
            return None
        return cls(found, case_id, urgent == "1")


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in their order, and where the next page begins (None: this was the last)."""

    rows: tuple[IndexRow, ...]
    after: Cursor | None


@dataclass(frozen=True, slots=True)
class Waited:
    """Somebody whom cases may wait for: by a seat, or by one of these roles, each held in a unit and all below it.

    Where one of the acts `answers` is next, an authority is waited for, and nobody here before that is due.
    Observations wait for whoever holds one of the roles and seats `answering`, each with its protocol.
    """

    account: str
    roles: frozenset[tuple[str, str]]
    now: datetime
    answers: frozenset[str] = frozenset()
    answering: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list narrows down to; None leaves a question open."""

    ended: bool | None = None
    urgent: bool | None = None
    protocol: str | None = None
    unit: str | None = None
    stage: str | None = None
    state: str | None = None
    level: int | None = None
    word: str | None = None
    waits_for: Waited | None = None
    seat_of: str | None = None
    due_before: datetime | None = None
    moved_from: datetime | None = None
    changed_from: datetime | None = None
    """Since when something was written to it."""


EVERYTHING = Filter()


# ---- write ---------------------------------------------------------------------------------------------------------


Beside = tuple[type[RealmBase], list[dict[str, Any]]]
"""Rows of a table that stand beside the index row of their case, and go with it."""


def write(session: Session, row: IndexRow, beside: Iterable[Beside] = (), *, anew: bool = False) -> None:
    """Put the row, and what stands beside it, in place of what was there: of the parts, those that differ.

    `anew`: all of them, so that whatever somebody wrote there behind the program goes.
    """
    own = _columns(row)
    parts: list[Beside] = [
        *((table, [{"case_id": row.case_id, **each} for each in rows]) for table, rows in _parts(row)),
        *beside,
    ]
    every: list[Beside] = [(CaseIndexRow, [own]), *parts]
    own["macs"] = storage_models.of_several(session, ((cast(Table, one.__table__), rows) for one, rows in every))
    kept = session.execute(_KEPT, {"case": row.case_id}).one_or_none()
    if anew or kept is None or _is_seen_otherwise(kept, own):
        remove(session, row.case_id)
        add_rows(session, CaseIndexRow, [own])
    else:
        session.execute(_CHANGED, {"case": row.case_id, **{name: own[name] for name in own if name != "case_id"}})
        parts = [(one, rows) for one, rows in parts if _differs(kept.macs, own["macs"], one)]
        for table in (CaseLookRow, *(one for one, _rows in parts if one.__tablename__ in kept.macs)):
            session.execute(_of_case(table), {"case": row.case_id})
    for table, rows in parts:
        add_rows(session, table, rows)


_INDEX = CaseIndexRow.__table__.c
_PLACES = ("unit", "province", "region")
_KEPT = select(_INDEX.macs, *(_INDEX[name] for name in _PLACES)).where(_INDEX.case_id == bindparam("case"))
_CHANGED = update(cast(Table, CaseIndexRow.__table__)).where(_INDEX.case_id == bindparam("case"))
_SEEN_BY: tuple[type[RealmBase], ...] = (CaseSeatRow, CaseExclusionRow, CaseReaderRow, CaseRequestRow, CaseKnownRow)
"""By rows of these somebody sees a case, or doesn't: behind `row_security` none is left to change once its reader has
lost sight of it, so that all is taken away at once."""


def _is_seen_otherwise(kept: Any, own: Mapping[str, Any]) -> bool:
    """Whether others see the case now; taken for granted where the keyed hashes that would tell are not there."""
    is_told = kept.macs and own["macs"] and all(getattr(kept, name) == own[name] for name in _PLACES)
    return not is_told or any(_differs(kept.macs, own["macs"], one) for one in _SEEN_BY)


def _differs(kept: Mapping[str, str], now: Mapping[str, str], table: type[RealmBase]) -> bool:
    return kept.get(table.__tablename__) != now.get(table.__tablename__)


@lru_cache
def _of_case(table: type[RealmBase]) -> Any:
    return delete(cast(Table, table.__table__)).where(table.__table__.c.case_id == bindparam("case"))


def remove(session: Session, case_id: str) -> None:
    """Delete the row and all its parts; the events can give it back."""
    session.execute(_of_case(CaseIndexRow), {"case": case_id})


def all_case_ids(session: Session) -> list[str]:
    """Every case that can be indexed again: those that were not erased."""
    erased = exists().where(TombstoneRow.case_id == CaseRecordRow.id, TombstoneRow.seq == 0)
    return list(session.scalars(select(CaseRecordRow.id).where(~erased).order_by(CaseRecordRow.id)))


_PLAIN = tuple(column.key for column in CaseIndexRow.__table__.columns if column.key not in ("due_order", "macs"))


def _columns(row: IndexRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _PLAIN} | {"due_order": row.next_due_at or NEVER_DUE}


def _parts(row: IndexRow) -> Iterator[tuple[type[RealmBase], list[dict[str, Any]]]]:
    asked = {one.role: {"act": one.act, "need": one.need, "since": one.since} for one in row.asked}
    nothing = {"act": None, "need": None, "since": None}
    roles = sorted({*row.waiting_for, *asked})
    waiting = [{"role": role, "is_next": role in row.waiting_for, **asked.get(role, nothing)} for role in roles]
    yield CaseWaitingRow, waiting
    seats = dict.fromkeys((seat.account, seat.seat) for seat in row.seats)
    yield CaseSeatRow, [_seat_columns(row.seats, *each) for each in seats]
    yield CaseExclusionRow, [{"account": account} for account in sorted(row.exclusions)]
    yield CaseReaderRow, [{"account": account, "until": until} for account, until in _latest(row.readers)]
    yield (
        CaseDueRow,
        [
            *(_due_columns(due, planned=False) for due in _soonest(row.dues)),
            *(_due_columns(due, planned=True) for due in _soonest(row.planned)),
        ],
    )
    yield CaseFigureRow, [{"fact": fact, "value": json.dumps(value)} for fact, value in sorted(row.figures.items())]


def _latest(readers: Iterable[Reader]) -> list[tuple[str, datetime | None]]:
    """Each reader once, for as long as any of their openings lasts."""
    found: dict[str, datetime | None] = {}
    for one in sorted(readers, key=lambda reader: (reader.until is None, reader.until or NEVER_DUE)):
        found[one.account] = one.until
    return sorted(found.items())


def _seat_columns(seats: Sequence[IndexSeat], account: str, seat: str) -> dict[str, Any]:
    """One person in the same seat twice (for two sides) holds it for the longest."""
    ends = [each.until for each in seats if (each.account, each.seat) == (account, seat)]
    until = None if None in ends else max(end for end in ends if end is not None)
    return {"account": account, "seat": seat, "until": until}


def _soonest(dues: Iterable[Due]) -> Iterable[Due]:
    """Of several counts of one deadline about one subject, the one that is due first."""
    kept: dict[tuple[str, str], Due] = {}
    for due in sorted(dues, key=lambda due: due.due_at):
        kept.setdefault((due.key, due.subject), due)
    return kept.values()


def _due_columns(due: Due, *, planned: bool) -> dict[str, Any]:
    return {
        "key": due.key, "subject": due.subject, "due_at": due.due_at, "urgent": due.urgent, "planned": planned,
    }  # fmt: skip


# ---- who sees which --------------------------------------------------------------------------------------------------


def where_visible(scope: Scope, today: date) -> ColumnElement[bool]:
    """The scope as a WHERE on the index: any way of seeing admits, an exclusion always shuts out."""
    return _visible_all_day(_all_day(scope), today) if is_for_all_day(scope) else _visible(scope, today)


def _visible(scope: Scope, today: date) -> ColumnElement[bool]:
    return and_(_not_excluded(scope.account), or_(*_ways(scope, today)))


def is_for_all_day(scope: Scope) -> bool:
    """Whether what a scope admits is the same at every moment of a day."""
    return scope.now is None or not scope.overseeing()


def _all_day(scope: Scope) -> Scope:
    return Scope(scope.account, scope.clauses)


_visible_all_day = lru_cache(maxsize=512)(_visible)
"""Written once for each person and day: every page asks several times."""


def _ways(scope: Scope, today: date) -> list[ColumnElement[bool]]:
    """The ways in which this person sees cases, one condition each: each can use an index of its own."""
    admitted = (_admitted(clause, scope.account, today) for clause in scope.clauses)
    return [*_named(scope), *_opened(scope), *admitted] or [false()]


def _named(scope: Scope) -> list[ColumnElement[bool]]:
    """Open to this person by name, for as long as the row stands and they answer for the school from above."""
    own = select(CaseReaderRow.case_id).where(CaseReaderRow.account == scope.account, CaseReaderRow.until.is_(None))
    return [and_(CaseIndexRow.case_id.in_(own), or_(*above))] if (above := _places_above(scope)) else []


def _opened(scope: Scope) -> list[ColumnElement[bool]]:
    """Opened by this person for a time that is not over, in a school for which they answer from above still."""
    above = _places_above(scope)
    if scope.now is None or not above:
        return []
    own = select(CaseReaderRow.case_id).where(CaseReaderRow.account == scope.account, CaseReaderRow.until > scope.now)
    return [and_(CaseIndexRow.case_id.in_(own), or_(*above))]


def _places_above(scope: Scope) -> list[ColumnElement[bool]]:
    return [and_(CaseIndexRow.protocol == one.protocol, _above(one)) for one in scope.overseeing()]


def _above(clause: Clause) -> ColumnElement[bool]:
    """Said so that no index of places serves it: the few that were opened are found by their ids, never among all."""
    column = CaseIndexRow.province if clause.reach is Reach.province else CaseIndexRow.region
    return func.coalesce(column, "") == clause.place


def _not_excluded(account: str) -> ColumnElement[bool]:
    excluded = exists().where(CaseExclusionRow.case_id == CaseIndexRow.case_id, CaseExclusionRow.account == account)
    return not_(excluded.correlate(CaseIndexRow))


def _admitted(clause: Clause, account: str, today: date) -> ColumnElement[bool]:
    conditions = [CaseIndexRow.protocol == clause.protocol, _reached(clause, account, today)]
    if not clause.sees_restricted:
        conditions.append(CaseIndexRow.restricted.is_(False))
    if clause.only_team_states:
        conditions.append(CaseIndexRow.team_sees.is_(True))
    return and_(*conditions)


def _reached(clause: Clause, account: str, today: date) -> ColumnElement[bool]:
    match clause.reach:
        case Reach.seat:
            seated = CaseIndexRow.case_id.in_(_seated(account, today))
            return and_(seated, CaseIndexRow.number.not_in(sorted(clause.without))) if clause.without else seated
        case Reach.unit:
            return CaseIndexRow.unit == clause.place
        case Reach.province:
            return CaseIndexRow.province == clause.place
        case Reach.region:
            return CaseIndexRow.region == clause.place
        case Reach.under:
            return or_(
                and_(CaseIndexRow.unit == clause.place, CaseIndexRow.restricted.is_(False)),
                CaseIndexRow.province == clause.place,
                CaseIndexRow.region == clause.place,
            )
        case _:
            assert_never(clause.reach)


def _seated(account: str, today: date) -> Select[str]:
    current = or_(CaseSeatRow.until.is_(None), CaseSeatRow.until >= today)
    return select(CaseSeatRow.case_id).where(CaseSeatRow.account == account, current)


# ---- read ----------------------------------------------------------------------------------------------------------


def seen_among(session: Session, scope: Scope, ids: Collection[str], *, today: date) -> frozenset[str]:
    """Which of these cases a scope sees."""
    if not ids:
        return frozenset()
    query = select(CaseIndexRow.case_id).where(where_visible(scope, today), CaseIndexRow.case_id.in_(ids))
    return frozenset(session.scalars(query))


def page(
    session: Session,
    scope: Scope,
    *,
    today: date,
    limit: int,
    filter: Filter = EVERYTHING,
    after: Cursor | None = None,
    urgent_first: bool = True,
) -> Page:
    """The next rows that this person sees: raised dangers first, then by what is due next.

    The cost doesn't grow with what lies before or after: each way of seeing is a leg of its own, once for what is
    urgent and once for the rest, cut at `limit`, so that each walks one index in its order.

    Of their parts the rows bring whom they wait for, the seats, and who takes no part: a list rests on nothing else.
    """
    is_plain = after is None and is_for_all_day(scope) and filter in _PLAIN_FILTERS
    asked = (
        _first_places(_all_day(scope), today, limit, filter, urgent_first)
        if is_plain
        else _places(scope, today, limit, filter, after, urgent_first)
    )
    rows = session.execute(asked).all()
    last = rows[limit - 1] if len(rows) > limit else None
    after = Cursor(last.due_order, last.case_id, bool(last.urgent)) if last else None
    return Page(_with_listed(session, rows[:limit]), after)


def _places(
    scope: Scope, today: date, limit: int, filter: Filter, after: Cursor | None, urgent_first: bool
) -> Select[*tuple[Any, ...]]:
    narrowed = [_not_excluded(scope.account), *_narrowing(filter, today)]
    bands = [
        and_(CaseIndexRow.urgent == urgent, *_from(after, urgent, urgent_first), *narrowed)
        for urgent in (True, False)
        if after is None or not urgent_first or urgent <= after.urgent
    ]
    legs = [_leg(and_(way, band), limit + 1) for band in bands for way in _ways(scope, today)]
    found = union(*legs).subquery()
    order = (*([found.c.urgent.desc()] if urgent_first else []), found.c.due_order, found.c.case_id)
    row = CaseIndexRow.__table__
    return select(row).join(found, found.c.case_id == row.c.case_id).order_by(*order).limit(limit + 1)


_PLAIN_FILTERS = (EVERYTHING, Filter(ended=False))
"""With which lists begin: the statement is written once for each person and day."""


@lru_cache(maxsize=512)
def _first_places(
    scope: Scope, today: date, limit: int, filter: Filter, urgent_first: bool
) -> Select[*tuple[Any, ...]]:
    return _places(scope, today, limit, filter, None, urgent_first)


def dues_of(session: Session, case_ids: Sequence[str], *, before: datetime) -> list[tuple[str, Due, bool]]:
    """What falls due in these cases before a moment, soonest first, and whether it is a planned follow-up."""
    order = (CaseDueRow.due_at, CaseDueRow.case_id, CaseDueRow.key, CaseDueRow.subject)
    query = select(CaseDueRow).where(CaseDueRow.case_id.in_(case_ids), CaseDueRow.due_at < before).order_by(*order)
    return [(row.case_id, _due(row), row.planned) for row in session.scalars(query)] if case_ids else []


def with_exclusions(session: Session) -> list[str]:
    """Cases in which somebody takes no part, while they go on; and restricted ones, whose readers hang on offices."""
    excluded = and_(CaseIndexRow.ended.is_(False), CaseIndexRow.case_id.in_(select(CaseExclusionRow.case_id)))
    return list(session.scalars(select(CaseIndexRow.case_id).where(or_(CaseIndexRow.restricted, excluded))))


def restricted(session: Session) -> list[str]:
    """Restricted cases, while they go on."""
    query = select(CaseIndexRow.case_id).where(CaseIndexRow.restricted, CaseIndexRow.ended.is_(False))
    return list(session.scalars(query))


def find(session: Session, scope: Scope, number: str, *, today: date) -> IndexRow | None:
    """The case with that number, if this person sees it: absent and foreign are the same answer."""
    return _one(session, scope, CaseIndexRow.number == number, today)


def find_id(session: Session, scope: Scope, number: str, *, today: date) -> str | None:
    """The id of the case with that number, if this person sees it: one row, nothing of it read."""
    seen = _numbered_all_day(_all_day(scope), today) if is_for_all_day(scope) else _numbered(scope, today)
    return session.scalar(seen, {"number": number})


def _numbered(scope: Scope, today: date) -> Select[str]:
    return select(CaseIndexRow.case_id).where(CaseIndexRow.number == bindparam("number"), where_visible(scope, today))


_numbered_all_day = lru_cache(maxsize=512)(_numbered)


def find_by_id(session: Session, scope: Scope, case_id: str, *, today: date) -> IndexRow | None:
    """The case with that id, if this person sees it."""
    return _one(session, scope, CaseIndexRow.case_id == case_id, today)


def row_of(session: Session, case_id: str) -> IndexRow | None:
    """The row of a case for work that nobody looks at (jobs, rebuilds)."""
    return next(iter(_whole(session, [case_id])), None)


def by_mark(
    session: Session, scope: Scope, unit: str, mark: bytes, *, today: date, limit: int = 50
) -> tuple[IndexRow, ...]:
    """The cases of one unit in which that name or code stands, among those that this person sees."""
    marked = select(IdentityMarkRow.case_id).where(IdentityMarkRow.unit == unit, IdentityMarkRow.mark == mark)
    query = (
        select(CaseIndexRow.case_id)
        .where(where_visible(scope, today), CaseIndexRow.unit == unit, CaseIndexRow.case_id.in_(marked))
        .order_by(CaseIndexRow.urgent.desc(), CaseIndexRow.due_order, CaseIndexRow.case_id)
        .limit(limit)
    )
    return _whole(session, session.scalars(query).all())


def by_number(
    session: Session,
    scope: Scope,
    *,
    today: date,
    limit: int,
    filter: Filter = EVERYTHING,
    after: str = "",
    apart: Collection[str] = (),
) -> tuple[IndexRow, ...]:
    """The cases that a scope sees by their number: an order in which none changes place while somebody pages.

    None in which one of the accounts `apart` takes no part.
    """
    walked = aliased(CaseIndexRow)
    seen = exists().where(
        CaseIndexRow.case_id == walked.case_id,
        where_visible(scope, today),
        *(_not_excluded(account) for account in sorted(apart)),
        *_narrowing(filter, today),
    )
    query = select(walked.case_id).where(walked.number > after, seen.correlate(walked))
    return listed(session, session.scalars(query.order_by(walked.number).limit(limit)).all())


def changed_at(session: Session, case_ids: Collection[str]) -> dict[str, datetime]:
    """When the latest event of each was written."""
    query = select(EventRow.case_id, EventRow.at).join(CaseIndexRow, _is_latest())
    rows = session.execute(query.where(CaseIndexRow.case_id.in_(sorted(case_ids))))
    return {row.case_id: row.at for row in rows}


def _is_latest() -> ColumnElement[bool]:
    return and_(EventRow.case_id == CaseIndexRow.case_id, EventRow.seq == CaseIndexRow.last_seq)


def departures(session: Session, protocol: str) -> dict[str, int]:
    """Need → in how many of the cases that are kept somebody went on without it."""
    part, row = CaseFigureRow, CaseIndexRow
    query = select(part.fact, func.count()).join(row, row.case_id == part.case_id)
    query = query.where(row.protocol == protocol, part.fact.like(f"{DEPARTED}%")).group_by(part.fact)
    return {fact.removeprefix(DEPARTED): count for fact, count in session.execute(query)}


def _from(after: Cursor | None, urgent: bool, urgent_first: bool) -> Iterator[ColumnElement[bool]]:
    """Where a page begins among what is urgent, or among the rest."""
    if after is not None and (urgent == after.urgent or not urgent_first):
        yield beyond((CaseIndexRow.due_order, CaseIndexRow.case_id), (after.due_order, after.case_id))


def _leg(condition: ColumnElement[bool], limit: int) -> Select[datetime, str, bool]:
    cut = (
        select(CaseIndexRow.due_order, CaseIndexRow.case_id, CaseIndexRow.urgent)
        .where(condition)
        .order_by(CaseIndexRow.due_order, CaseIndexRow.case_id)
        .limit(limit)
        .subquery()
    )
    return select(cut.c.due_order, cut.c.case_id, cut.c.urgent)


def _narrowing(filter: Filter, today: date) -> Iterator[ColumnElement[bool]]:
    for column, wanted in (
        (CaseIndexRow.ended, filter.ended),
        (CaseIndexRow.urgent, filter.urgent),
        (CaseIndexRow.protocol, filter.protocol),
        (CaseIndexRow.unit, filter.unit),
        (CaseIndexRow.stage, filter.stage),
        (CaseIndexRow.state, filter.state),
        (CaseIndexRow.level, filter.level),
        (CaseIndexRow.word, filter.word),
    ):
        if wanted is not None:
            yield column == wanted
    if filter.waits_for is not None:
        yield _waiting_for(filter.waits_for, today)
    if filter.seat_of is not None:
        yield CaseIndexRow.case_id.in_(_seated(filter.seat_of, today))
    if filter.moved_from is not None:
        yield CaseIndexRow.moved_at >= filter.moved_from
    if filter.changed_from is not None:
        latest = exists().where(_is_latest(), EventRow.at >= filter.changed_from)
        yield latest.correlate(CaseIndexRow)
    if filter.due_before is not None:
        yield CaseIndexRow.due_order < filter.due_before
        yield CaseIndexRow.next_due_at.is_not(None)


def _waiting_for(who: Waited, today: date) -> ColumnElement[bool]:
    seated = exists().where(CaseSeatRow.case_id == CaseWaitingRow.case_id, CaseSeatRow.seat == CaseWaitingRow.role,
                            *_seat_of(who.account, today))  # fmt: skip
    by_role = (_held(who, role, CaseWaitingRow.role == role) for role in sorted({role for role, _unit in who.roles}))
    waiting = exists().where(
        CaseWaitingRow.case_id == CaseIndexRow.case_id, or_(seated.correlate(CaseWaitingRow), *by_role)
    )
    answered = and_(CaseIndexRow.waits_on_authority.is_(True), CaseIndexRow.next_key.in_(sorted(who.answers)))
    in_hand = or_(CaseIndexRow.next_key.is_(None), not_(answered), CaseIndexRow.due_order < who.now)
    alone = waiting.where(CaseWaitingRow.act.is_not(None))
    found = or_(and_(waiting.correlate(CaseIndexRow), in_hand), alone.correlate(CaseIndexRow))
    return or_(found, _asked_to_answer(who, today))


def _asked_to_answer(who: Waited, today: date) -> ColumnElement[bool]:
    """Whether observations wait for an answer, and this person may give it."""
    asked = exists().where(ReviewStateRow.case_id == CaseIndexRow.case_id, ReviewStateRow.observations > 0)
    seated = exists().where(CaseSeatRow.case_id == CaseIndexRow.case_id, *_seat_of(who.account, today))
    ways: list[ColumnElement[bool]] = []
    for protocol in sorted({protocol for protocol, _name in who.answering}):
        names = sorted(name for one, name in who.answering if one == protocol)
        own = seated.where(CaseSeatRow.seat.in_(names)).correlate(CaseIndexRow)
        by_role = (_held(who, name) for name in names if any(role == name for role, _unit in who.roles))
        ways.append(and_(CaseIndexRow.protocol == protocol, or_(own, *by_role)))
    return and_(asked.correlate(CaseIndexRow), or_(false(), *ways))


def _seat_of(account: str, today: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return CaseSeatRow.account == account, or_(CaseSeatRow.until.is_(None), CaseSeatRow.until >= today)


def _held(who: Waited, role: str, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether this person holds that role where the case is."""
    units = sorted(unit for held, unit in who.roles if held == role)
    return and_(*more, or_(*(
        or_(CaseIndexRow.unit == unit, CaseIndexRow.province == unit, CaseIndexRow.region == unit) for unit in units
    )))  # fmt: skip


def _one(session: Session, scope: Scope, condition: ColumnElement[bool], today: date) -> IndexRow | None:
    case_id = session.scalar(select(CaseIndexRow.case_id).where(condition, where_visible(scope, today)))
    return row_of(session, case_id) if case_id else None


_LISTED: Sequence[type[RealmBase]] = (CaseWaitingRow, CaseSeatRow, CaseExclusionRow)
PARTS: Sequence[type[RealmBase]] = (*_LISTED, CaseReaderRow, CaseDueRow, CaseFigureRow)


def listed(session: Session, case_ids: Sequence[str]) -> tuple[IndexRow, ...]:
    """These rows, in this order, with what a list rests on of their parts; for who was let through already."""
    rows = {row.case_id: row for row in _of(session, CaseIndexRow, case_ids)} if case_ids else {}
    return _with_listed(session, [rows[case_id] for case_id in case_ids if case_id in rows])


def _with_listed(session: Session, rows: Sequence[Any]) -> tuple[IndexRow, ...]:
    """Rows with these parts, asked for at once."""
    if not rows:
        return ()
    parts = session.execute(_listed_parts(), {"cases": [row.case_id for row in rows]})
    return _put_together(rows, ((part.part, part) for part in parts))


@lru_cache
def _listed_parts() -> Select[*tuple[Any, ...]]:
    """The rows of each table one below the other, each with NULL in the columns of the others, by their keys."""
    tables = [cast(Table, one.__table__) for one in _LISTED]
    columns = {column.key: column.type for one in tables for column in one.c}
    every = union_all(*(
        select(
            literal(one.name).label("part"),
            *((one.c[key] if key in one.c else sql_cast(null(), kind)).label(key) for key, kind in columns.items()),
        ).where(one.c.case_id.in_(bindparam("cases", expanding=True)))
        for one in tables
    )).subquery()  # fmt: skip
    return select(every).order_by(every.c.part, *(every.c[key.key] for one in tables for key in one.primary_key))


def _whole(session: Session, case_ids: Sequence[str]) -> tuple[IndexRow, ...]:
    """The rows with all their parts, in the order of `case_ids`: one query a table, however many rows."""
    if not case_ids:
        return ()
    rows = {row.case_id: row for row in _of(session, CaseIndexRow, case_ids)}
    parts = ((table.__tablename__, part) for table in PARTS for part in _of(session, table, case_ids))
    return _put_together([rows[case_id] for case_id in case_ids if case_id in rows], parts)


def _put_together(rows: Sequence[Any], parts: Iterable[tuple[str, Any]]) -> tuple[IndexRow, ...]:
    """Rows, each with its parts: a table's name and a row of it."""
    of_case: dict[str, dict[str, list[Any]]] = {row.case_id: {} for row in rows}
    for table, part in parts:
        if part.case_id in of_case:
            of_case[part.case_id].setdefault(table, []).append(part)
    return tuple(_assembled(row, of_case[row.case_id]) for row in rows)


def _of(session: Session, table: Any, case_ids: Sequence[str]) -> Iterable[Any]:
    return session.execute(_by_case(table), {"cases": list(case_ids)})


@lru_cache
def _by_case(table: Any) -> Select[Any]:
    """Built once for each table: a list asks for all of them."""
    of_cases = table.__table__.c.case_id.in_(bindparam("cases", expanding=True))
    return select(table.__table__).where(of_cases).order_by(*table.__table__.primary_key.columns)


def _assembled(row: Any, parts: Mapping[str, Sequence[Any]]) -> IndexRow:
    plain = {name: getattr(row, name) for name in _PLAIN} | {"word": row.word or word_of_number(row.number)}
    return IndexRow(
        **plain,
        waiting_for=frozenset(part.role for part in parts.get("case_waiting", ()) if part.is_next),
        asked=_asked(parts.get("case_waiting", ())),
        seats=tuple(IndexSeat(part.account, part.seat, part.until) for part in parts.get("case_seat", ())),
        exclusions=frozenset(part.account for part in parts.get("case_exclusion", ())),
        readers=frozenset(Reader(part.account, part.until) for part in parts.get("case_reader", ())),
        dues=tuple(_due(part) for part in parts.get("case_due", ()) if not part.planned),
        planned=tuple(_due(part) for part in parts.get("case_due", ()) if part.planned),
        figures={part.fact: json.loads(part.value) for part in parts.get("case_figure", ())},
    )


def asked_of(session: Session, case_id: str) -> tuple[Asked, ...]:
    """What a case asks of single roles, as its row says."""
    return _asked(_of(session, CaseWaitingRow, [case_id]))


def _asked(parts: Iterable[Any]) -> tuple[Asked, ...]:
    return tuple(Asked(one.role, one.act, one.need, one.since) for one in parts if one.act and one.need and one.since)


def _due(row: Any) -> Due:
    return Due(row.key, row.due_at, row.subject, row.urgent)


assert set(_PLAIN) < {each.name for each in fields(IndexRow)}
