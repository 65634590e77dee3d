"""What a case waits for first: the order that its definition tells in each state, and what comes before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from school_protocol.engine.deadlines import open_dues
from school_protocol.engine.definition import Protocol
from school_protocol.engine.next_steps import waiting_list

from .telling import Told, reported

RUNNING = "listening_running"


def told_first(told: Told, most: int = 4) -> list[str | None]:
    return [one.key for one in waiting_list(told.facts, open_dues(told.facts), most)]


def with_next(protocol: Protocol, *steps: str | Mapping[str, Any]) -> Protocol:
    """The same protocol, telling these first while it listens."""
    data = protocol.states[RUNNING].model_dump() | {"next": list(steps)}
    states = {**protocol.states, RUNNING: type(protocol.states[RUNNING]).model_validate(data)}
    return protocol.model_copy(update={"states": states})


def listening(protocol: Protocol, *steps: str | Mapping[str, Any]) -> Told:
    return reported(with_next(protocol, *steps)).put(RUNNING)


def test_what_is_called_for_is_told_in_the_order_of_the_definition(moroccan: Protocol) -> None:
    plain = told_first(listening(moroccan))
    assert len(plain) == 4
    assert plain[0] != plain[2]
    declared = told_first(listening(moroccan, str(plain[2]), str(plain[1])))
    assert declared[:2] == [plain[2], plain[1]]
    assert set(plain) <= set(told_first(listening(moroccan, str(plain[2])), most=20)), "nothing is lost by it"


def test_what_nothing_calls_for_is_told_as_long_as_its_condition_holds(moroccan: Protocol) -> None:
    assert "note" not in told_first(listening(moroccan, "note"), most=99), "nothing calls for it"
    assert told_first(listening(moroccan, {"do": "note", "when": "level == 0"}))[0] == "note"
    assert "note" not in told_first(listening(moroccan, {"do": "note", "when": "level > 3"}), most=99)
