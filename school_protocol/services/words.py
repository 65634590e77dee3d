"""Words that are ready to be said: those of the definitions under which somebody works now. Nothing of any case."""

from __future__ import annotations

from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol
from school_protocol.services.house import House


def see_words(house: House, actor: Actor) -> tuple[Protocol, ...]:
    """The current definitions that have words ready and in which this person holds a role."""
    held = {appointment.role for appointment in actor.appointments}
    return tuple(protocol for protocol in house.library.current() if protocol.words and held & protocol.roles.keys())
