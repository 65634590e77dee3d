"""The people whom somebody administers: the list, one person's page, and who administers whom. No case is here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.repository import Account
from school_protocol.context import AppContext, declared, today_for
from school_protocol.engine.definition import Protocol, Role, ScopeKind
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor, Appointment, Permission, Unit, UnitKind
from school_protocol.people import repository, spreadsheets
from school_protocol.people.repository import Held
from school_protocol.people.teams import ChangeLine, Obstacle, change_line
from school_protocol.storage import administration_log
from school_protocol.storage.engines import Session

# ---- who administers whom: in one's unit and below, never oneself, and without seeing a case -----------------------

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
        if said in (key, role.code) or any(spreadsheets.same(said, title) for title in titles):
            return key
        begun += [key] if any(spreadsheets.begins(title, said) for title in titles) else []
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


def admin_of(ctx: AppContext, actor: Actor, *, by_command: bool = False) -> Admin:
    """This person as one who administers; raises Unseen. `by_command`: on the machine that runs the installation."""
    posts = permissions.posts_with(ctx, actor, Permission.administer)
    if not posts:
        raise Unseen("people")
    return Admin(actor, posts, declared(ctx), by_command)


def row_of(session: Session, actor: Actor, post: Appointment, day: date) -> str:
    """The row of the appointment by which somebody acts that day; raises Unseen where it has ended meanwhile."""
    for held in repository.held(session, [actor.id]).get(actor.id, ()):
        if (held.unit, held.role) == (post.unit, post.role) and held.is_current(day):
            return held.id
    raise Unseen(post.unit)


def person_of(session: Session, admin: Admin, account_id: str, day: date) -> tuple[Account, tuple[Held, ...], Standing]:
    """Somebody within the reach, with what they hold or held anywhere; raises Unseen."""
    account = auth_repository.account(session, account_id)
    posts = repository.held(session, [account_id]).get(account_id, ())
    standing = standing_of(
        auth_repository.find_units(session, {post.unit for post in posts}), admin, account, posts, day
    )
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
    unit = auth_repository.unit_coded(session, code)
    if unit is None or not admin.reaches(unit):
        raise Unseen(code)
    return unit


def through(session: Session, admin: Admin, unit: str) -> Appointment:
    """The appointment of `admin` by which that unit is theirs to administer; raises Unseen."""
    here = auth_repository.unit(session, unit)
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
    first = max(starts, today)
    is_trained = account.is_trained(first) or (trained_until is not None and first <= trained_until)
    if role.trained and not is_trained:
        found.append(Obstacle("untrained", name, ends=account.trained_until if account.certified else None))
    return tuple(found)


def _is_top(session: Session, admin: Admin) -> bool:
    return any(not one.parents for one in auth_repository.find_units(session, admin.units).values())


def _is_of_academy(session: Session, admin: Admin) -> bool:
    """Whether somebody of an academy, or above, gives the role: trainers are appointed by none below."""
    above, own = (UnitKind.region, UnitKind.country), auth_repository.find_units(session, admin.units).values()
    return admin.by_command or any(one.kind in above for one in own)


def _clash(known: Roles, role: Role, post: Held) -> bool:
    """Whoever administers accounts reads no case, in any role."""
    other = known[post.role][1] if post.role in known else None
    if other is None:
        return False
    return (role.administers and carries(other)) or (other.administers and carries(role))


PAGE = 50
LOG = 30
SOON = timedelta(days=60)
"""A certificate that ends within this time stands on the list of those to renew."""
PLACES_MOST = 200


# ---- what pages are given ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PostLine:
    """An appointment. `may_end`: whether this reader can end it."""

    id: str
    protocol: Protocol | None
    role: str
    unit: Unit
    starts: date
    ends: date | None
    is_over: bool
    is_to_come: bool
    may_end: bool


@dataclass(frozen=True, slots=True)
class PersonLine:
    """Somebody in the list, with what they hold now or will hold, within this reader's reach."""

    id: str
    username: str
    name: str
    is_active: bool
    is_known: bool
    """Whether a way in was set: a password, at least."""
    needs_training: bool
    is_trained: bool
    trained_until: date | None
    posts: tuple[PostLine, ...]


@dataclass(frozen=True, slots=True)
class PeopleView:
    unit: Unit | None
    people: tuple[PersonLine, ...]
    after: str
    """Where the next page begins; empty: there is none."""
    own: tuple[Unit, ...]
    """The units that this reader administers."""
    below: tuple[Unit, ...]
    """The units directly below the chosen one, or below one's only one."""
    is_top: bool

    @property
    def school(self) -> Unit | None:
        """The chosen one, or one's only one, where it is a school."""
        here = self.unit or (self.own[0] if len(self.own) == 1 else None)
        return here if here and here.kind is UnitKind.school else None


@dataclass(frozen=True, slots=True)
class CertificateLine:
    issued: date | None
    until: date
    seen_by: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class PersonView:
    """One person's page."""

    line: PersonLine
    names: Mapping[str, str]
    language: str
    email: str
    phone: str
    standing: Standing
    posts: tuple[PostLine, ...]
    elsewhere: bool
    """Whether they hold something out of this reader's reach, which isn't shown."""
    certificates: tuple[CertificateLine, ...]
    history: tuple[ChangeLine, ...]
    may_close: bool

    @property
    def may_change(self) -> bool:
        return self.standing is Standing.whole


@dataclass(frozen=True, slots=True)
class EndingView:
    """The certificates to renew; `today` tells those that have ended already."""

    people: tuple[PersonLine, ...]
    today: date
    after: str


# ---- lists ---------------------------------------------------------------------------------------------------------


def see_people(ctx: AppContext, actor: Actor, *, unit: str = "", after: str = "") -> PeopleView:
    """The people of one's reach by user name, or of one unit of it and below; raises Unseen."""
    admin, today = admin_of(ctx, actor), today_for(ctx)
    with ctx.directory.reading() as session:
        here = place_within(session, admin, unit) if unit else None
        wanted = [here.id] if here else admin.units
        found = repository.people(session, wanted, after=after, limit=PAGE + 1)
        lines = tuple(_lines(session, admin, found[:PAGE], today))
        own = tuple(auth_repository.find_units(session, admin.units).values())
        below = auth_repository.children(session, here.id if here else own[0].id) if here or len(own) == 1 else ()
    further = found[PAGE - 1].username if len(found) > PAGE else ""
    return PeopleView(here, lines, further, own, below[:PLACES_MOST], any(not one.parents for one in own))


def see_ending(ctx: AppContext, actor: Actor, *, after: str = "") -> EndingView:
    """Whose certificate ends within sixty days, or has ended while their role needs one; soonest first."""
    admin, today = admin_of(ctx, actor), today_for(ctx)
    needing = [key for key, (_protocol, role) in admin.roles.items() if role.trained]
    with ctx.directory.reading() as session:
        found = repository.ending(
            session, admin.units, needing, today=today, until=today + SOON, after=_cursor(after), limit=PAGE + 1
        )
        lines = tuple(_lines(session, admin, found[:PAGE], today))
    last = found[PAGE - 1] if len(found) > PAGE else None
    return EndingView(lines, today, f"{last.trained_until}~{last.username}" if last else "")


def _cursor(after: str) -> tuple[date, str] | None:
    if not after:
        return None
    day, _, username = after.partition("~")
    try:
        return date.fromisoformat(day), username
    except ValueError:
        raise Unseen(after) from None


def _lines(session: Session, admin: Admin, found: Sequence[Account], today: date) -> Iterator[PersonLine]:
    held = repository.held(session, [one.id for one in found])
    units = auth_repository.find_units(session, {post.unit for posts in held.values() for post in posts})
    for account in found:
        yield _line(admin, account, held.get(account.id, ()), units, today)


def _line(admin: Admin, account: Account, posts: Iterable[Held], units: Mapping[str, Unit], today: date) -> PersonLine:
    now = [post for post in posts if not post.is_over(today) and admin.reaches(units[post.unit])]
    return PersonLine(
        id=account.id,
        username=account.username,
        name=account.name(admin.actor.language),
        is_active=account.active,
        is_known=account.password_hash is not None,
        needs_training=any(post.role in admin.roles and admin.roles[post.role][1].trained for post in now),
        is_trained=account.is_trained(today),
        trained_until=account.trained_until if account.certified else None,
        posts=tuple(_post(admin, post, units, today, may_end=False) for post in now),
    )


def _post(admin: Admin, post: Held, units: Mapping[str, Unit], today: date, *, may_end: bool) -> PostLine:
    return PostLine(
        id=post.id,
        protocol=admin.roles[post.role][0] if post.role in admin.roles else None,
        role=post.role,
        unit=units[post.unit],
        starts=post.starts,
        ends=post.ends,
        is_over=post.is_over(today),
        is_to_come=not post.is_over(today) and post.starts > today,
        may_end=may_end and not post.is_over(today),
    )


# ---- one person ----------------------------------------------------------------------------------------------------


def see_person(ctx: AppContext, actor: Actor, account_id: str) -> PersonView:
    """Somebody within one's reach: what they hold there, their address and certificates; raises Unseen."""
    admin, today = admin_of(ctx, actor), today_for(ctx)
    with ctx.directory.reading() as session:
        account, posts, standing = person_of(session, admin, account_id, today)
        units = auth_repository.find_units(session, {post.unit for post in posts})
        within = [post for post in posts if admin.reaches(units[post.unit])]
        seen = repository.certificates(session, account.id)
        log = administration_log.about(session, account.id, kinds=administration_log.OF_STAFF, limit=LOG)
        people = auth_repository.accounts(session, {one.seen_by for one in seen} | {row.actor for row in log})
    names = {key: one.name(actor.language) for key, one in people.items()}
    may = standing is not Standing.own
    whole = standing is Standing.whole
    return PersonView(
        line=_line(admin, account, posts, units, today),
        names=dict(account.names),
        language=account.language,
        email=(account.email or "") if whole else "",
        phone=(account.phone or "") if whole else "",
        standing=standing,
        posts=tuple(_post(admin, post, units, today, may_end=may) for post in reversed(within)),
        elsewhere=any(not post.is_over(today) for post in posts if post not in within),
        certificates=tuple(
            CertificateLine(one.issued, one.until, names.get(one.seen_by, "—"), one.seen_at) for one in seen
        ),
        history=tuple(
            change_line(one, admin.roles, names) for one in log if one.unit in units and admin.reaches(units[one.unit])
        ),
        may_close=whole and account.active,
    )


def roles_for(ctx: AppContext, actor: Actor) -> tuple[tuple[Protocol, Role], ...]:
    """The roles that somebody may be appointed to, in the order of the definitions."""
    admin = admin_of(ctx, actor)
    with ctx.directory.reading() as session:
        is_top = _is_top(session, admin)
    return tuple(pair for pair in admin.roles.values() if is_top or not pair[1].publishes)


def units_for(ctx: AppContext, actor: Actor, role: str) -> tuple[Unit, ...]:
    """Units of one's reach in which that role can be held, where they are few; else none: a code is typed."""
    admin = admin_of(ctx, actor)
    with ctx.directory.reading() as session:
        ids = repository.places(session, admin.units, limit=PLACES_MOST)
        found = auth_repository.find_units(session, ids).values() if len(ids) < PLACES_MOST else ()
    known = admin.roles.get(role)
    return tuple(unit for unit in found if known is None or fits(known[1], unit))
