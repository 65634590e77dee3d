"""What is told outside the pages: how often, in whose calendar; and the mails of a demo."""

from __future__ import annotations

from flask import Response, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.auth.routes import profile_said, secret, typed
from school_protocol.cases.loading import may_find
from school_protocol.context import AppContext
from school_protocol.engine.errors import BadInput, SchoolProtocolError, Unseen
from school_protocol.engine.visibility import Actor, Permission
from school_protocol.notifications import digests, receivers
from school_protocol.notifications.models import CalendarFeedRow
from school_protocol.notifications.service import told_since
from school_protocol.ui import sessions
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

blueprint = Pages("messages", __name__, asks=Permission.signed_in)

_SHOWS_MAILS = "shows_mails"


def _shows_mails(ctx: AppContext, _actor: Actor) -> bool:
    """Whether this is a demo that shows its mails on a page: asked once, for no installation becomes one."""
    known = current_app.extensions
    try:
        if _SHOWS_MAILS not in known:
            known[_SHOWS_MAILS] = digests.shows_mails(ctx)
    except SchoolProtocolError:  # pages that say what is amiss have a foot, too
        return False
    return bool(known[_SHOWS_MAILS])


def _own_calendar(ctx: AppContext, actor: Actor) -> list[CalendarFeedRow | None]:
    """The calendar that somebody has, or could have; else nothing."""
    feed = digests.see_feed(ctx, actor)
    return [feed] if feed or may_find(ctx, actor) else []


blueprint.panel("notifications/foot.html", _shows_mails, "foot", endpoint="messages.index")
blueprint.panel("notifications/told_since.html", told_since, "cases.first_minutes")
blueprint.panel("notifications/own_choice.html", receivers.see_choice, "account.show")
blueprint.panel("notifications/own_calendar.html", _own_calendar, "account.show", order=10)


# ---- how often -------------------------------------------------------------------------------------------------------


@blueprint.route("/account/messages", methods=["GET", "POST"])
def choose() -> ResponseReturnValue:
    """How often one is told of what can wait."""
    ctx, actor = sessions.ctx(), sessions.actor()
    problems: dict[str, str] = {}
    if request.method == "POST":
        try:
            receivers.choose(ctx, actor, typed("every"), typed("day"))
        except BadInput as error:
            w = wording()
            said = {"every": w._("Choose one of these."), "day": w._("Choose a day of the week.")}
            problems = {name: said[name] for name in error.problems}
        else:
            sessions.ring()
            flash(wording()._("From now on you are told so."), "ok")
            return redirect(url_for("account.show"), 303)
    view = receivers.see_choice(ctx, actor)
    chosen = {"every": typed("every") or view.every, "day": typed("day") or str(view.day)}
    page = render_template("notifications/choose.html", view=view, chosen=chosen, problems=problems)
    return page, 422 if problems else 200


# ---- one's calendar --------------------------------------------------------------------------------------------------


@blueprint.route("/account/calendar", methods=["GET", "POST"])
def calendar() -> ResponseReturnValue:
    """The address under which one's calendar reads due dates: made and shown once, renewed, taken away."""
    ctx, actor = sessions.ctx(), sessions.actor()
    address, problems = "", dict[str, str]()
    may_open = may_find(ctx, actor)
    if not may_open and digests.see_feed(ctx, actor) is None:
        raise Unseen("calendar")
    if request.method == "POST":
        doing = typed("do")
        if doing == "open":
            try:
                token = digests.open_feed(ctx, actor, secret("password"))
            except BadInput as error:
                problems = profile_said(error)
            else:
                site = (ctx.settings.address or request.host_url).rstrip("/")
                address = site + url_for("messages.feed", token=token)
        elif doing == "shut":
            digests.shut_feed(ctx, actor)
            flash(wording()._("Nobody reads your due dates under that address any more."), "ok")
            return redirect(url_for("messages.calendar" if may_open else "account.show"), 303)
        else:
            raise Unseen("calendar")
    feed = digests.see_feed(ctx, actor)
    page = render_template(
        "notifications/calendar.html", feed=feed, address=address, may_open=may_open, problems=problems
    )
    return page, 422 if problems else 200


@blueprint.get("/calendar/<token>.ics", asks=Permission.anyone)
def feed(token: str) -> ResponseReturnValue:
    """Somebody's due dates, for whoever knows the address: moments, and nothing of a case."""
    setattr(g, sessions.KNOWN_BY, token)
    dues = digests.read_feed(sessions.ctx(), token)
    response = Response(dues.content, content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = "inline; filename=calendar.ics"
    response.set_etag(dues.mark, weak=True)
    return response.make_conditional(request)


# ---- a demo's mails --------------------------------------------------------------------------------------------------


@blueprint.get("/messages")
def index() -> ResponseReturnValue:
    """The mails that would have left, in a demo without a mail server; anywhere else there is no such page."""
    ctx = sessions.ctx()
    letters = digests.see_letters(ctx, wording().language)
    return render_template("notifications/index.html", letters=letters, has_address=bool(ctx.settings.address))
