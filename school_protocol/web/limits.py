"""How much a request may carry: long texts on the forms that ask for them, little anywhere else."""

from __future__ import annotations

from flask import Flask, request

ELSEWHERE = 64 * 1024
FORM = 2 * 1024 * 1024
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
    }
)
FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def init_app(app: Flask) -> None:
    app.config.update(MAX_CONTENT_LENGTH=ELSEWHERE, MAX_FORM_MEMORY_SIZE=FORM, MAX_FORM_PARTS=FORM_PARTS)


def apply(endpoint: str) -> None:
    """Give this request the room that its endpoint needs."""
    if endpoint in LONG_FORMS:
        request.max_content_length = FORM
