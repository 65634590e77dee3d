"""How much comes from where, counted without keeping where: by a key that lives in this process's memory for an hour.

It stays so where several processes serve the site: counts that they shared would lie in a database, for as long as its
logs and copies do, beside the key by which every address there is can be tried out. Each process has a share of what is
let through instead. What comes to a school is counted by its rows, for all of them.

Nobody is shut out by what others send: beyond some number a question is asked (`challenge`). Only what no school could
send in an hour is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import Counter
from datetime import datetime
from threading import Lock

from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.domain.receipt_codes import hour_of
from school_protocol.services.identity.throttling import place_of

ASKED_SCHOOL, ASKED_PLACE = 20, 3
"""Reports in an hour, to a school and from one place, beyond which a question is asked."""
MOST_SCHOOL, MOST_PLACE = 5000, 1000
"""Beyond these nothing is taken until the hour is over."""
TRIES_PLACE, TRIES_SCHOOL = 20, 300
"""Wrong codes in an hour: from one place no further one is read; at a school a question is asked."""


class TooMany(SchoolProtocolError):
    """Too much came within this hour: come back after `seconds`."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(str(seconds))


class Gate:
    """What this process counts within an hour: one for all its requests. Nothing of it is written anywhere.

    `processes`: how many count beside one another, so that each lets through a share.
    """

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes
        self._lock = Lock()
        self._hour: datetime | None = None
        self._key = b""
        self._counts: Counter[bytes] = Counter()

    def add(self, what: str, subject: str, now: datetime) -> int:
        """One more of `what`; how many it is within this hour."""
        with self._lock:
            name = self._name(what, subject, now)
            self._counts[name] += 1
            return self._counts[name]

    def count(self, what: str, subject: str, now: datetime) -> int:
        """How many there were within this hour."""
        with self._lock:
            return self._counts[self._name(what, subject, now)]

    def share_of(self, most: int) -> int:
        """What this process lets through of what all of them may: one at least."""
        return max(most // self.processes, 1)

    def _name(self, what: str, subject: str, now: datetime) -> bytes:
        hour = hour_of(now)
        if hour != self._hour:
            self._hour, self._key = hour, secrets.token_bytes(32)
            self._counts = Counter()
        return hmac.digest(self._key, f"{what}\0{subject}".encode(), hashlib.sha256)


SENT, WRONG = "sent", "wrong"


def is_asked(gate: Gate, *, school: str, address: str, came: int, now: datetime) -> bool:
    """Whether a question stands before the next report; `came`: how many the school got this hour."""
    return came >= ASKED_SCHOOL or gate.count(SENT, f"place {place_of(address)}", now) >= gate.share_of(ASKED_PLACE)


def note_sent(gate: Gate, *, school: str, address: str, came: int, now: datetime) -> None:
    """One more report; raises TooMany where no school could send so many."""
    if came >= MOST_SCHOOL or gate.count(SENT, f"place {place_of(address)}", now) >= gate.share_of(MOST_PLACE):
        raise TooMany(_left(now))
    gate.add(SENT, f"place {place_of(address)}", now)


def check_tries(gate: Gate, *, address: str, now: datetime) -> None:
    """Raise TooMany where too many wrong codes came from one place."""
    if gate.count(WRONG, f"place {place_of(address)}", now) >= gate.share_of(TRIES_PLACE):
        raise TooMany(_left(now))


def is_guessed(gate: Gate, *, school: str, now: datetime) -> bool:
    """Whether so many wrong codes came to a school that a question stands before the next one."""
    return gate.count(WRONG, f"school {school}", now) >= gate.share_of(TRIES_SCHOOL)


def note_wrong(gate: Gate, *, school: str, address: str, now: datetime) -> None:
    """One more code that leads nowhere."""
    gate.add(WRONG, f"place {place_of(address)}", now)
    gate.add(WRONG, f"school {school}", now)


def _left(now: datetime) -> int:
    return 3600 - int((now - hour_of(now)).total_seconds())
