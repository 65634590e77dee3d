"""Anybody does anything, in any order, through the real services: the stateful test of the services, for longer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.telling import MOROCCAN, SMALL
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from services.test_walk import Walk
from sqlalchemy import true

from school_protocol.cases import index_repository
from school_protocol.protocol.reader import read
from school_protocol.storage import idempotency
from trials.frame import Outcome, Size, Trial

TRIED = {Size.short: ((SMALL, 1, 6),), Size.whole: ((MOROCCAN, 200, 40), (SMALL, 200, 40))}
PLANT_TRIED = {Size.short: 5, Size.whole: 20}


def run(size: Size, folder: Path) -> Outcome:
    """Walks through the shipped definition and the small one; then through one in which something is broken."""
    steps, faults = 0, []
    for file, examples, length in TRIED[size]:
        went, fault = _walked(file, examples, length, size is Size.whole)
        steps += went
        faults += [f"{file.parent.name}: {fault}"] if fault else []
    plants = PLANTS[: 1 if size is Size.short else len(PLANTS)]
    found = 0
    for plant, file in plants:
        with plant():
            found += bool(_walked(file, PLANT_TRIED[size], 12, False)[1])
    return Outcome(steps, "steps", tuple(faults), len(plants), found)


def _walked(file: Path, examples: int, length: int, is_random: bool) -> tuple[int, str]:
    """How many steps were gone, and what did not hold."""
    content = file.read_bytes()
    steps = [0]

    def do(self: Any, *told: Any) -> bool:
        steps[0] += 1
        return Walk.do(self, *told)

    walk = type("WalkOn", (Walk,), {"content": content, "protocol": read(content, file.name), "do": do})
    how = settings(
        max_examples=examples, stateful_step_count=length, derandomize=not is_random, phases=[Phase.generate],
        deadline=None, database=None, print_blob=False, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        run_state_machine_as_test(walk, settings=how)
    except Exception as error:
        first: BaseException = error
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        return steps[0], f"{type(error).__name__}: {type(first).__name__}: {str(first)[:400]}"
    return steps[0], ""


@contextmanager
def _index_forgotten() -> Iterator[None]:
    """Every fifth index row is not written anew."""
    write, told = index_repository.write, [0]

    def careless(*args: Any, **more: Any) -> Any:
        told[0] += 1
        return None if told[0] % 5 == 0 else write(*args, **more)

    with patch.object(index_repository, "write", careless):
        yield


@contextmanager
def _press_forgotten() -> Iterator[None]:
    """A press is not written down."""
    with patch.object(idempotency, "use", lambda *_args, **_more: None):
        yield


@contextmanager
def _exclusion_forgotten() -> Iterator[None]:
    """Whoever is excluded finds the case all the same."""
    with patch.object(index_repository, "_not_excluded", lambda _account: true()):
        yield


PLANTS = ((_index_forgotten, SMALL), (_press_forgotten, SMALL), (_exclusion_forgotten, MOROCCAN))
"""Each fault, and where it can be met: the small definition shuts nobody out."""

TRIALS = (Trial("walk", "whatever people do through the services, what must hold holds", 12_000, run),)
