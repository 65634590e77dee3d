"""What every use case of public reports asks first: which protocol takes them, and who reads which."""

from __future__ import annotations

from school_protocol.domain.errors import Unseen
from school_protocol.domain.forms import Form
from school_protocol.domain.policy import Actor, Scope, Unit
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.public_reports import Status, is_sampled, told_by
from school_protocol.domain.signalement_rules import SignalementRules
from school_protocol.services.house import REALM, House
from school_protocol.services.loading import load, scope_of, today_for
from school_protocol.storage import cases, index
from school_protocol.storage.engines import Session
from school_protocol.storage.signalement.reports import PublicHeader

PUBLIC, STAFF = "public", "staff"
"""Kinds of doors: for whoever wants to tell, and for the staff of the school."""


def current(house: House) -> tuple[Protocol, SignalementRules]:
    """The first current protocol that takes public reports; raises Unseen, in a workshop always."""
    if house.name == REALM:
        for protocol in house.library.current():
            if protocol.signalement is not None:
                return protocol, protocol.signalement
    raise Unseen("signalement")


def is_offered(house: House) -> bool:
    """Whether this installation takes public reports at all."""
    try:
        current(house)
    except Unseen:
        return False
    return True


def rules_of(house: House, header: PublicHeader) -> tuple[Protocol, SignalementRules]:
    """The version under which a report came."""
    protocol = house.library.protocol(header.protocol, header.version)
    assert protocol.signalement is not None
    return protocol, protocol.signalement


def form_of(protocol: Protocol, kind: str) -> Form:
    """The form behind a door of that kind."""
    rules = protocol.signalement
    assert rules is not None
    return protocol.forms[rules.staff_form if kind == STAFF and rules.staff_form else rules.form]


def roles_at(actor: Actor, unit: Unit) -> frozenset[str]:
    """The roles that somebody holds in a school or above it."""
    return frozenset(actor.roles_in((unit.id, *unit.parents)))


def may_read(rules: SignalementRules, header: PublicHeader, actor: Actor, unit: Unit) -> bool:
    """Whether a report is this person's to read: by a role that reads it, or to which it has risen unseen; those above
    see some of what a school closed."""
    if actor.id in header.barred:
        return False
    steps = rules.steps(restricted=header.restricted, urgent=header.urgent)
    reading = set(rules.restricted_reads if header.restricted else rules.reads) | told_by(steps, header.step)
    if header.status is Status.closed and is_sampled(header.id, header.outcome):
        reading |= set(rules.restricted_reads)
    if header.urgent and not header.restricted and header.step > 0:
        reading |= set(rules.out_of_hours)
    return not reading.isdisjoint(roles_at(actor, unit))


def reads(house: House, session: Session, actor: Actor, header: PublicHeader, unit: Unit) -> bool:
    """Whether a report is this person's to read.

    Once it is in a case: by its own rules still, for whoever sees that case; else as a part of the case, which neither
    those above the school nor those who know of the case alone read. Whether they read its words, the case's events
    say: `check_words`.
    """
    if actor.realm != house.name:
        return False
    is_own = may_read(rules_of(house, header)[1], header, actor, unit)
    if header.case_id is None or actor.id in header.barred:
        return is_own
    scope = scope_of(house, actor)
    return _number_seen(house, session, scope if is_own else scope.in_school(), header.case_id) is not None


def check_words(house: House, session: Session, actor: Actor, header: PublicHeader, unit: Unit) -> None:
    """Raise Unseen where a report is in a case that this person doesn't see, or not with its names and words."""
    if header.case_id is None:
        return
    loaded = load(house, session, actor, cases.opened(session, header.case_id).number, reading=True)
    if loaded.pseudonymised and not may_read(rules_of(house, header)[1], header, actor, unit):
        raise Unseen(header.id)


def case_seen(house: House, session: Session, actor: Actor, case_id: str) -> str | None:
    """The number of a case, if this person sees it."""
    return _number_seen(house, session, scope_of(house, actor), case_id)


def _number_seen(house: House, session: Session, scope: Scope, case_id: str) -> str | None:
    number = cases.opened(session, case_id).number
    return number if index.find_id(session, scope, number, today=today_for(house)) else None
