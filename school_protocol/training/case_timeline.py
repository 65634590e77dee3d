"""A case lived again, moment by moment: how it stood after each, and what became of every count and duty.

What is due now says little of what was due then: a count goes where its danger is lifted, its level is another or its
case ends, whether anybody met it or not. So a debrief looks at a case as it stood before and after each of its events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from school_protocol.engine.case import Case, fold
from school_protocol.engine.deadlines import Due, DutyStatus, all_counts, duties, read
from school_protocol.engine.definition import Deadline, Protocol
from school_protocol.engine.events import Event, Recorded, StepTaken
from school_protocol.engine.facts import Facts


class Fate(StrEnum):
    """What became of a count: met in time or late, run out and never met, still open, suspended, or asked no more."""

    kept = "kept"
    late = "late"
    left_out = "left_out"
    open = "open"
    suspended = "suspended"
    gone = "gone"


@dataclass(frozen=True, slots=True)
class Count:
    """One count of a deadline, from its start to what became of it."""

    deadline: str
    subject: str
    started_at: datetime
    due_at: datetime
    fate: Fate
    begun_seq: int = 0
    """The event by which it began; 0: the clock alone."""
    done_at: datetime | None = None
    done_seq: int = 0
    """The event that met it."""
    written_late: bool = False
    """Met in time, as its entry says, which was written once the time was over."""


class Verdict(StrEnum):
    """How a case stands with a duty: never a mark."""

    passed = "passed"
    failed = "failed"
    open = "open"
    suspended = "suspended"
    excused = "excused"
    not_asked = "not_asked"


@dataclass(frozen=True, slots=True)
class Stand:
    """How a case stands after its event number `seq`: where, at which level, and what is due, first things first."""

    at: datetime
    seq: int
    state: str
    level: int
    due: tuple[Due, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """All of it: `stands` in order, `counts` by the moment at which they fell due, a verdict for each duty."""

    stands: tuple[Stand, ...]
    counts: tuple[Count, ...]
    duties: Mapping[str, Verdict]
    untimed: Mapping[str, datetime]
    """Duties without a deadline that were left out, since when they were asked."""


def relive(facts: Facts) -> Course:
    """The case of `facts` from its first event to the moment of these facts."""
    return _Walk(facts).course()


_Key = tuple[str, str, int]


@dataclass(slots=True)
class _Life:
    """A count as it was last seen."""

    due: Due
    begun_seq: int
    is_there: bool = True
    was_overdue: bool = False
    done_at: datetime | None = None
    done_seq: int = 0
    looked_at: datetime | None = None
    left_overdue: bool = False
    """Whether it had run out when it ended unmet."""

    @property
    def runs(self) -> bool:
        return self.is_there and self.due.state in ("open", "suspended")


@dataclass(slots=True)
class _Past:
    """A duty as it was last seen, and whether it was ever overdue."""

    status: DutyStatus | None = None
    """None: it is not asked now."""
    since: datetime | None = None
    """When it was first asked; None: never."""
    was_done: bool = False
    failed: bool = False
    pending: set[datetime] = field(default_factory=set)
    """Moments at which it ran out, and nothing has said yet that it was done before."""


class _Walk:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.case = Case(earlier=facts.case.earlier)
        self.lives: dict[_Key, _Life] = {}
        self.pasts: dict[str, _Past] = {key: _Past() for key in facts.protocol.duties}
        self.stands: list[Stand] = []

    def course(self) -> Course:
        for group in _together(self.facts.case.events):
            if self.case.last_seq:
                self._look(group[0].at, ())
            fold(self.facts.protocol, group, self.case)
            due = self._look(group[-1].at, group)
            self.stands.append(Stand(group[-1].at, group[-1].seq, self.case.state, self.case.level, due))
        self._look(self.facts.now, ())
        verdicts = {key: self._verdict(past) for key, past in self.pasts.items()}
        return Course(tuple(self.stands), self._counts(), verdicts, dict(self._untimed()))

    # ---- one look ------------------------------------------------------------------------------------------------

    def _look(self, now: datetime, group: Sequence[Event]) -> tuple[Due, ...]:
        """See every count and duty as they are at `now`, after the events of `group`; answers with what is due."""
        protocol = self.case.protocol_at(self.case.last_seq, self.facts.protocol)
        facts = read(protocol, self.case, now, self.facts.around)
        found = {
            (due.deadline, due.subject, due.start_seq): due
            for deadline in protocol.deadlines.values()
            for due in all_counts(facts, deadline)
        }
        leading = _leading(found)
        for key in leading:
            if key not in self.lives and found[key].state != "ended":
                self.lives[key] = _Life(found[key], group[0].seq if group else 0)
        for key, life in list(self.lives.items()):
            if key in found:
                self._seen(life, found[key], facts, group)
            elif life.is_there and not key[1] and any((key[0], key[2]) == (other[0], other[2]) for other in found):
                del self.lives[key]  # it goes on as a count about somebody who has been named since
            elif life.is_there:
                self._gone(life, facts, group)
            life.looked_at = now
        counts = [found[key] for key in leading]
        self._duties(duties(facts, counts), now)
        return tuple(sorted((due for due in counts if due.is_open), key=lambda due: (due.due_at, due.deadline)))

    def _seen(self, life: _Life, due: Due, facts: Facts, group: Sequence[Event]) -> None:
        if life.is_there and life.due.state == "ended" and due.state == "met":
            return  # what would meet it came once it was asked no more
        ran, was_met = life.runs, life.is_there and life.due.state == "met"
        life.is_there, life.due = True, due
        overdue = due.is_open and due.due_at < facts.now
        if due.is_open or due.state == "suspended":
            life.left_overdue, life.done_at, life.done_seq = overdue, None, 0
        life.was_overdue |= overdue
        deadline = facts.protocol.deadlines[due.deadline]
        if due.state == "met" and not (was_met and due.met_at == life.done_at):
            life.done_at, life.done_seq = due.met_at, self._meeting(facts, deadline, group)[0]
        elif due.state == "ended" and ran and _is_done_by_leaving(facts.protocol, deadline):
            step = next((event for event in group if isinstance(event, StepTaken)), None)
            life.done_at, life.done_seq = (step.occurred_at, step.seq) if step else (None, 0)

    def _gone(self, life: _Life, facts: Facts, group: Sequence[Event]) -> None:
        """A count that is not asked any more: done, where one of these events is what meets it."""
        ran, life.is_there = life.runs, False
        if ran:
            seq, at = self._meeting(facts, facts.protocol.deadlines[life.due.deadline], group)
            life.done_at, life.done_seq = at, seq if at is not None else 0

    def _meeting(self, facts: Facts, deadline: Deadline, group: Sequence[Event]) -> tuple[int, datetime | None]:
        """The event of a group by which a deadline is met, and when that was; else its last event, and no moment."""
        for event in group:
            if isinstance(event, Recorded):
                record = self.case.record(event.seq)
                if record is not None and any(facts.matches(source, record) for source in deadline.met_by):
                    return event.seq, event.occurred_at
            if isinstance(event, StepTaken) and (
                deadline.key in facts.protocol.moves[event.move].meets
                or any(event.move == source.move or event.target in source.entered for source in deadline.met_by)
            ):
                return event.seq, event.occurred_at
        return (group[0].seq if group else 0), None

    def _duties(self, statuses: Iterable[DutyStatus], now: datetime) -> None:
        found = {status.duty: status for status in statuses}
        for key, past in self.pasts.items():
            status = past.status = found.get(key)
            if status is None or status.state == "excused":
                past.failed |= bool(past.pending) and status is None
                past.pending.clear()
                continue
            past.since, past.was_done = past.since or now, status.state == "done"
            if status.state == "due" and status.due_at is not None and status.due_at < now:
                past.pending.add(status.due_at)
            elif status.state == "done":
                past.failed |= any(status.done_at is None or status.done_at > due_at for due_at in past.pending)
                past.pending.clear()

    # ---- what it comes to ----------------------------------------------------------------------------------------

    def _counts(self) -> tuple[Count, ...]:
        """One for each life; of those that ran together about the same thing, the one that was due first."""
        kept: dict[tuple[object, ...], Count] = {}
        for life in self.lives.values():
            count = self._count(life)
            which: object = count.done_at or (count.fate if life.runs else life.due.start_seq)
            earlier = kept.get((count.deadline, count.subject, which))
            if earlier is None or count.due_at < earlier.due_at:
                kept[count.deadline, count.subject, which] = count
        return tuple(sorted(kept.values(), key=lambda count: (count.due_at, count.deadline, count.subject)))

    def _count(self, life: _Life) -> Count:
        due = life.due
        has_limit = due.due_at > due.started_at  # else somebody is only told at once
        if life.done_at is not None:
            fate = Fate.late if has_limit and life.done_at > due.due_at else Fate.kept
        elif life.runs and due.is_open:
            fate = Fate.left_out if has_limit and due.due_at < self.facts.now else Fate.open
        elif life.runs:
            fate = Fate.suspended
        else:
            fate = Fate.left_out if has_limit and life.left_overdue else Fate.gone
        late_pen = fate is Fate.kept and has_limit and life.was_overdue
        return Count(
            due.deadline, due.subject, due.started_at, due.due_at, fate, life.begun_seq, life.done_at, life.done_seq,
            late_pen,
        )  # fmt: skip

    def _verdict(self, past: _Past) -> Verdict:
        status = past.status
        if status is not None and status.state == "excused":
            return Verdict.excused
        if past.failed or past.pending or self._is_left_out(past):
            return Verdict.failed
        if past.was_done:
            return Verdict.passed
        if status is None:
            return Verdict.not_asked
        return Verdict.suspended if status.state == "suspended" else Verdict.open

    def _is_left_out(self, past: _Past) -> bool:
        """Whether a duty that no deadline times was still to be done when its case ended."""
        status, ended = past.status, self.facts.protocol.states[self.facts.case.state].ended
        return ended and status is not None and status.state == "due" and status.due_at is None

    def _untimed(self) -> Iterator[tuple[str, datetime]]:
        for key, past in self.pasts.items():
            if past.since is not None and self._is_left_out(past):
                yield key, past.since


def _together(events: Iterable[Event]) -> Iterator[Sequence[Event]]:
    """Events that one person's one press has led to: nothing is to be seen between them."""
    for _press, group in groupby(events, key=lambda event: (event.at, event.actor)):
        yield tuple(group)


def _leading(found: Mapping[_Key, Due]) -> tuple[_Key, ...]:
    """Of counts that run together about the same thing, the one that is due first."""
    kept: dict[tuple[str, str, str, datetime | None], _Key] = {}
    for key, due in found.items():
        together = (due.deadline, due.subject, due.state, due.met_at)
        if together not in kept or due.due_at < found[kept[together]].due_at:
            kept[together] = key
    return tuple(kept.values())


def _is_done_by_leaving(protocol: Protocol, deadline: Deadline) -> bool:
    """Whether nothing meets a deadline but that the case leaves the state in which it runs."""
    met_by_moves = any(deadline.key in move.meets for move in protocol.moves.values())
    return deadline.ends_with_state and not deadline.met_by and not met_by_moves
