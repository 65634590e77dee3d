"""What stays of workshops' debriefs, beside the list of workshops; compressed, and read one workshop at a time."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from school_protocol.storage.workshops.tables import DebriefRow


@dataclass(frozen=True, slots=True)
class Kept:
    """A workshop's debriefs: the file that was played, that of its protocol where nobody published it, the tables."""

    workshop: str
    at: datetime
    scenario: bytes = field(repr=False)
    protocol: bytes | None = field(repr=False)
    tables: Mapping[str, bytes] = field(repr=False)
    """Table → its debrief, as JSON."""


def keep(session: Session, kept: Kept) -> None:
    """Keep the debriefs of a workshop, in place of what was kept of it before."""
    tables = json.dumps({number: said.decode() for number, said in kept.tables.items()}).encode()
    row = session.get(DebriefRow, kept.workshop) or DebriefRow(workshop=kept.workshop)
    row.at, row.scenario, row.tables = kept.at, zlib.compress(kept.scenario, 9), zlib.compress(tables, 9)
    row.protocol = zlib.compress(kept.protocol, 9) if kept.protocol is not None else None
    session.add(row)
    session.flush()


def has(session: Session, workshop: str) -> bool:
    """Whether debriefs of a workshop are kept."""
    return session.scalar(select(DebriefRow.workshop).where(DebriefRow.workshop == workshop)) is not None


def find(session: Session, workshop: str) -> Kept | None:
    """The debriefs that are kept of a workshop."""
    row = session.get(DebriefRow, workshop)
    if row is None:
        return None
    tables = json.loads(zlib.decompress(row.tables))
    protocol = zlib.decompress(row.protocol) if row.protocol is not None else None
    return Kept(
        row.workshop, row.at, zlib.decompress(row.scenario), protocol,
        {number: said.encode() for number, said in tables.items()},
    )  # fmt: skip
