"""What was told from outside in one case, from the school's address: its messages are read and answered there."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from school_protocol.documents.outside_said import outside_said
from school_protocol.domain.policy import Permission
from school_protocol.services.signalement import triage
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages
from school_protocol.web.signalement.said import known

blueprint = Pages("cases", __name__, part="told", asks=Permission.see_case, url_prefix="/cases")


blueprint.add_app_template_global(lambda detail: outside_said(wording(), detail), "outside_said")


@blueprint.get("/<number>/told")
def told(number: str) -> ResponseReturnValue:
    views = triage.of_case(sessions.house(), sessions.actor(), number)
    acts = triage.referring(sessions.house(), sessions.actor(), number)
    return render_template("signalement/of_case.html", number=number, views=views, acts=acts, **known())
