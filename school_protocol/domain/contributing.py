"""What one case adds to the academy's figures, as it stands after its latest event: one cell or none of each kind.

It counts in the month in which it was opened. A case that goes on elsewhere (joined, handed over) is counted there, and
one that contributes to another school's is counted with that one: what happened once counts once. A deadline that ran
out and was never met is late from the next day on, whether or not anybody wrote to the case again: what a case adds
hangs on its events and the day alone, so that it can be worked out again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time

from school_protocol.domain.case import Case
from school_protocol.domain.clock import waited
from school_protocol.domain.closed_choices import (
    CASES,
    DANGERS,
    REFERRALS,
    answer_to_dangers,
    answer_to_referrals,
    answers_of,
    level_of,
    question_of,
)
from school_protocol.domain.dues import counts_of, read
from school_protocol.domain.facts import Facts, Surroundings
from school_protocol.domain.figure_rules import CountedTable, Moment, Wait
from school_protocol.domain.figure_tables import KEPT, LATE, MORE, TOTALS, Cell, own_part, share_key, wait_key
from school_protocol.domain.policy import Unit, UnitKind


@dataclass(frozen=True, slots=True)
class Share:
    """What a case adds: to which cells, in which month, at which units (the smallest first, each part of the next)."""

    protocol: str
    month: str
    path: tuple[str, ...]
    cells: frozenset[Cell]


def share_of(facts: Facts) -> Share:
    """What that case adds."""
    case, around = facts.case, facts.around
    assert case.opened_at is not None
    assert case.last_at is not None
    then = read(facts.protocol, case, max(case.last_at, _day_begun(around, facts.now)), around)
    return Share(
        protocol=case.protocol,
        month=f"{around.calendar.local(case.opened_at):%Y-%m}",
        path=path_of(around.unit, stands_apart=stands_apart(case)),
        cells=frozenset(_cells(then)) if counts(facts) else frozenset(),
    )


def _day_begun(around: Surroundings, now: datetime) -> datetime:
    """The midnight, where the school is, with which that day began."""
    day = around.calendar.local(now)
    return datetime.combine(day.date(), time(0), day.tzinfo).astimezone(UTC)


def counts(facts: Facts) -> bool:
    """Whether it is counted by itself."""
    case = facts.case
    return not case.contributes and not (facts.protocol.states[case.state].successor and case.successor is not None)


def stands_apart(case: Case) -> bool:
    """Whether somebody of the school must not even know of it: then it isn't counted at the school, but above it."""
    return case.restricted_seq is not None or bool(case.exclusions)


def path_of(unit: Unit, *, stands_apart: bool = False) -> tuple[str, ...]:
    """Where a case of that unit is counted, upwards."""
    if unit.kind is not UnitKind.school:
        return (own_part(unit.id), unit.id, *unit.parents)
    if stands_apart:
        return (own_part(next(iter(unit.parents), unit.id)), *unit.parents)
    return (unit.id, *unit.parents)


# ---- cells ---------------------------------------------------------------------------------------------------------


def _cells(facts: Facts) -> Iterator[Cell]:
    case, rules = facts.case, facts.protocol.figures
    yield TOTALS, CASES
    if case.dangers:
        yield TOTALS, DANGERS
    if case.referrals:
        yield TOTALS, REFERRALS
    if rules is None:
        return
    for key, counted in rules.tables.items():
        yield from ((key, row) for row in _rows(facts, counted))
    for deadline in rules.in_time:
        yield from ((share_key(deadline), row) for row in _kept(facts, deadline))
    for key, wait in rules.waits.items():
        yield from ((wait_key(key), row) for row in _class(facts, wait))


def _rows(facts: Facts, counted: CountedTable) -> Iterator[str]:
    case, protocol = facts.case, facts.protocol
    match counted.rows:
        case "levels":
            yield level_of(case)
        case "answers":
            question = question_of(protocol, counted.act or "", counted.field or "")
            if question is not None:
                yield from answers_of(case, counted.act or "", question)
        case "dangers":
            yield from (life.danger for life in case.dangers)
        case "targets":
            yield from (one.target for one in case.referrals)
        case "danger_answers":
            if case.dangers:
                yield answer_to_dangers(case)
        case "referral_answers":
            if case.referrals:
                yield answer_to_referrals(case)


def _kept(facts: Facts, deadline: str) -> Iterator[str]:
    """Late where one of its counts was; else kept where one was met; nothing while all are open."""
    found = counts_of(facts, deadline)
    if any(due.was_late(facts.now) for due in found):
        yield LATE
    elif any(due.state == "met" for due in found):
        yield KEPT


def _class(facts: Facts, wait: Wait) -> Iterator[str]:
    """The class in which the wait lies, once it is over."""
    since = facts.case.opened_at if wait.since is None else _first(facts.case, wait.since)
    until = _first(facts.case, wait.until)
    if since is None or until is None:
        return
    taken = waited(facts.around.calendar, since, until, wait.unit)
    yield next((str(most) for most in wait.classes if taken <= most), MORE)


def _first(case: Case, moment: Moment) -> datetime | None:
    recorded = (
        record.occurred_at for record in case.records if record.act in moment.acts and record.effective_seq is not None
    )
    entered = (entry.at for entry in case.entries if entry.state in moment.states)
    return min((*recorded, *entered), default=None)
