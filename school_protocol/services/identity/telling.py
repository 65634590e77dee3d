"""Codes that were printed or used, and roles that read cases, are told: to whose account it is, and to who oversees.

Whoever prints a code could come in by it. Nobody is stopped by this; it is seen, at once, by people who know better.
The log of changes is what is told from, so that nothing that is written there is left out; messages say no name.
The owner reads it where they were reached as it was done, and there, too, that this address was changed.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import Protocol, Role, ScopeKind
from school_protocol.post import Carrier, Letter, Post, Undelivered, Unreachable
from school_protocol.services.house import House
from school_protocol.services.identity.administering import BY_MAIL
from school_protocol.services.loading import today_for
from school_protocol.services.teams.team import declared
from school_protocol.storage import addresses, administration, directory, outbox
from school_protocol.storage.addresses import Former
from school_protocol.storage.administration import Change, Kind
from school_protocol.storage.directory import Account
from school_protocol.storage.engines import Session
from school_protocol.wording import Wording

PRINTED = frozenset({Kind.invited, Kind.password_code_made, Kind.restoration_agreed})
USED = frozenset({Kind.invitation_accepted, Kind.password_set, Kind.factors_restored})
GIVEN = frozenset({Kind.appointed, Kind.stand_in_named})
OUTBOX = "account"
OWNER, OVERSEER = "owner", "overseer"
INVITED = "invitation"
"""The reason of a role that came with an invitation."""
LATEST = timedelta(days=2)
"""What is older when a worker comes back is not told any more: it stands on the page."""
UNTOLD = timedelta(days=30)
"""So long an address that stood before is tried; then it is deleted, told or not."""
OVERLAP = timedelta(minutes=2)
"""What was written down while the sweep before went through."""
BATCH = 500
_READS = frozenset({ScopeKind.assigned, ScopeKind.unit, ScopeKind.province, ScopeKind.region})
_ABOVE = frozenset({ScopeKind.province, ScopeKind.region})
_log = logging.getLogger(__name__)

Roles = Mapping[str, tuple[Protocol, Role]]


def tell_of_accounts(house: House, post: Post) -> int:
    """Tell what was printed, used and given lately; returns how many messages left. Cut off anywhere, it goes on."""
    _forget_before(house, LATEST if post.mail is None and post.sms is None else UNTOLD)
    if post.mail is None and post.sms is None:
        return 0
    former = _collect(house)
    with house.realm.writing() as session:
        taken = outbox.take(session, house.now(), limit=BATCH, kind=OUTBOX)
    together: dict[tuple[str, str, Former | None], list[outbox.Message]] = {}
    for message in taken:
        to, place = str(message.payload["to"]), str(message.payload["as"])
        together.setdefault((to, place, _stood(former, message)), []).append(message)
    left = sum(_deliver(house, post, *whom, messages) for whom, messages in together.items())
    _forget(house, former)
    return left


# ---- what, and to whom -----------------------------------------------------------------------------------------------


def reads_cases(role: Role) -> bool:
    """Whether whoever holds that role reads cases, in a seat or by place."""
    return role.sees in _READS or role.side_bound


def _collect(house: House) -> tuple[Former, ...]:
    """From the log into the outbox, each row once for each receiver; and each address that stood before."""
    now, roles = house.now(), declared(house)
    with house.realm.reading() as session:
        latest = outbox.latest(session, OUTBOX)
    since = max(now - LATEST, (latest or now - LATEST) - OVERLAP)
    with house.directory.reading() as session:
        found = administration.rows_since(session, since, until=now, kinds=PRINTED | USED | GIVEN)
        told = [(row, change, one) for row, change in found for one in _receivers(session, house, roles, change)]
        former = addresses.kept(session, house.vault, until=now)
    with house.realm.writing() as session:
        for row, change, (account, place) in told:
            payload = {"to": account, "as": place}
            outbox.put_once(session, _named(row, account), OUTBOX, payload, at=change.at)
        for one in former:
            payload = {"to": one.account, "as": OWNER, "former": one.id}
            outbox.put_once(session, _named(one.id, one.account), OUTBOX, payload, at=one.at)
    return former


def _stood(former: Iterable[Former], message: outbox.Message) -> Former | None:
    """Where its owner was reached as it was done, if that was changed since; None: where they are reached now."""
    if message.payload["as"] != OWNER:
        return None
    own = [one for one in former if one.account == message.payload["to"]]
    if named := message.payload.get("former"):
        return next((one for one in own if one.id == named), None)
    return next((one for one in own if one.at >= message.at), None)


def _forget(house: House, former: Iterable[Former]) -> None:
    """Delete the addresses at which nothing is to be told any more."""
    if not (old := [one for one in former if one.at < house.now() - OVERLAP]):
        return
    with house.realm.reading() as session:
        waiting = [one for one in outbox.undone(session, OUTBOX) if one.payload["as"] == OWNER]
    told = [one.id for one in old if not any(m.payload["to"] == one.account and m.at <= one.at for m in waiting)]
    with house.directory.writing() as session:
        addresses.forget(session, told)


def _forget_before(house: House, delay: timedelta) -> None:
    with house.directory.writing() as session:
        addresses.forget_before(session, house.now() - delay)


def _named(row: str, account: str) -> str:
    return hashlib.sha256(f"{row}|{account}".encode()).hexdigest()[:40]


def _receivers(session: Session, house: House, roles: Roles, change: Change) -> Iterator[tuple[str, str]]:
    """The account's owner; and the nearest above who can be reached, neither the owner nor who did it."""
    if change.kind in GIVEN and not (change.role in roles and reads_cases(roles[change.role][1])):
        return
    owner = directory.account(session, change.account)
    by_mail = change.reason in (BY_MAIL, INVITED)
    if owner is not None and not by_mail:  # whom an invitation is sent to reads that
        yield owner.id, OWNER
    but = {change.account, change.actor}
    told = [*_overseers(session, house, roles, directory.unit(session, change.unit), but)]
    told += _heads(session, house, roles, change.unit, but) if by_mail else []
    for one in dict.fromkeys(told):
        yield one, OVERSEER


def _overseers(session: Session, house: House, roles: Roles, unit: Unit, but: set[str]) -> tuple[str, ...]:
    """Whoever oversees this unit from strictly above, has come in and can be reached: of the nearest level that has
    somebody."""
    for above in unit.parents:
        holders = directory.holders(session, [above], today=today_for(house))
        found = dict.fromkeys(
            one.account.id
            for one in holders
            if one.role in roles and _is_above(roles[one.role][1]) and one.has_way_in
            if one.account.email or one.account.phone
        )
        if set(found) - but:
            return tuple(one for one in found if one not in but)
    return ()


def _heads(session: Session, house: House, roles: Roles, unit: str, but: set[str]) -> list[str]:
    """Whoever heads that school: they know who works in its team."""
    holders = directory.holders(session, [unit], today=today_for(house))
    return [
        one.account.id for one in holders if one.role in roles and roles[one.role][1].head and one.account.id not in but
    ]


def _is_above(role: Role) -> bool:
    return role.oversees or role.sees in _ABOVE


# ---- how -------------------------------------------------------------------------------------------------------------


def _deliver(
    house: House, post: Post, to: str, place: str, former: Former | None, messages: Iterable[outbox.Message]
) -> int:
    """One message for all that one person is told now at one address; what doesn't leave is tried again."""
    waiting = tuple(messages)
    with house.directory.reading() as session:
        account = directory.account(session, to)
    way = _way(post, former or account)
    news = [one for one in waiting if former is not None or "former" not in one.payload]
    left = 0
    if account is not None and (account.active or place == OWNER) and news and way is not None:
        carrier, address, is_mail = way
        moved = {"former" in one.payload for one in news}
        try:
            carrier.carry(address, _letter(house, account, place, moved, news[0].id, is_mail=is_mail))
            left = 1
        except (Undelivered, Unreachable) as error:
            _log.warning("a message about accounts was put off: %s", type(error).__name__)
            pause = timedelta(minutes=min(2 ** min(waiting[0].attempts, 8), 240))
            with house.realm.writing() as session:
                for one in waiting:
                    outbox.put_off(session, one.id, house.now() + pause)
            return 0
    with house.realm.writing() as session:
        for one in waiting:
            outbox.done(session, one.id, at=house.now())
    return left


def _way(post: Post, account: Account | Former | None) -> tuple[Carrier, str, bool] | None:
    """By which way somebody is reached, and where; True: by mail."""
    if account is not None and account.email and post.mail is not None:
        return post.mail, account.email, True
    if account is not None and account.phone and post.sms is not None:
        return post.sms, account.phone, False
    return None


def _letter(house: House, account: Account, place: str, moved: set[bool], letter: str, *, is_mail: bool) -> Letter:
    """`moved`: True where this address was changed, False where something else is told."""
    offered = account.language in house.settings.languages
    w = Wording(account.language if offered else house.settings.default_language)
    if place == OWNER:
        subject = w._("Your account")
        lines = []
        if False in moved:
            lines.append(w._("For your account a code to sign in was printed or used, or you were given a role."))
        if True in moved:
            lines.append(w._("Your address in the tool was changed: the e-mail or the telephone."))
        lines.append(w._("If you know nothing of it, tell whoever oversees your school today: not by this message."))
    else:
        subject = w._("An account where you oversee")
        lines = [
            w._("Where you oversee, a code to sign in was printed or used, or somebody was given a role."),
            w._("The page of the team says which, who did it and when."),
        ]
    lines += [house.settings.address] if house.settings.address else []
    lines += [w._("A machine sent it: nobody reads an answer.")] if is_mail else []
    text = "\n\n".join(lines) + "\n" if is_mail else "\n".join(lines)
    return Letter(letter, house.now(), w.html_language, subject, text)
