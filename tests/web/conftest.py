"""Pages against an installation that holds nothing: what a service would answer is put in its place, view by view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from school_protocol.auth import service as auth_service
from school_protocol.auth import sign_in_service
from school_protocol.cases import lists
from school_protocol.cases.view_models import CaseLine, DeskView, ReceiptLine
from school_protocol.config import Settings
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import Actor, Appointment, Unit, UnitKind
from school_protocol.notifications import digests
from school_protocol.statistics import releases
from school_protocol.ui import forms as ui_forms
from school_protocol.web import create_app, endpoint_guard

NOW = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)
ACTOR = Actor("a1", "main", "Leïla El Amrani", (Appointment("mediator", "u1", date(2026, 9, 1)),), True, "fr")
SCHOOL = Unit("u1", UnitKind.school, "01234A", {"fr": "Collège Ibn Khaldoun", "ar": "إعدادية ابن خلدون"}, ("p1", "r1"))


@pytest.fixture
def protocol(small: Protocol) -> Protocol:
    """The definition of the pages' tests: the one that is not Moroccan."""
    return small


@dataclass
class Empty:
    """An installation that holds nothing; a page is given a copy of it, as of any."""

    name: str
    settings: Settings
    vault: Any
    clock: Any
    now: Callable[[], datetime]
    library: Any
    realm: Any
    directory: Any


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(releases, "has_public", lambda _ctx: False)
    realm = SimpleNamespace(is_walled=False)
    library = SimpleNamespace(current=lambda: (), every=lambda: (), sights=lambda: ())
    vault = SimpleNamespace(chain=lambda purpose, data: (purpose.encode() + data).ljust(32, b"k"))
    directory = SimpleNamespace(engine=SimpleNamespace(dialect=SimpleNamespace(name="sqlite")))
    clock = SimpleNamespace(now=lambda: NOW)
    return Empty("", Settings(data=tmp_path), vault, clock, clock.now, library, realm, directory)


class Accounts:
    """Sessions in a dictionary: token → actor; `over` holds those that have ended, `tried` what was asked."""

    def __init__(self) -> None:
        self.actor = ACTOR
        self.live: dict[str, Actor] = {}
        self.over: dict[str, str] = {}
        self.drafts: dict[tuple[str, str], dict[str, Any]] = {}
        self.languages: list[str] = []
        self.wait: int | None = None

    def sign_in(self, ctx: Any, username: str, password: str, agent: str = "", **_visitor: str) -> str | None:
        if self.wait:
            raise auth_service.TooManyTries(self.wait)
        if (username, password) != ("membre", "right"):
            return None
        self.live["token-1"] = self.actor
        return "token-1"

    def recognise(self, ctx: Any, token: str) -> Actor | None:
        return self.live.get(token)

    def pending(self, ctx: Any, token: str) -> None:
        """Nobody stands half way."""

    def account_behind(self, ctx: Any, token: str) -> str | None:
        return self.over.get(token)

    def sign_out(self, ctx: Any, token: str) -> None:
        self.live.pop(token, None)

    def choose_language(self, ctx: Any, actor: Actor, language: str) -> None:
        self.languages.append(language)

    def keep_draft(self, ctx: Any, account: str, key: str, answers: dict[str, Any]) -> None:
        self.drafts[account, key] = answers

    def find_draft(self, ctx: Any, account: str, key: str) -> dict[str, Any] | None:
        return self.drafts.get((account, key))

    def drop_draft(self, ctx: Any, account: str, key: str) -> None:
        self.drafts.pop((account, key), None)


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Accounts:
    """The accounts of the installation, in memory."""
    kept = Accounts()
    for name in ("sign_in", "recognise", "pending", "account_behind", "sign_out", "choose_language"):
        monkeypatch.setattr(sign_in_service, name, getattr(kept, name))
    for name in ("keep_draft", "find_draft", "drop_draft"):
        monkeypatch.setattr(ui_forms, name, getattr(kept, name))
    return kept


@pytest.fixture
def app(ctx: Any, people: Accounts, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Whoever is signed in may knock everywhere: `tests/authorization` asks who may not, of a furnished app."""
    monkeypatch.setattr(endpoint_guard, "is_granted", lambda _actor, _permission: True)
    monkeypatch.setattr(digests, "shows_mails", lambda _ctx: False)
    monkeypatch.setattr(releases, "has_public", lambda _ctx: False)
    return create_app(ctx, testing=True)


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


@pytest.fixture
def in_english(client: FlaskClient, people: Accounts) -> None:
    """For tests that quote a page: whoever reads, signed in or not, asks for English. Else pages are in French."""
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    people.actor = replace(ACTOR, language="en")


@pytest.fixture
def member(client: FlaskClient, people: Accounts) -> FlaskClient:
    """A browser in which somebody is signed in."""
    people.live["token-1"] = people.actor
    client.set_cookie("session", "token-1")
    return client


@pytest.fixture
def make_line(protocol: Protocol) -> Callable[..., CaseLine]:
    return lambda **changes: case_line(protocol, **changes)


@pytest.fixture
def show_desk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a view in the place of the desk's."""

    def put(*lines: CaseLine, **changes: Any) -> None:
        def see(ctx: Any, actor: Actor, *, filter: str = "open", after: str | None = None) -> DeskView:
            return DeskView(lines=lines, filter=filter, after=changes.pop("after", None), units=(SCHOOL,), **changes)

        monkeypatch.setattr(lists, "see_desk", see)

    return put


def case_line(protocol: Protocol, **changes: Any) -> CaseLine:
    """A case in a list."""
    state = protocol.states[changes.pop("state", "looking")]
    stages = list(protocol.stages)
    values: dict[str, Any] = {
        "protocol": protocol,
        "number": "1234567890123",
        "word": {"fr": "Boussole", "ar": "بوصلة", "en": "Compass"},
        "state": state,
        "stage": protocol.stages[state.stage],
        "stage_place": stages.index(state.stage) + 1,
        "stage_count": len(stages),
        "level": next(iter(protocol.grids.values())).levels[2],
        "due": next(iter(protocol.deadlines.values())),
        "due_at": NOW + timedelta(hours=3),
        "tone": "today",
        "raised": 0,
        "restricted": False,
        "unit": SCHOOL,
        "opened_at": NOW - timedelta(days=3),
    }
    values["urgent"] = bool({**values, **changes}["raised"])
    return CaseLine(**{**values, **changes})


def receipt_line(protocol: Protocol, **changes: Any) -> ReceiptLine:
    values: dict[str, Any] = {
        "report": "r1",
        "received_at": NOW - timedelta(days=1),
        "state": "received",
        "unit": SCHOOL,
        "protocol": protocol,
    }
    return ReceiptLine(**{**values, **changes})
