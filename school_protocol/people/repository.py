"""Repository of people: appointments, certificates, the duty roster, teams; contacts and calendars of their units."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    bindparam,
    cast,
    distinct,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AccountRow, AppointmentRow, UnitRow
from school_protocol.auth.repository import Account, unit
from school_protocol.engine.clock import Calendar, Hours, HoursException
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Unit, UnitKind
from school_protocol.people.attestation_repository import withdrawn_certificates
from school_protocol.people.models import CalendarRow, CertificateRow, ContactRow, DutyTurnRow, SchoolLevelRow
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.engines import cached
from school_protocol.storage.models import AdministrationRow, new_id
from school_protocol.storage.sql import beyond

# ---- places --------------------------------------------------------------------------------------------------------


def below(units: Collection[str]) -> Select[Any]:
    """The ids of these units and of all below them."""
    storey = select(UnitRow.id).where(UnitRow.id.in_(list(units))).cte(recursive=True)
    found = storey.union(select(UnitRow.id).join(storey, UnitRow.parent == storey.c.id))
    return select(found.c.id)


def lies_in(session: Session, unit: InstrumentedAttribute[Any], units: Collection[str]) -> ColumnElement[bool]:
    """Whether that unit is one of these or lies below them; within the whole country no list of it is made."""
    return unit.is_not(None) if _is_everywhere(session, units) else unit.in_(below(units))


def _is_everywhere(session: Session, units: Collection[str]) -> bool:
    tops = session.scalars(select(UnitRow.id).where(UnitRow.parent.is_(None)).limit(2)).all()
    return len(tops) == 1 and tops[0] in units


def is_below(session: Session, unit: str, units: Collection[str]) -> bool:
    """Whether that unit is one of these, or lies below one of them."""
    here = auth_repository.find_units(session, [unit]).get(unit)
    return here is not None and bool({here.id, *here.parents} & set(units))


def places(session: Session, units: Collection[str], *, after: str = "", limit: int) -> tuple[str, ...]:
    """Ids of these units and of all below them, by code, after the last code of the page before."""
    query = select(UnitRow.id).where(lies_in(session, UnitRow.id, units), UnitRow.code > after)
    return tuple(session.scalars(query.order_by(UnitRow.code).limit(limit)))


def rename_unit(session: Session, unit: str, names: Mapping[str, str]) -> None:
    """Keep other names of a unit."""
    session.get_one(UnitRow, unit).names = dict(names)
    session.flush()


def cities(session: Session, units: Collection[str]) -> dict[str, str]:
    """In which town these units are, where it is known."""
    query = select(UnitRow.id, UnitRow.city).where(UnitRow.id.in_(list(units)), UnitRow.city != "")
    return {row.id: row.city for row in session.execute(query)} if units else {}


def set_city(session: Session, unit: str, city: str) -> None:
    """Keep in which town a unit is."""
    session.get_one(UnitRow, unit).city = city
    session.flush()


# ---- people --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """An appointment as it stands; `withdrawn`: somebody ended it at once."""

    id: str
    account: str
    role: str
    unit: str
    starts: date
    ends: date | None
    withdrawn: bool

    def is_over(self, day: date) -> bool:
        return self.withdrawn or (self.ends is not None and self.ends < day)

    def is_current(self, day: date) -> bool:
        return not self.is_over(day) and self.starts <= day


def people(
    session: Session, units: Collection[str], *, after: str = "", limit: int, active: bool | None = None
) -> tuple[Account, ...]:
    """Everybody who has, or had, an appointment in these units or below, by user name."""
    query = select(AccountRow.id).where(_works_in(session, units), AccountRow.username > after)
    if active is not None:
        query = query.where(AccountRow.active.is_(active))
    ids = session.scalars(query.order_by(AccountRow.username).limit(limit)).all()
    found = auth_repository.accounts(session, ids)
    return tuple(found[one] for one in ids)


def _works_in(session: Session, units: Collection[str], *which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether an account has, or had, an appointment (such a one) in these units or below.

    Within the whole country each account is asked for its own: no list of everybody is made first.
    """
    if _is_everywhere(session, units):
        return exists().where(AppointmentRow.account == AccountRow.id, *which)
    return AccountRow.id.in_(_working(units).where(*which))


def _working(units: Collection[str]) -> Select[Any]:
    return select(AppointmentRow.account).where(AppointmentRow.unit.in_(below(units)))


def without_way_in(session: Session, units: Collection[str], *, limit: int) -> tuple[str, ...]:
    """Ids of the active accounts in these units or below that have no password yet, by user name."""
    query = select(AccountRow.id).where(
        AccountRow.id.in_(_working(units)), AccountRow.active.is_(True), AccountRow.password_hash.is_(None)
    )
    return tuple(session.scalars(query.order_by(AccountRow.username).limit(limit)))


def awaited(session: Session, units: Collection[str], *, reason: str, limit: int) -> tuple[str, ...]:
    """Ids of the active accounts in these units or below that were invited for that reason and never came in."""
    query = select(AccountRow.id).where(AccountRow.id.in_(_working(units)), *_awaited(reason))
    return tuple(session.scalars(query.order_by(AccountRow.username).limit(limit)))


def is_awaited(session: Session, account: str, *, reason: str) -> bool:
    """Whether that active account was invited for that reason, and nobody came in by it."""
    return session.scalar(select(AccountRow.id).where(AccountRow.id == account, *_awaited(reason))) is not None


def _awaited(reason: str) -> tuple[ColumnElement[bool], ...]:
    """No password, nobody known elsewhere, and an invitation in the log."""
    invited = exists().where(
        AdministrationRow.account == AccountRow.id,
        AdministrationRow.kind == Kind.invited.value,
        AdministrationRow.reason == reason,
    )
    return AccountRow.active.is_(True), invited, not_(auth_repository.has_way_in())


def with_way_in(session: Session, accounts: Collection[str]) -> frozenset[str]:
    """Those of these accounts that can sign in."""
    return frozenset(
        session.scalars(select(AccountRow.id).where(AccountRow.id.in_(list(accounts)), auth_repository.has_way_in()))
    )


def works_at(session: Session, email: str, unit: str) -> bool:
    """Whether an active account with that address has an appointment there."""
    query = select(AccountRow.id).where(
        AccountRow.id.in_(_working([unit])), AccountRow.active.is_(True), func.lower(AccountRow.email) == email.lower()
    )
    return session.scalars(query.limit(1)).first() is not None


def held(session: Session, accounts: Collection[str]) -> dict[str, tuple[Held, ...]]:
    """Account → its appointments, those that are over too, by first day."""
    if not accounts:
        return {}
    withdrawn = exists().where(AdministrationRow.appointment == AppointmentRow.id, AdministrationRow.withdraws)
    query = select(AppointmentRow, withdrawn).where(AppointmentRow.account.in_(list(accounts)))
    found: dict[str, list[Held]] = {}
    for row, is_withdrawn in session.execute(query.order_by(AppointmentRow.starts, AppointmentRow.id)):
        post = Held(row.id, row.account, row.role, row.unit, row.starts, row.ends, bool(is_withdrawn))
        found.setdefault(row.account, []).append(post)
    return {account: tuple(posts) for account, posts in found.items()}


def change_account(
    session: Session, account: str, *, names: Mapping[str, str], language: str, email: str | None, phone: str | None
) -> None:
    """Keep how somebody is called, written to and spoken to."""
    row = session.get_one(AccountRow, account)
    row.names, row.language, row.email, row.phone = dict(names), language, email, phone
    session.flush()


# ---- certificates --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as it was seen."""

    account: str
    issued: date | None
    until: date
    seen_by: str
    seen_at: datetime


def keep_certificates(session: Session, seen: Sequence[Certificate]) -> None:
    """Write certificates down for good; each is the account's from now on."""
    if not seen:
        return
    rows = [{"id": new_id(), **{name: getattr(one, name) for name in Certificate.__slots__}} for one in seen]
    session.execute(insert(CertificateRow), rows)
    until = {one.account: one.until for one in seen}
    for row in session.scalars(select(AccountRow).where(AccountRow.id.in_(until))):
        row.certified, row.trained_until = True, until[row.id]
    session.flush()


def certificates(session: Session, account: str) -> tuple[Certificate, ...]:
    """Those of this person that stand, newest first: none that its workshop's trainer withdrew."""
    stands = CertificateRow.id.not_in(withdrawn_certificates(account))
    query = select(CertificateRow).where(CertificateRow.account == account, stands)
    query = query.order_by(CertificateRow.seen_at.desc())
    return tuple(Certificate(r.account, r.issued, r.until, r.seen_by, r.seen_at) for r in session.scalars(query))


def ending(
    session: Session,
    units: Collection[str],
    roles: Collection[str],
    *,
    today: date,
    until: date,
    after: tuple[date, str] | None = None,
    limit: int,
) -> tuple[Account, ...]:
    """Active people below these units whose certificate ends by that day, or ended while they hold one of `roles`.

    By day, then by user name, after the last pair of the page before.
    """
    needed = _works_in(
        session, units, AppointmentRow.role.in_(list(roles)),
        or_(AppointmentRow.ends.is_(None), AppointmentRow.ends >= today), auth_repository.not_withdrawn(),
    )  # fmt: skip
    query = select(AccountRow.id).where(
        AccountRow.active.is_(True), AccountRow.certified.is_(True), AccountRow.trained_until <= until,
        or_(AccountRow.trained_until >= today, needed), _works_in(session, units),
    )  # fmt: skip
    order = (AccountRow.trained_until, AccountRow.username)
    if after is not None:
        query = query.where(beyond(order, after))
    ids = session.scalars(query.order_by(*order).limit(limit)).all()
    found = auth_repository.accounts(session, ids)
    return tuple(found[one] for one in ids)


def certified_between(session: Session, first: date, last: date, *, after: str = "", limit: int) -> tuple[Account, ...]:
    """Active people whose certificate ends between these days, by id, after the last id of the page before."""
    query = select(AccountRow.id).where(
        AccountRow.active.is_(True), AccountRow.certified.is_(True), AccountRow.trained_until.between(first, last),
        AccountRow.id > after,
    )  # fmt: skip
    ids = session.scalars(query.order_by(AccountRow.id).limit(limit)).all()
    found = auth_repository.accounts(session, ids)
    return tuple(found[one] for one in ids)


# ---- the duty roster of a directorate or an academy ----------------------------------------------------------------


def add_duty(
    session: Session, *, unit: str, account: str, starts: datetime, ends: datetime, by: str, at: datetime
) -> str:
    """A new turn; returns its id."""
    row = DutyTurnRow(
        id=new_id(), unit=unit, account=account, starts=starts, ends=ends, entered_by=by, entered_at=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def turn(session: Session, turn_id: str) -> DutyTurnRow:
    """A turn that was not withdrawn; raises Unseen."""
    row = session.get(DutyTurnRow, turn_id, with_for_update=True)
    if row is None or row.withdrawn_at is not None:
        raise Unseen(turn_id)
    return row


def withdraw(session: Session, turn_id: str, *, at: datetime) -> None:
    """From now on the turn counts no more."""
    turn(session, turn_id).withdrawn_at = at
    session.flush()


def running(session: Session, units: Collection[str], *, starts: datetime, ends: datetime) -> tuple[DutyTurnRow, ...]:
    """The turns in these units that touch the time between two moments, the earliest first."""
    query = select(DutyTurnRow).where(
        DutyTurnRow.unit.in_(list(units)), DutyTurnRow.ends > starts, DutyTurnRow.starts < ends,
        DutyTurnRow.withdrawn_at.is_(None),
    )  # fmt: skip
    return tuple(session.scalars(query.order_by(DutyTurnRow.starts, DutyTurnRow.id)))


def on_duty(session: Session, units: Collection[str], at: datetime) -> tuple[DutyTurnRow, ...]:
    """Who is on duty in these units at a moment."""
    query = select(DutyTurnRow).where(
        DutyTurnRow.unit.in_(list(units)), DutyTurnRow.starts <= at, DutyTurnRow.ends > at,
        DutyTurnRow.withdrawn_at.is_(None),
    )  # fmt: skip
    return tuple(session.scalars(query.order_by(DutyTurnRow.starts, DutyTurnRow.id)))


# ---- schools by what their teams lack, by name; which of them opened a case since some month -----------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which schools, and what counts as their team: `roles`, of whom `trained` are asked for."""

    units: Collection[str]
    roles: Collection[str]
    today: date
    until: date
    """A certificate that ends by that day ends soon."""
    trained: int = 0
    lack: str = ""
    """`team`: nobody; `few`: a team with fewer trained people than asked; `ending`: a certificate ends soon or has;
    `long`: a team of which somebody was there by `since`; empty: every school. Whoever can't sign in yet is nobody."""
    since: date | None = None
    level: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A school in the order of a list: by name, then by id."""

    name: str
    id: str


def page_of_teams(
    session: Session, wanted: Wanted, language: str, *, after: Place | None = None, limit: int
) -> list[Place]:
    """The next schools by name in that language, after the last one of the page before."""
    name = _name(language)
    query = select(name, UnitRow.id).where(
        UnitRow.kind == UnitKind.school.value, UnitRow.id.in_(below(wanted.units)), *_lacking(wanted)
    )
    if wanted.level:
        query = query.where(UnitRow.id.in_(select(SchoolLevelRow.unit).where(SchoolLevelRow.level == wanted.level)))
    if after is not None:
        query = query.where(tuple_(name, UnitRow.id) > tuple_(literal(after.name), literal(after.id)))
    return [Place(*row) for row in session.execute(query.order_by(name, UnitRow.id).limit(limit))]


def _name(language: str) -> ColumnElement[str]:
    names = (UnitRow.names[key].as_string() for key in dict.fromkeys((language, "fr", "ar")))
    return cast(func.coalesce(*names, UnitRow.code), String)


def _lacking(wanted: Wanted) -> list[ColumnElement[bool]]:
    team = _holders(wanted)
    current = _holders(wanted, AccountRow.certified.is_(True), AccountRow.trained_until >= wanted.today)
    match wanted.lack:
        case "team":
            return [team == 0]
        case "few":
            return [team > 0, current < wanted.trained]
        case "ending":
            return [_holders(wanted, AccountRow.certified.is_(True), AccountRow.trained_until <= wanted.until) > 0]
        case "long":
            return [_holders(wanted, AppointmentRow.starts <= wanted.since) > 0]
    return []


def _holders(wanted: Wanted, *narrowed: ColumnElement[bool]) -> Any:
    """How many people who can sign in hold a role of the team there today."""
    query = (
        select(func.count(distinct(AppointmentRow.account)))
        .join(AccountRow, AccountRow.id == AppointmentRow.account)
        .where(
            AppointmentRow.unit == UnitRow.id, AppointmentRow.role.in_(list(wanted.roles)),
            AppointmentRow.starts <= wanted.today,
            or_(AppointmentRow.ends.is_(None), AppointmentRow.ends >= wanted.today),
            auth_repository.not_withdrawn(), AccountRow.active.is_(True), auth_repository.has_way_in(), *narrowed,
        )
    )  # fmt: skip
    return query.correlate(UnitRow).scalar_subquery()


# ---- levels of schools ---------------------------------------------------------------------------------------------


def levels(session: Session, units: Collection[str]) -> dict[str, str]:
    """Of which level these schools are, where it is known."""
    rows = session.scalars(select(SchoolLevelRow).where(SchoolLevelRow.unit.in_(list(units))))
    return {row.unit: row.level for row in rows}


def set_level(session: Session, unit: str, level: str) -> None:
    """Keep of which level a school is."""
    session.merge(SchoolLevelRow(unit=unit, level=level))
    session.flush()


# What belongs to no realm: accounts and their appointments, units, contacts, calendars, published
# definitions.


def add_contact(
    session: Session,
    *,
    target: str,
    names: Mapping[str, str],
    unit: str | None = None,
    labels: Mapping[str, str] | None = None,
    city: Mapping[str, str] | None = None,
    phone: str = "",
    url: str = "",
    hours: Mapping[str, Any] | None = None,
    position: int = 0,
) -> str:
    """A new contact, not verified yet; returns its id."""
    row = ContactRow(
        id=new_id(),
        unit=unit,
        target=target,
        names=dict(names),
        labels=dict(labels or {}),
        city=dict(city or {}),
        phone=phone,
        url=url,
        hours=dict(hours or {}),
        position=position,
    )
    session.add(row)
    session.flush()
    return row.id


def verify_contact(session: Session, contact_id: str, *, on: date, by: str) -> None:
    """Somebody called, and it is right."""
    row = session.get(ContactRow, contact_id)
    if row is None:
        raise Unseen(contact_id)
    row.verified_on, row.verified_by, row.revision = on, by, row.revision + 1
    session.flush()


@cached
def contacts_of(session: Session, unit_id: str) -> tuple[Any, ...]:
    """The contacts that serve a unit, as rows: its own first, then those above it, then the country's."""
    here = unit(session, unit_id)
    chain = (here.id, *here.parents)
    here_or_everywhere = or_(ContactRow.unit.in_(chain), ContactRow.unit.is_(None))
    query = select(*ContactRow.__table__.c).where(here_or_everywhere, ContactRow.retired_at.is_(None))
    rows = session.execute(query.order_by(ContactRow.position, ContactRow.id)).all()
    nearness = {each: place for place, each in enumerate(chain)}
    return tuple(sorted(rows, key=lambda row: nearness.get(row.unit or "", len(chain))))


@cached
def city_of(session: Session, unit_id: str) -> str:
    """In which town a unit is, as a list said it; empty where it is not known."""
    return session.scalar(select(UnitRow.city).where(UnitRow.id == unit_id)) or ""


def country_contacts(session: Session) -> tuple[ContactRow, ...]:
    """The contacts that serve the whole country."""
    query = select(ContactRow).where(ContactRow.unit.is_(None), ContactRow.retired_at.is_(None))
    return tuple(session.scalars(query.order_by(ContactRow.position, ContactRow.id)))


def set_calendar(session: Session, unit_id: str, calendar: Calendar) -> None:
    """Keep the school time of a unit (as a rule an academy) and of all below it."""
    row = CalendarRow(
        unit=unit_id,
        timezone=calendar.timezone,
        opening=_opening_out(calendar.opening),
        exceptions=[
            {"first": each.first.isoformat(), "last": each.last.isoformat(), "opening": _opening_out(each.opening)}
            for each in calendar.exceptions
        ],
        closed=sorted(day.isoformat() for day in calendar.closed),
    )
    session.merge(row)
    session.flush()


def calendar_of(session: Session, unit_id: str) -> Calendar:
    """The calendar that holds in a unit: its own or the nearest above; raises Unseen where there is none at all."""
    return calendar_for(session, unit(session, unit_id))


def calendar_for(session: Session, here: Unit) -> Calendar:
    """The calendar that holds in a unit which is known already."""
    return _calendar_along(session, (here.id, *here.parents))


@cached
def _calendar_along(session: Session, chain: tuple[str, ...]) -> Calendar:
    rows = {row.unit: row for row in session.execute(_CALENDARS, {"units": chain})}
    for each in chain:
        if each in rows:
            row = rows[each]
            return _calendar_said(row.timezone, *map(json.dumps, (row.opening, row.exceptions, row.closed)))
    raise Unseen(f"no calendar for unit {chain[0]}")


_CALENDARS = select(*CalendarRow.__table__.c).where(
    CalendarRow.__table__.c.unit.in_(bindparam("units", expanding=True))
)


def has_calendar(session: Session, here: Unit) -> bool:
    """Whether a calendar holds in that unit."""
    chain = (here.id, *here.parents)
    return session.scalar(select(CalendarRow.unit).where(CalendarRow.unit.in_(chain)).limit(1)) is not None


@lru_cache(maxsize=256)
def _calendar_said(timezone: str, opening: str, exceptions: str, closed: str) -> Calendar:
    """One calendar for the same words, so that what is worked out of it is found by it at once."""
    return Calendar(
        timezone=timezone,
        opening=_opening_in(json.loads(opening)),
        exceptions=tuple(
            HoursException(
                date.fromisoformat(each["first"]), date.fromisoformat(each["last"]), _opening_in(each["opening"])
            )
            for each in json.loads(exceptions)
        ),
        closed=frozenset(map(date.fromisoformat, json.loads(closed))),
    )


def _opening_out(opening: Mapping[int, tuple[Hours, ...]]) -> dict[str, Any]:
    return {
        str(day): [[each.opens.isoformat(), each.closes.isoformat()] for each in hours]
        for day, hours in opening.items()
    }


def _opening_in(opening: Mapping[str, Any]) -> dict[int, tuple[Hours, ...]]:
    return {
        int(day): tuple(Hours(time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in hours)
        for day, hours in opening.items()
    }
