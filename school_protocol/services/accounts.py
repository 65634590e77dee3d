"""Who is there: being recognised, coming in and going out; how one proves it stands in `identity`."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from school_protocol.domain.policy import Actor
from school_protocol.services.house import REALM, House
from school_protocol.services.identity import signing_in
from school_protocol.services.identity.passwords import MOST as PASSWORD_MOST
from school_protocol.services.identity.passwords import hash_password
from school_protocol.services.identity.signing_in import Pending, Visitor
from school_protocol.services.identity.throttling import TooManyTries
from school_protocol.storage import directory
from school_protocol.storage import sign_in as browser
from school_protocol.storage.directory import Account
from school_protocol.storage.engines import Session
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.sign_in import Stage
from school_protocol.wording import ZONE

__all__ = ["PASSWORD_MOST", "REALM", "TooManyTries", "hash_password"]

_log = logging.getLogger(__name__)


def sign_in(
    house: House, username: str, password: str, agent: str = "", *, address: str = "", mark: str = ""
) -> str | None:
    """A new session's token, or None where name and password don't go together. Raises TooManyTries.

    The session may still await a second factor (`pending`): it opens nothing else before.
    """
    return signing_in.sign_in(house, username, password, Visitor(agent, address, mark))


def pending(house: House, token: str) -> Pending | None:
    """Who has come half way with this token."""
    return signing_in.pending(house, token)


def recognise(house: House, token: str) -> Actor | None:
    """Who holds this session's token now; None where it is idle, over, unknown, or awaits a second factor."""
    with house.directory.reading() as session:
        found = browser.web_session(session, token, now=house.now())
        is_whole = found is not None and found.stage is Stage.full
        actor = actor_of(house, found.account, session) if found and is_whole else None
    if found is not None and actor is not None and browser.is_worth_touching(found, house.now()):
        _touch(house, token)
    return actor


def _touch(house: House, token: str) -> None:
    """Write down that the session was seen; left to the next page where a long list, say, holds the directory."""
    try:
        with house.directory.writing_if_free() as session:
            browser.touch_web_session(session, token, now=house.now())
    except StorageBusy:
        _log.info("a session was seen, and that could not be written down: the directory is busy")


def actor_of(house: House, account: str, session: Session) -> Actor | None:
    """The account as one who acts today."""
    today = house.now().astimezone(ZONE).date()
    return directory.actor(session, account, realm=house.name, today=today)


def actors_of(house: House, accounts: Mapping[str, Account], session: Session) -> tuple[Actor, ...]:
    """Several accounts, by their id, as those who act today; without those that are no longer active."""
    today = house.now().astimezone(ZONE).date()
    return directory.actors(session, accounts, realm=house.name, today=today)


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
    with house.directory.writing(together=True) as session:
        browser.close_web_session(session, token)


def choose_language(house: House, actor: Actor, language: str) -> None:
    """Keep the language that this person reads."""
    with house.directory.writing(together=True) as session:
        directory.set_language(session, actor.id, language)


def prove_again(house: House, actor: Actor, password: str) -> bool:
    """Whether the password is this person's: what a signature asks. Raises TooManyTries."""
    return signing_in.prove_again(house, actor.id, password)
