"""A whole installation moved from one database to another, proven equal before anybody is served from there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from school_protocol.config import Settings
from school_protocol.domain.clock import Clock
from school_protocol.services.house import STORES, House, Library, open_vault
from school_protocol.services.journal import verify
from school_protocol.services.journal.verifying import Verdict
from school_protocol.storage import moving
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.migrate import Part, is_current, revision_of, upgrade
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
    """Copy both stores of `source` to where `target` says, prove them equal, and send the source away.

    One that was cut off goes on where it was. Keys and files stay where they are. Raises NotMovable.
    """
    if all(source.store_url(part) == target.store_url(part) for part in STORES):
        raise NotMovable("the two places are one and the same")
    with ExitStack() as closing:
        there = {part: _opened(closing, target, part) for part in STORES}
        here = {part: _opened(closing, source, part) for part in STORES}
        for part in STORES:
            _bring_up(here[part], part)
        with ExitStack() as holding:
            held = {part: holding.enter_context(moving.held(here[part])) for part in STORES}
            total = sum(moving.count(held[part], part) for part in STORES)
            copied = _counting("rows", total, progress)
            for part in STORES:
                if not (moving.is_away(held[part]) and moving.is_whole(there[part].engine)):
                    moving.copy(held[part], there[part].engine, part, copied)
            _prove_rows(held, there, _counting("compared", 2 * total, progress))
            verdict = _journal(source, target, here, there, clock, progress)
            for part in STORES:
                moving.send_away(held[part], part)
        for part in STORES:
            moving.finish(there[part].engine, part)
    return Moved(total, sum(len(moving.tables(part)) for part in STORES), verdict.cases, verdict.events, verdict.faults)


def _bring_up(store: Store, part: Part) -> None:
    """What an earlier version of the program left is brought to this one before it is read. Raises NotMovable."""
    if revision_of(store.engine) is None or is_current(store.engine, part):
        return
    with moving.held(store) as connection:
        if moving.is_away(connection):
            raise NotMovable(
                "an earlier version of the program moved this away, or began to: go on with that one, or take the "
                "place back into service with `school-protocol database reopen` and begin again"
            )
    upgrade(store.engine, part)


def reopen(settings: Settings) -> None:
    """Take a place that was moved away back into service. What was written to the other since is not here."""
    with ExitStack() as closing:
        for part in STORES:
            with moving.held(_opened(closing, settings, part)) as connection:
                moving.take_back(connection, part)


def _opened(closing: ExitStack, settings: Settings, part: Part) -> Store:
    store = Store(open_engine(settings.store_url(part)))
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
            raise NotMovable(f"not equal: {'; '.join(found)}. Empty the target, and begin again")


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
