"""Frozen. A Flask page with nothing in it, asked for by Flask's own test client."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

PAGE = "<!DOCTYPE html><html lang=en><title>Bare</title><p>Nothing here.</p></html>"


def bare_page() -> Callable[[], bytes]:
    """What asks for the page once."""
    app = Flask("bare")

    @app.get("/")
    def index() -> str:
        return PAGE

    client = app.test_client()
    return lambda: client.get("/").data
