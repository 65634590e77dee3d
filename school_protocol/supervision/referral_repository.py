"""Repository of referrals: the directory of contacts with each change, and the register read page by page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Self, assert_never

from sqlalchemy import ColumnElement, and_, or_, select, union
from sqlalchemy.orm import Session

from school_protocol.cases.index_repository import NEVER_DUE, Beside, IndexRow, where_visible
from school_protocol.cases.models import CaseIndexRow, CaseReaderRow, CaseReferralRow, CaseSeatRow
from school_protocol.engine.case_words import said
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Clause, Reach, Scope
from school_protocol.people import repository as people_repository
from school_protocol.people.models import ContactRow
from school_protocol.storage.sql import before, beyond


def kept_contact(session: Session, units: Collection[str], *, above: Collection[str] = ()) -> tuple[ContactRow, ...]:
    """The contacts of these units and of all below them, of those `above`, and of the whole country."""
    below = people_repository.lies_in(session, ContactRow.unit, units)
    served = or_(below, ContactRow.unit.in_(list(above)), ContactRow.unit.is_(None))
    query = select(ContactRow).where(served, ContactRow.retired_at.is_(None))
    rows = session.scalars(query.order_by(ContactRow.position, ContactRow.id))
    return tuple(rows)


def contact(session: Session, contact_id: str) -> ContactRow:
    """One contact that is not retired; raises Unseen."""
    return _row(session, contact_id)


def retired(session: Session, contact_id: str) -> ContactRow | None:
    """The contact of that number, where it is retired."""
    row = session.get(ContactRow, contact_id)
    return row if row is not None and row.retired_at is not None else None


def correct(
    session: Session,
    contact_id: str,
    *,
    names: Mapping[str, str],
    city: Mapping[str, str],
    phone: str,
    url: str,
    hours: Mapping[str, Any],
    verified_on: date | None,
    verified_by: str | None,
) -> None:
    """Put a contact right. Nothing of a case points at it: what was called then stays as it was written."""
    row = _row(session, contact_id)
    row.names, row.city, row.hours = dict(names), dict(city), dict(hours)
    row.phone, row.url = phone, url
    row.verified_on, row.verified_by = verified_on, verified_by
    row.revision += 1
    session.flush()


def retire(session: Session, contact_id: str, *, at: datetime) -> None:
    """A contact that is no longer right is shown nowhere from then on; its row stays."""
    row = _row(session, contact_id)
    row.retired_at, row.revision = at, row.revision + 1
    session.flush()


def next_position(session: Session) -> int:
    """The place after every contact there is."""
    last = session.scalar(select(ContactRow.position).order_by(ContactRow.position.desc()).limit(1))
    return (last if last is not None else -1) + 1


def _row(session: Session, contact_id: str) -> ContactRow:
    row = session.get(ContactRow, contact_id, with_for_update=True)
    if row is None or row.retired_at is not None:
        raise Unseen(contact_id)
    return row


# ---- the register: written with the index row of a case, read within somebody's scope ------------------------------

REFERRAL_CURSOR_MOST = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReferral:
    """One referral of a case, in facts that identify nobody."""

    number: int
    target: str
    sent_at: datetime
    on_danger: bool
    awaits: bool
    acknowledged_at: datetime | None = None
    settled_at: datetime | None = None
    chase_at: datetime | None = None
    """When whoever sent it is to ask again; None where nothing is awaited."""
    whom: str = ""
    """The organisation that it went to, by one of its names; empty: nobody said."""
    whom_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the register: the referral, and the case that it belongs to."""

    case: str
    word: Mapping[str, str]
    protocol: str
    version: int
    state: str
    unit: str
    referral: CaseReferral
    seats: frozenset[str] = frozenset()
    """The seats that whoever reads has in the case."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last line of a page: the next one begins after it."""

    order_at: datetime
    sent_at: datetime
    case_id: str
    number: int

    def __str__(self) -> str:
        moments = (one.astimezone(UTC).isoformat() for one in (self.order_at, self.sent_at))
        return "~".join((*moments, self.case_id, str(self.number)))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """A cursor as it came back in an address; None where it isn't one."""
        parts = text.split("~")
        if len(text) > REFERRAL_CURSOR_MOST or len(parts) != 4:
            return None
        order, sent, case_id, number = parts
        if not case_id.isascii() or not case_id.isalnum() or not number.isascii() or not number.isdigit():
            return None
        try:
            moments = [datetime.fromisoformat(one) for one in (order, sent)]
            if any(one.utcoffset() is None or one.astimezone(UTC) is None for one in moments) or int(number) > 10**6:
                return None
        except (ValueError, OverflowError):
            return None
        return cls(moments[0], moments[1], case_id, int(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What the register narrows down to; None leaves a question open. `place`: a school, or a province."""

    awaits: bool | None = None
    silent_at: datetime | None = None
    """Of those that await an answer, those that were to be chased by then."""
    acknowledged: bool | None = None
    settled: bool | None = None
    targets: frozenset[str] | None = None
    whom: str | None = None
    place: str | None = None
    since: datetime | None = None
    newest_first: bool = False
    """By when they were sent; else what is to be chased first, and what was sent first."""


@dataclass(frozen=True, slots=True)
class Page:
    """Lines in their order, and where the next page begins (None: this was the last)."""

    lines: tuple[Listed, ...]
    after: Cursor | None


# ---- write ---------------------------------------------------------------------------------------------------------


def rows_of(row: IndexRow, referrals: Iterable[CaseReferral]) -> Beside:
    """What stands of a case's referrals beside its index row."""
    place = {"case_id": row.case_id, "unit": row.unit, "province": row.province, "region": row.region}
    rows = [{**place, **asdict(one), "order_at": one.chase_at or NEVER_DUE} for one in referrals]
    return CaseReferralRow, rows


def referrals_of_case(session: Session, case_id: str) -> tuple[CaseReferral, ...]:
    """The referrals of one case as they are written, for work that nobody looks at."""
    query = select(CaseReferralRow).where(CaseReferralRow.case_id == case_id).order_by(CaseReferralRow.number)
    return tuple(_referral(row) for row in session.scalars(query))


# ---- read ----------------------------------------------------------------------------------------------------------

_Row = CaseReferralRow


def page_of_referrals(
    session: Session, scope: Scope, *, today: date, limit: int, filter: Filter, after: Cursor | None = None
) -> Page:
    """The next lines that this person sees: each way of seeing walks an index of its own, cut at `limit`."""
    order = (_Row.sent_at, _Row.case_id, _Row.number)
    columns = order if filter.newest_first else (_Row.order_at, *order)
    narrowed = [where_visible(scope, today), *_narrowing(filter)]
    if after is not None:
        values = (after.sent_at, after.case_id, after.number)
        narrowed.append(before(columns, values) if filter.newest_first else beyond(columns, (after.order_at, *values)))
    legs = [_leg(and_(way, *narrowed), _sorted(columns, filter), limit + 1) for way in _ways(scope, today)]
    if not legs:
        return Page((), None)
    found = union(*legs).subquery()
    query = select(found).order_by(*_sorted([found.c[column.key] for column in columns], filter)).limit(limit + 1)
    rows = session.execute(query).all()
    places = [Cursor(row.order_at, row.sent_at, row.case_id, row.number) for row in rows[:limit]]
    return Page(_lines(session, scope, today, places), places[-1] if len(rows) > limit else None)


def _sorted(columns: Iterable[Any], filter: Filter) -> list[Any]:
    return [column.desc() if filter.newest_first else column for column in columns]


def _ways(scope: Scope, today: date) -> Iterator[ColumnElement[bool]]:
    """Where to look for what this person sees; whether they do is for `where_visible` to say, of each line."""
    for clause in scope.clauses:
        yield from _places(clause, scope.account, today)
    yield _Row.case_id.in_(select(CaseReaderRow.case_id).where(CaseReaderRow.account == scope.account))


def _places(clause: Clause, account: str, today: date) -> Iterator[ColumnElement[bool]]:
    match clause.reach:
        case Reach.seat:
            yield _Row.case_id.in_(select(CaseSeatRow.case_id).where(CaseSeatRow.account == account, _held(today)))
        case Reach.unit:
            yield _Row.unit == clause.place
        case Reach.province:
            yield _Row.province == clause.place
        case Reach.region:
            yield _Row.region == clause.place
        case Reach.under:
            yield from (column == clause.place for column in (_Row.unit, _Row.province, _Row.region))
        case _:
            assert_never(clause.reach)


def _held(today: date) -> ColumnElement[bool]:
    return or_(CaseSeatRow.until.is_(None), CaseSeatRow.until >= today)


def _narrowing(filter: Filter) -> Iterator[ColumnElement[bool]]:
    if filter.awaits is not None:
        yield _Row.awaits.is_(filter.awaits)
    if filter.silent_at is not None:
        yield _Row.awaits.is_(True)
        yield _Row.order_at <= filter.silent_at
    if filter.acknowledged is not None:
        yield _Row.acknowledged_at.is_not(None) if filter.acknowledged else _Row.acknowledged_at.is_(None)
    if filter.settled is not None:
        yield _Row.settled_at.is_not(None) if filter.settled else _Row.settled_at.is_(None)
    if filter.targets is not None:
        yield _Row.target.in_(sorted(filter.targets))
    if filter.whom is not None:
        yield _Row.whom == filter.whom
    if filter.place is not None:
        yield or_(_Row.unit == filter.place, _Row.province == filter.place)
    if filter.since is not None:
        yield _Row.sent_at >= filter.since


def _leg(condition: ColumnElement[bool], order: Sequence[Any], limit: int) -> Any:
    cut = (
        select(_Row.order_at, _Row.sent_at, _Row.case_id, _Row.number)
        .join(CaseIndexRow, CaseIndexRow.case_id == _Row.case_id)
        .where(condition)
        .order_by(*order)
        .limit(limit)
        .subquery()
    )
    return select(cut)


def _lines(session: Session, scope: Scope, today: date, places: Sequence[Cursor]) -> tuple[Listed, ...]:
    """The lines at these places, in their order: one query for the rows, one for the reader's seats."""
    ids = sorted({place.case_id for place in places})
    if not ids:
        return ()
    query = select(_Row, CaseIndexRow).join(CaseIndexRow, CaseIndexRow.case_id == _Row.case_id)
    rows = {(row.case_id, row.number): (row, case) for row, case in session.execute(query.where(_Row.case_id.in_(ids)))}
    held: dict[str, set[str]] = {}
    seats = select(CaseSeatRow.case_id, CaseSeatRow.seat).where(
        CaseSeatRow.account == scope.account, CaseSeatRow.case_id.in_(ids), _held(today)
    )
    for case_id, seat in session.execute(seats):
        held.setdefault(case_id, set()).add(seat)
    return tuple(
        Listed(
            case.number, said(case.word, case.number), case.protocol, case.version, case.state, case.unit,
            _referral(row), frozenset(held.get(place.case_id, ())),
        )
        for place in places
        for row, case in [rows[place.case_id, place.number]]
    )  # fmt: skip


def _referral(row: CaseReferralRow) -> CaseReferral:
    return CaseReferral(
        number=row.number,
        target=row.target,
        sent_at=row.sent_at,
        on_danger=row.on_danger,
        awaits=row.awaits,
        acknowledged_at=row.acknowledged_at,
        settled_at=row.settled_at,
        chase_at=row.chase_at,
        whom=row.whom,
        whom_names=dict(row.whom_names),
    )
