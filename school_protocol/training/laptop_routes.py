"""A trainer's laptop that serves a room by itself: workshops alone, and a trainer known by the key on its screen."""

from __future__ import annotations

import hmac

from flask import Flask, current_app, redirect, url_for
from flask.typing import ResponseReturnValue

from school_protocol.context import House
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor, Permission
from school_protocol.training.room_store import is_laptop, key_of, trainer_of
from school_protocol.ui import sessions
from school_protocol.ui.routing import Pages

blueprint = Pages("laptop", __name__, asks=Permission.anyone, url_prefix="/trainer")

SERVED = ("workshops.", "joining.", "laptop.")
OPEN = frozenset({"static", "desk.language", "desk.leave", "desk.folds", "help.index"})
"""What is served besides: whatever is not named is absent, as no real realm is there."""


def furnish(app: Flask, house: House) -> None:
    """Make this application a laptop's, before anything else is; any other house is left as it is."""
    if is_laptop(house):
        app.extensions[sessions.RECOGNISE] = _trainer
        app.extensions[sessions.SCOPE] = lambda: "laptop-"


def init_app(app: Flask) -> None:
    app.jinja_env.globals["on_laptop"] = lambda: is_laptop(sessions.house())


def serves(endpoint: str) -> bool:
    """Whether this application has that page."""
    if not is_laptop(sessions.house()):
        return not endpoint.startswith("laptop.")
    return endpoint in OPEN or endpoint.startswith(SERVED)


def _trainer() -> Actor | None:
    """Whoever holds the key that the screen of the laptop shows."""
    house = sessions.house()
    is_known = hmac.compare_digest(sessions.token_of_request().encode(), key_of(house).encode())
    return trainer_of(house) if is_known else None


@blueprint.get("/<key>")
def enter(key: str) -> ResponseReturnValue:
    """The link on the screen: whoever opens it is the trainer here."""
    house = sessions.house()
    if not is_laptop(house) or not hmac.compare_digest(key.encode(), key_of(house).encode()):
        raise Unseen("trainer")
    return sessions.begin(current_app.make_response(redirect(url_for("workshops.index"))), key)
