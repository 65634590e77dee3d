"""Service of stand-ins: who holds a role of a school for a time; and the codes that were printed for its people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.permissions import is_of_team
from school_protocol.auth.repository import Post
from school_protocol.auth.second_factor import end_if_unproven
from school_protocol.context import AppContext, declared, today_for
from school_protocol.engine.definition import Protocol, Role
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.people.teams import (
    Changed,
    Obstacle,
    StandInLine,
    TeamRefused,
    check_reason,
    day_of,
    name_in,
    place_of,
    post_of,
    see_team,
    withdraw,
    write_team_change,
)
from school_protocol.storage import administration_log, idempotency
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session

SHOWN_FOR = timedelta(days=90)
LISTED = 40
_USED_BY = {
    Kind.invited: Kind.invitation_accepted,
    Kind.password_code_made: Kind.password_set,
    Kind.restoration_agreed: Kind.factors_restored,
}


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One code. `kind`: what it was for; `used_at`: None as long as nobody has used it, or another took its place."""

    kind: str
    by: str
    name: str
    at: datetime
    used_at: datetime | None


def see_codes(ctx: AppContext, actor: Actor, school: str) -> tuple[CodeLine, ...]:
    """For whoever oversees the school, the codes of 90 days, newest first; nothing for others. Raises Unseen."""
    here = place_of(ctx, actor, school)
    if not here.oversees:
        return ()
    since = ctx.now() - SHOWN_FOR
    with ctx.directory.reading() as session:
        found = administration_log.changes(session, [here.unit.id], limit=LISTED, kinds=tuple(_USED_BY))
        printed = [one for one in found if one.at >= since]
        about = {one.account for one in printed}
        rows = [
            one
            for account in about
            for one in administration_log.about(session, account, kinds=(*_USED_BY, *_USED_BY.values()), limit=200)
        ]
        people = auth_repository.accounts(session, about | {one.actor for one in printed})
    names = {key: one.name(actor.language) for key, one in people.items()}
    return tuple(
        CodeLine(one.kind.value, names.get(one.actor, "—"), names.get(one.account, "—"), one.at, _used(one, rows))
        for one in printed
    )


def _used(printed: Change, rows: Iterable[Change]) -> datetime | None:
    """When that code was used: after it was printed, and before the next one of its kind was."""
    same = [one for one in rows if one.account == printed.account and one.at >= printed.at]
    ends = [one.at for one in same if one.kind is printed.kind and one.at > printed.at]
    used = [one.at for one in same if one.kind is _USED_BY[printed.kind] and not (ends and one.at > min(ends))]
    return min(used, default=None)


# ---- standing in: from a day until a day ---------------------------------------------------------------------------
# It works at once and ends by itself.

DAYS_MOST = 90
AWAY_REASONS = ("illness", "leave", "mission", "vacant", "other")
BACK_REASONS = ("returned", "replaced", "cannot", "other")


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A role to be stood in for: of somebody, or of nobody."""

    value: str
    protocol: Protocol
    role: str
    name: str


@dataclass(frozen=True, slots=True)
class CandidateLine:
    id: str
    name: str
    trained_until: date | None
    elsewhere: Unit | None
    """Where they work, if not at this school."""


@dataclass(frozen=True, slots=True)
class StandInView:
    unit: Unit
    places: tuple[PlaceLine, ...]
    candidates: tuple[CandidateLine, ...]


@dataclass(frozen=True, slots=True)
class EndingView:
    unit: Unit
    line: StandInLine


def see_stand_in(ctx: AppContext, actor: Actor, school: str) -> StandInView:
    """Whom this person may name for which role; raises Unseen where there is no such role."""
    here = place_of(ctx, actor, school)
    known, today = declared(ctx), today_for(ctx)
    open_roles = {key: pair for key, pair in known.items() if here.may_name(pair[1])}
    if not open_roles:
        raise Unseen(school)
    with ctx.directory.reading() as session:
        found = [post for post in auth_repository.posts(session, [here.unit.id], since=today) if post.role in known]
        candidates = _candidates(session, actor, here.unit, known, today)
    return StandInView(here.unit, tuple(_places_to_fill(actor, open_roles, found, today)), candidates)


def _places_to_fill(
    actor: Actor, roles: Mapping[str, tuple[Protocol, Role]], posts: Iterable[Post], today: date
) -> Iterator[PlaceLine]:
    held = [post for post in posts if post.stands_in is None and post.is_current(today) and post.account.active]
    for key, (protocol, _role) in roles.items():
        holders = {post.account.id: post.account for post in held if post.role == key}
        for account in holders.values():
            yield PlaceLine(f"{key}.{account.id}", protocol, key, account.name(actor.language))
        if not holders:
            yield PlaceLine(f"{key}.", protocol, key, "")


def _candidates(
    session: Session, actor: Actor, school: Unit, known: Mapping[str, tuple[Protocol, Role]], today: date
) -> tuple[CandidateLine, ...]:
    """The people of the school; then whoever carries cases in the schools beside, or above."""
    beside = auth_repository.children(session, school.parents[0]) if school.parents else ()
    units = {unit.id: unit for unit in beside} | auth_repository.find_units(session, [school.id, *school.parents])
    found: dict[str, CandidateLine] = {}
    holders = auth_repository.holders(session, tuple(units), today=today)
    for holder in sorted(holders, key=lambda one: one.unit != school.id):
        of_team = holder.role in known and is_of_team(*known[holder.role])
        if holder.account.id == actor.id or not (holder.unit == school.id or of_team):
            continue
        account = holder.account
        elsewhere = None if holder.unit == school.id else units[holder.unit]
        trained = account.trained_until if account.certified else None
        found.setdefault(account.id, CandidateLine(account.id, account.name(actor.language), trained, elsewhere))
    return tuple(sorted(found.values(), key=lambda one: (one.elsewhere is not None, one.name)))


def name_stand_in(
    ctx: AppContext,
    actor: Actor,
    school: str,
    *,
    place: str | None,
    account: str | None,
    starts: str | None,
    ends: str | None,
    reason: str | None,
    sentence: str | None,
    token: str,
    said: object = None,
) -> Changed:
    """Somebody holds a role of the school from a day until a day; it works at once and ends by itself."""
    view = see_stand_in(ctx, actor, school)
    answers = [place, account, starts, ends, reason, sentence]
    press = idempotency.press(ctx.vault, actor.id, token, "stand-in", view.unit.id, said or answers)
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            return Changed(name_in(ctx, actor, before["account"]), before["at_once"], repeated=True)
        filled = next((one for one in view.places if one.value == place), None)
        chosen = next((one for one in view.candidates if one.id == account), None)
        typed = (("place", place, filled), ("account", account, chosen))
        problems: dict[str, tuple[str, ...]] = {
            name: ("unknown_option" if one else "required",) for name, one, known in typed if known is None
        }
        first, last = _days(starts, ends, today_for(ctx), problems)
        check_reason(reason, sentence, AWAY_REASONS, problems)
        if problems or filled is None or chosen is None or first is None or last is None:
            raise BadInput(problems)
        with ctx.directory.writing() as kept:
            _check_stand_in(kept, ctx, actor, _StandIn(view.unit, filled, chosen, first, last))
            post = auth_repository.appoint(
                kept, chosen.id, role=filled.role, unit=view.unit.id, starts=first, ends=last
            )
            end_if_unproven(kept, ctx, chosen.id, filled.role)
            write_team_change(
                kept, ctx, actor, Kind.stand_in_named, view.unit.id, chosen.id, filled.role, post, reason, sentence,
                other=filled.value.partition(".")[2] or None, starts=first, ends=last,
            )  # fmt: skip
        at_once = first <= today_for(ctx)
        idempotency.use(session, press, {"account": chosen.id, "at_once": at_once}, at=ctx.now())
    return Changed(chosen.name, at_once)


def _days(
    starts: str | None, ends: str | None, today: date, problems: dict[str, tuple[str, ...]]
) -> tuple[date | None, date | None]:
    """The first and the last day, as far as they can be read; what is wrong about them is added to the problems."""
    first, last = day_of(starts, "starts", problems, today), day_of(ends, "ends", problems, today)
    if first and last and last < first:
        problems["ends"] = ("ends_before_it_starts",)
    elif first and last and (last - first).days >= DAYS_MOST:
        problems["ends"] = (f"days_most:{DAYS_MOST}",)
    return first, last


@dataclass(frozen=True, slots=True)
class _StandIn:
    """Who is to hold which role of a school, from a day until a day."""

    school: Unit
    filled: PlaceLine
    chosen: CandidateLine
    first: date
    last: date

    @property
    def away(self) -> str:
        """The account whose place it is."""
        return self.filled.value.partition(".")[2]


def _check_stand_in(session: Session, ctx: AppContext, actor: Actor, named: _StandIn) -> None:
    """Raises TeamRefused with every reason why this person can't stand in on these days."""
    chosen, first = named.chosen, named.first
    obstacles = [*_beyond_rights(session, ctx, actor, named), *_clashes(session, actor, named)]
    account = auth_repository.account(session, chosen.id)
    trained = account is not None and account.is_trained(first) and account.is_trained(named.last)
    if not trained and _wants_training(session, named.filled, chosen, first):
        obstacles.append(Obstacle("untrained", chosen.name, ends=chosen.trained_until))
    if obstacles:
        raise TeamRefused(*obstacles)


def _beyond_rights(session: Session, ctx: AppContext, actor: Actor, named: _StandIn) -> Iterator[Obstacle]:
    """What is not for this actor to name, or not for this long."""
    filled, school = named.filled, named.school
    if named.chosen.id == named.away:
        yield Obstacle("stands_in_for_self")
    is_above = any(held.unit in school.parents for held in actor.appointments)
    if filled.protocol.roles[filled.role].administers and not is_above:
        yield Obstacle("from_above")
    now = auth_repository.posts(session, [school.id], since=today_for(ctx))
    acting = [one for one in now if one.account.id == actor.id and one.stands_in is not None]
    if any(one.role == filled.role and one.ends is not None and named.last > one.ends for one in acting):
        yield Obstacle("beyond_own_stand_in")


def _clashes(session: Session, actor: Actor, named: _StandIn) -> Iterator[Obstacle]:
    """Who holds the role in these days already: the one who is chosen, or another who stands in for the same."""
    chosen, away = named.chosen, named.away
    posts = auth_repository.posts(session, [named.school.id], since=named.first)
    busy = [post for post in posts if post.role == named.filled.role and post.overlaps(named.first, named.last)]
    own = [post for post in busy if post.account.id == chosen.id and chosen.id != away]
    if own:
        yield Obstacle("holds_it_already", chosen.name, own[0].starts, own[0].ends)
    for post in busy:
        if post.stands_in and (post.stands_in.other or "") == away and post.account.id != chosen.id:
            yield Obstacle("overlaps", post.account.name(actor.language), post.starts, post.ends)


def _wants_training(session: Session, filled: PlaceLine, chosen: CandidateLine, first: date) -> bool:
    """Whether that role, or a seat that acts as it, is for trained people, and this one is not exempt."""
    seats = [seat for seat in filled.protocol.seats.values() if seat.acts_as == filled.role]
    held = [post.role for post in auth_repository.posts_of(session, chosen.id, since=first) if post.is_current(first)]
    wanted = filled.protocol.roles[filled.role].trained
    return wanted or not all(seat.admits(held, trained=False) for seat in seats)


def see_stand_in_ending(ctx: AppContext, actor: Actor, school: str, post: str) -> EndingView:
    """A stand-in that this person may end before its last day; raises Unseen."""
    view = see_team(ctx, actor, school)
    line = next((one for one in view.stand_ins if one.post == post and one.may_end), None)
    if line is None:
        raise Unseen(post)
    return EndingView(view.unit, line)


def end_stand_in(
    ctx: AppContext, actor: Actor, school: str, post: str, *, reason: str | None, sentence: str | None, token: str
) -> Changed:
    """A stand-in ends now: what it opened is closed from the next page on."""
    here = place_of(ctx, actor, school)
    press = idempotency.press(ctx.vault, actor.id, token, "stand-in-end", post, [reason, sentence])
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            name = name_in(ctx, actor, before["account"])
            return Changed(name, at_once=True, is_self=before["account"] == actor.id, repeated=True)
        view = see_stand_in_ending(ctx, actor, school, post)
        problems: dict[str, tuple[str, ...]] = {}
        check_reason(reason, sentence, BACK_REASONS, problems)
        if problems:
            raise BadInput(problems)
        with ctx.directory.writing() as kept:
            found = post_of(kept, ctx, here, post)
            withdraw(kept, ctx, actor, found, Kind.stand_in_ended, reason, sentence)
        idempotency.use(session, press, {"account": found.account.id}, at=ctx.now())
    return Changed(view.line.name, at_once=True, is_self=found.account.id == actor.id)
