"""The team: who works in a school, who is away and who stands in, who leaves, which cases are left alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.cases import handing_over
from school_protocol.context import today_for
from school_protocol.engine.errors import Unseen
from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Permission
from school_protocol.people import presenters as people_presenters
from school_protocol.people import stand_ins, teams
from school_protocol.people.certificate_reminders import certificates_ending
from school_protocol.people.forms import TeamForm, at_once_form, ending_form, leaving_form, stand_in_form
from school_protocol.people.routes import record_form
from school_protocol.people.teams import Changed
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import rendering, sessions
from school_protocol.ui.fields import Posted
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

blueprint = Pages("team", __name__, asks=Permission.see_team, url_prefix="/team")
blueprint.entry(N_("The team"), 60)
blueprint.panel(
    "cases/team_orphans.html",
    lambda *who: handing_over.see_own(*who) if rendering.are_shown() else (),
    "desk.cards",
    order=20,
)
blueprint.panel("cases/team_certificates.html", certificates_ending, "desk.notes")

CURSOR_MOST = 200


# ---- seeing ------------------------------------------------------------------------------------------------------


@blueprint.get("")
def index() -> ResponseReturnValue:
    """One's school; or, for whoever has several, what they oversee."""
    found = teams.places(sessions.ctx(), sessions.actor())
    if not found:
        raise Unseen("team")
    if len(found) == 1 and not found[0].oversees:
        return school(found[0].unit.code)
    overseen = handing_over.see_overseen(sessions.ctx(), sessions.actor())
    return render_template("cases/team_overseen.html", overseen=overseen, units=[place.unit for place in found])


@blueprint.get("/schools/<school>")
def school(school: str) -> ResponseReturnValue:
    view = teams.see_team(sessions.ctx(), sessions.actor(), school)
    codes = stand_ins.see_codes(sessions.ctx(), sessions.actor(), school)
    return render_template("cases/team_show.html", team=view, codes=codes, today=today_for(sessions.ctx()), **_said())


@blueprint.get("/hand-over")
def hand_over() -> ResponseReturnValue:
    """A school's open cases, one printed page each."""
    found = teams.places(sessions.ctx(), sessions.actor())
    wanted = request.args.get("school") or (found[0].unit.code if len(found) == 1 else "")
    after = request.args.get("after") or None
    if not found or (after is not None and len(after) > CURSOR_MOST):
        raise Unseen(wanted)
    if not wanted:
        return redirect(url_for("team.index"))
    view = handing_over.see_hand_over(sessions.ctx(), sessions.actor(), wanted, after=after)
    return render_template("cases/team_hand_over.html", view=view)


# ---- changing ----------------------------------------------------------------------------------------------------


@blueprint.route("/schools/<school>/stand-in", methods=["GET", "POST"])
def stand_in(school: str) -> ResponseReturnValue:
    view = stand_ins.see_stand_in(sessions.ctx(), sessions.actor(), school)
    today = today_for(sessions.ctx())
    return _changing(
        "cases/team_stand_in.html",
        lambda: view,
        lambda posted: stand_in_form(view, wording(), posted, today),
        lambda answers, token: stand_ins.name_stand_in(
            sessions.ctx(), sessions.actor(), school, **answers, token=token, said=ui_forms.as_typed()
        ),
        lambda changed: _stand_in_named(school, changed),
    )


def _flash(changed: Changed, said: str) -> None:
    """What was done now, or that it was done before."""
    if changed.repeated:
        flash(wording()._("This was recorded already; nothing was done twice."), "message")
    else:
        flash(said, "ok")


def _stand_in_named(school: str, changed: Changed) -> ResponseReturnValue:
    w = wording()
    now = w._("%(name)s stands in from now on.", name=changed.name)
    _flash(changed, now if changed.at_once else w._("%(name)s will stand in on these days.", name=changed.name))
    return redirect(url_for("team.school", school=school), 303)


@blueprint.route("/schools/<school>/stand-ins/<post>", methods=["GET", "POST"])
def end_stand_in(school: str, post: str) -> ResponseReturnValue:
    """End a stand-in before its last day."""

    def record(answers: Mapping[str, Any], token: str) -> Changed:
        return stand_ins.end_stand_in(sessions.ctx(), sessions.actor(), school, post, **answers, token=token)

    return _changing(
        "cases/team_end_stand_in.html",
        lambda: stand_ins.see_stand_in_ending(sessions.ctx(), sessions.actor(), school, post),
        lambda posted: ending_form(wording(), posted),
        record,
        lambda changed: _stand_in_ended(school, changed),
    )


def _stand_in_ended(school: str, changed: Changed) -> ResponseReturnValue:
    _flash(changed, wording()._("%(name)s stands in no more.", name=changed.name))
    home = url_for("desk.index") if changed.is_self else url_for("team.school", school=school)
    return redirect(home, 303)


@blueprint.route("/schools/<school>/people/<post>", methods=["GET", "POST"])
def leave(school: str, post: str) -> ResponseReturnValue:
    """Leave the team, or end somebody's appointment, once their cases are handed over."""
    today = today_for(sessions.ctx())
    return _changing(
        "cases/team_leave.html",
        lambda: handing_over.see_leaving(sessions.ctx(), sessions.actor(), school, post),
        lambda posted: leaving_form(wording(), posted, today),
        lambda answers, token: handing_over.leave(
            sessions.ctx(), sessions.actor(), school, post, **answers, token=token
        ),
        lambda changed: _left(school, changed),
    )


@blueprint.route("/schools/<school>/people/<post>/at-once", methods=["GET", "POST"])
def leave_at_once(school: str, post: str) -> ResponseReturnValue:
    """The emergency exit: for whoever oversees the school alone."""

    def see() -> handing_over.LeavingView:
        view = handing_over.see_leaving(sessions.ctx(), sessions.actor(), school, post)
        if not view.may_at_once:
            raise Unseen(post)
        return view

    return _changing(
        "cases/team_leave_at_once.html",
        see,
        lambda posted: at_once_form(wording(), posted),
        lambda answers, token: handing_over.leave_at_once(
            sessions.ctx(), sessions.actor(), school, post, **answers, token=token
        ),
        lambda changed: _left(school, changed),
    )


def _left(school: str, changed: Changed) -> ResponseReturnValue:
    w = wording()
    if changed.is_self and changed.at_once:
        response = sessions.end(make_response(redirect(url_for("sign_in.show"), 303)))
        flash(w._("You have left the team. Thank you for what you did."), "ok")
        return response
    said = w._("The last day of %(name)s is noted.", name=changed.name)
    if changed.orphans:
        said = w.ngettext(
            "%(name)s has left. One case needs somebody new.",
            "%(name)s has left. %(num)d cases need somebody new.",
            changed.orphans,
            name=changed.name,
        )
    elif changed.at_once:
        said = w._("%(name)s has left: access ended.", name=changed.name)
    _flash(changed, said)
    return redirect(url_for("team.school", school=school), 303)


# ---- how a form goes ---------------------------------------------------------------------------------------------


def _changing(
    template: str,
    see: Callable[[], Any],
    make: Callable[[Posted | None], TeamForm],
    record: Callable[[Mapping[str, Any], str], Changed],
    done: Callable[[Changed], ResponseReturnValue],
) -> ResponseReturnValue:
    def recorded(changed: Changed) -> ResponseReturnValue:
        sessions.ring()
        return done(changed)

    return record_form(
        make,
        lambda form, answers: record(answers, form.sent_token()),
        lambda form, **more: render_template(template, view=see(), form=form, **more, **_said()),
        recorded,
        explain=people_presenters.team_obstacle,
    )


def _said() -> dict[str, Any]:
    w = wording()
    return {
        "reason_said": lambda code: people_presenters.reason(w, code),
        "change_label": lambda kind: people_presenters.change_label(w, kind),
        "code_label": people_presenters.codes(w),
    }
