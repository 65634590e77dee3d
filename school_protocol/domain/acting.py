"""Who acts in a case: in which roles and seats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from school_protocol.domain.case import Case
from school_protocol.domain.facts import Colleague, Surroundings
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
        further = {role for account, role in standing_in(protocol, case, around, day) if account == actor.id}
        roles = [role for role in roles if protocol.roles[role].keeps_restricted or role in further]
    return tuple(dict.fromkeys([*seats, *roles]))


def standing_in(protocol: Protocol, case: Case, around: Surroundings, day: date) -> tuple[tuple[str, str], ...]:
    """(account, role) of whoever sees the region, where nobody of those who oversee may take part in a restricted case.

    Nobody holds the office, or whoever does is excluded or never came in: else nobody at all could read it.
    """
    if case.restricted_seq is None or any(_overseeing(protocol, case, around, day)):
        return ()
    return tuple(
        (one.id, role)
        for one in around.people.values()
        for role, unit in one.roles
        if unit in around.places and one.id not in case.exclusions
        if role in protocol.roles and protocol.roles[role].sees is ScopeKind.region
    )


def _overseeing(protocol: Protocol, case: Case, around: Surroundings, day: date) -> Iterator[str]:
    """Accounts that oversee the school of the case and may take part, by office or by a seat that acts as one."""
    for one in around.people.values():
        held = [role for role, unit in one.roles if unit in around.places]
        held += [seat.seat for seat in case.seats_of(one.id, day)]
        if one.has_way_in and one.id not in case.exclusions and any(oversees(protocol, name) for name in held):
            yield one.id


def bystander_roles(protocol: Protocol, case: Case, actor: Actor, around: Surroundings) -> tuple[str, ...]:
    """Roles that keep the acts of the first minutes although the case is restricted."""
    if actor.id in case.exclusions or case.restricted_seq is None:
        return ()
    return tuple(role for role in actor.roles_in(around.places) if role in protocol.roles)


def may_be_seated(protocol: Protocol, colleague: Colleague | None) -> bool:
    """Whether that colleague may hold a seat of a case: not who only runs the site, trains or keeps its data."""
    held = [protocol.roles[role] for role, _unit in (colleague.roles if colleague else ()) if role in protocol.roles]
    with_cases = (role.side_bound or role.sees not in (ScopeKind.none, ScopeKind.metadata) for role in held)
    return any(with_cases) and not any(role.administers for role in held)


def in_team(protocol: Protocol, name: str) -> bool:
    """Whether whoever holds that role or seat heads the school, or reads cases there: nobody else is of its team."""
    role = own_role(protocol, name)
    return role is not None and (role.head or role.sees in (ScopeKind.assigned, ScopeKind.unit))


def oversees(protocol: Protocol, name: str) -> bool:
    """Whether whoever holds that role or seat answers for the schools of a directorate."""
    role = own_role(protocol, name)
    return role is not None and role.oversees


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
