"""What the protocol asked of a case, what was done, when, and where it was departed from, with the reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from school_protocol.domain.dues import Due, DutyStatus
from school_protocol.domain.facts import Facts
from school_protocol.domain.protocol import Protocol


@dataclass(frozen=True, slots=True)
class AskedLine:
    """One thing asked: a duty or a deadline's count, and how it went: kept, late, open, overdue, suspended, excused."""

    part: str
    """`deadlines` or `duties`."""
    key: str
    subject: str
    outcome: str
    due_at: datetime | None = None
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DepartureLine:
    """A step taken without a need, with the reason given for it: shown for ever."""

    move: str
    need: str
    reason: str
    at: datetime
    actor: str
    role: str = ""
    protocol: Protocol | None = None
    """The version of the protocol that it departed from."""


@dataclass(frozen=True, slots=True)
class Conformance:
    asked: tuple[AskedLine, ...]
    departures: tuple[DepartureLine, ...]

    def count(self, outcome: str) -> int:
        return sum(1 for line in self.asked if line.outcome == outcome)


def conformance(facts: Facts, counts: Iterable[Due], statuses: Iterable[DutyStatus]) -> Conformance:
    """Everything asked so far, in the order in which it fell due, and every departure."""
    counts = tuple(counts)
    lines = [_count_line(facts, count) for count in counts if count.state != "ended" or count.was_missed]
    lines += [
        AskedLine("duties", status.duty, status.subject, _DUTY[status.state], status.due_at, status.done_at)
        for status in statuses
        if not facts.protocol.duties[status.duty].deadlines or status.state in ("excused",)
    ]
    lines.sort(key=lambda line: (line.due_at is None, line.due_at or facts.now))
    departures = tuple(
        DepartureLine(
            step.move, need, reason, step.at, step.actor, step.role, facts.case.protocol_at(step.seq, facts.protocol)
        )
        for step in facts.case.steps
        for need, reason in step.departures.items()
    )
    return Conformance(tuple(lines), departures)


_DUTY = {"due": "open", "done": "kept", "excused": "excused", "suspended": "suspended"}


def _count_line(facts: Facts, count: Due) -> AskedLine:
    if count.state == "met":
        outcome = "late" if count.is_late(facts.now) else "kept"
    elif count.was_missed:
        outcome = "overdue"
    elif count.state == "open":
        outcome = "overdue" if count.is_late(facts.now) else "open"
    else:
        outcome = count.state
    return AskedLine("deadlines", count.deadline, count.subject, outcome, count.due_at, count.met_at)
