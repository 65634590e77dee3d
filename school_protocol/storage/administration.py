"""Who works where, as it changes: stand-ins, leavings, cases left alone; each change is a row that stays."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from school_protocol.domain.policy import Unit, UnitKind
from school_protocol.storage import directory
from school_protocol.storage.directory import Account
from school_protocol.storage.tables import AccountRow, AdministrationRow, AppointmentRow, UnitRow, new_id


class Kind(StrEnum):
    """What was changed."""

    stand_in_named = "stand_in_named"
    stand_in_ended = "stand_in_ended"
    leaving = "leaving"
    """The last day was said; until then nothing changes."""
    left = "left"
    left_at_once = "left_at_once"
    orphaned = "orphaned"
    """A case that somebody who left at once held a seat of."""
    draft_uploaded = "draft_uploaded"
    draft_proposed = "draft_proposed"
    draft_withdrawn = "draft_withdrawn"
    version_published = "version_published"


WITHDRAWING = frozenset({Kind.stand_in_ended, Kind.left, Kind.left_at_once})
"""What makes an appointment count no more, from that moment on."""
OF_PEOPLE = frozenset(Kind) - {
    Kind.draft_uploaded, Kind.draft_proposed, Kind.draft_withdrawn, Kind.version_published
}  # fmt: skip
"""What was changed about who works where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of the log. `other`: for a stand-in, who is away; `number`: the case that was left.

    `draft`: the file of a protocol that this was done to.
    """

    at: datetime
    actor: str
    kind: Kind
    unit: str
    account: str
    role: str
    reason: str
    sentence: str = ""
    appointment: str | None = None
    other: str | None = None
    number: str | None = None
    starts: date | None = None
    ends: date | None = None
    draft: str | None = None


def write(session: Session, change: Change) -> None:
    """Write a change down: nothing takes it away again."""
    fields = {name: getattr(change, name) for name in Change.__slots__}
    row = {**fields, "kind": change.kind.value, "withdraws": change.kind in WITHDRAWING}
    session.add(AdministrationRow(id=new_id(), **row))
    session.flush()


def changes(session: Session, units: Collection[str], *, limit: int, kinds: Collection[Kind] = ()) -> list[Change]:
    """What was changed in these units, newest first."""
    query = select(AdministrationRow).where(AdministrationRow.unit.in_(units))
    if kinds:
        query = query.where(AdministrationRow.kind.in_([kind.value for kind in kinds]))
    rows = session.scalars(query.order_by(AdministrationRow.at.desc(), AdministrationRow.id.desc()).limit(limit))
    return [_change(row) for row in rows]


def of_draft(session: Session, draft: str) -> tuple[Change, ...]:
    """What was done to a file of a protocol, in order."""
    rows = session.scalars(select(AdministrationRow).where(AdministrationRow.draft == draft))
    return tuple(sorted(map(_change, rows), key=lambda change: (change.at, list(Kind).index(change.kind))))


def _change(row: AdministrationRow) -> Change:
    fields = {name: getattr(row, name) for name in Change.__slots__}
    return Change(**{**fields, "kind": Kind(row.kind)})


# ---- appointments as they stand --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Post:
    """An appointment with whom it is of. `stands_in`: the row that made it a stand-in's."""

    id: str
    account: Account
    role: str
    unit: str
    starts: date
    ends: date | None
    stands_in: Change | None = None

    def is_current(self, day: date) -> bool:
        return self.starts <= day and (self.ends is None or day <= self.ends)

    def overlaps(self, starts: date, ends: date) -> bool:
        return self.starts <= ends and (self.ends is None or starts <= self.ends)


def posts(session: Session, units: Collection[str], *, since: date) -> tuple[Post, ...]:
    """The appointments in these units that count on that day or later, by role, name and first day."""
    not_over = or_(AppointmentRow.ends.is_(None), AppointmentRow.ends >= since)
    query = (
        select(AppointmentRow)
        .join(AccountRow, AccountRow.id == AppointmentRow.account)
        .where(AppointmentRow.unit.in_(units), not_over, directory.not_withdrawn())
        .order_by(AppointmentRow.role, AccountRow.username, AppointmentRow.starts, AppointmentRow.id)
    )
    rows = session.scalars(query).all()
    named = _stand_ins(session, [row.id for row in rows])
    people = directory.accounts(session, {row.account for row in rows})
    return tuple(
        Post(row.id, people[row.account], row.role, row.unit, row.starts, row.ends, named.get(row.id)) for row in rows
    )


def _stand_ins(session: Session, ids: Collection[str]) -> dict[str, Change]:
    query = select(AdministrationRow).where(
        AdministrationRow.kind == Kind.stand_in_named.value, AdministrationRow.appointment.in_(ids)
    )
    return {row.appointment: _change(row) for row in session.scalars(query) if row.appointment} if ids else {}


def post_of(session: Session, account: str, roles: Collection[str], day: date) -> Post | None:
    """An appointment of this person, current on that day, to one of these roles."""
    units = session.scalars(select(AppointmentRow.unit).where(AppointmentRow.account == account)).all()
    held = (post for post in posts(session, units, since=day) if post.account.id == account and post.role in roles)
    return next((post for post in held if post.is_current(day)), None)


def last_days(session: Session, accounts: Collection[str]) -> dict[str, date]:
    """The last day of the latest appointment of each of these people, where all of theirs have one."""
    query = select(AppointmentRow.account, AppointmentRow.ends).where(AppointmentRow.account.in_(accounts))
    found: dict[str, date] = {}
    for account, ends in session.execute(query) if accounts else ():
        if ends is not None:
            found[account] = max(ends, found.get(account, ends))
    return found


def last_day_of_role(session: Session, units: Collection[str], roles: Collection[str]) -> dict[str, date]:
    """Unit → the last day of whoever held one of these roles there latest."""
    query = select(AppointmentRow.unit, AppointmentRow.ends).where(
        AppointmentRow.unit.in_(units), AppointmentRow.role.in_(roles), AppointmentRow.ends.is_not(None)
    )
    found: dict[str, date] = {}
    for unit, ends in session.execute(query):
        if ends is not None:
            found[unit] = max(ends, found.get(unit, ends))
    return found


# ---- places ----------------------------------------------------------------------------------------------------------


def schools_under(session: Session, units: Iterable[str]) -> tuple[Unit, ...]:
    """The schools among these units and below them, however many storeys, by code."""
    storey = select(UnitRow.id).where(UnitRow.id.in_(list(units))).cte("below", recursive=True)
    below = storey.union(select(UnitRow.id).join(storey, UnitRow.parent == storey.c.id))
    query = select(UnitRow.id).where(UnitRow.id.in_(select(below.c.id)), UnitRow.kind == UnitKind.school.value)
    return tuple(directory.units(session, session.scalars(query.order_by(UnitRow.code)).all()).values())
