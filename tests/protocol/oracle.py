"""A second opinion on a protocol, written apart from the proof: real cases, walked one by one through `decide`.

Every way of a case is gone, with a handful of answers and four persons; cases that can never differ again are one.
"""

from __future__ import annotations

import ast
import json
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from engine.telling import NOW, SCHOOL, surroundings

from protocol.mutating import mutants
from protocol.oracle_protocols import FAIR_ANSWERS, LEAK_ANSWERS, Answers, fair, leak
from school_protocol.engine.case import Case, fold
from school_protocol.engine.deadlines import read
from school_protocol.engine.decisions import decide
from school_protocol.engine.definition import HISTORY, START, Act, ActKind, Move, Property, Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.errors import BadInput, DefinitionError, Refused
from school_protocol.engine.facts import Facts
from school_protocol.engine.intents import Intent, MakeMove, Opening, RecordAct
from school_protocol.engine.visibility import Actor, Appointment
from school_protocol.proof.prove import prove
from school_protocol.proof.state_space import Verdict
from school_protocol.protocol.reader import read as read_definition

MOST = 4000
"""Cases that are told apart at most."""
LETTERS = 1
"""Referrals that are left open at once at most."""


class TooLarge(Exception):
    """More cases than the oracle looks at: it says nothing."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What somebody did, and where it led."""

    kind: str
    key: str
    raises: bool
    after: int


class Oracle:
    """All cases of one protocol, as far as the answers go, for these persons."""

    def __init__(self, protocol: Protocol, answers: Answers, *, alone: bool = False) -> None:
        self.protocol, self.answers = protocol, answers
        self.around = surroundings(protocol)
        self.people = self._people(alone=alone)
        self.ways_back = {state for move in protocol.moves.values() if move.to == HISTORY for state in move.from_}
        self.caps = self._caps()
        moves = [move for move in protocol.moves.values() if any("proposer" in group for group in move.distinct)]
        self.proposed = {state for move in moves for state in move.from_}
        """States from which somebody else must move on than who entered them."""
        self.cases: list[Case] = []
        self.facts: list[Facts] = []
        self.edges: list[list[Edge]] = []
        self._known: dict[Any, int] = {}
        self._walk()

    def _people(self, *, alone: bool) -> list[Actor]:
        """Two persons for each role; or one who holds them all."""

        def held(roles: Iterable[str]) -> tuple[Appointment, ...]:
            return tuple(Appointment(role, SCHOOL.id, date(2020, 1, 1)) for role in roles)

        if alone:
            return [Actor("alone", "test", "alone", held(self.protocol.roles), trained=True)]
        names = [f"{role}{mark}" for role in self.protocol.roles for mark in ("", "/2")]
        return [Actor(name, "test", name, held([name.partition("/")[0]]), trained=True) for name in names]

    def _caps(self) -> dict[str, int]:
        """The number from which on no condition tells the numbers of a fact apart."""
        conditions = [need.when for need in self.protocol.needs.values()]
        conditions += [one.never for one in self.protocol.properties.values() if one.never is not None]
        found: dict[str, int] = {}
        for node in (node for one in conditions for node in ast.walk(one.tree) if isinstance(node, ast.Compare)):
            sides = [part for side in (node.left, *node.comparators) for part in ast.walk(side)]
            numbers = [part.value for part in sides if isinstance(part, ast.Constant) and type(part.value) is int]
            beyond = 0 if isinstance(node.ops[0], ast.GtE | ast.Lt) else 1
            for name in (part.id for part in sides if isinstance(part, ast.Name)):
                found[name] = max(found.get(name, 0), max(numbers, default=0) + beyond)
        return found

    # ---- the walk ----------------------------------------------------------------------------------------------

    def _walk(self) -> None:
        waiting: deque[int] = deque()
        for act in self.protocol.acts.values():
            for actor in self.people if START in act.in_ else ():
                for given in self.answers[act.key]:
                    begun = self._decided(None, actor, RecordAct(act.key, given, signed=True))
                    if begun is not None:
                        self._place(begun, waiting)
        while waiting:
            at = waiting.popleft()
            for kind, key, actor, intent in self._intents(self.cases[at]):
                after = self._decided(self.cases[at], actor, intent)
                if after is not None:
                    raises = kind == "act" and self.protocol.acts[key].kind is ActKind.raise_danger
                    self.edges[at].append(Edge(kind, key, raises, self._place(after, waiting)))

    def _place(self, case: Case, waiting: deque[int]) -> int:
        facts = read(self.protocol, case, NOW + timedelta(hours=1), self.around)
        key = self._told_apart(case, facts)
        if key not in self._known:
            if len(self.cases) >= MOST:
                raise TooLarge(f"more than {MOST} cases")
            self._known[key] = len(self.cases)
            self.cases.append(case)
            self.facts.append(facts)
            self.edges.append([])
            waiting.append(self._known[key])
        return self._known[key]

    def _intents(self, case: Case) -> Iterator[tuple[str, str, Actor, Intent]]:
        facts = read(self.protocol, case, NOW + timedelta(hours=1), self.around)
        for move in self.protocol.moves.values():
            if case.state in move.from_ and not move.automatic:
                needs = [need for need in move.needs if not self.protocol.needs[need].when.holds(facts)]
                for actor in self._who_moves(move):
                    yield "move", move.key, actor, MakeMove(move.key, "x", dict.fromkeys(needs, "x"))
        for act in self.protocol.acts.values():
            for actor in self._who(act):
                for given in self.answers[act.key]:
                    pointed = self._pointed(case, act, given)
                    if pointed is not None:
                        yield "act", act.key, actor, RecordAct(act.key, pointed, signed=True)

    def _who(self, act: Act) -> list[Actor]:
        """Everybody, where it matters who; else one of each role."""
        named = {name for move in self.protocol.moves.values() for group in move.distinct for name in group}
        matters = act.signatures or act.kind is ActKind.sign or act.key in named
        return self.people if matters or len(self.people) == 1 else self.people[::2]

    def _who_moves(self, move: Move) -> list[Actor]:
        """Everybody, where this move or one that leaves from where it leads must be somebody else's."""
        matters = move.distinct or move.to == HISTORY or move.to in self.proposed
        return self.people if matters or len(self.people) == 1 else self.people[::2]

    def _pointed(self, case: Case, act: Act, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The answers, with what there is to point at in its place; None where there is nothing."""
        open_letters = [one.number for one in case.referrals if one.is_open]
        if act.kind is ActKind.refer and len(open_letters) >= LETTERS:
            return None
        found = dict(given)
        for item in self.protocol.form_of(act).fields:
            if item.type is FieldType.referral:
                if not open_letters:
                    return None
                found[item.key] = str(open_letters[0])
            if item.type is FieldType.record:
                unsigned = [one.seq for one in case.records if self.protocol.acts[one.act].signatures]
                if not unsigned:
                    return None
                found[item.key] = str(unsigned[-1])
        return found

    def _decided(self, case: Case | None, actor: Actor, intent: Intent) -> Case | None:
        opening = Opening("1234567890123", SCHOOL.id) if case is None else None
        try:
            events = decide(self.protocol, case, actor, NOW, self.around, intent, opening).events
        except (Refused, BadInput):
            return None
        last = case.last_seq if case else 0
        numbered = [event.numbered(last + place) for place, event in enumerate(events, 1)]
        return fold(self.protocol, numbered, case.copied() if case else None)

    # ---- which cases are one -----------------------------------------------------------------------------------

    def _told_apart(self, case: Case, facts: Facts) -> Any:
        """All that decides what may ever happen to a case; of persons, only who is whom."""
        live = frozenset((life.danger, life.state) for life in case.live_dangers())
        letters = sum(one.is_open for one in case.referrals)
        seen: dict[str, str] = {}

        def canonical(name: str | None) -> str | None:
            if name is None:
                return None
            role = name.partition("/")[0]
            return seen.setdefault(name, f"{role}:{sum(one.partition('/')[0] == role for one in seen)}")

        persons = tuple(canonical(one) for one in self._persons(case))
        return (
            case.state,
            self._values(facts),
            live,
            letters,
            self._before(case),
            persons,
            self._signing(case, canonical),
        )

    def _values(self, facts: Facts) -> tuple[Any, ...]:
        def capped(name: str) -> Any:
            value = facts[name]
            return min(value, self.caps.get(name, 0)) if type(value) is int else value

        return tuple(capped(name) for name in self.protocol.facts)

    def _before(self, case: Case) -> Any:
        """Where a case comes back to, with the facts as they will be there where that undoes an opening."""
        if case.state not in self.ways_back or case.before is None:
            return None
        if case.before.opening_seq == case.opening_seq:
            return case.before.state
        back = replace(case, opening_seq=case.before.opening_seq, opening_at=case.before.opening_at)
        return case.before.state, self._values(read(self.protocol, back, NOW, self.around))

    def _signing(self, case: Case, canonical: Callable[[str | None], str | None]) -> Any:
        """Of the latest record that waits for signatures: whose it has, and what still counts it."""
        signed = [one for one in case.records if self.protocol.acts[one.act].signatures]
        if not signed:
            return None
        last = signed[-1]
        states = {state for fact in self.protocol.facts.values() for state in fact.since.entered}
        entries = ((state, case.last_entered([state])) for state in sorted(states))
        counted = tuple((state, entry is not None and entry.seq < last.seq) for state, entry in entries)
        signers = tuple(canonical(one.account) for one in last.signatures)
        return last.act, signers, last.effective_seq is None, last.seq > case.opening_seq, counted

    def _persons(self, case: Case) -> Iterator[str | None]:
        """Who must not be who makes a move, of all moves that may ask."""
        asked = {case.state} | ({case.before.state} if case.state in self.ways_back and case.before else set())
        for state in sorted(asked & self.proposed):
            entry = next(
                (one for one in reversed(case.entries) if one.state == state and not one.is_return), case.entry
            )
            record = case.record(entry.seq + 1 if entry.move is None else entry.seq - 1)
            yield entry.actor
            yield record.actor if record else None
        for name in sorted(
            {name for move in self.protocol.moves.values() for group in move.distinct for name in group}
        ):
            records = [one for one in case.records_of(name) if one.grants and one.effective_seq is not None]
            yield records[-1].actor if records else None

    # ---- verdicts ----------------------------------------------------------------------------------------------

    def verdicts(self) -> dict[str, bool]:
        """Of each property whether it holds; those that the oracle knows of."""
        found = {
            "end_reachable": self._end_reachable(),
            "way_on": self._way_on(),
            "no_end_in_danger": self._no_end_in_danger(),
            "no_dead_move": self._no_dead_move(),
            "four_eyes": Oracle(self.protocol, self.answers, alone=True).never_ends() if self.people[1:] else True,
        }
        for key, one in self.protocol.properties.items():
            found[f"properties.{key}"] = self._declared(one)
        return found

    def never_ends(self) -> bool:
        return not any(self._ends(edge) for edges in self.edges for edge in edges)

    def _ends(self, edge: Edge) -> bool:
        target = self.protocol.moves[edge.key].to if edge.kind == "move" else START
        return target in self.protocol.states and self.protocol.states[target].ended

    def _standing(self, states: Iterable[str]) -> list[int]:
        wanted = set(states)
        return [at for at, case in enumerate(self.cases) if case.state in wanted]

    def _waiting(self) -> list[str]:
        return [key for key, state in self.protocol.states.items() if not state.ended]

    def _can(self, good: Callable[[int, Edge], bool], through: Callable[[int, int], bool]) -> set[int]:
        """The cases from which some way leads to a good edge, by edges that go `through`; nobody raises a danger."""
        able = {at for at, edges in enumerate(self.edges) for edge in edges if not edge.raises and good(at, edge)}
        into: dict[int, list[int]] = {}
        for at, edges in enumerate(self.edges):
            for edge in edges:
                if not edge.raises and through(at, edge.after):
                    into.setdefault(edge.after, []).append(at)
        waiting = list(able)
        while waiting:
            for source in into.get(waiting.pop(), ()):
                if source not in able:
                    able.add(source)
                    waiting.append(source)
        return able

    def _comes_to(self, states: Iterable[str]) -> set[int]:
        wanted = set(states)
        able = self._can(lambda _at, edge: self.cases[edge.after].state in wanted, lambda _at, _after: True)
        return able | set(self._standing(wanted))

    def _in_place(self, good: Callable[[int, Edge], bool]) -> set[int]:
        """As `_can`, by acts that leave the case where it stands."""
        return self._can(good, lambda at, after: self.cases[at].state == self.cases[after].state)

    def _end_reachable(self) -> bool:
        ended = {key for key, state in self.protocol.states.items() if state.ended}
        own = {key for key in ended if not self.protocol.states[key].successor} or ended
        standing = self._standing(self._waiting())
        reached = {self.cases[at].state for at in standing}
        return reached == set(self._waiting()) and set(standing) <= self._comes_to(own)

    def _way_on(self) -> bool:
        able = self._in_place(
            lambda at, edge: edge.kind == "move" and self.cases[at].state != self.cases[edge.after].state
        )
        return set(self._standing(self._waiting())) <= able

    def _no_end_in_danger(self) -> bool:
        return not any(
            self._ends(edge) and "dangers" not in self.protocol.moves[edge.key].carries
            and self.cases[at].live_dangers("raised")
            for at, edges in enumerate(self.edges)
            for edge in edges
        )  # fmt: skip

    def _no_dead_move(self) -> bool:
        made = {(edge.key, self.cases[at].state) for at, edges in enumerate(self.edges) for edge in edges}
        moves = [move for move in self.protocol.moves.values() if not move.automatic]
        return all((move.key, state) in made for move in moves for state in move.from_ if state != START)

    def _declared(self, one: Property) -> bool:
        states = [state for name in one.in_ for state in (self._waiting() if name == "open" else [name])]
        if one.never is not None:
            return self._never(one, states)
        standing = self._standing(states or self._waiting())
        if one.always_possible is not None:
            return set(standing) <= self._in_place(lambda _at, edge: edge.key == one.always_possible)
        return set(standing) <= self._comes_to(one.leads_to)

    def _never(self, one: Property, states: list[str]) -> bool:
        assert one.never is not None
        bad = {at for at, facts in enumerate(self.facts) if one.never.truth(facts) is not False}
        if one.entering:
            entering = {move.key for move in self.protocol.moves.values() if move.to in one.entering}
            return not any(edge.kind == "move" and edge.key in entering for at in bad for edge in self.edges[at])
        return not bad & set(self._standing(states or self.protocol.states))


# ---- beside the proof ------------------------------------------------------------------------------------------------


WRITTEN: Mapping[str, tuple[Callable[[], dict[str, Any]], Answers]] = {
    "leak": (leak, LEAK_ANSWERS), "fair": (fair, FAIR_ANSWERS),
}  # fmt: skip


@dataclass(frozen=True)
class Small:
    """One small protocol, how it was changed, and the answers that its acts are given."""

    name: str
    protocol: Protocol
    answers: Answers


def small(name: str, spec: dict[str, Any] | None = None, said: str = "") -> Small:
    """A protocol as it is written, or so. Raises DefinitionError."""
    written, answers = WRITTEN[name]
    content = json.dumps(written() if spec is None else spec, ensure_ascii=False).encode()
    return Small(f"{name}: {said}", read_definition(content, name, kernel=False), answers)


def changed_at_random(seed: int) -> Iterator[Small]:
    """Protocols changed in one place or two, without end; those that cannot even be read are left out.

    That a danger opens a case the proof asks besides (as of the example in test_mutants): no case shows it.
    """
    rng, seen = random.Random(seed), set[str]()
    while True:
        name = rng.choice(list(WRITTEN))
        spec, said = WRITTEN[name][0](), []
        for _edit in range(rng.choice((1, 2))):
            mutant = rng.choice([one for one in mutants(spec) if not one.name.endswith("START")])
            spec = mutant.of(spec)
            said.append(mutant.name)
        if (told := "; ".join(said)) not in seen:
            seen.add(told)
            try:
                yield small(name, spec, told)
            except DefinitionError:
                continue


COMPARED = ("end_reachable", "way_on", "no_end_in_danger", "no_dead_move", "four_eyes")


@dataclass(frozen=True, slots=True)
class Compared:
    """One mutant: what the proof refuses it for (`?`: could not prove), and the oracle; None where it says nothing."""

    name: str
    proof: tuple[str, ...]
    oracle: tuple[str, ...] | None

    @property
    def agrees(self) -> bool:
        return self.oracle is None or bool(self.proof) == bool(self.oracle)

    @property
    def is_missed(self) -> bool:
        """Whether the proof lets pass what really happens."""
        return bool(self.oracle) and not self.proof


def compared(mutant: Small) -> Compared:
    proof = prove(mutant.protocol)
    refused = {
        f"{one.property}{'?' if one.verdict is Verdict.not_proven else ''}"
        for one in proof.faults
        if one.property in COMPARED or one.property.startswith("properties.")
    }
    try:
        verdicts = Oracle(mutant.protocol, mutant.answers).verdicts()
    except TooLarge:
        return Compared(mutant.name, tuple(sorted(refused)), None)
    return Compared(
        mutant.name, tuple(sorted(refused)), tuple(sorted(key for key, held in verdicts.items() if not held))
    )
