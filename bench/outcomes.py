"""What a row finds, what it is to reach, and why it could not be measured."""

from __future__ import annotations

from dataclasses import dataclass


class Skipped(Exception):
    """A row cannot be measured on this machine; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Goal:
    """At most so much: of the ratio, or of the figure itself."""

    most: float
    unit: str = "×"

    def is_reached(self, outcome: Outcome) -> bool:
        return (outcome.ratio if self.unit == "×" else outcome.figure) <= self.most

    def __str__(self) -> str:
        return f"≤ {self.most:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row found; `notes` are what a reader needs to judge it."""

    figure: float
    baseline: float
    ratio: float
    ratios: tuple[float, ...] = ()
    notes: str = ""
