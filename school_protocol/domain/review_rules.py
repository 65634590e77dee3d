"""What a definition says of reviews: who reviews a case, what asks for it, and which act is the visa that ends it."""

from __future__ import annotations

from collections.abc import Mapping

from school_protocol.domain.conditions import Condition
from school_protocol.domain.texts import Keys, Model


class Begins(Model):
    """A review begins by itself as a case enters one of these states."""

    entered: Keys
    when: Condition | None = None
    """Over facts, as they are after that step: only where this surely holds."""


class Refusal(Model):
    """How the visa is refused: what its form then says, where the reasons stand, and how the case goes back."""

    answers: Mapping[str, str]
    reason: str
    moves: Keys = ()
    """The first of these that is open is made with it, for the same reasons; none is: the case stays where it is."""


class Review(Model):
    by: Keys
    """Roles that review: they observe on screen, and say that they have examined a case."""
    asked_by: Keys = ()
    """Roles and seats that may send a case for review; empty: none is sent."""
    begins: tuple[Begins, ...] = ()
    visa: str
    """The act that ends a review."""
    refusal: Refusal | None = None
