"""Reporting: five answers, or a danger in two taps; and the receipt of somebody who may not see the case."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.engine import Reason
from school_protocol.domain.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.domain.phrases import N_
from school_protocol.domain.policy import Permission
from school_protocol.domain.protocol import START, Act, ActKind, Protocol
from school_protocol.services import opening, receipts
from school_protocol.services.first_minutes import call_act
from school_protocol.services.opening import Opened
from school_protocol.services.views import ActView
from school_protocol.web import kept, naming, sessions
from school_protocol.web.cases.answering import (
    call_taps,
    danger_answer,
    is_sent,
    one_for_each,
    quick_acts,
    renewed,
    shown_form,
)
from school_protocol.web.forms import AnswerForm, answers_of, asks_for_danger, show_problems
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("reports", __name__, asks=Permission.see_own_receipt, url_prefix="/reports")
blueprint.entry(N_("Report"), 10, "reports.new")


@blueprint.route("/new", methods=["GET", "POST"], asks=Permission.report, is_long=True)
@blueprint.route("/new/<protocol>", methods=["GET", "POST"], asks=Permission.report, is_long=True)
def new(protocol: str | None = None) -> ResponseReturnValue:
    """The report, under the protocol that the address names, else under the first that this person can use."""
    view = opening.see_opening(sessions.house(), sessions.actor(), protocol=protocol)
    form, was_kept = shown_form(view)
    if not is_sent():
        return _report_page(view, form, was_kept=was_kept)
    house, actor, unit = sessions.house(), sessions.actor(), form.chosen_unit()
    paper = form.paper.said() if form.paper else None

    def rehearse() -> None:
        opening.rehearse_opening(
            house, actor, view.act.key, answers_of(form), unit=unit, protocol_key=view.protocol.protocol, paper=paper
        )

    try:
        named = naming.asked_of_act(view, form, rehearse=rehearse)
        if named is not None:
            kept.keep()
            return _report_page(view, form, named=named), 422
        opened = opening.open_case(
            house,
            actor,
            view.act.key,
            answers_of(form),
            token=form.sent_token(),
            said=kept.as_typed(),
            unit=unit,
            protocol_key=view.protocol.protocol,
            paper=paper,
        )
    except BadInput as error:
        kept.keep()
        show_problems(form, error.problems)
        return _report_page(view, form), 422
    except Refused as error:
        kept.keep()
        return _report_page(view, form, reasons=error.reasons), 409
    except SentBefore as error:
        kept.keep()
        renewed(form)
        return _report_page(view, form, before=error.outcome), 409
    kept.forget(sessions.actor().id)
    return _reported(opened, in_danger=asks_for_danger(form))


def _report_page(
    view: ActView,
    form: AnswerForm,
    *,
    reasons: Sequence[Reason] = (),
    was_kept: bool = False,
    before: Mapping[str, Any] | None = None,
    named: naming.Asked | None = None,
) -> str:
    can_raise = _raising(view.protocol) is not None
    every = opening.see_openings(sessions.house(), sessions.actor())
    return render_template(
        "reports/new.html",
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


@blueprint.route("/danger", methods=["GET", "POST"], asks=Permission.report, is_long=True)
@blueprint.route("/danger/<protocol>", methods=["GET", "POST"], asks=Permission.report, is_long=True)
def danger(protocol: str | None = None) -> ResponseReturnValue:
    """Two taps from anywhere: choose, raised. It opens the case."""
    report = opening.see_opening(sessions.house(), sessions.actor(), protocol=protocol)
    declared = _raising(report.protocol)
    if declared is None:
        raise Unseen("danger")
    if request.method != "POST":
        return _danger_page(report)
    chosen = request.form.get("danger", "")
    try:
        opened = opening.open_case(
            sessions.house(),
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
        "reports/danger.html",
        view=report,
        unit=request.values.get("unit", ""),
        reasons=reasons,
        is_unclear=is_unclear,
        token=secrets.token_urlsafe(24),
    )


def _raising(protocol: Protocol) -> Act | None:
    """The act that raises a danger before there is a case."""
    return next((act for act in protocol.acts_of(ActKind.raise_danger) if START in act.in_), None)


# ---- the receipt -------------------------------------------------------------------------------------------------


@blueprint.get("/<report>/receipt")
def receipt(report: str) -> ResponseReturnValue:
    line = receipts.see_receipt(sessions.house(), sessions.actor(), report)
    return render_template(
        "reports/receipt.html",
        receipt=line,
        token=secrets.token_urlsafe(24),
        quick=quick_acts(line.protocol, line.acts, line.noted),
        call_act=call_act(line.acts),
        calls=call_taps(line.protocol, call_act(line.acts), line.contacts, line.raised, line.called),
    )


@blueprint.route("/<report>/acts/<act>", methods=["GET", "POST"], is_long=True)
def act(report: str, act: str) -> ResponseReturnValue:
    """What falls to whoever stands beside the child, though they may not see the case."""
    view = receipts.see_receipt_act(sessions.house(), sessions.actor(), report, act)
    form, was_kept = shown_form(view)
    if not is_sent():
        return _act_page(report, view, form, was_kept=was_kept)
    try:
        done = receipts.record_from_receipt(
            sessions.house(),
            sessions.actor(),
            report,
            view.act.key,
            answers_of(form),
            token=form.sent_token(),
            said=kept.as_typed(),
        )
    except BadInput as error:
        kept.keep()
        show_problems(form, error.problems)
        return _act_page(report, view, form), 422
    except Refused as error:
        kept.keep()
        return _act_page(report, view, form, reasons=error.reasons), 409
    except SentBefore:
        kept.keep()
        renewed(form)
        return _act_page(report, view, form, is_other=True), 409
    kept.forget(sessions.actor().id)
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
        "reports/act.html",
        report=report,
        view=view,
        form=form,
        reasons=reasons,
        was_kept=was_kept,
        is_other=is_other,
    )


@blueprint.post("/<report>/danger", is_long=True)
def raise_danger(report: str) -> ResponseReturnValue:
    line = receipts.see_receipt(sessions.house(), sessions.actor(), report)
    chosen = next((danger for danger in line.dangers if danger.key == request.form.get("danger")), None)
    if chosen is None:
        flash(wording()._("Choose one of the dangers."), "message")
        return redirect(url_for("reports.receipt", report=report), 303)
    opened = receipts.raise_from_receipt(
        sessions.house(), sessions.actor(), report, chosen.key, token=one_for_each(chosen.key)
    )
    sessions.ring()
    if opened.may_see:
        return redirect(url_for("cases.first_minutes", number=opened.number), 303)
    title = wording().text(chosen.title)
    flash(wording()._("Raised: %(title)s. The team is told.", title=title), "ok")
    return redirect(url_for("reports.receipt", report=report, _anchor="dangers"), 303)
