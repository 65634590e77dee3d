"""A case is erased: its keys are destroyed, and with them all that was sealed; a tombstone stays in its chain.

Tables are found by their columns: whatever has a `case_id` is emptied of the case, unless it is said here to stay.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, or_
from sqlalchemy.orm import Session

from school_protocol.storage import cases
from school_protocol.storage.figures import shares
from school_protocol.storage.numbers import format_number
from school_protocol.storage.signalement.reports import erase_of_case
from school_protocol.storage.tables import DraftRow, RealmBase
from school_protocol.storage.vault import Vault

OUTLIVES = "outlives_case"
"""A table whose `info` says this keeps its rows: ids, codes and times only."""

_STAYS = frozenset({
    "case_record", "event", "tombstone",  # the chain: what is sealed in it has lost its key
    "access", "notice", "document_copy", "bulk_case",  # who read, who was told, how many copies: ids, codes, times
})  # fmt: skip


def erase_case(session: Session, vault: Vault, case_id: str, *, at: datetime, actor: str) -> None:
    """Destroy a case's key, words, people, marks, report, drafts, papers and index row, in the caller's transaction.

    What it added to figures stays in their counters.
    `erased.note` comes first. Erasing again changes nothing. Files of evidence lose their key here, and are removed
    by whoever keeps them. Raises Unseen where there is no such case.
    """
    number = cases.opened(session, case_id).number
    cases.hold(session, case_id)
    shares.freeze(session, vault, case_id)
    cases.destroy_case(session, vault, case_id, at=at, actor=actor)
    erase_of_case(session, case_id)
    for table in emptied():
        session.execute(delete(table).where(table.c.case_id == case_id))
    spelt = {number, format_number(number), format_number(number).replace(" ", "-"), case_id}
    session.execute(delete(DraftRow).where(or_(*(DraftRow.key.contains(one, autoescape=True) for one in spelt))))
    session.expire_all()


def emptied() -> tuple[Table, ...]:
    """The tables that keep nothing of an erased case, those that refer to others first."""
    tables: tuple[Table, ...] = tuple(reversed(RealmBase.metadata.sorted_tables))
    return tuple(one for one in tables if "case_id" in one.c and not _stays(one))


def _stays(table: Any) -> bool:
    return table.name in _STAYS or bool(table.info.get(OUTLIVES))
