"""What every answer says about itself."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from school_protocol.auth import sign_in_service
from school_protocol.engine.visibility import Permission
from school_protocol.ui import routing
from school_protocol.ui.middleware import ALWAYS
from school_protocol.web import create_app, endpoint_guard


def answers(client: FlaskClient) -> dict[int, TestResponse]:
    found = (
        client.get("/sign-in"),
        client.get("/"),
        client.post("/language"),
        client.get("/nowhere"),
        client.delete("/"),
        client.post("/language", data={"other": "1"}),
        client.post("/language", data={"x": "y" * 100_000}),
        client.get("/breaks"),
    )
    return {response.status_code: response for response in found}


def breaks() -> str:
    raise ZeroDivisionError


def test_every_answer_carries_every_header(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(endpoint_guard, "PERMISSIONS", {**routing.PERMISSIONS, "breaks": Permission.anyone})
    app.extensions[endpoint_guard.SERVED] |= {"breaks"}
    app.add_url_rule("/breaks", "breaks", breaks)
    found = answers(client)
    assert set(found) == {200, 302, 400, 404, 405, 413, 415, 500}
    for status, response in found.items():
        for name, value in ALWAYS.items():
            assert response.headers[name] == value, (status, name)
        assert response.headers["Cache-Control"] == "no-store", status
        assert "Server" not in response.headers or "Werkzeug" not in response.headers["Server"]


def test_the_policy_lets_nothing_run_inline(client: FlaskClient) -> None:
    policy = client.get("/sign-in").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    for part in (
        "default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'", "script-src 'self'",
    ):  # fmt: skip
        assert part in policy.split("; ")


@pytest.mark.parametrize(("name", "most"), [("desk.js", 2_048), ("passkeys.js", 2_560)])
def test_the_two_scripts_are_small_and_no_page_holds_another(client: FlaskClient, name: str, most: int) -> None:
    page = client.get("/sign-in").text
    addresses = re.findall(r'<script type="module" src="([^"]+)"></script>', page)
    assert page.count("<script") == len(addresses) == 2
    script = client.get(next(address for address in addresses if f"/{name}?" in address))
    assert script.headers["Content-Type"].startswith(("text/javascript", "application/javascript"))
    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert len(script.data) < most
    for never in ("fetch(", "innerHTML", "eval", "localStorage", "document.cookie", "http:", "https:"):
        assert never not in script.text


def test_without_the_style_sheet_no_drawing_fills_the_screen(client: FlaskClient) -> None:
    drawings = re.findall(r"<svg[^>]*>", client.get("/sign-in").get_data(as_text=True))
    assert drawings
    assert [one for one in drawings if not re.search(r' width="\d+" height="\d+"', one)] == []


def test_the_style_sheet_may_be_kept_for_ever_at_its_own_address(client: FlaskClient) -> None:
    page = client.get("/sign-in").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0].replace("&amp;", "&")
    response = client.get(address)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in client.get("/static/nothing.css").headers["Cache-Control"]


def test_static_files_ask_nobody_who_they_are(
    client: FlaskClient, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recognise(*_args: Any) -> None:
        raise AssertionError("a style sheet needs no session")

    monkeypatch.setattr(sign_in_service, "recognise", recognise)
    client.set_cookie("session", "token-1")
    response = client.get("/static/school.css")
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers


def test_a_page_with_its_style_is_small(client: FlaskClient) -> None:
    page, style = client.get("/sign-in").data, client.get("/static/school.css").data
    assert len(gzip.compress(page)) + len(gzip.compress(style)) < 15_000


@pytest.mark.parametrize("path", ["/sign-in", "/static/school.css", "/static/icon.svg", "/nowhere"])
def test_pages_travel_compressed_to_those_who_can_read_that(client: FlaskClient, path: str) -> None:
    plain = client.get(path)
    packed = client.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.vary
    if len(plain.data) >= 500:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert len(packed.data) < len(plain.data)
        assert gzip.decompress(packed.data)[:200] == plain.data[:200]
        assert int(packed.headers["Content-Length"]) == len(packed.data)


def test_the_compressed_length_does_not_tell_what_a_page_holds(client: FlaskClient) -> None:
    lengths = {len(client.get("/nowhere", headers={"Accept-Encoding": "gzip"}).data) for _ in range(30)}
    assert len(lengths) > 5


def test_fonts_are_left_as_they_are(client: FlaskClient) -> None:
    response = client.get("/static/fonts/plex-400-latin.woff2", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in response.headers


def test_an_unchanged_style_sheet_is_not_sent_again(client: FlaskClient) -> None:
    first = client.get("/static/school.css", headers={"Accept-Encoding": "gzip"})
    known = {"Accept-Encoding": "gzip", "If-None-Match": first.headers["ETag"]}
    again = client.get("/static/school.css", headers=known)
    assert again.status_code == 304
    assert again.data == b""


@pytest.mark.parametrize(
    ("host", "status"), [("school.example", 200), ("school.example:8443", 200), ("evil.example", 400), ("", 400)]
)
def test_a_request_under_another_name_is_not_understood(ctx: Any, people: Any, host: str, status: int) -> None:
    ctx.settings = replace(ctx.settings, address="https://school.example/")
    client = create_app(ctx).test_client()
    answer = client.get("/sign-in", headers={"Host": host})
    assert answer.status_code == status
    assert "evil.example" not in answer.text
    for name, value in ALWAYS.items():
        assert answer.headers[name] == value
