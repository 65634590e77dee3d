"""Other systems that read: tokens asked for, agreed to, drawn and ended, by those who administer or oversee a place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.errors import BadInput, SentBefore, Unseen
from school_protocol.domain.policy import Actor, Permission
from school_protocol.services.api import tokens
from school_protocol.services.house import House
from school_protocol.services.loading import today_for
from school_protocol.services.teams.changing import TeamRefused
from school_protocol.web import kept, sessions
from school_protocol.web.cases.answering import as_sent, renewed
from school_protocol.web.forms import answers_of, show_problems
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages
from school_protocol.web.systems import said
from school_protocol.web.systems.forms import token_form
from school_protocol.web.team.forms import TeamForm

blueprint = Pages("systems", __name__, asks=Permission.see_systems, url_prefix="/systems")
blueprint.panel("systems/of_account.html", lambda _house, _actor: True, "account.more", endpoint="systems.index")

CURSOR_MOST = 40


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The tokens of one's places: those that are good or waited for, or those that are over."""
    after = request.args.get("after", "")
    if len(after) > CURSOR_MOST:
        raise Unseen("systems")
    are_over = request.args.get("show") == "over"
    view = tokens.see_tokens(sessions.house(), sessions.actor(), are_over=are_over, after=after)
    return render_template("systems/index.html", view=view, **_words())


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Ask for a token; refused, the form is shown again as it was typed, with every reason."""
    house, actor, w = sessions.house(), sessions.actor(), wording()
    if not tokens.keeper_of(house, actor).administers:
        raise Unseen("systems")
    units, today = tokens.places_for(house, actor), today_for(house)
    if request.method != "POST":
        waiting = kept.typed_before(actor.id)
        return _form_page(token_form(w, waiting, units, today), was_kept=waiting is not None)
    form = token_form(w, as_sent(), units, today)
    answers = answers_of(form)
    try:
        done = tokens.ask(
            house, actor, **{key: answers.get(key) for key in ("name", "unit", "rights", "ends", "purpose")},
            token=form.sent_token(),
        )  # fmt: skip
    except BadInput as error:
        kept.keep()
        show_problems(form, error.problems)
        return _form_page(form), 422
    except SentBefore:
        kept.keep()
        renewed(form)
        return _form_page(form, is_other=True), 409
    kept.forget(actor.id)
    again = w._("This was recorded already; nothing was done twice.")
    flash(again if done.repeated else w._("It is asked for. Now somebody who oversees this place must agree."), "ok")
    return redirect(url_for("systems.system", system=done.token), 303)


def _form_page(form: TeamForm, *, was_kept: bool = False, is_other: bool = False) -> str:
    return render_template("systems/new.html", form=form, obstacles=[], was_kept=was_kept, is_other=is_other)


@blueprint.get("/<system>")
def system(system: str) -> ResponseReturnValue:
    """One token: what it reads, who made it, what was read by it lately."""
    view = tokens.see_token(sessions.house(), sessions.actor(), system)
    return render_template("systems/system.html", view=view, **_words())


@blueprint.post("/<system>/agree")
def agree(system: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(tokens.agree, system, w._("You have agreed. Whoever asked can draw the token now."))


@blueprint.post("/<system>/draw")
def draw(system: str) -> ResponseReturnValue:
    """Show the token, this once."""
    try:
        secret = tokens.draw(sessions.house(), sessions.actor(), system)
    except TeamRefused as error:
        return _refused(error, system)
    view = tokens.see_token(sessions.house(), sessions.actor(), system)
    site = (sessions.house().settings.address or request.host_url).rstrip("/")
    address = site + url_for("api.description")
    return render_template("systems/drawn.html", view=view, secret=secret, address=address)


@blueprint.post("/<system>/end")
def end(system: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(tokens.end, system, w._("The token has ended: nothing is read by it any more."))


def _pressed(change: Callable[[House, Actor, str], None], system: str, words: str) -> ResponseReturnValue:
    try:
        change(sessions.house(), sessions.actor(), system)
    except TeamRefused as error:
        return _refused(error, system)
    flash(words, "ok")
    return redirect(url_for("systems.system", system=system), 303)


def _refused(error: TeamRefused, system: str) -> ResponseReturnValue:
    for one in error.obstacles:
        flash(said.obstacle(wording(), one), "message")
    return redirect(url_for("systems.system", system=system), 303)


def _words() -> dict[str, Any]:
    w = wording()
    return {
        "standing_said": lambda standing: said.standing(w, standing),
        "right_said": lambda right: said.right(w, right),
        "step_said": lambda kind: said.step(w, kind),
        "read_said": lambda what: said.read(w, what),
    }
