"""Repository of releases of figures with their sealed counts, and of yearly reports that were handed out."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, select
from sqlalchemy.orm import Session

from school_protocol.engine.errors import Unseen
from school_protocol.statistics.models import (
    FigureKeyRow,
    FigurePaperRow,
    FigurePublicRow,
    FigureReleaseRow,
    FigureToldRow,
    YearlyReportRow,
)
from school_protocol.storage.master_keys import open_bytes, seal_bytes
from school_protocol.storage.models import CaseRecordRow, EventRow, TombstoneRow, new_id
from school_protocol.storage.sql import add_new
from school_protocol.storage.vault import Vault, canonical, from_canonical

MADE_OF = "figures"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ToldOf:
    """What is told of one unit: table → row → month → count, and the same for shares and medians."""

    unit: str
    above: str
    told: Mapping[str, Any]


# ---- keys ----------------------------------------------------------------------------------------------------------


def make_key(session: Session, vault: Vault, release: str) -> None:
    """A key for the counts of a release to come."""
    row = FigureKeyRow(release=release)
    row.master, row.wrapped = vault.wrap(vault.new_case_key(), row.label)
    session.add(row)
    session.flush()


def drop_key(session: Session, release: str) -> None:
    """Nothing came of that release: what was counted for it can't be opened any more."""
    session.execute(delete(FigureKeyRow).where(FigureKeyRow.release == release))


def seal(session: Session, vault: Vault, release: str, value: Mapping[str, Any]) -> bytes:
    """Counts of a release, sealed under its key."""
    return seal_bytes(_key(session, vault, release), _label(release), zlib.compress(canonical(value), 6))


def open_sealed(session: Session, vault: Vault, release: str, sealed: bytes) -> dict[str, Any]:
    """What was sealed; raises Sealed."""
    opened = open_bytes(_key(session, vault, release), _label(release), sealed)
    found: dict[str, Any] = from_canonical(zlib.decompress(opened))
    return found


def _key(session: Session, vault: Vault, release: str) -> bytes:
    row = session.get(FigureKeyRow, release)
    if row is None:
        raise Unseen(release)
    return vault.unwrap(row.master, row.wrapped, row.label)


def _label(release: str) -> str:
    return f"{MADE_OF}:{release}"


# ---- releases ------------------------------------------------------------------------------------------------------


def write_release(session: Session, told: Collection[ToldOf], **columns: Any) -> bool:
    """Keep a release for good; False where its number was given meanwhile."""
    if not add_new(session, FigureReleaseRow, **columns):
        return False
    of = columns["id"]
    rows = [{"release": of, "unit": one.unit, "above": one.above, "told": dict(one.told)} for one in told]
    for first in range(0, len(rows), _AT_ONCE):
        session.execute(insert(FigureToldRow), rows[first : first + _AT_ONCE])
    return True


def release(session: Session, release_id: str) -> FigureReleaseRow:
    """One; raises Unseen."""
    row = session.get(FigureReleaseRow, release_id)
    if row is None:
        raise Unseen(release_id)
    return row


def covering(session: Session, unit: str) -> tuple[FigureReleaseRow, ...]:
    """The releases that have this unit: issued for it, or for one above it; the newest first."""
    within = select(FigureToldRow.release).where(FigureToldRow.unit == unit)
    query = select(FigureReleaseRow).where(FigureReleaseRow.id.in_(within))
    rows = session.scalars(query.order_by(FigureReleaseRow.issued_at.desc(), FigureReleaseRow.id.desc()))
    return tuple(rows)


def beside(
    session: Session, protocol: str, units: Collection[str], months: Collection[str]
) -> tuple[FigureReleaseRow, ...]:
    """The releases that must be looked at together with one of these units and months, in the order they were issued.

    Those that share a unit with it, and those that share one with them, and so on: what they tell can be put together.
    """
    every = select(FigureReleaseRow).where(FigureReleaseRow.protocol == protocol)
    rows = session.scalars(every.order_by(FigureReleaseRow.issued_at, FigureReleaseRow.id))
    left = {row.id: row for row in rows if not set(months).isdisjoint(row.months)}
    trees = {one: _units(session, one) for one in left}
    found: set[str] = set()
    known = set(units)
    while joined := {one for one in left if one not in found and not known.isdisjoint(trees[one])}:
        found |= joined
        known.update(*(trees[one] for one in joined))
    return tuple(one for key, one in left.items() if key in found)


def _units(session: Session, release_id: str) -> frozenset[str]:
    return frozenset(session.scalars(select(FigureToldRow.unit).where(FigureToldRow.release == release_id)))


def sealed_of(session: Session, release_id: str) -> bytes:
    """The sealed counts of a release."""
    found = session.scalar(select(FigureReleaseRow.sealed).where(FigureReleaseRow.id == release_id))
    if found is None:
        raise Unseen(release_id)
    return found


def last_edition(session: Session, protocol: str, unit: str, year: int) -> FigureReleaseRow | None:
    """The latest release of that unit and school year."""
    query = select(FigureReleaseRow).where(
        FigureReleaseRow.protocol == protocol, FigureReleaseRow.unit == unit, FigureReleaseRow.year == year
    )
    return session.scalars(query.order_by(FigureReleaseRow.edition.desc()).limit(1)).one_or_none()


def told_of_release(session: Session, release_id: str, unit: str) -> ToldOf | None:
    """What a release tells of one unit; None: it isn't in it."""
    row = session.get(FigureToldRow, (release_id, unit))
    return ToldOf(row.unit, row.above, row.told) if row else None


def told_below(session: Session, release_id: str, unit: str) -> tuple[ToldOf, ...]:
    """What it tells of the units right below one."""
    query = select(FigureToldRow).where(FigureToldRow.release == release_id, FigureToldRow.above == unit)
    return tuple(ToldOf(row.unit, row.above, row.told) for row in session.scalars(query.order_by(FigureToldRow.unit)))


# ---- for everybody -------------------------------------------------------------------------------------------------


def set_public(session: Session, release_id: str, *, is_public: bool, actor: str, at: datetime) -> bool:
    """Put a release on the page for everybody, or take it from there; False where it is so already."""
    if (release_id in public_ids(session)) == is_public:
        return False
    place = session.scalar(select(func.count()).where(FigurePublicRow.release == release_id)) or 0
    return add_new(
        session, FigurePublicRow, id=new_id(), release=release_id, place=place + 1, is_public=is_public, at=at,
        actor=actor,
    )  # fmt: skip


def public_ids(session: Session) -> frozenset[str]:
    """The releases that are on the page for everybody now."""
    latest = select(FigurePublicRow.release, func.max(FigurePublicRow.place).label("place")).group_by(
        FigurePublicRow.release
    )
    last = latest.subquery()
    query = (
        select(FigurePublicRow.release)
        .join(last, (FigurePublicRow.release == last.c.release) & (FigurePublicRow.place == last.c.place))
        .where(FigurePublicRow.is_public.is_(True))
    )
    return frozenset(session.scalars(query))


def public(session: Session) -> tuple[FigureReleaseRow, ...]:
    """Those releases, the newest first."""
    ids = public_ids(session)
    query = select(FigureReleaseRow).where(FigureReleaseRow.id.in_(ids))
    return tuple(session.scalars(query.order_by(FigureReleaseRow.issued_at.desc())))


# ---- copies of reports ---------------------------------------------------------------------------------------------


def release_copies(session: Session, release_id: str, unit: str) -> int:
    """How many copies there are."""
    query = select(func.max(FigurePaperRow.copy))
    return session.scalar(query.where(FigurePaperRow.release == release_id, FigurePaperRow.unit == unit)) or 0


def release_of_press(session: Session, press: str) -> FigurePaperRow | None:
    """What that press of a form led to."""
    return session.scalars(select(FigurePaperRow).where(FigurePaperRow.press == press)).one_or_none()


def paper_of_digest(session: Session, digest: str) -> FigurePaperRow | None:
    """The copy whose file has that digest."""
    return session.scalars(select(FigurePaperRow).where(FigurePaperRow.digest == digest).limit(1)).one_or_none()


def write_paper(session: Session, **columns: Any) -> bool:
    """Write down that a copy was handed out; False where its number was given meanwhile."""
    return add_new(session, FigurePaperRow, id=new_id(), **columns)


# ---- yearly reports: the cases of a year, and the copies that were handed out, for good ----------------------------


def case_ids(session: Session, unit: str, protocol: str, starts: datetime, ends: datetime) -> list[str]:
    """The cases of a school whose first event was written from `starts` until before `ends`; none that was erased."""
    erased = exists().where(TombstoneRow.case_id == CaseRecordRow.id, TombstoneRow.seq == 0)
    query = (
        select(CaseRecordRow.id)
        .join(EventRow, and_(EventRow.case_id == CaseRecordRow.id, EventRow.seq == 1))
        .where(CaseRecordRow.unit == unit, CaseRecordRow.protocol == protocol)
        .where(EventRow.at >= starts, EventRow.at < ends, ~erased)
        .order_by(CaseRecordRow.id)
    )
    return list(session.scalars(query))


class Report(NamedTuple):
    """Which report: of which school and year, by which document of which protocol, up to which day."""

    realm: str
    unit: str
    protocol: str
    document: str
    year: int
    until: date


def yearly_copies(session: Session, report: Report) -> int:
    """How many copies of that year's report were handed out."""
    return session.scalar(select(func.max(YearlyReportRow.copy)).where(_of_year(report))) or 0


def first_yearly_report(session: Session, report: Report) -> YearlyReportRow | None:
    """The first copy that spoke of the year up to the same day: its figures are those of all others."""
    query = select(YearlyReportRow).where(_of_year(report), YearlyReportRow.until == report.until)
    return session.scalars(query.order_by(YearlyReportRow.copy).limit(1)).one_or_none()


def yearly_report_of_press(session: Session, press: str) -> YearlyReportRow | None:
    """What that press of a form led to."""
    return session.scalars(select(YearlyReportRow).where(YearlyReportRow.press == press)).one_or_none()


def of_digest(session: Session, digest: str) -> YearlyReportRow | None:
    """The copy whose file has that digest, SHA-256 in hexadecimal figures; None: none was handed out."""
    return session.scalars(select(YearlyReportRow).where(YearlyReportRow.digest == digest).limit(1)).one_or_none()


def write_yearly_copy(session: Session, report: Report, copy: int, **columns: Any) -> bool:
    """Write down that a copy was handed out, for good; False where its number was given meanwhile.

    So is it where figures were settled meanwhile, by a copy with another number.
    """
    if yearly_copies(session, report) + 1 != copy:
        return False
    return add_new(session, YearlyReportRow, id=new_id(), **report._asdict(), copy=copy, **columns)


def _of_year(report: Report) -> ColumnElement[bool]:
    names = ("realm", "unit", "protocol", "document", "year")
    return and_(*(getattr(YearlyReportRow, name) == getattr(report, name) for name in names))
