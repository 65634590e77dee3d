"""Frozen. One decision of a bare pytransitions machine, used as its manual does: a model, a trigger, one condition."""

from __future__ import annotations

from collections.abc import Callable

from transitions import Machine


class Model:
    """Something with a state."""

    def may(self) -> bool:
        return True


def bare_trigger() -> Callable[[], bool]:
    """What goes there and back: one of the two triggers at each call."""
    model = Model()
    Machine(
        model=model,
        states=["a", "b"],
        transitions=[["go", "a", "b"], ["back", "b", "a"]],
        initial="a",
        auto_transitions=False,
    )
    for transition in ("go", "back"):
        assert callable(getattr(model, transition))

    def once() -> bool:
        return bool(model.go() if model.state == "a" else model.back())  # type: ignore[attr-defined]

    return once
