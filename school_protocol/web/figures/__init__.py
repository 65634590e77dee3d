"""Figures that were issued, for those who read them; asking for new ones; reports and sheets."""

from __future__ import annotations

from io import BytesIO

from flask import current_app, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from school_protocol.documents import rendering
from school_protocol.documents.papers.figure_lines import Lines, former_said
from school_protocol.documents.papers.figure_sheets import withheld_said
from school_protocol.documents.papers.figure_years import YearLines
from school_protocol.documents.sealing.errors import SealingError
from school_protocol.documents.sealing.saying import error_said
from school_protocol.domain.errors import BadInput, SentBefore, Unseen
from school_protocol.domain.phrases import N_
from school_protocol.domain.policy import Permission
from school_protocol.services.figures import issuing, seeing
from school_protocol.services.figures.issuing import Running
from school_protocol.services.figures.said import fault_said, job_said, step_said
from school_protocol.services.papers import figures as papers
from school_protocol.services.papers import yearly
from school_protocol.web import sessions
from school_protocol.web.cases.answering import new_token, one_for_each
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("figures", __name__, asks=Permission.see_figures, url_prefix="/figures")
blueprint.entry(N_("Figures"), 50, current="true")
ID_MOST = 40
_YEAR = 4


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The places; where there is one alone, its page."""
    places = seeing.places(sessions.house(), sessions.actor())
    if len(places) == 1:
        return redirect(url_for("figures.unit", protocol=places[0].protocol.protocol, code=places[0].unit.code))
    return render_template("figures/index.html", places=places)


@blueprint.get("/<protocol>/<code>")
def unit(protocol: str, code: str) -> ResponseReturnValue:
    """The latest release that has this unit."""
    return _page(protocol, code)


@blueprint.get("/<protocol>/<code>/<release>")
def release(protocol: str, code: str, release: str) -> ResponseReturnValue:
    """One of those before, or the latest."""
    return _page(protocol, code, release[:ID_MOST])


@blueprint.get("/<protocol>/<code>/years")
def years(protocol: str, code: str) -> ResponseReturnValue:
    """School years side by side."""
    w = wording()
    view = seeing.see_years(sessions.house(), sessions.actor(), protocol, code)
    return render_template(
        "figures/years.html",
        view=view,
        lines=YearLines(view.told, w) if view.told else None,
        withheld=withheld_said(w),
        former_said=former_said(w, is_all=False),
        missing=rendering.missing(),
    )


@blueprint.get("/<protocol>/<code>/years/<kind>")
def years_sheet(protocol: str, code: str, kind: str) -> ResponseReturnValue:
    """The same for a spreadsheet, or as a PDF."""
    try:
        found = papers.years_sheet(sessions.house(), sessions.actor(), protocol, code, kind)
    except rendering.DocumentsUnavailable:
        return redirect(url_for("figures.years", protocol=protocol, code=code))
    return send_file(BytesIO(found.data), found.kind, as_attachment=True, download_name=found.name)


@blueprint.post("/<protocol>/<code>/issue")
def issue(protocol: str, code: str) -> ResponseReturnValue:
    """Ask for the figures of a school year: a worker begins at once."""
    year = request.form.get("year", "")
    chosen = int(year) if year.isascii() and year.isdigit() and len(year) == _YEAR else 0
    token = request.form.get("token", "")[:100] or new_token()
    try:
        job = issuing.ask(sessions.house(), sessions.actor(), protocol, code, chosen, token)
    except Running as running:
        return redirect(url_for("figures.job", job=running.job), 303)
    except BadInput:
        return _page(protocol, code, problem=wording()._("Choose one of these school years.")), 422
    sessions.ring()
    return redirect(url_for("figures.job", job=job), 303)


@blueprint.get("/issuing/<job>")
def job(job: str) -> ResponseReturnValue:
    """How far it is, or what came of it."""
    view = issuing.see_job(sessions.house(), sessions.actor(), job[:ID_MOST])
    w = wording()
    return render_template(
        "figures/job.html",
        view=view,
        job=view.job,
        title=job_said(w, view.job, year_between(view.job.year)),
        step=step_said(w, view.job.state.value),
        fault=fault_said(w, view.job.fault),
    )


@blueprint.post("/issuing/<job>/stop")
def stop(job: str) -> ResponseReturnValue:
    """Nothing is issued."""
    w = wording()
    if issuing.stop(sessions.house(), sessions.actor(), job[:ID_MOST]):
        flash(w._("Stopped. Nothing was issued."), "ok")
    else:
        flash(w._("It had come to its end before."), "message")
    return redirect(url_for("figures.job", job=job), 303)


@blueprint.post("/<protocol>/<code>/<release>/public")
def public(protocol: str, code: str, release: str) -> ResponseReturnValue:
    """Put it on the page for everybody, or take it from there."""
    is_public = request.form.get("public") == "yes"
    w = wording()
    if issuing.set_public(sessions.house(), sessions.actor(), release[:ID_MOST], is_public=is_public):
        said = w._("These figures are on the page for everybody now.") if is_public else w._("Taken from that page.")
        flash(said, "ok")
    return redirect(url_for("figures.release", protocol=protocol, code=code, release=release), 303)


@blueprint.get("/<protocol>/<code>/<release>/sheets/<kind>")
def sheet(protocol: str, code: str, release: str, kind: str) -> ResponseReturnValue:
    """The same figures for a spreadsheet."""
    found = papers.sheet_of(sessions.house(), sessions.actor(), protocol, code, release[:ID_MOST], kind)
    return send_file(BytesIO(found.data), found.kind, as_attachment=True, download_name=found.name)


@blueprint.post("/<protocol>/<code>/<release>/report")
def report(protocol: str, code: str, release: str) -> ResponseReturnValue:
    """One copy of the report."""
    language = request.form.get("language", "")
    if rendering.missing():
        return _page(protocol, code, release[:ID_MOST]), 503
    try:
        made = papers.issue_report(
            sessions.house(),
            sessions.actor(),
            protocol,
            code,
            release[:ID_MOST],
            language,
            token=one_for_each(language),
        )
    except SentBefore as error:
        said = wording()._("Copy %(copy)s was issued already", copy=error.outcome["copy"])
        return _page(protocol, code, release, problem=said), 409
    except SealingError as error:
        current_app.logger.exception("a report on figures could not be sealed")
        return _page(protocol, code, release, problem=error_said(wording(), error)), 503
    return send_file(BytesIO(made.data), made.kind, as_attachment=True, download_name=made.name)


def _page(protocol: str, code: str, release: str = "", *, problem: str = "") -> str:
    house, actor, w = sessions.house(), sessions.actor(), wording()
    view = seeing.see_figures(house, actor, protocol, code, release)
    lines = Lines(view.told, w) if view.told else None
    options = issuing.see_options(house, actor, protocol, code) if view.place.may_issue else None
    return render_template(
        "figures/unit.html",
        view=view,
        lines=lines,
        options=options,
        refused=year_between(options.refused.year) if options and options.refused else "",
        yearly=_has_yearly(code),
        withheld=withheld_said(w),
        former_said=former_said(w, is_all=lines is not None and lines.is_all_former),
        year_said=lambda line: year_between(line.year),
        token=new_token(),
        problem=problem,
        missing=rendering.missing(),
    )


def year_between(year: int) -> str:
    """A school year within a line of any direction."""
    return f"\u2066{year}–{year + 1}\u2069"


def _has_yearly(code: str) -> bool:
    """Whether this school's yearly report for its council is for whoever reads."""
    try:
        yearly.place_of(sessions.house(), sessions.actor(), code)
    except Unseen:
        return False
    return True
