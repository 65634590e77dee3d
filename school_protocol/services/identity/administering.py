"""Who helps whom to prove who they are: never oneself, nobody outside the own unit; and each change written down."""

from __future__ import annotations

from datetime import datetime, timedelta

from school_protocol.domain.errors import Refused, Unseen
from school_protocol.domain.intents import Reason
from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.protocol import Role, ScopeKind
from school_protocol.services.house import House
from school_protocol.services.loading import today_for
from school_protocol.services.teams.team import declared
from school_protocol.storage import administration, directory
from school_protocol.storage.administration import Change, Kind, Post
from school_protocol.storage.directory import Account
from school_protocol.storage.engines import Session

OWN = "own"
"""The reason of what somebody changed about themselves."""
HELPED = "helped"
BY_COMMAND = "by_command"
BY_MAIL = "by_mail"
"""Of an invitation whose link is sent to the person alone: whoever invites never sees it."""


MOVED = timedelta(days=30)
"""So long whoever changed an address prints no code for that account, its first invitation aside."""
_LETTING_IN = frozenset({Kind.invited, Kind.password_code_made, Kind.restoration_agreed})
_MAKING = _LETTING_IN | {Kind.account_created, Kind.account_opened, Kind.appointed, Kind.stand_in_named}


class IdentityRefused(Refused):
    """A change of how somebody proves who they are that can't be made now; `code` says why, `ends` until when."""

    def __init__(self, code: str, ends: datetime | None = None) -> None:
        self.code, self.ends = code, ends
        super().__init__((Reason(code),))


def helped(session: Session, house: House, by: Actor, account: str) -> Account:
    """The account, if `by` administers every place in which it is appointed; raises Unseen, as for one that is not."""
    found = directory.account(session, account)
    posts = administration.posts_of(session, account, since=today_for(house)) if found else ()
    if found is None or not found.active or found.id == by.id or not posts:
        raise Unseen(account)
    roles = {key: role for key, (_protocol, role) in declared(house).items()}
    units = directory.units(session, [post.unit for post in posts])
    if not all(_administers(by, roles, post, units[post.unit]) for post in posts):
        raise Unseen(account)
    return found


def refuse_if_apart(session: Session, house: House, by: Actor, account: str) -> None:
    """Raise IdentityRefused where `by` is excluded from an open case that this account carries, by seat or by role.

    By the role alone it is refused for everybody who holds one there: who carries that case isn't told by it.
    """
    today = today_for(house)
    with house.realm.reading() as cases:
        apart = [each for ask in house.wiring.apart for each in ask(cases, by.id, today=today)]
    if not apart:
        return
    roles = {key: role for key, (_protocol, role) in declared(house).items()}
    posts = administration.posts_of(session, account, since=today)
    read = {post.unit for post in posts if post.role in roles and _reads(roles[post.role])}
    if any(account in one.seated or read & one.places for one in apart):
        raise IdentityRefused("level_above")


def refuse_who_moved(session: Session, house: House, by: Actor, account: str) -> None:
    """Raise IdentityRefused where `by`, or somebody who is one hand with them, changed where this account is reached.

    Its owner is told by that address that a code was printed: whoever changed it prints none for a new password or a
    lost phone, somebody else does. A first invitation opens what nobody is in yet, and is asked about nothing.
    """
    since = house.now() - MOVED
    movers = administration.doers(session, account, kinds=[Kind.address_changed], since=since)
    own = [one for one in movers if one == by.id or are_one_hand(session, one, by.id, since=since)]
    moved = (administration.latest(session, account, kind=Kind.address_changed, by=one, since=since) for one in own)
    latest = max((at for at in moved if at is not None), default=None)
    if latest is not None:
        raise IdentityRefused("moved_by_you", ends=latest + MOVED)


def _reads(role: Role) -> bool:
    return role.side_bound or role.sees not in (ScopeKind.none, ScopeKind.receipt, ScopeKind.metadata)


def may_help_anybody(house: House, by: Actor) -> bool:
    """Whether this person holds a role in which others are helped."""
    roles = {key: role for key, (_protocol, role) in declared(house).items()}
    return any(_helps(roles.get(held.role)) for held in by.appointments)


def units_helped(house: House, by: Actor) -> tuple[str, ...]:
    """The units that this person administers, by those that are named in the appointments alone."""
    roles = {key: role for key, (_protocol, role) in declared(house).items()}
    return tuple(dict.fromkeys(held.unit for held in by.appointments if _helps(roles.get(held.role))))


def _helps(role: Role | None) -> bool:
    return role is not None and (role.administers or role.head or role.oversees)


def _administers(by: Actor, roles: dict[str, Role], post: Post, unit: Unit) -> bool:
    """A role that administers reaches its unit and below; a head the own school but for heads; who oversees, below."""
    wanted = roles.get(post.role)
    for held in by.appointments:
        own = roles.get(held.role)
        if own is None:
            continue
        if own.administers and held.unit in (unit.id, *unit.parents):
            return True
        if own.head and held.unit == unit.id and wanted is not None and _is_led(wanted):
            return True
        if own.oversees and held.unit in unit.parents and not (wanted and (wanted.oversees or wanted.administers)):
            return True
    return False


def are_one_hand(session: Session, one: str, other: str, *, since: datetime) -> bool:
    """Whether one of two people made the other's account or way in since then, or a third printed the way into both."""
    making = (_behind(session, one, _MAKING, since), _behind(session, other, _MAKING, since))
    entering = _behind(session, one, _LETTING_IN, since) & _behind(session, other, _LETTING_IN, since)
    return one in making[1] or other in making[0] or bool(entering)


def _behind(session: Session, account: str, kinds: frozenset[Kind], since: datetime) -> set[str]:
    """Whoever did so for this account, and for those who did."""
    found: set[str] = set()
    waiting = {account}
    while waiting:
        doers = administration.doers(session, waiting.pop(), kinds=kinds, since=since)
        waiting |= doers - found
        found |= doers
    return found


def _is_led(role: Role) -> bool:
    """Whether a head leads those in that role: who reads or reports cases there, and doesn't answer beyond it."""
    beyond = role.head or role.administers or role.publishes or role.sees is ScopeKind.metadata
    return not beyond and not role.second_factor


def write_down(session: Session, house: House, actor: str, account: str, kind: Kind, reason: str = OWN) -> None:
    """A row of the log, in the latest appointment of whom it is about; raises Unseen where there never was one."""
    post = administration.latest_appointment(session, account)
    if post is None:
        raise Unseen(account)
    appointment, unit, role = post
    administration.write(
        session,
        Change(
            at=house.now(), actor=actor, kind=kind, unit=unit, account=account, role=role, appointment=appointment,
            reason=reason,
        ),
    )  # fmt: skip


def end_access(session: Session, house: House, actor: str, account: str, reason: str = OWN) -> None:
    """What lets somebody in without a session ends too: for whatever ends all of their sessions on purpose."""
    for end in house.wiring.access_ended:
        end(session, house, actor, account, reason)
