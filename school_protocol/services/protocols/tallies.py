"""What comes of a passage, in numbers: outcomes by version, with their reasons; and those numbers as they may be told.

Of a draft, no number under FEWEST is told: one person alone writes it, and could ask of the cases whatever they like.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from school_protocol.domain.moving import Ground, Outcome, Weighed
from school_protocol.services.protocols.moving import FEWEST, PartLine, codes_of, part_lines
from school_protocol.storage.passages import Tally

MOVED, UNREAD = "moved", "unread"
OUTCOMES = (MOVED, Outcome.moves.value, Outcome.asks.value, Outcome.stays.value, UNREAD)


class Counting:
    """A tally that goes on: outcomes, their reasons, and the parts of the protocol that they come from."""

    def __init__(self, tally: Tally) -> None:
        self.tally: dict[str, dict[str, Any]] = {
            version: {key: dict(value) if isinstance(value, Mapping) else value for key, value in counted.items()}
            for version, counted in tally.items()
        }

    def add(self, version: int, found: Weighed | None, *, is_moved: bool = False) -> None:
        """One case; without `found` it could not be read."""
        counted = self.tally.setdefault(str(version), {"total": 0})
        outcome = UNREAD if found is None else MOVED if is_moved else found.outcome.value
        counted[outcome] = counted.get(outcome, 0) + 1
        if found is None or is_moved:
            return
        reasons, parts = counted.setdefault("reasons", {}), counted.setdefault("parts", {})
        for code in codes_of(found):
            reasons[f"{outcome}:{code}"] = reasons.get(f"{outcome}:{code}", 0) + 1
        for ground in dict.fromkeys(ground for ground in found.grounds if ground.key):
            name = f"{ground.code}:{ground.part}:{ground.key}"
            parts[name] = parts.get(name, 0) + 1


def gone_through(tally: Tally) -> int:
    """How many cases were met."""
    return int(sum(counted.get(outcome, 0) for counted in tally.values() for outcome in OUTCOMES))


def total_of(tally: Tally) -> int:
    """How many there were when it began; cases that came to the version since count as they are met."""
    return max(sum(int(counted.get("total", 0)) for counted in tally.values()), gone_through(tally))


def asked(tally: Tally) -> list[str]:
    """The reasons for which a decision is needed, most cases first."""
    counted: Counter[str] = Counter()
    for one in tally.values():
        for name, number in one.get("reasons", {}).items():
            outcome, _, code = name.partition(":")
            if outcome == Outcome.asks.value:
                counted[code] += number
    return [code for code, _number in counted.most_common()]


class How(StrEnum):
    """How exactly a number is told."""

    exact = "exact"
    least = "least"
    """So many at least: what the other numbers tell already."""
    few = "few"
    """Fewer than FEWEST."""
    some = "some"


@dataclass(frozen=True, slots=True)
class Count:
    """How many cases; `number` is 0 where it is not told."""

    number: int
    how: How = How.exact


FEW, SOME = Count(0, How.few), Count(0, How.some)
Told = Mapping[str, Count]


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """What becomes of how many cases, and why."""

    outcome: str
    count: Count
    reasons: tuple[tuple[str, Count], ...] = ()


@dataclass(frozen=True, slots=True)
class VersionLine:
    """The open cases of one version."""

    version: int
    total: int
    lines: tuple[OutcomeLine, ...]


def lines_of(tally: Tally, *, blurs: bool) -> Iterator[VersionLine]:
    """What becomes of the cases of each version; `blurs` where small numbers are not to be told."""
    for version in sorted(tally, key=int):
        counted = tally[version]
        found = {outcome: int(counted[outcome]) for outcome in OUTCOMES if counted.get(outcome)}
        counts = blurred(found) if blurs else exactly(found)
        lines = tuple(
            OutcomeLine(outcome, count, tuple(_why(_reasons(counted, outcome), count, blurs=blurs).items()))
            for outcome, count in counts.items()
        )
        yield VersionLine(int(version), max(counted.get("total", 0), sum(found.values())), lines)


def _reasons(counted: Mapping[str, Any], outcome: str) -> dict[str, int]:
    """Reason → cases of that outcome, most of them first."""
    found = {
        name.partition(":")[2]: int(number)
        for name, number in counted.get("reasons", {}).items()
        if name.partition(":")[0] == outcome
    }
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def exactly(counts: Mapping[str, int]) -> Told:
    """The numbers as they are."""
    return {key: Count(number) for key, number in counts.items()}


def blurred(counts: Mapping[str, int]) -> Told:
    """Numbers that add up to one that is known, so told that none under FEWEST can be worked out.

    Beside a small number the first of the others is told as what the rest tells already; which one says nothing of it.
    """
    few = [key for key, number in counts.items() if number < FEWEST]
    if not few:
        return exactly(counts)
    if len(counts) == 1:
        return dict.fromkeys(counts, FEW)
    first = next((key for key in counts if key not in few), None)
    exact = sum(number for key, number in counts.items() if key not in few and key != first)
    unsaid = sum(counts.values()) - exact
    if first is None or unsaid < 2 * FEWEST:
        return dict.fromkeys(counts, SOME)
    least = max(unsaid - (FEWEST - 1) * len(few), FEWEST)
    return {
        key: FEW if key in few else Count(least, How.least) if key == first else Count(number)
        for key, number in counts.items()
    }


def _why(reasons: Mapping[str, int], count: Count, *, blurs: bool) -> Told:
    """In how many cases of an outcome each reason is found: all numbers, or none of them.

    A case may have several reasons, and has one at least: beside a small number any other would tell something of it.
    """
    is_open = count.how is How.exact and min(reasons.values(), default=0) >= FEWEST
    return exactly(reasons) if is_open or not blurs else dict.fromkeys(reasons, SOME)


def parts_of(tally: Tally) -> Iterator[PartLine]:
    """The parts of the protocol that keep cases back, over all versions together."""
    return part_lines(_grounds(tally), gone_through(tally))


def often(tally: Tally) -> Iterator[Ground]:
    """The parts of the protocol that keep FEWEST cases back at least, most of them first; in how many is not told."""
    return (ground for ground, number in _grounds(tally).most_common() if number >= FEWEST)


def _grounds(tally: Tally) -> Counter[Ground]:
    counted: Counter[Ground] = Counter()
    for one in tally.values():
        for name, number in one.get("parts", {}).items():
            code, part, key = name.split(":", 2)
            counted[Ground(code, part, key)] += number
    return counted
