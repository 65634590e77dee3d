"""Routes of case files: one issued, letters, jobs of many, copies taken back, and anybody's verification."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from threading import BoundedSemaphore

from flask import Response, current_app, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from school_protocol.auth.service import TooManyTries
from school_protocol.case_files import bulk, letter_register, prepared, verify_copy, verify_process
from school_protocol.case_files.copy_scope import SELF, CaseFileOptions, see_case_file
from school_protocol.case_files.letters import LetterLine, LetterOptions, see_letters
from school_protocol.case_files.prepared import problem_message, reason_label, trouble_message, zipped
from school_protocol.case_files.service import Issued, RevokedBefore, issue_case_file, issue_letter, revoke, see_copies
from school_protocol.case_files.verify_copy import Checked, HandedOut, asked, unread, verification_messages
from school_protocol.engine.answers import TEXT_MOST
from school_protocol.engine.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Permission
from school_protocol.language import language_name
from school_protocol.pdf import rendering
from school_protocol.pdf.presenters import error_message
from school_protocol.pdf.verdicts import Code, SealingError
from school_protocol.pdf.verification import DOCUMENT_MOST
from school_protocol.ui import sessions
from school_protocol.ui.forms import new_token, one_for_each
from school_protocol.ui.middleware import again_in
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

bulk_blueprint = Pages("bulk", __name__, asks=Permission.see_cases, url_prefix="/case-files")
bulk_blueprint.panel("case_files/bulk_link.html", bulk.may_ask, "desk.find", order=30, endpoint="bulk.index")

CODES_MOST = 2_000
LONGEST = 120
ID_MOST = 40


@bulk_blueprint.route("", methods=["GET", "POST"])
def index() -> ResponseReturnValue:
    """Choose cases, copy and language; pressed, the work begins."""
    options = bulk.see_options(sessions.ctx(), sessions.actor())
    if request.method != "POST" or rendering.missing():
        return _bulk_page(options)
    wish, w = _wish(), wording()
    try:
        begun = bulk.begin_bundle(sessions.ctx(), sessions.actor(), wish, request.form.get("token", "")[:200])
    except BadInput as error:
        return _bulk_page(options, wish, problems=error.problems), 422
    except SentBefore:
        said = w._("This page was sent before, with something else in it. Look at it as it is now, and send it again.")
        return _bulk_page(options, wish, refused=said), 409
    except bulk.BulkRefused as error:
        said = w._("Copies that you asked for are being made already.")
        return _bulk_page(options, wish, refused=said, other=error.other), 409
    sessions.ring()
    return redirect(url_for("bulk.job", job=begun.job), 303)


def _wish() -> bulk.Wish:
    form = request.form
    typed = form.get("codes", "")[: CODES_MOST * 10].upper().replace(",", " ").split()
    chosen = [code[:LONGEST] for code in (*form.getlist("schools"), *typed)]
    return bulk.Wish(
        offer=form.get("offer", "")[:LONGEST], language=form.get("language", "")[:LONGEST],
        schools=tuple(dict.fromkeys(chosen))[:CODES_MOST], ended=form.get("which") == "ended",
        first=form.get("first", "").strip()[:LONGEST], last=form.get("last", "").strip()[:LONGEST],
    )  # fmt: skip


def _bulk_page(
    options: bulk.Options,
    wish: bulk.Wish | None = None,
    *,
    problems: Mapping[str, Sequence[str]] | None = None,
    refused: str = "",
    other: str = "",
) -> str:
    w = wording()
    said = {field: [problem_message(w, code, bulk.MOST) for code in codes] for field, codes in (problems or {}).items()}
    return render_template(
        "case_files/bulk_index.html",
        options=options,
        wish=wish or bulk.Wish(offer=options.offers[0].key, language=w.language),
        problems=said,
        refused=refused,
        other=other,
        missing=rendering.missing(),
        running=next((job for job in options.jobs if job.is_running), None),
    )


@bulk_blueprint.get("/<job>")
def job(job: str) -> ResponseReturnValue:
    """How far it is, what was refused and why, and the way to the copies."""
    found = bulk.see_job(sessions.ctx(), sessions.actor(), job[:ID_MOST])
    w = wording()
    lines = [(line, reason_label(w, line.why)) for line in found.lines]
    return render_template(
        "case_files/bulk_job.html", job=found, lines=lines, trouble=trouble_message(w, found.bulk.trouble)
    )


@bulk_blueprint.get("/<job>/files")
def files(job: str) -> ResponseReturnValue:
    """The copies that were made so far, and a list of all cases, as one ZIP."""
    parts = zipped(sessions.ctx(), sessions.actor(), job[:ID_MOST])
    response = Response(parts, mimetype="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename="case-files.zip")
    return response


@bulk_blueprint.post("/<job>/stop")
def stop(job: str) -> ResponseReturnValue:
    """No further copy is made."""
    w = wording()
    if bulk.stop_bundle(sessions.ctx(), sessions.actor(), job[:ID_MOST]):
        flash(w._("Stopped. The copies that were made can be fetched."), "ok")
    else:
        flash(w._("It had come to its end before."), "message")
    return redirect(url_for("bulk.job", job=job), 303)


@bulk_blueprint.post("/<job>/delete")
def delete(job: str) -> ResponseReturnValue:
    """Nothing is kept of it here any more; while a copy is being made, it is stopped only."""
    if not bulk.delete_bundle(sessions.ctx(), sessions.actor(), job[:ID_MOST]):
        w = wording()
        said = w._("Not deleted yet: one copy is being made still. No other one follows. Try again in a minute.")
        flash(said, "message")
        return redirect(url_for("bulk.job", job=job), 303)
    flash(wording()._("The copies are deleted here. That they were issued stays noted in each case."), "ok")
    return redirect(url_for("bulk.index"), 303)


def _handed_out(issue: Callable[[str], Issued], choice: str, page: Callable[..., str]) -> ResponseReturnValue:
    """The copy that this press issues, or the page again with why there is none; `choice`: what was chosen on it."""
    try:
        issued = issue(one_for_each(choice))
    except SentBefore as error:
        return page(before=error.outcome["copy"]), 409
    except Refused as error:
        return page(reasons=error.reasons), 409
    except SealingError as error:
        current_app.logger.exception("a copy could not be sealed")
        return page(unsealed=error_message(wording(), error)), 503
    return send_file(BytesIO(issued.data), "application/pdf", as_attachment=True, download_name=issued.name)


# ---- the copies of a case that were handed out; one of them taken back ---------------------------------------------

copies_blueprint = Pages("cases", __name__, part="copies", asks=Permission.see_case, url_prefix="/cases")


@copies_blueprint.get("/<number>/copies")
def copies(number: str) -> ResponseReturnValue:
    return _copies_page(number)


@copies_blueprint.post("/<number>/copies", endpoint="revoke")
def take_back(number: str) -> ResponseReturnValue:
    """The one whose form was sent; its reason is asked for."""
    document, copy, reason = (request.form.get(name, "") for name in ("document", "copy", "reason"))
    told = f"{document}-{copy}"
    try:
        revoke(sessions.ctx(), sessions.actor(), number, document, _number(copy), reason)
    except RevokedBefore as error:
        said = wording()._("This copy was taken back already: %(moment)s.", moment=wording().moment(error.at))
        return _copies_page(number, told, said), 409
    except BadInput as error:
        return _copies_page(number, told, wording().problem(error.problems["reason"][0]), reason), 422
    flash(wording()._("The copy is taken back: whoever checks it is told so from now on."), "ok")
    return redirect(url_for("cases.copies", number=number), 303)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _copies_page(number: str, told: str = "", problem: str = "", reason: str = "") -> str:
    head, copies = see_copies(sessions.ctx(), sessions.actor(), number)
    return render_template(
        "case_files/copies.html", head=head, copies=copies, told=told, problem=problem, reason=reason, most=TEXT_MOST
    )


# ---- letters, notices, notes and sheets ----------------------------------------------------------------------------

letters_blueprint = Pages("cases", __name__, part="letters", asks=Permission.see_case, url_prefix="/cases")


def offered(number: str) -> tuple[LetterLine, ...]:
    """The letters of a case that this person may issue; none for whoever may issue none."""
    try:
        return see_letters(sessions.ctx(), sessions.actor(), number).letters
    except Unseen:
        return ()


@letters_blueprint.get("/<number>/letters")
def letters(number: str) -> ResponseReturnValue:
    options = see_letters(sessions.ctx(), sessions.actor(), number)
    return render_template("case_files/letters.html", head=options.head, letters=options.letters)


@letters_blueprint.route("/<number>/letters/<document>", methods=["GET", "POST"])
def letter(number: str, document: str) -> ResponseReturnValue:
    """Choose what a copy is about, and its language; pressed, it is issued."""
    options = see_letters(sessions.ctx(), sessions.actor(), number)
    line = next((one for one in options.letters if one.document.key == document), None)
    if line is None:
        raise Unseen(number)
    about, language = request.form.get("about", ""), request.form.get("language", "")
    if request.method != "POST" or rendering.missing():
        return _letters_page(options, line)
    return _handed_out(
        lambda token: issue_letter(sessions.ctx(), sessions.actor(), number, document, about, language, token=token),
        f"{about}.{language}",
        lambda **why: _letters_page(options, line, about=about, **why),
    )


def _letters_page(
    options: LetterOptions,
    line: LetterLine,
    *,
    before: int | None = None,
    reasons: Sequence[Reason] = (),
    unsealed: str = "",
    about: str = "",
) -> str:
    possible = [one.about for one in line.subjects if one.refused is None]
    return render_template(
        "case_files/letter.html",
        head=options.head,
        letter=line,
        languages_offered=options.languages,
        token=new_token(),
        missing=rendering.missing(),
        before=before,
        reasons=reasons,
        unsealed=unsealed,
        chosen=about if about in possible else next(iter(possible), ""),
    )


register_blueprint = Pages("outgoing", __name__, asks=Permission.see_letters)
register_blueprint.panel(
    "case_files/register_link.html", lambda _ctx, _actor: True, "desk.find", order=50, endpoint="outgoing.index"
)


@register_blueprint.get("/outgoing-letters", endpoint="index")
def outgoing_letters() -> ResponseReturnValue:
    """The register of outgoing letters of an office in one year."""
    year, below = (_number(request.args.get(name, "")) for name in ("year", "below"))
    page = letter_register.see_register(
        sessions.ctx(), sessions.actor(), request.args.get("place", "")[:40], year, below
    )
    return render_template("case_files/register.html", page=page)


# ---- the page of a case's file: which copies somebody may issue, which are made already ----------------------------

case_file_blueprint = Pages("cases", __name__, part="case_file", asks=Permission.see_case, url_prefix="/cases")


@case_file_blueprint.route("/<number>/case-file", methods=["GET", "POST"])
def case_file(number: str) -> ResponseReturnValue:
    try:
        options = see_case_file(sessions.ctx(), sessions.actor(), number)
    except Unseen:
        if not offered(number):
            raise
        return redirect(url_for("cases.letters", number=number), 303)
    chosen, language = request.form.get("profile", ""), request.form.get("language", "")
    profile, _, about = chosen.partition(":")
    if request.method != "POST" or options.missing:
        return _case_file_page(options)
    return _handed_out(
        lambda token: issue_case_file(
            sessions.ctx(), sessions.actor(), number, profile, language, about=about, token=token
        ),
        f"{language}.{chosen}",
        lambda **why: _case_file_page(options, chosen=chosen, **why),
    )


def _case_file_page(
    options: CaseFileOptions,
    before: int | None = None,
    reasons: Sequence[Reason] = (),
    chosen: str = "",
    unsealed: str = "",
) -> str:
    token = new_token()
    first = sorted(options.profiles, key=lambda profile: options.awaits(profile.key))
    choices = [
        profile.key if reader.about == SELF else f"{profile.key}:{reader.about}"
        for profile in first
        for reader in options.possible(profile.key)
    ]
    return render_template(
        "case_files/case_file.html",
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


def _ready(options: CaseFileOptions) -> list[str]:
    """Copies that are handed out at once: their profile, and the language in its own name."""
    try:
        found = prepared.ready(sessions.ctx(), sessions.actor(), options.head.number)
    except Unseen:  # the case was closed to this person meanwhile
        return []
    w = wording()
    return [
        f"{w.text(profile.title)} ({language_name(language)})"
        for profile in options.profiles
        for language in options.languages
        if (profile.key, language) in found
    ]


# ---- whether a copy is genuine: anybody's page ---------------------------------------------------------------------
# A process apart looks at the file, which is kept nowhere here. Nobody waits for a place: whoever waited would hold
# one of the few threads that serve everybody else.

verifying_blueprint = Pages("verifying", __name__, asks=Permission.anyone)

AT_ONCE = 2
"""Files that are looked at together; whoever comes then is asked to come again."""
SECONDS = 20.0
"""How long one file may take here; the command takes the time it needs."""
CODE_MOST = 60
"""Signs of a code, with whatever was typed between them."""
AGAIN_IN = 60
"""Seconds after which whoever found no place is asked to come again."""
_places = BoundedSemaphore(AT_ONCE)


class Crowded(Exception):
    """As many files as may be are being looked at."""


@verifying_blueprint.get("/verify")
def show() -> ResponseReturnValue:
    """With a code, as the picture on a paper has it: what this installation knows of that copy."""
    typed = request.args.get("code", "").strip()
    if not typed:
        return _verifying_page()
    verify_copy.note(sessions.ctx(), request.remote_addr or "")
    found = verify_copy.by_code(sessions.ctx(), typed[:CODE_MOST], wording())
    if found is None:
        said = wording()._(
            "No copy handed out here bears this code. Compare it with the paper: thirteen digits, then eight letters "
            "and digits."
        )
        return _verifying_page(problem=said, typed=typed[:CODE_MOST]), 422
    return _verifying_page(handed_out=found)


@verifying_blueprint.post("/verify")
def verify() -> ResponseReturnValue:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _verifying_page(problem=wording()._("Choose the file first.")), 422
    data = sent.stream.read(DOCUMENT_MOST + 1)
    sent.close()
    if not data:
        return _verifying_page(problem=wording()._("This file is empty: choose it again, as it was received.")), 422
    try:
        trust = verify_copy.trust(sessions.ctx())
        if trust is None:
            return _verifying_page(), 503
        with _place():
            found = verify_process.checked_apart(data, trust, sessions.ctx().now(), seconds=SECONDS)
    except SealingError as error:
        return _verifying_page(problem=error_message(wording(), error)), 503
    except Crowded:
        said = wording()._("Two files are being checked right now: please try again in a minute.")
        return _verifying_page(problem=said), 503, again_in(AGAIN_IN)
    return _verifying_page(asked(sessions.ctx(), found))


@verifying_blueprint.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """What is larger is refused by the length that it says of itself."""
    size = request.content_length or 0
    return _verifying_page(unread(size, Code.TOO_LARGE, size=size, most=DOCUMENT_MOST)), 413


@verifying_blueprint.errorhandler(TooManyTries)
def too_many(error: TooManyTries) -> ResponseReturnValue:
    """Counted before the body is read: see limits.count."""
    said = wording()._("Many files were checked from here just now: please wait a quarter of an hour.")
    return _verifying_page(problem=said), 429, again_in(error.seconds)


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise Crowded
    try:
        yield
    finally:
        _places.release()


def _verifying_page(
    found: Checked | None = None, *, handed_out: HandedOut | None = None, typed: str = "", problem: str = ""
) -> str:
    return render_template(
        "case_files/verify.html",
        said=verification_messages(wording(), found) if found else None,
        is_asked=found is not None and found.is_asked,
        is_issued=found is not None and found.is_issued,
        handed_out=handed_out,
        typed=typed,
        problem=problem,
        megabytes=DOCUMENT_MOST // 1024 // 1024,
        can=verify_copy.can(sessions.ctx()),
    )
