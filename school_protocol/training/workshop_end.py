"""Service of a workshop's end: debriefs, what is kept of them, and what the owner of a protocol learns afterwards.

Of workshops and real cases alike, counts are told by tens alone: no table, and no case, can be made out.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from school_protocol.cases import index_repository
from school_protocol.context import AppContext
from school_protocol.engine.definition import Duty, Need, Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.reader import read as read_protocol
from school_protocol.publishing.service import check_may
from school_protocol.statistics.rules import Band, banded, share
from school_protocol.storage.engines import Session
from school_protocol.storage.store_errors import StorageBusy, StorageFull
from school_protocol.training import findings, repository, room_repository, service
from school_protocol.training.case_timeline import Verdict
from school_protocol.training.debrief import debrief
from school_protocol.training.findings import Debrief, Finding, Kind, agreements
from school_protocol.training.models import TableRow, WorkshopRow
from school_protocol.training.room_repository import WordKind
from school_protocol.training.room_store import SCENARIO, Room, room_alone
from school_protocol.training.scenario import Scenario
from school_protocol.training.scenario_reader import read_scenario as read_scenario
from school_protocol.training.table_play import Playing, by_case, cases_of, facts_at, room_begun, staged

SINCE = timedelta(days=365)
"""Workshops that ended within this time."""


@dataclass(frozen=True, slots=True)
class DutyLine:
    """At about how many tables a duty was asked and not kept; the share where enough were asked."""

    duty: Duty
    asked: Band
    failed: Band
    share: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class NeedLine:
    """In about how many real cases somebody went on without a need."""

    need: Need
    cases: Band


@dataclass(frozen=True, slots=True)
class Afterwards:
    """Duties by how often they failed, needs by how often they were gone without; None: of fewer than ten, nothing."""

    protocol: Protocol
    tables: Band
    duties: tuple[DutyLine, ...] | None
    needs: tuple[NeedLine, ...]


def see_afterwards(host: AppContext, actor: Actor, key: str) -> Afterwards:
    """What workshops and cases say of one protocol. Raises Unseen for whoever doesn't publish, or none in force."""
    check_may(host, actor)
    protocol = next((one for one in host.library.current() if one.protocol == key), None)
    if protocol is None:
        raise Unseen(key)
    with host.directory.reading() as session:
        ended = repository.with_debriefs(session, key, since=host.now() - SINCE)
    tables = [table for one in ended for table in (one.kept or {}).get("tables", {}).values()]
    with host.realm.reading() as session:
        gone = index_repository.departures(session, key)
    total = banded(len(tables))
    return Afterwards(protocol, total, _duties(protocol, tables) if total.low else None, _needs(protocol, gone))


def _duties(protocol: Protocol, tables: Iterable[dict[str, dict[str, str]]]) -> tuple[DutyLine, ...]:
    asked, failed = Counter[str](), Counter[str]()
    for table in tables:
        for duty, verdict in table.get("duties", {}).items():
            asked[duty] += verdict in (Verdict.passed.value, Verdict.failed.value)
            failed[duty] += verdict == Verdict.failed.value
    lines = [
        DutyLine(duty, banded(asked[key]), banded(failed[key]), share(failed[key], asked[key]))
        for key, duty in protocol.duties.items()
        if banded(asked[key]).low
    ]
    return tuple(sorted(lines, key=lambda line: (-line.failed.low, -(line.share or (0, 0))[0])))


def _needs(protocol: Protocol, gone: dict[str, int]) -> tuple[NeedLine, ...]:
    lines = [NeedLine(need, banded(gone.get(key, 0))) for key, need in protocol.needs.items()]
    return tuple(sorted((line for line in lines if line.cases.low), key=lambda line: -line.cases.low))


# ---- the debrief of a table, by a script or live -------------------------------------------------------------------


def from_playing(playing: Playing) -> Debrief:
    """What is to be said of a table that a script has played so far."""
    cases = {name: playing.facts_of(name) for name in playing.player.numbers}
    return debrief(
        playing.player.protocol, playing.scenario, playing.table, cases, playing.attempts, playing.now
    )  # fmt: skip


# ---- the end, and what is kept: debriefs without names, and counts -------------------------------------------------
# A debrief is read the same way from a room that is there and from what stays of one that is gone.

_log = logging.getLogger(__name__)
LISTED_MOST = 60
"""So many of a trainer's workshops are listed."""


def see_workshops(host: AppContext, trainer: Actor | None) -> tuple[WorkshopRow, ...]:
    """A trainer's workshops, latest first."""
    with host.directory.reading() as session:
        return repository.of_trainer(session, trainer.id if trainer else None, limit=LISTED_MOST)


def debrief_of(room: Room, number: int) -> Debrief:
    """What is to be said of a table by now."""
    with room.store.reading() as session:
        table, tried = room_repository.table(session, number), room_repository.attempts(session, number)
        now = room_repository.state(session).clock.at(room.real.now())
    if table is None:
        raise KeyError(number)
    facts = {one.case.number: one for one in facts_at(room, cases_of(room, table), now).values()}
    return debrief(room.protocol, room.scenario, staged(room, table), facts, by_case(tried), now)


def debriefs_of(room: Room) -> dict[str, Debrief]:
    """Every table's, by its number; of one that was empty there is nothing to say."""
    with room.store.reading() as session:
        tables = room_repository.tables(session)
        sat_at = {seat.table for seat in room_repository.seats(session)}
        sat_at |= {one.number for one in tables if room_repository.attempts(session, one.number)}
    return {
        str(one.number): debrief_of(room, one.number)
        for one in tables
        if one.number in sat_at or _was_played(room, one)
    }


def _was_played(room: Room, table: TableRow) -> bool:
    """Whether more was written there than what the scenario begins with: whoever did may sit elsewhere by now."""
    begun, cases = room_begun(room), facts_at(room, cases_of(room, table), room.ctx.now()).values()
    return any(event.at > begun for facts in cases for event in facts.case.events)


def names_at(room: Room, number: int) -> dict[str, str]:
    """Account → what its seat is called, of those who sat at a table at any time."""
    with room.store.reading() as session:
        return {seat.account: seat.name for seat in room_repository.seats(session, number)}


def feedback_of(room: Room) -> tuple[str, ...]:
    """What participants said of the workshop, in no order that tells who."""
    with room.store.reading() as session:
        words = room_repository.words(session, room.ctx.vault, WordKind.feedback)
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
        every = [one.number for one in room_repository.tables(session)] if only is None else ()
    empty = _without(every, tables)
    return Debriefed(room.scenario, tables, room.ctx.now(), names=names, words=feedback_of(room), empty=empty)


def _without(numbers: Iterable[int], tables: Mapping[str, Debrief]) -> tuple[int, ...]:
    return tuple(number for number in numbers if str(number) not in tables)


def of_kept(host: AppContext, workshop: str) -> Debriefed:
    """Every table as it stays once the room is gone; raises Unseen where nothing does."""
    with host.directory.reading() as session:
        found, line = repository.find_debrief(session, workshop), repository.find_workshop(session, workshop)
        if found is None or line is None:
            raise Unseen(workshop)
        content = (
            found.protocol or protocol_repository.definition(session, line.protocol, line.protocol_version).content
        )
    protocol = read_protocol(content, f"{line.protocol}/{line.protocol_version}.yaml")
    scenario = read_scenario(found.scenario, SCENARIO)
    tables = {number: findings.again(said, protocol, scenario) for number, said in found.tables.items()}
    return Debriefed(scenario, tables, found.at, is_kept=True, empty=_without(range(1, line.tables + 1), tables))


def has_kept(host: AppContext, workshop: str) -> bool:
    """Whether debriefs of a workshop stay."""
    with host.directory.reading() as session:
        return repository.has_debrief(session, workshop)


# ---- the end -------------------------------------------------------------------------------------------------------


def end_workshop(host: AppContext, room: Room) -> None:
    """It is over: nothing more is recorded; what is kept of it is worked out and written down, whole or not at all."""
    service.stop_workshop(room)
    found, as_of = debriefs_of(room), room.ctx.now()
    content = room.ctx.library.source(room.protocol).encode()
    tables = {number: findings.written(one) for number, one in found.items()}
    agreed = {key: asdict(one) for key, one in agreements(tuple(found.values())).items()}
    counts = {"tables": {number: kept_debriefs(one) for number, one in found.items()}, "grids": agreed}
    with host.directory.writing() as session:
        own = None if _is_published(session, room) else content
        repository.end_workshop(session, room.id, counts, at=host.now())
        repository.keep_debrief(session, room.id, repository.Kept(as_of, room.file, own, tables))


def _is_published(session: Session, room: Room) -> bool:
    """Whether the host's directory has the very version that was played."""
    versions = protocol_repository.definition_versions(session)
    return (room.protocol.protocol, room.protocol.version, room.protocol.digest) in versions


def kept_debriefs(found: Debrief) -> dict[str, Any]:
    """What stays of a table: how each duty and deadline went, its errors by kind and rule, its waits. No word typed."""
    return {
        "duties": {line.duty: line.verdict.value for line in found.duties},
        "errors": [_error(one) for one in found.errors],
        "waits": {one.key: int(one.taken.total_seconds()) for one in found.measures if one.taken is not None},
        "dangers": sorted({one.danger for one in found.dangers if one.at is not None}),
    }


def _error(finding: Finding) -> Mapping[str, Any]:
    is_late = finding.kind is Kind.late
    late = finding.done_at - finding.due_at if is_late and finding.done_at and finding.due_at else None
    return {
        "kind": finding.kind.value,
        "part": finding.part,
        "key": finding.key,
        "needs": list(finding.needs),
        "late": int(late.total_seconds()) if late else None,
    }


def purge(host: AppContext, workshop: str) -> None:
    """Destroy a room, ended or not. What is kept of one that has not ended is worked out first, where it can be.

    Raises StorageBusy, StorageFull where it can't be written now: nothing is destroyed then.
    """
    _keep(host, workshop)
    service.purge_workshop(host, workshop)


def _keep(host: AppContext, workshop: str) -> None:
    """What is kept of a workshop that nobody ended; nothing, where its room opens no more."""
    with host.directory.reading() as session:
        found = repository.find_workshop(session, workshop)
    if found is None or found.purged_at is not None or found.kept is not None:
        return
    try:
        with room_alone(host, workshop) as room:
            end_workshop(host, room)
    except (StorageBusy, StorageFull):
        raise
    except Exception:
        _log.warning("nothing could be kept of workshop %s", workshop, exc_info=True)


def purge_due(host: AppContext) -> int:
    """Destroy every room whose time is over; how many there were. One that can't be now is left for the next time."""
    with host.directory.reading() as session:
        due = repository.to_purge(session, host.now())
    purged = 0
    for one in due:
        try:
            purge(host, one.id)
        except (StorageBusy, StorageFull) as error:
            _log.warning("workshop %s was not purged now: %s", one.id, type(error).__name__)
        else:
            purged += 1
    return purged
