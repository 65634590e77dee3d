"""Guessing gets slow; nobody is shut out by what others try.

A browser in which somebody signed in before counts by itself. Everybody else is slowed down by how often the name was
tried and by how often they themselves failed, and waits since their own last try. A code of six digits is guessed from
many places as from one: strangers have so many tries at it a day, all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.services.house import House
from school_protocol.storage import sign_in as browser
from school_protocol.storage.engines import Session

WINDOW = timedelta(minutes=15)
KNOWN_FREE, NAME_FREE, PLACE_FREE = 10, 5, 30
"""So many failures in the window are free: in a known browser, for one name, from one place (a school is one)."""
CODE_MOST, CODE_WINDOW = 10, timedelta(hours=24)
"""So many wrong codes of one account, from wherever, in browsers that it doesn't know: then none is read for a time."""
LONGEST = 300
"""Seconds that a stranger waits at most between two tries."""
HOUSEHOLD = 64
"""Bits of an IPv6 address that are one place: whoever has one address of such a network has them all."""


CODE = "code"
"""What is tried where a code of the phone, or a recovery code, is asked for."""


class TooManyTries(SchoolProtocolError):
    """This was tried too often: come back after `seconds`."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(str(seconds))


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that was written down before it was judged. `rows`: what counts as a failure unless taken back."""

    rows: tuple[str, ...]
    own: tuple[str, ...]
    """Subjects that start afresh once it succeeds."""


def note(session: Session, house: House, what: str, name: str, *, address: str, known: str = "") -> Attempt:
    """One more try at `what` (a password, a code) for a name. Raises TooManyTries.

    `known`: the mark of a browser in which this very person signed in before; empty for a stranger's.
    """
    if known:
        subject = f"{what}|known|{name}|{known}"
        _wait(session, house, {subject: (subject, KNOWN_FREE)})
        return Attempt((browser.note_attempt(session, subject, at=house.now()),), (subject,))
    place = place_of(address)
    of_all = f"{what}|strangers|{name}" if what == CODE else ""
    if of_all:
        stop(session, house, of_all, CODE_MOST, CODE_WINDOW)
    of_name, of_pair, of_place = f"{what}|name|{name}", f"{what}|pair|{name}|{place}", f"{what}|place|{place}"
    _wait(session, house, {of_name: (of_pair, NAME_FREE), of_place: (of_place, PLACE_FREE)})
    subjects = (of_name, of_pair, of_place, *((of_all,) if of_all else ()))
    rows = (browser.note_attempt(session, one, at=house.now()) for one in subjects)
    return Attempt(tuple(rows), (of_name, of_pair, *((of_all,) if of_all else ())))


def note_from(session: Session, house: House, what: str, *, address: str) -> Attempt:
    """One more try at `what`, by whoever is at that address: many honest people may be. Raises TooManyTries."""
    of_place = f"{what}|place|{place_of(address)}"
    _wait(session, house, {of_place: (of_place, PLACE_FREE)})
    return Attempt((browser.note_attempt(session, of_place, at=house.now()),), ())


def forgive(session: Session, attempt: Attempt) -> None:
    """It was no failure. Other failures from the same place still count: whoever has an account resets nothing."""
    for subject in attempt.own:
        browser.forget_attempts(session, subject)
    for row in attempt.rows:
        browser.take_back_attempt(session, row)


def _wait(session: Session, house: House, counted: dict[str, tuple[str, int]]) -> None:
    """Raise where the failures of a subject ask for more time since the last try of the other."""
    since, left = house.now() - WINDOW, 0.0
    for subject, (last_of, free) in counted.items():
        pause = pause_after(browser.attempts_since(session, subject, since), free)
        last = browser.latest_attempt(session, last_of, since)
        if pause and last is not None:
            left = max(left, pause - (house.now() - last).total_seconds())
    if left > 0:
        raise TooManyTries(ceil(left))


def stop(session: Session, house: House, subject: str, most: int, window: timedelta) -> None:
    """Raise TooManyTries where a subject was tried so often within the window, until the first of these is over."""
    since = house.now() - window
    if browser.attempts_since(session, subject, since) < most:
        return
    first = browser.earliest_attempt(session, subject, since)
    raise TooManyTries(int((first + window - house.now()).total_seconds()) + 1 if first else LONGEST)


def pause_after(failures: int, free: int) -> int:
    """Seconds to wait after so many failures: none at first, then twice as long each time."""
    return 0 if failures < free else min(2 ** (failures - free + 1), LONGEST)


def place_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the network of an IPv6 one; anything else as it is."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((int(found), HOUSEHOLD), strict=False))
