"""Who may knock at which endpoint: one table, deny by default; and the guard that reads it before every request.

What a person may see or do *in a case* is for the services and the engine to say; here stands what an endpoint asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from flask import Flask, abort, current_app, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import UnsupportedMediaType

from school_protocol.api import routes as api_routes
from school_protocol.api.tokens import may_see_tokens
from school_protocol.auth import permissions
from school_protocol.cases.loading import may_find
from school_protocol.context import AppContext
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.engine.visibility import Actor, Permission
from school_protocol.ops.going_live import may_sign
from school_protocol.training import room_routes
from school_protocol.training import routes as training_routes
from school_protocol.training.room_store import is_laptop
from school_protocol.training.service import may_train
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import middleware, sessions
from school_protocol.ui.middleware import is_of_this_site, way_back
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import PERMISSIONS

KNOCKS: Mapping[Permission, Callable[[AppContext, Actor], bool]] = {
    Permission.see_cases: may_find,
    Permission.see_systems: may_see_tokens,
    Permission.sign_go_live: may_sign,
    Permission.train: may_train,
}
"""What is more than a matter of roles; all else is looked up in `auth.permissions`."""
EVERYBODY = frozenset({Permission.anyone, Permission.signed_in, Permission.see_case, Permission.see_own_receipt})
"""For whoever is signed in: what they ask about decides."""

SERVED = "served"
SAFE_METHODS = frozenset({"GET", "HEAD"})
OWN_SITE = frozenset({"same-origin", "none"})

csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    csrf.init_app(app)
    app.before_request(guard)
    app.jinja_env.globals["may"] = may


def know_served(app: Flask) -> None:
    """Which endpoints this application serves: the product, a trainer's laptop and a room have each their own."""
    ctx = app.extensions["ctx"]
    app.extensions[SERVED] = frozenset(
        one for one in PERMISSIONS if room_routes.serves(app, one) and training_routes.serves(ctx, one)
    )


def may(endpoint: str) -> bool:
    """Whether a link there opens for whoever reads, by the table that the guard asks; no where the stores can't say.

    Of what hangs on a case it says nothing.
    """
    if endpoint not in _known():
        _known()[endpoint] = _may(endpoint)
    return _known()[endpoint]


def _known() -> dict[str, bool]:
    """What was asked already in this request."""
    found: dict[str, bool] = g.setdefault("may", {})
    return found


def _may(endpoint: str) -> bool:
    permission = PERMISSIONS[endpoint]
    if endpoint not in current_app.extensions[SERVED]:
        return False
    try:
        actor = sessions.find_actor()
        return actor is not None and is_granted(actor, permission)
    except SchoolProtocolError:
        return False


def guard() -> ResponseReturnValue | None:
    """Before every request: known endpoint, small enough, from our own page, and by somebody who may knock."""
    endpoint = request.endpoint
    if not request.host:
        abort(400)  # what was said of it is no name of a site: no address can be made with it
    if endpoint is None:
        return None  # routing answers 404 or 405 itself
    permission = PERMISSIONS.get(endpoint)
    if permission is None:
        abort(404)
    if endpoint == "desk.index" and is_laptop(sessions.ctx()):
        return redirect(url_for("workshops.index"))
    if endpoint not in current_app.extensions[SERVED]:
        abort(404)
    middleware.apply(endpoint)
    if endpoint == "static" or request.method == "OPTIONS":
        return None  # OPTIONS is answered by routing alone, where it is at all
    if permission is Permission.token:
        api_routes.admit(endpoint)
        return None
    refused = _refuse_foreign(endpoint) if request.method not in SAFE_METHODS else None
    admit = current_app.extensions.get(sessions.ADMIT)
    if refused is None and admit is not None:
        refused = admit()
    return refused if refused is not None or permission is Permission.anyone else _knock(permission)


def _knock(permission: Permission) -> ResponseReturnValue | None:
    """Whoever is not signed in is sent to do so; whoever may not knock finds nothing there."""
    actor = sessions.find_actor()
    if actor is None:
        return _to_sign_in()
    if not is_granted(actor, permission):
        abort(404)
    return None


def is_granted(actor: Actor, permission: Permission) -> bool:
    if permission in EVERYBODY:
        return True
    return KNOCKS.get(permission, partial(permissions.may, asked=permission))(sessions.ctx(), actor)


def _refuse_foreign(endpoint: str) -> ResponseReturnValue | None:
    """An unsafe request must be a form of ours, sent from a page of ours to the person it was shown to."""
    if request.mimetype not in middleware.FORM_TYPES:
        raise UnsupportedMediaType
    if not _is_own_site():
        raise CSRFError("The form was sent from another site.")
    middleware.count(endpoint)
    if sessions.knows_nobody():
        return None  # such a form carries a token of its own, which its service asks for
    sessions.bind_form_token()
    try:
        csrf.protect()
    except CSRFError:
        owner = ui_forms.keep()
        if owner is None:
            raise
        if owner != sessions.find_account():
            raise ui_forms.DraftForOwner from None
        flash(
            wording()._("Nothing was recorded: the page was too old. Look at it again, and send it once more."),
            "message",
        )
        return redirect(way_back())
    return None


def _is_own_site() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in OWN_SITE
    origin = request.headers.get("Origin")
    return origin is None or is_of_this_site(origin)


def _to_sign_in() -> ResponseReturnValue:
    """Ask who this is, then come back; what was typed meanwhile waits, sealed, for the same person."""
    if is_laptop(sessions.ctx()):
        return redirect(url_for("joining.index"))
    if request.method not in SAFE_METHODS:
        if ui_forms.keep():
            flash("kept", "signed_out")
        else:
            flash("signed_out", "signed_out")
    elif sessions.find_account() is not None:
        flash("signed_out", "signed_out")
    return redirect(url_for("sign_in.show", next=way_back()))
