"""The process's own log: a line a request, and of whoever asked and whom it was about not a word, in either format."""

from __future__ import annotations

import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

import school_protocol
from school_protocol.cases import lists
from school_protocol.cli import serve_commands
from school_protocol.engine.visibility import Permission
from school_protocol.ui import routing
from school_protocol.web import create_app

NAME, NUMBER, MASSAR = "Yasmine Benali", "2345678901234", "G123456789"
SECRET, QUERY, MAIL, PLACE = "sp_tokenTokenToken", "pupil=Yasmine", "mere@famille.example", "203.0.113.77"
PLANTED = (NAME, "Yasmine", NUMBER, MASSAR, SECRET, QUERY, MAIL, PLACE)
HEADERS = {
    "Referer": f"https://desk.example/cases/{NUMBER}?{QUERY}", "User-Agent": NAME, "X-Request-Id": MASSAR,
    "X-Forwarded-For": PLACE, "Authorization": f"Bearer {SECRET}", "Accept-Language": "fr",
}  # fmt: skip
CODE = Path(school_protocol.__file__).parent


@pytest.fixture(params=sorted(serve_commands.FORMS))
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What the log of a process that serves would hold."""
    found, root, ours = io.StringIO(), logging.getLogger(), logging.getLogger(serve_commands.OURS)
    handler = logging.StreamHandler(found)
    handler.setFormatter(serve_commands.FORMS[request.param]())
    level = ours.level
    root.addHandler(handler)
    ours.setLevel(logging.INFO)
    yield found
    root.removeHandler(handler)
    ours.setLevel(level)


def leaks(written: io.StringIO) -> list[str]:
    return [word for word in PLANTED if word in written.getvalue()]


@pytest.fixture
def broken(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A site whose desk breaks with personal data in its errors, one within the other, and in what a library says."""

    def breaks(*_asked: Any, **_more: Any) -> None:
        logging.getLogger("waitress").error("Exception while serving %s", f"/cases/{NUMBER}")
        logging.getLogger("weasyprint").warning(f"no glyph for {NAME}")
        try:
            raise KeyError(f"{NAME} {MASSAR}")
        except KeyError as error:
            error.add_note(MAIL)
            raise RuntimeError(f"case {NUMBER} of {NAME}: {QUERY}") from error

    monkeypatch.setattr(lists, "see_desk", breaks)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


def ask_everywhere(client: FlaskClient) -> None:
    client.get(f"/?{QUERY}", headers=HEADERS)
    client.get(f"/cases/{NUMBER}?{QUERY}", headers=HEADERS)
    client.get(f"/nowhere/{NAME}/{SECRET}", headers=HEADERS)
    client.post(f"/cases/{NUMBER}/danger", data={"name": NAME, "massar": MASSAR, "mail": MAIL}, headers=HEADERS)
    client.post("/sign-in", data={"username": MAIL, "password": SECRET}, headers=HEADERS)
    client.open("/", method="YASMINE", headers=HEADERS)


def test_nothing_personal_is_written(broken: Flask, member: FlaskClient, written: io.StringIO) -> None:
    ask_everywhere(member)
    said = written.getvalue()
    assert leaks(written) == []
    assert "RuntimeError" in said
    assert "KeyError" in said
    assert "in breaks" in said, "what is told of an error is enough to find it"
    assert "Exception while serving %s" in said
    assert said.count("answered") == 6


def test_a_log_that_tells_the_path_is_caught(broken: Flask, member: FlaskClient, written: io.StringIO) -> None:
    """The control of the one above, for a line of our own, an error's words, and a library's."""

    @broken.after_request
    def tell(response: Any) -> Any:
        logging.getLogger("school_protocol.web").info("asked for %s", request.full_path)
        return response

    ask_everywhere(member)
    assert {NUMBER, QUERY} <= set(leaks(written))


def test_an_ordinary_format_would_tell_all_of_it(broken: Flask, member: FlaskClient) -> None:
    """The control: what is planted does come to the log's door."""
    found = io.StringIO()
    handler = logging.StreamHandler(found)
    logging.getLogger().addHandler(handler)
    try:
        ask_everywhere(member)
    finally:
        logging.getLogger().removeHandler(handler)
    assert {NAME, NUMBER, MASSAR, MAIL} <= set(leaks(found))


def test_a_line_says_page_method_status_time_and_a_mark_of_its_own(
    app: Flask, member: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "school_protocol.ui.middleware")
    member.get("/help?x=1")
    member.get("/nowhere")
    told = [record.told for record in caplog.records if record.name == "school_protocol.ui.middleware"]
    assert [(one["page"], one["method"], one["status"]) for one in told] == [
        ("help.index", "GET", 200), ("none", "GET", 404),
    ]  # fmt: skip
    assert all(one["ms"] >= 0 for one in told)


def test_lines_of_one_request_bear_one_mark_that_no_visitor_chooses(
    broken: Flask, member: FlaskClient, written: io.StringIO
) -> None:
    member.get("/", headers=HEADERS)
    member.get("/", headers=HEADERS)
    lines = [one for one in written.getvalue().splitlines() if "answered" in one or "unexpected" in one]
    marks = [json.loads(one)["request"] if one[0] == "{" else one.partition("request=")[2][:16] for one in lines]
    assert len(marks) == 4
    assert marks[0] == marks[1] != marks[2] == marks[3]
    assert all(len(one) == 16 and set(one) <= set("0123456789abcdef") for one in marks)


def test_of_what_strangers_ask_there_is_no_line(ctx: Any, written: io.StringIO) -> None:
    client = create_app(ctx, testing=True).test_client()
    for path in ("/alive", "/s/ABCDEF/no-such-page", "/s/"):
        client.get(path)
    assert "answered" not in written.getvalue()
    client.get("/help")
    assert "help.index" in written.getvalue(), "the control"


def test_every_page_may_be_named(app: Flask) -> None:
    """Names of pages are words of ours: none is made of what somebody sent."""
    assert {rule.endpoint for rule in app.url_map.iter_rules()} <= set(routing.PERMISSIONS)
    assert Permission.anyone in routing.PERMISSIONS.values()


# ---- what our own lines are filled with -----------------------------------------------------------------------------

LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
KNOWN = {
    "type(error).__name__": "the kind of an error",
    "request.endpoint": "the name of a page",
    "_reader()": "an account's id",
    "place": "the address of who was refused, for who looks into guessing; of strangers none (inventories.md)",
    "account": "an account's id", "account or NOBODY": "the same", "actor.id": "the same",
    "way": "how somebody proved who they are", "address or 'here'": "as `place`",
    "len(reports) + public": "a count", "one.tries": "a count",
    "job.id": "a drawn id", "self.job.id": "a drawn id", "passage_id": "a drawn id", "one.id": "a drawn id",
    "found.id": "a drawn id", "workshop": "a drawn id",
    "', '.join(found)": "drawn ids of cases, never their numbers",
    "broken": "Broken says the kind of an error", "part.__name__.strip('_')": "the name of a function of ours",
    "said": "a text of ours, given a name for its length",
    "what": "what was asked of the object store, by the name of its call", "status": "a number of its answer",
    "code or 'no reason said'": "the code of its refusal",
    "'missing' if found is None else 'altered'": "one of two words", "row.place": "the drawn name of a file",
    "about": "one of two words of ours", "room.id": "a drawn id",
    "*apart": "two hosts, by nothing but what can be in the name of one",
    "channel": "mail or sms", "fault.what": "a word of a closed list",
}  # fmt: skip
"""What may stand in a line of ours, and what it is."""
OF_SETTINGS = {
    ("auth/access_codes.py", "error"), ("ops/journal_checks.py", "error"),
    ("case_files/bulk.py", "error"), ("case_files/prepared.py", "error"),
    ("privacy/evidence_files.py", "error"),
}  # fmt: skip
"""Errors of ours whose words are about a setting, a folder or the kind of another error."""


def filled(folder: Path) -> Iterator[tuple[str, str]]:
    """File and source of whatever a line of the log is filled with; an f-string is found whole."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
                continue
            if not ast.unparse(node.func.value).endswith(("log", "logger")):
                continue
            words = node.args[1:] if node.func.attr == "log" else node.args
            for one in words[1:] if isinstance(words[0], ast.Constant) else words:
                yield str(path.relative_to(folder)), ast.unparse(one)


def unknown(folder: Path) -> list[tuple[str, str]]:
    return [(file, one) for file, one in filled(folder) if one not in KNOWN and (file, one) not in OF_SETTINGS]


@pytest.mark.exhaustive
def test_our_own_lines_are_filled_with_nothing_unknown() -> None:
    assert len(list(filled(CODE))) > 30
    assert unknown(CODE) == []


def test_a_line_that_tells_more_is_found(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text('_log.info("asked for %s", number)\n_log.warning(f"no {name}")\n')
    assert unknown(tmp_path) == [("new.py", "number"), ("new.py", "f'no {name}'")]
