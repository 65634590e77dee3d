"""Whether a copy is genuine: anybody's page. A process apart looks at the file, which is kept nowhere here.

Nobody waits for a place: whoever waited would hold one of the few threads that serve everybody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from flask import render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from school_protocol.documents.sealing.errors import SealingError
from school_protocol.documents.sealing.saying import error_said
from school_protocol.documents.sealing.verdicts import Code
from school_protocol.documents.sealing.verifying import MOST
from school_protocol.domain.policy import Permission
from school_protocol.services.accounts import TooManyTries
from school_protocol.services.papers import checking_apart, public_checks
from school_protocol.services.papers.verdict_said import checked_said
from school_protocol.services.papers.verifying import Checked, asked, unread
from school_protocol.web import sessions
from school_protocol.web.headers import again_in
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("verifying", __name__, asks=Permission.anyone)

AT_ONCE = 2
"""Files that are looked at together; whoever comes then is asked to come again."""
SECONDS = 20.0
"""How long one file may take here; the command takes the time it needs."""
AGAIN_IN = 60
"""Seconds after which whoever found no place is asked to come again."""
_places = BoundedSemaphore(AT_ONCE)


class Crowded(Exception):
    """As many files as may be are being looked at."""


@blueprint.get("/verify")
def show() -> ResponseReturnValue:
    return _page()


@blueprint.post("/verify")
def verify() -> ResponseReturnValue:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _page(problem=wording()._("Choose the file first.")), 422
    data = sent.stream.read(MOST + 1)
    sent.close()
    if not data:
        return _page(problem=wording()._("This file is empty: choose it again, as it was received.")), 422
    try:
        trust = public_checks.trust(sessions.house())
        if trust is None:
            return _page(), 503
        with _place():
            found = checking_apart.checked_apart(data, trust, sessions.house().now(), seconds=SECONDS)
    except SealingError as error:
        return _page(problem=error_said(wording(), error)), 503
    except Crowded:
        said = wording()._("Two files are being checked right now: please try again in a minute.")
        return _page(problem=said), 503, again_in(AGAIN_IN)
    return _page(asked(sessions.house(), found))


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """What is larger is refused by the length that it says of itself."""
    size = request.content_length or 0
    return _page(unread(size, Code.TOO_LARGE, size=size, most=MOST)), 413


@blueprint.errorhandler(TooManyTries)
def too_many(error: TooManyTries) -> ResponseReturnValue:
    """Counted before the body is read: see limits.count."""
    said = wording()._("Many files were checked from here just now: please wait a quarter of an hour.")
    return _page(problem=said), 429, again_in(error.seconds)


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise Crowded
    try:
        yield
    finally:
        _places.release()


def _page(found: Checked | None = None, *, problem: str = "") -> str:
    return render_template(
        "verifying/verify.html",
        said=checked_said(wording(), found) if found else None,
        is_asked=found is not None and found.is_asked,
        is_issued=found is not None and found.is_issued,
        problem=problem,
        megabytes=MOST // 1024 // 1024,
        can=public_checks.can(sessions.house()),
    )
