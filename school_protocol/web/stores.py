"""Flask-SQLAlchemy opens the engines of the served stores and gives their connections back with the application."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from school_protocol.config import Settings
from school_protocol.services.house import STORES
from school_protocol.storage.engines import Engine, pooling, prepared


def open_engines(app: Flask, settings: Settings) -> Mapping[str, Engine]:
    """The engines of `settings`' stores, by name, kept by the application."""
    urls = {name: settings.store_url(name) for name in STORES}
    app.config["SQLALCHEMY_BINDS"] = {name: {"url": url, **pooling(url)} for name, url in urls.items()}
    database = SQLAlchemy()
    database.init_app(app)
    with app.app_context():
        return {name: prepared(database.engines[name]) for name in STORES}
