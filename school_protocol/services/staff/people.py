"""The people whom somebody administers: the list, and one person's page. Nothing of a case is here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor, Unit, UnitKind
from school_protocol.domain.protocol import Protocol, Role
from school_protocol.services.house import House
from school_protocol.services.loading import today_for
from school_protocol.services.staff.reach import Admin, Standing, admin_of, fits, person_of, place_within
from school_protocol.storage import administration, directory, staff
from school_protocol.storage.administration import Change
from school_protocol.storage.directory import Account
from school_protocol.storage.engines import Session
from school_protocol.storage.staff import Held

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
class ChangeLine:
    at: datetime
    kind: str
    by: str
    protocol: Protocol | None
    role: str
    reason: str
    sentence: str
    starts: date | None
    ends: date | None


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


def see_people(house: House, actor: Actor, *, unit: str = "", after: str = "") -> PeopleView:
    """The people of one's reach by user name, or of one unit of it and below; raises Unseen."""
    admin, today = admin_of(house, actor), today_for(house)
    with house.directory.reading() as session:
        here = place_within(session, admin, unit) if unit else None
        wanted = [here.id] if here else admin.units
        found = staff.people(session, wanted, after=after, limit=PAGE + 1)
        lines = tuple(_lines(session, admin, found[:PAGE], today))
        own = tuple(directory.units(session, admin.units).values())
        below = directory.children(session, here.id if here else own[0].id) if here or len(own) == 1 else ()
    further = found[PAGE - 1].username if len(found) > PAGE else ""
    return PeopleView(here, lines, further, own, below[:PLACES_MOST], any(not one.parents for one in own))


def see_ending(house: House, actor: Actor, *, after: str = "") -> EndingView:
    """Whose certificate ends within sixty days, or has ended while their role needs one; soonest first."""
    admin, today = admin_of(house, actor), today_for(house)
    needing = [key for key, (_protocol, role) in admin.roles.items() if role.trained]
    with house.directory.reading() as session:
        found = staff.ending(
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
    held = staff.held(session, [one.id for one in found])
    units = directory.units(session, {post.unit for posts in held.values() for post in posts})
    for account in found:
        posts = held.get(account.id, ())
        yield _line(admin, account, posts, units, today)


def _line(admin: Admin, account: Account, posts: Iterable[Held], units: Mapping[str, Unit], today: date) -> PersonLine:
    now = [post for post in posts if not post.is_over(today) and _is_within(admin, units, post)]
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


def _is_within(admin: Admin, units: Mapping[str, Unit], post: Held) -> bool:
    return admin.reaches(units[post.unit])


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


def see_person(house: House, actor: Actor, account_id: str) -> PersonView:
    """Somebody within one's reach: what they hold there, their address and certificates; raises Unseen."""
    admin, today = admin_of(house, actor), today_for(house)
    with house.directory.reading() as session:
        account, posts, standing = person_of(session, admin, account_id, today)
        units = directory.units(session, {post.unit for post in posts})
        within = [post for post in posts if _is_within(admin, units, post)]
        seen = staff.certificates(session, account.id)
        log = administration.about(session, account.id, kinds=administration.OF_STAFF, limit=LOG)
        people = directory.accounts(session, {one.seen_by for one in seen} | {row.actor for row in log})
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
        history=tuple(_changes(admin, log, names, units)),
        may_close=whole and account.active,
    )


def _changes(
    admin: Admin, changes: Iterable[Change], names: Mapping[str, str], units: Mapping[str, Unit]
) -> Iterator[ChangeLine]:
    """What was changed within the reach."""
    for one in changes:
        unit = units.get(one.unit)
        if unit is None or not admin.reaches(unit):
            continue
        yield ChangeLine(
            at=one.at,
            kind=one.kind.value,
            by=names.get(one.actor, "—"),
            protocol=admin.roles[one.role][0] if one.role in admin.roles else None,
            role=one.role,
            reason=one.reason,
            sentence=one.sentence,
            starts=one.starts,
            ends=one.ends,
        )


@dataclass(frozen=True, slots=True)
class RoleLine:
    protocol: Protocol
    role: Role


def roles_for(house: House, actor: Actor) -> tuple[RoleLine, ...]:
    """The roles that somebody may be appointed to, in the order of the definitions."""
    admin = admin_of(house, actor)
    with house.directory.reading() as session:
        is_top = any(not one.parents for one in directory.units(session, admin.units).values())
    return tuple(RoleLine(protocol, role) for protocol, role in admin.roles.values() if is_top or not role.publishes)


def units_for(house: House, actor: Actor, role: str) -> tuple[Unit, ...]:
    """Units of one's reach in which that role can be held, where they are few; else none: a code is typed."""
    admin = admin_of(house, actor)
    with house.directory.reading() as session:
        ids = staff.places(session, admin.units, limit=PLACES_MOST)
        found = directory.units(session, ids).values() if len(ids) < PLACES_MOST else ()
    known = admin.roles.get(role)
    return tuple(unit for unit in found if known is None or fits(known[1], unit))
