"""From a press to cases that have moved: the worker beside the site goes through them, and a message waits for none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from services.conftest import School
from services.test_moving_versions import HARMLESS, KEY, WHO
from versions import published

from school_protocol import jobs
from school_protocol.post import Post
from school_protocol.services.protocols import passages


def wait_for(what: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def begun(school: School) -> str:
    actor = school.person(WHO)
    look = passages.begin_look(school.house, actor, KEY, 1, 2)
    while passages.go_through(school.house):
        pass
    return passages.begin_move(school.house, actor, look, reason="Nouvelle version", accepts=(), token="t").passage


def moved(school: School, passage: str) -> int:
    return passages.see_passage(school.house, school.person(WHO), passage).number("moved")


@pytest.fixture
def cases(school: School) -> School:
    for _number in range(8):
        school.report()
    published(school.house, HARMLESS)
    return school


@pytest.mark.exhaustive
def test_the_worker_beside_the_site_moves_them_a_slice_at_a_time(
    cases: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passages, "SLICE", 3)
    passage = begun(cases)
    time.sleep(0.2)
    assert moved(cases, passage) == 0, "the control: without a worker nothing moves"
    with jobs.working(jobs.queue_of(cases.house, Post())):
        wait_for(lambda: moved(cases, passage) == 8)
    assert passages.see_passage(cases.house, cases.person(WHO), passage).passage.state.value == "done"


@pytest.mark.exhaustive(but=("three",))
@pytest.mark.parametrize("workers", [None, 2], ids=["three", "control"])
def test_a_message_waits_for_no_case(cases: School, monkeypatch: pytest.MonkeyPatch, workers: int | None) -> None:
    """While a proof and many cases keep two workers busy, a third one hears the ring."""
    at_it, go_on, swept = {"cases": threading.Event(), "proof": threading.Event()}, threading.Event(), threading.Event()

    def busy(name: str) -> bool:
        if not at_it[name].is_set():
            at_it[name].set()
            go_on.wait(60)
        return False

    monkeypatch.setattr(jobs, "go_through", lambda _house: busy("cases"))
    monkeypatch.setattr(jobs, "work_out", lambda _house: busy("proof"))
    monkeypatch.setattr(jobs, "sweep", lambda _house, _post: swept.set())
    if workers:
        consumer = jobs._consumer
        monkeypatch.setattr(jobs, "_consumer", lambda queue, **more: fewer(consumer(queue, **more), workers))
    queue = jobs.queue_of(cases.house, Post())
    with jobs.working(queue):
        try:
            queue.passages()
            queue.drafts()
            assert all(event.wait(20) for event in at_it.values())
            swept.clear()
            queue.now()
            assert swept.wait(3 if workers else 20) == (workers is None)
        finally:
            go_on.set()


def fewer(consumer: Any, workers: int) -> Any:
    """The same with so many workers."""
    del consumer.worker_threads[workers:]
    return consumer
