"""What programs look for at fixed addresses: whom to tell of a hole (RFC 9116), and what search engines may read."""

from __future__ import annotations

from flask import Response, abort, url_for

from school_protocol.domain.policy import Permission
from school_protocol.web import sessions
from school_protocol.web.routing import Pages

blueprint = Pages("well_known", __name__, asks=Permission.anyone)


@blueprint.get("/.well-known/security.txt")
def security() -> Response:
    """Whom to tell of a hole in this installation; absent without the settings, and from the day after the last."""
    house = sessions.house()
    settings = house.settings
    if settings.security_until is None or house.now().date() > settings.security_until:
        abort(404)
    lines = [
        f"Contact: {settings.security_contact}",
        f"Expires: {settings.security_until}T23:59:59Z",
        f"Preferred-Languages: {', '.join(settings.languages)}",
    ]
    if settings.address.startswith("https:"):
        lines.append(f"Canonical: {settings.address.rstrip('/')}{url_for('.security')}")
    return _plain(lines)


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Figures that are published, and the address above; nothing else is for search engines."""
    open_to_all = (url_for("campaign.index"), url_for(".security"))
    return _plain(["User-agent: *", *(f"Allow: {path}" for path in open_to_all), "Disallow: /"])


def _plain(lines: list[str]) -> Response:
    return Response("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
