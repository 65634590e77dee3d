"""How much a request may carry: long texts on the forms that ask for them, little anywhere else."""

from __future__ import annotations

from flask import Flask, request

from school_protocol.documents.sealing.verifying import MOST
from school_protocol.web import sessions

ELSEWHERE = 64 * 1024
FORM = 12 * 1024 * 1024
"""More than the longest answers that a form takes, each letter sent in its longest way; or than a file that is read."""
FORM_PARTS = 2_000
LONG_FORMS = frozenset(
    {
        "reports.new",
        "reports.danger",
        "reports.raise_danger",
        "reports.act",
        "cases.act",
        "cases.move",
        "cases.danger",
        "cases.remarks",
        "cases.remark",
        "protocols.upload",
        "protocols.part",
        "protocols.entry",
    }
)
UPLOADS = {"verifying.verify": MOST + ELSEWHERE}
"""Endpoints at which anybody may send a file, and how much with it."""
FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def init_app(app: Flask) -> None:
    app.config.update(MAX_CONTENT_LENGTH=ELSEWHERE, MAX_FORM_MEMORY_SIZE=FORM, MAX_FORM_PARTS=FORM_PARTS)


def apply(endpoint: str) -> None:
    """Give this request the room that its endpoint needs; much of it only to somebody who is, or was, signed in."""
    if endpoint in LONG_FORMS and sessions.find_account() is not None:
        request.max_content_length = FORM
    elif endpoint in UPLOADS:
        request.max_content_length = UPLOADS[endpoint]
