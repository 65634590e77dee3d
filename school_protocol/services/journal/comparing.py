"""Whether what is kept beside a case's chain, which holds, is what the program wrote with its latest event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from school_protocol.domain.case import Case
from school_protocol.domain.errors import SchoolProtocolError, Sealed
from school_protocol.services.house import House
from school_protocol.services.loading import folded
from school_protocol.storage import cases, identities, index_check
from school_protocol.storage.engines import Session
from school_protocol.storage.journal import Break, Chain, Flaw


def differing(house: House, session: Session, ids: Sequence[str]) -> Iterator[Break]:
    """In what the rows of these cases, and the names in them, are others than they were written."""
    last: dict[str, int] = {}
    for case_id in ids:
        if cases.is_destroyed(session, case_id):
            continue
        try:
            case = folded(house, session, case_id)[1]
        except (SchoolProtocolError, KeyError, TypeError, ValueError):
            yield Break(case_id, 0, Flaw.unread)
            continue
        last[case_id] = case.last_seq
        if not _are_named(house, session, case_id, case):
            yield Break(case_id, 0, Flaw.identities)
    for table, case_id in index_check.forged(session, last):
        yield Break(f"{table} {case_id}", 0, Flaw.forged, Chain.rows)


def _are_named(house: House, session: Session, case_id: str, case: Case) -> bool:
    """Whether everybody of the case has a name that opens, and nobody else has."""
    try:
        found = identities.load(session, house.vault, case_id)
    except Sealed:
        return False
    said = {one.id: one.slot for one in (*case.people.values(), *case.former.values())}
    return {one.slot_id: one.slot for one in found if one.values is not None} == said
