"""One line a request in the process's own log: which page, how it was answered, how long it took; of whom, nothing.

No path, no query, no number, no header is told, and of what strangers ask for no line at all: its moment would tell.
"""

from __future__ import annotations

import logging
import secrets
import time

from flask import Flask, Response, g, request

from school_protocol.services.noting import REQUEST
from school_protocol.web import sessions

_BEGAN = "noting_began"
_STRANGERS = "/s/"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
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
