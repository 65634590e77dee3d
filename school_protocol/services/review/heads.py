"""Cases in which somebody takes no part, and restricted ones, looked at again: who heads or oversees a school, and who
sits in for them, changes without any event of its cases."""

from __future__ import annotations

import logging

from school_protocol.domain.acting import readers_of_restricted
from school_protocol.services.house import House
from school_protocol.services.loading import folded, reindex, surroundings, today_for
from school_protocol.storage import index

_log = logging.getLogger(__name__)


def look_again(house: House) -> int:
    """Write anew what waits in each of them for whoever reviews, and who reads it, a case at a time; how many.

    One that fails holds up none of the others.
    """
    with house.realm.reading() as session:
        ids = index.with_exclusions(session)
    written = 0
    for case_id in ids:
        try:
            with house.realm.writing() as session:
                written += reindex(house, session, case_id) is not None
        except Exception as error:  # the sentence of an error may quote what is kept: its kind alone is told
            _log.error("a case could not be looked at again: %s", type(error).__name__)
    return written


def unread(house: House) -> int:
    """How many restricted cases that go on nobody can read: nobody above their school has come in and may take part."""
    today, found = today_for(house), 0
    with house.realm.reading() as session:
        for case_id in index.restricted(session):
            try:
                protocol, case = folded(house, session, case_id)
                around = surroundings(house, case.unit)
                found += not readers_of_restricted(protocol, case, around, today)
            except Exception as error:  # the sentence of an error may quote what is kept: its kind alone is told
                _log.error("a restricted case could not be looked at: %s", type(error).__name__)
    return found
