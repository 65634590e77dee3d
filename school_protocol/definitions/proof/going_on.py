"""That a case can always go on, and to an end: whoever is missing, whoever never answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from school_protocol.definitions.proof.ground import Without
from school_protocol.definitions.proof.planning import Aim, Planner, Ways
from school_protocol.definitions.proof.subject import Subject
from school_protocol.definitions.proof.verdicts import Result, Verdict
from school_protocol.domain.protocol import HISTORY, Move


def results(subject: Subject) -> Iterator[Result]:
    """Every result about going on and coming to an end."""
    if not subject.asks("end_reachable", "way_on", "end_without_outsiders", "end_without_role"):
        return
    planner = subject.planner
    ways = planner.all_ways(subject.ends)
    yield from _told(subject, planner, ways, "end_reachable")
    yield from _way_on(subject)
    if not _all_found(ways):
        return
    outsiders = subject.planner_without(Without(outsiders=True))
    yield from _told(subject, outsiders, outsiders.all_ways(subject.ends, ways), "end_without_outsiders")
    for role in subject.protocol.roles:
        alone = subject.planner_without(Without(role))
        alone.share(planner)
        yield from _told(subject, alone, alone.all_ways(subject.ends, ways), "end_without_role", role)


def _all_found(ways: Mapping[str, Ways]) -> bool:
    return not any(None in found.values() for found in ways.values())


def _told(subject: Subject, planner: Planner, ways: Mapping[str, Ways], name: str, whom: str = "") -> Iterator[Result]:
    """One result where it holds; where not, one for the first state from which no way leads to an end."""
    stuck = [state for state, found in ways.items() if None in found.values()]
    if not stuck:
        yield Result(name, Verdict.held, whom, combinations=planner.opened)
        return
    hopeless = [state for state in stuck if _is_hopeless(subject, planner, state, subject.ends)]
    state = (hopeless or stuck)[0]
    verdict = Verdict.failed if hopeless else Verdict.not_proven
    about = f"{whom}:{state}" if whom else state
    yield Result(name, verdict, about, story=subject.story_of(state), combinations=planner.opened)


def _way_on(subject: Subject) -> Iterator[Result]:
    """From every combination in a state some move can be made ready, and made."""
    planner, opened = subject.planner, subject.planner.opened
    for state in subject.waiting:
        others = set(subject.protocol.states) - {state}
        if None in planner.surely(state, planner.known_in(state), Aim(set(others), 1, splits=2)).values():
            failed = _is_hopeless(subject, planner, state, others)
            verdict = Verdict.failed if failed else Verdict.not_proven
            yield Result("way_on", verdict, state, story=subject.story_of(state))
            return
    yield Result("way_on", Verdict.held, combinations=planner.opened - opened)


def _is_hopeless(subject: Subject, planner: Planner, state: str, ends: Collection[str]) -> bool:
    """Whether no case in this state can ever come to one of `ends`, whatever anybody does."""
    seen, waiting = {state}, [state]
    while waiting:
        at = waiting.pop()
        for move in subject.protocol.moves.values():
            if at not in move.from_ or not _may_be_made(subject, planner, move, at):
                continue
            for target in subject.protocol.states if move.to == HISTORY else (move.to,):
                if target in ends:
                    return False
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
    return True


def _may_be_made(subject: Subject, planner: Planner, move: Move, state: str) -> bool:
    if move.automatic:
        return bool(subject.protocol.dangers)
    return planner.may_move(move, state) and not subject.shut_needs(move, state)
