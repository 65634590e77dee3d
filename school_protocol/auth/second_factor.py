"""The second factor: codes that a phone shows (TOTP), and ten recovery codes for the day when it is lost."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pyotp

from school_protocol.auth import passwords, repository, sign_in_repository
from school_protocol.auth.models import PasskeyRow
from school_protocol.auth.service import OWN, IdentityRefused, draw_letters, hashed, plain_code, write_account_change
from school_protocol.context import AppContext, declared, today_for
from school_protocol.engine.visibility import Actor
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.engines import Session

ISSUER = "School protocol"
STEP = 30
WINDOW = 1
"""So many steps before and after now are taken: clocks differ."""
RECOVERY = 10
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Factors:
    """What somebody has beside the password. `is_required`: a role asks for it."""

    has_code: bool
    passkeys: tuple[PasskeyRow, ...]
    recovery_left: int
    is_required: bool

    @property
    def has_any(self) -> bool:
        return self.has_code or bool(self.passkeys)


def factors_of(session: Session, ctx: AppContext, account: str) -> Factors:
    """The second factors of an account, and whether it must have one."""
    return Factors(
        has_code=sign_in_repository.has_seed(session, account),
        passkeys=sign_in_repository.passkeys(session, account),
        recovery_left=sign_in_repository.recovery_left(session, account),
        is_required=is_required(session, ctx, account),
    )


def see_factors(ctx: AppContext, actor: Actor) -> Factors:
    with ctx.directory.reading() as session:
        return factors_of(session, ctx, actor.id)


def is_required(session: Session, ctx: AppContext, account: str) -> bool:
    """Whether one of the roles that this person holds, or is about to hold, asks for a second factor."""
    posts = repository.posts_of(session, account, since=today_for(ctx))
    return asks_for_factor(ctx, (post.role for post in posts))


def end_if_unproven(session: Session, ctx: AppContext, account: str, role: str) -> None:
    """End the sessions of somebody who is given a role that asks for a second factor, and has none yet."""
    if asks_for_factor(ctx, [role]) and not factors_of(session, ctx, account).has_any:
        sign_in_repository.close_web_sessions(session, account)


def asks_for_factor(ctx: AppContext, roles: Iterable[str]) -> bool:
    asking = {key for key, (_protocol, role) in declared(ctx).items() if role.second_factor}
    return any(role in asking for role in roles)


# ---- a phone's codes -------------------------------------------------------------------------------------------------


def draw_seed() -> str:
    """A new seed, 160 bits in base32."""
    return pyotp.random_base32()


def address_of(seed: str, username: str) -> str:
    """What the QR code says to the phone."""
    return pyotp.TOTP(seed).provisioning_uri(name=username, issuer_name=ISSUER)


def code_at(seed: str, step: int) -> str:
    return pyotp.TOTP(seed).generate_otp(step)


def step_at(moment: datetime) -> int:
    """The number of the half minute."""
    return int(moment.timestamp()) // STEP


def step_of(seed: str, typed: str, now: datetime, after: int = -1) -> int | None:
    """The half minute, later than `after` and about now, in which the phone showed that code; None for no such one."""
    code = plain_code(typed)
    found = None
    for step in range(step_at(now) - WINDOW, step_at(now) + WINDOW + 1):
        if hmac.compare_digest(code_at(seed, step), code) and step > after:
            found = step
    return found


def set_up_codes(session: Session, ctx: AppContext, account: str, seed: str, typed: str) -> tuple[str, ...] | None:
    """Take a phone on once it shows a right code; returns the recovery codes, to be shown once. None: a wrong code.

    The phone before, if there was one, counts no more.
    """
    step = step_of(seed, typed, ctx.now())
    if step is None:
        return None
    sign_in_repository.keep_seed(session, ctx.vault, account, seed, step=step, at=ctx.now())
    write_account_change(session, ctx, account, account, Kind.code_factor_set, OWN)
    return new_recovery(session, ctx, account)


def drop_codes(session: Session, ctx: AppContext, account: str) -> None:
    """Take the phone off; refused where a role asks for a second factor and no passkey is there."""
    found = factors_of(session, ctx, account)
    if not found.has_code:
        raise IdentityRefused("no_such_factor")
    if found.is_required and not found.passkeys:
        raise IdentityRefused("last_factor")
    sign_in_repository.drop_seed(session, account)
    if not found.passkeys:
        sign_in_repository.drop_recovery(session, account)
    write_account_change(session, ctx, account, account, Kind.code_factor_removed, OWN)


# ---- recovery codes --------------------------------------------------------------------------------------------------


def new_recovery(session: Session, ctx: AppContext, account: str) -> tuple[str, ...]:
    """Ten recovery codes in the place of those before."""
    codes = tuple(draw_letters() for _code in range(RECOVERY))
    sign_in_repository.keep_recovery(session, account, [_slowly(ctx, account, code) for code in codes])
    write_account_change(session, ctx, account, account, Kind.recovery_codes_made, OWN)
    return codes


def _slowly(ctx: AppContext, account: str, typed: str) -> bytes:
    """What is kept of a recovery code: hashed as passwords are, under a salt of its owner's, then keyed."""
    salt = hashed(ctx, "recovery-salt", account)[:16]
    return hashed(ctx, "recovery-slow", account, passwords.stretched(plain_code(typed), salt).hex())


def _use_recovery(session: Session, ctx: AppContext, account: str, typed: str) -> bool:
    before = hashed(ctx, "recovery", account, plain_code(typed))  # what was kept of those made earlier
    kept = (_slowly(ctx, account, typed), before)
    return any(sign_in_repository.use_recovery(session, account, one, at=ctx.now()) for one in kept)


# ---- asked for -------------------------------------------------------------------------------------------------------


def accept(session: Session, ctx: AppContext, account: str, typed: str) -> bool:
    """Whether this is a code of the phone, or a recovery code, that was not used before; it is used from now on."""
    code = plain_code(typed)
    if len(code) == DIGITS and code.isdigit():
        return _accept_step(session, ctx, account, code)
    if not _use_recovery(session, ctx, account, typed):
        return False
    write_account_change(session, ctx, account, account, Kind.recovery_code_used, OWN)
    return True


def _accept_step(session: Session, ctx: AppContext, account: str, code: str) -> bool:
    seed = sign_in_repository.seed_of(session, ctx.vault, account)
    if seed is None:
        return False
    step = step_of(seed.secret, code, ctx.now(), after=seed.last_step)
    return step is not None and sign_in_repository.use_step(session, account, step)


def current_code(ctx: AppContext, account: str) -> tuple[str, int]:
    """A code that will be taken, for an account whose seed is here (the demo's); and in how many seconds it will be."""
    with ctx.directory.reading() as session:
        seed = sign_in_repository.seed_of(session, ctx.vault, account)
    if seed is None:
        raise IdentityRefused("no_such_factor")
    step = max(step_at(ctx.now()), seed.last_step + 1)
    early = (step - WINDOW) * STEP - ctx.now().timestamp()
    return code_at(seed.secret, step), max(0, int(early) + (early > int(early)))
