"""Where a case stands on the way to its erasure: worked out from its events, and written down for lists and the job."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from school_protocol.domain.case import Case
from school_protocol.domain.dues import read
from school_protocol.domain.facts import Facts
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.retention import Given, Limit, barred_until, earliest, is_suspended, limit_of
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, folded, surroundings, today_for
from school_protocol.services.views import KeptLine
from school_protocol.storage import cases
from school_protocol.storage import retention as storage
from school_protocol.storage.engines import Session
from school_protocol.storage.retention import NEVER, Standing

BATCH = 200

_log = logging.getLogger(__name__)


class Tally(NamedTuple):
    """How many cases were looked at, and how many of them could not be."""

    looked: int
    failed: int


class Looked(NamedTuple):
    """A case as it is now: how long it may be kept, and where it stands on the way."""

    protocol: Protocol
    case: Case
    facts: Facts
    limit: Limit
    standing: Standing


def look_at(house: House, session: Session, case_id: str) -> Looked | None:
    """A case that has ended, out of its events and of what was written down; None: nothing runs there."""
    protocol, case = folded(house, session, case_id)
    facts = read(protocol, case, house.now(), surroundings(house, case.unit))
    limit = limit_of(facts)
    if limit is None:
        return None
    before = storage.standing(session, case_id)
    return Looked(protocol, case, facts, limit, _standing(house, case_id, facts, limit, before))


def _standing(house: House, case_id: str, facts: Facts, limit: Limit, before: Standing | None) -> Standing:
    """What was told counts on, as long as nothing happened since, and no clock that was wrong said it."""
    today = today_for(house)
    fresh = Standing(case_id=case_id, seq=facts.case.last_seq, cycle=limit.cycle, due_on=limit.due_on)
    if before is not None and before.cycle == limit.cycle:
        fresh = replace(_without_the_future(before, house.now(), today), seq=fresh.seq, due_on=fresh.due_on)
    zone = ZoneInfo(facts.around.calendar.timezone)
    return replace(
        fresh,
        erase_on=earliest(limit, fresh.first, fresh.second, today) or NEVER,
        barred_until=limit.barred_until,
        suspended=is_suspended(facts.case, zone, house.now()),
        asked=limit.asked,
    )


def _without_the_future(found: Standing, now: datetime, today: date) -> Standing:
    """What was asked or given at a time that lies ahead was so by a clock that was wrong: it counts as not done."""
    if _is_ahead(found.first_asked_at, found.first, now, today):
        return Standing(case_id=found.case_id, seq=found.seq, cycle=found.cycle, due_on=found.due_on)
    if _is_ahead(found.second_asked_at, found.second, now, today):
        found = replace(found, second_asked_at=None, second=None, second_by_page=False)
        return replace(found, waits=None, agreed_at=None, agreed_by=None)
    if found.waits is not None and found.waits.on > today:
        return replace(found, waits=None, agreed_at=None, agreed_by=None)
    return found


def is_ahead(found: Standing, now: datetime, today: date) -> bool:
    """Whether something was asked or given at a time that lies ahead."""
    return _is_ahead(found.first_asked_at, found.first, now, today) or _is_ahead(
        found.second_asked_at, found.second or found.waits, now, today
    )


def _is_ahead(asked_at: datetime | None, given: Given | None, now: datetime, today: date) -> bool:
    return (asked_at is not None and asked_at > now) or (given is not None and given.on > today)


def line_of(house: House, session: Session, loaded: Loaded) -> KeptLine | None:
    """How long a case is kept that is open before somebody; None while it has not ended."""
    limit = limit_of(loaded.facts)
    if limit is None:
        return None
    found = _standing(house, loaded.case_id, loaded.facts, limit, storage.standing(session, loaded.case_id))
    sentence = limit.rule.sentence if limit.rule else None
    return KeptLine(sentence, found.erase_on if found.erase_on != NEVER else None, found.suspended)


def look(house: House) -> Tally:
    """Write down where the cases stand that have moved since they were looked at; one that fails holds up no other."""
    done, failed, after = 0, 0, ""
    while True:
        with house.realm.reading() as session:
            ids = storage.to_look_at(session, after=after, limit=BATCH)
        for case_id in ids:
            try:
                with house.realm.writing() as session:
                    write(house, session, case_id)
            except Exception as error:
                say_failed(error)
                failed += 1
        done += len(ids)
        if len(ids) < BATCH:
            return Tally(done, failed)
        after = ids[-1]


def say_failed(error: Exception) -> None:
    """Log by its kind alone that a case could not be looked at: a message may hold what is sealed."""
    _log.error("the time limit of a case could not be looked at: %s", type(error).__name__)
    _log.debug("how it failed", exc_info=error)


@contextmanager
def at_the_end(house: House, session: Session, case_id: str) -> Iterator[None]:
    """Around a decision on a case that has ended, or ends: how long it is kept is written down at once.

    Where that fails, the decision stands all the same: the run of the hour makes up.
    """
    storage.lock(session, case_id)
    yield
    try:
        with session.begin_nested():
            write(house, session, case_id)
    except Exception as error:
        say_failed(error)


def write(house: House, session: Session, case_id: str) -> Looked | None:
    """Write down where the case stands, in a transaction that runs."""
    storage.lock(session, case_id)
    if cases.is_destroyed(session, case_id):
        storage.forget(session, case_id)
        return None
    found = look_at(house, session, case_id)
    if found is None:
        storage.forget(session, case_id)
        return None
    storage.bar(session, case_id, found.limit.barred_until)
    storage.keep(session, found.standing)
    return found


def bar_of(house: House, session: Session, case_id: str) -> datetime | None:
    """Until when nobody erases the case, ended or not."""
    _protocol, case = folded(house, session, case_id)
    return barred_until(case, ZoneInfo(surroundings(house, case.unit).calendar.timezone))


def today_of(house: House, session: Session) -> Given:
    """Today, with the number of days of work that it is."""
    return storage.today(session, today_for(house))
