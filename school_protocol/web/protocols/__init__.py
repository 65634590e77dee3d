"""Protocols: versions published, files brought and looked at, two people's agreement, settings. No case is here."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from flask import flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from school_protocol.definitions.proof import Result
from school_protocol.definitions.proof.saying import ResultSaid, result_said
from school_protocol.definitions.saying import ChangeSaid, FaultSaid, change_said, fault_said
from school_protocol.definitions.tree import LARGEST
from school_protocol.domain.errors import BadInput, DefinitionError, Fault
from school_protocol.domain.phrases import N_
from school_protocol.domain.policy import Permission
from school_protocol.services.protocols import publishing, settings
from school_protocol.services.protocols.moving import see_left
from school_protocol.services.protocols.publishing import DraftView, Exported, PublishRefused
from school_protocol.web import kept, sessions
from school_protocol.web.cases.answering import as_sent
from school_protocol.web.forms import answers_of, show_problems
from school_protocol.web.protocols import sayings
from school_protocol.web.protocols.forms import SettingsForm, settings_form
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("protocols", __name__, asks=Permission.publish, url_prefix="/protocols")
blueprint.entry(N_("Protocols"), 100)

YAML = "application/yaml"


# ---- versions and drafts -------------------------------------------------------------------------------------------


@blueprint.get("")
def index() -> ResponseReturnValue:
    view = publishing.see_protocols(sessions.house(), sessions.actor())
    w = wording()
    return render_template("protocols/index.html", view=view, stands=lambda code: sayings.stands(w, code))


@blueprint.route("/upload", methods=["GET", "POST"], is_long=True)
def upload() -> ResponseReturnValue:
    publishing.check_may(sessions.house(), sessions.actor())
    if request.method != "POST":
        return _upload_page()
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _upload_page(problem="required"), 422
    content = sent.stream.read(LARGEST + 1)
    try:
        draft = publishing.upload(sessions.house(), sessions.actor(), content, sent.filename)
    except DefinitionError as error:
        return _upload_page(faults=error.faults), 422
    sessions.ring()
    return redirect(url_for("protocols.draft", draft=draft), 303)


def _upload_page(*, problem: str = "", faults: Sequence[Fault] = ()) -> str:
    said = [fault_said(wording(), fault) for fault in faults]
    return render_template("protocols/upload.html", problem=problem, faults=said, mebibytes=LARGEST // 1024 // 1024)


@blueprint.get("/<key>/<int:version>/file")
def file(key: str, version: int) -> ResponseReturnValue:
    """The very bytes of a published version."""
    return _file(publishing.export(sessions.house(), sessions.actor(), key, version))


def _file(found: Exported) -> ResponseReturnValue:
    return send_file(BytesIO(found.content), YAML, as_attachment=True, download_name=found.name)


# ---- one draft -----------------------------------------------------------------------------------------------------


@blueprint.get("/drafts/<draft>")
def draft(draft: str) -> ResponseReturnValue:
    return _draft_page(draft)


@blueprint.get("/drafts/<draft>/file")
def draft_file(draft: str) -> ResponseReturnValue:
    return _file(publishing.export_draft(sessions.house(), sessions.actor(), draft))


@blueprint.post("/drafts/<draft>/propose")
def propose(draft: str) -> ResponseReturnValue:
    try:
        publishing.propose(sessions.house(), sessions.actor(), draft)
    except PublishRefused as error:
        return _draft_page(draft, error.obstacles), 409
    flash(wording()._("Proposed. Another administrator reads it and agrees, or not."), "ok")
    return redirect(url_for("protocols.draft", draft=draft), 303)


@blueprint.post("/drafts/<draft>/agree")
def agree(draft: str) -> ResponseReturnValue:
    """A second person agrees to the very bytes that the page showed."""
    digest = request.form.get("digest", "")
    try:
        publishing.agree(sessions.house(), sessions.actor(), draft, digest)
    except PublishRefused as error:
        return _draft_page(draft, error.obstacles), 409
    if publishing.see_draft(sessions.house(), sessions.actor(), draft).is_first:
        flash(wording()._("Published. Whoever holds one of its roles opens cases under it from now on."), "ok")
    else:
        flash(wording()._("Published. Cases opened from now on follow this version; the others stay on theirs."), "ok")
    return redirect(url_for("protocols.index"), 303)


@blueprint.post("/drafts/<draft>/withdraw")
def withdraw(draft: str) -> ResponseReturnValue:
    try:
        publishing.withdraw(sessions.house(), sessions.actor(), draft)
    except PublishRefused as error:
        return _draft_page(draft, error.obstacles), 409
    flash(wording()._("Withdrawn. Nothing was published."), "ok")
    return redirect(url_for("protocols.index"), 303)


@blueprint.post("/drafts/<draft>/again")
def again(draft: str) -> ResponseReturnValue:
    """Work it out anew, against the version that is current now."""
    try:
        publishing.look_again(sessions.house(), sessions.actor(), draft)
    except PublishRefused as error:
        return _draft_page(draft, error.obstacles), 409
    sessions.ring()
    return redirect(url_for("protocols.draft", draft=draft), 303)


def _draft_page(draft: str, refused: Sequence[str] = ()) -> str:
    w = wording()
    view = publishing.see_draft(sessions.house(), sessions.actor(), draft)
    return render_template(
        "protocols/draft.html",
        view=view,
        looked=view.looked,
        faults=_faults(view),
        failures=_failures(view),
        changes=_changes(view),
        stories=[(line, sayings.story(w, view, line)) for line in view.looked.stories],
        refused=[sayings.obstacle(w, code) for code in refused],
        to_propose=[sayings.obstacle(w, code) for code in view.to_propose],
        to_agree=[sayings.obstacle(w, code) for code in view.to_agree],
        left=see_left(sessions.house(), sessions.actor(), view.draft),
        done=lambda kind: sayings.done(w, kind),
        stands=lambda code: sayings.stands(w, code),
    )


def _changes(view: DraftView) -> list[tuple[ChangeSaid, bool]]:
    """What would be otherwise, in words, and whether it loosens what is fixed."""
    before, after = view.looked.before, view.looked.protocol
    if before is None or after is None:
        return []
    w = wording()
    return [(change_said(w, before, after, change), change.is_loosening) for change in view.looked.changes]


def _faults(view: DraftView) -> list[FaultSaid]:
    """What is wrong with the file, each with its line."""
    return [fault_said(wording(), line.fault, line.text) for line in view.looked.faults]


def _failures(view: DraftView) -> list[ResultSaid]:
    """What the proof found, as stories in the reader's language."""
    protocol, proof = view.looked.protocol, view.looked.proof
    faults: tuple[Result, ...] = proof.faults if proof else ()
    return [result_said(wording(), protocol, fault, view.draft.file) for fault in faults] if protocol else []


# ---- settings ------------------------------------------------------------------------------------------------------


@blueprint.get("/<key>/settings")
def all_settings(key: str) -> ResponseReturnValue:
    view = settings.see_settings(sessions.house(), sessions.actor(), key, request.args.get("draft", ""))
    w = wording()
    return render_template(
        "protocols/settings.html", view=view, part_said=lambda part: sayings.part(w, part), locked=sayings.locked(w)
    )


@blueprint.route("/<key>/settings/<part>", methods=["GET", "POST"], is_long=True)
def part(key: str, part: str) -> ResponseReturnValue:
    return _settings(key, part, "")


@blueprint.route("/<key>/settings/<part>/<entry>", methods=["GET", "POST"], is_long=True)
def entry(key: str, part: str, entry: str) -> ResponseReturnValue:
    return _settings(key, part, entry)


def _settings(key: str, part: str, entry: str) -> ResponseReturnValue:
    """Show the settings of one page, or make a draft of the next version with them changed."""
    house, actor, base = sessions.house(), sessions.actor(), request.args.get("draft", "")
    part = part.replace("-", "_")
    view = settings.see_part(house, actor, key, part, entry, base)
    if request.method != "POST":
        waiting = kept.typed_before(actor.id)
        return _settings_page(view, settings_form(view, wording(), waiting), was_kept=waiting is not None)
    form = settings_form(view, wording(), as_sent())
    try:
        draft = settings.change_settings(house, actor, key, part, entry, base, answers_of(form))
    except BadInput as error:
        kept.keep()
        show_problems(form, error.problems)
        return _settings_page(view, form), 422
    kept.forget(actor.id)
    sessions.ring()
    return redirect(url_for("protocols.draft", draft=draft), 303)


def _settings_page(view: settings.PartView, form: SettingsForm, *, was_kept: bool = False) -> str:
    w = wording()
    title = sayings.entry(w, view.protocol, view.part, view.entry) if view.entry else sayings.part(w, view.part)
    values: dict[str, Any] = {"view": view, "form": form, "title": title, "was_kept": was_kept}
    return render_template("protocols/part.html", **values, locked=sayings.locked(w))
