"""The cases whose time runs out: a list by numbers alone; the data officer confirms what is erased."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.errors import SentBefore, Unseen
from school_protocol.domain.policy import Actor, Permission
from school_protocol.services.house import House
from school_protocol.services.retention import lists, rights
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("retention", __name__, asks=Permission.signed_in, url_prefix="/retention")
blueprint.panel("retention/links.html", lists.may_see_list, "desk.find", order=20, endpoint="retention.index")

DESK_MOST = 5
"""So many requests stand on the desk."""
CURSOR_MOST = 80
NUMBERS_MOST = lists.PAGE


def requests_waiting(house: House, actor: Actor) -> Sequence[rights.RequestLine]:
    """The requests about one's data that are due first, for the desk of whoever answers them."""
    if not rights.answers_requests(house, actor):
        return ()
    return rights.see_requests(house, actor, limit=DESK_MOST, only_mine=True).lines


blueprint.panel("retention/waiting.html", requests_waiting, "desk.cards", order=40, endpoint="retention.requests")


@blueprint.route("", methods=["GET", "POST"])
def index() -> ResponseReturnValue:
    """All of them, or (`waiting=1`) those that wait for a confirmation; the ticked ones are confirmed."""
    if request.method == "POST":
        return _agree()
    after = _cursor()
    found = lists.see_list(
        sessions.house(), sessions.actor(), after=after, only_waiting=request.args.get("waiting") == "1"
    )
    return render_template("retention/index.html", found=found)


def _cursor() -> str | None:
    after = request.args.get("after") or None
    if after is not None and len(after) > CURSOR_MOST:
        raise Unseen("retention")
    return after


def _agree() -> ResponseReturnValue:
    w = wording()
    numbers = request.form.getlist("number")[:NUMBERS_MOST]
    if not numbers and lists.may_see_list(sessions.house(), sessions.actor()):
        flash(w._("No case was ticked: nothing was confirmed."), "message")
        return redirect(url_for("retention.index", waiting=1), 303)
    try:
        count = lists.agree(sessions.house(), sessions.actor(), numbers, token=request.form.get("token", "")[:200])
    except SentBefore:
        flash(w._("This form was sent before, with other cases ticked: look at the list again."), "message")
        return redirect(url_for("retention.index", waiting=1), 303)
    if count:
        flash(
            w.ngettext(
                "Confirmed: one case is erased within the hour.",
                "Confirmed: %(num)d cases are erased within the hour.",
                count,
            ),
            "ok",
        )
    if count < len(set(numbers)):
        flash(w._("Some of these cases can’t be erased any more: something happened in them meanwhile."), "message")
    return redirect(url_for("retention.index"), 303)


@blueprint.get("/requests")
def requests() -> ResponseReturnValue:
    """What people asked about themselves, and until when it is answered."""
    found = rights.see_requests(sessions.house(), sessions.actor(), after=_cursor())
    return render_template("retention/requests.html", found=found)
