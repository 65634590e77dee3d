"""Who is in front of us. The cookie holds the token of a session that the installation keeps, and nothing else.

Beside it a second, signed cookie (Flask's own session) carries what a browser needs before anybody signs in: the form
token and messages for the next page. For somebody signed in the form token is derived from the session's token.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from flask import Flask, Request, Response, current_app, g, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin, current_user
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

from school_protocol.context import AppContext
from school_protocol.engine.visibility import Actor
from school_protocol.storage.store_errors import StorageBusy

TOKEN_MOST = 200
OWNER = "shown_to"
BROWSER_DAYS = timedelta(days=365)
KNOWN_BY = "known_by"
"""Where a request keeps the token by which it is known, where that is no cookie."""
SEED_SECONDS = 900
CLEAR = '"cache", "storage"'
"""What a browser forgets of this site; not the cookies that say language and browser."""
_SIGNING = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
ACCOUNTS = "accounts"
"""Where an application keeps what knows whose a session is, handed in by whoever makes it."""
RECOGNISE = "recognise"
"""Where an application keeps its own way to know whoever holds the token: a workshop's seats are no sessions."""
SCOPE = "cookies_of"
"""Where an application keeps how it is said what its cookies are called after, beside others' here."""
ADMIT = "admit"
"""Where an application keeps what it asks of a request besides, before whoever sent it is looked at."""
CONTEXT_KEY = "ctx"
"""Where a request keeps an installation of its own."""
STRANGERS = frozenset({"signalement", "watch", "well_known"})
"""Parts of the site that know nobody: no cookie is read there, and none is set."""
_UNKNOWN = "nobody_could_be_asked"
login_manager = LoginManager()


class Visits(SecureCookieSessionInterface):
    """Flask's own session, signed as everything else here."""

    digest_method = staticmethod(hashlib.sha256)

    def get_cookie_name(self, app: Flask) -> str:
        return cookie_name("visit")

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """What anybody may keep depends on no cookie, and sets none; nor does a page for strangers."""
        if not response.cache_control.public and not knows_nobody():
            super().save_session(app, session, response)


class SignedIn(UserMixin):  # type: ignore[misc]
    """Flask-Login's idea of a user, around the engine's actor."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def get_id(self) -> str:
        return self.actor.id


def init_app(app: Flask) -> None:
    app.config.update(
        SESSION_COOKIE_SECURE=context_of(app).settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.session_interface = Visits()
    login_manager.session_protection = None
    login_manager.init_app(app, add_context_processor=False)


@login_manager.request_loader  # type: ignore[untyped-decorator]
def _load(_request: Request) -> SignedIn | None:
    token = token_of_request()
    if not token or g.get(_UNKNOWN) or knows_nobody():
        return None
    try:
        recognise = current_app.extensions.get(RECOGNISE)
        actor = recognise() if recognise else current_app.extensions[ACCOUNTS].recognise(ctx(), token)
    except StorageBusy:
        setattr(g, _UNKNOWN, True)  # the page that says so waits no second time
        raise
    return SignedIn(actor) if actor is not None else None


def knows_nobody() -> bool:
    """Whether this request is for a page that knows nobody, whoever may be signed in."""
    return request.blueprint in STRANGERS


def context_of(app: Flask) -> AppContext:
    return cast(AppContext, app.extensions["ctx"])


def ctx() -> AppContext:
    """The installation that this application serves, as whoever asks may see it.

    A page of a workshop's room is made at one moment of its clock.
    """
    found: AppContext = g.get(CONTEXT_KEY) or context_of(current_app)
    if not found.realm.is_walled:
        return found
    token = g.get(KNOWN_BY) or ("" if knows_nobody() else token_of_request())
    return replace(found, realm=found.realm.seen_by(token))


def ring() -> None:
    """Call whoever delivers messages: one of them can't wait for its minute."""
    current_app.extensions["ring"]()


def find_actor() -> Actor | None:
    """Whoever is signed in, asked of the installation once a request."""
    found = current_user._get_current_object()
    return found.actor if isinstance(found, SignedIn) else None


def browser_mark() -> str:
    """The mark of this browser; one that has none yet is given one as it gets a session."""
    if "browser_mark" not in g:
        mark = request.cookies.get(cookie_name("browser"), "")
        g.browser_mark = mark if 32 <= len(mark) <= TOKEN_MOST else secrets.token_urlsafe(32)
    return str(g.browser_mark)


def actor() -> Actor:
    """Whoever is signed in. For routes behind the guard, which lets nobody else through."""
    found = find_actor()
    assert found is not None, "the guard lets nobody through who is not signed in"
    return found


def find_account() -> str | None:
    """Whose session this is, or was until it ended."""
    found = find_actor()
    if found is not None:
        return found.id
    token = token_of_request()
    found = current_app.extensions[ACCOUNTS].account_behind(ctx(), token) if token else None
    return cast(str | None, found)


def cookie_name(what: str) -> str:
    """What a cookie of this application is called, in whichever of its rooms."""
    scope = current_app.extensions.get(SCOPE)
    secure = "__Host-" if current_app.config["SESSION_COOKIE_SECURE"] else ""
    return f"{secure}{scope() if scope else ''}{what}"


def token_of_request() -> str:
    token = g.get("begun") or request.cookies.get(cookie_name("session"), "")
    return token if len(token) <= TOKEN_MOST else ""


def form_token() -> str:
    """What a form of ours carries, to be known again."""
    bind_form_token()
    return str(generate_csrf())


def owner_mark(account: str) -> str:
    """What a form of ours carries to say for whom it was shown."""
    return str(_marks().dumps(account))


def owner_of_form() -> str | None:
    """The account for which the form of this request was shown, whoever is signed in by now."""
    try:
        owner = _marks().loads(request.form.get(OWNER, ""))
    except BadSignature:
        return None
    return owner if isinstance(owner, str) else None


def _key() -> bytes:
    """The application's own, by which everything that a browser carries is signed."""
    key = current_app.secret_key
    assert isinstance(key, bytes)
    return key


def _marks() -> URLSafeSerializer:
    return URLSafeSerializer(_key(), salt="shown-to-v1", signer_kwargs=_SIGNING)


def seal_seed(seed: str, account: str) -> str:
    """A seed that is shown on a page, as its form carries it: for that account, for a quarter of an hour."""
    return str(_seeds().dumps([account, seed]))


def seed_of_form(account: str) -> str | None:
    """The seed of this request's form; None where it is another's, or too old."""
    try:
        owner, seed = _seeds().loads(request.form.get("seed", "")[:500], max_age=SEED_SECONDS)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(seed) if owner == account else None


def _seeds() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(_key(), salt="code-seed-v1", signer_kwargs=_SIGNING)


def bind_form_token() -> None:
    """Forms shown to somebody signed in are good for that session alone, for as long as it lasts."""
    token = token_of_request()
    if token:
        bound = _bound_to(token)
        if session.get("csrf_token") != bound:
            session["csrf_token"] = bound
            g.pop("csrf_token", None)


def _bound_to(token: str) -> str:
    return hmac.new(_key(), b"form-token-v1\0" + token.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def begin(response: Response, token: str) -> Response:
    """Hand the browser the session that has just begun; nothing of the visit before it goes on."""
    _forget_visit()
    g.begun = token
    response.set_cookie(cookie_name("session"), token, **_kept_safe())
    response.set_cookie(cookie_name("browser"), browser_mark(), max_age=BROWSER_DAYS, **_kept_safe())
    return response


def end(response: Response) -> Response:
    """Take the session from the browser, once the server has ended it; pages that it kept go, its own mark stays."""
    _forget_visit()
    response.headers["Clear-Site-Data"] = CLEAR
    response.delete_cookie(cookie_name("session"), **_kept_safe())
    return response


def _kept_safe() -> dict[str, Any]:
    """How each of our cookies is set: for no script, no other site, and over TLS alone where that is served."""
    return {"secure": current_app.config["SESSION_COOKIE_SECURE"], "httponly": True, "samesite": "Lax", "path": "/"}


def _forget_visit() -> None:
    session.clear()
    g.pop("csrf_token", None)
