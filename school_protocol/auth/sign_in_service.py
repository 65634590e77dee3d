"""Service of signing in: password, passkey and second step; sessions begun, recognised and ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from school_protocol.auth import passkeys, passwords, repository, second_factor, service, sign_in_repository
from school_protocol.auth.passkeys import Site
from school_protocol.auth.repository import Account
from school_protocol.auth.service import hashed
from school_protocol.auth.sign_in_repository import Stage, WebSession
from school_protocol.context import AppContext
from school_protocol.engine.errors import BadInput
from school_protocol.engine.visibility import Actor
from school_protocol.language import ZONE
from school_protocol.storage.engines import Session
from school_protocol.storage.store_errors import StorageBusy

# ---- coming in: the password, then what is still awaited; or a passkey, which is both ------------------------------
# A session that awaits something opens no page but that step's. Each step gives a new token and ends the one before.

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


def sign_in(ctx: AppContext, username: str, password: str, visitor: Visitor = NOBODY) -> str | None:
    """A new session's token, or None where name and password don't go together. Raises TooManyTries.

    The session may still await a second factor (`pending`): it opens nothing else before.
    """
    subject = repository.plain_username(username)[:80]
    with service.slowed(PASSWORD, visitor.address), ctx.directory.writing() as session:
        account = repository.account_named(session, username)
        known = _known(session, ctx, visitor, account.id if account else "")
        attempt = service.note(session, ctx, PASSWORD, subject, address=visitor.address, known=known)
    is_right = passwords.matches(account.password_hash if account else None, password)
    if not is_right or account is None or not account.active:
        service.wrong(account.id if account else None, PASSWORD, visitor.address)
        return None
    with ctx.directory.writing(together=True) as session:
        service.forgive(session, attempt)
        token = begin_session(session, ctx, account.id, visitor)
    service.right(account.id, PASSWORD, visitor.address)
    return token


def begin_session(
    session: Session, ctx: AppContext, account: str, visitor: Visitor = NOBODY, *, factor_proven: bool = False
) -> str:
    """A new session for whoever has proven to be this account so far; it may still await the second factor.

    `factor_proven`: somebody else (a ministry's provider) vouches for a second factor.
    """
    stage = Stage.full if factor_proven else _awaited(session, ctx, account)
    if stage is Stage.full:
        remember(session, ctx, account, visitor)
    return open_web_session(session, ctx, account, visitor, stage)


def open_web_session(
    session: Session, ctx: AppContext, account: str, visitor: Visitor, stage: Stage = Stage.full
) -> str:
    """The token of a new session, as long as the settings say."""
    return sign_in_repository.open_web_session(
        session, account, now=ctx.now(), user_agent=visitor.agent[:AGENT_MOST], stage=stage,
        lifetime=ctx.settings.session_lifetime,
    )  # fmt: skip


def web_session(session: Session, ctx: AppContext, token: str) -> WebSession | None:
    """The session of a token that is neither over nor idle for as long as the settings say."""
    return sign_in_repository.web_session(session, token, now=ctx.now(), idle=ctx.settings.session_idle)


def _awaited(session: Session, ctx: AppContext, account: str) -> Stage:
    found = second_factor.factors_of(session, ctx, account)
    if found.has_any:
        return Stage.factor
    return Stage.enrol if found.is_required else Stage.full


# ---- the second step -------------------------------------------------------------------------------------------------


def pending(ctx: AppContext, token: str) -> Pending | None:
    """Who has come half way with this token; None for nobody, and for whoever is all the way in."""
    with ctx.directory.reading() as session:
        found = web_session(session, ctx, token)
        account = repository.account(session, found.account) if found and found.stage is not Stage.full else None
    if found is None or account is None:
        return None
    return Pending(account.id, account.username, account.language, found.stage)


def prove_factor(ctx: AppContext, token: str, typed: str, visitor: Visitor = NOBODY) -> str | None:
    """A code of the phone, or a recovery code: a whole session's token. None for a wrong one. Raises TooManyTries."""
    found = pending(ctx, token)
    if found is None or found.stage is not Stage.factor:
        return None
    with service.slowed(service.CODE, visitor.address), ctx.directory.writing() as session:
        known = _known(session, ctx, visitor, found.account)
        attempt = service.note(session, ctx, service.CODE, found.account, address=visitor.address, known=known)
    with ctx.directory.writing(together=True) as session:
        if not second_factor.accept(session, ctx, found.account, typed):
            service.wrong(found.account, service.CODE, visitor.address)
            return None
        service.forgive(session, attempt)
        whole = _all_the_way(session, ctx, found.account, token, visitor)
    service.right(found.account, service.CODE, visitor.address)
    return whole


def enrol(
    ctx: AppContext, token: str, seed: str, typed: str, visitor: Visitor = NOBODY
) -> tuple[str, tuple[str, ...]] | None:
    """Set the phone up that a role asks for: a whole session's token and the recovery codes. None for a wrong code."""
    return _enrolled(
        ctx, token, visitor, lambda session, who: second_factor.set_up_codes(session, ctx, who, seed, typed)
    )


def enrol_passkey(
    ctx: AppContext, token: str, site: Site, answer: Mapping[str, Any], name: str, visitor: Visitor = NOBODY
) -> tuple[str, tuple[str, ...]] | None:
    """The same with a passkey."""
    return _enrolled(ctx, token, visitor, lambda session, who: passkeys.add(session, ctx, who, site, answer, name))


def _enrolled(
    ctx: AppContext, token: str, visitor: Visitor, set_up: Callable[[Session, str], tuple[str, ...] | None]
) -> tuple[str, tuple[str, ...]] | None:
    found = pending(ctx, token)
    if found is None or found.stage is not Stage.enrol:
        return None
    with ctx.directory.writing(together=True) as session:
        codes = set_up(session, found.account)
        if codes is None:
            service.wrong(found.account, ENROLLED, visitor.address)
            return None
        sign_in_repository.close_web_sessions(session, found.account)
        whole = _all_the_way(session, ctx, found.account, token, visitor)
    service.right(found.account, ENROLLED, visitor.address)
    return whole, codes


def sign_in_by_passkey(ctx: AppContext, site: Site, answer: Mapping[str, Any], visitor: Visitor = NOBODY) -> str | None:
    """A whole session's token for the holder of a passkey; None for an answer that does not hold. Never slowed down."""
    with ctx.directory.writing(together=True) as session:
        account = passkeys.holder_of(session, ctx, site, answer)
        if account is None:
            service.wrong(None, PASSKEY, visitor.address)
            return None
        remember(session, ctx, account, visitor)
        token = open_web_session(session, ctx, account, visitor)
    service.right(account, PASSKEY, visitor.address)
    return token


def _all_the_way(session: Session, ctx: AppContext, account: str, token: str, visitor: Visitor) -> str:
    sign_in_repository.close_web_session(session, token)
    remember(session, ctx, account, visitor)
    return open_web_session(session, ctx, account, visitor)


# ---- the browser -----------------------------------------------------------------------------------------------------


def _mark(ctx: AppContext, visitor: Visitor) -> bytes:
    return hashed(ctx, "browser", visitor.mark)


def _known(session: Session, ctx: AppContext, visitor: Visitor, account: str) -> str:
    """What a known browser's tries are counted by; empty for one in which this person never signed in."""
    mark = _mark(ctx, visitor)
    is_known = sign_in_repository.is_known_browser(session, mark, account, now=ctx.now()) and bool(visitor.mark)
    return mark.hex() if is_known else ""


def remember(session: Session, ctx: AppContext, account: str, visitor: Visitor) -> None:
    """This person has signed in, all the way, in that browser."""
    if visitor.mark:
        until = ctx.now() + KNOWN_FOR
        sign_in_repository.keep_browser(session, _mark(ctx, visitor), account, until=until)


# ---- proving again ---------------------------------------------------------------------------------------------------


def is_password_of(ctx: AppContext, account_id: str, password: str) -> bool:
    """Whether the password is this person's. Raises TooManyTries after ten wrong ones in a quarter of an hour."""
    subject = f"again|{account_id}"
    with service.slowed(AGAIN), ctx.directory.writing() as session:
        service.stop_guessing(session, ctx, subject, service.KNOWN_FREE, service.WINDOW)
        attempt = sign_in_repository.note_attempt(session, subject, at=ctx.now())
        account = repository.account(session, account_id)
    if not passwords.matches(account.password_hash if account else None, password):
        service.wrong(account_id, AGAIN)
        return False
    with ctx.directory.writing(together=True) as session:
        sign_in_repository.take_back_attempt(session, attempt)
    service.right(account_id, AGAIN)
    return True


def must_prove(ctx: AppContext, account_id: str, password: str) -> None:
    """Raise BadInput where the password is not this person's, or is not read now as too many were wrong."""
    try:
        is_theirs = is_password_of(ctx, account_id, password)
    except service.TooManyTries as error:
        raise BadInput({"password": (f"too_many_tries:{error.seconds}",)}) from None
    if not is_theirs:
        raise BadInput({"password": ("wrong_password",)})


_log = logging.getLogger(__name__)


def recognise(ctx: AppContext, token: str) -> Actor | None:
    """Who holds this session's token now; None where it is idle, over, unknown, or awaits a second factor."""
    with ctx.directory.reading() as session:
        found = web_session(session, ctx, token)
        is_whole = found is not None and found.stage is Stage.full
        actor = actor_of(ctx, found.account, session) if found and is_whole else None
    if found is not None and actor is not None and sign_in_repository.is_worth_touching(found, ctx.now()):
        _touch(ctx, token)
    return actor


def _touch(ctx: AppContext, token: str) -> None:
    """Write down that the session was seen; left to the next page where a long list, say, holds the directory."""
    try:
        with ctx.directory.writing_if_free() as session:
            sign_in_repository.touch_web_session(session, token, now=ctx.now())
    except StorageBusy:
        _log.info("a session was seen, and that could not be written down: the directory is busy")


def actor_of(ctx: AppContext, account: str, session: Session) -> Actor | None:
    """The account as one who acts today."""
    today = ctx.now().astimezone(ZONE).date()
    return repository.actor(session, account, realm=ctx.name, today=today)


def actors_of(ctx: AppContext, accounts: Mapping[str, Account], session: Session) -> tuple[Actor, ...]:
    """Several accounts, by their id, as those who act today; without those that are no longer active."""
    today = ctx.now().astimezone(ZONE).date()
    return repository.actors(session, accounts, realm=ctx.name, today=today)


def actor_named(ctx: AppContext, username: str) -> Actor | None:
    """The account with that username as one who acts today: for the command line."""
    with ctx.directory.reading() as session:
        account = repository.account_named(session, username)
        return actor_of(ctx, account.id, session) if account else None


def account_behind(ctx: AppContext, token: str) -> str | None:
    """The account of a session that has run out: so that what was typed can be kept for its owner."""
    with ctx.directory.reading() as session:
        return sign_in_repository.account_behind(session, token)


def sign_out(ctx: AppContext, token: str) -> None:
    """The token is worth nothing from now on."""
    with ctx.directory.writing(together=True) as session:
        sign_in_repository.close_web_session(session, token)


def choose_language(ctx: AppContext, actor: Actor, language: str) -> None:
    """Keep the language that this person reads."""
    with ctx.directory.writing(together=True) as session:
        repository.set_language(session, actor.id, language)
