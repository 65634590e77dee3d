"""The work of time limits, once an hour: it notices, asks, erases what was confirmed, and sweeps what is stale.

All that is due is derived from events and rows; each case goes on in a transaction of its own, so that the work may be
killed anywhere, done twice at once or left for a month, and neither hurries nor forgets.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from school_protocol.domain.retention import FIRST_NOTICE, Given, Limit, Step, is_unanswered, next_step
from school_protocol.services.figures.counting import keep_count
from school_protocol.services.house import House, take_away
from school_protocol.services.loading import is_listed_erased, today_for
from school_protocol.services.retention import limits, notices, shares, sweeping
from school_protocol.storage import cases, erased, erasing
from school_protocol.storage import retention as storage
from school_protocol.storage.engines import Session
from school_protocol.storage.erased import Erased
from school_protocol.storage.files import places_of_case
from school_protocol.storage.retention import Cursor, Standing

_log = logging.getLogger(__name__)

JOB = "retention"
"""Stands for the account where silence was taken for a confirmation."""


@dataclass(slots=True)
class Report:
    """What one run did, or (`dry_run`) would do, in numbers."""

    day: str
    run: int
    dry_run: bool = False
    looked: int = 0
    first_notices: int = 0
    second_notices: int = 0
    to_confirm: int = 0
    erased: int = 0
    kept_though_listed: int = 0
    """Alive, though the list outside the database says that they are erased."""
    swept: dict[str, int] = field(default_factory=dict)
    failed: int = 0

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


_COUNTED = {
    Step.first_notice: "first_notices",
    Step.second_notice: "second_notices",
    Step.confirm: "to_confirm",
    Step.erase: "erased",
}


def run(house: House, *, dry_run: bool = False) -> Report:
    """Everything that is due now. A case that fails is logged by its kind and holds up no other."""
    if dry_run:
        return _look_ahead(house)
    with house.realm.writing() as session:
        today = storage.begin_day(session, today_for(house), house.now())
    report = Report(today.on.isoformat(), today.run)
    _write_down_erased(house)
    report.kept_though_listed = _kept_though_listed(house)
    report.looked, report.failed = limits.look(house)
    for case_id in _ids(house, today):
        try:
            step = _go_on(house, case_id, today)
        except Exception as error:
            limits.say_failed(error)
            report.failed += 1
            continue
        if step in _COUNTED:
            setattr(report, _COUNTED[step], getattr(report, _COUNTED[step]) + 1)
    report.swept = sweeping.sweep(house)
    return report


def _look_ahead(house: House) -> Report:
    """What a run would do with the cases as they were last looked at; nothing is written."""
    with house.realm.reading() as session:
        today = limits.today_of(house, session)
        counts, failed = Counter[Step](), 0
        for found in _coming(session, today):
            try:
                looked = limits.look_at(house, session, found.case_id)
            except Exception as error:
                limits.say_failed(error)
                failed += 1
                continue
            if looked is not None:
                counts[next_of(house, session, looked, today)[1]] += 1
        waiting = len(storage.to_look_at(session, limit=limits.BATCH))
    report = Report(today.on.isoformat(), today.run, dry_run=True, looked=waiting, failed=failed)
    for step, name in _COUNTED.items():
        setattr(report, name, counts[step])
    return report


def _ids(house: House, today: Given) -> list[str]:
    with house.realm.reading() as session:
        return [found.case_id for found in _coming(session, today) if _has_work(house, found, today)]


def _has_work(house: House, found: Standing, today: Given) -> bool:
    """Whether anything may be due, by what was written down: only then is the case itself opened."""
    now = house.now()
    if limits.is_ahead(found, now, today.on) or found.waits is not None:
        return True
    if (found.first_asked_at and not found.first) or (found.second_asked_at and not found.second):
        return True
    limit = Limit(None, now, found.due_on, found.cycle, found.barred_until, found.asked)
    return next_step(limit, found.first, found.second, found.agreed_at is not None, today, now) is not Step.wait


def _coming(session: Session, today: Given) -> Iterator[Standing]:
    """The cases with which there may be something to do."""
    after = None
    while found := storage.coming(session, today.on + FIRST_NOTICE, after=after, limit=limits.BATCH):
        yield from found
        after = Cursor(found[-1].erase_on, found[-1].case_id)


def _go_on(house: House, case_id: str, today: Given) -> Step:
    """The next step of one case, if its time has come: written down with what it does, or not at all."""
    places: tuple[str, ...] = ()
    with house.realm.writing() as session:
        looked = limits.write(house, session, case_id)
        if looked is None:
            return Step.wait
        found, step = next_of(house, session, looked, today)
        asked_at = house.now()
        match step:
            case Step.first_notice:
                notices.ask(session, looked.protocol, found, step, asked_at)
                found = replace(found, first_asked_at=asked_at)
            case Step.second_notice:
                notices.ask(session, looked.protocol, found, step, asked_at)
                found = replace(found, second_asked_at=asked_at)
            case Step.confirm:
                notices.ask(session, looked.protocol, found, step, asked_at)
                found = replace(found, waits=today)
            case Step.erase:
                places = places_of_case(session, case_id)
                _erase(house, session, looked, found)
        if step is not Step.erase:
            storage.keep(session, found)
    take_away(house, places)
    return step


def next_of(house: House, session: Session, looked: limits.Looked, today: Given) -> tuple[Standing, Step]:
    """Where the case stands with what was given by now, and what is to be done: nothing twice."""
    found = notices.given(house, session, looked.standing, today)
    if found.agreed_at is None and house.settings.erase_unanswered and _may_be_silent(session, found, today):
        found = replace(found, agreed_at=house.now(), agreed_by=JOB)
    step = next_step(looked.limit, found.first, found.second, found.agreed_at is not None, today, house.now())
    is_asked = {
        Step.first_notice: found.first_asked_at,
        Step.second_notice: found.second_asked_at,
        Step.confirm: found.waits,
    }
    return found, Step.wait if is_asked.get(step) is not None else step


def _may_be_silent(session: Session, found: Standing, today: Given) -> bool:
    """Whether silence may count: both notices left as messages, and so did the asking, long ago."""
    if not is_unanswered(found.waits, today) or found.first_by_page or found.second_by_page:
        return False
    return notices.is_word_asked_for(session, found)


def _erase(house: House, session: Session, looked: limits.Looked, found: Standing) -> None:
    """Erase a case: its share in figures stays; it is noted outside the database before the transaction ends."""
    assert found.agreed_by is not None
    now = house.now()
    shares.leave(house, session, looked)
    keep_count(house, session, found.case_id, looked.facts)  # older than figures, it may never have been counted
    erased.note(house.settings.data, house.vault, found.case_id, now)
    erasing.erase_case(session, house.vault, found.case_id, at=now, actor=found.agreed_by)
    storage.forget_messages(session, found.case_id, now)


def _write_down_erased(house: House) -> None:
    """The list outside the database knows every case that was erased, by whatever door."""
    with house.realm.reading() as session:
        found = [Erased(case_id, at) for case_id, at in storage.erased(session)]
    erased.merge(house.settings.data, house.vault, found)


def is_being_erased(house: House, session: Session, case_id: str) -> bool:
    """Whether a run was cut off as it erased that case: it is on the list already, and goes with the next run.

    A list that can't be read keeps nobody from suspending an erasure: nothing is erased before it can be read again,
    and the run that reads it names what was suspended though it stood there.
    """
    return is_listed_erased(house, session, case_id) and not cases.is_destroyed(session, case_id)


def _kept_though_listed(house: House) -> int:
    """How many cases are alive that the list says are erased, and stay so: suspended, or opened again, meanwhile."""
    noted = [one.case_id for one in erased.read(house.settings.data, house.vault)]
    with house.realm.reading() as session:
        found = storage.alive_and_kept(session, noted, house.now())
    if found:
        _log.error("listed as erased, and kept all the same (suspended or opened again): %s", ", ".join(found))
    return len(found)
