"""What a copy names of a chain, found again: whose place it is, and what stands there."""

from __future__ import annotations

from sqlalchemy import select

from school_protocol.storage.engines import Session
from school_protocol.storage.journal import Head
from school_protocol.storage.tables import EventRow


def case_at(session: Session, head: Head) -> str | None:
    """The case whose chain has this place; None if none has."""
    try:
        told = bytes.fromhex(head.hash)
    except ValueError:
        return None
    return session.scalar(select(EventRow.case_id).where(EventRow.seq == head.seq, EventRow.hash == told))


def has_place(session: Session, case_id: str, head: Head) -> bool:
    """Whether that case's chain has this place."""
    row = session.execute(select(EventRow.hash).where(EventRow.case_id == case_id, EventRow.seq == head.seq)).first()
    return row is not None and row.hash.hex() == head.hash
