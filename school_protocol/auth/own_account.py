"""Service of one's own account: password, phone, passkeys, where one is signed in; and who is told of printed codes.

Whatever changes how one proves who one is asks for the password again, ends every session, and begins a new one here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from school_protocol.auth import passkeys, passwords, repository, second_factor, sign_in_repository
from school_protocol.auth.access_codes import check_new
from school_protocol.auth.passkeys import Site
from school_protocol.auth.repository import Account
from school_protocol.auth.second_factor import Factors
from school_protocol.auth.service import BY_MAIL, OWN, carry_for_all, end_access, settle_all, write_account_change
from school_protocol.auth.sign_in_repository import Former, WebSession
from school_protocol.auth.sign_in_service import NOBODY, Visitor, must_prove, open_web_session, remember
from school_protocol.context import AppContext, declared, today_for
from school_protocol.engine.definition import Protocol, Role, ScopeKind
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.mail import Letter, Post, letter_of, way_to, wording_of
from school_protocol.storage import administration_log, work_queue
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session


@dataclass(frozen=True, slots=True)
class AccountView:
    """A person's own page. `can_change`: they hold, or held, a place; without one nothing can be written down."""

    username: str
    has_password: bool
    factors: Factors
    sessions: tuple[WebSession, ...]
    here: str
    """Which of them this is, by its handle."""
    can_change: bool


@dataclass(frozen=True, slots=True)
class Renewed:
    """A new session's token in the place of all before; `recovery`: codes to be shown once."""

    token: str = field(repr=False)
    recovery: tuple[str, ...] = field(default=(), repr=False)


def see_account(ctx: AppContext, actor: Actor, token: str) -> AccountView:
    """Password, second factors and sessions of whoever asks; `token` is the session that they ask in."""
    with ctx.directory.reading() as session:
        account = repository.account(session, actor.id)
        if account is None:
            raise Unseen(actor.id)
        found = sign_in_repository.web_sessions(session, actor.id, now=ctx.now(), idle=ctx.settings.session_idle)
        return AccountView(
            username=account.username,
            has_password=account.password_hash is not None,
            factors=second_factor.factors_of(session, ctx, actor.id),
            sessions=found,
            here=sign_in_repository.handle_of(token),
            can_change=repository.latest_appointment(session, actor.id) is not None,
        )


# ---- sessions --------------------------------------------------------------------------------------------------------


def end_session(ctx: AppContext, actor: Actor, handle: str) -> bool:
    """End one of one's own sessions; whether there was one."""
    with ctx.directory.writing() as session:
        return sign_in_repository.close_handled(session, actor.id, handle)


def end_everywhere(ctx: AppContext, actor: Actor) -> None:
    """Signed out everywhere; browsers that were known are strangers again, and the calendar's address leads nowhere."""
    with ctx.directory.writing() as session:
        sign_in_repository.close_web_sessions(session, actor.id)
        end_access(session, ctx, actor.id, actor.id)
        sign_in_repository.forget_browsers(session, actor.id)


# ---- what one proves oneself with ------------------------------------------------------------------------------------


def change_password(ctx: AppContext, actor: Actor, old: str, new: str, visitor: Visitor = NOBODY) -> Renewed:
    """Another password; of the browsers that were known, this one stays.

    Raises BadInput where the old one is wrong or the new one is too weak.
    """
    must_prove(ctx, actor.id, old)
    with ctx.directory.reading() as session:
        check_new(session, ctx, actor.id, new)
    if old == new:
        raise BadInput({"new_password": ("same_as_before",)})
    hashed = passwords.hash_password(new)

    def change(session: Session) -> tuple[str, ...]:
        repository.set_password(session, actor.id, hashed)
        sign_in_repository.drop_codes(session, actor.id, "password")
        sign_in_repository.forget_browsers(session, actor.id)
        remember(session, ctx, actor.id, visitor)
        end_access(session, ctx, actor.id, actor.id)
        write_account_change(session, ctx, actor.id, actor.id, Kind.password_changed, OWN)
        return ()

    return _renewed(ctx, actor, visitor, change)


def set_up_codes(
    ctx: AppContext, actor: Actor, password: str, seed: str, typed: str, visitor: Visitor = NOBODY
) -> Renewed:
    """A phone, in the place of the one before. Raises BadInput for a wrong password or code."""
    must_prove(ctx, actor.id, password)

    def change(session: Session) -> tuple[str, ...]:
        codes = second_factor.set_up_codes(session, ctx, actor.id, seed, typed)
        if codes is None:
            raise BadInput({"code": ("wrong_code",)})
        return codes

    return _renewed(ctx, actor, visitor, change)


def drop_codes(ctx: AppContext, actor: Actor, password: str, visitor: Visitor = NOBODY) -> Renewed:
    """Without the phone's codes. Raises BadInput for a wrong password, IdentityRefused for the last factor."""
    must_prove(ctx, actor.id, password)

    def change(session: Session) -> tuple[str, ...]:
        second_factor.drop_codes(session, ctx, actor.id)
        return ()

    return _renewed(ctx, actor, visitor, change)


def new_recovery(ctx: AppContext, actor: Actor, password: str, visitor: Visitor = NOBODY) -> Renewed:
    """Ten recovery codes in the place of those before. Raises BadInput for a wrong password."""
    must_prove(ctx, actor.id, password)
    return _renewed(ctx, actor, visitor, lambda session: second_factor.new_recovery(session, ctx, actor.id))


def ask_to_add_passkey(ctx: AppContext, actor: Actor, password: str, site: Site) -> str:
    """What the browser is asked for a new passkey, as JSON. Raises BadInput for a wrong password, IdentityRefused."""
    must_prove(ctx, actor.id, password)
    return passkeys.ask_to_add(ctx, actor.id, site)


def add_passkey(
    ctx: AppContext, actor: Actor, site: Site, answer: Mapping[str, Any], name: str, visitor: Visitor = NOBODY
) -> Renewed:
    """Keep a passkey; its challenge was given for the password. Raises BadInput where the answer does not hold."""

    def change(session: Session) -> tuple[str, ...]:
        codes = passkeys.add(session, ctx, actor.id, site, answer, name)
        if codes is None:
            raise BadInput({"passkey": ("wrong_passkey",)})
        return codes

    return _renewed(ctx, actor, visitor, change)


def drop_passkey(ctx: AppContext, actor: Actor, password: str, passkey_id: str, visitor: Visitor = NOBODY) -> Renewed:
    """Without that passkey. Raises BadInput for a wrong password, IdentityRefused where a role asks for a factor."""
    must_prove(ctx, actor.id, password)

    def change(session: Session) -> tuple[str, ...]:
        passkeys.drop(session, ctx, actor.id, passkey_id)
        return ()

    return _renewed(ctx, actor, visitor, change)


def _renewed(ctx: AppContext, actor: Actor, visitor: Visitor, change: Callable[[Session], tuple[str, ...]]) -> Renewed:
    with ctx.directory.writing() as session:
        recovery = change(session)
        sign_in_repository.close_web_sessions(session, actor.id)
        token = open_web_session(session, ctx, actor.id, visitor)
    return Renewed(token, recovery)


# ---- telling of printed or used codes and of roles that read cases: the owner, and who oversees --------------------
# Nobody is stopped by this; it is seen at once. The log of changes is what is told from, so that nothing written
# there is left out; messages say no name. The owner reads it where they were reached before the change, too.

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

Roles = Mapping[str, tuple[Protocol, Role]]


def tell_of_accounts(ctx: AppContext, post: Post) -> int:
    """Tell what was printed, used and given lately; returns how many messages left. Cut off anywhere, it goes on."""
    kept_for = LATEST if post.mail is None and post.sms is None else UNTOLD
    with ctx.directory.writing() as session:
        sign_in_repository.forget_before(session, ctx.now() - kept_for)
    if post.mail is None and post.sms is None:
        return 0
    former = _collect(ctx)
    with ctx.realm.writing() as session:
        taken = work_queue.take_messages(session, ctx.now(), limit=BATCH, kind=OUTBOX)
    together: dict[tuple[str, str, Former | None], list[work_queue.Message]] = {}
    for message in taken:
        to, place = str(message.payload["to"]), str(message.payload["as"])
        together.setdefault((to, place, _stood(former, message)), []).append(message)
    left = sum(_deliver(ctx, post, *whom, messages) for whom, messages in together.items())
    _forget(ctx, former)
    return left


# ---- what, and to whom -----------------------------------------------------------------------------------------------


def reads_cases(role: Role) -> bool:
    """Whether whoever holds that role reads cases, in a seat or by place."""
    return role.sees in _READS or role.side_bound


def _collect(ctx: AppContext) -> tuple[Former, ...]:
    """From the log into the outbox, each row once for each receiver; and each address that stood before."""
    now, roles = ctx.now(), declared(ctx)
    with ctx.realm.reading() as session:
        latest = work_queue.latest_message(session, OUTBOX)
    since = max(now - LATEST, (latest or now - LATEST) - OVERLAP)
    with ctx.directory.reading() as session:
        found = administration_log.rows_since(session, since, until=now, kinds=PRINTED | USED | GIVEN)
        told = [(row, change, one) for row, change in found for one in _receivers(session, ctx, roles, change)]
        former = sign_in_repository.kept_address(session, ctx.vault, until=now)
    with ctx.realm.writing() as session:
        for row, change, (account, place) in told:
            payload = {"to": account, "as": place}
            work_queue.put_once(session, _named(row, account), OUTBOX, payload, at=change.at)
        for one in former:
            payload = {"to": one.account, "as": OWNER, "former": one.id}
            work_queue.put_once(session, _named(one.id, one.account), OUTBOX, payload, at=one.at)
    return former


def _stood(former: Iterable[Former], message: work_queue.Message) -> Former | None:
    """Where its owner was reached as it was done, if that was changed since; None: where they are reached now."""
    if message.payload["as"] != OWNER:
        return None
    own = [one for one in former if one.account == message.payload["to"]]
    if named := message.payload.get("former"):
        return next((one for one in own if one.id == named), None)
    return next((one for one in own if one.at >= message.at), None)


def _forget(ctx: AppContext, former: Iterable[Former]) -> None:
    """Delete the addresses at which nothing is to be told any more."""
    if not (old := [one for one in former if one.at < ctx.now() - OVERLAP]):
        return
    with ctx.realm.reading() as session:
        waiting = [one for one in work_queue.undone(session, OUTBOX) if one.payload["as"] == OWNER]
    told = [one.id for one in old if not any(m.payload["to"] == one.account and m.at <= one.at for m in waiting)]
    with ctx.directory.writing() as session:
        sign_in_repository.forget_address(session, told)


def _named(row: str, account: str) -> str:
    return hashlib.sha256(f"{row}|{account}".encode()).hexdigest()[:40]


def _receivers(session: Session, ctx: AppContext, roles: Roles, change: Change) -> Iterator[tuple[str, str]]:
    """The account's owner; and the nearest above who can be reached, neither the owner nor who did it."""
    if change.kind in GIVEN and not (change.role in roles and reads_cases(roles[change.role][1])):
        return
    owner = repository.account(session, change.account)
    by_mail = change.reason in (BY_MAIL, INVITED)
    if owner is not None and not by_mail:  # whom an invitation is sent to reads that
        yield owner.id, OWNER
    but = {change.account, change.actor}
    told = [*_overseers(session, ctx, roles, repository.unit(session, change.unit), but)]
    told += _heads(session, ctx, roles, change.unit, but) if by_mail else []
    for one in dict.fromkeys(told):
        yield one, OVERSEER


def _overseers(session: Session, ctx: AppContext, roles: Roles, unit: Unit, but: set[str]) -> tuple[str, ...]:
    """Whoever oversees this unit from strictly above, has come in and can be reached: of the nearest level that has
    somebody."""
    overseeing = {key for key, (_protocol, role) in roles.items() if role.oversees or role.sees in _ABOVE}
    for above in unit.parents:
        holders = repository.holders(session, [above], today=today_for(ctx))
        found = dict.fromkeys(
            one.account.id
            for one in holders
            if one.role in overseeing and one.has_way_in
            if one.account.email or one.account.phone
        )
        if set(found) - but:
            return tuple(one for one in found if one not in but)
    return ()


def _heads(session: Session, ctx: AppContext, roles: Roles, unit: str, but: set[str]) -> list[str]:
    """Whoever heads that school: they know who works in its team."""
    holders = repository.holders(session, [unit], today=today_for(ctx))
    return [
        one.account.id for one in holders if one.role in roles and roles[one.role][1].head and one.account.id not in but
    ]


# ---- how -------------------------------------------------------------------------------------------------------------


def _deliver(
    ctx: AppContext, post: Post, to: str, place: str, former: Former | None, messages: Iterable[work_queue.Message]
) -> int:
    """One message for all that one person is told now at one address; what doesn't leave is tried again."""
    waiting = tuple(messages)
    with ctx.directory.reading() as session:
        account = repository.account(session, to)
    reached = former or account
    way = way_to(post, reached.email, reached.phone) if reached is not None else None
    news = [one for one in waiting if former is not None or "former" not in one.payload]
    if account is None or not (account.active or place == OWNER) or not news or way is None:
        settle_all(ctx, waiting)
        return 0
    carrier, address, is_mail = way
    moved = {"former" in one.payload for one in news}
    letter = _letter(ctx, account, place, moved, news[0].id, is_mail=is_mail)
    return carry_for_all(ctx, waiting, carrier, address, letter, "accounts")


def _letter(ctx: AppContext, account: Account, place: str, moved: set[bool], letter: str, *, is_mail: bool) -> Letter:
    """`moved`: True where this address was changed, False where something else is told."""
    w = wording_of(ctx.settings, account.language)
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
    return letter_of(ctx.settings, w, letter, ctx.now(), subject, lines, is_mail=is_mail)
