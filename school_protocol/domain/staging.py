"""What a scenario sees of a table: which of its signs are there, what comes now, which traps the table is in.

A sign, an inject or a trap is about one case; a table with several has it as soon as one of them has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from school_protocol.domain.conditions import Condition, Value
from school_protocol.domain.dues import counts_of
from school_protocol.domain.facts import Facts
from school_protocol.domain.intents import Reason
from school_protocol.domain.scenario import Inject, Scenario, Sign, duration
from school_protocol.domain.weighing import record_values


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a table tried and was refused: an act or move by its key, or `attach`; what said no."""

    name: str
    why: tuple[str, ...] = ()
    at: datetime | None = None
    role: str = ""
    """The role or seat of whoever tried."""
    actor: str = ""
    reasons: tuple[Reason, ...] = ()
    """The engine's own, where it was the engine that refused."""
    problems: tuple[str, ...] = ()
    """Codes of what the form found wrong."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What conditions may read of one case at one moment, and the acts and moves that were made in it."""

    values: Mapping[str, Value]
    done: frozenset[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Since when a table plays, what came to it, what will, and the traps it fell into, each with its moment."""

    begun: datetime
    came: Mapping[str, datetime] = field(default_factory=dict)
    coming: Mapping[str, datetime] = field(default_factory=dict)
    traps: Mapping[str, datetime] = field(default_factory=dict)


def reading(scenario: Scenario, facts: Facts, attempts: Sequence[Attempt]) -> Reading:
    """What is to be seen of a case now."""
    values: dict[str, Value] = {
        name: _seen(scenario.signs[name], facts, attempts) if name in scenario.signs else facts.get(name)
        for name in scenario.names_read
    }
    acts = {record.act for record in facts.case.records}
    return Reading(values, frozenset(acts | {step.move for step in facts.case.steps}))


def watch(scenario: Scenario, table: Table, readings: Sequence[Reading], now: datetime) -> Table:
    """The table as it stands now: what has come, what is to come, what it has fallen into."""
    came, coming = dict(table.came), dict(table.coming)
    for key, inject in scenario.injects.items():
        if key in came:
            continue
        if key not in coming and _is_called(inject, table.begun, readings, now):
            coming[key] = now + (duration(inject.delay or "0m") or now - now)
        if key in coming and coming[key] <= now:
            came[key] = coming.pop(key)
    fallen = {
        key: now for key, trap in scenario.traps.items() if key not in table.traps and _holds(trap.when, readings)
    }
    return replace(table, came=came, coming=coming, traps={**table.traps, **fallen})


def next_moment(scenario: Scenario, table: Table, after: datetime) -> datetime | None:
    """When, by the clock alone, something will come next."""
    waits = (duration(inject.at) for key, inject in scenario.injects.items() if inject.at and key not in table.came)
    moments = [*table.coming.values(), *(table.begun + wait for wait in waits if wait is not None)]
    return min((moment for moment in moments if moment > after), default=None)


def _is_called(inject: Inject, begun: datetime, readings: Iterable[Reading], now: datetime) -> bool:
    wait = duration(inject.at) if inject.at else None
    if wait is not None and now < begun + wait:
        return False
    if inject.after is not None and not any(inject.after in one.done for one in readings):
        return False
    return inject.when is None or _holds(inject.when, readings)


def _holds(condition: Condition, readings: Iterable[Reading]) -> bool:
    return any(condition.holds(one.values) for one in readings)


def _seen(sign: Sign, facts: Facts, attempts: Iterable[Attempt]) -> bool:
    return _count(sign, facts, attempts) >= sign.times


def _count(sign: Sign, facts: Facts, attempts: Iterable[Attempt]) -> int:
    case, protocol = facts.case, facts.protocol
    if sign.act is not None:
        records = case.records_of(sign.act)
        return sum(sign.where is None or sign.where.holds(record_values(protocol, record)) for record in records)
    if sign.move is not None:
        return sum(step.move == sign.move for step in case.steps)
    if sign.danger is not None:
        return sum(life.danger == sign.danger for life in case.dangers)
    if sign.missed is not None:
        return _missed(sign.missed, facts)
    return sum(one.name == sign.refused and (sign.need is None or sign.need in one.why) for one in attempts)


def _missed(name: str, facts: Facts) -> int:
    """How many counts of a deadline, or of those of a duty, ran out before they were met."""
    duty = facts.protocol.duties.get(name)
    counts = [due for key in (duty.deadlines if duty else (name,)) for due in counts_of(facts, key)]
    return sum(
        (due.is_open and due.due_at <= facts.now) or (due.met_at is not None and due.met_at > due.due_at)
        for due in counts
    )
