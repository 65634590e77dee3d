"""A timestamp from an authority (RFC 3161): asked for, checked, and relieved of what nobody could check later."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

Ask = Callable[[bytes], bytes]
"""A request, DER → the authority's answer, DER. Raises OSError where there is none."""

MOST = 64 * 1024
"""Bytes of an answer."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """An authority that points elsewhere is an error: nobody is asked whom nobody set."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class TimestampAuthority:
    """Whom to ask, and the root certificates (PEM or DER) that its answers must lead to."""

    ask: Ask
    roots: tuple[bytes, ...]


def over_http(address: str, seconds: float = 10) -> Ask:
    """Asks at an http(s) address. The one door of this package to the network, and only when something is signed."""
    if not address.startswith(("https://", "http://")):
        raise ValueError(f"not an http address: {address}")

    def ask(request: bytes) -> bytes:
        sent = urllib.request.Request(  # noqa: S310 (http and https alone, see above)
            address,
            data=request,
            headers={"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"},
        )
        with urllib.request.build_opener(_Stay).open(sent, timeout=seconds) as answer:
            data: bytes = answer.read(MOST + 1)
        if len(data) > MOST:
            raise OSError("the answer is too long")
        return data

    return ask
