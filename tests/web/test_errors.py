"""Every mishap has a calm page in the reader's language, and a thing unseen is a thing that is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from school_protocol.domain.engine import Reason
from school_protocol.domain.errors import BadInput, Conflict, Refused, Sealed, Tampered, Unseen
from school_protocol.services import accounts, desk, directory
from school_protocol.services.views import ContactLine
from school_protocol.storage.errors import KeysUnusable, StorageBusy, StorageFull
from school_protocol.web import errors

from .conftest import Accounts
from .page import Page, read_page


@pytest.fixture
def failing(app: Flask, member: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the desk's service raise."""
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def put(error: Exception) -> None:
        def see(*_args: Any, **_more: Any) -> Any:
            raise error

        monkeypatch.setattr(desk, "see_desk", see)

    return put


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unseen("1234567890123"), 404),
        (BadInput({"a-field": ("required",)}), 400),
        (Refused((Reason("not_your_role"),)), 409),
        (Conflict(3, 5), 409),
        (StorageBusy("is locked"), 503),
        (StorageFull("/var/disk"), 507),
        (accounts.TooManyTries(1234567), 429),
        (KeysUnusable("/var/keys"), 500),
        (Sealed("key gone"), 500),
        (Tampered("chain broken"), 500),
        (ValueError("a secret word"), 500),
        (RuntimeError("سر"), 500),
    ],
)
def test_every_error_has_a_page(failing: Any, member: FlaskClient, error: Exception, status: int) -> None:
    failing(error)
    response = member.get("/")
    assert response.status_code == status
    page = read_page(response)
    assert "Traceback" not in response.text
    assert str(error) not in page.text


def test_a_busy_house_says_when_to_come_back(failing: Any, member: FlaskClient) -> None:
    failing(StorageBusy("locked"))
    assert member.get("/").headers["Retry-After"] == "5"


def test_who_sent_something_that_was_not_recorded_finds_the_numbers(
    app: Flask, member: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who answers now, everywhere; also where the store is too busy to be asked again; a page only opened has none."""
    open_line, closed = (
        ContactLine(None, {"fr": name}, phone=phone, open_now=is_open)
        for name, phone, is_open in (("Secours", "15", True), ("Écoute", "2511", False))
    )
    monkeypatch.setattr(directory, "numbers_of_the_country", lambda _house: (open_line, closed))
    page = read_page(member.post("/nothing/here"))
    assert _numbers(page) == ["tel:15"]
    monkeypatch.setattr(directory, "numbers_of_the_country", _busy)
    assert _numbers(read_page(member.post("/x"))) == ["tel:15"]
    assert not _numbers(read_page(member.get("/nothing/here")))


def _numbers(page: Page) -> list[str]:
    return re.findall(r'href="(tel:[^"]+)"', page.html)


def _busy(_house: Any) -> Any:
    raise StorageBusy("locked")


def test_unseen_and_unknown_are_the_same_byte_for_byte(failing: Any, member: FlaskClient) -> None:
    failing(Unseen("1234567890123"))
    unseen, unknown = member.get("/"), member.get("/nothing/here?x=1")
    assert unseen.status_code == unknown.status_code == 404
    assert unseen.data == unknown.data
    headers = [{name: value for name, value in answer.headers if name != "Date"} for answer in (unseen, unknown)]
    assert headers[0] == headers[1]


@pytest.mark.parametrize("path", ["/nothing", "/%00", "/%ff", "/سلمى", "/" + "a" * 3000, "/cases/", "/../etc/passwd"])
def test_strange_addresses(member: FlaskClient, path: str) -> None:
    response = member.get(path)
    assert response.status_code == 404
    read_page(response)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods(member: FlaskClient, method: str) -> None:
    response = member.open("/", method=method)
    assert response.status_code == 405
    read_page(response)


def test_the_page_is_shown_even_when_nobody_can_say_who_is_reading(
    app: Flask, member: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recognise(*_args: Any) -> None:
        raise StorageBusy("locked")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(accounts, "recognise", recognise)
    response = member.get("/")
    assert response.status_code == 503
    read_page(response)


def test_the_last_resort(app: Flask, failing: Any, member: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(ValueError("a secret word"))

    def render(*_args: Any, **_more: Any) -> str:
        raise OSError("no template")

    monkeypatch.setattr(errors, "render_template", render)
    response = member.get("/")
    assert response.status_code == 500
    read_page(response)


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
@pytest.mark.parametrize("template", sorted({*errors.PAGES.values(), "errors/old_form.html"}))
def test_every_page_in_every_language(app: Flask, people: Accounts, template: str, language: str) -> None:
    client = app.test_client()
    client.set_cookie("language", language)
    with app.test_request_context(headers={"Cookie": f"language={language}"}):
        response = errors.page(400, template)
    assert response.get_data(as_text=True).startswith("<!doctype html>")
    read_page(response)  # type: ignore[arg-type]


def test_every_error_template_is_used() -> None:
    folder = Path(errors.__file__).parents[2] / "templates" / "errors"
    used = {*errors.PAGES.values(), "errors/old_form.html", "errors/base.html"}
    assert {f"errors/{path.name}" for path in folder.glob("*.html")} == used
