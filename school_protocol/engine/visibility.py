"""Who may see or touch a case: one table, tiny named predicates, deny by default.

May this *role* make this act or move is the definition's question, asked by `engine`; may this *person* be here at all
is asked here. Nothing here reads a case's content: only its index row, so that lists and pages decide alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
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
    review = "review"
    publish = "publish"
    administer = "administer"
    sign_go_live = "sign_go_live"
    see_referrals = "see_referrals"
    see_letters = "see_letters"
    keep_contacts = "keep_contacts"
    see_figures = "see_figures"
    see_teams = "see_teams"
    see_visits = "see_visits"
    write_visits = "write_visits"
    keep_roster = "keep_roster"
    invite = "invite"
    see_systems = "see_systems"
    train = "train"
    see_certificates = "see_certificates"
    read_signalements = "read_signalements"
    keep_doors = "keep_doors"
    token = "token"  # noqa: S105 (a name, no secret)
    """No person: another system, by its token."""


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
    """That a case is there, where it stands and who wrote when; nothing of what was written. Of a restricted case, who
    holds it in the school itself does not know."""
    without: frozenset[str] = frozenset()
    """Numbers of cases whose seats open nothing any more."""
    role: str = field(default="", compare=False)
    """The role by which it is held, to say why; empty for seats."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cases a person sees: any clause admits, an exclusion always shuts out. No clause: none."""

    account: str
    clauses: tuple[Clause, ...]
    now: datetime | None = None
    """When it is asked. None: nothing that was opened for a time is open."""

    @property
    def is_metadata(self) -> bool:
        """Whether, seats apart, this person knows of cases by their metadata alone."""
        places = [clause for clause in self.clauses if clause.reach is not Reach.seat]
        return bool(places) and all(clause.metadata for clause in places)

    def of_content(self) -> Scope:
        """The same scope without what admits to metadata alone."""
        return Scope(self.account, tuple(clause for clause in self.clauses if not clause.metadata), self.now)

    def in_school(self) -> Scope:
        """The same scope by seats and by roles in the school itself alone: nothing that is seen from above."""
        near = tuple(clause for clause in self.clauses if clause.reach in (Reach.seat, Reach.unit))
        return Scope(self.account, near, self.now)

    def overseeing(self) -> tuple[Clause, ...]:
        """The clauses by which this person answers for schools from above."""
        return tuple(clause for clause in self.clauses if clause.reach in (Reach.province, Reach.region))


@dataclass(frozen=True, slots=True)
class RoleSight:
    """What one role of one definition sees, as storage and policy need it."""

    protocol: str
    role: str
    sees: str
    oversees: bool


def visible(actor: Actor, sights: Iterable[RoleSight], now: datetime | None = None) -> Scope:
    """The scope of `actor` over all definitions: places by role, and seats as long as any role is held anywhere."""
    table = _by_role(sights)
    clauses: list[Clause] = []
    for protocol in dict.fromkeys(sight.protocol for found in table.values() for sight in found):
        if actor.appointments:
            clauses.append(Clause(protocol, Reach.seat, sees_restricted=True, without=actor.left))
    for held in actor.appointments:
        for sight in table.get(held.role, ()):
            clauses.extend(_clauses(sight, held))
    return Scope(actor.id, tuple(dict.fromkeys(clauses)), now)


def _by_role(sights: Iterable[RoleSight]) -> dict[str, list[RoleSight]]:
    table: dict[str, list[RoleSight]] = {}
    for sight in sights:
        table.setdefault(sight.role, []).append(sight)
    return table


def _clauses(sight: RoleSight, held: Appointment) -> Iterable[Clause]:
    match sight.sees:
        case "assigned":
            yield Clause(sight.protocol, Reach.unit, held.unit, only_team_states=True, role=sight.role)
        case "unit":
            yield Clause(sight.protocol, Reach.unit, held.unit, role=sight.role)
        case "province":
            yield Clause(sight.protocol, Reach.province, held.unit, sees_restricted=sight.oversees, role=sight.role)
        case "region":
            yield Clause(sight.protocol, Reach.region, held.unit, sees_restricted=sight.oversees, role=sight.role)
        case "metadata":
            yield Clause(sight.protocol, Reach.under, held.unit, sees_restricted=True, metadata=True, role=sight.role)


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody to whom a case is open by name; `until`: for how long (None: as long as it is)."""

    account: str
    until: datetime | None = None

    def admits(self, scope: Scope) -> bool:
        if self.account != scope.account:
            return False
        return self.until is None or (scope.now is not None and scope.now < self.until)


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
    readers: frozenset[Reader] = frozenset()
    number: str = ""


def may_see(scope: Scope, place: Place) -> bool:
    """The same answer as the WHERE that storage makes of `scope`."""
    return is_named(scope, place) or bool(ways_in(scope, place))


def is_named(scope: Scope, place: Place) -> bool:
    """Whether the case is open to this person by name, now; an exclusion shuts out all the same."""
    named = any(reader.admits(scope) for reader in place.readers) and _answers(scope, place)
    return named and not is_excluded(scope, place)


def _answers(scope: Scope, place: Place) -> bool:
    """Whether this person answers for the school of the case from above, still: else what was opened is void."""
    return any(clause.protocol == place.protocol and _reaches(clause, place) for clause in scope.overseeing())


def _reaches(clause: Clause, place: Place) -> bool:
    return clause.place == (place.province if clause.reach is Reach.province else place.region)


def ways_in(scope: Scope, place: Place) -> tuple[Clause, ...]:
    """Every clause that admits to the case: why this person sees it. None where they are excluded."""
    if is_excluded(scope, place):
        return ()
    return tuple(clause for clause in scope.clauses if _admits(clause, scope.account, place))


def is_excluded(scope: Scope, place: Place) -> bool:
    """Whether this person takes no part in the case, whatever else they are."""
    return scope.account in place.excluded


_CHAIN = {"province": UnitKind.province, "region": UnitKind.region}


def is_in_chain(sight: RoleSight) -> bool:
    """Whether a role answers for schools from above: its holders may open a case of theirs in an emergency."""
    return sight.sees in _CHAIN


def chain(actor: Actor, sights: Iterable[RoleSight], place: Place) -> tuple[str, ...]:
    """The roles by which this person answers for the school of a case from above."""
    above = {UnitKind.province: place.province, UnitKind.region: place.region}
    found = (sight for sight in sights if sight.protocol == place.protocol and is_in_chain(sight))
    return tuple(one.role for one in found if one.role in actor.roles_in([above[_CHAIN[one.sees]]]))


def may_break(scope: Scope, place: Place, chain: Iterable[str]) -> bool:
    """Whether a case that is closed to this person may be opened by them in an emergency, as one of its `chain`."""
    return not is_excluded(scope, place) and not may_see(scope, place) and any(chain)


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
            above = clause.place in (place.province, place.region)
            return above or (clause.place == place.unit and not place.restricted)
