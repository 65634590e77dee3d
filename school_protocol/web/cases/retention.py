"""How long a case is kept; erasing it suspended, or taken up again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.answers import TEXT_MOST
from school_protocol.domain.errors import BadInput, Refused, SentBefore
from school_protocol.domain.policy import Permission
from school_protocol.services.retention import holds
from school_protocol.services.retention.limits import line_of
from school_protocol.web import sessions
from school_protocol.web.forms import Problem
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("cases", __name__, part="retention", asks=Permission.see_case, url_prefix="/cases")
blueprint.panel("cases/retention_line.html", line_of, "cases.show", endpoint="cases.retention")


@blueprint.route("/<number>/retention", methods=["GET", "POST"], is_long=True)
def retention(number: str) -> ResponseReturnValue:
    """How long the case is kept; `do` says which of the two forms was sent."""
    if request.method != "POST":
        return _page(number)
    w, reason = wording(), request.form.get("reason", "")
    if request.form.get("do") == "resume":
        said = w._("The suspension is lifted. Two notices still come before anything is erased.")
        return _done(
            number, lambda: holds.resume(sessions.house(), sessions.actor(), number, reason, token=_token()), said
        )
    until = request.form.get("until", "")
    return _done(
        number,
        lambda: holds.suspend(sessions.house(), sessions.actor(), number, until, reason, token=_token()),
        w._("Erasing is suspended. Nobody erases this case until then."),
    )


def _token() -> str:
    return request.form.get("token", "")[:200]


def _done(number: str, work: Callable[[], datetime], said: str) -> ResponseReturnValue:
    try:
        work()
    except BadInput as error:
        return _page(number, problems=_problems(error)), 422
    except Refused as error:
        return _page(number, refused=_refused(error.reasons[0].code)), 409
    except SentBefore:
        said = wording()._("This form was sent before, with other words. Look, and send again.")
        return _page(number, refused=said), 409
    flash(said, "ok")
    return redirect(url_for("cases.retention", number=number), 303)


def _problems(error: BadInput) -> list[Problem]:
    """What is wrong, at the boxes of the form that was sent."""
    w, form = wording(), "lift" if request.form.get("do") == "resume" else "hold"
    places = {"until": ("until", w._("Until which day, included?")), "reason": (f"why-{form}", w._("Why?"))}
    return [Problem(*places[key], _said(key, codes[0])) for key, codes in error.problems.items()]


def _said(key: str, code: str) -> str:
    w = wording()
    if code == "outside":
        return "refused:" + w._("Choose a day from tomorrow on, a year from now at most.")
    if (key, code) == ("until", "required"):
        return "refused:" + w._("Give the day: from tomorrow on, a year from now at most.")
    return code


def _refused(code: str) -> str:
    w = wording()
    if code == "being_erased":
        return w._("This case is being erased at this moment: it can’t be suspended any more.")
    return w._("Nothing is suspended here: somebody lifted it before, or its day is over.")


def _page(number: str, *, problems: Sequence[Problem] = (), refused: str = "") -> str:
    view = holds.see_limit(sessions.house(), sessions.actor(), number)
    return render_template(
        "cases/retention.html", view=view, head=view.head, problems=problems, refused=refused,
        typed=request.form, most=TEXT_MOST,
    )  # fmt: skip
