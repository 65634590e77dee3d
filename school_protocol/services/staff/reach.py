"""Who administers whom: a role that administers does so in its unit and below, never for itself, and sees no case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor, Appointment, Unit, UnitKind
from school_protocol.domain.protocol import Protocol, Role, ScopeKind
from school_protocol.services.house import House
from school_protocol.services.staff import lists
from school_protocol.services.teams.changing import Obstacle
from school_protocol.services.teams.team import declared
from school_protocol.storage import directory, staff
from school_protocol.storage.directory import Account
from school_protocol.storage.engines import Session
from school_protocol.storage.staff import Held

_KINDS = {
    ScopeKind.assigned: UnitKind.school,
    ScopeKind.unit: UnitKind.school,
    ScopeKind.province: UnitKind.province,
    ScopeKind.region: UnitKind.region,
}
"""What a role sees says of which kind the unit is in which it is held."""
_CARRIES = frozenset({ScopeKind.assigned, ScopeKind.unit, ScopeKind.province, ScopeKind.region})

Roles = Mapping[str, tuple[Protocol, Role]]


def role_named(roles: Roles, said: str) -> str | None:
    """The key of the role that a list names by its key, its code or its title in any language, or by the first words
    of a title that no other role begins with."""
    begun = []
    for key, (_protocol, role) in roles.items():
        titles = tuple(role.title.root.values())
        if said in (key, role.code) or any(lists.same(said, title) for title in titles):
            return key
        begun += [key] if any(lists.begins(title, said) for title in titles) else []
    return begun[0] if len(begun) == 1 else None


@dataclass(frozen=True, slots=True)
class Admin:
    """Somebody who administers the accounts of `units` and of all below them."""

    actor: Actor
    posts: tuple[Appointment, ...]
    roles: Roles
    by_command: bool = False
    """Whoever runs the installation acts: they have the machine, and nobody need be above them."""

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(post.unit for post in self.posts))

    def reaches(self, unit: Unit) -> bool:
        """Whether that unit is one of these, or lies below one of them."""
        return not {unit.id, *unit.parents}.isdisjoint(post.unit for post in self.posts)

    def may_give(self, role: Role, unit: Unit) -> bool:
        """A role that administers accounts comes from strictly above, so that nobody makes their own second person."""
        is_above = any(post.unit in unit.parents for post in self.posts)
        return not role.administers or self.by_command or is_above


class Standing(StrEnum):
    """How much of an account is somebody's to administer."""

    own = "own"
    """It is their own: seen, never changed."""
    part = "part"
    """It works elsewhere too: only what it holds within the reach can be given or ended."""
    whole = "whole"


def may_administer(house: House, actor: Actor) -> bool:
    """Whether “People” is for this person."""
    known = declared(house)
    return any(held.role in known and known[held.role][1].administers for held in actor.appointments)


def admin_of(house: House, actor: Actor, *, by_command: bool = False) -> Admin:
    """This person as one who administers; raises Unseen. `by_command`: on the machine that runs the installation."""
    known = declared(house)
    posts = tuple(one for one in actor.appointments if one.role in known and known[one.role][1].administers)
    if not posts:
        raise Unseen("people")
    return Admin(actor, posts, known, by_command)


def row_of(session: Session, actor: Actor, post: Appointment, day: date) -> str:
    """The row of the appointment by which somebody acts that day; raises Unseen where it has ended meanwhile."""
    for held in staff.held(session, [actor.id]).get(actor.id, ()):
        if (held.unit, held.role) == (post.unit, post.role) and held.is_current(day):
            return held.id
    raise Unseen(post.unit)


def person_of(session: Session, admin: Admin, account_id: str, day: date) -> tuple[Account, tuple[Held, ...], Standing]:
    """Somebody within the reach, with what they hold or held anywhere; raises Unseen."""
    account = directory.account(session, account_id)
    posts = staff.held(session, [account_id]).get(account_id, ())
    standing = standing_of(directory.units(session, {post.unit for post in posts}), admin, account, posts, day)
    if account is None or standing is None:
        raise Unseen(account_id)
    return account, posts, standing


def standing_of(
    units: Mapping[str, Unit], admin: Admin, account: Account | None, posts: Iterable[Held], day: date
) -> Standing | None:
    """How much of that account is `admin`'s to administer, `units` being those of `posts`; None: it isn't seen."""
    held = tuple(posts)
    within = [post for post in held if admin.reaches(units[post.unit])]
    if account is None or not within:
        return None
    if account.id == admin.actor.id:
        return Standing.own
    beyond = [post for post in held if post not in within and not post.is_over(day)]
    return Standing.part if beyond else Standing.whole


def place_within(session: Session, admin: Admin, code: str) -> Unit:
    """The unit with that code, within the reach; raises Unseen."""
    unit = directory.unit_coded(session, code)
    if unit is None or not admin.reaches(unit):
        raise Unseen(code)
    return unit


def through(session: Session, admin: Admin, unit: str) -> Appointment:
    """The appointment of `admin` by which that unit is theirs to administer; raises Unseen."""
    here = directory.unit(session, unit)
    for post in admin.posts:
        if post.unit in (here.id, *here.parents):
            return post
    raise Unseen(unit)


# ---- which roles ---------------------------------------------------------------------------------------------------


def fits(role: Role, unit: Unit) -> bool:
    """Whether that role can be held in a unit of this kind."""
    wanted = UnitKind.school if role.head else _KINDS.get(role.sees)
    return wanted is None or wanted is unit.kind


def carries(role: Role) -> bool:
    """Whether whoever holds it reads cases."""
    return role.sees in _CARRIES or role.side_bound


def obstacles_to(
    session: Session,
    admin: Admin,
    account: Account,
    posts: Iterable[Held],
    role: Role,
    unit: Unit,
    starts: date,
    today: date,
    *,
    trained_until: date | None = None,
) -> tuple[Obstacle, ...]:
    """Why somebody can't be appointed to that role there; `trained_until`: by a certificate that comes with it."""
    name = account.name(admin.actor.language)
    now = [post for post in posts if not post.is_over(today)]
    found = []
    if account.id == admin.actor.id:
        found.append(Obstacle("own_rights"))
    if not account.active:
        found.append(Obstacle("closed", name))
    if not fits(role, unit):
        found.append(Obstacle("not_of_this_place", unit.name(admin.actor.language)))
    if role.publishes and not _is_top(session, admin):
        found.append(Obstacle("from_the_top"))
    if not admin.may_give(role, unit):
        found.append(Obstacle("from_above"))
    if role.trains and not _is_of_academy(session, admin):
        found.append(Obstacle("from_the_academy"))
    same = next((post for post in now if (post.role, post.unit) == (role.key, unit.id)), None)
    if same is not None:
        found.append(Obstacle("holds_it_already", name, same.starts, same.ends))
    if any(_clash(admin.roles, role, post) for post in now):
        found.append(Obstacle("administers_or_carries", name))
    if role.trained and not _trained(account, max(starts, today), trained_until):
        found.append(Obstacle("untrained", name, ends=account.trained_until if account.certified else None))
    return tuple(found)


def _is_top(session: Session, admin: Admin) -> bool:
    return any(not one.parents for one in directory.units(session, admin.units).values())


def _is_of_academy(session: Session, admin: Admin) -> bool:
    """Whether somebody of an academy, or above, gives the role: trainers are appointed by none below."""
    above = (UnitKind.region, UnitKind.country)
    return admin.by_command or any(one.kind in above for one in directory.units(session, admin.units).values())


def _clash(known: Roles, role: Role, post: Held) -> bool:
    """Whoever administers accounts reads no case, in any role."""
    other = known[post.role][1] if post.role in known else None
    if other is None:
        return False
    return (role.administers and carries(other)) or (other.administers and carries(role))


def _trained(account: Account, day: date, until: date | None) -> bool:
    return account.is_trained(day) or (until is not None and day <= until)
