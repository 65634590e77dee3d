"""Who looks at which teams: those above a school, whoever visits, and of a school its own head and coordinator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor, Appointment, Unit, UnitKind
from school_protocol.domain.protocol import Role, ScopeKind
from school_protocol.domain.team_rules import TeamRules
from school_protocol.services.house import House
from school_protocol.services.teams.team import declared
from school_protocol.storage import directory
from school_protocol.storage.engines import Session

PLACES_MOST = 60
"""So many places are offered to choose from; beyond, a code is typed."""
_ABOVE = frozenset({ScopeKind.province, ScopeKind.region})


@dataclass(frozen=True, slots=True)
class Looker:
    """Somebody who looks at the teams of `units` and of all below them."""

    actor: Actor
    posts: tuple[tuple[Appointment, Role], ...]
    units: Mapping[str, Unit]

    def reaches(self, unit: Unit) -> bool:
        return not {unit.id, *unit.parents}.isdisjoint(self.units)

    def sees_cases(self, unit: Unit) -> bool:
        """Whether they see the cases of that school from above."""
        return any(role.sees in _ABOVE and post.unit in unit.parents for post, role in self.posts)

    def visiting(self, unit: Unit) -> Appointment | None:
        """The post by which a visit there is theirs to write down."""
        within = (unit.id, *unit.parents)
        return next((post for post, role in self.posts if role.visits and post.unit in within), None)


@dataclass(frozen=True, slots=True)
class Sight:
    """A school as this person looks at its team."""

    actor: Actor
    unit: Unit
    from_above: bool
    sees_cases: bool
    visiting: Appointment | None
    own: Appointment | None
    """The post at the school itself, of its head or coordinator."""

    @property
    def post(self) -> Appointment | None:
        """The post in which something is noted here."""
        return self.visiting or self.own


def rules_of(house: House) -> TeamRules | None:
    """How many belong to a team, as the first definition in force that says so has it."""
    return next((one.teams for one in house.library.current() if one.teams is not None), None)


def team_roles(house: House) -> tuple[str, ...]:
    """The roles that make up a team: those for which people are trained."""
    return tuple(key for key, (_protocol, role) in declared(house).items() if role.trained)


def may_look(house: House, actor: Actor) -> bool:
    """Whether “Teams of the region” leads this person somewhere."""
    return bool(_posts(house, actor))


def may_see_visits(house: House, actor: Actor) -> bool:
    """Whether this person looks at some team, from above or in the school itself."""
    return may_look(house, actor) or bool(_own(house, actor))


def may_visit(house: House, actor: Actor) -> bool:
    """Whether this person writes down visits."""
    return any(role.visits for _post, role in _posts(house, actor))


def looker_of(house: House, actor: Actor) -> Looker:
    """This person as one who looks at teams from above; raises Unseen."""
    posts = _posts(house, actor)
    if not posts:
        raise Unseen("teams")
    with house.directory.reading() as session:
        units = directory.units(session, {post.unit for post, _role in posts})
    return Looker(actor, posts, units)


def sight_of(house: House, actor: Actor, school: str) -> Sight:
    """The school with that code, as far as its team is this person's to look at; raises Unseen."""
    with house.directory.reading() as session:
        unit = directory.unit_coded(session, school)
    if unit is None or unit.kind is not UnitKind.school:
        raise Unseen(school)
    own = next((post for post in _own(house, actor) if post.unit == unit.id), None)
    looker = looker_of(house, actor) if may_look(house, actor) else None
    if looker is not None and looker.reaches(unit):
        return Sight(actor, unit, True, looker.sees_cases(unit), looker.visiting(unit), own)
    if own is None:
        raise Unseen(school)
    return Sight(actor, unit, False, False, None, own)


def place_below(session: Session, looker: Looker, code: str) -> Unit:
    """The unit with that code, within reach; raises Unseen."""
    unit = directory.unit_coded(session, code)
    if unit is None or not looker.reaches(unit):
        raise Unseen(code)
    return unit


def places_below(session: Session, looker: Looker) -> tuple[Unit, ...]:
    """The places directly below one's own, where they are few enough to choose from."""
    below = directory.children(session, *(one.id for one in looker.units.values()))
    return below if len(below) <= PLACES_MOST else ()


def _posts(house: House, actor: Actor) -> tuple[tuple[Appointment, Role], ...]:
    known = declared(house)
    held = ((post, known[post.role][1]) for post in actor.appointments if post.role in known)
    return tuple((post, role) for post, role in held if role.visits or role.sees in _ABOVE)


def _own(house: House, actor: Actor) -> tuple[Appointment, ...]:
    """Of a school itself: who heads it, and who carries the whole of its cases."""
    known = declared(house)
    held = ((post, known[post.role][1]) for post in actor.appointments if post.role in known)
    return tuple(post for post, role in held if role.head or role.sees is ScopeKind.unit)
