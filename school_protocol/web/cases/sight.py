"""Who can see a case and who has read it; names lifted for a time; a case opened in an emergency, and its review."""

from __future__ import annotations

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from school_protocol.domain.acting import in_team
from school_protocol.domain.answers import TEXT_MOST
from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.policy import Permission
from school_protocol.services.desk import find_by_number
from school_protocol.services.sight import breaking, lifting, who_sees
from school_protocol.services.sight.asking import HOURS, REASON_LEAST, Asked
from school_protocol.web import kept, sessions
from school_protocol.web.account import sayings as account_sayings
from school_protocol.web.cases.sight_said import globals_of
from school_protocol.web.forms import Problem
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("cases", __name__, part="sight", asks=Permission.see_case, url_prefix="/cases")
blueprint.panel("cases/sight_link.html", breaking.may_try, "desk.find", order=40, endpoint="cases.emergency")
blueprint.panel("cases/sight_waiting.html", breaking.reviews_waiting, "desk.cards", order=30)

MOST = 10**9
CURSOR_MOST = 200
LONGEST = TEXT_MOST * 8
"""How much of a text that is far too long is shown again."""

Typed = Mapping[str, str]
blueprint.record(lambda state: state.app.jinja_env.globals.update(in_team=in_team, **globals_of(wording)))


# ---- who sees it, who has read it --------------------------------------------------------------------------------


@blueprint.get("/<number>/sight")
def sight(number: str) -> ResponseReturnValue:
    view = who_sees.see_sight(sessions.house(), sessions.actor(), number)
    return render_template("cases/sight.html", view=view, head=view.head)


@blueprint.get("/<number>/sight/readings")
def readings(number: str) -> ResponseReturnValue:
    after = request.args.get("after") or None
    if after is not None and len(after) > CURSOR_MOST:
        raise Unseen(number)
    head, found = who_sees.see_readings(sessions.house(), sessions.actor(), number, after)
    return render_template("cases/sight_readings.html", head=head, readings=found, after=after)


# ---- names -------------------------------------------------------------------------------------------------------


@blueprint.route("/<number>/sight/names", methods=["GET", "POST"])
def names(number: str) -> ResponseReturnValue:
    """Why, for how long, and the password; then the pages of the case show names."""
    if request.method != "POST":
        return _names_page(number, kept.typed_before(sessions.actor().id))
    typed = request.form
    try:
        lifted = lifting.lift(sessions.house(), sessions.actor(), number, _asked(typed, _hours(typed)))
    except lifting.OpenBefore:
        flash(wording()._("Names are shown to you already."), "message")
        return redirect(url_for("cases.show", number=number), 303)
    except BadInput as error:
        kept.keep()
        return _names_page(number, typed, error), 422
    kept.forget(sessions.actor().id)
    w = wording()
    flash(
        w._(
            "Names are shown to you until %(moment)s. The chronology of the case says so, for its school to read.",
            moment=w.moment(lifted.until),
        ),
        "ok",
    )
    return redirect(url_for("cases.show", number=number), 303)


@blueprint.post("/<number>/sight/<int:seq>/end")
def end_opened(number: str, seq: int) -> ResponseReturnValue:
    """What this person opened for a time is closed before its time."""
    if seq > MOST:
        raise Unseen(number)
    w = wording()
    if lifting.end(sessions.house(), sessions.actor(), number, seq):
        flash(w._("It is closed again."), "ok")
    else:
        flash(w._("It was closed already."), "message")
    return redirect(_back_to(number), 303)


def _back_to(number: str) -> str:
    """The case, where it is still seen; else the desk."""
    try:
        find_by_number(sessions.house(), sessions.actor(), number)
    except Unseen:
        return url_for("desk.index")
    return url_for("cases.show", number=number)


def _names_page(number: str, typed: Typed | None, error: BadInput | None = None) -> str:
    view = lifting.see_names(sessions.house(), sessions.actor(), number)
    return render_template(
        "cases/sight_names.html", view=view, head=view.head, typed=_shown(typed), hours=HOURS, least=REASON_LEAST,
        most=TEXT_MOST, problems=_problems(error), was_kept=error is None and typed is not None,
    )  # fmt: skip


# ---- emergency openings ------------------------------------------------------------------------------------------


@blueprint.route("/emergency", methods=["GET", "POST"], asks=Permission.see_cases)
def emergency() -> ResponseReturnValue:
    """By number: the case opens to be read, or the answer is the same as for a number that nobody has."""
    if not breaking.may_try(sessions.house(), sessions.actor()):
        raise Unseen("emergency")
    if request.method != "POST":
        return _emergency_page(kept.typed_before(sessions.actor().id))
    typed = request.form
    try:
        number = breaking.break_door(
            sessions.house(), sessions.actor(), typed.get("number", "")[:CURSOR_MOST], _asked(typed, max(HOURS))
        )
    except breaking.SeenAnyway as error:
        flash(wording()._("You see this case without opening anything."), "message")
        return redirect(url_for("cases.show", number=error.number), 303)
    except BadInput as error:
        kept.keep()
        return _emergency_page(typed, error), 422
    except Unseen:
        kept.keep()
        return _emergency_page(typed, BadInput({"number": ("unseen",)})), 404
    kept.forget(sessions.actor().id)
    sessions.ring()
    flash(wording()._("The case is open to you, to be read. Others are told, and somebody will review it."), "ok")
    return redirect(url_for("cases.show", number=number), 303)


def _emergency_page(typed: Typed | None, error: BadInput | None = None) -> str:
    return render_template(
        "cases/sight_emergency.html", typed=_shown(typed), hours=max(HOURS), least=REASON_LEAST, most=TEXT_MOST,
        problems=_problems(error), was_kept=error is None and typed is not None,
    )  # fmt: skip


@blueprint.route("/<number>/sight/doors/<int:seq>", methods=["GET", "POST"])
def door(number: str, seq: int) -> ResponseReturnValue:
    """What was opened, by whom and why; and, for a second person, whether it was justified."""
    if seq > MOST:
        raise Unseen(number)
    if request.method != "POST":
        return _door_page(number, seq, kept.typed_before(sessions.actor().id))
    typed = request.form
    justified = {"yes": True, "no": False}.get(typed.get("justified", ""))
    try:
        breaking.review(
            sessions.house(), sessions.actor(), number, seq, justified=justified, sentence=typed.get("sentence", "")
        )
    except breaking.ReviewedBefore:
        flash(wording()._("It was reviewed already."), "message")
        return redirect(url_for("cases.door", number=number, seq=seq), 303)
    except BadInput as error:
        kept.keep()
        return _door_page(number, seq, typed, error), 422
    kept.forget(sessions.actor().id)
    flash(wording()._("Your review is recorded."), "ok")
    return redirect(url_for("cases.door", number=number, seq=seq), 303)


def _door_page(number: str, seq: int, typed: Typed | None, error: BadInput | None = None) -> str:
    view = breaking.see_door(sessions.house(), sessions.actor(), number, seq)
    return render_template(
        "cases/sight_door.html", view=view, head=view.head, typed=_shown(typed), least=REASON_LEAST, most=TEXT_MOST,
        problems=_problems(error), was_kept=error is None and typed is not None,
    )  # fmt: skip


# ---- forms -------------------------------------------------------------------------------------------------------


def _asked(typed: Typed, hours: int) -> Asked:
    return Asked(typed.get("reason", ""), hours, typed.get("password", ""))


def _hours(typed: Typed) -> int:
    sent = typed.get("hours", "")
    return int(sent) if sent in {str(one) for one in HOURS} else 0


def _shown(typed: Typed | None) -> dict[str, str]:
    """What stands in the form again: never a password."""
    found: Typed = MultiDict() if typed is None else typed
    return {name: found.get(name, "")[:LONGEST] for name in ("number", "reason", "hours", "justified", "sentence")}


def _problems(error: BadInput | None) -> list[Problem]:
    w = wording()
    labels = {
        "number": w._("Number of the case"), "reason": w._("Why?"), "hours": w._("For how long?"),
        "password": w._("Your password"), "justified": w._("Was it justified?"), "sentence": w._("In a sentence"),
    }  # fmt: skip
    found = error.problems if error is not None else {}
    return [Problem(field, labels[field], _said(code)) for field, codes in found.items() for code in codes]


def _said(code: str) -> str:
    """Sentences of these pages' own; else the code of one that every form has."""
    w = wording()
    if code == "wrong_password":
        return "refused:" + w._("This password is not yours. Nothing was opened; your text is kept.")
    if code.startswith("too_many_tries:"):
        return "refused:" + account_sayings.problem(w, code)
    if code == "unseen":
        return "refused:" + w._("No case opens to you under this number. Check it with whoever gave it to you.")
    return code
