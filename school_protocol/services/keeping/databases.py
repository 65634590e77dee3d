"""The database of an installation that lies in PostgreSQL: made ready by its owner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace

from school_protocol.config import Settings, role_of
from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.services.house import wiring_of
from school_protocol.storage import preparing
from school_protocol.storage.blobs.blobs import FilesElsewhere
from school_protocol.storage.blobs.choosing import settle
from school_protocol.storage.engines import Store, open_engine


class NoDatabase(SchoolProtocolError):
    """The settings name no database, or not by whom it is opened."""


def prepare(
    settings: Settings, owner: str, workers: Sequence[str], *, make_queue: Callable[[Settings], None]
) -> tuple[str, ...]:
    """Make the database ready as its owner, and return the roles that may serve there from now on.

    Those are the role of the settings' own address, which serves pages, and `workers`. Where there are workers, it sees
    of cases what the session of each request may, and nothing besides. Raises NoDatabase, NoRole, NotAName.
    """
    if not settings.database:
        raise NoDatabase("SCHOOL_PROTOCOL_DATABASE_URL names no database: an installation in SQLite prepares itself")
    serves = role_of(settings.database) if owner and role_of(settings.database) != role_of(owner) else ""
    as_owner = replace(settings, database=owner or settings.database)
    try:
        tables = wiring_of(settings).tables
        preparing.prepare(as_owner.database, serves, workers, tables, make_queue=lambda: make_queue(as_owner))
    except preparing.NotOwner as error:
        raise NoDatabase(f"{error}; set SCHOOL_PROTOCOL_DATABASE_OWNER_URL to the address of the owner") from error
    realm = Store(open_engine(as_owner.store_url("realm")))
    with suppress(FilesElsewhere), closing(realm):  # where there are files already, `files move` brings them along
        settle(as_owner, realm)
    return tuple(name for name in (serves, *workers) if name)
