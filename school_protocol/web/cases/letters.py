"""Pages of the documents beside the case file: which there are, and one of them, to be issued."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from flask import current_app, render_template, request, send_file
from flask.typing import ResponseReturnValue

from school_protocol.documents import rendering
from school_protocol.documents.sealing.errors import SealingError
from school_protocol.documents.sealing.saying import error_said
from school_protocol.domain.engine import Reason
from school_protocol.domain.errors import Refused, SentBefore, Unseen
from school_protocol.domain.policy import Permission
from school_protocol.services.papers.letters import LetterLine, LetterOptions, see_letters
from school_protocol.services.papers.posting import issue_letter
from school_protocol.web import sessions
from school_protocol.web.cases.answering import new_token, one_for_each
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("cases", __name__, part="letters", asks=Permission.see_case, url_prefix="/cases")


def offered(number: str) -> tuple[LetterLine, ...]:
    """The letters of a case that this person may issue; none for whoever may issue none."""
    try:
        return see_letters(sessions.house(), sessions.actor(), number).letters
    except Unseen:
        return ()


@blueprint.get("/<number>/letters")
def letters(number: str) -> ResponseReturnValue:
    options = see_letters(sessions.house(), sessions.actor(), number)
    return render_template("cases/letters.html", head=options.head, letters=options.letters)


@blueprint.route("/<number>/letters/<document>", methods=["GET", "POST"])
def letter(number: str, document: str) -> ResponseReturnValue:
    """Choose what a copy is about, and its language; pressed, it is issued."""
    options = see_letters(sessions.house(), sessions.actor(), number)
    line = next((one for one in options.letters if one.document.key == document), None)
    if line is None:
        raise Unseen(number)
    about, language = request.form.get("about", ""), request.form.get("language", "")
    missing = rendering.missing()
    if request.method != "POST" or missing:
        return _page(options, line, missing=missing)
    try:
        issued = issue_letter(
            sessions.house(),
            sessions.actor(),
            number,
            document,
            about,
            language,
            token=one_for_each(f"{about}.{language}"),
        )
    except SentBefore as error:
        return _page(options, line, before=error.outcome["copy"], about=about), 409
    except Refused as error:
        return _page(options, line, reasons=error.reasons, about=about), 409
    except SealingError as error:
        current_app.logger.exception("a letter could not be sealed")
        return _page(options, line, unsealed=error_said(wording(), error), about=about), 503
    return send_file(BytesIO(issued.data), "application/pdf", as_attachment=True, download_name=issued.name)


def _page(
    options: LetterOptions,
    line: LetterLine,
    *,
    missing: str | None = None,
    before: int | None = None,
    reasons: Sequence[Reason] = (),
    unsealed: str = "",
    about: str = "",
) -> str:
    possible = [one.about for one in line.subjects if one.refused is None]
    return render_template(
        "cases/letter.html",
        head=options.head,
        letter=line,
        languages_offered=options.languages,
        token=new_token(),
        missing=missing,
        before=before,
        reasons=reasons,
        unsealed=unsealed,
        chosen=about if about in possible else next(iter(possible), ""),
    )
