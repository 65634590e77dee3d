"""The pages: a Flask application over one house. A route reads: access, form, one service call, redirect or render."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from school_protocol.services.house import House
from school_protocol.web import (
    access,
    cases,
    compression,
    desk,
    errors,
    headers,
    limits,
    rendering,
    reports,
    sessions,
    sign_in,
)

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
INSTALLED_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


def create_app(house: House, *, testing: bool = False) -> Flask:
    """The application that serves `house`."""
    app = Flask(__name__, template_folder=_template_folder(), static_folder="static")
    app.extensions["house"] = house
    app.config.update(
        TESTING=testing,
        SECRET_KEY=house.vault.chain("web-visit-v1", b""),
        PROVIDE_AUTOMATIC_OPTIONS=False,
        TRAP_BAD_REQUEST_ERRORS=False,
    )
    for room in (sessions, access, limits, rendering, headers, compression, errors):
        room.init_app(app)
    for blueprint in (sign_in.blueprint, desk.blueprint, reports.blueprint, cases.blueprint):
        app.register_blueprint(blueprint)
    return app


def _template_folder() -> str:
    """The source tree's folder, or the one that the wheel carries."""
    return str(TEMPLATES if (TEMPLATES / "base.html").is_file() else INSTALLED_TEMPLATES)
