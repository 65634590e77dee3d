"""The one door to pytransitions: a definition's moves as a state machine.

The machine is built from the checked model only: no dotted strings, no automatic transitions, every destination
declared. It holds no model; each decision sends a `Position` of its own through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from transitions import EventData, Machine, MachineError

from school_protocol.engine.definition import HISTORY, START, Move, Protocol


class NoSuchWay(Exception):
    """The move does not leave from there, or a condition holds it back."""


@dataclass(slots=True)
class Position:
    """Where one case stands while one move is decided."""

    state: str
    history: str | None = None
    unmet: tuple[str, ...] = ()
    passed: list[str] = field(default_factory=list)


def _is_met(event: EventData) -> bool:
    return not event.kwargs["position"].unmet


class _Remembered:
    """Admits the transition that leads back to the remembered state."""

    def __init__(self, state: str) -> None:
        self.state = state

    def __call__(self, event: EventData) -> bool:
        return bool(event.kwargs["position"].history == self.state)


def destination(protocol: Protocol, move: str, position: Position) -> str:
    """Where `move` leads from `position`. Raises NoSuchWay where the machine refuses it."""
    machine = _machine(Whole(protocol))
    try:
        moved = machine.events[move].trigger(position, position=position)
    except (MachineError, KeyError):
        raise NoSuchWay(move) from None
    if not moved:
        raise NoSuchWay(move)
    return position.state


def moves_from(protocol: Protocol, state: str) -> Iterator[Move]:
    """The moves that leave from `state`, in the order of the definition."""
    return (move for move in protocol.moves.values() if state in move.from_)


class Whole:
    """A protocol by its identity: hashing a whole definition at each decision would cost more than deciding."""

    __slots__ = ("protocol",)

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol

    def __hash__(self) -> int:
        return id(self.protocol)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Whole) and other.protocol is self.protocol


@lru_cache(maxsize=32)
def _machine(whole: Whole) -> Machine:
    protocol = whole.protocol
    machine = Machine(
        model=None,
        states=[START, *protocol.states],
        initial=START,
        auto_transitions=False,
        send_event=True,
        model_attribute="state",
    )
    for move in protocol.moves.values():
        for transition in _transitions(protocol, move):
            machine.add_transition(**transition)
    return machine


def _transitions(protocol: Protocol, move: Move) -> Iterator[dict[str, Any]]:
    for source in move.from_:
        if move.to == HISTORY:
            for state in protocol.states:
                yield {
                    "trigger": move.key,
                    "source": source,
                    "dest": state,
                    "conditions": [_is_met, _Remembered(state)],
                }
        else:
            yield {"trigger": move.key, "source": source, "dest": move.to, "conditions": [_is_met]}
