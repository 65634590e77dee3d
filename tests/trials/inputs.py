"""Bad inputs at every door: no answer is an error of ours, and each carries every header that protects it."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote, urlsplit

from flask import Flask, Response, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from school_protocol.engine.visibility import Permission
from school_protocol.ui import routing
from school_protocol.ui.middleware import ALWAYS
from school_protocol.web import endpoint_guard, error_pages
from trials.frame import Outcome, Size, Trial
from trials.walked import Form, Walk, browser_of, site_of, told, walk

WHO = (
    "head",
    "team_coordinator",
    "team_member",
    "directorate",
    "academy",
    "protocol_admin",
    "data_officer",
    "reporter",
)
HOSTILE = (
    "\x00", "a\x00b\x07c\x1b[31m", "\ud800", "\u202egnp.exe\u202c \u2066x\u2069 \u200b\u200f\ufeff",
    "<script>alert(1)</script>", "{{ 7*7 }}{% raw %}%(x)s %s {0} ${7*7} #{7*7}", "'; DROP TABLE event; --",
    "' OR '1'='1", "😀🏳️‍🌈👩‍👩‍👧‍👦 e\u0301\u0327", "٣٤٥ سمعت كلاما", "=cmd|' /C calc'!A0", "../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd", "\r\nSet-Cookie: x=1", "9" * 400, "-1", "1e309", "0x7f", "1_000", "NaN", "true", "[]",
    "{}", "null", "2026-02-30", "0000-00-00", "9999-12-31T23:59:59+14:00", "x" * 20_000, "ﷺ" * 3_000, "\\", "%", "%00",
    "%ff%fe", "javascript:alert(1)", "file:///etc/passwd", "//elsewhere.example", " ", "\u0130\u0131ſ", "a" * 256,
)  # fmt: skip
ODD_BODIES = (
    (b"1", "application/json"), (b"[1]", "application/json"), (b'{"a": 1}', "application/json"), (b"", "text/plain"),
    (b"\xff\xfe=\xff&a=%ED%A0%80&%00=%00", "application/x-www-form-urlencoded"), (b"a=1&" * 3_000, ""),
    (b"a=1&" * 3_000, "application/x-www-form-urlencoded"), (b"--b\r\nbroken", "multipart/form-data; boundary=b"),
    (b"x", "multipart/form-data"), (b"--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n\r\n--b--",
     "multipart/form-data; boundary=b"), (b"x" * 70_000, "application/x-www-form-urlencoded"),
)  # fmt: skip
METHODS = ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND")
COOKIES = ("", "x", "\u00e9", "a" * 5_000, "x; y=z", '"', "%00")
OWN_FAULTS = range(500, 600)


def run(size: Size, folder: Path) -> Outcome:
    """Every page and form that each person finds, with hostile values in each place."""
    many = 45 if size is Size.short else 1_600
    with told(folder, steps=12) as player:
        app = site_of(player.ctx)
        faults: list[str] = []
        tried = 0
        found = 0
        for who in WHO if size is Size.whole else WHO[:2]:
            client = browser_of(app, player.ctx, player.actor(who).id)
            seen = walk(app, client, most=400 if size is Size.whole else 30)
            rng = random.Random(who)
            wrongs = list(_wrongs(seen, rng))
            rng.shuffle(wrongs)
            for method, address, sent in islice(wrongs, many):
                tried += 1
                faults += _judged(client, method, address, sent)
            faults += [] if client.get("/").status_code == 200 else [f"{who} was signed out on the way"]
        client = browser_of(app, player.ctx, player.actor("head").id)
        logging.getLogger(error_pages.__name__).disabled = True
        with _planted(app) as planted:
            for address in planted:
                found += any(_judged(client, "GET", f"{address}?n={quote(value)}", {}) for value in HOSTILE[-9:])
        logging.getLogger(error_pages.__name__).disabled = False
    return Outcome(tried, "requests", tuple(faults), len(planted), found)


def _wrongs(seen: Walk, rng: random.Random) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """Method, address, what is sent along: each place of each page and form, with something that is none of ours."""
    for addresses in seen.pages.values():
        for address in addresses:
            yield from _addresses(address, rng)
            yield from ((method, address, {}) for method in METHODS)
            yield from (("GET", address, {"cookie": cookie}) for cookie in COOKIES)
    for form in seen.forms.values():
        yield from _forms(form, rng)


def _addresses(address: str, rng: random.Random) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    parts = urlsplit(address)
    pieces = parts.path.split("/")
    for place in range(1, len(pieces)):
        for value in rng.sample(HOSTILE, 8):
            path = "/".join([*pieces[:place], _quoted(value), *pieces[place + 1 :]])
            yield "GET", path, {}
            yield "POST", path, {}
    asked = [one.partition("=")[0] for one in parts.query.split("&") if one]
    for name in (*asked, "after", "before", "filter", "next", "q", "language", "record", "\x00"):
        for value in rng.sample(HOSTILE, 4):
            yield "GET", f"{parts.path}?{_quoted(name)}={_quoted(value)}", {}


def _forms(form: Form, rng: random.Random) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    method, path = form.method.upper(), urlsplit(form.action).path
    for name, _value in form.fields:
        if name != "csrf_token":
            for value in rng.sample(HOSTILE, 6):
                yield method, path, {"form": form, "changes": {name: value}}
    if method == "POST":
        yield from ((method, path, {"body": body, "kind": kind}) for body, kind in ODD_BODIES)


def _quoted(value: str) -> str:
    return quote(value.encode("utf-8", "surrogatepass"), safe="")


def _judged(client: FlaskClient, method: str, address: str, sent: Mapping[str, object]) -> list[str]:
    """What is wrong with the answer to this request."""
    where = f"{method} {address[:90]} {[*sent.get('changes', {})] if sent else ''}"  # type: ignore[misc]
    try:
        answer = _asked(client, method, address, sent)
    except Exception as error:
        return [f"{where}: {type(error).__name__} reached the server"]
    found = [f"{where}: {answer.status_code}"] if answer.status_code in OWN_FAULTS else []
    missing = [name for name in (*ALWAYS, "Cache-Control") if name not in answer.headers]
    answer.close()
    return found + [f"{where}: no {name}" for name in missing]


def _asked(client: FlaskClient, method: str, address: str, sent: Mapping[str, object]) -> TestResponse:
    if "body" in sent:
        return client.open(address, method=method, data=sent["body"], content_type=sent["kind"])
    form = sent.get("form")
    if isinstance(form, Form):
        changes = {name: value.encode("utf-8", "replace").decode() for name, value in dict(sent["changes"]).items()}  # type: ignore[call-overload]
        typed = form.sent(**changes)
        return client.open(address, method=method, **{"data" if method == "POST" else "query_string": typed})
    headers = {"Cookie": str(sent["cookie"])} if "cookie" in sent else {}
    return client.open(address, method=method, headers=headers)


@contextmanager
def _planted(app: Flask) -> Iterator[tuple[str, ...]]:
    """Two doors of bad make: one fails on what it can't read, one forgets what every answer must carry."""

    def fragile() -> str:
        return str(int(request.args["n"]))

    def bare() -> Response:
        answer = Response("x")
        answer.call_on_close(lambda: None)
        request.environ["bare"] = True
        return answer

    app.config["PROPAGATE_EXCEPTIONS"] = False
    for name, view in (("fragile", fragile), ("bare", bare)):
        app.view_functions[f"planted.{name}"] = view
        app.url_map.add(app.url_rule_class(f"/planted/{name}", endpoint=f"planted.{name}", methods=["GET"]))
    doors = {f"planted.{name}": Permission.anyone for name in ("fragile", "bare")}
    served = app.wsgi_app

    def forgetful(environ, start):  # type: ignore[no-untyped-def]
        def begun(status, headers, *more):  # type: ignore[no-untyped-def]
            kept = [(name, value) for name, value in headers if name != "Content-Security-Policy"]
            return start(status, kept if environ.get("bare") else headers, *more)

        return served(environ, begun)

    app.wsgi_app = forgetful  # type: ignore[method-assign]
    with patch.object(endpoint_guard, "PERMISSIONS", {**routing.PERMISSIONS, **doors}):
        endpoint_guard.know_served(app)
        yield ("/planted/fragile", "/planted/bare")


TRIALS = (Trial("bad-inputs", "no answer is an error of ours, none lacks a header", 10_000, run),)
