"""The review queue: one line a case with all its reasons, from the index alone; nothing nominal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository, lookup_repository
from school_protocol.cases.index_repository import Beside, Due, IndexRow
from school_protocol.cases.lists import case_lines
from school_protocol.cases.loading import scope_of
from school_protocol.cases.lookup_repository import QueueState
from school_protocol.cases.view_models import CaseHead, CaseLine, FollowUpLine, tone_of
from school_protocol.context import REALM, AppContext, today_for
from school_protocol.engine.actors import standing_in
from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import acts_as
from school_protocol.engine.case_summary import Conformance
from school_protocol.engine.deadlines import Due as Count
from school_protocol.engine.deadlines import chased, open_dues
from school_protocol.engine.definition import Act, ActKind, Deadline, Level, Move, Protocol, State
from school_protocol.engine.document_rules import awaited
from school_protocol.engine.facts import Facts
from school_protocol.engine.intents import Reason
from school_protocol.engine.review_state import ReviewNow, ReviewState, review_now, sent_back, turns, waits_for
from school_protocol.engine.visibility import Actor, Unit, UnitKind
from school_protocol.storage.engines import Session
from school_protocol.supervision import repository
from school_protocol.supervision.repository import RANKED, TEAM, Chosen, Wait

# ---- reasons: worked out of a case's events, and kept beside its index row -----------------------------------------
# Nothing here depends on who looks, or tells what the case is about. A definition without reviews has no such rows.

PASSING_ON = frozenset({ActKind.refer, ActKind.take_over})
"""Acts by which somebody else has a case in hand."""


def beside(ctx: AppContext, _session: Session, row: IndexRow, facts: Facts) -> tuple[Beside, ...]:
    """Where the review stands, and what waits for whoever reviews: of a workshop's case nothing waits for anybody."""
    protocol, case, around = facts.protocol, facts.case, facts.around
    heading = [(role.key, around.unit.id) for role in protocol.roles.values() if role.head]
    heads = {one.id for one in around.people.values() if any(held in heading for held in one.roles)}
    waits = waits_of(row, facts, heads) if ctx.name == REALM else ()
    unassessed = lookup_repository.GRAVEST if case.live_dangers() else lookup_repository.UNASSESSED
    return repository.rows_of(row, waits, state_of(row, protocol, case), unassessed=unassessed)


def waits_of(row: IndexRow, facts: Facts, heads: Collection[str]) -> tuple[Wait, ...]:
    """All that waits in a case for whoever reviews; `heads` are the accounts that head its school now."""
    return tuple(_Waits(row, facts, heads).every()) if facts.protocol.review is not None else ()


def state_of(row: IndexRow, protocol: Protocol, case: Case) -> QueueState | None:
    """Where the review stands, as lists say it."""
    now = review_of(row.dues, protocol, case)
    if now is not None:
        return QueueState(now.state.value, now.since, now.due_at, now.open_observations)
    since = observed_since(case)
    return QueueState("", since, None, len(awaited(case.remarks))) if since is not None else None


def observed_since(case: Case) -> datetime | None:
    """Since when an observation waits for an answer; None: none does."""
    waiting = {one.seq for one in awaited(case.remarks)}
    return min((event.at for event in case.events if event.seq in waiting), default=None)


def review_of(dues: tuple[Due, ...], protocol: Protocol, case: Case) -> ReviewNow | None:
    """Where the review stands, and by when an answer is due: the counts that run are among `dues`."""
    counted = {key for key, one in protocol.deadlines.items() if any(start.review for start in one.start)}
    running = min((due.due_at for due in dues if due.key in counted), default=None)
    now = review_now(protocol, case)
    return review_now(protocol, case, {now.seq: running}) if now is not None and running is not None else now


class _Waits:
    def __init__(self, row: IndexRow, facts: Facts, heads: Collection[str]) -> None:
        self.row, self.facts, self.heads = row, facts, heads
        self.protocol, self.case = facts.protocol, facts.case
        assert self.protocol.review is not None
        self.roles = self.protocol.review.by

    def every(self) -> Iterator[Wait]:
        yield from self._urgent()
        yield from self._doors()
        yield from self._review()
        yield from self._head()
        yield from self._referrals()
        yield from self._observations()

    def _each(
        self,
        kind: str,
        since: datetime,
        due_at: datetime | None = None,
        roles: Collection[str] = (),
        shown_from: datetime | None = None,
    ) -> Iterator[Wait]:
        return (Wait(kind, role, since, due_at, shown_from=shown_from) for role in roles or self.roles)

    def _urgent(self) -> Iterator[Wait]:
        """Somebody is in danger, and nobody who settles it has been told; or something was to be sent by now."""
        raised = self.case.live_dangers("raised")
        if raised:
            urgent = [due.due_at for due in self.row.dues if due.urgent]
            yield from self._each("urgent", min(life.raised_at for life in raised), min(urgent, default=None))
            return
        first = min(self._to_send(), key=lambda count: count.due_at, default=None)
        if first is not None:
            yield from self._each("urgent", first.started_at, first.due_at, shown_from=first.due_at)

    def _to_send(self) -> Iterator[Count]:
        """The counts that run till something is sent: no other act meets them, or no way leads on without it."""
        for count in open_dues(self.facts):
            if self._is_of_sending(self.protocol.deadlines[count.deadline]):
                yield count

    def _is_of_sending(self, deadline: Deadline) -> bool:
        if deadline.met_by:
            kinds = [self.protocol.acts[source.act].kind if source.act else None for source in deadline.met_by]
            return deadline.urgent and set(kinds) == {ActKind.refer}
        stays = any(self.case.state in source.entered for source in deadline.start)
        return deadline.ends_with_state and stays and self._goes_on_once_sent()

    def _goes_on_once_sent(self) -> bool:
        """Whether a way on from here waits for what only passing something on meets."""
        onward = (move for move in self.protocol.moves.values() if self.case.state in move.from_)
        needs = {need for move in onward if not move.automatic and not move.backwards for need in move.needs}
        return any(self._is_met_by_sending(need) for need in needs)

    def _is_met_by_sending(self, key: str) -> bool:
        need = self.protocol.needs[key]
        kinds = {self.protocol.acts[act].kind for act in need.met_by}
        return ActKind.refer in kinds and kinds <= PASSING_ON and not need.when.holds(self.facts)

    def _doors(self) -> Iterator[Wait]:
        above = [role.key for role in self.protocol.roles.values() if role.sees in ("province", "region")]
        for door in self.case.doors:
            if door.reviewed_seq is None:
                for role in above:
                    yield Wait("door", role, door.at, door.review_by, str(door.seq), not_for=door.account)

    def _review(self) -> Iterator[Wait]:
        """A visa that is waited for; a case that somebody sent; observations that the team has answered."""
        found = turns(self.protocol, self.case)
        now = review_of(self.row.dues, self.protocol, self.case)
        if now is None or not found[-1].waits:
            yield from self._next_is_visa()
            return
        answered = now.state is ReviewState.completed
        kind = "answered" if answered else "review" if now.asked else "visa"
        yield from self._each(kind, now.since, now.due_at, waits_for(self.protocol, self.case, found))

    def _next_is_visa(self) -> Iterator[Wait]:
        """The case can't go on without a visa, though no review began by itself."""
        row = self.row
        act = self.protocol.acts.get(row.next_key or "") if row.next_kind == "act" else None
        asked = [role for role in self.roles if role in row.waiting_for]
        if act is not None and act.kind is ActKind.visa and asked and row.waiting_since is not None:
            yield from self._each("visa", row.waiting_since, None, asked)

    def _head(self) -> Iterator[Wait]:
        """Whoever heads the school takes no part, or no adult of it may read the case: till somebody acts for them."""
        case, row = self.case, self.row
        since = [case.exclusions[one] for one in self.heads if one in case.exclusions]
        since += [case.restricted_seq] if case.restricted_seq is not None else []
        if not since or row.ended or self._is_taken_over():
            return
        moments = {event.seq: event.at for event in case.events}
        overseeing = [role for role in self.roles if self.protocol.roles[role].oversees]
        facts = self.facts
        further = {role for _account, role in standing_in(self.protocol, case, facts.around, facts.today)}
        also = [role for role in self.roles if role in further and role not in overseeing]
        yield from self._each("head", moments[min(since)], None, [*overseeing, *also])

    def _is_taken_over(self) -> bool:
        """Whether somebody whom those above have named acts as the head; any seat, where no seat acts as one."""
        heads = [role.key for role in self.protocol.roles.values() if role.head]
        acting = {key for key in self.protocol.seats for role in heads if acts_as(self.protocol, key, role)}
        held = [one for one in self.case.seats if one.by_overseer]
        return any(not acting or one.seat in acting for one in held)

    def _referrals(self) -> Iterator[Wait]:
        """Sent, perhaps acknowledged, and not answered by the moment at which one asks again."""
        moments = chased(self.facts)
        for one in self.case.referrals:
            due_at = moments.get(one.number)
            if one.is_open and due_at is not None and not self.row.ended:
                since = one.acknowledged_at or one.at
                yield from (
                    Wait("referral", role, since, due_at, str(one.number), shown_from=due_at) for role in self.roles
                )

    def _observations(self) -> Iterator[Wait]:
        """What was observed, or refused by whoever reviews, and waits for the team."""
        back, since = sent_back(self.protocol, self.case), observed_since(self.case)
        refused = [back.event.at] if back is not None and back.event.role in self.roles else []
        moments = refused if since is None else [*refused, since]
        if moments:
            yield from self._each(TEAM, min(moments))


# ---- views: frozen, limited to what this person may see, in no language yet ----------------------------------------


@dataclass(frozen=True, slots=True)
class RefusalView:
    """The visa that is to be refused, and the way back that goes with it; none: why each of them is not open."""

    head: CaseHead
    visa: Act
    move: Move | None
    target: State | None
    closed: tuple[tuple[Move, tuple[Reason, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class ConformanceView:
    """What the protocol asked of a case and what was done; departures with their reasons as this reader may read."""

    head: CaseHead
    found: Conformance
    as_of: datetime
    follow_ups: tuple[FollowUpLine, ...] = ()


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """One reason why a case stands in the queue. `seq` is the emergency opening that is to be reviewed; `many` says how
    often it holds (several referrals)."""

    kind: str
    since: datetime
    due_at: datetime | None
    tone: str
    seq: int = 0
    many: int = 1


@dataclass(frozen=True, slots=True)
class QueueLine:
    case: CaseLine
    reasons: tuple[ReasonLine, ...]


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A unit to which the queue can be narrowed."""

    unit: Unit
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class QueueView:
    """What waits for this person: one line a case, how many of each kind (`most`: no more are counted)."""

    lines: tuple[QueueLine, ...]
    after: str | None
    counts: dict[str, int]
    most: int
    urgent_left_out: int
    """Urgent cases that wait for this person, and that the list, as it is narrowed, does not show."""
    kind: str
    place: str
    where: Unit | None
    """The unit of that code."""
    level: int | None
    places: tuple[PlaceLine, ...]
    levels: tuple[tuple[int, Level], ...]
    units: tuple[Unit, ...]
    """Where this person answers for schools."""

    @property
    def graded(self) -> Level | None:
        """The level to which it is narrowed."""
        return dict(self.levels).get(self.level) if self.level is not None else None

    @property
    def is_narrowed(self) -> bool:
        return bool(self.kind or self.place) or self.level is not None


PAGE = 25
MOST = 100
"""Of one kind, no more cases than these are counted."""


def see_queue(ctx: AppContext, actor: Actor, asked: Chosen | None = None, *, after: str | None = None) -> QueueView:
    """One page of what waits for this person; `asked` is how it is to be narrowed (`place` being a unit's code) from
    now on. None: as it was the last time."""
    units = _own_units(ctx, actor)
    chosen = _chosen(ctx, actor, asked)
    place = _place(ctx, chosen.place, units)
    narrowed = replace(chosen, place=place.id if place is not None else "")
    asker = repository.Asker(
        replace(scope_of(ctx, actor), now=None),  # who reads a case by an emergency opening alone reviews none of it
        tuple(dict.fromkeys((held.role, held.unit) for held in actor.appointments)),
        today_for(ctx),
        ctx.now(),
    )
    with ctx.realm.reading() as session:
        begins = repository.ReviewCursor.parse(after) if after else None
        page = repository.page_of_reviews(session, asker, limit=PAGE, chosen=narrowed, after=begins)
        return QueueView(
            lines=_lines(ctx, session, actor, page),
            after=str(page.after) if page.after else None,
            counts=repository.review_counts(session, asker, chosen=narrowed, most=MOST),
            most=MOST,
            urgent_left_out=repository.passed_over(session, asker, chosen=narrowed, most=MOST),
            kind=narrowed.kind,
            place=place.code if place is not None else "",
            where=place,
            level=narrowed.level,
            places=_places(ctx, units, place),
            levels=tuple(_levels(ctx)),
            units=units,
        )


def _lines(ctx: AppContext, session: Session, actor: Actor, page: repository.Page) -> tuple[QueueLine, ...]:
    rows = index_repository.listed(session, [case_id for case_id, _waits in page.cases])
    waits = dict(page.cases)
    lines = case_lines(ctx, session, actor, rows)
    return tuple(
        QueueLine(line, tuple(_reasons(ctx, waits[row.case_id]))) for row, line in zip(rows, lines, strict=True)
    )


def _reasons(ctx: AppContext, waits: Iterable[Wait]) -> Iterable[ReasonLine]:
    """Each kind once, by its oldest; but each emergency opening, which has a page of its own."""
    found: dict[tuple[str, int], ReasonLine] = {}
    for wait in waits:
        seq = int(wait.subject) if wait.kind == "door" else 0
        line = ReasonLine(wait.kind, wait.since, wait.due_at, tone_of(wait.due_at, ctx.now()), seq)
        known = found.get((wait.kind, seq))
        found[wait.kind, seq] = replace(known, many=known.many + 1) if known is not None else line
    return found.values()


# ---- how it is narrowed ----------------------------------------------------------------------------------------------


def _chosen(ctx: AppContext, actor: Actor, asked: Chosen | None) -> Chosen:
    """How the queue is narrowed now, remembered for the person where they have just said so; but not where they look at
    what waits for others."""
    with ctx.realm.reading() as session:
        former = repository.remembered(session, actor.id)
    chosen = _possible(ctx, asked) if asked is not None else former
    if chosen != former and chosen.kind != TEAM:
        with ctx.realm.writing() as session:
            repository.remember(session, actor.id, chosen)
    return chosen


def _possible(ctx: AppContext, asked: Chosen) -> Chosen:
    """What was asked, less what nobody could choose."""
    levels = {level for one in ctx.library.current() for grid in one.grids.values() for level in grid.levels}
    return Chosen(
        asked.kind if asked.kind in RANKED else "",
        asked.place[:80],
        asked.level if asked.level in levels or asked.level == 0 else None,
    )


def _own_units(ctx: AppContext, actor: Actor) -> tuple[Unit, ...]:
    """The units for which this person reviews."""
    roles = {role for one in ctx.library.current() if one.review is not None for role in one.review.by}
    ids = dict.fromkeys(held.unit for held in actor.appointments if held.role in roles)
    with ctx.directory.reading() as session:
        return tuple(auth_repository.find_units(session, ids).values())


def _place(ctx: AppContext, code: str, units: Iterable[Unit]) -> Unit | None:
    """The unit of that code, where it lies below one of these; a school or a province."""
    own = {unit.id for unit in units}
    with ctx.directory.reading() as session:
        found = auth_repository.unit_coded(session, code) if code else None
    if found is None or found.kind not in (UnitKind.school, UnitKind.province):
        return None
    return found if not own.isdisjoint((found.id, *found.parents)) else None


def _places(ctx: AppContext, units: Iterable[Unit], chosen: Unit | None) -> tuple[PlaceLine, ...]:
    """Where one may narrow it to: what lies below the units that this person answers for, and below the chosen one."""
    found: dict[str, Unit] = {}
    with ctx.directory.reading() as session:
        around = [chosen.parents[0]] if chosen is not None and chosen.kind is UnitKind.school else []
        below = [*around, chosen.id] if chosen is not None else []
        places = dict.fromkeys((*(unit.id for unit in units), *below))
        found |= {one.id: one for one in auth_repository.children(session, *places)}
    if chosen is not None:
        found.setdefault(chosen.id, chosen)
    return tuple(PlaceLine(unit, chosen is not None and unit.id == chosen.id) for unit in found.values())


def _levels(ctx: AppContext) -> Iterable[tuple[int, Level]]:
    """The levels that cases can have, each once."""
    found: dict[int, Level] = {}
    for protocol in ctx.library.current():
        for grid in protocol.grids.values() if protocol.review is not None else ():
            for number, level in grid.levels.items():
                found.setdefault(number, level)
    return sorted(found.items(), key=lambda pair: pair[0])
