"""The page of a case's file: which copies somebody may issue, which are made already; pressed, one is issued."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from flask import current_app, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from school_protocol.documents.sealing.errors import SealingError
from school_protocol.documents.sealing.saying import error_said
from school_protocol.domain.engine import Reason
from school_protocol.domain.errors import Refused, SentBefore, Unseen
from school_protocol.domain.policy import Permission
from school_protocol.services import papers
from school_protocol.services.papers import ahead
from school_protocol.web import sessions
from school_protocol.web.cases.answering import new_token, one_for_each
from school_protocol.web.cases.letters import offered
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages
from school_protocol.wording import LANGUAGE_NAMES

blueprint = Pages("cases", __name__, part="case_file", asks=Permission.see_case, url_prefix="/cases")


@blueprint.route("/<number>/case-file", methods=["GET", "POST"])
def case_file(number: str) -> ResponseReturnValue:
    try:
        options = papers.see_case_file(sessions.house(), sessions.actor(), number)
    except Unseen:
        if not offered(number):
            raise
        return redirect(url_for("cases.letters", number=number), 303)
    chosen, language = request.form.get("profile", ""), request.form.get("language", "")
    profile, _, about = chosen.partition(":")
    wanted = request.method == "POST" and not options.missing
    if not wanted:
        return _case_file_page(options)
    try:
        issued = papers.issue_case_file(
            sessions.house(),
            sessions.actor(),
            number,
            profile,
            language,
            about=about,
            token=one_for_each(f"{language}.{chosen}"),
        )
    except SentBefore as error:
        return _case_file_page(options, before=error.outcome["copy"], chosen=chosen), 409
    except Refused as error:
        return _case_file_page(options, reasons=error.reasons, chosen=chosen), 409
    except SealingError as error:
        current_app.logger.exception("a case file could not be sealed")
        return _case_file_page(options, unsealed=error_said(wording(), error), chosen=chosen), 503
    return send_file(BytesIO(issued.data), "application/pdf", as_attachment=True, download_name=issued.name)


def _case_file_page(
    options: papers.CaseFileOptions,
    before: int | None = None,
    reasons: Sequence[Reason] = (),
    chosen: str = "",
    unsealed: str = "",
) -> str:
    token = new_token()
    first = sorted(options.profiles, key=lambda profile: options.awaits(profile.key))
    choices = [
        profile.key if reader.about == papers.SELF else f"{profile.key}:{reader.about}"
        for profile in first
        for reader in options.possible(profile.key)
    ]
    return render_template(
        "cases/case_file.html",
        file=options,
        head=options.head,
        token=token,
        before=before,
        reasons=reasons,
        unsealed=unsealed,
        chosen=chosen if chosen in choices else next(iter(choices), ""),
        letters=offered(options.head.number),
        ready=_ready(options),
    )


def _ready(options: papers.CaseFileOptions) -> list[str]:
    """Copies that are handed out at once: their profile, and the language in its own name."""
    try:
        found = ahead.ready(sessions.house(), sessions.actor(), options.head.number)
    except Unseen:  # the case was closed to this person meanwhile
        return []
    w = wording()
    return [
        f"{w.text(profile.title)} ({LANGUAGE_NAMES.get(language, language)})"
        for profile in options.profiles
        for language in options.languages
        if (profile.key, language) in found
    ]
