"""The Flask application over one installation: a route reads as access, form, one service call, redirect or render."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from school_protocol.api import routes as api_routes
from school_protocol.auth import routes as auth_routes
from school_protocol.auth import sign_in_routes, sign_in_service
from school_protocol.case_files import routes as case_files_routes
from school_protocol.cases import desk_routes, intake_routes, team_routes
from school_protocol.cases import presenters as cases_presenters
from school_protocol.cases import routes as cases_routes
from school_protocol.config import Settings
from school_protocol.context import STORES, AppContext, open_context
from school_protocol.engine.clock import Clock
from school_protocol.notifications import routes as notifications_routes
from school_protocol.ops import routes as ops_routes
from school_protocol.people import routes as people_routes
from school_protocol.privacy import evidence_routes
from school_protocol.privacy import routes as privacy_routes
from school_protocol.publishing import routes as publishing_routes
from school_protocol.reports import routes as reports_routes
from school_protocol.reports import triage_routes
from school_protocol.statistics import routes as statistics_routes
from school_protocol.storage import engines
from school_protocol.storage.engines import Engine, pooling, prepared
from school_protocol.supervision import remark_routes, visit_routes
from school_protocol.supervision import routes as supervision_routes
from school_protocol.training import attestation_routes, room_app, room_routes
from school_protocol.training import routes as training_routes
from school_protocol.training.room_app import Mounted, TrainingApp
from school_protocol.training.room_store import Rooms, TrainingLocation
from school_protocol.ui import middleware, rendering, routing, sessions
from school_protocol.web import endpoint_guard, error_pages

# ---- Flask-SQLAlchemy opens the engines of the served stores and gives their connections back ----------------------


def open_engines(app: Flask, settings: Settings) -> Mapping[str, Engine]:
    """The engines of `settings`' stores, by name, kept by the application."""
    urls = {name: settings.store_url(name) for name in STORES}
    app.config["SQLALCHEMY_BINDS"] = {name: {"url": url, **pooling(url)} for name, url in urls.items()}
    database = SQLAlchemy()
    database.init_app(app)
    with app.app_context():
        return {name: prepared(database.engines[name]) for name in STORES}


App = TypeVar("App", bound=Flask)
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
INSTALLED_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


def open_app(settings: Settings, clock: Clock, ring_of: Callable[[AppContext], Callable[[], None]]) -> Flask:
    """The application over the installation that `settings` name, its stores opened by Flask-SQLAlchemy."""
    app = _bare()
    settings.data.mkdir(parents=True, exist_ok=True)
    ctx = open_context(settings, clock, open_engines(app, settings))
    return _furnished(app, ctx, ring=ring_of(ctx))


def create_app(ctx: AppContext, *, testing: bool = False, ring: Callable[[], None] | None = None) -> Flask:
    """The application that serves a context which is open already; `ring` calls whoever delivers urgent messages."""
    return _furnished(_bare(), ctx, testing=testing, ring=ring)


def _bare() -> Flask:
    return Flask(__name__, template_folder=_template_folder(), static_folder="static")


def _furnished(app: App, ctx: AppContext, *, testing: bool = False, ring: Callable[[], None] | None = None) -> App:
    """The application over a context; over the store of workshops the same pages, less those that no room serves."""
    app.jinja_environment = rendering.Environment
    app.extensions["ctx"] = ctx
    app.extensions[sessions.ACCOUNTS] = sign_in_service
    app.before_request(engines.share_readings)
    app.teardown_request(lambda _error: engines.end_readings())
    app.extensions["ring"] = ring or (lambda: None)
    app.extensions["may"] = endpoint_guard.may
    room_routes.furnish(app)
    training_routes.furnish(app, ctx)
    app.config.update(
        TESTING=testing,
        PROVIDE_AUTOMATIC_OPTIONS=False,
        TRAP_BAD_REQUEST_ERRORS=False,
        TRUSTED_HOSTS=None if testing else _own_hosts(ctx.settings.address),
    )
    for init_app in (
        middleware.init_request_log,
        room_app.init_app,
        ops_routes.init_app,
        sessions.init_app,
        endpoint_guard.init_app,
        middleware.init_limits,
        rendering.init_app,
        middleware.init_headers,
        middleware.init_compression,
        error_pages.init_app,
        desk_routes.init_words,
        desk_routes.init_help,
        api_routes.init_app,
        room_routes.init_app,
        training_routes.init_app,
        reports_routes.init_app,
        cases_presenters.init_app,
        routing.init_app,
    ):
        init_app(app)
    for blueprint in (
        ops_routes.watch_blueprint,
        ops_routes.well_known_blueprint,
        sign_in_routes.sign_in_blueprint,
        sign_in_routes.openid_blueprint,
        auth_routes.blueprint,
        notifications_routes.blueprint,
        desk_routes.desk_blueprint,
        intake_routes.report_blueprint,
        cases_routes.case_blueprint,
        cases_routes.undoing_blueprint,
        case_files_routes.letters_blueprint,
        case_files_routes.register_blueprint,
        remark_routes.blueprint,
        case_files_routes.copies_blueprint,
        case_files_routes.case_file_blueprint,
        privacy_routes.case_retention_blueprint,
        privacy_routes.rights_blueprint,
        evidence_routes.blueprint,
        privacy_routes.sight_blueprint,
        triage_routes.notified_blueprint,
        desk_routes.minutes_blueprint,
        desk_routes.words_blueprint,
        team_routes.blueprint,
        people_routes.account_blueprint,
        people_routes.import_blueprint,
        case_files_routes.bulk_blueprint,
        publishing_routes.protocol_blueprint,
        publishing_routes.moving_blueprint,
        desk_routes.help_blueprint,
        publishing_routes.handing_out_blueprint,
        case_files_routes.verifying_blueprint,
        statistics_routes.yearly_blueprint,
        privacy_routes.retention_blueprint,
        supervision_routes.review_blueprint,
        supervision_routes.referral_blueprint,
        supervision_routes.contact_blueprint,
        people_routes.invitation_blueprint,
        statistics_routes.figure_blueprint,
        statistics_routes.campaign_blueprint,
        api_routes.system_blueprint,
        ops_routes.going_live_blueprint,
        api_routes.api_blueprint,
        visit_routes.blueprint,
        intake_routes.sharing_blueprint,
        reports_routes.blueprint,
        triage_routes.triage_blueprint,
        triage_routes.address_blueprint,
        training_routes.workshop_blueprint,
        training_routes.afterwards_blueprint,
        attestation_routes.attesting_blueprint,
        attestation_routes.own_scenarios_blueprint,
        training_routes.debriefing_blueprint,
        room_routes.joining_blueprint,
        room_routes.room_blueprint,
        training_routes.laptop_blueprint,
    ):
        app.register_blueprint(blueprint)
    endpoint_guard.know_served(app)
    if not isinstance(app, TrainingApp):
        app.secret_key = ctx.vault.chain("web-visit-v1", b"")
        rooms = Rooms(TrainingLocation.of(ctx), are_served=not testing)
        app.extensions[training_routes.ROOMS] = rooms
        app.wsgi_app = Mounted(app.wsgi_app, rooms, partial(_of_rooms, testing=testing))  # type: ignore[method-assign]
    return app


def _of_rooms(rooms: Rooms, *, testing: bool) -> TrainingApp:
    """The application of all rooms: of the installation that serves it, it knows nothing but where their store lies."""
    app = TrainingApp(__name__, template_folder=_template_folder(), static_folder="static")
    app.rooms = rooms
    return _furnished(app, rooms.training.ctx(), testing=testing)


def _own_hosts(address: str) -> list[str] | None:
    """The name under which people open the site, where it is known: requests under another are not understood."""
    host = urlsplit(address).hostname
    return [host] if host else None


def _template_folder() -> str:
    """The folder that the wheel carries, or the source tree's."""
    return str(INSTALLED_TEMPLATES if INSTALLED_TEMPLATES.is_dir() else TEMPLATES)
