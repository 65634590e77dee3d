"""The time limits are looked at once an hour, files each night, by the worker that does all else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from services.conftest import School
from services.retaining import Keeping

from jobs.test_nightly import MIDNIGHT, ring
from school_protocol.mail import Post
from school_protocol.ops import worker

TASK = "keep_limits"


def test_once_an_hour(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    monkeypatch.setattr(worker, "keep_limits", done.append)
    queue = worker.queue_of(school.ctx, Post())
    for minute in range(180):
        ring(queue, MIDNIGHT + timedelta(minutes=minute), TASK)
    assert len(done) == 3


def test_files_are_asked_after_every_ten_minutes(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    monkeypatch.setattr(worker, "sweep_on", done.append)
    queue = worker.queue_of(school.ctx, Post())
    for minute in range(60):
        ring(queue, MIDNIGHT + timedelta(minutes=minute), "sweep_files")
    assert len(done) == 6


def test_there_are_as_many_workers_as_tasks_that_ring(school: School) -> None:
    queue = worker.queue_of(school.ctx, Post())
    assert len(queue._registry.periodic_tasks) == worker.WORKERS


def test_a_ring_writes_down_where_cases_stand(school: School) -> None:
    keeping = Keeping(school)
    keeping.ended("no_further_action")
    assert keeping.standing() is None
    assert ring(worker.queue_of(school.ctx, Post()), MIDNIGHT + timedelta(minutes=7), TASK) == 1
    assert keeping.standing() is not None
