"""Scenarios that a trainer brings: the file, how checking it goes, its faults, or what can be done with it."""

from __future__ import annotations

from io import BytesIO

from flask import flash, make_response, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from school_protocol.definitions.scenarios.limits import LARGEST
from school_protocol.documents.rendering import missing
from school_protocol.domain.errors import BadInput
from school_protocol.domain.policy import Permission
from school_protocol.services.workshops import uploads
from school_protocol.services.workshops.laptops import is_laptop
from school_protocol.storage.workshops.uploaded import UploadState
from school_protocol.web import sessions, workshops
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("workshops", __name__, part="own_scenarios", asks=Permission.train, url_prefix="/workshops")

YAML = "application/yaml"


@blueprint.route("/scenarios", endpoint="scenarios", methods=["GET", "POST"], is_long=True)
def _index() -> ResponseReturnValue:
    """What one brought, and where another file is chosen."""
    if request.method != "POST":
        return _list_page()
    sent = request.files.get("file")
    content = sent.stream.read(LARGEST + 1) if sent is not None else b""
    name = (sent.filename or "") if sent is not None else ""
    try:
        upload = uploads.bring(sessions.house(), workshops.trainer(), content, name)
    except BadInput as error:
        return _list_page(problem=error.problems["file"][0], is_empty=bool(name)), 422
    sessions.ring()
    return redirect(url_for("workshops.scenario", upload=upload), 303)


def _list_page(*, problem: str = "", is_empty: bool = False) -> str:
    return render_template(
        "workshops/scenarios.html", lines=uploads.see_own(sessions.house(), workshops.trainer()), problem=problem,
        is_empty=is_empty, most=LARGEST // 1024, can_print=missing() is None,
    )  # fmt: skip


@blueprint.get("/scenarios/<upload>", endpoint="scenario")
def _show(upload: str) -> ResponseReturnValue:
    """One file: being checked, its faults, or the scenario that it is. While it is checked the page comes again."""
    view = uploads.see(sessions.house(), workshops.trainer(), upload, wording().language)
    waits = view.line.upload.state is UploadState.waiting
    response = make_response(
        render_template("workshops/scenario.html", view=view, most=LARGEST // 1024, can_print=missing() is None)
    )
    if waits:
        response.headers["Refresh"] = workshops.UNDER_WAY
        if is_laptop(sessions.house()):
            sessions.ring()
    return response


@blueprint.get("/scenarios/<upload>/file", endpoint="scenario_file")
def _file(upload: str) -> ResponseReturnValue:
    """The file as it was brought."""
    found = uploads.file_of(sessions.house(), workshops.trainer(), upload)
    return send_file(BytesIO(found.content), YAML, as_attachment=True, download_name=found.file)


@blueprint.post("/scenarios/<upload>/withdraw", endpoint="scenario_withdraw")
def _withdraw(upload: str) -> ResponseReturnValue:
    """It is offered no more."""
    if uploads.withdraw(sessions.house(), workshops.trainer(), upload):
        flash(wording()._("Withdrawn: no new workshop can be made of it. Rooms that play it go on."), "ok")
    return redirect(url_for("workshops.scenario", upload=upload))
