"""The go-live list, for whoever administers accounts at the top: each item signed, or taken back, in one press."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.errors import BadInput
from school_protocol.domain.policy import Actor, Permission
from school_protocol.services.going_live import signing
from school_protocol.services.going_live.items import LACKS
from school_protocol.services.house import House
from school_protocol.services.teams.changing import SENTENCE_MOST, TeamRefused
from school_protocol.web import kept, sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages
from school_protocol.wording import N_

blueprint = Pages("going_live", __name__, asks=Permission.sign_go_live, url_prefix="/go-live")
blueprint.panel("going_live/banner.html", signing.standing, "desk.top", "staff.top", order=0, endpoint="staff.index")

_OBSTACLES: Mapping[str, str] = {
    **LACKS,
    "signed_already": N_("This was signed already; nothing was recorded twice."),
    "not_signed": N_("This is not signed; nothing was taken back."),
}


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The list, what is missing, and all that was signed and taken back."""
    return _page()


@blueprint.post("/<item>/sign")
def sign(item: str) -> ResponseReturnValue:
    return _pressed(signing.sign, item, wording()._("Signed, under your name. It stands in the log for good."))


@blueprint.post("/<item>/withdraw")
def withdraw(item: str) -> ResponseReturnValue:
    return _pressed(signing.withdraw, item, wording()._("Taken back. Both entries stay in the log."))


def _pressed(change: Callable[[House, Actor, str, str | None], None], item: str, words: str) -> ResponseReturnValue:
    typed = request.form.get("reference", "")
    try:
        change(sessions.house(), sessions.actor(), item, typed)
    except BadInput as error:
        said = error.problems["reference"][0]
        return _page(item, said, typed[: SENTENCE_MOST * 2], taking=change is signing.withdraw), 422
    except TeamRefused as error:
        for one in error.obstacles:
            flash(wording().gettext(_OBSTACLES[one.code]), "message")
    else:
        kept.forget(sessions.actor().id)
        flash(words, "ok")
    return redirect(url_for("going_live.index", _anchor=item), 303)


def _page(item: str = "", problem: str = "", typed: str = "", *, taking: bool = False) -> str:
    view = signing.see_list(sessions.house(), sessions.actor())
    more = {"item": item, "problem": problem, "typed": typed, "taking": taking, "lacks": LACKS}
    return render_template("going_live/index.html", view=view, **more)
