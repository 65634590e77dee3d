"""A workshop's debriefs, its end, and what is kept of it: how each duty went at each table, and nobody's name."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from school_protocol.domain.findings import Debrief, Kind
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.workshops import debriefs, running
from school_protocol.services.workshops.rooms import Room, Rooms, room_alone
from school_protocol.services.workshops.watching import by_case, cases_of, facts_at, room_begun, staged
from school_protocol.storage.workshops import listed, rooms
from school_protocol.storage.workshops.listed import Workshop
from school_protocol.storage.workshops.rooms import WordKind

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
    """Every table's, by its number."""
    with room.store.reading() as session:
        numbers = [one.number for one in rooms.tables(session)]
    return {str(number): debrief_of(room, number) for number in numbers}


def names_at(room: Room, number: int) -> dict[str, str]:
    """Account → what its seat is called, of those who sat at a table at any time."""
    with room.store.reading() as session:
        return {seat.account: seat.name for seat in rooms.seats(session, number)}


def feedback_of(room: Room) -> tuple[str, ...]:
    """What participants said of the workshop, in no order that tells who."""
    with room.store.reading() as session:
        words = rooms.words(session, room.house.vault, WordKind.feedback)
    return tuple(sorted(one.text for one in words))


def end(host: House, room: Room) -> None:
    """It is over: nothing more is recorded; what is kept of it is worked out and written down."""
    running.end(host, room, {"tables": {number: kept(one) for number, one in debriefs_of(room).items()}})


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


def purge(host: House, open_rooms: Rooms | None, workshop: str) -> None:
    """Destroy a room, ended or not. What is kept of one that has not ended is worked out first, where it can be."""
    _keep(host, workshop)
    running.purge(host, open_rooms, workshop)


def _keep(host: House, workshop: str) -> None:
    """What is kept of a workshop that nobody ended; nothing, where its room opens no more."""
    with host.directory.reading() as session:
        found = listed.find(session, workshop)
    if found is None or found.kept is not None or found.purged_at is not None:
        return
    try:
        with room_alone(host, workshop) as room:
            end(host, room)
    except Exception:
        _log.warning("nothing could be kept of workshop %s", workshop, exc_info=True)


def purge_due(host: House) -> int:
    """Destroy every room whose time is over; how many there were."""
    with host.directory.reading() as session:
        due = listed.to_purge(session, host.now())
    for one in due:
        purge(host, None, one.id)
    return len(due)
