"""Invitations by school, for whoever answers for schools: sent, sent again, withdrawn; the link is never shown here."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.errors import BadInput, SentBefore, Unseen
from school_protocol.domain.policy import Permission
from school_protocol.services.identity.administering import IdentityRefused
from school_protocol.services.staff import inviting, said
from school_protocol.services.staff.changing import Done
from school_protocol.services.teams.changing import TeamRefused
from school_protocol.web import kept, sessions
from school_protocol.web.account.sayings import refusal
from school_protocol.web.cases.answering import as_sent, new_token, renewed
from school_protocol.web.forms import PREFIX, Problem, answers_of, show_problems
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages
from school_protocol.web.staff.forms import invitation_form
from school_protocol.web.team.forms import TeamForm

blueprint = Pages("invitations", __name__, asks=Permission.invite, url_prefix="/invitations")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """What is open, of one school or of all; of a school that is none of theirs, all and a sentence."""
    house, actor, w = sessions.house(), sessions.actor(), wording()
    code = request.args.get("school", "")[:40].strip().upper()
    try:
        view = inviting.see_invitations(house, actor, code)
    except Unseen:
        view = inviting.see_invitations(house, actor)
        words = w._(
            "No school where you invite has the code %(code)s. All invitations are shown below.", code=code
        )  # fmt: skip
        problems = [Problem("school", w._("Code of the school (GRESA)"), f"refused:{words}")]
        return _index(view, code, problems), 404
    return _index(view, code, [])


def _index(view: inviting.InvitationsView, code: str, problems: list[Problem]) -> str:
    return render_template(
        "invitations/index.html", view=view, code=code, problems=problems, new_token=new_token
    )  # fmt: skip


@blueprint.route("/new", methods=["GET", "POST"], is_long=True)
def new() -> ResponseReturnValue:
    """Whom, where, in which roles; refused, it is shown again as it was typed, with every reason."""
    house, actor, w = sessions.house(), sessions.actor(), wording()
    roles, schools = inviting.roles_for(house, actor), inviting.schools_for(house, actor)
    school = request.args.get("school", "")[:40].strip().upper()

    def form(posted: Any) -> TeamForm:
        return invitation_form(w, posted, roles, schools, house.settings.languages, school)

    if request.method != "POST":
        waiting = kept.typed_before(actor.id)
        if waiting is not None and school:
            waiting.setdefault(f"{PREFIX}unit", school)
        return _new(form(waiting), was_kept=waiting is not None)
    shown = form(as_sent())
    answers = answers_of(shown)
    try:
        done = inviting.invite(
            house, actor, **{question.spec.key: answers.get(question.spec.key) for question in shown.questions},
            token=shown.sent_token(),
        )  # fmt: skip
    except BadInput as error:
        kept.keep()
        show_problems(shown, error.problems)
        return _new(shown), 422
    except TeamRefused as error:
        kept.keep()
        return _new(shown, [said.obstacle(w, one) for one in error.obstacles]), 409
    except IdentityRefused as error:
        kept.keep()
        return _new(shown, [_refusal(error)]), 409
    except SentBefore:
        kept.keep()
        renewed(shown)
        return _new(shown, is_other=True), 409
    kept.forget(actor.id)
    sessions.ring()
    _say(w._("The invitation of %(name)s leaves by mail.", name=done.name), done)
    return redirect(url_for("invitations.index", school=answers.get("unit")), 303)


def _refusal(error: IdentityRefused) -> str:
    """Why this invitation can't be sent: nothing is printed here."""
    w = wording()
    if error.code == "level_above":
        return w._(
            "This invitation isn’t yours to send now. Ask whoever oversees the school, or whoever administers accounts."
        )
    return refusal(w, error.code, error.ends)


def _new(form: TeamForm, obstacles: list[str] | None = None, *, was_kept: bool = False, is_other: bool = False) -> str:
    return render_template(
        "invitations/new.html", form=form, obstacles=obstacles or [], was_kept=was_kept, is_other=is_other
    )


@blueprint.post("/<account>/resend")
def resend(account: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(
        inviting.resend, account,
        lambda name: w._("Another link leaves for %(name)s; earlier ones are worth nothing.", name=name),
    )  # fmt: skip


@blueprint.post("/<account>/withdraw")
def withdraw(account: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(
        inviting.withdraw, account,
        lambda name: w._("The invitation of %(name)s is withdrawn: nobody comes in by it.", name=name),
    )  # fmt: skip


def _pressed(change: Callable[..., Done], account: str, words: Callable[[str], str]) -> ResponseReturnValue:
    token = (request.form.get("token") or secrets.token_urlsafe(24))[:200]
    try:
        done = change(sessions.house(), sessions.actor(), account, token=token)
    except TeamRefused as error:
        flash(" ".join(said.obstacle(wording(), one) for one in error.obstacles), "message")
    except IdentityRefused as error:
        flash(_refusal(error), "message")
    except SentBefore:
        flash(wording()._("This form was recorded already."), "message")
    else:
        sessions.ring()
        _say(words(done.name), done)
    school = request.form.get("school", "")[:40]
    return redirect(url_for("invitations.index", school=school or None), 303)


def _say(words: str, done: Done) -> None:
    again = wording()._("This was recorded already; nothing was done twice.")
    flash(again if done.repeated else words, "message" if done.repeated else "ok")
