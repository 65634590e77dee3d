"""Routes of reporting from inside with its receipt, and of what another school asks and is answered."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.cases import form_pages, intake, service, sharing
from school_protocol.cases.form_pages import call_taps, danger_answer, quick_acts, shown_form
from school_protocol.cases.intake import Opened
from school_protocol.cases.sharing import RequestView
from school_protocol.cases.showing import call_act
from school_protocol.cases.view_models import ActView
from school_protocol.engine.definition import START, Act, ActKind, Protocol
from school_protocol.engine.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.engine.intents import Reason
from school_protocol.engine.sharing_state import ANSWERING
from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Permission
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import sessions
from school_protocol.ui.forms import (
    AnswerForm,
    answers_of,
    as_sent,
    asks_for_danger,
    form_for,
    is_sent,
    one_for_each,
    renewed,
    show_problems,
)
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

sharing_blueprint = Pages("sharing", __name__, asks=Permission.see_case)
sharing_blueprint.panel(
    "cases/sharing_asked.html", sharing.waiting_for, "desk.cards", "desk.reporter", "review.start",
    order=50, endpoint="sharing.index",
)  # fmt: skip


@sharing_blueprint.get("/from-schools", asks=Permission.signed_in)
def index() -> ResponseReturnValue:
    """What other schools ask, and waits for this person's answer."""
    ctx, actor = sessions.ctx(), sessions.actor()
    if not sharing.may_answer(ctx, actor):
        raise Unseen("from-schools")
    return render_template("cases/sharing_index.html", lines=sharing.waiting_for(ctx, actor))


@sharing_blueprint.route("/cases/<number>/asked/<int:seq>", methods=["GET", "POST"], is_long=True)
def answer(number: str, seq: int) -> ResponseReturnValue:
    """One request: what it says, and the answer; nothing else of the case."""
    ctx, actor = sessions.ctx(), sessions.actor()
    try:
        view = sharing.see_request(ctx, actor, number, seq)
    except Unseen:
        if not is_sent() or not sharing.read_before(ctx, actor, number, seq):
            raise
        return _too_late(number)
    typed = as_sent() if request.method == "POST" else ui_forms.typed_before(actor.id)
    form = form_for(view.act, wording(), typed, now=ctx.now())
    if not is_sent():
        return _page(view, form, was_kept=typed is not None and request.method != "POST")
    try:
        done = service.record_act(
            ctx,
            actor,
            number,
            view.act.act.key,
            {**answers_of(form), **view.fixed},
            expected=None,
            token=form.sent_token(),
            said=ui_forms.as_typed(),
        )
    except BadInput as error:
        show_problems(form, error.problems)
    except Refused as error:
        ui_forms.keep()
        return _page(view, form, reasons=error.reasons), 409
    except SentBefore:
        ui_forms.keep()
        renewed(form)
        return _page(view, form, is_sent_before=True), 409
    else:
        ui_forms.forget(actor.id)
        w = wording()
        said = w._("It was noted before; nothing was done twice.") if done.repeated else _said(view, form)
        flash(said, "ok")
        return redirect(_back(), 303)
    ui_forms.keep()
    return _page(view, form), 422


def _too_late(number: str) -> ResponseReturnValue:
    """The form was sent once the request waited no more: for a second press it is noted, else somebody was faster."""
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    if service.answered_before(ctx, actor, number, request.form.get("token", ""), ui_forms.as_typed()):
        ui_forms.forget(actor.id)
        flash(w._("It was noted before; nothing was done twice."), "ok")
        return redirect(_back(), 303)
    return render_template("cases/sharing_answered.html", said=_words_sent(), back=_back()), 409


def _back() -> str:
    """The list, as long as there is one for this person."""
    is_shown = sharing.may_answer(sessions.ctx(), sessions.actor())
    return url_for("sharing.index" if is_shown else "desk.index")


def _words_sent() -> tuple[str, ...]:
    """What was typed, to be copied from the page; not what was chosen."""
    every = sessions.ctx().library.every()
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
        "cases/sharing_answer.html",
        view=view,
        form=form,
        reasons=reasons,
        was_kept=was_kept,
        is_sent_before=is_sent_before,
        protocol=view.act.protocol,
        names=view.labels,
        back=_back(),
    )


@sharing_blueprint.get("/cases/<number>/contributions/<int:seq>")
def contribution(number: str, seq: int) -> ResponseReturnValue:
    """What the other school's case tells the one that leads."""
    view = sharing.see_contribution(sessions.ctx(), sessions.actor(), number, seq)
    return render_template("cases/sharing_contribution.html", view=view, head=view.head)


# ---- reporting: five answers, or a danger in two taps; the receipt -------------------------------------------------

report_blueprint = Pages("reports", __name__, asks=Permission.see_own_receipt, url_prefix="/reports")
report_blueprint.entry(N_("Report"), 10, "reports.new")


@report_blueprint.route("/new", methods=["GET", "POST"], asks=Permission.report, is_long=True)
@report_blueprint.route("/new/<protocol>", methods=["GET", "POST"], asks=Permission.report, is_long=True)
def new(protocol: str | None = None) -> ResponseReturnValue:
    """The report, under the protocol that the address names, else under the first that this person can use."""
    view = intake.see_opening(sessions.ctx(), sessions.actor(), protocol=protocol)
    form, was_kept = shown_form(view)
    if not is_sent():
        return _report_page(view, form, was_kept=was_kept)
    ctx, actor, unit = sessions.ctx(), sessions.actor(), form.chosen_unit()
    paper = form.paper.said() if form.paper else None

    def rehearse() -> None:
        intake.rehearse_opening(
            ctx, actor, view.act.key, answers_of(form), unit=unit, protocol_key=view.protocol.protocol, paper=paper
        )

    try:
        named = form_pages.asked_of_act(view, form, rehearse=rehearse)
        if named is not None:
            ui_forms.keep()
            return _report_page(view, form, named=named), 422
        opened = intake.open_case(
            ctx,
            actor,
            view.act.key,
            answers_of(form),
            token=form.sent_token(),
            said=ui_forms.as_typed(),
            unit=unit,
            protocol_key=view.protocol.protocol,
            paper=paper,
        )
    except BadInput as error:
        ui_forms.keep()
        show_problems(form, error.problems)
        return _report_page(view, form), 422
    except Refused as error:
        ui_forms.keep()
        return _report_page(view, form, reasons=error.reasons), 409
    except SentBefore as error:
        ui_forms.keep()
        renewed(form)
        return _report_page(view, form, before=error.outcome), 409
    ui_forms.forget(sessions.actor().id)
    return _reported(opened, in_danger=asks_for_danger(form))


def _report_page(
    view: ActView,
    form: AnswerForm,
    *,
    reasons: Sequence[Reason] = (),
    was_kept: bool = False,
    before: Mapping[str, Any] | None = None,
    named: form_pages.Asked | None = None,
) -> str:
    can_raise = _raising(view.protocol) is not None
    every = intake.see_openings(sessions.ctx(), sessions.actor())
    return render_template(
        "cases/reports_new.html",
        view=view,
        others=[one for one in every if one.protocol != view.protocol.protocol],
        named=named,
        form=form,
        reasons=reasons,
        was_kept=was_kept,
        can_raise=can_raise,
        before=before,
    )


def _reported(opened: Opened, *, in_danger: bool) -> ResponseReturnValue:
    """Where a report leads: to the danger first where there may be one; to the case; or to the receipt."""
    w = wording()
    if opened.repeated:
        flash(w._("This report was recorded already; nothing was recorded twice."), "message")
    else:
        flash(w._("Your report is recorded. Thank you."), "ok")
    if not opened.may_see:
        return redirect(url_for("reports.receipt", report=opened.report), 303)
    if opened.raised:
        return redirect(url_for("cases.first_minutes", number=opened.number), 303)
    if in_danger:
        return redirect(url_for("cases.danger", number=opened.number), 303)
    return redirect(url_for("cases.show", number=opened.number), 303)


# ---- a danger, before anything else ------------------------------------------------------------------------------


@report_blueprint.route("/danger", methods=["GET", "POST"], asks=Permission.report, is_long=True)
@report_blueprint.route("/danger/<protocol>", methods=["GET", "POST"], asks=Permission.report, is_long=True)
def danger(protocol: str | None = None) -> ResponseReturnValue:
    """Two taps from anywhere: choose, raised. It opens the case."""
    report = intake.see_opening(sessions.ctx(), sessions.actor(), protocol=protocol)
    declared = _raising(report.protocol)
    if declared is None:
        raise Unseen("danger")
    if request.method != "POST":
        return _danger_page(report)
    chosen = request.form.get("danger", "")
    try:
        opened = intake.open_case(
            sessions.ctx(),
            sessions.actor(),
            declared.key,
            danger_answer(report.protocol.form_of(declared), chosen),
            token=one_for_each(f"{chosen}.{request.form.get('unit', '')}"),
            unit=request.form.get("unit") or None,
            protocol_key=report.protocol.protocol,
        )
    except BadInput:
        return _danger_page(report, is_unclear=True), 422
    except Refused as error:
        return _danger_page(report, reasons=error.reasons), 409
    sessions.ring()
    if opened.may_see:
        return redirect(url_for("cases.first_minutes", number=opened.number), 303)
    return redirect(url_for("reports.receipt", report=opened.report), 303)


def _danger_page(report: ActView, *, reasons: Sequence[Reason] = (), is_unclear: bool = False) -> str:
    return render_template(
        "cases/reports_danger.html",
        view=report,
        unit=request.values.get("unit", ""),
        reasons=reasons,
        is_unclear=is_unclear,
        token=secrets.token_urlsafe(24),
    )


def danger_opens_a_case() -> bool:
    """Whether a danger can be raised before there is a case, by a protocol in use here."""
    return any(_raising(protocol) is not None for protocol in sessions.ctx().library.current())


report_blueprint.record(lambda state: state.app.jinja_env.globals.update(danger_opens_a_case=danger_opens_a_case))


def _raising(protocol: Protocol) -> Act | None:
    """The act that raises a danger before there is a case."""
    return next((act for act in protocol.acts_of(ActKind.raise_danger) if START in act.in_), None)


# ---- the receipt -------------------------------------------------------------------------------------------------


@report_blueprint.get("/<report>/receipt")
def receipt(report: str) -> ResponseReturnValue:
    line = intake.see_receipt(sessions.ctx(), sessions.actor(), report)
    return render_template(
        "cases/reports_receipt.html",
        receipt=line,
        token=secrets.token_urlsafe(24),
        quick=quick_acts(line.protocol, line.acts, line.noted),
        call_act=call_act(line.acts),
        calls=call_taps(line.protocol, call_act(line.acts), line.contacts, line.raised, line.called),
    )


@report_blueprint.route("/<report>/acts/<act>", methods=["GET", "POST"], is_long=True)
def act(report: str, act: str) -> ResponseReturnValue:
    """What falls to whoever stands beside the child, though they may not see the case."""
    view = intake.see_receipt_act(sessions.ctx(), sessions.actor(), report, act)
    form, was_kept = shown_form(view)
    if not is_sent():
        return _act_page(report, view, form, was_kept=was_kept)
    try:
        done = intake.record_from_receipt(
            sessions.ctx(),
            sessions.actor(),
            report,
            view.act.key,
            answers_of(form),
            token=form.sent_token(),
            said=ui_forms.as_typed(),
        )
    except BadInput as error:
        ui_forms.keep()
        show_problems(form, error.problems)
        return _act_page(report, view, form), 422
    except Refused as error:
        ui_forms.keep()
        return _act_page(report, view, form, reasons=error.reasons), 409
    except SentBefore:
        ui_forms.keep()
        renewed(form)
        return _act_page(report, view, form, is_other=True), 409
    ui_forms.forget(sessions.actor().id)
    w, title = wording(), wording().text(view.act.title)
    said = w._("“%(title)s” was recorded already; nothing was recorded twice.", title=title) if done.repeated else ""
    flash(said or w._("Recorded: %(title)s.", title=title), "message" if done.repeated else "ok")
    return redirect(url_for("reports.receipt", report=report), 303)


def _act_page(
    report: str,
    view: ActView,
    form: AnswerForm,
    *,
    reasons: Sequence[Reason] = (),
    was_kept: bool = False,
    is_other: bool = False,
) -> str:
    return render_template(
        "cases/reports_act.html",
        report=report,
        view=view,
        form=form,
        reasons=reasons,
        was_kept=was_kept,
        is_other=is_other,
    )


@report_blueprint.post("/<report>/danger", is_long=True)
def raise_danger(report: str) -> ResponseReturnValue:
    line = intake.see_receipt(sessions.ctx(), sessions.actor(), report)
    chosen = next((danger for danger in line.dangers if danger.key == request.form.get("danger")), None)
    if chosen is None:
        flash(wording()._("Choose one of the dangers."), "message")
        return redirect(url_for("reports.receipt", report=report), 303)
    opened = intake.raise_from_receipt(
        sessions.ctx(), sessions.actor(), report, chosen.key, token=one_for_each(chosen.key)
    )
    sessions.ring()
    if opened.may_see:
        return redirect(url_for("cases.first_minutes", number=opened.number), 303)
    title = wording().text(chosen.title)
    flash(wording()._("Raised: %(title)s. The team is told.", title=title), "ok")
    return redirect(url_for("reports.receipt", report=report, _anchor="dangers"), 303)
