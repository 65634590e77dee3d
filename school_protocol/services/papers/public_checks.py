"""What anybody may ask of this installation about a file: whom it trusts, and how often somebody may ask."""

from __future__ import annotations

from datetime import timedelta

from school_protocol.documents.sealing.trust import Trust
from school_protocol.services.house import House
from school_protocol.services.identity.throttling import TooManyTries, place_of
from school_protocol.services.papers.signing import trust_in
from school_protocol.storage import sign_in as browser

WINDOW, MOST = timedelta(minutes=15), 40
"""So many files from one place in so long: a whole school may stand behind one address."""


def can(house: House) -> bool:
    """Whether this installation has an authority by which files can be checked."""
    return house.settings.signing_folder is not None


def trust(house: House) -> Trust | None:
    """Whom this installation trusts; None where it has no authority. Raises TrustUnreadable."""
    folder = house.settings.signing_folder
    return trust_in(folder) if folder is not None else None


def note(house: House, address: str) -> None:
    """One more file from the place of that address. Raises TooManyTries."""
    subject = f"verify|{place_of(address)}"
    with house.directory.writing() as session:
        if browser.attempts_since(session, subject, house.now() - WINDOW) >= MOST:
            raise TooManyTries(int(WINDOW.total_seconds()))
        browser.note_attempt(session, subject, at=house.now())
