"""The one door to pytransitions: only declared ways, no back doors, no dotted strings."""

from __future__ import annotations

import pytest

from school_protocol.engine import machine
from school_protocol.engine.definition import HISTORY, START, Protocol
from school_protocol.engine.machine import NoSuchWay, Position, destination, moves_from


@pytest.fixture(params=["moroccan", "small"])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    found: Protocol = request.getfixturevalue(request.param)
    return found


def test_every_move_leads_where_it_says_and_from_nowhere_else(protocol: Protocol) -> None:
    for move in protocol.moves.values():
        for state in (START, *protocol.states):
            if move.to == HISTORY:
                continue
            if state in move.from_:
                assert destination(protocol, move.key, Position(state)) == move.to
            else:
                with pytest.raises(NoSuchWay):
                    destination(protocol, move.key, Position(state))


def test_the_way_back_leads_to_the_remembered_state_alone(protocol: Protocol) -> None:
    for move in protocol.moves.values():
        if move.to == HISTORY:
            for state in protocol.states:
                assert destination(protocol, move.key, Position(move.from_[0], history=state)) == state
            for history in (None, "elsewhere"):
                with pytest.raises(NoSuchWay):
                    destination(protocol, move.key, Position(move.from_[0], history=history))


def test_what_is_unmet_holds_the_machine_back(protocol: Protocol) -> None:
    move = next(move for move in protocol.moves.values() if move.to != HISTORY and START not in move.from_)
    with pytest.raises(NoSuchWay):
        destination(protocol, move.key, Position(move.from_[0], unmet=("something",)))


@pytest.mark.parametrize("name", ["to_closed", "to_shelved", "trigger", "os.system", "__init__", "", "_is_met"])
def test_no_back_door_opens(protocol: Protocol, name: str) -> None:
    for state in protocol.states:
        with pytest.raises(NoSuchWay):
            destination(protocol, name, Position(state))


def test_the_machine_knows_the_definitions_moves_and_nothing_more(protocol: Protocol) -> None:
    built = machine._machine(machine.Whole(protocol))
    assert set(built.events) == set(protocol.moves)
    assert set(built.states) == {START, *protocol.states}
    assert built.models == [], "it holds no case"


def test_moves_from_a_state(protocol: Protocol) -> None:
    for state in protocol.states:
        assert [move.key for move in moves_from(protocol, state)] == [
            key for key, move in protocol.moves.items() if state in move.from_
        ]
