"""A whole installation moved from SQLite files to PostgreSQL, proven equal before anybody is served from there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from school_protocol.config import Settings, role_of, shown
from school_protocol.domain.clock import Clock
from school_protocol.services.house import STORES, House, Library, open_vault, wiring_of
from school_protocol.services.journal import verify
from school_protocol.services.journal.verifying import Verdict
from school_protocol.storage import moving, preparing
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.migrate import Part, standing_of, upgrade
from school_protocol.storage.moving import NotMovable

Progress = Callable[[str, int, int], None]
"""Told what is done, how far, and of how much."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved. `faults`: what the journal had said before, and says of the copy, too."""

    rows: int
    tables: int
    cases: int
    events: int
    faults: int


def move(source: Settings, target: Settings, clock: Clock, progress: Progress) -> Moved:
    """Copy both stores of `source` (files) to the database of `target`, prove them equal, and send the source away.

    Keys and files stay where they are. Raises NotMovable: the source serves on.
    """
    if not target.database:
        raise NotMovable("an installation moves to a PostgreSQL database alone: postgresql://role@host/database")
    _refuse_empty(source)
    if not preparing.may_make(target.database):
        raise NotMovable(
            f"{shown(target.database)} is not this role's to change ({role_of(target.database)}): use the owner's "
            "address, the role that owns it, as in SCHOOL_PROTOCOL_DATABASE_OWNER_URL"
        )
    tables = wiring_of(source).tables
    with ExitStack() as closing:
        there = {part: _opened(closing, target, part) for part in STORES}
        here = {part: _opened(closing, source, part) for part in STORES}
        for part in STORES:
            upgrade(there[part].engine, part, tables)
        with ExitStack() as holding:
            held = {part: holding.enter_context(moving.held(here[part])) for part in STORES}
            total = sum(moving.count(held[part], part, tables) for part in STORES)
            copied, compared = _counting("rows", total, progress), _counting("compared", 2 * total, progress)
            moving.fill(held, there["realm"].engine, tables, copied, compared)
            verdict = _journal(source, target, here, there, clock, progress)
            for part in STORES:
                moving.send_away(held[part], tables[part].tables)
    return Moved(total, sum(len(tables[part].tables) for part in STORES), verdict.cases, verdict.events, verdict.faults)


def reopen(settings: Settings) -> None:
    """Take files that were moved away back into service. What was written to the database since is not here."""
    settings = replace(settings, database="")
    _refuse_empty(settings)
    with ExitStack() as closing:
        for part in STORES:
            with moving.held(_opened(closing, settings, part)) as connection:
                moving.take_back(connection, wiring_of(settings).tables[part].tables)


def _refuse_empty(source: Settings) -> None:
    """Raises NotMovable where no installation lies; by asking, nothing is made."""
    for part in STORES:
        file = source.data / f"{part}.sqlite"
        if not _is_file(file):
            raise NotMovable(f"{source.data} holds no installation: no {file.name} is there that this account can read")
        store = Store(open_engine(source.store_url(part)))
        try:
            if standing_of(store, part) == "none":
                raise NotMovable(f"{source.data} holds no installation: the {part} has no tables there")
        finally:
            store.close()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _opened(closing: ExitStack, settings: Settings, part: Part) -> Store:
    try:
        store = Store(open_engine(settings.store_url(part)))
    except OSError as error:
        raise NotMovable(f"{settings.data} can't be written by this account: {error.strerror}") from error
    closing.callback(store.close)
    return store


def _counting(what: str, total: int, progress: Progress) -> moving.Counted:
    done = 0

    def more(rows: int) -> None:
        nonlocal done
        done += rows
        progress(what, done, total)

    return more


def _journal(
    source: Settings,
    target: Settings,
    here: dict[Part, Store],
    there: dict[Part, Store],
    clock: Clock,
    progress: Progress,
) -> Verdict:
    """What the journal says of the copy; raises NotMovable where it said something else of the source."""
    vault = open_vault(source)

    def told(settings: Settings, stores: dict[Part, Store]) -> Verdict:
        library = Library(stores["directory"])
        house = House(stores["realm"], stores["directory"], vault, clock, library, settings)
        return verify(house, lambda done, of: progress("cases", done, of))

    found = told(target, there)
    if found.faults and found.breaks != told(source, here).breaks:
        raise NotMovable(f"the journal finds {found.faults} faults in the copy that the source has not")
    return found
