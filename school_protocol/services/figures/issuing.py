"""Figures issued: asked for once, worked out by a worker, told only as far as the gate lets them, and then for good.

What is counted first is kept, sealed, until it is issued: a worker may be killed anywhere, and the next one goes on
from the same counts. One release is worked on at a time, for each is looked at together with those before it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from school_protocol.domain.errors import BadInput, Refused, Unseen
from school_protocol.domain.figure_releases import ReleaseLine
from school_protocol.domain.policy import Actor
from school_protocol.services.figures import counting, seeing
from school_protocol.services.figures.seeing import Place
from school_protocol.services.house import House
from school_protocol.services.papers.apart import Broken, Hands
from school_protocol.storage import administration, directory
from school_protocol.storage.administration import Change, Kind
from school_protocol.storage.engines import Session
from school_protocol.storage.figures import jobs, releases
from school_protocol.storage.figures.jobs import Job, State
from school_protocol.storage.figures.releases import Issued
from school_protocol.storage.tables import new_id
from school_protocol.wording import ZONE

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
    job: Job | None
    """What was last asked for."""

    @property
    def refused(self) -> Job | None:
        """What was last asked for, where nothing came of it."""
        return self.job if self.job is not None and self.job.state is State.refused else None


def see_options(house: House, actor: Actor, protocol: str, code: str) -> Options:
    """For whoever issues the figures of that unit. Raises Unseen."""
    place = issuable(house, actor, protocol, code)
    lines = [one for one in seeing.releases_covering(house, place.unit, protocol) if one.unit.id == place.unit.id]
    latest = {one.year: one for one in lines if one.is_latest}
    with house.directory.reading() as session:
        job = jobs.latest(session, protocol, place.unit.id)
    return Options(place, tuple((year, latest.get(year)) for year in _years(house, place)), job)


def ask(house: House, actor: Actor, protocol: str, code: str, year: int, token: str) -> str:
    """Ask for the figures of a unit and of all below it; returns the job's id. Pressed twice, it is one.

    Raises Unseen, BadInput for a year that isn't offered, Running where that unit's are being worked out.
    """
    place = issuable(house, actor, protocol, code)
    if year not in _years(house, place):
        raise BadInput({"year": ("unknown_option",)})
    press = house.vault.chain("figures-press-v1", f"{actor.id}\0{token}".encode("utf-8", "surrogatepass")).hex()
    with house.directory.writing() as session:
        before = jobs.pressed(session, press)
        if before is not None:
            return before.id
        last = jobs.latest(session, protocol, place.unit.id)
        if last is not None and last.is_running:
            raise Running(last.id)
        job = new_id()
        releases.make_key(session, house.vault, job)
        jobs.add(
            session, job, protocol=protocol, unit=place.unit.id, year=year, account=actor.id, role=place.role,
            at=house.now(), press=press,
        )  # fmt: skip
    return job


def issuable(house: House, actor: Actor, protocol: str, code: str) -> Place:
    place = seeing.place_of(house, actor, protocol, code)
    if not place.may_issue:
        raise Unseen(code)
    return place


def _years(house: House, place: Place) -> tuple[int, ...]:
    """The school year that runs, and those before it of which something is counted."""
    begins = place.rules.begins
    running = _year_at(begins, house.now())
    counted = {
        int(month[:4]) - (int(month[5:]) < begins)
        for month in counting.months(house, place.protocol.protocol, place.unit.id)
    }
    return tuple(year for year in range(running, running - YEARS_BACK - 1, -1) if year == running or year in counted)


def _year_at(begins: int, moment: datetime) -> int:
    local = moment.astimezone(ZONE)
    return local.year - (local.month < begins)


# ---- how far it is -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobView:
    job: Job
    place: Place


def see_job(house: House, actor: Actor, job_id: str) -> JobView:
    """How far it is, for whoever issues the figures of that unit. Raises Unseen."""
    with house.directory.reading() as session:
        job = jobs.job(session, job_id)
        unit = directory.unit(session, job.unit)
    return JobView(job, issuable(house, actor, job.protocol, unit.code))


def stop(house: House, actor: Actor, job_id: str) -> bool:
    """Nothing is issued; False where it had come to its end before. Raises Unseen."""
    see_job(house, actor, job_id)
    with house.directory.writing() as session:
        return settle(house, session, job_id, State.stopped)


def set_public(house: House, actor: Actor, release_id: str, *, is_public: bool) -> bool:
    """Put a release on the page for everybody, or take it from there; False where it is so already. Raises Unseen."""
    with house.directory.reading() as session:
        issued = releases.release(session, release_id)
        unit = directory.unit(session, issued.unit)
    place = issuable(house, actor, issued.protocol, unit.code)
    with house.directory.writing() as session:
        if not releases.set_public(session, release_id, is_public=is_public, actor=actor.id, at=house.now()):
            return False
        kind = Kind.figures_published if is_public else Kind.figures_withdrawn
        note(session, kind, issued, actor.id, place.role, at=house.now())
    return True


def note(session: Session, kind: Kind, issued: Issued, actor: str, role: str, *, at: datetime) -> None:
    """One row of what was changed, about the post by which it was. Raises Unseen where there is none any more."""
    posts = administration.posts_of(session, actor, since=at.astimezone(ZONE).date())
    held = next((one for one in posts if (one.unit, one.role) == (issued.unit, role)), None)
    if held is None:
        raise Unseen(issued.id)
    administration.write(
        session,
        Change(
            at=at, actor=actor, kind=kind, unit=issued.unit, account=actor, role=role, appointment=held.id,
            reason="figures", sentence=f"{issued.year}-{issued.year + 1}, {issued.edition}", draft=issued.id,
        ),
    )  # fmt: skip


# ---- working -------------------------------------------------------------------------------------------------------


def go_on(house: House, hands: Hands) -> bool:
    """Work on what was asked for first, unless somebody is at it; returns whether there is more to do at once.

    Raises NotCounted in a realm that is not the real one.
    """
    counting.only_real(house)
    with house.directory.writing() as session:
        job = jobs.take_next(session, now=house.now())
        if job is not None and job.tries > TRIES:
            settle(house, session, job.id, State.refused, "broken")
            return True
    if job is None:
        return False
    try:
        hands.do(work, job.id, now=house.now())
    except Broken as broken:
        _log.warning("figures %s could not be worked out (%s)", job.id, broken)
        with house.directory.writing() as session:
            jobs.leave(session, job.id)
        return False
    return True


def work(house: House, job_id: str) -> None:
    """All steps that are left of one job, whose lease its caller took; each is kept as it ends."""
    from school_protocol.services.figures.working import Work  # loads the solver, once

    counting.only_real(house)
    Work(house, job_id).work()


def settle(house: House, session: Session, job_id: str, state: State, fault: str = "") -> bool:
    """Nothing was issued: what was counted can't be opened any more."""
    settled = jobs.settle(session, job_id, state, at=house.now(), fault=fault)
    if settled:
        releases.drop_key(session, job_id)
    return settled
