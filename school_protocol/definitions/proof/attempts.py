"""How often, and how, a way is played before it is given up: with other levels, and with answers that needs ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from school_protocol.definitions.proof.answering import constants
from school_protocol.definitions.proof.replaying import Preferred, Stage
from school_protocol.domain.conditions import Condition, Value
from school_protocol.domain.facts import Facts
from school_protocol.domain.protocol import Fact, Fold, Protocol, Source

_MOST = 12
"""Stages on which one way is played besides, for what was refused."""


def attempts(protocol: Protocol, wanted: Condition | None = None, favoured: Collection[str] = ()) -> Iterator[Stage]:
    """Stages to play one way on, until it arrives: what a need refused on one is answered otherwise on the next.

    `wanted`: what should hold in the end; answers that may lead to it are tried first. Whoever is `favoured` acts
    wherever it may.
    """
    levels = sorted({level for grid in protocol.grids.values() for level in grid.levels})
    hopeful = list(_answers_for(protocol, wanted)) if wanted is not None else []
    waiting: list[tuple[int | None, Preferred]] = [
        (level, preferred) for preferred in (*hopeful, {}) for level in (None, *levels)
    ]
    most = len(waiting) + _MOST
    for level, preferred in waiting:
        stage = Stage(protocol, level, preferred, favoured)
        yield stage
        for more in (one for need in stage.refused for one in _answers_for(protocol, protocol.needs[need].when)):
            joined = {act: {**preferred.get(act, {}), **more.get(act, {})} for act in {**preferred, **more}}
            if len(waiting) < most and (level, joined) not in waiting:
                waiting.append((level, joined))


def _answers_for(protocol: Protocol, condition: Condition) -> Iterator[Preferred]:
    """Answers to earlier acts that may make a condition hold."""
    for name in sorted(condition.names):
        fact = protocol.facts[name]
        for source in fact.from_:
            if source.act:
                yield from ({source.act: given} for given in _feeding(protocol, fact, source, source.act, condition))


def _feeding(
    protocol: Protocol, fact: Fact, source: Source, act: str, condition: Condition
) -> Iterator[Mapping[str, Any]]:
    """Answers to one act that give the fact a value of which the condition may hold."""
    values = _values(fact, source)
    if not any(condition.truth({fact.key: value}) is not False for value in values):
        return
    fields = protocol.form_of(act).by_key
    if source.field and source.value is None and source.field in fields:
        good = [value for value in values if condition.truth({fact.key: value}) is not False]
        yield from ({source.field: _written(value)} for value in good)
    if source.where is None:
        return
    for name in sorted(source.where.names & fields.keys()):
        named: list[Value] = [*sorted(constants(source.where, name)), True, False]
        yield from ({name: _written(value)} for value in named if source.where.truth({name: value}) is True)


def _values(fact: Fact, source: Source) -> tuple[Value, ...]:
    """What this source may make of the fact."""
    if source.value is not None:
        return (Facts.typed(fact, source.value),)
    if fact.fold is Fold.ever:
        return (True,)
    if source.field:
        return tuple(Facts.typed(fact, value) for value in fact.values) or (True, False)
    return (True,)


def _written(value: Value) -> Any:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
