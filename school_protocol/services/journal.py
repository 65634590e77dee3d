"""Whether what is kept is what was written; and the index made anew from it."""

from __future__ import annotations

from collections.abc import Callable

from school_protocol.services.house import House
from school_protocol.services.loading import reindex
from school_protocol.storage import index, journal
from school_protocol.storage.journal import Break

Progress = Callable[[int, int], None]


def verify_journal(house: House, progress: Progress | None = None) -> list[Break]:
    """Every break in every case's chain, in order; none: the journal holds."""
    with house.realm.reading() as session:
        return journal.verify_all(session, house.vault, progress)


def rebuild_index(house: House, progress: Progress | None = None) -> int:
    """Write every case's index row anew from its events, a case at a time; returns how many."""
    with house.realm.reading() as session:
        ids = index.all_case_ids(session)
    for done, case_id in enumerate(ids, 1):
        with house.realm.writing() as session:
            reindex(house, session, case_id)
        if progress is not None:
            progress(done, len(ids))
    return len(ids)
