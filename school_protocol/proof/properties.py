"""Properties that a proof asks: a case can always go on and to an end, every part of the definition works."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import product

from school_protocol.engine.conditions import Condition, Value
from school_protocol.engine.definition import (  # fmt: skip
    HISTORY,
    START,
    Act,
    ActKind,
    Deadline,
    Fact,
    Fold,
    Grid,
    Move,
    Need,
    Property,
    Source,
)
from school_protocol.engine.facts import Facts
from school_protocol.proof.answer_space import Domain, domain_of
from school_protocol.proof.plans import Aim, Planner, Ways, Without
from school_protocol.proof.state_space import Result, Story, Verdict
from school_protocol.proof.subject import Subject


def progress_results(subject: Subject) -> Iterator[Result]:
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


# ---- every part does its work --------------------------------------------------------------------------------------
# Nothing is dead, the urgent path is one act away, two people end a case, time runs.


def part_results(subject: Subject) -> Iterator[Result]:
    for name, found in _EVERY.items():
        if subject.asks(name):
            yield from found(subject)
    for key, one in subject.protocol.properties.items():
        if not subject.asks(f"properties.{key}"):
            continue
        if one.always_possible is not None:
            yield _always_possible(subject, key, one, one.always_possible)
        elif one.leads_to:
            yield _leads_to(subject, key, one)


def _all(name: str, faults: list[Result], combinations: int = 0) -> Iterator[Result]:
    yield from faults
    if not faults:
        yield Result(name, Verdict.held, combinations=combinations)


# ---- dead parts ------------------------------------------------------------------------------------------------------


def _no_dead_move(subject: Subject) -> Iterator[Result]:
    """Every move can be made from every state that it leaves: its needs have sources that are open early enough."""
    faults, opened = [], subject.planner.opened
    for move in subject.protocol.moves.values():
        for state in move.from_:
            if state == START or move.automatic or _can_be_made(subject, move, state):
                continue
            shut = subject.shut_needs(move, state)
            nobody = not subject.planner.may_move(move, state) or state not in subject.arrivals
            verdict = Verdict.failed if shut or nobody else Verdict.not_proven
            faults.append(Result("no_dead_move", verdict, f"{move.key}:{state}", story=subject.story_of(state)))
    yield from _all("no_dead_move", faults, subject.planner.opened - opened)


def _can_be_made(subject: Subject, move: Move, state: str) -> bool:
    """Whether some case in this state can be made ready for the move."""
    planner = subject.planner
    if not planner.may_move(move, state) or state not in subject.arrivals:
        return False
    return _some_ready(subject, planner.world.locked[move.key], state, set(move.from_))


def _some_ready(subject: Subject, needs: tuple[Need, ...], state: str, near: Iterable[str] = ()) -> bool:
    """Whether these needs can be made to hold in some case that stands here: as one arrives, or by some value."""
    planner = subject.planner
    arrived = subject.arrivals[state].masks
    masks = [arrived, planner.known_in(state)]
    for one in near:
        if one in subject.arrivals:
            masks += [known for leg, known in planner.legs(one, subject.arrivals[one].masks) if leg.target == state]
    return any(planner.ready_for_some(needs, state, one) is not None for one in masks)


def _no_dead_act(subject: Subject) -> Iterator[Result]:
    """Every act is open somewhere to somebody, and what it needs itself can be had."""
    verdicts = {act.key: _dead(subject, act) for act in subject.protocol.acts.values()}
    faults = [Result("no_dead_act", verdict, key) for key, verdict in verdicts.items() if verdict is not None]
    yield from _all("no_dead_act", faults)


def _dead(subject: Subject, act: Act) -> Verdict | None:
    """What is said of an act that nobody may ever make; None of any other."""
    protocol, planner = subject.protocol, subject.planner
    states = [state for state in protocol.states if planner.world.is_open(act, state)]
    here = [state for state in states if state in subject.arrivals and planner.somebody(act.by, state)]
    if not here:
        opens = START in act.in_ and planner.somebody(act.by, protocol.initial.key)
        return None if opens else Verdict.failed
    signing = act.signed_by or act.by
    if act.signatures and not any(planner.somebody(signing, state, act.signatures) for state in here):
        return Verdict.failed
    needs = tuple(protocol.needs[need] for need in act.needs)
    is_ready = not needs or any(_some_ready(subject, needs, state) for state in here)
    return None if is_ready else Verdict.not_proven


# ---- danger ----------------------------------------------------------------------------------------------------------


def _urgent_everywhere(subject: Subject) -> Iterator[Result]:
    """A danger can be raised in every state, by two people at least, and leads onto the urgent path at once."""
    protocol, world = subject.protocol, subject.planner.world
    if not protocol.dangers:
        yield Result("urgent_everywhere", Verdict.held)
        return
    faults = []
    for state, found in protocol.states.items():
        raising = [act for act in protocol.acts_of(ActKind.raise_danger) if world.is_open(act, state)]
        able = {holder for act in raising for holder in subject.planner.holders(act.by, state)}
        urgent = world.urgent
        leads = urgent is not None and (state in urgent.from_ or state == urgent.to or state in world.interruptions)
        if len(able) < 2 or not (leads or found.successor):
            faults.append(Result("urgent_everywhere", Verdict.failed, state, story=subject.story_of(state)))
    yield from _all("urgent_everywhere", faults)


# ---- four eyes -------------------------------------------------------------------------------------------------------


def _four_eyes(subject: Subject) -> Iterator[Result]:
    """Nobody ends a case alone: whoever makes the move, somebody else had to have acted, then or on the way there."""
    faults, alone = [], _come_to_alone(subject)
    for move in subject.protocol.moves.values():
        if move.automatic or move.to not in subject.protocol.states or not subject.protocol.states[move.to].ended:
            continue
        if not _takes_two(subject, move) and not alone.isdisjoint(move.from_):
            faults.append(Result("four_eyes", Verdict.failed, move.key, story=_ended_alone(subject, move)))
    yield from _all("four_eyes", faults)


def _ended_alone(subject: Subject, ending: Move) -> Story | None:
    """A way to that end on which each move can be made by one and the same."""
    moves = subject.protocol.moves.values()
    one = [move.key for move in moves if move.to != ending.to and (move.automatic or not _takes_two(subject, move))]
    return subject.story_of(ending.to, subject.arrivals_by((*one, ending.key)), ending.by[:1])


def _takes_two(subject: Subject, move: Move) -> bool:
    return any(_are_two(subject, group, move) for group in move.distinct) or _needs_two(subject, move)


def _come_to_alone(subject: Subject) -> set[str]:
    """The states to which one person may bring a case alone; what is interrupted comes back to one of them."""
    moves = subject.protocol.moves.values()
    steps = [move for move in moves if move.automatic or not _takes_two(subject, move)]
    opened = [*(move.opens for move in moves), *(act.opens for act in subject.protocol.acts.values())]
    found = {START, subject.protocol.initial.key, *(state for state in opened if state is not None)}
    while True:
        more = {move.to for move in steps if move.to in subject.protocol.states and not found.isdisjoint(move.from_)}
        if more <= found:
            return found
        found |= more


def _are_two(subject: Subject, group: tuple[str, ...], move: Move) -> bool:
    """Whether at least two of a set of persons who must differ are surely there."""
    present = [name for name in group if name in ("mover", "proposer") or _has_surely_acted(subject, name, move)]
    return len(present) >= 2 and not (set(present) == {"mover", "proposer"} and START in move.from_)


def _has_surely_acted(subject: Subject, act: str, move: Move) -> bool:
    """Whether some need that nobody goes on without fails as long as nobody made the act."""
    return any(_fails_without(subject, need, act) for need in subject.planner.world.locked[move.key])


def _fails_without(subject: Subject, need: Need, act: str) -> bool:
    facts = {name: subject.protocol.facts[name] for name in need.when.names}
    domains = {name: domain_of(fact, [need.when]) for name, fact in facts.items()}
    ranges: list[tuple[Value, ...]] = []
    for name, fact in facts.items():
        ranges.append(_values_without(domains[name], fact, act))
    return not any(need.when.holds(dict(zip(facts, values, strict=True))) for values in product(*ranges))


def _values_without(domain: Domain, fact: Fact, act: str) -> tuple[Value, ...]:
    """What a fact can be as long as an act was never made."""
    others = [source for source in fact.from_ if source.act != act]
    if len(others) == len(fact.from_) or any(source.value is None for source in others):
        return domain.values
    said = [source.value for source in others] + [fact.initial]
    return tuple(dict.fromkeys(None if text is None else Facts.typed(fact, text) for text in said))


def _needs_two(subject: Subject, move: Move) -> bool:
    """Whether an act with two signatures had to take effect, or two signatures are asked for."""
    signed = [act.key for act in subject.protocol.acts.values() if act.signatures >= 2]
    if any(_has_surely_acted(subject, act, move) for act in signed):
        return True
    return any(_fails_with_one(subject, need) for need in subject.planner.world.locked[move.key])


def _fails_with_one(subject: Subject, need: Need) -> bool:
    """Whether a need fails as long as some act bears less than two signatures."""
    facts = {name: subject.protocol.facts[name] for name in need.when.names}
    domains = {name: domain_of(fact, [need.when]).values for name, fact in facts.items()}
    for name in [name for name, fact in facts.items() if fact.fold is Fold.signatures and fact.from_]:
        ranges = [(0, 1) if other == name else domains[other] for other in facts]
        if not any(need.when.holds(dict(zip(facts, values, strict=True))) for values in product(*ranges)):
            return True
    return False


# ---- time ------------------------------------------------------------------------------------------------------------


def _waiting_has_deadline(subject: Subject) -> Iterator[Result]:
    """In every state in which a case waits some deadline runs, on whatever way the case came there."""
    protocol = subject.protocol
    running = {key: _running(subject, deadline) for key, deadline in protocol.deadlines.items()}
    schedule = _scheduled(subject)
    faults = []
    for state in subject.waiting:
        if state in schedule:
            continue
        found = [key for key, states in running.items() if state in states]
        if not _always_one(subject, [protocol.deadlines[key].unless for key in found]):
            faults.append(Result("waiting_has_deadline", Verdict.failed, state, story=subject.story_of(state)))
    yield from _all("waiting_has_deadline", faults)


def _always_one(subject: Subject, unless: list[Condition | None]) -> bool:
    """Whether, whatever the facts, one of these deadlines is not set aside."""
    if any(one is None for one in unless):
        return True
    conditions = [one for one in unless if one is not None]
    names = sorted({name for one in conditions for name in one.names})
    domains = [domain_of(subject.protocol.facts[name], conditions) for name in names]
    return bool(conditions) and all(
        any(one.truth(dict(zip(names, values, strict=True))) is False for one in conditions)
        for values in product(*(domain.values for domain in domains))
    )


def _scheduled(subject: Subject) -> frozenset[str]:
    """States in which the follow-up schedule surely runs, a missed follow-up is noticed, and each names the next."""
    protocol, follow = subject.protocol, subject.protocol.follow_up
    noticed = any(source.missed_follow_up for one in protocol.deadlines.values() for source in one.start)
    if follow is None or not noticed:
        return frozenset()
    naming = protocol.form_of(follow.act).by_key[follow.next_on]
    if not naming.required or naming.when is not None:
        return frozenset()
    return _surely_in(
        subject,
        lambda move, source, state, running: (
            state in follow.starts or source in running or _passed(subject, move, running)
        ),
    )


def _passed(subject: Subject, move: Move, running: Collection[str]) -> bool:
    """Whether the move needs one of these states to have been entered before."""
    for need in subject.planner.world.locked[move.key]:
        for name in need.when.names:
            fact = subject.protocol.facts[name]
            if fact.entered and set(fact.entered) <= set(running) and need.when.truth({name: False}) is False:
                return True
    return False


_Runs = Callable[[Move, str, str, set[str]], bool]
"""Whether something runs once a move was made: the move, from where, to where, and where it surely runs."""


def _surely_in(subject: Subject, runs: _Runs, met: Callable[[str], bool] = lambda _state: False) -> frozenset[str]:
    """The states in which something surely runs, on every way there."""
    states = set(subject.waiting)
    while True:
        kept = {
            state
            for state in states
            if not met(state) and all(runs(move, source, state, states) for move, source in _into(subject, state))
        }
        if kept == states:
            return frozenset(states)
        states = kept


def _running(subject: Subject, deadline: Deadline) -> frozenset[str]:
    """States in which a deadline surely runs: started on every way there, and met by nothing but leaving."""
    acts = {source.act for source in deadline.met_by if source.act}
    return _surely_in(
        subject,
        lambda move, source, state, running: _runs_after(subject, deadline, move, source, state, running),
        lambda state: _met_here(subject, deadline, acts, state),
    )


def _into(subject: Subject, state: str) -> Iterator[tuple[Move, str]]:
    """Every move into a state, with where it comes from; coming back from an interruption is none."""
    for move in subject.protocol.moves.values():
        if move.to == state:
            for source in move.from_:
                yield move, source


def _runs_after(subject: Subject, deadline: Deadline, move: Move, source: str, state: str, running: set[str]) -> bool:
    """Whether it runs once the move was made."""
    if any(_starts(one, move, source, state, subject) for one in deadline.start):
        return True
    if deadline.ends_with_state or source not in running:
        return False
    met = any(one.move == move.key or state in one.entered for one in deadline.met_by)
    return not met and deadline.key not in move.meets


def _starts(one: Source, move: Move, source: str, state: str, subject: Subject) -> bool:
    if state in one.entered or one.move == move.key:
        return True
    if one.danger == "raised" and move == subject.planner.world.urgent:
        return True
    return one.report and source == START


def _met_here(subject: Subject, deadline: Deadline, acts: Iterable[str | None], state: str) -> bool:
    """Whether what people can do here meets or ends it for good, while the case stays.

    A count of a danger, a referral or a guardian ends with it; one that waits for the team to look ends as it looks.
    """
    if deadline.per in ("danger", "referral", "guardian"):
        return True
    if deadline.repeat:
        return False
    if any(source.seen for source in deadline.met_by):
        return True
    return any(
        act in subject.protocol.acts
        and subject.planner.world.is_open(subject.protocol.acts[act], state)
        and not _moves_on(subject, subject.protocol.acts[act], state)
        for act in acts
        if act is not None
    )


def _moves_on(subject: Subject, act: Act, state: str) -> bool:
    """Whether a move out of here waits for nothing but this act: once it is made, going on waits for a press."""
    needs = subject.protocol.needs
    return any(
        all(act.key in needs[need].met_by for need in move.needs) and not move.backwards
        for move in subject.protocol.moves.values()
        if state in move.from_ and not move.automatic
    )


# ---- the law, the grid -----------------------------------------------------------------------------------------------


def _law_asked_for(subject: Subject) -> Iterator[Result]:
    """What the law fixes is asked for: each such need by some move or act, each such deadline under its ceiling."""
    protocol = subject.protocol
    asked = {need for move in protocol.moves.values() for need in move.needs}
    for act in protocol.acts.values():
        asked |= {*act.needs, *(need for rule in act.needs_when for need in rule.needs)}
    faults = [
        Result("law_asked_for", Verdict.failed, key)
        for key, need in protocol.needs.items()
        if need.lock == "law" and key not in asked
    ]
    faults += [
        Result("law_asked_for", Verdict.failed, key)
        for key, one in protocol.deadlines.items()
        if one.lock == "law" and (one.max is None or one.value > one.max)
    ]
    yield from _all("law_asked_for", faults)


def _grids(subject: Subject) -> Iterator[Result]:
    """Every total of a grid lies in exactly one level, every level is given by some total, every floor can hold."""
    faults, seen = [], 0
    for key, grid in subject.protocol.grids.items():
        totals = _totals(grid)
        seen += len(totals)
        for total in sorted(totals):
            if sum(level.low <= total <= level.high for level in grid.levels.values()) != 1:
                faults.append(Result("grid_whole", Verdict.failed, f"{key}: {total}"))
        for number, level in grid.levels.items():
            if not any(level.low <= total <= level.high for total in totals):
                faults.append(Result("grid_whole", Verdict.failed, f"{key}: {number}"))
        for place, floor in enumerate(grid.floors):
            names = sorted(floor.when.names)
            ranges = [range(len(grid.items[name].anchors)) for name in names]
            seen += 1
            if not any(floor.when.holds(dict(zip(names, scores, strict=True))) for scores in product(*ranges)):
                faults.append(Result("grid_whole", Verdict.failed, f"{key}: floors[{place}]"))
    yield from _all("grid_whole", faults, seen)


def _totals(grid: Grid) -> set[int]:
    """The totals that answers can give."""
    totals = {0}
    for item in grid.items.values():
        totals = {total + score * item.weight for total in totals for score in range(len(item.anchors))}
    return totals


_EVERY: Mapping[str, Callable[[Subject], Iterator[Result]]] = {
    "no_dead_move": _no_dead_move,
    "no_dead_act": _no_dead_act,
    "urgent_everywhere": _urgent_everywhere,
    "four_eyes": _four_eyes,
    "waiting_has_deadline": _waiting_has_deadline,
    "law_asked_for": _law_asked_for,
    "grid_whole": _grids,
}

# ---- declared --------------------------------------------------------------------------------------------------------


def _states_of(subject: Subject, one: Property) -> tuple[str, ...]:
    if not one.in_:
        return subject.waiting
    named = dict.fromkeys(state for name in one.in_ for state in (subject.waiting if name == "open" else (name,)))
    return tuple(named)


def _always_possible(subject: Subject, key: str, one: Property, wanted: str) -> Result:
    """In every case that stands there, somebody can make it, after acts that are open there at most."""
    name, planner = f"properties.{key}", subject.planner
    for state in _states_of(subject, one):
        if wanted in subject.protocol.moves:
            move = subject.protocol.moves[wanted]
            ready = (
                state in move.from_
                and planner.may_move(move, state)
                and planner.ready(planner.world.locked[wanted], state, planner.known_in(state)) is not None
            )
            shut = state not in move.from_ or not planner.may_move(move, state) or bool(subject.shut_needs(move, state))
        else:
            act = subject.protocol.acts[wanted]
            needs = tuple(subject.protocol.needs[need] for need in act.needs)
            is_open = planner.world.is_open(act, state) and planner.somebody(act.by, state)
            ready = is_open and planner.ready(needs, state, planner.known_in(state)) is not None
            shut = not is_open
        if not ready:
            verdict = Verdict.failed if shut else Verdict.not_proven
            return Result(name, verdict, state, one.sentence, subject.story_of(state))
    return Result(name, Verdict.held, sentence=one.sentence, combinations=planner.opened)


def _leads_to(subject: Subject, key: str, one: Property) -> Result:
    """From every case that stands there, one of the states can be reached."""
    name, planner = f"properties.{key}", subject.planner
    ways = planner.all_ways(one.leads_to)
    for state in _states_of(subject, one):
        if state not in one.leads_to and None in ways.get(state, {planner.known_in(state): None}).values():
            return Result(name, Verdict.not_proven, state, one.sentence, subject.story_of(state))
    return Result(name, Verdict.held, sentence=one.sentence, combinations=planner.opened)
