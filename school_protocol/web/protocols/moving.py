"""What changes between two versions, and the open cases that follow the older one: looked at, then moved."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.definitions.saying import ChangeSaid, change_said
from school_protocol.domain.errors import BadInput, SentBefore, Unseen
from school_protocol.services.protocols import moving, moving_said, passages
from school_protocol.services.protocols.moving import DifferenceView
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

MOST = 10**9
"""No version has a greater number."""
LONGEST = 60


def add_to(blueprint: Pages) -> None:
    """The addresses of a difference and of the cases that may follow."""
    pair = "/<key>/<int:old>/<int:new>"
    blueprint.add_url_rule(f"{pair}/difference", "difference", difference)
    blueprint.add_url_rule(f"{pair}/cases", "cases", cases, methods=["GET", "POST"])


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


def cases(key: str, old: int, new: int) -> ResponseReturnValue:
    """The open cases of a version, a page at a time: what becomes of each; one press moves those of the page."""
    check_versions(old, new)
    if request.method != "POST":
        return _page(key, old, new)
    numbers, decided = request.form.getlist("number"), request.form.getlist("decided")
    reason = request.form.get("reason", "")
    token = request.form.get("token", "")[:200]
    if len(numbers) > moving.PAGE or any(len(one) > LONGEST for one in (*numbers, *decided)):
        raise Unseen("cases")
    try:
        done = moving.press_move(
            sessions.house(), sessions.actor(), key, old, new, numbers, reason=reason, decided=decided, token=token
        )
    except BadInput as error:
        codes = error.problems.get("reason", ())
        problems = [wording().problem(code) for code in codes]
        return _page(key, old, new, reason=reason, decided=decided, problems=problems, status=422)
    except SentBefore:
        return _page(key, old, new, reason=reason, decided=decided, is_sent=True, status=409)
    _tell(done)
    return redirect(url_for("protocols.cases", key=key, old=old, new=new, after=request.form.get("next") or None), 303)


def _tell(done: moving.Moved) -> None:
    w = wording()
    if done.repeated:
        flash(w._("This was done already: nothing was done twice."), "message")
    if done.moved:
        said = w.ngettext(
            "One case follows the new version from now on.",
            "%(num)d cases follow the new version from now on.",
            done.moved,
        )
        flash(said, "ok")
    if done.left:
        flash(w.ngettext("One case stays as it is.", "%(num)d cases stay as they are.", done.left), "message")


def _page(
    key: str,
    old: int,
    new: int,
    *,
    reason: str = "",
    decided: Sequence[str] = (),
    problems: Sequence[str] = (),
    is_sent: bool = False,
    status: int = 200,
) -> ResponseReturnValue:
    after = request.args.get("after", "")[:LONGEST]
    preview = moving.see_moving(sessions.house(), sessions.actor(), key, old, new, after=after)
    w = wording()
    page = render_template(
        "protocols/moving.html",
        view=preview,
        recent=passages.see_recent(sessions.house(), sessions.actor(), key, old, new),
        at=after,
        reason=reason,
        decided=decided,
        problems=problems,
        is_sent=is_sent,
        most=moving.REASON_MOST,
        code_said=lambda code: moving_said.code_said(w, code),
        parts=[moving_said.ground_said(w, preview.old, preview.new, line) for line in preview.parts],
    )
    return page, status
