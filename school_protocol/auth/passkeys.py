"""Passkeys: a key pair in somebody's phone or computer, bound to this site, opened by finger, face or PIN.

A passkey with user verification is two factors by itself. What a device sends is untrusted until `webauthn` says so.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from school_protocol.auth import repository, sign_in_repository
from school_protocol.auth.second_factor import factors_of, new_recovery
from school_protocol.auth.service import OWN, IdentityRefused, write_account_change
from school_protocol.context import AppContext
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.engines import Session

RP_NAME = "School protocol"
ANSWER_WITHIN = timedelta(minutes=5)
MOST = 10
"""Passkeys of one person."""
NAME_MOST = 60
ANSWER_MOST = 16 * 1024
_RANDOM = 24
ADD, ENTER = "add", "enter"
_MALFORMED = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Site:
    """What a passkey is bound to: the host's name, and the origin that a browser says."""

    host: str
    origin: str


def site_of(address: str) -> Site:
    """The site at that address (`https://desk.example/…`)."""
    parts = urlsplit(address)
    return Site(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")


# ---- added -----------------------------------------------------------------------------------------------------------


def ask_to_add(ctx: AppContext, account_id: str, site: Site) -> str:
    """What `navigator.credentials.create` is given, as JSON. Raises IdentityRefused where there are too many."""
    with ctx.directory.reading() as session:
        account = repository.account(session, account_id)
        held = sign_in_repository.passkeys(session, account_id)
    if account is None or len(held) >= MOST:
        raise IdentityRefused("too_many_passkeys")
    from webauthn import base64url_to_bytes, generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=site.host,
        rp_name=RP_NAME,
        user_name=account.username,
        user_id=account.id.encode(),
        user_display_name=account.name(account.language),
        challenge=_draw(ctx, f"{ADD}|{account_id}"),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.id)) for one in held],
    )
    return options_to_json(options)


def add(
    session: Session, ctx: AppContext, account: str, site: Site, answer: Mapping[str, Any], name: str
) -> tuple[str, ...] | None:
    """Keep the passkey that a device answers with. None: the answer does not hold; else recovery codes, if first ones.

    Whoever has no recovery codes yet gets ten, to be shown once.
    """
    from webauthn import verify_registration_response
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.exceptions import WebAuthnException

    challenge = _challenge_of(answer)
    if (
        not _is_ours(session, ctx, challenge, f"{ADD}|{account}")
        or len(sign_in_repository.passkeys(session, account)) >= MOST
    ):
        return None
    try:
        found = verify_registration_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, *_MALFORMED):
        return None
    passkey_id = bytes_to_base64url(found.credential_id)
    if len(passkey_id) > 1400 or sign_in_repository.passkey(session, passkey_id) is not None:
        return None
    shown = " ".join("".join(one if one.isprintable() else " " for one in name).split())
    sign_in_repository.keep_passkey(
        session, passkey_id, account, found.credential_public_key, sign_count=found.sign_count,
        name=shown[:NAME_MOST], at=ctx.now(),
    )  # fmt: skip
    write_account_change(session, ctx, account, account, Kind.passkey_added, OWN)
    return () if sign_in_repository.recovery_left(session, account) else new_recovery(session, ctx, account)


def drop(session: Session, ctx: AppContext, account: str, passkey_id: str) -> None:
    """Take a passkey away; refused where it is the last factor of somebody who must have one."""
    found = factors_of(session, ctx, account)
    if passkey_id not in {one.id for one in found.passkeys}:
        raise IdentityRefused("no_such_factor")
    if found.is_required and len(found.passkeys) == 1 and not found.has_code:
        raise IdentityRefused("last_factor")
    sign_in_repository.drop_passkey(session, account, passkey_id)
    if len(found.passkeys) == 1 and not found.has_code:
        sign_in_repository.drop_recovery(session, account)
    write_account_change(session, ctx, account, account, Kind.passkey_removed, OWN)


# ---- used ------------------------------------------------------------------------------------------------------------


def ask_to_enter(ctx: AppContext, site: Site) -> str:
    """What `navigator.credentials.get` is given, as JSON: for whoever holds a passkey of this site, unnamed."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    return options_to_json(
        generate_authentication_options(
            rp_id=site.host, challenge=_draw(ctx, ENTER), user_verification=UserVerificationRequirement.REQUIRED
        )
    )


def holder_of(session: Session, ctx: AppContext, site: Site, answer: Mapping[str, Any]) -> str | None:
    """The active account whose passkey signed this answer; None for any other answer. The challenge is used up."""
    from webauthn import base64url_to_bytes, verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    challenge = _challenge_of(answer)
    if not _is_ours(session, ctx, challenge, ENTER):
        return None
    named = answer.get("id")
    kept = sign_in_repository.passkey(session, named) if isinstance(named, str) and len(named) <= 1400 else None
    if kept is None:
        return None
    try:
        found = verify_authentication_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=kept.public_key,
            credential_current_sign_count=kept.sign_count,
            require_user_verification=True,
        )
        handle = answer.get("response", {}).get("userHandle")
        is_theirs = not handle or base64url_to_bytes(handle) == kept.account.encode()
    except (WebAuthnException, *_MALFORMED):
        return None
    account = repository.account(session, kept.account)
    if not is_theirs or account is None or not account.active:
        return None
    sign_in_repository.use_passkey(session, kept.id, found.new_sign_count, at=ctx.now())
    return kept.account


# ---- challenges: nothing is kept for a page that is only looked at ---------------------------------------------------


def _draw(ctx: AppContext, purpose: str) -> bytes:
    """A challenge of ours: random, with its moment, and our mark on both for one purpose."""
    drawn = secrets.token_bytes(_RANDOM) + struct.pack(">Q", int(ctx.now().timestamp()))
    return drawn + _mark(ctx, purpose, drawn)


def _mark(ctx: AppContext, purpose: str, drawn: bytes) -> bytes:
    return ctx.vault.chain("passkey-challenge-v1", purpose.encode() + b"\0" + drawn)


def _challenge_of(answer: Mapping[str, Any]) -> bytes:
    """The challenge that an answer says it signed; empty where it says none."""
    from webauthn import base64url_to_bytes
    from webauthn.helpers import parse_client_data_json
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        return bytes(parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"])).challenge)
    except (WebAuthnException, *_MALFORMED, RecursionError):
        return b""


def _is_ours(session: Session, ctx: AppContext, challenge: bytes, purpose: str) -> bool:
    """Whether this challenge was drawn here for that purpose, lately, and was not answered before; now it is."""
    drawn, mark = challenge[: _RANDOM + 8], challenge[_RANDOM + 8 :]
    if len(drawn) != _RANDOM + 8 or not hmac.compare_digest(mark, _mark(ctx, purpose, drawn)):
        return False
    age = ctx.now().timestamp() - struct.unpack(">Q", drawn[_RANDOM:])[0]
    if not -1 <= age < ANSWER_WITHIN.total_seconds():
        return False
    sign_in_repository.drop_over(session, ctx.now())
    until = ctx.now() + 2 * ANSWER_WITHIN
    return sign_in_repository.use_challenge(session, hashlib.sha256(challenge).digest(), until=until)


def handle_of(passkey_id: str) -> str:
    """What names a passkey in an address."""
    return hashlib.sha256(passkey_id.encode()).hexdigest()[:16]
