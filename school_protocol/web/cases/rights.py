"""What people asked about themselves in a case; a copy of what is kept of one of them, let go by two people."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from flask import current_app, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from school_protocol.documents import rendering
from school_protocol.documents.sealing.errors import SealingError
from school_protocol.documents.sealing.saying import error_said
from school_protocol.domain.errors import Refused, SentBefore
from school_protocol.domain.policy import Permission
from school_protocol.services.retention import access_copies
from school_protocol.services.retention import rights as service
from school_protocol.web import sessions
from school_protocol.web.forms import Problem
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("cases", __name__, part="rights", asks=Permission.see_case, url_prefix="/cases")
blueprint.panel("cases/rights_line.html", service.line_of, "cases.show", order=10, endpoint="cases.rights")


@blueprint.route("/<number>/rights", methods=["GET", "POST"])
def rights(number: str) -> ResponseReturnValue:
    """What waits; `do` says which form was sent: a copy asked for, let go or not, or opened."""
    if request.method != "POST":
        return _page(number)
    try:
        match request.form.get("do", ""):
            case "open":
                return _open(number)
            case "agree" | "decline" as decided:
                _settle(number, agreed=decided == "agree")
            case _ if not request.form.get("person"):
                return _page(number, problems=_nobody_chosen()), 422
            case _:
                _ask(number)
    except Refused as error:
        return _page(number, refused=_said(error.reasons[0].code)), 409
    except SentBefore:
        return _page(number, refused=wording()._("This form was sent before: look at what waits below.")), 409
    except SealingError as error:
        current_app.logger.exception("a copy of somebody's data could not be sealed")
        return _page(number, refused=error_said(wording(), error)), 503
    return redirect(url_for("cases.rights", number=number), 303)


def _ask(number: str) -> None:
    person, token = request.form.get("person", "")[:80], request.form.get("token", "")[:200]
    typed = request.form.get("request", "")
    entry = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0
    service.ask(sessions.house(), sessions.actor(), number, person, token=token, entry=entry)
    flash(wording()._("Asked for. The data officer has to agree before the copy can be opened."), "ok")


def _nobody_chosen() -> list[Problem]:
    w = wording()
    return [Problem("person", w._("Of whom?"), "refused:" + w._("Choose the person whose copy is asked for."))]


def _settle(number: str, *, agreed: bool) -> None:
    export = request.form.get("export", "")[:40]
    service.settle(sessions.house(), sessions.actor(), number, export, agreed=agreed)
    w = wording()
    flash(w._("Agreed: the school can open the copy for ten days.") if agreed else w._("No copy is made."), "ok")


def _open(number: str) -> ResponseReturnValue:
    missing = rendering.missing()
    if missing:
        return _page(number, refused=missing), 503
    opened = access_copies.open_copy(
        sessions.house(), sessions.actor(), number, request.form.get("export", "")[:40],
        request.form.get("language", "")[:12],
    )  # fmt: skip
    return send_file(BytesIO(opened.data), "application/pdf", as_attachment=True, download_name=opened.name)


def _said(code: str) -> str:
    w = wording()
    if code == "guardian_on_hold":
        return w._("A guardian’s information is on hold: no copy goes before all have agreed that the protocol asks.")
    if code == "copy_asked":
        return w._("A request brings one copy, and it was asked for: look at what waits above.")
    if code == "asked_of_another":
        return w._("This request is of somebody else: a copy goes to the person whom it names.")
    if code == "which_request":
        return w._("Several requests wait: say under which one the copy is asked for.")
    return w._("No request for access waits in this case: note it first. Correction and objection bring no copy.")


def _page(number: str, *, problems: Sequence[Problem] = (), refused: str = "") -> str:
    view = service.see_rights(sessions.house(), sessions.actor(), number)
    if view.against or not view.people:
        problems = ()  # the box that they lead to isn't there: what stands against it is said in its place
    return render_template(
        "cases/rights.html", view=view, head=view.head, problems=problems, refused=refused, typed=request.form,
        against=[_said(reason.code) for reason in view.against],
        offered=[one for one in sessions.house().settings.languages if one in view.head.protocol.languages],
    )  # fmt: skip
