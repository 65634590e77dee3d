"""What a row finds, what it is to reach, and why it could not be measured."""

from __future__ import annotations

from dataclasses import dataclass


class Skipped(Exception):
    """A row cannot be measured on this machine; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Goal:
    """At most so much: of the ratio, or of the figure itself; `also` is asked besides."""

    most: float
    unit: str = "×"
    also: Goal | None = None

    def is_reached(self, outcome: Outcome) -> bool:
        found = outcome.ratio if self.unit == "×" else outcome.figure
        return found <= self.most and (self.also is None or self.also.is_reached(outcome))

    def __str__(self) -> str:
        own = f"≤ {self.most:g} {self.unit}"
        return f"{own}, {self.also}" if self.also else own


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row found; `notes` are what a reader needs to judge it."""

    figure: float
    baseline: float
    ratio: float
    ratios: tuple[float, ...] = ()
    notes: str = ""
