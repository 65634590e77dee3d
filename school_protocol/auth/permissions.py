"""Whom each capability is for: one table, by the roles somebody holds now, for menus, the guard and services alike.

What may be done *in a case* is for `engine.visibility` and the engine to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from school_protocol.auth import repository as auth_repository
from school_protocol.context import REALM, AppContext, declared
from school_protocol.engine import visibility
from school_protocol.engine.actors import role_for
from school_protocol.engine.definition import START, ActKind, Protocol, Role, ScopeKind
from school_protocol.engine.document_rules import leaves
from school_protocol.engine.visibility import Actor, Appointment, Permission, Reach, Unit, UnitKind

ABOVE = frozenset({ScopeKind.province, ScopeKind.region})
_OF_TEAM = frozenset({ScopeKind.assigned, ScopeKind.unit})


def is_of_team(protocol: Protocol, role: Role) -> bool:
    """Whether cases are carried in this role: it sees them, heads or oversees a school, or a seat acts as it."""
    seated = any(seat.acts_as == role.key for seat in protocol.seats.values())
    return role.sees in _OF_TEAM or role.head or role.oversees or seated


BY_ROLE: Mapping[Permission, Callable[[Protocol, Role], bool]] = {
    Permission.administer: lambda _protocol, role: role.administers,
    Permission.invite: lambda _protocol, role: bool(role.invites),
    Permission.keep_contacts: lambda _protocol, role: role.keeps_contacts,
    Permission.keep_roster: lambda _protocol, role: role.sees in ABOVE,
    Permission.see_certificates: lambda _protocol, role: role.sees is ScopeKind.region,
    Permission.see_team: is_of_team,
    Permission.see_teams: lambda _protocol, role: role.visits or role.sees in ABOVE,
    Permission.see_visits: lambda _protocol, role: role.visits or role.head or role.sees in {*ABOVE, ScopeKind.unit},
    Permission.train: lambda _protocol, role: role.trains,
    Permission.write_visits: lambda _protocol, role: role.visits,
}
"""Asked of each role, as the first of the definitions under which cases are opened now declares it."""


def _readers_of_reports(protocol: Protocol) -> Iterable[str]:
    rules = protocol.signalement
    assert rules is not None
    steps = (*rules.rises, *rules.urgent, *rules.restricted)
    return (
        *rules.reads, *rules.restricted_reads, *rules.out_of_hours, *(role for step in steps for role in step.tell)
    )  # fmt: skip


BY_PROTOCOL: Mapping[Permission, Callable[[Protocol], Iterable[str]]] = {
    Permission.keep_doors: lambda protocol: protocol.signalement.doors if protocol.signalement else (),
    Permission.publish: lambda protocol: (key for key, role in protocol.roles.items() if role.publishes),
    Permission.read_signalements: _readers_of_reports,
    Permission.review: lambda protocol: protocol.review.by if protocol.review else (),
    Permission.see_letters: lambda protocol: (
        role for document in protocol.documents.values() if leaves(document) for role in document.for_
    ),
    Permission.see_figures: lambda protocol: (
        (*protocol.figures.reads, *protocol.figures.issues) if protocol.figures else ()
    ),
}
"""The roles that each of these definitions names."""
_OF_REPORTS = frozenset({Permission.keep_doors, Permission.read_signalements})


def takes_reports(ctx: AppContext) -> Protocol | None:
    """The first current definition that takes public reports; in a workshop, none."""
    found = ctx.library.current() if ctx.name == REALM else ()
    return next((one for one in found if one.signalement is not None), None)


def roles_with(ctx: AppContext, asked: Permission) -> frozenset[str]:
    """The roles that give one of the capabilities in these two tables."""
    if asked in BY_ROLE:
        return frozenset(key for key, known in declared(ctx).items() if BY_ROLE[asked](*known))
    reports = takes_reports(ctx)
    protocols = ctx.library.current() if asked not in _OF_REPORTS else (reports,) if reports else ()
    return frozenset(role for protocol in protocols for role in BY_PROTOCOL[asked](protocol))


def posts_with(ctx: AppContext, actor: Actor, asked: Permission) -> tuple[Appointment, ...]:
    """The appointments by which somebody has it."""
    roles = roles_with(ctx, asked)
    return tuple(held for held in actor.appointments if held.role in roles)


def schools_of(ctx: AppContext, actor: Actor) -> tuple[Unit, ...]:
    """The schools in which this person holds a role."""
    with ctx.directory.reading() as session:
        found = auth_repository.find_units(session, [held.unit for held in actor.appointments])
    return tuple(unit for unit in found.values() if unit.kind is UnitKind.school)


def opens_cases(ctx: AppContext, actor: Actor) -> bool:
    """Whether one of this person's roles reports, so that a case is opened."""
    held = [appointment.role for appointment in actor.appointments]
    acts = ((protocol, act) for protocol in ctx.library.current() for act in protocol.acts_of(ActKind.report))
    return any(START in act.in_ and role_for(protocol, act.by, held) is not None for protocol, act in acts)


def may(ctx: AppContext, actor: Actor, asked: Permission) -> bool:
    """Whether this person has it; KeyError for what is no matter of roles."""
    if asked is Permission.report:
        return opens_cases(ctx, actor) and bool(schools_of(ctx, actor))
    if asked is Permission.see_referrals:
        scope = visibility.visible(actor, ctx.library.sights(), ctx.now())
        return any(clause.reach is not Reach.seat for clause in scope.of_content().clauses)
    is_of_realm = asked is not Permission.see_figures or ctx.name == REALM == actor.realm
    return is_of_realm and bool(posts_with(ctx, actor, asked))
