"""What another system sees: what all who oversee that place read under signs, and never a restricted case.

The definition says it all: the roles that see a province or a region by signs, and the copy that is made for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import get_args

from school_protocol.domain.document_rules import Profile, SectionKind
from school_protocol.domain.policy import Actor, Appointment, Clause, Reach, Scope, Unit, UnitKind
from school_protocol.domain.protocol import Protocol, Role, ScopeKind

PLACES = {UnitKind.province: (ScopeKind.province, Reach.province), UnitKind.region: (ScopeKind.region, Reach.region)}
"""The kinds of places for which there are tokens, and how cases are seen from there."""
_WORDY = frozenset({"summary", "remarks"})
"""Sections of a copy that are somebody's own words."""


def overseeing(protocol: Protocol, kind: UnitKind) -> tuple[Role, ...]:
    """The roles that read the cases of such a place by signs, and may be handed their copies."""
    sees = PLACES[kind][0] if kind in PLACES else None
    roles = (role for role in protocol.roles.values() if role.sees is sees and role.pseudonymised)
    return tuple(role for role in roles if copy_for(protocol, role.key) is not None)


def copy_for(protocol: Protocol, role: str) -> Profile | None:
    """The copy that whoever oversees may be handed, less every word that somebody wrote: no summary, remark, reason."""
    for document in protocol.documents.values():
        for profile in document.profiles.values() if document.is_case_file else ():
            names = profile.identities or profile.named or profile.words or profile.addresses
            if profile.reader == "oversight" and role in profile.for_ and not names:
                kept = tuple(kind for kind in get_args(SectionKind) if profile.has(kind) and kind not in _WORDY)
                return profile.model_copy(update={"summary": None, "reader": "self", "sections": kept})
    return None


def actor_for(account: str, realm: str, unit: Unit, protocols: Iterable[Protocol], language: str) -> Actor:
    """Another system as one who oversees that place, by every definition there is."""
    roles = dict.fromkeys(role.key for protocol in protocols for role in overseeing(protocol, unit.kind))
    held = tuple(Appointment(role, unit.id, date.min) for role in roles)
    return Actor(account, realm, "", held, language=language)


def scope_for(account: str, unit: Unit, protocols: Iterable[Protocol]) -> Scope:
    """The cases of that place, none that is restricted; by no seat, and by nothing that was opened for a time."""
    return Scope(account, tuple(dict.fromkeys(_clauses(unit, protocols))))


def _clauses(unit: Unit, protocols: Iterable[Protocol]) -> Iterator[Clause]:
    for protocol in protocols:
        for role in overseeing(protocol, unit.kind):
            yield Clause(protocol.protocol, PLACES[unit.kind][1], unit.id, role=role.key)
