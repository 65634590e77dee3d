"""Whether pages say what is next and why the rest is not open: always, but at a workshop's table without hints."""

from __future__ import annotations

from collections.abc import Iterable

from flask import current_app

from school_protocol.domain.intents import Reason
from school_protocol.domain.protocol import Protocol
from school_protocol.wording import Wording

HINTS = "hints"
"""Where an application keeps what is asked, if it has tables at all."""


def are_shown() -> bool:
    """Whether whoever asks now is told."""
    asked = current_app.extensions.get(HINTS)
    return asked is None or bool(asked())


def said(w: Wording, protocol: Protocol, reasons: Iterable[Reason]) -> str:
    """Why something was refused, in one line; without hints, only that it was."""
    if not are_shown():
        return w._("That isn’t possible now.")
    return " ".join(w.reason(protocol, reason) for reason in reasons)
