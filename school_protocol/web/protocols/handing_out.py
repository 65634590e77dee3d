"""What is handed out of a definition: its drawing, the same for the wall, its forms to be filled in by hand."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from flask import redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from school_protocol.documents.rendering import DocumentsUnavailable
from school_protocol.domain.policy import Permission
from school_protocol.services import handed_out
from school_protocol.services.handed_out import Handout
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("help", __name__, part="handed_out", asks=Permission.signed_in, url_prefix="/help")


@blueprint.get("/<protocol>/<int:version>/drawing")
def drawing(protocol: str, version: int) -> ResponseReturnValue:
    found = handed_out.see_drawing(sessions.house(), sessions.actor(), protocol, version, wording())
    picture = Markup(found.svg)  # noqa: S704 (drawn by ourselves, every word of it escaped)
    return render_template("help/drawing.html", shown=found, protocol=found.protocol, picture=picture)


@blueprint.get("/<protocol>/<int:version>/wall")
def wall(protocol: str, version: int) -> ResponseReturnValue:
    return _handed_out(
        protocol,
        version,
        lambda language: handed_out.see_wall(sessions.house(), sessions.actor(), protocol, version, language),
    )


@blueprint.get("/<protocol>/<int:version>/forms", endpoint="forms")
@blueprint.get("/<protocol>/<int:version>/forms/<form>")
def form(protocol: str, version: int, form: str | None = None) -> ResponseReturnValue:
    return _handed_out(
        protocol,
        version,
        lambda language: handed_out.see_forms(sessions.house(), sessions.actor(), protocol, version, form, language),
    )


def _handed_out(protocol: str, version: int, made_in: Callable[[str], Handout]) -> ResponseReturnValue:
    """A PDF in the language that was asked for, else the reader's; the drawing's page where none can be made here."""
    try:
        made = made_in(request.args.get("language") or wording().language)
    except DocumentsUnavailable:
        return redirect(url_for("help.drawing", protocol=protocol, version=version, _anchor="papers"))
    return send_file(BytesIO(made.data), "application/pdf", as_attachment=True, download_name=made.name)
