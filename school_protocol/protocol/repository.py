"""Repository of published definitions, which belong to no realm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from school_protocol.engine.errors import Unseen
from school_protocol.protocol.models import DefinitionRow
from school_protocol.storage.engines import cache_of
from school_protocol.storage.models import is_genuine
from school_protocol.storage.sql import add_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One published version of a protocol: the very bytes of its file."""

    protocol: str
    version: int
    digest: str
    content: bytes = field(repr=False)
    published_at: datetime
    is_current: bool


def publish(
    session: Session,
    *,
    protocol: str,
    version: int,
    digest: str,
    content: bytes,
    published_at: datetime,
    current: bool = True,
) -> None:
    """Keep the bytes of a version for ever; `current` makes it the one under which cases open from now on."""
    if current:
        earlier = select(DefinitionRow).options(defer(DefinitionRow.content))
        for one in session.scalars(earlier.where(DefinitionRow.protocol == protocol, DefinitionRow.is_current)):
            one.is_current = False
        session.flush()
    row = {
        "protocol": protocol, "version": version, "digest": digest, "content": content, "published_at": published_at,
        "is_current": current,
    }  # fmt: skip
    add_rows(session, DefinitionRow, [row])


def definition(session: Session, protocol: str, version: int) -> Definition:
    """One published version; raises Unseen."""
    row = session.get(DefinitionRow, (protocol, version))
    if row is None or not is_genuine(session, DefinitionRow, row):
        raise Unseen(f"{protocol} version {version}")
    return _definition(row)


def current_definitions(session: Session) -> tuple[Definition, ...]:
    """The version of each protocol under which cases open now."""
    query = select(DefinitionRow).where(DefinitionRow.is_current.is_(True)).order_by(DefinitionRow.protocol)
    return tuple(_definition(row) for row in session.scalars(query) if is_genuine(session, DefinitionRow, row))


@dataclass(frozen=True, slots=True)
class DefinitionLine:
    """A published version without its bytes."""

    protocol: str
    version: int
    digest: str
    published_at: datetime
    is_current: bool


def definition_lines(session: Session) -> tuple[DefinitionLine, ...]:
    """Every published version, by protocol and version."""
    row = DefinitionRow
    query = select(row.protocol, row.version, row.digest, row.published_at, row.is_current)
    return tuple(DefinitionLine(*found) for found in session.execute(query.order_by(row.protocol, row.version)))


def definition_versions(session: Session) -> tuple[tuple[str, int, str], ...]:
    """Protocol, version and digest of everything published, without the bytes."""
    return tuple((row.protocol, row.version, row.digest) for row in _versions(session))


def _versions(session: Session) -> Iterator[Any]:
    known = cache_of(session, "versions")
    if "all" not in known:
        known["all"] = [row for row in session.execute(_VERSIONS) if is_genuine(session, DefinitionRow, row)]
    return iter(known["all"])


_VERSIONS = select(*(column for column in DefinitionRow.__table__.c if column.key != "content")).order_by(
    DefinitionRow.protocol, DefinitionRow.version
)


def _definition(row: DefinitionRow) -> Definition:
    return Definition(
        protocol=row.protocol,
        version=row.version,
        digest=row.digest,
        content=row.content,
        published_at=row.published_at,
        is_current=row.is_current,
    )


def current_versions(session: Session) -> tuple[tuple[str, int], ...]:
    """Protocol and version of what cases open under now, without the bytes."""
    return tuple((row.protocol, row.version) for row in _versions(session) if row.is_current)
