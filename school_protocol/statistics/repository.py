"""Repository of figures: counters by unit and month, jobs, releases and their papers, the share of each case.

Counters change as a transaction ends, each row locked in one order, so that no count is lost. The rows of a country are
everybody's: they are locked last, when all else is written, for as long as a commit takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, delete, event, exists, func, insert, select, text, tuple_, update
from sqlalchemy.orm import Session

from school_protocol.cases.models import CaseIndexRow
from school_protocol.engine.errors import Unseen
from school_protocol.statistics.models import (
    DisclosedFigureRow,
    FigureCounterRow,
    FigureFrozenRow,
    FigureJobRow,
    FigureKeyRow,
    FigurePaperRow,
    FigurePublicRow,
    FigureReleaseRow,
    FigureShareRow,
    RetentionShareRow,
    State,
    YearlyReportRow,
)
from school_protocol.statistics.rules import Cell, Cells, ReleasePeriod, Share
from school_protocol.storage.case_keys import case_key
from school_protocol.storage.models import CaseKeyRow, CaseRecordRow, EventRow, TombstoneRow, new_id
from school_protocol.storage.sql import add_new, add_rows, into
from school_protocol.storage.sql import put_rows as put_row
from school_protocol.storage.vault import Vault

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
    rows = [_counter_columns(key) | {"above": above, "counts": {}} for key, (above, _change) in wanted.items()]
    session.execute(into(session, FigureCounterRow).values(rows).on_conflict_do_nothing())
    for row in _locked(session, wanted):
        above, change = wanted[row.protocol, row.month, row.unit]
        row.above, row.counts = above, added(row.counts, change)
    session.flush()


def _counter_columns(key: Key) -> dict[str, Any]:
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


def every_counter(session: Session) -> dict[Key, tuple[str, dict[str, Any]]]:
    """All counters, by key: the unit above and the counts."""
    rows = session.scalars(select(FigureCounterRow), execution_options={"populate_existing": True})
    return {(row.protocol, row.month, row.unit): (row.above, row.counts) for row in rows if row.counts}


def replace_all(session: Session, counters: Mapping[Key, tuple[str, Change]]) -> int:
    """Put these in the place of all that there are; returns how many were otherwise."""
    before = every_counter(session)
    after = {key: (above, added({}, change)) for key, (above, change) in counters.items()}
    after = {key: found for key, found in after.items() if found[1]}
    differing = [key for key in {*before, *after} if before.get(key) != after.get(key)]
    session.execute(delete(FigureCounterRow))
    rows = [
        _counter_columns(key) | {"above": above, "counts": counts} for key, (above, counts) in sorted(after.items())
    ]
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


# ---- jobs: figures that were asked for and are being worked out ----------------------------------------------------
# One is worked on at a time, everywhere.

LEASE = timedelta(minutes=2)
"""Whoever took one and said nothing for so long is taken for dead."""


def add_job(session: Session, job_id: str, period: ReleasePeriod, **columns: Any) -> None:
    """Write down that figures are asked for."""
    session.add(FigureJobRow(id=job_id, year=period.year, quarter=period.quarter, state=State.counting, **columns))
    session.flush()


def job(session: Session, job_id: str) -> FigureJobRow:
    """One; raises Unseen."""
    row = session.get(FigureJobRow, job_id)
    if row is None:
        raise Unseen(job_id)
    return row


def job_of_press(session: Session, press: str) -> FigureJobRow | None:
    """What that press of a form led to."""
    return session.scalars(select(FigureJobRow).where(FigureJobRow.press == press)).one_or_none()


def latest_job(session: Session, protocol: str, unit: str) -> FigureJobRow | None:
    """What is being worked out of a unit; else what was last asked for."""
    query = select(FigureJobRow).where(FigureJobRow.protocol == protocol, FigureJobRow.unit == unit)
    order = (FigureJobRow.settled_at.is_not(None), FigureJobRow.asked_at.desc(), FigureJobRow.id)
    return session.scalars(query.order_by(*order).limit(1)).one_or_none()


def take_next(session: Session, *, now: datetime) -> FigureJobRow | None:
    """The one asked for first, under a lease; None where there is none, or somebody is at one."""
    query = select(FigureJobRow).where(FigureJobRow.state == State.counting)
    rows = session.scalars(query.order_by(FigureJobRow.asked_at, FigureJobRow.id).with_for_update()).all()
    if not rows or any(row.taken_at is not None and row.taken_at >= now - LEASE for row in rows):
        return None
    rows[0].taken_at = now
    rows[0].tries += 1
    session.flush()
    return rows[0]


def settle_job(session: Session, job_id: str, state: State, *, at: datetime, fault: str = "") -> bool:
    """It has come to its end; False where it had before."""
    running = update(FigureJobRow).where(FigureJobRow.id == job_id, FigureJobRow.state == State.counting)
    changed = session.execute(running.values(state=state, taken_at=None, settled_at=at, fault=fault))
    return bool(changed.rowcount)  # type: ignore[attr-defined]


# ---- shares: what each case adds, kept in the transaction that changes it ------------------------------------------
# Of one case, kinds of facts and dangers say more than a list may: they are sealed under its key.


def put_share(session: Session, vault: Vault, case_id: str, share: Share) -> None:
    """Keep what the case adds now in place of what it added before."""
    row, key = session.execute(_HELD, {"case": case_id}).one_or_none(), case_key(session, vault, case_id)
    before = _share(row, vault, key) if row is not None else None
    if before == share:
        return
    if before is not None:
        change_at_commit(session, _changes(before, -1))
    change_at_commit(session, _changes(share, 1))
    put_row(session, FigureShareRow(**_share_columns(vault, key, case_id, share)))


_SHARES = FigureShareRow.__table__.c
_HELD = select(*_SHARES).where(_SHARES.case_id == bindparam("case")).with_for_update()


def put_new(session: Session, vault: Vault, added: Sequence[tuple[str, bytes, Share]]) -> None:
    """Keep what cases add that added nothing before: id, key, share."""
    for _case_id, _key, share in added:
        change_at_commit(session, _changes(share, 1))
    add_rows(session, FigureShareRow, [_share_columns(vault, key, case_id, share) for case_id, key, share in added])


def _share_columns(vault: Vault, key: bytes, case_id: str, share: Share) -> dict[str, Any]:
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


def every_share(session: Session, vault: Vault) -> Iterator[Share]:
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


# ---- releases ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnitRelease:
    """What is told of one unit: table → row → month → count, and the same for shares and medians."""

    unit: str
    above: str
    told: Mapping[str, Any]


def noise_key(session: Session, vault: Vault, year: int) -> bytes:
    """With what a school year's noise is drawn: 32 random bytes, made when they are first asked for."""
    row = session.get(FigureKeyRow, str(year), with_for_update=True)
    if row is not None:
        return vault.unwrap(row.master, row.wrapped, row.label)
    row, key = FigureKeyRow(release=str(year)), vault.new_case_key()
    row.master, row.wrapped = vault.wrap(key, row.label)
    session.add(row)
    session.flush()
    return key


def drop_noise_key(session: Session, year: int) -> None:
    """Nobody can say any more which noise that year's figures bear."""
    session.execute(delete(FigureKeyRow).where(FigureKeyRow.release == str(year)))


def write_release(session: Session, told: Collection[UnitRelease], **columns: Any) -> bool:
    """Keep a release for good; False where its number was given, or the same was drawn, meanwhile."""
    if not add_new(session, FigureReleaseRow, **columns):
        return False
    of = columns["id"]
    rows = [{"release": of, "unit": one.unit, "above": one.above, "told": dict(one.told)} for one in told]
    for first in range(0, len(rows), _AT_ONCE):
        session.execute(insert(DisclosedFigureRow), rows[first : first + _AT_ONCE])
    return True


def release(session: Session, release_id: str) -> FigureReleaseRow:
    """One; raises Unseen."""
    row = session.get(FigureReleaseRow, release_id)
    if row is None:
        raise Unseen(release_id)
    return row


_TELLS = FigureReleaseRow.quarter.is_not(None)
"""Not a release of before: its exact numbers are told no more beside those that bear noise."""


def covering(session: Session, unit: str) -> tuple[FigureReleaseRow, ...]:
    """The releases that have this unit: issued for it, or for one above it; the newest first."""
    within = select(DisclosedFigureRow.release).where(DisclosedFigureRow.unit == unit)
    query = select(FigureReleaseRow).where(FigureReleaseRow.id.in_(within), _TELLS)
    newest = (FigureReleaseRow.issued_at.desc(), FigureReleaseRow.edition.desc(), FigureReleaseRow.id.desc())
    return tuple(session.scalars(query.order_by(*newest)))


def replaced(session: Session, ids: Collection[str]) -> frozenset[str]:
    """Which of these releases were withdrawn: others were issued in their place."""
    query = select(FigureReleaseRow.former).where(FigureReleaseRow.former.in_(list(ids)), _TELLS)
    return frozenset(one for one in session.scalars(query) if one is not None)


def drawn(
    session: Session, protocol: str, units: Collection[str], period: ReleasePeriod
) -> list[tuple[FigureReleaseRow, UnitRelease]]:
    """What releases told of these units in that period, each with the release in which it was drawn."""
    query = (
        select(FigureReleaseRow, DisclosedFigureRow)
        .join(DisclosedFigureRow, DisclosedFigureRow.release == FigureReleaseRow.id)
        .where(FigureReleaseRow.protocol == protocol, DisclosedFigureRow.unit.in_(list(units)))
        .where(FigureReleaseRow.year == period.year, FigureReleaseRow.quarter == period.quarter)
        .order_by(FigureReleaseRow.issued_at)
    )
    return [
        (issued, UnitRelease(row.unit, row.above, row.told))
        for issued, row in session.execute(query)
        if row.told["drawn_in"] == issued.id
    ]


def last_edition(session: Session, protocol: str, unit: str, year: int) -> FigureReleaseRow | None:
    """The latest release of that unit and school year."""
    query = select(FigureReleaseRow).where(
        FigureReleaseRow.protocol == protocol, FigureReleaseRow.unit == unit, FigureReleaseRow.year == year
    )
    return session.scalars(query.order_by(FigureReleaseRow.edition.desc()).limit(1)).one_or_none()


def told_of_release(session: Session, release_id: str, unit: str) -> UnitRelease | None:
    """What a release tells of one unit; None: it isn't in it."""
    row = session.get(DisclosedFigureRow, (release_id, unit))
    return UnitRelease(row.unit, row.above, row.told) if row else None


def told_below(session: Session, release_id: str, unit: str) -> tuple[UnitRelease, ...]:
    """What it tells of the units right below one."""
    query = select(DisclosedFigureRow).where(DisclosedFigureRow.release == release_id, DisclosedFigureRow.above == unit)
    return tuple(
        UnitRelease(row.unit, row.above, row.told) for row in session.scalars(query.order_by(DisclosedFigureRow.unit))
    )


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
        .join(FigureReleaseRow, FigureReleaseRow.id == FigurePublicRow.release)
        .where(FigurePublicRow.is_public.is_(True), _TELLS)
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


def put_erased_sum(session: Session, key: tuple[str, str, str, int, date], counts: Mapping[str, Any]) -> None:
    """Put a sum of erased cases in the place of the one that was kept. `key`: unit, protocol, document, year, until."""
    unit, protocol, document, year, until = key
    session.merge(
        RetentionShareRow(
            unit=unit, protocol=protocol, document=document, year=year, until=until, counts=dict(counts)
        )
    )  # fmt: skip
    session.flush()


def erased_sum(session: Session, key: tuple[str, str, str, int, date]) -> dict[str, Any] | None:
    """The sum that is kept under that key."""
    row = session.get(RetentionShareRow, key)
    return dict(row.counts) if row is not None else None


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
