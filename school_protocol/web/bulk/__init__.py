"""Case files of many cases at once: which ones, how far they are, the ZIP, stopping and deleting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.documents import rendering
from school_protocol.domain.errors import BadInput, SentBefore
from school_protocol.domain.policy import Permission
from school_protocol.services.papers import bulk as papers
from school_protocol.services.papers.bulk_files import zipped
from school_protocol.services.papers.bulk_said import problem_said, trouble_said, why_said
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("bulk", __name__, asks=Permission.see_cases, url_prefix="/case-files")
blueprint.panel("bulk/link.html", papers.may_ask, "desk.find", order=30, endpoint="bulk.index")

CODES_MOST = 2_000
LONGEST = 120
ID_MOST = 40


@blueprint.route("", methods=["GET", "POST"])
def index() -> ResponseReturnValue:
    """Choose cases, copy and language; pressed, the work begins."""
    options = papers.see_options(sessions.house(), sessions.actor())
    if request.method != "POST" or rendering.missing():
        return _page(options)
    wish, w = _wish(), wording()
    try:
        begun = papers.begin(sessions.house(), sessions.actor(), wish, request.form.get("token", "")[:200])
    except BadInput as error:
        return _page(options, wish, problems=error.problems), 422
    except SentBefore:
        said = w._("This page was sent before, with something else in it. Look at it as it is now, and send it again.")
        return _page(options, wish, refused=said), 409
    except papers.BulkRefused as error:
        said = w._("Copies that you asked for are being made already.")
        return _page(options, wish, refused=said, other=error.other), 409
    sessions.ring()
    return redirect(url_for("bulk.job", job=begun.job), 303)


def _wish() -> papers.Wish:
    form = request.form
    typed = form.get("codes", "")[: CODES_MOST * 10].upper().replace(",", " ").split()
    chosen = [code[:LONGEST] for code in (*form.getlist("schools"), *typed)]
    return papers.Wish(
        offer=form.get("offer", "")[:LONGEST], language=form.get("language", "")[:LONGEST],
        schools=tuple(dict.fromkeys(chosen))[:CODES_MOST], ended=form.get("which") == "ended",
        first=form.get("first", "").strip()[:LONGEST], last=form.get("last", "").strip()[:LONGEST],
    )  # fmt: skip


def _page(
    options: papers.Options,
    wish: papers.Wish | None = None,
    *,
    problems: Mapping[str, Sequence[str]] | None = None,
    refused: str = "",
    other: str = "",
) -> str:
    w = wording()
    said = {field: [problem_said(w, code, papers.MOST) for code in codes] for field, codes in (problems or {}).items()}
    return render_template(
        "bulk/index.html",
        options=options,
        wish=wish or papers.Wish(offer=options.offers[0].key, language=w.language),
        problems=said,
        refused=refused,
        other=other,
        missing=rendering.missing(),
        running=next((job for job in options.jobs if job.is_running), None),
    )


@blueprint.get("/<job>")
def job(job: str) -> ResponseReturnValue:
    """How far it is, what was refused and why, and the way to the copies."""
    found = papers.see_job(sessions.house(), sessions.actor(), job[:ID_MOST])
    w = wording()
    lines = [(line, why_said(w, line.why)) for line in found.lines]
    return render_template("bulk/job.html", job=found, lines=lines, trouble=trouble_said(w, found.bulk.trouble))


@blueprint.get("/<job>/files")
def files(job: str) -> ResponseReturnValue:
    """The copies that were made so far, and a list of all cases, as one ZIP."""
    parts = zipped(sessions.house(), sessions.actor(), job[:ID_MOST])
    response = Response(parts, mimetype="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename="case-files.zip")
    return response


@blueprint.post("/<job>/stop")
def stop(job: str) -> ResponseReturnValue:
    """No further copy is made."""
    w = wording()
    if papers.stop(sessions.house(), sessions.actor(), job[:ID_MOST]):
        flash(w._("Stopped. The copies that were made can be fetched."), "ok")
    else:
        flash(w._("It had come to its end before."), "message")
    return redirect(url_for("bulk.job", job=job), 303)


@blueprint.post("/<job>/delete")
def delete(job: str) -> ResponseReturnValue:
    """Nothing is kept of it here any more; while a copy is being made, it is stopped only."""
    if not papers.delete(sessions.house(), sessions.actor(), job[:ID_MOST]):
        w = wording()
        said = w._("Not deleted yet: one copy is being made still. No other one follows. Try again in a minute.")
        flash(said, "message")
        return redirect(url_for("bulk.job", job=job), 303)
    flash(wording()._("The copies are deleted here. That they were issued stays noted in each case."), "ok")
    return redirect(url_for("bulk.index"), 303)
