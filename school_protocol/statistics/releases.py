"""Figures issued: of a school year or a quarter that is over, asked for once, told with noise, and then for good.

Each cell of the catalogue is told once, in the release of its own period: a later release that has the same unit and
period repeats it. What was wrong is withdrawn and drawn anew once. True counts are kept nowhere, and the key of the
noise goes with the release of the year.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.sign_in_service import actor_of
from school_protocol.cases.loading import account_names
from school_protocol.context import AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FigureRules
from school_protocol.engine.errors import BadInput, Refused, Unseen
from school_protocol.engine.visibility import Actor, Permission, Unit, UnitKind
from school_protocol.language import ZONE
from school_protocol.protocol import repository as protocol_repository
from school_protocol.statistics import catalogue, counts, noise, repository
from school_protocol.statistics.models import FigureJobRow, FigureReleaseRow, State
from school_protocol.statistics.repository import UnitRelease
from school_protocol.statistics.rules import (
    Counts,
    Period,
    ReleaseLine,
    ReleasePeriod,
    Told,
    UnitFigures,
    periods,
    tables_as_data,
    tables_from_data,
    unit_of,
)
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session
from school_protocol.storage.models import new_id
from school_protocol.storage.store_errors import StorageBusy

# Figures that were issued, as those read them who may: by unit, release by release.


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


@dataclass(frozen=True, slots=True)
class FiguresView:
    """A unit's page: the releases that have it, and the one that is shown."""

    place: Place
    lines: tuple[ReleaseLine, ...]
    told: Told | None
    by: str
    """Who issued what is shown."""
    above: Unit | None
    """The unit right above, where this person reads its figures too."""

    @property
    def has_years(self) -> bool:
        """Whether more than one whole school year can be read."""
        return len({line.year for line in self.lines if not line.period.quarter}) > 1

    @property
    def former(self) -> ReleaseLine | None:
        """The one in whose place the one that is shown stands."""
        return next((line for line in self.lines if self.told and line.id == self.told.line.former), None)

    @property
    def may_redraw(self) -> bool:
        """Whether this person may withdraw what is shown, and have it drawn anew."""
        return self.told is not None and self.place.may_issue and _may_redraw(self.told.line, self.place.unit)


def see_figures(ctx: AppContext, actor: Actor, protocol: str, code: str, release: str = "") -> FiguresView:
    """The latest release that has a unit, or that one. Raises Unseen."""
    place = place_of(ctx, actor, protocol, code)
    lines = releases_covering(ctx, place.unit, protocol)
    shown = next((one for one in lines if one.id == release), None) if release else next(iter(lines), None)
    if release and shown is None:
        raise Unseen(release)
    told = see_told(ctx, place.unit, shown.id) if shown else None
    names = account_names(ctx, [shown.by], actor.language) if shown else {}
    return FiguresView(
        place=place,
        lines=lines,
        told=told,
        by=names.get(shown.by, "—") if shown else "",
        above=_above(ctx, actor, place),
    )


MOST_YEARS = 6
"""From the latest school year of which something was issued back."""


@dataclass(frozen=True, slots=True)
class YearsView:
    """What the releases of whole school years tell of a unit, the earliest year first; of MOST_YEARS at most."""

    place: Place
    told: tuple[Told, ...]


def see_years(ctx: AppContext, actor: Actor, protocol: str, code: str) -> YearsView:
    """School years side by side, as they were issued; a place above may have issued some. Raises Unseen."""
    place = place_of(ctx, actor, protocol, code)
    latest: dict[int, ReleaseLine] = {}
    for line in releases_covering(ctx, place.unit, protocol):
        if not line.period.quarter:
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
    if own is None or issued.quarter is None:
        raise Unseen(issued.id)
    below = repository.told_below(session, issued.id, unit.id)
    units = auth_repository.find_units(session, sorted(one.unit for one in below))
    (line,) = _lines(session, [issued])
    children = sorted((UnitFigures(units[one.unit], one.told) for one in below), key=lambda one: one.code)
    return Told(line, tables_from_data(issued.tables), UnitFigures(unit, own.told), tuple(children))


def _lines(session: Session, found: Sequence[FigureReleaseRow]) -> tuple[ReleaseLine, ...]:
    units = auth_repository.find_units(session, sorted({one.unit for one in found}))
    public = repository.public_ids(session)
    replaced = repository.replaced(session, [one.id for one in found])
    return tuple(
        ReleaseLine(
            id=one.id,
            protocol=one.protocol,
            version=one.version,
            definition=one.definition,
            unit=units[one.unit],
            number=one.edition,
            period=one.period,
            drawing=one.drawing or 1,
            months=tuple(one.months),
            counted_at=one.counted_at,
            issued_at=one.issued_at,
            by=one.actor,
            role=one.role,
            former=one.former or "",
            is_latest=one.id not in replaced,
            is_public=one.id in public,
        )
        for one in found
    )


YEARS_BACK = 3
"""So many finished school years can be issued, beside the one that runs."""
TRIES = 5
"""So often a worker may be killed at one release before it is given up."""


class Running(Refused):
    """Figures of this unit are being worked out already: `job`."""

    def __init__(self, job: str) -> None:
        self.job = job
        super().__init__(())


# ---- asking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Options:
    """What may be issued of a unit: the years and quarters that are over and of which nothing is told yet."""

    place: Place
    periods: tuple[ReleasePeriod, ...]
    job: FigureJobRow | None
    """What was last asked for."""

    @property
    def refused(self) -> FigureJobRow | None:
        """What was last asked for, where nothing came of it."""
        return self.job if self.job is not None and self.job.state == State.refused else None


def see_options(ctx: AppContext, actor: Actor, protocol: str, code: str) -> Options:
    """For whoever issues the figures of that unit. Raises Unseen."""
    place = issuable(ctx, actor, protocol, code)
    told = {line.period for line in releases_covering(ctx, place.unit, protocol) if line.is_latest}
    with ctx.directory.reading() as session:
        job = repository.latest_job(session, protocol, place.unit.id)
    return Options(place, tuple(one for one in _over(ctx, place) if one not in told), job)


def ask_release(
    ctx: AppContext, actor: Actor, protocol: str, code: str, period: ReleasePeriod, token: str, *, again: bool = False
) -> str:
    """Ask for the figures of a unit and of those below it; returns the job's id. Pressed twice, it is one.

    `again`: in place of those that were issued, which are withdrawn. Raises Unseen, Running where that unit's are being
    worked out, and BadInput for a period that isn't over, is told already, or may not be drawn again.
    """
    place = issuable(ctx, actor, protocol, code)
    press = ctx.vault.chain("figures-press-v1", f"{actor.id}\0{token}".encode("utf-8", "surrogatepass")).hex()
    with ctx.directory.reading() as session:
        before = repository.job_of_press(session, press)
    if before is not None:
        return before.id
    told = [line for line in releases_covering(ctx, place.unit, protocol) if line.period == period and line.is_latest]
    if period not in _over(ctx, place) or bool(told) != again:
        raise BadInput({"period": ("unknown_option",)})
    if again and not any(_may_redraw(line, place.unit) for line in told):
        raise BadInput({"period": ("drawn_twice",)})
    with ctx.directory.writing() as session:
        before = repository.job_of_press(session, press)
        if before is not None:
            return before.id
        last = repository.latest_job(session, protocol, place.unit.id)
        if last is not None and last.is_running:
            raise Running(last.id)
        job = new_id()
        repository.add_job(
            session, job, period, protocol=protocol, unit=place.unit.id, again=again, account=actor.id,
            role=place.role, asked_at=ctx.now(), press=press,
        )  # fmt: skip
    return job


def _may_redraw(line: ReleaseLine, unit: Unit) -> bool:
    return line.is_latest and line.unit.id == unit.id and line.drawing < catalogue.EDITIONS


def issuable(ctx: AppContext, actor: Actor, protocol: str, code: str) -> Place:
    place = place_of(ctx, actor, protocol, code)
    if not place.may_issue:
        raise Unseen(code)
    return place


def _over(ctx: AppContext, place: Place) -> tuple[ReleasePeriod, ...]:
    """Of the school year that runs, and of those before it of which the installation counted anything: what is over."""
    begins, now = place.rules.begins, ctx.now()
    running, month = _year_at(begins, now), now.astimezone(ZONE).strftime("%Y-%m")
    top = place.unit.parents[-1] if place.unit.parents else place.unit.id
    counted = {int(one[:4]) - (int(one[5:]) < begins) for one in counts.months(ctx, place.protocol.protocol, top)}
    years = [year for year in range(running, running - YEARS_BACK - 1, -1) if year == running or year in counted]
    return tuple(one for year in years for one in periods(year) if one.months(begins)[-1] < month)


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
        return repository.settle_job(session, job_id, State.stopped, at=ctx.now())


def set_public(ctx: AppContext, actor: Actor, release_id: str, *, is_public: bool) -> bool:
    """Put a release on the page for everybody, or take it from there; False where it is so already.

    Raises Unseen, also for one that was withdrawn.
    """
    with ctx.directory.reading() as session:
        issued = repository.release(session, release_id)
        unit = auth_repository.unit(session, issued.unit)
    place = issuable(ctx, actor, issued.protocol, unit.code)
    with ctx.directory.writing() as session:
        if is_public and (issued.quarter is None or repository.replaced(session, [release_id])):
            raise Unseen(release_id)
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


def go_on(ctx: AppContext) -> bool:
    """Issue what was asked for first, unless somebody is at it; returns whether there may be more to do at once.

    Raises NotCounted in a realm that is not the real one.
    """
    counts.only_real(ctx)
    with ctx.directory.writing() as session:
        job = repository.take_next(session, now=ctx.now())
        if job is not None and job.tries > TRIES:
            repository.settle_job(session, job.id, State.refused, at=ctx.now(), fault="broken")
            return True
    if job is None:
        return False
    work(ctx, job.id)
    return True


def work(ctx: AppContext, job_id: str) -> None:
    """Issue it, whose lease its caller took: all of it, or nothing. Raises NotCounted as `go_on` does."""
    counts.only_real(ctx)
    with ctx.directory.reading() as session:
        job = repository.job(session, job_id)
        unit, actor = auth_repository.unit(session, job.unit), actor_of(ctx, job.account, session)
    try:
        if actor is None:
            raise Unseen(job.id)
        place = issuable(ctx, actor, job.protocol, unit.code)
    except Unseen:  # whoever asked must be one who issues them still
        with ctx.directory.writing() as session:
            repository.settle_job(session, job.id, State.refused, at=ctx.now(), fault="not_allowed")
        return
    period = ReleasePeriod(job.year, job.quarter or 0)
    found = counts.counted(ctx, job.protocol, unit.id, Period(period.months(place.rules.begins)), whole=True)
    with ctx.directory.writing() as session:
        _issue(ctx, session, job, place, found, period)


def _issue(
    ctx: AppContext, session: Session, job: FigureJobRow, place: Place, found: Counts, period: ReleasePeriod
) -> None:
    units = [one for one in _tree(session, found) if catalogue.is_told(one.kind)]
    drawn = repository.drawn(session, job.protocol, [one.id for one in units], period)
    gone = repository.replaced(session, [issued.id for issued, _told in drawn])
    own = next((issued for issued, told in drawn if told.unit == job.unit and issued.id not in gone), None)
    is_due = own is None if not job.again else own is not None and own.unit == job.unit
    if not is_due or _edition(drawn, job.unit) > catalogue.EDITIONS:
        repository.settle_job(session, job.id, State.refused, at=ctx.now(), fault="as_before")
        return
    if not repository.settle_job(session, job.id, State.issued, at=ctx.now()):
        return  # it was stopped
    if own is not None:
        gone |= {own.id}
    standing = {told.unit: told.told for issued, told in drawn if issued.id not in gone}
    key, possible = repository.noise_key(session, ctx.vault, period.year), counts.possible(ctx, job.protocol)
    told = []
    for unit in units:
        edition = _edition(drawn, unit.id)
        if unit.id in standing:
            told.append(UnitRelease(unit.id, found.above[unit.id], standing[unit.id]))
        elif edition <= catalogue.EDITIONS:
            drawing = catalogue.Drawing(
                noise.edition_key(key, edition), job.protocol, unit.id, unit.kind, period, possible
            )
            told.append(UnitRelease(unit.id, found.above[unit.id], drawing.told(found) | {"drawn_in": job.id}))
    _write(ctx, session, job, place, found, period, told, own, _edition(drawn, job.unit))


def _write(
    ctx: AppContext, session: Session, job: FigureJobRow, place: Place, found: Counts, period: ReleasePeriod,
    told: Sequence[UnitRelease], own: FigureReleaseRow | None, drawing: int,
) -> None:  # fmt: skip
    now, version = ctx.now(), place.protocol.version
    last = repository.last_edition(session, job.protocol, job.unit, job.year)
    kept = repository.write_release(
        session, told, id=job.id, protocol=job.protocol, version=version, unit=job.unit, year=period.year,
        quarter=period.quarter, drawing=drawing, edition=last.edition + 1 if last else 1,
        definition=protocol_repository.definition(session, job.protocol, version).digest,
        months=list(found.period.months), counted_at=now, issued_at=now, actor=job.account, role=place.role,
        former=own.id if own else None, tables=tables_as_data(found.tables), sealed=b"",
    )  # fmt: skip
    if not kept:
        raise StorageBusy(f"figures {job.id}: their number was given meanwhile")
    issued = repository.release(session, job.id)
    note(session, Kind.figures_issued, issued, job.account, place.role, at=now)
    if own is not None and repository.set_public(session, own.id, is_public=False, actor=job.account, at=now):
        note(session, Kind.figures_withdrawn, own, job.account, place.role, at=now)
    if repository.drawn(session, job.protocol, [job.unit], ReleasePeriod(period.year)):
        repository.drop_noise_key(session, period.year)


def _edition(drawn: Iterable[tuple[FigureReleaseRow, UnitRelease]], unit: str) -> int:
    """Which drawing of that unit would be the next one."""
    return 1 + max((issued.drawing or 1 for issued, told in drawn if told.unit == unit), default=0)


def _tree(session: Session, found: Counts) -> Iterator[Unit]:
    """The unit and those below it, from the top."""
    ids = sorted({unit for unit in found.above if unit == unit_of(unit)})
    yield from sorted(auth_repository.find_units(session, ids).values(), key=lambda one: (len(one.parents), one.code))
