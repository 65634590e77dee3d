"""Malformed headers: no request is answered by an error of ours, changes anything, or gets back what it sent."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from flask import Flask, request
from sqlalchemy import select
from werkzeug.test import EnvironBuilder, run_wsgi_app

from school_protocol.auth import sign_in_repository
from school_protocol.context import AppContext
from school_protocol.engine.visibility import Permission
from school_protocol.storage.models import DirectoryBase, RealmBase
from school_protocol.ui import middleware, routing
from school_protocol.web import endpoint_guard
from trials.frame import Outcome, Size, Trial
from trials.walked import site_of, told

GOOD: Mapping[str, tuple[str, ...]] = {
    "Host": ("localhost", "localhost:5000", "127.0.0.1", "[::1]:5000"),
    "Origin": ("http://localhost", "https://elsewhere.example", "null"),
    "Referer": ("http://localhost/cases", "https://elsewhere.example/x?y=z"),
    "Cookie": ("session=abc; language=fr", "csrf=abc", "visit=e30.x.y"),
    "Forwarded": ("for=192.0.2.1;proto=https;host=elsewhere.example", 'for="[2001:db8::1]:80"'),
    "X-Forwarded-For": ("192.0.2.1, 198.51.100.7", "::1"),
    "X-Forwarded-Host": ("elsewhere.example", "localhost:8080"),
    "X-Forwarded-Proto": ("https", "http"),
    "X-Forwarded-Port": ("443", "80"),
    "X-Forwarded-Prefix": ("/elsewhere",),
    "Content-Type": ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json"),
    "Content-Length": ("0", "7", "70000"),
    "Transfer-Encoding": ("chunked",),
    "Content-Encoding": ("gzip",),
    "Accept": ("text/html,application/json;q=0.9", "*/*"),
    "Accept-Language": ("fr-MA,fr;q=0.9,ar;q=0.8", "ar"),
    "Accept-Encoding": ("gzip, br;q=0.5", "identity"),
    "If-None-Match": ('"abc"', "*", 'W/"x", "y"'),
    "If-Match": ('"abc"',),
    "If-Modified-Since": ("Wed, 25 Nov 2026 09:00:00 GMT",),
    "If-Unmodified-Since": ("Wed, 25 Nov 2026 09:00:00 GMT",),
    "If-Range": ('"abc"', "Wed, 25 Nov 2026 09:00:00 GMT"),
    "Range": ("bytes=0-9", "bytes=-5", "bytes=0-0,2-3"),
    "Authorization": ("Bearer abc", "Basic YTpi", 'Digest username="a"'),
    "User-Agent": ("Mozilla/5.0",),
    "Sec-Fetch-Site": ("cross-site", "same-origin"),
    "Date": ("Wed, 25 Nov 2026 09:00:00 GMT",),
    "Cache-Control": ("no-cache", "max-age=0"),
    "Connection": ("upgrade, close",),
    "Upgrade": ("websocket",),
    "X-HTTP-Method-Override": ("DELETE",),
}
"""Each header, with what is said in it where nothing is wrong."""
ECHO = "zqhdr"
"""Stands in what is sent: nothing of it comes back, but where the page of a refused form says which host it met."""
ODD = (
    "", " ", "\x00", "\t", "\x7f", "\x1b[31m", "\r\nSet-Cookie: x=1", "é", "\xff\xfe", "\xed\x95\x9c", "x" * 9_000,
    "9" * 400, "-1", "1e309", "0x7f", "NaN", ":", "::", ":99999", "[", "[::", "]", "@", "/", "\\", "//", "%", "%00",
    "%ff", ";", ",", "=", '"', "'", "<script>", "{{7*7}}", "${7*7}", "../..", "*", ";q=", ";q=x", ";q=-1", "bytes=",
    "bytes=9-1", "bytes=a-b", "chunked, chunked", "boundary=", "http://[", "http://[::1", "http://x:y", "javascript:x",
)  # fmt: skip
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
NOTED = frozenset({"access", "throttle", "web_session", "outbox", "case_seen"})
"""Tables in which it is written down that somebody asked."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as the server has it: what the environment of WSGI says."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    is_by_proxy: bool

    def __str__(self) -> str:
        said = "; ".join(f"{name}: {value[:60]!r}" for name, value in self.headers)
        return f"{self.method} {self.path} {said}"


def sent(rng: random.Random, paths: tuple[str, ...]) -> Iterator[Sent]:
    """Requests without end, each with one to three headers that are none."""
    while True:
        names = rng.sample(list(GOOD), rng.randint(1, 3))
        headers = tuple((name, _malformed(rng, rng.choice(GOOD[name]))) for name in names)
        method = rng.choice(("GET", "GET", "GET", "HEAD", "OPTIONS", *CHANGING))
        yield Sent(method, rng.choice(paths), headers, is_by_proxy=rng.random() < 0.5)


def _malformed(rng: random.Random, good: str) -> str:
    """Cut, doubled, with something odd in it, or nothing else."""
    odd, place = rng.choice(ODD), rng.randint(0, len(good))
    marked = f"{odd}{ECHO}" if rng.random() < 0.5 else odd
    match rng.randrange(5):
        case 0:
            return marked
        case 1:
            return f"{good[:place]}{marked}{good[place:]}"
        case 2:
            return f"{good[:place]}{marked}"
        case 3:
            return f"{marked}{good}, {good}"
        case _:
            return "".join(chr(rng.randrange(1, 256)) for _letter in range(rng.randint(1, 40)))


class Site:
    """The application as it stands behind a proxy, and a browser's session in it."""

    def __init__(self, app: Flask, session: str) -> None:
        self.app, self.session = app, session
        self.behind = middleware.behind(app, "127.0.0.1")

    def answer(self, one: Sent) -> tuple[int, str, bytes]:
        """Status, headers and body of the answer."""
        cookie = f"session={self.session}" if self.session else ""
        builder = EnvironBuilder(path=one.path, method=one.method, data={"a": "1"} if one.method in CHANGING else None)
        environ = builder.get_environ()
        environ |= {"REMOTE_ADDR": "127.0.0.1" if one.is_by_proxy else "192.0.2.9", "HTTP_COOKIE": cookie}
        for name, value in one.headers:
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = f"{cookie}; {value}" if key == "HTTP_COOKIE" and cookie else value
        answered, status, headers = run_wsgi_app(self.behind, environ, buffered=True)
        return int(status.split()[0]), str(headers), b"".join(answered)

    def faults(self, one: Sent) -> Iterator[str]:
        """What is wrong with the answer."""
        try:
            status, headers, body = self.answer(one)
        except Exception as error:
            yield f"{one}: {type(error).__name__} reached the server"
            return
        if status >= 500:
            yield f"{one}: {status}"
        is_host_said = status == 400 and b"zqhdr" in body
        if ECHO in headers or (ECHO.encode() in body and not is_host_said):
            yield f"{one}: what was sent comes back"


def run(size: Size, folder: Path) -> Outcome:
    """As nobody and as a head, directly and through a proxy; then against two views of bad make."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with told(folder, steps=12) as player:
            number = next(iter(player.numbers.values()))
            paths = ("/", "/sign-in", "/help", "/account", "/verify", f"/cases/{number}", f"/cases/{number}/acts/note",
                     "/api/v1/cases", "/robots.txt", "/.well-known/security.txt", "/static/style.css", "/s/nobody",
                     "/language", "/sign-out", "/nowhere")  # fmt: skip
            app = site_of(player.ctx)
            sites = [Site(app, ""), Site(app, _session(player.ctx, player.actor("head").id))]
            faults, rows = list[str](), _rows(player.ctx)
            many = 400 if size is Size.short else 12_000
            for place, one in enumerate(islice(sent(random.Random(1), paths), many)):
                faults += sites[place % len(sites)].faults(one)
            after = _rows(player.ctx)
            faults += [f"{name} was changed" for name in rows if rows[name] != after[name]]
            with _planted(app) as planted:
                wrong = list(islice(sent(random.Random(2), planted), 400))
                found = sum(any(any(sites[0].faults(one)) for one in wrong if one.path == path) for path in planted)
    finally:
        logging.disable(before)
    return Outcome(many, "requests", tuple(faults), len(planted), found)


def _session(ctx: AppContext, account: str) -> str:
    with ctx.directory.writing() as session:
        return sign_in_repository.open_web_session(session, account, now=ctx.now())


def _rows(ctx: AppContext) -> dict[str, int]:
    """What both stores hold, table by table, but that somebody asked."""
    found: dict[str, int] = {}
    for store, base in ((ctx.realm, RealmBase), (ctx.directory, DirectoryBase)):
        with store.reading() as session:
            for table in base.metadata.sorted_tables:
                if table.name not in NOTED:
                    found[table.name] = hash(tuple(sorted(map(repr, session.execute(select(table))))))
    return found


@contextmanager
def _planted(app: Flask) -> Iterator[tuple[str, ...]]:
    """Two doors of bad make: one reads the host without care, as it stood once; one says back what it was told."""
    served = app.wsgi_app

    def careless(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/planted/careless":
            environ["SERVER_PORT"] = str(urlsplit(f"http://{environ['HTTP_HOST']}").port)
        return served(environ, start)

    def echoing() -> str:
        return " ".join(value for _name, value in request.headers)

    app.view_functions["planted.echoing"] = echoing
    app.url_map.add(app.url_rule_class("/planted/echoing", endpoint="planted.echoing", methods=["GET"]))
    open_to_all = {**routing.PERMISSIONS, "planted.echoing": Permission.anyone}
    with patch.object(app, "wsgi_app", careless), patch.object(endpoint_guard, "PERMISSIONS", open_to_all):
        endpoint_guard.know_served(app)
        yield "/planted/careless", "/planted/echoing"


TRIALS = (Trial("headers", "malformed headers are answered, change nothing and are not echoed", 10_000, run),)
