"""Counters by unit and month: changed as a transaction ends, each row locked in one order, so that no count is lost.

The rows of a country are everybody's: they are locked last, when all else is written, for as long as a commit takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import delete, event, insert, select, text, tuple_
from sqlalchemy.orm import Session

from school_protocol.domain.figure_tables import Cell, Cells
from school_protocol.storage.figures.tables import FigureCounterRow, FigureFrozenRow
from school_protocol.storage.placing import into

Key = tuple[str, str, str]
"""Protocol, month, unit."""
Change = Counter[Cell]
_PENDING = "figures-to-count"
_AT_ONCE = 500


def change_at_commit(session: Session, changes: Iterable[tuple[Key, str, Change]]) -> None:
    """Have these added to the counters as the transaction ends: key, the unit above, by how much in each cell."""
    if not event.contains(session, "before_commit", _write_pending):
        event.listen(session, "before_commit", _write_pending)
    pending: dict[Key, tuple[str, Change]] = session.info.setdefault(_PENDING, {})
    for key, above, change in changes:
        known = pending.get(key, ("", Change()))[1]
        pending[key] = above, _sum(known, change)


def _sum(one: Change, other: Change) -> Change:
    """Also what comes to less than nothing, which `+` of counters leaves out."""
    summed = Change(one)
    summed.update(other)
    return summed


def _write_pending(session: Session) -> None:
    if session.in_nested_transaction():
        return
    pending: dict[Key, tuple[str, Change]] = session.info.pop(_PENDING, {})
    wanted = {key: found for key, found in sorted(pending.items()) if any(found[1].values())}
    if not wanted:
        return
    session.flush()
    rows = [_columns(key) | {"above": above, "counts": {}} for key, (above, _change) in wanted.items()]
    session.execute(into(session, FigureCounterRow).values(rows).on_conflict_do_nothing())
    for row in _locked(session, wanted):
        above, change = wanted[row.protocol, row.month, row.unit]
        row.above, row.counts = above, added(row.counts, change)
    session.flush()


def _columns(key: Key) -> dict[str, Any]:
    return dict(zip(("protocol", "month", "unit"), key, strict=True))


_KEY = (FigureCounterRow.protocol, FigureCounterRow.month, FigureCounterRow.unit)


def _locked(session: Session, keys: Collection[Key]) -> Iterable[FigureCounterRow]:
    query = select(FigureCounterRow).where(tuple_(*_KEY).in_(list(keys))).order_by(*_KEY).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).all()


def added(counts: Cells, change: Change) -> dict[str, dict[str, int]]:
    """Counts with these added; what has come to nothing is left out."""
    found = {table: dict(rows) for table, rows in counts.items()}
    for (table, row), number in change.items():
        rows = found.setdefault(table, {})
        rows[row] = rows.get(row, 0) + number
        if not rows[row]:
            del rows[row]
        if not rows:
            del found[table]
    return found


# ---- read ----------------------------------------------------------------------------------------------------------

Counted = tuple[str, str, str, Mapping[str, Any]]
"""Month, unit, the unit above it, counts."""


def of_unit(session: Session, protocol: str, unit: str, first: str, last: str) -> list[Counted]:
    """The counters of one unit, from one month to another."""
    return list(_read(session, protocol, FigureCounterRow.unit == unit, first, last))


def below(session: Session, protocol: str, units: Collection[str], first: str, last: str) -> list[Counted]:
    """The counters of the units directly below these."""
    listed = sorted(units)
    found: list[Counted] = []
    for begin in range(0, len(listed), _AT_ONCE):
        some = FigureCounterRow.above.in_(listed[begin : begin + _AT_ONCE])
        found += _read(session, protocol, some, first, last)
    return found


def _read(session: Session, protocol: str, which: Any, first: str, last: str) -> Iterator[Counted]:
    columns = (FigureCounterRow.month, FigureCounterRow.unit, FigureCounterRow.above, FigureCounterRow.counts)
    query = select(*columns).where(
        FigureCounterRow.protocol == protocol, which, FigureCounterRow.month.between(first, last)
    )
    for month, unit, above, counts in session.execute(query):
        if counts:
            yield month, unit, above, counts


def months(session: Session, protocol: str, unit: str) -> list[str]:
    """The months of which something is counted of that unit, the earliest first."""
    query = select(FigureCounterRow.month, FigureCounterRow.counts).where(
        FigureCounterRow.protocol == protocol, FigureCounterRow.unit == unit
    )
    return sorted(month for month, counts in session.execute(query) if counts)


# ---- made anew -----------------------------------------------------------------------------------------------------


def hold(session: Session) -> None:
    """Nobody else counts anything, or leaves anything in figures, until this transaction ends.

    In the order in which whoever erases a case takes them.
    """
    if session.connection().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE figure_frozen, figure_counter IN EXCLUSIVE MODE"))


def frozen(session: Session) -> list[tuple[Key, Mapping[str, Any]]]:
    """What erased cases had added, by protocol, month and smallest unit."""
    columns = (FigureFrozenRow.protocol, FigureFrozenRow.month, FigureFrozenRow.unit, FigureFrozenRow.counts)
    return [((protocol, month, unit), counts) for protocol, month, unit, counts in session.execute(select(*columns))]


def every(session: Session) -> dict[Key, tuple[str, dict[str, Any]]]:
    """All counters, by key: the unit above and the counts."""
    rows = session.scalars(select(FigureCounterRow), execution_options={"populate_existing": True})
    return {(row.protocol, row.month, row.unit): (row.above, row.counts) for row in rows if row.counts}


def replace_all(session: Session, counters: Mapping[Key, tuple[str, Change]]) -> int:
    """Put these in the place of all that there are; returns how many were otherwise."""
    before = every(session)
    after = {key: (above, added({}, change)) for key, (above, change) in counters.items()}
    after = {key: found for key, found in after.items() if found[1]}
    differing = [key for key in {*before, *after} if before.get(key) != after.get(key)]
    session.execute(delete(FigureCounterRow))
    rows = [_columns(key) | {"above": above, "counts": counts} for key, (above, counts) in sorted(after.items())]
    for begin in range(0, len(rows), _AT_ONCE):
        session.execute(insert(FigureCounterRow), rows[begin : begin + _AT_ONCE])
    session.expire_all()
    return len(differing)


def opened_since(session: Session, protocols: Collection[str], units: Collection[str], month: str) -> frozenset[str]:
    """Which of these schools opened a case in that month or later.

    They know nothing of a case of which somebody of the school must not know, and keep count of erased ones.
    """
    query = select(FigureCounterRow.unit, FigureCounterRow.counts).where(
        FigureCounterRow.protocol.in_(list(protocols)),
        FigureCounterRow.unit.in_(list(units)),
        FigureCounterRow.month >= month,
    )
    return frozenset(unit for unit, counts in session.execute(query) if counts)
