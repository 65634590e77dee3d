"""Why a case waits for whoever reviews: worked out of its events, and kept beside its index row.

Nothing here depends on who looks, or tells what the case is about. A definition without reviews has no such rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from school_protocol.domain.acting import standing_in
from school_protocol.domain.case import Case
from school_protocol.domain.dues import Due as Count
from school_protocol.domain.dues import chased, open_dues
from school_protocol.domain.facts import Facts
from school_protocol.domain.protocol import ActKind, Deadline, Protocol
from school_protocol.domain.remarks import awaited
from school_protocol.domain.review import ReviewNow, ReviewState, review_now, sent_back, turns, waits_for
from school_protocol.domain.weighing import acts_as
from school_protocol.services.house import REALM, House
from school_protocol.storage.engines import Session
from school_protocol.storage.index import Beside, Due, IndexRow
from school_protocol.storage.review import queue
from school_protocol.storage.review.queue import TEAM, State, Wait

PASSING_ON = frozenset({ActKind.refer, ActKind.take_over})
"""Acts by which somebody else has a case in hand."""


def beside(house: House, _session: Session, row: IndexRow, facts: Facts) -> tuple[Beside, ...]:
    """Where the review stands, and what waits for whoever reviews: of a workshop's case nothing waits for anybody."""
    protocol, case, around = facts.protocol, facts.case, facts.around
    heading = [(role.key, around.unit.id) for role in protocol.roles.values() if role.head]
    heads = {one.id for one in around.people.values() if any(held in heading for held in one.roles)}
    waits = waits_of(row, facts, heads) if house.name == REALM else ()
    unassessed = queue.GRAVEST if case.live_dangers() else queue.UNASSESSED
    return queue.rows_of(row, waits, state_of(row, protocol, case), unassessed=unassessed)


def waits_of(row: IndexRow, facts: Facts, heads: Collection[str]) -> tuple[Wait, ...]:
    """All that waits in a case for whoever reviews; `heads` are the accounts that head its school now."""
    return tuple(_Waits(row, facts, heads).every()) if facts.protocol.review is not None else ()


def state_of(row: IndexRow, protocol: Protocol, case: Case) -> State | None:
    """Where the review stands, as lists say it."""
    now = review_of(row.dues, protocol, case)
    if now is not None:
        return State(now.state.value, now.since, now.due_at, now.open_observations)
    since = observed_since(case)
    return State("", since, None, len(awaited(case.remarks))) if since is not None else None


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
