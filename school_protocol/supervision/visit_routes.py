"""The teams of a region, one school's team, its figures, visits and their pack; who is on duty at night."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from flask import current_app, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from school_protocol.context import today_for
from school_protocol.engine.errors import SentBefore, Unseen
from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Permission
from school_protocol.pdf.presenters import error_message
from school_protocol.pdf.verdicts import SealingError
from school_protocol.people import roster
from school_protocol.people.forms import TeamForm
from school_protocol.people.routes import record_form, say_done
from school_protocol.people.teams import Obstacle, TeamRefused
from school_protocol.statistics.presenters import band_said
from school_protocol.supervision import regional_teams, team_statistics, visit_service
from school_protocol.supervision import visit_pack as told
from school_protocol.supervision.forms import duty_form, visit_form
from school_protocol.supervision.referral_contacts import Kept
from school_protocol.supervision.regional_teams import sight_of
from school_protocol.supervision.visit_pack import PackOptions, issue_pack, see_pack
from school_protocol.ui import sessions
from school_protocol.ui.fields import Posted, day_typed
from school_protocol.ui.forms import Problem, as_sent, new_token, one_for_each
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

blueprint = Pages("visits", __name__, asks=Permission.see_teams, url_prefix="/teams")
blueprint.entry(N_("Teams of the region"), 70)
blueprint.panel("supervision/visits_of_team.html", sight_of, "team.show")

CURSOR_MOST = 300
CODE_MOST = 40


# ---- lists ---------------------------------------------------------------------------------------------------------


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The teams of one's region, by name; what a team lacks can be asked for."""
    wanted = regional_teams.Narrowed(request.args.get("lack", ""), _code("place"), request.args.get("level", ""))
    view = regional_teams.see_teams(sessions.ctx(), sessions.actor(), wanted, _cursor())
    return render_template(
        "supervision/visits_index.html",
        view=view,
        place_typed=wanted.place,
        problems=_place_problems(view.is_place_known),
    )


@blueprint.get("/visits")
def visits() -> ResponseReturnValue:
    """The visits to these teams, the latest first."""
    typed = request.args.get("since", "")[:30].strip()
    since = day_typed(typed) if typed else None
    wanted = visit_service.Narrowed(request.args.get("show", ""), _code("place"), since)
    view = visit_service.see_visits(sessions.ctx(), sessions.actor(), wanted, _cursor())
    problems = _place_problems(view.is_place_known)
    if typed and since is None:
        problems.append(Problem("since", wording()._("Held since"), "not_a_date"))
    return render_template(
        "supervision/visits.html", view=view, typed=typed, place_typed=wanted.place, problems=problems
    )


def _code(name: str) -> str:
    return request.args.get(name, "")[:CODE_MOST].strip().upper()


def _cursor() -> str:
    after = request.args.get("after", "")
    return after if len(after) <= CURSOR_MOST else ""


def _place_problems(is_known: bool) -> list[Problem]:
    w = wording()
    if is_known:
        return []
    words = w._("No place of yours has this code. All your schools are shown below.")
    return [Problem("place", w._("School or province"), f"refused:{words}")]


# ---- one school ----------------------------------------------------------------------------------------------------


@blueprint.get("/schools/<school>", asks=Permission.see_visits)
def school(school: str) -> ResponseReturnValue:
    """One school's team: certificates, who administers its accounts, visits and what was agreed."""
    ctx, actor = sessions.ctx(), sessions.actor()
    view = regional_teams.see_school(ctx, actor, school)
    visits, after = visit_service.visits_of(ctx, view.sight, after=_cursor())
    return render_template(
        "supervision/visits_school.html", view=view, visits=visits, after=after, today=today_for(ctx),
        new_token=new_token,
        played=team_statistics.see_workshops(ctx, view.sight), **_figures_said(),
    )  # fmt: skip


@blueprint.get("/schools/<school>/figures")
def team_figures(school: str) -> ResponseReturnValue:
    """How the team kept to the protocol over a year or a term, exactly, for whoever may read the cases."""
    view = team_statistics.see_figures(sessions.ctx(), sessions.actor(), school, _time())
    w = wording()
    return render_template(
        "supervision/visits_figures.html", view=view, wait=lambda one: told.wait_label(w, one), **_figures_said()
    )


def _time() -> str:
    """The time that was asked for, as an address of this page says it, or by a name that somebody guessed."""
    return (request.args.get("time") or request.args.get("period") or "")[:12]


def _figures_said() -> dict[str, Any]:
    w = wording()
    return {
        "period": lambda span: told.period_said(w, span),
        "band": lambda one: band_said(w, one),
        "share": lambda one: told.share_label(w, one),
    }


@blueprint.route("/schools/<school>/pack", methods=["GET", "POST"], asks=Permission.write_visits)
def visit_pack(school: str) -> ResponseReturnValue:
    """Choose a language; pressed, a pack for the visit is handed out."""
    ctx, actor = sessions.ctx(), sessions.actor()
    options = see_pack(ctx, actor, school)
    if request.method != "POST" or options.missing:
        return _pack(options)
    language = request.form.get("language", "")[:8]
    if language not in options.languages:
        return _pack(options, problem=wording().problem("unknown_option")), 422
    try:
        issued = issue_pack(ctx, actor, school, language, token=one_for_each(language))
    except SentBefore as error:
        return _pack(options, before=error.outcome["copy"]), 409
    except SealingError as error:
        current_app.logger.exception("a visit pack could not be sealed")
        return _pack(options, unsealed=error_message(wording(), error)), 503
    return send_file(BytesIO(issued.data), "application/pdf", as_attachment=True, download_name=issued.name)


def _pack(options: PackOptions, **more: Any) -> str:
    said = {"before": None, "problem": "", "unsealed": "", **more}
    return render_template("supervision/visits_pack.html", options=options, token=new_token(), **said)


# ---- visits --------------------------------------------------------------------------------------------------------


@blueprint.route("/schools/<school>/visits/new", methods=["GET", "POST"], asks=Permission.write_visits, is_long=True)
def new(school: str) -> ResponseReturnValue:
    """Write down a visit that was made."""
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    view = _visiting(school)
    return _writing(
        view,
        None,
        lambda posted: visit_form(w, posted, today_for(ctx)),
        lambda form, answers: visit_service.record(ctx, actor, school, token=form.sent_token(), **answers),
        w._("The visit is written down. The team’s head and coordinator can read it."),
    )


@blueprint.route(
    "/schools/<school>/visits/<visit>", methods=["GET", "POST"], asks=Permission.write_visits, is_long=True
)
def correct(school: str, visit: str) -> ResponseReturnValue:
    """Put a visit right, by a new entry: what was written stays to be read."""
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    view = _visiting(school)
    _sight, shown = visit_service.see_visit(ctx, actor, school, visit)
    if not shown.may_correct and request.method != "POST":
        flash(_not_the_writer(), "message")
        return redirect(_to_visit(school, visit), 303)
    return _writing(
        view,
        shown,
        lambda posted: visit_form(w, posted, today_for(ctx), shown),
        lambda form, answers: visit_service.correct(
            ctx, actor, school, visit, expected=form.expected_seq(), token=form.sent_token(), **answers
        ),
        w._("The visit is put right. You, and those above who see the cases of this school, can read what was before."),
    )


@blueprint.post("/schools/<school>/visits/<visit>/done", asks=Permission.see_visits)
def done(school: str, visit: str) -> ResponseReturnValue:
    """Something that was agreed is done."""
    sent, w = as_sent(), wording()
    action, expected = (_number(sent.get(name, "")) for name in ("action", "expected"))
    token = (sent.get("token") or new_token())[:200]
    try:
        noted = visit_service.note_done(
            sessions.ctx(), sessions.actor(), school, visit, action, expected=expected, token=token
        )
        say_done(w._("Noted as done."), repeated=noted.repeated)
    except (TeamRefused, SentBefore):
        flash(_changed(), "message")
    return redirect(_to_visit(school, visit), 303)


def _to_visit(school: str, visit: str) -> str:
    return url_for("visits.school", school=school, _anchor=f"visit-{visit}")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _changed() -> str:
    return wording()._("Somebody wrote about this visit meanwhile: look at it again. Nothing was done.")


def _not_the_writer() -> str:
    return wording()._("Only whoever wrote down a visit puts it right. Tell them what you know better.")


def _obstacle(one: Obstacle) -> str:
    return _not_the_writer() if one.code == "not_the_writer" else _changed()


def _visiting(school: str) -> regional_teams.SchoolView:
    view = regional_teams.see_school(sessions.ctx(), sessions.actor(), school)
    if view.sight.visiting is None:
        raise Unseen(school)
    return view


def _writing(
    view: regional_teams.SchoolView,
    shown: visit_service.VisitView | None,
    make: Callable[[Posted | None], TeamForm],
    record: Callable[[TeamForm, Mapping[str, Any]], Kept],
    words: str,
) -> ResponseReturnValue:

    def page(form: TeamForm, **more: Any) -> str:
        if more["obstacles"]:
            form.expected.data = str(shown.number if shown else 0)
        return render_template("supervision/visit.html", view=view, visit=shown, form=form, **more)

    def done(noted: Kept) -> ResponseReturnValue:
        say_done(words, repeated=noted.repeated)
        return redirect(_to_visit(view.sight.unit.code, noted.id), 303)

    return record_form(make, record, page, done, explain=lambda _w, one: _obstacle(one))


# ---- who is on duty ------------------------------------------------------------------------------------------------


@blueprint.route("/duty", methods=["GET", "POST"], asks=Permission.keep_roster)
def duty() -> ResponseReturnValue:
    """Who is told at night and on holidays, and when nobody is on duty; a turn is entered."""
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    view = roster.see_roster(ctx, actor, _code("place"))

    def done(is_entered: bool) -> ResponseReturnValue:
        say_done(w._("The turn is entered."), repeated=not is_entered)
        return redirect(_way(view), 303)

    return record_form(
        lambda posted: duty_form(w, posted, view.candidates),
        lambda form, answers: roster.enter(ctx, actor, view.unit.code, **answers, token=form.sent_token()),
        lambda form, **more: render_template(
            "supervision/visits_duty.html", view=view, form=form, new_token=new_token, **more
        ),
        done,
    )


@blueprint.post("/duty/<turn>/withdraw", asks=Permission.keep_roster)
def withdraw(turn: str) -> ResponseReturnValue:
    """A turn is taken back."""
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    view = roster.see_roster(ctx, actor, _code("place"))
    token = (as_sent().get("token") or new_token())[:200]
    roster.withdraw(ctx, actor, view.unit.code, turn, token=token)
    flash(w._("The turn is taken back."), "ok")
    return redirect(_way(view), 303)


def _way(view: roster.RosterView) -> str:
    return url_for("visits.duty", place=view.unit.code if view.others else None)
