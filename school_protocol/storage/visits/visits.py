"""Visits to teams as they are kept: each entry stands for good, the one with the highest number is what holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased

from school_protocol.domain.errors import Unseen
from school_protocol.storage import staff
from school_protocol.storage.keyset import before
from school_protocol.storage.placing import add_new
from school_protocol.storage.tables import new_id
from school_protocol.storage.visits.tables import VisitEntryRow

CURSOR_MOST = 80


@dataclass(frozen=True, slots=True)
class Action:
    """What was agreed: what, by whom, until when; and since when it is done."""

    what: str
    who: str = ""
    by: date | None = None
    done_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry about a visit. `kind`: recorded, corrected, or done (an action)."""

    visit: str
    number: int
    kind: str
    unit: str
    held_on: date
    came: str
    remarks: str
    actions: tuple[Action, ...] = ()
    actor: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last visit of a page: the next one begins after it."""

    held_on: date
    visit: str

    def __str__(self) -> str:
        return f"{self.held_on.isoformat()}~{self.visit}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """A cursor as it came back in an address; None where it isn't one."""
        day, _, visit = text.partition("~")
        if len(text) > CURSOR_MOST or not visit.isascii() or not visit.isalnum():
            return None
        try:
            return cls(date.fromisoformat(day), visit)
        except ValueError:
            return None


def write(session: Session, entry: Entry) -> bool:
    """Write an entry down, for good; False where its number was given meanwhile."""
    still = [one for one in entry.actions if one.done_on is None]
    fields = {name: getattr(entry, name) for name in Entry.__slots__ if name != "actions"}
    return add_new(
        session, VisitEntryRow, id=new_id(), **fields, actions=[_out(one) for one in entry.actions],
        open_actions=len(still), next_by=min((one.by for one in still if one.by), default=None),
    )  # fmt: skip


def latest(session: Session, visit: str) -> Entry:
    """What holds of a visit; raises Unseen."""
    found = history(session, visit)
    if not found:
        raise Unseen(visit)
    return found[-1]


def history(session: Session, visit: str) -> tuple[Entry, ...]:
    """Everything that was written of a visit, in order."""
    query = select(VisitEntryRow).where(VisitEntryRow.visit == visit).order_by(VisitEntryRow.number)
    return tuple(_entry(row) for row in session.scalars(query))


def page(
    session: Session,
    units: Collection[str],
    *,
    since: date | None = None,
    with_open: bool = False,
    late_on: date | None = None,
    after: Cursor | None = None,
    limit: int,
) -> tuple[Entry, ...]:
    """What holds of the visits in these units and below, the latest first.

    `with_open`: where something agreed is still to be done; `late_on`: where it was to be done before that day.
    """
    query = _standing().where(VisitEntryRow.unit.in_(staff.below(units)))
    if since is not None:
        query = query.where(VisitEntryRow.held_on >= since)
    if with_open:
        query = query.where(VisitEntryRow.open_actions > 0)
    if late_on is not None:
        query = query.where(VisitEntryRow.open_actions > 0, VisitEntryRow.next_by < late_on)
    order = (VisitEntryRow.held_on, VisitEntryRow.visit)
    if after is not None:
        query = query.where(before(order, (after.held_on, after.visit)))
    rows = session.scalars(query.order_by(*(column.desc() for column in order)).limit(limit))
    return tuple(_entry(row) for row in rows)


def last_days(session: Session, units: Sequence[str]) -> dict[str, date]:
    """The day of the latest visit to each of these schools, where there was one."""
    query = _standing().where(VisitEntryRow.unit.in_(list(units)))
    found: dict[str, date] = {}
    for row in session.scalars(query):
        found[row.unit] = max(row.held_on, found.get(row.unit, row.held_on))
    return found


def _standing() -> Select[VisitEntryRow]:
    """Of each visit the entry that no later one has put right."""
    later = aliased(VisitEntryRow)
    newer = exists().where(later.visit == VisitEntryRow.visit, later.number > VisitEntryRow.number)
    return select(VisitEntryRow).where(~newer)


def _entry(row: VisitEntryRow) -> Entry:
    fields = {name: getattr(row, name) for name in Entry.__slots__ if name != "actions"}
    return Entry(**fields, actions=tuple(_in(one) for one in row.actions))


def _out(action: Action) -> dict[str, Any]:
    by, done = (day.isoformat() if day else "" for day in (action.by, action.done_on))
    return {"what": action.what, "who": action.who, "by": by, "done_on": done}


def _in(kept: dict[str, str]) -> Action:
    by, done = (date.fromisoformat(kept[key]) if kept[key] else None for key in ("by", "done_on"))
    return Action(kept["what"], kept["who"], by, done)
