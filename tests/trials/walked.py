"""A told installation for trials, and its pages as somebody finds them: every address reached by links, every form."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from engine.telling import MOROCCAN
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from school_protocol.auth import sign_in_repository
from school_protocol.cases.story_player import Player, TurnableClock, prepared, story_of
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.language import ZONE
from school_protocol.protocol.reader import read
from school_protocol.web import create_app

PROTOCOL = "ma-cyberharassment"
WAYS_OUT = frozenset(
    {
        "desk.leave",
        "sign_in.leave",
        "account.end_everywhere",
        "account.end_session",
        "account.password",
        "team.leave",
        "team.leave_at_once",
    }
)
"""Endpoints after which nobody is signed in any more: whoever walks goes by."""


@contextmanager
def told(folder: Path, story: str = "sc3", steps: int | None = None) -> Iterator[Player]:
    """An installation in `folder` in which so many steps of a story were played; closed afterwards."""
    found = story_of(PROTOCOL, story)
    content = MOROCCAN.read_bytes()
    clock = TurnableClock(_first(found.steps[0]))
    with closing(open_context(Settings(data=folder / "var"), clock)) as ctx:
        player = prepared(ctx, clock, read(content, MOROCCAN.name), content)
        player.play(found.steps[:steps])
        yield player


def _first(step: object) -> datetime:
    said = step["at"] if isinstance(step, dict) else ""
    return datetime.fromisoformat(str(said)).replace(tzinfo=ZONE)


def browser_of(app: Flask, ctx: AppContext, account: str) -> FlaskClient:
    """A browser in which that account is signed in."""
    with ctx.directory.writing() as session:
        token = sign_in_repository.open_web_session(session, account, now=ctx.now())
    client = app.test_client()
    client.set_cookie("session", token)
    return client


def site_of(ctx: AppContext) -> Flask:
    """The application over this installation, as it is served."""
    return create_app(ctx)


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a page: where it is sent, how, and its fields with what stands in them."""

    action: str
    method: str
    fields: tuple[tuple[str, str], ...]

    def sent(self, **changes: str) -> MultiDict[str, str]:
        typed = MultiDict(self.fields)
        for name, value in changes.items():
            typed[name] = value
        return typed


@dataclass
class _Reader(HTMLParser):
    address: str
    links: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    _form: tuple[str, str, list[tuple[str, str]]] | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in said:
            self.links.append(urljoin(self.address, said["href"]))
        elif tag == "form":
            action = urljoin(self.address, said.get("action") or self.address)
            self._form = (action, said.get("method", "get").lower(), [])
        elif tag in ("input", "select", "textarea", "button") and self._form and said.get("name"):
            self._form[2].append((said["name"], said.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._form:
            action, method, fields = self._form
            self.forms.append(Form(action, method, tuple(fields)))
            self._form = None


@dataclass
class Walk:
    """What one person finds: an address of each kind of page, and a form of each kind."""

    pages: dict[str, list[str]] = field(default_factory=dict)
    forms: dict[tuple[str, frozenset[str]], Form] = field(default_factory=dict)


def walk(app: Flask, client: FlaskClient, *, of_a_kind: int = 2, most: int = 400) -> Walk:
    """Follows links from the first page on, at most so many addresses of one endpoint."""
    found, waiting, seen = Walk(), deque(["/", "/search", "/help", "/verify"]), set[str]()
    while waiting and len(seen) < most:
        address = waiting.popleft()
        parts = urlsplit(address)
        endpoint = _endpoint(app, parts.path)
        if parts.netloc not in ("", "localhost") or address in seen or endpoint in (None, "static", *WAYS_OUT):
            continue
        kind = found.pages.setdefault(str(endpoint), [])
        if len(kind) >= of_a_kind:
            continue
        seen.add(address)
        answer = client.get(address)
        if answer.status_code != 200:
            continue
        kind.append(address)
        if answer.mimetype == "text/html":
            reader = _Reader(address)
            reader.feed(answer.get_data(as_text=True))
            waiting.extend(link.partition("#")[0] for link in reader.links)
            for form in reader.forms:
                names = frozenset(name for name, _value in form.fields)
                sent_to = str(_endpoint(app, urlsplit(form.action).path))
                if sent_to not in WAYS_OUT:
                    found.forms.setdefault((sent_to, names), form)
    return found


def _endpoint(app: Flask, path: str) -> str | None:
    matcher = app.url_map.bind("localhost")
    for method in ("GET", "POST"):
        try:
            endpoint, _values = matcher.match(path, method=method)
        except HTTPException:
            continue
        return str(endpoint)
    return None
