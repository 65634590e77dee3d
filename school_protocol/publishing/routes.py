"""Routes of protocols: versions published by two people, settings, handouts, cases moved. No case is read here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from typing import Any

from flask import flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from school_protocol.engine.errors import BadInput, DefinitionError, Fault, SentBefore, Unseen
from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Permission
from school_protocol.pdf.rendering import DocumentsUnavailable
from school_protocol.proof.presenters import ResultLabel, result_label
from school_protocol.proof.state_space import Result
from school_protocol.protocol.check_context import LARGEST
from school_protocol.protocol.presenters import ChangeLabel, FaultMessage, change_label, fault_message
from school_protocol.publishing import handouts, move_case, presenters, service, settings
from school_protocol.publishing.forms import SettingsForm, settings_form
from school_protocol.publishing.handouts import Handout
from school_protocol.publishing.move_case import DifferenceView, see_left
from school_protocol.publishing.service import DraftView, PublishRefused
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import sessions
from school_protocol.ui.forms import answers_of, as_sent, show_problems
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

protocol_blueprint = Pages("protocols", __name__, asks=Permission.publish, url_prefix="/protocols")
protocol_blueprint.entry(N_("Protocols"), 100)

YAML = "application/yaml"


# ---- versions and drafts -------------------------------------------------------------------------------------------


@protocol_blueprint.get("")
def index() -> ResponseReturnValue:
    view = service.see_protocols(sessions.ctx(), sessions.actor())
    w = wording()
    return render_template("publishing/index.html", view=view, stands=lambda code: presenters.stands(w, code))


@protocol_blueprint.route("/upload", methods=["GET", "POST"], is_long=True)
def upload() -> ResponseReturnValue:
    service.check_may(sessions.ctx(), sessions.actor())
    if request.method != "POST":
        return _upload_page()
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _upload_page(problem="required"), 422
    content = sent.stream.read(LARGEST + 1)
    try:
        draft = service.upload(sessions.ctx(), sessions.actor(), content, sent.filename)
    except DefinitionError as error:
        return _upload_page(faults=error.faults), 422
    sessions.ring()
    return redirect(url_for("protocols.draft", draft=draft), 303)


def _upload_page(*, problem: str = "", faults: Sequence[Fault] = ()) -> str:
    said = [fault_message(wording(), fault) for fault in faults]
    return render_template("publishing/upload.html", problem=problem, faults=said, mebibytes=LARGEST // 1024 // 1024)


@protocol_blueprint.get("/<key>/<int:version>/file")
def file(key: str, version: int) -> ResponseReturnValue:
    """The very bytes of a published version."""
    return _file(service.export(sessions.ctx(), sessions.actor(), key, version))


def _file(found: Handout, kind: str = YAML) -> ResponseReturnValue:
    return send_file(BytesIO(found.data), kind, as_attachment=True, download_name=found.name)


# ---- one draft -----------------------------------------------------------------------------------------------------


@protocol_blueprint.get("/drafts/<draft>")
def draft(draft: str) -> ResponseReturnValue:
    return _draft_page(draft)


@protocol_blueprint.get("/drafts/<draft>/file")
def draft_file(draft: str) -> ResponseReturnValue:
    return _file(service.export_draft(sessions.ctx(), sessions.actor(), draft))


@protocol_blueprint.post("/drafts/<draft>/propose")
def propose(draft: str) -> ResponseReturnValue:
    try:
        service.propose(sessions.ctx(), sessions.actor(), draft)
    except PublishRefused as error:
        return _draft_page(draft, error.obstacles), 409
    flash(wording()._("Proposed. Another administrator reads it and agrees, or not."), "ok")
    return redirect(url_for("protocols.draft", draft=draft), 303)


@protocol_blueprint.post("/drafts/<draft>/agree")
def agree(draft: str) -> ResponseReturnValue:
    """A second person agrees to the very bytes that the page showed."""
    digest = request.form.get("digest", "")
    try:
        service.agree(sessions.ctx(), sessions.actor(), draft, digest)
    except PublishRefused as error:
        return _draft_page(draft, error.obstacles), 409
    if service.see_draft(sessions.ctx(), sessions.actor(), draft).is_first:
        flash(wording()._("Published. Whoever holds one of its roles opens cases under it from now on."), "ok")
    else:
        flash(wording()._("Published. Cases opened from now on follow this version; the others stay on theirs."), "ok")
    return redirect(url_for("protocols.index"), 303)


@protocol_blueprint.post("/drafts/<draft>/withdraw")
def withdraw(draft: str) -> ResponseReturnValue:
    try:
        service.withdraw(sessions.ctx(), sessions.actor(), draft)
    except PublishRefused as error:
        return _draft_page(draft, error.obstacles), 409
    flash(wording()._("Withdrawn. Nothing was published."), "ok")
    return redirect(url_for("protocols.index"), 303)


@protocol_blueprint.post("/drafts/<draft>/again")
def again(draft: str) -> ResponseReturnValue:
    """Work it out anew, against the version that is current now."""
    try:
        service.look_again(sessions.ctx(), sessions.actor(), draft)
    except PublishRefused as error:
        return _draft_page(draft, error.obstacles), 409
    sessions.ring()
    return redirect(url_for("protocols.draft", draft=draft), 303)


def _draft_page(draft: str, refused: Sequence[str] = ()) -> str:
    w = wording()
    view = service.see_draft(sessions.ctx(), sessions.actor(), draft)
    return render_template(
        "publishing/draft.html",
        view=view,
        looked=view.looked,
        faults=_faults(view),
        failures=_failures(view),
        changes=_changes(view),
        stories=[(line, presenters.story(w, view, line)) for line in view.looked.stories],
        refused=[presenters.obstacle(w, code) for code in refused],
        to_propose=[presenters.obstacle(w, code) for code in view.to_propose],
        to_agree=[presenters.obstacle(w, code) for code in view.to_agree],
        left=see_left(sessions.ctx(), sessions.actor(), view.draft),
        done=lambda kind: presenters.done(w, kind),
        stands=lambda code: presenters.stands(w, code),
    )


def _changes(view: DraftView) -> list[tuple[ChangeLabel, bool]]:
    """What would be otherwise, in words, and whether it loosens what is fixed."""
    before, after = view.looked.before, view.looked.protocol
    if before is None or after is None:
        return []
    w = wording()
    return [(change_label(w, before, after, change), change.is_loosening) for change in view.looked.changes]


def _faults(view: DraftView) -> list[FaultMessage]:
    """What is wrong with the file, each with its line."""
    return [fault_message(wording(), fault, text) for fault, text in view.looked.faults]


def _failures(view: DraftView) -> list[ResultLabel]:
    """What the proof found, as stories in the reader's language."""
    protocol, proof = view.looked.protocol, view.looked.proof
    faults: tuple[Result, ...] = proof.faults if proof else ()
    return [result_label(wording(), protocol, fault, view.draft.file) for fault in faults] if protocol else []


# ---- settings ------------------------------------------------------------------------------------------------------


@protocol_blueprint.get("/<key>/settings")
def all_settings(key: str) -> ResponseReturnValue:
    view = settings.see_settings(sessions.ctx(), sessions.actor(), key, request.args.get("draft", ""))
    w = wording()
    return render_template(
        "publishing/settings.html",
        view=view,
        part_label=lambda part: presenters.part(w, part),
        locked=presenters.locked(w),
    )


@protocol_blueprint.route("/<key>/settings/<part>", methods=["GET", "POST"], is_long=True)
def part(key: str, part: str) -> ResponseReturnValue:
    return _settings(key, part, "")


@protocol_blueprint.route("/<key>/settings/<part>/<entry>", methods=["GET", "POST"], is_long=True)
def entry(key: str, part: str, entry: str) -> ResponseReturnValue:
    return _settings(key, part, entry)


def _settings(key: str, part: str, entry: str) -> ResponseReturnValue:
    """Show the settings of one page, or make a draft of the next version with them changed."""
    ctx, actor, base = sessions.ctx(), sessions.actor(), request.args.get("draft", "")
    part = part.replace("-", "_")
    view = settings.see_part(ctx, actor, key, part, entry, base)
    if request.method != "POST":
        waiting = ui_forms.typed_before(actor.id)
        return _settings_page(view, settings_form(view, wording(), waiting), was_kept=waiting is not None)
    form = settings_form(view, wording(), as_sent())
    try:
        draft = settings.change_settings(ctx, actor, key, part, entry, base, answers_of(form))
    except BadInput as error:
        ui_forms.keep()
        show_problems(form, error.problems)
        return _settings_page(view, form), 422
    ui_forms.forget(actor.id)
    sessions.ring()
    return redirect(url_for("protocols.draft", draft=draft), 303)


def _settings_page(view: settings.PartView, form: SettingsForm, *, was_kept: bool = False) -> str:
    w = wording()
    title = presenters.entry(w, view.protocol, view.part, view.entry) if view.entry else presenters.part(w, view.part)
    values: dict[str, Any] = {"view": view, "form": form, "title": title, "was_kept": was_kept}
    return render_template("publishing/part.html", **values, locked=presenters.locked(w))


# ---- what is handed out of a definition: its drawing, the same for the wall, its blank forms -----------------------

handing_out_blueprint = Pages("help", __name__, part="handed_out", asks=Permission.signed_in, url_prefix="/help")


@handing_out_blueprint.get("/<protocol>/<int:version>/drawing")
def drawing(protocol: str, version: int) -> ResponseReturnValue:
    found = handouts.see_drawing(sessions.ctx(), sessions.actor(), protocol, version, wording())
    picture = Markup(found.svg)  # noqa: S704 (drawn by ourselves, every word of it escaped)
    return render_template("publishing/drawing.html", shown=found, protocol=found.protocol, picture=picture)


@handing_out_blueprint.get("/<protocol>/<int:version>/wall")
def wall(protocol: str, version: int) -> ResponseReturnValue:
    return _handed_out(
        protocol,
        version,
        lambda language: handouts.see_wall(sessions.ctx(), sessions.actor(), protocol, version, language),
    )


@handing_out_blueprint.get("/<protocol>/<int:version>/forms", endpoint="forms")
@handing_out_blueprint.get("/<protocol>/<int:version>/forms/<form>")
def form(protocol: str, version: int, form: str | None = None) -> ResponseReturnValue:
    return _handed_out(
        protocol,
        version,
        lambda language: handouts.see_forms(sessions.ctx(), sessions.actor(), protocol, version, form, language),
    )


def _handed_out(protocol: str, version: int, made_in: Callable[[str], Handout]) -> ResponseReturnValue:
    """A PDF in the language that was asked for, else the reader's; the drawing's page where none can be made here."""
    try:
        made = made_in(request.args.get("language") or wording().language)
    except DocumentsUnavailable:
        return redirect(url_for("help.drawing", protocol=protocol, version=version, _anchor="papers"))
    return _file(made, "application/pdf")


# ---- what changes between two versions, and the open cases that follow the older one -------------------------------

moving_blueprint = Pages("protocols", __name__, part="moving", asks=Permission.publish, url_prefix="/protocols")

MOST = 10**9
"""No version has a greater number."""
LONGEST = 60
CODES_MOST = 40


@moving_blueprint.get("/<key>/<int:old>/<int:new>/difference")
def difference(key: str, old: int, new: int) -> ResponseReturnValue:
    check_versions(old, new)
    view = move_case.see_difference(sessions.ctx(), sessions.actor(), key, old, new)
    return render_template("publishing/difference.html", view=view, groups=_groups(view))


def check_versions(old: int, new: int) -> None:
    """Raise Unseen where a number can't be a version's."""
    if max(old, new) > MOST:
        raise Unseen("protocols")


Told = tuple[ChangeLabel, bool]
"""A change in words, and whether it loosens something that is fixed."""


def _groups(view: DifferenceView) -> list[tuple[str, list[Told]]]:
    """The changes in words, those of one entry together."""
    w = wording()
    told = [(change_label(w, view.old, view.new, change), change.is_loosening) for change in view.changes]
    return [(where, list(lines)) for where, lines in groupby(told, key=lambda line: line[0].where)]


@moving_blueprint.get("/<key>/<int:old>/<int:new>/cases")
def cases(key: str, old: int, new: int) -> ResponseReturnValue:
    """The open cases of a version, a page at a time, and what would become of each."""
    check_versions(old, new)
    after = request.args.get("after", "")[:LONGEST]
    view = move_case.see_open_cases(sessions.ctx(), sessions.actor(), key, old, new, after=after)
    return render_template("publishing/open_cases.html", view=view, code_label=_code_said)


@moving_blueprint.route("/<key>/<int:old>/<int:new>/cases/<number>", methods=["GET", "POST"])
def case(key: str, old: int, new: int, number: str) -> ResponseReturnValue:
    """One open case: what would become of it; one press lets it follow."""
    check_versions(old, new)
    if request.method != "POST":
        return _page(key, old, new, number)
    reason, accepts = request.form.get("reason", ""), request.form.getlist("accepts")[:CODES_MOST]
    token = request.form.get("token", "")[:200]
    w = wording()
    try:
        done = move_case.move_case(
            sessions.ctx(), sessions.actor(), key, new, number, reason=reason, accepts=accepts, token=token, old=old
        )
    except BadInput as error:
        problems = [w.problem(code) for code in error.problems.get("reason", ())]
        return _page(key, old, new, number, Typed(reason, accepts, problems), 422)
    except SentBefore:
        said = w._("This page was sent before, with something else in it. Look at it as it is now, and send it again.")
        return _page(key, old, new, number, Typed(reason, accepts, refused=[said]), 409)
    if not done.line.is_moved:
        refused = [_code_said(code) for code in done.line.codes]
        return _page(key, old, new, number, Typed(reason, accepts, refused=refused), 409)
    if done.repeated:
        flash(w._("This was done already: nothing was done twice."), "message")
    flash(w._("The case follows the new version from now on."), "ok")
    return redirect(url_for("protocols.cases", key=key, old=old, new=new), 303)


def _code_said(code: str) -> str:
    return move_case.code_label(wording(), code)


@dataclass(frozen=True, slots=True)
class Typed:
    """What was sent and not done, and why."""

    reason: str = ""
    accepts: Sequence[str] = ()
    problems: Sequence[str] = ()
    refused: Sequence[str] = ()


def _page(
    key: str, old: int, new: int, number: str, typed: Typed | None = None, status: int = 200
) -> ResponseReturnValue:
    view = move_case.see_case(sessions.ctx(), sessions.actor(), key, new, number, old=old)
    page = render_template(
        "publishing/moving.html",
        view=view,
        typed=typed or Typed(),
        most=move_case.REASON_MOST,
        outcome=move_case.outcome_label(wording(), view.line),
        code_label=_code_said,
    )
    return page, status
