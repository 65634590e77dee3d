"""Pages of cases over several schools: what another school asks, its answer, and what a contribution tells."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.domain.intents import Reason
from school_protocol.domain.policy import Permission
from school_protocol.domain.sharing import ANSWERING
from school_protocol.services import recording
from school_protocol.services.sharing import answering, contributions
from school_protocol.services.sharing.views import RequestView
from school_protocol.web import kept, sessions
from school_protocol.web.cases.answering import as_sent, is_sent, renewed
from school_protocol.web.forms import AnswerForm, answers_of, form_for, show_problems
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("sharing", __name__, asks=Permission.see_case)
blueprint.panel(
    "sharing/asked.html", answering.waiting_for, "desk.cards", "desk.reporter", "review.start",
    order=50, endpoint="sharing.index",
)  # fmt: skip


@blueprint.get("/from-schools", asks=Permission.signed_in)
def index() -> ResponseReturnValue:
    """What other schools ask, and waits for this person's answer."""
    house, actor = sessions.house(), sessions.actor()
    if not answering.may_answer(house, actor):
        raise Unseen("from-schools")
    return render_template("sharing/index.html", lines=answering.waiting_for(house, actor))


@blueprint.route("/cases/<number>/asked/<int:seq>", methods=["GET", "POST"], is_long=True)
def answer(number: str, seq: int) -> ResponseReturnValue:
    """One request: what it says, and the answer; nothing else of the case."""
    house, actor = sessions.house(), sessions.actor()
    try:
        view = answering.see_request(house, actor, number, seq)
    except Unseen:
        if not is_sent() or not answering.read_before(house, actor, number, seq):
            raise
        return _too_late(number)
    typed = as_sent() if request.method == "POST" else kept.typed_before(actor.id)
    form = form_for(view.act, wording(), typed, now=house.now())
    if not is_sent():
        return _page(view, form, was_kept=typed is not None and request.method != "POST")
    try:
        done = recording.record_act(
            house,
            actor,
            number,
            view.act.act.key,
            {**answers_of(form), **view.fixed},
            expected=None,
            token=form.sent_token(),
            said=kept.as_typed(),
        )
    except BadInput as error:
        show_problems(form, error.problems)
    except Refused as error:
        kept.keep()
        return _page(view, form, reasons=error.reasons), 409
    except SentBefore:
        kept.keep()
        renewed(form)
        return _page(view, form, is_sent_before=True), 409
    else:
        kept.forget(actor.id)
        w = wording()
        said = w._("It was noted before; nothing was done twice.") if done.repeated else _said(view, form)
        flash(said, "ok")
        return redirect(_back(), 303)
    kept.keep()
    return _page(view, form), 422


def _too_late(number: str) -> ResponseReturnValue:
    """The form was sent once the request waited no more: for a second press it is noted, else somebody was faster."""
    house, actor, w = sessions.house(), sessions.actor(), wording()
    if recording.answered_before(house, actor, number, request.form.get("token", ""), kept.as_typed()):
        kept.forget(actor.id)
        flash(w._("It was noted before; nothing was done twice."), "ok")
        return redirect(_back(), 303)
    return render_template("sharing/answered.html", said=_words_sent(), back=_back()), 409


def _back() -> str:
    """The list, as long as there is one for this person."""
    is_shown = answering.may_answer(sessions.house(), sessions.actor())
    return url_for("sharing.index" if is_shown else "desk.index")


def _words_sent() -> tuple[str, ...]:
    """What was typed, to be copied from the page; not what was chosen."""
    every = sessions.house().library.every()
    acts = ((protocol, act) for protocol in every for kind in ANSWERING for act in protocol.acts_of(kind))
    keys = {f"a-{item.key}" for protocol, act in acts for item in protocol.form_of(act).fields if item.is_words}
    return tuple(text for key in sorted(keys) for text in request.form.getlist(key) if text.strip())


def _said(view: RequestView, form: AnswerForm) -> str:
    w, act, answers = wording(), view.act.act, answers_of(form)
    if act.effect_when is not None and not act.effect_when.holds(answers):
        return w._("Refused. The school that asked reads your reason, and is told.")
    if view.line.is_transfer:
        return w._("Accepted. The case opens at your side once the school that asked hands it over.")
    return w._("Agreed. The other school’s own case is open, and it is told.")


def _page(
    view: RequestView,
    form: AnswerForm,
    *,
    reasons: Sequence[Reason] = (),
    was_kept: bool = False,
    is_sent_before: bool = False,
) -> str:
    return render_template(
        "sharing/answer.html",
        view=view,
        form=form,
        reasons=reasons,
        was_kept=was_kept,
        is_sent_before=is_sent_before,
        protocol=view.act.protocol,
        names=view.labels,
        back=_back(),
    )


@blueprint.get("/cases/<number>/contributions/<int:seq>")
def contribution(number: str, seq: int) -> ResponseReturnValue:
    """What the other school's case tells the one that leads."""
    view = contributions.see_contribution(sessions.house(), sessions.actor(), number, seq)
    return render_template("sharing/contribution.html", view=view, head=view.head)
