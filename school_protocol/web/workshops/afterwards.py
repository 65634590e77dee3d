"""What workshops leave for whoever writes a protocol."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from school_protocol.domain.policy import Permission
from school_protocol.services.workshops.afterwards import see_afterwards
from school_protocol.web import sessions
from school_protocol.web.routing import Pages

blueprint = Pages("protocols", __name__, part="afterwards", asks=Permission.publish, url_prefix="/protocols")


@blueprint.get("/<key>/afterwards")
def afterwards(key: str) -> ResponseReturnValue:
    """Which duties fail most in workshops, and which needs real cases go on without; by tens."""
    view = see_afterwards(sessions.house(), sessions.actor(), key)
    return render_template("protocols/afterwards.html", view=view)
