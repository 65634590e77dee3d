"""Nobody gets further than the table says, and no form is taken that was not ours."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from school_protocol.cases import desk_routes
from school_protocol.cases.lists import FILTERS
from school_protocol.engine.answers import LONG_MOST, ROWS_MOST, TEXT_MOST
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.visibility import Permission
from school_protocol.ui import middleware, sessions
from school_protocol.ui.middleware import own_path
from school_protocol.ui.routing import PERMISSIONS
from school_protocol.web import error_pages

from .conftest import ACTOR, Accounts
from .page import form_token, read_page

FORM = "application/x-www-form-urlencoded"


def test_every_endpoint_stands_in_the_table(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} <= set(PERMISSIONS)


def test_an_endpoint_that_is_not_in_the_table_answers_as_an_unknown_address(app: Flask, member: FlaskClient) -> None:
    app.add_url_rule("/hidden", "hidden", lambda: "secret")
    assert member.get("/hidden").status_code == 404
    assert member.get("/hidden").data == member.get("/never-heard-of").data


@pytest.mark.parametrize("path", ["/", "/?filter=late", "/search", "/reports/new", "/cases/1234567890123"])
def test_signed_out_pages_lead_to_sign_in_and_back(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert unquote(response.location) == f"/sign-in?next={path}"


@pytest.mark.exhaustive
def test_only_what_anyone_may_do_is_open_to_those_signed_out(app: Flask, client: FlaskClient) -> None:
    for rule in app.url_map.iter_rules():
        if PERMISSIONS[rule.endpoint] in (Permission.anyone, Permission.token) or "GET" not in (rule.methods or ()):
            continue  # what is read by token is asked for in test_api
        with app.test_request_context():
            values: dict[str, Any] = dict.fromkeys(rule.arguments, 1) | dict(rule.defaults or {})
            path = app.url_for(rule.endpoint, **values)
        if rule.endpoint.startswith("room."):
            assert client.get(path).status_code == 404, "a room's own pages are absent from the product"
            continue
        assert client.get(path).location.startswith("/sign-in"), path


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/language", "/search"])
def test_a_form_without_its_token_is_refused(member: FlaskClient, path: str) -> None:
    assert member.post(path, data={"other": "1"}).status_code == 400


def test_another_sessions_token_is_refused(app: Flask, member: FlaskClient, people: Accounts, show_desk: Any) -> None:
    show_desk()
    people.live["token-2"] = ACTOR
    other = app.test_client()
    other.set_cookie("session", "token-2")
    foreign = form_token(other.get("/"))
    own = form_token(member.get("/"))
    assert member.post("/language", data={"csrf_token": foreign}).status_code == 400
    assert member.post("/language", data={"csrf_token": own}).status_code == 302


def test_a_planted_visit_cookie_does_not_change_the_form_token(app: Flask, member: FlaskClient, show_desk: Any) -> None:
    show_desk()
    visitor = app.test_client()
    token = form_token(visitor.get("/sign-in"))
    planted = visitor.get_cookie("visit")
    assert planted is not None
    member.set_cookie("visit", planted.value)
    assert member.post("/sign-out", data={"csrf_token": token}).status_code == 400


@pytest.mark.parametrize("value", ["ع" * 40, "\0", "a.b.c", "💥"])
def test_a_strange_token_is_refused_calmly(member: FlaskClient, value: str) -> None:
    assert member.post("/language", data={"csrf_token": value}).status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 302),
        ({"Sec-Fetch-Site": "none"}, 302),
        ({"Sec-Fetch-Site": "same-site"}, 400),
        ({"Sec-Fetch-Site": "cross-site"}, 400),
        ({"Origin": "http://localhost"}, 302),
        ({"Origin": "https://elsewhere.example"}, 400),
        ({"Origin": "null"}, 400),
    ],
)
def test_a_form_must_come_from_a_page_of_ours(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    token = form_token(client.get("/sign-in"))
    response = client.post("/language", data={"csrf_token": token, "language": "ar"}, headers=headers)
    assert response.status_code == status


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("https://elsewhere.example:8443", "elsewhere.example:8443"),
        ("https://[2001:db8::1]", "[2001:db8::1]"),
        ("https://name:secret@elsewhere.example", ""),
        ("https://els\x1b[31mewhere", ""),
        ("https://els ewhere", ""),
        (f"https://{'x' * 300}", ""),
    ],
)
def test_of_where_a_refused_form_came_from_a_host_alone_is_repeated(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, origin: str, said: str
) -> None:
    token = form_token(client.get("/sign-in"))
    with caplog.at_level(logging.WARNING, error_pages.__name__):
        page = client.post("/language", data={"csrf_token": token}, headers={"Origin": origin}).get_data(as_text=True)
    told = [one.getMessage() for one in caplog.records if "a form came from" in one.msg]
    assert [f"from a page of {said}, and was sent to localhost" in one for one in told] == ([True] if said else [])
    assert (said in page) if said else ("secret" not in page and "ewhere" not in page and "xxx" not in page)


@pytest.mark.parametrize("mimetype", ["application/json", "text/plain", "", "application/octet-stream"])
def test_only_forms_are_taken(member: FlaskClient, mimetype: str) -> None:
    assert member.post("/language", data=b"[1]", content_type=mimetype).status_code == 415


def test_long_texts_have_room_where_they_are_asked_for(member: FlaskClient, show_desk: Any) -> None:
    show_desk()
    token = form_token(member.get("/"))
    long = {"csrf_token": token, "q": "ع" * 100_000}
    assert member.post("/search", data=long).status_code == 413
    assert member.post("/reports/new", data=long).status_code != 413
    assert member.post("/reports/new", data={**long, "q": "x" * middleware.FORM}).status_code == 413


# ---- a session that ended ----------------------------------------------------------------------------------------


@pytest.fixture
def forgetful(client: FlaskClient, people: Accounts) -> FlaskClient:
    """A browser whose session has run out."""
    people.over["token-old"] = ACTOR.id
    client.set_cookie("session", "token-old")
    return client


@pytest.fixture
def mark(app: Flask) -> str:
    """What a form shown to the actor of these tests carries."""
    with app.app_context():
        return sessions.owner_mark(ACTOR.id)


@pytest.mark.usefixtures("in_english")
def test_a_form_of_somebody_who_signed_out_waits_for_them(client: FlaskClient, people: Accounts, mark: str) -> None:
    """The cookie is gone, the page stayed open: the form itself says whose it is."""
    response = client.post("/reports/new", data={"csrf_token": "old", "shown_to": mark, "a-what": "words"})
    assert response.status_code == 400
    assert "is kept for whoever had opened the form" in response.get_data(as_text=True)
    assert people.drafts == {(ACTOR.id, "/reports/new"): {"a-what": ["words"]}}


def test_room_for_the_longest_answers_is_given_to_whom_we_know(app: Flask, moroccan: Protocol) -> None:
    """Every field of the longest form at its limit, each letter in the longest way in which a browser sends it."""
    assert max(letters(form.fields) for form in moroccan.forms.values()) * len("%F0%9F%98%80") < middleware.FORM
    long = {"a-what": "ع" * 300_000}
    assert app.test_client().post("/reports/new", data=long).status_code == 413


def letters(fields: Iterable[FormField]) -> int:
    most = {FieldType.long: LONG_MOST, FieldType.text: TEXT_MOST}
    return sum(
        (item.most or ROWS_MOST) * letters(item.fields)
        if item.type is FieldType.rows
        else (item.most if item.type in most and item.most else most.get(item.type, 100))
        for item in fields
    )


@pytest.mark.usefixtures("in_english")
def test_an_ended_session_keeps_what_was_typed(forgetful: FlaskClient, people: Accounts, mark: str) -> None:
    token = form_token(forgetful.get("/sign-in"))
    typed = {
        "csrf_token": token,
        "shown_to": mark,
        "password": "secret",
        "a-what": "He said: لا تخبر أحدا",
        "a-who": ["x", "y"],
    }
    response = forgetful.post("/cases/1234567890123/acts/talk", data=typed)
    assert response.location == "/sign-in?next=/cases/1234567890123/acts/talk"
    kept = {"a-what": ["He said: لا تخبر أحدا"], "a-who": ["x", "y"]}
    assert people.drafts == {(ACTOR.id, "/cases/1234567890123/acts/talk"): kept}
    assert "Your text is kept." in read_page(forgetful.get(response.location)).text


def test_a_form_that_only_posts_comes_back_to_the_desk(forgetful: FlaskClient, people: Accounts) -> None:
    token = form_token(forgetful.get("/sign-in"))
    response = forgetful.post("/reports/r1/danger", data={"csrf_token": token, "danger": "fire"})
    assert response.location == "/sign-in?next=/"


def test_nothing_is_kept_for_somebody_unknown(client: FlaskClient, people: Accounts) -> None:
    token = form_token(client.get("/sign-in"))
    response = client.post("/reports/new", data={"csrf_token": token, "a-what": "words"})
    assert response.location.startswith("/sign-in")
    assert people.drafts == {}


def test_nothing_is_kept_from_another_site(forgetful: FlaskClient, people: Accounts) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert forgetful.post("/reports/new", data={"a-what": "planted"}, headers=headers).status_code == 400
    assert people.drafts == {}


def test_a_stale_form_of_somebody_signed_in_keeps_what_was_typed(
    member: FlaskClient, people: Accounts, mark: str
) -> None:
    response = member.post("/reports/new", data={"csrf_token": "old", "shown_to": mark, "a-what": "words"})
    assert response.location == "/reports/new"
    assert people.drafts == {(ACTOR.id, "/reports/new"): {"a-what": ["words"]}}


# ---- where one is sent on to -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        "//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example/", "javascript:alert(1)", "cases",
        "/a\r\nSet-Cookie: x=1", "/\tb", "", None, "/" + "a" * 600, "/a\\b", "http:///x", "//[",
    ],
)  # fmt: skip
def test_nobody_is_sent_to_another_site(app: Flask, wanted: str | None) -> None:
    with app.test_request_context():
        assert own_path(wanted) == "/"


@pytest.mark.parametrize("wanted", ["/", "/cases/1234567890123", "/?filter=late", "/search?q=a%20b"])
def test_our_own_pages_are_taken(app: Flask, wanted: str) -> None:
    with app.test_request_context():
        assert own_path(wanted) == wanted


def test_the_desk_knows_the_filters_of_the_service() -> None:
    assert desk_routes.FILTERS == FILTERS
