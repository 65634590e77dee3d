"""Where a page may send somebody on to: our own pages, and nowhere else."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request, url_for

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
