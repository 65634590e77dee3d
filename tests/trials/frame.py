"""What a trial is: how often something was tried, what did not hold, and whether it sees the fault planted for it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import trials


class Size(StrEnum):
    """How much is tried: a few in every run of the tests, all of it by `./run trials`."""

    short = "short"
    whole = "whole"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`tried` things, by `unit`; `faults` are those that did not hold, each a sentence.

    `planted` is how many faults were put in on purpose, `found` how many of these the trial reported.
    """

    tried: int
    unit: str
    faults: tuple[str, ...]
    planted: int
    found: int

    @property
    def holds(self) -> bool:
        """Something was tried, nothing failed, and every planted fault was seen."""
        return self.tried > 0 and not self.faults and self.planted > 0 and self.found == self.planted


@dataclass(frozen=True, slots=True)
class Trial:
    """`run` takes the size and an empty folder of its own; `goal` is how many must be tried by the whole form."""

    name: str
    what: str
    goal: int
    run: Callable[[Size, Path], Outcome]


def every() -> dict[str, Trial]:
    """The trials of this folder: each module but those of the frame says its own as `TRIALS`."""
    return {trial.name: trial for trial in _found()}


def _found() -> Iterator[Trial]:
    for module in pkgutil.iter_modules(trials.__path__, "trials."):
        name = module.name.rpartition(".")[2]
        if not name.startswith(("test_", "__")):
            yield from getattr(importlib.import_module(module.name), "TRIALS", ())
