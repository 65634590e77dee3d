"""What the program weighs: lines by package, names that modules share, and what three requests pass on their way."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event
from werkzeug.test import TestResponse

from school_protocol.auth import sign_in_repository
from school_protocol.cases.story_player import Player, story_of, throwaway
from school_protocol.context import AppContext
from school_protocol.protocol.reader import read
from school_protocol.reports import public_door
from school_protocol.web import create_app

ROOT = Path(__file__).parents[1]
PRODUCT = ROOT / "school_protocol"
STANDARD = frozenset(
    {"__init__", "__main__", "models", "repository", "rules", "service", "routes", "forms", "presenters"}
)
"""File names that each package may have."""
TOLD = {"a-danger_now": "no", "a-adult_concerned": "no"}
DEFINITION = ROOT / "protocol_definitions" / "ma-cyberharassment" / "1.yaml"


def main() -> None:
    """Print all of it."""
    modules = [one for one in PRODUCT.rglob("*.py") if "migrations" not in one.parts]
    packages = Counter[str]()
    for one in modules:
        packages[one.relative_to(PRODUCT).parts[0]] += _lines(one)
    print("  ".join(f"{name} {lines:,}" for name, lines in packages.most_common()))
    names = Counter(one.stem for one in modules if one.stem not in STANDARD)
    shared = sum(many for many in names.values() if many > 1)
    tests = sum(map(_lines, (ROOT / "tests").rglob("*.py")))
    lines, templates = packages.total(), sum(map(_lines, (ROOT / "templates").rglob("*.html")))
    with played() as (app, player):
        an_endpoint = lines // len({rule.endpoint for rule in app.url_map.iter_rules()})
        print(f"{lines:,} lines, {an_endpoint} an endpoint; {len(modules)} modules, {shared} of which share their name")
        print(f"{templates:,} lines of templates, {tests:,} of tests")
        for what, (files, statements) in flows(app, player):
            print(f"{what}: {files} files, {statements} statements")


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")


@contextmanager
def played() -> Iterator[tuple[Flask, Player]]:
    """The application over a case of the first steps of a story."""
    content = DEFINITION.read_bytes()
    with throwaway(read(content, DEFINITION.name), content, datetime(2026, 11, 25, 9, tzinfo=UTC)) as player:
        story = story_of(player.protocol.protocol, "sc3")
        player.play(story.steps[:4])
        yield create_app(player.ctx, testing=True), player


def flows(app: Flask, player: Player) -> Iterator[tuple[str, tuple[int, int]]]:
    """Files of the product and SQL statements that a request passes, once everything is warm."""
    client, case = (
        _browser(app, player.ctx, player.actor("team_coordinator").id),
        f"/cases/{next(iter(player.numbers.values()))}",
    )
    for warm in ("/", case):
        client.get(warm)
    yield "a list", _passed(lambda: client.get("/"))
    yield "a case page", _passed(lambda: client.get(case))
    page = client.get(f"{case}/acts/note").get_data(as_text=True)
    typed = {name: _hidden(page, name) for name in ("csrf_token", "shown_to", "token", "expected")}
    yield "a posted note", _passed(lambda: client.post(f"{case}/acts/note", data={**typed, "a-text": "Un mot"}))
    school, told = player.school, app.test_client()
    door = f"/s/{public_door.renew(player.ctx, player.actor('head'), school, 'public').code}"

    def told_now(words: str) -> tuple[int, int]:
        form = told.get(f"{door}?lang=fr").get_data(as_text=True)
        sent = {"token": _hidden(form, "token"), **TOLD, "a-what_happens": words}
        return _passed(lambda: told.post(f"{door}/sent?lang=fr", data=sent), b"code-big")

    told_now("Un premier mot")
    yield "a pupil's report", told_now("On se moque de moi")


def _passed(ask: Callable[[], TestResponse], said: bytes = b"") -> tuple[int, int]:
    """Raises AssertionError where the answer isn't what was meant to be measured."""
    files, statements = set[str](), list[str]()

    def called(frame: FrameType, what: str, _given: object) -> None:
        if what == "call":
            files.add(frame.f_code.co_filename)

    def executed(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", executed)
    sys.setprofile(called)
    try:
        answer = ask()
    finally:
        sys.setprofile(None)
        event.remove(Engine, "before_cursor_execute", executed)
    assert answer.status_code < 400, answer.status_code
    assert said in answer.data
    return sum(Path(one).is_relative_to(PRODUCT) for one in files), len(statements)


def _browser(app: Flask, ctx: AppContext, account: str) -> FlaskClient:
    with ctx.directory.writing() as session:
        token = sign_in_repository.open_web_session(session, account, now=ctx.now())
    client = app.test_client()
    client.set_cookie("session", token)
    return client


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return found[1] if found else ""


if __name__ == "__main__":
    main()
