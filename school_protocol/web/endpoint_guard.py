"""Who may knock at which endpoint: one table, deny by default; and the guard that reads it before every request.

What a person may see or do *in a case* is for the services and the engine to say; here stands what an endpoint asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask, abort, current_app, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import UnsupportedMediaType

from school_protocol.api import routes as api_routes
from school_protocol.api.tokens import may_see_tokens
from school_protocol.cases.lists import may_find, may_report
from school_protocol.context import House
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.engine.visibility import Actor, Permission
from school_protocol.ops.going_live import may_sign
from school_protocol.people.invitations import may_invite
from school_protocol.people.roster import may_keep as may_keep_roster
from school_protocol.people.staff_list import may_administer
from school_protocol.people.teams import has_team
from school_protocol.publishing.service import may_publish
from school_protocol.reports.public_door import may_keep_doors
from school_protocol.reports.triage import reads_any
from school_protocol.statistics.releases import may_see as may_see_figures
from school_protocol.supervision.referral_contacts import may_keep
from school_protocol.supervision.referral_register import may_see_register
from school_protocol.supervision.regional_teams import may_look, may_see_visits, may_visit
from school_protocol.supervision.review_queue import may_review
from school_protocol.training import room_routes
from school_protocol.training import routes as training_routes
from school_protocol.training.certificates import may_see_certificates
from school_protocol.training.room_store import is_laptop
from school_protocol.training.service import may_train
from school_protocol.ui import form_post, middleware, sessions
from school_protocol.ui.middleware import is_of_this_site, way_back
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import PERMISSIONS

KNOCKS: Mapping[Permission, Callable[[House, Actor], bool]] = {
    Permission.report: may_report,
    Permission.see_cases: may_find,
    Permission.see_team: has_team,
    Permission.review: may_review,
    Permission.publish: may_publish,
    Permission.administer: may_administer,
    Permission.sign_go_live: may_sign,
    Permission.see_referrals: may_see_register,
    Permission.keep_contacts: may_keep,
    Permission.invite: may_invite,
    Permission.see_figures: may_see_figures,
    Permission.see_teams: may_look,
    Permission.see_visits: may_see_visits,
    Permission.write_visits: may_visit,
    Permission.keep_roster: may_keep_roster,
    Permission.see_systems: may_see_tokens,
    Permission.train: may_train,
    Permission.see_certificates: may_see_certificates,
    Permission.read_signalements: reads_any,
    Permission.keep_doors: may_keep_doors,
}
"""What is decided by who somebody is, whatever they ask about: nobody else learns that such an address is there."""

SAFE_METHODS = frozenset({"GET", "HEAD"})
OWN_SITE = frozenset({"same-origin", "none"})

csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    csrf.init_app(app)
    app.before_request(guard)
    app.jinja_env.globals["may"] = may


def may(endpoint: str) -> bool:
    """Whether a link there opens for whoever reads, by the table that the guard asks; no where the house can't say.

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
    if not (room_routes.serves(endpoint, room_routes.is_of_rooms(current_app)) and training_routes.serves(endpoint)):
        return False
    try:
        actor, knocks = sessions.find_actor(), KNOCKS.get(permission)
        return actor is not None and (knocks is None or knocks(sessions.house(), actor))
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
    in_room = room_routes.is_of_rooms(current_app)
    if endpoint == "desk.index" and is_laptop(sessions.house()):
        return redirect(url_for("workshops.index"))
    if not (room_routes.serves(endpoint, in_room) and training_routes.serves(endpoint)):
        abort(404)
    middleware.apply(endpoint)
    if endpoint == "static" or request.method == "OPTIONS":
        return None  # OPTIONS is answered by routing alone, where it is at all
    if permission is Permission.token:
        api_routes.admit(endpoint)
        return None
    refused = _refuse_foreign(endpoint) if request.method not in SAFE_METHODS else None
    if refused is None and in_room:
        refused = room_routes.guard()
    return refused if refused is not None or permission is Permission.anyone else _knock(permission)


def _knock(permission: Permission) -> ResponseReturnValue | None:
    """Whoever is not signed in is sent to do so; whoever may not knock finds nothing there."""
    actor = sessions.find_actor()
    if actor is None:
        return _to_sign_in()
    knocks = KNOCKS.get(permission)
    if knocks is not None and not knocks(sessions.house(), actor):
        abort(404)
    return None


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
        owner = form_post.keep()
        if owner is None:
            raise
        if owner != sessions.find_account():
            raise form_post.KeptForOwner from None
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
    if is_laptop(sessions.house()):
        return redirect(url_for("joining.index"))
    if request.method not in SAFE_METHODS:
        if form_post.keep():
            flash("kept", "signed_out")
        else:
            flash("signed_out", "signed_out")
    elif sessions.find_account() is not None:
        flash("signed_out", "signed_out")
    return redirect(url_for("sign_in.show", next=way_back()))
