"""The yearly report of a school: which school, which year, in which language."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from flask import current_app, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from school_protocol.documents.sealing.errors import SealingError
from school_protocol.documents.sealing.saying import error_said
from school_protocol.domain.engine import Reason
from school_protocol.domain.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.domain.policy import Permission
from school_protocol.services.papers import yearly
from school_protocol.services.papers.yearly import YearlyOptions
from school_protocol.web import sessions
from school_protocol.web.cases.answering import new_token, one_for_each
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("yearly", __name__, asks=Permission.signed_in, url_prefix="/yearly")
blueprint.panel("yearly/link.html", yearly.has_reports, "desk.find", order=10, endpoint="yearly.index")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The schools; where there is one alone, its page."""
    places = yearly.places(sessions.house(), sessions.actor())
    if not places:
        raise Unseen("yearly")
    if len(places) == 1:
        return redirect(url_for("yearly.school", school=places[0].unit.code))
    return render_template("yearly/index.html", places=places)


@blueprint.route("/<school>", methods=["GET", "POST"])
def school(school: str) -> ResponseReturnValue:
    """Choose the year and the language; pressed, a copy is handed out."""
    options = yearly.see_yearly(sessions.house(), sessions.actor(), school)
    if request.method != "POST" or options.missing:
        return _page(options)
    year, language = request.form.get("year", ""), request.form.get("language", "")
    try:
        issued = yearly.issue_yearly(
            sessions.house(),
            sessions.actor(),
            school,
            int(year) if year.isascii() and year.isdigit() and len(year) == len("2026") else 0,
            language,
            token=one_for_each(f"{year}.{language}"),
        )
    except SentBefore as error:
        return _page(options, before=error.outcome["copy"], chosen=year), 409
    except BadInput as error:
        return _page(options, problem=error.problems["year"][0]), 422
    except Refused as error:
        return _page(options, reasons=error.reasons, chosen=year), 409
    except SealingError as error:
        current_app.logger.exception("a yearly report could not be sealed")
        return _page(options, unsealed=error_said(wording(), error), chosen=year), 503
    return send_file(BytesIO(issued.data), "application/pdf", as_attachment=True, download_name=issued.name)


def _page(
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
        "yearly/school.html",
        options=options,
        token=new_token(),
        before=before,
        problem=problem,
        reasons=reasons,
        unsealed=unsealed,
        chosen=chosen if chosen in told else next(iter([*over, *told]), ""),
    )
