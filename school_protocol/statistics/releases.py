"""Figures issued: asked for once, worked out by a worker, told only as far as the gate lets them, and then for good.

What is counted first is kept, sealed, until it is issued: a worker may be killed anywhere, and the next one goes on
from the same counts. One release is worked on at a time, for each is looked at together with those before it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.sign_in_service import actor_of
from school_protocol.case_files.prepare_process import Broken, Hands
from school_protocol.cases.loading import account_names
from school_protocol.context import AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FigureRules
from school_protocol.engine.errors import BadInput, Refused, SchoolProtocolError, Unseen
from school_protocol.engine.visibility import Actor, Permission, Unit, UnitKind
from school_protocol.language import ZONE
from school_protocol.protocol import repository as protocol_repository
from school_protocol.statistics import counts, repository
from school_protocol.statistics.counts import counted
from school_protocol.statistics.disclosure import release as disclosure_release
from school_protocol.statistics.disclosure.release import Key, NotReleasable, Release, Said
from school_protocol.statistics.models import FigureJobRow, FigureReleaseRow, State
from school_protocol.statistics.repository import UnitRelease
from school_protocol.statistics.rules import (
    Changed,
    Period,
    ReleaseLine,
    Told,
    UnitFigures,
    changes,
    own_part,
    school_year,
    tables_as_data,
    tables_from_data,
    unit_of,
)
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session
from school_protocol.storage.models import new_id
from school_protocol.storage.store_errors import StorageBusy

# Figures that were issued, as those read them who may: by unit, release by release; never what is
# withheld.


@dataclass(frozen=True, slots=True)
class Place:
    """A unit whose figures this person reads, of one protocol, in a role; `may_issue`: and issues."""

    unit: Unit
    protocol: Protocol
    role: str
    may_issue: bool

    @property
    def rules(self) -> FigureRules:
        assert self.protocol.figures is not None
        return self.protocol.figures


# ---- who reads them ------------------------------------------------------------------------------------------------


def places(ctx: AppContext, actor: Actor) -> tuple[Place, ...]:
    """The units in which this person reads or issues figures, the widest first."""
    if not permissions.may(ctx, actor, Permission.see_figures):
        return ()
    found: dict[tuple[str, str], Place] = {}
    held = list(_held(ctx, actor))
    with ctx.directory.reading() as session:
        units = auth_repository.find_units(session, sorted({unit for _protocol, unit, _role, _issues in held}))
    for protocol, unit, role, issues in held:
        may_issue = issues and units[unit].kind is not UnitKind.school
        key = (protocol.protocol, unit)
        if key not in found or (may_issue and not found[key].may_issue):
            found[key] = Place(units[unit], protocol, role, may_issue)
    return tuple(sorted(found.values(), key=lambda one: (len(one.unit.parents), one.unit.code, one.protocol.protocol)))


def place_of(ctx: AppContext, actor: Actor, protocol: str, code: str) -> Place:
    """That unit, for whoever reads its figures or those of one above it. Raises Unseen."""
    with ctx.directory.reading() as session:
        unit = auth_repository.unit_coded(session, code)
    own = [one for one in places(ctx, actor) if one.protocol.protocol == protocol]
    if unit is None:
        raise Unseen(code)
    for place in own:
        if place.unit.id == unit.id:
            return place
    above = next((place for place in own if place.unit.id in unit.parents), None)
    if above is None:
        raise Unseen(code)
    return Place(unit, above.protocol, above.role, may_issue=False)


def _held(ctx: AppContext, actor: Actor) -> Iterator[tuple[Protocol, str, str, bool]]:
    for protocol in ctx.library.current():
        rules = protocol.figures
        for held in actor.appointments if rules is not None else ():
            assert rules is not None
            if held.role in (*rules.reads, *rules.issues):
                yield protocol, held.unit, held.role, held.role in rules.issues


# ---- releases ------------------------------------------------------------------------------------------------------


def releases_covering(ctx: AppContext, unit: Unit, protocol: str = "") -> tuple[ReleaseLine, ...]:
    """The releases that have this unit, the newest first."""
    with ctx.directory.reading() as session:
        found = [one for one in repository.covering(session, unit.id) if protocol in ("", one.protocol)]
        return _lines(session, found)


def see_told(ctx: AppContext, unit: Unit, release_id: str) -> Told:
    """What a release tells of a unit and of those right below it. Raises Unseen."""
    with ctx.directory.reading() as session:
        return _told(session, repository.release(session, release_id), unit)


def see_changes(ctx: AppContext, told: Told) -> tuple[ReleaseLine, tuple[Changed, ...]] | None:
    """The release that this one follows, and what it told otherwise of this unit; None: it is the first one."""
    if not told.line.former:
        return None
    with ctx.directory.reading() as session:
        former = repository.release(session, told.line.former)
        if repository.told_of_release(session, former.id, told.unit.unit.id) is None:
            return None
        before = _told(session, former, told.unit.unit)
    return before.line, changes(before, told)


@dataclass(frozen=True, slots=True)
class FiguresView:
    """A unit's page: the releases that have it, the one that is shown, what it tells otherwise than the one before."""

    place: Place
    lines: tuple[ReleaseLine, ...]
    told: Told | None
    former: ReleaseLine | None
    changed: tuple[Changed, ...]
    by: str
    """Who issued what is shown."""
    above: Unit | None
    """The unit right above, where this person reads its figures too."""

    @property
    def has_years(self) -> bool:
        """Whether more than one school year can be read."""
        return len({line.year for line in self.lines}) > 1


def see_figures(ctx: AppContext, actor: Actor, protocol: str, code: str, release: str = "") -> FiguresView:
    """The latest release that has a unit, or that one. Raises Unseen."""
    place = place_of(ctx, actor, protocol, code)
    lines = releases_covering(ctx, place.unit, protocol)
    shown = next((one for one in lines if one.id == release), None) if release else next(iter(lines), None)
    if release and shown is None:
        raise Unseen(release)
    told = see_told(ctx, place.unit, shown.id) if shown else None
    before = see_changes(ctx, told) if told else None
    names = account_names(ctx, [shown.by], actor.language) if shown else {}
    return FiguresView(
        place=place,
        lines=lines,
        told=told,
        former=before[0] if before else None,
        changed=before[1] if before else (),
        by=names.get(shown.by, "—") if shown else "",
        above=_above(ctx, actor, place),
    )


MOST_YEARS = 6
"""From the latest school year of which something was issued back."""


@dataclass(frozen=True, slots=True)
class YearsView:
    """What the latest release of each school year tells of a unit, the earliest year first; of MOST_YEARS at most."""

    place: Place
    told: tuple[Told, ...]


def see_years(ctx: AppContext, actor: Actor, protocol: str, code: str) -> YearsView:
    """School years side by side, as they were issued; a place above may have issued some. Raises Unseen."""
    place = place_of(ctx, actor, protocol, code)
    latest: dict[int, ReleaseLine] = {}
    for line in releases_covering(ctx, place.unit, protocol):
        latest.setdefault(line.year, line)
    years = [year for year in sorted(latest) if year > max(latest) - MOST_YEARS]
    return YearsView(place, tuple(see_told(ctx, place.unit, latest[year].id) for year in years))


def _above(ctx: AppContext, actor: Actor, place: Place) -> Unit | None:
    reads = {one.unit.id for one in places(ctx, actor) if one.protocol.protocol == place.protocol.protocol}
    if not place.unit.parents or reads.isdisjoint(place.unit.parents):
        return None
    with ctx.directory.reading() as session:
        return auth_repository.unit(session, place.unit.parents[0])


def see_public(ctx: AppContext) -> tuple[ReleaseLine, ...]:
    """The releases that are on the page for everybody, the newest first."""
    with ctx.directory.reading() as session:
        return _lines(session, repository.public(session))


def has_public(ctx: AppContext) -> bool:
    """Whether anything is on the page for everybody."""
    with ctx.directory.reading() as session:
        return bool(repository.public_ids(session))


def see_public_told(ctx: AppContext, release_id: str) -> Told:
    """What everybody is told of a release: of its own unit alone. Raises Unseen."""
    with ctx.directory.reading() as session:
        if release_id not in repository.public_ids(session):
            raise Unseen(release_id)
        issued = repository.release(session, release_id)
        return _told(session, issued, auth_repository.unit(session, issued.unit)).for_everybody()


def _told(session: Session, issued: FigureReleaseRow, unit: Unit) -> Told:
    own = repository.told_of_release(session, issued.id, unit.id)
    if own is None:
        raise Unseen(issued.id)
    below = repository.told_below(session, issued.id, unit.id)
    units = auth_repository.find_units(session, sorted({unit_of(one.unit) for one in below}))
    (line,) = _lines(session, [issued])
    children = sorted((_unit_told(one, units[unit_of(one.unit)]) for one in below), key=lambda one: one.code)
    return Told(line, tables_from_data(issued.tables), _unit_told(own, unit), tuple(children))


def _unit_told(told: UnitRelease, unit: Unit) -> UnitFigures:
    return UnitFigures(unit, told.unit == own_part(unit.id), told.told)


def _lines(session: Session, found: Sequence[FigureReleaseRow]) -> tuple[ReleaseLine, ...]:
    units = auth_repository.find_units(session, sorted({one.unit for one in found}))
    public = repository.public_ids(session)
    return tuple(
        ReleaseLine(
            id=one.id,
            protocol=one.protocol,
            version=one.version,
            definition=one.definition,
            unit=units[one.unit],
            number=one.edition,
            year=one.year,
            months=tuple(one.months),
            counted_at=one.counted_at,
            issued_at=one.issued_at,
            by=one.actor,
            role=one.role,
            former=one.former or "",
            is_latest=repository.last_edition(session, one.protocol, one.unit, one.year) is one,
            is_public=one.id in public,
        )
        for one in found
    )


YEARS_BACK = 3
"""So many finished school years can be issued, beside the one that runs."""
TRIES = 5
"""So often a worker may be killed at one release before it is given up."""
_log = logging.getLogger(__name__)


class Running(Refused):
    """Figures of this unit are being worked out already: `job`."""

    def __init__(self, job: str) -> None:
        self.job = job
        super().__init__(())


# ---- asking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Options:
    """What may be issued of a unit: school years, the one that runs first, each with what was last issued of it."""

    place: Place
    years: tuple[tuple[int, ReleaseLine | None], ...]
    job: FigureJobRow | None
    """What was last asked for."""

    @property
    def refused(self) -> FigureJobRow | None:
        """What was last asked for, where nothing came of it."""
        return self.job if self.job is not None and self.job.state == State.refused else None


def see_options(ctx: AppContext, actor: Actor, protocol: str, code: str) -> Options:
    """For whoever issues the figures of that unit. Raises Unseen."""
    place = issuable(ctx, actor, protocol, code)
    lines = [one for one in releases_covering(ctx, place.unit, protocol) if one.unit.id == place.unit.id]
    latest = {one.year: one for one in lines if one.is_latest}
    with ctx.directory.reading() as session:
        job = repository.latest_job(session, protocol, place.unit.id)
    return Options(place, tuple((year, latest.get(year)) for year in _years(ctx, place)), job)


def ask_release(ctx: AppContext, actor: Actor, protocol: str, code: str, year: int, token: str) -> str:
    """Ask for the figures of a unit and of all below it; returns the job's id. Pressed twice, it is one.

    Raises Unseen, BadInput for a year that isn't offered, Running where that unit's are being worked out.
    """
    place = issuable(ctx, actor, protocol, code)
    if year not in _years(ctx, place):
        raise BadInput({"year": ("unknown_option",)})
    press = ctx.vault.chain("figures-press-v1", f"{actor.id}\0{token}".encode("utf-8", "surrogatepass")).hex()
    with ctx.directory.writing() as session:
        before = repository.job_of_press(session, press)
        if before is not None:
            return before.id
        last = repository.latest_job(session, protocol, place.unit.id)
        if last is not None and last.is_running:
            raise Running(last.id)
        job = new_id()
        repository.make_key(session, ctx.vault, job)
        repository.add_job(
            session, job, protocol=protocol, unit=place.unit.id, year=year, account=actor.id, role=place.role,
            at=ctx.now(), press=press,
        )  # fmt: skip
    return job


def issuable(ctx: AppContext, actor: Actor, protocol: str, code: str) -> Place:
    place = place_of(ctx, actor, protocol, code)
    if not place.may_issue:
        raise Unseen(code)
    return place


def _years(ctx: AppContext, place: Place) -> tuple[int, ...]:
    """The school year that runs, and those before it of which something is counted."""
    begins = place.rules.begins
    running = _year_at(begins, ctx.now())
    counted = {
        int(month[:4]) - (int(month[5:]) < begins)
        for month in counts.months(ctx, place.protocol.protocol, place.unit.id)
    }
    return tuple(year for year in range(running, running - YEARS_BACK - 1, -1) if year == running or year in counted)


def _year_at(begins: int, moment: datetime) -> int:
    local = moment.astimezone(ZONE)
    return local.year - (local.month < begins)


# ---- how far it is -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobView:
    job: FigureJobRow
    place: Place


def see_job(ctx: AppContext, actor: Actor, job_id: str) -> JobView:
    """How far it is, for whoever issues the figures of that unit. Raises Unseen."""
    with ctx.directory.reading() as session:
        job = repository.job(session, job_id)
        unit = auth_repository.unit(session, job.unit)
    return JobView(job, issuable(ctx, actor, job.protocol, unit.code))


def stop_release(ctx: AppContext, actor: Actor, job_id: str) -> bool:
    """Nothing is issued; False where it had come to its end before. Raises Unseen."""
    see_job(ctx, actor, job_id)
    with ctx.directory.writing() as session:
        return settle_release(ctx, session, job_id, State.stopped)


def set_public(ctx: AppContext, actor: Actor, release_id: str, *, is_public: bool) -> bool:
    """Put a release on the page for everybody, or take it from there; False where it is so already. Raises Unseen."""
    with ctx.directory.reading() as session:
        issued = repository.release(session, release_id)
        unit = auth_repository.unit(session, issued.unit)
    place = issuable(ctx, actor, issued.protocol, unit.code)
    with ctx.directory.writing() as session:
        if not repository.set_public(session, release_id, is_public=is_public, actor=actor.id, at=ctx.now()):
            return False
        kind = Kind.figures_published if is_public else Kind.figures_withdrawn
        note(session, kind, issued, actor.id, place.role, at=ctx.now())
    return True


def note(session: Session, kind: Kind, issued: FigureReleaseRow, actor: str, role: str, *, at: datetime) -> None:
    """One row of what was changed, about the post by which it was. Raises Unseen where there is none any more."""
    posts = auth_repository.posts_of(session, actor, since=at.astimezone(ZONE).date())
    held = next((one for one in posts if (one.unit, one.role) == (issued.unit, role)), None)
    if held is None:
        raise Unseen(issued.id)
    administration_log.write_entry(
        session,
        Change(
            at=at, actor=actor, kind=kind, unit=issued.unit, account=actor, role=role, appointment=held.id,
            reason="figures", sentence=f"{issued.year}-{issued.year + 1}, {issued.edition}", draft=issued.id,
        ),
    )  # fmt: skip


# ---- working -------------------------------------------------------------------------------------------------------


def go_on(ctx: AppContext, hands: Hands) -> bool:
    """Work on what was asked for first, unless somebody is at it; returns whether there is more to do at once.

    Raises NotCounted in a realm that is not the real one.
    """
    counts.only_real(ctx)
    with ctx.directory.writing() as session:
        job = repository.take_next(session, now=ctx.now())
        if job is not None and job.tries > TRIES:
            settle_release(ctx, session, job.id, State.refused, "broken")
            return True
    if job is None:
        return False
    try:
        hands.do(work, job.id, now=ctx.now())
    except Broken as broken:
        _log.warning("figures %s could not be worked out (%s)", job.id, broken)
        with ctx.directory.writing() as session:
            repository.leave(session, job.id)
        return False
    return True


def work(ctx: AppContext, job_id: str) -> None:
    """All steps that are left of one job, whose lease its caller took; each is kept as it ends."""
    # loads the solver, once

    counts.only_real(ctx)
    Work(ctx, job_id).work()


def settle_release(ctx: AppContext, session: Session, job_id: str, state: State, fault: str = "") -> bool:
    """Nothing was issued: what was counted can't be opened any more."""
    settled = repository.settle_job(session, job_id, state, at=ctx.now(), fault=fault)
    if settled:
        repository.drop_key(session, job_id)
    return settled


# From a release to what each of its units is told: all that leaves the sealed counts.


def told_by_unit(release: Release) -> tuple[UnitRelease, ...]:
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
    return tuple(UnitRelease(unit, above[unit], found) for unit, found in told.items())


# One release worked out by a worker: counted, chosen from beside all that were issued, checked,
# issued for good.

SAID_EVERY = 2.0
"""Seconds between two times that a worker says how far it is."""
_NEXT = timedelta(microseconds=1)
"""No release bears a moment before that of one it was looked at beside, whatever clocks say: their order counts."""


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
    def __init__(self, ctx: AppContext, job_id: str) -> None:
        self.ctx = ctx
        with ctx.directory.reading() as session:
            self.job = repository.job(session, job_id)
            self.unit = auth_repository.unit(session, self.job.unit)
            self.actor = actor_of(ctx, self.job.account, session)
        self._begun, self._began_at = time.monotonic(), ctx.now()
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
            with self.ctx.directory.writing() as session:
                settle_release(self.ctx, session, self.job.id, State.refused, str(why))

    def _now(self) -> datetime:
        """Now: the clock of a process apart stands where the work began."""
        return self._began_at + timedelta(seconds=time.monotonic() - self._begun)

    # ---- steps

    def _count(self) -> State:
        place = self._allowed()
        begins = place.rules.begins
        today = self._began_at.astimezone(ZONE).strftime("%Y-%m")
        months = tuple(month for month in school_year(begins, self.job.year).months if month <= today)
        counts = counted(self.ctx, self.job.protocol, self.unit.id, Period(months), whole=True)
        release = disclosure_release.as_data(Release(counts, frozenset()))
        version = place.protocol.version
        return self._keep(
            State.choosing, _Made(self._began_at.isoformat(), version, tables_as_data(counts.tables), [], release)
        )

    def _choose(self) -> State:
        """Which counts may be told, beside all that was told before."""
        from school_protocol.statistics.disclosure import suppressing  # loads numpy and HiGHS, once

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
        from school_protocol.statistics.disclosure import auditing  # loads numpy and HiGHS, once

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
        with self.ctx.directory.writing() as session:
            beside = self._issued_beside(session, release)
            if [one.id for one in beside] != made.beside:
                found = repository.set_state(
                    session, job.id, State.choosing, self._sealed(session, made), now=self._now()
                )
                return State.choosing if found else State.stopped
            last = repository.last_edition(session, job.protocol, job.unit, job.year)
            if not repository.settle_job(session, job.id, State.issued, at=self._now()):
                return State.stopped
            kept = repository.write_release(
                session, told_by_unit(release),
                id=job.id, protocol=job.protocol, version=made.version, unit=job.unit, year=job.year,
                definition=protocol_repository.definition(session, job.protocol, made.version).digest,
                edition=last.edition + 1 if last else 1, months=list(release.counts.period.months),
                counted_at=counted_at, issued_at=max([self._now(), *(one.issued_at + _NEXT for one in beside)]),
                actor=job.account, role=place.role, former=last.id if last else None, tables=made.tables,
                sealed=repository.seal(session, self.ctx.vault, job.id, disclosure_release.as_data(release)),
            )  # fmt: skip
            if not kept:
                raise StorageBusy(f"figures {job.id}: their number was given meanwhile")
            issued = repository.release(session, job.id)
            note(session, Kind.figures_issued, issued, job.account, place.role, at=issued.issued_at)
        return State.issued

    # ---- what they stand on

    def _allowed(self) -> Place:
        """Whoever asked must be one who issues them still."""
        try:
            if self.actor is None:
                raise Unseen(self.job.id)
            return issuable(self.ctx, self.actor, self.job.protocol, self.unit.code)
        except Unseen:
            raise _Settled("not_allowed") from None

    def _beside(self, made: _Made) -> dict[str, Release]:
        release = disclosure_release.from_data(made.release, tables_from_data(made.tables))
        with self.ctx.directory.reading() as session:
            return {one.id: self._opened(session, one) for one in self._issued_beside(session, release)}

    def _issued_beside(self, session: Session, release: Release) -> tuple[FigureReleaseRow, ...]:
        counts = release.counts
        return repository.beside(session, self.job.protocol, counts.above.keys(), counts.period.months)

    def _opened(self, session: Session, issued: FigureReleaseRow) -> Release:
        sealed = repository.sealed_release(session, issued.id)
        data = repository.open_sealed(session, self.ctx.vault, issued.id, sealed)
        return disclosure_release.from_data(data, tables_from_data(issued.tables))

    def _made(self) -> _Made:
        with self.ctx.directory.reading() as session:
            sealed = repository.sealed_of(session, self.job.id)
            if sealed is None:
                raise _Settled("broken")
            return _Made(**repository.open_sealed(session, self.ctx.vault, self.job.id, sealed))

    def _sealed(self, session: Session, made: _Made) -> bytes:
        return repository.seal(session, self.ctx.vault, self.job.id, made._asdict())

    def _keep(self, state: State, made: _Made) -> State:
        with self.ctx.directory.writing() as session:
            kept = repository.set_state(session, self.job.id, state, self._sealed(session, made), now=self._now())
        return state if kept else State.stopped

    def _progress(self, done: int, total: int) -> None:
        """Say how far it is, now and then, which renews the lease; end where it was stopped."""
        if time.monotonic() - self._said < SAID_EVERY:
            return
        self._said = time.monotonic()
        with self.ctx.directory.writing() as session:
            if not repository.go_on(session, self.job.id, done=done, total=total, now=self._now()):
                raise _Settled("stopped")
