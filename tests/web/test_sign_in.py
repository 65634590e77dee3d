"""Signing in, out, and being asked to."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from school_protocol.config import Settings
from school_protocol.ui import sessions
from school_protocol.web import create_app

from .conftest import Accounts
from .page import form_token, read_page

RIGHT = {"username": "membre", "password": "right"}


def enter(client: FlaskClient, **values: str) -> TestResponse:
    token = form_token(client.get("/sign-in"))
    return client.post("/sign-in", data={"csrf_token": token, **values})


def test_the_page(client: FlaskClient) -> None:
    page = read_page(client.get("/sign-in"))
    assert [field["name"] for field in page.inputs] == ["username", "password"]
    assert page.lang == "fr"


def test_signing_in_gives_a_cookie_with_the_token_alone(client: FlaskClient) -> None:
    response = enter(client, **RIGHT, next="/reports/new")
    assert response.location == "/reports/new"
    cookie = client.get_cookie("session")
    assert cookie is not None
    assert (cookie.value, cookie.http_only, cookie.same_site, cookie.path) == ("token-1", True, "Lax", "/")
    assert cookie.max_age is None
    assert cookie.expires is None


def test_cookies_are_bound_to_the_host_where_they_are_secure(ctx: Any, people: Accounts) -> None:
    ctx.settings = Settings(data=ctx.settings.data, secure_cookies=True)
    client = create_app(ctx, testing=True).test_client()
    base = "https://localhost"
    token = form_token(client.get("/sign-in", base_url=base))
    response = client.post("/sign-in", data={"csrf_token": token, **RIGHT}, base_url=base)
    cookies = response.headers.getlist("Set-Cookie")
    (session,) = (cookie for cookie in cookies if cookie.startswith("__Host-session=token-1"))
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(session.split("; "))
    assert "Domain" not in session
    assert response.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


def test_what_a_browser_carries_before_it_is_known_is_signed_with_sha_256(app: Flask, client: FlaskClient) -> None:
    client.get("/sign-in")
    visit = client.get_cookie("visit")
    assert visit is not None
    with app.test_request_context():
        signed = [visit.value, sessions.owner_mark("a1"), sessions.seal_seed("A" * 32, "a1")]
    assert [len(base64.urlsafe_b64decode(one.rpartition(".")[2] + "=")) for one in signed] == [32] * 3


@pytest.mark.usefixtures("in_english")
def test_a_wrong_password_says_so_without_saying_which(client: FlaskClient) -> None:
    wrong = enter(client, username="membre", password="wrong")
    unknown = enter(client, username="nobody", password="wrong")
    assert wrong.status_code == unknown.status_code == 422
    assert "do not go together" in read_page(wrong).text
    assert wrong.text.replace("membre", "nobody").split("csrf_token")[0] == unknown.text.split("csrf_token")[0]
    assert client.get_cookie("session") is None


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({}, ["#username", "#password"]),
        ({"username": "  ", "password": "x"}, ["#username"]),
        ({"username": "x"}, ["#password"]),
    ],
)
def test_what_is_missing_is_said_at_the_field_and_at_the_top(
    client: FlaskClient, values: dict[str, str], missing: list[str]
) -> None:
    response = enter(client, **values)
    page = read_page(response)
    assert response.status_code == 422
    for anchor in missing:
        assert f'href="{anchor}"' in response.text
        assert f"{anchor[1:]}-error" in page.ids


def test_too_many_tries_are_asked_to_wait(client: FlaskClient, people: Accounts) -> None:
    people.wait = 900
    response = enter(client, **RIGHT)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "900")
    assert "900" in read_page(response).text
    assert "Retry-After" not in enter(client, username="", password="").headers


@pytest.mark.parametrize("value", ["ع" * 200, "a\0b", "😀", "x" * 5000, "<b>'\"&"])
def test_strange_names_and_passwords_are_refused_calmly(client: FlaskClient, value: str) -> None:
    response = enter(client, username=value, password=value)
    assert response.status_code == 422
    read_page(response)


def test_a_password_is_never_shown_again(client: FlaskClient) -> None:
    assert "hunter-two" not in enter(client, username="membre", password="hunter-two").text


def test_whoever_is_signed_in_goes_on(member: FlaskClient) -> None:
    assert member.get("/sign-in?next=/reports/new").location == "/reports/new"
    assert member.get("/sign-in?next=//elsewhere.example").location == "/"


def test_signing_out_ends_the_session_and_its_cookies(member: FlaskClient, people: Accounts, show_desk: Any) -> None:
    show_desk()
    token = form_token(member.get("/"))
    response = member.post("/sign-out", data={"csrf_token": token})
    assert response.location == "/sign-in"
    assert people.live == {}
    assert member.get_cookie("session") is None
    assert member.get("/").location.startswith("/sign-in")


def test_a_new_session_takes_nothing_over_from_the_visit_before(client: FlaskClient, show_desk: Any) -> None:
    show_desk()
    before = form_token(client.get("/sign-in"))
    enter(client, **RIGHT)
    assert client.post("/language", data={"csrf_token": before}).status_code == 400


def test_the_accounts_language_goes_first(app: Flask, client: FlaskClient, people: Accounts, show_desk: Any) -> None:
    show_desk()
    enter(client, **RIGHT)
    people.live["token-1"] = replace(people.live["token-1"], language="ar")
    client.set_cookie("language", "en")
    page = read_page(client.get("/", headers={"Accept-Language": "fr"}))
    assert (page.lang, page.dir) == ("ar-MA", "rtl")
