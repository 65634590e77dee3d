"""Repository of supervision: the review queue in its order, open cases in coarse facts, visits to teams."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    distinct,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
    union,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from school_protocol.cases.index_repository import Beside, IndexRow, where_visible
from school_protocol.cases.lookup_repository import GRAVEST, UNASSESSED, QueueState
from school_protocol.cases.models import CaseDueRow, CaseExclusionRow, CaseIndexRow, CaseReferralRow, ReviewStateRow
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Scope
from school_protocol.people import repository as people_repository
from school_protocol.storage.models import new_id
from school_protocol.storage.sql import add_new, before, beyond, put_rows
from school_protocol.supervision.models import CaseReviewRow, ReviewChoiceRow, VisitEntryRow

KINDS = ("urgent", "door", "visa", "review", "answered", "head", "referral")
"""Why a case waits for whoever reviews, the most pressing first."""
TEAM = "team"
"""An observation waits for the team's answer, and for nobody who reviews: listed alone, counted nowhere."""
RANKED = (*KINDS, TEAM)


@dataclass(frozen=True, slots=True)
class Wait:
    """One reason why a case waits for a role: since when, until when; nobody is told before `shown_from`."""

    kind: str
    role: str
    since: datetime
    due_at: datetime | None = None
    subject: str = ""
    shown_from: datetime | None = None
    not_for: str | None = None
    """Whose own doing it is: it waits for others of the role."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """How a queue is narrowed: to a kind, to a unit and all below it, to a level (0: not assessed)."""

    kind: str = ""
    place: str = ""
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose queue it is: what this person sees, and the roles held, each in a unit and all below it."""

    scope: Scope
    held: tuple[tuple[str, str], ...]
    today: date
    now: datetime


@dataclass(frozen=True, slots=True)
class ReviewCursor:
    """The last case of a page: the next page begins after it."""

    rank: int
    gravity: int
    since: datetime
    case_id: str

    def __str__(self) -> str:
        return f"{self.rank}~{self.gravity}~{self.since.astimezone(UTC).isoformat()}~{self.case_id}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """A cursor as it came back in an address; None where it isn't one."""
        parts = text.split("~")
        if len(parts) != 4:
            return None
        try:
            rank, gravity, since = int(parts[0]), int(parts[1]), datetime.fromisoformat(parts[2])
            in_reach = since.utcoffset() is not None and since.astimezone(UTC) is not None
        except (ValueError, OverflowError):
            return None
        is_id = parts[3].isascii() and parts[3].isalnum() and len(parts[3]) <= 40
        if not in_reach or not is_id or max(abs(rank), abs(gravity)) > GRAVEST:
            return None
        return cls(rank, gravity, since, parts[3])


@dataclass(frozen=True, slots=True)
class Page:
    """Cases in their order, each with all that waits in it for this person; where the next page begins."""

    cases: tuple[tuple[str, tuple[Wait, ...]], ...]
    after: ReviewCursor | None


# ---- write ---------------------------------------------------------------------------------------------------------


def rows_of(
    row: IndexRow, waits: Iterable[Wait], state: QueueState | None, *, unassessed: int = UNASSESSED
) -> tuple[Beside, ...]:
    """What stands of these beside a case's index row. `unassessed`: how grave it is where it has no level."""
    gravity = -(row.level or unassessed)
    own = {"case_id": row.case_id, "gravity": gravity, "unit": row.unit, "province": row.province,
           "region": row.region}  # fmt: skip
    rows = [own | _columns(wait) for wait in dict.fromkeys(waits)]
    said = [{"case_id": row.case_id, **asdict(state)}] if state is not None else []
    return (CaseReviewRow, rows), (ReviewStateRow, said)


def _columns(wait: Wait) -> dict[str, Any]:
    return {
        "kind": wait.kind, "role": wait.role, "subject": wait.subject, "rank": RANKED.index(wait.kind),
        "since": wait.since, "due_at": wait.due_at, "shown_from": wait.shown_from or wait.since,
        "not_for": wait.not_for,
    }  # fmt: skip


# ---- read ----------------------------------------------------------------------------------------------------------


def page_of_reviews(
    session: Session, asker: Asker, *, limit: int, chosen: Chosen, after: ReviewCursor | None = None
) -> Page:
    """The next cases that wait for this person: by kind, then the gravest, then the oldest.

    Each role held is a leg of its own that walks one index in its order and is cut at `limit`, so that the cost does
    not grow with what lies before or after.
    """
    keys = (CaseReviewRow.rank, CaseReviewRow.gravity, CaseReviewRow.since, CaseReviewRow.case_id)
    begins = [beyond(keys, (after.rank, after.gravity, after.since, after.case_id))] if after else []
    legs = [
        _cut(select(*keys).where(leg, *begins, _is_first(asker, chosen)).order_by(*keys).limit(limit + 1))
        for leg in _legs(asker, chosen)
    ]
    if not legs:
        return Page((), None)
    found = union(*legs).subquery()
    order = (found.c.rank, found.c.gravity, found.c.since, found.c.case_id)
    places = [ReviewCursor(*place) for place in session.execute(select(*order).order_by(*order).limit(limit + 1))]
    ids = [place.case_id for place in places[:limit]]
    waits = _waits(session, asker, ids, RANKED if chosen.kind == TEAM else KINDS)
    return Page(
        tuple((case_id, tuple(waits[case_id])) for case_id in ids),
        places[limit - 1] if len(places) > limit else None,
    )


def review_counts(session: Session, asker: Asker, *, chosen: Chosen, most: int) -> dict[str, int]:
    """How many cases wait of each kind; counting ends at `most`."""
    legs = {kind: list(_legs(asker, replace(chosen, kind=kind))) for kind in KINDS}
    queries = []
    for kind, of_kind in legs.items():
        if not of_kind:
            continue
        ids = union(*(_cut(select(CaseReviewRow.case_id).where(leg).distinct().limit(most)) for leg in of_kind))
        capped = select(ids.subquery().c.case_id).limit(most).subquery()
        queries.append(select(literal(kind).label("kind"), func.count().label("cases")).select_from(capped))
    if not queries:
        return {}
    found = union_all(*queries).subquery()
    return {kind: number for kind, number in session.execute(select(found.c.kind, found.c.cases)) if number}


def passed_over(session: Session, asker: Asker, *, chosen: Chosen, most: int) -> int:
    """How many urgent cases wait for this person that a queue narrowed so does not show; counting ends at `most`."""
    if chosen in (Chosen(), Chosen(kind=KINDS[0])):
        return 0
    other: Any = aliased(CaseReviewRow)
    shown = exists().where(
        other.case_id == CaseReviewRow.case_id, _is_held(other, asker), _is_told(other, asker),
        *_narrowing(other, chosen),
    )  # fmt: skip
    left_out = not_(shown.correlate(CaseReviewRow))
    legs = [
        _cut(select(CaseReviewRow.case_id).where(leg, left_out).distinct().limit(most))
        for leg in _legs(asker, Chosen(kind=KINDS[0]))
    ]
    if not legs:
        return 0
    found = select(union(*legs).subquery().c.case_id).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def _legs(asker: Asker, chosen: Chosen) -> Iterator[ColumnElement[bool]]:
    """What waits for this person, one condition for each role held and kind of place in which it may be held."""
    narrowed = [where_visible(asker.scope.of_content(), asker.today), *_narrowing(CaseReviewRow, chosen)]
    in_sight = exists().where(CaseIndexRow.case_id == CaseReviewRow.case_id, narrowed[0]).correlate(CaseReviewRow)
    for role, unit in asker.held:
        for place in (CaseReviewRow.unit, CaseReviewRow.province, CaseReviewRow.region):
            own = and_(CaseReviewRow.role == role, place == unit)
            yield and_(own, _is_told(CaseReviewRow, asker), in_sight, *narrowed[1:])


def _is_told(row: Any, asker: Asker) -> ColumnElement[bool]:
    told: ColumnElement[bool] = row.shown_from <= asker.now
    return and_(told, or_(row.not_for.is_(None), row.not_for != asker.scope.account))


def _narrowing(row: Any, chosen: Chosen) -> Iterator[ColumnElement[bool]]:
    yield row.rank == RANKED.index(chosen.kind) if chosen.kind else row.rank < len(KINDS)
    if chosen.place:
        yield or_(row.unit == chosen.place, row.province == chosen.place)
    if chosen.level is not None:
        yield row.gravity == -chosen.level if chosen.level else row.gravity.in_((-UNASSESSED, -GRAVEST))


def _is_first(asker: Asker, chosen: Chosen) -> ColumnElement[bool]:
    """A case stands once in a list, at the first of its reasons."""
    other: Any = aliased(CaseReviewRow)
    place = tuple_(CaseReviewRow.rank, CaseReviewRow.since, CaseReviewRow.role, CaseReviewRow.subject)
    earlier = exists().where(
        other.case_id == CaseReviewRow.case_id,
        tuple_(other.rank, other.since, other.role, other.subject) < place,
        _is_held(other, asker),
        _is_told(other, asker),
        *_narrowing(other, chosen),
    )
    return not_(earlier.correlate(CaseReviewRow))


def _is_held(row: Any, asker: Asker) -> ColumnElement[bool]:
    """Of a case's own rows, few as they are: without statistics SQLite would walk all of the role's instead."""
    own_role = func.coalesce(row.role, "")
    return or_(
        *(
            and_(own_role == role, or_(row.unit == unit, row.province == unit, row.region == unit))
            for role, unit in asker.held
        )
    )


def _cut(query: Any) -> Any:
    """A query with an order and a limit of its own, as one leg of a union."""
    inner = query.subquery()
    return select(*inner.c)


def _waits(session: Session, asker: Asker, ids: Sequence[str], kinds: Sequence[str]) -> dict[str, list[Wait]]:
    """All that waits in these cases for this person, the first `kinds`, each reason once, in its order."""
    theirs = (CaseReviewRow.case_id.in_(ids), _is_held(CaseReviewRow, asker), _is_told(CaseReviewRow, asker))
    query = (
        select(CaseReviewRow)
        .where(*theirs, CaseReviewRow.rank < len(kinds))
        .order_by(CaseReviewRow.rank, CaseReviewRow.since, CaseReviewRow.role, CaseReviewRow.subject)
    )
    found: dict[str, list[Wait]] = {case_id: [] for case_id in ids}
    for row in session.scalars(query) if ids else ():
        own = found[row.case_id]
        if all((one.kind, one.subject) != (row.kind, row.subject) for one in own):
            own.append(Wait(row.kind, row.role, row.since, row.due_at, row.subject))
    return found


# ---- how somebody narrowed it --------------------------------------------------------------------------------------


def remember(session: Session, account: str, chosen: Chosen) -> None:
    """Keep how this person narrowed their queue, in place of the last time."""
    if chosen == Chosen():
        session.execute(delete(ReviewChoiceRow).where(ReviewChoiceRow.account == account))
        return
    put_rows(session, ReviewChoiceRow(account=account, kind=chosen.kind, place=chosen.place, level=chosen.level))


def remembered(session: Session, account: str) -> Chosen:
    """How this person last narrowed their queue."""
    row = session.get(ReviewChoiceRow, account)
    return Chosen(row.kind, row.place, row.level) if row is not None else Chosen()


# ---- the open cases of one school in coarse facts, for a paper that leaves the site --------------------------------


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An open case, without its number."""

    case_id: str
    protocol: str
    version: int
    stage: str
    level: int | None


def open_cases(session: Session, scope: Scope, unit: str, *, today: date) -> tuple[OpenCase, ...]:
    """Those that this person sees; none of which somebody of the school must not know."""
    excluded = exists().where(CaseExclusionRow.case_id == CaseIndexRow.case_id).correlate(CaseIndexRow)
    row = CaseIndexRow
    query = select(row.case_id, row.protocol, row.version, row.stage, row.level).where(
        where_visible(scope, today), row.unit == unit, row.ended.is_(False), row.restricted.is_(False), ~excluded
    )
    return tuple(OpenCase(*found) for found in session.execute(query.order_by(row.case_id)))


def overdue(session: Session, cases: Collection[str], now: datetime) -> dict[str, int]:
    """Deadline → in how many of these cases it is past."""
    query = (
        select(CaseDueRow.key, func.count(distinct(CaseDueRow.case_id)).label("number"))
        .where(CaseDueRow.case_id.in_(list(cases)), CaseDueRow.planned.is_(False), CaseDueRow.due_at <= now)
        .group_by(CaseDueRow.key)
        .order_by(CaseDueRow.key)
    )
    return {row.key: row.number for row in session.execute(query)}


def observations(session: Session, cases: Collection[str]) -> int:
    """How many observations of those who review await an answer in these cases."""
    query = select(func.sum(ReviewStateRow.observations)).where(ReviewStateRow.case_id.in_(list(cases)))
    return int(session.scalar(query) or 0)


def silent(session: Session, cases: Collection[str], now: datetime) -> int:
    """How many services have let the time to answer go by in these cases."""
    query = select(func.count()).where(
        CaseReferralRow.case_id.in_(list(cases)), CaseReferralRow.awaits.is_(True), CaseReferralRow.order_at <= now
    )
    return session.scalar(query) or 0


# ---- visits as they are kept: each entry stands for good, the one with the highest number holds --------------------

CURSOR_MOST = 80


@dataclass(frozen=True, slots=True)
class Action:
    """What was agreed: what, by whom, until when; and since when it is done."""

    what: str
    who: str = ""
    by: date | None = None
    done_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry about a visit. `kind`: recorded, corrected, or done (an action)."""

    visit: str
    number: int
    kind: str
    unit: str
    held_on: date
    came: str
    remarks: str
    actions: tuple[Action, ...] = ()
    actor: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class VisitCursor:
    """The last visit of a page: the next one begins after it."""

    held_on: date
    visit: str

    def __str__(self) -> str:
        return f"{self.held_on.isoformat()}~{self.visit}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """A cursor as it came back in an address; None where it isn't one."""
        day, _, visit = text.partition("~")
        if len(text) > CURSOR_MOST or not visit.isascii() or not visit.isalnum():
            return None
        try:
            return cls(date.fromisoformat(day), visit)
        except ValueError:
            return None


def write_visit(session: Session, entry: Entry) -> bool:
    """Write an entry down, for good; False where its number was given meanwhile."""
    still = [one for one in entry.actions if one.done_on is None]
    fields = {name: getattr(entry, name) for name in Entry.__slots__ if name != "actions"}
    return add_new(
        session, VisitEntryRow, id=new_id(), **fields, actions=[_out(one) for one in entry.actions],
        open_actions=len(still), next_by=min((one.by for one in still if one.by), default=None),
    )  # fmt: skip


def latest_visit(session: Session, visit: str) -> Entry:
    """What holds of a visit; raises Unseen."""
    found = history(session, visit)
    if not found:
        raise Unseen(visit)
    return found[-1]


def history(session: Session, visit: str) -> tuple[Entry, ...]:
    """Everything that was written of a visit, in order."""
    query = select(VisitEntryRow).where(VisitEntryRow.visit == visit).order_by(VisitEntryRow.number)
    return tuple(_entry(row) for row in session.scalars(query))


def page_of_visits(
    session: Session,
    units: Collection[str],
    *,
    since: date | None = None,
    with_open: bool = False,
    late_on: date | None = None,
    after: VisitCursor | None = None,
    limit: int,
) -> tuple[Entry, ...]:
    """What holds of the visits in these units and below, the latest first.

    `with_open`: where something agreed is still to be done; `late_on`: where it was to be done before that day.
    """
    query = _standing().where(VisitEntryRow.unit.in_(people_repository.below(units)))
    if since is not None:
        query = query.where(VisitEntryRow.held_on >= since)
    if with_open:
        query = query.where(VisitEntryRow.open_actions > 0)
    if late_on is not None:
        query = query.where(VisitEntryRow.open_actions > 0, VisitEntryRow.next_by < late_on)
    order = (VisitEntryRow.held_on, VisitEntryRow.visit)
    if after is not None:
        query = query.where(before(order, (after.held_on, after.visit)))
    rows = session.scalars(query.order_by(*(column.desc() for column in order)).limit(limit))
    return tuple(_entry(row) for row in rows)


def last_days(session: Session, units: Sequence[str]) -> dict[str, date]:
    """The day of the latest visit to each of these schools, where there was one."""
    query = _standing().where(VisitEntryRow.unit.in_(list(units)))
    found: dict[str, date] = {}
    for row in session.scalars(query):
        found[row.unit] = max(row.held_on, found.get(row.unit, row.held_on))
    return found


def _standing() -> Select[VisitEntryRow]:
    """Of each visit the entry that no later one has put right."""
    later = aliased(VisitEntryRow)
    newer = exists().where(later.visit == VisitEntryRow.visit, later.number > VisitEntryRow.number)
    return select(VisitEntryRow).where(~newer)


def _entry(row: VisitEntryRow) -> Entry:
    fields = {name: getattr(row, name) for name in Entry.__slots__ if name != "actions"}
    return Entry(**fields, actions=tuple(_in(one) for one in row.actions))


def _out(action: Action) -> dict[str, Any]:
    by, done = (day.isoformat() if day else "" for day in (action.by, action.done_on))
    return {"what": action.what, "who": action.who, "by": by, "done_on": done}


def _in(kept: dict[str, str]) -> Action:
    by, done = (date.fromisoformat(kept[key]) if kept[key] else None for key in ("by", "done_on"))
    return Action(kept["what"], kept["who"], by, done)
