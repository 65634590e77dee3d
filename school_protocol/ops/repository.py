"""What ops asks of the tables: rows that a copy of samples is made of, and rows that are named where none is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from school_protocol.auth.models import AccountRow, AppointmentRow, CodeSeedRow, PasskeyRow, UnitRow
from school_protocol.cases import index_check_repository, lookup_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.models import CaseIndexRow, IdentityMarkRow, IdentityRow, ReportRow
from school_protocol.engine.errors import Unseen
from school_protocol.engine.events import Entry
from school_protocol.language import ZONE
from school_protocol.people.models import ContactRow
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.models import FigureReleaseRow
from school_protocol.statistics.rules import Share
from school_protocol.storage import case_keys, journal
from school_protocol.storage import models as storage_models
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.engines import Store
from school_protocol.storage.models import AdministrationRow, CaseRecordRow, ObjectKeyRow, RealmBase, new_id
from school_protocol.storage.vault import Vault, canonical, from_canonical

# Histories of cases read whole out of one store and written into another, many at once, each as a
# case of its own.
# Every copy has its own id, number, keys, chain, people and places; what happened stays as it was, and
# when, but for whole weeks.

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A report that belongs to a case, opened."""

    header: ReportRow
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that a store holds of one case, opened: events, people, reports, the index, what it adds to figures."""

    opened: CaseRecordRow
    entries: tuple[Entry, ...]
    people: tuple[cases_repository.Identity, ...]
    reports: tuple[Said, ...]
    index: Mapping[str, Sequence[Row]]
    """By the table's name."""
    share: Share

    @property
    def ended(self) -> bool:
        return bool(self.index[CaseIndexRow.__tablename__][0]["ended"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A case to be made out of a history: ids that stand in place of others, and who its people are, by slot."""

    history: History
    number: str
    word: str
    ids: Mapping[str, str]
    """Of units and accounts, all that the history names."""
    path: tuple[str, ...]
    """Where it counts in figures, upwards."""
    people: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    marks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By slot: the names and codes to find it by."""
    later: timedelta = timedelta()
    """How much later all of it happened, in whole weeks: days of the week stay what they were."""

    @property
    def ended_at(self) -> datetime:
        """The moment of its last event."""
        return self.history.entries[-1].at + self.later


def read_sample(session: Session, vault: Vault, case_id: str) -> History:
    """The history of a case; raises Unseen, or Sealed for one that was erased."""
    share = statistics_repository.share(session, vault, case_id)
    if share is None:
        raise Unseen(f"{case_id} adds nothing to figures")
    headers = lookup_repository.reports_of_case(session, case_id)
    said = (Said(header=one, content=lookup_repository.content(session, vault, one.id)) for one in headers)
    return History(
        opened=cases_repository.opened(session, case_id),
        entries=cases_repository.load_events(session, vault, case_id),
        people=cases_repository.load_identities(session, vault, case_id),
        reports=tuple(said),
        index={table.name: _rows(session, table, case_id) for table in index_check_repository.tables()},
        share=share,
    )


def write_sample(store: Store, vault: Vault, copies: Sequence[Copy]) -> list[str]:
    """Make these cases, all or none, their keys committed before; returns their ids."""
    prepared = case_keys.prepare_keys(store, vault, len(copies))
    with store.writing(together=True) as session:
        batch = _Batch(session, vault)
        for (case_id, key), copy in zip(prepared, copies, strict=True):
            batch.add(case_id, key, copy)
        batch.write()
    return [case_id for case_id, _key in prepared]


# ---- one batch -----------------------------------------------------------------------------------------------------


class _Batch:
    """Rows of many cases, table by table."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self.session, self.vault = session, vault
        self.chained = cases_repository.Chained()
        self.before: dict[Table, list[Row]] = {_table(one): [] for one in (CaseRecordRow,)}
        self.after: dict[Table, list[Row]] = {
            _table(one): [] for one in (ObjectKeyRow, IdentityRow, IdentityMarkRow, ReportRow)
        } | {table: [] for table in index_check_repository.tables()}
        self.shares: list[tuple[str, bytes, Share]] = []

    def add(self, case_id: str, key: bytes, copy: Copy) -> None:
        history = copy.history
        said = {one.header.id: new_id() for one in history.reports}
        ids = {**copy.ids, **said, history.opened.id: case_id, history.opened.number: copy.number}
        record = CaseRecordRow(
            id=case_id, number=copy.number, protocol=history.opened.protocol, version=history.opened.version,
            digest=history.opened.digest, unit=ids[history.opened.unit],
            opened_at=history.opened.opened_at + copy.later,
        )  # fmt: skip
        self.before[_table(CaseRecordRow)].append(_plain(record))
        entries = [_with_word(_renamed(entry, ids, copy.later), copy.word) for entry in history.entries]
        self.chained.seal(self.vault, key, record, journal.root_hash(self.vault, record), entries)
        self._people(case_id, key, record.unit, copy)
        self._reports(case_id, ids, copy)
        own = {
            table: [
                {name: _named(value, ids, copy.later) for name, value in row.items()}
                for row in history.index[table.name]
            ]
            for table in index_check_repository.tables()
        }
        own[_table(CaseIndexRow)][0]["word"] = copy.word
        own[_table(CaseIndexRow)][0]["macs"] = storage_models.of_several(self.session, own.items())
        for table, rows in own.items():
            self.after[table] += rows
        month = f"{record.opened_at.astimezone(ZONE):%Y-%m}"
        self.shares.append((case_id, key, replace(history.share, path=copy.path, month=month)))

    def _people(self, case_id: str, key: bytes, unit: str, copy: Copy) -> None:
        own, rows, marks = (self.after[_table(one)] for one in (ObjectKeyRow, IdentityRow, IdentityMarkRow))
        for person in copy.history.people:
            if person.values is None:
                continue
            values = copy.people.get(person.slot_id, person.values)
            sealed = cases_repository.sealed(self.vault, key, case_id, person.slot_id, person.slot, values)
            own.append(sealed.own_key)
            rows.append(sealed.row)
            said = copy.marks.get(person.slot_id, ())
            marks += cases_repository.mark_rows(self.vault, unit, case_id, person.slot_id, said)

    def _reports(self, case_id: str, ids: Mapping[str, str], copy: Copy) -> None:
        for one in copy.history.reports:
            header = one.header
            row = ReportRow(
                id=ids[header.id], unit=ids[header.unit], received_at=header.received_at + copy.later,
                channel=header.channel, reporter=header.reporter and ids[header.reporter], status=header.status,
                case_id=case_id,
            )  # fmt: skip
            lookup_repository.seal(self.vault, row, from_canonical(_told(canonical(one.content), ids, copy.later)))
            self.after[_table(ReportRow)].append(_plain(row))

    def write(self) -> None:
        self._insert(self.before)
        self.chained.write(self.session)
        self._insert(self.after)
        reported = Counter(row["unit"] for row in self.after[_table(ReportRow)])
        lookup_repository.came(self.session, ReportRow, reported)
        statistics_repository.put_new(self.session, self.vault, self.shares)

    def _insert(self, tables: Mapping[Table, list[Row]]) -> None:
        for table, rows in tables.items():
            if rows:
                self.session.execute(insert(table), rows)


# ---- names in place of names ---------------------------------------------------------------------------------------


def _renamed(entry: Entry, ids: Mapping[str, str], later: timedelta) -> Entry:
    body = from_canonical(_told(canonical(entry.body), ids, later))
    at, occurred_at = entry.at + later, entry.occurred_at + later
    return replace(entry, actor=ids[entry.actor], at=at, occurred_at=occurred_at, body=body)


def _with_word(entry: Entry, word: str) -> Entry:
    return replace(entry, body={**entry.body, "word": word}) if "word" in entry.body else entry


def _told(data: bytes, ids: Mapping[str, str], later: timedelta) -> bytes:
    """The same text about others, its days moved: ids are long and drawn at random, nothing else reads like one."""
    text = data.decode("utf-8", "surrogatepass")
    for old, new in ids.items():
        if old in text:
            text = text.replace(old, new)
    return (_DAY.sub(partial(_moved, later), text) if later else text).encode("utf-8", "surrogatepass")


_DAY = re.compile(r"(?<![\w-])\d{4}-\d\d-\d\d(?![\d-])")


def _moved(later: timedelta, found: re.Match[str]) -> str:
    try:
        return (date.fromisoformat(found[0]) + later).isoformat()
    except ValueError:
        return found[0]


def _named(value: Any, ids: Mapping[str, str], later: timedelta) -> Any:
    if isinstance(value, date):  # a moment is one, too; the calendar's first and last stand for never
        return value if value.year in (MINYEAR, MAXYEAR) else value + later
    return ids.get(value, value) if isinstance(value, str) else value


def _rows(session: Session, table: Table, case_id: str) -> list[Row]:
    return [dict(row) for row in session.execute(select(table).where(table.c.case_id == case_id)).mappings()]


def _plain(row: RealmBase) -> Row:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns if column.key != "mac"}


def _table(model: type[RealmBase]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


# Rows that entries of administration made, and that are not there: somebody took them away from
# outside.

_MADE: tuple[tuple[Kind, InstrumentedAttribute[Any], InstrumentedAttribute[Any]], ...] = (
    (Kind.account_created, AdministrationRow.account, AccountRow.id),
    (Kind.appointed, AdministrationRow.appointment, AppointmentRow.id),
    (Kind.unit_created, AdministrationRow.unit, UnitRow.id),
    (Kind.contact_added, AdministrationRow.draft, ContactRow.id),
    (Kind.figures_issued, AdministrationRow.draft, FigureReleaseRow.id),
)
_FACTORS: dict[str, tuple[type[CodeSeedRow | PasskeyRow], int]] = {
    Kind.code_factor_set.value: (CodeSeedRow, 1),
    Kind.code_factor_removed.value: (CodeSeedRow, 0),
    Kind.passkey_added.value: (PasskeyRow, 1),
    Kind.passkey_removed.value: (PasskeyRow, -1),
}
"""What an entry makes of somebody's second factors: a phone is set or not, passkeys are counted."""


def missing_rows(session: Session) -> Iterator[str]:
    """Table and key of each row that an entry made, and of each account one of whose second factors is missing."""
    for kind, noted, key in _MADE:
        query = select(noted).outerjoin(key.class_, key == noted)
        said = query.where(AdministrationRow.kind == kind.value, noted.is_not(None), key.is_(None))
        for one in session.scalars(said.distinct().order_by(noted)):
            yield f"{key.class_.__tablename__} {one}"
    yield from _factors(session)


def _factors(session: Session) -> Iterator[str]:
    noted: dict[type[CodeSeedRow | PasskeyRow], Counter[str]] = {CodeSeedRow: Counter(), PasskeyRow: Counter()}
    kinds = (*_FACTORS, Kind.factors_restored.value)
    query = select(AdministrationRow.account, AdministrationRow.kind).where(AdministrationRow.kind.in_(kinds))
    for account, kind in session.execute(query.order_by(AdministrationRow.at, AdministrationRow.id)):
        if kind == Kind.factors_restored.value:
            noted[CodeSeedRow][account] = noted[PasskeyRow][account] = 0
            continue
        table, by = _FACTORS[kind]
        noted[table][account] = by if table is CodeSeedRow else noted[table][account] + by
    for table, counts in noted.items():
        kept = Counter(session.scalars(select(table.account)))
        yield from (f"{table.__tablename__} {one}" for one in sorted(counts) if kept[one] < counts[one])
