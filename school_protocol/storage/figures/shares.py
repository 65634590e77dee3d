"""What each case adds to figures, kept in the transaction that changes it; counters follow as it ends.

Of one case, kinds of facts and dangers say more than a list may: they are sealed under its key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import Session

from school_protocol.domain.contributing import Share
from school_protocol.domain.figure_tables import Cell
from school_protocol.storage.figures.counters import Change, added, change_at_commit
from school_protocol.storage.figures.tables import FigureFrozenRow, FigureShareRow
from school_protocol.storage.index_tables import CaseIndexRow
from school_protocol.storage.keys import case_key
from school_protocol.storage.placing import add_rows, into
from school_protocol.storage.placing import put as put_row
from school_protocol.storage.tables import CaseKeyRow
from school_protocol.storage.vault import Vault


def put(session: Session, vault: Vault, case_id: str, share: Share) -> None:
    """Keep what the case adds now in place of what it added before."""
    row, key = session.execute(_HELD, {"case": case_id}).one_or_none(), case_key(session, vault, case_id)
    before = _share(row, vault, key) if row is not None else None
    if before == share:
        return
    if before is not None:
        change_at_commit(session, _changes(before, -1))
    change_at_commit(session, _changes(share, 1))
    put_row(session, FigureShareRow(**_columns(vault, key, case_id, share)))


_SHARES = FigureShareRow.__table__.c
_HELD = select(*_SHARES).where(_SHARES.case_id == bindparam("case")).with_for_update()


def put_new(session: Session, vault: Vault, added: Sequence[tuple[str, bytes, Share]]) -> None:
    """Keep what cases add that added nothing before: id, key, share."""
    for _case_id, _key, share in added:
        change_at_commit(session, _changes(share, 1))
    add_rows(session, FigureShareRow, [_columns(vault, key, case_id, share) for case_id, key, share in added])


def _columns(vault: Vault, key: bytes, case_id: str, share: Share) -> dict[str, Any]:
    return {
        "case_id": case_id,
        "protocol": share.protocol,
        "month": share.month,
        "path": list(share.path),
        "sealed": vault.seal(key, _label(case_id), [list(cell) for cell in sorted(share.cells)]),
    }


def share(session: Session, vault: Vault, case_id: str) -> Share | None:
    """What the case adds; None where it was never counted."""
    row = session.get(FigureShareRow, case_id)
    return _share(row, vault, case_key(session, vault, case_id)) if row is not None else None


def freeze(session: Session, vault: Vault, case_id: str) -> None:
    """The case is about to go: what it added stays in the counters, and beside them under its smallest unit alone."""
    row = session.get(FigureShareRow, case_id, with_for_update=True)
    if row is None:
        return
    left = _share(row, vault, case_key(session, vault, case_id))
    key = {"protocol": left.protocol, "month": left.month, "unit": left.path[0]}
    session.execute(into(session, FigureFrozenRow).values(**key, counts={}).on_conflict_do_nothing())
    held = session.scalars(select(FigureFrozenRow).filter_by(**key).with_for_update()).one()
    held.counts = added(held.counts, Change(dict.fromkeys(left.cells, 1)))
    session.delete(row)
    session.flush()


def every(session: Session, vault: Vault) -> Iterator[Share]:
    """What each case adds, one after the other."""
    query = select(FigureShareRow, CaseKeyRow).join(CaseKeyRow, CaseKeyRow.case_id == FigureShareRow.case_id)
    for row, held in session.execute(query.execution_options(yield_per=1000)):
        yield _share(row, vault, vault.unwrap(held.master, held.wrapped, held.label))
        session.expunge(row)
        session.expunge(held)


def counted(session: Session) -> int:
    """How many cases add something."""
    return session.scalar(select(func.count()).select_from(FigureShareRow)) or 0


def missing(session: Session) -> int:
    """How many cases that stand in the index add nothing."""
    has_one = exists().where(FigureShareRow.case_id == CaseIndexRow.case_id)
    return session.scalar(select(func.count()).select_from(CaseIndexRow).where(~has_one)) or 0


def _share(row: Any, vault: Vault, key: bytes) -> Share:
    cells: list[Cell] = [(table, one) for table, one in vault.open_sealed(key, _label(row.case_id), row.sealed)]
    return Share(row.protocol, row.month, tuple(row.path), frozenset(cells))


def _label(case_id: str) -> str:
    return f"{case_id}|figure_share"


def _changes(share: Share, by: int) -> Iterator[tuple[tuple[str, str, str], str, Change]]:
    change = Change(dict.fromkeys(share.cells, by))
    for place, unit in enumerate(share.path):
        above = share.path[place + 1] if place + 1 < len(share.path) else ""
        yield (share.protocol, share.month, unit), above, change
