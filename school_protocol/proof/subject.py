"""What a proof is about: one definition with what every property asks of it, worked out once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition import HISTORY, START, ActKind, DangerFact, Fact, FactType, Move, Protocol
from school_protocol.engine.texts import Text
from school_protocol.proof.answer_space import Given
from school_protocol.proof.effects import Deed, is_free, through
from school_protocol.proof.plans import Leg, Planner, Pseudonymiser, Wait, Without, decisive
from school_protocol.proof.reachability import Explorer
from school_protocol.proof.replay import Stage, Stopped, attempts
from school_protocol.proof.state_space import STEPS, Steps, Story, World, counts_raised

RAISED = "raised_dangers"
"""The fact that the proof adds where a definition counts no raised dangers itself."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a proof goes before it says that it could not prove."""

    combinations: int = 400_000
    """Of one walk."""
    steps: int = STEPS
    """Of all walks and all ways looked for, together."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A sure way from the opening to a state, and what the facts may be there."""

    opening: str
    """The act that opens the case."""
    legs: tuple[Leg, ...]
    masks: Pseudonymiser


def with_raised(protocol: Protocol) -> Protocol:
    """The definition with a fact that counts raised dangers, where it has none."""
    if any(counts_raised(fact) for fact in protocol.facts.values()) or not protocol.dangers:
        return protocol
    label = Text.model_validate(dict.fromkeys(protocol.languages, RAISED))
    fact = Fact(key=RAISED, label=label, type=FactType.count, initial="0", dangers=DangerFact(states=("raised",)))
    return protocol.model_copy(update={"facts": {**protocol.facts, RAISED: fact}})


class Subject:
    """One definition under proof."""

    def __init__(self, protocol: Protocol, limits: Limits, only: Collection[str] = ()) -> None:
        self.protocol = with_raised(protocol)
        self.limits = limits
        self.steps = Steps(limits.steps)
        self.only = only
        """Properties that are asked for; empty: all."""
        self.walked = 0
        """Combinations of all walks."""
        self._ever: dict[tuple[str, str], bool] = {}

    def asks(self, *names: str) -> bool:
        """Whether one of these properties is asked for."""
        return not self.only or any(name in self.only for name in names)

    # ---- walks -------------------------------------------------------------------------------------------------

    def explorer(self, tracked: frozenset[str], *conditions: Condition) -> Explorer:
        return Explorer(World(self.protocol, tracked, conditions), self.limits.combinations, self.steps)

    @cached_property
    def planner(self) -> Planner:
        return self.planner_without(None)

    def planner_without(self, without: Without | None) -> Planner:
        """One that looks for ways which somebody takes no part in."""
        planner = Planner(self.protocol, decisive(self.protocol), without, self.steps)
        planner.inside = self._known.__getitem__
        return planner

    @cached_property
    def _known(self) -> Mapping[str, Pseudonymiser]:
        """For each state: what each decisive fact, taken alone, can be there; anything, where no case comes."""
        found: dict[str, list[int]] = {state: [] for state in self.protocol.states}
        for name in decisive(self.protocol):
            explorer = self.explorer(frozenset({name}))
            whole = explorer.world.whole[0]
            if is_free(self.protocol.facts[name]):
                masks = dict.fromkeys(found, whole)
            else:
                explorer.explore()
                self.walked += len(explorer.reached)
                masks = dict.fromkeys(found, 0)
                for node in explorer.reached:
                    masks[node.state] |= 1 << node.places[0]
            for state, mask in masks.items():
                found[state].append(mask or whole)
        return {state: (*masks, 0b01) for state, masks in found.items()}

    @cached_property
    def ends(self) -> tuple[str, ...]:
        """Where a case has come to its end; where it goes on elsewhere, only if there is no other."""
        ended = [key for key, state in self.protocol.states.items() if state.ended]
        return tuple(key for key in ended if not self.protocol.states[key].successor) or tuple(ended)

    @cached_property
    def waiting(self) -> tuple[str, ...]:
        """States in which a case goes on."""
        return tuple(key for key, state in self.protocol.states.items() if not state.ended)

    def may_ever_hold(self, need: str, state: str) -> bool:
        """Whether any case in that state can meet the need, as far as the need's own facts tell."""
        if (need, state) not in self._ever:
            condition = self.protocol.needs[need].when
            explorer = self.explorer(frozenset(condition.names))
            explorer.explore()
            self.walked += len(explorer.reached)
            for one in self.protocol.states:
                self._ever[need, one] = False
            for node in explorer.reached:
                if explorer.may_hold(self.protocol.needs[need], node.places):
                    self._ever[need, node.state] = True
        return self._ever[need, state]

    def shut_needs(self, move: Move, state: str) -> tuple[str, ...]:
        """Needs of a move that no case in this state can ever meet."""
        locked = self.planner.world.locked[move.key]
        return tuple(need.key for need in locked if not self.may_ever_hold(need.key, state))

    # ---- arrivals ----------------------------------------------------------------------------------------------

    @cached_property
    def opening(self) -> Move | None:
        return next((move for move in self.protocol.moves.values() if START in move.from_ and move.to != HISTORY), None)

    @cached_property
    def arrivals(self) -> Mapping[str, Arrival]:
        """For each state that can be reached surely: a short way there, without a danger where there is one."""
        return self.arrivals_by(self.protocol.moves)

    def arrivals_by(self, moves: Collection[str]) -> Mapping[str, Arrival]:
        """As `arrivals`, by these moves alone."""
        found: dict[str, Arrival] = {}
        for begun, arrival in self._begun():
            if begun not in found:
                found[begun] = arrival
                self._arrive(found, [begun], moves)
        while (further := self._by_chance(found, moves)) is not None:
            self._arrive(found, [further], moves)
        return found

    def _arrive(self, found: dict[str, Arrival], waiting: list[str], moves: Collection[str]) -> None:
        while waiting:
            state = waiting.pop(0)
            for leg, masks in self.planner.legs(state, found[state].masks):
                if leg.target not in found and leg.move in moves:
                    found[leg.target] = Arrival(found[state].opening, (*found[state].legs, leg), masks)
                    waiting.append(leg.target)

    def _by_chance(self, found: dict[str, Arrival], moves: Collection[str]) -> str | None:
        """One more state, to which some cases come and others do not."""
        planner = self.planner
        for arrived in (True, False):
            for state, move in [(one, move) for one in found for move in planner.onwards(one)]:
                if move.key not in moves or move.to == HISTORY or move.to in found:
                    continue
                if not arrived and self.shut_needs(move, state):
                    continue
                masks = found[state].masks if arrived else planner.known_in(state)
                ready = planner.ready_for_some(planner.world.locked[move.key], state, masks)
                if ready is not None:
                    acts, at = ready
                    leg = Leg(state, acts, move.key, move.to)
                    masks = planner.move_on(move, state, move.to, at)
                    found[move.to] = Arrival(found[state].opening, (*found[state].legs, leg), masks)
                    return move.to
        return None

    def _begun(self) -> Iterator[tuple[str, Arrival]]:
        initial, opening = self.protocol.initial.key, self.opening
        openers = [act for act in self.protocol.acts.values() if START in act.in_]
        if opening is None:
            return
        planner = self.planner
        images = (planner.world.effects[name].entering(opening, START, initial, None) for name in planner.names)
        fresh = tuple(through(image, mask) for image, mask in zip(images, planner.world.start, strict=True))
        for act in sorted(openers, key=lambda one: one.kind is ActKind.raise_danger):
            if not planner.somebody(act.by, initial):
                continue
            urgent = planner.world.urgent
            if act.kind is ActKind.raise_danger and urgent is not None and START in urgent.from_:
                yield urgent.to, Arrival(act.key, (), planner.known_in(urgent.to))
            else:
                yield initial, Arrival(act.key, (), (*fresh, 0b01))

    # ---- stories -----------------------------------------------------------------------------------------------

    def arrivals_with(self, move: Move) -> Iterator[Arrival]:
        """Ways that end with this move: for each state that it leaves, by each move that leads there."""
        for state in move.from_:
            known = self.arrivals.get(state)
            ways = [] if known is None else [known]
            for before in self.protocol.moves.values():
                for source in before.from_ if before.to == state else ():
                    if source in self.arrivals and not before.automatic:
                        ways.extend(self._onto(self.arrivals[source], source, before))
            for way in ways:
                yield from self._onto(way, state, move)

    def _onto(self, arrival: Arrival, state: str, move: Move) -> Iterator[Arrival]:
        """That way, gone on with a move, if it can be made by some case there."""
        planner = self.planner
        if not planner.may_move(move, state) or move.to == HISTORY:
            return
        for masks in (arrival.masks, planner.known_in(state)):
            ready = planner.ready_for_some(planner.world.locked[move.key], state, masks)
            if ready is not None:
                leg = Leg(state, ready[0], move.key, move.to)
                yield Arrival(arrival.opening, (*arrival.legs, leg), planner.move_on(move, state, move.to, ready[1]))
                return

    def play(self, arrival: Arrival, stage: Stage, *, last: bool = True) -> None:
        """Play a sure way, its last move or not. Raises Stopped."""
        kind = self.protocol.acts[arrival.opening].kind
        stage.act(Deed(Given(arrival.opening, raises=kind is ActKind.raise_danger), signed=True, grants=True))
        for leg in arrival.legs:
            for step in leg.acts:
                if isinstance(step, Wait):
                    stage.wait(step.days)
                elif step.deed is not None:
                    stage.act(step.deed)
            if last or leg is not arrival.legs[-1]:
                stage.move(leg.move)

    def story_of(
        self, state: str, arrivals: Mapping[str, Arrival] | None = None, favoured: Collection[str] = ()
    ) -> Story | None:
        """How a case comes to that state, in one of these ways, and what then keeps its ways on shut.

        Whoever is `favoured` acts wherever it may.
        """
        arrival = (self.arrivals if arrivals is None else arrivals).get(state)
        if arrival is None:
            return None
        first: Stage | None = None
        for stage in attempts(self.protocol, favoured=favoured):
            try:
                self.play(arrival, stage)
            except Stopped:
                first = first or stage
                continue
            if stage.state == state:
                return self.told(stage, replayed=True)
        return self.told(first, replayed=False) if first else None

    def told(self, stage: Stage, *, replayed: bool, facts: tuple[str, ...] = ()) -> Story:
        """What a stage has seen, as a story."""
        state = stage.state
        moves = [move for move in self.protocol.moves.values() if state in move.from_ and not move.automatic]
        needs = dict.fromkeys(need.key for move in moves for need in self.planner.world.locked[move.key])
        unmet = tuple(need for need in needs if not stage.holds(need)) if stage.case else ()
        read = stage.facts() if stage.case else {}
        names = facts or tuple(dict.fromkeys(name for need in unmet for name in self.protocol.needs[need].when.names))
        known = {name: read[name] for name in names if name in self.protocol.facts and name != RAISED}
        return Story(tuple(stage.beats), state, known, unmet, replayed)
