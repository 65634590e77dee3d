"""No case leaves what the proof has explored: random walks of the engine, and each of their steps, lie within it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from engine.telling import ROOT, SMALL, Told

from protocol.walking import Happened, Walk
from school_protocol.engine.case import Case
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.facts import Facts
from school_protocol.proof.effects import Effects, Image, is_free
from school_protocol.proof.reachability import Link, Node
from school_protocol.proof.state_space import counts_raised
from school_protocol.proof.subject import Limits, Subject
from school_protocol.protocol.reader import read as read_definition

SHIPPED = sorted(ROOT.glob("protocol_definitions/*/1.yaml"))
AROUND = (ActKind.correct, ActKind.exclude, ActKind.report, ActKind.sign)
"""Acts that reach into records made before."""


class Explored:
    """One set of facts told apart, and all combinations that a case can reach."""

    def __init__(self, subject: Subject, tracked: frozenset[str]) -> None:
        self.explorer = subject.explorer(tracked)
        self.explorer.explore()
        self.world = self.explorer.world
        self._next: dict[Node, list[tuple[Node, Link]]] = {}

    def node(self, case: Case | None, facts: Facts) -> Node:
        """Where the case stands among them. Raises ValueError where a fact is none of its classes."""
        assert case is not None
        inside = case.state in self.world.interruptions and case.before is not None
        places = tuple(self.world.domains[name].index(facts[name]) for name in self.world.names)
        return Node(case.state, case.before.state if inside and case.before else None, places)

    def has(self, node: Node) -> bool:
        return node in self.explorer.reached

    def leads(self, before: Node, happened: Happened, after: Node) -> bool:
        """Whether what happened can lead from one to another; of an entry taken back, the space alone says where."""
        if before == after or happened.kind == "undo":
            return True
        if happened.kind == "move":
            return any(node == after and link.move == happened.key for node, link in self._from(before))
        wide = happened.kind != "act" or self.world.protocol.acts[happened.key].kind in AROUND
        own = [node for node, link in self._from(before) if link.step and (wide or link.step.act == happened.key)]
        return after in own or (wide and any(node == after for one in own for node, _link in self._from(one)))

    def _from(self, node: Node) -> list[tuple[Node, Link]]:
        if node not in self._next:
            self._next[node] = list(self.explorer.successors(node))
        return self._next[node]


@dataclass
class Space:
    """One definition, with the sets of facts that its walks are held against."""

    subject: Subject
    sets: list[Explored] = field(default_factory=list)

    @property
    def protocol(self) -> Protocol:
        return self.subject.protocol


def tracked_sets(protocol: Protocol, seed: int = 7, most: int = 4) -> Iterator[frozenset[str]]:
    """Each fact alone, what each property reads, what each move needs, and the raised dangers beside some of them."""
    rng = random.Random(seed)
    known = [key for key, fact in protocol.facts.items() if not is_free(fact)]
    raised = [key for key in known if counts_raised(protocol.facts[key])][:1]
    groups = [{key} for key in known]
    groups += [set(one.never.names) for one in protocol.properties.values() if one.never is not None]
    for move in protocol.moves.values():
        needs = [protocol.needs[need] for need in move.needs if protocol.needs[need].lock is not None]
        groups.append({name for need in needs for name in need.when.names})
    groups += [{*raised, rng.choice(known)} for _pair in range(4)]
    seen: set[frozenset[str]] = set()
    for group in groups:
        names = sorted(group & set(known))
        tracked = frozenset(rng.sample(names, most) if len(names) > most else names)
        if tracked and tracked not in seen:
            seen.add(tracked)
            yield tracked


@cache
def space(path: Path) -> Space:
    subject = Subject(read_definition(path.read_bytes(), str(path)), Limits())
    return Space(subject, [Explored(subject, tracked) for tracked in tracked_sets(subject.protocol)])


def departures(space: Space, seed: int, steps: int) -> Iterator[str]:
    """What one walk does that the proof says no case does."""
    walk = Walk(space.protocol, seed)
    before: list[Node] | None = None
    for happened in walk.steps(steps):
        facts = walk.facts
        now = []
        for explored in space.sets:
            try:
                node = explored.node(walk.case, facts)
            except ValueError as unknown:
                yield f"seed {seed}: {happened.kind} {happened.key}: {explored.world.names}: {unknown}"
                return
            now.append(node)
            if not explored.has(node):
                yield f"seed {seed}: {happened.kind} {happened.key}: {explored.world.names} never {node}"
            elif before is not None and not explored.leads(before[len(now) - 1], happened, node):
                was = before[len(now) - 1]
                yield f"seed {seed}: {happened.kind} {happened.key}: {explored.world.names} from {was} to {node}"
        before = now


def all_departures(path: Path, seeds: range, steps: int) -> list[str]:
    return [said for seed in seeds for said in departures(space(path), seed, steps)]


@pytest.mark.exhaustive(but=("definitions",))
@pytest.mark.parametrize("path", [SMALL, *SHIPPED], ids=lambda path: path.parent.name)
def test_walks_never_leave_the_explored_space(path: Path) -> None:
    assert not all_departures(path, range(4), 60)


def test_walks_see_much_of_a_protocol() -> None:
    """Most states, and every kind of thing that can happen."""
    protocol = space(SMALL).protocol
    walks = [Walk(protocol, seed) for seed in range(6)]
    happened = [(one.kind, walk.case.state if walk.case else "") for walk in walks for one in walk.steps(80)]
    assert {kind for kind, _state in happened} >= {"act", "move", "undo"}
    assert {state for _kind, state in happened} == set(protocol.states)


# ---- planted: a rule that is broken is caught ----------------------------------------------------------------------


BROKEN: dict[str, Callable[..., Image]] = {
    "raised": lambda self, *, several=False: self.same,
    "_forgotten": lambda self: self.same,
    "_signatures": lambda self, _deed: self.same,
    "_guardians": lambda self, _deed: self.same,
    "news": lambda self: self.same,
}
"""A rule of the proof, and the same rule where nothing changes."""


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_left(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Effects, rule, BROKEN[rule])
    broken = space.__wrapped__(SMALL)
    assert any(True for seed in range(8) for _said in departures(broken, seed, 80))


@pytest.mark.exhaustive
def test_a_correction_that_changes_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Effects, "corrected", lambda self, _act: self.news())
    broken = space.__wrapped__(next(path for path in SHIPPED if corrects(space(path).protocol)))
    assert any(True for seed in range(30) for _said in departures(broken, seed, 80))


def corrects(protocol: Protocol) -> bool:
    return bool(list(protocol.acts_of(ActKind.correct)))


def gives_back() -> bool:
    """Whether the space leads where a case stands whose second danger is lifted: a good look counts again."""
    told = Told(space(SMALL).protocol).act("anybody", "ring", which="blade")
    told.act("warden", "look_in", on="2026-11-25T08:00:00+00:00", back="returned").act(
        "principal", "ring", which="fight"
    )
    told.act("warden", "all_clear", which="fight", why="x")
    explored = Explored(space(SMALL).subject, frozenset({"good_looks"}))
    before = explored.node(told.case, told.facts)
    told.act("principal", "put_name", what=str(told.seq))
    after = explored.node(told.case, told.facts)
    assert (before.places, after.places) == ((0,), (1,))
    return explored.leads(before, Happened("act", "put_name", told.seq), after)


def test_a_lifting_gives_back_what_was_known_before() -> None:
    assert gives_back()


def test_a_lifting_that_gives_nothing_back_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Effects, "_hangs_on_dangers", lambda _self: False)
    monkeypatch.setattr(Effects, "_folded", lambda self, _deed: self.same)
    assert not gives_back()
