"""WSGI and request hooks: compression, proxies, security headers, limits, the request log, redirects to our own pages.

A page holds a form token beside words that a stranger may have chosen, so its compressed length must not tell how well
the two match: each answer carries a name of random length in its gzip header (the remedy known as Heal the Breach).
"""

from __future__ import annotations

import gzip
import io
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import IO, Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response, g, request, url_for
from werkzeug.middleware.proxy_fix import ProxyFix

from school_protocol.case_files import verify_copy
from school_protocol.context import REQUEST
from school_protocol.pdf.verification import DOCUMENT_MOST
from school_protocol.ui import sessions
from school_protocol.ui.routing import LONG_FORMS
from school_protocol.ui.sessions import context_of

KINDS = frozenset({"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"})
LEAST = 500
PADDING_MOST = 100
LEVEL = 6


def init_compression(app: Flask) -> None:
    @app.after_request
    def compress(response: Response) -> Response:
        if response.mimetype not in KINDS:
            return response
        response.vary.add("Accept-Encoding")
        if response.status_code == 304 or not _is_wanted(response):
            return response
        response.direct_passthrough = False
        data = response.get_data()
        if len(data) >= LEAST:
            response.set_data(_compressed(data))
            response.headers["Content-Encoding"] = "gzip"
            _weaken(response)
        return response


def _is_wanted(response: Response) -> bool:
    return request.method != "HEAD" and "Content-Encoding" not in response.headers and _takes_gzip()


def _takes_gzip() -> bool:
    return request.accept_encodings.quality("gzip") > 0


def _compressed(data: bytes) -> bytes:
    packed = io.BytesIO()
    name = "a" * secrets.randbelow(PADDING_MOST)
    with gzip.GzipFile(filename=name, mode="wb", fileobj=packed, compresslevel=LEVEL, mtime=0) as file:
        file.write(data)
    return packed.getvalue()


def _weaken(response: Response) -> None:
    """The bytes are others than those that the tag was made for; the content is the same."""
    tag, _is_weak = response.get_etag()
    if tag:
        response.set_etag(tag, weak=True)


# ---- proxies: what is believed of where a request comes from -------------------------------------------------------

_PROTO = "HTTP_X_FORWARDED_PROTO"
_SAID = ("HTTP_X_FORWARDED_FOR", _PROTO, "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")
_SAID_ELSE = ("HTTP_X_FORWARDED_PREFIX", "HTTP_FORWARDED")
Site = Callable[[dict[str, Any], Any], Iterable[bytes]]


def behind(site: Site, trusted: str) -> Site:
    """The site, told what the proxy at the address `trusted` says of each request; nobody else's word is heard."""
    through = ProxyFix(site, x_for=1, x_proto=1, x_host=1)

    def heard(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        is_proxy = bool(trusted) and environ.get("REMOTE_ADDR") == trusted
        for name in _SAID_ELSE if is_proxy else (*_SAID, *_SAID_ELSE):
            environ.pop(name, None)
        if environ.get(_PROTO, "http").rpartition(",")[2].strip().lower() not in ("http", "https"):
            del environ[_PROTO]
        return (through if is_proxy else site)(environ, start)

    return heard


# ---- headers: what every answer says to the browser about itself, errors included ----------------------------------

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "script-src 'self'",
    )
)
FEATURES = ("camera", "microphone", "geolocation", "payment", "usb", "browsing-topics", "display-capture")
ALWAYS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in FEATURES),
    "X-Robots-Tag": "noindex, nofollow",
}
HANDED_OUT = frozenset({"cases.open_file"})
"""Endpoints that hand out what somebody put here: whatever opens it runs nothing of it."""
SANDBOX = "default-src 'none'; sandbox"
KEPT = frozenset({"static", "desk.folds"})
FOR_EVERYBODY = frozenset({"campaign.latest", "campaign.release", "minutes.show"})
"""Pages that are the same for everybody who asks for them."""
NO_STORE = "no-store"
MINUTES = "public, max-age=600"
STATIC_DAY = "public, max-age=86400"
STATIC_FOR_EVER = "public, max-age=31536000, immutable"


def again_in(seconds: int) -> dict[str, str]:
    """The header that says when to come back; none where nobody has to wait."""
    return {"Retry-After": str(seconds)} if seconds else {}


def init_headers(app: Flask) -> None:
    secure = context_of(app).settings.secure_cookies

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.update(ALWAYS)
        if is_for_everybody(response):
            del response.headers["X-Robots-Tag"]
        if request.endpoint in HANDED_OUT and response.status_code == 200:
            response.headers["Content-Security-Policy"] = SANDBOX
        response.headers["Cache-Control"] = _caching(response)
        if secure:
            response.headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        return response


def is_for_everybody(response: Response) -> bool:
    """Whether this is a page that is the same for everybody."""
    return request.endpoint in FOR_EVERYBODY and response.status_code == 200


def _caching(response: Response) -> str:
    """Our own style sheet and fonts may be kept, and a page for everybody for minutes; nothing else may."""
    if is_for_everybody(response):
        return MINUTES
    if request.endpoint not in KEPT or response.status_code >= 400:
        return NO_STORE
    return STATIC_FOR_EVER if "v" in request.args else STATIC_DAY


# ---- limits: how much a request may carry, and how often -----------------------------------------------------------

ELSEWHERE = 64 * 1024
FORM = 12 * 1024 * 1024
"""More than the longest answers that a form takes, each letter sent in its longest way; or than a file that is read."""
FORM_PARTS = 2_000
UPLOADS = {"verifying.verify": DOCUMENT_MOST + ELSEWHERE}
"""Endpoints at which anybody may send a file, and how much with it."""
EVIDENCE = "cases.evidence_file"
"""Where somebody signed in puts a file to a piece of evidence, as large as the installation takes them."""
MEGABYTE = 1024 * 1024
FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


MOST_SERVED = max(UPLOADS.values()) + 1024 * 1024
"""What a server in front need take in at all: a little more, so that the page itself can say what is too large."""


CROWD: Mapping[str, Any] = {"connection_limit": 800, "channel_timeout": 30, "asyncore_use_poll": True}
"""So many connections at once, each closed after so many seconds of silence: a phone keeps several open, and at the
hundred that waitress takes by itself forty phones in one room would wait for one another.
"""


class InMemory(Request):
    """A request of which no file that is sent along is laid down on the disk: its endpoint bounds how large it is."""

    def _get_file_stream(
        self, total_content_length: int | None, content_type: str | None, filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:  # fmt: skip
        return BytesIO()


def init_limits(app: Flask) -> None:
    app.request_class = InMemory
    app.config.update(MAX_CONTENT_LENGTH=ELSEWHERE, MAX_FORM_MEMORY_SIZE=FORM, MAX_FORM_PARTS=FORM_PARTS)


def apply(endpoint: str) -> None:
    """Give this request the room that its endpoint needs; much of it only to somebody who is, or was, signed in."""
    if endpoint in LONG_FORMS and sessions.find_account() is not None:
        request.max_content_length = FORM
    elif endpoint == EVIDENCE and sessions.find_account() is not None:
        settings = sessions.ctx().settings
        most = settings.evidence_megabytes * MEGABYTE if settings.evidence_files else 0
        request.max_content_length = ELSEWHERE + most
    elif endpoint in UPLOADS:
        request.max_content_length = UPLOADS[endpoint]


def count(endpoint: str) -> None:
    """One more file from whoever sends this, before any of it is read. Raises TooManyTries."""
    if endpoint in UPLOADS:
        verify_copy.note(sessions.ctx(), request.remote_addr or "")


# ---- the request log: which page, how it was answered, how long it took --------------------------------------------
# No path, no query, no number, no header is told, and of what strangers ask for no line at all: its moment would
# tell.

_BEGAN = "noting_began"
_STRANGERS = "/s/"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_log = logging.getLogger(__name__)


def init_request_log(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        REQUEST.set(secrets.token_hex(8))
        setattr(g, _BEGAN, time.perf_counter())

    @app.after_request
    def end(response: Response) -> Response:
        began = g.get(_BEGAN)
        if began is not None and not is_strangers():
            spent = round((time.perf_counter() - began) * 1000, 1)
            _log.log(
                logging.ERROR if response.status_code >= 500 else logging.INFO,
                "answered",
                extra={"told": {"page": request.endpoint or "none", "method": _method(), "status": response.status_code,
                                "ms": spent}},
            )  # fmt: skip
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        REQUEST.set("")


def is_strangers() -> bool:
    """Whether it was asked for by somebody whom no log may tell of, though there be no such page."""
    return sessions.knows_nobody() or request.path.startswith(_STRANGERS)


def _method() -> str:
    return request.method if request.method in _METHODS else "other"


# ---- redirects: our own pages, and nowhere else --------------------------------------------------------------------

MOST = 500


def own_path(wanted: str | None) -> str:
    """`wanted` if it is a path of this site; the desk otherwise."""
    return wanted if wanted and _is_own(wanted) else url_for("desk.index")


def own_page(wanted: str | None, start: str) -> str | None:
    """`wanted` if it is the page of this site at `start`, whatever it is narrowed to; None otherwise."""
    return wanted if wanted and _is_own(wanted) and urlsplit(wanted).path == start else None


def _is_own(path: str) -> bool:
    if len(path) > MOST or not path.startswith("/") or path.startswith(("//", "/\\")):
        return False
    if "\\" in path or not path.isprintable():
        return False
    try:
        parts = urlsplit(path)
    except ValueError:
        return False
    return not parts.scheme and not parts.netloc


def is_of_this_site(address: str) -> bool:
    """Whether a whole address, as a browser names the page that it comes from, is of the site that was asked."""
    return site_of(address) == request.host


def site_of(address: str) -> str | None:
    """Host and port of a whole address; None where it has none that can be read."""
    try:
        return urlsplit(address).netloc or None
    except ValueError:
        return None


def way_back() -> str:
    """The page of this request that can be asked for again; the desk where only a form leads here."""
    rule = request.url_rule
    if rule is None or rule.methods is None or "GET" not in rule.methods:
        return url_for("desk.index")
    query = request.query_string.decode("utf-8", "replace") if request.method in ("GET", "HEAD") else ""
    here = f"{request.script_root}{request.path}"
    return own_path(f"{here}?{query}" if query else here)
