"""Service of access codes: invitations and a lost second factor; a link or a printed code, good once, three days."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from school_protocol.auth import passwords, repository, service, sign_in_repository
from school_protocol.auth.second_factor import factors_of
from school_protocol.auth.service import (
    BY_COMMAND,
    HELPED,
    OWN,
    IdentityRefused,
    are_one_hand,
    draw_digits,
    end_access,
    hashed,
    helped,
    plain_code,
    refuse_if_apart,
    refuse_who_moved,
    units_helped,
    write_account_change,
)
from school_protocol.auth.sign_in_repository import OneTimeCode, Stage
from school_protocol.auth.sign_in_service import NOBODY, Visitor, begin_session, pending
from school_protocol.context import AppContext, today_for
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.engines import Session

_log = logging.getLogger(__name__)

GOOD_FOR = timedelta(hours=72)
INVITATION, PASSWORD = "invitation", "password"
BY_CODE = (INVITATION, PASSWORD)
SET_BY = {INVITATION: Kind.invitation_accepted, PASSWORD: Kind.password_set}
TOKEN_MOST = 200
BOTH = ("fr", "ar")
"""The languages of whoever's own is not known."""


@dataclass(frozen=True, slots=True)
class Slip:
    """What is handed to somebody on paper. `code`: digits in groups, kept nowhere else."""

    account: str
    username: str
    name: str
    purpose: str
    code: str = field(repr=False)
    expires_at: datetime
    languages: tuple[str, ...]
    """Those in which it is printed: the person's own, or several where nobody knows it yet."""


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom a link lets in."""

    username: str
    name: str
    expires_at: datetime


# ---- given -----------------------------------------------------------------------------------------------------------


def invite(ctx: AppContext, by: Actor, account_id: str, now: datetime) -> str:
    """A link's token for somebody who has no password yet: good once, 72 hours; earlier invitations end.

    Raises Unseen for whom `by` doesn't administer, IdentityRefused for somebody who has a password.
    """
    token = secrets.token_urlsafe(32)
    with ctx.directory.writing() as session:
        _give(session, ctx, by, account_id, INVITATION, hashed(ctx, "link", token), now)
    return token


def invite_by_slip(ctx: AppContext, by: Actor, account_id: str, now: datetime) -> Slip:
    """The same as a code of digits, to be typed beside the user name. Raises Unseen, IdentityRefused."""
    return _slip(ctx, by, account_id, INVITATION, now)


def new_password_slip(ctx: AppContext, by: Actor, account_id: str, now: datetime) -> Slip:
    """A code for somebody who forgot the password; the old one holds until then. Raises Unseen, IdentityRefused."""
    return _slip(ctx, by, account_id, PASSWORD, now)


def _slip(ctx: AppContext, by: Actor, account_id: str, purpose: str, now: datetime) -> Slip:
    code = draw_digits()
    with ctx.directory.writing() as session:
        found = _give(session, ctx, by, account_id, purpose, digits_hash(ctx, account_id, code), now)
    return slip_for(ctx, found, purpose, code, now + GOOD_FOR)


def slip_for(ctx: AppContext, account: repository.Account, purpose: str, code: str, until: datetime) -> Slip:
    """A slip in the language of whom it is for.

    Somebody who has never come in, and has the language that all are given, has chosen none: French and Arabic then.
    """
    offered, usual = ctx.settings.languages, ctx.settings.default_language
    languages: tuple[str, ...] = (account.language if account.language in offered else usual,)
    if account.password_hash is None and languages == (usual,):
        languages = tuple(dict.fromkeys([*(one for one in BOTH if one in offered), usual]))
    return Slip(account.id, account.username, account.name(languages[0]), purpose, code, until, languages)


def invite_the_first(ctx: AppContext, username: str, now: datetime) -> str:
    """The link of an installation's first administrator, for whoever runs it: only while none can sign in."""
    from school_protocol.context import declared

    roles = {key for key, (_protocol, role) in declared(ctx).items() if role.administers}
    with ctx.directory.writing() as session:
        account = repository.account_named(session, username)
        if account is None or not account.active or account.password_hash:
            raise IdentityRefused("no_such_account")
        if sign_in_repository.any_with_password(session, roles):
            raise IdentityRefused("not_the_first")
        token = secrets.token_urlsafe(32)
        given = OneTimeCode(account.id, INVITATION, account.id, now, now + GOOD_FOR)
        sign_in_repository.keep_code(session, given, hashed(ctx, "link", token))
        write_account_change(session, ctx, account.id, account.id, Kind.invited, BY_COMMAND)
    return token


def _give(
    session: Session, ctx: AppContext, by: Actor, account_id: str, purpose: str, secret: bytes, now: datetime
) -> repository.Account:
    found = helped(session, ctx, by, account_id)
    refuse_if_apart(session, ctx, by, account_id)
    if (found.password_hash is None) is not (purpose == INVITATION):
        raise IdentityRefused("has_password" if purpose == INVITATION else "has_no_password")
    if purpose != INVITATION:
        refuse_who_moved(session, ctx, by, account_id)
    sign_in_repository.keep_code(session, OneTimeCode(account_id, purpose, by.id, now, now + GOOD_FOR), secret)
    kind = Kind.invited if purpose == INVITATION else Kind.password_code_made
    write_account_change(session, ctx, by.id, account_id, kind, HELPED)
    return found


def digits_hash(ctx: AppContext, account: str, typed: str) -> bytes:
    """By what a code of digits is recognised: for one account alone."""
    return hashed(ctx, "digits", account, plain_code(typed))


# ---- taken -----------------------------------------------------------------------------------------------------------


def see_invitation(ctx: AppContext, token: str) -> Invited | None:
    """Whom this link lets in; None where it was used, is too old, or never was. Looking uses nothing up."""
    if len(token) > TOKEN_MOST:
        return None
    with ctx.directory.reading() as session:
        code = sign_in_repository.find_code(session, hashed(ctx, "link", token), purposes=(INVITATION,), now=ctx.now())
        account = repository.account(session, code.account) if code else None
    if code is None or account is None or not account.active:
        return None
    return Invited(account.username, account.name(account.language), code.expires_at)


def accept_invitation(ctx: AppContext, token: str, password: str) -> bool:
    """Set the first password by a link; False where the link is worth nothing. Raises BadInput for the password."""
    if len(token) > TOKEN_MOST:
        return False
    secret = hashed(ctx, "link", token)
    with ctx.directory.reading() as session:
        code = sign_in_repository.find_code(session, secret, purposes=(INVITATION,), now=ctx.now())
    return _set(ctx, code.account, secret, (INVITATION,), password) if code else False


def set_password_by_code(
    ctx: AppContext, username: str, typed: str, password: str, *, address: str = "", known: str = ""
) -> bool:
    """Set a password by a printed code; False where name and code don't go together. Raises BadInput, TooManyTries."""
    subject = repository.plain_username(username)[:80]
    with service.slowed("slip", address), ctx.directory.writing() as session:
        attempt = service.note(session, ctx, "slip", subject, address=address)
        account = repository.account_named(session, username)
        secret = digits_hash(ctx, account.id if account else "", typed)
        code = sign_in_repository.find_code(session, secret, purposes=BY_CODE, now=ctx.now())
    if account is None or code is None or code.account != account.id:
        service.wrong(account.id if account else None, "slip", address)
        return False
    service.right(account.id, "slip", address)
    with ctx.directory.writing() as session:
        service.forgive(session, attempt)
    return _set(ctx, account.id, secret, BY_CODE, password)


def _set(ctx: AppContext, account_id: str, secret: bytes, purposes: tuple[str, ...], password: str) -> bool:
    """Code used, password kept, every session ended: all of it or nothing."""
    with ctx.directory.reading() as session:
        check_new(session, ctx, account_id, password)
    new = passwords.hash_password(password)
    with ctx.directory.writing() as session:
        account = repository.account(session, account_id)
        if account is None or not account.active:
            return False
        code = sign_in_repository.use_code(session, secret, purposes=purposes, at=ctx.now())
        if code is None:
            return False
        repository.set_password(session, account_id, new)
        sign_in_repository.forget_browsers(session, account_id)
        for purpose in BY_CODE:
            sign_in_repository.drop_codes(session, account_id, purpose)
        sign_in_repository.close_web_sessions(session, account_id)
        end_access(session, ctx, account_id, account_id)
        write_account_change(session, ctx, account_id, account_id, SET_BY[code.purpose], OWN)
    return True


def check_new(session: Session, ctx: AppContext, account_id: str, password: str) -> None:
    """Raise BadInput where this password is too weak for this person, or known from elsewhere."""
    account = repository.account(session, account_id)
    about = [account.username, *account.names.values()] if account else []
    about += list(sign_in_repository.places_of(session, account_id))
    problem = passwords.problem_of(password, about, sign_in_repository.names_of_places(session))
    if (
        problem is None
        and ctx.settings.known_passwords is not None
        and _is_known(ctx.settings.known_passwords, password)
    ):
        problem = "common"
    if problem:
        raise BadInput({"new_password": (problem,)})


def _is_known(path: Path, password: str) -> bool:
    """Where the list can't be read, nobody is kept from a password: it is said in the log, and by `doctor`."""
    try:
        return passwords.is_known(path, password)
    except passwords.ListUnusable as error:
        _log.error("the list of known passwords can't be read: %s", error)
        return False


# ---- a lost second factor ------------------------------------------------------------------------------------------
# One person who administers the account asks, another agrees and prints a code; both are named. Typed after the
# password, the code ends the old factors, and new ones are set up at once.

FACTOR, RESTORED = "factor", "restore"
APART = timedelta(days=30)
"""So long two people who agree must not have had to do with each other's accounts."""
WAITS = timedelta(days=7)
"""So long an asking waits for somebody to agree."""
LISTED = 200


@dataclass(frozen=True, slots=True)
class HelpedView:
    """One person, as whoever administers them sees what can be done."""

    account: str
    username: str
    name: str
    has_password: bool
    has_factor: bool
    invited_until: datetime | None
    code_until: datetime | None
    asked_by: str
    """Who asked that the factors be set anew; empty: nobody."""
    asked_at: datetime | None
    is_mine: bool
    """It was this reader who asked: another must agree."""
    agreed_by: str


# ---- seen ------------------------------------------------------------------------------------------------------------


def people_helped(ctx: AppContext, by: Actor) -> tuple[repository.Account, ...]:
    """The people of the units that this person is appointed to, as far as they can be helped."""
    units = units_helped(ctx, by)
    with ctx.directory.reading() as session:
        posts = repository.posts(session, units, since=today_for(ctx)) if units else ()
        people = {post.account.id: post.account for post in posts}
        return tuple(one for one in list(people.values())[:LISTED] if _is_helped(session, ctx, by, one.id))


def find_helped(ctx: AppContext, by: Actor, username: str) -> str:
    """The account of that user name, if it is this person's to help; raises Unseen."""
    with ctx.directory.reading() as session:
        found = repository.account_named(session, username)
        return helped(session, ctx, by, found.id if found else "").id


def asked_for(ctx: AppContext, by: Actor) -> tuple[repository.Account, ...]:
    """For whom somebody else asked, and a second person is awaited."""
    with ctx.directory.reading() as session:
        waiting = sign_in_repository.open_restorations(session, since=ctx.now() - WAITS, limit=LISTED)
        return tuple(
            helped(session, ctx, by, one.account)
            for one in waiting
            if one.asked_by != by.id and _is_helped(session, ctx, by, one.account)
        )


def _is_helped(session: Session, ctx: AppContext, by: Actor, account: str) -> bool:
    try:
        return bool(helped(session, ctx, by, account))
    except Unseen:
        return False


def see_helped(ctx: AppContext, by: Actor, account_id: str) -> HelpedView:
    """What can be done for this person; raises Unseen."""
    with ctx.directory.reading() as session:
        found = helped(session, ctx, by, account_id)
        asked = sign_in_repository.open_restoration(session, account_id, since=ctx.now() - WAITS)
        codes = {
            purpose: sign_in_repository.waiting_code(session, account_id, purpose, now=ctx.now())
            for purpose in (INVITATION, PASSWORD)
        }
        until = {purpose: code.expires_at if code else None for purpose, code in codes.items()}
        return HelpedView(
            account=found.id,
            username=found.username,
            name=found.name(by.language),
            has_password=found.password_hash is not None,
            has_factor=factors_of(session, ctx, account_id).has_any,
            invited_until=until[INVITATION],
            code_until=until[PASSWORD],
            asked_by=_name(session, by, asked.asked_by) if asked else "",
            asked_at=asked.asked_at if asked else None,
            is_mine=asked is not None and asked.asked_by == by.id,
            agreed_by=_name(session, by, asked.agreed_by) if asked and asked.agreed_by else "",
        )


def _name(session: Session, by: Actor, account: str) -> str:
    found = repository.account(session, account)
    return found.name(by.language) if found else "—"


# ---- asked and agreed ------------------------------------------------------------------------------------------------


def ask_restoring(ctx: AppContext, by: Actor, account_id: str) -> None:
    """Ask that somebody's factors be set anew. Raises Unseen; IdentityRefused where there is none."""
    with ctx.directory.writing() as session:
        helped(session, ctx, by, account_id)
        if not factors_of(session, ctx, account_id).has_any:
            raise IdentityRefused("no_such_factor")
        asked = sign_in_repository.open_restoration(session, account_id, since=ctx.now() - WAITS)
        if asked is not None and asked.asked_by != by.id and asked.agreed_by is None:
            raise IdentityRefused("asked_already")
        sign_in_repository.ask_restoration(session, account_id, by.id, at=ctx.now())
        sign_in_repository.drop_codes(session, account_id, FACTOR)
        write_account_change(session, ctx, by.id, account_id, Kind.restoration_asked, HELPED)


def withdraw(ctx: AppContext, by: Actor, account_id: str) -> None:
    """It isn't asked for any more. Raises Unseen."""
    with ctx.directory.writing() as session:
        helped(session, ctx, by, account_id)
        sign_in_repository.close_restorations(session, account_id, at=ctx.now())
        sign_in_repository.drop_codes(session, account_id, FACTOR)
        write_account_change(session, ctx, by.id, account_id, Kind.restoration_withdrawn, HELPED)


def agree(ctx: AppContext, by: Actor, account_id: str) -> Slip:
    """A second person agrees, and prints the code. Raises Unseen; IdentityRefused for whoever asked themselves.

    Also for whose account the other made, or was given the way into, within 30 days: both may be one person.
    """
    code, now = draw_digits(), ctx.now()
    with ctx.directory.writing() as session:
        found = helped(session, ctx, by, account_id)
        asked = sign_in_repository.open_restoration(session, account_id, since=ctx.now() - WAITS)
        if asked is None:
            raise IdentityRefused("not_asked")
        refuse_if_apart(session, ctx, by, account_id)
        refuse_who_moved(session, ctx, by, account_id)
        if are_one_hand(session, asked.asked_by, by.id, since=now - APART):
            raise IdentityRefused("one_hand")
        if not sign_in_repository.agree_to_restoration(session, asked.id, by.id):
            raise IdentityRefused("two_people_needed")
        secret = digits_hash(ctx, account_id, code)
        sign_in_repository.keep_code(session, OneTimeCode(account_id, FACTOR, by.id, now, now + GOOD_FOR), secret)
        write_account_change(session, ctx, by.id, account_id, Kind.restoration_agreed, HELPED)
    return slip_for(ctx, found, FACTOR, code, now + GOOD_FOR)


# ---- used ------------------------------------------------------------------------------------------------------------


def restore(ctx: AppContext, token: str, typed: str, visitor: Visitor = NOBODY) -> str | None:
    """After the password, the printed code: the old factors end. A new token, of a session that sets new ones up.

    None for a wrong code. Raises TooManyTries.
    """
    found = pending(ctx, token)
    if found is None or found.stage is not Stage.factor:
        return None
    with service.slowed(RESTORED, visitor.address), ctx.directory.writing() as session:
        attempt = service.note(session, ctx, RESTORED, found.account, address=visitor.address)
    with ctx.directory.writing() as session:
        secret = digits_hash(ctx, found.account, typed)
        code = sign_in_repository.use_code(session, secret, purposes=(FACTOR,), at=ctx.now())
        if code is None or code.account != found.account:
            service.wrong(found.account, RESTORED, visitor.address)
            return None
        service.forgive(session, attempt)
        sign_in_repository.drop_seed(session, found.account)
        sign_in_repository.drop_recovery(session, found.account)
        sign_in_repository.drop_passkeys(session, found.account)
        sign_in_repository.close_restorations(session, found.account, at=ctx.now())
        sign_in_repository.close_web_sessions(session, found.account)
        end_access(session, ctx, found.account, found.account)
        write_account_change(session, ctx, found.account, found.account, Kind.factors_restored, OWN)
        begun = begin_session(session, ctx, found.account, visitor)
    service.right(found.account, RESTORED, visitor.address)
    return begun
