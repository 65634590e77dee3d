"""The way to a ministry's sign-in page and back. What one attempt carries lies in the visit's own signed cookie."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Permission
from school_protocol.services.identity import noted, openid
from school_protocol.services.identity.openid import OpenIdRefused, Started
from school_protocol.web import sessions
from school_protocol.web.account import visiting
from school_protocol.web.paths import own_path
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("sign_in", __name__, part="openid", asks=Permission.anyone)

CARRIED = "openid"


@blueprint.app_template_global("openid_button")
def button() -> str:
    """What the button says; empty where there is no such way in."""
    found = sessions.house().settings.openid
    if found is None:
        return ""
    return found.name(wording().language) or wording()._("Sign in with the ministry’s account")


@blueprint.get("/sign-in/ministry", endpoint="openid")
def there() -> ResponseReturnValue:
    """To the provider; a plain link, as a form must not lead to another site."""
    if sessions.house().settings.openid is None:
        raise Unseen("openid")
    try:
        address, started = openid.start(sessions.house(), _own_address())
    except OpenIdRefused as error:
        return _refused(error.code)
    session[CARRIED] = {
        "state": started.state, "nonce": started.nonce, "verifier": started.verifier,
        "at": started.at.isoformat(), "next": own_path(request.args.get("next")),
    }  # fmt: skip
    return redirect(address, 302)


@blueprint.get("/sign-in/ministry/back", endpoint="openid_back")
def back() -> ResponseReturnValue:
    """From the provider; each attempt comes back once."""
    if sessions.house().settings.openid is None:
        raise Unseen("openid")
    carried = session.pop(CARRIED, None)
    answer = {key: request.args.get(key, "")[:4000] for key in ("state", "code", "error", "iss")}
    try:
        token = openid.finish(
            sessions.house(), _own_address(), _started(carried), answer, visiting.visitor(),
            token_here=sessions.token_of_request(),
        )  # fmt: skip
    except OpenIdRefused as error:
        noted.wrong(None, f"{openid.PROVIDER} ({error.code})", request.remote_addr or "")
        return _refused(error.code)
    way_on = own_path(carried.get("next")) if isinstance(carried, dict) else "/"
    return sessions.begin(make_response(redirect(way_on, 303)), token)


def _started(carried: Any) -> Started | None:
    try:
        return Started(
            str(carried["state"]), str(carried["nonce"]), str(carried["verifier"]),
            datetime.fromisoformat(carried["at"]),
        )  # fmt: skip
    except (TypeError, KeyError, ValueError):
        return None


def _own_address() -> str:
    """Where the provider sends people back: under the name by which they know the site."""
    address = sessions.house().settings.address.rstrip("/")
    return f"{address}{url_for('sign_in.openid_back')}" if address else url_for("sign_in.openid_back", _external=True)


def _refused(code: str) -> ResponseReturnValue:
    w = wording()
    words = {
        "down": w._("The ministry’s sign-in page can’t be reached now. Nothing is wrong with your account here."),
        "denied": w._("The ministry’s sign-in page didn’t let you through, or you came back twice. Try once more."),
        "too_old": w._("This took too long, or another page was opened meanwhile. Try once more."),
        "unreadable": w._("The answer of the ministry’s sign-in page doesn’t hold. Tell whoever administers accounts."),
        "unknown": w._(
            "No account here belongs to that sign-in. Whoever administers accounts in your unit can make one."
        ),
        "prove_first": w._(
            "Your account has a second step. Sign in once here with password and code: the ministry’s page follows, "
            "and from then on it is enough."
        ),
        "other": w._("This account is linked to another sign-in already. Tell whoever administers accounts."),
        "closed": w._("This account is closed. Whoever administers accounts in your unit can open it again."),
    }
    way_on = url_for("sign_in.openid") if code == "prove_first" else None
    page = render_template("sign_in/openid.html", words=words[code], way_on=way_on)
    return page, 502 if code == "down" else 403
