"""Who acts in a case: in which roles and seats."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from school_protocol.domain.case import Case, acts_as
from school_protocol.domain.facts import Surroundings
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol


def roles_of(protocol: Protocol, case: Case, actor: Actor, around: Surroundings, day: date) -> tuple[str, ...]:
    """The roles and seats in which `actor` may act in this case now: none where excluded, few where restricted."""
    if actor.id in case.exclusions:
        return ()
    shut = case.number in actor.left or not actor.appointments
    seats = [] if shut else [held.seat for held in case.seats_of(actor.id, day)]
    roles = [role for role in actor.roles_in(around.places) if role in protocol.roles]
    if case.restricted_seq is not None:
        roles = [role for role in roles if protocol.roles[role].keeps_restricted]
    return tuple(dict.fromkeys([*seats, *roles]))


def bystander_roles(protocol: Protocol, case: Case, actor: Actor, around: Surroundings) -> tuple[str, ...]:
    """Roles that keep the acts of the first minutes although the case is restricted."""
    if actor.id in case.exclusions or case.restricted_seq is None:
        return ()
    return tuple(role for role in actor.roles_in(around.places) if role in protocol.roles)


def role_for(protocol: Protocol, allowed: Iterable[str], held: Iterable[str]) -> str | None:
    """The first held role or seat (seats come first) that one of `allowed` admits; `everyone` admits any."""
    allowed = tuple(allowed)
    for name in held:
        for wanted in allowed:
            if wanted == "everyone" or acts_as(protocol, name, wanted):
                return name
    return None
