"""Who acts in a case: in which roles and seats."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from school_protocol.domain.case import Case
from school_protocol.domain.facts import Surroundings
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol, Role, ScopeKind
from school_protocol.domain.weighing import acts_as


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


def in_team(protocol: Protocol, name: str) -> bool:
    """Whether whoever holds that role or seat heads the school, or reads cases there: nobody else is of its team."""
    role = own_role(protocol, name)
    return role is not None and (role.head or role.sees in (ScopeKind.assigned, ScopeKind.unit))


def own_role(protocol: Protocol, name: str) -> Role | None:
    """The role of that name, or as which a seat of that name acts; None: the seat acts as none."""
    seat = protocol.seats.get(name)
    return protocol.roles.get((seat.acts_as or "") if seat else name)


def role_for(protocol: Protocol, allowed: Iterable[str], held: Iterable[str]) -> str | None:
    """The first held role or seat (seats come first) that one of `allowed` admits; `everyone` admits any."""
    allowed = tuple(allowed)
    for name in held:
        for wanted in allowed:
            if wanted == "everyone" or acts_as(protocol, name, wanted):
                return name
    return None
