"""PostgreSQL's own backups, as far as the program sees them: that a copy was made, that a moment was come back to."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from school_protocol.config import Settings
from school_protocol.domain.clock import Clock
from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.services.house import House, Library, open_vault
from school_protocol.services.keeping.backups import broken_chains, opened
from school_protocol.services.keeping.databases import NoDatabase
from school_protocol.storage import index, last_done, times
from school_protocol.storage.engines import Store, open_engine

_NAME = re.compile(r"(?:.*/)?(\d{8}T\d{6}Z)/?")
_EARLY = timedelta(minutes=5)
"""So much another machine's clock may be ahead."""


class NotACopy(SchoolProtocolError):
    """What is to be noted is named otherwise than `base-backup.sh` names what it made."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """What was found in a database that was restored: up to when it goes, and what did not hold of it."""

    until: datetime | None = None
    cases: int = 0
    opened: int = 0
    faults: tuple[str, ...] = field(default_factory=tuple)


def note_copy(settings: Settings, clock: Clock, folder: str) -> datetime:
    """Note the whole copy in that folder, which need not be on this machine: its name says when it was whole.

    Raises NotACopy, NoDatabase.
    """
    if not settings.database:
        raise NoDatabase("this installation lies in SQLite: `backup create` makes its backups, and notes them")
    named = _NAME.fullmatch(folder.strip())
    try:
        made = datetime.strptime(named[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if named else None
    except ValueError:
        made = None
    if made is None:
        raise NotACopy(f"{folder!r} is not named as base-backup.sh names what it made (20261127T140300Z)")
    if made > clock.now() + _EARLY:
        raise NotACopy(f"{folder!r} was made in the future: one of the two clocks is wrong")
    last_done.note(settings.data, last_done.COPY, made)
    return made


def drill(settings: Settings, clock: Clock, database: str) -> Exercise:
    """Look at a database that was restored elsewhere, under the keys of this installation, and change nothing there.

    When it was, and whether all held, is noted beside the data. Raises NoDatabase where it is the one in service.
    """
    if not settings.database:
        raise NoDatabase("this installation lies in SQLite: `backup drill` tries its backups out")
    restored = replace(settings, database=database)
    with (
        closing(Store(open_engine(settings.store_url("realm")))) as served,
        closing(Store(open_engine(restored.store_url("realm")))) as realm,
        closing(Store(open_engine(restored.store_url("directory")))) as directory,
    ):
        there = times.server_of(realm)
        if (there.began, there.database) == (times.server_of(served).began, times.server_of(served).database):
            raise NoDatabase("that is the database in service: restore to another server, and name that one")
        vault = open_vault(settings)
        house = House(realm, directory, vault, clock, Library(directory), restored)
        found = Exercise(faults=(_NOT_BACK,)) if there.is_recovering else _looked_at(house)
    last_done.note(settings.data, last_done.DRILL, clock.now(), held=not found.faults)
    return found


_NOT_BACK = "it is still coming back (pg_is_in_recovery() says t): ask again, or look into its log"


def _looked_at(house: House) -> Exercise:
    with house.realm.reading() as session:
        count, until = len(index.all_case_ids(session)), times.newest_in_realm(session)
    read, shut = opened(house)
    nothing = () if count else ("there is no case in it: a restore of nothing proves nothing",)
    return Exercise(until, count, read, (*nothing, *broken_chains(house), *shut))
