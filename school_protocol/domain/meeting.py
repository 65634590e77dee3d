"""By which acts a need can still be met, as the record of a case stands."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from school_protocol.domain.conditions import Value
from school_protocol.domain.facts import Facts, Supposing
from school_protocol.domain.protocol import Fact, FactType, Need


def acts_that_meet(facts: Facts, need: Need) -> tuple[str, ...]:
    """Those of its acts of which one alone may make it hold, whatever is answered; all of them, where none can."""
    return tuple(act for act in need.met_by if _may_meet(facts, need, act)) or need.met_by


def _may_meet(facts: Facts, need: Need, act: str) -> bool:
    read = {name: facts.protocol.facts[name] for name in need.when.names}
    if not any(_is_told_by(fact, act) for fact in read.values()):
        return True  # it meets it in a way of its own
    free = {name: tuple(_values(need, name, fact)) for name, fact in read.items() if _may_change(fact, act)}
    return any(
        need.when.holds(Supposing(facts, dict(zip(free, values, strict=True)))) for values in product(*free.values())
    )


def _may_change(fact: Fact, act: str) -> bool:
    """Whether the fact is told by that act, or by no act in so many words."""
    return _is_told_by(fact, act) or not fact.from_


def _is_told_by(fact: Fact, act: str) -> bool:
    days = (*fact.days.since, *fact.days.until) if fact.days is not None else ()
    return any(source.act == act for source in (*fact.from_, *days))


def _values(need: Need, name: str, fact: Fact) -> Iterator[Value]:
    """Values that tell apart all that the need says of the fact."""
    if fact.type is FactType.bool:
        yield from (True, False)
    elif fact.type is FactType.enum:
        yield from fact.values
    else:
        yield from sorted({0, *(number + more for number in need.when.numbers(name) for more in (-1, 0, 1))})
