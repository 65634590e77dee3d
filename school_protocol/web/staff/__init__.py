"""People: who works where, for whoever administers accounts; certificates; lists brought in. No case is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.errors import BadInput, SentBefore, Unseen
from school_protocol.domain.phrases import N_
from school_protocol.domain.policy import Permission
from school_protocol.services.loading import today_for
from school_protocol.services.staff import changing, people, said
from school_protocol.services.staff.changing import Done
from school_protocol.services.staff.people import PersonView
from school_protocol.services.staff.reach import Standing
from school_protocol.services.teams import orphans
from school_protocol.services.teams.changing import Obstacle, TeamRefused
from school_protocol.web import kept, sessions
from school_protocol.web.cases.answering import as_sent, renewed
from school_protocol.web.forms import Problem, answers_of, show_problems
from school_protocol.web.questions import Posted
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages
from school_protocol.web.staff.forms import (
    account_form,
    address_form,
    appoint_form,
    certificate_form,
    close_form,
    end_form,
)
from school_protocol.web.team.forms import TeamForm

blueprint = Pages("staff", __name__, asks=Permission.administer, url_prefix="/people")
blueprint.entry(N_("People"), 80, within=("staff", "systems"))

CURSOR_MOST = 200


# ---- seeing --------------------------------------------------------------------------------------------------------


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Everybody of one's reach, or of one place; of a place that is none of it, everybody and a sentence."""
    house, actor, w = sessions.house(), sessions.actor(), wording()
    code, after = request.args.get("unit", "")[:40].strip().upper(), _cursor()
    try:
        view = people.see_people(house, actor, unit=code, after=after)
    except Unseen:
        view = people.see_people(house, actor)
        said = w._("No place that you administer has the code %(code)s. Everybody is shown below.", code=code)
        problems = [Problem("unit", w._("Code of the school, province or region"), f"refused:{said}")]
        return render_template("staff/index.html", view=view, code=code, problems=problems), 404
    return render_template("staff/index.html", view=view, code=code, problems=[])


@blueprint.get("/certificates")
def certificates() -> ResponseReturnValue:
    """Those to renew, soonest first."""
    view = people.see_ending(sessions.house(), sessions.actor(), after=_cursor())
    return render_template("staff/certificates.html", view=view)


def _cursor() -> str:
    after = request.args.get("after", "")
    if len(after) > CURSOR_MOST:
        raise Unseen("people")
    return after


@blueprint.get("/<account>")
def person(account: str) -> ResponseReturnValue:
    view = people.see_person(sessions.house(), sessions.actor(), account)
    w = wording()
    return render_template(
        "staff/person.html", view=view, today=today_for(sessions.house()),
        change_said=lambda kind: said.change(w, kind), reason_said=lambda code: said.reason(w, code),
    )  # fmt: skip


# ---- changing ------------------------------------------------------------------------------------------------------


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    house, actor, w = sessions.house(), sessions.actor(), wording()
    roles, units = people.roles_for(house, actor), people.units_for(house, actor, "")
    return _changing(
        "staff/new.html",
        lambda: None,
        lambda posted: account_form(w, posted, roles, units, house.settings.languages, today_for(house)),
        lambda answers, token: changing.create(house, actor, **answers, token=token),
        lambda done: w._(
            "The account of %(name)s is there. Print an invitation, so that they can sign in.", name=done.name
        ),
    )


@blueprint.route("/<account>/appointments/new", methods=["GET", "POST"])
def appoint(account: str) -> ResponseReturnValue:
    house, actor, w = sessions.house(), sessions.actor(), wording()
    roles, units = people.roles_for(house, actor), people.units_for(house, actor, "")
    return _changing(
        "staff/appoint.html",
        lambda: _seen(account),
        lambda posted: appoint_form(w, posted, roles, units, today_for(house)),
        lambda answers, token: changing.appoint(house, actor, account, **answers, token=token),
        lambda done: w._("%(name)s is appointed.", name=done.name),
    )


@blueprint.route("/<account>/appointments/<post>/end", methods=["GET", "POST"])
def end(account: str, post: str) -> ResponseReturnValue:
    house, actor, w = sessions.house(), sessions.actor(), wording()

    def see() -> PersonView:
        view = _seen(account)
        if not any(one.id == post and one.may_end for one in view.posts):
            raise Unseen(post)
        return view

    return _changing(
        "staff/end.html",
        see,
        lambda posted: end_form(w, posted, today_for(house)),
        lambda answers, token: changing.end(house, actor, account, post, **answers, token=token),
        lambda done: w._("The last day of %(name)s is noted.", name=done.name),
        post=post,
        held_in=lambda unit: orphans.count_held(house, account, unit),
    )


@blueprint.route("/<account>/address", methods=["GET", "POST"])
def address(account: str) -> ResponseReturnValue:
    house, actor, w = sessions.house(), sessions.actor(), wording()
    view = _whole(account)
    return _changing(
        "staff/address.html",
        lambda: view,
        lambda posted: address_form(w, posted, view, house.settings.languages),
        lambda answers, token: changing.change_account(house, actor, account, **answers, token=token),
        lambda done: w._("What is known of %(name)s was changed.", name=done.name),
    )


@blueprint.route("/<account>/certificate", methods=["GET", "POST"])
def certificate(account: str) -> ResponseReturnValue:
    house, actor, w = sessions.house(), sessions.actor(), wording()
    return _changing(
        "staff/certificate.html",
        lambda: _whole(account),
        lambda posted: certificate_form(w, posted),
        lambda answers, token: changing.certify(house, actor, account, **answers, token=token),
        lambda done: w._("The certificate of %(name)s is noted.", name=done.name),
    )


@blueprint.route("/<account>/closing", methods=["GET", "POST"])
def close(account: str) -> ResponseReturnValue:
    """Close an account, or open a closed one again."""
    house, actor, w = sessions.house(), sessions.actor(), wording()
    is_active = _whole(account).line.is_active
    change = changing.close if is_active else changing.open_again
    return _changing(
        "staff/close.html",
        lambda: _whole(account),
        lambda posted: close_form(w, posted, is_active=is_active),
        lambda answers, token: change(house, actor, account, **answers, token=token),
        lambda done: (
            w._("The account of %(name)s is closed: nobody signs in by it any more.", name=done.name)
            if is_active
            else w._("The account of %(name)s is open again.", name=done.name)
        ),
    )


def _seen(account: str) -> PersonView:
    """Somebody whom this reader changes; oneself is none of them."""
    view = people.see_person(sessions.house(), sessions.actor(), account)
    if view.standing is Standing.own:
        raise Unseen(account)
    return view


def _whole(account: str) -> PersonView:
    view = _seen(account)
    if not view.may_change:
        raise Unseen(account)
    return view


# ---- how a form goes -----------------------------------------------------------------------------------------------


def _changing(
    template: str,
    see: Callable[[], PersonView | None],
    make: Callable[[Posted | None], TeamForm],
    record: Callable[[Mapping[str, Any], str], Done],
    words: Callable[[Done], str],
    **shown: Any,
) -> ResponseReturnValue:
    """Show a form, or record it; refused, it is shown again as it was typed, with every reason."""
    view = see()
    if request.method != "POST":
        waiting = kept.typed_before(sessions.actor().id)
        return _page(template, view, make(waiting), was_kept=waiting is not None, **shown)
    form = make(as_sent())
    try:
        done = record(_answers(form), form.sent_token())
    except BadInput as error:
        kept.keep()
        show_problems(form, error.problems)
        return _page(template, view, form, **shown), 422
    except TeamRefused as error:
        kept.keep()
        return _page(template, view, form, obstacles=error.obstacles, **shown), 409
    except SentBefore:
        kept.keep()
        renewed(form)
        return _page(template, view, form, is_other=True, **shown), 409
    kept.forget(sessions.actor().id)
    sessions.ring()
    again = wording()._("This was recorded already; nothing was done twice.")
    flash(again if done.repeated else words(done), "message" if done.repeated else "ok")
    return redirect(url_for("staff.person", account=done.account), 303)


def _answers(form: TeamForm) -> dict[str, Any]:
    answers = answers_of(form)
    return {question.spec.key: answers.get(question.spec.key) for question in form.questions}


def _page(
    template: str,
    view: PersonView | None,
    form: TeamForm,
    *,
    obstacles: Sequence[Obstacle] = (),
    was_kept: bool = False,
    is_other: bool = False,
    **shown: Any,
) -> str:
    w = wording()
    found = [said.obstacle(w, one) for one in obstacles]
    return render_template(
        template, view=view, form=form, obstacles=found, was_kept=was_kept, is_other=is_other, **shown
    )
