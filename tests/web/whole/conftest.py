"""Pages over a whole installation: stores on disk, a published definition, one school, people by role.

A file overrides what is its own: the `protocol` (the Moroccan one), when the clock `start`s, the `settings`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest
from engine.telling import MOROCCAN, SMALL
from flask import Flask
from flask.testing import FlaskClient

from school_protocol.auth.sign_in_repository import open_web_session
from school_protocol.cases.story_player import Player, TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.web import create_app

from ..conftest import Accounts
from .browser import Browse, Browser, SignIn

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # 10:00 in Casablanca
FILES = {"lost-things": SMALL, "ma-cyberharassment": MOROCCAN}


@pytest.fixture(scope="package")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation as it is when nobody has been there: empty tables, and its keys."""
    folder = tmp_path_factory.mktemp("installed")
    close(open_context(Settings(data=folder), TurnableClock(START)))
    return folder


def close(ctx: AppContext) -> None:
    ctx.close()


@pytest.fixture
def protocol(moroccan: Protocol) -> Protocol:
    return moroccan


@pytest.fixture
def start() -> datetime:
    """The moment at which the clock stands when the installation opens."""
    return START


@pytest.fixture
def settings(tmp_path: Path, installed: Path) -> Settings:
    """Of an installation of the test's own: a copy of the empty one."""
    return Settings(data=copytree(installed, tmp_path / "var"))


@pytest.fixture
def player(protocol: Protocol, start: datetime, settings: Settings) -> Iterator[Player]:
    clock = TurnableClock(start)
    ctx = open_context(settings, clock)
    yield prepared(ctx, clock, protocol, FILES[protocol.protocol].read_bytes())
    close(ctx)


@pytest.fixture
def ctx(player: Player) -> AppContext:
    return player.ctx


@pytest.fixture
def app(ctx: AppContext, people: Accounts) -> Flask:
    return create_app(ctx, testing=True)


@pytest.fixture
def sign_in(app: Flask, people: Accounts, player: Player) -> SignIn:
    """Somebody's client, by role (`head`, `reporter/2`), reading in a language."""

    def start(role: str, language: str = "fr") -> FlaskClient:
        actor = player.actor(role)
        with player.ctx.directory.writing() as session:  # where a wall stands, the database asks whose token it is
            token = open_web_session(session, actor.id, now=player.ctx.now())
        people.live[token] = replace(actor, language=language)
        client = app.test_client()
        client.set_cookie("session", token)
        return client

    return start


@pytest.fixture
def browse(sign_in: SignIn) -> Browse:
    """The same, as a browser that sends the forms it opens."""
    return lambda role, language="fr": Browser(sign_in(role, language))
