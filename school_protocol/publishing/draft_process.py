"""What a draft does: its proof, and the stored simulated cases played on it beside the version before.

It takes a minute or more, so it runs in a process of its own; what comes back is plain values. What bounds it are steps
and memory, the same on every machine: never the time, which says how busy one is.
"""

from __future__ import annotations

import json
import pickle
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from school_protocol.cases.story_player import Played, Player, Step, stories_of, throwaway
from school_protocol.cases.story_player import Story as StoredCase
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.engine.texts import Text
from school_protocol.proof.presenters import with_lines
from school_protocol.proof.prove import prove
from school_protocol.proof.state_space import Beat, Proof, Result, Story, Verdict
from school_protocol.protocol.reader import read

Report = dict[str, Any]
Prover = Callable[[Protocol], Proof]
Examine = Callable[[bytes, bytes | None], Report]

MEMORY_MOST = 1024 * 2**20
"""Bytes that the process may hold: six times what it takes for the largest definition that is shipped."""
ALIVE_SECONDS = 30.0
"""So often whoever waits for it says that it is still at it."""
START = datetime(2000, 1, 1, tzinfo=UTC)
UNFINISHED: Report = {"unfinished": True}


class Stopped(SchoolProtocolError):
    """The process was stopped from outside: that says nothing of the definition."""


def examined_apart(content: bytes, before: bytes | None, *, alive: Callable[[], object] = lambda: None) -> Report:
    """The report on a draft, from a process of its own; `unfinished` where that broke down. Raises Stopped.

    `alive` is called from time to time while it goes on.
    """
    command = [sys.executable, "-m", __name__]
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing) as process:  # noqa: S603 - our own module
        try:
            out = _heard(process, pickle.dumps((content, before, MEMORY_MOST)), alive)
        finally:
            process.kill()
    if process.returncode < 0:
        raise Stopped(str(process.returncode))
    try:
        report: Report = json.loads(out)
    except ValueError:
        return dict(UNFINISHED)
    return report


def _heard(process: subprocess.Popen[bytes], told: bytes | None, alive: Callable[[], object]) -> bytes:
    while True:
        try:
            return process.communicate(told, timeout=ALIVE_SECONDS)[0]
        except subprocess.TimeoutExpired:
            told = None
            alive()


def examined(content: bytes, before: bytes | None, prover: Prover | None = None) -> Report:
    """The report on a draft: its proof, and each stored case as it goes on the draft and went on the version before."""
    protocol = read(content, "draft")
    earlier = read(before, "current", checks=False) if before else None
    return {
        "proof": proof_out(with_lines((prover or _prove)(protocol), protocol, content)),
        "stories": [
            _played(name, story, (protocol, content), (earlier, before) if earlier and before else None)
            for name, story in stories_of(protocol.protocol)
        ],
    }


def _prove(protocol: Protocol) -> Proof:
    return prove(protocol)


# ---- the stored cases ----------------------------------------------------------------------------------------------


def _played(
    name: str, story: StoredCase, draft: tuple[Protocol, bytes], before: tuple[Protocol, bytes] | None
) -> Report:
    """How one case goes: the first step that goes otherwise than before (or than the story says), and how."""
    title = dict(story.title.root) if isinstance(story.title, Text) else story.title or name
    line: Report = {"story": name, "title": title, "steps": len(story.steps)}
    now = _outcomes(draft, story.steps)
    then = _outcomes(before, story.steps) if before else iter(())
    for number, step in enumerate(story.steps, 1):
        one, other = next(now), next(then, None)
        how = _otherwise(one, other)
        if how:
            return {**line, "step": number, "as": str(step.get("as", "")), "do": str(step.get("do", "")), **how}
    return line


def _outcomes(version: tuple[Protocol, bytes], steps: Sequence[Step]) -> Iterator[Played | str | None]:
    """What each step did: nothing where it only turns the clock, a message where it can't be played."""
    protocol, content = version
    with throwaway(protocol, content, START) as player:
        for step in steps:
            yield _one(player, step)


def _one(player: Player, step: Step) -> Played | str | None:
    before = len(player.played)
    try:
        player.play([step])
    except SchoolProtocolError as error:
        return str(error)
    return player.played[-1] if len(player.played) > before else None


def _otherwise(one: Played | str | None, other: Played | str | None) -> Report:
    """In what a step differs; empty where it goes as before. Without a version before, the story's word counts."""
    if isinstance(one, str):
        return {} if isinstance(other, str) else {"how": "broken", "why": one}
    if one is None or isinstance(other, str):
        return {} if one is None else {"how": "taken"}
    if other is None:
        return {} if one.went_as_said else _refusal(one)
    if (one.refused, one.problems) != (other.refused, other.problems):
        return _refusal(one)
    if one.state != other.state:
        return {"how": "state", "before": other.state, "after": one.state}
    if one.level != other.level:
        return {"how": "level", "before": other.level, "after": one.level}
    if one.events != other.events:
        return {"how": "events", "before": list(other.events), "after": list(one.events)}
    moved = [key for key in {**other.dues, **one.dues} if one.dues.get(key) != other.dues.get(key)]
    if moved:
        key = moved[0]
        return {"how": "due", "due": key.partition(":")[0], "before": other.dues.get(key), "after": one.dues.get(key)}
    return {}


def _refusal(one: Played) -> Report:
    if one.refused:
        return {"how": "refused", "needs": list(one.refused)}
    return {"how": "problems", "fields": list(one.problems)} if one.problems else {"how": "taken"}


# ---- a proof as plain values ---------------------------------------------------------------------------------------


def proof_out(proof: Proof) -> Report:
    results = [
        {
            **asdict(result),
            "verdict": result.verdict.value,
            "sentence": dict(result.sentence.root) if result.sentence else None,
            "lines": list(result.lines),
        }
        for result in proof.results
    ]
    return {"results": _plain(results), "combinations": proof.combinations, "seconds": proof.seconds}


def _plain(value: Any) -> Any:
    """As JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def proof_in(kept: Mapping[str, Any]) -> Proof:
    return Proof(
        results=tuple(_result(each) for each in kept["results"]),
        combinations=kept["combinations"],
        seconds=kept["seconds"],
    )


def _result(kept: Mapping[str, Any]) -> Result:
    return Result(
        property=kept["property"],
        verdict=Verdict(kept["verdict"]),
        subject=kept["subject"],
        sentence=Text(kept["sentence"]) if kept["sentence"] else None,
        story=_story(kept["story"]) if kept["story"] else None,
        lines=tuple(kept["lines"]),
        combinations=kept["combinations"],
    )


def _story(kept: Mapping[str, Any]) -> Story:
    beats = (Beat(**{**beat, "departs": tuple(beat["departs"])}) for beat in kept["beats"])
    return Story(**{**kept, "beats": tuple(beats), "unmet": tuple(kept["unmet"])})


def main() -> None:
    content, before, memory = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - from our own process
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    json.dump(examined(content, before), sys.stdout)


if __name__ == "__main__":
    main()
