"""Every combination of state and facts that a case can reach, and the shortest way to one that must not be.

Whatever is not told apart may be anything: what is not reached here is not reached by any case.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from school_protocol.engine.conditions import Value
from school_protocol.engine.definition import HISTORY, START, Move, Need
from school_protocol.proof.effects import Image
from school_protocol.proof.state_space import LimitReached, Step, Steps, World


@dataclass(frozen=True, slots=True)
class Node:
    """One combination: where the case stands, where it came from if interrupted, the class of each fact."""

    state: str
    before: str | None
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """How a combination was first reached."""

    source: Node | None
    step: Step | None = None
    move: str | None = None


Bad = Callable[[Node, Move | None], bool]
"""Whether a combination is bad as a move is made from it; without a move, whether it is bad to stand there."""


class Explorer:
    """Walks all combinations of `world`, breadth first, from START."""

    def __init__(self, world: World, limit: int, steps: Steps) -> None:
        self.world = world
        self.steps = steps
        self.protocol = world.protocol
        self.limit = limit
        self.reached: dict[Node, Link] = {}
        self._may: dict[tuple[str, tuple[int, ...]], bool] = {}
        self._reads = {
            key: tuple(world.place[name] for name in need.when.names if name in world.place)
            for key, need in self.protocol.needs.items()
        }
        self._entering: dict[tuple[str, str, str, str | None], tuple[Image, ...]] = {}
        self._recalling = tuple(world.effects[name].recalls for name in world.names)
        self._was: dict[str, list[int]] = {
            key: [0] * len(world.names) for key, state in self.protocol.states.items() if state.ended
        }
        """For each ended state: what each fact was there, as far as was walked."""
        self._returns: dict[str, set[Node]] = {key: set() for key in self._was}
        """From where a case came back there: walked again as more is known."""
        self._acts = {
            state: tuple(
                step
                for key, steps in world.steps.items()
                if world.is_open(self.protocol.acts[key], state)
                for step in steps
            )
            for state in (START, *self.protocol.states)
        }
        self._around = {state: world.around(state) for state in self.protocol.states}
        self._moves = {
            state: tuple(move for move in self.protocol.moves.values() if state in move.from_ and not move.automatic)
            for state in self.protocol.states
        }

    def explore(self, bad: Bad | None = None) -> tuple[Node, Move | None] | None:
        """Walk everything; the first move from a combination that `bad` calls so, else None. Raises LimitReached.

        What happens around a case comes last, so that a way found is one of acts and moves wherever there is one.
        """
        waiting: deque[Node] = deque()
        outside: deque[Node] = deque()
        for node, link in self._openings():
            self._reach(node, link, waiting)
        handed_over = iter(self._handed_over())
        while True:
            if waiting:
                node = waiting.popleft()
                outside.append(node)
                if (found := self._found(bad, node)) is not None:
                    return found
                following = self._from_within(node)
            elif outside:
                following = self._from_outside(outside.popleft())
            elif (begun := next(handed_over, None)) is not None:
                following = iter((begun,))
            else:
                return None
            for after, link in following:
                self._reach(after, link, waiting)

    def _found(self, bad: Bad | None, node: Node) -> tuple[Node, Move | None] | None:
        """What is bad here: to stand here, or some move from here. Raises LimitReached."""
        self.steps.take()
        if bad is None:
            return None
        if bad(node, None):
            return node, None
        moves = (move for move in self._moves[node.state] if self._allows(move, node))
        return next(((node, move) for move in moves if bad(node, move)), None)

    def successors(self, node: Node) -> Iterator[tuple[Node, Link]]:
        """Where one move, one act, or what happens around a case, may lead from here."""
        yield from self._from_within(node)
        yield from self._from_outside(node)

    def _from_within(self, node: Node) -> Iterator[tuple[Node, Link]]:
        for move in self._moves[node.state]:
            if self._allows(move, node):
                for after in self._after_move(move, node):
                    yield from ((one, Link(node, move=move.key)) for one in self._pulled(after))
        for step in self._acts[node.state]:
            if self._act_may(step, node):
                yield from ((after, Link(node, step)) for after in self._after_step(step, node))

    def _from_outside(self, node: Node) -> Iterator[tuple[Node, Link]]:
        for step in self._around[node.state]:
            yield from ((after, Link(node, step)) for after in self._after_step(step, node))

    def _reach(self, node: Node, link: Link, waiting: deque[Node]) -> None:
        if node not in self.reached:
            if len(self.reached) >= self.limit:
                raise LimitReached(f"more than {self.limit} combinations")
            self.reached[node] = link
            waiting.append(node)
            if node.state in self._was and any(self._recalling):
                waiting.extend(self._walked_again(node))

    def _walked_again(self, node: Node) -> set[Node]:
        """What is known of an ended state grows by this combination: the ways back there that it widens."""
        known = self._was[node.state]
        wider = [was | 1 << place for was, place in zip(known, node.places, strict=True)]
        if all(was == now for was, now, recalls in zip(known, wider, self._recalling, strict=True) if recalls):
            return set()
        self._was[node.state] = wider
        return self._returns[node.state]

    def way_to(self, node: Node) -> list[Link]:
        """The links from the opening to `node`."""
        links = []
        at: Node | None = node
        while at is not None:
            link = self.reached[at]
            links.append(link)
            at = link.source
        return links[::-1]

    # ---- what may happen -------------------------------------------------------------------------------------

    def may_hold(self, need: Need, places: tuple[int, ...]) -> bool:
        """Whether a need can hold here, whatever is not told apart."""
        reads = self._reads[need.key]
        key = (need.key, tuple(places[place] for place in reads))
        if key not in self._may:
            values = {self.world.names[place]: self._value(place, places[place]) for place in reads}
            truth = need.when.truth(values)
            whole = len(reads) == len(need.when.names)
            self._may[key] = truth is True if whole else truth is not False
        return self._may[key]

    def _value(self, place: int, at: int) -> Value:
        return self.world.domains[self.world.names[place]].values[at]

    def _allows(self, move: Move, node: Node) -> bool:
        return all(self.may_hold(need, node.places) for need in self.world.locked[move.key])

    def _act_may(self, step: Step, node: Node) -> bool:
        act = self.protocol.acts[step.act]
        values = step.deed.given.values if step.deed else {}
        asked = (*act.needs, *act.needs_of(values))
        return all(self.may_hold(self.protocol.needs[need], node.places) for need in asked)

    # ---- what follows ----------------------------------------------------------------------------------------

    @cached_property
    def _opening(self) -> Move | None:
        moves = self.protocol.moves.values()
        return next((move for move in moves if START in move.from_ and move.to != HISTORY), None)

    def _openings(self) -> Iterator[tuple[Node, Link]]:
        opening = self._opening
        if opening is None:
            return
        initial = self.protocol.initial.key
        for places in self._begun(opening, initial):
            yield Node(initial, None, places), Link(None)
            for step in self._acts[START]:
                for after in self._after_step(step, Node(initial, None, places)):
                    yield after, Link(None, step)

    def _handed_over(self) -> Iterator[tuple[Node, Link]]:
        """What a case may be that another school's case opens here, with what that one carries."""
        opening = self._opening
        if opening is None:
            return
        opened = [(move.opens, move.carries) for move in self.protocol.moves.values()]
        opened += [(act.opens, ()) for act in self.protocol.acts.values()]
        for state, carries in dict.fromkeys((state, carries) for state, carries in opened if state is not None):
            for danger in (False, True) if "dangers" in carries else (False,):
                step = self.world.joined_in(with_danger=danger)
                for places in self._begun(opening, state):
                    for after in self._apply(step.images, places):
                        yield Node(state, None, after), Link(None, step)

    def _begun(self, opening: Move, state: str) -> Iterator[tuple[int, ...]]:
        return self._apply(self._images(opening, START, state, None), _places(self.world.start))

    def _after_move(self, move: Move, node: Node) -> Iterator[Node]:
        for target in self._targets(move, node):
            before = self._before(node, target)
            back = node.before if move.to == HISTORY else None
            images = self._images(move, node.state, target, back)
            if back in self._was and any(self._recalling):
                images = self._recalled(images, node, back)
            for places in self._apply(images, node.places):
                after = Node(target, before, places)
                yield from self._after_danger(after) if move != self.world.urgent else (after,)

    def _recalled(self, images: tuple[Image, ...], node: Node, back: str) -> tuple[Image, ...]:
        """Back in an ended state, what was recorded there counts again."""
        self._returns[back].add(node)
        each = zip(images, self._was[back], self._recalling, strict=True)
        return tuple(tuple(mask | was for mask in image) if recalls else image for image, was, recalls in each)

    def _after_danger(self, node: Node) -> Iterator[Node]:
        """Where a danger is raised, no move leads off the urgent path: the urgent one follows at once."""
        urgent, place = self.world.urgent, self.world.raised_place
        if urgent is None or node.state not in urgent.from_ or (place is not None and node.places[place] == 0):
            yield node
            return
        if place is None:
            yield node
        yield from self._after_move(urgent, node)

    def _pulled(self, node: Node) -> Iterator[Node]:
        """Where a case comes to rest: a danger that stands pulls it onto the urgent path, where that leaves here."""
        urgent, place = self.world.urgent, self.world.raised_place
        leaves = urgent is not None and node.state in urgent.from_ and bool(self.protocol.dangers)
        if urgent is not None and leaves and (place is None or node.places[place] != 0):
            yield from self._after_move(urgent, node)
        if not leaves or place is None or node.places[place] == 0:
            yield node

    def _targets(self, move: Move, node: Node) -> tuple[str, ...]:
        if move.to != HISTORY:
            return (move.to,)
        return (node.before or self.protocol.initial.key,)

    def _before(self, node: Node, target: str) -> str | None:
        inside = self.world.interruptions
        if target not in inside:
            return None
        return node.before if node.state in inside else node.state

    def _after_step(self, step: Step, node: Node) -> Iterator[Node]:
        urgent = self.world.urgent
        interrupts = step.raises and urgent is not None and node.state in urgent.from_
        for places in self._apply(step.images, node.places):
            after = Node(node.state, node.before, places)
            if interrupts and urgent is not None:
                yield from self._after_move(urgent, after)
            if not interrupts or self._was_raised(node):
                yield after

    def _was_raised(self, node: Node) -> bool:
        """Whether the danger that is named may stand already: then naming it again moves nothing."""
        place = self.world.raised_place
        return place is None or node.places[place] != 0

    def _images(self, move: Move, source: str, target: str, before: str | None) -> tuple[Image, ...]:
        key = (move.key, source, target, before)
        if key not in self._entering:
            effects = self.world.effects
            self._entering[key] = tuple(
                effects[name].entering(move, source, target, before) for name in self.world.names
            )
        return self._entering[key]

    @staticmethod
    def _apply(images: tuple[Image, ...], places: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        masks = [image[place] for image, place in zip(images, places, strict=True)]
        if all(mask & (mask - 1) == 0 for mask in masks):
            yield tuple(mask.bit_length() - 1 for mask in masks)
            return
        yield from product(*(_bits(mask) for mask in masks))


def _places(masks: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(mask.bit_length() - 1 for mask in masks)


_BITS: dict[int, tuple[int, ...]] = {}


def _bits(mask: int) -> tuple[int, ...]:
    if mask not in _BITS:
        _BITS[mask] = tuple(place for place in range(mask.bit_length()) if mask >> place & 1)
    return _BITS[mask]
