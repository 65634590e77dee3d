"""Whether the rows by which a case is found are those that the program wrote, with its latest event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from school_protocol.cases.index_repository import PARTS
from school_protocol.cases.models import CaseIndexRow, CaseLookRow
from school_protocol.storage import models as storage_models
from school_protocol.storage.models import RealmBase


def tables() -> tuple[Table, ...]:
    """The table of index rows and those of what stands beside them, in the order in which they can be written."""
    row, look = CaseIndexRow.__table__, CaseLookRow.__table__
    others = (
        one for one in RealmBase.metadata.sorted_tables if any(key.column.table is row for key in one.foreign_keys)
    )
    return (cast(Table, row), *(one for one in others if one is not look))


@cache
def beside() -> list[str]:
    """The tables beside the index row that others fill than the index itself, by name."""
    return sorted({one.name for one in tables()[1:]} - {one.__tablename__ for one in PARTS})


def forged(session: Session, last: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Table and case of what was not written with the keys as these cases, by id, had so many events."""
    found: dict[str, dict[Table, list[Any]]] = {case_id: {} for case_id in last}
    for table in tables():
        for row in session.execute(select(table).where(table.c.case_id.in_(last))).mappings():
            found[row["case_id"]].setdefault(table, []).append(row)
    index = tables()[0]
    for case_id, rows in found.items():
        if index not in rows:
            yield index.name, case_id
            continue
        (own,) = rows[index]
        kept, wanted = own["macs"], storage_models.of_several(session, rows.items())
        differing = {name for name in kept.keys() | wanted if kept.get(name) != wanted.get(name)}
        if own["last_seq"] != last[case_id]:
            differing.add(index.name)
        yield from ((name, case_id) for name in sorted(differing))
