"""What the protocol asked of a case, what was done, when, and where it was departed from, with the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from school_protocol.domain.departing import DespiteLine, done_despite
from school_protocol.domain.dues import Due, DutyStatus, Pause, excused_at
from school_protocol.domain.facts import Facts
from school_protocol.domain.forms import FieldType
from school_protocol.domain.protocol import ActKind, Protocol


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
    """Midnight: that day, at an hour which nobody told."""
    pauses: tuple[Pause, ...] = ()


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
class ExcuseLine:
    """A duty that somebody excused, with the reason given for it: shown for ever."""

    duty: str
    reason: str
    seq: int
    at: datetime
    actor: str
    role: str = ""
    protocol: Protocol | None = None
    """The version of the protocol whose duty it was."""


@dataclass(frozen=True, slots=True)
class Conformance:
    asked: tuple[AskedLine, ...]
    departures: tuple[DepartureLine, ...]
    excuses: tuple[ExcuseLine, ...] = ()
    despite: tuple[DespiteLine, ...] = ()

    def count(self, outcome: str) -> int:
        return sum(1 for line in self.asked if line.outcome == outcome)


def conformance(facts: Facts, counts: Iterable[Due], statuses: Iterable[DutyStatus]) -> Conformance:
    """Everything asked so far, in the order in which it fell due, and every departure.

    What a duty asks by a deadline stands there once: as the deadline's count.
    """
    statuses = tuple(statuses)
    stand = tuple(count for count in counts if count.state != "ended" or count.was_missed)
    lines = [_count_line(facts, count) for count in stand]
    counted = {line.key for line in lines}
    lines += [
        AskedLine("duties", status.duty, "", _DUTY[status.state], status.due_at, status.done_at)
        for status in statuses
        if counted.isdisjoint(facts.protocol.duties[status.duty].deadlines)
        and (status.state == "excused" or not facts.protocol.duties[status.duty].deadlines)
    ]
    lines.sort(key=lambda line: (line.due_at is None, line.due_at or facts.now))
    departures = tuple(
        DepartureLine(
            step.move, need, reason, step.at, step.actor, step.role, facts.case.protocol_at(step.seq, facts.protocol)
        )
        for step in facts.case.steps
        for need, reason in step.departures.items()
    )
    return Conformance(
        tuple(lines), departures, tuple(_excuses(facts)), tuple(done_despite(facts.protocol, facts.case))
    )


def _excuses(facts: Facts) -> Iterator[ExcuseLine]:
    for record in facts.case.records:
        own = facts.case.protocol_at(record.seq, facts.protocol)
        form = own.form_of(record.act) if record.kind is ActKind.excuse else None
        duty = form.find(FieldType.duty) if form is not None else None
        if form is None or duty is None or record.answers.get(duty.key) not in own.duties:
            continue
        texts = (record.answers.get(field.key) for field in form.fields if field.type in _WORDS)
        reason = "\n".join(str(text) for text in texts if text)
        yield ExcuseLine(
            str(record.answers[duty.key]), reason, record.seq, record.at, record.actor, record.role, own
        )  # fmt: skip


_WORDS = (FieldType.text, FieldType.long)
_DUTY = {"due": "open", "done": "kept", "excused": "excused", "suspended": "suspended"}


def _count_line(facts: Facts, count: Due) -> AskedLine:
    if excused := excused_at(facts, count):
        at = count.met_at or excused
        return AskedLine("deadlines", count.deadline, count.subject, "excused", count.due_at, at, count.pauses)
    if count.state == "met":
        outcome = "late" if count.is_late(facts.now) else "kept"
    elif count.was_missed:
        outcome = "overdue"
    elif count.state == "open":
        outcome = "overdue" if count.is_late(facts.now) else "open"
    else:
        outcome = count.state
    due_at = None if outcome == "suspended" else count.due_at  # it moves from day to day
    return AskedLine("deadlines", count.deadline, count.subject, outcome, due_at, count.met_at, count.pauses)
