"""What changes between two versions, and the open cases that follow the older one: listed, and moved one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.definitions.saying import ChangeSaid, change_said
from school_protocol.domain.errors import BadInput, SentBefore, Unseen
from school_protocol.domain.policy import Permission
from school_protocol.services.protocols import moving, moving_said
from school_protocol.services.protocols.moving import DifferenceView
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("protocols", __name__, part="moving", asks=Permission.publish, url_prefix="/protocols")

MOST = 10**9
"""No version has a greater number."""
LONGEST = 60
CODES_MOST = 40


@blueprint.get("/<key>/<int:old>/<int:new>/difference")
def difference(key: str, old: int, new: int) -> ResponseReturnValue:
    check_versions(old, new)
    view = moving.see_difference(sessions.house(), sessions.actor(), key, old, new)
    return render_template("protocols/difference.html", view=view, groups=_groups(view))


def check_versions(old: int, new: int) -> None:
    """Raise Unseen where a number can't be a version's."""
    if max(old, new) > MOST:
        raise Unseen("protocols")


Told = tuple[ChangeSaid, bool]
"""A change in words, and whether it loosens something that is fixed."""


def _groups(view: DifferenceView) -> list[tuple[str, list[Told]]]:
    """The changes in words, those of one entry together."""
    w = wording()
    told = [(change_said(w, view.old, view.new, change), change.is_loosening) for change in view.changes]
    return [(where, list(lines)) for where, lines in groupby(told, key=lambda line: line[0].where)]


@blueprint.get("/<key>/<int:old>/<int:new>/cases")
def cases(key: str, old: int, new: int) -> ResponseReturnValue:
    """The open cases of a version, a page at a time, and what would become of each."""
    check_versions(old, new)
    after = request.args.get("after", "")[:LONGEST]
    view = moving.see_open_cases(sessions.house(), sessions.actor(), key, old, new, after=after)
    return render_template("protocols/open_cases.html", view=view, code_said=_code_said)


@blueprint.route("/<key>/<int:old>/<int:new>/cases/<number>", methods=["GET", "POST"])
def case(key: str, old: int, new: int, number: str) -> ResponseReturnValue:
    """One open case: what would become of it; one press lets it follow."""
    check_versions(old, new)
    if request.method != "POST":
        return _page(key, old, new, number)
    reason, accepts = request.form.get("reason", ""), request.form.getlist("accepts")[:CODES_MOST]
    token = request.form.get("token", "")[:200]
    w = wording()
    try:
        done = moving.move_case(
            sessions.house(), sessions.actor(), key, new, number, reason=reason, accepts=accepts, token=token, old=old
        )
    except BadInput as error:
        problems = [w.problem(code) for code in error.problems.get("reason", ())]
        return _page(key, old, new, number, Typed(reason, accepts, problems), 422)
    except SentBefore:
        said = w._("This page was sent before, with something else in it. Look at it as it is now, and send it again.")
        return _page(key, old, new, number, Typed(reason, accepts, refused=[said]), 409)
    if not done.line.is_moved:
        refused = [_code_said(code) for code in done.line.codes]
        return _page(key, old, new, number, Typed(reason, accepts, refused=refused), 409)
    if done.repeated:
        flash(w._("This was done already: nothing was done twice."), "message")
    flash(w._("The case follows the new version from now on."), "ok")
    return redirect(url_for("protocols.cases", key=key, old=old, new=new), 303)


def _code_said(code: str) -> str:
    return moving_said.code_said(wording(), code)


@dataclass(frozen=True, slots=True)
class Typed:
    """What was sent and not done, and why."""

    reason: str = ""
    accepts: Sequence[str] = ()
    problems: Sequence[str] = ()
    refused: Sequence[str] = ()


def _page(
    key: str, old: int, new: int, number: str, typed: Typed | None = None, status: int = 200
) -> ResponseReturnValue:
    view = moving.see_case(sessions.house(), sessions.actor(), key, new, number, old=old)
    page = render_template(
        "protocols/moving.html",
        view=view,
        typed=typed or Typed(),
        most=moving.REASON_MOST,
        outcome=moving_said.outcome_said(wording(), view.line),
        code_said=_code_said,
    )
    return page, status
