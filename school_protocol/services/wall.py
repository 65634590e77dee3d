"""A protocol as a picture and as four pages for a wall: worked out of its definition alone, no case is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from school_protocol.definitions.drawing import begun_in, drawn, fragment, key_of, kind_of
from school_protocol.documents.wall import Wall, WallStage, WallStep, WallTask, wall
from school_protocol.domain.protocol import HISTORY, START, Act, Deadline, Move, Protocol, Stage, State
from school_protocol.wording import Wording

WIDE, HIGH = 212.0, 166.0
"""Room for the drawing on its page, in millimetres."""


def wall_of(protocol: Protocol, wording: Wording, moment: datetime) -> bytes:
    """The four pages as a PDF. Raises DocumentsUnavailable."""
    drawing = drawn(protocol, wording)
    width = min(WIDE, HIGH * drawing.width / drawing.height)
    return wall(
        Wall(
            protocol=protocol,
            picture=fragment(drawing, round(width, 1)),
            key=key_of(wording),
            steps=tuple(_step(protocol, number, move) for number, move in numbered(protocol)),
            stages=tuple(_stages(protocol)),
            made_at=moment,
        ),
        wording,
    )


def numbered(protocol: Protocol) -> Iterator[tuple[int, Move]]:
    """The moves with their numbers, as the drawing has them."""
    return enumerate(protocol.moves.values(), 1)


def leaves(protocol: Protocol, move: Move, state: State) -> bool:
    """Whether a move can be made in a state."""
    return state.key in move.from_ or "any" in move.from_ or ("open" in move.from_ and not state.ended)


def _step(protocol: Protocol, number: int, move: Move) -> WallStep:
    due = (one for one in protocol.deadlines.values() if one.value and _meets(one, move))
    target = None if move.to == HISTORY else protocol.states[move.to]
    return WallStep(number, move, kind_of(protocol, move), target, () if move.backwards else tuple(due))


def _meets(deadline: Deadline, move: Move) -> bool:
    return deadline.key in move.meets or any(source.move == move.key for source in deadline.met_by)


def _stages(protocol: Protocol) -> Iterator[WallStage]:
    told: set[str] = set()
    stepped: set[str] = set()
    for stage in protocol.stages.values():
        states = tuple(state for state in protocol.states.values() if state.stage == stage.key)
        ways = [(number, move) for number, move in numbered(protocol) if _begins(protocol, move, stage, states)]
        due = _due(protocol, states)
        tasks: list[WallTask] = []
        also: list[WallTask] = []
        for key in (key for key in protocol.acts if key in due):
            act = protocol.acts[key]
            task = WallTask(act.title, act.by, tuple(due[key].values()), _opens(protocol, act, ways))
            (also if key in told and not due[key] else tasks).append(task)
        told |= due.keys()
        steps = tuple(_step(protocol, number, move) for number, move in ways if move.key not in stepped)
        stepped |= {move.key for _number, move in ways}
        yield WallStage(stage, states, tuple(tasks), tuple(also), steps)


def _opens(protocol: Protocol, act: Act, ways: list[tuple[int, Move]]) -> tuple[int, ...]:
    """The numbers of the moves that need what this act sees to."""
    return tuple(number for number, move in ways if any(act.key in protocol.needs[need].met_by for need in move.needs))


def _begins(protocol: Protocol, move: Move, stage: Stage, states: tuple[State, ...]) -> bool:
    """Whether a move leaves a state of the stage; one from before the case belongs to where it leads."""
    if any(leaves(protocol, move, state) for state in states):
        return True
    return START in move.from_ and move.to != HISTORY and protocol.states[move.to].stage == stage.key


def _due(protocol: Protocol, states: tuple[State, ...]) -> dict[str, dict[str, Deadline]]:
    """What is to be done in these states, each with its deadlines: those that begin there, and none for needs."""
    due: dict[str, dict[str, Deadline]] = {}
    for state in states:
        for deadline in begun_in(protocol, state.key):
            for source in deadline.met_by:
                if source.act and deadline.value:
                    due.setdefault(source.act, {})[deadline.key] = deadline
    for move in protocol.moves.values():
        if move.backwards or not any(leaves(protocol, move, state) for state in states):
            continue
        for need in move.needs:
            for act in protocol.needs[need].met_by:
                due.setdefault(act, {})
    return due
