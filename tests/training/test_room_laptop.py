"""A laptop that serves a room by itself: workshops alone, a trainer by the key alone, and no real data touched."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import waitress
from click.testing import CliRunner
from flask import Flask

from school_protocol import cli
from school_protocol.cases.story_player import TurnableClock
from school_protocol.config import Settings
from school_protocol.context import AppContext
from school_protocol.training import room_store, scenario_library, workshop_end
from school_protocol.training import routes as training_routes
from school_protocol.training import service as training_service
from school_protocol.training.models import WorkshopRow
from school_protocol.training.room_store import LAPTOP, key_of, open_laptop
from school_protocol.training.service import STANDS, Wanted
from school_protocol.web import create_app
from training.room_browsing import Visitor
from training.rooms_of import NOON, host_in, made, rooms_at

pytestmark = pytest.mark.files  # a laptop has no database server


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock(NOON)


@pytest.fixture
def ctx(tmp_path: Path, clock: TurnableClock) -> Iterator[AppContext]:
    """A laptop's, in a folder where an installation already lies, with a workshop of its own."""
    host = host_in(tmp_path)
    made(host, "silence", 1)
    host.close()
    ctx = open_laptop(Settings(data=tmp_path), clock)
    yield ctx
    ctx.close()


@pytest.fixture
def app(ctx: AppContext) -> Flask:
    return create_app(ctx, testing=True)


def prints(folder: Path) -> dict[str, str]:
    """Every file but the laptop's: a digest of what is in it."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and LAPTOP not in file.relative_to(folder).parts
    }


def paths(app: Flask) -> list[tuple[str, str, str]]:
    return [
        (rule.endpoint, method, re.sub(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>", lambda found: "1", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
    ]


def trainer_of(app: Flask, ctx: AppContext) -> Visitor:
    visitor = Visitor(app.test_client())
    assert visitor.get(f"/trainer/{key_of(ctx)}").headers["Location"] == "/workshops"
    assert visitor.get("/workshops/new").status_code == 200
    return visitor


def a_workshop(app: Flask, ctx: AppContext) -> WorkshopRow:
    answer = trainer_of(app, ctx).post("/workshops/new", {"scenario": "blackmail", "tables": "2", "hints": "1"})
    assert answer.status_code == 302, answer.get_data(as_text=True)
    (found,) = workshop_end.see_workshops(ctx, None)
    return found


@pytest.mark.exhaustive
def test_workshops_are_all_that_is_served(app: Flask, ctx: AppContext) -> None:
    for visitor in (Visitor(app.test_client()), trainer_of(app, ctx)):
        page, tried = visitor.page, 0
        for endpoint, method, path in paths(app):
            if endpoint == "desk.index":
                assert visitor.get("/").headers["Location"] == "/workshops"
            elif endpoint not in training_routes.OPEN and not endpoint.startswith(training_routes.SERVED):
                visitor.page, tried = page, tried + 1
                status = (visitor.get(path) if method == "GET" else visitor.post(path)).status_code
                assert status == 404, (endpoint, method, path)
        assert tried > 200
    of_people = ("account.", "sign_in.", "cases.", "reports.", "staff.", "api.", "figures.", "room.")
    assert [one for one in training_routes.OPEN if one.startswith(of_people)] == []


@pytest.mark.exhaustive
def test_nobody_is_the_trainer_without_the_key(app: Flask, ctx: AppContext) -> None:
    workshop = a_workshop(app, ctx)
    key = key_of(ctx)
    for wrong in ("", "x", key[:-1], key.upper() if key.upper() != key else "x", key + "0", "0" * 24, "ب" * 24):
        visitor = Visitor(app.test_client())
        assert visitor.get(f"/trainer/{wrong}").status_code == 404
        visitor.client.set_cookie("laptop-session", wrong)
        own = f"/workshops/{workshop.id}"
        for path in ("/workshops", "/workshops/new", own, f"{own}/projector"):
            assert visitor.get(path).headers.get("Location") == "/join", path
        visitor.get("/join")
        assert visitor.post(f"{own}/say", {"table": "0", "text": "x"}).headers.get("Location") == "/join"
    right = Visitor(app.test_client())
    right.client.set_cookie("laptop-session", key)
    assert right.get(f"/workshops/{workshop.id}").status_code == 200


@pytest.mark.exhaustive
def test_the_key_opens_nothing_of_an_installation(ctx: AppContext, tmp_path: Path) -> None:
    host = host_in(tmp_path / "host")
    there = create_app(host, testing=True)
    visitor = Visitor(there.test_client())
    assert visitor.get(f"/trainer/{key_of(ctx)}").status_code == 404
    assert visitor.get(f"/trainer/{key_of(host)}").status_code == 404
    visitor.client.set_cookie("session", key_of(ctx))
    assert "/sign-in" in visitor.get("/workshops").headers["Location"]
    host.close()


def test_a_whole_workshop_on_a_laptop(app: Flask, ctx: AppContext, clock: TurnableClock) -> None:
    workshop = a_workshop(app, ctx)
    trainer = trainer_of(app, ctx)
    assert workshop.trainer is None
    phone = Visitor(app.test_client())
    phone.get("/join")
    base = phone.post("/join", {"code": workshop.code}).headers["Location"].removesuffix("/room/enter")
    phone.base = base
    phone.get("/room/enter")
    answer = phone.post("/room/enter", {"table": "1", "name": "Bleu", "roles": ["head", "team_member"]})
    assert answer.status_code == 302
    assert all("Secure" not in value for value in answer.headers.getlist("Set-Cookie")), "they go over plain http"
    trainer.base = f"/workshops/{workshop.id}"
    trainer.get()
    assert trainer.post("/clock", {"do": "next"}).status_code == 302
    assert trainer.post("/say", {"table": "0", "text": "Bonjour"}).status_code == 302
    assert "Bonjour" in phone.get("/room").get_data(as_text=True)
    assert phone.get("/").status_code == 200
    assert trainer.post("/end", {"sure": "1"}).status_code == 302
    trainer.get()
    assert trainer.post("/purge", {"sure": "1"}).status_code == 302
    assert phone.get("/room").status_code == 404
    assert rooms_at(ctx) == set()


@pytest.mark.exhaustive
def test_a_restart_changes_neither_the_key_nor_the_room(
    app: Flask, ctx: AppContext, tmp_path: Path, clock: TurnableClock
) -> None:
    workshop, key = a_workshop(app, ctx), key_of(ctx)
    ctx.close()
    again = open_laptop(Settings(data=tmp_path), clock)
    app = create_app(again, testing=True)
    assert key_of(again) == key
    assert trainer_of(app, again).get(f"/workshops/{workshop.id}").status_code == 200
    again.close()


@pytest.mark.exhaustive
def test_an_installation_in_the_same_folder_is_not_touched(tmp_path: Path, clock: TurnableClock) -> None:
    host = host_in(tmp_path)
    real = made(host, "silence", 1)
    host.close()
    before = prints(tmp_path)
    ctx = open_laptop(Settings(data=tmp_path), clock)
    app = create_app(ctx, testing=True)
    workshop = a_workshop(app, ctx)
    trainer = trainer_of(app, ctx)
    assert real.id not in trainer.get("/workshops").get_data(as_text=True)
    assert trainer.get(f"/workshops/{real.id}").status_code == 404
    assert trainer.get(f"/workshop/{real.id}/room/enter").status_code == 404
    assert trainer.get(f"/join/{real.code}").status_code == 422
    trainer.get(f"/workshops/{workshop.id}")
    clock.advance(STANDS)
    assert workshop_end.purge_due(ctx) == 1
    ctx.close()
    assert prints(tmp_path) == before
    keys = {file.read_bytes() for file in (tmp_path / "keys").rglob("*") if file.is_file()} - {b""}
    own = {file.read_bytes() for file in (tmp_path / LAPTOP / "keys").rglob("*") if file.is_file()} - {b""}
    assert keys
    assert own
    assert not keys & own


def test_what_the_command_serves_and_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve --workshop`: the trainer's link with the key, the address for everybody, and an old room destroyed."""
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path))
    monkeypatch.setattr(room_store, "own_address", lambda: "192.168.1.7")
    old = TurnableClock(NOON - 2 * STANDS)
    ctx = open_laptop(Settings(data=tmp_path), old)
    told = scenario_library.find_scenario("silence")
    assert told is not None
    protocol, content = next(iter(scenario_library.protocols_of(told)))
    training_service.found(ctx, None, scenario_library.content_of("silence"), protocol, content, Wanted(1, True, "fr"))
    assert rooms_at(ctx), "the control"
    ctx.close()
    served: dict[str, object] = {}
    monkeypatch.setattr(waitress, "serve", lambda app, **how: served.update(how, app=app))
    answer = CliRunner().invoke(cli.main, ["serve", "--workshop", "--port", "5999"])
    assert answer.exit_code == 0, answer.output
    key = re.search(r"http://192\.168\.1\.7:5999/trainer/([0-9a-f]{24})\b", answer.output)
    assert key is not None
    assert "http://192.168.1.7:5999/join" in answer.output
    assert served["host"] == "0.0.0.0"
    assert {one.name for one in tmp_path.iterdir()} == {LAPTOP}, "nothing of an installation is begun"
    ctx = open_laptop(Settings(data=tmp_path), old)
    assert rooms_at(ctx) == set()
    ctx.close()
    app = served["app"]
    assert isinstance(app, Flask)
    client = app.test_client()
    assert client.get(f"/trainer/{key[1]}", base_url="http://192.168.1.7:5999").status_code == 302
