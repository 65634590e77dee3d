"""`serve`: what the server in front of the pages takes in at all."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import waitress
from click.testing import CliRunner
from werkzeug.test import Client

from school_protocol import cli
from school_protocol.cli import running
from school_protocol.config import Settings, SettingUnreadable, settings_from
from school_protocol.documents.sealing.verifying import MOST
from school_protocol.services.doctor import Asked, settled
from school_protocol.services.house import House, open_house
from school_protocol.services.scripts import TurnableClock
from school_protocol.web import fronts, limits
from tests.documents.sealed import NOW


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = open_house(Settings(data=tmp_path / "var"), TurnableClock(NOW))
    yield found
    found.close()


def test_a_body_that_no_page_takes_is_refused_unread(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    served: dict[str, Any] = {}
    monkeypatch.setattr(running, "open_the_house", lambda **_given: house)
    monkeypatch.setattr(waitress, "serve", lambda _app, **options: served.update(options))
    done = CliRunner().invoke(cli.main, ["serve", "--no-worker"])
    assert done.exit_code == 0, done.output
    assert MOST < served["max_request_body_size"] < MOST + 2 * 1024 * 1024
    assert served["connection_limit"] == limits.CROWD["connection_limit"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "http://127.0.0.1:5000/"),
        ("https://desk.example", "https://desk.example (in front of 127.0.0.1:5000, where no other name is answered)"),
    ],
)
def test_it_prints_the_address_that_works(
    house: House, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    named = replace(house, settings=replace(house.settings, address=address))
    monkeypatch.setattr(running, "open_the_house", lambda **_given: named)
    monkeypatch.setattr(waitress, "serve", answers := Mock())
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
        fronts.behind(app, settings.trusted_proxy), host="127.0.0.1", port=0, threads=1,
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


@pytest.mark.parametrize(
    ("proxy", "where"),
    [("127.0.0.1", "203.0.113.7|https|desk.example"), ("10.9.9.9", "127.0.0.1|http|"), ("", "127.0.0.1|http|")],
    ids=["the proxy", "another", "none"],
)
def test_where_somebody_comes_from_is_believed_of_the_proxy_alone(house: House, proxy: str, where: str) -> None:
    with listening(replace(house.settings, trusted_proxy=proxy)) as port:
        found = answered(port, **FORWARDED)
        assert found.startswith(where)
        if proxy != "127.0.0.1":
            assert found.endswith("|-"), "what a stranger says of itself reaches no page"
        else:
            forged = answered(port, **FORWARDED | {"X_Forwarded_For": "198.51.100.9, 203.0.113.7"})
            assert forged.startswith("203.0.113.7|"), "what a visitor put before it isn't believed either"


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
    house: House, more: dict[str, str], environ: dict[str, str], said: str
) -> None:
    known = house.settings.data / "known"
    known.touch()
    settings = replace(house.settings, **{"address": "http://localhost:5000/", "known_passwords": known, **more})
    found = list(settled.doors(Asked(settings, NOW, wants_openid=bool(environ))))
    assert said in "".join(one.do for one in found)
    assert bool(found) is bool(said)


def test_doctor_says_whether_known_passwords_are_refused(house: House) -> None:
    for known, said in ((None, "no list of known passwords"), (house.settings.data / "absent", "the list of known")):
        asked = Asked(replace(house.settings, known_passwords=known, address="http://localhost/"), NOW)
        (found,) = settled.doors(asked)
        assert found.what.startswith(said)


@pytest.mark.parametrize(
    ("crowd", "is_answered"), [(limits.CROWD, True), ({}, False)], ids=["as served", "the control"]
)
def test_forty_phones_that_keep_their_connections_leave_room_for_one_more(
    house: House, crowd: dict[str, Any], is_answered: bool
) -> None:
    with listening(house.settings, **crowd) as port, ExitStack() as open_now:
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
