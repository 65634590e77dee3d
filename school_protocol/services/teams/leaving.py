"""Leaving a team: what is handed over first, and the emergency exit of whoever oversees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from school_protocol.domain.engine import role_for
from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.protocol import Act, ActKind, Protocol, Seat
from school_protocol.services.house import House
from school_protocol.services.loading import scope_of, today_for
from school_protocol.services.teams.changing import (
    Changed,
    Obstacle,
    TeamRefused,
    again,
    check_reason,
    day_of,
    post_of,
    withdraw,
    write_down,
)
from school_protocol.services.teams.team import Place, declared, is_of_team, place_of
from school_protocol.storage import administration, directory, once, seats
from school_protocol.storage import sign_in as browser
from school_protocol.storage.administration import Kind, Post
from school_protocol.storage.engines import Session

LEAVING_REASONS = ("moved", "retired", "other_duties", "absence", "other")
AT_ONCE_REASONS = ("unreachable", "not_working", "other")


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A case in which somebody who leaves holds seats; `act` gives them on, this reader those of `gives`."""

    protocol: Protocol
    number: str
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


def see_leaving(house: House, actor: Actor, school: str, post: str) -> LeavingView:
    """What stands in the way of somebody's leaving: the cases to hand over first; raises Unseen."""
    here = place_of(house, actor, school)
    with house.realm.reading() as session, house.directory.reading() as kept:
        found = _leaver(kept, house, actor, here, post)
        return _leaving(session, kept, house, actor, here, found)


def _leaving(session: Session, kept: Session, house: House, actor: Actor, here: Place, post: Post) -> LeavingView:
    protocol, role = declared(house)[post.role]
    is_self = post.account.id == actor.id
    stays = _stays(kept, house, here, post)
    return LeavingView(
        unit=here.unit,
        post=post.id,
        name=post.account.name(actor.language),
        is_self=is_self,
        protocol=protocol,
        role=role.key,
        ends=post.ends,
        held=() if stays else tuple(_held(session, house, actor, here, post.account.id)),
        may_at_once=here.oversees and not is_self,
    )


def _leaver(session: Session, house: House, actor: Actor, here: Place, post: str) -> Post:
    """The appointment, if it is this person's to end; a stand-in's is ended elsewhere."""
    found = post_of(session, house, here, post)
    may = found.account.id == actor.id or here.may_end(declared(house)[found.role][1])
    if found.stands_in is not None or not may:
        raise Unseen(post)
    return found


def _stays(session: Session, house: House, here: Place, post: Post) -> bool:
    """Whether this person goes on carrying cases here in another role, without an end."""
    known = declared(house)
    return any(
        other.id != post.id
        and other.account.id == post.account.id
        and other.stands_in is None
        and other.ends is None
        and other.role in known
        and is_of_team(*known[other.role])
        for other in administration.posts(session, [here.unit.id], since=today_for(house))
    )


def _held(session: Session, house: House, actor: Actor, here: Place, account: str) -> Iterator[HeldLine]:
    """Open cases of the school in which that person holds a seat, as far as this reader may know of them."""
    scope = scope_of(house, actor).of_content()
    found = seats.open_cases(session, scope, [here.unit.id], today=today_for(house), held_by=[account])
    for case in found:
        protocol = house.library.protocol(case.protocol, case.version)
        own = [protocol.seats[seat.seat] for seat in case.seats if seat.account == account]
        act = next(protocol.acts_of(ActKind.seat), None)
        held = [*(seat.seat for seat in case.seats if seat.account == actor.id), *here.roles]
        may = act is not None and role_for(protocol, act.by, held) is not None
        gives = {seat.key for seat in own if may and (not seat.named_by or role_for(protocol, seat.named_by, held))}
        given_by = tuple(dict.fromkeys(role for seat in own for role in seat.named_by or (act.by if act else ())))
        yield HeldLine(protocol, case.number, tuple(own), act, frozenset(gives), given_by)


def leave(
    house: House,
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
    here = place_of(house, actor, school)
    press = once.press(house.vault, actor.id, token, "leave", post, said or [last_day, reason, sentence])
    with house.realm.writing() as session:
        if (before := once.spent(session, press)) is not None:
            return again(house, actor, before)
        with house.directory.writing() as kept:
            found = _leaver(kept, house, actor, here, post)
            day = _last_day(house, last_day, reason, sentence, LEAVING_REASONS)
            _check_leaving(_leaving(session, kept, house, actor, here, found), found, day)
            at_once = day <= today_for(house)
            if not _stays(kept, house, here, found):
                _end_stand_ins(kept, house, actor, here, found, day, reason, sentence)
            if at_once:
                withdraw(kept, house, actor, found, Kind.left, reason, sentence)
                _orphan(session, kept, house, actor, here, found, reason, sentence)
                browser.close_web_sessions(kept, found.account.id)
            else:
                directory.end_appointment(kept, found.id, max(found.starts, day))
                write_down(
                    kept, house, actor, Kind.leaving, here.unit.id, found.account.id, found.role, found.id, reason,
                    sentence, ends=day,
                )  # fmt: skip
        once.use(session, press, {"account": found.account.id, "at_once": at_once, "orphans": 0}, at=house.now())
    return Changed(found.account.name(actor.language), at_once, found.account.id == actor.id)


def _orphan(
    session: Session,
    kept: Session,
    house: House,
    actor: Actor,
    here: Place,
    post: Post,
    reason: str | None,
    sentence: str | None,
) -> None:
    """Shut the seats that whoever leaves now still holds here, also those that this actor may not know of."""
    if _stays(kept, house, here, post):
        return
    for case in seats.open_cases(session, None, [here.unit.id], today=today_for(house), held_by=[post.account.id]):
        write_down(
            kept, house, actor, Kind.orphaned, here.unit.id, post.account.id, post.role, None, reason, sentence,
            number=case.number,
        )  # fmt: skip


def _end_stand_ins(
    session: Session,
    house: House,
    actor: Actor,
    here: Place,
    post: Post,
    day: date,
    reason: str | None,
    sentence: str | None,
) -> None:
    """Who leaves the team stands in for nobody after that."""
    today = today_for(house)
    for one in administration.posts(session, [here.unit.id], since=today):
        if one.account.id != post.account.id or one.stands_in is None:
            continue
        if day <= today or one.starts > day:
            withdraw(session, house, actor, one, Kind.stand_in_ended, reason, sentence)
        elif one.ends is None or one.ends > day:
            directory.end_appointment(session, one.id, day)


def _last_day(house: House, text: str | None, reason: str | None, sentence: str | None, reasons: Sequence[str]) -> date:
    problems: dict[str, tuple[str, ...]] = {}
    day = day_of(text, "last_day", problems, today_for(house))
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
    house: House, actor: Actor, school: str, post: str, *, reason: str | None, sentence: str | None, token: str
) -> Changed:
    """The emergency exit of whoever oversees: every role of that person here ends now, their cases become orphans."""
    here = place_of(house, actor, school)
    press = once.press(house.vault, actor.id, token, "leave-at-once", post, [reason, sentence])
    with house.realm.writing() as session:
        if (before := once.spent(session, press)) is not None:
            return again(house, actor, before)
        with house.directory.writing() as kept:
            found = _leaver(kept, house, actor, here, post)
            if not here.oversees or found.account.id == actor.id:
                raise Unseen(post)
            problems: dict[str, tuple[str, ...]] = {}
            check_reason(reason, sentence, AT_ONCE_REASONS, problems)
            if problems:
                raise BadInput(problems)
            held = tuple(_held(session, house, actor, here, found.account.id))
            _orphan(session, kept, house, actor, here, found, reason, sentence)
            for one in administration.posts(kept, [here.unit.id], since=today_for(house)):
                if one.account.id == found.account.id:
                    withdraw(kept, house, actor, one, Kind.left_at_once, reason, sentence)
            browser.close_web_sessions(kept, found.account.id)
        outcome = {"account": found.account.id, "at_once": True, "orphans": len(held)}
        once.use(session, press, outcome, at=house.now())
    return Changed(found.account.name(actor.language), at_once=True, orphans=len(held))
