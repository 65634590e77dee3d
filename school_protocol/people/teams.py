"""Service of a school's team: who is missing, stands in or leaves; each change with its reason, in a row that stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.permissions import is_of_team
from school_protocol.auth.repository import Post
from school_protocol.context import AppContext, declared, today_for
from school_protocol.engine.definition import Protocol, Role, Seat
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Actor, Unit, UnitKind
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session

# ---- reasons for leaving a team ------------------------------------------------------------------------------------

LEAVING_REASONS = ("moved", "retired", "other_duties", "absence", "other")


AT_ONCE_REASONS = ("unreachable", "not_working", "other")


# ---- when somebody is missing: who stands in and until when, who leaves --------------------------------------------
# Which roles may be stood in for, and by whom they are named, is the definition's to say (`stand_in_by`); a head and
# whoever oversees the school end appointments.

FEW = 2
"""So many trained adults, or fewer, and the page says what the protocol offers then."""
HISTORY = 10


# ---- what pages are given ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StandInLine:
    """Somebody who holds a role for a time. `away` is empty where nobody held the role.

    Why somebody is away is for those who name stand-ins: `reason` is empty for others.
    """

    post: str
    protocol: Protocol
    role: str
    name: str
    away: str
    starts: date
    ends: date | None
    reason: str
    sentence: str
    is_running: bool
    may_end: bool


@dataclass(frozen=True, slots=True)
class MemberLine:
    """Somebody appointed to a role of the school. `stands_in`: who does it while they are away."""

    post: str
    name: str
    is_self: bool
    is_active: bool
    certified: bool
    trained_until: date | None
    is_trained: bool
    starts: date
    ends: date | None
    stands_in: StandInLine | None
    may_end: bool


@dataclass(frozen=True, slots=True)
class RoleLines:
    protocol: Protocol
    role: Role
    members: tuple[MemberLine, ...]


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One line of what was changed: by whom, of whom, and why as far as this reader may know."""

    at: datetime
    kind: str
    by: str
    name: str
    protocol: Protocol | None
    role: str
    reason: str
    sentence: str
    starts: date | None
    ends: date | None


def change_line(
    change: Change, known: Mapping[str, tuple[Protocol, Role]], names: Mapping[str, str], *, told: bool = True
) -> ChangeLine:
    """A row of the log as it is shown; `told`: with its reason."""
    return ChangeLine(
        at=change.at,
        kind=change.kind.value,
        by=names.get(change.actor, "—"),
        name=names.get(change.account, "—"),
        protocol=known[change.role][0] if change.role in known else None,
        role=change.role,
        reason=change.reason if told else "",
        sentence=change.sentence if told else "",
        starts=change.starts,
        ends=change.ends,
    )


@dataclass(frozen=True, slots=True)
class TeamView:
    """The people of one school."""

    unit: Unit
    roles: tuple[RoleLines, ...]
    stand_ins: tuple[StandInLine, ...]
    trained: int
    from_afar: tuple[tuple[Protocol, Seat], ...]
    """Seats of a case that somebody of a neighbour school or of the directorate can take."""
    may_name: bool
    may_change: bool
    history: tuple[ChangeLine, ...]
    others: tuple[Unit, ...]
    """The other schools of this reader."""

    @property
    def is_few(self) -> bool:
        return self.trained <= FEW


# ---- who may be here ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A school, and the roles in which this person stands before it."""

    unit: Unit
    roles: Mapping[str, Role] = field(default_factory=dict)

    @property
    def oversees(self) -> bool:
        return any(role.oversees for role in self.roles.values())

    @property
    def may_change(self) -> bool:
        return any(role.head or role.oversees for role in self.roles.values())

    def may_name(self, role: Role) -> bool:
        return bool(set(role.stand_in_by) & set(self.roles))

    def may_end(self, role: Role) -> bool:
        """Whether this person ends somebody else's appointment to that role: a head's only from above."""
        return self.oversees or (self.may_change and not role.head)


def places(ctx: AppContext, actor: Actor) -> tuple[Place, ...]:
    """The schools in whose team this person is, or which they oversee."""
    known = declared(ctx)
    found: dict[str, Place] = {}
    roles: dict[str, dict[str, Role]] = {}
    with ctx.directory.reading() as session:
        for held in actor.appointments:
            if held.role not in known or not is_of_team(*known[held.role]):
                continue
            role = known[held.role][1]
            if role.oversees:
                reached = auth_repository.schools_under(session, [held.unit])
            else:
                reached = (auth_repository.unit(session, held.unit),)
            for unit in reached:
                if unit.kind is not UnitKind.school:
                    continue
                roles.setdefault(unit.id, {})[role.key] = role
                found[unit.id] = Place(unit, roles[unit.id])
    return tuple(sorted(found.values(), key=lambda place: place.unit.code))


def place_of(ctx: AppContext, actor: Actor, school: str) -> Place:
    """The school with that code, if this person has something to do there; raises Unseen."""
    for place in places(ctx, actor):
        if place.unit.code == school:
            return place
    raise Unseen(school)


# ---- the people of a school --------------------------------------------------------------------------------------


def see_team(ctx: AppContext, actor: Actor, school: str) -> TeamView:
    """Who works here, in which role, trained until when; who is away, and who stands in."""
    here = place_of(ctx, actor, school)
    known, today = declared(ctx), today_for(ctx)
    with ctx.directory.reading() as session:
        found = [post for post in auth_repository.posts(session, [here.unit.id], since=today) if post.role in known]
        history = (
            administration_log.changes(session, [here.unit.id], limit=HISTORY, kinds=administration_log.OF_PEOPLE)
            if here.may_change
            else []
        )
        names = _names(session, actor, found, history)
    standing = tuple(_stand_in(post, known, names, today, here, actor) for post in found if post.stands_in is not None)
    held = [post for post in found if post.stands_in is None]
    lines = tuple(
        RoleLines(protocol, role, tuple(_members(held, role, standing, found, names, today, here, actor)))
        for protocol, role in sorted(known.values(), key=lambda pair: not is_of_team(*pair))
        if any(post.role == role.key for post in held)
    )
    current = [post for post in found if post.is_current(today) and post.account.active]
    return TeamView(
        unit=here.unit,
        roles=lines,
        stand_ins=tuple(sorted(standing, key=lambda line: (line.starts, line.name))),
        trained=len({post.account.id for post in current if post.account.is_trained(today)}),
        from_afar=tuple(_from_afar(ctx)),
        may_name=any(here.may_name(role) for _protocol, role in known.values()),
        may_change=here.may_change,
        history=tuple(_history(history, known, names, here)),
        others=tuple(place.unit for place in places(ctx, actor) if place.unit != here.unit),
    )


def _names(session: Session, actor: Actor, posts: Iterable[Post], history: Iterable[Change]) -> dict[str, str]:
    wanted = {post.account.id for post in posts}
    wanted |= {post.stands_in.other for post in posts if post.stands_in and post.stands_in.other}
    for change in history:
        wanted |= {change.actor, change.account}
    return {key: found.name(actor.language) for key, found in auth_repository.accounts(session, wanted).items()}


def _stand_in(
    post: Post,
    known: Mapping[str, tuple[Protocol, Role]],
    names: Mapping[str, str],
    today: date,
    here: Place,
    actor: Actor,
) -> StandInLine:
    named = post.stands_in
    assert named is not None
    protocol, role = known[post.role]
    knows = here.may_change or here.may_name(role)
    return StandInLine(
        post=post.id,
        protocol=protocol,
        role=role.key,
        name=names[post.account.id],
        away=names.get(named.other or "", ""),
        starts=post.starts,
        ends=post.ends,
        reason=named.reason if knows else "",
        sentence=named.sentence if knows else "",
        is_running=post.is_current(today),
        may_end=here.may_name(role) or post.account.id == actor.id,
    )


def _members(
    held: Iterable[Post],
    role: Role,
    standing: Iterable[StandInLine],
    found: Sequence[Post],
    names: Mapping[str, str],
    today: date,
    here: Place,
    actor: Actor,
) -> Iterator[MemberLine]:
    away = {post.stands_in.other: post.id for post in found if post.stands_in and post.is_current(today)}
    lines = {line.post: line for line in standing}
    for post in held:
        if post.role != role.key:
            continue
        account, is_self = post.account, post.account.id == actor.id
        line = lines.get(away.get(account.id, ""))
        yield MemberLine(
            post=post.id,
            name=names[account.id],
            is_self=is_self,
            is_active=account.active,
            certified=account.certified,
            trained_until=account.trained_until if account.certified else None,
            is_trained=account.is_trained(today),
            starts=post.starts,
            ends=post.ends,
            stands_in=line if line is not None and line.role == role.key else None,
            may_end=is_self or here.may_end(role),
        )


def _from_afar(ctx: AppContext) -> Iterator[tuple[Protocol, Seat]]:
    """Seats for trained people alone that sign, or act as a role which is stood in for."""
    for protocol in ctx.library.current():
        for seat in protocol.seats.values():
            acts_as = protocol.roles.get(seat.acts_as or "")
            if seat.trained and not seat.exempt and (seat.signs or (acts_as is not None and acts_as.stand_in_by)):
                yield protocol, seat


def _history(
    changes: Iterable[Change], known: Mapping[str, tuple[Protocol, Role]], names: Mapping[str, str], here: Place
) -> Iterator[ChangeLine]:
    """What was changed; why somebody left at once is for those who oversee: a case may be behind it."""
    for change in changes:
        if change.kind is Kind.orphaned:
            continue
        yield change_line(change, known, names, told=here.oversees or change.kind is not Kind.left_at_once)


SENTENCE_MOST = 200
YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a change can't be made now, with what its sentence names."""

    code: str
    name: str = ""
    starts: date | None = None
    ends: date | None = None


class TeamRefused(Refused):
    """A change of the team that can't be made now; `obstacles` say why."""

    def __init__(self, *obstacles: Obstacle) -> None:
        self.obstacles = obstacles
        super().__init__(tuple(Reason(one.code) for one in obstacles))


@dataclass(frozen=True, slots=True)
class Changed:
    """What a press changed; `repeated` where an earlier press had done it. `at_once`: it holds already."""

    name: str
    at_once: bool
    is_self: bool = False
    orphans: int = 0
    repeated: bool = False


# ---- answers -----------------------------------------------------------------------------------------------------


def day_of(text: str | None, key: str, problems: dict[str, tuple[str, ...]], today: date) -> date | None:
    """The day that was written, from today to a year ahead; else None, and what is wrong with it."""
    if not (text or "").strip():
        problems[key] = ("required",)
        return None
    try:
        found = date.fromisoformat(str(text).strip())
    except ValueError:
        problems[key] = ("not_a_date",)
        return None
    if found < today:
        problems[key] = ("in_the_past",)
    elif found > today + YEAR:
        problems[key] = ("too_far_ahead",)
    return None if key in problems else found


def check_reason(
    reason: str | None, sentence: str | None, known: Sequence[str], problems: dict[str, tuple[str, ...]]
) -> None:
    if reason not in known:
        problems["reason"] = ("unknown_option" if reason else "required",)
    if reason == "other" and not (sentence or "").strip():
        problems["sentence"] = ("required",)
    if len(plain(sentence)) > SENTENCE_MOST:
        problems["sentence"] = (f"too_long:{SENTENCE_MOST}",)


def plain(sentence: str | None) -> str:
    """One line, without what no screen shows."""
    return " ".join("".join(each if each.isprintable() else " " for each in sentence or "").split())


def post_of(session: Session, ctx: AppContext, here: Place, post: str) -> Post:
    known = declared(ctx)
    for one in auth_repository.posts(session, [here.unit.id], since=today_for(ctx)):
        if one.id == post and one.role in known:
            return one
    raise Unseen(post)


def again(ctx: AppContext, actor: Actor, before: Mapping[str, object]) -> Changed:
    account = str(before["account"])
    orphans = before["orphans"]
    return Changed(
        name_in(ctx, actor, account),
        bool(before["at_once"]),
        account == actor.id,
        orphans if isinstance(orphans, int) else 0,
        repeated=True,
    )


def name_in(ctx: AppContext, actor: Actor, account: str) -> str:
    with ctx.directory.reading() as session:
        found = auth_repository.account(session, account)
    return found.name(actor.language) if found else "—"


# ---- written down ------------------------------------------------------------------------------------------------


def withdraw(
    session: Session, ctx: AppContext, actor: Actor, post: Post, kind: Kind, reason: str | None, sentence: str | None
) -> None:
    """An appointment counts no more, from now on."""
    today = today_for(ctx)
    auth_repository.end_appointment(session, post.id, max(post.starts, today))
    write_team_change(
        session, ctx, actor, kind, post.unit, post.account.id, post.role, post.id, reason, sentence, ends=today,
    )  # fmt: skip


def write_team_change(
    session: Session,
    ctx: AppContext,
    actor: Actor,
    kind: Kind,
    unit: str,
    account: str,
    role: str,
    post: str | None,
    reason: str | None,
    sentence: str | None,
    *,
    other: str | None = None,
    number: str | None = None,
    starts: date | None = None,
    ends: date | None = None,
) -> None:
    administration_log.write_entry(
        session,
        Change(
            at=ctx.now(), actor=actor.id, kind=kind, unit=unit, account=account, role=role, appointment=post,
            reason=reason or "", sentence=plain(sentence), other=other, number=number, starts=starts, ends=ends,
        ),
    )  # fmt: skip
