"""Repository of accounts, appointments and units, which belong to no realm."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    Select,
    and_,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.orm import Session

from school_protocol.auth.models import AccountRow, AppointmentRow, OpenIdRow, UnitRow
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor, Appointment, Unit, UnitKind
from school_protocol.storage.administration_log import Change, Kind, change_of
from school_protocol.storage.engines import cache_of, cached
from school_protocol.storage.models import AdministrationRow, is_genuine, new_id
from school_protocol.storage.sql import add_rows

# Statements that every page asks are made once, of columns alone: what is built anew each time, and rows that could be
# written, cost more than the answer.
_ACCOUNTS, _UNITS, _POSTS = (row.__table__.c for row in (AccountRow, UnitRow, AppointmentRow))

# ---- accounts ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who can sign in. `password_hash` is None until a password was chosen."""

    id: str
    username: str
    names: Mapping[str, str]
    language: str
    certified: bool
    trained_until: date | None
    active: bool
    created_at: datetime
    password_hash: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)

    def name(self, language: str) -> str:
        """The name as it is written in that language, else as it was first given."""
        return self.names.get(language) or next(iter(self.names.values()), self.username)

    def is_trained(self, day: date) -> bool:
        """Whether the training is certified and current."""
        return self.certified and self.trained_until is not None and day <= self.trained_until


def add_account(
    session: Session,
    *,
    username: str,
    names: Mapping[str, str],
    language: str,
    created_at: datetime,
    password_hash: str | None = None,
    certified: bool = False,
    trained_until: date | None = None,
    email: str | None = None,
    phone: str | None = None,
) -> str:
    """A new active account; returns its id. The username must be free."""
    account_id = new_id()
    row = {
        "id": account_id, "username": plain_username(username), "names": dict(names), "language": language,
        "password_hash": password_hash, "certified": certified, "trained_until": trained_until, "active": True,
        "created_at": created_at, "email": email, "phone": phone,
    }  # fmt: skip
    add_rows(session, AccountRow, [row])
    return account_id


def plain_username(text: str) -> str:
    """A username as it is kept and compared."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def account(session: Session, account_id: str) -> Account | None:
    """The account with that id."""
    return accounts(session, [account_id]).get(account_id)


def account_named(session: Session, username: str) -> Account | None:
    """The account with that username, however it was typed."""
    row = session.scalars(select(AccountRow).where(AccountRow.username == plain_username(username))).one_or_none()
    return _account(session, row) if row else None


def accounts(session: Session, ids: Collection[str]) -> dict[str, Account]:
    """The accounts with these ids, for naming people on a page."""
    known = cache_of(session, "accounts")
    asked = [one for one in dict.fromkeys(ids) if one not in known]
    if asked:
        rows = session.execute(_ACCOUNTS_WITH_IDS, {"ids": asked})
        known |= dict.fromkeys(asked) | {row.id: _account(session, row) for row in rows}
    return {one: known[one] for one in ids if known[one] is not None}


_ACCOUNTS_WITH_IDS = select(*_ACCOUNTS).where(_ACCOUNTS.id.in_(bindparam("ids", expanding=True)))


def set_password(session: Session, account_id: str, password_hash: str) -> None:
    """Keep a new password hash."""
    _set(session, account_id, password_hash=password_hash)


def set_language(session: Session, account_id: str, language: str) -> None:
    """Keep the language that this person reads."""
    _set(session, account_id, language=language)


def set_training(session: Session, account_id: str, *, certified: bool, trained_until: date | None) -> None:
    """Keep what the training's certificate says."""
    _set(session, account_id, certified=certified, trained_until=trained_until)


def set_address(session: Session, account_id: str, *, email: str | None, phone: str | None) -> None:
    """Keep where messages reach this person; None: they don't that way."""
    _set(session, account_id, email=email, phone=phone)


def without_address(session: Session) -> int:
    """How many active accounts no message can reach."""
    query = select(func.count()).select_from(AccountRow)
    return session.scalar(query.where(AccountRow.active.is_(True), AccountRow.email.is_(None))) or 0


def set_active(session: Session, account_id: str, active: bool) -> None:
    """Let somebody in, or no longer."""
    _set(session, account_id, active=active)


def _set(session: Session, account_id: str, **values: Any) -> None:
    row = session.get(AccountRow, account_id)
    if row is None:
        raise Unseen(account_id)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()


def _account(session: Session, row: Any) -> Account:
    """Whatever a row says that was not written with the keys, nobody comes in by it."""
    genuine = is_genuine(session, AccountRow, row)
    return Account(
        id=row.id,
        username=row.username,
        names=dict(row.names),
        language=row.language,
        certified=row.certified,
        trained_until=row.trained_until,
        active=row.active and genuine,
        created_at=row.created_at,
        password_hash=row.password_hash if genuine else None,
        email=row.email,
        phone=row.phone,
    )


# ---- appointments --------------------------------------------------------------------------------------------------


def appoint(session: Session, account_id: str, *, role: str, unit: str, starts: date, ends: date | None = None) -> str:
    """Give somebody a role in a unit; returns the appointment's id."""
    appointment_id = new_id()
    row = {"id": appointment_id, "account": account_id, "role": role, "unit": unit, "starts": starts, "ends": ends}
    add_rows(session, AppointmentRow, [row])
    return appointment_id


def end_appointment(session: Session, appointment_id: str, ends: date) -> None:
    """Say on which day an appointment ends."""
    row = session.get(AppointmentRow, appointment_id)
    if row is None:
        raise Unseen(appointment_id)
    row.ends = ends
    session.flush()


def actor(session: Session, account_id: str, *, realm: str, today: date) -> Actor | None:
    """Who this person is as one who acts today; None for no such account, or one that is no longer active."""
    found = account(session, account_id)
    return next(iter(actors(session, {account_id: found}, realm=realm, today=today)), None) if found else None


_IDS_AT_ONCE = 500


def actors(session: Session, known: Mapping[str, Account], *, realm: str, today: date) -> tuple[Actor, ...]:
    """Several people at once as those who act today, without those who are no longer active: two queries for 500."""
    active = [one for one in known.values() if one.active]
    kept = cache_of(session, (actors, realm, today))
    asked = [one for one in active if one.id not in kept]
    for first in range(0, len(asked), _IDS_AT_ONCE):
        some = asked[first : first + _IDS_AT_ONCE]
        ids = [one.id for one in some]
        now, every = _appointments_of(session, ids, today)
        left = _left(session, ids, every)
        kept |= {
            one.id: Actor(
                id=one.id,
                realm=realm,
                name=one.name(one.language),
                appointments=tuple(now[one.id]),
                trained=one.is_trained(today),
                language=one.language,
                left=frozenset(left[one.id]),
            )
            for one in some
        }
    return tuple(kept[one.id] for one in active)


def _appointments_of(
    session: Session, ids: Collection[str], today: date
) -> tuple[dict[str, list[Appointment]], dict[str, list[Appointment]]]:
    """Account → the appointments that count today, and all that there ever were."""
    now, every = defaultdict[str, list[Appointment]](list), defaultdict[str, list[Appointment]](list)
    for found in session.execute(_appointments(), {"ids": list(ids), "today": today}):
        if not is_genuine(session, AppointmentRow, found):
            continue
        post = Appointment(found.role, found.unit, found.starts, found.ends)
        every[found.account].append(post)
        if found.counts:
            now[found.account].append(post)
    return now, every


def _left(session: Session, ids: Collection[str], posts: Mapping[str, list[Appointment]]) -> dict[str, set[str]]:
    """Account → numbers of the cases that it left, in units to which nobody has appointed it anew since."""
    left = defaultdict[str, set[str]](set)
    for account_id, number, unit, at in session.execute(_left_cases(), {"ids": list(ids)}):
        anew = any(one.unit == unit and one.starts > at.date() for one in posts.get(account_id, ()))
        if number is not None and not anew:
            left[account_id].add(number)
    return left


def left_by(session: Session, ids: Collection[str], *, today: date) -> dict[str, set[str]]:
    """Account → numbers of the cases that it left, in units to which nobody has appointed it anew since."""
    return _left_by(session, tuple(sorted(ids)), today)


@cached
def _left_by(session: Session, ids: tuple[str, ...], today: date) -> dict[str, set[str]]:
    gone = {row.account for row in session.execute(_left_cases(), {"ids": ids})} if ids else set()
    if not gone:
        return {}
    _now, every = _appointments_of(session, gone, today)
    return _left(session, gone, every)


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who holds a role in a unit today."""

    account: Account
    role: str
    unit: str
    has_way_in: bool


def holders(session: Session, units: Collection[str], *, today: date) -> tuple[Holder, ...]:
    """Who holds a role in any of these units today: active accounts only, by role and username."""
    return _holders(session, tuple(sorted(units)), today)


@cached
def _holders(session: Session, units: tuple[str, ...], today: date) -> tuple[Holder, ...]:
    found = []
    for row in session.execute(_held(), {"units": units, "today": today}):
        said = {one.key: getattr(row, f"post_{one.key}") for one in _POSTS}
        account = _account(session, row)
        if account.active and is_genuine(session, AppointmentRow, SimpleNamespace(**said)):
            found.append(Holder(account, row.post_role, row.post_unit, row.enters))
    return tuple(found)


def _current(today: date | BindParameter[date]) -> tuple[Any, ...]:
    in_time = or_(_POSTS.ends.is_(None), _POSTS.ends >= today)
    return _POSTS.starts <= today, in_time, not_withdrawn()


def not_withdrawn() -> ColumnElement[bool]:
    """An appointment that nobody has ended at once."""
    changes = AdministrationRow.__table__.c
    withdrawn = exists().where(changes.appointment == _POSTS.id, changes.withdraws.is_(True))
    return not_(withdrawn.correlate(AppointmentRow.__table__))


@lru_cache(maxsize=1)  # asked for each page and each form, several times
def _appointments() -> Select[*tuple[Any, ...]]:
    row = _POSTS
    counts = and_(*_current(bindparam("today", type_=Date()))).label("counts")
    query = select(*row, counts)
    return query.where(row.account.in_(bindparam("ids", expanding=True))).order_by(row.starts, row.id)


@lru_cache(maxsize=1)
def _left_cases() -> Select[*tuple[Any, ...]]:
    row = AdministrationRow.__table__.c
    query = select(row.account, row.number, row.unit, row.at)
    return query.where(row.account.in_(bindparam("ids", expanding=True)), row.number.is_not(None))


def has_way_in() -> ColumnElement[bool]:
    """Whether somebody can sign in: a password was chosen, or they are known elsewhere."""
    linked = exists().where(OpenIdRow.__table__.c.account == _ACCOUNTS.id)
    return or_(_ACCOUNTS.password_hash.is_not(None), linked)


@lru_cache(maxsize=1)
def _held() -> Select[*tuple[Any, ...]]:
    in_units = _POSTS.unit.in_(bindparam("units", expanding=True))
    return (
        select(*_ACCOUNTS, *(column.label(f"post_{column.key}") for column in _POSTS), has_way_in().label("enters"))
        .where(_POSTS.account == _ACCOUNTS.id, in_units, _ACCOUNTS.active.is_(True))
        .where(*_current(bindparam("today", type_=Date())))
        .order_by(_POSTS.role, _ACCOUNTS.username)
    )


def hold_unit(session: Session, unit: str) -> None:
    """Whoever holds the same unit waits until this transaction ends."""
    session.get_one(UnitRow, unit, with_for_update={"key_share": True})


# ---- units ---------------------------------------------------------------------------------------------------------


def add_unit(
    session: Session, *, kind: UnitKind, code: str, names: Mapping[str, str], parent: str | None = None
) -> str:
    """A new school, province, region or country; returns its id."""
    unit_id = new_id()
    row = {"id": unit_id, "kind": kind.value, "code": code, "names": dict(names), "parent": parent}
    add_rows(session, UnitRow, [row])
    return unit_id


def has_units(session: Session) -> bool:
    """Whether there is any place at all."""
    return session.scalar(select(UnitRow.id).limit(1)) is not None


def unit(session: Session, unit_id: str) -> Unit:
    """A unit with the ids above it, nearest first; raises Unseen."""
    found = find_units(session, [unit_id])
    if not found:
        raise Unseen(unit_id)
    return found[unit_id]


def unit_coded(session: Session, code: str) -> Unit | None:
    """The unit with that code (GRESA for schools)."""
    found = session.scalar(select(UnitRow.id).where(UnitRow.code == code))
    return unit(session, found) if found else None


def schools_coded(session: Session, codes: Collection[str]) -> dict[str, Unit]:
    """Those of these codes that are schools of this installation, each with its school."""
    if not codes:
        return {}
    wanted = select(UnitRow.id).where(UnitRow.kind == UnitKind.school.value, UnitRow.code.in_(codes))
    return {one.code: one for one in find_units(session, session.scalars(wanted.order_by(UnitRow.code))).values()}


def find_units(session: Session, ids: Iterable[str]) -> dict[str, Unit]:
    """Several units with what lies above them: one query, however many units and storeys."""
    wanted, known = list(dict.fromkeys(ids)), cache_of(session, "units")
    asked = [each for each in wanted if each not in known]
    if asked:
        rows = {row.id: row for row in session.execute(_UPWARDS, {"wanted": asked})}
        known |= {each: _unit(session, rows, rows[each]) if each in rows else None for each in asked}
    return {each: known[each] for each in wanted if known[each] is not None}


def units_of_kind(session: Session, kind: UnitKind) -> tuple[Unit, ...]:
    """Every unit of a kind, by code."""
    ids = session.scalars(select(UnitRow.id).where(UnitRow.kind == kind.value).order_by(UnitRow.code)).all()
    return tuple(find_units(session, ids).values())


def topmost(session: Session) -> tuple[Unit, ...]:
    """The units that lie under no other, by code."""
    ids = session.scalars(select(UnitRow.id).where(UnitRow.parent.is_(None)).order_by(UnitRow.code)).all()
    return tuple(find_units(session, ids).values())


def children(session: Session, *unit_ids: str) -> tuple[Unit, ...]:
    """The units directly below these, by code: those below the first, then those below the next."""
    below = select(UnitRow.id, UnitRow.parent).where(UnitRow.parent.in_(unit_ids)).order_by(UnitRow.code)
    found = session.execute(below).all() if unit_ids else []
    place = {unit: number for number, unit in enumerate(unit_ids)}
    return tuple(find_units(session, [one.id for one in sorted(found, key=lambda one: place[one.parent])]).values())


def schools_under(session: Session, unit_ids: Iterable[str]) -> tuple[Unit, ...]:
    """The schools among these units and below them, however many storeys, by code."""
    storey = select(UnitRow.id).where(UnitRow.id.in_(list(unit_ids))).cte("below", recursive=True)
    below = storey.union(select(UnitRow.id).join(storey, UnitRow.parent == storey.c.id))
    query = select(UnitRow.id).where(UnitRow.id.in_(select(below.c.id)), UnitRow.kind == UnitKind.school.value)
    return tuple(find_units(session, session.scalars(query.order_by(UnitRow.code)).all()).values())


def _upwards() -> Select[*tuple[Any, ...]]:
    """Ids alone go up the storeys: PostgreSQL compares no JSON, and a union compares."""
    row = _UNITS
    wanted = row.id.in_(bindparam("wanted", expanding=True))
    storeys = select(row.id, row.parent).where(wanted).cte("storeys", recursive=True)
    found = storeys.union(select(row.id, row.parent).where(row.id == storeys.c.parent))
    return select(*row).where(row.id.in_(select(found.c.id)))


_UPWARDS = _upwards()


def _unit(session: Session, rows: Mapping[str, Any], row: Any) -> Unit:
    """Nothing lies above a row that was not written with the keys: who sees what lies below them sees none of it."""
    parents: list[str] = []
    here = row
    while is_genuine(session, UnitRow, here) and here.parent in rows and here.parent not in parents:
        parents.append(here.parent)
        here = rows[here.parent]
    return Unit(row.id, UnitKind(row.kind), row.code, dict(row.names), tuple(parents))


# ---- posts: who works where, as it changes -------------------------------------------------------------------------


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
    return _posts(session, tuple(sorted(units)), since)


@cached
def _posts(session: Session, units: tuple[str, ...], since: date) -> tuple[Post, ...]:
    not_over = or_(AppointmentRow.ends.is_(None), AppointmentRow.ends >= since)
    query = (
        select(AppointmentRow)
        .join(AccountRow, AccountRow.id == AppointmentRow.account)
        .where(AppointmentRow.unit.in_(units), not_over, not_withdrawn())
        .order_by(AppointmentRow.role, AccountRow.username, AppointmentRow.starts, AppointmentRow.id)
    )
    rows = session.scalars(query).all()
    named = _stand_ins(session, [row.id for row in rows])
    people = accounts(session, {row.account for row in rows})
    return tuple(
        Post(row.id, people[row.account], row.role, row.unit, row.starts, row.ends, named.get(row.id)) for row in rows
    )


def _stand_ins(session: Session, ids: Collection[str]) -> dict[str, Change]:
    query = select(AdministrationRow).where(
        AdministrationRow.kind == Kind.stand_in_named.value, AdministrationRow.appointment.in_(ids)
    )
    return {row.appointment: change_of(row) for row in session.scalars(query) if row.appointment} if ids else {}


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
    return _last_day_of_role(session, tuple(sorted(units)), tuple(sorted(roles)))


@cached
def _last_day_of_role(session: Session, units: tuple[str, ...], roles: tuple[str, ...]) -> dict[str, date]:
    query = select(AppointmentRow.unit, AppointmentRow.ends).where(
        AppointmentRow.unit.in_(units), AppointmentRow.role.in_(roles), AppointmentRow.ends.is_not(None)
    )
    found: dict[str, date] = {}
    for unit, ends in session.execute(query):
        if ends is not None:
            found[unit] = max(ends, found.get(unit, ends))
    return found
