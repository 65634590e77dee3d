"""Who may knock at which endpoint: one table, deny by default; and the guard that reads it before every request.

What a person may see or do *in a case* is for the services and the engine to say; here stands what an endpoint asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Flask, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import UnsupportedMediaType

from school_protocol.domain.policy import Permission
from school_protocol.web import kept, limits, sessions
from school_protocol.web.paths import way_back
from school_protocol.web.rendering import wording

PERMISSIONS: Mapping[str, Permission] = {
    "static": Permission.anyone,
    "sign_in.show": Permission.anyone,
    "sign_in.enter": Permission.anyone,
    "sign_in.leave": Permission.anyone,
    "desk.index": Permission.signed_in,
    "desk.search": Permission.see_cases,
    "desk.forget_draft": Permission.signed_in,
    "desk.folds": Permission.signed_in,
    "desk.leave": Permission.anyone,
    "desk.language": Permission.anyone,
    "reports.new": Permission.report,
    "reports.danger": Permission.report,
    "reports.receipt": Permission.see_own_receipt,
    "reports.raise_danger": Permission.see_own_receipt,
    "reports.act": Permission.see_own_receipt,
    "cases.show": Permission.see_case,
    "cases.chronology": Permission.see_case,
    "cases.entry": Permission.see_case,
    "cases.undo": Permission.see_case,
    "cases.act": Permission.see_case,
    "cases.move": Permission.see_case,
    "cases.danger": Permission.see_case,
    "cases.first_minutes": Permission.see_case,
    "cases.case_file": Permission.see_case,
    "cases.letters": Permission.see_case,
    "cases.letter": Permission.see_case,
    "cases.bundle": Permission.see_case,
    "cases.remarks": Permission.see_case,
    "cases.remark": Permission.see_case,
    "cases.review_sheet": Permission.see_case,
    "cases.settle_remark": Permission.see_case,
    "bulk.index": Permission.see_cases,
    "bulk.job": Permission.see_cases,
    "bulk.files": Permission.see_cases,
    "bulk.stop": Permission.see_cases,
    "bulk.delete": Permission.see_cases,
    "cases.copies": Permission.see_case,
    "cases.revoke": Permission.see_case,
    "verifying.show": Permission.anyone,
    "verifying.verify": Permission.anyone,
    "words.index": Permission.signed_in,
    "help.index": Permission.anyone,
    "help.role": Permission.signed_in,
    "help.topic": Permission.signed_in,
    "help.drawing": Permission.signed_in,
    "help.wall": Permission.signed_in,
    "help.form": Permission.signed_in,
    "help.forms": Permission.signed_in,
    "protocols.index": Permission.publish,
    "protocols.upload": Permission.publish,
    "protocols.file": Permission.publish,
    "protocols.draft": Permission.publish,
    "protocols.draft_file": Permission.publish,
    "protocols.propose": Permission.publish,
    "protocols.agree": Permission.publish,
    "protocols.withdraw": Permission.publish,
    "protocols.again": Permission.publish,
    "protocols.all_settings": Permission.publish,
    "protocols.difference": Permission.publish,
    "protocols.cases": Permission.publish,
    "protocols.look": Permission.publish,
    "protocols.passage": Permission.publish,
    "protocols.move_all": Permission.publish,
    "protocols.stop": Permission.publish,
    "protocols.count_again": Permission.publish,
    "protocols.part": Permission.publish,
    "protocols.entry": Permission.publish,
    "yearly.index": Permission.signed_in,
    "yearly.school": Permission.signed_in,
    "team.index": Permission.see_team,
    "team.school": Permission.see_team,
    "team.hand_over": Permission.see_team,
    "team.stand_in": Permission.see_team,
    "team.end_stand_in": Permission.see_team,
    "team.leave": Permission.see_team,
    "team.leave_at_once": Permission.see_team,
}
"""Every endpoint, with what it asks of the person in front of it. One that is missing here answers 404."""

SAFE_METHODS = frozenset({"GET", "HEAD"})
OWN_SITE = frozenset({"same-origin", "none"})

csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    csrf.init_app(app)
    app.before_request(guard)


def guard() -> ResponseReturnValue | None:
    """Before every request: known endpoint, small enough, from our own page, and by somebody who may knock."""
    if request.endpoint is None:
        return None  # routing answers 404 or 405 itself
    permission = PERMISSIONS.get(request.endpoint)
    if permission is None:
        abort(404)
    limits.apply(request.endpoint)
    if request.endpoint == "static":
        return None
    if request.method not in SAFE_METHODS:
        refused = _refuse_foreign(request.endpoint)
        if refused is not None:
            return refused
    if permission is Permission.anyone or sessions.find_actor() is not None:
        return None
    return _to_sign_in()


def _refuse_foreign(endpoint: str) -> ResponseReturnValue | None:
    """An unsafe request must be a form of ours, sent from a page of ours to the person it was shown to."""
    if request.mimetype not in limits.FORM_TYPES:
        raise UnsupportedMediaType
    if not _is_own_site():
        raise CSRFError("The form was sent from another site.")
    limits.count(endpoint)
    sessions.bind_form_token()
    try:
        csrf.protect()
    except CSRFError:
        owner = kept.keep()
        if owner is None:
            raise
        if owner != sessions.find_account():
            raise kept.KeptForOwner from None
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
    return origin is None or urlsplit(origin).netloc == request.host


def _to_sign_in() -> ResponseReturnValue:
    """Ask who this is, then come back; what was typed meanwhile waits, sealed, for the same person."""
    if request.method not in SAFE_METHODS:
        if kept.keep():
            flash("kept", "signed_out")
        else:
            flash("signed_out", "signed_out")
    elif sessions.find_account() is not None:
        flash("signed_out", "signed_out")
    return redirect(url_for("sign_in.show", next=way_back()))
