"""Who works where, as it changes: stand-ins, leavings, cases left alone; each change is a row that stays."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from school_protocol.storage import directory
from school_protocol.storage.administration_chain import link_at_commit
from school_protocol.storage.directory import Account
from school_protocol.storage.placing import add_rows
from school_protocol.storage.tables import AccountRow, AdministrationRow, AppointmentRow, new_id


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
    invited = "invited"
    invitation_accepted = "invitation_accepted"
    password_code_made = "password_code_made"  # noqa: S105 (a name, no secret)
    password_set = "password_set"  # noqa: S105 (a name, no secret)
    """With the code that somebody printed."""
    password_changed = "password_changed"  # noqa: S105 (a name, no secret)
    code_factor_set = "code_factor_set"
    code_factor_removed = "code_factor_removed"
    recovery_codes_made = "recovery_codes_made"
    recovery_code_used = "recovery_code_used"
    passkey_added = "passkey_added"
    passkey_removed = "passkey_removed"
    restoration_asked = "restoration_asked"
    restoration_withdrawn = "restoration_withdrawn"
    restoration_agreed = "restoration_agreed"
    factors_restored = "factors_restored"
    calendar_opened = "calendar_opened"
    """An address was made under which one's due dates can be read without signing in."""
    calendar_shut = "calendar_shut"
    account_created = "account_created"
    account_changed = "account_changed"
    """How somebody is called, or in which language they are spoken to."""
    address_changed = "address_changed"
    """Where messages reach somebody."""
    account_closed = "account_closed"
    account_opened = "account_opened"
    """A closed account, let in again."""
    account_known = "account_known"
    """Linked to an account of the ministry's."""
    appointed = "appointed"
    appointment_ends = "appointment_ends"
    """The last day was said, or another one."""
    appointment_ended = "appointment_ended"
    certificate_seen = "certificate_seen"
    certificate_withdrawn = "certificate_withdrawn"
    """A certificate that a workshop gave, by whoever had attested it."""
    unit_created = "unit_created"
    unit_changed = "unit_changed"
    contact_added = "contact_added"
    contact_corrected = "contact_corrected"
    contact_verified = "contact_verified"
    contact_retired = "contact_retired"
    figures_issued = "figures_issued"
    figures_published = "figures_published"
    """Put on the page for everybody."""
    figures_withdrawn = "figures_withdrawn"
    """Taken from there."""
    token_asked = "token_asked"  # noqa: S105 (a name, no secret)
    """Somebody asked that another system may read."""
    token_agreed = "token_agreed"  # noqa: S105 (a name, no secret)
    token_drawn = "token_drawn"  # noqa: S105 (a name, no secret)
    token_ended = "token_ended"  # noqa: S105 (a name, no secret)
    visit_recorded = "visit_recorded"
    visit_corrected = "visit_corrected"
    visit_action_done = "visit_action_done"
    visit_pack_issued = "visit_pack_issued"
    duty_entered = "duty_entered"
    duty_withdrawn = "duty_withdrawn"
    go_live_signed = "go_live_signed"
    """An item of the list without which no real case is opened; `reason` says which."""
    go_live_withdrawn = "go_live_withdrawn"


WITHDRAWING = frozenset({Kind.stand_in_ended, Kind.left, Kind.left_at_once, Kind.appointment_ended})
"""What makes an appointment count no more, from that moment on."""
OF_IDENTITY = frozenset(
    {
        Kind.invited, Kind.invitation_accepted, Kind.password_code_made, Kind.password_set, Kind.password_changed,
        Kind.code_factor_set, Kind.code_factor_removed, Kind.recovery_codes_made, Kind.recovery_code_used,
        Kind.passkey_added, Kind.passkey_removed, Kind.restoration_asked, Kind.restoration_withdrawn,
        Kind.restoration_agreed, Kind.factors_restored, Kind.calendar_opened, Kind.calendar_shut,
    }
)  # fmt: skip
"""What was changed about how somebody proves who they are."""
OF_STAFF = frozenset(
    {
        Kind.account_created, Kind.account_changed, Kind.address_changed, Kind.account_closed, Kind.account_opened,
        Kind.account_known, Kind.appointed, Kind.appointment_ends, Kind.appointment_ended, Kind.certificate_seen,
        Kind.certificate_withdrawn, Kind.unit_created, Kind.unit_changed,
    }
)  # fmt: skip
"""What whoever administers accounts changed."""
IN_TEAMS = frozenset({Kind.appointed, Kind.appointment_ends, Kind.appointment_ended})
"""Of these, what the people of the school itself are shown: who was given a role there, or lost it."""
OF_CONTACTS = frozenset({Kind.contact_added, Kind.contact_corrected, Kind.contact_verified, Kind.contact_retired})
"""What was changed in the directory of contacts."""
OF_FIGURES = frozenset({Kind.figures_issued, Kind.figures_published, Kind.figures_withdrawn})
"""What was issued of figures, and put before everybody."""
OF_VISITS = frozenset(
    {
        Kind.visit_recorded, Kind.visit_corrected, Kind.visit_action_done, Kind.visit_pack_issued,
        Kind.duty_entered, Kind.duty_withdrawn,
    }
)  # fmt: skip
"""Visits to teams, what was printed for them, and turns of duty."""
OF_SYSTEMS = frozenset({Kind.token_asked, Kind.token_agreed, Kind.token_drawn, Kind.token_ended})
"""What was changed about which other systems may read."""
OF_GOING_LIVE = frozenset({Kind.go_live_signed, Kind.go_live_withdrawn})
"""What was signed before an installation takes real cases."""
OF_PEOPLE = frozenset(Kind).difference(
    OF_IDENTITY, OF_CONTACTS, OF_FIGURES, OF_VISITS, OF_SYSTEMS, OF_GOING_LIVE, OF_STAFF - IN_TEAMS,
    {Kind.draft_uploaded, Kind.draft_proposed, Kind.draft_withdrawn, Kind.version_published},
)  # fmt: skip
"""What was changed about who works where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of the log. `other`: for a stand-in, who is away; `number`: the case that was left.

    `draft`: the file of a protocol, the contact, the token or the release that this was done to.
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
    """Write a change down: nothing takes it away again. It is linked to the one before as the transaction ends."""
    write_all(session, [change])


def write_all(session: Session, changes: Iterable[Change]) -> None:
    """Write several changes down at once."""
    rows = []
    for change in changes:
        fields = {name: getattr(change, name) for name in Change.__slots__}
        withdraws = change.kind in WITHDRAWING
        rows.append({"id": new_id(), **fields, "kind": change.kind.value, "withdraws": withdraws})
    session.flush()
    add_rows(session, AdministrationRow, rows)
    for row in rows:
        link_at_commit(session, str(row["id"]))


def changes(session: Session, units: Collection[str], *, limit: int, kinds: Collection[Kind] = ()) -> list[Change]:
    """What was changed in these units, newest first."""
    query = select(AdministrationRow).where(AdministrationRow.unit.in_(units))
    if kinds:
        query = query.where(AdministrationRow.kind.in_([kind.value for kind in kinds]))
    rows = session.scalars(query.order_by(AdministrationRow.at.desc(), AdministrationRow.id.desc()).limit(limit))
    return [_change(row) for row in rows]


def about(session: Session, account: str, *, kinds: Collection[Kind], limit: int) -> list[Change]:
    """What was changed about this person, newest first."""
    query = select(AdministrationRow).where(
        AdministrationRow.account == account, AdministrationRow.kind.in_([kind.value for kind in kinds])
    )
    rows = session.scalars(query.order_by(AdministrationRow.at.desc(), AdministrationRow.id.desc()).limit(limit))
    return [_change(row) for row in rows]


def count(session: Session, unit: str, kind: Kind) -> int:
    """How often something was done about that unit."""
    query = select(func.count()).where(AdministrationRow.unit == unit, AdministrationRow.kind == kind.value)
    return session.scalar(query) or 0


def doers(session: Session, account: str, *, kinds: Collection[Kind], since: datetime) -> frozenset[str]:
    """Who made such changes about this person since then, themselves aside."""
    query = select(AdministrationRow.actor).where(
        AdministrationRow.account == account, AdministrationRow.kind.in_([kind.value for kind in kinds]),
        AdministrationRow.at >= since, AdministrationRow.actor != account,
    )  # fmt: skip
    return frozenset(session.scalars(query.distinct()))


def latest(session: Session, account: str, *, kind: Kind, by: str, since: datetime) -> datetime | None:
    """When that person last made such a change about this one, since then; None: they did not, or it was themselves."""
    query = select(func.max(AdministrationRow.at)).where(
        AdministrationRow.account == account, AdministrationRow.kind == kind.value, AdministrationRow.actor == by,
        AdministrationRow.at >= since, AdministrationRow.actor != account,
    )  # fmt: skip
    return session.scalar(query)


def rows_since(
    session: Session, since: datetime, *, until: datetime, kinds: Collection[Kind]
) -> tuple[tuple[str, Change], ...]:
    """Ids and changes of these kinds between two moments, in order."""
    query = select(AdministrationRow).where(
        AdministrationRow.at.between(since, until), AdministrationRow.kind.in_([kind.value for kind in kinds])
    )
    rows = session.scalars(query.order_by(AdministrationRow.at, AdministrationRow.id))
    return tuple((row.id, _change(row)) for row in rows)


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


def posts_of(session: Session, account: str, *, since: date) -> tuple[Post, ...]:
    """The appointments of one person, wherever, that count on that day or later."""
    units = session.scalars(select(AppointmentRow.unit).where(AppointmentRow.account == account)).all()
    return tuple(post for post in posts(session, units, since=since) if post.account.id == account) if units else ()


def latest_appointment(session: Session, account: str) -> tuple[str, str, str] | None:
    """Id, unit and role of somebody's latest appointment, though it be over; None where there never was one."""
    query = select(AppointmentRow.id, AppointmentRow.unit, AppointmentRow.role).where(AppointmentRow.account == account)
    row = session.execute(query.order_by(AppointmentRow.starts.desc(), AppointmentRow.id).limit(1)).first()
    return (row.id, row.unit, row.role) if row else None


def post_of(session: Session, account: str, roles: Collection[str], day: date) -> Post | None:
    """An appointment of this person, current on that day, to one of these roles."""
    units = session.scalars(select(AppointmentRow.unit).where(AppointmentRow.account == account)).all()
    held = (post for post in posts(session, units, since=day) if post.account.id == account and post.role in roles)
    return next((post for post in held if post.is_current(day)), None)


def holders_anywhere(session: Session, roles: Collection[str], day: date) -> tuple[Account, ...]:
    """Active people who hold one of these roles on that day, in whatever unit, by id."""
    units = session.scalars(select(AppointmentRow.unit).where(AppointmentRow.role.in_(roles)).distinct()).all()
    held = (post for post in posts(session, units, since=day) if post.role in roles and post.is_current(day))
    found = {post.account.id: post.account for post in held if post.account.active}
    return tuple(found[one] for one in sorted(found))


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
