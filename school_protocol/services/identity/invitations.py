"""Being let in for the first time, or again: a link, or a code printed on a slip; each good once, for three days."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from school_protocol.domain.errors import BadInput
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.identity import known, noted, passwords, strength, throttling
from school_protocol.services.identity.administering import (
    BY_COMMAND,
    HELPED,
    OWN,
    IdentityRefused,
    end_access,
    helped,
    refuse_if_apart,
    refuse_who_moved,
    write_down,
)
from school_protocol.services.identity.codes import draw_digits, hashed, plain_code
from school_protocol.storage import directory, proving
from school_protocol.storage import sign_in as browser
from school_protocol.storage.administration import Kind
from school_protocol.storage.engines import Session
from school_protocol.storage.proving import OneTimeCode

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


def invite(house: House, by: Actor, account_id: str, now: datetime) -> str:
    """A link's token for somebody who has no password yet: good once, 72 hours; earlier invitations end.

    Raises Unseen for whom `by` doesn't administer, IdentityRefused for somebody who has a password.
    """
    token = secrets.token_urlsafe(32)
    with house.directory.writing() as session:
        _give(session, house, by, account_id, INVITATION, hashed(house, "link", token), now)
    return token


def invite_by_slip(house: House, by: Actor, account_id: str, now: datetime) -> Slip:
    """The same as a code of digits, to be typed beside the user name. Raises Unseen, IdentityRefused."""
    return _slip(house, by, account_id, INVITATION, now)


def new_password_slip(house: House, by: Actor, account_id: str, now: datetime) -> Slip:
    """A code for somebody who forgot the password; the old one holds until then. Raises Unseen, IdentityRefused."""
    return _slip(house, by, account_id, PASSWORD, now)


def _slip(house: House, by: Actor, account_id: str, purpose: str, now: datetime) -> Slip:
    code = draw_digits()
    with house.directory.writing() as session:
        found = _give(session, house, by, account_id, purpose, digits_hash(house, account_id, code), now)
    return slip_for(house, found, purpose, code, now + GOOD_FOR)


def slip_for(house: House, account: directory.Account, purpose: str, code: str, until: datetime) -> Slip:
    """A slip in the language of whom it is for.

    Somebody who has never come in, and has the language that all are given, has chosen none: French and Arabic then.
    """
    offered, usual = house.settings.languages, house.settings.default_language
    languages: tuple[str, ...] = (account.language if account.language in offered else usual,)
    if account.password_hash is None and languages == (usual,):
        languages = tuple(dict.fromkeys([*(one for one in BOTH if one in offered), usual]))
    return Slip(account.id, account.username, account.name(languages[0]), purpose, code, until, languages)


def invite_the_first(house: House, username: str, now: datetime) -> str:
    """The link of an installation's first administrator, for whoever runs it: only while none can sign in."""
    from school_protocol.services.teams.team import declared

    roles = {key for key, (_protocol, role) in declared(house).items() if role.administers}
    with house.directory.writing() as session:
        account = directory.account_named(session, username)
        if account is None or not account.active or account.password_hash:
            raise IdentityRefused("no_such_account")
        if proving.any_with_password(session, roles):
            raise IdentityRefused("not_the_first")
        token = secrets.token_urlsafe(32)
        given = OneTimeCode(account.id, INVITATION, account.id, now, now + GOOD_FOR)
        proving.keep_code(session, given, hashed(house, "link", token))
        write_down(session, house, account.id, account.id, Kind.invited, BY_COMMAND)
    return token


def _give(
    session: Session, house: House, by: Actor, account_id: str, purpose: str, secret: bytes, now: datetime
) -> directory.Account:
    found = helped(session, house, by, account_id)
    refuse_if_apart(session, house, by, account_id)
    if (found.password_hash is None) is not (purpose == INVITATION):
        raise IdentityRefused("has_password" if purpose == INVITATION else "has_no_password")
    if purpose != INVITATION:
        refuse_who_moved(session, house, by, account_id)
    proving.keep_code(session, OneTimeCode(account_id, purpose, by.id, now, now + GOOD_FOR), secret)
    kind = Kind.invited if purpose == INVITATION else Kind.password_code_made
    write_down(session, house, by.id, account_id, kind, HELPED)
    return found


def digits_hash(house: House, account: str, typed: str) -> bytes:
    """By what a code of digits is recognised: for one account alone."""
    return hashed(house, "digits", account, plain_code(typed))


# ---- taken -----------------------------------------------------------------------------------------------------------


def see_invitation(house: House, token: str) -> Invited | None:
    """Whom this link lets in; None where it was used, is too old, or never was. Looking uses nothing up."""
    if len(token) > TOKEN_MOST:
        return None
    with house.directory.reading() as session:
        code = proving.find_code(session, hashed(house, "link", token), purposes=(INVITATION,), now=house.now())
        account = directory.account(session, code.account) if code else None
    if code is None or account is None or not account.active:
        return None
    return Invited(account.username, account.name(account.language), code.expires_at)


def accept_invitation(house: House, token: str, password: str) -> bool:
    """Set the first password by a link; False where the link is worth nothing. Raises BadInput for the password."""
    if len(token) > TOKEN_MOST:
        return False
    secret = hashed(house, "link", token)
    with house.directory.reading() as session:
        code = proving.find_code(session, secret, purposes=(INVITATION,), now=house.now())
    return _set(house, code.account, secret, (INVITATION,), password) if code else False


def set_password_by_code(
    house: House, username: str, typed: str, password: str, *, address: str = "", known: str = ""
) -> bool:
    """Set a password by a printed code; False where name and code don't go together. Raises BadInput, TooManyTries."""
    subject = directory.plain_username(username)[:80]
    with noted.slowed("slip", address), house.directory.writing() as session:
        attempt = throttling.note(session, house, "slip", subject, address=address)
        account = directory.account_named(session, username)
        secret = digits_hash(house, account.id if account else "", typed)
        code = proving.find_code(session, secret, purposes=BY_CODE, now=house.now())
    if account is None or code is None or code.account != account.id:
        noted.wrong(account.id if account else None, "slip", address)
        return False
    noted.right(account.id, "slip", address)
    with house.directory.writing() as session:
        throttling.forgive(session, attempt)
    return _set(house, account.id, secret, BY_CODE, password)


def _set(house: House, account_id: str, secret: bytes, purposes: tuple[str, ...], password: str) -> bool:
    """Code used, password kept, every session ended: all of it or nothing."""
    with house.directory.reading() as session:
        check_new(session, house, account_id, password)
    new = passwords.hash_password(password)
    with house.directory.writing() as session:
        account = directory.account(session, account_id)
        if account is None or not account.active:
            return False
        code = proving.use_code(session, secret, purposes=purposes, at=house.now())
        if code is None:
            return False
        directory.set_password(session, account_id, new)
        proving.forget_browsers(session, account_id)
        for purpose in BY_CODE:
            proving.drop_codes(session, account_id, purpose)
        browser.close_web_sessions(session, account_id)
        end_access(session, house, account_id, account_id)
        write_down(session, house, account_id, account_id, SET_BY[code.purpose], OWN)
    return True


def check_new(session: Session, house: House, account_id: str, password: str) -> None:
    """Raise BadInput where this password is too weak for this person, or known from elsewhere."""
    account = directory.account(session, account_id)
    about = [account.username, *account.names.values()] if account else []
    about += list(proving.places_of(session, account_id))
    problem = strength.problem_of(password, about, proving.names_of_places(session))
    if (
        problem is None
        and house.settings.known_passwords is not None
        and _is_known(house.settings.known_passwords, password)
    ):
        problem = "common"
    if problem:
        raise BadInput({"new_password": (problem,)})


def _is_known(path: Path, password: str) -> bool:
    """Where the list can't be read, nobody is kept from a password: it is said in the log, and by `doctor`."""
    try:
        return known.is_known(path, password)
    except known.ListUnusable as error:
        _log.error("the list of known passwords can't be read: %s", error)
        return False
