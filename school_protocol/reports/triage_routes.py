"""Routes of triage: public reports listed, read and put to a case; their messages; a school's addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import segno
from flask import flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from school_protocol.case_files.presenters import public_report_label
from school_protocol.cases import form_pages
from school_protocol.cases.form_pages import shown_form
from school_protocol.cases.view_models import ActView
from school_protocol.engine.errors import BadInput, Conflict, Refused, SentBefore, Unseen
from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Permission
from school_protocol.pdf.rendering import DocumentsUnavailable
from school_protocol.publishing.handouts import Handout
from school_protocol.reports import material, public_door, triage
from school_protocol.reports.material import Size
from school_protocol.reports.presenters import known
from school_protocol.reports.rules import Wrong
from school_protocol.reports.triage import Line, ReportView
from school_protocol.storage.case_numbers import check_number
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import sessions
from school_protocol.ui.forms import AnswerForm, answers_of, is_sent, new_token, renewed, show_problems
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

notified_blueprint = Pages("cases", __name__, part="told", asks=Permission.see_case, url_prefix="/cases")


notified_blueprint.add_app_template_global(lambda detail: public_report_label(wording(), detail), "public_report_label")


@notified_blueprint.get("/<number>/told")
def told(number: str) -> ResponseReturnValue:
    views = triage.of_case(sessions.ctx(), sessions.actor(), number)
    acts = triage.referring(sessions.ctx(), sessions.actor(), number)
    return render_template("reports/of_case.html", number=number, views=views, acts=acts, **known())


# ---- a school's addresses: made, renewed, ended, and printed on a poster and a leaflet -----------------------------

address_blueprint = Pages(
    "signalements", __name__, part="addresses", asks=Permission.keep_doors, url_prefix="/signalements"
)
PATH = "/s/"
UNIT_MOST = 64


def base_address() -> str:
    """What stands before the code of a door: the address that the settings say, else the one that was asked for."""
    base = sessions.ctx().settings.address.rstrip("/") or request.host_url.rstrip("/")
    return f"{base}{request.script_root}{PATH}"


def _school() -> str | None:
    typed = request.form if request.method == "POST" else request.args
    return typed.get("school", "")[:UNIT_MOST] or None


@address_blueprint.get("/addresses")
def addresses() -> ResponseReturnValue:
    """The addresses of one school, what is printed of them, and how they are renewed."""
    view = public_door.see_doors(sessions.ctx(), sessions.actor(), _school())
    return render_template(
        "reports/addresses.html",
        view=view,
        base=base_address(),
        picture=_picture,
        sizes=tuple(Size),
        printable=material.see_printable(sessions.ctx(), view.unit),
    )


def _picture(code: str) -> Markup:
    drawn = segno.make(f"{base_address()}{code}", error="q", micro=False)
    title = wording()._("Picture of this address, for a phone’s camera")
    return Markup(  # noqa: S704 - segno draws paths and escapes the title
        drawn.svg_inline(scale=4, border=4, dark="#000", light="#fff", title=title, svgclass="qr", lineclass=None)
    )


@address_blueprint.post("/addresses")
def renew() -> ResponseReturnValue:
    """A new address; the one that stood leads nowhere from now on."""
    school, kind = _school() or "", request.form.get("kind", "")[:8]
    former = request.form.get("former", "")[:20]
    public_door.renew(sessions.ctx(), sessions.actor(), school, kind, former=former)
    w = wording()
    flash(
        w._("The address is renewed: print the poster anew, and take the old ones down.")
        if former
        else w._("The address is made: print the poster."),
        "ok",
    )
    return redirect(url_for("signalements.addresses", school=school), 303)


@address_blueprint.post("/addresses/end")
def end() -> ResponseReturnValue:
    """The address leads nowhere any more, and none takes its place."""
    school = _school() or ""
    public_door.close_address(sessions.ctx(), sessions.actor(), school, request.form.get("code", "")[:20])
    flash(wording()._("The address is ended: whoever opens it is told whom to call."), "ok")
    return redirect(url_for("signalements.addresses", school=school), 303)


@address_blueprint.get("/addresses/<kind>/poster")
def poster(kind: str) -> ResponseReturnValue:
    language, size = request.args.get("language") or wording().language, request.args.get("size", Size.a4.value)
    return handed_out(
        lambda: material.see_poster(
            sessions.ctx(), sessions.actor(), _school() or "", kind, size, language, base_address()
        ),
        url_for("signalements.addresses", school=_school()),
    )


@address_blueprint.get("/addresses/<kind>/leaflet")
def leaflet(kind: str) -> ResponseReturnValue:
    language = request.args.get("language") or wording().language
    return handed_out(
        lambda: material.see_leaflet(sessions.ctx(), sessions.actor(), _school() or "", kind, language, base_address()),
        url_for("signalements.addresses", school=_school()),
    )


def handed_out(make: Callable[[], Handout], otherwise: str) -> ResponseReturnValue:
    """A PDF; the page it was asked for on, where none can be made here."""
    try:
        made = make()
    except DocumentsUnavailable:
        return redirect(otherwise, 303)
    return send_file(BytesIO(made.data), "application/pdf", as_attachment=True, download_name=made.name)


# ---- triage: the list apart from cases, one report, and where it goes from there -----------------------------------

triage_blueprint = Pages("signalements", __name__, asks=Permission.read_signalements, url_prefix="/signalements")
triage_blueprint.entry(N_("Public reports"), 20)
triage_blueprint.panel("reports/unread.html", triage.count_unseen, "desk.alerts", endpoint="signalements.index")
triage_blueprint.context_processor(known)

SHORT = 8
"""Letters of an id by which a page names those of a crowd that it showed: of some thousand no two begin alike."""


@triage_blueprint.get("")
def index() -> ResponseReturnValue:
    """What waits, urgent and unseen first; what was dealt with lately."""
    view = triage.see_list(sessions.ctx(), sessions.actor())
    return render_template("reports/list.html", view=view, schools=len({one.unit.id for one in _all(view)}))


def _all(view: triage.ListView) -> tuple[Line, ...]:
    return (*view.waiting, *view.settled)


@triage_blueprint.get("/<report>")
def show(report: str) -> ResponseReturnValue:
    """One report, read from now on."""
    return _page(triage.see_report(sessions.ctx(), sessions.actor(), report))


def _page(view: ReportView, *, problems: dict[str, str] | None = None, said: str = "", number: str = "") -> str:
    return render_template(
        "reports/report.html",
        view=view,
        problems=problems or {},
        said=said,
        number=number,
        token=new_token(),
        wrongs=tuple(Wrong),
        printable=material.see_printable(sessions.ctx(), view.unit),
    )


# ---- what is done with one -----------------------------------------------------------------------------------------


@triage_blueprint.post("/<report>/answer")
def answer(report: str) -> ResponseReturnValue:
    """Words for the reporter, who reads them with their code."""
    said = request.form.get("said", "")
    settles = request.form.get("settles") == "yes"
    token = request.form.get("token") or new_token()
    return _done(
        report,
        lambda: triage.answer(sessions.ctx(), sessions.actor(), report, said, settles=settles, token=token),
        wording()._("Your answer waits for whoever wrote: they read it with their code."),
        said=said,
    )


@triage_blueprint.post("/<report>/orient")
def orient(report: str) -> ResponseReturnValue:
    """Not for the school: who can help is told instead."""
    chosen = request.form.get("orientation", "")[:64]
    return _done(
        report,
        lambda: triage.orient(sessions.ctx(), sessions.actor(), report, chosen),
        wording()._("Whoever wrote is told who can help."),
    )


@triage_blueprint.post("/<report>/close")
def close(report: str) -> ResponseReturnValue:
    """Sent by mistake, or to annoy: closed, and nothing is written of anybody."""
    why = request.form.get("why", "")[:20]
    w = wording()
    closed, proposed = w._("Closed. Nothing is written of anybody."), w._("Proposed. A second person closes it.")
    return _done(
        report,
        lambda: triage.close(sessions.ctx(), sessions.actor(), [report], why),
        lambda done: proposed if done.proposed else closed,
    )


@triage_blueprint.post("/<report>/release")
def release(report: str) -> ResponseReturnValue:
    """Whoever told was not sure, and no adult of the school is part of it: the school reads it."""
    try:
        triage.release(sessions.ctx(), sessions.actor(), report)
    except Conflict:
        return redirect(url_for("signalements.show", report=report), 303)
    flash(wording()._("The school reads it from now on, and is told."), "ok")
    return redirect(url_for("signalements.index"), 303)


@triage_blueprint.post("/<report>/verify")
def verify(report: str) -> ResponseReturnValue:
    """What it says is to be verified still, or was."""
    is_to_verify = request.form.get("to-verify") == "yes"
    return _done(
        report,
        lambda: triage.verify(sessions.ctx(), sessions.actor(), report, is_to_verify=is_to_verify),
        wording()._("Noted."),
    )


@triage_blueprint.post("/<report>/again")
def again(report: str) -> ResponseReturnValue:
    """What was dealt with waits once more."""
    return _done(
        report,
        lambda: triage.take_up_again(sessions.ctx(), sessions.actor(), report),
        wording()._("It waits again."),
        to=url_for("signalements.index"),
    )


@triage_blueprint.post("/<report>/link")
def link(report: str) -> ResponseReturnValue:
    """Put to a case that is open already: several reporters, one case."""
    number = request.form.get("number", "")[:40]
    return _done(
        report,
        lambda: triage.link(sessions.ctx(), sessions.actor(), report, check_number(number) or ""),
        wording()._("Put to the case."),
        number=number,
    )


def _done(
    report: str,
    do: Callable[[], Any],
    words: str | Callable[[Any], str],
    *,
    said: str = "",
    number: str = "",
    to: str = "",
) -> ResponseReturnValue:
    """Do it, and show the report again; what was typed is never lost."""
    try:
        done = do()
    except BadInput as error:
        view = triage.see_report(sessions.ctx(), sessions.actor(), report)
        problems = {path: codes[0] for path, codes in error.problems.items()}
        return _page(view, problems=problems, said=said, number=number), 422
    except (Conflict, SentBefore):
        view = triage.see_report(sessions.ctx(), sessions.actor(), report)
        return _page(view, problems={"": "dealt_with"}, said=said, number=number), 409
    flash(words if isinstance(words, str) else words(done), "ok")
    return redirect(to or url_for("signalements.show", report=report), 303)


# ---- a crowd -------------------------------------------------------------------------------------------------------


@triage_blueprint.get("/<report>/crowd")
def crowd(report: str) -> ResponseReturnValue:
    """The first words of several that are alike, came at once, or were closed at once: a hundred at most."""
    line = _line_of(report)
    views = triage.skim(sessions.ctx(), sessions.actor(), line.ids)
    graves = sum(1 for view in views if view.is_grave)
    return render_template("reports/crowd.html", line=line, views=views, short=SHORT, graves=graves)


@triage_blueprint.post("/<report>/crowd", is_long=True)
def close_crowd(report: str) -> ResponseReturnValue:
    """Close those of a crowd of which the page showed words, and that are in it still; nothing grave."""
    ids = _named(report)
    why = request.form.get("why", "")[:20]
    try:
        done = triage.close(sessions.ctx(), sessions.actor(), ids, why, together=True)
    except BadInput:
        flash(wording()._("Say why they are closed."), "message")
        return redirect(url_for("signalements.crowd", report=report), 303)
    w = wording()
    if done.proposed:
        flash(w.ngettext("One is proposed: a second person closes it.",
                         "%(num)d are proposed: a second person closes them.", done.proposed), "ok")  # fmt: skip
    if done.closed or not done.proposed:
        flash(w.ngettext("One closed. Nothing is written of anybody.",
                         "%(num)d closed. Nothing is written of anybody.", done.closed), "ok")  # fmt: skip
    return redirect(url_for("signalements.index"), 303)


@triage_blueprint.post("/<report>/crowd/again")
def crowd_again(report: str) -> ResponseReturnValue:
    """Those that were closed at once wait once more."""
    number = triage.take_up_several(sessions.ctx(), sessions.actor(), _named(report))
    flash(wording().ngettext("One waits again.", "%(num)d wait again.", number), "ok")
    return redirect(url_for("signalements.index"), 303)


def _named(report: str) -> list[str]:
    """Those of a line that the page named."""
    named = set(request.form.get("ids", "").split())
    return [one for one in _line_of(report).ids if one[:SHORT] in named]


def _line_of(report: str) -> Line:
    view = triage.see_list(sessions.ctx(), sessions.actor())
    found = next((one for one in _all(view) if report in one.ids), None)
    if found is None:
        raise Unseen(report)
    return found


# ---- a case out of one ---------------------------------------------------------------------------------------------


@triage_blueprint.route("/<report>/open", methods=["GET", "POST"], is_long=True)
def open_case(report: str) -> ResponseReturnValue:
    """The form that opens a case, filled in with what was told; recorded, the report is in the case."""
    try:
        view = triage.see_opening(sessions.ctx(), sessions.actor(), report)
    except Conflict:
        return redirect(url_for("signalements.show", report=report), 303)
    form, was_kept = shown_form(view)
    if not is_sent():
        return _opening_page(report, view, form, was_kept=was_kept)
    try:
        named = form_pages.asked_of_act(
            view,
            form,
            rehearse=lambda: triage.rehearse_opening(sessions.ctx(), sessions.actor(), report, answers_of(form)),
        )
        if named is not None:
            ui_forms.keep()
            return _opening_page(report, view, form, named=named), 422
        opened = triage.open_as_case(
            sessions.ctx(),
            sessions.actor(),
            report,
            answers_of(form),
            token=form.sent_token(),
            said=ui_forms.as_typed(),
        )
    except BadInput as error:
        ui_forms.keep()
        show_problems(form, error.problems)
        return _opening_page(report, view, form), 422
    except Refused as error:
        ui_forms.keep()
        return _opening_page(report, view, form, reasons=error.reasons), 409
    except SentBefore:
        ui_forms.keep()
        renewed(form)
        return _opening_page(report, view, form), 409
    ui_forms.forget(sessions.actor().id)
    flash(wording()._("The case is open, and what was told is in it."), "ok")
    if opened.may_see:
        return redirect(url_for("cases.show", number=opened.number), 303)
    return redirect(url_for("signalements.show", report=report), 303)


def _opening_page(
    report: str,
    view: ActView,
    form: AnswerForm,
    *,
    was_kept: bool = False,
    reasons: Iterable[object] = (),
    named: form_pages.Asked | None = None,
) -> str:
    return render_template(
        "reports/open.html",
        report=report, view=view, form=form, was_kept=was_kept, reasons=tuple(reasons), named=named,
    )  # fmt: skip


# ---- sheets for families -------------------------------------------------------------------------------------------


@triage_blueprint.get("/<report>/sheets/<key>")
def sheet(report: str, key: str) -> ResponseReturnValue:
    """What a family does about one kind of content, as a PDF."""
    unit = triage.see_report(sessions.ctx(), sessions.actor(), report).unit
    language = request.args.get("language") or wording().language
    return handed_out(
        lambda: material.see_sheet(sessions.ctx(), sessions.actor(), unit, key, language),
        url_for("signalements.show", report=report),
    )
