"""`serve`: what the server in front of the pages takes in at all, and that it ends after what it has begun."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse, RemoteDisconnected
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import waitress
from click import testing
from click.testing import CliRunner
from pdf.sealed import NOW
from werkzeug.test import Client

from school_protocol import cli
from school_protocol.cases.story_player import TurnableClock
from school_protocol.cli import serve_commands, serving
from school_protocol.config import Settings, SettingUnreadable, settings_from
from school_protocol.context import AppContext, open_context
from school_protocol.ops import demo, doctor
from school_protocol.ops.doctor import Asked
from school_protocol.pdf.verification import DOCUMENT_MOST
from school_protocol.storage.engines import pooling
from school_protocol.ui import middleware
from school_protocol.ui.sessions import context_of
from school_protocol.web import open_app


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[AppContext]:
    found = open_context(Settings(data=tmp_path / "var"), TurnableClock(NOW))
    yield found
    found.close()


def test_a_body_that_no_page_takes_is_refused_unread(ctx: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    served: dict[str, Any] = {}
    monkeypatch.setattr(serve_commands, "open_context_once", lambda **_given: ctx)
    monkeypatch.setattr(serving, "serve", lambda _app, **options: served.update(options))
    done = CliRunner().invoke(cli.main, ["serve", "--no-worker"])
    assert done.exit_code == 0, done.output
    assert DOCUMENT_MOST < served["max_request_body_size"] < DOCUMENT_MOST + 2 * 1024 * 1024
    assert served["connection_limit"] == middleware.CROWD["connection_limit"]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "http://127.0.0.1:5000/"),
        ("https://desk.example", "https://desk.example (in front of 127.0.0.1:5000, where no other name is answered)"),
    ],
)
def test_it_prints_the_address_that_works(
    ctx: AppContext, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    named = replace(ctx, settings=replace(ctx.settings, address=address))
    monkeypatch.setattr(serve_commands, "open_context_once", lambda **_given: named)
    monkeypatch.setattr(serving, "serve", answers := Mock())
    assert said in CliRunner().invoke(cli.main, ["serve", "--no-worker"]).output.splitlines()
    browser = Client(answers.call_args.args[0])
    shown = said.split()[0].rstrip("/")
    assert browser.get("/sign-in", base_url=shown).status_code == 200
    other = browser.get("/sign-in", base_url="http://127.0.0.2:5000").status_code
    assert other == (400 if address else 200), "the control"


@contextmanager
def listening(settings: Settings, **crowd: Any) -> Iterator[int]:
    """A server as `serve` sets it up, which says from where it takes each request to come; its port."""

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        seen = (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], environ["HTTP_HOST"])
        return ["|".join((*seen, environ.get("HTTP_X_FORWARDED_FOR", "-"))).encode()]

    server = waitress.create_server(
        middleware.behind(app, settings.trusted_proxy), host="127.0.0.1", port=0, threads=1,
        clear_untrusted_proxy_headers=False, **crowd,
    )  # fmt: skip

    def serve() -> None:
        with suppress(OSError):  # the socket is closed under the loop that waits for it
            server.run()

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    try:
        yield server.effective_port
    finally:
        server.close()
        serving.join(5)


def answered(port: int, **headers: str) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/", headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        return connection.getresponse().read().decode()
    finally:
        connection.close()


FORWARDED = {"X_Forwarded_For": "203.0.113.7", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "desk.example"}


@pytest.mark.exhaustive(but=("another",))
@pytest.mark.parametrize(
    ("proxy", "where"),
    [("127.0.0.1", "203.0.113.7|https|desk.example"), ("10.9.9.9", "127.0.0.1|http|"), ("", "127.0.0.1|http|")],
    ids=["the proxy", "another", "none"],
)
def test_where_somebody_comes_from_is_believed_of_the_proxy_alone(ctx: AppContext, proxy: str, where: str) -> None:
    with listening(replace(ctx.settings, trusted_proxy=proxy)) as port:
        found = answered(port, **FORWARDED)
        assert found.startswith(where)
        if proxy != "127.0.0.1":
            assert found.endswith("|-"), "what a stranger says of itself reaches no page"
        else:
            forged = answered(port, **FORWARDED | {"X_Forwarded_For": "198.51.100.9, 203.0.113.7"})
            assert forged.startswith("203.0.113.7|"), "what a visitor put before it isn't believed either"


@pytest.mark.parametrize("words", [("serve",), ("serve", "--workshop"), ("demo", "serve", "--reset")], ids=" ".join)
def test_where_another_program_answers_nothing_is_opened_wiped_or_told(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "none"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = CliRunner().invoke(cli.main, [*words, "--port", str(other.getsockname()[1])])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "another program answers there; end it, or say --port" in done.stderr
    assert not (tmp_path / "none").exists()


def test_the_proxy_is_an_address() -> None:
    assert settings_from({"SCHOOL_PROTOCOL_TRUSTED_PROXY": " 10.0.0.1 "}).trusted_proxy == "10.0.0.1"
    for said in ("*", "proxy", "10.0.0.0/8"):
        with pytest.raises(SettingUnreadable, match="TRUSTED_PROXY"):
            settings_from({"SCHOOL_PROTOCOL_TRUSTED_PROXY": said})


@pytest.mark.parametrize(
    ("more", "environ", "said"),
    [
        ({"address": "https://desk.example/"}, {}, "SCHOOL_PROTOCOL_TRUSTED_PROXY"),
        ({"address": "https://desk.example/", "trusted_proxy": "127.0.0.1"}, {}, ""),
        ({"address": "http://localhost:5000/"}, {}, ""),
        ({}, {"SCHOOL_PROTOCOL_OPENID_ISSUER": "https://id.example"}, "SCHOOL_PROTOCOL_OPENID_CLAIM"),
    ],
)
def test_doctor_says_which_door_lacks_a_setting(
    ctx: AppContext, more: dict[str, str], environ: dict[str, str], said: str
) -> None:
    known = ctx.settings.data / "known"
    known.touch()
    settings = replace(ctx.settings, **{"address": "http://localhost:5000/", "known_passwords": known, **more})
    found = list(doctor.doors(Asked(settings, NOW, wants_openid=bool(environ))))
    assert said in "".join(one.do for one in found)
    assert bool(found) is bool(said)


def test_doctor_says_whether_known_passwords_are_refused(ctx: AppContext) -> None:
    for known, said in ((None, "no list of known passwords"), (ctx.settings.data / "absent", "the list of known")):
        asked = Asked(replace(ctx.settings, known_passwords=known, address="http://localhost/"), NOW)
        (found,) = doctor.doors(asked)
        assert found.what.startswith(said)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("crowd", "is_answered"), [(middleware.CROWD, True), ({}, False)], ids=["as served", "the control"]
)
def test_forty_phones_that_keep_their_connections_leave_room_for_one_more(
    ctx: AppContext, crowd: dict[str, Any], is_answered: bool
) -> None:
    with listening(ctx.settings, **crowd) as port, ExitStack() as open_now:
        for _one in range(160):
            open_now.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        time.sleep(0.3)
        found = HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            found.request("GET", "/")
            assert found.getresponse().status == 200
        except TimeoutError:
            assert not is_answered
        else:
            assert is_answered
        finally:
            found.close()


SLOW = """
import sys
import waitress
from school_protocol.cli import serving

def app(environ, start):
    print("begun", flush=True)
    sys.stdin.readline()
    start("200 OK", [("Content-Length", str(LENGTH))])
    return [b"x" * LENGTH]

LENGTH = 5_000_000
serving.GRACE_SECONDS = float(sys.argv[2])
SERVE(app, host="127.0.0.1", port=int(sys.argv[1]), threads=2, ident=None)
"""
"""Answers as it is told to by a line, and at length."""


@contextmanager
def running_at(*words: str, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process of its own that serves at a port, PORT among its words."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, *(word.replace("PORT", str(port)) for word in words)]
    process = subprocess.Popen(
        command, env={**os.environ, **environment},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while not takes(port):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.02)
        yield process, port
    finally:
        process.kill()
        process.communicate()


def takes(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it closes just now
        return False
    return True


def refuses_soon(port: int) -> bool:
    until = time.monotonic() + 5
    while takes(port) and time.monotonic() < until:
        time.sleep(0.05)
    return not takes(port)


def asked(port: int) -> HTTPConnection:
    found = HTTPConnection("127.0.0.1", port, timeout=30)
    found.request("GET", "/")
    return found


@pytest.mark.exhaustive(but=("as served",))
@pytest.mark.parametrize(
    ("serve", "ends_well"), [("serving.serve", True), ("waitress.serve", False)], ids=["as served", "the control"]
)
def test_what_is_being_answered_as_it_is_told_to_end_is_answered_whole(serve: str, ends_well: bool) -> None:
    with running_at("-c", SLOW.replace("SERVE", serve), "PORT", "30") as (process, port), ExitStack() as open_now:
        silent = open_now.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        under_way = asked(port)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGTERM)
        if not ends_well:
            with pytest.raises((RemoteDisconnected, ConnectionResetError)):
                under_way.getresponse()
            assert process.wait(5) == -signal.SIGTERM
            return
        assert refuses_soon(port)
        assert process.poll() is None, "it is still at its answer"
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert under_way.getresponse().read() == b"x" * 5_000_000
        assert process.wait(5) == 0
        assert silent.recv(1) == b"", "who asked for nothing holds it up no longer"


HELD = """
import os, sys, threading
import waitress
from school_protocol.cli import serving

released = threading.Event()

def app(environ, start):
    if environ["PATH_INFO"] == "/":
        os.write(1, b"begun\\n")  # whole, though two threads say so at once
        released.wait()
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]

threading.Thread(target=lambda: sys.stdin.readline() and released.set(), daemon=True).start()
SERVE(app, host="127.0.0.1", port=int(sys.argv[1]), threads=2, ident=None)
"""
"""Both threads of its pages are held until it is told to go on by a line."""


@pytest.mark.exhaustive(but=("/alive",))
@pytest.mark.parametrize("path", [*serving.WATCHED, "/control"])
def test_whoever_watches_the_site_is_answered_though_every_page_is_held(path: str) -> None:
    with running_at("-c", HELD.replace("SERVE", "serving.serve"), "PORT") as (process, port):
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        pages = [asked(port), asked(port)]
        assert [process.stdout.readline() for _page in pages] == [b"begun\n"] * 2
        watching = HTTPConnection("127.0.0.1", port, timeout=30)
        watching.request("GET", path)
        if path == "/control":
            assert process.stderr.readline() == b"Task queue depth is 1\n", "any other page waits for them"
        else:
            assert watching.getresponse().read() == b"ok"
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert [page.getresponse().read() for page in pages] == [b"ok", b"ok"]
        if path == "/control":
            assert watching.getresponse().read() == b"ok"


@pytest.mark.exhaustive
def test_it_waits_no_longer_than_it_says() -> None:
    with running_at("-c", SLOW.replace("SERVE", "serving.serve"), "PORT", "0.5") as (process, port):
        under_way, began = asked(port), time.monotonic()
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert time.monotonic() - began < 15
        under_way.close()


def ends_after_half_a_form(process: subprocess.Popen[bytes], port: int) -> str:
    """Half a form was sent as it is told to end: the other half is read, and answered. What it said until then."""
    body = b"username=nobody&password=nothing"
    with socket.create_connection(("127.0.0.1", port), 30) as sending:
        head = f"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
        sending.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode() + body[:10])
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        assert refuses_soon(port)
        sending.sendall(body[10:])
        answer = HTTPResponse(sending)
        answer.begin()
        assert answer.read().rstrip().endswith(b"</html>")
    said, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"Traceback" not in told
    assert b'"trace"' not in told
    return said.decode()


@pytest.mark.exhaustive
@pytest.mark.parametrize("more", [(), ("--no-worker",)], ids=["with its worker", "alone"])
def test_the_site_itself_takes_what_is_being_sent_to_it_to_the_end_and_ends(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    words = ("-m", "school_protocol.cli", "serve", "--port", "PORT", *more)
    with running_at(*words, SCHOOL_PROTOCOL_DATA=str(tmp_path / "data")) as (process, port):
        ends_after_half_a_form(process, port)


@pytest.mark.parametrize(
    ("at_a_terminal", "typed", "cleared"), [(True, "n\n", False), (True, "y\n", True), (False, "", True)]
)
def test_a_demo_is_cleared_at_a_terminal_once_that_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_terminal: bool, typed: str, cleared: bool
) -> None:
    (tmp_path / demo.NOTE).write_text("Password of every account: x")
    asked: list[bool] = []

    def prepare(_settings: Settings, *, reset: bool, **_more: Any) -> Mock:
        asked.append(reset)
        return Mock(table=lambda: "accounts")

    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path))
    monkeypatch.setattr(demo, "prepare", prepare)
    monkeypatch.setattr(testing._NamedTextIOWrapper, "isatty", lambda _self: at_a_terminal, raising=False)
    done = CliRunner().invoke(cli.main, ["demo", "prepare", "--reset"], input=typed)
    assert asked == ([True] if cleared else [])
    assert ("Everything in the demo" in done.output) is at_a_terminal


def test_a_demo_that_stands_is_served_again_says_its_accounts_and_ends_after_what_is_being_sent(tmp_path: Path) -> None:
    """As `./run demo` does from the second start on; cases would only make it longer."""
    demo.prepare(Settings(data=tmp_path), reset=False, password="k7m2-p9qr-s4tv", say=lambda _line: None, told=False)

    words = ("-m", "school_protocol.cli", "demo", "serve", "--port", "PORT")
    with running_at(*words, SCHOOL_PROTOCOL_DATA=str(tmp_path)) as (process, port):
        line = HTTPConnection("127.0.0.1", port, timeout=20)
        line.request("GET", "/sign-in")
        assert line.getresponse().status == 200
        line.close()
        said = ends_after_half_a_form(process, port)

    assert "Password of every account: k7m2-p9qr-s4tv" in said
    assert f"http://127.0.0.1:{port}/" in said


def test_each_process_of_several_opens_the_stores_by_flask_sqlalchemy(tmp_path: Path) -> None:
    rung: list[AppContext] = []

    def ring_of(ctx: AppContext) -> Callable[[], None]:
        return lambda: rung.append(ctx)

    app = open_app(Settings(data=tmp_path), TurnableClock(NOW), ring_of)
    ctx = context_of(app)
    with app.app_context():
        assert app.extensions["sqlalchemy"].engines["realm"] is ctx.realm.engine
        app.extensions["ring"]()
    assert rung == [ctx]
    assert app.test_client().get("/ready").status_code == 200
    ctx.close()


def test_a_server_that_went_away_is_found_out_however_its_engine_is_opened() -> None:
    asked = pooling("postgresql+psycopg://school@db/school?connect_timeout=2")["connect_args"]
    assert asked.keys() == {"tcp_user_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count"}
