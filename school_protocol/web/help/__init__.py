"""Help: general words that anybody may read, and what the definitions in use say of each role, act and step.

Nothing of any case is here; the “?” beside an act leads to its place on these pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO

from flask import Flask, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from school_protocol.config import version
from school_protocol.documents.rendering import DocumentsUnavailable
from school_protocol.domain.policy import Permission
from school_protocol.domain.protocol import Act, Move, Protocol
from school_protocol.domain.texts import Named
from school_protocol.services import guide, handed_out
from school_protocol.services.handed_out import Handout
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("help", __name__, asks=Permission.signed_in, url_prefix="/help")


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(help_on=help_on, place_of=place_of, titles_of=titles_of)


def place_of(one: Act | Move) -> str:
    """The anchor of an act or a move on its page of help: it stays as long as the definition does."""
    return f"{'act' if isinstance(one, Act) else 'move'}-{one.key}"


def help_on(protocol: Protocol, one: Act | Move) -> str:
    """Where help on an act or a move stands, in the version under which a case was opened."""
    topic = one.group if isinstance(one, Act) else guide.STEPS
    return url_for(
        "help.topic", protocol=protocol.protocol, version=protocol.version, topic=topic, _anchor=place_of(one)
    )


def titles_of(parts: Iterable[Named]) -> list[str]:
    """Parts of a definition, as the reader calls them."""
    return [wording().text(part.title) for part in parts]


@blueprint.get("", asks=Permission.anyone)
def index() -> ResponseReturnValue:
    guides = guide.see_guides(sessions.house(), sessions.find_actor())
    return render_template("help/index.html", guides=guides, version=version())


@blueprint.get("/<protocol>/<int:version>/roles/<role>")
def role(protocol: str, version: int, role: str) -> ResponseReturnValue:
    found = guide.see_role(sessions.house(), sessions.actor(), protocol, version, role)
    return render_template("help/role.html", guide=found, protocol=found.protocol)


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


@blueprint.get("/<protocol>/<int:version>/<topic>")
def topic(protocol: str, version: int, topic: str) -> ResponseReturnValue:
    found = guide.see_topic(sessions.house(), sessions.actor(), protocol, version, topic)
    return render_template("help/topic.html", topic=found, protocol=found.protocol, steps=guide.STEPS)
