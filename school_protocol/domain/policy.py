"""Who may see or touch a case: one table, tiny named predicates, deny by default.

May this *role* make this act or move is the definition's question, asked by `engine`; may this *person* be here at all
is asked here. Nothing here reads a case's content: only its index row, so that lists and pages decide alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Permission(StrEnum):
    """What an endpoint asks of the person in front of it."""

    anyone = "anyone"
    signed_in = "signed_in"
    report = "report"
    see_cases = "see_cases"
    see_case = "see_case"
    see_own_receipt = "see_own_receipt"
    see_team = "see_team"
    publish = "publish"


class UnitKind(StrEnum):
    school = "school"
    province = "province"
    region = "region"
    country = "country"


@dataclass(frozen=True, slots=True)
class Unit:
    """A school, a province or a region; `parents` are the ids above it, nearest first."""

    id: str
    kind: UnitKind
    code: str
    names: Mapping[str, str]
    parents: tuple[str, ...] = ()

    def name(self, language: str) -> str:
        return self.names.get(language) or next(iter(self.names.values()))


@dataclass(frozen=True, slots=True)
class Appointment:
    """A role held in a unit, with dates (both inclusive; no end: until further notice)."""

    role: str
    unit: str
    starts: date
    ends: date | None = None

    def is_current(self, day: date) -> bool:
        return self.starts <= day and (self.ends is None or day <= self.ends)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: account id, the realm in which it acts, the appointments that are current."""

    id: str
    realm: str
    name: str
    appointments: tuple[Appointment, ...]
    trained: bool = False
    language: str = "fr"
    left: frozenset[str] = frozenset()
    """Numbers of the cases that this person was made to leave at once: a seat there opens nothing any more."""

    def roles_in(self, units: Iterable[str]) -> tuple[str, ...]:
        wanted = set(units)
        return tuple(dict.fromkeys(held.role for held in self.appointments if held.unit in wanted))


class Reach(StrEnum):
    """How a clause of a scope finds cases."""

    seat = "seat"
    unit = "unit"
    province = "province"
    region = "region"
    under = "under"


@dataclass(frozen=True, slots=True)
class Clause:
    """Cases of one definition, held by seat or by place; `only_team_states` keeps those that the whole team sees."""

    protocol: str
    reach: Reach
    place: str = ""
    only_team_states: bool = False
    sees_restricted: bool = False
    metadata: bool = False
    """That a case is there, where it stands and who wrote when; nothing of what was written."""
    without: frozenset[str] = frozenset()
    """Numbers of cases whose seats open nothing any more."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cases a person sees: any clause admits, an exclusion always shuts out. No clause: none."""

    account: str
    clauses: tuple[Clause, ...]

    @property
    def is_metadata(self) -> bool:
        """Whether, seats apart, this person knows of cases by their metadata alone."""
        places = [clause for clause in self.clauses if clause.reach is not Reach.seat]
        return bool(places) and all(clause.metadata for clause in places)

    def of_content(self) -> Scope:
        """The same scope without what admits to metadata alone."""
        return Scope(self.account, tuple(clause for clause in self.clauses if not clause.metadata))


@dataclass(frozen=True, slots=True)
class RoleSight:
    """What one role of one definition sees, as storage and policy need it."""

    protocol: str
    role: str
    sees: str
    oversees: bool


def visible(actor: Actor, sights: Iterable[RoleSight]) -> Scope:
    """The scope of `actor` over all definitions: places by role, and seats as long as any role is held anywhere."""
    table = _by_role(sights)
    clauses: list[Clause] = []
    for protocol in dict.fromkeys(sight.protocol for found in table.values() for sight in found):
        if actor.appointments:
            clauses.append(Clause(protocol, Reach.seat, sees_restricted=True, without=actor.left))
    for held in actor.appointments:
        for sight in table.get(held.role, ()):
            clauses.extend(_clauses(sight, held))
    return Scope(actor.id, tuple(dict.fromkeys(clauses)))


def _by_role(sights: Iterable[RoleSight]) -> dict[str, list[RoleSight]]:
    table: dict[str, list[RoleSight]] = {}
    for sight in sights:
        table.setdefault(sight.role, []).append(sight)
    return table


def _clauses(sight: RoleSight, held: Appointment) -> Iterable[Clause]:
    match sight.sees:
        case "assigned":
            yield Clause(sight.protocol, Reach.unit, held.unit, only_team_states=True)
        case "unit":
            yield Clause(sight.protocol, Reach.unit, held.unit)
        case "province":
            yield Clause(sight.protocol, Reach.province, held.unit, sees_restricted=sight.oversees)
        case "region":
            yield Clause(sight.protocol, Reach.region, held.unit, sees_restricted=sight.oversees)
        case "metadata":
            yield Clause(sight.protocol, Reach.under, held.unit, sees_restricted=True, metadata=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one case stands for policy: what the index row says, nothing personal."""

    protocol: str
    unit: str
    province: str
    region: str
    team_sees: bool
    restricted: bool
    seats: frozenset[str]
    excluded: frozenset[str]
    readers: frozenset[str] = frozenset()
    number: str = ""


def may_see(scope: Scope, place: Place) -> bool:
    """The same answer as the WHERE that storage makes of `scope`."""
    if scope.account in place.excluded:
        return False
    if scope.account in place.readers:
        return True
    return any(_admits(clause, scope.account, place) for clause in scope.clauses)


def _admits(clause: Clause, account: str, place: Place) -> bool:
    if clause.protocol != place.protocol or (place.restricted and not clause.sees_restricted):
        return False
    if clause.only_team_states and not place.team_sees:
        return False
    match clause.reach:
        case Reach.seat:
            return account in place.seats and place.number not in clause.without
        case Reach.unit:
            return clause.place == place.unit
        case Reach.province:
            return clause.place == place.province
        case Reach.region:
            return clause.place == place.region
        case Reach.under:
            return clause.place in (place.unit, place.province, place.region)
