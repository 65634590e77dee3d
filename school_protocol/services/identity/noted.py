"""The log of who proved who they are and who did not: account, way, address; never a name or password as typed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from school_protocol.services.identity.throttling import TooManyTries

_log = logging.getLogger(__name__)
NOBODY = "of nobody"


def right(account: str, way: str, address: str = "") -> None:
    """This account was proven in that way (a password, a code, a passkey)."""
    _log.info("proven: account %s by %s from %s", account, way, address or "here")


def wrong(account: str | None, way: str, address: str = "") -> None:
    """It was not; None where no account is called so."""
    _log.info("not proven: account %s by %s from %s", account or NOBODY, way, address or "here")


@contextmanager
def slowed(way: str, address: str = "") -> Iterator[None]:
    """What is tried within may come too soon: that is written down, and stays refused."""
    try:
        yield
    except TooManyTries:
        _log.info("too many tries: by %s from %s", way, address or "here")
        raise
