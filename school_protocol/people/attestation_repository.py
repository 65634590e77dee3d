"""Attestations of workshops: kept, listed, withdrawn; the copies of their certificates; what they say of an account."""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from school_protocol.auth import repository as auth_repository
from school_protocol.engine.errors import Sealed
from school_protocol.people.models import AttestationCopyRow, AttestationRow, CertificateRow
from school_protocol.storage.case_numbers import new_number
from school_protocol.storage.models import new_id
from school_protocol.storage.sql import add_new, before
from school_protocol.storage.vault import Vault

_log = logging.getLogger(__name__)
_NUMBERS_TRIED = 20
_LOST = ""
"""What stands for a name whose master key is gone."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """When, by whom and why it was withdrawn."""

    at: datetime
    by: str
    why: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """One person of a workshop; `name` is empty where its master key is gone. `titles`: of scenario and protocol."""

    id: str
    number: str
    workshop: str
    place: int
    academy: str
    scenario: str
    titles: Mapping[str, Mapping[str, str]]
    protocol: str
    protocol_version: int
    held_on: date
    minutes: int
    account: str | None
    attended: bool
    passed: bool
    valid_until: date | None
    attested_by: str
    attested_at: datetime
    certificate: str | None = None
    stood_until: date | None = None
    name: str = field(repr=False)
    withdrawn: Withdrawn | None = None


_PLAIN = tuple(name for name in Attestation.__slots__ if name not in ("name", "withdrawn"))


# ---- keeping -----------------------------------------------------------------------------------------------------


def free_number(session: Session, rng: random.Random) -> str:
    """A number that no attestation has."""
    for _try in range(_NUMBERS_TRIED):
        number = new_number(rng)
        if session.scalar(select(AttestationRow.id).where(AttestationRow.number == number)) is None:
            return number
    raise RuntimeError("no free number was found")


def add(session: Session, vault: Vault, one: Attestation) -> None:
    """Keep an attestation for good, its name sealed."""
    values = {name: getattr(one, name) for name in _PLAIN}
    row = AttestationRow(**{**values, "titles": {key: dict(said) for key, said in one.titles.items()}})
    row.master, row.wrapped = vault.wrap(one.name.encode(), row.label)
    session.add(row)
    session.flush()


def withdraw(session: Session, attestation: str, gone: Withdrawn) -> None:
    """It counts no more, for good."""
    row = session.get_one(AttestationRow, attestation)
    row.withdrawn_at, row.withdrawn_by = gone.at, gone.by
    row.withdrawn_why, row.withdrawn_sentence = gone.why, gone.sentence
    session.flush()


# ---- finding -----------------------------------------------------------------------------------------------------


def find(session: Session, vault: Vault, attestation: str) -> Attestation | None:
    """The attestation with that id."""
    row = session.get(AttestationRow, attestation)
    return None if row is None else _attestation(vault, row)


def of_workshop(session: Session, vault: Vault, workshop: str) -> tuple[Attestation, ...]:
    """Everybody of a workshop, in the order in which they were entered."""
    query = select(AttestationRow).where(AttestationRow.workshop == workshop)
    rows = session.scalars(query.order_by(AttestationRow.place))
    return tuple(_attestation(vault, row) for row in rows)


def of_academies(
    session: Session,
    vault: Vault,
    academies: Iterable[str],
    *,
    ending: tuple[date, date] | None = None,
    after: tuple[date, str] | None = None,
    limit: int,
) -> tuple[Attestation, ...]:
    """What trainers of these academies attested, latest workshop first, after the last pair of the page before.

    `ending`: certificates that stand and end between these days, of people whom no later one certifies.
    """
    query = select(AttestationRow).where(AttestationRow.academy.in_(list(academies)))
    if ending is not None:
        first, last = ending
        stands = AttestationRow.withdrawn_at.is_(None)
        query = query.where(AttestationRow.valid_until.between(first, last), stands, ~_is_renewed())
    order = (AttestationRow.held_on, AttestationRow.id)
    if after is not None:
        query = query.where(before(order, after))
    rows = session.scalars(query.order_by(*(column.desc() for column in order)).limit(limit))
    return tuple(_attestation(vault, row) for row in rows)


def _is_renewed() -> ColumnElement[bool]:
    """Whether a later attestation of the same account is good for longer."""
    later = aliased(AttestationRow)
    return exists().where(
        later.account == AttestationRow.account, later.valid_until > AttestationRow.valid_until,
        later.withdrawn_at.is_(None),
    )  # fmt: skip


def renewed(session: Session, attestations: Collection[str]) -> frozenset[str]:
    """Of these, those of people whom another one certifies for longer."""
    query = select(AttestationRow.id).where(AttestationRow.id.in_(list(attestations)), _is_renewed())
    return frozenset(session.scalars(query) if attestations else ())


def _attestation(vault: Vault, row: AttestationRow) -> Attestation:
    gone = None
    if row.withdrawn_at is not None:
        gone = Withdrawn(
            row.withdrawn_at, row.withdrawn_by or "", row.withdrawn_why or "", row.withdrawn_sentence or ""
        )
    values = {name: getattr(row, name) for name in _PLAIN}
    return Attestation(**values, name=_name(vault, row), withdrawn=gone)


def _name(vault: Vault, row: AttestationRow) -> str:
    try:
        return vault.unwrap(row.master, row.wrapped, row.label).decode()
    except Sealed:
        _log.error("a name on an attestation can't be opened")
        return _LOST


def attended_by(
    session: Session, accounts: Collection[str], first: date, until: date
) -> tuple[tuple[str, str, date], ...]:  # fmt: skip
    """Who of these accounts attended which workshop on which day, from the first day to before the other; no name."""
    query = select(AttestationRow.account, AttestationRow.workshop, AttestationRow.held_on).where(
        AttestationRow.account.in_(list(accounts)), AttestationRow.attended.is_(True),
        AttestationRow.withdrawn_at.is_(None), AttestationRow.held_on >= first, AttestationRow.held_on < until,
    )  # fmt: skip
    return tuple((str(account), workshop, day) for account, workshop, day in session.execute(query))


# ---- copies ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Handed:
    """One certificate that was handed out."""

    attestation: str
    copy: int
    language: str
    actor: str
    at: datetime
    digest: str
    press: str


def copies(session: Session, attestation: str) -> int:
    """How many copies of that certificate were handed out."""
    query = select(func.max(AttestationCopyRow.copy)).where(AttestationCopyRow.attestation == attestation)
    return session.scalar(query) or 0


def pressed(session: Session, press: str) -> int | None:
    """The number of the copy to which that press of a form led."""
    return session.scalar(select(AttestationCopyRow.copy).where(AttestationCopyRow.press == press))


def write(session: Session, handed: Handed) -> bool:
    """Write down that a copy was handed out, for good; False where its number was given meanwhile."""
    if copies(session, handed.attestation) + 1 != handed.copy:
        return False
    values = {name: getattr(handed, name) for name in Handed.__slots__}
    return add_new(session, AttestationCopyRow, id=new_id(), **values)


def of_digest(session: Session, digest: str) -> tuple[int, datetime | None] | None:
    """Of the certificate whose file has that digest: its number as a copy, and when it was withdrawn, if it was."""
    query = (
        select(AttestationCopyRow.copy, AttestationRow.withdrawn_at)
        .join(AttestationRow, AttestationRow.id == AttestationCopyRow.attestation)
        .where(AttestationCopyRow.digest == digest)
    )
    found = session.execute(query.limit(1)).one_or_none()
    return None if found is None else (found[0], found[1])


# ---- what stands of an account -----------------------------------------------------------------------------------


def certify(session: Session, one: Attestation, *, stands_until: date | None) -> str:
    """Write its certificate down about its account, which is certified from now on; returns the certificate's id.

    `stands_until`: the account is certified up to then as it is, and is not certified for less by this.
    """
    assert one.account is not None
    assert one.valid_until is not None
    row = CertificateRow(
        id=new_id(), account=one.account, issued=one.held_on, until=one.valid_until, seen_by=one.attested_by,
        seen_at=one.attested_at,
    )  # fmt: skip
    session.add(row)
    until = max(one.valid_until, stands_until or one.valid_until)
    auth_repository.set_training(session, one.account, certified=True, trained_until=until)
    session.flush()
    return row.id


def decertify(session: Session, one: Attestation) -> bool:
    """What the account has by this attestation, already withdrawn, it has no more; False where it is certified by else.

    What was seen or attested before and since stands as if this one had never been.
    """
    assert one.account is not None
    account = auth_repository.account(session, one.account)
    assert account is not None
    had = _stands(session, one.account, still=one.id)
    now = account.trained_until if account.certified else None
    if now != had:
        return False
    until = _stands(session, one.account)
    if until == now:
        return False
    auth_repository.set_training(session, one.account, certified=until is not None, trained_until=until)
    session.flush()
    return True


def _stands(session: Session, account: str, *, still: str = "") -> date | None:
    """Up to when this account is certified by what was seen and attested since it was first attested.

    What somebody saw takes the place of all before it; what a workshop gave never makes it less. `still`: this
    attestation counts though it was withdrawn.
    """
    attested: Mapping[str | None, AttestationRow] = {
        row.certificate: row for row in session.scalars(select(AttestationRow).where(AttestationRow.account == account))
    }
    query = select(CertificateRow).where(CertificateRow.account == account)
    until: date | None = None
    has_begun = False
    for seen in session.scalars(query.order_by(CertificateRow.seen_at, CertificateRow.id)):
        row = attested.get(seen.id)
        if row is None:
            until = seen.until if has_begun else until
            continue
        if not has_begun:
            has_begun, until = True, row.stood_until
        if row.withdrawn_at is None or row.id == still:
            until = seen.until if until is None else max(until, seen.until)
    return until


def withdrawn_certificates(account: str) -> Select[str | None]:
    """A query for the ids of the certificates of that account that were withdrawn."""
    return select(AttestationRow.certificate).where(
        AttestationRow.account == account, AttestationRow.withdrawn_at.is_not(None),
        AttestationRow.certificate.is_not(None),
    )  # fmt: skip
