"""The state space of a definition as the proof walks it, and its verdicts: of each property whether it holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Any

from school_protocol.engine.conditions import Condition, Value
from school_protocol.engine.definition import (
    CORRECTABLE,
    HISTORY,
    START,
    Act,
    ActKind,
    Fact,
    Fold,
    Move,
    Need,
    Protocol,
    Source,
)
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.texts import Text
from school_protocol.proof.answer_space import ABSENT, Domain, Given, answerings, domain_of
from school_protocol.proof.effects import Deed, Effects, Image, identity, is_free

STEPS = 200_000
"""Some minutes of one core; the Moroccan protocol takes fourteen thousand."""


class Steps:
    """How far a proof may still go: counted, not timed, so that the same file is proven on every machine."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> None:
        """Raises LimitReached where none is left."""
        self.left -= 1
        if self.left < 0:
            raise LimitReached("no step is left")


class LimitReached(Exception):
    """A proof would take more combinations, or more steps, than it may: nothing is proven."""


class Verdict(Enum):
    held = "held"
    failed = "failed"
    not_proven = "not_proven"
    """A limit was reached first: never taken for a proof."""


@dataclass(frozen=True, slots=True)
class Beat:
    """One step of a story: who does what, with which answers; or the clock turned by `days`."""

    role: str = ""
    do: str = ""
    kind: str = ""
    """`act`, `move` or `clock`."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    departs: tuple[str, ...] = ()
    days: int = 0
    person: int = 1
    """Which person of that role."""


@dataclass(frozen=True, slots=True)
class Story:
    """The shortest way found to a fault, and where the case then stands."""

    beats: tuple[Beat, ...]
    state: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The facts that decide, as they stand at the end."""
    unmet: tuple[str, ...] = ()
    """Needs that keep the ways on shut."""
    replayed: bool | None = None
    """Whether the engine's own `decide` took every step; None where nothing was to be replayed."""


@dataclass(frozen=True, slots=True)
class Result:
    """One property of one definition."""

    property: str
    """`end_reachable`, `no_end_in_danger` …, or `properties.KEY` where the definition declares it."""
    verdict: Verdict
    subject: str = ""
    """What it is about: a state, a move, an act, a role, a need."""
    sentence: Text | None = None
    """A declared property's own words."""
    story: Story | None = None
    lines: tuple[int, ...] = ()
    """Lines of the moves involved in the definition's file."""
    combinations: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """All results, how many combinations were explored, and in how many seconds."""

    results: tuple[Result, ...]
    combinations: int
    seconds: float

    @property
    def faults(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.verdict is not Verdict.held)

    @property
    def holds(self) -> bool:
        return not self.faults


# ---- the world: which acts and moves are open, and what each does to the facts told apart --------------------------

_T = FieldType
SETTLED_BY = (
    ActKind.refer,
    ActKind.take_over,
    ActKind.lift_danger,
    ActKind.answer_referral,
    ActKind.review_hold,
    ActKind.settle_contribution,
)
"""Kinds that settle something of which there may be several."""


@dataclass(frozen=True, slots=True)
class Step:
    """An act in one of the ways that are told apart, or what happens around a case; an image for each fact."""

    act: str
    """Empty: another case is joined into this one."""
    images: tuple[Image, ...]
    deed: Deed | None = None
    raises: bool = False


@dataclass(slots=True)
class _Apart:
    """What of the answers to one act some facts tell apart."""

    conditions: list[Condition] = field(default_factory=list)
    direct: set[str] = field(default_factory=set)
    """Fields of which every answer matters."""
    also: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """Fields with the answers that matter."""
    roles: bool = False


class World:
    """A protocol, seen through some of its facts."""

    def __init__(
        self,
        protocol: Protocol,
        tracked: Iterable[str],
        conditions: Iterable[Condition] = (),
        *,
        thorough: bool = False,
    ) -> None:
        self.protocol = protocol
        self.thorough = thorough
        """Whether acts that settle something are done as often as there is something left."""
        wanted = set(tracked)
        self.names = tuple(key for key in protocol.facts if key in wanted)
        reading = [*(need.when for need in protocol.needs.values()), *conditions]
        self.domains: dict[str, Domain] = {
            key: domain_of(protocol.facts[key], reading, self._least(protocol.facts[key])) for key in self.names
        }
        self.effects = {
            key: Effects(protocol, protocol.facts[key], self.domains[key], sure=thorough) for key in self.names
        }
        self.place = {key: number for number, key in enumerate(self.names)}

    def _least(self, fact: Fact) -> int:
        """Signatures are told apart up to those that their act asks for."""
        if fact.fold is not Fold.signatures:
            return 0
        return max((self.protocol.acts[source.act or ""].signatures for source in fact.from_), default=0)

    @property
    def start(self) -> tuple[int, ...]:
        """The mask of each fact before anything happened."""
        return tuple(self.effects[key].start for key in self.names)

    @property
    def whole(self) -> tuple[int, ...]:
        return tuple(self.domains[key].whole for key in self.names)

    def values(self, places: Iterable[int]) -> dict[str, Value]:
        """The facts of a combination."""
        return {key: self.domains[key].values[place] for key, place in zip(self.names, places, strict=True)}

    # ---- what is open ----------------------------------------------------------------------------------------

    def is_open(self, act: Act, state: str) -> bool:
        if state in act.in_:
            return True
        if state == START:
            return False
        return "any" in act.in_ or ("open" in act.in_ and not self.protocol.states[state].ended)

    @cached_property
    def urgent(self) -> Move | None:
        """The move that a raised danger makes."""
        named = (act.moves for act in self.protocol.acts_of(ActKind.raise_danger) if act.moves)
        return next((self.protocol.moves[key] for key in named if key in self.protocol.moves), None)

    @cached_property
    def raised_place(self) -> int | None:
        """The place of the fact that counts raised dangers, all of them and nothing else."""
        return next((self.place[key] for key in self.names if counts_raised(self.protocol.facts[key])), None)

    @cached_property
    def locked(self) -> dict[str, tuple[Need, ...]]:
        """Needs of each move that nobody can go on without."""
        return {
            key: tuple(self.protocol.needs[need] for need in move.needs if self.protocol.needs[need].lock is not None)
            for key, move in self.protocol.moves.items()
        }

    @cached_property
    def interruptions(self) -> frozenset[str]:
        """States that a case comes back from to where it was."""
        return frozenset(state for move in self.protocol.moves.values() if move.to == HISTORY for state in move.from_)

    # ---- steps -----------------------------------------------------------------------------------------------

    @cached_property
    def steps(self) -> dict[str, tuple[Step, ...]]:
        """The ways to make each act that differ in what they do to these facts."""
        found = {key: tuple(self._steps(act)) for key, act in self.protocol.acts.items()}
        return {key: steps for key, steps in found.items() if steps}

    def _steps(self, act: Act) -> Iterator[Step]:
        seen: set[Any] = set()
        for given in self.answerings(act):
            for deed in self._deeds(act, given, self._grants(act, given)):
                images = tuple(self.effects[key].of(deed) for key in self.names)
                kind = (images, given.raises, act.needs_of(given.values), given.role)
                if kind not in seen and (given.raises or self._does_something(images)):
                    seen.add(kind)
                    yield Step(act.key, images, deed, given.raises)

    @staticmethod
    def _grants(act: Act, given: Given) -> bool:
        return act.effect_when is None or act.effect_when.holds(given.values)

    def _deeds(self, act: Act, given: Given, grants: bool) -> Iterator[Deed]:
        if not self.thorough:
            yield from (Deed(given, signed, grants) for signed in ((False, True) if self._waits(act) else (True,)))
        elif act.kind in SETTLED_BY and not given.raises:
            covers = (True, False) if self._covers_entry(act) else (None,)
            yield from (Deed(given, True, grants, covering, thorough=True) for covering in covers)
        elif not given.raises:
            yield Deed(given, True, grants)

    def _covers_entry(self, act: Act) -> bool:
        sources = (source for key in self.names for source in self.protocol.facts[key].from_)
        return any(source.covering_entry and source.act == act.key for source in sources)

    def _does_something(self, images: Iterable[Image]) -> bool:
        return any(image != identity(self.domains[key]) for key, image in zip(self.names, images, strict=True))

    def answerings(self, act: Act) -> tuple[Given, ...]:
        """The ways to answer an act that these facts tell apart. Raises TooMany."""
        form, apart = self.protocol.form_of(act), _Apart()
        for fact in (self.protocol.facts[key] for key in self.names):
            for source in () if is_free(fact) else fact.from_:
                if source.act == act.key:
                    self._by_source(apart, fact, source, form)
            self._by_kind(apart, fact, act, form)
        if self.thorough:
            apart.conditions += [rule.when for rule in act.needs_when]
        also = {key: value for key, value in apart.also.items() if key not in apart.direct}
        return answerings(self.protocol, act, apart.conditions, apart.direct, also, roles=apart.roles)

    def _by_source(self, apart: _Apart, fact: Fact, source: Source, form: Form) -> None:
        """What a source of a fact tells apart."""
        if source.where is not None:
            apart.conditions.append(source.where)
        apart.roles = apart.roles or bool(source.by)
        filled = form.by_key.get(source.filled or "")
        if filled is not None:
            apart.also.setdefault(filled.key, (True,) if filled.required else (True, ABSENT))
        if source.row_filled:
            apart.also[source.row_filled.partition(".")[0]] = ([source.row_filled], ABSENT)
        item = form.by_key.get(source.field or "")
        if item is not None:
            self._by_answer(apart, fact, source, item)

    def _by_answer(self, apart: _Apart, fact: Fact, source: Source, item: FormField) -> None:
        """What a fact tells apart that takes the answer of a field."""
        if fact.fold is Fold.answered:
            apart.also[item.key] = ("all", "some")
        elif fact.fold is Fold.distinct and item.type is _T.accounts:
            count = len(self.domains[fact.key].values)
            apart.also[item.key] = tuple([["account"] * number for number in range(1, count)]) or (ABSENT,)
        elif item.type in (_T.integer, _T.scale) and source.value is None:
            apart.also[item.key] = self._numbers(item, fact.key, apart.also.get(item.key, ()))
        elif source.value is None or fact.fold is Fold.streak:
            apart.direct.add(item.key)

    def _by_kind(self, apart: _Apart, fact: Fact, act: Act, form: Form) -> None:
        """What a fact tells apart by its kind."""
        if self._reads_effect(fact, act) and act.effect_when is not None:
            apart.conditions.append(act.effect_when)
        target = form.find(_T.target) if fact.open_referrals and act.kind is ActKind.refer else None
        if target is not None:
            apart.direct.add(target.key)
        grid = form.find(_T.grid) if fact.grid_known == act.key else None
        if grid is not None:
            apart.also[grid.key] = tuple(one for one in self.domains[fact.key].values if isinstance(one, int))

    def _numbers(self, item: FormField, name: str, found: Iterable[Any]) -> tuple[int, ...]:
        """The answers to a question for a number at which a fact that takes it changes its class."""
        values = (value for value in self.domains[name].values if type(value) is int)
        most = item.most if item.most is not None else 10**9
        least = item.least if item.least is not None else 0
        return tuple(sorted({least, *found, *(value for value in values if least <= value <= most)}))

    def _reads_effect(self, fact: Fact, act: Act) -> bool:
        """Whether the fact hangs on the act's effect being granted."""
        if fact.fold is Fold.standing:
            return any(source.act == act.key for source in fact.from_)
        kinds = {
            ActKind.answer_referral: fact.open_referrals,
            ActKind.review_hold: fact.standing_holds,
            ActKind.answer_contribution: fact.open_contributions,
        }
        return bool(kinds.get(act.kind))

    # ---- around a case ---------------------------------------------------------------------------------------

    def around(self, state: str) -> tuple[Step, ...]:
        """What may happen around a case that stands there, besides its acts: each with what it does.

        An entry taken back is none of it: the case is then what it would be without, which is reached already.
        """
        steps: list[Step] = []
        if not self.protocol.states[state].ended:
            steps += [*self._joined, *(self._excluded if self._joined else ())]
        if self._is_open_kind(state, ActKind.correct):
            steps += self._corrected
        if self._is_open_kind(state, ActKind.exclude, ActKind.report):
            steps += self._excluded
        if self._is_open_kind(state, ActKind.sign):
            steps += self._signed_later
        made = [step for step in steps if not step.act or state in self._after[step.act]]
        return tuple({(step.images, step.raises): step for step in made}.values())

    @cached_property
    def _after(self) -> dict[str, set[str]]:
        """For each act, the states in which a case may stand that has a record of it."""
        return {key: self._onwards(act) for key, act in self.protocol.acts.items()}

    def _onwards(self, act: Act) -> set[str]:
        moves = self.protocol.moves.values()
        back = {state for move in moves if move.to in self.interruptions for state in move.from_}
        found = {state for state in self.protocol.states if self.is_open(act, state)}
        found |= {self.protocol.initial.key} if START in act.in_ else set()
        while True:
            taken = [move for move in moves if not found.isdisjoint(move.from_)]
            more = {state for move in taken for state in (back if move.to == HISTORY else (move.to,))} - {START}
            more |= {self.protocol.initial.key} if any(move.to == HISTORY for move in taken) else set()
            if more <= found:
                return found
            found |= more

    def _is_open_kind(self, state: str, *kinds: ActKind) -> bool:
        return any(act.kind in kinds and self.is_open(act, state) for act in self.protocol.acts.values())

    def _stirring(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        return tuple(step for step in steps if step.raises or self._does_something(step.images))

    def joined_in(self, *, with_danger: bool) -> Step:
        """Another case is joined into this one, or handed over to be this one."""
        images = tuple(self.effects[key].joined(with_danger=with_danger) for key in self.names)
        return Step("", images, raises=with_danger)

    @cached_property
    def _joined(self) -> tuple[Step, ...]:
        carried = {part for move in self.protocol.moves.values() for part in move.carries}
        dangers = (False, True) if "dangers" in carried else (False,)
        return self._stirring(self.joined_in(with_danger=one) for one in dangers if carried)

    @cached_property
    def _corrected(self) -> tuple[Step, ...]:
        acts = [act.key for act in self.protocol.acts.values() if act.kind in CORRECTABLE]
        return self._stirring(
            Step(key, tuple(self.effects[name].corrected(key) for name in self.names)) for key in acts
        )

    @cached_property
    def _excluded(self) -> tuple[Step, ...]:
        """A signatory is shut out, or somebody else who counted."""
        acts = [one.key for one in self.protocol.acts.values() if one.signatures > 0 or one.kind is ActKind.visa]
        fallen = [Step(key, tuple(self.effects[name].fallen(key) for name in self.names)) for key in acts]
        return self._stirring([Step("", tuple(self.effects[name].excluded() for name in self.names)), *fallen])

    @cached_property
    def _signed_later(self) -> tuple[Step, ...]:
        """An act that waited for a signature takes effect where it is no longer open."""
        acts = [act for act in self.protocol.acts.values() if self._waits(act)]
        found: dict[tuple[Image, ...], str] = {}
        for act in acts:
            for given in self.answerings(act):
                deeds = self._deeds(act, replace(given, raises=False), self._grants(act, given))
                found |= {
                    tuple(self.effects[key].signed_later(one) for key in self.names): act.key
                    for one in deeds
                    if one.signed
                }
        return self._stirring(Step(key, images) for images, key in found.items())

    def _waits(self, act: Act) -> bool:
        """Whether its effect may wait for somebody else's signature."""
        lifting = act.kind is ActKind.lift_danger and any(one.lifted_with for one in self.protocol.dangers.values())
        return act.signatures > 0 or lifting


def counts_raised(fact: Fact) -> bool:
    """Whether a fact counts the raised dangers, all of them and nothing else."""
    rule = fact.dangers
    return rule is not None and rule.states == ("raised",) and not (rule.without_shared_concern or rule.stay_with_child)
