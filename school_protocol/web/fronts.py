"""What is believed of where a request comes from, whichever server stands in front."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

_PROTO = "HTTP_X_FORWARDED_PROTO"
_SAID = ("HTTP_X_FORWARDED_FOR", _PROTO, "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")
_SAID_ELSE = ("HTTP_X_FORWARDED_PREFIX", "HTTP_FORWARDED")
Site = Callable[[dict[str, Any], Any], Iterable[bytes]]


def behind(site: Site, trusted: str) -> Site:
    """The site, told what the proxy at the address `trusted` says of each request; nobody else's word is heard."""
    through = ProxyFix(site, x_for=1, x_proto=1, x_host=1)

    def heard(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        is_proxy = bool(trusted) and environ.get("REMOTE_ADDR") == trusted
        for name in _SAID_ELSE if is_proxy else (*_SAID, *_SAID_ELSE):
            environ.pop(name, None)
        if environ.get(_PROTO, "http").rpartition(",")[2].strip().lower() not in ("http", "https"):
            del environ[_PROTO]
        return (through if is_proxy else site)(environ, start)

    return heard
