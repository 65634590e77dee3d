"""From a release to what each of its units is told: all that leaves the sealed counts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.sign_in_service import actor_of
from school_protocol.context import House
from school_protocol.engine.errors import SchoolProtocolError, Unseen
from school_protocol.language import ZONE
from school_protocol.protocol import repository as protocol_repository
from school_protocol.statistics import release_repository, repository
from school_protocol.statistics.counts import counted
from school_protocol.statistics.disclosure import auditing, suppressing
from school_protocol.statistics.disclosure import release as disclosure_release
from school_protocol.statistics.disclosure.release import Key, NotReleasable, Release, Said
from school_protocol.statistics.models import FigureReleaseRow, State
from school_protocol.statistics.release_repository import ToldOf
from school_protocol.statistics.release_rules import tables_as_data, tables_from_data
from school_protocol.statistics.releases import Place, issuable, note, settle_release
from school_protocol.statistics.rules import Period, school_year
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.engines import Session
from school_protocol.storage.store_errors import StorageBusy


def told_by_unit(release: Release) -> tuple[ToldOf, ...]:
    """What is told of every unit of the tree, those of which nothing is told among them.

    `former`: the counts that it repeats as an earlier release told them.
    """
    above = release.counts.above
    told: dict[str, dict[str, Any]] = {unit: {"cells": {}, "shares": {}, "medians": {}, "former": []} for unit in above}
    former = [key for key in release.former if isinstance(key, Key)]
    for unit, month, cell in sorted({*release.told, *former}):
        number = release.at(cell, unit, month)
        if number is not None:
            told[unit]["cells"].setdefault(cell[0], {}).setdefault(cell[1], {})[month] = number
    for unit, month, cell in sorted(former):
        told[unit]["former"].append([*cell, month])
    for said in sorted({*release.spoken, *(key for key in release.former if isinstance(key, Said))}):
        value = release.said(said)
        if value is not None:
            kind = "shares" if isinstance(value, tuple) else "medians"
            kept = list(value) if isinstance(value, tuple) else value
            told[said.unit][kind].setdefault(said.table, {})[said.month] = kept
    return tuple(ToldOf(unit, above[unit], found) for unit, found in told.items())


# One release worked out by a worker: counted, chosen from beside all that were issued, checked,
# issued for good.

SAID_EVERY = 2.0
"""Seconds between two times that a worker says how far it is."""
_NEXT = timedelta(microseconds=1)
"""No release bears a moment before that of one it was looked at beside, whatever clocks say: their order counts."""
_log = logging.getLogger(__name__)


class _Settled(SchoolProtocolError):
    """Nothing is issued: it was stopped, or says a code."""


class _Made(NamedTuple):
    """What was worked out so far, as it is kept: counted when, beside which releases, and told what."""

    counted_at: str
    version: int
    tables: list[dict[str, Any]]
    beside: list[str]
    release: dict[str, Any]


class Work:
    def __init__(self, house: House, job_id: str) -> None:
        self.house = house
        with house.directory.reading() as session:
            self.job = repository.job(session, job_id)
            self.unit = auth_repository.unit(session, self.job.unit)
            self.actor = actor_of(house, self.job.account, session)
        self._begun, self._began_at = time.monotonic(), house.now()
        self._said = 0.0

    def work(self) -> None:
        steps: dict[State, Callable[[], State]] = {
            State.counting: self._count, State.choosing: self._choose, State.checking: self._check,
        }  # fmt: skip
        state = State(self.job.state)
        try:
            while state in steps:
                state = steps[state]()
        except _Settled as why:
            with self.house.directory.writing() as session:
                settle_release(self.house, session, self.job.id, State.refused, str(why))

    def _now(self) -> datetime:
        """Now: the clock of a process apart stands where the work began."""
        return self._began_at + timedelta(seconds=time.monotonic() - self._begun)

    # ---- steps

    def _count(self) -> State:
        place = self._allowed()
        begins = place.rules.begins
        today = self._began_at.astimezone(ZONE).strftime("%Y-%m")
        months = tuple(month for month in school_year(begins, self.job.year).months if month <= today)
        counts = counted(self.house, self.job.protocol, self.unit.id, Period(months), whole=True)
        release = disclosure_release.as_data(Release(counts, frozenset()))
        version = place.protocol.version
        return self._keep(
            State.choosing, _Made(self._began_at.isoformat(), version, tables_as_data(counts.tables), [], release)
        )

    def _choose(self) -> State:
        """Which counts may be told, beside all that was told before."""
        made = self._made()
        counts = disclosure_release.from_data(made.release, tables_from_data(made.tables)).counts
        earlier = self._beside(made)
        try:
            release = suppressing.suppress(counts, list(earlier.values()), self._progress)
        except NotReleasable:
            raise _Settled("not_releasable") from None
        if not release.told and not release.spoken:
            raise _Settled("as_before" if earlier else "too_few")
        return self._keep(
            State.checking, made._replace(beside=list(earlier), release=disclosure_release.as_data(release))
        )

    def _check(self) -> State:
        """The gate; and what passes is issued, unless something else was meanwhile."""
        made = self._made()
        release = disclosure_release.from_data(made.release, tables_from_data(made.tables))
        earlier = self._beside(made)
        if list(earlier) != made.beside:
            return self._keep(State.choosing, made)
        if auditing.audit((*earlier.values(), release), self._progress):
            _log.error("figures %s did not pass the gate: nothing is issued", self.job.id)
            raise _Settled("gate")
        return self._issue(made, release)

    def _issue(self, made: _Made, release: Release) -> State:
        place = self._allowed()
        job, counted_at = self.job, datetime.fromisoformat(made.counted_at)
        with self.house.directory.writing() as session:
            beside = self._issued_beside(session, release)
            if [one.id for one in beside] != made.beside:
                found = repository.set_state(
                    session, job.id, State.choosing, self._sealed(session, made), now=self._now()
                )
                return State.choosing if found else State.stopped
            last = release_repository.last_edition(session, job.protocol, job.unit, job.year)
            if not repository.settle_job(session, job.id, State.issued, at=self._now()):
                return State.stopped
            kept = release_repository.write_release(
                session, told_by_unit(release),
                id=job.id, protocol=job.protocol, version=made.version, unit=job.unit, year=job.year,
                definition=protocol_repository.definition(session, job.protocol, made.version).digest,
                edition=last.edition + 1 if last else 1, months=list(release.counts.period.months),
                counted_at=counted_at, issued_at=max([self._now(), *(one.issued_at + _NEXT for one in beside)]),
                actor=job.account, role=place.role, former=last.id if last else None, tables=made.tables,
                sealed=release_repository.seal(session, self.house.vault, job.id, disclosure_release.as_data(release)),
            )  # fmt: skip
            if not kept:
                raise StorageBusy(f"figures {job.id}: their number was given meanwhile")
            issued = release_repository.release(session, job.id)
            note(session, Kind.figures_issued, issued, job.account, place.role, at=issued.issued_at)
        return State.issued

    # ---- what they stand on

    def _allowed(self) -> Place:
        """Whoever asked must be one who issues them still."""
        try:
            if self.actor is None:
                raise Unseen(self.job.id)
            return issuable(self.house, self.actor, self.job.protocol, self.unit.code)
        except Unseen:
            raise _Settled("not_allowed") from None

    def _beside(self, made: _Made) -> dict[str, Release]:
        release = disclosure_release.from_data(made.release, tables_from_data(made.tables))
        with self.house.directory.reading() as session:
            return {one.id: self._opened(session, one) for one in self._issued_beside(session, release)}

    def _issued_beside(self, session: Session, release: Release) -> tuple[FigureReleaseRow, ...]:
        counts = release.counts
        return release_repository.beside(session, self.job.protocol, counts.above.keys(), counts.period.months)

    def _opened(self, session: Session, issued: FigureReleaseRow) -> Release:
        sealed = release_repository.sealed_of(session, issued.id)
        data = release_repository.open_sealed(session, self.house.vault, issued.id, sealed)
        return disclosure_release.from_data(data, tables_from_data(issued.tables))

    def _made(self) -> _Made:
        with self.house.directory.reading() as session:
            sealed = repository.sealed_of(session, self.job.id)
            if sealed is None:
                raise _Settled("broken")
            return _Made(**release_repository.open_sealed(session, self.house.vault, self.job.id, sealed))

    def _sealed(self, session: Session, made: _Made) -> bytes:
        return release_repository.seal(session, self.house.vault, self.job.id, made._asdict())

    def _keep(self, state: State, made: _Made) -> State:
        with self.house.directory.writing() as session:
            kept = repository.set_state(session, self.job.id, state, self._sealed(session, made), now=self._now())
        return state if kept else State.stopped

    def _progress(self, done: int, total: int) -> None:
        """Say how far it is, now and then, which renews the lease; end where it was stopped."""
        if time.monotonic() - self._said < SAID_EVERY:
            return
        self._said = time.monotonic()
        with self.house.directory.writing() as session:
            if not repository.go_on(session, self.job.id, done=done, total=total, now=self._now()):
                raise _Settled("stopped")
