"""Cases in which somebody takes no part, and restricted ones, looked at again: who heads or oversees a school, and who
sits in for them, changes without any event of its cases."""

from __future__ import annotations

from school_protocol.services.house import House
from school_protocol.services.loading import reindex
from school_protocol.storage import index


def look_again(house: House) -> int:
    """Write anew what waits in each of them for whoever reviews, and who reads it, a case at a time; how many."""
    with house.realm.reading() as session:
        ids = index.with_exclusions(session)
    written = 0
    for case_id in ids:
        with house.realm.writing() as session:
            written += reindex(house, session, case_id) is not None
    return written
