"""Where a fault stands in the file, and its story as a script that `definitions rehearse` plays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import yaml

from school_protocol.definitions.proof.replaying import BEGIN, OTHER_CASE
from school_protocol.definitions.proof.verdicts import Beat, Proof, Result, Story, Verdict
from school_protocol.definitions.reading import lines_of
from school_protocol.domain.protocol import Protocol

_PARTS = ("moves", "acts", "needs", "states", "deadlines", "roles", "grids")
_BETWEEN = "5m"
"""What passes between two steps, as on the proof's own stage."""


def with_lines(proof: Proof, protocol: Protocol, data: bytes) -> Proof:
    """The proof, each fault with the lines of the moves and other parts that it is about."""
    return replace(proof, results=tuple(_placed(result, protocol, data) for result in proof.results))


def _placed(result: Result, protocol: Protocol, data: bytes) -> Result:
    if result.verdict is Verdict.held:
        return result
    paths = list(dict.fromkeys(_paths(result, protocol)))
    return replace(result, lines=tuple(sorted(set(lines_of(data, paths).values()))))


def _paths(result: Result, protocol: Protocol) -> Iterator[tuple[str | int, ...]]:
    part, _, key = result.property.partition(".")
    if key:
        yield part, key
    for piece in result.subject.split(":"):
        yield from ((name, piece.strip()) for name in _PARTS if piece.strip() in getattr(protocol, name))
    if result.story is not None:
        yield from (("moves", beat.do) for beat in result.story.beats if beat.kind == "move")


def script_of(story: Story) -> str:
    """The story as a script: YAML, step by step."""
    steps = [{"at": f"{BEGIN:%Y-%m-%dT%H:%M}+00:00"}, *(_step(beat) for beat in story.beats)]
    dumped: str = yaml.safe_dump(steps, allow_unicode=True, sort_keys=False, width=120)
    return dumped


def _step(beat: Beat) -> dict[str, Any]:
    if beat.kind == "clock":
        return {"advance": f"{beat.days}d"}
    who = beat.role if beat.person == 1 else f"{beat.role}/{beat.person}"
    step: dict[str, Any] = {"advance": _BETWEEN, "as": who, "do": beat.do}
    if beat.kind == "act" and beat.answers:
        step["answers"] = {key: _written(value) for key, value in beat.answers.items()}
    if beat.kind == "move":
        step["reason"] = "…"
        if beat.departs:
            step["depart"] = dict.fromkeys(beat.departs, "…")
    return step


def _written(value: Any) -> Any:
    """An answer as scripts write it: plain text, people by their role."""
    if isinstance(value, Mapping):
        return {str(key): _written(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_written(one) for one in value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "#other" if value == OTHER_CASE else str(value)
