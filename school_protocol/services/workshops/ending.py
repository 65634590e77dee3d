"""A workshop's debriefs, its end, and what is kept of it: the debriefs without names, and counts.

A debrief is read the same way from a room that is there and from what stays of one that is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from school_protocol.definitions import read as read_protocol
from school_protocol.definitions.scenarios import read as read_scenario
from school_protocol.domain import lasting
from school_protocol.domain.errors import Unseen
from school_protocol.domain.findings import Debrief, Kind
from school_protocol.domain.policy import Actor
from school_protocol.domain.scenario import Scenario
from school_protocol.domain.spread import agreements
from school_protocol.services.house import House
from school_protocol.services.workshops import debriefs, running
from school_protocol.services.workshops.rooms import SCENARIO, Room, room_alone
from school_protocol.services.workshops.watching import by_case, cases_of, facts_at, room_begun, staged
from school_protocol.storage import directory
from school_protocol.storage.engines import Session
from school_protocol.storage.errors import StorageBusy, StorageFull
from school_protocol.storage.workshops import debriefed, listed, rooms
from school_protocol.storage.workshops.listed import Workshop
from school_protocol.storage.workshops.rooms import TableState, WordKind

_log = logging.getLogger(__name__)
LISTED_MOST = 60
"""So many of a trainer's workshops are listed."""


def see_workshops(host: House, trainer: Actor | None) -> tuple[Workshop, ...]:
    """A trainer's workshops, latest first."""
    with host.directory.reading() as session:
        return listed.of_trainer(session, trainer.id if trainer else None, limit=LISTED_MOST)


def debrief_of(room: Room, number: int) -> Debrief:
    """What is to be said of a table by now."""
    with room.store.reading() as session:
        table, tried = rooms.table(session, number), rooms.attempts(session, number)
        now = rooms.state(session).clock.at(room.real.now())
    if table is None:
        raise KeyError(number)
    facts = {one.case.number: one for one in facts_at(room, cases_of(room, table), now).values()}
    whole = staged(table, room_begun(room))
    return debriefs.from_table(room.protocol, room.scenario, whole, facts, by_case(tried), now)


def debriefs_of(room: Room) -> dict[str, Debrief]:
    """Every table's, by its number; of one that was empty there is nothing to say."""
    with room.store.reading() as session:
        tables = rooms.tables(session)
        sat_at = {seat.table for seat in rooms.seats(session)}
        sat_at |= {one.number for one in tables if rooms.attempts(session, one.number)}
    return {
        str(one.number): debrief_of(room, one.number)
        for one in tables
        if one.number in sat_at or _was_played(room, one)
    }


def _was_played(room: Room, table: TableState) -> bool:
    """Whether more was written there than what the scenario begins with: whoever did may sit elsewhere by now."""
    begun, cases = room_begun(room), facts_at(room, cases_of(room, table), room.house.now()).values()
    return any(event.at > begun for facts in cases for event in facts.case.events)


def names_at(room: Room, number: int) -> dict[str, str]:
    """Account → what its seat is called, of those who sat at a table at any time."""
    with room.store.reading() as session:
        return {seat.account: seat.name for seat in rooms.seats(session, number)}


def feedback_of(room: Room) -> tuple[str, ...]:
    """What participants said of the workshop, in no order that tells who."""
    with room.store.reading() as session:
        words = rooms.words(session, room.house.vault, WordKind.feedback)
    return tuple(sorted(one.text for one in words))


# ---- read, from a room or from what stays of it --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Debriefed:
    """The debriefs of a workshop. `names` and `words`: of a room that is there alone; nothing of them stays."""

    scenario: Scenario
    tables: Mapping[str, Debrief]
    """Those where somebody sat."""
    as_of: datetime
    is_kept: bool = False
    """The room is gone."""
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    empty: tuple[int, ...] = ()
    """Tables where nobody sat."""

    def table(self, number: int) -> Debrief:
        """One table's; raises Unseen."""
        found = self.tables.get(str(number))
        if found is None:
            raise Unseen(str(number))
        return found

    def names_at(self, number: int) -> Mapping[str, str]:
        """Account → what its seat is called, while the room is there."""
        return self.names.get(str(number), {})


def of_room(room: Room, only: int | None = None) -> Debriefed:
    """Every table of a room that is there, or one of them; raises Unseen where there is no such table."""
    try:
        tables = debriefs_of(room) if only is None else {str(only): debrief_of(room, only)}
    except KeyError:
        raise Unseen(str(only)) from None
    names = {number: names_at(room, int(number)) for number in tables}
    with room.store.reading() as session:
        every = [one.number for one in rooms.tables(session)] if only is None else ()
    empty = _without(every, tables)
    return Debriefed(room.scenario, tables, room.house.now(), names=names, words=feedback_of(room), empty=empty)


def _without(numbers: Iterable[int], tables: Mapping[str, Debrief]) -> tuple[int, ...]:
    return tuple(number for number in numbers if str(number) not in tables)


def of_kept(host: House, workshop: str) -> Debriefed:
    """Every table as it stays once the room is gone; raises Unseen where nothing does."""
    with host.directory.reading() as session:
        found, line = debriefed.find(session, workshop), listed.find(session, workshop)
        if found is None or line is None:
            raise Unseen(workshop)
        content = found.protocol or directory.definition(session, line.protocol, line.protocol_version).content
    protocol = read_protocol(content, f"{line.protocol}/{line.protocol_version}.yaml")
    scenario = read_scenario(found.scenario, SCENARIO)
    tables = {number: lasting.again(said, protocol, scenario) for number, said in found.tables.items()}
    return Debriefed(scenario, tables, found.at, is_kept=True, empty=_without(range(1, line.tables + 1), tables))


def has_kept(host: House, workshop: str) -> bool:
    """Whether debriefs of a workshop stay."""
    with host.directory.reading() as session:
        return debriefed.has(session, workshop)


# ---- the end -------------------------------------------------------------------------------------------------------


def end(host: House, room: Room) -> None:
    """It is over: nothing more is recorded; what is kept of it is worked out and written down, whole or not at all."""
    running.stop(room)
    found, as_of = debriefs_of(room), room.house.now()
    content = room.house.library.source(room.protocol).encode()
    tables = {number: lasting.written(one) for number, one in found.items()}
    agreed = {key: asdict(one) for key, one in agreements(tuple(found.values())).items()}
    counts = {"tables": {number: kept(one) for number, one in found.items()}, "grids": agreed}
    with host.directory.writing() as session:
        own = None if _is_published(session, room) else content
        listed.end(session, room.id, counts, at=host.now())
        debriefed.keep(session, debriefed.Kept(room.id, as_of, room.file, own, tables))


def _is_published(session: Session, room: Room) -> bool:
    """Whether the host's directory has the very version that was played."""
    versions = directory.definition_versions(session)
    return (room.protocol.protocol, room.protocol.version, room.protocol.digest) in versions


def kept(debrief: Debrief) -> dict[str, Any]:
    """What stays of a table: how each duty and deadline went, its errors by kind and rule, its waits. No word typed."""
    return {
        "duties": {line.duty: line.verdict.value for line in debrief.duties},
        "errors": [_error(one) for one in debrief.errors],
        "waits": {one.key: int(one.taken.total_seconds()) for one in debrief.measures if one.taken is not None},
        "dangers": sorted({one.danger for one in debrief.dangers if one.at is not None}),
    }


def _error(finding: Any) -> Mapping[str, Any]:
    late = finding.done_at - finding.due_at if finding.kind is Kind.late and finding.done_at else None
    return {
        "kind": finding.kind.value,
        "part": finding.part,
        "key": finding.key,
        "needs": list(finding.needs),
        "late": int(late.total_seconds()) if late else None,
    }


def purge(host: House, workshop: str) -> None:
    """Destroy a room, ended or not. What is kept of one that has not ended is worked out first, where it can be.

    Raises StorageBusy, StorageFull where it can't be written now: nothing is destroyed then.
    """
    _keep(host, workshop)
    running.purge(host, workshop)


def _keep(host: House, workshop: str) -> None:
    """What is kept of a workshop that nobody ended, or without its debriefs; nothing, where its room opens no more."""
    with host.directory.reading() as session:
        found = listed.find(session, workshop)
        has_debriefs = debriefed.has(session, workshop)
    if found is None or found.purged_at is not None or (found.kept is not None and has_debriefs):
        return
    try:
        with room_alone(host, workshop) as room:
            end(host, room)
    except (StorageBusy, StorageFull):
        raise
    except Exception:
        _log.warning("nothing could be kept of workshop %s", workshop, exc_info=True)


def purge_due(host: House) -> int:
    """Destroy every room whose time is over; how many there were. One that can't be now is left for the next time."""
    with host.directory.reading() as session:
        due = listed.to_purge(session, host.now())
    purged = 0
    for one in due:
        try:
            purge(host, one.id)
        except (StorageBusy, StorageFull) as error:
            _log.warning("workshop %s was not purged now: %s", one.id, type(error).__name__)
        else:
            purged += 1
    return purged
