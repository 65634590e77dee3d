"""Help, worked out of a definition: what each act and move is for, who makes it and when; and words that are ready.

Nothing here looks at a case: help says what the protocol says, and goes with its version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from school_protocol.context import AppContext
from school_protocol.engine.definition import (
    HISTORY,
    START,
    Act,
    Danger,
    Deadline,
    Duty,
    Move,
    Need,
    Protocol,
    Source,
    Stage,
    State,
    Words,
)
from school_protocol.engine.definition_parts import Form
from school_protocol.engine.errors import Unseen
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Actor
from school_protocol.people.contacts import ContactLine, numbers_of_the_country

_Meant = Callable[[Source], bool]

EVERYONE = "everyone"
STEPS = "steps"
"""The topic that holds the moves; every other topic is a group of acts."""


@dataclass(frozen=True, slots=True)
class When:
    """Where a case stands when something is open: whole stages, and states of others. `before`: without a case too."""

    before: bool = False
    scope: str = ""
    """open: as long as the case is; any: after its end too; empty: only where `stages` and `states` say."""
    stages: tuple[Stage, ...] = ()
    states: tuple[State, ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """A deadline, and from what it is counted: kinds of moments, and titles of acts, moves and states."""

    deadline: Deadline
    moments: tuple[str, ...]
    """report, danger, hold or follow_up."""
    titles: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class ActHelp:
    act: Act
    form: Form
    when: When
    counts: tuple[Count, ...]
    needs: tuple[Need, ...]
    """What must hold first."""
    needs_of_answers: tuple[Need, ...]
    signed_by: tuple[str, ...]
    opens_way_to: tuple[Move, ...]
    """Moves that what is recorded here makes possible, or that follow at once."""
    words: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class MoveHelp:
    move: Move
    when: When
    target: State | None
    """None: back to where the case stood before."""
    needs: tuple[tuple[Need, tuple[Act, ...]], ...]
    """What must hold, each with the acts that see to it."""
    counts: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class DutyHelp:
    duty: Duty
    acts: tuple[Act, ...]
    counts: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """One page of help: the acts of a group, or the moves."""

    protocol: Protocol
    key: str
    acts: tuple[ActHelp, ...] = ()
    moves: tuple[MoveHelp, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleGuide:
    """What one role or seat does: its acts by group, its moves, what it must see to."""

    protocol: Protocol
    key: str
    is_mine: bool
    groups: tuple[tuple[str, tuple[ActHelp, ...]], ...]
    moves: tuple[MoveHelp, ...]
    duties: tuple[DutyHelp, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """One definition's help at a glance: the reader's own roles, the others, the seats, the topics."""

    protocol: Protocol
    mine: tuple[str, ...]
    others: tuple[str, ...]
    seats: tuple[str, ...]
    topics: tuple[str, ...]


# ---- what somebody is shown --------------------------------------------------------------------------------------


def see_guides(ctx: AppContext, actor: Actor | None) -> tuple[Guide, ...]:
    """The help of the current definitions in which this person holds a role; none for somebody unknown."""
    if actor is None:
        return ()
    held = _roles_of(actor)
    return tuple(_guide(one, held) for one in ctx.library.current() if held & one.roles.keys())


def see_topic(ctx: AppContext, actor: Actor, key: str, version: int, topic: str) -> Topic:
    """One page of help. Raises Unseen for a definition that is not this person's, or a page that is not there."""
    found = topic_of(known(ctx, actor, key, version), topic)
    if not (found.acts or found.moves):
        raise Unseen(topic)
    return found


def see_role(ctx: AppContext, actor: Actor, key: str, version: int, role: str) -> RoleGuide:
    """What a role or a seat does. Raises Unseen as `see_topic` does."""
    protocol = known(ctx, actor, key, version)
    if role not in protocol.roles and role not in protocol.seats:
        raise Unseen(role)
    return role_guide(protocol, role, is_mine=role in _roles_of(actor))


def known(ctx: AppContext, actor: Actor, key: str, version: int) -> Protocol:
    """A definition in which this person holds a role. Raises Unseen for any other."""
    held = _roles_of(actor)
    for one in ctx.library.every():
        if (one.protocol, one.version) == (key, version) and held & one.roles.keys():
            return one
    raise Unseen(key)


def _roles_of(actor: Actor) -> set[str]:
    return {appointment.role for appointment in actor.appointments}


# ---- the guide of a definition -----------------------------------------------------------------------------------


def topics_of(protocol: Protocol) -> tuple[str, ...]:
    """Every topic, in the order in which the definition's acts come."""
    return (*dict.fromkeys(act.group for act in protocol.acts.values()), STEPS)


def topic_of(protocol: Protocol, topic: str) -> Topic:
    acts = tuple(_act(protocol, act) for act in protocol.acts.values() if act.group == topic)
    moves = tuple(_move(protocol, move) for move in protocol.moves.values()) if topic == STEPS else ()
    return Topic(protocol, topic, acts, moves)


def role_guide(protocol: Protocol, role: str, *, is_mine: bool = False) -> RoleGuide:
    acts = [_act(protocol, act) for act in protocol.acts.values() if _may(protocol, role, act.by)]
    moves = (move for move in protocol.moves.values() if not move.automatic and _may(protocol, role, move.by))
    duties = (duty for duty in protocol.duties.values() if _may(protocol, role, duty.by))
    return RoleGuide(
        protocol=protocol,
        key=role,
        is_mine=is_mine,
        groups=tuple(
            (group, tuple(one for one in acts if one.act.group == group))
            for group in dict.fromkeys(one.act.group for one in acts)
        ),
        moves=tuple(_move(protocol, move) for move in moves),
        duties=tuple(_duty(protocol, duty) for duty in duties),
    )


def _guide(protocol: Protocol, held: set[str]) -> Guide:
    by = {name for act in protocol.acts.values() for name in act.by}
    by |= {name for move in protocol.moves.values() for name in move.by}
    busy = [role for role in protocol.roles if role in by]
    return Guide(
        protocol=protocol,
        mine=tuple(role for role in protocol.roles if role in held),
        others=tuple(role for role in busy if role not in held),
        seats=tuple(protocol.seats),
        topics=topics_of(protocol),
    )


def _may(protocol: Protocol, name: str, by: Iterable[str]) -> bool:
    """Whether a role, or whoever holds a seat, is among `by`."""
    allowed = set(by)
    if name in protocol.roles:
        return name in allowed or EVERYONE in allowed
    return name in allowed or protocol.seats[name].acts_as in allowed


def _act(protocol: Protocol, act: Act) -> ActHelp:
    met = {key for key, need in protocol.needs.items() if act.key in need.met_by}
    ways = [protocol.moves[act.moves]] if act.moves else []
    ways += [move for move in protocol.moves.values() if met.intersection(move.needs) and not move.backwards]
    asked = dict.fromkeys(need for rule in act.needs_when for need in rule.needs)
    return ActHelp(
        act=act,
        form=protocol.form_of(act),
        when=_when(protocol, act.in_),
        counts=tuple(_counts(protocol, lambda source: source.act == act.key)),
        needs=tuple(protocol.needs[need] for need in act.needs),
        needs_of_answers=tuple(protocol.needs[need] for need in asked),
        signed_by=(act.signed_by or act.by) if act.signatures else (),
        opens_way_to=tuple(ways),
        words=protocol.words_for(act.key),
    )


def _move(protocol: Protocol, move: Move) -> MoveHelp:
    met = {count.deadline.key: count for count in _counts(protocol, lambda source: source.move == move.key)}
    met |= {key: _count(protocol, protocol.deadlines[key]) for key in move.meets}
    return MoveHelp(
        move=move,
        when=_when(protocol, move.from_),
        target=None if move.to == HISTORY else protocol.states[move.to],
        needs=tuple(
            (protocol.needs[need], tuple(protocol.acts[act] for act in protocol.needs[need].met_by))
            for need in move.needs
        ),
        counts=tuple(count for count in met.values() if count.deadline.value),
    )


def _duty(protocol: Protocol, duty: Duty) -> DutyHelp:
    counts = (_count(protocol, protocol.deadlines[key]) for key in duty.deadlines)
    return DutyHelp(
        duty=duty,
        acts=tuple(protocol.acts[act] for act in duty.met_by),
        counts=tuple(count for count in counts if count.deadline.value),
    )


def _when(protocol: Protocol, names: Iterable[str]) -> When:
    """States, gathered into stages wherever every open state of one is named."""
    named = list(names)
    before = START in named
    scope = next((name for name in ("any", "open") if name in named), "")
    if scope:
        return When(before, scope)
    states = [protocol.states[name] for name in named if name in protocol.states]
    whole, rest = [], []
    for stage in protocol.stages.values():
        within = [state for state in states if state.stage == stage.key]
        every = {state.key for state in protocol.states.values() if state.stage == stage.key and not state.ended}
        if every and every <= {state.key for state in within}:
            whole.append(stage)
            within = [state for state in within if state.ended]
        rest += within
    return When(before, "", tuple(whole), tuple(rest))


def _counts(protocol: Protocol, is_meant: _Meant) -> Iterator[Count]:
    for deadline in protocol.deadlines.values():
        if deadline.value and any(is_meant(source) for source in deadline.met_by):
            yield _count(protocol, deadline)


def _count(protocol: Protocol, deadline: Deadline) -> Count:
    moments: dict[str, None] = {}
    titles: dict[str, Text] = {}
    for source in deadline.start:
        for moment in ("report", "danger", "hold"):
            if getattr(source, moment):
                moments[moment] = None
        if source.missed_follow_up:
            moments["follow_up"] = None
        if source.review:
            moments["review"] = None
        if source.act:
            titles[f"act {source.act}"] = protocol.acts[source.act].title
        if source.move:
            titles[f"move {source.move}"] = protocol.moves[source.move].title
        titles |= {f"state {state}": protocol.states[state].title for state in source.entered}
    return Count(deadline, tuple(moments), tuple(titles.values()))


# ---- words that are ready to be said, of the definitions under which somebody works now ----------------------------


def see_words(ctx: AppContext, actor: Actor) -> tuple[Protocol, ...]:
    """The current definitions that have words ready and in which this person holds a role."""
    held = {appointment.role for appointment in actor.appointments}
    return tuple(protocol for protocol in ctx.library.current() if protocol.words and held & protocol.roles.keys())


# ---- the first minutes, for whoever isn't signed in ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenDanger:
    """A danger with whom to call everywhere in the country, in the definition's order."""

    danger: Danger
    numbers: tuple[ContactLine, ...]


@dataclass(frozen=True, slots=True)
class OpenMinutes:
    """What a definition says of dangers to anybody: nothing of a school, of a person or of a case."""

    protocol: Protocol
    numbers: tuple[ContactLine, ...]
    dangers: tuple[OpenDanger, ...]


def see_open_minutes(ctx: AppContext) -> tuple[OpenMinutes, ...]:
    """The current definitions that know dangers, each with the numbers that everybody may call."""
    return tuple(_open_minutes(ctx, protocol) for protocol in ctx.library.current() if protocol.dangers)


def _open_minutes(ctx: AppContext, protocol: Protocol) -> OpenMinutes:
    lines = [one for one in numbers_of_the_country(ctx, protocol) if one.target is not None]
    of = {key: [one for one in lines if one.target is not None and one.target.key == key] for key in protocol.targets}
    dangers = tuple(
        OpenDanger(danger, tuple(one for target in danger.targets for one in of.get(target, ())))
        for danger in protocol.dangers.values()
    )
    called = [one for one in lines if any(one in danger.numbers for danger in dangers)]
    return OpenMinutes(protocol, tuple(called), dangers)
