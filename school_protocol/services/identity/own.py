"""What somebody changes about themselves: password, phone, passkeys, and where they are signed in.

Whatever changes how one proves who one is asks for the password again, ends every session, and begins a new one here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.identity import factors, passkeys, passwords
from school_protocol.services.identity.administering import OWN, end_access, write_down
from school_protocol.services.identity.factors import Factors
from school_protocol.services.identity.invitations import check_new
from school_protocol.services.identity.passkeys import Site
from school_protocol.services.identity.signing_in import AGENT_MOST, NOBODY, Visitor, must_prove, remember
from school_protocol.storage import administration, directory, proving
from school_protocol.storage import sign_in as browser
from school_protocol.storage.administration import Kind
from school_protocol.storage.engines import Session


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One place where somebody is signed in. `agent`: the browser's own words."""

    handle: str
    agent: str
    created_at: datetime
    last_seen_at: datetime
    is_here: bool


@dataclass(frozen=True, slots=True)
class AccountView:
    """A person's own page. `can_change`: they hold, or held, a place; without one nothing can be written down."""

    username: str
    has_password: bool
    factors: Factors
    sessions: tuple[SessionLine, ...]
    can_change: bool


@dataclass(frozen=True, slots=True)
class Renewed:
    """A new session's token in the place of all before; `recovery`: codes to be shown once."""

    token: str = field(repr=False)
    recovery: tuple[str, ...] = field(default=(), repr=False)


def see_account(house: House, actor: Actor, token: str) -> AccountView:
    """Password, second factors and sessions of whoever asks; `token` is the session that they ask in."""
    here = browser.handle_of(token)
    with house.directory.reading() as session:
        account = directory.account(session, actor.id)
        if account is None:
            raise Unseen(actor.id)
        found = browser.web_sessions(session, actor.id, now=house.now())
        return AccountView(
            username=account.username,
            has_password=account.password_hash is not None,
            factors=factors.factors_of(session, house, actor.id),
            sessions=tuple(
                SessionLine(one.handle, one.user_agent, one.created_at, one.last_seen_at, one.handle == here)
                for one in found
            ),
            can_change=administration.latest_appointment(session, actor.id) is not None,
        )


# ---- sessions --------------------------------------------------------------------------------------------------------


def end_session(house: House, actor: Actor, handle: str) -> bool:
    """End one of one's own sessions; whether there was one."""
    with house.directory.writing() as session:
        return browser.close_handled(session, actor.id, handle)


def end_everywhere(house: House, actor: Actor) -> None:
    """Signed out everywhere; browsers that were known are strangers again, and the calendar's address leads nowhere."""
    with house.directory.writing() as session:
        browser.close_web_sessions(session, actor.id)
        end_access(session, house, actor.id, actor.id)
        proving.forget_browsers(session, actor.id)


# ---- what one proves oneself with ------------------------------------------------------------------------------------


def change_password(house: House, actor: Actor, old: str, new: str, visitor: Visitor = NOBODY) -> Renewed:
    """Another password; of the browsers that were known, this one stays.

    Raises BadInput where the old one is wrong or the new one is too weak.
    """
    must_prove(house, actor.id, old)
    with house.directory.reading() as session:
        check_new(session, house, actor.id, new)
    if old == new:
        raise BadInput({"new_password": ("same_as_before",)})
    hashed = passwords.hash_password(new)

    def change(session: Session) -> tuple[str, ...]:
        directory.set_password(session, actor.id, hashed)
        proving.drop_codes(session, actor.id, "password")
        proving.forget_browsers(session, actor.id)
        remember(session, house, actor.id, visitor)
        end_access(session, house, actor.id, actor.id)
        write_down(session, house, actor.id, actor.id, Kind.password_changed, OWN)
        return ()

    return _renewed(house, actor, visitor, change)


def set_up_codes(
    house: House, actor: Actor, password: str, seed: str, typed: str, visitor: Visitor = NOBODY
) -> Renewed:
    """A phone, in the place of the one before. Raises BadInput for a wrong password or code."""
    must_prove(house, actor.id, password)

    def change(session: Session) -> tuple[str, ...]:
        codes = factors.set_up_codes(session, house, actor.id, seed, typed)
        if codes is None:
            raise BadInput({"code": ("wrong_code",)})
        return codes

    return _renewed(house, actor, visitor, change)


def drop_codes(house: House, actor: Actor, password: str, visitor: Visitor = NOBODY) -> Renewed:
    """Without the phone's codes. Raises BadInput for a wrong password, IdentityRefused for the last factor."""
    must_prove(house, actor.id, password)

    def change(session: Session) -> tuple[str, ...]:
        factors.drop_codes(session, house, actor.id)
        return ()

    return _renewed(house, actor, visitor, change)


def new_recovery(house: House, actor: Actor, password: str, visitor: Visitor = NOBODY) -> Renewed:
    """Ten recovery codes in the place of those before. Raises BadInput for a wrong password."""
    must_prove(house, actor.id, password)
    return _renewed(house, actor, visitor, lambda session: factors.new_recovery(session, house, actor.id))


def ask_to_add_passkey(house: House, actor: Actor, password: str, site: Site) -> str:
    """What the browser is asked for a new passkey, as JSON. Raises BadInput for a wrong password, IdentityRefused."""
    must_prove(house, actor.id, password)
    return passkeys.ask_to_add(house, actor.id, site)


def add_passkey(
    house: House, actor: Actor, site: Site, answer: Mapping[str, Any], name: str, visitor: Visitor = NOBODY
) -> Renewed:
    """Keep a passkey; its challenge was given for the password. Raises BadInput where the answer does not hold."""

    def change(session: Session) -> tuple[str, ...]:
        codes = passkeys.add(session, house, actor.id, site, answer, name)
        if codes is None:
            raise BadInput({"passkey": ("wrong_passkey",)})
        return codes

    return _renewed(house, actor, visitor, change)


def drop_passkey(house: House, actor: Actor, password: str, passkey_id: str, visitor: Visitor = NOBODY) -> Renewed:
    """Without that passkey. Raises BadInput for a wrong password, IdentityRefused where a role asks for a factor."""
    must_prove(house, actor.id, password)

    def change(session: Session) -> tuple[str, ...]:
        passkeys.drop(session, house, actor.id, passkey_id)
        return ()

    return _renewed(house, actor, visitor, change)


def _renewed(house: House, actor: Actor, visitor: Visitor, change: Callable[[Session], tuple[str, ...]]) -> Renewed:
    with house.directory.writing() as session:
        recovery = change(session)
        browser.close_web_sessions(session, actor.id)
        token = browser.open_web_session(session, actor.id, now=house.now(), user_agent=visitor.agent[:AGENT_MOST])
    return Renewed(token, recovery)
