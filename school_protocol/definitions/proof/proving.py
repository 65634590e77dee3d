"""The whole proof of one definition."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from time import perf_counter

from school_protocol.definitions.proof import going_on, nevers, parts
from school_protocol.definitions.proof.answering import TooMany
from school_protocol.definitions.proof.subject import Limits, Subject
from school_protocol.definitions.proof.verdicts import STEPS, LimitReached, Proof, Result, Verdict
from school_protocol.domain.protocol import Protocol

_CHAPTERS: tuple[tuple[str, Callable[[Subject], Iterator[Result]]], ...] = (
    ("going_on", going_on.results),
    ("nevers", nevers.results),
    ("parts", parts.results),
)


def prove(protocol: Protocol, *, steps: int = STEPS, combinations: int = 400_000, only: Collection[str] = ()) -> Proof:
    """Every property of a definition, each held, failed with a story, or not proven within the limits.

    With `only`, no others than these are asked for, as far as they are proven apart: such a proof says nothing more.
    """
    begun = perf_counter()
    subject = Subject(protocol, Limits(combinations, steps), only)
    results: list[Result] = []
    for name, chapter in _CHAPTERS:
        try:
            results += chapter(subject)
        except (TooMany, LimitReached) as limit:
            results.append(Result(name, Verdict.not_proven, str(limit)))
    explored = sum(result.combinations for result in results)
    return Proof(tuple(results), explored, perf_counter() - begun)
