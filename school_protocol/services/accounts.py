"""Who is there: signing in and out, being recognised, proving again who one is."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.storage import directory
from school_protocol.storage import sign_in as browser
from school_protocol.storage.engines import Session
from school_protocol.wording import ZONE

REALM = "main"
PASSWORD_MOST = 1024
ATTEMPTS = 10
WINDOW = timedelta(minutes=15)
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class TooManyTries(SchoolProtocolError):
    """This name was tried too often: come back after `seconds`."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(str(seconds))


def hash_password(password: str) -> str:
    """argon2id, with its own salt."""
    return _HASHER.hash(password)


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hash_password("a password that nobody has")


def _matches(kept: str | None, password: str) -> bool:
    """Compare at the same cost whether the account exists or not."""
    try:
        _HASHER.verify(kept or _nobody(), password[:PASSWORD_MOST])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def sign_in(house: House, username: str, password: str, agent: str = "") -> str | None:
    """A new session's token, or None where name and password don't go together. Raises TooManyTries."""
    subject = directory.plain_username(username)[:80]
    with house.directory.writing() as session:
        if browser.attempts_since(session, subject, house.now() - WINDOW) >= ATTEMPTS:
            raise TooManyTries(int(WINDOW.total_seconds()))
        browser.note_attempt(session, subject, at=house.now())
        account = directory.account_named(session, username)
    if not _matches(account.password_hash if account else None, password):
        return None
    if account is None or not account.active:
        return None
    with house.directory.writing() as session:
        browser.forget_attempts(session, subject)
        return browser.open_web_session(session, account.id, now=house.now(), user_agent=agent[:120])


def recognise(house: House, token: str) -> Actor | None:
    """Who holds this session's token now; None where it is idle, over or unknown."""
    with house.directory.reading() as session:
        found = browser.web_session(session, token, now=house.now())
        actor = actor_of(house, found.account, session) if found else None
    if found is not None and browser.is_worth_touching(found, house.now()):
        with house.directory.writing() as session:
            browser.touch_web_session(session, token, now=house.now())
    return actor


def actor_of(house: House, account: str, session: Session) -> Actor | None:
    """The account as one who acts today."""
    today = house.now().astimezone(ZONE).date()
    return directory.actor(session, account, realm=REALM, today=today)


def actor_named(house: House, username: str) -> Actor | None:
    """The account with that username as one who acts today: for the command line."""
    with house.directory.reading() as session:
        account = directory.account_named(session, username)
        return actor_of(house, account.id, session) if account else None


def account_behind(house: House, token: str) -> str | None:
    """The account of a session that has run out: so that what was typed can be kept for its owner."""
    with house.directory.reading() as session:
        return browser.account_behind(session, token)


def sign_out(house: House, token: str) -> None:
    """The token is worth nothing from now on."""
    with house.directory.writing() as session:
        browser.close_web_session(session, token)


def choose_language(house: House, actor: Actor, language: str) -> None:
    """Keep the language that this person reads."""
    with house.directory.writing() as session:
        directory.set_language(session, actor.id, language)


def prove_again(house: House, actor: Actor, password: str) -> bool:
    """Whether the password is this person's: what a signature asks."""
    with house.directory.reading() as session:
        account = directory.account(session, actor.id)
    return _matches(account.password_hash if account else None, password)
