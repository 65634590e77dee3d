"""Who is in front of us. The cookie holds the token of a session that the house keeps, and nothing else.

Beside it a second, signed cookie (Flask's own session) carries what a browser needs before anybody signs in: the form
token and messages for the next page. For somebody signed in the form token is derived from the session's token.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import cast

from flask import Flask, Request, Response, current_app, g, request, session
from flask_login import LoginManager, UserMixin, current_user
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadSignature, URLSafeSerializer

from school_protocol.domain.policy import Actor
from school_protocol.services import accounts
from school_protocol.services.house import House

TOKEN_MOST = 200
OWNER = "shown_to"
login_manager = LoginManager()


class SignedIn(UserMixin):  # type: ignore[misc]
    """Flask-Login's idea of a user, around the domain's actor."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def get_id(self) -> str:
        return self.actor.id


def init_app(app: Flask) -> None:
    secure = house_of(app).settings.secure_cookies
    prefix = "__Host-" if secure else ""
    app.config.update(
        SESSION_COOKIE_NAME=f"{prefix}visit",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        TOKEN_COOKIE_NAME=f"{prefix}session",
    )
    login_manager.session_protection = None
    login_manager.init_app(app, add_context_processor=False)


@login_manager.request_loader  # type: ignore[untyped-decorator]
def _load(_request: Request) -> SignedIn | None:
    token = token_of_request()
    actor = accounts.recognise(house(), token) if token else None
    return SignedIn(actor) if actor is not None else None


def house_of(app: Flask) -> House:
    return cast(House, app.extensions["house"])


def house() -> House:
    """The house that this application serves."""
    return cast(House, current_app.extensions["house"])


def ring() -> None:
    """Call whoever delivers messages: one of them can't wait for its minute."""
    current_app.extensions["ring"]()


def find_actor() -> Actor | None:
    """Whoever is signed in, asked of the house once a request."""
    return current_user.actor if current_user.is_authenticated else None


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
    return accounts.account_behind(house(), token) if token else None


def token_of_request() -> str:
    token = request.cookies.get(current_app.config["TOKEN_COOKIE_NAME"], "")
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


def _marks() -> URLSafeSerializer:
    key = current_app.secret_key
    assert isinstance(key, bytes)
    return URLSafeSerializer(key, salt="shown-to-v1")


def bind_form_token() -> None:
    """Forms shown to somebody signed in are good for that session alone, for as long as it lasts."""
    token = token_of_request()
    if token:
        bound = _bound_to(token)
        if session.get("csrf_token") != bound:
            session["csrf_token"] = bound
            g.pop("csrf_token", None)


def _bound_to(token: str) -> str:
    key = current_app.secret_key
    assert isinstance(key, bytes)
    return hmac.new(key, b"form-token-v1\0" + token.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def begin(response: Response, token: str) -> Response:
    """Hand the browser the session that has just begun; nothing of the visit before it goes on."""
    _forget_visit()
    response.set_cookie(
        current_app.config["TOKEN_COOKIE_NAME"],
        token,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


def end(response: Response) -> Response:
    """Take the session from the browser, once the house has ended it."""
    _forget_visit()
    response.delete_cookie(
        current_app.config["TOKEN_COOKIE_NAME"],
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


def _forget_visit() -> None:
    session.clear()
    g.pop("csrf_token", None)
