"""The code of a workshop: what it leads to, and slowly where it is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from school_protocol.services.house import House
from school_protocol.services.identity import throttling
from school_protocol.services.workshops.founding import CODE, plain_code
from school_protocol.storage.workshops import listed
from school_protocol.storage.workshops.listed import Workshop

_WHAT = "workshop"


@dataclass(frozen=True, slots=True)
class Found:
    """What a code led to: a workshop that goes on; or why there is none: `missing`, `wrong` or `ended`."""

    workshop: Workshop | None
    why: str = ""


def find(host: House, code: str, *, address: str) -> Found:
    """The workshop of that code. Wrong ones are counted by place, and get slow; right ones never are.

    Raises TooManyTries.
    """
    plain = plain_code(code)
    if not plain:
        return Found(None, "missing")
    with host.directory.writing() as session:
        attempt = throttling.note_from(session, host, _WHAT, address=address)
        known = listed.with_code(session, plain) if len(plain) == CODE else None
        if known is not None:
            throttling.forgive(session, attempt)
    if known is None:
        return Found(None, "wrong")
    return Found(None, "ended") if known.ended_at is not None else Found(known)
