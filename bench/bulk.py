"""A thousand case files in one job: what the processes that make them hold, and how long a page takes beside them."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.copies import PROFILE, slow
from bench.measuring import children, megabytes
from bench.outcomes import Outcome, Skipped
from bench.prepared import MOVER
from bench.sizes import PASSWORD, SCHOOL, silent
from school_protocol.auth.sign_in_service import actor_named, begin_session
from school_protocol.case_files import bulk
from school_protocol.case_files.prepare_process import Crew, spare_cores
from school_protocol.cases import lists
from school_protocol.config import Settings
from school_protocol.context import AppContext, SystemClock, open_context
from school_protocol.engine.visibility import Actor
from school_protocol.ops import demo
from school_protocol.ops.fixture_copy import sample
from school_protocol.web import create_app

if TYPE_CHECKING:
    from bench.rows import Workshop

FILES = 1_000
WINDOW = 30
"""Files over which the most is taken that the processes hold: about the thirtieth, and the last ones."""
LOOKS = 0.25
BETWEEN = 2.0
"""Seconds between two samples of a page while files are made."""
LEAST = 0.5
"""Of the cases so many have a file that may be handed out: those by lot are at any point of their story."""


@dataclass(slots=True)
class Job:
    """What was seen of one job."""

    files: int
    hands: int
    made: int = 0
    seconds: float = 0.0
    held: list[tuple[int, float]] = field(default_factory=list)
    """How many were made by then, and what the processes held together, in MiB."""
    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    """Seconds of the 95th of a hundred pages."""

    def most(self, first: int, last: int) -> float:
        return max(held for done, held in self.held if first <= done <= last)


def memory(shop: Workshop) -> Outcome:
    """The most that the processes hold over the last files, against the same about the thirtieth."""
    job = done_job(shop)
    window = min(WINDOW, job.files // 3)
    late, early = job.most(job.files - window, job.files), job.most(window // 2, window + window // 2)
    cores, most = len(os.sched_getaffinity(0)), max(held for _done, held in job.held)
    notes = (
        f"{job.made} files of {job.files} cases by {job.hands} of {cores} cores, {job.seconds / job.made:.2f} s each; "
        f"at most {most:.0f} MiB"
    )
    return Outcome(late, early, late / early, (), notes)


def page(shop: Workshop) -> Outcome:
    """The 95th of a hundred case pages while the job runs, against the same while nothing does."""
    job = done_job(shop)
    ratios = tuple(beside / alone for beside in job.beside for alone in job.alone)
    beside, alone = sorted(job.beside)[len(job.beside) // 2], sorted(job.alone)[len(job.alone) // 2]
    return Outcome(beside * 1e3, alone * 1e3, beside / alone, (min(ratios), max(ratios)), f"{len(job.beside)} hundreds")


def done_job(shop: Workshop) -> Job:
    """The job, done when the first row asks for it; of the few cases at hand where a bench is only tried out."""
    if not Path("/proc/self/statm").exists():
        raise Skipped("what a process holds is read in /proc, which is not here")
    if shop.job is None:
        shop.job = _watched(shop.ctx.ctx, shop.ctx.player.actor(MOVER)) if shop.hurry else _done()
    return shop.job


def _done() -> Job:
    """One school of a demo, with so many cases under way."""
    with tempfile.TemporaryDirectory(prefix="school-protocol-bench-") as name:
        settings = Settings(data=Path(name))
        demo.prepare(settings, reset=False, password=PASSWORD, say=silent, told=False)
        with closing(open_context(settings, SystemClock())) as ctx:
            sample(ctx, FILES, seed=1, password=PASSWORD, progress=silent, places=1, under_way=1.0)
            actor = actor_named(ctx, f"{SCHOOL}-team-coordinator")
            assert actor is not None
            return _watched(ctx, actor)


def _watched(ctx: AppContext, actor: Actor) -> Job:
    offer = next(one for one in bulk.see_options(ctx, actor).offers if one.profile.key == PROFILE)
    wanted = bulk.begin_bundle(ctx, actor, bulk.Wish(offer=offer.key, language="fr"), "bench").job
    ask, others = _page_of(ctx, actor), set(children(os.getpid()))
    job = Job(bulk.see_job(ctx, actor, wanted).total, spare_cores())
    job.alone.append(slow(ask))
    with Crew(ctx.settings, job.hands) as crew:
        worker = threading.Thread(target=_made, args=(ctx, crew))
        began = time.perf_counter()
        worker.start()
        looking = threading.Thread(target=_looked, args=(ctx, actor, wanted, worker, job, others))
        looking.start()
        while worker.is_alive():
            job.beside.append(slow(ask))
            worker.join(BETWEEN)
        job.seconds = time.perf_counter() - began
        looking.join()
    job.alone.append(slow(ask))
    end = bulk.see_job(ctx, actor, wanted)
    if end.is_running or end.done < job.files * LEAST:
        raise RuntimeError(f"{end.done} of {job.files} files were made, {end.refused} refused")
    job.made = end.done
    return job


def _made(ctx: AppContext, crew: Crew) -> None:
    """What the worker does when it is rung, for as long as something is left."""
    while bulk.go_on(ctx, crew):
        pass


def _looked(ctx: AppContext, actor: Actor, wanted: str, worker: threading.Thread, job: Job, others: set[str]) -> None:
    while worker.is_alive():
        state = bulk.see_job(ctx, actor, wanted)
        held = sum(megabytes(one) for one in children(os.getpid()) if one not in others)
        job.held.append((state.done + state.refused, held))
        time.sleep(LOOKS)


def _page_of(ctx: AppContext, actor: Actor) -> Callable[[], bytes]:
    """What asks for the page of one of the cases."""
    app = create_app(ctx)
    with ctx.directory.writing() as session:
        token = begin_session(session, ctx, actor.id, factor_proven=True)
    client = app.test_client()
    client.set_cookie("session", token)
    number = lists.see_desk(ctx, actor, filter="open").lines[0].number

    def ask() -> bytes:
        answer = client.get(f"/cases/{number}")
        if answer.status_code != 200:
            raise RuntimeError(f"the page answered {answer.status_code}")
        data: bytes = answer.data
        return data

    return ask
