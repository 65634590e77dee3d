"""The pages: a Flask application over one house. A route reads: access, form, one service call, redirect or render."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask

from school_protocol.config import Settings
from school_protocol.domain.clock import Clock
from school_protocol.services import accounts
from school_protocol.services.house import House, open_house
from school_protocol.services.workshops.rooms import Rooms
from school_protocol.services.workshops.training import TrainingLocation
from school_protocol.web import (
    access,
    account,
    api,
    bulk,
    cases,
    compression,
    desk,
    errors,
    figures,
    going_live,
    headers,
    help,
    invitations,
    limits,
    messages,
    navigation,
    noting,
    protocols,
    referrals,
    rendering,
    reports,
    retention,
    review,
    sessions,
    sign_in,
    signalement,
    staff,
    systems,
    team,
    verifying,
    visits,
    watch,
    well_known,
    words,
    workshops,
    yearly,
)
from school_protocol.web.cases import (
    bundles,
    case_file,
    copies,
    evidence,
    letters,
    reading,
    remarks,
    rights,
    sharing,
    sight,
    told,
    undoing,
)
from school_protocol.web.cases import retention as case_retention
from school_protocol.web.figures import campaign
from school_protocol.web.protocols import handing_out, moving
from school_protocol.web.referrals import contacts
from school_protocol.web.sign_in import openid
from school_protocol.web.signalement import addresses, triage
from school_protocol.web.staff import importing
from school_protocol.web.stores import open_engines
from school_protocol.web.workshops import (
    afterwards,
    attesting,
    debriefing,
    joining,
    laptop,
    mounting,
    own_scenarios,
    room,
)
from school_protocol.web.workshops.mounting import Mounted, TrainingApp

App = TypeVar("App", bound=Flask)
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
INSTALLED_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


def open_app(settings: Settings, clock: Clock) -> Flask:
    """The application over the installation that `settings` name, its stores opened by Flask-SQLAlchemy."""
    app = _bare()
    settings.data.mkdir(parents=True, exist_ok=True)
    return _furnished(app, open_house(settings, clock, open_engines(app, settings)))


def create_app(house: House, *, testing: bool = False, ring: Callable[[], None] | None = None) -> Flask:
    """The application that serves a house which is open already; `ring` calls whoever delivers urgent messages."""
    return _furnished(_bare(), house, testing=testing, ring=ring)


def _bare() -> Flask:
    return Flask(__name__, template_folder=_template_folder(), static_folder="static")


def _furnished(app: App, house: House, *, testing: bool = False, ring: Callable[[], None] | None = None) -> App:
    """The application over a house; over the store of workshops the same pages, less those that no room serves."""
    app.extensions["house"] = house
    app.extensions[sessions.ACCOUNTS] = accounts
    app.extensions["ring"] = ring or (lambda: None)
    room.furnish(app)
    laptop.furnish(app, house)
    app.config.update(
        TESTING=testing,
        PROVIDE_AUTOMATIC_OPTIONS=False,
        TRAP_BAD_REQUEST_ERRORS=False,
        TRUSTED_HOSTS=None if testing else _own_hosts(house.settings.address),
    )
    for part in (
        noting, mounting, watch, sessions, access, limits, rendering, headers, compression, errors, words, help, api,
        room, laptop, signalement, reading, navigation,
    ):  # fmt: skip
        part.init_app(app)
    for part in (
        watch, well_known, sign_in, openid, account, messages, desk, reports, cases, undoing, letters, remarks,
        bundles, copies, case_file, case_retention, rights, evidence, sight, told, words, team, staff, importing,
        bulk, protocols, moving, help, handing_out, verifying, yearly, retention, review, referrals, contacts,
        invitations, figures, campaign, systems, going_live, api, visits, sharing, signalement, triage, addresses,
        workshops, afterwards, attesting, own_scenarios, debriefing, joining, room, laptop,
    ):  # fmt: skip
        app.register_blueprint(part.blueprint)
    if not isinstance(app, TrainingApp):
        app.secret_key = house.vault.chain("web-visit-v1", b"")
        rooms = Rooms(TrainingLocation.of(house), are_served=not testing)
        app.extensions[workshops.ROOMS] = rooms
        app.wsgi_app = Mounted(app.wsgi_app, rooms, partial(_of_rooms, testing=testing))  # type: ignore[method-assign]
    return app


def _of_rooms(rooms: Rooms, *, testing: bool) -> TrainingApp:
    """The application of all rooms: of the house that serves it, it knows nothing but where their store lies."""
    app = TrainingApp(__name__, template_folder=_template_folder(), static_folder="static")
    app.rooms = rooms
    return _furnished(app, rooms.training.house(), testing=testing)


def _own_hosts(address: str) -> list[str] | None:
    """The name under which people open the site, where it is known: requests under another are not understood."""
    host = urlsplit(address).hostname
    return [host] if host else None


def _template_folder() -> str:
    """The folder that the wheel carries, or the source tree's."""
    return str(INSTALLED_TEMPLATES if INSTALLED_TEMPLATES.is_dir() else TEMPLATES)
