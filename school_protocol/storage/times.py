"""What the stores say of the time: the database's own clock, and the newest row of what is written all along."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from school_protocol.storage.chains_tables import AdministrationLinkRow, AnchorTakenRow, JournalCheckRow
from school_protocol.storage.engines import Store
from school_protocol.storage.tables import AccessRow, AdministrationRow


def of_database(store: Store) -> datetime | None:
    """What the database's clock shows; None where it is this machine's."""
    if store.engine.dialect.name != "postgresql":
        return None
    with store.reading() as session:
        found: datetime = session.scalar(text("SELECT clock_timestamp()"))
        return found


@dataclass(frozen=True, slots=True)
class LogKept:
    """Of PostgreSQL's log: whether it is kept at all, when the latest file of it was, and when that last failed."""

    is_on: bool
    kept_at: datetime | None
    failed_at: datetime | None


def log_kept(store: Store) -> LogKept:
    """How a database on PostgreSQL keeps its log."""
    query = "SELECT current_setting('archive_mode'), last_archived_time, last_failed_time FROM pg_stat_archiver"
    with store.reading() as session:
        mode, kept_at, failed_at = session.execute(text(query)).one()
    return LogKept(mode != "off", kept_at, failed_at)


@dataclass(frozen=True, slots=True)
class Server:
    """Which database of which server this is: since when that one runs, and whether it is still coming back."""

    began: datetime
    database: str
    is_recovering: bool


def server_of(store: Store) -> Server:
    """Which database on PostgreSQL a store lies in."""
    with store.reading() as session:
        query = text("SELECT pg_postmaster_start_time(), current_database(), pg_is_in_recovery()")
        return Server(*session.execute(query).one())


def newest_in_realm(session: Session) -> datetime | None:
    """The newest of accesses, checks and anchors: some are written whenever anybody works."""
    asked = (
        select(AccessRow.at).order_by(AccessRow.place.desc()).limit(1),
        select(JournalCheckRow.finished_at).order_by(JournalCheckRow.finished_at.desc()).limit(1),
        select(AnchorTakenRow.at).order_by(AnchorTakenRow.seq.desc()).limit(1),
    )
    return max((found for query in asked if (found := session.scalar(query)) is not None), default=None)


def newest_in_directory(session: Session) -> datetime | None:
    """When administration was last written to."""
    query = select(AdministrationRow.at).join(
        AdministrationLinkRow, AdministrationLinkRow.administration == AdministrationRow.id
    )
    return session.scalar(query.order_by(AdministrationLinkRow.seq.desc()).limit(1))
