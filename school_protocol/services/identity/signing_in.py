"""Coming in: the password, then what is still awaited; or a passkey, which is both at once.

A session that awaits something opens no page but that step's. Each step gives a new token and ends the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from school_protocol.domain.errors import BadInput
from school_protocol.services.house import House
from school_protocol.services.identity import factors, noted, passkeys, passwords, throttling
from school_protocol.services.identity.codes import hashed
from school_protocol.services.identity.passkeys import Site
from school_protocol.storage import directory, proving
from school_protocol.storage import sign_in as browser
from school_protocol.storage.engines import Session
from school_protocol.storage.sign_in import Stage

KNOWN_FOR = timedelta(days=365)
AGENT_MOST = 120
PASSWORD, AGAIN, PASSKEY, ENROLLED = "password", "password again", "passkey", "second step set up"


@dataclass(frozen=True, slots=True)
class Visitor:
    """From where somebody comes: the browser's own words, its address, and its long-lived mark ("" for a new one)."""

    agent: str = ""
    address: str = ""
    mark: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Pending:
    """A session that awaits its second step. `name`: as its own page may greet."""

    account: str
    username: str
    language: str
    stage: Stage


NOBODY = Visitor()


# ---- the password ----------------------------------------------------------------------------------------------------


def sign_in(house: House, username: str, password: str, visitor: Visitor = NOBODY) -> str | None:
    """A new session's token, or None where name and password don't go together. Raises TooManyTries."""
    subject = directory.plain_username(username)[:80]
    with noted.slowed(PASSWORD, visitor.address), house.directory.writing() as session:
        account = directory.account_named(session, username)
        known = _known(session, house, visitor, account.id if account else "")
        attempt = throttling.note(session, house, PASSWORD, subject, address=visitor.address, known=known)
    is_right = passwords.matches(account.password_hash if account else None, password)
    if not is_right or account is None or not account.active:
        noted.wrong(account.id if account else None, PASSWORD, visitor.address)
        return None
    with house.directory.writing(together=True) as session:
        throttling.forgive(session, attempt)
        token = begin(session, house, account.id, visitor)
    noted.right(account.id, PASSWORD, visitor.address)
    return token


def begin(
    session: Session, house: House, account: str, visitor: Visitor = NOBODY, *, factor_proven: bool = False
) -> str:
    """A new session for whoever has proven to be this account so far; it may still await the second factor.

    `factor_proven`: somebody else (a ministry's provider) vouches for a second factor.
    """
    stage = Stage.full if factor_proven else _awaited(session, house, account)
    if stage is Stage.full:
        remember(session, house, account, visitor)
    return browser.open_web_session(
        session, account, now=house.now(), user_agent=visitor.agent[:AGENT_MOST], stage=stage
    )


def _awaited(session: Session, house: House, account: str) -> Stage:
    found = factors.factors_of(session, house, account)
    if found.has_any:
        return Stage.factor
    return Stage.enrol if found.is_required else Stage.full


# ---- the second step -------------------------------------------------------------------------------------------------


def pending(house: House, token: str) -> Pending | None:
    """Who has come half way with this token; None for nobody, and for whoever is all the way in."""
    with house.directory.reading() as session:
        found = browser.web_session(session, token, now=house.now())
        account = directory.account(session, found.account) if found and found.stage is not Stage.full else None
    if found is None or account is None:
        return None
    return Pending(account.id, account.username, account.language, found.stage)


def prove_factor(house: House, token: str, typed: str, visitor: Visitor = NOBODY) -> str | None:
    """A code of the phone, or a recovery code: a whole session's token. None for a wrong one. Raises TooManyTries."""
    found = pending(house, token)
    if found is None or found.stage is not Stage.factor:
        return None
    with noted.slowed(throttling.CODE, visitor.address), house.directory.writing() as session:
        known = _known(session, house, visitor, found.account)
        attempt = throttling.note(session, house, throttling.CODE, found.account, address=visitor.address, known=known)
    with house.directory.writing(together=True) as session:
        if not factors.accept(session, house, found.account, typed):
            noted.wrong(found.account, throttling.CODE, visitor.address)
            return None
        throttling.forgive(session, attempt)
        whole = _all_the_way(session, house, found.account, token, visitor)
    noted.right(found.account, throttling.CODE, visitor.address)
    return whole


def enrol(
    house: House, token: str, seed: str, typed: str, visitor: Visitor = NOBODY
) -> tuple[str, tuple[str, ...]] | None:
    """Set the phone up that a role asks for: a whole session's token and the recovery codes. None for a wrong code."""
    found = pending(house, token)
    if found is None or found.stage is not Stage.enrol:
        return None
    with house.directory.writing(together=True) as session:
        codes = factors.set_up_codes(session, house, found.account, seed, typed)
        if codes is None:
            noted.wrong(found.account, ENROLLED, visitor.address)
            return None
        browser.close_web_sessions(session, found.account)
        whole = _all_the_way(session, house, found.account, token, visitor)
    noted.right(found.account, ENROLLED, visitor.address)
    return whole, codes


def enrol_passkey(
    house: House, token: str, site: Site, answer: Mapping[str, Any], name: str, visitor: Visitor = NOBODY
) -> tuple[str, tuple[str, ...]] | None:
    """The same with a passkey."""
    found = pending(house, token)
    if found is None or found.stage is not Stage.enrol:
        return None
    with house.directory.writing(together=True) as session:
        codes = passkeys.add(session, house, found.account, site, answer, name)
        if codes is None:
            noted.wrong(found.account, ENROLLED, visitor.address)
            return None
        browser.close_web_sessions(session, found.account)
        whole = _all_the_way(session, house, found.account, token, visitor)
    noted.right(found.account, ENROLLED, visitor.address)
    return whole, codes


def sign_in_by_passkey(house: House, site: Site, answer: Mapping[str, Any], visitor: Visitor = NOBODY) -> str | None:
    """A whole session's token for the holder of a passkey; None for an answer that does not hold. Never slowed down."""
    with house.directory.writing(together=True) as session:
        account = passkeys.holder_of(session, house, site, answer)
        if account is None:
            noted.wrong(None, PASSKEY, visitor.address)
            return None
        remember(session, house, account, visitor)
        token = browser.open_web_session(session, account, now=house.now(), user_agent=visitor.agent[:AGENT_MOST])
    noted.right(account, PASSKEY, visitor.address)
    return token


def _all_the_way(session: Session, house: House, account: str, token: str, visitor: Visitor) -> str:
    browser.close_web_session(session, token)
    remember(session, house, account, visitor)
    return browser.open_web_session(session, account, now=house.now(), user_agent=visitor.agent[:AGENT_MOST])


# ---- the browser -----------------------------------------------------------------------------------------------------


def _mark(house: House, visitor: Visitor) -> bytes:
    return hashed(house, "browser", visitor.mark)


def _known(session: Session, house: House, visitor: Visitor, account: str) -> str:
    """What a known browser's tries are counted by; empty for one in which this person never signed in."""
    mark = _mark(house, visitor)
    is_known = proving.is_known_browser(session, mark, account, now=house.now()) and bool(visitor.mark)
    return mark.hex() if is_known else ""


def remember(session: Session, house: House, account: str, visitor: Visitor) -> None:
    """This person has signed in, all the way, in that browser."""
    if visitor.mark:
        until = house.now() + KNOWN_FOR
        proving.keep_browser(session, _mark(house, visitor), account, until=until)


# ---- proving again ---------------------------------------------------------------------------------------------------


def prove_again(house: House, account_id: str, password: str) -> bool:
    """Whether the password is this person's. Raises TooManyTries after ten wrong ones in a quarter of an hour."""
    subject = f"again|{account_id}"
    with noted.slowed(AGAIN), house.directory.writing() as session:
        throttling.stop(session, house, subject, throttling.KNOWN_FREE, throttling.WINDOW)
        attempt = browser.note_attempt(session, subject, at=house.now())
        account = directory.account(session, account_id)
    if not passwords.matches(account.password_hash if account else None, password):
        noted.wrong(account_id, AGAIN)
        return False
    with house.directory.writing(together=True) as session:
        browser.take_back_attempt(session, attempt)
    noted.right(account_id, AGAIN)
    return True


def must_prove(house: House, account_id: str, password: str) -> None:
    """Raise BadInput where the password is not this person's, or is not read now as too many were wrong."""
    try:
        is_theirs = prove_again(house, account_id, password)
    except throttling.TooManyTries as error:
        raise BadInput({"password": (f"too_many_tries:{error.seconds}",)}) from None
    if not is_theirs:
        raise BadInput({"password": ("wrong_password",)})
