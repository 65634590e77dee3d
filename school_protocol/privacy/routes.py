"""Routes of privacy: how long a case is kept, holds, data rights, who can see a case, emergency access, time limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from io import BytesIO

from flask import current_app, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from school_protocol.auth import presenters as auth_presenters
from school_protocol.cases.lists import find_by_number
from school_protocol.context import AppContext
from school_protocol.engine.actors import in_team
from school_protocol.engine.answers import TEXT_MOST
from school_protocol.engine.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.engine.visibility import Actor, Permission
from school_protocol.pdf import rendering
from school_protocol.pdf.presenters import error_message
from school_protocol.pdf.verdicts import SealingError
from school_protocol.privacy import access_report, data_rights, emergency_access, holds
from school_protocol.privacy.emergency_access import HOURS, REASON_LEAST, Asked
from school_protocol.privacy.presenters import globals_of
from school_protocol.privacy.retention import limit_line_of
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import sessions
from school_protocol.ui.forms import Problem
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

case_retention_blueprint = Pages("cases", __name__, part="retention", asks=Permission.see_case, url_prefix="/cases")
case_retention_blueprint.panel("privacy/retention_line.html", limit_line_of, "cases.show", endpoint="cases.retention")


@case_retention_blueprint.route("/<number>/retention", methods=["GET", "POST"], is_long=True)
def retention(number: str) -> ResponseReturnValue:
    """How long the case is kept; `do` says which of the two forms was sent."""
    if request.method != "POST":
        return _case_retention_page(number)
    w, reason = wording(), request.form.get("reason", "")
    if request.form.get("do") == "resume":
        said = w._("The suspension is lifted. Two notices still come before anything is erased.")
        return _done(
            number, lambda: holds.resume(sessions.ctx(), sessions.actor(), number, reason, token=_token()), said
        )
    until = request.form.get("until", "")
    return _done(
        number,
        lambda: holds.suspend(sessions.ctx(), sessions.actor(), number, until, reason, token=_token()),
        w._("Erasing is suspended. Nobody erases this case until then."),
    )


def _token() -> str:
    return request.form.get("token", "")[:200]


def _done(number: str, work: Callable[[], datetime], said: str) -> ResponseReturnValue:
    try:
        work()
    except BadInput as error:
        return _case_retention_page(number, problems=_case_retention_problems(error)), 422
    except Refused as error:
        return _case_retention_page(number, refused=_refused(error.reasons[0].code)), 409
    except SentBefore:
        said = wording()._("This form was sent before, with other words. Look, and send again.")
        return _case_retention_page(number, refused=said), 409
    flash(said, "ok")
    return redirect(url_for("cases.retention", number=number), 303)


def _case_retention_problems(error: BadInput) -> list[Problem]:
    """What is wrong, at the boxes of the form that was sent."""
    w, form = wording(), "lift" if request.form.get("do") == "resume" else "hold"
    places = {"until": ("until", w._("Until which day, included?")), "reason": (f"why-{form}", w._("Why?"))}
    return [Problem(*places[key], _case_retention_said(key, codes[0])) for key, codes in error.problems.items()]


def _case_retention_said(key: str, code: str) -> str:
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


def _case_retention_page(number: str, *, problems: Sequence[Problem] = (), refused: str = "") -> str:
    view = holds.see_limit(sessions.ctx(), sessions.actor(), number)
    return render_template(
        "privacy/retention.html", view=view, head=view.head, problems=problems, refused=refused,
        typed=request.form, most=TEXT_MOST,
    )  # fmt: skip


# ---- requests about one's own data; a copy let go by two people ----------------------------------------------------

rights_blueprint = Pages("cases", __name__, part="rights", asks=Permission.see_case, url_prefix="/cases")
rights_blueprint.panel(
    "privacy/rights_line.html", data_rights.right_line_of, "cases.show", order=10, endpoint="cases.rights"
)


@rights_blueprint.route("/<number>/rights", methods=["GET", "POST"])
def rights(number: str) -> ResponseReturnValue:
    """What waits; `do` says which form was sent: a copy asked for, let go or not, or opened."""
    if request.method != "POST":
        return _rights_page(number)
    try:
        match request.form.get("do", ""):
            case "open":
                return _open(number)
            case "agree" | "decline" as decided:
                _settle(number, agreed=decided == "agree")
            case _ if not request.form.get("person"):
                return _rights_page(number, problems=_nobody_chosen()), 422
            case _:
                _ask(number)
    except Refused as error:
        return _rights_page(number, refused=_rights_said(error.reasons[0].code)), 409
    except SentBefore:
        return _rights_page(number, refused=wording()._("This form was sent before: look at what waits below.")), 409
    except SealingError as error:
        current_app.logger.exception("a copy of somebody's data could not be sealed")
        return _rights_page(number, refused=error_message(wording(), error)), 503
    return redirect(url_for("cases.rights", number=number), 303)


def _ask(number: str) -> None:
    person, token = request.form.get("person", "")[:80], request.form.get("token", "")[:200]
    typed = request.form.get("request", "")
    entry = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0
    data_rights.ask_right(sessions.ctx(), sessions.actor(), number, person, token=token, entry=entry)
    flash(wording()._("Asked for. The data officer has to agree before the copy can be opened."), "ok")


def _nobody_chosen() -> list[Problem]:
    w = wording()
    return [Problem("person", w._("Of whom?"), "refused:" + w._("Choose the person whose copy is asked for."))]


def _settle(number: str, *, agreed: bool) -> None:
    export = request.form.get("export", "")[:40]
    data_rights.settle_right(sessions.ctx(), sessions.actor(), number, export, agreed=agreed)
    w = wording()
    flash(w._("Agreed: the school can open the copy for ten days.") if agreed else w._("No copy is made."), "ok")


def _open(number: str) -> ResponseReturnValue:
    missing = rendering.missing()
    if missing:
        return _rights_page(number, refused=missing), 503
    opened = data_rights.open_copy(
        sessions.ctx(), sessions.actor(), number, request.form.get("export", "")[:40],
        request.form.get("language", "")[:12],
    )  # fmt: skip
    return send_file(BytesIO(opened.data), "application/pdf", as_attachment=True, download_name=opened.name)


def _rights_said(code: str) -> str:
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


def _rights_page(number: str, *, problems: Sequence[Problem] = (), refused: str = "") -> str:
    view = data_rights.see_rights(sessions.ctx(), sessions.actor(), number)
    if view.against or not view.people:
        problems = ()  # the box that they lead to isn't there: what stands against it is said in its place
    return render_template(
        "privacy/rights.html", view=view, head=view.head, problems=problems, refused=refused, typed=request.form,
        against=[_rights_said(reason.code) for reason in view.against],
        offered=[one for one in sessions.ctx().settings.languages if one in view.head.protocol.languages],
    )  # fmt: skip


# ---- who can see a case and who has read it; names lifted; emergency openings and their review ---------------------

sight_blueprint = Pages("cases", __name__, part="sight", asks=Permission.see_case, url_prefix="/cases")
sight_blueprint.panel(
    "privacy/sight_link.html", emergency_access.may_try, "desk.find", order=40, endpoint="cases.emergency"
)
sight_blueprint.panel("privacy/sight_waiting.html", emergency_access.reviews_waiting, "desk.cards", order=30)

MOST = 10**9
ACCESS_CURSOR_MOST = 200
LONGEST = TEXT_MOST * 8
"""How much of a text that is far too long is shown again."""

Typed = Mapping[str, str]
sight_blueprint.record(lambda state: state.app.jinja_env.globals.update(in_team=in_team, **globals_of(wording)))


# ---- who sees it, who has read it --------------------------------------------------------------------------------


@sight_blueprint.get("/<number>/sight")
def sight(number: str) -> ResponseReturnValue:
    view = access_report.see_sight(sessions.ctx(), sessions.actor(), number)
    return render_template("privacy/sight.html", view=view, head=view.head)


@sight_blueprint.get("/<number>/sight/readings")
def readings(number: str) -> ResponseReturnValue:
    after = request.args.get("after") or None
    if after is not None and len(after) > ACCESS_CURSOR_MOST:
        raise Unseen(number)
    head, found = access_report.see_readings(sessions.ctx(), sessions.actor(), number, after)
    return render_template("privacy/sight_readings.html", head=head, readings=found, after=after)


# ---- names -------------------------------------------------------------------------------------------------------


@sight_blueprint.route("/<number>/sight/names", methods=["GET", "POST"])
def names(number: str) -> ResponseReturnValue:
    """Why, for how long, and the password; then the pages of the case show names."""
    if request.method != "POST":
        return _names_page(number, ui_forms.typed_before(sessions.actor().id))
    typed = request.form
    try:
        lifted = emergency_access.lift(sessions.ctx(), sessions.actor(), number, _asked(typed, _hours(typed)))
    except emergency_access.OpenBefore:
        flash(wording()._("Names are shown to you already."), "message")
        return redirect(url_for("cases.show", number=number), 303)
    except BadInput as error:
        ui_forms.keep()
        return _names_page(number, typed, error), 422
    ui_forms.forget(sessions.actor().id)
    w = wording()
    flash(
        w._(
            "Names are shown to you until %(moment)s. The chronology of the case says so, for its school to read.",
            moment=w.moment(lifted.until),
        ),
        "ok",
    )
    return redirect(url_for("cases.show", number=number), 303)


@sight_blueprint.post("/<number>/sight/<int:seq>/end")
def end_opened(number: str, seq: int) -> ResponseReturnValue:
    """What this person opened for a time is closed before its time."""
    if seq > MOST:
        raise Unseen(number)
    w = wording()
    if emergency_access.end_access(sessions.ctx(), sessions.actor(), number, seq):
        flash(w._("It is closed again."), "ok")
    else:
        flash(w._("It was closed already."), "message")
    return redirect(_back_to(number), 303)


def _back_to(number: str) -> str:
    """The case, where it is still seen; else the desk."""
    try:
        find_by_number(sessions.ctx(), sessions.actor(), number)
    except Unseen:
        return url_for("desk.index")
    return url_for("cases.show", number=number)


def _names_page(number: str, typed: Typed | None, error: BadInput | None = None) -> str:
    view = emergency_access.see_names(sessions.ctx(), sessions.actor(), number)
    return render_template(
        "privacy/sight_names.html", view=view, head=view.head, typed=_shown(typed), hours=HOURS, least=REASON_LEAST,
        most=TEXT_MOST, problems=_sight_problems(error), was_kept=error is None and typed is not None,
    )  # fmt: skip


# ---- emergency openings ------------------------------------------------------------------------------------------


@sight_blueprint.route("/emergency", methods=["GET", "POST"], asks=Permission.see_cases)
def emergency() -> ResponseReturnValue:
    """By number: the case opens to be read, or the answer is the same as for a number that nobody has."""
    if not emergency_access.may_try(sessions.ctx(), sessions.actor()):
        raise Unseen("emergency")
    if request.method != "POST":
        return _emergency_page(ui_forms.typed_before(sessions.actor().id))
    typed = request.form
    try:
        number = emergency_access.break_door(
            sessions.ctx(), sessions.actor(), typed.get("number", "")[:ACCESS_CURSOR_MOST], _asked(typed, max(HOURS))
        )
    except emergency_access.SeenAnyway as error:
        flash(wording()._("You see this case without opening anything."), "message")
        return redirect(url_for("cases.show", number=error.number), 303)
    except BadInput as error:
        ui_forms.keep()
        return _emergency_page(typed, error), 422
    except Unseen:
        ui_forms.keep()
        return _emergency_page(typed, BadInput({"number": ("unseen",)})), 404
    ui_forms.forget(sessions.actor().id)
    sessions.ring()
    flash(wording()._("The case is open to you, to be read. Others are told, and somebody will review it."), "ok")
    return redirect(url_for("cases.show", number=number), 303)


def _emergency_page(typed: Typed | None, error: BadInput | None = None) -> str:
    return render_template(
        "privacy/sight_emergency.html", typed=_shown(typed), hours=max(HOURS), least=REASON_LEAST, most=TEXT_MOST,
        problems=_sight_problems(error), was_kept=error is None and typed is not None,
    )  # fmt: skip


@sight_blueprint.route("/<number>/sight/doors/<int:seq>", methods=["GET", "POST"])
def door(number: str, seq: int) -> ResponseReturnValue:
    """What was opened, by whom and why; and, for a second person, whether it was justified."""
    if seq > MOST:
        raise Unseen(number)
    if request.method != "POST":
        return _door_page(number, seq, ui_forms.typed_before(sessions.actor().id))
    typed = request.form
    justified = {"yes": True, "no": False}.get(typed.get("justified", ""))
    try:
        emergency_access.review(
            sessions.ctx(), sessions.actor(), number, seq, justified=justified, sentence=typed.get("sentence", "")
        )
    except emergency_access.ReviewedBefore:
        flash(wording()._("It was reviewed already."), "message")
        return redirect(url_for("cases.door", number=number, seq=seq), 303)
    except BadInput as error:
        ui_forms.keep()
        return _door_page(number, seq, typed, error), 422
    ui_forms.forget(sessions.actor().id)
    flash(wording()._("Your review is recorded."), "ok")
    return redirect(url_for("cases.door", number=number, seq=seq), 303)


def _door_page(number: str, seq: int, typed: Typed | None, error: BadInput | None = None) -> str:
    view = emergency_access.see_door(sessions.ctx(), sessions.actor(), number, seq)
    return render_template(
        "privacy/sight_door.html", view=view, head=view.head, typed=_shown(typed), least=REASON_LEAST, most=TEXT_MOST,
        problems=_sight_problems(error), was_kept=error is None and typed is not None,
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


def _sight_problems(error: BadInput | None) -> list[Problem]:
    w = wording()
    labels = {
        "number": w._("Number of the case"), "reason": w._("Why?"), "hours": w._("For how long?"),
        "password": w._("Your password"), "justified": w._("Was it justified?"), "sentence": w._("In a sentence"),
    }  # fmt: skip
    found = error.problems if error is not None else {}
    return [Problem(field, labels[field], _sight_said(code)) for field, codes in found.items() for code in codes]


def _sight_said(code: str) -> str:
    """Sentences of these pages' own; else the code of one that every form has."""
    w = wording()
    if code == "wrong_password":
        return "refused:" + w._("This password is not yours. Nothing was opened; your text is kept.")
    if code.startswith("too_many_tries:"):
        return "refused:" + auth_presenters.problem(w, code)
    if code == "unseen":
        return "refused:" + w._("No case opens to you under this number. Check it with whoever gave it to you.")
    return code


# ---- the cases whose time runs out: by numbers alone; the data officer confirms what is erased ---------------------

retention_blueprint = Pages("retention", __name__, asks=Permission.signed_in, url_prefix="/retention")
retention_blueprint.panel(
    "privacy/retention_links.html", holds.may_see_list, "desk.find", order=20, endpoint="retention.index"
)

DESK_MOST = 5
"""So many requests stand on the desk."""
LIMIT_CURSOR_MOST = 80
NUMBERS_MOST = holds.PAGE


def requests_waiting(ctx: AppContext, actor: Actor) -> Sequence[data_rights.RequestLine]:
    """The requests about one's data that are due first, for the desk of whoever answers them."""
    if not data_rights.answers_requests(ctx, actor):
        return ()
    return data_rights.see_requests(ctx, actor, limit=DESK_MOST, only_mine=True).lines


retention_blueprint.panel(
    "privacy/retention_waiting.html", requests_waiting, "desk.cards", order=40, endpoint="retention.requests"
)


@retention_blueprint.route("", methods=["GET", "POST"])
def index() -> ResponseReturnValue:
    """All of them, or (`waiting=1`) those that wait for a confirmation; the ticked ones are confirmed."""
    if request.method == "POST":
        return _agree()
    after = _cursor()
    found = holds.see_list(
        sessions.ctx(), sessions.actor(), after=after, only_waiting=request.args.get("waiting") == "1"
    )
    return render_template("privacy/retention_index.html", found=found)


def _cursor() -> str | None:
    after = request.args.get("after") or None
    if after is not None and len(after) > LIMIT_CURSOR_MOST:
        raise Unseen("retention")
    return after


def _agree() -> ResponseReturnValue:
    w = wording()
    numbers = request.form.getlist("number")[:NUMBERS_MOST]
    if not numbers and holds.may_see_list(sessions.ctx(), sessions.actor()):
        flash(w._("No case was ticked: nothing was confirmed."), "message")
        return redirect(url_for("retention.index", waiting=1), 303)
    try:
        count = holds.agree(sessions.ctx(), sessions.actor(), numbers, token=request.form.get("token", "")[:200])
    except SentBefore:
        flash(w._("This form was sent before, with other cases ticked: look at the list again."), "message")
        return redirect(url_for("retention.index", waiting=1), 303)
    if count:
        flash(
            w.ngettext(
                "Confirmed: one case is erased within the hour.",
                "Confirmed: %(num)d cases are erased within the hour.",
                count,
            ),
            "ok",
        )
    if count < len(set(numbers)):
        flash(w._("Some of these cases can’t be erased any more: something happened in them meanwhile."), "message")
    return redirect(url_for("retention.index"), 303)


@retention_blueprint.get("/requests")
def requests() -> ResponseReturnValue:
    """What people asked about themselves, and until when it is answered."""
    found = data_rights.see_requests(sessions.ctx(), sessions.actor(), after=_cursor())
    return render_template("privacy/retention_requests.html", found=found)
