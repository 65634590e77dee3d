"""Signing in through a ministry's provider (OpenID Connect): a code and its proof, a token that is checked, a link.

No account is made by it: whoever has none here stays outside, and our own second factor is asked unless the provider
vouches for one.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from school_protocol.auth import repository, service, sign_in_repository
from school_protocol.auth.second_factor import factors_of
from school_protocol.auth.service import OWN, write_account_change
from school_protocol.auth.sign_in_repository import Stage
from school_protocol.auth.sign_in_service import NOBODY, Visitor, begin_session, web_session
from school_protocol.config import OpenId
from school_protocol.context import AppContext
from school_protocol.engine.errors import SchoolProtocolError, Unseen
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.engines import Session

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session
    from joserfc.jwk import KeySet

PROVIDER = "provider"
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures with a key pair alone: none at all, or one by the shared secret, is refused."""
PATIENCE = 6.0
"""Seconds until a provider that says nothing is taken for down."""
LEEWAY = 60
"""Seconds by which two clocks may differ."""
GOOD_FOR = timedelta(minutes=10)
"""How long somebody may take at the provider's page."""
FRESH = timedelta(hours=1)
"""What a provider says of itself is asked again after so long."""
MOST = 512 * 1024
_log = logging.getLogger(__name__)


class OpenIdRefused(SchoolProtocolError):
    """Nobody comes in this way now; `code` says why.

    down, denied, too_old, unreadable, unknown, prove_first, other, closed.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Started:
    """What the browser carries from its departure to its return: the marks of this one attempt."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    at: datetime


# ---- the provider --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider says of itself, and its public keys."""

    authorization: str
    token: str
    keys: KeySet
    at: datetime


_known: dict[str, Provider] = {}
_lock = Lock()


def _provider(settings: OpenId, now: datetime, *, anew: bool = False) -> Provider:
    """The provider, asked once an hour; `anew`: a key was not among those known. Raises OpenIdRefused."""
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    with _lock:
        found = _known.get(settings.issuer)
        if found is not None and not anew and abs(now - found.at) < FRESH:
            return found
        said = _get(f"{settings.issuer}/.well-known/openid-configuration")
        if str(said.get("issuer", "")).rstrip("/") != settings.issuer:
            raise OpenIdRefused("unreadable")
        places = [_endpoint(settings, said, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        try:
            keys = KeySet.import_key_set(_get(places[2]))  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError):
            raise OpenIdRefused("unreadable") from None
        _known[settings.issuer] = Provider(places[0], places[1], keys, now)
        return _known[settings.issuer]


def _endpoint(settings: OpenId, said: Mapping[str, Any], name: str) -> str:
    """An address of the provider: as well kept as the issuer's own."""
    address = str(said.get(name, ""))
    if urlsplit(address).scheme not in ("https", urlsplit(settings.issuer).scheme) or not urlsplit(address).hostname:
        raise OpenIdRefused("unreadable")
    return address


def _get(address: str) -> dict[str, Any]:
    import requests

    try:
        with requests.get(address, timeout=PATIENCE, allow_redirects=False, stream=True) as answer:
            answer.raise_for_status()
            body = answer.raw.read(MOST + 1, decode_content=True)
        if answer.status_code != 200 or len(body) > MOST:
            raise OpenIdRefused("unreadable")
        found = json.loads(body)
    except (requests.RequestException, OSError) as error:
        _log.warning("the provider of identities can't be asked: %s", type(error).__name__)
        raise OpenIdRefused("down") from None
    except ValueError:
        raise OpenIdRefused("unreadable") from None
    if not isinstance(found, dict):
        raise OpenIdRefused("unreadable")
    return found


def _client(settings: OpenId, back: str) -> OAuth2Session:
    from authlib.integrations.requests_client import OAuth2Session

    scope = "openid email" if settings.claim.startswith("email") else "openid profile"
    method = "client_secret_basic" if settings.secret else "none"
    return OAuth2Session(
        settings.client, settings.secret or None, scope=scope, redirect_uri=back, code_challenge_method="S256",
        token_endpoint_auth_method=method,
    )  # fmt: skip


# ---- there and back ------------------------------------------------------------------------------------------------


def start(ctx: AppContext, back: str) -> tuple[str, Started]:
    """Where the browser goes, and what it carries until it is `back`. Raises OpenIdRefused."""
    settings = _settings(ctx)
    provider = _provider(settings, ctx.now())
    started = Started(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), ctx.now())
    address, _state = _client(settings, back).create_authorization_url(
        provider.authorization, state=started.state, nonce=started.nonce, code_verifier=started.verifier
    )
    return str(address), started


def finish(
    ctx: AppContext,
    back: str,
    started: Started | None,
    answer: Mapping[str, str],
    visitor: Visitor = NOBODY,
    *,
    token_here: str = "",
) -> str:
    """A new session's token for whom the provider vouches for; it may await our second factor. Raises OpenIdRefused.

    `token_here`: the session in which the browser came; an account with a second factor is first linked from its own.
    """
    settings = _settings(ctx)
    if started is None or not timedelta() <= ctx.now() - started.at <= GOOD_FOR:
        raise OpenIdRefused("too_old")
    if not hmac.compare_digest(started.state.encode(), answer.get("state", "").encode("utf-8", "replace")):
        raise OpenIdRefused("too_old")
    if answer.get("error") or not answer.get("code"):
        raise OpenIdRefused("denied")
    if answer.get("iss") and answer["iss"].rstrip("/") != settings.issuer:
        raise OpenIdRefused("unreadable")
    token = _exchange(settings, _provider(settings, ctx.now()), back, started, answer["code"][:2000])
    claims = _checked(settings, ctx.now(), token, started.nonce)
    with ctx.directory.writing() as session:
        here = web_session(session, ctx, token_here) if token_here else None
        own = here.account if here is not None and here.stage is Stage.full else ""
        account = _account(session, ctx, settings, claims, own)
        if own == account:
            sign_in_repository.close_web_session(session, token_here)
        is_proven = own == account or _has_factor(settings, claims)
        begun = begin_session(session, ctx, account, visitor, factor_proven=is_proven)
    service.right(account, PROVIDER, visitor.address)
    return begun


def _settings(ctx: AppContext) -> OpenId:
    if ctx.settings.openid is None:
        raise OpenIdRefused("unknown")
    return ctx.settings.openid


def _exchange(settings: OpenId, provider: Provider, back: str, started: Started, code: str) -> str:
    """The ID token for a code; a code that was used before gets none."""
    import requests
    from authlib.common.errors import AuthlibBaseError

    try:
        found = _client(settings, back).fetch_token(
            provider.token, code=code, code_verifier=started.verifier, timeout=PATIENCE, allow_redirects=False
        )
    except AuthlibBaseError:
        raise OpenIdRefused("denied") from None
    except requests.JSONDecodeError:
        raise OpenIdRefused("unreadable") from None
    except (requests.RequestException, OSError):
        raise OpenIdRefused("down") from None
    except ValueError:
        raise OpenIdRefused("unreadable") from None
    token = found.get("id_token") if isinstance(found, Mapping) else None
    if not isinstance(token, str) or len(token) > MOST:
        raise OpenIdRefused("unreadable")
    return token


def _checked(settings: OpenId, now: datetime, token: str, nonce: str) -> dict[str, Any]:
    """The claims of a token that the provider signed for this site, now, for this very attempt."""
    from joserfc import jwt
    from joserfc.errors import JoseError

    try:
        try:
            found = jwt.decode(token, _provider(settings, now).keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):  # the provider may have turned to another key
            found = jwt.decode(token, _provider(settings, now, anew=True).keys, algorithms=ALGORITHMS)
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()), leeway=LEEWAY, iss={"essential": True}, sub={"essential": True},
            aud={"essential": True, "value": settings.client}, exp={"essential": True}, iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )  # fmt: skip
        claims = dict(found.claims)
        registry.validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        _log.warning("a token of the provider of identities does not hold: %s", type(error).__name__)
        raise OpenIdRefused("unreadable") from None
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if str(claims["iss"]).rstrip("/") != settings.issuer:
        raise OpenIdRefused("unreadable")
    if (several or "azp" in claims) and claims.get("azp") != settings.client:
        raise OpenIdRefused("unreadable")
    return claims


# ---- who that is here ----------------------------------------------------------------------------------------------


def _account(session: Session, ctx: AppContext, settings: OpenId, claims: Mapping[str, Any], own: str) -> str:
    """The account that is linked to this subject; or whose user name the claim says, which is linked from now on.

    One with a second factor, or a role that asks for it, is linked only where its owner is signed in (`own`): a name
    at the provider alone proves nothing.
    """
    subject = str(claims["sub"])[:255]
    known = sign_in_repository.account_known_as(session, settings.issuer, subject)
    account = repository.account(session, known) if known else _named(session, settings, claims)
    if account is None:
        raise OpenIdRefused("unknown")
    if not account.active:
        raise OpenIdRefused("closed")
    if known is None:
        if sign_in_repository.subject_of(session, settings.issuer, account.id) is not None:
            raise OpenIdRefused("other")
        found = factors_of(session, ctx, account.id)
        if (found.is_required or found.has_any) and own != account.id:
            raise OpenIdRefused("prove_first")
        sign_in_repository.link(session, settings.issuer, subject, account.id, at=ctx.now())
        try:
            write_account_change(session, ctx, account.id, account.id, Kind.account_known, OWN)
        except Unseen:  # nobody ever gave it a role
            raise OpenIdRefused("unknown") from None
    return account.id


def _named(session: Session, settings: OpenId, claims: Mapping[str, Any]) -> repository.Account | None:
    said = claims.get(settings.claim)
    if not isinstance(said, str) or not said.strip():
        return None
    if settings.claim == "email" and claims.get("email_verified") is not True:
        return None
    return repository.account_named(session, said)


def _has_factor(settings: OpenId, claims: Mapping[str, Any]) -> bool:
    """Whether the provider vouches for a second factor, as the settings understand it."""
    amr = claims.get("amr")
    said = {str(one) for one in amr} if isinstance(amr, list) else set()
    return bool(settings.factors & (said | {str(claims.get("acr", ""))}))
