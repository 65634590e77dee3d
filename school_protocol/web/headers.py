"""What every answer says to the browser about itself, errors included."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, Response, request

from school_protocol.web.sessions import house_of

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
FOR_EVERYBODY = frozenset({"campaign.latest", "campaign.release"})
"""Pages that are the same for everybody who asks for them."""
NO_STORE = "no-store"
MINUTES = "public, max-age=600"
STATIC_DAY = "public, max-age=86400"
STATIC_FOR_EVER = "public, max-age=31536000, immutable"


def again_in(seconds: int) -> dict[str, str]:
    """The header that says when to come back; none where nobody has to wait."""
    return {"Retry-After": str(seconds)} if seconds else {}


def init_app(app: Flask) -> None:
    secure = house_of(app).settings.secure_cookies

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
