"""The copies of a case that were handed out; one of them taken back."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.answers import TEXT_MOST
from school_protocol.domain.errors import BadInput
from school_protocol.domain.policy import Permission
from school_protocol.services.papers.revoking import RevokedBefore, revoke, see_copies
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("cases", __name__, part="copies", asks=Permission.see_case, url_prefix="/cases")


@blueprint.get("/<number>/copies")
def copies(number: str) -> ResponseReturnValue:
    return _page(number)


@blueprint.post("/<number>/copies", endpoint="revoke")
def take_back(number: str) -> ResponseReturnValue:
    """The one whose form was sent; its reason is asked for."""
    document, copy, reason = (request.form.get(name, "") for name in ("document", "copy", "reason"))
    told = f"{document}-{copy}"
    try:
        revoke(sessions.house(), sessions.actor(), number, document, _number(copy), reason)
    except RevokedBefore as error:
        said = wording()._("This copy was taken back already: %(moment)s.", moment=wording().moment(error.at))
        return _page(number, told, said), 409
    except BadInput as error:
        return _page(number, told, wording().problem(error.problems["reason"][0]), reason), 422
    flash(wording()._("The copy is taken back: whoever checks it is told so from now on."), "ok")
    return redirect(url_for("cases.copies", number=number), 303)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _page(number: str, told: str = "", problem: str = "", reason: str = "") -> str:
    view = see_copies(sessions.house(), sessions.actor(), number)
    return render_template(
        "cases/copies.html", head=view.head, copies=view.copies, told=told, problem=problem, reason=reason,
        most=TEXT_MOST,
    )  # fmt: skip
