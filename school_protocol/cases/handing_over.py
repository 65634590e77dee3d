"""Service of hand-overs: a school's open cases handed to the next team, leaving a team, cases that nobody carries.

What is handed over is a page a case: what the next team must know, and nobody's name or words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from school_protocol import context
from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.auth.permissions import is_of_team
from school_protocol.auth.repository import Account, Post
from school_protocol.cases import index_repository, lookup_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.index_repository import IndexSeat
from school_protocol.cases.loading import load, scope_of
from school_protocol.cases.lookup_repository import Carried, OpenCase
from school_protocol.cases.showing import note_reading, seeing_of
from school_protocol.cases.view_models import (
    CaseHead,
    DueLine,
    FollowUpLine,
    RecordView,
    ReferralLine,
    SeatLine,
    tone_of,
)
from school_protocol.context import AppContext, declared, today_for
from school_protocol.engine.actors import role_for
from school_protocol.engine.case_parts import acts_as, is_above
from school_protocol.engine.clock import MORNING
from school_protocol.engine.deadlines import open_dues
from school_protocol.engine.definition import Act, ActKind, Protocol, Seat, State
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.language import ZONE
from school_protocol.people import teams
from school_protocol.people.teams import (
    AT_ONCE_REASONS,
    LEAVING_REASONS,
    Changed,
    Obstacle,
    Place,
    TeamRefused,
    again,
    check_reason,
    day_of,
    place_of,
    post_of,
    withdraw,
    write_team_change,
)
from school_protocol.storage import administration_log, idempotency, work_queue
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.engines import Session

PAGE = 30
DUES = 6
NOTES = 5


@dataclass(frozen=True, slots=True)
class HandOverCase:
    head: CaseHead
    dues: tuple[DueLine, ...]
    seats: tuple[SeatLine, ...]
    referrals: tuple[ReferralLine, ...]
    follow_up: FollowUpLine | None
    notes: tuple[RecordView, ...]
    """That they are there: their title, their day, who wrote them; never their words."""
    note_act: Act | None
    """The act that writes the hand-over note, where it is open to this reader."""


@dataclass(frozen=True, slots=True)
class HandOverView:
    unit: Unit
    on: date
    cases: tuple[HandOverCase, ...]
    after: str | None


def see_hand_over(ctx: AppContext, actor: Actor, school: str, *, after: str | None = None) -> HandOverView:
    """The open cases of a school that this person sees; each one shown is a reading of it."""
    here = teams.place_of(ctx, actor, school)
    scope = scope_of(ctx, actor).of_content()
    today = today_for(ctx)
    with ctx.realm.reading() as session:
        page = index_repository.page(
            session,
            scope,
            today=today,
            limit=PAGE,
            filter=index_repository.Filter(ended=False, unit=here.unit.id),
            after=index_repository.Cursor.parse(after) if after else None,
        )
    cases = tuple(found for row in page.rows if (found := _case(ctx, actor, row.number)) is not None)
    return HandOverView(here.unit, today, cases, str(page.after) if page.after else None)


def _case(ctx: AppContext, actor: Actor, number: str) -> HandOverCase | None:
    """One case, in a transaction of its own; None where it was shut to this reader meanwhile."""
    try:
        with ctx.realm.writing() as session:
            loaded = load(ctx, session, actor, number)
            note_reading(ctx, session, loaded, "hand_over")
            return _told(seeing_of(ctx, loaded))
    except Unseen:
        return None


def _told(seeing: Seeing) -> HandOverCase:
    today = seeing.loaded.facts.today.isoformat()
    planned = [line for line in seeing.follow_ups() if line.state != "held"]
    notes = [record for record in seeing.of_kind(ActKind.note) if record.hidden != "side"]
    return HandOverCase(
        head=seeing.head(),
        dues=tuple(
            DueLine(
                seeing.protocol.deadlines[due.deadline],
                seeing.subject(due.subject),
                due.due_at,
                tone_of(due.due_at, seeing.loaded.now),
            )
            for due in sorted(open_dues(seeing.loaded.facts), key=lambda due: due.due_at)[:DUES]
        ),
        seats=tuple(line for line in seeing.seats() if line.until is None or line.until >= today),
        referrals=tuple(line for line in seeing.referrals() if line.state != "settled"),
        follow_up=planned[0] if planned else None,
        notes=tuple(replace(one, answers={}) for one in reversed(notes[-NOTES:])),
        note_act=next((act for act in seeing.protocol.acts_of(ActKind.note) if act.key in seeing.opened), None),
    )


# ---- leaving a team: what is handed over first, and the emergency exit of whoever oversees -------------------------


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A case in which somebody who leaves holds seats; `act` gives them on, this reader those of `gives`."""

    protocol: Protocol
    number: str
    word: Mapping[str, str]
    seats: tuple[Seat, ...]
    act: Act | None
    gives: frozenset[str]
    given_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeavingView:
    unit: Unit
    post: str
    name: str
    is_self: bool
    protocol: Protocol
    role: str
    ends: date | None
    held: tuple[HeldLine, ...]
    """Cases to hand over first; none: nothing stands in the way."""
    may_at_once: bool


def see_leaving(ctx: AppContext, actor: Actor, school: str, post: str) -> LeavingView:
    """What stands in the way of somebody's leaving: the cases to hand over first; raises Unseen."""
    here = place_of(ctx, actor, school)
    with ctx.realm.reading() as session, ctx.directory.reading() as kept:
        found = _leaver(kept, ctx, actor, here, post)
        return _leaving(session, kept, ctx, actor, here, found)


def _leaving(session: Session, kept: Session, ctx: AppContext, actor: Actor, here: Place, post: Post) -> LeavingView:
    protocol, role = declared(ctx)[post.role]
    is_self = post.account.id == actor.id
    stays = _stays(kept, ctx, here, post)
    return LeavingView(
        unit=here.unit,
        post=post.id,
        name=post.account.name(actor.language),
        is_self=is_self,
        protocol=protocol,
        role=role.key,
        ends=post.ends,
        held=() if stays else tuple(_held(session, ctx, actor, here, post.account.id)),
        may_at_once=here.oversees and not is_self,
    )


def _leaver(session: Session, ctx: AppContext, actor: Actor, here: Place, post: str) -> Post:
    """The appointment, if it is this person's to end; a stand-in's is ended elsewhere."""
    found = post_of(session, ctx, here, post)
    may = found.account.id == actor.id or here.may_end(declared(ctx)[found.role][1])
    if found.stands_in is not None or not may:
        raise Unseen(post)
    return found


def _stays(session: Session, ctx: AppContext, here: Place, post: Post) -> bool:
    """Whether this person goes on carrying cases here in another role, without an end."""
    known = declared(ctx)
    return any(
        other.id != post.id
        and other.account.id == post.account.id
        and other.stands_in is None
        and other.ends is None
        and other.role in known
        and is_of_team(*known[other.role])
        for other in auth_repository.posts(session, [here.unit.id], since=today_for(ctx))
    )


def _held(session: Session, ctx: AppContext, actor: Actor, here: Place, account: str) -> Iterator[HeldLine]:
    """Open cases of the school in which that person holds a seat, as far as this reader may know of them."""
    scope = scope_of(ctx, actor).of_content()
    found = lookup_repository.open_cases(session, scope, [here.unit.id], today=today_for(ctx), held_by=[account])
    for case in found:
        protocol = ctx.library.protocol(case.protocol, case.version)
        own = [protocol.seats[seat.seat] for seat in case.seats if seat.account == account]
        act = next(protocol.acts_of(ActKind.seat), None)
        held = [*(seat.seat for seat in case.seats if seat.account == actor.id), *here.roles]
        may = act is not None and role_for(protocol, act.by, held) is not None
        gives = {seat.key for seat in own if may and (not seat.named_by or role_for(protocol, seat.named_by, held))}
        given_by = tuple(dict.fromkeys(role for seat in own for role in seat.named_by or (act.by if act else ())))
        yield HeldLine(protocol, case.number, case.word, tuple(own), act, frozenset(gives), given_by)


def leave(
    ctx: AppContext,
    actor: Actor,
    school: str,
    post: str,
    *,
    last_day: str | None,
    reason: str | None,
    sentence: str | None,
    token: str,
    said: object = None,
) -> Changed:
    """Somebody leaves, on a day or now; refused while they hold a seat in an open case of the school."""
    here = place_of(ctx, actor, school)
    press = idempotency.press(ctx.vault, actor.id, token, "leave", post, said or [last_day, reason, sentence])
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            return again(ctx, actor, before)
        with ctx.directory.writing() as kept:
            found = _leaver(kept, ctx, actor, here, post)
            day = _last_day(ctx, last_day, reason, sentence, LEAVING_REASONS)
            _check_leaving(_leaving(session, kept, ctx, actor, here, found), found, day)
            at_once = day <= today_for(ctx)
            if not _stays(kept, ctx, here, found):
                _end_stand_ins(kept, ctx, actor, here, found, day, reason, sentence)
            if at_once:
                withdraw(kept, ctx, actor, found, Kind.left, reason, sentence)
                _orphan(session, kept, ctx, actor, here, found, reason, sentence)
                sign_in_repository.close_web_sessions(kept, found.account.id)
            else:
                auth_repository.end_appointment(kept, found.id, max(found.starts, day))
                write_team_change(
                    kept, ctx, actor, Kind.leaving, here.unit.id, found.account.id, found.role, found.id, reason,
                    sentence, ends=day,
                )  # fmt: skip
        idempotency.use(session, press, {"account": found.account.id, "at_once": at_once, "orphans": 0}, at=ctx.now())
    return Changed(found.account.name(actor.language), at_once, found.account.id == actor.id)


def _orphan(
    session: Session,
    kept: Session,
    ctx: AppContext,
    actor: Actor,
    here: Place,
    post: Post,
    reason: str | None,
    sentence: str | None,
) -> None:
    """Shut the seats that whoever leaves now still holds here, also those that this actor may not know of."""
    if _stays(kept, ctx, here, post):
        return
    for case in lookup_repository.open_cases(
        session, None, [here.unit.id], today=today_for(ctx), held_by=[post.account.id]
    ):
        write_team_change(
            kept, ctx, actor, Kind.orphaned, here.unit.id, post.account.id, post.role, None, reason, sentence,
            number=case.number,
        )  # fmt: skip


def _end_stand_ins(
    session: Session,
    ctx: AppContext,
    actor: Actor,
    here: Place,
    post: Post,
    day: date,
    reason: str | None,
    sentence: str | None,
) -> None:
    """Who leaves the team stands in for nobody after that."""
    today = today_for(ctx)
    for one in auth_repository.posts(session, [here.unit.id], since=today):
        if one.account.id != post.account.id or one.stands_in is None:
            continue
        if day <= today or one.starts > day:
            withdraw(session, ctx, actor, one, Kind.stand_in_ended, reason, sentence)
        elif one.ends is None or one.ends > day:
            auth_repository.end_appointment(session, one.id, day)


def _last_day(
    ctx: AppContext, text: str | None, reason: str | None, sentence: str | None, reasons: Sequence[str]
) -> date:
    problems: dict[str, tuple[str, ...]] = {}
    day = day_of(text, "last_day", problems, today_for(ctx))
    check_reason(reason, sentence, reasons, problems)
    if problems or day is None:
        raise BadInput(problems)
    return day


def _check_leaving(view: LeavingView, post: Post, day: date) -> None:
    if view.held:
        raise TeamRefused(Obstacle("seats_held", view.name))
    if post.ends is not None and day > post.ends:
        raise TeamRefused(Obstacle("ends_before", view.name, ends=post.ends))


def leave_at_once(
    ctx: AppContext, actor: Actor, school: str, post: str, *, reason: str | None, sentence: str | None, token: str
) -> Changed:
    """The emergency exit of whoever oversees: every role of that person here ends now, their cases become orphans."""
    here = place_of(ctx, actor, school)
    press = idempotency.press(ctx.vault, actor.id, token, "leave-at-once", post, [reason, sentence])
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            return again(ctx, actor, before)
        with ctx.directory.writing() as kept:
            found = _leaver(kept, ctx, actor, here, post)
            if not here.oversees or found.account.id == actor.id:
                raise Unseen(post)
            problems: dict[str, tuple[str, ...]] = {}
            check_reason(reason, sentence, AT_ONCE_REASONS, problems)
            if problems:
                raise BadInput(problems)
            held = tuple(_held(session, ctx, actor, here, found.account.id))
            _orphan(session, kept, ctx, actor, here, found, reason, sentence)
            for one in auth_repository.posts(kept, [here.unit.id], since=today_for(ctx)):
                if one.account.id == found.account.id:
                    withdraw(kept, ctx, actor, one, Kind.left_at_once, reason, sentence)
            sign_in_repository.close_web_sessions(kept, found.account.id)
        outcome = {"account": found.account.id, "at_once": True, "orphans": len(held)}
        idempotency.use(session, press, outcome, at=ctx.now())
    return Changed(found.account.name(actor.language), at_once=True, orphans=len(held))


# ---- cases that nobody carries, from the index and the directory ---------------------------------------------------

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Lack:
    """What a case lacks: a code, the seat or role that it is about, since which day (None: not known)."""

    code: str
    role: str
    since: date | None


@dataclass(frozen=True, slots=True)
class OrphanLine:
    """A case that nobody carries: nothing nominal."""

    protocol: Protocol
    number: str
    word: Mapping[str, str]
    unit: Unit
    state: State
    lacks: tuple[Lack, ...]

    @property
    def since(self) -> date | None:
        return min((lack.since for lack in self.lacks if lack.since is not None), default=None)


@dataclass(frozen=True, slots=True)
class OverseenView:
    """The schools of whoever oversees them, and their orphans, the oldest first."""

    units: tuple[Unit, ...]
    orphans: tuple[OrphanLine, ...]
    more: int
    """How many are not shown."""


def see_overseen(ctx: AppContext, actor: Actor) -> OverseenView:
    """The schools that this person oversees, with the open cases that nobody carries."""
    units = {place.unit.id: place.unit for place in teams.places(ctx, actor) if place.oversees}
    lines = _of_units(ctx, actor, tuple(units))
    return OverseenView(tuple(units.values()), tuple(lines[:SHOWN]), max(0, len(lines) - SHOWN))


def see_own(ctx: AppContext, actor: Actor) -> tuple[OrphanLine, ...]:
    """Cases that nobody carries, in the schools in which this person may name who does: for the desk."""
    names = {role for protocol in ctx.library.current() for role in _naming(protocol)}
    held = dict.fromkeys(one.unit for one in actor.appointments if one.role in names)
    return tuple(_of_units(ctx, actor, tuple(held), few=True)[:SHOWN])


def _of_units(ctx: AppContext, actor: Actor, places: tuple[str, ...], *, few: bool = False) -> list[OrphanLine]:
    """The open cases of these units that nobody carries, as far as this person sees them, the oldest first.

    `few`: units so few that the index can be asked for the cases that may lack somebody; else all are read."""
    if not places:
        return []
    today = today_for(ctx)
    with ctx.directory.reading() as session:
        staff = _Staff(ctx, session, auth_repository.find_units(session, places), today)
    but = staff.carried() if few else None
    with ctx.realm.reading() as session:
        found = lookup_repository.open_cases(session, scope_of(ctx, actor).of_content(), places, today=today, but=but)
    if not found:
        return []
    with ctx.directory.reading() as session:
        watch = _Watch(staff, session, found)
        lines = [line for case in found if (line := watch.line(case)) is not None]
    return sorted(lines, key=lambda line: (line.since or date.min, line.number))


def count_held(ctx: AppContext, account: str, unit: str) -> int:
    """In how many open cases of a unit somebody has a place."""
    with ctx.realm.reading() as session:
        return len(lookup_repository.open_cases(session, None, [unit], today=today_for(ctx), held_by=[account]))


def tell_of_leaving(ctx: AppContext, found: Iterable[OpenCase], *, on: date | None) -> None:
    """Whoever may name who carries these cases, and whoever carries them still, gets a message, without content: now,
    or the morning after the last day; where the case is urgent at once, else as each has chosen."""
    due_at = datetime.combine(on + timedelta(days=1), MORNING, ZONE).astimezone(UTC) if on else None
    with ctx.realm.writing() as session:
        for case in found:
            protocol = ctx.library.protocol(case.protocol, case.version)
            for to in dict.fromkeys((*_naming(protocol), *_needed(protocol))):
                payload: work_queue.Payload = {"case": case.case_id, "to": to, "move": "left", "urgent": case.urgent}
                work_queue.put_message(session, "notify", payload, at=ctx.now(), due_at=due_at)


def _needed(protocol: Protocol) -> dict[str, bool]:
    """The seats that the protocol asks for → whether whoever sits there must be trained."""
    return {fact.people.seat: fact.people.trained for fact in protocol.facts.values() if fact.people}


def _naming(protocol: Protocol) -> Iterator[str]:
    """The roles of a school that name who sits there, its head first."""
    yield from (key for key, role in protocol.roles.items() if role.head)
    named = (role for seat in _needed(protocol) for role in protocol.seats[seat].named_by)
    yield from (role for role in named if not is_above(protocol, role))


class _Staff:
    """Who works where today, and who is away."""

    def __init__(self, ctx: AppContext, session: Session, units: Mapping[str, Unit], today: date) -> None:
        self.ctx = ctx
        self.units = units
        self.today = today
        parents = {parent for unit in units.values() for parent in unit.parents}
        self.holders = auth_repository.holders(session, (*units, *parents), today=today)
        self.heads = {key for key, (_protocol, role) in context.declared(ctx).items() if role.head}
        self.headed = {holder.unit for holder in self.holders if holder.role in self.heads}
        posts = auth_repository.posts(session, tuple(units), since=today)
        standing = (post for post in posts if post.stands_in is not None and post.is_current(today))
        self.away = {(post.stands_in.other, post.unit): post.starts for post in standing if post.stands_in}

    def carried(self) -> tuple[Carried, ...] | None:
        """The seats that are asked for, each with those of the unit who carry a case there: what has them lacks
        nobody. None where any case may lack somebody, since nobody heads its school."""
        if not self.headed.issuperset(self.units):
            return None
        asked: dict[tuple[str, str], bool] = {}
        for protocol in self.ctx.library.every():
            for seat, trained in _needed(protocol).items():
                asked[protocol.protocol, seat] = trained or asked.get((protocol.protocol, seat), False)
        return tuple(
            Carried(unit, protocol, seat, self._fit(unit, trained=trained))
            for unit in self.units
            for (protocol, seat), trained in asked.items()
        )

    def _fit(self, unit: str, *, trained: bool) -> frozenset[str]:
        here = {one.account.id: one.account for one in self.holders if one.unit == unit}
        return frozenset(
            key
            for key, account in here.items()
            if (key, unit) not in self.away and (not trained or account.is_trained(self.today))
        )


class _Watch:
    """Who of the staff carries which of these cases, read once for all of them."""

    def __init__(self, staff: _Staff, session: Session, found: Collection[OpenCase]) -> None:
        self.ctx = staff.ctx
        self.units = staff.units
        self.today = staff.today
        self.away = staff.away
        self.headed = staff.headed
        seated = {seat.account for case in found for seat in case.seats}
        self.accounts: Mapping[str, Account] = auth_repository.accounts(session, seated)
        self.appointed = {holder.account.id for holder in staff.holders}
        self.last_head = auth_repository.last_day_of_role(session, tuple(self.units), staff.heads)
        self.last_days = auth_repository.last_days(session, seated)
        self.back = {(holder.account.id, holder.unit) for holder in staff.holders}
        left = administration_log.changes(session, tuple(self.units), limit=10_000, kinds=(Kind.orphaned,))
        self.left = {(change.number, change.account): change.at.astimezone(ZONE).date() for change in left}

    def line(self, case: OpenCase) -> OrphanLine | None:
        protocol = self.ctx.library.protocol(case.protocol, case.version)
        lacks = (*self._seats(protocol, case), *self._head(protocol, case))
        if not lacks:
            return None
        return OrphanLine(protocol, case.number, case.word, self.units[case.unit], protocol.states[case.state], lacks)

    def _seats(self, protocol: Protocol, case: OpenCase) -> Iterator[Lack]:
        """The seats that the protocol asks for, once the case has left the hands of the whole team."""
        for key, trained in _needed(protocol).items():
            held = [seat for seat in case.seats if seat.seat == key]
            if not held and not protocol.states[case.state].team_sees:
                yield Lack("empty", key, case.moved_at.astimezone(ZONE).date())
            found = [self._wanting(case, seat, trained) for seat in held]
            if found and all(lack is not None for lack in found):
                yield from (lack for lack in found[:1] if lack is not None)

    def _wanting(self, case: OpenCase, seat: IndexSeat, trained: bool) -> Lack | None:
        """Why whoever holds that seat doesn't carry the case."""
        account = self.accounts.get(seat.account)
        left = self.left.get((case.number, seat.account))
        if left is not None and (seat.account, case.unit) not in self.back:
            return Lack("left", seat.seat, left)
        if account is None or not account.active:
            return Lack("inactive", seat.seat, self.last_days.get(seat.account))
        if seat.account not in self.appointed:
            return Lack("left", seat.seat, self.last_days.get(seat.account))
        if (seat.account, case.unit) in self.away:
            return Lack("away", seat.seat, self.away[seat.account, case.unit])
        if trained and not account.is_trained(self.today):
            return Lack("untrained", seat.seat, account.trained_until if account.certified else None)
        return None

    def _head(self, protocol: Protocol, case: OpenCase) -> Iterator[Lack]:
        """Nobody heads the school, nor acts for who does, in this case or at all."""
        heads = [key for key, role in protocol.roles.items() if role.head]
        acting = (
            seat
            for seat in case.seats
            if any(acts_as(protocol, seat.seat, head) for head in heads)
            and seat.account in self.appointed
            and self.accounts[seat.account].active
        )
        if heads and case.unit not in self.headed and next(acting, None) is None:
            yield Lack("no_head", heads[0], self.last_head.get(case.unit))
