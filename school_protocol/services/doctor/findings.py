"""What a check is asked with, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from school_protocol.config import Settings
from school_protocol.services.house import House

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


class Level(StrEnum):
    ok = "ok"
    note = "note"
    """To be known, and mended when there is time."""
    wrong = "wrong"
    """To be mended now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of what is so, one of what to do about it; empty where nothing is to be done."""

    level: Level
    what: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The installation. `deep`: other machines may be asked, too; `wants_openid`: the settings name a provider."""

    settings: Settings
    now: datetime
    deep: bool = False
    wants_openid: bool = False


BeforeCheck = Callable[[Asked], Iterable[Finding]]
Check = Callable[[House, Asked], Iterable[Finding]]


def ok(what: str) -> Finding:
    return Finding(Level.ok, what)


def note(what: str, do: str) -> Finding:
    return Finding(Level.note, what, do)


def wrong(what: str, do: str) -> Finding:
    return Finding(Level.wrong, what, do)


def ending(said: str, left: timedelta, do: str) -> Finding:
    """What has so long to go: wrong within a week, a note within a month."""
    said = f"{said}, in {long(left)}"
    return wrong(said, do) if left < WEEK else note(said, do) if left < MONTH else ok(said)


def long(span: timedelta) -> str:
    """A span in its largest whole unit."""
    for unit, name in ((timedelta(days=2), "days"), (timedelta(hours=1), "hours"), (timedelta(minutes=1), "minutes")):
        if span >= unit:
            return f"{int(span / (timedelta(days=1) if name == 'days' else unit))} {name}"
    return f"{max(int(span.total_seconds()), 0)} seconds"
