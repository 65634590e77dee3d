"""Pages and the style sheet travel compressed: a phone on a slow network is who we write for.

A page holds a form token beside words that a stranger may have chosen, so its compressed length must not tell how well
the two match: each answer carries a name of random length in its gzip header (the remedy known as Heal the Breach).
"""

from __future__ import annotations

import gzip
import io
import secrets

from flask import Flask, Response, request

KINDS = frozenset({"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"})
LEAST = 500
PADDING_MOST = 100
LEVEL = 6


def init_app(app: Flask) -> None:
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
