"""How much a request may carry: long texts on the forms that ask for them, little anywhere else; and how often."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from flask import Flask, Request, request

from school_protocol.documents.sealing.verifying import MOST
from school_protocol.services.papers import public_checks
from school_protocol.web import sessions
from school_protocol.web.routing import LONG_FORMS

ELSEWHERE = 64 * 1024
FORM = 12 * 1024 * 1024
"""More than the longest answers that a form takes, each letter sent in its longest way; or than a file that is read."""
FORM_PARTS = 2_000
UPLOADS = {"verifying.verify": MOST + ELSEWHERE}
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


def init_app(app: Flask) -> None:
    app.request_class = InMemory
    app.config.update(MAX_CONTENT_LENGTH=ELSEWHERE, MAX_FORM_MEMORY_SIZE=FORM, MAX_FORM_PARTS=FORM_PARTS)


def apply(endpoint: str) -> None:
    """Give this request the room that its endpoint needs; much of it only to somebody who is, or was, signed in."""
    if endpoint in LONG_FORMS and sessions.find_account() is not None:
        request.max_content_length = FORM
    elif endpoint == EVIDENCE and sessions.find_account() is not None:
        settings = sessions.house().settings
        most = settings.evidence_megabytes * MEGABYTE if settings.evidence_files else 0
        request.max_content_length = ELSEWHERE + most
    elif endpoint in UPLOADS:
        request.max_content_length = UPLOADS[endpoint]


def count(endpoint: str) -> None:
    """One more file from whoever sends this, before any of it is read. Raises TooManyTries."""
    if endpoint in UPLOADS:
        public_checks.note(sessions.house(), request.remote_addr or "")
