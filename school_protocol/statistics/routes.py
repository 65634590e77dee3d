"""Routes of figures: releases read and asked for, reports, sheets, the page for everybody, the yearly report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from io import BytesIO

from flask import current_app, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from school_protocol.engine.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.engine.intents import Reason
from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Permission
from school_protocol.pdf import rendering
from school_protocol.pdf.presenters import error_message
from school_protocol.pdf.verdicts import SealingError
from school_protocol.statistics import release_files, releases, yearly_report
from school_protocol.statistics.method_note import COUNTS, SOURCES, sections, table_rows
from school_protocol.statistics.presenters import Lines, fault_message, job_said, noise_text, period_label
from school_protocol.statistics.release_files import YearLines
from school_protocol.statistics.releases import Options, Running
from school_protocol.statistics.rules import QUARTERS, ReleasePeriod
from school_protocol.statistics.yearly_report import YearlyOptions
from school_protocol.ui import sessions
from school_protocol.ui.forms import new_token, one_for_each
from school_protocol.ui.rendering import reword, wording
from school_protocol.ui.routing import Pages

figure_blueprint = Pages("figures", __name__, asks=Permission.see_figures, url_prefix="/figures")
figure_blueprint.entry(N_("Figures"), 50, current="true")
ID_MOST = 40
_PERIOD = re.compile(rf"(\d{{4}})(?:-Q([1-{QUARTERS}]))?", re.ASCII)


@figure_blueprint.get("", endpoint="index")
def figure_index() -> ResponseReturnValue:
    """The places; where there is one alone, its page."""
    places = releases.places(sessions.ctx(), sessions.actor())
    if len(places) == 1:
        return redirect(url_for("figures.unit", protocol=places[0].protocol.protocol, code=places[0].unit.code))
    return render_template("statistics/index.html", places=places)


@figure_blueprint.get("/<protocol>/<code>")
def unit(protocol: str, code: str) -> ResponseReturnValue:
    """The latest release that has this unit."""
    return _figure_page(protocol, code)


@figure_blueprint.get("/<protocol>/<code>/<release>", endpoint="release")
def release_figure(protocol: str, code: str, release: str) -> ResponseReturnValue:
    """One of those before, or the latest."""
    return _figure_page(protocol, code, release[:ID_MOST])


@figure_blueprint.get("/<protocol>/<code>/years")
def years(protocol: str, code: str) -> ResponseReturnValue:
    """School years side by side."""
    w = wording()
    view = releases.see_years(sessions.ctx(), sessions.actor(), protocol, code)
    return render_template(
        "statistics/years.html",
        view=view,
        lines=YearLines(view.told, w) if view.told else None,
        noise=noise_text(w),
        missing=rendering.missing(),
    )


@figure_blueprint.get("/<protocol>/<code>/years/<kind>")
def years_sheet(protocol: str, code: str, kind: str) -> ResponseReturnValue:
    """The same for a spreadsheet, or as a PDF."""
    try:
        found = release_files.years_sheet(sessions.ctx(), sessions.actor(), protocol, code, kind)
    except rendering.DocumentsUnavailable:
        return redirect(url_for("figures.years", protocol=protocol, code=code))
    return send_file(
        BytesIO(found.data),
        release_files.SHEETS.get(kind, "application/pdf"),
        as_attachment=True,
        download_name=found.name,
    )


@figure_blueprint.post("/<protocol>/<code>/issue")
def issue(protocol: str, code: str) -> ResponseReturnValue:
    """Ask for the figures of a school year or quarter: a worker begins at once."""
    found = _PERIOD.fullmatch(request.form.get("period", ""))
    chosen = ReleasePeriod(int(found[1]), int(found[2] or 0)) if found else ReleasePeriod(0)
    again = request.form.get("again") == "yes"
    token = request.form.get("token", "")[:100] or new_token()
    try:
        job = releases.ask_release(sessions.ctx(), sessions.actor(), protocol, code, chosen, token, again=again)
    except Running as running:
        return redirect(url_for("figures.job", job=running.job), 303)
    except BadInput:
        w = wording()
        said = w._("These figures can’t be issued once more.") if again else w._("Choose one of these periods.")
        return _figure_page(protocol, code, problem=said), 422
    sessions.ring()
    return redirect(url_for("figures.job", job=job), 303)


@figure_blueprint.get("/issuing/<job>")
def job(job: str) -> ResponseReturnValue:
    """How far it is, or what came of it."""
    view = releases.see_job(sessions.ctx(), sessions.actor(), job[:ID_MOST])
    w = wording()
    return render_template(
        "statistics/job.html",
        view=view,
        job=view.job,
        title=job_said(w, view.job),
        fault=fault_message(w, view.job.fault),
    )


@figure_blueprint.post("/issuing/<job>/stop")
def stop(job: str) -> ResponseReturnValue:
    """Nothing is issued."""
    w = wording()
    if releases.stop_release(sessions.ctx(), sessions.actor(), job[:ID_MOST]):
        flash(w._("Stopped. Nothing was issued."), "ok")
    else:
        flash(w._("It had come to its end before."), "message")
    return redirect(url_for("figures.job", job=job), 303)


@figure_blueprint.post("/<protocol>/<code>/<release>/public")
def public(protocol: str, code: str, release: str) -> ResponseReturnValue:
    """Put it on the page for everybody, or take it from there."""
    is_public = request.form.get("public") == "yes"
    w = wording()
    if releases.set_public(sessions.ctx(), sessions.actor(), release[:ID_MOST], is_public=is_public):
        said = w._("These figures are on the page for everybody now.") if is_public else w._("Taken from that page.")
        flash(said, "ok")
    return redirect(url_for("figures.release", protocol=protocol, code=code, release=release), 303)


@figure_blueprint.get("/<protocol>/<code>/<release>/sheets/<kind>")
def sheet(protocol: str, code: str, release: str, kind: str) -> ResponseReturnValue:
    """The same figures for a spreadsheet."""
    found = release_files.release_sheet(sessions.ctx(), sessions.actor(), protocol, code, release[:ID_MOST], kind)
    return send_file(
        BytesIO(found.data),
        release_files.SHEETS.get(kind, "application/pdf"),
        as_attachment=True,
        download_name=found.name,
    )


@figure_blueprint.post("/<protocol>/<code>/<release>/report")
def report(protocol: str, code: str, release: str) -> ResponseReturnValue:
    """One copy of the report."""
    language = request.form.get("language", "")
    if rendering.missing():
        return _figure_page(protocol, code, release[:ID_MOST]), 503
    try:
        made = release_files.issue_report(
            sessions.ctx(),
            sessions.actor(),
            protocol,
            code,
            release[:ID_MOST],
            language,
            token=one_for_each(language),
        )
    except SentBefore as error:
        said = wording()._("Copy %(copy)s was issued already", copy=error.outcome["copy"])
        return _figure_page(protocol, code, release, problem=said), 409
    except SealingError as error:
        current_app.logger.exception("a report on figures could not be sealed")
        return _figure_page(protocol, code, release, problem=error_message(wording(), error)), 503
    return send_file(BytesIO(made.data), "application/pdf", as_attachment=True, download_name=made.name)


def _figure_page(protocol: str, code: str, release: str = "", *, problem: str = "") -> str:
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    view = releases.see_figures(ctx, actor, protocol, code, release)
    lines = Lines(view.told, w) if view.told else None
    options = releases.see_options(ctx, actor, protocol, code) if view.place.may_issue else None
    return render_template(
        "statistics/unit.html",
        view=view,
        lines=lines,
        options=options,
        refused=_asked_for(options) if options else "",
        yearly=_has_yearly(code),
        noise=noise_text(w),
        period_label=partial(period_label, w),
        token=new_token(),
        problem=problem,
        missing=rendering.missing(),
    )


def _asked_for(options: Options) -> str:
    """The period that was refused."""
    job = options.refused
    return period_label(wording(), ReleasePeriod(job.year, job.quarter or 0)) if job else ""


def _has_yearly(code: str) -> bool:
    """Whether this school's yearly report for its council is for whoever reads."""
    try:
        yearly_report.place_of(sessions.ctx(), sessions.actor(), code)
    except Unseen:
        return False
    return True


# ---- the page for everybody: figures that whoever issued them put there --------------------------------------------
# It knows nobody, and needs no cookie.

campaign_blueprint = Pages("campaign", __name__, asks=Permission.anyone, url_prefix="/campaign")


@campaign_blueprint.app_template_global()
def has_public_figures() -> bool:
    """Whether there is anything to lead to, for the page on which people sign in."""
    return releases.has_public(sessions.ctx())


@campaign_blueprint.get("", endpoint="index")
def campaign_index() -> ResponseReturnValue:
    """In the language that the browser asks for."""
    offered = sessions.ctx().settings.languages
    language = request.accept_languages.best_match(offered) or sessions.ctx().settings.default_language
    return redirect(url_for("campaign.latest", language=language))


@campaign_blueprint.get("/<language>")
def latest(language: str) -> ResponseReturnValue:
    """The figures that were put there last."""
    return _campaign_page(language)


@campaign_blueprint.get("/<language>/method")
def method(language: str) -> str:
    """How figures are protected, for whoever reckons with them."""
    if language not in sessions.ctx().settings.languages:
        raise Unseen(language)
    reword(language)
    return render_template(
        "statistics/method.html", sections=sections(wording()), counts=COUNTS, rows=table_rows(), sources=SOURCES
    )


@campaign_blueprint.get("/<language>/<release>", endpoint="release")
def release_campaign(language: str, release: str) -> ResponseReturnValue:
    """Others that are there."""
    return _campaign_page(language, release[:ID_MOST])


def _campaign_page(language: str, release: str = "") -> str:
    ctx = sessions.ctx()
    if language not in ctx.settings.languages:
        raise Unseen(language)
    reword(language)
    every = releases.see_public(ctx)
    chosen = release or (every[0].id if every else "")
    told = releases.see_public_told(ctx, chosen) if chosen else None
    return render_template(
        "statistics/campaign.html",
        every=every,
        told=told,
        lines=Lines(told, wording()) if told else None,
        period_label=partial(period_label, wording()),
        noise=noise_text(wording()),
        endpoint="campaign.release" if release else "campaign.latest",
        release=release or None,
    )


# ---- the yearly report of a school: which school, which year, in which language ------------------------------------

yearly_blueprint = Pages("yearly", __name__, asks=Permission.signed_in, url_prefix="/yearly")
yearly_blueprint.panel(
    "statistics/yearly_link.html", yearly_report.has_reports, "desk.find", order=10, endpoint="yearly.index"
)


@yearly_blueprint.get("", endpoint="index")
def yearly_index() -> ResponseReturnValue:
    """The schools; where there is one alone, its page."""
    places = yearly_report.places(sessions.ctx(), sessions.actor())
    if not places:
        raise Unseen("yearly")
    if len(places) == 1:
        return redirect(url_for("yearly.school", school=places[0].unit.code))
    return render_template("statistics/yearly_index.html", places=places)


@yearly_blueprint.route("/<school>", methods=["GET", "POST"])
def school(school: str) -> ResponseReturnValue:
    """Choose the year and the language; pressed, a copy is handed out."""
    options = yearly_report.see_yearly(sessions.ctx(), sessions.actor(), school)
    if request.method != "POST" or options.missing:
        return _yearly_page(options)
    year, language = request.form.get("year", ""), request.form.get("language", "")
    try:
        issued = yearly_report.issue_yearly(
            sessions.ctx(),
            sessions.actor(),
            school,
            int(year) if year.isascii() and year.isdigit() and len(year) == len("2026") else 0,
            language,
            token=one_for_each(f"{year}.{language}"),
        )
    except SentBefore as error:
        return _yearly_page(options, before=error.outcome["copy"], chosen=year), 409
    except BadInput as error:
        return _yearly_page(options, problem=error.problems["year"][0]), 422
    except Refused as error:
        return _yearly_page(options, reasons=error.reasons, chosen=year), 409
    except SealingError as error:
        current_app.logger.exception("a yearly report could not be sealed")
        return _yearly_page(options, unsealed=error_message(wording(), error), chosen=year), 503
    return send_file(BytesIO(issued.data), "application/pdf", as_attachment=True, download_name=issued.name)


def _yearly_page(
    options: YearlyOptions,
    *,
    before: int | None = None,
    problem: str = "",
    reasons: Sequence[Reason] = (),
    unsealed: str = "",
    chosen: str = "",
) -> str:
    told = [str(line.year) for line in options.years if line.period is not None]
    over = [str(line.year) for line in options.years if line.period is not None and line.period.is_over]
    return render_template(
        "statistics/yearly_school.html",
        options=options,
        token=new_token(),
        before=before,
        problem=problem,
        reasons=reasons,
        unsealed=unsealed,
        chosen=chosen if chosen in told else next(iter([*over, *told]), ""),
    )
