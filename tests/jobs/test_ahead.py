"""Case files made by workers: in processes of their own, and each case exactly once though workers are killed."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from services.conftest import School
from services.test_ahead import issued, kept, moved
from services.test_bulk import WISH, issuings
from sqlalchemy import func, select

from school_protocol.case_files import bulk, prepare_process, prepared, printing
from school_protocol.case_files.models import BulkCaseRow
from school_protocol.case_files.prepare_process import Broken, Crew
from school_protocol.case_files.repository import Wanted
from school_protocol.context import AppContext
from school_protocol.mail import Post
from school_protocol.ops.worker import _alone, queue_of, working
from school_protocol.pdf import rendering

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


def wait_for(what: Callable[[], Any], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


# ---- processes -----------------------------------------------------------------------------------------------------


def where(ctx: AppContext) -> tuple[int, int, str]:
    return os.getpid(), os.nice(0), ctx.now().isoformat()


def dies(_ctx: AppContext) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleeps(_ctx: AppContext) -> None:
    time.sleep(60)


def fails(_ctx: AppContext) -> None:
    raise ZeroDivisionError("secret words")


@pytest.fixture
def crew(school: School, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crew]:
    """One process, which finds the work of this file."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    with Crew(school.ctx.settings, 1) as found:
        yield found


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.exhaustive
def test_work_is_done_elsewhere_more_politely_at_the_moment_that_is_told(school: School, crew: Crew) -> None:
    now = school.ctx.now() + timedelta(days=3)
    number, nice, moment = crew.do(where, now=now)
    assert number != os.getpid()
    assert nice == min(os.nice(0) + prepare_process.NICE, 19), "there is no more than 19"
    assert moment == now.isoformat()
    assert crew.do(where, now=now)[0] == number, "it is kept"
    crew.close()
    assert not is_running(number)
    assert crew.do(where, now=now)[0] != number


@pytest.mark.exhaustive
def test_one_that_dies_takes_too_long_or_fails_is_said_and_another_takes_its_place(
    school: School, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = school.ctx.now()
    first = crew.do(where, now=now)[0]
    with pytest.raises(Broken, match=r"^ZeroDivisionError$"):
        crew.do(fails, now=now)
    with pytest.raises(Broken, match="ended"):
        crew.do(dies, now=now)
    second = crew.do(where, now=now)[0]
    process = crew._free.get()
    assert process is not None
    monkeypatch.setattr(process, "_seconds", 0.5)
    crew._free.put(process)
    with pytest.raises(Broken, match="too long"):
        crew.do(sleeps, now=now)
    third = crew.do(where, now=now)[0]
    assert len({first, second, third}) == 3
    assert not is_running(second), "nothing is left of the one that took too long"


@pytest.mark.exhaustive
def test_a_process_is_renewed_before_it_grows(school: School, crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    now = school.ctx.now()
    monkeypatch.setattr(prepare_process, "PIECES", 2)
    numbers = [crew.do(where, now=now)[0] for _piece in range(4)]
    assert numbers[0] == numbers[1] != numbers[2] == numbers[3]
    monkeypatch.setattr(prepare_process, "MEMORY", 1)
    assert crew.do(where, now=now)[0] != crew.do(where, now=now)[0]


# ---- the worker beside the site ------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_worker_makes_ahead_what_was_asked_for_in_a_process_of_its_own(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    school.report()
    issued(school)
    moved(school)
    here: list[str] = []
    monkeypatch.setattr(printing, "case_file", lambda *_any: here.append("typeset where pages are served"))
    queue = queue_of(school.ctx, Post())
    with working(queue):
        queue.papers()
        wait_for(lambda: prepared.ready(school.ctx, school.person("head"), school.number))
    assert issued(school).startswith(b"%PDF")
    assert here == []


@pytest.mark.exhaustive
def test_a_ring_makes_the_copies_of_many_cases(school: School) -> None:
    for _case in range(3):
        school.report()
    head = school.person("head")
    job = bulk.begin_bundle(school.ctx, head, WISH, "t").job
    queue = queue_of(school.ctx, Post())
    with working(queue):
        queue.ring()
        wait_for(lambda: not bulk.see_job(school.ctx, head, job).is_running)
    assert bulk.see_job(school.ctx, head, job).done == 3
    assert list(issuings(school).values()) == [1, 1, 1]


def test_one_worker_of_a_process_is_at_it_at_a_time(school: School) -> None:
    at_it, go_on, calls, rung = threading.Event(), threading.Event(), list[int](), list[int]()

    def work() -> bool:
        calls.append(1)
        at_it.set()
        return go_on.wait(20)

    once = _alone(school.ctx, "papers", work, lambda: rung.append(1))
    thread = threading.Thread(target=once)
    thread.start()
    assert at_it.wait(20)
    once()
    assert (len(calls), rung) == (1, [])
    go_on.set()
    thread.join(20)
    assert rung == [1]


# ---- killed --------------------------------------------------------------------------------------------------------

_WORKER = """
import pickle, sys
from dataclasses import replace
from datetime import datetime, timedelta
from school_protocol.context import open_context
from school_protocol.case_files import bulk, prepared as ahead
from school_protocol.case_files.prepare_process import Crew
settings, now, what = pickle.loads(bytes.fromhex(sys.argv[1]))

class Standing:
    def now(self):
        return now

ctx = open_context(settings, Standing())
with Crew(settings, 1) as crew:
    print("ready", flush=True)
    if what == "bulk":
        while bulk.go_on(ctx, crew, 3600.0):
            pass
    else:
        while ahead.go_through(ctx, lambda one: crew.do(ahead.make_ahead, one, now=now)):
            pass
"""


def worker(ctx: AppContext, what: str) -> subprocess.Popen[str]:
    told = pickle.dumps((ctx.settings, ctx.now(), what)).hex()
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_WORKER), told], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def done(school: School) -> int:
    with school.ctx.realm.reading() as session:
        query = select(func.count()).select_from(BulkCaseRow).where(BulkCaseRow.state == "done")
        return session.scalar(query) or 0


def killed_once(process: subprocess.Popen[str], so_far: Callable[[], bool]) -> None:
    wait_for(so_far)
    process.kill()
    process.wait()


@pytest.mark.exhaustive
def test_a_worker_killed_in_the_middle_of_many_leaves_each_case_exactly_one_copy(school: School) -> None:
    for _case in range(6):
        school.report()
    head = school.person("head")
    job = bulk.begin_bundle(school.ctx, head, WISH, "t").job
    for number in (1, 3):
        killed_once(worker(school.ctx, "bulk"), lambda number=number: done(school) >= number)  # type: ignore[misc]
        found = bulk.see_job(school.ctx, head, job)
        assert found.is_running
        assert 0 < found.waiting < 6, "the control: it was killed in the middle"
        school.wait(minutes=5)
    assert worker(school.ctx, "bulk").wait(120) == 0
    found = bulk.see_job(school.ctx, head, job)
    assert (found.done, found.refused, found.is_running) == (6, 0, False)
    assert list(issuings(school).values()) == [1] * 6


@pytest.mark.exhaustive
def test_a_worker_killed_while_it_makes_ahead_is_made_up_for(school: School) -> None:
    numbers = []
    for _case in range(3):
        school.report()
        issued(school)
        numbers.append(school.number)
    for school.number in numbers:
        moved(school)
    school.wait(days=1)
    ready = lambda: sum(  # noqa: E731
        bool(prepared.ready(school.ctx, school.person("head"), number)) for number in numbers
    )
    assert ready() == 0
    killed_once(worker(school.ctx, "ahead"), lambda: ready() >= 1)
    assert ready() < 3, "the control: it was killed in the middle"
    school.wait(minutes=6)
    assert worker(school.ctx, "ahead").wait(120) == 0
    assert ready() == 3
    assert kept(school) == 3, "one of each"


# ---- many moves at once --------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_forty_looks_at_once_are_taken_a_slice_at_a_time(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    school.report()
    settings = replace(school.ctx.settings, quiet=timedelta(0))
    ctx = replace(school.ctx, settings=settings)
    one = Wanted("case", "account", "d", "p", "fr", 1)
    monkeypatch.setattr(prepared.repository, "wanted", lambda *_any, **_more: [one] * prepared.SLICE)
    monkeypatch.setattr(prepared.repository, "begin_look", lambda *_any: True)
    monkeypatch.setattr(prepared.repository, "end_look", lambda *_any, **_more: None)
    look = prepared.Look(prepared.Outcome.made, ctx.now())
    assert prepared.go_through(ctx, lambda _one: look) is True
    monkeypatch.setattr(prepared.repository, "begin_look", lambda *_any: False)
    assert prepared.go_through(ctx, lambda _one: look) is False, "others are at them"
