"""All open cases of a version at once: looked at, moved by the worker; how far it is, and a way to stop it."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.errors import BadInput, SentBefore
from school_protocol.services.protocols import moving, moving_said, passages
from school_protocol.services.protocols.passages import PassageRefused, PassageView
from school_protocol.services.protocols.tallies import Count
from school_protocol.web import sessions
from school_protocol.web.protocols.moving import LONGEST, check_versions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

CODES_MOST = 40


def add_to(blueprint: Pages) -> None:
    """The addresses of passages."""
    blueprint.add_url_rule("/<key>/<int:old>/<int:new>/look", "look", look, methods=["POST"])
    blueprint.add_url_rule("/passages/<passage>", "passage", passage)
    blueprint.add_url_rule("/passages/<passage>/move", "move_all", move_all, methods=["POST"])
    blueprint.add_url_rule("/passages/<passage>/stop", "stop", stop, methods=["POST"])


def look(key: str, old: int, new: int) -> ResponseReturnValue:
    """Ask what would become of all of them; nothing moves."""
    check_versions(old, new)
    found = passages.begin_look(sessions.house(), sessions.actor(), key, old, new)
    sessions.ring()
    return redirect(url_for("protocols.passage", passage=found), 303)


def passage(passage: str) -> ResponseReturnValue:
    return _page(passage)


def move_all(passage: str) -> ResponseReturnValue:
    """Begin to move what can follow, and what was decided about."""
    reason, accepts = request.form.get("reason", ""), request.form.getlist("accepts")[:CODES_MOST]
    token = request.form.get("token", "")[:200]
    w = wording()
    try:
        begun = passages.begin_move(
            sessions.house(), sessions.actor(), passage, reason=reason, accepts=accepts, token=token
        )
    except BadInput as error:
        problems = [w.problem(code) for code in error.problems.get("reason", ())]
        return _page(passage, reason=reason, accepts=accepts, problems=problems, status=422)
    except SentBefore:
        said = w._("This page was sent before, with something else in it. Look at it as it is now, and send it again.")
        return _page(passage, reason=reason, accepts=accepts, refused=said, status=409)
    except PassageRefused as error:
        return _page(passage, reason=reason, accepts=accepts, refused=_refused(error), other=error.other, status=409)
    sessions.ring()
    if begun.repeated:
        flash(w._("This was begun already: nothing is done twice."), "message")
    return redirect(url_for("protocols.passage", passage=begun.passage), 303)


def _refused(error: PassageRefused) -> str:
    w = wording()
    if error.code != "under_way":
        return w._("Not all of them have been looked at yet.")
    by = passages.see_passage(sessions.house(), sessions.actor(), error.other).by if error.other else "—"
    return w._("Cases of this protocol are being moved already: %(name)s began it.", name=by)


def stop(passage: str) -> ResponseReturnValue:
    """No further case moves."""
    w = wording()
    if passages.stop(sessions.house(), sessions.actor(), passage):
        flash(w._("Stopped. What has moved stays moved."), "ok")
    else:
        flash(w._("It had come to its end before."), "message")
    return redirect(url_for("protocols.passage", passage=passage), 303)


def _page(
    passage_id: str,
    *,
    reason: str = "",
    accepts: Sequence[str] = (),
    problems: Sequence[str] = (),
    refused: str = "",
    other: str = "",
    status: int = 200,
) -> ResponseReturnValue:
    view = passages.see_passage(sessions.house(), sessions.actor(), passage_id[:LONGEST])
    w = wording()
    page = render_template(
        "protocols/passage.html",
        view=view,
        reason=reason,
        accepts=accepts,
        problems=problems,
        refused=refused,
        other=other,
        most=moving.REASON_MOST,
        said=Said(),
        stopped=moving_said.stopped_said(w, view.passage.why, view.stopped_by),
        asked=_asked(view),
        parts=[moving_said.ground_said(w, view.old, view.new, line) for line in view.parts],
    )
    return page, status


def _asked(view: PassageView) -> list[tuple[str, str]]:
    w = wording()
    return [(code, moving_said.code_said(w, code)) for code in view.asked]


class Said:
    """What a template says of numbers of cases, in the reader's language."""

    def outcome(self, outcome: str, count: Count) -> str:
        return moving_said.count_said(wording(), outcome, count)

    def reason(self, code: str) -> str:
        return moving_said.code_said(wording(), code)

    def cases(self, count: Count) -> str:
        return moving_said.in_cases(wording(), count)
