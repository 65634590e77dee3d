"""Small protocols changed at random, in one place or two: what a person who edits a definition could get wrong."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import DefinitionError
from school_protocol.protocol.reader import read
from tests.definitions.oracle_protocols import FAIR_ANSWERS, LEAK_ANSWERS, Answers, fair, leak

Spec = dict[str, Any]
WRITTEN: tuple[tuple[str, Callable[[], Spec], Answers], ...] = (
    ("leak", leak, LEAK_ANSWERS), ("fair", fair, FAIR_ANSWERS),
)  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One protocol, how it was changed, and the answers that its acts are given."""

    name: str
    protocol: Protocol
    answers: Answers


def read_spec(spec: Spec, name: str) -> Protocol:
    """The protocol. Raises DefinitionError."""
    return read(json.dumps(spec, ensure_ascii=False).encode(), name, kernel=False)


def mutants(seed: int, edits: tuple[int, ...] = (1, 2)) -> Iterator[Mutant]:
    """Changed protocols without end, each once; those that cannot even be read are left out."""
    rng, seen = random.Random(seed), set()
    while True:
        name, spec_of, answers = rng.choice(WRITTEN)
        spec, said = spec_of(), []
        for _edit in range(rng.choice(edits)):
            spec = copy.deepcopy(spec)
            said.append(rng.choice(_EDITS)(rng, spec))
        told = f"{name}: {'; '.join(said)}"
        if told not in seen and "" not in said:
            seen.add(told)
            try:
                yield Mutant(told, read_spec(spec, told), answers)
            except DefinitionError:
                continue


# ---- edits: each changes the definition, and says how; nothing where there is nothing to change ----------------------


def _drop_need(rng: random.Random, spec: Spec) -> str:
    return _drop(rng, "move", [(key, move["needs"]) for key, move in spec["moves"].items() if move.get("needs")])


def _add_need(rng: random.Random, spec: Spec) -> str:
    key = _manual(rng, spec)
    need = rng.choice(list(spec["needs"]))
    found = spec["moves"][key].setdefault("needs", [])
    if need in found:
        return ""
    found.append(need)
    return f"move {key} needs {need}"


_SWAPS = ((" == ", " != "), (" != ", " == "), (" >= 2", " >= 1"), (" >= 2", " >= 3"), (" == 0", " > 0"), ("not ", ""))


def _change_condition(rng: random.Random, spec: Spec) -> str:
    key = rng.choice(list(spec["needs"]))
    need, (old, new) = spec["needs"][key], rng.choice(_SWAPS)
    if old not in need["when"]:
        return ""
    need["when"] = need["when"].replace(old, new)
    return f"need {key}: {need['when']}"


def _change_lock(rng: random.Random, spec: Spec) -> str:
    key = rng.choice(list(spec["needs"]))
    spec["needs"][key].pop("lock", None)
    return f"need {key} unlocked"


def _move_to(rng: random.Random, spec: Spec) -> str:
    key, state = _manual(rng, spec), rng.choice(list(spec["states"]))
    move = spec["moves"][key]
    if state == move["to"]:
        return ""
    move["to"] = state
    return f"move {key} to {state}"


def _move_from(rng: random.Random, spec: Spec) -> str:
    key, state = rng.choice(list(spec["moves"])), rng.choice(list(spec["states"]))
    move = spec["moves"][key]
    before = [move["from"]] if isinstance(move["from"], str) else list(move["from"])
    move["from"] = [one for one in before if one != state] if state in before else [*before, state]
    return f"move {key} from {move['from']}" if move["from"] else ""


def _drop_move(rng: random.Random, spec: Spec) -> str:
    key = _manual(rng, spec)
    del spec["moves"][key]
    return f"no move {key}"


def _act_in(rng: random.Random, spec: Spec) -> str:
    key, state = _act(rng, spec), rng.choice(list(spec["states"]))
    act = spec["acts"][key]
    waiting = [one for one, found in spec["states"].items() if not found.get("ended")]
    before = [act["in"]] if isinstance(act["in"], str) else list(act["in"])
    wide = list(spec["states"]) if "any" in before else waiting if "open" in before else []
    before = [*(one for one in before if one not in ("any", "open")), *wide]
    act["in"] = [one for one in before if one != state] if state in before else [*before, state]
    return f"act {key} in {act['in']}" if act["in"] else ""


def _act_by(rng: random.Random, spec: Spec) -> str:
    return _by(rng, "act", spec["acts"], _act(rng, spec), spec)


def _move_by(rng: random.Random, spec: Spec) -> str:
    return _by(rng, "move", spec["moves"], _manual(rng, spec), spec)


def _signatures(rng: random.Random, spec: Spec) -> str:
    signed = [key for key, act in spec["acts"].items() if act.get("signatures")]
    if not signed:
        return ""
    act, wanted = spec["acts"][signed[0]], rng.choice(("1", "3"))
    act["signatures"] = wanted
    return f"act {signed[0]}: {wanted} signatures"


def _distinct(rng: random.Random, spec: Spec) -> str:
    found = [key for key, move in spec["moves"].items() if move.get("distinct")]
    if not found:
        return ""
    key = rng.choice(found)
    del spec["moves"][key]["distinct"]
    return f"move {key} by anybody"


def _since(rng: random.Random, spec: Spec) -> str:
    key = rng.choice(
        [key for key, fact in spec["facts"].items() if fact.get("from") and fact.get("fold") != "standing"]
    )
    since = rng.choice(("opening", "entry", None, {"entered": [rng.choice(list(spec["states"]))]}))
    fact = spec["facts"][key]
    if fact.get("since") == since:
        return ""
    fact.pop("since", None)
    if since is not None:
        fact["since"] = since
    return f"fact {key} since {since}"


def _where(rng: random.Random, spec: Spec) -> str:
    found = [(key, one) for key, fact in spec["facts"].items() for one in fact.get("from", ()) if one.get("where")]
    if not found:
        return ""
    key, source = rng.choice(found)
    del source["where"]
    return f"fact {key} anyhow"


def _settled(_rng: random.Random, spec: Spec) -> str:
    for key, danger in spec.get("dangers", {}).items():
        danger["settled_by"] = "judicial"
        return f"danger {key} settled by none"
    return ""


_EDITS: tuple[Callable[[random.Random, Spec], str], ...] = (
    _drop_need, _drop_need, _drop_need, _add_need, _add_need, _change_condition, _change_condition, _change_lock,
    _move_to, _move_to, _move_from, _move_from, _drop_move, _act_in, _act_in, _act_by, _move_by, _signatures,
    _distinct, _since, _since, _where, _settled,
)  # fmt: skip


def _act(rng: random.Random, spec: Spec) -> str:
    return rng.choice([key for key, act in spec["acts"].items() if act["in"] != "START"])


def _manual(rng: random.Random, spec: Spec) -> str:
    return rng.choice([key for key, move in spec["moves"].items() if not move.get("automatic")])


def _drop(rng: random.Random, what: str, found: list[tuple[str, list[Any]]]) -> str:
    if not found:
        return ""
    key, listed = rng.choice(found)
    gone = listed.pop(rng.randrange(len(listed)))
    return f"{what} {key} without {gone}"


def _by(rng: random.Random, what: str, parts: Spec, key: str, spec: Spec) -> str:
    part, role = parts[key], rng.choice(list(spec["roles"]))
    before = list(spec["roles"]) if part["by"] == "everyone" else list(part["by"])
    part["by"] = [one for one in before if one != role] if role in before else [*before, role]
    return f"{what} {key} by {part['by']}" if part["by"] else ""
