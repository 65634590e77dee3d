"""Rooms as tenants of one store: what a session of one of them sees, and what goes with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from string import ascii_uppercase
from typing import Any, cast

from sqlalchemy import MetaData, delete, or_, select, update
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.orm.util import LoaderCriteriaOption

from school_protocol.storage.blobs.tables import KeptBlobRow
from school_protocol.storage.engines import Store, empty_log
from school_protocol.storage.index_tables import CaseDueRow, CaseIndexRow
from school_protocol.storage.migrate import Part
from school_protocol.storage.outbox import OF
from school_protocol.storage.referrals.tables import CaseReferralRow
from school_protocol.storage.tables import (
    AppointmentRow,
    CaseRecordRow,
    DirectoryBase,
    IdentityMarkRow,
    NoticeRow,
    OutboxRow,
    RealmBase,
    ReportRow,
    UnitRow,
)
from school_protocol.storage.vault import Vault
from school_protocol.storage.workshops.room_tables import RoomBase, RoomRow, SeatRow, TableRow

PARTS: tuple[Part, ...] = ("directory", "realm", "room")
"""Those of the store of workshops."""
_ROOM, _NARROWED = "room", "narrowed"
MARK = 8
"""So many letters of a room's id stand before the ids of what is to be done in it later."""


def here(session: Session) -> str:
    """The room of this session; raises KeyError in any other."""
    return cast(str, session.info[_ROOM])


@dataclass(frozen=True, slots=True)
class Stores:
    """The store of workshops: the same tables as the real one's, and those of rooms."""

    directory: Store
    realm: Store
    room: Store

    def of(self, room: str, vault: Vault, units: Collection[str] | None) -> Stores:
        """As one room sees it, with the keys of that room: units of its own alone (None: whatever is new there)."""
        narrowed = () if units is None else tuple(_narrowed(room, units))
        said = {_ROOM: room, OF: f"{room[:MARK]}-", _NARROWED: narrowed}
        return Stores(*(one.for_tenant(vault, _narrow, **said) for one in (self.directory, self.realm, self.room)))

    def close(self) -> None:
        """Give every connection back."""
        for one in (self.directory, self.realm, self.room):
            one.close()


def _narrow(state: ORMExecuteState) -> None:
    state.statement = cast(Any, state.statement).options(*state.session.info[_NARROWED])


def _narrowed(room: str, units: Collection[str]) -> Sequence[LoaderCriteriaOption]:
    """What is asked of these tables is asked of this room's rows, whoever asks, and by whatever else."""
    mine = sorted(units)
    of_cases = CaseRecordRow.__table__.c
    cases = select(of_cases.id).where(of_cases.unit.in_(mine))
    return [
        with_loader_criteria(UnitRow, UnitRow.id.in_(mine)),
        with_loader_criteria(OutboxRow, OutboxRow.id.startswith(f"{room[:MARK]}-")),
        *(
            with_loader_criteria(one, one.unit.in_(mine))
            for one in (AppointmentRow, CaseRecordRow, CaseIndexRow, ReportRow, IdentityMarkRow)
        ),
        *(
            with_loader_criteria(one, one.case_id.in_(cases))
            for one in (CaseDueRow, CaseReferralRow, KeptBlobRow, NoticeRow)
        ),
    ]  # fmt: skip


def units_of(store: Store, room: str) -> tuple[str, ...]:
    """The schools, provinces and academies of a room's tables."""
    query = select(TableRow.school, TableRow.province, TableRow.region).where(TableRow.room == room)
    with store.reading() as session:
        return tuple(unit for row in session.execute(query) for unit in row)


def free_codes(session: Session, number: int) -> list[str]:
    """So many codes of schools that no table has, in a session that no room narrows and that alone writes."""
    taken = set(session.scalars(select(UnitRow.code).where(UnitRow.kind == "school")))
    codes = (f"{place:05d}{letter}" for letter in ascii_uppercase for place in range(1, 1000))
    return list(islice((code for code in codes if code not in taken), number))


# ---- what goes with a room -------------------------------------------------------------------------------------------

BY_CASE, BY_ACCOUNT, BY_UNIT = ("case_id",), ("account", "reporter"), ("unit",)
"""Columns by which a row is known to be of a room, in the realm and the directory."""


def purge(stores: Stores, room: str) -> None:
    """Nothing of a room stays, its keys first: whatever is left if this is cut off opens no more."""
    with stores.room.writing() as session:
        session.execute(update(RoomRow).where(RoomRow.id == room).values(workshop=None, wrapped=b""))
    units = units_of(stores.room, room)
    with stores.room.reading() as session:
        accounts = set(session.scalars(select(SeatRow.account).where(SeatRow.room == room)))
    with stores.directory.reading() as session:
        accounts |= set(session.scalars(select(AppointmentRow.account).where(AppointmentRow.unit.in_(units))))
    with stores.realm.writing() as session:
        cases = session.scalars(select(CaseRecordRow.id).where(CaseRecordRow.unit.in_(units))).all()
        session.execute(delete(OutboxRow).where(OutboxRow.id.startswith(f"{room[:MARK]}-")))
        known = {
            **dict.fromkeys(BY_CASE, cases),
            **dict.fromkeys(BY_ACCOUNT, accounts),
            **dict.fromkeys(BY_UNIT, units),
        }
        _delete(session, RealmBase.metadata, known, {"case_record": cases})
    with stores.directory.writing() as session:
        known = {**dict.fromkeys(BY_ACCOUNT, accounts), **dict.fromkeys(BY_UNIT, units)}
        _delete(session, DirectoryBase.metadata, known, {"account": accounts, "unit": units})
    with stores.room.writing() as session:
        _delete(session, RoomBase.metadata, {"room": [room]}, {"room": [room]})
    for one in (stores.realm, stores.directory, stores.room):
        if one.engine.dialect.name == "sqlite":
            empty_log(one.engine)  # else what was deleted lies in the log for a while


def _delete(
    session: Session, metadata: MetaData, known: dict[str, Collection[str]], roots: dict[str, Collection[str]]
) -> None:
    """Of each table the rows that name one of these, those that others point at last."""
    for table in reversed(metadata.sorted_tables):
        ways = [table.c[name].in_(values) for name, values in known.items() if name in table.c and values]
        if table.name in roots:
            ways.append(table.c.id.in_(roots[table.name]))
        if ways:
            session.execute(delete(table).where(or_(*ways)))
