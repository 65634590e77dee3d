"""A whole installation moved from one database to another, proven equal before anybody is served from there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from school_protocol.config import Settings, role_of, shown
from school_protocol.domain.clock import Clock
from school_protocol.services.house import STORES, House, Library, open_vault
from school_protocol.services.journal import verify
from school_protocol.services.journal.verifying import Verdict
from school_protocol.storage import moving, preparing
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.migrate import Part, standing_of
from school_protocol.storage.moving import NotMovable

Progress = Callable[[str, int, int], None]
"""Told what is done, how far, and of how much."""
ANEW = "anew"
"""Told once where the source was written to since a move was cut off, before everything is copied anew."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved. `faults`: what the journal had said before, and says of the copy, too."""

    rows: int
    tables: int
    cases: int
    events: int
    faults: int


def move(source: Settings, target: Settings, clock: Clock, progress: Progress) -> Moved:
    """Copy both stores of `source` to where `target` says, prove them equal, and send the source away.

    One that was cut off goes on where it was, or anew where the source was written to since. Keys and files stay where
    they are. Raises NotMovable.
    """
    if all(source.store_url(part) == target.store_url(part) for part in STORES):
        raise NotMovable("the two places are one and the same")
    _refuse_empty(source)
    _refuse_other_role(source)
    _refuse_other_role(target)
    with ExitStack() as closing:
        there = {part: _opened(closing, target, part) for part in STORES}
        here = {part: _opened(closing, source, part) for part in STORES}
        with ExitStack() as holding:
            held = {part: holding.enter_context(moving.held(here[part])) for part in STORES}
            total = sum(moving.count(held[part], part) for part in STORES)
            _copy_equal(held, there, total, progress)
            verdict = _journal(source, target, here, there, clock, progress)
            for part in STORES:
                moving.send_away(held[part], part)
        for part in STORES:
            moving.finish(there[part].engine, part)
    return Moved(total, sum(len(moving.tables(part)) for part in STORES), verdict.cases, verdict.events, verdict.faults)


def _copy_equal(held: moving.Held, there: dict[Part, Store], total: int, progress: Progress) -> None:
    """Every row, proven to be there; what a move left that was cut off is taken away once where it agrees no longer."""
    was_cut_off = moving.goes_on(held["directory"], there["directory"].engine)
    try:
        _copy(held, there, total, progress)
    except moving.OutOfStep:
        if not was_cut_off:
            raise
        progress(ANEW, 0, total)
        for part in STORES:
            moving.empty(there[part].engine, part)
        _copy(held, there, total, progress)


def _copy(held: moving.Held, there: dict[Part, Store], total: int, progress: Progress) -> None:
    copied = _counting("rows", total, progress)
    for part in STORES:
        if not (moving.is_away(held[part]) and moving.is_whole(there[part].engine)):
            moving.copy(held[part], there[part].engine, part, copied)
    _prove_rows(held, there, _counting("compared", 2 * total, progress))


def reopen(settings: Settings) -> None:
    """Take a place that was moved away back into service. What was written to the other since is not here."""
    _refuse_empty(settings)
    with ExitStack() as closing:
        for part in STORES:
            with moving.held(_opened(closing, settings, part)) as connection:
                moving.take_back(connection, part)


def _refuse_empty(settings: Settings) -> None:
    """Raises NotMovable where no installation lies; by asking, nothing is made."""
    named = shown(settings.database) if settings.database else str(settings.data)
    for part in STORES:
        file = settings.data / f"{part}.sqlite"
        if not settings.database and not _is_file(file):
            raise NotMovable(f"{named} holds no installation: no {file.name} is there that this account can read")
        store = Store(open_engine(settings.store_url(part)))
        try:
            if standing_of(store, part) == "none":
                raise NotMovable(f"{named} holds no installation: the {part} has no tables there")
        finally:
            store.close()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _refuse_other_role(settings: Settings) -> None:
    """Raises NotMovable where a database is opened by who owns nothing there."""
    if settings.database and not preparing.may_make(settings.database):
        raise NotMovable(
            f"{shown(settings.database)} is not this role's to change ({role_of(settings.database)}): use the owner's "
            "address, the role that owns it, as in SCHOOL_PROTOCOL_DATABASE_OWNER_URL"
        )


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


def _prove_rows(held: moving.Held, there: dict[Part, Store], done: moving.Counted) -> None:
    for part in STORES:
        with there[part].reading() as session:
            found = moving.differing(held[part], session.connection(), part, done)
        if found:
            raise moving.OutOfStep(f"not equal: {'; '.join(found)}. Empty the target, and begin again")


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
