"""Help: general words that anybody may read, and what the definitions in use say of each role, act and step.

Nothing of any case is here; the “?” beside an act leads to its place on these pages.
"""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask, render_template, url_for
from flask.typing import ResponseReturnValue

from school_protocol.config import version
from school_protocol.domain.policy import Permission
from school_protocol.domain.protocol import Act, Move, Protocol
from school_protocol.domain.texts import Named
from school_protocol.services import guide
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


@blueprint.get("/<protocol>/<int:version>/<topic>")
def topic(protocol: str, version: int, topic: str) -> ResponseReturnValue:
    found = guide.see_topic(sessions.house(), sessions.actor(), protocol, version, topic)
    return render_template("help/topic.html", topic=found, protocol=found.protocol, steps=guide.STEPS)
