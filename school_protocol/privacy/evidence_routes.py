"""The register of evidence: its pieces, the files put to them, requests for removal, and what must not be kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.case_files import presenters as case_files_presenters
from school_protocol.case_files.presenters import refusal_message
from school_protocol.engine import evidence_pieces
from school_protocol.engine.errors import BadInput, Conflict, Refused, SentBefore, Unseen
from school_protocol.engine.evidence_pieces import FileLost, FileRefused, Purpose
from school_protocol.engine.visibility import Permission
from school_protocol.privacy import evidence_files
from school_protocol.privacy.evidence import OpenedBefore, note_request, open_file, see_register
from school_protocol.ui import rendering, sessions
from school_protocol.ui.forms import new_token
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

blueprint = Pages("cases", __name__, part="evidence", asks=Permission.see_case, url_prefix="/cases")

MOST = 10**9
blueprint.record(
    lambda state: state.app.jinja_env.globals.update(
        file_handled_said=lambda protocol, detail: case_files_presenters.handled_said(wording(), protocol, detail),
        file_digest_said=lambda detail: case_files_presenters.digest_said(wording(), detail),
        file_opened_said=lambda detail: case_files_presenters.opened_said(wording(), detail),
        file_format_said=lambda kind: case_files_presenters.format_said(wording(), kind),
        file_refusal_said=lambda code: refusal_message(wording(), code),
    )
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong with one form of one piece, and what had been typed there."""

    entry: int = 0
    form: str = ""
    problem: str = ""
    typed: dict[str, str] = field(default_factory=dict)


@blueprint.get("/<number>/evidence")
def evidence(number: str) -> ResponseReturnValue:
    """The register, a card for each piece."""
    return _page(number)


def _page(number: str, trouble: Trouble | None = None, status: int = 200) -> ResponseReturnValue:
    view = see_register(sessions.ctx(), sessions.actor(), number)
    w = wording()
    return make_response(
        render_template(
            "privacy/evidence.html",
            head=view.head,
            names=view.head.labels,
            register=view,
            trouble=trouble or Trouble(),
            purposes=[(one.value, case_files_presenters.purpose_label(w, one.value)) for one in Purpose],
            most=evidence_pieces.REASON_MOST,
            token=new_token,
            today=sessions.ctx().now(),
        ),
        status,
    )


def _sent(seq: int) -> str:
    """The token of this form; an entry's number that is no number of ours is nobody's."""
    if seq > MOST:
        raise Unseen(str(seq))
    return request.form.get("token", "")[:200] or new_token()


def _typed(*names: str) -> dict[str, str]:
    return {name: request.form.get(name, "")[:2000] for name in names}


def _back(number: str, said: str, tone: str = "ok") -> ResponseReturnValue:
    flash(said, tone)
    return redirect(url_for("cases.evidence", number=number), 303)


def _before() -> str:
    return wording()._("This form was sent before, with other words: nothing was recorded again.")


# ---- a file --------------------------------------------------------------------------------------------------------


@blueprint.post("/<number>/evidence/<int:seq>/file", endpoint="evidence_file")
def take_file(number: str, seq: int) -> ResponseReturnValue:
    """A file is put to a piece; it stays in memory until it is sealed."""
    ctx, actor, token, w = sessions.ctx(), sessions.actor(), _sent(seq), wording()
    try:
        evidence_files.check_may(ctx, actor, number, seq)
    except FileRefused as error:
        return _page(number, Trouble(seq, "file", refusal_message(w, error.code, error.found)), 422)
    sent = request.files.get("file")
    data = sent.stream.read(evidence_files.most_of(ctx) + 1) if sent is not None else b""
    try:
        is_attested = request.form.get("attested") == "1"
        done = evidence_files.attach_file(ctx, actor, number, seq, data, is_attested=is_attested, token=token)
    except FileRefused as error:
        return _page(number, Trouble(seq, "file", refusal_message(w, error.code, error.found)), 422)
    except SentBefore:
        return _page(number, Trouble(seq, "file", _before()), 409)
    said = _kept_said(done, sent.filename or "" if sent is not None else "")
    return _back(number, said, "message" if done.repeated else "ok")


_ENDING = re.compile(r"\.([a-z0-9]{1,5})$")
"""What the name of a file may say of what it is; after another dot there stand words."""


def _kept_said(done: evidence_files.Kept, name: str) -> str:
    """What was kept, by its content; and that its name had said something else."""
    w = wording()
    if done.format is None:
        return w._("This file was kept before; nothing was kept twice.")
    found, ending = case_files_presenters.format_said(w, done.format), _ENDING.search(name.lower())
    if ending is None or ending[1] in done.format.endings:
        return w._("The file is kept, sealed: %(format)s.", format=found)
    return w._(
        "The file is kept, sealed. Its name ends in “%(ending)s”, but by its content it is this: %(format)s. Look "
        "whether it is the file that you meant.",
        ending=ending[1], format=found,
    )  # fmt: skip


@blueprint.post("/<number>/evidence/<int:seq>/open", endpoint="open_file")
def hand_out(number: str, seq: int) -> ResponseReturnValue:
    """What was made of a file, or the file itself, as a download and never in a page."""
    ctx, actor, token, w = sessions.ctx(), sessions.actor(), _sent(seq), wording()
    typed, original = _typed("purpose", "reason"), request.form.get("original") == "1"
    form = "original" if original else "open"
    try:
        found = open_file(
            ctx, actor, number, seq, original=original, purpose=typed["purpose"], reason=typed["reason"], token=token
        )
    except BadInput as error:
        said = w._("Say what you open it for, and why.") if "purpose" in error.problems else ""
        said = said or " ".join(w.problem(code) for codes in error.problems.values() for code in codes)
        return _page(number, Trouble(seq, form, said, typed), 422)
    except FileRefused as error:
        return _page(number, Trouble(seq, form, refusal_message(w, error.code, error.found), typed), 409)
    except OpenedBefore:
        said = w._("This form opened the file some minutes ago. Press again to open it once more; that is noted too.")
        return _page(number, Trouble(seq, form, said, typed), 409)
    except FileLost:
        said = w._(
            "The file is missing, or is not what was received: it is handed to nobody, and an alarm is kept. Tell "
            "whoever looks after the server."
        )
        return _page(number, Trouble(seq, form, said, typed), 410)
    except SentBefore:
        return _page(number, Trouble(seq, form, _before(), typed), 409)
    response = make_response(found.data)
    response.headers["Content-Type"] = "application/octet-stream"
    response.headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
    return response


# ---- what must not be kept -----------------------------------------------------------------------------------------


@blueprint.post("/<number>/evidence/<int:seq>/mistake", endpoint="evidence_mistake")
def mistake(number: str, seq: int) -> ResponseReturnValue:
    """Shut at one press; then who was asked is noted, and it is destroyed."""
    ctx, actor, token, w = sessions.ctx(), sessions.actor(), _sent(seq), wording()
    step = request.form.get("step", "")
    try:
        if step == "shut":
            evidence_files.shut_file(ctx, actor, number, seq, token=token)
            said = w._("Shut: nobody opens this file any more. The head of the school is told at once.")
        elif step == "asked":
            evidence_files.note_asked(ctx, actor, number, seq, request.form.get("target", "")[:80], token=token)
            said = w._("Noted: they were asked.")
        elif step == "destroyed":
            evidence_files.destroy_file(ctx, actor, number, seq, token=token)
            said = w._("Destroyed. That it was here stays in the journal; nothing of it does.")
        else:
            raise Unseen(number)
    except FileRefused as error:
        return _page(number, Trouble(seq, "mistake", refusal_message(w, error.code, error.found)), 409)
    except SentBefore:
        return _page(number, Trouble(seq, "mistake", _before()), 409)
    return _back(number, said)


# ---- removal -------------------------------------------------------------------------------------------------------


@blueprint.post("/<number>/evidence/<int:seq>/removal")
def removal(number: str, seq: int) -> ResponseReturnValue:
    """A request for removal is noted, or what came of one."""
    ctx, actor, token, w = sessions.ctx(), sessions.actor(), _sent(seq), wording()
    typed = _typed("channel", "asked_on", "reference", "result", "place")
    place = int(typed["place"]) if typed["place"].isascii() and typed["place"].isdigit() else None
    if place is not None and place > 100:
        raise Unseen(number)
    form = "removal" if place is None else f"removal-{place}"
    try:
        done = note_request(
            ctx, actor, number, seq, channel=typed["channel"], asked_on=typed["asked_on"],
            reference=typed["reference"], result=typed["result"], place=place, token=token,
        )  # fmt: skip
    except BadInput as error:
        said = " ".join(dict.fromkeys(w.problem(code) for codes in error.problems.values() for code in codes))
        return _page(number, Trouble(seq, form, said, typed), 422)
    except Refused as error:
        view = see_register(ctx, actor, number)
        said = rendering.hint_said(w, view.head.protocol, error.reasons)
        return _page(number, Trouble(seq, form, said, typed), 409)
    except (SentBefore, Conflict):
        return _page(number, Trouble(seq, form, _before(), typed), 409)
    said = w._("It was noted before.") if done.repeated else w._("Noted in the piece.")
    return _back(number, said, "message" if done.repeated else "ok")
