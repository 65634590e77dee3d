"""A certificate that ends soon is told, sixty days before: to whose it is, and to who carries their school's cases.

Messages name nobody; the desk says the same as long as it is true. Whose certificate was renewed meanwhile isn't told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.repository import Account
from school_protocol.auth.service import carry_for_all, settle_all
from school_protocol.context import REALM, AppContext, declared, today_for
from school_protocol.engine.definition import Role, ScopeKind
from school_protocol.engine.visibility import Actor
from school_protocol.mail import Letter, Post, letter_of, way_to, wording_of
from school_protocol.people import repository
from school_protocol.people.staff_list import SOON
from school_protocol.storage import work_queue
from school_protocol.storage.engines import Session

WINDOW = timedelta(days=28)
"""So long after the sixtieth day one may still be told: shorter than it is remembered that somebody was told."""
BATCH = 500
DAILY, OUTBOX = "certificates", "certificate"
OWNER, COORDINATOR = "owner", "coordinator"


@dataclass(frozen=True, slots=True)
class Ending:
    """What somebody's desk says: until when their own certificate is good, and how many of their team end soon."""

    own: date | None
    team: int


NOTHING_ENDS = Ending(None, 0)


# ---- on the desk -------------------------------------------------------------------------------------------------


def certificates_ending(ctx: AppContext, actor: Actor) -> Ending:
    """What ends within sixty days and is this person's to know: nothing in a workshop."""
    known = declared(ctx)
    posts = [(one, known[one.role][1]) for one in actor.appointments if one.role in known]
    needs, places = any(role.trained for _one, role in posts), [one.unit for one, role in posts if _carries(role)]
    if ctx.name != REALM or not (needs or places):
        return NOTHING_ENDS
    today = today_for(ctx)
    with ctx.directory.reading() as session:
        own = auth_repository.account(session, actor.id)
        held = auth_repository.holders(session, places, today=today) if places else ()
    team = {one.account.id: one.account for one in held if one.role in known and known[one.role][1].trained}
    team.pop(actor.id, None)
    ends = [one for one in team.values() if _ends(one, today, today + SOON)]
    is_own = needs and own is not None and _ends(own, today, today + SOON)
    return Ending(own.trained_until if is_own and own is not None else None, len(ends))


def _carries(role: Role) -> bool:
    """Whether whoever holds it carries, or answers for, the cases of a school."""
    return role.head or (role.trained and role.sees is ScopeKind.unit)


def _ends(account: Account, first: date, last: date) -> bool:
    return account.certified and account.trained_until is not None and first <= account.trained_until <= last


# ---- by message --------------------------------------------------------------------------------------------------


def remind(ctx: AppContext, post: Post) -> int:
    """Tell whose certificates came to end within sixty days; how many messages left. Cut off anywhere, it goes on."""
    if post.mail is None and post.sms is None:
        return 0
    _look(ctx)
    with ctx.realm.writing() as session:
        taken = work_queue.take_messages(session, ctx.now(), limit=BATCH, kind=OUTBOX)
    together: dict[tuple[str, str], list[work_queue.Message]] = {}
    for message in taken:
        together.setdefault((str(message.payload["to"]), str(message.payload["as"])), []).append(message)
    return sum(_deliver(ctx, post, to, place, messages) for (to, place), messages in together.items())


def _look(ctx: AppContext) -> None:
    """Once a day, account by account, into the outbox."""
    now, today = ctx.now(), today_for(ctx)
    with ctx.realm.writing() as session:
        work_queue.put_once(session, f"{DAILY}-{today.isoformat()}", DAILY, {"after": ""}, at=now)
        asked = work_queue.take_messages(session, now, limit=1, kind=DAILY)
    for message in asked:
        first = today + SOON - WINDOW
        with ctx.directory.reading() as session:
            found = repository.certified_between(
                session, first, today + SOON, after=str(message.payload["after"]), limit=BATCH
            )
            told = [one for account in found for one in _receivers(session, ctx, account, today)]
        with ctx.realm.writing() as session:
            for message_id, payload in told:
                work_queue.put_once(session, message_id, OUTBOX, payload, at=now)
            if len(found) < BATCH:
                work_queue.settle_messages(session, message.id, at=now)
            else:
                work_queue.go_on(session, message.id, {"after": found[-1].id}, at=now)


def _receivers(
    session: Session, ctx: AppContext, account: Account, today: date
) -> Iterator[tuple[str, work_queue.Payload]]:
    """The account's owner, where a role of theirs asks for a certificate; and who carries their school's cases."""
    known = declared(ctx)
    held = repository.held(session, [account.id]).get(account.id, ())
    posts = [post for post in held if post.is_current(today) and post.role in known and known[post.role][1].trained]
    if not posts or account.trained_until is None:
        return
    yield _told(account, account.id, OWNER)
    holders = auth_repository.holders(session, {post.unit for post in posts}, today=today)
    others = [(one, known[one.role][1]) for one in holders if one.role in known and one.account.id != account.id]
    carrying = [one for one, role in others if role.trained and _carries(role)]
    heads = [one for one, role in others if role.head]
    for receiver in dict.fromkeys(one.account.id for one in carrying or heads):
        yield _told(account, receiver, COORDINATOR)


def _told(account: Account, receiver: str, place: str) -> tuple[str, work_queue.Payload]:
    until = account.trained_until.isoformat() if account.trained_until else ""
    name = hashlib.sha256(f"{account.id}|{until}|{receiver}".encode()).hexdigest()[:40]
    return name, {"to": receiver, "as": place, "of": account.id, "until": until}


def _deliver(ctx: AppContext, post: Post, to: str, place: str, messages: Iterable[work_queue.Message]) -> int:
    """One message for all that one person is told now; what doesn't leave is tried again."""
    waiting = tuple(messages)
    with ctx.directory.reading() as session:
        account = auth_repository.account(session, to)
        people = auth_repository.accounts(session, {str(one.payload["of"]) for one in waiting})
    news = [one for one in waiting if _still(people.get(str(one.payload["of"])), str(one.payload["until"]))]
    way = way_to(post, account.email, account.phone) if account is not None else None
    if account is None or not account.active or not news or way is None:
        settle_all(ctx, waiting)
        return 0
    carrier, address, is_mail = way
    until = date.fromisoformat(str(news[0].payload["until"]))
    letter = _letter(ctx, account, place, until, len(news), news[0].id, is_mail=is_mail)
    return carry_for_all(ctx, waiting, carrier, address, letter, "certificates")


def _still(account: Account | None, until: str) -> bool:
    """Whether that certificate is the one that ends still."""
    stands = account.trained_until if account is not None and account.certified and account.active else None
    return stands is not None and stands.isoformat() == until


def _letter(
    ctx: AppContext, account: Account, place: str, until: date, count: int, letter: str, *, is_mail: bool
) -> Letter:
    w = wording_of(ctx.settings, account.language)
    if place == OWNER:
        subject = w._("Your training certificate ends soon")
        lines = [
            w._("Your training certificate ends on %(day)s.", day=w.day(until)),
            w._("Ask your academy for a workshop before then: without a current certificate no new place is given."),
        ]
    else:
        subject = w._("Training certificates in your school")
        lines = [
            w.ngettext(
                "The training certificate of somebody of your team ends within 60 days.",
                "The training certificates of %(num)d people of your team end within 60 days.",
                count,
            ),
            w._("The page of the team says whose."),
        ]
    return letter_of(ctx.settings, w, letter, ctx.now(), subject, lines, is_mail=is_mail)
