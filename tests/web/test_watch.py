"""What whoever watches the site is told: that it lives, can serve, and what was measured; of cases nothing."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW, ROOT
from flask.testing import FlaskClient
from services.conftest import NAME, School
from sqlalchemy import text
from storage.server import EVERYWHERE

from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.reports.public_door import renew
from school_protocol.storage import copy_database, work_queue
from school_protocol.ui.middleware import behind
from school_protocol.web import create_app
from school_protocol.wiring import WIRING

TOKEN = "told to whoever watches"


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "var", metrics=TOKEN), clock)
    yield School(prepared(ctx, clock, moroccan, MOROCCAN.read_bytes()), count(1))
    ctx.close()


@pytest.fixture
def client(school: School) -> FlaskClient:
    return create_app(school.ctx, testing=True).test_client()


def measured(client: FlaskClient, token: str = TOKEN) -> dict[str, float]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    lines = (line.rpartition(" ") for line in answer.get_data(as_text=True).splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _space, value in lines}


@pytest.mark.parametrize("path", ["/alive", "/ready"])
def test_it_lives_and_can_serve_and_sets_no_cookie(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, f"{path[1:]}\n")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.skipif(EVERYWHERE, reason="takes a file away")
def test_it_is_not_ready_without_its_stores_and_lives_all_the_same(client: FlaskClient, school: School) -> None:
    school.ctx.realm.close()
    file = school.ctx.settings.data / "realm.sqlite"
    file.rename(file.with_suffix(".away"))
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_data(as_text=True)) == (503, "realm: no answer\n")
    assert client.get("/alive").status_code == 200
    file.with_suffix(".away").rename(file)
    assert client.get("/ready").status_code == 200


def test_nor_with_tables_of_another_version(client: FlaskClient, school: School) -> None:
    with school.ctx.directory.writing() as session:
        session.execute(text("UPDATE schema_revision SET version_num = '0001'"))
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_data(as_text=True)) == (503, "directory: tables of another version\n")


def test_a_server_goes_on_once_the_next_version_has_brought_its_tables(client: FlaskClient, school: School) -> None:
    """Else a balancer would send nobody anywhere between `database prepare` and the first new server."""
    with school.ctx.directory.writing() as session:
        session.execute(text("UPDATE schema_revision SET version_num = '9999'"))
    assert client.get("/ready").status_code == 200


def test_nor_once_it_was_moved_to_another_database(client: FlaskClient, school: School) -> None:
    assert client.get("/ready").status_code == 200
    with copy_database.held(school.ctx.realm) as connection:
        copy_database.send_away(connection, WIRING.tables["realm"].tables)
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_data(as_text=True)) == (503, "realm: moved to another database\n")
    assert client.get("/alive").status_code == 200
    with copy_database.held(school.ctx.realm) as connection:
        copy_database.take_back(connection, WIRING.tables["realm"].tables)
    assert client.get("/ready").status_code == 200


@pytest.mark.parametrize("said", ["", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}!", f"Basic {TOKEN}", "Bearer\u00e9"])
def test_measurements_are_for_whoever_has_the_token(client: FlaskClient, said: str) -> None:
    absent = client.get("/metrics/none")
    answer = client.get("/metrics", headers={"Authorization": said.encode("utf-8").decode("latin-1")})
    assert (answer.status_code, answer.data) == (absent.status_code, absent.data) == (404, absent.data)


def test_without_a_token_in_the_settings_there_are_none(school: School) -> None:
    ctx: AppContext = replace(school.ctx, settings=replace(school.ctx.settings, metrics=""))
    client = create_app(ctx, testing=True).test_client()
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.exhaustive
def test_answers_are_counted_by_page_and_nothing_of_a_case_is_told(client: FlaskClient, school: School) -> None:
    school.report()
    for _time in range(3):
        client.get(f"/cases/{school.number}")
    client.get("/nowhere/at-all")
    found = measured(client)
    assert found['school_protocol_answers_total{page="cases.show",status="3xx"}'] == 3
    assert found['school_protocol_answer_seconds_count{page="cases.show"}'] == 3
    assert found['school_protocol_answers_total{page="none",status="4xx"}'] == 1
    said = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).get_data(as_text=True)
    assert [one for one in (school.number, NAME, "nowhere") if one in said] == []


def test_what_strangers_tell_is_not_counted(client: FlaskClient, school: School) -> None:
    """Somebody who looks every few seconds would know when a child sent something."""
    door = renew(school.ctx, school.person("head"), "00000A", "public")
    assert client.get(f"/s/{door.code}").status_code == 200
    assert client.get("/sign-in").status_code == 200
    pages = {found[1] for name in measured(client) if (found := re.search(r'page="([^"]+)"', name))}
    assert "sign_in.show" in pages  # the control: others are
    assert {one for one in pages if "signalement" in one or "watch" in one} == set()


def test_it_tells_what_waits_and_for_how_long(client: FlaskClient, school: School) -> None:
    assert measured(client)["school_protocol_work_overdue_seconds"] == 0
    with school.ctx.realm.writing() as session:
        work_queue.put_message(session, "kind", {}, at=school.ctx.now())
    school.wait(minutes=7)
    found = measured(client)
    assert found["school_protocol_work_waiting"] >= 1
    assert found["school_protocol_work_overdue_seconds"] == timedelta(minutes=7).total_seconds()


# ---- who is believed of where a request comes from -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trusted", "comes_from", "seen"),
    [
        ("127.0.0.1", "127.0.0.1", ("203.0.113.9", "https", "school.example")),
        ("127.0.0.1", "10.0.0.7", ("10.0.0.7", "http", "here")),
        ("", "127.0.0.1", ("127.0.0.1", "http", "here")),
        ("", "", ("", "http", "here")),
    ],
)
def test_the_word_of_the_proxy_that_is_named_alone(trusted: str, comes_from: str, seen: tuple[str, str, str]) -> None:
    found: list[tuple[str, str, str]] = []

    def site(environ: dict[str, str], _start: object) -> list[bytes]:
        found.append((environ.get("REMOTE_ADDR", ""), environ["wsgi.url_scheme"], environ["HTTP_HOST"]))
        return [environ.get("HTTP_X_FORWARDED_FOR", "").encode()]

    environ = {
        "REMOTE_ADDR": comes_from, "wsgi.url_scheme": "http", "HTTP_HOST": "here", "SERVER_PORT": "80",
        "SERVER_NAME": "here", "HTTP_X_FORWARDED_FOR": "192.0.2.1, 203.0.113.9", "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_HOST": "school.example", "HTTP_X_FORWARDED_PREFIX": "/elsewhere",
    }  # fmt: skip
    behind(site, trusted)(environ, None)
    assert found == [seen]


@pytest.mark.parametrize("said", ["ht'", "", "javascript", "http, ", "https\x00"])
def test_a_scheme_that_is_none_is_not_believed_of_the_proxy_either(said: str) -> None:
    """It is part of every address that is made: the sign-in page ended in an error of ours."""
    found: list[str] = []

    def site(environ: dict[str, str], _start: object) -> list[bytes]:
        found.append(environ["wsgi.url_scheme"])
        return []

    environ = {"REMOTE_ADDR": "10.0.0.1", "wsgi.url_scheme": "http", "HTTP_HOST": "here", "SERVER_PORT": "80",
               "SERVER_NAME": "here", "HTTP_X_FORWARDED_PROTO": said}  # fmt: skip
    behind(site, "10.0.0.1")(environ, None)
    assert found == ["http"]


def test_the_version_is_measured_as_setup_cfg_says_it(client: FlaskClient) -> None:
    read = configparser.ConfigParser(interpolation=None)
    read.read(ROOT / "setup.cfg")
    assert measured(client)[f'school_protocol_info{{version="{read["metadata"]["version"]}"}}'] == 1
