"""Who acts in a case: in which roles and seats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from school_protocol.domain.case import Case
from school_protocol.domain.facts import Colleague, Surroundings
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import ActKind, Protocol, ScopeKind
from school_protocol.domain.weighing import acts_as, is_above, oversees, own_role


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
        held = (*seats_of(one, case, day), *(role for role, unit in one.roles if unit in around.places))
        if one.has_way_in and one.id not in case.exclusions and any(oversees(protocol, name) for name in held):
            yield one.id


def readers_of_restricted(protocol: Protocol, case: Case, around: Surroundings, day: date) -> frozenset[str]:
    """Accounts that read the case if it is restricted, and can come in."""
    standing = {account for account, _role in standing_in(protocol, case, around, day)}
    return frozenset(_overseeing(protocol, case, around, day)) | {
        account for account in standing if around.people[account].has_way_in
    }


def readers_above(protocol: Protocol, case: Case, around: Surroundings) -> frozenset[str]:
    """Accounts that stand above the school by office, can come in and may take part: of these one at least is left to
    read what the school may not."""
    return frozenset(
        one.id
        for one in around.people.values()
        if one.has_way_in and one.id not in case.exclusions and stands_above(protocol, one, around)
    )


def stands_above(protocol: Protocol, colleague: Colleague, around: Surroundings) -> bool:
    """Whether somebody stands above the school by office."""
    return any(unit in around.places and is_above(protocol, role) for role, unit in colleague.roles)


def sits_above(protocol: Protocol, colleague: Colleague, case: Case, day: date) -> bool:
    """Whether somebody stands above the school by a seat of the case."""
    return any(is_above(protocol, seat) for seat in seats_of(colleague, case, day))


def held_around(colleague: Colleague, around: Surroundings) -> tuple[str, ...]:
    """The roles that somebody holds at the school or above it: what they hold elsewhere counts for nothing here."""
    return tuple(role for role, unit in colleague.roles if unit in around.places)


def seats_of(colleague: Colleague, case: Case, day: date) -> tuple[str, ...]:
    """The seats of the case that somebody holds and has not left."""
    return () if case.number in colleague.left else tuple(held.seat for held in case.seats_of(colleague.id, day))


def bystander_roles(protocol: Protocol, case: Case, actor: Actor, around: Surroundings) -> tuple[str, ...]:
    """Roles that keep the acts of the first minutes although the case is restricted."""
    if actor.id in case.exclusions or case.restricted_seq is None:
        return ()
    return tuple(role for role in actor.roles_in(around.places) if role in protocol.roles)


def may_be_seated(protocol: Protocol, colleague: Colleague | None, *, receives: bool = False) -> bool:
    """Whether that colleague may hold a seat of a case: not who only runs the site, trains or keeps its data.

    Nor whoever only reports, at another school, but to say whether that school `receives` the case.
    """
    held = [protocol.roles[role] for role, _unit in (colleague.roles if colleague else ()) if role in protocol.roles]
    without = {ScopeKind.none, ScopeKind.metadata}
    if colleague is not None and colleague.elsewhere and not receives:
        without.add(ScopeKind.receipt)
    with_cases = (role.side_bound or role.sees not in without for role in held)
    return any(with_cases) and not any(role.administers for role in held)


def nameable(
    protocol: Protocol,
    kind: ActKind,
    case: Case,
    around: Surroundings,
    day: date,
    actor: Actor,
    held: tuple[str, ...],
) -> frozenset[str]:
    """Accounts that an act of this kind may name: a seat goes to whoever works with cases and has come in; whoever
    stands above the school, by office or by a seat, is shut out by themselves or their like alone."""
    people = around.people.values()
    if kind is ActKind.seat:
        return frozenset(one.id for one in people if may_be_seated(protocol, one) and one.has_way_in)
    if kind is not ActKind.exclude or any(is_above(protocol, role) for role in actor.roles_in(around.places)):
        return frozenset(around.people)
    stays = {one.id for one in people if stands_above(protocol, one, around)}
    if not any(is_above(protocol, name) for name in held):
        stays |= {one.id for one in people if sits_above(protocol, one, case, day)}
    return frozenset(around.people) - (stays - {actor.id})


def in_team(protocol: Protocol, name: str) -> bool:
    """Whether whoever holds that role or seat heads the school, or reads cases there: nobody else is of its team."""
    role = own_role(protocol, name)
    return role is not None and (role.head or role.sees in (ScopeKind.assigned, ScopeKind.unit))


def role_for(protocol: Protocol, allowed: Iterable[str], held: Iterable[str]) -> str | None:
    """The first held role or seat (seats come first) that one of `allowed` admits; `everyone` admits any."""
    allowed = tuple(allowed)
    for name in held:
        for wanted in allowed:
            if wanted == "everyone" or acts_as(protocol, name, wanted):
                return name
    return None
