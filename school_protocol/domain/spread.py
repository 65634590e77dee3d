"""Tables beside each other: what each of them marked, took and did, and how far they lie apart; nothing is averaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from school_protocol.domain.findings import Debrief, Kind
from school_protocol.domain.reliving import Verdict
from school_protocol.domain.texts import Text

Value = int | timedelta | Verdict | bool | None
_FIRST = (Verdict.failed, Verdict.open, Verdict.suspended, Verdict.passed, Verdict.excused, Verdict.not_asked)
"""Of several cases of a table, the verdict that is told."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing, and what each table has of it; None: nothing."""

    part: str
    """`items` of a grid, `grids` (points), `levels`, `measures`, `duties`, `dangers` (time until raised) or `traps`."""
    key: str
    title: Text | None
    values: tuple[Value, ...]
    spread: int | timedelta | None = None
    """The greatest less the least, of at least two tables."""
    distinct: int = 0
    """How many different values there are among those that are known."""
    grid: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """`tables` are the names of the columns."""

    tables: tuple[str, ...]
    rows: tuple[Row, ...]

    def of(self, *parts: str) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.part in parts)


def compare(debriefs: Mapping[str, Debrief]) -> Spread:
    """These tables, by their names, side by side: tables of one scenario on one version of its protocol."""
    told = tuple(debriefs.values())
    return Spread(tuple(debriefs), tuple(_rows(told)) if told else ())


def _rows(told: Sequence[Debrief]) -> Iterator[Row]:
    yield from _grids(told)
    first = told[0]
    for key, title in {one.key: one.title for one in first.measures}.items():
        yield _of("measures", key, title, [_taken(one, key) for one in told])
    for key, duty in first.protocol.duties.items():
        yield _of("duties", key, duty.title, [_verdict(one, key) for one in told])
    for key, danger in first.protocol.dangers.items():
        if any(seen.danger == key for one in told for seen in one.dangers):
            yield _of("dangers", key, danger.title, [_raised(one, key) for one in told])
    for key, trap in (first.scenario.traps if first.scenario else {}).items():
        yield _of("traps", key, trap.title, [_fell(one, key) for one in told])


def _grids(told: Sequence[Debrief]) -> Iterator[Row]:
    for key, grid in told[0].protocol.grids.items():
        latest = [next((seen for seen in reversed(one.grids) if seen.grid == key), None) for one in told]
        if not any(latest):
            continue
        for item, declared in grid.items.items():
            yield _of("items", item, declared.title, [seen.marks.get(item) if seen else None for seen in latest], key)
        yield _of("grids", key, grid.title, [seen.high if seen else None for seen in latest], key)
        yield _of("levels", key, None, [seen.level if seen else None for seen in latest], key)


def _of(part: str, key: str, title: Text | None, values: Sequence[Value], grid: str = "") -> Row:
    known: list[Hashable] = [one for one in values if one is not None]
    spread: int | timedelta | None = None
    numbers = [one for one in values if type(one) is int]
    times = [one for one in values if isinstance(one, timedelta)]
    if len(numbers) > 1:
        spread = max(numbers) - min(numbers)
    elif len(times) > 1:
        spread = max(times) - min(times)
    return Row(part, key, title, tuple(values), spread, len(set(known)), grid)


def _taken(one: Debrief, key: str) -> timedelta | None:
    return next((each.taken for each in one.measures if each.key == key and each.taken is not None), None)


def _verdict(one: Debrief, key: str) -> Verdict | None:
    found = [line.verdict for line in one.duties if line.duty == key]
    return min(found, key=_FIRST.index, default=None)


def _raised(one: Debrief, key: str) -> timedelta | None:
    return next((seen.after for seen in one.dangers if seen.danger == key and seen.after is not None), None)


def _fell(one: Debrief, key: str) -> bool:
    return any(finding.key == key for finding in one.of(Kind.trap))


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one grid: how many tables filled it in, how many of them came to the level that most came to."""

    tables: int
    agree: int
    levels: int
    """How many different levels they came to."""
    apart: int
    """Points between the least and the greatest."""


def agreements(told: Sequence[Debrief]) -> Mapping[str, Agreement]:
    """Each grid that a table filled in; counts alone, of no table by itself."""
    found: dict[str, Agreement] = {}
    for key in told[0].protocol.grids if told else ():
        latest = [next((seen for seen in reversed(one.grids) if seen.grid == key), None) for one in told]
        levels = Counter(seen.level for seen in latest if seen)
        points = [seen.high for seen in latest if seen]
        if points:
            found[key] = Agreement(len(points), max(levels.values()), len(levels), max(points) - min(points))
    return found
