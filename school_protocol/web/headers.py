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
KEPT = frozenset({"static", "desk.folds"})
NO_STORE = "no-store"
STATIC_DAY = "public, max-age=86400"
STATIC_FOR_EVER = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    secure = house_of(app).settings.secure_cookies

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.update(ALWAYS)
        response.headers["Cache-Control"] = _caching(response)
        if secure:
            response.headers["Strict-Transport-Security"] = "max-age=63072000"
        return response


def _caching(response: Response) -> str:
    """Our own style sheet and fonts may be kept; nothing else may."""
    if request.endpoint not in KEPT or response.status_code >= 400:
        return NO_STORE
    return STATIC_FOR_EVER if "v" in request.args else STATIC_DAY
