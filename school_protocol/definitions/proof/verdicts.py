"""What a proof says: of each property whether it holds, and where not, a story that arrives at the fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from school_protocol.domain.texts import Text

STEPS = 200_000
"""Some minutes of one core; the Moroccan protocol takes fourteen thousand."""


class Steps:
    """How far a proof may still go: counted, not timed, so that the same file is proven on every machine."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> None:
        """Raises LimitReached where none is left."""
        self.left -= 1
        if self.left < 0:
            raise LimitReached("no step is left")


class LimitReached(Exception):
    """A proof would take more combinations, or more steps, than it may: nothing is proven."""


class Verdict(Enum):
    held = "held"
    failed = "failed"
    not_proven = "not_proven"
    """A limit was reached first: never taken for a proof."""


@dataclass(frozen=True, slots=True)
class Beat:
    """One step of a story: who does what, with which answers; or the clock turned by `days`."""

    role: str = ""
    do: str = ""
    kind: str = ""
    """`act`, `move` or `clock`."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    departs: tuple[str, ...] = ()
    days: int = 0
    person: int = 1
    """Which person of that role."""


@dataclass(frozen=True, slots=True)
class Story:
    """The shortest way found to a fault, and where the case then stands."""

    beats: tuple[Beat, ...]
    state: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The facts that decide, as they stand at the end."""
    unmet: tuple[str, ...] = ()
    """Needs that keep the ways on shut."""
    replayed: bool | None = None
    """Whether the engine's own `decide` took every step; None where nothing was to be replayed."""


@dataclass(frozen=True, slots=True)
class Result:
    """One property of one definition."""

    property: str
    """`end_reachable`, `no_end_in_danger` …, or `properties.KEY` where the definition declares it."""
    verdict: Verdict
    subject: str = ""
    """What it is about: a state, a move, an act, a role, a need."""
    sentence: Text | None = None
    """A declared property's own words."""
    story: Story | None = None
    lines: tuple[int, ...] = ()
    """Lines of the moves involved in the definition's file."""
    combinations: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """All results, how many combinations were explored, and in how many seconds."""

    results: tuple[Result, ...]
    combinations: int
    seconds: float

    @property
    def faults(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.verdict is not Verdict.held)

    @property
    def holds(self) -> bool:
        return not self.faults
