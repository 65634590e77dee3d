"""The way into a workshop: its code, typed or scanned."""

from __future__ import annotations

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from school_protocol.domain.policy import Permission
from school_protocol.services.accounts import TooManyTries
from school_protocol.services.workshops import coming
from school_protocol.web import sessions
from school_protocol.web.headers import again_in
from school_protocol.web.routing import Pages
from school_protocol.web.workshops.mounting import PREFIX

blueprint = Pages("joining", __name__, asks=Permission.anyone, url_prefix="/join")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Where the code is typed."""
    return render_template("workshops/join.html", code="", why="", seconds=0)


@blueprint.post("")
def find() -> ResponseReturnValue:
    """To the workshop of the code that was typed."""
    return _to(request.form.get("code", "")[:60])


@blueprint.get("/<code>")
def by_link(code: str) -> ResponseReturnValue:
    """The same, of the code in a QR."""
    return _to(code[:60])


def _to(code: str) -> ResponseReturnValue:
    try:
        found = coming.find(sessions.house(), code, address=request.remote_addr or "")
    except TooManyTries as error:
        page = render_template("workshops/join.html", code=code, why="wait", seconds=error.seconds)
        return page, 429, again_in(error.seconds)
    if found.workshop is None:
        return render_template("workshops/join.html", code=code, why=found.why, seconds=0), 422
    return redirect(f"{request.script_root}{PREFIX}{found.workshop.id}/room/enter")
