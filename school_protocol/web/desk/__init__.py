"""The desk: what is due, the search, the reader's language, the quick way out."""

from __future__ import annotations

from datetime import date, datetime
from urllib.parse import urlsplit

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.errors import Unseen
from school_protocol.domain.phrases import N_
from school_protocol.domain.policy import Permission
from school_protocol.services import accounts
from school_protocol.services import desk as desks
from school_protocol.services import week as weeks
from school_protocol.services.views import CaseLine
from school_protocol.web import hints, kept, sessions
from school_protocol.web.paths import is_of_this_site, own_path
from school_protocol.web.rendering import LANGUAGE_COOKIE, wording
from school_protocol.web.routing import Pages
from school_protocol.web.sign_in import sign_out
from school_protocol.web.unfolding import style_of
from school_protocol.wording import ZONE

blueprint = Pages("desk", __name__, asks=Permission.signed_in)
blueprint.entry(N_("Cases"), 0, within=("desk", "cases", "review"))

FILTERS = desks.FILTERS
OF_DUES = ("mine", "late", "today")
"""Lists that say what is next or due: none of them is there for a workshop's table without hints, nor is the week."""
QUERY_MOST = 200
CURSOR_MOST = 200
YEAR = 365 * 24 * 3600


@blueprint.app_template_filter("local_day")
def local_day(value: datetime) -> date:
    """The day that a moment is on, there."""
    return value.astimezone(ZONE).date()


@blueprint.app_template_filter("week_day")
def week_day(value: date) -> str:
    """A day as one says it within a week: its name first."""
    return wording().dated(value, "EEEE d MMMM")


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """What is due: as a list of cases, or (`view=week`) day by day."""
    wanted = request.args.get("filter", "")
    chosen = wanted if wanted in FILTERS else FILTERS[0]
    after = request.args.get("after") or None
    if after is not None and len(after) > CURSOR_MOST:
        raise Unseen(after)
    is_week = request.args.get("view") == "week"
    if (is_week or chosen in OF_DUES) and not hints.are_shown():
        return redirect(url_for("desk.index"))
    if is_week:
        week = weeks.see_week(sessions.house(), sessions.actor(), after=after)
        if week.receipts_only:
            return redirect(url_for("desk.index"))
        return render_template("desk/week.html", week=week, filters=FILTERS, of_dues=OF_DUES)
    desk = desks.see_desk(sessions.house(), sessions.actor(), filter=chosen, after=after)
    return render_template("desk/index.html", desk=desk, filters=FILTERS, of_dues=OF_DUES)


@blueprint.route("/search", methods=["GET", "POST"], asks=Permission.see_cases)
def search() -> ResponseReturnValue:
    """By number, or by pupil of one's own school: a pupil only as the form posts, so that no address holds a name."""
    is_posted = request.method == "POST"
    asked = request.form if is_posted else request.args
    query = " ".join(asked.get("q", "").replace("\0", " ").split())[:QUERY_MOST]
    number = _by_number(query)
    if number is not None:
        return redirect(url_for("cases.show", number=number))
    if not is_posted:
        return render_template("desk/search.html", query="", lines=())
    return render_template("desk/search.html", query=query, lines=_by_pupil(query))


@blueprint.get("/style/<protocol>/<int:version>")
def folds(protocol: str, version: int) -> ResponseReturnValue:
    """The rules that fold a definition's conditional questions away: nothing of a case, the same for everybody."""
    known = next(
        (one for one in sessions.house().library.every() if (one.protocol, one.version) == (protocol, version)), None
    )
    if known is None:
        raise Unseen(protocol)
    return Response(style_of(known), mimetype="text/css")


@blueprint.get("/leave", asks=Permission.anyone)
def leave() -> ResponseReturnValue:
    """The quick way out. Pressed on a page of ours it also signs out, so that going back shows nothing."""
    response = make_response(render_template("leave.html"))
    if not _is_from_here():
        return response
    sign_out()
    return sessions.end(response)


def _is_from_here() -> bool:
    """Whether a page of ours led here. A browser that doesn't say so itself, as over plain HTTP, names the page."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return bool(request.referrer) and is_of_this_site(str(request.referrer))


@blueprint.post("/drafts/forget")
def forget_draft() -> ResponseReturnValue:
    """Empty a form that was kept: its draft goes, and the page is opened afresh."""
    at = own_path(request.form.get("at"))
    kept.forget(sessions.actor().id, urlsplit(at).path.removeprefix(request.script_root))
    return redirect(at, 303)


@blueprint.post("/language", asks=Permission.anyone)
def language() -> ResponseReturnValue:
    response = make_response(redirect(own_path(request.form.get("next"))))
    chosen = request.form.get("language", "")
    if chosen not in sessions.house().settings.languages:
        return response
    actor = sessions.find_actor()
    if actor is not None:
        accounts.choose_language(sessions.house(), actor, chosen)
    response.set_cookie(
        LANGUAGE_COOKIE,
        chosen,
        max_age=YEAR,
        secure=sessions.house().settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )
    return response


def _by_number(query: str) -> str | None:
    try:
        return desks.find_by_number(sessions.house(), sessions.actor(), query) if query else None
    except Unseen:
        return None


def _by_pupil(query: str) -> tuple[CaseLine, ...]:
    return desks.find_by_pupil(sessions.house(), sessions.actor(), query) if query else ()
