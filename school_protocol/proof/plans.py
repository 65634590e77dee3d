"""Sure plans: acts and moves that lead somewhere whatever the facts are, and what needs and actors then surely hold."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, product

from school_protocol.engine.case_parts import acts_as, settles
from school_protocol.engine.conditions import Value
from school_protocol.engine.definition import HISTORY, Act, ActKind, Fact, Fold, FollowUp, Move, Need, Protocol
from school_protocol.proof.effects import Image, identity, is_free, through
from school_protocol.proof.state_space import Step, Steps, World, counts_raised

LONG_WAIT_DAYS = 120
"""Days after which whatever was waited for has fallen due."""
Pseudonymiser = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """The clock turned on."""

    days: int = LONG_WAIT_DAYS


@dataclass(frozen=True, slots=True)
class Without:
    """Who takes no part: a role and all who stand for it by holding it; or everybody outside the school's reach."""

    role: str = ""
    outsiders: bool = False


def bits_of(mask: int) -> list[int]:
    """The places of the values in a mask."""
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


class Ground:
    """What surely holds in one protocol, who can act there, and what acts and moves make of the facts."""

    def __init__(self, protocol: Protocol, tracked: Iterable[str], without: Without | None) -> None:
        self.protocol = protocol
        self.without = without or Without()
        self.world = World(protocol, tracked, thorough=True)
        self.names = self.world.names
        self._tables: dict[tuple[str, Pseudonymiser], bool] = {}
        self._moved: dict[int, tuple[tuple[int, Image], ...]] = {}
        self._acting: dict[tuple[int, str], bool] = {}
        self._today: dict[int, bool] = {}
        self._reads = {key: self._places(need) for key, need in protocol.needs.items()}

    def _places(self, need: Need) -> tuple[int, ...]:
        return tuple(self.world.place[name] for name in self.names if name in need.when.names)

    @property
    def nothing_known(self) -> Pseudonymiser:
        return (*self.world.whole, 0b01)

    # ---- who ---------------------------------------------------------------------------------------------------

    def somebody(self, roles: Iterable[str], state: str, persons: int = 1) -> bool:
        """Whether enough persons can act in one of these roles here, whoever takes no part."""
        return len(set(self.holders(roles, state))) >= persons

    def holders(self, roles: Iterable[str], state: str) -> Iterator[tuple[str, int]]:
        """(role or seat, person) who can act in one of `roles`: two for each role, one by each seat."""
        for wanted in self._named(roles):
            if wanted in self.protocol.roles:
                if wanted != self.without.role:
                    yield from ((wanted, 1), (wanted, 2))
                elif any(other != self.without.role for other in self.protocol.roles[wanted].stand_in_by):
                    yield wanted, 3
            for seat in self.protocol.seats:
                if acts_as(self.protocol, seat, wanted) and self._can_be_given(seat, state):
                    yield seat, 1

    def _named(self, roles: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.protocol.roles) if "everyone" in (named := tuple(roles)) else named

    def _can_be_given(self, seat: str, state: str) -> bool:
        giving = [act for act in self.protocol.acts_of(ActKind.seat) if self.world.is_open(act, state)]
        named_by = self.protocol.seats[seat].named_by
        return any(
            role in self.protocol.roles and role != self.without.role and (not named_by or role in named_by)
            for act in giving
            for role in act.by
        )

    # ---- whether something holds, surely -----------------------------------------------------------------------

    def holds(self, need: Need, masks: Pseudonymiser) -> bool:
        """Whether a need holds whatever of this the facts are."""
        reads = self._reads[need.key]
        key = (need.key, tuple(masks[place] for place in reads))
        if key not in self._tables:
            names = [self.names[place] for place in reads]
            ranges = [self.world.domains[self.names[place]].members(masks[place]) for place in reads]
            self._tables[key] = len(names) == len(need.when.names) and all(
                need.when.holds(dict(zip(names, values, strict=True))) for values in product(*ranges)
            )
        return self._tables[key]

    def unmet(self, needs: Iterable[Need], masks: Pseudonymiser) -> list[Need]:
        return [need for need in needs if not self.holds(need, masks)]

    def refined(self, needs: Iterable[Need], masks: Pseudonymiser) -> Pseudonymiser:
        """What the facts may be, since these needs hold."""
        found = list(masks)
        for need in needs:
            if len(self._reads[need.key]) == len(need.when.names):
                for place, mask in self._fulfilling(need, found).items():
                    found[place] = mask
        return tuple(found)

    def _fulfilling(self, need: Need, masks: Sequence[int]) -> dict[int, int]:
        """Of each fact that a need reads, the values with which it can hold."""
        reads = self._reads[need.key]
        names = [self.names[place] for place in reads]
        kept = dict.fromkeys(reads, 0)
        for bits in product(*(bits_of(masks[place]) for place in reads)):
            values = {name: self.world.domains[name].values[bit] for name, bit in zip(names, bits, strict=True)}
            if need.when.holds(values):
                for place, bit in zip(reads, bits, strict=True):
                    kept[place] |= 1 << bit
        return kept

    # ---- acts --------------------------------------------------------------------------------------------------

    def may_act(self, step: Step, state: str, masks: Pseudonymiser) -> bool:
        """Whether somebody can surely make this act here."""
        act = self.protocol.acts[step.act]
        assert step.deed is not None
        values = step.deed.given.values
        asked = [
            *act.needs,
            *(need for rule in act.needs_when if rule.when.truth(values) is not False for need in rule.needs),
        ]
        return all(self.holds(self.protocol.needs[need], masks) for need in asked) and self._can_act(step, state)

    def _can_act(self, step: Step, state: str) -> bool:
        key = (id(step), state)
        if key not in self._acting:
            self._acting[key] = self._is_somebodys(step, state)
        return self._acting[key]

    def _is_somebodys(self, step: Step, state: str) -> bool:
        act = self.protocol.acts[step.act]
        assert step.deed is not None
        if not self.world.is_open(act, state):
            return False
        if self.without.outsiders and self._is_outsiders(act, step):
            return False
        role = step.deed.given.role
        if not self.somebody([role] if role else act.by, state):
            return False
        if act.signatures and not self._can_be_signed(act, state):
            return False
        return not self._settles_dangers(act) or self.can_settle(act, state)

    def _can_be_signed(self, act: Act, state: str) -> bool:
        if not self.somebody(act.signed_by or act.by, state, self._signatories(act)):
            return False
        signing = self.protocol.acts_of(ActKind.sign)
        return act.signatures == 1 or any(self.world.is_open(one, state) for one in signing)

    def _signatories(self, act: Act) -> int:
        """How many sign it at most that some fact tells apart."""
        facts = [self.protocol.facts[name] for name in self.names if self.protocol.facts[name].fold is Fold.signatures]
        counted = [fact.key for fact in facts if any(source.act == act.key for source in fact.from_)]
        return max(act.signatures, *(len(self.world.domains[key].values) - 1 for key in counted), 0)

    def _is_outsiders(self, act: Act, step: Step) -> bool:
        """Whether it records what somebody outside has answered; that it is no longer awaited is the school's word."""
        if act.kind is ActKind.accept_transfer:
            return True
        return act.kind is ActKind.answer_referral and not act.needs_of(step.deed.given.values if step.deed else {})

    @staticmethod
    def _settles_dangers(act: Act) -> bool:
        return act.kind in (ActKind.refer, ActKind.take_over, ActKind.lift_danger)

    def can_settle(self, act: Act, state: str) -> bool:
        """Whether every danger can be settled by this act here."""
        dangers = self.protocol.dangers
        match act.kind:
            case ActKind.refer:
                return all(
                    any(settles(self.protocol, danger, target) for target in self.protocol.targets)
                    for danger in dangers
                )
            case ActKind.take_over:
                return all(danger.taken_over_settles for danger in dangers.values())
        special = {danger.lifted_with for danger in dangers.values() if danger.lifted_with}
        return all(self.somebody([role], state) for role in special)

    def after(self, step: Step | Wait, masks: Pseudonymiser) -> Pseudonymiser:
        """What the facts may be after an act, or a long wait."""
        if isinstance(step, Wait):
            return (*(self._after_wait(place, mask) for place, mask in enumerate(masks[:-1])), 0b10)
        found = list(masks)
        for place, image in self._moving(step):
            found[place] = through(image, found[place])
        for place in self._own:
            found[place] = self._of_its_own(self.protocol.facts[self.names[place]], step, masks, found[place])
        found[-1] = masks[-1] if not self._is_fact_of_today(step) else 0b01
        return tuple(found)

    def _moving(self, step: Step) -> tuple[tuple[int, Image], ...]:
        """The facts that a step moves, each with its image."""
        if id(step) not in self._moved:
            own = [identity(self.world.domains[name]) for name in self.names]
            pairs = enumerate(zip(step.images, own, strict=True))
            self._moved[id(step)] = tuple((place, image) for place, (image, same) in pairs if image != same)
        return self._moved[id(step)]

    @cached_property
    def _own(self) -> tuple[int, ...]:
        """The places of facts that time and people move."""
        return tuple(self.world.place[name] for name in self.names if is_free(self.protocol.facts[name]))

    def _after_wait(self, place: int, mask: int) -> int:
        name = self.names[place]
        fact, domain = self.protocol.facts[name], self.world.domains[name]
        if fact.fallen_due:
            return domain.mask([True]) | self.world.effects[name].start
        if fact.deadline or fact.follow_up or fact.months_since or fact.people:
            return domain.whole
        return mask

    def _of_its_own(self, fact: Fact, step: Step, masks: Pseudonymiser, mask: int) -> int:
        """Facts that time and people move: what an act makes sure of."""
        act = step.deed.given.act if step.deed else None
        if act is None:
            return mask
        domain, follow = self.world.domains[fact.key], self.protocol.follow_up
        if fact.days is not None:
            if all(source.act != act for source in fact.days.until):
                return mask
            return 1 << (len(domain.values) - 1) if masks[-1] == 0b10 else domain.whole
        if fact.people is not None and self.protocol.acts[act].kind is ActKind.seat:
            return domain.mask([True])
        if fact.school_known == act:
            return domain.whole
        if follow is not None and fact.follow_up == "next" and self._says_next(follow, act):
            return domain.mask([True])
        if follow is not None and fact.follow_up == "held" and follow.act == act:
            return domain.whole
        return mask

    def _says_next(self, follow: FollowUp, act: str) -> bool:
        """Whether an act says when the next follow-up is."""
        fields = self.protocol.form_of(act).by_key
        naming = [(follow.act, follow.next_on), *((one.act, one.field) for one in follow.also_next)]
        return any(naming_act == act and field in fields for naming_act, field in naming)

    def _is_fact_of_today(self, step: Step) -> bool:
        if id(step) not in self._today:
            self._today[id(step)] = self._dates_a_fact(step)
        return self._today[id(step)]

    def _dates_a_fact(self, step: Step) -> bool:
        """Whether it may record a fact from which days are counted anew."""
        given = step.deed.given if step.deed else None
        if given is None or step.raises:
            return True
        days = [days for name in self.names if (days := self.protocol.facts[name].days)]
        keys = {source.field or "" for one in days for source in one.since if source.act == given.act}
        fields = self.protocol.form_of(given.act).by_key
        return any(key not in fields or fields[key].required or given.has(key) for key in keys)

    # ---- moves -------------------------------------------------------------------------------------------------

    def may_move(self, move: Move, state: str) -> bool:
        """Whether somebody is there to make the move."""
        if move.automatic or not self.somebody(move.by, state):
            return False
        return all(self._are_others(group, move, state) for group in move.distinct)

    def _are_others(self, group: Iterable[str], move: Move, state: str) -> bool:
        """Whether those who must differ can: there are as many persons in their roles."""
        roles: list[str] = []
        for name in group:
            by = self.protocol.acts[name].by if name in self.protocol.acts else move.by
            roles += by
        return self.somebody(roles, state, len(tuple(group)))

    def move_on(self, move: Move, state: str, target: str, masks: Pseudonymiser) -> Pseudonymiser:
        """What the facts may be once the move is made."""
        known = self.refined(self.world.locked[move.key], masks)
        effects = self.world.effects
        images = (effects[name].entering(move, state, target, None) for name in self.names)
        found = [through(image, mask) for image, mask in zip(images, known[:-1], strict=True)]
        return (*found, masks[-1])


# ---- plans ---------------------------------------------------------------------------------------------------------
# What a fact may be is a mask; everything begins unknown, so that a way found from a state is there for every case in
# it.

_OPENED = 400
"""Combinations that one step onwards may open at most."""
_DEEP = 7
"""Moves that one way has at most."""


@dataclass(frozen=True, slots=True)
class Leg:
    """Some acts, then a move."""

    state: str
    acts: tuple[Step | Wait, ...]
    move: str
    target: str


@dataclass(frozen=True)
class Fork:
    """One way for each value that some fact may have where a way has come to."""

    ways: Ways


Way = tuple[Leg | Fork, ...]
Ways = dict[Pseudonymiser, Way | None]


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a way leads: to one of `good` states, by `deep` moves at most, through none that was `passed`."""

    good: set[str]
    deep: int
    splits: int = 0
    """So often a way may part, by the value of some fact."""
    passed: frozenset[str] = frozenset()

    def after(self, state: str) -> Aim:
        """The same after a move out of that state."""
        return replace(self, deep=self.deep - 1, passed=self.passed | {state})


class Planner(Ground):
    """Looks for sure ways in one protocol."""

    def __init__(self, protocol: Protocol, tracked: Iterable[str], without: Without | None, budget: Steps) -> None:
        super().__init__(protocol, tracked, without)
        self.budget = budget
        self.opened = 0
        """Combinations looked at."""
        self.inside: Callable[[str], Pseudonymiser] | None = None
        """Says what the facts can be in a state; without it they may be anything."""
        self._legs: dict[tuple[str, str, Pseudonymiser], tuple[Leg, Pseudonymiser] | None] = {}
        self._onwards: dict[str, tuple[Move, ...]] = {}
        self._found_alone: dict[tuple[str, str, Pseudonymiser, int], bool] = {}
        self._leads: dict[str, tuple[int, ...]] = {}
        self._touching: dict[int, frozenset[str]] = {}

    def share(self, other: Planner) -> None:
        """Take over what another planner of the same definition has worked out about facts."""
        self.world = other.world
        self._tables, self._moved, self._touching, self._today, self._leads = (
            other._tables, other._moved, other._touching, other._today, other._leads,
        )  # fmt: skip
        self.steps = other.steps

    def known_in(self, state: str) -> Pseudonymiser:
        """What each fact, taken alone, can be at all in a case that stands there."""
        return self.inside(state) if self.inside is not None else self.nothing_known

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for steps in self.world.steps.values() for step in steps)

    def ready(
        self, needs: tuple[Need, ...], state: str, masks: Pseudonymiser, kept: frozenset[int] = frozenset()
    ) -> tuple[tuple[Step | Wait, ...], Pseudonymiser] | None:
        """Acts, and waiting, after which these needs surely hold; None where none were found. `kept` facts stay."""
        if not self._may_all_hold(self.unmet(needs, masks), state, masks):
            return None
        order = count()
        begun: tuple[int, int, Pseudonymiser, tuple[Step | Wait, ...]] = (0, next(order), masks, ())
        telling = sorted({place for need in needs for place in self._leading(need)})
        waiting, seen, opened = [begun], {self._told_apart(masks, telling)}, 0
        while waiting and opened < _OPENED:
            _rank, _number, at, done = heapq.heappop(waiting)
            unmet = self.unmet(needs, at)
            if not unmet:
                return done, at
            opened += 1
            self.opened += 1
            self.budget.take()
            for step in self._towards(unmet, state, at):
                after = self.after(step, at)
                key = self._told_apart(after, telling)
                if key not in seen and all(after[place] == masks[place] for place in kept):
                    seen.add(key)
                    rank = len(self.unmet(needs, after)) * 4 + len(done) + 1
                    heapq.heappush(waiting, (rank, next(order), after, (*done, step)))
        return None

    def _may_all_hold(self, unmet: Sequence[Need], state: str, masks: Pseudonymiser) -> bool:
        """Whether each of these needs, taken alone, might be made to hold here: a quick no, never a yes."""
        if len(unmet) > 1 and not all(self._alone(need, state, masks) for need in unmet):
            return False
        return all(self._is_within_reach(need, state, masks) for need in unmet)

    @staticmethod
    def _told_apart(masks: Pseudonymiser, telling: Iterable[int]) -> Pseudonymiser:
        return (*(masks[place] for place in telling), masks[-1])

    def ready_for_some(
        self, needs: tuple[Need, ...], state: str, masks: Pseudonymiser, splits: int = 2
    ) -> tuple[tuple[Step | Wait, ...], Pseudonymiser] | None:
        """As `ready`, for some case at least: where a fact that nobody changes here has one of its values.

        Facts that the acts towards it need are among these.
        """
        found = self.ready(needs, state, masks)
        if found is not None or not splits:
            return found
        unmet = self.unmet(needs, masks)
        acts = [self.protocol.acts[act] for need in unmet for act in need.met_by]
        asked = (self.protocol.needs[key] for act in acts for key in act.needs)
        for place in self._unmoved((*unmet, *asked), state, masks):
            for known in _split(masks, place):
                found = self.ready_for_some(needs, state, known, splits - 1)
                if found is not None:
                    return found
        return None

    def _unmoved(self, needs: Iterable[Need], state: str, masks: Pseudonymiser) -> Iterator[int]:
        """Facts which these needs read, of which several values are possible, and that no act here changes."""
        names = {name for need in needs for name in need.when.names}
        for place, name in enumerate(self.names):
            if name in names and masks[place] & (masks[place] - 1) and not self.can_move(name, state):
                yield place

    def _alone(self, need: Need, state: str, masks: Pseudonymiser) -> bool:
        """Whether this need, taken alone, can be made to hold here: it hangs on the facts that lead to it."""
        leading = self._leading(need)
        key = (need.key, state, tuple(masks[place] for place in leading), masks[-1])
        if key not in self._found_alone:
            self._found_alone[key] = self.ready((need,), state, masks) is not None
        return self._found_alone[key]

    def _leading(self, need: Need) -> tuple[int, ...]:
        """The places of the facts that a need reads, and that the acts towards it need."""
        if need.key not in self._leads:
            names, more = set[str](), self._read_by([need])
            while more != names:
                names = more
                asked = [one for step in self.steps if self._touches(step, names) for one in self._asked(step)]
                more = names | self._read_by(asked)
            self._leads[need.key] = tuple(sorted(self.world.place[name] for name in names))
        return self._leads[need.key]

    def _read_by(self, needs: Iterable[Need]) -> set[str]:
        """The facts followed here that these needs read."""
        return {name for need in needs for name in need.when.names if name in self.world.place}

    def _is_within_reach(self, need: Need, state: str, masks: Pseudonymiser) -> bool:
        """Whether some acts open here could make the need hold: a quick no, never a yes."""
        places = self._reads[need.key]
        if len(places) < len(need.when.names):
            return False
        names = [self.names[place] for place in places]
        for fact in (self.protocol.facts[name] for name in names):
            if fact.days or fact.people or fact.follow_up or fact.fallen_due:
                return True
        ranges = [self._within_reach(place, state, masks[place]) for place in places]
        return any(
            all(need.when.holds(dict(zip(names, values, strict=True))) for values in product(*picked))
            for picked in product(*ranges)
        )

    def _within_reach(self, place: int, state: str, mask: int) -> list[Sequence[Value]]:
        """What a fact may be here, as it stands and after any act that is open."""
        found = {mask}
        for step in self.steps:
            if self.world.is_open(self.protocol.acts[step.act], state):
                image = step.images[place]
                found |= {through(image, mask), *image}
        domain = self.world.domains[self.names[place]]
        return [domain.members(one) for one in found]

    def _towards(self, unmet: Iterable[Need], state: str, masks: Pseudonymiser) -> Iterator[Step | Wait]:
        """What may help: acts that touch the facts of unmet needs, what those acts need, and time."""
        wanted = self._read_by(unmet)
        helping = [step for step in self.steps if self._touches(step, wanted)]
        wanted |= self._read_by(need for step in helping for need in self._asked(step) if not self.holds(need, masks))
        if masks[-1] == 0b01 and any(self._is_of_time(self.protocol.facts[name]) for name in wanted):
            yield Wait()
        for step in self.steps:
            if self._touches(step, wanted) and self.may_act(step, state, masks):
                yield step

    def _asked(self, step: Step) -> tuple[Need, ...]:
        act = self.protocol.acts[step.act]
        values = step.deed.given.values if step.deed else {}
        return tuple(self.protocol.needs[need] for need in (*act.needs, *act.needs_of(values)))

    @staticmethod
    def _is_of_time(fact: Fact) -> bool:
        return fact.days is not None or bool(fact.fallen_due)

    def _touches(self, step: Step, wanted: Iterable[str]) -> bool:
        return not self._touched(step).isdisjoint(wanted)

    def _touched(self, step: Step) -> frozenset[str]:
        """The facts that a step may move."""
        if id(step) not in self._touching:
            moved = {self.names[place] for place, _image in self._moving(step)}
            kept = {name for name in (self.names[place] for place in self._own) if self._moves_own(name, step)}
            self._touching[id(step)] = frozenset(moved | kept)
        return self._touching[id(step)]

    def _moves_own(self, name: str, step: Step) -> bool:
        fact, follow = self.protocol.facts[name], self.protocol.follow_up
        if fact.days:
            return any(source.act == step.act for source in fact.days.until)
        if fact.people:
            return self.protocol.acts[step.act].kind is ActKind.seat
        naming = {follow.act, *(one.act for one in follow.also_next)} if follow else set()
        return bool(fact.follow_up) and step.act in naming

    def onwards(self, state: str) -> tuple[Move, ...]:
        """The moves out of a state that somebody can make, those onwards first."""
        if state not in self._onwards:
            leaving = [one for one in self.protocol.moves.values() if state in one.from_ and self.may_move(one, state)]
            self._onwards[state] = tuple(sorted(leaving, key=lambda move: (move.to == HISTORY, move.backwards)))
        return self._onwards[state]

    def legs(self, state: str, masks: Pseudonymiser) -> Iterator[tuple[Leg, Pseudonymiser]]:
        """Each move that can surely be made from here, with the acts before it, and what is known after."""
        for move in self.onwards(state):
            if move.to == HISTORY:
                continue
            key = (move.key, state, masks)
            if key not in self._legs:
                found = self.ready(self.world.locked[move.key], state, masks)
                self._legs[key] = None
                if found is not None:
                    acts, at = found
                    known = self.move_on(move, state, move.to, at)
                    self._legs[key] = (Leg(state, acts, move.key, move.to), known)
            leg = self._legs[key]
            if leg is not None:
                yield leg

    def way(self, state: str, masks: Pseudonymiser, aim: Aim) -> Way | None:
        """A sure way from here to where it aims, through no state twice."""
        legs = []
        for leg, known in self.legs(state, masks):
            if leg.target in aim.good:
                return (leg,)
            legs.append((leg, known))
        back = self._way_back(state, masks, aim.good)
        if back is not None:
            return (back,)
        onwards = aim.after(state)
        for leg, known in legs if aim.deep > 1 else ():
            if leg.target not in onwards.passed and not self.protocol.states[leg.target].ended:
                rest = self.way(leg.target, known, onwards)
                if rest is not None:
                    return (leg, *rest)
                ways = self._ways_of_each(leg.target, known, onwards)
                if ways is not None:
                    return (leg, Fork(ways))
        return None

    def _way_back(self, state: str, masks: Pseudonymiser, good: Collection[str]) -> Leg | None:
        """Back to where the case was interrupted, where every state that it can have come from is good."""
        if not self.interrupted <= set(good):
            return None
        for move in self.onwards(state):
            found = self.ready(self.world.locked[move.key], state, masks) if move.to == HISTORY else None
            if found is not None:
                return Leg(state, found[0], move.key, HISTORY)
        return None

    @cached_property
    def interrupted(self) -> frozenset[str]:
        """The states from which a case can be interrupted, and the one in which it begins."""
        inside = self.world.interruptions
        entering = [move for move in self.protocol.moves.values() if move.to in inside]
        sources = {source for move in entering for source in move.from_ if source in self.protocol.states}
        return frozenset({*sources, self.protocol.initial.key} - inside)

    def surely(self, state: str, masks: Pseudonymiser, aim: Aim) -> Ways:
        """Ways to where it aims for every case in these masks: one way, or one for each value of some fact."""
        found = self.way(state, masks, aim)
        if found is not None:
            return {masks: found}
        return self._ways_of_each(state, masks, aim) or {masks: None}

    def _ways_of_each(self, state: str, masks: Pseudonymiser, aim: Aim) -> Ways | None:
        """A way for each value of some fact that nobody changes here; None where there is none for one of them."""
        for place in self._worth_telling(state, masks) if aim.splits else ():
            ways: Ways = {}
            inside = replace(aim, splits=aim.splits - 1)
            for known in _split(masks, place):
                if None not in ways.values():
                    way = self.way(state, known, inside)
                    more = None if way is not None else self._ways_of_each(state, known, inside)
                    ways |= more if more is not None else {known: way}
            if None not in ways.values():
                return ways
        return None

    def _worth_telling(self, state: str, masks: Pseudonymiser) -> Iterator[int]:
        """Facts that no act here changes, and that keep some move out of here shut."""
        needs = [need for move in self.onwards(state) for need in self.world.locked[move.key]]
        return self._unmoved(self.unmet(needs, masks), state, masks)

    def can_move(self, name: str, state: str) -> bool:
        """Whether some act open here gives the fact values of the act's own, whatever it was."""
        return any(
            name in self._touched(step) and self._decides(step, name)
            for step in self.steps
            if self.world.is_open(self.protocol.acts[step.act], state)
        )

    def _decides(self, step: Step, name: str) -> bool:
        place, whole = self.world.place[name], self.world.domains[name].whole
        return place in self._own or through(step.images[place], whole) != whole

    def all_ways(self, ends: Collection[str], known: Mapping[str, Ways] | None = None) -> dict[str, Ways]:
        """For every state that is not ended: ways to one of `ends`, found from the ends backwards, short ones first.

        `known` are ways found before, in the order of their finding; those that can still be gone are kept.
        """
        reached = set(ends)
        found: dict[str, Ways] = {}
        for state, ways in (known or {}).items():
            if all(way is not None and self._can_go(way, reached) for way in ways.values()):
                found[state] = ways
                reached.add(state)
        left = [key for key, state in self.protocol.states.items() if not state.ended and key not in reached]
        deep = 1
        while left and deep <= _DEEP:
            newly = self._found_anew(left, Aim(reached, deep), found)
            newly = newly or self._found_anew(left, Aim(reached, deep, splits=2), found)
            left = [state for state in left if state not in newly]
            deep = 1 if newly else deep + 1
        return found | {state: {self.known_in(state): None} for state in left}

    def _found_anew(self, states: Iterable[str], aim: Aim, found: dict[str, Ways]) -> list[str]:
        """The states from which there are ways to where it aims; each is one to aim at from then on."""
        newly = []
        for state in states:
            ways = self.surely(state, self.known_in(state), aim)
            if None not in ways.values():
                newly.append(state)
                found[state] = ways
                aim.good.add(state)
        return newly

    def _can_go(self, way: Way, reached: Collection[str]) -> bool:
        """Whether a way found before can be gone by who takes part now, and still ends where one may end."""
        for leg in way:
            if isinstance(leg, Fork):
                return all(one is not None and self._can_go(one, reached) for one in leg.ways.values())
            if not self._can_be_made(leg):
                return False
        last = way[-1]
        if isinstance(last, Leg) and last.target == HISTORY:
            return self.interrupted <= set(reached)
        return isinstance(last, Leg) and last.target in reached

    def _can_be_made(self, leg: Leg) -> bool:
        """Whether somebody who takes part is there for each act of it and for its move."""
        acts = (step for step in leg.acts if not isinstance(step, Wait))
        return self.may_move(self.protocol.moves[leg.move], leg.state) and all(
            self._can_act(step, leg.state) for step in acts
        )


def _split(masks: Pseudonymiser, place: int) -> Iterator[Pseudonymiser]:
    """The same for each value that the fact at that place may have."""
    return ((*masks[:place], 1 << bit, *masks[place + 1 :]) for bit in bits_of(masks[place]))


def decisive(protocol: Protocol) -> tuple[str, ...]:
    """The facts that keep something shut: of needs that nobody goes on without, and of acts' own needs."""
    needs = {need for move in protocol.moves.values() for need in move.needs if protocol.needs[need].lock is not None}
    for act in protocol.acts.values():
        needs.update(act.needs, *(rule.needs for rule in act.needs_when))
    names = {name for need in needs for name in protocol.needs[need].when.names}
    return tuple(key for key, fact in protocol.facts.items() if key in names or counts_raised(fact))
