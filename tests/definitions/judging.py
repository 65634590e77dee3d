"""What becomes of a mutant: refused by the checker, refused by the proof, or alive; and why that does no harm."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import DefinitionError
from school_protocol.proof.prove import prove
from school_protocol.proof.state_space import Proof, Verdict
from school_protocol.protocol.reader import read
from tests.definitions.mutating import Mutant, Tree, listed

UNREAD = re.compile(r"facts\.(\w+): declared but never read")
MOST = 12_000
"""Combinations of one walk: each that a shipped definition needs has fewer."""

REASONS: Mapping[str, str] = {
    "unlocked": "The need has no lock: whoever may make the move could go on without it before, "
        "with a reason that the case shows for ever.",
    "kept": "A property speaks of these facts, and holds all the same: another need, an earlier move "
        "or the urgent path sees to it.",
    "unpromised": "No property speaks of these facts: neither the design’s list nor the definition promises "
        "anything of them. Whoever wants a promise declares one.",
    "others": "Somebody else can: other roles or seats, or whoever stands in, do the same.",
    "another way": "Every state still has a way on and to an end, and nothing is promised of the way that is "
        "lost or changed.",
    "another deadline": "In every state in which a case waits some deadline still runs.",
    "length": "Only how long it takes changes; what the law fixes keeps its ceiling.",
    "open elsewhere": "It stays open in other states, every need can still be met, and nothing promises it here.",
    "another source": "Other records still feed the fact, so that every need can be met.",
    "meaning": "Which records feed a fact is what the fact means: properties are promised of facts.",
    "still two": "Two people are still needed for every end: another pair must differ, or an act with two "
        "signatures stands before it.",
    "harmless effect": "Nothing ends, and nobody is in more danger, by an effect that comes with every answer.",
}  # fmt: skip
"""Why a mutant that lives does no harm, by the name of the reason."""


@dataclass(frozen=True)
class Judged:
    """`by`: checker, proof or nobody. `faults`: property, verdict, subject; stories are counted, and those replayed."""

    name: str
    kind: str
    by: str
    faults: tuple[tuple[str, str, str], ...] = ()
    message: str = ""
    stories: int = 0
    replayed: int = 0

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties that do not hold, each once."""
        return tuple(dict.fromkeys(name for name, _verdict, _subject in self.faults))

    def row(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def of(row: str) -> Judged:
        found = json.loads(row)
        return Judged(**{**found, "faults": tuple((a, b, c) for a, b, c in found["faults"])})


def understood(data: Tree) -> Protocol:
    """The checked protocol; facts that nothing reads any more are taken out. Raises DefinitionError."""
    while True:
        text = json.dumps(data, ensure_ascii=False)
        try:
            return read(text.encode(), "mutant.yaml", kernel=False)
        except DefinitionError as error:
            unread = [found[1] for fault in error.faults if (found := UNREAD.match(fault.message))]
            if not unread or len(unread) < len(error.faults):
                raise
            data = {**data, "facts": {key: fact for key, fact in data["facts"].items() if key not in unread}}


def judged(data: Tree, mutant: Mutant) -> Judged:
    """What becomes of one mutant of a definition."""
    try:
        protocol = understood(mutant.of(data))
    except DefinitionError as error:
        return Judged(mutant.name, mutant.kind, "checker", message=error.faults[0].message)
    proof = prove(protocol, combinations=MOST)
    stories = [fault.story for fault in proof.faults if fault.verdict is Verdict.failed and fault.story is not None]
    return Judged(
        mutant.name, mutant.kind, "nobody" if proof.holds else "proof", faults_of(proof), "", len(stories),
        sum(story.replayed is True for story in stories),
    )  # fmt: skip


def faults_of(proof: Proof) -> tuple[tuple[str, str, str], ...]:
    return tuple((fault.property, fault.verdict.value, fault.subject) for fault in proof.faults)


# ---- why a survivor does no harm -------------------------------------------------------------------------------------


def reason(data: Tree, mutant: Mutant) -> str:
    """The name of the reason, worked out from the definition as it is written, not from its proof."""
    needs = [key for part, key in mutant.about if part == "needs"]
    facts = {name for need in needs for name in Condition(data["needs"][need]["when"]).names}
    facts |= {key for part, key in mutant.about if part == "facts"}
    match mutant.kind:
        case "need" | "lock" | "condition" if not any(_binds(data, need) for need in needs):
            return "unlocked"
        case "need" | "lock" | "condition" | "act need":
            return "kept" if facts & set(_spoken_of(data)) else "unpromised"
        case "fact":
            others = any(len(data["facts"][fact]["from"]) > 1 for fact in facts)
            return "another source" if ": not from" in mutant.name and others else "meaning"
        case "signature":
            return _of_signature(data, mutant)
        case "deadline":
            return "length" if ": value" in mutant.name or ": no max" in mutant.name else "another deadline"
    return _BY_KIND[mutant.kind]


_BY_KIND = {
    "role": "others", "trigger": "open elsewhere", "opening": "open elsewhere", "move": "another way",
    "since": "meaning", "effect": "harmless effect",
}  # fmt: skip


def _binds(data: Tree, need: str) -> bool:
    """Whether something that asks for the need can't be done without it: it has a lock, or an act asks for it."""
    acts = data["acts"].values()
    asked = {one for act in acts for one in listed(act.get("needs"))}
    asked |= {one for act in acts for rule in act.get("needs_when", ()) for one in listed(rule["needs"])}
    return "lock" in data["needs"][need] or need in asked


def _spoken_of(data: Tree) -> Iterator[str]:
    """Facts of which some property says something."""
    for one in (data.get("properties") or {}).values():
        if "never" in one:
            yield from Condition(one["never"]).names
    yield from (key for key, fact in data["facts"].items() if "raised" in _states_of(fact))


def _states_of(fact: Mapping[str, Any]) -> list[str]:
    return listed((fact.get("dangers") or {}).get("states"))


def _of_signature(data: Tree, mutant: Mutant) -> str:
    moves = [data["moves"][key] for part, key in mutant.about if part == "moves"]
    ends = [move for move in moves if "ended" in data["states"].get(move["to"], {})]
    if ends:
        return "still two"
    acts = {key for part, key in mutant.about if part == "acts"}
    fed = {
        key for key, fact in data["facts"].items() if acts & {source.get("act") for source in fact.get("from", ())}
    }  # fmt: skip
    return "kept" if fed & set(_spoken_of(data)) else "unpromised"
