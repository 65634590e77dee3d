"""The index of cases made anew from their events."""

from __future__ import annotations

from collections.abc import Callable

from school_protocol.services.house import House
from school_protocol.services.loading import reindex
from school_protocol.storage import index


def rebuild_index(house: House, progress: Callable[[int, int], None] | None = None) -> int:
    """Write every case's index row anew from its events, a case at a time; returns how many."""
    with house.realm.reading() as session:
        ids = index.all_case_ids(session)
    written = 0
    for done, case_id in enumerate(ids, 1):
        with house.realm.writing() as session:
            written += reindex(house, session, case_id) is not None
        if progress is not None:
            progress(done, len(ids))
    return written
