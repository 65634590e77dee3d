"""Every check, in the order in which it is told. A check that can't be made is a finding too, and stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from school_protocol.services.doctor import machine, settled, stores, work
from school_protocol.services.doctor.findings import Asked, BeforeCheck, Check, Finding, wrong
from school_protocol.services.house import House

BEFORE: tuple[BeforeCheck, ...] = (
    machine.space,
    stores.schema,
    machine.permissions,
    machine.zone,
    machine.papers,
    machine.tls,
    settled.doors,
    settled.together,
    settled.told_of_holes,
    machine.mail_server,
)
"""Asked of settings and machine alone, before anything is opened."""
CHECKS: tuple[Check, ...] = (
    stores.place,
    stores.wall,
    stores.marks,
    stores.recovery,
    stores.files,
    stores.left_over,
    stores.definitions,
    stores.calendars,
    stores.oversight,
    stores.unread,
    stores.go_live,
    settled.kernel,
    settled.certificates,
    stores.clocks,
    work.post,
    work.queue,
    work.uncounted,
    work.journal,
    work.backups,
)
"""Asked of the installation once it is open."""

Told = tuple[str, Finding]
"""The name of a check, and what it found."""


def before(asked: Asked) -> tuple[Told, ...]:
    """What can be found before the installation is opened; where its tables are of another version, nothing else is."""
    return tuple(told for check in BEFORE for told in _made(check, partial(check, asked)))


def examine(house: House, asked: Asked) -> tuple[Told, ...]:
    """What the open installation shows."""
    return tuple(told for check in CHECKS for told in _made(check, partial(check, house, asked)))


def _made(check: Callable[..., object], make: Callable[[], Iterable[Finding]]) -> list[Told]:
    name = getattr(check, "__name__", "check")
    try:
        return [(name, found) for found in make()]
    except Exception as error:  # the sentence of an error may quote what is kept: its kind alone is told
        what = f"{name}: could not be looked at ({type(error).__name__})"
        return [(name, wrong(what, "see the log, and whether the stores answer"))]
