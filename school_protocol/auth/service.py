"""Service of credentials: who helps whom to prove who they are, codes as typed, throttling of guesses, the log of it.

Nobody helps themselves, or anybody outside their own unit; each change is written down.
"""

from __future__ import annotations

import logging
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from school_protocol.auth import repository, sign_in_repository
from school_protocol.auth.models import Channel
from school_protocol.auth.repository import Account, Post
from school_protocol.context import AppContext, declared, today_for
from school_protocol.engine.definition import Role, ScopeKind
from school_protocol.engine.errors import Refused, SchoolProtocolError, Unseen
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.mail import Carrier, Letter, Undelivered, Unreachable
from school_protocol.storage import administration_log, work_queue
from school_protocol.storage.administration_log import Change, Kind
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


def helped(session: Session, ctx: AppContext, by: Actor, account: str) -> Account:
    """The account, if `by` administers every place in which it is appointed; raises Unseen, as for one that is not."""
    found = repository.account(session, account)
    posts = repository.posts_of(session, account, since=today_for(ctx)) if found else ()
    if found is None or not found.active or found.id == by.id or not posts:
        raise Unseen(account)
    roles = {key: role for key, (_protocol, role) in declared(ctx).items()}
    units = repository.find_units(session, [post.unit for post in posts])
    if not all(_administers(by, roles, post, units[post.unit]) for post in posts):
        raise Unseen(account)
    return found


def refuse_if_apart(session: Session, ctx: AppContext, by: Actor, account: str) -> None:
    """Raise IdentityRefused where `by` is excluded from an open case that this account carries, by seat or by role.

    By the role alone it is refused for everybody who holds one there: who carries that case isn't told by it.
    """
    today = today_for(ctx)
    with ctx.realm.reading() as cases:
        apart = [each for ask in ctx.wiring.apart for each in ask(cases, by.id, today=today)]
    if not apart:
        return
    roles = {key: role for key, (_protocol, role) in declared(ctx).items()}
    posts = repository.posts_of(session, account, since=today)
    read = {post.unit for post in posts if post.role in roles and _reads(roles[post.role])}
    if any(account in one.seated or read & one.places for one in apart):
        raise IdentityRefused("level_above")


def refuse_who_moved(session: Session, ctx: AppContext, by: Actor, account: str) -> None:
    """Raise IdentityRefused where `by`, or somebody who is one hand with them, changed where this account is reached.

    Its owner is told by that address that a code was printed: whoever changed it prints none for a new password or a
    lost phone, somebody else does. A first invitation opens what nobody is in yet, and is asked about nothing.
    """
    since = ctx.now() - MOVED
    movers = administration_log.doers(session, account, kinds=[Kind.address_changed], since=since)
    own = [one for one in movers if one == by.id or are_one_hand(session, one, by.id, since=since)]
    moved = (
        administration_log.latest_entry(session, account, kind=Kind.address_changed, by=one, since=since) for one in own
    )
    latest = max((at for at in moved if at is not None), default=None)
    if latest is not None:
        raise IdentityRefused("moved_by_you", ends=latest + MOVED)


def _reads(role: Role) -> bool:
    return role.side_bound or role.sees not in (ScopeKind.none, ScopeKind.receipt, ScopeKind.metadata)


def may_help_anybody(ctx: AppContext, by: Actor) -> bool:
    """Whether this person holds a role in which others are helped."""
    roles = {key: role for key, (_protocol, role) in declared(ctx).items()}
    return any(_helps(roles.get(held.role)) for held in by.appointments)


def units_helped(ctx: AppContext, by: Actor) -> tuple[str, ...]:
    """The units that this person administers, by those that are named in the appointments alone."""
    roles = {key: role for key, (_protocol, role) in declared(ctx).items()}
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
        doers = administration_log.doers(session, waiting.pop(), kinds=kinds, since=since)
        waiting |= doers - found
        found |= doers
    return found


def _is_led(role: Role) -> bool:
    """Whether a head leads those in that role: who reads or reports cases there, and doesn't answer beyond it."""
    beyond = role.head or role.administers or role.publishes or role.sees is ScopeKind.metadata
    return not beyond and not role.second_factor


def write_account_change(
    session: Session, ctx: AppContext, actor: str, account: str, kind: Kind, reason: str = OWN
) -> None:
    """A row of the log, in the latest appointment of whom it is about; raises Unseen where there never was one."""
    post = repository.latest_appointment(session, account)
    if post is None:
        raise Unseen(account)
    appointment, unit, role = post
    administration_log.write_entry(
        session,
        Change(
            at=ctx.now(), actor=actor, kind=kind, unit=unit, account=account, role=role, appointment=appointment,
            reason=reason,
        ),
    )  # fmt: skip


def end_access(session: Session, ctx: AppContext, actor: str, account: str, reason: str = OWN) -> None:
    """What lets somebody in without a session ends too: for whatever ends all of their sessions on purpose."""
    for end in ctx.wiring.access_ended:
        end(session, ctx, actor, account, reason)


# ---- codes as people type and read them ----------------------------------------------------------------------------
# Digits in any script, in groups; letters that can't be taken for another.

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without i, l, o, 0 and 1."""
DIGITS = 12


def draw_digits() -> str:
    """A code that is printed on a slip: twelve digits in groups of four."""
    digits = "".join(secrets.choice("0123456789") for _place in range(DIGITS))
    return "-".join(digits[start : start + 4] for start in range(0, DIGITS, 4))


def draw_letters() -> str:
    """A recovery code: ten letters and digits in two groups, 49 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _place in range(5)) for _group in range(2))


def plain_code(typed: str) -> str:
    """A code without groups, in small letters and ASCII digits, however it was typed."""
    kept = (_plain_character(one) for one in unicodedata.normalize("NFKC", typed[:100]).casefold())
    return "".join(kept)


def _plain_character(one: str) -> str:
    digit = unicodedata.decimal(one, None)
    if digit is not None:
        return str(digit)
    return one if one.isascii() and one.isalpha() else ""


def hashed(ctx: AppContext, purpose: str, *parts: str) -> bytes:
    """The keyed hash by which a code is recognised; without the keys, a stolen database tells none of them."""
    return ctx.vault.chain(f"{purpose}-v1", "\0".join(parts).encode("utf-8", "surrogatepass"))


# ---- throttling: guessing gets slow, nobody is shut out by what others try -----------------------------------------
# A browser in which somebody signed in before counts by itself; everybody else is slowed down by the tries at the
# name and by their own failures. A code of six digits is guessed from many places as from one: strangers share so
# many tries at it a day.

WINDOW = timedelta(minutes=15)
KNOWN_FREE, NAME_FREE, PLACE_FREE = 10, 5, 30
"""So many failures in the window are free: in a known browser, for one name, from one place (a school is one)."""
CODE_MOST, CODE_WINDOW = 10, timedelta(hours=24)
"""So many wrong codes of one account, from wherever, in browsers that it doesn't know: then none is read for a time."""
LONGEST = 300
"""Seconds that a stranger waits at most between two tries."""
HOUSEHOLD = 64
"""Bits of an IPv6 address that are one place: whoever has one address of such a network has them all."""


CODE = "code"
"""What is tried where a code of the phone, or a recovery code, is asked for."""


class TooManyTries(SchoolProtocolError):
    """This was tried too often: come back after `seconds`."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(str(seconds))


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that was written down before it was judged. `rows`: what counts as a failure unless taken back."""

    rows: tuple[str, ...]
    own: tuple[str, ...]
    """Subjects that start afresh once it succeeds."""


def note(session: Session, ctx: AppContext, what: str, name: str, *, address: str, known: str = "") -> Attempt:
    """One more try at `what` (a password, a code) for a name. Raises TooManyTries.

    `known`: the mark of a browser in which this very person signed in before; empty for a stranger's.
    """
    if known:
        subject = f"{what}|known|{name}|{known}"
        _wait(session, ctx, {subject: (subject, KNOWN_FREE)})
        return Attempt((sign_in_repository.note_attempt(session, subject, at=ctx.now()),), (subject,))
    place = place_of(address)
    of_all = f"{what}|strangers|{name}" if what == CODE else ""
    if of_all:
        stop_guessing(session, ctx, of_all, CODE_MOST, CODE_WINDOW)
    of_name, of_pair, of_place = f"{what}|name|{name}", f"{what}|pair|{name}|{place}", f"{what}|place|{place}"
    _wait(session, ctx, {of_name: (of_pair, NAME_FREE), of_place: (of_place, PLACE_FREE)})
    subjects = (of_name, of_pair, of_place, *((of_all,) if of_all else ()))
    rows = (sign_in_repository.note_attempt(session, one, at=ctx.now()) for one in subjects)
    return Attempt(tuple(rows), (of_name, of_pair, *((of_all,) if of_all else ())))


def note_from(session: Session, ctx: AppContext, what: str, *, address: str) -> Attempt:
    """One more try at `what`, by whoever is at that address: many honest people may be. Raises TooManyTries."""
    of_place = f"{what}|place|{place_of(address)}"
    _wait(session, ctx, {of_place: (of_place, PLACE_FREE)})
    return Attempt((sign_in_repository.note_attempt(session, of_place, at=ctx.now()),), ())


def forgive(session: Session, attempt: Attempt) -> None:
    """It was no failure. Other failures from the same place still count: whoever has an account resets nothing."""
    for subject in attempt.own:
        sign_in_repository.forget_attempts(session, subject)
    for row in attempt.rows:
        sign_in_repository.take_back_attempt(session, row)


def _wait(session: Session, ctx: AppContext, counted: dict[str, tuple[str, int]]) -> None:
    """Raise where the failures of a subject ask for more time since the last try of the other."""
    since, left = ctx.now() - WINDOW, 0.0
    for subject, (last_of, free) in counted.items():
        pause = pause_after(sign_in_repository.attempts_since(session, subject, since), free)
        last = sign_in_repository.latest_attempt(session, last_of, since)
        if pause and last is not None:
            left = max(left, pause - (ctx.now() - last).total_seconds())
    if left > 0:
        raise TooManyTries(ceil(left))


def stop_guessing(session: Session, ctx: AppContext, subject: str, most: int, window: timedelta) -> None:
    """Raise TooManyTries where a subject was tried so often within the window, until the first of these is over."""
    since = ctx.now() - window
    if sign_in_repository.attempts_since(session, subject, since) < most:
        return
    first = sign_in_repository.earliest_attempt(session, subject, since)
    raise TooManyTries(int((first + window - ctx.now()).total_seconds()) + 1 if first else LONGEST)


def pause_after(failures: int, free: int) -> int:
    """Seconds to wait after so many failures: none at first, then twice as long each time."""
    return 0 if failures < free else min(2 ** (failures - free + 1), LONGEST)


def place_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the network of an IPv6 one; anything else as it is."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((int(found), HOUSEHOLD), strict=False))


# ---- the log of who proved who they are and who did not ------------------------------------------------------------
# Account, way, address; never a name or password as typed.

_log = logging.getLogger(__name__)
NOBODY = "of nobody"


def right(account: str, way: str, address: str = "") -> None:
    """This account was proven in that way (a password, a code, a passkey)."""
    _log.info("proven: account %s by %s from %s", account, way, address or "here")


def wrong(account: str | None, way: str, address: str = "") -> None:
    """It was not; None where no account is called so."""
    _log.info("not proven: account %s by %s from %s", account or NOBODY, way, address or "here")


@contextmanager
def slowed(way: str, address: str = "") -> Iterator[None]:
    """What is tried within may come too soon: that is written down, and stays refused."""
    try:
        yield
    except TooManyTries:
        _log.info("too many tries: by %s from %s", way, address or "here")
        raise


# ---- by which ways a message reaches an account --------------------------------------------------------------------


def ways_of(ctx: AppContext, account: Account, *, urgent: bool) -> tuple[Channel, ...]:
    """By which ways a message reaches this person: mail; and a short message where it is urgent and a hook is set."""
    by_mail = (Channel.mail,) if account.email else ()
    return (*by_mail, Channel.sms) if urgent and account.phone and ctx.settings.sms_hook else by_mail


def carry_for_all(
    ctx: AppContext, messages: Sequence[work_queue.Message], carrier: Carrier, address: str, letter: Letter, about: str
) -> int:
    """Send one letter for all of these, which are done with then; put off what doesn't leave. How many left."""
    try:
        carrier.carry(address, letter)
    except (Undelivered, Unreachable) as error:
        _log.warning("a message about %s was put off: %s", about, type(error).__name__)
        with ctx.realm.writing() as session:
            work_queue.put_off_after(session, messages, ctx.now())
        return 0
    settle_all(ctx, messages)
    return 1


def settle_all(ctx: AppContext, messages: Iterable[work_queue.Message]) -> None:
    """These are done with."""
    with ctx.realm.writing() as session:
        for one in messages:
            work_queue.settle_messages(session, one.id, at=ctx.now())
