"""Every mishap has a calm page in the reader's language, and a thing unseen is a thing that is not there."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from school_protocol.auth import service as auth_service
from school_protocol.auth import sign_in_service
from school_protocol.cases import lists
from school_protocol.engine.errors import BadInput, Conflict, Refused, Sealed, Tampered, Unseen
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Permission
from school_protocol.people import contacts
from school_protocol.people.contacts import ContactLine
from school_protocol.storage.store_errors import KeysUnusable, StorageAway, StorageBusy, StorageFull
from school_protocol.ui import middleware
from school_protocol.web import endpoint_guard, error_pages

from .conftest import Accounts
from .page import Page, read_page


@pytest.fixture
def failing(app: Flask, member: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the desk's service raise."""
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def put(error: Exception) -> None:
        def see(*_args: Any, **_more: Any) -> Any:
            raise error

        monkeypatch.setattr(lists, "see_desk", see)

    return put


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unseen("1234567890123"), 404),
        (BadInput({"a-field": ("required",)}), 400),
        (Refused((Reason("not_your_role"),)), 409),
        (Conflict(3, 5), 409),
        (StorageBusy("is locked"), 503),
        (StorageAway("connection refused"), 503),
        (StorageFull("/var/disk"), 507),
        (auth_service.TooManyTries(1234567), 429),
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
    assert response.headers.get("Retry-After") == {429: "1234567", 503: "5"}.get(status)
    page = read_page(response)
    assert "Traceback" not in response.text
    assert str(error) not in page.text


def test_a_database_that_is_away_is_not_told_as_too_many_people(failing: Any, member: FlaskClient) -> None:
    said = "Trop de personnes écrivent en même temps"
    failing(StorageBusy("locked"))
    assert said in member.get("/").text, "the control"
    failing(StorageAway("connection refused"))
    page = member.get("/").text
    assert said not in page
    assert "ne répond pas" in page


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says beside the one line a request."""
    return [record.getMessage() for record in caplog.records if record.name != middleware.__name__]


@pytest.mark.parametrize(
    "error", [Unseen("1234567890123"), BadInput({"a-field": ("a word",)}), auth_service.TooManyTries(9)]
)
def test_what_was_refused_to_whom_is_logged_and_nothing_of_what_was_sent(
    failing: Any, member: FlaskClient, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    caplog.set_level(logging.INFO, "school_protocol")
    failing(error)
    member.get("/?secret=1")
    assert refusals(caplog) == [f"refused: {type(error).__name__} at desk.index to account a1 from 127.0.0.1"]


@pytest.mark.parametrize(("who", "account"), [("client", "of nobody"), ("member", "a1")])
def test_a_form_that_is_none_of_ours_is_logged(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
    who: str, account: str,
) -> None:  # fmt: skip
    browser = request.getfixturevalue(who)
    monkeypatch.setattr(contacts, "numbers_of_the_country", lambda _ctx: ())
    caplog.set_level(logging.INFO, "school_protocol")
    browser.post("/language", headers={"Sec-Fetch-Site": "cross-site"}, data={"language": "ar"})
    browser.post("/language", json={"language": "ar"})
    browser.get("/nothing/here")
    assert refusals(caplog) == [
        f"refused: CSRFError at desk.language to account {account} from 127.0.0.1",
        f"refused: UnsupportedMediaType at desk.language to account {account} from 127.0.0.1",
    ]


def test_a_page_at_which_somebody_may_not_knock_is_logged(
    ctx: Any, member: FlaskClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_guard, "is_granted", lambda _actor, asked: asked is not Permission.administer)
    caplog.set_level(logging.INFO, "school_protocol")
    assert member.get("/people").status_code == 404
    assert refusals(caplog) == ["refused: NotFound at staff.index to account a1 from 127.0.0.1"]


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
    monkeypatch.setattr(contacts, "numbers_of_the_country", lambda _ctx: (open_line, closed))
    page = read_page(member.post("/nothing/here"))
    assert _numbers(page) == ["tel:15"]
    monkeypatch.setattr(contacts, "numbers_of_the_country", _busy)
    assert _numbers(read_page(member.post("/x"))) == ["tel:15"]
    assert not _numbers(read_page(member.get("/nothing/here")))


def _numbers(page: Page) -> list[str]:
    return re.findall(r'href="(tel:[^"]+)"', page.html)


def _busy(_ctx: Any) -> Any:
    raise StorageBusy("locked")


def test_unseen_and_unknown_are_the_same_byte_for_byte(failing: Any, member: FlaskClient) -> None:
    failing(Unseen("1234567890123"))
    unseen, unknown = member.get("/"), member.get("/nothing/here?x=1")
    assert unseen.status_code == unknown.status_code == 404
    assert unseen.data == unknown.data
    headers = [{name: value for name, value in answer.headers if name != "Date"} for answer in (unseen, unknown)]
    assert headers[0] == headers[1]


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/%00", "/%ff", "/سلمى", "/" + "a" * 3000, "/cases/", "/../etc/passwd", "/.git/HEAD", "/setup.cfg",
        "/static/", "/static/fonts/", "/static/../sessions.py", "/static/..%2fsessions.py", "/var/realm.sqlite",
    ],
)  # fmt: skip
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
    monkeypatch.setattr(sign_in_service, "recognise", recognise)
    response = member.get("/")
    assert response.status_code == 503
    read_page(response)


def test_the_last_resort(app: Flask, failing: Any, member: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(ValueError("a secret word"))

    def render(*_args: Any, **_more: Any) -> str:
        raise OSError("no template")

    monkeypatch.setattr(error_pages, "render_template", render)
    response = member.get("/")
    assert response.status_code == 500
    read_page(response)


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
@pytest.mark.parametrize("template", sorted({*error_pages.PAGES.values(), "web/old_form.html", "web/away.html"}))
def test_every_page_in_every_language(app: Flask, people: Accounts, template: str, language: str) -> None:
    client = app.test_client()
    client.set_cookie("language", language)
    with app.test_request_context(headers={"Cookie": f"language={language}"}):
        response = error_pages.page(400, template)
    assert response.get_data(as_text=True).startswith("<!doctype html>")
    read_page(response)  # type: ignore[arg-type]


def test_every_error_template_is_used() -> None:
    folder = Path(error_pages.__file__).parents[2] / "templates" / "web"
    used = {
        *error_pages.PAGES.values(),
        "web/old_form.html",
        "web/not_open.html",
        "web/files_away.html",
        "web/away.html",
        "web/base.html",
    }
    assert {f"web/{path.name}" for path in folder.glob("*.html")} == used


def test_who_waited_in_vain_to_be_known_waits_once(
    app: Flask, member: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def recognise(*_args: Any) -> None:
        asked.append("once")
        raise StorageBusy("locked")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(sign_in_service, "recognise", recognise)
    assert member.get("/").status_code == 503
    assert asked == ["once"]


def test_a_page_that_is_not_there_is_shown_in_another_language(member: FlaskClient, people: Accounts) -> None:
    """By a link that names no address; it changes nobody's own language."""
    here = member.get("/nothing/here")
    own = read_page(here).lang
    offered = re.findall(r'<a class="link" href="\?speak=(\w+)" lang="([\w-]+)"', here.text)
    assert len(offered) == 2
    for key, html in offered:
        assert read_page(member.get(f"/nothing/here?speak={key}")).lang == html != own
    assert read_page(member.get("/nothing/here?speak=xx")).lang == own
    assert read_page(member.get("/nothing/here")).lang == own
    assert read_page(member.get("/nothing/here?language=ar")).lang == own, "a page of help has that for itself"
    assert "?speak=" not in member.post("/nothing/here").text, "what was sent is not asked for again by a link"


@pytest.mark.exhaustive(
    but=(
        "scanner.example-/",
        "scanner.example-/s/7QK4M2",
        "203.0.113.7-/",
        "203.0.113.7-/s/7QK4M2",
        "a b-/",
        "a b-/s/7QK4M2",
    )
)
@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing/here", "/s/7QK4M2", "/api/v1/cases", "/static/school.css"])
@pytest.mark.parametrize("host", ["scanner.example", "203.0.113.7", "a b"])
def test_under_a_foreign_name_a_plain_answer_and_no_error_in_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture, host: str, path: str
) -> None:
    app.config.update(TRUSTED_HOSTS=["desk.example"], PROPAGATE_EXCEPTIONS=False)
    caplog.set_level(logging.INFO, "school_protocol")
    asking = app.test_client()
    for answer in (asking.get(path, headers={"Host": host}), asking.post(path, headers={"Host": host}, data={"a": 1})):
        assert (answer.status_code, answer.mimetype, answer.text) == (400, "text/plain", error_pages.FOREIGN)
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == []
    assert refusals(caplog) == []
    assert asking.get(path, headers={"Host": "desk.example"}).text != error_pages.FOREIGN, "the control"
