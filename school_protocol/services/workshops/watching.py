"""What happens at the tables as the clock goes on: what comes to them, what falls due, where they go wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from school_protocol.domain.dues import open_dues
from school_protocol.domain.errors import Unseen
from school_protocol.domain.facts import Facts
from school_protocol.domain.policy import Actor
from school_protocol.domain.scenario import EVERYONE, Inject
from school_protocol.domain.staging import Attempt, Table, next_moment, reading, watch
from school_protocol.post import Letter, Post
from school_protocol.services import notices
from school_protocol.services.loading import load_by_id
from school_protocol.services.scripts import TurnableClock, moment
from school_protocol.services.workshops.rooms import Room
from school_protocol.storage import index
from school_protocol.storage.engines import Session
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.workshops import rooms
from school_protocol.storage.workshops.rooms import Glance, Seat, State, TableState, Tried

_LOOKER = "looker"
_STOPS_MOST = 500
"""So many moments are looked at one by one when the clock was moved far; the rest at its end."""
_log = logging.getLogger(__name__)


class Nowhere:
    """A way out that leads nowhere: in a workshop whoever would be told is told on the page, and no mail is sent."""

    def carry(self, to: str, letter: Letter) -> None:
        _log.debug("a message of a workshop was not sent")


def look(room: Room) -> bool:
    """See what came to the tables by now; whether anything was to be looked at.

    Cheap where nothing is: one row a table. Several may look at once; each moment is written down by one of them.
    """
    real = room.real.now()
    with room.store.reading() as session:
        state = rooms.state(session)
        now = state.clock.at(real)
        waits = any(_is_due(one, now) for one in rooms.tables(session))
    if state.state is not State.begun or not waits:
        return False
    with suppress(StorageBusy), room.writing() as session:
        now = rooms.state(session).clock.at(real)
        _look(room, session, now)
    _sweep(room, now)
    return True


def _look(room: Room, session: Session, now: datetime) -> None:
    """What came to the tables by then, written down."""
    cases = _cases_by_school(room)
    for table in rooms.tables(session):
        if _is_due(table, now):
            rooms.keep_table(session, _seen(room, session, table, cases.get(table.school, ()), now))


def _sweep(room: Room, now: datetime) -> None:
    notices.sweep(room.at(now).house, Post(Nowhere(), Nowhere()))


def is_due(seen: Glance, real: datetime) -> bool:
    """Whether there is something to look at, as far as was seen."""
    if seen.state.state is not State.begun:
        return False
    return seen.is_stale or (seen.next_look is not None and seen.next_look <= seen.state.clock.at(real))


def _is_due(table: TableState, now: datetime) -> bool:
    return table.is_stale or (table.next_at is not None and table.next_at <= now)


def _cases_by_school(room: Room) -> Mapping[str, Sequence[str]]:
    """School → the ids of its cases, the oldest first."""
    found: dict[str, list[str]] = {}
    with room.house.realm.reading() as session:
        rows = index.listed(session, index.all_case_ids(session))
    for row in sorted(rows, key=lambda row: (row.opened_at, row.number)):
        found.setdefault(row.unit, []).append(row.case_id)
    return found


def _seen(room: Room, session: Session, table: TableState, cases: Sequence[str], now: datetime) -> TableState:
    """The table after every moment until now at which something came or fell due."""
    attempts = by_case(rooms.attempts(session, table.number))
    begun = room_begun(room)
    stops = 0
    while True:
        stop = table.next_at if table.next_at is not None and table.next_at <= now else None
        at = min(stop, now) if stop is not None and stops < _STOPS_MOST else now
        table = _at(room, table, cases, attempts, begun, at)
        stops += 1
        if at == now and (table.next_at is None or table.next_at > now):
            return replace(table, is_stale=False)


def _at(
    room: Room, table: TableState, cases: Sequence[str], attempts: Mapping[str, Sequence[Attempt]], begun: datetime,
    at: datetime,
) -> TableState:  # fmt: skip
    """What is to be seen of a table at one moment."""
    facts = facts_at(room, cases, at)
    readings = [reading(room.scenario, one, attempts.get(one.case.number, ())) for one in facts.values()]
    before = staged(table, begun)
    after = watch(room.scenario, before, readings, at)
    came, coming = dict(after.came), dict(after.coming)
    for key in set(table.held) & (came.keys() - before.came.keys()):
        coming[key] = came.pop(key)
    ahead = [due.due_at for one in facts.values() for due in open_dues(one) if due.due_at > at]
    free = replace(after, came=came, coming={key: when for key, when in coming.items() if key not in table.held})
    comes = next_moment(room.scenario, free, at)
    return replace(
        table, came=came, coming=coming, traps=after.traps, cases=tuple(_said(one, at) for one in facts.values()),
        next_at=min([*ahead, *([comes] if comes is not None else [])], default=None),
    )  # fmt: skip


def room_begun(room: Room) -> datetime:
    """The scenario's first moment."""
    return moment(room.scenario.opening.begins, "begins")


def staged(table: TableState, begun: datetime) -> Table:
    """A table as a scenario sees it."""
    return Table(begun, table.came, table.coming, table.traps)


def by_case(tried: Iterable[Tried]) -> dict[str, list[Attempt]]:
    """What was refused, by the number of the case."""
    found: dict[str, list[Attempt]] = {}
    for one in tried:
        attempt = Attempt(one.name, one.why, one.at, one.role, one.account, problems=one.codes)
        found.setdefault(one.case, []).append(attempt)
    return found


def facts_at(room: Room, cases: Sequence[str], at: datetime) -> dict[str, Facts]:
    """Case id → what conditions read of it at that moment of the workshop's clock."""
    house, looker = replace(room.house, clock=TurnableClock(at)), Actor(_LOOKER, room.house.name, "", ())
    found: dict[str, Facts] = {}
    with house.realm.reading() as session:
        for case_id in cases:
            with suppress(Unseen):
                found[case_id] = load_by_id(house, session, looker, case_id).facts
    return found


def cases_of(room: Room, table: TableState) -> Sequence[str]:
    """The ids of a table's cases."""
    return _cases_by_school(room).get(table.school, ())


def _said(facts: Facts, at: datetime) -> dict[str, Any]:
    """Where a case stands, as the wall shows it: keys and moments, no word that somebody typed."""
    case = facts.case
    done = [(one.seq, one.act, one.at) for one in case.records] + [(one.seq, one.move, one.at) for one in case.steps]
    _seq, last, last_at = max(done, default=(0, None, None))
    dues = sorted(open_dues(facts), key=lambda due: due.due_at)
    return {
        "number": case.number,
        "state": case.state,
        "level": case.level,
        "last": last,
        "last_at": last_at.isoformat() if last_at is not None else None,
        "dues": [[due.deadline, due.subject, due.due_at.isoformat()] for due in dues],
    }


def is_for(inject: Inject, roles: Iterable[str], room: Room) -> bool:
    """Whether an inject comes to somebody in these roles: to their card, or to everyone."""
    mine = set(roles)
    cast = room.scenario.cast
    return EVERYONE in inject.to or any(cast[key].role in mine for key in inject.to if key in cast)


def touched(room: Room, table: int, writer: Seat | None = None) -> None:
    """Something was done at a table: it is looked at now. `writer`: whoever did it has that form open no more."""
    real = room.real.now()
    with room.writing() as session:
        if writer is not None:
            write_no_more(session, writer.id, real)
        rooms.go_stale(session, table)
        state = rooms.state(session)
        now = state.clock.at(real)
        if state.state is State.begun:
            with suppress(StorageBusy):
                _look(room, session, now)
    if state.state is State.begun:
        _sweep(room, now)


def write_no_more(session: Session, seat_id: str, real: datetime) -> None:
    """That seat has no form open: the clock waits for those alone who have one."""
    seat = rooms.seat(session, seat_id)
    if seat is not None and seat.left_at is None and seat.writing is not None:
        rooms.keep_seat(session, replace(rooms.without_writing(seat), seen_at=real))
        rooms.change(session, clock=rooms.state(session).clock.held(rooms.writing_until(session, real), real))
