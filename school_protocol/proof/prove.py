"""The whole proof of a definition, and the search for what must never be among all that can be reached.

A way that is found is played by the engine. Where the engine refuses it, the facts it refused it for are told apart
too, and the search begins anew: so a fault that is shown is one that the engine arrives at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from time import perf_counter

from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition import Move, Protocol
from school_protocol.engine.texts import Text
from school_protocol.proof import properties
from school_protocol.proof.answer_space import Given, TooMany
from school_protocol.proof.effects import Deed, is_free
from school_protocol.proof.reachability import Explorer, Link, Node
from school_protocol.proof.replay import Stage, Stopped, attempts
from school_protocol.proof.state_space import STEPS, LimitReached, Proof, Result, Story, Verdict, counts_raised
from school_protocol.proof.subject import RAISED, Limits, Subject

_ROUNDS, _TRIED = 6, 10
"""How often more facts are told apart, and how many choices of them are tried each time."""


@dataclass(frozen=True, slots=True)
class Never:
    """What must not be: a condition, as one of these moves is made, or as the case stands in one of these states."""

    name: str
    condition: Condition
    moves: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    sentence: Text | None = None


def results(subject: Subject) -> Iterator[Result]:
    """That nothing ends while a danger is raised, and what the definition itself says must never be."""
    if subject.asks("no_end_in_danger"):
        yield from _no_end_in_danger(subject)
    for key, one in subject.protocol.properties.items():
        if one.never is not None and subject.asks(f"properties.{key}"):
            states = {state for named in one.in_ for state in (subject.waiting if named == "open" else (named,))}
            moves = [move.key for move in subject.protocol.moves.values() if move.to in one.entering]
            yield result_of(
                subject,
                Never(
                    f"properties.{key}", one.never, frozenset(moves),
                    frozenset(states or (() if one.entering else subject.protocol.states)), one.sentence,
                ),
            )  # fmt: skip


def _no_end_in_danger(subject: Subject) -> Iterator[Result]:
    """Whoever hands a case over with its dangers leaves nobody in danger alone."""
    protocol = subject.protocol
    if not protocol.dangers:
        return
    ending = [
        move.key
        for move in protocol.moves.values()
        if move.to in protocol.states and protocol.states[move.to].ended and "dangers" not in move.carries
    ]
    raised = next(key for key, fact in protocol.facts.items() if counts_raised(fact))
    yield result_of(subject, Never("no_end_in_danger", Condition(f"{raised} > 0"), frozenset(ending)))


def result_of(subject: Subject, never: Never) -> Result:
    """Whether it can never be; where it can, the shortest way there that the engine goes."""
    return _Search(subject, never).result()


class _Search:
    """Tells apart more and more facts, until nothing bad is reached, or the engine reaches it."""

    def __init__(self, subject: Subject, never: Never) -> None:
        self.subject, self.never = subject, never
        self.combinations = 0

    def result(self) -> Result:
        never = self.never
        tracked = self._read(never.condition.names)
        story: Story | None = None
        about = ""
        try:
            for turn in range(_ROUNDS):
                explorer, found = self._walk(tracked)
                if found is None:
                    return self._told(Verdict.held)
                node, move = found
                about = move.key if move else node.state
                links = explorer.way_to(node)
                played = _Playing(self.subject, never, explorer).play(links, move)
                if played.arrived:
                    return self._told(Verdict.failed, about, played.story)
                story = played.story
                if turn == 0 and (known := self._by_a_known_way()) is not None:
                    return self._told(Verdict.failed, *known)
                best: tuple[int, frozenset[str]] | None = None
                for more in self._candidates(links, move, tracked, played.needs):
                    explorer, found = self._walk(tracked | more)
                    if found is None:
                        return self._told(Verdict.held)
                    length = len(explorer.way_to(found[0]))
                    if best is None or length > best[0]:
                        best = length, more
                if best is None:
                    break
                tracked |= best[1]
        except LimitReached:
            return self._told(Verdict.not_proven, about, story)
        return self._told(Verdict.not_proven, about, story)

    def _by_a_known_way(self) -> tuple[str, Story] | None:
        """What is bad, and how a case comes to it by a way that is known to lead there, answered to that end."""
        subject, never = self.subject, self.never
        for move in (subject.protocol.moves[key] for key in sorted(never.moves)):
            for arrival in subject.arrivals_with(move):
                for stage in attempts(subject.protocol, never.condition):
                    with suppress(Stopped):
                        subject.play(arrival, stage, last=False)
                        if never.condition.truth(stage.facts()) is not False:
                            stage.move(move.key)
                            names = tuple(name for name in never.condition.names if name != RAISED)
                            return move.key, subject.told(stage, replayed=True, facts=names)
        return None

    def _told(self, verdict: Verdict, about: str = "", story: Story | None = None) -> Result:
        never = self.never
        return Result(never.name, verdict, about, never.sentence, story, combinations=self.combinations)

    def _walk(self, tracked: frozenset[str]) -> tuple[Explorer, tuple[Node, Move | None] | None]:
        explorer = self.subject.explorer(tracked, self.never.condition)
        found = explorer.explore(_bad(self.never, explorer))
        self.combinations = len(explorer.reached)
        self.subject.walked += len(explorer.reached)
        return explorer, found

    def _read(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(name for name in names if not is_free(self.subject.protocol.facts[name]))

    def _candidates(
        self, links: Sequence[Link], move: Move | None, tracked: frozenset[str], refused: Collection[str]
    ) -> list[frozenset[str]]:
        """Facts to tell apart besides: of needs on the way, those that cost least first."""
        keys = [*([move.key] if move else []), *(link.move for link in reversed(links) if link.move)]
        needs = [need.key for key in dict.fromkeys(keys) for need in self.subject.planner.world.locked[key]]
        found = [self._read(self.subject.protocol.needs[need].when.names) - tracked for need in [*needs, *refused]]
        unique = [more for more in dict.fromkeys(found) if more]
        return sorted(unique, key=self._cost)[:_TRIED]

    def _cost(self, names: frozenset[str]) -> int:
        domains = self.subject.planner.world.domains
        return prod(len(domains[name].values) if name in domains else 4 for name in names)


def _bad(never: Never, explorer: Explorer) -> Callable[[Node, Move | None], bool]:
    known: dict[tuple[int, ...], bool] = {}

    def bad(node: Node, move: Move | None) -> bool:
        if (move.key not in never.moves) if move is not None else (node.state not in never.states):
            return False
        if node.places not in known:
            known[node.places] = never.condition.truth(explorer.world.values(node.places)) is not False
        return known[node.places]

    return bad


@dataclass(frozen=True, slots=True)
class _Played:
    arrived: bool
    story: Story
    needs: tuple[str, ...] = ()
    """Needs that were in the way."""


class _Playing:
    """One way through the engine: what is in the way is mended if that leaves what matters as it is."""

    def __init__(self, subject: Subject, never: Never, explorer: Explorer) -> None:
        self.subject, self.never, self.explorer = subject, never, explorer
        self.protocol = subject.protocol

    def play(self, links: Sequence[Link], move: Move | None) -> _Played:
        """The way as it was played, whatever had to be answered for that."""
        first: _Played | None = None
        for stage in attempts(self.protocol):
            played = self._play_on(stage, links, move)
            if played.arrived:
                return played
            first = first or played
        assert first is not None
        return first

    def _play_on(self, stage: Stage, links: Sequence[Link], move: Move | None) -> _Played:
        try:
            self._open(links, stage)
            for link in links[1:]:
                self._follow(link, stage)
            if move is not None:
                self._make(move.key, stage, dry=True)
        except Stopped as stopped:
            return _Played(False, self._told(stage, replayed=False), stopped.needs)
        arrived = self.never.condition.truth(stage.facts()) is not False
        if arrived and move is not None:
            try:
                stage.move(move.key)
            except Stopped as stopped:
                return _Played(False, self._told(stage, replayed=False), stopped.needs)
        return _Played(arrived, self._told(stage, replayed=arrived), () if arrived else tuple(self._asked(links, move)))

    def _told(self, stage: Stage, *, replayed: bool) -> Story:
        names = tuple(name for name in self.never.condition.names if name != RAISED)
        return self.subject.told(stage, replayed=replayed, facts=names)

    def _asked(self, links: Sequence[Link], move: Move | None) -> Iterator[str]:
        """Needs of the moves on the way: told apart where the engine ended elsewhere."""
        for key in [*(link.move for link in links if link.move), *([move.key] if move else [])]:
            yield from (need.key for need in self.subject.planner.world.locked[key])

    def _open(self, links: Sequence[Link], stage: Stage) -> None:
        first = links[0].step
        if first is not None and first.deed is not None:
            stage.act(first.deed)
            return
        opener = next(iter(self.subject.arrivals.values())).opening if self.subject.arrivals else ""
        if opener:
            stage.act(Deed(Given(opener), signed=True, grants=True))

    def _follow(self, link: Link, stage: Stage) -> None:
        if link.move is not None:
            self._make(link.move, stage)
        elif link.step is not None and link.step.deed is not None:
            try:
                stage.act(link.step.deed)
            except Stopped as stopped:
                if not stopped.needs:
                    raise
                self._mend(stopped.needs, stage)
                stage.act(link.step.deed)

    def _make(self, key: str, stage: Stage, *, dry: bool = False) -> None:
        """Make a move; what is in its way is done first, where that can be done here."""
        unmet = [need.key for need in self.subject.planner.world.locked[key] if not stage.holds(need.key)]
        if unmet:
            self._mend(tuple(unmet), stage)
        if not dry:
            stage.move(key)

    def _mend(self, needs: Collection[str], stage: Stage) -> None:
        """Do what makes these needs hold, and leaves the facts that matter as they are. Raises Stopped."""
        planner = self.subject.planner
        facts = stage.facts()
        masks = []
        for name in planner.names:
            domain = planner.world.domains[name]
            try:
                masks.append(1 << domain.index(facts[name]))
            except ValueError:
                masks.append(domain.whole)
        wanted = tuple(self.protocol.needs[need] for need in needs)
        kept = {planner.world.place[name] for name in self.never.condition.names if name in planner.world.place}
        found = planner.ready(wanted, stage.state, (*masks, 0b01), kept=frozenset(kept))
        if found is None:
            raise stage.stopped(tuple(needs))
        for step in found[0]:
            deed = getattr(step, "deed", None)
            if deed is not None:
                stage.act(deed)
            else:
                stage.wait(getattr(step, "days", 0))


# ---- the whole proof of one definition -----------------------------------------------------------------------------

_CHAPTERS: tuple[tuple[str, Callable[[Subject], Iterator[Result]]], ...] = (
    ("going_on", properties.progress_results),
    ("nevers", results),
    ("parts", properties.part_results),
)


def prove(protocol: Protocol, *, steps: int = STEPS, combinations: int = 400_000, only: Collection[str] = ()) -> Proof:
    """Every property of a definition, each held, failed with a story, or not proven within the limits.

    With `only`, no others than these are asked for, as far as they are proven apart: such a proof says nothing more.
    """
    begun = perf_counter()
    subject = Subject(protocol, Limits(combinations, steps), only)
    results: list[Result] = []
    for name, chapter in _CHAPTERS:
        try:
            results += chapter(subject)
        except (TooMany, LimitReached) as limit:
            results.append(Result(name, Verdict.not_proven, str(limit)))
    explored = sum(result.combinations for result in results)
    return Proof(tuple(results), explored, perf_counter() - begun)
