"""What a case waits for next, worked out from its facts: for whom, and since when.

Lists say it without opening the case. So nothing here depends on who looks, or tells what the case is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from school_protocol.engine.act_checks import left_to_sign
from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import Record, acts_as, is_signed
from school_protocol.engine.deadlines import Due
from school_protocol.engine.decisions import acts_that_meet
from school_protocol.engine.definition import Act, ActKind, Deadline, Move, NextStep, Protocol, ScopeKind, Source, Step
from school_protocol.engine.facts import Facts
from school_protocol.engine.review_state import review_now, sent_back

WITH_FAMILY = frozenset({ActKind.inform, ActKind.hold, ActKind.review_hold})
"""What is done with the family, or about what it may be told."""
NEVER_NEXT = frozenset({ActKind.raise_danger, ActKind.exclude, ActKind.join})
"""Acts that meet a need, but that no case waits for."""
SENT_BACK = "sent_back"
SHORT = timedelta(hours=24)
"""A time limit as short as this comes before a step that is open."""
_END_OF_DAY = time(23, 59, 59)
TEAM, _HEAD, _ABOVE, _OTHERS = range(4)
"""Nearest first: who is asked before whom."""
_BEYOND = (_HEAD, _ABOVE)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is next, who can do it, and since when it waits.

    `kind` is act, move, sign, due, or sent_back: a state that was refused.
    """

    key: str | None = None
    kind: str | None = None
    roles: frozenset[str] = frozenset()
    since: datetime | None = None
    on_family: bool = False
    is_for_each: bool = False
    """Everybody who can is asked, not the nearest alone."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A follow-up to come, or one gone by that is still to be held: due as its day ends."""

    act: str
    day: date
    due_at: datetime
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """An act by which one role alone can meet what the next step still needs."""

    role: str
    act: str
    need: str
    since: datetime


def follow_ups(facts: Facts, running: Iterable[Due]) -> tuple[FollowUp, ...]:
    """Follow-ups to come, once their schedule runs; before them those not held that closing waits for."""
    follow, start = facts.protocol.follow_up, facts.schedule_start()
    if follow is None or start is None or facts.protocol.states[facts.case.state].ended:
        return ()
    zone = facts.around.calendar.local(facts.now).tzinfo
    held = [record.occurred_at for record in facts.case.records_of(follow.act)]
    return tuple(
        FollowUp(follow.act, day, datetime.combine(day, _END_OF_DAY, zone).astimezone(UTC), max([start, *held]))
        for day in (*_unheld(facts, running), *facts.next_dates())
    )


def _unheld(facts: Facts, running: Iterable[Due]) -> Iterator[date]:
    """Days of the schedule without a follow-up that stand against a step, where no count says so already."""
    held = {name for name, fact in facts.protocol.facts.items() if fact.follow_up == "held"}
    needs = (need for need in facts.protocol.needs.values() if not held.isdisjoint(need.when.names))
    if all(need.when.holds(facts) for need in needs):
        return
    counted = {due.subject for due in running}
    for planned in facts.planned:
        was_missed = planned.held_seq is None and planned.day < facts.today
        if was_missed and planned.day.isoformat() not in counted and not facts.excused_after(planned.day):
            yield planned.day


def waiting_of(facts: Facts, running: Iterable[Due]) -> Waiting:
    """What the case waits for: a danger first, then signatures, then whatever is due first or open."""
    found = next(_Next(facts, tuple(running)).candidates(), None)
    return replace(found, roles=frozenset(_asked(facts, found.roles, found.is_for_each))) if found else Waiting()


def waiting_list(facts: Facts, running: Iterable[Due], most: int) -> tuple[Waiting, ...]:
    """The acts, signatures and open moves that the case waits for, in order, each once, with whom it is asked of."""
    found = islice(_Next(facts, tuple(running)).once(), most)
    return tuple(replace(one, roles=frozenset(_asked(facts, one.roles, one.is_for_each))) for one in found)


def places(facts: Facts, running: Iterable[Due]) -> dict[tuple[str | None, str | None], int]:
    """By kind and key, where each of them stands in that order, whoever can do it: 0 is the most pressing."""
    return {(one.kind, one.key): place for place, one in enumerate(_Next(facts, tuple(running)).once())}


def asked_alone(facts: Facts, running: Iterable[Due]) -> tuple[Asked, ...]:
    """What steps that nothing else holds up need of somebody beyond the team, who alone can: one act a role."""
    if facts.protocol.states[facts.case.state].ended:
        return ()
    found: dict[str, Asked] = {}
    for one in _Next(facts, tuple(running)).alone():
        found.setdefault(one.role, one)
    return tuple(found.values())


def act_for(facts: Facts, running: tuple[Due, ...], roles: Iterable[str]) -> str | None:
    """The act for which a case waits, where it waits for somebody in these roles."""
    waiting, held = waiting_of(facts, running), set(roles)
    if not waiting.roles.isdisjoint(held):
        return waiting.key if waiting.kind == "act" else None
    return next((one.act for one in asked_alone(facts, running) if one.role in held), None)


def ways_back(facts: Facts) -> dict[str, tuple[Record, ...]]:
    """Of a case that has ended: each way back that what was written since has opened, with those records."""
    protocol, case = facts.protocol, facts.case
    if not protocol.states[case.state].ended:
        return {}
    since = [record for record in case.records if record.seq > case.entry.seq]
    back = (one for one in protocol.moves.values() if case.state in one.from_ and one.backwards and not one.automatic)
    found: dict[str, tuple[Record, ...]] = {}
    for move in back:
        needs = [protocol.needs[need] for need in move.needs]
        opening = {act for need in needs for act in need.met_by}
        records = tuple(record for record in since if record.act in opening)
        if records and all(need.when.holds(facts) for need in needs):
            found[move.key] = records
    return found


def is_again(facts: Facts, move: Move) -> bool:
    """Whether the case was where a move leads, and nothing that calls for it was written since."""
    case = facts.case
    entered = (entry.seq for entry in case.entries if entry.state == move.to and entry.seq > case.opening_seq)
    made = max(entered, default=0)
    calling = {act for need in move.needs for act in facts.protocol.needs[need].met_by}
    return made > 0 and not any(record.act in calling and record.seq > made for record in case.records)


def answers_awaited(facts: Facts) -> bool:
    """Whether somebody outside has been told, and hasn't answered yet."""
    return any(referral.is_open for referral in facts.case.referrals)


class _Next:
    """What could be next, the most pressing first."""

    def __init__(self, facts: Facts, running: tuple[Due, ...]) -> None:
        self.facts = facts
        self.protocol: Protocol = facts.protocol
        self.case: Case = facts.case
        self.running = running
        self.sent_back = sent_back(self.protocol, self.case)
        leaving = (move for move in self.protocol.moves.values() if self.case.state in move.from_)
        onward = [move for move in leaving if not move.automatic and not move.backwards]
        again = {move.key for move in onward if is_again(facts, move)}
        self.moves = sorted(onward, key=lambda move: (move.key in again, move.reason, len(self._unmet(move))))
        """Ways on, those made already or that need a reason last, and the nearest to open first."""
        self.new = [move for move in self.moves if move.key not in again]

    def candidates(self) -> Iterator[Waiting]:
        if self.case.live_dangers("raised"):
            urgent = [one for one in self._urgent() if one.kind == "act"]
            placed = {step.do for step in self.protocol.states[self.case.state].next}
            yield from (one for one in urgent if one.key not in placed)
            yield from self._in_order([*urgent, *self._towards(self.moves)])
        yield from self._signatures()
        yield from self._back()
        yield from self._refusal()
        yield from self._urgent(within=SHORT)
        yield from self._in_order(list(self._rest()))

    def _urgent(self, within: timedelta = timedelta.max) -> Iterator[Waiting]:
        urgent = (due for due in self.running if self._deadline(due).urgent)
        return (one for due in urgent if due.due_at - due.started_at <= within for one in self._of_due(due))

    def _in_order(self, called_for: list[Waiting]) -> Iterator[Waiting]:
        """What the definition tells first in this state, then the rest as it stands."""
        for step in self.protocol.states[self.case.state].next:
            yield from self._declared(step, called_for)
        yield from called_for

    def _declared(self, step: NextStep, called_for: list[Waiting]) -> Iterator[Waiting]:
        """Where the case calls for it, or as long as the definition says."""
        if step.when is not None and not step.when.holds(self.facts):
            return
        found = [one for one in called_for if one.key == step.do and self._is_told(one)]
        if found or step.when is None:
            yield from found[:1]
            return
        act, move = self.protocol.acts.get(step.do), self.protocol.moves.get(step.do)
        if act is not None and self._is_open(act):
            yield self._of_act(act, act.by, self.case.entry.at)
        if move is not None and self.case.state in move.from_ and not self._unmet(move):
            yield self._of_open(move)

    def _rest(self) -> Iterator[Waiting]:
        """What is due and what is open, in the order that holds for every protocol."""
        timed = list(self._timed())
        yield from (found for is_short, found in timed if is_short)
        yield from (self._of_open(move) for move in self.new if not move.reason and not self._unmet(move))
        yield from self._towards(move for move in self.new[:1] if not move.reason)
        yield from (found for is_short, found in timed if not is_short)
        yield from (found for due in self.running if self._is_routine(due) for found in self._of_due(due))
        yield from self._towards(move for move in self.moves if not move.reason)
        yield from (self._of_count(due) for due in self.running)
        yield from (self._of_open(move) for move in self.moves if not self._unmet(move))
        yield from (self._of_open(move) for move in self.moves if not move.reason)

    def once(self) -> Iterator[Waiting]:
        """The acts, signatures and open moves among them, each once."""
        found: set[tuple[str | None, str | None]] = set()
        for one in self.candidates():
            if self._is_told(one) and (one.kind, one.key) not in found:
                found.add((one.kind, one.key))
                yield one

    def _is_told(self, one: Waiting) -> bool:
        is_open = one.kind == "move" and not self._unmet(self.protocol.moves[one.key or ""])
        return is_open or one.kind in ("act", "sign")

    # ---- what is due -----------------------------------------------------------------------------------------

    def _timed(self) -> Iterator[tuple[bool, Waiting]]:
        """Deadlines and planned follow-ups, by their moment, each with whether its time is short.

        A routine one yields to a step that is open. Nothing here asks what time it is: lists keep it as it was written.
        """
        timed: list[tuple[datetime, Due | FollowUp]] = [
            (due.due_at, due) for due in self.running if not self._is_routine(due) and not self._is_beside(due)
        ]
        timed += [(one.due_at, one) for one in follow_ups(self.facts, self.running)]
        for at, one in sorted(timed, key=lambda pair: pair[0]):
            if isinstance(one, Due):
                is_short = at - one.started_at <= SHORT
                yield from ((is_short, found) for found in self._of_due(one))
            else:
                act = self.protocol.acts[one.act]
                if self._is_open(act):
                    yield False, self._of_act(act, act.by, one.since)

    def _deadline(self, due: Due) -> Deadline:
        return self.protocol.deadlines[due.deadline]

    def _is_routine(self, due: Due) -> bool:
        return self._deadline(due).repeat and not self._deadline(due).urgent

    def _is_beside(self, due: Due) -> bool:
        """A review that somebody asked for runs beside the team's own steps: nothing waits for it."""
        if not any(source.review for source in self._deadline(due).start):
            return False
        now = review_now(self.protocol, self.case)
        return now is not None and now.asked

    def _of_due(self, due: Due) -> Iterator[Waiting]:
        """What would meet a deadline that runs: an act that is open here, or a way on."""
        deadline = self._deadline(due)
        for source in deadline.met_by:
            if source.act is not None and self._is_open(act := self.protocol.acts[source.act]):
                yield self._of_act(act, self._asked(deadline, source, act), due.started_at)
            elif source.seen:
                yield self._of_count(due)
        for move in self.moves:
            if _meets(move, deadline):
                yield from (replace(found, since=due.started_at) for found in self._on(move))

    def _asked(self, deadline: Deadline, source: Source, act: Act) -> tuple[str, ...]:
        """Who is asked to meet a deadline: those whom it or its duty names, else whoever may."""
        named = [
            role
            for duty in self.protocol.duties.values()
            if deadline.key in duty.deadlines and act.key in duty.met_by
            for role in duty.by
        ]
        return source.by or tuple(named) or act.by

    def _of_count(self, due: Due) -> Waiting:
        """A deadline that only its own title can say."""
        deadline = self._deadline(due)
        first: Step | None = next(iter(deadline.steps), None)
        told = next((tell for _at, tell in due.steps), first.tell if first else ())
        asked = [role for duty in self.protocol.duties.values() if deadline.key in duty.deadlines for role in duty.by]
        return Waiting(deadline.key, "due", frozenset(told or asked), due.started_at)

    # ---- signatures ------------------------------------------------------------------------------------------

    def _signatures(self) -> Iterator[Waiting]:
        if self.protocol.states[self.case.state].ended:
            return
        for record in self.case.records:
            act = self.protocol.acts[record.act]
            if act.signatures and record.effective_seq is None and not is_signed(self.protocol, record):
                roles = frozenset(left_to_sign(self.protocol, record))
                yield Waiting(act.key, "sign", roles, record.at, on_family=act.kind in WITH_FAMILY)

    def _back(self) -> Iterator[Waiting]:
        """What was asked since the case ended: it waits for everybody who may take it back."""
        for key, records in ways_back(self.facts).items():
            since = min(record.at for record in records)
            yield Waiting(key, "move", frozenset(self.protocol.moves[key].by), since, is_for_each=True)

    def _refusal(self) -> Iterator[Waiting]:
        """What was refused waits for whoever may propose it again, else for whoever asks for reviews."""
        review, found = self.protocol.review, self.sent_back
        if review is None or found is None:
            return
        moves = self.protocol.moves.values()
        again = [move for move in moves if found.is_proposed_by(move) and self.case.state in move.from_]
        roles = frozenset(role for move in again for role in move.by) or frozenset(review.asked_by)
        yield Waiting(found.state, SENT_BACK, roles, found.event.at)

    # ---- ways on ---------------------------------------------------------------------------------------------

    def _towards(self, moves: Iterable[Move]) -> Iterator[Waiting]:
        return (found for move in moves if self._unmet(move) for found in self._acts_for(move))

    def _on(self, move: Move) -> Iterator[Waiting]:
        if self._unmet(move):
            yield from self._acts_for(move)
        else:
            yield self._of_open(move)

    def _acts_for(self, move: Move) -> Iterator[Waiting]:
        for need in (one for one in self._unmet(move) if one != SENT_BACK):
            for key in acts_that_meet(self.facts, self.protocol.needs[need]):
                act = self.protocol.acts[key]
                if self._is_open(act) and act.kind is not ActKind.sign:
                    yield self._of_act(act, act.by, self.case.entry.at)

    def alone(self) -> Iterator[Asked]:
        for move in (one for one in self.new if not one.reason):
            asked = [self._beyond_team(need) for need in self._unmet(move)]
            if all(asked):
                yield from (one for found in asked for one in found)

    def _beyond_team(self, need: str) -> list[Asked]:
        """The acts by which only others than the team meet a need: all of them, or those made for such a case alone."""
        if need == SENT_BACK:
            return []
        acts = [self.protocol.acts[key] for key in acts_that_meet(self.facts, self.protocol.needs[need])]
        roles = {act.key: _asked(self.facts, act.by) for act in acts if self._is_open(act)}
        further = {key for key, asked in roles.items() if self._nearest(asked) in _BEYOND}
        if further != set(roles):
            further = {key for key in further if self.protocol.acts[key].needs}
        since = max([self.case.entry.at, *(record.at for record in self.case.records)])
        return [Asked(role, key, need, since) for key in sorted(further) for role in sorted(roles[key])]

    def _nearest(self, roles: Iterable[str]) -> int:
        return min((rank_of(self.protocol, one) for one in roles), default=_OTHERS)

    def _of_open(self, move: Move) -> Waiting:
        """A way on that somebody has only to take: since the last act that opened it."""
        opened_by = {act for need in move.needs for act in self.protocol.needs[need].met_by}
        acts = [record.at for record in self.case.records if record.act in opened_by]
        return Waiting(move.key, "move", frozenset(move.by), max([self.case.entry.at, *acts]))

    def _unmet(self, move: Move) -> list[str]:
        """What stands in the way of a move: its needs, and a refusal that nobody has answered."""
        unmet = [need for need in move.needs if not self._holds(need)]
        return [*unmet, SENT_BACK] if self.sent_back is not None and self.sent_back.is_proposed_by(move) else unmet

    # ---- acts ------------------------------------------------------------------------------------------------

    def _is_open(self, act: Act) -> bool:
        state = self.case.state
        named = state in act.in_ or "any" in act.in_
        here = named or ("open" in act.in_ and not self.protocol.states[state].ended)
        return here and act.kind not in NEVER_NEXT and all(self._holds(need) for need in act.needs)

    def _holds(self, need: str) -> bool:
        return self.protocol.needs[need].when.holds(self.facts)

    def _may(self, act: Act, role: str) -> bool:
        """Whether nothing that the act asks of that role alone stands in its way."""
        return all(self._holds(need) for need in act.needs_of({"role": role}))

    def _of_act(self, act: Act, roles: Iterable[str], since: datetime | None) -> Waiting:
        asked = frozenset(roles)
        return Waiting(
            act.key,
            "act",
            frozenset(role for role in asked if self._may(act, role)) or asked,
            since,
            on_family=act.kind in WITH_FAMILY,
        )


def _meets(move: Move, deadline: Deadline) -> bool:
    sources = deadline.met_by
    return deadline.key in move.meets or any(one.move == move.key or move.to in one.entered for one in sources)


# ---- whom it waits for -------------------------------------------------------------------------------------------


def _asked(facts: Facts, roles: Iterable[str], is_for_each: bool = False) -> set[str]:
    """Of everybody who may, those who are asked: the team before the head, the head before whoever oversees.

    Where somebody of the team is seated in the case, it is theirs; who only reports is asked where nobody else is.
    """
    protocol = facts.protocol
    allowed = _allowed(protocol, facts.case, roles)
    seats = {seat: until for seat, until in _seats_held(facts).items() if seat not in allowed}
    standing = {seat for seat in seats if any(acts_as(protocol, seat, role) for role in allowed)}
    present = {role for role in allowed if _is_present(facts, role)} | standing
    if is_for_each:
        return present or allowed
    ranks = {name: rank_of(protocol, name) for name in present or allowed}
    nearest = {name for name, rank in ranks.items() if rank == min(ranks.values())}
    seated = {seat for seat in standing & nearest if _is_assigned(protocol, protocol.seats[seat].acts_as)}
    lasting = any(seats[seat] is None for seat in seated)
    return seated if lasting else nearest


def _seats_held(facts: Facts) -> dict[str, str | None]:
    """The seats in which somebody is who is not shut out, each until when."""
    case = facts.case
    held = [one for one in case.seats if one.is_held(facts.today) and one.account not in case.exclusions]
    return {one.seat: one.until for one in held}


def _allowed(protocol: Protocol, case: Case, roles: Iterable[str]) -> set[str]:
    found = set(protocol.roles) if "everyone" in (named := set(roles)) else named
    kept = {
        name
        for name in found
        if name in protocol.seats or case.restricted_seq is None or protocol.roles[name].keeps_restricted
    }
    seeing = {name for name in kept if name in protocol.seats or protocol.roles[name].sees not in _UNASKED}
    return seeing or kept


_UNASKED = (ScopeKind.none, ScopeKind.receipt, ScopeKind.metadata)


def _is_present(facts: Facts, name: str) -> bool:
    """Whether somebody holds that role here, or that seat in the case, who may take part."""
    case, around = facts.case, facts.around
    if name in facts.protocol.seats:
        return any(held.seat == name and held.is_held(facts.today) for held in case.seats)
    holders = [
        colleague.id for colleague in around.people.values() if any(held == (name, unit) for held in colleague.roles
        for unit in around.places)
    ]  # fmt: skip
    return any(account not in case.exclusions for account in holders)


def rank_of(protocol: Protocol, name: str) -> int:
    """How near somebody stands to a case: TEAM first."""
    seat = protocol.seats.get(name)
    role = protocol.roles.get((seat.acts_as or "") if seat else name)
    if role is None:
        return TEAM
    if role.oversees or role.sees in (ScopeKind.province, ScopeKind.region):
        return _ABOVE
    if role.sees in (ScopeKind.assigned, ScopeKind.unit):
        return _HEAD if role.head else TEAM
    return TEAM if seat else _OTHERS


def _is_assigned(protocol: Protocol, role: str | None) -> bool:
    declared = protocol.roles.get(role or "")
    return declared is not None and declared.sees is ScopeKind.assigned
