"""How it is said that something told without an account was put to a case: within which hour it came, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from school_protocol.domain.events import Put
from school_protocol.wording import Wording


def outside_said(w: Wording, detail: Mapping[str, Any]) -> str:
    """The line of the chronology."""
    hour = datetime.fromisoformat(str(detail["hour"]))
    when = {"day": w.day(hour), "start": w.clock(hour), "end": w.clock(hour + timedelta(hours=1))}
    if detail["how"] == Put.opened:
        return w._("Opened out of a public report that came on %(day)s, between %(start)s and %(end)s", **when)
    if detail["how"] == Put.linked:
        return w._("A public report that came on %(day)s, between %(start)s and %(end)s, was put to this case", **when)
    return w._("A public report that came on %(day)s, between %(start)s and %(end)s, was put to another case", **when)
